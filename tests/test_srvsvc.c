/*
 * NetrSessionEnum stubs: bytes that Windows and others sent, and replies with
 * one fault each, in both syntaxes and both byte orders.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "srvsvc/page.h"

Suite *srvsvc_suite(void);

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define MAX      (1u << 20)

/* ---- Hooks that count ---- */

static struct heap {
    unsigned allocs, live;
    size_t size; /* of the newest */
    bool fail;
} heap;

static void *heap_alloc(void *ctx, size_t size)
{
    (void)ctx;
    if (heap.fail)
        return NULL;
    heap.allocs++;
    heap.live++;
    heap.size = size;
    return malloc(size);
}

static void heap_free(void *ctx, void *ptr)
{
    (void)ctx;
    heap.live--;
    free(ptr);
}

static netsession_hooks plain, counting;
static netsession_error err;

static void setup(void)
{
    ns_hooks_fill(&plain, NULL);
    counting = plain;
    counting.alloc = heap_alloc;
    counting.free = heap_free;
    heap = (struct heap){0};
    err = (netsession_error){0};
}

static void teardown(void)
{
    ck_assert_uint_eq(heap.live, 0);
}

/* A writer for a stub or for text. */
static ns_writer writer(void)
{
    ns_writer w;

    ns_writer_init(&w, &plain, MAX);
    return w;
}

/* ---- Vectors ---- */

/* The NDR64 pair is from an OTRF capture (MIT licence), the first NDR reply
 * from one of go-smb's; the others were accepted by other codecs. */
/* Windows to Windows, NDR64: server "MORDORDC", client "", user "", level 10, no limit, resume
 * 0. */
static const char windows64_in[] =
    "00000200000000000900000000000000000000000000000009000000000000004d004f00520044004f005200"
    "4400430000000000000000000000020000000000010000000000000000000000000000000100000000000000"
    "0000000000000000000002000000000001000000000000000000000000000000010000000000000000000000"
    "000000000a000000000000000a00000000000000000002000000000000000000000000000000000000000000"
    "ffffffff00000000000002000000000000000000";

/* Its answer: \\172.18.39.5, pgustavo, 0, 0; total 1, resume 18, status 0. */
static const char windows64_out[] =
    "0a000000000000000a0000000000000000000200000000000100000000000000000002000000000001000000"
    "000000000000020000000000000002000000000000000000000000000e000000000000000000000000000000"
    "0e000000000000005c005c003100370032002e00310038002e00330039002e00350000000000000009000000"
    "000000000000000000000000090000000000000070006700750073007400610076006f000000000001000000"
    "00000200000000001200000000000000";

/* Windows, NDR: \\100.100.100.51, administrator, 2, 0; total 1, resume 7, status 0. */
static const char windows32_out[] =
    "0a0000000a00000000000200010000000400020001000000080002000c000200020000000000000011000000"
    "00000000110000005c005c003100300030002e003100300030002e003100300030002e003500310000000000"
    "0e000000000000000e000000610064006d0069006e006900730074007200610074006f007200000001000000"
    "100002000700000000000000";

/* request, L10 all NULL names */
static const char ndr32_in10[] =
    "0000000000000000000000000a0000000a000000000002000000000000000000ffffffff0400020000000000";

/* request, L10 server=\\SRV client="" user="" */
static const char ndr32_in10_names[] =
    "000002000600000000000000060000005c005c00530052005600000004000200010000000000000001000000"
    "0000000008000200010000000000000001000000000000000a0000000a0000000c0002000000000000000000"
    "ffffffff1000020000000000";

/* answer to L10 server=\\SRV client="" user="" */
static const char ndr32_out10_denied[] =
    "0a0000000a00000000000200000000000000000000000000040002000000000005000000";

/* request, L1 client=\\CLI user=bob pref=0x400 resume=5 */
static const char ndr32_in1[] =
    "00000000000002000600000000000000060000005c005c0043004c0049000000040002000400000000000000"
    "0400000062006f00620000000100000001000000080002000000000000000000000400000c00020005000000";

/* answer to L1 client=\\CLI user=bob pref=0x400 resume=5 */
static const char ndr32_out1[] =
    "010000000100000000000200010000000400020001000000080002000c000200030000006400000007000000"
    "010000000600000000000000060000005c005c0043004c004900000004000000000000000400000062006f00"
    "62000000020000001000020006000000ea000000";

/* request, L502 resume NULL */
static const char ndr32_in502[] =
    "000000000000000000000000f6010000f6010000000002000000000000000000ffffffff00000000";

/* answer to L502 resume NULL */
static const char ndr32_out502[] =
    "f6010000f601000000000200020000000400020002000000080002000c000200010000003c00000000000000"
    "0000000010000200000000001400020018000200000000000100000001000000020000001c00020020000200"
    "0b000000000000000b0000005c005c00310030002e0030002e0030002e003100000000000600000000000000"
    "06000000410064006d0069006e000000010000000000000001000000000000000c000000000000000c000000"
    "5c005c005b0066006500380030003a003a0031005d0000000100000000000000010000000000000001000000"
    "0000000001000000000000000a000000000000000a0000005c004400650076006900630065005c0058000000"
    "020000000000000000000000";

