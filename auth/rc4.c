#include "auth/rc4.h"

/* libcrypto keeps RC4 in its legacy provider, which many builds leave out. */

static void swap(uint8_t *a, uint8_t *b)
{
    uint8_t t = *a;

    *a = *b;
    *b = t;
}

void ns_rc4_init(ns_rc4 *r, const uint8_t *key, size_t key_len)
{
    uint8_t j = 0;

    r->i = r->j = 0;
    for (unsigned i = 0; i < 256; i++)
        r->s[i] = (uint8_t)i;
    for (unsigned i = 0; i < 256; i++) {
        j = (uint8_t)(j + r->s[i] + key[i % key_len]);
        swap(&r->s[i], &r->s[j]);
    }
}

void ns_rc4_apply(ns_rc4 *r, uint8_t *data, size_t len)
{
    for (size_t n = 0; n < len; n++) {
        r->i++;
        r->j = (uint8_t)(r->j + r->s[r->i]);
        swap(&r->s[r->i], &r->s[r->j]);
        data[n] ^= r->s[(uint8_t)(r->s[r->i] + r->s[r->j])];
    }
}
