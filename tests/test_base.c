/*
 * base/: the reader and the writer at every edge, the framer, strict UTF, the
 * wrappers over libcrypto against published vectors, and the error tables.
 */
#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/error.h"
#include "base/framer.h"
#include "base/utf.h"
#include "tests/failing.h"
#include "tests/util.h"

Suite *base_suite(void);

static test_heap heap;
static netsession_hooks hooks;
static netsession_error err;

static void setup(void)
{
    test_heap_hooks(&heap, &hooks);
    memset(&err, 0, sizeof err);
}

static void teardown(void)
{
    ck_assert_int_eq(heap.live, 0);
}

/* Small numbers, and those around which a careless check wraps. */
#define SMALL 12
static const size_t huge[] = {SIZE_MAX,     SIZE_MAX - 1,    SIZE_MAX - 2,
                              SIZE_MAX - 7, SIZE_MAX - 8,    SIZE_MAX / 2 + 1,
                              SIZE_MAX / 2, (size_t)1 << 31, UINT32_MAX};
#define SIZES (SMALL + sizeof huge / sizeof *huge)

static size_t size_number(size_t i)
{
    return i < SMALL ? i : huge[i - SMALL];
}

/* ---- Reader ---- */

static const uint8_t ten[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

/* Nothing more comes out of a reader that went wrong. */
static void assert_dead(ns_reader *r)
{
    uint8_t bytes[4] = {9, 9, 9, 9}, zeros[4] = {0};
    size_t off = r->off;

    ck_assert(r->bad);
    ck_assert_uint_eq(ns_get8(r), 0);
    ck_assert_uint_eq(ns_get16(r), 0);
    ck_assert_uint_eq(ns_get32(r), 0);
    ck_assert_uint_eq(ns_get64(r), 0);
    ck_assert_ptr_null(ns_take(r, 0));
    ns_get_bytes(r, bytes, 4);
    ck_assert_mem_eq(bytes, zeros, 4);
    ns_get_align(r, 8);
    ck_assert(r->bad);
    ck_assert_uint_eq(r->off, off);
    ck_assert(ns_sub(r, 0, 0).bad);
}

START_TEST(reads_integers)
{
    ns_reader r = ns_reader_of(ten, 10);

    ck_assert_uint_eq(ns_get8(&r), 1);
    ck_assert_uint_eq(ns_get8(&r), 2);
    ck_assert_uint_eq(ns_get64(&r), 0x0A09080706050403);
    ck_assert_uint_eq(ns_left(&r), 0);
    ck_assert(!r.bad);
    r = ns_reader_of(ten, 10);
    ck_assert_uint_eq(ns_get16(&r), 0x0201);
    ck_assert_uint_eq(ns_get32(&r), 0x06050403);
    r = ns_reader_of(ten, 10);
    r.big = true;
    ck_assert_uint_eq(ns_get16(&r), 0x0102);
    ck_assert_uint_eq(ns_get64(&r), 0x030405060708090A);
    r.off = 2;
    ck_assert_uint_eq(ns_get32(&r), 0x03040506);
}
END_TEST

/* Every length, offset and size of a take. */
START_TEST(takes_what_is_there)
{
    for (size_t len = 0; len <= 10; len++) {
        uint8_t *p = test_copy(ten, len);

        for (size_t off = 0; off <= len; off++)
            for (size_t i = 0; i < SIZES; i++) {
                ns_reader r = ns_reader_of(p, len);
                size_t n = size_number(i);

                r.off = off;
                if (n <= len - off) {
                    ck_assert_ptr_eq(ns_take(&r, n), p + off);
                    ck_assert_uint_eq(r.off, off + n);
                    ck_assert_uint_eq(ns_left(&r), len - off - n);
                    ck_assert(!r.bad);
                } else {
                    ck_assert_ptr_null(ns_take(&r, n));
                    ck_assert_uint_eq(r.off, off);
                    assert_dead(&r);
                }
            }
        free(p);
    }
}
END_TEST

/* An integer is there whole or not at all. */
START_TEST(integers_need_all_their_bytes)
{
    for (size_t len = 0; len <= 8; len++) {
        uint8_t *p = test_copy(ten, len);
        ns_reader r8 = ns_reader_of(p, len), r16 = r8, r32 = r8, r64 = r8;

        ck_assert_int_eq(ns_get8(&r8) != 0, len >= 1);
        ck_assert_int_eq(ns_get16(&r16) != 0, len >= 2);
        ck_assert_int_eq(ns_get32(&r32) != 0, len >= 4);
        ck_assert_int_eq(ns_get64(&r64) != 0, len >= 8);
        ck_assert_int_eq(r8.bad, len < 1);
        ck_assert_int_eq(r16.bad, len < 2);
        ck_assert_int_eq(r32.bad, len < 4);
        ck_assert_int_eq(r64.bad, len < 8);
        free(p);
    }
}
END_TEST

START_TEST(nothing_at_all)
{
    ns_reader r = ns_reader_of(NULL, 0), sub;
    uint8_t byte = 1;

    ns_skip(&r, 0);
    ns_get_align(&r, 8);
    ns_get_bytes(&r, &byte, 0);
    ck_assert_uint_eq(byte, 1);
    ck_assert(!r.bad);
    sub = ns_sub(&r, 0, 0);
    ck_assert(!sub.bad);
    ck_assert_uint_eq(sub.len, 0);
    ck_assert_uint_eq(ns_get8(&r), 0);
    assert_dead(&r);
    assert_dead(&(ns_reader){.bad = true});
}
END_TEST

/* Every offset and length of a part. */
START_TEST(sub_readers)
{
    uint8_t *p = test_copy(ten, 10);

    for (size_t i = 0; i < SIZES; i++)
        for (size_t j = 0; j < SIZES; j++) {
            ns_reader r = ns_reader_of(p, 10), sub;
            size_t off = size_number(i), len = size_number(j);
            bool fits = off <= 10 && len <= 10 - off;

            r.big = (i + j) % 2;
            r.off = 3; /* offsets count from the start all the same */
            sub = ns_sub(&r, off, len);
            ck_assert_int_eq(sub.bad, !fits);
            ck_assert_int_eq(r.bad, !fits);
            ck_assert_uint_eq(r.off, 3);
            ck_assert_int_eq(sub.big, r.big);
            ck_assert_uint_eq(sub.off, 0);
            ck_assert_uint_eq(sub.len, fits ? len : 0);
            if (fits)
                ck_assert_ptr_eq(sub.base, p + off);
            else
                assert_dead(&sub);
            if (fits && len)
                ck_assert_uint_eq(ns_get8(&sub), off + 1);
        }
    free(p);
}
END_TEST

START_TEST(aligning_a_reader)
{
    for (size_t multiple = 1; multiple <= 8; multiple *= 2)
        for (size_t off = 0; off <= 10; off++) {
            ns_reader r = ns_reader_of(ten, 10);
            size_t want = (off + multiple - 1) / multiple * multiple;

            r.off = off;
            ns_get_align(&r, multiple);
            ck_assert_int_eq(r.bad, want > 10);
            ck_assert_uint_eq(r.off, want > 10 ? off : want);
        }
}
END_TEST

START_TEST(loose_integers)
{
    uint8_t b[8];

    ck_assert_uint_eq(ns_le16(ten), 0x0201);
    ck_assert_uint_eq(ns_le32(ten), 0x04030201);
    ck_assert_uint_eq(ns_le64(ten), 0x0807060504030201);
    ns_store16(b, 0xFEDC);
    test_assert_hex(b, 2, "dcfe");
    ns_store32(b, 0xFEDCBA98);
    test_assert_hex(b, 4, "98badcfe");
    ck_assert_uint_eq(ns_le32(b), 0xFEDCBA98);
    ns_store64(b, 0xFEDCBA9876543210);
    test_assert_hex(b, 8, "1032547698badcfe");
    ck_assert_uint_eq(ns_le64(b), 0xFEDCBA9876543210);
    ns_store32be(b, 0xFEDCBA98);
    test_assert_hex(b, 4, "fedcba98");
}
END_TEST

/* ---- Writer ---- */

START_TEST(writes)
{
    ns_writer w;

    ns_writer_init(&w, &hooks, 1000);
    ns_put8(&w, 0x01);
    ns_put16(&w, 0x0302);
    ns_put32(&w, 0x07060504);
    ns_put64(&w, 0x0F0E0D0C0B0A0908);
    ns_put_align(&w, 0, 8);
    ns_put(&w, "abc", 3);
    ns_put(&w, NULL, 0);
    ns_put_align(&w, 1, 4);
    ns_set16(&w, 0, 0xAAAA);
    ns_set32(&w, 3, 0xBBBBBBBB);
    ck_assert_int_eq(w.err, 0);
    test_assert_hex(w.p, w.len, "aaaa03bbbbbbbb08090a0b0c0d0e0f006162630000");
    ns_writer_drop(&w, 16);
    test_assert_hex(w.p, w.len, "6162630000");
    ns_writer_drop(&w, 5);
    ck_assert_uint_eq(w.len, 0);
    ns_writer_free(&w);
    ns_writer_free(&w);
}
END_TEST

/* Every maximum, fill and size of a write. */
START_TEST(writer_limit)
{
    for (size_t max = 0; max <= 10; max++)
        for (size_t fill = 0; fill <= max; fill++)
            for (size_t i = 0; i < SIZES; i++) {
                size_t n = size_number(i);
                ns_writer w;
                uint8_t *p;

                ns_writer_init(&w, &hooks, max);
                ns_put(&w, ten, fill);
                ck_assert_int_eq(w.err, 0);
                p = ns_put_space(&w, n);
                ck_assert_int_eq(p != NULL, n <= max - fill);
                ck_assert_int_eq(w.err, p ? 0 : NETSESSION_E_LIMIT);
                ck_assert_uint_eq(w.len, p ? fill + n : fill);
                if (fill)
                    ck_assert_mem_eq(w.p, ten, fill);
                if (!p) {
                    ns_put8(&w, 1);
                    ck_assert_uint_eq(w.len, fill);
                    ns_put_align(&w, 0, 8);
                    ns_set16(&w, SIZE_MAX / 2, 1);
                    ns_set32(&w, SIZE_MAX / 2, 1);
                    ck_assert_int_eq(w.err, NETSESSION_E_LIMIT);
                }
                ns_writer_reset(&w);
                ck_assert_int_eq(w.err, 0);
                ck_assert_ptr_nonnull(ns_put_space(&w, max));
                ns_writer_free(&w);
            }
}
END_TEST

/* Grows through many blocks, keeps what was there, hands out zeros. */
START_TEST(writer_grows)
{
    ns_writer w;

    ns_writer_init(&w, &hooks, 100000);
    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < 25000; i++)
            ns_put32(&w, i * 2654435761u);
        ck_assert_int_eq(w.err, 0);
        ck_assert_uint_eq(w.len, 100000);
        for (uint32_t i = 0; i < 25000; i++)
            if (ns_le32(w.p + 4 * i) != i * 2654435761u)
                ck_abort_msg("number %u", (unsigned)i);
        ck_assert_int_eq(heap.live, 1);
        ck_assert_uint_le(heap.now, 100000);
        ns_put8(&w, 0);
        ck_assert_int_eq(w.err, NETSESSION_E_LIMIT);
        ns_writer_reset(&w);
        ck_assert_mem_eq(ns_put_space(&w, 8), "\0\0\0\0\0\0\0", 8);
        ns_writer_reset(&w);
    }
    ns_writer_free(&w);
}
END_TEST

