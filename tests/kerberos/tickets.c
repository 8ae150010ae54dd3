/* Where a ticket comes from, and where none does: names, realms, caches, KDCs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/kerberos_job.h"
#include "tests/kerberos/realm.h"
#include "tests/kerberos/site.h"
#include "tests/kerberos/talk.h"

/* ---- Names ---- */

static const struct {
    const char *domain, *user, *realm; /* realm NULL: none was named */
} named[] = {{"", "alice", NULL},
             {"CORP", "alice", NULL},
             {"corp.example", "alice", "CORP.EXAMPLE"},
             {"", "alice@corp.example", "CORP.EXAMPLE"},
             {"other.example", "alice@Corp.example", "Corp.example"},
             {"", "alice@a-1.{b}", "A-1.{B}"}};

START_TEST(realm_of_name)
{
    const kerberos_params p = {
        .user = named[_i].user, .domain = named[_i].domain, .spn = TALK_SPN};
    netsession_error err = {0};
    kerberos *k;

    ck_assert_int_eq(kerberos_new(&k, &p, &err), 0);
    ck_assert_str_eq(k->user, "alice");
    ck_assert_pstr_eq(k->realm, named[_i].realm);
    kerberos_free(k);
}
END_TEST

START_TEST(first_label)
{
    ck_assert(kerberos_is_first_label("CORP", "CORP.EXAMPLE"));
    ck_assert(kerberos_is_first_label("corp", "CORP"));
    ck_assert(!kerberos_is_first_label("", "CORP"));
    ck_assert(!kerberos_is_first_label("COR", "CORP"));
    ck_assert(!kerberos_is_first_label("OTHER", "CORP.EXAMPLE"));
    ck_assert(!kerberos_is_first_label("CORP.EXAMPLE", "CORP"));
}
END_TEST

/* ---- Outcomes ---- */

/* The error's name; NULL: there is a ticket. */
static void assert_outcome(const kerberos_params *p, const char *name, bool nobody_refused)
{
    netsession_error err = {0};
    kerberos *k;
    bool no_way;
    int rc;

    ck_assert_int_eq(kerberos_new(&k, p, &err), 0);
    kerberos_run(k);
    rc = kerberos_result(k, &err, &no_way);
    ck_assert_msg(name ? rc && !strcmp(err.name, name) : !rc, "%s: %s", err.name, err.message);
    ck_assert_int_eq(no_way, nobody_refused);
    kerberos_free(k);
}

static const struct {
    const char *spn, *error;
    bool no_way;
} targets[] = {{"cifs/fs1.net.test@NET.TEST", NULL, false},
               {"cifs/fs1.net.test:445", "KDC_ERR_S_PRINCIPAL_UNKNOWN", true},
               {"nobody", "KRB5_?", false},
               {"cifs/fs1@NET.TEST@NET.TEST", "KRB5_?", false},
               {"cifs/fs1\\", "KRB5_?", false}};

START_TEST(target)
{
    const kerberos_params p = {.user = "", .domain = "", .spn = targets[_i].spn};

    assert_outcome(&p, targets[_i].error, targets[_i].no_way);
}
END_TEST

/* ---- A krb5.conf of another kind ---- */

/* KRB5_CONFIG becomes a copy without the lines that have this word; for the
 * word another may stand. */
static void configure(const char *word, const char *other)
{
    FILE *in = fopen(realm_file("krb5.conf"), "r"), *out = fopen(realm_file("other.conf"), "w");
    char line[512];

    ck_assert(in && out);
    while (fgets(line, sizeof line, in))
        fputs(strstr(line, word) ? other : line, out);
    ck_assert(!fclose(in) && !fclose(out));
    setenv("KRB5_CONFIG", realm_file("other.conf"), 1);
    setenv("KRB5CCNAME", realm_file("none"), 1);
}

static void teardown(void)
{
    setenv("KRB5_CONFIG", realm_file("krb5.conf"), 1);
}

