#include "tests/test_smb2_rig.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

const uint8_t file_id[SMB2_FILE_ID_LEN] = {1, 2,  3,  4,  5,  6,  7,  8,
                                           9, 10, 11, 12, 13, 14, 15, 16};
const uint8_t no_file[SMB2_FILE_ID_LEN] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                           0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

/* ---- The client under test ---- */

test_heap heap;
netsession_hooks hooks;
smb2_config cfg;
smb2_client client;
auth_client *auth;
netsession_error err;
uint8_t bytes[300000]; /* any */

struct mechanism mechanism;

static int mech_create(void **state, const auth_params *params, netsession_error *e)
{
    (void)params;
    (void)e;
    mechanism.left = mechanism.legs;
    *state = &mechanism;
    return 0;
}

static int mech_step(void *state, const uint8_t *in, size_t in_len, ns_writer *out,
                     netsession_error *e)
{
    struct mechanism *m = state;

    (void)in;
    (void)in_len;
    ns_put(out, "token", 5);
    if (out->err)
        return ns_fail_code(e, out->err, NS_LAYER_AUTH);
    return --m->left ? 1 : 0;
}

static int mech_make_mic(void *state, const uint8_t *msg, size_t len, ns_writer *mic,
                         netsession_error *e)
{
    (void)state;
    (void)msg;
    (void)len;
    (void)mic;
    (void)e;
    return 0;
}

static int mech_check_mic(void *state, const uint8_t *msg, size_t len, const uint8_t *mic,
                          size_t mic_len, netsession_error *e)
{
    (void)state;
    (void)msg;
    (void)len;
    (void)mic;
    (void)mic_len;
    (void)e;
    return 0;
}

static int mech_key(const void *state, uint8_t key[AUTH_KEY_MAX], size_t *len)
{
    (void)state;
    *len = mechanism.key_len;
    for (size_t i = 0; i < AUTH_KEY_MAX; i++)
        key[i] = (uint8_t)(0x30 + i);
    return mechanism.no_key;
}

static void mech_destroy(void *state)
{
    (void)state;
}

static const uint8_t mech_oid[] = {0x06, 0x02, 0x2A, 0x03};
static const auth_mech mech = {
    .name = "TEST",
    .oid = mech_oid,
    .oid_len = sizeof mech_oid,
    .create = mech_create,
    .step = mech_step,
    .make_mic = mech_make_mic,
    .check_mic = mech_check_mic,
    .session_key = mech_key,
    .destroy = mech_destroy,
};
static const auth_mech *const mechs[] = {&mech};
static const auth_params params = {.hooks = &hooks,
                                   .domain = "",
                                   .user = "u",
                                   .password = "p",
                                   .workstation = "",
                                   .target_name = "cifs/fs1"};

/* ---- The server's side ---- */

struct sent_list sent;
struct server srv;

static test_heap server_heap;
static netsession_hooks server_hooks;
void client_end(void)
{
    smb2_client_free(&client);
    auth_client_free(auth);
    auth = NULL;
    ck_assert_int_eq(heap.live, 0);
}

int client_begin(void)
{
    int rc;

    client_end();
    memset(&err, 0, sizeof err);
    memset(srv.preauth, 0, sizeof srv.preauth);
    srv.keyed = false;
    srv.client_nonce = 0;
    srv.grant = 10;
    sent.n = 0;
    rc = auth_client_new_with(&auth, &params, mechs, 1, &err);
    smb2_client_init(&client, &hooks, &cfg, auth, &err);
    return rc;
}

static void setup(void)
{
    test_heap_hooks(&heap, &hooks);
    test_heap_hooks(&server_heap, &server_hooks);
    cfg = (smb2_config){
        .min_dialect = NETSESSION_SMB_2_0_2,
        .max_dialect = NETSESSION_SMB_3_1_1,
        .signings = {{NETSESSION_AES_GMAC, NETSESSION_AES_CMAC, NETSESSION_HMAC_SHA256}, 3},
        .ciphers = {{NETSESSION_AES_128_GCM, NETSESSION_AES_128_CCM, NETSESSION_AES_256_GCM},
                    3},
        .compound = true,
        .io_size = 65536,
        .host = "fs1",
        .pipe = "srvsvc"};
    mechanism = (struct mechanism){.legs = 1, .key_len = 16};
    memset(&srv, 0, sizeof srv);
    ns_writer_init(&srv.reply, &server_hooks, 1u << 24);
    ns_writer_init(&srv.wire, &server_hooks, 1u << 24);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    smb2_client_init(&client, &hooks, &cfg, NULL, &err);
}

