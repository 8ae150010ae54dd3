/*
 * dcerpc/: a recorded exchange byte for byte, then everything that a server
 * can do wrong.  The server is the test itself: it writes PDUs by hand, in
 * either byte order.
 */
#include <check.h>
#include <string.h>

#include "dcerpc/client.h"
#include "tests/test_dcerpc_rig.h"
#include "tests/util.h"

Suite *dcerpc_suite(void);

#define BOTH      (NETSESSION_NDR32 | NETSESSION_NDR64)
#define MAX_REPLY 100000

static const rpc_interface srvsvc = {.uuid = {0xC8, 0x4F, 0x32, 0x4B, 0x70, 0x16, 0xD3, 0x01,
                                              0x12, 0x78, 0x5A, 0x47, 0xBF, 0x6E, 0xE1, 0x88},
                                     .major = 3};
static const char ndr32[] = RPC_NDR32, ndr64[] = RPC_NDR64;

/* ---- The client under test ---- */

static test_heap heap;
static netsession_hooks hooks;
static rpc_client client;
static ns_writer out;
static netsession_error err;
static uint8_t stub[300000]; /* any bytes */

static void init(unsigned syntaxes)
{
    memset(&err, 0, sizeof err);
    rpc_client_init(&client, &hooks, &srvsvc, syntaxes, MAX_REPLY);
    ns_writer_init(&out, &hooks, 1u << 24);
}

static void setup(void)
{
    test_heap_hooks(&heap, &hooks);
    for (size_t i = 0; i < sizeof stub; i++)
        stub[i] = (uint8_t)(i * 7 + i / 251);
    init(BOTH);
}

static void finish(void)
{
    rpc_client_free(&client);
    ns_writer_free(&out);
    ck_assert_int_eq(heap.live, 0);
}

/* ---- The server's PDUs ---- */

static void put_result(unsigned result, unsigned reason, const char *uuid,
                       unsigned long version)
{
    static const char none[16];

    pdu_put(result, 2);
    pdu_put(reason, 2);
    pdu_uuid(uuid ? uuid : none);
    pdu_put(version, 4);
}

/* Everything of a bind_ack up to the results. */
static void begin_ack(unsigned max_xmit, unsigned max_recv, size_t results)
{
    pdu_begin(12, 3, 2);
    pdu_put(max_xmit, 2);
    pdu_put(max_recv, 2);
    pdu_put(0x7AEE, 4);
    pdu_put(13, 2);
    pdu_bytes("\\PIPE\\srvsvc", 13);
    while ((wire.n - wire.start) % 4)
        pdu_put(0, 1);
    pdu_put(results, 1);
    pdu_put(0, 3);
}

static void ack_ndr32(unsigned max_frag)
{
    begin_ack(max_frag, max_frag, 3);
    put_result(0, 0, ndr32, 2);
    put_result(2, 2, NULL, 0);
    put_result(3, 3, NULL, 0);
    pdu_complete();
}

static void response(unsigned flags, unsigned long call_id, unsigned context, const void *p,
                     size_t n)
{
    pdu_begin(2, flags, call_id);
    pdu_put(n, 4);
    pdu_put(context, 2);
    pdu_put(0, 2);
    pdu_bytes(p, n);
    pdu_complete();
}

static void fault(unsigned long status)
{
    pdu_begin(3, 0x23, 2);
    pdu_put(0, 4);
    pdu_put(0, 4);
    pdu_put(status, 4);
    pdu_put(0, 4);
    pdu_complete();
}

static void nak(unsigned reason)
{
    pdu_begin(13, 3, 2);
    pdu_put(reason, 2);
    pdu_bytes("\1\5\0", 3);
    pdu_complete();
}

/* ---- Doing ---- */

/* Hands over all that the server has written. */
static int feed(void)
{
    size_t n = wire.n;

    wire.n = 0;
    return rpc_client_input(&client, wire.b, n, &err);
}

static int feed_bytewise(void)
{
    int rc = RPC_MORE;
    size_t i;

    for (i = 0; i < wire.n && rc == RPC_MORE; i++)
        rc = rpc_client_input(&client, wire.b + i, 1, &err);
    ck_assert_uint_eq(i, wire.n);
    wire.n = 0;
    return rc;
}

static void send_bind(void)
{
    ck_assert_int_eq(rpc_client_bind(&client, &out, &err), 0);
    ns_writer_reset(&out);
}

static void bind_with(unsigned max_frag)
{
    send_bind();
    ack_ndr32(max_frag);
    ck_assert_int_eq(feed(), RPC_BOUND);
    ck_assert(rpc_client_usable(&client));
}

static void send_call(size_t len)
{
    int rc;

    ck_assert_int_eq(rpc_client_call(&client, 12, stub, len, &err), 0);
    while ((rc = rpc_client_next_fragment(&client, &out, &err)) == 1)
        ;
    ck_assert_int_eq(rc, 0);
    ns_writer_reset(&out);
}

/* Bound, and a call is out. */
static void calling(void)
{
    bind_with(4280);
    send_call(100);
}

static void expect_reply(int rc, const void *p, size_t n)
{
    ns_reader r = rpc_client_reply(&client);

    ck_assert_int_eq(rc, RPC_REPLY);
    ck_assert(rpc_client_usable(&client));
    ck_assert_uint_eq(r.len, n);
    ck_assert_int_eq(r.big, wire.big);
    if (n)
        ck_assert_mem_eq(r.base, p, n);
}

