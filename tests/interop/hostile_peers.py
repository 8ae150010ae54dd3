#!/usr/bin/python3
"""The faults of tests/hostile, told to rpcclient, to Impacket and to netsession.

    hostile_peers.py [--bin build]               a few of them, against PEERS.md
    hostile_peers.py [--bin build] --write       all of them, and writes PEERS.md
    hostile_peers.py [--bin build] --show NUMBER ...

Needs rpcclient and python3-impacket, and no root.  Where PEERS.md is of other
versions of these than are here, only netsession's outcomes are compared.
"""
import argparse
import concurrent.futures
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading

from peers import Failure

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
DOCUMENT = os.path.join(TOP, 'PEERS.md')
LIMIT = 30              # seconds for a client
PATIENCE = 10           # its own, where it has one
MEMORY = 2 << 30        # bytes of address space
NOTED = 64 << 10        # KiB from which on a peak is told
WORKERS = 8
ROWS = 3                # of an honest answer

# Told in each `make interop`: none takes anybody long.
SHORT = ('24', '33b', '44', '60', '70', '70d', '85e', '93', '106b', '107', '112', '121b')

FIELDS = ('section', 'number', 'session', 'steps', 'kind', 'dialect', 'want', 'who', 'name',
          'sent')
LEAVING = {'CLOSE', 'TREE_DISCONNECT', 'LOGOFF'}
PEERS = ('rpcclient', 'Impacket', 'netsession')
CLASSES = ('error', 'exception', 'crash', 'waits', 'accepts', 'says nothing', 'not met')


# ---- Impacket, in a process of its own ---------------------------------------------------

def impacket_connection(port, dialect, session):
    """Impacket 0.10 forgets to go on from the connection's hash at 3.1.1 ([MS-SMB2]
    3.2.4.2.3), and encrypts there only if it is told to: without the three lines of
    state it cannot talk 3.1.1 to any server."""
    from impacket.smbconnection import SMBConnection
    connection = SMBConnection('127.0.0.1', '127.0.0.1', sess_port=port, timeout=PATIENCE,
                               preferredDialect=dialect)
    state = connection.getSMBServer()
    if state._Connection['Dialect'] == 0x0311:
        state._Session['PreauthIntegrityHashValue'] = state._Connection[
            'PreauthIntegrityHashValue']
        state._Connection['SupportsEncryption'] = session == 'sealed'
    user = ('', '') if session == 'anonymous' else ('admin', 'secret')
    connection.login(*user)
    return connection


def impacket_talk(port, dialect, session):
    from impacket.dcerpc.v5 import srvs, transport
    from impacket.dcerpc.v5.dtypes import NULL
    connection = impacket_connection(port, dialect, session)
    pipe = transport.SMBTransport('127.0.0.1', filename=r'\srvsvc', smb_connection=connection)
    dce = pipe.get_dce_rpc()
    dce.connect()
    dce.bind(srvs.MSRPC_UUID_SRVS)
    answer = srvs.hNetrSessionEnum(dce, NULL, NULL, 10)
    rows = answer['InfoStruct']['SessionInfo']['Level10']['Buffer']
    for row in rows:
        repr((row['sesi10_cname'], row['sesi10_username'], row['sesi10_time']))
    print('accepts %d' % len(rows), flush=True)
    dce.disconnect()
    connection.logoff()


def impacket_main(port, dialect, session):
    """Its own errors, and those of its socket, are errors; what else Python raises in
    it is an exception."""
    try:
        impacket_talk(int(port), int(dialect, 16), session)
    except Exception as error:
        kind = type(error)
        own = kind.__module__.startswith('impacket')
        error_of_its = own or kind is Exception or isinstance(error, OSError)
        module = '' if own or kind.__module__ == 'builtins' else kind.__module__ + '.'
        said = str(error) if own else ' '.join(str(part) for part in error.args)
        print('%s %s%s: %s' % ('error' if error_of_its else 'exception', module, kind.__name__,
                               ' '.join(said.split())), flush=True)
        os._exit(1)


# ---- The commands ------------------------------------------------------------------------

# What the client of tests/hostile is set to for some faults, where a command has it.
SETTINGS = {
    '47': {'rpcclient': ['--client-protection=encrypt'], 'netsession': ['--encrypt']},
    '48': {'rpcclient': ['--option=client smb3 signing algorithms=AES-128-CMAC'],
           'netsession': ['--signing', 'AES-CMAC']}}
