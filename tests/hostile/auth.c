/* Faults 64 to 80: SPNEGO (RFC 4178, [MS-SPNG]) and NTLM ([MS-NLMP]). */
#include <string.h>

#include "auth/ntlm.h"
#include "auth/spnego.h"
#include "tests/hostile/hostile.h"

#define SESSION_FLAGS 66 /* from the SMB2 header */

/* Offsets in a CHALLENGE_MESSAGE: [MS-NLMP] 2.2.1.2. */
enum { C_FLAGS = 20, C_NONCE = 24, C_INFO_LEN = 40, C_INFO = 44 };

/* ---- The security buffer ---- */

static void set_token(liar *l, const void *token, size_t len)
{
    uint16_t flags = ns_le16(l->msg.p + SESSION_FLAGS);

    l->msg.len = SMB2_HEADER_LEN;
    smb2_session_setup_response_put(&l->msg, flags, token, len);
}

typedef void resp_lie(liar *l, spnego_resp *r);

/* The NegTokenResp, changed by a lie. */
static void change_resp(liar *l, resp_lie *lie)
{
    smb2_session_setup_response m;
    ns_reader body = ns_reader_of(l->msg.p, l->msg.len);
    ns_writer copy, out;
    spnego_resp r;

    ns_writer_init(&copy, &l->hooks, UINT16_MAX);
    ns_writer_init(&out, &l->hooks, UINT16_MAX);
    MUST(smb2_session_setup_response_get(&body, &m));
    ns_put(&copy, m.security.base, m.security.len);
    MUST(spnego_get_resp((ns_slice){copy.p, copy.len}, &r));
    lie(l, &r);
    spnego_put_resp(&out, &r);
    set_token(l, out.p, out.len);
    ns_writer_free(&copy);
    ns_writer_free(&out);
}

/* ---- SPNEGO ---- */

/* 1.3.6.1.4.1.311.2.2.99, and Kerberos, which is not offered either. */
static const uint8_t unknown_oid[] = {0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04,
                                      0x01, 0x82, 0x37, 0x02, 0x02, 0x63};

static void other_mech_resp(liar *l, spnego_resp *r)
{
    r->mech = l->step ? spnego_kerberos : (ns_slice){unknown_oid, sizeof unknown_oid};
}

static void other_mech(liar *l)
{
    change_resp(l, other_mech_resp);
}

/* In the hint that comes with NEGOTIATE: the last byte of NTLM's OID. */
static void hint_of_others(liar *l)
{
    const uint8_t *oid = spnego_ntlm.p;

    for (size_t i = SMB2_HEADER_LEN; i + spnego_ntlm.n <= l->msg.len; i++)
        if (!memcmp(l->msg.p + i, oid, spnego_ntlm.n))
            l->msg.p[i + spnego_ntlm.n - 1] = 0x63;
}

static void garbage(liar *l)
{
    uint8_t bytes[200];

    MUST(!l->hooks.entropy(l->hooks.ctx, bytes, sizeof bytes));
    set_token(l, bytes, sizeof bytes);
}

static void no_token(liar *l)
{
    set_token(l, NULL, 0);
}

static void raw_ntlm(liar *l)
{
    set_token(l, "NTLMSSP\0\2\0\0\0", 12);
}

static void long_length(liar *l)
{
    static const uint8_t token[] = {0xA1, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x30, 0x84,
                                    0xFF, 0xFF, 0xFF, 0xFF, 0xA0, 0x03, 0x0A, 0x01};

    set_token(l, token, sizeof token);
}

#define NESTING 1000

static void nested(liar *l)
{
    size_t marks[NESTING];
    ns_writer w;

    ns_writer_init(&w, &l->hooks, UINT16_MAX);
    for (size_t i = 0; i < NESTING; i++)
        marks[i] = der_open(&w, i ? DER_SEQUENCE : DER_CONTEXT(1));
    for (size_t i = NESTING; i-- > 0;)
        der_close(&w, marks[i]);
    set_token(l, w.p, w.len);
    ns_writer_free(&w);
}

