#include <string.h>

#include "base/utf.h"
#include "smb2/message.h"

enum { CTX_PREAUTH = 1, CTX_ENCRYPTION = 2, CTX_NETNAME = 5, CTX_SIGNING = 8 };

#define HASH_SHA512 1

/* Salts are 32 bytes from Windows; more than this is nobody's. */
#define SALT_MAX 256

/* ---- Request: contexts ---- */

/* Each context starts 8-aligned, counted from the SMB2 header: 2.2.3.1. */
static size_t context_begin(ns_writer *w, size_t start, uint16_t type)
{
    ns_put_align(w, start, 8);
    ns_put16(w, type);
    ns_put16(w, 0);
    ns_put32(w, 0);
    return w->len;
}

static void context_end(ns_writer *w, size_t data)
{
    ns_set16(w, data - 6, (uint16_t)(w->len - data));
}

static void put_preauth(ns_writer *w, size_t start, const smb2_negotiate_request *m)
{
    size_t data = context_begin(w, start, CTX_PREAUTH);

    ns_put16(w, 1);
    ns_put16(w, sizeof m->salt);
    ns_put16(w, HASH_SHA512);
    ns_put(w, m->salt, sizeof m->salt);
    context_end(w, data);
}

static void put_algs(ns_writer *w, size_t start, uint16_t type, const smb2_algs *algs)
{
    size_t data = context_begin(w, start, type);

    ns_put16(w, algs->count);
    for (unsigned i = 0; i < algs->count; i++)
        ns_put16(w, algs->id[i]);
    context_end(w, data);
}

static bool put_netname(ns_writer *w, size_t start, const char *name)
{
    size_t data = context_begin(w, start, CTX_NETNAME);
    bool ok = ns_put_utf16(w, name);

    context_end(w, data);
    return ok;
}

static bool put_contexts(ns_writer *w, size_t start, const smb2_negotiate_request *m)
{
    size_t where = start + SMB2_HEADER_LEN + 28; /* NegotiateContextOffset */
    uint16_t count = 3;
    bool ok;

    ns_put_align(w, start, 8);
    ns_set32(w, where, (uint32_t)(w->len - start));
    put_preauth(w, start, m);
    if (m->ciphers.count) {
        put_algs(w, start, CTX_ENCRYPTION, &m->ciphers);
        count++;
    }
    put_algs(w, start, CTX_SIGNING, &m->signings);
    ok = put_netname(w, start, m->netname);
    ns_set16(w, where + 4, count);
    return ok;
}

bool smb2_negotiate_request_put(ns_writer *w, const smb2_negotiate_request *m)
{
    size_t start = w->len - SMB2_HEADER_LEN;

    ns_put16(w, 36);
    ns_put16(w, m->dialect_count);
    ns_put16(w, m->security_mode);
    ns_put16(w, 0);
    ns_put32(w, m->capabilities);
    ns_put(w, m->client_guid, sizeof m->client_guid);
    ns_put64(w, 0);
    for (unsigned i = 0; i < m->dialect_count; i++)
        ns_put16(w, m->dialects[i]);
    return m->dialects[m->dialect_count - 1] < NETSESSION_SMB_3_1_1 ||
           put_contexts(w, start, m);
}

/* ---- Contexts, as either end reads them ---- */

/* What one type of context means to a message. */
struct context {
    uint16_t type;
    bool (*get)(ns_reader *data, void *message);
};

#define CONTEXTS 3 /* that either end knows */

/* 3.2.5.2, 3.3.5.4: contexts that are not known here are passed over. */
static bool get_context(ns_reader *r, const struct context known[CONTEXTS], void *message)
{
    uint16_t type = ns_get16(r), len = ns_get16(r);
    ns_reader data;

    ns_skip(r, 4);
    data = ns_sub(r, r->off, len);
    ns_skip(r, len);
    for (size_t i = 0; i < CONTEXTS; i++)
        if (known[i].type == type)
            return !r->bad && known[i].get(&data, message);
    return !r->bad;
}

