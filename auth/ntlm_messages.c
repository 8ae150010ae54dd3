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
static const uint8_t own_version[NTLM_VERSION_LEN] = {10, 0, 0x61, 0x4A, 0, 0, 0, 15};

static void put_version(ns_writer *w, uint32_t flags, const uint8_t version[NTLM_VERSION_LEN])
{
    uint8_t *p = ns_put_space(w, NTLM_VERSION_LEN);

    if (p && flags & NTLM_VERSION)
        memcpy(p, version, NTLM_VERSION_LEN);
}

/* Len, MaxLen and BufferOffset at off, for what stands from start to the end. */
static void set_fields(ns_writer *w, size_t off, size_t start)
{
    uint16_t len = (uint16_t)(w->len - start);

    ns_set16(w, off, len);
    ns_set16(w, off + 2, len);
    ns_set32(w, off + 4, (uint32_t)start);
}

static bool put_text(ns_writer *w, size_t off, const char *text)
{
    size_t start = w->len;
    bool ok = ns_put_utf16(w, text);

    set_fields(w, off, start);
    return ok;
}

/* payload: where the fixed part of a message ends, hence the payload may begin. */
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
    put_version(w, OFFERED, own_version);
}

/* Without Version, which old clients leave out. */
#define NEGOTIATE_FIXED 32

/* Where the payload may begin. */
static size_t payload_after(size_t fixed, uint32_t flags)
{
    return flags & NTLM_VERSION ? fixed + NTLM_VERSION_LEN : fixed;
}

/* Fields that "MUST be ignored upon receipt" unless their flag is set. */
static void check_supplied(ns_reader *r, size_t payload, bool supplied)
{
    if (supplied)
        get_fields(r, payload);
    else
        ns_skip(r, 8);
}

bool ntlm_get_negotiate(ns_slice in, uint32_t *flags)
{
    ns_reader r = ns_reader_of(in.p, in.n);
    bool ok = get_header(&r, TYPE_NEGOTIATE);
    size_t payload;

    *flags = ns_get32(&r);
    payload = payload_after(NEGOTIATE_FIXED, *flags);
    check_supplied(&r, payload, *flags & NTLM_DOMAIN_SUPPLIED);
    check_supplied(&r, payload, *flags & NTLM_WORKSTATION_SUPPLIED);
    return ok && !r.bad && in.n >= payload;
}

/* ---- AV pairs (2.2.2.1) ---- */

/* The length of each pair's value. */
enum av_form { AV_TEXT, AV_4, AV_8, AV_16, AV_EMPTY, AV_ANY, AV_FORBIDDEN };

