#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Our own findings: by code, the name and what Win32 would say ---- */

static const struct own_code {
    const char *name;
    uint32_t win32;
} own_codes[] = {
    [-NETSESSION_OK] = {"NETSESSION_OK", 0},
    [-NETSESSION_E_ARGUMENT] = {"NETSESSION_E_ARGUMENT", 87}, /* ERROR_INVALID_PARAMETER */
    [-NETSESSION_E_STATE] = {"NETSESSION_E_STATE", 5023},     /* ERROR_INVALID_STATE */
    [-NETSESSION_E_MEMORY] = {"NETSESSION_E_MEMORY", 8},      /* ERROR_NOT_ENOUGH_MEMORY */
    [-NETSESSION_E_RESOLVE] = {"NETSESSION_E_RESOLVE", 53},   /* ERROR_BAD_NETPATH */
    [-NETSESSION_E_CONNECT] = {"NETSESSION_E_CONNECT", 53},
    [-NETSESSION_E_IO] = {"NETSESSION_E_IO", 64},               /* ERROR_NETNAME_DELETED */
    [-NETSESSION_E_TIMEOUT] = {"NETSESSION_E_TIMEOUT", 121},    /* ERROR_SEM_TIMEOUT */
    [-NETSESSION_E_PROTOCOL] = {"NETSESSION_E_PROTOCOL", 59},   /* ERROR_UNEXP_NET_ERR */
    [-NETSESSION_E_SECURITY] = {"NETSESSION_E_SECURITY", 1825}, /* RPC_S_SEC_PKG_ERROR */
    [-NETSESSION_E_POLICY] = {"NETSESSION_E_POLICY", 50},       /* ERROR_NOT_SUPPORTED */
    [-NETSESSION_E_LOGON] = {"NETSESSION_E_LOGON", 1326},       /* ERROR_LOGON_FAILURE */
    [-NETSESSION_E_REFUSED] = {"NETSESSION_E_REFUSED", 59},
    [-NETSESSION_E_LIMIT] = {"NETSESSION_E_LIMIT", 111}, /* ERROR_BUFFER_OVERFLOW */
    [-NETSESSION_E_CRYPTO] = {"NETSESSION_E_CRYPTO", 1825},
    [-NETSESSION_E_CREDENTIALS] = {"NETSESSION_E_CREDENTIALS",
                                   1312}, /* NO_SUCH_LOGON_SESSION */
};

static const struct own_code *own_code(int code)
{
    static const struct own_code unknown = {"NETSESSION_E_?", 59};
    size_t i = code <= 0 ? 0u - (unsigned)code : sizeof own_codes;

    return i < sizeof own_codes / sizeof *own_codes ? &own_codes[i] : &unknown;
}

const char *netsession_code_name(int code)
{
    return own_code(code)->name;
}

/* ---- NTSTATUS ([MS-ERREF] 2.3): name, Win32 code, what to do about it ---- */

