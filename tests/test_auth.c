/*
 * The logon: published vectors, a real Windows exchange, whole exchanges with
 * a server of our own, and everything a server may not do.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/md4.h"
#include "auth/ntlm.h"
#include "auth/rc4.h"
#include "auth/spnego.h"

Suite *auth_suite(void);

/* ---- A Windows 10 client's logon at Windows Server 2012 R2, as published in
 * Microsoft's "SMB 2 and SMB 3 security in Windows 10: the anatomy of signing
 * and cryptographic keys"; the password is Password01! ---- */

static const char trace_hint[] =
    "6082013c06062b0601050502a08201303082012ca01a3018060a2b06010401823702021e060a2b06"
    "010401823702020aa282010c048201084e45474f4558545301000000000000006000000070000000"
    "7c7cc0fd06d6362d02dde1cf343bfe292900f49750b4aa97934d9c4296b26e51fd370471b235e15a"
    "50dae15bd5489c870000000000000000600000000100000000000000000000005c33530deaf90d4d"
    "b2ec4ae3786ec3084e45474f45585453030000000100000040000000980000007c7cc0fd06d6362d"
    "02dde1cf343bfe295c33530deaf90d4db2ec4ae3786ec30840000000580000003056a05430523027"
    "802530233121301f06035504031318546f6b656e205369676e696e67205075626c6963204b657930"
    "27802530233121301f06035504031318546f6b656e205369676e696e67205075626c6963204b6579";

static const char trace_negotiate[] =
    "4e544c4d5353500001000000978208e200000000000000000000000000000000060380250000000f";

static const char trace_challenge[] =
    "4e544c4d53535000020000000c000c003800000015828ae20d1d8ba31179d0080000000000000000"
    "50005000440000000a0092270000000f53005500540033003100310002000c005300550054003300"
    "3100310001000c0053005500540033003100310004000c0053005500540033003100310003000c00"
    "53005500540033003100310007000800a1a1f5adcbaed00100000000";

static const char trace_authenticate[] =
    "4e544c4d53535000030000001800180090000000ee00ee00a80000000c000c00580000001a001a00"
    "64000000120012007e0000001000100096010000158288e2060380250000000fecac77a5f385a8bf"
    "9c38c706eeeddcd3530055005400330031003100610064006d0069006e0069007300740072006100"
    "74006f00720044005200490056004500520033003100310000000000000000000000000000000000"
    "000000000000000063078eb639fe03e20a231c3ae3bf23080101000000000000a1a1f5adcbaed001"
    "bc4ad05f223cc90f0000000002000c0053005500540033003100310001000c005300550054003300"
    "3100310004000c0053005500540033003100310003000c0053005500540033003100310007000800"
    "a1a1f5adcbaed00106000400020000000800300030000000000000000000000000300000b61fefca"
    "a857ea57bf1edcebf8974b8e0eba5a6dfd9d07a31d11b548f8c9d0cc0a0010000000000000000000"
    "00000000000000000900160063006900660073002f00530055005400330031003100000000000000"
    "0000000000003b9bdff38f5ee8f9663f11a0f4c03a78";

static const char trace_init[] =
    "604806062b0601050502a03e303ca00e300c060a2b06010401823702020aa22a04284e544c4d5353"
    "500001000000978208e200000000000000000000000000000000060380250000000f";

static const char trace_resp1[] =
    "a181b03081ada0030a0101a10c060a2b06010401823702020aa281970481944e544c4d5353500002"
    "0000000c000c003800000015828ae20d1d8ba31179d008000000000000000050005000440000000a"
    "0092270000000f53005500540033003100310002000c0053005500540033003100310001000c0053"
    "005500540033003100310004000c0053005500540033003100310003000c00530055005400330031"
    "00310007000800a1a1f5adcbaed00100000000";

static const char trace_resp2[] =
    "a18201cb308201c7a0030a0101a28201aa048201a64e544c4d535350000300000018001800900000"
    "00ee00ee00a80000000c000c00580000001a001a0064000000120012007e00000010001000960100"
    "00158288e2060380250000000fecac77a5f385a8bf9c38c706eeeddcd35300550054003300310031"
    "00610064006d0069006e006900730074007200610074006f00720044005200490056004500520033"
    "003100310000000000000000000000000000000000000000000000000063078eb639fe03e20a231c"
    "3ae3bf23080101000000000000a1a1f5adcbaed001bc4ad05f223cc90f0000000002000c00530055"
    "00540033003100310001000c0053005500540033003100310004000c005300550054003300310031"
    "0003000c0053005500540033003100310007000800a1a1f5adcbaed0010600040002000000080030"
    "0030000000000000000000000000300000b61fefcaa857ea57bf1edcebf8974b8e0eba5a6dfd9d07"
    "a31d11b548f8c9d0cc0a001000000000000000000000000000000000000900160063006900660073"
    "002f005300550054003300310031000000000000000000000000003b9bdff38f5ee8f9663f11a0f4"
    "c03a78a31204100100000063775a9a5fd97f0600000000";

static const char trace_final[] = "a11b3019a0030a0100a3120410010000003b453cdc3524164200000000";

/* ---- Bytes ---- */

typedef struct bytes {
    uint8_t p[2048];
    size_t n;
} bytes;

