#include "tests/test_server_rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "dcerpc/pdu.h"
#include "srvsvc/session.h"

void rig_broken(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}

/* ---- The server ---- */

static const struct account {
    const char *user, *password;
    bool admin;
} accounts[] = {{"admin", "secret", true}, {"plain", "plain", false}, {"other", "other", true}};

static int lookup(void *ctx, const char *domain, const char *user, auth_account *out)
{
    (void)ctx;
    (void)domain;
    for (size_t i = 0; i < sizeof accounts / sizeof *accounts; i++)
        if (srvsvc_name_equal(user, accounts[i].user)) {
            out->admin = accounts[i].admin;
            return ntlm_nt_hash(accounts[i].password, out->nt_hash) == 0;
        }
    return 0;
}

/* Never the same twice, and the same in every run. */
static int rig_entropy(void *ctx, void *out, size_t size)
{
    rig *r = ctx;
    uint8_t *p = out;

    for (size_t i = 0; i < size; i++) {
        r->entropy = r->entropy * 6364136223846793005u + 1442695040888963407u;
        p[i] = (uint8_t)(r->entropy >> 56);
    }
    return 0;
}

static void on_wake(void *conn_ctx)
{
    (void)conn_ctx;
}

static void on_log(void *conn_ctx, const char *client, const char *line)
{
    (void)conn_ctx;
    (void)client;
    MUST(strlen(line));
}

static const ns_server_config defaults = {
    .smb = {.auth = {.netbios_computer = "RIG",
                     .netbios_domain = "WORKGROUP",
                     .lookup = lookup},
            .min_dialect = NETSESSION_SMB_2_0_2,
            .max_dialect = NETSESSION_SMB_3_1_1,
            .signings = {{NETSESSION_HMAC_SHA256, NETSESSION_AES_CMAC, NETSESSION_AES_GMAC}, 3},
            .ciphers = {{NETSESSION_AES_128_CCM, NETSESSION_AES_128_GCM, NETSESSION_AES_256_CCM,
                         NETSESSION_AES_256_GCM},
                        4},
            .encryption = SMB2_ENCRYPTION_ALLOWED,
            .max_io = 1u << 20,
            .max_credits = 512,
            .max_sessions = 16,
            .max_trees = 8,
            .max_opens = 64,
            .max_pending = 64},
    .syntaxes = NETSESSION_NDR32 | NETSESSION_NDR64,
    .comment = "in memory",
    .wake = on_wake,
    .log = on_log,
};

void rig_init(rig *r)
{
    memset(r, 0, sizeof *r);
    r->cfg = defaults;
    test_heap_hooks(&r->heap, &r->cfg.hooks);
    r->cfg.hooks.ctx = r;
    r->cfg.hooks.entropy = rig_entropy;
    r->entropy = 1;
    r->now = 1000;
}

void rig_start(rig *r)
{
    MUST(!(ns_server_new(&r->server, &r->cfg)));
}

void rig_stop(rig *r)
{
    MUST(!(ns_server_sessions(r->server)));
    ns_server_free(r->server);
    MUST(!(r->heap.live));
}

/* One way for bytes to the server; false: it drops the client. */
static bool feed(rig *r, ns_server_conn *conn, const uint8_t *p, size_t len)
{
    while (len) {
        size_t room;
        void *in = ns_server_conn_room(conn, &room);

        if (!in)
            return false;
        room = room < len ? room : len;
        memcpy(in, p, room);
        if (ns_server_conn_received(conn, room, r->now))
            return false;
        p += room;
        len -= room;
    }
    return true;
}

/* ---- The client of netsession.h ---- */

netsession_config *rig_config(const char *account)
{
    netsession_config *cfg = netsession_config_new(NULL);
    const char *colon = account ? strchr(account, ':') : NULL;
    char user[64];

    MUST(cfg);
    MUST(!netsession_config_kerberos(cfg, NETSESSION_KERBEROS_OFF));
    if (!colon)
        return cfg;
    snprintf(user, sizeof user, "%.*s", (int)(colon - account), account);
    MUST(!(netsession_config_user(cfg, NULL, user)));
    MUST(!(netsession_config_password(cfg, colon + 1)));
    return cfg;
}

bool rig_join(rig_client *c, rig *r, netsession_config *cfg, const char *address)
{
    memset(c, 0, sizeof *c);
    c->rig = r;
    c->most = c->until = SIZE_MAX;
    MUST(!(netsession_new(&c->ns, cfg, "rig")));
    netsession_config_free(cfg);
    c->conn = ns_server_conn_new(r->server, address, c);
    return c->conn != NULL;
}

