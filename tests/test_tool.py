#!/usr/bin/env python3
"""The command, as far as it needs no server: test_tool.py [PATH-OF-netsession]."""

import contextlib
import json
import os
import pty
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import unittest

TOOL = "build/netsession"
CLOSED = "127.0.0.1:1"  # nothing listens there


def environment(**extra):
    """Without the credentials of whoever runs the tests."""
    left_out = ("USER", "PASSWD", "PASSWD_FD", "PASSWD_FILE")
    env = {k: v for k, v in os.environ.items() if k not in left_out}
    return dict(env, LC_ALL="C.UTF-8", **extra)


def run(*args, **env):
    """In a session of its own, where there is no terminal to ask."""
    return subprocess.run([TOOL, *args], env=environment(**env), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, start_new_session=True, timeout=60)


class Usage(unittest.TestCase):
    def refused(self, *args, says):
        done = run(*args, USER="u", PASSWD="p")
        self.assertEqual(done.returncode, 2, done)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"\Anetsession: [^\n]*\n\Z")
        self.assertIn(says, done.stderr)

    def test_host(self):
        self.refused(says="no server")
        self.refused("list", says="no server")

    def test_long_host(self):
        """The reason is behind it and must be seen."""
        done = run(3000 * "a", USER="u", PASSWD="p")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"\Anetsession: a+: .a+. is no server's name[^\n]*\n\Z")

    def test_unknown(self):
        self.refused("--bogus", "h", says="--bogus")
        self.refused("-x", "h", says="-x")

    def test_values(self):
        self.refused("h", "--level", says="--level needs a value")
        self.refused("h", "-p", says="--port needs a value")
        self.refused("--json=yes", "h", says="--json takes no value")
        self.refused("--level", "3", "h", says="502")
        self.refused("--min-dialect", "1.0", "h", says="2.0.2")
        self.refused("--signing", "md5", "h", says="AES-GMAC")
        self.refused("--cipher", "rot13", "h", says="AES-256-GCM")
        self.refused("--target-name", "", "h", says="is no target name")

    def test_numbers(self):
        for value in "0", "65536", "-1", "1x", "x", "", " 1", "99999999999999999999999":
            self.refused("-p", value, "h", says="from 1 to 65535")
        self.refused("--timeout", "86401", "h", says="86400")
        self.refused("--preferred-length", "4294967296", "h", says="4294967295")

    def test_dialects(self):
        self.refused("--min-dialect", "3.0", "--max-dialect", "2.1", "h", says="--min-dialect")

    def test_password_on_the_command_line(self):
        self.refused("-U", "alice%secret", "h", says="password does not belong")
        self.assertNotIn("secret", run("-U", "alice%secret", "h").stderr)


class Plain(unittest.TestCase):
    def test_help(self):
        done = run("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("--authentication-file FILE", done.stdout)

    def test_version(self):
        done = run("-V")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"\Anetsession \d+\.\d+\.\d+\n\Z")


class Failure(unittest.TestCase):
    def test_text(self):
        done = run(CLOSED, USER="u", PASSWD="p")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"\Anetsession: 127\.0\.0\.1:1: .+\n\Z")

    def test_json(self):
        done = run("--json", CLOSED, "no server", CLOSED, USER="u", PASSWD="p")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([line["server"] for line in lines], [CLOSED, "no server", CLOSED])
        for line in lines:
            self.assertEqual(list(line), ["server", "error"])
            self.assertEqual(list(line["error"]), ["layer", "code", "value", "message"])
        self.assertEqual(lines[0]["error"]["code"], "NETSESSION_E_CONNECT")
        self.assertEqual(lines[0]["error"]["value"], 53)

    def test_json_of_names_that_are_not_utf_8(self):
        bad = "\ufffd"
        cases = {
            b"\xff": bad, b"a\xc3": "a" + bad, b"a\xc3/\xe2\x82": "a" + bad + "/" + 2 * bad,
            b"\xc0\xaf": 2 * bad, b"\xed\xa0\x80": 3 * bad, b"\xf4\x90\x80\x80": 4 * bad,
            "\xe9\u20ac\U0001f600 :": "\xe9\u20ac\U0001f600 :", CLOSED: CLOSED,
        }
        done = run("--json", *cases, USER="u", PASSWD="p")
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([line["server"] for line in lines], list(cases.values()))
        for line in lines:
            self.assertTrue(line["error"]["message"])

    def test_control_characters_do_not_reach_the_terminal(self):
        done = run("h\x1b[31m\x9b x", USER="u", PASSWD="p")
        self.assertEqual(done.returncode, 1)
        self.assertIn("\\x1b[31m\\x9b", done.stderr)
        self.assertNotIn("\x1b", done.stderr)

    def test_output_that_cannot_be_written(self):
        for args in ("--json", CLOSED), ("-h",), ("-V",):
            with open("/dev/full", "w") as full:
                done = subprocess.run([TOOL, *args], env=environment(USER="u", PASSWD="p"),
                                      stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr, "netsession: cannot write the output: "
                                          "No space left on device\n")


