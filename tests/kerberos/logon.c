/* Whole logons with real tickets: our client, our server, one memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/kerberos/realm.h"
#include "tests/kerberos/site.h"

/* ---- What comes of it ---- */

static void assert_lists(rig_client *c, const char *auth, const char *why)
{
    netsession_row row;

    ck_assert_msg(c->event.type == NETSESSION_EV_READY, "%s", rig_error(c)->message);
    ck_assert_str_eq(c->info.auth, auth);
    ck_assert_msg(strstr(c->info.auth_why, why) != NULL, "%s", c->info.auth_why);
    ck_assert_int_eq(rig_query(c, 502, NETSESSION_NO_LIMIT, 0), NETSESSION_EV_PAGE);
    ck_assert_uint_eq(netsession_page_count(c->event.page), 1);
    netsession_page_row(c->event.page, 0, &row);
    ck_assert(!strncmp(row.user, "alice", 5));
    netsession_page_free(c->event.page);
    rig_leave(c);
}

/* ---- Every key with every dialect ---- */

static const struct {
    const char *spn, *cipher;
} services[] = {{"cifs/fs1.net.test", "aes256-cts-hmac-sha1-96"},
                {"cifs/aes128.net.test", "aes128-cts-hmac-sha1-96"},
                {"cifs/rc4.net.test", "arcfour-hmac"},
                {"cifs/sha384.net.test", "aes256-cts-hmac-sha384-192"}};

static const unsigned dialects[] = {NETSESSION_SMB_2_0_2, NETSESSION_SMB_2_1,
                                    NETSESSION_SMB_3_0, NETSESSION_SMB_3_0_2,
                                    NETSESSION_SMB_3_1_1};

#define SERVICES (sizeof services / sizeof *services)
#define DIALECTS (sizeof dialects / sizeof *dialects)

/* cipher 0: signed only. */
static void one_logon(size_t service, unsigned dialect, unsigned cipher)
{
    netsession_config *cfg = site_config("alice@net.test", NULL, services[service].spn);
    site s;
    rig_client c;

    netsession_config_dialects(cfg, dialect, dialect);
    if (cipher) {
        netsession_config_encrypt(cfg, 1);
        ck_assert_int_eq(netsession_config_ciphers(cfg, &cipher, 1), 0);
    }
    site_open(&s, "server.keytab");
    rig_start(&s.rig);
    rig_connect(&c, &s.rig, cfg, "10.0.0.1");
    ck_assert_uint_eq(c.info.exchanges, 3);
    assert_lists(&c, "Kerberos", services[service].cipher);
    site_close(&s);
}

START_TEST(each_key)
{
    size_t service = (size_t)_i % SERVICES;
    unsigned dialect = dialects[(size_t)_i / SERVICES];

    one_logon(service, dialect, 0);
    if (dialect == NETSESSION_SMB_3_0 || dialect == NETSESSION_SMB_3_0_2)
        one_logon(service, dialect, NETSESSION_AES_128_CCM);
    for (unsigned i = NETSESSION_AES_128_CCM;
         dialect == NETSESSION_SMB_3_1_1 && i <= NETSESSION_AES_256_GCM; i++)
        one_logon(service, dialect, i);
}
END_TEST

/* ---- Where the ticket comes from ---- */

START_TEST(each_source)
{
    netsession_config *cfg = site_config(NULL, NULL, "cifs/fs1.net.test");
    site s;
    rig_client c;

    site_sources[_i](cfg);
    site_open(&s, "server.keytab");
    rig_start(&s.rig);
    rig_connect(&c, &s.rig, cfg, "10.0.0.1");
    assert_lists(&c, "Kerberos",
                 "ticket of alice@NET.TEST for cifs/fs1.net.test@NET.TEST, aes256");
    site_close(&s);
}
END_TEST

/* ---- Kerberos or NTLM ---- */

enum { BOTH, KERBEROS_ONLY, NTLM_ONLY };

