#include "base/bytes.h"

#include <string.h>

/* ---- Reader ---- */

ns_reader ns_reader_of(const void *base, size_t len)
{
    return (ns_reader){.base = base, .len = len};
}

size_t ns_left(const ns_reader *r)
{
    return r->len - r->off;
}

const uint8_t *ns_take(ns_reader *r, size_t n)
{
    if (r->bad || n > r->len - r->off) {
        r->bad = true;
        return NULL;
    }
    r->off += n;
    return r->base ? r->base + (r->off - n) : NULL; /* nothing, of nothing */
}

/* size bytes as an integer in the reader's byte order. */
static uint64_t get_int(ns_reader *r, unsigned size)
{
    const uint8_t *p = ns_take(r, size);
    uint64_t v = 0;

    if (!p)
        return 0;
    for (unsigned i = 0; i < size; i++)
        v = v << 8 | p[r->big ? i : size - 1 - i];
    return v;
}

uint8_t ns_get8(ns_reader *r)
{
    return (uint8_t)get_int(r, 1);
}

uint16_t ns_get16(ns_reader *r)
{
    return (uint16_t)get_int(r, 2);
}

uint32_t ns_get32(ns_reader *r)
{
    return (uint32_t)get_int(r, 4);
}

uint64_t ns_get64(ns_reader *r)
{
    return get_int(r, 8);
}

void ns_skip(ns_reader *r, size_t n)
{
    (void)ns_take(r, n);
}

void ns_get_align(ns_reader *r, size_t multiple)
{
    ns_skip(r, (0 - r->off) & (multiple - 1));
}

void ns_get_bytes(ns_reader *r, void *out, size_t n)
{
    const uint8_t *p = ns_take(r, n);

    if (p)
        memcpy(out, p, n);
    else
        memset(out, 0, n);
}

ns_reader ns_sub(ns_reader *r, size_t off, size_t len)
{
    ns_reader whole = {.base = r->base, .len = r->len, .big = r->big, .bad = r->bad};
    ns_reader sub = {.base = r->base, .big = r->big};

    ns_skip(&whole, off);
    sub.base = ns_take(&whole, len);
    sub.len = whole.bad ? 0 : len;
    sub.bad = r->bad = whole.bad;
    return sub;
}

/* ---- Writer ---- */

void ns_writer_init(ns_writer *w, const netsession_hooks *hooks, size_t max)
{
    *w = (ns_writer){.hooks = hooks, .max = max};
}

void ns_writer_free(ns_writer *w)
{
    ns_free(w->hooks, w->p, w->cap);
    w->p = NULL;
    w->len = w->cap = 0;
}

void ns_writer_reset(ns_writer *w)
{
    w->len = 0;
    w->err = 0;
}

/* Doubles until want bytes fit.  want <= max. */
static bool grow(ns_writer *w, size_t want)
{
    size_t cap = w->cap ? w->cap : 256;
    uint8_t *p;

    while (cap < want)
        cap = cap > w->max / 2 ? w->max : cap * 2;
    p = ns_alloc(w->hooks, cap);
    if (!p)
        return false;
    if (w->p)
        memcpy(p, w->p, w->len);
    ns_free(w->hooks, w->p, w->cap);
    w->p = p;
    w->cap = cap;
    return true;
}

uint8_t *ns_put_space(ns_writer *w, size_t n)
{
    if (!w->err && n > w->max - w->len)
        w->err = NETSESSION_E_LIMIT;
    if (!w->err && (n > w->cap - w->len || !w->p) && !grow(w, w->len + n))
        w->err = NETSESSION_E_MEMORY;
    if (w->err)
        return NULL;
    memset(w->p + w->len, 0, n);
    w->len += n;
    return w->p + w->len - n;
}

void ns_put8(ns_writer *w, uint8_t v)
{
    uint8_t *p = ns_put_space(w, 1);

    if (p)
        *p = v;
}

void ns_put16(ns_writer *w, uint16_t v)
{
    uint8_t *p = ns_put_space(w, 2);

    if (p)
        ns_store16(p, v);
}

void ns_put32(ns_writer *w, uint32_t v)
{
    uint8_t *p = ns_put_space(w, 4);

    if (p)
        ns_store32(p, v);
}

void ns_put64(ns_writer *w, uint64_t v)
{
    uint8_t *p = ns_put_space(w, 8);

    if (p)
        ns_store64(p, v);
}

void ns_put(ns_writer *w, const void *bytes, size_t n)
{
    uint8_t *p = ns_put_space(w, n);

    if (p && n)
        memcpy(p, bytes, n);
}

void ns_put_align(ns_writer *w, size_t origin, size_t multiple)
{
    (void)ns_put_space(w, (origin - w->len) & (multiple - 1));
}

void ns_set16(ns_writer *w, size_t off, uint16_t v)
{
    if (!w->err)
        ns_store16(w->p + off, v);
}

void ns_set32(ns_writer *w, size_t off, uint32_t v)
{
    if (!w->err)
        ns_store32(w->p + off, v);
}

void ns_writer_drop(ns_writer *w, size_t n)
{
    w->len -= n;
    if (w->len)
        memmove(w->p, w->p + n, w->len);
}

/* ---- Loose integers ---- */

uint16_t ns_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t ns_le32(const uint8_t *p)
{
    return ns_le16(p) | (uint32_t)ns_le16(p + 2) << 16;
}

uint64_t ns_le64(const uint8_t *p)
{
    return ns_le32(p) | (uint64_t)ns_le32(p + 4) << 32;
}

void ns_store16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

void ns_store32(uint8_t *p, uint32_t v)
{
    ns_store16(p, (uint16_t)v);
    ns_store16(p + 2, (uint16_t)(v >> 16));
}

void ns_store64(uint8_t *p, uint64_t v)
{
    ns_store32(p, (uint32_t)v);
    ns_store32(p + 4, (uint32_t)(v >> 32));
}

void ns_store32be(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}
