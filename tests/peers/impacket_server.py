#!/usr/bin/python3
"""An SMB server made of Impacket's parts that answers NetrSessionEnum.

Impacket's own server (SMB 2.0.2, NTLM) answers three calls of srvsvc; this
adds opnum 12 at all five levels, from Impacket's independent NDR structures,
and repairs what a strict client would rightly stumble over (see SmbServer).

    impacket_server.py --table sessions.json --user alice:secret --port 4450

The table is a JSON list of objects {client, user, opens, time, idle, flags,
client_type, transport}; a missing or null string is sent as a null pointer, a
missing number as 0.  When it listens it prints "ready PORT"; SIGTERM ends it.

Needs the package python3-impacket, hence the interpreter of the system.
"""
import argparse
import configparser
import hashlib
import hmac
import json
import signal
import socket
import struct
import sys
import threading
import traceback

from impacket import ntlm, smb3structs as smb2
from impacket.dcerpc.v5 import srvs
from impacket.dcerpc.v5.dtypes import NULL
from impacket.nt_errors import (
    STATUS_ACCESS_DENIED, STATUS_INVALID_PARAMETER, STATUS_SUCCESS)
from impacket.smbserver import SMBSERVER, Ioctls, SRVSServer

ERROR_ACCESS_DENIED = 5
ERROR_INVALID_PARAMETER = 87
ERROR_INVALID_LEVEL = 124
ERROR_MORE_DATA = 234
NERR_USER_NOT_FOUND = 2221
NERR_CLIENT_NAME_NOT_FOUND = 2312
NERR_INVALID_COMPUTER = 2351
MAX_PREFERRED_LENGTH = 0xFFFFFFFF

SECURITY_MODE = smb2.SMB2_NEGOTIATE_SIGNING_ENABLED | smb2.SMB2_NEGOTIATE_SIGNING_REQUIRED

# Impacket does not set the fragment lengths of a reply in several fragments,
# so a reply stays within one of 4280 bytes, headers and trailer included.
MAX_STUB = 4280 - 24 - 64

# Member of SESSION_INFO_x without its prefix: name in the JSON table.
NAMES = {
    'cname': 'client', 'username': 'user', 'num_opens': 'opens', 'time': 'time',
    'idle_time': 'idle', 'user_flags': 'flags', 'cltype_name': 'client_type',
    'transport': 'transport'}
STRINGS = ('cname', 'username', 'cltype_name', 'transport')
STRUCTS = {
    0: srvs.SESSION_INFO_0, 1: srvs.SESSION_INFO_1, 2: srvs.SESSION_INFO_2,
    10: srvs.SESSION_INFO_10, 502: srvs.SESSION_INFO_502}


def members(level):
    """Names of the members of SESSION_INFO_level, without the prefix."""
    return [name.split('_', 1)[1] for name, _ in STRUCTS[level].structure]


def entry_size(level, session):
    """What an entry counts against PreferedMaximumLength: four bytes for each
    member, and the UTF-16 text of its strings with the final zeros."""
    size = 0
    for member in members(level):
        text = session.get(NAMES[member]) if member in STRINGS else None
        size += 4 + (0 if text is None else utf16_size(text) + 2)
    return size


def stub_size(level, session):
    """At most what an entry takes in NDR32: the counts and padding as well."""
    strings = sum(1 for member in members(level) if member in STRINGS)
    return entry_size(level, session) + strings * (12 + 2)


def utf16_size(text):
    return len(text.encode('utf-16-le'))


def make_entry(level, session):
    entry = STRUCTS[level]()
    for member in members(level):
        value = session.get(NAMES[member])
        if member not in STRINGS:
            value = value or 0
        elif value is None:
            value = NULL
        else:
            value += '\0'
        entry['sesi%d_%s' % (level, member)] = value
    return entry


def pointed(request, field):
    """The string or number a pointer leads to; None for a null pointer."""
    if request.fields[field]['ReferentID'] == 0:
        return None
    value = request[field]
    return value.rstrip('\0') if isinstance(value, str) else value


def same(text, name):
    return text is not None and text.lower() == name.lower()


class Request:
    """The parameters of one call, decoded by Impacket."""

    def __init__(self, data):
        request = srvs.NetrSessionEnum(data)
        self.server = pointed(request, 'ServerName')
        self.client = pointed(request, 'ClientName')
        self.user = pointed(request, 'UserName')
        self.level = request['InfoStruct']['Level']
        self.tag = request['InfoStruct']['SessionInfo']['tag']
        self.prefmaxlen = request['PreferedMaximumLength']
        self.resume = pointed(request, 'ResumeHandle')
        if self.tag != self.level:
            raise ValueError('union tag %d at level %d' % (self.tag, self.level))