/* What comes of it: a mechanism, or an error with a word of its message. */
static const struct choice {
    int server;
    const char *keytab;
    int mode;
    const char *user, *password; /* NULL: alice's */
    const char *spn, *auth;
    int code;
    const char *word;
} choices[] = {
#define GOOD   "cifs/fs1.net.test"
#define ALICE  "alice@NET.TEST"
#define SERVER "server.keytab"
    {BOTH, SERVER, NETSESSION_KERBEROS_AUTO, ALICE, NULL, GOOD, "Kerberos", 0, "ticket of"},
    {BOTH, SERVER, NETSESSION_KERBEROS_OFF, ALICE, NULL, GOOD, "NTLM", 0, ""},
    {BOTH, SERVER, NETSESSION_KERBEROS_DESIRED, ALICE, NULL, GOOD, "Kerberos", 0, "ticket of"},
    {BOTH, SERVER, NETSESSION_KERBEROS_REQUIRED, ALICE, NULL, GOOD, "Kerberos", 0, "ticket of"},
    /* the server knows one only */
    {NTLM_ONLY, NULL, NETSESSION_KERBEROS_AUTO, ALICE, NULL, GOOD, NULL, NETSESSION_E_POLICY,
     "log on with Kerberos; it offers NTLM"},
    {NTLM_ONLY, NULL, NETSESSION_KERBEROS_REQUIRED, ALICE, NULL, GOOD, NULL,
     NETSESSION_E_POLICY, "log on with Kerberos; it offers NTLM"},
    {NTLM_ONLY, NULL, NETSESSION_KERBEROS_DESIRED, ALICE, NULL, GOOD, "NTLM", 0,
     "the server chose it"},
    {KERBEROS_ONLY, SERVER, NETSESSION_KERBEROS_OFF, ALICE, NULL, GOOD, NULL,
     NETSESSION_E_POLICY, "log on with NTLM; it offers MS-Kerberos, Kerberos"},
    {KERBEROS_ONLY, SERVER, NETSESSION_KERBEROS_AUTO, ALICE, NULL, GOOD, "Kerberos", 0, ""},
    {KERBEROS_ONLY, SERVER, NETSESSION_KERBEROS_DESIRED, ALICE, NULL, GOOD, "Kerberos", 0, ""},
    /* the server refuses the ticket: an old key, a wrong one */
    {BOTH, "stale.keytab", NETSESSION_KERBEROS_AUTO, ALICE, NULL, "cifs/stale.net.test", NULL,
     NETSESSION_E_LOGON, "its key may have changed"},
    {BOTH, "stale.keytab", NETSESSION_KERBEROS_REQUIRED, ALICE, NULL, "cifs/stale.net.test",
     NULL, NETSESSION_E_LOGON, "its key may have changed"},
    {BOTH, "stale.keytab", NETSESSION_KERBEROS_DESIRED, ALICE, NULL, "cifs/stale.net.test",
     "NTLM", 0, "the server refused the ticket of alice"},
    {BOTH, "stale.keytab", NETSESSION_KERBEROS_AUTO, ALICE, NULL, "cifs/wrong.net.test", NULL,
     NETSESSION_E_LOGON, "its key may have changed"},
    /* nobody knows the service: nobody has refused */
    {BOTH, SERVER, NETSESSION_KERBEROS_AUTO, ALICE, NULL, "cifs/none", "NTLM", 0, "cifs/none"},
    {BOTH, SERVER, NETSESSION_KERBEROS_DESIRED, ALICE, NULL, "cifs/none", "NTLM", 0,
     "cifs/none"},
    {BOTH, SERVER, NETSESSION_KERBEROS_REQUIRED, ALICE, NULL, "cifs/none", NULL,
     NETSESSION_E_LOGON, "cifs/none"},
    /* the KDC refuses the user */
    {BOTH, SERVER, NETSESSION_KERBEROS_AUTO, ALICE, "wrong", GOOD, NULL, NETSESSION_E_LOGON,
     "check the password"},
    {BOTH, SERVER, NETSESSION_KERBEROS_DESIRED, ALICE, "wrong", GOOD, NULL, NETSESSION_E_LOGON,
     "STATUS_LOGON_FAILURE"},
    {BOTH, SERVER, NETSESSION_KERBEROS_AUTO, "nobody@NET.TEST", "wrong", GOOD, NULL,
     NETSESSION_E_LOGON, "does not know this user"},
    {BOTH, SERVER, NETSESSION_KERBEROS_AUTO, "disabled@NET.TEST", "wrong", GOOD, NULL,
     NETSESSION_E_LOGON, "disabled"},
    /* no realm to ask */
    {BOTH, SERVER, NETSESSION_KERBEROS_AUTO, "alice", NULL, "cifs/elsewhere.test", "NTLM", 0,
     "no Kerberos realm is known"},
    {BOTH, SERVER, NETSESSION_KERBEROS_AUTO, "OTHER\\alice", NULL, GOOD, "NTLM", 0,
     "no Kerberos realm is known"},
    {BOTH, SERVER, NETSESSION_KERBEROS_REQUIRED, "alice", NULL, GOOD, "Kerberos", 0, ""},
    {BOTH, SERVER, NETSESSION_KERBEROS_AUTO, "alice@NO.TEST", NULL, GOOD, "NTLM", 0, "NO.TEST"},
    {BOTH, SERVER, NETSESSION_KERBEROS_REQUIRED, "alice@NO.TEST", NULL, GOOD, NULL,
     NETSESSION_E_CONNECT, "NO.TEST"},
};

