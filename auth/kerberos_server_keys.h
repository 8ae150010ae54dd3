/* What the two files of the Kerberos acceptor share. */
#ifndef NS_KERBEROS_SERVER_KEYS_H
#define NS_KERBEROS_SERVER_KEYS_H

#include <gssapi/gssapi.h>
#include <krb5/krb5.h>

#include "auth/kerberos_gss.h"
#include "auth/kerberos_server.h"

struct kerberos_acceptor {
    krb5_context krb5;
    krb5_principal server; /* the keytab's first, to sign errors with */
    gss_cred_id_t cred;
};

/* Appends the answer to an AP-REQ of a client whose clock is wrong: a KRB-ERROR
 * that tells it ours ([MS-KILE] 3.4.5). */
int kerberos_put_skew(const kerberos_acceptor *c, ns_writer *out, netsession_error *err);

#endif
