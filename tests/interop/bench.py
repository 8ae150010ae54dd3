#!/usr/bin/python3
"""What one question costs: netsession beside rpcclient of Samba.

    bench.py [--bin build/netsession] [--runs 15]

Both ask one Samba domain controller (SMB 3.1.1, signed, NTLM) for its sessions
at level 1, in turns A B A B after a warm-up.  Prints the medians of user and
system CPU time together, of the greatest resident size, and of the time on the
clock, and rpcclient's divided by ours.

Needs root, what tests/peers/samba_dc.sh needs, and a C compiler ($CC or cc).
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from peers import Failure, SambaDc

MEASURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'measure.c')
WARM_UP = 2


class Bench:
    def __init__(self, dc, directory):
        self.dc = dc
        self.measure = os.path.join(directory, 'measure')
        subprocess.run([os.environ.get('CC', 'cc'), '-O2', '-o', self.measure, MEASURE],
                       check=True)

    def run(self, command):
        """CPU milliseconds, KiB, milliseconds on the clock."""
        reader, writer = os.pipe()
        with open(reader, encoding='ascii') as result:
            started = time.monotonic()
            process = self.dc.popen([self.measure, str(writer), *command], pass_fds=[writer],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            os.close(writer)
            _, errors = process.communicate(timeout=60)
            elapsed = time.monotonic() - started
            numbers = [int(number) for number in result.read().split()]
        if len(numbers) != 3 or numbers[2] != 0:
            raise Failure('%s: %s %s' % (' '.join(command), numbers, errors.strip()[-300:]))
        return numbers[0] / 1000, numbers[1], elapsed * 1000

    def compare(self, ours, theirs, runs):
        """Medians of the three numbers of each."""
        results = ([], [])
        for number in range(WARM_UP + runs):
            for command, column in zip((ours, theirs), results):
                sample = self.run(command)
                if number >= WARM_UP:
                    column.append(sample)
        return [[statistics.median(kind) for kind in zip(*column)] for column in results]


def write_authfile(path, dc):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), 'w', encoding='ascii') as file:
        file.write('username = Administrator\npassword = %s\ndomain = %s\n' % (
            dc.password('Administrator'), dc.env['DOMAIN']))


def report(ours, theirs):
    print('%-16s %12s %12s %9s' % ('median', 'netsession', 'rpcclient', 'ratio'))
    for name, a, b in zip(('CPU ms', 'max RSS KiB', 'elapsed ms'), ours, theirs):
        print('%-16s %12.2f %12.2f %8.1fx' % (name, a, b, b / a if a else float('inf')))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--bin', default='build/netsession')
    parser.add_argument('--runs', type=int, default=15)
    options = parser.parse_args()
    dc = SambaDc()
    try:
        dc.start()
        dc.configure('server min protocol = SMB3_11', 'server signing = mandatory')
        with tempfile.TemporaryDirectory() as directory, dc.sessions(['alice', 'alice', 'bob']):
            authfile = os.path.join(directory, 'auth')
            write_authfile(authfile, dc)
            # netsessenum drops empty arguments; Samba does not look at the names.
            report(*Bench(dc, directory).compare(
                [os.path.abspath(options.bin), '--level', '1', '-A', authfile, dc.host],
                ['rpcclient', dc.host, '-A', authfile, '--use-kerberos=off',
                 '-c', 'netsessenum x y 1'],
                options.runs))
    except Failure as failure:
        sys.exit('bench.py: %s' % failure)
    finally:
        dc.stop()


if __name__ == '__main__':
    main()
