/*
 * The server's half of NTLMv2 ([MS-NLMP] 3.2), without SPNEGO around it.
 * That a client is refused is not an error here but a verdict, reached only
 * when all was computed, whichever part of it was wrong.
 */
#ifndef NS_NTLM_SERVER_H
#define NS_NTLM_SERVER_H

#include "auth/ntlm.h"
#include "auth/server.h"

typedef struct ntlm_server {
    const auth_server_params *params;
    ns_writer negotiate, challenge; /* as they came and went, for the MIC */
    uint32_t flags;                 /* of the challenge */
    uint64_t time;                  /* in the challenge */
    struct {
        uint8_t nonce[NTLM_NONCE_LEN]; /* ServerChallenge */
        uint8_t nobody[16];            /* the NT hash of whom the lookup does not know */
    } own;                             /* from the entropy source */
    bool good;                         /* nothing was found wrong so far */
    enum auth_server_kind kind;
    char *user, *domain; /* NULL before AUTHENTICATE_MESSAGE */
    bool admin;
    uint8_t key[NTLM_KEY_LEN]; /* ExportedSessionKey */
    ntlm_keys client, server;
} ntlm_server;

/* ntlm_server_clear is due even after a failure.  params is kept. */
int ntlm_server_init(ntlm_server *s, const auth_server_params *params, netsession_error *err);
void ntlm_server_clear(ntlm_server *s); /* wipes */

/* NEGOTIATE_MESSAGE in, CHALLENGE_MESSAGE in s->challenge. */
int ntlm_server_challenge(ntlm_server *s, ns_slice in, netsession_error *err);
/* AUTHENTICATE_MESSAGE in.  After 0, s->good is the verdict; until it has been
 * looked at nothing else in s means anything. */
int ntlm_server_authenticate(ntlm_server *s, ns_slice in, netsession_error *err);
/* Whether the session has keys, hence signatures. */
bool ntlm_server_has_keys(const ntlm_server *s);
/* The signature of message with sequence number 0, by either side. */
int ntlm_server_sign(const ntlm_server *s, enum ntlm_sender sender, ns_slice message,
                     uint8_t signature[16], netsession_error *err);

#endif
