/*
 * dcerpc/, the server's half: a recorded exchange byte for byte, one case for
 * everything that the public conformance tests of the protocol expect of a
 * Windows server without authentication, our own client at the other end, and
 * every way to maim what a client sends.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "dcerpc/client.h"
#include "dcerpc/server.h"
#include "tests/test_dcerpc_rig.h"
#include "tests/util.h"

Suite *dcerpc_server_suite(void);

#define BOTH  (NETSESSION_NDR32 | NETSESSION_NDR64)
#define GROUP 0x7AEEu

#define FIRST  0x01u
#define LAST   0x02u
#define WHOLE  0x03u
#define CANCEL 0x04u
#define SIGN   0x04u
#define MPX    0x10u
#define DIDNOT 0x20u
#define OBJECT 0x80u

#define PROTO_ERROR 0x1C01000Bul
#define UNKNOWN_IF  0x1C010003ul
#define OP_RANGE    0x1C010002ul

typedef const char *syntax; /* 20 bytes: UUID in little-endian wire order, version */

static const syntax srvsvc =
    "\xC8\x4F\x32\x4B\x70\x16\xD3\x01\x12\x78\x5A\x47\xBF\x6E\xE1\x88\3\0\0\0";
static const syntax other =
    "\x98\xD0\xFF\x6B\x12\xA1\x10\x36\x98\x33\x46\xC3\xF8\x7E\x34\x5A\1\0\0\0";
static const syntax zero = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
static const syntax ndr32 = RPC_NDR32 "\2\0\0\0";
static const syntax ndr64 = RPC_NDR64 "\1\0\0\0";
#define FEATURES(bits) "\x2C\x1C\xB7\x6C\x12\x98\x40\x45" bits "\1\0\0\0"
static const syntax features0 = FEATURES("\0\0\0\0\0\0\0\0");
static const syntax features1 = FEATURES("\1\0\0\0\0\0\0\0");
static const syntax features2 = FEATURES("\2\0\0\0\0\0\0\0");
static const syntax features3 = FEATURES("\3\0\0\0\0\0\0\0");
static const syntax features_all = FEATURES("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF");

/* ---- The service ---- */

enum {                     /* opnums */
       OP_STATUS = 1,      /* faults with service.status */
       OP_BROKEN = 0x0202, /* is out of memory */
       OP_FLOOD = 0x0303,  /* writes without end */
       OP_ECHO = 4,
       OP_MUTE = 5,   /* does not even write nothing */
       OP_REPLY = 12, /* service.len pattern bytes */
       OP_NONE = 58
};

static struct {
    unsigned calls;
    uint32_t status;
    size_t len;
    rpc_call last; /* stub is not valid any more */
    uint8_t stub[400000];
    size_t stub_len;
} service;

static uint8_t pattern[16 << 20];

static int serve(void *ctx, const rpc_call *call, ns_writer *out, uint32_t *fault)
{
    ck_assert_ptr_eq(ctx, &service);
    ck_assert_uint_eq(out->len, 0);
    service.calls++;
    service.last = *call;
    service.stub_len = ns_left(&call->stub);
    if (service.stub_len && service.stub_len <= sizeof service.stub)
        memcpy(service.stub, call->stub.base, service.stub_len);
    if (call->opnum == OP_STATUS)
        *fault = service.status;
    else if (call->opnum == OP_BROKEN)
        return NETSESSION_E_MEMORY;
    else if (call->opnum == OP_ECHO)
        ns_put(out, call->stub.base, service.stub_len);
    else if (call->opnum == OP_REPLY)
        ns_put(out, pattern, service.len);
    else if (call->opnum != OP_FLOOD && call->opnum != OP_MUTE)
        *fault = RPC_FAULT_OP_RANGE;
    while (call->opnum == OP_FLOOD && !out->err)
        ns_put(out, pattern, sizeof pattern);
    return 0;
}

static rpc_service services[2];

static void make_service(rpc_service *s, syntax id, const char *address)
{
    *s = (rpc_service){.secondary_address = address, .call = serve, .ctx = &service};
    memcpy(s->iface.uuid, id, 16);
    s->iface.major = (uint8_t)id[16];
}

/* ---- The server under test ---- */

static test_heap heap;
static netsession_hooks hooks;
static rpc_server server;

static void init(unsigned syntaxes)
{
    rpc_server_init(&server, &hooks, services, 2, syntaxes, GROUP);
    wire.n = 0;
}

/* The whole pattern is made once; a test may have changed its beginning. */
static void make_pattern(size_t n)
{
    for (size_t i = 0; i < n; i++)
        pattern[i] = (uint8_t)(i * 7 + i / 251);
}

static void setup(void)
{
    test_heap_hooks(&heap, &hooks);
    memset(&service, 0, sizeof service);
    service.len = 8;
    wire.big = false;
    make_pattern(256);
    make_service(&services[0], srvsvc, "\\PIPE\\srvsvc");
    make_service(&services[1], other, "\\PIPE\\wkssvc");
    init(BOTH);
}

static void finish(void)
{
    rpc_server_free(&server);
    ck_assert_int_eq(heap.live, 0);
}

/* ---- Writing ---- */

static void put_syntax(syntax s)
{
    pdu_uuid(s);
    pdu_put(ns_le32((const uint8_t *)s + 16), 4);
}

/* Sizes and group are at 16, 18 and 20, the number of contexts at 24. */
static void begin_bind(unsigned ptype, unsigned flags, unsigned long call_id)
{
    pdu_begin(ptype, flags, call_id);
    pdu_put(4280, 2);
    pdu_put(4280, 2);
    pdu_put(0, 8);
}

/* Transfer syntaxes up to the first NULL. */
static void context(unsigned id, syntax abstract, syntax a, syntax b, syntax c)
{
    syntax list[] = {a, b, c};
    size_t n = 0;

    while (n < 3 && list[n])
        n++;
    wire.b[wire.start + 24]++;
    pdu_put(id, 2);
    pdu_put(n, 1);
    pdu_put(0, 1);
    put_syntax(abstract);
    for (size_t i = 0; i < n; i++)
        put_syntax(list[i]);
}

static void alter_one(unsigned long call_id, unsigned id, syntax abstract, syntax a, syntax b)
{
    begin_bind(14, WHOLE, call_id);
    context(id, abstract, a, b, NULL);
    pdu_complete();
}

static void request(unsigned flags, unsigned long call_id, unsigned id, unsigned opnum,
                    const void *p, size_t n)
{
    pdu_begin(0, flags, call_id);
    pdu_put(n, 4);
    pdu_put(id, 2);
    pdu_put(opnum, 2);
    if (flags & OBJECT)
        pdu_bytes("0123456789abcdef", 16);
    pdu_bytes(p, n);
    pdu_complete();
}

/* Appends a verifier to the PDU. */
static void authenticate(unsigned type, unsigned level)
{
    pdu_put(type, 1);
    pdu_put(level, 1);
    pdu_put(0, 6);
    pdu_bytes("none", 4);
    pdu_set(10, 4, 2);
    pdu_complete();
}

/* ---- Sending, and what comes back ---- */

static int feed(void)
{
    size_t n = wire.n;

    wire.n = 0;
    return rpc_server_input(&server, wire.b, n);
}

static void send(void)
{
    ck_assert_int_eq(feed(), 0);
}

/* The message that waits, which is one whole PDU with that header. */
static ns_reader expect(unsigned ptype, unsigned flags, unsigned long call_id)
{
    size_t n;
    const uint8_t *p = rpc_server_output(&server, &n);
    ns_reader r = ns_reader_of(p, n);

    ck_assert_ptr_nonnull(p);
    ck_assert_mem_eq(p, "\5\0", 2);
    ck_assert_uint_eq(p[2], ptype);
    ck_assert_uint_eq(p[3], flags);
    ck_assert_mem_eq(p + 4, "\x10\0\0\0", 4);
    ck_assert_uint_eq(ns_le16(p + 8), n);
    ck_assert_uint_eq(ns_le16(p + 10), 0);
    ck_assert_uint_eq(ns_le32(p + 12), call_id);
    ns_skip(&r, 16);
    return r;
}

static void acknowledge(void)
{
    size_t n;

    ck_assert_ptr_nonnull(rpc_server_output(&server, &n));
    rpc_server_output_ack(&server, n);
}

static void expect_nothing(void)
{
    size_t n = 1;

    ck_assert_ptr_null(rpc_server_output(&server, &n));
    ck_assert_uint_eq(n, 0);
}

