#!/usr/bin/env python3
"""What the command shows of a server: test_listing.py [BUILD]."""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

BUILD = "build"
USERS = "admin\tpassword:secret\tadmin\nplain\tpassword:plain\n"


def cpu_time(pid):
    """Of the process and the kernel for it, in seconds."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Server:
    """sessiond on a port of its own, with three sessions made up."""

    def __init__(self, *options):
        self.dir = tempfile.TemporaryDirectory()
        users = os.path.join(self.dir.name, "users")
        with open(os.open(users, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
            f.write(USERS)
        self.process = subprocess.Popen(
            [BUILD + "/sessiond", "--listen", "127.0.0.1:0", "--users", users, "--fill", "3",
             *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.target = ""
        for line in self.process.stdout:  # which ends when it cannot start
            ready = re.search(r"ready on (\S+) port (\d+)", line)
            if ready:
                self.target = "%s:%s" % ready.groups()
                break

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.communicate()
        self.dir.cleanup()

    def ask(self, *args, user="admin", password="secret", hosts=1):
        env = {k: v for k, v in os.environ.items() if k not in ("USER", "PASSWD_FD", "PASSWD_FILE")}
        env.update(LC_ALL="C.UTF-8", PASSWD=password, KRB5CCNAME=self.dir.name + "/none")
        return subprocess.run([BUILD + "/netsession", "-U", user, *args, *[self.target] * hosts],
                              env=env, capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)


COLUMNS = {"0": "CLIENT", "1": "CLIENT USER OPENS TIME IDLE FLAGS",
           "2": "CLIENT USER OPENS TIME IDLE FLAGS TYPE", "10": "CLIENT USER TIME IDLE",
           "502": "CLIENT USER OPENS TIME IDLE FLAGS TYPE TRANSPORT"}
FIELDS = {"0": "client", "1": "client user opens time idle flags",
          "2": "client user opens time idle flags client_type", "10": "client user time idle",
          "502": "client user opens time idle flags client_type transport"}


class Listing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def test_table(self):
        for level, columns in COLUMNS.items():
            done = self.server.ask("--level", level)
            self.assertEqual((done.returncode, done.stderr), (0, ""), done)
            title, header, *rows = done.stdout.splitlines()
            self.assertEqual(title, "%s: 4 sessions (level %s, complete)" % (
                self.server.target, level))
            self.assertEqual(header.split(), columns.split())
            self.assertEqual(len(rows), 4)
            self.assertTrue(rows[3].startswith("\\\\127.0.0.1"), rows)

    def test_json(self):
        for level, fields in FIELDS.items():
            done = self.server.ask("--json", "--level", level)
            answer = json.loads(done.stdout)
            self.assertEqual(done.stdout.count("\n"), 1)
            self.assertEqual((answer["level"], answer["complete"]), (int(level), True))
            self.assertEqual(answer["auth"], "NTLM")
            self.assertEqual(len(answer["sessions"]), 4)
            for session in answer["sessions"]:
                self.assertEqual(sorted(session), sorted(fields.split()))

    def test_the_same_in_both(self):
        table = self.server.ask("--level", "10").stdout.splitlines()[2:]
        rows = json.loads(self.server.ask("--json", "--level", "10").stdout)["sessions"]
        self.assertEqual([line.split()[:2] for line in table],
                         [[row["client"], row["user"]] for row in rows])

    def test_filters(self):
        answer = json.loads(self.server.ask("--json", "--user", "admin").stdout)
        self.assertEqual([s["user"] for s in answer["sessions"]], ["admin"])
        answer = json.loads(self.server.ask("--json", "--client", "127.0.0.1").stdout)
        self.assertEqual([s["client"] for s in answer["sessions"]], ["\\\\127.0.0.1"])
        done = self.server.ask("--user", "nobody")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no session of that user", done.stderr)

    def test_pages(self):
        done = self.server.ask("--level", "1", "--preferred-length", "300")
        self.assertTrue(done.stdout.startswith(self.server.target + ": 4 sessions"), done)
        done = self.server.ask("--preferred-length", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("preferred length", done.stderr)

    def test_several_servers(self):
        self.assertEqual(self.server.ask(hosts=3).stdout.count("4 sessions"), 3)
        done = self.server.ask("127.0.0.1:1")  # and the one that is there
        self.assertEqual(done.returncode, 1)
        self.assertIn("4 sessions", done.stdout)
        self.assertIn("127.0.0.1:1: cannot connect", done.stderr)

    def test_verbose(self):
        done = self.server.ask("-v", "--max-dialect", "3.0.2", "--encrypt")
        self.assertIn("SMB 3.0.2, NTLM, signing AES-CMAC, encryption AES-128-CCM", done.stderr)
        self.assertIn("smb2 > NEGOTIATE 0", self.server.ask("-vv").stderr)

    def test_refused(self):
        done = self.server.ask(password="wrong")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("STATUS_LOGON_FAILURE", done.stderr)
        done = self.server.ask(user="plain", password="plain")
        self.assertIn("access denied at every level", done.stderr)
        error = json.loads(self.server.ask("--json", "--level", "502", user="plain",
                                           password="plain").stdout)["error"]
        self.assertEqual(error["code"], "ERROR_ACCESS_DENIED")

    def test_files(self):
        path = os.path.join(self.server.dir.name, "auth")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
            f.write("username = admin\npassword = secret\ndomain = X\n")
        self.assertEqual(self.server.ask("-A", path, password="").returncode, 0)
        os.chmod(path, 0o644)
        self.assertIn("others may read", self.server.ask("-A", path).stderr)

    def test_full_disk(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            for form in [], ["--json"]:
                done = subprocess.run(
                    [BUILD + "/netsession", "-U", "admin", *form, self.server.target],
                    env=dict(os.environ, PASSWD="secret", KRB5CCNAME="/nonexistent"), stdout=full,
                    stderr=subprocess.PIPE, text=True, timeout=60, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn("cannot write", done.stderr)


class Cut(unittest.TestCase):
    """A disk that fills: what is written before is no answer."""

    def test_everywhere(self):
        with Server("--fill", "400") as server:
            for form in [], ["--json"]:
                size = len(server.ask(*form).stdout)
                for limit in 0, 1, 4095, 4096, 4097, size // 2, size - 100:
                    self.cut(server, form, limit)

    def cut(self, server, form, limit):
        def limited():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        with tempfile.TemporaryFile("w+") as out:
            done = subprocess.run(
                [BUILD + "/netsession", "-U", "admin", *form, server.target], stdout=out,
                env=dict(os.environ, PASSWD="secret", KRB5CCNAME="/nonexistent",
                         GCOV_PREFIX=server.dir.name, GCOV_ERROR_FILE="/dev/null"),
                stderr=subprocess.PIPE, text=True, timeout=60, check=False, preexec_fn=limited)
            self.assertEqual(done.returncode, 1, limit)
            self.assertEqual(done.stderr,
                             "netsession: cannot write the output: File too large\n")
            self.assertEqual(out.seek(0, os.SEEK_END), limit)


class Unsigned(unittest.TestCase):
    def test_anonymous_and_guest(self):
        with Server("--anonymous", "--guest", "--read-for-all") as server:
            done = server.ask("--anonymous", "-v")
            self.assertIn("anonymous, signing none", done.stderr)
            refused = server.ask(user="who", password="who")
            self.assertEqual(refused.returncode, 1)
            self.assertIn("guest", refused.stderr)
            done = server.ask("--guest", "-v", user="who", password="who")
            self.assertIn("guest, signing none", done.stderr)
            self.assertIn("access denied", done.stderr)  # he is in, but no more


class Sessiond(unittest.TestCase):
    """Its command line and its file of users."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.users = os.path.join(folder.name, "users")
        self.write(USERS)

    def write(self, text, mode=0o600):
        with open(os.open(self.users, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.users, mode)

    def run_it(self, *options, users=None):
        return subprocess.run([BUILD + "/sessiond", "--users", users or self.users, *options],
                              capture_output=True, text=True, timeout=60, check=False)

    def refused(self, *options, status=2, says, users=None):
        done = self.run_it(*options, users=users)
        self.assertEqual((done.returncode, done.stdout), (status, ""), done)
        self.assertRegex(done.stderr, r"\Asessiond: [^\n]+\n\Z")
        self.assertIn(says, done.stderr)

    def test_options(self):
        for options, says in (
                (("--min-dialect", "1.0"), "unknown name: 1.0"),
                (("--signing", "AES-GMAC,md5"), "unknown name: md5"),
                (("--syntaxes", "NDR16"), "unknown name: NDR16"),
                (("--encryption", "no"), "unknown name: no"),
                (("--ciphers", "rot13"), "unknown name: rot13"),
                (("--idle", "x"), "not a number"), (("--idle", "1x"), "not a number"),
                (("--idle", ""), "not a number"), (("--lifetime", "86401"), "too large"),
                (("--max-connections", "0"), "must be 1 or more"),
                (("--max-sessions", "0"), "must be 1 or more"),
                (("--listen", "127.0.0.1:65536"), "too large"),
                (("--listen", "127.0.0.1:123456789"), "no address and port"),
                (("--listen", "x"), "not a number"), (("--listen", "[::1]:x"), "not a number"),
                (("--listen", "[::1:x"), "not a number"), (("--listen", ":x"), "not a number"),
                (("--signing", ",".join(["AES-GMAC"] * 40), "word"), "unexpected"),
                (("--listen", "h" * 256 + ":1"), "no address and port"),
                (("word",), "unexpected: word"),
                (("--no-ntlm",), "nobody could log on"),
                (("--min-dialect", "3.0", "--max-dialect", "2.1"), "dialect range is empty")):
            self.refused(*options, says=says)
        self.assertEqual(self.run_it("--bogus").returncode, 2)
        done = subprocess.run([BUILD + "/sessiond"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("missing: --users FILE", done.stderr)

    def test_help(self):
        done = self.run_it("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("--max-connections N", done.stdout)
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([BUILD + "/sessiond", "--help"], stdout=full, text=True,
                                  stderr=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write the help", done.stderr)

    def test_where_it_cannot_listen(self):
        self.refused("--listen", "192.0.2.1:0", status=1, says="cannot listen on 192.0.2.1")
        self.refused("--listen", "no such host:0", status=1, says="cannot listen on no such host")
        for more in [], ["--no-ntlm"]:
            done = subprocess.run([BUILD + "/sessiond", "--keytab", "/nonexistent", *more],
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertRegex(done.stderr, r"\Asessiond: [^\n]+\n\Z")

    def test_users(self):
        for text, says in (
                ("a\n", "line 1"), ("# b\n\n  a\tsecret\n", "line 3"),
                ("a\tnt:0123\n", "line 1"), ("a\tnt:" + 33 * "0" + "\n", "line 1"),
                ("a\tnt:" + 31 * "0" + "g\n", "line 1"), ("\\\tpassword:x\n", "line 1"),
                ("a" * 256 + "\tpassword:x\n", "line 1"),
                ("D" * 256 + "\\a\tpassword:x\n", "line 1"),
                ("a\tpassword:x\tking\n", "line 1"),
                ("a\tpassword:x admin\n", "spaces before"),
                ("a\tpassword:x\nb\tpassword:x\nA\tpassword:y\n", "line 3: has a name that"),
                ("D\\a\tpassword:x\nd\\A\tpassword:y\n", "line 2: has a name that")):
            self.write(text)
            self.refused("--listen", "127.0.0.1:0", status=1, says=says)

    def test_users_that_cannot_be_read(self):
        self.write(USERS, 0o644)
        self.refused(status=1, says="others may read")
        self.refused(status=1, says="No such file", users="/nonexistent")
        self.refused(status=1, says="directory", users=os.path.dirname(self.users))
        self.refused(status=1, says="/proc/self/mem: Input/output error", users="/proc/self/mem")

    def test_all_options(self):
        with Server("--name", "FS1", "--domain", "LAB", "--min-dialect", "3.1.1", "--max-dialect",
                    "3.1.1", "--signing-required", "--signing", "AES-CMAC", "--encryption", "off",
                    "--ciphers", "AES-128-GCM", "--syntaxes", "NDR32", "--any-name", "--seed", "7",
                    "--lifetime", "60", "--request-mic", "--listen", "[127.0.0.1]:0") as server:
            done = server.ask("-v")
            self.assertIn("SMB 3.1.1, NTLM, signing AES-CMAC (the server requires it), "
                          "encryption none, NDR32", done.stderr)
            self.assertIn("4 sessions", done.stdout)

    def test_accounts(self):
        """By hash, in a domain and in every other one, whichever line comes first."""
        lines = ["ann\tpassword:other\n", "LAB\\ann\tnt:8846F7EAEE8FB117AD06BDD830B7586C admin\n"]
        for text in lines, lines[::-1]:
            self.write("".join(text))
            with Server("--users", self.users) as server:
                self.assertEqual(server.ask(user="LAB\\ann", password="password").returncode, 0)
                done = server.ask(user="LAB\\ann", password="other")
                self.assertIn("STATUS_LOGON_FAILURE", done.stderr)
                done = server.ask(user="X\\ann", password="password")
                self.assertIn("STATUS_LOGON_FAILURE", done.stderr)
                done = server.ask(user="X\\ann", password="other")
                self.assertIn("access denied", done.stderr)

    def test_no_descriptors(self):
        """Who cannot be accepted waits, and the server does not turn round and round."""
        with Server() as server:
            pid, (_, most) = server.process.pid, resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, most))
            host, port = server.target.split(":")
            before = cpu_time(pid)
            with socket.create_connection((host, int(port)), timeout=3) as waiting:
                self.assertRaises(TimeoutError, waiting.recv, 1)
            self.assertLess(cpu_time(pid) - before, 1)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
            self.assertEqual(server.ask().returncode, 0)

    def test_idle(self):
        """Who is silent is dropped, and who is there at the end, too."""
        with Server("--idle", "1", "--max-sessions", "2") as server:
            host, port = server.target.split(":")
            with socket.create_connection((host, int(port)), timeout=60) as one:
                self.assertEqual(one.recv(1), b"")
            with socket.create_connection((host, int(port)), timeout=60) as one, \
                    socket.create_connection((host, int(port)), timeout=60) as two:
                self.assertEqual(server.ask().returncode, 0)  # the others are accepted by now
                server.process.terminate()
                self.assertEqual(server.process.wait(60), 0)
                self.assertEqual((one.recv(1), two.recv(1)), (b"", b""))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        BUILD = sys.argv.pop(1)
    unittest.main()
