/* The server's halves, and the place between them and the wire where lies are
 * told. */
#include <stdlib.h>
#include <string.h>

#include "auth/server.h"
#include "base/ntstatus.h"
#include "tests/hostile/hostile.h"

#define WIRE_MAX (1u << 25)

/* ---- What the server needs ---- */

/* Never the same twice, and the same in every run. */
static int entropy(void *ctx, void *out, size_t size)
{
    liar *l = ctx;
    uint8_t *p = out;

    for (size_t i = 0; i < size; i++) {
        l->entropy = l->entropy * 6364136223846793005u + 1442695040888963407u;
        p[i] = (uint8_t)(l->entropy >> 56);
    }
    return 0;
}

static int lookup(void *ctx, const char *domain, const char *user, auth_account *out)
{
    (void)ctx;
    (void)domain;
    out->admin = true;
    return !strcmp(user, "admin") && !ntlm_nt_hash("secret", out->nt_hash);
}

static uint64_t session_id(void *ctx)
{
    (void)ctx;
    return 0x1122334455667788u;
}

static bool logged_on(void *ctx, smb2_session *session)
{
    session->owner = 1;
    ((liar *)ctx)->logged_on = true;
    return true;
}

static void logged_off(void *ctx, smb2_session *session)
{
    (void)ctx;
    (void)session;
}

static void replaced(void *ctx, uint64_t id, const smb2_session *by)
{
    (void)ctx;
    (void)id;
    (void)by;
}

