/* The reference server in memory with the keys of the realm, and who logs on. */
#ifndef TESTS_KERBEROS_SITE_H
#define TESTS_KERBEROS_SITE_H

#include "auth/kerberos_server.h"
#include "tests/test_server_rig.h"

typedef struct site {
    rig rig;
    kerberos_acceptor *acceptor;
} site;

/* Alice is known to NTLM, too.  keytab: of the realm; NULL: no Kerberos.  Then
 * rig_start. */
void site_open(site *s, const char *keytab);
void site_close(site *s);

netsession_config *site_config(const char *user, const char *password, const char *spn);

/* Each way to the ticket of alice, set in a config that has no user. */
#define SITE_SOURCES 8
extern void (*const site_sources[SITE_SOURCES])(netsession_config *cfg);
void site_by_ccache(netsession_config *cfg);

/* A fixture: forgets what other tests left in the environment. */
void site_setup(void);

#endif
