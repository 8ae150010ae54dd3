#include "dcerpc/server.h"

#include <string.h>

#include "dcerpc/negotiate.h"

/* The longest PDU taken, and the longest fragment agreed to: Windows' limit
 * on a pipe. */
#define MAX_FRAG 4280u

/* A service that fills this has run away. */
#define MAX_REPLY (64u << 20)

/* What a client may write while a message waits for it: the longest request,
 * and the headers of its fragments. */
#define MAX_BACKLOG (RPC_MAX_REQUEST + (1u << 20))

/* Fragments that are late by less than this belong to a call given up:
 * [MS-RPCE] 3.3.3.5.6. */
#define LATE 150u

void rpc_server_init(rpc_server *s, const netsession_hooks *hooks, const rpc_service *services,
                     size_t count, unsigned syntaxes, uint32_t assoc_group)
{
    *s = (rpc_server){
        .assoc_group = assoc_group,
        .contexts = {.services = services, .service_count = count, .syntaxes = syntaxes}};
    ns_framer_init(&s->in, hooks, RPC_HEADER_SIZE, rpc_pdu_length, MAX_FRAG);
    ns_writer_init(&s->request, hooks, RPC_MAX_REQUEST);
    ns_writer_init(&s->reply, hooks, MAX_REPLY);
    ns_writer_init(&s->backlog, hooks, MAX_BACKLOG);
    ns_writer_init(&s->out, hooks, MAX_FRAG);
}

void rpc_server_free(rpc_server *s)
{
    ns_framer_free(&s->in);
    ns_writer_free(&s->request);
    ns_writer_free(&s->reply);
    ns_writer_free(&s->backlog);
    ns_writer_free(&s->out);
}

/* Gives the memory back as well: an idle pipe must not hold megabytes. */
static void discard(ns_writer *w)
{
    ns_writer_free(w);
    ns_writer_reset(w);
}

static void end(rpc_server *s)
{
    s->state = RPC_SERVER_ENDED;
    discard(&s->request);
    discard(&s->backlog);
    s->worked = 0;
}

/* Out of memory: not even what waits is whole. */
static void fail(rpc_server *s, int rc)
{
    end(s);
    discard(&s->reply);
    discard(&s->out);
    s->call = RPC_SERVER_IDLE;
    s->err = rc;
}

/* ---- Answers that are no reply ---- */

static void nak(rpc_server *s, const rpc_header *h, uint16_t reason)
{
    rpc_put_bind_nak(&s->out, h->call_id, reason);
    end(s);
}

static void fault(rpc_server *s, unsigned flags, uint32_t call_id, uint16_t context_id,
                  uint32_t status)
{
    rpc_put_fault(&s->out, flags, call_id,
                  &(rpc_fault){.status = status, .context_id = context_id});
}

/* The context id is 0 where Windows has not looked for the context yet. */
static void fatal(rpc_server *s, uint32_t call_id, uint16_t context_id, uint32_t status)
{
    fault(s, 0, call_id, context_id, status);
    end(s);
}

/* [MS-RPCE] 2.2.2.5 and 3.3.3.5.7. */
static void broke(rpc_server *s, const rpc_header *h)
{
    if (s->state == RPC_SERVER_UNBOUND)
        nak(s, h, RPC_NAK_PROTOCOL);
    else
        fatal(s, h->call_id, 0, RPC_FAULT_PROTOCOL);
}

/* ---- bind, alter_context ---- */

/* h: of a bind with an auth verifier ([MS-RPCE] 2.2.2.11).  There is no
 * security provider to give it to, 3.3.3.5.3; yet levels that do not exist, or
 * that mean none, get another answer from Windows. */
static uint16_t auth_refusal(const rpc_header *h, const ns_reader *r)
{
    size_t size = h->auth_length + 8u;
    uint8_t level;

    if (size > ns_left(r))
        return RPC_NAK_PROTOCOL;
    level = r->base[r->len - size + 1];
    return level >= 2 && level <= 6 ? RPC_NAK_AUTH_TYPE : RPC_NAK_UNSPECIFIED;
}

