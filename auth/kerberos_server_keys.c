#include "auth/kerberos_server_keys.h"

#include <errno.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/der.h"
#include "auth/spnego.h"

/* ---- Errors ---- */

static int fail_krb5(const kerberos_acceptor *c, krb5_error_code code, const char *keytab,
                     netsession_error *err)
{
    const char *text;
    int rc;

    if (code == ENOMEM)
        return ns_fail_code(err, NETSESSION_E_MEMORY, NS_LAYER_KERBEROS);
    text = krb5_get_error_message(c->krb5, code);
    rc = ns_fail(err, NETSESSION_E_ARGUMENT, NS_LAYER_KERBEROS,
                 "the keytab %s cannot be used: %s", keytab, text);
    krb5_free_error_message(c->krb5, text);
    return rc;
}

/* ---- The keytab ---- */

static krb5_error_code copy_first(kerberos_acceptor *c, krb5_keytab keytab)
{
    krb5_keytab_entry entry;
    krb5_kt_cursor cursor;
    krb5_error_code code = krb5_kt_start_seq_get(c->krb5, keytab, &cursor);

    if (code)
        return code;
    code = krb5_kt_next_entry(c->krb5, keytab, &entry, &cursor);
    if (!code) {
        code = krb5_copy_principal(c->krb5, entry.principal, &c->server);
        krb5_free_keytab_entry_contents(c->krb5, &entry);
    }
    krb5_kt_end_seq_get(c->krb5, keytab, &cursor);
    return code;
}

/* The GSS-API reads it only when a ticket comes; who runs the server should
 * know before. */
static int look_into(kerberos_acceptor *c, const char *name, netsession_error *err)
{
    krb5_keytab keytab;
    krb5_error_code code = krb5_kt_resolve(c->krb5, name, &keytab);

    if (code)
        return fail_krb5(c, code, name, err);
    code = copy_first(c, keytab);
    krb5_kt_close(c->krb5, keytab);
    if (code == KRB5_KT_END)
        return ns_fail(err, NETSESSION_E_ARGUMENT, NS_LAYER_KERBEROS,
                       "the keytab %s holds no keys", name);
    return code ? fail_krb5(c, code, name, err) : 0;
}

static int acquire(kerberos_acceptor *c, const char *name, netsession_error *err)
{
    gss_OID_set_desc mechs = {1, (gss_OID)gss_mech_krb5};
    gss_key_value_element_desc element = {"keytab", name};
    gss_key_value_set_desc store = {1, &element};
    OM_uint32 major, minor;
    char text[256];

    major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechs, GSS_C_ACCEPT,
                                  &store, &c->cred, NULL, NULL);
    if (!GSS_ERROR(major))
        return 0;
    kerberos_gss_text(text, sizeof text, major, minor);
    return ns_fail(err, NETSESSION_E_ARGUMENT, NS_LAYER_KERBEROS,
                   "the keytab %s cannot be used: %s", name, text);
}

int kerberos_acceptor_new(kerberos_acceptor **out, const char *keytab, netsession_error *err)
{
    kerberos_acceptor *c = calloc(1, sizeof *c);
    int rc;

    *out = NULL;
    if (!c)
        return ns_fail_code(err, NETSESSION_E_MEMORY, NS_LAYER_KERBEROS);
    if (krb5_init_context(&c->krb5))
        rc = ns_fail(err, NETSESSION_E_ARGUMENT, NS_LAYER_KERBEROS,
                     "libkrb5 does not start; check the file that KRB5_CONFIG names, or "
                     "/etc/krb5.conf");
    else
        rc = look_into(c, keytab, err);
    if (!rc)
        rc = acquire(c, keytab, err);
    if (rc)
        kerberos_acceptor_free(c);
    else
        *out = c;
    return rc;
}

void kerberos_acceptor_free(kerberos_acceptor *c)
{
    OM_uint32 ignored;

    if (!c)
        return;
    gss_release_cred(&ignored, &c->cred);
    if (c->krb5) {
        krb5_free_principal(c->krb5, c->server);
        krb5_free_context(c->krb5);
    }
    free(c);
}

/* ---- Another clock ---- */

/* RFC 4121 section 4.1: the token is framed as RFC 2743 section 3.1 has it, and
 * begins with TOK_ID. */
static void put_error_token(ns_writer *out, const krb5_data *error)
{
    size_t frame = der_open(out, DER_APPLICATION_0);

    ns_put(out, spnego_kerberos.p, spnego_kerberos.n);
    ns_put(out, "\x03\x00", 2);
    ns_put(out, error->data, error->length);
    der_close(out, frame);
}

int kerberos_put_skew(const kerberos_acceptor *c, ns_writer *out, netsession_error *err)
{
    /* KERB-ERROR-DATA with KERB_AP_ERR_TYPE_SKEW_RECOVERY ([MS-KILE] 2.2.2) */
    static char recovery[] = {0x30, 0x05, (char)0xA1, 0x03, 0x02, 0x01, 0x02};
    krb5_error error = {.error = KRB5KRB_AP_ERR_SKEW - ERROR_TABLE_BASE_krb5,
                        .server = c->server,
                        .e_data = {0, sizeof recovery, recovery}};
    krb5_data encoded;

    if (krb5_us_timeofday(c->krb5, &error.stime, &error.susec) ||
        krb5_mk_error(c->krb5, &error, &encoded))
        return ns_fail_code(err, NETSESSION_E_MEMORY, NS_LAYER_KERBEROS);
    put_error_token(out, &encoded);
    krb5_free_data_contents(c->krb5, &encoded);
    return 0;
}
