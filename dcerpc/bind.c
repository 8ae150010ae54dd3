/* bind, bind_ack, bind_nak: [C706] 12.6.4.3 to 12.6.4.5; alter_context and its
 * answer have the same layout: 12.6.4.1, 12.6.4.2. */
#include "dcerpc/pdu.h"

#include <string.h>

/* p_syntax_id_t, [C706] 12.6.3.1.  A UUID is a struct of integers on the wire
 * ([C706] appendix A), so its first half follows the sender's byte order. */
static void put_syntax(ns_writer *w, const rpc_interface *s)
{
    ns_put(w, s->uuid, sizeof s->uuid);
    ns_put16(w, s->major);
    ns_put16(w, s->minor);
}

void rpc_get_syntax(ns_reader *r, rpc_interface *s)
{
    uint32_t version;

    ns_store32(s->uuid, ns_get32(r));
    ns_store16(s->uuid + 4, ns_get16(r));
    ns_store16(s->uuid + 6, ns_get16(r));
    ns_get_bytes(r, s->uuid + 8, 8);
    version = ns_get32(r);
    s->major = (uint16_t)version;
    s->minor = (uint16_t)(version >> 16);
}

void rpc_put_bind(ns_writer *w, uint32_t call_id, const rpc_bind *bind)
{
    size_t start = rpc_begin_pdu(w, RPC_BIND, RPC_WHOLE, call_id);

    ns_put16(w, bind->max_xmit);
    ns_put16(w, bind->max_recv);
    ns_put32(w, bind->assoc_group);
    ns_put32(w, (uint32_t)bind->count); /* one byte; three are reserved */
    for (size_t i = 0; i < bind->count; i++) {
        ns_put16(w, (uint16_t)i);
        ns_put16(w, 1); /* transfer syntaxes of this context; a byte is reserved */
        put_syntax(w, &bind->context[i].abstract);
        put_syntax(w, &bind->context[i].transfer);
    }
    rpc_end_pdu(w, start);
}

void rpc_get_bind_head(ns_reader *r, rpc_bind_head *head)
{
    head->max_xmit = ns_get16(r);
    head->max_recv = ns_get16(r);
    head->assoc_group = ns_get32(r);
    head->count = ns_get8(r);
    ns_skip(r, 3);
}

void rpc_get_cont_elem(ns_reader *r, rpc_cont_elem *elem)
{
    elem->id = ns_get16(r);
    elem->transfers = ns_get8(r);
    ns_skip(r, 1);
    rpc_get_syntax(r, &elem->abstract);
}

/* The secondary address: length, bytes with a NUL, and nothing at all in an
 * alter_context_resp. */
size_t rpc_begin_ack(ns_writer *w, enum rpc_ptype ptype, unsigned flags, uint32_t call_id,
                     const rpc_bind_head *head, const char *address)
{
    size_t start = rpc_begin_pdu(w, ptype, flags, call_id);
    size_t n = address ? strlen(address) + 1 : 0;

    ns_put16(w, head->max_xmit);
    ns_put16(w, head->max_recv);
    ns_put32(w, head->assoc_group);
    ns_put16(w, (uint16_t)n);
    ns_put(w, address, n);
    ns_put_align(w, start, 4);
    ns_put32(w, head->count); /* one byte; three are reserved */
    return start;
}

void rpc_put_result(ns_writer *w, const rpc_context_result *res)
{
    ns_put16(w, res->result);
    ns_put16(w, res->reason);
    put_syntax(w, &res->transfer);
}

static void get_result(ns_reader *r, rpc_context_result *res)
{
    res->result = ns_get16(r);
    res->reason = ns_get16(r);
    rpc_get_syntax(r, &res->transfer);
}

const char *rpc_get_bind_ack(ns_reader *r, rpc_bind_ack *ack)
{
    ack->max_xmit = ns_get16(r);
    ack->max_recv = ns_get16(r);
    ack->assoc_group = ns_get32(r);
    /* The secondary address has no meaning any more: [MS-RPCE] 3.3.1.5.5. */
    ns_skip(r, ns_get16(r));
    ns_get_align(r, 4);
    ack->count = ns_get8(r);
    ns_skip(r, 3);
    if (ack->count > RPC_CONTEXTS)
        return "a bind_ack has more results than there were contexts";
    for (size_t i = 0; i < ack->count; i++)
        get_result(r, &ack->context[i]);
    if (r->bad)
        return "a bind_ack is truncated";
    return ns_left(r) ? "a bind_ack has bytes behind its results" : NULL;
}

/* The reason, the versions of the protocol that there are (one, 5.0), and no
 * signature.  Windows pads it to a multiple of 4. */
void rpc_put_bind_nak(ns_writer *w, uint32_t call_id, uint16_t reason)
{
    size_t start = rpc_begin_pdu(w, RPC_BIND_NAK, RPC_WHOLE, call_id);

    ns_put16(w, reason);
    ns_put8(w, 1);
    ns_put8(w, 5);
    ns_put8(w, 0);
    ns_put_align(w, start, 4);
    rpc_end_pdu(w, start);
}

/* What follows the reason (protocol versions, extended error information) is
 * for diagnosis and may be ignored: [MS-RPCE] 2.2.2.9. */
const char *rpc_get_bind_nak(ns_reader *r, rpc_bind_nak *nak)
{
    nak->reason = ns_get16(r);
    return r->bad ? "a bind_nak is truncated" : NULL;
}

/* The last row serves every value that is not in the table. */
static const rpc_reason *find(const rpc_reason *table, size_t count, uint16_t value)
{
    size_t i = 0;

    while (i < count - 1 && table[i].value != value)
        i++;
    return &table[i];
}

/* [MS-RPCE] 2.2.2.5, which also says to treat congestion as a local limit. */
const rpc_reason *rpc_nak_reason(uint16_t reason)
{
    static const rpc_reason table[] = {
        {0, "REASON_NOT_SPECIFIED", 1727, "no reason is given"},
        {1, "TEMPORARY_CONGESTION", 1723, "it is short of resources; try again later"},
        {2, "LOCAL_LIMIT_EXCEEDED", 1723, "it is short of resources; try again later"},
        {4, "PROTOCOL_VERSION_NOT_SPECIFIED", 1728, "it saw a protocol error in our bind"},
        {8, "authentication_type_not_recognized", 1741, "it wants another authentication"},
        {9, "invalid_checksum", 1825, "its security package failed"},
        {0, "REASON_?", 1727, "the reason is unknown"},
    };

    return find(table, sizeof table / sizeof table[0], reason);
}

/* p_provider_reason_t, [C706] 12.6.3.1. */
const rpc_reason *rpc_reject_reason(uint16_t reason)
{
    static const rpc_reason table[] = {
        {0, "reason_not_specified", 1727, "no reason is given"},
        {1, "abstract_syntax_not_supported", 1717, "the interface is not offered there"},
        {2, "proposed_transfer_syntaxes_not_supported", 1730,
         "no transfer syntax is common to both; offer NDR32 as well"},
        {3, "local_limit_exceeded", 1723, "it is short of resources; try again later"},
        {0, "reason_?", 1727, "the reason is unknown"},
    };

    return find(table, sizeof table / sizeof table[0], reason);
}
