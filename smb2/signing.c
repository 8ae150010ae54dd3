#include <string.h>

#include "base/crypto.h"
#include "smb2/crypto.h"

#define FLAGS_AT     16
#define SIGNATURE_AT 48

static int hmac_sha256(const uint8_t *key, const uint8_t *msg, size_t len, uint8_t sig[16])
{
    const ns_slice whole = {msg, len};
    uint8_t full[32];
    int rc = ns_hmac_sha256(key, 16, &whole, 1, full);

    memcpy(sig, full, 16);
    return rc;
}

static int aes_cmac(const uint8_t *key, const uint8_t *msg, size_t len, uint8_t sig[16])
{
    const ns_slice whole = {msg, len};

    return ns_aes_cmac(key, &whole, 1, sig);
}

/* 3.1.4.1: the nonce is the MessageId, then who sends it (bit 0: the server)
 * and whether it is a CANCEL (bit 1). */
static int aes_gmac(const uint8_t *key, const uint8_t *msg, size_t len, uint8_t sig[16])
{
    uint8_t nonce[12] = {0};
    uint8_t none = 0;

    memcpy(nonce, msg + 24, 8);
    nonce[8] = (uint8_t)((msg[FLAGS_AT] & SMB2_FLAG_RESPONSE) |
                         (ns_le16(msg + 12) == SMB2_CANCEL ? 2 : 0));
    return ns_aead_seal(NETSESSION_AES_128_GCM, key, nonce, (ns_slice){msg, len}, &none, 0,
                        sig);
}

static const struct algorithm {
    const char *name;
    int (*mac)(const uint8_t *key, const uint8_t *msg, size_t len, uint8_t sig[16]);
} algorithms[] = {
    [NETSESSION_HMAC_SHA256] = {"HMAC-SHA256", hmac_sha256},
    [NETSESSION_AES_CMAC] = {"AES-CMAC", aes_cmac},
    [NETSESSION_AES_GMAC] = {"AES-GMAC", aes_gmac},
};

const char *smb2_signing_name(unsigned algorithm)
{
    return algorithms[algorithm].name;
}

int smb2_sign(unsigned algorithm, const uint8_t key[16], uint8_t *msg, size_t len)
{
    uint8_t sig[16];
    int rc;

    msg[FLAGS_AT] |= SMB2_FLAG_SIGNED;
    memset(msg + SIGNATURE_AT, 0, 16);
    rc = algorithms[algorithm].mac(key, msg, len, sig);
    if (!rc)
        memcpy(msg + SIGNATURE_AT, sig, 16);
    return rc;
}

int smb2_verify(unsigned algorithm, const uint8_t key[16], uint8_t *msg, size_t len)
{
    uint8_t sig[16], want[16];
    int rc;

    memcpy(sig, msg + SIGNATURE_AT, 16);
    memset(msg + SIGNATURE_AT, 0, 16);
    rc = algorithms[algorithm].mac(key, msg, len, want);
    if (!rc && !ns_equal(sig, want, 16))
        rc = NETSESSION_E_SECURITY;
    return rc;
}
