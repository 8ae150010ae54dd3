#include "auth/server.h"

#include <string.h>

#include "auth/server_mech.h"
#include "auth/spnego.h"
#include "base/utf.h"

/* The acceptor of RFC 4178, with the rules of [MS-SPNG] 3.2. */

enum leg { AT_FIRST, AT_TOKEN, AT_SIGNATURE, AT_END, AT_FAILURE };

#define TOKEN_MAX 65535u /* SecurityBufferLength has 16 bits */

enum { KERBEROS, NTLM, MECH_COUNT };

static const server_mech *const mechs[MECH_COUNT] = {
    [KERBEROS] = &kerberos_server_mech,
    [NTLM] = &ntlm_server_mech,
};

/* Their names, in the order of the hint; MS-Kerberos is Kerberos by another
 * name ([MS-SPNG] 1.9.1). */
static const struct {
    const ns_slice *oid;
    unsigned mech;
} names[] = {
    {&spnego_ms_kerberos, KERBEROS},
    {&spnego_kerberos, KERBEROS},
    {&spnego_ntlm, NTLM},
};

#define NAME_COUNT (sizeof names / sizeof *names)

struct auth_server {
    auth_server_params params;
    void *states[MECH_COUNT]; /* of those that are accepted */
    unsigned mech;            /* which one it is */
    ns_slice oid;             /* and the name that the client has for it */
    ns_writer mech_list;      /* MechTypeList as it came, under the mechListMIC */
    enum leg leg;             /* the next */
    bool raw;                 /* NTLM without SPNEGO around it */
    bool answered;            /* the first answer, which tells the mechanism, is out */
    bool need_mic;            /* without the client's mechListMIC this is no logon */
};

static bool is_accepted(const auth_server_params *params, size_t name)
{
    return mechs[names[name].mech]->accepted(params);
}

