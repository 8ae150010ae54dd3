/* The marshalling engine, over tables made up for what srvsvc's lack: gaps at
 * the end of structs, integers in unions, lists without end. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "ndr/ndr.h"

Suite *ndr_suite(void);

#define COUNT(a)  (sizeof(a) / sizeof *(a))
#define RPC       NS_LAYER_RPC
#define ROOM(src) ((src).fixed + (src).text)

static netsession_hooks hooks;

static void setup(void)
{
    ns_hooks_fill(&hooks, NULL);
}

/* struct pair { DWORD number; [string] wchar_t *name; DWORD last; } */
struct pair {
    uint32_t number;
    const char *name;
    uint32_t last;
};

static const ndr_field pair_fields[] = {
    NDR_U32(struct pair, number, "number"),
    NDR_STRING(struct pair, name, "name"),
    NDR_U32(struct pair, last, "last"),
};
static const ndr_type pair_type = NDR_TYPE(struct pair, pair_fields, "PAIR");

/* struct all { DWORD level; pair inner; [switch_is(level)] union {
 * [case(1)] DWORD n; [case(2)] [string] wchar_t *s; [case(3)] pair *p; };
 * DWORD *maybe; DWORD count; [size_is(count)] pair *pairs; } */
struct all {
    uint32_t level;
    struct pair inner;
    uint32_t n;
    const char *s;
    const struct pair *p;
    uint32_t maybe;
    bool has_maybe;
    uint32_t count;
    const struct pair *pairs;
};

static const ndr_arm all_arms[] = {
    {1, NDR_U32(struct all, n, "n")},
    {2, NDR_STRING(struct all, s, "s")},
    {3, NDR_STRUCT_PTR(struct all, p, struct pair, &pair_type, "p")},
};
static const ndr_field all_fields[] = {
    NDR_U32(struct all, level, "level"),
    NDR_STRUCT(struct all, inner, struct pair, &pair_type, "inner"),
    NDR_UNION(struct all, level, all_arms, "u"),
    NDR_U32_PTR(struct all, maybe, has_maybe, "maybe"),
    NDR_U32(struct all, count, "count"),
    NDR_ARRAY(struct all, pairs, count, struct pair, &pair_type, "pairs"),
};
static const ndr_type all_type = NDR_TYPE(struct all, all_fields, "ALL");

/* struct node { DWORD value; node *next; } */
struct node {
    uint32_t value;
    const struct node *next;
};

static const ndr_type node_type;
static const ndr_field node_fields[] = {
    NDR_U32(struct node, value, "value"),
    NDR_STRUCT_PTR(struct node, next, struct node, &node_type, "next"),
};
static const ndr_type node_type = NDR_TYPE(struct node, node_fields, "NODE");

/* void f([string, unique] wchar_t *text, DWORD number) */
struct params {
    const char *text;
    uint32_t number;
};

static const ndr_field params_fields[] = {
    NDR_STRING(struct params, text, "text"),
    NDR_U32(struct params, number, "number"),
};
static const ndr_type params_type = NDR_PARAMS(struct params, params_fields, "f");

/* struct nest { pair inner; DWORD level; [switch_is(level)] union { [case(1)]
 * DWORD n; }; }; struct nests { DWORD count; [size_is(count)] nest *list; } */
struct nest {
    struct pair inner;
    uint32_t level;
    uint32_t n;
};

struct nests {
    uint32_t count;
    const struct nest *list;
};

static const ndr_arm nest_arms[] = {{1, NDR_U32(struct nest, n, "n")}};
static const ndr_field nest_fields[] = {
    NDR_STRUCT(struct nest, inner, struct pair, &pair_type, "inner"),
    NDR_U32(struct nest, level, "level"),
    NDR_UNION(struct nest, level, nest_arms, "u"),
};
static const ndr_type nest_type = NDR_TYPE(struct nest, nest_fields, "NEST");
static const ndr_field nests_fields[] = {
    NDR_U32(struct nests, count, "count"),
    NDR_ARRAY(struct nests, list, count, struct nest, &nest_type, "list"),
};
static const ndr_type nests_type = NDR_TYPE(struct nests, nests_fields, "NESTS");