/* rc is that failure, recorded, and the association is over. */
static void expect_end(int rc, int code, const char *words)
{
    ck_assert_int_eq(rc, code);
    ck_assert_int_eq(err.code, code);
    ck_assert_str_eq(err.layer, "rpc");
    ck_assert_msg(strstr(err.message, words) != NULL, "%s", err.message);
    ck_assert(!rpc_client_usable(&client));
    ck_assert_int_lt(rpc_client_call(&client, 12, stub, 1, &err), 0);
    ck_assert_int_lt(rpc_client_next_fragment(&client, &out, &err), 0);
    ck_assert_int_lt(rpc_client_input(&client, stub, 1, &err), 0);
    ck_assert_int_lt(rpc_client_bind(&client, &out, &err), 0);
    finish();
}

static void expect_broken(const char *words)
{
    expect_end(feed(), NETSESSION_E_PROTOCOL, words);
    ck_assert_uint_eq(err.win32, 1728);
    ck_assert_str_eq(err.name, "RPC_S_PROTOCOL_ERROR");
}

/* ---- A Windows client and a Windows server, recorded (OTRF, MIT licence) ---- */

START_TEST(recorded_exchange)
{
    uint8_t want[256];
    size_t n = test_unhex(want, sizeof want, recorded_bind);

    /* The recorded client offers fragments of 4280 bytes. */
    ck_assert_int_eq(rpc_client_bind(&client, &out, &err), 0);
    ck_assert_uint_eq(ns_le16(out.p + 16), 5840);
    ck_assert_uint_eq(ns_le16(out.p + 18), 5840);
    ns_set16(&out, 16, 4280);
    ns_set16(&out, 18, 4280);
    ck_assert_uint_eq(out.len, n);
    ck_assert_mem_eq(out.p, want, n);

    wire.n = test_unhex(wire.b, sizeof wire.b, recorded_ack);
    ck_assert_uint_eq(wire.n, 116);
    ck_assert_int_eq(feed(), RPC_BOUND);
    ck_assert(rpc_client_ndr64(&client));
    ck_assert_str_eq(rpc_client_syntax_name(&client), "NDR64");

    n = test_unhex(want, sizeof want, recorded_request);
    ns_writer_reset(&out);
    ck_assert_int_eq(rpc_client_call(&client, 12, want + 24, n - 24, &err), 0);
    ck_assert_int_eq(rpc_client_next_fragment(&client, &out, &err), 0);
    ck_assert_uint_eq(out.len, 220);
    ck_assert_uint_eq(out.len, n);
    ck_assert_mem_eq(out.p, want, n);

    wire.n = test_unhex(wire.b, sizeof wire.b, recorded_response);
    n = test_unhex(want, sizeof want, recorded_response);
    ck_assert_uint_eq(n, 216);
    expect_reply(feed_bytewise(), want + 24, n - 24);
    finish();
}
END_TEST

/* ---- Ordinary life ---- */

START_TEST(bind_offers_what_is_asked)
{
    static const struct {
        unsigned mask;
        size_t contexts;
        const char *first;
    } cases[] = {{NETSESSION_NDR32, 2, ndr32}, {NETSESSION_NDR64, 2, ndr64}, {BOTH, 3, ndr32}};

    init(cases[_i].mask);
    ck_assert_int_eq(rpc_client_bind(&client, &out, &err), 0);
    ck_assert_uint_eq(out.p[24], cases[_i].contexts);
    ck_assert_uint_eq(out.len, 28 + 44 * cases[_i].contexts);
    ck_assert_mem_eq(out.p + 28 + 24, cases[_i].first, 16);
    ck_assert_uint_eq(ns_le16(out.p + 8), out.len);
    finish();
}
END_TEST

START_TEST(no_syntax)
{
    init(0);
    ck_assert_int_eq(rpc_client_bind(&client, &out, &err), NETSESSION_E_STATE);
    finish();
}
END_TEST

/* A bind appended behind something else has its own length. */
START_TEST(appended)
{
    ns_put(&out, "abc", 3);
    ck_assert_int_eq(rpc_client_bind(&client, &out, &err), 0);
    ck_assert_uint_eq(ns_le16(out.p + 3 + 8), out.len - 3);
    finish();
}
END_TEST

START_TEST(calls_one_after_the_other)
{
    bind_with(4280);
    ck_assert_str_eq(rpc_client_syntax_name(&client), "NDR32");
    ck_assert(!rpc_client_ndr64(&client));
    for (unsigned id = 2; id < 6; id++) {
        size_t n = id == 4 ? 0 : 100 * id;

        ck_assert_int_eq(rpc_client_call(&client, 12, stub, n, &err), 0);
        ck_assert_int_eq(rpc_client_next_fragment(&client, &out, &err), 0);
        ck_assert_uint_eq(out.len, 24 + n);
        ck_assert_uint_eq(ns_le32(out.p + 12), id);
        ck_assert_uint_eq(ns_le16(out.p + 20), 0);
        ck_assert_uint_eq(ns_le16(out.p + 22), 12);
        ns_writer_reset(&out);
        response(3, id, 0, stub + id, n);
        expect_reply(feed(), stub + id, n);
    }
    finish();
}
END_TEST

