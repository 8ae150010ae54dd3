/*
 * The reference server against requests that our client would never make: the
 * cases of the public test suites that need no more than IPC$, each with the
 * status that they expect of Windows.  After each the server serves another
 * connection.  Here: all up to an open pipe.
 */
#include "tests/test_server_case.h"

Suite *server_suite(void);
TCase *server_pair_tcase(void);
TCase *server_pipes_tcase(void);
TCase *server_requests_tcase(void);
TCase *server_table_tcase(void);
TCase *server_faults_tcase(void);

/* ---- NEGOTIATE ---- */

static void begin_negotiate(void)
{
    raw_begin(&x, SMB2_NEGOTIATE);
    ck_assert(smb2_negotiate_request_put(&x.out, &x.offer));
}

static size_t contexts_at(void)
{
    return ns_le32(element() + BODY + 28);
}

static void no_contexts(void)
{
    ns_store16(element() + BODY + 32, 0);
}

static void two_preauth_contexts(void)
{
    size_t at = contexts_at(), len = 8 + 38;
    uint8_t copy[8 + 38];

    memcpy(copy, element() + at, len);
    ns_put_align(&x.out, 0, 8);
    ns_put(&x.out, copy, len);
    ns_store16(element() + BODY + 32, 5);
}

/* A context of one kind after the other, four algorithms each. */
static void two_lists(uint16_t type, uint16_t least)
{
    for (int i = 0; i < 2; i++) {
        ns_put_align(&x.out, 0, 8);
        ns_put16(&x.out, type);
        ns_put16(&x.out, 10);
        ns_put32(&x.out, 0);
        ns_put16(&x.out, 4);
        for (uint16_t id = least; id < least + 4; id++)
            ns_put16(&x.out, id);
    }
}

/* Once the second list was written behind the first: found by a fuzzer. */
static void two_cipher_contexts(void)
{
    x.out.len =
        contexts_at() + (size_t)(element() - x.out.p) + 8 + 38; /* the preauth one stays */
    two_lists(2, 1);
    ns_store16(element() + BODY + 32, 3);
}

static void two_signing_contexts(void)
{
    x.out.len = contexts_at() + (size_t)(element() - x.out.p) + 8 + 38;
    two_lists(8, 0);
    ns_store16(element() + BODY + 32, 3);
}

static void unknown_hash(void)
{
    ns_store16(element() + contexts_at() + 8 + 4, 2);
}

static void no_preauth_context(void)
{
    ns_store16(element() + contexts_at(), 0x100);
}

static void no_dialects(void)
{
    ns_store16(element() + BODY + 2, 0);
}

static void unknown_dialect(void)
{
    ns_store16(element() + BODY + 36, 0x0399);
}

static void contexts_behind_the_end(void)
{
    ns_store32(element() + BODY + 28, 0xFFFFFFF8u);
}

static void context_too_long(void)
{
    ns_store16(element() + contexts_at() + 2, 0xFFFF);
}

static void more_dialects_than_bytes(void)
{
    ns_store16(element() + BODY + 2, 0xFFFF);
}

static void signed_flag(void)
{
    element()[16] |= SMB2_FLAG_SIGNED;
}

static void wrong_size(void)
{
    ns_store16(element() + BODY, 35);
}

static const struct bad_negotiate {
    void (*spoil)(void);
    uint32_t status;
} bad_negotiates[] = {
    {no_contexts, INVALID_PARAMETER},          {two_preauth_contexts, INVALID_PARAMETER},
    {unknown_hash, NO_HASH_OVERLAP},           {no_preauth_context, INVALID_PARAMETER},
    {no_dialects, INVALID_PARAMETER},          {unknown_dialect, NOT_SUPPORTED},
    {context_too_long, INVALID_PARAMETER},     {contexts_behind_the_end, INVALID_PARAMETER},
    {signed_flag, INVALID_PARAMETER},          {more_dialects_than_bytes, INVALID_PARAMETER},
    {wrong_size, INVALID_PARAMETER},           {two_cipher_contexts, INVALID_PARAMETER},
    {two_signing_contexts, INVALID_PARAMETER},
};
#define BAD_NEGOTIATES ((int)(sizeof bad_negotiates / sizeof *bad_negotiates))

