/* One logon at the Kerberos acceptor: an AP-REQ in, an AP-REP out. */
#include "auth/kerberos_server.h"

#include <errno.h>
#include <gssapi/gssapi_ext.h>
#include <string.h>

#include "auth/der.h"
#include "auth/kerberos_server_keys.h"
#include "auth/spnego.h"

typedef struct kerberos_server {
    const auth_server_params *params;
    gss_ctx_id_t context;
    bool skewed; /* the client has been told our time */
    char *name;  /* both of the names below */
    size_t name_size;
    const char *user, *domain;
    bool admin;
    uint8_t key[AUTH_KEY_MAX];
    size_t key_len;
} kerberos_server;

static bool accepted(const auth_server_params *params)
{
    return params->kerberos != NULL;
}

static int create(void **state, const auth_server_params *params, netsession_error *err)
{
    kerberos_server *k = ns_alloc_secret(params->hooks, sizeof *k);

    *state = k;
    if (!k)
        return ns_fail_code(err, NETSESSION_E_MEMORY, NS_LAYER_KERBEROS);
    k->params = params;
    return 0;
}

static void destroy(void *state, const netsession_hooks *hooks)
{
    kerberos_server *k = state;
    OM_uint32 ignored;

    gss_delete_sec_context(&ignored, &k->context, GSS_C_NO_BUFFER);
    ns_free(hooks, k->name, k->name_size);
    ns_free(hooks, k, sizeof *k);
}

/* ---- The token ---- */

/* Nothing but an AP-REQ gets through to the library, which would take tokens of
 * other mechanisms and other forms too. */
static bool is_ap_req(ns_slice in)
{
    ns_reader r = ns_reader_of(in.p, in.n);
    ns_reader token = der_enter(&r, DER_APPLICATION_0);
    ns_slice oid = der_take_whole(&token, DER_OID);
    const uint8_t *id = ns_take(&token, 2);

    return id && !ns_left(&r) && oid.n == spnego_kerberos.n &&
           !memcmp(oid.p, spnego_kerberos.p, oid.n) && id[0] == 1 && id[1] == 0;
}

static int fail_gss(OM_uint32 major, OM_uint32 minor, netsession_error *err)
{
    int code = GSS_ROUTINE_ERROR(major) == GSS_S_DEFECTIVE_TOKEN ? NETSESSION_E_PROTOCOL
                                                                 : NETSESSION_E_LOGON;
    char text[256];

    if (minor == ENOMEM)
        return ns_fail_code(err, NETSESSION_E_MEMORY, NS_LAYER_KERBEROS);
    kerberos_gss_text(text, sizeof text, major, minor);
    return ns_fail(err, code, NS_LAYER_KERBEROS, "the client's ticket is refused: %s", text);
}

/* [MS-KILE] 3.4.5: a client with another clock may try once more, with ours. */
static int refuse(kerberos_server *k, OM_uint32 major, OM_uint32 minor, ns_writer *out,
                  netsession_error *err)
{
    OM_uint32 ignored;
    int rc;

    gss_delete_sec_context(&ignored, &k->context, GSS_C_NO_BUFFER);
    if (minor != (OM_uint32)KRB5KRB_AP_ERR_SKEW || k->skewed)
        return fail_gss(major, minor, err);
    k->skewed = true;
    rc = kerberos_put_skew(k->params->kerberos, out, err);
    return rc ? rc : 1;
}

/* RFC 4121 section 4.1.1.1.  Without mutual authentication there is no AP-REP,
 * which has our part of the key; DCE style would want a third message. */
static int check_flags(OM_uint32 major, OM_uint32 flags, netsession_error *err)
{
    const OM_uint32 must = GSS_C_MUTUAL_FLAG | GSS_C_INTEG_FLAG;

    if ((flags & must) != must)
        return ns_fail(err, NETSESSION_E_LOGON, NS_LAYER_KERBEROS,
                       "the client's Kerberos lacks mutual authentication or integrity");
    if (major != GSS_S_COMPLETE || flags & GSS_C_DCE_STYLE)
        return ns_fail(err, NETSESSION_E_LOGON, NS_LAYER_KERBEROS,
                       "the client wants Kerberos in DCE style, which SMB has no use for");
    if (flags & GSS_C_ANON_FLAG)
        return ns_fail(err, NETSESSION_E_LOGON, NS_LAYER_KERBEROS,
                       "the client's ticket is nobody's");
    return 0;
}

static gss_buffer_desc buffer_of(ns_slice s)
{
    return (gss_buffer_desc){s.n, (void *)(uintptr_t)s.p};
}