static void log_line(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

/* A lie was told if what is sent in place of the truth is something else. */
static bool is_lie(const liar *l, const ns_writer *said)
{
    return said->len != l->truth.len || memcmp(said->p, l->truth.p, said->len) != 0;
}

/* ---- The list ---- */

static bool next_row(void *ctx, uint32_t after, srvsvc_session *out)
{
    liar *l = ctx;

    if (after >= l->rows)
        return false;
    ns_fill_make(1, after + 1, &l->text, out);
    if (l->alike) {
        out->client = "127.0.0.1";
        out->user = "admin";
    }
    return true;
}

static uint32_t remove_rows(void *ctx, const char *client, const char *user)
{
    (void)ctx;
    (void)client;
    (void)user;
    return 0;
}

/* The lie about a stub or a PDU: told when the pipe is read. */
static void tell_of(liar *l, void (*lie)(liar *l, ns_writer *w), ns_writer *w)
{
    ns_writer_reset(&l->truth);
    ns_put(&l->truth, w->p, w->len);
    l->lied = true;
    lie(l, w);
    l->due |= is_lie(l, w);
}

static int on_call(void *ctx, const rpc_call *call, ns_writer *out, uint32_t *fault_code)
{
    static const srvsvc_caller caller = {.admin = true, .read = true};
    liar *l = ctx;
    const ndr_format format = {.ndr64 = call->ndr64, .big = call->big};
    int rc = srvsvc_dispatch(&l->backend, &caller, &l->hooks, call->opnum, call->stub, format,
                             out, fault_code);

    l->asked = true;
    l->ndr64 = call->ndr64;
    if (!rc && l->f->stub && (!l->lied || l->f->always))
        tell_of(l, l->f->stub, out);
    return rc;
}

/* ---- The pipe ---- */

static uint32_t pipe_open(void *ctx, smb2_session *session, const char *name, void **pipe)
{
    liar *l = ctx;

    (void)session;
    if (l->opened || strcmp(name, "srvsvc") != 0)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    *pipe = l;
    l->opened = true;
    l->pdu_made = false;
    l->service = (rpc_service){.iface = srvsvc_interface,
                               .secondary_address = "\\PIPE\\srvsvc",
                               .call = on_call,
                               .ctx = l};
    rpc_server_init(&l->rpc, &l->hooks, &l->service, 1, NETSESSION_NDR32 | NETSESSION_NDR64, 7);
    return 0;
}

static int pipe_write(void *pipe, const uint8_t *bytes, size_t len)
{
    return rpc_server_input(&((liar *)pipe)->rpc, bytes, len);
}

/* Is the message that the pipe gives next the one that is lied about? */
static bool lies_now(const liar *l)
{
    enum stage now = l->shown ? AT_CALL : AT_BIND;

    return l->f->pdu && (l->at == now || l->at == AT_ANY) && (!l->lied || l->f->always);
}

/* Whatever is said in place of the PDU belongs to the same call. */
static void note_call(liar *l)
{
    const uint8_t *p = l->pdu.p;

    if (l->pdu.len < 24)
        return;
    l->call_id = ns_le32(p + 12);
    if (p[2] == RPC_RESPONSE)
        l->context = ns_le16(p + 20);
}

/* A copy of what the RPC server says, or what is said in its place. */
static void make_pdu(liar *l)
{
    size_t len = 0;
    const uint8_t *p = rpc_server_output(&l->rpc, &len);

    if (l->pdu_made || (!p && !l->endless))
        return;
    ns_writer_reset(&l->pdu);
    l->pdu_read = 0;
    ns_put(&l->pdu, p, p ? len : 0);
    l->pdu_made = true;
    note_call(l);
    if (!lies_now(l))
        return;
    tell_of(l, l->f->pdu, &l->pdu);
    l->pdus++;
}

static const uint8_t *pipe_output(void *pipe, size_t *len)
{
    liar *l = pipe;

    make_pdu(l);
    *len = l->pdu_made ? l->pdu.len - l->pdu_read : 0;
    *len = l->sip && *len > l->sip ? l->sip : *len;
    return *len ? l->pdu.p + l->pdu_read : NULL;
}

static void pipe_output_ack(void *pipe, size_t n)
{
    liar *l = pipe;
    size_t len = 0;

    l->told |= l->due;
    l->pdu_read += n;
    if (l->pdu_read < l->pdu.len)
        return;
    l->pdu_made = false;
    l->shown++;
    if (rpc_server_output(&l->rpc, &len))
        rpc_server_output_ack(&l->rpc, len);
}

static bool pipe_ended(void *pipe)
{
    return rpc_server_ended(&((liar *)pipe)->rpc);
}

static void pipe_close(void *pipe)
{
    liar *l = pipe;

    rpc_server_free(&l->rpc);
    l->opened = false;
}

static const smb2_server_ops ops = {.session_id = session_id,
                                    .logged_on = logged_on,
                                    .logged_off = logged_off,
                                    .replaced = replaced,
                                    .open = pipe_open,
                                    .write = pipe_write,
                                    .output = pipe_output,
                                    .output_ack = pipe_output_ack,
                                    .ended = pipe_ended,
                                    .close = pipe_close,
                                    .log = log_line};

/* ---- Life ---- */

static void fill_config(liar *l)
{
    l->cfg = (smb2_server_config){
        .hooks = &l->hooks,
        .auth = {.hooks = &l->hooks,
                 .netbios_computer = "RIG",
                 .netbios_domain = "WORKGROUP",
                 .lookup = lookup},
        .ops = &ops,
        .min_dialect = NETSESSION_SMB_2_0_2,
        .max_dialect = NETSESSION_SMB_3_1_1,
        .signings = {{NETSESSION_HMAC_SHA256, NETSESSION_AES_CMAC, NETSESSION_AES_GMAC}, 3},
        .ciphers = {{NETSESSION_AES_128_CCM, NETSESSION_AES_128_GCM}, 2},
        .encryption = l->sealed ? SMB2_ENCRYPTION_REQUIRED : SMB2_ENCRYPTION_ALLOWED,
        .guid = "a hostile server",
        .max_io = 1u << 20,
        .max_credits = 512,
        .max_sessions = 4,
        .max_trees = 4,
        .max_opens = 4,
        .max_pending = 4};
}

static enum stage stage_of_step(const liar *l)
{
    static const enum stage stages[] = {AT_LOGON, AT_TREE, AT_CREATE, AT_BIND, AT_CALL};

    if (l->f->sweep == EACH_STAGE)
        return stages[l->step];
    return l->f->sweep == EACH_SECRET ? stages[l->step + 1] : l->f->at;
}

void liar_init(liar *l, const fault *f, bool sealed, unsigned step)
{
    memset(l, 0, sizeof *l);
    test_heap_hooks(&l->heap, &l->hooks);
    l->hooks.ctx = l;
    l->hooks.entropy = entropy;
    l->entropy = 1;
    l->f = f;
    l->sealed = sealed;
    l->step = step;
    l->at = stage_of_step(l);
    l->rows = f->rows ? f->rows : 3;
    l->cut = SIZE_MAX;
    l->pace = SIZE_MAX;
    l->backend = (srvsvc_backend){
        .ctx = l, .next = next_row, .remove = remove_rows, .name = "RIG", .comment = ""};
    fill_config(l);
    smb2_server_init(&l->smb, &l->cfg, l);
    ns_writer_init(&l->in, &l->hooks, WIRE_MAX);
    ns_writer_init(&l->request, &l->hooks, WIRE_MAX);
    ns_writer_init(&l->msg, &l->hooks, WIRE_MAX);
    ns_writer_init(&l->truth, &l->hooks, WIRE_MAX);
    ns_writer_init(&l->pdu, &l->hooks, WIRE_MAX);
    ns_writer_init(&l->out, &l->hooks, WIRE_MAX);
    if (f->server)
        f->server(l);
    if (f->wire)
        f->wire(l);
}

void liar_free(liar *l)
{
    smb2_server_free(&l->smb);
    ns_writer_free(&l->in);
    ns_writer_free(&l->request);
    ns_writer_free(&l->msg);
    ns_writer_free(&l->truth);
    ns_writer_free(&l->pdu);
    ns_writer_free(&l->out);
    MUST(!l->heap.live);
}

/* ---- What lies are made of ---- */

smb2_session *liar_session(liar *l)
{
    return l->smb.sessions ? l->smb.sessions : &l->last;
}

void set8(ns_writer *w, size_t at, unsigned v)
{
    if (at < w->len)
        w->p[at] = (uint8_t)v;
}

void put_frame(liar *l, const void *msg, size_t len)
{
    uint8_t head[4];

    ns_store32be(head, (uint32_t)len);
    ns_put(&l->out, head, sizeof head);
    ns_put(&l->out, msg, len);
    l->taken = true;
}

void put_plain(liar *l)
{
    put_frame(l, l->msg.p, l->msg.len);
}

/* Each element of the chain, as far as its NextCommand leads somewhere. */
void put_signed(liar *l)
{
    size_t at = 0, next;

    do {
        size_t left = l->msg.len - at;

        next = ns_le32(l->msg.p + at + H_NEXT);
        if (next < SMB2_HEADER_LEN || next + SMB2_HEADER_LEN > left)
            next = 0;
        (void)smb2_sign(l->smb.signing, liar_session(l)->keys.signing, l->msg.p + at,
                        next ? next : left);
        at += next;
    } while (next);
    put_plain(l);
}

void put_sealed(liar *l)
{
    smb2_session *s = liar_session(l);
    ns_writer sealed;

    ns_writer_init(&sealed, &l->hooks, WIRE_MAX);
    (void)smb2_encrypt(l->smb.cipher, s->keys.to_client, ++s->nonce, s->id, l->msg.p,
                       l->msg.len, &sealed);
    put_frame(l, sealed.p, sealed.len);
    ns_writer_free(&sealed);
}

void put_protected(liar *l)
{
    if (l->was_sealed)
        put_sealed(l);
    else if (l->was_signed)
        put_signed(l);
    else
        put_plain(l);
}

void make_error(liar *l, uint32_t status)
{
    l->msg.len = SMB2_HEADER_LEN;
    ns_set32(&l->msg, H_STATUS, status);
    ns_set32(&l->msg, H_NEXT, 0);
    smb2_error_put(&l->msg);
}

static void write_poke(const poke *k, ns_writer *w)
{
    for (unsigned i = 0; i < k->width; i++)
        set8(w, (size_t)k->at + i, (unsigned)(k->value >> 8 * i));
}

void lie_poke(liar *l)
{
    write_poke(&l->f->poke, &l->msg);
}

void lie_poke_pdu(liar *l, ns_writer *w)
{
    write_poke(&l->f->poke, w);
}

void lie_bit_of(liar *l, ns_writer *w)
{
    if (l->step / 8 < w->len)
        w->p[l->step / 8] ^= (uint8_t)(1u << l->step % 8);
}

void lie_bit(liar *l)
{
    lie_bit_of(l, &l->msg);
}

/* ---- From the server to the client ---- */

static enum stage stage_of_ioctl(const liar *l)
{
    if (l->msg.len >= 72 && ns_le32(l->msg.p + 68) == SMB2_FSCTL_VALIDATE_NEGOTIATE_INFO)
        return AT_VALIDATE;
    return l->asked ? AT_CALL : AT_BIND;
}

/* Who writes to the pipe, in place of TRANSCEIVE, reads its answers; what
 * remains of the call's is read in either case. */
static enum stage stage_of_read(liar *l)
{
    bool answers = l->writes;

    if (!answers || !l->asked)
        return answers ? AT_BIND : AT_READ;
    l->writes = false;
    return AT_CALL;
}

static enum stage stage_of(liar *l)
{
    static const enum stage stages[SMB2_NOTIFICATION] = {
        [SMB2_NEGOTIATE] = AT_NEGOTIATE, [SMB2_SESSION_SETUP] = AT_LOGON,
        [SMB2_TREE_CONNECT] = AT_TREE,   [SMB2_CREATE] = AT_CREATE,
        [SMB2_WRITE] = AT_WRITE,
    };
    unsigned command = ns_le16(l->msg.p + H_COMMAND);
    uint32_t status = ns_le32(l->msg.p + H_STATUS);

    if (status == STATUS_PENDING)
        return AT_OTHER;
    if (status == STATUS_MORE_PROCESSING_REQUIRED)
        return AT_CHALLENGE;
    if (command == SMB2_IOCTL)
        return stage_of_ioctl(l);
    if (command == SMB2_READ)
        return stage_of_read(l);
    l->writes |= command == SMB2_WRITE;
    return command < SMB2_NOTIFICATION && stages[command] ? stages[command] : AT_OTHER;
}

/* The server's hash takes in what the client will see. */
static void rehash(liar *l)
{
    uint8_t hash[SMB2_PREAUTH_LEN] = {0};
    bool first = l->stage == AT_NEGOTIATE;

    if (l->f->keep_hash || (!first && l->stage != AT_CHALLENGE))
        return;
    if (!first)
        memcpy(hash, l->smb.preauth, sizeof hash);
    (void)smb2_preauth_update(hash, l->request.p, l->request.len);
    (void)smb2_preauth_update(hash, l->msg.p, l->msg.len);
    memcpy(first ? l->smb.preauth : liar_session(l)->preauth, hash, sizeof hash);
}

/* Without a session there is no key; without a compound, or without an IOCTL,
 * nothing where the lie of one could stand. */
static bool fits(const liar *l)
{
    if (!l->smb.sessions && !l->logged_on && l->stage != AT_NEGOTIATE)
        return false;
    if (l->f->ioctl && ns_le16(l->msg.p + H_COMMAND) != SMB2_IOCTL)
        return false;
    return !l->f->compound || l->stage != AT_TREE || ns_le32(l->msg.p + H_NEXT);
}

static bool lies_about(const liar *l)
{
    if (!l->f->message || (l->lied && !l->f->always))
        return false;
    return (l->at == l->stage || l->at == AT_ANY) && fits(l);
}

static void tell(liar *l)
{
    ns_writer_reset(&l->truth);
    ns_put(&l->truth, l->msg.p, l->msg.len);
    l->lied = true;
    l->f->message(l);
    if (!l->f->from || l->f->from == l->stage)
        l->told |= l->taken || is_lie(l, &l->msg);
    rehash(l);
}

static void on_server_frame(liar *l, const uint8_t *p, size_t len)
{
    smb2_session *s = liar_session(l);

    ns_writer_reset(&l->msg);
    ns_put(&l->msg, p, len);
    l->frame_len = len;
    l->was_sealed = ns_le32(p) == SMB2_TRANSFORM;
    if (l->was_sealed) {
        MUST(!smb2_decrypt(l->smb.cipher, s->keys.to_client, s->id, l->msg.p, l->msg.len));
        ns_writer_drop(&l->msg, SMB2_TRANSFORM_LEN);
    }
    l->was_signed = (l->msg.p[H_FLAGS] & SMB2_FLAG_SIGNED) != 0;
    l->stage = stage_of(l);
    l->taken = false;
    if (lies_about(l))
        tell(l);
    if (!l->taken)
        put_protected(l);
}

static void drain_server(liar *l)
{
    size_t len, frame;
    const uint8_t *p;

    while ((p = smb2_server_output(&l->smb, &len)) != NULL && len >= 4) {
        frame = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        on_server_frame(l, p + 4, frame);
        smb2_server_output_ack(&l->smb, 4 + frame);
    }
}

/* ---- From the client to the server ---- */

static void feed_server(liar *l, const uint8_t *p, size_t len)
{
    while (len && !l->dropped) {
        size_t room;
        void *in = smb2_server_room(&l->smb, &room);

        room = room < len ? room : len;
        memcpy(in, p, room);
        l->dropped = smb2_server_received(&l->smb, room, l->now) != 0;
        p += room;
        len -= room;
    }
}

static bool is_protected(const liar *l)
{
    if (l->request.len < SMB2_HEADER_LEN)
        return false;
    if (ns_le32(l->request.p) == SMB2_TRANSFORM)
        return true;
    return !l->sealed && l->request.p[H_FLAGS] & SMB2_FLAG_SIGNED;
}

/* What the client asks for after the lie, as far as it can be read. */
static void note_requests(liar *l)
{
    smb2_session *s = liar_session(l);
    ns_writer *w = &l->truth;
    size_t next = 0;

    ns_writer_reset(w);
    ns_put(w, l->request.p, l->request.len);
    if (w->len >= SMB2_TRANSFORM_LEN && ns_le32(w->p) == SMB2_TRANSFORM &&
        !smb2_decrypt(l->smb.cipher, s->keys.to_server, s->id, w->p, w->len))
        ns_writer_drop(w, SMB2_TRANSFORM_LEN);
    do {
        ns_writer_drop(w, next);
        if (w->len < SMB2_HEADER_LEN || ns_le32(w->p) == SMB2_TRANSFORM)
            return;
        if (l->heard_count < HEARD)
            l->heard[l->heard_count] = ns_le16(w->p + H_COMMAND);
        l->heard_count++;
        next = ns_le32(w->p + H_NEXT);
    } while (next && next < w->len);
}

static void on_client_frame(liar *l)
{
    smb2_session *s = l->smb.sessions;

    ns_writer_reset(&l->request);
    ns_put(&l->request, l->in.p + 4, l->in.len - 4);
    if (!l->f->wire && liar_told(l))
        note_requests(l);
    if (s && s->valid && s->keyed && !is_protected(l))
        l->revealed = true;
    if (s)
        l->last = *s; /* a LOGOFF is answered without it */
    feed_server(l, l->in.p, l->in.len);
    ns_writer_reset(&l->in);
    drain_server(l);
}

static size_t client_frame(const liar *l)
{
    if (l->in.len < 4)
        return 4;
    return 4 + ((size_t)l->in.p[1] << 16 | (size_t)l->in.p[2] << 8 | l->in.p[3]);
}

void liar_received(liar *l, const uint8_t *p, size_t len)
{
    while (len && !l->dropped) {
        size_t want = client_frame(l) - l->in.len;
        size_t n = want < len ? want : len;

        ns_put(&l->in, p, n);
        p += n;
        len -= n;
        if (l->in.len > 4 && l->in.len == client_frame(l))
            on_client_frame(l);
    }
}

bool liar_told(const liar *l)
{
    const fault *f = l->f;

    if (f->wire)
        return l->cut == SIZE_MAX || l->carried >= l->cut;
    return f->message || f->pdu || f->stub ? l->told : l->asked;
}

/* ---- The wire ---- */

const uint8_t *liar_output(const liar *l, size_t *len)
{
    size_t left = l->cut - l->carried;

    *len = l->out.len < left ? l->out.len : left;
    *len = *len < l->pace ? *len : l->pace;
    return l->out.p;
}

void liar_output_ack(liar *l, size_t len)
{
    l->carried += len;
    ns_writer_drop(&l->out, len);
}

enum ending liar_ending(const liar *l)
{
    if (l->carried >= l->cut)
        return l->ending;
    return l->dropped && !l->out.len ? CLOSES : STAYS;
}