START_TEST(negotiate_refused)
{
    open_new();
    raw_fill_offer(&x, NETSESSION_SMB_3_1_1);
    begin_negotiate();
    bad_negotiates[_i].spoil();
    send_and_expect(SMB2_NEGOTIATE, bad_negotiates[_i].status);
}
END_TEST

START_TEST(negotiate_none_in_common)
{
    r.cfg.smb.max_dialect = NETSESSION_SMB_3_0;
    open_new();
    raw_fill_offer(&x, NETSESSION_SMB_3_0_2);
    begin_negotiate();
    send_and_expect(SMB2_NEGOTIATE, NOT_SUPPORTED);
}
END_TEST

START_TEST(negotiate_unknown_cipher)
{
    smb2_negotiate_response m;
    ns_reader body;

    open_new();
    raw_fill_offer(&x, NETSESSION_SMB_3_1_1);
    x.offer.ciphers = (smb2_algs){{0x7777}, 1};
    begin_negotiate();
    send_and_expect(SMB2_NEGOTIATE, 0);
    body = raw_body(&x);
    ck_assert(smb2_negotiate_response_get(&body, &m));
    ck_assert(m.has_cipher);
    ck_assert_uint_eq(m.cipher, 0);
    ck_assert_uint_eq(m.capabilities & SMB2_CAP_ENCRYPTION, 0);
}
END_TEST

/* Those that the server does not know are passed over. */
START_TEST(negotiate_without_some_contexts)
{
    static const uint16_t types[] = {2, 8, 5};
    smb2_negotiate_response m;
    ns_reader body;

    open_new();
    raw_fill_offer(&x, NETSESSION_SMB_3_1_1);
    begin_negotiate();
    for (size_t at = contexts_at(), i = 0; i < 4; i++) {
        uint8_t *p = element() + at;

        if (ns_le16(p) == types[_i])
            ns_store16(p, 0x4321);
        at += (8 + (size_t)ns_le16(p + 2) + 7) & ~(size_t)7;
    }
    send_and_expect(SMB2_NEGOTIATE, 0);
    body = raw_body(&x);
    ck_assert(smb2_negotiate_response_get(&body, &m));
    ck_assert_int_eq(m.has_cipher, types[_i] != 2);
    ck_assert_int_eq(m.has_signing, types[_i] != 8);
}
END_TEST

START_TEST(negotiate_twice)
{
    open_new();
    raw_negotiate(&x, NETSESSION_SMB_3_0);
    begin_negotiate();
    send_and_die();
}
END_TEST

START_TEST(negotiate_comes_first)
{
    open_new();
    begin_small(SMB2_ECHO);
    send_and_die();
}
END_TEST

static void send_smb1(const char *dialects, size_t len)
{
    uint8_t msg[256] = {0xFF, 'S', 'M', 'B', 0x72};

    msg[33] = (uint8_t)len;
    memcpy(msg + 35, dialects, len);
    (void)raw_send_bytes(&x, msg, 35 + len);
}

static void expect_dialect(unsigned dialect)
{
    smb2_negotiate_response m;
    ns_reader body;

    raw_expect(&x, SMB2_NEGOTIATE, 0);
    body = raw_body(&x);
    ck_assert(smb2_negotiate_response_get(&body, &m));
    ck_assert_uint_eq(m.dialect, dialect);
}

#define SMB1_NT       "\2NT LM 0.12"
#define SMB1_2002     "\2SMB 2.002"
#define SMB1_WILDCARD "\2SMB 2.???"

START_TEST(smb1_wildcard)
{
    static const char dialects[] = SMB1_NT "\0" SMB1_2002 "\0" SMB1_WILDCARD;

    open_new();
    send_smb1(dialects, sizeof dialects);
    expect_dialect(0x02FF);
    x.next_mid = 1;
    raw_negotiate(&x, NETSESSION_SMB_3_1_1);
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
    raw_tree(&x);
}
END_TEST

