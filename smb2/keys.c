#include <string.h>

#include "base/crypto.h"
#include "smb2/crypto.h"

int smb2_kdf(const uint8_t *key, size_t key_len, const void *label, size_t label_len,
             const void *context, size_t context_len, uint8_t *out, size_t len)
{
    uint8_t counter[4], bits[4], zero = 0, full[32];
    const ns_slice parts[] = {
        {counter, 4}, {label, label_len}, {&zero, 1}, {context, context_len}, {bits, 4}};
    int rc;

    ns_store32be(counter, 1);
    ns_store32be(bits, (uint32_t)len * 8);
    rc = ns_hmac_sha256(key, key_len, parts, 5, full);
    memcpy(out, full, len);
    ns_wipe(full, sizeof full);
    return rc;
}

/* A label or context with its NUL: [MS-SMB2] 3.1.4.2 counts it in. */
struct text {
    const char *p;
    size_t n;
};
#define TEXT(s)                                                                                \
    {                                                                                          \
        s, sizeof(s)                                                                           \
    }

/* Contexts that are NULL stand for the preauth hash. */
static const struct schedule {
    struct text signing, signing_context;
    struct text to_server, to_server_context;
    struct text to_client, to_client_context;
} smb30 = {TEXT("SMB2AESCMAC"), TEXT("SmbSign"),    TEXT("SMB2AESCCM"),
           TEXT("ServerIn "),   TEXT("SMB2AESCCM"), TEXT("ServerOut")},
  smb311 = {TEXT("SMBSigningKey"),   {NULL, 0}, TEXT("SMBC2SCipherKey"), {NULL, 0},
            TEXT("SMBS2CCipherKey"), {NULL, 0}};

static int derive(ns_reader key, struct text label, struct text context, const uint8_t *preauth,
                  uint8_t *out, size_t len)
{
    if (!context.p)
        context = (struct text){(const char *)preauth, SMB2_PREAUTH_LEN};
    return smb2_kdf(key.base, key.len, label.p, label.n, context.p, context.n, out, len);
}

/* Session.SessionKey is the first 16 bytes, zero-padded; only the keys of a
 * 256-bit cipher use all of the mechanism's key (3.2.5.3.3). */
int smb2_derive_keys(smb2_keys *keys, unsigned dialect, unsigned cipher, const uint8_t *gss,
                     size_t gss_len, const uint8_t preauth[SMB2_PREAUTH_LEN])
{
    const struct schedule *s = dialect == NETSESSION_SMB_3_1_1 ? &smb311 : &smb30;
    bool wide = cipher == NETSESSION_AES_256_CCM || cipher == NETSESSION_AES_256_GCM;
    size_t len = wide ? 32 : 16;
    uint8_t short_key[16] = {0};
    ns_reader key = ns_reader_of(short_key, sizeof short_key);
    ns_reader cipher_key = wide && gss_len > 16 ? ns_reader_of(gss, gss_len) : key;
    int rc;

    memset(keys, 0, sizeof *keys);
    memcpy(short_key, gss, gss_len < 16 ? gss_len : 16);
    if (dialect < NETSESSION_SMB_3_0) {
        memcpy(keys->signing, short_key, 16);
        rc = 0;
    } else {
        rc = derive(key, s->signing, s->signing_context, preauth, keys->signing, 16);
        if (!rc)
            rc = derive(cipher_key, s->to_server, s->to_server_context, preauth,
                        keys->to_server, len);
        if (!rc)
            rc = derive(cipher_key, s->to_client, s->to_client_context, preauth,
                        keys->to_client, len);
    }
    ns_wipe(short_key, sizeof short_key);
    return rc;
}

int smb2_preauth_update(uint8_t hash[SMB2_PREAUTH_LEN], const uint8_t *msg, size_t len)
{
    const ns_slice parts[] = {{hash, SMB2_PREAUTH_LEN}, {msg, len}};

    return ns_sha512(parts, 2, hash);
}