/* One number for both directions, as Windows answers. */
static uint16_t agree(const rpc_bind_head *head)
{
    unsigned n = head->max_xmit < head->max_recv ? head->max_xmit : head->max_recv;

    n = n < MAX_FRAG ? n : MAX_FRAG;
    n = n > RPC_MIN_FRAG ? n : RPC_MIN_FRAG;
    return (uint16_t)(n & ~7u);
}

/* The address is that of the interface asked for; of any, if it is unknown. */
static const char *address(const rpc_server *s, const rpc_results *results)
{
    if (results->service)
        return results->service->secondary_address;
    return s->contexts.service_count ? s->contexts.services[0].secondary_address : NULL;
}

static void put_ack(rpc_server *s, enum rpc_ptype ptype, unsigned flags, const rpc_header *h,
                    const rpc_results *results)
{
    rpc_bind_head head = {s->max_frag, s->max_frag, s->assoc_group, (uint8_t)results->count};
    size_t start = rpc_begin_ack(&s->out, ptype, RPC_WHOLE | (h->flags & flags), h->call_id,
                                 &head, ptype == RPC_BIND_ACK ? address(s, results) : NULL);

    for (size_t i = 0; i < results->count; i++)
        rpc_put_result(&s->out, &results->result[i]);
    rpc_end_pdu(&s->out, start);
}

typedef int rpc_server_handler(rpc_server *s, const rpc_header *h, ns_reader *r);

/* False when it was refused. */
static bool take_bind(rpc_server *s, const rpc_header *h, ns_reader *r, rpc_bind_head *head,
                      rpc_results *results)
{
    const rpc_refusal *why;

    rpc_get_bind_head(r, head);
    if (r->bad)
        nak(s, h, RPC_NAK_PROTOCOL);
    else if (h->auth_length)
        nak(s, h, auth_refusal(h, r));
    else if (head->assoc_group && head->assoc_group != s->assoc_group)
        nak(s, h, RPC_NAK_UNSPECIFIED);
    else if ((why = rpc_accept(&s->contexts, r, head->count, true, results)) != NULL)
        nak(s, h, why->nak);
    else
        return true;
    return false;
}

/* Header signing is agreed to even where there is nothing to sign: so does
 * Windows. */
static int on_bind(rpc_server *s, const rpc_header *h, ns_reader *r)
{
    rpc_bind_head head;
    rpc_results results;

    if (!take_bind(s, h, r, &head, &results))
        return 0;
    s->max_frag = agree(&head);
    s->multiplexed = h->flags & RPC_CONC_MPX;
    s->orphans = results.features & RPC_KEEP_ON_ORPHAN;
    s->state = RPC_SERVER_BOUND;
    put_ack(s, RPC_BIND_ACK, RPC_SUPPORT_HEADER_SIGN | RPC_CONC_MPX, h, &results);
    return 0;
}

static int on_second_bind(rpc_server *s, const rpc_header *h, ns_reader *r)
{
    (void)r;
    nak(s, h, RPC_NAK_UNSPECIFIED);
    return 0;
}

/* Sizes and group are those of the bind, whatever is said here. */
static int on_alter(rpc_server *s, const rpc_header *h, ns_reader *r)
{
    static const rpc_refusal denied = {0, RPC_FAULT_DENIED};
    static const rpc_refusal truncated = {0, RPC_FAULT_PROTOCOL};
    rpc_bind_head head;
    rpc_results results;
    const rpc_refusal *why = NULL;

    rpc_get_bind_head(r, &head);
    if (r->bad)
        why = &truncated;
    else if (h->auth_length)
        why = &denied;
    else
        why = rpc_accept(&s->contexts, r, head.count, false, &results);
    if (!why) {
        put_ack(s, RPC_ALTER_CONTEXT_RESP, RPC_SUPPORT_HEADER_SIGN, h, &results);
        return 0;
    }
    fault(s, RPC_DID_NOT_EXECUTE, h->call_id, 0, why->fault);
    end(s);
    return 0;
}

