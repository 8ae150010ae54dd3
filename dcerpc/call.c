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

/* The object UUID is there if its flag says so; nobody here looks at it. */
const char *rpc_get_request(ns_reader *r, const rpc_header *h, rpc_request *req)
{
    req->alloc_hint = ns_get32(r);
    req->context_id = ns_get16(r);
    req->opnum = ns_get16(r);
    if (h->flags & RPC_OBJECT_UUID)
        ns_skip(r, 16);
    if (r->bad)
        return "a request is truncated";
    req->len = ns_left(r);
    req->stub = ns_take(r, req->len);
    return NULL;
}

void rpc_put_response(ns_writer *w, unsigned flags, uint32_t call_id, const rpc_response *rsp)
{
    size_t start = rpc_begin_pdu(w, RPC_RESPONSE, flags, call_id);

    ns_put32(w, rsp->alloc_hint);
    ns_put16(w, rsp->context_id);
    ns_put16(w, 0); /* cancel_count, reserved */
    ns_put(w, rsp->stub, rsp->len);
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

/* alloc_hint is the PDU's length before any extended error information:
 * [MS-RPCE] 2.2.2.8. */
void rpc_put_fault(ns_writer *w, unsigned flags, uint32_t call_id, const rpc_fault *fault)
{
    size_t start = rpc_begin_pdu(w, RPC_FAULT, RPC_WHOLE | flags, call_id);

    ns_put32(w, 32);
    ns_put16(w, fault->context_id);
    ns_put16(w, 0); /* cancel_count, no extended error information */
    ns_put32(w, fault->status);
    ns_put32(w, 0); /* reserved */
    rpc_end_pdu(w, start);
}

/* The context id is not read: a server that faults before it has looked at
 * ours sends 0.  Stub data and extended error information are ignored as
 * [MS-RPCE] 2.2.2.8 demands or allows, the reserved field before them too. */
const char *rpc_get_fault(ns_reader *r, rpc_fault *fault)
{
    fault->context_id = 0;
    ns_skip(r, 8); /* alloc_hint, p_cont_id, cancel_count, flags */
    fault->status = ns_get32(r);
    return r->bad ? "a fault is truncated" : NULL;
}

/* Status codes that a server must not send, [MS-RPCE] 3.3.3.5.1: the exceptions
 * of a client's own runtime. */
bool rpc_status_forbidden(uint32_t status)
{
    static const uint32_t table[] = {
        0x00000000, 0x80000001, 0x80000002, 0x80000003, 0xC0000005, 0xC0000006, 0xC000001D,
        0xC0000096, 0xC00000AA, 0xC00000FD, 0xC0000194, 0xC0000235, 0xC0000409, 0xC0000420,
    };
    size_t i = 0;

    while (i < sizeof table / sizeof table[0] && table[i] != status)
        i++;
    return i < sizeof table / sizeof table[0];
}