static bool get_contexts(ns_reader *r, size_t off, unsigned count,
                         const struct context known[CONTEXTS], void *message)
{
    r->off = 0;
    ns_skip(r, off);
    for (unsigned i = 0; i < count; i++) {
        if (i)
            ns_get_align(r, 8);
        if (!get_context(r, known, message))
            return false;
    }
    return !r->bad && off % 8 == 0 && off >= SMB2_HEADER_LEN + 36;
}

/* ---- Response: contexts ---- */

/* A list that the server must have narrowed to one. */
static bool get_only_alg(ns_reader *data, bool *has, uint16_t *id)
{
    bool first = !*has;
    uint16_t count = ns_get16(data);

    *has = true;
    *id = ns_get16(data);
    return first && count == 1 && !data->bad;
}

static bool get_preauth(ns_reader *data, void *message)
{
    smb2_negotiate_response *m = message;
    uint16_t count = ns_get16(data), salt = ns_get16(data);
    bool first = !m->has_preauth;

    m->has_preauth = true;
    m->hash = ns_get16(data);
    ns_skip(data, salt);
    return first && count == 1 && salt <= SALT_MAX && !data->bad && m->hash == HASH_SHA512;
}

static bool get_cipher(ns_reader *data, void *message)
{
    smb2_negotiate_response *m = message;

    return get_only_alg(data, &m->has_cipher, &m->cipher);
}

static bool get_signing(ns_reader *data, void *message)
{
    smb2_negotiate_response *m = message;

    return get_only_alg(data, &m->has_signing, &m->signing);
}

static const struct context response_contexts[] = {
    {CTX_PREAUTH, get_preauth},
    {CTX_ENCRYPTION, get_cipher},
    {CTX_SIGNING, get_signing},
};

bool smb2_negotiate_response_get(ns_reader *r, smb2_negotiate_response *m)
{
    uint16_t size, count, off, len;
    uint32_t contexts_off;

    memset(m, 0, sizeof *m);
    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    m->security_mode = ns_get16(r);
    m->dialect = ns_get16(r);
    count = ns_get16(r);
    ns_get_bytes(r, m->server_guid, sizeof m->server_guid);
    m->capabilities = ns_get32(r);
    m->max_transact = ns_get32(r);
    m->max_read = ns_get32(r);
    m->max_write = ns_get32(r);
    ns_skip(r, 16); /* SystemTime, ServerStartTime */
    off = ns_get16(r);
    len = ns_get16(r);
    contexts_off = ns_get32(r);
    if (r->bad || size != 65 || (len && off < SMB2_HEADER_LEN + 64))
        return false;
    m->security = ns_sub(r, len ? off : 0, len);
    if (m->dialect == NETSESSION_SMB_3_1_1)
        return contexts_off >= SMB2_HEADER_LEN + 64 &&
               get_contexts(r, contexts_off, count, response_contexts, m) && m->has_preauth;
    return !r->bad;
}

/* ---- The server's half ---- */

static const uint16_t known_dialects[] = {NETSESSION_SMB_2_0_2, NETSESSION_SMB_2_1,
                                          NETSESSION_SMB_3_0, NETSESSION_SMB_3_0_2,
                                          NETSESSION_SMB_3_1_1};

static void note_dialect(smb2_offer *m, uint16_t id)
{
    for (unsigned i = 0; i < m->dialect_count; i++)
        if (m->dialects[i] == id)
            return;
    for (size_t i = 0; i < sizeof known_dialects / sizeof *known_dialects; i++)
        if (known_dialects[i] == id)
            m->dialects[m->dialect_count++] = id;
}

void smb2_offer_dialects(ns_reader *r, smb2_offer *m)
{
    for (unsigned i = 0; i < m->listed && !r->bad; i++)
        note_dialect(m, ns_get16(r));
}

/* Those of a list that lie between least and most, each once. */
static bool get_algs(ns_reader *data, bool *has, smb2_algs *algs, unsigned least, unsigned most)
{
    uint16_t count = ns_get16(data);
    unsigned seen = 0;

    if (*has) /* a second list would add to the first */
        return false;
    *has = true;
    for (unsigned i = 0; i < count && !data->bad; i++) {
        uint16_t id = ns_get16(data);

        if (data->bad || id < least || id > most || seen & 1u << id)
            continue;
        seen |= 1u << id;
        algs->id[algs->count++] = id;
    }
    return count && !data->bad;
}