/* ---- The reply ---- */

/* Cuts the next fragment.  All but the last carry a multiple of 8 bytes:
 * [C706] 12.6.2; max_frag and the header are such multiples. */
static void put_fragment(rpc_server *s)
{
    size_t left = s->reply.len - s->sent;
    size_t room = s->max_frag - RPC_REQUEST_SIZE;
    unsigned flags = s->sent ? 0 : RPC_FIRST_FRAG;
    rpc_response rsp = {.alloc_hint = (uint32_t)left,
                        .context_id = s->context->id,
                        .stub = s->reply.p + s->sent,
                        .len = left < room ? left : room};

    if (rsp.len == left)
        flags |= RPC_LAST_FRAG;
    rpc_put_response(&s->out, flags, s->call_id, &rsp);
    s->sent += rsp.len;
    if (!(flags & RPC_LAST_FRAG))
        return;
    s->call = RPC_SERVER_IDLE;
    discard(&s->reply);
}

static int reply(rpc_server *s)
{
    ns_put(&s->reply, NULL, 0); /* there is a pointer, even to an empty stub */
    if (s->reply.err)
        return s->reply.err;
    s->call = RPC_SERVER_REPLYING;
    s->sent = 0;
    put_fragment(s);
    return 0;
}

static void reply_fault(rpc_server *s, uint32_t status)
{
    if (rpc_status_forbidden(status))
        status = RPC_FAULT_UNSPECIFIED;
    fault(s, status == RPC_FAULT_OP_RANGE ? RPC_DID_NOT_EXECUTE : 0, s->call_id, s->context->id,
          status);
    s->call = RPC_SERVER_IDLE;
    discard(&s->reply);
}

/* The request is whole. */
static int dispatch(rpc_server *s)
{
    const rpc_service *service = s->context->service;
    rpc_call call = {.opnum = s->opnum,
                     .stub = ns_reader_of(s->request.p, s->request.len),
                     .ndr64 = s->context->syntax == NETSESSION_NDR64,
                     .big = s->big};
    uint32_t status = 0;
    int rc;

    call.stub.big = s->big;
    rc = service->call(service->ctx, &call, &s->reply, &status);
    discard(&s->request);
    if (rc || s->reply.err == NETSESSION_E_MEMORY)
        return NETSESSION_E_MEMORY;
    if (!status && s->reply.err)
        status = RPC_FAULT_OUT_TOO_BIG;
    if (!status)
        return reply(s);
    reply_fault(s, status);
    return 0;
}

/* ---- The request ---- */

/* Space is not made by the hint, and of a request that comes in one piece it
 * is not even looked at: so Windows, against [MS-RPCE] 2.2.2.6. */
static bool too_long(const rpc_server *s, const rpc_header *h, const rpc_request *req)
{
    size_t more = req->alloc_hint > req->len ? req->alloc_hint : req->len;

    return (h->flags & RPC_WHOLE) != RPC_WHOLE && more > RPC_MAX_REQUEST - s->request.len;
}

static int collect(rpc_server *s, const rpc_header *h, const rpc_request *req)
{
    if (too_long(s, h, req)) { /* [MS-RPCE] 3.3.3.5.4 */
        fatal(s, s->call_id, s->context->id, RPC_FAULT_DENIED);
        return 0;
    }
    ns_put(&s->request, req->stub, req->len);
    if (s->request.err)
        return NETSESSION_E_MEMORY;
    s->call = RPC_SERVER_COLLECTING;
    return h->flags & RPC_LAST_FRAG ? dispatch(s) : 0;
}

/* A PDU that does not continue the request of which the last fragment is
 * missing.  Windows faults that request; where calls may overlap, the PDU. */
static void interrupted(rpc_server *s, const rpc_header *h)
{
    if (s->multiplexed && h->call_id != s->call_id)
        fatal(s, h->call_id, 0, RPC_FAULT_PROTOCOL);
    else
        fatal(s, s->call_id, s->context->id, RPC_FAULT_PROTOCOL);
}

