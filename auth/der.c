#include "auth/der.h"

#include <string.h>

/* ---- Reader ---- */

#define LENGTH_OCTETS_MAX 4

bool der_next_is(const ns_reader *r, unsigned tag)
{
    return !r->bad && ns_left(r) && r->base[r->off] == tag;
}

/* [X690] 10.1: the shortest form only.  The indefinite form, 0x80, is a long
 * form of no octets here and falls out with the non-minimal ones. */
static size_t get_length(ns_reader *r)
{
    uint8_t first = ns_get8(r);
    unsigned octets = first & 0x7F;
    size_t len = 0;

    if (first < 0x80)
        return first;
    r->bad |= octets > LENGTH_OCTETS_MAX;
    for (unsigned i = 0; i < octets && !r->bad; i++) {
        len = len << 8 | ns_get8(r);
        r->bad |= len == 0;
    }
    r->bad |= len < 0x80;
    return len;
}

ns_slice der_take(ns_reader *r, unsigned tag)
{
    ns_slice contents = {0};

    if (!der_next_is(r, tag)) {
        r->bad = true;
        return contents;
    }
    ns_skip(r, 1);
    contents.n = get_length(r);
    contents.p = ns_take(r, contents.n);
    return contents.p ? contents : (ns_slice){0};
}

ns_slice der_take_whole(ns_reader *r, unsigned tag)
{
    size_t start = r->off;
    ns_slice contents = der_take(r, tag);

    return contents.p ? (ns_slice){r->base + start, r->off - start} : contents;
}

ns_reader der_enter(ns_reader *r, unsigned tag)
{
    ns_slice contents = der_take(r, tag);
    ns_reader inner = ns_reader_of(contents.p ? contents.p : r->base, contents.n);

    inner.bad = r->bad;
    return inner;
}

void der_leave(ns_reader *outer, const ns_reader *inner)
{
    outer->bad |= inner->bad || ns_left(inner);
}

/* ---- Writer ---- */

size_t der_open(ns_writer *w, unsigned tag)
{
    ns_put8(w, (uint8_t)tag);
    return w->len;
}

/* The length itself, or how many octets of it follow and those. */
static unsigned length_octets(size_t len)
{
    unsigned n = 1;

    for (size_t rest = len < 0x80 ? 0 : len; rest; rest >>= 8)
        n++;
    return n;
}

/* The contents move up to make room for a length that is known only now. */
void der_close(ns_writer *w, size_t mark)
{
    size_t len = w->len - mark;
    unsigned octets = length_octets(len);
    uint8_t *p;

    if (!ns_put_space(w, octets))
        return;
    p = w->p + mark;
    memmove(p + octets, p, len);
    p[0] = (uint8_t)(octets == 1 ? len : 0x80 | (octets - 1));
    for (unsigned i = octets - 1; i > 0; i--, len >>= 8)
        p[i] = (uint8_t)len;
}

void der_put(ns_writer *w, unsigned tag, ns_slice contents)
{
    size_t mark = der_open(w, tag);

    ns_put(w, contents.p, contents.n);
    der_close(w, mark);
}