class Closed(unittest.TestCase):
    """Standard descriptors that are closed are no place for files and connections."""

    def run_without(self, *descriptors):
        return subprocess.run([TOOL, "-h"], env=environment(), capture_output=True, text=True,
                              preexec_fn=lambda: [os.close(n) for n in descriptors], timeout=60)

    def test_closed(self):
        done = self.run_without(0)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = self.run_without(1)
        self.assertEqual((done.returncode, done.stderr), (
            1, "netsession: cannot write the output: Bad file descriptor\n"))
        self.assertEqual(self.run_without(0, 1, 2).returncode, 1)


class Examples(unittest.TestCase):
    def failed(self, name, *servers, says, **env):
        example = os.path.join(os.path.dirname(TOOL), "examples", name)
        done = subprocess.run([example, *servers], env=environment(**env), capture_output=True,
                              text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, rf"\A({says}[^\n]*\n){{{max(len(servers), 1)}}}\Z")

    def test_servers(self):
        for name, count in ("poll", 1), ("poll", 3), ("native", 1):
            self.failed(name, *[CLOSED] * count, says=r"127\.0\.0\.1", USER="u", PASSWD="p")

    def test_credentials(self):
        for name in "poll", "native":
            self.failed(name, CLOSED, says="PASSWD_FD", USER="u", PASSWD_FD="x")


class Credentials(unittest.TestCase):
    def test_no_user(self):
        done = run(CLOSED, PASSWD="p")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no user", done.stderr)

    def test_no_password_and_no_terminal(self):
        done = run("-U", "u", CLOSED)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no terminal", done.stderr)

    def test_not_asked(self):
        for args in ("-N", "-U", "u"), ("--anonymous",):
            done = run("--json", *args, CLOSED)
            self.assertEqual(json.loads(done.stdout)["error"]["layer"], "tcp", done)

    def test_names(self):
        """DOMAIN/user is one, and no part of a name that has a backslash."""
        for name in "D/u", "D\\u", "D/x\\u", "u@R":
            done = run("--use-kerberos=off", "-U", name, CLOSED, PASSWD="p")
            self.assertIn("cannot connect", done.stderr)
        done = run("-U", "u", CLOSED, PASSWD_FD="x")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("PASSWD_FD", done.stderr)

    def test_clients(self):
        for name in "c", "\\\\c", "":
            done = run("--client", "x", "--client", name, "-p", "1", "--timeout", "5", "127.0.0.1",
                       USER="u", PASSWD="p")
            self.assertIn("cannot connect", done.stderr)

    def test_files(self):
        with tempfile.NamedTemporaryFile("w") as file:  # mode 600
            file.write("username = u\npassword = p\n")
            file.flush()
            for option in "-A", "--password-file":
                done = run("--json", option, file.name, CLOSED, USER="u")
                self.assertEqual(json.loads(done.stdout)["error"]["layer"], "tcp", done)

    def test_files_that_cannot_be_read(self):
        for option in "-A", "--password-file":
            done = run(option, "/nonexistent", CLOSED, USER="u")
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("/nonexistent", done.stderr)