static const struct status {
    uint32_t value, win32;
    const char *name, *advice;
} statuses[] = {
    {0x00000000, 0, "STATUS_SUCCESS", ""},
    {0x00000103, 997, "STATUS_PENDING", ""},
    {0x80000005, 234, "STATUS_BUFFER_OVERFLOW", ""},
    {0xC0000001, 31, "STATUS_UNSUCCESSFUL", ""},
    {0xC0000002, 1, "STATUS_NOT_IMPLEMENTED", ""},
    {0xC0000008, 6, "STATUS_INVALID_HANDLE", ""},
    {0xC000000D, 87, "STATUS_INVALID_PARAMETER", ""},
    {0xC0000010, 1, "STATUS_INVALID_DEVICE_REQUEST", ""},
    {0xC0000011, 38, "STATUS_END_OF_FILE", ""},
    {0xC0000016, 234, "STATUS_MORE_PROCESSING_REQUIRED", ""},
    {0xC0000017, 8, "STATUS_NO_MEMORY", "the server is out of memory; try again later"},
    {0xC0000022, 5, "STATUS_ACCESS_DENIED", "this account may not do that there"},
    {0xC0000023, 122, "STATUS_BUFFER_TOO_SMALL", ""},
    {0xC0000034, 2, "STATUS_OBJECT_NAME_NOT_FOUND",
     "the server has no such pipe; is its Server service running?"},
    {0xC000005E, 1311, "STATUS_NO_LOGON_SERVERS",
     "the server cannot reach a domain controller to check the password"},
    {0xC0000064, 1317, "STATUS_NO_SUCH_USER", "check the user name and the domain"},
    {0xC000006A, 86, "STATUS_WRONG_PASSWORD", "check the password"},
    {0xC000006D, 1326, "STATUS_LOGON_FAILURE",
     "check the user name, the domain and the password"},
    {0xC000006E, 1327, "STATUS_ACCOUNT_RESTRICTION",
     "the account may not log on this way (blank password, or a policy)"},
    {0xC000006F, 1328, "STATUS_INVALID_LOGON_HOURS", "the account may not log on at this hour"},
    {0xC0000070, 1329, "STATUS_INVALID_WORKSTATION",
     "the account may not log on from this machine"},
    {0xC0000071, 1330, "STATUS_PASSWORD_EXPIRED", "the password has expired; change it first"},
    {0xC0000072, 1331, "STATUS_ACCOUNT_DISABLED",
     "the account is disabled; an administrator can enable it"},
    {0xC000009A, 1450, "STATUS_INSUFFICIENT_RESOURCES",
     "the server is short of resources; try again later"},
    {0xC00000A5, 1346, "STATUS_BAD_IMPERSONATION_LEVEL", ""},
    {0xC00000AB, 231, "STATUS_INSTANCE_NOT_AVAILABLE", "the pipe is busy; try again"},
    {0xC00000AC, 231, "STATUS_PIPE_NOT_AVAILABLE", "the pipe is busy; try again"},
    {0xC00000AD, 230, "STATUS_INVALID_PIPE_STATE", ""},
    {0xC00000AE, 231, "STATUS_PIPE_BUSY", "the pipe is busy; try again"},
    {0xC00000B0, 233, "STATUS_PIPE_DISCONNECTED",
     "the server's service ended the pipe; try again"},
    {0xC00000B4, 230, "STATUS_INVALID_READ_MODE", ""},
    {0xC00000BB, 50, "STATUS_NOT_SUPPORTED", "the server does not support what was asked for"},
    {0xC00000C9, 64, "STATUS_NETWORK_NAME_DELETED", "the server ended the session; try again"},
    {0xC00000CC, 67, "STATUS_BAD_NETWORK_NAME", "the server has no such share"},
    {0xC00000D0, 71, "STATUS_REQUEST_NOT_ACCEPTED",
     "the server takes no more connections; try again later"},
    {0xC00000D9, 232, "STATUS_PIPE_EMPTY", ""},
    {0xC00000E5, 1359, "STATUS_INTERNAL_ERROR", "the server failed inside; see its log"},
    {0xC0000120, 995, "STATUS_CANCELLED", ""},
    {0xC0000128, 6, "STATUS_FILE_CLOSED", ""},
    {0xC000014B, 109, "STATUS_PIPE_BROKEN", "the server's service ended the pipe; try again"},
    {0xC000015B, 1385, "STATUS_LOGON_TYPE_NOT_GRANTED",
     "the account lacks the right to access this computer from the network"},
    {0xC000018D, 1789, "STATUS_TRUSTED_RELATIONSHIP_FAILURE",
     "the server's trust with its domain is broken"},
    {0xC0000193, 1793, "STATUS_ACCOUNT_EXPIRED", "the account has expired"},
    {0xC0000199, 1808, "STATUS_NOLOGON_WORKSTATION_TRUST_ACCOUNT", "use a user's account"},
    {0xC000019C, 317, "STATUS_FS_DRIVER_REQUIRED", ""},
    {0xC0000203, 59, "STATUS_USER_SESSION_DELETED",
     "the server ended the session; log on again"},
    {0xC000020C, 64, "STATUS_CONNECTION_DISCONNECTED",
     "the server's service ended the pipe; try again"},
    {0xC0000224, 1907, "STATUS_PASSWORD_MUST_CHANGE",
     "the password must be changed before the first logon"},
    {0xC0000225, 1168, "STATUS_NOT_FOUND", "check the user name and the domain"},
    {0xC0000234, 1909, "STATUS_ACCOUNT_LOCKED_OUT",
     "the account is locked after wrong passwords; wait, or ask an administrator"},
    {0xC0000236, 1225, "STATUS_CONNECTION_REFUSED", ""},
    {0xC000035C, 1394, "STATUS_NETWORK_SESSION_EXPIRED",
     "the session has expired; connect and log on again"},
    {0xC0000388, 1265, "STATUS_DOWNGRADE_DETECTED",
     "somebody between here and the server may have changed the negotiation"},
    {0xC0000418, 1937, "STATUS_NTLM_BLOCKED", "NTLM is turned off there; use Kerberos"},
    {0xC05D0000, 50, "STATUS_SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP", ""},
};