int auth_server_hint(const auth_server_params *params, ns_writer *out)
{
    uint8_t oids[64];
    size_t n = 0;

    for (size_t i = 0; i < NAME_COUNT; i++)
        if (is_accepted(params, i)) {
            memcpy(oids + n, names[i].oid->p, names[i].oid->n);
            n += names[i].oid->n;
        }
    spnego_put_hint(out, (ns_slice){oids, n});
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

static int create_states(auth_server *a, netsession_error *err)
{
    bool any = false;
    int rc = 0;

    for (size_t i = 0; !rc && i < MECH_COUNT; i++)
        if (mechs[i]->accepted(&a->params)) {
            any = true;
            rc = mechs[i]->create(&a->states[i], &a->params, err);
        }
    if (!rc && !any)
        rc = ns_fail(err, NETSESSION_E_ARGUMENT, NS_LAYER_AUTH,
                     "the server accepts neither NTLM nor Kerberos, hence nobody");
    return rc;
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
    ns_writer_init(&a->mech_list, params->hooks, TOKEN_MAX);
    rc = create_states(a, err);
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
    for (size_t i = 0; i < MECH_COUNT; i++)
        if (a->states[i])
            mechs[i]->destroy(a->states[i], a->params.hooks);
    ns_writer_free(&a->mech_list);
    ns_free(a->params.hooks, a, sizeof *a);
}

/* ---- Answers ---- */

/* supportedMech is for the first one only, and so is the demand for a
 * mechListMIC (RFC 4178 section 4.2.2); initiators take it that one who chose
 * and does not demand it has none. */
static int put_answer(auth_server *a, enum spnego_state state, ns_slice token, ns_slice mic,
                      ns_writer *out)
{
    spnego_resp r = {.state = state, .mic = mic};

    if (!a->answered) {
        r.mech = a->oid;
        if (a->need_mic && state == SPNEGO_ACCEPT_INCOMPLETE)
            r.state = SPNEGO_REQUEST_MIC;
    }
    if (token.n)
        r.token = token;
    a->answered = true;
    spnego_put_resp(out, &r);
    return state == SPNEGO_ACCEPT_COMPLETED ? 0 : 1;
}

static ns_slice mech_list(const auth_server *a)
{
    return (ns_slice){a->mech_list.p, a->mech_list.len};
}

/* Our signature in return for the client's; unasked it would want another
 * answer. */
static int put_completed(auth_server *a, ns_slice token, bool sign, ns_writer *out,
                         netsession_error *err)
{
    ns_slice signature = {NULL, 0};
    ns_writer mic;
    int rc = 0;

    ns_writer_init(&mic, a->params.hooks, TOKEN_MAX);
    if (sign) {
        rc = mechs[a->mech]->sign(a->states[a->mech], mech_list(a), &mic, err);
        signature = (ns_slice){mic.p, mic.len};
    }
    if (!rc && mic.err)
        rc = ns_fail_code(err, mic.err, NS_LAYER_AUTH);
    if (!rc)
        rc = put_answer(a, SPNEGO_ACCEPT_COMPLETED, token, signature, out);
    ns_writer_free(&mic);
    return rc;
}

/* ---- The mechanism's end, and the client's mechListMIC ---- */

/* A session without keys has no signatures, and then there is nothing that
 * RFC 4178 section 5 could ask for. */
static int complete(auth_server *a, ns_slice token, ns_slice mic, ns_writer *out,
                    netsession_error *err)
{
    const server_mech *mech = mechs[a->mech];
    void *state = a->states[a->mech];
    bool keys = mech->has_keys(state);
    int rc = 0;

    if (keys && (mic.p || a->need_mic))
        rc = mech->verify(state, mech_list(a), mic, err);
    if (!rc)
        rc = mech->verdict(state, err);
    if (rc)
        return rc;
    a->leg = AT_END;
    if (!a->raw)
        return put_completed(a, token, keys && mic.p, out, err);
    return 0; /* NTLM has no last token of the server's */
}

/* The last token may be the client's, then its signature is beside it; or ours,
 * then it comes in answer to that.  Ours comes after it, not with the token: some
 * take it amiss there (RFC 4178 section 5, appendix C). */
static int ended(auth_server *a, ns_slice token, ns_slice mic, ns_writer *out,
                 netsession_error *err)
{
    if (!token.n || !a->need_mic || mic.p)
        return complete(a, token, mic, out, err);
    a->leg = AT_SIGNATURE;
    return put_answer(a, SPNEGO_ACCEPT_INCOMPLETE, token, (ns_slice){0}, out);
}

static int stepped(auth_server *a, int rc, ns_slice token, ns_slice mic, ns_writer *out,
                   netsession_error *err)
{
    if (rc == 0)
        return ended(a, token, mic, out, err);
    if (mic.p)
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the client signs the list of mechanisms before there are keys");
    a->leg = AT_TOKEN;
    /* From here on Samba will not do without signatures, though its first choice
     * was taken. */
    a->need_mic |= mechs[a->mech]->server_ends;
    if (!a->raw)
        return put_answer(a, SPNEGO_ACCEPT_INCOMPLETE, token, (ns_slice){0}, out);
    ns_put(out, token.p, token.n);
    return 1;
}

/* One token of the mechanism's. */
static int mech_leg(auth_server *a, ns_slice in, ns_slice mic, ns_writer *out,
                    netsession_error *err)
{
    ns_writer token;
    int rc;

    ns_writer_init(&token, a->params.hooks, TOKEN_MAX);
    rc = mechs[a->mech]->step(a->states[a->mech], in, &token, err);
    if (rc >= 0 && token.err)
        rc = ns_fail_code(err, token.err, NS_LAYER_AUTH);
    if (rc >= 0)
        rc = stepped(a, rc, (ns_slice){token.p, token.len}, mic, out, err);
    ns_writer_free(&token);
    return rc;
}

/* ---- The first token: raw NTLM, or NegTokenInit ---- */

static bool is_raw(ns_slice in)
{
    static const uint8_t signature[8] = "NTLMSSP";

    return in.n >= sizeof signature && memcmp(in.p, signature, sizeof signature) == 0;
}

static int fail_choice(const auth_server *a, netsession_error *err)
{
    return ns_fail(err, NETSESSION_E_LOGON, NS_LAYER_AUTH,
                   "the client offers nothing that this server accepts: %s%s%s",
                   a->states[KERBEROS] ? mechs[KERBEROS]->name : "",
                   a->states[KERBEROS] && a->states[NTLM] ? ", " : "",
                   a->states[NTLM] ? mechs[NTLM]->name : "");
}

static size_t find_name(ns_slice oid)
{
    size_t i = 0;

    while (i < NAME_COUNT &&
           (oid.n != names[i].oid->n || memcmp(oid.p, names[i].oid->p, oid.n) != 0))
        i++;
    return i;
}

/* The client's first that is accepted.  *place: where it stands in the list. */
static bool choose(auth_server *a, ns_slice offered, size_t *place)
{
    ns_slice oid;
    size_t i;

    for (*place = 0; spnego_next_mech(&offered, &oid); ++*place) {
        i = find_name(oid);
        if (i < NAME_COUNT && is_accepted(&a->params, i)) {
            a->mech = names[i].mech;
            a->oid = *names[i].oid;
            return true;
        }
    }
    return false;
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
 * the one chosen, or no token came, the answer only chooses; and only a
 * mechListMIC can tell then that the list is the client's (RFC 4178 section
 * 5). */
static int read_init(auth_server *a, const spnego_init *init, ns_writer *out,
                     netsession_error *err)
{
    size_t place;

    if (!choose(a, init->mechs, &place))
        return fail_choice(a, err);
    a->need_mic = place > 0 || a->params.request_mic;
    ns_put(&a->mech_list, init->mech_list.p, init->mech_list.n);
    if (a->mech_list.err)
        return ns_fail_code(err, a->mech_list.err, NS_LAYER_AUTH);
    if (!place && init->token.p)
        return mech_leg(a, init->token, (ns_slice){0}, out, err);
    a->leg = AT_TOKEN;
    return put_answer(a, SPNEGO_ACCEPT_INCOMPLETE, (ns_slice){0}, (ns_slice){0}, out);
}

static int first_leg(auth_server *a, ns_slice in, ns_writer *out, netsession_error *err)
{
    spnego_init init;
    int rc;

    a->raw = is_raw(in);
    a->mech = NTLM;
    if (a->raw)
        return a->states[NTLM] ? mech_leg(a, in, (ns_slice){0}, out, err) : fail_choice(a, err);
    rc = get_init(in, &init, err);
    return rc ? rc : read_init(a, &init, out, err);
}

/* ---- NegTokenResp ---- */

/* The client may say what it thinks of the state, but has no say in it, and
 * request-mic is the server's alone. */
static bool state_fits(enum spnego_state state)
{
    return state != SPNEGO_REJECT && state != SPNEGO_REQUEST_MIC;
}

static bool mech_fits(const auth_server *a, ns_slice mech)
{
    return !mech.p || (mech.n == a->oid.n && memcmp(mech.p, a->oid.p, mech.n) == 0);
}

static int get_resp(const auth_server *a, ns_slice in, spnego_resp *r, netsession_error *err)
{
    bool fits = spnego_get_resp(in, r) && state_fits(r->state) && mech_fits(a, r->mech);

    if (!fits || (a->leg == AT_TOKEN && !r->token.p))
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the client's token is not a NegTokenResp with %s in it",
                       mechs[a->mech]->name);
    return 0;
}

