#include "auth/kerberos_job.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

bool kerberos_available(void)
{
    return true;
}

/* ---- Begin and end ---- */

static bool copy(kerberos *k, char **to, const char *from)
{
    *to = from ? ns_strdup_secret(&k->hooks, from, strlen(from)) : NULL;
    return *to || !from;
}

/* Realms are written in capitals; who writes "alice@corp.example" means that,
 * and who mixes them what he writes. */
static void capitalize(char *realm)
{
    for (const char *p = realm; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            return;
    for (; *realm; realm++)
        if (*realm >= 'a' && *realm <= 'z')
            *realm = (char)(*realm - 'a' + 'A');
}

/* "alice@corp.example", or a domain that is a DNS name, names the realm. */
static bool copy_user(kerberos *k, const kerberos_params *p)
{
    const char *at = strrchr(p->user, '@');
    const char *realm = at ? at + 1 : strchr(p->domain, '.') ? p->domain : NULL;

    k->user = ns_strdup(&k->hooks, p->user, at ? (size_t)(at - p->user) : strlen(p->user));
    if (!k->user || !copy(k, &k->domain, p->domain) || !copy(k, &k->realm, realm))
        return false;
    if (realm)
        capitalize(k->realm);
    return true;
}

static bool copy_params(kerberos *k, const kerberos_params *p)
{
    k->delegate = p->delegate;
    k->insist = p->insist;
    k->bindings_len = p->bindings.n;
    if (p->bindings.n && !(k->bindings = ns_strdup(&k->hooks, p->bindings.p, p->bindings.n)))
        return false;
    return copy_user(k, p) && copy(k, &k->password, p->password) &&
           copy(k, &k->ccache, p->ccache) && copy(k, &k->keytab, p->keytab) &&
           copy(k, &k->spn, p->spn);
}

int kerberos_new(kerberos **out, const kerberos_params *params, netsession_error *err)
{
    netsession_hooks hooks;
    kerberos *k;

    ns_hooks_fill(&hooks, NULL);
    *out = k = ns_alloc_secret(&hooks, sizeof *k);
    if (!k)
        return ns_fail_code(err, NETSESSION_E_MEMORY, NS_LAYER_KERBEROS);
    k->hooks = hooks;
    if (copy_params(k, params))
        return 0;
    kerberos_free(k);
    *out = NULL;
    return ns_fail_code(err, NETSESSION_E_MEMORY, NS_LAYER_KERBEROS);
}

static void free_context(kerberos *k)
{
    OM_uint32 minor;

    gss_release_buffer(&minor, &k->first);
    gss_delete_sec_context(&minor, &k->gss, GSS_C_NO_BUFFER);
    gss_release_name(&minor, &k->target);
    gss_release_cred(&minor, &k->cred);
}

/* What was got here goes with its keys; what was found stays. */
static void close_source(kerberos *k)
{
    if (k->own_source)
        krb5_cc_destroy(k->krb5, k->source);
    else
        krb5_cc_close(k->krb5, k->source);
}

static void free_ticket(kerberos *k)
{
    if (!k->krb5)
        return;
    if (k->cache)
        krb5_cc_destroy(k->krb5, k->cache);
    if (k->source)
        close_source(k);
    krb5_free_principal(k->krb5, k->client);
    krb5_free_principal(k->krb5, k->server);
    krb5_free_context(k->krb5);
}

void kerberos_free(kerberos *k)
{
    netsession_hooks hooks;

    if (!k)
        return;
    hooks = k->hooks;
    free_context(k);
    free_ticket(k);
    ns_strfree(&hooks, k->user);
    ns_strfree(&hooks, k->realm);
    ns_strfree(&hooks, k->domain);
    ns_strfree(&hooks, k->password);
    ns_strfree(&hooks, k->ccache);
    ns_strfree(&hooks, k->keytab);
    ns_strfree(&hooks, k->spn);
    ns_free(&hooks, k->bindings, k->bindings_len + 1);
    ns_free(&hooks, k, sizeof *k);
}

/* ---- Asked beforehand ---- */

/* A keytab that the machine has is as good, when nobody else is asked for. */
static bool lies_ready(kerberos *k)
{
    if (!kerberos_open_cache(k) && kerberos_is_fresh(k))
        return true;
    return !k->ccache && !*k->user && kerberos_has_client_keytab(k);
}

bool kerberos_has_ticket(const kerberos_params *params)
{
    netsession_error err = {0};
    kerberos *k;
    bool found;

    kerberos_new(&k, params, &err);
    if (!k)
        return false;
    found = !krb5_init_context(&k->krb5) && lies_ready(k);
    kerberos_free(k);
    return found;
}

/* ---- The work ---- */

/* The password, and the ticket for the KDC that came of it. */
static void forget(kerberos *k)
{
    ns_strfree(&k->hooks, k->password);
    k->password = NULL;
    if (k->delegate || !k->source)
        return;
    close_source(k);
    k->source = NULL;
}

void kerberos_run(kerberos *k)
{
    krb5_error_code code;

    if (k->krb5)
        return; /* it has been done */
    code = krb5_init_context(&k->krb5);
    if (code)
        kerberos_fail(k, code, "start Kerberos");
    else if (!kerberos_get_ticket(k))
        kerberos_begin(k);
    forget(k);
}

int kerberos_result(const kerberos *k, netsession_error *err, bool *no_way)
{
    *no_way = k->no_way;
    if (k->err.code)
        *err = k->err;
    else if (!k->gss)
        return ns_fail(err, NETSESSION_E_STATE, NS_LAYER_KERBEROS,
                       "the work was given back without having been run");
    return k->err.code;
}

const char *kerberos_about(const kerberos *k)
{
    return k->about;
}
