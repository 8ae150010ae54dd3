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

static bool get_preauth(ns_reader *data, smb2_negotiate_response *m)
{
    uint16_t count = ns_get16(data), salt = ns_get16(data);
    bool first = !m->has_preauth;

    m->has_preauth = true;
    m->hash = ns_get16(data);
    ns_skip(data, salt);
    return first && count == 1 && salt <= SALT_MAX && !data->bad && m->hash == HASH_SHA512;
}

static bool get_cipher(ns_reader *data, smb2_negotiate_response *m)
{
    return get_only_alg(data, &m->has_cipher, &m->cipher);
}

static bool get_signing(ns_reader *data, smb2_negotiate_response *m)
{
    return get_only_alg(data, &m->has_signing, &m->signing);
}

static const struct context {
    uint16_t type;
    bool (*get)(ns_reader *data, smb2_negotiate_response *m);
} contexts[] = {
    {CTX_PREAUTH, get_preauth},
    {CTX_ENCRYPTION, get_cipher},
    {CTX_SIGNING, get_signing},
};

/* 3.2.5.2: contexts that are not known here are passed over. */
static bool get_context(ns_reader *r, smb2_negotiate_response *m)
{
    uint16_t type = ns_get16(r), len = ns_get16(r);
    ns_reader data;

    ns_skip(r, 4);
    data = ns_sub(r, r->off, len);
    ns_skip(r, len);
    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++)
        if (contexts[i].type == type)
            return !r->bad && contexts[i].get(&data, m);
    return !r->bad;
}

static bool get_contexts(ns_reader *r, size_t off, unsigned count, smb2_negotiate_response *m)
{
    r->off = 0;
    ns_skip(r, off);
    if (off % 8 || off < SMB2_HEADER_LEN + 64)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (i)
            ns_get_align(r, 8);
        if (!get_context(r, m))
            return false;
    }
    return m->has_preauth;
}

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
        return get_contexts(r, contexts_off, count, m);
    return !r->bad;
}
