/*
 * The Win32 call NetSessionEnum and its neighbours, for programs written for
 * <lm.h> of Windows: the same names, parameters, structures and results.
 *
 *     SESSION_INFO_10 *row;
 *     DWORD n, total, resume = 0;
 *     NET_API_STATUS rc = NetSessionEnum(L"\\\\fs1", NULL, NULL, 10, (LPBYTE *)&row,
 *                                        MAX_PREFERRED_LENGTH, &n, &total, &resume);
 *
 * Strings are wchar_t, of 32 bits where this is built (UTF-32), so a C
 * program is compiled again, and a Python script that uses c_wchar_p runs as
 * it is.  A string that is not valid Unicode is ERROR_INVALID_PARAMETER.
 *
 * Whom to log on as.  Windows uses the caller's own logon; here it is what
 * NetUseAdd gave for that server.  Without that it is, with Kerberos, whoever
 * the cache of tickets is for (KRB5CCNAME, or libkrb5's default), or else the
 * keytab that KRB5_CLIENT_KTNAME names.  Where neither leads to a ticket for
 * this server, and no KDC or server has refused one, it is, with NTLM, the
 * environment's: USER ("user", "DOMAIN\user", "user@realm"), and the first of
 * PASSWD, PASSWD_FD, PASSWD_FILE that is set.  All this is read anew by each
 * call without a use; what PASSWD_FD leads to is then used up, so that one
 * suits one call, or NetUseAdd.  The ticket is for "cifs/" and the server's
 * name as the caller wrote it, without the port.
 *
 * Every function here may be called from any thread at any time.  What
 * NetUseAdd keeps belongs to the process; a forked child must not use it.
 * This header needs nothing of <netsession.h>, and may be used beside it.
 */
#ifndef NETSESSION_LM_H
#define NETSESSION_LM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Types ----------------------------------------------------------------- */

typedef uint8_t BYTE;
typedef uint32_t DWORD;
typedef BYTE *PBYTE, *LPBYTE;
typedef DWORD *PDWORD, *LPDWORD;
typedef void *LPVOID;
typedef wchar_t WCHAR;
typedef wchar_t *LPWSTR, *LPTSTR, *LMSTR;
typedef const wchar_t *LPCWSTR, *LPCTSTR, *LMCSTR;
typedef DWORD NET_API_STATUS;

/* Calling conventions of Windows; nothing here. */
#define WINAPI
#define NET_API_FUNCTION

/* ---- Sizes, in characters without the NUL ------------------------------------ */

#define CNLEN      15  /* a computer's name */
#define UNCLEN     17  /* the same with its two backslashes */
#define DNLEN      15  /* a domain's name */
#define NNLEN      80  /* a share's name */
#define UNLEN      256 /* a user's name */
#define PWLEN      256 /* a password */
#define CLTYPE_LEN 12  /* a kind of client */

#define MAX_PREFERRED_LENGTH ((DWORD)-1) /* all there is */
#define PARM_ERROR_UNKNOWN   ((DWORD)-1)
#define PARM_ERROR_NONE      0

/* ---- Results --------------------------------------------------------------------
 * The codes that the functions here are known to return.  Others may come from
 * the server; they are passed on as they are. */

#define NERR_Success 0
#define NERR_BASE    2100

#define NERR_UnknownServer      (NERR_BASE + 3)
#define NERR_ServerNotStarted   (NERR_BASE + 14)
#define NERR_BufTooSmall        (NERR_BASE + 23)
#define NERR_RemoteErr          (NERR_BASE + 27)
#define NERR_NetworkError       (NERR_BASE + 36)
#define NERR_InternalError      (NERR_BASE + 40)
#define NERR_InvalidAPI         (NERR_BASE + 42)
#define NERR_UserNotFound       (NERR_BASE + 121) /* the user filter matches nothing */
#define NERR_UseNotFound        (NERR_BASE + 150) /* NetUseDel: there is no such use */
#define NERR_NetNameNotFound    (NERR_BASE + 210)
#define NERR_ClientNameNotFound (NERR_BASE + 212) /* the client filter matches nothing */
#define NERR_FileIdNotFound     (NERR_BASE + 214)
#define NERR_InvalidComputer    (NERR_BASE + 251) /* a client's name without its "\\" */
#define NERR_NoSuchServer       (NERR_BASE + 360)
#define NERR_NoSuchSession      (NERR_BASE + 361)

