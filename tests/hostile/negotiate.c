/* Faults 35 to 49: the answer to NEGOTIATE ([MS-SMB2] 2.2.4), and what a
 * server of SMB 3.0.2 says of it afterwards (2.2.32.6). */
#include <string.h>

#include "tests/hostile/hostile.h"

/* Offsets from the SMB2 header. */
enum {
    N_SIZE = 64,
    N_DIALECT = 68,
    N_COUNT = 70,
    N_MAX_TRANSACT = 92,
    N_SECURITY = 120,
    N_SECURITY_LEN = 122,
    N_CONTEXTS = 124
};
enum { PREAUTH = 1, ENCRYPTION = 2, SIGNING = 8 };

/* ---- Contexts: 2.2.3.1 ---- */

static size_t padded(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

/* Where the context of this type begins: type, length, reserved, data.  0:
 * nowhere, since the client has not sent one. */
static size_t context(const liar *l, unsigned type)
{
    size_t at = ns_le32(l->msg.p + N_CONTEXTS);

    for (; at + 8 <= l->msg.len; at += padded(8 + (size_t)ns_le16(l->msg.p + at + 2)))
        if (ns_le16(l->msg.p + at) == type)
            return at;
    return 0;
}

static void set_in_context(liar *l, unsigned type, size_t off, unsigned value)
{
    size_t at = context(l, type);

    if (at)
        ns_set16(&l->msg, at + 8 + off, (uint16_t)value);
}

static void no_preauth(liar *l)
{
    size_t at = context(l, PREAUTH);

    if (at)
        ns_set16(&l->msg, at, 0x7777);
}

/* A second one, just like one that is there. */
static void copy_context(liar *l, unsigned type)
{
    size_t at = context(l, type), len = 8 + (size_t)ns_le16(l->msg.p + at + 2);
    uint8_t copy[64];

    if (!at)
        return;
    MUST(len <= sizeof copy);
    memcpy(copy, l->msg.p + at, len);
    ns_put_align(&l->msg, 0, 8);
    ns_put(&l->msg, copy, len);
    ns_set16(&l->msg, N_COUNT, (uint16_t)(ns_le16(l->msg.p + N_COUNT) + 1));
}

static void two_contexts(liar *l)
{
    static const unsigned types[] = {PREAUTH, ENCRYPTION, SIGNING};

    copy_context(l, types[l->step]);
}

static void two_hashes(liar *l)
{
    set_in_context(l, PREAUTH, 0, 2);
}

static void no_hash(liar *l)
{
    set_in_context(l, PREAUTH, 0, 0);
}

static void other_hash(liar *l)
{
    set_in_context(l, PREAUTH, 4, 2);
}

static void bad_salt(liar *l)
{
    static const unsigned lengths[] = {33, 257, 0x7FFF, 0xFFFF};

    set_in_context(l, PREAUTH, 2, lengths[l->step]);
}

static void other_cipher(liar *l)
{
    static const unsigned ciphers[] = {NETSESSION_AES_128_CCM, NETSESSION_AES_256_GCM, 5,
                                       0xFFFF};

    set_in_context(l, ENCRYPTION, 2, ciphers[l->step]);
}

static void two_ciphers(liar *l)
{
    set_in_context(l, ENCRYPTION, 0, 2);
}

static void no_cipher(liar *l)
{
    set_in_context(l, ENCRYPTION, 2, 0);
}

static void other_signing(liar *l)
{
    static const unsigned algorithms[] = {NETSESSION_HMAC_SHA256, NETSESSION_AES_GMAC, 3,
                                          0xFFFF};

    set_in_context(l, SIGNING, 2, algorithms[l->step]);
}

/* ---- Dialects and sizes ---- */

static void other_dialect(liar *l)
{
    static const unsigned dialects[] = {0, 0x0100, 0x0210 + 1, 0x0222, 0x0310, 0x0312, 0xFFFF};

    ns_set16(&l->msg, N_DIALECT, (uint16_t)dialects[l->step]);
}

static void wildcard_twice(liar *l)
{
    ns_set16(&l->msg, N_DIALECT, 0x02FF);
    put_plain(l);
    put_plain(l);
}

static void zero_size(liar *l)
{
    ns_set32(&l->msg, N_MAX_TRANSACT + 4 * l->step, 0);
}

static void huge_sizes(liar *l)
{
    memset(l->msg.p + N_MAX_TRANSACT, 0xFF, 12);
}

static void offset_inside(liar *l)
{
    ns_set16(&l->msg, N_SECURITY, (uint16_t)(8 * l->step));
}

static void offset_past(liar *l)
{
    static const unsigned offsets[] = {0xFFFF, 0x8000, 0};
    size_t at = offsets[l->step] ? offsets[l->step] : l->msg.len;

    ns_set16(&l->msg, N_SECURITY, (uint16_t)at);
}

static void contexts_elsewhere(liar *l)
{
    static const uint32_t offsets[] = {0, 8, 0xFFFFFFF8u, 0x80000000u};

    ns_set32(&l->msg, N_CONTEXTS, offsets[l->step]);
}

static void any_size(liar *l)
{
    ns_set16(&l->msg, N_SIZE, (uint16_t)(64 + 2 * l->step));
}

/* ---- What the client wants ---- */

static void cmac_only(netsession_config *cfg)
{
    static const unsigned cmac[] = {NETSESSION_AES_CMAC};

    MUST(!netsession_config_signing(cfg, cmac, 1));
}

static void must_encrypt(netsession_config *cfg)
{
    MUST(!netsession_config_encrypt(cfg, 1));
}

static void max_io(netsession_config *cfg)
{
    MUST(!netsession_config_io_size(cfg, 8u << 20));
}

static void since_3(netsession_config *cfg)
{
    static const unsigned ciphers[] = {NETSESSION_AES_128_CCM};

    MUST(!netsession_config_ciphers(cfg, ciphers, 1));
}

/* ---- Validation ---- */

/* A byte of each of the four. */
static void other_answer(liar *l)
{
    static const size_t at[] = {112, 116, 132, 134};

    l->msg.p[at[l->step]] ^= 1;
}

static void refuses(liar *l)
{
    static const uint32_t statuses[] = {STATUS_ACCESS_DENIED, STATUS_NOT_SUPPORTED,
                                        STATUS_FILE_CLOSED, STATUS_INVALID_DEVICE_REQUEST};

    make_error(l, statuses[l->step]);
}

static void empty_answer(liar *l)
{
    ns_set32(&l->msg, 100, 0);
}

/* A server of the 2.x family, which need not know the question. */
static void of_2_1(liar *l)
{
    l->cfg.max_dialect = NETSESSION_SMB_2_1;
}

static void knows_not(liar *l)
{
    static const uint32_t statuses[] = {STATUS_FILE_CLOSED, STATUS_INVALID_DEVICE_REQUEST,
                                        STATUS_NOT_SUPPORTED};

    make_error(l, statuses[l->step]);
}

/* In a compound validation may fail; it is asked for once more, along with the
 * first call. */
static void fail_in_compound(liar *l)
{
    ns_set32(&l->msg, ns_le32(l->msg.p + H_NEXT) + H_STATUS, STATUS_NOT_SUPPORTED);
}

static void never_validates(liar *l)
{
    if (l->stage == AT_TREE)
        fail_in_compound(l);
    else if (l->stage == AT_VALIDATE)
        l->taken = true;
}

static void validates_another(liar *l)
{
    if (l->stage == AT_TREE)
        fail_in_compound(l);
    else if (l->stage == AT_VALIDATE)
        l->msg.p[116] ^= 1;
}

static void validates_later(liar *l)
{
    if (l->stage == AT_TREE)
        fail_in_compound(l);
}

static void knows_not_unsigned(liar *l)
{
    make_error(l, STATUS_FILE_CLOSED);
    set8(&l->msg, H_FLAGS, SMB2_FLAG_RESPONSE);
    memset(l->msg.p + H_SIGNATURE, 0, 16);
    put_plain(l);
}

static void large_io(liar *l)
{
    l->cfg.max_io = 8u << 20;
}

#define BROKEN    .code = NETSESSION_E_PROTOCOL, .layer = "smb2"
#define DISTRUST  .code = NETSESSION_E_SECURITY, .layer = "smb2"
#define POLICY    .code = NETSESSION_E_POLICY, .layer = "smb2"
#define NEGOTIATE .at = AT_NEGOTIATE, .modes = SIGNED
#define VALIDATE                                                                               \
    .at = AT_VALIDATE, .dialect = NETSESSION_SMB_3_0_2, .client = since_3, .modes = BOTH

const fault negotiate_faults[] = {
    {.number = "35",
     .name = "a dialect not offered",
     .sent = "0, 0x0100, 0x0211, 0x0222, 0x0310, 0x0312, 0xFFFF",
     NEGOTIATE,
     .message = other_dialect,
     .sweep = EACH_CASE,
     .cases = 7,
     BROKEN},
    {.number = "35b",
     .name = "a dialect of ours, but not offered",
     .sent = "3.1.1 where up to 3.0.2 were offered",
     NEGOTIATE,
     .message = lie_poke,
     .poke = {.at = N_DIALECT, .width = 2, .value = NETSESSION_SMB_3_1_1},
     .dialect = NETSESSION_SMB_3_0_2,
     BROKEN},
    {.number = "36",
     .name = "0x02FF twice",
     .sent = "the wildcard dialect, which answers SMB1 only, in two answers",
     NEGOTIATE,
     .message = wildcard_twice,
     BROKEN},
    {.number = "37",
     .name = "Max*Size 0",
     .sent = "MaxTransactSize, MaxReadSize, MaxWriteSize 0",
     NEGOTIATE,
     .message = zero_size,
     .sweep = EACH_CASE,
     .cases = 3,
     BROKEN},
    {.number = "38",
     .name = "Max*Size 0xFFFFFFFF",
     .sent = "all three: the client's own sizes hold",
     .at = AT_NEGOTIATE,
     .message = huge_sizes,
     .want = PAGE},
    {.number = "38b",
     .name = "Max*Size 0xFFFFFFFF, and a client that asks for as much as it can",
     .sent = "all three, where reads of 8 MiB are allowed",
     .at = AT_NEGOTIATE,
     .message = huge_sizes,
     .server = large_io,
     .client = max_io,
     .want = PAGE},
    {.number = "38c",
     .name = "Max*Size 8 MiB, and a client that asks for as much",
     .sent = "the truth, of a server as large as Windows'",
     .server = large_io,
     .client = max_io,
     .want = PAGE},
    {.number = "39",
     .name = "security offset inside the header",
     .sent = "0, 8 ... 120",
     NEGOTIATE,
     .message = offset_inside,
     .sweep = EACH_CASE,
     .cases = 16,
     BROKEN},
    {.number = "40",
     .name = "security offset past the end",
     .sent = "0xFFFF, 0x8000, the end itself",
     NEGOTIATE,
     .message = offset_past,
     .sweep = EACH_CASE,
     .cases = 3,
     BROKEN},
    {.number = "40b",
     .name = "security length past the end",
     .sent = "0xFFFF",
     NEGOTIATE,
     .message = lie_poke,
     .poke = {.at = N_SECURITY_LEN, .width = 2, .value = 0xFFFF},
     BROKEN},
    {.number = "41",
     .name = "context count 65535",
     .sent = "65535 contexts, of which three come",
     NEGOTIATE,
     .message = lie_poke,
     .poke = {.at = N_COUNT, .width = 2, .value = 0xFFFF},
     BROKEN},
    {.number = "41b",
     .name = "contexts elsewhere",
     .sent = "NegotiateContextOffset 0, 8, 0xFFFFFFF8, 0x80000000",
     NEGOTIATE,
     .message = contexts_elsewhere,
     .sweep = EACH_CASE,
     .cases = 4,
     BROKEN},
    {.number = "41c",
     .name = "StructureSize not 65",
     .sent = "64, 66 ... 78",
     NEGOTIATE,
     .message = any_size,
     .sweep = EACH_CASE,
     .cases = 8,
     BROKEN},
    {.number = "42",
     .name = "no preauth context",
     .sent = "an unknown one in its place",
     NEGOTIATE,
     .message = no_preauth,
     BROKEN},
    {.number = "43",
     .name = "two of them",
     .sent = "a second context for preauth, encryption, signing",
     NEGOTIATE,
     .message = two_contexts,
     .sweep = EACH_CASE,
     .cases = 3,
     BROKEN},
    {.number = "44",
     .name = "two hashes",
     .sent = "HashAlgorithmCount 2",
     NEGOTIATE,
     .message = two_hashes,
     BROKEN},
    {.number = "44b",
     .name = "no hash",
     .sent = "HashAlgorithmCount 0",
     NEGOTIATE,
     .message = no_hash,
     BROKEN},
    {.number = "44c",
     .name = "another hash",
     .sent = "hash 2, which does not exist",
     NEGOTIATE,
     .message = other_hash,
     BROKEN},
    {.number = "45",
     .name = "bad salt length",
     .sent = "33, 257, 32767, 65535",
     NEGOTIATE,
     .message = bad_salt,
     .sweep = EACH_CASE,
     .cases = 4,
     BROKEN},
    {.number = "46",
     .name = "a cipher not offered",
     .sent = "AES-128-CCM, AES-256-GCM, 5, 65535, where AES-128-GCM was offered",
     NEGOTIATE,
     .message = other_cipher,
     .sweep = EACH_CASE,
     .cases = 4,
     BROKEN},
    {.number = "46b",
     .name = "two ciphers",
     .sent = "CipherCount 2",
     NEGOTIATE,
     .message = two_ciphers,
     BROKEN},
    {.number = "47",
     .name = "cipher 0 when encryption is required",
     .sent = "no cipher, where the config demands one",
     NEGOTIATE,
     .message = no_cipher,
     .client = must_encrypt,
     POLICY},
    {.number = "47b",
     .name = "encryption without a cipher",
     .sent = "no cipher, then a session that is to be encrypted",
     .at = AT_NEGOTIATE,
     .modes = SEALED,
     .message = no_cipher,
     BROKEN},
    {.number = "48",
     .name = "a signing algorithm not offered",
     .sent = "HMAC-SHA256, AES-GMAC, 3, 65535, where AES-CMAC was offered",
     NEGOTIATE,
     .message = other_signing,
     .client = cmac_only,
     .sweep = EACH_CASE,
     .cases = 4,
     BROKEN},
    {.number = "49",
     .name = "validate-negotiate mismatch",
     .sent = "other Capabilities, Guid, SecurityMode, Dialect, signed (3.0.2)",
     VALIDATE,
     .message = other_answer,
     .sweep = EACH_CASE,
     .cases = 4,
     DISTRUST},
    {.number = "49b",
     .name = "validation refused",
     .sent = "four statuses, signed, in its place (3.0.2)",
     VALIDATE,
     .message = refuses,
     .sweep = EACH_CASE,
     .cases = 4,
     DISTRUST},
    {.number = "49c",
     .name = "empty validation",
     .sent = "success and no bytes, signed (3.0.2)",
     VALIDATE,
     .message = empty_answer,
     DISTRUST},
    {.number = "49d",
     .name = "validation that a server of 2.1 does not know",
     .sent = "three statuses, signed, in its place: legal",
     .at = AT_VALIDATE,
     .message = knows_not,
     .dialect = NETSESSION_SMB_3_0_2,
     .server = of_2_1,
     .modes = SIGNED,
     .sweep = EACH_CASE,
     .cases = 3,
     .want = PAGE},
    {.number = "49e",
     .name = "the same, unsigned",
     .sent = "STATUS_FILE_CLOSED in its place, unsigned",
     .at = AT_VALIDATE,
     .message = knows_not_unsigned,
     .dialect = NETSESSION_SMB_3_0_2,
     .server = of_2_1,
     .modes = SIGNED,
     DISTRUST},
    {.number = "49f",
     .name = "each bit of NEGOTIATE",
     .sent = "the answer with one bit changed, as if the server had meant it; for each bit",
     .at = AT_NEGOTIATE,
     .modes = SIGNED,
     .message = lie_bit,
     .sweep = EACH_BIT,
     .places = MEMORY,
     .any_outcome = true},
    {.number = "49g",
     .name = "validation that never comes",
     .sent = "an error for it in the compound, then the call's answer without it (3.0.2)",
     .at = AT_ANY,
     .message = never_validates,
     .from = AT_VALIDATE,
     .always = true,
     .dialect = NETSESSION_SMB_3_0_2,
     .client = since_3,
     .compound = true,
     .code = NETSESSION_E_TIMEOUT,
     .layer = "tcp"},
    {.number = "49h",
     .name = "validation that comes late, and differs",
     .sent = "an error for it in the compound, then another Guid (3.0.2)",
     .at = AT_ANY,
     .message = validates_another,
     .from = AT_VALIDATE,
     .always = true,
     .dialect = NETSESSION_SMB_3_0_2,
     .client = since_3,
     .compound = true,
     DISTRUST},
    {.number = "49i",
     .name = "validation that comes late",
     .sent = "an error for it in the compound, then the truth (3.0.2)",
     .at = AT_ANY,
     .message = validates_later,
     .always = true,
     .dialect = NETSESSION_SMB_3_0_2,
     .client = since_3,
     .compound = true,
     .want = PAGE},
};
const size_t negotiate_count = HOSTILE_COUNT(negotiate_faults);
