/* Faults 105 to 121: the reply's stub ([C706] 14, [MS-RPCE] 2.2.5) and what it
 * means ([MS-SRVS] 3.1.4.5).  Each is a whole stub of level 10, right but for
 * one thing. */
#include <string.h>

#include "tests/hostile/hostile.h"

/* The first row's client name. */
enum text { TERMINATED, UNTERMINATED, NUL_INSIDE, HIGH_ALONE, LOW_ALONE, EMPTY };

struct stub_spec {
    uint32_t level, tag;
    bool no_container, no_buffer;
    uint32_t count, max, rows; /* said, said, there */
    uint32_t offset;           /* of the name */
    int32_t actual, most;      /* added to its counts */
    enum text text;
    bool nameless; /* null pointers for names */
    uint32_t total, resume, status;
    size_t extra; /* bytes behind it */
    size_t only;  /* so many bytes; 0: all */
};

#define RIGHT .level = 10, .tag = 10, .count = 2, .max = 2, .rows = 2, .total = 2

/* ---- The wire ---- */

/* As wide as the transfer syntax has pointers and counts. */
static void put_wide(ns_writer *w, bool ndr64, uint64_t v)
{
    ns_put_align(w, 0, ndr64 ? 8 : 4);
    if (ndr64)
        ns_put64(w, v);
    else
        ns_put32(w, (uint32_t)v);
}

static void put_u32(ns_writer *w, uint32_t v)
{
    ns_put_align(w, 0, 4);
    ns_put32(w, v);
}

#define UNITS 8

/* "\\1.2.3" and its NUL, or what stands in its place. */
static void put_units(ns_writer *w, enum text text)
{
    static const uint16_t good[UNITS] = {'\\', '\\', '1', '.', '2', '.', '3', 0};

    for (unsigned i = 0; i < UNITS; i++) {
        uint16_t unit = good[i];

        if (text == UNTERMINATED && i == UNITS - 1)
            unit = 'x';
        else if (text == NUL_INSIDE && i == 4)
            unit = 0;
        else if (i == 4 && (text == HIGH_ALONE || text == LOW_ALONE))
            unit = text == HIGH_ALONE ? 0xD83D : 0xDE00;
        ns_put16(w, unit);
    }
}

static void put_string(ns_writer *w, bool ndr64, const stub_spec *s)
{
    int32_t units = s->text == EMPTY ? 0 : UNITS;

    put_wide(w, ndr64, (uint64_t)((int64_t)units + s->most));
    put_wide(w, ndr64, s->offset);
    put_wide(w, ndr64, (uint64_t)((int64_t)units + s->actual));
    if (units)
        put_units(w, s->text);
}

static void put_rows(ns_writer *w, bool ndr64, const stub_spec *s)
{
    static const stub_spec plain = {RIGHT};

    put_wide(w, ndr64, s->max);
    for (uint32_t i = 0; i < s->rows; i++) {
        put_wide(w, ndr64, s->nameless ? 0 : 0x20010 + 8 * i);
        put_wide(w, ndr64, s->nameless ? 0 : 0x20014 + 8 * i);
        put_u32(w, 60); /* time, idle */
        put_u32(w, 30);
    }
    for (uint32_t i = 0; i < s->rows && !s->nameless; i++) {
        put_string(w, ndr64, i ? &plain : s);
        put_string(w, ndr64, &plain);
    }
}

static void put_stub(ns_writer *w, bool ndr64, const stub_spec *s)
{
    put_u32(w, s->level);
    ns_put_align(w, 0, ndr64 ? 8 : 4);
    put_u32(w, s->tag);
    put_wide(w, ndr64, s->no_container ? 0 : 0x20000);
    if (!s->no_container) {
        put_u32(w, s->count);
        put_wide(w, ndr64, s->no_buffer ? 0 : 0x20004);
        if (!s->no_buffer)
            put_rows(w, ndr64, s);
    }
    put_u32(w, s->total);
    put_wide(w, ndr64, 0x20008);
    put_u32(w, s->resume);
    put_u32(w, s->status);
    (void)ns_put_space(w, s->extra);
    if (s->only && s->only < w->len)
        w->len = s->only;
}

void lie_stub(liar *l, ns_writer *w)
{
    w->len = 0;
    put_stub(w, l->ndr64, l->f->arg);
}

/* ---- Pages without end ---- */

#define ERROR_MORE_DATA 234

