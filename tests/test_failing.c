/* Each call of libcrypto, and each question for entropy, fails once in the
 * course of a conversation: at the client or at the server. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/failing.h"
#include "tests/test_server_rig.h"

Suite *failing_suite(void);

static test_heap heap;
static rig r;

/* ---- Entropy of the client's ---- */

static failing failing_entropy;

static int entropy(void *ctx, void *out, size_t size)
{
    (void)ctx;
    if (++failing_entropy.made == failing_entropy.at)
        return -1;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = (uint8_t)(failing_entropy.made + (long)i);
    return 0;
}

/* ---- The conversation ---- */

static const struct kind {
    unsigned dialect, signing, cipher;
} kinds[] = {{NETSESSION_SMB_2_1, NETSESSION_HMAC_SHA256, 0},
             {NETSESSION_SMB_3_0_2, NETSESSION_AES_CMAC, NETSESSION_AES_128_CCM},
             {NETSESSION_SMB_3_1_1, NETSESSION_AES_GMAC, 0},
             {NETSESSION_SMB_3_1_1, NETSESSION_AES_CMAC, NETSESSION_AES_256_GCM}};

static netsession_config *configure(const struct kind *k)
{
    netsession_hooks hooks;
    netsession_config *cfg;

    test_heap_hooks(&heap, &hooks);
    hooks.entropy = entropy;
    cfg = netsession_config_new(&hooks);
    ck_assert_int_eq(netsession_config_kerberos(cfg, NETSESSION_KERBEROS_OFF), 0);
    ck_assert_int_eq(netsession_config_user(cfg, NULL, "admin"), 0);
    ck_assert_int_eq(netsession_config_password(cfg, "secret"), 0);
    ck_assert_int_eq(netsession_config_dialects(cfg, k->dialect, k->dialect), 0);
    ck_assert_int_eq(netsession_config_signing(cfg, &k->signing, 1), 0);
    if (k->cipher)
        ck_assert_int_eq(netsession_config_ciphers(cfg, &k->cipher, 1), 0);
    netsession_config_encrypt(cfg, k->cipher != 0);
    return cfg;
}

/* How far it got: 0 not logged on, 1 no answer, 2 all of it. */
static int talk(const struct kind *k, netsession_error *err)
{
    rig_client c;
    int got = 0;

    ck_assert(rig_join(&c, &r, configure(k), "10.0.0.1"));
    (void)!netsession_start(c.ns, r.now);
    if (rig_run(&c) == NETSESSION_EV_READY)
        got = 1 + (rig_query(&c, 502, NETSESSION_NO_LIMIT, 0) == NETSESSION_EV_PAGE);
    *err = *rig_error(&c);
    if (got == 2) {
        ck_assert_uint_eq(netsession_page_count(c.event.page), 1);
        netsession_page_free(c.event.page);
    }
    rig_leave(&c);
    ck_assert_int_eq(heap.live, 0);
    return got;
}

/* Ours, and what a server that fails leads to: it drops the connection, or
 * refuses.  A cipher that fails cannot be told from a forgery. */
static void assert_explained(const netsession_error *err)
{
    static const int codes[] = {NETSESSION_E_CRYPTO, NETSESSION_E_SECURITY,
                                NETSESSION_E_IO,     NETSESSION_E_LOGON,
                                NETSESSION_E_POLICY, NETSESSION_E_REFUSED};
    bool known = false;

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        known |= err->code == codes[i];
    ck_assert_msg(known && *err->message, "%s: %s", netsession_code_name(err->code),
                  err->message);
}

/* Until no call is left that could fail. */
static void fail_each(failing *f, const struct kind *k, long least)
{
    netsession_error err;
    bool done = false;
    long n;

    rig_init(&r);
    rig_start(&r);
    for (n = 1; !done; n++) {
        *f = (failing){0, n};
        if (talk(k, &err) < 2)
            assert_explained(&err);
        done = f->made < n;
        *f = (failing){0, 0};
        rig_serves(&r);
    }
    ck_assert_int_gt(n, least);
    rig_stop(&r);
}

START_TEST(each_crypto_call)
{
    fail_each(&failing_crypto, &kinds[_i], 100);
}
END_TEST

START_TEST(each_entropy_call)
{
    fail_each(&failing_entropy, &kinds[_i], 1);
}
END_TEST

Suite *failing_suite(void)
{
    Suite *s = suite_create("failing");
    TCase *tc = tcase_create("failing");
    int n = sizeof kinds / sizeof *kinds;

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, each_crypto_call, 0, n);
    tcase_add_loop_test(tc, each_entropy_call, 0, n);
    suite_add_tcase(s, tc);
    return s;
}