NOBODY = ('78b', '78c', '78d')
DIALECTS = {'0202': ('2.0.2', 'SMB2_02'), '0210': ('2.1', 'SMB2_10'), '0300': ('3.0', 'SMB3_00'),
            '0302': ('3.0.2', 'SMB3_02'), '0311': ('3.1.1', 'SMB3_11')}


def rpcclient(fault, port, _):
    cipher = 'AES-128-GCM' if fault['dialect'] == '0311' else 'AES-128-CCM'
    user = ['-U%'] if fault['number'] in NOBODY else ['-Uadmin%secret']
    protection = 'encrypt' if fault['session'] == 'sealed' else 'sign'
    if fault['number'] in NOBODY:
        protection = 'off'
    return ['rpcclient', '-p', str(port), '127.0.0.1', *user, '--use-kerberos=off',
            '--configfile=/dev/null', '--client-protection=' + protection,
            '--option=client max protocol=' + DIALECTS[fault['dialect']][1],
            '--option=client ipc max protocol=' + DIALECTS[fault['dialect']][1],
            '--option=client smb3 encryption algorithms=' + cipher,
            *SETTINGS.get(fault['number'], {}).get('rpcclient', []),
            # rpcclient halves the backslashes, and drops empty arguments
            '-c', r'timeout %d;netsessenum \\\\127.0.0.1 admin 10' % (1000 * PATIENCE)]


def impacket(fault, port, _):
    session = 'anonymous' if fault['number'] in NOBODY else fault['session']
    dialect = '0300' if fault['dialect'] == '0302' else fault['dialect']  # which it lacks
    return ['/usr/bin/python3', os.path.abspath(__file__), '--impacket', str(port), dialect,
            session]


def netsession(fault, port, build):
    cipher = 'AES-128-GCM' if fault['dialect'] == '0311' else 'AES-128-CCM'
    user = ['--anonymous'] if fault['number'] in NOBODY else ['-U', 'admin']
    return [os.path.join(build, 'netsession'), '--json', '--level', '10', '--use-kerberos=off',
            '--timeout', str(PATIENCE), '--max-dialect', DIALECTS[fault['dialect']][0],
            '--cipher', cipher, *user, *SETTINGS.get(fault['number'], {}).get('netsession', []),
            '-p', str(port), '127.0.0.1']


COMMANDS = {'rpcclient': rpcclient, 'Impacket': impacket, 'netsession': netsession}


# ---- What they say -----------------------------------------------------------------------

def rows(count):
    return '%s row%s' % (count, '' if int(count) == 1 else 's')


def rpcclient_said(text):
    panic = re.search(r'^INTERNAL ERROR: (.*?) in pid', text, re.MULTILINE)
    if panic:
        return 'crash', panic.group(1)
    received = re.search(r'Received (\d+) entries', text)
    if received:
        return 'accepts', rows(received.group(1))
    lines = [line for line in text.splitlines()
             if line.strip() and not line.startswith(('timeout is', 'trying level', '['))]
    if not lines:
        return 'says nothing', ''
    status = re.search(r'\b(NT_STATUS|WERR|DOS)_?[A-Z0-9_]+', ' '.join(lines[-1:] + lines))
    return 'error', status.group(0) if status else lines[0]


def impacket_said(text):
    accepts = re.search(r'^accepts (\d+)$', text, re.MULTILINE)
    if accepts:
        return 'accepts', rows(accepts.group(1))
    told = re.search(r'^(error|exception) (.*)$', text, re.MULTILINE)
    if told:
        return told.group(1), re.sub(r'\(.*|SMB SessionError: |SRVS SessionError: ', '',
                                     told.group(2)).rstrip(' :')
    # What could not even be caught, as when there is no memory to print it.
    lines = text.strip().splitlines()
    return ('exception', lines[-1]) if lines else ('says nothing', '')


def netsession_said(text):
    start = text.find('{')
    try:
        answer = json.JSONDecoder().raw_decode(text[start:])[0]
    except ValueError:
        return 'error', (text.strip().splitlines() or [''])[0]
    if 'error' in answer:
        error = answer['error']
        return 'error', '%s %s' % (error['code'].replace('NETSESSION_', ''), error['layer'])
    return 'accepts', rows(len(answer['sessions']))


SAID = {'rpcclient': rpcclient_said, 'Impacket': impacket_said, 'netsession': netsession_said}


# ---- One run -----------------------------------------------------------------------------

