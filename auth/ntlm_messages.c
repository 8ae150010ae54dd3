#include "auth/ntlm.h"

#include <string.h>

#include "base/utf.h"

/* ---- What the messages have in common ([MS-NLMP] 2.2.1) ---- */

enum message_type { TYPE_NEGOTIATE = 1, TYPE_CHALLENGE = 2, TYPE_AUTHENTICATE = 3 };

static const uint8_t signature[8] = "NTLMSSP";

static void put_header(ns_writer *w, enum message_type type)
{
    ns_put(w, signature, sizeof signature);
    ns_put32(w, type);
}

static bool get_header(ns_reader *r, enum message_type type)
{
    const uint8_t *sig = ns_take(r, sizeof signature);

    return sig && memcmp(sig, signature, sizeof signature) == 0 && ns_get32(r) == type;
}

/* VERSION (2.2.2.10): Windows 10.0 build 19041, NTLMSSP_REVISION_W2K3; zeros
 * where it is not negotiated. */
static void put_version(ns_writer *w, uint32_t flags)
{
    static const uint8_t version[8] = {10, 0, 0x61, 0x4A, 0, 0, 0, 15};
    static const uint8_t none[8];

    ns_put(w, flags & NTLM_VERSION ? version : none, sizeof version);
}

/* Len, MaxLen and BufferOffset at off, for what stands from start to the end. */
static void set_fields(ns_writer *w, size_t off, size_t start)
{
    uint16_t len = (uint16_t)(w->len - start);

    ns_set16(w, off, len);
    ns_set16(w, off + 2, len);
    ns_set32(w, off + 4, (uint32_t)start);
}

/* Where the fixed part of a message ends, hence the payload may begin. */
static ns_slice get_fields(ns_reader *r, size_t payload)
{
    size_t len = ns_get16(r);
    size_t off;
    ns_reader data = {0};

    ns_skip(r, 2); /* MaxLen, "MUST be ignored on receipt" */
    off = ns_get32(r);
    if (len) {
        data = ns_sub(r, off, len);
        r->bad |= off < payload;
    }
    return (ns_slice){data.base, data.len};
}

/* ---- NEGOTIATE_MESSAGE (2.2.1.1) ---- */

/* 0xE2088297, what Windows' SMB client sends.  OEM and LM_KEY are there for
 * the likeness only: a server must drop them when it takes UNICODE and
 * EXTENDED, which the challenge is required to do. */
#define OFFERED                                                                                \
    (NTLM_UNICODE | NTLM_OEM | NTLM_REQUEST_TARGET | NTLM_SIGN | NTLM_LM_KEY | NTLM_NTLM |     \
     NTLM_ALWAYS_SIGN | NTLM_EXTENDED | NTLM_VERSION | NTLM_128 | NTLM_KEY_EXCH | NTLM_56)

void ntlm_put_negotiate(ns_writer *w)
{
    put_header(w, TYPE_NEGOTIATE);
    ns_put32(w, OFFERED);
    ns_put_space(w, 16); /* DomainNameFields, WorkstationFields: not supplied */
    put_version(w, OFFERED);
}

/* ---- CHALLENGE_MESSAGE (2.2.1.2) ---- */

#define CHALLENGE_FIXED 48 /* old servers leave out Version */

/* What every session here rests on.  SIGN is not among them: a server must
 * return it, Impacket's does not, and nothing but the mechListMIC hangs on it. */
static const struct {
    uint32_t flag;
    const char *name;
} required[] = {
    {NTLM_UNICODE, "Unicode"},
    {NTLM_EXTENDED, "extended session security"},
    {NTLM_TARGET_INFO, "target information"},
    {NTLM_128, "128-bit keys"},
    {NTLM_KEY_EXCH, "key exchange"},
};

static int check_flags(uint32_t flags, netsession_error *err)
{
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        if (!(flags & required[i].flag))
            return ns_fail(err, NETSESSION_E_SECURITY, NS_LAYER_AUTH,
                           "the server's NTLM challenge lacks %s, without which NTLM is too "
                           "weak; the server is too old, or its answer was changed on the way",
                           required[i].name);
    return 0;
}

