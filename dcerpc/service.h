/* What an interface is to the server: one function for all its calls. */
#ifndef NS_DCERPC_SERVICE_H
#define NS_DCERPC_SERVICE_H

#include "dcerpc/pdu.h"

typedef struct rpc_call {
    uint16_t opnum;
    ns_reader stub; /* in the client's byte order; valid during the call */
    bool ndr64;     /* the transfer syntax of stub and reply */
    bool big;       /* stub's integers are big-endian */
} rpc_call;

typedef struct rpc_service {
    rpc_interface iface;
    const char *secondary_address; /* "\\PIPE\\srvsvc", 200 bytes at most */
    /* Decodes call->stub and appends the reply's stub, little-endian, to out,
     * which is empty.  Returns 0 or NETSESSION_E_MEMORY, which ends the
     * association.  A *fault other than 0 is sent instead of the reply:
     * RPC_FAULT_OP_RANGE for an opnum that does not exist, or a Win32 code. */
    int (*call)(void *ctx, const rpc_call *call, ns_writer *out, uint32_t *fault);
    void *ctx;
} rpc_service;

#endif