static void expect_silence(void)
{
    expect_nothing();
    ck_assert(!rpc_server_ended(&server));
}

/* The association is over, and stays so. */
static void expect_end(void)
{
    ck_assert(rpc_server_ended(&server));
    expect_nothing();
    begin_bind(11, WHOLE, 9);
    context(0, srvsvc, ndr32, NULL, NULL);
    pdu_complete();
    send();
    expect_nothing();
    ck_assert(rpc_server_ended(&server));
    finish();
}

static void expect_nak(unsigned long call_id, unsigned reason)
{
    ns_reader r = expect(13, WHOLE, call_id);

    ck_assert_uint_eq(r.len, 24);
    ck_assert_uint_eq(ns_get16(&r), reason);
    ck_assert_mem_eq(ns_take(&r, 6), "\1\5\0\0\0\0", 6);
    acknowledge();
    expect_end();
}

static void expect_fault(unsigned flags, unsigned long call_id, unsigned id,
                         unsigned long status)
{
    ns_reader r = expect(3, WHOLE | flags, call_id);

    ck_assert_uint_eq(r.len, 32);
    ck_assert_uint_eq(ns_get32(&r), 32);
    ck_assert_uint_eq(ns_get16(&r), id);
    ck_assert_uint_eq(ns_get16(&r), 0);
    ck_assert_uint_eq(ns_get32(&r), status);
    ck_assert_uint_eq(ns_get32(&r), 0);
    acknowledge();
}

static void expect_last_fault(unsigned flags, unsigned long call_id, unsigned id,
                              unsigned long status)
{
    ck_assert(rpc_server_ended(&server));
    expect_fault(flags, call_id, id, status);
    expect_end();
}

/* The head of a bind_ack or alter_context_resp; the reader stands at the
 * results. */
static ns_reader expect_ack(unsigned ptype, unsigned flags, unsigned long call_id,
                            const char *addr, size_t results)
{
    ns_reader r = expect(ptype, WHOLE | flags, call_id);
    size_t n = addr ? strlen(addr) + 1 : 0;

    ck_assert_uint_eq(ns_get16(&r), 4280);
    ck_assert_uint_eq(ns_get16(&r), 4280);
    ck_assert_uint_eq(ns_get32(&r), GROUP);
    ck_assert_uint_eq(ns_get16(&r), n);
    if (n)
        ck_assert_mem_eq(ns_take(&r, n), addr, n);
    while (r.off % 4)
        ck_assert_uint_eq(ns_get8(&r), 0);
    ck_assert_uint_eq(ns_get32(&r), results);
    ck_assert_uint_eq(ns_left(&r), 24 * results);
    return r;
}

static void expect_result(ns_reader *r, unsigned result, unsigned reason, syntax s)
{
    ck_assert_uint_eq(ns_get16(r), result);
    ck_assert_uint_eq(ns_get16(r), reason);
    ck_assert_mem_eq(ns_take(r, 20), s, 20);
}

static void expect_alter_resp(unsigned long call_id, unsigned result, unsigned reason, syntax s)
{
    ns_reader r = expect_ack(15, 0, call_id, NULL, 1);

    expect_result(&r, result, reason, s);
    acknowledge();
}

/* A response in one fragment. */
static void expect_response(unsigned long call_id, unsigned id, const void *p, size_t n)
{
    ns_reader r = expect(2, WHOLE, call_id);

    ck_assert_uint_eq(ns_get32(&r), n);
    ck_assert_uint_eq(ns_get16(&r), id);
    ck_assert_uint_eq(ns_get16(&r), 0);
    ck_assert_uint_eq(ns_left(&r), n);
    if (n)
        ck_assert_mem_eq(ns_take(&r, n), p, n);
    acknowledge();
}

/* The association works: a call of service.len bytes is answered. */
static void expect_usable(unsigned long call_id, unsigned id)
{
    expect_silence();
    request(WHOLE, call_id, id, OP_REPLY, "", 0);
    send();
    expect_response(call_id, id, pattern, service.len);
    expect_silence();
}

/* Context 1 is srvsvc in NDR32, as in the public tests. */
static void bind_flags(unsigned flags, unsigned answer)
{
    begin_bind(11, flags, 0);
    context(1, srvsvc, ndr32, NULL, NULL);
    pdu_complete();
    send();
    expect(12, WHOLE | answer, 0);
    acknowledge();
}

static void bound(void)
{
    bind_flags(WHOLE, 0);
}

/* ---- A Windows client and a Windows server, recorded (OTRF, MIT licence) ---- */

static void expect_bytes(const uint8_t *want, size_t len)
{
    size_t n;
    const uint8_t *p = rpc_server_output(&server, &n);

    ck_assert_uint_eq(n, len);
    ck_assert_mem_eq(p, want, len);
    acknowledge();
}

START_TEST(recorded_exchange)
{
    uint8_t want[256];
    size_t n;

    wire.n = test_unhex(wire.b, sizeof wire.b, recorded_bind);
    send();
    expect_bytes(want, test_unhex(want, sizeof want, recorded_ack));

    wire.n = test_unhex(wire.b, sizeof wire.b, recorded_request);
    n = test_unhex(want, sizeof want, recorded_response);
    memcpy(pattern, want + 24, n - 24);
    service.len = n - 24;
    send();
    expect_bytes(want, n);
    ck_assert_uint_eq(service.last.opnum, 12);
    ck_assert(service.last.ndr64);
    ck_assert(!service.last.big);
    n = test_unhex(want, sizeof want, recorded_request);
    ck_assert_uint_eq(service.stub_len, n - 24);
    ck_assert_mem_eq(service.stub, want + 24, n - 24);
    finish();
}
END_TEST

/* ---- bind and alter_context ---- */

static const struct {
    unsigned flags, bind, alter;
} pfc[] = {{0, 0, 0},      {FIRST, 0, 0},           {LAST, 0, 0},   {SIGN, SIGN, SIGN},
           {0x08, 0, 0},   {MPX, MPX, 0},           {DIDNOT, 0, 0}, {0x40, 0, 0},
           {OBJECT, 0, 0}, {0xFF, SIGN | MPX, SIGN}};

START_TEST(no_auth_request_bind_pfc)
{
    bind_flags(pfc[_i].flags, pfc[_i].bind);
    expect_usable(1, 1);
    finish();
}
END_TEST

START_TEST(no_auth_request_alter_pfc)
{
    ns_reader r;

    bound();
    alter_one(0, 1, srvsvc, ndr32, NULL);
    wire.b[3] = (uint8_t)pfc[_i].flags;
    send();
    r = expect_ack(15, pfc[_i].alter, 0, NULL, 1);
    expect_result(&r, 0, 0, ndr32);
    acknowledge();
    expect_usable(1, 1);
    finish();
}
END_TEST

START_TEST(no_auth_no_ctx)
{
    begin_bind(11, WHOLE, 7);
    pdu_complete();
    send();
    expect_nak(7, 4);
}
END_TEST

START_TEST(alter_no_auth_no_ctx)
{
    bound();
    begin_bind(14, WHOLE, 7);
    pdu_complete();
    send();
    expect_last_fault(DIDNOT, 7, 0, PROTO_ERROR);
}
END_TEST

START_TEST(invalid_auth_noctx)
{
    begin_bind(11, WHOLE, 7);
    pdu_complete();
    pdu_set(10, 8, 2);
    send();
    expect_nak(7, 4);
}
END_TEST

START_TEST(no_auth_valid_valid_request)
{
    bound();
    begin_bind(11, WHOLE, 1);
    context(1, srvsvc, ndr32, NULL, NULL);
    pdu_complete();
    send();
    expect_nak(1, 0);
}
END_TEST

START_TEST(no_auth_invalid_valid_request)
{
    begin_bind(11, WHOLE, 0);
    pdu_complete();
    begin_bind(11, WHOLE, 1);
    context(1, srvsvc, ndr32, NULL, NULL);
    pdu_complete();
    send();
    expect_nak(0, 4);
}
END_TEST

/* Nothing but a bind comes first. */
START_TEST(not_bound)
{
    pdu_begin((unsigned)_i, WHOLE, 3);
    pdu_put(0, 8);
    pdu_complete();
    send();
    if (_i == 11)
        ck_assert_uint_eq(expect(13, WHOLE, 3).base[16], 4);
    expect_nak(3, 4);
}
END_TEST

