#!/usr/bin/python3
"""The command and the library against real servers.

    run.py [--bin build/netsession] [--only NAME] [--list]

--only takes a case or a group ("samba.err"), and may be repeated.  Prints "ok
NAME" or "FAIL NAME: why" for each case and last "N passed, N failed"; the exit
status is 1 when a case failed.

Needs root (the Samba server has namespaces of its own) and what the scripts in
tests/peers name, and tcpdump and tshark.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import traceback

from peers import Command, Failure, Host, ImpacketServer, SambaDc, wait_for

CTYPES = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'netsessionenum_ctypes.py')

# Our name of a thing: Samba's in smb.conf.
DIALECTS = {'2.0.2': 'SMB2_02', '2.1': 'SMB2_10', '3.0': 'SMB3_00', '3.0.2': 'SMB3_02',
            '3.1.1': 'SMB3_11'}
SIGNINGS = {'HMAC-SHA256': 'HMAC-SHA256', 'AES-CMAC': 'AES-128-CMAC', 'AES-GMAC': 'AES-128-GMAC'}
CIPHERS = ('AES-128-CCM', 'AES-128-GCM', 'AES-256-CCM', 'AES-256-GCM')

LEVEL_FIELDS = {
    0: ('client',),
    1: ('client', 'user', 'opens', 'time', 'idle', 'flags'),
    2: ('client', 'user', 'opens', 'time', 'idle', 'flags', 'client_type'),
    10: ('client', 'user', 'time', 'idle'),
    502: ('client', 'user', 'opens', 'time', 'idle', 'flags', 'client_type', 'transport')}

ERROR_BAD_NETPATH = 53
MAX_EXCHANGES = 5  # negotiate, two of the logon, tree and pipe and bind, the call


class Lab:
    """What the cases share: the command, and one domain controller for all."""

    def __init__(self, binary):
        self.command = Command(binary)
        self.build = os.path.dirname(os.path.abspath(binary))
        self.host = Host()
        self.started = None

    @property
    def dc(self):
        if self.started is None:
            dc = SambaDc()
            dc.start()
            self.started = dc
        return self.started

    def stop(self):
        if self.started is not None:
            self.started.stop()

    # The command against the domain controller, as one of its users.
    def ask(self, method, *options, user='Administrator', password=None, target=None, **kwargs):
        return method(self.dc, target or self.dc.host, '--use-kerberos=off', *options, user=user,
                      password=password or self.dc.password(user), **kwargs)


def expect(what, got, want):
    if got != want:
        raise Failure('%s: %r, not %r' % (what, got, want))


def expect_error(error, code, number):
    """The symbolic name and the Win32 number must both be there to be read."""
    if code is not None:
        expect('code', error['code'], code)
    numbers = (error['value'], error.get('win32'))
    if number is not None and number not in numbers and str(number) not in error['message']:
        raise Failure('%d is nowhere in %s' % (number, json.dumps(error)))


# ---- Samba: every dialect, signing algorithm and cipher --------------------------------

def dc_options(dialect, signing=None, cipher=None):
    options = ['server min protocol = ' + DIALECTS[dialect],
               'server max protocol = ' + DIALECTS[dialect], 'server signing = mandatory']
    if dialect == '3.1.1' and signing:
        options.append('server smb3 signing algorithms = ' + SIGNINGS[signing])
    if cipher:
        options.append('server smb encrypt = required')
        if dialect == '3.1.1':
            options.append('server smb3 encryption algorithms = ' + cipher)
    return options


# Held open by others than us; one of the names is not ASCII.
HELD = ('alice', 'alice', 'bob', 'jürgen')


def check_rows(answer, level, users):
    """One row for each user, and nothing but the fields of the level.  A domain
    controller names the users "DOMAIN\\user", in letters of its own choice."""
    for row in answer['sessions']:
        expect('fields', sorted(row), sorted(LEVEL_FIELDS[level]))
        expect('client', row['client'].lstrip('\\'), '127.0.0.1')
    if level != 0:
        expect('users', sorted(row['user'].lower() for row in answer['sessions']),
               sorted(user.lower() for user in users))


def ask_until(lab, level, users):
    """An answer with as many rows as users.  The session of whoever asked before
    us may stay listed for a moment after its connection is closed."""
    answer = {}

    def asked():
        nonlocal answer
        answer = lab.ask(lab.command.sessions, '--level', str(level))
        return len(answer['sessions']) == len(users)
    try:
        wait_for('', asked)
    except Failure as failure:
        raise Failure('%d rows, not %d: %s' % (
            len(answer['sessions']), len(users), answer['sessions'])) from failure
    return answer


def samba_matrix(dialect, signing, cipher):
    def case(lab):
        lab.dc.configure(*dc_options(dialect, signing, cipher))
        users = ['%s\\%s' % (lab.dc.env['DOMAIN'], user) for user in HELD + ('Administrator',)]
        with lab.dc.sessions(HELD):
            for level in (0, 1):
                answer = ask_until(lab, level, users)
                check_rows(answer, level, users)
                expect('level', answer['level'], level)
                expect('dialect', answer['dialect'], dialect)
                expect('signing', answer['signing'], signing)
                expect('cipher', answer['cipher'], cipher)
                expect('auth', answer['auth'], 'NTLM')
            check_verbose(lab, dialect, cipher or signing)
    return case


def check_verbose(lab, *words):
    status, out, err = lab.ask(lab.command.run, '-v', '--level', '1')
    expect('exit status with -v', status, 0)
    for word in words:
        if word not in out + err:
            raise Failure('-v does not say %s: %s' % (word, (out + err)[:300]))


def samba_cases():
    for dialect in DIALECTS:
        if dialect == '3.1.1':
            signings = tuple(SIGNINGS)
        else:
            signings = ('HMAC-SHA256',) if dialect[0] == '2' else ('AES-CMAC',)
        for signing in signings:
            yield 'samba.%s.%s' % (dialect, signing), samba_matrix(dialect, signing, None)
        if dialect[0] == '3':
            for cipher in CIPHERS if dialect == '3.1.1' else CIPHERS[:1]:
                yield 'samba.%s.%s' % (dialect, cipher), samba_matrix(dialect, 'AES-CMAC', cipher)


def samba_offers(option, field, value):
    """The client's own choice, against a server that allows anything."""
    def case(lab):
        lab.dc.configure('server signing = mandatory')
        extra = ('--encrypt',) if field == 'cipher' else ()
        answer = lab.ask(lab.command.sessions, '--level', '1', option, value, *extra)
        expect(field, answer[field], value)
    return case


