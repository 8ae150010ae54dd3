/* What the calls of the server's half are made of; internal to the room. */
#ifndef SRVSVC_CALL_H
#define SRVSVC_CALL_H

#include "srvsvc/server.h"

#define NERR_SUCCESS               0
#define ERROR_ACCESS_DENIED        5
#define ERROR_NOT_ENOUGH_MEMORY    8
#define ERROR_INVALID_PARAMETER    87
#define ERROR_INVALID_LEVEL        124
#define ERROR_MORE_DATA            234
#define NERR_USER_NOT_FOUND        2221
#define NERR_NET_NAME_NOT_FOUND    2310
#define NERR_CLIENT_NAME_NOT_FOUND 2312
#define NERR_INVALID_COMPUTER      2351

#define MAX_PREFERRED_LENGTH 0xFFFFFFFFu

typedef struct srvsvc_call {
    const srvsvc_backend *backend;
    const netsession_hooks *hooks;
    void *rows; /* what run made for the reply to point to; freed after it */
    size_t rows_size;
} srvsvc_call;

typedef enum srvsvc_right { SRVSVC_ANYONE, SRVSVC_READ, SRVSVC_ADMIN } srvsvc_right;

/* An entry of the dispatch table.  in and out are the parameters as their
 * tables describe them; out comes zeroed, and its first member is the
 * uint32_t of the NET_API_STATUS. */
typedef struct srvsvc_op {
    uint16_t opnum;
    const ndr_type *in, *out;
    /* What the caller must have; NULL: nothing. */
    srvsvc_right (*right)(const void *in);
    /* Fills in what the reply has even when the call fails, so that it can be
     * decoded; NULL: nothing. */
    void (*echo)(const void *in, void *out);
    /* Does it; the status. */
    uint32_t (*run)(srvsvc_call *call, const void *in, void *out);
} srvsvc_op;

extern const srvsvc_op srvsvc_op_session_enum, srvsvc_op_session_del, srvsvc_op_share_enum,
    srvsvc_op_share_get_info, srvsvc_op_server_get_info, srvsvc_op_remote_tod;

/* ---- NetrSessionEnum: its tables are in session.c, its rules in enum.c ---- */

typedef struct srvsvc_session_enum_struct {
    uint32_t level;
    const srvsvc_session_container *container;
} srvsvc_session_enum_struct;

typedef struct srvsvc_session_enum_request {
    const char *server, *client, *user;
    srvsvc_session_enum_struct info;
    uint32_t preferred_length, resume;
    bool has_resume;
} srvsvc_session_enum_request;

typedef struct srvsvc_session_enum_reply {
    uint32_t status;
    srvsvc_session_enum_struct info;
    uint32_t total, resume;
    bool has_resume;
    srvsvc_session_container rows; /* where a server keeps the container */
} srvsvc_session_enum_reply;

extern const ndr_type srvsvc_session_enum_in_type, srvsvc_session_enum_out_type;

/* ---- Names: name.c ---- */

/* Neither NULL nor empty ([MS-SRVS]: "specified"). */
bool srvsvc_name_given(const char *name);
/* More than 1,024 characters, the NUL among them. */
bool srvsvc_name_too_long(const char *name);
/* A client's name behind its two backslashes; NULL when it does not begin
 * with them. */
const char *srvsvc_name_client(const char *name);
/* name, or an empty string where it cannot be sent. */
const char *srvsvc_name_or_empty(const char *name);

/* ---- PreferedMaximumLength ---- */

/* The bytes that a string takes there: UTF-16 with its NUL. */
uint32_t srvsvc_name_bytes(const char *name);

#endif
