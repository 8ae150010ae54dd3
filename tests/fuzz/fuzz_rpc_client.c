/* A client of an association gets PDUs, each behind a byte of flags and its length,
 * and mended to get past its header unless the flags say not to; first whole, and
 * then in pieces, from which it learns the same. */
#include "dcerpc/client.h"
#include "srvsvc/session.h"
#include "tests/fuzz/fuzz.h"

#define LONG_CALL 4 /* a flag */

static void feed(rpc_client *c, ns_slice in, size_t piece, ns_writer *learnt)
{
    int rc = RPC_MORE, code = c->state == RPC_STATE_DEAD && in.n ? NETSESSION_E_STATE : 0;
    netsession_error err = {0};

    for (size_t at = 0, n; at < in.n; at += n) {
        n = piece < in.n - at ? piece : in.n - at;
        rc = rpc_client_input(c, (const uint8_t *)in.p + at, n, &err);
    }
    fuzz_told(rc, &err);
    MUST(!code || (rc == code && c->state == RPC_STATE_DEAD));
    MUST((rc <= RPC_MORE || rpc_client_usable(c)) && c->reply.len <= c->reply.max);
    ns_put(learnt, err.message, strlen(err.message));
    ns_put(learnt, c->reply.p, rc == RPC_REPLY ? c->reply.len : 0);
}

/* Asks, if it can; of a long request only the first fragment goes out. */
static void ask(rpc_client *c, bool longer, ns_writer *out)
{
    static const uint8_t stub[9000];
    netsession_error err = {0};
    bool idle = rpc_client_usable(c);
    size_t len = out->len;

    fuzz_told(rpc_client_call(c, 12, stub, longer ? sizeof stub : 20, &err), &err);
    MUST(!err.code == idle && (!idle || rpc_client_next_fragment(c, out, &err) >= 0));
    out->len = len;
}

static void talk(ns_reader in, bool whole, ns_writer *learnt)
{
    netsession_error err = {0};
    rpc_client c;
    size_t len;

    rpc_client_init(&c, learnt->hooks, &srvsvc_interface, 3, 20000);
    MUST(!rpc_client_bind(&c, learnt, &err));
    while (!in.bad && ns_left(&in)) {
        uint8_t flags, *pdu = fuzz_take_pdu(&in, c.call_id, &flags, &len);

        feed(&c, (ns_slice){pdu, len}, whole ? SIZE_MAX : 1 + flags / 8u, learnt);
        ask(&c, flags & LONG_CALL, learnt);
        free(pdu);
    }
    rpc_client_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_pieces(talk, data, size);
}
