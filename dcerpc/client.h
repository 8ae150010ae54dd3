/*
 * The client of one DCE/RPC association: bind, then one call after the other
 * ([MS-RPCE] 3.3.2).  PDUs go out through writers and come in as bytes; what
 * carries them is the caller's business, and so are deadlines.
 *
 * Functions that return int return 0 or the positive answer documented, or a
 * negative enum netsession_code with *err set.  After an error that input
 * returned, rpc_client_usable tells whether another call may follow.
 */
#ifndef NS_DCERPC_CLIENT_H
#define NS_DCERPC_CLIENT_H

#include "base/error.h"
#include "base/framer.h"
#include "dcerpc/negotiate.h"

enum rpc_state {
    RPC_STATE_UNBOUND = 0,
    RPC_STATE_BINDING, /* the bind is out */
    RPC_STATE_BOUND,   /* a call may start */
    RPC_STATE_SENDING, /* request fragments remain to be sent */
    RPC_STATE_CALLING, /* the whole request is out */
    RPC_STATE_DEAD     /* nothing more is sent or believed */
};

enum rpc_result {
    RPC_MORE = 1, /* more bytes must be read */
    RPC_BOUND,    /* a call may start */
    RPC_REPLY     /* rpc_client_reply has the answer */
};

typedef struct rpc_client {
    enum rpc_state state;
    rpc_offer offer;
    uint32_t call_id; /* of the bind or the call that is out */
    uint32_t next_id;
    uint16_t context; /* the one accepted */
    uint16_t opnum;
    uint16_t max_xmit, max_recv; /* offered at first, then agreed */
    bool heard;                  /* a PDU came, and fixed the byte order */
    bool big;
    ns_framer in;
    ns_writer request; /* the call's stub */
    size_t sent;       /* of it */
    ns_writer reply;
} rpc_client;

/* hooks must live as long as the client; iface is copied.  syntaxes: a mask
 * of enum netsession_syntax, not 0.  max_reply: bytes of one reassembled reply. */
void rpc_client_init(rpc_client *c, const netsession_hooks *hooks, const rpc_interface *iface,
                     unsigned syntaxes, size_t max_reply);
void rpc_client_free(rpc_client *c); /* wipes */
/* Appends the bind.  Once. */
int rpc_client_bind(rpc_client *c, ns_writer *out, netsession_error *err);
/* Starts a call; stub is copied.  E_STATE unless bound and idle. */
int rpc_client_call(rpc_client *c, uint16_t opnum, const uint8_t *stub, size_t len,
                    netsession_error *err);
/* Appends the next fragment of the request.  1: send it and come again
 * without waiting; 0: it was the last. */
int rpc_client_next_fragment(rpc_client *c, ns_writer *out, netsession_error *err);
/* Bytes from the transport, in any chunks.  Returns enum rpc_result. */
int rpc_client_input(rpc_client *c, const uint8_t *bytes, size_t len, netsession_error *err);
/* The reply's stub in its byte order, valid until the next call. */
ns_reader rpc_client_reply(const rpc_client *c);
/* Bound and idle: also so after a fault that concerned one call only. */
bool rpc_client_usable(const rpc_client *c);
/* Once bound. */
bool rpc_client_ndr64(const rpc_client *c);
const char *rpc_client_syntax_name(const rpc_client *c); /* "NDR32", "NDR64" */

#endif
