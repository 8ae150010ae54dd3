/*
 * The acceptor: the published exchange of Windows and the specification's own
 * messages byte for byte, our client against it, and everything that a client
 * may not do; of Kerberos what needs no KDC.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "auth/kerberos_server.h"
#include "auth/ntlm.h"
#include "auth/ntlm_server.h"
#include "auth/server.h"
#include "auth/spnego.h"

Suite *auth_server_suite(void);

/* ---- A Windows 10 client's logon at Windows Server 2012 R2, as published in
 * Microsoft's "SMB 2 and SMB 3 security in Windows 10: the anatomy of signing
 * and cryptographic keys"; the password is Password01! ---- */

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

static const char trace_key[] = "270e1ba896585eeb7af3472d3b4c75a7";

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

static const bytes nothing;

/* ---- Surroundings ---- */

static struct {
    size_t live;
    size_t allowed; /* allocations until the first that fails; 0: none fails */
    size_t made;
    bool no_entropy;
    uint8_t nonce[8]; /* ServerChallenge */
    uint64_t clock;
    char domain[64], user[64]; /* what the lookup was asked last */
    unsigned lookups;
} around;

static void *counting_alloc(void *ctx, size_t size)
{
    (void)ctx;
    if (++around.made == around.allowed)
        return NULL;
    around.live++;
    return malloc(size);
}

static void counting_free(void *ctx, void *ptr)
{
    (void)ctx;
    around.live--;
    free(ptr);
}

static int fixed_entropy(void *ctx, void *out, size_t size)
{
    (void)ctx;
    memset(out, 0x77, size);
    memcpy(out, around.nonce, sizeof around.nonce);
    return around.no_entropy ? -1 : 0;
}

static uint64_t fixed_clock(void *ctx)
{
    (void)ctx;
    return around.clock;
}

static const netsession_hooks hooks = {
    .alloc = counting_alloc,
    .free = counting_free,
    .entropy = fixed_entropy,
    .wallclock = fixed_clock,
};

/* The client's nonce, then its key. */
static int client_entropy(void *ctx, void *out, size_t size)
{
    (void)ctx;
    memset(out, 0x55, size);
    memset(out, 0xAA, NTLM_NONCE_LEN);
    return 0;
}

static const netsession_hooks client_hooks = {
    .alloc = counting_alloc,
    .free = counting_free,
    .entropy = client_entropy,
    .wallclock = fixed_clock,
};

static const struct {
    const char *domain, *user, *password;
    bool admin;
} accounts[] = {
    {"SUT311", "administrator", "Password01!", true},
    {"Domain", "User", "Password", false},
    {"", "\xC3\xA9ric@corp.example", "s\xC3\xA9same", false},
};

static int lookup(void *ctx, const char *domain, const char *user, auth_account *out)
{
    ck_assert_ptr_eq(ctx, &around);
    around.lookups++;
    snprintf(around.domain, sizeof around.domain, "%s", domain);
    snprintf(around.user, sizeof around.user, "%s", user);
    for (size_t i = 0; i < sizeof accounts / sizeof *accounts; i++)
        if (!strcasecmp(domain, accounts[i].domain) && !strcasecmp(user, accounts[i].user)) {
            ck_assert_int_eq(ntlm_nt_hash(accounts[i].password, out->nt_hash), 0);
            out->admin = accounts[i].admin;
            return 1;
        }
    memset(out, 0xFF, sizeof *out); /* not to be used */
    return 0;
}

static const uint8_t trace_version[8] = {0x0A, 0, 0x92, 0x27, 0, 0, 0, 0x0F};
static const auth_server_params trace_params = {
    .hooks = &hooks,
    .netbios_computer = "SUT311",
    .netbios_domain = "SUT311",
    .dns_computer = "SUT311",
    .dns_domain = "SUT311",
    .lookup = lookup,
    .lookup_ctx = &around,
    .version = trace_version,
};

#define TRACE_TIME 0x01D0AECBADF5A1A1

static void setup(void)
{
    static const uint8_t nonce[8] = {0x0D, 0x1D, 0x8B, 0xA3, 0x11, 0x79, 0xD0, 0x08};

    memset(&around, 0, sizeof around);
    memcpy(around.nonce, nonce, sizeof nonce);
    around.clock = TRACE_TIME;
}

static void teardown(void)
{
    ck_assert_uint_eq(around.live, 0);
}

/* ---- A server and what a test makes it hear ---- */

typedef struct served {
    auth_server *server;
    netsession_error err;
    bytes said; /* its last token */
    int rc;
} served;

static served serve(const auth_server_params *params)
{
    served s = {0};

    s.rc = auth_server_new(&s.server, params, &s.err);
    ck_assert_int_eq(s.rc, 0);
    return s;
}

static void hear(served *s, const bytes *in)
{
    ns_writer out;

    ns_writer_init(&out, &hooks, 65535);
    s->rc = auth_server_step(s->server, in->p, in->n, &out, &s->err);
    s->said = nothing;
    if (s->rc < 0)
        ns_writer_free(&out);
    else
        s->said = take_writer(&out);
}

static void end(served *s)
{
    auth_server_free(s->server);
    s->server = NULL;
}

static const char refusal[] = "the logon is refused: an unknown user, a wrong password, or a "
                              "response that is not intact NTLMv2";

static void assert_nobody(const served *s)
{
    uint8_t key[AUTH_KEY_MAX];
    size_t len = 1;

    ck_assert_str_eq(auth_server_user(s->server), "");
    ck_assert_str_eq(auth_server_domain(s->server), "");
    ck_assert(!auth_server_admin(s->server));
    ck_assert_int_eq(auth_server_session_key(s->server, key, &len), NETSESSION_E_STATE);
    ck_assert_uint_eq(len, 0);
}

/* One of our codes, a sentence, and nobody is logged on. */
static void assert_failed(const served *s, int code)
{
    ck_assert_msg(s->rc == code, "got %s, want %s (%s)", netsession_code_name(s->rc),
                  netsession_code_name(code), s->err.message);
    ck_assert_int_eq(s->err.code, code);
    ck_assert_str_eq(s->err.layer, "auth");
    ck_assert_uint_gt(strlen(s->err.message), 10);
    assert_nobody(s);
}

static void assert_refused(const served *s)
{
    assert_failed(s, NETSESSION_E_LOGON);
    ck_assert_str_eq(s->err.message, refusal);
}

static void assert_user(const served *s, const char *domain, const char *user,
                        const char *key_hex)
{
    uint8_t key[AUTH_KEY_MAX];
    size_t len;

    ck_assert_msg(s->rc == 0, "%s", s->err.message);
    ck_assert_int_eq(auth_server_kind(s->server), AUTH_SERVER_USER);
    ck_assert_str_eq(auth_server_domain(s->server), domain);
    ck_assert_str_eq(auth_server_user(s->server), user);
    ck_assert_int_eq(auth_server_session_key(s->server, key, &len), 0);
    assert_hex(key, len, key_hex);
}

static void assert_keyless(const served *s, enum auth_server_kind kind, const char *user)
{
    uint8_t key[AUTH_KEY_MAX];
    size_t len = 1;

    ck_assert_msg(s->rc == 0, "%s", s->err.message);
    ck_assert_int_eq(auth_server_kind(s->server), kind);
    ck_assert_str_eq(auth_server_user(s->server), user);
    ck_assert(!auth_server_admin(s->server));
    ck_assert_int_eq(auth_server_session_key(s->server, key, &len), 0);
    ck_assert_uint_eq(len, 0);
}

/* ---- What others published ---- */

START_TEST(trace_wrapped)
{
    bytes init = unhex(trace_init), resp = unhex(trace_resp2);
    served s = serve(&trace_params);

    hear(&s, &init);
    ck_assert_int_eq(s.rc, 1);
    assert_hex(s.said.p, s.said.n, trace_resp1);
    assert_nobody(&s);
    hear(&s, &resp);
    assert_user(&s, "SUT311", "administrator", trace_key);
    assert_hex(s.said.p, s.said.n, trace_final);
    ck_assert(auth_server_admin(s.server));
    ck_assert_str_eq(around.domain, "SUT311");
    ck_assert_str_eq(around.user, "administrator");
    end(&s);
}
END_TEST

static served raw_challenge(const auth_server_params *params, const bytes *negotiate)
{
    served s = serve(params);

    hear(&s, negotiate);
    ck_assert_msg(s.rc == 1, "%s", s.err.message);
    return s;
}

START_TEST(trace_raw)
{
    bytes negotiate = unhex(trace_negotiate), authenticate = unhex(trace_authenticate);
    served s = raw_challenge(&trace_params, &negotiate);

    assert_hex(s.said.p, s.said.n, trace_challenge);
    hear(&s, &authenticate);
    assert_user(&s, "SUT311", "administrator", trace_key);
    ck_assert_uint_eq(s.said.n, 0);
    end(&s);
}
END_TEST

/* [MS-NLMP] 4.2.4.3: no timestamp, no MIC, the payload right behind Version. */
static const char spec_authenticate[] =
    "4e544c4d5353500003000000180018006c00000054005400840000000c000c004800000008000800"
    "54000000100010005c00000010001000d8000000358288e20501280a0000000f44006f006d006100"
    "69006e00550073006500720043004f004d0050005500540045005200"
    "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa68cd0ab851e51c96aabc927bebef6a1c"
    "01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d006100"
    "69006e0001000c005300650072007600650072000000000000000000"
    "c5dad2544fc9799094ce1ce90bc9d03e";

/* What its client must have offered. */
static const char spec_negotiate[] =
    "4e544c4d5353500001000000378208e2000000000000000000000000000000000501280a0000000f";

static auth_server_params spec_params(void)
{
    static const uint8_t nonce[8] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF};
    auth_server_params p = trace_params;

    p.netbios_computer = "Server";
    p.netbios_domain = "Domain";
    p.dns_computer = p.dns_domain = NULL;
    p.version = NULL;
    memcpy(around.nonce, nonce, sizeof nonce);
    around.clock = 0;
    return p;
}

START_TEST(spec_messages)
{
    bytes negotiate = unhex(spec_negotiate), authenticate = unhex(spec_authenticate);
    auth_server_params p = spec_params();
    served s = raw_challenge(&p, &negotiate);

    /* its example, but a domain's member with a timestamp and our Version */
    assert_hex(
        s.said.p, s.said.n,
        "4e544c4d53535000020000000c000c0038000000358289e20123456789abcdef0000000000000000"
        "30003000440000000a00614a0000000f44006f006d00610069006e00"
        "02000c0044006f006d00610069006e0001000c00530065007200760065007200"
        "07000800000000000000000000000000");
    hear(&s, &authenticate);
    assert_user(&s, "Domain", "User", "55555555555555555555555555555555");
    ck_assert(!auth_server_admin(s.server));
    end(&s);
}
END_TEST

