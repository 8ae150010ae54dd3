/* Real sockets, blocking calls, and the Win32 calls over them: to a server of
 * its own. */
#include <lm.h>
#include <netsession.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "tests/kerberos/realm.h"

/* ---- Many connections from many threads with one cache of tickets ---- */

#define THREADS 8
#define EACH    25

static int one(const netsession_config *cfg)
{
    netsession_query query;
    netsession_page *page = NULL;
    netsession *ns;
    int rc = netsession_new(&ns, cfg, getenv("SESSIOND"));

    if (rc)
        return rc;
    netsession_query_init(&query);
    query.level = 10;
    rc = netsession_connect(ns);
    if (!rc)
        rc = netsession_enum(ns, &query, &page);
    if (!rc && !netsession_page_count(page))
        rc = -1;
    netsession_page_free(page);
    if (!rc)
        rc = netsession_close(ns);
    netsession_free(ns);
    return rc;
}

static void *many(void *arg)
{
    const netsession_config *cfg = arg;
    size_t good = 0;

    for (int i = 0; i < EACH; i++)
        good += one(cfg) == 0;
    return (void *)good;
}

START_TEST(one_cache)
{
    netsession_config *cfg = netsession_config_new(NULL);
    pthread_t thread[THREADS];
    void *good;

    ck_assert_int_eq(netsession_config_kerberos(cfg, NETSESSION_KERBEROS_REQUIRED), 0);
    ck_assert_int_eq(netsession_config_ccache(cfg, realm_file("ccache")), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, many, cfg), 0);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(thread[i], &good), 0);
        ck_assert_uint_eq((size_t)good, EACH);
    }
    netsession_config_free(cfg);
}
END_TEST

/* ---- Win32 ---- */

static const wchar_t *wide(const char *s)
{
    static wchar_t out[512];

    swprintf(out, sizeof out / sizeof *out, L"%s", s);
    return out;
}

static DWORD list(void)
{
    SESSION_INFO_10 *rows = NULL;
    DWORD n = 0, total, resume = 0;
    DWORD rc = NetSessionEnum(wide(getenv("SESSIOND")), NULL, NULL, 10, (LPBYTE *)&rows,
                              MAX_PREFERRED_LENGTH, &n, &total, &resume);

    if (!rc) {
        ck_assert_uint_ge(n, 1);
        ck_assert(!wcscmp(rows[0].sesi10_username, L"alice"));
    }
    NetApiBufferFree(rows);
    return rc;
}

/* The ambient credential is a ticket, or the key in a keytab; without either
 * there is no logon session. */
START_TEST(ambient)
{
    if (_i)
        setenv("KRB5CCNAME", realm_file("none"), 1);
    if (_i == 1)
        setenv("KRB5_CLIENT_KTNAME", realm_file("alice.keytab"), 1);
    ck_assert_uint_eq(list(), _i == 2 ? ERROR_NO_SUCH_LOGON_SESSION : NERR_Success);
}
END_TEST

/* Of a use: the password (a domain that is the realm, or its first label), a
 * wrong one, the ticket of a user. */
static const struct {
    const wchar_t *domain, *user;
    const char *password;
    DWORD rc;
} uses[] = {
    {L"NET.TEST", L"alice", "ALICE", NERR_Success},
    {L"net", L"alice", "ALICE", NERR_Success},
    {NULL, L"alice@net.test", "ALICE", NERR_Success},
    {L"NET.TEST", L"alice", "BOB", ERROR_LOGON_FAILURE},
    {L"NET.TEST", L"disabled", "DISABLED", ERROR_ACCOUNT_DISABLED},
    {L"NET.TEST", L"expired", "EXPIRED", ERROR_PASSWORD_EXPIRED},
    {L"NET.TEST", L"alice", NULL, NERR_Success},
    {L"NET.TEST", L"bob", NULL, ERROR_NO_SUCH_LOGON_SESSION},
};

START_TEST(use)
{
    wchar_t remote[128], password[128];
    DWORD wrong;
    USE_INFO_2 info = {.ui2_remote = remote, .ui2_asg_type = USE_IPC};

    swprintf(remote, 128, L"\\\\%s\\IPC$", getenv("SESSIOND"));
    info.ui2_domainname = (LMSTR)(uintptr_t)uses[_i].domain;
    info.ui2_username = (LMSTR)(uintptr_t)uses[_i].user;
    if (uses[_i].password) {
        setenv("KRB5CCNAME", realm_file("none"), 1);
        swprintf(password, 128, L"%s", realm_password(uses[_i].password));
        info.ui2_password = password;
    }
    ck_assert_uint_eq(NetUseAdd(NULL, 2, (LPBYTE)&info, &wrong), uses[_i].rc);
    if (uses[_i].rc)
        return;
    setenv("KRB5CCNAME", realm_file("none"), 1); /* the use has what it needs */
    ck_assert_uint_eq(list(), NERR_Success);
    ck_assert_uint_eq(NetUseDel(NULL, remote, USE_NOFORCE), NERR_Success);
    ck_assert_uint_eq(list(), ERROR_NO_SUCH_LOGON_SESSION);
}
END_TEST

/* ---- The deadline ---- */

/* A KDC that takes what it is sent and says nothing.  libkrb5 would wait for
 * longer; the call comes back all the same. */
START_TEST(silent_kdc)
{
    netsession_config *cfg = netsession_config_new(NULL);
    netsession *ns;

    setenv("KRB5_CONFIG", realm_file("silent.conf"), 1);
    ck_assert_int_eq(netsession_config_user(cfg, "NET.TEST", "alice"), 0);
    ck_assert_int_eq(netsession_config_password(cfg, "any"), 0);
    ck_assert_int_eq(netsession_config_timeout(cfg, 300), 0);
    ck_assert_int_eq(netsession_new(&ns, cfg, getenv("SESSIOND")), 0);
    ck_assert_int_eq(netsession_connect(ns), NETSESSION_E_TIMEOUT);
    ck_assert_str_eq(netsession_last_error(ns)->layer, "kerberos");
    netsession_free(ns);
    netsession_config_free(cfg);
}
END_TEST

static void setup(void)
{
    static const char *const names[] = {"KRB5CCNAME", "KRB5_CLIENT_KTNAME", "USER", "PASSWD"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    setenv("KRB5_CONFIG", realm_file("krb5.conf"), 1);
}

Suite *sockets_suite(void)
{
    Suite *s = suite_create("sockets");
    TCase *threads = tcase_create("threads"), *late = tcase_create("late");
    TCase *tc = tcase_create("sockets");

    tcase_set_timeout(threads, 120);
    tcase_set_tags(threads, "threads");
    tcase_add_checked_fixture(threads, setup, NULL);
    tcase_add_test(threads, one_cache);
    suite_add_tcase(s, threads);
    tcase_set_tags(late, "left_behind");
    tcase_add_checked_fixture(late, setup, NULL);
    tcase_add_test(late, silent_kdc);
    suite_add_tcase(s, late);
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, ambient, 0, 3);
    tcase_add_loop_test(tc, use, 0, sizeof uses / sizeof *uses);
    suite_add_tcase(s, tc);
    return s;
}