START_TEST(big_endian_server)
{
    wire.big = true;
    bind_with(4280);
    send_call(10);
    response(1, 2, 0, stub, 800);
    response(2, 2, 0, stub + 800, 60);
    expect_reply(feed(), stub, 860);
    finish();
}
END_TEST

START_TEST(big_endian_has_no_ndr64)
{
    wire.big = true;
    send_bind();
    begin_ack(4280, 4280, 2);
    put_result(2, 2, NULL, 0);
    put_result(0, 0, ndr64, 1);
    pdu_complete();
    expect_broken("little-endian");
}
END_TEST

/* Nothing is accepted, so that there is no syntax to object to. */
START_TEST(big_endian_rejects_all)
{
    wire.big = true;
    send_bind();
    begin_ack(4280, 4280, 1);
    put_result(2, 1, NULL, 0);
    pdu_complete();
    expect_end(feed(), NETSESSION_E_REFUSED, "abstract_syntax_not_supported");
}
END_TEST

/* Old servers answer the first context only. */
START_TEST(fewer_results)
{
    send_bind();
    begin_ack(4280, 4280, 1);
    put_result(0, 0, ndr32, 2);
    pdu_complete();
    ck_assert_int_eq(feed(), RPC_BOUND);
    finish();
}
END_TEST

START_TEST(both_accepted)
{
    send_bind();
    begin_ack(4280, 4280, 2);
    put_result(0, 0, ndr32, 2);
    put_result(0, 0, ndr64, 1);
    pdu_complete();
    ck_assert_int_eq(feed(), RPC_BOUND);
    ck_assert_str_eq(rpc_client_syntax_name(&client), "NDR32");
    finish();
}
END_TEST

/* Servers that do not know the features reject them as a syntax. */
START_TEST(features_rejected)
{
    send_bind();
    begin_ack(2048, 2048, 3);
    put_result(2, 2, NULL, 0);
    put_result(0, 0, ndr64, 1);
    put_result(2, 2, NULL, 0);
    pdu_complete();
    ck_assert_int_eq(feed(), RPC_BOUND);
    send_call(8);
    response(3, 2, 1, stub, 8);
    expect_reply(feed(), stub, 8);
    finish();
}
END_TEST

/* Every size about the border between one fragment and two, or two and three:
 * what is sent adds up, by the rules. */
START_TEST(request_fragments)
{
    static const size_t sizes[] = {0,        1,        4255,         4256,         4257,
                                   4256 * 2, 4256 * 3, 4256 * 2 + 1, 4256 * 3 - 1, 100003};
    size_t total = sizes[_i], done = 0;
    int rc;

    bind_with(4280);
    ck_assert_int_eq(rpc_client_call(&client, 12, stub, total, &err), 0);
    do {
        bool first = done == 0;
        size_t n;

        ns_writer_reset(&out);
        rc = rpc_client_next_fragment(&client, &out, &err);
        ck_assert_int_ge(rc, 0);
        n = out.len - 24;
        ck_assert_uint_le(out.len, 4280);
        ck_assert_uint_eq(ns_le16(out.p + 8), out.len);
        ck_assert_uint_eq(ns_le32(out.p + 16), total - done);
        ck_assert_uint_eq(out.p[3], (first ? 1u : 0u) | (rc ? 0u : 2u));
        ck_assert(rc == 0 || (n > 0 && n % 8 == 0));
        if (n)
            ck_assert_mem_eq(out.p + 24, stub + done, n);
        done += n;
    } while (rc);
    ck_assert_uint_eq(done, total);
    ck_assert_int_eq(rpc_client_next_fragment(&client, &out, &err), NETSESSION_E_STATE);
    response(3, 2, 0, stub, 4);
    expect_reply(feed(), stub, 4);
    finish();
}
END_TEST

/* An agreed size that is no multiple of 8 does not make fragments uneven. */
START_TEST(odd_fragment_size)
{
    bind_with(1437);
    ck_assert_int_eq(rpc_client_call(&client, 12, stub, 5000, &err), 0);
    ck_assert_int_eq(rpc_client_next_fragment(&client, &out, &err), 1);
    ck_assert_uint_eq(out.len, 24 + 1408);
    finish();
}
END_TEST

START_TEST(request_too_long)
{
    static uint8_t huge[(4u << 20) + 1];

    bind_with(4280);
    ck_assert_int_eq(rpc_client_call(&client, 12, huge, sizeof huge, &err), NETSESSION_E_LIMIT);
    ck_assert(rpc_client_usable(&client));
    finish();
}
END_TEST

static void fragmented_reply(size_t total, size_t piece)
{
    for (size_t off = 0; off < total; off += piece) {
        size_t n = total - off < piece ? total - off : piece;

        response((off ? 0u : 1u) | (off + n == total ? 2u : 0u), 2, 0, stub + off, n);
    }
}

START_TEST(reply_fragments_bytewise)
{
    calling();
    fragmented_reply(20000, 4256);
    expect_reply(feed_bytewise(), stub, 20000);
    finish();
}
END_TEST

START_TEST(reply_fragments_at_once)
{
    calling();
    fragmented_reply(MAX_REPLY, 777);
    expect_reply(feed(), stub, MAX_REPLY);
    finish();
}
END_TEST