/* What smbd sends when it has NTLM only. */
START_TEST(hint_bytes)
{
    ns_writer w;
    bytes got;

    ns_writer_init(&w, &hooks, 65535);
    ck_assert_int_eq(auth_server_hint(&trace_params, &w), 0);
    got = take_writer(&w);
    assert_hex(
        got.p, got.n,
        "604806062b0601050502a03e303ca00e300c060a2b06010401823702020aa32a3028a0261b246e6f"
        "745f646566696e65645f696e5f5246433431373840706c656173655f69676e6f7265");
    around.allowed = around.made + 1;
    ns_writer_init(&w, &hooks, 65535);
    ck_assert_int_eq(auth_server_hint(&trace_params, &w), NETSESSION_E_MEMORY);
}
END_TEST

START_TEST(nt_hashes)
{
    uint8_t hash[16];

    ck_assert_int_eq(ntlm_nt_hash("Password01!", hash), 0);
    assert_hex(hash, 16, "7c4fe5eada682714a036e39378362bab");
    ck_assert_int_eq(ntlm_nt_hash("Password", hash), 0);
    assert_hex(hash, 16, "a4f49c406510bdcab6824ee7c30fd852");
    ck_assert_int_eq(ntlm_nt_hash("", hash), 0);
    assert_hex(hash, 16, "31d6cfe0d16ae931b73c59d7e0c089c0");
    ck_assert_int_eq(ntlm_nt_hash("\xFF", hash), NETSESSION_E_ARGUMENT);
}
END_TEST

/* ---- A client of any kind: what it sends instead of what it should ---- */

typedef struct client {
    uint32_t offer;                       /* 0: Windows' */
    uint32_t flags;                       /* of AUTHENTICATE; 0: the challenge's */
    const char *domain, *user, *password; /* NULL: those of the trace */
    bool promise_mic, send_mic, wrong_mic;
    bool no_version_room; /* payload at 64 */
    bool overlap;         /* the workstation is where the MIC is */
    const char *hash;     /* instead of the password's */
    size_t nt_len;        /* not 0: so much of a response, of zeros */
    bool no_nt, no_lm, z1_lm, no_key;
    uint8_t lm;            /* the bytes of the LM response */
    bool echo, wrong_echo; /* the challenge's timestamp among the pairs */
    uint64_t time_off;     /* added to the time of the server's clock */
    uint8_t key[16];       /* the session key, as it finds it */
} client;

#define WINDOWS_OFFER 0xE2088297u

static void put_pair(ns_writer *w, unsigned id, const void *value, size_t len)
{
    ns_put16(w, (uint16_t)id);
    ns_put16(w, (uint16_t)len);
    ns_put(w, value, len);
}

static bytes negotiate_of(const client *c)
{
    bytes b = unhex(trace_negotiate);

    ns_store32(b.p + 12, c->offer ? c->offer : WINDOWS_OFFER);
    if (c->offer && !(c->offer & NTLM_VERSION))
        b.n = 32;
    return b;
}

static const char *or_else(const char *s, const char *other)
{
    return s ? s : other;
}

/* temp ([MS-NLMP] 3.3.2) */
static void put_temp(ns_writer *w, const client *c)
{
    uint8_t mic[4] = {2}, stamp[8];
    uint64_t time = around.clock + c->time_off;

    ns_put16(w, 0x0101);
    ns_put_space(w, 6);
    ns_put64(w, time);
    ns_put_space(w, 8 + 4);
    put_pair(w, NTLM_AV_NB_DOMAIN, "S\0U\0T\0", 6);
    if (c->echo || c->wrong_echo) {
        ns_store64(stamp, around.clock + c->wrong_echo);
        put_pair(w, NTLM_AV_TIMESTAMP, stamp, sizeof stamp);
    }
    if (c->promise_mic)
        put_pair(w, NTLM_AV_FLAGS, mic, sizeof mic);
    put_pair(w, NTLM_AV_EOL, NULL, 0);
    ns_put_space(w, 4);
}

static bytes nt_of(client *c, const bytes *challenge, uint8_t base[16])
{
    netsession_error err = {0};
    const auth_params p = {.hooks = &hooks,
                           .domain = or_else(c->domain, "SUT311"),
                           .user = or_else(c->user, "administrator"),
                           .password = or_else(c->password, "Password01!")};
    bytes hash = unhex(or_else(c->hash, ""));
    uint8_t key[16];
    ns_writer w;
    bytes nt;

    ns_writer_init(&w, &hooks, 65535);
    ns_put_space(&w, 16);
    put_temp(&w, c);
    nt = take_writer(&w);
    ck_assert_int_eq(ntlm_response_key(&p, key, &err), 0);
    if (hash.n)
        ck_assert_int_eq(ntlm_account_key(&hooks, hash.p, p.user, p.domain, key, &err), 0);
    ck_assert_int_eq(ntlm_proof(key, challenge->p + 24, (ns_slice){nt.p + 16, nt.n - 16}, nt.p),
                     0);
    ck_assert_int_eq(ntlm_base_key(key, nt.p, base), 0);
    if (c->nt_len)
        nt = (bytes){.n = c->nt_len};
    if (c->no_nt)
        nt.n = 0;
    return nt;
}

/* Moves the payload down over the n bytes at off. */
static void cut(bytes *m, size_t off, size_t n)
{
    memmove(m->p + off, m->p + off + n, m->n - off - n);
    m->n -= n;
    for (size_t at = 12; at <= 52; at += 8)
        ns_store32(m->p + at + 4, ns_le32(m->p + at + 4) - (uint32_t)n);
}

static void set_mic(const client *c, const bytes *negotiate, const bytes *challenge, bytes *m)
{
    uint8_t mic[16];

    if (c->overlap)
        ns_store32(m->p + 48, 72);
    ck_assert_int_eq(ntlm_mic(c->key, slice(negotiate), slice(challenge), slice(m), mic), 0);
    memcpy(m->p + 72, mic, 16);
    m->p[80] ^= c->wrong_mic;
}

static bytes authenticate_of(client *c, const bytes *negotiate, const bytes *challenge)
{
    uint8_t base[16], wrapped[16], lm[24] = {0};
    bytes nt = nt_of(c, challenge, base), m;
    uint32_t flags = c->flags ? c->flags : ns_le32(challenge->p + 20);
    ntlm_authenticate a = {
        .flags = flags,
        .domain = or_else(c->domain, "SUT311"),
        .user = or_else(c->user, "administrator"),
        .workstation = "HERE",
        .lm = {lm, c->no_lm   ? 0
                   : c->z1_lm ? 1
                              : sizeof lm},
        .nt = slice(&nt),
    };
    ns_writer w;

    memset(lm, c->lm, sizeof lm);
    memset(c->key, 0x55, sizeof c->key);
    ntlm_wrap_key(base, c->key, wrapped);
    if (flags & NTLM_KEY_EXCH && !c->no_key)
        a.session_key = (ns_slice){wrapped, sizeof wrapped};
    else
        memcpy(c->key, base, sizeof base);
    ns_writer_init(&w, &hooks, 65535);
    ck_assert(ntlm_put_authenticate(&w, &a));
    m = take_writer(&w);
    ns_store32(m.p + 60, flags);
    if (c->send_mic)
        set_mic(c, negotiate, challenge, &m);
    else
        cut(&m, c->no_version_room ? 64 : 72, c->no_version_room ? 24 : 16);
    return m;
}

/* The whole of it, raw; s->said and *m are its last messages. */
static served attempt(const auth_server_params *params, client *c, bytes *m)
{
    bytes negotiate = negotiate_of(c), challenge;
    served s = raw_challenge(params, &negotiate);

    challenge = s.said;
    *m = authenticate_of(c, &negotiate, &challenge);
    hear(&s, m);
    return s;
}

/* ---- Well-formed, right or wrong ---- */

#define REFUSED NETSESSION_E_LOGON
#define BROKEN  NETSESSION_E_PROTOCOL
#define HOUR    UINT64_C(36000000000)

/* What the lookup does not know gets this from the entropy source. */
#define NOBODYS_HASH "77777777777777777777777777777777"

static const struct {
    const char *name;
    int rc;
    client c;
} attempts[] = {
    {"with a MIC", 0, {.promise_mic = true, .send_mic = true}},
    {"an old client", 0, {0}},
    {"a MIC that nobody promised", 0, {.send_mic = true, .wrong_mic = true}},
    {"the timestamp echoed", 0, {.echo = true}},
    {"no LM response", 0, {.no_lm = true}},
    {"names in another case", 0, {.user = "ADMINistrator"}},
    {"neither Version nor MIC", 0, {.offer = 0xE0088297, .no_version_room = true}},
    {"36 hours ahead", 0, {.time_off = 36 * HOUR}},
    {"36 hours late", 0, {.time_off = 0 - 36 * HOUR}},
    {"no signatures", 0, {.offer = 0x80088205, .no_version_room = true}},
    {"no key exchange", 0, {.offer = 0xA2088297}},
    {"SEAL too", 0, {.offer = 0xE20882B7}},

    {"the right hash", 0, {.hash = "7c4fe5eada682714a036e39378362bab"}},
    {"nobody's hash", REFUSED, {.user = "nobody", .hash = NOBODYS_HASH}},
    {"wrong password", REFUSED, {.password = "Password01"}},
    {"no password", REFUSED, {.password = ""}},
    {"unknown user", REFUSED, {.user = "nobody"}},
    {"unknown domain", REFUSED, {.domain = "ELSEWHERE"}},
    {"no domain", REFUSED, {.domain = ""}},
    {"no user", REFUSED, {.user = ""}},
    {"MIC promised, wrong",
     REFUSED,
     {.promise_mic = true, .send_mic = true, .wrong_mic = true}},
    {"MIC promised, missing", REFUSED, {.promise_mic = true}},
    {"MIC promised, overlapped",
     REFUSED,
     {.promise_mic = true, .send_mic = true, .overlap = true}},
    {"NTLMv1", REFUSED, {.nt_len = 24}},
    {"NTLMv1, unknown user", REFUSED, {.nt_len = 24, .user = "nobody"}},
    {"LM", REFUSED, {.no_nt = true}},
    {"neither", REFUSED, {.no_nt = true, .no_lm = true}},
    {"neither, one byte of LM", REFUSED, {.no_nt = true, .z1_lm = true}},
    {"another timestamp", REFUSED, {.wrong_echo = true}},
    {"too far ahead", REFUSED, {.time_off = 36 * HOUR + 1}},
    {"too late", REFUSED, {.time_off = 0 - 36 * HOUR - 1}},

    {"response of 1", BROKEN, {.nt_len = 1}},
    {"response of 16", BROKEN, {.nt_len = 16}},
    {"response of 23", BROKEN, {.nt_len = 23}},
    {"response of 25", BROKEN, {.nt_len = 25}},
    {"response of 47", BROKEN, {.nt_len = 47}},
    {"response of zeros", BROKEN, {.nt_len = 48}},
    {"LM response of 1 beside NTLMv2", BROKEN, {.z1_lm = true}},
    {"no session key", BROKEN, {.no_key = true}},
    {"SIGN dropped", BROKEN, {.flags = 0xE2888205}},
    {"KEY_EXCH dropped", BROKEN, {.flags = 0xA2888215}},
    {"SEAL added", BROKEN, {.flags = 0xE2888235}},
    {"KEY_EXCH added", BROKEN, {.offer = 0xA2088297, .flags = 0xE2888215}},
};