/* The call fails, the association does not; the rest of the request is yet to
 * come and is dropped ([MS-RPCE] 3.3.3.5.8). */
static void unknown_context(rpc_server *s, const rpc_header *h)
{
    fault(s, RPC_DID_NOT_EXECUTE, h->call_id, 0, RPC_FAULT_UNKNOWN_IF);
    s->call = h->flags & RPC_LAST_FRAG ? RPC_SERVER_IDLE : RPC_SERVER_DROPPING;
}

/* A number may be used again, but not a lower one: [MS-RPCE] 3.3.3.5.2. */
static bool call_id_valid(const rpc_server *s, uint32_t id)
{
    return id >= s->last_id && id <= RPC_LAST_CALL_ID;
}

static int first_fragment(rpc_server *s, const rpc_header *h, const rpc_request *req)
{
    if (s->call == RPC_SERVER_COLLECTING) {
        interrupted(s, h);
    } else if (h->flags & RPC_PENDING_CANCEL) {
        fault(s, RPC_DID_NOT_EXECUTE, h->call_id, 0, RPC_FAULT_NO_CALL);
        end(s);
    } else if (!call_id_valid(s, h->call_id)) {
        broke(s, h);
    } else {
        s->last_id = s->call_id = h->call_id;
        s->opnum = req->opnum;
        s->big = h->big;
        s->context = rpc_find_context(&s->contexts, req->context_id);
        if (!s->context)
            unknown_context(s, h);
        else if (h->big && s->context->syntax == NETSESSION_NDR64)
            broke(s, h); /* little-endian only: [MS-RPCE] 2.2.5 */
        else
            return collect(s, h, req);
    }
    return 0;
}

/* The first fragment is missing; perhaps its call was given up. */
static void stray_fragment(rpc_server *s, const rpc_header *h)
{
    if (h->call_id >= s->last_id || s->last_id - h->call_id >= LATE)
        broke(s, h);
}

static int later_fragment(rpc_server *s, const rpc_header *h, const rpc_request *req)
{
    if (s->call == RPC_SERVER_DROPPING && h->call_id == s->call_id) {
        if (h->flags & RPC_LAST_FRAG)
            s->call = RPC_SERVER_IDLE;
    } else if (s->call != RPC_SERVER_COLLECTING) {
        stray_fragment(s, h);
    } else if (h->call_id != s->call_id || req->context_id != s->context->id ||
               req->opnum != s->opnum || h->big != s->big) {
        interrupted(s, h);
    } else {
        return collect(s, h, req);
    }
    return 0;
}

static int on_request(rpc_server *s, const rpc_header *h, ns_reader *r)
{
    rpc_request req;

    if (rpc_get_request(r, h, &req))
        broke(s, h);
    else if (h->auth_length) /* no security context was negotiated */
        fatal(s, h->call_id, req.context_id, RPC_FAULT_DENIED);
    else
        return h->flags & RPC_FIRST_FRAG ? first_fragment(s, h, &req)
                                         : later_fragment(s, h, &req);
    return 0;
}

/* ---- Everything else ---- */

/* A call that runs is over before its cancellation can be read. */
static int on_cancel(rpc_server *s, const rpc_header *h, ns_reader *r)
{
    (void)s;
    (void)h;
    (void)r;
    return 0;
}

/* The client has given up a request half sent ([C706] 12.6.4.8).  Windows
 * ignores that; but where the two have agreed that the connection lives on,
 * [MS-RPCE] 3.3.1.5.10, the next call must not find the old one in its way. */
static int on_orphaned(rpc_server *s, const rpc_header *h, ns_reader *r)
{
    (void)r;
    if (s->orphans && s->call == RPC_SERVER_COLLECTING && h->call_id == s->call_id) {
        discard(&s->request);
        s->call = RPC_SERVER_DROPPING;
    }
    return 0;
}