/* An empty last fragment is odd, but says clearly that this is the end. */
START_TEST(empty_last_fragment)
{
    calling();
    response(1, 2, 0, stub, 8);
    response(2, 2, 0, NULL, 0);
    expect_reply(feed(), stub, 8);
    finish();
}
END_TEST

START_TEST(unknown_flags_are_ignored)
{
    calling();
    response(0xFF, 2, 0, stub, 8);
    expect_reply(feed(), stub, 8);
    finish();
}
END_TEST

/* A whole exchange, for whatever is done to it; false once something failed. */
static bool exchange(void)
{
    int rc;

    if (rpc_client_bind(&client, &out, &err))
        return false;
    ack_ndr32(4280);
    if (feed() != RPC_BOUND || rpc_client_call(&client, 12, stub, 9000, &err))
        return false;
    while ((rc = rpc_client_next_fragment(&client, &out, &err)) == 1)
        ;
    if (rc)
        return false;
    fragmented_reply(15000, 4256);
    return feed() == RPC_REPLY;
}

START_TEST(each_allocation_fails_once)
{
    long n;

    ck_assert(exchange());
    finish();
    for (n = 1; n < 1000; n++) {
        setup();
        heap.fail_at = n;
        wire.n = 0;
        if (exchange())
            break;
        ck_assert_int_eq(err.code, NETSESSION_E_MEMORY);
        finish();
    }
    ck_assert_int_gt(n, 5);
    ck_assert_int_lt(n, 1000);
    finish();
}
END_TEST

/* ---- The wrong moment ---- */

START_TEST(wrong_moment)
{
    ck_assert_int_eq(rpc_client_call(&client, 12, stub, 1, &err), NETSESSION_E_STATE);
    ck_assert_int_eq(rpc_client_next_fragment(&client, &out, &err), NETSESSION_E_STATE);
    ck_assert_int_eq(err.code, NETSESSION_E_STATE);
    memset(&err, 0, sizeof err);
    send_bind();
    ck_assert_int_eq(rpc_client_bind(&client, &out, &err), NETSESSION_E_STATE);
    memset(&err, 0, sizeof err);
    ack_ndr32(4280);
    ck_assert_int_eq(feed(), RPC_BOUND); /* nothing of it did harm */
    send_call(1);
    ck_assert_int_eq(rpc_client_call(&client, 12, stub, 1, &err), NETSESSION_E_STATE);
    memset(&err, 0, sizeof err);
    response(3, 2, 0, stub, 5);
    expect_reply(feed(), stub, 5);
    finish();
}
END_TEST

START_TEST(call_ids_run_out)
{
    bind_with(4280);
    client.next_id = 0x7FFFFFFF;
    send_call(1);
    response(3, 0x7FFFFFFF, 0, stub, 5);
    expect_reply(feed(), stub, 5);
    ck_assert_int_eq(rpc_client_call(&client, 12, stub, 1, &err), NETSESSION_E_STATE);
    finish();
}
END_TEST

START_TEST(bytes_before_bind)
{
    ack_ndr32(4280);
    expect_broken("answer nothing");
}
END_TEST

START_TEST(bytes_between_calls)
{
    bind_with(4280);
    wire.n = 1;
    expect_broken("answer nothing");
}
END_TEST

START_TEST(bytes_after_bind_ack)
{
    send_bind();
    ack_ndr32(4280);
    pdu_put(5, 1);
    expect_broken("answer nothing");
}
END_TEST

START_TEST(bytes_after_reply)
{
    calling();
    response(3, 2, 0, stub, 8);
    pdu_put(5, 1);
    expect_broken("answer nothing");
}
END_TEST

START_TEST(reply_before_request)
{
    bind_with(4280);
    ck_assert_int_eq(rpc_client_call(&client, 12, stub, 9000, &err), 0);
    response(3, 2, 0, stub, 8);
    expect_broken("answer nothing");
}
END_TEST

START_TEST(reply_amid_request)
{
    bind_with(4280);
    ck_assert_int_eq(rpc_client_call(&client, 12, stub, 9000, &err), 0);
    ck_assert_int_eq(rpc_client_next_fragment(&client, &out, &err), 1);
    response(3, 2, 0, stub, 8);
    expect_broken("(response) does not fit");
}
END_TEST

START_TEST(fault_amid_request)
{
    bind_with(4280);
    ck_assert_int_eq(rpc_client_call(&client, 12, stub, 9000, &err), 0);
    ck_assert_int_eq(rpc_client_next_fragment(&client, &out, &err), 1);
    fault(5);
    expect_end(feed(), NETSESSION_E_REFUSED, "fault");
}
END_TEST

/* ---- What a hostile server does, 86 to 104 ---- */

START_TEST(f86_frag_length_0)
{
    calling();
    response(3, 2, 0, stub, 8);
    pdu_set(8, 0, 2);
    expect_broken("shorter than its header");
}
END_TEST

START_TEST(f87_frag_length_15)
{
    calling();
    response(3, 2, 0, stub, 8);
    pdu_set(8, 15, 2);
    expect_broken("shorter than its header");
}
END_TEST

START_TEST(f87_frag_length_16_to_23)
{
    calling();
    response(3, 2, 0, stub, 8);
    wire.n = wire.start + (size_t)_i;
    pdu_complete();
    expect_broken("truncated");
}
END_TEST