static int token_leg(auth_server *a, ns_slice in, ns_writer *out, netsession_error *err)
{
    spnego_resp r = {.token = in};
    int rc = a->raw ? 0 : get_resp(a, in, &r, err);

    return rc ? rc : mech_leg(a, r.token, r.mic, out, err);
}

static int signature_leg(auth_server *a, ns_slice in, ns_writer *out, netsession_error *err)
{
    spnego_resp r;
    int rc = get_resp(a, in, &r, err);

    if (rc)
        return rc;
    if (r.token.n)
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the client's last token holds a message that %s has no place for",
                       mechs[a->mech]->name);
    return complete(a, (ns_slice){0}, r.mic, out, err);
}

/* ---- One leg ---- */

static int (*const legs[])(auth_server *a, ns_slice in, ns_writer *out,
                           netsession_error *err) = {
    [AT_FIRST] = first_leg,
    [AT_TOKEN] = token_leg,
    [AT_SIGNATURE] = signature_leg,
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

static server_identity identify(const auth_server *a)
{
    server_identity who = {.kind = AUTH_SERVER_USER};

    if (a->leg == AT_END)
        mechs[a->mech]->identify(a->states[a->mech], &who);
    return who;
}

enum auth_server_kind auth_server_kind(const auth_server *a)
{
    return identify(a).kind;
}

const char *auth_server_user(const auth_server *a)
{
    const char *user = identify(a).user;

    return user ? user : "";
}

const char *auth_server_domain(const auth_server *a)
{
    const char *domain = identify(a).domain;

    return domain ? domain : "";
}

bool auth_server_admin(const auth_server *a)
{
    return identify(a).admin;
}

int auth_server_session_key(const auth_server *a, uint8_t key[AUTH_KEY_MAX], size_t *len)
{
    const server_identity who = identify(a);

    *len = who.key.n;
    if (a->leg != AT_END)
        return NETSESSION_E_STATE;
    if (*len)
        memcpy(key, who.key.p, *len);
    return 0;
}
