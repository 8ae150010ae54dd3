#!/usr/bin/python3
"""MIT libkrb5 as the judge of our Kerberos acceptor, with tickets of a real KDC.

The library plays the client by its GSS-API; the SPNEGO around its tokens is made
here, so that it can be anything.  Both ends must agree about the session key and
the signatures of the mechanism list, and about who is refused.

    kerberos_check.py AUTH_TALK
"""
import ctypes
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

from ntlm_check import Refused, Talk, der
from peers import MitKdc

KRB5 = bytes.fromhex('2a864886f712010202')
MS_KRB5 = bytes.fromhex('2a864882f712010202')
NTLM = bytes.fromhex('2b06010401823702020a')
NEGOEX = bytes.fromhex('2b06010401823702021e')
SPNEGO = bytes.fromhex('2b0601050502')
HOSTBASED = bytes.fromhex('2a864886f71201020104')
SESSION_KEY = bytes.fromhex('2a864886f7120102020505')

MUTUAL, INTEG, DCE_STYLE = 2, 32, 0x1000
COMPLETED, INCOMPLETE, REQUEST_MIC = 0, 1, 3
LOGON, PROTOCOL = 'NETSESSION_E_LOGON', 'NETSESSION_E_PROTOCOL'


# ---- the GSS-API ----

gss = ctypes.CDLL('libgssapi_krb5.so.2')
NULL = ctypes.c_void_p()


class Buffer(ctypes.Structure):
    _fields_ = [('length', ctypes.c_size_t), ('value', ctypes.c_void_p)]

    @property
    def bytes(self):
        return ctypes.string_at(self.value, self.length) if self.length else b''


class Oid(ctypes.Structure):
    _fields_ = [('length', ctypes.c_uint32), ('elements', ctypes.c_char_p)]


class BufferSet(ctypes.Structure):
    _fields_ = [('count', ctypes.c_size_t), ('elements', ctypes.POINTER(Buffer))]


def oid(dotless):
    return ctypes.byref(Oid(len(dotless), dotless))


def buffer(data):
    return Buffer(len(data), ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p))


def call(function, *arguments):
    minor = ctypes.c_uint32()
    major = getattr(gss, function)(ctypes.byref(minor), *arguments)
    if major & 0xFFFF0000:
        raise AssertionError('%s: 0x%08x, %d' % (function, major & 0xFFFFFFFF,
                                                 ctypes.c_int32(minor.value).value))
    return major


class Initiator:
    """A context towards a service, with the tickets of a ccache."""

    def __init__(self, host, ccache, flags=MUTUAL | INTEG):
        call('gss_krb5_ccache_name', ('FILE:' + ccache).encode(), NULL)
        self.context, self.name, self.flags = ctypes.c_void_p(), ctypes.c_void_p(), flags
        call('gss_import_name', ctypes.byref(buffer(b'cifs@' + host.encode())), oid(HOSTBASED),
             ctypes.byref(self.name))

    def step(self, token=b''):
        out = Buffer()
        call('gss_init_sec_context', NULL, ctypes.byref(self.context), self.name, oid(KRB5),
             self.flags, 0, NULL, ctypes.byref(buffer(token)), NULL, ctypes.byref(out), NULL,
             NULL)
        return out.bytes

    def sign(self, message):
        out = Buffer()
        call('gss_get_mic', self.context, 0, ctypes.byref(buffer(message)), ctypes.byref(out))
        return out.bytes

    def verify(self, message, mic):
        call('gss_verify_mic', self.context, ctypes.byref(buffer(message)),
             ctypes.byref(buffer(mic)), NULL)

    def key(self):
        keys = ctypes.POINTER(BufferSet)()
        call('gss_inquire_sec_context_by_oid', self.context, oid(SESSION_KEY),
             ctypes.byref(keys))
        return keys.contents.elements[0].bytes


# ---- SPNEGO ----

def mech_list(mechs):
    return der(0x30, *(der(0x06, mech) for mech in mechs))


