/* The same once a pipe is open: compounds, credits, what waits, what the pipe
 * brings, and every request maimed. */
#include "tests/test_server_case.h"

TCase *server_requests_tcase(void);

/* ---- Compounds ---- */

static void add_create(bool related, const char *name)
{
    if (related)
        raw_begin_related(&x, SMB2_CREATE);
    else
        raw_begin(&x, SMB2_CREATE);
    smb2_create_request_put(&x.out, name);
}

static void add_close(const uint8_t *file)
{
    raw_begin_related(&x, SMB2_CLOSE);
    smb2_close_request_put(&x.out, file);
}

static void add_bind(void)
{
    ns_writer pdu;

    ns_writer_init(&pdu, &r.cfg.hooks, 65536);
    raw_put_bind(&pdu);
    raw_begin_related(&x, SMB2_IOCTL);
    smb2_ioctl_request_put(&x.out, SMB2_FSCTL_PIPE_TRANSCEIVE, raw_no_file, pdu.p, pdu.len,
                           65536);
    ns_writer_free(&pdu);
}

START_TEST(related_first)
{
    ready(NETSESSION_SMB_3_0);
    x.sign = false;
    add_close(raw_no_file);
    add_close(raw_no_file);
    ck_assert(raw_send(&x));
    raw_expect(&x, SMB2_CLOSE, INVALID_PARAMETER);
    raw_expect(&x, SMB2_CLOSE, INVALID_PARAMETER);
    raw_expect_nothing(&x);
    still_alive();
}
END_TEST

/* smbtorture, smb2.compound.related2 */
START_TEST(create_and_closes)
{
    ready(_i ? NETSESSION_SMB_2_0_2 : NETSESSION_SMB_3_1_1);
    add_create(false, "srvsvc");
    for (int i = 0; i < 4; i++)
        add_close(raw_no_file);
    ck_assert(raw_send(&x));
    raw_expect(&x, SMB2_CREATE, 0);
    ck_assert_uint_eq(x.header.credits, 0);
    raw_expect(&x, SMB2_CLOSE, 0);
    raw_expect(&x, SMB2_CLOSE, FILE_CLOSED);
    raw_expect(&x, SMB2_CLOSE, FILE_CLOSED);
    raw_expect(&x, SMB2_CLOSE, FILE_CLOSED);
    ck_assert_uint_ge(x.header.credits, 5);
    raw_expect_nothing(&x);
}
END_TEST

/* smb2.compound.related4: its failure is that of all the rest. */
START_TEST(failing_create)
{
    ready(NETSESSION_SMB_3_1_1);
    add_create(false, "nothing");
    add_bind();
    add_close(raw_no_file);
    ck_assert(raw_send(&x));
    raw_expect(&x, SMB2_CREATE, OBJECT_NAME_NOT_FOUND);
    raw_expect(&x, SMB2_IOCTL, OBJECT_NAME_NOT_FOUND);
    raw_expect(&x, SMB2_CLOSE, OBJECT_NAME_NOT_FOUND);
}
END_TEST

START_TEST(unrelated)
{
    ready(NETSESSION_SMB_3_1_1);
    x.encrypt = _i;
    begin_small(SMB2_ECHO);
    raw_begin(&x, SMB2_CLOSE);
    smb2_close_request_put(&x.out, x.file);
    begin_small(SMB2_TREE_DISCONNECT);
    ck_assert(raw_send(&x));
    raw_expect(&x, SMB2_ECHO, 0);
    raw_expect(&x, SMB2_CLOSE, 0);
    raw_expect(&x, SMB2_TREE_DISCONNECT, 0);
}
END_TEST

/* Everything between logon and the first call, at once. */
START_TEST(chain_from_the_tree)
{
    open_new();
    raw_negotiate(&x, NETSESSION_SMB_3_1_1);
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
    x.encrypt = _i;
    raw_begin(&x, SMB2_TREE_CONNECT);
    ck_assert(smb2_tree_connect_request_put(&x.out, "\\\\rig\\IPC$"));
    add_create(true, "srvsvc");
    add_bind();
    ck_assert(raw_send(&x));
    raw_expect(&x, SMB2_TREE_CONNECT, 0);
    raw_expect(&x, SMB2_CREATE, 0);
    raw_expect(&x, SMB2_IOCTL, 0);
}
END_TEST