static void put_page(liar *l, ns_writer *w, uint32_t resume)
{
    const stub_spec page = {RIGHT, .resume = resume, .status = ERROR_MORE_DATA};

    w->len = 0;
    put_stub(w, l->ndr64, &page);
}

static void same_resume(liar *l, ns_writer *w)
{
    put_page(l, w, 5);
}

static void cycle(liar *l, ns_writer *w)
{
    put_page(l, w, 1 + (uint32_t)(l->count++ % 7));
}

static void no_entries(liar *l, ns_writer *w)
{
    const stub_spec page = {
        .level = 10, .tag = 10, .resume = 5 + (uint32_t)l->count++, .status = ERROR_MORE_DATA};

    w->len = 0;
    put_stub(w, l->ndr64, &page);
}

static void no_end(liar *l, ns_writer *w)
{
    const stub_spec page = {.level = 10,
                            .tag = 10,
                            .count = 10000,
                            .max = 10000,
                            .rows = 10000,
                            .total = 10000,
                            .nameless = true,
                            .resume = 5 + (uint32_t)l->count++,
                            .status = ERROR_MORE_DATA};

    w->len = 0;
    put_stub(w, l->ndr64, &page);
}

/* ---- The table ---- */

#define BROKEN .code = NETSESSION_E_PROTOCOL, .layer = "srvsvc"
#define STUB(...)                                                                              \
    .at = AT_CALL, .stub = lie_stub, .arg = &(const stub_spec)                                 \
    {                                                                                          \
        __VA_ARGS__                                                                            \
    }
#define PAGES(lie) .at = AT_CALL, .stub = (lie), .always = true, .list = true, .places = SOCKET

/* The initializer of a member that is there already is what matters here. */
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#endif

