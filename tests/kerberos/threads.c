/* Many connections from many threads with one cache of tickets, to a server of
 * its own behind a real socket. */
#include <pthread.h>
#include <stdlib.h>

#include <netsession.h>

#include "tests/kerberos/realm.h"

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

Suite *threads_suite(void)
{
    Suite *s = suite_create("threads");
    TCase *tc = tcase_create("threads");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, one_cache);
    suite_add_tcase(s, tc);
    return s;
}