/* Nor does anything come later that is not for a server. */
START_TEST(wrong_type)
{
    bool fits = _i == 0 || _i == 11 || _i == 14 || _i == 18 || _i == 19;

    bound();
    pdu_begin((unsigned)_i, WHOLE, 3);
    pdu_put(0, 4);
    pdu_complete();
    if (fits)
        finish();
    if (fits)
        return;
    send();
    expect_last_fault(0, 3, 0, PROTO_ERROR);
}
END_TEST

START_TEST(presentation_ctx_valid1)
{
    ns_reader r;

    begin_bind(11, WHOLE, 0);
    context(1, srvsvc, zero, ndr32, NULL);
    pdu_complete();
    send();
    r = expect_ack(12, 0, 0, "\\PIPE\\srvsvc", 1);
    expect_result(&r, 0, 0, ndr32);
    acknowledge();
    alter_one(1, 1, srvsvc, zero, ndr32);
    send();
    expect_alter_resp(1, 0, 0, ndr32);
    request(WHOLE, 2, 1, 0xFFFF, "", 0);
    send();
    expect_fault(DIDNOT, 2, 1, OP_RANGE);
    expect_usable(3, 1);
    finish();
}
END_TEST

START_TEST(presentation_ctx_invalid1)
{
    ns_reader r;

    begin_bind(11, WHOLE, 0);
    context(1, ndr32, ndr32, NULL, NULL);
    pdu_complete();
    send();
    r = expect_ack(12, 0, 0, "\\PIPE\\srvsvc", 1);
    expect_result(&r, 2, 1, zero);
    acknowledge();
    alter_one(1, 1, ndr32, ndr32, NULL);
    send();
    expect_alter_resp(1, 2, 1, zero);
    request(WHOLE, 2, 12345, OP_REPLY, "", 0);
    send();
    expect_fault(DIDNOT, 2, 0, UNKNOWN_IF);
    alter_one(3, 1, srvsvc, ndr32, NULL);
    send();
    expect_alter_resp(3, 0, 0, ndr32);
    expect_usable(4, 1);
    finish();
}
END_TEST

/* The version counts: major the same, minor no higher than ours. */
START_TEST(presentation_ctx_version)
{
    static const char versions[][4] = {{4, 0}, {2, 0}, {3, 0, 1}};
    char id[20];
    ns_reader r;

    memcpy(id, srvsvc, 16);
    memcpy(id + 16, versions[_i], 4);
    begin_bind(11, WHOLE, 0);
    context(1, id, ndr32, NULL, NULL);
    pdu_complete();
    send();
    r = expect_ack(12, 0, 0, "\\PIPE\\srvsvc", 1);
    expect_result(&r, 2, 1, zero);
    finish();
}
END_TEST

START_TEST(presentation_ctx_minor)
{
    services[0].iface.minor = 5;
    bound();
    expect_usable(1, 1);
    finish();
}
END_TEST

START_TEST(presentation_ctx_invalid2)
{
    begin_bind(11, WHOLE, 0);
    context(1, srvsvc, NULL, NULL, NULL);
    pdu_complete();
    send();
    expect_nak(0, 0);
}
END_TEST

START_TEST(presentation_ctx_invalid3)
{
    bound();
    alter_one(1, 1, srvsvc, NULL, NULL);
    send();
    expect_last_fault(DIDNOT, 1, 0, PROTO_ERROR);
}
END_TEST

/* A known syntax that is not the context's, whether it is spoken here or not. */
START_TEST(presentation_ctx_invalid4)
{
    init(_i ? NETSESSION_NDR32 : BOTH);
    bound();
    alter_one(1, 1, srvsvc, zero, ndr64);
    send();
    expect_last_fault(DIDNOT, 1, 0, PROTO_ERROR);
}
END_TEST

START_TEST(presentation_ctx_valid2)
{
    bound();
    alter_one(1, 1, srvsvc, zero, other);
    send();
    expect_alter_resp(1, 2, 2, zero);
    expect_usable(2, 1);
    finish();
}
END_TEST

START_TEST(presentation_ctx_other_interface)
{
    bound();
    alter_one(1, 1, other, ndr32, NULL);
    send();
    expect_last_fault(DIDNOT, 1, 0, PROTO_ERROR);
}
END_TEST

/* The context that there is stays what it was. */
START_TEST(presentation_ctx_unknown_interface)
{
    bound();
    alter_one(1, 1, zero, ndr32, NULL);
    send();
    expect_alter_resp(1, 2, 1, zero);
    expect_usable(2, 1);
    finish();
}
END_TEST

START_TEST(presentation_ctx_one_id_for_two)
{
    begin_bind(11, WHOLE, 0);
    context(1, srvsvc, ndr32, NULL, NULL);
    context(1, other, ndr32, NULL, NULL);
    pdu_complete();
    send();
    expect_nak(0, 4);
}
END_TEST

static void alter_two(unsigned long call_id, unsigned a, unsigned b)
{
    ns_reader r;

    begin_bind(14, WHOLE, call_id);
    context(a, srvsvc, ndr32, NULL, NULL);
    context(b, srvsvc, ndr32, NULL, NULL);
    pdu_complete();
    send();
    r = expect_ack(15, 0, call_id, NULL, 2);
    expect_result(&r, 0, 0, ndr32);
    expect_result(&r, 2, 2, zero);
    acknowledge();
}

/* Of several contexts for one interface the first is accepted; those that
 * exist stay, even when they are rejected now. */
START_TEST(presentation_ctx_no_ndr64)
{
    init(NETSESSION_NDR32);
    begin_bind(11, WHOLE, 0);
    context(54321, zero, zero, NULL, NULL);
    pdu_complete();
    send();
    ck_assert_uint_eq(expect(12, WHOLE, 0).base[44], 2);
    acknowledge();
    alter_one(0, 0, srvsvc, ndr64, ndr32);
    send();
    expect_alter_resp(0, 0, 0, ndr32);
    expect_usable(1, 0);
    alter_two(34, 3, 4);
    expect_usable(1, 3);
    request(WHOLE, 1, 4, OP_REPLY, "", 0);
    send();
    expect_fault(DIDNOT, 1, 0, UNKNOWN_IF);
    alter_two(43, 4, 3);
    expect_usable(1, 4);
    expect_usable(1, 3);
    alter_two(44, 4, 4);
    alter_two(55, 5, 5);
    expect_usable(1, 5);
    alter_one(56, 6, srvsvc, ndr64, NULL);
    send();
    expect_alter_resp(56, 2, 2, zero);
    finish();
}
END_TEST

/* NDR64 is preferred wherever it stands. */
START_TEST(presentation_ctx_prefers_ndr64)
{
    ns_reader r;

    begin_bind(11, WHOLE, 0);
    context(0, srvsvc, ndr32, NULL, NULL);
    context(1, other, ndr32, NULL, NULL);
    context(2, srvsvc, ndr32, zero, ndr64);
    pdu_complete();
    send();
    r = expect_ack(12, 0, 0, "\\PIPE\\srvsvc", 3);
    expect_result(&r, 2, 2, zero);
    expect_result(&r, 0, 0, ndr32);
    expect_result(&r, 0, 0, ndr64);
    acknowledge();
    expect_usable(1, 1);
    ck_assert(!service.last.ndr64);
    expect_usable(2, 2);
    ck_assert(service.last.ndr64);
    finish();
}
END_TEST

START_TEST(address_of_the_interface)
{
    begin_bind(11, WHOLE, 0);
    context(0, other, ndr32, NULL, NULL);
    pdu_complete();
    send();
    expect_ack(12, 0, 0, "\\PIPE\\wkssvc", 1);
    finish();
}
END_TEST

START_TEST(no_services)
{
    rpc_server_init(&server, &hooks, NULL, 0, BOTH, GROUP);
    begin_bind(11, WHOLE, 0);
    context(0, srvsvc, ndr32, NULL, NULL);
    pdu_complete();
    send();
    expect_ack(12, 0, 0, NULL, 1);
    finish();
}
END_TEST

START_TEST(bind_time_features)
{
    const struct {
        syntax a, b;
        unsigned result, reason;
    } cases[] = {
        {features0, NULL, 3, 0},      {features1, NULL, 3, 1},    {features2, NULL, 3, 2},
        {features3, NULL, 3, 3},      {features_all, NULL, 3, 3}, {features0, features3, 3, 0},
        {features1, features2, 3, 1}, {zero, features3, 2, 1},
    };
    ns_reader r;

    begin_bind(11, WHOLE, 0);
    context(1, zero, cases[_i].a, cases[_i].b, NULL);
    pdu_complete();
    send();
    r = expect_ack(12, 0, 0, "\\PIPE\\srvsvc", 1);
    expect_result(&r, cases[_i].result, cases[_i].reason, zero);
    finish();
}
END_TEST