START_TEST(attempt_case)
{
    client c = attempts[_i].c;
    bytes m;
    served s = attempt(&trace_params, &c, &m);
    uint8_t key[AUTH_KEY_MAX];
    size_t len;

    ck_assert_msg(s.rc == attempts[_i].rc, "%s: %s: %s", attempts[_i].name,
                  netsession_code_name(s.rc), s.err.message);
    if (s.rc == REFUSED)
        assert_refused(&s);
    else if (s.rc)
        assert_failed(&s, s.rc);
    else {
        ck_assert_int_eq(auth_server_session_key(s.server, key, &len), 0);
        ck_assert_uint_eq(len, 16);
        ck_assert_mem_eq(key, c.key, 16);
        ck_assert(auth_server_admin(s.server));
        ck_assert_str_eq(auth_server_user(s.server), or_else(c.user, "administrator"));
    }
    end(&s);
}
END_TEST

/* When the clock is where the response would have its time: only what it is
 * can tell against it. */
START_TEST(old_responses)
{
    static const client cases[] = {
        {.nt_len = 24},
        {.no_nt = true},
        {.nt_len = 24, .user = "nobody"},
        {.no_nt = true, .user = "nobody"},
    };
    auth_server_params p = trace_params;
    client c = cases[_i];
    bytes m;
    served s;

    around.clock = 0;
    p.guest = p.anonymous = true;
    s = attempt(&p, &c, &m);
    assert_refused(&s);
    end(&s);
}
END_TEST

/* The same work for all of them, which allocations stand for: who it is, and
 * whether there is such an account, must not show. */
START_TEST(refusals_alike)
{
    static const client cases[] = {{.password = "wrong"}, {.user = "administratox"}, {0}};
    bytes negotiate, challenge, m;
    size_t made = 0;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        client c = cases[i];
        served s;
        size_t before;

        negotiate = negotiate_of(&c);
        s = raw_challenge(&trace_params, &negotiate);
        challenge = s.said;
        m = authenticate_of(&c, &negotiate, &challenge);
        before = around.made;
        hear(&s, &m);
        ck_assert_int_eq(s.rc, i < 2 ? REFUSED : 0);
        ck_assert_uint_eq(around.lookups, i + 1);
        if (i)
            ck_assert_uint_eq(around.made - before, made);
        made = around.made - before;
        end(&s);
    }
}
END_TEST

/* ---- What the client must offer, and what it is offered ---- */

static const struct {
    uint32_t offer;
    int rc;
    uint32_t flags; /* of the challenge */
} offers[] = {
    {0xE2088297, 1, 0xE28A8215},         /* Windows */
    {0x62088215, 1, 0x628A8215},         /* smbclient */
    {0xE00882B7, 1, 0xE08A8235},         /* SEAL, no VERSION */
    {0xA0880205, 1, 0x008A8205},         /* no SIGN: no key lengths either */
    {0xC2088287, 1, 0x028A8205},         /* and no key exchange */
    {0x20080031, 1, 0x208A8235},         /* the bare minimum, sealed */
    {0x00080001, 1, 0x008A8205},         /* the barest */
    {0xFFFFCFFF, 1, 0xE28A8235},         /* everything but names */
    {0xE2088296, NETSESSION_E_LOGON, 0}, /* OEM */
    {0xE2008297, NETSESSION_E_LOGON, 0}, /* LM_KEY */
    {0xC2088297, NETSESSION_E_LOGON, 0}, /* signatures of 56 bits */
    {0x00000000, NETSESSION_E_LOGON, 0},
};

START_TEST(offer_case)
{
    bytes in = unhex(trace_negotiate);
    served s = serve(&trace_params);

    ns_store32(in.p + 12, offers[_i].offer);
    hear(&s, &in);
    if (offers[_i].rc < 0) {
        assert_failed(&s, offers[_i].rc);
    } else {
        ck_assert_int_eq(s.rc, 1);
        ck_assert_msg(ns_le32(s.said.p + 20) == offers[_i].flags, "case %d: 0x%08X", _i,
                      (unsigned)ns_le32(s.said.p + 20));
    }
    end(&s);
}
END_TEST

/* A weak AUTHENTICATE after a strong NEGOTIATE. */
START_TEST(weakened)
{
    static const uint32_t flags[] = {0xE2888214, 0xE2808215, 0xC2888215};
    client c = {.flags = flags[_i]};
    bytes m;
    served s = attempt(&trace_params, &c, &m);

    assert_failed(&s, NETSESSION_E_LOGON);
    end(&s);
}
END_TEST

/* ---- Malformed messages ---- */

typedef struct patch {
    size_t off, n;
    uint8_t to[8];
} patch;

static void apply(bytes *b, const patch *p, size_t count)
{
    for (size_t i = 0; i < count; i++)
        memcpy(b->p + p[i].off, p[i].to, p[i].n);
}

static const struct {
    const char *name;
    int rc;
    size_t len; /* 0: as it is */
    patch patch[2];
} negotiates[] = {
    {"unchanged", 1, 0, {{0}}},
    {"signature", BROKEN, 0, {{0, 1, {'n'}}}},
    {"signature's NUL", BROKEN, 0, {{7, 1, {' '}}}},
    {"CHALLENGE type", BROKEN, 0, {{8, 1, {2}}}},
    {"AUTHENTICATE type", BROKEN, 0, {{8, 1, {3}}}},
    {"no bytes", BROKEN, 1, {{0}}},
    {"without its Version", BROKEN, 39, {{0}}},
    {"no Version, as agreed", 1, 32, {{15, 1, {0xE0}}}},
    {"no fields", BROKEN, 31, {{15, 1, {0xE0}}}},
    {"fields that are none", 1, 0, {{16, 8, {9, 9, 9, 9, 9, 9, 9, 9}}}},
    {"domain behind the end", BROKEN, 0, {{13, 1, {0x92}}, {16, 8, {1, 0, 1, 0, 40}}}},
    {"domain in the header", BROKEN, 0, {{13, 1, {0x92}}, {16, 8, {1, 0, 1, 0, 32}}}},
    {"domain wraps", BROKEN, 0, {{13, 1, {0x92}}, {16, 8, {2, 0, 2, 0, 255, 255, 255, 255}}}},
    {"empty domain", 1, 0, {{13, 1, {0x92}}, {16, 8, {0, 0, 9, 9, 9, 9, 9, 9}}}},
    {"workstation there", 1, 44, {{13, 1, {0xA2}}, {24, 8, {4, 0, 4, 0, 40}}}},
    {"workstation not quite", BROKEN, 43, {{13, 1, {0xA2}}, {24, 8, {4, 0, 4, 0, 40}}}},
};

START_TEST(negotiate_case)
{
    bytes in = unhex(trace_negotiate);
    served s = serve(&trace_params);

    apply(&in, negotiates[_i].patch, 2);
    if (negotiates[_i].len)
        in.n = negotiates[_i].len;
    hear(&s, &in);
    ck_assert_msg(s.rc == negotiates[_i].rc, "%s: %s", negotiates[_i].name, s.err.message);
    if (s.rc < 0)
        assert_failed(&s, negotiates[_i].rc);
    end(&s);
}
END_TEST

/* On the trace's AUTHENTICATE.  LM at 0x90, NT at 0xA8, domain at 0x58, user
 * at 0x64, workstation at 0x7E, key at 0x196; 0x1A6 bytes. */