START_TEST(chain_from_no_tree)
{
    open_new();
    raw_negotiate(&x, NETSESSION_SMB_3_1_1);
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
    raw_begin(&x, SMB2_TREE_CONNECT);
    ck_assert(smb2_tree_connect_request_put(&x.out, "\\\\rig\\NONE"));
    add_create(true, "srvsvc");
    ck_assert(raw_send(&x));
    raw_expect(&x, SMB2_TREE_CONNECT, BAD_NETWORK_NAME);
    ck_assert(raw_next(&x));
    ck_assert_uint_eq(x.header.command, SMB2_CREATE);
    ck_assert(x.header.status == NETWORK_NAME_DELETED || x.header.status == INVALID_PARAMETER ||
              x.header.status == BAD_NETWORK_NAME);
}
END_TEST

/* Only the last may wait; what has its answer at once need not. */
START_TEST(waiting_in_the_middle)
{
    bound(NETSESSION_SMB_3_1_1);
    raw_begin(&x, SMB2_READ);
    smb2_read_request_put(&x.out, x.file, 100);
    add_close(raw_no_file);
    ck_assert(raw_send(&x));
    raw_expect(&x, SMB2_READ, INTERNAL_ERROR);
    raw_expect(&x, SMB2_CLOSE, 0);
}
END_TEST

START_TEST(transceive_in_the_middle)
{
    ready(NETSESSION_SMB_3_1_1);
    add_create(false, "srvsvc");
    add_bind();
    add_close(raw_no_file);
    ck_assert(raw_send(&x));
    raw_expect(&x, SMB2_CREATE, 0);
    raw_expect(&x, SMB2_IOCTL, 0);
    raw_expect(&x, SMB2_CLOSE, 0);
}
END_TEST

START_TEST(waiting_at_the_end)
{
    ready(NETSESSION_SMB_3_1_1);
    add_create(false, "srvsvc");
    raw_begin_related(&x, SMB2_READ);
    smb2_read_request_put(&x.out, raw_no_file, 100);
    ck_assert(raw_send(&x));
    raw_expect(&x, SMB2_CREATE, 0);
    raw_expect(&x, SMB2_READ, STATUS_PENDING);
    begin_small(SMB2_LOGOFF);
    ck_assert(raw_send(&x));
    raw_expect(&x, SMB2_LOGOFF, 0);
    raw_expect(&x, SMB2_READ, PIPE_BROKEN);
}
END_TEST

START_TEST(compound_too_long)
{
    ready(NETSESSION_SMB_3_1_1);
    for (int i = 0; i < 5; i++)
        still_alive();
    for (int i = 0; i <= SMB2_REPLY_CHAIN; i++)
        begin_small(SMB2_ECHO);
    (void)raw_send(&x);
    ck_assert(x.dropped);
}
END_TEST

START_TEST(next_command_wild)
{
    static const uint32_t next[] = {1, 8, 72, 0xFFFFFFF8u, 0x7FFFFFF8u};

    ready(NETSESSION_SMB_3_0);
    x.sign = false;
    begin_small(SMB2_ECHO);
    ns_store32(element() + 20, next[_i]);
    send_and_die();
}
END_TEST

/* ---- Credits ---- */

START_TEST(message_id_twice)
{
    ready(NETSESSION_SMB_3_1_1);
    still_alive();
    x.next_mid--;
    begin_small(SMB2_ECHO);
    send_and_die();
}
END_TEST

START_TEST(message_id_beyond)
{
    ready(NETSESSION_SMB_3_1_1);
    x.next_mid = _i ? UINT64_MAX : x.next_mid + x.credits + 1;
    begin_small(SMB2_ECHO);
    send_and_die();
}
END_TEST

START_TEST(message_ids_skipped)
{
    uint64_t first;

    ready(NETSESSION_SMB_3_1_1);
    first = x.next_mid;
    for (uint64_t i = 4; i; i--) {
        x.next_mid = first + 2 * i;
        still_alive();
    }
    x.next_mid = first;
    still_alive();
    still_alive();
    begin_small(SMB2_ECHO); /* first + 2 was used */
    send_and_die();
}
END_TEST