/* request, L0 */
static const char ndr32_in0[] =
    "0000000000000000000000000000000000000000000002000000000000000000ffffffff0400020000000000";

/* answer to L0 */
static const char ndr32_out0[] =
    "000000000000000000000200030000000400020003000000080002000c000200100002000400000000000000"
    "040000005c005c00410000000500000000000000050000005c005c0042004200000000000600000000000000"
    "060000005c005c00430043004300000003000000140002000000000000000000";

/* request, L2 */
static const char ndr32_in2[] =
    "0000000000000000000000000200000002000000000002000000000000000000ffffffff0400020000000000";

/* answer to L2 */
static const char ndr32_out2[] =
    "020000000200000000000200010000000400020001000000080002000c000200010000000200000003000000"
    "00000000100002000400000000000000040000005c005c004100000002000000000000000200000075000000"
    "0100000000000000010000000000000001000000140002000000000000000000";

static const struct in_vector {
    const char *hex;
    bool ndr64;
    srvsvc_session_enum_in in; /* server, client, user, level, length, resume */
} in_vectors[] = {
    {windows64_in, true, {"MORDORDC", "", "", 10, 0xFFFFFFFF, 0, true}},
    {ndr32_in10, false, {NULL, NULL, NULL, 10, 0xFFFFFFFF, 0, true}},
    {ndr32_in10_names, false, {"\\\\SRV", "", "", 10, 0xFFFFFFFF, 0, true}},
    {ndr32_in1, false, {NULL, "\\\\CLI", "bob", 1, 0x400, 5, true}},
    {ndr32_in502, false, {NULL, NULL, NULL, 502, 0xFFFFFFFF, 0, false}},
    {ndr32_in0, false, {NULL, NULL, NULL, 0, 0xFFFFFFFF, 0, true}},
    {ndr32_in2, false, {NULL, NULL, NULL, 2, 0xFFFFFFFF, 0, true}},
};

static const srvsvc_session_info_10 one64[] = {{"\\\\172.18.39.5", "pgustavo", 0, 0}};
static const srvsvc_session_info_10 one32[] = {{"\\\\100.100.100.51", "administrator", 2, 0}};
static const srvsvc_session_info_1 one1[] = {{"\\\\CLI", "bob", 3, 100, 7, 1}};
static const srvsvc_session_info_0 three0[] = {{"\\\\A"}, {"\\\\BB"}, {"\\\\CCC"}};
static const srvsvc_session_info_2 one2[] = {{"\\\\A", "u", 1, 2, 3, 0, ""}};
static const srvsvc_session_info_502 two502[] = {
    {"\\\\10.0.0.1", "Admin", 1, 60, 0, 0, "", NULL},
    {"\\\\[fe80::1]", "", 0, 1, 1, 2, "", "\\Device\\X"},
};

static const struct out_vector {
    const char *hex;
    bool ndr64;
    srvsvc_session_enum_out out; /* level, -, count, entries, total, resume, -, status */
} out_vectors[] = {
    {windows64_out, true, {10, false, 1, one64, 1, 0x12, true, 0}},
    {windows32_out, false, {10, false, 1, one32, 1, 7, true, 0}},
    {ndr32_out10_denied, false, {10, false, 0, NULL, 0, 0, true, 5}},
    {ndr32_out1, false, {1, false, 1, one1, 2, 6, true, 234}},
    {ndr32_out502, false, {502, false, 2, two502, 2, 0, false, 0}},
    {ndr32_out0, false, {0, false, 3, three0, 3, 0, true, 0}},
    {ndr32_out2, false, {2, false, 1, one2, 1, 0, true, 0}},
};

static ns_writer unhex(const char *hex)
{
    ns_writer w = writer();

    for (; *hex; hex += 2) {
        char byte[3] = {hex[0], hex[1], 0};

        ns_put8(&w, (uint8_t)strtoul(byte, NULL, 16));
    }
    return w;
}

/* Windows numbers all NDR64 referents alike; we do not. */
static void level_referents(ns_writer *w)
{
    for (size_t i = 0; i + 8 <= w->len; i += 8)
        if (ns_le64(w->p + i) >= 0x20000 && ns_le64(w->p + i) < 0x20100)
            ns_store32(w->p + i, 0x20000);
}

static void assert_same(ns_writer *a, ns_writer *b, bool ndr64)
{
    if (ndr64) {
        level_referents(a);
        level_referents(b);
    }
    ck_assert_int_eq(a->err, 0);
    ck_assert_uint_eq(a->len, b->len);
    ck_assert_mem_eq(a->p, b->p, a->len);
    ns_writer_free(a);
    ns_writer_free(b);
}

/* The text of a struct has all that is in it. */
static void assert_same_in(const srvsvc_session_enum_in *a, const srvsvc_session_enum_in *b)
{
    ns_writer x = writer(), y = writer();

    srvsvc_session_enum_print_in(a, &x);
    srvsvc_session_enum_print_in(b, &y);
    assert_same(&x, &y, false);
}

static void assert_same_out(const srvsvc_session_enum_out *a, const srvsvc_session_enum_out *b)
{
    ns_writer x = writer(), y = writer();

    srvsvc_session_enum_print_out(a, &x);
    srvsvc_session_enum_print_out(b, &y);
    assert_same(&x, &y, false);
}