#define ERROR_SUCCESS                     0
#define ERROR_FILE_NOT_FOUND              2
#define ERROR_ACCESS_DENIED               5
#define ERROR_NOT_ENOUGH_MEMORY           8
#define ERROR_NOT_SUPPORTED               50
#define ERROR_BAD_NETPATH                 53 /* no such server, or it cannot be reached */
#define ERROR_UNEXP_NET_ERR               59 /* the server broke the protocol */
#define ERROR_NETNAME_DELETED             64 /* the connection broke */
#define ERROR_NETWORK_ACCESS_DENIED       65
#define ERROR_BAD_DEV_TYPE                66
#define ERROR_BAD_NET_NAME                67 /* no such share */
#define ERROR_INVALID_PARAMETER           87
#define ERROR_BROKEN_PIPE                 109
#define ERROR_SEM_TIMEOUT                 121 /* the deadline passed */
#define ERROR_INVALID_NAME                123
#define ERROR_INVALID_LEVEL               124
#define ERROR_PIPE_BUSY                   231
#define ERROR_PIPE_NOT_CONNECTED          233
#define ERROR_MORE_DATA                   234 /* a part; ask again for the rest */
#define ERROR_SESSION_CREDENTIAL_CONFLICT 1219
#define ERROR_NO_LOGON_SERVERS            1311
#define ERROR_NO_SUCH_LOGON_SESSION       1312 /* no credentials, or unreadable ones */
#define ERROR_LOGON_FAILURE               1326
#define ERROR_ACCOUNT_RESTRICTION         1327
#define ERROR_PASSWORD_EXPIRED            1330
#define ERROR_ACCOUNT_DISABLED            1331
#define ERROR_LOGON_TYPE_NOT_GRANTED      1385
#define ERROR_WRONG_TARGET_NAME           1396 /* no such service, or another's key */
#define ERROR_TIME_SKEW                   1398 /* the clocks differ */
#define ERROR_ACCOUNT_EXPIRED             1793
#define ERROR_ACCOUNT_LOCKED_OUT          1909

#define RPC_S_UNKNOWN_IF           1717
#define RPC_S_SERVER_UNAVAILABLE   1722
#define RPC_S_SERVER_TOO_BUSY      1723
#define RPC_S_CALL_FAILED          1726
#define RPC_S_PROTOCOL_ERROR       1728
#define RPC_S_PROCNUM_OUT_OF_RANGE 1745
#define RPC_X_BAD_STUB_DATA        1783
#define RPC_S_SEC_PKG_ERROR        1825 /* a signature or a cipher did not fit */

/* ---- Sessions --------------------------------------------------------------------
 * The five levels ([MS-SRVS] 2.2.4.11 to 2.2.4.15).  A string is NULL where the
 * server sent a null pointer.
 *   cname        the client, as the server sent it: Windows sends "\\name" or
 *                "\\address", Samba "address"
 *   username     without its domain
 *   num_opens    files, devices and pipes that the session has open
 *   time         seconds since it began
 *   idle_time    seconds since it was last used
 *   user_flags   SESS_GUEST, SESS_NOENCRYPTION
 *   cltype_name  the kind of client; empty since Windows Vista
 *   transport    the server's transport that the client uses */

#define SESS_GUEST        0x00000001 /* a guest's */
#define SESS_NOENCRYPTION 0x00000002 /* logged on with a plain-text password */

#define SESI1_NUM_ELEMENTS 8
#define SESI2_NUM_ELEMENTS 9

typedef struct _SESSION_INFO_0 {
    LMSTR sesi0_cname;
} SESSION_INFO_0, *PSESSION_INFO_0, *LPSESSION_INFO_0;

typedef struct _SESSION_INFO_1 {
    LMSTR sesi1_cname;
    LMSTR sesi1_username;
    DWORD sesi1_num_opens;
    DWORD sesi1_time;
    DWORD sesi1_idle_time;
    DWORD sesi1_user_flags;
} SESSION_INFO_1, *PSESSION_INFO_1, *LPSESSION_INFO_1;

typedef struct _SESSION_INFO_2 {
    LMSTR sesi2_cname;
    LMSTR sesi2_username;
    DWORD sesi2_num_opens;
    DWORD sesi2_time;
    DWORD sesi2_idle_time;
    DWORD sesi2_user_flags;
    LMSTR sesi2_cltype_name;
} SESSION_INFO_2, *PSESSION_INFO_2, *LPSESSION_INFO_2;

typedef struct _SESSION_INFO_10 {
    LMSTR sesi10_cname;
    LMSTR sesi10_username;
    DWORD sesi10_time;
    DWORD sesi10_idle_time;
} SESSION_INFO_10, *PSESSION_INFO_10, *LPSESSION_INFO_10;