def samba_client_dialect(dialect):
    def case(lab):
        lab.dc.configure('server signing = mandatory')
        answer = lab.ask(lab.command.sessions, '--max-dialect', dialect)
        expect('dialect', answer['dialect'], dialect)
        answer = lab.ask(lab.command.sessions, '--max-dialect', dialect, '--min-dialect', dialect)
        expect('dialect', answer['dialect'], dialect)
    return case


def client_cases():
    for dialect in DIALECTS:
        yield 'samba.client.%s' % dialect, samba_client_dialect(dialect)
    for signing in SIGNINGS:
        yield 'samba.client.%s' % signing, samba_offers('--signing', 'signing', signing)
    for cipher in CIPHERS:
        yield 'samba.client.%s' % cipher, samba_offers('--cipher', 'cipher', cipher)


def samba_auto(lab):
    """Samba has level 1 as its richest."""
    lab.dc.configure('server signing = mandatory')
    answer = lab.ask(lab.command.sessions)
    expect('level', answer['level'], 1)


# ---- Samba: errors ----------------------------------------------------------------------

def logon_error(user, password, code, number):
    def case(lab):
        lab.dc.configure('server signing = mandatory')
        expect_error(lab.ask(lab.command.error, user=user, password=password), code, number)
    return case


def level_error(level):
    def case(lab):
        lab.dc.configure('server signing = mandatory')
        expect_error(lab.ask(lab.command.error, '--level', str(level)),
                     'ERROR_INVALID_LEVEL', 124)
    return case


