#include "tests/kerberos/site.h"

#include <stdlib.h>
#include <string.h>

#include "tests/kerberos/realm.h"

/* ---- The server ---- */

/* Alice is known to NTLM, too. */
static int lookup(void *ctx, const char *domain, const char *user, auth_account *out)
{
    (void)ctx;
    (void)domain;
    out->admin = true;
    return !strncmp(user, "alice", 5) &&
           ntlm_nt_hash(realm_password("ALICE"), out->nt_hash) == 0;
}

void site_open(site *s, const char *keytab)
{
    netsession_error err = {0};

    rig_init(&s->rig);
    s->acceptor = NULL;
    s->rig.cfg.smb.auth.lookup = lookup;
    if (keytab)
        ck_assert_msg(!kerberos_acceptor_new(&s->acceptor, realm_file(keytab), &err), "%s",
                      err.message);
    s->rig.cfg.smb.auth.kerberos = s->acceptor;
}

void site_close(site *s)
{
    rig_stop(&s->rig);
    kerberos_acceptor_free(s->acceptor);
}

/* ---- The client ---- */

netsession_config *site_config(const char *user, const char *password, const char *spn)
{
    netsession_config *cfg = netsession_config_new(NULL);

    ck_assert_ptr_nonnull(cfg);
    if (user)
        ck_assert_int_eq(netsession_config_user(cfg, NULL, user), 0);
    if (password)
        ck_assert_int_eq(netsession_config_password(cfg, password), 0);
    ck_assert_int_eq(netsession_config_target_name(cfg, spn), 0);
    return cfg;
}

/* ---- Where the ticket comes from ---- */

void site_by_ccache(netsession_config *cfg)
{
    ck_assert_int_eq(netsession_config_ccache(cfg, realm_file("ccache")), 0);
}

static void by_keytab(netsession_config *cfg)
{
    setenv("KRB5CCNAME", realm_file("none"), 1);
    ck_assert_int_eq(netsession_config_keytab(cfg, realm_file("alice.keytab")), 0);
}

static void by_client_keytab(netsession_config *cfg)
{
    (void)cfg;
    setenv("KRB5CCNAME", realm_file("none"), 1);
    setenv("KRB5_CLIENT_KTNAME", realm_file("alice.keytab"), 1);
}

static void by_default_cache(netsession_config *cfg)
{
    (void)cfg;
}

/* A guess of the environment's does not stand against a ticket. */
static void by_default_cache_not_user(netsession_config *cfg)
{
    setenv("USER", "somebody", 1);
    setenv("PASSWD", "else", 1);
    ck_assert_int_eq(netsession_config_environment(cfg), 0);
    ck_assert(netsession_config_has_ticket(cfg));
}

static void by_password(netsession_config *cfg)
{
    setenv("KRB5CCNAME", realm_file("none"), 1);
    ck_assert_int_eq(netsession_config_user(cfg, "net.test", "alice"), 0);
    ck_assert_int_eq(netsession_config_password(cfg, realm_password("ALICE")), 0);
    ck_assert(!netsession_config_has_ticket(cfg));
}

/* The first label of the default realm, as Windows users write it. */
static void by_short_domain(netsession_config *cfg)
{
    ck_assert_int_eq(netsession_config_user(cfg, NULL, "NET\\alice"), 0);
    ck_assert_int_eq(netsession_config_password(cfg, realm_password("ALICE")), 0);
}

/* No realm, but the server is in the default one. */
static void by_bare_name(netsession_config *cfg)
{
    ck_assert_int_eq(netsession_config_user(cfg, NULL, "alice"), 0);
    ck_assert_int_eq(netsession_config_password(cfg, realm_password("ALICE")), 0);
}

void (*const site_sources[SITE_SOURCES])(netsession_config *cfg) = {site_by_ccache,
                                                                    by_keytab,
                                                                    by_client_keytab,
                                                                    by_default_cache,
                                                                    by_default_cache_not_user,
                                                                    by_password,
                                                                    by_short_domain,
                                                                    by_bare_name};

/* ---- The environment ---- */

void site_setup(void)
{
    static const char *const names[] = {"KRB5CCNAME", "KRB5_CLIENT_KTNAME", "USER", "PASSWD"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}
