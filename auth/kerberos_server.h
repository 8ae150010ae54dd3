/*
 * Kerberos as a mechanism of the acceptor (RFC 4121, [MS-KILE] 3.4), by the
 * GSS-API of MIT libkrb5; a build without it has no_kerberos_server.c instead.
 * The keys come from a keytab, and the tickets that they open say who it is:
 * no KDC is asked.
 */
#ifndef NS_KERBEROS_SERVER_H
#define NS_KERBEROS_SERVER_H

#include "auth/server_mech.h"

/* The keys of a service; one for all connections.  Uses no hooks. */
typedef struct kerberos_acceptor kerberos_acceptor;

/* keytab: a path, or what else libkrb5 takes as the name of one.  It must hold
 * a key.  0, NETSESSION_E_ARGUMENT or NETSESSION_E_MEMORY. */
int kerberos_acceptor_new(kerberos_acceptor **out, const char *keytab, netsession_error *err);
void kerberos_acceptor_free(kerberos_acceptor *c); /* NULL is allowed */

/* The client's name as libkrb5 prints it, "alice@LAB.TEST", n bytes, split in
 * place: user and realm, NUL-terminated; text has room for one byte more.
 * False for a name that would be another's here. */
bool kerberos_split_name(char *text, size_t n, char **user, char **realm);

#endif