def unreachable(target, *options):
    def case(lab):
        error = lab.ask(lab.command.error, '--timeout', '20', *options, target=target)
        expect_error(error, None, ERROR_BAD_NETPATH)
    return case


def encrypt_refused(lab):
    lab.dc.configure('server signing = mandatory', 'server smb encrypt = off')
    error = lab.ask(lab.command.error, '--encrypt')
    if 'encrypt' not in error['message']:
        raise Failure('not clear: %s' % error['message'])


def dialect_refused(lab):
    lab.dc.configure('server max protocol = SMB3_02', 'server signing = mandatory')
    error = lab.ask(lab.command.error, '--min-dialect', '3.1.1')
    if 'dialect' not in error['message'] and error['code'] != 'STATUS_NOT_SUPPORTED':
        raise Failure('not clear: %s' % error['message'])


def error_cases():
    for name, case in (
            ('password', logon_error('alice', 'wrong', 'STATUS_LOGON_FAILURE', 1326)),
            ('unknown-user', logon_error('nobody', 'wrong', 'STATUS_LOGON_FAILURE', 1326)),
            ('locked', logon_error('locked', None, 'STATUS_ACCOUNT_LOCKED_OUT', 1909)),
            ('disabled', logon_error('disabled', None, 'STATUS_ACCOUNT_DISABLED', 1331)),
            ('expired', logon_error('expired', None, 'STATUS_PASSWORD_MUST_CHANGE', 1907)),
            ('plain-user', logon_error('bob', None, 'ERROR_ACCESS_DENIED', 5)),
            ('level2', level_error(2)), ('level10', level_error(10)),
            ('level502', level_error(502)),
            ('closed-port', unreachable('127.0.0.1', '-p', '4')),
            ('no-such-name', unreachable('nosuch.lab.test')),
            ('encrypt', encrypt_refused), ('dialect', dialect_refused)):
        yield 'samba.err.' + name, case


# ---- Samba: exchanges counted on the wire -----------------------------------------------

class Capture:
    """tcpdump in the server's network while the context lasts."""

    def __init__(self, dc):
        self.dc = dc
        self.file = os.path.join(dc.directory, 'capture.pcap')
        self.process = None

    def __enter__(self):
        # -Z root: it would give up the right to write the file.
        self.process = self.dc.popen(
            ['tcpdump', '-i', 'lo', '-w', self.file, '-U', '--immediate-mode', '-Z', 'root',
             'tcp port 445'], stdout=subprocess.DEVNULL)
        while 'listening on' not in self.process.stderr.readline():
            if self.process.poll() is not None:
                raise Failure('tcpdump does not start')
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:  # the packets come in order: after the end, all are there
                wait_for('the end of the connection', self.has_end)
        finally:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(10)
            self.process.stderr.close()

    def has_end(self):
        return self.packets('tcp.flags.fin == 1 || tcp.flags.reset == 1', ['frame.number'])

    def packets(self, display_filter, fields):
        command = ['tshark', '-r', self.file, '-Y', display_filter, '-T', 'fields']
        for field in fields:
            command += ['-e', field]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return [line.split('\t') for line in done.stdout.splitlines()]

    def exchanges(self):
        """Numbers of exchanges up to each answer of the server to a call: the
        first from the connection on, each further one from the answer before.
        An exchange is a burst of client data after which the server speaks."""
        counts, count, from_client = [], 0, False
        for port, kind in self.packets('tcp.len > 0', ['tcp.dstport', 'dcerpc.pkt_type']):
            if port == '445':
                count += 0 if from_client else 1
                from_client = True
            else:
                from_client = False
                if '2' in kind.split(','):  # DCE/RPC response
                    counts.append(count)
                    count = 0
        return counts