typedef struct _SESSION_INFO_502 {
    LMSTR sesi502_cname;
    LMSTR sesi502_username;
    DWORD sesi502_num_opens;
    DWORD sesi502_time;
    DWORD sesi502_idle_time;
    DWORD sesi502_user_flags;
    LMSTR sesi502_cltype_name;
    LMSTR sesi502_transport;
} SESSION_INFO_502, *PSESSION_INFO_502, *LPSESSION_INFO_502;

/* ---- Uses: a connection with credentials of its own -------------------------------- */

#define USE_LOCAL_PARMNUM      1 /* what NetUseAdd stores in *parm_err */
#define USE_REMOTE_PARMNUM     2
#define USE_PASSWORD_PARMNUM   3
#define USE_ASGTYPE_PARMNUM    4
#define USE_USERNAME_PARMNUM   5
#define USE_DOMAINNAME_PARMNUM 6

#define USE_WILDCARD ((DWORD)-1) /* ui2_asg_type */
#define USE_DISKDEV  0
#define USE_SPOOLDEV 1
#define USE_CHARDEV  2
#define USE_IPC      3

#define USE_NOFORCE       0 /* NetUseDel */
#define USE_FORCE         1
#define USE_LOTS_OF_FORCE 2

typedef struct _USE_INFO_2 {
    LMSTR ui2_local;      /* NULL or "": no device is redirected */
    LMSTR ui2_remote;     /* "\\server\IPC$", also "\\server:port\IPC$" */
    LMSTR ui2_password;   /* NULL: from the environment; none there: a ticket */
    DWORD ui2_status;     /* not read */
    DWORD ui2_asg_type;   /* USE_IPC or USE_WILDCARD */
    DWORD ui2_refcount;   /* not read */
    DWORD ui2_usecount;   /* not read */
    LMSTR ui2_username;   /* NULL: a ticket's, or from the environment; "": nobody
                             (anonymous) */
    LMSTR ui2_domainname; /* a realm (a DNS name) or a NetBIOS name; NULL or "": as
                             ui2_username says */
} USE_INFO_2, *PUSE_INFO_2, *LPUSE_INFO_2;

/* ---- Functions ------------------------------------------------------------------------ */

#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/*
 * The sessions of a server ([MS-SRVS] 3.1.4.5).
 *
 *   servername     "fs1", "\\fs1", "fs1:4450"; NULL or "": this computer
 *   UncClientName  only sessions from this client, "\\name"; NULL or "": all
 *   username       only this user's sessions; NULL or "": all.  Each name has at
 *                  most 1024 characters, its NUL included
 *   level          0, 1, 2, 10 or 502
 *   bufptr         gets one buffer with *entriesread structures of that level and,
 *                  behind them, their strings; free it with NetApiBufferFree
 *   prefmaxlen     bytes that the server may send at a time, a hint to it;
 *                  MAX_PREFERRED_LENGTH for all
 *   entriesread    gets the number of structures
 *   totalentries   gets the server's count from the resume point on, a hint
 *   resume_handle  *resume_handle is 0 for the first call, and then left alone.
 *                  NULL: nothing is stored, and what follows a part cannot be had
 *
 * NERR_Success and ERROR_MORE_DATA both come with a buffer that must be freed,
 * even when it holds no structure.  Go on while the result is ERROR_MORE_DATA;
 * a handle that is not 0 says nothing.  After every other result *bufptr is NULL,
 * both counts are 0, and *resume_handle is as it was.
 *
 * Found here, before anything is sent:
 *   ERROR_INVALID_PARAMETER  bufptr, entriesread or totalentries is NULL; a name is
 *                            too long or not valid Unicode
 *   ERROR_INVALID_LEVEL      level is none of the five
 *   NERR_InvalidComputer     UncClientName is not empty and lacks its "\\"
 *   ERROR_NOT_ENOUGH_MEMORY
 * On the way: ERROR_BAD_NETPATH, ERROR_NETNAME_DELETED, ERROR_SEM_TIMEOUT (30
 * seconds), ERROR_UNEXP_NET_ERR, RPC_S_SEC_PKG_ERROR, ERROR_LOGON_FAILURE and its
 * kin, ERROR_NO_SUCH_LOGON_SESSION.
 * From the server: ERROR_ACCESS_DENIED (many want an administrator at any level),
 * ERROR_INVALID_LEVEL (Samba has 0 and 1), NERR_ClientNameNotFound,
 * NERR_UserNotFound, RPC_* and others.
 *
 * Without a use of this server (see NetUseAdd), each call makes a connection of its
 * own and ends it in good order.
 */
NET_API_STATUS NET_API_FUNCTION NetSessionEnum(LMCSTR servername, LMCSTR UncClientName,
                                               LMCSTR username, DWORD level, LPBYTE *bufptr,
                                               DWORD prefmaxlen, LPDWORD entriesread,
                                               LPDWORD totalentries, LPDWORD resume_handle);

