/* RC4, for the key exchange and the signatures of NTLM ([MS-NLMP] 6). */
#ifndef NS_RC4_H
#define NS_RC4_H

#include <stddef.h>
#include <stdint.h>

typedef struct ns_rc4 {
    uint8_t s[256];
    uint8_t i, j;
} ns_rc4;

/* key_len: 1 to 256.  The owner wipes the state. */
void ns_rc4_init(ns_rc4 *r, const uint8_t *key, size_t key_len);
/* Encrypts or decrypts in place, going on where the last call ended. */
void ns_rc4_apply(ns_rc4 *r, uint8_t *data, size_t len);

#endif
