#include <string.h>

#include "base/crypto.h"
#include "smb2/crypto.h"

/* SMB2 TRANSFORM_HEADER, [MS-SMB2] 2.2.41: protocol 4, signature 16, nonce
 * 16, original size 4, reserved 2, flags 2, session id 8.  What follows the
 * signature is authenticated, the nonce's unused bytes too. */
#define TAG_AT    4
#define NONCE_AT  20
#define AAD_LEN   32
#define ENCRYPTED 1

static const char *const cipher_names[] = {
    [NETSESSION_CIPHER_NONE] = NULL,          [NETSESSION_AES_128_CCM] = "AES-128-CCM",
    [NETSESSION_AES_128_GCM] = "AES-128-GCM", [NETSESSION_AES_256_CCM] = "AES-256-CCM",
    [NETSESSION_AES_256_GCM] = "AES-256-GCM",
};

const char *smb2_cipher_name(unsigned cipher)
{
    return cipher_names[cipher];
}

const char *smb2_dialect_name(unsigned dialect)
{
    static const struct {
        unsigned dialect;
        const char *name;
    } names[] = {
        {NETSESSION_SMB_2_0_2, "2.0.2"}, {NETSESSION_SMB_2_1, "2.1"},
        {NETSESSION_SMB_3_0, "3.0"},     {NETSESSION_SMB_3_0_2, "3.0.2"},
        {NETSESSION_SMB_3_1_1, "3.1.1"},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].dialect == dialect)
            return names[i].name;
    return NULL;
}

int smb2_encrypt(unsigned cipher, const uint8_t *key, uint64_t nonce, uint64_t session_id,
                 const uint8_t *msg, size_t len, ns_writer *out)
{
    size_t at = out->len;
    uint8_t *head;

    ns_put32(out, SMB2_TRANSFORM);
    ns_put64(out, 0); /* the tag comes last */
    ns_put64(out, 0);
    ns_put64(out, nonce);
    ns_put64(out, 0);
    ns_put32(out, (uint32_t)len);
    ns_put16(out, 0);
    ns_put16(out, ENCRYPTED);
    ns_put64(out, session_id);
    ns_put(out, msg, len);
    if (out->err)
        return out->err;
    head = out->p + at;
    return ns_aead_seal(cipher, key, head + NONCE_AT, (ns_slice){head + NONCE_AT, AAD_LEN},
                        head + SMB2_TRANSFORM_LEN, len, head + TAG_AT);
}

/* 3.2.5.1.1 */
int smb2_decrypt(unsigned cipher, const uint8_t *key, uint64_t session_id, uint8_t *msg,
                 size_t len)
{
    ns_reader r = ns_reader_of(msg, len);
    uint32_t size;
    uint16_t flags;

    ns_skip(&r, NONCE_AT + 16);
    size = ns_get32(&r);
    ns_skip(&r, 2);
    flags = ns_get16(&r);
    if (ns_get64(&r) != session_id && !r.bad)
        return NETSESSION_E_SECURITY;
    if (r.bad || flags != ENCRYPTED || size != ns_left(&r) || size < SMB2_HEADER_LEN)
        return NETSESSION_E_PROTOCOL;
    return ns_aead_open(cipher, key, msg + NONCE_AT, (ns_slice){msg + NONCE_AT, AAD_LEN},
                        msg + SMB2_TRANSFORM_LEN, size, msg + TAG_AT);
}
