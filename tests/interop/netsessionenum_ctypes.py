#!/usr/bin/python3
"""NetSessionEnum through ctypes, as one writes it for Windows.

    netsessionenum_ctypes.py SERVER LEVEL --user NAME [--domain D] [--prefmaxlen N]

The password is taken from the environment variable PASSWORD.  Only load() knows
which system this is; all else runs unchanged on Windows, where it needs neither
--lib nor credentials.  Prints one line of JSON:
{"status", "calls", "total", "sessions": [{...}]}.
"""
import argparse
import ctypes
import json
import os
import sys
from ctypes import POINTER, Structure, byref, c_uint32, c_void_p, c_wchar_p

DWORD = c_uint32
LPWSTR = c_wchar_p

NERR_Success = 0
ERROR_MORE_DATA = 234
USE_IPC = 3
USE_LOTS_OF_FORCE = 2
MAX_PREFERRED_LENGTH = 0xFFFFFFFF


class SESSION_INFO_0(Structure):
    _fields_ = [('cname', LPWSTR)]


class SESSION_INFO_1(Structure):
    _fields_ = [('cname', LPWSTR), ('username', LPWSTR), ('num_opens', DWORD), ('time', DWORD),
                ('idle_time', DWORD), ('user_flags', DWORD)]


class SESSION_INFO_2(Structure):
    _fields_ = SESSION_INFO_1._fields_ + [('cltype_name', LPWSTR)]


class SESSION_INFO_10(Structure):
    _fields_ = [('cname', LPWSTR), ('username', LPWSTR), ('time', DWORD), ('idle_time', DWORD)]


class SESSION_INFO_502(Structure):
    _fields_ = SESSION_INFO_2._fields_ + [('transport', LPWSTR)]


class USE_INFO_2(Structure):
    _fields_ = [('local', LPWSTR), ('remote', LPWSTR), ('password', LPWSTR), ('status', DWORD),
                ('asg_type', DWORD), ('refcount', DWORD), ('usecount', DWORD),
                ('username', LPWSTR), ('domainname', LPWSTR)]


SESSION_INFO = {0: SESSION_INFO_0, 1: SESSION_INFO_1, 2: SESSION_INFO_2, 10: SESSION_INFO_10,
                502: SESSION_INFO_502}


def load(path):
    """The library with the types of what is called in it."""
    lib = ctypes.windll.netapi32 if os.name == 'nt' else ctypes.CDLL(path)
    lib.NetSessionEnum.argtypes = [LPWSTR, LPWSTR, LPWSTR, DWORD, POINTER(c_void_p), DWORD,
                                   POINTER(DWORD), POINTER(DWORD), POINTER(DWORD)]
    lib.NetUseAdd.argtypes = [LPWSTR, DWORD, c_void_p, POINTER(DWORD)]
    lib.NetUseDel.argtypes = [LPWSTR, LPWSTR, DWORD]
    lib.NetApiBufferFree.argtypes = [c_void_p]
    for name in ('NetSessionEnum', 'NetUseAdd', 'NetUseDel', 'NetApiBufferFree'):
        getattr(lib, name).restype = DWORD
    return lib


def enumerate_sessions(lib, server, level, prefmaxlen):
    """Status, number of calls, last total, and the structures as dicts."""
    info = SESSION_INFO[level]
    resume = DWORD(0)
    sessions, calls = [], 0
    while True:
        buffer, read, total = c_void_p(), DWORD(), DWORD()
        status = lib.NetSessionEnum(server, None, None, level, byref(buffer), prefmaxlen,
                                    byref(read), byref(total), byref(resume))
        calls += 1
        if status in (NERR_Success, ERROR_MORE_DATA):
            rows = ctypes.cast(buffer, POINTER(info))
            sessions += [{name: getattr(rows[i], name) for name, _ in info._fields_}
                         for i in range(read.value)]
            lib.NetApiBufferFree(buffer)
        if status != ERROR_MORE_DATA or read.value == 0:
            return status, calls, total.value, sessions


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('server')
    parser.add_argument('level', type=int, choices=SESSION_INFO)
    parser.add_argument('--user')
    parser.add_argument('--domain')
    parser.add_argument('--prefmaxlen', type=int, default=MAX_PREFERRED_LENGTH)
    parser.add_argument('--lib', default='build/libnetsession.so')
    options = parser.parse_args()

    lib = load(os.path.abspath(options.lib))
    server = '\\\\' + options.server
    remote = server + '\\IPC$'
    if options.user:
        use = USE_INFO_2(remote=remote, password=os.environ.get('PASSWORD'), asg_type=USE_IPC,
                         username=options.user, domainname=options.domain)
        status = lib.NetUseAdd(None, 2, byref(use), None)
        if status != NERR_Success:
            sys.exit('NetUseAdd: %d' % status)
    status, calls, total, sessions = enumerate_sessions(lib, server, options.level,
                                                        options.prefmaxlen)
    print(json.dumps({'status': status, 'calls': calls, 'total': total, 'sessions': sessions}))
    if options.user:
        status = lib.NetUseDel(None, remote, USE_LOTS_OF_FORCE)
        if status != NERR_Success:
            sys.exit('NetUseDel: %d' % status)


if __name__ == '__main__':
    main()
