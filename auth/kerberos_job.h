/* Between the files of Kerberos: the work, and what it leaves. */
#ifndef NS_KERBEROS_JOB_H
#define NS_KERBEROS_JOB_H

#include <gssapi/gssapi_krb5.h>
#include <krb5.h>

#include "auth/kerberos.h"
#include "auth/kerberos_gss.h"

struct netsession_work {
    netsession_hooks hooks; /* the default ones: another thread may run this */
    char *user, *realm;     /* realm: NULL where none was named */
    char *domain;           /* a NetBIOS name, or "" */
    char *password, *ccache, *keytab, *spn;
    char *bindings;
    size_t bindings_len;
    bool delegate, insist;

    /* the ticket */
    krb5_context krb5;
    krb5_principal client, server; /* server: as the ticket names it */
    krb5_ccache source;            /* where its ticket for the KDC is */
    bool own_source;               /* got by us, to be destroyed */
    krb5_ccache cache;             /* private, with the one ticket */

    /* a KRB-ERROR that a KDC answered (RFC 4120 section 5.9.1) */
    krb5_error_code kdc_error;
    long long kdc_ahead; /* seconds that its clock is before ours */

    /* the context with the server */
    gss_cred_id_t cred;
    gss_name_t target;
    gss_ctx_id_t gss;
    gss_buffer_desc first; /* the AP-REQ */
    unsigned leg;
    uint8_t key[AUTH_KEY_MAX];
    size_t key_len;

    /* the outcome */
    bool no_way;
    netsession_error err;
    char about[256];
};

/* All return 0 or the code of k->err. */

/* A private cache with a ticket for the server. */
int kerberos_get_ticket(kerberos *k);
/* Opens the cache that has the user's tickets; its code is libkrb5's. */
krb5_error_code kerberos_open_cache(kerberos *k);
void kerberos_close_cache(kerberos *k);
/* Whether the cache that is open has a ticket that is not expired. */
bool kerberos_is_fresh(kerberos *k);
/* Whether KRB5_CLIENT_KTNAME, or its default, has a key. */
bool kerberos_has_client_keytab(kerberos *k);
/* "CORP" is taken for CORP.EXAMPLE. */
bool kerberos_is_first_label(const char *domain, const char *realm);
/* Gets a ticket for the KDC, by password or keytab. */
int kerberos_log_on(kerberos *k);
/* Whom the service belongs to: k->server. */
krb5_error_code kerberos_find_server(kerberos *k);
/* "fs1" of "cifs/fs1": the realm that is known for it, "" for none, owned by
 * the caller. */
char *kerberos_realm_of_server(kerberos *k);
/* The AP-REQ for it. */
int kerberos_begin(kerberos *k);

/* What libkrb5 says, made an error: its name, Win32 code and advice from the
 * table.  what: "get a ticket for cifs/fs1@CORP". */
int kerberos_fail(kerberos *k, krb5_error_code code, const char *what);
/* The same from GSS-API's two codes; err may be another than k's. */
int kerberos_fail_gss(kerberos *k, OM_uint32 major, OM_uint32 minor, const char *what,
                      netsession_error *err);
/* Notes a KRB-ERROR; false when that is not what in is. */
bool kerberos_note_error(kerberos *k, ns_slice in);
int kerberos_no_memory(kerberos *k);
/* "alice@CORP"; "?" when that fails. */
void kerberos_name(kerberos *k, krb5_const_principal who, char *out, size_t size);

#endif
