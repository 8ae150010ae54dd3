/* Each call of libkrb5 and of GSS-API, and each allocation, fails once in the
 * course of a logon: at the client or at the server. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kerberos/calls.h"
#include "tests/kerberos/realm.h"
#include "tests/kerberos/site.h"

#define SPN "cifs/fs1.net.test"

/* ---- What comes of it ---- */

/* error: its name; NULL: it is done without.  The server says only that it is
 * short of resources. */
static const struct outcome {
    const char *call, *error;
} outcomes[] = {
#define SHORT "STATUS_INSUFFICIENT_RESOURCES"
    {"gss_accept_sec_context", SHORT},
    {"gss_inquire_context", SHORT},
    {"gss_display_name", SHORT},
    {"gss_inquire_sec_context_by_oid", SHORT},
    {"gss_inquire_sec_context_by_oid", "ENOMEM"},
    {"gss_get_mic", SHORT},
    {"gss_get_mic", "ENOMEM"},
    /* a signature that cannot be checked is none */
    {"gss_verify_mic", "STATUS_LOGON_FAILURE"},
    {"gss_verify_mic", "NETSESSION_E_SECURITY"},
    /* another cache, or the keytab */
    {"krb5_cc_select", NULL},
    {"krb5_cc_default", NULL},
    {"krb5_cc_get_principal", NULL},
    {"krb5_cc_get_principal", "ENOMEM"},
    /* no keytab, then, but the cache */
    {"krb5_kt_client_default", NULL},
    {"krb5_kt_client_default", "KRB5_FCC_NOFILE"},
    {"krb5_kt_client_default", "ENOMEM"},
    {"krb5_kt_have_content", NULL},
    {"krb5_kt_have_content", "KRB5_FCC_NOFILE"},
    {"krb5_kt_have_content", "ENOMEM"},
    /* no realm: the KDC's referral, or NTLM */
    {"krb5_get_default_realm", NULL},
    {"krb5_get_host_realm", NULL},
    /* what is only said */
    {"krb5_decode_ticket", NULL},
    {"krb5_enctype_to_name", NULL},
    {"krb5_rd_error", NULL},
    {"krb5_timeofday", NULL},
    {"krb5_unparse_name", NULL},
    {"krb5_unparse_name", "ENOMEM"},
};

static bool same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* What is not in the table is an error that says ENOMEM. */
static bool is_expected(const char *call, const char *error)
{
    bool listed = false;

    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        if (strcmp(outcomes[i].call, call) != 0)
            continue;
        if (same(outcomes[i].error, error))
            return true;
        listed = true;
    }
    return !listed && same(error, "ENOMEM");
}

/* ---- One logon ---- */

static site s;

static void open_site(void)
{
    site_open(&s, "server.keytab");
    s.rig.cfg.smb.auth.request_mic = true;
    rig_start(&s.rig);
}

/* Logs on with f's call number at failing; true: it could. */
static bool talk(int source, failing *f, long at, netsession_error *err)
{
    netsession_config *cfg = site_config(NULL, NULL, SPN);
    rig_client c;
    bool ready;

    site_setup();
    site_sources[source](cfg);
    ck_assert_int_eq(netsession_config_channel_bindings(cfg, "channel", 7), 0);
    ck_assert(rig_join(&c, &s.rig, cfg, "10.0.0.1"));
    *f = (failing){0, at};
    (void)netsession_start(c.ns, 1000);
    ready = rig_run(&c) == NETSESSION_EV_READY;
    f->at = 0;
    *err = *rig_error(&c);
    ck_assert(ready == !err->code && (ready || (*err->layer && *err->message)));
    rig_leave(&c);
    return ready;
}

START_TEST(each_call)
{
    netsession_error err;
    bool done = false;
    long n;

    open_site();
    failing_krb5_code = ENOMEM;
    for (n = 1; !done; n++) {
        bool ready = talk(_i, &failing_krb5, n, &err);

        done = failing_krb5.made < n;
        ck_assert(!done || ready);
        ck_assert_msg(done || is_expected(failing_krb5_name, err.name), "%s: %s",
                      failing_krb5_name, err.message);
    }
    ck_assert_int_gt(n, 30);
    site_close(&s);
}
END_TEST

/* What the server lacks it does not say here. */
static const int frugal[] = {0, 1, 5, 7}; /* of the sources */

