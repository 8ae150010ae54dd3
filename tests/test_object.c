/* The connection object, by who misuses it, asks it too early or too late, and
 * by a server that nobody signs for. */
#include <check.h>
#include <string.h>

#include "base/bytes.h"
#include "netapi/conn.h"
#include "tests/test_server_rig.h"

Suite *object_suite(void);

static rig r;

static void setup(void)
{
    rig_init(&r);
    r.cfg.smb.auth.anonymous = true;
    rig_start(&r);
}

static void teardown(void)
{
    rig_stop(&r);
}

static netsession_config *admin(void)
{
    return rig_config("admin:secret");
}

static void connect_admin(rig_client *c)
{
    ck_assert_int_eq(rig_connect(c, &r, admin(), "10.0.0.1"), NETSESSION_EV_READY);
}

/* ---- Misuse: an error, and nothing is changed by it ---- */

static void assert_misused(rig_client *c, int rc, const char *word)
{
    ck_assert_int_eq(rc, NETSESSION_E_STATE);
    ck_assert_str_eq(rig_error(c)->layer, "argument");
    ck_assert_ptr_nonnull(strstr(rig_error(c)->message, word));
}

static void still_answers(rig_client *c)
{
    ck_assert_int_eq(rig_query(c, 502, NETSESSION_NO_LIMIT, 0), NETSESSION_EV_PAGE);
    netsession_page_free(c->event.page);
}

START_TEST(too_early)
{
    netsession_query q;
    netsession_work *work = NULL;
    rig_client c;

    netsession_query_init(&q);
    ck_assert(rig_join(&c, &r, admin(), "10.0.0.1"));
    assert_misused(&c, netsession_input_ack(c.ns, 0), "expects nothing");
    assert_misused(&c, netsession_output_ack(c.ns, 1), "more was acknowledged");
    assert_misused(&c, netsession_query_start(c.ns, &q, r.now), "ready and idle");
    assert_misused(&c, netsession_shutdown(c.ns, r.now), "in good order");
    assert_misused(&c, netsession_work_done(c.ns, work), "this work");
    ck_assert_uint_eq(netsession_wants(c.ns), 0);
    ck_assert_int_eq(netsession_start(c.ns, r.now), 0);
    ck_assert_int_eq(rig_run(&c), NETSESSION_EV_READY);
    still_answers(&c);
    rig_leave(&c);
}
END_TEST

START_TEST(twice)
{
    netsession_query q;
    rig_client c;

    netsession_query_init(&q);
    q.level = 10;
    connect_admin(&c);
    assert_misused(&c, netsession_start(c.ns, r.now), "started already");
    ck_assert_int_eq(netsession_query_start(c.ns, &q, r.now), 0);
    assert_misused(&c, netsession_query_start(c.ns, &q, r.now), "ready and idle");
    assert_misused(&c, netsession_shutdown(c.ns, r.now), "ready and idle");
    ck_assert_int_eq(rig_run(&c), NETSESSION_EV_PAGE);
    netsession_page_free(c.event.page);
    still_answers(&c);
    rig_leave(&c);
}
END_TEST

/* An event that nobody has taken yet goes before the next question. */
START_TEST(answer_not_taken)
{
    netsession_query q;
    rig_client c;

    netsession_query_init(&q);
    connect_admin(&c);
    c.ns->event.type = NETSESSION_EV_REFUSED;
    assert_misused(&c, netsession_query_start(c.ns, &q, r.now), "ready and idle");
    ck_assert_int_eq(netsession_next_event(c.ns, &c.event), 1);
    still_answers(&c);
    rig_leave(&c);
}
END_TEST

START_TEST(too_late)
{
    netsession_query q;
    size_t n = 9;
    rig_client c;

    netsession_query_init(&q);
    connect_admin(&c);
    ck_assert_int_eq(netsession_shutdown(c.ns, r.now), 0);
    ck_assert_int_eq(rig_run(&c), NETSESSION_EV_GOODBYE);
    ck_assert_uint_eq(netsession_wants(c.ns), NETSESSION_CLOSED);
    assert_misused(&c, netsession_input_ack(c.ns, 0), "expects nothing");
    assert_misused(&c, netsession_output_ack(c.ns, 0), "more was acknowledged");
    assert_misused(&c, netsession_start(c.ns, r.now), "started already");
    ck_assert_ptr_null(netsession_input(c.ns, &n));
    ck_assert_uint_eq(n, 0);
    n = 9;
    (void)netsession_output(c.ns, &n);
    ck_assert_uint_eq(n, 0);
    ck_assert_int_eq(netsession_input_eof(c.ns), 0);
    ck_assert_int_eq(netsession_tick(c.ns, UINT64_MAX), 0);
    rig_leave(&c);
}
END_TEST

