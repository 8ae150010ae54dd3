#include "auth/ntlm.h"

#include <string.h>

/* The client's half of NTLMv2 as a mechanism ([MS-NLMP] 3.1). */

typedef struct ntlm_client {
    auth_params params;
    size_t leg;          /* the next of legs[] */
    ns_writer negotiate; /* as it was sent, for the MIC */
    struct {
        uint8_t nonce[NTLM_NONCE_LEN]; /* ChallengeFromClient */
        uint8_t key[NTLM_KEY_LEN];     /* ExportedSessionKey */
    } own;                             /* from the entropy source */
    ntlm_keys client, server;
    bool integrity; /* SIGN is agreed, and somebody is logged on */
} ntlm_client;

static int ntlm_create(void **state, const auth_params *params, netsession_error *err)
{
    ntlm_client *s = ns_alloc_secret(params->hooks, sizeof *s);

    *state = s;
    if (!s)
        return ns_fail_code(err, NETSESSION_E_MEMORY, NS_LAYER_AUTH);
    s->params = *params;
    ns_writer_init(&s->negotiate, params->hooks, NTLM_MESSAGE_MAX);
    if (params->hooks->entropy(params->hooks->ctx, &s->own, sizeof s->own))
        return ns_fail_code(err, NETSESSION_E_CRYPTO, NS_LAYER_AUTH);
    return 0;
}

static void ntlm_destroy(void *state)
{
    ntlm_client *s = state;

    ns_writer_free(&s->negotiate);
    ns_free(s->params.hooks, s, sizeof *s);
}

/* ---- The first leg: NEGOTIATE_MESSAGE ---- */

static int send_negotiate(ntlm_client *s, ns_slice in, ns_writer *out, netsession_error *err)
{
    (void)in; /* the client begins */
    ntlm_put_negotiate(&s->negotiate);
    ns_put(out, s->negotiate.p, s->negotiate.len);
    return s->negotiate.err ? ns_fail_code(err, s->negotiate.err, NS_LAYER_AUTH) : 0;
}

/* ---- The second: CHALLENGE_MESSAGE, AUTHENTICATE_MESSAGE ---- */

typedef struct response {
    ns_writer nt;
    uint8_t lm[NTLM_LM_LEN];
    size_t lm_len;
    uint8_t base_key[NTLM_KEY_LEN];
} response;

/* Room for NTProofStr, then "temp" (3.3.2), an NTLMv2_CLIENT_CHALLENGE (2.2.2.7). */
static int put_nt_response(const ntlm_client *s, const ntlm_challenge *c, ns_writer *w,
                           netsession_error *err)
{
    const netsession_hooks *h = s->params.hooks;
    const uint8_t *time = c->value[NTLM_AV_TIMESTAMP].p;

    ns_put_space(w, 16);
    ns_put16(w, 0x0101); /* RespType, HiRespType */
    ns_put_space(w, 6);
    ns_put64(w, time ? ns_le64(time) : h->wallclock(h->ctx));
    ns_put(w, s->own.nonce, sizeof s->own.nonce);
    ns_put_space(w, 4);
    if (!ntlm_put_pairs(w, c, s->params.bindings, s->params.target_name))
        return ns_fail(err, NETSESSION_E_ARGUMENT, NS_LAYER_AUTH,
                       "the target name is not valid UTF-8; check its encoding");
    ns_put_space(w, 4);
    return w->err ? ns_fail_code(err, w->err, NS_LAYER_AUTH) : 0;
}

/* A server that sends its time knows the NTLMv2 response, and gets zeros
 * instead of the LMv2 one (3.1.5.1.2). */
static int compute_lm(const ntlm_client *s, const ntlm_challenge *c, const uint8_t *key,
                      response *r)
{
    r->lm_len = NTLM_LM_LEN;
    if (c->value[NTLM_AV_TIMESTAMP].p)
        return 0;
    return ntlm_lm_response(key, c->nonce, s->own.nonce, r->lm);
}