/* The length of each pair's value (2.2.2.1).  Some are the client's alone. */
enum av_form { AV_TEXT, AV_4, AV_8, AV_EMPTY, AV_FORBIDDEN };

static const enum av_form av_forms[NTLM_AV_COUNT] = {
    [NTLM_AV_EOL] = AV_EMPTY,
    [NTLM_AV_NB_COMPUTER] = AV_TEXT,
    [NTLM_AV_NB_DOMAIN] = AV_TEXT,
    [NTLM_AV_DNS_COMPUTER] = AV_TEXT,
    [NTLM_AV_DNS_DOMAIN] = AV_TEXT,
    [NTLM_AV_DNS_TREE] = AV_TEXT,
    [NTLM_AV_FLAGS] = AV_4,
    [NTLM_AV_TIMESTAMP] = AV_8,
    [NTLM_AV_SINGLE_HOST] = AV_FORBIDDEN,
    [NTLM_AV_TARGET_NAME] = AV_FORBIDDEN,
    [NTLM_AV_CHANNEL_BINDINGS] = AV_FORBIDDEN,
};

static bool form_fits(enum av_form form, size_t len)
{
    static const size_t fixed[] = {[AV_4] = 4, [AV_8] = 8, [AV_EMPTY] = 0};

    if (form == AV_FORBIDDEN)
        return false;
    return form == AV_TEXT ? len % 2 == 0 : len == fixed[form];
}

/* One pair.  Unknown ones are kept, known ones must have their form and may
 * come once. */
static unsigned get_pair(ns_reader *r, ntlm_challenge *c)
{
    unsigned id = ns_get16(r);
    size_t len = ns_get16(r);
    ns_slice value = {ns_take(r, len), len};

    if (id < NTLM_AV_COUNT) {
        r->bad |= c->value[id].p || !form_fits(av_forms[id], len);
        c->value[id] = value;
    }
    return id;
}

/* The pairs up to the end of the list, which must be the end of the bytes. */
static bool get_pairs(ns_slice info, ntlm_challenge *c)
{
    ns_reader r = ns_reader_of(info.p, info.n);
    size_t end = 0;

    if (!info.n)
        return false;
    while (!r.bad && get_pair(&r, c) != NTLM_AV_EOL)
        end = r.off;
    c->pairs = (ns_slice){info.p, end};
    return !r.bad && !ns_left(&r);
}

/* The fixed part, and where TargetInfo is. */
static bool get_fixed(ns_reader *r, ntlm_challenge *c, ns_slice *info)
{
    bool ok = get_header(r, TYPE_CHALLENGE);

    get_fields(r, CHALLENGE_FIXED); /* TargetName: the pairs tell it too */
    c->flags = ns_get32(r);
    ns_get_bytes(r, c->nonce, sizeof c->nonce);
    ns_skip(r, 8); /* Reserved, "MUST be ignored on receipt" */
    *info = get_fields(r, CHALLENGE_FIXED);
    return ok && !r->bad;
}

int ntlm_get_challenge(ntlm_challenge *c, const uint8_t *in, size_t len, netsession_error *err)
{
    ns_reader r = ns_reader_of(in, len);
    ns_slice info;
    int rc;

    memset(c, 0, sizeof *c);
    if (len < CHALLENGE_FIXED || !get_fixed(&r, c, &info))
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the server's answer is not a well-formed NTLM challenge");
    rc = check_flags(c->flags, err);
    if (rc)
        return rc;
    if (!get_pairs(info, c))
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the target information in the server's NTLM challenge is malformed");
    /* 3.1.5.1.2: without both names, integrity is not to be had. */
    if (!c->value[NTLM_AV_NB_COMPUTER].p || !c->value[NTLM_AV_NB_DOMAIN].p)
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the server's NTLM challenge does not name the server and its domain");
    return 0;
}

