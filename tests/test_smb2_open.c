/*
 * The client half of SMB2 on its way to an open pipe: negotiation, logon, the
 * compound and what it falls back on, validation, encryption; and whole
 * conversations with each allocation failing once.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test_smb2_rig.h"

void smb2_open_cases(Suite *s);

/* ---- Negotiation ---- */

START_TEST(first_words)
{
    ns_reader r;

    started();
    ck_assert_uint_eq(sent.e[0].h.message_id, 0);
    ck_assert_uint_eq(sent.e[0].h.credit_charge, 0);
    ck_assert_uint_ge(sent.e[0].h.credits, 1);
    ck_assert_uint_eq(sent.e[0].h.session_id, 0);
    r = ns_reader_of(sent.e[0].msg, sent.e[0].len);
    ns_skip(&r, 64);
    ck_assert_uint_eq(ns_get16(&r), 36);
    ck_assert_uint_eq(ns_get16(&r), 5);
    ck_assert_uint_eq(ns_get16(&r), SMB2_SIGNING_REQUIRED);
    ns_skip(&r, 2);
    ck_assert_uint_eq(ns_get32(&r), SMB2_CAP_LARGE_MTU | SMB2_CAP_ENCRYPTION);
    test_assert_hex(ns_take(&r, 16), 16, "000102030405060708090a0b0c0d0e0f");
    ck_assert_uint_eq(client.exchanges, 1);
    expect_event(SMB2_EV_NONE);
}
END_TEST

static void expect_dialects(unsigned min, unsigned max, const char *hex)
{
    cfg.min_dialect = min;
    cfg.max_dialect = max;
    started();
    test_assert_hex(sent.e[0].msg + 100, strlen(hex) / 2, hex);
    ck_assert_uint_eq(ns_le16(sent.e[0].msg + 66), strlen(hex) / 4);
}

START_TEST(dialects_offered)
{
    expect_dialects(NETSESSION_SMB_2_0_2, NETSESSION_SMB_2_0_2, "0202");
    test_assert_hex(sent.e[0].msg + 76, 16, "00000000000000000000000000000000");
    ck_assert_uint_eq(ns_le32(sent.e[0].msg + 72), 0);
    expect_dialects(NETSESSION_SMB_2_1, NETSESSION_SMB_3_0, "10020003");
    expect_dialects(NETSESSION_SMB_3_1_1, NETSESSION_SMB_3_1_1, "1103");
    cfg.encrypt = true;
    expect_dialects(NETSESSION_SMB_2_0_2, NETSESSION_SMB_3_1_1, "000302031103");
    cfg.ciphers = (smb2_algs){{NETSESSION_AES_128_GCM}, 1};
    expect_dialects(NETSESSION_SMB_2_0_2, NETSESSION_SMB_3_1_1, "1103");
    cfg.encrypt = false;
    cfg.signings = (smb2_algs){{NETSESSION_HMAC_SHA256}, 1};
    expect_dialects(NETSESSION_SMB_2_0_2, NETSESSION_SMB_3_1_1, "020210021103");
}
END_TEST

START_TEST(nothing_to_offer)
{
    cfg.signings = (smb2_algs){{NETSESSION_AES_GMAC}, 1};
    cfg.max_dialect = NETSESSION_SMB_3_0_2;
    client_begin();
    expect_failure(smb2_client_start(&client, bytes, 4), NETSESSION_E_POLICY, "dialect");
    ck_assert_uint_eq(client.out.len, 0);
}
END_TEST

/* 3.1.1 alone, and an algorithm of which nothing is allowed. */
START_TEST(nothing_allowed)
{
    cfg.min_dialect = NETSESSION_SMB_3_1_1;
    cfg.encrypt = _i == 0;
    if (_i == 0)
        cfg.ciphers.count = 0;
    else
        cfg.signings.count = 0;
    client_begin();
    expect_failure(smb2_client_start(&client, bytes, 4), NETSESSION_E_POLICY, "dialect");
    ck_assert_uint_eq(client.out.len, 0);
}
END_TEST

/* 3.0 has one cipher only: encryption is not offered without it. */
START_TEST(cipher_of_3_0)
{
    expect_dialects(NETSESSION_SMB_3_0, NETSESSION_SMB_3_0_2, "00030203");
    ck_assert_uint_eq(ns_le32(sent.e[0].msg + 72), SMB2_CAP_LARGE_MTU | SMB2_CAP_ENCRYPTION);
    cfg.ciphers = (smb2_algs){{NETSESSION_AES_128_GCM}, 1};
    expect_dialects(NETSESSION_SMB_3_0, NETSESSION_SMB_3_0_2, "00030203");
    ck_assert_uint_eq(ns_le32(sent.e[0].msg + 72), SMB2_CAP_LARGE_MTU);
}
END_TEST

static int no_entropy(void *ctx, void *out, size_t size)
{
    (void)ctx;
    (void)out;
    (void)size;
    return -1;
}

START_TEST(no_randomness)
{
    client_begin();
    hooks.entropy = no_entropy;
    expect_failure(smb2_client_start(&client, bytes, 4), NETSESSION_E_CRYPTO, "entropy");
    ck_assert_uint_eq(client.out.len, 0);
}
END_TEST

START_TEST(names_that_are_no_utf8)
{
    cfg.host = "fs\xFF";
    client_begin();
    expect_failure(smb2_client_start(&client, bytes, 4), NETSESSION_E_ARGUMENT, "UTF-8");
}
END_TEST

START_TEST(negotiate_refused)
{
    started();
    answer_error(&sent.e[0], NOT_SUPPORTED);
    expect_failure(deliver(PLAIN), NETSESSION_E_POLICY, "STATUS_NOT_SUPPORTED");
}
END_TEST

START_TEST(f35_f36_dialect_not_offered)
{
    static const uint16_t dialects[] = {0,
                                        0x0201,
                                        0x02FF,
                                        0x0301,
                                        0x0310,
                                        0x0312,
                                        0xFFFF,
                                        NETSESSION_SMB_2_0_2,
                                        NETSESSION_SMB_3_0_2};

    cfg.min_dialect = NETSESSION_SMB_2_1;
    cfg.max_dialect = NETSESSION_SMB_3_0;
    for (size_t i = 0; i < COUNT(dialects); i++)
        expect_protocol(negotiate_with(choice_of(dialects[i])), "not offered");
    expect_protocol(negotiate_with(choice_of(NETSESSION_SMB_3_1_1)), "not offered");
}
END_TEST

START_TEST(f37_sizes_too_small)
{
    static const uint32_t sizes[] = {0, 1, 65535};

    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct choice k = choice_of(NETSESSION_SMB_3_1_1);

        k.transact = sizes[i];
        expect_protocol(negotiate_with(k), "65536");
        k = choice_of(NETSESSION_SMB_3_1_1);
        k.read = sizes[i];
        expect_protocol(negotiate_with(k), "65536");
        k = choice_of(NETSESSION_SMB_3_1_1);
        k.write = sizes[i];
        expect_protocol(negotiate_with(k), "65536");
    }
}
END_TEST

