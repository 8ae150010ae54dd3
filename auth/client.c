#include "auth/auth.h"

#include <stdio.h>
#include <string.h>

#include "auth/spnego.h"
#include "base/ntstatus.h"

/* The initiator of RFC 4178, with the rules of [MS-SPNG] 3.3.  All mechanisms
 * are offered whatever the hint says: the hint is unsigned, so leaving one out
 * because of it would let anybody on the way choose the weakest. */

#define TOKEN_MAX 65535u /* SecurityBufferLength has 16 bits */
#define LEGS_MAX  8u     /* more than any mechanism needs */

struct auth_client {
    auth_params params;
    const auth_mech *const *mechs;
    size_t count;
    ns_writer mech_list;   /* MechTypeList as it was sent, under the mechListMIC */
    const auth_mech *mech; /* the one at work */
    void *state;
    unsigned legs;
    bool settled;  /* the server has said which mechanism it takes */
    bool done;     /* the mechanism waits for no further token */
    bool saw_mic;  /* the server's mechListMIC came, and is right */
    bool need_mic; /* without the server's mechListMIC this is no logon */
};

int auth_client_new(auth_client **out, const auth_params *params, netsession_error *err)
{
    static const auth_mech *const ntlm = &ntlm_mech;

    return auth_client_new_with(out, params, &ntlm, 1, err);
}

int auth_client_new_with(auth_client **out, const auth_params *params,
                         const auth_mech *const *mechs, size_t count, netsession_error *err)
{
    auth_client *a = ns_alloc(params->hooks, sizeof *a);

    *out = a;
    if (!a)
        return ns_fail_code(err, NETSESSION_E_MEMORY, NS_LAYER_AUTH);
    a->params = *params;
    a->mechs = mechs;
    a->count = count;
    a->mech = mechs[0];
    ns_writer_init(&a->mech_list, params->hooks, TOKEN_MAX);
    return 0;
}

static void drop_mech(auth_client *a)
{
    if (a->state)
        a->mech->destroy(a->state);
    a->state = NULL;
}

void auth_client_free(auth_client *a)
{
    if (!a)
        return;
    drop_mech(a);
    ns_writer_free(&a->mech_list);
    ns_free(a->params.hooks, a, sizeof *a);
}

/* ---- The hint ---- */

static bool same_mech(const auth_mech *m, ns_slice oid)
{
    return oid.n == m->oid_len && memcmp(oid.p, m->oid, oid.n) == 0;
}

/* The place of a mechanism among those offered, or count. */
static size_t find_mech(const auth_client *a, ns_slice oid)
{
    size_t i = 0;

    while (i < a->count && !same_mech(a->mechs[i], oid))
        i++;
    return i;
}

static bool any_offered(const auth_client *a, ns_slice mechs)
{
    ns_slice oid;

    while (spnego_next_mech(&mechs, &oid))
        if (find_mech(a, oid) < a->count)
            return true;
    return false;
}

/* "Kerberos, NEGOEX", cut short when it does not fit. */
static void list_names(char *out, size_t size, ns_slice mechs)
{
    size_t len = 0;
    ns_slice oid;
    int n;

    snprintf(out, size, "nothing");
    while (len < size && spnego_next_mech(&mechs, &oid)) {
        n = snprintf(out + len, size - len, "%s%s", len ? ", " : "", spnego_mech_name(oid));
        len += (size_t)n;
    }
}

/* Nothing in it is believed, but when the server has nothing for us it is
 * kinder to say so than to have it fail the logon. */
static int read_hint(const auth_client *a, ns_slice in, netsession_error *err)
{
    ns_slice mechs;
    char names[128];

    if (!in.n)
        return 0;
    if (!spnego_get_hint(in, &mechs))
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the server's list of logon mechanisms is malformed");
    if (!mechs.p || any_offered(a, mechs))
        return 0;
    list_names(names, sizeof names, mechs);
    return ns_fail(err, NETSESSION_E_POLICY, NS_LAYER_AUTH,
                   "the server does not let anybody log on with %s; it offers %s, which would "
                   "have to be allowed here",
                   a->mechs[0]->name, names);
}

/* ---- One leg ---- */

static int use_mech(auth_client *a, size_t i, netsession_error *err)
{
    drop_mech(a);
    a->mech = a->mechs[i];
    return a->mech->create(&a->state, &a->params, err);
}

/* The same under another OID, as Kerberos is ([MS-SPNG] 1.9.1). */
static bool is_at_work(const auth_client *a, const auth_mech *m)
{
    return m->create == a->mech->create;
}

