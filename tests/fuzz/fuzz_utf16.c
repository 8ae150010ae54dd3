/* UTF-16 of either byte order: what is valid comes back the same from UTF-8, and
 * of what is not nothing is made. */
#include "base/utf.h"
#include "tests/fuzz/fuzz.h"

/* By units alone: every surrogate has its other half, and none is zero. */
static bool is_valid(const uint8_t *p, size_t units, bool big)
{
    bool high = false;

    for (size_t i = 0; i < units; i++) {
        unsigned c = big ? p[2 * i] * 256u + p[2 * i + 1] : p[2 * i + 1] * 256u + p[2 * i];

        if (!c || high != (c >> 10 == 0x37))
            return false;
        high = c >> 10 == 0x36;
    }
    return !high;
}

static void check_order(const uint8_t *p, size_t units, bool big, ns_writer *w)
{
    size_t len = ns_utf8_len(p, units, big);
    char *s = malloc(3 * units + 1);

    ns_writer_reset(w);
    MUST(s && (len != NS_UTF_BAD) == is_valid(p, units, big));
    if (len != NS_UTF_BAD) {
        MUST(len <= 3 * units);
        ns_utf8_from(s, p, units, big);
        MUST(strlen(s) == len && ns_utf16_len(s) == units);
        MUST(ns_put_utf16(w, s) && fuzz_written(w).n == 2 * units);
        for (size_t i = 0; i < w->len; i++)
            MUST(w->p[i] == p[big ? i ^ 1 : i]);
    }
    free(s);
}

static void check(ns_slice in, ns_writer *w)
{
    check_order(in.p, in.n / 2, false, w);
    check_order(in.p, in.n / 2, true, w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_rewrite(check, data, size);
}