static const struct pair pairs[] = {{1, "a", 2}, {3, NULL, 4}, {5, "", 6}};
static const struct pair pointed = {7, "\xE2\x82\xAC", 8}; /* U+20AC */

static const struct all alls[] = {
    {.level = 1, .inner = {9, "in", 10}, .n = 11, .maybe = 12, .has_maybe = true},
    {.level = 2, .inner = {9, NULL, 10}, .s = "\xF0\x9F\x98\x80", .count = 3, .pairs = pairs},
    {.level = 3, .p = &pointed, .count = 0, .pairs = pairs, .has_maybe = true},
    {.level = 3},
};

static ns_writer encoded(const ndr_type *type, const void *value, bool ndr64)
{
    netsession_error err = {0};
    ns_writer w;

    ns_writer_init(&w, &hooks, 1 << 20);
    ck_assert_int_eq(ndr_encode(type, value, ndr64, &w, &err), 0);
    return w;
}

static void assert_wire(const ndr_type *type, const void *value, bool ndr64,
                        const uint8_t *wire, size_t len)
{
    ns_writer w = encoded(type, value, ndr64);

    ck_assert_uint_eq(w.len, len);
    ck_assert_mem_eq(w.p, wire, len);
    ns_writer_free(&w);
}

static int decode(const ndr_type *type, ndr_source *src, void *root, void **memory,
                  netsession_error *err)
{
    int code;

    src->layer = RPC;
    *memory = NULL;
    code = ndr_measure(src, type, root, err);
    if (code)
        return code;
    *memory = malloc(ROOM(*src) ? ROOM(*src) : 1); /* exact: a sanitizer sees one byte more */
    ndr_fill(src, type, root, *memory);
    return 0;
}

/* ---- Wire images, by hand ---- */

/* Structs end on their alignment in NDR64 only. */
START_TEST(test_trailing_gap)
{
    static const struct pair one = {0x11, NULL, 0x22};
    static const uint8_t ndr32[] = {0x11, 0, 0, 0, 0, 0, 0, 0, 0x22, 0, 0, 0};
    static const uint8_t ndr64[24] = {[0] = 0x11, [16] = 0x22};

    assert_wire(&pair_type, &one, false, ndr32, sizeof ndr32);
    assert_wire(&pair_type, &one, true, ndr64, sizeof ndr64);
}
END_TEST

/* Appendix values of other codecs: counts and null pointers in both. */
START_TEST(test_string)
{
    static const struct params given = {"12345678", 0xAA}, null = {NULL, 0xAA};
    static const uint8_t text[] = "1\0002\0003\0004\0005\0006\0007\0008\0\0";
    uint8_t a[4 + 12 + 20] = {0, 0, 2, 0, 9, 0, 0, 0, 0, 0, 0, 0, 9};
    uint8_t b[8 + 24 + 20] = {[2] = 2, [8] = 9, [24] = 9};
    static const uint8_t null32[] = {0, 0, 0, 0, 0xAA, 0, 0, 0};
    static const uint8_t null64[] = {0, 0, 0, 0, 0, 0, 0, 0, 0xAA, 0, 0, 0};
    uint8_t whole[56];

    memcpy(a + 16, text, 18);
    memcpy(b + 32, text, 18);
    memcpy(whole, a, sizeof a);
    memcpy(whole + sizeof a, "\xAA\0\0", 4);
    assert_wire(&params_type, &given, false, whole, sizeof a + 4);
    memcpy(whole, b, sizeof b);
    memcpy(whole + sizeof b, "\xAA\0\0", 4);
    assert_wire(&params_type, &given, true, whole, sizeof b + 4);
    assert_wire(&params_type, &null, false, null32, sizeof null32);
    assert_wire(&params_type, &null, true, null64, sizeof null64);
}
END_TEST

