/*
 * What the reader and the writer of base/bytes.c promise, with the ns_alloc and
 * ns_free of base/mem.c: each function here is one operation in any state that a
 * reader or writer may be in, with any arguments and contents, while any
 * allocation may fail.  tests/proof/run.sh has CBMC show of all of them that
 * nothing outside of the bytes given or allocated is read or written, nothing is
 * freed twice or leaks, no number overflows, no loop goes on, and what MUST hold
 * does.  The state after it is again one that it may be in, so that this is so
 * of any sequence of operations.  A size is any up to CBMC's largest object,
 * 2^55 bytes.
 */
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

size_t nondet_size(void);
uint64_t nondet_value(void);
uint8_t nondet_byte(void);
_Bool nondet_bool(void);

#define MUST(what) __CPROVER_assert(what, #what)
#define GIVEN(what) __CPROVER_assume(what)

/* ---- Reader ---- */

static bool reader_holds(const ns_reader *r)
{
    return r->off <= r->len && (!r->base || __CPROVER_r_ok(r->base, r->len));
}

static ns_reader any_reader(void)
{
    ns_reader r = {.len = nondet_size(), .off = nondet_size(), .big = nondet_bool(), .bad = nondet_bool()};

    r.base = malloc(r.len);
    GIVEN(r.off <= r.len);
    return r;
}

/* What is read is at off and is skipped, or nothing is and the rest is bad. */
static void taken(const ns_reader *old, const ns_reader *r, size_t n)
{
    MUST(reader_holds(r));
    MUST(r->bad == (old->bad || n > old->len - old->off));
    MUST(r->off == old->off + (r->bad ? 0 : n));
    MUST(r->base == old->base && r->len == old->len && r->big == old->big);
}

void takes(void)
{
    ns_reader r = any_reader(), old = r;
    size_t n = nondet_size();
    const uint8_t *p = ns_take(&r, n);

    taken(&old, &r, n);
    MUST(p == (r.bad || !r.base ? NULL : r.base + old.off));
    MUST(!p || __CPROVER_r_ok(p, n));
    MUST(ns_left(&r) == r.len - r.off);
    free((void *)old.base);
}

void skips(void)
{
    ns_reader r = any_reader(), old = r;
    size_t n = nondet_size();

    ns_skip(&r, n);
    taken(&old, &r, n);
    free((void *)old.base);
}

#define READS(bits)                                                         \
    void reads_##bits(void)                                                 \
    {                                                                       \
        ns_reader r = any_reader(), old = r;                                \
        uint##bits##_t v = ns_get##bits(&r);                                \
        uint64_t is = 0;                                                    \
                                                                            \
        taken(&old, &r, bits / 8);                                          \
        for (unsigned i = 0; i < bits / 8 && !r.bad && r.base; i++)         \
            is |= (uint64_t)r.base[old.off + i]                             \
                << 8 * (r.big ? bits / 8 - 1 - i : i);                      \
        MUST(v == is);                                                      \
        free((void *)old.base);                                             \
    }
READS(8)
READS(16)
READS(32)
READS(64)

void aligns(void)
{
    ns_reader r = any_reader(), old = r;
    size_t multiple = (size_t)1 << nondet_byte() % 64;

    ns_get_align(&r, multiple);
    taken(&old, &r, (multiple - old.off % multiple) % multiple);
    free((void *)old.base);
}

void reads_bytes(void)
{
    ns_reader r = any_reader(), old = r;
    size_t n = nondet_size(), i = nondet_size();
    uint8_t *out = malloc(n);

    GIVEN(out);
    ns_get_bytes(&r, out, n);
    taken(&old, &r, n);
    MUST(i >= n || out[i] == (r.bad || !r.base ? 0 : r.base[old.off + i]));
    free(out);
    free((void *)old.base);
}

void begins_at_any_bytes(void)
{
    size_t len = nondet_size();
    uint8_t *base = malloc(len);
    ns_reader r = ns_reader_of(base, len);

    MUST(reader_holds(&r) && r.base == base && r.len == len && !r.off && !r.bad && !r.big);
    free(base);
}

void has_parts(void)
{
    ns_reader r = any_reader(), old = r;
    size_t off = nondet_size(), len = nondet_size();
    ns_reader part = ns_sub(&r, off, len);

    MUST(reader_holds(&r) && r.off == old.off);
    MUST(reader_holds(&part) && part.off == 0 && part.big == old.big);
    MUST(r.bad == part.bad && part.bad == (old.bad || off > old.len || len > old.len - off));
    MUST(part.len == (part.bad ? 0 : len));
    MUST(part.base == (part.bad || !old.base ? NULL : old.base + off));
    free((void *)old.base);
}

/* ---- Writer ---- */

static void *hook_alloc(void *ctx, size_t size)
{
    (void)ctx;
    return malloc(size);
}