START_TEST(charge_beyond_the_window)
{
    smb2_header h;

    ready(NETSESSION_SMB_3_1_1);
    h = raw_header(&x, SMB2_ECHO);
    h.credit_charge = 0xFFFF;
    raw_put_header(&x, &h);
    smb2_empty_put(&x.out);
    send_and_die();
}
END_TEST

static void begin_read(uint16_t charge, uint32_t length)
{
    smb2_header h = raw_header(&x, SMB2_READ);

    h.credit_charge = charge;
    raw_put_header(&x, &h);
    smb2_read_request_put(&x.out, x.file, length);
}

START_TEST(charge_too_small)
{
    smb2_header h;

    bound(NETSESSION_SMB_3_1_1);
    begin_read(0, 131072);
    send_and_expect(SMB2_READ, INVALID_PARAMETER);
    begin_read(1, 131072);
    send_and_expect(SMB2_READ, INVALID_PARAMETER);
    raw_transceive(&x, raw_put_enum_10, 131072, INVALID_PARAMETER);
    h = raw_header(&x, SMB2_ECHO);
    h.credit_charge = 0;
    raw_put_header(&x, &h);
    smb2_empty_put(&x.out);
    send_and_expect(SMB2_ECHO, 0);
    begin_read(2, 131072);
    x.next_mid++;
    send_and_expect(SMB2_READ, STATUS_PENDING);
    still_alive();
}
END_TEST

/* Who asks for none has one all the same, when it would be the last. */
START_TEST(never_dry)
{
    smb2_header h;

    open_new();
    raw_negotiate(&x, NETSESSION_SMB_3_1_1);
    ck_assert_uint_eq(raw_logon(&x, "admin", "secret"), 0);
    for (int i = 0; i < 100; i++) {
        h = raw_header(&x, SMB2_ECHO);
        h.credits = 0;
        raw_put_header(&x, &h);
        smb2_empty_put(&x.out);
        send_and_expect(SMB2_ECHO, 0);
        ck_assert_uint_ge(x.credits, 1);
    }
    ck_assert_uint_eq(x.credits, 1);
}
END_TEST

START_TEST(no_hoarding)
{
    smb2_header h;

    ready(NETSESSION_SMB_3_1_1);
    for (int i = 0; i < 10; i++) {
        h = raw_header(&x, SMB2_ECHO);
        h.credits = 0xFFFF;
        raw_put_header(&x, &h);
        smb2_empty_put(&x.out);
        send_and_expect(SMB2_ECHO, 0);
        ck_assert_uint_ge(x.header.credits, 1);
        ck_assert_uint_le(x.credits, r.cfg.smb.max_credits + 1);
    }
    ck_assert_uint_ge(x.credits, r.cfg.smb.max_credits);
}
END_TEST

/* ---- What waits ---- */

static uint64_t start_read(uint32_t length)
{
    raw_begin(&x, SMB2_READ);
    smb2_read_request_put(&x.out, x.file, length);
    send_and_expect(SMB2_READ, STATUS_PENDING);
    ck_assert_uint_eq(x.header.flags & (SMB2_FLAG_ASYNC | SMB2_FLAG_SIGNED), SMB2_FLAG_ASYNC);
    ck_assert_uint_ne(x.header.async_id, 0);
    return x.header.async_id;
}

static void write_pdu(void (*put)(ns_writer *))
{
    ns_writer pdu;

    ns_writer_init(&pdu, &r.cfg.hooks, 65536);
    put(&pdu);
    raw_begin(&x, SMB2_WRITE);
    smb2_write_request_put(&x.out, x.file, pdu.p, pdu.len);
    ns_writer_free(&pdu);
    send_and_expect(SMB2_WRITE, 0);
}