START_TEST(each_choice)
{
    const struct choice *h = &choices[_i];
    netsession_config *cfg =
        site_config(h->user, h->password ? h->password : realm_password("ALICE"), h->spn);
    site s;
    rig_client c;

    setenv("KRB5CCNAME", realm_file("none"), 1);
    ck_assert_int_eq(netsession_config_kerberos(cfg, h->mode), 0);
    site_open(&s, h->keytab);
    s.rig.cfg.smb.auth.no_ntlm = h->server == KERBEROS_ONLY;
    rig_start(&s.rig);
    rig_connect(&c, &s.rig, cfg, "10.0.0.1");
    if (h->auth) {
        assert_lists(&c, h->auth, h->word);
    } else {
        ck_assert_int_eq(c.event.type, NETSESSION_EV_FAILED);
        ck_assert_msg(rig_error(&c)->code == h->code && strstr(rig_error(&c)->message, h->word),
                      "%s", rig_error(&c)->message);
        rig_leave(&c);
    }
    site_close(&s);
}
END_TEST

/* Where NTLM may follow, but has nothing to follow with. */
START_TEST(ticket_alone)
{
    netsession_config *cfg = site_config(_i ? "alice" : NULL, NULL, GOOD);
    site s;
    rig_client c;

    ck_assert_int_eq(netsession_config_kerberos(cfg, NETSESSION_KERBEROS_DESIRED), 0);
    site_open(&s, SERVER);
    rig_start(&s.rig);
    rig_connect(&c, &s.rig, cfg, "10.0.0.1");
    assert_lists(&c, "Kerberos", "ticket of alice");
    site_close(&s);
}
END_TEST

/* Nothing given at all. */
START_TEST(no_ticket)
{
    netsession_config *cfg = site_config(NULL, NULL, GOOD);
    site s;
    rig_client c;

    setenv("KRB5CCNAME", realm_file("none"), 1);
    ck_assert(!netsession_config_has_ticket(cfg));
    site_open(&s, SERVER);
    rig_start(&s.rig);
    ck_assert_int_eq(rig_connect(&c, &s.rig, cfg, "10.0.0.1"), NETSESSION_EV_FAILED);
    ck_assert_int_eq(rig_error(&c)->code, NETSESSION_E_CREDENTIALS);
    ck_assert_str_eq(rig_error(&c)->layer, "kerberos");
    ck_assert_uint_eq(rig_error(&c)->win32, 1312);
    ck_assert_ptr_nonnull(strstr(rig_error(&c)->message, "kinit"));
    rig_leave(&c);
    site_close(&s);
}
END_TEST