static void hook_free(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

static const netsession_hooks hooks = {.alloc = hook_alloc, .free = hook_free};

static bool writer_holds(const ns_writer *w)
{
    return w->len <= w->max && w->len <= w->cap && (w->p ? __CPROVER_rw_ok(w->p, w->cap) : w->cap == 0);
}

static ns_writer any_writer(void)
{
    ns_writer w = {.hooks = &hooks, .len = nondet_size(), .cap = nondet_size(), .max = nondet_size(), .err = (int)nondet_value()};

    w.p = w.cap ? malloc(w.cap) : NULL;
    GIVEN(writer_holds(&w));
    return w;
}

/* One byte anywhere of what was written: it must stay. */
typedef struct byte_of {
    size_t at;
    uint8_t v;
    bool is;
} byte_of;

static byte_of any_of(const ns_writer *w)
{
    byte_of b = {.at = nondet_size()};

    b.is = b.at < w->len;
    if (b.is)
        b.v = w->p[b.at];
    return b;
}

/* n bytes more, or none and an error. */
static void put(const ns_writer *old, const ns_writer *w, size_t n, byte_of b)
{
    MUST(writer_holds(w));
    MUST(!old->err || w->err == old->err);
    MUST(w->err || n <= old->max - old->len);
    MUST(w->len == old->len + (w->err ? 0 : n));
    MUST(w->max == old->max && w->hooks == old->hooks);
    MUST(!b.is || w->p[b.at] == b.v);
}

void begins_and_ends(void)
{
    ns_writer w, used = any_writer();
    size_t max = nondet_size();

    ns_writer_init(&w, &hooks, max);
    MUST(writer_holds(&w) && w.len == 0 && w.max == max && !w.err);
    ns_writer_free(&w);
    ns_writer_reset(&used);
    MUST(writer_holds(&used) && used.len == 0 && !used.err);
    ns_writer_free(&used);
    MUST(writer_holds(&used) && !used.p && used.cap == 0);
}

void makes_space(void)
{
    ns_writer w = any_writer(), old = w;
    size_t n = nondet_size(), i = nondet_size();
    byte_of b = any_of(&w);
    uint8_t *p = ns_put_space(&w, n);

    put(&old, &w, n, b);
    MUST(p == (w.err ? NULL : w.p + old.len));
    MUST(!p || i >= n || p[i] == 0);
    ns_writer_free(&w);
}

#define WRITES(bits)                                                        \
    void writes_##bits(void)                                                \
    {                                                                       \
        ns_writer w = any_writer(), old = w;                                \
        uint64_t v = nondet_value(), is = 0;                                \
        byte_of b = any_of(&w);                                             \
                                                                            \
        ns_put##bits(&w, (uint##bits##_t)v);                                \
        put(&old, &w, bits / 8, b);                                         \
        for (unsigned i = 0; i < bits / 8 && !w.err; i++)                   \
            is |= (uint64_t)w.p[old.len + i] << 8 * i;                      \
        MUST(w.err || is == (uint##bits##_t)v);                             \
        ns_writer_free(&w);                                                 \
    }
WRITES(8)
WRITES(16)
WRITES(32)
WRITES(64)

void writes_bytes(void)
{
    ns_writer w = any_writer(), old = w;
    size_t n = nondet_size(), i = nondet_size();
    uint8_t *bytes = malloc(n);
    byte_of b = any_of(&w);

    GIVEN(bytes || n == 0);
    ns_put(&w, bytes, n);
    put(&old, &w, n, b);
    MUST(w.err || i >= n || w.p[old.len + i] == bytes[i]);
    free(bytes);
    ns_writer_free(&w);
}

void aligns_what_it_writes(void)
{
    ns_writer w = any_writer(), old = w;
    size_t origin = nondet_size(), multiple = (size_t)1 << nondet_byte() % 64;
    byte_of b = any_of(&w);

    GIVEN(origin <= w.len);
    ns_put_align(&w, origin, multiple);
    put(&old, &w, (multiple - (old.len - origin) % multiple) % multiple, b);
    ns_writer_free(&w);
}

void fills_in(void)
{
    ns_writer w = any_writer(), old = w;
    bool wide = nondet_bool();
    size_t off = nondet_size(), size = wide ? 4 : 2;
    uint32_t v = (uint32_t)nondet_value(), is = 0;
    byte_of b = any_of(&w);

    GIVEN(w.err || (w.len >= size && off <= w.len - size));
    b.is = b.is && (b.at < off || b.at - off >= size);
    if (wide)
        ns_set32(&w, off, v);
    else
        ns_set16(&w, off, (uint16_t)v);
    put(&old, &w, 0, b);
    for (unsigned i = 0; i < size && !w.err; i++)
        is |= (uint32_t)w.p[off + i] << 8 * i;
    MUST(w.err || is == (wide ? v : v % 65536));
    ns_writer_free(&w);
}

void drops(void)
{
    ns_writer w = any_writer(), old = w;
    size_t n = nondet_size();
    byte_of b = any_of(&w);

    GIVEN(n <= w.len);
    ns_writer_drop(&w, n);
    MUST(writer_holds(&w) && w.len == old.len - n && w.p == old.p);
    MUST(!b.is || b.at < n || w.p[b.at - n] == b.v);
    ns_writer_free(&w);
}

/* ---- Loose integers ---- */

void keeps_integers(void)
{
    uint64_t v = nondet_value();
    uint8_t bytes[8];

    ns_store64(bytes, v);
    MUST(ns_le64(bytes) == v && ns_le32(bytes) == (uint32_t)v && ns_le16(bytes) == (uint16_t)v);
    MUST(bytes[0] == (uint8_t)v && bytes[7] == (uint8_t)(v >> 56));
    ns_store32be(bytes, (uint32_t)v);
    MUST(bytes[3] == (uint8_t)v && bytes[2] == (uint8_t)(v >> 8));
    MUST(bytes[1] == (uint8_t)(v >> 16) && bytes[0] == (uint8_t)(v >> 24));
}

/* ---- What is below ---- */

void OPENSSL_cleanse(void *p, size_t n)
{
    memset(p, 0, n);
}
