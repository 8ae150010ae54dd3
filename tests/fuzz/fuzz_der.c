/* DER has one form for a value: what is read is written as the same bytes, at
 * every depth; and an element ends inside the one around it. */
#include "auth/der.h"
#include "tests/fuzz/fuzz.h"

#define DEPTH 8

static void written_alike(fuzz *z, unsigned tag, ns_slice contents, ns_slice whole)
{
    ns_writer w;

    ns_writer_init(&w, &z->hooks, SIZE_MAX / 4);
    der_put(&w, tag, contents);
    MUST(fuzz_same(fuzz_written(&w), whole));
    ns_writer_free(&w);
}

static void entered_alike(ns_reader r, unsigned tag, ns_slice contents)
{
    ns_reader inner = der_enter(&r, tag), ahead = r;

    MUST(!inner.bad && inner.base == contents.p && inner.len == contents.n);
    der_leave(&ahead, &inner);
    MUST(ahead.bad == (contents.n != 0));
    ns_skip(&inner, inner.len);
    der_leave(&r, &inner);
    MUST(!r.bad);
}

static void walk(fuzz *z, ns_reader r, unsigned depth)
{
    while (!r.bad && ns_left(&r)) {
        ns_reader before = r, other = r;
        unsigned tag = r.base[r.off];
        ns_slice contents = der_take(&r, tag), whole = der_take_whole(&before, tag);

        MUST(!contents.p == r.bad && !whole.p == r.bad && before.off == r.off);
        (void)der_take(&other, tag ^ 1);
        MUST(other.bad);
        if (r.bad)
            return;
        MUST(fuzz_inside(contents, whole));
        MUST((const uint8_t *)whole.p + whole.n == r.base + r.off);
        written_alike(z, tag, contents, whole);
        before.off -= whole.n;
        entered_alike(before, tag, contents);
        if (depth < DEPTH)
            walk(z, ns_reader_of(contents.p, contents.n), depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz z;

    fuzz_begin(&z);
    walk(&z, ns_reader_of(data, size), 0);
    return fuzz_end(&z, 4 * size + 1024);
}
