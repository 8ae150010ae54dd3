#!/usr/bin/python3
"""Samba's smbtorture against sessiond.

    run.py [--bin build] [--only WORD] [--try CASE [-- OPTION...]]

Runs the cases that pass.list names: on each line the case and, behind a tab, the
options of sessiond that it needs.  na.list has those that do not apply, and why.
Prints "ok CASE" or "FAIL CASE: why" for each and last "N passed, N failed"; the
exit status is 1 when one failed.  A case that skips itself has failed.

The raw DCE/RPC tests come last (raw_protocol.py).  Needs samba-testsuite.
"""
import argparse
import concurrent.futures
import os
import re
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'interop'))

from peers import Failure, Host, Sessiond

SECONDS = 40  # for one case
AT_ONCE = 4

# Names of cases that speak DCE/RPC alone want a binding, the others a share.
BINDING = ('rpc.srvsvc',)


def read_list(name):
    with open(os.path.join(HERE, name), encoding='utf-8') as file:
        rows = [line.rstrip('\n').split('\t') for line in file if line.strip() and line[0] != '#']
    return [(row[0], row[1] if len(row) > 1 else '') for row in rows]


def torture(server, case):
    """None, or why the case failed."""
    target = 'ncacn_np:127.0.0.1' if case.startswith(BINDING) else '//127.0.0.1/IPC$'
    try:
        status, out, err = Host().run(
            ['smbtorture', target, '-s', os.devnull, '-p', str(server.port),
             '-U', 'admin%' + server.password('admin'), '--option=client min protocol=SMB2_02',
             '--option=torture:share=IPC$', case], timeout=SECONDS)
    except Failure as failure:
        return str(failure)
    if status == 0 and re.search('^success: ', out, re.MULTILINE):
        return None
    why = re.search(r'^(?:failure|error|skip): .*\n(.*)', out, re.MULTILINE)
    return 'exit %d, %s' % (status, why.group(1) if why else (out + err).strip()[-200:])


def run_group(build, options, cases):
    """Yields name and result for the cases that want a server with these options."""
    with Sessiond(build, *options.split()) as server, \
            concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        yield from zip(cases, pool.map(lambda case: torture(server, case), cases))


def run_all(build, chosen):
    groups = {}
    for case, options in chosen:
        groups.setdefault(options, []).append(case)
    for options, cases in groups.items():
        try:
            yield from run_group(build, options, cases)
        except Failure as failure:  # of the server, at its end
            yield 'sessiond %s' % options, str(failure)


def run_raw(build):
    """Counts of the raw tests, which print their own lines."""
    done = subprocess.run([os.path.join(HERE, 'raw_protocol.py'), '--bin', build],
                          stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.splitlines()
    print('\n'.join(lines[:-1]))
    counts = re.match(r'(\d+) passed, (\d+) failed$', lines[-1] if lines else '')
    return [int(count) for count in counts.groups()] if counts else [0, 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--bin', default='build', metavar='BUILD')
    parser.add_argument('--only', metavar='WORD', help='cases with this word in their names')
    parser.add_argument('--try', dest='case', help='a case that no list has')
    parser.add_argument('option', nargs='*', help='sessiond\'s, with --try')
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are ended too
    if options.case:
        chosen = [(options.case, ' '.join(options.option))]
    else:
        chosen = [row for row in read_list('pass.list') if (options.only or '') in row[0]]
    passed = failed = 0
    for name, why in run_all(options.bin, chosen):
        passed += why is None
        failed += why is not None
        print('ok %s' % name if why is None else 'FAIL %s: %s' % (name, why), flush=True)
    if not options.case and 'raw'.startswith(options.only or 'raw'):
        raw = run_raw(options.bin)
        passed, failed = passed + raw[0], failed + raw[1]
    print('%d passed, %d failed' % (passed, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
