#include "dcerpc/pdu.h"

/* Format label, [C706] 14.1: the high half of the first byte is the order of
 * integers, the low half the character set (0: ASCII); the second byte is the
 * kind of floating point (0: IEEE).  Nobody sends EBCDIC or VAX floats. */
#define DREP_BIG    0x00
#define DREP_LITTLE 0x10
#define DREP_IEEE   0x00

/* Where frag_length stands in the header. */
#define FRAG_LENGTH 8

static const char *check_header(unsigned version, uint8_t order, uint8_t floats,
                                const rpc_header *h)
{
    if (version != 0x0500) /* [MS-RPCE] 3.3.1.5.1 */
        return "the version of a PDU is not 5.0";
    if ((order != DREP_BIG && order != DREP_LITTLE) || floats != DREP_IEEE)
        return "the data representation of a PDU does not exist";
    if (h->frag_length < RPC_HEADER_SIZE)
        return "a fragment is shorter than its header";
    return NULL;
}

const char *rpc_get_header(ns_reader *r, rpc_header *h)
{
    unsigned version = ns_get8(r) * 0x100u;
    uint8_t order, floats;

    version += ns_get8(r);
    h->ptype = ns_get8(r);
    h->flags = ns_get8(r);
    order = ns_get8(r);
    floats = ns_get8(r);
    ns_skip(r, 2);
    r->big = h->big = order == DREP_BIG;
    h->frag_length = ns_get16(r);
    h->auth_length = ns_get16(r);
    h->call_id = ns_get32(r);
    return check_header(version, order, floats, h);
}

int rpc_pdu_length(const uint8_t *header, size_t *total)
{
    ns_reader r = ns_reader_of(header, RPC_HEADER_SIZE);
    rpc_header h;

    if (rpc_get_header(&r, &h))
        return NETSESSION_E_PROTOCOL;
    *total = h.frag_length;
    return 0;
}

size_t rpc_begin_pdu(ns_writer *w, enum rpc_ptype ptype, unsigned flags, uint32_t call_id)
{
    size_t start = w->len;

    ns_put8(w, 5);
    ns_put8(w, 0);
    ns_put8(w, (uint8_t)ptype);
    ns_put8(w, (uint8_t)flags);
    ns_put32(w, DREP_LITTLE | DREP_IEEE << 8);
    ns_put16(w, 0); /* frag_length */
    ns_put16(w, 0); /* auth_length */
    ns_put32(w, call_id);
    return start;
}

void rpc_end_pdu(ns_writer *w, size_t start)
{
    ns_set16(w, start + FRAG_LENGTH, (uint16_t)(w->len - start));
}

const char *rpc_ptype_name(uint8_t ptype)
{
    static const char *const names[] = {
        "request",    "ping",     "response",      "fault",
        "working",    "nocall",   "reject",        "ack",
        "cl_cancel",  "fack",     "cancel_ack",    "bind",
        "bind_ack",   "bind_nak", "alter_context", "alter_context_resp",
        "rpc_auth_3", "shutdown", "co_cancel",     "orphaned",
    };

    return ptype < sizeof names / sizeof names[0] ? names[ptype] : "unknown";
}