START_TEST(test_in_vectors)
{
    const struct in_vector *v = &in_vectors[_i];
    ns_writer wire = unhex(v->hex), made = writer();
    srvsvc_session_enum_in *in;
    ndr_format format = {.ndr64 = v->ndr64};

    ck_assert_int_eq(
        srvsvc_session_enum_decode_in(&counting, wire.p, wire.len, format, MAX, &in, &err), 0);
    assert_same_in(in, &v->in);
    ck_assert_uint_eq(heap.allocs, 1);
    srvsvc_session_enum_in_free(&counting, in);
    ck_assert_int_eq(srvsvc_session_enum_encode_in(&v->in, v->ndr64, &made, &err), 0);
    assert_same(&wire, &made, v->ndr64);
}
END_TEST

START_TEST(test_out_vectors)
{
    const struct out_vector *v = &out_vectors[_i];
    ns_writer wire = unhex(v->hex), made = writer();
    netsession_page *page;
    ndr_format format = {.ndr64 = v->ndr64};

    ck_assert_int_eq(
        srvsvc_session_enum_parse_out(&counting, wire.p, wire.len, format, MAX, &page, &err),
        0);
    assert_same_out(&page->out, &v->out);
    ck_assert_uint_eq(heap.allocs, 1);
    netsession_page_free(page);
    ck_assert_int_eq(srvsvc_session_enum_encode_out(&v->out, v->ndr64, &made, &err), 0);
    assert_same(&wire, &made, v->ndr64);
}
END_TEST

/* ---- A codec of its own: replies with a fault built in ---- */

static const struct shape {
    uint32_t level;
    const char *members; /* s: string, u: number */
    size_t size;
} shapes[] = {
    {0, "s", sizeof(srvsvc_session_info_0)},
    {1, "ssuuuu", sizeof(srvsvc_session_info_1)},
    {2, "ssuuuus", sizeof(srvsvc_session_info_2)},
    {10, "ssuu", sizeof(srvsvc_session_info_10)},
    {502, "ssuuuuss", sizeof(srvsvc_session_info_502)},
};

static const ndr_format formats[] = {
    {false, false}, {true, false}, {false, true}, {true, true}};

struct recipe {
    const struct shape *shape;
    ndr_format format;
    uint32_t level, tag, count, sent; /* sent: entries that really follow */
    uint64_t container, array, max_count;
    uint64_t max, offset, actual; /* of the first entry's first string */
    const uint16_t *units;
    uint32_t total, status;
    size_t extra; /* bytes behind the status */
};

static const uint16_t name_units[] = {'\\', '\\', 0xE9, 0xD83D, 0xDE00, 0};
#define NAME "\\\\\xC3\xA9\xF0\x9F\x98\x80"

static struct recipe good(const struct shape *shape)
{
    size_t n = COUNT(name_units);

    return (struct recipe){.shape = shape,
                           .level = shape->level,
                           .tag = shape->level,
                           .count = 2,
                           .sent = 2,
                           .container = 0x20000,
                           .array = 0x20000, /* alike, and no aliases */
                           .max_count = 2,
                           .max = n,
                           .actual = n,
                           .units = name_units,
                           .total = 2};
}

static struct recipe good10(void)
{
    return good(&shapes[3]);
}

struct cook {
    ns_writer w;
    ndr_format format;
};

static void put_int(struct cook *c, uint64_t v, size_t size)
{
    ns_put_align(&c->w, 0, size);
    for (size_t i = 0; i < size; i++)
        ns_put8(&c->w, (uint8_t)(v >> 8 * (c->format.big ? size - 1 - i : i)));
}

static void put_u32(struct cook *c, uint32_t v)
{
    put_int(c, v, 4);
}

static void put_wide(struct cook *c, uint64_t v)
{
    put_int(c, v, c->format.ndr64 ? 8 : 4);
}

static void put_units(struct cook *c, const uint16_t *units, uint64_t max, uint64_t offset,
                      uint64_t actual)
{
    put_wide(c, max);
    put_wide(c, offset);
    put_wide(c, actual);
    for (size_t i = 0; i < actual && i < COUNT(name_units); i++)
        put_int(c, units[i], 2);
}

static void put_entries(struct cook *c, const struct recipe *k)
{
    static const uint16_t other[] = {'u', 0};

    put_wide(c, k->max_count);
    for (uint32_t i = 0; i < k->sent; i++)
        for (const char *m = k->shape->members; *m; m++)
            if (*m == 's')
                put_wide(c, 0x20000);
            else
                put_u32(c, 100 + i);
    for (uint32_t i = 0; i < k->sent; i++)
        for (const char *m = k->shape->members; *m; m++)
            if (*m == 's' && m == k->shape->members && i == 0)
                put_units(c, k->units, k->max, k->offset, k->actual);
            else if (*m == 's')
                put_units(c, other, 2, 0, 2);
}

