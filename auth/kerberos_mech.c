/* The mechanism: AP-REQ out, AP-REP in (RFC 4121 section 4.1). */
#include <string.h>

#include "auth/der.h"
#include "auth/kerberos_job.h"

#define DER_AP_REP 0x6F

/* ---- The context ---- */

/* Mutual always; delegation when it was asked for.  Nothing is sealed. */
static OM_uint32 flags_of(const kerberos *k)
{
    return GSS_C_MUTUAL_FLAG | GSS_C_INTEG_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG |
           (k->delegate ? GSS_C_DELEG_FLAG : 0u);
}

static OM_uint32 init(kerberos *k, gss_buffer_t in, gss_buffer_t out, OM_uint32 *minor,
                      OM_uint32 *flags)
{
    struct gss_channel_bindings_struct bindings = {
        .application_data = {.length = k->bindings_len, .value = k->bindings}};

    return gss_init_sec_context(
        minor, k->cred, &k->gss, k->target, (gss_OID)(uintptr_t)gss_mech_krb5, flags_of(k), 0,
        k->bindings ? &bindings : GSS_C_NO_CHANNEL_BINDINGS, in, NULL, out, flags, NULL);
}

static OM_uint32 import_target(kerberos *k, OM_uint32 *minor)
{
    gss_buffer_desc text;
    OM_uint32 major;
    char *name;
    krb5_error_code code = krb5_unparse_name(k->krb5, k->server, &name);

    if (code) {
        *minor = (OM_uint32)code;
        return GSS_S_FAILURE;
    }
    text = (gss_buffer_desc){strlen(name), name};
    major = gss_import_name(minor, &text, (gss_OID)(uintptr_t)GSS_KRB5_NT_PRINCIPAL_NAME,
                            &k->target);
    krb5_free_unparsed_name(k->krb5, name);
    return major;
}

static OM_uint32 import(kerberos *k, OM_uint32 *minor)
{
    OM_uint32 major =
        gss_krb5_import_cred(minor, k->delegate ? k->source : k->cache, NULL, NULL, &k->cred);

    return GSS_ERROR(major) ? major : import_target(k, minor);
}

int kerberos_begin(kerberos *k)
{
    OM_uint32 flags, minor, major = import(k, &minor);

    if (!GSS_ERROR(major))
        major = init(k, GSS_C_NO_BUFFER, &k->first, &minor, &flags);
    if (major == GSS_S_CONTINUE_NEEDED)
        return 0;
    return kerberos_fail_gss(k, major, minor, "make use of the ticket", &k->err);
}

/* ---- The legs ---- */

static int create(void **state, const auth_params *params, netsession_error *err)
{
    kerberos *k = params->kerberos;

    *state = k;
    if (k && k->first.length && !k->leg)
        return 0;
    return ns_fail(err, NETSESSION_E_STATE, NS_LAYER_KERBEROS,
                   "there is no ticket to log on with");
}

static int send_request(kerberos *k, ns_slice in, ns_writer *out, netsession_error *err)
{
    (void)in; /* the client begins */
    (void)err;
    ns_put(out, k->first.value, k->first.length);
    return 0;
}

/* A KRB-ERROR stands in the same frame (RFC 4121 section 4.1: 03 00). */
static void note_error(kerberos *k, ns_slice in)
{
    ns_reader r = ns_reader_of(in.p, in.n), token = der_enter(&r, DER_APPLICATION_0);
    const uint8_t *id;

    der_take(&token, DER_OID);
    id = ns_take(&token, 2);
    if (!token.bad && id[0] == 3 && id[1] == 0)
        kerberos_note_error(k, (ns_slice){token.base + token.off, ns_left(&token)});
}

static int take_key(kerberos *k, netsession_error *err)
{
    OM_uint32 minor, major = kerberos_take_key(k->gss, k->key, &k->key_len, &minor);

    if (GSS_ERROR(major))
        return kerberos_fail_gss(k, major, minor, "take the session key", err);
    return k->key_len ? 0
                      : ns_fail(err, NETSESSION_E_SECURITY, NS_LAYER_KERBEROS,
                                "Kerberos made no session key of a length that is known");
}

static bool is_integer(ns_reader *seq, unsigned field, uint8_t value)
{
    ns_reader inner = der_enter(seq, DER_CONTEXT(field));
    ns_slice n = der_take(&inner, DER_INTEGER);

    der_leave(seq, &inner);
    return !seq->bad && n.n == 1 && *(const uint8_t *)n.p == value;
}

/* AP-REP ::= [APPLICATION 15] SEQUENCE { pvno [0] INTEGER (5), msg-type [1]
 * INTEGER (15), ... } (RFC 4120 section 5.5.2): libkrb5 passes over the type. */