static void teardown(void)
{
    client_end();
    ns_writer_free(&srv.reply);
    ns_writer_free(&srv.wire);
    ck_assert_int_eq(server_heap.live, 0);
}

TCase *rig_case(Suite *s, const char *name)
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 300);
    suite_add_tcase(s, tc);
    return tc;
}

/* ---- What the client sent ---- */

static void take_element(uint8_t *msg, size_t len, bool encrypted)
{
    struct sent *s = &sent.e[sent.n++];
    ns_reader r = ns_reader_of(msg, len);
    uint8_t signature[16];

    ck_assert_uint_le(sent.n, 8);
    *s = (struct sent){.msg = msg, .len = len, .encrypted = encrypted, .frame = sent.frames};
    ck_assert(smb2_header_get(&r, &s->h));
    ck_assert_uint_eq(s->h.flags & ~(uint32_t)(SMB2_FLAG_SIGNED | SMB2_FLAG_RELATED), 0);
    ck_assert_uint_eq(s->h.status, 0);
    ck_assert_int_eq((s->h.flags & SMB2_FLAG_SIGNED) != 0, srv.keyed && !encrypted);
    if (!(s->h.flags & SMB2_FLAG_SIGNED))
        return;
    memcpy(signature, msg + 48, 16);
    ck_assert_int_eq(smb2_verify(srv.signing, srv.keys.signing, msg, len), 0);
    memcpy(msg + 48, signature, 16);
}

static void take_frame(uint8_t *msg, size_t len)
{
    bool encrypted = ns_le32(msg) == SMB2_TRANSFORM;
    size_t next;

    if (encrypted) {
        ck_assert_uint_gt(ns_le64(msg + 20), srv.client_nonce); /* never twice */
        srv.client_nonce = ns_le64(msg + 20);
        ck_assert_int_eq(smb2_decrypt(srv.cipher, srv.keys.to_server, SESSION, msg, len), 0);
        msg += SMB2_TRANSFORM_LEN;
        len -= SMB2_TRANSFORM_LEN;
    }
    if (!srv.keyed)
        smb2_preauth_update(srv.preauth, msg, len);
    do {
        next = ns_le32(msg + 20);
        ck_assert_uint_eq(next % 8, 0);
        take_element(msg, next ? next : len, encrypted);
        msg += next;
        len -= next;
    } while (next);
}

void take_sent(void)
{
    uint8_t *p = sent.bytes;
    size_t left = client.out.len;

    ck_assert_uint_le(left, sizeof sent.bytes);
    if (left)
        memcpy(p, client.out.p, left);
    ns_writer_reset(&client.out);
    for (sent.n = sent.frames = 0; left; sent.frames++) {
        size_t len = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];

        ck_assert_uint_eq(p[0], 0);
        ck_assert_uint_le(4 + len, left);
        take_frame(p + 4, len);
        p += 4 + len;
        left -= 4 + len;
    }
}

void expect_sent(const unsigned *commands, size_t n)
{
    take_sent();
    ck_assert_uint_eq(sent.n, n);
    for (size_t i = 0; i < n; i++)
        ck_assert_str_eq(smb2_command_name(sent.e[i].h.command),
                         smb2_command_name(commands[i]));
}
/* ---- What it is answered ---- */

uint8_t *head(void)
{
    return srv.reply.p + srv.element;
}

void begin(const smb2_header *h)
{
    if (srv.reply.len) {
        ns_put_align(&srv.reply, 0, 8);
        ns_set32(&srv.reply, srv.element + 20, (uint32_t)(srv.reply.len - srv.element));
    }
    srv.element = srv.reply.len;
    smb2_header_put(&srv.reply, h);
}