static ns_writer cooked(const struct recipe *k)
{
    struct cook c = {writer(), k->format};

    put_u32(&c, k->level);
    if (k->format.ndr64)
        ns_put_align(&c.w, 0, 8);
    put_u32(&c, k->tag);
    put_wide(&c, k->container);
    if (k->container)
        put_u32(&c, k->count);
    if (k->container)
        put_wide(&c, k->array);
    if (k->container && k->array)
        put_entries(&c, k);
    put_u32(&c, k->total);
    put_wide(&c, 0x20000);
    put_u32(&c, 9);
    put_u32(&c, k->status);
    (void)ns_put_space(&c.w, k->extra);
    return c.w;
}

/* decode_out of an exact copy, so that a sanitizer sees one byte too far. */
static int decode(const ns_writer *w, size_t len, ndr_format format, uint32_t level, size_t max,
                  netsession_page **page)
{
    uint8_t *copy = malloc(len ? len : 1);
    int code;

    memcpy(copy, w->p, len);
    err = (netsession_error){0};
    code = srvsvc_session_enum_decode_out(&counting, copy, len, format, level, max, page, &err);
    free(copy);
    if (code)
        ck_assert_ptr_null(*page);
    return code;
}

/* The recipe's reply is refused in every format, with these words. */
static void assert_refused(struct recipe k, const char *message)
{
    for (size_t i = 0; i < COUNT(formats); i++) {
        netsession_page *page;
        ns_writer w;

        k.format = formats[i];
        w = cooked(&k);
        ck_assert_int_eq(decode(&w, w.len, k.format, k.shape->level, MAX, &page),
                         NETSESSION_E_PROTOCOL);
        ck_assert_str_eq(err.message, message);
        ck_assert_str_eq(err.layer, NS_LAYER_SRVSVC);
        ck_assert_uint_eq(heap.live, 0);
        ns_writer_free(&w);
    }
}

static netsession_page *assert_page(struct recipe k)
{
    netsession_page *page;
    ns_writer w = cooked(&k);

    ck_assert_int_eq(decode(&w, w.len, k.format, k.shape->level, MAX, &page), 0);
    ns_writer_free(&w);
    return page;
}

/* ---- Good replies ---- */

/* One block, of exactly the size that structs and strings take. */
START_TEST(test_one_block)
{
    for (size_t i = 0; i < COUNT(shapes) * COUNT(formats); i++) {
        struct recipe k = good(&shapes[i / COUNT(formats)]);
        size_t strings = 0;
        netsession_page *page;

        k.format = formats[i % COUNT(formats)];
        for (const char *m = k.shape->members; *m; m++)
            strings += *m == 's';
        heap.allocs = 0;
        page = assert_page(k);
        ck_assert_uint_eq(heap.allocs, 1);
        ck_assert_uint_eq(heap.size, sizeof *page + sizeof(srvsvc_session_container) +
                                         2 * k.shape->size + sizeof NAME +
                                         (2 * strings - 1) * sizeof "u");
        netsession_page_free(page);
    }
}
END_TEST

static void assert_row(const netsession_page *page, const char *members)
{
    netsession_row row;
    size_t strings = 0;

    netsession_page_row(page, 0, &row);
    ck_assert_str_eq(row.client, NAME);
    netsession_page_row(page, 1, &row);
    ck_assert_str_eq(row.client, "u");
    for (; *members; members++)
        strings += *members == 's';
    ck_assert_pstr_eq(row.user, strings > 1 ? "u" : NULL);
    ck_assert_pstr_eq(row.client_type, strings > 2 ? "u" : NULL);
    ck_assert_pstr_eq(row.transport, strings > 3 ? "u" : NULL);
    ck_assert_uint_eq(row.time, row.present & NETSESSION_HAS_TIME ? 101 : 0);
    ck_assert_uint_eq(row.idle, row.time);
    ck_assert_uint_eq(row.opens, row.present & NETSESSION_HAS_OPENS ? 101 : 0);
    ck_assert_uint_eq(row.flags, row.present & NETSESSION_HAS_FLAGS ? 101 : 0);
    netsession_page_row(page, 2, &row);
    ck_assert_ptr_null(row.client);
}

START_TEST(test_page)
{
    static const unsigned present[] = {0, 15, 31, 5, 63};

    for (size_t i = 0; i < COUNT(shapes) * COUNT(formats); i++) {
        struct recipe k = good(&shapes[i / COUNT(formats)]);
        netsession_page *page;
        netsession_row row;

        k.format = formats[i % COUNT(formats)];
        k.status = i & 1 ? 234 : 0;
        page = assert_page(k);
        ck_assert_uint_eq(netsession_page_level(page), k.level);
        ck_assert_uint_eq(netsession_page_count(page), 2);
        ck_assert_uint_eq(netsession_page_total(page), 2);
        ck_assert_uint_eq(netsession_page_resume(page), 9);
        ck_assert_int_eq(netsession_page_more(page), i & 1);
        netsession_page_row(page, 0, &row);
        ck_assert_uint_eq(row.present, present[i / COUNT(formats)]);
        assert_row(page, k.shape->members);
        netsession_page_free(page);
    }
    netsession_page_free(NULL);
}
END_TEST