START_TEST(bind_time_twice)
{
    begin_bind(11, WHOLE, 0);
    context(1, zero, features1, NULL, NULL);
    context(2, zero, features1, NULL, NULL);
    pdu_complete();
    send();
    expect_nak(0, 0);
}
END_TEST

/* Too late: there it is a syntax that nobody knows. */
START_TEST(bind_time_in_alter)
{
    bound();
    alter_one(1, 2, srvsvc, features3, NULL);
    send();
    expect_alter_resp(1, 2, 2, zero);
    finish();
}
END_TEST

static const struct {
    unsigned type, level, reason;
} auth[] = {{0, 0, 0}, {0, 1, 0}, {0, 2, 8}, {0, 3, 8},  {0, 4, 8},  {0, 5, 8},  {0, 6, 8},
            {0, 7, 0}, {9, 6, 8}, {9, 1, 0}, {10, 5, 8}, {16, 2, 8}, {0, 255, 0}};

START_TEST(auth_bind)
{
    begin_bind(11, WHOLE, 0);
    context(1, srvsvc, ndr32, NULL, NULL);
    authenticate(auth[_i].type, auth[_i].level);
    send();
    expect_nak(0, auth[_i].reason);
}
END_TEST

START_TEST(auth_alter)
{
    bound();
    alter_one(1, 2, srvsvc, ndr32, NULL);
    authenticate(auth[_i].type, auth[_i].level);
    send();
    expect_last_fault(DIDNOT, 1, 0, 5);
}
END_TEST

START_TEST(auth_none_request)
{
    bound();
    expect_usable(2, 1);
    request(WHOLE, 3, 1, OP_REPLY, "", 0);
    authenticate(auth[_i].type, auth[_i].level);
    send();
    expect_last_fault(0, 3, 1, 5);
}
END_TEST

START_TEST(auth3)
{
    bound();
    pdu_begin(16, WHOLE, 3);
    pdu_put(0, 4);
    authenticate(10, 5);
    send();
    expect_last_fault(0, 3, 0, PROTO_ERROR);
}
END_TEST

START_TEST(neg_xmit)
{
    static const struct {
        unsigned xmit, recv, both;
    } cases[] = {{0xFFFF, 0xFFFF, 4280}, {5840, 5840, 4280},   {4280, 4280, 4280},
                 {0, 0xFFFF, 1432},      {0xFFFF, 0, 1432},    {0, 0, 1432},
                 {3199, 0xFFFF, 3192},   {0xFFFF, 3199, 3192}, {1439, 1433, 1432}};
    ns_reader r;

    begin_bind(11, WHOLE, 0);
    context(1, srvsvc, ndr32, NULL, NULL);
    pdu_complete();
    pdu_set(16, cases[_i].xmit, 2);
    pdu_set(18, cases[_i].recv, 2);
    send();
    r = expect(12, WHOLE, 0);
    ck_assert_uint_eq(ns_get16(&r), cases[_i].both);
    ck_assert_uint_eq(ns_get16(&r), cases[_i].both);
    acknowledge();

    /* An alter_context changes neither sizes nor group. */
    alter_one(1, 1, srvsvc, ndr32, NULL);
    pdu_set(16, cases[_i].both - 8, 2);
    pdu_set(18, 0xFFFF, 2);
    pdu_set(20, ~GROUP, 4);
    send();
    r = expect(15, WHOLE, 1);
    ck_assert_uint_eq(ns_get16(&r), cases[_i].both);
    ck_assert_uint_eq(ns_get16(&r), cases[_i].both);
    ck_assert_uint_eq(ns_get32(&r), GROUP);
    acknowledge();

    /* Whatever was agreed, the limit for us to take is our own. */
    request(WHOLE, 2, 1, OP_REPLY, pattern, 4280 - 24);
    pdu_set(16, 0xFFFFFFFF, 4);
    send();
    expect_response(2, 1, pattern, 8);
    request(WHOLE, 3, 1, OP_REPLY, pattern, 4281 - 24);
    send();
    expect_last_fault(0, 3, 0, PROTO_ERROR);
}
END_TEST

/* The header is enough to refuse it. */
START_TEST(pdu_too_long)
{
    bound();
    request(WHOLE, 3, 1, OP_REPLY, "", 0);
    pdu_set(8, _i ? 15 : 65535, 2);
    wire.n = 16;
    send();
    expect_last_fault(0, 3, 0, PROTO_ERROR);
}
END_TEST

START_TEST(bind_too_long)
{
    begin_bind(11, WHOLE, 3);
    pdu_set(8, _i ? 15 : 4281, 2);
    send();
    expect_nak(3, 4);
}
END_TEST

START_TEST(assoc_group)
{
    static const struct {
        unsigned long group;
        bool known;
    } cases[] = {{0, true}, {GROUP, true}, {1, false}, {0xFFFFFFFF, false}};

    begin_bind(11, WHOLE, 0);
    context(1, srvsvc, ndr32, NULL, NULL);
    pdu_complete();
    pdu_set(20, cases[_i].group, 4);
    send();
    if (!cases[_i].known) {
        expect_nak(0, 0);
        return;
    }
    expect_ack(12, 0, 0, "\\PIPE\\srvsvc", 1);
    finish();
}
END_TEST

static const uint8_t bad_header[][2] = {/* offset, value */
                                        {0, 4}, {0, 6}, {1, 1}, {4, 0x11}, {4, 0x20}, {5, 1}};

START_TEST(version_in_bind)
{
    begin_bind(11, WHOLE, 5);
    context(1, srvsvc, ndr32, NULL, NULL);
    pdu_complete();
    wire.b[bad_header[_i][0]] = bad_header[_i][1];
    send();
    expect_nak(5, 4);
}
END_TEST

START_TEST(version_in_request)
{
    bound();
    request(WHOLE, 5, 1, OP_REPLY, "", 0);
    wire.b[bad_header[_i][0]] = bad_header[_i][1];
    send();
    expect_last_fault(0, 5, 0, PROTO_ERROR);
}
END_TEST

static void many(unsigned ptype, size_t n)
{
    begin_bind(ptype, WHOLE, 5);
    for (size_t i = 0; i < n; i++)
        context((unsigned)(100 + i), srvsvc, ndr32, NULL, NULL);
    pdu_complete();
    send();
}

START_TEST(as_many_contexts_as_allowed)
{
    many(11, 48);
    ck_assert_uint_lt(expect_ack(12, 0, 5, "\\PIPE\\srvsvc", 48).len, 1432);
    acknowledge();
    expect_usable(1, 100);
    finish();
}
END_TEST

START_TEST(too_many_contexts_in_bind)
{
    many(11, 49);
    expect_nak(5, 2);
}
END_TEST

START_TEST(too_many_contexts_in_alter)
{
    bound();
    many(14, 49);
    expect_last_fault(DIDNOT, 5, 0, 0x1C010014);
}
END_TEST

START_TEST(too_many_contexts_in_all)
{
    bound();
    for (unsigned i = 2; i < 49; i++) {
        alter_one(i, i, srvsvc, ndr32, NULL);
        send();
        expect_alter_resp(i, 0, 0, ndr32);
    }
    alter_one(49, 49, srvsvc, ndr32, NULL);
    send();
    expect_alter_resp(49, 2, 3, zero);
    alter_one(50, 48, srvsvc, ndr32, NULL);
    send();
    expect_alter_resp(50, 0, 0, ndr32);
    expect_usable(51, 48);
    finish();
}
END_TEST

/* ---- Requests ---- */

START_TEST(alloc_hint)
{
    static const unsigned long hints[] = {0, 1, 5000000, 0xFFFFFFFF};

    bound();
    request(WHOLE, 2, 1, OP_ECHO, "12345678", 8);
    pdu_set(16, hints[_i], 4);
    send();
    expect_response(2, 1, "12345678", 8);
    finish();
}
END_TEST

/* Sends a request of total bytes in fragments until it is answered; returns
 * how many bytes went. */
