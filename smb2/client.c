#include "smb2/client.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"

#define TRANSPORT_LEN 4
#define TRANSPORT_MAX 0xFFFFFFu
#define NEXT_AT       20
/* A reply is one read of the pipe, or a handshake message, with headers. */
#define FRAME_SLACK    131072u
#define MAX_CREDITS    65535u
#define WANTED_CREDITS 32u
#define MAX_CHAIN      16

/* ---- Errors ---- */

int smb2_fail(smb2_client *c, int code, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return ns_fail(c->err, code, NS_LAYER_SMB2, "%s", text);
}

int smb2_fail_status(smb2_client *c, int code, const smb2_reply *reply, const char *what)
{
    return ns_fail_ntstatus(c->err, code, NS_LAYER_SMB2, reply->header.status, what);
}

static void trace(const smb2_client *c, char way, const smb2_header *h, bool encrypted)
{
    bool response = (h->flags & SMB2_FLAG_RESPONSE) != 0;
    char line[160];

    snprintf(line, sizeof line, "smb2 %c %s %" PRIu64 "%s%s%s%s%s", way,
             smb2_command_name(h->command), h->message_id, response ? " " : "",
             response ? ns_ntstatus_name(h->status) : "",
             h->flags & SMB2_FLAG_RELATED ? " related" : "",
             h->flags & SMB2_FLAG_SIGNED ? " signed" : "", encrypted ? " encrypted" : "");
    c->hooks->log(c->hooks->ctx, 2, line);
}

/* ---- Life ---- */

/* Direct TCP, 2.1: a zero byte and a 24-bit length. */
static int transport_length(const uint8_t *header, size_t *total)
{
    size_t len = (size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3];

    *total = TRANSPORT_LEN + len;
    return header[0] || len < SMB2_HEADER_LEN ? NETSESSION_E_PROTOCOL : 0;
}

void smb2_client_init(smb2_client *c, const netsession_hooks *hooks, const smb2_config *cfg,
                      auth_client *auth, netsession_error *err)
{
    *c = (smb2_client){.hooks = hooks, .cfg = cfg, .auth = auth, .err = err, .credits = 1};
    ns_writer_init(&c->hint, hooks, UINT16_MAX);
    ns_framer_init(&c->in, hooks, TRANSPORT_LEN, transport_length, cfg->io_size + FRAME_SLACK);
    ns_writer_init(&c->out, hooks, TRANSPORT_MAX);
    ns_writer_init(&c->frame, hooks, TRANSPORT_MAX - SMB2_TRANSFORM_LEN - TRANSPORT_LEN);
    ns_writer_init(&c->first, hooks, TRANSPORT_MAX);
    ns_writer_init(&c->held, hooks, TRANSPORT_MAX);
}

void smb2_client_free(smb2_client *c)
{
    ns_framer_free(&c->in);
    ns_writer_free(&c->out);
    ns_writer_free(&c->frame);
    ns_writer_free(&c->first);
    ns_writer_free(&c->held);
    ns_writer_free(&c->hint);
    ns_wipe(&c->keys, sizeof c->keys);
}

int smb2_client_start(smb2_client *c, const uint8_t *first, size_t len)
{
    ns_put(&c->first, first, len);
    if (c->first.err)
        return ns_fail_code(c->err, c->first.err, NS_LAYER_SMB2);
    return smb2_logon_start(c);
}

bool smb2_client_waiting(const smb2_client *c)
{
    for (int i = 0; i < SMB2_MAX_REQUESTS; i++)
        if (c->requests[i].done)
            return true;
    return false;
}

unsigned smb2_credits_left(const smb2_client *c)
{
    return c->credits;
}

/* ---- Sending ---- */

/* 3.1.5.2; a dialect without multi-credit requests sends 0 and costs 1. */
static uint16_t credit_charge(const smb2_client *c, uint32_t bulk)
{
    if (c->dialect < NETSESSION_SMB_2_1)
        return 0;
    if (!(c->server_capabilities & SMB2_CAP_LARGE_MTU) || !bulk)
        return 1;
    return (uint16_t)(1 + (bulk - 1) / 65536);
}

/* Enough for the largest message besides what is under way. */
static uint32_t wanted_credits(const smb2_client *c)
{
    return WANTED_CREDITS + (c->cfg->io_size - 1) / 65536;
}

static smb2_request *free_slot(smb2_client *c)
{
    for (int i = 0; i < SMB2_MAX_REQUESTS; i++)
        if (!c->requests[i].done)
            return &c->requests[i];
    return NULL;
}

