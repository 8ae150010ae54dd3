/*
 * The server's side of a logon: NTLMv2 with a table of accounts of the
 * caller's own, in SPNEGO ([MS-SPNG] 3.2) or raw; and Kerberos with a keytab,
 * in SPNEGO.  It fails closed: whatever about the credentials is wrong, the
 * answer is the same.
 */
#ifndef NS_AUTH_SERVER_H
#define NS_AUTH_SERVER_H

#include "auth/auth.h"

typedef struct auth_account {
    uint8_t nt_hash[16]; /* ntlm_nt_hash */
    bool admin;          /* only carried through */
} auth_account;

typedef struct auth_server_params {
    const netsession_hooks *hooks;
    /* UTF-8.  A domain other than the computer makes the server a member of
     * it; the dns_ names may be NULL. */
    const char *netbios_computer, *netbios_domain, *dns_computer, *dns_domain;
    /* 1: found, *out filled; 0: unknown.  Never NULL.  domain and user as the
     * client sent them: names are compared without regard to case ([MS-NLMP]
     * 3.2.5.1.2), and "user@domain" comes with an empty domain.  With Kerberos
     * the domain is the realm, "LAB.TEST"; the KDC vouches for the user, known
     * here or not, and all that counts is whether an administrator is found. */
    int (*lookup)(void *ctx, const char *domain, const char *user, auth_account *out);
    void *lookup_ctx;
    bool anonymous; /* accept null sessions */
    bool guest;     /* an unknown user becomes a guest */
    /* The VERSION to announce ([MS-NLMP] 2.2.2.10), 8 bytes; NULL: our own. */
    const uint8_t *version;
    const struct kerberos_acceptor *kerberos; /* NULL: no Kerberos */
    bool no_ntlm;                             /* then it must be Kerberos */
    bool request_mic; /* of every client that speaks SPNEGO, needed or not */
} auth_server_params;

typedef struct auth_server auth_server;

enum auth_server_kind { AUTH_SERVER_USER, AUTH_SERVER_GUEST, AUTH_SERVER_ANONYMOUS };

/* Appends the NegTokenInit2 for the NEGOTIATE response, with what is accepted;
 * 0 or the writer's error. */
int auth_server_hint(const auth_server_params *params, ns_writer *out);
/* One logon.  What params points to must live as long as it. */
int auth_server_new(auth_server **out, const auth_server_params *params, netsession_error *err);
void auth_server_free(auth_server *a); /* wipes; NULL is allowed */
/* One leg: the client's token in, ours appended to out.  1: another token is
 * expected, 0: logged on (out may hold a last token), negative: refused, out
 * is to be dropped and the server good for nothing but auth_server_free:
 *   NETSESSION_E_LOGON     the credentials, or NTLM weaker than is allowed
 *   NETSESSION_E_PROTOCOL  a malformed token
 *   NETSESSION_E_MEMORY, NETSESSION_E_LIMIT, NETSESSION_E_CRYPTO
 *   NETSESSION_E_STATE     it has come to its end before
 * A wrong password, an unknown user, a signature that is wrong or missing, an
 * LM or NTLMv1 response cannot be told apart: neither by code nor sentence,
 * nor by the time that this takes. */
int auth_server_step(auth_server *a, const uint8_t *in, size_t in_len, ns_writer *out,
                     netsession_error *err);

/* Once auth_server_step has returned 0.  The names are as the client sent
 * them, or the ticket has them (the domain is the realm); "" for anonymous (and
 * before). */
enum auth_server_kind auth_server_kind(const auth_server *a);
const char *auth_server_user(const auth_server *a);
const char *auth_server_domain(const auth_server *a);
bool auth_server_admin(const auth_server *a);
/* *len 0: a session without a key (guest, anonymous).  NETSESSION_E_STATE
 * before the end. */
int auth_server_session_key(const auth_server *a, uint8_t key[AUTH_KEY_MAX], size_t *len);

/* The NT hash (NTOWFv1) of a UTF-8 password, for files of users; 0,
 * NETSESSION_E_ARGUMENT when it is not valid UTF-8, or another code. */
int ntlm_nt_hash(const char *password, uint8_t out[16]);

#endif
