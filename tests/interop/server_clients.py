#!/usr/bin/python3
"""sessiond against clients that were not written for it.

    server_clients.py [--bin build] [--only NAME] [--list]

--only takes a case or a group ("rpcclient.client"), and may be repeated.  Prints
"ok NAME" or "FAIL NAME: why" for each case and last "N passed, N failed"; the
exit status is 1 when a case failed.  Each case has a server of its own, on a port
of its own, which at its end must leave nothing behind.

Needs no root; it needs rpcclient, smbclient, python3-impacket and python3-samba,
hence the interpreter of the system; for Kerberos what tests/peers/mit_kdc.sh needs.
"""
import argparse
import contextlib
import datetime
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

from impacket import nmb, smb3structs
from impacket.dcerpc.v5 import srvs, transport
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.smbconnection import SMBConnection, SessionError
from impacket.uuid import uuidtup_to_bin
from samba import WERRORError, credentials, ndr, param
from samba.dcerpc import srvsvc

import kerberos_check
from peers import Command, Failure, Host, MitKdc, Sessiond, wait_for

# Our name of a thing: Samba's.
DIALECTS = {'2.0.2': 'SMB2_02', '2.1': 'SMB2_10', '3.0': 'SMB3_00', '3.0.2': 'SMB3_02',
            '3.1.1': 'SMB3_11'}
SIGNINGS = {'HMAC-SHA256': 'HMAC-SHA256', 'AES-CMAC': 'AES-128-CMAC', 'AES-GMAC': 'AES-128-GMAC'}
CIPHERS = ('AES-128-CCM', 'AES-128-GCM', 'AES-256-CCM', 'AES-256-GCM')

IMPACKET_DIALECTS = {'2.0.2': smb3structs.SMB2_DIALECT_002, '2.1': smb3structs.SMB2_DIALECT_21,
                     '3.0': smb3structs.SMB2_DIALECT_30, '3.1.1': smb3structs.SMB2_DIALECT_311}

LEVEL_FIELDS = {
    0: ('client',),
    1: ('client', 'user', 'opens', 'time', 'idle', 'flags'),
    2: ('client', 'user', 'opens', 'time', 'idle', 'flags', 'client_type'),
    10: ('client', 'user', 'time', 'idle'),
    502: ('client', 'user', 'opens', 'time', 'idle', 'flags', 'client_type', 'transport')}

# Our name of a field: python3-samba's, and Impacket's without its prefix.
SAMBA_FIELDS = {'client': 'client', 'user': 'user', 'opens': 'num_open', 'time': 'time',
                'idle': 'idle_time', 'flags': 'user_flags', 'client_type': 'client_type',
                'transport': 'transport'}
IMPACKET_FIELDS = {'client': 'cname', 'user': 'username', 'opens': 'num_opens', 'time': 'time',
                   'idle': 'idle_time', 'flags': 'user_flags', 'client_type': 'cltype_name',
                   'transport': 'transport'}

NDR32 = ('8a885d04-1ceb-11c9-9fe8-08002b104860', '2.0')
NDR64 = ('71710533-beba-4937-8319-b5dbef9ccc36', '1.0')

ACCESS_DENIED = 5
INVALID_LEVEL = 124
MORE_DATA = 234
USER_NOT_FOUND = 2221
CLIENT_NAME_NOT_FOUND = 2312
WHOLE = 0xFFFFFFFF  # a preferred maximum length


class Lab:
    """What the cases share."""

    def __init__(self, build):
        self.build = build
        self.host = Host()
        self.command = Command(os.path.join(build, 'netsession'))
        self.one_realm = None

    def server(self, *options):
        return Sessiond(self.build, *options)

    def realm(self):
        if not self.one_realm:
            self.one_realm = Realm()
        return self.one_realm

    def close(self):
        if self.one_realm:
            self.one_realm.end()

    # The command against a server, as one of its users.
    def ask(self, method, server, *options, user='admin', password=None):
        return method(self.host, '127.0.0.1', '-p', str(server.port), *options, user=user,
                      password=password or server.password(user))

    def samba(self, program, server, *options, user='admin', password=None, timeout=60):
        """Exit status and output of one of Samba's programs; user None: anonymous."""
        logon = ['-N', '-U', '%'] if user is None else [
            '-U', '%s%%%s' % (user, password or server.password(user))]
        status, out, err = self.host.run(
            [program, *options, '-s', os.devnull, '-p', str(server.port), *logon],
            timeout=timeout)
        return status, out + err

    def rpcclient(self, server, *commands, options=(), **kwargs):
        return self.samba('rpcclient', server, '127.0.0.1', *options, '-c', ';'.join(commands),
                          **kwargs)


def expect(what, got, want):
    if got != want:
        raise Failure('%s: %.300r, not %.300r' % (what, got, want))


def expect_in(what, text, wanted):
    if wanted not in text:
        raise Failure('%s: no %r in %.400r' % (what, wanted, text))


