/*
 * Our client and our server, back to back: everything that they can agree on,
 * everything that they cannot, and what the session table then says.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/fill.h"
#include "tests/test_combinations.h"

TCase *server_pair_tcase(void);

static rig r;

static void setup(void)
{
    rig_init(&r);
}

static void teardown(void)
{
    rig_stop(&r);
}

/* ---- What they agree on ---- */

#define FILL 50

static const uint32_t levels[] = {0, 1, 2, 10, 502};

static void same_text(const netsession_row *row, unsigned has, const char *got,
                      const char *want)
{
    if (row->present & has)
        ck_assert_str_eq(got, want);
    else
        ck_assert_ptr_null(got);
}

/* A row of the page is this session, in all that its level has. */
static void same_row(const netsession_page *page, uint32_t i, const srvsvc_session *s)
{
    netsession_row row;

    netsession_page_row(page, i, &row);
    ck_assert_int_eq(strncmp(row.client, "\\\\", 2), 0);
    ck_assert_str_eq(row.client + 2, s->client);
    same_text(&row, NETSESSION_HAS_USER, row.user, s->user);
    same_text(&row, NETSESSION_HAS_CLIENT_TYPE, row.client_type, s->client_type);
    same_text(&row, NETSESSION_HAS_TRANSPORT, row.transport, s->transport);
    if (row.present & NETSESSION_HAS_OPENS)
        ck_assert_uint_eq(row.opens, s->opens);
    if (row.present & NETSESSION_HAS_FLAGS)
        ck_assert_uint_eq(row.flags, s->flags);
    if (row.present & NETSESSION_HAS_TIME) {
        ck_assert_uint_eq(row.time, s->time);
        ck_assert_uint_eq(row.idle, s->idle);
    }
}

static void same_fill(const netsession_page *page, uint32_t i, uint32_t id)
{
    ns_fill_text text;
    srvsvc_session s;

    ns_fill_make(r.cfg.seed, id, &text, &s);
    same_row(page, i, &s);
}

/* Made-up sessions, then other, 5 s old and idle 3, then ourselves. */
static void check_page(const netsession_page *page, uint32_t level)
{
    srvsvc_session other = {.client = "10.0.0.2",
                            .user = "other",
                            .client_type = "",
                            .transport = "\\Device\\NetBT_Tcpip",
                            .opens = 1,
                            .time = 5,
                            .idle = 3},
                   own = {.client = "[fe80::1]",
                          .user = "admin",
                          .client_type = "",
                          .transport = other.transport,
                          .opens = 1};

    ck_assert_uint_eq(netsession_page_level(page), level);
    ck_assert_uint_eq(netsession_page_count(page), FILL + 2);
    ck_assert_uint_eq(netsession_page_total(page), FILL + 2);
    ck_assert_int_eq(netsession_page_more(page), 0);
    for (uint32_t i = 0; i < FILL; i++)
        same_fill(page, i, i + 1);
    same_row(page, FILL, &other);
    same_row(page, FILL + 1, &own);
}

static void all_levels(rig_client *c)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        ck_assert_int_eq(rig_query(c, levels[i], NETSESSION_NO_LIMIT, 0), NETSESSION_EV_PAGE);
        check_page(c->event.page, levels[i]);
        netsession_page_free(c->event.page);
    }
}

static void join_other(rig_client *c)
{
    ck_assert_int_eq(rig_connect(c, &r, rig_config("other:other"), "10.0.0.2"),
                     NETSESSION_EV_READY);
    r.now += 2000;
    ck_assert_int_eq(rig_query(c, 0, 100, 0), NETSESSION_EV_PAGE);
    netsession_page_free(c->event.page);
    r.now += 3000;
}

static void whole_talk(netsession_config *cfg, size_t most)
{
    rig_client other, c;

    join_other(&other);
    ck_assert(rig_join(&c, &r, cfg, "[fe80::1]"));
    c.most = most;
    ck_assert_int_eq(netsession_start(c.ns, r.now), 0);
    ck_assert_int_eq(rig_run(&c), NETSESSION_EV_READY);
    ck_assert_uint_eq(ns_server_sessions(r.server), 2);
    all_levels(&c);
    ck_assert_int_eq(netsession_shutdown(c.ns, r.now), 0);
    ck_assert_int_eq(rig_run(&c), NETSESSION_EV_GOODBYE);
    ck_assert_uint_eq(ns_server_sessions(r.server), 1);
    rig_leave(&c);
    rig_leave(&other);
}

