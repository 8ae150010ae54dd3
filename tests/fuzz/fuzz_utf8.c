/* UTF-8: what is valid comes back the same by UTF-16 and by wchar_t, what is not
 * by neither; and what is upper-case stays so. */
#include "base/utf.h"
#include "netapi/lmstr.h"
#include "tests/fuzz/fuzz.h"

static void as_wide(const char *s, size_t units)
{
    size_t n = lm_wide_size(s);
    wchar_t *wide = malloc((n ? n : 1) * sizeof *wide);
    char *back;

    MUST(wide && !n == (units == NS_UTF_BAD));
    if (n) {
        MUST(lm_wide_put(wide, s) == wide + n);
        MUST(!lm_utf8(&back, wide) == (units < LM_MAX_NAME));
        MUST(!back == (units >= LM_MAX_NAME) && (!back || !strcmp(s, back)));
        lm_strfree(back);
    }
    free(wide);
}

/* Each character is as many units as before. */
static void as_utf16(const char *s, size_t units, bool upper, ns_writer *w)
{
    bool (*put)(ns_writer *, const char *) = upper ? ns_put_utf16_upper : ns_put_utf16;
    char *back = malloc(2 * strlen(s) + 1);

    ns_writer_reset(w);
    MUST(back && put(w, s) == (units != NS_UTF_BAD));
    if (units != NS_UTF_BAD) {
        MUST(fuzz_written(w).n == 2 * units);
        MUST(ns_utf8_len(w->p, units, false) <= 2 * strlen(s));
        ns_utf8_from(back, w->p, units, false);
        MUST(upper || !strcmp(s, back));
        MUST(put(w, back) && fuzz_written(w).n == 4 * units);
        MUST(!units || !memcmp(w->p, w->p + 2 * units, 2 * units));
    }
    free(back);
}

static void check(ns_slice in, ns_writer *w)
{
    char *s = calloc(in.n + 1, 1);
    size_t units;

    MUST(s);
    memcpy(s, in.n ? in.p : "", in.n);
    units = ns_utf16_len(s);
    as_utf16(s, units, false, w);
    as_utf16(s, units, true, w);
    as_wide(s, units);
    free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_rewrite(check, data, size);
}