def samba_exchanges(dialect):
    def case(lab):
        lab.dc.configure(*dc_options(dialect))
        with Capture(lab.dc) as capture:
            lab.ask(lab.command.sessions, '--level', '1')
        counts = capture.exchanges()
        expect('calls answered', len(counts), 1)
        if counts[0] > MAX_EXCHANGES:
            raise Failure('%d exchanges, more than %d' % (counts[0], MAX_EXCHANGES))
    return case


def samba_exchanges_repeat(lab):
    """Further calls on the same connection take one exchange each.  The program
    asks at level "auto", so each of its two questions may be several calls."""
    lab.dc.configure(*dc_options('3.1.1'))
    with Capture(lab.dc) as capture:
        status, _, err = lab.dc.run(
            [os.path.join(lab.build, 'examples', 'native'), '--repeat', '2', lab.dc.host],
            env={'USER': 'Administrator', 'PASSWD': lab.dc.password('Administrator')})
        if status != 0:
            raise Failure('exit %d: %s' % (status, err.strip()[:200]))
    counts = capture.exchanges()
    if len(counts) < 2:
        raise Failure('%d calls answered' % len(counts))
    expect('exchanges of the calls after the first', counts[1:], [1] * (len(counts) - 1))


def exchange_cases():
    for dialect in ('3.1.1', '3.0.2', '2.1'):
        yield 'samba.exchanges.' + dialect, samba_exchanges(dialect)
    yield 'samba.exchanges.repeat', samba_exchanges_repeat


# ---- Impacket ---------------------------------------------------------------------------

def entry(client, user, number, client_type='', transport=''):
    return {'client': client, 'user': user, 'opens': number, 'time': 100 + number,
            'idle': 0xFFFFFFFF - number, 'flags': number % 4, 'client_type': client_type,
            'transport': transport}


TABLE = [
    entry('\\\\10.0.0.1', 'alice', 1, transport='\\Device\\NetbiosSmb'),
    entry('\\\\10.0.0.2', None, 2, client_type=None, transport=None),
    entry('\\\\10.0.0.1', 'Bob', 3, client_type='Win'),
    entry('\\\\[fe80::1]', '', 4),
    entry('\\\\ws-тест', 'jürgen', 5, client_type='\u540d\u524d', transport='\U0001F600'),
    entry(None, 'null-client', 6),
    entry('', 'n' * 256, 0x7FFFFFFF)]