def init(mechs, token=None):
    fields = [der(0xA0, mech_list(mechs))]
    if token is not None:
        fields.append(der(0xA2, der(0x04, token)))
    return der(0x60, der(0x06, SPNEGO), der(0xA0, der(0x30, *fields)))


def resp(token=None, mic=None, state=None):
    fields = []
    if state is not None:
        fields.append(der(0xA0, der(0x0A, bytes([state]))))
    if token is not None:
        fields.append(der(0xA2, der(0x04, token)))
    if mic is not None:
        fields.append(der(0xA3, der(0x04, mic)))
    return der(0xA1, der(0x30, *fields))


def parse(blob):
    """Tag, contents and what is behind."""
    n, at = blob[1], 2
    if n & 0x80:
        at += n & 0x7F
        n = int.from_bytes(blob[2:at], 'big')
    return blob[0], blob[at:at + n], blob[at + n:]


def fields_of(answer):
    """State, mechanism, token and MIC of a NegTokenResp; None for what is not there."""
    rest, found = parse(parse(answer)[1])[1], {}
    while rest:
        tag, contents, rest = parse(rest)
        found[tag] = parse(contents)[1]
    state = found.get(0xA0)
    return state and state[0], found.get(0xA1), found.get(0xA2), found.get(0xA3)


def expect(what, got, want):
    if got != want:
        raise AssertionError('%s: %.200r, not %.200r' % (what, got, want))


def skew_ccache(path, seconds):
    """Who uses it takes the time for another: the first field of its header is how
    far the KDC's clock is from his own."""
    with open(path, 'r+b') as file:
        expect('header of the ccache', file.read(8).hex(), '0504000c00010008')
        file.seek(8)
        file.write(struct.pack('>i', seconds))


# ---- what the checks share ----

class Lab:
    def __init__(self, tool, kdc):
        self.tool, self.kdc = tool, kdc
        self.ccache = os.path.join(kdc.directory, 'check.ccache')
        subprocess.run(['kinit', '-c', self.ccache, '-k', '-t', kdc.file('alice.keytab'),
                        'alice'], check=True)

    def serve(self, *options, keytab='server.keytab'):
        return Talk(self.tool, 'serve', 'LAB', 'user', 'secret', 'PEER', self.kdc.file(keytab),
                    *options)

    def initiator(self, host='fs1.net.test', ccache=None, **kwargs):
        return Initiator(host, ccache or self.ccache, **kwargs)

    def skewed(self, seconds):
        self.initiator().step()  # the ticket must be there already
        path = os.path.join(self.kdc.directory, 'skewed.ccache')
        shutil.copy(self.ccache, path)
        skew_ccache(path, seconds)
        return path


def check_in(talk, client, answer, word='user NET.TEST\\alice'):
    expect('who', ' '.join(answer), word)
    expect('key', talk.say('key'), client.key())


def refused(code, talk, token):
    try:
        answer = talk.ask('step', token)
    except Refused as why:
        expect('code', str(why).split()[0], code)
    else:
        raise AssertionError('not refused: %.200r' % (answer,))


# ---- right ----

def optimistic(lab, host, mechs):
    talk, client = lab.serve(), lab.initiator(host)
    answer = talk.ask('step', init(mechs, client.step()))
    state, mech, token, mic = fields_of(talk.say('last'))
    expect('answer', (state, mech, mic), (COMPLETED, mechs[0], None))
    expect('token after the last', client.step(token), b'')
    check_in(talk, client, answer)
    talk.end()


def finish_signed(talk, client, mechs, token=None):
    """What is left of the legs, of which the last has the signatures."""
    if token is None:
        state, mech, token, mic = fields_of(talk.say('step', resp(client.step())))
        expect('answer with the AP-REP', (state, mech, mic), (INCOMPLETE, None, None))
    client.step(token)
    answer = talk.ask('step', resp(mic=client.sign(mech_list(mechs)), state=COMPLETED))
    state, mech, token, mic = fields_of(talk.say('last'))
    expect('last answer', (state, mech, token), (COMPLETED, None, None))
    client.verify(mech_list(mechs), mic)
    check_in(talk, client, answer)
    talk.end()