static size_t fragmented(size_t total, size_t hint)
{
    size_t sent = 0, n, len;
    unsigned flags = FIRST;

    bound();
    while (sent < total && !rpc_server_output(&server, &len)) {
        n = total - sent < 4256 ? total - sent : 4256;
        flags |= sent + n == total ? LAST : 0;
        request(flags, 0x21234, 1, OP_REPLY, pattern, n);
        pdu_set(16, hint, 4);
        send();
        hint -= hint > n ? n : hint;
        sent += n;
        flags = 0;
    }
    return sent;
}

START_TEST(fragmented_requests)
{
    static const size_t hints[] = {0x400000, 0x100000, 0};

    ck_assert_uint_eq(fragmented(0x400000, hints[_i]), 0x400000);
    expect_response(0x21234, 1, pattern, 8);
    ck_assert_uint_eq(service.stub_len, 0x400000);
    finish();
}
END_TEST

START_TEST(fragmented_requests04)
{
    ck_assert_uint_eq(fragmented(0x400000, 0x400001), 4256);
    expect_last_fault(0, 0x21234, 1, 5);
}
END_TEST

START_TEST(fragmented_requests05)
{
    ck_assert_uint_eq(fragmented(0x500001, 0), (0x400000 / 4256 + 1) * 4256);
    expect_last_fault(0, 0x21234, 1, 5);
}
END_TEST

START_TEST(fragmented_requests_just_too_long)
{
    ck_assert_uint_eq(fragmented(0x400001, 0), 0x400001);
    expect_last_fault(0, 0x21234, 1, 5);
}
END_TEST

/* What comes together is what was sent. */
START_TEST(fragmented_request_content)
{
    bound();
    request(FIRST, 2, 1, OP_ECHO, pattern, 800);
    request(0, 2, 1, OP_ECHO, pattern + 800, 16);
    request(0, 2, 1, OP_ECHO, "", 0);
    request(OBJECT, 2, 1, OP_ECHO, pattern + 816, 8);
    request(LAST, 2, 1, OP_ECHO, pattern + 824, 77);
    send();
    expect_response(2, 1, pattern, 901);
    request(FIRST, 3, 1, OP_ECHO, "", 0);
    request(LAST, 3, 1, OP_ECHO, "", 0);
    send();
    expect_response(3, 1, "", 0);
    finish();
}
END_TEST

START_TEST(first_missing)
{
    bound();
    request(_i ? LAST : 0, 2, 1, OP_REPLY, "12345678", 8);
    send();
    expect_last_fault(0, 2, 0, PROTO_ERROR);
}
END_TEST

static const unsigned odd_flags[] = {0, 0x40, DIDNOT, MPX, 0x08, OBJECT};

START_TEST(first_twice)
{
    bound();
    request(FIRST | odd_flags[_i], 2, 1, OP_REPLY, "12345678", 8);
    send();
    expect_silence();
    request(FIRST | odd_flags[_i], 2, 1, OP_REPLY, "12345678", 8);
    send();
    expect_last_fault(0, 2, 1, PROTO_ERROR);
}
END_TEST

/* Where calls may overlap: it is the same call all the same. */
START_TEST(first_twice_multiplexed)
{
    bind_flags(WHOLE | MPX, MPX);
    request(FIRST, 2, 1, OP_REPLY, "12345678", 8);
    request(FIRST, 2, 1, OP_REPLY, "12345678", 8);
    send();
    expect_last_fault(0, 2, 1, PROTO_ERROR);
}
END_TEST

START_TEST(odd_flags_in_request)
{
    bound();
    request(WHOLE | odd_flags[_i], 2, 1, OP_ECHO, "12345678", 8);
    send();
    expect_response(2, 1, "12345678", 8);
    finish();
}
END_TEST

START_TEST(first_cancel)
{
    bound();
    request(FIRST | CANCEL, 2, 1, OP_REPLY, "12345678", 8);
    send();
    expect_last_fault(DIDNOT, 2, 0, 0x6BD);
}
END_TEST

START_TEST(second_and_last_cancel)
{
    bound();
    request(FIRST, 2, 1, OP_ECHO, "1234", 4);
    request(CANCEL, 2, 1, OP_ECHO, "56", 2);
    send();
    expect_silence();
    request(LAST | CANCEL, 2, 1, OP_ECHO, "78", 2);
    send();
    expect_response(2, 1, "12345678", 8);
    finish();
}
END_TEST

/* Another call in the middle: the first one fails; where calls may overlap,
 * the second. */
START_TEST(mix_requests)
{
    bool mpx = _i & 1;

    bind_flags(WHOLE | (mpx ? MPX : 0), mpx ? MPX : 0);
    request(FIRST, 50, 1, OP_REPLY, "12345678", 8);
    send();
    expect_silence();
    request(_i & 2 ? LAST : WHOLE, 51, 1, OP_REPLY, "12345678", 8);
    send();
    expect_last_fault(0, mpx ? 51 : 50, mpx ? 0 : 1, PROTO_ERROR);
}
END_TEST

/* All fragments of a call agree. */
START_TEST(mixed_fragments)
{
    bound();
    alter_one(1, 2, other, ndr32, NULL);
    send();
    expect_alter_resp(1, 0, 0, ndr32);
    request(FIRST, 2, 1, OP_REPLY, "12345678", 8);
    wire.big = _i == 0;
    request(LAST, 2, _i == 1 ? 2 : 1, _i == 2 ? OP_ECHO : OP_REPLY, "12345678", 8);
    send();
    expect_last_fault(0, 2, 1, PROTO_ERROR);
}
END_TEST

START_TEST(truncated_request)
{
    bound();
    pdu_begin(0, WHOLE | (_i & 1 ? OBJECT : 0), 2);
    pdu_bytes("\0\0\0\0\1\0\4\0 123456789abcde", (size_t)_i / 2);
    pdu_complete();
    send();
    expect_last_fault(0, 2, 0, PROTO_ERROR);
}
END_TEST

START_TEST(unknown_context)
{
    bound();
    request(FIRST, 2, 7, OP_REPLY, "12345678", 8);
    send();
    expect_fault(DIDNOT, 2, 0, UNKNOWN_IF);
    expect_silence();
    if (_i) { /* what is left of it comes nevertheless */
        request(0, 2, 7, OP_REPLY, "12345678", 8);
        request(LAST, 2, 7, OP_REPLY, "12345678", 8);
        send();
    }
    expect_usable(3, 1);
    request(LAST, 3, 1, OP_REPLY, "", 0);
    send();
    expect_last_fault(0, 3, 0, PROTO_ERROR);
}
END_TEST

START_TEST(call_ids)
{
    static const struct {
        unsigned long first, second;
        bool good;
    } cases[] = {{0, 0, true},           {2, 2, true},          {2, 1000, true},
                 {2, 1, false},          {1, 0x7FFFFFFF, true}, {1, 0x80000000, false},
                 {0x7FFFFFFF, 0, false}, {1, 0xFFFFFFFF, false}};

    bound();
    expect_usable(cases[_i].first, 1);
    request(WHOLE, cases[_i].second, 1, OP_ECHO, "", 0);
    send();
    if (!cases[_i].good) {
        expect_last_fault(0, cases[_i].second, 0, PROTO_ERROR);
        return;
    }
    expect_response(cases[_i].second, 1, "", 0);
    finish();
}
END_TEST

START_TEST(late_fragments)
{
    static const struct {
        unsigned long id;
        bool ignored;
    } cases[] = {{999, true},   {851, true},   {850, false},       {0, false},
                 {1000, false}, {1001, false}, {0xFFFFFFFF, false}};

    bound();
    expect_usable(1000, 1);
    request(LAST, cases[_i].id, 1, OP_REPLY, "", 0);
    send();
    if (cases[_i].ignored) {
        expect_usable(1000, 1);
        finish();
        return;
    }
    expect_last_fault(0, cases[_i].id, 0, PROTO_ERROR);
}
END_TEST

static void bare(unsigned ptype, unsigned long call_id)
{
    pdu_begin(ptype, WHOLE, call_id);
    pdu_complete();
    send();
    expect_silence();
}

START_TEST(co_cancel_no_request)
{
    bound();
    bare(18, 3);
    bare(19, 3);
    expect_usable(1, 1);
    finish();
}
END_TEST

START_TEST(co_cancel_request_after_first)
{
    bound();
    request(FIRST, 1, 1, OP_REPLY, "", 0);
    send();
    bare(18, 1);
    request(LAST, 1, 1, OP_REPLY, "", 0);
    send();
    expect_response(1, 1, pattern, 8);
    expect_usable(2, 1);
    finish();
}
END_TEST