static bytes unhex(const char *hex)
{
    bytes b = {.n = strlen(hex) / 2};
    char digits[3] = {0};

    ck_assert_uint_le(b.n, sizeof b.p);
    for (size_t i = 0; i < b.n; i++) {
        memcpy(digits, hex + 2 * i, 2);
        b.p[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return b;
}

static bytes take_writer(ns_writer *w)
{
    bytes b = {.n = w->len};

    ck_assert_int_eq(w->err, 0);
    ck_assert_uint_le(b.n, sizeof b.p);
    if (b.n)
        memcpy(b.p, w->p, b.n);
    ns_writer_free(w);
    return b;
}

static void assert_hex(const void *p, size_t n, const char *hex)
{
    bytes want = unhex(hex);

    ck_assert_uint_eq(n, want.n);
    ck_assert_mem_eq(p, want.p, n);
}

static ns_slice slice(const bytes *b)
{
    return (ns_slice){b->p, b->n};
}

/* ---- Surroundings: memory that counts and can run out, fixed entropy ---- */

typedef struct surroundings {
    size_t live;    /* blocks */
    size_t allowed; /* allocations until the first that fails; 0: none fails */
    size_t made;
    bool no_entropy;
} surroundings;

static void *counting_alloc(void *ctx, size_t size)
{
    surroundings *s = ctx;

    if (++s->made == s->allowed)
        return NULL;
    s->live++;
    return malloc(size);
}

static void counting_free(void *ctx, void *ptr)
{
    ((surroundings *)ctx)->live--;
    free(ptr);
}

/* The client's nonce, aa..., then its key, 55... ([MS-NLMP] 4.2.1). */
static int fixed_entropy(void *ctx, void *out, size_t size)
{
    memset(out, 0x55, size);
    memset(out, 0xAA, NTLM_NONCE_LEN);
    return ((surroundings *)ctx)->no_entropy ? -1 : 0;
}

static uint64_t fixed_clock(void *ctx)
{
    (void)ctx;
    return 0x0102030405060708;
}

static surroundings around;
static const netsession_hooks hooks = {
    .ctx = &around,
    .alloc = counting_alloc,
    .free = counting_free,
    .entropy = fixed_entropy,
    .wallclock = fixed_clock,
};
static const uint8_t no_bindings[16];
static const auth_params trace_params = {
    .hooks = &hooks,
    .domain = "SUT311",
    .user = "administrator",
    .password = "Password01!",
    .workstation = "DRIVER311",
    .target_name = "cifs/SUT311",
    .bindings = no_bindings,
};

static void setup(void)
{
    memset(&around, 0, sizeof around);
}

static void teardown(void)
{
    ck_assert_uint_eq(around.live, 0);
}

/* ---- Primitives (RFC 1320 A.5, RFC 6229) ---- */

static const struct {
    const char *text, *hash;
} md4_vectors[] = {
    {"", "31d6cfe0d16ae931b73c59d7e0c089c0"},
    {"a", "bde52cb31de33e46245e05fbdbd6fb24"},
    {"abc", "a448017aaf21d8525fc10ae87aa6729d"},
    {"message digest", "d9130a8164549fe818874806e1c7014b"},
    {"abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
     "043f8582f241db351ce627e153e7f0e4"},
    {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
     "e33b4ddc9c38f2199c3e7b164fcc0536"},
};

START_TEST(md4_vector)
{
    uint8_t out[16];

    ns_md4(md4_vectors[_i].text, strlen(md4_vectors[_i].text), out);
    assert_hex(out, sizeof out, md4_vectors[_i].hash);
}
END_TEST

static const struct {
    const char *key, *stream;
} rc4_vectors[] = {
    {"0102030405", "b2396305f03dc027ccc3524a0a1118a86982944f18fc82d589c403a47a0d0919"},
    {"0102030405060708090a0b0c0d0e0f10",
     "9ac7cc9a609d1ef7b2932899cde41b975248c4959014126a6e8a84f11d1a9e1c"},
};

START_TEST(rc4_vector)
{
    bytes key = unhex(rc4_vectors[_i].key);
    uint8_t out[32] = {0};
    ns_rc4 rc4;

    ns_rc4_init(&rc4, key.p, key.n);
    ns_rc4_apply(&rc4, out, 5);
    ns_rc4_apply(&rc4, out + 5, sizeof out - 5);
    assert_hex(out, sizeof out, rc4_vectors[_i].stream);
}
END_TEST

/* ---- [MS-NLMP] 4.2.4 ---- */

static const auth_params spec_params = {
    .hooks = &hooks,
    .domain = "Domain",
    .user = "User",
    .password = "Password",
    .workstation = "COMPUTER",
    .target_name = "",
    .bindings = no_bindings,
};

static const char spec_temp[] =
    "01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d006100"
    "69006e0001000c005300650072007600650072000000000000000000";
static const char spec_challenge[] =
    "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef0000000000000000"
    "24002400440000000600701700000000530065007200760065007200"
    "02000c0044006f006d00610069006e0001000c005300650072007600650072000000"
    "0000";

START_TEST(spec_response)
{
    netsession_error err = {0};
    bytes server = unhex("0123456789abcdef"), client = unhex("aaaaaaaaaaaaaaaa");
    bytes temp = unhex(spec_temp);
    uint8_t key[16], proof[16], lm[24], base[16], session[16], wrapped[16];

    ck_assert_int_eq(ntlm_response_key(&spec_params, key, &err), 0);
    assert_hex(key, 16, "0c868a403bfd7a93a3001ef22ef02e3f");
    ck_assert_int_eq(ntlm_proof(key, server.p, slice(&temp), proof), 0);
    assert_hex(proof, 16, "68cd0ab851e51c96aabc927bebef6a1c");
    ck_assert_int_eq(ntlm_lm_response(key, server.p, client.p, lm), 0);
    assert_hex(lm, 24, "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa");
    ck_assert_int_eq(ntlm_base_key(key, proof, base), 0);
    assert_hex(base, 16, "8de40ccadbc14a82f15cb0ad0de95ca3");
    memset(session, 0x55, sizeof session);
    ntlm_wrap_key(base, session, wrapped);
    assert_hex(wrapped, 16, "c5dad2544fc9799094ce1ce90bc9d03e");
}
END_TEST

START_TEST(spec_session_keys)
{
    uint8_t session[16];
    ntlm_keys client, server;

    memset(session, 0x55, sizeof session);
    ck_assert_int_eq(ntlm_derive_keys(session, NTLM_CLIENT, &client), 0);
    ck_assert_int_eq(ntlm_derive_keys(session, NTLM_SERVER, &server), 0);
    assert_hex(client.seal, 16, "59f600973cc4960a25480a7c196e4c58");
    assert_hex(client.sign, 16, "4788dc861b4782f35d43fd98fe1a2d39");
    assert_hex(server.sign, 16, "d04d6f10741041d1d246d64188d7a8ad");
    assert_hex(server.seal, 16, "9355f3a957c1583d25c4c2f11e40390e");
}
END_TEST

/* SEAL is not ours, but its example shows where RC4 goes on and the checksum. */
START_TEST(spec_seal)
{
    bytes text = unhex("50006c00610069006e007400650078007400");
    bytes checksum = unhex("70352851f2564309");
    bytes key = unhex("59f600973cc4960a25480a7c196e4c58");
    ntlm_keys keys;
    uint8_t session[16], signature[16];
    ns_rc4 rc4;

    memset(session, 0x55, sizeof session);
    ck_assert_int_eq(ntlm_derive_keys(session, NTLM_CLIENT, &keys), 0);
    ck_assert_int_eq(ntlm_sign(&keys, slice(&text), signature), 0);
    ns_rc4_init(&rc4, key.p, key.n);
    ns_rc4_apply(&rc4, signature + 4, 8); /* undo: ntlm_sign is at RC4's start */
    ck_assert_mem_eq(signature + 4, checksum.p, 8);
    ns_rc4_init(&rc4, key.p, key.n);
    ns_rc4_apply(&rc4, text.p, text.n);
    assert_hex(text.p, text.n, "54e50165bf1936dc996020c1811b0f06fb5f");
    ns_rc4_apply(&rc4, checksum.p, checksum.n);
    assert_hex(checksum.p, checksum.n, "7fb38ec5c55d4976");
}
END_TEST

/* ---- The trace ---- */

START_TEST(trace_keys)
{
    netsession_error err = {0};
    bytes auth = unhex(trace_authenticate), server = unhex("0d1d8ba31179d008");
    bytes neg = unhex(trace_negotiate), challenge = unhex(trace_challenge);
    bytes session = unhex("270e1ba896585eeb7af3472d3b4c75a7");
    uint8_t key[16], proof[16], base[16], wrapped[16], mic[16];

    ck_assert_int_eq(ntlm_response_key(&trace_params, key, &err), 0);
    assert_hex(key, 16, "aee3959b44a815f1eb28c9511b4f533b");
    ck_assert_int_eq(
        ntlm_proof(key, server.p, (ns_slice){auth.p + 0xA8 + 16, 0xEE - 16}, proof), 0);
    ck_assert_mem_eq(proof, auth.p + 0xA8, 16);
    ck_assert_int_eq(ntlm_base_key(key, proof, base), 0);
    assert_hex(base, 16, "b4cf22566926b1c069acd80e4d73c814");
    ntlm_wrap_key(base, session.p, wrapped);
    ck_assert_mem_eq(wrapped, auth.p + 0x196, 16);
    memset(auth.p + 72, 0, 16);
    ck_assert_int_eq(ntlm_mic(session.p, slice(&neg), slice(&challenge), slice(&auth), mic), 0);
    assert_hex(mic, 16, "ecac77a5f385a8bf9c38c706eeeddcd3");
}
END_TEST

START_TEST(trace_list_mic)
{
    bytes session = unhex("270e1ba896585eeb7af3472d3b4c75a7");
    bytes list = unhex("300c060a2b06010401823702020a");
    ntlm_keys client, server;
    uint8_t mic[16];

    ck_assert_int_eq(ntlm_derive_keys(session.p, NTLM_CLIENT, &client), 0);
    ck_assert_int_eq(ntlm_derive_keys(session.p, NTLM_SERVER, &server), 0);
    assert_hex(client.sign, 16, "d43f36c44bce0630250a09ea0c2e8c2c");
    assert_hex(client.seal, 16, "31e5557d99be13f1b2665c7c7c52ce70");
    assert_hex(server.sign, 16, "e1bd8b416b0b709d295e12f2cf18e6c5");
    assert_hex(server.seal, 16, "b0f5a0b32c81ff34a878e1409b3b0ef2");
    ck_assert_int_eq(ntlm_sign(&client, slice(&list), mic), 0);
    assert_hex(mic, 16, "0100000063775a9a5fd97f0600000000");
    ck_assert_int_eq(ntlm_sign(&server, slice(&list), mic), 0);
    assert_hex(mic, 16, "010000003b453cdc3524164200000000");
}
END_TEST

/* Our Version is another; all else must be what Windows wrote. */
#define NEGOTIATE_VERSION    32
#define AUTHENTICATE_VERSION 64
#define AUTHENTICATE_MIC     72

START_TEST(trace_negotiate_bytes)
{
    bytes want = unhex(trace_negotiate), got;
    ns_writer w;

    ns_writer_init(&w, &hooks, NTLM_MESSAGE_MAX);
    ntlm_put_negotiate(&w);
    got = take_writer(&w);
    ck_assert_uint_eq(got.n, want.n);
    ck_assert_mem_eq(got.p, want.p, NEGOTIATE_VERSION);
    assert_hex(got.p + NEGOTIATE_VERSION, 8, "0a00614a0000000f");
}
END_TEST

START_TEST(trace_authenticate_bytes)
{
    bytes want = unhex(trace_authenticate), got;
    ntlm_authenticate a = {
        .flags = 0xE28A8215,
        .domain = "SUT311",
        .user = "administrator",
        .workstation = "DRIVER311",
        .lm = {want.p + 0x90, 24},
        .nt = {want.p + 0xA8, 0xEE},
        .session_key = {want.p + 0x196, 16},
    };
    ns_writer w;

    ns_writer_init(&w, &hooks, NTLM_MESSAGE_MAX);
    ck_assert(ntlm_put_authenticate(&w, &a));
    memcpy(ntlm_mic_in_authenticate(&w), want.p + AUTHENTICATE_MIC, 16);
    got = take_writer(&w);
    memcpy(got.p + AUTHENTICATE_VERSION, want.p + AUTHENTICATE_VERSION, 8);
    ck_assert_uint_eq(got.n, want.n);
    ck_assert_mem_eq(got.p, want.p, want.n);
}
END_TEST

START_TEST(trace_challenge_read)
{
    bytes in = unhex(trace_challenge);
    netsession_error err = {0};
    ntlm_challenge c;

    ck_assert_int_eq(ntlm_get_challenge(&c, in.p, in.n, &err), 0);
    ck_assert_uint_eq(c.flags, 0xE28A8215);
    assert_hex(c.nonce, 8, "0d1d8ba31179d008");
    ck_assert_uint_eq(c.pairs.n, 76);
    assert_hex(c.value[NTLM_AV_NB_DOMAIN].p, 12, "530055005400330031003100");
    assert_hex(c.value[NTLM_AV_TIMESTAMP].p, 8, "a1a1f5adcbaed001");
    ck_assert_ptr_null(c.value[NTLM_AV_FLAGS].p);
}
END_TEST

/* ---- SPNEGO tokens of the trace ---- */

START_TEST(trace_spnego_hint)
{
    bytes in = unhex(trace_hint);
    ns_slice mechs, oid;

    ck_assert(spnego_get_hint(slice(&in), &mechs));
    ck_assert(spnego_next_mech(&mechs, &oid));
    ck_assert_str_eq(spnego_mech_name(oid), "NEGOEX");
    ck_assert(spnego_next_mech(&mechs, &oid));
    ck_assert_str_eq(spnego_mech_name(oid), "NTLM");
    ck_assert(!spnego_next_mech(&mechs, &oid));
}
END_TEST

START_TEST(trace_spnego_init)
{
    bytes neg = unhex(trace_negotiate), list = unhex("300c060a2b06010401823702020a"), got;
    ns_writer w;

    ns_writer_init(&w, &hooks, 65535);
    spnego_put_init(&w, slice(&list), slice(&neg));
    got = take_writer(&w);
    assert_hex(got.p, got.n, trace_init);
}
END_TEST

/* Each NegTokenResp read, and written again to the same bytes. */
static const struct {
    const char *token;
    enum spnego_state state;
    bool mech, mic;
    const char *inner;
} resps[] = {
    {trace_resp1, SPNEGO_ACCEPT_INCOMPLETE, true, false, trace_challenge},
    {trace_resp2, SPNEGO_ACCEPT_INCOMPLETE, false, true, trace_authenticate},
    {trace_final, SPNEGO_ACCEPT_COMPLETED, false, true, NULL},
};

START_TEST(trace_spnego_resp)
{
    bytes in = unhex(resps[_i].token), again;
    spnego_resp r;
    ns_writer w;

    ck_assert(spnego_get_resp(slice(&in), &r));
    ck_assert_int_eq(r.state, resps[_i].state);
    ck_assert_int_eq(r.mech.p != NULL, resps[_i].mech);
    ck_assert_int_eq(r.mic.p != NULL, resps[_i].mic);
    ck_assert_int_eq(r.token.p != NULL, resps[_i].inner != NULL);
    if (resps[_i].inner)
        assert_hex(r.token.p, r.token.n, resps[_i].inner);
    ns_writer_init(&w, &hooks, 65535);
    spnego_put_resp(&w, &r);
    again = take_writer(&w);
    assert_hex(again.p, again.n, resps[_i].token);
}
END_TEST

/* ---- DER ---- */

static const char *const bad_ders[] = {
    "",           "04",           "0401",       "0402ff",           "048101ff", "04820001ff",
    "0480ff0000", "0484ffffffff", "0485000000", "04850000000001ff", "0501ff",   "04ff",
};

START_TEST(der_refused)
{
    bytes in = unhex(bad_ders[_i]);
    ns_reader r = ns_reader_of(in.p, in.n);

    ck_assert_ptr_null(der_take(&r, DER_OCTET_STRING).p);
    ck_assert(r.bad);
}
END_TEST

/* Every length around the places where its form changes, there and back. */
START_TEST(der_lengths)
{
    static const size_t lens[] = {0, 1, 127, 128, 255, 256, 65535, 65536};
    static const size_t headers[] = {2, 2, 2, 3, 3, 4, 4, 5};
    ns_writer w;
    ns_reader r;

    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        size_t mark;

        ns_writer_init(&w, &hooks, 70000);
        mark = der_open(&w, DER_OCTET_STRING);
        ns_put_space(&w, lens[i]);
        der_close(&w, mark);
        ck_assert_uint_eq(w.len, headers[i] + lens[i]);
        r = ns_reader_of(w.p, w.len);
        ck_assert_uint_eq(der_take(&r, DER_OCTET_STRING).n, lens[i]);
        ck_assert(!r.bad && !ns_left(&r));
        ns_writer_free(&w);
    }
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

/* ---- A client and what a test makes it hear ---- */

typedef struct talk {
    auth_client *client;
    netsession_error err;
    bytes sent; /* the client's last token */
    int rc;
} talk;

static talk begin(const auth_params *params)
{
    talk t = {0};

    t.rc = auth_client_new(&t.client, params, &t.err);
    return t;
}

static void hear(talk *t, const bytes *in)
{
    ns_writer out;

    ns_writer_init(&out, &hooks, 65535);
    t->rc = auth_client_step(t->client, in->p, in->n, &out, &t->err);
    if (t->rc)
        ns_writer_free(&out);
    else
        t->sent = take_writer(&out);
}

static void end(talk *t)
{
    auth_client_free(t->client);
    t->client = NULL;
}

/* A failure has one of our codes, and a sentence. */
static void assert_failed(const talk *t, int code)
{
    ck_assert_msg(t->rc == code, "got %s, want %s (%s)", netsession_code_name(t->rc),
                  netsession_code_name(code), t->err.message);
    ck_assert_int_eq(t->err.code, code);
    ck_assert_str_eq(t->err.layer, "auth");
    ck_assert_uint_gt(strlen(t->err.message), 10);
}

static const bytes nothing;
static const uint8_t ntlm_oid_bytes[] = {0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04,
                                         0x01, 0x82, 0x37, 0x02, 0x02, 0x0A};

/* A NegTokenResp. */
static bytes resp_of(enum spnego_state state, bool mech, ns_slice token, ns_slice mic)
{
    spnego_resp r = {.state = state, .token = token, .mic = mic};
    ns_writer w;

    if (mech)
        r.mech = (ns_slice){ntlm_oid_bytes, sizeof ntlm_oid_bytes};
    around.allowed = 0;
    ns_writer_init(&w, &hooks, 65535);
    spnego_put_resp(&w, &r);
    return take_writer(&w);
}

static bytes wrap_challenge(const bytes *challenge)
{
    return resp_of(SPNEGO_ACCEPT_INCOMPLETE, true, slice(challenge), (ns_slice){0});
}

/* ---- The server's side of NTLM, just enough to check a client ---- */

typedef struct served {
    bytes message; /* AUTHENTICATE_MESSAGE */
    ns_slice lm, nt, domain, user, workstation, session_key;
    uint32_t flags;
    uint8_t key[16]; /* ExportedSessionKey */
    ns_slice mic;
} served;

static ns_slice field_at(const bytes *m, size_t off)
{
    size_t len = ns_le16(m->p + off), at = ns_le32(m->p + off + 4);

    ck_assert_uint_le(at, m->n);
    ck_assert_uint_le(len, m->n - at);
    return (ns_slice){m->p + at, len};
}

static void serve_read(served *s, const talk *t)
{
    spnego_resp r;
    ns_slice sent = slice(&t->sent);

    ck_assert(spnego_get_resp(sent, &r));
    ck_assert_ptr_nonnull(r.token.p);
    s->message.n = r.token.n;
    memcpy(s->message.p, r.token.p, r.token.n);
    s->mic = r.mic;
    s->lm = field_at(&s->message, 12);
    s->nt = field_at(&s->message, 20);
    s->domain = field_at(&s->message, 28);
    s->user = field_at(&s->message, 36);
    s->workstation = field_at(&s->message, 44);
    s->session_key = field_at(&s->message, 52);
    s->flags = ns_le32(s->message.p + 60);
    ck_assert_uint_eq(s->session_key.n, 16);
}

/* Checks NTProofStr and MIC as a server that knows the password does, and
 * finds the session key ([MS-NLMP] 3.2.5.1.2). */
static void serve_check(served *s, const auth_params *params, const bytes *negotiate,
                        const bytes *challenge)
{
    netsession_error err = {0};
    bytes zeroed = s->message;
    uint8_t key[16], proof[16], base[16], mic[16];

    ck_assert_int_eq(ntlm_response_key(params, key, &err), 0);
    ck_assert_uint_gt(s->nt.n, 44);
    ck_assert_int_eq(ntlm_proof(key, challenge->p + 24,
                                (ns_slice){(const uint8_t *)s->nt.p + 16, s->nt.n - 16}, proof),
                     0);
    ck_assert_mem_eq(proof, s->nt.p, 16);
    ck_assert_int_eq(ntlm_base_key(key, proof, base), 0);
    ntlm_wrap_key(base, s->session_key.p, s->key);
    memset(zeroed.p + AUTHENTICATE_MIC, 0, 16);
    ck_assert_int_eq(ntlm_mic(s->key, slice(negotiate), slice(challenge), slice(&zeroed), mic),
                     0);
    ck_assert_mem_eq(mic, s->message.p + AUTHENTICATE_MIC, 16);
}

static const uint8_t mech_list_bytes[] = {0x30, 0x0C, 0x06, 0x0A, 0x2B, 0x06, 0x01,
                                          0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A};

static void list_mic(const uint8_t key[16], enum ntlm_sender who, uint8_t mic[16])
{
    ntlm_keys keys;

    ck_assert_int_eq(ntlm_derive_keys(key, who, &keys), 0);
    ck_assert_int_eq(ntlm_sign(&keys, (ns_slice){mech_list_bytes, sizeof mech_list_bytes}, mic),
                     0);
}

static bytes final_token(const uint8_t key[16])
{
    uint8_t mic[16];

    list_mic(key, NTLM_SERVER, mic);
    return resp_of(SPNEGO_ACCEPT_COMPLETED, false, (ns_slice){0}, (ns_slice){mic, sizeof mic});
}

/* The client's NEGOTIATE_MESSAGE, at the end of its NegTokenInit. */
static bytes negotiate_of(const talk *t)
{
    bytes b = {.n = 40};

    memcpy(b.p, t->sent.p + t->sent.n - b.n, b.n);
    return b;
}

/* Both client legs with this challenge. */
static talk two_legs(const auth_params *params, const bytes *challenge, bytes *negotiate)
{
    talk t = begin(params);
    bytes answer = wrap_challenge(challenge);

    hear(&t, &nothing);
    ck_assert_int_eq(t.rc, 0);
    if (negotiate)
        *negotiate = negotiate_of(&t);
    hear(&t, &answer);
    return t;
}

/* ---- Whole exchanges ---- */

START_TEST(exchange)
{
    bytes challenge = unhex(trace_challenge), hint = unhex(trace_hint), negotiate, in;
    talk t = begin(&trace_params);
    uint8_t key[AUTH_KEY_MAX], mic[16];
    size_t len;
    served s;

    ck_assert_str_eq(auth_client_mech_name(t.client), "NTLM");
    ck_assert_int_eq(auth_client_session_key(t.client, key, &len), NETSESSION_E_STATE);
    hear(&t, &hint);
    ck_assert_int_eq(t.rc, 0);
    negotiate = negotiate_of(&t);
    in = wrap_challenge(&challenge);
    hear(&t, &in);
    ck_assert_int_eq(t.rc, 0);
    serve_read(&s, &t);
    serve_check(&s, &trace_params, &negotiate, &challenge);
    ck_assert_uint_eq(s.flags, 0xE2888215);
    ck_assert_uint_eq(s.lm.n, 24);
    assert_hex(s.lm.p, 24, "000000000000000000000000000000000000000000000000");
    list_mic(s.key, NTLM_CLIENT, mic);
    ck_assert_uint_eq(s.mic.n, 16);
    ck_assert_mem_eq(s.mic.p, mic, 16);
    in = final_token(s.key);
    ck_assert_int_eq(auth_client_finish(t.client, in.p, in.n, &t.err), 0);
    ck_assert_int_eq(auth_client_session_key(t.client, key, &len), 0);
    ck_assert_uint_eq(len, 16);
    ck_assert_mem_eq(key, s.key, 16);
    assert_hex(key, 16, "55555555555555555555555555555555");
    end(&t);
}
END_TEST

/* What an NTLMv2 response is made of, by bytes. */
static const char trace_temp[] =
    "0101000000000000a1a1f5adcbaed001aaaaaaaaaaaaaaaa00000000"
    "02000c0053005500540033003100310001000c0053005500540033003100310004000c00530055005400"
    "33003100310003000c00530055005400330031003100"
    "07000800a1a1f5adcbaed001"
    "0600040002000000"
    "0a00100000000000000000000000000000000000"
    "090016006300690066007300"
    "2f00530055005400330031003100"
    "0000000000000000";

START_TEST(exchange_bytes)
{
    bytes challenge = unhex(trace_challenge);
    talk t = two_legs(&trace_params, &challenge, NULL);
    served s;

    ck_assert_int_eq(t.rc, 0);
    serve_read(&s, &t);
    assert_hex(s.domain.p, s.domain.n, "530055005400330031003100");
    assert_hex(s.user.p, s.user.n, "610064006d0069006e006900730074007200610074006f007200");
    assert_hex(s.workstation.p, s.workstation.n, "440052004900560045005200330031003100");
    assert_hex((const uint8_t *)s.nt.p + 16, s.nt.n - 16, trace_temp);
    end(&t);
}
END_TEST

/* [MS-NLMP] 4.2.4 has no timestamp: our clock, an LMv2 response, yet a MIC. */
START_TEST(exchange_no_timestamp)
{
    bytes challenge = unhex(spec_challenge), negotiate;
    talk t = two_legs(&spec_params, &challenge, &negotiate);
    served s;

    ck_assert_int_eq(t.rc, 0);
    serve_read(&s, &t);
    serve_check(&s, &spec_params, &negotiate, &challenge);
    assert_hex(s.lm.p, s.lm.n, "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa");
    assert_hex((const uint8_t *)s.nt.p + 24, 8, "0807060504030201");
    end(&t);
}
END_TEST

/* The server's own MsvAvFlags gets our bit, and no second one is added. */
START_TEST(exchange_server_flags)
{
    bytes challenge = unhex(trace_challenge), negotiate;
    static const uint8_t flags[] = {6, 0, 4, 0, 1, 0, 0, 0, 0x0B, 0, 4, 0, 1, 2, 3, 4};
    talk t;
    served s;
    const uint8_t *nt;

    memcpy(challenge.p + 116, flags, sizeof flags);
    t = two_legs(&trace_params, &challenge, &negotiate);
    ck_assert_int_eq(t.rc, 0);
    serve_read(&s, &t);
    serve_check(&s, &trace_params, &negotiate, &challenge);
    nt = s.nt.p;
    assert_hex(nt + 44 + 48, 16, "06000400030000000b00040001020304");
    assert_hex(nt + 44 + 76, 4, "0a001000");
    end(&t);
}
END_TEST

START_TEST(exchange_bindings)
{
    bytes challenge = unhex(trace_challenge), hash = unhex("000102030405060708090a0b0c0d0e0f");
    auth_params p = trace_params;
    talk t;
    served s;

    p.bindings = hash.p;
    t = two_legs(&p, &challenge, NULL);
    ck_assert_int_eq(t.rc, 0);
    serve_read(&s, &t);
    ck_assert_mem_eq((const uint8_t *)s.nt.p + 44 + 76 + 8 + 4, hash.p, 16);
    end(&t);
}
END_TEST

START_TEST(exchange_upn)
{
    bytes challenge = unhex(trace_challenge), negotiate;
    auth_params p = trace_params;
    talk t;
    served s;

    p.domain = "";
    p.user = "\xC3\xA9ric@corp.example";
    t = two_legs(&p, &challenge, &negotiate);
    ck_assert_int_eq(t.rc, 0);
    serve_read(&s, &t);
    serve_check(&s, &p, &negotiate, &challenge);
    ck_assert_uint_eq(s.domain.n, 0);
    ck_assert_uint_eq(s.user.n, 34);
    assert_hex(s.user.p, 4, "e9007200");
    end(&t);
}
END_TEST

/* [MS-NLMP] 3.2.5.1.2: what makes a session nobody's. */
START_TEST(exchange_anonymous)
{
    bytes challenge = unhex(trace_challenge), done;
    auth_params p = trace_params;
    uint8_t key[AUTH_KEY_MAX], zeros[16] = {0};
    size_t len = 1;
    talk t;
    served s;

    p.anonymous = true;
    t = two_legs(&p, &challenge, NULL);
    ck_assert_int_eq(t.rc, 0);
    serve_read(&s, &t);
    ck_assert_uint_eq(s.user.n, 0);
    ck_assert_uint_eq(s.domain.n, 0);
    ck_assert_uint_eq(s.nt.n, 0);
    assert_hex(s.lm.p, s.lm.n, "00");
    ck_assert_uint_eq(s.flags, 0xE2888A15);
    ck_assert_mem_eq(s.message.p + AUTHENTICATE_MIC, zeros, 16);
    ck_assert_ptr_null(s.mic.p);
    done = resp_of(SPNEGO_ACCEPT_COMPLETED, false, (ns_slice){0}, (ns_slice){0});
    ck_assert_int_eq(auth_client_finish(t.client, done.p, done.n, &t.err), 0);
    ck_assert_int_eq(auth_client_session_key(t.client, key, &len), 0);
    ck_assert_uint_eq(len, 0);
    end(&t);
}
END_TEST

START_TEST(exchange_no_entropy)
{
    talk t = begin(&trace_params);

    around.no_entropy = true;
    hear(&t, &nothing);
    assert_failed(&t, NETSESSION_E_CRYPTO);
    t.rc = auth_client_finish(t.client, NULL, 0, &(netsession_error){0});
    ck_assert_int_eq(t.rc, NETSESSION_E_SECURITY);
    end(&t);
}
END_TEST

/* Each name that goes into a message must be UTF-8. */
START_TEST(exchange_bad_utf8)
{
    bytes challenge = unhex(trace_challenge);
    auth_params p = trace_params;
    const char **names[] = {&p.user, &p.domain, &p.password, &p.workstation, &p.target_name};
    talk t;

    *names[_i] = "\xFF";
    t = two_legs(&p, &challenge, NULL);
    assert_failed(&t, NETSESSION_E_ARGUMENT);
    end(&t);
}
END_TEST

/* A message that its 16-bit lengths cannot hold. */
START_TEST(exchange_too_long)
{
    static char name[40000];
    bytes challenge = unhex(trace_challenge);
    auth_params p = trace_params;
    const char **names[] = {&p.user, &p.domain, &p.password, &p.workstation, &p.target_name};
    talk t;

    memset(name, 'x', sizeof name - 1);
    *names[_i] = name;
    t = two_legs(&p, &challenge, NULL);
    assert_failed(&t, NETSESSION_E_LIMIT);
    end(&t);
}
END_TEST

/* Whatever allocation fails: said so, nothing kept. */
static int whole_exchange(netsession_error *err)
{
    bytes challenge = unhex(trace_challenge), in;
    talk t = {0};
    size_t allowed = around.allowed;
    uint8_t key[16];

    memset(key, 0x55, sizeof key);
    t.rc = auth_client_new(&t.client, &trace_params, &t.err);
    if (!t.rc)
        hear(&t, &nothing);
    if (!t.rc) {
        size_t made = around.made;

        in = wrap_challenge(&challenge);
        around.made = made;
        around.allowed = allowed;
        hear(&t, &in);
    }
    if (!t.rc) {
        around.allowed = 0;
        in = final_token(key);
        t.rc = auth_client_finish(t.client, in.p, in.n, &t.err);
    }
    end(&t);
    *err = t.err;
    return t.rc;
}

START_TEST(exchange_out_of_memory)
{
    netsession_error err;
    size_t n = 0;
    int rc;

    do {
        around.made = 0;
        around.allowed = ++n;
        rc = whole_exchange(&err);
        ck_assert_int_eq(rc, rc ? NETSESSION_E_MEMORY : 0);
        ck_assert_int_eq(err.code, rc);
        ck_assert_uint_eq(around.live, 0);
    } while (rc && n < 1000);
    ck_assert_int_eq(rc, 0);
    ck_assert_uint_gt(n, 8);
}
END_TEST

/* ---- Challenges that no server may send ---- */

typedef struct patch {
    size_t off, n;
    uint8_t to[16];
} patch;

/* On the trace's challenge: pairs at 68 (domain), 84 (computer), 100, 116,
 * 132 (timestamp), 144 (end). */
static const struct challenge_case {
    const char *name;
    int code;
    size_t len; /* 0: as it is */
    patch patch[2];
} challenge_cases[] = {
    {"unchanged", 0, 0, {{0}}},
    {"47 bytes", NETSESSION_E_PROTOCOL, 47, {{0}}},
    {"no bytes", NETSESSION_E_PROTOCOL, 1, {{0}}},
    {"signature", NETSESSION_E_PROTOCOL, 0, {{0, 1, {'n'}}}},
    {"signature's NUL", NETSESSION_E_PROTOCOL, 0, {{7, 1, {' '}}}},
    {"NEGOTIATE type", NETSESSION_E_PROTOCOL, 0, {{8, 1, {1}}}},
    {"AUTHENTICATE type", NETSESSION_E_PROTOCOL, 0, {{8, 1, {3}}}},
    {"TargetInfo wraps", NETSESSION_E_PROTOCOL, 0, {{44, 4, {0xF0, 0xFF, 0xFF, 0xFF}}}},
    {"TargetInfo behind the end", NETSESSION_E_PROTOCOL, 0, {{44, 1, {148}}}},
    {"TargetInfo one byte too far", NETSESSION_E_PROTOCOL, 0, {{44, 1, {69}}}},
    {"TargetInfo in the header", NETSESSION_E_PROTOCOL, 0, {{44, 1, {24}}}},
    {"TargetInfo too long", NETSESSION_E_PROTOCOL, 0, {{40, 1, {0x51}}}},
    {"TargetInfo empty", NETSESSION_E_PROTOCOL, 0, {{40, 1, {0}}}},
    {"TargetName behind the end", NETSESSION_E_PROTOCOL, 0, {{16, 2, {0, 1}}}},
    {"TargetName wraps", NETSESSION_E_PROTOCOL, 0, {{16, 4, {0xFF, 0xFF, 0xFF, 0xFF}}}},
    {"no end of list", NETSESSION_E_PROTOCOL, 0, {{40, 1, {0x4C}}}},
    {"end of list with a value", NETSESSION_E_PROTOCOL, 0, {{146, 1, {1}}}},
    {"pairs behind the end of list", NETSESSION_E_PROTOCOL, 0, {{132, 4, {0, 0, 0, 0}}}},
    {"timestamp of 12", NETSESSION_E_PROTOCOL, 0, {{116, 1, {7}}, {132, 1, {11}}}},
    {"timestamp of 7", NETSESSION_E_PROTOCOL, 0, {{134, 1, {7}}}},
    {"flags of 12", NETSESSION_E_PROTOCOL, 0, {{116, 1, {6}}}},
    {"text of 11", NETSESSION_E_PROTOCOL, 0, {{118, 1, {11}}}},
    {"name twice", NETSESSION_E_PROTOCOL, 0, {{116, 1, {4}}}},
    {"value too long", NETSESSION_E_PROTOCOL, 0, {{118, 2, {0xFF, 0xFF}}}},
    {"value a little too long", NETSESSION_E_PROTOCOL, 0, {{134, 1, {13}}}},
    {"single host", NETSESSION_E_PROTOCOL, 0, {{116, 1, {8}}}},
    {"target name", NETSESSION_E_PROTOCOL, 0, {{116, 1, {9}}}},
    {"channel bindings", NETSESSION_E_PROTOCOL, 0, {{116, 1, {10}}}},
    {"no NetBIOS domain", NETSESSION_E_PROTOCOL, 0, {{68, 1, {11}}}},
    {"no NetBIOS computer", NETSESSION_E_PROTOCOL, 0, {{84, 1, {11}}}},
    {"unknown pair", 0, 0, {{116, 2, {0xFF, 0xFF}}}},
    {"no UNICODE", NETSESSION_E_SECURITY, 0, {{20, 1, {0x14}}}},
    {"no EXTENDED_SESSIONSECURITY", NETSESSION_E_SECURITY, 0, {{22, 1, {0x82}}}},
    {"no TARGET_INFO", NETSESSION_E_SECURITY, 0, {{22, 1, {0x0A}}}},
    {"no 128", NETSESSION_E_SECURITY, 0, {{23, 1, {0xC2}}}},
    {"no KEY_EXCH", NETSESSION_E_SECURITY, 0, {{23, 1, {0xA2}}}},
    {"no flags", NETSESSION_E_SECURITY, 0, {{20, 4, {0}}}},
    {"no 56", 0, 0, {{23, 1, {0x62}}}},
    {"no VERSION", 0, 0, {{23, 1, {0xE0}}}},
    {"no ALWAYS_SIGN", 0, 0, {{21, 1, {0x02}}}},
    {"no NTLM", 0, 0, {{21, 1, {0x80}}}},
    {"no REQUEST_TARGET", 0, 0, {{20, 1, {0x11}}}},
    {"all flags", 0, 0, {{20, 4, {0xFF, 0xFF, 0xFF, 0xFF}}}},
    {"our own challenge",
     NETSESSION_E_SECURITY,
     0,
     {{24, 8, {0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA}}}},
};

START_TEST(challenge_case)
{
    const struct challenge_case *c = &challenge_cases[_i];
    bytes challenge = unhex(trace_challenge);
    talk t;

    for (size_t i = 0; i < 2; i++)
        memcpy(challenge.p + c->patch[i].off, c->patch[i].to, c->patch[i].n);
    challenge.n = c->len ? c->len : challenge.n;
    t = two_legs(&trace_params, &challenge, NULL);
    ck_assert_msg(t.rc == c->code, "%s: %s", c->name, netsession_code_name(t.rc));
    if (c->code) {
        assert_failed(&t, c->code);
        t.rc = auth_client_finish(t.client, NULL, 0, &(netsession_error){0});
        ck_assert_int_eq(t.rc, NETSESSION_E_SECURITY);
    }
    end(&t);
}
END_TEST

/* Our NEGOTIATE_MESSAGE, sent back. */
START_TEST(negotiate_reflected)
{
    bytes own = unhex(trace_negotiate);
    talk t = two_legs(&trace_params, &own, NULL);

    assert_failed(&t, NETSESSION_E_PROTOCOL);
    end(&t);
}
END_TEST

/* Version is zero where it is not negotiated ([MS-NLMP] 2.2.1.3). */
START_TEST(version_not_agreed)
{
    bytes challenge = unhex(trace_challenge);
    served s;
    talk t;

    challenge.p[23] = 0xE0;
    t = two_legs(&trace_params, &challenge, NULL);
    serve_read(&s, &t);
    assert_hex(s.message.p + AUTHENTICATE_VERSION, 8, "0000000000000000");
    end(&t);
}
END_TEST

/* Flags are agreed, not obeyed. */
START_TEST(all_flags_masked)
{
    bytes challenge = unhex(trace_challenge);
    served s;
    talk t;

    memset(challenge.p + 20, 0xFF, 4);
    t = two_legs(&trace_params, &challenge, NULL);
    serve_read(&s, &t);
    ck_assert_uint_eq(s.flags, 0xE2888215);
    end(&t);
}
END_TEST

/* Impacket's server: no SIGN, Version of 0xFF, empty names.  There is a key,
 * but nothing to sign the mechanism list with. */
START_TEST(challenge_without_sign)
{
    bytes challenge = unhex("4e544c4d5353500002000000000000003800000007028ae2414141414141414100"
                            "000000000000001c001c0038000000ffffffffffffffff"
                            "010000000300000002000000040000000700080001020304050607080000"
                            "0000");
    bytes negotiate, done;
    talk t;
    served s;

    challenge.p[20] = 0x07;
    t = two_legs(&trace_params, &challenge, &negotiate);
    ck_assert_int_eq(t.rc, NETSESSION_E_PROTOCOL); /* the list is cut */
    end(&t);
    challenge.p[40] = 0x20;
    t = two_legs(&trace_params, &challenge, &negotiate);
    ck_assert_int_eq(t.rc, 0);
    serve_read(&s, &t);
    serve_check(&s, &trace_params, &negotiate, &challenge);
    ck_assert_uint_eq(s.flags, 0xE2880205);
    ck_assert_ptr_null(s.mic.p);
    done = resp_of(SPNEGO_ACCEPT_COMPLETED, false, (ns_slice){0}, (ns_slice){0});
    ck_assert_int_eq(auth_client_finish(t.client, done.p, done.n, &t.err), 0);
    end(&t);
}
END_TEST

/* A whole challenge, cut anywhere, in a token whose lengths are right. */
START_TEST(challenge_truncated)
{
    bytes challenge = unhex(trace_challenge);
    size_t whole = challenge.n;

    for (size_t n = 0; n < whole; n++) {
        talk t;

        challenge.n = n;
        t = two_legs(&trace_params, &challenge, NULL);
        assert_failed(&t, NETSESSION_E_PROTOCOL);
        end(&t);
    }
}
END_TEST

/* Pseudo-random damage: any verdict is right that leaves memory alone. */
START_TEST(challenge_damaged)
{
    uint32_t seed = 1;

    for (unsigned i = 0; i < 3000; i++) {
        bytes challenge = unhex(trace_challenge);
        talk t;

        for (unsigned k = 0; k < 1 + i % 4; k++) {
            seed = seed * 1664525 + 1013904223;
            challenge.p[(seed >> 8) % challenge.n] = (uint8_t)(seed >> 24);
        }
        t = two_legs(&trace_params, &challenge, NULL);
        ck_assert(t.rc == 0 || t.rc == t.err.code);
        end(&t);
    }
}
END_TEST

/* ---- Hints ---- */

#define NTLM_OID   "060a2b06010401823702020a"
#define NEGOEX_OID "060a2b06010401823702021e"
#define KRB5_OID   "06092a864886f712010202"

static const struct {
    const char *hint;
    int code;
} hint_cases[] = {
    {"", 0},
    {trace_hint, 0},
    /* mechTypes NTLM alone, as Impacket's server */
    {"601c06062b0601050502a0123010a00e300c" NTLM_OID, 0},
    /* Samba: NTLM and hints */
    {"604806062b0601050502a03e303ca00e300c" NTLM_OID
     "a32a3028a0261b246e6f745f646566696e65645f696e5f5246433431373840706c656173655f69676e6f7265",
     0},
    /* no mechTypes at all: nothing said, nothing held against it */
    {"600c06062b0601050502a0023000", 0},
    /* Kerberos and NEGOEX only */
    {"602706062b0601050502a01d301ba0193017" KRB5_OID NEGOEX_OID, NETSESSION_E_POLICY},
    /* an empty list, an unknown mechanism */
    {"601006062b0601050502a0063004a0023000", NETSESSION_E_POLICY},
    {"601306062b0601050502a0093007a0053003060155", NETSESSION_E_POLICY},
    /* raw garbage, raw NTLMSSP, a NegTokenResp */
    {"4142434445464748", NETSESSION_E_PROTOCOL},
    {trace_challenge, NETSESSION_E_PROTOCOL},
    {trace_resp1, NETSESSION_E_PROTOCOL},
    /* trailing garbage outside and at each depth */
    {"601c06062b0601050502a0123010a00e300c" NTLM_OID "00", NETSESSION_E_PROTOCOL},
    {"601d06062b0601050502a0123010a00e300c" NTLM_OID "00", NETSESSION_E_PROTOCOL},
    {"601d06062b0601050502a0133010a00e300c" NTLM_OID "00", NETSESSION_E_PROTOCOL},
    {"601d06062b0601050502a0133011a00e300c" NTLM_OID "00", NETSESSION_E_PROTOCOL},
    {"601d06062b0601050502a0133011a00f300c" NTLM_OID "00", NETSESSION_E_PROTOCOL},
    {"601d06062b0601050502a0133011a00f300d" NTLM_OID "00", NETSESSION_E_PROTOCOL},
    /* another OID than SPNEGO's; NegTokenResp inside; order; lengths */
    {"601c06062b0601050503a0123010a00e300c" NTLM_OID, NETSESSION_E_PROTOCOL},
    {"601c06062b0601050502a1123010a00e300c" NTLM_OID, NETSESSION_E_PROTOCOL},
    {"602206062b0601050502a0183016a20404020000a00e300c" NTLM_OID, NETSESSION_E_PROTOCOL},
    {"60811c06062b0601050502a0123010a00e300c" NTLM_OID, NETSESSION_E_PROTOCOL},
    {"6084ffffffff06062b0601050502a0123010a00e300c" NTLM_OID, NETSESSION_E_PROTOCOL},
    {"608006062b0601050502a0123010a00e300c" NTLM_OID "0000", NETSESSION_E_PROTOCOL},
    /* a token larger than the message; a list of something else than OIDs */
    {"602206062b0601050502a0183016a00e300c" NTLM_OID "a2040403ffff", NETSESSION_E_PROTOCOL},
    {"601006062b0601050502a0063004a0023000a0", NETSESSION_E_PROTOCOL},
    {"601306062b0601050502a0093007a0053003040155", NETSESSION_E_PROTOCOL},
    /* a sequence inside a sequence inside ... */
    {"602006062b0601050502a016301430123010300e300c300a3008300630043002300030003000",
     NETSESSION_E_PROTOCOL},
};

START_TEST(hint_case)
{
    bytes in = unhex(hint_cases[_i].hint);
    talk t = begin(&trace_params);

    hear(&t, &in);
    ck_assert_msg(t.rc == hint_cases[_i].code, "case %d: %s: %s", _i,
                  netsession_code_name(t.rc), t.err.message);
    if (t.rc)
        assert_failed(&t, hint_cases[_i].code);
    else
        ck_assert_uint_eq(t.sent.n, 74);
    end(&t);
}
END_TEST

START_TEST(hint_names_the_offer)
{
    bytes in = unhex("602706062b0601050502a01d301ba0193017" KRB5_OID NEGOEX_OID);
    talk t = begin(&trace_params);

    hear(&t, &in);
    ck_assert_ptr_nonnull(strstr(t.err.message, "it offers Kerberos, NEGOEX"));
    end(&t);
}
END_TEST

/* More names than a sentence holds. */
START_TEST(hint_names_cut)
{
    bytes in = unhex("6081f206062b0601050502a081e73081e4a081e13081de"), one = unhex(NEGOEX_OID);
    talk t = begin(&trace_params);

    for (unsigned i = 0; i < 18; i++, in.n += one.n)
        memcpy(in.p + in.n, one.p, one.n);
    in.p[2] = 0xF0 - 2;
    ck_assert_uint_eq(in.n, 23 + 216);
    in.p[2] = (uint8_t)(in.n - 3);
    in.p[13] = (uint8_t)(in.n - 14);
    in.p[16] = (uint8_t)(in.n - 17);
    in.p[19] = (uint8_t)(in.n - 20);
    in.p[22] = (uint8_t)(in.n - 23);
    hear(&t, &in);
    assert_failed(&t, NETSESSION_E_POLICY);
    end(&t);
}
END_TEST

START_TEST(hint_truncated)
{
    bytes in = unhex(trace_hint);
    size_t whole = in.n;

    for (size_t n = 1; n < whole; n++) {
        talk t = begin(&trace_params);

        in.n = n;
        hear(&t, &in);
        assert_failed(&t, NETSESSION_E_PROTOCOL);
        end(&t);
    }
}
END_TEST

/* ---- First answers ---- */

static const struct {
    const char *token;
    int code;
    bool well_formed;
} answer_cases[] = {
    {trace_resp1, 0, true},
    /* reject, alone and with more */
    {"a1073005a0030a0102", NETSESSION_E_LOGON, true},
    {"a1153013a0030a0102a10c" NTLM_OID, NETSESSION_E_LOGON, true},
    /* accept-completed before anything was proved */
    {"a1073005a0030a0100", NETSESSION_E_SECURITY, true},
    {"a1153013a0030a0100a10c" NTLM_OID, NETSESSION_E_SECURITY, true},
    /* a mechanism that was not offered */
    {"a1153013a0030a0101a10c" NEGOEX_OID, NETSESSION_E_SECURITY, true},
    {"a1143012a0030a0103a10b" KRB5_OID, NETSESSION_E_SECURITY, true},
    /* no supportedMech, no negState, no token, an empty one */
    {"a1073005a0030a0101", NETSESSION_E_PROTOCOL, true},
    {"a110300ea10c" NTLM_OID, NETSESSION_E_PROTOCOL, true},
    {"a1153013a0030a0101a10c" NTLM_OID, NETSESSION_E_PROTOCOL, true},
    {"a1193017a0030a0101a10c" NTLM_OID "a2020400", NETSESSION_E_PROTOCOL, true},
    {"a1023000", NETSESSION_E_PROTOCOL, true},
    /* no token at all, raw garbage, raw NTLMSSP, a NegTokenInit */
    {"", NETSESSION_E_PROTOCOL, false},
    {"00", NETSESSION_E_PROTOCOL, false},
    {"4142434445464748", NETSESSION_E_PROTOCOL, false},
    {trace_challenge, NETSESSION_E_PROTOCOL, false},
    {trace_init, NETSESSION_E_PROTOCOL, false},
    /* negState 4, of two bytes, of none, as an INTEGER */
    {"a1153013a0030a0104a10c" NTLM_OID, NETSESSION_E_PROTOCOL, false},
    {"a1163014a0040a020001a10c" NTLM_OID, NETSESSION_E_PROTOCOL, false},
    {"a1143012a0020a00a10c" NTLM_OID, NETSESSION_E_PROTOCOL, false},
    {"a1153013a003020101a10c" NTLM_OID, NETSESSION_E_PROTOCOL, false},
    /* order, twice, unknown field, two elements in one field */
    {"a1153013a10c" NTLM_OID "a0030a0101", NETSESSION_E_PROTOCOL, false},
    {"a11a3018a0030a0101a0030a0101a10c" NTLM_OID, NETSESSION_E_PROTOCOL, false},
    {"a1193017a0030a0101a10c" NTLM_OID "a4020400", NETSESSION_E_PROTOCOL, false},
    {"a1183016a0060a01010a0101a10c" NTLM_OID, NETSESSION_E_PROTOCOL, false},
    /* trailing garbage at each depth */
    {"a1073005a0030a010100", NETSESSION_E_PROTOCOL, false},
    {"a1083005a0030a010100", NETSESSION_E_PROTOCOL, false},
    {"a1083006a0030a010100", NETSESSION_E_PROTOCOL, false},
    /* lengths: 4 GiB, indefinite, not minimal, larger than what is around */
    {"a184ffffffff3005a0030a0101", NETSESSION_E_PROTOCOL, false},
    {"a1803005a0030a01010000", NETSESSION_E_PROTOCOL, false},
    {"a181073005a0030a0101", NETSESSION_E_PROTOCOL, false},
    {"a1820007300aa0030a0101", NETSESSION_E_PROTOCOL, false},
    {"a1073006a0030a0101", NETSESSION_E_PROTOCOL, false},
    {"a11b3019a0030a0101a10c" NTLM_OID "a2040484ffff", NETSESSION_E_PROTOCOL, false},
    /* deep nesting */
    {"a1123010a00e300c300a30083006300430023000", NETSESSION_E_PROTOCOL, false},
};

START_TEST(answer_case)
{
    bytes in = unhex(answer_cases[_i].token);
    talk t = begin(&trace_params);
    spnego_resp r;

    ck_assert_msg(spnego_get_resp(slice(&in), &r) == answer_cases[_i].well_formed, "case %d",
                  _i);
    hear(&t, &nothing);
    hear(&t, &in);
    ck_assert_msg(t.rc == answer_cases[_i].code, "case %d: %s: %s", _i,
                  netsession_code_name(t.rc), t.err.message);
    if (t.rc)
        assert_failed(&t, answer_cases[_i].code);
    end(&t);
}
END_TEST

START_TEST(answer_truncated)
{
    bytes in = unhex(trace_resp1);
    size_t whole = in.n;

    for (size_t n = 0; n < whole; n++) {
        talk t = begin(&trace_params);

        hear(&t, &nothing);
        in.n = n;
        hear(&t, &in);
        assert_failed(&t, NETSESSION_E_PROTOCOL);
        end(&t);
    }
}
END_TEST

START_TEST(answer_damaged)
{
    uint32_t seed = 2;

    for (unsigned i = 0; i < 3000; i++) {
        bytes in = unhex(trace_resp1);
        talk t = begin(&trace_params);

        seed = seed * 1664525 + 1013904223;
        in.p[(seed >> 8) % 44] = (uint8_t)(seed >> 24);
        hear(&t, &nothing);
        hear(&t, &in);
        ck_assert(t.rc == 0 || t.rc == t.err.code);
        end(&t);
    }
}
END_TEST

/* ---- The end ---- */

static talk all_legs(void)
{
    bytes challenge = unhex(trace_challenge);
    talk t = two_legs(&trace_params, &challenge, NULL);

    ck_assert_int_eq(t.rc, 0);
    return t;
}

static void finish(talk *t, const bytes *in)
{
    t->rc = auth_client_finish(t->client, in->n ? in->p : NULL, in->n, &t->err);
}

static const struct {
    const char *token;
    int code;
} final_cases[] = {
    /* one mechanism was offered, so that there was nothing to downgrade */
    {"", 0},
    {"a1073005a0030a0100", 0},
    {"a10b3009a0030a0100a2020400", 0},
    {"a1153013a0030a0100a10c" NTLM_OID, 0}, /* supportedMech, to be ignored now */
    {"a1143012a0030a0100a10b" KRB5_OID, 0},
    {"a1073005a0030a0102", NETSESSION_E_LOGON},
    {"a1073005a0030a0101", NETSESSION_E_PROTOCOL},
    {"a1073005a0030a0103", NETSESSION_E_PROTOCOL},
    {"a1023000", NETSESSION_E_PROTOCOL},
    {"a10c300aa0030a0100a2030401ff", NETSESSION_E_PROTOCOL},
    {"a10b3009a0030a0100a3020400", NETSESSION_E_SECURITY},
    /* zeros; our own; Windows' under the trace's key */
    {"a11b3019a0030a0100a312041000000000000000000000000000000000", NETSESSION_E_SECURITY},
    {"a11b3019a0030a0100a312041001000000000000000000000000000000", NETSESSION_E_SECURITY},
    {trace_final, NETSESSION_E_SECURITY},
    {trace_resp1, NETSESSION_E_PROTOCOL},
    {"4142434445464748", NETSESSION_E_PROTOCOL},
    {"a1073005a0030a010000", NETSESSION_E_PROTOCOL},
    {"a184ffffffff3005a0030a0100", NETSESSION_E_PROTOCOL},
};

START_TEST(final_case)
{
    bytes in = unhex(final_cases[_i].token);
    talk t = all_legs();

    finish(&t, &in);
    ck_assert_msg(t.rc == final_cases[_i].code, "case %d: %s: %s", _i,
                  netsession_code_name(t.rc), t.err.message);
    if (t.rc)
        assert_failed(&t, final_cases[_i].code);
    end(&t);
}
END_TEST

/* The client's own signature of the list, reflected. */
START_TEST(final_mic_reflected)
{
    talk t = all_legs();
    served s;
    bytes in;

    serve_read(&s, &t);
    in = resp_of(SPNEGO_ACCEPT_COMPLETED, false, (ns_slice){0}, s.mic);
    finish(&t, &in);
    assert_failed(&t, NETSESSION_E_SECURITY);
    end(&t);
}
END_TEST

START_TEST(final_mic_flipped)
{
    talk t = all_legs();
    uint8_t key[16];
    bytes good, bad;

    memset(key, 0x55, sizeof key);
    good = final_token(key);
    for (size_t i = good.n - 16; i < good.n; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            bad = good;
            bad.p[i] = (uint8_t)(bad.p[i] ^ 1u << bit);
            memset(&t.err, 0, sizeof t.err);
            finish(&t, &bad);
            assert_failed(&t, NETSESSION_E_SECURITY);
        }
    memset(&t.err, 0, sizeof t.err);
    finish(&t, &good); /* checking left no trace in RC4's state */
    ck_assert_int_eq(t.rc, 0);
    end(&t);
}
END_TEST

START_TEST(final_truncated)
{
    talk t = all_legs();
    uint8_t key[16];
    bytes in;

    memset(key, 0x55, sizeof key);
    in = final_token(key);
    while (--in.n) {
        memset(&t.err, 0, sizeof t.err);
        finish(&t, &in);
        assert_failed(&t, NETSESSION_E_PROTOCOL);
    }
    end(&t);
}
END_TEST

/* Granted before the first leg, and between the two. */
START_TEST(success_too_early)
{
    bytes in = unhex("a1073005a0030a0100");
    talk t = begin(&trace_params);

    if (_i)
        hear(&t, &nothing);
    finish(&t, &in);
    assert_failed(&t, NETSESSION_E_SECURITY);
    end(&t);
}
END_TEST

START_TEST(one_leg_too_many)
{
    bytes in = unhex(trace_resp1);
    talk t = all_legs();

    hear(&t, &in);
    assert_failed(&t, NETSESSION_E_PROTOCOL);
    end(&t);
}
END_TEST

/* The server asks for a mechListMIC; then it must send one too. */
START_TEST(request_mic)
{
    bytes in = unhex(trace_resp1), done = unhex("a1073005a0030a0100");
    talk t = begin(&trace_params);
    uint8_t key[16];

    in.p[10] = SPNEGO_REQUEST_MIC;
    hear(&t, &nothing);
    hear(&t, &in);
    ck_assert_int_eq(t.rc, 0);
    finish(&t, &done);
    assert_failed(&t, NETSESSION_E_SECURITY);
    memset(&t.err, 0, sizeof t.err);
    memset(key, 0x55, sizeof key);
    done = final_token(key);
    finish(&t, &done);
    ck_assert_int_eq(t.rc, 0);
    end(&t);
}
END_TEST

/* NTLM itself, asked again or too soon. */
START_TEST(mech_alone)
{
    netsession_error err = {0};
    uint8_t key[AUTH_KEY_MAX];
    bytes challenge = unhex(trace_challenge);
    ns_writer out;
    void *state;
    size_t len;

    ns_writer_init(&out, &hooks, 65535);
    ck_assert_int_eq(ntlm_mech.create(&state, &trace_params, &err), 0);
    ck_assert_int_eq(ntlm_mech.step(state, NULL, 0, &out, &err), 1);
    ck_assert_int_eq(ntlm_mech.session_key(state, key, &len), NETSESSION_E_STATE);
    ck_assert_int_eq(ntlm_mech.step(state, challenge.p, challenge.n, &out, &err), 0);
    ck_assert_int_eq(ntlm_mech.step(state, challenge.p, challenge.n, &out, &err),
                     NETSESSION_E_PROTOCOL);
    ntlm_mech.destroy(state);
    ns_writer_free(&out);
}
END_TEST

/* ---- Several mechanisms: one that stands in for Kerberos, before NTLM ---- */

static int other_create(void **state, const auth_params *params, netsession_error *err)
{
    (void)err;
    *state = (void *)(uintptr_t)params->hooks;
    return 0;
}

/* Never comes to an end. */
static int other_step(void *state, const uint8_t *in, size_t in_len, ns_writer *out,
                      netsession_error *err)
{
    (void)state;
    (void)in;
    (void)in_len;
    (void)err;
    ns_put(out, "ticket", 6);
    return 1;
}

static void other_destroy(void *state)
{
    (void)state;
}

static const uint8_t krb5_oid[] = {0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
                                   0xF7, 0x12, 0x01, 0x02, 0x02};

static const auth_mech other_mech = {
    .name = "Kerberos",
    .oid = krb5_oid,
    .oid_len = sizeof krb5_oid,
    .create = other_create,
    .step = other_step,
    .destroy = other_destroy,
};

static const auth_mech *const two_mechs[] = {&other_mech, &ntlm_mech};

static talk begin_two(void)
{
    talk t = {0};

    t.rc = auth_client_new_with(&t.client, &trace_params, two_mechs, 2, &t.err);
    ck_assert_int_eq(t.rc, 0);
    hear(&t, &nothing);
    ck_assert_int_eq(t.rc, 0);
    return t;
}

/* What the second of two mechanisms signs: 30 17, both OIDs. */
static void two_mic(enum ntlm_sender who, uint8_t mic[16])
{
    bytes list = unhex("3017" KRB5_OID NTLM_OID);
    ntlm_keys keys;
    uint8_t key[16];

    memset(key, 0x55, sizeof key);
    ck_assert_int_eq(ntlm_derive_keys(key, who, &keys), 0);
    ck_assert_int_eq(ntlm_sign(&keys, slice(&list), mic), 0);
}

/* The server takes the second: one leg more, and its signature is required. */
static talk fall_back(void)
{
    bytes choice = unhex("a1153013a0030a0103a10c" NTLM_OID), in = unhex(trace_challenge);
    talk t = begin_two();
    spnego_resp r;
    served s;
    uint8_t mic[16];

    ck_assert_str_eq(auth_client_mech_name(t.client), "Kerberos");
    hear(&t, &choice);
    ck_assert_int_eq(t.rc, 0);
    ck_assert_str_eq(auth_client_mech_name(t.client), "NTLM");
    ck_assert(spnego_get_resp(slice(&t.sent), &r));
    ck_assert_uint_eq(r.token.n, 40);
    in = wrap_challenge(&in);
    hear(&t, &in);
    ck_assert_int_eq(t.rc, 0);
    serve_read(&s, &t);
    two_mic(NTLM_CLIENT, mic);
    ck_assert_mem_eq(s.mic.p, mic, 16);
    return t;
}

START_TEST(second_mech_taken)
{
    talk t = fall_back();
    uint8_t mic[16];
    bytes in;

    two_mic(NTLM_SERVER, mic);
    in = resp_of(SPNEGO_ACCEPT_COMPLETED, false, (ns_slice){0}, (ns_slice){mic, sizeof mic});
    finish(&t, &in);
    ck_assert_int_eq(t.rc, 0);
    end(&t);
}
END_TEST

/* No signature, no token, a signature of NTLM's list alone. */
START_TEST(second_mech_unsigned)
{
    talk t = fall_back();
    uint8_t key[16];
    bytes in = {0};

    memset(key, 0x55, sizeof key);
    if (_i == 1)
        in = unhex("a1073005a0030a0100");
    if (_i == 2)
        in = final_token(key);
    finish(&t, &in);
    assert_failed(&t, NETSESSION_E_SECURITY);
    end(&t);
}
END_TEST

START_TEST(second_mech_with_token)
{
    bytes in = unhex(trace_resp1);
    talk t = begin_two();

    hear(&t, &in);
    assert_failed(&t, NETSESSION_E_PROTOCOL);
    end(&t);
}
END_TEST

START_TEST(endless_legs)
{
    bytes first = unhex("a1143012a0030a0101a10b" KRB5_OID), more = unhex("a1073005a0030a0101");
    talk t = begin_two();
    unsigned legs = 1;

    hear(&t, &first);
    for (; !t.rc && legs < 100; legs++)
        hear(&t, &more);
    assert_failed(&t, NETSESSION_E_PROTOCOL);
    ck_assert_uint_lt(legs, 10);
    end(&t);
}
END_TEST

/* ---- A mechanism whose last token is the server's ---- */

/* What its step answers to a token of the server's, and whether it has yet
 * another token for it. */
static struct {
    int rc;
    bool talks;
} ending;

static int ending_step(void *state, const uint8_t *in, size_t in_len, ns_writer *out,
                       netsession_error *err)
{
    (void)state;
    (void)in;
    if (!in_len || ending.talks)
        ns_put(out, "ticket", 6);
    if (in_len && ending.rc < 0)
        return ns_fail_code(err, ending.rc, NS_LAYER_AUTH);
    return in_len ? ending.rc : 1;
}

static const auth_mech ending_mech = {
    .name = "Kerberos",
    .oid = krb5_oid,
    .oid_len = sizeof krb5_oid,
    .server_ends = true,
    .create = other_create,
    .step = ending_step,
    .destroy = other_destroy,
};

static talk begin_ending(int rc, bool talks)
{
    static const auth_mech *const one[] = {&ending_mech};
    talk t = {0};

    ending.rc = rc;
    ending.talks = talks;
    ck_assert_int_eq(auth_client_new_with(&t.client, &trace_params, one, 1, &t.err), 0);
    hear(&t, &nothing);
    ck_assert_int_eq(t.rc, 0);
    return t;
}

/* The server's last token, with its choice beside it. */
#define LAST_TOKEN "a1183016a0030a0100a10b" KRB5_OID "a2020400"
#define LAST_WORD  "a1193017a0030a0100a10b" KRB5_OID "a203040178"

static const struct {
    int rc;
    bool talks;
    const char *token;
    int code;
} endings[] = {
    {0, false, LAST_WORD, 0},
    {0, true, LAST_WORD, NETSESSION_E_SECURITY},
    {1, false, LAST_WORD, NETSESSION_E_SECURITY},
    {1, true, LAST_WORD, NETSESSION_E_SECURITY},
    {NETSESSION_E_SECURITY, false, LAST_WORD, NETSESSION_E_SECURITY},
    {0, false, LAST_TOKEN, NETSESSION_E_SECURITY},
    {0, false, "", NETSESSION_E_SECURITY},
};

START_TEST(ending_case)
{
    bytes in = unhex(endings[_i].token);
    talk t = begin_ending(endings[_i].rc, endings[_i].talks);

    finish(&t, &in);
    ck_assert_msg(t.rc == endings[_i].code, "case %d: %s", _i, t.err.message);
    if (t.rc)
        assert_failed(&t, endings[_i].code);
    end(&t);
}
END_TEST

/* One leg more than usual: the mechanism is settled by then, and a signature
 * beside a token that is not the last is none. */
START_TEST(ending_in_two)
{
    bytes more = unhex("a120301ea0030a0101a10b" KRB5_OID "a203040178a3050403616263");
    bytes in = unhex("a10c300aa0030a0100a203040178");
    talk t = begin_ending(1, true);

    hear(&t, &more);
    ck_assert_msg(t.rc == 0, "%s", t.err.message);
    ending.rc = 0;
    ending.talks = false;
    finish(&t, &in);
    ck_assert_msg(t.rc == 0, "%s", t.err.message);
    end(&t);
}
END_TEST

/* A mechListMIC beside NTLM's challenge comes before there are keys: it is no
 * signature, so one that was promised is still missing. */
START_TEST(early_mic)
{
    static const uint8_t mic[16] = {1};
    bytes challenge = unhex(trace_challenge), done = unhex("a1073005a0030a0100"), in;
    talk t = begin(&trace_params);

    in = resp_of(_i ? SPNEGO_REQUEST_MIC : SPNEGO_ACCEPT_INCOMPLETE, true, slice(&challenge),
                 (ns_slice){mic, sizeof mic});
    hear(&t, &nothing);
    hear(&t, &in);
    ck_assert_msg(t.rc == 0, "%s", t.err.message);
    finish(&t, &done);
    if (_i)
        assert_failed(&t, NETSESSION_E_SECURITY);
    else
        ck_assert_int_eq(t.rc, 0);
    end(&t);
}
END_TEST

/* ---- Names that are no UTF-8, in messages as such ---- */

START_TEST(challenge_bad_utf8)
{
    ntlm_target t = {
        .nb_computer = "C", .nb_domain = "D", .dns_computer = "c.d", .dns_domain = "d"};
    const char **names[] = {&t.nb_computer, &t.nb_domain, &t.dns_computer, &t.dns_domain};
    static const uint32_t flags[] = {NTLM_TARGET_DOMAIN, NTLM_TARGET_SERVER};
    static const uint8_t nonce[NTLM_NONCE_LEN];

    for (int i = 0; i < COUNT(flags); i++)
        for (int bad = 0; bad <= COUNT(names); bad++) {
            ntlm_target good = t;
            ns_writer w;

            if (bad < COUNT(names))
                *names[bad] = "\xFF";
            ns_writer_init(&w, &hooks, 65535);
            ck_assert_int_eq(ntlm_put_challenge(&w, flags[i], nonce, &t), bad == COUNT(names));
            ns_writer_free(&w);
            t = good;
        }
}
END_TEST

START_TEST(authenticate_bad_utf8)
{
    ntlm_authenticate a = {.domain = "D", .user = "u", .workstation = "W"};
    const char **names[] = {&a.domain, &a.user, &a.workstation};

    for (int bad = 0; bad <= COUNT(names); bad++) {
        ntlm_authenticate good = a;
        ns_writer w;

        if (bad < COUNT(names))
            *names[bad] = "\xC3";
        ns_writer_init(&w, &hooks, 65535);
        ck_assert_int_eq(ntlm_put_authenticate(&w, &a), bad == COUNT(names));
        ns_writer_free(&w);
        a = good;
    }
}
END_TEST

/* ---- ---- */

static TCase *vectors(void)
{
    TCase *tc = tcase_create("vectors");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, md4_vector, 0, COUNT(md4_vectors));
    tcase_add_loop_test(tc, rc4_vector, 0, COUNT(rc4_vectors));
    tcase_add_test(tc, spec_response);
    tcase_add_test(tc, spec_session_keys);
    tcase_add_test(tc, spec_seal);
    tcase_add_test(tc, trace_keys);
    tcase_add_test(tc, trace_list_mic);
    tcase_add_test(tc, trace_negotiate_bytes);
    tcase_add_test(tc, trace_authenticate_bytes);
    tcase_add_test(tc, trace_challenge_read);
    tcase_add_test(tc, trace_spnego_hint);
    tcase_add_test(tc, trace_spnego_init);
    tcase_add_loop_test(tc, trace_spnego_resp, 0, COUNT(resps));
    tcase_add_loop_test(tc, der_refused, 0, COUNT(bad_ders));
    tcase_add_test(tc, der_lengths);
    return tc;
}

static TCase *exchanges(void)
{
    TCase *tc = tcase_create("exchanges");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, exchange);
    tcase_add_test(tc, exchange_bytes);
    tcase_add_test(tc, exchange_no_timestamp);
    tcase_add_test(tc, exchange_server_flags);
    tcase_add_test(tc, exchange_bindings);
    tcase_add_test(tc, exchange_upn);
    tcase_add_test(tc, exchange_anonymous);
    tcase_add_test(tc, exchange_no_entropy);
    tcase_add_loop_test(tc, exchange_bad_utf8, 0, 5);
    tcase_add_loop_test(tc, exchange_too_long, 0, 5);
    tcase_add_test(tc, exchange_out_of_memory);
    tcase_add_test(tc, mech_alone);
    tcase_add_test(tc, second_mech_taken);
    tcase_add_loop_test(tc, second_mech_unsigned, 0, 3);
    tcase_add_test(tc, second_mech_with_token);
    tcase_add_test(tc, endless_legs);
    tcase_add_loop_test(tc, ending_case, 0, COUNT(endings));
    tcase_add_test(tc, ending_in_two);
    tcase_add_loop_test(tc, early_mic, 0, 2);
    tcase_add_test(tc, challenge_bad_utf8);
    tcase_add_test(tc, authenticate_bad_utf8);
    return tc;
}

