#!/usr/bin/env python3
"""No password is shown: test_secrets.py [BUILD].

The command logs on to sessiond in every way in which a password can be given, rightly and
wrongly, and neither says it, nor writes it, nor lets others read it, in any form that it goes
through: UTF-8, UTF-16, the NT hash, base64."""

import base64
import json
import os
import pty
import re
import secrets
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = "build"
PATIENCE = 20  # seconds


def md4(data):
    """RFC 1320; Python's own is often left out."""
    mask = 0xFFFFFFFF
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    rounds = (
        (lambda x, y, z: x & y | ~x & z, 0, range(16), (3, 7, 11, 19)),
        (lambda x, y, z: x & y | x & z | y & z, 0x5A827999,
         [i % 4 * 4 + i // 4 for i in range(16)], (3, 5, 9, 13)),
        (lambda x, y, z: x ^ y ^ z, 0x6ED9EBA1,
         (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15)),
    )
    padded = data + b"\x80" + b"\0" * ((55 - len(data)) % 64) + struct.pack("<Q", len(data) * 8)
    for at in range(0, len(padded), 64):
        block = struct.unpack("<16I", padded[at:at + 64])
        a, b, c, d = state
        for mix, add, order, shifts in rounds:
            for i, k in enumerate(order):
                x = (a + mix(b, c, d) + block[k] + add) & mask
                n = shifts[i % 4]
                a, b, c, d = d, (x << n | x >> (32 - n)) & mask, b, c
        state = [(x + y) & mask for x, y in zip(state, (a, b, c, d))]
    return struct.pack("<4I", *state)


def forms(password):
    """The bytes that must not be seen, by name."""
    utf8, utf16 = password.encode(), password.encode("utf-16-le")
    nt_hash = md4(utf16)
    found = {"UTF-8": utf8, "UTF-16": utf16, "in JSON": json.dumps(password)[1:-1].encode(),
             "NT hash": nt_hash, "NT hash in hex": nt_hash.hex().encode(),
             "NT hash in capital hex": nt_hash.hex().upper().encode()}
    for name in "UTF-8", "UTF-16", "NT hash":
        for shift in range(3):  # as part of something longer, too
            text = base64.b64encode(b"\0" * shift + found[name])
            found[f"{name} in base64, {shift}"] = text[4 if shift else 0:-4]
    return found


def new_password():
    return secrets.token_hex(8) + 'ä "\\%' + secrets.token_hex(4)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.password, self.other = new_password(), new_password()
        self.seen = []  # (where, bytes)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        return path

    def serve(self, *options):
        """sessiond, which knows alice; its address."""
        users = self.write("users", f"alice\tpassword:{self.password}\tadmin\n")
        log = os.path.join(self.folder, "log")
        with open(log, "wb") as out:
            server = subprocess.Popen([f"{BUILD}/sessiond", "--users", users, "--listen",
                                       "127.0.0.1:0", *options], stdout=out, stderr=out)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        self.log, self.server = log, server
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with open(log) as text:
                ready = re.search(r"ready on (\S+) port (\d+)", text.read())
            if ready:
                return f"{ready[1]}:{ready[2]}"
            time.sleep(0.02)  # between looks
        raise AssertionError("sessiond is not ready")

    def environment(self, **extra):
        left_out = ("USER", "PASSWD", "PASSWD_FD", "PASSWD_FILE")
        env = {k: v for k, v in os.environ.items() if k not in left_out}
        return dict(env, LC_ALL="C.UTF-8", KRB5_CONFIG="/dev/null", **extra)

    def run_tool(self, *args, code=0, **env):
        done = subprocess.run([f"{BUILD}/netsession", *args], env=self.environment(**env),
                              capture_output=True, stdin=subprocess.DEVNULL,
                              start_new_session=True, timeout=60, cwd=self.folder)
        self.assertEqual(done.returncode, code, done)
        self.seen += [("output", done.stdout), ("errors", done.stderr)]
        return done

    def nothing_seen(self):
        for name, value in (*forms(self.password).items(), *forms(self.other).items()):
            for where, text in self.seen:
                self.assertNotIn(value, text, f"{name} in {where}")

    def see_log(self):
        with open(self.log, "rb") as file:
            self.seen.append(("the server's log", file.read()))
        with open(f"/proc/{self.server.pid}/cmdline", "rb") as file:
            self.seen.append(("the server's arguments", file.read()))


class Vectors(unittest.TestCase):
    def test_md4(self):
        self.assertEqual(md4(b"").hex(), "31d6cfe0d16ae931b73c59d7e0c089c0")
        self.assertEqual(md4("password".encode("utf-16-le")).hex(),
                         "8846f7eaee8fb117ad06bdd830b7586c")

    def test_base64_is_found_wherever_it_begins(self):
        text = new_password()
        for before in range(4):
            wrapped = base64.b64encode(b"x" * before + text.encode() + b"yz")
            self.assertTrue(any(value in wrapped for name, value in forms(text).items()
                                if name.startswith("UTF-8 in base64")), before)


class Outputs(Case):
    def ways(self, password):
        """Arguments and environment for each way to give it."""
        given = self.write("password", password + "\n")
        authfile = self.write("authfile", f"username = alice\npassword = {password}\n")
        yield ("-U", "alice", "--password-file", given), {}
        yield ("-A", authfile), {}
        yield ("-U", "alice"), {"PASSWD": password}
        yield ("-U", "alice"), {"PASSWD_FILE": given}
        yield (), {"USER": "alice%" + password}

    def test_right_and_wrong(self):
        for options in (), ("--encryption", "required"), ("--max-dialect", "2.0.2"):
            server = self.serve(*options)
            for password, code in (self.password, 0), (self.other, 1):
                for args, env in self.ways(password):
                    for more in (), ("-v", "-v"), ("--json", "-v"), ("-v", "--level", "auto"):
                        self.run_tool(*args, *more, server, code=code, **env)
            self.see_log()
        self.nothing_seen()

    def test_no_server(self):
        for args, env in self.ways(self.password):
            for host in "127.0.0.1:1", "no server", "nobody.invalid":
                self.run_tool(*args, "-v", host, code=1, **env)
                self.run_tool(*args, "--json", host, code=1, **env)
        self.nothing_seen()

    def test_what_cannot_be_read(self):
        """An error names the file and what is wrong with it, not what is in it."""
        bad = [f"username = alice\npasswort = {self.password}\n", f"alice%{self.password}\n",
               f"username = \npassword = {self.password}\n"]
        for text in bad:
            self.run_tool("-A", self.write("bad", text), "127.0.0.1:1", code=1)
        long = self.write("long", self.password * 100)
        self.run_tool("-U", "alice", "--password-file", long, "127.0.0.1:1", code=1)
        self.run_tool("-U", "alice", "127.0.0.1:1", code=1, PASSWD_FD=self.password)
        self.run_tool("-U", f"alice%{self.password}", "127.0.0.1:1", code=2)
        self.nothing_seen()

    def test_a_server_that_does_not_start(self):
        for text in (f"alice\t{self.password}\n", f"alice\tnt:{self.password}\n",
                     f"alice\tpassword:{self.password}\tking\n", f"{self.password}\n"):
            users = self.write("users", text)
            done = subprocess.run([f"{BUILD}/sessiond", "--users", users, "--listen",
                                   "127.0.0.1:0"], capture_output=True, timeout=60)
            self.assertNotEqual(done.returncode, 0, done)
            self.seen += [("output", done.stdout), ("errors", done.stderr)]
        self.nothing_seen()


class Process(Case):
    """What others on the machine can read while it runs: here it waits for a server that takes
    the connection and is silent."""

    def silent(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        listener.settimeout(PATIENCE)
        return listener, "127.0.0.1:%d" % listener.getsockname()[1]

    def see_process(self, pid):
        for name in "cmdline", "comm", "stat", "status":
            with open(f"/proc/{pid}/{name}", "rb") as file:
                self.seen.append((f"/proc/PID/{name}", file.read()))

    def test_arguments(self):
        given = self.write("password", self.password)
        listener, host = self.silent()
        tool = subprocess.Popen([f"{BUILD}/netsession", "-v", "-U", "alice", "--password-file",
                                 given, host], env=self.environment(),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        client, _ = listener.accept()
        self.see_process(tool.pid)
        client.close()
        self.seen += zip(("output", "errors"), tool.communicate(timeout=PATIENCE))
        self.nothing_seen()

    def test_terminal(self):
        server = self.serve()
        for password in self.password, self.other:
            pid, tty = pty.fork()
            if pid == 0:
                os.execve(f"{BUILD}/netsession",
                          ["netsession", "-v", "-U", "alice", server], self.environment())
            text = b""
            while not text.endswith(b": "):
                text += os.read(tty, 1)
            os.write(tty, password.encode() + b"\n")
            try:
                while chunk := os.read(tty, 1000):
                    text += chunk
            except OSError:
                pass  # the other end is closed
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            os.close(tty)
            self.assertEqual(code, password != self.password, text)
            self.seen.append(("the terminal", text))
        self.see_log()
        self.nothing_seen()


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        BUILD = sys.argv.pop(1)
    BUILD = os.path.abspath(BUILD)
    unittest.main()