/* What we decode we encode alike, but for the referents' numbers. */
START_TEST(test_round_trip)
{
    for (size_t i = 0; i < COUNT(shapes) * 2; i++) {
        struct recipe k = good(&shapes[i / 2]);
        netsession_page *a, *b;
        ns_writer w = writer();
        ndr_format format = k.format = formats[i % 2];

        a = assert_page(k);
        ck_assert_int_eq(srvsvc_session_enum_encode_out(&a->out, format.ndr64, &w, &err), 0);
        ck_assert_int_eq(decode(&w, w.len, format, k.level, MAX, &b), 0);
        assert_same_out(&a->out, &b->out);
        ns_writer_free(&w);
        netsession_page_free(a);
        netsession_page_free(b);
    }
}
END_TEST

START_TEST(test_no_entries)
{
    for (size_t i = 0; i < COUNT(formats) * 4; i++) {
        struct recipe k = good10();
        netsession_page *page;

        k.format = formats[i / 4];
        k.count = k.sent = k.total = 0;
        k.max_count = 0;
        k.array = i & 1 ? 0x20004 : 0; /* an array of nothing is fine too */
        k.status = i & 2 ? 234 : 0;
        page = assert_page(k);
        ck_assert_uint_eq(netsession_page_count(page), 0);
        ck_assert_int_eq(netsession_page_more(page), i & 2 ? 1 : 0);
        netsession_page_free(page);
    }
}
END_TEST

/* Null pointers in place of strings are no fault. */
START_TEST(test_null_strings)
{
    static const srvsvc_session_info_502 nothing[2] = {{0}, {.transport = ""}};
    srvsvc_session_enum_out out = {.level = 502, .count = 2, .entries = nothing, .total = 2};

    for (int ndr64 = 0; ndr64 < 2; ndr64++) {
        netsession_page *page;
        ns_writer w = writer();

        ck_assert_int_eq(srvsvc_session_enum_encode_out(&out, ndr64, &w, &err), 0);
        ck_assert_int_eq(decode(&w, w.len, formats[ndr64], 502, MAX, &page), 0);
        assert_same_out(&out, &page->out);
        ck_assert_uint_eq(netsession_page_resume(page), 0);
        ns_writer_free(&w);
        netsession_page_free(page);
    }
}
END_TEST

/* ---- Faults, one each ---- */

START_TEST(test_truncated)
{
    for (size_t i = 0; i < COUNT(shapes) * COUNT(formats); i++) {
        struct recipe k = good(&shapes[i / COUNT(formats)]);
        netsession_page *page;
        ns_writer w;

        k.format = formats[i % COUNT(formats)];
        w = cooked(&k);
        for (size_t len = 0; len < w.len; len++)
            ck_assert_int_eq(decode(&w, len, k.format, k.level, MAX, &page),
                             NETSESSION_E_PROTOCOL);
        ck_assert_uint_eq(heap.allocs, 0);
        ns_writer_free(&w);
    }
}
END_TEST

START_TEST(test_max_count)
{
    struct recipe k = good10();

    k.max_count = 1;
    assert_refused(k, "srvsvc: SESSION_INFO_10_CONTAINER.Buffer: array of 1, but the count "
                      "is 2");
    k.max_count = 3;
    assert_refused(k, "srvsvc: SESSION_INFO_10_CONTAINER.Buffer: array of 3, but the count "
                      "is 2");
}
END_TEST

/* 64 bits that are right only in the lower half. */
START_TEST(test_max_count_64)
{
    struct recipe k = good10();
    netsession_page *page;
    ns_writer w;

    k.format.ndr64 = true;
    k.max_count = 0x100000002;
    w = cooked(&k);
    ck_assert_int_eq(decode(&w, w.len, k.format, 10, MAX, &page), NETSESSION_E_PROTOCOL);
    ns_writer_free(&w);
}
END_TEST

/* Counts whose product with some size is small again in 32 bits, too. */
START_TEST(test_count_bombs)
{
    static const uint32_t counts[] = {1000,       0x55555556, 0x0AAAAAAB, 0x10000001,
                                      0x20000001, 0x40000001, 0x80000001, 0xFFFFFFFF};

    for (size_t i = 0; i < COUNT(counts); i++) {
        struct recipe k = good10();
        char message[128];

        k.max_count = k.count = k.total = counts[i];
        snprintf(message, sizeof message,
                 "srvsvc: SESSION_INFO_10_CONTAINER.Buffer: %lu elements are more than the "
                 "data holds",
                 (unsigned long)counts[i]);
        assert_refused(k, message);
    }
    ck_assert_uint_eq(heap.allocs, 0);
}
END_TEST

/* More than the entries sent, but not more than the bytes left. */
START_TEST(test_one_more)
{
    struct recipe k = good10();

    k.max_count = k.count = k.total = 3;
    for (size_t i = 0; i < COUNT(formats); i++) {
        netsession_page *page;
        ns_writer w;

        k.format = formats[i];
        w = cooked(&k);
        ck_assert_int_eq(decode(&w, w.len, k.format, 10, MAX, &page), NETSESSION_E_PROTOCOL);
        ns_writer_free(&w);
    }
}
END_TEST

START_TEST(test_null_array)
{
    struct recipe k = good10();

    k.array = 0;
    assert_refused(k, "srvsvc: SESSION_INFO_10_CONTAINER.Buffer: null pointer, but the count "
                      "is 2");
}
END_TEST