static void one_combination(const combination *k, unsigned syntax, size_t most)
{
    rig_client c;

    whole_talk(combination_config(k, syntax), most);
    ck_assert_int_eq(rig_connect(&c, &r, combination_config(k, syntax), "10.0.0.3"),
                     NETSESSION_EV_READY);
    ck_assert_str_eq(c.info.dialect_name, k->dialect_name);
    ck_assert_str_eq(c.info.signing, k->signing_name);
    if (k->cipher_name)
        ck_assert_str_eq(c.info.cipher, k->cipher_name);
    else
        ck_assert_ptr_null(c.info.cipher);
    ck_assert_str_eq(c.info.syntax, syntax == NETSESSION_NDR64 ? "NDR64" : "NDR32");
    ck_assert_int_eq(c.info.compound, 1);
    rig_leave(&c);
}

START_TEST(every_combination)
{
    r.cfg.fill = FILL;
    r.cfg.seed = (uint64_t)_i;
    rig_start(&r);
    one_combination(&combinations[_i], NETSESSION_NDR32, SIZE_MAX);
    one_combination(&combinations[_i], NETSESSION_NDR64, SIZE_MAX);
}
END_TEST

START_TEST(byte_by_byte)
{
    r.cfg.fill = FILL;
    rig_start(&r);
    one_combination(&combinations[_i], NETSESSION_NDR32, 1);
}
END_TEST

/* Where the server fixes what it allows, the client follows. */
START_TEST(server_decides)
{
    const combination *k = &combinations[_i];
    rig_client c;

    r.cfg.smb.max_dialect = k->dialect;
    r.cfg.smb.signings = (smb2_algs){{(uint16_t)k->signing}, 1};
    r.cfg.smb.ciphers = (smb2_algs){{(uint16_t)k->cipher}, 1};
    r.cfg.smb.encryption = k->cipher ? SMB2_ENCRYPTION_REQUIRED : SMB2_ENCRYPTION_OFF;
    r.cfg.smb.signing_required = true;
    rig_start(&r);
    ck_assert_int_eq(rig_connect(&c, &r, rig_config("admin:secret"), "10.0.0.3"),
                     NETSESSION_EV_READY);
    ck_assert_str_eq(c.info.dialect_name, k->dialect_name);
    ck_assert_str_eq(c.info.signing, k->signing_name);
    ck_assert_int_eq(c.info.signing_required, 1);
    if (k->cipher_name)
        ck_assert_str_eq(c.info.cipher, k->cipher_name);
    ck_assert_int_eq(rig_query(&c, 10, NETSESSION_NO_LIMIT, 0), NETSESSION_EV_PAGE);
    netsession_page_free(c.event.page);
    rig_leave(&c);
}
END_TEST

START_TEST(no_compound)
{
    netsession_config *cfg = combination_config(&combinations[_i], NETSESSION_NDR32);

    r.cfg.fill = FILL;
    rig_start(&r);
    netsession_config_compound(cfg, 0);
    whole_talk(cfg, SIZE_MAX);
}
END_TEST

/* ---- What they do not agree on ---- */

/* The client fails with this code, and says something that has these words. */
static void refused(netsession_config *cfg, int code, uint32_t win32, const char *words)
{
    rig_client c;
    const netsession_error *e;

    ck_assert_int_eq(rig_connect(&c, &r, cfg, "10.0.0.3"), NETSESSION_EV_FAILED);
    e = rig_error(&c);
    ck_assert_msg(e->code == code && (!win32 || e->win32 == win32), "%s %u: %s",
                  netsession_code_name(e->code), (unsigned)e->win32, e->message);
    ck_assert_msg(strstr(e->message, words), "%s", e->message);
    rig_leave(&c);
    ck_assert_uint_eq(ns_server_sessions(r.server), 0);
}

START_TEST(no_encryption_to_be_had)
{
    netsession_config *cfg = rig_config("admin:secret");

    r.cfg.smb.max_dialect = NETSESSION_SMB_2_1;
    rig_start(&r);
    netsession_config_encrypt(cfg, 1);
    refused(cfg, NETSESSION_E_POLICY, 0, "");
    rig_serves(&r);
}
END_TEST

START_TEST(encryption_off)
{
    netsession_config *cfg = rig_config("admin:secret");

    r.cfg.smb.encryption = SMB2_ENCRYPTION_OFF;
    rig_start(&r);
    netsession_config_encrypt(cfg, 1);
    refused(cfg, NETSESSION_E_POLICY, 0, "encryption is required");
    rig_serves(&r);
}
END_TEST

