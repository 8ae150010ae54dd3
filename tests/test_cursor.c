/*
 * The byte reader and writer against a model, exhaustively where it is small:
 * every sequence of three operations, every offset in both byte orders, every
 * hole and every drop.  What holds for all sizes is proved: tests/proof.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/util.h"

#include "base/bytes.h"

Suite *cursor_suite(void);

#define MOST 12

static test_heap heap;
static netsession_hooks hooks;

static void setup(void)
{
    test_heap_hooks(&heap, &hooks);
}

static void teardown(void)
{
    ck_assert_int_eq(heap.live, 0);
}

/* 0xF1, 0xF2, ...: no byte is 0, all differ, all have the highest bit. */
static uint8_t byte_at(size_t i)
{
    return (uint8_t)(0xF1 + i);
}

static void fill(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = byte_at(i);
}

/* ---- Reader ---- */

/* How far an operation goes from off; SIZE_MAX: to nowhere. */
typedef size_t distance(size_t off);
typedef void operation(ns_reader *r);

#define TAKE(name, n)                                                                          \
    static size_t name##_goes(size_t off)                                                      \
    {                                                                                          \
        (void)off;                                                                             \
        return n;                                                                              \
    }                                                                                          \
    static void name(ns_reader *r)                                                             \
    {                                                                                          \
        ns_skip(r, n);                                                                         \
    }

TAKE(skip_0, 0)
TAKE(skip_3, 3)
TAKE(skip_12, 12)
TAKE(skip_most, SIZE_MAX)
TAKE(skip_back, SIZE_MAX - 2)
TAKE(skip_half, SIZE_MAX / 2 + 1)