START_TEST(f38_sizes_without_bounds)
{
    struct choice k = choice_of(NETSESSION_SMB_3_1_1);

    k.transact = k.read = k.write = UINT32_MAX;
    negotiated(k);
    ck_assert_uint_eq(client.io_size, 65536);
}
END_TEST

START_TEST(io_size_follows_the_server)
{
    struct choice k = choice_of(NETSESSION_SMB_3_1_1);

    cfg.io_size = 4 << 20;
    negotiated(k);
    ck_assert_uint_eq(client.io_size, 1 << 20);
    k.read = 1 << 19;
    negotiated(k);
    ck_assert_uint_eq(client.io_size, 1 << 19);
    k.transact = 1 << 18;
    negotiated(k);
    ck_assert_uint_eq(client.io_size, 1 << 18);
    k.capabilities = 0; /* no large MTU */
    negotiated(k);
    ck_assert_uint_eq(client.io_size, 65536);
    negotiated(choice_of(NETSESSION_SMB_2_0_2));
    ck_assert_uint_eq(client.io_size, 65536);
    cfg.io_size = 4096;
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    ck_assert_uint_eq(client.io_size, 4096);
}
END_TEST

/* Malformed in one of the ways that the decoder's own tests go through. */
START_TEST(f39_to_f45_malformed)
{
    struct choice k = choice_of(NETSESSION_SMB_3_1_1);

    started();
    answer_negotiate(&k);
    ns_store16(head() + 120, 64);
    ns_store16(head() + 122, 1);
    expect_protocol(deliver(PLAIN), "malformed");
    started();
    answer_negotiate(&k);
    ns_store16(head() + 122, 0xFFFF);
    expect_protocol(deliver(PLAIN), "malformed");
    started();
    answer_negotiate(&k);
    ns_store16(head() + 70, 0xFFFF);
    expect_protocol(deliver(PLAIN), "malformed");
    k.no_preauth = true;
    expect_protocol(negotiate_with(k), "malformed");
}
END_TEST

START_TEST(f46_cipher_not_offered)
{
    static const int ciphers[] = {NETSESSION_AES_256_CCM, 5, 0xFFFF};

    for (size_t i = 0; i < COUNT(ciphers); i++) {
        struct choice k = choice_of(NETSESSION_SMB_3_1_1);

        k.cipher = ciphers[i];
        expect_protocol(negotiate_with(k), "cipher");
    }
}
END_TEST

START_TEST(f47_no_cipher_when_required)
{
    struct choice k = choice_of(NETSESSION_SMB_3_1_1);

    cfg.encrypt = true;
    k.cipher = 0;
    expect_failure(negotiate_with(k), NETSESSION_E_POLICY, "encryption is required");
    k.cipher = -1;
    expect_failure(negotiate_with(k), NETSESSION_E_POLICY, "encryption is required");
    k = choice_of(NETSESSION_SMB_3_0);
    k.capabilities = SMB2_CAP_LARGE_MTU;
    expect_failure(negotiate_with(k), NETSESSION_E_POLICY, "encryption is required");
    cfg.encrypt = false;
    negotiated(k);
    ck_assert_uint_eq(client.cipher, NETSESSION_CIPHER_NONE);
}
END_TEST

START_TEST(f48_signing_not_offered)
{
    static const int signings[] = {NETSESSION_AES_GMAC, 3, 0xFFFF};

    cfg.signings = (smb2_algs){{NETSESSION_AES_CMAC, NETSESSION_HMAC_SHA256}, 2};
    for (size_t i = 0; i < COUNT(signings); i++) {
        struct choice k = choice_of(NETSESSION_SMB_3_1_1);

        k.signing = signings[i];
        expect_protocol(negotiate_with(k), "signing algorithm");
    }
}
END_TEST

/* A server that knows no such context signs with AES-CMAC. */
START_TEST(signing_by_default)
{
    struct choice k = choice_of(NETSESSION_SMB_3_1_1);

    k.signing = -1;
    negotiated(k);
    ck_assert_uint_eq(client.signing, NETSESSION_AES_CMAC);
    cfg.signings = (smb2_algs){{NETSESSION_AES_GMAC}, 1};
    expect_failure(negotiate_with(k), NETSESSION_E_POLICY, "AES-CMAC");
}
END_TEST

/* ---- Logging on ---- */

START_TEST(logging_on)
{
    unsigned dialects[] = {NETSESSION_SMB_2_0_2, NETSESSION_SMB_2_1, NETSESSION_SMB_3_0,
                           NETSESSION_SMB_3_0_2, NETSESSION_SMB_3_1_1};

    for (size_t i = 0; i < COUNT(dialects); i++) {
        logged_on(dialects[i]);
        ck_assert(client.secured && !client.encrypting);
        ck_assert_uint_eq(client.session_id, SESSION);
        ck_assert_mem_eq(&client.keys, &srv.keys, sizeof srv.keys);
        take_sent(); /* signed, which is checked */
        ck_assert_uint_eq(sent.e[0].h.command, SMB2_TREE_CONNECT);
        ck_assert_uint_eq(sent.e[0].h.message_id, 2);
    }
}
END_TEST

START_TEST(logging_on_with_long_keys)
{
    struct choice k = choice_of(NETSESSION_SMB_3_1_1);

    k.cipher = NETSESSION_AES_256_GCM;
    mechanism.key_len = 32;
    logged_on_as(k, SMB2_SESSION_ENCRYPT);
    ck_assert(client.encrypting);
    take_sent();
    ck_assert(sent.e[0].encrypted);
}
END_TEST

START_TEST(logging_on_in_three_legs)
{
    mechanism.legs = 3;
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    ck_assert_uint_eq(sent.e[0].h.session_id, 0);
    for (int leg = 1; leg < 3; leg++) {
        answer_setup(STATUS_MORE_PROCESSING_REQUIRED, 0, go_on, sizeof go_on);
        delivered(PLAIN);
        EXPECT_SENT(SMB2_SESSION_SETUP);
        ck_assert_uint_eq(sent.e[0].h.session_id, SESSION);
        ck_assert_uint_eq(sent.e[0].h.message_id, (unsigned)leg + 1);
    }
    ck_assert_int_eq(log_on(0), 0);
    take_sent();
    ck_assert_uint_eq(sent.e[0].h.command, SMB2_TREE_CONNECT);
}
END_TEST

START_TEST(logon_refused)
{
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    answer_error(&sent.e[0], LOGON_FAILURE);
    expect_failure(deliver(PLAIN), NETSESSION_E_LOGON, "check the user name");
    ck_assert_str_eq(err.layer, "auth");
    ck_assert_uint_eq(err.win32, 1326);
}
END_TEST

static const uint8_t rejected[9] = {0xA1, 7, 0x30, 5, 0xA0, 3, 0x0A, 1, 2}; /* SPNEGO */

static const auth_params second_params = {.hooks = &hooks,
                                          .domain = "",
                                          .user = "second",
                                          .password = "p",
                                          .workstation = "",
                                          .target_name = "cifs/fs1"};

/* The refusal is in the token, the status asks for another leg; _i 1: there is
 * somebody else to log on, from the start. */