START_TEST(read_waits_for_write)
{
    uint64_t mid, async;

    ready(_i ? NETSESSION_SMB_2_0_2 : NETSESSION_SMB_3_1_1);
    mid = x.next_mid;
    async = start_read(65536);
    still_alive();
    write_pdu(raw_put_bind);
    raw_expect(&x, SMB2_READ, 0);
    ck_assert_uint_eq(x.header.message_id, mid);
    ck_assert_uint_eq(x.header.async_id, async);
    ck_assert_uint_eq(x.header.credits, 0);
    ck_assert_uint_eq(x.header.flags & (SMB2_FLAG_ASYNC | SMB2_FLAG_SIGNED),
                      SMB2_FLAG_ASYNC | SMB2_FLAG_SIGNED);
    raw_transceive(&x, raw_put_enum_10, 65536, 0);
}
END_TEST

START_TEST(two_reads_wait)
{
    ready(NETSESSION_SMB_3_1_1);
    (void)start_read(20);
    (void)start_read(65536);
    write_pdu(raw_put_bind);
    raw_expect(&x, SMB2_READ, STATUS_BUFFER_OVERFLOW);
    raw_expect(&x, SMB2_READ, 0);
}
END_TEST

START_TEST(cancel)
{
    uint64_t mid = 0, async;
    smb2_header h;

    ready(NETSESSION_SMB_3_1_1);
    mid = x.next_mid;
    async = start_read(100);
    h = raw_header(&x, SMB2_CANCEL);
    x.next_mid--;
    h.message_id = _i ? 0 : mid;
    h.flags = _i ? SMB2_FLAG_ASYNC : 0;
    raw_put_header(&x, &h);
    if (_i)
        ns_store64(element() + 32, async);
    smb2_empty_put(&x.out);
    send_and_expect(SMB2_READ, CANCELLED);
    ck_assert_uint_eq(x.header.message_id, mid);
    raw_expect_nothing(&x);
    still_alive();
}
END_TEST

/* Not even an error answers a CANCEL. */
START_TEST(cancel_unsigned)
{
    r.cfg.smb.signing_required = true;
    ready(NETSESSION_SMB_3_1_1);
    (void)start_read(100);
    x.next_mid--;
    x.sign = false;
    begin_small(SMB2_CANCEL);
    ck_assert(raw_send(&x));
    raw_expect_nothing(&x);
    x.sign = true;
    still_alive();
}
END_TEST

START_TEST(cancel_nothing)
{
    ready(NETSESSION_SMB_3_1_1);
    begin_small(SMB2_CANCEL);
    x.next_mid--;
    ck_assert(raw_send(&x));
    raw_expect_nothing(&x);
    still_alive();
}
END_TEST

START_TEST(broken_while_reading)
{
    static const unsigned commands[] = {SMB2_CLOSE, SMB2_TREE_DISCONNECT, SMB2_LOGOFF};

    ready(NETSESSION_SMB_3_1_1);
    (void)start_read(100);
    (void)start_read(100);
    raw_begin(&x, commands[_i]);
    if (commands[_i] == SMB2_CLOSE)
        smb2_close_request_put(&x.out, x.file);
    else
        smb2_empty_put(&x.out);
    send_and_expect(commands[_i], 0);
    raw_expect(&x, SMB2_READ, PIPE_BROKEN);
    raw_expect(&x, SMB2_READ, PIPE_BROKEN);
}
END_TEST

START_TEST(gone_while_reading)
{
    ready(NETSESSION_SMB_3_1_1);
    (void)start_read(100);
    raw_close(&x);
    x.conn = NULL;
    ck_assert_uint_eq(ns_server_sessions(r.server), 0);
}
END_TEST

START_TEST(max_pending)
{
    r.cfg.smb.max_pending = 2;
    ready(NETSESSION_SMB_3_1_1);
    (void)start_read(100);
    (void)start_read(100);
    raw_begin(&x, SMB2_READ);
    smb2_read_request_put(&x.out, x.file, 100);
    send_and_expect(SMB2_READ, INSUFFICIENT_RESOURCES);
}
END_TEST

/* ---- The pipe's data ---- */

