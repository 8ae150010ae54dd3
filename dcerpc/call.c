/* request, response, fault: [C706] 12.6.4.7, 12.6.4.9, 12.6.4.10. */
#include "dcerpc/pdu.h"

/* "An implementation on the client SHOULD enforce a limit on the alloc_hint":
 * [MS-RPCE] 3.3.2.5.2.  Nothing is ever allocated by it. */
#define ALLOC_HINT_MAX 0x7FFFFFFFu

void rpc_put_request(ns_writer *w, unsigned flags, uint32_t call_id, const rpc_request *req)
{
    size_t start = rpc_begin_pdu(w, RPC_REQUEST, flags, call_id);

    ns_put32(w, req->alloc_hint);
    ns_put16(w, req->context_id);
    ns_put16(w, req->opnum);
    ns_put(w, req->stub, req->len);
    rpc_end_pdu(w, start);
}

const char *rpc_get_response(ns_reader *r, rpc_response *rsp)
{
    rsp->alloc_hint = ns_get32(r);
    rsp->context_id = ns_get16(r);
    ns_skip(r, 2); /* cancel_count, reserved */
    if (r->bad)
        return "a response is truncated";
    rsp->len = ns_left(r);
    rsp->stub = ns_take(r, rsp->len);
    return rsp->alloc_hint > ALLOC_HINT_MAX ? "the allocation hint is over 2 GiB" : NULL;
}

/* The context id is not read: a server that faults before it has looked at
 * ours sends 0.  Stub data and extended error information are ignored as
 * [MS-RPCE] 2.2.2.8 demands or allows, the reserved field before them too. */
const char *rpc_get_fault(ns_reader *r, rpc_fault *fault)
{
    ns_skip(r, 8); /* alloc_hint, p_cont_id, cancel_count, flags */
    fault->status = ns_get32(r);
    return r->bad ? "a fault is truncated" : NULL;
}
