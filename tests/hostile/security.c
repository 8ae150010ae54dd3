/* Faults 50 to 63: signatures and encryption ([MS-SMB2] 3.1.4, 3.2.5.1). */
#include <string.h>

#include "tests/hostile/hostile.h"

/* ---- Signatures ---- */

static void clear_signature(liar *l)
{
    memset(l->msg.p + H_SIGNATURE, 0, 16);
}

static void clear_flag(liar *l)
{
    set8(&l->msg, H_FLAGS, l->msg.p[H_FLAGS] & ~(unsigned)SMB2_FLAG_SIGNED);
}

static void unsigned_flag(liar *l)
{
    clear_flag(l);
    clear_signature(l);
    put_plain(l);
}

static void zero_signature(liar *l)
{
    clear_signature(l);
    put_plain(l);
}

static void echoed_signature(liar *l)
{
    memcpy(l->msg.p + H_SIGNATURE, l->request.p + H_SIGNATURE, 16);
    put_plain(l);
}

/* Of the frame as it should be. */
static void flip_bit(liar *l)
{
    size_t at = l->out.len + 4;

    put_protected(l);
    at += l->step / 8 % (l->out.len - at);
    l->out.p[at] ^= (uint8_t)(1u << l->step % 8);
}

/* What another answer could have been signed with. */
static void moved_signature(liar *l)
{
    uint32_t id = ns_le32(l->msg.p + H_MESSAGE_ID);
    size_t at = l->out.len + 4;

    ns_set32(&l->msg, H_MESSAGE_ID, id + 1);
    put_signed(l);
    ns_store32(l->out.p + at + H_MESSAGE_ID, id);
}

/* The element of a compound that is not signed; the others are. */
static void unsigned_element(liar *l)
{
    size_t at = l->out.len + 4;

    put_signed(l);
    for (unsigned i = 0; i < l->step; i++)
        at += ns_le32(l->out.p + at + H_NEXT);
    set8(&l->out, at + H_FLAGS, l->out.p[at + H_FLAGS] & ~(unsigned)SMB2_FLAG_SIGNED);
    memset(l->out.p + at + H_SIGNATURE, 0, 16);
}

/* On the way: SecurityMode, Guid, Capabilities, and Dialect to 3.0 and 2.1. */
static void changed_negotiation(liar *l)
{
    static const struct {
        size_t at;
        unsigned value;
    } changes[] = {{66, 3}, {72, 'A'}, {88, 0x40}, {68, 0x00}, {69, 0x02}};

    set8(&l->msg, changes[l->step].at, changes[l->step].value);
    if (l->step == 4)
        set8(&l->msg, 68, 0x10);
}

static void with_ccm(netsession_config *cfg)
{
    static const unsigned ccm[] = {NETSESSION_AES_128_CCM};

    MUST(!netsession_config_ciphers(cfg, ccm, 1));
}

static const uint32_t statuses[] = {
    0x80000005, 0xC0000001, 0xC0000008, 0xC000000D, 0xC0000010, 0xC0000011, 0xC0000016,
    0xC0000022, 0xC0000034, 0xC0000043, 0xC000006D, 0xC000009A, 0xC00000AC, 0xC00000AE,
    0xC00000B0, 0xC00000B5, 0xC00000BB, 0xC00000C9, 0xC00000CC, 0xC00000D0, 0xC0000120,
    0xC0000128, 0xC000014B, 0xC0000184, 0xC0000203, 0xC000020C, 0xC000035C, 0xC05D0000};

static void unsigned_error(liar *l)
{
    make_error(l, statuses[l->step]);
    clear_flag(l);
    clear_signature(l);
    put_plain(l);
}

static void with_wrong_key(liar *l)
{
    smb2_session *s = liar_session(l);

    s->keys.signing[3] ^= 1;
    s->keys.to_client[3] ^= 1;
    put_protected(l);
}

/* ---- Encryption ---- */

static void in_plain_text(liar *l)
{
    put_signed(l);
}

/* IPC$ asks for encryption ([MS-SMB2] 2.2.10 SMB2_SHAREFLAG_ENCRYPT_DATA),
 * then it is not used. */