START_TEST(overflow_then_read)
{
    smb2_ioctl_response m;
    ns_reader body, data;
    uint8_t head[16];

    bound(NETSESSION_SMB_3_1_1);
    raw_transceive(&x, raw_put_enum_10, 16, STATUS_BUFFER_OVERFLOW);
    body = raw_body(&x);
    ck_assert(smb2_ioctl_response_get(&body, &m));
    ck_assert_uint_eq(m.output.len, 16);
    memcpy(head, m.output.base, sizeof head);
    raw_transceive(&x, raw_put_enum_10, 16, PIPE_BUSY);
    raw_begin(&x, SMB2_READ);
    smb2_read_request_put(&x.out, x.file, 65536);
    send_and_expect(SMB2_READ, 0);
    body = raw_body(&x);
    ck_assert(smb2_read_response_get(&body, &data));
    ck_assert_uint_eq(data.len + 16, ns_le16(head + 8));
    raw_transceive(&x, raw_put_enum_10, 65536, 0);
}
END_TEST

/* A reply of many fragments: one message each. */
START_TEST(fragments)
{
    ns_reader body, data;
    smb2_ioctl_response m;
    size_t all = 0;
    uint8_t flags;

    r.cfg.fill = 1000;
    bound(NETSESSION_SMB_3_1_1);
    raw_transceive(&x, raw_put_enum_10, 65536, 0);
    body = raw_body(&x);
    ck_assert(smb2_ioctl_response_get(&body, &m));
    data = m.output;
    while (true) {
        flags = data.base[3];
        ck_assert_uint_eq(data.len, ns_le16(data.base + 8));
        ck_assert_uint_eq(flags & 1, !all);
        all += data.len;
        if (flags & 2)
            break;
        raw_begin(&x, SMB2_READ);
        smb2_read_request_put(&x.out, x.file, 65536);
        send_and_expect(SMB2_READ, 0);
        body = raw_body(&x);
        ck_assert(smb2_read_response_get(&body, &data));
    }
    ck_assert_uint_gt(all, 50000);
    (void)start_read(100);
}
END_TEST

START_TEST(bind_in_two_writes)
{
    ns_writer pdu;

    ready(NETSESSION_SMB_3_1_1);
    ns_writer_init(&pdu, &r.cfg.hooks, 65536);
    raw_put_bind(&pdu);
    for (size_t at = 0; at < pdu.len; at += 20) {
        raw_begin(&x, SMB2_WRITE);
        smb2_write_request_put(&x.out, x.file, pdu.p + at,
                               pdu.len - at < 20 ? pdu.len - at : 20);
        send_and_expect(SMB2_WRITE, 0);
    }
    ns_writer_free(&pdu);
    raw_begin(&x, SMB2_READ);
    smb2_read_request_put(&x.out, x.file, 65536);
    send_and_expect(SMB2_READ, 0);
}
END_TEST

static void put_rubbish(ns_writer *w)
{
    ns_put(w, "this is not a PDU at all", 24);
}

START_TEST(pipe_ends)
{
    ready(NETSESSION_SMB_3_1_1);
    (void)start_read(100);
    write_pdu(put_rubbish);
    ck_assert(raw_next(&x));
    ck_assert_uint_eq(x.header.command, SMB2_READ);
    still_alive();
    raw_create(&x);
    raw_transceive(&x, raw_put_bind, 65536, 0);
}
END_TEST

/* ---- NetrSessionDel ---- */

static void put_wide(ns_writer *w, const char *s)
{
    uint32_t n = s ? (uint32_t)strlen(s) + 1 : 0;

    ns_put32(w, s ? 0x20000 : 0);
    if (!s)
        return;
    ns_put32(w, n);
    ns_put32(w, 0);
    ns_put32(w, n);
    for (uint32_t i = 0; i < n; i++)
        ns_put16(w, (uint8_t)s[i]);
    ns_put_align(w, 0, 4);
}

static const char *del_client, *del_user;

static void put_del(ns_writer *w)
{
    ns_writer stub;

    ns_writer_init(&stub, &r.cfg.hooks, 4096);
    put_wide(&stub, NULL);
    put_wide(&stub, del_client);
    put_wide(&stub, del_user);
    raw_put_call(w, 13, stub.p, stub.len);
    ns_writer_free(&stub);
}

