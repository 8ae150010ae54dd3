#include "base/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

/* ---- Digests and MACs ---- */

static int digest(const EVP_MD *md, const ns_slice *parts, size_t count, uint8_t *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx && EVP_DigestInit_ex(ctx, md, NULL);

    for (size_t i = 0; ok && i < count; i++)
        ok = EVP_DigestUpdate(ctx, parts[i].p, parts[i].n);
    ok = ok && EVP_DigestFinal_ex(ctx, out, NULL);
    EVP_MD_CTX_free(ctx);
    return ok ? 0 : NETSESSION_E_CRYPTO;
}

int ns_md5(const ns_slice *parts, size_t count, uint8_t out[16])
{
    return digest(EVP_md5(), parts, count, out);
}

int ns_sha512(const ns_slice *parts, size_t count, uint8_t out[64])
{
    return digest(EVP_sha512(), parts, count, out);
}

/* param, value: the digest of an HMAC or the cipher of a CMAC. */
static int mac(const char *name, const char *param, const char *value, ns_slice key,
               const ns_slice *parts, size_t count, uint8_t *out, size_t out_len)
{
    char text[16] = {0}; /* OSSL_PARAM wants it writable, and never writes */
    OSSL_PARAM params[2];
    EVP_MAC *alg = EVP_MAC_fetch(NULL, name, NULL);
    EVP_MAC_CTX *ctx = alg ? EVP_MAC_CTX_new(alg) : NULL;
    size_t n = 0;
    int ok;

    strncpy(text, value, sizeof text - 1);
    params[0] = OSSL_PARAM_construct_utf8_string(param, text, 0);
    params[1] = OSSL_PARAM_construct_end();
    ok = ctx && EVP_MAC_init(ctx, key.p, key.n, params);
    for (size_t i = 0; ok && i < count; i++)
        ok = EVP_MAC_update(ctx, parts[i].p, parts[i].n);
    ok = ok && EVP_MAC_final(ctx, out, &n, out_len) && n == out_len;
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(alg);
    return ok ? 0 : NETSESSION_E_CRYPTO;
}

int ns_hmac_md5(const uint8_t *key, size_t key_len, const ns_slice *parts, size_t count,
                uint8_t out[16])
{
    return mac("HMAC", OSSL_MAC_PARAM_DIGEST, "MD5", (ns_slice){key, key_len}, parts, count,
               out, 16);
}

int ns_hmac_sha256(const uint8_t *key, size_t key_len, const ns_slice *parts, size_t count,
                   uint8_t out[32])
{
    return mac("HMAC", OSSL_MAC_PARAM_DIGEST, "SHA256", (ns_slice){key, key_len}, parts, count,
               out, 32);
}

int ns_aes_cmac(const uint8_t key[16], const ns_slice *parts, size_t count, uint8_t out[16])
{
    return mac("CMAC", OSSL_MAC_PARAM_CIPHER, "AES-128-CBC", (ns_slice){key, 16}, parts, count,
               out, 16);
}

/* ---- AEAD ---- */

#define TAG_LEN 16

static const struct aead {
    const EVP_CIPHER *(*cipher)(void);
    int nonce_len;
    int ccm; /* CCM wants the lengths before the data */
} aeads[] = {
    [NETSESSION_AES_128_CCM] = {EVP_aes_128_ccm, 11, 1},
    [NETSESSION_AES_128_GCM] = {EVP_aes_128_gcm, 12, 0},
    [NETSESSION_AES_256_CCM] = {EVP_aes_256_ccm, 11, 1},
    [NETSESSION_AES_256_GCM] = {EVP_aes_256_gcm, 12, 0},
};

struct aead_job {
    const struct aead *alg;
    EVP_CIPHER_CTX *ctx;
    int encrypt;
};

/* Everything up to the data: cipher, nonce length, tag (to check), key. */
static int aead_begin(struct aead_job *job, const uint8_t *key, const uint8_t *nonce,
                      uint8_t *tag, ns_slice aad, size_t len)
{
    EVP_CIPHER_CTX *c = job->ctx;
    int n;

    return c && len <= INT32_MAX && aad.n <= INT32_MAX &&
           EVP_CipherInit_ex(c, job->alg->cipher(), NULL, NULL, NULL, job->encrypt) &&
           EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, job->alg->nonce_len, NULL) &&
           (job->encrypt && !job->alg->ccm
                ? 1
                : EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_LEN,
                                      job->encrypt ? NULL : tag)) &&
           EVP_CipherInit_ex(c, NULL, NULL, key, nonce, job->encrypt) &&
           (!job->alg->ccm || EVP_CipherUpdate(c, NULL, &n, NULL, (int)len)) &&
           EVP_CipherUpdate(c, NULL, &n, aad.p, (int)aad.n);
}

int ns_aead_seal(unsigned cipher, const uint8_t *key, const uint8_t *nonce, ns_slice aad,
                 uint8_t *data, size_t len, uint8_t tag[16])
{
    struct aead_job job = {&aeads[cipher], EVP_CIPHER_CTX_new(), 1};
    uint8_t rest[TAG_LEN];
    int n;
    int ok = aead_begin(&job, key, nonce, tag, aad, len) &&
             ((!len && !job.alg->ccm) || EVP_CipherUpdate(job.ctx, data, &n, data, (int)len)) &&
             EVP_CipherFinal_ex(job.ctx, rest, &n) &&
             EVP_CIPHER_CTX_ctrl(job.ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, tag);

    EVP_CIPHER_CTX_free(job.ctx);
    return ok ? 0 : NETSESSION_E_CRYPTO;
}

/* GCM tells in Final whether the tag fits, CCM already in Update. */
static int aead_verify(struct aead_job *job, uint8_t *data, size_t len)
{
    uint8_t rest[TAG_LEN];
    int n;

    return EVP_CipherUpdate(job->ctx, data, &n, data, (int)len) &&
           (job->alg->ccm || EVP_CipherFinal_ex(job->ctx, rest, &n));
}

int ns_aead_open(unsigned cipher, const uint8_t *key, const uint8_t *nonce, ns_slice aad,
                 uint8_t *data, size_t len, const uint8_t tag[16])
{
    struct aead_job job = {&aeads[cipher], EVP_CIPHER_CTX_new(), 0};
    uint8_t want[TAG_LEN];
    int rc = NETSESSION_E_CRYPTO;

    memcpy(want, tag, sizeof want);
    if (aead_begin(&job, key, nonce, want, aad, len))
        rc = aead_verify(&job, data, len) ? 0 : NETSESSION_E_SECURITY;
    EVP_CIPHER_CTX_free(job.ctx);
    return rc;
}

int ns_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

void ns_wipe(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}