/* As Windows does when keeping the connection was not agreed on. */
START_TEST(orphaned_is_ignored)
{
    bind_flags(WHOLE | (_i ? MPX : 0), _i ? MPX : 0);
    request(FIRST, 1, 1, OP_REPLY, "", 0);
    send();
    bare(19, 1);
    request(LAST, 1, 1, OP_REPLY, "", 0);
    send();
    expect_response(1, 1, pattern, 8);
    request(FIRST, 2, 1, OP_REPLY, "", 0);
    send();
    bare(19, 2);
    request(WHOLE, 3, 1, OP_REPLY, "", 0);
    send();
    expect_last_fault(0, _i ? 3 : 2, _i ? 0 : 1, PROTO_ERROR);
}
END_TEST

START_TEST(orphaned_drops_the_request)
{
    begin_bind(11, WHOLE, 0);
    context(1, srvsvc, ndr32, NULL, NULL);
    context(2, srvsvc, features2, NULL, NULL);
    pdu_complete();
    send();
    acknowledge();
    request(FIRST, 1, 1, OP_ECHO, "1234", 4);
    send();
    bare(19, 2); /* another call */
    request(0, 1, 1, OP_ECHO, "56", 2);
    send();
    bare(19, 1);
    if (_i)
        request(LAST, 1, 1, OP_ECHO, "78", 2);
    send();
    ck_assert_uint_eq(service.calls, 0);
    expect_usable(2, 1);
    request(WHOLE, 3, 1, OP_ECHO, "x", 1);
    send();
    expect_response(3, 1, "x", 1);
    finish();
}
END_TEST

START_TEST(big_endian_client)
{
    ns_reader r;

    wire.big = true;
    begin_bind(11, WHOLE, 0x01020304);
    context(0x0102, srvsvc, ndr32, NULL, NULL);
    pdu_complete();
    send();
    r = expect_ack(12, 0, 0x01020304, "\\PIPE\\srvsvc", 1);
    expect_result(&r, 0, 0, ndr32);
    acknowledge();
    request(WHOLE, 5, 0x0102, OP_ECHO, "\0\0\0\7", 4);
    send();
    expect_response(5, 0x0102, "\0\0\0\7", 4);
    ck_assert(service.last.big);
    ck_assert(service.last.stub.big);
    wire.big = false;
    request(WHOLE, 6, 0x0102, OP_ECHO, "", 0);
    send();
    expect_response(6, 0x0102, "", 0);
    ck_assert(!service.last.big);
    finish();
}
END_TEST

START_TEST(big_endian_has_no_ndr64)
{
    begin_bind(11, WHOLE, 0);
    context(1, srvsvc, ndr64, NULL, NULL);
    pdu_complete();
    send();
    acknowledge();
    wire.big = true;
    request(WHOLE, 5, 1, OP_REPLY, "", 0);
    send();
    expect_last_fault(0, 5, 0, PROTO_ERROR);
}
END_TEST

/* ---- The service's answers ---- */

START_TEST(faults_of_the_service)
{
    static const uint32_t statuses[][2] = {{1783, 1783},
                                           {5, 5},
                                           {0x1C00001A, 0x1C00001A},
                                           {RPC_FAULT_OP_RANGE, RPC_FAULT_OP_RANGE},
                                           {0xC0000005, 0x1C000012},
                                           {0x80000001, 0x1C000012},
                                           {0xC0000420, 0x1C000012}};

    bound();
    service.status = statuses[_i][0];
    request(WHOLE, 2, 1, OP_STATUS, "", 0);
    send();
    expect_fault(service.status == RPC_FAULT_OP_RANGE ? DIDNOT : 0, 2, 1, statuses[_i][1]);
    expect_usable(3, 1);
    finish();
}
END_TEST

START_TEST(opnum_out_of_range)
{
    bound();
    request(WHOLE, 2, 1, OP_NONE, "", 0);
    send();
    expect_fault(DIDNOT, 2, 1, OP_RANGE);
    expect_usable(3, 1);
    finish();
}
END_TEST

START_TEST(service_out_of_memory)
{
    bound();
    request(WHOLE, 2, 1, OP_BROKEN, "", 0);
    ck_assert_int_eq(feed(), NETSESSION_E_MEMORY);
    expect_nothing();
    ck_assert(rpc_server_ended(&server));
    ck_assert_int_eq(feed(), NETSESSION_E_MEMORY);
    finish();
}
END_TEST

START_TEST(reply_of_nothing)
{
    bound();
    request(WHOLE, 2, 1, OP_MUTE, "", 0);
    send();
    expect_response(2, 1, "", 0);
    expect_usable(3, 1);
    finish();
}
END_TEST

START_TEST(reply_without_end)
{
    bound();
    request(WHOLE, 2, 1, OP_FLOOD, "", 0);
    send();
    expect_fault(0, 2, 1, 0x1C010013);
    expect_usable(3, 1);
    finish();
}
END_TEST

/* Reads a reply in fragments of at most max bytes into got. */
static size_t read_reply(unsigned long call_id, size_t total, size_t max, size_t step)
{
    static uint8_t got[16 << 20];
    size_t at = 0, n, left, fragments = 0;
    const uint8_t *p;
    unsigned flags = FIRST;

    do {
        size_t share = total - at < max ? total - at : max;
        ns_reader r;

        flags |= share == total - at ? LAST : 0;
        r = expect(2, flags, call_id);
        flags = 0;
        ck_assert_uint_eq(r.len, 24 + share);
        ck_assert_uint_eq(ns_get32(&r), total - at);
        ns_skip(&r, 4);
        memcpy(got + at, r.base + r.off, share);
        at += share;
        for (left = r.len; left; left -= n) { /* in parts */
            n = left < step ? left : step;
            p = rpc_server_output(&server, &n);
            ck_assert_uint_eq(n, left);
            ck_assert_ptr_eq(p, r.base + r.len - left);
            n = left < step ? left : step;
            rpc_server_output_ack(&server, n);
        }
        fragments++;
    } while (at < total);
    if (total)
        ck_assert_mem_eq(got, pattern, total);
    return fragments;
}

START_TEST(reply_fragments)
{
    static const struct {
        size_t total, fragments;
    } cases[] = {{0, 1}, {1, 1}, {4256, 1}, {4257, 2}, {8512, 2}, {8513, 3}, {100000, 24}};

    bound();
    service.len = cases[_i].total;
    request(WHOLE, 2, 1, OP_REPLY, "", 0);
    send();
    ck_assert_uint_eq(read_reply(2, service.len, 4256, 1000), cases[_i].fragments);
    service.len = 8;
    expect_usable(3, 1);
    finish();
}
END_TEST

START_TEST(reply_fragments_as_agreed)
{
    begin_bind(11, WHOLE, 0);
    context(1, srvsvc, ndr32, NULL, NULL);
    pdu_complete();
    pdu_set(18, 3199, 2);
    send();
    acknowledge();
    service.len = 10000;
    request(WHOLE, 2, 1, OP_REPLY, "", 0);
    send();
    ck_assert_uint_eq(read_reply(2, service.len, 3192 - 24, 1), 4);
    expect_silence();
    finish();
}
END_TEST

/* A long reply is held once: the writer doubles, so twice its size in all. */
START_TEST(long_reply)
{
    bound();
    service.len = 15000000;
    request(WHOLE, 2, 1, OP_REPLY, "", 0);
    send();
    read_reply(2, service.len, 4256, 1024);
    ck_assert_uint_lt(heap.asked, 3 * service.len);
    expect_silence();
    finish();
}
END_TEST

/* ---- Input while output waits ---- */

START_TEST(calls_ahead)
{
    bind_flags(WHOLE | MPX, MPX);
    service.len = 9000;
    for (unsigned i = 1; i <= 5; i++) {
        request(FIRST, i, 1, OP_REPLY, "", 0);
        request(LAST, i, 1, OP_REPLY, "", 0);
        alter_one(100 + i, 1, srvsvc, ndr32, NULL);
        request(WHOLE, i, 9, OP_REPLY, "", 0);
    }
    if (_i)
        send();
    for (size_t i = 0; i < wire.n; i++)
        ck_assert_int_eq(rpc_server_input(&server, wire.b + i, 1), 0);
    for (unsigned i = 1; i <= 5; i++) {
        ck_assert_uint_eq(service.calls, i);
        ck_assert_uint_eq(read_reply(i, 9000, 4256, 999), 3);
        expect_alter_resp(100 + i, 0, 0, ndr32);
        expect_fault(DIDNOT, i, 0, UNKNOWN_IF);
    }
    expect_silence();
    finish();
}
END_TEST

