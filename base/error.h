/* The sticky error of an object, and the tables of codes and names. */
#ifndef NS_ERROR_H
#define NS_ERROR_H

#include <netsession.h>

#define NS_LAYER_ARGUMENT "argument"
#define NS_LAYER_NAME     "name"
#define NS_LAYER_TCP      "tcp"
#define NS_LAYER_SMB2     "smb2"
#define NS_LAYER_AUTH     "auth"
#define NS_LAYER_KERBEROS "kerberos"
#define NS_LAYER_RPC      "rpc"
#define NS_LAYER_SRVSVC   "srvsvc"

#if defined(__GNUC__)
#define NS_PRINTF(a, b) __attribute__((format(printf, a, b)))
#else
#define NS_PRINTF(a, b)
#endif

/* Records an error of our own finding unless one is recorded already; its
 * name is the code's, its Win32 code the one that fits code and layer.
 * Returns the recorded code, so that a caller can return ns_fail(...). */
int ns_fail(netsession_error *e, int code, const char *layer, const char *fmt, ...)
    NS_PRINTF(4, 5);

/* The same with the name, number and Win32 code given. */
int ns_fail_named(netsession_error *e, int code, const char *layer, const char *name,
                  uint32_t value, uint32_t win32, const char *fmt, ...) NS_PRINTF(7, 8);

/* Records what a server answered, its name, Win32 code and advice from the
 * tables; what: the thing that was asked, "tree connect to IPC$". */
int ns_fail_ntstatus(netsession_error *e, int code, const char *layer, uint32_t status,
                     const char *what);
int ns_fail_rpc(netsession_error *e, uint32_t fault, const char *what);
int ns_fail_win32(netsession_error *e, uint32_t win32, const char *what);

/* The error of a failed writer or allocation, by its code. */
int ns_fail_code(netsession_error *e, int code, const char *layer);

/* "STATUS_ACCESS_DENIED"; "STATUS_?" for one not in the table. */
const char *ns_ntstatus_name(uint32_t status);
uint32_t ns_ntstatus_win32(uint32_t status);
/* "ERROR_ACCESS_DENIED"; "ERROR_?" likewise. */
const char *ns_win32_name(uint32_t win32);

#endif
