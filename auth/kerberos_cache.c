/* Which cache of tickets is the user's. */
#include <string.h>
#include <strings.h>

#include "auth/kerberos_job.h"

bool kerberos_is_first_label(const char *domain, const char *realm)
{
    size_t n = strlen(domain);

    return n && !strncasecmp(domain, realm, n) && (realm[n] == '.' || !realm[n]);
}

static bool is_realm(kerberos *k, const char *realm)
{
    if (k->realm)
        return !strcasecmp(k->realm, realm);
    return !*k->domain || kerberos_is_first_label(k->domain, realm);
}

/* The user's own, when one was named: without the realm unless that was too.
 * An account's name has no case in Windows. */
static bool is_users(kerberos *k, krb5_const_principal who)
{
    char *name = NULL;
    bool same;

    if (!*k->user)
        return true;
    if (krb5_unparse_name_flags(k->krb5, who, KRB5_PRINCIPAL_UNPARSE_NO_REALM, &name))
        return false;
    same = !strcasecmp(name, k->user);
    krb5_free_unparsed_name(k->krb5, name);
    return same && is_realm(k, who->realm.data); /* which libkrb5 ends with a NUL */
}

/* Takes the cache over, or closes it when it is not the user's. */
static krb5_error_code take(kerberos *k, krb5_ccache cache)
{
    krb5_principal who;
    krb5_error_code code = krb5_cc_get_principal(k->krb5, cache, &who);

    if (!code && !is_users(k, who)) {
        krb5_free_principal(k->krb5, who);
        krb5_set_error_message(k->krb5, KRB5_CC_NOTFOUND, "the tickets there are not of %s",
                               k->user);
        code = KRB5_CC_NOTFOUND;
    }
    if (code) {
        krb5_cc_close(k->krb5, cache);
        return code;
    }
    k->source = cache;
    k->client = who;
    return 0;
}

static krb5_error_code open_named(kerberos *k)
{
    krb5_ccache cache;
    krb5_error_code code = krb5_cc_resolve(k->krb5, k->ccache, &cache);

    return code ? code : take(k, cache);
}

/* The one that ~/.k5identity or the server's realm selects, or the default. */
static krb5_error_code open_default(kerberos *k)
{
    krb5_principal who = NULL;
    krb5_ccache cache = NULL;
    krb5_error_code code = KRB5_CC_NOTFOUND;

    if (k->server)
        code = krb5_cc_select(k->krb5, k->server, &cache, &who);
    krb5_free_principal(k->krb5, who);
    if (code)
        code = krb5_cc_default(k->krb5, &cache);
    return code ? code : take(k, cache);
}

static krb5_error_code open_users(kerberos *k)
{
    krb5_cccol_cursor cursor;
    krb5_ccache cache;
    krb5_error_code code = krb5_cccol_cursor_new(k->krb5, &cursor);

    if (code)
        return code;
    code = KRB5_CC_NOTFOUND;
    while (code && !krb5_cccol_cursor_next(k->krb5, cursor, &cache) && cache)
        code = take(k, cache);
    krb5_cccol_cursor_free(k->krb5, &cursor);
    return code;
}

krb5_error_code kerberos_open_cache(kerberos *k)
{
    krb5_error_code code;

    if (k->ccache)
        return open_named(k);
    if (!*k->user)
        return open_default(k);
    code = open_users(k);
    if (code)
        krb5_set_error_message(k->krb5, code, "no cache has one of %s", k->user);
    return code;
}

void kerberos_close_cache(kerberos *k)
{
    if (k->source)
        krb5_cc_close(k->krb5, k->source);
    krb5_free_principal(k->krb5, k->client);
    k->source = NULL;
    k->client = NULL;
}

/* ---- What lies in it ---- */

static bool is_fresh(kerberos *k, const krb5_creds *creds)
{
    krb5_timestamp now;

    return !krb5_timeofday(k->krb5, &now) &&
           !krb5_is_config_principal(k->krb5, creds->server) &&
           (uint32_t)creds->times.endtime > (uint32_t)now;
}

bool kerberos_is_fresh(kerberos *k)
{
    krb5_cc_cursor cursor;
    krb5_creds creds;
    bool found = false;

    if (krb5_cc_start_seq_get(k->krb5, k->source, &cursor))
        return false;
    while (!found && !krb5_cc_next_cred(k->krb5, k->source, &cursor, &creds)) {
        found = is_fresh(k, &creds);
        krb5_free_cred_contents(k->krb5, &creds);
    }
    krb5_cc_end_seq_get(k->krb5, k->source, &cursor);
    return found;
}
