/* The errors of libkrb5 and GSS-API, for people. */
#include "auth/kerberos_job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The table ---- */

/* Those that a user can do something about.  no_way: nobody refused anything. */
static const struct known {
    krb5_error_code code;
    int ns_code;
    uint32_t win32;
    bool no_way;
    const char *name, *advice;
} table[] = {
    /* on this machine */
    {KRB5_FCC_NOFILE, NETSESSION_E_CREDENTIALS, 1312, true, "KRB5_FCC_NOFILE",
     "get one with kinit, or give a user and a password"},
    {KRB5_CC_NOTFOUND, NETSESSION_E_CREDENTIALS, 1312, true, "KRB5_CC_NOTFOUND",
     "get one with kinit, or give a user and a password"},
    {KRB5_CC_NOMEM, NETSESSION_E_MEMORY, 8, false, "KRB5_CC_NOMEM", ""},
    {KRB5_CCACHE_BADVNO, NETSESSION_E_CREDENTIALS, 1312, false, "KRB5_CCACHE_BADVNO",
     "this is no cache of tickets; get a new ticket with kinit"},
    {KRB5_CC_FORMAT, NETSESSION_E_CREDENTIALS, 1312, false, "KRB5_CC_FORMAT",
     "this is no cache of tickets; get a new ticket with kinit"},
    {KRB5_FCC_PERM, NETSESSION_E_CREDENTIALS, 1312, false, "KRB5_FCC_PERM",
     "the cache of tickets may not be read; whose is it?"},
    {KRB5_CC_UNKNOWN_TYPE, NETSESSION_E_CREDENTIALS, 1312, false, "KRB5_CC_UNKNOWN_TYPE",
     "caches are named FILE:path, DIR:path, KEYRING:name or KCM:"},
    {KRB5_CONFIG_NODEFREALM, NETSESSION_E_CREDENTIALS, 1312, true, "KRB5_CONFIG_NODEFREALM",
     "name the realm (user@REALM), or set default_realm in krb5.conf"},
    {KRB5_CONFIG_CANTOPEN, NETSESSION_E_CREDENTIALS, 1312, true, "KRB5_CONFIG_CANTOPEN",
     "krb5.conf cannot be read"},
    {KRB5_CONFIG_BADFORMAT, NETSESSION_E_CREDENTIALS, 1312, false, "KRB5_CONFIG_BADFORMAT",
     "krb5.conf is not well-formed"},
    {KRB5_KT_NOTFOUND, NETSESSION_E_CREDENTIALS, 1312, false, "KRB5_KT_NOTFOUND",
     "the keytab has no key of this user; klist -k shows what it has"},
    {ENOENT, NETSESSION_E_CREDENTIALS, 1312, false, "ENOENT", "is the path right?"},
    {EACCES, NETSESSION_E_CREDENTIALS, 1312, false, "EACCES", "may you read it?"},
    {ENOMEM, NETSESSION_E_MEMORY, 8, false, "ENOMEM", ""},
    /* the way to a KDC */
    {KRB5_REALM_UNKNOWN, NETSESSION_E_CONNECT, 1311, true, "KRB5_REALM_UNKNOWN",
     "no KDC of this realm is known; check the realm, DNS (_kerberos._udp) and krb5.conf"},
    {KRB5_REALM_CANT_RESOLVE, NETSESSION_E_CONNECT, 1311, true, "KRB5_REALM_CANT_RESOLVE",
     "no KDC of this realm has an address; check the realm, DNS and krb5.conf"},
    {KRB5_KDC_UNREACH, NETSESSION_E_CONNECT, 1311, true, "KRB5_KDC_UNREACH",
     "no KDC of this realm answers; is it up, and does a firewall block port 88?"},
    /* what a KDC answers */
    {KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, NETSESSION_E_LOGON, 1396, true,
     "KDC_ERR_S_PRINCIPAL_UNKNOWN",
     "the KDC does not know this service; use the name that the server is registered under, "
     "or set the target name"},
    {KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, NETSESSION_E_LOGON, 1326, false,
     "KDC_ERR_C_PRINCIPAL_UNKNOWN", "the KDC does not know this user; check name and realm"},
    {KRB5KDC_ERR_PREAUTH_FAILED, NETSESSION_E_LOGON, 1326, false, "KDC_ERR_PREAUTH_FAILED",
     "check the password"},
    {KRB5_PREAUTH_FAILED, NETSESSION_E_LOGON, 1326, false, "KRB5_PREAUTH_FAILED",
     "check the password, or the keytab"},
    {KRB5KRB_AP_ERR_BAD_INTEGRITY, NETSESSION_E_LOGON, 1326, false, "KRB_AP_ERR_BAD_INTEGRITY",
     "check the password"},
    {KRB5KDC_ERR_CLIENT_REVOKED, NETSESSION_E_LOGON, 1331, false, "KDC_ERR_CLIENT_REVOKED",
     "the account is disabled, locked or expired; an administrator can tell"},
    {KRB5KDC_ERR_NAME_EXP, NETSESSION_E_LOGON, 1793, false, "KDC_ERR_NAME_EXP",
     "the account has expired"},
    {KRB5KDC_ERR_KEY_EXP, NETSESSION_E_LOGON, 1330, false, "KDC_ERR_KEY_EXPIRED",
     "the password has expired; change it first"},
    {KRB5KDC_ERR_POLICY, NETSESSION_E_LOGON, 1327, false, "KDC_ERR_POLICY",
     "a policy of the KDC forbids it to this account"},
    {KRB5KDC_ERR_ETYPE_NOSUPP, NETSESSION_E_POLICY, 50, false, "KDC_ERR_ETYPE_NOSUPP",
     "the KDC and krb5.conf allow no cipher in common; is one of them limited to RC4?"},
    {KRB5_PROG_ETYPE_NOSUPP, NETSESSION_E_POLICY, 50, false, "KRB5_PROG_ETYPE_NOSUPP",
     "krb5.conf or libkrb5 forbids the cipher of this key"},
    {KRB5_KDCREP_SKEW, NETSESSION_E_LOGON, 1398, false, "KRB5_KDCREP_SKEW", "set the clocks"},
    {KRB5KDC_ERR_NEVER_VALID, NETSESSION_E_LOGON, 1398, false, "KDC_ERR_NEVER_VALID",
     "set the clocks"},
    /* about a ticket */
    {KRB5KRB_AP_ERR_TKT_EXPIRED, NETSESSION_E_CREDENTIALS, 1326, true, "KRB_AP_ERR_TKT_EXPIRED",
     "the ticket has expired; get a new one with kinit"},
    {KRB5KRB_AP_ERR_TKT_NYV, NETSESSION_E_CREDENTIALS, 1398, false, "KRB_AP_ERR_TKT_NYV",
     "the ticket is not valid yet; are the clocks right?"},
    {KRB5KRB_AP_ERR_SKEW, NETSESSION_E_LOGON, 1398, false, "KRB_AP_ERR_SKEW", "set the clocks"},
    {KRB5KRB_AP_ERR_MODIFIED, NETSESSION_E_LOGON, 1396, false, "KRB_AP_ERR_MODIFIED",
     "the ticket is for another key than the server's: get a new one (kdestroy, kinit), and "
     "check that this name is the server's"},
    {KRB5KRB_AP_ERR_BADKEYVER, NETSESSION_E_LOGON, 1396, false, "KRB_AP_ERR_BADKEYVER",
     "the server's key has changed since the ticket was made, or its keytab is old: get a new "
     "ticket (kdestroy, kinit), or renew the keytab there"},
    {KRB5KRB_AP_ERR_NOKEY, NETSESSION_E_LOGON, 1396, false, "KRB_AP_ERR_NOKEY",
     "the server has no key for this ticket: get a new one (kdestroy, kinit), or renew the "
     "keytab there"},
    {KRB5KRB_AP_ERR_MUT_FAIL, NETSESSION_E_SECURITY, 1825, false, "KRB_AP_ERR_MUT_FAIL",
     "the server could not prove that it can read the ticket"},
    {KRB5_MUTUAL_FAILED, NETSESSION_E_SECURITY, 1825, false, "KRB5_MUTUAL_FAILED",
     "the server could not prove that it can read the ticket"},
};

