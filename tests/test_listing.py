#!/usr/bin/env python3
"""What the command shows of a server: test_listing.py [BUILD]."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

BUILD = "build"
USERS = "admin\tpassword:secret\tadmin\nplain\tpassword:plain\n"


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
        self.process.kill()
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


if __name__ == "__main__":
    if len(sys.argv) > 1:
        BUILD = sys.argv.pop(1)
    unittest.main()