/* Refused as soon as the header is here. */
START_TEST(f88_frag_length_65535)
{
    calling();
    response(3, 2, 0, NULL, 0);
    pdu_set(8, 65535, 2);
    wire.n = 16;
    expect_broken("longer than was offered");
}
END_TEST

START_TEST(f88_frag_length_over_agreed)
{
    calling();
    response(3, 2, 0, stub, 4281 - 24);
    expect_broken("longer than agreed");
}
END_TEST

START_TEST(f88_frag_length_as_agreed)
{
    calling();
    response(3, 2, 0, stub, 4280 - 24);
    expect_reply(feed(), stub, 4280 - 24);
    finish();
}
END_TEST

START_TEST(f89_frag_length_over_data)
{
    calling();
    response(3, 2, 0, stub, 8);
    pdu_set(8, 24 + 9, 2);
    ck_assert_int_eq(feed(), RPC_MORE);
    pdu_put(0xAB, 1);
    ck_assert_int_eq(feed(), RPC_REPLY);
    finish();
}
END_TEST

START_TEST(f89_truncated_bind_ack)
{
    size_t whole;

    ack_ndr32(4280);
    whole = wire.n;
    wire.n = 0;
    for (size_t n = 0; n < whole; n++) {
        setup();
        send_bind();
        ack_ndr32(4280);
        wire.n = n;
        ck_assert_int_eq(feed(), RPC_MORE); /* the bytes are missing */
        ck_assert_int_eq(err.code, 0);
        finish();
        if (n < 16)
            continue;
        setup();
        send_bind();
        ack_ndr32(4280);
        wire.n = n;
        pdu_complete();
        expect_broken(""); /* the PDU is too short */
    }
}
END_TEST

START_TEST(f89_truncated_others)
{
    for (size_t n = 16; n < 28; n++) {
        setup();
        calling();
        fault(5);
        wire.n = n;
        pdu_complete();
        expect_broken("fault is truncated");
        if (n >= 18)
            continue;
        setup();
        send_bind();
        nak(0);
        wire.n = n;
        pdu_complete();
        expect_broken("bind_nak is truncated");
    }
}
END_TEST

START_TEST(f90_wrong_version)
{
    static const uint8_t versions[][2] = {{5, 1}, {4, 0}, {0, 5}, {0, 0}, {255, 255}};

    calling();
    response(3, 2, 0, stub, 8);
    wire.b[0] = versions[_i][0];
    wire.b[1] = versions[_i][1];
    wire.n = 16; /* nothing but the header is waited for */
    expect_broken("version");
}
END_TEST

START_TEST(f91_wrong_representation)
{
    static const uint8_t dreps[][2] = {{0x11, 0}, {0x20, 0}, {0x01, 0}, {0x10, 1}, {0xFF, 0}};

    calling();
    response(3, 2, 0, stub, 8);
    memcpy(wire.b + 4, dreps[_i], 2);
    expect_broken("representation");
}
END_TEST

START_TEST(f91_byte_order_after_bind)
{
    calling();
    wire.big = true;
    response(3, 2, 0, stub, 8);
    expect_broken("byte order");
}
END_TEST

START_TEST(f91_byte_order_mid_call)
{
    calling();
    response(1, 2, 0, stub, 8);
    wire.big = true;
    response(2, 2, 0, stub, 8);
    expect_broken("byte order");
}
END_TEST

/* No type but response and fault fits a call. */
START_TEST(f92_wrong_type_in_call)
{
    if (_i == RPC_RESPONSE || _i == RPC_FAULT)
        return;
    calling();
    response(3, 2, 0, stub, 8);
    wire.b[2] = (uint8_t)_i;
    expect_broken("does not fit here");
}
END_TEST

START_TEST(f92_wrong_type_in_bind)
{
    if (_i == RPC_BIND_ACK || _i == RPC_BIND_NAK)
        return;
    send_bind();
    ack_ndr32(4280);
    wire.b[2] = (uint8_t)_i;
    expect_broken("does not fit here");
}
END_TEST

START_TEST(f93_wrong_call_id)
{
    static const unsigned long ids[] = {0, 1, 3, 0xFFFFFFFF, 0x02000000};

    calling();
    response(3, ids[_i], 0, stub, 8);
    expect_broken("another call");
}
END_TEST

START_TEST(f93_wrong_call_id_of_ack)
{
    send_bind();
    ack_ndr32(4280);
    wire.b[12] = 3;
    expect_broken("another call");
}
END_TEST

START_TEST(f93_call_id_changes)
{
    calling();
    response(1, 2, 0, stub, 8);
    response(2, 3, 0, stub, 8);
    expect_broken("another call");
}
END_TEST

/* The reply of the call before is not the reply of this one. */
START_TEST(f93_old_reply)
{
    calling();
    response(3, 2, 0, stub, 8);
    ck_assert_int_eq(feed(), RPC_REPLY);
    send_call(1);
    response(3, 2, 0, stub, 8);
    expect_broken("another call");
}
END_TEST

START_TEST(f94_wrong_context)
{
    calling();
    response(3, 2, 1, stub, 8);
    expect_broken("another presentation context");
}
END_TEST

START_TEST(f94_context_changes)
{
    calling();
    response(1, 2, 0, stub, 8);
    response(2, 2, 0xFFFF, stub, 8);
    expect_broken("another presentation context");
}
END_TEST