class Kerberos(unittest.TestCase):
    """As far as it needs no KDC: with a configuration of its own and no ticket, so that nothing
    of this machine is used.  The server takes the connection and is silent."""

    def setUp(self):
        if run("-k", CLOSED).returncode == 2:
            self.skipTest("Kerberos was left out")
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.missing = os.path.join(directory.name, "missing")
        config = os.path.join(directory.name, "krb5.conf")
        with open(config, "w") as file:
            file.write("[libdefaults]\ndns_lookup_kdc = false\ndns_lookup_realm = false\n")
        self.env = {"KRB5_CONFIG": config, "KRB5CCNAME": self.missing,
                    "KRB5_CLIENT_KTNAME": self.missing}
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.server = f"127.0.0.1:{listener.getsockname()[1]}"

    def failure(self, *args, **env):
        done = run("--json", "--timeout", "1", *args, self.server, **self.env, **env)
        self.assertEqual((done.returncode, done.stderr), (1, ""), done)
        return json.loads(done.stdout)["error"]

    def failed(self, *args, code, says, **env):
        """Because of Kerberos, though a user and a password are there for NTLM."""
        error = self.failure(*args, USER="u", PASSWD="p", **env)
        self.assertEqual((error["layer"], error["code"]), ("kerberos", code), error)
        self.assertIn(says, error["message"])

    def test_values(self):
        for args in ("--use-kerberos=bad",), ("--use-kerberos=",), ("-k", "--use-kerberos", "x"):
            done = run(*args, self.server, **self.env, USER="u", PASSWD="p")
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertRegex(done.stderr, r"\Anetsession: [^\n]*\n\Z")
            self.assertIn("none of required, desired, off, auto", done.stderr)

    def test_no_ticket(self):
        for args in ("-k",), ("--kerberos",), ("--use-kerberos=REQUIRED",):
            self.failed(*args, code="KRB5_FCC_NOFILE", says="get one with kinit")
        done = run("-k", self.server, **self.env)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, rf"\Anetsession: {self.server}: [^\n]*\n\Z")
        self.assertIn(self.missing, done.stderr)

    def test_no_ticket_and_no_user(self):
        for args in (), ("--use-kerberos=desired",), ("--use-kerberos=off",):
            done = run(*args, self.server, **self.env)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("no user is named", done.stderr)

    def test_cache(self):
        """Who names one does without NTLM."""
        for option in "--ccache", "--use-krb5-ccache":
            self.failed(option, self.missing + "2", code="KRB5_FCC_NOFILE", says=self.missing + "2")
        self.failed("--ccache", "BOGUS:x", code="KRB5_CC_UNKNOWN_TYPE", says="FILE:path")

    def test_keytab(self):
        self.failed("--keytab", self.missing, code="ENOENT", says=self.missing)

    def test_realm(self):
        self.failed("-U", "u", "-k", code="KRB5_CONFIG_NODEFREALM", says="user@REALM")
        self.failed("-U", "u@nowhere.test", "-k", code="KRB5_REALM_UNKNOWN", says="NOWHERE.TEST")

    def test_user_without_a_ticket(self):
        error = self.failure("-U", "v", "-k", "-N")
        self.assertEqual((error["layer"], error["code"]), ("kerberos", "KRB5_CC_NOTFOUND"), error)
        self.assertIn("no cache has one of v", error["message"])

    def test_ntlm(self):
        """Where it is allowed to go on without a ticket, the server's answer is waited for."""
        for args in ((), ("--use-kerberos=desired", "-U", "v@nowhere.test"),
                     ("--use-kerberos=auto", "--ccache", self.missing)):
            error = self.failure(*args, USER="u", PASSWD="p")
            self.assertEqual(error["layer"], "tcp", error)
            self.assertEqual(error["code"], "NETSESSION_E_TIMEOUT")


class NoKerberos(unittest.TestCase):
    def test_refused(self):
        """With status 2 where it was left out: all that cannot do without."""
        options = ("-k",), ("--use-kerberos=required",), ("--ccache", "c"), ("--keytab", "k")
        left_out = [done for args in options
                    if (done := run(*args, CLOSED, USER="u", PASSWD="p")).returncode == 2]
        self.assertIn(len(left_out), (0, len(options)))
        for done in left_out:
            self.assertIn("WITH_KRB5=0", done.stderr)
        for mode in "desired", "off", "auto":
            done = run("--use-kerberos", mode, CLOSED, USER="u", PASSWD="p")
            self.assertEqual((done.returncode, done.stdout), (1, ""))


