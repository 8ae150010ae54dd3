#!/usr/bin/env python3
"""coverage.py BUILD [--gate]: what the tests ran of a build with --coverage, by
file: lines and branches.  The gate: where the client
parses bytes of others, and where credentials are checked, every line and branch is taken, or the line is in
tests/coverage.list with its reason; nothing is in that list in vain; and of all
files together neither lines nor branches fall under LEAST."""
import collections
import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIST = 'tests/coverage.list'
LEAST = 95  # of a hundred
PARSERS = (
    'auth/client.c', 'auth/der.c', 'auth/kerberos*.c', 'auth/md4.c', 'auth/ntlm*.c',
    'auth/rc4.c', 'auth/server.c', 'auth/server_name.c', 'auth/spnego.c', 'base/*.c',
    'dcerpc/*.c', 'ndr/decode.c', 'ndr/layout.c', 'netapi/credentials.c', 'netapi/logon.c',
    'smb2/client.c', 'smb2/header.c', 'smb2/keys.c', 'smb2/logon.c', 'smb2/negotiate.c',
    'smb2/open.c', 'smb2/pipe.c', 'smb2/session.c', 'smb2/signing.c', 'smb2/transform.c',
    'smb2/tree.c', 'srvsvc/name.c', 'srvsvc/page.c', 'srvsvc/session.c',
)
ROOMS = ('base', 'auth', 'smb2', 'ndr', 'dcerpc', 'srvsvc', 'netapi', 'server', 'tools',
         'examples/sessiond')


def objects(build):
    for folder, _, names in os.walk(build):
        if os.path.relpath(folder, build).startswith(ROOMS):
            yield from (os.path.join(folder, n) for n in names if n.endswith('.gcda'))


def gcov(path):
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(['gcov', '--json-format', '--branch-probabilities',
                        os.path.abspath(path)], cwd=scratch, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name in os.listdir(scratch):
            with gzip.open(os.path.join(scratch, name)) as f:
                yield from json.load(f)['files']


def collect(build):
    """{file: ({line: runs}, {(line, n): taken})}"""
    files = collections.defaultdict(lambda: ({}, {}))
    for path in objects(build):
        for one in gcov(path):
            name = os.path.normpath(one['file'])
            if not name.startswith(ROOMS):
                continue
            lines, branches = files[name]
            for line in one['lines']:
                n = line['line_number']
                lines[n] = lines.get(n, 0) + line['count']
                for i, b in enumerate(line['branches']):
                    branches[n, i] = branches.get((n, i), 0) + b['count']
    return files


def share(counts):
    return 100 * sum(c > 0 for c in counts) / len(counts) if counts else 100


def missed(lines, branches):
    return sorted({n for n, c in lines.items() if not c} |
                  {n for (n, _), c in branches.items() if not c})


# ---- The gate ----

def parsers():
    return sorted(name for pattern in PARSERS
                  for name in glob.glob(os.path.join(ROOT, pattern)))


def excused():
    """[(file, fragment)] of the list"""
    with open(os.path.join(ROOT, LIST)) as f:
        entries = [line.rstrip('\n').partition('\t') for line in f if line.strip()]
    for place, _, reason in entries:
        if not reason.strip() or ':' not in place:
            sys.exit('%s: no reason, or no place: %s' % (LIST, place))
    return [tuple(place.split(':', 1)) for place, _, _ in entries]


def faults(files):
    """One sentence for everything that is not as it must be."""
    left = excused()
    used = set()
    for path in parsers():
        name = os.path.relpath(path, ROOT)
        if name not in files:
            yield '%s: no test ran it' % name
            continue
        with open(path) as f:
            text = [''] + f.read().split('\n')
        for n in missed(*files[name]):
            why = {e for e in left if e[0] == name and e[1] in text[n]}
            used |= why
            if not why:
                yield '%s:%d: not taken: %s' % (name, n, text[n].strip())
    for name, fragment in left:
        if (name, fragment) not in used:
            yield '%s: nothing is missed there: %s:%s' % (LIST, name, fragment)


def main():
    files = collect(sys.argv[1])
    for name in sorted(files):
        lines, branches = files[name]
        print('%-28s lines %5.1f%%  branches %5.1f%%  %s' % (
            name, share(lines.values()), share(branches.values()),
            ' '.join(map(str, missed(lines, branches)))))
    every = [c for lines, _ in files.values() for c in lines.values()]
    taken = [c for _, branches in files.values() for c in branches.values()]
    print('%-28s lines %5.1f%%  branches %5.1f%%' % ('all', share(every), share(taken)))
    if '--gate' not in sys.argv[2:]:
        return
    wrong = list(faults(files))
    for what, counts in (('lines', every), ('branches', taken)):
        if share(counts) < LEAST:
            wrong.append('all together: %.1f%% of the %s, less than %d%%' % (
                share(counts), what, LEAST))
    if wrong:
        sys.exit('\n'.join(wrong))


if __name__ == '__main__':
    main()
