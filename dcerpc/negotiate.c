#include "dcerpc/negotiate.h"

#include <string.h>

/* The longest fragment that we offer to send and to take.  One number for
 * both, since Windows and Samba answer with the smaller of the two in both
 * fields; and this one, since neither grants more to anybody (Windows grants
 * 4280 on a pipe), while the more common 4280 would cost a third more reads
 * of a long reply from Samba. */
#define MAX_FRAG 5840

/* All that there are, as Windows names them.  Neither binds a client to using it. */
#define FEATURES (RPC_SECURITY_MULTIPLEXING | RPC_KEEP_ON_ORPHAN)

/* In the order in which they are offered: as Windows does, and NDR32 first
 * for servers that look at the first context only. */
static const rpc_transfer transfers[RPC_CONTEXTS] = {
    {.bit = NETSESSION_NDR32,
     .name = "NDR32",
     .id = {.uuid = {0x04, 0x5D, 0x88, 0x8A, 0xEB, 0x1C, 0xC9, 0x11, /* [MS-RPCE] 2.2.4.12 */
                     0x9F, 0xE8, 0x08, 0x00, 0x2B, 0x10, 0x48, 0x60},
            .major = 2}},
    {.bit = NETSESSION_NDR64,
     .name = "NDR64",
     .id = {.uuid = {0x33, 0x05, 0x71, 0x71, 0xBA, 0xBE, 0x37, 0x49, /* [MS-RPCE] 2.2.5.1 */
                     0x83, 0x19, 0xB5, 0xDB, 0xEF, 0x9C, 0xCC, 0x36},
            .major = 1}},
    {.bit = 0, /* which marks it */
     .name = "bind-time features",
     .id = {.uuid = {0x2C, 0x1C, 0xB7, 0x6C, 0x12, 0x98, 0x40, 0x45, FEATURES}, .major = 1}},
};

static bool same_syntax(const rpc_interface *a, const rpc_interface *b)
{
    return !memcmp(a->uuid, b->uuid, sizeof a->uuid) && a->major == b->major &&
           a->minor == b->minor;
}

unsigned rpc_transfer_bit(const rpc_interface *id)
{
    size_t i = 0;

    while (i < RPC_CONTEXTS && !same_syntax(&transfers[i].id, id))
        i++;
    return i < RPC_CONTEXTS ? transfers[i].bit : 0;
}

const rpc_interface *rpc_transfer_id(unsigned bit)
{
    size_t i = 0;

    while (transfers[i].bit != bit)
        i++;
    return &transfers[i].id;
}

bool rpc_transfer_features(const rpc_interface *id, uint16_t *features)
{
    const rpc_interface *own = rpc_transfer_id(0);
    bool is =
        !memcmp(id->uuid, own->uuid, 8) && id->major == own->major && id->minor == own->minor;

    *features = is ? id->uuid[8] & FEATURES : 0;
    return is;
}

bool rpc_make_offer(rpc_offer *offer, const rpc_interface *iface, unsigned syntaxes)
{
    rpc_bind *bind = &offer->bind;

    *offer = (rpc_offer){.bind = {.max_xmit = MAX_FRAG, .max_recv = MAX_FRAG}};
    for (size_t i = 0; i < RPC_CONTEXTS; i++) {
        if (transfers[i].bit && !(transfers[i].bit & syntaxes))
            continue;
        bind->context[bind->count] = (rpc_context){*iface, transfers[i].id};
        offer->transfer[bind->count++] = &transfers[i];
    }
    return bind->count > 1; /* not the features alone */
}

/* A server should accept but one ([MS-RPCE] 3.3.1.5.6); of two, NDR32 comes
 * first and is the shorter. */
size_t rpc_accepted(const rpc_bind_ack *ack)
{
    size_t i = 0;

    while (i < ack->count && ack->context[i].result != RPC_ACCEPTANCE)
        i++;
    return i;
}

static const char *check_result(const rpc_transfer *offered, const rpc_context_result *res)
{
    switch (res->result) {
    case RPC_ACCEPTANCE:
        return offered->bit && same_syntax(&offered->id, &res->transfer)
                   ? NULL
                   : "a bind_ack accepts a transfer syntax that its context did not offer";
    case RPC_NEGOTIATE_ACK:
        return offered->bit || res->reason & ~FEATURES
                   ? "a bind_ack acknowledges features that its context did not offer"
                   : NULL;
    case RPC_USER_REJECTION:
    case RPC_PROVIDER_REJECTION:
        return NULL;
    default:
        return "a bind_ack has a result that does not exist";
    }
}

/* Fewer results than contexts are taken for rejections.  [MS-RPCE] 3.3.1.5.3
 * demands as many, yet there are servers that answer the first only. */
static const char *check_results(const rpc_offer *offer, const rpc_bind_ack *ack)
{
    const char *rule = NULL;

    if (!ack->count)
        return "a bind_ack has no result";
    if (ack->count > offer->bind.count)
        return "a bind_ack has more results than there were contexts";
    for (size_t i = 0; i < ack->count && !rule; i++)
        rule = check_result(offer->transfer[i], &ack->context[i]);
    return rule;
}

static const char *check_sizes(const rpc_bind *offered, const rpc_bind_ack *ack)
{
    if (ack->max_xmit < RPC_MIN_FRAG || ack->max_recv < RPC_MIN_FRAG)
        return "a bind_ack allows fragments of less than 1432 bytes only";
    if (ack->max_xmit > offered->max_recv || ack->max_recv > offered->max_xmit)
        return "a bind_ack allows longer fragments than were offered";
    return NULL;
}

const char *rpc_check_ack(const rpc_offer *offer, const rpc_header *h, const rpc_bind_ack *ack)
{
    const char *rule = check_sizes(&offer->bind, ack);
    size_t i = rpc_accepted(ack);

    if ((h->flags & RPC_WHOLE) != RPC_WHOLE)
        rule = "a bind_ack is fragmented";
    if (!rule)
        rule = check_results(offer, ack);
    if (!rule && h->big && i < ack->count && offer->transfer[i]->bit == NETSESSION_NDR64)
        rule = "NDR64 is little-endian only"; /* [MS-RPCE] 2.2.5 */
    return rule;
}
