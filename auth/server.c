#include "auth/server.h"

#include <string.h>

#include "auth/ntlm_server.h"
#include "auth/spnego.h"
#include "base/utf.h"

/* The acceptor of RFC 4178, with the rules of [MS-SPNG] 3.2.  NTLM is all it
 * accepts. */

enum leg { AT_FIRST, AT_NEGOTIATE, AT_AUTHENTICATE, AT_END, AT_FAILURE };

struct auth_server {
    auth_server_params params;
    ntlm_server ntlm;
    ns_writer mech_list; /* MechTypeList as it came, under the mechListMIC */
    enum leg leg;        /* the next */
    bool raw;            /* NTLM without SPNEGO around it */
    bool need_mic;       /* without the client's mechListMIC this is no logon */
};

int auth_server_hint(ns_writer *out)
{
    spnego_put_hint(out, (ns_slice){ntlm_mech.oid, ntlm_mech.oid_len});
    return out->err;
}

/* ---- Begin and end ---- */

/* "MUST be present in the AV_pair list" are the NetBIOS names ([MS-NLMP]
 * 2.2.2.1). */
static bool names_fit(const auth_server_params *p)
{
    const char *must[] = {p->netbios_computer, p->netbios_domain};
    const char *may[] = {p->dns_computer, p->dns_domain};

    for (size_t i = 0; i < 2; i++)
        if (!must[i] || !*must[i] || ns_utf16_len(must[i]) == NS_UTF_BAD ||
            (may[i] && ns_utf16_len(may[i]) == NS_UTF_BAD))
            return false;
    return true;
}

int auth_server_new(auth_server **out, const auth_server_params *params, netsession_error *err)
{
    auth_server *a;
    int rc;

    *out = NULL;
    if (!names_fit(params))
        return ns_fail(err, NETSESSION_E_ARGUMENT, NS_LAYER_AUTH,
                       "the server needs the NetBIOS names of itself and its domain, and all "
                       "its names in UTF-8");
    a = ns_alloc(params->hooks, sizeof *a);
    if (!a)
        return ns_fail_code(err, NETSESSION_E_MEMORY, NS_LAYER_AUTH);
    a->params = *params;
    ns_writer_init(&a->mech_list, params->hooks, NTLM_MESSAGE_MAX);
    rc = ntlm_server_init(&a->ntlm, &a->params, err);
    if (rc)
        auth_server_free(a);
    else
        *out = a;
    return rc;
}

void auth_server_free(auth_server *a)
{
    if (!a)
        return;
    ntlm_server_clear(&a->ntlm);
    ns_writer_free(&a->mech_list);
    ns_free(a->params.hooks, a, sizeof *a);
}

/* ---- NEGOTIATE_MESSAGE in, CHALLENGE_MESSAGE out ---- */

/* supportedMech is for the first answer only (RFC 4178 section 4.2.2). */
static void put_incomplete(ns_writer *out, bool first, ns_slice token)
{
    spnego_resp r = {.state = SPNEGO_ACCEPT_INCOMPLETE, .token = token};

    if (first)
        r.mech = (ns_slice){ntlm_mech.oid, ntlm_mech.oid_len};
    spnego_put_resp(out, &r);
}

static int challenge(auth_server *a, ns_slice token, ns_writer *out, netsession_error *err)
{
    int rc = ntlm_server_challenge(&a->ntlm, token, err);
    ns_slice answer = {a->ntlm.challenge.p, a->ntlm.challenge.len};

    if (rc)
        return rc;
    if (a->raw)
        ns_put(out, answer.p, answer.n);
    else
        put_incomplete(out, a->leg == AT_FIRST, answer);
    a->leg = AT_AUTHENTICATE;
    return 1;
}

/* ---- The first token: raw NTLM, or NegTokenInit ---- */

static bool is_raw(ns_slice in)
{
    static const uint8_t signature[8] = "NTLMSSP";

    return in.n >= sizeof signature && memcmp(in.p, signature, sizeof signature) == 0;
}

/* Where NTLM stands among the client's mechanisms; *found false when it does
 * not. */
static size_t place_of_ntlm(ns_slice mechs, bool *found)
{
    size_t place = 0;
    ns_slice oid;

    *found = false;
    while (!*found && spnego_next_mech(&mechs, &oid)) {
        *found = oid.n == ntlm_mech.oid_len && memcmp(oid.p, ntlm_mech.oid, oid.n) == 0;
        place += !*found;
    }
    return place;
}

static int get_init(ns_slice in, spnego_init *init, netsession_error *err)
{
    if (!spnego_get_init(in, init))
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the client's first token is neither well-formed SPNEGO nor NTLM");
    if (init->mic.p)
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the client signs the list of mechanisms before there are keys");
    return 0;
}

/* A token that came with the list is the first mechanism's.  When that is not
 * NTLM, or no token came, the answer only chooses; and only a mechListMIC can
 * tell then that the list is the client's (RFC 4178 section 5). */
static int read_init(auth_server *a, ns_slice in, ns_writer *out, netsession_error *err)
{
    spnego_init init;
    bool found;
    int rc = get_init(in, &init, err);

    if (rc)
        return rc;
    a->need_mic = place_of_ntlm(init.mechs, &found) > 0;
    if (!found)
        return ns_fail(err, NETSESSION_E_LOGON, NS_LAYER_AUTH,
                       "the client offers no NTLM, which is all that this server accepts");
    ns_put(&a->mech_list, init.mech_list.p, init.mech_list.n);
    if (a->mech_list.err)
        return ns_fail_code(err, a->mech_list.err, NS_LAYER_AUTH);
    if (!a->need_mic && init.token.p)
        return challenge(a, init.token, out, err);
    put_incomplete(out, true, (ns_slice){0});
    a->leg = AT_NEGOTIATE;
    return 1;
}

