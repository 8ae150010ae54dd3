"""The real servers of tests/peers, and the command under test, for scripts."""
import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SAMBA_DC = os.path.join(HERE, '..', 'peers', 'samba_dc.sh')
IMPACKET = os.path.join(HERE, '..', 'peers', 'impacket_server.py')


class Failure(Exception):
    """Something is not as it must be; the text says what."""


def wait_for(what, condition, seconds=15.0):
    """Polls until condition() gives something true, which is returned."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failure('%s: not within %g s' % (what, seconds))
        time.sleep(0.05)


class Host:
    """Where commands run: this machine, as it is."""

    prefix = []

    def popen(self, arguments, env=None, **kwargs):
        environment = {name: value for name, value in os.environ.items()
                       if name not in ('USER', 'PASSWD', 'PASSWD_FD', 'PASSWD_FILE')}
        environment.update(env or {}, LC_ALL='C.UTF-8')
        kwargs.setdefault('stdout', subprocess.PIPE)
        kwargs.setdefault('stderr', subprocess.PIPE)
        return subprocess.Popen(self.prefix + arguments, text=True, encoding='utf-8',
                                env=environment, **kwargs)

    def run(self, arguments, env=None, timeout=60):
        """Exit status, stdout, stderr."""
        with self.popen(arguments, env, stdin=subprocess.DEVNULL) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired as expired:
                process.kill()
                raise Failure('%s: still running after %d s' % (
                    ' '.join(arguments), timeout)) from expired
        return process.returncode, out, err


class SambaDc(Host):
    """A Samba domain controller; commands run in its network."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix='samba-dc-')
        self.prefix = [SAMBA_DC, 'exec', self.directory]
        self.options = None
        self.env = {}

    def script(self, command, *arguments):
        done = subprocess.run([SAMBA_DC, command, self.directory, *arguments],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure('samba_dc.sh %s: %s' % (command, done.stderr.strip()))

    def start(self):
        self.script('start')
        with open(os.path.join(self.directory, 'env'), encoding='utf-8') as env:
            self.env = dict(word.split('=', 1) for word in shlex.split(env.read()))

    def stop(self):
        self.script('stop')
        subprocess.run(['rm', '-rf', self.directory], check=False)

    def configure(self, *options):
        if self.options != options:
            self.script('configure', *options)
            self.options = options

    @property
    def host(self):
        return self.env['HOST']

    def password(self, user):
        return self.env['ADMIN_PASSWORD' if user == 'Administrator' else 'USER_PASSWORD']

    @contextlib.contextmanager
    def sessions(self, users):
        """Holds one session open for each user while the body runs."""
        held = []
        try:
            for user in users:
                # At its prompt smbclient is logged on, and waits for its stdin.
                held.append(self.popen(
                    ['smbclient', '//%s/IPC$' % self.host, '-U',
                     '%s%%%s' % (user, self.password(user))],
                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL))
            wait_for('%d sessions on the server' % len(users),
                     lambda: self.count() == len(users) + 1)
            yield
        finally:
            for process in held:
                process.stdin.close()
            for process in held:
                process.wait(10)

    def count(self):
        """How many sessions the server has, this question's own included."""
        _, out, _ = self.run(['rpcclient', self.host, '-U', 'Administrator%%%s' %
                              self.password('Administrator'), '-c', 'netsessenum'])
        found = re.search(r'Received (\d+) entries', out)
        return int(found.group(1)) if found else -1


class ImpacketServer(Host):
    """tests/peers/impacket_server.py with a table, while the context lasts."""

    def __init__(self, table, *options):
        self.directory = tempfile.TemporaryDirectory(prefix='impacket-')
        self.table = os.path.join(self.directory.name, 'table.json')
        self.log = os.path.join(self.directory.name, 'log')
        with open(self.table, 'w', encoding='utf-8') as file:
            json.dump(table, file)
        self.options = options
        self.process = None
        self.port = None

    def __enter__(self):
        self.process = Host.popen(
            self, [IMPACKET, '--table', self.table, '--log', self.log,
                   '--user', 'alice:secret', *self.options], stderr=subprocess.DEVNULL)
        line = self.process.stdout.readline().split()
        if line[:1] != ['ready']:
            raise Failure('impacket_server.py does not start')
        self.port = int(line[1])
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        self.process.stdout.close()
        self.directory.cleanup()

    def requests(self):
        """What was asked, in order."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding='utf-8') as log:
            return [json.loads(line) for line in log]


class Command:
    """The netsession command."""

    def __init__(self, binary):
        self.binary = os.path.abspath(binary)

    def run(self, host, target, *options, user, password, timeout=60):
        return host.run([self.binary, *options, '-U', user, target],
                        env={'PASSWD': password}, timeout=timeout)

    def json(self, *arguments, **kwargs):
        """The object that --json prints, which must be one line, and the exit status."""
        status, out, err = self.run(*arguments[:2], '--json', *arguments[2:], **kwargs)
        lines = out.splitlines()
        if len(lines) != 1:
            raise Failure('exit %d, %d lines of JSON; stderr: %s' % (
                status, len(lines), err.strip()[:200]))
        try:
            return json.loads(lines[0]), status
        except ValueError as error:
            raise Failure('not JSON: %s: %.200s' % (error, out)) from error

    def sessions(self, *arguments, **kwargs):
        """The object of an answer that must be whole and free of errors."""
        answer, status = self.json(*arguments, **kwargs)
        if 'error' in answer or status != 0 or not answer.get('complete'):
            raise Failure('exit %d, %s' % (status, json.dumps(answer)[:300]))
        return answer

    def error(self, *arguments, **kwargs):
        """The error of a call that must fail with exit status 1."""
        answer, status = self.json(*arguments, **kwargs)
        if status != 1 or 'error' not in answer:
            raise Failure('exit %d, %s' % (status, json.dumps(answer)[:300]))
        missing = {'layer', 'code', 'value', 'message'} - set(answer['error'])
        if missing or not answer['error']['message']:
            raise Failure('error without %s: %s' % (
                ', '.join(sorted(missing)) or 'message', json.dumps(answer)))
        return answer['error']
