/*
 * Kerberos as a mechanism (RFC 4120, RFC 4121, [MS-KILE]), by MIT libkrb5 and
 * its GSS-API; a build without them has no_kerberos.c instead.
 *
 * Getting a ticket asks the KDC and blocks.  So it is a piece of work apart,
 * the object here: it has all that it needs, uses none of the caller's hooks,
 * and may be run on any thread.  What it brings is the mechanism's state.
 */
#ifndef NS_KERBEROS_H
#define NS_KERBEROS_H

#include "auth/auth.h"
#include "base/crypto.h"

typedef struct kerberos_params {
    const char *user, *domain; /* "": whoever the cache or the keytab is for */
    const char *password;      /* NULL: none */
    const char *ccache;        /* NULL: the default, KRB5CCNAME */
    const char *keytab;        /* with the user's key; NULL: KRB5_CLIENT_KTNAME */
    const char *spn;           /* "cifs/host", "cifs/host@REALM" */
    ns_slice bindings;         /* application data of the channel; may be empty */
    bool delegate;             /* send the server a ticket to act with as the user */
    bool insist;               /* ask the default realm for a user who names none, even
                                  when the server is in no realm that is known */
} kerberos_params;

/* In netsession.h it is called what it is there: a step that blocks. */
typedef struct netsession_work kerberos;

bool kerberos_available(void);
/* Whether a ticket lies ready that is not expired; asks nobody.  Of params
 * the user, the domain and the cache count. */
bool kerberos_has_ticket(const kerberos_params *params);

/* Copies what params points to. */
int kerberos_new(kerberos **out, const kerberos_params *params, netsession_error *err);
void kerberos_free(kerberos *k); /* wipes; NULL is allowed */
/* Gets the ticket.  Blocks for as long as libkrb5 thinks right. */
void kerberos_run(kerberos *k);

/* After kerberos_run.  0, or the code of *err; with *no_way nobody refused
 * anything: there was no ticket, and nobody who could have been asked. */
int kerberos_result(const kerberos *k, netsession_error *err, bool *no_way);
/* "ticket of alice@CORP for cifs/fs1@CORP, aes256-cts-hmac-sha1-96" */
const char *kerberos_about(const kerberos *k);

/* Under both its names; the state is auth_params.kerberos, which stays the
 * caller's. */
extern const auth_mech kerberos_mech, ms_kerberos_mech;

#endif