@contextlib.contextmanager
def held(lab, server, *users):
    """One session open for each user while the body runs.  At its prompt smbclient
    is logged on, and waits for its stdin."""
    processes = []
    try:
        for user in users:
            processes.append(lab.host.popen(
                ['smbclient', '//127.0.0.1/IPC$', '-s', os.devnull, '-p', str(server.port),
                 '-U', '%s%%%s' % (user, server.password(user))],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        for user in set(users):
            wait_for('%s is logged on' % user, lambda user=user: server.log().count(
                '%s logged on' % user) >= users.count(user))
        yield processes
    finally:
        for process in processes:
            process.stdin.close()
        for process in processes:
            process.wait(10)


# ---- protocols ----------------------------------------------------------------------------

def protocols():
    """Name, dialect, signing algorithm and cipher of all there is."""
    for dialect in DIALECTS:
        signings = tuple(SIGNINGS) if dialect == '3.1.1' else (
            'HMAC-SHA256',) if dialect[0] == '2' else ('AES-CMAC',)
        for signing in signings:
            yield '%s.%s' % (dialect, signing), dialect, signing, None
        ciphers = CIPHERS if dialect == '3.1.1' else CIPHERS[:1] if dialect[0] == '3' else ()
        for cipher in ciphers:
            yield '%s.%s' % (dialect, cipher), dialect, signings[0], cipher


def server_options(dialect, signing, cipher):
    options = ['--min-dialect', dialect, '--max-dialect', dialect, '--signing', signing,
               '--signing-required', '--encryption', 'required' if cipher else 'off']
    if cipher:
        options += ['--ciphers', cipher]
    return options


def samba_options(dialect, signing, cipher):
    """What Samba's clients are told; the connection to IPC$ has options of its own."""
    options = []
    for kind in ('client', 'client ipc'):
        options += ['--option=%s min protocol=%s' % (kind, DIALECTS[dialect]),
                    '--option=%s max protocol=%s' % (kind, DIALECTS[dialect])]
    options += ['--option=client smb3 signing algorithms=' + SIGNINGS[signing],
                '--client-protection=' + ('encrypt' if cipher else 'sign')]
    if cipher:
        options.append('--option=client smb3 encryption algorithms=' + cipher)
    return options


def check_protocol(server, dialect, signing, cipher):
    """What the last client and the server agreed upon."""
    chosen = re.findall(r'SMB ([0-9.]+), ([A-Z0-9-]+), ([A-Za-z0-9 -]+)$', server.log(),
                        re.MULTILINE)[-1]
    wanted = (dialect, signing if dialect == '3.1.1' and not cipher else chosen[1],
              cipher or chosen[2])
    expect('protocol', chosen, wanted)


# ---- rpcclient ----------------------------------------------------------------------------

CLIENT = r'\\\\127.0.0.1'  # rpcclient halves the backslashes


def check_rpcclient(lab, server, options=()):
    """All that rpcclient can ask of the server, in one connection.  Of sessions it
    tells the number only: those held, and its own.  It cannot ask for a level
    without filters."""
    commands = ['netsessenum', 'netsessenum ' + CLIENT]
    wanted = [('1', '4'), ('1', '4')]
    for level in LEVEL_FIELDS:
        for user, count in (('alice', 2), ('jürgen', 1), ('admin', 1)):
            commands.append('netsessenum %s %s %d' % (CLIENT, user, level))
            wanted.append((str(level), str(count)))
    with held(lab, server, 'alice', 'jürgen', 'alice'):
        status, out = lab.rpcclient(server, *commands, 'srvinfo', 'netshareenumall 1',
                                    'netremotetod', options=options)
    expect('exit status, with %.300s' % out, status, 0)
    expect('counts', re.findall(r'trying level: (\d+)\nReceived (\d+) entries\.', out), wanted)
    expect_in('srvinfo', out, 'netsession reference server')
    expect_in('srvinfo', out, 'platform_id     :\t500')
    expect_in('netshareenumall', out, 'netname: IPC$')
    expect_in('log', server.log(), 'NetrRemoteTOD by admin')


def rpcclient_client(dialect, signing, cipher):
    """The client restricts itself; the server is open to all."""
    def case(lab):
        with lab.server() as server:
            options = samba_options(dialect, signing, cipher)
            check_rpcclient(lab, server, options)
            lab.rpcclient(server, 'srvinfo', options=options)
            check_protocol(server, dialect, signing, cipher)
    return case


def rpcclient_server(dialect, signing, cipher):
    """The server restricts; the client takes what it gets."""
    def case(lab):
        with lab.server(*server_options(dialect, signing, cipher)) as server:
            options = ['--option=client min protocol=SMB2_02',
                       '--option=client ipc min protocol=SMB2_02']
            check_rpcclient(lab, server, options)
            check_protocol(server, dialect, signing, cipher)
    return case


def rpcclient_refused(lab):
    """A server that wants what the client cannot."""
    for server_side, client_side in (
            (('--min-dialect', '3.1.1'), ('3.0.2', 'AES-CMAC', None)),
            (('--max-dialect', '3.0.2'), ('3.1.1', 'AES-CMAC', None)),
            (('--encryption', 'required'), ('2.1', 'HMAC-SHA256', None)),
            (('--encryption', 'off'), ('3.1.1', 'AES-CMAC', 'AES-128-GCM'))):
        with lab.server(*server_side) as server:
            status, out = lab.rpcclient(server, 'srvinfo', options=samba_options(*client_side))
            if status == 0:
                raise Failure('%s and %s go together: %s' % (server_side, client_side, out))


def rpcclient_errors(lab):
    with lab.server() as server:
        for arguments, wanted in ((r'\\\\10.9.9.9', 'WERR_NERR_CLIENTNAMENOTFOUND'),
                                  (CLIENT + ' nobody', 'NOTFOUND'),  # either is right: 3.1.4.5
                                  ('127.0.0.1', 'WERR_NERR_INVALIDCOMPUTER'),
                                  (CLIENT + ' admin 3', 'WERR_INVALID_LEVEL')):
            status, out = lab.rpcclient(server, 'netsessenum ' + arguments)
            expect('exit status with %s' % arguments, status, 1)
            expect_in(arguments, out, wanted)


def rpcclient_share_level(level):
    def case(lab):
        with lab.server() as server:
            status, out = lab.rpcclient(server, 'netshareenumall %d' % level)
            expect('exit status, with %.200s' % out.strip(), status, 0)
            expect_in('netshareenumall', out, 'netname: IPC$')
    return case


def rpcclient_sessdel(lab):
    """The session is gone, its connection closed, and others are untouched."""
    with lab.server() as server, held(lab, server, 'bob'):
        victim = impacket_connect(server, 'alice')
        status, out = lab.rpcclient(server, 'netsessenum', 'netsessdel %s alice' % CLIENT,
                                    'netsessenum', 'netsessenum %s bob 502' % CLIENT)
        expect('exit status, with %.300s' % out, status, 0)
        expect('counts', re.findall(r'Received (\d+) entries', out), ['3', '2', '1'])
        check_closed(victim)
        status, out = lab.rpcclient(server, 'netsessdel %s alice' % CLIENT)
        expect_in('deleted once more', out, 'WERR_NERR_CLIENTNAMENOTFOUND')


def check_closed(connection):
    """The server has closed it: nothing more comes, and that at once."""
    sock = connection.getSMBServer().get_socket()
    sock.settimeout(5)
    try:
        expect('bytes on the connection', sock.recv(1), b'')
    except ConnectionResetError:
        pass
    except socket.timeout as error:
        raise Failure('the connection is still open') from error


def rpcclient_not_admin(lab):
    with lab.server() as server:
        for level in LEVEL_FIELDS:
            _, out = lab.rpcclient(server, 'netsessenum %s alice %d' % (CLIENT, level),
                                   user='alice')
            expect_in('level %d' % level, out, 'WERR_ACCESS_DENIED')
        _, out = lab.rpcclient(server, 'netsessdel %s alice' % CLIENT, user='alice')
        expect_in('netsessdel', out, 'WERR_ACCESS_DENIED')
        status, out = lab.rpcclient(server, 'srvinfo', user='alice')
        expect('exit status of srvinfo', status, 0)


def rpcclient_read_for_all(lab):
    with lab.server('--read-for-all') as server:
        for level in LEVEL_FIELDS:
            _, out = lab.rpcclient(server, 'netsessenum %s alice %d' % (CLIENT, level),
                                   user='alice')
            expect_in('level %d' % level, out,
                      'Received 1 entries' if level in (0, 10) else 'WERR_ACCESS_DENIED')


def rpcclient_cases():
    for name, *protocol in protocols():
        yield 'rpcclient.client.' + name, rpcclient_client(*protocol)
        yield 'rpcclient.server.' + name, rpcclient_server(*protocol)
    for level in (1, 2, 502):  # all it knows
        yield 'rpcclient.netshareenumall.%d' % level, rpcclient_share_level(level)
    for name, case in (('refused', rpcclient_refused), ('errors', rpcclient_errors),
                       ('netsessdel', rpcclient_sessdel), ('not-admin', rpcclient_not_admin),
                       ('read-for-all', rpcclient_read_for_all)):
        yield 'rpcclient.' + name, case


# ---- smbclient ----------------------------------------------------------------------------

def smbclient_list(lab):
    with lab.server() as server:
        for user in ('admin', 'jürgen'):
            status, out = lab.samba('smbclient', server, '-L', '127.0.0.1', user=user)
            expect('exit status, with %.200s' % out, status, 0)
            expect_in('shares', out, 'IPC$            IPC       Remote IPC')


def smbclient_refused(user, password):
    def case(lab):
        with lab.server() as server:
            for _ in range(2):  # a refusal leaves the server as it was
                status, out = lab.samba('smbclient', server, '-L', '127.0.0.1', user=user,
                                        password=password)
                expect('exit status', status, 1)
                expect_in('what smbclient says', out, 'NT_STATUS_LOGON_FAILURE')
            status, _ = lab.samba('smbclient', server, '-L', '127.0.0.1')
            expect('exit status after refusals', status, 0)
    return case


def smbclient_anonymous(lab):
    with lab.server('--anonymous') as server:
        status, out = lab.samba('smbclient', server, '-L', '127.0.0.1', user=None)
        expect('exit status, with %.200s' % out, status, 0)
        expect_in('shares', out, 'IPC$')
        status, out = lab.rpcclient(server, 'netsessenum', user=None)
        expect_in('netsessenum', out, 'WERR_ACCESS_DENIED')


def smbclient_guest(lab):
    """An unknown user is a guest, who signs nothing; a wrong password stays wrong."""
    options = ('--client-protection=off', '-L', '127.0.0.1')
    with lab.server('--guest') as server:
        status, out = lab.samba('smbclient', server, *options, user='nobody', password='any')
        expect('exit status, with %.200s' % out, status, 0)
        expect_in('shares', out, 'IPC$')
        status, out = lab.samba('smbclient', server, '-L', '127.0.0.1', user='alice',
                                password='wrong')
        expect_in('with a wrong password', out, 'NT_STATUS_LOGON_FAILURE')


def smbclient_no_such_share(lab):
    with lab.server() as server:
        status, out = lab.samba('smbclient', server, '//127.0.0.1/C$')
        expect('exit status', status, 1)
        expect_in('what smbclient says', out, 'NT_STATUS_BAD_NETWORK_NAME')


def smbclient_cases():
    for name, case in (('list', smbclient_list),
                       ('wrong-password', smbclient_refused('alice', 'wrong')),
                       ('unknown-user', smbclient_refused('nobody', 'secret')),
                       ('anonymous-refused', smbclient_refused(None, None)),
                       ('anonymous', smbclient_anonymous), ('guest', smbclient_guest),
                       ('no-such-share', smbclient_no_such_share)):
        yield 'smbclient.' + name, case


# ---- Impacket -----------------------------------------------------------------------------

@contextlib.contextmanager
def from_address(address):
    """Impacket connects from another of the loopback addresses."""
    def connect(_, peer, timeout=None):
        return socket.create_connection(peer, timeout, (address, 0))
    before = nmb.NetBIOSTCPSession._setup_connection
    nmb.NetBIOSTCPSession._setup_connection = connect
    try:
        yield
    finally:
        nmb.NetBIOSTCPSession._setup_connection = before


def impacket_connect(server, user='admin', password=None, dialect='3.1.1', address='127.0.0.1',
                     encrypt=False):
    with from_address(address):
        connection = SMBConnection('127.0.0.1', '127.0.0.1', sess_port=server.port, timeout=20,
                                   preferredDialect=IMPACKET_DIALECTS[dialect])
    # Impacket 0.10 forgets to go on from the connection's hash ([MS-SMB2] 3.2.4.2.3).
    state = connection.getSMBServer()
    if dialect == '3.1.1':
        state._Session['PreauthIntegrityHashValue'] = state._Connection[
            'PreauthIntegrityHashValue']
        state._Connection['SupportsEncryption'] = encrypt  # at 3.0 the server's bit decides
    connection.login(user, password or server.password(user))
    return connection


def impacket_pipe(connection, syntax=NDR32):
    pipe = transport.SMBTransport('127.0.0.1', filename=r'\srvsvc', smb_connection=connection)
    dce = pipe.get_dce_rpc()
    dce.connect()
    dce.bind(srvs.MSRPC_UUID_SRVS, transfer_syntax=syntax)
    return dce


def impacket_status(call, *arguments, **kwargs):
    """Status and response of a call, whatever the status is."""
    try:
        response = call(*arguments, **kwargs)
        return response['ErrorCode'], response
    except DCERPCException as error:
        return error.get_error_code(), error.get_packet()


def impacket_value(value):
    return value.rstrip('\0') if isinstance(value, str) else value


def impacket_rows(response, level):
    entries = response['InfoStruct']['SessionInfo']['Level%d' % level]['Buffer']
    return [{field: impacket_value(entry['sesi%d_%s' % (level, IMPACKET_FIELDS[field])])
             for field in LEVEL_FIELDS[level]} for entry in entries]


def impacket_sessions(dce, level, client=NULL, user=NULL):
    status, response = impacket_status(srvs.hNetrSessionEnum, dce, client, user, level)
    expect('status of NetrSessionEnum', status, 0)
    rows = impacket_rows(response, level)
    expect('TotalEntries', response['TotalEntries'], len(rows))
    return rows


def impacket_dialect(dialect, *options, encrypt=False):
    def case(lab):
        with lab.server(*options) as server:
            connection = impacket_connect(server, dialect=dialect, encrypt=encrypt)
            dce = impacket_pipe(connection)
            for level in LEVEL_FIELDS:
                rows = impacket_sessions(dce, level)
                expect('clients', [row['client'] for row in rows], ['\\\\127.0.0.1'])
            expect_in('log', server.log(), 'SMB %s, ' % dialect)
            connection.logoff()
    return case


def impacket_live(lab):
    """What is known of live sessions: user, address, opens, flags."""
    with lab.server('--guest') as server:
        asker = impacket_pipe(impacket_connect(server))
        alice = impacket_connect(server, 'alice', address='127.0.0.2')
        tree = alice.connectTree('IPC$')
        files = [alice.openFile(tree, 'srvsvc') for _ in range(3)]
        impacket_connect_guest(server, address='127.0.0.3')
        expect('sessions', without_times(impacket_sessions(asker, 502)), [
            live('127.0.0.1', 'admin', 1), live('127.0.0.2', 'alice', 3),
            live('127.0.0.3', 'somebody', 0, flags=1)])
        alice.closeFile(tree, files[1])
        for options, users in (({'client': '\\\\127.0.0.2\0'}, ['alice']),
                               ({'user': 'ALICE\0'}, ['alice']),
                               ({'client': '\\\\127.0.0.1\0', 'user': 'admin\0'}, ['admin'])):
            rows = impacket_sessions(asker, 502, **options)
            expect('users with %s' % options, [row['user'] for row in rows], users)
        expect('opens', impacket_sessions(asker, 502, user='alice\0')[0]['opens'], 2)
        for options, status in (({'client': '\\\\127.0.0.9\0'}, CLIENT_NAME_NOT_FOUND),
                                ({'user': 'nobody\0'}, USER_NOT_FOUND)):
            got, _ = impacket_status(srvs.hNetrSessionEnum, asker, options.get('client', NULL),
                                     options.get('user', NULL), 1)
            expect('status with %s' % options, got, status)
        alice.logoff()
        rows = impacket_sessions(asker, 502)
        expect('users', [row['user'] for row in rows], ['admin', 'somebody'])


def impacket_connect_guest(server, address):
    """Kept by the garbage collector only as long as its socket is referred to."""
    connection = impacket_connect(server, 'somebody', 'anything', address=address)
    server.guest = connection
    expect('guest', connection.isGuestSession(), 1)


def without_times(rows):
    return [{field: value for field, value in row.items() if field not in ('time', 'idle')}
            for row in rows]


def live(address, user, opens, flags=0):
    return {'client': '\\\\' + address, 'user': user, 'opens': opens, 'flags': flags,
            'client_type': '', 'transport': '\\Device\\NetBT_Tcpip'}


def impacket_times(lab):
    """Time grows; so does idle, until the client is heard again."""
    with lab.server() as server:
        asker = impacket_pipe(impacket_connect(server))
        alice = impacket_connect(server, 'alice')
        first = impacket_sessions(asker, 502, user='alice\0')[0]
        expect('time and idle at once', [first['time'] // 2, first['idle'] // 2], [0, 0])
        time.sleep(2.2)
        later = impacket_sessions(asker, 502, user='alice\0')[0]
        if not (2 <= later['time'] <= 4 and 2 <= later['idle'] <= 4):
            raise Failure('after two seconds: %s' % later)
        impacket_pipe(alice)
        last = impacket_sessions(asker, 502, user='alice\0')[0]
        if last['time'] < later['time'] or last['idle'] > 1:
            raise Failure('after it was heard: %s' % last)


def impacket_syntax(syntax, *options):
    def case(lab):
        with lab.server('--fill', '40', *options) as server:
            dce = impacket_pipe(impacket_connect(server), syntax)
            for level in LEVEL_FIELDS:
                expect('rows', len(impacket_sessions(dce, level)), 41)
            _, response = impacket_status(srvs.hNetrServerGetInfo, dce, 101)
            expect('comment', response['InfoStruct']['ServerInfo101']['sv101_comment'],
                   'netsession reference server\0')
    return case


def impacket_paging(lab):
    """Parts as small as asked for, to the end, each row once."""
    with lab.server('--fill', '300') as server:
        dce = impacket_pipe(impacket_connect(server))
        for level in LEVEL_FIELDS:
            whole = impacket_sessions(dce, level)
            rows, resume, calls, status = [], 0, 0, MORE_DATA
            while status == MORE_DATA:
                status, response = impacket_status(
                    srvs.hNetrSessionEnum, dce, NULL, NULL, level, resume, 1000)
                part = impacket_rows(response, level)
                expect('TotalEntries', response['TotalEntries'], len(whole) - len(rows))
                rows += part
                resume = response['ResumeHandle']
                calls += 1
                if not part or calls > 1000:
                    raise Failure('no progress: call %d, status %d' % (calls, status))
            expect('last status', status, 0)
            expect('rows', without_times(rows), without_times(whole))
            if calls < 10:
                raise Failure('only %d calls' % calls)


def impacket_sessdel(lab):
    with lab.server() as server:
        dce = impacket_pipe(impacket_connect(server))
        one = impacket_connect(server, 'alice', address='127.0.0.2')
        two = impacket_connect(server, 'bob', address='127.0.0.2')
        three = impacket_connect(server, 'alice')
        for client, user, status in (('\\\\127.0.0.9\0', NULL, CLIENT_NAME_NOT_FOUND),
                                     (NULL, 'nobody\0', CLIENT_NAME_NOT_FOUND),
                                     ('\\\\127.0.0.2\0', NULL, 0)):
            got, _ = impacket_status(srvs.hNetrSessionDel, dce, client, user)
            expect('status for %r, %r' % (client, user), got, status)
        check_closed(one)
        check_closed(two)
        users = [row['user'] for row in impacket_sessions(dce, 1)]
        expect('who is left', users, ['admin', 'alice'])
        impacket_status(srvs.hNetrSessionDel, dce, NULL, 'alice\0')
        check_closed(three)


def impacket_sessdel_itself(lab):
    """Who deletes every session of his own address loses his own."""
    with lab.server() as server:
        connection = impacket_connect(server)
        dce = impacket_pipe(connection)
        try:
            srvs.hNetrSessionDel(dce, '\\\\127.0.0.1\0', NULL)
        except (DCERPCException, SessionError, OSError, nmb.NetBIOSError):
            pass  # whether the answer is still seen is of no matter
        check_closed(connection)
        expect('who is left', len(impacket_sessions(impacket_pipe(
            impacket_connect(server)), 0)), 1)


def impacket_errors(lab):
    with lab.server() as server:
        dce = impacket_pipe(impacket_connect(server, 'alice'))
        for level in LEVEL_FIELDS:
            status, _ = impacket_status(srvs.hNetrSessionEnum, dce, NULL, NULL, level)
            expect('status for who is no administrator', status, ACCESS_DENIED)
        dce = impacket_pipe(impacket_connect(server))
        for call, arguments in ((srvs.hNetrFileEnum, (NULL, NULL, 3)),
                                (srvs.hNetrServerDiskEnum, (0,))):
            try:
                call(dce, *arguments)
                raise Failure('%s is answered' % call.__name__)
            except DCERPCException as error:
                expect_in(call.__name__, str(error), 'nca_s_op_rng_error')
        expect('rows after faults', len(impacket_sessions(dce, 1)), 2)
        for user, password in (('alice', 'wrong'), ('nobody', 'secret')):
            try:
                impacket_connect(server, user, password)
                raise Failure('%s is let in' % user)
            except SessionError as error:
                expect_in('logon', str(error), 'STATUS_LOGON_FAILURE')


def impacket_unknown_interface(lab):
    with lab.server() as server:
        connection = impacket_connect(server)
        pipe = transport.SMBTransport('127.0.0.1', filename=r'\srvsvc', smb_connection=connection)
        dce = pipe.get_dce_rpc()
        dce.connect()
        try:
            dce.bind(uuidtup_to_bin(('12345678-1234-1234-1234-123456789012', '1.0')))
            raise Failure('an unknown interface is bound')
        except DCERPCException as error:
            expect_in('bind', str(error), 'abstract_syntax_not_supported')


def impacket_cases():
    for dialect in IMPACKET_DIALECTS:
        yield 'impacket.%s' % dialect, impacket_dialect(dialect)
        yield 'impacket.%s.signed' % dialect, impacket_dialect(
            dialect, '--signing-required', '--encryption', 'off')
        if dialect[0] == '3':
            yield 'impacket.%s.encrypted' % dialect, impacket_dialect(
                dialect, '--encryption', 'required', encrypt=True)
    for name, case in (('live', impacket_live), ('times', impacket_times),
                       ('ndr32', impacket_syntax(NDR32, '--syntaxes', 'NDR32')),
                       ('ndr64', impacket_syntax(NDR64, '--syntaxes', 'NDR64')),
                       ('paging', impacket_paging), ('sessdel', impacket_sessdel),
                       ('sessdel-itself', impacket_sessdel_itself), ('errors', impacket_errors),
                       ('unknown-interface', impacket_unknown_interface)):
        yield 'impacket.' + name, case


# ---- python3-samba ------------------------------------------------------------------------

def samba_pipe(server, options='', user='admin', address='127.0.0.1', settings=None):
    lp = param.LoadParm()
    lp.load(os.devnull)
    wanted = {'smb ports': str(server.port), 'client ipc min protocol': 'SMB2_02',
              'client ipc max protocol': 'SMB3_11'}
    wanted.update(settings or {})
    for name, value in wanted.items():
        lp.set(name, value)
    who = credentials.Credentials()
    who.guess(lp)
    who.set_kerberos_state(credentials.DONT_USE_KERBEROS)
    who.set_username(user)
    who.set_password(server.password(user))
    return srvsvc.srvsvc('ncacn_np:%s[%s]' % (address, options), lp, who)


def samba_ctr(level):
    info = srvsvc.NetSessInfoCtr()
    info.level = level
    info.ctr = getattr(srvsvc, 'NetSessCtr%d' % level)()
    return info


def samba_rows(info):
    return [{field: getattr(entry, SAMBA_FIELDS[field]) for field in LEVEL_FIELDS[info.level]}
            for entry in info.ctr.array or []]


def samba_sessions(pipe, level, client=None, user=None):
    info, total, _ = pipe.NetSessEnum('\\\\127.0.0.1', client, user, samba_ctr(level), WHOLE, 0)
    rows = samba_rows(info)
    expect('TotalEntries', total, len(rows))
    return rows


def samba_part(pipe, level, resume, most):
    """Status, rows and handle of one call.  The method of the binding has no
    result beside an error, so ERROR_MORE_DATA needs the request by hand."""
    call = srvsvc.NetSessEnum()
    call.in_server_unc = '\\\\127.0.0.1'
    call.in_info_ctr = samba_ctr(level)
    call.in_max_buffer = most
    call.in_resume_handle = resume
    ndr.ndr_unpack_out(call, pipe.request(12, ndr.ndr_pack_in(call)))
    rows = samba_rows(call.out_info_ctr)
    return call.result[0], rows, call.out_totalentries, call.out_resume_handle


def samba_error(call, *arguments):
    try:
        call(*arguments)
    except WERRORError as error:
        return error.args[0]
    return 0


def samba_levels(options, *policy):
    def case(lab):
        with lab.server('--fill', '100', *policy) as server, held(lab, server, 'alice'):
            pipe = samba_pipe(server, options)
            for level in LEVEL_FIELDS:
                rows = samba_sessions(pipe, level)
                expect('number of rows', len(rows), 102)
                expect('clients', [row['client'] for row in rows[100:]], ['\\\\127.0.0.1'] * 2)
                if level:
                    expect('users', [row['user'] for row in rows[100:]], ['alice', 'admin'])
            for level in (3, 9, 11, 503):
                info = srvsvc.NetSessInfoCtr()
                info.level = level
                expect('level %d' % level, samba_error(
                    pipe.NetSessEnum, None, None, None, info, WHOLE, 0), INVALID_LEVEL)
    return case


def samba_paging(lab):
    with lab.server('--fill', '1000', '--seed', '7') as server:
        pipe = samba_pipe(server)
        for level in LEVEL_FIELDS:
            whole = samba_sessions(pipe, level)
            for most in (256, 4096, 65536):
                check_paging(pipe, level, most, whole)


def check_paging(pipe, level, most, whole):
    rows, handles, status = [], [0], MORE_DATA
    while status == MORE_DATA:
        status, part, total, handle = samba_part(pipe, level, handles[-1], most)
        expect('TotalEntries', total, len(whole) - len(rows))
        if not part:
            raise Failure('a part without rows at handle %d' % handles[-1])
        rows += part
        handles.append(handle)
    expect('last status', status, 0)
    expect('handles', sorted(set(handles)), handles)
    expect('rows of level %d in parts of %d' % (level, most), without_times(rows),
           without_times(whole))
    status, part, total, _ = samba_part(pipe, level, handles[-1], most)
    expect('past the end', [status, part, total], [0, [], 0])


def samba_filters(lab):
    with lab.server() as server, held(lab, server, 'alice', 'bob', 'jürgen'):
        pipe = samba_pipe(server)
        for client, user, count in ((None, None, 4), ('', '', 4), ('\\\\127.0.0.1', None, 4),
                                    (None, 'Alice', 1), (None, 'JÜRGEN', 1),
                                    ('\\\\127.0.0.1', 'bob', 1)):
            for level in LEVEL_FIELDS:
                expect('rows for %r, %r' % (client, user),
                       len(samba_sessions(pipe, level, client, user)), count)


def samba_server_info(lab):
    with lab.server('--name', 'LABSERVER') as server:
        pipe = samba_pipe(server)
        info = pipe.NetSrvGetInfo(None, 100)
        expect('level 100', [info.platform_id, info.server_name], [500, 'LABSERVER'])
        info = pipe.NetSrvGetInfo(None, 101)
        expect('level 101', [info.platform_id, info.server_name, info.comment],
               [500, 'LABSERVER', 'netsession reference server'])
        expect('level 99', samba_error(pipe.NetSrvGetInfo, None, 99), INVALID_LEVEL)


def samba_shares(lab):
    with lab.server() as server:
        pipe = samba_pipe(server, user='alice')
        for level in (0, 1):
            info = srvsvc.NetShareInfoCtr()
            info.level = level
            info.ctr = getattr(srvsvc, 'NetShareCtr%d' % level)()
            info, total, _ = pipe.NetShareEnumAll(None, info, WHOLE, 0)
            expect('shares', [total, [one.name for one in info.ctr.array]], [1, ['IPC$']])
        expect('type', info.ctr.array[0].type, srvsvc.STYPE_IPC_HIDDEN)
        expect('NetShareGetInfo', pipe.NetShareGetInfo(None, 'ipc$', 1).comment, 'Remote IPC')


def samba_time(lab):
    with lab.server() as server:
        tod = samba_pipe(server, user='alice').NetRemoteTOD(None)
        now = datetime.datetime.now(datetime.timezone.utc)
        if abs(tod.elapsed - now.timestamp()) > 5:
            raise Failure('elapsed: %d' % tod.elapsed)
        expect('date', [tod.year, tod.month, tod.day], [now.year, now.month, now.day])


def samba_sessdel(lab):
    with lab.server() as server:
        victim = impacket_connect(server, 'alice')
        pipe = samba_pipe(server)
        expect('status', samba_error(pipe.NetSessDel, None, None, 'alice'), 0)
        check_closed(victim)
        expect('who is left', [row['user'] for row in samba_sessions(pipe, 1)], ['admin'])
        expect('status', samba_error(pipe.NetSessDel, None, None, 'alice'),
               CLIENT_NAME_NOT_FOUND)


def samba_many_pipes(lab):
    """Several pipes in one process, and calls on each in turn."""
    with lab.server() as server:
        pipes = [samba_pipe(server, user=user) for user in ('admin', 'alice', 'bob', 'admin')]
        for _ in range(3):
            for pipe in pipes:
                pipe.NetRemoteTOD(None)
        expect('rows', len(samba_sessions(pipes[3], 502)), 4)


def samba_cases():
    for name, options in (('ndr32', ''), ('ndr64', 'ndr64'), ('bigendian', 'bigendian')):
        yield 'samba.levels.' + name, samba_levels(options)
    yield 'samba.levels.ndr64-only', samba_levels('ndr64', '--syntaxes', 'NDR64')
    for name, case in (('paging', samba_paging), ('filters', samba_filters),
                       ('server-info', samba_server_info), ('shares', samba_shares),
                       ('time', samba_time), ('sessdel', samba_sessdel),
                       ('many-pipes', samba_many_pipes)):
        yield 'samba.' + name, case


# ---- Kerberos -----------------------------------------------------------------------------

REALM = 'NET.TEST'
KNOWN = {REALM + r'\alice': ('never-used-here', 'admin'), 'admin': ('Secret-1', 'admin')}


class Realm:
    """A KDC, and the tickets of alice and bob; begins when it is first needed."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix='realm-')
        self.kdc = MitKdc(self.directory.name)
        self.kdc.__enter__()
        os.environ.update(self.kdc.env)  # for the clients in this process too
        for user in ('alice', 'bob'):
            subprocess.run(['kinit', '-c', self.ccache(user), user], check=True, text=True,
                           input=self.kdc.values[user.upper() + '_PASSWORD'] + '\n',
                           stdout=subprocess.DEVNULL)

    def ccache(self, user):
        return self.kdc.file('of-' + user)

    @contextlib.contextmanager
    def copy(self, user, change=lambda path: None):
        """A ccache of one's own: Samba notes in it how wrong its clock is."""
        path = self.kdc.file('copy')
        shutil.copy(self.ccache(user), path)
        change(path)
        yield path
        os.remove(path)

    def end(self):
        self.kdc.__exit__()
        self.directory.cleanup()


def kerberos_server(lab, *options, keytab='server.keytab', users=None):
    return Sessiond(lab.build, '--keytab', lab.realm().kdc.file(keytab), *options,
                    users=KNOWN if users is None else users, env=lab.realm().kdc.env)


def kerberos_samba(lab, server, program, *options, host='fs1', user='alice', ccache=None,
                   clock=()):
    """Exit status and output.  127.0.0.1 has no ticket: the server gets a name."""
    ccache = ccache or lab.realm().ccache(user)
    name = host + '.net.test'
    target = '//%s/IPC$' % name if program == 'smbclient' else name
    status, out, err = lab.host.run(
        [*clock, program, '-s', os.devnull, '-p', str(server.port), '-I', '127.0.0.1',
         '--use-kerberos=required', '--use-krb5-ccache=' + ccache, target, *options],
        env={'KRB5CCNAME': ccache})
    return status, out + err


def kerberos_in(lab, server, *options, **kwargs):
    status, out = kerberos_samba(lab, server, 'smbclient', '-c', 'exit', *options, **kwargs)
    expect('exit status, with %.300s' % out, status, 0)
    expect_in('log', server.log(), r'%s\%s logged on' % (REALM, kwargs.get('user', 'alice')))


def kerberos_out(lab, server, why, **kwargs):
    for _ in range(2):  # a refusal leaves the server as it was
        status, out = kerberos_samba(lab, server, 'smbclient', '-c', 'exit', **kwargs)
        expect('exit status, with %.300s' % out, status, 1)
        expect_in('what smbclient says', out, 'NT_STATUS_LOGON_FAILURE')
    expect_in('log', server.log(), why)


def kerberos_protocol(dialect, signing, cipher):
    """Everything signed or encrypted with keys from the ticket; who is known as an
    administrator there is one here."""
    def case(lab):
        with kerberos_server(lab, *server_options(dialect, signing, cipher)) as server:
            for level in LEVEL_FIELDS:
                status, out = kerberos_samba(
                    lab, server, 'rpcclient', *samba_options(dialect, signing, cipher), '-c',
                    r'netsessenum \\\\127.0.0.1 alice %d' % level)
                expect('exit status, with %.300s' % out, status, 0)
                expect_in('netsessenum', out, 'Received 1 entries')
            check_protocol(server, dialect, signing, cipher)
    return case


def kerberos_ticket(host):
    """Tickets and session keys of other types; AES-256 is keyed by all of the key."""
    def case(lab):
        for protocol in (('3.1.1', 'AES-GMAC', None), ('3.1.1', 'AES-GMAC', 'AES-256-GCM'),
                         ('3.0', 'AES-CMAC', 'AES-128-CCM'), ('2.1', 'HMAC-SHA256', None)):
            with kerberos_server(lab, *server_options(*protocol)) as server:
                kerberos_in(lab, server, *samba_options(*protocol), host=host)
                check_protocol(server, *protocol)
    return case


def kerberos_users(lab):
    """bob is known to the KDC only; without a file of users so is alice."""
    for users, user in ((None, 'bob'), ({}, 'alice')):
        with kerberos_server(lab, users=users) as server:
            status, out = kerberos_samba(lab, server, 'rpcclient', '-c', 'netsessenum;srvinfo',
                                         user=user)
            expect_in('netsessenum', out, 'WERR_ACCESS_DENIED')
            expect_in('srvinfo', out, 'netsession reference server')
            expect('exit status', status, 0)


def kerberos_beside_ntlm(lab):
    with kerberos_server(lab) as server:
        status, out = lab.samba('smbclient', server, '-L', '127.0.0.1')
        expect('exit status, with %.200s' % out, status, 0)
        kerberos_in(lab, server)


def kerberos_no_ntlm(lab):
    with kerberos_server(lab, '--no-ntlm') as server:
        status, out = lab.samba('smbclient', server, '-L', '127.0.0.1')
        expect('exit status', status, 1)
        kerberos_in(lab, server)
    expect_in('what smbclient says', out, 'NT_STATUS_LOGON_FAILURE')


def kerberos_request_mic(lab):
    with kerberos_server(lab, '--request-mic') as server:
        kerberos_in(lab, server)
        expect('answers that demand more', server.log().count('MORE_PROCESSING_REQUIRED'), 1)
        status, out = lab.samba('smbclient', server, '-L', '127.0.0.1')
        expect('exit status, with %.200s' % out, status, 0)


def kerberos_wrong_keys(lab):
    with kerberos_server(lab, keytab='stale.keytab') as server:
        kerberos_out(lab, server, 'not found in keytab', host='stale')
        kerberos_out(lab, server, 'annot decrypt ticket', host='wrong')
        kerberos_out(lab, server, 'not found in keytab', host='fs1')


def kerberos_clock(lab):
    """An hour off, but told the server's time Samba comes in with that."""
    with kerberos_server(lab) as server:
        kerberos_in(lab, server)
        for offset in ('+1h', '-1h'):
            before = server.log().count('MORE_PROCESSING_REQUIRED')
            with lab.realm().copy('alice') as ccache:
                kerberos_in(lab, server, ccache=ccache, clock=('faketime', '-f', offset))
            expect('answers that demand more',
                   server.log().count('MORE_PROCESSING_REQUIRED') - before, 2)


def kerberos_clock_refused(lab):
    """Who does not listen stays outside."""
    with kerberos_server(lab) as server:
        kerberos_in(lab, server)
        with lab.realm().copy('alice', lambda path: kerberos_check.skew_ccache(
                path, 3600)) as ccache:
            kerberos_out(lab, server, 'Clock skew too great', ccache=ccache)
        kerberos_in(lab, server)


def kerberos_impacket(lab):
    """Impacket asks for no mutual authentication."""
    with kerberos_server(lab) as server:
        kerberos_in(lab, server)  # so that the ticket is there
        os.environ['KRB5CCNAME'] = lab.realm().ccache('alice')
        connection = SMBConnection('fs1.net.test', '127.0.0.1', sess_port=server.port,
                                   timeout=20)
        try:
            connection.kerberosLogin('alice', '', REALM, kdcHost='127.0.0.1', useCache=True)
            raise Failure('let in')
        except SessionError as error:
            expect_in('Impacket', str(error), 'STATUS_LOGON_FAILURE')
        finally:
            del os.environ['KRB5CCNAME']
        expect_in('log', server.log(), 'lacks mutual authentication')
        kerberos_in(lab, server)


def session_setup(smb, blob):
    """Status and the answer's token, with Impacket's framing only."""
    packet = smb.SMB_PACKET()
    packet['Command'] = smb3structs.SMB2_SESSION_SETUP
    packet['Data'] = data = smb3structs.SMB2SessionSetup()
    data['SecurityMode'] = smb3structs.SMB2_NEGOTIATE_SIGNING_ENABLED
    data['SecurityBufferLength'] = len(blob)
    data['Buffer'] = blob
    answer = smb.recvSMB(smb.sendSMB(packet))
    if answer['Status']:
        return answer['Status'], b''
    smb._Session['SessionID'] = answer['SessionID']
    return 0, smb3structs.SMB2SessionSetup_Response(answer['Data'])['Buffer']


def kerberos_logon(lab, smb, user):
    """Status, and the key of the session."""
    client = kerberos_check.Initiator('fs1.net.test', lab.realm().ccache(user))
    status, blob = session_setup(smb, kerberos_check.init([kerberos_check.MS_KRB5],
                                                          client.step()))
    if status:
        return status, None
    client.step(kerberos_check.fields_of(blob)[2])
    return 0, client.key()


def check_expired(connection):
    time.sleep(1.5)
    try:
        connection.connectTree('IPC$')
        raise Failure('the session does not expire')
    except SessionError as error:
        expect('status', error.getErrorCode(), 0xC000035C)


def kerberos_anew(lab):
    """A session that has run out goes on after another logon, with its old key; a
    ticket of somebody else's does not help."""
    with kerberos_server(lab, '--max-dialect', '2.1', '--lifetime', '1') as server:
        connection = SMBConnection('fs1.net.test', '127.0.0.1', sess_port=server.port,
                                   timeout=20, preferredDialect=smb3structs.SMB2_DIALECT_21)
        smb = connection.getSMBServer()
        status, key = kerberos_logon(lab, smb, 'alice')
        expect('status', status, 0)
        smb._Session.update(SigningKey=key[:16], SessionKey=key[:16], SigningActivated=True)
        check_expired(connection)
        expect('status', kerberos_logon(lab, smb, 'alice')[0], 0)
        connection.disconnectTree(connection.connectTree('IPC$'))
        check_expired(connection)
        expect('status', kerberos_logon(lab, smb, 'bob')[0], 0xC0000022)


def kerberos_cases():
    for name, *protocol in protocols():
        yield 'kerberos.' + name, kerberos_protocol(*protocol)
    for host in ('aes128', 'rc4', 'sha384'):
        yield 'kerberos.ticket.' + host, kerberos_ticket(host)
    for name, case in (('users', kerberos_users), ('beside-ntlm', kerberos_beside_ntlm),
                       ('no-ntlm', kerberos_no_ntlm), ('request-mic', kerberos_request_mic),
                       ('wrong-keys', kerberos_wrong_keys), ('clock', kerberos_clock),
                       ('clock-refused', kerberos_clock_refused),
                       ('impacket', kerberos_impacket), ('anew', kerberos_anew)):
        yield 'kerberos.' + name, case


# ---- three readers, one table -------------------------------------------------------------

def same_rows(lab):
    """The rows of the table as Impacket, python3-samba and our own command read
    them, at all levels and in both syntaxes."""
    count = 250
    with lab.server('--fill', str(count), '--seed', '42') as server:
        impacket = {name: impacket_pipe(impacket_connect(server), syntax)
                    for name, syntax in (('Impacket, NDR32', NDR32), ('Impacket, NDR64', NDR64))}
        samba = {name: samba_pipe(server, options)
                 for name, options in (('Samba, NDR32', ''), ('Samba, NDR64', 'ndr64'))}
        for level in LEVEL_FIELDS:
            answer = lab.ask(lab.command.sessions, server, '--level', str(level))
            own = answer['sessions'][:count]
            expect('number of rows', len(own), count)
            for name, dce in impacket.items():
                expect(name, impacket_sessions(dce, level)[:count], own)
            for name, pipe in samba.items():
                expect(name, samba_sessions(pipe, level)[:count], own)


def same_rows_seed(lab):
    """The seed decides what is made up."""
    tables = []
    for seed in ('1', '1', '2'):
        with lab.server('--fill', '50', '--seed', seed) as server:
            tables.append(samba_sessions(samba_pipe(server), 502)[:50])
    expect('the same seed', tables[0], tables[1])
    if tables[0] == tables[2]:
        raise Failure('another seed, the same rows')


# ---- our own command ----------------------------------------------------------------------

def own_command(dialect, signing, cipher):
    """At every level, with each of the syntaxes, and against a server that leaves
    no choice."""
    def case(lab):
        for syntax in ('NDR32', 'NDR64'):
            options = server_options(dialect, signing, cipher) + ['--syntaxes', syntax]
            with lab.server('--fill', '120', *options) as server:
                wanted = samba_sessions(samba_pipe(server, 'ndr64' if syntax == 'NDR64' else ''),
                                        502)[:120]
                for level, fields in LEVEL_FIELDS.items():
                    answer = lab.ask(lab.command.sessions, server, '--level', str(level))
                    expect('rows', answer['sessions'][:120],
                           [{field: row[field] for field in fields} for row in wanted])
                    if len(answer['sessions']) < 121:
                        raise Failure('the made-up rows only')
                    expect('protocol', [answer['dialect'], answer['cipher']], [dialect, cipher])
                    if not cipher:
                        expect('signing', answer['signing'], signing)
    return case


def own_choice(dialect, signing, cipher):
    """The server is open to all, the command chooses."""
    def case(lab):
        options = ['--min-dialect', dialect, '--max-dialect', dialect]
        if dialect == '3.1.1':
            options += ['--signing', signing]
        if cipher:
            options += ['--cipher', cipher, '--encrypt']
        with lab.server() as server:
            for level in LEVEL_FIELDS:
                answer = lab.ask(lab.command.sessions, server, '--level', str(level), *options)
                expect('number of rows', len(answer['sessions']), 1)
                expect('protocol', [answer['dialect'], answer['cipher']], [dialect, cipher])
            check_protocol(server, dialect, signing, cipher)
    return case


def own_large(lab):
    """Many fragments, and many calls."""
    with lab.server('--fill', '20000') as server:
        answer = lab.ask(lab.command.sessions, server, '--level', '502')
        expect('number of rows', len(answer['sessions']), 20001)
        parts = lab.ask(lab.command.sessions, server, '--level', '502', '--preferred-length',
                        '30000')
        expect('rows in parts', parts['sessions'][:20000], answer['sessions'][:20000])


def own_errors(lab):
    with lab.server() as server:
        for user, password, code in (('alice', 'wrong', 'STATUS_LOGON_FAILURE'),
                                     ('nobody', 'secret', 'STATUS_LOGON_FAILURE'),
                                     ('alice', None, 'ERROR_ACCESS_DENIED')):
            error = lab.ask(lab.command.error, server, user=user, password=password)
            expect('code', error['code'], code)
        for options, code in ((('--client', '\\\\10.9.9.9'), 'NERR_ClientNameNotFound'),
                              (('--user', 'nobody'), 'NERR_UserNotFound')):
            expect('code', lab.ask(lab.command.error, server, *options)['code'], code)


def own_cases():
    yield 'same-rows', same_rows
    yield 'same-rows.seed', same_rows_seed
    for name, *protocol in protocols():
        yield 'own.server.' + name, own_command(*protocol)
        yield 'own.client.' + name, own_choice(*protocol)
    yield 'own.large', own_large
    yield 'own.errors', own_errors


# ---- running ------------------------------------------------------------------------------

def all_cases():
    for group in (rpcclient_cases, smbclient_cases, impacket_cases, samba_cases,
                  kerberos_cases, own_cases):
        yield from group()


def chosen(name, only):
    return not only or any(name == one or name.startswith(one + '.') for one in only)


def run_case(lab, case):
    """None, or why it failed."""
    try:
        case(lab)
    except (Failure, OSError, subprocess.SubprocessError) as error:
        return str(error)
    except Exception as error:  # an answer of another shape than agreed
        traceback.print_exc()
        return '%s: %s' % (type(error).__name__, error)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--bin', default='build', metavar='BUILD')
    parser.add_argument('--only', action='append', metavar='NAME')
    parser.add_argument('--list', action='store_true')
    options = parser.parse_args()
    cases = [(name, case) for name, case in all_cases() if chosen(name, options.only)]
    if options.list:
        print('\n'.join(name for name, _ in cases))
        return 0
    if not cases:
        parser.error('no such case')
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are ended too
    lab, failed = Lab(options.bin), 0
    with contextlib.closing(lab):
        for name, case in cases:
            why = run_case(lab, case)
            failed += why is not None
            print('ok %s' % name if why is None else 'FAIL %s: %s' % (name, why), flush=True)
    print('%d passed, %d failed' % (len(cases) - failed, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