static void share_then_plain(liar *l)
{
    if (l->stage == AT_TREE)
        ns_set32(&l->msg, 68, SMB2_SHARE_ENCRYPT);
    else if (l->stage == AT_CREATE)
        put_signed(l);
}

static void share_wants_cipher(liar *l)
{
    ns_set32(&l->msg, 68, SMB2_SHARE_ENCRYPT);
}

static void twice_sealed(liar *l)
{
    ns_writer inner;

    ns_writer_init(&inner, &l->hooks, 1u << 20);
    put_sealed(l);
    ns_put(&inner, l->out.p + l->out.len - SMB2_TRANSFORM_LEN - l->msg.len,
           SMB2_TRANSFORM_LEN + l->msg.len);
    l->out.len -= 4 + inner.len;
    ns_writer_reset(&l->msg);
    ns_put(&l->msg, inner.p, inner.len);
    ns_writer_free(&inner);
    put_sealed(l);
}

/* Authentic, but in a transform header of another session. */
static void other_outer_session(liar *l)
{
    smb2_session *s = liar_session(l);
    uint64_t id = s->id;

    s->id = 0x77;
    put_sealed(l);
    s->id = id;
}

static void bad_tag(liar *l)
{
    size_t at = l->out.len + 4 + 4;

    put_sealed(l);
    l->out.p[at + l->step] ^= 0x80;
}

static void replayed_frame(liar *l)
{
    size_t at = l->out.len, len;
    uint8_t frame[4096];

    put_sealed(l);
    len = l->out.len - at;
    MUST(len <= sizeof frame);
    memcpy(frame, l->out.p + at, len);
    ns_put(&l->out, frame, len);
}

static void old_nonce(liar *l)
{
    if (!l->was_sealed)
        return;
    liar_session(l)->nonce = 1;
    l->told = true;
}

static void inner_session_0(liar *l)
{
    ns_set32(&l->msg, H_SESSION, 0);
    ns_set32(&l->msg, H_SESSION + 4, 0);
}

static void sealed_without_cipher(liar *l)
{
    l->smb.cipher = NETSESSION_AES_128_GCM;
    put_sealed(l);
}

static void compressed(liar *l)
{
    ns_set32(&l->msg, 0, SMB2_COMPRESSED);
    put_plain(l);
}

static void no_encryption(liar *l)
{
    l->cfg.encryption = SMB2_ENCRYPTION_OFF;
}

#define DISTRUST .code = NETSESSION_E_SECURITY, .layer = "smb2"
#define BROKEN   .code = NETSESSION_E_PROTOCOL, .layer = "smb2"

