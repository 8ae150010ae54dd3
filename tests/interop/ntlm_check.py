#!/usr/bin/python3
"""Impacket and Samba as the judges of our logon, at both ends.

Impacket plays the server, reads our client's tokens with its own SPNEGO and
NTLM, and must find our session key from the password.  Impacket and Samba's
GENSEC then play the client, and must agree with our server about the session
key, the signatures of the mechanism list, and who is refused.

    ntlm_check.py AUTH_TALK
"""
import hmac
import os
import struct
import subprocess
import sys
import tempfile

from impacket import ntlm
from impacket.smbserver import computeNTLMv2
from impacket.spnego import SPNEGO_NegTokenInit, SPNEGO_NegTokenResp, TypesMech

try:
    from samba import credentials, gensec, param
except ImportError:
    gensec = None

NTLM = TypesMech['NTLMSSP - Microsoft NTLM Security Support Provider']
KRB5 = TypesMech['KRB5 - Kerberos 5']
NEEDED = (ntlm.NTLMSSP_NEGOTIATE_56 | ntlm.NTLMSSP_NEGOTIATE_128 | ntlm.NTLMSSP_NEGOTIATE_KEY_EXCH |
          ntlm.NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY | ntlm.NTLMSSP_NEGOTIATE_UNICODE |
          ntlm.NTLMSSP_NEGOTIATE_TARGET_INFO | ntlm.NTLMSSP_NEGOTIATE_NTLM |
          ntlm.NTLMSSP_NEGOTIATE_VERSION)  # without it Impacket misses the MIC's 16 bytes
CHALLENGE = bytes(range(8))
USER = 'Corp', 'J\u00fcrgen', 'Passw\u00f6rd'
REFUSED = 'NETSESSION_E_LOGON the logon is refused'


class Refused(Exception):
    pass


