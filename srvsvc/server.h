/*
 * The server's half of srvsvc ([MS-SRVS]): what a reference server answers
 * whose session table is real.  NetrSessionEnum and NetrSessionDel work on
 * that table; NetrShareEnum, NetrShareGetInfo, NetrServerGetInfo and
 * NetrRemoteTOD say what a server with nothing but IPC$ has to say.
 *
 * Nothing is kept between calls: a client pages by the ids of sessions.
 */
#ifndef SRVSVC_SERVER_H
#define SRVSVC_SERVER_H

#include "srvsvc/session.h"

/* A session.  Strings are UTF-8; one that is NULL, malformed or as long as
 * SRVSVC_NAME_UNITS is sent as an empty string, so that no user can spoil the
 * list by the choice of a name. */
typedef struct srvsvc_session {
    uint32_t id;             /* not 0; newer sessions have larger ones */
    const char *client;      /* "10.0.0.1", "[fe80::1]": no leading backslashes */
    const char *user;        /* without a domain */
    const char *client_type; /* Windows has an empty string here */
    const char *transport;
    uint32_t opens;
    uint32_t time, idle; /* seconds */
    uint32_t flags;      /* [MS-SRVS] 2.2.2.3: 1 guest, 2 no password encryption */
} srvsvc_session;

/* What the calls need to know.  During a call the table must not change. */
typedef struct srvsvc_backend {
    void *ctx;
    /* The session with the smallest id greater than after; false: none.  Its
     * strings are valid until the next call of any of these.  It is called for
     * every session that a reply looks at, so it should not search the table
     * from end to end. */
    bool (*next)(void *ctx, uint32_t after, srvsvc_session *out);
    /* How many sessions have an id greater than after.  May be NULL: they are
     * then counted by walking, for each page anew. */
    uint32_t (*count_after)(void *ctx, uint32_t after);
    /* Ends the sessions whose client and whose user match by
     * srvsvc_name_equal; NULL matches any, and not both are NULL.  How many.
     * The caller's own may be among them: its reply still has to go out. */
    uint32_t (*remove)(void *ctx, const char *client, const char *user);
    const char *name; /* of the server, without backslashes */
    const char *comment;
    uint32_t version_major, version_minor;
    uint32_t type; /* SV_TYPE_*, [MS-SRVS] 2.2.2.7 */
} srvsvc_backend;

/* What the caller may do, by the rights of the SrvsvcSessionInfo descriptor:
 * read is 0x1, admin the rights 0x2 and 0x10, which include it. */
typedef struct srvsvc_caller {
    bool admin;
    bool read;
} srvsvc_caller;

/* The most that the stub of one reply takes, whatever length the client
 * prefers: longer lists come in pages. */
#define SRVSVC_MAX_REPLY (1u << 20)

#define RPC_X_BAD_STUB_DATA 1783

/*
 * Answers one call; stub is read from where it stands.  hooks, filled, gives
 * memory, the time for NetrRemoteTOD, and a line in the log for a stub that
 * does not decode.
 *
 * 0 and *fault 0: the reply's stub is appended to out, which must have room
 * for SRVSVC_MAX_REPLY bytes; what went wrong with the call is in there.  0
 * and another *fault: that one is to be sent instead, RPC_FAULT_OP_RANGE for
 * an opnum that is not served, RPC_X_BAD_STUB_DATA for a stub that does not
 * decode.  Negative, and out as it was: NETSESSION_E_MEMORY, or NETSESSION_E_LIMIT
 * when out has not that room.
 */
int srvsvc_dispatch(const srvsvc_backend *b, const srvsvc_caller *caller,
                    const netsession_hooks *hooks, uint16_t opnum, ns_reader stub,
                    ndr_format format, ns_writer *out, uint32_t *fault);

/* "NetrSessionEnum"; NULL for an opnum that is not served. */
const char *srvsvc_call_name(uint16_t opnum);

/* How names of clients, users and shares compare: without regard to case.
 * NULL is an empty one; malformed UTF-8, or SRVSVC_NAME_UNITS or more, equals
 * nothing. */
bool srvsvc_name_equal(const char *a, const char *b);

#endif
