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
MIT_KDC = os.path.join(HERE, '..', 'peers', 'mit_kdc.sh')
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


class MitKdc:
    """tests/peers/mit_kdc.sh in a directory, while the context lasts."""

    def __init__(self, directory):
        self.directory = directory
        self.values = {}

    def script(self, *arguments):
        done = subprocess.run([MIT_KDC, *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure('mit_kdc.sh %s: %s' % (arguments[0], done.stderr.strip()))

    def __enter__(self):
        self.script('start', self.directory)
        with open(self.file('env'), encoding='utf-8') as env:
            self.values = dict(word.split('=', 1) for word in shlex.split(env.read()))
        return self

    def __exit__(self, *_):
        self.script('stop', self.directory)

    def file(self, name):
        return os.path.join(self.directory, name)

    @property
    def env(self):
        """What makes libkrb5 one of this realm, in a server as in a client; its
        replay cache is nobody else's."""
        return {'KRB5_CONFIG': self.values['KRB5_CONFIG'],
                'KRB5RCACHENAME': 'file2:' + self.file('replays')}


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


class Sessiond(Host):
    """Our own server, sessiond, while the context lasts.  Its end is looked at as
    well: SIGTERM must make it exit with status 0 and nothing on stderr, which is
    where sanitizers and the leak checker report."""

    users = {'admin': ('Secret-1', 'admin'), 'alice': ('secret', ''), 'bob': ('Passw0rd', ''),
             'jürgen': ('geheim', '')}

    def __init__(self, build, *options, users=None, env=None):
        """users: as above; {}: without a file of them."""
        self.binary = os.path.join(os.path.abspath(build), 'sessiond')
        self.options = options
        self.users = self.users if users is None else users
        self.env = env
        self.directory = tempfile.TemporaryDirectory(prefix='sessiond-')
        self.log_file = os.path.join(self.directory.name, 'log')
        self.errors = os.path.join(self.directory.name, 'errors')
        self.process = None
        self.port = None

    def __enter__(self):
        users = self.write_users() if self.users else []
        with open(self.log_file, 'wb') as log, open(self.errors, 'wb') as errors:
            self.process = self.popen(
                [self.binary, '--listen', '127.0.0.1:0', *users, *self.options], self.env,
                stdin=subprocess.DEVNULL, stdout=log, stderr=errors)
        ready = wait_for('sessiond is ready', self.is_ready)
        self.port = int(ready.group(1))
        return self

    def write_users(self):
        """The options that name the file."""
        path = os.path.join(self.directory.name, 'users')
        with open(path, 'w', encoding='utf-8', opener=lambda path, flags: os.open(
                path, flags, 0o600)) as file:
            for name, (password, rights) in self.users.items():
                file.write('%s\tpassword:%s%s\n' % (name, password, rights and '\t' + rights))
        return ['--users', path]

    def is_ready(self):
        if self.process.poll() is not None:
            raise Failure('sessiond does not start: %s' % self.stderr())
        return re.search(r'^sessiond: ready on \S+ port (\d+)$', self.log(), re.MULTILINE)

    def __exit__(self, kind, *_):
        try:
            self.stop()
        except Failure:
            if kind is None:  # otherwise the first thing that went wrong is told
                raise
        finally:
            self.directory.cleanup()

    def stop(self):
        if self.process.poll() is not None:
            raise Failure('sessiond ended by itself: %d, %s' % (
                self.process.returncode, self.stderr()))
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired as expired:
            self.process.kill()
            self.process.wait()
            raise Failure('SIGTERM does not end sessiond') from expired
        if status != 0 or self.stderr():
            raise Failure('sessiond ended with %d: %s' % (status, self.stderr()))

    def stderr(self):
        with open(self.errors, encoding='utf-8', errors='replace') as file:
            return file.read().strip()[-2000:]

    def log(self):
        with open(self.log_file, encoding='utf-8', errors='replace') as file:
            return file.read()

    def password(self, user):
        return self.users[user][0]


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