class SessionPipe(SRVSServer):
    """One open srvsvc pipe."""

    def __init__(self, options):
        SRVSServer.__init__(self)
        self._sock.close()  # made by the base class to listen on; we do
        self.options = options
        self.srvsvcCallBacks[12] = self.session_enum

    def serve(self, client):
        """The loop of DCERPCServer.run() for one connection, but not mute."""
        self._clientSock = client
        try:
            data = self.recv()
            while data is not None:
                answer = self.processRequest(data)
                if answer is not None:
                    self.send(answer)
                data = self.recv()
        except Exception:  # a request that does not parse ends this pipe only
            traceback.print_exc()
        client.close()

    def session_enum(self, data):
        try:
            request = Request(data)
        except Exception:
            # Impacket cannot decode a union with an unknown tag.
            level = unknown_level(data)
            if level is None:
                raise
            self.log_request({'level': level, 'undecoded': data.hex()})
            return struct.pack('<6L', level, level, 0, 0, 0, ERROR_INVALID_LEVEL)
        self.log_request(vars(request))
        return self.answer(request)

    def log_request(self, request):
        if self.options.log:
            with open(self.options.log, 'a', encoding='utf-8') as log:
                log.write(json.dumps(request) + '\n')

    def answer(self, request):
        opt = self.options
        if opt.deny or request.level in opt.deny_levels:
            return self.reply(request, ERROR_ACCESS_DENIED)
        if opt.repeat_handle:
            return self.reply(request, ERROR_MORE_DATA, opt.sessions[:1],
                              len(opt.sessions), 1)
        status, found = self.select(request)
        if status:
            return self.reply(request, status)
        page, more = self.page(request, found)
        status = ERROR_MORE_DATA if more else 0
        # Like Windows, the index of the last entry returned, also at the end.
        resume = page[-1][0] if page else request.resume or 0
        return self.reply(request, status, [session for _, session in page],
                          len(found), resume)

    def select(self, request):
        """The entries, with their index from 1, that match the filters and
        come after the resume handle ([MS-SRVS] 3.1.4.5)."""
        found = list(enumerate(self.options.sessions, 1))
        if any(name and len(name) + 1 > 1024 for name in (request.client, request.user)):
            return ERROR_INVALID_PARAMETER, []
        if request.client:
            if not request.client.startswith('\\\\'):
                return NERR_INVALID_COMPUTER, []
            found = [(i, s) for i, s in found if same(s.get('client'), request.client)]
            if not found:
                return NERR_CLIENT_NAME_NOT_FOUND, []
        if request.user:
            found = [(i, s) for i, s in found if same(s.get('user'), request.user)]
            if not found:
                return NERR_USER_NOT_FOUND, []
        return 0, [(i, s) for i, s in found if i > (request.resume or 0)]

    def page(self, request, found):
        """As many whole entries as fit, and whether some are left."""
        room, stub = request.prefmaxlen, MAX_STUB
        for count, (_, session) in enumerate(found):
            if request.prefmaxlen != MAX_PREFERRED_LENGTH:
                room -= entry_size(request.level, session)
            stub -= stub_size(request.level, session)
            if room < 0 or stub < 0:
                return found[:count], True
        return found, False

    def reply(self, request, status, sessions=(), total=0, resume=0):
        answer = srvs.NetrSessionEnumResponse()
        answer['InfoStruct']['Level'] = request.level
        answer['InfoStruct']['SessionInfo']['tag'] = request.level
        container = answer['InfoStruct']['SessionInfo']['Level%d' % request.level]
        container['EntriesRead'] = len(sessions)
        if sessions:
            for session in sessions:
                container['Buffer'].append(make_entry(request.level, session))
        else:
            container['Buffer'] = NULL
        answer['TotalEntries'] = total
        answer['ResumeHandle'] = NULL if request.resume is None else resume
        answer['ErrorCode'] = status
        return answer


def unknown_level(data):
    """The level of a request stub whose level is none of the five."""
    offset = 0
    for _ in range(3):  # ServerName, ClientName, UserName: unique pointers
        referent, = struct.unpack_from('<L', data, offset)
        offset += 4
        if referent:
            offset += 12 + 2 * struct.unpack_from('<3L', data, offset)[2]
            offset += -offset % 4
    level, tag = struct.unpack_from('<2L', data, offset)
    return level if level == tag and level not in STRUCTS else None