START_TEST(logon_rejected_in_token)
{
    struct choice k = choice_of(NETSESSION_SMB_3_1_1);
    auth_client *second;

    mechanism.legs = 2;
    ck_assert_int_eq(client_begin(), 0);
    ck_assert_int_eq(auth_client_new(&second, &second_params, &err), 0);
    ck_assert_int_eq(smb2_client_log_on(&client, auth, _i ? second : NULL), 0);
    ck_assert_int_eq(smb2_client_start(&client, bytes, 4), 0);
    EXPECT_SENT(SMB2_NEGOTIATE);
    answer_negotiate(&k);
    delivered(PLAIN);
    EXPECT_SENT(SMB2_SESSION_SETUP);
    answer_setup(STATUS_MORE_PROCESSING_REQUIRED, 0, rejected, sizeof rejected);
    if (_i) {
        delivered(PLAIN);
        expect_event(SMB2_EV_NONE);
        EXPECT_SENT(SMB2_SESSION_SETUP);
        ck_assert_uint_eq(sent.e[0].h.session_id, 0);
        ck_assert_ptr_eq(client.auth, second);
        ck_assert_ptr_null(client.second);
    } else {
        expect_failure(deliver(PLAIN), NETSESSION_E_LOGON, "rejects");
        ck_assert_uint_eq(client.out.len, 0);
    }
    auth_client_free(second);
}
END_TEST

/* What went wrong first is what is told, even when one goes on after that. */
START_TEST(first_failure_stands)
{
    struct choice k = choice_of(NETSESSION_SMB_3_1_1);

    ck_assert_int_eq(client_begin(), 0);
    client.auth = NULL;
    cfg.encrypt = true;
    k.cipher = 0;
    ck_assert_int_eq(smb2_client_start(&client, bytes, 4), 0);
    EXPECT_SENT(SMB2_NEGOTIATE);
    answer_negotiate(&k);
    expect_failure(deliver(PLAIN), NETSESSION_E_POLICY, "encryption is required");
    heap.fail_at = heap.made + 1;
    ck_assert_int_eq(smb2_client_log_on(&client, auth, NULL), NETSESSION_E_MEMORY);
    expect_failure(NETSESSION_E_POLICY, NETSESSION_E_POLICY, "encryption is required");
}
END_TEST

START_TEST(last_answer_unsigned)
{
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    answer_setup(0, 0, accepted, sizeof accepted);
    expect_security(deliver(PLAIN), "not signed");
    ck_assert(!client.secured);
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    derive();
    srv.keys.signing[0] ^= 1;
    answer_setup(0, 0, accepted, sizeof accepted);
    expect_security(deliver(SIGNED), "signature");
    ck_assert(!client.secured);
    ck_assert_uint_eq(client.out.len, 0);
}
END_TEST

START_TEST(session_id_changes)
{
    mechanism.legs = 2;
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    answer_setup(STATUS_MORE_PROCESSING_REQUIRED, 0, go_on, sizeof go_on);
    ns_store64(head() + 40, 0);
    expect_protocol(deliver(PLAIN), "SessionId");
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    answer_setup(STATUS_MORE_PROCESSING_REQUIRED, 0, go_on, sizeof go_on);
    delivered(PLAIN);
    EXPECT_SENT(SMB2_SESSION_SETUP);
    derive();
    answer_setup(0, 0, accepted, sizeof accepted);
    ns_store64(head() + 40, SESSION + 1);
    expect_protocol(deliver(SIGNED), "SessionId");
}
END_TEST

/* The server goes on with the logon, but grants nothing to answer it with. */
START_TEST(setup_without_credits)
{
    mechanism.legs = 2;
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    client.credits = 0;
    srv.grant = 0;
    answer_setup(STATUS_MORE_PROCESSING_REQUIRED, 0, go_on, sizeof go_on);
    expect_protocol(deliver(PLAIN), "no credits");
    ck_assert_uint_eq(client.out.len, 0);
}
END_TEST

START_TEST(malformed_setup)
{
    mechanism.legs = 2;
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    answer_setup(STATUS_MORE_PROCESSING_REQUIRED, 0, go_on, sizeof go_on);
    ns_store16(head() + 68, 71);
    expect_protocol(deliver(PLAIN), "malformed");
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    answer_setup(0, 0, accepted, sizeof accepted);
    ns_store16(head() + 70, sizeof accepted + 1);
    expect_protocol(deliver(PLAIN), "malformed");
}
END_TEST

START_TEST(no_session_key)
{
    mechanism.key_len = 0;
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    answer_setup(0, 0, accepted, sizeof accepted);
    expect_security(deliver(PLAIN), "no session key");
    mechanism.no_key = NETSESSION_E_CRYPTO;
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    answer_setup(0, 0, accepted, sizeof accepted);
    expect_failure(deliver(PLAIN), NETSESSION_E_CRYPTO, "");
    ck_assert(!client.secured);
}
END_TEST

/* Somebody on the way takes a cipher or the better signing out of the answer:
 * the server's key then comes from another hash. */
START_TEST(f62_preauth_mismatch)
{
    uint8_t server_saw[SMB2_PREAUTH_LEN];
    struct choice k = choice_of(NETSESSION_SMB_3_1_1);

    negotiated(k);
    memcpy(server_saw, srv.preauth, sizeof server_saw);
    k.signing = NETSESSION_AES_CMAC;
    negotiated(k);
    ck_assert_mem_ne(server_saw, srv.preauth, sizeof server_saw);
    memcpy(srv.preauth, server_saw, sizeof server_saw);
    derive();
    answer_setup(0, 0, accepted, sizeof accepted);
    expect_security(deliver(SIGNED), "changed the negotiation");
}
END_TEST

START_TEST(guests_are_refused)
{
    static const uint16_t flags[] = {SMB2_SESSION_GUEST, SMB2_SESSION_NULL,
                                     SMB2_SESSION_GUEST | SMB2_SESSION_NULL,
                                     SMB2_SESSION_GUEST | SMB2_SESSION_ENCRYPT};

    for (size_t i = 0; i < COUNT(flags); i++) {
        negotiated(choice_of(NETSESSION_SMB_3_1_1));
        answer_setup(0, flags[i], accepted, sizeof accepted);
        expect_failure(deliver(PLAIN), NETSESSION_E_POLICY,
                       flags[i] & SMB2_SESSION_GUEST ? "guest" : "anonymous");
        ck_assert_str_eq(err.name, "ERROR_SMB_GUEST_LOGON_BLOCKED");
        ck_assert_uint_eq(err.win32, 1272);
        ck_assert_uint_eq(client.out.len, 0);
    }
}
END_TEST

START_TEST(guests_are_accepted_when_asked_for)
{
    cfg.guest = true;
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    answer_setup(0, SMB2_SESSION_GUEST, accepted, sizeof accepted);
    delivered(PLAIN);
    ck_assert(!client.secured);
    take_sent(); /* unsigned, which is checked */
    ck_assert_uint_eq(sent.e[0].h.command, SMB2_TREE_CONNECT);
    negotiated(choice_of(NETSESSION_SMB_3_1_1)); /* a guest, not nobody */
    answer_setup(0, SMB2_SESSION_NULL, accepted, sizeof accepted);
    expect_failure(deliver(PLAIN), NETSESSION_E_POLICY, "anonymous");
    cfg.encrypt = true;
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    answer_setup(0, SMB2_SESSION_GUEST, accepted, sizeof accepted);
    expect_failure(deliver(PLAIN), NETSESSION_E_POLICY, "no keys");
}
END_TEST

