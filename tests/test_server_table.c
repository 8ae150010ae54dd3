/* The table of sessions, those that are made up, and a server alone. */
#include <check.h>
#include <string.h>

#include "server/fill.h"
#include "server/table.h"
#include "tests/test_server_rig.h"

TCase *server_table_tcase(void);

static rig r;

START_TEST(table_grows)
{
    ns_table t;

    rig_init(&r);
    ns_table_init(&t, &r.cfg.hooks, 1);
    for (uint32_t id = 1; id <= 40; id++)
        ck_assert_uint_eq(ns_table_add(&t, NULL, NULL), id);
    ns_table_remove(&t, 7);
    ns_table_remove(&t, 7);  /* there no more */
    ns_table_remove(&t, 41); /* nor yet */
    ns_table_remove(&t, 0);
    ck_assert_uint_eq(t.count, 39);
    ck_assert_uint_eq(ns_table_after(&t, 6)->id, 8);
    ck_assert_ptr_null(ns_table_after(&t, 40));
    ns_table_free(&t);
}
END_TEST

/* A number is never used twice, also when there are no more. */
START_TEST(table_without_numbers)
{
    ns_table t;

    rig_init(&r);
    ns_table_init(&t, &r.cfg.hooks, UINT32_MAX - 1);
    ck_assert_uint_eq(ns_table_add(&t, NULL, NULL), UINT32_MAX - 1);
    ck_assert_uint_eq(ns_table_add(&t, NULL, NULL), 0);
    ck_assert_uint_eq(t.count, 1);
    ns_table_free(&t);
}
END_TEST

/* Idle is less than the time, and 0 where that is 0. */
START_TEST(made_up_times)
{
    srvsvc_session session;
    ns_fill_text text;

    ns_fill_make(0, 77323, &text, &session);
    ck_assert_uint_eq(session.time, 0);
    ck_assert_uint_eq(session.idle, 0);
    for (uint32_t id = 1; id <= 100; id++) {
        ns_fill_make(0, id, &text, &session);
        ck_assert_uint_lt(session.idle, session.time);
    }
}
END_TEST

START_TEST(no_server_is_freed)
{
    ns_server_free(NULL);
    ns_server_conn_free(NULL);
}
END_TEST

static int ones(void *ctx, void *out, size_t size)
{
    (void)ctx;
    memset(out, 0xFF, size);
    return 0;
}

static unsigned lines;

static void count_line(void *ctx, const char *client, const char *line)
{
    (void)ctx;
    ck_assert_str_eq(client, "10.0.0.1");
    ck_assert_uint_gt(strlen(line), 0);
    lines++;
}

/* 2.2.1.2: -1 names no session; and what happens is told. */
START_TEST(numbers_all_ones)
{
    raw x;

    rig_init(&r);
    r.cfg.hooks.entropy = ones;
    r.cfg.log = count_line;
    rig_start(&r);
    raw_open(&x, &r);
    raw_negotiate(&x, NETSESSION_SMB_3_1_1);
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
    ck_assert(x.session == 1);
    ck_assert_uint_gt(lines, 0);
    raw_close(&x);
    rig_stop(&r);
}
END_TEST

/* A previous session that there is not: nobody's ends. */
START_TEST(previous_unknown)
{
    raw x, y;

    rig_init(&r);
    rig_start(&r);
    raw_ready(&x, &r, NETSESSION_SMB_3_1_1);
    raw_open(&y, &r);
    raw_negotiate(&y, NETSESSION_SMB_3_1_1);
    y.previous = x.session ^ 1;
    ck_assert_uint_eq(raw_logon(&y, "admin", "secret"), 0);
    ck_assert_uint_eq(ns_server_sessions(r.server), 2);
    raw_close(&y);
    raw_close(&x);
    rig_stop(&r);
}
END_TEST

/* For test suites: whatever a pipe is called, it is srvsvc. */
START_TEST(any_pipe)
{
    raw x;

    rig_init(&r);
    r.cfg.any_name = true;
    rig_start(&r);
    raw_ready(&x, &r, NETSESSION_SMB_3_1_1);
    raw_begin(&x, SMB2_CREATE);
    smb2_create_request_put(&x.out, "lsarpc");
    ck_assert(raw_send(&x));
    raw_expect(&x, SMB2_CREATE, 0);
    raw_close(&x);
    rig_stop(&r);
}
END_TEST

/* The type of the PDU that answers (C706 12.6.3.1). */
static unsigned answer_to(raw *x, ns_writer *pdu)
{
    smb2_ioctl_response m;
    ns_reader body;

    raw_begin(x, SMB2_IOCTL);
    smb2_ioctl_request_put(&x->out, SMB2_FSCTL_PIPE_TRANSCEIVE, x->file, pdu->p, pdu->len,
                           4096);
    ns_writer_free(pdu);
    ck_assert(raw_send(x));
    raw_expect(x, SMB2_IOCTL, 0);
    body = raw_body(x);
    ck_assert(smb2_ioctl_response_get(&body, &m));
    ck_assert_uint_gt(m.output.len, 16);
    return m.output.base[2];
}

/* A call without a name: a fault (3), and the pipe goes on. */
START_TEST(unknown_call)
{
    ns_writer pdu;
    raw x;

    rig_init(&r);
    rig_start(&r);
    raw_ready(&x, &r, NETSESSION_SMB_3_1_1);
    ns_writer_init(&pdu, &r.cfg.hooks, 4096);
    raw_put_bind(&pdu);
    ck_assert_uint_eq(answer_to(&x, &pdu), 12); /* bind_ack */
    for (uint16_t opnum = 90; opnum < 92; opnum++) {
        ns_writer_init(&pdu, &r.cfg.hooks, 4096);
        raw_put_call(&pdu, opnum, "", 0);
        ck_assert_uint_eq(answer_to(&x, &pdu), 3);
    }
    raw_close(&x);
    rig_stop(&r);
}
END_TEST

TCase *server_table_tcase(void)
{
    TCase *tc = tcase_create("table");

    tcase_add_test(tc, table_grows);
    tcase_add_test(tc, table_without_numbers);
    tcase_add_test(tc, made_up_times);
    tcase_add_test(tc, no_server_is_freed);
    tcase_add_test(tc, numbers_all_ones);
    tcase_add_test(tc, previous_unknown);
    tcase_add_test(tc, any_pipe);
    tcase_add_test(tc, unknown_call);
    return tc;
}