static uint32_t del(const char *client, const char *user)
{
    smb2_ioctl_response m;
    ns_reader body;
    ns_writer pdu;

    del_client = client;
    del_user = user;
    ns_writer_init(&pdu, &r.cfg.hooks, 4096);
    put_del(&pdu);
    raw_begin(&x, SMB2_IOCTL);
    smb2_ioctl_request_put(&x.out, SMB2_FSCTL_PIPE_TRANSCEIVE, x.file, pdu.p, pdu.len, 4096);
    ns_writer_free(&pdu);
    (void)raw_send(&x);
    raw_expect(&x, SMB2_IOCTL, 0);
    body = raw_body(&x);
    ck_assert(smb2_ioctl_response_get(&body, &m));
    ck_assert_uint_eq(m.output.len, 28);
    return ns_le32(m.output.base + 24);
}

START_TEST(delete_another)
{
    rig_client c;

    bound(NETSESSION_SMB_3_1_1);
    ck_assert_int_eq(rig_connect(&c, &r, rig_config("plain:plain"), "10.0.0.2"),
                     NETSESSION_EV_READY);
    ck_assert_uint_eq(del("\\\\10.0.0.9", NULL), 2312);
    ck_assert_uint_eq(del("\\\\10.0.0.2", "admin"), 2312);
    ck_assert_uint_eq(del("10.0.0.2", NULL), 2312);
    ck_assert_uint_eq(ns_server_sessions(r.server), 2);
    ck_assert_uint_eq(del("\\\\10.0.0.2", "PLAIN"), 0);
    ck_assert_uint_eq(ns_server_sessions(r.server), 1);
    ck_assert_int_eq(rig_query(&c, 10, NETSESSION_NO_LIMIT, 0), NETSESSION_EV_FAILED);
    ck_assert_int_eq(rig_error(&c)->code, NETSESSION_E_IO);
    rig_leave(&c);
    ck_assert_uint_eq(del("\\\\10.0.0.2", NULL), 2312);
}
END_TEST

/* The answer still comes; then the connection goes. */
START_TEST(delete_oneself)
{
    static const char *const names[][2] = {
        {"\\\\10.0.0.1", NULL}, {NULL, "admin"}, {"\\\\10.0.0.1", "admin"}};

    bound(NETSESSION_SMB_3_1_1);
    if (_i == 2) {
        (void)start_read(100);
        raw_create(&x);
        raw_transceive(&x, raw_put_bind, 65536, 0);
    }
    ck_assert_uint_eq(del(names[_i][0], names[_i][1]), 0);
    ck_assert_uint_eq(ns_server_sessions(r.server), 0);
    ck_assert(x.dropped);
}
END_TEST

START_TEST(delete_by_a_user)
{
    open_new();
    raw_negotiate(&x, NETSESSION_SMB_3_1_1);
    ck_assert_uint_eq(raw_logon(&x, "plain", "plain"), 0);
    raw_tree(&x);
    raw_create(&x);
    raw_transceive(&x, raw_put_bind, 65536, 0);
    ck_assert_uint_eq(del(NULL, "plain"), 5);
    ck_assert_uint_eq(ns_server_sessions(r.server), 1);
}
END_TEST

/* ---- Other requests ---- */

START_TEST(ioctls)
{
    static const struct {
        uint32_t code, flags, status;
        bool of_share;
    } cases[] = {
        {SMB2_FSCTL_PIPE_TRANSCEIVE, 0, NOT_SUPPORTED, false},
        {0x00144064, 1, INVALID_DEVICE_REQUEST, false}, /* SRV_ENUMERATE_SNAPSHOTS */
        {0x001401FC, 1, INVALID_DEVICE_REQUEST, true},  /* QUERY_NETWORK_INTERFACE_INFO */
        {0x00110018, 1, 0, true}};                      /* PIPE_WAIT */

    ready(NETSESSION_SMB_3_1_1);
    raw_begin(&x, SMB2_IOCTL);
    smb2_ioctl_request_put(&x.out, cases[_i].code, cases[_i].of_share ? raw_no_file : x.file,
                           (const uint8_t *)"x", 1, 100);
    ns_store32(element() + BODY + 48, cases[_i].flags);
    send_and_expect(SMB2_IOCTL, cases[_i].status);
}
END_TEST

START_TEST(unknown_command)
{
    static const unsigned commands[] = {0x13, 0x14, 0x7FFF, 0xFFFF};
    smb2_header h;

    ready(NETSESSION_SMB_3_1_1);
    h = raw_header(&x, commands[_i]);
    raw_put_header(&x, &h);
    smb2_empty_put(&x.out);
    ck_assert(raw_send(&x));
    ck_assert(raw_next(&x));
    ck_assert_uint_eq(x.header.status, INVALID_PARAMETER);
    still_alive();
}
END_TEST