static bool offer_preauth(ns_reader *data, void *message)
{
    smb2_offer *m = message;
    uint16_t count = ns_get16(data), salt = ns_get16(data);
    bool first = !m->has_preauth;

    m->has_preauth = true;
    for (unsigned i = 0; i < count && !data->bad; i++)
        m->sha512 |= ns_get16(data) == HASH_SHA512;
    ns_skip(data, salt);
    return first && count && !data->bad;
}

static bool offer_ciphers(ns_reader *data, void *message)
{
    smb2_offer *m = message;

    return get_algs(data, &m->has_ciphers, &m->ciphers, NETSESSION_AES_128_CCM,
                    NETSESSION_AES_256_GCM);
}

static bool offer_signings(ns_reader *data, void *message)
{
    smb2_offer *m = message;

    return get_algs(data, &m->has_signings, &m->signings, NETSESSION_HMAC_SHA256,
                    NETSESSION_AES_GMAC);
}

static const struct context offer_contexts[] = {
    {CTX_PREAUTH, offer_preauth},
    {CTX_ENCRYPTION, offer_ciphers},
    {CTX_SIGNING, offer_signings},
};

bool smb2_negotiate_request_get(ns_reader *r, smb2_offer *m)
{
    uint16_t size, count;
    uint32_t off;

    memset(m, 0, sizeof *m);
    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    m->listed = ns_get16(r);
    m->security_mode = ns_get16(r);
    ns_skip(r, 2);
    m->capabilities = ns_get32(r);
    ns_get_bytes(r, m->client_guid, sizeof m->client_guid);
    off = ns_get32(r); /* with the next two: ClientStartTime before 3.1.1 */
    count = ns_get16(r);
    ns_skip(r, 2);
    smb2_offer_dialects(r, m);
    if (r->bad || size != 36)
        return false;
    for (unsigned i = 0; i < m->dialect_count; i++)
        m->contexts |= m->dialects[i] == NETSESSION_SMB_3_1_1;
    return !m->contexts || get_contexts(r, off, count, offer_contexts, m);
}

static void put_choice(ns_writer *w, size_t start, uint16_t type, uint16_t id)
{
    const smb2_algs one = {{id}, 1};

    put_algs(w, start, type, &one);
}

static void put_response_contexts(ns_writer *w, size_t start, const smb2_negotiate_response *m,
                                  const uint8_t salt[32])
{
    smb2_negotiate_request preauth;

    memcpy(preauth.salt, salt, sizeof preauth.salt);
    ns_put_align(w, start, 8);
    ns_set32(w, start + SMB2_HEADER_LEN + 60, (uint32_t)(w->len - start));
    put_preauth(w, start, &preauth);
    if (m->has_cipher)
        put_choice(w, start, CTX_ENCRYPTION, m->cipher);
    if (m->has_signing)
        put_choice(w, start, CTX_SIGNING, m->signing);
}

void smb2_negotiate_response_put(ns_writer *w, const smb2_negotiate_response *m,
                                 const uint8_t salt[32], uint64_t now)
{
    size_t start = w->len - SMB2_HEADER_LEN;
    bool contexts = m->dialect == NETSESSION_SMB_3_1_1;

    ns_put16(w, 65);
    ns_put16(w, m->security_mode);
    ns_put16(w, m->dialect);
    ns_put16(w, contexts ? (uint16_t)(1 + m->has_cipher + m->has_signing) : 0);
    ns_put(w, m->server_guid, sizeof m->server_guid);
    ns_put32(w, m->capabilities);
    ns_put32(w, m->max_transact);
    ns_put32(w, m->max_read);
    ns_put32(w, m->max_write);
    ns_put64(w, now);
    ns_put64(w, 0); /* ServerStartTime */
    ns_put16(w, SMB2_HEADER_LEN + 64);
    ns_put16(w, (uint16_t)m->security.len);
    ns_put32(w, 0);
    ns_put(w, m->security.base, m->security.len);
    if (contexts)
        put_response_contexts(w, start, m, salt);
}