START_TEST(writer_out_of_memory)
{
    long n = 1;

    for (;; n++) {
        ns_writer w;

        test_heap_hooks(&heap, &hooks);
        heap.fail_at = n;
        ns_writer_init(&w, &hooks, 100000);
        for (uint32_t i = 0; i < 5000; i++)
            ns_put32(&w, i);
        for (uint32_t i = 0; i < w.len / 4; i++)
            if (ns_le32(w.p + 4 * i) != i)
                ck_abort_msg("number %u", (unsigned)i);
        if (heap.made < n) {
            ck_assert_int_eq(w.err, 0);
            ns_writer_free(&w);
            break;
        }
        ck_assert_int_eq(w.err, NETSESSION_E_MEMORY);
        ck_assert_ptr_null(ns_put_space(&w, 0));
        ns_writer_free(&w);
        ck_assert_int_eq(heap.live, 0);
    }
    ck_assert_int_gt(n, 3);
}
END_TEST

/* ---- Memory ---- */

static uint8_t seen[32];

/* Looks at what a block holds when it is given back. */
static void looking_free(void *ctx, void *p)
{
    (void)ctx;
    memcpy(seen, p, sizeof seen);
    free(p);
}

START_TEST(freed_memory_is_wiped)
{
    netsession_hooks looking = {.free = looking_free}, h;
    uint8_t zeros[sizeof seen] = {0};
    uint8_t *p;
    ns_writer w;

    ns_hooks_fill(&h, &looking);
    p = ns_alloc(&h, sizeof seen);
    ck_assert_mem_eq(p, zeros, sizeof seen);
    memset(p, 0xEE, sizeof seen);
    memset(seen, 1, sizeof seen);
    ns_free(&h, p, sizeof seen);
    ck_assert_mem_eq(seen, zeros, sizeof seen);

    memset(seen, 1, sizeof seen);
    ns_strfree(&h, ns_strdup(&h, "01234567890123456789012345678901", 31));
    ck_assert_mem_eq(seen, zeros, sizeof seen);

    ns_writer_init(&w, &h, 1000);
    ns_put(&w, "01234567890123456789012345678901", 32);
    memset(seen, 1, sizeof seen);
    ns_writer_free(&w);
    ck_assert_mem_eq(seen, zeros, sizeof seen);
    ns_free(&h, NULL, 5);
    ns_strfree(&h, NULL);
}
END_TEST

START_TEST(strings_are_copied)
{
    char *s = ns_strdup(&hooks, "abcdef", 3);

    ck_assert_str_eq(s, "abc");
    ns_strfree(&hooks, s);
    s = ns_strdup(&hooks, "", 0);
    ck_assert_str_eq(s, "");
    ns_strfree(&hooks, s);
    heap.fail_at = heap.made + 1;
    ck_assert_ptr_null(ns_strdup(&hooks, "abc", 3));
}
END_TEST

START_TEST(default_hooks)
{
    netsession_hooks h;
    uint8_t a[32] = {0}, b[32] = {0};
    void *p;

    ns_hooks_fill(&h, NULL);
    p = h.alloc(h.ctx, 100);
    ck_assert_ptr_nonnull(p);
    h.free(h.ctx, p);
    ck_assert_int_eq(h.entropy(h.ctx, a, sizeof a), 0);
    ck_assert_int_eq(h.entropy(h.ctx, b, sizeof b), 0);
    ck_assert_mem_ne(a, b, sizeof a);
    ck_assert_int_ne(h.entropy(h.ctx, a, SIZE_MAX),
                     0); /* more than RAND_bytes could be asked */
    ck_assert_int_ne(h.entropy(h.ctx, a, (1u << 20) + 1), 0);
    failing_crypto = (failing){0, 1};
    ck_assert_int_ne(h.entropy(h.ctx, a, sizeof a), 0);
    failing_crypto = (failing){0, 0};
    /* 2020 to 2100 */
    ck_assert_uint_gt(h.wallclock(h.ctx), 132223104000000000);
    ck_assert_uint_lt(h.wallclock(h.ctx), 157469184000000000);
    h.log(h.ctx, 1, "nothing happens");
}
END_TEST

/* ---- Framer ---- */

/* A header of four bytes: 'F', then 24 bits, the length of what follows. */
static int f_length(const uint8_t *header, size_t *total)
{
    *total = 4 + ((size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3]);
    return header[0] == 'F' ? 0 : NETSESSION_E_PROTOCOL;
}

/* Hands over at most most bytes at a time, until a frame is whole, refused, or
 * the bytes are at an end; *n: how many were used. */