START_TEST(f95_no_first)
{
    calling();
    response(_i ? 2 : 0, 2, 0, stub, 8);
    expect_broken("no first fragment");
}
END_TEST

START_TEST(f95_two_first)
{
    calling();
    response(1, 2, 0, stub, 8);
    response(3, 2, 0, stub, 8);
    expect_broken("begins twice");
}
END_TEST

START_TEST(f95_fragmented_ack)
{
    send_bind();
    ack_ndr32(4280);
    wire.b[3] = (uint8_t)_i;
    expect_broken("bind_ack is fragmented");
}
END_TEST

/* Without an end, the reply grows to its limit and no further. */
START_TEST(f96_no_last)
{
    calling();
    response(1, 2, 0, stub, 1000);
    ck_assert_int_eq(feed(), RPC_MORE);
    for (size_t n = 1000; n < MAX_REPLY; n += 1000) {
        response(0, 2, 0, stub, 1000);
        ck_assert_int_eq(feed(), RPC_MORE);
    }
    response(0, 2, 0, stub, 1);
    expect_end(feed(), NETSESSION_E_LIMIT, "100000 bytes");
}
END_TEST

START_TEST(f97_empty_first_fragment)
{
    calling();
    response(1, 2, 0, NULL, 0);
    expect_broken("empty");
}
END_TEST

START_TEST(f97_empty_middle_fragment)
{
    calling();
    response(1, 2, 0, stub, 8);
    response(0, 2, 0, NULL, 0);
    expect_broken("empty");
}
END_TEST

/* Nothing is allocated by the hint; one over 2 GiB is an error. */
START_TEST(f98_alloc_hint)
{
    static const struct {
        unsigned long hint;
        bool fine;
    } cases[] = {
        {0, true}, {1, true}, {0x7FFFFFFF, true}, {0x80000000, false}, {0xFFFFFFFF, false}};

    calling();
    response(3, 2, 0, stub, 8);
    wire.n = wire.start + 16;
    pdu_put(cases[_i].hint, 4);
    wire.n = wire.start + 32;
    if (!cases[_i].fine) {
        expect_broken("allocation hint");
        return;
    }
    expect_reply(feed(), stub, 8);
    ck_assert_uint_lt(client.reply.cap, 1000);
    finish();
}
END_TEST

/* No verifier was agreed, so there is no padding to believe (99) and no level
 * to change (100): the field alone is refused, in each PDU type. */
START_TEST(f99_auth_length)
{
    static const unsigned lengths[] = {1, 8, 16, 32, 0xFFFF};

    calling();
    response(3, 2, 0, stub, 32);
    pdu_set(10, lengths[_i], 2);
    expect_broken("auth verifier");
}
END_TEST

START_TEST(f100_auth_in_bind_ack)
{
    send_bind();
    ack_ndr32(4280);
    pdu_set(10, 16, 2);
    expect_broken("auth verifier");
}
END_TEST

START_TEST(f100_auth_in_last_fragment)
{
    calling();
    response(1, 2, 0, stub, 32);
    response(2, 2, 0, stub, 32);
    pdu_set(10, 16, 2);
    expect_broken("auth verifier");
}
END_TEST

START_TEST(f101_bind_nak)
{
    static const struct {
        unsigned reason;
        const char *name;
        uint32_t win32;
    } cases[] = {
        {0, "REASON_NOT_SPECIFIED", 1727},
        {1, "TEMPORARY_CONGESTION", 1723},
        {2, "LOCAL_LIMIT_EXCEEDED", 1723},
        {4, "PROTOCOL_VERSION_NOT_SPECIFIED", 1728},
        {8, "authentication_type_not_recognized", 1741},
        {9, "invalid_checksum", 1825},
        {3, "REASON_?", 1727},
        {0xFFFF, "REASON_?", 1727},
    };

    send_bind();
    nak(cases[_i].reason);
    expect_end(feed(), NETSESSION_E_REFUSED, cases[_i].name);
    ck_assert_str_eq(err.name, cases[_i].name);
    ck_assert_uint_eq(err.value, cases[_i].reason);
    ck_assert_uint_eq(err.win32, cases[_i].win32);
}
END_TEST

/* Extended error information is allowed there, and ignored. */
START_TEST(f101_bind_nak_with_more)
{
    send_bind();
    pdu_begin(13, 3, 2);
    pdu_put(4, 2);
    pdu_bytes(stub, 500);
    pdu_complete();
    expect_end(feed(), NETSESSION_E_REFUSED, "PROTOCOL_VERSION_NOT_SPECIFIED");
}
END_TEST

START_TEST(f102_fault)
{
    static const struct {
        unsigned long status;
        uint32_t win32;
    } cases[] = {{5, 5}, {0x6F7, 1783}, {0x1C010002, 1745}, {0x1C010003, 1717}};

    calling();
    fault(cases[_i].status);
    ck_assert_int_eq(feed(), NETSESSION_E_REFUSED);
    ck_assert_uint_eq(err.value, cases[_i].status);
    ck_assert_uint_eq(err.win32, cases[_i].win32);
    ck_assert(rpc_client_usable(&client)); /* and so the next call works */
    memset(&err, 0, sizeof err);
    send_call(20);
    response(3, 3, 0, stub, 8);
    expect_reply(feed(), stub, 8);
    finish();
}
END_TEST

