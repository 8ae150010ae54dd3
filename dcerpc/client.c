#include "dcerpc/client.h"

#include <string.h>

/* Windows gives the bind and the first call this number. */
#define FIRST_CALL_ID 2

void rpc_client_init(rpc_client *c, const netsession_hooks *hooks, const rpc_interface *iface,
                     unsigned syntaxes, size_t max_reply)
{
    *c = (rpc_client){.next_id = FIRST_CALL_ID};
    if (!rpc_make_offer(&c->offer, iface, syntaxes))
        c->state = RPC_STATE_DEAD;
    c->max_xmit = c->offer.bind.max_xmit;
    c->max_recv = c->offer.bind.max_recv;
    ns_framer_init(&c->in, hooks, RPC_HEADER_SIZE, rpc_pdu_length, c->max_recv);
    ns_writer_init(&c->request, hooks, RPC_MAX_REQUEST);
    ns_writer_init(&c->reply, hooks, max_reply);
}

void rpc_client_free(rpc_client *c)
{
    ns_framer_free(&c->in);
    ns_writer_free(&c->request);
    ns_writer_free(&c->reply);
}

/* ---- Ends of an association ---- */

static int end(rpc_client *c, int rc)
{
    c->state = RPC_STATE_DEAD;
    return rc;
}

static int out_of(rpc_client *c, int code, netsession_error *err)
{
    return end(c, ns_fail_code(err, code, NS_LAYER_RPC));
}

/* Windows returns RPC_S_PROTOCOL_ERROR to its caller: [MS-RPCE] note 113. */
static int broke(rpc_client *c, netsession_error *err, const char *rule)
{
    return end(c,
               ns_fail_named(err, NETSESSION_E_PROTOCOL, NS_LAYER_RPC, "RPC_S_PROTOCOL_ERROR",
                             1728, 1728, "the server broke the RPC protocol: %s", rule));
}

static int unexpected(rpc_client *c, netsession_error *err, uint8_t ptype)
{
    return end(c, ns_fail_named(err, NETSESSION_E_PROTOCOL, NS_LAYER_RPC,
                                "RPC_S_PROTOCOL_ERROR", 1728, 1728,
                                "the server broke the RPC protocol: PDU type %u (%s) does not "
                                "fit here",
                                (unsigned)ptype, rpc_ptype_name(ptype)));
}

static int refused(rpc_client *c, netsession_error *err, const rpc_reason *why, unsigned value)
{
    return end(c, ns_fail_named(err, NETSESSION_E_REFUSED, NS_LAYER_RPC, why->name, value,
                                why->win32, "the server refused the bind (%s %u): %s",
                                why->name, value, why->text));
}

/* ---- Sending ---- */

int rpc_client_bind(rpc_client *c, ns_writer *out, netsession_error *err)
{
    if (c->state != RPC_STATE_UNBOUND)
        return ns_fail_code(err, NETSESSION_E_STATE, NS_LAYER_RPC);
    c->call_id = c->next_id;
    rpc_put_bind(out, c->call_id, &c->offer.bind);
    if (out->err)
        return out_of(c, out->err, err);
    c->state = RPC_STATE_BINDING;
    return 0;
}

int rpc_client_call(rpc_client *c, uint16_t opnum, const uint8_t *stub, size_t len,
                    netsession_error *err)
{
    if (c->state != RPC_STATE_BOUND || c->next_id > RPC_LAST_CALL_ID)
        return ns_fail_code(err, NETSESSION_E_STATE, NS_LAYER_RPC);
    ns_writer_reset(&c->reply);
    ns_writer_reset(&c->request);
    ns_put(&c->request, stub, len);
    if (c->request.err)
        return ns_fail_code(err, c->request.err, NS_LAYER_RPC);
    c->call_id = c->next_id++;
    c->opnum = opnum;
    c->sent = 0;
    c->state = RPC_STATE_SENDING;
    return 0;
}

/* Every fragment but the last carries a multiple of 8 bytes: [C706] 12.6.2. */
static size_t fragment_size(const rpc_client *c, size_t left)
{
    size_t room = c->max_xmit - RPC_REQUEST_SIZE;

    return left <= room ? left : room & ~(size_t)7;
}

/* The fragment that is next. */
static rpc_request next_request(const rpc_client *c)
{
    size_t left = c->request.len - c->sent;

    return (rpc_request){.alloc_hint = (uint32_t)left,
                         .context_id = c->context,
                         .opnum = c->opnum,
                         .stub = c->request.p + c->sent,
                         .len = fragment_size(c, left)};
}