static int first_leg(auth_server *a, ns_slice in, ns_writer *out, netsession_error *err)
{
    a->raw = is_raw(in);
    return a->raw ? challenge(a, in, out, err) : read_init(a, in, out, err);
}

/* ---- NegTokenResp ---- */

/* The client may say what it thinks of the state, but has no say in it, and
 * request-mic is the server's alone. */
static bool state_fits(enum spnego_state state)
{
    return state != SPNEGO_REJECT && state != SPNEGO_REQUEST_MIC;
}

static bool mech_fits(ns_slice mech)
{
    return !mech.p ||
           (mech.n == ntlm_mech.oid_len && memcmp(mech.p, ntlm_mech.oid, mech.n) == 0);
}

static int get_resp(ns_slice in, spnego_resp *r, netsession_error *err)
{
    if (!spnego_get_resp(in, r) || !state_fits(r->state) || !mech_fits(r->mech) || !r->token.p)
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the client's token is not a NegTokenResp with NTLM in it");
    return 0;
}

static int negotiate_leg(auth_server *a, ns_slice in, ns_writer *out, netsession_error *err)
{
    spnego_resp r;
    int rc = get_resp(in, &r, err);

    if (!rc && r.mic.p)
        rc = ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                     "the client signs the list of mechanisms before there are keys");
    return rc ? rc : challenge(a, r.token, out, err);
}

/* ---- AUTHENTICATE_MESSAGE in ---- */

static ns_slice mech_list(const auth_server *a)
{
    return (ns_slice){a->mech_list.p, a->mech_list.len};
}

/* A session without keys has no signatures, and then there is nothing that
 * RFC 4178 section 5 could ask for. */
static int check_mic(auth_server *a, ns_slice mic, netsession_error *err)
{
    uint8_t want[16];
    int rc;

    if (!ntlm_server_has_keys(&a->ntlm))
        return 0;
    if (!mic.p) {
        a->ntlm.good &= !a->need_mic;
        return 0;
    }
    rc = ntlm_server_sign(&a->ntlm, NTLM_CLIENT, mech_list(a), want, err);
    a->ntlm.good &= mic.n == sizeof want && ns_equal(mic.p, want, sizeof want);
    return rc;
}

/* Ours in return for the client's; unasked it would want another answer. */
static int put_completed(const auth_server *a, bool sign, ns_writer *out, netsession_error *err)
{
    spnego_resp r = {.state = SPNEGO_ACCEPT_COMPLETED};
    uint8_t mic[16];
    int rc = 0;

    if (sign && ntlm_server_has_keys(&a->ntlm)) {
        rc = ntlm_server_sign(&a->ntlm, NTLM_SERVER, mech_list(a), mic, err);
        r.mic = (ns_slice){mic, sizeof mic};
    }
    if (!rc)
        spnego_put_resp(out, &r);
    return rc;
}

static int authenticate_leg(auth_server *a, ns_slice in, ns_writer *out, netsession_error *err)
{
    spnego_resp r = {.token = in};
    int rc = a->raw ? 0 : get_resp(in, &r, err);

    if (!rc)
        rc = ntlm_server_authenticate(&a->ntlm, r.token, err);
    if (!rc)
        rc = check_mic(a, r.mic, err);
    if (rc)
        return rc;
    if (!a->ntlm.good)
        return ns_fail(err, NETSESSION_E_LOGON, NS_LAYER_AUTH,
                       "the logon is refused: an unknown user, a wrong password, or a response "
                       "that is not intact NTLMv2");
    a->leg = AT_END;
    return a->raw ? 0 : put_completed(a, r.mic.p, out, err);
}

/* ---- One leg ---- */

static int (*const legs[])(auth_server *a, ns_slice in, ns_writer *out,
                           netsession_error *err) = {
    [AT_FIRST] = first_leg,
    [AT_NEGOTIATE] = negotiate_leg,
    [AT_AUTHENTICATE] = authenticate_leg,
};

int auth_server_step(auth_server *a, const uint8_t *in, size_t in_len, ns_writer *out,
                     netsession_error *err)
{
    int rc;

    if (a->leg >= AT_END)
        return ns_fail(err, NETSESSION_E_STATE, NS_LAYER_AUTH,
                       "the logon has come to its end; another one must begin anew");
    rc = legs[a->leg](a, (ns_slice){in, in_len}, out, err);
    if (rc >= 0 && out->err)
        rc = ns_fail_code(err, out->err, NS_LAYER_AUTH);
    if (rc < 0)
        a->leg = AT_FAILURE;
    return rc;
}

/* ---- Who it is ---- */

enum auth_server_kind auth_server_kind(const auth_server *a)
{
    return a->ntlm.kind;
}

static const char *name_of(const auth_server *a, const char *name)
{
    return a->leg == AT_END && name ? name : "";
}

const char *auth_server_user(const auth_server *a)
{
    return name_of(a, a->ntlm.user);
}

const char *auth_server_domain(const auth_server *a)
{
    return name_of(a, a->ntlm.domain);
}

bool auth_server_admin(const auth_server *a)
{
    return a->leg == AT_END && ntlm_server_has_keys(&a->ntlm) && a->ntlm.admin;
}

int auth_server_session_key(const auth_server *a, uint8_t key[AUTH_KEY_MAX], size_t *len)
{
    *len = 0;
    if (a->leg != AT_END)
        return NETSESSION_E_STATE;
    if (ntlm_server_has_keys(&a->ntlm)) {
        memcpy(key, a->ntlm.key, sizeof a->ntlm.key);
        *len = sizeof a->ntlm.key;
    }
    return 0;
}