static const struct {
    const char *name;
    int rc;
    patch patch[2];
} authenticates[] = {
    {"unchanged", 0, {{0}}},
    {"signature", BROKEN, {{0, 1, {'n'}}}},
    {"NEGOTIATE type", BROKEN, {{8, 1, {1}}}},
    {"CHALLENGE type", BROKEN, {{8, 1, {2}}}},
    {"LM of 23", BROKEN, {{12, 1, {23}}}},
    {"LM of 25", BROKEN, {{12, 1, {25}}}},
    {"LM of 16", BROKEN, {{12, 1, {16}}}},
    {"LM behind the end", BROKEN, {{16, 2, {0x8F, 1}}}},
    {"LM in the header", BROKEN, {{16, 1, {71}}}},
    {"NT in the header", BROKEN, {{24, 1, {12}}}},
    {"NT wraps", BROKEN, {{24, 4, {0xF0, 0xFF, 0xFF, 0xFF}}}},
    {"NT too long", BROKEN, {{20, 2, {0xFF, 0xFF}}}},
    {"NT one byte too far", BROKEN, {{20, 2, {0xFF, 0}}}},
    {"NT without the end of its list", BROKEN, {{20, 1, {0xE2}}}},
    {"domain of 11", BROKEN, {{28, 1, {11}}}},
    {"domain wraps", BROKEN, {{32, 4, {0xFF, 0xFF, 0xFF, 0xFF}}}},
    {"user of 25", BROKEN, {{36, 1, {25}}}},
    {"user in the header", BROKEN, {{40, 1, {70}}}},
    {"user with a NUL", BROKEN, {{0x64, 1, {0}}}},
    {"user with half a surrogate pair", BROKEN, {{0x64, 2, {0, 0xD8}}}},
    {"domain with half a surrogate pair", BROKEN, {{0x58, 2, {0, 0xDC}}}},
    {"workstation of 17", BROKEN, {{44, 1, {17}}}},
    {"workstation behind the end", BROKEN, {{48, 2, {0x95, 1}}}},
    {"session key of 15", BROKEN, {{52, 1, {15}}}},
    {"session key of 0", BROKEN, {{52, 1, {0}}}},
    {"session key behind the end", BROKEN, {{56, 1, {0x97}}}},
    {"session key in the header", BROKEN, {{56, 2, {60, 0}}}},
    {"response version 2", BROKEN, {{0xB8, 1, {2}}}},
    {"highest version 2", BROKEN, {{0xB9, 1, {2}}}},
    {"timestamp of 7", BROKEN, {{0x116, 1, {7}}}},
    {"name twice", BROKEN, {{0xE4, 1, {2}}}},
    {"flags of 8", BROKEN, {{0x114, 1, {6}}}},
    {"target name odd", BROKEN, {{0x172, 1, {0x15}}}},
    {"channel bindings of 12", BROKEN, {{0x15E, 1, {12}}}},
    {"name odd", BROKEN, {{0xD6, 1, {11}}}},
    {"pair too long", BROKEN, {{0x172, 2, {0xFF, 0xFF}}}},
    /* well-formed, but not what was signed */
    {"list ends early", REFUSED, {{0xD4, 4, {0, 0, 0, 0}}}},
    {"reserved bits of the response", REFUSED, {{0xBA, 1, {1}}}},
    {"reserved bits of the header", REFUSED, {{14, 1, {0}}}},
    {"Version", REFUSED, {{64, 1, {0}}}},
    {"workstation", REFUSED, {{0x7E, 1, {'X'}}}},
    {"session key", REFUSED, {{0x196, 1, {0}}}},
    {"LM", REFUSED, {{0x90, 1, {1}}}},
    {"MIC", REFUSED, {{72, 1, {0}}}},
    {"proof", REFUSED, {{0xA8, 1, {0}}}},
    {"workstation where the MIC is", REFUSED, {{48, 1, {72}}}},
};

START_TEST(authenticate_case)
{
    bytes negotiate = unhex(trace_negotiate), in = unhex(trace_authenticate);
    served s = raw_challenge(&trace_params, &negotiate);

    apply(&in, authenticates[_i].patch, 2);
    hear(&s, &in);
    ck_assert_msg(s.rc == authenticates[_i].rc, "%s: %s: %s", authenticates[_i].name,
                  netsession_code_name(s.rc), s.err.message);
    if (s.rc == REFUSED)
        assert_refused(&s);
    else if (s.rc)
        assert_failed(&s, s.rc);
    end(&s);
}
END_TEST

START_TEST(authenticate_truncated)
{
    bytes negotiate = unhex(trace_negotiate), in = unhex(trace_authenticate);

    while (in.n--) {
        served s = raw_challenge(&trace_params, &negotiate);

        hear(&s, &in);
        assert_failed(&s, BROKEN);
        end(&s);
    }
}
END_TEST

/* Each token of the trace cut short, and one byte too long. */
START_TEST(tokens_truncated)
{
    bytes init = unhex(trace_init), in = unhex(_i ? trace_resp2 : trace_init);

    for (size_t n = 0; n <= in.n + 1; n++) {
        served s = serve(&trace_params);
        bytes part = in;

        part.n = n == in.n ? 0 : n;
        if (_i)
            hear(&s, &init);
        hear(&s, &part);
        assert_failed(&s, BROKEN);
        end(&s);
    }
}
END_TEST

/* ---- One bit wrong ---- */

static bytes flipped(const bytes *b, size_t bit)
{
    bytes bad = *b;

    bad.p[bit / 8] = (uint8_t)(bad.p[bit / 8] ^ 1u << bit % 8);
    return bad;
}

/* The MIC covers every bit of all three messages. */
START_TEST(authenticate_flipped)
{
    bytes negotiate = unhex(trace_negotiate), good = unhex(trace_authenticate);

    for (size_t bit = 0; bit < 8 * good.n; bit++) {
        served s = raw_challenge(&trace_params, &negotiate);
        bytes in = flipped(&good, bit);

        hear(&s, &in);
        ck_assert_msg(s.rc < 0, "bit %zu", bit);
        assert_failed(&s, s.rc);
        ck_assert(s.rc == REFUSED || s.rc == BROKEN);
        end(&s);
    }
}
END_TEST

START_TEST(negotiate_flipped)
{
    bytes good = unhex(trace_negotiate), authenticate = unhex(trace_authenticate);

    for (size_t bit = 0; bit < 8 * good.n; bit++) {
        served s = serve(&trace_params);
        bytes in = flipped(&good, bit);

        hear(&s, &in);
        if (s.rc == 1)
            hear(&s, &authenticate);
        ck_assert_msg(s.rc < 0, "bit %zu", bit);
        end(&s);
    }
}
END_TEST

/* Of SPNEGO itself nothing but the client's own opinion of the state may
 * differ: accept-completed for accept-incomplete. */
START_TEST(resp_flipped)
{
    bytes init = unhex(trace_init), good = unhex(trace_resp2);
    size_t state = 8 * 12; /* the lowest bit of negState */

    for (size_t bit = 0; bit < 8 * good.n; bit++) {
        served s = serve(&trace_params);
        bytes in = flipped(&good, bit);

        hear(&s, &init);
        hear(&s, &in);
        ck_assert_msg((s.rc == 0) == (bit == state), "bit %zu", bit);
        end(&s);
    }
}
END_TEST

/* Of the first token: what a flip makes of it may be another mechanism list,
 * which then is not the one that was signed. */
START_TEST(init_flipped)
{
    bytes good = unhex(trace_init), resp = unhex(trace_resp2);

    for (size_t bit = 0; bit < 8 * good.n; bit++) {
        served s = serve(&trace_params);
        bytes in = flipped(&good, bit);

        hear(&s, &in);
        if (s.rc == 1)
            hear(&s, &resp);
        ck_assert_msg(s.rc < 0, "bit %zu", bit);
        end(&s);
    }
}
END_TEST

/* What nothing protects in an old client's message, which has no MIC; in the
 * session key's fields a flip makes another key, with which the two sides do
 * not understand each other.  Offsets are those of the message below. */
static const struct {
    const char *name;
    size_t first, last;
    bool key;
} loose[] = {
    {"LM Len, MaxLen, Offset", 12, 19, false},
    {"NT MaxLen", 22, 23, false},
    {"domain MaxLen", 30, 31, false},
    {"user MaxLen", 38, 39, false},
    {"workstation Len, MaxLen, Offset", 44, 51, false},
    {"session key MaxLen", 54, 55, false},
    {"session key Offset", 56, 59, true},
    {"flags", 60, 63, false},
    {"Version", 64, 71, false},
    {"user, between cases", 84, 109, false},
    {"workstation", 110, 117, false},
    {"LM", 118, 141, false},
    {"session key", 204, 219, true},
};

static size_t find_loose(size_t off)
{
    size_t i = 0;

    while (i < sizeof loose / sizeof *loose && (off < loose[i].first || off > loose[i].last))
        i++;
    return i;
}

/* Raw, or in SPNEGO with the mechanism list signed by the key that was meant:
 * then not even the key can change. */
static served attempt_flipped(const bytes *m, size_t bit, const bytes *list_mic)
{
    bytes negotiate = unhex(list_mic ? trace_init : trace_negotiate), in = flipped(m, bit);
    served s = serve(&trace_params);
    spnego_resp r = {.state = SPNEGO_NO_STATE, .token = slice(&in)};
    ns_writer w;

    hear(&s, &negotiate);
    ck_assert_int_eq(s.rc, 1);
    if (list_mic) {
        r.mic = slice(list_mic);
        ns_writer_init(&w, &hooks, 65535);
        spnego_put_resp(&w, &r);
        in = take_writer(&w);
    }
    hear(&s, &in);
    return s;
}

static bytes list_mic_of(const uint8_t key[16], const char *list_hex)
{
    bytes list = unhex(list_hex), mic = {.n = 16};
    ntlm_keys keys;

    ck_assert_int_eq(ntlm_derive_keys(key, NTLM_CLIENT, &keys), 0);
    ck_assert_int_eq(ntlm_sign(&keys, slice(&list), mic.p), 0);
    return mic;
}

#define NTLM_LIST "300c060a2b06010401823702020a"

static void check_flips(const bytes *m, const client *c, const bytes *list_mic)
{
    uint8_t key[AUTH_KEY_MAX];
    size_t len, i;

    for (size_t bit = 0; bit < 8 * m->n; bit++) {
        served s = attempt_flipped(m, bit, list_mic);

        i = find_loose(bit / 8);
        ck_assert_msg(s.rc < 0 || i < sizeof loose / sizeof *loose, "bit %zu", bit);
        if (!s.rc) {
            ck_assert_int_eq(auth_server_kind(s.server), AUTH_SERVER_USER);
            ck_assert_int_eq(strcasecmp(auth_server_user(s.server), "administrator"), 0);
            ck_assert_str_eq(auth_server_domain(s.server), "SUT311");
            ck_assert_int_eq(auth_server_session_key(s.server, key, &len), 0);
            ck_assert_uint_eq(len, 16);
            ck_assert_msg(!memcmp(key, c->key, 16) || (loose[i].key && !list_mic), "%s",
                          loose[i].name);
        }
        end(&s);
    }
}

START_TEST(old_client_flipped)
{
    client c = {0};
    bytes m, list_mic;
    served s = attempt(&trace_params, &c, &m);

    ck_assert_int_eq(s.rc, 0);
    ck_assert_uint_eq(m.n, 220);
    end(&s);
    list_mic = list_mic_of(c.key, NTLM_LIST);
    check_flips(&m, &c, _i ? &list_mic : NULL);
}
END_TEST

/* Bytes at random places: never a crash, never anybody else. */
START_TEST(damaged)
{
    bytes init = unhex(trace_init), resp = unhex(trace_resp2);
    uint32_t seed = 3;

    for (unsigned i = 0; i < 20000; i++) {
        bytes a = init, b = resp;
        served s = serve(&trace_params);

        for (unsigned k = 0; k < 3; k++) {
            seed = seed * 1664525 + 1013904223;
            if (seed & 1 && k)
                a.p[(seed >> 8) % a.n] = (uint8_t)(seed >> 24);
            else
                b.p[(seed >> 8) % (k ? b.n : 48)] = (uint8_t)(seed >> 24);
        }
        hear(&s, &a);
        if (s.rc == 1)
            hear(&s, &b);
        if (!s.rc)
            assert_user(&s, "SUT311", "administrator", trace_key);
        end(&s);
    }
}
END_TEST

