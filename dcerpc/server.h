/*
 * The server of one DCE/RPC association, which is one open pipe: [MS-RPCE]
 * 3.3.3.  Bytes come in as the client writes them, messages go out one PDU
 * each; what carries them is the caller's business.  No authentication: that
 * is left to what carries the pipe.
 *
 * One call is worked on at a time, and nothing that follows is looked at
 * before the whole answer has been read; until then it is kept as it came.
 */
#ifndef NS_DCERPC_SERVER_H
#define NS_DCERPC_SERVER_H

#include "base/framer.h"
#include "dcerpc/accept.h"

enum rpc_server_state {
    RPC_SERVER_UNBOUND = 0,
    RPC_SERVER_BOUND,
    RPC_SERVER_ENDED /* nothing more is read */
};

enum rpc_server_call {
    RPC_SERVER_IDLE = 0,
    RPC_SERVER_COLLECTING, /* fragments of a request are still to come */
    RPC_SERVER_DROPPING,   /* so they are, but the call has failed */
    RPC_SERVER_REPLYING    /* fragments of the reply are still to go */
};

typedef struct rpc_server {
    enum rpc_server_state state;
    enum rpc_server_call call;
    int err; /* NETSESSION_E_MEMORY; sticky */
    uint32_t assoc_group;
    uint16_t max_frag; /* of a reply */
    bool multiplexed;  /* the client may send calls ahead */
    bool orphans;      /* it may give up a request half sent, and go on */
    rpc_contexts contexts;
    uint32_t last_id; /* highest call id of any request */
    /* The call worked on. */
    uint32_t call_id;
    uint16_t opnum;
    bool big;
    const rpc_presentation *context;
    ns_writer request; /* its stub so far */
    ns_writer reply;   /* the reply's stub */
    size_t sent;       /* of it */
    /* The pipe's two directions. */
    ns_framer in;
    ns_writer backlog; /* what came while a message waited */
    size_t worked;     /* of it */
    ns_writer out;     /* the message that waits */
    size_t read;       /* of it */
} rpc_server;

/* hooks and services must live as long as the server.  syntaxes: a mask of
 * enum netsession_syntax, NDR64 being preferred.  assoc_group: the id of this
 * association's group, not 0; a client may join that group and no other. */
void rpc_server_init(rpc_server *s, const netsession_hooks *hooks, const rpc_service *services,
                     size_t count, unsigned syntaxes, uint32_t assoc_group);
void rpc_server_free(rpc_server *s); /* wipes */
/* Bytes written to the pipe, in any chunks.  0, or NETSESSION_E_MEMORY, which
 * ends the association; what the client does wrong is answered, or ends it. */
int rpc_server_input(rpc_server *s, const uint8_t *bytes, size_t len);
/* What is left of the message that waits, or NULL; valid until the next call
 * that is not this one. */
const uint8_t *rpc_server_output(const rpc_server *s, size_t *len);
/* len bytes of it were read; the next message follows when all were. */
void rpc_server_output_ack(rpc_server *s, size_t len);
/* Nothing more will be answered: disconnect the pipe when no output is left. */
bool rpc_server_ended(const rpc_server *s);

#endif
