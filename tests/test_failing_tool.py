#!/usr/bin/env python3
"""The command and sessiond when a call fails: test_failing_tool.py [BUILD].

tests/netsession_failing and tests/sessiond_failing are the two programs with calls of the system,
of libcrypto and of libevent, and all that asks for memory, replaced: one of them fails.  Here each
does once, in every use.  The command then shows all of the list, or ends with status 1 and says
what failed; the server ends and says so, or goes on serving."""

import concurrent.futures
import errno
import fcntl
import json
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import termios
import unittest

BUILD = "build"
PASSWORD = "correct-horse-battery"
FILLED = 3  # sessions that are made up
MOST = 5000  # calls; there are not so many
PATIENCE = 120  # seconds
CLOSED = "127.0.0.1:1"  # nothing listens there
ALL, NOT_CRYPTO = ".", "^[^E]"
WORKERS = (os.cpu_count() or 1) + 1
SANITIZED = 99  # what a sanitizer ends with

# What a failed call is told with; all others with the system's word for the error.
REASONS = (
    (r"\w*alloc\w*|\w*dup", r"[Mm]emory|name resolution|no thread"),
    (r"pthread_create", r"name resolution|no thread"),
    (r"fflush", r"cannot write"),
    (r"EVP_\w+|RAND_bytes", r"crypt|random|entropy"),
    (r"getaddrinfo", r"cannot find an address|cannot listen"),
    (r"clock_gettime", r"did not answer|in time"),
)


def reason(name, code):
    for names, words in REASONS:
        if re.fullmatch(names, name):
            return words
    return os.strerror(code)


def environment(**extra):
    left_out = ("USER", "PASSWD", "PASSWD_FD", "PASSWD_FILE")
    env = {k: v for k, v in os.environ.items() if k not in left_out}
    for name in "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS":
        env[name] = f"{env.get(name, '')}:exitcode={SANITIZED}:halt_on_error=1"
    return dict(env, LC_ALL="C.UTF-8", KRB5_CONFIG="/dev/null", KRB5CCNAME="/nonexistent",
                GCOV_ERROR_FILE="/dev/null", **extra)


class Done:
    """How a program ended, and which call of it failed, or None."""

    def __init__(self, status, out, err, failed=None):
        self.status, self.out, self.err, self.failed = status, out, err, failed

    def __repr__(self):
        return f"{self.failed} failed: status {self.status}\n{self.out}---\n{self.err}"


# ---- What is listed ----

def table_rows(out):
    """[(announced, rows)] of each table, rows as lists of words."""
    tables = []
    for line in out.splitlines():
        title = re.fullmatch(r"\S+: (\d+) sessions? \(level \d+, complete\)", line)
        if title:
            tables.append((int(title[1]), []))
        elif tables and not line.startswith("CLIENT"):
            tables[-1][1].append(line.split())
    return tables