static bool is_reply(ns_slice in)
{
    ns_reader r = ns_reader_of(in.p, in.n), token = der_enter(&r, DER_APPLICATION_0), reply,
              seq;

    der_take(&token, DER_OID);
    ns_take(&token, 2);
    reply = der_enter(&token, DER_AP_REP);
    seq = der_enter(&reply, DER_SEQUENCE);
    return is_integer(&seq, 0, 5) && is_integer(&seq, 1, 15);
}

static int take_reply(kerberos *k, ns_slice in, ns_writer *out, netsession_error *err)
{
    gss_buffer_desc token = {in.n, (void *)(uintptr_t)in.p}, answer = GSS_C_EMPTY_BUFFER;
    OM_uint32 ignored, minor, flags = 0, major = init(k, &token, &answer, &minor, &flags);
    bool more = answer.length != 0;

    (void)out; /* the server has the last word */
    gss_release_buffer(&ignored, &answer);
    if (GSS_ERROR(major)) {
        note_error(k, in);
        return kerberos_fail_gss(k, major, minor, "log on", err);
    }
    if (major != GSS_S_COMPLETE || more || !(flags & GSS_C_MUTUAL_FLAG) || !is_reply(in))
        return ns_fail(err, NETSESSION_E_SECURITY, NS_LAYER_KERBEROS,
                       "the server's answer does not prove who it is");
    return take_key(k, err);
}

static int (*const legs[])(kerberos *k, ns_slice in, ns_writer *out,
                           netsession_error *err) = {send_request, take_reply};

#define LEGS (sizeof legs / sizeof *legs)

static int step(void *state, const uint8_t *in, size_t in_len, ns_writer *out,
                netsession_error *err)
{
    kerberos *k = state;
    int rc;

    if (k->leg == LEGS)
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_KERBEROS,
                       "the server wants another Kerberos message, but there are only two");
    rc = legs[k->leg](k, (ns_slice){in, in_len}, out, err);
    if (!rc && out->err)
        rc = ns_fail_code(err, out->err, NS_LAYER_KERBEROS);
    return rc ? rc : ++k->leg < LEGS;
}

/* ---- The mechanism list (RFC 4121 section 4.2.6.1) ---- */

static int make_mic(void *state, const uint8_t *msg, size_t len, ns_writer *mic,
                    netsession_error *err)
{
    kerberos *k = state;
    gss_buffer_desc text = {len, (void *)(uintptr_t)msg}, token = GSS_C_EMPTY_BUFFER;
    OM_uint32 ignored, minor,
        major = gss_get_mic(&minor, k->gss, GSS_C_QOP_DEFAULT, &text, &token);

    if (GSS_ERROR(major))
        return kerberos_fail_gss(k, major, minor, "sign the list of mechanisms", err);
    ns_put(mic, token.value, token.length);
    gss_release_buffer(&ignored, &token);
    return mic->err ? ns_fail_code(err, mic->err, NS_LAYER_KERBEROS) : 0;
}

static int check_mic(void *state, const uint8_t *msg, size_t len, const uint8_t *mic,
                     size_t mic_len, netsession_error *err)
{
    kerberos *k = state;
    gss_buffer_desc text = {len, (void *)(uintptr_t)msg};
    gss_buffer_desc token = {mic_len, (void *)(uintptr_t)mic};
    OM_uint32 minor;

    if (gss_verify_mic(&minor, k->gss, &text, &token, NULL) == GSS_S_COMPLETE)
        return 0;
    return ns_fail(err, NETSESSION_E_SECURITY, NS_LAYER_KERBEROS,
                   "the server's signature of the mechanism list is wrong; the logon was "
                   "changed on the way");
}

static int session_key(const void *state, uint8_t key[AUTH_KEY_MAX], size_t *len)
{
    const kerberos *k = state;

    *len = 0;
    if (k->leg != LEGS)
        return NETSESSION_E_STATE;
    memcpy(key, k->key, k->key_len);
    *len = k->key_len;
    return 0;
}

static void destroy(void *state)
{
    (void)state; /* the ticket is whose it was */
}

/* 1.2.840.113554.1.2.2 (RFC 1964 section 1), 1.2.840.48018.1.2.2 ([MS-SPNG]
 * 1.9.1); the token has the first in it under either. */
static const uint8_t oid[] = {0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02};
static const uint8_t ms_oid[] = {0x06, 0x09, 0x2A, 0x86, 0x48, 0x82,
                                 0xF7, 0x12, 0x01, 0x02, 0x02};

static const char advice[] =
    "the server does not accept the ticket: its key may have changed since the ticket was made "
    "(kdestroy, kinit), its clock be off, or the target name be another server's";

#define KERBEROS(its_oid)                                                                      \
    {                                                                                          \
        .name = "Kerberos", .oid = (its_oid), .oid_len = sizeof(its_oid), .server_ends = true, \
        .advice = advice, .create = create, .step = step, .make_mic = make_mic,                \
        .check_mic = check_mic, .session_key = session_key, .destroy = destroy,                \
    }

const auth_mech kerberos_mech = KERBEROS(oid);
const auth_mech ms_kerberos_mech = KERBEROS(ms_oid);
