#include "auth/ntlm.h"

#include <string.h>

#include "auth/md4.h"
#include "auth/rc4.h"
#include "auth/server.h"
#include "base/utf.h"

#define PARTS(a) a, sizeof(a) / sizeof *(a)

/* ---- The response ([MS-NLMP] 3.3.2) ---- */

/* NTOWFv1: the MD4 of the password in UTF-16LE. */
static int nt_hash(ns_writer *w, const char *password, uint8_t hash[16], netsession_error *err)
{
    if (!ns_put_utf16(w, password))
        return ns_fail(err, NETSESSION_E_ARGUMENT, NS_LAYER_AUTH,
                       "the password is not valid UTF-8; check the encoding of its source");
    if (w->err)
        return ns_fail_code(err, w->err, NS_LAYER_AUTH);
    ns_md4(w->p, w->len, hash);
    return 0;
}

int ntlm_nt_hash(const char *password, uint8_t out[16])
{
    netsession_hooks hooks;
    netsession_error err = {0};
    ns_writer w;
    int rc;

    ns_hooks_fill(&hooks, NULL);
    ns_writer_init(&w, &hooks, NTLM_MESSAGE_MAX);
    rc = nt_hash(&w, password, out, &err);
    ns_writer_free(&w);
    return rc;
}

/* Only the user is upper-cased, the domain goes in as it is. */
static int identity(ns_writer *w, const char *user, const char *domain, netsession_error *err)
{
    if (!ns_put_utf16_upper(w, user) || !ns_put_utf16(w, domain))
        return ns_fail(err, NETSESSION_E_ARGUMENT, NS_LAYER_AUTH,
                       "the user or domain name is not valid UTF-8; check its encoding");
    return w->err ? ns_fail_code(err, w->err, NS_LAYER_AUTH) : 0;
}

int ntlm_account_key(const netsession_hooks *hooks, const uint8_t hash[16], const char *user,
                     const char *domain, uint8_t key[NTLM_KEY_LEN], netsession_error *err)
{
    ns_writer name;
    int rc;

    ns_writer_init(&name, hooks, NTLM_MESSAGE_MAX);
    rc = identity(&name, user, domain, err);
    if (!rc) {
        rc = ns_hmac_md5(hash, 16, &(ns_slice){name.p, name.len}, 1, key);
        rc = rc ? ns_fail_code(err, rc, NS_LAYER_AUTH) : 0;
    }
    ns_writer_free(&name);
    return rc;
}

int ntlm_response_key(const auth_params *params, uint8_t key[NTLM_KEY_LEN],
                      netsession_error *err)
{
    uint8_t hash[16];
    ns_writer password;
    int rc;

    ns_writer_init(&password, params->hooks, NTLM_MESSAGE_MAX);
    rc = nt_hash(&password, params->password, hash, err);
    if (!rc)
        rc = ntlm_account_key(params->hooks, hash, params->user, params->domain, key, err);
    ns_writer_free(&password);
    ns_wipe(hash, sizeof hash);
    return rc;
}

int ntlm_proof(const uint8_t key[NTLM_KEY_LEN], const uint8_t server[NTLM_NONCE_LEN],
               ns_slice temp, uint8_t proof[16])
{
    ns_slice parts[] = {{server, NTLM_NONCE_LEN}, temp};

    return ns_hmac_md5(key, NTLM_KEY_LEN, PARTS(parts), proof);
}

int ntlm_lm_response(const uint8_t key[NTLM_KEY_LEN], const uint8_t server[NTLM_NONCE_LEN],
                     const uint8_t client[NTLM_NONCE_LEN], uint8_t lm[NTLM_LM_LEN])
{
    memcpy(lm + 16, client, NTLM_NONCE_LEN);
    return ntlm_proof(key, server, (ns_slice){client, NTLM_NONCE_LEN}, lm);
}

int ntlm_base_key(const uint8_t key[NTLM_KEY_LEN], const uint8_t proof[16],
                  uint8_t base[NTLM_KEY_LEN])
{
    return ns_hmac_md5(key, NTLM_KEY_LEN, &(ns_slice){proof, 16}, 1, base);
}

/* ---- The session ---- */

void ntlm_wrap_key(const uint8_t base[NTLM_KEY_LEN], const uint8_t key[NTLM_KEY_LEN],
                   uint8_t wrapped[NTLM_KEY_LEN])
{
    ns_rc4 rc4;

    ns_rc4_init(&rc4, base, NTLM_KEY_LEN);
    memcpy(wrapped, key, NTLM_KEY_LEN);
    ns_rc4_apply(&rc4, wrapped, NTLM_KEY_LEN);
    ns_wipe(&rc4, sizeof rc4);
}

int ntlm_mic(const uint8_t session_key[NTLM_KEY_LEN], ns_slice negotiate, ns_slice challenge,
             ns_slice authenticate, uint8_t mic[16])
{
    ns_slice parts[] = {negotiate, challenge, authenticate};

    return ns_hmac_md5(session_key, NTLM_KEY_LEN, PARTS(parts), mic);
}

/* The NUL at the end of each belongs to it (3.4.5.2, "null-terminated"). */
#define MAGIC(direction, purpose) "session key to " direction " " purpose " key magic constant"

static const struct magic {
    char sign[sizeof MAGIC("client-to-server", "signing")];
    char seal[sizeof MAGIC("client-to-server", "sealing")];
} magics[] = {
    [NTLM_CLIENT] = {MAGIC("client-to-server", "signing"),
                     MAGIC("client-to-server", "sealing")},
    [NTLM_SERVER] = {MAGIC("server-to-client", "signing"),
                     MAGIC("server-to-client", "sealing")},
};

int ntlm_derive_keys(const uint8_t session_key[NTLM_KEY_LEN], enum ntlm_sender sender,
                     ntlm_keys *keys)
{
    const struct magic *m = &magics[sender];
    ns_slice sign[] = {{session_key, NTLM_KEY_LEN}, {m->sign, sizeof m->sign}};
    ns_slice seal[] = {{session_key, NTLM_KEY_LEN}, {m->seal, sizeof m->seal}};
    int rc = ns_md5(PARTS(sign), keys->sign);

    return rc ? rc : ns_md5(PARTS(seal), keys->seal);
}

int ntlm_sign(const ntlm_keys *keys, ns_slice message, uint8_t signature[16])
{
    static const uint8_t seq_num[4];
    ns_slice parts[] = {{seq_num, sizeof seq_num}, message};
    uint8_t checksum[16];
    ns_rc4 rc4;
    int rc = ns_hmac_md5(keys->sign, sizeof keys->sign, PARTS(parts), checksum);

    ns_rc4_init(&rc4, keys->seal, sizeof keys->seal);
    ns_rc4_apply(&rc4, checksum, 8);
    ns_store32(signature, 1); /* Version */
    memcpy(signature + 4, checksum, 8);
    memcpy(signature + 12, seq_num, sizeof seq_num);
    ns_wipe(&rc4, sizeof rc4);
    ns_wipe(checksum, sizeof checksum);
    return rc;
}