START_TEST(test_other_level)
{
    struct recipe k = good(&shapes[1]);

    k.shape = &shapes[2];
    k.sent = k.count = 0;
    k.max_count = 0;
    assert_refused(k, "srvsvc: NetrSessionEnum: the reply has another level than was asked "
                      "for");
    k.level = k.tag = 3;
    assert_refused(k, "srvsvc: SESSION_ENUM_STRUCT.SessionInfo: no such level: 3");
}
END_TEST

START_TEST(test_tag)
{
    struct recipe k = good10();

    k.tag = 502;
    assert_refused(k, "srvsvc: SESSION_ENUM_STRUCT.SessionInfo: tag 502, but the level is 10");
}
END_TEST

#define CNAME "srvsvc: SESSION_INFO_10[0].sesi10_cname: string "

START_TEST(test_offset)
{
    struct recipe k = good10();

    k.offset = 1;
    assert_refused(k, CNAME "has an offset");
}
END_TEST

START_TEST(test_actual_over_max)
{
    struct recipe k = good10();

    k.max = k.actual - 1;
    assert_refused(k, CNAME "is longer than its own maximum");
}
END_TEST

START_TEST(test_actual_over_data)
{
    struct recipe k = good10();

    k.max = k.actual = 0x80000003;
    assert_refused(k, CNAME "is longer than the data");
    k.max = k.actual = 0xFFFFFFFF;
    assert_refused(k, CNAME "is longer than the data");
}
END_TEST

START_TEST(test_unterminated)
{
    static const uint16_t units[] = {'a', 'b', 'c', 'd', 'e', 'f'};
    struct recipe k = good10();

    k.units = units;
    assert_refused(k, CNAME "is not terminated");
    k.actual = 0;
    assert_refused(k, CNAME "is not terminated");
}
END_TEST

START_TEST(test_embedded_nul)
{
    static const uint16_t units[] = {'a', 'b', 0, 'd', 'e', 0};
    struct recipe k = good10();

    k.units = units;
    assert_refused(k, CNAME "has a NUL inside");
}
END_TEST

START_TEST(test_lone_surrogate)
{
    static const uint16_t units[][6] = {{'a', 0xD83D, 'c', 'd', 'e', 0},
                                        {'a', 'b', 'c', 'd', 0xD83D, 0},
                                        {0xDE00, 'b', 'c', 'd', 'e', 0},
                                        {0xDE00, 0xD83D, 'c', 'd', 'e', 0}};

    for (size_t i = 0; i < COUNT(units); i++) {
        struct recipe k = good10();

        k.units = units[i];
        assert_refused(k, CNAME "is not valid UTF-16");
    }
}
END_TEST

/* The place of a fault deep in a list. */
START_TEST(test_place)
{
    static const srvsvc_session_info_502 four[4] = {
        {.username = "a"}, {0}, {0}, {.cname = "", .username = "bc"}};
    srvsvc_session_enum_out out = {.level = 502, .count = 4, .entries = four, .total = 4};
    netsession_page *page;
    ns_writer w = writer();

    ck_assert_int_eq(srvsvc_session_enum_encode_out(&out, false, &w, &err), 0);
    w.p[w.len - 4 * 3 - 4] = 'd'; /* the NUL of "bc", padded to 4 bytes */
    ck_assert_int_eq(decode(&w, w.len, formats[0], 502, MAX, &page), NETSESSION_E_PROTOCOL);
    ck_assert_str_eq(err.message,
                     "srvsvc: SESSION_INFO_502[3].sesi502_username: string is not terminated");
    ns_writer_free(&w);
}
END_TEST

START_TEST(test_trailing_bytes)
{
    struct recipe k = good10();

    for (k.extra = 1; k.extra < 9; k.extra++) {
        char message[96];

        snprintf(message, sizeof message,
                 "srvsvc: NetrSessionEnum: %lu bytes follow the last parameter",
                 (unsigned long)k.extra);
        assert_refused(k, message);
    }
}
END_TEST

START_TEST(test_total)
{
    struct recipe k = good10();
    netsession_page *page;

    k.total = 1;
    assert_refused(k, "srvsvc: NetrSessionEnum: TotalEntries is less than EntriesRead");
    k.total = 1000;
    page = assert_page(k);
    ck_assert_uint_eq(netsession_page_total(page), 1000);
    netsession_page_free(page);
}
END_TEST

START_TEST(test_null_container)
{
    struct recipe k = good10();

    k.container = 0;
    k.total = 0;
    assert_refused(k, "srvsvc: NetrSessionEnum: success, but the container is a null pointer");
    k.status = 234;
    assert_refused(k, "srvsvc: NetrSessionEnum: success, but the container is a null pointer");
}
END_TEST

/* The same as our own encoder writes it. */
START_TEST(test_null_container_sent)
{
    const srvsvc_session_enum_out out = {.level = 502, .no_container = true, .status = 5};

    for (int ndr64 = 0; ndr64 < 2; ndr64++) {
        netsession_page *page;
        ns_writer w = writer();

        ck_assert_int_eq(srvsvc_session_enum_encode_out(&out, ndr64, &w, &err), 0);
        ck_assert_int_eq(
            srvsvc_session_enum_parse_out(&plain, w.p, w.len, formats[ndr64], MAX, &page, &err),
            0);
        ck_assert(page->out.no_container);
        assert_same_out(&out, &page->out);
        ns_writer_free(&w);
        netsession_page_free(page);
    }
}
END_TEST

