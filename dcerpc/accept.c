#include "dcerpc/accept.h"

#include <string.h>

#include "dcerpc/negotiate.h"

static const rpc_refusal malformed = {RPC_NAK_PROTOCOL, RPC_FAULT_PROTOCOL};
static const rpc_refusal unspecified = {RPC_NAK_UNSPECIFIED, RPC_FAULT_PROTOCOL};
static const rpc_refusal too_many = {RPC_NAK_LOCAL_LIMIT, RPC_FAULT_TOO_BUSY};

/* One context as it was proposed. */
typedef struct proposal {
    uint16_t id;
    const rpc_service *service;    /* NULL: the abstract syntax is unknown */
    unsigned syntaxes;             /* known transfer syntaxes, spoken here or not */
    bool features;                 /* it is bind-time feature negotiation instead */
    uint16_t bits;                 /* of that */
    const rpc_presentation *known; /* the context that has this id already */
    unsigned candidate;            /* the syntax that it could be accepted with, or 0 */
} proposal;

const rpc_presentation *rpc_find_context(const rpc_contexts *c, uint16_t id)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->table[i].id == id)
            return &c->table[i];
    return NULL;
}

/* A higher minor version of ours serves a lower one: [C706] 6.1.4. */
static const rpc_service *find_service(const rpc_contexts *c, const rpc_interface *want)
{
    for (size_t i = 0; i < c->service_count; i++) {
        const rpc_interface *have = &c->services[i].iface;

        if (!memcmp(have->uuid, want->uuid, sizeof have->uuid) && have->major == want->major &&
            have->minor >= want->minor)
            return &c->services[i];
    }
    return NULL;
}

/* The features count as such only where they stand first, whatever the
 * abstract syntax and whatever follows. */
static void get_transfers(ns_reader *r, size_t count, bool features, proposal *p)
{
    for (size_t i = 0; i < count; i++) {
        rpc_interface id;

        rpc_get_syntax(r, &id);
        if (!i && features)
            p->features = rpc_transfer_features(&id, &p->bits);
        p->syntaxes |= rpc_transfer_bit(&id);
    }
}

static const rpc_refusal *get_proposal(const rpc_contexts *c, ns_reader *r, bool features,
                                       proposal *p)
{
    rpc_cont_elem elem;

    rpc_get_cont_elem(r, &elem);
    if (r->bad)
        return &malformed;
    if (!elem.transfers)
        return &unspecified;
    *p = (proposal){.id = elem.id};
    get_transfers(r, elem.transfers, features, p);
    p->service = p->features ? NULL : find_service(c, &elem.abstract);
    p->known = p->features ? NULL : rpc_find_context(c, elem.id);
    return r->bad ? &malformed : NULL;
}

/* NDR64 is preferred, as on Windows. */
static unsigned best(unsigned syntaxes)
{
    return syntaxes & NETSESSION_NDR64 ? NETSESSION_NDR64 : syntaxes & NETSESSION_NDR32;
}

/* A context that exists may be proposed again, but neither its interface nor
 * its transfer syntax changes.  Syntaxes that nobody knows do not count. */
static const rpc_refusal *find_candidate(const rpc_contexts *c, proposal *p)
{
    p->candidate = p->service ? best(p->syntaxes & c->syntaxes) : 0;
    if (!p->known || !p->service)
        return NULL;
    p->candidate = p->syntaxes & p->known->syntax;
    if (p->service != p->known->service || (p->syntaxes && !p->candidate))
        return &malformed;
    return NULL;
}

static const rpc_refusal *get_proposals(const rpc_contexts *c, ns_reader *r, size_t count,
                                        bool features, proposal *p)
{
    const rpc_refusal *why = NULL;
    bool had = false;

    for (size_t i = 0; i < count && !why; i++) {
        why = get_proposal(c, r, features, &p[i]);
        if (!why)
            why = find_candidate(c, &p[i]);
        if (!why && p[i].features && had) /* at most one: [MS-RPCE] 3.3.1.5.3 */
            why = &unspecified;
        had |= !why && p[i].features;
    }
    return why;
}

/* Of the contexts for one interface one only is accepted, that with the best
 * syntax: [MS-RPCE] 3.3.1.5.6. */
static bool wins(const proposal *p, size_t count, size_t i)
{
    for (size_t j = 0; j < count; j++) {
        if (p[j].service != p[i].service)
            continue;
        if (p[j].candidate > p[i].candidate || (j < i && p[j].candidate == p[i].candidate))
            return false;
    }
    return true;
}

static uint16_t rejection(const rpc_contexts *c, const proposal *p, size_t count, size_t i)
{
    if (!p[i].service)
        return RPC_REJECT_ABSTRACT;
    if (!p[i].candidate || !wins(p, count, i))
        return RPC_REJECT_TRANSFER;
    if (!p[i].known && c->count == RPC_ACCEPT_MAX)
        return RPC_REJECT_LOCAL_LIMIT;
    return RPC_REJECT_UNSPECIFIED; /* none */
}

/* False when this very proposal uses the number for two interfaces. */
static bool add(rpc_contexts *c, const proposal *p)
{
    if (p->known)
        return true;
    if (rpc_find_context(c, p->id))
        return false;
    c->table[c->count++] = (rpc_presentation){p->id, p->candidate, p->service};
    return true;
}

static bool answer(rpc_contexts *c, const proposal *p, size_t count, size_t i,
                   rpc_context_result *out)
{
    *out = (rpc_context_result){.result = RPC_NEGOTIATE_ACK, .reason = p[i].bits};
    if (p[i].features)
        return true;
    out->reason = rejection(c, p, count, i);
    out->result = out->reason ? RPC_PROVIDER_REJECTION : RPC_ACCEPTANCE;
    if (out->reason)
        return true;
    out->transfer = *rpc_transfer_id(p[i].candidate);
    return add(c, &p[i]);
}

const rpc_refusal *rpc_accept(rpc_contexts *c, ns_reader *r, size_t count, bool features,
                              rpc_results *out)
{
    proposal p[RPC_ACCEPT_MAX];
    const rpc_refusal *why;

    *out = (rpc_results){.count = count};
    if (!count)
        return &malformed; /* as Windows Server 2022 does; older ones give no reason */
    if (count > RPC_ACCEPT_MAX)
        return &too_many;
    why = get_proposals(c, r, count, features, p);
    for (size_t i = 0; i < count && !why; i++) {
        if (!out->service)
            out->service = p[i].service;
        out->features |= p[i].bits;
        if (!answer(c, p, count, i, &out->result[i]))
            why = &malformed;
    }
    return why;
}
