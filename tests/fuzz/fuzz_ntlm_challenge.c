/* An NTLM challenge for a client, be it somebody or nobody.  Whatever challenge is
 * taken is strong enough, and the answer to it one that our server reads, with the
 * challenge's own pairs in it. */
#include "auth/ntlm.h"
#include "tests/fuzz/fuzz.h"

#define REQUIRED (NTLM_UNICODE | NTLM_EXTENDED | NTLM_TARGET_INFO | NTLM_128 | NTLM_KEY_EXCH)

static void check_challenge(const ntlm_challenge *c, ns_slice in)
{
    MUST((c->flags & REQUIRED) == REQUIRED && fuzz_inside(c->pairs, in));
    for (unsigned i = 0; i < NTLM_AV_COUNT; i++)
        MUST(fuzz_inside(c->value[i], in) && (i < NTLM_AV_SINGLE_HOST || !c->value[i].p));
    MUST(c->value[NTLM_AV_NB_COMPUTER].p && c->value[NTLM_AV_NB_DOMAIN].p);
}

static void check_answer(const ntlm_challenge *c, ns_slice out, bool nobody)
{
    ntlm_response a;

    MUST(ntlm_get_authenticate(out, &a) && a.session_key.n == NTLM_KEY_LEN);
    MUST(!(a.flags & NTLM_ANONYMOUS) == !nobody && !(a.flags & (NTLM_OEM | NTLM_LM_KEY)));
    MUST(nobody ? !a.nt.n && !a.user.n : a.v2 && a.has_mic);
    for (unsigned i = 0; !nobody && i < NTLM_AV_SINGLE_HOST; i++)
        MUST(i == NTLM_AV_FLAGS || i == NTLM_AV_EOL || fuzz_same(c->value[i], a.value[i]));
    MUST(nobody || ns_le32(a.value[NTLM_AV_FLAGS].p) & NTLM_AV_FLAG_MIC);
}

static void answer(ns_slice in, bool nobody, ns_writer *w)
{
    const auth_params params = fuzz_user(w->hooks, nobody);
    netsession_error err = {0}, other = {0};
    ntlm_challenge c;
    void *state;
    int rc = ntlm_get_challenge(&c, in.p, in.n, &other);

    fuzz_told(rc, &other);
    MUST(!ntlm_mech.create(&state, &params, &err));
    MUST(ntlm_mech.step(state, NULL, 0, w, &err) == 1);
    ns_writer_reset(w);
    fuzz_told(ntlm_mech.step(state, in.p, in.n, w, &err), &err);
    MUST(!rc || (err.code == rc && !w->len));
    if (!rc)
        check_challenge(&c, in);
    if (!err.code)
        check_answer(&c, fuzz_written(w), nobody);
    ntlm_mech.destroy(state);
}

static void somebody(ns_slice in, ns_writer *w)
{
    answer(in, false, w);
    ns_writer_reset(w);
    answer(in, true, w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_rewrite(somebody, data, size);
}