void answer(const struct sent *to, uint32_t status)
{
    smb2_header h = {.credit_charge = to->h.credit_charge,
                     .status = status,
                     .command = to->h.command,
                     .credits = srv.grant,
                     .flags = SMB2_FLAG_RESPONSE | (to->h.flags & SMB2_FLAG_RELATED),
                     .message_id = to->h.message_id,
                     .tree_id = to->h.tree_id,
                     .session_id = to->h.session_id};

    if (h.command == SMB2_SESSION_SETUP)
        h.session_id = SESSION;
    if (h.command == SMB2_TREE_CONNECT && !status)
        h.tree_id = TREE;
    if (h.flags & SMB2_FLAG_RELATED && srv.real_ids) {
        h.tree_id = TREE;
        h.session_id = SESSION;
    }
    begin(&h);
}

void put_zeros(size_t n)
{
    (void)ns_put_space(&srv.reply, n);
}

void answer_error(const struct sent *to, uint32_t status)
{
    answer(to, status);
    ns_put16(&srv.reply, 9);
    put_zeros(7);
}

void answer_tree(const struct sent *to, uint8_t type, uint32_t flags)
{
    answer(to, 0);
    ns_put16(&srv.reply, 16);
    ns_put16(&srv.reply, type);
    ns_put32(&srv.reply, flags);
    put_zeros(8);
}

void answer_create(const struct sent *to)
{
    answer(to, 0);
    ns_put16(&srv.reply, 89);
    put_zeros(62);
    ns_put(&srv.reply, file_id, sizeof file_id);
    put_zeros(8);
}

void put_ioctl(uint32_t code, const uint8_t *id, const void *data, size_t len)
{
    ns_put16(&srv.reply, 49);
    ns_put16(&srv.reply, 0);
    ns_put32(&srv.reply, code);
    ns_put(&srv.reply, id, SMB2_FILE_ID_LEN);
    put_zeros(8);
    ns_put32(&srv.reply, 112);
    ns_put32(&srv.reply, (uint32_t)len);
    put_zeros(8);
    ns_put(&srv.reply, data, len);
}

void answer_ioctl(const struct sent *to, const void *data, size_t len)
{
    answer(to, 0);
    put_ioctl(SMB2_FSCTL_PIPE_TRANSCEIVE, file_id, data, len);
}

void answer_text(const struct sent *to, const char *text)
{
    answer_ioctl(to, text, strlen(text));
}

void answer_read(const struct sent *to, uint32_t status, const void *data, size_t len)
{
    answer(to, status);
    ns_put16(&srv.reply, 17);
    ns_put16(&srv.reply, 80);
    ns_put32(&srv.reply, (uint32_t)len);
    put_zeros(8);
    ns_put(&srv.reply, data, len);
}

void answer_write(const struct sent *to, uint32_t count)
{
    answer(to, 0);
    ns_put16(&srv.reply, 17);
    ns_put16(&srv.reply, 0);
    ns_put32(&srv.reply, count);
    put_zeros(8);
}

void answer_empty(const struct sent *to)
{
    bool close = to->h.command == SMB2_CLOSE;

    answer(to, 0);
    ns_put16(&srv.reply, close ? 60 : 4);
    put_zeros(close ? 58 : 2);
}

void answer_pending(const struct sent *to, uint64_t async_id)
{
    answer_error(to, STATUS_PENDING);
    head()[16] |= SMB2_FLAG_ASYNC;
    ns_store64(head() + 32, async_id);
}

void make_async(uint64_t async_id)
{
    head()[16] |= SMB2_FLAG_ASYNC;
    ns_store64(head() + 32, async_id);
}

/* ---- Its way to the client ---- */

void sign_reply(void)
{
    size_t at = 0, next;

    do {
        next = ns_le32(srv.reply.p + at + 20);
        smb2_sign(srv.signing, srv.keys.signing, srv.reply.p + at,
                  next ? next : srv.reply.len - at);
        at += next;
    } while (next);
}

void frame(void)
{
    ns_store32be(srv.wire.p, (uint32_t)srv.wire.len - 4);
}

void protect(enum how how)
{
    ns_writer_reset(&srv.wire);
    ns_put32(&srv.wire, 0);
    if (how == SIGNED)
        sign_reply();
    if (how == ENCRYPTED)
        ck_assert_int_eq(smb2_encrypt(srv.cipher, srv.keys.to_client, ++srv.nonce, SESSION,
                                      srv.reply.p, srv.reply.len, &srv.wire),
                         0);
    else
        ns_put(&srv.wire, srv.reply.p, srv.reply.len);
    frame();
    ck_assert_int_eq(srv.wire.err, 0);
    ns_writer_reset(&srv.reply);
}