static kerberos_params alice(const char *spn)
{
    return (kerberos_params){
        .user = "alice", .domain = "", .password = realm_password("ALICE"), .spn = spn};
}

/* No host's realm is known: whose name ends with the default realm is in it. */
static const struct {
    const char *spn;
    bool home;
} hosts[] = {
    {"cifs/fs1.net.test", true},  {"cifs/fs1.net.test@NET.TEST", true},
    {"cifs/net.test", false},     {"cifs/fs1.net.tess", false},
    {"cifs/fs1-net.test", false}, {"fs1.net.test", false},
};

START_TEST(home)
{
    kerberos_params p = alice(hosts[_i].spn);
    netsession_error err = {0};
    kerberos *k;
    bool no_way;

    configure(".net.test = ", "");
    ck_assert_int_eq(kerberos_new(&k, &p, &err), 0);
    kerberos_run(k);
    ck_assert_int_eq(kerberos_result(k, &err, &no_way) == 0, hosts[_i].home);
    ck_assert_int_eq(strstr(err.message, "no Kerberos realm is known") != NULL,
                     !hosts[_i].home);
    kerberos_free(k);
}
END_TEST

/* _i 1: who insists hears why. */
START_TEST(no_default_realm)
{
    kerberos_params p = alice(TALK_SPN);

    configure("default_realm", "");
    p.insist = _i != 0;
    assert_outcome(&p, _i ? "KRB5_CONFIG_NODEFREALM" : "NETSESSION_E_CREDENTIALS", true);
}
END_TEST

/* Nobody listens on port 1. */
START_TEST(no_kdc)
{
    kerberos_params p = alice(TALK_SPN);

    configure("kdc =", "kdc = 127.0.0.1:1\n");
    assert_outcome(&p, "KRB5_KDC_UNREACH", true);
}
END_TEST

/* ---- Caches ---- */

/* A ticket for the KDC that ended a second after the epoch, and a note of
 * libkrb5's own, which is in the form of a ticket. */
static void store_old(krb5_context krb5, krb5_ccache cache, krb5_principal who)
{
    uint8_t key[32] = {0};
    krb5_data note = {.data = (char *)"note", .length = 4};
    krb5_creds creds = {.client = who,
                        .keyblock = {.enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96,
                                     .length = sizeof key,
                                     .contents = key},
                        .times = {.endtime = 1},
                        .ticket = note};

    ck_assert(!krb5_cc_set_config(krb5, cache, NULL, "test", &note));
    ck_assert(!krb5_parse_name(krb5, "krbtgt/NET.TEST@NET.TEST", &creds.server));
    ck_assert(!krb5_cc_store_cred(krb5, cache, &creds));
    krb5_free_principal(krb5, creds.server);
}

/* KRB5CCNAME becomes a cache of alice's with nothing that is of use. */
static void make_old_cache(void)
{
    krb5_context krb5;
    krb5_principal who;
    krb5_ccache cache;

    ck_assert(!krb5_init_context(&krb5) && !krb5_parse_name(krb5, "alice@NET.TEST", &who));
    ck_assert(!krb5_cc_resolve(krb5, realm_file("old"), &cache));
    ck_assert(!krb5_cc_initialize(krb5, cache, who));
    store_old(krb5, cache, who);
    krb5_cc_close(krb5, cache);
    krb5_free_principal(krb5, who);
    krb5_free_context(krb5);
    setenv("KRB5CCNAME", realm_file("old"), 1);
}

/* Without a keytab what lies there is tried all the same. */
START_TEST(old_cache)
{
    const kerberos_params nobody = {.user = "", .domain = "", .spn = TALK_SPN};
    const kerberos_params user = {.user = "alice", .domain = "", .spn = TALK_SPN};

    make_old_cache();
    ck_assert(!kerberos_has_ticket(&nobody));
    assert_outcome(&nobody, "KRB_AP_ERR_TKT_EXPIRED", true);
    setenv("KRB5_CLIENT_KTNAME", realm_file("alice.keytab"), 1);
    ck_assert(kerberos_has_ticket(&nobody));
    assert_outcome(&nobody, NULL, false);
    assert_outcome(&user, NULL, false);
}
END_TEST

