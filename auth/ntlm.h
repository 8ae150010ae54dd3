/*
 * What the files of NTLM share: the messages ([MS-NLMP] 2.2.1), the NTLMv2
 * computations (3.3.2, 3.4).  LM and NTLMv1 do not exist here.  Functions
 * without a netsession_error return 0 or a negative code.
 */
#ifndef NS_NTLM_H
#define NS_NTLM_H

#include "auth/auth.h"
#include "base/crypto.h"

/* ---- Messages ---- */

/* NegotiateFlags ([MS-NLMP] 2.2.2.5) */
#define NTLM_UNICODE              0x00000001u
#define NTLM_OEM                  0x00000002u
#define NTLM_REQUEST_TARGET       0x00000004u
#define NTLM_SIGN                 0x00000010u
#define NTLM_SEAL                 0x00000020u
#define NTLM_LM_KEY               0x00000080u
#define NTLM_NTLM                 0x00000200u
#define NTLM_ANONYMOUS            0x00000800u
#define NTLM_DOMAIN_SUPPLIED      0x00001000u
#define NTLM_WORKSTATION_SUPPLIED 0x00002000u
#define NTLM_ALWAYS_SIGN          0x00008000u
#define NTLM_TARGET_DOMAIN        0x00010000u
#define NTLM_TARGET_SERVER        0x00020000u
#define NTLM_EXTENDED             0x00080000u
#define NTLM_TARGET_INFO          0x00800000u
#define NTLM_VERSION              0x02000000u
#define NTLM_128                  0x20000000u
#define NTLM_KEY_EXCH             0x40000000u
#define NTLM_56                   0x80000000u

/* AvId ([MS-NLMP] 2.2.2.1) */
enum ntlm_av {
    NTLM_AV_EOL,
    NTLM_AV_NB_COMPUTER,
    NTLM_AV_NB_DOMAIN,
    NTLM_AV_DNS_COMPUTER,
    NTLM_AV_DNS_DOMAIN,
    NTLM_AV_DNS_TREE,
    NTLM_AV_FLAGS,
    NTLM_AV_TIMESTAMP,
    NTLM_AV_SINGLE_HOST,
    NTLM_AV_TARGET_NAME,
    NTLM_AV_CHANNEL_BINDINGS,
    NTLM_AV_COUNT
};

#define NTLM_AV_FLAG_MIC 2u /* "the client is providing message integrity in the MIC field" */

/* No message is longer: the SecurityBufferLength of [MS-SMB2] 2.2.5 has 16
 * bits, and so has every length inside. */
#define NTLM_MESSAGE_MAX 65535u

#define NTLM_NONCE_LEN   8
#define NTLM_KEY_LEN     16
#define NTLM_LM_LEN      24
#define NTLM_V1_LEN      24
#define NTLM_VERSION_LEN 8

typedef struct ntlm_challenge {
    uint32_t flags;
    uint8_t nonce[NTLM_NONCE_LEN];
    ns_slice pairs;                /* the AV pairs without the end of list; into the message */
    ns_slice value[NTLM_AV_COUNT]; /* of each pair; p is NULL where there is none */
} ntlm_challenge;

typedef struct ntlm_authenticate {
    uint32_t flags; /* the challenge's */
    bool anonymous;
    const char *domain, *user, *workstation;
    ns_slice lm, nt, session_key; /* responses; the key as it is encrypted */
} ntlm_authenticate;

/* What a server says of itself. */
typedef struct ntlm_target {
    const char *nb_computer, *nb_domain;   /* UTF-8 */
    const char *dns_computer, *dns_domain; /* may be NULL */
    const uint8_t *version;                /* NTLM_VERSION_LEN bytes; NULL: our own */
    uint64_t time;
} ntlm_target;

/* An AUTHENTICATE_MESSAGE as a server gets it.  Slices point into the message. */
typedef struct ntlm_response {
    uint32_t flags;
    ns_slice domain, user;         /* UTF-16LE, of an even length */
    ns_slice lm, nt;               /* responses */
    ns_slice session_key;          /* encrypted; with KEY_EXCH NTLM_KEY_LEN bytes, else none */
    bool has_mic;                  /* there is room for it */
    bool v2;                       /* nt is an NTLMv2 response, and the following is its: */
    uint64_t time;                 /* TimeStamp */
    ns_slice value[NTLM_AV_COUNT]; /* of each AV pair; p is NULL where there is none */
} ntlm_response;