/* Any other status is the server's answer, with or without a container. */
START_TEST(test_status)
{
    static const uint32_t statuses[] = {5, 124, 87, 2312, 0xC0000022};

    for (size_t i = 0; i < COUNT(statuses) * COUNT(formats) * 2; i++) {
        struct recipe k = good10();
        netsession_page *page;
        ns_writer w;

        k.format = formats[i % COUNT(formats)];
        k.status = statuses[i / COUNT(formats) / 2];
        k.container = i / COUNT(formats) & 1;
        k.array = k.count = k.total = 0;
        w = cooked(&k);
        ck_assert_int_eq(decode(&w, w.len, k.format, 10, MAX, &page), NETSESSION_E_REFUSED);
        ck_assert_uint_eq(err.win32, k.status);
        ck_assert_uint_eq(err.value, k.status);
        ns_writer_free(&w);
    }
}
END_TEST

START_TEST(test_out_of_memory)
{
    struct recipe k = good10();
    ns_writer reply = cooked(&k), request = unhex(ndr32_in1);
    srvsvc_session_enum_in *in;
    netsession_page *page;

    heap.fail = true;
    ck_assert_int_eq(decode(&reply, reply.len, formats[0], 10, MAX, &page),
                     NETSESSION_E_MEMORY);
    err = (netsession_error){0};
    ck_assert_int_eq(srvsvc_session_enum_decode_in(&counting, request.p, request.len,
                                                   formats[0], MAX, &in, &err),
                     NETSESSION_E_MEMORY);
    ck_assert_ptr_null(in);
    ns_writer_free(&reply);
    ns_writer_free(&request);
}
END_TEST

START_TEST(test_budget)
{
    struct recipe k = good10();
    netsession_page *page = assert_page(k);
    size_t size = heap.size;
    ns_writer w = cooked(&k);

    netsession_page_free(page);
    ck_assert_int_eq(decode(&w, w.len, k.format, 10, size, &page), 0);
    netsession_page_free(page);
    heap.allocs = 0;
    for (size_t max = 0; max < size; max++)
        ck_assert_int_eq(decode(&w, w.len, k.format, 10, max, &page), NETSESSION_E_LIMIT);
    ck_assert_uint_eq(heap.allocs, 0);
    ns_writer_free(&w);
}
END_TEST

/* Every byte of every reply, bent in several ways: an error or a page whose
 * rows can be read, never anything else. */
static void bend(const struct recipe *k, ns_writer *w, size_t at, uint8_t value)
{
    uint8_t was = w->p[at];
    netsession_page *page;
    netsession_row row;
    size_t sum = 0;

    w->p[at] = value;
    if (decode(w, w->len, k->format, k->level, MAX, &page) == 0) {
        for (uint32_t i = 0; i < netsession_page_count(page); i++) {
            netsession_page_row(page, i, &row);
            sum += row.client ? strlen(row.client) : 0;
            sum += row.transport ? strlen(row.transport) : 0;
        }
        ck_assert_uint_lt(sum, MAX);
        netsession_page_free(page);
    } else {
        ck_assert(*err.message != '\0');
    }
    w->p[at] = was;
}

START_TEST(test_bent)
{
    for (size_t i = 0; i < COUNT(shapes) * COUNT(formats); i++) {
        struct recipe k = good(&shapes[i / COUNT(formats)]);
        ns_writer w;

        k.format = formats[i % COUNT(formats)];
        w = cooked(&k);
        for (size_t at = 0; at < w.len; at++) {
            bend(&k, &w, at, 0);
            bend(&k, &w, at, 0xFF);
            bend(&k, &w, at, (uint8_t)(w.p[at] + 1));
            bend(&k, &w, at, (uint8_t)(w.p[at] ^ 0x80));
        }
        ns_writer_free(&w);
    }
}
END_TEST

/* Garbage in the padding is not looked at: Windows sends such. */
START_TEST(test_garbage_in_padding)
{
    struct recipe k = good10();
    netsession_page *page;
    ns_writer w;

    k.format.ndr64 = true;
    w = cooked(&k);
    memset(w.p + 4, 0xAA, 4);  /* between Level and the tag */
    memset(w.p + 12, 0xAA, 4); /* behind the tag */
    memset(w.p + 28, 0xAA, 4); /* behind EntriesRead */
    ck_assert_int_eq(decode(&w, w.len, k.format, 10, MAX, &page), 0);
    netsession_page_free(page);
    ns_writer_free(&w);
}
END_TEST

/* ---- Requests ---- */

static void assert_unsendable(const srvsvc_session_enum_in *in, const char *message)
{
    ns_writer w = writer();

    err = (netsession_error){0};
    ck_assert_int_eq(srvsvc_session_enum_encode_in(in, false, &w, &err), NETSESSION_E_ARGUMENT);
    ck_assert_str_eq(err.message, message);
    ck_assert_uint_eq(w.len, 0);
    ns_writer_free(&w);
}

