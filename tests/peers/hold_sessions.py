#!/usr/bin/python3
"""hold_sessions.py ADDRESS PORT [DOMAIN\\]USER PASSWORD COUNT

Logs on COUNT times, says "ready", and keeps the sessions until its input ends.
"""
import sys

from impacket.smbconnection import SMBConnection


def log_on(address, port, account, password):
    domain, _, user = account.rpartition("\\")
    connection = SMBConnection(address, address, sess_port=port)
    connection.login(user, password, domain)
    return connection


def main():
    address, port, account, password, count = sys.argv[1:]
    held = [log_on(address, int(port), account, password) for _ in range(int(count))]
    print("ready", len(held), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