const fault ndr_faults[] = {
    {.number = "105",
     .name = "max_count differs from count",
     .sent = "EntriesRead 2, an array of 3",
     STUB(RIGHT, .max = 3),
     BROKEN},
    {.number = "105b",
     .name = "max_count less than count",
     .sent = "EntriesRead 2, an array of 1",
     STUB(RIGHT, .max = 1),
     BROKEN},
    {.number = "106",
     .name = "count larger than the bytes",
     .sent = "EntriesRead 0x10000000, and two rows",
     STUB(RIGHT, .count = 0x10000000, .max = 0x10000000, .total = 0x10000000),
     BROKEN},
    {.number = "106b",
     .name = "a bomb of 24 bytes",
     .sent = "24 bytes that announce 0x10000000 rows, 6 GiB of them",
     STUB(RIGHT, .count = 0x10000000, .max = 0x10000000, .only = 24),
     BROKEN},
    {.number = "106c",
     .name = "count 0xFFFFFFFF",
     .sent = "EntriesRead 0xFFFFFFFF, and two rows",
     STUB(RIGHT, .count = UINT32_MAX, .max = UINT32_MAX, .total = UINT32_MAX),
     BROKEN},
    {.number = "107",
     .name = "null pointer, non-zero count",
     .sent = "EntriesRead 2, no array",
     STUB(RIGHT, .no_buffer = true),
     BROKEN},
    {.number = "108",
     .name = "non-null, count 0",
     .sent = "EntriesRead 0, an array of none: legal",
     STUB(RIGHT, .count = 0, .max = 0, .rows = 0, .total = 0),
     .want = PAGE},
    {.number = "108b",
     .name = "null, count 0",
     .sent = "EntriesRead 0, no array: legal",
     STUB(RIGHT, .count = 0, .no_buffer = true, .total = 0),
     .want = PAGE},
    {.number = "108c",
     .name = "nothing wrong",
     .sent = "the stub that all the others are made from",
     STUB(RIGHT),
     .n = 2,
     .want = PAGE},
    {.number = "109",
     .name = "another level",
     .sent = "an empty answer of level 1",
     STUB(.level = 1, .tag = 1, .no_buffer = true),
     BROKEN},
    {.number = "109b",
     .name = "a level that does not exist",
     .sent = "level 77",
     STUB(RIGHT, .level = 77, .tag = 77),
     BROKEN},
    {.number = "110",
     .name = "union tag differs from level",
     .sent = "level 10, tag 502",
     STUB(RIGHT, .tag = 502),
     BROKEN},
    {.number = "111",
     .name = "offset not 0",
     .sent = "a string that begins at 1",
     STUB(RIGHT, .offset = 1),
     BROKEN},
    {.number = "112",
     .name = "actual count over max",
     .sent = "a string longer than its maximum",
     STUB(RIGHT, .most = -1),
     BROKEN},
    {.number = "112b",
     .name = "actual count over the data",
     .sent = "a string of 0x7FFFFFFF units",
     STUB(RIGHT, .actual = 0x7FFFFFF0, .most = 0x7FFFFFF0),
     BROKEN},
    {.number = "112c",
     .name = "actual count 0",
     .sent = "a string without its NUL, or anything",
     STUB(RIGHT, .text = EMPTY),
     BROKEN},
    {.number = "113",
     .name = "unterminated string",
     .sent = "a string that ends in x",
     STUB(RIGHT, .text = UNTERMINATED),
     BROKEN},
    {.number = "114",
     .name = "embedded NUL",
     .sent = "a string with a NUL inside",
     STUB(RIGHT, .text = NUL_INSIDE),
     BROKEN},
    {.number = "115",
     .name = "lone surrogate",
     .sent = "a high surrogate without a low one",
     STUB(RIGHT, .text = HIGH_ALONE),
     BROKEN},
    {.number = "115b",
     .name = "lone low surrogate",
     .sent = "a low surrogate without a high one",
     STUB(RIGHT, .text = LOW_ALONE),
     BROKEN},
    {.number = "116",
     .name = "bytes after the status",
     .sent = "four of them",
     STUB(RIGHT, .extra = 4),
     BROKEN},
    {.number = "116b",
     .name = "an empty stub",
     .sent = "one byte",
     STUB(RIGHT, .only = 1),
     BROKEN},
    {.number = "117",
     .name = "TotalEntries below the entries",
     .sent = "two rows, of 1 in all",
     STUB(RIGHT, .total = 1),
     BROKEN},
    {.number = "118",
     .name = "MORE_DATA with the same resume handle",
     .sent = "pages without end, resume handle 5, to a list",
     PAGES(same_resume),
     BROKEN},
    {.number = "119",
     .name = "resume handles in a cycle",
     .sent = "pages without end, resume handles 1 to 7, to a list",
     PAGES(cycle),
     BROKEN},
    {.number = "120",
     .name = "MORE_DATA with no entries",
     .sent = "empty pages without end, resume handles that rise, to a list",
     PAGES(no_entries),
     BROKEN},
    {.number = "120b",
     .name = "a list without end",
     .sent = "full pages without end, resume handles that rise, to a list",
     PAGES(no_end),
     .code = NETSESSION_E_LIMIT,
     .layer = "srvsvc"},
    {.number = "121",
     .name = "success with a null container",
     .sent = "ERROR_SUCCESS, no container",
     STUB(RIGHT, .no_container = true, .total = 0),
     BROKEN},
    {.number = "121b",
     .name = "an error with rows",
     .sent = "ERROR_ACCESS_DENIED and two rows, which nobody gets to see",
     STUB(RIGHT, .status = 5),
     .n = 3,
     .want = REFUSED,
     .code = NETSESSION_E_REFUSED,
     .layer = "srvsvc"},
    {.number = "121c",
     .name = "512 sessions",
     .sent = "a list of 512: all of them arrive",
     .rows = 512,
     .want = PAGE},
    {.number = "121d",
     .name = "a very long list of nothing",
     .sent = "10000 rows of null pointers: all of them arrive",
     STUB(RIGHT, .count = 10000, .max = 10000, .rows = 10000, .total = 10000, .nameless = true),
     .n = 10000,
     .want = PAGE},
    {.number = "121f",
     .name = "the longest list of nothing",
     .sent = "16380 rows of null pointers, the longest reply allowed: all of them arrive",
     STUB(RIGHT, .count = 16380, .max = 16380, .rows = 16380, .total = 16380, .nameless = true),
     .n = 16380,
     .modes = SIGNED, /* NDR32: where the page is the longest against the reply */
     .want = PAGE},
    {.number = "121g",
     .name = "more than is allowed",
     .sent = "16384 rows of null pointers, over the limit that FAULTS.md's client is given",
     STUB(RIGHT, .count = 16384, .max = 16384, .rows = 16384, .total = 16384, .nameless = true),
     .modes = SIGNED,
     .code = NETSESSION_E_LIMIT,
     .layer = "rpc"},
    {.number = "121e",
     .name = "each bit of the stub",
     .sent = "one bit changed, validly signed or encrypted; for each bit",
     .at = AT_CALL,
     .stub = lie_bit_of,
     .sweep = EACH_BIT,
     .places = MEMORY,
     .any_outcome = true},
};
const size_t ndr_count = HOSTILE_COUNT(ndr_faults);