START_TEST(f102_fault_mid_reassembly)
{
    calling();
    response(1, 2, 0, stub, 800);
    fault(0x6F7);
    ck_assert_int_eq(feed(), NETSESSION_E_REFUSED);
    ck_assert(rpc_client_usable(&client));
    ck_assert_uint_eq(rpc_client_reply(&client).len, 0); /* no half reply */
    memset(&err, 0, sizeof err);
    send_call(20);
    response(3, 3, 0, stub + 9, 8);
    expect_reply(feed(), stub + 9, 8);
    finish();
}
END_TEST

START_TEST(f102_fault_of_the_protocol)
{
    calling();
    fault(0x1C01000B);
    expect_end(feed(), NETSESSION_E_REFUSED, "nca_s_proto_error");
    ck_assert_uint_eq(err.win32, 1728);
}
END_TEST

START_TEST(f102_fault_and_more)
{
    calling();
    fault(5);
    pdu_put(0, 1);
    expect_end(feed(), NETSESSION_E_REFUSED, "fault");
}
END_TEST

START_TEST(f102_forbidden_fault)
{
    static const unsigned long status[] = {0, 0x80000001, 0xC0000005, 0xC0000420};

    calling();
    fault(status[_i]);
    expect_broken("must not send");
}
END_TEST

START_TEST(f103_rejected)
{
    static const struct {
        unsigned result, reason;
        const char *name;
        uint32_t win32;
    } cases[] = {
        {2, 0, "reason_not_specified", 1727},
        {2, 1, "abstract_syntax_not_supported", 1717},
        {2, 2, "proposed_transfer_syntaxes_not_supported", 1730},
        {2, 3, "local_limit_exceeded", 1723},
        {2, 77, "reason_?", 1727},
        {1, 0, "reason_not_specified", 1727},
    };

    send_bind();
    begin_ack(4280, 4280, 3);
    put_result(cases[_i].result, cases[_i].reason, NULL, 0);
    put_result(cases[_i].result, cases[_i].reason, NULL, 0);
    put_result(3, 3, NULL, 0);
    pdu_complete();
    expect_end(feed(), NETSESSION_E_REFUSED, cases[_i].name);
    ck_assert_str_eq(err.name, cases[_i].name);
    ck_assert_uint_eq(err.win32, cases[_i].win32);
}
END_TEST

/* Answers that no offer of ours explains. */
START_TEST(f103_impossible_results)
{
    static const struct {
        size_t context; /* whose result is replaced */
        unsigned result, reason;
        const char *uuid;
        unsigned long version;
    } cases[] = {
        {0, 0, 0, ndr64, 1},       /* a syntax of another context */
        {0, 0, 0, NULL, 0},        /* none */
        {0, 0, 0, ndr32, 1},       /* another version */
        {0, 0, 0, ndr32, 0x10002}, /* another minor version */
        {2, 0, 0, ndr32, 2},       /* the features as a syntax */
        {0, 3, 3, NULL, 0},        /* a syntax as the features */
        {2, 3, 4, NULL, 0},        /* a feature not offered */
        {2, 3, 0xFFFF, NULL, 0},   /* all of them */
        {1, 4, 0, NULL, 0},        /* no such result */
        {1, 0xFFFF, 0, NULL, 0},
    };

    send_bind();
    ack_ndr32(4280);
    wire.n = wire.start + 44 + 24 * cases[_i].context;
    put_result(cases[_i].result, cases[_i].reason, cases[_i].uuid, cases[_i].version);
    wire.n = wire.start + 44 + 24 * 3;
    expect_broken("a bind_ack");
}
END_TEST

START_TEST(f103_number_of_results)
{
    static const size_t counts[] = {0, 4, 200};

    send_bind();
    begin_ack(4280, 4280, counts[_i]);
    for (size_t i = 0; i < counts[_i]; i++)
        put_result(0, 0, ndr32, 2);
    pdu_complete();
    expect_broken("result");
}
END_TEST

/* As many as any bind could have offered, but more than this one did. */
START_TEST(f103_one_result_too_many)
{
    init(NETSESSION_NDR32);
    send_bind();
    ack_ndr32(4280);
    expect_broken("more results");
}
END_TEST

START_TEST(f103_bytes_behind_results)
{
    send_bind();
    ack_ndr32(4280);
    pdu_put(0, 4);
    pdu_complete();
    expect_broken("behind its results");
}
END_TEST

/* The secondary address claims more than there is. */
START_TEST(f103_address_too_long)
{
    send_bind();
    ack_ndr32(4280);
    pdu_set(24, 0xFFFF, 2);
    expect_broken("truncated");
}
END_TEST

START_TEST(f104_fragment_sizes)
{
    static const struct {
        unsigned max_xmit, max_recv;
        const char *words; /* NULL: fine */
    } cases[] = {
        {1431, 4280, "1432"},   {4280, 1431, "1432"},    {0, 0, "1432"},
        {5848, 4280, "longer"}, {4280, 65535, "longer"}, {1432, 1432, NULL},
        {5840, 5840, NULL},     {1432, 5840, NULL},
    };

    send_bind();
    begin_ack(cases[_i].max_xmit, cases[_i].max_recv, 1);
    put_result(0, 0, ndr32, 2);
    pdu_complete();
    if (cases[_i].words) {
        expect_broken(cases[_i].words);
        return;
    }
    ck_assert_int_eq(feed(), RPC_BOUND);
    finish();
}
END_TEST