/* ---- mechListMIC ---- */

static void no_mic_resp(liar *l, spnego_resp *r)
{
    (void)l;
    r->mic.p = NULL;
}

static void no_mic(liar *l)
{
    change_resp(l, no_mic_resp);
}

static void ask_mic_resp(liar *l, spnego_resp *r)
{
    (void)l;
    r->state = SPNEGO_REQUEST_MIC;
}

static void ask_but_send_none(liar *l)
{
    if (l->stage == AT_CHALLENGE)
        change_resp(l, ask_mic_resp);
    else if (l->stage == AT_LOGON)
        change_resp(l, no_mic_resp);
}

static void wrong_mic_resp(liar *l, spnego_resp *r)
{
    static uint8_t mic[16];

    if (r->mic.n != sizeof mic)
        return;
    memcpy(mic, r->mic.p, sizeof mic);
    mic[l->step] ^= 1;
    r->mic = (ns_slice){mic, sizeof mic};
}

static void wrong_mic(liar *l)
{
    change_resp(l, wrong_mic_resp);
}

/* ---- The end ---- */

static void completed_resp(liar *l, spnego_resp *r)
{
    (void)l;
    r->state = SPNEGO_ACCEPT_COMPLETED;
}

static void completed_early(liar *l)
{
    change_resp(l, completed_resp);
}

static void success_early(liar *l)
{
    completed_early(l);
    ns_set32(&l->msg, H_STATUS, 0);
}

static void success_at_once(liar *l)
{
    no_token(l);
    ns_set32(&l->msg, H_STATUS, 0);
}

static void success_with_challenge(liar *l)
{
    ns_set32(&l->msg, H_STATUS, 0);
}

static void incomplete_resp(liar *l, spnego_resp *r)
{
    (void)l;
    r->state = SPNEGO_ACCEPT_INCOMPLETE;
}

static void never_ends(liar *l)
{
    change_resp(l, incomplete_resp);
    ns_set32(&l->msg, H_STATUS, STATUS_MORE_PROCESSING_REQUIRED);
    put_plain(l);
}

static void ends_incomplete(liar *l)
{
    change_resp(l, incomplete_resp);
}

static void rejects_resp(liar *l, spnego_resp *r)
{
    (void)l;
    r->state = SPNEGO_REJECT;
}

static void ends_rejecting(liar *l)
{
    change_resp(l, rejects_resp);
}

/* ---- CHALLENGE_MESSAGE ---- */

typedef void ntlm_lie(liar *l, ns_writer *challenge);

static ntlm_lie *the_lie;
static ns_writer challenge;

static void challenge_resp(liar *l, spnego_resp *r)
{
    ns_writer_reset(&challenge);
    ns_put(&challenge, r->token.p, r->token.n);
    the_lie(l, &challenge);
    r->token = (ns_slice){challenge.p, challenge.len};
}

static void change_challenge(liar *l, ntlm_lie *lie)
{
    the_lie = lie;
    ns_writer_init(&challenge, &l->hooks, UINT16_MAX);
    change_resp(l, challenge_resp);
    ns_writer_free(&challenge);
}

static void cut(liar *l, ns_writer *c)
{
    c->len = l->step;
}

static void short_challenge(liar *l)
{
    change_challenge(l, cut);
}

static void wrap(liar *l, ns_writer *c)
{
    static const uint32_t offsets[] = {0xFFFFFFF0u, 0xFFFFFFFFu, 0x80000000u, 0, 8, 47};

    ns_set32(c, C_INFO, offsets[l->step]);
}

static void wrapped_info(liar *l)
{
    change_challenge(l, wrap);
}

static void drop_end(liar *l, ns_writer *c)
{
    (void)l;
    ns_set16(c, C_INFO_LEN, (uint16_t)(ns_le16(c->p + C_INFO_LEN) - 4));
}

static void no_end_of_list(liar *l)
{
    change_challenge(l, drop_end);
}