START_TEST(disjoint_ciphers)
{
    static const unsigned gcm = NETSESSION_AES_256_GCM;
    netsession_config *cfg = rig_config("admin:secret");

    r.cfg.smb.ciphers = (smb2_algs){{NETSESSION_AES_128_CCM}, 1};
    rig_start(&r);
    netsession_config_ciphers(cfg, &gcm, 1);
    netsession_config_encrypt(cfg, 1);
    refused(cfg, NETSESSION_E_POLICY, 0, "no cipher");
    rig_serves(&r);
}
END_TEST

/* A server that requires encryption turns away who cannot have it. */
START_TEST(server_requires_cipher)
{
    netsession_config *cfg = rig_config("admin:secret");

    r.cfg.smb.encryption = SMB2_ENCRYPTION_REQUIRED;
    rig_start(&r);
    netsession_config_dialects(cfg, NETSESSION_SMB_2_0_2, NETSESSION_SMB_2_1);
    refused(cfg, NETSESSION_E_LOGON, 5, "STATUS_ACCESS_DENIED");
    rig_serves(&r);
}
END_TEST

START_TEST(disjoint_dialects)
{
    netsession_config *cfg = rig_config("admin:secret");

    r.cfg.smb.min_dialect = NETSESSION_SMB_3_1_1;
    rig_start(&r);
    netsession_config_dialects(cfg, NETSESSION_SMB_2_0_2, NETSESSION_SMB_3_0_2);
    refused(cfg, NETSESSION_E_POLICY, 0, "dialects");
    rig_serves(&r);
}
END_TEST

START_TEST(disjoint_signings)
{
    static const unsigned gmac = NETSESSION_AES_GMAC;
    netsession_config *cfg = rig_config("admin:secret");

    r.cfg.smb.signings = (smb2_algs){{NETSESSION_AES_CMAC}, 1};
    rig_start(&r);
    netsession_config_signing(cfg, &gmac, 1);
    refused(cfg, NETSESSION_E_PROTOCOL, 0, "signing algorithm");
    rig_serves(&r);
}
END_TEST

START_TEST(disjoint_syntaxes)
{
    netsession_config *cfg = rig_config("admin:secret");
    rig_client c;

    r.cfg.syntaxes = NETSESSION_NDR64;
    rig_start(&r);
    netsession_config_syntaxes(cfg, NETSESSION_NDR32);
    ck_assert_int_eq(rig_connect(&c, &r, cfg, "10.0.0.3"), NETSESSION_EV_FAILED);
    ck_assert_str_eq(rig_error(&c)->layer, "rpc");
    rig_leave(&c);
    rig_serves(&r);
}
END_TEST

/* ---- Who gets in ---- */

START_TEST(wrong_password)
{
    rig_start(&r);
    refused(rig_config("admin:Secret"), NETSESSION_E_LOGON, 1326, "");
    refused(rig_config("nobody:secret"), NETSESSION_E_LOGON, 1326, "");
    refused(rig_config("admin:"), NETSESSION_E_LOGON, 1326, "");
    rig_serves(&r);
}
END_TEST

static netsession_config *anonymous_config(void)
{
    netsession_config *cfg = rig_config(NULL);

    netsession_config_anonymous(cfg, 1);
    return cfg;
}

static netsession_config *guest_config(void)
{
    netsession_config *cfg = rig_config("stranger:thing");

    netsession_config_guest(cfg, 1);
    return cfg;
}

START_TEST(nobody_by_default)
{
    rig_start(&r);
    refused(anonymous_config(), NETSESSION_E_LOGON, 0, "");
    refused(guest_config(), NETSESSION_E_LOGON, 1326, "");
    rig_serves(&r);
}
END_TEST

/* They get in, and then not far. */
static void may_nothing(netsession_config *cfg, const char *auth)
{
    rig_client c;

    ck_assert_int_eq(rig_connect(&c, &r, cfg, "10.0.0.3"), NETSESSION_EV_READY);
    ck_assert_str_eq(c.info.auth, auth);
    ck_assert_ptr_null(c.info.signing);
    ck_assert_ptr_null(c.info.cipher);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        ck_assert_int_eq(rig_query(&c, levels[i], NETSESSION_NO_LIMIT, 0),
                         NETSESSION_EV_REFUSED);
        ck_assert_uint_eq(rig_error(&c)->win32, 5);
    }
    rig_leave(&c);
}

START_TEST(anonymous_allowed)
{
    r.cfg.smb.auth.anonymous = true;
    r.cfg.read_for_all = true;
    rig_start(&r);
    may_nothing(anonymous_config(), "anonymous");
    rig_serves(&r);
}
END_TEST