/* A ticket that is good goes before the keytab: which here is not one. */
START_TEST(good_cache)
{
    const kerberos_params nobody = {.user = "", .domain = "", .spn = TALK_SPN};
    const kerberos_params stale = {
        .user = "", .domain = "", .ccache = realm_file("ccache"), .spn = TALK_SPN};

    setenv("KRB5_CLIENT_KTNAME", realm_file("stale.keytab"), 1);
    assert_outcome(&nobody, NULL, false);
    assert_outcome(&stale, NULL, false);
    setenv("KRB5CCNAME", realm_file("none"), 1);
    ck_assert(kerberos_has_ticket(&stale));
}
END_TEST

static const struct {
    const char *domain, *user;
    bool found;
} owners[] = {{"", "alice", true},         {"NET", "ALICE", true}, {"net.test", "alice", true},
              {"OTHER", "alice", false},   {"", "alice@X", false}, {"", "bob", false},
              {"", "alice@net.test", true}};

START_TEST(owner)
{
    const kerberos_params p = {
        .user = owners[_i].user, .domain = owners[_i].domain, .spn = TALK_SPN};

    ck_assert_int_eq(kerberos_has_ticket(&p), owners[_i].found);
    assert_outcome(&p, owners[_i].found ? NULL : "KRB5_CC_NOTFOUND", !owners[_i].found);
}
END_TEST

/* A password is somebody's: nobody's is not used. */
START_TEST(password_of_nobody)
{
    const kerberos_params p = {.user = "", .domain = "", .password = "any", .spn = TALK_SPN};

    assert_outcome(&p, NULL, false);
}
END_TEST

/* A keytab that is well-formed, and empty. */
START_TEST(empty_keytab)
{
    static const char version[] = {5, 2};
    const kerberos_params p = {
        .user = "", .domain = "", .keytab = realm_file("empty.keytab"), .spn = TALK_SPN};
    netsession_error err = {0};
    kerberos_acceptor *c;
    int fd = open(p.keytab, O_CREAT | O_WRONLY | O_TRUNC, 0600);

    ck_assert(fd >= 0 && write(fd, version, sizeof version) == sizeof version && !close(fd));
    assert_outcome(&p, "KRB5_KT_NOTFOUND", false);
    ck_assert_int_eq(kerberos_acceptor_new(&c, p.keytab, &err), NETSESSION_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "holds no keys"));
}
END_TEST

/* What is longer than any host's name is not cut short. */
START_TEST(long_target)
{
    char spn[1024];
    kerberos_params p = {.user = "", .domain = "", .spn = spn};

    memset(spn, 'x', sizeof spn - 1);
    memcpy(spn, "cifs/", 5);
    spn[sizeof spn - 1] = '\0';
    assert_outcome(&p, "KDC_ERR_S_PRINCIPAL_UNKNOWN", true);
}
END_TEST

Suite *tickets_suite(void)
{
    Suite *s = suite_create("tickets");
    TCase *tc = tcase_create("tickets");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, site_setup, teardown);
    LOOP(tc, realm_of_name, named);
    tcase_add_test(tc, first_label);
    LOOP(tc, target, targets);
    LOOP(tc, home, hosts);
    tcase_add_loop_test(tc, no_default_realm, 0, 2);
    tcase_add_test(tc, no_kdc);
    tcase_add_test(tc, old_cache);
    tcase_add_test(tc, good_cache);
    LOOP(tc, owner, owners);
    tcase_add_test(tc, password_of_nobody);
    tcase_add_test(tc, empty_keytab);
    tcase_add_test(tc, long_target);
    suite_add_tcase(s, tc);
    return s;
}
