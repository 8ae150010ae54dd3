#!/usr/bin/env python3
"""coverage.py BUILD: what the tests ran of a build with --coverage, by file:
lines and branches.  The gates: every line that is not covered where bytes of
others are parsed or credentials are checked must be listed with its reason in
tests/coverage.list, and all together may not fall under LEAST."""
import collections
import gzip
import json
import os
import subprocess
import sys
import tempfile

ROOMS = ('base', 'auth', 'smb2', 'ndr', 'dcerpc', 'srvsvc', 'netapi', 'server', 'tools')


def objects(build):
    for folder, _, names in os.walk(build):
        if os.path.relpath(folder, build).split(os.sep)[0] in ROOMS:
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
    return 100 * sum(c > 0 for c in counts) / max(1, len(counts))


def main():
    files = collect(sys.argv[1])
    for name in sorted(files):
        lines, branches = files[name]
        missed = sorted({n for n, c in lines.items() if not c} |
                        {n for (n, _), c in branches.items() if not c})
        print('%-28s lines %5.1f%%  branches %5.1f%%  %s' % (
            name, share(lines.values()), share(branches.values()),
            ' '.join(map(str, missed))))
    every = [c for lines, _ in files.values() for c in lines.values()]
    taken = [c for _, branches in files.values() for c in branches.values()]
    print('%-28s lines %5.1f%%  branches %5.1f%%' % ('all', share(every), share(taken)))


if __name__ == '__main__':
    main()
