#!/usr/bin/python3
"""Our NDR of NetrSessionEnum against Samba's, byte for byte and value by value.

    ndr_check.py [--tool build/tests/ndrtool] [--self]

For each case of a table, in NDR32 and NDR64:
  encode    our bytes are those of Samba's code generated from its own IDL
  decode    we read from Samba's bytes the values that were put in
  ndrdump   Samba's printing decoder reads our bytes to the end, and prints them

Bytes differ legally in two places only.  Referent identifiers may be any
numbers but zero (C706 14.3.10; Windows sends the same one everywhere in NDR64):
where they differ they are replaced before comparing.  Padding may be anything;
both sides fill with zeros, so it is compared as it is.

--self checks this script: python3-samba plays our side.

Needs python3-samba and ndrdump (package samba-testsuite).
"""
import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile

from samba import ndr
from samba.dcerpc import srvsvc

LEVELS = (0, 1, 2, 10, 502)
SYNTAXES = ('ndr32', 'ndr64')
ALL = 0xFFFFFFFF

# Field of our JSON: attribute of Samba's structure.
ATTRIBUTES = {
    'client': 'client', 'user': 'user', 'opens': 'num_open', 'time': 'time',
    'idle': 'idle_time', 'flags': 'user_flags', 'client_type': 'client_type',
    'transport': 'transport'}
STRINGS = ('client', 'user', 'client_type', 'transport')
LEVEL_FIELDS = {
    0: ('client',),
    1: ('client', 'user', 'opens', 'time', 'idle', 'flags'),
    2: ('client', 'user', 'opens', 'time', 'idle', 'flags', 'client_type'),
    10: ('client', 'user', 'time', 'idle'),
    502: ('client', 'user', 'opens', 'time', 'idle', 'flags', 'client_type', 'transport')}

# ---- the cases ----------------------------------------------------------------

# Names of every length modulo the alignments, and of every UTF-8 length.
TEXTS = [None, '', 'a', 'ab', 'abc', '\\\\10.0.0.1', '\\\\[fe80::1]', 'jürgen',
         'тест', '名前', 'x\U0001F600', 'n' * 255, '\\\\' + 'long' * 255]


def requests():
    """Name and JSON of each request, all but the level."""
    base = {'server': None, 'client': None, 'user': None, 'prefmaxlen': ALL, 'resume': 0}
    yield 'nulls', base
    yield 'no-resume', dict(base, resume=None)
    yield 'numbers', dict(base, prefmaxlen=0x400, resume=0x80000005)
    yield 'empty', dict(base, server='', client='', user='')
    for number, text in enumerate(TEXTS[2:], 2):
        names = {'server': TEXTS[number - 1], 'client': text, 'user': TEXTS[-number]}
        yield 'names%d' % number, dict(base, resume=number, **names)


def session(number):
    """A session with every field, each different from the next one's."""
    text = [TEXTS[(number * step + step) % len(TEXTS)] for step in (1, 2, 3, 5)]
    return {'client': text[0], 'user': text[1], 'opens': number, 'time': 100 + number,
            'idle': ALL - number, 'flags': number % 4, 'client_type': text[2],
            'transport': text[3]}


def replies():
    """Name and JSON of each reply, all but level and count; the sessions have
    the fields of level 502."""
    nothing = {'client': None, 'user': None, 'opens': 0, 'time': 0, 'idle': 0, 'flags': 0,
               'client_type': None, 'transport': None}
    base = {'sessions': [], 'total': 0, 'resume': 0, 'status': 0}
    yield 'zero', base
    yield 'zero-no-resume', dict(base, resume=None)
    yield 'denied', dict(base, resume=None, status=5)
    yield 'nulls', dict(base, sessions=[nothing], total=1, resume=1)
    yield 'empty', dict(base, sessions=[dict(nothing, client='', user='', client_type='',
                                             transport='')], total=1, resume=0x12)
    yield 'more', dict(base, sessions=[session(n) for n in range(3)], total=70000, resume=3,
                       status=234)
    yield 'no-resume', dict(base, sessions=[session(7)], total=1, resume=None)
    yield 'texts', dict(base, sessions=[session(n) for n in range(2 * len(TEXTS))],
                        total=2 * len(TEXTS), resume=ALL)
    yield 'many', dict(base, sessions=[session(n) for n in range(1000)], total=1000,
                       resume=1000)


def at_level(reply, level):
    sessions = [{field: one[field] for field in LEVEL_FIELDS[level]} for one in reply['sessions']]
    return dict(reply, level=level, count=len(sessions), sessions=sessions)


# ---- Samba's side ---------------------------------------------------------------

def make_ctr(level, count, array):
    container = getattr(srvsvc, 'NetSessCtr%d' % level)()
    container.count = count
    if array is not None:
        container.array = array
    ctr = srvsvc.NetSessInfoCtr()
    ctr.level = level
    ctr.ctr = container
    return ctr