/* The error that ended it is what it says from then on. */
START_TEST(after_an_error)
{
    netsession_query q;
    rig_client c;

    netsession_query_init(&q);
    ck_assert(rig_join(&c, &r, admin(), "10.0.0.1"));
    ck_assert_int_eq(netsession_start(c.ns, r.now), 0);
    ck_assert_int_eq(netsession_input_eof(c.ns), NETSESSION_E_IO);
    ck_assert_int_eq(netsession_input_eof(c.ns), NETSESSION_E_IO);
    ck_assert_int_eq(netsession_query_start(c.ns, &q, r.now), NETSESSION_E_IO);
    ck_assert_ptr_nonnull(strstr(rig_error(&c)->message, "does it speak SMB2"));
    rig_leave(&c);
}
END_TEST

/* A clock near its end: then there is no deadline. */
START_TEST(end_of_time)
{
    rig_client c;

    ck_assert(rig_join(&c, &r, admin(), "10.0.0.1"));
    ck_assert_int_eq(netsession_start(c.ns, UINT64_MAX - 5), 0);
    ck_assert_uint_eq(netsession_deadline(c.ns), UINT64_MAX);
    ck_assert_int_eq(netsession_tick(c.ns, UINT64_MAX - 1), 0);
    ck_assert_int_eq(rig_run(&c), NETSESSION_EV_READY);
    rig_leave(&c);
}
END_TEST

/* ---- What is known of it, byte by byte ---- */

static unsigned known; /* how much, as a number that only grows */

static void look(rig_client *c, uint8_t *bytes, size_t len)
{
    netsession_info info;
    unsigned now;

    (void)bytes;
    (void)len;
    netsession_get_info(c->ns, &info);
    now = (info.dialect ? 1u : 0) + (info.auth ? 1u : 0) + (info.syntax ? 1u : 0);
    ck_assert(!info.dialect == !info.dialect_name && now >= known);
    known = now;
}

START_TEST(info)
{
    rig_client c;

    known = 0;
    ck_assert(rig_join(&c, &r, admin(), "10.0.0.1"));
    look(&c, NULL, 0);
    c.most = 1;
    c.tap = look;
    ck_assert_int_eq(netsession_start(c.ns, r.now), 0);
    ck_assert_int_eq(rig_run(&c), NETSESSION_EV_READY);
    ck_assert_uint_eq(known, 1);
    ck_assert_str_eq(c.info.auth, "NTLM");
    ck_assert_int_eq(c.info.compound, 1);
    c.tap = NULL;
    rig_leave(&c);
}
END_TEST

START_TEST(info_without_compounds)
{
    netsession_config *cfg = admin();
    rig_client c;

    ck_assert_int_eq(netsession_config_compound(cfg, 0), 0);
    ck_assert_int_eq(rig_connect(&c, &r, cfg, "10.0.0.1"), NETSESSION_EV_READY);
    ck_assert_int_eq(c.info.compound, 0);
    rig_leave(&c);
}
END_TEST

/* ---- Who logs on ---- */

START_TEST(nobody_given)
{
    netsession_config *cfg = rig_config(NULL);
    rig_client c;

    if (_i)
        ck_assert_int_eq(netsession_config_user(cfg, NULL, "admin"), 0);
    ck_assert_int_eq(rig_connect(&c, &r, cfg, "10.0.0.1"), NETSESSION_EV_FAILED);
    ck_assert_int_eq(rig_error(&c)->code, NETSESSION_E_CREDENTIALS);
    ck_assert_ptr_nonnull(
        strstr(rig_error(&c)->message, _i ? "no password was given" : "no user name"));
    rig_leave(&c);
}
END_TEST