class Prompt(unittest.TestCase):
    """On a terminal of its own."""

    def start(self, user="alice", shown="alice", args=None, ignored=(), **env):
        args = args or ["-U", user]
        pid, tty = pty.fork()
        if pid == 0:
            # Whoever started the tests may have had them ignored.
            for number in signal.SIGINT, signal.SIGTERM, signal.SIGQUIT:
                signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
            os.execve(TOOL, [TOOL, *args, CLOSED], environment(**env))
        self.addCleanup(os.close, tty)
        text = b""
        while not text.endswith(b": "):
            text += os.read(tty, 1)
        self.assertEqual(text.decode(), f"Password for {shown}: ")
        self.assertFalse(self.echoes(tty))
        return pid, tty

    @staticmethod
    def echoes(tty):
        return bool(termios.tcgetattr(tty)[3] & termios.ECHO)

    @staticmethod
    def rest(tty):
        text = b""
        try:
            while chunk := os.read(tty, 1000):
                text += chunk
        except OSError:
            pass  # the other end is closed
        return text

    def test_answer(self):
        pid, tty = self.start()
        os.write(tty, b"secret\n")
        text = self.rest(tty)
        self.assertNotIn(b"secret", text)
        self.assertIn(CLOSED.encode(), text)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 1)

    def test_control_characters_do_not_reach_the_terminal(self):
        pid, tty = self.start("j\xfc\x1b[31m\n\u202e", "j\xfc\\x1b[31m\\x0a\\u202e")
        os.write(tty, b"\x04")
        self.rest(tty)
        os.waitpid(pid, 0)

    def test_whose(self):
        """As far as it is known whom to ask."""
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("username = u\n")
            file.flush()
            for args, shown in (["-v"], "bob"), (["-A", file.name], "this user"):
                pid, tty = self.start(args=args, shown=shown, USER="bob")
                attributes = termios.tcgetattr(tty)
                attributes[0] &= ~termios.ICRNL  # \r ends the answer, too
                attributes[3] &= ~termios.ICANON
                termios.tcsetattr(tty, termios.TCSANOW, attributes)
                os.write(tty, b"secret\r")
                self.assertIn(CLOSED.encode(), self.rest(tty))
                os.waitpid(pid, 0)

    def test_ignored_signals(self):
        """They stay so."""
        pid, tty = self.start(ignored=(signal.SIGTERM,))
        os.kill(pid, signal.SIGTERM)
        os.write(tty, b"secret\n")
        self.assertIn(CLOSED.encode(), self.rest(tty))
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 1)

    def test_too_long(self):
        pid, tty = self.start()
        os.write(tty, 1024 * b"x" + b"\n")
        self.assertIn(b"no password was read from the terminal: Message too long", self.rest(tty))
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 1)

    def test_end_of_file(self):
        pid, tty = self.start()
        os.write(tty, b"\x04")
        self.assertIn(b"no password", self.rest(tty))
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 1)

    def test_signals_restore_the_terminal(self):
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGQUIT:
            pid, tty = self.start()
            os.kill(pid, number)
            self.rest(tty)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), -number)
            self.assertTrue(self.echoes(tty))