class Talk:
    def __init__(self, tool, *args):
        self.p = subprocess.Popen([tool, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, verb, token=b''):
        """One line's word and the rest of it."""
        self.p.stdin.write(f'{verb} {token.hex()}\n'.encode())
        self.p.stdin.flush()
        word, _, rest = self.p.stdout.readline().decode().strip().partition(' ')
        if word == 'fail':
            raise Refused(rest)
        return word, rest

    def say(self, verb, token=b''):
        return bytes.fromhex(self.ask(verb, token)[1])

    def end(self):
        self.p.stdin.close()
        self.p.wait()
        self.p.stdout.close()


# ---- Our client, Impacket's server ----

def hint():
    blob = SPNEGO_NegTokenInit()
    blob['MechTypes'] = [NTLM]
    return blob.getData()


def challenge(flags, timestamp):
    pairs = ntlm.AV_PAIRS()
    for av in ntlm.NTLMSSP_AV_HOSTNAME, ntlm.NTLMSSP_AV_DOMAINNAME:
        pairs[av] = 'PEER'.encode('utf-16le')
    if timestamp:
        pairs[ntlm.NTLMSSP_AV_TIME] = struct.pack('<Q', 133000000000000000)
    m = ntlm.NTLMAuthChallenge()
    m['flags'] = flags
    m['domain_name'] = b''
    m['domain_len'] = m['domain_max_len'] = 0
    m['domain_offset'] = m['TargetInfoFields_offset'] = 56
    m['challenge'] = CHALLENGE
    m['TargetInfoFields_len'] = m['TargetInfoFields_max_len'] = len(pairs)
    m['TargetInfoFields'] = pairs
    m['Version'] = b'\xff' * 8
    m['VersionLen'] = 8
    return m


def resp(state=None, token=None, mic=None):
    r = SPNEGO_NegTokenResp()
    if state is not None:
        r['NegState'] = bytes([state])
    if token:
        r['ResponseToken'] = token
        if state is not None:
            r['SupportedMech'] = NTLM
    return r.getData() if mic is None else with_mic(r.getData(), mic)


def check_client(tool, flags, timestamp):
    talk = Talk(tool, 'Corp', 'user', 'Passw\u00f6rd', 'cifs/peer')
    init = SPNEGO_NegTokenInit(talk.say('step', hint()))
    assert init['MechTypes'] == [NTLM]
    type1 = ntlm.NTLMAuthNegotiate()
    type1.fromString(init['MechToken'])
    type2 = challenge(flags, timestamp)
    blob = SPNEGO_NegTokenResp(talk.say('step', resp(1, type2.getData())))
    type3 = ntlm.NTLMAuthChallengeResponse()
    type3.fromString(blob['ResponseToken'])
    nt_hash = ntlm.compute_nthash('Passw\u00f6rd')
    status, key = computeNTLMv2('user', b'', nt_hash, CHALLENGE, type3, type2, type1)
    assert status == 0 and key, 'NTProofStr is wrong'
    raw = blob['ResponseToken']
    mic = hmac.new(key, init['MechToken'] + type2.getData() + raw[:72] + bytes(16) + raw[88:], 'md5')
    assert mic.digest() == raw[72:88], 'MIC is wrong'
    assert talk.say('finish', resp(0)) == key, 'the session key is another'
    talk.end()


# ---- Our server, Impacket's client ----

def der(tag, *contents):
    body = b''.join(contents)
    n = len(body)
    size = bytes([n]) if n < 128 else bytes([0x82]) + struct.pack('>H', n) if n > 255 else bytes([0x81, n])
    return bytes([tag]) + size + body


def with_mic(blob, mic):
    """Impacket's NegTokenResp has no mechListMIC: it is put behind the rest."""
    def contents(b):
        return b[2:] if b[1] < 128 else b[2 + (b[1] & 0x7F):]
    return der(0xA1, der(0x30, contents(contents(blob)), der(0xA3, der(0x04, mic))))


def mech_list(mechs):
    return der(0x30, *(der(0x06, m) for m in mechs))


def list_mic(key, side, mechs):
    """Impacket's own signature with sequence number 0."""
    flags = NEEDED | ntlm.NTLMSSP_NEGOTIATE_SIGN
    sign, seal = ntlm.SIGNKEY(flags, key, side), ntlm.SEALKEY(flags, key, side)
    handle = ntlm.ARC4.new(seal)
    return ntlm.SIGN(flags, sign, mech_list(mechs), 0, handle.encrypt).getData()


def serve(tool):
    return Talk(tool, 'serve', *USER, 'PEER')


class ImpacketClient:
    """forms: 'raw', 'spnego' (optimistic), 'late' (NTLM second, Kerberos' token first)."""

    def __init__(self, form, signing, v2=True):
        self.form, self.signing, self.v2 = form, signing, v2
        self.mechs = [KRB5, NTLM] if form == 'late' else [NTLM]

    def first(self, talk):
        self.type1 = ntlm.getNTLMSSPType1('HERE', '', self.signing, self.v2)
        token = self.type1.getData()
        if self.form == 'raw':
            return talk.say('step', token)
        blob = SPNEGO_NegTokenInit()
        blob['MechTypes'] = self.mechs
        blob['MechToken'] = b'ticket' if self.form == 'late' else token
        answer = talk.say('step', blob.getData())
        if self.form == 'late':  # a token without a token is beyond Impacket's reader
            assert answer == der(0xA1, der(0x30, der(0xA0, b'\x0a\x01\x03'),
                                           der(0xA1, der(0x06, NTLM)))), answer.hex()
            answer = talk.say('step', resp(None, token))
        answer = SPNEGO_NegTokenResp(answer)
        assert answer['NegState'] == b'\x01'
        assert self.form == 'late' or answer['SupportedMech'] == NTLM
        return answer['ResponseToken']

    def logon(self, talk, domain, user, password, sign_list=True):
        type2 = self.first(talk)
        type3, key = ntlm.getNTLMSSPType3(self.type1, type2, user, password, domain,
                                          use_ntlmv2=self.v2)
        token = type3.getData()
        if self.form == 'raw':
            return talk.ask('step', token), key
        mic = list_mic(key, 'Client', self.mechs) if sign_list and self.signing else None
        return talk.ask('step', resp(None, token, mic)), key

    def check_end(self, talk, key, signed):
        last = talk.say('last')
        if self.form == 'raw':
            assert last == b''
        elif signed:
            assert last == with_mic(resp(0), list_mic(key, 'Server', self.mechs)), last.hex()
        else:
            assert last == resp(0), last.hex()


def check_server(tool, form, signing):
    talk = serve(tool)
    client = ImpacketClient(form, signing)
    who, key = client.logon(talk, *USER)
    assert who == ('user', 'Corp\\J\u00fcrgen'), who
    assert talk.say('key') == key, 'the session key is another'
    client.check_end(talk, key, signing)
    talk.end()


def check_refusal(tool, form, *args, sign_list=True, v2=True):
    talk = serve(tool)
    try:
        who, _ = ImpacketClient(form, True, v2).logon(talk, *args, sign_list=sign_list)
    except Refused as refused:
        assert str(refused).startswith(REFUSED), refused
    else:
        raise AssertionError('let in as %s' % (who,))
    talk.end()


def check_keyless(tool, form, kind, *args):
    talk = serve(tool)
    client = ImpacketClient(form, True)
    who, key = client.logon(talk, *args)
    assert who[0] == kind, who
    assert talk.say('key') == b''
    client.check_end(talk, key, False)
    talk.end()


# ---- Our server, Samba's client ----

def samba_client(mech, domain, user, password, features):
    lp = param.LoadParm()
    with tempfile.NamedTemporaryFile('w', suffix='.conf') as conf:
        conf.write('[global]\n')
        conf.flush()
        lp.load(conf.name)
    creds = credentials.Credentials()
    creds.guess(lp)
    creds.set_kerberos_state(credentials.DONT_USE_KERBEROS)
    if user:
        creds.set_username(user)
        creds.set_domain(domain)
        creds.set_password(password)
    else:
        creds.set_anonymous()
    client = gensec.Security.start_client({'lp_ctx': lp, 'target_hostname': 'peer'})
    client.set_credentials(creds)
    client.set_target_service('cifs')
    client.set_target_hostname('peer')
    for feature in features:
        client.want_feature(feature)
    client.start_mech_by_name(mech)
    return client


def samba_logon(talk, client, mech):
    """Who the server says it is; Samba checks the server's last token itself."""
    _, token = client.update(talk.say('hint') if mech == 'spnego' else b'')
    while True:
        word, rest = talk.ask('step', token)
        if word != 'token':
            break
        done, token = client.update(bytes.fromhex(rest))
    last = talk.say('last')
    if last:
        done, _ = client.update(last)
    assert done, 'Samba is not done'
    return word, rest


def check_samba(tool, mech, features):
    talk = serve(tool)
    client = samba_client(mech, *USER, features)
    who = samba_logon(talk, client, mech)
    assert who == ('user', 'CORP\\J\u00fcrgen'), who  # Samba's way with domains
    assert talk.say('key') == client.session_key(), 'the session key is another'
    talk.end()


def check_samba_refusal(tool, mech):
    talk = serve(tool)
    client = samba_client(mech, USER[0], USER[1], 'wrong', [gensec.FEATURE_SIGN])
    try:
        who = samba_logon(talk, client, mech)
    except Refused as refused:
        assert str(refused).startswith(REFUSED), refused
    else:
        raise AssertionError('let in as %s' % (who,))
    talk.end()


def check_samba_anonymous(tool, mech):
    talk = serve(tool)
    who = samba_logon(talk, samba_client(mech, '', '', '', []), mech)
    assert who[0] == 'anonymous', who
    talk.end()


# ---- ----

def cases():
    for extra in 0, ntlm.NTLMSSP_NEGOTIATE_SIGN:
        for stamp in True, False:
            yield f'client: flags 0x{NEEDED | extra:08x}, timestamp {stamp}', check_client, NEEDED | extra, stamp
    for form in 'raw', 'spnego', 'late':
        if form != 'late':
            yield f'server: {form}', check_server, form, False
            yield f'server: {form}, NTLMv1', (lambda *a: check_refusal(*a, v2=False)), form, *USER
            yield f'server: {form}, anonymous', check_keyless, form, 'anonymous', '', '', ''
        yield f'server: {form}, signing', check_server, form, True
        yield f'server: {form}, wrong password', check_refusal, form, *USER[:2], 'wrong'
        yield f'server: {form}, guest', check_keyless, form, 'guest', 'Corp', 'somebody', 'x'
    yield 'server: late, list unsigned', (lambda *a: check_refusal(*a, sign_list=False)), 'late', *USER
    if gensec is None:
        print('no Samba for Python: its cases are left out')
        return
    for mech in 'spnego', 'ntlmssp':
        for name, features in (('plain', []), ('sign', [gensec.FEATURE_SIGN]),
                               ('seal', [gensec.FEATURE_SIGN, gensec.FEATURE_SEAL]),
                               ('key', [gensec.FEATURE_SESSION_KEY])):
            yield f'server: Samba, {mech}, {name}', check_samba, mech, features
        yield f'server: Samba, {mech}, wrong password', check_samba_refusal, mech
        yield f'server: Samba, {mech}, anonymous', check_samba_anonymous, mech


if __name__ == '__main__':
    os.environ['LC_ALL'] = 'C.UTF-8'
    failed = 0
    for name, check, *args in cases():
        try:
            check(sys.argv[1], *args)
            print('ok:', name)
        except Exception as e:  # the next case may tell why
            failed += 1
            print('FAIL:', name, repr(e))
    sys.exit(failed != 0)