static int feed(ns_framer *f, const uint8_t *p, size_t *n, size_t most)
{
    size_t all = *n;
    int rc = 0;

    for (*n = 0; *n < all && !rc;) {
        size_t room, now = all - *n < most ? all - *n : most;
        void *to = ns_framer_room(f, &room);

        ck_assert_ptr_nonnull(to);
        ck_assert_uint_gt(room, 0);
        now = now < room ? now : room;
        memcpy(to, p + *n, now);
        *n += now;
        rc = ns_framer_ack(f, now);
    }
    return rc;
}

START_TEST(frames_in_any_pieces)
{
    static const uint8_t stream[] = "F\0\0\5helloF\0\0\0F\0\0\1!F\0\0\4tail";
    static const size_t lengths[] = {9, 4, 5, 8};
    ns_framer f;

    for (size_t most = 1; most <= sizeof stream; most++) {
        const uint8_t *p = stream;

        ns_framer_init(&f, &hooks, 4, f_length, 9);
        for (int i = 0; i < 4; i++) {
            size_t n = sizeof stream - 1 - (size_t)(p - stream);

            ck_assert_int_eq(feed(&f, p, &n, most), 1);
            ck_assert_uint_eq(n, lengths[i]);
            ck_assert_uint_eq(f.buf.len, n);
            ck_assert_mem_eq(f.buf.p, p, n);
            p += n;
            ns_framer_next(&f);
        }
        ns_framer_free(&f);
    }
}
END_TEST

START_TEST(framer_waits)
{
    ns_framer f;
    size_t n = 8;

    ns_framer_init(&f, &hooks, 4, f_length, 100);
    ck_assert_int_eq(feed(&f, (const uint8_t *)"F\0\0\5hell", &n, 100), 0);
    ck_assert_uint_eq(n, 8);
    ck_assert_int_eq(ns_framer_ack(&f, 0), 0);
    n = 1;
    ck_assert_int_eq(feed(&f, (const uint8_t *)"o", &n, 100), 1);
    ns_framer_free(&f);
}
END_TEST

START_TEST(framer_refuses)
{
    static const struct {
        const char *header;
        size_t max;
        int rc;
    } cases[] = {
        {"F\0\0\6", 9, NETSESSION_E_LIMIT},       {"F\0\0\6", 10, 0},
        {"F\xFF\xFF\xFF", 9, NETSESSION_E_LIMIT}, {"F\xFF\xFF\xFF", 0x1000003, 0},
        {"G\0\0\1", 9, NETSESSION_E_PROTOCOL},    {"\0\0\0\1", 9, NETSESSION_E_PROTOCOL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ns_framer f;
        size_t n = 4;

        ns_framer_init(&f, &hooks, 4, f_length, cases[i].max);
        ck_assert_int_eq(feed(&f, (const uint8_t *)cases[i].header, &n, 1), cases[i].rc);
        ck_assert_uint_eq(n, 4);
        ns_framer_free(&f);
    }
}
END_TEST

START_TEST(framer_takes_no_more_than_room)
{
    ns_framer f;
    size_t room;

    ns_framer_init(&f, &hooks, 4, f_length, 100);
    ck_assert_int_eq(ns_framer_ack(&f, 1), NETSESSION_E_ARGUMENT);
    ck_assert_ptr_nonnull(ns_framer_room(&f, &room));
    ck_assert_uint_eq(room, 4);
    ck_assert_int_eq(ns_framer_ack(&f, 5), NETSESSION_E_ARGUMENT);
    ck_assert_int_eq(ns_framer_ack(&f, SIZE_MAX), NETSESSION_E_ARGUMENT);
    ck_assert_int_eq(ns_framer_ack(&f, 3), 0);
    ck_assert_int_eq(ns_framer_ack(&f, 2), NETSESSION_E_ARGUMENT);
    ns_framer_free(&f);
}
END_TEST

/* What is announced costs nothing; what has come, at most twice itself. */
START_TEST(memory_follows_the_bytes)
{
    enum { STEP = 65536, LEN = 3000000 };
    uint8_t *stream = calloc(1, LEN);
    ns_framer f;
    size_t n = 4, sent = 0;
    int rc = 0;

    ck_assert_ptr_nonnull(stream);
    memcpy(stream, "F\x2D\xC6\xBC", 4);
    ns_framer_init(&f, &hooks, 4, f_length, 1u << 24);
    ck_assert_int_eq(feed(&f, stream, &n, 4), 0);
    ck_assert_uint_le(heap.most, 256);
    n = 1;
    ck_assert_int_eq(feed(&f, stream, &n, 1), 0);
    ck_assert_uint_le(heap.now, 2 * STEP);
    for (sent = 5; sent < LEN && !rc; sent += n) {
        n = LEN - sent < 20000 ? LEN - sent : 20000;
        rc = feed(&f, stream + sent, &n, 20000);
        ck_assert_uint_le(heap.now, 2 * (sent + n + STEP));
    }
    ck_assert_int_eq(rc, 1);
    ck_assert_uint_eq(sent, LEN);
    ck_assert_uint_eq(f.buf.len, LEN);
    ns_framer_free(&f);
    free(stream);
}
END_TEST

START_TEST(framer_out_of_memory)
{
    ns_framer f;
    size_t room = 7, n = 4;

    ns_framer_init(&f, &hooks, 4, f_length, 1u << 20);
    heap.fail_at = 1;
    ck_assert_ptr_null(ns_framer_room(&f, &room));
    ck_assert_uint_eq(room, 0);
    ns_framer_free(&f);
    test_heap_hooks(&heap, &hooks);
    ns_framer_init(&f, &hooks, 4, f_length, 1u << 20);
    ck_assert_int_eq(feed(&f, (const uint8_t *)"F\1\0\0", &n, 1), 0);
    heap.fail_at = heap.made + 1;
    ck_assert_ptr_null(ns_framer_room(&f, &room));
    ck_assert_uint_eq(room, 0);
    ck_assert_ptr_null(ns_framer_room(&f, &room));
    ns_framer_free(&f);
}
END_TEST

/* ---- UTF-8 ---- */

/* Table 3-7 of the Unicode Standard: the well-formed byte sequences. */
static const struct form {
    uint8_t lead[2], second[2];
    size_t len;
} forms[] = {
    {{0x01, 0x7F}, {0, 0}, 1},       {{0xC2, 0xDF}, {0x80, 0xBF}, 2},
    {{0xE0, 0xE0}, {0xA0, 0xBF}, 3}, {{0xE1, 0xEC}, {0x80, 0xBF}, 3},
    {{0xED, 0xED}, {0x80, 0x9F}, 3}, {{0xEE, 0xEF}, {0x80, 0xBF}, 3},
    {{0xF0, 0xF0}, {0x90, 0xBF}, 4}, {{0xF1, 0xF3}, {0x80, 0xBF}, 4},
    {{0xF4, 0xF4}, {0x80, 0x8F}, 4},
};

static bool between(uint8_t c, const uint8_t range[2])
{
    return c >= range[0] && c <= range[1];
}

/* Length of the well-formed character at s, 0 when there is none. */
static size_t form_len(const uint8_t *s)
{
    static const uint8_t tail[2] = {0x80, 0xBF};

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const struct form *f = &forms[i];

        if (!between(s[0], f->lead))
            continue;
        if (f->len > 1 && !between(s[1], f->second))
            return 0;
        for (size_t k = 2; k < f->len; k++)
            if (!between(s[k], tail))
                return 0;
        return f->len;
    }
    return 0;
}

/* Checks with a mark for each would take minutes. */
static bool sequence_ok(const uint8_t *s)
{
    const char *at = (const char *)s;
    size_t len = form_len(s);
    uint32_t c = ns_utf8_next(&at);

    if (!len)
        return c == NS_UTF_BAD_CHAR && at == (const char *)s;
    return c && c <= 0x10FFFF && (size_t)(at - (const char *)s) == len;
}