/* What was asked before an end is answered before it. */
START_TEST(end_after_answers)
{
    bound();
    service.len = 9000;
    request(WHOLE, 1, 1, OP_REPLY, "", 0);
    request(LAST, 1, 1, OP_REPLY, "", 0);
    request(WHOLE, 2, 1, OP_REPLY, "", 0);
    send();
    ck_assert(!rpc_server_ended(&server));
    ck_assert_uint_eq(read_reply(1, 9000, 4256, 4280), 3);
    expect_last_fault(0, 1, 0, PROTO_ERROR);
}
END_TEST

START_TEST(writes_without_reading)
{
    size_t n = 0;

    bound();
    service.len = 9000;
    request(WHOLE, 1, 1, OP_REPLY, "", 0);
    send();
    while (!rpc_server_ended(&server)) {
        ck_assert_uint_lt(n, 6u << 20);
        request(WHOLE, 2, 1, OP_REPLY, pattern, 4000);
        n += wire.n;
        send();
    }
    ck_assert_uint_gt(n, 4u << 20);
    ck_assert_uint_eq(read_reply(1, 9000, 4256, 4280), 3);
    ck_assert_uint_eq(service.calls, 1);
    expect_end();
}
END_TEST

/* ---- Our own client at the other end ---- */

static rpc_client client;
static netsession_error err;

/* Carries what the client wrote to the server, and the answer back, in pieces.
 * Returns what the client made of it. */
static int carry(ns_writer *w, size_t step)
{
    int rc = RPC_MORE;
    size_t n;
    const uint8_t *p;

    for (size_t i = 0; i < w->len; i += step) {
        n = w->len - i < step ? w->len - i : step;
        ck_assert_int_eq(rpc_server_input(&server, w->p + i, n), 0);
    }
    ns_writer_reset(w);
    while (rc == RPC_MORE && (p = rpc_server_output(&server, &n)) != NULL) {
        n = n < step ? n : step;
        rc = rpc_client_input(&client, p, n, &err);
        rpc_server_output_ack(&server, n);
    }
    return rc;
}

static void joined_call(ns_writer *w, size_t len, size_t step)
{
    ns_reader r;
    int rc;

    ck_assert_int_eq(rpc_client_call(&client, OP_ECHO, pattern, len, &err), 0);
    while ((rc = rpc_client_next_fragment(&client, w, &err)) == 1)
        ;
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(carry(w, step), RPC_REPLY);
    r = rpc_client_reply(&client);
    ck_assert_uint_eq(r.len, len);
    if (len)
        ck_assert_mem_eq(r.base, pattern, len);
}

START_TEST(joined)
{
    static const unsigned masks[] = {NETSESSION_NDR32, NETSESSION_NDR64, BOTH};
    unsigned theirs = masks[_i % 3], ours = masks[_i / 3 % 3];
    size_t step = _i < 9 ? 1 : 5000;
    ns_writer w;

    memset(&err, 0, sizeof err);
    init(ours);
    ns_writer_init(&w, &hooks, 1u << 20);
    rpc_client_init(&client, &hooks, &services[0].iface, theirs, 1u << 20);
    ck_assert_int_eq(rpc_client_bind(&client, &w, &err), 0);
    if (!(ours & theirs)) {
        ck_assert_int_eq(carry(&w, step), NETSESSION_E_REFUSED);
        ck_assert_uint_eq(err.win32, 1730);
    } else {
        ck_assert_int_eq(carry(&w, step), RPC_BOUND);
        ck_assert_int_eq(rpc_client_ndr64(&client), (ours & theirs & NETSESSION_NDR64) != 0);
        joined_call(&w, 0, step);
        ck_assert_int_eq(service.last.ndr64, rpc_client_ndr64(&client));
        joined_call(&w, 4256, step);
        joined_call(&w, 100003, step);
        joined_call(&w, 9, step);
    }
    rpc_client_free(&client);
    ns_writer_free(&w);
    finish();
}
END_TEST

START_TEST(joined_fault)
{
    ns_writer w;

    memset(&err, 0, sizeof err);
    ns_writer_init(&w, &hooks, 1u << 20);
    rpc_client_init(&client, &hooks, &services[0].iface, BOTH, 1u << 20);
    ck_assert_int_eq(rpc_client_bind(&client, &w, &err), 0);
    ck_assert_int_eq(carry(&w, 100), RPC_BOUND);
    ck_assert_int_eq(rpc_client_call(&client, OP_NONE, NULL, 0, &err), 0);
    ck_assert_int_eq(rpc_client_next_fragment(&client, &w, &err), 0);
    ck_assert_int_eq(carry(&w, 100), NETSESSION_E_REFUSED);
    ck_assert_uint_eq(err.win32, 1745);
    ck_assert(rpc_client_usable(&client));
    rpc_client_free(&client);
    ns_writer_free(&w);
    finish();
}
END_TEST

/* ---- Maimed input ---- */

/* A conversation that visits everything. */
static void write_conversation(void)
{
    begin_bind(11, WHOLE, 1);
    context(0, srvsvc, ndr32, NULL, NULL);
    context(1, srvsvc, ndr64, ndr32, NULL);
    context(2, srvsvc, features3, NULL, NULL);
    pdu_complete();
    begin_bind(14, WHOLE, 1);
    context(0, other, zero, ndr32, NULL);
    pdu_complete();
    request(WHOLE, 2, 1, OP_ECHO, "12345678", 8);
    request(FIRST | OBJECT, 3, 0, OP_ECHO, "1234", 4);
    pdu_begin(18, WHOLE, 3);
    pdu_complete();
    request(LAST, 3, 0, OP_ECHO, "5678", 4);
    request(FIRST, 4, 0, OP_ECHO, "1234", 4);
    pdu_begin(19, WHOLE, 4);
    pdu_complete();
    request(WHOLE, 5, 0, OP_NONE, "", 0);
}

/* Reads all there is; every message is a whole answer. */
static size_t drain(void)
{
    size_t n, count = 0;
    const uint8_t *p;

    while ((p = rpc_server_output(&server, &n)) != NULL) {
        ck_assert_uint_ge(n, 24);
        ck_assert_uint_eq(ns_le16(p + 8), n);
        ck_assert(p[2] == 2 || p[2] == 3 || p[2] == 12 || p[2] == 13 || p[2] == 15);
        rpc_server_output_ack(&server, n);
        count++;
    }
    return count;
}

START_TEST(conversation)
{
    write_conversation();
    send();
    ck_assert_uint_eq(drain(), 5);
    expect_silence();
    ck_assert_uint_eq(service.calls, 3);
    finish();
}
END_TEST

/* Whatever a byte is turned into, the server answers or ends, and after some
 * bytes that are no PDU it has certainly ended. */
START_TEST(every_byte_flipped)
{
    static const uint8_t rubbish[5000];
    static const uint8_t masks[] = {1, 2, 4, 8, 16, 32, 64, 128, 0x0F, 0xFF};
    size_t n, answers;

    write_conversation();
    n = wire.n;
    for (size_t i = 0; i < n; i++) {
        init(BOTH);
        write_conversation();
        wire.b[i] ^= masks[_i];
        send();
        answers = drain();
        ck_assert_int_eq(rpc_server_input(&server, rubbish, sizeof rubbish), 0);
        answers += drain();
        ck_assert(rpc_server_ended(&server));
        ck_assert_uint_ge(answers, 1);
        finish();
    }
}
END_TEST

/* A conversation that breaks off is answered as far as it went. */
START_TEST(truncated_anywhere)
{
    size_t n, before = 0, answers;

    write_conversation();
    n = wire.n;
    for (size_t i = 0; i < n; i++) {
        init(BOTH);
        write_conversation();
        wire.n = i;
        send();
        answers = drain();
        ck_assert(!rpc_server_ended(&server));
        ck_assert_uint_ge(answers, before);
        before = answers;
        finish();
    }
}
END_TEST