def json_rows(out):
    """The same of JSON; errors and what was cut off are passed over."""
    tables = []
    for line in out.splitlines():
        try:
            rows = json.loads(line)["sessions"]
        except (ValueError, KeyError):
            continue
        tables.append((len(rows), [list(row.values()) for row in rows]))
    return tables


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.users = cls.write("users", f"admin\tpassword:{PASSWORD}\tadmin\n")
        cls.server, cls.target = cls.start("sessiond", "--quiet")
        done = cls.ask()
        cls.made_up = table_rows(done.out)[0][1][:FILLED]
        cls.made_up_json = json_rows(cls.ask("--json").out)[0][1][:FILLED]

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.communicate()
        cls.folder.cleanup()

    @classmethod
    def write(cls, name, text):
        path = os.path.join(cls.folder.name, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write(text)
        return path

    @classmethod
    def start(cls, program, *options, **env):
        """The server; its address, or None when it did not start."""
        server = subprocess.Popen(
            [f"{BUILD}/{program}", "--users", cls.users, "--listen", "127.0.0.1:0", "--fill",
             str(FILLED), *options], env=environment(**env), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        ready = re.search(r"ready on (\S+) port (\d+)", server.stdout.readline())
        return server, ready and f"{ready[1]}:{ready[2]}"

    @classmethod
    def ask(cls, *args, target=None):
        done = subprocess.run([f"{BUILD}/netsession", "-U", "admin", *args, target or cls.target],
                              env=environment(PASSWD=PASSWORD), text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE)
        return Done(done.returncode, done.stdout, done.stderr)

    # ---- Each call ----

    def failing(self, n, code, which):
        report = os.path.join(self.folder.name, f"failed-{self.id()}-{n}")
        return report, {"FAIL_AT": str(n), "FAIL_ERRNO": str(code), "FAIL_WHICH": which,
                        "FAIL_REPORT": report}

    @staticmethod
    def failed(report):
        try:
            with open(report, encoding="ascii") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def each(self, once, which=NOT_CRYPTO, code=errno.EIO):
        """once(n-th call's report and environment) for each n; the names of what failed."""
        seen, wrong = set(), []

        def number(n):
            try:
                return once(*self.failing(n, code, which))
            except AssertionError as error:
                wrong.append(str(error))
                return "?"

        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            for first in range(1, MOST, 8 * WORKERS):
                names = list(pool.map(number, range(first, first + 8 * WORKERS)))
                seen.update(filter(None, names))
                if None in names:
                    self.assertFalse(wrong, "\n".join(wrong))
                    return seen
        raise AssertionError("there are always more calls")

    def met(self, once, seen, calls):
        """Each of the calls is among what failed.  How often one waits is not the same in
        each run, and so a call may have been passed over: then it fails by its name."""
        for call in calls:
            if call not in seen:
                self.assertEqual(once(*self.failing(1, errno.EIO, f"^{call}$")), call)

    # ---- Judging ----

    def complete(self, done, tables):
        """How many tables are whole; if one is not, the status says so."""
        made_up = self.made_up_json if done.out.startswith("{") else self.made_up
        whole = 0
        for announced, rows in tables:
            own = [row[:2] for row in rows[FILLED:]]
            good = (len(rows) == announced and rows[:FILLED] == made_up and own
                    and all(row == ["\\\\127.0.0.1", "admin"] for row in own))
            self.assertTrue(good or done.status, done)
            whole += bool(good)
        return whole

    def judge(self, done, code, servers=1, right=0, says="", harmless=False):
        """right: the status without a failure, for which stderr says so."""
        self.assertIn(done.status, (0, 1), done)
        self.assertNotIn(PASSWORD, done.out + done.err)
        self.assertRegex(done.err, r"\A(netsession: [^\n]+\n)*\Z")
        tables = json_rows(done.out) if done.out.startswith("{") else table_rows(done.out)
        whole = self.complete(done, tables)
        if done.status == 0:
            self.assertEqual((right, whole), (0, servers), done)
        elif done.failed is None or harmless:
            self.assertEqual(done.status, right, done)
        if done.status:
            words = f"{reason(done.failed or '-', code)}|{says}" if says else reason(
                done.failed, code)
            self.assertRegex(done.err + done.out, words, repr(done))
        return whole


class Tool(Case):
    def once(self, *args, code=errno.EIO, servers=1, password=PASSWORD, **how):
        def run(report, fail):
            done = subprocess.run(
                [f"{BUILD}/tests/netsession_failing", *args],
                env=environment(PASSWD=password, **fail), text=True, capture_output=True,
                stdin=subprocess.DEVNULL, start_new_session=True, timeout=PATIENCE)
            done = Done(done.returncode, done.stdout, done.stderr, self.failed(report))
            whole = self.judge(done, code, servers, **how)
            if done.out and done.failed != "fflush":  # then nothing more is written
                self.assertGreaterEqual(whole, servers - 1, done)
            return done.failed
        return run

    def test_table(self):
        name = self.target.replace("127.0.0.1", "localhost")
        once = self.once("-U", "admin", name)
        self.met(once, self.each(once, ALL), (
            "malloc", "calloc", "realloc", "strdup", "open", "close", "getaddrinfo",
            "pthread_create", "socket", "connect", "fcntl", "send", "clock_gettime", "fflush",
            "RAND_bytes", "EVP_MAC_final", "setrlimit"))

    def test_json(self):
        self.each(self.once("-U", "admin", "--json", self.target))

    def test_several_servers(self):
        account = self.write("account", f"username = admin\npassword = {PASSWORD}\n")
        self.each(self.once("-v", "--level", "502", "-A", account, *[self.target] * 3, servers=3,
                            password="wrong"))

    def test_interrupted(self):
        """That is no failure."""
        seen = self.each(self.once("-U", "admin", self.target, code=errno.EINTR, harmless=True),
                         "^(poll|recv|send)$", errno.EINTR)
        self.assertEqual(seen, {"poll", "recv", "send"})

    def test_refused(self):
        self.each(self.once("-U", "admin", "--json", self.target, password="wrong", servers=0,
                            right=1, says="LOGON_FAILURE"))

    def test_options(self):
        secret = self.write("secret", PASSWORD + "\n")
        self.each(self.once(
            "-vv", "-U", "D/admin", "--password-file", secret, "--client", "c", "--min-dialect",
            "3.0", "--signing", "AES-GMAC", "--cipher", "AES-128-GCM", "--encrypt", "--guest",
            "--target-name", "cifs/x", "--use-kerberos", "auto", CLOSED,
            servers=0, right=1, says="cannot connect"))


class Help(Case):
    def test_help(self):
        for program, option in ("netsession", "-h"), ("netsession", "-V"), ("sessiond", "--help"):
            right = subprocess.run([f"{BUILD}/{program}", option], env=environment(), text=True,
                                   capture_output=True, check=True).stdout

            def once(report, fail):
                done = subprocess.run([f"{BUILD}/tests/{program}_failing", option], text=True,
                                      env=environment(**fail), capture_output=True)
                if done.returncode or done.stdout != right:
                    self.assertEqual(done.returncode, 1, done)
                    self.assertRegex(done.stderr, f"{program}: .*(cannot write|memory)", done)
                return self.failed(report)

            self.assertIn("fflush", self.each(once))


class Prompt(Case):
    """On a terminal."""

    @staticmethod
    def read(terminal, process):
        """Until the prompt, or the end of the process."""
        text, end = b"", os.pidfd_open(process.pid)
        while not text.endswith(b": ") and terminal in select.select([terminal, end], [], [])[0]:
            text += os.read(terminal, 1)
        os.close(end)
        return text

    @classmethod
    def answer(cls, fail):
        """What is seen on the terminal, how it ended, and whether the terminal echoes then."""
        terminal, theirs = pty.openpty()
        process = subprocess.Popen(
            [f"{BUILD}/tests/netsession_failing", "-U", "admin", CLOSED], text=True,
            env=environment(**fail), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        text = cls.read(terminal, process)
        if text:
            os.write(terminal, PASSWORD.encode() + b"\n")
        out, err = process.communicate(timeout=PATIENCE)
        echoes = bool(termios.tcgetattr(theirs)[3] & termios.ECHO)
        os.set_blocking(terminal, False)
        text += os.read(terminal, 1000) if text else b""
        os.close(terminal)
        os.close(theirs)
        return text.decode(), Done(process.returncode, out, err), echoes

    def once(self, code):
        def run(report, fail):
            text, done, echoes = self.answer(fail)
            done.failed = self.failed(report)
            self.judge(done, code, servers=0, right=1, says="cannot connect|no terminal")
            self.assertNotIn(PASSWORD, text.splitlines()[0] if text else "")
            self.assertTrue(echoes or done.failed == "tcsetattr", done)
            return done.failed
        return run

    def test_prompt(self):
        once = self.once(errno.EIO)
        self.met(once, self.each(once), (
            "tcgetattr", "tcsetattr", "pselect", "read", "sigaction", "sigprocmask"))


class Server(Case):
    """It has room for one client, and is asked twice."""

    def once(self, report, fail):
        server, target = self.start("tests/sessiond_failing", "--max-connections", "1", **fail)
        answers = [self.ask(target=target) for _ in range(2)] if target else []
        if target:
            server.terminate()
        out, err = server.communicate(timeout=PATIENCE)
        done = Done(server.returncode, out, err, self.failed(report))
        self.assertIn(done.status, (0, 1), done)
        self.assertNotIn(PASSWORD, out + err)
        self.assertRegex(err, r"\Asessiond: [^\n]+\n\Z" if done.status else r"\A\Z", repr(done))
        if not done.status:
            self.serves(done, answers)
        return done.failed

    def serves(self, done, answers):
        """One client may be lost, and no more."""
        lost = [answer for answer in answers if answer.status]
        self.assertLessEqual(len(lost), 1 if done.failed else 0, (done, lost))
        for answer in answers:
            if done.failed == "getnameinfo":
                answer.out = answer.out.replace("\\\\?", "\\\\127.0.0.1")
            self.complete(answer, table_rows(answer.out))

    def test_server(self):
        self.met(self.once, self.each(self.once), (
            "malloc", "calloc", "fopen", "fstat", "fflush", "socket", "bind", "listen", "accept",
            "getsockname", "getnameinfo", "getrlimit", "setrlimit", "send", "recv", "RAND_bytes",
            "event_base_new", "event_new", "event_add", "event_assign", "event_base_dispatch",
            "evutil_make_socket_nonblocking"))


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        BUILD = sys.argv.pop(1)
    unittest.main()
