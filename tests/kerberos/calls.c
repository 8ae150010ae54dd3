#include "tests/kerberos/calls.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <stdlib.h>
#include <string.h>

_Thread_local failing failing_krb5;
_Thread_local krb5_error_code failing_krb5_code;
_Thread_local const char *failing_krb5_name;
_Thread_local gss_lies gss_lie;

static int fails(const char *name)
{
    if (++failing_krb5.made != failing_krb5.at)
        return 0;
    failing_krb5_name = name;
    return 1;
}

#define DECLARE(type, name, params)                                                            \
    type __real_##name params;                                                                 \
    type __wrap_##name params;

/* ---- libkrb5 ---- */

/* A function: its name, parameters and arguments.  One that fails does nothing. */
#define WRAP_KRB5(name, params, args)                                                          \
    DECLARE(krb5_error_code, name, params)                                                     \
    krb5_error_code __wrap_##name params                                                       \
    {                                                                                          \
        return fails(#name) ? failing_krb5_code : __real_##name args;                          \
    }

WRAP_KRB5(krb5_init_context, (krb5_context * c), (c))
WRAP_KRB5(krb5_timeofday, (krb5_context c, krb5_timestamp *t), (c, t))
WRAP_KRB5(krb5_us_timeofday, (krb5_context c, krb5_timestamp *t, krb5_int32 *us), (c, t, us))
WRAP_KRB5(krb5_mk_error, (krb5_context c, const krb5_error *e, krb5_data *out), (c, e, out))
WRAP_KRB5(krb5_rd_error, (krb5_context c, const krb5_data *in, krb5_error **out), (c, in, out))
WRAP_KRB5(krb5_enctype_to_name, (krb5_enctype type, krb5_boolean brief, char *p, size_t n),
          (type, brief, p, n))

/* names */
WRAP_KRB5(krb5_parse_name_flags,
          (krb5_context c, const char *s, int flags, krb5_principal *out), (c, s, flags, out))
WRAP_KRB5(krb5_unparse_name, (krb5_context c, krb5_const_principal p, char **out), (c, p, out))
WRAP_KRB5(krb5_unparse_name_flags,
          (krb5_context c, krb5_const_principal p, int flags, char **out), (c, p, flags, out))
WRAP_KRB5(krb5_copy_principal, (krb5_context c, krb5_const_principal p, krb5_principal *out),
          (c, p, out))
WRAP_KRB5(krb5_set_principal_realm, (krb5_context c, krb5_principal p, const char *realm),
          (c, p, realm))
WRAP_KRB5(krb5_get_default_realm, (krb5_context c, char **out), (c, out))
WRAP_KRB5(krb5_get_host_realm, (krb5_context c, const char *host, char ***out), (c, host, out))

/* caches */
WRAP_KRB5(krb5_cc_resolve, (krb5_context c, const char *name, krb5_ccache *out), (c, name, out))
WRAP_KRB5(krb5_cc_default, (krb5_context c, krb5_ccache *out), (c, out))
WRAP_KRB5(krb5_cc_select,
          (krb5_context c, krb5_principal server, krb5_ccache *out, krb5_principal *who),
          (c, server, out, who))
WRAP_KRB5(krb5_cccol_cursor_new, (krb5_context c, krb5_cccol_cursor *out), (c, out))
WRAP_KRB5(krb5_cccol_cursor_next, (krb5_context c, krb5_cccol_cursor at, krb5_ccache *out),
          (c, at, out))
WRAP_KRB5(krb5_cc_get_principal, (krb5_context c, krb5_ccache from, krb5_principal *out),
          (c, from, out))
WRAP_KRB5(krb5_cc_start_seq_get, (krb5_context c, krb5_ccache from, krb5_cc_cursor *at),
          (c, from, at))
WRAP_KRB5(krb5_cc_next_cred,
          (krb5_context c, krb5_ccache from, krb5_cc_cursor *at, krb5_creds *out),
          (c, from, at, out))
WRAP_KRB5(krb5_cc_new_unique,
          (krb5_context c, const char *type, const char *hint, krb5_ccache *out),
          (c, type, hint, out))
WRAP_KRB5(krb5_cc_initialize, (krb5_context c, krb5_ccache to, krb5_principal who),
          (c, to, who))
WRAP_KRB5(krb5_cc_store_cred, (krb5_context c, krb5_ccache to, krb5_creds *creds),
          (c, to, creds))

/* keytabs */
WRAP_KRB5(krb5_kt_resolve, (krb5_context c, const char *name, krb5_keytab *out), (c, name, out))
WRAP_KRB5(krb5_kt_client_default, (krb5_context c, krb5_keytab *out), (c, out))
WRAP_KRB5(krb5_kt_have_content, (krb5_context c, krb5_keytab t), (c, t))
WRAP_KRB5(krb5_kt_start_seq_get, (krb5_context c, krb5_keytab t, krb5_kt_cursor *at),
          (c, t, at))
WRAP_KRB5(krb5_kt_next_entry,
          (krb5_context c, krb5_keytab t, krb5_keytab_entry *out, krb5_kt_cursor *at),
          (c, t, out, at))

/* tickets */
WRAP_KRB5(krb5_get_init_creds_opt_alloc, (krb5_context c, krb5_get_init_creds_opt **out),
          (c, out))
WRAP_KRB5(krb5_get_init_creds_password,
          (krb5_context c, krb5_creds *out, krb5_principal who, const char *password,
           krb5_prompter_fct prompt, void *data, krb5_deltat start, const char *service,
           krb5_get_init_creds_opt *options),
          (c, out, who, password, prompt, data, start, service, options))
WRAP_KRB5(krb5_get_init_creds_keytab,
          (krb5_context c, krb5_creds *out, krb5_principal who, krb5_keytab t,
           krb5_deltat start, const char *service, krb5_get_init_creds_opt *options),
          (c, out, who, t, start, service, options))
WRAP_KRB5(krb5_get_credentials,
          (krb5_context c, krb5_flags options, krb5_ccache from, krb5_creds *in,
           krb5_creds **out),
          (c, options, from, in, out))
WRAP_KRB5(krb5_decode_ticket, (const krb5_data *in, krb5_ticket **out), (in, out))

/* ---- GSS-API ---- */

/* The same, minor being the parameter of that name; then: a lie about what was
 * made.  A code of 0 is a failure of GSS-API's own. */
#define WRAP_GSS_THEN(name, params, args, then)                                                \
    DECLARE(OM_uint32, name, params)                                                           \
    OM_uint32 __wrap_##name params                                                             \
    {                                                                                          \
        OM_uint32 major;                                                                       \
                                                                                               \
        if (fails(#name)) {                                                                    \
            *minor = (OM_uint32)failing_krb5_code;                                             \
            return GSS_S_FAILURE;                                                              \
        }                                                                                      \
        major = __real_##name args;                                                            \
        then;                                                                                  \
        return major;                                                                          \
    }
#define WRAP_GSS(name, params, args) WRAP_GSS_THEN(name, params, args, (void)0)

static OM_uint32 lie_about_context(OM_uint32 major, OM_uint32 *flags, gss_buffer_t token)
{
    if (flags)
        *flags ^= gss_lie.flags;
    if (major != GSS_S_COMPLETE)
        return major;
    if (gss_lie.more) {
        token->value = calloc(1, gss_lie.more);
        token->length = gss_lie.more;
    }
    return gss_lie.major;
}

static OM_uint32 refuse(OM_uint32 major, OM_uint32 *minor)
{
    if (!gss_lie.refusal)
        return major;
    *minor = gss_lie.refusal;
    return GSS_S_FAILURE;
}

/* The key is all that is left of the set. */
static void lie_about_key(gss_buffer_set_t set)
{
    OM_uint32 ignored;

    if (!set || !gss_lie.key)
        return;
    for (size_t i = 0; i < set->count; i++)
        gss_release_buffer(&ignored, &set->elements[i]);
    set->count = gss_lie.key > 0;
    if (set->count)
        set->elements[0] =
            (gss_buffer_desc){(size_t)gss_lie.key, calloc(1, (size_t)gss_lie.key)};
}

static void lie_about_name(gss_buffer_t name)
{
    OM_uint32 ignored;

    if (!gss_lie.name)
        return;
    gss_release_buffer(&ignored, name);
    name->value = strdup(gss_lie.name);
    name->length = strlen(gss_lie.name);
}

WRAP_GSS(gss_krb5_import_cred,
         (OM_uint32 * minor, krb5_ccache cache, krb5_principal who, krb5_keytab keytab,
          gss_cred_id_t *out),
         (minor, cache, who, keytab, out))
WRAP_GSS(gss_acquire_cred_from,
         (OM_uint32 * minor, gss_name_t who, OM_uint32 time, gss_OID_set mechs,
          gss_cred_usage_t use, gss_const_key_value_set_t store, gss_cred_id_t *out,
          gss_OID_set *made, OM_uint32 *left),
         (minor, who, time, mechs, use, store, out, made, left))
WRAP_GSS(gss_import_name, (OM_uint32 * minor, gss_buffer_t s, gss_OID type, gss_name_t *out),
         (minor, s, type, out))
WRAP_GSS(gss_display_status,
         (OM_uint32 * minor, OM_uint32 code, int type, gss_OID mech, OM_uint32 *more,
          gss_buffer_t out),
         (minor, code, type, mech, more, out))
WRAP_GSS_THEN(gss_init_sec_context,
              (OM_uint32 * minor, gss_cred_id_t cred, gss_ctx_id_t *context, gss_name_t target,
               gss_OID mech, OM_uint32 wanted, OM_uint32 time, gss_channel_bindings_t bindings,
               gss_buffer_t in, gss_OID *used, gss_buffer_t out, OM_uint32 *flags,
               OM_uint32 *left),
              (minor, cred, context, target, mech, wanted, time, bindings, in, used, out, flags,
               left),
              major = lie_about_context(major, flags, out))
WRAP_GSS_THEN(gss_accept_sec_context,
              (OM_uint32 * minor, gss_ctx_id_t *context, gss_cred_id_t cred, gss_buffer_t in,
               gss_channel_bindings_t bindings, gss_name_t *who, gss_OID *mech,
               gss_buffer_t out, OM_uint32 *flags, OM_uint32 *left, gss_cred_id_t *delegated),
              (minor, context, cred, in, bindings, who, mech, out, flags, left, delegated),
              major = refuse(lie_about_context(major, flags, out), minor))
WRAP_GSS_THEN(gss_inquire_sec_context_by_oid,
              (OM_uint32 * minor, const gss_ctx_id_t context, const gss_OID what,
               gss_buffer_set_t *out),
              (minor, context, what, out), lie_about_key(*out))
WRAP_GSS(gss_inquire_context,
         (OM_uint32 * minor, gss_ctx_id_t context, gss_name_t *client, gss_name_t *server,
          OM_uint32 *left, gss_OID *mech, OM_uint32 *flags, int *ours, int *open),
         (minor, context, client, server, left, mech, flags, ours, open))
WRAP_GSS_THEN(gss_display_name,
              (OM_uint32 * minor, gss_name_t who, gss_buffer_t out, gss_OID *type),
              (minor, who, out, type), lie_about_name(out))
WRAP_GSS(gss_get_mic,
         (OM_uint32 * minor, gss_ctx_id_t context, gss_qop_t qop, gss_buffer_t in,
          gss_buffer_t out),
         (minor, context, qop, in, out))
WRAP_GSS(gss_verify_mic,
         (OM_uint32 * minor, gss_ctx_id_t context, gss_buffer_t in, gss_buffer_t mic,
          gss_qop_t *qop),
         (minor, context, in, mic, qop))