static int mech_step(auth_client *a, ns_slice in, ns_writer *token, netsession_error *err)
{
    int rc = a->mech->step(a->state, in.p, in.n, token, err);

    a->done = rc == 0;
    return rc < 0 ? rc : 0;
}

static int written(const ns_writer *w, netsession_error *err)
{
    return w->err ? ns_fail_code(err, w->err, NS_LAYER_AUTH) : 0;
}

static void put_mech_list(auth_client *a)
{
    size_t list = der_open(&a->mech_list, DER_SEQUENCE);

    for (size_t i = 0; i < a->count; i++)
        ns_put(&a->mech_list, a->mechs[i]->oid, a->mechs[i]->oid_len);
    der_close(&a->mech_list, list);
}

/* NegTokenInit: everything offered, and a token of the first right away. */
static int first_leg(auth_client *a, ns_slice in, ns_writer *token, ns_writer *out,
                     netsession_error *err)
{
    int rc = read_hint(a, in, err);

    if (!rc)
        rc = use_mech(a, 0, err);
    if (!rc)
        rc = mech_step(a, (ns_slice){0}, token, err);
    if (rc)
        return rc;
    put_mech_list(a);
    spnego_put_init(out, (ns_slice){a->mech_list.p, a->mech_list.len},
                    (ns_slice){token->p, token->len});
    return written(&a->mech_list, err);
}

static int get_resp(ns_slice in, spnego_resp *resp, netsession_error *err)
{
    if (!spnego_get_resp(in, resp))
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the server's logon token is not well-formed SPNEGO");
    if (resp->state == SPNEGO_REJECT)
        return ns_fail(err, NETSESSION_E_LOGON, NS_LAYER_AUTH,
                       "the server rejects the logon; check the user name, the domain and the "
                       "password, and that it allows this kind of logon");
    return 0;
}

/* The first answer: "REQUIRED in the first reply from the target" are negState
 * and supportedMech, which must be one of those offered. */
static int settle(auth_client *a, const spnego_resp *r, netsession_error *err)
{
    size_t i;

    if (r->state == SPNEGO_NO_STATE || !r->mech.p)
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the server's first logon token does not say what it accepts");
    i = find_mech(a, r->mech);
    if (i == a->count)
        return ns_fail(err, NETSESSION_E_SECURITY, NS_LAYER_AUTH,
                       "the server chose %s to log on, which was not offered",
                       spnego_mech_name(r->mech));
    a->settled = true;
    if (is_at_work(a, a->mechs[i]))
        return 0; /* the most wanted: nobody on the way gained anything */
    /* Not the one that was most wanted: only a mechListMIC can tell that this
     * is the server's choice and nobody else's (RFC 4178 section 5). */
    a->need_mic = true;
    if (r->token.n)
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the server sent a token for %s, which has not begun",
                       a->mechs[i]->name);
    return use_mech(a, i, err);
}

/* What an answer may say while the logon is still under way. */
static int read_answer(auth_client *a, ns_slice in, spnego_resp *r, netsession_error *err)
{
    int rc = get_resp(in, r, err);

    if (rc)
        return rc;
    if (a->done)
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the server wants to go on with a logon that has nothing left to say");
    if (r->state == SPNEGO_ACCEPT_COMPLETED)
        return ns_fail(err, NETSESSION_E_SECURITY, NS_LAYER_AUTH,
                       "the server accepts the logon before it can know who logs on");
    a->need_mic |= r->state == SPNEGO_REQUEST_MIC;
    return a->settled ? 0 : settle(a, r, err);
}

static int check_mic(auth_client *a, ns_slice mic, netsession_error *err)
{
    if (mic.p) {
        a->saw_mic = true;
        return a->mech->check_mic(a->state, a->mech_list.p, a->mech_list.len, mic.p, mic.n,
                                  err);
    }
    if (a->need_mic && !a->saw_mic)
        return ns_fail(err, NETSESSION_E_SECURITY, NS_LAYER_AUTH,
                       "the server does not sign the list of mechanisms, so the choice of %s "
                       "may not be its own",
                       a->mech->name);
    return 0; /* one was offered and taken: there was nothing to choose */
}

/* The list of mechanisms is signed along with the mechanism's last token.  The
 * state is what Windows says until it has seen the server's signature. */
static int put_answer(auth_client *a, ns_slice token, ns_writer *mic, ns_writer *out,
                      netsession_error *err)
{
    spnego_resp r = {.state = SPNEGO_ACCEPT_INCOMPLETE};
    int rc = 0;

    if (token.n)
        r.token = token;
    if (a->done)
        rc = a->mech->make_mic(a->state, a->mech_list.p, a->mech_list.len, mic, err);
    if (mic->len)
        r.mic = (ns_slice){mic->p, mic->len};
    if (!rc)
        spnego_put_resp(out, &r);
    return rc;
}