/* Ends the element before, if there is one: 2.2.1.2 NextCommand. */
static void begin_element(smb2_client *c)
{
    if (c->frame.len) {
        ns_put_align(&c->frame, 0, 8);
        ns_set32(&c->frame, c->element + NEXT_AT, (uint32_t)(c->frame.len - c->element));
    }
    c->element = c->frame.len;
}

smb2_request *smb2_request_begin(smb2_client *c, unsigned command, smb2_done *done,
                                 uint32_t bulk, bool related)
{
    smb2_request *req = free_slot(c);
    uint16_t charge = credit_charge(c, bulk);
    uint16_t cost = charge ? charge : 1;
    smb2_header h = {.credit_charge = charge,
                     .command = (uint16_t)command,
                     .flags = related ? SMB2_FLAG_RELATED : 0,
                     .message_id = c->next_message_id,
                     .tree_id = related ? SMB2_RELATED_TREE : c->tree_id,
                     .session_id = related ? SMB2_RELATED_SESSION : c->session_id};

    if (!req || cost > c->credits)
        return NULL;
    h.credits =
        (uint16_t)(cost + (c->credits < wanted_credits(c) + cost ? wanted_credits(c) : 0));
    begin_element(c);
    smb2_header_put(&c->frame, &h);
    *req = (smb2_request){.done = done,
                          .message_id = h.message_id,
                          .max = bulk,
                          .command = h.command,
                          .related = related,
                          .secured = c->secured,
                          .encrypted = c->encrypting};
    c->next_message_id += cost;
    c->credits -= cost;
    return req;
}

/* Signs each element of the frame, padding included (3.1.4.1). */
static int sign_frame(smb2_client *c)
{
    size_t at = 0, next;
    int rc = 0;

    do {
        next = ns_le32(c->frame.p + at + NEXT_AT);
        if (c->secured && !c->encrypting)
            rc = smb2_sign(c->signing, c->keys.signing, c->frame.p + at,
                           next ? next : c->frame.len - at);
        at += next;
    } while (next && !rc);
    return rc;
}

static void trace_frame(const smb2_client *c)
{
    ns_reader r = ns_reader_of(c->frame.p, c->frame.len);
    smb2_header h;
    size_t at = 0;

    do {
        r.off = at;
        (void)smb2_header_get(&r, &h); /* our own */
        trace(c, '>', &h, c->encrypting);
        at += h.next;
    } while (h.next);
}

/* 3.2.4.1.8; keys are per session, so a counter never repeats a nonce. */
static int queue_frame(smb2_client *c)
{
    size_t at = c->out.len, len;
    int rc = 0;

    ns_put32(&c->out, 0);
    if (c->encrypting)
        rc = smb2_encrypt(c->cipher, c->keys.to_server, ++c->nonce, c->session_id, c->frame.p,
                          c->frame.len, &c->out);
    else
        ns_put(&c->out, c->frame.p, c->frame.len);
    len = c->out.len - at - TRANSPORT_LEN;
    if (!c->out.err)
        ns_store32be(c->out.p + at, (uint32_t)len);
    return rc ? rc : c->out.err;
}

/* Until there are keys, everything sent belongs to the preauth hash. */
static int send_frame(smb2_client *c)
{
    int rc = c->frame.err;

    if (!rc)
        rc = sign_frame(c);
    if (!rc && !c->secured)
        rc = smb2_preauth_update(c->preauth, c->frame.p, c->frame.len);
    if (!rc)
        rc = queue_frame(c);
    return rc;
}

/* What is queued behind other frames leaves in the same flight. */
int smb2_request_send(smb2_client *c, bool built)
{
    bool flight = !c->out.len;
    int rc;

    if (!built)
        return smb2_fail(c, NETSESSION_E_ARGUMENT, "a name is too long or not valid UTF-8");
    rc = send_frame(c);
    if (rc)
        return ns_fail_code(c->err, rc, NS_LAYER_SMB2);
    trace_frame(c);
    ns_writer_reset(&c->frame);
    c->exchanges += flight;
    return 0;
}

/* ---- Receiving ---- */

void *smb2_client_room(smb2_client *c, size_t *room)
{
    return ns_framer_room(&c->in, room);
}

static smb2_request *find_request(smb2_client *c, uint64_t message_id)
{
    for (int i = 0; i < SMB2_MAX_REQUESTS; i++)
        if (c->requests[i].done && c->requests[i].message_id == message_id)
            return &c->requests[i];
    return NULL;
}

static int grant_credits(smb2_client *c, const smb2_reply *reply)
{
    c->credits += reply->header.credits;
    if (c->credits > MAX_CREDITS)
        return smb2_fail(c, NETSESSION_E_PROTOCOL, "the server grants more credits than exist");
    return 0;
}

