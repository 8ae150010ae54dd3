/* The tokens of SPNEGO, chosen by the first byte: what is read points into the
 * token, and written again it is read as the same. */
#include "auth/spnego.h"
#include "tests/fuzz/fuzz.h"

static void check_mechs(ns_slice mechs, ns_slice in)
{
    ns_slice oid;

    MUST(fuzz_inside(mechs, in));
    while (mechs.n) {
        MUST(spnego_next_mech(&mechs, &oid));
        MUST(oid.n >= 2 && fuzz_inside(oid, in) && *spnego_mech_name(oid));
    }
}

static void hint(ns_slice in, ns_writer *w)
{
    ns_slice mechs, again;

    if (!spnego_get_hint(in, &mechs))
        return;
    check_mechs(mechs, in);
    spnego_put_hint(w, mechs);
    MUST(spnego_get_hint(fuzz_written(w), &again) && fuzz_same(mechs, again));
}

static void init(ns_slice in, ns_writer *w)
{
    spnego_init m, again;

    if (!spnego_get_init(in, &m))
        return;
    check_mechs(m.mechs, m.mech_list);
    MUST(fuzz_inside(m.mech_list, in) && fuzz_inside(m.token, in) && fuzz_inside(m.mic, in));
    spnego_put_init(w, m.mech_list, m.token);
    MUST(spnego_get_init(fuzz_written(w), &again) && !again.mic.p);
    MUST(fuzz_same(m.mech_list, again.mech_list) && fuzz_same(m.token, again.token));
}

static void resp(ns_slice in, ns_writer *w)
{
    spnego_resp m, again;

    if (!spnego_get_resp(in, &m))
        return;
    MUST(m.state <= SPNEGO_NO_STATE && fuzz_inside(m.mech, in));
    MUST(fuzz_inside(m.token, in) && fuzz_inside(m.mic, in));
    spnego_put_resp(w, &m);
    MUST(spnego_get_resp(fuzz_written(w), &again) && m.state == again.state);
    MUST(fuzz_same(m.mech, again.mech) && fuzz_same(m.token, again.token) &&
         fuzz_same(m.mic, again.mic));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const kinds[])(ns_slice, ns_writer *) = {hint, init, resp};

    return size ? fuzz_rewrite(kinds[*data % 3], data + 1, size - 1) : 0;
}