class Jobs(unittest.TestCase):
    """The prompt under a shell's job control: pty.fork's child is the shell, and says what
    becomes of its job."""

    class Shell:
        def __init__(self, report, ignored=(), blocked=()):
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            signal.alarm(20)
            self.report = report
            self.job = os.fork()
            if self.job == 0:
                os.setpgid(0, 0)
                for number in signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU:
                    signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
                os.execve(TOOL, [TOOL, "-U", "alice", CLOSED], environment())
            with contextlib.suppress(OSError):
                os.setpgid(self.job, self.job)  # unless it did so itself and went on

        def background(self):
            os.kill(-self.job, signal.SIGCONT)

        def foreground(self):
            os.tcsetpgrp(0, self.job)
            os.kill(-self.job, signal.SIGCONT)

        def wait(self):
            status = os.waitpid(self.job, os.WUNTRACED)[1]
            how = (f"stopped {os.WSTOPSIG(status)}" if os.WIFSTOPPED(status)
                   else f"exited {os.waitstatus_to_exitcode(status)}")
            os.tcsetpgrp(0, os.getpgrp())
            print(how, "seen" if Prompt.echoes(0) else "unseen", file=self.report, flush=True)

    def start(self, script, **how):
        """The terminal, and the lines of the shell that runs the script."""
        ours, theirs = os.pipe()
        pid, tty = pty.fork()
        if pid == 0:
            try:
                script(self.Shell(os.fdopen(theirs, "w"), **how))
            finally:
                os._exit(0)
        os.close(theirs)
        report = os.fdopen(ours)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.close, tty)
        self.addCleanup(report.close)
        return tty, report

    def prompted(self, tty):
        text = os.read(tty, 1)
        while not text.endswith(b"alice: "):
            text += os.read(tty, 1)
        self.assertEqual(text.strip(), b"Password for alice:")
        self.assertFalse(Prompt.echoes(tty))

    def test_background(self):
        """It is stopped before it touches the terminal, and asks in the foreground."""
        def script(shell):
            shell.wait()
            shell.foreground()
            shell.wait()

        tty, report = self.start(script)
        self.assertEqual(report.readline(), f"stopped {signal.SIGTTOU} seen\n")
        self.prompted(tty)
        os.write(tty, b"secret\n")
        self.assertEqual(report.readline(), "exited 1 seen\n")
        self.assertIn(CLOSED.encode(), Prompt.rest(tty))

    def test_stopped(self):
        """At the prompt; then it is continued in the background, then in the foreground."""
        def script(shell):
            shell.foreground()
            shell.wait()
            shell.background()
            shell.wait()
            shell.foreground()
            shell.wait()

        tty, report = self.start(script)
        self.prompted(tty)
        os.write(tty, b"lost\x1a")
        self.assertEqual(report.readline(), f"stopped {signal.SIGTSTP} seen\n")
        self.assertEqual(report.readline(), f"stopped {signal.SIGTTOU} seen\n")
        self.prompted(tty)
        os.write(tty, b"secret\n")
        self.assertEqual(report.readline(), "exited 1 seen\n")
        self.assertIn(CLOSED.encode(), Prompt.rest(tty))

    def test_stopped_unawares(self):
        """It cannot put the terminal in order before, but asks anew after."""
        def script(shell):
            shell.foreground()
            shell.wait()
            attributes = termios.tcgetattr(0)
            attributes[3] |= termios.ECHO
            termios.tcsetattr(0, termios.TCSANOW, attributes)
            shell.foreground()
            shell.wait()

        tty, report = self.start(script)
        self.prompted(tty)
        os.kill(os.tcgetpgrp(tty), signal.SIGSTOP)
        self.assertEqual(report.readline(), f"stopped {signal.SIGSTOP} unseen\n")
        self.prompted(tty)
        os.write(tty, b"secret\n")
        self.assertEqual(report.readline(), "exited 1 seen\n")
        self.assertNotIn(b"secret", Prompt.rest(tty))

    def test_cannot_be_stopped(self):
        for how in "ignored", "blocked":
            tty, report = self.start(lambda shell: shell.wait(),
                                     **{how: (signal.SIGTTIN, signal.SIGTTOU)})
            self.assertEqual(report.readline(), "exited 1 seen\n")
            self.assertIn(b"no password was read from the terminal: ", Prompt.rest(tty))


class Core(unittest.TestCase):
    def test_none_is_left(self):
        """While it waits for the password, the limit is 0, and there is nothing for a core
        that is made whatever the limit."""
        resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
        pid, tty = Prompt("test_answer").start()
        limits = resource.prlimit(pid, resource.RLIMIT_CORE)
        with open(f"/proc/{pid}/coredump_filter") as f:
            filtered = int(f.read(), 16)
        os.write(tty, b"\x03")
        os.waitpid(pid, 0)
        os.close(tty)
        self.assertEqual(limits, (0, 0))
        self.assertEqual(filtered, 0)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        TOOL = sys.argv.pop(1)
    TOOL = os.path.abspath(TOOL)
    unittest.main()
