/* Kerberos first where there is a ticket or a way to one, and NTLM after it
 * only as far as the mode goes. */
#include "netapi/logon.h"

#include <stdio.h>
#include <string.h>

#include "netapi/conn.h"

void ns_logon_free(ns_logon *l)
{
    auth_client_free(l->auth);
    auth_client_free(l->second);
    kerberos_free(l->kerberos);
    kerberos_free(l->work);
    l->auth = l->second = NULL;
    l->kerberos = l->work = NULL;
    l->taken = NULL;
}

/* ---- The mechanisms ---- */

static auth_params params_of(const netsession *ns)
{
    const netsession_config *cfg = &ns->cfg;
    bool nobody = cfg->smb.anonymous;

    return (auth_params){.hooks = &cfg->hooks,
                         .domain = nobody || !cfg->domain ? "" : cfg->domain,
                         .user = nobody || !cfg->user ? "" : cfg->user,
                         .password = nobody || !cfg->password ? "" : cfg->password,
                         .workstation = cfg->workstation ? cfg->workstation : "",
                         .target_name = ns->target_name,
                         .bindings = cfg->bindings,
                         .kerberos = ns->logon.kerberos,
                         .anonymous = nobody};
}

static int with_ntlm(netsession *ns, auth_client **out)
{
    auth_params params = params_of(ns);

    return auth_client_new(out, &params, &ns->err);
}

/* With NTLM behind it when that is allowed even after a refusal; otherwise a
 * server that has a ticket shown must take it. */
static int with_kerberos(netsession *ns, bool then_ntlm)
{
    static const auth_mech *const mechs[] = {&ms_kerberos_mech, &kerberos_mech, &ntlm_mech};
    auth_params params = params_of(ns);

    snprintf(ns->logon.why, sizeof ns->logon.why, "%s", kerberos_about(ns->logon.kerberos));
    return auth_client_new_with(&ns->logon.auth, &params, mechs, then_ntlm ? 3 : 2, &ns->err);
}

/* ---- The choice ---- */

static bool has_ntlm(const netsession *ns)
{
    return ns->cfg.kerberos != NETSESSION_KERBEROS_REQUIRED && ns->cfg.user && ns->cfg.password;
}

/* There is a ticket. */
static int use_ticket(netsession *ns)
{
    bool then_ntlm = ns->cfg.kerberos == NETSESSION_KERBEROS_DESIRED && has_ntlm(ns);
    int rc = with_kerberos(ns, then_ntlm);

    if (!rc && then_ntlm)
        rc = with_ntlm(ns, &ns->logon.second);
    return rc;
}

/* There is none. */
static int do_without(netsession *ns, const netsession_error *err, bool no_way)
{
    if (!has_ntlm(ns) || (!no_way && ns->cfg.kerberos != NETSESSION_KERBEROS_DESIRED)) {
        ns->err = *err;
        return err->code;
    }
    snprintf(ns->logon.why, sizeof ns->logon.why, "%s", err->message);
    return with_ntlm(ns, &ns->logon.auth);
}

static int choose(netsession *ns)
{
    netsession_error err = {0};
    bool no_way;
    int rc = kerberos_result(ns->logon.kerberos, &err, &no_way);

    rc = rc ? do_without(ns, &err, no_way) : use_ticket(ns);
    return rc ? rc : smb2_client_log_on(&ns->smb, ns->logon.auth, ns->logon.second);
}

/* ---- Begin and end ---- */

static int begin_kerberos(netsession *ns)
{
    kerberos_params params;

    ns_config_kerberos(&ns->cfg, ns->target_name, &params);
    return kerberos_new(&ns->logon.work, &params, &ns->err);
}

static int begin_ntlm(netsession *ns)
{
    int rc;

    if (!ns->cfg.smb.anonymous && !ns->cfg.user)
        return ns_fail(&ns->err, NETSESSION_E_CREDENTIALS, NS_LAYER_AUTH,
                       "no user name was given");
    if (!ns->cfg.smb.anonymous && !ns->cfg.password)
        return ns_fail(&ns->err, NETSESSION_E_CREDENTIALS, NS_LAYER_AUTH,
                       "no password was given");
    rc = with_ntlm(ns, &ns->logon.auth);
    ns->smb.auth = ns->logon.auth;
    return rc;
}

int ns_logon_begin(netsession *ns)
{
    bool ntlm = ns->cfg.smb.anonymous || ns->cfg.kerberos == NETSESSION_KERBEROS_OFF;

    if (ns->cfg.smb.anonymous && ns->cfg.kerberos == NETSESSION_KERBEROS_REQUIRED)
        return ns_fail(&ns->err, NETSESSION_E_POLICY, NS_LAYER_AUTH,
                       "Kerberos is required, but nobody (anonymous) has a ticket");
    return ntlm || !kerberos_available() ? begin_ntlm(ns) : begin_kerberos(ns);
}

static void explain_ntlm(netsession *ns)
{
    ns_logon *l = &ns->logon;

    if (ns->smb.auth == l->second)
        snprintf(l->why, sizeof l->why, "the server refused the %s",
                 kerberos_about(l->kerberos));
    else
        snprintf(l->why, sizeof l->why, "the server chose it before Kerberos");
}

/* With the keys derived, nothing of the credentials is needed any more. */
void ns_logon_end(netsession *ns)
{
    ns_logon *l = &ns->logon;

    l->mech = auth_client_mech_name(ns->smb.auth);
    if (l->second && strcmp(l->mech, ntlm_mech.name) == 0)
        explain_ntlm(ns);
    ns_logon_free(l);
    ns->smb.auth = ns->smb.second = NULL;
    ns_strfree(&ns->cfg.hooks, ns->cfg.password);
    ns->cfg.password = NULL;
}

/* ---- The work ---- */

netsession_work *netsession_take_work(netsession *ns)
{
    kerberos *work = ns->logon.work;

    if (work)
        ns->logon.taken = work;
    ns->logon.work = NULL;
    return work;
}

void netsession_work_run(netsession_work *work)
{
    kerberos_run(work);
}

void netsession_work_free(netsession_work *work)
{
    kerberos_free(work);
}

int netsession_work_done(netsession *ns, netsession_work *work)
{
    if (!work || work != ns->logon.taken) {
        kerberos_free(work);
        return ns_conn_misuse(ns, "this work is not what the connection waits for");
    }
    ns->logon.taken = NULL;
    ns->logon.kerberos = work;
    return ns_conn_checked(ns, choose(ns));
}
