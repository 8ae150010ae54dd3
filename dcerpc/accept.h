/*
 * The presentation contexts of one association, and which of those that a
 * bind or alter_context proposes are accepted: [MS-RPCE] 3.3.1.5.3, 3.3.1.5.6.
 */
#ifndef NS_DCERPC_ACCEPT_H
#define NS_DCERPC_ACCEPT_H

#include "dcerpc/service.h"

/* Contexts of one association, and of one bind: as many as have their results
 * in an answer of RPC_MIN_FRAG bytes.  [MS-RPCE] 3.3.3.5.5 wants some limit,
 * and Windows itself proposes three. */
#define RPC_ACCEPT_MAX 48

typedef struct rpc_presentation {
    uint16_t id;
    unsigned syntax; /* enum netsession_syntax */
    const rpc_service *service;
} rpc_presentation;

typedef struct rpc_contexts {
    const rpc_service *services;
    size_t service_count;
    unsigned syntaxes; /* mask of those spoken here */
    size_t count;
    rpc_presentation table[RPC_ACCEPT_MAX];
} rpc_contexts;

typedef struct rpc_results {
    size_t count;
    rpc_context_result result[RPC_ACCEPT_MAX];
    const rpc_service *service; /* the first one asked for, or NULL */
    uint16_t features;          /* acknowledged: enum rpc_feature */
} rpc_results;

/* How a proposal is refused as a whole. */
typedef struct rpc_refusal {
    uint16_t nak;   /* in a bind_nak: enum rpc_nak_code */
    uint32_t fault; /* in answer to an alter_context */
} rpc_refusal;

/* NULL when there is none. */
const rpc_presentation *rpc_find_context(const rpc_contexts *c, uint16_t id);
/* r stands at the first of count contexts.  Adds those accepted.  features:
 * may they be negotiated (in a bind only)?  NULL, or the refusal; nothing more
 * is then to be asked of c. */
const rpc_refusal *rpc_accept(rpc_contexts *c, ns_reader *r, size_t count, bool features,
                              rpc_results *out);

#endif