/* ---- AUTHENTICATE_MESSAGE (2.2.1.3) ---- */

enum authenticate_offset {
    AT_LM = 12,
    AT_NT = 20,
    AT_DOMAIN = 28,
    AT_USER = 36,
    AT_WORKSTATION = 44,
    AT_SESSION_KEY = 52,
    AT_MIC = 72,
    MIC_LEN = 16
};

static bool put_text(ns_writer *w, size_t off, const char *text)
{
    size_t start = w->len;
    bool ok = ns_put_utf16(w, text);

    set_fields(w, off, start);
    return ok;
}

static void put_bytes(ns_writer *w, size_t off, ns_slice bytes)
{
    size_t start = w->len;

    ns_put(w, bytes.p, bytes.n);
    set_fields(w, off, start);
}

/* What both sides want.  OEM and LM_KEY are out even if the server echoed
 * them; TARGET_INFO is the server's to set, and Windows repeats it. */
static uint32_t agreed(const ntlm_authenticate *a)
{
    return (a->flags & OFFERED & ~(NTLM_OEM | NTLM_LM_KEY)) | (a->flags & NTLM_TARGET_INFO) |
           (a->anonymous ? NTLM_ANONYMOUS : 0);
}

bool ntlm_put_authenticate(ns_writer *w, const ntlm_authenticate *a)
{
    uint32_t flags = agreed(a);
    bool ok;

    put_header(w, TYPE_AUTHENTICATE);
    ns_put_space(w, 6 * 8); /* six times Len, MaxLen, BufferOffset */
    ns_put32(w, flags);
    put_version(w, flags);
    ns_put_space(w, MIC_LEN);
    /* The payload without gaps and in Windows' order, because Impacket's server
     * finds the session key by counting, not by its offset. */
    ok = put_text(w, AT_DOMAIN, a->domain) && put_text(w, AT_USER, a->user) &&
         put_text(w, AT_WORKSTATION, a->workstation);
    put_bytes(w, AT_LM, a->lm);
    put_bytes(w, AT_NT, a->nt);
    put_bytes(w, AT_SESSION_KEY, a->session_key);
    return ok;
}

uint8_t *ntlm_mic_in_authenticate(ns_writer *w)
{
    return w->p + AT_MIC;
}

/* ---- The AV pairs of the NTLMv2 response (2.2.2.1, 3.1.5.1.2) ---- */

#define AV_FLAG_MIC 2u /* "the client is providing message integrity in the MIC field" */

static void put_pair(ns_writer *w, enum ntlm_av id, const void *value, size_t len)
{
    ns_put16(w, (uint16_t)id);
    ns_put16(w, (uint16_t)len);
    ns_put(w, value, len);
}

/* The server's pairs, the MIC announced in its Flags or in Flags of our own. */
static void put_server_pairs(ns_writer *w, const ntlm_challenge *c)
{
    const uint8_t *flags = c->value[NTLM_AV_FLAGS].p;
    size_t start = w->len;
    uint8_t own[4] = {AV_FLAG_MIC};

    ns_put(w, c->pairs.p, c->pairs.n);
    if (flags)
        ns_set32(w, start + (size_t)(flags - (const uint8_t *)c->pairs.p),
                 ns_le32(flags) | AV_FLAG_MIC);
    else
        put_pair(w, NTLM_AV_FLAGS, own, sizeof own);
}

bool ntlm_put_pairs(ns_writer *w, const ntlm_challenge *c, const uint8_t bindings[16],
                    const char *target_name)
{
    size_t at;
    bool ok;

    put_server_pairs(w, c);
    put_pair(w, NTLM_AV_CHANNEL_BINDINGS, bindings, 16);
    put_pair(w, NTLM_AV_TARGET_NAME, NULL, 0);
    at = w->len;
    ok = ns_put_utf16(w, target_name);
    ns_set16(w, at - 2, (uint16_t)(w->len - at));
    put_pair(w, NTLM_AV_EOL, NULL, 0);
    return ok;
}