int feed(void)
{
    const uint8_t *p = srv.wire.p;
    size_t left = srv.wire.len, n;
    int rc = 0;

    if (!srv.keyed)
        smb2_preauth_update(srv.preauth, p + 4, left - 4);
    client.event = SMB2_EV_NONE;
    while (left && !rc) {
        void *to = smb2_client_room(&client, &n);

        if (!to)
            return NETSESSION_E_MEMORY;
        ck_assert_uint_gt(n, 0);
        n = n < left ? n : left;
        memcpy(to, p, n);
        p += n;
        left -= n;
        rc = smb2_client_received(&client, n);
    }
    return rc;
}

int deliver(enum how how)
{
    protect(how);
    return feed();
}

void delivered(enum how how)
{
    int rc = deliver(how);

    ck_assert_msg(rc == 0, "%d %s", rc, err.message);
}

/* ---- What it makes of it ---- */

void expect_event(enum smb2_event event)
{
    ck_assert_int_eq(client.event, event);
    ck_assert_int_eq(err.code, 0);
}

void expect_data(const char *text)
{
    expect_event(SMB2_EV_DATA);
    ck_assert_uint_eq(client.data.len, strlen(text));
    ck_assert_mem_eq(client.data.base, text, strlen(text));
}

void expect_failure(int rc, int code, const char *words)
{
    ck_assert_msg(rc == code, "%d %s", rc, err.message);
    ck_assert_int_eq(err.code, code);
    ck_assert_msg(strstr(err.message, words) != NULL, "%s", err.message);
    ck_assert_int_eq(client.event, SMB2_EV_NONE);
}

void expect_protocol(int rc, const char *words)
{
    expect_failure(rc, NETSESSION_E_PROTOCOL, words);
    ck_assert_str_eq(err.layer, "smb2");
}

void expect_security(int rc, const char *words)
{
    expect_failure(rc, NETSESSION_E_SECURITY, words);
    ck_assert_str_eq(err.layer, "smb2");
}

/* ---- A session that is there already ---- */

static void make_keys(void)
{
    memset(srv.keys.signing, 0x51, sizeof srv.keys.signing);
    memset(srv.keys.to_server, 0x52, sizeof srv.keys.to_server);
    memset(srv.keys.to_client, 0x53, sizeof srv.keys.to_client);
}

void opened(void)
{
    ck_assert_int_eq(client_begin(), 0);
    make_keys();
    srv.keyed = true;
    client.keys = srv.keys;
    client.offered.dialects[0] = NETSESSION_SMB_3_1_1;
    client.offered.dialect_count = 1;
    client.dialect = NETSESSION_SMB_3_1_1;
    client.signing = srv.signing = NETSESSION_AES_CMAC;
    client.cipher = srv.cipher = NETSESSION_AES_128_GCM;
    client.server_capabilities = SMB2_CAP_LARGE_MTU;
    client.io_size = 65536;
    client.next_message_id = 5;
    client.credits = 10;
    client.session_id = SESSION;
    client.secured = true;
    client.tree_id = TREE;
    memcpy(client.file_id, file_id, sizeof file_id);
    client.chain_tried = client.tree_ok = client.file_ok = client.open = true;
}

void call(void)
{
    ck_assert_int_eq(smb2_pipe_transceive(&client, (const uint8_t *)"call", 4), 0);
    EXPECT_SENT(SMB2_IOCTL);
}

void asked(void)
{
    opened();
    call();
}

void asked_encrypted(void)
{
    opened();
    client.encrypting = true;
    call();
    ck_assert(sent.e[0].encrypted);
}

void good_answer(void)
{
    answer_text(&sent.e[0], "answer");
}

/* ---- The way to a session ---- */

struct choice choice_of(unsigned dialect)
{
    bool contexts = dialect == NETSESSION_SMB_3_1_1;

    return (struct choice){.dialect = (uint16_t)dialect,
                           .mode = 3,
                           .capabilities =
                               SMB2_CAP_LARGE_MTU | (contexts ? 0 : SMB2_CAP_ENCRYPTION),
                           .transact = 1 << 20,
                           .read = 1 << 20,
                           .write = 1 << 20,
                           .cipher = contexts ? NETSESSION_AES_128_GCM : -1,
                           .signing = contexts ? NETSESSION_AES_GMAC : -1};
}

