/*
 * The client's side of a logon as smb2/ sees it: tokens in, tokens out, and
 * a session key at the end.  SPNEGO ([MS-SPNG], RFC 4178) wraps the
 * mechanisms; each mechanism is one struct auth_mech.
 */
#ifndef NS_AUTH_H
#define NS_AUTH_H

#include "base/bytes.h"
#include "base/error.h"

typedef struct auth_params {
    const netsession_hooks *hooks;
    const char *domain;      /* "" for none */
    const char *user;        /* "" when anonymous */
    const char *password;    /* never NULL */
    const char *workstation; /* "" for none */
    const char *target_name; /* "cifs/host" */
    const uint8_t *bindings; /* 16 bytes, zeros for none */
    struct netsession_work *kerberos; /* with a ticket; NULL: none */
    bool anonymous;
} auth_params;

#define AUTH_KEY_MAX 64

/* One mechanism; two with the same create are one under two OIDs.  All functions return 0 or a negative code with *err set. */
typedef struct auth_mech {
    const char *name;   /* "NTLM" */
    const uint8_t *oid; /* DER, with tag and length */
    size_t oid_len;
    /* The last token is the server's, and comes with the message that ends
     * the logon. */
    bool server_ends;
    /* What to do when the server answers STATUS_LOGON_FAILURE; NULL: what
     * the table of statuses says. */
    const char *advice;
    int (*create)(void **state, const auth_params *params, netsession_error *err);
    /* One leg: token in (none at first), token out.  1: expects another token
     * from the server, 0: nothing more is expected. */
    int (*step)(void *state, const uint8_t *in, size_t in_len, ns_writer *out,
                netsession_error *err);
    /* Integrity over a buffer with sequence number 0, for mechListMIC.  What
     * it makes and checks leaves no trace in the state.  make_mic appends
     * nothing where no integrity was agreed. */
    int (*make_mic)(void *state, const uint8_t *msg, size_t len, ns_writer *mic,
                    netsession_error *err);
    int (*check_mic)(void *state, const uint8_t *msg, size_t len, const uint8_t *mic,
                     size_t mic_len, netsession_error *err);
    /* The key, once step returned 0; *len <= AUTH_KEY_MAX.  *len 0: a session
     * without a key (anonymous). */
    int (*session_key)(const void *state, uint8_t key[AUTH_KEY_MAX], size_t *len);
    void (*destroy)(void *state); /* wipes */
} auth_mech;

extern const auth_mech ntlm_mech;

typedef struct auth_client auth_client;

/* What params points to must live as long as the client. */
int auth_client_new(auth_client **out, const auth_params *params, netsession_error *err);
/* The same with other mechanisms than NTLM, most wanted first, at least one;
 * the array must live as long too. */
int auth_client_new_with(auth_client **out, const auth_params *params,
                         const auth_mech *const *mechs, size_t count, netsession_error *err);
void auth_client_free(auth_client *a); /* wipes; NULL is allowed */
/* Appends the next token for the server to out; 0 or a negative code, after
 * which the client is good for nothing but auth_client_free.  in: at first the
 * hint from the NEGOTIATE response (may be empty), then each token that came
 * with STATUS_MORE_PROCESSING_REQUIRED. */
int auth_client_step(auth_client *a, const uint8_t *in, size_t in_len, ns_writer *out,
                     netsession_error *err);
/* The server says that the logon succeeded; its last token, maybe empty, is
 * checked (state, mechListMIC).  A logon that ends before every leg was gone
 * through is refused. */
int auth_client_finish(auth_client *a, const uint8_t *in, size_t in_len, netsession_error *err);
/* Valid from the last leg on, before auth_client_finish too: the answer that
 * ends the logon is signed with it.  *len 0: no key (anonymous). */
int auth_client_session_key(const auth_client *a, uint8_t key[AUTH_KEY_MAX], size_t *len);
/* The error of a server that refuses the logon with this status. */
int auth_client_refused(const auth_client *a, uint32_t status, netsession_error *err);
const char *auth_client_mech_name(const auth_client *a); /* "NTLM" */

#endif