int rpc_client_next_fragment(rpc_client *c, ns_writer *out, netsession_error *err)
{
    rpc_request req;
    unsigned flags = c->sent ? 0 : RPC_FIRST_FRAG;

    if (c->state != RPC_STATE_SENDING)
        return ns_fail_code(err, NETSESSION_E_STATE, NS_LAYER_RPC);
    req = next_request(c);
    if (req.len == req.alloc_hint)
        flags |= RPC_LAST_FRAG;
    rpc_put_request(out, flags, c->call_id, &req);
    if (out->err)
        return out_of(c, out->err, err);
    c->sent += req.len;
    if (flags & RPC_LAST_FRAG)
        c->state = RPC_STATE_CALLING;
    return !(flags & RPC_LAST_FRAG);
}

/* ---- What may come ---- */

typedef int rpc_handler(rpc_client *c, const rpc_header *h, ns_reader *r,
                        netsession_error *err);

static int on_bind_ack(rpc_client *c, const rpc_header *h, ns_reader *r, netsession_error *err)
{
    rpc_bind_ack ack;
    const char *rule = rpc_get_bind_ack(r, &ack);
    size_t chosen;

    if (!rule)
        rule = rpc_check_ack(&c->offer, h, &ack);
    if (rule)
        return broke(c, err, rule);
    chosen = rpc_accepted(&ack);
    if (chosen == ack.count)
        return refused(c, err, rpc_reject_reason(ack.context[0].reason), ack.context[0].reason);
    c->context = (uint16_t)chosen;
    c->max_xmit = ack.max_recv;
    c->max_recv = ack.max_xmit;
    c->state = RPC_STATE_BOUND;
    return RPC_BOUND;
}

static int on_bind_nak(rpc_client *c, const rpc_header *h, ns_reader *r, netsession_error *err)
{
    rpc_bind_nak nak;
    const char *rule = rpc_get_bind_nak(r, &nak);

    (void)h;
    return rule ? broke(c, err, rule) : refused(c, err, rpc_nak_reason(nak.reason), nak.reason);
}

/* Since each fragment before the last must carry something, an empty reply is
 * one that has not begun. */
static const char *check_response(const rpc_client *c, const rpc_header *h,
                                  const rpc_response *rsp)
{
    bool first = h->flags & RPC_FIRST_FRAG;
    bool begun = c->reply.len > 0;

    if (rsp->context_id != c->context)
        return "a response is for another presentation context";
    if (first == begun)
        return begun ? "a response begins twice" : "a response has no first fragment";
    if (!(h->flags & RPC_LAST_FRAG) && !rsp->len)
        return "a fragment before the last is empty";
    return NULL;
}

static int on_response(rpc_client *c, const rpc_header *h, ns_reader *r, netsession_error *err)
{
    rpc_response rsp;
    const char *rule = rpc_get_response(r, &rsp);

    if (!rule)
        rule = check_response(c, h, &rsp);
    if (rule)
        return broke(c, err, rule);
    ns_put(&c->reply, rsp.stub, rsp.len);
    if (c->reply.err == NETSESSION_E_LIMIT)
        return end(c, ns_fail(err, NETSESSION_E_LIMIT, NS_LAYER_RPC,
                              "the reply is longer than the %zu bytes allowed", c->reply.max));
    if (c->reply.err)
        return out_of(c, c->reply.err, err);
    if (!(h->flags & RPC_LAST_FRAG))
        return RPC_MORE;
    c->state = RPC_STATE_BOUND;
    return RPC_REPLY;
}

/* A fault may come before the whole request is out ([MS-RPCE] 3.3.3.5.8).
 * The call is then left half sent, and nothing can follow it; nor after a
 * protocol error, the server having given up: 3.3.3.5.7. */
static int on_fault(rpc_client *c, const rpc_header *h, ns_reader *r, netsession_error *err)
{
    bool whole = c->state == RPC_STATE_CALLING;
    rpc_fault fault;
    const char *rule = rpc_get_fault(r, &fault);

    (void)h;
    if (!rule && rpc_status_forbidden(fault.status))
        rule = "a fault has a status that servers must not send";
    if (rule)
        return broke(c, err, rule);
    ns_writer_reset(&c->reply);
    c->state = whole && fault.status != RPC_FAULT_PROTOCOL ? RPC_STATE_BOUND : RPC_STATE_DEAD;
    return ns_fail_rpc(err, fault.status, "remote procedure call");
}