START_TEST(smb1_to_2002)
{
    static const char dialects[] = SMB1_NT "\0" SMB1_2002;

    open_new();
    send_smb1(dialects, sizeof dialects);
    expect_dialect(NETSESSION_SMB_2_0_2);
    x.next_mid = 1;
    x.dialect = NETSESSION_SMB_2_0_2;
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
    raw_tree(&x);
}
END_TEST

START_TEST(smb1_alone)
{
    static const char dialects[] = SMB1_NT;

    open_new();
    send_smb1(dialects, sizeof dialects);
    ck_assert(x.dropped);
}
END_TEST

START_TEST(smb1_twice)
{
    static const char dialects[] = SMB1_WILDCARD;

    open_new();
    send_smb1(dialects, sizeof dialects);
    expect_dialect(0x02FF);
    send_smb1(dialects, sizeof dialects);
    ck_assert(x.dropped);
}
END_TEST

START_TEST(no_smb_at_all)
{
    static const char *const messages[] = {"GET / HTTP/1.0\r\n\r\n", "\xFCSMB", "\xFESMB",
                                           "\xFDSMBxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};

    open_new();
    ck_assert(!raw_send_bytes(&x, messages[_i], strlen(messages[_i])));
}
END_TEST

/* ---- FSCTL_VALIDATE_NEGOTIATE_INFO ---- */

static void change_capabilities(void)
{
    x.offer.capabilities ^= 1;
}

static void change_guid(void)
{
    x.offer.client_guid[15] ^= 1;
}

static void change_security_mode(void)
{
    x.offer.security_mode ^= 3;
}

static void change_dialect(void)
{
    x.offer.dialects[0] = NETSESSION_SMB_2_1;
}

static void add_dialect(void)
{
    x.offer.dialects[x.offer.dialect_count++] = NETSESSION_SMB_3_0_2;
}

static void none_in_common(void)
{
    x.offer.dialects[0] = 0x0399;
}

static void (*const lies[])(void) = {change_capabilities, change_guid, change_security_mode,
                                     change_dialect,      add_dialect, none_in_common};
#define LIES ((int)(sizeof lies / sizeof *lies))

static void begin_validate(uint32_t max)
{
    ns_writer input;

    ns_writer_init(&input, &r.cfg.hooks, 256);
    smb2_validate_request_put(&input, &x.offer);
    raw_begin(&x, SMB2_IOCTL);
    smb2_ioctl_request_put(&x.out, SMB2_FSCTL_VALIDATE_NEGOTIATE_INFO, raw_no_file, input.p,
                           input.len, max);
    ns_writer_free(&input);
}

START_TEST(validate_truth)
{
    static const unsigned dialects[] = {NETSESSION_SMB_2_0_2, NETSESSION_SMB_2_1,
                                        NETSESSION_SMB_3_0, NETSESSION_SMB_3_0_2};
    smb2_ioctl_response m;
    smb2_validate_response v;
    ns_reader body;

    ready(dialects[_i]);
    begin_validate(24);
    send_and_expect(SMB2_IOCTL, 0);
    ck_assert(x.header.flags & SMB2_FLAG_SIGNED);
    body = raw_body(&x);
    ck_assert(smb2_ioctl_response_get(&body, &m));
    ck_assert(smb2_validate_response_get(&m.output, &v));
    ck_assert_uint_eq(v.dialect, dialects[_i]);
}
END_TEST

START_TEST(validate_lie)
{
    ready(NETSESSION_SMB_3_0);
    lies[_i]();
    begin_validate(24);
    send_and_die();
}
END_TEST

START_TEST(validate_no_room)
{
    ready(NETSESSION_SMB_3_0);
    begin_validate(23);
    send_and_die();
}
END_TEST

START_TEST(validate_on_311)
{
    ready(NETSESSION_SMB_3_1_1);
    begin_validate(24);
    send_and_die();
}
END_TEST

/* ---- SESSION_SETUP, LOGOFF ---- */

START_TEST(logon_refused)
{
    open_new();
    raw_negotiate(&x, NETSESSION_SMB_3_1_1);
    ck_assert_uint_eq(raw_logon(&x, "admin", "wrong"), LOGON_FAILURE);
    x.session = 0;
    ck_assert_uint_eq(raw_logon(&x, "nobody", "wrong"), LOGON_FAILURE);
    x.session = 0;
    ck_assert_uint_eq(raw_logon(&x, "", ""), LOGON_FAILURE);
    x.session = 0;
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
    raw_tree(&x);
}
END_TEST

START_TEST(logon_with_garbage)
{
    open_new();
    raw_negotiate(&x, NETSESSION_SMB_3_1_1);
    raw_begin(&x, SMB2_SESSION_SETUP);
    smb2_session_setup_request_put(&x.out, 1, (const uint8_t *)"\x60\x7F garbage", 10);
    send_and_expect(SMB2_SESSION_SETUP, INVALID_PARAMETER);
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
}
END_TEST

START_TEST(no_binding)
{
    ready(NETSESSION_SMB_3_0);
    raw_begin(&x, SMB2_SESSION_SETUP);
    smb2_session_setup_request_put(&x.out, 1, (const uint8_t *)"x", 1);
    element()[BODY + 2] = SMB2_SESSION_BINDING;
    send_and_expect(SMB2_SESSION_SETUP, REQUEST_NOT_ACCEPTED);
    still_alive();
}
END_TEST

START_TEST(logoff)
{
    ready(NETSESSION_SMB_3_1_1);
    begin_small(SMB2_LOGOFF);
    send_and_expect(SMB2_LOGOFF, 0);
    ck_assert_uint_eq(ns_server_sessions(r.server), 0);
    begin_small(SMB2_LOGOFF);
    send_and_expect(SMB2_LOGOFF, USER_SESSION_DELETED);
    raw_begin(&x, SMB2_CREATE);
    smb2_create_request_put(&x.out, "srvsvc");
    send_and_expect(SMB2_CREATE, USER_SESSION_DELETED);
    raw_begin(&x, SMB2_SESSION_SETUP);
    smb2_session_setup_request_put(&x.out, 1, (const uint8_t *)"x", 1);
    send_and_expect(SMB2_SESSION_SETUP, USER_SESSION_DELETED);
}
END_TEST

START_TEST(reauthentication)
{
    uint64_t session;

    r.cfg.smb.lifetime = 1000;
    bound(NETSESSION_SMB_3_1_1);
    session = x.session;
    r.now += 1000;
    begin_small(SMB2_TREE_DISCONNECT);
    send_and_expect(SMB2_TREE_DISCONNECT, NETWORK_SESSION_EXPIRED);
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
    ck_assert_uint_eq(x.session, session);
    raw_transceive(&x, raw_put_enum_10, 65536, 0);
    ck_assert_uint_eq(ns_server_sessions(r.server), 1);
}
END_TEST

START_TEST(reauthentication_refused)
{
    static const char *const who[][2] = {{"admin", "wrong"}, {"other", "other"}};

    r.cfg.smb.lifetime = 1000;
    bound(NETSESSION_SMB_3_1_1);
    r.now += 1000;
    ck_assert_uint_eq(raw_logon(&x, who[_i][0], who[_i][1]),
                      _i ? ACCESS_DENIED : LOGON_FAILURE);
    ck_assert_uint_eq(ns_server_sessions(r.server), 0);
    begin_small(SMB2_TREE_DISCONNECT);
    send_and_expect(SMB2_TREE_DISCONNECT, USER_SESSION_DELETED);
}
END_TEST

/* 3.3.5.5.3: somebody else may, but the session stays whose it was. */
START_TEST(reauthentication_of_another)
{
    bound(NETSESSION_SMB_3_1_1);
    ck_assert_uint_eq(raw_logon(&x, "plain", "plain"), 0);
    raw_transceive(&x, raw_put_enum_10, 65536, 0);
    ck_assert_uint_eq(ns_server_sessions(r.server), 1);
}
END_TEST

START_TEST(closing_after_expiry)
{
    r.cfg.smb.lifetime = 1000;
    bound(NETSESSION_SMB_3_1_1);
    r.now += 1000;
    raw_begin(&x, SMB2_CLOSE);
    smb2_close_request_put(&x.out, x.file);
    send_and_expect(SMB2_CLOSE, 0);
    begin_small(SMB2_LOGOFF);
    send_and_expect(SMB2_LOGOFF, 0);
}
END_TEST

/* A session that was ended in a compound does not rise again in it. */
START_TEST(logoff_then_logon_in_one)
{
    open_new();
    raw_negotiate(&x, NETSESSION_SMB_3_0);
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
    begin_small(SMB2_LOGOFF);
    raw_begin(&x, SMB2_SESSION_SETUP);
    smb2_session_setup_request_put(&x.out, 1, (const uint8_t *)"NTLMSSP\0\1\0\0\0", 12);
    ck_assert(raw_send(&x));
    raw_expect(&x, SMB2_LOGOFF, 0);
    raw_expect(&x, SMB2_SESSION_SETUP, USER_SESSION_DELETED);
    ck_assert_uint_eq(ns_server_sessions(r.server), 0);
}
END_TEST

START_TEST(previous_session)
{
    raw y;

    ready(NETSESSION_SMB_3_1_1);
    raw_open(&y, &r);
    raw_negotiate(&y, NETSESSION_SMB_3_1_1);
    y.previous = x.session;
    ck_assert_uint_eq(raw_logon(&y, _i ? "other" : "admin", _i ? "other" : "secret"), 0);
    ck_assert_uint_eq(ns_server_sessions(r.server), _i ? 2 : 1);
    begin_small(SMB2_TREE_DISCONNECT);
    send_and_expect(SMB2_TREE_DISCONNECT, _i ? 0 : USER_SESSION_DELETED);
    raw_tree(&y);
    raw_close(&y);
}
END_TEST

/* On one connection, too; what waits there is gone. */
START_TEST(previous_session_here)
{
    uint64_t old;

    ready(NETSESSION_SMB_3_1_1);
    old = x.previous = x.session;
    x.session = 0;
    x.sign = false;
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
    ck_assert_uint_eq(ns_server_sessions(r.server), 1);
    x.session = old;
    x.sign = false;
    begin_small(SMB2_TREE_DISCONNECT);
    send_and_expect(SMB2_TREE_DISCONNECT, USER_SESSION_DELETED);
}
END_TEST

START_TEST(max_sessions)
{
    r.cfg.smb.max_sessions = 3;
    open_new();
    raw_negotiate(&x, NETSESSION_SMB_3_1_1);
    for (int i = 0; i < 3; i++) {
        x.session = 0;
        x.sign = false;
        ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
    }
    ck_assert_uint_eq(ns_server_sessions(r.server), 3);
    begin_small(SMB2_ECHO);
    ck_assert(raw_send(&x));
    raw_expect(&x, SMB2_ECHO, 0);
    x.session = 0;
    x.sign = false;
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), INSUFFICIENT_RESOURCES);
    ck_assert_uint_eq(ns_server_sessions(r.server), 3);
}
END_TEST