#define GET(name, size)                                                                        \
    static size_t name##_goes(size_t off)                                                      \
    {                                                                                          \
        (void)off;                                                                             \
        return size;                                                                           \
    }                                                                                          \
    static void name(ns_reader *r)                                                             \
    {                                                                                          \
        if (!ns_##name(r))                                                                     \
            ck_assert(r->bad);                                                                 \
    }

GET(get8, 1)
GET(get16, 2)
GET(get32, 4)
GET(get64, 8)

static size_t align_goes(size_t off)
{
    return (4 - off % 4) % 4;
}

static void align(ns_reader *r)
{
    ns_get_align(r, 4);
}

/* A part leaves the place where it is. */
static size_t part_goes(size_t off)
{
    (void)off;
    return 0;
}

static void part(ns_reader *r)
{
    ns_reader sub = ns_sub(r, r->off, ns_left(r));

    ck_assert_int_eq(sub.bad, r->bad);
    ck_assert_uint_eq(sub.len, r->bad ? 0 : ns_left(r));
    while (ns_left(&sub))
        ck_assert_uint_ge(ns_get8(&sub), 0xF1);
}

static const struct {
    operation *run;
    distance *goes;
} operations[] = {
    {skip_0, skip_0_goes},       {skip_3, skip_3_goes},       {skip_12, skip_12_goes},
    {skip_most, skip_most_goes}, {skip_back, skip_back_goes}, {skip_half, skip_half_goes},
    {get8, get8_goes},           {get16, get16_goes},         {get32, get32_goes},
    {get64, get64_goes},         {align, align_goes},         {part, part_goes},
};
#define OPERATIONS (sizeof operations / sizeof *operations)

/* The model: a place, and whether all is well. */
static void step(ns_reader *r, size_t which, size_t *off, bool *bad)
{
    size_t n = operations[which].goes(*off);

    operations[which].run(r);
    *bad = *bad || n > r->len - *off;
    *off += *bad ? 0 : n;
    ck_assert_int_eq(r->bad, *bad);
    ck_assert_uint_eq(r->off, *off);
}

static void sequence(const uint8_t *p, size_t len, size_t number)
{
    ns_reader r = ns_reader_of(p, len);
    size_t off = 0;
    bool bad = false;

    for (int i = 0; i < 3; i++, number /= OPERATIONS)
        step(&r, number % OPERATIONS, &off, &bad);
}

START_TEST(every_three_operations)
{
    uint8_t bytes[MOST];

    fill(bytes, MOST);
    for (size_t len = 0; len <= MOST; len++) {
        uint8_t *p = test_copy(bytes, len);

        for (size_t i = 0; i < OPERATIONS * OPERATIONS * OPERATIONS; i++)
            sequence(p, len, i);
        free(p);
    }
}
END_TEST

/* size bytes at off, the least significant first or last. */
static uint64_t value_at(size_t off, size_t size, bool big)
{
    uint64_t v = 0;

    for (size_t i = 0; i < size; i++)
        v |= (uint64_t)byte_at(off + i) << 8 * (big ? size - 1 - i : i);
    return v;
}

static uint64_t get(ns_reader *r, size_t size)
{
    switch (size) {
    case 1:
        return ns_get8(r);
    case 2:
        return ns_get16(r);
    case 4:
        return ns_get32(r);
    default:
        return ns_get64(r);
    }
}

START_TEST(integers_anywhere)
{
    uint8_t bytes[MOST];

    fill(bytes, MOST);
    for (size_t size = 1; size <= 8; size *= 2)
        for (size_t off = 0; off <= MOST; off++)
            for (int big = 0; big <= 1; big++) {
                ns_reader r = ns_reader_of(bytes, MOST);
                bool fits = size <= MOST - off;

                r.big = big;
                ns_skip(&r, off);
                ck_assert_uint_eq(get(&r, size), fits ? value_at(off, size, big) : 0);
                ck_assert_int_eq(r.bad, !fits);
            }
}
END_TEST

/* ---- Writer ---- */

/* len bytes in a block that may grow to max. */
static ns_writer written(size_t len, size_t max)
{
    uint8_t bytes[MOST];
    ns_writer w;

    fill(bytes, MOST);
    ns_writer_init(&w, &hooks, max);
    ns_put(&w, bytes, len);
    ck_assert_int_eq(w.err, 0);
    return w;
}

START_TEST(every_drop)
{
    for (size_t len = 0; len <= MOST; len++)
        for (size_t n = 0; n <= len; n++) {
            ns_writer w = written(len, MOST);

            ns_writer_drop(&w, n);
            ck_assert_uint_eq(w.len, len - n);
            for (size_t i = 0; i < w.len; i++)
                ck_assert_uint_eq(w.p[i], byte_at(n + i));
            ck_assert_int_eq(ns_put_space(&w, n) != NULL, 1);
            ck_assert_ptr_null(ns_put_space(&w, MOST - len + 1));
            ns_writer_free(&w);
        }
}
END_TEST

/* Only the hole is filled. */
static void hole(size_t off, size_t size)
{
    ns_writer w = written(MOST, MOST);

    if (size == 2)
        ns_set16(&w, off, 0x0201);
    else
        ns_set32(&w, off, 0x04030201);
    for (size_t i = 0; i < MOST; i++)
        ck_assert_uint_eq(w.p[i], i - off < size ? i - off + 1 : byte_at(i));
    ns_writer_free(&w);
}

START_TEST(every_hole)
{
    for (size_t size = 2; size <= 4; size += 2)
        for (size_t off = 0; off + size <= MOST; off++)
            hole(off, size);
}
END_TEST

/* From origins behind the end, too. */
START_TEST(every_alignment)
{
    for (size_t multiple = 1; multiple <= 8; multiple *= 2)
        for (size_t origin = 0; origin <= MOST; origin++)
            for (size_t len = 0; len <= MOST; len++) {
                ns_writer w = written(len, MOST + 8);

                ns_put_align(&w, origin, multiple);
                ck_assert_int_eq(w.err, 0);
                ck_assert_uint_lt(w.len - len, multiple);
                ck_assert_uint_eq((w.len + 8 * MOST - origin) % multiple, 0);
                for (size_t i = len; i < w.len; i++)
                    ck_assert_uint_eq(w.p[i], 0);
                ns_writer_free(&w);
            }
}
END_TEST

/* Room for n more bytes of a writer that has len of max: the first allocation,
 * or the one that makes it grow, may fail. */
static void space(size_t len, size_t max, size_t n, bool fails)
{
    ns_writer w = written(len, max);
    bool grows = !w.p || n > w.cap - w.len;
    bool fits = n <= max - len;
    uint8_t *p;

    heap.fail_at = fails ? heap.made + 1 : 0;
    p = ns_put_space(&w, n);
    heap.fail_at = 0;
    ck_assert_int_eq(w.err, !fits            ? NETSESSION_E_LIMIT
                            : fails && grows ? NETSESSION_E_MEMORY
                                             : 0);
    ck_assert_int_eq(p != NULL, !w.err);
    ck_assert_uint_eq(w.len, w.err ? len : len + n);
    for (size_t i = 0; i < w.len; i++)
        ck_assert_uint_eq(w.p[i], i < len ? byte_at(i) : 0);
    ns_writer_free(&w);
}

START_TEST(every_space)
{
    static const size_t rooms[] = {0,   1,   12,  255,          256,     257,
                                   511, 512, 513, SIZE_MAX - 1, SIZE_MAX};
    static const size_t sizes[] = {
        0,   1,   2,   11,  12,  13,           243,           244,     245,
        255, 256, 257, 500, 512, SIZE_MAX / 2, SIZE_MAX - 12, SIZE_MAX};

    for (size_t r = 0; r < sizeof rooms / sizeof *rooms; r++)
        for (size_t len = 0; len <= MOST && len <= rooms[r]; len++)
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                for (int fails = 0; fails <= 1; fails++)
                    if (sizes[i] > rooms[r] - len || sizes[i] < 1000)
                        space(len, rooms[r], sizes[i], fails);
}
END_TEST

Suite *cursor_suite(void)
{
    Suite *s = suite_create("cursor");
    TCase *c = tcase_create("cursor");

    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, every_three_operations);
    tcase_add_test(c, integers_anywhere);
    tcase_add_test(c, every_drop);
    tcase_add_test(c, every_hole);
    tcase_add_test(c, every_alignment);
    tcase_add_test(c, every_space);
    suite_add_tcase(s, c);
    return s;
}