/* ---- Nobody and guests ---- */

static auth_server_params allowing(bool anonymous, bool guest)
{
    auth_server_params p = trace_params;

    p.anonymous = anonymous;
    p.guest = guest;
    return p;
}

#define USER      AUTH_SERVER_USER
#define GUEST     AUTH_SERVER_GUEST
#define ANONYMOUS AUTH_SERVER_ANONYMOUS

#define NULL_SESSION .user = "", .no_nt = true

/* What is allowed, 0 or the refusal, who it is then. */
static const struct {
    const char *name;
    bool anonymous, guest;
    int rc;
    enum auth_server_kind kind;
    client c;
} nobodies[] = {
    {"null session", true, false, 0, ANONYMOUS, {NULL_SESSION, .z1_lm = true}},
    {"weak", true, false, 0, ANONYMOUS, {NULL_SESSION, .flags = 0x62008A15, .no_lm = true}},
    {"without LM", true, false, 0, ANONYMOUS, {NULL_SESSION, .no_lm = true}},
    {"not allowed", false, false, REFUSED, USER, {NULL_SESSION, .z1_lm = true}},
    {"no guest either", false, true, REFUSED, USER, {NULL_SESSION, .z1_lm = true}},
    {"another byte of LM", true, true, REFUSED, USER, {NULL_SESSION, .z1_lm = true, .lm = 1}},
    {"LM of 24", true, true, REFUSED, USER, {NULL_SESSION}},
    {"NTLMv1", true, true, REFUSED, USER, {.user = "", .nt_len = 24}},
    {"NTLMv2 without a name", true, true, REFUSED, USER, {.user = "", .domain = ""}},
    {"name but no response", true, true, REFUSED, USER, {.no_nt = true, .no_lm = true}},
    {"guest", false, true, 0, GUEST, {.user = "nobody"}},
    {"guest, MIC", true, true, 0, GUEST, {.user = "nobody", .promise_mic = true}},
    {"guest not allowed", true, false, REFUSED, USER, {.user = "nobody"}},
    {"guest with NTLMv1", true, true, REFUSED, USER, {.user = "nobody", .nt_len = 24}},
    {"guest with LM", true, true, REFUSED, USER, {.user = "nobody", .no_nt = true}},
    {"guest too late", true, true, REFUSED, USER, {.user = "nobody", .time_off = 99 * HOUR}},
    {"a user is no guest", true, true, REFUSED, USER, {.password = "wrong"}},
    {"a user stays one", true, true, 0, USER, {0}},
};

START_TEST(nobody_case)
{
    client c = nobodies[_i].c;
    auth_server_params p = allowing(nobodies[_i].anonymous, nobodies[_i].guest);
    bytes m;
    served s = attempt(&p, &c, &m);

    ck_assert_msg(s.rc == nobodies[_i].rc, "%s: %s", nobodies[_i].name, s.err.message);
    if (s.rc)
        assert_refused(&s);
    else if (nobodies[_i].kind == AUTH_SERVER_USER)
        ck_assert_int_eq(auth_server_kind(s.server), AUTH_SERVER_USER);
    else
        assert_keyless(&s, nobodies[_i].kind, or_else(c.user, ""));
    end(&s);
}
END_TEST

/* The shortest message there is.  Version must be there when it is agreed. */
START_TEST(nobody_says_nothing)
{
    bytes negotiate = unhex(trace_negotiate), in = unhex(trace_authenticate);
    auth_server_params p = allowing(true, false);
    served s = raw_challenge(&p, &negotiate);

    memset(in.p + 12, 0, sizeof in.p - 12);
    ns_store32(in.p + 60, _i == 0 ? 0xA0088215 : 0xA2088215);
    in.n = _i < 2 ? 64 : 72;
    hear(&s, &in);
    if (_i == 1)
        assert_failed(&s, BROKEN);
    else
        assert_keyless(&s, AUTH_SERVER_ANONYMOUS, "");
    end(&s);
}
END_TEST

/* ---- SPNEGO ---- */

#define NTLM_OID   "060a2b06010401823702020a"
#define KRB5_OID   "06092a864886f712010202"
#define NEGOEX_OID "060a2b06010401823702021e"
#define SPNEGO_OID "06062b0601050502"
#define RAW        "4e544c4d5353500001000000978208e200000000000000000000000000000000060380250000000f"

static const struct {
    const char *token;
    int rc;
} inits[] = {
    {trace_init, 1},
    {"601c" SPNEGO_OID "a0123010a00e300c" NTLM_OID, 1},
    {"6027" SPNEGO_OID "a01d301ba0193017" KRB5_OID NTLM_OID, 1},
    {"6027" SPNEGO_OID "a01d301ba0193017" NTLM_OID KRB5_OID, 1},
    {"602f" SPNEGO_OID "a0253023a0193017" KRB5_OID NTLM_OID "a206040448657921", 1},
    /* reqFlags, to be ignored; hints, likewise */
    {"6022" SPNEGO_OID "a0183016a00e300c" NTLM_OID "a10403020106", 1},
    {"6024" SPNEGO_OID "a01a3018a00e300c" NTLM_OID "a3063004a0021b00", 1},
    /* no NTLM */
    {"601b" SPNEGO_OID "a011300fa00d300b" KRB5_OID, NETSESSION_E_LOGON},
    {"6010" SPNEGO_OID "a0063004a0023000", NETSESSION_E_LOGON},
    /* no mechTypes, the OID of something else, a signature */
    {"600c" SPNEGO_OID "a0023000", BROKEN},
    {"600e" SPNEGO_OID "a0043002a000", BROKEN},
    {"601c06062b0601050503a0123010a00e300c" NTLM_OID, BROKEN},
    {"601f" KRB5_OID "a0123010a00e300c" NTLM_OID, BROKEN},
    {"6020" SPNEGO_OID "a0163014a00e300c" NTLM_OID "a3020400", BROKEN},
    {"6020" SPNEGO_OID "a0163014a00e300c" NTLM_OID "a4020400", BROKEN},
    /* not an OID among the mechTypes; fields out of order, twice, unknown */
    {"601c" SPNEGO_OID "a0123010a00e300c040a2b06010401823702020a", BROKEN},
    {"6020" SPNEGO_OID "a0163014a2020400a00e300c" NTLM_OID, BROKEN},
    {"602a" SPNEGO_OID "a020301ea00e300c" NTLM_OID "a00c300a06082b06010401823702", BROKEN},
    {"6020" SPNEGO_OID "a0163014a00e300c" NTLM_OID "a5020400", BROKEN},
    /* a token that is no NTLM, an empty one */
    {"6024" SPNEGO_OID "a01a3018a00e300c" NTLM_OID "a206040448657921", BROKEN},
    {"6020" SPNEGO_OID "a0163014a00e300c" NTLM_OID "a2020400", BROKEN},
    /* trailing garbage, lengths, other tokens */
    {"601c" SPNEGO_OID "a0123010a00e300c" NTLM_OID "00", BROKEN},
    {"6084ffffffff", BROKEN},
    {"6080" SPNEGO_OID "0000", BROKEN},
    {"", BROKEN},
    {"00", BROKEN},
    {"4e544c4d53535000", BROKEN},
    {trace_challenge, BROKEN},
    {trace_authenticate, BROKEN},
    {trace_resp1, BROKEN},
    {trace_resp2, BROKEN},
    {RAW, 1},
};

START_TEST(init_case)
{
    bytes in = unhex(inits[_i].token);
    served s = serve(&trace_params);

    hear(&s, &in);
    ck_assert_msg(s.rc == inits[_i].rc, "case %d: %s: %s", _i, netsession_code_name(s.rc),
                  s.err.message);
    if (s.rc < 0)
        assert_failed(&s, inits[_i].rc);
    end(&s);
}
END_TEST

/* The second token, when NTLM was chosen but has not begun; _N_ is it. */
#define BEGIN "a22a0428" RAW

static const struct {
    const char *token;
    int rc;
} resps[] = {
    {"a130302e" BEGIN "", BROKEN}, /* a wrong length, so that the rest is right */
    {"a12e302c" BEGIN, 1},
    {"a1333031a0030a0101" BEGIN, 1},
    {"a1333031a0030a0100" BEGIN, 1},
    {"a13c303aa10c" NTLM_OID BEGIN, 1},
    {"a1333031a0030a0102" BEGIN, BROKEN},
    {"a1333031a0030a0103" BEGIN, BROKEN},
    {"a13b3039a10b" KRB5_OID BEGIN, BROKEN},
    {"a13c303aa10c" NEGOEX_OID BEGIN, BROKEN},
    {"a1323030" BEGIN "a3020400", BROKEN},
    {"a1073005a0030a0101", BROKEN},
    {"a1023000", BROKEN},
    {"a1063004a2020400", BROKEN},
    {RAW, BROKEN},
    {trace_init, BROKEN},
    {trace_resp2, BROKEN},
    {"", BROKEN},
};

START_TEST(resp_case)
{
    bytes init = unhex("601c" SPNEGO_OID "a0123010a00e300c" NTLM_OID);
    bytes in = unhex(resps[_i].token);
    served s = serve(&trace_params);

    hear(&s, &init);
    ck_assert_int_eq(s.rc, 1);
    assert_hex(s.said.p, s.said.n, "a1153013a0030a0101a10c" NTLM_OID);
    hear(&s, &in);
    ck_assert_msg(s.rc == resps[_i].rc, "case %d: %s", _i, s.err.message);
    if (s.rc < 0)
        assert_failed(&s, resps[_i].rc);
    end(&s);
}
END_TEST

/* The trace's messages, the token of the first leg withheld. */
START_TEST(no_optimistic_token)
{
    bytes init = unhex("601c" SPNEGO_OID "a0123010a00e300c" NTLM_OID);
    bytes begin = unhex("a12e302c" BEGIN), resp = unhex(trace_resp2);
    served s = serve(&trace_params);
    spnego_resp r;

    hear(&s, &init);
    hear(&s, &begin);
    ck_assert_int_eq(s.rc, 1);
    ck_assert(spnego_get_resp(slice(&s.said), &r));
    ck_assert_int_eq(r.state, SPNEGO_ACCEPT_INCOMPLETE);
    ck_assert_ptr_null(r.mech.p);
    assert_hex(r.token.p, r.token.n, trace_challenge);
    hear(&s, &resp);
    assert_user(&s, "SUT311", "administrator", trace_key);
    assert_hex(s.said.p, s.said.n, trace_final);
    end(&s);
}
END_TEST