/* ---- The suite ---- */

static void recover(void)
{
    memset(&wire, 0, sizeof wire);
    setup();
}

Suite *dcerpc_suite(void)
{
    Suite *s = suite_create("dcerpc");
    TCase *life = tcase_create("life");
    TCase *hostile = tcase_create("hostile");

    tcase_add_checked_fixture(life, recover, NULL);
    tcase_add_checked_fixture(hostile, recover, NULL);
    suite_add_tcase(s, life);
    suite_add_tcase(s, hostile);

    tcase_add_test(life, recorded_exchange);
    tcase_add_loop_test(life, bind_offers_what_is_asked, 0, 3);
    tcase_add_test(life, no_syntax);
    tcase_add_test(life, appended);
    tcase_add_test(life, calls_one_after_the_other);
    tcase_add_test(life, big_endian_server);
    tcase_add_test(life, fewer_results);
    tcase_add_test(life, both_accepted);
    tcase_add_test(life, features_rejected);
    tcase_add_loop_test(life, request_fragments, 0, 10);
    tcase_add_test(life, odd_fragment_size);
    tcase_add_test(life, request_too_long);
    tcase_add_test(life, reply_fragments_bytewise);
    tcase_add_test(life, reply_fragments_at_once);
    tcase_add_test(life, empty_last_fragment);
    tcase_add_test(life, unknown_flags_are_ignored);
    tcase_add_test(life, each_allocation_fails_once);
    tcase_add_test(life, wrong_moment);
    tcase_add_test(life, call_ids_run_out);

    tcase_add_test(hostile, big_endian_has_no_ndr64);
    tcase_add_test(hostile, big_endian_rejects_all);
    tcase_add_test(hostile, bytes_before_bind);
    tcase_add_test(hostile, bytes_between_calls);
    tcase_add_test(hostile, bytes_after_bind_ack);
    tcase_add_test(hostile, bytes_after_reply);
    tcase_add_test(hostile, reply_before_request);
    tcase_add_test(hostile, reply_amid_request);
    tcase_add_test(hostile, fault_amid_request);
    tcase_add_test(hostile, f86_frag_length_0);
    tcase_add_test(hostile, f87_frag_length_15);
    tcase_add_loop_test(hostile, f87_frag_length_16_to_23, 16, 24);
    tcase_add_test(hostile, f88_frag_length_65535);
    tcase_add_test(hostile, f88_frag_length_over_agreed);
    tcase_add_test(hostile, f88_frag_length_as_agreed);
    tcase_add_test(hostile, f89_frag_length_over_data);
    tcase_add_test(hostile, f89_truncated_bind_ack);
    tcase_add_test(hostile, f89_truncated_others);
    tcase_add_loop_test(hostile, f90_wrong_version, 0, 5);
    tcase_add_loop_test(hostile, f91_wrong_representation, 0, 5);
    tcase_add_test(hostile, f91_byte_order_after_bind);
    tcase_add_test(hostile, f91_byte_order_mid_call);
    tcase_add_loop_test(hostile, f92_wrong_type_in_call, 0, 256);
    tcase_add_loop_test(hostile, f92_wrong_type_in_bind, 0, 256);
    tcase_add_loop_test(hostile, f93_wrong_call_id, 0, 5);
    tcase_add_test(hostile, f93_wrong_call_id_of_ack);
    tcase_add_test(hostile, f93_call_id_changes);
    tcase_add_test(hostile, f93_old_reply);
    tcase_add_test(hostile, f94_wrong_context);
    tcase_add_test(hostile, f94_context_changes);
    tcase_add_loop_test(hostile, f95_no_first, 0, 2);
    tcase_add_test(hostile, f95_two_first);
    tcase_add_loop_test(hostile, f95_fragmented_ack, 0, 3);
    tcase_add_test(hostile, f96_no_last);
    tcase_add_test(hostile, f97_empty_first_fragment);
    tcase_add_test(hostile, f97_empty_middle_fragment);
    tcase_add_loop_test(hostile, f98_alloc_hint, 0, 5);
    tcase_add_loop_test(hostile, f99_auth_length, 0, 5);
    tcase_add_test(hostile, f100_auth_in_bind_ack);
    tcase_add_test(hostile, f100_auth_in_last_fragment);
    tcase_add_loop_test(hostile, f101_bind_nak, 0, 8);
    tcase_add_test(hostile, f101_bind_nak_with_more);
    tcase_add_loop_test(hostile, f102_fault, 0, 4);
    tcase_add_test(hostile, f102_fault_mid_reassembly);
    tcase_add_test(hostile, f102_fault_of_the_protocol);
    tcase_add_test(hostile, f102_fault_and_more);
    tcase_add_loop_test(hostile, f102_forbidden_fault, 0, 4);
    tcase_add_loop_test(hostile, f103_rejected, 0, 6);
    tcase_add_loop_test(hostile, f103_impossible_results, 0, 10);
    tcase_add_loop_test(hostile, f103_number_of_results, 0, 3);
    tcase_add_test(hostile, f103_one_result_too_many);
    tcase_add_test(hostile, f103_bytes_behind_results);
    tcase_add_test(hostile, f103_address_too_long);
    tcase_add_loop_test(hostile, f104_fragment_sizes, 0, 8);
    return s;
}