START_TEST(guest_allowed)
{
    rig_client c;

    r.cfg.smb.auth.guest = true;
    r.cfg.read_for_all = true;
    rig_start(&r);
    may_nothing(guest_config(), "guest");
    refused(rig_config("stranger:thing"), NETSESSION_E_POLICY, 1272, "guest");
    refused(rig_config("admin:wrong"), NETSESSION_E_LOGON, 1326, "");
    ck_assert_int_eq(rig_connect(&c, &r, guest_config(), "10.0.0.4"), NETSESSION_EV_READY);
    rig_serves(&r);
    rig_leave(&c);
}
END_TEST

/* A session without keys cannot be encrypted. */
START_TEST(anonymous_but_encrypted)
{
    r.cfg.smb.auth.anonymous = r.cfg.smb.auth.guest = true;
    r.cfg.smb.encryption = SMB2_ENCRYPTION_REQUIRED;
    rig_start(&r);
    refused(anonymous_config(), NETSESSION_E_LOGON, 5, "");
    refused(guest_config(), NETSESSION_E_LOGON, 5, "");
    rig_serves(&r);
}
END_TEST

static void expect_right(rig_client *c, uint32_t level, bool granted)
{
    int event = rig_query(c, level, NETSESSION_NO_LIMIT, 0);

    ck_assert_int_eq(event, granted ? NETSESSION_EV_PAGE : NETSESSION_EV_REFUSED);
    if (granted)
        netsession_page_free(c->event.page);
    else
        ck_assert_uint_eq(rig_error(c)->win32, 5);
}

static void plain_user(bool reads)
{
    rig_client c;

    r.cfg.read_for_all = reads;
    rig_start(&r);
    ck_assert_int_eq(rig_connect(&c, &r, rig_config("plain:plain"), "10.0.0.3"),
                     NETSESSION_EV_READY);
    expect_right(&c, 502, false);
    expect_right(&c, 0, reads);
    expect_right(&c, 1, false);
    expect_right(&c, 10, reads);
    expect_right(&c, 2, false);
    rig_leave(&c);
}

START_TEST(rights_of_a_user)
{
    plain_user(false);
}
END_TEST

START_TEST(rights_of_a_reader)
{
    plain_user(true);
}
END_TEST

START_TEST(names_without_case)
{
    rig_client c;

    rig_start(&r);
    ck_assert_int_eq(rig_connect(&c, &r, rig_config("ADMIN:secret"), "10.0.0.3"),
                     NETSESSION_EV_READY);
    rig_leave(&c);
}
END_TEST

/* ---- The table ---- */

START_TEST(lifetime_expires)
{
    rig_client c;

    r.cfg.smb.lifetime = 10000;
    rig_start(&r);
    ck_assert_int_eq(rig_connect(&c, &r, rig_config("admin:secret"), "10.0.0.3"),
                     NETSESSION_EV_READY);
    r.now += 9999;
    expect_right(&c, 502, true);
    r.now += 1;
    ck_assert_int_eq(rig_query(&c, 502, NETSESSION_NO_LIMIT, 0), NETSESSION_EV_FAILED);
    ck_assert_str_eq(rig_error(&c)->name, "STATUS_NETWORK_SESSION_EXPIRED");
    rig_leave(&c);
    rig_serves(&r);
}
END_TEST

START_TEST(two_see_each_other)
{
    rig_client a, b;
    netsession_row row;

    rig_start(&r);
    ck_assert_int_eq(rig_connect(&a, &r, rig_config("admin:secret"), "10.0.0.1"),
                     NETSESSION_EV_READY);
    ck_assert_int_eq(rig_connect(&b, &r, rig_config("other:other"), "10.0.0.2"),
                     NETSESSION_EV_READY);
    for (rig_client *c = &a; c; c = c == &a ? &b : NULL) {
        ck_assert_int_eq(rig_query(c, 1, NETSESSION_NO_LIMIT, 0), NETSESSION_EV_PAGE);
        ck_assert_uint_eq(netsession_page_count(c->event.page), 2);
        netsession_page_row(c->event.page, 0, &row);
        ck_assert_str_eq(row.user, "admin");
        netsession_page_row(c->event.page, 1, &row);
        ck_assert_str_eq(row.user, "other");
        netsession_page_free(c->event.page);
    }
    rig_leave(&a);
    ck_assert_int_eq(rig_query(&b, 1, NETSESSION_NO_LIMIT, 0), NETSESSION_EV_PAGE);
    ck_assert_uint_eq(netsession_page_count(b.event.page), 1);
    netsession_page_free(b.event.page);
    rig_leave(&b);
}
END_TEST