static void to_server(rig_client *c)
{
    size_t len;
    const uint8_t *p = netsession_output(c->ns, &len);

    len = len < c->most ? len : c->most;
    if (!c->dropped && !ns_server_conn_ended(c->conn))
        c->dropped = !feed(c->rig, c->conn, p, len);
    c->sent += len;
    MUST(!(netsession_output_ack(c->ns, len)));
}

static bool has_ended(const rig_client *c, size_t len)
{
    if (c->received == c->until)
        return c->ends;
    return !len && (c->dropped || ns_server_conn_ended(c->conn));
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* False: there is nothing for it, now or ever. */
static bool to_client(rig_client *c)
{
    size_t len = 0, room;
    const uint8_t *p = c->dropped ? NULL : ns_server_conn_output(c->conn, &len);
    void *in = netsession_input(c->ns, &room);

    if (!in)
        return true;
    if (has_ended(c, len)) {
        (void)netsession_input_eof(c->ns);
        return true;
    }
    len = least(least(len, room), least(c->most, c->until - c->received));
    if (!len)
        return false;
    memcpy(in, p, len);
    if (c->tap)
        c->tap(c, in, len);
    ns_server_conn_output_ack(c->conn, len);
    c->received += len;
    (void)netsession_input_ack(c->ns, len);
    return true;
}

static void do_work(rig_client *c)
{
    netsession_work *work = netsession_take_work(c->ns);

    netsession_work_run(work);
    (void)netsession_work_done(c->ns, work);
}

int rig_run(rig_client *c)
{
    bool moved = true;

    while (moved) {
        unsigned want = netsession_wants(c->ns);

        if (want & NETSESSION_EVENT && netsession_next_event(c->ns, &c->event))
            break;
        c->event.type = 0;
        if (want & NETSESSION_WORK)
            do_work(c);
        else if (want & NETSESSION_WRITE)
            to_server(c);
        else
            moved = want & NETSESSION_READ && to_client(c);
    }
    if (c->event.type == NETSESSION_EV_READY)
        netsession_get_info(c->ns, &c->info);
    return c->event.type;
}

int rig_connect(rig_client *c, rig *r, netsession_config *cfg, const char *address)
{
    if (!rig_join(c, r, cfg, address))
        return 0;
    (void)netsession_start(c->ns, r->now);
    return rig_run(c);
}

int rig_query(rig_client *c, uint32_t level, uint32_t preferred_length, uint32_t resume)
{
    netsession_query q;

    netsession_query_init(&q);
    q.level = level;
    q.preferred_length = preferred_length;
    q.resume = resume;
    c->event.type = 0;
    return netsession_query_start(c->ns, &q, c->rig->now) == NETSESSION_E_ARGUMENT ? 0
                                                                                   : rig_run(c);
}

const netsession_error *rig_error(const rig_client *c)
{
    return netsession_last_error(c->ns);
}

/* In good order where that is possible. */
void rig_leave(rig_client *c)
{
    if (netsession_shutdown(c->ns, c->rig->now) == 0)
        (void)rig_run(c);
    netsession_free(c->ns);
    ns_server_conn_free(c->conn);
}

void rig_serves(rig *r)
{
    rig_client c;
    netsession_config *cfg =
        rig_config(r->cfg.smb.auth.lookup == lookup ? "other:other" : NULL);

    MUST(rig_connect(&c, r, cfg, "10.9.9.9") == NETSESSION_EV_READY);
    MUST(rig_query(&c, 502, NETSESSION_NO_LIMIT, 0) == NETSESSION_EV_PAGE);
    MUST(netsession_page_count(c.event.page) >= 1);
    netsession_page_free(c.event.page);
    rig_leave(&c);
}

/* ---- The client that may do anything ---- */

const uint8_t raw_no_file[SMB2_FILE_ID_LEN] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                               0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

#define FRAME_MAX (1u << 24)

static const netsession_hooks *plain_hooks(void)
{
    static netsession_hooks hooks;
    const netsession_hooks none = {0};

    ns_hooks_fill(&hooks, &none);
    return &hooks;
}

void raw_open(raw *x, rig *r)
{
    memset(x, 0, sizeof *x);
    x->rig = r;
    x->conn = ns_server_conn_new(r->server, "10.0.0.1", x);
    MUST(x->conn);
    x->credits = 1;
    x->security_mode = SMB2_SIGNING_ENABLED;
    ns_writer_init(&x->out, plain_hooks(), FRAME_MAX);
    ns_writer_init(&x->in, plain_hooks(), FRAME_MAX);
}

void raw_close(raw *x)
{
    ns_server_conn_free(x->conn);
    ns_writer_free(&x->out);
    ns_writer_free(&x->in);
}

smb2_header raw_header(raw *x, unsigned command)
{
    bool charged = x->dialect > NETSESSION_SMB_2_0_2;

    return (smb2_header){.command = (uint16_t)command,
                         .credit_charge = charged,
                         .credits = 8,
                         .message_id = x->next_mid++,
                         .tree_id = x->tree,
                         .session_id = x->session};
}

void raw_put_header(raw *x, const smb2_header *h)
{
    if (x->elements++) {
        ns_put_align(&x->out, 0, 8);
        ns_set32(&x->out, x->element + 20, (uint32_t)(x->out.len - x->element));
    }
    x->element = x->out.len;
    smb2_header_put(&x->out, h);
}

void raw_begin(raw *x, unsigned command)
{
    smb2_header h = raw_header(x, command);

    raw_put_header(x, &h);
}

void raw_begin_related(raw *x, unsigned command)
{
    smb2_header h = raw_header(x, command);

    h.flags = SMB2_FLAG_RELATED;
    h.session_id = SMB2_RELATED_SESSION;
    h.tree_id = SMB2_RELATED_TREE;
    raw_put_header(x, &h);
}

static void take_output(raw *x)
{
    size_t len;
    const uint8_t *p;

    if (x->dropped)
        return;
    p = ns_server_conn_output(x->conn, &len);
    ns_put(&x->in, p, len);
    ns_server_conn_output_ack(x->conn, len);
    x->dropped = ns_server_conn_ended(x->conn);
}

bool raw_send_bytes(raw *x, const void *msg, size_t len)
{
    uint8_t head[4];

    MUST(!x->dropped);
    ns_store32be(head, (uint32_t)len);
    if (x->tap)
        x->tap(msg, len);
    if (!feed(x->rig, x->conn, head, sizeof head) || !feed(x->rig, x->conn, msg, len))
        x->dropped = true;
    take_output(x);
    return !x->dropped;
}

static void sign_all(raw *x)
{
    for (size_t at = 0, next = 1; next; at += next) {
        next = ns_le32(x->out.p + at + 20);
        MUST(!(smb2_sign(x->signing, x->keys.signing, x->out.p + at,
                         next ? next : x->out.len - at)));
    }
}

bool raw_send(raw *x)
{
    ns_writer sealed;
    bool ok;

    MUST(!(x->out.err));
    if (x->sign && !x->encrypt)
        sign_all(x);
    if (x->encrypt) {
        ns_writer_init(&sealed, plain_hooks(), FRAME_MAX);
        MUST(!(smb2_encrypt(x->cipher, x->keys.to_server, ++x->nonce, x->session, x->out.p,
                            x->out.len, &sealed)));
        ok = raw_send_bytes(x, sealed.p, sealed.len);
        ns_writer_free(&sealed);
    } else {
        ok = raw_send_bytes(x, x->out.p, x->out.len);
    }
    ns_writer_reset(&x->out);
    x->elements = 0;
    x->credits--;
    return ok;
}

static size_t frame_length(const raw *x)
{
    return (size_t)x->in.p[1] << 16 | (size_t)x->in.p[2] << 8 | x->in.p[3];
}

/* The frame at the front of x->in; decrypted, its own length set. */
static uint8_t *front(raw *x, size_t *len)
{
    uint8_t *p = x->in.p + 4;

    *len = frame_length(x);
    MUST(*len + 4 <= x->in.len);
    if (ns_le32(p) != SMB2_TRANSFORM)
        return p;
    if (!x->at)
        MUST(!(smb2_decrypt(x->cipher, x->keys.to_client, x->session, p, *len)));
    *len -= SMB2_TRANSFORM_LEN;
    return p + SMB2_TRANSFORM_LEN;
}

static void check_signature(raw *x)
{
    if (x->header.flags & SMB2_FLAG_SIGNED && x->session)
        MUST(!(smb2_verify(x->signing, x->keys.signing, x->msg, x->len)));
}

/* What stands behind the reply read before is the next one. */
static void forget_last(raw *x)
{
    if (x->msg && !x->header.next) {
        ns_writer_drop(&x->in, 4 + frame_length(x));
        x->at = 0;
    } else if (x->msg) {
        x->at += x->header.next;
    }
    x->msg = NULL;
}

bool raw_next(raw *x)
{
    size_t all;
    uint8_t *p;
    ns_reader r;

    forget_last(x);
    take_output(x);
    if (!x->in.len)
        return false;
    p = front(x, &all);
    r = ns_reader_of(p + x->at, all - x->at);
    MUST(smb2_header_get(&r, &x->header));
    x->msg = p + x->at;
    x->len = x->header.next ? x->header.next : all - x->at;
    x->credits += x->header.credits;
    MUST(x->header.flags & SMB2_FLAG_RESPONSE);
    check_signature(x);
    return true;
}

void raw_expect(raw *x, unsigned command, uint32_t status)
{
    if (!raw_next(x))
        rig_broken("no reply to %s, but %08X", smb2_command_name(command), (unsigned)status);
    if (x->header.command != command || x->header.status != status)
        rig_broken("%s %08X, not %s %08X", smb2_command_name(x->header.command),
                   (unsigned)x->header.status, smb2_command_name(command), (unsigned)status);
}

void raw_expect_nothing(raw *x)
{
    MUST(!raw_next(x));
}

ns_reader raw_body(const raw *x)
{
    return ns_reader_of(x->msg, x->len);
}

/* ---- Getting somewhere ---- */

void raw_fill_offer(raw *x, unsigned dialect)
{
    static const smb2_algs signings = {
        {NETSESSION_AES_GMAC, NETSESSION_AES_CMAC, NETSESSION_HMAC_SHA256}, 3};
    static const smb2_algs ciphers = {{NETSESSION_AES_128_GCM, NETSESSION_AES_128_CCM}, 2};

    x->offer = (smb2_negotiate_request){.dialects = {(uint16_t)dialect},
                                        .dialect_count = 1,
                                        .security_mode = SMB2_SIGNING_ENABLED,
                                        .ciphers = ciphers,
                                        .signings = signings,
                                        .netname = "rig"};
    if (dialect > NETSESSION_SMB_2_0_2)
        x->offer.capabilities = SMB2_CAP_LARGE_MTU;
    if (dialect >= NETSESSION_SMB_3_0)
        x->offer.capabilities |= SMB2_CAP_ENCRYPTION;
    memset(x->offer.client_guid, dialect > NETSESSION_SMB_2_0_2 ? 7 : 0,
           sizeof x->offer.client_guid);
}

static void take_choices(raw *x, const smb2_negotiate_response *m)
{
    x->dialect = m->dialect;
    x->signing = m->dialect < NETSESSION_SMB_3_0 ? NETSESSION_HMAC_SHA256 : NETSESSION_AES_CMAC;
    if (m->has_signing)
        x->signing = m->signing;
    x->cipher = m->has_cipher ? m->cipher : 0;
    if (m->dialect < NETSESSION_SMB_3_1_1 && m->capabilities & SMB2_CAP_ENCRYPTION)
        x->cipher = NETSESSION_AES_128_CCM;
}

static void add_to_preauth(raw *x, const void *msg, size_t len)
{
    MUST(!(smb2_preauth_update(x->preauth, msg, len)));
}

void raw_negotiate(raw *x, unsigned dialect)
{
    smb2_negotiate_response m;
    ns_reader body;

    raw_fill_offer(x, dialect);
    raw_begin(x, SMB2_NEGOTIATE);
    MUST(smb2_negotiate_request_put(&x->out, &x->offer));
    add_to_preauth(x, x->out.p, x->out.len);
    MUST(raw_send(x));
    raw_expect(x, SMB2_NEGOTIATE, 0);
    body = raw_body(x);
    MUST(smb2_negotiate_response_get(&body, &m));
    take_choices(x, &m);
    MUST(x->dialect == dialect);
    add_to_preauth(x, x->msg, x->len);
}

static void put_setup(raw *x, auth_client *auth, ns_reader in)
{
    netsession_error err = {0};
    ns_writer token;

    ns_writer_init(&token, plain_hooks(), UINT16_MAX);
    MUST(!(auth_client_step(auth, in.base, in.len, &token, &err)));
    raw_begin(x, SMB2_SESSION_SETUP);
    smb2_session_setup_request_put(&x->out, x->security_mode, token.p, token.len);
    ns_store64(x->out.p + x->element + SMB2_HEADER_LEN + 16, x->previous);
    ns_writer_free(&token);
}

static void derive(raw *x, auth_client *auth, const uint8_t *preauth)
{
    uint8_t key[AUTH_KEY_MAX];
    size_t len = 0;

    MUST(!(auth_client_session_key(auth, key, &len)));
    MUST(len);
    MUST(!(smb2_derive_keys(&x->keys, x->dialect, x->cipher, key, len, preauth)));
}

/* Of a session that is there already the keys stay what they are. */
uint32_t raw_logon(raw *x, const char *user, const char *password)
{
    const auth_params params = {.hooks = plain_hooks(),
                                .domain = "",
                                .user = user,
                                .password = password,
                                .workstation = "",
                                .target_name = "cifs/rig",
                                .bindings = (const uint8_t[16]){0},
                                .anonymous = !*user};
    netsession_error err = {0};
    uint8_t preauth[SMB2_PREAUTH_LEN];
    bool anew = x->session != 0;
    smb2_session_setup_response m = {0};
    ns_reader body;
    auth_client *auth;

    MUST(!(auth_client_new(&auth, &params, &err)));
    memcpy(preauth, x->preauth, sizeof preauth);
    do {
        put_setup(x, auth, m.security);
        MUST(!(smb2_preauth_update(preauth, x->out.p, x->out.len)));
        if (m.security.len && !anew && *user)
            derive(x, auth, preauth);
        MUST(raw_send(x));
        MUST(raw_next(x));
        MUST(x->header.command == SMB2_SESSION_SETUP);
        body = raw_body(x);
        x->session = x->header.session_id;
        if (x->header.status != STATUS_MORE_PROCESSING_REQUIRED)
            break;
        MUST(smb2_session_setup_response_get(&body, &m));
        MUST(!(smb2_preauth_update(preauth, x->msg, x->len)));
    } while (true);
    auth_client_free(auth);
    x->sign = x->sign || (*user && !x->header.status);
    return x->header.status;
}

void raw_tree(raw *x)
{
    raw_begin(x, SMB2_TREE_CONNECT);
    MUST(smb2_tree_connect_request_put(&x->out, "\\\\rig\\IPC$"));
    MUST(raw_send(x));
    raw_expect(x, SMB2_TREE_CONNECT, 0);
    x->tree = x->header.tree_id;
}

void raw_create(raw *x)
{
    ns_reader body;

    raw_begin(x, SMB2_CREATE);
    smb2_create_request_put(&x->out, "srvsvc");
    MUST(raw_send(x));
    raw_expect(x, SMB2_CREATE, 0);
    body = raw_body(x);
    MUST(smb2_create_response_get(&body, x->file));
}

void raw_ready(raw *x, rig *r, unsigned dialect)
{
    raw_open(x, r);
    raw_negotiate(x, dialect);
    MUST(!(raw_logon(x, "admin", "secret")));
    raw_tree(x);
    raw_create(x);
}

/* ---- PDUs ---- */

static const rpc_interface ndr32 = {{0x04, 0x5D, 0x88, 0x8A, 0xEB, 0x1C, 0xC9, 0x11, 0x9F, 0xE8,
                                     0x08, 0x00, 0x2B, 0x10, 0x48, 0x60},
                                    2,
                                    0};

void raw_put_bind(ns_writer *w)
{
    rpc_bind bind = {.max_xmit = 4280,
                     .max_recv = 4280,
                     .count = 1,
                     .context = {{.abstract = srvsvc_interface, .transfer = ndr32}}};

    rpc_put_bind(w, 1, &bind);
}

void raw_put_call(ns_writer *w, uint16_t opnum, const void *stub, size_t len)
{
    const rpc_request req = {
        .alloc_hint = (uint32_t)len, .opnum = opnum, .stub = stub, .len = len};

    rpc_put_request(w, RPC_WHOLE, 2, &req);
}

void raw_put_enum(ns_writer *w, uint32_t level)
{
    const srvsvc_session_enum_in in = {
        .level = level, .preferred_length = NETSESSION_NO_LIMIT, .has_resume = true};
    netsession_error err = {0};
    ns_writer stub;

    ns_writer_init(&stub, plain_hooks(), 65536);
    MUST(!(srvsvc_session_enum_encode_in(&in, false, &stub, &err)));
    raw_put_call(w, SRVSVC_SESSION_ENUM, stub.p, stub.len);
    ns_writer_free(&stub);
}

void raw_put_enum_10(ns_writer *w)
{
    raw_put_enum(w, 10);
}

void raw_transceive(raw *x, void (*put)(ns_writer *w), uint32_t max, uint32_t status)
{
    ns_writer pdu;

    ns_writer_init(&pdu, plain_hooks(), 65536);
    put(&pdu);
    raw_begin(x, SMB2_IOCTL);
    smb2_ioctl_request_put(&x->out, SMB2_FSCTL_PIPE_TRANSCEIVE, x->file, pdu.p, pdu.len, max);
    ns_writer_free(&pdu);
    MUST(raw_send(x));
    raw_expect(x, SMB2_IOCTL, status);
}