static int compute_response(const ntlm_client *s, const ntlm_challenge *c, response *r,
                            netsession_error *err)
{
    uint8_t key[NTLM_KEY_LEN];
    int rc = put_nt_response(s, c, &r->nt, err);

    if (!rc)
        rc = ntlm_response_key(&s->params, key, err);
    if (rc)
        return rc;
    rc = ntlm_proof(key, c->nonce, (ns_slice){r->nt.p + 16, r->nt.len - 16}, r->nt.p);
    if (!rc)
        rc = ntlm_base_key(key, r->nt.p, r->base_key);
    if (!rc)
        rc = compute_lm(s, c, key, r);
    ns_wipe(key, sizeof key);
    return rc ? ns_fail_code(err, rc, NS_LAYER_AUTH) : 0;
}

/* Nobody (3.2.5.1.2): an LM response of one zero byte, a base key of zeros. */
static void anonymous_response(response *r)
{
    r->lm_len = 1;
}

/* From here on both sides have the keys; what SIGN and a user make of them. */
static int derive_keys(ntlm_client *s, uint32_t flags)
{
    int rc = ntlm_derive_keys(s->own.key, NTLM_CLIENT, &s->client);

    s->integrity = flags & NTLM_SIGN && !s->params.anonymous;
    return rc ? rc : ntlm_derive_keys(s->own.key, NTLM_SERVER, &s->server);
}

/* The MIC ties the three messages together, so that no flag of any of them
 * can have been changed.  The anonymous response has no room to announce one. */
static int set_mic(const ntlm_client *s, ns_slice challenge, ns_writer *message)
{
    uint8_t mic[16];
    int rc;

    if (s->params.anonymous)
        return 0;
    rc = ntlm_mic(s->own.key, (ns_slice){s->negotiate.p, s->negotiate.len}, challenge,
                  (ns_slice){message->p, message->len}, mic);
    memcpy(ntlm_mic_in_authenticate(message), mic, sizeof mic);
    return rc;
}

static int put_authenticate(const ntlm_client *s, uint32_t flags, const response *r,
                            ns_writer *w, netsession_error *err)
{
    const auth_params *p = &s->params;
    uint8_t wrapped[NTLM_KEY_LEN];
    ntlm_authenticate a = {
        .flags = flags,
        .anonymous = p->anonymous,
        .domain = p->anonymous ? "" : p->domain,
        .user = p->anonymous ? "" : p->user,
        .workstation = p->workstation,
        .lm = {r->lm, r->lm_len},
        .nt = {r->nt.p, r->nt.len},
        .session_key = {wrapped, sizeof wrapped},
    };

    ntlm_wrap_key(r->base_key, s->own.key, wrapped);
    if (!ntlm_put_authenticate(w, &a))
        return ns_fail(err, NETSESSION_E_ARGUMENT, NS_LAYER_AUTH,
                       "the user, domain or workstation name is not valid UTF-8");
    return w->err ? ns_fail_code(err, w->err, NS_LAYER_AUTH) : 0;
}

/* The server cannot have seen our nonce yet, so one that has it is ourselves,
 * or somebody who sends back what we sent elsewhere. */
static int get_challenge(const ntlm_client *s, ns_slice in, ntlm_challenge *c,
                         netsession_error *err)
{
    int rc = ntlm_get_challenge(c, in.p, in.n, err);

    if (!rc && ns_equal(c->nonce, s->own.nonce, sizeof c->nonce))
        rc =
            ns_fail(err, NETSESSION_E_SECURITY, NS_LAYER_AUTH,
                    "the server sent our own NTLM challenge back; somebody reflects the logon");
    return rc;
}

/* The message in w, the keys in s. */
static int build_authenticate(ntlm_client *s, ns_slice in, response *r, ns_writer *w,
                              netsession_error *err)
{
    ntlm_challenge c;
    int rc = get_challenge(s, in, &c, err);

    if (rc)
        return rc;
    if (s->params.anonymous)
        anonymous_response(r);
    else
        rc = compute_response(s, &c, r, err);
    if (!rc)
        rc = put_authenticate(s, c.flags, r, w, err);
    if (rc)
        return rc;
    rc = set_mic(s, in, w);
    if (!rc)
        rc = derive_keys(s, c.flags);
    return rc ? ns_fail_code(err, rc, NS_LAYER_AUTH) : 0;
}