/* The cache is alice's, of NET.TEST. */
static const struct {
    const char *user, *word;
    bool named;
} others[] = {{"bob@NET.TEST", "bob", false},
              {"bob@NET.TEST", "bob", true},
              {"alice@OTHER.TEST", "alice", false},
              {"FS1\\alice", "alice", false}};

START_TEST(cache_of_another)
{
    netsession_config *cfg = site_config(others[_i].user, NULL, GOOD);
    site s;
    rig_client c;

    if (others[_i].named)
        site_by_ccache(cfg);
    ck_assert(!netsession_config_has_ticket(cfg));
    site_open(&s, SERVER);
    rig_start(&s.rig);
    ck_assert_int_eq(rig_connect(&c, &s.rig, cfg, "10.0.0.1"), NETSESSION_EV_FAILED);
    ck_assert_int_eq(rig_error(&c)->code, NETSESSION_E_CREDENTIALS);
    ck_assert_ptr_nonnull(strstr(rig_error(&c)->message, others[_i].word));
    rig_leave(&c);
    site_close(&s);
}
END_TEST

static void assert_fails(netsession_config *cfg, int code, const char *word)
{
    site s;
    rig_client c;

    site_open(&s, SERVER);
    rig_start(&s.rig);
    ck_assert_int_eq(rig_connect(&c, &s.rig, cfg, "10.0.0.1"), NETSESSION_EV_FAILED);
    ck_assert_int_eq(rig_error(&c)->code, code);
    ck_assert_msg(strstr(rig_error(&c)->message, word) != NULL, "%s", rig_error(&c)->message);
    rig_leave(&c);
    site_close(&s);
}

/* A keytab that is not there, with a user and without. */
START_TEST(no_keytab)
{
    netsession_config *cfg = site_config(_i ? "alice@NET.TEST" : NULL, NULL, GOOD);

    ck_assert_int_eq(netsession_config_keytab(cfg, realm_file("none")), 0);
    assert_fails(cfg, NETSESSION_E_CREDENTIALS, "/none");
}
END_TEST