class PipeListener(threading.Thread):
    """Where Impacket's SMB side connects to, once for each opened pipe.

    Impacket's DCERPCServer serves one connection at a time and makes a second
    client wait; here each has its own SessionPipe."""

    def __init__(self, options):
        threading.Thread.__init__(self, daemon=True)
        self.options = options
        self.socket = socket.create_server(('127.0.0.1', 0))

    def run(self):
        while True:
            client, _ = self.socket.accept()
            pipe = SessionPipe(self.options)
            threading.Thread(target=pipe.serve, args=(client,), daemon=True).start()


class SmbServer(SMBSERVER):
    """Impacket's server, less forgiving and more correct:

    - a logon that failed leaves the connection logged off, and its answer
      unsigned (Impacket goes on as if it had succeeded, with a wrong key);
    - it says that it requires signing, and after the logon every request must
      be signed, and rightly (Impacket does not look);
    - a compound is taken apart, related identifiers resolved ([MS-SMB2]
      3.3.5.2.7.2), and the answers signed after NextCommand and the padding
      are in place (Impacket signs before, which spoils the signature, and
      finds no tree for a related request)."""

    daemon_threads = True

    def __init__(self, address, options):
        if ':' in address[0]:
            self.address_family = socket.AF_INET6
        SMBSERVER.__init__(self, address, config_parser=server_config())
        self.processConfigFile()
        self.refuse_related = options.refuse_related
        self.getIoctls()[smb2.FSCTL_VALIDATE_NEGOTIATE_INFO] = validate_negotiate
        for user, password in options.user:
            self.addCredential(user, 0, '', ntlm.compute_nthash(password).hex())

    def processRequest(self, connId, data):
        if data[:4] != b'\xfeSMB':  # the SMB1 negotiate that older clients begin with
            answers = [bytearray(a) for a in SMBSERVER.processRequest(self, connId, data)]
            for answer in answers:
                self.after(connId, answer)
            return answers
        previous = None
        answers = []
        for message in split_compound(data):
            previous = self.process_one(connId, bytearray(message), previous)
            answers.append(previous)
        return [self.join_compound(connId, answers)]

    def process_one(self, connId, message, previous):
        """One request; previous: the answer to the one before it, or None."""
        if not self.signature_is_right(connId, message):
            print('request %d is not rightly signed' % command_of(message), file=sys.stderr)
            return error_answer(message, STATUS_ACCESS_DENIED)
        if flags_of(message) & smb2.SMB2_FLAGS_RELATED_OPERATIONS:
            if previous is None or self.refuse_related:
                return error_answer(message, STATUS_INVALID_PARAMETER)
            if status_of(previous) != STATUS_SUCCESS:
                return error_answer(message, status_of(previous))
            resolve_related(message, previous, self.getConnectionData(connId, False))
        struct.pack_into('<L', message, 20, 0)  # NextCommand: it is alone now
        answer, = SMBSERVER.processRequest(self, connId, bytes(message))
        answer = bytearray(answer)
        self.after(connId, answer)
        return answer

    def after(self, connId, answer):
        """Amends an answer, and what the connection remembers of it."""
        conn = self.getConnectionData(connId, False)
        if command_of(answer) == smb2.SMB2_NEGOTIATE:
            struct.pack_into('<H', answer, 64 + 2, SECURITY_MODE)
        if command_of(answer) == smb2.SMB2_CREATE and status_of(answer) == STATUS_SUCCESS:
            conn['CreatedFile'] = bytes(answer[64 + 64:64 + 80])
        if command_of(answer) == smb2.SMB2_SESSION_SETUP and status_of(answer) != STATUS_SUCCESS:
            conn['Authenticated'] = False
            conn['SignatureEnabled'] = False
            conn['SigningSessionKey'] = b''
            struct.pack_into('<L', answer, 16, flags_of(answer) & ~smb2.SMB2_FLAGS_SIGNED)
            answer[48:64] = bytes(16)

    def signature_is_right(self, connId, message):
        conn = self.getConnectionData(connId, False)
        if not conn['SignatureEnabled']:
            return True
        return (flags_of(message) & smb2.SMB2_FLAGS_SIGNED and
                bytes(message[48:64]) == signature(conn['SigningSessionKey'], message))

    def join_compound(self, connId, answers):
        conn = self.getConnectionData(connId, False)
        for answer in answers[:-1]:
            answer += bytes(-len(answer) % 8)
            struct.pack_into('<L', answer, 20, len(answer))
        for number, answer in enumerate(answers):
            flags = flags_of(answer)
            if number > 0:
                flags |= smb2.SMB2_FLAGS_RELATED_OPERATIONS
            if conn['SignatureEnabled'] and command_of(answer) != smb2.SMB2_NEGOTIATE:
                flags |= smb2.SMB2_FLAGS_SIGNED
            struct.pack_into('<L', answer, 16, flags)
            if flags & smb2.SMB2_FLAGS_SIGNED:
                answer[48:64] = signature(conn['SigningSessionKey'], answer)
        return b''.join(answers)