/* An integer arm keeps the distance that a pointer arm would need. */
START_TEST(test_union)
{
    static const struct all value = {.level = 1, .n = 0x77};
    static const uint8_t ndr32[36] = {[0] = 1, [16] = 1, [20] = 0x77};
    static const uint8_t ndr64[72] = {[0] = 1, [32] = 1, [40] = 0x77};

    assert_wire(&all_type, &value, false, ndr32, sizeof ndr32);
    assert_wire(&all_type, &value, true, ndr64, sizeof ndr64);
}
END_TEST

/* Fixed parts of all elements, then their strings; the origin of alignment is
 * where the stub begins. */
START_TEST(test_origin)
{
    netsession_error err = {0};
    ns_writer w = encoded(&all_type, &alls[1], true), shifted;

    ns_writer_init(&shifted, &hooks, 1 << 20);
    ns_put(&shifted, "abc", 3);
    ck_assert_int_eq(ndr_encode(&all_type, &alls[1], true, &shifted, &err), 0);
    ck_assert_uint_eq(shifted.len, w.len + 3);
    ck_assert_mem_eq(shifted.p + 3, w.p, w.len);
    ns_writer_free(&shifted);
    ns_writer_free(&w);
}
END_TEST

/* ---- There and back ---- */

static void assert_pair(const struct pair *a, const struct pair *b)
{
    ck_assert_uint_eq(a->number, b->number);
    ck_assert_uint_eq(a->last, b->last);
    ck_assert_pstr_eq(a->name, b->name);
}

static void assert_all(const struct all *a, const struct all *b)
{
    ck_assert_uint_eq(a->level, b->level);
    assert_pair(&a->inner, &b->inner);
    ck_assert_uint_eq(a->n, b->n);
    ck_assert_pstr_eq(a->s, b->s);
    ck_assert(!a->p == !b->p);
    if (a->p)
        assert_pair(a->p, b->p);
    ck_assert_int_eq(a->has_maybe, b->has_maybe);
    ck_assert_uint_eq(a->maybe, b->maybe);
    ck_assert_uint_eq(a->count, b->count);
    ck_assert(!a->pairs == !b->pairs);
    for (uint32_t i = 0; i < a->count; i++)
        assert_pair(&a->pairs[i], &b->pairs[i]);
}

START_TEST(test_round_trip)
{
    for (size_t i = 0; i < 2 * COUNT(alls); i++) {
        netsession_error err = {0};
        ns_writer w = encoded(&all_type, &alls[i / 2], i & 1), again;
        ndr_source src = {.stub = w.p, .len = w.len, .format = {.ndr64 = i & 1}, .max = 4096};
        struct all out;
        void *memory;

        ck_assert_int_eq(decode(&all_type, &src, &out, &memory, &err), 0);
        assert_all(&alls[i / 2], &out);
        again = encoded(&all_type, &out, i & 1);
        ck_assert_uint_eq(again.len, w.len);
        ck_assert_mem_eq(again.p, w.p, w.len);
        ns_writer_free(&again);
        ns_writer_free(&w);
        free(memory);
    }
}
END_TEST

/* Every shorter stub is refused, and so is every longer one unless allowed. */
START_TEST(test_truncated)
{
    for (size_t i = 0; i < 2 * COUNT(alls); i++) {
        ns_writer w = encoded(&all_type, &alls[i / 2], i & 1);
        struct all out;
        void *memory;

        for (size_t len = 0; len < w.len; len++) {
            netsession_error err = {0};
            uint8_t *copy = malloc(len ? len : 1);
            ndr_source src = {.stub = copy, .len = len, .format = {.ndr64 = i & 1}};

            src.max = 4096;
            memcpy(copy, w.p, len);
            ck_assert_int_eq(decode(&all_type, &src, &out, &memory, &err),
                             NETSESSION_E_PROTOCOL);
            free(copy);
        }
        ns_writer_free(&w);
    }
}
END_TEST

