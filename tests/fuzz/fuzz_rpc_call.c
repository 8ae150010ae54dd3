/* The answers to a call, of either kind: the stub is all behind the fixed part, and
 * what is written of them is read as the same. */
#include "dcerpc/pdu.h"
#include "tests/fuzz/fuzz.h"

static const char *response(ns_reader *r, ns_writer *w)
{
    rpc_response m = {0};
    const char *rule = rpc_get_response(r, &m);

    MUST(rule || (m.stub == r->base + RPC_REQUEST_SIZE && m.stub + m.len == r->base + r->len));
    rpc_put_response(w, RPC_WHOLE, 7, &m);
    return rule;
}

static const char *answer(uint8_t ptype, ns_reader *r, ns_writer *w)
{
    rpc_fault fault = {0};
    const char *rule;

    if (ptype == RPC_RESPONSE)
        return response(r, w);
    rule = rpc_get_fault(r, &fault);
    rpc_put_fault(w, 0, 7, &fault);
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