START_TEST(test_unsendable)
{
    assert_unsendable(&(srvsvc_session_enum_in){.level = 3},
                      "there is no level 3: it is 0, 1, 2, 10 or 502");
    assert_unsendable(&(srvsvc_session_enum_in){.server = "\xFF"},
                      "the server name is not valid UTF-8");
    assert_unsendable(&(srvsvc_session_enum_in){.client = "\xED\xA0\x80"},
                      "the client name is not valid UTF-8");
    assert_unsendable(&(srvsvc_session_enum_in){.user = "\xC0\xAF"},
                      "the user name is not valid UTF-8");
}
END_TEST

START_TEST(test_long_names)
{
    char name[SRVSVC_NAME_UNITS + 1];
    ns_writer w = writer();

    memset(name, 'x', sizeof name);
    name[SRVSVC_NAME_UNITS - 1] = '\0';
    ck_assert_int_eq(
        srvsvc_session_enum_encode_in(&(srvsvc_session_enum_in){.user = name}, true, &w, &err),
        0);
    ns_writer_free(&w);
    name[SRVSVC_NAME_UNITS - 1] = 'x';
    name[SRVSVC_NAME_UNITS] = '\0';
    assert_unsendable(&(srvsvc_session_enum_in){.user = name},
                      "the user name is longer than 1023 characters");
}
END_TEST

START_TEST(test_request_truncated)
{
    for (size_t i = 0; i < COUNT(in_vectors); i++) {
        ns_writer w = unhex(in_vectors[i].hex);
        ndr_format format = {.ndr64 = in_vectors[i].ndr64};

        for (size_t len = 0; len < w.len; len++) {
            srvsvc_session_enum_in *in;
            uint8_t *copy = malloc(len ? len : 1);

            memcpy(copy, w.p, len);
            err = (netsession_error){0};
            ck_assert_int_eq(
                srvsvc_session_enum_decode_in(&counting, copy, len, format, MAX, &in, &err),
                NETSESSION_E_PROTOCOL);
            ck_assert_ptr_null(in);
            free(copy);
        }
        ns_writer_free(&w);
    }
}
END_TEST

/* A verification trailer may follow ([MS-RPCE] 2.2.2.13). */
START_TEST(test_request_trailer)
{
    ns_writer w = unhex(ndr32_in1);
    srvsvc_session_enum_in *in;

    ns_put(&w, "\x8a\xe3\x13\x71\x02\xf4\x36\x71", 8);
    ck_assert_int_eq(
        srvsvc_session_enum_decode_in(&counting, w.p, w.len, formats[0], MAX, &in, &err), 0);
    assert_same_in(in, &in_vectors[3].in);
    srvsvc_session_enum_in_free(&counting, in);
    srvsvc_session_enum_in_free(&counting, NULL);
    ns_writer_free(&w);
}
END_TEST

START_TEST(test_levels)
{
    for (size_t i = 0; i < COUNT(shapes); i++)
        ck_assert(srvsvc_session_level(shapes[i].level));
    ck_assert(!srvsvc_session_level(3));
    ck_assert(!srvsvc_session_level(NETSESSION_LEVEL_AUTO));
}
END_TEST

Suite *srvsvc_suite(void)
{
    Suite *s = suite_create("srvsvc");
    TCase *tc = tcase_create("srvsvc");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, test_in_vectors, 0, (int)COUNT(in_vectors));
    tcase_add_loop_test(tc, test_out_vectors, 0, (int)COUNT(out_vectors));
    tcase_add_test(tc, test_one_block);
    tcase_add_test(tc, test_page);
    tcase_add_test(tc, test_round_trip);
    tcase_add_test(tc, test_no_entries);
    tcase_add_test(tc, test_null_strings);
    tcase_add_test(tc, test_truncated);
    tcase_add_test(tc, test_max_count);
    tcase_add_test(tc, test_max_count_64);
    tcase_add_test(tc, test_count_bombs);
    tcase_add_test(tc, test_one_more);
    tcase_add_test(tc, test_null_array);
    tcase_add_test(tc, test_other_level);
    tcase_add_test(tc, test_tag);
    tcase_add_test(tc, test_offset);
    tcase_add_test(tc, test_actual_over_max);
    tcase_add_test(tc, test_actual_over_data);
    tcase_add_test(tc, test_unterminated);
    tcase_add_test(tc, test_embedded_nul);
    tcase_add_test(tc, test_lone_surrogate);
    tcase_add_test(tc, test_place);
    tcase_add_test(tc, test_trailing_bytes);
    tcase_add_test(tc, test_total);
    tcase_add_test(tc, test_null_container);
    tcase_add_test(tc, test_null_container_sent);
    tcase_add_test(tc, test_status);
    tcase_add_test(tc, test_out_of_memory);
    tcase_add_test(tc, test_budget);
    tcase_add_test(tc, test_bent);
    tcase_add_test(tc, test_garbage_in_padding);
    tcase_add_test(tc, test_unsendable);
    tcase_add_test(tc, test_long_names);
    tcase_add_test(tc, test_request_trailer);
    tcase_add_test(tc, test_request_truncated);
    tcase_add_test(tc, test_levels);
    suite_add_tcase(s, tc);
    return s;
}