START_TEST(test_trailing_bytes)
{
    ns_writer w = encoded(&all_type, &alls[0], false);
    netsession_error err = {0};
    ndr_source src = {.max = 4096};
    struct all out;
    void *memory;

    ns_put8(&w, 0);
    src.stub = w.p;
    src.len = w.len;
    ck_assert_int_eq(decode(&all_type, &src, &out, &memory, &err), NETSESSION_E_PROTOCOL);
    ck_assert_str_eq(err.message, "rpc: ALL: 1 bytes follow the last parameter");
    src.trailing = true;
    err = (netsession_error){0};
    ck_assert_int_eq(decode(&all_type, &src, &out, &memory, &err), 0);
    free(memory);
    ns_writer_free(&w);
}
END_TEST

/* Exactly what it needs is enough, one byte less is not. */
START_TEST(test_budget)
{
    ns_writer w = encoded(&all_type, &alls[1], true);
    netsession_error err = {0};
    ndr_source src = {.stub = w.p, .len = w.len, .format = {.ndr64 = true}, .max = 4096};
    struct all out;
    void *memory;
    size_t need;

    ck_assert_int_eq(decode(&all_type, &src, &out, &memory, &err), 0);
    free(memory);
    need = ROOM(src);
    ck_assert_uint_eq(need, 3 * sizeof(struct pair) + 5 + 2 + 1);
    src.max = need;
    ck_assert_int_eq(decode(&all_type, &src, &out, &memory, &err), 0);
    free(memory);
    for (src.max = 0; src.max < need; src.max++) {
        err = (netsession_error){0};
        ck_assert_int_eq(decode(&all_type, &src, &out, &memory, &err), NETSESSION_E_LIMIT);
    }
    ns_writer_free(&w);
}
END_TEST

/* Structs and unions in the elements of an array count for what they take at
 * least: 12 + 4 + 4 bytes, 16 + 4 + 4 in NDR64.  One element more than fits is
 * refused before any is looked at. */
START_TEST(test_nested_elements)
{
    static const struct nest list[] = {{{1, NULL, 2}, 1, 3}, {{4, "x", 5}, 1, 6}};
    const struct nests two = {2, list};
    netsession_error err = {0};
    ndr_source src = {.format = {.ndr64 = _i}, .max = 4096};
    size_t least = _i ? 24 : 20, head = _i ? 24 : 12;
    struct nests out;
    ns_writer w = encoded(&nests_type, &two, _i);
    void *memory;

    src.stub = w.p;
    src.len = w.len;
    ck_assert_int_eq(decode(&nests_type, &src, &out, &memory, &err), 0);
    ck_assert_uint_eq(out.count, 2);
    assert_pair(&out.list[1].inner, &list[1].inner);
    ck_assert_uint_eq(out.list[1].n, 6);
    free(memory);
    for (size_t i = 0; i < 2; i++) {
        uint32_t more = (uint32_t)((w.len - head) / least + i);
        const char *words = i ? "elements are more than the data holds" : "list: array of 2";

        ns_set32(&w, 0, more);
        err = (netsession_error){0};
        ck_assert_int_eq(decode(&nests_type, &src, &out, &memory, &err), NETSESSION_E_PROTOCOL);
        ck_assert_msg(strstr(err.message, words) != NULL, "%s", err.message);
    }
    ns_writer_free(&w);
}
END_TEST

/* A list of NDR_DEPTH nodes is decoded; one more is too deep, either way. */
START_TEST(test_depth)
{
    struct node list[NDR_DEPTH + 1] = {{0}}, out;
    netsession_error err = {0};
    ndr_source src = {.max = 4096};
    uint8_t wire[8 * (NDR_DEPTH + 1)] = {0};
    ns_writer w;
    void *memory;

    for (size_t i = 0; i < NDR_DEPTH; i++) {
        list[i].next = &list[i + 1];
        wire[8 * i + 6] = 2;
    }
    ns_writer_init(&w, &hooks, 4096);
    ck_assert_int_eq(ndr_encode(&node_type, list, false, &w, &err), NETSESSION_E_ARGUMENT);
    ns_writer_free(&w);
    ns_writer_init(&w, &hooks, 4096);
    err = (netsession_error){0};
    ck_assert_int_eq(ndr_encode(&node_type, list + 1, false, &w, &err), 0);
    ns_writer_free(&w);

    src.stub = wire;
    src.len = sizeof wire;
    ck_assert_int_eq(decode(&node_type, &src, &out, &memory, &err), NETSESSION_E_LIMIT);
    src.stub = wire + 8;
    src.len = sizeof wire - 8;
    err = (netsession_error){0};
    ck_assert_int_eq(decode(&node_type, &src, &out, &memory, &err), 0);
    free(memory);
}
END_TEST