static const struct status *find_status(uint32_t value)
{
    static const struct status unknown = {0, 59, "STATUS_?", ""}; /* ERROR_UNEXP_NET_ERR */

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].value == value)
            return &statuses[i];
    return &unknown;
}

const char *ns_ntstatus_name(uint32_t status)
{
    return find_status(status)->name;
}

uint32_t ns_ntstatus_win32(uint32_t status)
{
    return find_status(status)->win32;
}

/* ---- Win32 codes ([MS-ERREF] 2.2) that a call may return ---- */

static const struct win32 {
    uint32_t value;
    const char *name, *text, *advice;
} win32s[] = {
    {0, "NERR_Success", "success", ""},
    {5, "ERROR_ACCESS_DENIED", "access denied",
     "most servers tell this to Administrators and Server Operators only, some tell levels 0 "
     "and "
     "10 to others"},
    {8, "ERROR_NOT_ENOUGH_MEMORY", "the server is out of memory", "try again later"},
    {50, "ERROR_NOT_SUPPORTED", "the server does not support the call", ""},
    {53, "ERROR_BAD_NETPATH", "the server cannot be reached", ""},
    {64, "ERROR_NETNAME_DELETED", "the connection was closed", "try again"},
    {87, "ERROR_INVALID_PARAMETER", "the server finds a parameter invalid",
     "check the client and user filters"},
    {123, "ERROR_INVALID_NAME", "the server finds a name invalid",
     "check the client and user filters"},
    {124, "ERROR_INVALID_LEVEL", "the server does not offer this level",
     "it may offer others of 0, 1, 2, 10 and 502"},
    {234, "ERROR_MORE_DATA", "more entries are available", ""},
    {1326, "ERROR_LOGON_FAILURE", "the user name or password is wrong", ""},
    {1717, "RPC_S_UNKNOWN_IF", "the server does not know the interface",
     "is its Server service running?"},
    {1722, "RPC_S_SERVER_UNAVAILABLE", "the RPC server is not available", "try again later"},
    {1723, "RPC_S_SERVER_TOO_BUSY", "the RPC server is too busy", "try again later"},
    {1726, "RPC_S_CALL_FAILED", "the call failed on the server", "see the server's log"},
    {1727, "RPC_S_CALL_FAILED_DNE", "the call failed before it was made", "try again"},
    {1728, "RPC_S_PROTOCOL_ERROR", "the server saw an RPC protocol error", ""},
    {1733, "RPC_S_INVALID_TAG", "the server saw an invalid tag", ""},
    {1745, "RPC_S_PROCNUM_OUT_OF_RANGE", "the server has no NetrSessionEnum", ""},
    {1130, "ERROR_NOT_ENOUGH_SERVER_MEMORY", "the server is out of memory", "try again later"},
    {1780, "RPC_X_NULL_REF_POINTER", "the server saw a null reference pointer", ""},
    {1783, "RPC_X_BAD_STUB_DATA", "the server cannot decode the request",
     "it may know another level, or the other transfer syntax"},
    {1825, "RPC_S_SEC_PKG_ERROR", "a security package failed on the server", ""},
    {2114, "NERR_ServerNotStarted", "the server's Server service is not started", ""},
    {2140, "NERR_InternalError", "the server failed inside", "see its log"},
    {2221, "NERR_UserNotFound", "no session of that user", "check the user filter"},
    {2312, "NERR_ClientNameNotFound", "no session from that client", "check the client filter"},
    {2351, "NERR_InvalidComputer", "the client's name is not valid",
     "it must begin with two backslashes"},
};