static bytes resp_of(enum spnego_state state, const bytes *token)
{
    spnego_resp r = {.state = state, .token = slice(token)};
    ns_writer w;

    ns_writer_init(&w, &hooks, 65535);
    spnego_put_resp(&w, &r);
    return take_writer(&w);
}

/* The trace's AUTHENTICATE with this mechListMIC, or none. */
static bytes resp_with(const bytes *mic)
{
    bytes m = unhex(trace_authenticate);
    spnego_resp r = {.state = SPNEGO_NO_STATE, .token = slice(&m)};
    ns_writer w;

    if (mic)
        r.mic = slice(mic);
    ns_writer_init(&w, &hooks, 65535);
    spnego_put_resp(&w, &r);
    return take_writer(&w);
}

#define BOTH_LIST "3017" KRB5_OID NTLM_OID

/* NTLM second, whose client must sign the list as it sent it. */
static const struct {
    const char *name, *list;
    enum ntlm_sender sender;
    size_t len;
    int rc;
} second[] = {
    {"signed", BOTH_LIST, NTLM_CLIENT, 16, 0},
    {"unsigned", NULL, NTLM_CLIENT, 0, REFUSED},
    {"another list", NTLM_LIST, NTLM_CLIENT, 16, REFUSED},
    {"by the server", BOTH_LIST, NTLM_SERVER, 16, REFUSED},
    {"cut short", BOTH_LIST, NTLM_CLIENT, 15, REFUSED},
    {"too long", BOTH_LIST, NTLM_CLIENT, 17, REFUSED},
    {"empty", BOTH_LIST, NTLM_CLIENT, 0, REFUSED},
};

static bytes list_mic_by(enum ntlm_sender sender, const char *list_hex)
{
    bytes list = unhex(list_hex), key = unhex(trace_key), mic = {.n = 16};
    ntlm_keys keys;

    ck_assert_int_eq(ntlm_derive_keys(key.p, sender, &keys), 0);
    ck_assert_int_eq(ntlm_sign(&keys, slice(&list), mic.p), 0);
    return mic;
}

START_TEST(second_case)
{
    bytes init =
        unhex("602f" SPNEGO_OID "a0253023a0193017" KRB5_OID NTLM_OID "a206040448657921");
    bytes begin = unhex("a12e302c" BEGIN), mic = {0}, in;
    served s = serve(&trace_params);
    spnego_resp r;

    hear(&s, &init);
    assert_hex(s.said.p, s.said.n, "a1153013a0030a0103a10c" NTLM_OID);
    hear(&s, &begin);
    ck_assert_int_eq(s.rc, 1);
    if (second[_i].list)
        mic = list_mic_by(second[_i].sender, second[_i].list);
    mic.n = second[_i].len;
    in = resp_with(second[_i].list ? &mic : NULL);
    hear(&s, &in);
    ck_assert_msg(s.rc == second[_i].rc, "%s: %s", second[_i].name, s.err.message);
    if (s.rc) {
        assert_refused(&s);
    } else {
        assert_user(&s, "SUT311", "administrator", trace_key);
        mic = list_mic_by(NTLM_SERVER, BOTH_LIST);
        ck_assert(spnego_get_resp(slice(&s.said), &r));
        ck_assert_int_eq(r.state, SPNEGO_ACCEPT_COMPLETED);
        ck_assert_uint_eq(r.mic.n, 16);
        ck_assert_mem_eq(r.mic.p, mic.p, 16);
    }
    end(&s);
}
END_TEST

/* NTLM first: no signature of the client's is needed, and none comes back. */
START_TEST(first_unsigned)
{
    bytes init = unhex(trace_init), in = resp_with(NULL);
    served s = serve(&trace_params);

    hear(&s, &init);
    hear(&s, &in);
    assert_user(&s, "SUT311", "administrator", trace_key);
    assert_hex(s.said.p, s.said.n, "a1073005a0030a0100");
    end(&s);
}
END_TEST

START_TEST(forms_mixed)
{
    bytes init = unhex(_i ? RAW : trace_init);
    bytes in = unhex(_i ? trace_resp2 : trace_authenticate);
    served s = serve(&trace_params);

    hear(&s, &init);
    ck_assert_int_eq(s.rc, 1);
    hear(&s, &in);
    assert_failed(&s, BROKEN);
    end(&s);
}
END_TEST

/* ---- Kerberos, as far as it goes without tickets ---- */

/* cifs/fs1@LAB.TEST, version 1, AES-256 of 0x11..11. */
static const char keytab_hex[] =
    "050200000044"
    "0002"
    "00084c41422e54455354"
    "000463696673"
    "0003667331"
    "00000001"
    "00000000"
    "01"
    "0012"
    "0020"
    "1111111111111111111111111111111111111111111111111111111111111111";

/* Keytabs are files. */
static int acceptor_of(const char *hex, kerberos_acceptor **out, netsession_error *err)
{
    char path[] = "/tmp/netsession-keytab-XXXXXX";
    bytes b = unhex(hex);
    int fd = mkstemp(path), rc;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq((int)write(fd, b.p, b.n), (int)b.n);
    close(fd);
    rc = kerberos_acceptor_new(out, path, err);
    unlink(path);
    return rc;
}

/* With Kerberos; false where this build has none, which says so. */
static bool with_kerberos(auth_server_params *p, kerberos_acceptor **c)
{
    netsession_error err = {0};
    int rc = acceptor_of(keytab_hex, c, &err);

    *p = trace_params;
    p->kerberos = *c;
    ck_assert_msg(!rc || rc == NETSESSION_E_POLICY, "%s", err.message);
    return !rc;
}

START_TEST(keytabs)
{
    static const char *const bad[] = {"", "0502", "0601", "4e4f4e45", "0502000000440002"};
    netsession_error err = {0};
    kerberos_acceptor *c;
    int rc = acceptor_of(bad[_i], &c, &err);

    ck_assert(rc == NETSESSION_E_ARGUMENT || rc == NETSESSION_E_POLICY);
    ck_assert_str_eq(err.layer, "kerberos");
    ck_assert_ptr_null(c);
    ck_assert_int_eq(kerberos_acceptor_new(&c, "/nowhere/keytab", &err), rc);
    kerberos_acceptor_free(NULL);
}
END_TEST

#define MSKRB5_OID "06092a864882f712010202"
#define HINT_REST                                                                              \
    "a32a3028a0261b246e6f745f646566696e65645f696e5f5246433431373840706c656173655f69676e6f72"   \
    "65"

START_TEST(kerberos_hint)
{
    static const char *const hints[] = {
        "605e" SPNEGO_OID "a0543052a0243022" MSKRB5_OID KRB5_OID NTLM_OID HINT_REST,
        "6052" SPNEGO_OID "a0483046a0183016" MSKRB5_OID KRB5_OID HINT_REST,
    };
    auth_server_params p;
    kerberos_acceptor *c;
    ns_writer w;
    bytes got;

    if (!with_kerberos(&p, &c))
        return;
    p.no_ntlm = _i;
    ns_writer_init(&w, &hooks, 65535);
    ck_assert_int_eq(auth_server_hint(&p, &w), 0);
    got = take_writer(&w);
    assert_hex(got.p, got.n, hints[_i]);
    kerberos_acceptor_free(c);
}
END_TEST

#define NO_NTLM     1u
#define REQUEST_MIC 2u

/* What is in the list, with a token that is not there or the first one's. */
static const struct {
    unsigned with;
    const char *token;
    int rc;
    const char *answer;
} choices[] = {
    {0, "6026" SPNEGO_OID "a01c301aa0183016" MSKRB5_OID KRB5_OID, 1,
     "a1143012a0030a0101a10b" MSKRB5_OID},
    {0, "6026" SPNEGO_OID "a01c301aa0183016" KRB5_OID MSKRB5_OID, 1,
     "a1143012a0030a0101a10b" KRB5_OID},
    {0, "6027" SPNEGO_OID "a01d301ba0193017" NTLM_OID KRB5_OID, 1,
     "a1153013a0030a0101a10c" NTLM_OID},
    {0, "6027" SPNEGO_OID "a01d301ba0193017" NEGOEX_OID KRB5_OID, 1,
     "a1143012a0030a0103a10b" KRB5_OID},
    {0, "602f" SPNEGO_OID "a0253023a0193017" NEGOEX_OID MSKRB5_OID "a206040448657921", 1,
     "a1143012a0030a0103a10b" MSKRB5_OID},
    {NO_NTLM, "6027" SPNEGO_OID "a01d301ba0193017" NTLM_OID KRB5_OID, 1,
     "a1143012a0030a0103a10b" KRB5_OID},
    {0, "601c" SPNEGO_OID "a0123010a00e300c" NEGOEX_OID, NETSESSION_E_LOGON, NULL},
    {NO_NTLM, "601c" SPNEGO_OID "a0123010a00e300c" NTLM_OID, NETSESSION_E_LOGON, NULL},
    {NO_NTLM, trace_init, NETSESSION_E_LOGON, NULL},
    {NO_NTLM, RAW, NETSESSION_E_LOGON, NULL},
    {REQUEST_MIC, "601b" SPNEGO_OID "a011300fa00d300b" KRB5_OID, 1,
     "a1143012a0030a0103a10b" KRB5_OID},
    {REQUEST_MIC, "601c" SPNEGO_OID "a0123010a00e300c" NTLM_OID, 1,
     "a1153013a0030a0103a10c" NTLM_OID},
};

START_TEST(choice_case)
{
    bytes in = unhex(choices[_i].token);
    auth_server_params p;
    kerberos_acceptor *c;
    served s;

    if (!with_kerberos(&p, &c))
        return;
    p.no_ntlm = choices[_i].with & NO_NTLM;
    p.request_mic = choices[_i].with & REQUEST_MIC;
    s = serve(&p);
    hear(&s, &in);
    ck_assert_msg(s.rc == choices[_i].rc, "case %d: %s", _i, s.err.message);
    if (s.rc < 0)
        assert_failed(&s, choices[_i].rc);
    else
        assert_hex(s.said.p, s.said.n, choices[_i].answer);
    end(&s);
    kerberos_acceptor_free(c);
}
END_TEST