static const struct {
    enum rpc_state state;
    enum rpc_ptype ptype;
    rpc_handler *handle;
} rows[] = {
    {RPC_STATE_BINDING, RPC_BIND_ACK, on_bind_ack},
    {RPC_STATE_BINDING, RPC_BIND_NAK, on_bind_nak},
    {RPC_STATE_SENDING, RPC_FAULT, on_fault},
    {RPC_STATE_CALLING, RPC_FAULT, on_fault},
    {RPC_STATE_CALLING, RPC_RESPONSE, on_response},
};

static rpc_handler *find_handler(enum rpc_state state, uint8_t ptype)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].state == state && rows[i].ptype == ptype)
            return rows[i].handle;
    return NULL;
}

/* ---- Receiving ---- */

/* What holds for every PDU of the association. */
static const char *check_pdu(rpc_client *c, const rpc_header *h)
{
    if (!c->heard)
        c->big = h->big;
    c->heard = true;
    if (h->big != c->big)
        return "the byte order has changed";
    if (h->auth_length)
        return "a PDU has an auth verifier though none was negotiated";
    if (h->frag_length > c->max_recv)
        return "a fragment is longer than agreed";
    if (h->call_id != c->call_id)
        return "a PDU belongs to another call";
    return NULL;
}

/* The complete PDU in the framer. */
static int dispatch(rpc_client *c, netsession_error *err)
{
    ns_reader r = ns_reader_of(c->in.buf.p, c->in.buf.len);
    rpc_header h;
    rpc_handler *handle;
    const char *rule;

    (void)rpc_get_header(&r, &h); /* the framer has checked it */
    rule = check_pdu(c, &h);
    if (rule)
        return broke(c, err, rule);
    handle = find_handler(c->state, h.ptype);
    return handle ? handle(c, &h, &r, err) : unexpected(c, err, h.ptype);
}

/* Why the framer refused the header it has. */
static const char *bad_header(const rpc_client *c)
{
    ns_reader r = ns_reader_of(c->in.buf.p, c->in.buf.len);
    rpc_header h;
    const char *rule = rpc_get_header(&r, &h);

    return rule ? rule : "a fragment is longer than was offered";
}

/* As many of the bytes as belong to the PDU that is coming in. */
static int take(rpc_client *c, const uint8_t **bytes, size_t *len, netsession_error *err)
{
    size_t n;
    void *room = ns_framer_room(&c->in, &n);
    int rc;

    if (!room)
        return out_of(c, NETSESSION_E_MEMORY, err);
    n = n < *len ? n : *len;
    memcpy(room, *bytes, n);
    *bytes += n;
    *len -= n;
    rc = ns_framer_ack(&c->in, n);
    if (rc < 0)
        return broke(c, err, bad_header(c));
    if (rc == 0)
        return RPC_MORE;
    rc = dispatch(c, err);
    ns_framer_next(&c->in);
    return rc;
}

/* Is there anything out that the server can answer? */
static bool expecting(const rpc_client *c)
{
    return c->state == RPC_STATE_BINDING || c->state == RPC_STATE_CALLING ||
           (c->state == RPC_STATE_SENDING && c->sent);
}

int rpc_client_input(rpc_client *c, const uint8_t *bytes, size_t len, netsession_error *err)
{
    int rc = RPC_MORE;

    if (c->state == RPC_STATE_DEAD)
        return ns_fail_code(err, NETSESSION_E_STATE, NS_LAYER_RPC);
    while (len && rc == RPC_MORE && expecting(c))
        rc = take(c, &bytes, &len, err);
    if (len && c->state != RPC_STATE_DEAD)
        return broke(c, err, "it sent bytes that answer nothing");
    return rc;
}

/* ---- What came of it ---- */

ns_reader rpc_client_reply(const rpc_client *c)
{
    ns_reader r = ns_reader_of(c->reply.p, c->reply.len);

    r.big = c->big;
    return r;
}

bool rpc_client_usable(const rpc_client *c)
{
    return c->state == RPC_STATE_BOUND;
}

bool rpc_client_ndr64(const rpc_client *c)
{
    return c->offer.transfer[c->context]->bit == NETSESSION_NDR64;
}

const char *rpc_client_syntax_name(const rpc_client *c)
{
    return c->offer.transfer[c->context]->name;
}