START_TEST(anonymous_when_asked_for)
{
    cfg.anonymous = true;
    started();
    ck_assert_uint_eq(ns_le16(sent.e[0].msg + 68), SMB2_SIGNING_ENABLED);
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    answer_setup(0, SMB2_SESSION_NULL, accepted, sizeof accepted);
    delivered(PLAIN);
    ck_assert(!client.secured);
    take_sent();
    ck_assert_uint_eq(sent.e[0].h.command, SMB2_TREE_CONNECT);
}
END_TEST

/* Without keys there is nothing to encrypt with: it is for the server to refuse
 * what comes in the clear. */
START_TEST(anonymous_on_an_encrypted_share)
{
    cfg.anonymous = true;
    cfg.compound = false;
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    answer_setup(0, SMB2_SESSION_NULL, accepted, sizeof accepted);
    delivered(PLAIN);
    EXPECT_SENT(SMB2_TREE_CONNECT);
    answer_tree(&sent.e[0], SMB2_SHARE_PIPE, SMB2_SHARE_ENCRYPT);
    delivered(PLAIN);
    ck_assert(!client.encrypting);
    EXPECT_SENT(SMB2_CREATE);
    ck_assert(!sent.e[0].encrypted);
    answer_error(&sent.e[0], ACCESS_DENIED);
    expect_failure(deliver(PLAIN), NETSESSION_E_REFUSED, "STATUS_ACCESS_DENIED");
}
END_TEST

START_TEST(session_wants_encryption_without_cipher)
{
    struct choice k = choice_of(NETSESSION_SMB_3_1_1);

    k.cipher = 0;
    negotiated(k);
    expect_protocol(log_on(SMB2_SESSION_ENCRYPT), "no cipher");
}
END_TEST

/* ---- Opening ---- */

static void validate_answer(const struct sent *to, const smb2_validate_response *m)
{
    uint8_t info[24];

    ns_store32(info, m->capabilities);
    memcpy(info + 4, m->guid, 16);
    ns_store16(info + 20, m->security_mode);
    ns_store16(info + 22, m->dialect);
    answer(to, 0);
    put_ioctl(SMB2_FSCTL_VALIDATE_NEGOTIATE_INFO, no_file, info, sizeof info);
}

/* What NEGOTIATE said. */
static smb2_validate_response agreed(void)
{
    smb2_validate_response m = {.capabilities = client.server_capabilities,
                                .security_mode = 3,
                                .dialect = (uint16_t)client.dialect};

    memcpy(m.guid, server_guid, 16);
    return m;
}

static void confirm(const struct sent *to)
{
    const smb2_validate_response m = agreed();

    validate_answer(to, &m);
}

static bool is_validation(const struct sent *s)
{
    return s->h.command == SMB2_IOCTL &&
           ns_le32(s->msg + 68) == SMB2_FSCTL_VALIDATE_NEGOTIATE_INFO;
}

/* The right answer, whatever was asked. */
static void answer_well(const struct sent *to)
{
    if (to->h.command == SMB2_TREE_CONNECT)
        answer_tree(to, SMB2_SHARE_PIPE, 0);
    else if (to->h.command == SMB2_CREATE)
        answer_create(to);
    else if (is_validation(to))
        confirm(to);
    else if (to->h.command == SMB2_IOCTL)
        answer_text(to, "bind_ack");
    else
        answer_empty(to);
}

static char letter_of(const struct sent *s)
{
    switch (s->h.command) {
    case SMB2_TREE_CONNECT:
        return 'T';
    case SMB2_CREATE:
        return 'C';
    case SMB2_CLOSE:
        return 'L';
    default:
        return is_validation(s) ? 'V' : 'X';
    }
}

/* Answers one request after the other until something is delivered; letters:
 * what they were. */
static void serve(enum how how, const char *letters)
{
    char got[16];
    size_t n = 0;

    take_sent();
    while (client.event == SMB2_EV_NONE && n + 1 < sizeof got) {
        ck_assert_uint_eq(sent.n, 1);
        ck_assert_uint_eq(sent.e[0].h.flags & SMB2_FLAG_RELATED, 0);
        ck_assert_int_eq(sent.e[0].encrypted, how == ENCRYPTED);
        got[n++] = letter_of(&sent.e[0]);
        answer_well(&sent.e[0]);
        delivered(how);
        take_sent();
    }
    got[n] = 0;
    ck_assert_str_eq(got, letters);
    ck_assert_uint_eq(sent.n, 0);
}

/* The chain is out. */
static void chained(unsigned dialect)
{
    logged_on(dialect);
    if (dialect == NETSESSION_SMB_3_1_1)
        EXPECT_SENT(SMB2_TREE_CONNECT, SMB2_CREATE, SMB2_IOCTL);
    else
        EXPECT_SENT(SMB2_TREE_CONNECT, SMB2_IOCTL, SMB2_CREATE, SMB2_IOCTL);
    ck_assert_uint_eq(sent.frames, 1);
}

START_TEST(chain_as_sent)
{
    static const char path[] = "\\\0\\\0f\0s\0001\0\\\0I\0P\0C\0$\0";

    chained(NETSESSION_SMB_3_1_1);
    for (size_t i = 0; i < 3; i++) {
        const smb2_header *h = &sent.e[i].h;

        ck_assert_uint_eq(h->message_id, 2 + i);
        ck_assert_uint_eq(h->credit_charge, 1);
        ck_assert_uint_eq(h->tree_id, i ? SMB2_RELATED_TREE : 0);
        ck_assert_uint_eq(h->session_id, i ? SMB2_RELATED_SESSION : SESSION);
        ck_assert_uint_eq(h->flags & SMB2_FLAG_RELATED, i ? SMB2_FLAG_RELATED : 0);
    }
    ck_assert_uint_eq(ns_le16(sent.e[0].msg + 70), sizeof path - 1);
    ck_assert_mem_eq(sent.e[0].msg + 72, path, sizeof path - 1);
    ck_assert_mem_eq(sent.e[1].msg + 120, "s\0r\0v\0s\0v\0c\0", 12);
    ck_assert_mem_eq(sent.e[2].msg + 72, no_file, 16);
    ck_assert_mem_eq(sent.e[2].msg + 120, "bind", 4);
    ck_assert_uint_eq(client.exchanges, 3);
}
END_TEST

/* Everything in one frame, or each reply in its own, ids echoed or real. */
START_TEST(chain_answered)
{
    static const unsigned dialects[] = {NETSESSION_SMB_3_1_1, NETSESSION_SMB_3_0,
                                        NETSESSION_SMB_2_1};

    for (int variant = 0; variant < 12; variant++) {
        srv.real_ids = variant & 1;
        chained(dialects[variant / 4]);
        for (size_t i = 0; i < sent.n; i++) {
            answer_well(&sent.e[i]);
            if (i + 1 == sent.n || variant & 2)
                delivered(SIGNED);
            else
                expect_event(SMB2_EV_NONE);
        }
        expect_data("bind_ack");
        ck_assert(client.open && client.tree_ok && client.file_ok);
        ck_assert_uint_eq(client.tree_id, TREE);
        ck_assert_mem_eq(client.file_id, file_id, 16);
        ck_assert(!client.chain_refused);
        call();
        good_answer();
        delivered(SIGNED);
        expect_data("answer");
    }
}
END_TEST