/* Some are the client's alone. */
static const enum av_form server_forms[NTLM_AV_COUNT] = {
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

static const enum av_form client_forms[NTLM_AV_COUNT] = {
    [NTLM_AV_EOL] = AV_EMPTY,        [NTLM_AV_NB_COMPUTER] = AV_TEXT,
    [NTLM_AV_NB_DOMAIN] = AV_TEXT,   [NTLM_AV_DNS_COMPUTER] = AV_TEXT,
    [NTLM_AV_DNS_DOMAIN] = AV_TEXT,  [NTLM_AV_DNS_TREE] = AV_TEXT,
    [NTLM_AV_FLAGS] = AV_4,          [NTLM_AV_TIMESTAMP] = AV_8,
    [NTLM_AV_SINGLE_HOST] = AV_ANY, /* "a platform-specific blob" */
    [NTLM_AV_TARGET_NAME] = AV_TEXT, [NTLM_AV_CHANNEL_BINDINGS] = AV_16,
};

static bool form_fits(enum av_form form, size_t len)
{
    static const size_t fixed[] = {[AV_4] = 4, [AV_8] = 8, [AV_16] = 16, [AV_EMPTY] = 0};

    if (form == AV_ANY || form == AV_FORBIDDEN)
        return form == AV_ANY;
    return form == AV_TEXT ? len % 2 == 0 : len == fixed[form];
}

/* One pair.  Unknown ones are kept, known ones must have their form and may
 * come once. */
static unsigned get_pair(ns_reader *r, const enum av_form *forms, ns_slice *value)
{
    unsigned id = ns_get16(r);
    size_t len = ns_get16(r);
    ns_slice v = {ns_take(r, len), len};

    if (id < NTLM_AV_COUNT) {
        r->bad |= value[id].p || !form_fits(forms[id], len);
        value[id] = v;
    }
    return id;
}

/* The pairs up to the end of the list; returns where that begins. */
static size_t get_pairs(ns_reader *r, const enum av_form *forms, ns_slice *value)
{
    size_t end = r->off;

    while (!r->bad && get_pair(r, forms, value) != NTLM_AV_EOL)
        end = r->off;
    return end;
}

static void put_pair(ns_writer *w, enum ntlm_av id, const void *value, size_t len)
{
    ns_put16(w, (uint16_t)id);
    ns_put16(w, (uint16_t)len);
    ns_put(w, value, len);
}

static bool put_text_pair(ns_writer *w, enum ntlm_av id, const char *text)
{
    size_t start;
    bool ok;

    put_pair(w, id, NULL, 0);
    start = w->len;
    ok = ns_put_utf16(w, text);
    ns_set16(w, start - 2, (uint16_t)(w->len - start));
    return ok;
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

/* The list must end where the bytes do. */
static bool get_target_info(ns_slice info, ntlm_challenge *c)
{
    ns_reader r = ns_reader_of(info.p, info.n);

    if (!info.n)
        return false;
    c->pairs = (ns_slice){info.p, get_pairs(&r, server_forms, c->value)};
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
    if (!get_target_info(info, c))
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the target information in the server's NTLM challenge is malformed");
    /* 3.1.5.1.2: without both names, integrity is not to be had. */
    if (!c->value[NTLM_AV_NB_COMPUTER].p || !c->value[NTLM_AV_NB_DOMAIN].p)
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the server's NTLM challenge does not name the server and its domain");
    return 0;
}

/* What the server adds of itself to what the client offered (3.2.5.1.1), and
 * what it takes of that. */
#define ALWAYS (NTLM_REQUEST_TARGET | NTLM_NTLM | NTLM_ALWAYS_SIGN | NTLM_TARGET_INFO)
#define SUPPORTED                                                                              \
    (NTLM_UNICODE | NTLM_SIGN | NTLM_SEAL | NTLM_EXTENDED | NTLM_VERSION | NTLM_128 |          \
     NTLM_KEY_EXCH | NTLM_56)

/* Key lengths are returned only to who asks for SIGN or SEAL (2.2.2.5), and
 * only then is a key exchanged (3.1.5.1.2). */
uint32_t ntlm_challenge_flags(uint32_t offered, bool joined)
{
    uint32_t flags = (offered & SUPPORTED) | ALWAYS;

    if (!(offered & (NTLM_SIGN | NTLM_SEAL)))
        flags &= ~(NTLM_128 | NTLM_56 | NTLM_KEY_EXCH);
    return flags | (joined ? NTLM_TARGET_DOMAIN : NTLM_TARGET_SERVER);
}

/* The pairs in Windows' order. */
static bool put_target_info(ns_writer *w, const ntlm_target *t)
{
    uint8_t time[8];
    bool ok = put_text_pair(w, NTLM_AV_NB_DOMAIN, t->nb_domain) &&
              put_text_pair(w, NTLM_AV_NB_COMPUTER, t->nb_computer);

    if (ok && t->dns_domain)
        ok = put_text_pair(w, NTLM_AV_DNS_DOMAIN, t->dns_domain);
    if (ok && t->dns_computer)
        ok = put_text_pair(w, NTLM_AV_DNS_COMPUTER, t->dns_computer);
    ns_store64(time, t->time);
    put_pair(w, NTLM_AV_TIMESTAMP, time, sizeof time);
    put_pair(w, NTLM_AV_EOL, NULL, 0);
    return ok;
}

enum challenge_offset { AT_TARGET_NAME = 12, AT_TARGET_INFO = 40 };

bool ntlm_put_challenge(ns_writer *w, uint32_t flags, const uint8_t nonce[NTLM_NONCE_LEN],
                        const ntlm_target *t)
{
    size_t start;
    bool ok;

    put_header(w, TYPE_CHALLENGE);
    ns_put_space(w, 8); /* TargetNameFields */
    ns_put32(w, flags);
    ns_put(w, nonce, NTLM_NONCE_LEN);
    ns_put_space(w, 8 + 8); /* Reserved, TargetInfoFields */
    put_version(w, flags, t->version ? t->version : own_version);
    ok =
        put_text(w, AT_TARGET_NAME, flags & NTLM_TARGET_DOMAIN ? t->nb_domain : t->nb_computer);
    start = w->len;
    ok = ok && put_target_info(w, t);
    set_fields(w, AT_TARGET_INFO, start);
    return ok;
}

/* ---- AUTHENTICATE_MESSAGE (2.2.1.3) ---- */

enum authenticate_offset {
    AT_LM = 12,
    AT_NT = 20,
    AT_DOMAIN = 28,
    AT_USER = 36,
    AT_WORKSTATION = 44,
    AT_SESSION_KEY = 52,
    AT_FLAGS = 60,
    AT_MIC = 72,
    MIC_LEN = 16
};

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
    ns_put_space(w, 48); /* six times Len, MaxLen, BufferOffset */
    ns_put32(w, flags);
    put_version(w, flags, own_version);
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

/* NT and 2000 leave out Version, XP and 2003 the MIC (appendix A <11>, <12>). */
#define AUTHENTICATE_FIXED 64

/* NTLMv2_RESPONSE (2.2.2.8).  What stands behind the pairs has "no defined
 * contents" (appendix A <30>); the proof covers it like the rest. */
static bool get_nt_response(ntlm_response *a)
{
    ns_reader r = ns_reader_of(a->nt.p, a->nt.n);
    unsigned types;

    ns_skip(&r, 16); /* NTProofStr */
    types = ns_get16(&r);
    ns_skip(&r, 6);
    a->time = ns_get64(&r);
    ns_skip(&r, NTLM_NONCE_LEN + 4);
    get_pairs(&r, client_forms, a->value);
    a->v2 = !r.bad && types == 0x0101;
    return a->v2;
}

/* By its length (3.2.5.1.2): nothing and 24 bytes are LM's and NTLMv1's, well
 * formed but not for us. */
static bool get_responses(ntlm_response *a)
{
    bool lm_fits = !a->lm.n || a->lm.n == NTLM_LM_LEN || (a->lm.n == 1 && !a->nt.n);

    return lm_fits && (!a->nt.n || a->nt.n == NTLM_V1_LEN || get_nt_response(a));
}

/* A name in UTF-16, of which each unit has two bytes.  It should begin at an
 * even offset too, but cannot behind the one byte that is an anonymous LM
 * response. */
static ns_slice get_text(ns_reader *r, size_t payload)
{
    ns_slice text = get_fields(r, payload);

    r->bad |= text.n % 2 != 0;
    return text;
}

/* Without KEY_EXCH the fields "must be ignored upon receipt". */
static void get_session_key(ns_reader *r, size_t payload, ntlm_response *a)
{
    if (!(a->flags & NTLM_KEY_EXCH)) {
        ns_skip(r, 8);
        return;
    }
    a->session_key = get_fields(r, payload);
    r->bad |= a->session_key.n != NTLM_KEY_LEN;
}

/* The MIC is there when nothing else is where it belongs.  Its place is after
 * Version, negotiated or not. */
static void find_mic(ns_slice in, ntlm_response *a, ns_slice workstation)
{
    const ns_slice payload[] = {a->lm, a->nt, a->domain, a->user, workstation, a->session_key};
    const uint8_t *end = (const uint8_t *)in.p + AT_MIC + MIC_LEN;

    a->has_mic = in.n >= AT_MIC + MIC_LEN;
    for (size_t i = 0; i < sizeof payload / sizeof *payload; i++)
        if (payload[i].n && (const uint8_t *)payload[i].p < end)
            a->has_mic = false;
}

bool ntlm_get_authenticate(ns_slice in, ntlm_response *a)
{
    ns_reader r = ns_reader_of(in.p, in.n);
    bool ok = get_header(&r, TYPE_AUTHENTICATE);
    ns_slice workstation;
    size_t payload;

    memset(a, 0, sizeof *a);
    if (!ok || in.n < AUTHENTICATE_FIXED)
        return false;
    a->flags = ns_le32(r.base + AT_FLAGS);
    payload = payload_after(AUTHENTICATE_FIXED, a->flags);
    a->lm = get_fields(&r, payload);
    a->nt = get_fields(&r, payload);
    a->domain = get_text(&r, payload);
    a->user = get_text(&r, payload);
    workstation = get_text(&r, payload);
    get_session_key(&r, payload, a);
    if (r.bad || in.n < payload)
        return false;
    find_mic(in, a, workstation);
    return get_responses(a);
}

/* ---- The AV pairs of the NTLMv2 response (2.2.2.1, 3.1.5.1.2) ---- */

/* The server's pairs, the MIC announced in its Flags or in Flags of our own. */
static void put_server_pairs(ns_writer *w, const ntlm_challenge *c)
{
    const uint8_t *flags = c->value[NTLM_AV_FLAGS].p;
    size_t start = w->len;
    uint8_t own[4] = {NTLM_AV_FLAG_MIC};

    ns_put(w, c->pairs.p, c->pairs.n);
    if (flags)
        ns_set32(w, start + (size_t)(flags - (const uint8_t *)c->pairs.p),
                 ns_le32(flags) | NTLM_AV_FLAG_MIC);
    else
        put_pair(w, NTLM_AV_FLAGS, own, sizeof own);
}

bool ntlm_put_pairs(ns_writer *w, const ntlm_challenge *c, const uint8_t bindings[16],
                    const char *target_name)
{
    bool ok;

    put_server_pairs(w, c);
    put_pair(w, NTLM_AV_CHANNEL_BINDINGS, bindings, 16);
    ok = put_text_pair(w, NTLM_AV_TARGET_NAME, target_name);
    put_pair(w, NTLM_AV_EOL, NULL, 0);
    return ok;
}