static int answer_challenge(ntlm_client *s, ns_slice in, ns_writer *out, netsession_error *err)
{
    response r = {0};
    ns_writer message;
    int rc;

    ns_writer_init(&r.nt, s->params.hooks, NTLM_MESSAGE_MAX);
    ns_writer_init(&message, s->params.hooks, NTLM_MESSAGE_MAX);
    rc = build_authenticate(s, in, &r, &message, err);
    if (!rc)
        ns_put(out, message.p, message.len);
    ns_writer_free(&message);
    ns_writer_free(&r.nt);
    ns_wipe(&r, sizeof r);
    return rc;
}

/* ---- The mechanism ---- */

static int (*const legs[])(ntlm_client *s, ns_slice in, ns_writer *out,
                           netsession_error *err) = {send_negotiate, answer_challenge};

#define LEGS (sizeof legs / sizeof *legs)

static int ntlm_step(void *state, const uint8_t *in, size_t in_len, ns_writer *out,
                     netsession_error *err)
{
    ntlm_client *s = state;
    int rc;

    if (s->leg == LEGS)
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the server wants another NTLM message, but there are only three");
    rc = legs[s->leg](s, (ns_slice){in, in_len}, out, err);
    if (!rc && out->err)
        rc = ns_fail_code(err, out->err, NS_LAYER_AUTH);
    return rc ? rc : ++s->leg < LEGS;
}

static int ntlm_make_mic(void *state, const uint8_t *msg, size_t len, ns_writer *mic,
                         netsession_error *err)
{
    const ntlm_client *s = state;
    uint8_t sig[16];
    int rc;

    if (!s->integrity)
        return 0;
    rc = ntlm_sign(&s->client, (ns_slice){msg, len}, sig);
    ns_put(mic, sig, sizeof sig);
    rc = rc ? rc : mic->err;
    return rc ? ns_fail_code(err, rc, NS_LAYER_AUTH) : 0;
}

static int ntlm_check_mic(void *state, const uint8_t *msg, size_t len, const uint8_t *mic,
                          size_t mic_len, netsession_error *err)
{
    const ntlm_client *s = state;
    uint8_t sig[16];
    int rc = ntlm_sign(&s->server, (ns_slice){msg, len}, sig);

    if (rc)
        return ns_fail_code(err, rc, NS_LAYER_AUTH);
    if (mic_len != sizeof sig || !ns_equal(mic, sig, sizeof sig))
        return ns_fail(err, NETSESSION_E_SECURITY, NS_LAYER_AUTH,
                       "the server's signature of the mechanism list is wrong; it does not "
                       "know the session key, or the logon was changed on the way");
    return 0;
}

static int ntlm_session_key(const void *state, uint8_t key[AUTH_KEY_MAX], size_t *len)
{
    const ntlm_client *s = state;

    *len = 0;
    if (s->leg != LEGS)
        return NETSESSION_E_STATE;
    if (!s->params.anonymous) {
        memcpy(key, s->own.key, sizeof s->own.key);
        *len = sizeof s->own.key;
    }
    return 0;
}

/* 1.3.6.1.4.1.311.2.2.10 ([MS-NLMP] 1.9 by way of [MS-SPNG] 1.9.1) */
static const uint8_t ntlm_oid[] = {0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04,
                                   0x01, 0x82, 0x37, 0x02, 0x02, 0x0A};

const auth_mech ntlm_mech = {
    .name = "NTLM",
    .oid = ntlm_oid,
    .oid_len = sizeof ntlm_oid,
    .create = ntlm_create,
    .step = ntlm_step,
    .make_mic = ntlm_make_mic,
    .check_mic = ntlm_check_mic,
    .session_key = ntlm_session_key,
    .destroy = ntlm_destroy,
};