/* As Samba does with a bind: the last of the chain is pending for a while. */
START_TEST(chain_pending)
{
    struct sent last;

    chained(NETSESSION_SMB_3_1_1);
    last = sent.e[2];
    answer_well(&sent.e[0]);
    answer_well(&sent.e[1]);
    delivered(SIGNED);
    answer_pending(&last, ASYNC_ID);
    delivered(PLAIN);
    expect_event(SMB2_EV_NONE);
    answer_well(&last);
    make_async(ASYNC_ID);
    delivered(SIGNED);
    expect_data("bind_ack");
}
END_TEST

START_TEST(chain_needs_credits)
{
    negotiated(choice_of(NETSESSION_SMB_3_1_1));
    srv.grant = 1;
    client.credits = 1;
    ck_assert_int_eq(log_on(0), 0);
    serve(SIGNED, "TCX");
    ck_assert(!client.chain_refused);
}
END_TEST

/* The server takes requests until it grants nothing: before the tree connect,
 * the validation, the CREATE. */
START_TEST(steps_without_credits)
{
    cfg.compound = false;
    for (int steps = 0; steps < 3; steps++) {
        int rc = 0;

        negotiated(choice_of(NETSESSION_SMB_3_0));
        for (int i = 0; i <= steps && !rc; i++) {
            srv.grant = i < steps;
            client.credits = 0;
            if (i)
                take_sent();
            if (i)
                answer_well(&sent.e[0]);
            rc = i ? deliver(SIGNED) : log_on(0);
        }
        expect_protocol(rc, "no credits");
        ck_assert_uint_eq(client.out.len, 0);
    }
}
END_TEST

START_TEST(chain_turned_off)
{
    cfg.compound = false;
    logged_on(NETSESSION_SMB_3_1_1);
    serve(SIGNED, "TCX");
    expect_data("bind_ack");
    logged_on(NETSESSION_SMB_3_0);
    serve(SIGNED, "TVCX");
    expect_data("bind_ack");
    logged_on(NETSESSION_SMB_2_0_2);
    serve(SIGNED, "TVCX");
    expect_data("bind_ack");
}
END_TEST

/* The element at which fails, and those behind it with it; the rest is then
 * asked for one by one, on a handle that nothing was said to yet. */
static void fall_back(unsigned dialect, size_t at, uint32_t status, uint32_t tail,
                      const char *letters)
{
    chained(dialect);
    for (size_t i = 0; i < sent.n; i++)
        if (i < at)
            answer_well(&sent.e[i]);
        else
            answer_error(&sent.e[i], i == at ? status : tail);
    delivered(SIGNED);
    expect_event(SMB2_EV_NONE);
    serve(SIGNED, letters);
    expect_data("bind_ack");
    ck_assert(client.chain_refused && client.open);
}

START_TEST(chain_falls_back)
{
    static const uint32_t statuses[] = {INTERNAL_ERROR, INVALID_PARAMETER, NOT_SUPPORTED};
    static const char *const three[] = {"TCX", "CX", "LCX"};
    static const char *const four[] = {"TVCX", "VCX", "CX", "LCX"};

    for (size_t i = 0; i < COUNT(statuses); i++)
        for (size_t k = 0; k < COUNT(statuses); k++) {
            for (size_t at = 0; at < 3; at++)
                fall_back(NETSESSION_SMB_3_1_1, at, statuses[i], statuses[k], three[at]);
            for (size_t at = 0; at < 4; at++) {
                fall_back(NETSESSION_SMB_3_0, at, statuses[i], statuses[k], four[at]);
                fall_back(NETSESSION_SMB_2_0_2, at, statuses[i], statuses[k], four[at]);
            }
        }
}
END_TEST

/* One by one they fail as well: that is final. */
START_TEST(nothing_to_fall_back_on)
{
    static const uint32_t final[] = {ACCESS_DENIED, SESSION_DELETED, SESSION_EXPIRED};

    for (size_t at = 0; at < 3; at++) {
        chained(NETSESSION_SMB_3_1_1);
        for (size_t i = 0; i < sent.n; i++)
            if (i < at)
                answer_well(&sent.e[i]);
            else
                answer_error(&sent.e[i], INTERNAL_ERROR);
        delivered(SIGNED);
        take_sent();
        for (int i = 0; i < 2 && at == 2; i++) { /* CLOSE, CREATE */
            answer_well(&sent.e[0]);
            delivered(SIGNED);
            take_sent();
        }
        answer_error(&sent.e[0], INTERNAL_ERROR);
        expect_failure(deliver(SIGNED), NETSESSION_E_REFUSED, "STATUS_INTERNAL_ERROR");
    }
    for (size_t i = 0; i < COUNT(final); i++) {
        chained(NETSESSION_SMB_3_1_1);
        answer_error(&sent.e[0], final[i]);
        expect_failure(deliver(SIGNED), NETSESSION_E_REFUSED, "IPC$");
        ck_assert_uint_eq(client.out.len, 0);
    }
    chained(NETSESSION_SMB_3_1_1);
    answer_well(&sent.e[0]);
    answer_error(&sent.e[1], NAME_NOT_FOUND);
    answer_error(&sent.e[2], NAME_NOT_FOUND);
    expect_failure(deliver(SIGNED), NETSESSION_E_REFUSED, "pipe srvsvc");
    chained(NETSESSION_SMB_3_1_1);
    answer_error(&sent.e[0], BAD_NETWORK_NAME);
    expect_failure(deliver(SIGNED), NETSESSION_E_REFUSED, "STATUS_BAD_NETWORK_NAME");
}
END_TEST

/* An element cannot succeed when what it builds on failed. */
START_TEST(chain_succeeds_on_nothing)
{
    chained(NETSESSION_SMB_3_1_1);
    answer_well(&sent.e[0]);
    answer_error(&sent.e[1], INTERNAL_ERROR);
    answer_well(&sent.e[2]);
    expect_protocol(deliver(SIGNED), "IOCTL");
    chained(NETSESSION_SMB_3_1_1);
    answer_error(&sent.e[0], INTERNAL_ERROR);
    answer_well(&sent.e[1]);
    answer_well(&sent.e[2]);
    expect_protocol(deliver(SIGNED), "CREATE");
}
END_TEST

/* A compound is answered in order: no data before the negotiation is confirmed,
 * that nobody confirms then. */
START_TEST(chain_answered_out_of_order)
{
    chained(NETSESSION_SMB_3_0);
    answer_well(&sent.e[0]);
    answer_well(&sent.e[2]);
    answer_well(&sent.e[3]);
    expect_protocol(deliver(SIGNED), "IOCTL");
    ck_assert(!client.open);
}
END_TEST

START_TEST(f81_wrong_share_type)
{
    static const uint8_t types[] = {0, 1, 3, 0x82, 0xFF};

    for (size_t i = 0; i < COUNT(types); i++) {
        chained(NETSESSION_SMB_3_1_1);
        answer_tree(&sent.e[0], types[i], 0);
        expect_protocol(deliver(SIGNED), "pipe share");
    }
}
END_TEST