static const struct known *find(krb5_error_code code)
{
    static const struct known other = {0, NETSESSION_E_LOGON, 1326, false, "KRB5_?", ""};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].code == code)
            return &table[i];
    return &other;
}

/* ---- Sentences ---- */

/* libkrb5's own words, in which it names files and principals. */
static void put_reason(krb5_context krb5, krb5_error_code code, char *out, size_t size)
{
    const char *text = krb5_get_error_message(krb5, code);

    snprintf(out, size, "%s", text);
    krb5_free_error_message(krb5, text);
}

/* "; this machine's clock is 3600 s ahead" */
static void put_clock(const kerberos *k, krb5_error_code code, char *out, size_t size)
{
    bool known = k->kdc_error && k->kdc_ahead;

    *out = '\0';
    if (known && (code == KRB5KRB_AP_ERR_SKEW || code == KRB5KRB_AP_ERR_TKT_NYV ||
                  code == KRB5_KDCREP_SKEW))
        snprintf(out, size, "; this machine's clock is %lld s %s the other's",
                 llabs(k->kdc_ahead), k->kdc_ahead < 0 ? "ahead of" : "behind");
}

static int report(const kerberos *k, krb5_error_code code, const char *what, const char *reason,
                  netsession_error *err)
{
    const struct known *e = find(code);
    char clock[80];

    put_clock(k, code, clock, sizeof clock);
    return ns_fail_named(err, e->ns_code, NS_LAYER_KERBEROS, e->name, (uint32_t)code, e->win32,
                         "cannot %s: %s%s%s%s", what, reason, clock, *e->advice ? "; " : "",
                         e->advice);
}