static TCase *refusals(void)
{
    TCase *tc = tcase_create("refusals");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, challenge_case, 0, COUNT(challenge_cases));
    tcase_add_test(tc, negotiate_reflected);
    tcase_add_test(tc, all_flags_masked);
    tcase_add_test(tc, version_not_agreed);
    tcase_add_test(tc, challenge_without_sign);
    tcase_add_test(tc, challenge_truncated);
    tcase_add_test(tc, challenge_damaged);
    tcase_add_loop_test(tc, hint_case, 0, COUNT(hint_cases));
    tcase_add_test(tc, hint_names_the_offer);
    tcase_add_test(tc, hint_names_cut);
    tcase_add_test(tc, hint_truncated);
    tcase_add_loop_test(tc, answer_case, 0, COUNT(answer_cases));
    tcase_add_test(tc, answer_truncated);
    tcase_add_test(tc, answer_damaged);
    tcase_add_loop_test(tc, final_case, 0, COUNT(final_cases));
    tcase_add_test(tc, final_mic_reflected);
    tcase_add_test(tc, final_mic_flipped);
    tcase_add_test(tc, final_truncated);
    tcase_add_loop_test(tc, success_too_early, 0, 2);
    tcase_add_test(tc, one_leg_too_many);
    tcase_add_test(tc, request_mic);
    return tc;
}

Suite *auth_suite(void)
{
    Suite *s = suite_create("auth");

    suite_add_tcase(s, vectors());
    suite_add_tcase(s, exchanges());
    suite_add_tcase(s, refusals());
    return s;
}
