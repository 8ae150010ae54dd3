/* How a connection logs on: with Kerberos, with NTLM, or one after the other. */
#ifndef NS_LOGON_H
#define NS_LOGON_H

#include "auth/kerberos.h"

struct netsession;

typedef struct ns_logon {
    kerberos *work;        /* to be taken and run */
    const kerberos *taken; /* out being run; not ours */
    kerberos *kerberos;    /* back, with a ticket or without */
    auth_client *auth, *second;
    const char *mech; /* the name of the one that succeeded */
    char why[320];
} ns_logon;

/* Decides, or makes the work that must be done before. */
int ns_logon_begin(struct netsession *ns);
/* The server granted it. */
void ns_logon_end(struct netsession *ns);
void ns_logon_free(ns_logon *l); /* wipes; why and mech stay */

#endif