static const struct win32 *find_win32(uint32_t value)
{
    static const struct win32 unknown = {0, "ERROR_?", "the server answered with an error", ""};

    for (size_t i = 0; i < sizeof win32s / sizeof *win32s; i++)
        if (win32s[i].value == value)
            return &win32s[i];
    return &unknown;
}

const char *ns_win32_name(uint32_t win32)
{
    return find_win32(win32)->name;
}

/* DCE/RPC's own fault codes ([C706] appendix E); others are Win32 already. */
static const struct fault {
    uint32_t value, win32;
    const char *name;
} faults[] = {
    {0x1C010002, 1745, "nca_s_op_rng_error"},
    {0x1C010003, 1717, "nca_s_unk_if"},
    {0x1C01000B, 1728, "nca_s_proto_error"},
    {0x1C010013, 1130, "nca_s_out_args_too_big"},
    {0x1C010014, 1723, "nca_s_server_too_busy"},
    {0x1C000006, 1733, "nca_s_fault_invalid_tag"},
    {0x1C000009, 1727, "nca_s_fault_context_mismatch"},
};

/* ---- Recording ---- */

/* The object's first error stands; later ones are consequences. */
static netsession_error *claim(netsession_error *e, int code, const char *layer)
{
    if (e->code)
        return NULL;
    e->code = code;
    e->layer = layer;
    e->name = own_code(code)->name;
    e->win32 = own_code(code)->win32;
    e->value = e->win32;
    return e;
}

int ns_fail(netsession_error *e, int code, const char *layer, const char *fmt, ...)
{
    va_list ap;

    if (claim(e, code, layer)) {
        va_start(ap, fmt);
        vsnprintf(e->message, sizeof e->message, fmt, ap);
        va_end(ap);
    }
    return e->code;
}

int ns_fail_named(netsession_error *e, int code, const char *layer, const char *name,
                  uint32_t value, uint32_t win32, const char *fmt, ...)
{
    va_list ap;

    if (claim(e, code, layer)) {
        e->name = name;
        e->value = value;
        e->win32 = win32;
        va_start(ap, fmt);
        vsnprintf(e->message, sizeof e->message, fmt, ap);
        va_end(ap);
    }
    return e->code;
}

/* ": advice" where there is one. */
static const char *colon(const char *advice)
{
    return *advice ? ": " : "";
}

int ns_fail_ntstatus(netsession_error *e, int code, const char *layer, uint32_t status,
                     const char *what)
{
    const struct status *s = find_status(status);

    return ns_fail_named(e, code, layer, s->name, status, s->win32, "%s failed (%s 0x%08X)%s%s",
                         what, s->name, (unsigned)status, colon(s->advice), s->advice);
}

int ns_fail_win32(netsession_error *e, uint32_t win32, const char *what)
{
    const struct win32 *w = find_win32(win32);

    return ns_fail_named(e, NETSESSION_E_REFUSED, NS_LAYER_SRVSVC, w->name, win32, win32,
                         "%s: %s (%s %u)%s%s", what, w->text, w->name, (unsigned)win32,
                         colon(w->advice), w->advice);
}

int ns_fail_rpc(netsession_error *e, uint32_t fault, const char *what)
{
    uint32_t win32 = fault;
    const char *name = ns_win32_name(fault);
    const struct win32 *w;

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (faults[i].value == fault) {
            win32 = faults[i].win32;
            name = faults[i].name;
        }
    w = find_win32(win32);
    return ns_fail_named(e, NETSESSION_E_REFUSED, NS_LAYER_RPC, name, fault, win32,
                         "%s: the server answered with a fault, %s (%s 0x%08X)%s%s", what,
                         w->text, name, (unsigned)fault, colon(w->advice), w->advice);
}

int ns_fail_code(netsession_error *e, int code, const char *layer)
{
    static const struct {
        int code;
        const char *text;
    } texts[] = {
        {NETSESSION_E_MEMORY, "out of memory"},
        {NETSESSION_E_LIMIT, "a message is larger than allowed"},
        {NETSESSION_E_CRYPTO, "libcrypto or the entropy source failed"},
        {NETSESSION_E_STATE, "the call does not fit the connection's state"},
        {NETSESSION_E_ARGUMENT, "an argument is invalid"},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].code == code)
            return ns_fail(e, code, layer, "%s", texts[i].text);
    return ns_fail(e, code, layer, "%s", own_code(code)->name);
}