/* Tokens that are none of Kerberos', and last one that could be. */
static const struct {
    const char *token;
    int rc;
} tickets[] = {
    {"", BROKEN},
    {"60", BROKEN},
    {"48657921", BROKEN},
    {RAW, BROKEN},
    {trace_init, BROKEN},
    {"600b" KRB5_OID, BROKEN},
    {"600d" KRB5_OID "0200", BROKEN},
    {"600d" KRB5_OID "0300", BROKEN},
    {"600d" MSKRB5_OID "0100", BROKEN},
    {"600e" NTLM_OID "0100", BROKEN},
    {"600d" KRB5_OID "010000", BROKEN},
    {"6080" KRB5_OID "01000000", BROKEN},
    {"6e0130", BROKEN},
    {"600d" KRB5_OID "0100", REFUSED},
    {"600f" KRB5_OID "01006e00", REFUSED},
};

static bytes init_with(const char *oid_hex, const bytes *token)
{
    bytes oid = unhex(oid_hex);
    ns_writer list, w;
    size_t mark;

    ns_writer_init(&list, &hooks, 65535);
    mark = der_open(&list, DER_SEQUENCE);
    ns_put(&list, oid.p, oid.n);
    der_close(&list, mark);
    ns_writer_init(&w, &hooks, 65535);
    spnego_put_init(&w, (ns_slice){list.p, list.len}, slice(token));
    ns_writer_free(&list);
    return take_writer(&w);
}

static void assert_no_ticket(const served *s, int code)
{
    ck_assert_msg(s->rc < 0, "let in");
    ck_assert_msg(s->rc == code || (code == REFUSED && s->rc == BROKEN), "%s", s->err.message);
    ck_assert_str_eq(s->err.layer, "kerberos");
    ck_assert_uint_gt(strlen(s->err.message), 10);
    assert_nobody(s);
}

/* Beside the list, and after it. */
START_TEST(ticket_case)
{
    bytes token = unhex(tickets[_i].token), in, list;
    auth_server_params p;
    kerberos_acceptor *c;
    served s;

    if (!with_kerberos(&p, &c))
        return;
    s = serve(&p);
    in = init_with(_i % 2 ? KRB5_OID : MSKRB5_OID, &token);
    hear(&s, &in);
    assert_no_ticket(&s, tickets[_i].rc);
    end(&s);

    s = serve(&p);
    list = unhex("601b" SPNEGO_OID "a011300fa00d300b" KRB5_OID);
    hear(&s, &list);
    ck_assert_int_eq(s.rc, 1);
    in = resp_of(SPNEGO_NO_STATE, &token);
    hear(&s, &in);
    assert_no_ticket(&s, tickets[_i].rc);
    end(&s);
    kerberos_acceptor_free(c);
}
END_TEST

START_TEST(nobody_accepted)
{
    auth_server_params p = trace_params;
    netsession_error err = {0};
    auth_server *a;

    p.no_ntlm = true;
    ck_assert_int_eq(auth_server_new(&a, &p, &err), NETSESSION_E_ARGUMENT);
    ck_assert_ptr_null(a);
}
END_TEST

static const struct {
    const char *text, *user, *realm; /* user NULL: refused */
} printed_names[] = {
    {"alice@LAB.TEST", "alice", "LAB.TEST"},
    {"host/fs1@LAB.TEST", "host/fs1", "LAB.TEST"},
    {"alice\\@corp.example@LAB.TEST", "alice@corp.example", "LAB.TEST"},
    {"a\\\\b@LAB.TEST", "a\\b", "LAB.TEST"},
    {"alice@LAB\\@TEST", "alice", "LAB@TEST"},
    {"alice@LAB@TEST", "alice", "LAB@TEST"}, /* the first separates */
    {"j\xC3\xBCrgen@LAB.TEST", "j\xC3\xBCrgen", "LAB.TEST"},
    {"a\\/b@LAB.TEST", NULL, NULL},
    {"a\\0b@LAB.TEST", NULL, NULL},
    {"a\\nb@LAB.TEST", NULL, NULL},
    {"j\xFCrgen@LAB.TEST", NULL, NULL},
    {"alice@L\xC3", NULL, NULL},
    {"@LAB.TEST", NULL, NULL},
    {"alice@", NULL, NULL},
    {"alice", NULL, NULL},
    {"alice\\@LAB.TEST", NULL, NULL},
    {"alice@LAB\\", NULL, NULL},
    {"", NULL, NULL},
};

START_TEST(printed_name)
{
    char text[64], *user, *realm;
    size_t n = strlen(printed_names[_i].text);

    memcpy(text, printed_names[_i].text, n);
    ck_assert_int_eq(kerberos_split_name(text, n, &user, &realm), !!printed_names[_i].user);
    if (!printed_names[_i].user)
        return;
    ck_assert_str_eq(user, printed_names[_i].user);
    ck_assert_str_eq(realm, printed_names[_i].realm);
}
END_TEST

START_TEST(printed_name_nul)
{
    char text[] = "a\0b@LAB.TEST", *user, *realm;

    ck_assert(!kerberos_split_name(text, sizeof text - 1, &user, &realm));
}
END_TEST

/* The trace's messages once more, but that the client must sign. */
START_TEST(mic_requested)
{
    bytes init = unhex(trace_init), in = _i ? unhex(trace_resp2) : resp_with(NULL);
    auth_server_params p = trace_params;
    spnego_resp r;
    served s;

    p.request_mic = true;
    s = serve(&p);
    hear(&s, &init);
    ck_assert_int_eq(s.rc, 1);
    ck_assert(spnego_get_resp(slice(&s.said), &r));
    ck_assert_int_eq(r.state, SPNEGO_REQUEST_MIC);
    assert_hex(r.token.p, r.token.n, trace_challenge);
    hear(&s, &in);
    if (_i) {
        assert_user(&s, "SUT311", "administrator", trace_key);
        assert_hex(s.said.p, s.said.n, trace_final);
    } else {
        assert_refused(&s);
    }
    end(&s);
}
END_TEST

/* Raw, there is no list to be signed; nobody has no keys to do it with. */
START_TEST(mic_requested_in_vain)
{
    auth_server_params p = allowing(true, false);
    client c = {.user = _i ? "" : NULL, .no_nt = _i, .z1_lm = _i};
    bytes m;
    served s;

    p.request_mic = true;
    s = attempt(&p, &c, &m);
    ck_assert_msg(s.rc == 0, "%s", s.err.message);
    end(&s);
}
END_TEST

/* ---- Our client ---- */

static const uint8_t no_bindings[16];

static auth_params client_params(void)
{
    return (auth_params){.hooks = &client_hooks,
                         .domain = "SUT311",
                         .user = "administrator",
                         .password = "Password01!",
                         .workstation = "HERE",
                         .target_name = "cifs/SUT311",
                         .bindings = no_bindings};
}

static const uint8_t krb5_oid[] = {0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
                                   0xF7, 0x12, 0x01, 0x02, 0x02};

static int other_create(void **state, const auth_params *params, netsession_error *err)
{
    (void)err;
    *state = (void *)(uintptr_t)params->hooks;
    return 0;
}

static int other_step(void *state, const uint8_t *in, size_t in_len, ns_writer *out,
                      netsession_error *err)
{
    (void)state;
    (void)in;
    (void)in_len;
    ns_put(out, "ticket", 6);
    return out->err ? ns_fail_code(err, out->err, NS_LAYER_AUTH) : 1;
}

static void other_destroy(void *state)
{
    (void)state;
}

static const auth_mech other_mech = {.name = "Kerberos",
                                     .oid = krb5_oid,
                                     .oid_len = sizeof krb5_oid,
                                     .create = other_create,
                                     .step = other_step,
                                     .destroy = other_destroy};

static const auth_mech *const mechs[] = {&other_mech, &ntlm_mech};

/* Both, back to back, from the hint to the end.  first: 0, Kerberos is
 * preferred; 1: NTLM alone. */
static int converse(const auth_params *cp, const auth_server_params *sp, size_t first,
                    served *s, auth_client **c, netsession_error *cerr)
{
    ns_writer in, out;
    int rc = auth_client_new_with(c, cp, mechs + first, 2 - first, cerr);

    ns_writer_init(&in, &hooks, 65535);
    ns_writer_init(&out, &hooks, 65535);
    *s = (served){.rc = 1};
    if (!rc)
        rc = auth_server_new(&s->server, sp, &s->err);
    if (!rc)
        rc = auth_server_hint(sp, &in);
    while (!rc && s->rc == 1) {
        ns_writer_reset(&out);
        rc = auth_client_step(*c, in.p, in.len, &out, cerr);
        ns_writer_reset(&in);
        if (!rc)
            s->rc = auth_server_step(s->server, out.p, out.len, &in, &s->err);
    }
    if (!rc && !s->rc)
        rc = auth_client_finish(*c, in.p, in.len, cerr);
    ns_writer_free(&in);
    ns_writer_free(&out);
    return rc ? rc : s->rc;
}

static void assert_same_key(const served *s, const auth_client *c)
{
    uint8_t ours[AUTH_KEY_MAX], theirs[AUTH_KEY_MAX];
    size_t our_len, their_len;

    ck_assert_int_eq(auth_server_session_key(s->server, ours, &our_len), 0);
    ck_assert_int_eq(auth_client_session_key(c, theirs, &their_len), 0);
    ck_assert_uint_eq(our_len, their_len);
    if (our_len)
        ck_assert_mem_eq(ours, theirs, our_len);
}

START_TEST(back_to_back)
{
    auth_params cp = client_params();
    netsession_error cerr = {0};
    auth_client *c;
    served s;
    int rc = converse(&cp, &trace_params, (size_t)_i, &s, &c, &cerr);

    ck_assert_msg(rc == 0, "%s / %s", cerr.message, s.err.message);
    assert_user(&s, "SUT311", "administrator", "55555555555555555555555555555555");
    assert_same_key(&s, c);
    ck_assert_str_eq(auth_client_mech_name(c), "NTLM");
    auth_client_free(c);
    end(&s);
}
END_TEST

START_TEST(back_to_back_upn)
{
    auth_params cp = client_params();
    netsession_error cerr = {0};
    auth_client *c;
    served s;

    cp.domain = "";
    cp.user = accounts[2].user;
    cp.password = accounts[2].password;
    ck_assert_int_eq(converse(&cp, &trace_params, 1, &s, &c, &cerr), 0);
    assert_user(&s, "", accounts[2].user, "55555555555555555555555555555555");
    assert_same_key(&s, c);
    auth_client_free(c);
    end(&s);
}
END_TEST