static int next_leg(auth_client *a, ns_slice in, ns_writer *token, ns_writer *out,
                    netsession_error *err)
{
    spnego_resp r;
    ns_writer mic;
    int rc = read_answer(a, in, &r, err);

    if (!rc)
        rc = mech_step(a, r.token, token, err);
    if (!rc && r.mic.p && a->done && a->mech->server_ends)
        rc = check_mic(a, r.mic, err); /* RFC 4178 section 5 (b): beside the last token */
    if (rc)
        return rc;
    ns_writer_init(&mic, a->params.hooks, TOKEN_MAX);
    rc = put_answer(a, (ns_slice){token->p, token->len}, &mic, out, err);
    ns_writer_free(&mic);
    return rc;
}

int auth_client_step(auth_client *a, const uint8_t *in, size_t in_len, ns_writer *out,
                     netsession_error *err)
{
    ns_slice input = {in, in_len};
    ns_writer token;
    int rc;

    if (a->legs++ == LEGS_MAX)
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the server does not come to an end with the logon");
    ns_writer_init(&token, a->params.hooks, TOKEN_MAX);
    rc = a->legs == 1 ? first_leg(a, input, &token, out, err)
                      : next_leg(a, input, &token, out, err);
    ns_writer_free(&token);
    return rc ? rc : written(out, err);
}

/* ---- The end ---- */

static int read_end(const auth_client *a, ns_slice in, spnego_resp *r, netsession_error *err)
{
    int rc = get_resp(in, r, err);

    if (rc)
        return rc;
    if (r->state != SPNEGO_ACCEPT_COMPLETED)
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the server ends the logon without saying that it accepts it");
    if (r->token.n && a->done)
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the server's last logon token holds a message that %s has no place for",
                       a->mech->name);
    return 0;
}

/* The mechanism has its say; it must have nothing to answer. */
static int close_mech(auth_client *a, ns_slice token, netsession_error *err)
{
    ns_writer answer;
    int rc;

    ns_writer_init(&answer, a->params.hooks, TOKEN_MAX);
    rc = mech_step(a, token, &answer, err);
    if (!rc && (answer.len || !a->done))
        rc = ns_fail(err, NETSESSION_E_SECURITY, NS_LAYER_AUTH,
                     "the server grants the logon in the middle of %s", a->mech->name);
    ns_writer_free(&answer);
    return rc;
}

/* The leg that is still open when the logon is granted: the server's proof of
 * who it is, where the mechanism has one there. */
static int last_leg(auth_client *a, const spnego_resp *r, netsession_error *err)
{
    int rc = 0;

    if (a->done)
        return 0;
    if (!a->legs || !a->mech->server_ends)
        return ns_fail(err, NETSESSION_E_SECURITY, NS_LAYER_AUTH,
                       "the server grants the logon before it can know who logs on");
    if (!a->settled && r->state == SPNEGO_ACCEPT_COMPLETED)
        rc = settle(a, r, err);
    if (!rc && !r->token.n)
        rc = ns_fail(err, NETSESSION_E_SECURITY, NS_LAYER_AUTH,
                     "the server grants the logon without proving who it is (no answer of %s)",
                     a->mech->name);
    return rc ? rc : close_mech(a, r->token, err);
}

int auth_client_finish(auth_client *a, const uint8_t *in, size_t in_len, netsession_error *err)
{
    spnego_resp r = {.state = SPNEGO_NO_STATE};
    int rc = in_len ? read_end(a, (ns_slice){in, in_len}, &r, err) : 0;

    if (!rc)
        rc = last_leg(a, &r, err);
    return rc ? rc : check_mic(a, r.mic, err);
}

int auth_client_session_key(const auth_client *a, uint8_t key[AUTH_KEY_MAX], size_t *len)
{
    *len = 0;
    return a->done ? a->mech->session_key(a->state, key, len) : NETSESSION_E_STATE;
}

int auth_client_refused(const auth_client *a, uint32_t status, netsession_error *err)
{
    const char *name = ns_ntstatus_name(status);

    if (status != STATUS_LOGON_FAILURE || !a->mech->advice)
        return ns_fail_ntstatus(err, NETSESSION_E_LOGON, NS_LAYER_AUTH, status, "logon");
    return ns_fail_named(err, NETSESSION_E_LOGON, NS_LAYER_AUTH, name, status,
                         ns_ntstatus_win32(status), "logon with %s: %s (0x%08X); %s",
                         a->mech->name, name, (unsigned)status, a->mech->advice);
}

const char *auth_client_mech_name(const auth_client *a)
{
    return a->mech->name;
}