/* ---- Protection ---- */

START_TEST(tree_connect_unprotected)
{
    open_new();
    raw_negotiate(&x, NETSESSION_SMB_3_1_1);
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
    x.sign = false;
    raw_begin(&x, SMB2_TREE_CONNECT);
    ck_assert(smb2_tree_connect_request_put(&x.out, "\\\\rig\\IPC$"));
    send_and_die();
}
END_TEST

START_TEST(tree_connect_unsigned_before_311)
{
    open_new();
    raw_negotiate(&x, NETSESSION_SMB_3_0_2);
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
    x.sign = false;
    raw_tree(&x);
    ck_assert(!(x.header.flags & SMB2_FLAG_SIGNED));
}
END_TEST

START_TEST(wrong_signature)
{
    static const unsigned dialects[] = {NETSESSION_SMB_2_0_2, NETSESSION_SMB_3_0,
                                        NETSESSION_SMB_3_1_1};

    ready(dialects[_i]);
    x.keys.signing[0] ^= 1;
    begin_small(SMB2_TREE_DISCONNECT);
    ck_assert(raw_send(&x));
    x.keys.signing[0] ^= 1;
    raw_expect(&x, SMB2_TREE_DISCONNECT, ACCESS_DENIED);
    still_alive();
    begin_small(SMB2_TREE_DISCONNECT);
    send_and_expect(SMB2_TREE_DISCONNECT, 0);
}
END_TEST