START_TEST(workstation)
{
    netsession_config *cfg = admin();
    rig_client c;

    ck_assert_int_eq(netsession_config_workstation(cfg, "DESK"), 0);
    ck_assert_int_eq(rig_connect(&c, &r, cfg, "10.0.0.1"), NETSESSION_EV_READY);
    rig_leave(&c);
}
END_TEST

/* ---- A server whom nobody signs for ---- */

static uint8_t *find(uint8_t *p, size_t len, const char *what, size_t n)
{
    for (size_t i = 0; i + n <= len; i++)
        if (!memcmp(p + i, what, n))
            return p + i;
    return NULL;
}

/* The response becomes a fault: its status is what the stub begins with. */
static void make_fault(rig_client *c, uint8_t *bytes, size_t len)
{
    uint8_t *pdu = find(bytes, len, "\x05\x00\x02\x03", 4);

    (void)c;
    if (!pdu)
        return;
    pdu[2] = 3;
    ns_store32(pdu + 24, 0x1C010003); /* nca_s_unk_if */
}

static netsession_config *anonymous(void)
{
    netsession_config *cfg = rig_config(NULL);

    ck_assert_int_eq(netsession_config_anonymous(cfg, 1), 0);
    return cfg;
}

/* A fault concerns the call only. */
START_TEST(fault)
{
    rig_client c;

    ck_assert_int_eq(rig_connect(&c, &r, anonymous(), "10.0.0.1"), NETSESSION_EV_READY);
    ck_assert_str_eq(c.info.auth, "anonymous");
    c.tap = make_fault;
    ck_assert_int_eq(rig_query(&c, 10, NETSESSION_NO_LIMIT, 0), NETSESSION_EV_REFUSED);
    ck_assert_str_eq(rig_error(&c)->layer, "rpc");
    ck_assert_uint_eq(rig_error(&c)->value, 0x1C010003);
    c.tap = NULL;
    ck_assert_int_eq(rig_query(&c, 10, NETSESSION_NO_LIMIT, 0), NETSESSION_EV_REFUSED);
    ck_assert_uint_eq(rig_error(&c)->win32, 5);
    rig_leave(&c);
}
END_TEST

/* The bind_ack says that the server takes fragments of 2,048 bytes: a request
 * that is longer comes in several, which are written. */
static void shrink(rig_client *c, uint8_t *bytes, size_t len)
{
    uint8_t *pdu = find(bytes, len, "\x05\x00\x0C\x03", 4);

    (void)c;
    if (pdu)
        ns_store16(pdu + 18, 2048);
}

START_TEST(long_request)
{
    char user[1001];
    netsession_query q;
    rig_client c;

    memset(user, 'u', sizeof user - 1);
    user[sizeof user - 1] = '\0';
    netsession_query_init(&q);
    q.level = 10;
    q.client = "\\\\10.0.0.1";
    q.user = user;
    ck_assert(rig_join(&c, &r, anonymous(), "10.0.0.1"));
    c.tap = shrink;
    ck_assert_int_eq(netsession_start(c.ns, r.now), 0);
    ck_assert_int_eq(rig_run(&c), NETSESSION_EV_READY);
    ck_assert_int_eq(netsession_query_start(c.ns, &q, r.now), 0);
    ck_assert_int_eq(rig_run(&c), NETSESSION_EV_REFUSED);
    ck_assert_uint_eq(rig_error(&c)->win32, 5);
    rig_leave(&c);
}
END_TEST

Suite *object_suite(void)
{
    Suite *s = suite_create("object");
    TCase *tc = tcase_create("object");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, too_early);
    tcase_add_test(tc, twice);
    tcase_add_test(tc, answer_not_taken);
    tcase_add_test(tc, too_late);
    tcase_add_test(tc, after_an_error);
    tcase_add_test(tc, end_of_time);
    tcase_add_test(tc, info);
    tcase_add_test(tc, info_without_compounds);
    tcase_add_loop_test(tc, nobody_given, 0, 2);
    tcase_add_test(tc, workstation);
    tcase_add_test(tc, fault);
    tcase_add_test(tc, long_request);
    suite_add_tcase(s, tc);
    return s;
}