START_TEST(malformed_steps)
{
    for (size_t at = 0; at < 3; at++) {
        chained(NETSESSION_SMB_3_1_1);
        for (size_t i = 0; i <= at; i++)
            answer_well(&sent.e[i]);
        head()[64] ^= 0x80;
        expect_protocol(deliver(SIGNED), "malformed");
    }
}
END_TEST

START_TEST(long_host_name)
{
    static char host[2000];

    for (size_t i = 0; i + 2 < sizeof host; i += 2)
        memcpy(host + i, "\xC3\xA9", 2);
    cfg.host = host;
    cfg.max_dialect = NETSESSION_SMB_3_0;
    negotiated(choice_of(NETSESSION_SMB_3_0));
    expect_failure(log_on(0), NETSESSION_E_ARGUMENT, "too long");
}
END_TEST

/* Below 3.1.1 the name is not sent before. */
START_TEST(host_name_no_utf8)
{
    cfg.host = "fs\xFF";
    cfg.max_dialect = NETSESSION_SMB_3_0;
    negotiated(choice_of(NETSESSION_SMB_3_0));
    expect_failure(log_on(0), NETSESSION_E_ARGUMENT, "UTF-8");
    ck_assert_uint_eq(client.out.len, 0);
}
END_TEST

/* ---- Validation of the negotiation ---- */

/* The question is out, by itself. */
static void validating(unsigned dialect)
{
    cfg.compound = false;
    logged_on(dialect);
    EXPECT_SENT(SMB2_TREE_CONNECT);
    answer_well(&sent.e[0]);
    delivered(SIGNED);
    EXPECT_SENT(SMB2_IOCTL);
    ck_assert(is_validation(&sent.e[0]));
}

START_TEST(validation_as_sent)
{
    validating(NETSESSION_SMB_3_0);
    ck_assert_mem_eq(sent.e[0].msg + 72, no_file, 16);
    ck_assert_uint_eq(sent.e[0].h.tree_id, TREE);
    ck_assert_uint_eq(ns_le32(sent.e[0].msg + 92), 34);
    test_assert_hex(sent.e[0].msg + 120, 34,
                    "44000000000102030405060708090a0b0c0d0e0f0200050002021002000302031103");
    confirm(&sent.e[0]);
    delivered(SIGNED);
    EXPECT_SENT(SMB2_CREATE);
}
END_TEST

static void expect_downgrade(int rc)
{
    expect_security(rc, "does not confirm");
    ck_assert_str_eq(err.name, "STATUS_DOWNGRADE_DETECTED");
    ck_assert_uint_eq(err.value, 0xC0000388);
    ck_assert_uint_eq(client.out.len, 0);
}

START_TEST(f49_validation_differs)
{
    static const unsigned dialects[] = {NETSESSION_SMB_2_0_2, NETSESSION_SMB_2_1,
                                        NETSESSION_SMB_3_0, NETSESSION_SMB_3_0_2};

    for (size_t i = 0; i < COUNT(dialects); i++)
        for (int field = 0; field < 5; field++) {
            smb2_validate_response m;

            validating(dialects[i]);
            m = agreed();
            m.capabilities ^= field == 0 ? SMB2_CAP_ENCRYPTION : 0;
            m.guid[15] ^= field == 1;
            m.security_mode ^= field == 2 ? SMB2_SIGNING_REQUIRED : 0;
            m.dialect = field == 3 ? NETSESSION_SMB_3_1_1 : m.dialect;
            validate_answer(&sent.e[0], &m);
            if (field == 4) {
                delivered(SIGNED);
                EXPECT_SENT(SMB2_CREATE);
            } else {
                expect_downgrade(deliver(SIGNED));
            }
        }
}
END_TEST

START_TEST(validation_unsigned)
{
    validating(NETSESSION_SMB_3_0);
    confirm(&sent.e[0]);
    expect_security(deliver(PLAIN), "not signed");
    validating(NETSESSION_SMB_2_0_2);
    answer_error(&sent.e[0], FILE_CLOSED);
    expect_security(deliver(PLAIN), "not signed");
}
END_TEST

START_TEST(validation_malformed)
{
    for (uint32_t len = 0; len < 26; len++) {
        uint8_t info[26] = {0};

        if (len == 24)
            continue;
        validating(NETSESSION_SMB_3_0);
        answer(&sent.e[0], 0);
        put_ioctl(SMB2_FSCTL_VALIDATE_NEGOTIATE_INFO, no_file, info, len);
        expect_downgrade(deliver(SIGNED));
    }
    validating(NETSESSION_SMB_3_0);
    confirm(&sent.e[0]);
    head()[64]++;
    expect_downgrade(deliver(SIGNED));
}
END_TEST

/* Only a server of the 2.x family may not know the question. */
START_TEST(validation_unknown)
{
    static const uint32_t unknown[] = {FILE_CLOSED, INVALID_REQUEST, NOT_SUPPORTED};
    static const uint32_t other[] = {ACCESS_DENIED, INVALID_PARAMETER, INTERNAL_ERROR,
                                     STATUS_BUFFER_OVERFLOW};

    for (size_t i = 0; i < COUNT(unknown); i++) {
        validating(NETSESSION_SMB_2_0_2);
        answer_error(&sent.e[0], unknown[i]);
        delivered(SIGNED);
        serve(SIGNED, "CX");
        validating(NETSESSION_SMB_2_1);
        answer_error(&sent.e[0], unknown[i]);
        delivered(SIGNED);
        serve(SIGNED, "CX");
        validating(NETSESSION_SMB_3_0);
        answer_error(&sent.e[0], unknown[i]);
        expect_downgrade(deliver(SIGNED));
    }
    for (size_t i = 0; i < COUNT(other); i++) {
        validating(NETSESSION_SMB_2_0_2);
        answer_error(&sent.e[0], other[i]);
        expect_downgrade(deliver(SIGNED));
        validating(NETSESSION_SMB_3_0_2);
        answer_error(&sent.e[0], other[i]);
        expect_downgrade(deliver(SIGNED));
    }
}
END_TEST

START_TEST(validation_not_needed)
{
    cfg.compound = false;
    cfg.max_dialect = NETSESSION_SMB_2_1; /* 3.x was never possible */
    logged_on(NETSESSION_SMB_2_0_2);
    serve(SIGNED, "TCX");
    cfg.max_dialect = NETSESSION_SMB_3_0;
    logged_on(NETSESSION_SMB_2_1);
    serve(SIGNED, "TVCX");
}
END_TEST

/* A 2.0.2 server does not know the question inside the chain; it is repeated
 * along with the first call. */
static void unconfirmed(unsigned dialect, uint32_t status)
{
    chained(dialect);
    answer_well(&sent.e[0]);
    answer_error(&sent.e[1], status);
    answer_well(&sent.e[2]);
    answer_well(&sent.e[3]);
    delivered(SIGNED);
    expect_data("bind_ack");
    ck_assert(!client.validated);
    ck_assert_int_eq(smb2_pipe_transceive(&client, (const uint8_t *)"call", 4), 0);
    EXPECT_SENT(SMB2_IOCTL, SMB2_IOCTL);
    ck_assert_uint_eq(sent.frames, 2);
    ck_assert(is_validation(&sent.e[0]) && !is_validation(&sent.e[1]));
    ck_assert_uint_eq(sent.e[0].h.tree_id, TREE);
}