def counter_proposal(lab, mechs, want):
    talk = lab.serve()
    expect('answer', fields_of(talk.say('step', init(mechs, b'not Kerberos'))),
           (REQUEST_MIC, want, None, None))
    finish_signed(talk, lab.initiator(), mechs)


def no_token(lab):
    talk, client = lab.serve(), lab.initiator()
    expect('first answer', fields_of(talk.say('step', init([MS_KRB5, NTLM]))),
           (INCOMPLETE, MS_KRB5, None, None))
    answer = talk.ask('step', resp(client.step()))
    state, mech, token, mic = fields_of(talk.say('last'))
    expect('answer', (state, mech, mic), (COMPLETED, None, None))
    client.step(token)
    check_in(talk, client, answer)
    talk.end()


def requested(lab):
    mechs = [KRB5, NTLM]
    talk, client = lab.serve('request-mic'), lab.initiator()
    state, mech, token, mic = fields_of(talk.say('step', init(mechs, client.step())))
    expect('answer', (state, mech, mic), (REQUEST_MIC, KRB5, None))
    finish_signed(talk, client, mechs, token)


def ntlm_first(lab):
    talk = lab.serve()
    expect('answer', fields_of(talk.say('step', init([NEGOEX, NTLM, KRB5]))),
           (REQUEST_MIC, NTLM, None, None))
    talk.end()


def skew(lab):
    """[MS-KILE] 3.4.5: the server tells its time, and listens once more."""
    talk = lab.serve()
    client = lab.initiator(ccache=lab.skewed(3600))
    state, mech, token, mic = fields_of(talk.say('step', init([MS_KRB5], client.step())))
    expect('answer', (state, mech, mic), (REQUEST_MIC, MS_KRB5, None))
    inside = parse(token)[1]
    expect('token', inside[:13].hex(), '0609' + KRB5.hex() + '0300')
    expect('KRB-ERROR', inside[13], 0x7E)
    if b'\xa6\x03\x02\x01\x25' not in inside or der(0xAC, der(0x04, bytes.fromhex(
            '3005a103020102'))) not in inside:
        raise AssertionError('not KRB_AP_ERR_SKEW, or no KERB-ERROR-DATA: ' + inside.hex())
    finish_signed(talk, lab.initiator(), [MS_KRB5])


# ---- wrong ----

def skew_twice(lab):
    talk, ccache = lab.serve(), lab.skewed(3600)
    talk.say('step', init([KRB5], lab.initiator(ccache=ccache).step()))
    refused(LOGON, talk, resp(lab.initiator(ccache=ccache).step()))


def wrong_signature(lab, signature):
    mechs = [NEGOEX, KRB5]
    talk, client = lab.serve(), lab.initiator()
    talk.say('step', init(mechs))
    client.step(fields_of(talk.say('step', resp(client.step())))[2])
    refused(LOGON, talk, resp(mic=signature(client), state=COMPLETED))


def token_after_the_last(lab):
    talk, client = lab.serve('request-mic'), lab.initiator()
    token = client.step()
    client.step(fields_of(talk.say('step', init([KRB5], token)))[2])
    refused(PROTOCOL, talk, resp(token, client.sign(mech_list([KRB5]))))


def wrong_flags(lab, flags):
    refused(LOGON, lab.serve(), init([KRB5], lab.initiator(flags=flags).step()))


def dce_style(lab):
    refused(PROTOCOL, lab.serve(), init([KRB5], lab.initiator(
        flags=MUTUAL | INTEG | DCE_STYLE).step()))


def replayed(lab):
    talk, client = lab.serve(), lab.initiator()
    token = init([KRB5], client.step())
    expect('who', talk.ask('step', token), ('user', 'NET.TEST\\alice'))
    refused(LOGON, lab.serve(), token)