START_TEST(unsigned_where_required)
{
    if (_i)
        x.security_mode = SMB2_SIGNING_REQUIRED;
    else
        r.cfg.smb.signing_required = true;
    open_new();
    x.security_mode = _i ? SMB2_SIGNING_REQUIRED : SMB2_SIGNING_ENABLED;
    raw_negotiate(&x, NETSESSION_SMB_3_0);
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
    raw_tree(&x);
    x.sign = false;
    begin_small(SMB2_TREE_DISCONNECT);
    send_and_expect(SMB2_TREE_DISCONNECT, ACCESS_DENIED);
    x.sign = true;
    begin_small(SMB2_TREE_DISCONNECT);
    send_and_expect(SMB2_TREE_DISCONNECT, 0);
}
END_TEST

START_TEST(plain_where_encrypted)
{
    r.cfg.smb.encryption = SMB2_ENCRYPTION_REQUIRED;
    open_new();
    raw_negotiate(&x, _i ? NETSESSION_SMB_3_0 : NETSESSION_SMB_3_1_1);
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
    raw_begin(&x, SMB2_TREE_CONNECT);
    ck_assert(smb2_tree_connect_request_put(&x.out, "\\\\rig\\IPC$"));
    send_and_expect(SMB2_TREE_CONNECT, ACCESS_DENIED);
    x.encrypt = true;
    raw_tree(&x);
    ck_assert(!(x.header.flags & SMB2_FLAG_SIGNED));
    raw_create(&x);
    raw_transceive(&x, raw_put_bind, 65536, 0);
}
END_TEST