def validate_negotiate(connId, smbServer, request):
    """What the negotiate answer said, with our own security mode."""
    answer, status = Ioctls.fsctlValidateNegotiateInfo(connId, smbServer, request)
    return answer[:20] + struct.pack('<H', SECURITY_MODE) + answer[22:], status


def split_compound(data):
    """The messages of a compound, each with its padding."""
    while True:
        following, = struct.unpack_from('<L', data, 20)
        if following == 0:
            yield data
            return
        yield data[:following]
        data = data[following:]


def resolve_related(message, previous, conn):
    """Puts the identifiers of the request before in place of all ones."""
    struct.pack_into('<LQ', message, 36, struct.unpack_from('<L', previous, 36)[0], conn['Uid'])
    offset = {smb2.SMB2_CLOSE: 8, smb2.SMB2_FLUSH: 8, smb2.SMB2_READ: 16,
              smb2.SMB2_WRITE: 16, smb2.SMB2_IOCTL: 8}.get(command_of(message))
    if offset and message[64 + offset:80 + offset] == b'\xff' * 16:
        message[64 + offset:80 + offset] = conn.get('CreatedFile') or bytes(16)


def error_answer(message, status):
    answer = smb2.SMB2Packet(bytes(message))
    answer['Flags'] = smb2.SMB2_FLAGS_SERVER_TO_REDIR
    answer['NextCommand'] = 0
    answer['Status'] = status
    answer['Data'] = smb2.SMB2Error().getData()
    return bytearray(answer.getData())


def signature(key, message):
    """HMAC-SHA256 over the message with a zero signature ([MS-SMB2] 3.1.4.1)."""
    zeroed = bytes(message[:48]) + bytes(16) + bytes(message[64:])
    return hmac.new(key, zeroed, hashlib.sha256).digest()[:16]


def command_of(message):
    return struct.unpack_from('<H', message, 12)[0]


def status_of(message):
    return struct.unpack_from('<L', message, 8)[0]


def flags_of(message):
    return struct.unpack_from('<L', message, 16)[0]


def server_config():
    config = configparser.ConfigParser()
    config['global'] = {
        'server_name': 'IMPACKET', 'server_os': 'Impacket', 'server_domain': 'PEERS',
        'log_file': 'None', 'credentials_file': '', 'challenge': '0123456789abcdef',
        'SMB2Support': 'True', 'anonymous_logon': 'False'}
    config['IPC$'] = {'comment': '', 'read only': 'yes', 'share type': '3', 'path': ''}
    return config


def name_and_password(text):
    name, colon, password = text.partition(':')
    if not name or not colon:
        raise argparse.ArgumentTypeError('NAME:PASSWORD')
    return name, password


def number_list(text):
    return [int(number) for number in text.split(',')]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--table', required=True, metavar='FILE', help='JSON list of sessions')
    parser.add_argument('--user', required=True, action='append', type=name_and_password,
                        metavar='NAME:PASSWORD', help='who may log on; may be repeated')
    parser.add_argument('--listen', default='127.0.0.1', metavar='ADDRESS')
    parser.add_argument('--port', default=0, type=int, help='0: any free one')
    parser.add_argument('--log', metavar='FILE', help='append each request as a line of JSON')
    parser.add_argument('--deny', action='store_true', help='ERROR_ACCESS_DENIED at every level')
    parser.add_argument('--deny-levels', default=[], type=number_list, metavar='N,N',
                        help='ERROR_ACCESS_DENIED at these')
    parser.add_argument('--repeat-handle', action='store_true',
                        help='ERROR_MORE_DATA with the same resume handle for ever')
    parser.add_argument('--refuse-related', action='store_true',
                        help='STATUS_INVALID_PARAMETER to related requests of a compound')
    options = parser.parse_args()
    with open(options.table, encoding='utf-8') as table:
        options.sessions = json.load(table)
    return options


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    pipes = PipeListener(options)
    pipes.start()
    server = SmbServer((options.listen, options.port), options)
    server.registerNamedPipe('srvsvc', pipes.socket.getsockname())
    print('ready %d' % server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == '__main__':
    main()