/* A ticket that was delegated is dropped by the library where nobody takes it. */
static int accept_token(kerberos_server *k, ns_slice in, ns_writer *out, netsession_error *err)
{
    gss_buffer_desc token = buffer_of(in), answer = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor, ignored, flags = 0;
    int rc;

    major = gss_accept_sec_context(&minor, &k->context, k->params->kerberos->cred, &token,
                                   GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL, &answer, &flags, NULL,
                                   NULL);
    if (GSS_ERROR(major))
        rc = refuse(k, major, minor, out, err);
    else
        rc = check_flags(major, flags, err);
    if (!GSS_ERROR(major) && !rc)
        ns_put(out, answer.value, answer.length);
    gss_release_buffer(&ignored, &answer);
    return rc;
}

/* ---- What it says ---- */

static int take_key(kerberos_server *k, netsession_error *err)
{
    OM_uint32 minor, major = kerberos_take_key(k->context, k->key, &k->key_len, &minor);

    if (GSS_ERROR(major))
        return fail_gss(major, minor, err);
    return k->key_len ? 0
                      : ns_fail(err, NETSESSION_E_CRYPTO, NS_LAYER_KERBEROS,
                                "libkrb5 gives no key for the session");
}

static int split_name(kerberos_server *k, const gss_buffer_desc *text, netsession_error *err)
{
    char *user, *domain;

    k->name_size = text->length + 1;
    k->name = ns_alloc(k->params->hooks, k->name_size);
    if (!k->name)
        return ns_fail_code(err, NETSESSION_E_MEMORY, NS_LAYER_KERBEROS);
    memcpy(k->name, text->value, text->length);
    if (!kerberos_split_name(k->name, text->length, &user, &domain))
        return ns_fail(err, NETSESSION_E_LOGON, NS_LAYER_KERBEROS,
                       "the name in the client's ticket is not one that could be shown");
    k->user = user;
    k->domain = domain;
    return 0;
}

static int take_name(kerberos_server *k, netsession_error *err)
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 minor, ignored;
    OM_uint32 major =
        gss_inquire_context(&minor, k->context, &name, NULL, NULL, NULL, NULL, NULL, NULL);
    int rc;

    if (!GSS_ERROR(major))
        major = gss_display_name(&minor, name, &text, NULL);
    rc = GSS_ERROR(major) ? fail_gss(major, minor, err) : split_name(k, &text, err);
    gss_release_buffer(&ignored, &text);
    gss_release_name(&ignored, &name);
    return rc;
}

/* The KDC vouches for who it is; the lookup can only add rights. */
static void take_rights(kerberos_server *k)
{
    const auth_server_params *p = k->params;
    auth_account account = {0};

    k->admin = p->lookup(p->lookup_ctx, k->domain, k->user, &account) == 1 && account.admin;
    ns_wipe(&account, sizeof account);
}

static int step(void *state, ns_slice in, ns_writer *out, netsession_error *err)
{
    kerberos_server *k = state;
    int rc;

    if (!is_ap_req(in))
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_KERBEROS,
                       "the client's token is not a Kerberos AP-REQ");
    rc = accept_token(k, in, out, err);
    if (!rc)
        rc = take_key(k, err);
    if (!rc)
        rc = take_name(k, err);
    if (!rc)
        take_rights(k);
    return rc;
}

/* ---- mechListMIC, and the end ---- */

static bool has_keys(const void *state)
{
    (void)state;
    return true;
}

static int sign(void *state, ns_slice message, ns_writer *mic, netsession_error *err)
{
    kerberos_server *k = state;
    gss_buffer_desc text = buffer_of(message), token = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor, ignored;
    OM_uint32 major = gss_get_mic(&minor, k->context, GSS_C_QOP_DEFAULT, &text, &token);

    if (GSS_ERROR(major))
        return fail_gss(major, minor, err);
    ns_put(mic, token.value, token.length);
    gss_release_buffer(&ignored, &token);
    return 0;
}

static int verify(void *state, ns_slice message, ns_slice mic, netsession_error *err)
{
    kerberos_server *k = state;
    gss_buffer_desc text = buffer_of(message), token = buffer_of(mic);
    OM_uint32 minor;

    if (mic.n && gss_verify_mic(&minor, k->context, &text, &token, NULL) == GSS_S_COMPLETE)
        return 0;
    return ns_fail(err, NETSESSION_E_LOGON, NS_LAYER_KERBEROS,
                   "the client's signature of the list of mechanisms is wrong or missing");
}

/* Whatever is wrong has been said before. */
static int verdict(const void *state, netsession_error *err)
{
    (void)state;
    (void)err;
    return 0;
}

static void identify(const void *state, server_identity *out)
{
    const kerberos_server *k = state;

    *out = (server_identity){.kind = AUTH_SERVER_USER,
                             .user = k->user,
                             .domain = k->domain,
                             .admin = k->admin,
                             .key = {k->key, k->key_len}};
}

const server_mech kerberos_server_mech = {.name = "Kerberos",
                                          .server_ends = true,
                                          .accepted = accepted,
                                          .create = create,
                                          .destroy = destroy,
                                          .step = step,
                                          .has_keys = has_keys,
                                          .sign = sign,
                                          .verify = verify,
                                          .verdict = verdict,
                                          .identify = identify};