static void flip_tag(ns_writer *sealed)
{
    sealed->p[4] ^= 1;
}

static void other_session(ns_writer *sealed)
{
    sealed->p[44] ^= 1;
}

static void wrong_length(ns_writer *sealed)
{
    sealed->p[36] ^= 1;
}

static void cut(ns_writer *sealed)
{
    sealed->len = SMB2_TRANSFORM_LEN + 10;
}

static void (*const seal_breakers[])(ns_writer *) = {flip_tag, other_session, wrong_length,
                                                     cut};

START_TEST(broken_seal)
{
    ns_writer sealed;

    ready(NETSESSION_SMB_3_1_1);
    begin_small(SMB2_ECHO);
    ns_writer_init(&sealed, &r.cfg.hooks, 65536);
    ck_assert_int_eq(
        smb2_encrypt(x.cipher, x.keys.to_server, 1, x.session, x.out.p, x.out.len, &sealed), 0);
    seal_breakers[_i](&sealed);
    ck_assert(!raw_send_bytes(&x, sealed.p, sealed.len));
    ns_writer_free(&sealed);
}
END_TEST

/* 3.3.5.2.1.1: what is sealed for one session is not for another. */
START_TEST(seal_of_another_session)
{
    smb2_header h;
    uint64_t first;

    ready(NETSESSION_SMB_3_1_1);
    first = x.session;
    x.session = 0;
    x.sign = false;
    ck_assert_uint_eq(raw_logon(&x, "plain", "plain"), 0);
    x.encrypt = true;
    h = raw_header(&x, SMB2_TREE_DISCONNECT);
    h.session_id = first;
    raw_put_header(&x, &h);
    smb2_empty_put(&x.out);
    send_and_die();
}
END_TEST

/* ---- Ids that do not exist ---- */