/* 3.2.5.1.5: an interim reply is never signed and settles nothing. */
static int on_interim(smb2_client *c, smb2_request *req, const smb2_reply *reply)
{
    if (!(reply->header.flags & SMB2_FLAG_ASYNC) || req->interim)
        return smb2_fail(c, NETSESSION_E_PROTOCOL,
                         "the server answers %s with a second or malformed STATUS_PENDING",
                         smb2_command_name(req->command));
    req->interim = true;
    req->async_id = reply->header.async_id;
    return grant_credits(c, reply);
}

static bool same_or_related(const smb2_request *req, uint64_t got, uint64_t want, uint64_t mark)
{
    return got == want || (req->related && got == mark);
}

/* 3.2.5.1: what the server echoes must be what was sent. */
static int check_echo(smb2_client *c, const smb2_request *req, const smb2_header *h)
{
    bool async = (h->flags & SMB2_FLAG_ASYNC) != 0;

    if (req->interim && (!async || h->async_id != req->async_id))
        return smb2_fail(c, NETSESSION_E_PROTOCOL, "the server changed the AsyncId of %s",
                         smb2_command_name(req->command));
    if (req->command <= SMB2_SESSION_SETUP)
        return 0;
    if (!same_or_related(req, h->session_id, c->session_id, SMB2_RELATED_SESSION))
        return smb2_fail(c, NETSESSION_E_SECURITY,
                         "the server answered %s for another session (SessionId 0x%" PRIx64 ")",
                         smb2_command_name(req->command), h->session_id);
    if (req->command <= SMB2_TREE_CONNECT || async)
        return 0;
    if (!same_or_related(req, h->tree_id, c->tree_id, SMB2_RELATED_TREE))
        return smb2_fail(c, NETSESSION_E_PROTOCOL, "the server answered %s for another tree",
                         smb2_command_name(req->command));
    return 0;
}

/* 3.2.5.1.3: whether a reply must be protected follows from its request, so
 * nothing that stands in the reply can talk its way out of it. */
static int check_protection(smb2_client *c, const smb2_request *req, smb2_reply *reply,
                            bool encrypted)
{
    const char *name = smb2_command_name(req->command);
    const char *status = ns_ntstatus_name(reply->header.status);
    int rc;

    if (!req->secured || encrypted)
        return 0;
    if (req->encrypted)
        return smb2_fail(c, NETSESSION_E_SECURITY,
                         "the reply to %s (%s) is not encrypted, though encryption was agreed; "
                         "somebody may have tampered with the connection",
                         name, status);
    if (!(reply->header.flags & SMB2_FLAG_SIGNED))
        return smb2_fail(c, NETSESSION_E_SECURITY,
                         "the reply to %s (%s) is not signed; it cannot be believed", name,
                         status);
    rc = smb2_verify(c->signing, c->keys.signing, reply->msg, reply->len);
    if (rc == NETSESSION_E_SECURITY)
        return smb2_fail(
            c, rc, "the signature of the reply to %s (%s) is wrong; it cannot be believed",
            name, status);
    return rc ? ns_fail_code(c->err, rc, NS_LAYER_SMB2) : 0;
}

static int on_answer(smb2_client *c, smb2_request *req, smb2_reply *reply, bool encrypted)
{
    smb2_request answered = *req;
    int rc = check_protection(c, req, reply, encrypted);

    if (!rc)
        rc = check_echo(c, req, &reply->header);
    if (!rc)
        rc = grant_credits(c, reply);
    if (rc)
        return rc;
    req->done = NULL;
    reply->request = &answered;
    return answered.done(c, reply);
}

/* 3.2.5.19: breaks of oplocks that were never held, and notifications. */
static int on_unsolicited(smb2_client *c, const smb2_header *h)
{
    if (h->command == SMB2_OPLOCK_BREAK || h->command == SMB2_NOTIFICATION)
        return 0;
    return smb2_fail(c, NETSESSION_E_PROTOCOL, "the server sent %s without being asked",
                     smb2_command_name(h->command));
}

static int on_element(smb2_client *c, smb2_reply *reply, bool encrypted)
{
    const smb2_header *h = &reply->header;
    smb2_request *req;

    trace(c, '<', h, encrypted);
    if (!(h->flags & SMB2_FLAG_RESPONSE))
        return smb2_fail(c, NETSESSION_E_PROTOCOL, "the server sent a request");
    if (h->message_id == SMB2_UNSOLICITED)
        return on_unsolicited(c, h);
    req = find_request(c, h->message_id);
    if (!req || req->command != h->command)
        return smb2_fail(c, NETSESSION_E_PROTOCOL,
                         "the server answered %s, MessageId %" PRIu64
                         ", which is not waited for",
                         smb2_command_name(h->command), h->message_id);
    if (req->encrypted && !encrypted)
        return check_protection(c, req, reply, encrypted);
    return h->status == STATUS_PENDING ? on_interim(c, req, reply)
                                       : on_answer(c, req, reply, encrypted);
}