def unframed(lab):
    token = lab.initiator().step()
    inside = parse(token)[1]
    for bad in (inside[13:], inside, der(0x60, inside[:11] + b'\x02\x00' + inside[13:]),
                der(0x60, der(0x06, MS_KRB5) + inside[11:]), token + b'\0', b'', b'\x60'):
        refused(PROTOCOL, lab.serve(), init([MS_KRB5], bad))
    refused(PROTOCOL, lab.serve(), token)


def damaged(lab):
    """Never anybody else."""
    chance = random.Random(1)
    for _ in range(300):
        talk, client = lab.serve(), lab.initiator()
        token = bytearray(client.step())
        token[chance.randrange(len(token))] ^= 1 << chance.randrange(8)
        try:
            answer = talk.ask('step', init([KRB5], bytes(token)))
        except Refused:
            continue
        if answer[0] != 'token':
            expect('who', answer, ('user', 'NET.TEST\\alice'))
        talk.end()


def truncated(lab):
    token = lab.initiator().step()
    for n in range(0, len(token), 7):
        try:
            lab.serve().ask('step', init([KRB5], token[:n]))
        except Refused:
            continue
        raise AssertionError('%d bytes of %d were enough' % (n, len(token)))


def wrong_key(lab, host):
    refused(LOGON, lab.serve(keytab='stale.keytab'), init([KRB5], lab.initiator(host).step()))


def no_such_service(lab):
    refused(LOGON, lab.serve(keytab='stale.keytab'), init([KRB5], lab.initiator().step()))


# ---- ----

def cases():
    lists = {'MS-Kerberos': [MS_KRB5, KRB5, NTLM], 'Kerberos': [KRB5, MS_KRB5],
             'one': [KRB5], 'the other': [MS_KRB5]}
    for host in 'fs1', 'aes128', 'rc4', 'sha384':
        yield host, optimistic, host + '.net.test', lists['MS-Kerberos']
    for name, mechs in lists.items():
        yield 'first: ' + name, optimistic, 'fs1.net.test', mechs
    yield 'first, no token', no_token
    yield 'second: MS-Kerberos', counter_proposal, [NEGOEX, MS_KRB5, KRB5, NTLM], MS_KRB5
    yield 'second: Kerberos', counter_proposal, [NEGOEX, KRB5, NTLM], KRB5
    yield 'request-mic', requested
    yield 'NTLM first', ntlm_first
    yield 'another clock', skew
    yield 'another clock twice', skew_twice
    for name, signature in (
            ('missing', lambda client: None), ('empty', lambda client: b''),
            ('another list', lambda client: client.sign(mech_list([KRB5]))),
            ('cut short', lambda client: client.sign(mech_list([NEGOEX, KRB5]))[:-1])):
        yield 'signature: ' + name, wrong_signature, signature
    yield 'token after the last', token_after_the_last
    yield 'no mutual authentication', wrong_flags, INTEG
    yield 'DCE style', dce_style
    yield 'replayed', replayed
    yield 'unframed', unframed
    yield 'damaged', damaged
    yield 'truncated', truncated
    yield 'an old key', wrong_key, 'stale.net.test'
    yield 'a wrong key', wrong_key, 'wrong.net.test'
    yield 'a key for somebody else', no_such_service


def main():
    failed = 0
    with tempfile.TemporaryDirectory(prefix='kerberos-') as directory, MitKdc(directory) as kdc:
        os.environ.update(kdc.env)
        lab = Lab(sys.argv[1], kdc)
        for name, check, *arguments in cases():
            try:
                check(lab, *arguments)
                print('ok:', name)
            except Exception as e:  # the next case may tell why
                failed += 1
                print('FAIL:', name, repr(e))
    return failed != 0


if __name__ == '__main__':
    os.environ['LC_ALL'] = 'C.UTF-8'
    sys.exit(main())
