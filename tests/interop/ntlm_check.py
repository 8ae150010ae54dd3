#!/usr/bin/python3
"""Impacket as the judge of our logon: it plays the server, reads our tokens
with its own SPNEGO and NTLM, and must find our session key from the password.

    ntlm_check.py AUTH_TALK
"""
import hmac
import struct
import subprocess
import sys

from impacket import ntlm
from impacket.smbserver import computeNTLMv2
from impacket.spnego import SPNEGO_NegTokenInit, SPNEGO_NegTokenResp, TypesMech

NTLM = TypesMech['NTLMSSP - Microsoft NTLM Security Support Provider']
NEEDED = (ntlm.NTLMSSP_NEGOTIATE_56 | ntlm.NTLMSSP_NEGOTIATE_128 | ntlm.NTLMSSP_NEGOTIATE_KEY_EXCH |
          ntlm.NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY | ntlm.NTLMSSP_NEGOTIATE_UNICODE |
          ntlm.NTLMSSP_NEGOTIATE_TARGET_INFO | ntlm.NTLMSSP_NEGOTIATE_NTLM |
          ntlm.NTLMSSP_NEGOTIATE_VERSION)  # without it Impacket misses the MIC's 16 bytes
CHALLENGE = bytes(range(8))


class Talk:
    def __init__(self, tool, *args):
        self.p = subprocess.Popen([tool, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def say(self, verb, token=b''):
        self.p.stdin.write(f'{verb} {token.hex()}\n'.encode())
        self.p.stdin.flush()
        word, _, rest = self.p.stdout.readline().decode().strip().partition(' ')
        assert word != 'fail', rest
        return bytes.fromhex(rest)


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


def resp(state, token=None):
    r = SPNEGO_NegTokenResp()
    r['NegState'] = bytes([state])
    if token:
        r['SupportedMech'] = NTLM
        r['ResponseToken'] = token
    return r.getData()


def check(tool, flags, timestamp):
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


if __name__ == '__main__':
    for extra in 0, ntlm.NTLMSSP_NEGOTIATE_SIGN:
        for stamp in True, False:
            check(sys.argv[1], NEEDED | extra, stamp)
            print(f'ok: flags 0x{NEEDED | extra:08x}, timestamp {stamp}')
