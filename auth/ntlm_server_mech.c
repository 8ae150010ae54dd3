/* NTLM among the mechanisms of the acceptor. */
#include "auth/ntlm_server.h"
#include "auth/server_mech.h"

static bool accepted(const auth_server_params *params)
{
    return !params->no_ntlm;
}

static int create(void **state, const auth_server_params *params, netsession_error *err)
{
    *state = ns_alloc_secret(params->hooks, sizeof(ntlm_server));
    if (!*state)
        return ns_fail_code(err, NETSESSION_E_MEMORY, NS_LAYER_AUTH);
    return ntlm_server_init(*state, params, err);
}

static void destroy(void *state, const netsession_hooks *hooks)
{
    ntlm_server_clear(state);
    ns_free(hooks, state, sizeof(ntlm_server));
}

/* NEGOTIATE_MESSAGE is answered, AUTHENTICATE_MESSAGE is not. */
static int step(void *state, ns_slice in, ns_writer *out, netsession_error *err)
{
    ntlm_server *s = state;
    int rc;

    if (s->challenge.len)
        return ntlm_server_authenticate(s, in, err);
    rc = ntlm_server_challenge(s, in, err);
    if (rc)
        return rc;
    ns_put(out, s->challenge.p, s->challenge.len);
    return 1;
}

static bool has_keys(const void *state)
{
    return ntlm_server_has_keys(state);
}

static int sign(void *state, ns_slice message, ns_writer *mic, netsession_error *err)
{
    uint8_t signature[16];
    int rc = ntlm_server_sign(state, NTLM_SERVER, message, signature, err);

    if (!rc)
        ns_put(mic, signature, sizeof signature);
    return rc;
}

static int verify(void *state, ns_slice message, ns_slice mic, netsession_error *err)
{
    ntlm_server *s = state;
    uint8_t want[16];
    int rc = ntlm_server_sign(s, NTLM_CLIENT, message, want, err);

    s->good &= mic.n == sizeof want && ns_equal(mic.p, want, sizeof want);
    return rc;
}

static int verdict(const void *state, netsession_error *err)
{
    const ntlm_server *s = state;

    if (s->good)
        return 0;
    return ns_fail(err, NETSESSION_E_LOGON, NS_LAYER_AUTH,
                   "the logon is refused: an unknown user, a wrong password, or a response "
                   "that is not intact NTLMv2");
}

static void identify(const void *state, server_identity *out)
{
    const ntlm_server *s = state;

    *out = (server_identity){.kind = s->kind,
                             .user = s->user,
                             .domain = s->domain,
                             .admin = has_keys(s) && s->admin,
                             .key = {s->key, has_keys(s) ? sizeof s->key : 0}};
}

const server_mech ntlm_server_mech = {.name = "NTLM",
                                      .accepted = accepted,
                                      .create = create,
                                      .destroy = destroy,
                                      .step = step,
                                      .has_keys = has_keys,
                                      .sign = sign,
                                      .verify = verify,
                                      .verdict = verdict,
                                      .identify = identify};