/* A key that others may read is none. */
START_TEST(keytab_of_all)
{
    netsession_config *cfg = netsession_config_new(NULL);
    FILE *f = fopen(realm_file("open.keytab"), "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fchmod(fileno(f), 0640), 0);
    fclose(f);
    ck_assert_int_eq(netsession_config_keytab(cfg, realm_file("open.keytab")),
                     NETSESSION_E_CREDENTIALS);
    ck_assert_ptr_nonnull(strstr(netsession_config_error(cfg)->message, "others may read"));
    netsession_config_free(cfg);
}
END_TEST

START_TEST(nobody_with_kerberos)
{
    netsession_config *cfg = site_config(NULL, NULL, GOOD);

    ck_assert_int_eq(netsession_config_anonymous(cfg, 1), 0);
    ck_assert_int_eq(netsession_config_kerberos(cfg, NETSESSION_KERBEROS_REQUIRED), 0);
    assert_fails(cfg, NETSESSION_E_POLICY, "nobody");
}
END_TEST

/* ---- The server wants the mechanism list signed ---- */

START_TEST(asked_to_sign)
{
    netsession_config *cfg = site_config(NULL, NULL, services[_i].spn);
    site s;
    rig_client c;

    site_open(&s, SERVER);
    s.rig.cfg.smb.auth.request_mic = true;
    rig_start(&s.rig);
    rig_connect(&c, &s.rig, cfg, "10.0.0.1");
    ck_assert_uint_eq(c.info.exchanges, 4);
    assert_lists(&c, "Kerberos", services[_i].cipher);
    site_close(&s);
}
END_TEST

/* ---- The work ---- */

static void join(site *s, rig_client *c)
{
    site_open(s, SERVER);
    rig_start(&s->rig);
    ck_assert(rig_join(c, &s->rig, site_config(NULL, NULL, GOOD), "10.0.0.1"));
}

static void leave(site *s, rig_client *c)
{
    rig_leave(c);
    site_close(s);
}

START_TEST(work_is_taken_once)
{
    netsession_work *work;
    site s;
    rig_client c;

    join(&s, &c);
    ck_assert_ptr_null(netsession_take_work(c.ns));
    ck_assert_int_eq(netsession_start(c.ns, 1000), 0);
    ck_assert_uint_eq(netsession_wants(c.ns),
                      NETSESSION_WORK | NETSESSION_WRITE | NETSESSION_READ);
    ck_assert_ptr_nonnull(work = netsession_take_work(c.ns));
    ck_assert_ptr_null(netsession_take_work(c.ns));
    ck_assert_int_eq(rig_run(&c), 0); /* NEGOTIATE is answered; there it waits */
    ck_assert_uint_eq(netsession_wants(c.ns), 0);
    netsession_work_run(work);
    netsession_work_run(work); /* a second time is nothing */
    ck_assert_int_eq(netsession_work_done(c.ns, work), 0);
    ck_assert_int_eq(rig_run(&c), NETSESSION_EV_READY);
    leave(&s, &c);
}
END_TEST

START_TEST(work_not_run)
{
    site s;
    rig_client c;

    join(&s, &c);
    ck_assert_int_eq(netsession_start(c.ns, 1000), 0);
    ck_assert_int_eq(netsession_work_done(c.ns, netsession_take_work(c.ns)),
                     NETSESSION_E_STATE);
    ck_assert_int_eq(rig_run(&c), NETSESSION_EV_FAILED);
    leave(&s, &c);
}
END_TEST

/* The deadline comes while the work is out; it comes back to nobody. */
START_TEST(work_too_late)
{
    netsession_work *work;
    site s;
    rig_client c;

    join(&s, &c);
    ck_assert_int_eq(netsession_start(c.ns, 1000), 0);
    work = netsession_take_work(c.ns);
    netsession_work_run(work);
    ck_assert_int_eq(netsession_tick(c.ns, 1000 + 30000), NETSESSION_E_TIMEOUT);
    ck_assert_str_eq(rig_error(&c)->layer, "kerberos");
    if (_i)
        netsession_work_free(work);
    else
        ck_assert_int_eq(netsession_work_done(c.ns, work), NETSESSION_E_TIMEOUT);
    leave(&s, &c);
}
END_TEST

START_TEST(work_of_another)
{
    netsession_work *work;
    site s;
    rig_client a, b;

    join(&s, &a);
    ck_assert(rig_join(&b, &s.rig, site_config(NULL, NULL, GOOD), "10.0.0.2"));
    ck_assert_int_eq(netsession_start(a.ns, 1000), 0);
    ck_assert_int_eq(netsession_start(b.ns, 1000), 0);
    work = netsession_take_work(a.ns);
    netsession_work_run(work);
    ck_assert_int_eq(netsession_work_done(b.ns, work), NETSESSION_E_STATE);
    ck_assert_int_eq(rig_run(&b), NETSESSION_EV_READY);
    rig_leave(&b);
    leave(&s, &a);
}
END_TEST

/* ---- The message that grants the logon, changed ---- */

static void to_server(rig_client *c)
{
    size_t len, room;
    const void *out = netsession_output(c->ns, &len);
    void *in = ns_server_conn_room(c->conn, &room);

    while (len) {
        size_t n = len < room ? len : room;

        memcpy(in, out, n);
        ck_assert_int_eq(netsession_output_ack(c->ns, n), 0);
        ck_assert_int_eq(ns_server_conn_received(c->conn, n, 1000), 0);
        out = netsession_output(c->ns, &len);
        in = ns_server_conn_room(c->conn, &room);
    }
}

/* Its bit at is flipped, unless that is behind its end: then false. */
static bool to_client(rig_client *c, size_t at)
{
    size_t len, total, room;
    const uint8_t *p = ns_server_conn_output(c->conn, &total);
    bool flipped = at / 8 < total;

    for (size_t done = 0; done < total && netsession_wants(c->ns) & NETSESSION_READ;
         done += len) {
        uint8_t *in = netsession_input(c->ns, &room);

        len = total - done < room ? total - done : room;
        memcpy(in, p + done, len);
        if (at / 8 >= done && at / 8 < done + len)
            in[at / 8 - done] ^= (uint8_t)(1u << at % 8);
        (void)netsession_input_ack(c->ns, len);
    }
    ns_server_conn_output_ack(c->conn, total);
    return flipped;
}

static bool flipped_grant(site *s, size_t at)
{
    netsession_work *work;
    rig_client c;
    bool flipped;

    ck_assert(rig_join(&c, &s->rig, site_config(NULL, NULL, GOOD), "10.0.0.1"));
    ck_assert_int_eq(netsession_start(c.ns, 1000), 0);
    work = netsession_take_work(c.ns);
    netsession_work_run(work);
    ck_assert_int_eq(netsession_work_done(c.ns, work), 0);
    to_server(&c);
    (void)to_client(&c, SIZE_MAX);
    to_server(&c);
    flipped = to_client(&c, at);
    if (!(netsession_wants(c.ns) & NETSESSION_EVENT))
        (void)netsession_input_eof(c.ns);
    ck_assert_int_eq(netsession_next_event(c.ns, &c.event), 1);
    ck_assert_msg(c.event.type == NETSESSION_EV_FAILED, "bit %zu", at);
    rig_leave(&c);
    return flipped;
}

/* On the wire every bit is under a signature or must fit for another reason. */
START_TEST(each_byte_of_the_grant)
{
    size_t at = 0;
    site s;

    site_open(&s, SERVER);
    rig_start(&s.rig);
    while (flipped_grant(&s, at))
        at = (at / 8 + 1) * 8 + (at + 1) % 8; /* each byte, the bits in turn */
    ck_assert_uint_gt(at, 2000);
    site_close(&s);
}
END_TEST

/* ---- Each allocation fails once ---- */

START_TEST(each_allocation)
{
    int type = 0;

    for (long at = 1; type != NETSESSION_EV_READY; at++) {
        test_heap heap;
        netsession_hooks hooks;
        netsession_config *cfg;
        site s;
        rig_client c;

        test_heap_hooks(&heap, &hooks);
        cfg = netsession_config_new(&hooks);
        ck_assert_int_eq(netsession_config_ccache(cfg, realm_file("ccache")), 0);
        ck_assert_int_eq(netsession_config_target_name(cfg, GOOD), 0);
        site_open(&s, SERVER);
        s.rig.cfg.smb.auth.request_mic = true;
        rig_start(&s.rig);
        ck_assert(rig_join(&c, &s.rig, cfg, "10.0.0.1"));
        heap.fail_at = heap.made + at;
        (void)netsession_start(c.ns, 1000);
        type = rig_run(&c);
        ck_assert(type == NETSESSION_EV_READY || rig_error(&c)->code == NETSESSION_E_MEMORY);
        rig_leave(&c);
        ck_assert_int_eq(heap.live, 0);
        site_close(&s);
        ck_assert_int_lt(at, 1000);
    }
}
END_TEST

Suite *logon_suite(void)
{
    Suite *s = suite_create("logon");
    TCase *tc = tcase_create("logon");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, site_setup, NULL);
    tcase_add_loop_test(tc, each_key, 0, SERVICES * DIALECTS);
    tcase_add_loop_test(tc, each_source, 0, SITE_SOURCES);
    tcase_add_loop_test(tc, each_choice, 0, sizeof choices / sizeof *choices);
    tcase_add_loop_test(tc, ticket_alone, 0, 2);
    tcase_add_test(tc, no_ticket);
    tcase_add_loop_test(tc, cache_of_another, 0, sizeof others / sizeof *others);
    tcase_add_loop_test(tc, no_keytab, 0, 2);
    tcase_add_test(tc, keytab_of_all);
    tcase_add_test(tc, nobody_with_kerberos);
    tcase_add_loop_test(tc, asked_to_sign, 0, SERVICES);
    tcase_add_test(tc, work_is_taken_once);
    tcase_add_test(tc, work_not_run);
    tcase_add_loop_test(tc, work_too_late, 0, 2);
    tcase_add_test(tc, work_of_another);
    tcase_add_test(tc, each_byte_of_the_grant);
    tcase_add_test(tc, each_allocation);
    suite_add_tcase(s, tc);
    return s;
}
