/* Keys, signatures and encryption of SMB2 ([MS-SMB2] 3.1.4). */
#ifndef NS_SMB2_CRYPTO_H
#define NS_SMB2_CRYPTO_H

#include "smb2/message.h"

#define SMB2_PREAUTH_LEN 64

typedef struct smb2_keys {
    uint8_t signing[16];
    uint8_t to_server[32]; /* encryption, 16 or 32 bytes by cipher */
    uint8_t to_client[32];
} smb2_keys;

/* SP800-108 counter mode with HMAC-SHA256 (3.1.4.2); label and context are
 * taken whole, NULs included; len: 16 or 32. */
int smb2_kdf(const uint8_t *key, size_t key_len, const void *label, size_t label_len,
             const void *context, size_t context_len, uint8_t *out, size_t len);

/* All keys of a session (3.2.5.3).  gss: the mechanism's key, at least one
 * byte; preauth: of the session, used by 3.1.1. */
int smb2_derive_keys(smb2_keys *keys, unsigned dialect, unsigned cipher, const uint8_t *gss,
                     size_t gss_len, const uint8_t preauth[SMB2_PREAUTH_LEN]);

/* H = SHA-512(H, message): 3.2.5.2. */
int smb2_preauth_update(uint8_t hash[SMB2_PREAUTH_LEN], const uint8_t *msg, size_t len);

/* Signs the message (header first, len >= 64) in place: sets the flag,
 * writes the signature.  algorithm: enum netsession_signing. */
int smb2_sign(unsigned algorithm, const uint8_t key[16], uint8_t *msg, size_t len);
/* 0, or NETSESSION_E_SECURITY when it does not fit, or _E_CRYPTO.  The
 * signature's bytes in msg are zero afterwards. */
int smb2_verify(unsigned algorithm, const uint8_t key[16], uint8_t *msg, size_t len);

/* Appends the transform header and msg encrypted (2.2.41, 3.1.4.3). */
int smb2_encrypt(unsigned cipher, const uint8_t *key, uint64_t nonce, uint64_t session_id,
                 const uint8_t *msg, size_t len, ns_writer *out);
/* Decrypts a whole transform message in place; on 0 the message inside stands
 * behind the transform header, msg + SMB2_TRANSFORM_LEN.  _E_PROTOCOL for a
 * malformed one, _E_SECURITY for a wrong session or tag. */
int smb2_decrypt(unsigned cipher, const uint8_t *key, uint64_t session_id, uint8_t *msg,
                 size_t len);

const char *smb2_signing_name(unsigned algorithm);
const char *smb2_cipher_name(unsigned cipher); /* NULL for none */
const char *smb2_dialect_name(unsigned dialect);

#endif
