/* The server and an NTLM AUTHENTICATE_MESSAGE, which is the input, or a right one
 * with one byte changed.  Who has no password is nobody, or a guest where that is
 * allowed, or refused; and only the right answer unchanged is right. */
#include "auth/ntlm_server.h"
#include "tests/fuzz/fuzz.h"

enum { ANONYMOUS = 1, GUEST = 2, KNOWN = 4, RIGHT = 8 };

static int lookup(void *ctx, const char *domain, const char *user, auth_account *out)
{
    (void)domain;
    (void)user;
    return *(uint8_t *)ctx & KNOWN && !ntlm_nt_hash("secret", out->nt_hash);
}

/* The client's answer to the server's challenge. */
static void put_right(ntlm_server *s, ns_writer *w)
{
    const auth_params params = fuzz_user(w->hooks, false);
    netsession_error err = {0};
    void *state;

    MUST(!ntlm_mech.create(&state, &params, &err));
    MUST(ntlm_mech.step(state, NULL, 0, w, &err) == 1);
    MUST(!ntlm_server_challenge(s, fuzz_written(w), &err));
    s->own.nonce[0] = s->challenge.p[24] ^= 0xFF; /* else it is the client's own */
    ns_writer_reset(w);
    MUST(!ntlm_mech.step(state, s->challenge.p, s->challenge.len, w, &err));
    ntlm_mech.destroy(state);
}

static void check(ns_slice in, ns_writer *w)
{
    const uint8_t *data = in.p;
    uint8_t how = *data, right = how & RIGHT;
    auth_server_params params = {w->hooks, "RIG", "CORP", .lookup = lookup};
    netsession_error err = {0};
    ntlm_server s;

    params.lookup_ctx = &how;
    params.anonymous = how & ANONYMOUS;
    params.guest = how & GUEST;
    MUST(!ntlm_server_init(&s, &params, &err));
    put_right(&s, w);
    w->p[(data[1] | data[2] << 8) % (int)w->len] ^= data[3];
    in = right ? fuzz_written(w) : (ns_slice){data + 4, in.n - 4};
    fuzz_told(ntlm_server_authenticate(&s, in, &err), &err);
    if (right && !data[3])
        MUST(s.good == !!(how & (KNOWN | GUEST)));
    else if (!err.code && s.good)
        MUST(s.kind == AUTH_SERVER_GUEST ? (how & (GUEST | KNOWN)) == GUEST
                                         : s.kind == AUTH_SERVER_ANONYMOUS && how & ANONYMOUS);
    ntlm_server_clear(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return size < 4 ? 0 : fuzz_rewrite(check, data, size);
}