/* All pairs of bytes, with tails from around every boundary. */
START_TEST(utf8_every_sequence)
{
    static const uint8_t tails[] = {0,    0x2F, 0x7F, 0x80, 0x8F, 0x90,
                                    0x9F, 0xA0, 0xBF, 0xC0, 0xFF};

    for (unsigned a = 1; a < 256; a++)
        for (unsigned b = 0; b < 256; b++)
            for (size_t i = 0; i < sizeof tails * sizeof tails; i++) {
                uint8_t s[5] = {(uint8_t)a, (uint8_t)b, tails[i / sizeof tails],
                                tails[i % sizeof tails], 0};

                if (!sequence_ok(s))
                    ck_abort_msg("%02x %02x %02x %02x", s[0], s[1], s[2], s[3]);
            }
}
END_TEST

/* Nothing behind a string's NUL is looked at. */
START_TEST(utf8_cut_short)
{
    static const char *const cut[] = {"\xC3",     "\xE2",         "\xE2\x82",
                                      "\xF0",     "\xF0\x9F",     "\xF0\x9F\x98",
                                      "abc\xF0",  "\xC3\xA9\xE2", "\x80",
                                      "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                      "\xFF",     "\xFE",         "\xF8\x88\x80\x80\x80"};

    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        char *s = (char *)test_copy(cut[i], strlen(cut[i]) + 1);
        ns_writer w;

        ck_assert_uint_eq(ns_utf16_len(s), NS_UTF_BAD);
        ns_writer_init(&w, &hooks, 100);
        ck_assert(!ns_put_utf16(&w, s));
        ck_assert(!ns_put_utf16_upper(&w, s));
        ns_writer_free(&w);
        free(s);
    }
}
END_TEST

static bool character_ok(uint32_t c)
{
    size_t units = c < 0x10000 ? 1 : 2, len;
    uint32_t hi = c < 0x10000 ? c : 0xD7C0 + (c >> 10), lo = 0xDC00 + (c & 0x3FF);
    uint8_t le[4], be[4];
    char out[5] = "....", big[5] = "....";
    const char *s = out;

    ns_store16(le, (uint16_t)hi);
    ns_store16(le + 2, (uint16_t)lo);
    for (int i = 0; i < 4; i++)
        be[i] = le[i ^ 1];
    len = ns_utf8_len(le, units, false);
    if (len != ns_utf8_len(be, units, true))
        return false;
    if (c >= 0xD800 && c < 0xE000)
        return len == NS_UTF_BAD;
    ns_utf8_from(out, le, units, false);
    ns_utf8_from(big, be, units, true);
    return strlen(out) == len && form_len((const uint8_t *)out) == len && !strcmp(out, big) &&
           ns_utf16_len(out) == units && ns_utf8_next(&s) == c && !*s;
}

/* Every character there and back, encoded here by the definition. */
START_TEST(utf_every_character)
{
    for (uint32_t c = 1; c <= 0x10FFFF; c++)
        if (!character_ok(c))
            ck_abort_msg("U+%04X", (unsigned)c);
}
END_TEST

/* ---- UTF-16 ---- */

START_TEST(utf16_strict)
{
    static const struct {
        uint16_t units[4];
        size_t n, len;
    } cases[] = {
        {{0}, 0, 0},
        {{'a', 'b'}, 2, 2},
        {{0xE9, 0x20AC}, 2, 5},
        {{0xD83D, 0xDE00}, 2, 4},
        {{0xD7FF, 0xE000, 0xFFFF}, 3, 9},
        {{0xDBFF, 0xDFFF}, 2, 4},
        {{0}, 1, NS_UTF_BAD},                   /* U+0000 */
        {{'a', 0}, 2, NS_UTF_BAD},              /* at the end */
        {{'a', 0, 'b'}, 3, NS_UTF_BAD},         /* inside */
        {{0xD83D}, 1, NS_UTF_BAD},              /* the second half is missing */
        {{'a', 0xD83D, 0xDE00}, 2, NS_UTF_BAD}, /* it is there, but not counted */
        {{0xDE00}, 1, NS_UTF_BAD},              /* the first half is missing */
        {{0xDE00, 0xD83D}, 2, NS_UTF_BAD},      /* the wrong way round */
        {{0xD83D, 0xD83D}, 2, NS_UTF_BAD},
        {{0xD83D, 'a'}, 2, NS_UTF_BAD},
        {{0xD83D, 0xE000}, 2, NS_UTF_BAD},
        {{0xD83D, 0xFFFF}, 2, NS_UTF_BAD},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t le[8], be[8], *exact;

        for (size_t k = 0; k < 4; k++) {
            ns_store16(le + 2 * k, cases[i].units[k]);
            be[2 * k] = (uint8_t)(cases[i].units[k] >> 8);
            be[2 * k + 1] = (uint8_t)cases[i].units[k];
        }
        exact = test_copy(le, 2 * cases[i].n);
        ck_assert_uint_eq(ns_utf8_len(exact, cases[i].n, false), cases[i].len);
        free(exact);
        exact = test_copy(be, 2 * cases[i].n);
        ck_assert_uint_eq(ns_utf8_len(exact, cases[i].n, true), cases[i].len);
        free(exact);
    }
}
END_TEST