void ntlm_put_negotiate(ns_writer *w);
bool ntlm_get_negotiate(ns_slice in, uint32_t *flags);
/* The flags of the answer to what a client offers; joined: the server is a
 * member of a domain. */
uint32_t ntlm_challenge_flags(uint32_t offered, bool joined);
/* False when a name is not valid UTF-8.  w must be empty before. */
bool ntlm_put_challenge(ns_writer *w, uint32_t flags, const uint8_t nonce[NTLM_NONCE_LEN],
                        const ntlm_target *t);
/* Refuses what is malformed or weaker than this client allows. */
int ntlm_get_challenge(ntlm_challenge *c, const uint8_t *in, size_t len, netsession_error *err);
/* False when a string is not valid UTF-8.  w must be empty before. */
bool ntlm_put_authenticate(ns_writer *w, const ntlm_authenticate *a);
/* False when it is malformed; then nothing of it may be used. */
bool ntlm_get_authenticate(ns_slice in, ntlm_response *a);
/* Where the MIC of an AUTHENTICATE_MESSAGE stands or goes. */
uint8_t *ntlm_mic_in_authenticate(ns_writer *w);
/* The AV pairs of the NTLMv2 response: the challenge's and the client's own.
 * False when target_name is not valid UTF-8. */
bool ntlm_put_pairs(ns_writer *w, const ntlm_challenge *c, const uint8_t bindings[16],
                    const char *target_name);

/* ---- Computations ---- */

/* NTOWFv2 ([MS-NLMP] 3.3.2) */
int ntlm_response_key(const auth_params *params, uint8_t key[NTLM_KEY_LEN],
                      netsession_error *err);
/* The same from the NT hash. */
int ntlm_account_key(const netsession_hooks *hooks, const uint8_t hash[16], const char *user,
                     const char *domain, uint8_t key[NTLM_KEY_LEN], netsession_error *err);
/* NTProofStr: temp is the response without it. */
int ntlm_proof(const uint8_t key[NTLM_KEY_LEN], const uint8_t server[NTLM_NONCE_LEN],
               ns_slice temp, uint8_t proof[16]);
int ntlm_lm_response(const uint8_t key[NTLM_KEY_LEN], const uint8_t server[NTLM_NONCE_LEN],
                     const uint8_t client[NTLM_NONCE_LEN], uint8_t lm[NTLM_LM_LEN]);
/* SessionBaseKey, which with NTLMv2 is the KeyExchangeKey too (3.4.5.1). */
int ntlm_base_key(const uint8_t key[NTLM_KEY_LEN], const uint8_t proof[16],
                  uint8_t base[NTLM_KEY_LEN]);
/* RC4K ([MS-NLMP] 6): the session key under the key exchange key; its own
 * inverse. */
void ntlm_wrap_key(const uint8_t base[NTLM_KEY_LEN], const uint8_t key[NTLM_KEY_LEN],
                   uint8_t wrapped[NTLM_KEY_LEN]);
/* The MIC of an AUTHENTICATE_MESSAGE whose own MIC is zero (3.1.5.1.2). */
int ntlm_mic(const uint8_t session_key[NTLM_KEY_LEN], ns_slice negotiate, ns_slice challenge,
             ns_slice authenticate, uint8_t mic[16]);

/* SIGNKEY and SEALKEY of one direction (3.4.5.2, 3.4.5.3). */
typedef struct ntlm_keys {
    uint8_t sign[NTLM_KEY_LEN];
    uint8_t seal[NTLM_KEY_LEN];
} ntlm_keys;

enum ntlm_sender { NTLM_CLIENT, NTLM_SERVER };

int ntlm_derive_keys(const uint8_t session_key[NTLM_KEY_LEN], enum ntlm_sender sender,
                     ntlm_keys *keys);
/* NTLMSSP_MESSAGE_SIGNATURE (3.4.4.2) with SeqNum 0 and RC4 at its start. */
int ntlm_sign(const ntlm_keys *keys, ns_slice message, uint8_t signature[16]);

#endif