START_TEST(response_flag)
{
    ready(NETSESSION_SMB_3_0);
    x.sign = false;
    begin_small(SMB2_ECHO);
    element()[16] |= SMB2_FLAG_RESPONSE;
    send_and_die();
}
END_TEST

static void begin_query_info(uint8_t type, uint8_t class, uint32_t max)
{
    raw_begin(&x, SMB2_QUERY_INFO);
    ns_put16(&x.out, 41);
    ns_put8(&x.out, type);
    ns_put8(&x.out, class);
    ns_put32(&x.out, max);
    ns_put64(&x.out, 0);
    ns_put64(&x.out, 0);
    ns_put(&x.out, x.file, sizeof x.file);
    ns_put8(&x.out, 0);
}

START_TEST(query_info)
{
    ready(NETSESSION_SMB_3_1_1);
    begin_query_info(1, 5, 24);
    send_and_expect(SMB2_QUERY_INFO, 0);
    ck_assert_uint_eq(x.len, BODY + 8 + 24);
    begin_query_info(2, 5, 24);
    ck_assert(raw_send(&x));
    ck_assert(raw_next(&x));
    ck_assert_uint_ne(x.header.status, 0);
}
END_TEST

/* ---- Maimed requests ---- */

/* A sound request of each kind. */
static void begin_any(unsigned command)
{
    static const uint8_t input[8] = {0};

    raw_begin(&x, command);
    switch (command) {
    case SMB2_SESSION_SETUP:
        smb2_session_setup_request_put(&x.out, 1, input, sizeof input);
        break;
    case SMB2_TREE_CONNECT:
        ck_assert(smb2_tree_connect_request_put(&x.out, "\\\\rig\\IPC$"));
        break;
    case SMB2_CREATE:
        smb2_create_request_put(&x.out, "srvsvc");
        break;
    case SMB2_CLOSE:
        smb2_close_request_put(&x.out, x.file);
        break;
    case SMB2_READ:
        smb2_read_request_put(&x.out, x.file, 16);
        break;
    case SMB2_WRITE:
        smb2_write_request_put(&x.out, x.file, input, sizeof input);
        break;
    case SMB2_IOCTL:
        smb2_ioctl_request_put(&x.out, SMB2_FSCTL_PIPE_TRANSCEIVE, x.file, input, sizeof input,
                               16);
        break;
    default:
        smb2_empty_put(&x.out);
    }
}

static const struct maimed {
    unsigned command;
    size_t fixed;     /* bytes of the body that must be there */
    size_t offset_at; /* of an offset and of a length; 0: it has none */
    size_t length_at;
    size_t width; /* of the length */
} maimed[] = {
    {SMB2_SESSION_SETUP, 24, 12, 14, 2},
    {SMB2_LOGOFF, 4, 0, 0, 0},
    {SMB2_TREE_CONNECT, 8, 4, 6, 2},
    {SMB2_TREE_DISCONNECT, 4, 0, 0, 0},
    {SMB2_CREATE, 56, 44, 46, 2},
    {SMB2_CLOSE, 24, 0, 0, 0},
    {SMB2_READ, 48, 0, 0, 0},
    {SMB2_WRITE, 48, 2, 4, 4},
    {SMB2_IOCTL, 56, 24, 28, 4},
};
#define MAIMED ((int)(sizeof maimed / sizeof *maimed))

START_TEST(truncated)
{
    const struct maimed *m = &maimed[_i];

    for (size_t keep = 0; keep < m->fixed; keep++) {
        if (x.conn)
            raw_close(&x);
        if (!r.server)
            rig_start(&r);
        raw_ready(&x, &r, NETSESSION_SMB_3_1_1);
        begin_any(m->command);
        x.out.len = BODY + keep;
        send_and_expect(m->command, INVALID_PARAMETER);
    }
}
END_TEST

