/* The answers to a bind, of either kind: what is read of them keeps to its bounds, and
 * written again it is read as the same. */
#include "dcerpc/pdu.h"
#include "tests/fuzz/fuzz.h"

static const char *bind_ack(ns_reader *r, ns_writer *w)
{
    rpc_bind_ack m = {0};
    const char *rule = rpc_get_bind_ack(r, &m);
    rpc_bind_head head = {m.max_xmit, m.max_recv, m.assoc_group, (uint8_t)m.count};
    size_t start = rpc_begin_ack(w, RPC_BIND_ACK, RPC_WHOLE, 7, &head, NULL);

    MUST(rule || (m.count <= RPC_CONTEXTS && !ns_left(r)));
    for (size_t i = 0; i < m.count && !rule; i++)
        rpc_put_result(w, &m.context[i]);
    rpc_end_pdu(w, start);
    return rule;
}

static const char *answer(uint8_t ptype, ns_reader *r, ns_writer *w)
{
    rpc_bind_nak nak = {0};
    const char *rule;

    if (ptype == RPC_BIND_ACK)
        return bind_ack(r, w);
    rule = rpc_get_bind_nak(r, &nak);
    rpc_put_bind_nak(w, 7, nak.reason);
    MUST(*rpc_nak_reason(nak.reason)->text && *rpc_reject_reason(nak.reason)->text);
    return rule;
}

static void check(ns_slice in, ns_writer *w)
{
    fuzz_pdu_twice(answer, in, w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_rewrite(check, data, size);
}