class Server:
    """tests/hostile_server with one fault, while the context lasts."""

    def __init__(self, build, fault, step):
        self.process = subprocess.Popen(
            [os.path.join(build, 'tests', 'hostile_server'), fault['number'], fault['session'],
             str(step)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.port = None
        self.talks = []

    def __enter__(self):
        line = self.process.stdout.readline().split()
        if line[:1] != ['ready']:
            raise Failure('hostile_server does not start: %s' % self.process.communicate()[1])
        self.port = int(line[1])
        return self

    def __exit__(self, kind, *_):
        out, err = self.process.communicate(timeout=60)
        if self.process.returncode != 0 and kind is None:
            raise Failure('%s: %d %s' % (' '.join(self.process.args), self.process.returncode,
                                         err.strip()))
        self.talks = [json.loads(line) for line in out.splitlines()]


def run_client(arguments):
    """Exit status (None: it had to be stopped), what it said, its peak in KiB."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            ['prlimit', '--as=%d' % MEMORY, '--core=0', '--fsize=%d' % (16 << 20), *arguments],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            env={'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', 'PASSWD': 'secret'})
        over = threading.Event()
        timer = threading.Timer(LIMIT, lambda: (over.set(), os.kill(process.pid, signal.SIGKILL)))
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read(1 << 20).decode('utf-8', 'replace')
    stopped = over.is_set() and process.returncode == -signal.SIGKILL
    return None if stopped else process.returncode, text, usage.ru_maxrss


def outcome(peer, status, text):
    """Class and words."""
    if status is None:
        return 'waits', 'still there after %d s' % LIMIT
    if status < 0:
        return 'crash', signal.Signals(-status).name
    return SAID[peer](text)


def words(text):
    """Of an error: fit for a cell, and the same in each run."""
    text = re.sub(r' When unpacking.*', '', re.sub(r'0x[0-9a-f]{9,}', '0x...', text))
    return ' '.join(text.replace('|', '/').replace('`', "'").split())[:80].strip()


def after_the_lie(talks):
    """What else is worth a word: requests that are not those of leaving, and what went
    out unprotected."""
    more = []
    asked = [command for talk in talks for command in talk['since'] if command not in LEAVING]
    if asked:
        count = sum(talk['requests'] for talk in talks)
        more.append('goes on: %s%s' % (', '.join(dict.fromkeys(asked)),
                                       ', many' if count > 12 else ''))
    if any(talk['revealed'] for talk in talks):
        more.append('sends something unprotected')
    return more


def run_one(build, fault, step, peer):
    """Class, and what the cell says."""
    with Server(build, fault, step) as server:
        status, text, peak = run_client(COMMANDS[peer](fault, server.port, build))
    kind, said = outcome(peer, status, text)
    if not any(talk['told'] for talk in server.talks):
        return 'not met', '', (kind, said)
    cell = ': '.join(part for part in (kind, words(said)) if part)
    more = [] if kind == 'accepts' else after_the_lie(server.talks)
    if any(talk['revealed'] for talk in server.talks) and kind == 'accepts':
        more.append('sends something unprotected')
    if peak > NOTED:
        more.append('%d MiB' % (peak >> 10))
    return kind, '; '.join([cell] + more), (kind, said)


# ---- All runs ----------------------------------------------------------------------------

def faults_of(build):
    lines = subprocess.run([os.path.join(build, 'tests', 'hostile_server'), '--list'],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    faults = [dict(zip(FIELDS, line.split('\t'))) for line in lines]
    return [fault for fault in faults if fault['who'] == 'all']


def steps_of(fault):
    """All of a few, else the first, the one in the middle and the last."""
    count = int(fault['steps'])
    return list(range(count)) if count <= 5 else [0, count // 2, count - 1]


def honest(dialect, session):
    return {'number': '0', 'session': session, 'dialect': dialect, 'steps': '1'}


def check_controls(build, faults):
    """Without a lie everybody gets the rows, in each dialect and kind of session."""
    for dialect, session in sorted({(fault['dialect'], fault['session']) for fault in faults}):
        for peer in PEERS:
            kind, cell, seen = run_one(build, honest(dialect, session), 0, peer)
            if (kind, cell.split(';')[0]) != ('accepts', 'accepts: %d rows' % ROWS) or \
                    'unprotected' in cell:
                raise Failure('%s without a lie, %s, %s: %s %s' % (peer, dialect, session, cell,
                                                                  seen))


def run_all(build, faults):
    """{(number, session, peer): [(class, cell), ...]}, a pair for each step."""
    jobs = [(fault, step, peer) for fault in faults for step in steps_of(fault)
            for peer in PEERS]
    results = {}
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        runs = pool.map(lambda job: run_one(build, *job), jobs)
        for (fault, _, peer), (kind, cell, _) in zip(jobs, runs):
            results.setdefault((fault['number'], fault['session'], peer), []).append((kind, cell))
    return results


# ---- The document ------------------------------------------------------------------------

HEAD = """\
# The same faults, told to other clients

Written by `make peers` (`tests/interop/hostile_peers.py --write`); a part of it is run again
and compared by `make interop`.  The server of [`FAULTS.md`](FAULTS.md) told each of its faults
over TCP to %(rpcclient)s, to %(Impacket)s, and to `netsession`:

- `rpcclient -c 'timeout 10000;netsessenum ...'`, level 10, with `--client-protection=sign`
  for a signed session and `encrypt` for a sealed one;
- Impacket: `SMBConnection` with the fault's dialect (3.0 for 3.0.2, which it lacks),
  `hNetrSessionEnum` at level 10 over ncacn_np.  At SMB 3.1.1 this version computes wrong keys
  (it does not begin the session's hash with the connection's); the script sets that hash
  right, and tells it to encrypt sealed sessions, and changes nothing else;
- `netsession --level 10`, with the options that are the nearest to FAULTS.md's client.  It
  connects to the tree, opens and binds in one compound, where the client of FAULTS.md asks one
  after the other unless the fault is about compounds.

Each client has 10 s for an answer where it has such a setting, is stopped after %(limit)d s, and
may have 2 GiB of address space.  Before the faults each must get its %(rows)d rows from the
server without a lie, in each dialect and kind of session that follows.

This says what was seen with these versions, not what is right: a client may accept much that
another refuses without harm to anybody.  Where the fault is *legal* there is nothing to refuse;
where it is *any* bit, of a message that the server then signs or encrypts, there may be nothing
to notice, and it is not counted.  What is told at the goodbye comes after the rows.

- **accepts**: it shows a list, of so many rows.
- **error**: it ends with an error; its status, or the class and the first words.
- **exception**: Python's own, raised inside the library, none of the library's.
- **crash**: it ends by a signal, or says that it had one.
- **waits**: it was still there after %(limit)d s.
- **not met**: its conversation has no such step, or nothing in it that could be changed so; the
  server says whether what it sent differed from the truth.
- *goes on*: after the lie it asked for this, other than to leave.  *sends something
  unprotected*: unsigned or unencrypted, once signing or encryption was agreed.  A size: the
  most memory resident, from 64 MiB on.

Of faults with many cases (each bit, each byte) the first, the one in the middle and the last
were told, counted in FAULTS.md's conversation: a client whose own is shorter has its rows before
the last byte.  Of faults with up to five cases all were told.  *(2 of 3)*: that many of them;
where only the words of an error differ, the first are here.

"""

TABLE = '| | Fault | What is sent | Session | rpcclient | Impacket | netsession |\n' \
        '|---|---|---|---|---|---|---|\n'


def versions():
    samba = subprocess.run(['rpcclient', '--version'], capture_output=True, text=True,
                           check=True).stdout.split()[1]
    library = subprocess.run(
        ['/usr/bin/python3', '-c', 'from importlib.metadata import version; '
         'print(version("impacket"))'], capture_output=True, text=True, check=True).stdout
    return {'rpcclient': 'rpcclient %s' % samba, 'Impacket': 'Impacket %s' % library.strip()}


def kind_of(cell):
    """What is one to a cell: an exception's class, whatever its words are."""
    named = re.match(r'(error|exception): [A-Za-z_.]+: ', cell)
    beside = re.search(r'; (goes on|sends|\d+ MiB).*$', cell)
    return named.group(0) + (beside.group(0) if beside else '') if named else cell


def cell_of(runs):
    """Of all steps of a fault; of those that came to the same the first."""
    kinds = {}
    for kind, cell in runs:
        kinds.setdefault(kind_of(cell or kind), []).append(cell or kind)
    if len(kinds) == 1:
        return next(iter(kinds.values()))[0]
    return '<br>'.join('%s (%d of %d)' % (cells[0], len(cells), len(runs))
                       for cells in kinds.values())


def mark(fault):
    return {'page': ' *(legal)*', 'any': ' *(any)*'}.get(fault['want'], '')


def rows_of(faults, results):
    """One row where both sessions came to the same."""
    cells = {}
    for fault in faults:
        key = fault['number'], fault['name'], fault['sent'] + mark(fault)
        cells.setdefault(key, []).append((fault['session'], [
            cell_of(results[fault['number'], fault['session'], peer]) for peer in PEERS]))
    for key, sessions in cells.items():
        if len(sessions) == 2 and sessions[0][1] == sessions[1][1]:
            sessions = [('both', sessions[0][1])]
        for session, columns in sessions:
            yield '| %s |\n' % ' | '.join([*key, session, *columns])


def summary(faults, results):
    """How many cases came to what: of faults to be refused, and of legal ones."""
    seen = {kind for runs in results.values() for kind, _ in runs}
    columns = [name for name in CLASSES if name in seen]
    for want, title in (('error', 'Cases that netsession refuses by design'),
                        ('page', 'Cases that are legal')):
        chosen = [fault for fault in faults if fault['want'] == want]
        yield '| %s | %s |\n|---%s|\n' % (title, ' | '.join(columns), '|---' * len(columns))
        for peer in PEERS:
            kinds = [kind for fault in chosen
                     for kind, _ in results[fault['number'], fault['session'], peer]]
            yield '| %s | %s |\n' % (peer, ' | '.join(
                str(kinds.count(name)) for name in columns))
        yield '\n'


def document(faults, results):
    head = HEAD % {**versions(), 'limit': LIMIT, 'rows': ROWS}
    yield head
    yield from summary(faults, results)
    for title in dict.fromkeys(fault['section'] for fault in faults):
        yield '## %s\n\n%s' % (title, TABLE)
        yield from rows_of([fault for fault in faults if fault['section'] == title], results)
        yield '\n'


def write(build):
    faults = faults_of(build)
    check_controls(build, faults)
    results = run_all(build, faults)
    text = ''.join(document(faults, results)).rstrip('\n') + '\n'
    with open(DOCUMENT, 'w', encoding='utf-8') as file:
        file.write(text)


# ---- The comparison ----------------------------------------------------------------------

def classes_in(cell):
    """Of a cell: {(class, how many of how many)}; the words may differ."""
    found = []
    for part in cell.split('<br>'):
        kind = next(name for name in CLASSES if part.startswith(name))
        times = re.search(r'\((\d+) of \d+\)$', part)
        found.append((kind, int(times.group(1)) if times else 0))
    kinds = {}
    for kind, times in found:
        kinds[kind] = kinds.get(kind, 0) + times
    return kinds if len(kinds) > 1 else set(kinds)


def documented():
    """{(number, session, peer): cell}, and the head."""
    cells = {}
    with open(DOCUMENT, encoding='utf-8') as file:
        text = file.read()
    for line in text.splitlines():
        columns = line.strip('|').split(' | ')
        if len(columns) != 7 or not columns[0].strip()[:1].isdigit():
            continue
        columns = [column.strip() for column in columns]
        for session in ('signed', 'sealed') if columns[3] == 'both' else (columns[3],):
            for peer, cell in zip(PEERS, columns[4:]):
                cells[columns[0], session, peer] = cell
    return cells, text


def differences(faults, results):
    cells, text = documented()
    here = versions()
    for (number, session, peer), runs in results.items():
        if here.get(peer, '') not in text:
            continue
        want, have = cells.get((number, session, peer), 'not met'), cell_of(runs)
        if classes_in(want) != classes_in(have):
            yield '%s, %s, %s: %s; PEERS.md has: %s' % (number, session, peer, have, want)


def compare(build):
    faults = [fault for fault in faults_of(build) if fault['number'] in SHORT]
    check_controls(build, faults)
    results = run_all(build, faults)
    wrong = list(differences(faults, results))
    for line in wrong:
        print('FAIL', line)
    print('hostile_peers: %d outcomes, %d differ' % (len(results), len(wrong)))
    return 1 if wrong else 0


def show(build, numbers):
    faults = [fault for fault in faults_of(build) if fault['number'] in numbers]
    for key, runs in run_all(build, faults).items():
        print(*key, cell_of(runs), sep=' | ')


def main():
    if sys.argv[1:2] == ['--impacket']:
        impacket_main(*sys.argv[2:])
        return 0
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--bin', default='build')
    parser.add_argument('--write', action='store_true')
    parser.add_argument('--show', nargs='+', metavar='NUMBER')
    options = parser.parse_args()
    build = os.path.abspath(options.bin)
    try:
        if options.write:
            write(build)
        elif options.show:
            show(build, options.show)
        else:
            return compare(build)
    except Failure as failure:
        print('hostile_peers.py: %s' % failure, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