START_TEST(wrong_ids)
{
    smb2_header h;
    uint8_t file[SMB2_FILE_ID_LEN];

    ready(NETSESSION_SMB_3_0);
    x.sign = false;
    h = raw_header(&x, SMB2_TREE_DISCONNECT);
    h.session_id ^= 1;
    raw_put_header(&x, &h);
    smb2_empty_put(&x.out);
    send_and_expect(SMB2_TREE_DISCONNECT, USER_SESSION_DELETED);
    h = raw_header(&x, SMB2_TREE_DISCONNECT);
    h.tree_id = 77;
    raw_put_header(&x, &h);
    smb2_empty_put(&x.out);
    send_and_expect(SMB2_TREE_DISCONNECT, NETWORK_NAME_DELETED);
    for (unsigned half = 0; half < 2; half++) {
        memcpy(file, x.file, sizeof file);
        file[8 * half] ^= 0x40;
        raw_begin(&x, SMB2_CLOSE);
        smb2_close_request_put(&x.out, file);
        send_and_expect(SMB2_CLOSE, FILE_CLOSED);
        raw_begin(&x, SMB2_READ);
        smb2_read_request_put(&x.out, file, 10);
        send_and_expect(SMB2_READ, FILE_CLOSED);
        raw_begin(&x, SMB2_WRITE);
        smb2_write_request_put(&x.out, file, file, 1);
        send_and_expect(SMB2_WRITE, FILE_CLOSED);
        raw_begin(&x, SMB2_IOCTL);
        smb2_ioctl_request_put(&x.out, SMB2_FSCTL_PIPE_TRANSCEIVE, file, file, 1, 100);
        send_and_expect(SMB2_IOCTL, FILE_CLOSED);
    }
}
END_TEST

/* A handle is good for its own tree alone. */
START_TEST(file_of_another_tree)
{
    ready(NETSESSION_SMB_3_1_1);
    raw_tree(&x);
    raw_begin(&x, SMB2_CLOSE);
    smb2_close_request_put(&x.out, x.file);
    send_and_expect(SMB2_CLOSE, FILE_CLOSED);
}
END_TEST

/* ---- Shares and pipes ---- */

START_TEST(shares)
{
    static const struct {
        const char *path;
        uint32_t status;
    } cases[] = {{"\\\\rig\\ipc$", 0},
                 {"\\\\other\\IPC$", 0},
                 {"IPC$", 0},
                 {"", INVALID_PARAMETER},
                 {"\\\\rig\\C$", BAD_NETWORK_NAME},
                 {"\\\\rig\\IPC$\\", BAD_NETWORK_NAME},
                 {"\\\\rig\\\xC3\xA9", BAD_NETWORK_NAME},
                 {"\\\\rig\\IPC$IPC$IPC$IPC$IPC$IPC$IPC$IPC$IPC$IPC$IPC$IPC$IPC$IPC$IPC$IPC$IP",
                  BAD_NETWORK_NAME}};

    ready(NETSESSION_SMB_3_1_1);
    raw_begin(&x, SMB2_TREE_CONNECT);
    ck_assert(smb2_tree_connect_request_put(&x.out, cases[_i].path));
    send_and_expect(SMB2_TREE_CONNECT, cases[_i].status);
}
END_TEST

START_TEST(max_trees)
{
    r.cfg.smb.max_trees = 2;
    ready(NETSESSION_SMB_3_1_1);
    raw_tree(&x);
    raw_begin(&x, SMB2_TREE_CONNECT);
    ck_assert(smb2_tree_connect_request_put(&x.out, "\\\\rig\\IPC$"));
    send_and_expect(SMB2_TREE_CONNECT, INSUFFICIENT_RESOURCES);
    begin_small(SMB2_TREE_DISCONNECT);
    send_and_expect(SMB2_TREE_DISCONNECT, 0);
    raw_tree(&x);
}
END_TEST

START_TEST(pipes)
{
    static const struct {
        const char *name;
        uint32_t status;
    } cases[] = {{"srvsvc", 0},
                 {"SrvSvc", 0},
                 {"\\srvsvc", OBJECT_NAME_NOT_FOUND},
                 {"pipe\\srvsvc", OBJECT_NAME_NOT_FOUND},
                 {"wkssvc", OBJECT_NAME_NOT_FOUND},
                 {"", OBJECT_NAME_NOT_FOUND},
                 {"srvsvc\xC3\xA9", OBJECT_NAME_NOT_FOUND}};

    ready(NETSESSION_SMB_3_1_1);
    raw_begin(&x, SMB2_CREATE);
    smb2_create_request_put(&x.out, cases[_i].name);
    if (strlen(cases[_i].name) == 8 && (uint8_t)cases[_i].name[6] == 0xC3)
        ns_store16(element() + BODY + 46, 14);
    send_and_expect(SMB2_CREATE, cases[_i].status);
}
END_TEST

