/*
 * What a bind offers, and whether a bind_ack answers it: [MS-RPCE] 3.3.1.5.3
 * and 3.3.1.5.6.
 */
#ifndef NS_DCERPC_NEGOTIATE_H
#define NS_DCERPC_NEGOTIATE_H

#include "dcerpc/pdu.h"

/* bit 0: bind-time feature negotiation in the disguise of a transfer syntax,
 * [MS-RPCE] 3.3.1.5.3; the features stand in the UUID's second half. */
typedef struct rpc_transfer {
    unsigned bit; /* enum netsession_syntax */
    const char *name;
    rpc_interface id;
} rpc_transfer;

typedef struct rpc_offer {
    rpc_bind bind;
    const rpc_transfer *transfer[RPC_CONTEXTS]; /* by context id */
} rpc_offer;

enum rpc_feature { /* [MS-RPCE] 2.2.2.14 */
                   RPC_SECURITY_MULTIPLEXING = 1,
                   RPC_KEEP_ON_ORPHAN = 2
};

/* The bit of a transfer syntax, 0 when it is unknown; and back. */
unsigned rpc_transfer_bit(const rpc_interface *id);
const rpc_interface *rpc_transfer_id(unsigned bit);
/* Is it bind-time feature negotiation?  *features: those known to us, or 0. */
bool rpc_transfer_features(const rpc_interface *id, uint16_t *features);

/* One context for each syntax of the mask, and the features.  False when
 * there is no syntax. */
bool rpc_make_offer(rpc_offer *offer, const rpc_interface *iface, unsigned syntaxes);
/* NULL, or the rule that the answer breaks.  An answer that rejects every
 * context breaks none. */
const char *rpc_check_ack(const rpc_offer *offer, const rpc_header *h, const rpc_bind_ack *ack);
/* The first context that is accepted, or ack->count. */
size_t rpc_accepted(const rpc_bind_ack *ack);

#endif