def samba_request(request):
    call = srvsvc.NetSessEnum()
    call.in_server_unc = request['server']
    call.in_client = request['client']
    call.in_user = request['user']
    call.in_info_ctr = make_ctr(request['level'], 0, None)
    call.in_max_buffer = request['prefmaxlen']
    call.in_resume_handle = request['resume']
    return call


def samba_session(level, one):
    info = getattr(srvsvc, 'NetSessInfo%d' % level)()
    for field in LEVEL_FIELDS[level]:
        setattr(info, ATTRIBUTES[field], one[field])
    return info


def samba_reply(reply, null_container=False):
    call = srvsvc.NetSessEnum()
    array = [samba_session(reply['level'], one) for one in reply['sessions']]
    ctr = make_ctr(reply['level'], len(array), array or None)
    if null_container:
        ctr.ctr = None
    call.out_info_ctr = ctr
    call.out_totalentries = reply['total']
    call.out_resume_handle = reply['resume']
    call.result = reply['status']
    return call


def samba_read_request(call):
    return {'server': call.in_server_unc, 'client': call.in_client, 'user': call.in_user,
            'level': call.in_info_ctr.level, 'prefmaxlen': call.in_max_buffer,
            'resume': call.in_resume_handle}


def samba_read_reply(call):
    level = call.out_info_ctr.level
    container = call.out_info_ctr.ctr
    array = (container.array or []) if container else []
    sessions = [{field: getattr(info, ATTRIBUTES[field]) for field in LEVEL_FIELDS[level]}
                for info in array]
    return {'level': level, 'count': len(sessions), 'sessions': sessions,
            'total': call.out_totalentries, 'resume': call.out_resume_handle,
            'status': call.result[0]}


class SambaSide:
    """The four operations of the tool, by python3-samba; for --self."""

    @staticmethod
    def encode_in(request, syntax):
        return ndr.ndr_pack_in(samba_request(request), ndr64=syntax == 'ndr64')

    @staticmethod
    def encode_out(reply, syntax):
        return ndr.ndr_pack_out(samba_reply(reply), ndr64=syntax == 'ndr64')

    @staticmethod
    def decode_in(data, syntax):
        call = ndr.ndr_unpack_in(srvsvc.NetSessEnum(), data, ndr64=syntax == 'ndr64')
        return samba_read_request(call)

    @staticmethod
    def decode_out(data, syntax):
        call = ndr.ndr_unpack_out(srvsvc.NetSessEnum(), data, ndr64=syntax == 'ndr64')
        return samba_read_reply(call)


# ---- our side ---------------------------------------------------------------------

class OurSide:
    """The four operations of the tool, by our program."""

    def __init__(self, tool):
        self.tool = tool

    def run(self, text, *arguments):
        done = subprocess.run([self.tool, *arguments], input=text, text=True, encoding='utf-8',
                              capture_output=True, check=False, timeout=60)
        if done.returncode != 0:
            raise ValueError('%s: exit %d: %s' % (' '.join(arguments), done.returncode,
                                                  done.stderr.strip()))
        return done.stdout

    def encode_in(self, request, syntax):
        return bytes.fromhex(self.run(json.dumps(request, ensure_ascii=False), 'encode-in',
                                      str(request['level']), syntax))

    def encode_out(self, reply, syntax):
        return bytes.fromhex(self.run(json.dumps(reply, ensure_ascii=False), 'encode-out',
                                      syntax))

    def decode_in(self, data, syntax):
        return json.loads(self.run(data.hex(), 'decode-in', syntax))

    def decode_out(self, data, syntax):
        return json.loads(self.run(data.hex(), 'decode-out', syntax))


# ---- comparing ----------------------------------------------------------------------

def referents(data, syntax):
    """Offsets of the referent identifiers in Samba's bytes: it numbers them
    0x20000, 0x20004 and so on in the order in which they stand."""
    size = 8 if syntax == 'ndr64' else 4
    wanted, offset = 0x20000, 0
    while offset + size <= len(data):
        if int.from_bytes(data[offset:offset + size], 'little') == wanted:
            yield offset, size
            wanted += 4
            offset += size
        else:
            offset += 4 if syntax == 'ndr32' else 8


def compare_bytes(ours, theirs, syntax):
    """Raises unless equal but for the values of referent identifiers."""
    if ours == theirs:
        return
    ours = bytearray(ours)
    for offset, size in referents(theirs, syntax):
        if any(ours[offset:offset + size]):
            ours[offset:offset + size] = theirs[offset:offset + size]
    if ours == theirs:
        return
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b),
              min(len(ours), len(theirs)))
    raise ValueError('%d bytes, Samba %d; first difference at 0x%x: %s, Samba %s' % (
        len(ours), len(theirs), at, ours[at:at + 16].hex(), theirs[at:at + 16].hex()))


def compare_values(got, want):
    for key, value in want.items():
        if key == 'sessions' and len(got.get(key) or []) == len(value):
            for number, (one, other) in enumerate(zip(got[key], value)):
                if one != other:
                    raise ValueError('session %d: %r, not %r' % (number, one, other))
        elif key not in got or got[key] != value:
            raise ValueError('%s: %r, not %r' % (key, got.get(key, 'missing'), value))