static void answer_unknown(uint32_t status)
{
    if (status)
        answer_error(&sent.e[0], status);
    else
        confirm(&sent.e[0]);
}

START_TEST(validation_repeated)
{
    static const uint32_t statuses[] = {FILE_CLOSED, INVALID_REQUEST, NOT_SUPPORTED, 0};

    for (size_t i = 0; i < COUNT(statuses); i++) {
        unconfirmed(NETSESSION_SMB_2_0_2, FILE_CLOSED);
        answer_unknown(statuses[i]);
        delivered(SIGNED);
        expect_event(SMB2_EV_NONE);
        answer_text(&sent.e[1], "answer");
        delivered(SIGNED);
        expect_data("answer");
        call(); /* and never again */
    }
}
END_TEST

/* The answer to the call comes first: it is held back until then. */
START_TEST(answer_held_back)
{
    static const uint32_t statuses[] = {FILE_CLOSED, INVALID_REQUEST, NOT_SUPPORTED, 0};

    for (size_t i = 0; i < COUNT(statuses); i++) {
        unconfirmed(NETSESSION_SMB_2_0_2, FILE_CLOSED);
        answer_text(&sent.e[1], "answer");
        delivered(SIGNED);
        expect_event(SMB2_EV_NONE);
        ck_assert(smb2_client_waiting(&client));
        answer_unknown(statuses[i]);
        delivered(SIGNED);
        expect_data("answer");
        ck_assert(!smb2_client_waiting(&client));
        call();
        good_answer();
        delivered(SIGNED);
        expect_data("answer");
    }
}
END_TEST

START_TEST(answer_held_back_for_ever)
{
    smb2_validate_response m;

    unconfirmed(NETSESSION_SMB_3_0, INTERNAL_ERROR);
    answer_text(&sent.e[1], "answer");
    delivered(SIGNED);
    m = agreed();
    m.capabilities++;
    validate_answer(&sent.e[0], &m);
    expect_downgrade(deliver(SIGNED));
    unconfirmed(NETSESSION_SMB_3_0, INTERNAL_ERROR);
    answer_text(&sent.e[1], "answer");
    delivered(SIGNED);
    answer_error(&sent.e[0], FILE_CLOSED);
    expect_downgrade(deliver(SIGNED));
    unconfirmed(NETSESSION_SMB_2_0_2, FILE_CLOSED);
    answer_text(&sent.e[1], "answer");
    delivered(SIGNED);
    answer_error(&sent.e[0], ACCESS_DENIED);
    expect_downgrade(deliver(SIGNED));
    unconfirmed(NETSESSION_SMB_2_0_2, FILE_CLOSED);
    answer_text(&sent.e[1], "answer");
    delivered(SIGNED);
    answer_error(&sent.e[0], FILE_CLOSED);
    expect_security(deliver(PLAIN), "not signed");
}
END_TEST

/* There is no credit for the question, hence none for what goes with it. */
START_TEST(validation_without_credits)
{
    chained(NETSESSION_SMB_2_0_2);
    answer_well(&sent.e[0]);
    answer_error(&sent.e[1], FILE_CLOSED);
    answer_well(&sent.e[2]);
    answer_well(&sent.e[3]);
    delivered(SIGNED);
    client.credits = 0;
    client.event = SMB2_EV_NONE;
    expect_protocol(smb2_pipe_write(&client, bytes, 100), "no credits");
    ck_assert_uint_eq(client.out.len, 0);
    ck_assert(!smb2_client_waiting(&client));
}
END_TEST

/* A call in several fragments does not repeat the question with each. */
START_TEST(validation_asked_once)
{
    struct sent question, last;

    chained(NETSESSION_SMB_2_0_2);
    answer_well(&sent.e[0]);
    answer_error(&sent.e[1], FILE_CLOSED);
    answer_well(&sent.e[2]);
    answer_well(&sent.e[3]);
    delivered(SIGNED);
    ck_assert_int_eq(smb2_pipe_write(&client, bytes, 100), 0);
    EXPECT_SENT(SMB2_IOCTL, SMB2_WRITE);
    question = sent.e[0];
    answer_write(&sent.e[1], 100);
    delivered(SIGNED);
    expect_event(SMB2_EV_WRITTEN);
    call(); /* alone: the question has gone out */
    last = sent.e[0];
    answer_text(&last, "answer");
    delivered(SIGNED);
    expect_event(SMB2_EV_NONE);
    answer_error(&question, FILE_CLOSED);
    delivered(SIGNED);
    expect_data("answer");
}
END_TEST

/* ---- Encryption ---- */

START_TEST(share_asks_for_encryption)
{
    cfg.compound = false;
    logged_on(NETSESSION_SMB_3_1_1);
    EXPECT_SENT(SMB2_TREE_CONNECT);
    ck_assert(!sent.e[0].encrypted);
    answer_tree(&sent.e[0], SMB2_SHARE_PIPE, SMB2_SHARE_ENCRYPT);
    delivered(SIGNED);
    ck_assert(client.encrypting);
    serve(ENCRYPTED, "CX");
    expect_data("bind_ack");
}
END_TEST

/* What was sent in the clear behind the tree connect is refused and asked for
 * again, encrypted, even where the refusal looks final. */
START_TEST(share_asks_for_encryption_in_a_chain)
{
    static const uint32_t statuses[] = {ACCESS_DENIED, INVALID_PARAMETER};

    for (size_t i = 0; i < COUNT(statuses); i++) {
        chained(NETSESSION_SMB_3_1_1);
        answer_tree(&sent.e[0], SMB2_SHARE_PIPE, SMB2_SHARE_ENCRYPT);
        answer_error(&sent.e[1], statuses[i]);
        answer_error(&sent.e[2], statuses[i]);
        delivered(SIGNED);
        serve(ENCRYPTED, "CX");
        expect_data("bind_ack");
    }
    chained(NETSESSION_SMB_3_0); /* the same with AES-128-CCM and a validation */
    answer_tree(&sent.e[0], SMB2_SHARE_PIPE, SMB2_SHARE_ENCRYPT);
    for (size_t i = 1; i < 4; i++)
        answer_error(&sent.e[i], ACCESS_DENIED);
    delivered(SIGNED);
    serve(ENCRYPTED, "VCX");
    expect_data("bind_ack");
}
END_TEST

START_TEST(share_asks_for_encryption_without_cipher)
{
    struct choice k = choice_of(NETSESSION_SMB_3_1_1);

    k.cipher = 0;
    logged_on_as(k, 0);
    take_sent();
    answer_tree(&sent.e[0], SMB2_SHARE_PIPE, SMB2_SHARE_ENCRYPT);
    expect_failure(deliver(SIGNED), NETSESSION_E_POLICY, "encryption");
}
END_TEST