MANY = [entry('\\\\10.1.%d.%d' % (n // 250, n % 250 + 1), 'user%d' % n, n) for n in range(300)]


def ask_impacket(lab, server, method, *options, **kwargs):
    return method(lab.host, '127.0.0.1', '-p', str(server.port), *options, user='alice',
                  password='secret', timeout=30, **kwargs)


def at_level(table, level):
    return [{field: one[field] for field in LEVEL_FIELDS[level]} for one in table]


def impacket_level(level, *options):
    def case(lab):
        with ImpacketServer(TABLE, *options) as server:
            answer = ask_impacket(lab, server, lab.command.sessions, '--level', str(level))
            expect('sessions', answer['sessions'], at_level(TABLE, level))
            expect('level', answer['level'], level)
            expect('dialect', answer['dialect'], '2.0.2')
            expect('signing', answer['signing'], 'HMAC-SHA256')
            request, = server.requests()
            expect('level sent', request['level'], level)
            expect('length sent', request['prefmaxlen'], 0xFFFFFFFF)
            expect('resume handle sent', request['resume'], 0)
            expect('filters sent', [request['client'] or '', request['user'] or ''], ['', ''])
    return case


def impacket_empty(lab):
    with ImpacketServer([]) as server:
        answer = ask_impacket(lab, server, lab.command.sessions, '--level', '502')
        expect('sessions', answer['sessions'], [])


def impacket_paging(lab):
    """Pages as short as we ask for; the handles go back as they came."""
    with ImpacketServer(TABLE) as server:
        answer = ask_impacket(lab, server, lab.command.sessions, '--level', '1',
                              '--preferred-length', '600')
        expect('sessions', answer['sessions'], at_level(TABLE, 1))
        requests = server.requests()
        expect('lengths sent', {request['prefmaxlen'] for request in requests}, {600})
        handles = [request['resume'] for request in requests]
        if len(handles) < 2 or handles[0] != 0 or sorted(set(handles)) != handles:
            raise Failure('resume handles sent: %s' % handles)


def impacket_many(lab):
    """More than the server puts into one answer, without our asking for less."""
    with ImpacketServer(MANY) as server:
        answer = ask_impacket(lab, server, lab.command.sessions, '--level', '2')
        expect('number of sessions', len(answer['sessions']), len(MANY))
        expect('sessions', answer['sessions'], at_level(MANY, 2))
        if len(server.requests()) < 5:
            raise Failure('only %d requests' % len(server.requests()))


def impacket_no_progress(lab):
    """ERROR_MORE_DATA without a single entry must not be asked again for ever."""
    with ImpacketServer(TABLE) as server:
        ask_impacket(lab, server, lab.command.error, '--level', '1', '--preferred-length', '4')
        if len(server.requests()) > 10:
            raise Failure('%d requests' % len(server.requests()))


def impacket_repeat_handle(lab):
    with ImpacketServer(TABLE, '--repeat-handle') as server:
        ask_impacket(lab, server, lab.command.error, '--level', '1')
        if len(server.requests()) > 10:
            raise Failure('%d requests' % len(server.requests()))


def impacket_auto(lab):
    with ImpacketServer(TABLE, '--deny-levels', '1,2,502') as server:
        answer = ask_impacket(lab, server, lab.command.sessions, '--level', 'auto')
        expect('level', answer['level'], 10)
        expect('sessions', answer['sessions'], at_level(TABLE, 10))
        expect('levels asked for', [request['level'] for request in server.requests()],
               [502, 2, 1, 10])


def impacket_deny(lab):
    with ImpacketServer(TABLE, '--deny') as server:
        for level in ('1', 'auto'):
            error = ask_impacket(lab, server, lab.command.error, '--level', level)
            expect_error(error, 'ERROR_ACCESS_DENIED', 5)


def impacket_filters(lab):
    with ImpacketServer(TABLE) as server:
        for option, field, value in (('--client', 'client', '\\\\10.0.0.1'),
                                     ('--user', 'user', 'bob')):
            answer = ask_impacket(lab, server, lab.command.sessions, '--level', '1', option, value)
            found = [one for one in TABLE if (one[field] or '').lower() == value]
            expect('sessions with ' + option, answer['sessions'], at_level(found, 1))
            expect(field + ' sent', server.requests()[-1][field], value)
        error = ask_impacket(lab, server, lab.command.error, '--client', '\\\\10.9.9.9')
        expect_error(error, 'NERR_ClientNameNotFound', 2312)
        error = ask_impacket(lab, server, lab.command.error, '--user', 'nobody')
        expect_error(error, 'NERR_UserNotFound', 2221)


def impacket_password(lab):
    with ImpacketServer(TABLE) as server:
        answer = lab.command.error(lab.host, '127.0.0.1', '-p', str(server.port), user='alice',
                                   password='wrong')
        expect_error(answer, 'STATUS_LOGON_FAILURE', 1326)


def impacket_cases():
    for level in LEVEL_FIELDS:
        yield 'impacket.level%d' % level, impacket_level(level)
    # A server that does not take a compound led by the tree connect.
    yield 'impacket.no-compound', impacket_level(502, '--refuse-related')
    for name, case in (('empty', impacket_empty), ('paging', impacket_paging),
                       ('many', impacket_many), ('no-progress', impacket_no_progress),
                       ('repeat-handle', impacket_repeat_handle), ('auto', impacket_auto),
                       ('deny', impacket_deny), ('filters', impacket_filters),
                       ('password', impacket_password)):
        yield 'impacket.' + name, case


# ---- the Win32 facade -------------------------------------------------------------------

# Our name of a member of SESSION_INFO_x without its prefix.
MEMBERS = {'cname': 'client', 'username': 'user', 'num_opens': 'opens', 'time': 'time',
           'idle_time': 'idle', 'user_flags': 'flags', 'cltype_name': 'client_type',
           'transport': 'transport'}


def call_facade(lab, host, server, level, user, password, *options):
    status, out, err = host.run(
        [CTYPES, '--lib', os.path.join(lab.build, 'libnetsession.so'), server, str(level),
         '--user', user, *options], env={'PASSWORD': password})
    if status != 0:
        raise Failure('exit %d: %s' % (status, err.strip()[-300:]))
    answer = json.loads(out)
    answer['sessions'] = [{MEMBERS[name]: value for name, value in row.items()}
                          for row in answer['sessions']]
    return answer


def facade_samba(lab):
    """Levels 0 and 1 as the command has them; level 10 is not Samba's."""
    lab.dc.configure('server signing = mandatory')
    password = lab.dc.password('Administrator')
    users = HELD + ('Administrator',)
    with lab.dc.sessions(HELD):
        for level in (0, 1):
            wanted = ask_until(lab, level, users)['sessions']
            got = call_facade(lab, lab.dc, lab.dc.host, level, 'Administrator', password)
            expect('status', got['status'], 0)
            expect('sessions', names(got['sessions']), names(wanted))
        got = call_facade(lab, lab.dc, lab.dc.host, 10, 'Administrator', password)
        expect('status', [got['status'], got['sessions']], [124, []])


def names(rows):
    """Times pass between two questions; names stay."""
    return sorted((row['client'], row.get('user')) for row in rows)


def facade_impacket(lab):
    with ImpacketServer(TABLE) as server:
        target = '127.0.0.1:%d' % server.port
        for level in LEVEL_FIELDS:
            got = call_facade(lab, lab.host, target, level, 'alice', 'secret')
            expect('status', got['status'], 0)
            expect('sessions', got['sessions'], at_level(TABLE, level))
        got = call_facade(lab, lab.host, target, 10, 'alice', 'secret', '--prefmaxlen', '600')
        expect('sessions in parts', got['sessions'], at_level(TABLE, 10))
        if got['calls'] < 2:
            raise Failure('one call: the server did not send parts')


def facade_cases():
    yield 'facade.ctypes.samba', facade_samba
    yield 'facade.ctypes.impacket', facade_impacket


# ---- running ----------------------------------------------------------------------------

def all_cases():
    for group in (impacket_cases, samba_cases, client_cases, error_cases, exchange_cases,
                  facade_cases):
        yield from group()
    yield 'samba.auto', samba_auto


def chosen(name, only):
    return not only or any(name == one or name.startswith(one + '.') for one in only)


def run_case(lab, case):
    """None, or why it failed."""
    try:
        case(lab)
    except (Failure, OSError, subprocess.SubprocessError) as error:
        return str(error)
    except Exception as error:  # an answer of another shape than agreed
        traceback.print_exc()
        return '%s: %s' % (type(error).__name__, error)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--bin', default='build/netsession')
    parser.add_argument('--only', action='append', metavar='NAME')
    parser.add_argument('--list', action='store_true')
    options = parser.parse_args()
    cases = [(name, case) for name, case in all_cases() if chosen(name, options.only)]
    if options.list:
        print('\n'.join(name for name, _ in cases))
        return 0
    if not cases:
        parser.error('no such case')
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is ended too
    lab, failed = Lab(options.bin), 0
    try:
        for name, case in cases:
            why = run_case(lab, case)
            failed += why is not None
            print('ok %s' % name if why is None else 'FAIL %s: %s' % (name, why), flush=True)
    finally:
        lab.stop()
    print('%d passed, %d failed' % (len(cases) - failed, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
