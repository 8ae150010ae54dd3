/* A ticket for the server (RFC 4120 section 3.3). */
#include <stdio.h>
#include <string.h>

#include "auth/kerberos_job.h"
#include "base/mem.h"

/* ---- The service ---- */

char *kerberos_realm_of_server(kerberos *k)
{
    const char *slash = strchr(k->spn, '/');
    char **realms, *host, *found = NULL;

    host = slash ? ns_strdup(&k->hooks, slash + 1, strcspn(slash + 1, "/:@")) : NULL;
    if (host && !krb5_get_host_realm(k->krb5, host, &realms)) {
        found = ns_strdup(&k->hooks, realms[0], strlen(realms[0]));
        krb5_free_host_realm(k->krb5, realms);
    }
    ns_strfree(&k->hooks, host);
    return found;
}

/* The name as it was asked for, whatever DNS says of it: who controls DNS must
 * not choose the service.  Where krb5.conf knows no realm for the host it is
 * "", and the user's KDC is asked to refer us on (RFC 6806 section 8). */
krb5_error_code kerberos_find_server(kerberos *k)
{
    bool whole = strchr(k->spn, '@') != NULL;
    char *realm;
    krb5_error_code code = krb5_parse_name_flags(
        k->krb5, k->spn,
        whole ? KRB5_PRINCIPAL_PARSE_REQUIRE_REALM : KRB5_PRINCIPAL_PARSE_NO_REALM, &k->server);

    if (code || whole)
        return code;
    realm = kerberos_realm_of_server(k);
    code = krb5_set_principal_realm(k->krb5, k->server, realm ? realm : "");
    ns_strfree(&k->hooks, realm);
    return code;
}

/* ---- A ticket for the KDC ---- */

bool kerberos_has_client_keytab(kerberos *k)
{
    krb5_keytab keytab;
    bool found;

    if (krb5_kt_client_default(k->krb5, &keytab))
        return false;
    found = !krb5_kt_have_content(k->krb5, keytab);
    krb5_kt_close(k->krb5, keytab);
    return found;
}

/* With nothing given but a name, or not even that: a cache; and where that has
 * no ticket, or none any more, the keytab that the machine has for it. */
static int find_source(kerberos *k)
{
    bool keytab = !k->ccache && kerberos_has_client_keytab(k);
    krb5_error_code code = kerberos_open_cache(k);

    if (!code && (!keytab || kerberos_is_fresh(k)))
        return 0;
    if (!keytab)
        return kerberos_fail(k, code, "use a ticket");
    kerberos_close_cache(k);
    return kerberos_log_on(k);
}

static int get_source(kerberos *k)
{
    if (k->ccache)
        return find_source(k);
    if (k->keytab)
        return kerberos_log_on(k);
    return k->password && *k->user ? kerberos_log_on(k) : find_source(k);
}

/* ---- The ticket ---- */

/* Nothing but this ticket is given to GSS-API, so nothing else can be sent. */
static krb5_error_code keep(kerberos *k, krb5_creds *creds)
{
    krb5_error_code code;

    krb5_free_principal(k->krb5, k->server);
    k->server = NULL;
    code = krb5_copy_principal(k->krb5, creds->server, &k->server);
    if (!code)
        code = krb5_cc_new_unique(k->krb5, "MEMORY", NULL, &k->cache);
    if (!code)
        code = krb5_cc_initialize(k->krb5, k->cache, k->client);
    return code ? code : krb5_cc_store_cred(k->krb5, k->cache, creds);
}

/* The service as the ticket itself has it: its realm, too. */
static void name_service(kerberos *k, const krb5_creds *creds, char *out, size_t size)
{
    krb5_ticket *ticket = NULL;

    if (!krb5_decode_ticket(&creds->ticket, &ticket))
        kerberos_name(k, ticket->server, out, size);
    else
        kerberos_name(k, creds->server, out, size);
    krb5_free_ticket(k->krb5, ticket);
}

static void describe(kerberos *k, const krb5_creds *creds)
{
    char client[96], server[96], cipher[48] = "?";

    kerberos_name(k, creds->client, client, sizeof client);
    name_service(k, creds, server, sizeof server);
    krb5_enctype_to_name(creds->keyblock.enctype, 0, cipher, sizeof cipher);
    snprintf(k->about, sizeof k->about, "ticket of %s for %s, %s", client, server, cipher);
}

static int get_ticket(kerberos *k)
{
    krb5_creds want = {.client = k->client, .server = k->server}, *creds = NULL;
    char name[128], what[160];
    krb5_error_code code;

    kerberos_name(k, k->client, name, sizeof name);
    snprintf(what, sizeof what, "get a ticket for %.90s as %.40s", k->spn, name);
    code = krb5_get_credentials(k->krb5, 0, k->source, &want, &creds);
    if (!code) {
        describe(k, creds);
        code = keep(k, creds);
        krb5_free_creds(k->krb5, creds);
    }
    return code ? kerberos_fail(k, code, what) : 0;
}

/* Every answer of a KDC passes here; what it says of its clock is kept. */
static krb5_error_code on_answer(krb5_context krb5, void *data, krb5_error_code code,
                                 const krb5_data *realm, const krb5_data *message,
                                 const krb5_data *reply, krb5_data **new_reply)
{
    (void)krb5;
    (void)realm;
    (void)message;
    (void)new_reply;
    if (!code)
        kerberos_note_error(data, (ns_slice){reply->data, reply->length});
    return code;
}

int kerberos_get_ticket(kerberos *k)
{
    krb5_error_code code;
    int rc;

    krb5_set_kdc_recv_hook(k->krb5, on_answer, k);
    code = kerberos_find_server(k);
    if (code)
        return kerberos_fail(k, code, "understand the target name");
    rc = get_source(k);
    return rc ? rc : get_ticket(k);
}