START_TEST(each_allocation)
{
    netsession_error err;
    bool done = false;
    long n;

    open_site();
    for (n = 1; !done; n++) {
        bool ready = talk(frugal[_i], &failing_memory, n, &err);

        done = failing_memory.made < n;
        ck_assert(!done || ready);
        ck_assert_msg(ready || err.code == NETSESSION_E_MEMORY || !same(err.layer, "kerberos"),
                      "allocation %ld: %s", n, err.message);
    }
    ck_assert_int_gt(n, 40);
    site_close(&s);
}
END_TEST

/* ---- Is there a ticket? ---- */

/* Whatever fails, there is none; or another that does. */
static void has_ticket(netsession_config *cfg, failing *f)
{
    long lacking = 0;

    f->made = 0;
    for (long n = 1; f->made >= n - 1; n++) {
        *f = (failing){0, n};
        lacking += !netsession_config_has_ticket(cfg);
    }
    f->at = 0;
    ck_assert_int_gt(lacking, 0);
    ck_assert_int_eq(netsession_config_has_ticket(cfg), 1);
}

static const int ambient[] = {0, 2, 3}; /* of the sources */

START_TEST(each_call_for_a_ticket)
{
    netsession_config *cfg = site_config(NULL, NULL, SPN);

    failing_krb5_code = ENOMEM;
    site_sources[ambient[_i]](cfg);
    has_ticket(cfg, &failing_krb5);
    has_ticket(cfg, &failing_memory);
    netsession_config_free(cfg);
}
END_TEST

/* Of a user who is named, caches are looked through. */
START_TEST(each_call_for_a_users_ticket)
{
    netsession_config *cfg = site_config("alice", NULL, SPN);

    failing_krb5_code = ENOMEM;
    has_ticket(cfg, &failing_krb5);
    netsession_config_free(cfg);
}
END_TEST

/* ---- The acceptor ---- */

static int new_acceptor(failing *f, long at, netsession_error *err)
{
    kerberos_acceptor *c;
    int rc;

    *f = (failing){0, at};
    *err = (netsession_error){0};
    rc = kerberos_acceptor_new(&c, realm_file("server.keytab"), err);
    f->at = 0;
    ck_assert(rc ? !c && err->code == rc : c != NULL);
    kerberos_acceptor_free(c);
    return rc;
}

/* It has one error only that is no lack of memory: the keytab is none. */
static const struct {
    krb5_error_code code;
    int rc;
} acceptor_codes[] = {{ENOMEM, NETSESSION_E_MEMORY},
                      {KRB5_KT_NOTFOUND, NETSESSION_E_ARGUMENT},
                      {KRB5_KT_END, NETSESSION_E_ARGUMENT}};

START_TEST(each_call_of_the_acceptor)
{
    netsession_error err;
    long n = 1;
    int rc;

    failing_krb5_code = acceptor_codes[_i].code;
    ck_assert_int_eq(new_acceptor(&failing_krb5, 0, &err), 0); /* which GSS-API wants first */
    for (; (rc = new_acceptor(&failing_krb5, n, &err)) != 0; n++)
        ck_assert_msg(rc == acceptor_codes[_i].rc || rc == NETSESSION_E_ARGUMENT, "%s: %s",
                      failing_krb5_name, err.message);
    ck_assert_int_gt(n, 5);
}
END_TEST

START_TEST(acceptor_without_memory)
{
    netsession_error err;

    ck_assert_int_eq(new_acceptor(&failing_system, 1, &err), NETSESSION_E_MEMORY);
}
END_TEST

static void add(Suite *suite, TCase *tc)
{
    tcase_set_timeout(tc, 240);
    tcase_add_checked_fixture(tc, site_setup, NULL);
    suite_add_tcase(suite, tc);
}

Suite *faults_suite(void)
{
    Suite *suite = suite_create("faults");
    TCase *logons = tcase_create("logons"), *parts = tcase_create("parts");

    add(suite, logons);
    tcase_add_loop_test(logons, each_call, 0, SITE_SOURCES);
    tcase_add_loop_test(logons, each_allocation, 0, sizeof frugal / sizeof *frugal);
    add(suite, parts);
    tcase_add_loop_test(parts, each_call_for_a_ticket, 0, sizeof ambient / sizeof *ambient);
    tcase_add_test(parts, each_call_for_a_users_ticket);
    tcase_add_loop_test(parts, each_call_of_the_acceptor, 0,
                        sizeof acceptor_codes / sizeof *acceptor_codes);
    tcase_add_test(parts, acceptor_without_memory);
    return suite;
}