static const struct {
    enum rpc_server_state state;
    enum rpc_ptype ptype;
    rpc_server_handler *handle;
} rows[] = {
    {RPC_SERVER_UNBOUND, RPC_BIND, on_bind},
    {RPC_SERVER_BOUND, RPC_BIND, on_second_bind},
    {RPC_SERVER_BOUND, RPC_ALTER_CONTEXT, on_alter},
    {RPC_SERVER_BOUND, RPC_REQUEST, on_request},
    {RPC_SERVER_BOUND, RPC_CO_CANCEL, on_cancel},
    {RPC_SERVER_BOUND, RPC_ORPHANED, on_orphaned},
};

static rpc_server_handler *find_handler(enum rpc_server_state state, uint8_t ptype)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].state == state && rows[i].ptype == ptype)
            return rows[i].handle;
    return NULL;
}

/* ---- Input ---- */

/* The PDU in the framer; whole says whether it is one, or only a header that
 * the framer refused. */
static int handle_pdu(rpc_server *s, bool whole)
{
    ns_reader r = ns_reader_of(s->in.buf.p, s->in.buf.len);
    rpc_header h;
    rpc_server_handler *handle;
    int rc;

    if (rpc_get_header(&r, &h))
        whole = false;
    handle = find_handler(s->state, h.ptype);
    if (whole && handle) {
        rc = handle(s, &h, &r);
        return rc ? rc : s->out.err;
    }
    broke(s, &h);
    return s->out.err;
}

/* As many of the bytes as belong to the PDU that is coming in. */
static int take(rpc_server *s, const uint8_t **bytes, size_t *len)
{
    size_t n;
    void *room = ns_framer_room(&s->in, &n);
    int rc;

    if (!room)
        return NETSESSION_E_MEMORY;
    n = n < *len ? n : *len;
    memcpy(room, *bytes, n);
    *bytes += n;
    *len -= n;
    rc = ns_framer_ack(&s->in, n);
    if (!rc)
        return 0;
    rc = handle_pdu(s, rc > 0);
    ns_framer_next(&s->in);
    return rc;
}

/* As many of the bytes as can be worked on now.  After an end the rest is
 * swallowed. */
static void work(rpc_server *s, const uint8_t **bytes, size_t *len)
{
    int rc = 0;

    while (*len && !rc && s->state != RPC_SERVER_ENDED && !s->out.len)
        rc = take(s, bytes, len);
    if (rc)
        fail(s, rc);
    if (s->state == RPC_SERVER_ENDED)
        *len = 0;
}

/* A client that writes on and on without reading is cut off. */
static void keep(rpc_server *s, const uint8_t *bytes, size_t len)
{
    ns_put(&s->backlog, bytes, len);
    if (s->backlog.err == NETSESSION_E_MEMORY)
        fail(s, s->backlog.err);
    else if (s->backlog.err)
        end(s);
}

int rpc_server_input(rpc_server *s, const uint8_t *bytes, size_t len)
{
    if (s->state == RPC_SERVER_ENDED)
        return s->err;
    work(s, &bytes, &len); /* nothing, if a message waits; then there may be a backlog */
    if (len)
        keep(s, bytes, len);
    return s->err;
}

/* ---- Output ---- */

const uint8_t *rpc_server_output(const rpc_server *s, size_t *len)
{
    *len = s->out.len - s->read;
    return *len ? s->out.p + s->read : NULL;
}

/* What came in the meantime. */
static void work_backlog(rpc_server *s)
{
    const uint8_t *p = s->backlog.p + s->worked;
    size_t len = s->backlog.len - s->worked;

    work(s, &p, &len);
    s->worked = s->backlog.len - len;
    if (!len) {
        discard(&s->backlog);
        s->worked = 0;
    }
}

void rpc_server_output_ack(rpc_server *s, size_t len)
{
    s->read += len;
    if (s->read < s->out.len)
        return;
    ns_writer_reset(&s->out);
    s->read = 0;
    if (s->call == RPC_SERVER_REPLYING)
        put_fragment(s); /* needs no memory: no fragment is longer than the first */
    else if (s->backlog.len)
        work_backlog(s);
}

bool rpc_server_ended(const rpc_server *s)
{
    return s->state == RPC_SERVER_ENDED;
}