/*
 * Connects to a server and logs on with the credentials given, now; keeps the
 * connection, over which later calls to that server go at one exchange each.  One
 * that broke since (the server was idle, the logon expired) is made again with the
 * same credentials, once a call, without a word.  Calls to one server wait for each
 * other; calls to different servers do not.
 *
 *   servername  NULL or "": uses of other computers are not managed
 *   level       2
 *   buf         a USE_INFO_2, which is only read; its strings are copied, and the
 *               copies of the secrets wiped when the use ends
 *   parm_err    gets the USE_*_PARMNUM of the member found wrong, with the result
 *               ERROR_INVALID_PARAMETER, else PARM_ERROR_NONE; may be NULL
 *
 * A user logs on with Kerberos when there is a way: with the password when his realm
 * is known, else with a ticket of his from a cache, or, without a password, with a key
 * from KRB5_CLIENT_KTNAME.  The realm is what stands behind the '@' of ui2_username; or
 * ui2_domainname when it has a dot; or the default realm when ui2_domainname is its
 * first label ("CORP" of CORP.EXAMPLE), or when none is named and the server is in it.
 * NTLM, with the password, takes its place when there is none of these, no KDC is known
 * or answers, or the KDC knows no such server; not after another refusal.  The ticket
 * that a password brings is got anew for each connection, and written to no cache.
 *
 * Servers are the same when their names and ports are; upper and lower case of
 * ASCII letters are, addresses and aliases are not looked up.  Adding one again with
 * the same credentials counts: it ends with as many NetUseDel.
 *
 *   ERROR_NOT_SUPPORTED      servername names a computer
 *   ERROR_INVALID_LEVEL      level is not 2
 *   ERROR_INVALID_PARAMETER  buf is NULL; ui2_remote is no "\\server\share";
 *                            ui2_local names a device; a password without a user
 *   ERROR_BAD_DEV_TYPE       ui2_asg_type is another
 *   ERROR_BAD_NET_NAME       the share is not IPC$
 *   ERROR_SESSION_CREDENTIAL_CONFLICT  there is a use with other credentials
 * and those of NetSessionEnum for the way to the server.
 */
NET_API_STATUS NET_API_FUNCTION NetUseAdd(LMCSTR servername, DWORD level, LPBYTE buf,
                                          LPDWORD parm_err);

/*
 * Ends a use.  A call that is under way finishes first; the connection is closed in
 * good order by whoever used it last.
 *
 *   UncServerName    NULL or ""
 *   UseName          as ui2_remote
 *   ForceLevelFlags  USE_NOFORCE or USE_FORCE take one NetUseAdd back,
 *                    USE_LOTS_OF_FORCE all
 *
 *   ERROR_NOT_SUPPORTED      UncServerName names a computer
 *   ERROR_INVALID_PARAMETER  UseName is no "\\server\share"; another force
 *   ERROR_BAD_NET_NAME       the share is not IPC$
 *   NERR_UseNotFound         there is no such use
 */
NET_API_STATUS NET_API_FUNCTION NetUseDel(LMCSTR UncServerName, LMCSTR UseName,
                                          DWORD ForceLevelFlags);

/*
 * Buffers.  Sizes are in bytes; a buffer suits every type's alignment.
 *
 * Allocate   ByteCount bytes, which may be 0: still a buffer to free.
 *            ERROR_INVALID_PARAMETER: Buffer is NULL.
 * Reallocate OldBuffer with another size, its bytes kept.  OldBuffer NULL allocates;
 *            NewByteCount 0 frees and stores NULL.  On an error OldBuffer is as it
 *            was, and *NewBuffer too.
 *            ERROR_INVALID_PARAMETER: NewBuffer is NULL.
 * Free       a buffer with all its strings; NULL is allowed.
 * Size       stores at least as many bytes as were asked for.
 *            ERROR_INVALID_PARAMETER: a NULL argument.
 * ERROR_NOT_ENOUGH_MEMORY: what it says.
 */
NET_API_STATUS NET_API_FUNCTION NetApiBufferAllocate(DWORD ByteCount, LPVOID *Buffer);
NET_API_STATUS NET_API_FUNCTION NetApiBufferReallocate(LPVOID OldBuffer, DWORD NewByteCount,
                                                       LPVOID *NewBuffer);
NET_API_STATUS NET_API_FUNCTION NetApiBufferFree(LPVOID Buffer);
NET_API_STATUS NET_API_FUNCTION NetApiBufferSize(LPVOID Buffer, LPDWORD ByteCount);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