START_TEST(back_to_back_wrong)
{
    auth_params cp = client_params();
    netsession_error cerr = {0};
    auth_client *c;
    served s;

    cp.password = "Password01?";
    ck_assert_int_eq(converse(&cp, &trace_params, (size_t)_i, &s, &c, &cerr), REFUSED);
    assert_refused(&s);
    auth_client_free(c);
    end(&s);
}
END_TEST

START_TEST(back_to_back_anonymous)
{
    auth_params cp = client_params();
    auth_server_params sp = allowing(_i, false);
    netsession_error cerr = {0};
    auth_client *c;
    served s;

    cp.anonymous = true;
    cp.user = cp.password = "";
    ck_assert_int_eq(converse(&cp, &sp, 1, &s, &c, &cerr), _i ? 0 : REFUSED);
    if (_i) {
        assert_keyless(&s, AUTH_SERVER_ANONYMOUS, "");
        assert_same_key(&s, c);
    } else {
        assert_refused(&s);
    }
    auth_client_free(c);
    end(&s);
}
END_TEST

/* The client signs the list; a guest's server cannot check it and is silent. */
START_TEST(back_to_back_guest)
{
    auth_params cp = client_params();
    auth_server_params sp = allowing(false, true);
    netsession_error cerr = {0};
    auth_client *c;
    served s;

    cp.user = "somebody";
    ck_assert_int_eq(converse(&cp, &sp, 1, &s, &c, &cerr), 0);
    assert_keyless(&s, AUTH_SERVER_GUEST, "somebody");
    auth_client_free(c);
    end(&s);
}
END_TEST

/* Names that make a domain member, in any script. */
START_TEST(back_to_back_member)
{
    auth_params cp = client_params();
    auth_server_params sp = trace_params;
    netsession_error cerr = {0};
    auth_client *c;
    served s;

    sp.netbios_computer = "FS1";
    sp.netbios_domain = "K\xC3\x96LN";
    sp.dns_computer = "fs1.k\xC3\xB6ln.example";
    sp.dns_domain = NULL;
    ck_assert_int_eq(converse(&cp, &sp, (size_t)_i, &s, &c, &cerr), 0);
    assert_same_key(&s, c);
    auth_client_free(c);
    end(&s);
}
END_TEST

/* Whatever allocation fails: said so, nothing kept. */
START_TEST(out_of_memory)
{
    auth_params cp = client_params();
    auth_server_params sp = trace_params;
    char name[201] = {0};
    size_t n = 0;
    int rc;

    memset(name, 'x', sizeof name - 1); /* so that the challenge needs more than the hint */
    sp.dns_computer = name;
    do {
        netsession_error cerr = {0};
        auth_client *c = NULL;
        served s;

        around.made = 0;
        around.allowed = ++n;
        rc = converse(&cp, &sp, (size_t)_i, &s, &c, &cerr);
        ck_assert_msg(rc == 0 || rc == NETSESSION_E_MEMORY, "%d: %s", rc, s.err.message);
        auth_client_free(c);
        end(&s);
        ck_assert_uint_eq(around.live, 0);
    } while (rc && n < 1000);
    ck_assert_int_eq(rc, 0);
    ck_assert_uint_gt(n, 15);
}
END_TEST

/* ---- Begin and end ---- */

START_TEST(new_bad_names)
{
    static const char *const bad[] = {NULL, "", "\xFF"};
    auth_server_params p = trace_params;
    const char **names[] = {&p.netbios_computer, &p.netbios_domain, &p.dns_computer,
                            &p.dns_domain};
    netsession_error err = {0};
    auth_server *a;
    bool optional = _i / 3 > 1;
    int rc;

    *names[_i / 3] = bad[_i % 3];
    rc = auth_server_new(&a, &p, &err);
    ck_assert_int_eq(rc, optional && _i % 3 < 2 ? 0 : NETSESSION_E_ARGUMENT);
    ck_assert_ptr_eq(a ? NULL : a, NULL);
    auth_server_free(a);
}
END_TEST

START_TEST(new_failures)
{
    netsession_error err = {0};
    auth_server *a = (auth_server *)&err;

    around.no_entropy = true;
    ck_assert_int_eq(auth_server_new(&a, &trace_params, &err), NETSESSION_E_CRYPTO);
    ck_assert_ptr_null(a);
    memset(&err, 0, sizeof err);
    around.no_entropy = false;
    around.allowed = around.made + 1;
    ck_assert_int_eq(auth_server_new(&a, &trace_params, &err), NETSESSION_E_MEMORY);
    ck_assert_ptr_null(a);
    auth_server_free(NULL);
}
END_TEST

/* A name that the challenge cannot hold. */
START_TEST(name_too_long)
{
    static char name[40000];
    bytes in = unhex(trace_negotiate);
    auth_server_params p = trace_params;
    served s;

    memset(name, 'x', sizeof name - 1);
    p.dns_computer = name;
    s = serve(&p);
    hear(&s, &in);
    assert_failed(&s, NETSESSION_E_LIMIT);
    end(&s);
}
END_TEST

/* NTLM by itself, with names that auth_server_new would not have let pass. */
START_TEST(challenge_bad_names)
{
    bytes in = unhex(trace_negotiate);
    auth_server_params p = trace_params;
    const char **names[] = {&p.netbios_computer, &p.netbios_domain, &p.dns_computer,
                            &p.dns_domain};
    netsession_error err = {0};
    ntlm_server s = {0};

    *names[_i] = "\xFF";
    ck_assert_int_eq(ntlm_server_init(&s, &p, &err), 0);
    ck_assert_int_eq(ntlm_server_challenge(&s, slice(&in), &err), NETSESSION_E_ARGUMENT);
    ck_assert_int_eq(err.code, NETSESSION_E_ARGUMENT);
    ntlm_server_clear(&s);
}
END_TEST

/* Nothing goes on after the end, good or bad. */
START_TEST(after_the_end)
{
    bytes negotiate = unhex(trace_negotiate), in = unhex(trace_authenticate);
    served s = raw_challenge(&trace_params, &negotiate);

    if (_i)
        in.p[0xA8] ^= 1;
    hear(&s, &in);
    ck_assert_int_eq(s.rc, _i ? REFUSED : 0);
    in = unhex(trace_authenticate);
    memset(&s.err, 0, sizeof s.err);
    hear(&s, &in);
    ck_assert_int_eq(s.rc, NETSESSION_E_STATE);
    ck_assert_int_eq(s.err.code, NETSESSION_E_STATE);
    if (_i)
        assert_nobody(&s);
    end(&s);
}
END_TEST

/* ---- ---- */

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static TCase *published(void)
{
    TCase *tc = tcase_create("published");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, trace_wrapped);
    tcase_add_test(tc, trace_raw);
    tcase_add_test(tc, spec_messages);
    tcase_add_test(tc, hint_bytes);
    tcase_add_test(tc, nt_hashes);
    return tc;
}

static TCase *exchanges(void)
{
    TCase *tc = tcase_create("exchanges");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, back_to_back, 0, 2);
    tcase_add_test(tc, back_to_back_upn);
    tcase_add_loop_test(tc, back_to_back_wrong, 0, 2);
    tcase_add_loop_test(tc, back_to_back_anonymous, 0, 2);
    tcase_add_test(tc, back_to_back_guest);
    tcase_add_loop_test(tc, back_to_back_member, 0, 2);
    tcase_add_loop_test(tc, out_of_memory, 0, 2);
    tcase_add_loop_test(tc, attempt_case, 0, COUNT(attempts));
    tcase_add_loop_test(tc, old_responses, 0, 4);
    tcase_add_test(tc, refusals_alike);
    tcase_add_loop_test(tc, offer_case, 0, COUNT(offers));
    tcase_add_loop_test(tc, weakened, 0, 3);
    tcase_add_loop_test(tc, nobody_case, 0, COUNT(nobodies));
    tcase_add_loop_test(tc, nobody_says_nothing, 0, 3);
    tcase_add_loop_test(tc, new_bad_names, 0, 12);
    tcase_add_test(tc, new_failures);
    tcase_add_test(tc, name_too_long);
    tcase_add_loop_test(tc, challenge_bad_names, 0, 4);
    tcase_add_loop_test(tc, after_the_end, 0, 2);
    return tc;
}

static TCase *malformed(void)
{
    TCase *tc = tcase_create("malformed");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 240);
    tcase_add_loop_test(tc, negotiate_case, 0, COUNT(negotiates));
    tcase_add_loop_test(tc, authenticate_case, 0, COUNT(authenticates));
    tcase_add_test(tc, authenticate_truncated);
    tcase_add_loop_test(tc, tokens_truncated, 0, 2);
    tcase_add_test(tc, authenticate_flipped);
    tcase_add_test(tc, negotiate_flipped);
    tcase_add_test(tc, resp_flipped);
    tcase_add_test(tc, init_flipped);
    tcase_add_loop_test(tc, old_client_flipped, 0, 2);
    tcase_add_test(tc, damaged);
    tcase_add_loop_test(tc, init_case, 0, COUNT(inits));
    tcase_add_loop_test(tc, resp_case, 0, COUNT(resps));
    tcase_add_test(tc, no_optimistic_token);
    tcase_add_loop_test(tc, second_case, 0, COUNT(second));
    tcase_add_test(tc, first_unsigned);
    tcase_add_loop_test(tc, forms_mixed, 0, 2);
    return tc;
}

static TCase *kerberos(void)
{
    TCase *tc = tcase_create("kerberos");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, keytabs, 0, 5);
    tcase_add_loop_test(tc, kerberos_hint, 0, 2);
    tcase_add_loop_test(tc, choice_case, 0, COUNT(choices));
    tcase_add_loop_test(tc, ticket_case, 0, COUNT(tickets));
    tcase_add_test(tc, nobody_accepted);
    tcase_add_loop_test(tc, printed_name, 0, COUNT(printed_names));
    tcase_add_test(tc, printed_name_nul);
    tcase_add_loop_test(tc, mic_requested, 0, 2);
    tcase_add_loop_test(tc, mic_requested_in_vain, 0, 2);
    return tc;
}

Suite *auth_server_suite(void)
{
    Suite *s = suite_create("auth server");

    suite_add_tcase(s, published());
    suite_add_tcase(s, exchanges());
    suite_add_tcase(s, malformed());
    suite_add_tcase(s, kerberos());
    return s;
}