START_TEST(session_is_encrypted)
{
    cfg.encrypt = true;
    cfg.compound = false;
    logged_on(NETSESSION_SMB_3_1_1);
    serve(ENCRYPTED, "TCX");
    cfg.encrypt = false;
    logged_on_as(choice_of(NETSESSION_SMB_3_0), SMB2_SESSION_ENCRYPT);
    serve(ENCRYPTED, "TVCX");
    cfg.compound = true;
    logged_on_as(choice_of(NETSESSION_SMB_3_1_1), SMB2_SESSION_ENCRYPT);
    EXPECT_SENT(SMB2_TREE_CONNECT, SMB2_CREATE, SMB2_IOCTL);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(sent.e[i].encrypted);
        answer_well(&sent.e[i]);
    }
    delivered(ENCRYPTED);
    expect_data("bind_ack");
}
END_TEST

/* ---- Memory ---- */

/* A whole conversation; ends with the first failure. */
static int converse(unsigned dialect, uint16_t flags, bool hold)
{
    struct choice k = choice_of(dialect);
    enum how how = flags & SMB2_SESSION_ENCRYPT ? ENCRYPTED : SIGNED;
    int rc = client_begin();

    if (!rc)
        rc = smb2_client_start(&client, bytes, 5000);
    if (rc)
        return rc;
    take_sent();
    answer_negotiate(&k);
    rc = deliver(PLAIN);
    if (rc)
        return rc;
    take_sent();
    rc = log_on(flags);
    for (size_t i = 0; !rc && i < 12 && client.event == SMB2_EV_NONE; i++) {
        take_sent();
        for (i = 0; i < sent.n; i++)
            if (hold && is_validation(&sent.e[i]))
                answer_error(&sent.e[i], FILE_CLOSED);
            else
                answer_well(&sent.e[i]);
        rc = deliver(how);
    }
    if (!rc)
        rc = smb2_pipe_transceive(&client, bytes, 70000);
    if (rc)
        return rc;
    take_sent();
    answer_ioctl(&sent.e[sent.n - 1], bytes, 60000);
    rc = deliver(how);
    if (!rc && sent.n == 2) {
        answer_error(&sent.e[0], FILE_CLOSED);
        rc = deliver(how);
    }
    if (!rc)
        rc = smb2_goodbye(&client);
    if (rc)
        return rc;
    take_sent();
    for (size_t i = 0; i < sent.n; i++)
        answer_empty(&sent.e[i]);
    return deliver(how);
}

static const struct conversation {
    unsigned dialect;
    uint16_t flags;
    bool hold;
} conversations[] = {
    {NETSESSION_SMB_3_1_1, 0, false},
    {NETSESSION_SMB_3_1_1, SMB2_SESSION_ENCRYPT, false},
    {NETSESSION_SMB_3_0, 0, false},
    {NETSESSION_SMB_2_0_2, 0, true},
};

START_TEST(each_allocation_fails_once)
{
    const struct conversation *v = &conversations[_i];
    long n = 0;
    int rc;

    do {
        client_end();
        test_heap_hooks(&heap, &hooks);
        heap.fail_at = ++n;
        ns_writer_reset(&srv.reply);
        rc = converse(v->dialect, v->flags, v->hold);
        if (heap.made >= n)
            ck_assert_msg(rc == NETSESSION_E_MEMORY, "allocation %ld: %d %s", n, rc,
                          err.message);
    } while (heap.made >= n);
    ck_assert_msg(rc == 0, "%d %s", rc, err.message);
    expect_event(SMB2_EV_GOODBYE);
    ck_assert_int_gt(n, 10);
}
END_TEST

/* ---- Suite ---- */

void smb2_open_cases(Suite *s)
{
    TCase *logon = rig_case(s, "logon"), *opening = rig_case(s, "opening");

    tcase_add_test(logon, first_words);
    tcase_add_test(logon, dialects_offered);
    tcase_add_test(logon, nothing_to_offer);
    tcase_add_loop_test(logon, nothing_allowed, 0, 2);
    tcase_add_test(logon, cipher_of_3_0);
    tcase_add_test(logon, no_randomness);
    tcase_add_test(logon, names_that_are_no_utf8);
    tcase_add_test(logon, negotiate_refused);
    tcase_add_test(logon, f35_f36_dialect_not_offered);
    tcase_add_test(logon, f37_sizes_too_small);
    tcase_add_test(logon, f38_sizes_without_bounds);
    tcase_add_test(logon, io_size_follows_the_server);
    tcase_add_test(logon, f39_to_f45_malformed);
    tcase_add_test(logon, f46_cipher_not_offered);
    tcase_add_test(logon, f47_no_cipher_when_required);
    tcase_add_test(logon, f48_signing_not_offered);
    tcase_add_test(logon, signing_by_default);
    tcase_add_test(logon, logging_on);
    tcase_add_test(logon, logging_on_with_long_keys);
    tcase_add_test(logon, logging_on_in_three_legs);
    tcase_add_test(logon, logon_refused);
    tcase_add_loop_test(logon, logon_rejected_in_token, 0, 2);
    tcase_add_test(logon, first_failure_stands);
    tcase_add_test(logon, last_answer_unsigned);
    tcase_add_test(logon, session_id_changes);
    tcase_add_test(logon, setup_without_credits);
    tcase_add_test(logon, malformed_setup);
    tcase_add_test(logon, no_session_key);
    tcase_add_test(logon, f62_preauth_mismatch);
    tcase_add_test(logon, guests_are_refused);
    tcase_add_test(logon, guests_are_accepted_when_asked_for);
    tcase_add_test(logon, anonymous_when_asked_for);
    tcase_add_test(logon, anonymous_on_an_encrypted_share);
    tcase_add_test(logon, session_wants_encryption_without_cipher);

    tcase_add_test(opening, chain_as_sent);
    tcase_add_test(opening, chain_answered);
    tcase_add_test(opening, chain_pending);
    tcase_add_test(opening, chain_needs_credits);
    tcase_add_test(opening, steps_without_credits);
    tcase_add_test(opening, chain_turned_off);
    tcase_add_test(opening, chain_falls_back);
    tcase_add_test(opening, nothing_to_fall_back_on);
    tcase_add_test(opening, chain_succeeds_on_nothing);
    tcase_add_test(opening, chain_answered_out_of_order);
    tcase_add_test(opening, f81_wrong_share_type);
    tcase_add_test(opening, malformed_steps);
    tcase_add_test(opening, long_host_name);
    tcase_add_test(opening, host_name_no_utf8);
    tcase_add_test(opening, validation_as_sent);
    tcase_add_test(opening, f49_validation_differs);
    tcase_add_test(opening, validation_unsigned);
    tcase_add_test(opening, validation_malformed);
    tcase_add_test(opening, validation_unknown);
    tcase_add_test(opening, validation_not_needed);
    tcase_add_test(opening, validation_repeated);
    tcase_add_test(opening, answer_held_back);
    tcase_add_test(opening, answer_held_back_for_ever);
    tcase_add_test(opening, validation_without_credits);
    tcase_add_test(opening, validation_asked_once);
    tcase_add_test(opening, share_asks_for_encryption);
    tcase_add_test(opening, share_asks_for_encryption_in_a_chain);
    tcase_add_test(opening, share_asks_for_encryption_without_cipher);
    tcase_add_test(opening, session_is_encrypted);
    tcase_add_loop_test(opening, each_allocation_fails_once, 0, (int)COUNT(conversations));
}