START_TEST(utf16_written)
{
    ns_writer w;

    ns_writer_init(&w, &hooks, 100);
    ck_assert(ns_put_utf16(&w, ""));
    ck_assert_uint_eq(w.len, 0);
    ck_assert(ns_put_utf16(&w, "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"));
    test_assert_hex(w.p, w.len, "6100e900ac203dd800de");
    ck_assert_uint_eq(ns_utf16_len("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), 5);
    ns_writer_free(&w);
    ns_writer_init(&w, &hooks, 3);
    ck_assert(ns_put_utf16(&w, "abc"));
    ck_assert_int_eq(w.err, NETSESSION_E_LIMIT);
    ns_writer_free(&w);
}
END_TEST

/* Rows of UnicodeData.txt: a character and its simple upper case. */
START_TEST(upper_case)
{
    static const uint16_t rows[][2] = {
        {'a', 'A'},       {'z', 'Z'},       {'A', 'A'},       {'`', '`'},
        {'{', '{'},       {'1', '1'},       {0xDF, 0xDF},     {0xE0, 0xC0},
        {0xE9, 0xC9},     {0xF6, 0xD6},     {0xF7, 0xF7},     {0xF8, 0xD8},
        {0xFC, 0xDC},     {0xFE, 0xDE},     {0xFF, 0x178},    {0x100, 0x100},
        {0x101, 0x100},   {0x11B, 0x11A},   {0x12F, 0x12E},   {0x133, 0x132},
        {0x137, 0x136},   {0x138, 0x138},   {0x13A, 0x139},   {0x142, 0x141},
        {0x148, 0x147},   {0x149, 0x149},   {0x14B, 0x14A},   {0x151, 0x150},
        {0x161, 0x160},   {0x177, 0x176},   {0x178, 0x178},   {0x17A, 0x179},
        {0x17E, 0x17D},   {0x1A1, 0x1A0},   {0x1B0, 0x1AF},   {0x1CE, 0x1CD},
        {0x1DC, 0x1DB},   {0x1DF, 0x1DE},   {0x1EF, 0x1EE},   {0x1F0, 0x1F0},
        {0x1F9, 0x1F8},   {0x219, 0x218},   {0x21B, 0x21A},   {0x233, 0x232},
        {0x390, 0x390},   {0x3AC, 0x386},   {0x3AD, 0x388},   {0x3AF, 0x38A},
        {0x3B0, 0x3B0},   {0x3B1, 0x391},   {0x3C1, 0x3A1},   {0x3C2, 0x3A3},
        {0x3C3, 0x3A3},   {0x3C9, 0x3A9},   {0x3CB, 0x3AB},   {0x3CC, 0x38C},
        {0x3CD, 0x38E},   {0x3CE, 0x38F},   {0x430, 0x410},   {0x44F, 0x42F},
        {0x450, 0x400},   {0x451, 0x401},   {0x45F, 0x40F},   {0x460, 0x460},
        {0x461, 0x460},   {0x481, 0x480},   {0x48B, 0x48A},   {0x491, 0x490},
        {0x4D9, 0x4D8},   {0x52F, 0x52E},   {0x561, 0x531},   {0x586, 0x556},
        {0x587, 0x587},   {0x5D0, 0x5D0},   {0x1E01, 0x1E00}, {0x1E95, 0x1E94},
        {0x1E96, 0x1E96}, {0x1EA1, 0x1EA0}, {0x1EF9, 0x1EF8}, {0x4E2D, 0x4E2D},
        {0x1DD, 0x18E},   {0x1F5, 0x1F4},   {0x254, 0x186},   {0x259, 0x18F},
        {0x25B, 0x190},   {0x4C1, 0x4C1},   {0x4C2, 0x4C1},   {0x4CE, 0x4CD},
        {0x4CF, 0x4C0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t unit[2];
        char utf8[4];
        ns_writer w;

        ns_store16(unit, rows[i][0]);
        ns_utf8_from(utf8, unit, 1, false);
        ns_writer_init(&w, &hooks, 8);
        ck_assert(ns_put_utf16_upper(&w, utf8));
        ck_assert_uint_eq(w.len, 2);
        ck_assert_msg(ns_le16(w.p) == rows[i][1], "U+%04X became U+%04X, not U+%04X",
                      rows[i][0], ns_le16(w.p), rows[i][1]);
        ns_writer_free(&w);
    }
}
END_TEST

START_TEST(upper_case_string)
{
    ns_writer w;

    ns_writer_init(&w, &hooks, 100);
    ck_assert(ns_put_utf16_upper(&w, "J\xC3\xB6rg-1\xF0\x9F\x98\x80"));
    test_assert_hex(w.p, w.len, "4a00d600520047002d0031003dd800de");
    ns_writer_free(&w);
}
END_TEST

/* ---- Crypto ---- */

#define KEYS_10_TO_19 "0102030405060708090a0b0c0d0e0f10111213141516171819"
#define TEN_DD        "dddddddddddddddddddd"
#define TEN_CD        "cdcdcdcdcdcdcdcdcdcd"
#define FIFTY(ten)    ten ten ten ten ten
#define TEN_AA        "aaaaaaaaaaaaaaaaaaaa"
#define HI_THERE      "4869205468657265"
#define JEFE          "4a656665"
#define WHAT          "7768617420646f2079612077616e7420666f72206e6f7468696e673f"

typedef int keyed(const uint8_t *key, size_t key_len, const ns_slice *parts, size_t count,
                  uint8_t *out);

static int hmac_md5(const uint8_t *key, size_t key_len, const ns_slice *parts, size_t count,
                    uint8_t *out)
{
    return ns_hmac_md5(key, key_len, parts, count, out);
}

static int hmac_sha256(const uint8_t *key, size_t key_len, const ns_slice *parts, size_t count,
                       uint8_t *out)
{
    return ns_hmac_sha256(key, key_len, parts, count, out);
}

static int cmac(const uint8_t *key, size_t key_len, const ns_slice *parts, size_t count,
                uint8_t *out)
{
    (void)key_len;
    return ns_aes_cmac(key, parts, count, out);
}

static int md5(const uint8_t *key, size_t key_len, const ns_slice *parts, size_t count,
               uint8_t *out)
{
    (void)key;
    (void)key_len;
    return ns_md5(parts, count, out);
}

static int sha512(const uint8_t *key, size_t key_len, const ns_slice *parts, size_t count,
                  uint8_t *out)
{
    (void)key;
    (void)key_len;
    return ns_sha512(parts, count, out);
}

#define CMAC_KEY "2b7e151628aed2a6abf7158809cf4f3c"
#define CMAC_16  "6bc1bee22e409f96e93d7e117393172a"
#define CMAC_40  CMAC_16 "ae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411"
#define CMAC_64  CMAC_40 "e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"

/* RFC 2202, RFC 4231, RFC 4493, FIPS 180, RFC 1321 */
static const struct mac_vector {
    keyed *f;
    const char *key, *data, *out;
} mac_vectors[] = {
    {hmac_md5, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", HI_THERE,
     "9294727a3638bb1c13f48ef8158bfc9d"},
    {hmac_md5, JEFE, WHAT, "750c783e6ab0b503eaa86e310a5db738"},
    {hmac_md5, TEN_AA "aaaaaaaaaaaa", FIFTY(TEN_DD), "56be34521d144c88dbb8c733f0e8b3f6"},
    {hmac_sha256, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", HI_THERE,
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {hmac_sha256, JEFE, WHAT,
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {hmac_sha256, TEN_AA TEN_AA, FIFTY(TEN_DD),
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {hmac_sha256, KEYS_10_TO_19, FIFTY(TEN_CD),
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    {cmac, CMAC_KEY, "", "bb1d6929e95937287fa37d129b756746"},
    {cmac, CMAC_KEY, CMAC_16, "070a16b46b4d4144f79bdd9dd04a287c"},
    {cmac, CMAC_KEY, CMAC_40, "dfa66747de9ae63030ca32611497c827"},
    {cmac, CMAC_KEY, CMAC_64, "51f0bebf7e3b9d92fc49741779363cfe"},
    {sha512, "", "616263",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23"
     "a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {md5, "", "", "d41d8cd98f00b204e9800998ecf8427e"},
    {md5, "", "616263", "900150983cd24fb0d6963f7d28e17f72"},
};

/* Whole, and cut in two at every place. */
START_TEST(mac_vector)
{
    const struct mac_vector *v = &mac_vectors[_i];
    uint8_t key[64], data[64], out[64];
    size_t key_len = test_unhex(key, sizeof key, v->key);
    size_t len = test_unhex(data, sizeof data, v->data);

    for (size_t cut = 0; cut <= len; cut++) {
        const ns_slice parts[] = {{data, cut}, {NULL, 0}, {data + cut, len - cut}};

        memset(out, 0, sizeof out);
        ck_assert_int_eq(v->f(key, key_len, parts, 3, out), 0);
        test_assert_hex(out, strlen(v->out) / 2, v->out);
    }
}
END_TEST

#define GCM_KEY "feffe9928665731c6d6a8f9467308308"
#define GCM_AAD "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define GCM_IV  "cafebabefacedbaddecaf888"
#define GCM_60                                                                                 \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e24" \
    "49a6b525b16aedf5aa0de657ba637b39"
#define ZERO_12 "000000000000000000000000"
#define ZERO_16 "00000000000000000000000000000000"

/* McGrew and Viega's cases 1, 2, 4, 16 */
static const struct gcm_vector {
    unsigned cipher;
    const char *key, *iv, *aad, *plain, *sealed, *tag;
} gcm_vectors[] = {
    {NETSESSION_AES_128_GCM, ZERO_16, ZERO_12, "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"},
    {NETSESSION_AES_128_GCM, ZERO_16, ZERO_12, "", ZERO_16, "0388dace60b6a392f328c2b971b2fe78",
     "ab6e47d42cec13bdf53a67b21257bddf"},
    {NETSESSION_AES_128_GCM, GCM_KEY, GCM_IV, GCM_AAD, GCM_60,
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5a"
     "ac84aa051ba30b396a0aac973d58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {NETSESSION_AES_256_GCM, GCM_KEY GCM_KEY, GCM_IV, GCM_AAD, GCM_60,
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b10"
     "56828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

struct sealed {
    uint8_t key[32], iv[12], aad[32], data[64], tag[16];
    size_t aad_len, len;
};

static struct sealed sealed_of(const struct gcm_vector *v, const char *data)
{
    struct sealed s = {0};

    test_unhex(s.key, sizeof s.key, v->key);
    test_unhex(s.iv, sizeof s.iv, v->iv);
    test_unhex(s.tag, sizeof s.tag, v->tag);
    s.aad_len = test_unhex(s.aad, sizeof s.aad, v->aad);
    s.len = test_unhex(s.data, sizeof s.data, data);
    return s;
}

static int open_sealed(unsigned cipher, struct sealed s, const char *plain)
{
    int rc =
        ns_aead_open(cipher, s.key, s.iv, (ns_slice){s.aad, s.aad_len}, s.data, s.len, s.tag);

    if (!rc)
        test_assert_hex(s.data, s.len, plain);
    return rc;
}

START_TEST(gcm_vector)
{
    const struct gcm_vector *v = &gcm_vectors[_i];
    struct sealed s = sealed_of(v, v->plain);

    memset(s.tag, 0, sizeof s.tag);
    ck_assert_int_eq(ns_aead_seal(v->cipher, s.key, s.iv, (ns_slice){s.aad, s.aad_len}, s.data,
                                  s.len, s.tag),
                     0);
    test_assert_hex(s.data, s.len, v->sealed);
    test_assert_hex(s.tag, 16, v->tag);
    ck_assert_int_eq(open_sealed(v->cipher, s, v->plain), 0);
}
END_TEST

/* Each bit of what is sealed, said beside it, and of the tag. */
static void flip_each_bit(unsigned cipher, const struct sealed *s)
{
    struct sealed f;

    for (size_t i = 0; i < 8 * s->len; i++) {
        f = *s;
        f.data[i / 8] ^= (uint8_t)(1u << i % 8);
        ck_assert_int_eq(open_sealed(cipher, f, ""), NETSESSION_E_SECURITY);
    }
    for (size_t i = 0; i < 8 * s->aad_len; i++) {
        f = *s;
        f.aad[i / 8] ^= (uint8_t)(1u << i % 8);
        ck_assert_int_eq(open_sealed(cipher, f, ""), NETSESSION_E_SECURITY);
    }
    for (size_t i = 0; i < 128; i++) {
        f = *s;
        f.tag[i / 8] ^= (uint8_t)(1u << i % 8);
        ck_assert_int_eq(open_sealed(cipher, f, ""), NETSESSION_E_SECURITY);
    }
    for (size_t i = 0; i < 8 * 11; i++) {
        f = *s;
        f.iv[i / 8] ^= (uint8_t)(1u << i % 8);
        ck_assert_int_eq(open_sealed(cipher, f, ""), NETSESSION_E_SECURITY);
    }
}

/* There and back with every cipher and several lengths. */
START_TEST(aead_round_trip)
{
    static const size_t lengths[] = {0, 1, 15, 16, 17, 63};
    unsigned cipher = (unsigned)_i;

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct sealed s = {.len = lengths[i], .aad_len = 32}, opened;

        memset(s.key, 0x11, sizeof s.key);
        memset(s.data, 0x22, s.len);
        ck_assert_int_eq(ns_aead_seal(cipher, s.key, s.iv, (ns_slice){s.aad, s.aad_len}, s.data,
                                      s.len, s.tag),
                         0);
        flip_each_bit(cipher, &s);
        opened = s;
        ck_assert_int_eq(ns_aead_open(cipher, s.key, s.iv, (ns_slice){s.aad, s.aad_len},
                                      opened.data, s.len, s.tag),
                         0);
        for (size_t k = 0; k < s.len; k++)
            ck_assert_uint_eq(opened.data[k], 0x22);
    }
}
END_TEST

/* Lengths that libcrypto, which takes an int, would see as others. */
START_TEST(too_long_to_seal)
{
    static const size_t lengths[] = {(size_t)INT32_MAX + 1, UINT32_MAX, SIZE_MAX};
    unsigned cipher = (unsigned)_i;
    uint8_t key[32] = {0}, nonce[12] = {0}, data[1] = {0}, tag[16] = {0};

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        ns_slice none = {data, 0}, much = {data, lengths[i]};

        ck_assert_int_eq(ns_aead_seal(cipher, key, nonce, none, data, lengths[i], tag),
                         NETSESSION_E_CRYPTO);
        ck_assert_int_eq(ns_aead_seal(cipher, key, nonce, much, data, 0, tag),
                         NETSESSION_E_CRYPTO);
        ck_assert_int_eq(ns_aead_open(cipher, key, nonce, none, data, lengths[i], tag),
                         NETSESSION_E_CRYPTO);
        ck_assert_int_eq(ns_aead_open(cipher, key, nonce, much, data, 0, tag),
                         NETSESSION_E_CRYPTO);
    }
}
END_TEST

/* Every call that it takes fails once, the first included. */
START_TEST(each_call_of_aead_fails)
{
    unsigned cipher = (unsigned)_i;
    uint8_t key[32] = {0}, nonce[12] = {0}, tag[16];
    int rc = -1;

    for (long at = 1; rc; at++) {
        uint8_t data[20] = {0};
        ns_slice aad = {"aad", 3};

        failing_crypto = (failing){0, at};
        rc = ns_aead_seal(cipher, key, nonce, aad, data, sizeof data, tag);
        ck_assert_int_eq(rc, failing_crypto.made < at ? 0 : NETSESSION_E_CRYPTO);
        ck_assert_int_lt(at, 20);
    }
    failing_crypto = (failing){0, 0};
}
END_TEST

/* A library that gives another MAC than was asked for. */
START_TEST(short_mac)
{
    static const uint8_t key[16];
    ns_slice text = {"text", 4};
    uint8_t out[32];

    failing_short = 1;
    ck_assert_int_eq(ns_hmac_md5(key, sizeof key, &text, 1, out), NETSESSION_E_CRYPTO);
    ck_assert_int_eq(ns_hmac_sha256(key, sizeof key, &text, 1, out), NETSESSION_E_CRYPTO);
    ck_assert_int_eq(ns_aes_cmac(key, &text, 1, out), NETSESSION_E_CRYPTO);
    failing_short = 0;
    ck_assert_int_eq(ns_hmac_md5(key, sizeof key, &text, 1, out), 0);
}
END_TEST

START_TEST(comparing_and_wiping)
{
    uint8_t a[16] = {1, 2, 3}, b[16] = {1, 2, 3}, zeros[16] = {0};

    ck_assert(ns_equal(a, b, 16));
    for (size_t i = 0; i < 16; i++) {
        b[i] ^= 0x80;
        ck_assert(!ns_equal(a, b, 16));
        b[i] ^= 0x80;
    }
    ck_assert(ns_equal(a, zeros, 0));
    ns_wipe(a, 16);
    ck_assert_mem_eq(a, zeros, 16);
}
END_TEST

/* ---- Errors ---- */

static const struct named {
    uint32_t value;
    const char *name;
} win32_names[] = {
    {0, "NERR_Success"},
    {5, "ERROR_ACCESS_DENIED"},
    {8, "ERROR_NOT_ENOUGH_MEMORY"},
    {50, "ERROR_NOT_SUPPORTED"},
    {53, "ERROR_BAD_NETPATH"},
    {64, "ERROR_NETNAME_DELETED"},
    {87, "ERROR_INVALID_PARAMETER"},
    {123, "ERROR_INVALID_NAME"},
    {124, "ERROR_INVALID_LEVEL"},
    {234, "ERROR_MORE_DATA"},
    {1326, "ERROR_LOGON_FAILURE"},
    {1717, "RPC_S_UNKNOWN_IF"},
    {1722, "RPC_S_SERVER_UNAVAILABLE"},
    {1723, "RPC_S_SERVER_TOO_BUSY"},
    {1726, "RPC_S_CALL_FAILED"},
    {1727, "RPC_S_CALL_FAILED_DNE"},
    {1728, "RPC_S_PROTOCOL_ERROR"},
    {1745, "RPC_S_PROCNUM_OUT_OF_RANGE"},
    {1780, "RPC_X_NULL_REF_POINTER"},
    {1783, "RPC_X_BAD_STUB_DATA"},
    {1825, "RPC_S_SEC_PKG_ERROR"},
    {2114, "NERR_ServerNotStarted"},
    {2140, "NERR_InternalError"},
    {2221, "NERR_UserNotFound"},
    {2312, "NERR_ClientNameNotFound"},
    {2351, "NERR_InvalidComputer"},
};

/* [MS-ERREF] 2.3.1 */
static const struct named ntstatus_names[] = {
    {0, "SUCCESS"},
    {0x103, "PENDING"},
    {0x80000005, "BUFFER_OVERFLOW"},
    {0xC000000D, "INVALID_PARAMETER"},
    {0xC0000010, "INVALID_DEVICE_REQUEST"},
    {0xC0000011, "END_OF_FILE"},
    {0xC0000016, "MORE_PROCESSING_REQUIRED"},
    {0xC0000022, "ACCESS_DENIED"},
    {0xC0000034, "OBJECT_NAME_NOT_FOUND"},
    {0xC000006D, "LOGON_FAILURE"},
    {0xC000006E, "ACCOUNT_RESTRICTION"},
    {0xC0000071, "PASSWORD_EXPIRED"},
    {0xC0000072, "ACCOUNT_DISABLED"},
    {0xC000009A, "INSUFFICIENT_RESOURCES"},
    {0xC00000A5, "BAD_IMPERSONATION_LEVEL"},
    {0xC00000AB, "INSTANCE_NOT_AVAILABLE"},
    {0xC00000AC, "PIPE_NOT_AVAILABLE"},
    {0xC00000AD, "INVALID_PIPE_STATE"},
    {0xC00000AE, "PIPE_BUSY"},
    {0xC00000B0, "PIPE_DISCONNECTED"},
    {0xC00000B4, "INVALID_READ_MODE"},
    {0xC00000BB, "NOT_SUPPORTED"},
    {0xC00000C9, "NETWORK_NAME_DELETED"},
    {0xC00000CC, "BAD_NETWORK_NAME"},
    {0xC00000D0, "REQUEST_NOT_ACCEPTED"},
    {0xC00000D9, "PIPE_EMPTY"},
    {0xC00000E5, "INTERNAL_ERROR"},
    {0xC0000120, "CANCELLED"},
    {0xC0000128, "FILE_CLOSED"},
    {0xC000014B, "PIPE_BROKEN"},
    {0xC000015B, "LOGON_TYPE_NOT_GRANTED"},
    {0xC000019C, "FS_DRIVER_REQUIRED"},
    {0xC0000203, "USER_SESSION_DELETED"},
    {0xC000020C, "CONNECTION_DISCONNECTED"},
    {0xC0000224, "PASSWORD_MUST_CHANGE"},
    {0xC0000234, "ACCOUNT_LOCKED_OUT"},
    {0xC0000236, "CONNECTION_REFUSED"},
    {0xC000035C, "NETWORK_SESSION_EXPIRED"},
    {0xC0000388, "DOWNGRADE_DETECTED"},
    {0xC0000418, "NTLM_BLOCKED"},
    {0xC05D0000, "SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP"},
};

START_TEST(codes_have_their_names)
{
    for (size_t i = 0; i < sizeof win32_names / sizeof *win32_names; i++)
        ck_assert_str_eq(ns_win32_name(win32_names[i].value), win32_names[i].name);
    for (size_t i = 0; i < sizeof ntstatus_names / sizeof *ntstatus_names; i++) {
        const char *name = ns_ntstatus_name(ntstatus_names[i].value);

        ck_assert_int_eq(strncmp(name, "STATUS_", 7), 0);
        ck_assert_str_eq(name + 7, ntstatus_names[i].name);
    }
    ck_assert_str_eq(ns_win32_name(99999), "ERROR_?");
    ck_assert_str_eq(ns_ntstatus_name(0xC0FFEE00), "STATUS_?");
    ck_assert_uint_eq(ns_ntstatus_win32(0xC0FFEE00), 59);
}
END_TEST

/* What RtlNtStatusToDosError says. */
START_TEST(statuses_have_their_win32_codes)
{
    static const uint32_t pairs[][2] = {
        {0, 0},
        {0x103, 997},
        {0x80000005, 234},
        {0xC000000D, 87},
        {0xC0000022, 5},
        {0xC0000034, 2},
        {0xC000005E, 1311},
        {0xC000006D, 1326},
        {0xC0000071, 1330},
        {0xC0000072, 1331},
        {0xC00000AE, 231},
        {0xC00000B0, 233},
        {0xC00000BB, 50},
        {0xC00000C9, 64},
        {0xC00000CC, 67},
        {0xC000014B, 109},
        {0xC000015B, 1385},
        {0xC0000224, 1907},
        {0xC0000234, 1909},
        {0xC000035C, 1394},
        {0xC0000388, 1265},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        ck_assert_msg(ns_ntstatus_win32(pairs[i][0]) == pairs[i][1], "%08X",
                      (unsigned)pairs[i][0]);
}
END_TEST

/* Who reads it may have the library alone. */
START_TEST(advice_names_no_options)
{
    static const uint32_t spans[][2] = {{0, 12000},
                                        {0x80000000, 0x80000200},
                                        {0xC0000000, 0xC0001000},
                                        {0xC05D0000, 0xC05D0010}};

    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        for (uint32_t v = spans[i][0]; v <= spans[i][1]; v++) {
            memset(&err, 0, sizeof err);
            if (i)
                ns_fail_ntstatus(&err, NETSESSION_E_REFUSED, NS_LAYER_SMB2, v, "x");
            else
                ns_fail_win32(&err, v, "x");
            if (strstr(err.message, " -"))
                ck_abort_msg("%s", err.message);
        }
}
END_TEST

#define MAX_NAMES 400

/* Adds the names of values first to last to a list that has none of them yet. */
static void collect(const char *(*name_of)(uint32_t), uint32_t first, uint32_t last,
                    const char **list, size_t *count)
{
    for (uint32_t v = first; v <= last; v++) {
        const char *name = name_of(v);

        if (strchr(name, '?'))
            continue;
        for (size_t i = 0; i < *count; i++)
            if (!strcmp(list[i], name))
                ck_abort_msg("%s twice", name);
        ck_assert_uint_lt(*count, MAX_NAMES);
        list[(*count)++] = name;
    }
}

START_TEST(names_are_unique)
{
    const char *list[MAX_NAMES];
    size_t count = 0;

    collect(ns_win32_name, 0, 12000, list, &count);
    ck_assert_uint_ge(count, sizeof win32_names / sizeof *win32_names);
    count = 0;
    collect(ns_ntstatus_name, 0, 0x200, list, &count);
    collect(ns_ntstatus_name, 0x80000000, 0x80000200, list, &count);
    collect(ns_ntstatus_name, 0xC0000000, 0xC0001000, list, &count);
    collect(ns_ntstatus_name, 0xC05D0000, 0xC05D0010, list, &count);
    ck_assert_uint_ge(count, sizeof ntstatus_names / sizeof *ntstatus_names);
}
END_TEST

START_TEST(own_codes)
{
    for (int code = NETSESSION_OK; code >= NETSESSION_E_CREDENTIALS; code--) {
        const char *name = netsession_code_name(code);

        ck_assert_int_eq(strncmp(name, "NETSESSION_", 11), 0);
        ck_assert_ptr_null(strchr(name, '?'));
        for (int other = NETSESSION_OK; other > code; other--)
            ck_assert_str_ne(name, netsession_code_name(other));
        memset(&err, 0, sizeof err);
        if (code) {
            ck_assert_int_eq(ns_fail(&err, code, NS_LAYER_TCP, "x"), code);
            ck_assert_str_eq(err.name, name);
            ck_assert_uint_ne(err.win32, 0);
            ck_assert_uint_eq(err.value, err.win32);
        }
    }
    ck_assert_str_eq(netsession_code_name(NETSESSION_E_TIMEOUT), "NETSESSION_E_TIMEOUT");
    ck_assert_str_eq(netsession_code_name(NETSESSION_E_CREDENTIALS - 1), "NETSESSION_E_?");
    ck_assert_str_eq(netsession_code_name(1), "NETSESSION_E_?");
    ck_assert_str_eq(netsession_code_name(INT_MAX), "NETSESSION_E_?");
    ck_assert_str_eq(netsession_code_name(INT_MIN), "NETSESSION_E_?");
}
END_TEST

START_TEST(the_first_error_stands)
{
    netsession_error first;

    ck_assert_int_eq(ns_fail(&err, NETSESSION_E_PROTOCOL, NS_LAYER_SMB2, "%d of %s", 3, "it"),
                     NETSESSION_E_PROTOCOL);
    ck_assert_str_eq(err.message, "3 of it");
    ck_assert_str_eq(err.layer, "smb2");
    ck_assert_uint_eq(err.win32, 59);
    first = err;
    ck_assert_int_eq(ns_fail(&err, NETSESSION_E_MEMORY, NS_LAYER_RPC, "later"),
                     NETSESSION_E_PROTOCOL);
    ck_assert_int_eq(ns_fail_named(&err, NETSESSION_E_POLICY, "a", "b", 1, 2, "later"),
                     NETSESSION_E_PROTOCOL);
    ck_assert_int_eq(ns_fail_ntstatus(&err, NETSESSION_E_REFUSED, "a", 5, "later"),
                     NETSESSION_E_PROTOCOL);
    ck_assert_int_eq(ns_fail_rpc(&err, 5, "later"), NETSESSION_E_PROTOCOL);
    ck_assert_int_eq(ns_fail_win32(&err, 5, "later"), NETSESSION_E_PROTOCOL);
    ck_assert_int_eq(ns_fail_code(&err, NETSESSION_E_LIMIT, "a"), NETSESSION_E_PROTOCOL);
    ck_assert_int_eq(err.code, first.code);
    ck_assert_str_eq(err.message, first.message);
    ck_assert_uint_eq(err.value, first.value);
}
END_TEST

START_TEST(long_messages_are_cut)
{
    char text[1000];

    memset(text, 'x', sizeof text);
    text[999] = 0;
    ns_fail(&err, NETSESSION_E_IO, NS_LAYER_TCP, "%s", text);
    ck_assert_uint_eq(strlen(err.message), sizeof err.message - 1);
    memset(&err, 0, sizeof err);
    ns_fail_ntstatus(&err, NETSESSION_E_REFUSED, NS_LAYER_SMB2, 0xC0000022, text);
    ck_assert_uint_eq(strlen(err.message), sizeof err.message - 1);
}
END_TEST

static void expect_recorded(int code, const char *layer, const char *name, uint32_t value,
                            uint32_t win32)
{
    ck_assert_int_eq(err.code, code);
    ck_assert_str_eq(err.layer, layer);
    ck_assert_str_eq(err.name, name);
    ck_assert_uint_eq(err.value, value);
    ck_assert_uint_eq(err.win32, win32);
    ck_assert_msg(strstr(err.message, "the thing") != NULL, "%s", err.message);
    memset(&err, 0, sizeof err);
}

START_TEST(what_servers_answer)
{
    static const struct {
        uint32_t fault, win32;
        const char *name;
    } faults[] = {
        {0x1C010002, 1745, "nca_s_op_rng_error"},
        {0x1C010003, 1717, "nca_s_unk_if"},
        {0x1C01000B, 1728, "nca_s_proto_error"},
        {0x1C010013, 1130, "nca_s_out_args_too_big"},
        {0x1C010014, 1723, "nca_s_server_too_busy"},
        {0x1C000006, 1733, "nca_s_fault_invalid_tag"},
        {0x1C000009, 1727, "nca_s_fault_context_mismatch"},
        {5, 5, "ERROR_ACCESS_DENIED"},
        {1783, 1783, "RPC_X_BAD_STUB_DATA"},
        {77777, 77777, "ERROR_?"},
    };

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        ck_assert_int_eq(ns_fail_rpc(&err, faults[i].fault, "the thing"), NETSESSION_E_REFUSED);
        expect_recorded(NETSESSION_E_REFUSED, "rpc", faults[i].name, faults[i].fault,
                        faults[i].win32);
    }
    ns_fail_win32(&err, 2312, "the thing");
    expect_recorded(NETSESSION_E_REFUSED, "srvsvc", "NERR_ClientNameNotFound", 2312, 2312);
    ns_fail_win32(&err, 4711, "the thing");
    expect_recorded(NETSESSION_E_REFUSED, "srvsvc", "ERROR_?", 4711, 4711);
    ns_fail_ntstatus(&err, NETSESSION_E_LOGON, NS_LAYER_AUTH, 0xC000006D, "the thing");
    expect_recorded(NETSESSION_E_LOGON, "auth", "STATUS_LOGON_FAILURE", 0xC000006D, 1326);
    ns_fail_ntstatus(&err, NETSESSION_E_REFUSED, NS_LAYER_SMB2, 0xC0FFEE00, "the thing");
    expect_recorded(NETSESSION_E_REFUSED, "smb2", "STATUS_?", 0xC0FFEE00, 59);
    ns_fail_named(&err, NETSESSION_E_POLICY, NS_LAYER_SMB2, "NAME", 1, 2, "%s", "the thing");
    expect_recorded(NETSESSION_E_POLICY, "smb2", "NAME", 1, 2);
    ck_assert_int_eq(ns_fail_code(&err, NETSESSION_E_MEMORY, NS_LAYER_SMB2),
                     NETSESSION_E_MEMORY);
    ck_assert_str_eq(err.message, "out of memory");
    memset(&err, 0, sizeof err);
    ns_fail_code(&err, NETSESSION_E_IO, NS_LAYER_TCP);
    ck_assert_str_eq(err.message, "NETSESSION_E_IO");
}
END_TEST

/* ---- Suite ---- */

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))

static TCase *add_case(Suite *s, const char *name)
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    suite_add_tcase(s, tc);
    return tc;
}

Suite *base_suite(void)
{
    Suite *s = suite_create("base");
    TCase *bytes = add_case(s, "bytes"), *framer = add_case(s, "framer");
    TCase *utf = add_case(s, "utf"), *crypto = add_case(s, "crypto");
    TCase *errors = add_case(s, "errors");

    tcase_add_test(bytes, reads_integers);
    tcase_add_test(bytes, takes_what_is_there);
    tcase_add_test(bytes, integers_need_all_their_bytes);
    tcase_add_test(bytes, nothing_at_all);
    tcase_add_test(bytes, sub_readers);
    tcase_add_test(bytes, aligning_a_reader);
    tcase_add_test(bytes, loose_integers);
    tcase_add_test(bytes, writes);
    tcase_add_test(bytes, writer_limit);
    tcase_add_test(bytes, writer_grows);
    tcase_add_test(bytes, writer_out_of_memory);
    tcase_add_test(bytes, freed_memory_is_wiped);
    tcase_add_test(bytes, strings_are_copied);
    tcase_add_test(bytes, default_hooks);

    tcase_add_test(framer, frames_in_any_pieces);
    tcase_add_test(framer, framer_waits);
    tcase_add_test(framer, framer_refuses);
    tcase_add_test(framer, framer_takes_no_more_than_room);
    tcase_add_test(framer, memory_follows_the_bytes);
    tcase_add_test(framer, framer_out_of_memory);

    tcase_add_test(utf, utf8_every_sequence);
    tcase_add_test(utf, utf8_cut_short);
    tcase_add_test(utf, utf_every_character);
    tcase_add_test(utf, utf16_strict);
    tcase_add_test(utf, utf16_written);
    tcase_add_test(utf, upper_case);
    tcase_add_test(utf, upper_case_string);

    tcase_add_loop_test(crypto, mac_vector, 0, COUNT(mac_vectors));
    tcase_add_loop_test(crypto, gcm_vector, 0, COUNT(gcm_vectors));
    tcase_add_loop_test(crypto, aead_round_trip, NETSESSION_AES_128_CCM,
                        NETSESSION_AES_256_GCM + 1);
    tcase_add_loop_test(crypto, too_long_to_seal, NETSESSION_AES_128_CCM,
                        NETSESSION_AES_256_GCM + 1);
    tcase_add_loop_test(crypto, each_call_of_aead_fails, NETSESSION_AES_128_CCM,
                        NETSESSION_AES_256_GCM + 1);
    tcase_add_test(crypto, short_mac);
    tcase_add_test(crypto, comparing_and_wiping);

    tcase_add_test(errors, codes_have_their_names);
    tcase_add_test(errors, statuses_have_their_win32_codes);
    tcase_add_test(errors, names_are_unique);
    tcase_add_test(errors, own_codes);
    tcase_add_test(errors, the_first_error_stands);
    tcase_add_test(errors, long_messages_are_cut);
    tcase_add_test(errors, what_servers_answer);
    tcase_add_test(errors, advice_names_no_options);
    return s;
}