/* One element at msg; *next: where the next starts, 0 after the last. */
static int split_element(smb2_client *c, uint8_t *msg, size_t len, smb2_reply *reply,
                         size_t *next)
{
    ns_reader r = ns_reader_of(msg, len);
    bool ok = smb2_header_get(&r, &reply->header);

    *next = reply->header.next;
    if (!ok || (*next && (*next % 8 || *next < SMB2_HEADER_LEN + 2 || *next >= len)))
        return smb2_fail(c, NETSESSION_E_PROTOCOL, "the server sent a malformed SMB2 header");
    reply->msg = msg;
    reply->len = *next ? *next : len;
    reply->body = ns_reader_of(msg, reply->len);
    return 0;
}

static int on_message(smb2_client *c, uint8_t *msg, size_t len, bool encrypted)
{
    smb2_reply reply;
    size_t next = 0;
    int rc;

    for (int i = 0; i < MAX_CHAIN; i++) {
        rc = split_element(c, msg, len, &reply, &next);
        if (!rc)
            rc = on_element(c, &reply, encrypted);
        if (rc || !next)
            return rc;
        msg += next;
        len -= next;
    }
    return smb2_fail(c, NETSESSION_E_PROTOCOL, "the server sent more than %d replies in one",
                     MAX_CHAIN);
}

static int on_encrypted(smb2_client *c, uint8_t *msg, size_t len)
{
    int rc;

    if (!c->secured || !c->cipher)
        return smb2_fail(c, NETSESSION_E_PROTOCOL,
                         "the server encrypts, though no cipher was agreed");
    rc = smb2_decrypt(c->cipher, c->keys.to_client, c->session_id, msg, len);
    if (rc == NETSESSION_E_SECURITY)
        return smb2_fail(c, rc,
                         "an encrypted message does not authenticate; "
                         "it cannot be believed");
    if (rc == NETSESSION_E_PROTOCOL)
        return smb2_fail(c, rc, "the server sent a malformed encrypted message");
    if (rc)
        return ns_fail_code(c->err, rc, NS_LAYER_SMB2);
    return on_message(c, msg + SMB2_TRANSFORM_LEN, len - SMB2_TRANSFORM_LEN, true);
}

static int on_plain(smb2_client *c, uint8_t *msg, size_t len)
{
    return on_message(c, msg, len, false);
}

static int on_compressed(smb2_client *c, uint8_t *msg, size_t len)
{
    (void)msg;
    (void)len;
    return smb2_fail(c, NETSESSION_E_PROTOCOL,
                     "the server compresses, though compression was never offered");
}

static int on_smb1(smb2_client *c, uint8_t *msg, size_t len)
{
    (void)msg;
    (void)len;
    return smb2_fail(
        c, NETSESSION_E_PROTOCOL,
        "the server speaks SMB1, which is not supported; enable SMB2 or SMB3 there");
}

static const struct protocol {
    uint32_t id;
    int (*handle)(smb2_client *c, uint8_t *msg, size_t len);
} protocols[] = {
    {SMB2_PROTOCOL, on_plain},
    {SMB2_TRANSFORM, on_encrypted},
    {SMB2_COMPRESSED, on_compressed},
    {SMB1_PROTOCOL, on_smb1},
};

static int on_frame(smb2_client *c, uint8_t *msg, size_t len)
{
    uint32_t id = ns_le32(msg);

    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (protocols[i].id == id)
            return protocols[i].handle(c, msg, len);
    return smb2_fail(c, NETSESSION_E_PROTOCOL,
                     "what answers is no SMB2 server (it sends 0x%08X); check the port",
                     (unsigned)id);
}

static int fail_framing(smb2_client *c, int code)
{
    if (code == NETSESSION_E_LIMIT)
        return smb2_fail(c, code, "the server announces a message larger than was asked for");
    if (code == NETSESSION_E_PROTOCOL)
        return smb2_fail(c, code,
                         "what answers is no SMB2 server (no direct TCP header); "
                         "check the port");
    return ns_fail_code(c->err, code, NS_LAYER_SMB2);
}

int smb2_client_received(smb2_client *c, size_t n)
{
    int rc = ns_framer_ack(&c->in, n);

    c->event = SMB2_EV_NONE;
    if (rc < 0)
        return fail_framing(c, rc);
    if (!rc)
        return 0;
    rc = on_frame(c, c->in.buf.p + TRANSPORT_LEN, c->in.buf.len - TRANSPORT_LEN);
    ns_framer_next(&c->in); /* the bytes stay where c->data points */
    return rc;
}