/* The same, the PDU being shorter by its own account. */
START_TEST(truncated_bind)
{
    size_t n;

    begin_bind(11, WHOLE, 1);
    context(0, srvsvc, ndr32, zero, NULL);
    context(1, other, ndr64, ndr32, NULL);
    n = wire.n;
    for (size_t i = 16; i < n; i++) {
        init(BOTH);
        begin_bind(_i ? 14 : 11, WHOLE, 1);
        context(0, srvsvc, ndr32, zero, NULL);
        context(1, other, ndr64, ndr32, NULL);
        wire.n = i;
        pdu_complete();
        if (_i) {
            uint8_t pdu[256];

            memcpy(pdu, wire.b, i);
            wire.n = 0;
            bound();
            pdu_bytes(pdu, i);
        }
        send();
        if (_i)
            expect_last_fault(DIDNOT, 1, 0, PROTO_ERROR);
        else
            expect_nak(1, 4);
    }
}
END_TEST

START_TEST(chunks)
{
    size_t n;

    write_conversation();
    n = wire.n;
    for (size_t step = 1; step < n; step += 7) {
        init(BOTH);
        write_conversation();
        for (size_t i = 0; i < n; i += step)
            ck_assert_int_eq(rpc_server_input(&server, wire.b + i, n - i < step ? n - i : step),
                             0);
        ck_assert_uint_eq(drain(), 5);
        expect_silence();
        finish();
    }
}
END_TEST

/* Each allocation fails once: the association ends, if only by itself, and
 * says so. */
START_TEST(each_allocation_fails_once)
{
    long total;
    int rc = 0;

    service.len = 50000;
    for (long at = 1;; at++) {
        init(BOTH);
        memset(&heap, 0, sizeof heap);
        heap.fail_at = at;
        write_conversation();
        request(WHOLE, 6, 0, OP_ECHO, "", 0);
        request(WHOLE, 7, 0, OP_REPLY, pattern, 600);
        request(WHOLE, 8, 0, OP_MUTE, "", 0);
        for (size_t i = 0; i < wire.n && !rc; i += 100)
            rc = rpc_server_input(&server, wire.b + i, wire.n - i < 100 ? wire.n - i : 100);
        drain();
        if (heap.made < at)
            break;
        rc = rpc_server_input(&server, wire.b, 1);
        ck_assert_int_eq(rc, NETSESSION_E_MEMORY);
        ck_assert(rpc_server_ended(&server));
        expect_nothing();
        finish();
        rc = 0;
    }
    total = heap.made;
    ck_assert_int_gt(total, 10);
    expect_silence();
    finish();
}
END_TEST

Suite *dcerpc_server_suite(void)
{
    Suite *s = suite_create("dcerpc-server");
    TCase *binds = tcase_create("bind");
    TCase *calls = tcase_create("call");
    TCase *whole = tcase_create("whole");

    make_pattern(sizeof pattern);
    tcase_add_checked_fixture(binds, setup, NULL);
    tcase_add_checked_fixture(calls, setup, NULL);
    tcase_add_checked_fixture(whole, setup, NULL);
    tcase_set_timeout(calls, 120);
    tcase_set_timeout(whole, 120);
    suite_add_tcase(s, binds);
    suite_add_tcase(s, calls);
    suite_add_tcase(s, whole);

    tcase_add_test(binds, recorded_exchange);
    tcase_add_loop_test(binds, no_auth_request_bind_pfc, 0, 10);
    tcase_add_loop_test(binds, no_auth_request_alter_pfc, 0, 10);
    tcase_add_test(binds, no_auth_no_ctx);
    tcase_add_test(binds, alter_no_auth_no_ctx);
    tcase_add_test(binds, invalid_auth_noctx);
    tcase_add_test(binds, no_auth_valid_valid_request);
    tcase_add_test(binds, no_auth_invalid_valid_request);
    tcase_add_loop_test(binds, not_bound, 0, 25);
    tcase_add_loop_test(binds, wrong_type, 0, 25);
    tcase_add_test(binds, presentation_ctx_valid1);
    tcase_add_test(binds, presentation_ctx_valid2);
    tcase_add_test(binds, presentation_ctx_invalid1);
    tcase_add_test(binds, presentation_ctx_invalid2);
    tcase_add_test(binds, presentation_ctx_invalid3);
    tcase_add_loop_test(binds, presentation_ctx_invalid4, 0, 2);
    tcase_add_loop_test(binds, presentation_ctx_version, 0, 3);
    tcase_add_test(binds, presentation_ctx_minor);
    tcase_add_test(binds, presentation_ctx_other_interface);
    tcase_add_test(binds, presentation_ctx_unknown_interface);
    tcase_add_test(binds, presentation_ctx_one_id_for_two);
    tcase_add_test(binds, presentation_ctx_no_ndr64);
    tcase_add_test(binds, presentation_ctx_prefers_ndr64);
    tcase_add_test(binds, address_of_the_interface);
    tcase_add_test(binds, no_services);
    tcase_add_loop_test(binds, bind_time_features, 0, 8);
    tcase_add_test(binds, bind_time_twice);
    tcase_add_test(binds, bind_time_in_alter);
    tcase_add_loop_test(binds, auth_bind, 0, 13);
    tcase_add_loop_test(binds, auth_alter, 0, 13);
    tcase_add_loop_test(binds, auth_none_request, 0, 13);
    tcase_add_test(binds, auth3);
    tcase_add_loop_test(binds, neg_xmit, 0, 9);
    tcase_add_loop_test(binds, pdu_too_long, 0, 2);
    tcase_add_loop_test(binds, bind_too_long, 0, 2);
    tcase_add_loop_test(binds, assoc_group, 0, 4);
    tcase_add_loop_test(binds, version_in_bind, 0, 6);
    tcase_add_loop_test(binds, version_in_request, 0, 6);
    tcase_add_test(binds, as_many_contexts_as_allowed);
    tcase_add_test(binds, too_many_contexts_in_bind);
    tcase_add_test(binds, too_many_contexts_in_alter);
    tcase_add_test(binds, too_many_contexts_in_all);

    tcase_add_loop_test(calls, alloc_hint, 0, 4);
    tcase_add_loop_test(calls, fragmented_requests, 0, 3);
    tcase_add_test(calls, fragmented_requests04);
    tcase_add_test(calls, fragmented_requests05);
    tcase_add_test(calls, fragmented_requests_just_too_long);
    tcase_add_test(calls, fragmented_request_content);
    tcase_add_loop_test(calls, first_missing, 0, 2);
    tcase_add_loop_test(calls, first_twice, 0, 6);
    tcase_add_loop_test(calls, odd_flags_in_request, 0, 6);
    tcase_add_test(calls, first_twice_multiplexed);
    tcase_add_test(calls, first_cancel);
    tcase_add_test(calls, second_and_last_cancel);
    tcase_add_loop_test(calls, mix_requests, 0, 4);
    tcase_add_loop_test(calls, mixed_fragments, 0, 3);
    tcase_add_loop_test(calls, truncated_request, 0, 16);
    tcase_add_loop_test(calls, unknown_context, 0, 2);
    tcase_add_loop_test(calls, call_ids, 0, 8);
    tcase_add_loop_test(calls, late_fragments, 0, 7);
    tcase_add_test(calls, co_cancel_no_request);
    tcase_add_test(calls, co_cancel_request_after_first);
    tcase_add_loop_test(calls, orphaned_is_ignored, 0, 2);
    tcase_add_loop_test(calls, orphaned_drops_the_request, 0, 2);
    tcase_add_test(calls, big_endian_client);
    tcase_add_test(calls, big_endian_has_no_ndr64);
    tcase_add_loop_test(calls, faults_of_the_service, 0, 7);
    tcase_add_test(calls, opnum_out_of_range);
    tcase_add_test(calls, service_out_of_memory);
    tcase_add_test(calls, reply_without_end);
    tcase_add_test(calls, reply_of_nothing);
    tcase_add_loop_test(calls, reply_fragments, 0, 7);
    tcase_add_test(calls, reply_fragments_as_agreed);
    tcase_add_test(calls, long_reply);
    tcase_add_loop_test(calls, calls_ahead, 0, 2);
    tcase_add_test(calls, end_after_answers);
    tcase_add_test(calls, writes_without_reading);

    tcase_add_loop_test(whole, joined, 0, 18);
    tcase_add_test(whole, joined_fault);
    tcase_add_test(whole, conversation);
    tcase_add_loop_test(whole, every_byte_flipped, 0, 10);
    tcase_add_test(whole, truncated_anywhere);
    tcase_add_loop_test(whole, truncated_bind, 0, 2);
    tcase_add_test(whole, chunks);
    tcase_add_test(whole, each_allocation_fails_once);
    return s;
}