#define MANY 100000u

/* Every row once, in order, whatever the page takes; the last is ourselves. */
static uint32_t page_through(rig_client *c, uint32_t level, uint32_t length)
{
    uint32_t next = 1, resume = 0, pages = 0;
    int more = 1;

    while (more) {
        netsession_page *page;
        uint32_t count;

        ck_assert_int_eq(rig_query(c, level, length, resume), NETSESSION_EV_PAGE);
        page = c->event.page;
        count = netsession_page_count(page);
        more = netsession_page_more(page);
        ck_assert_uint_eq(netsession_page_total(page), MANY + 2 - next);
        ck_assert(count || !more);
        for (uint32_t i = 0; i < count; i++, next++)
            if (next <= MANY)
                same_fill(page, i, next);
        resume = netsession_page_resume(page);
        netsession_page_free(page);
        pages++;
    }
    ck_assert_uint_eq(next, MANY + 2);
    return pages;
}

START_TEST(paging)
{
    static const struct {
        uint32_t level, length, pages;
    } cases[] = {{502, 65536, 100}, {10, 20000, 200}, {0, NETSESSION_NO_LIMIT, 2}};
    rig_client c;

    r.cfg.fill = MANY;
    r.cfg.seed = 42;
    rig_start(&r);
    ck_assert_int_eq(rig_connect(&c, &r, rig_config("admin:secret"), "10.0.0.3"),
                     NETSESSION_EV_READY);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_uint_ge(page_through(&c, cases[i].level, cases[i].length), cases[i].pages);
    rig_leave(&c);
}
END_TEST

/* Other sessions come and go between the pages: those that stay come once. */
START_TEST(paging_while_others_come_and_go)
{
    rig_client c, other[6];
    uint32_t resume;

    rig_start(&r);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(rig_connect(&other[i], &r, rig_config("other:other"), "10.0.0.2"),
                         NETSESSION_EV_READY);
    ck_assert_int_eq(rig_connect(&c, &r, rig_config("admin:secret"), "10.0.0.3"),
                     NETSESSION_EV_READY);
    ck_assert_int_eq(rig_query(&c, 0, 89, 0), NETSESSION_EV_PAGE);
    ck_assert_int_eq(netsession_page_more(c.event.page), 1);
    ck_assert_uint_eq(netsession_page_count(c.event.page), 2);
    resume = netsession_page_resume(c.event.page);
    netsession_page_free(c.event.page);
    rig_leave(&other[0]);
    rig_leave(&other[2]);
    ck_assert_int_eq(rig_query(&c, 0, NETSESSION_NO_LIMIT, resume), NETSESSION_EV_PAGE);
    ck_assert_uint_eq(netsession_page_count(c.event.page), 4);
    netsession_page_free(c.event.page);
    for (int i = 1; i < 6; i++)
        if (i != 2)
            rig_leave(&other[i]);
    rig_leave(&c);
}
END_TEST

TCase *server_pair_tcase(void)
{
    TCase *tc = tcase_create("pair");

    tcase_set_timeout(tc, 300);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, every_combination, 0, COMBINATIONS);
    tcase_add_loop_test(tc, byte_by_byte, 0, COMBINATIONS);
    tcase_add_loop_test(tc, server_decides, 0, COMBINATIONS);
    tcase_add_loop_test(tc, no_compound, 0, COMBINATIONS);
    tcase_add_test(tc, no_encryption_to_be_had);
    tcase_add_test(tc, encryption_off);
    tcase_add_test(tc, disjoint_ciphers);
    tcase_add_test(tc, server_requires_cipher);
    tcase_add_test(tc, disjoint_dialects);
    tcase_add_test(tc, disjoint_signings);
    tcase_add_test(tc, disjoint_syntaxes);
    tcase_add_test(tc, wrong_password);
    tcase_add_test(tc, nobody_by_default);
    tcase_add_test(tc, anonymous_allowed);
    tcase_add_test(tc, guest_allowed);
    tcase_add_test(tc, anonymous_but_encrypted);
    tcase_add_test(tc, rights_of_a_user);
    tcase_add_test(tc, rights_of_a_reader);
    tcase_add_test(tc, names_without_case);
    tcase_add_test(tc, lifetime_expires);
    tcase_add_test(tc, two_see_each_other);
    tcase_add_test(tc, paging);
    tcase_add_test(tc, paging_while_others_come_and_go);
    return tc;
}