START_TEST(wrong_structure_size)
{
    ready(NETSESSION_SMB_3_1_1);
    begin_any(maimed[_i].command);
    ns_store16(element() + BODY, (uint16_t)(ns_le16(element() + BODY) + 1));
    send_and_expect(maimed[_i].command, INVALID_PARAMETER);
}
END_TEST

static void wild(const struct maimed *m, size_t at, size_t width, uint32_t value)
{
    if (x.conn)
        raw_close(&x);
    if (!r.server)
        rig_start(&r);
    raw_ready(&x, &r, NETSESSION_SMB_3_1_1);
    begin_any(m->command);
    if (width == 4)
        ns_store32(element() + BODY + at, value);
    else
        ns_store16(element() + BODY + at, (uint16_t)value);
    send_and_expect(m->command, INVALID_PARAMETER);
}

START_TEST(wild_offsets)
{
    const struct maimed *m = &maimed[_i];
    size_t width = m->command == SMB2_IOCTL ? 4 : 2;

    if (!m->offset_at) {
        rig_start(&r);
        return;
    }
    wild(m, m->offset_at, width, 0);
    wild(m, m->offset_at, width, 4);
    wild(m, m->offset_at, width, 0xFFFE);
    if (width == 4)
        wild(m, m->offset_at, width, 0xFFFFFFF0u);
    wild(m, m->length_at, m->width, 0xFFFE);
    if (m->width == 4)
        wild(m, m->length_at, m->width, 0xFFFFFFFEu);
}
END_TEST

/* ---- All of it ---- */

static void add_compound_cases(TCase *tc)
{
    tcase_add_test(tc, related_first);
    tcase_add_loop_test(tc, create_and_closes, 0, 2);
    tcase_add_test(tc, failing_create);
    tcase_add_loop_test(tc, unrelated, 0, 2);
    tcase_add_loop_test(tc, chain_from_the_tree, 0, 2);
    tcase_add_test(tc, chain_from_no_tree);
    tcase_add_test(tc, waiting_in_the_middle);
    tcase_add_test(tc, transceive_in_the_middle);
    tcase_add_test(tc, waiting_at_the_end);
    tcase_add_test(tc, compound_too_long);
    tcase_add_loop_test(tc, next_command_wild, 0, 5);
    tcase_add_test(tc, message_id_twice);
    tcase_add_loop_test(tc, message_id_beyond, 0, 2);
    tcase_add_test(tc, message_ids_skipped);
    tcase_add_test(tc, charge_beyond_the_window);
    tcase_add_test(tc, charge_too_small);
    tcase_add_test(tc, never_dry);
    tcase_add_test(tc, no_hoarding);
}

static void add_pipe_cases(TCase *tc)
{
    tcase_add_loop_test(tc, read_waits_for_write, 0, 2);
    tcase_add_test(tc, two_reads_wait);
    tcase_add_loop_test(tc, cancel, 0, 2);
    tcase_add_test(tc, cancel_unsigned);
    tcase_add_test(tc, cancel_nothing);
    tcase_add_loop_test(tc, broken_while_reading, 0, 3);
    tcase_add_test(tc, gone_while_reading);
    tcase_add_test(tc, max_pending);
    tcase_add_test(tc, overflow_then_read);
    tcase_add_test(tc, fragments);
    tcase_add_test(tc, bind_in_two_writes);
    tcase_add_test(tc, pipe_ends);
    tcase_add_test(tc, delete_another);
    tcase_add_loop_test(tc, delete_oneself, 0, 3);
    tcase_add_test(tc, delete_by_a_user);
    tcase_add_loop_test(tc, ioctls, 0, 4);
    tcase_add_loop_test(tc, unknown_command, 0, 4);
    tcase_add_test(tc, response_flag);
    tcase_add_test(tc, query_info);
    tcase_add_loop_test(tc, truncated, 0, MAIMED);
    tcase_add_loop_test(tc, wrong_structure_size, 0, MAIMED);
    tcase_add_loop_test(tc, wild_offsets, 0, MAIMED);
}

TCase *server_requests_tcase(void)
{
    TCase *tc = tcase_create("requests");

    tcase_set_timeout(tc, 300);
    tcase_add_checked_fixture(tc, setup, teardown);
    add_compound_cases(tc);
    add_pipe_cases(tc);
    return tc;
}
