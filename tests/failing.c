#include "tests/failing.h"

#include <openssl/evp.h>

failing failing_crypto;

static int fails(failing *f)
{
    return ++f->made == f->at;
}

/* A function of libcrypto: its result, name, parameters and arguments; what it
 * answers when it fails is 0 or NULL. */
#define WRAP(type, name, params, args)                                                         \
    type __real_##name params;                                                                 \
    type __wrap_##name params;                                                                 \
    type __wrap_##name params                                                                  \
    {                                                                                          \
        return fails(&failing_crypto) ? 0 : __real_##name args;                                \
    }

WRAP(EVP_MD_CTX *, EVP_MD_CTX_new, (void), ())
WRAP(int, EVP_DigestInit_ex, (EVP_MD_CTX * c, const EVP_MD *md, ENGINE *e), (c, md, e))
WRAP(int, EVP_DigestUpdate, (EVP_MD_CTX * c, const void *p, size_t n), (c, p, n))
WRAP(int, EVP_DigestFinal_ex, (EVP_MD_CTX * c, unsigned char *out, unsigned *n), (c, out, n))
WRAP(EVP_MAC *, EVP_MAC_fetch, (OSSL_LIB_CTX * l, const char *name, const char *q),
     (l, name, q))
WRAP(EVP_MAC_CTX *, EVP_MAC_CTX_new, (EVP_MAC * m), (m))
WRAP(int, EVP_MAC_init,
     (EVP_MAC_CTX * c, const unsigned char *k, size_t n, const OSSL_PARAM *p), (c, k, n, p))
WRAP(int, EVP_MAC_update, (EVP_MAC_CTX * c, const unsigned char *p, size_t n), (c, p, n))
WRAP(int, EVP_MAC_final, (EVP_MAC_CTX * c, unsigned char *out, size_t *n, size_t room),
     (c, out, n, room))
WRAP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void), ())
WRAP(int, EVP_CipherInit_ex,
     (EVP_CIPHER_CTX * c, const EVP_CIPHER *t, ENGINE *e, const unsigned char *k,
      const unsigned char *iv, int enc),
     (c, t, e, k, iv, enc))
WRAP(int, EVP_CIPHER_CTX_ctrl, (EVP_CIPHER_CTX * c, int type, int arg, void *p),
     (c, type, arg, p))
WRAP(int, EVP_CipherUpdate,
     (EVP_CIPHER_CTX * c, unsigned char *out, int *outl, const unsigned char *in, int inl),
     (c, out, outl, in, inl))
WRAP(int, EVP_CipherFinal_ex, (EVP_CIPHER_CTX * c, unsigned char *out, int *outl),
     (c, out, outl))