int kerberos_fail(kerberos *k, krb5_error_code code, const char *what)
{
    char reason[160];

    put_reason(k->krb5, code, reason, sizeof reason);
    k->no_way = find(code)->no_way;
    return report(k, code, what, reason, &k->err);
}

int kerberos_fail_gss(kerberos *k, OM_uint32 major, OM_uint32 minor, const char *what,
                      netsession_error *err)
{
    char reason[160];

    kerberos_gss_text(reason, sizeof reason, major, minor);
    return report(k, (krb5_error_code)minor, what, reason, err);
}

int kerberos_no_memory(kerberos *k)
{
    return ns_fail_code(&k->err, NETSESSION_E_MEMORY, NS_LAYER_KERBEROS);
}

bool kerberos_note_error(kerberos *k, ns_slice in)
{
    krb5_data data = {.data = (char *)(uintptr_t)in.p, .length = (unsigned)in.n};
    krb5_error *error;
    krb5_timestamp now;

    if (krb5_rd_error(k->krb5, &data, &error))
        return false;
    k->kdc_error = (krb5_error_code)(error->error + ERROR_TABLE_BASE_krb5);
    if (!krb5_timeofday(k->krb5, &now))
        k->kdc_ahead = (long long)(uint32_t)error->stime - (uint32_t)now;
    krb5_free_error(k->krb5, error);
    return true;
}

void kerberos_name(kerberos *k, krb5_const_principal who, char *out, size_t size)
{
    char *name = NULL;

    snprintf(out, size, "?");
    if (!krb5_unparse_name(k->krb5, who, &name))
        snprintf(out, size, "%s", name);
    krb5_free_unparsed_name(k->krb5, name);
}