START_TEST(impersonation)
{
    ready(NETSESSION_SMB_3_1_1);
    raw_begin(&x, SMB2_CREATE);
    smb2_create_request_put(&x.out, "srvsvc");
    ns_store32(element() + BODY + 4, 3);
    send_and_expect(SMB2_CREATE, BAD_IMPERSONATION_LEVEL);
}
END_TEST

START_TEST(max_opens)
{
    r.cfg.smb.max_opens = 2;
    ready(NETSESSION_SMB_3_1_1);
    raw_create(&x);
    raw_begin(&x, SMB2_CREATE);
    smb2_create_request_put(&x.out, "srvsvc");
    send_and_expect(SMB2_CREATE, INSUFFICIENT_RESOURCES);
}
END_TEST

/* ---- All of it ---- */

static void add_logon_cases(TCase *tc)
{
    tcase_add_loop_test(tc, negotiate_refused, 0, BAD_NEGOTIATES);
    tcase_add_test(tc, negotiate_none_in_common);
    tcase_add_test(tc, negotiate_unknown_cipher);
    tcase_add_loop_test(tc, negotiate_without_some_contexts, 0, 3);
    tcase_add_test(tc, negotiate_twice);
    tcase_add_test(tc, negotiate_comes_first);
    tcase_add_test(tc, smb1_wildcard);
    tcase_add_test(tc, smb1_to_2002);
    tcase_add_test(tc, smb1_alone);
    tcase_add_test(tc, smb1_twice);
    tcase_add_loop_test(tc, no_smb_at_all, 0, 4);
    tcase_add_loop_test(tc, validate_truth, 0, 4);
    tcase_add_loop_test(tc, validate_lie, 0, LIES);
    tcase_add_test(tc, validate_no_room);
    tcase_add_test(tc, validate_on_311);
    tcase_add_test(tc, logon_refused);
    tcase_add_test(tc, logon_with_garbage);
    tcase_add_test(tc, no_binding);
    tcase_add_test(tc, logoff);
    tcase_add_test(tc, reauthentication);
    tcase_add_loop_test(tc, reauthentication_refused, 0, 2);
    tcase_add_test(tc, reauthentication_of_another);
    tcase_add_test(tc, closing_after_expiry);
    tcase_add_test(tc, logoff_then_logon_in_one);
    tcase_add_loop_test(tc, previous_session, 0, 2);
    tcase_add_test(tc, previous_session_here);
    tcase_add_test(tc, max_sessions);
}

static void add_protection_cases(TCase *tc)
{
    tcase_add_test(tc, tree_connect_unprotected);
    tcase_add_test(tc, tree_connect_unsigned_before_311);
    tcase_add_loop_test(tc, wrong_signature, 0, 3);
    tcase_add_loop_test(tc, unsigned_where_required, 0, 2);
    tcase_add_loop_test(tc, plain_where_encrypted, 0, 2);
    tcase_add_loop_test(tc, broken_seal, 0, 4);
    tcase_add_test(tc, seal_of_another_session);
    tcase_add_test(tc, wrong_ids);
    tcase_add_test(tc, file_of_another_tree);
    tcase_add_loop_test(tc, shares, 0, 8);
    tcase_add_test(tc, max_trees);
    tcase_add_loop_test(tc, pipes, 0, 7);
    tcase_add_test(tc, impersonation);
    tcase_add_test(tc, max_opens);
}

Suite *server_suite(void)
{
    Suite *s = suite_create("server");
    TCase *tc = tcase_create("logon");

    tcase_set_timeout(tc, 300);
    tcase_add_checked_fixture(tc, setup, teardown);
    add_logon_cases(tc);
    add_protection_cases(tc);
    suite_add_tcase(s, server_pair_tcase());
    suite_add_tcase(s, tc);
    suite_add_tcase(s, server_requests_tcase());
    suite_add_tcase(s, server_pipes_tcase());
    suite_add_tcase(s, server_faults_tcase());
    suite_add_tcase(s, server_table_tcase());
    return s;
}
