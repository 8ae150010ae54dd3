/* Thin, failable wrappers over libcrypto for what auth/ and smb2/ share.
 * All return 0, or NETSESSION_E_CRYPTO when libcrypto refuses. */
#ifndef NS_CRYPTO_H
#define NS_CRYPTO_H

#include <netsession.h>

typedef struct ns_slice {
    const void *p;
    size_t n;
} ns_slice;

/* out: 16 bytes. */
int ns_md5(const ns_slice *parts, size_t count, uint8_t out[16]);
int ns_hmac_md5(const uint8_t *key, size_t key_len, const ns_slice *parts, size_t count,
                uint8_t out[16]);
int ns_sha512(const ns_slice *parts, size_t count, uint8_t out[64]);
int ns_hmac_sha256(const uint8_t *key, size_t key_len, const ns_slice *parts, size_t count,
                   uint8_t out[32]);
int ns_aes_cmac(const uint8_t key[16], const ns_slice *parts, size_t count, uint8_t out[16]);

/* AEAD in place.  cipher: enum netsession_cipher; key 16 or 32 bytes by
 * cipher, nonce 11 (CCM) or 12 (GCM) bytes, tag 16. */
int ns_aead_seal(unsigned cipher, const uint8_t *key, const uint8_t *nonce, ns_slice aad,
                 uint8_t *data, size_t len, uint8_t tag[16]);
/* NETSESSION_E_SECURITY when the tag does not fit; data is then worthless. */
int ns_aead_open(unsigned cipher, const uint8_t *key, const uint8_t *nonce, ns_slice aad,
                 uint8_t *data, size_t len, const uint8_t tag[16]);

/* Equal?  In time that depends on n only. */
int ns_equal(const void *a, const void *b, size_t n);
void ns_wipe(void *p, size_t n);

#endif