const uint8_t server_guid[16] = {0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8,
                                 0xA9, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF, 0xB0};

static void put_context(uint16_t type, unsigned id)
{
    ns_put_align(&srv.reply, 0, 8);
    ns_put16(&srv.reply, type);
    ns_put16(&srv.reply, 4);
    ns_put32(&srv.reply, 0);
    ns_put16(&srv.reply, 1);
    ns_put16(&srv.reply, (uint16_t)id);
}

static void put_contexts(const struct choice *k)
{
    if (!k->no_preauth) {
        ns_put16(&srv.reply, 1);
        ns_put16(&srv.reply, 10);
        ns_put32(&srv.reply, 0);
        ns_put16(&srv.reply, 1);
        ns_put16(&srv.reply, 4);
        ns_put16(&srv.reply, 1);
        ns_put32(&srv.reply, 0xFEFEFEFE);
    }
    if (k->cipher >= 0)
        put_context(2, (unsigned)k->cipher);
    if (k->signing >= 0)
        put_context(8, (unsigned)k->signing);
}

void answer_negotiate(const struct choice *k)
{
    int contexts = !k->no_preauth + (k->cipher >= 0) + (k->signing >= 0);
    bool has = k->dialect == NETSESSION_SMB_3_1_1;

    answer(&sent.e[0], 0);
    ns_put16(&srv.reply, 65);
    ns_put16(&srv.reply, k->mode);
    ns_put16(&srv.reply, k->dialect);
    ns_put16(&srv.reply, has ? (uint16_t)contexts : 0);
    ns_put(&srv.reply, server_guid, 16);
    ns_put32(&srv.reply, k->capabilities);
    ns_put32(&srv.reply, k->transact);
    ns_put32(&srv.reply, k->read);
    ns_put32(&srv.reply, k->write);
    put_zeros(16);
    ns_put16(&srv.reply, 128);
    ns_put16(&srv.reply, 0);
    ns_put32(&srv.reply, has ? 128 : 0);
    if (has)
        put_contexts(k);
}

void started(void)
{
    ck_assert_int_eq(client_begin(), 0);
    ck_assert_int_eq(smb2_client_start(&client, (const uint8_t *)"bind", 4), 0);
    EXPECT_SENT(SMB2_NEGOTIATE);
}

int negotiate_with(struct choice k)
{
    started();
    answer_negotiate(&k);
    return deliver(PLAIN);
}

void negotiated(struct choice k)
{
    int rc = negotiate_with(k);

    ck_assert_msg(rc == 0, "%d %s", rc, err.message);
    EXPECT_SENT(SMB2_SESSION_SETUP);
}

const uint8_t accepted[9] = {0xA1, 7, 0x30, 5, 0xA0, 3, 0x0A, 1, 0};
const uint8_t go_on[20] = {0xA1, 0x12, 0x30, 0x10, 0xA0, 3,    0x0A, 1,    1, 0xA1,
                           4,    6,    2,    0x2A, 3,    0xA2, 3,    0x04, 1, 'x'};

void answer_setup(uint32_t status, uint16_t flags, const uint8_t *token, size_t len)
{
    answer(&sent.e[0], status);
    ns_put16(&srv.reply, 9);
    ns_put16(&srv.reply, flags);
    ns_put16(&srv.reply, 72);
    ns_put16(&srv.reply, (uint16_t)len);
    ns_put(&srv.reply, token, len);
}

void derive(void)
{
    uint8_t key[AUTH_KEY_MAX];
    size_t len;

    mech_key(NULL, key, &len);
    ck_assert_int_eq(
        smb2_derive_keys(&srv.keys, client.dialect, client.cipher, key, len, srv.preauth), 0);
    srv.signing = client.signing;
    srv.cipher = client.cipher;
    srv.keyed = true;
}

int log_on(uint16_t flags)
{
    derive();
    answer_setup(0, flags, accepted, sizeof accepted);
    return deliver(SIGNED);
}

void logged_on_as(struct choice k, uint16_t flags)
{
    int rc;

    negotiated(k);
    rc = log_on(flags);
    ck_assert_msg(rc == 0, "%d %s", rc, err.message);
}

void logged_on(unsigned dialect)
{
    logged_on_as(choice_of(dialect), 0);
}