def ndrdump(data, direction, syntax):
    """What Samba's printing decoder makes of the bytes; raises if it fails."""
    with tempfile.NamedTemporaryFile() as stub:
        stub.write(data)
        stub.flush()
        command = ['ndrdump'] + ['--ndr64'] * (syntax == 'ndr64')
        done = subprocess.run(
            command + ['srvsvc', 'srvsvc_NetSessEnum', direction, stub.name],
            capture_output=True, check=False, timeout=60, env=dict(os.environ, LC_ALL='C.UTF-8'))
    text = (done.stdout + done.stderr).decode('utf-8', 'replace')
    if done.returncode != 0:
        raise ValueError('ndrdump: exit %d: %s' % (done.returncode, text[:300]))
    if 'unread bytes' in text or 'WARNING' in text:
        raise ValueError('ndrdump did not use all bytes: %s' % text[-300:])
    return text


def printed(value):
    """How ndrdump prints a string or a number."""
    if isinstance(value, str):
        return "'%s'" % value
    return '0x%08x (%d)' % (value, value)


def expect_printed(text, name, values):
    """The lines "name : value" of ndrdump are these values, in this order."""
    lines = [line.split(' : ', 1) for line in text.splitlines() if ' : ' in line]
    got = [value.strip() for label, value in lines if label.strip() == name]
    got = [value for value in got if value not in ('*', 'NULL')]
    want = [printed(value) for value in values if value is not None]
    if got != want:
        raise ValueError('ndrdump prints %s %r, not %r' % (name, got[:5], want[:5]))


def dump_request(data, request, syntax):
    text = ndrdump(data, 'in', syntax)
    expect_printed(text, 'server_unc', [request['server']])
    expect_printed(text, 'client', [request['client']])
    expect_printed(text, 'user', [request['user']])
    expect_printed(text, 'level', [request['level']])
    expect_printed(text, 'max_buffer', [request['prefmaxlen']])
    expect_printed(text, 'resume_handle', [request['resume']])


def dump_reply(data, reply, syntax):
    text = ndrdump(data, 'out', syntax)
    expect_printed(text, 'count', [reply['count']])
    expect_printed(text, 'totalentries', [reply['total']])
    expect_printed(text, 'resume_handle', [reply['resume']])
    for field in LEVEL_FIELDS[reply['level']]:
        if field != 'flags':  # a bitmap, printed in its own way
            expect_printed(text, ATTRIBUTES[field], [one[field] for one in reply['sessions']])


# ---- running --------------------------------------------------------------------------

class Results:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, function, *arguments):
        try:
            function(*arguments)
        except (ValueError, OSError, RuntimeError, struct.error,
                subprocess.TimeoutExpired) as error:
            self.failed += 1
            print('FAIL %s: %s' % (name, error))
        else:
            self.passed += 1
            print('ok %s' % name)


def check_request(side, name, request, syntax, results):
    theirs = SambaSide.encode_in(request, syntax)
    results.check(name + '.encode', lambda: compare_bytes(
        side.encode_in(request, syntax), theirs, syntax))
    results.check(name + '.decode', lambda: compare_values(
        side.decode_in(theirs, syntax), request))
    results.check(name + '.ndrdump', lambda: dump_request(
        side.encode_in(request, syntax), request, syntax))


def check_reply(side, name, reply, syntax, results):
    theirs = SambaSide.encode_out(reply, syntax)
    results.check(name + '.encode', lambda: compare_bytes(
        side.encode_out(reply, syntax), theirs, syntax))
    results.check(name + '.decode', lambda: compare_values(
        side.decode_out(theirs, syntax), reply))
    results.check(name + '.ndrdump', lambda: dump_reply(
        side.encode_out(reply, syntax), reply, syntax))


def check_null_container(side, name, level, syntax, results):
    """A refusing server may leave the container out; we never send that."""
    reply = {'level': level, 'count': 0, 'sessions': [], 'total': 0, 'resume': None, 'status': 5}
    data = ndr.ndr_pack_out(samba_reply(reply, null_container=True), ndr64=syntax == 'ndr64')
    results.check(name + '.decode', lambda: compare_values(side.decode_out(data, syntax), reply))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--tool', default='build/tests/ndrtool')
    parser.add_argument('--self', action='store_true', help='python3-samba in place of the tool')
    options = parser.parse_args()
    side = SambaSide() if options.self else OurSide(options.tool)
    results = Results()
    for syntax in SYNTAXES:
        for level in LEVELS:
            for name, request in requests():
                check_request(side, 'in.%s.%d.%s' % (syntax, level, name),
                              dict(request, level=level), syntax, results)
            for name, reply in replies():
                check_reply(side, 'out.%s.%d.%s' % (syntax, level, name),
                            at_level(reply, level), syntax, results)
            check_null_container(side, 'out.%s.%d.null-container' % (syntax, level), level,
                                 syntax, results)
    print('%d passed, %d failed' % (results.passed, results.failed))
    return 1 if results.failed else 0


if __name__ == '__main__':
    sys.exit(main())
