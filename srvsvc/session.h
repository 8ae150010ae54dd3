/*
 * NetrSessionEnum, opnum 12 of srvsvc: [MS-SRVS] 3.1.4.5 and 2.2.4.11 to 21.
 * Both ends: the client encodes in and decodes out, a server the other two.
 */
#ifndef SRVSVC_SESSION_H
#define SRVSVC_SESSION_H

#include "dcerpc/pdu.h"
#include "ndr/ndr.h"

/* 4b324fc8-1670-01d3-1278-5a47bf6ee188, version 3.0 ([MS-SRVS] 2.1). */
extern const rpc_interface srvsvc_interface;
#define SRVSVC_SESSION_ENUM 12

/* [MS-SRVS] 2.2.2.10: longest client or user name, its NUL included. */
#define SRVSVC_NAME_UNITS 1024

/* Members in the order of the wire and of the Win32 structs, sesiN_ left off.
 * Strings are UTF-8; NULL is a null pointer on the wire. */

typedef struct srvsvc_session_info_0 {
    const char *cname;
} srvsvc_session_info_0;

typedef struct srvsvc_session_info_1 {
    const char *cname;
    const char *username;
    uint32_t num_opens;
    uint32_t time;
    uint32_t idle_time;
    uint32_t user_flags;
} srvsvc_session_info_1;

typedef struct srvsvc_session_info_2 {
    const char *cname;
    const char *username;
    uint32_t num_opens;
    uint32_t time;
    uint32_t idle_time;
    uint32_t user_flags;
    const char *cltype_name;
} srvsvc_session_info_2;

typedef struct srvsvc_session_info_10 {
    const char *cname;
    const char *username;
    uint32_t time;
    uint32_t idle_time;
} srvsvc_session_info_10;

typedef struct srvsvc_session_info_502 {
    const char *cname;
    const char *username;
    uint32_t num_opens;
    uint32_t time;
    uint32_t idle_time;
    uint32_t user_flags;
    const char *cltype_name;
    const char *transport;
} srvsvc_session_info_502;

/* SESSION_INFO_<level>_CONTAINER, whatever the level. */
typedef struct srvsvc_session_container {
    uint32_t count;
    const void *entries; /* srvsvc_session_info_<level> [count] */
} srvsvc_session_container;

typedef struct srvsvc_session_enum_in {
    const char *server; /* ignored by servers; may be NULL, as may the next two */
    const char *client;
    const char *user;
    uint32_t level;
    uint32_t preferred_length;
    uint32_t resume;
    bool has_resume; /* false: a null ResumeHandle */
} srvsvc_session_enum_in;

typedef struct srvsvc_session_enum_out {
    uint32_t level;
    bool no_container;   /* the union holds a null pointer */
    uint32_t count;      /* EntriesRead */
    const void *entries; /* srvsvc_session_info_<level> [count] */
    uint32_t total;      /* TotalEntries */
    uint32_t resume;
    bool has_resume;
    uint32_t status; /* NET_API_STATUS */
} srvsvc_session_enum_out;

/* 0, 1, 2, 10 or 502? */
bool srvsvc_session_level(uint32_t level);

/* ---- The client's half ---- */

/* NETSESSION_E_ARGUMENT: unknown level, or a name that is not valid UTF-8 or
 * too long. */
int srvsvc_session_enum_encode_in(const srvsvc_session_enum_in *in, bool ndr64, ns_writer *stub,
                                  netsession_error *err);

/* *page, for netsession_page_free, is one block of at most max_bytes.
 * NETSESSION_E_REFUSED and no page when the status is neither 0 nor 234
 * (err->win32 is that status); NETSESSION_E_PROTOCOL when the reply breaks a
 * rule, be it only that its level is not the one asked for. */
int srvsvc_session_enum_decode_out(const netsession_hooks *hooks, const void *stub, size_t len,
                                   ndr_format format, uint32_t level, size_t max_bytes,
                                   netsession_page **page, netsession_error *err);

/* The same for any level and status: what the reply means is not judged. */
int srvsvc_session_enum_parse_out(const netsession_hooks *hooks, const void *stub, size_t len,
                                  ndr_format format, size_t max_bytes, netsession_page **page,
                                  netsession_error *err);

/* ---- The server's half ---- */

/* *in is one block, strings included.  A level that the union does not have
 * decodes with an empty union behind it, and is encoded like that in a reply.
 * NETSESSION_E_PROTOCOL: a malformed stub.  Bytes behind the last parameter
 * are allowed. */
int srvsvc_session_enum_decode_in(const netsession_hooks *hooks, const void *stub, size_t len,
                                  ndr_format format, size_t max_bytes,
                                  srvsvc_session_enum_in **in, netsession_error *err);
/* NULL is allowed. */
void srvsvc_session_enum_in_free(const netsession_hooks *hooks, srvsvc_session_enum_in *in);

int srvsvc_session_enum_encode_out(const srvsvc_session_enum_out *out, bool ndr64,
                                   ns_writer *stub, netsession_error *err);

/* ---- As text, for logs ---- */

void srvsvc_session_enum_print_in(const srvsvc_session_enum_in *in, ns_writer *text);
void srvsvc_session_enum_print_out(const srvsvc_session_enum_out *out, ns_writer *text);

#endif
