/* The server without memory: each of its allocations fails once in the course
 * of a conversation, while another connection is open. */
#include <check.h>
#include <string.h>

#include "base/ntstatus.h"
#include "tests/test_server_rig.h"

TCase *server_faults_tcase(void);

static rig r;

/* Logs on, asks at two levels, says goodbye, as far as it gets.  That the pipe is
 * not there is no answer of a server without memory. */
static void talk(unsigned dialect, bool encrypt)
{
    netsession_config *cfg = rig_config("admin:secret");
    rig_client c;

    ck_assert_int_eq(netsession_config_dialects(cfg, dialect, dialect), 0);
    netsession_config_encrypt(cfg, encrypt);
    if (!rig_join(&c, &r, cfg, "10.0.0.1")) {
        netsession_free(c.ns);
        return;
    }
    (void)!netsession_start(c.ns, r.now);
    if (rig_run(&c) == NETSESSION_EV_READY)
        for (uint32_t level = 1; level < 3; level++)
            if (rig_query(&c, level, NETSESSION_NO_LIMIT, 0) == NETSESSION_EV_PAGE)
                netsession_page_free(c.event.page);
    ck_assert_uint_ne(netsession_last_error(c.ns)->value, STATUS_OBJECT_NAME_NOT_FOUND);
    rig_leave(&c);
}

static void still_served(rig_client *other)
{
    ck_assert_uint_eq(ns_server_sessions(r.server), 1);
    ck_assert_int_eq(rig_query(other, 502, NETSESSION_NO_LIMIT, 0), NETSESSION_EV_PAGE);
    ck_assert_uint_ge(netsession_page_count(other->event.page), 1);
    netsession_page_free(other->event.page);
}

static void start(rig_client *other)
{
    rig_init(&r);
    r.cfg.fill = 40;
    rig_start(&r);
    ck_assert_int_eq(rig_connect(other, &r, rig_config("other:other"), "10.0.0.2"),
                     NETSESSION_EV_READY);
}

START_TEST(each_allocation)
{
    static const struct {
        unsigned dialect;
        bool encrypt;
    } cases[] = {{NETSESSION_SMB_2_0_2, false},
                 {NETSESSION_SMB_3_0, true},
                 {NETSESSION_SMB_3_1_1, false},
                 {NETSESSION_SMB_3_1_1, true}};
    rig_client other;
    bool done = false;
    long n;

    start(&other);
    for (n = 1; !done; n++) {
        r.heap.made = 0;
        r.heap.fail_at = n;
        talk(cases[_i].dialect, cases[_i].encrypt);
        done = r.heap.made < n;
        r.heap.fail_at = 0;
        still_served(&other);
    }
    ck_assert_int_gt(n, 50);
    rig_leave(&other);
    rig_stop(&r);
}
END_TEST

/* Whatever comes of it. */
static void try_send(raw *x)
{
    if (x->dropped)
        ns_writer_reset(&x->out);
    else
        (void)raw_send(x);
    x->elements = 0;
}

/* Two reads that wait, one of them cancelled; a compound; the end. */
static void talk_by_hand(raw *x)
{
    for (int i = 0; i < 2; i++) {
        raw_begin(x, SMB2_READ);
        smb2_read_request_put(&x->out, x->file, 100);
        try_send(x);
    }
    x->next_mid--;
    raw_begin(x, SMB2_CANCEL);
    smb2_empty_put(&x->out);
    try_send(x);
    raw_begin(x, SMB2_TREE_CONNECT);
    MUST(smb2_tree_connect_request_put(&x->out, "IPC$"));
    raw_begin_related(x, SMB2_CREATE);
    smb2_create_request_put(&x->out, "srvsvc");
    try_send(x);
    raw_begin(x, SMB2_LOGOFF);
    smb2_empty_put(&x->out);
    try_send(x);
}

START_TEST(each_allocation_by_hand)
{
    rig_client other;
    bool done = false;
    long n;
    raw x;

    start(&other);
    for (n = 1; !done; n++) {
        raw_ready(&x, &r, _i ? NETSESSION_SMB_3_1_1 : NETSESSION_SMB_2_1);
        r.heap.made = 0;
        r.heap.fail_at = n;
        talk_by_hand(&x);
        done = r.heap.made < n;
        r.heap.fail_at = 0;
        raw_close(&x);
        still_served(&other);
    }
    ck_assert_int_gt(n, 10);
    rig_leave(&other);
    rig_stop(&r);
}
END_TEST

START_TEST(no_server)
{
    rig_init(&r);
    r.heap.fail_at = 1;
    ck_assert_int_eq(ns_server_new(&r.server, &r.cfg), NETSESSION_E_MEMORY);
    ck_assert_ptr_null(r.server);
    ck_assert_int_eq(r.heap.live, 0);
}
END_TEST

TCase *server_faults_tcase(void)
{
    TCase *tc = tcase_create("faults");

    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, each_allocation, 0, 4);
    tcase_add_loop_test(tc, each_allocation_by_hand, 0, 2);
    tcase_add_test(tc, no_server);
    return tc;
}