const fault security_faults[] = {
    {.number = "50",
     .name = "signed flag missing",
     .sent = "each answer unsigned, from the last SESSION_SETUP on",
     .at = AT_ANY,
     .message = unsigned_flag,
     .modes = SIGNED,
     .sweep = EACH_STAGE,
     DISTRUST},
    {.number = "50b",
     .name = "signed flag missing, as a guest",
     .sent = "an unsigned last SESSION_SETUP before encryption begins",
     .at = AT_LOGON,
     .message = unsigned_flag,
     .modes = SEALED,
     DISTRUST},
    {.number = "50c",
     .name = "signed flag missing in a compound",
     .sent = "one of the three answers that open the pipe unsigned",
     .at = AT_TREE,
     .message = unsigned_element,
     .compound = true,
     .modes = SIGNED,
     .sweep = EACH_CASE,
     .cases = 3,
     DISTRUST},
    {.number = "50d",
     .name = "signed flag missing at the goodbye",
     .sent = "the page, then an unsigned answer to CLOSE",
     .at = AT_OTHER,
     .message = unsigned_flag,
     .modes = SIGNED,
     .rude = true,
     DISTRUST},
    {.number = "51",
     .name = "zero signature",
     .sent = "each answer flagged as signed, its signature zeros",
     .at = AT_ANY,
     .message = zero_signature,
     .modes = SIGNED,
     .sweep = EACH_STAGE,
     DISTRUST},
    {.number = "52",
     .name = "our own signature echoed",
     .sent = "each answer with the signature of its request",
     .at = AT_ANY,
     .message = echoed_signature,
     .modes = SIGNED,
     .sweep = EACH_STAGE,
     DISTRUST},
    {.number = "53",
     .name = "each bit flipped",
     .sent = "the answer to NetrSessionEnum with one bit changed; for each bit",
     .at = AT_CALL,
     .message = flip_bit,
     .sweep = EACH_BIT,
     DISTRUST,
     .also = NETSESSION_E_PROTOCOL,
     .also_layer = "smb2"},
    {.number = "53b",
     .name = "each bit flipped, of the bind_ack's frame",
     .sent = "the answer to the bind with one bit changed; for each bit",
     .at = AT_BIND,
     .message = flip_bit,
     .sweep = EACH_BIT,
     DISTRUST,
     .also = NETSESSION_E_PROTOCOL,
     .also_layer = "smb2"},
    {.number = "53c",
     .name = "each bit flipped, of the last SESSION_SETUP",
     .sent = "the end of the logon with one bit changed; for each bit",
     .at = AT_LOGON,
     .message = flip_bit,
     .sweep = EACH_BIT,
     .any_error = true},
    {.number = "53d",
     .name = "each bit flipped, of NEGOTIATE",
     .sent = "the answer to NEGOTIATE with one bit changed; for each bit",
     .at = AT_NEGOTIATE,
     .message = flip_bit,
     .keep_hash = true,
     .sweep = EACH_BIT,
     .any_error = true},
    {.number = "53e",
     .name = "each bit flipped, of the challenge",
     .sent = "the first SESSION_SETUP with one bit changed; for each bit",
     .at = AT_CHALLENGE,
     .message = flip_bit,
     .keep_hash = true,
     .sweep = EACH_BIT,
     .any_error = true},
    {.number = "53f",
     .name = "each bit flipped, of a compound",
     .sent = "the answers that open the pipe with one bit changed; for each bit",
     .at = AT_TREE,
     .message = flip_bit,
     .compound = true,
     .sweep = EACH_BIT,
     DISTRUST,
     .also = NETSESSION_E_PROTOCOL,
     .also_layer = "smb2"},
    {.number = "53g",
     .name = "each bit flipped, HMAC-SHA256",
     .sent = "the answer to NetrSessionEnum with one bit changed; for each bit (2.1)",
     .at = AT_CALL,
     .message = flip_bit,
     .dialect = NETSESSION_SMB_2_1,
     .modes = SIGNED,
     .sweep = EACH_BIT,
     DISTRUST,
     .also = NETSESSION_E_PROTOCOL,
     .also_layer = "smb2"},
    {.number = "53h",
     .name = "each bit flipped, AES-CMAC, AES-128-CCM",
     .sent = "the answer to NetrSessionEnum with one bit changed; for each bit (3.0.2)",
     .at = AT_CALL,
     .message = flip_bit,
     .dialect = NETSESSION_SMB_3_0_2,
     .client = with_ccm,
     .sweep = EACH_BIT,
     DISTRUST,
     .also = NETSESSION_E_PROTOCOL,
     .also_layer = "smb2"},
    {.number = "54",
     .name = "a valid signature on another MessageId",
     .sent = "each answer signed for the MessageId behind its own",
     .at = AT_ANY,
     .message = moved_signature,
     .modes = SIGNED,
     .sweep = EACH_STAGE,
     DISTRUST},
    {.number = "55",
     .name = "each error status unsigned",
     .sent = "28 statuses in place of the answer to NetrSessionEnum",
     .at = AT_CALL,
     .message = unsigned_error,
     .sweep = EACH_CASE,
     .cases = HOSTILE_COUNT(statuses),
     DISTRUST},
    {.number = "55b",
     .name = "each error status unsigned, of TREE_CONNECT",
     .sent = "28 statuses in place of the answer to TREE_CONNECT",
     .at = AT_TREE,
     .message = unsigned_error,
     .sweep = EACH_CASE,
     .cases = HOSTILE_COUNT(statuses),
     DISTRUST},
    {.number = "56",
     .name = "plaintext after encryption was agreed",
     .sent = "each answer signed, but not encrypted",
     .at = AT_ANY,
     .message = in_plain_text,
     .modes = SEALED,
     .sweep = EACH_SECRET,
     DISTRUST},
    {.number = "56b",
     .name = "plaintext from a share that is to be encrypted",
     .sent = "IPC$ with SHAREFLAG_ENCRYPT_DATA, then an answer that is signed only",
     .at = AT_ANY,
     .message = share_then_plain,
     .from = AT_CREATE,
     .always = true,
     .modes = SIGNED,
     DISTRUST},
    {.number = "56c",
     .name = "a share that is to be encrypted, and no cipher",
     .sent = "IPC$ with SHAREFLAG_ENCRYPT_DATA",
     .at = AT_TREE,
     .message = share_wants_cipher,
     .server = no_encryption,
     .modes = SIGNED,
     .code = NETSESSION_E_POLICY,
     .layer = "smb2"},
    {.number = "57",
     .name = "transform within transform",
     .sent = "each answer encrypted twice",
     .at = AT_ANY,
     .message = twice_sealed,
     .modes = SEALED,
     .sweep = EACH_SECRET,
     BROKEN},
    {.number = "57b",
     .name = "encrypted, though no cipher was agreed",
     .sent = "each answer encrypted",
     .at = AT_ANY,
     .message = sealed_without_cipher,
     .server = no_encryption,
     .modes = SIGNED,
     .sweep = EACH_SECRET,
     BROKEN},
    {.number = "58",
     .name = "transform and inner SessionId differ",
     .sent = "each answer with SessionId 0 inside",
     .at = AT_ANY,
     .message = inner_session_0,
     .modes = SEALED,
     .sweep = EACH_SECRET,
     DISTRUST},
    {.number = "58b",
     .name = "transform of another session",
     .sent = "each answer in a transform header of session 0x77",
     .at = AT_ANY,
     .message = other_outer_session,
     .modes = SEALED,
     .sweep = EACH_SECRET,
     DISTRUST},
    {.number = "59",
     .name = "bad tag",
     .sent = "the answer to NetrSessionEnum, each of the tag's bytes changed",
     .at = AT_CALL,
     .message = bad_tag,
     .modes = SEALED,
     .sweep = EACH_CASE,
     .cases = 16,
     DISTRUST},
    {.number = "60",
     .name = "repeated server nonce: the same frame",
     .sent = "the encrypted answer to TREE_CONNECT twice",
     .at = AT_TREE,
     .message = replayed_frame,
     .modes = SEALED,
     BROKEN},
    {.number = "60b",
     .name = "repeated server nonce: another message",
     .sent = "all under one nonce: authentic all the same, and each to its own MessageId",
     .at = AT_ANY,
     .message = old_nonce,
     .modes = SEALED,
     .always = true,
     .want = PAGE},
    {.number = "61",
     .name = "wrong session key",
     .sent = "each answer signed, encrypted with a key that differs in one bit",
     .at = AT_ANY,
     .message = with_wrong_key,
     .sweep = EACH_STAGE,
     DISTRUST},
    {.number = "62",
     .name = "preauth mismatch",
     .sent = "a NEGOTIATE of which the server has signed another",
     .at = AT_NEGOTIATE,
     .message = lie_poke,
     .poke = {.at = 72, .width = 1, .value = 'A'},
     .keep_hash = true,
     DISTRUST},
    {.number = "62b",
     .name = "a NEGOTIATE changed on the way, before 3.1.1",
     .sent = "another SecurityMode, Guid, Capabilities, Dialect 3.0, Dialect 2.1 (3.0.2)",
     .at = AT_NEGOTIATE,
     .message = changed_negotiation,
     .dialect = NETSESSION_SMB_3_0_2,
     .client = with_ccm,
     .modes = SIGNED,
     .sweep = EACH_CASE,
     .cases = 5,
     DISTRUST},
    {.number = "63",
     .name = "compressed frame",
     .sent = "each answer as if it were compressed",
     .at = AT_ANY,
     .message = compressed,
     .sweep = EACH_STAGE,
     BROKEN},
};
const size_t security_count = HOSTILE_COUNT(security_faults);