/* Where the length of MsvAvTimestamp stands. */
static size_t time_length(const ns_writer *c)
{
    size_t at = ns_le32(c->p + C_INFO);

    while (ns_le16(c->p + at) != NTLM_AV_TIMESTAMP) {
        at += 4 + (size_t)ns_le16(c->p + at + 2);
        MUST(at + 4 <= c->len);
    }
    return at + 2;
}

static void set_time_length(liar *l, ns_writer *c)
{
    static const uint16_t lengths[] = {0, 4, 7, 9, 16, 0xFFFF};

    ns_set16(c, time_length(c), lengths[l->step]);
}

static void bad_timestamp(liar *l)
{
    change_challenge(l, set_time_length);
}

static const uint32_t needed[] = {NTLM_UNICODE, NTLM_EXTENDED, NTLM_TARGET_INFO, NTLM_128,
                                  NTLM_KEY_EXCH};
static const uint32_t others[] = {
    NTLM_REQUEST_TARGET, NTLM_SIGN,    NTLM_NTLM, NTLM_ALWAYS_SIGN,
    NTLM_TARGET_DOMAIN,  NTLM_VERSION, NTLM_56};

static void clear_needed(liar *l, ns_writer *c)
{
    ns_set32(c, C_FLAGS, ns_le32(c->p + C_FLAGS) & ~needed[l->step]);
}

static void without_needed(liar *l)
{
    change_challenge(l, clear_needed);
}

static void clear_other(liar *l, ns_writer *c)
{
    ns_set32(c, C_FLAGS, ns_le32(c->p + C_FLAGS) & ~others[l->step]);
}

static void without_other(liar *l)
{
    change_challenge(l, clear_other);
}

/* The client's entropy counts up, and its nonce is what it takes first. */
static void reflect(liar *l, ns_writer *c)
{
    (void)l;
    for (unsigned i = 0; i < NTLM_NONCE_LEN; i++)
        set8(c, C_NONCE + i, i);
}

static void reflected(liar *l)
{
    change_challenge(l, reflect);
}

static void other_type(liar *l, ns_writer *c)
{
    (void)l;
    set8(c, 8, 3);
}

static void not_a_challenge(liar *l)
{
    change_challenge(l, other_type);
}

static void as_nobody(netsession_config *cfg)
{
    MUST(!netsession_config_anonymous(cfg, 1));
}

static void let_nobody_in(liar *l)
{
    l->cfg.auth.anonymous = true;
}

#define BROKEN   .modes = SIGNED, .code = NETSESSION_E_PROTOCOL, .layer = "auth"
#define DISTRUST .modes = SIGNED, .code = NETSESSION_E_SECURITY, .layer = "auth"
#define POKED(offset, size, what)                                                              \
    .message = lie_poke, .poke = {.at = (offset), .width = (size), .value = (what)}