/* ---- What cannot be sent ---- */

static void assert_unsendable(const struct all *value, const char *message)
{
    netsession_error err = {0};
    ns_writer w;

    ns_writer_init(&w, &hooks, 4096);
    ck_assert_int_eq(ndr_encode(&all_type, value, false, &w, &err), NETSESSION_E_ARGUMENT);
    ck_assert_str_eq(err.message, message);
    ck_assert_str_eq(err.layer, NS_LAYER_ARGUMENT);
    ns_writer_free(&w);
}

START_TEST(test_unsendable)
{
    static const struct pair bad[] = {{0}, {0, "\xC0\x80", 0}};

    assert_unsendable(&(struct all){.level = 4}, "argument: ALL.u: the union has no arm for "
                                                 "this level");
    assert_unsendable(&(struct all){.level = 1, .count = 1},
                      "argument: ALL.pairs: null pointer, but the count is not zero");
    assert_unsendable(&(struct all){.level = 1, .count = 2, .pairs = bad},
                      "argument: PAIR[1].name: string is not valid UTF-8");
}
END_TEST

START_TEST(test_writer_limit)
{
    netsession_error err = {0};
    ns_writer w;

    ns_writer_init(&w, &hooks, 20);
    ck_assert_int_eq(ndr_encode(&all_type, &alls[1], false, &w, &err), NETSESSION_E_LIMIT);
    ns_writer_free(&w);
}
END_TEST

/* ---- Text ---- */

static void assert_text(const ndr_type *type, const void *value, const char *text)
{
    ns_writer w;

    ns_writer_init(&w, &hooks, 4096);
    ndr_print(type, value, &w);
    ns_put8(&w, 0);
    ck_assert_str_eq((const char *)w.p, text);
    ns_writer_free(&w);
}

START_TEST(test_print)
{
    static const struct all odd = {.level = 5, .inner = {.name = "\x1B[31m\xC2\x85\xFFz\x7F"}};

    assert_text(&all_type, &alls[1],
                "ALL\n    level: 2\n    inner: PAIR\n        number: 9\n        name: NULL\n"
                "        last: 10\n    u: union\n        s: \"\xF0\x9F\x98\x80\"\n"
                "    maybe: NULL\n    count: 3\n    pairs: array\n        PAIR[0]\n"
                "            number: 1\n            name: \"a\"\n            last: 2\n"
                "        PAIR[1]\n            number: 3\n            name: NULL\n"
                "            last: 4\n        PAIR[2]\n            number: 5\n"
                "            name: \"\"\n            last: 6\n");
    assert_text(&all_type, &odd,
                "ALL\n    level: 5\n    inner: PAIR\n        number: 0\n"
                "        name: \"\\x1b[31m\\x85\\xffz\\x7f\"\n        last: 0\n"
                "    u: no such level\n    maybe: NULL\n    count: 0\n    pairs: NULL\n");
}
END_TEST

Suite *ndr_suite(void)
{
    Suite *s = suite_create("ndr");
    TCase *tc = tcase_create("ndr");

    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, test_trailing_gap);
    tcase_add_test(tc, test_string);
    tcase_add_test(tc, test_union);
    tcase_add_test(tc, test_origin);
    tcase_add_test(tc, test_round_trip);
    tcase_add_test(tc, test_truncated);
    tcase_add_test(tc, test_trailing_bytes);
    tcase_add_test(tc, test_budget);
    tcase_add_loop_test(tc, test_nested_elements, 0, 2);
    tcase_add_test(tc, test_depth);
    tcase_add_test(tc, test_unsendable);
    tcase_add_test(tc, test_writer_limit);
    tcase_add_test(tc, test_print);
    suite_add_tcase(s, tc);
    return s;
}
