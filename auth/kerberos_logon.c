/* A ticket for the KDC by password or keytab (RFC 4120 section 3.1). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/kerberos_job.h"
#include "base/mem.h"

/* ---- The user's realm ---- */

/* A user who names no realm is asked of the default one when the server is in
 * it: on many machines krb5.conf is as it came, and its default realm nobody's
 * business. */
static bool is_at_home(kerberos *k, const char *realm)
{
    char *servers = kerberos_realm_of_server(k);
    const char *host = strchr(k->spn, '/'), *end = host ? strchr(host, '@') : NULL;
    size_t n = end ? (size_t)(end - host) : host ? strlen(host) : 0, r = strlen(realm);
    bool home = servers && !strcasecmp(servers, realm);

    ns_strfree(&k->hooks, servers);
    return home ||
           (n > r + 1 && host[n - r - 1] == '.' && !strncasecmp(host + n - r, realm, r));
}

static bool may_be_asked(kerberos *k, const char *realm)
{
    if (*k->domain)
        return kerberos_is_first_label(k->domain, realm);
    return k->insist || is_at_home(k, realm);
}

static int no_realm(kerberos *k)
{
    k->no_way = true;
    return ns_fail(&k->err, NETSESSION_E_CREDENTIALS, NS_LAYER_KERBEROS,
                   "no Kerberos realm is known for the user %s%s%s; name it (user@REALM)",
                   k->domain, *k->domain ? "\\" : "", k->user);
}

static int default_realm(kerberos *k)
{
    char *realm;
    krb5_error_code code = krb5_get_default_realm(k->krb5, &realm);

    if (code)
        return k->insist ? kerberos_fail(k, code, "find the user's realm") : no_realm(k);
    if (may_be_asked(k, realm)) {
        k->realm = ns_strdup(&k->hooks, realm, strlen(realm));
        code = k->realm ? 0 : ENOMEM;
    }
    krb5_free_default_realm(k->krb5, realm);
    if (code)
        return kerberos_no_memory(k);
    return k->realm ? 0 : no_realm(k);
}

static int make_client(kerberos *k)
{
    krb5_error_code code;
    int rc = k->realm ? 0 : default_realm(k);

    if (rc)
        return rc;
    code = krb5_parse_name_flags(k->krb5, k->user, KRB5_PRINCIPAL_PARSE_NO_REALM, &k->client);
    if (!code)
        code = krb5_set_principal_realm(k->krb5, k->client, k->realm);
    return code ? kerberos_fail(k, code, "understand the user's name") : 0;
}

/* ---- The key ---- */

static krb5_error_code with_password(kerberos *k, krb5_creds *creds,
                                     krb5_get_init_creds_opt *options)
{
    return krb5_get_init_creds_password(k->krb5, creds, k->client, k->password, NULL, NULL, 0,
                                        NULL, options);
}

static krb5_error_code open_keytab(kerberos *k, krb5_keytab *keytab)
{
    return k->keytab ? krb5_kt_resolve(k->krb5, k->keytab, keytab)
                     : krb5_kt_client_default(k->krb5, keytab);
}

static krb5_error_code with_keytab(kerberos *k, krb5_creds *creds,
                                   krb5_get_init_creds_opt *options)
{
    krb5_keytab keytab;
    krb5_error_code code = open_keytab(k, &keytab);

    if (code)
        return code;
    code = krb5_kt_have_content(k->krb5, keytab);
    if (!code)
        code = krb5_get_init_creds_keytab(k->krb5, creds, k->client, keytab, 0, NULL, options);
    krb5_kt_close(k->krb5, keytab);
    return code;
}

/* Whom the keytab is for, when nobody was named: its first entry's. */
static krb5_error_code first_of_keytab(kerberos *k, krb5_keytab keytab)
{
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    krb5_error_code code = krb5_kt_start_seq_get(k->krb5, keytab, &cursor);

    if (code)
        return code;
    code = krb5_kt_next_entry(k->krb5, keytab, &entry, &cursor);
    if (!code) {
        code = krb5_copy_principal(k->krb5, entry.principal, &k->client);
        krb5_free_keytab_entry_contents(k->krb5, &entry);
    }
    krb5_kt_end_seq_get(k->krb5, keytab, &cursor);
    return code == KRB5_KT_END ? (krb5_error_code)KRB5_KT_NOTFOUND : code;
}

static int client_of_keytab(kerberos *k)
{
    krb5_keytab keytab;
    krb5_error_code code = open_keytab(k, &keytab);

    if (!code) {
        code = first_of_keytab(k, keytab);
        krb5_kt_close(k->krb5, keytab);
    }
    return code ? kerberos_fail(k, code, "read the keytab") : 0;
}

/* ---- The logon ---- */

/* A ticket to act with as the user elsewhere only when that is wanted. */
static krb5_error_code make_options(kerberos *k, krb5_get_init_creds_opt **options)
{
    krb5_error_code code = krb5_get_init_creds_opt_alloc(k->krb5, options);

    if (code)
        return code;
    krb5_get_init_creds_opt_set_canonicalize(*options, 1);
    krb5_get_init_creds_opt_set_forwardable(*options, k->delegate);
    krb5_get_init_creds_opt_set_proxiable(*options, 0);
    return 0;
}

static krb5_error_code get_creds(kerberos *k, krb5_creds *creds)
{
    krb5_get_init_creds_opt *options = NULL;
    krb5_error_code code = make_options(k, &options);

    if (!code)
        code = k->keytab || !k->password ? with_keytab(k, creds, options)
                                         : with_password(k, creds, options);
    krb5_get_init_creds_opt_free(k->krb5, options);
    return code;
}

/* The KDC may have given the user another name than he came with. */
static krb5_error_code keep(kerberos *k, krb5_creds *creds)
{
    krb5_error_code code = krb5_cc_new_unique(k->krb5, "MEMORY", NULL, &k->source);

    if (code)
        return code;
    k->own_source = true;
    krb5_free_principal(k->krb5, k->client);
    k->client = NULL;
    code = krb5_copy_principal(k->krb5, creds->client, &k->client);
    if (!code)
        code = krb5_cc_initialize(k->krb5, k->source, k->client);
    return code ? code : krb5_cc_store_cred(k->krb5, k->source, creds);
}

int kerberos_log_on(kerberos *k)
{
    krb5_creds creds = {0};
    char name[128], what[160];
    krb5_error_code code;
    int rc = *k->user ? make_client(k) : client_of_keytab(k);

    if (rc)
        return rc;
    kerberos_name(k, k->client, name, sizeof name);
    snprintf(what, sizeof what, "log on as %s at the KDC", name);
    code = get_creds(k, &creds);
    if (!code)
        code = keep(k, &creds);
    krb5_free_cred_contents(k->krb5, &creds);
    return code ? kerberos_fail(k, code, what) : 0;
}