const fault auth_faults[] = {
    {.number = "64",
     .name = "unknown mechanism",
     .sent = "supportedMech unknown, then Kerberos, where NTLM was offered",
     .at = AT_CHALLENGE,
     .message = other_mech,
     .sweep = EACH_CASE,
     .cases = 2,
     DISTRUST},
    {.number = "64b",
     .name = "unknown mechanisms only",
     .sent = "a hint without NTLM",
     .at = AT_NEGOTIATE,
     .message = hint_of_others,
     .modes = SIGNED,
     .code = NETSESSION_E_POLICY,
     .layer = "auth"},
    {.number = "65",
     .name = "raw garbage",
     .sent = "200 bytes at random for a token",
     .at = AT_CHALLENGE,
     .message = garbage,
     BROKEN},
    {.number = "65b",
     .name = "no token",
     .sent = "an empty token for a challenge",
     .at = AT_CHALLENGE,
     .message = no_token,
     BROKEN},
    {.number = "65c",
     .name = "raw NTLM",
     .sent = "a challenge without SPNEGO around it",
     .at = AT_CHALLENGE,
     .message = raw_ntlm,
     BROKEN},
    {.number = "66",
     .name = "DER length 0x84FFFFFFFF",
     .sent = "a NegTokenResp of 4 GiB",
     .at = AT_CHALLENGE,
     .message = long_length,
     BROKEN},
    {.number = "67",
     .name = "deep nesting",
     .sent = "1000 SEQUENCEs, one in the other",
     .at = AT_CHALLENGE,
     .message = nested,
     BROKEN},
    {.number = "68",
     .name = "mechListMIC missing",
     .sent = "no mechListMIC at the end: legal where one mechanism was offered and chosen",
     .at = AT_LOGON,
     .message = no_mic,
     .modes = SIGNED,
     .want = PAGE},
    {.number = "68b",
     .name = "mechListMIC missing, though asked for",
     .sent = "request-mic, then no mechListMIC of its own",
     .at = AT_ANY,
     .message = ask_but_send_none,
     .always = true,
     DISTRUST},
    {.number = "69",
     .name = "mechListMIC wrong",
     .sent = "a bit of each of its bytes changed",
     .at = AT_LOGON,
     .message = wrong_mic,
     .sweep = EACH_CASE,
     .cases = 16,
     DISTRUST},
    {.number = "70",
     .name = "success too early",
     .sent = "success and accept-completed in place of the challenge",
     .at = AT_CHALLENGE,
     .message = success_early,
     DISTRUST},
    {.number = "70b",
     .name = "success too early, without a token",
     .sent = "success and nothing else in place of the challenge",
     .at = AT_CHALLENGE,
     .message = success_at_once,
     DISTRUST},
    {.number = "70c",
     .name = "success with the challenge",
     .sent = "the challenge, with success",
     .at = AT_CHALLENGE,
     .message = success_with_challenge,
     BROKEN},
    {.number = "70d",
     .name = "accept-completed with the challenge",
     .sent = "the challenge, with accept-completed",
     .at = AT_CHALLENGE,
     .message = completed_early,
     DISTRUST},
    {.number = "71",
     .name = "endless MORE_PROCESSING_REQUIRED",
     .sent = "that the logon goes on, for ever",
     .at = AT_LOGON,
     .message = never_ends,
     .always = true,
     BROKEN},
    {.number = "71b",
     .name = "success, accept-incomplete",
     .sent = "success with the state that the logon goes on",
     .at = AT_LOGON,
     .message = ends_incomplete,
     BROKEN},
    {.number = "71c",
     .name = "success, reject",
     .sent = "success with the state reject",
     .at = AT_LOGON,
     .message = ends_rejecting,
     .modes = SIGNED,
     .code = NETSESSION_E_LOGON,
     .layer = "auth"},
    {.number = "72",
     .name = "challenge under 48 bytes",
     .sent = "its first 0 to 47 bytes",
     .at = AT_CHALLENGE,
     .message = short_challenge,
     .sweep = EACH_CASE,
     .cases = 48,
     BROKEN},
    {.number = "72b",
     .name = "no challenge",
     .sent = "an NTLM message of type 3",
     .at = AT_CHALLENGE,
     .message = not_a_challenge,
     BROKEN},
    {.number = "73",
     .name = "TargetInfo offset wraps",
     .sent = "0xFFFFFFF0, 0xFFFFFFFF, 0x80000000, and into the header: 0, 8, 47",
     .at = AT_CHALLENGE,
     .message = wrapped_info,
     .sweep = EACH_CASE,
     .cases = 6,
     BROKEN},
    {.number = "74",
     .name = "no end-of-list pair",
     .sent = "TargetInfo without MsvAvEOL",
     .at = AT_CHALLENGE,
     .message = no_end_of_list,
     BROKEN},
    {.number = "75",
     .name = "timestamp length not 8",
     .sent = "0, 4, 7, 9, 16, 65535",
     .at = AT_CHALLENGE,
     .message = bad_timestamp,
     .sweep = EACH_CASE,
     .cases = 6,
     BROKEN},
    {.number = "76",
     .name = "each negotiate flag cleared",
     .sent = "no UNICODE, EXTENDED_SESSIONSECURITY, TARGET_INFO, 128, KEY_EXCH",
     .at = AT_CHALLENGE,
     .message = without_needed,
     .sweep = EACH_CASE,
     .cases = HOSTILE_COUNT(needed),
     DISTRUST},
    {.number = "76b",
     .name = "each other negotiate flag cleared on the way",
     .sent = "no REQUEST_TARGET, SIGN, NTLM, ALWAYS_SIGN, TARGET_TYPE_DOMAIN, VERSION, 56: "
             "the MIC tells the server",
     .at = AT_CHALLENGE,
     .message = without_other,
     .modes = SIGNED,
     .sweep = EACH_CASE,
     .cases = HOSTILE_COUNT(others),
     .code = NETSESSION_E_LOGON,
     .layer = "auth"},
    {.number = "77",
     .name = "guest",
     .sent = "SMB2_SESSION_FLAG_IS_GUEST, signed",
     .at = AT_LOGON,
     POKED(SESSION_FLAGS, 2, SMB2_SESSION_GUEST),
     .code = NETSESSION_E_POLICY,
     .layer = "smb2"},
    {.number = "78",
     .name = "anonymous",
     .sent = "SMB2_SESSION_FLAG_IS_NULL, signed",
     .at = AT_LOGON,
     POKED(SESSION_FLAGS, 2, SMB2_SESSION_NULL),
     .code = NETSESSION_E_POLICY,
     .layer = "smb2"},
    {.number = "78b",
     .name = "anonymous, as it was asked for: each bit of the answer to SESSION_SETUP",
     .sent = "one bit changed, in a session without keys; for each bit",
     .at = AT_LOGON,
     .message = lie_bit,
     .client = as_nobody,
     .server = let_nobody_in,
     .modes = SIGNED,
     .sweep = EACH_BIT,
     .places = MEMORY,
     .any_outcome = true},
    {.number = "78c",
     .name = "anonymous, as it was asked for: each bit of the answer to TREE_CONNECT",
     .sent = "one bit changed, in a session without keys; for each bit",
     .at = AT_TREE,
     .message = lie_bit,
     .client = as_nobody,
     .server = let_nobody_in,
     .modes = SIGNED,
     .sweep = EACH_BIT,
     .places = MEMORY,
     .any_outcome = true},
    {.number = "78d",
     .name = "anonymous, as it was asked for: each bit of the answer to NetrSessionEnum",
     .sent = "one bit changed, in a session without keys; for each bit",
     .at = AT_CALL,
     .message = lie_bit,
     .client = as_nobody,
     .server = let_nobody_in,
     .modes = SIGNED,
     .sweep = EACH_BIT,
     .places = MEMORY,
     .any_outcome = true},
    {.number = "79",
     .name = "AP-REP under a wrong key",
     .sent = "a changed AP-REP, each of its bits",
     .want = NOTHING,
     .arg = "with a KDC, in tests/kerberos: flipped_answer, answer_to_another, "
            "each_byte_of_the_grant"},
    {.number = "80",
     .name = "no AP-REP",
     .sent = "success without an AP-REP",
     .want = NOTHING,
     .arg = "with a KDC, in tests/kerberos: no_answer, cut_answer"},
    {.number = "80b",
     .name = "our own challenge sent back",
     .sent = "the client's nonce for the server's",
     .at = AT_CHALLENGE,
     .message = reflected,
     .ours = true,
     DISTRUST},
    {.number = "80c",
     .name = "each bit of the challenge",
     .sent = "the first SESSION_SETUP with one bit changed, as if the server had meant it; for "
             "each bit",
     .at = AT_CHALLENGE,
     .modes = SIGNED,
     .message = lie_bit,
     .sweep = EACH_BIT,
     .places = MEMORY,
     .any_outcome = true},
    {.number = "80d",
     .name = "each bit of the end",
     .sent = "the last SESSION_SETUP with one bit changed, validly signed; for each bit",
     .at = AT_LOGON,
     .modes = SIGNED,
     .message = lie_bit,
     .sweep = EACH_BIT,
     .places = MEMORY,
     .any_outcome = true},
};
const size_t auth_count = HOSTILE_COUNT(auth_faults);
