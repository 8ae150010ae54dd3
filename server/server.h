/*
 * The reference server: smb2/, dcerpc/ and srvsvc/, their server halves,
 * joined.  Its session table is real: the sessions it lists are the clients
 * connected to it.  No I/O here; a connection is fed and drained by whoever
 * holds its socket.
 */
#ifndef NS_SERVER_H
#define NS_SERVER_H

#include "smb2/server.h"
#include "srvsvc/server.h"

typedef struct ns_server ns_server;
typedef struct ns_server_conn ns_server_conn;

typedef struct ns_server_config {
    netsession_hooks hooks;
    smb2_server_config smb; /* hooks, ops, auth.hooks and guid are filled in here */
    unsigned syntaxes;      /* a mask of enum netsession_syntax */
    const char *comment;    /* of the server, for NetrServerGetInfo */
    bool read_for_all;      /* levels 0 and 10 for everybody who logged on */
    bool any_name;          /* every name of a pipe opens srvsvc: for test suites */
    uint32_t fill;          /* made-up sessions listed before the real ones */
    uint64_t seed;          /* what they are made from */
    /* A connection is to be looked at: it has output, or has ended, though
     * none of its own bytes came.  NULL: nobody cares. */
    void (*wake)(void *conn_ctx);
    void (*log)(void *conn_ctx, const char *client, const char *line); /* or NULL */
} ns_server_config;

/* cfg is copied; its strings must live as long as the server. */
int ns_server_new(ns_server **out, const ns_server_config *cfg);
void ns_server_free(ns_server *server);               /* after all its connections */
uint32_t ns_server_sessions(const ns_server *server); /* real ones, logged on */

/* address: the client's, without port.  NULL when out of memory. */
ns_server_conn *ns_server_conn_new(ns_server *server, const char *address, void *conn_ctx);
void ns_server_conn_free(ns_server_conn *conn);
/* As of smb2_server: where bytes belong; that n came at now (ms); what is to
 * be sent; whether to close once that is done.  A negative code, or NULL:
 * drop the client at once. */
void *ns_server_conn_room(ns_server_conn *conn, size_t *room);
int ns_server_conn_received(ns_server_conn *conn, size_t n, uint64_t now);
const uint8_t *ns_server_conn_output(const ns_server_conn *conn, size_t *len);
void ns_server_conn_output_ack(ns_server_conn *conn, size_t n);
bool ns_server_conn_ended(const ns_server_conn *conn);

#endif
