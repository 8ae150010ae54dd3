/* Faults 13 to 34: the header of an SMB2 message ([MS-SMB2] 2.2.1), and which
 * message answers which. */
#include <string.h>

#include "tests/hostile/hostile.h"

#define CHAIN    1000
#define ASYNC_ID 0x500000001u

/* ---- Its fields ---- */

static void truncated(liar *l)
{
    l->msg.len = l->step + 1;
    if (l->was_sealed)
        put_sealed(l);
    else
        put_plain(l);
}

static void next_of_step(liar *l)
{
    ns_set32(&l->msg, H_NEXT, l->step + 1);
}

/* No multiple of 8, and not behind the end. */
static void unaligned(liar *l)
{
    ns_set32(&l->msg, H_NEXT, 66 + 8 * l->step);
}

static void past_the_end(liar *l)
{
    static const uint32_t next[] = {0x7FFFFFF8u, 0xFFFFFFF8u, 0x10000u, 0};

    ns_put_align(&l->msg, 0, 8);
    ns_set32(&l->msg, H_NEXT, next[l->step] ? next[l->step] : (uint32_t)l->msg.len);
}

/* ---- Chains ---- */

/* The message that is there, so often. */
static void chain_up(liar *l)
{
    size_t len;

    ns_put_align(&l->msg, 0, 8);
    len = l->msg.len;
    ns_set32(&l->msg, H_NEXT, (uint32_t)len);
    for (unsigned i = 1; i < CHAIN; i++) {
        uint8_t *p = ns_put_space(&l->msg, len);

        memcpy(p, l->msg.p, len);
        ns_store32(p + H_NEXT, i + 1 < CHAIN ? (uint32_t)len : 0);
    }
}

static void make_break(liar *l)
{
    l->msg.len = SMB2_HEADER_LEN;
    ns_set16(&l->msg, H_COMMAND, SMB2_OPLOCK_BREAK);
    ns_set32(&l->msg, H_MESSAGE_ID, UINT32_MAX);
    ns_set32(&l->msg, H_MESSAGE_ID + 4, UINT32_MAX);
    ns_put16(&l->msg, 24);
    (void)ns_put_space(&l->msg, 22);
}

static void chain_of_breaks(liar *l)
{
    make_break(l);
    chain_up(l);
}

static void chain_of_errors(liar *l)
{
    make_error(l, STATUS_ACCESS_DENIED);
    chain_up(l);
}

/* ---- The compound that opens the pipe ---- */

/* Where element i of the message begins. */
static size_t element(const liar *l, unsigned i)
{
    size_t at = 0;

    while (i--)
        at += ns_le32(l->msg.p + at + H_NEXT);
    return at;
}

static void element_past_end(liar *l)
{
    ns_set32(&l->msg, element(l, l->step) + H_NEXT, 0x7FFFFFF8);
}

/* What follows the element never comes. */
static void element_last(liar *l)
{
    size_t end = element(l, l->step + 1);

    ns_set32(&l->msg, element(l, l->step) + H_NEXT, 0);
    l->msg.len = end;
}

static void element_of_another(liar *l)
{
    ns_set32(&l->msg, element(l, l->step) + H_MESSAGE_ID, 0x1234);
}

/* Every element answers the first request. */
static void elements_of_one(liar *l)
{
    ns_set32(&l->msg, element(l, 1) + H_MESSAGE_ID, ns_le32(l->msg.p + H_MESSAGE_ID));
    ns_set16(&l->msg, element(l, 1) + H_COMMAND, SMB2_TREE_CONNECT);
}

/* ---- Which request ---- */

static void duplicate(liar *l)
{
    put_protected(l);
    put_protected(l);
}

/* The answer to what the client will ask next comes first. */
static void early(liar *l)
{
    uint32_t id = ns_le32(l->msg.p + H_MESSAGE_ID);

    ns_set32(&l->msg, H_MESSAGE_ID, id + 1);
    ns_set16(&l->msg, H_COMMAND, SMB2_CREATE);
    put_protected(l);
    ns_set32(&l->msg, H_MESSAGE_ID, id);
    ns_set16(&l->msg, H_COMMAND, SMB2_TREE_CONNECT);
    put_protected(l);
}

/* ---- Credits ---- */

static void no_credits(liar *l)
{
    ns_set16(&l->msg, H_CREDITS, 0);
}

static void no_credits_once_in(liar *l)
{
    if (l->stage >= AT_LOGON)
        no_credits(l);
}

static void many_credits(liar *l)
{
    ns_set16(&l->msg, H_CREDITS, UINT16_MAX);
}

/* ---- STATUS_PENDING: 3.3.4.2 ---- */

static void make_async(liar *l, uint64_t id)
{
    ns_set32(&l->msg, H_FLAGS, ns_le32(l->msg.p + H_FLAGS) | SMB2_FLAG_ASYNC);
    ns_set32(&l->msg, H_ASYNC_ID, (uint32_t)id);
    ns_set32(&l->msg, H_ASYNC_ID + 4, (uint32_t)(id >> 32));
}

/* As servers send it: not signed, but encrypted with the rest. */
static void put_pending(liar *l)
{
    ns_writer whole = l->msg;

    ns_writer_init(&l->msg, &l->hooks, 4096);
    ns_put(&l->msg, whole.p, SMB2_HEADER_LEN);
    make_error(l, STATUS_PENDING);
    make_async(l, ASYNC_ID);
    ns_set32(&l->msg, H_FLAGS, ns_le32(l->msg.p + H_FLAGS) & ~(uint32_t)SMB2_FLAG_SIGNED);
    memset(l->msg.p + H_SIGNATURE, 0, 16);
    if (l->was_sealed)
        put_sealed(l);
    else
        put_plain(l);
    ns_writer_free(&l->msg);
    l->msg = whole;
}

static void endless_pending(liar *l)
{
    put_pending(l);
    l->more = put_pending;
}

static void second_pending(liar *l)
{
    put_pending(l);
    put_pending(l);
    make_async(l, ASYNC_ID);
    put_protected(l);
}

static void pending_for_ever(liar *l)
{
    put_pending(l);
}

static void pending_then_answer(liar *l)
{
    put_pending(l);
    make_async(l, ASYNC_ID);
    put_protected(l);
}

static void another_async(liar *l)
{
    put_pending(l);
    make_async(l, ASYNC_ID + 1);
    put_protected(l);
}

static void pending_without_async(liar *l)
{
    make_error(l, STATUS_PENDING);
    put_protected(l);
}

/* ---- The table ---- */

#define BROKEN   .code = NETSESSION_E_PROTOCOL, .layer = "smb2"
#define DISTRUST .code = NETSESSION_E_SECURITY, .layer = "smb2"
#define LATE     .code = NETSESSION_E_TIMEOUT, .layer = "tcp"
#define POKED(offset, size, what)                                                              \
    .message = lie_poke, .poke = {.at = (offset), .width = (size), .value = (what)}

const fault header_faults[] = {
    {.number = "13",
     .name = "truncated header",
     .sent = "the first 1 to 63 bytes of the answer to NetrSessionEnum",
     .at = AT_CALL,
     .message = truncated,
     .sweep = EACH_CASE,
     .cases = 63,
     BROKEN},
    {.number = "14",
     .name = "wrong protocol id",
     .sent = "each answer with FE 'SMC'",
     .at = AT_ANY,
     POKED(0, 4, 0x434D53FEu),
     .sweep = EACH_STAGE,
     BROKEN},
    {.number = "15",
     .name = "SMB1 frame mid-session",
     .sent = "each answer with FF 'SMB'",
     .at = AT_ANY,
     POKED(0, 4, SMB1_PROTOCOL),
     .sweep = EACH_STAGE,
     BROKEN},
    {.number = "16",
     .name = "StructureSize not 64",
     .sent = "each answer with StructureSize 63",
     .at = AT_ANY,
     POKED(H_SIZE, 2, 63),
     .sweep = EACH_STAGE,
     BROKEN},
    {.number = "17",
     .name = "wrong command",
     .sent = "each answer as if it were to ECHO",
     .at = AT_ANY,
     POKED(H_COMMAND, 2, SMB2_ECHO),
     .sweep = EACH_STAGE,
     BROKEN},
    {.number = "18",
     .name = "request direction",
     .sent = "each answer without SMB2_FLAGS_SERVER_TO_REDIR",
     .at = AT_ANY,
     POKED(H_FLAGS, 4, 0),
     .sweep = EACH_STAGE,
     BROKEN},
    {.number = "19",
     .name = "NextCommand 1 to 65",
     .sent = "the answer to NetrSessionEnum with each of them",
     .at = AT_CALL,
     .message = next_of_step,
     .sweep = EACH_CASE,
     .cases = 65,
     BROKEN},
    {.number = "20",
     .name = "unaligned NextCommand",
     .sent = "66, 74 ... 138 in the answer to NetrSessionEnum",
     .at = AT_CALL,
     .message = unaligned,
     .sweep = EACH_CASE,
     .cases = 10,
     BROKEN},
    {.number = "21",
     .name = "NextCommand past the end",
     .sent = "0x7FFFFFF8, 0xFFFFFFF8, 0x10000, and the very end",
     .at = AT_CALL,
     .message = past_the_end,
     .sweep = EACH_CASE,
     .cases = 4,
     BROKEN},
    {.number = "21b",
     .name = "NextCommand past the end, in a compound",
     .sent = "in each element of the answer that opens the pipe",
     .at = AT_TREE,
     .message = element_past_end,
     .compound = true,
     .sweep = EACH_CASE,
     .cases = 3,
     BROKEN},
    {.number = "22",
     .name = "a chain of 1000 PDUs",
     .sent = "the answer to NetrSessionEnum 1000 times in one frame",
     .at = AT_CALL,
     .message = chain_up,
     .code = NETSESSION_E_LIMIT,
     .layer = "smb2"},
    {.number = "22a",
     .name = "a chain of 1000 PDUs, shorter",
     .sent = "an error in answer to NetrSessionEnum 1000 times in one frame",
     .at = AT_CALL,
     .message = chain_of_errors,
     .code = NETSESSION_E_REFUSED,
     .layer = "smb2"},
    {.number = "22b",
     .name = "a chain of 1000 PDUs that ask nothing",
     .sent = "1000 oplock breaks in one frame",
     .at = AT_CALL,
     .message = chain_of_breaks,
     BROKEN},
    {.number = "22c",
     .name = "a compound that is not whole",
     .sent = "one, then two of the three answers that open the pipe",
     .at = AT_TREE,
     .message = element_last,
     .compound = true,
     .sweep = EACH_CASE,
     .cases = 2,
     LATE},
    {.number = "23",
     .name = "unknown MessageId",
     .sent = "each answer with MessageId 0x1234",
     .at = AT_ANY,
     POKED(H_MESSAGE_ID, 8, 0x1234),
     .sweep = EACH_STAGE,
     BROKEN},
    {.number = "23b",
     .name = "unknown MessageId in a compound",
     .sent = "in each element of the answer that opens the pipe",
     .at = AT_TREE,
     .message = element_of_another,
     .compound = true,
     .sweep = EACH_CASE,
     .cases = 3,
     BROKEN},
    {.number = "24",
     .name = "duplicate reply",
     .sent = "the answer to TREE_CONNECT twice",
     .at = AT_TREE,
     .message = duplicate,
     BROKEN},
    {.number = "24b",
     .name = "duplicate reply in a compound",
     .sent = "two answers to TREE_CONNECT, none to CREATE",
     .at = AT_TREE,
     .message = elements_of_one,
     .compound = true,
     BROKEN},
    {.number = "25",
     .name = "MessageId -1 that is no oplock break",
     .sent = "each answer with MessageId 0xFFFFFFFFFFFFFFFF",
     .at = AT_ANY,
     POKED(H_MESSAGE_ID, 8, UINT64_MAX),
     .sweep = EACH_STAGE,
     BROKEN},
    {.number = "26",
     .name = "reply before the request",
     .sent = "an answer to CREATE before that to TREE_CONNECT",
     .at = AT_TREE,
     .message = early,
     BROKEN},
    {.number = "27",
     .name = "zero credits for ever",
     .sent = "no credit, from NEGOTIATE on",
     .at = AT_ANY,
     .message = no_credits,
     .always = true,
     BROKEN},
    {.number = "27b",
     .name = "zero credits from the logon on",
     .sent = "no credit more",
     .at = AT_ANY,
     .message = no_credits_once_in,
     .always = true,
     .want = PAGE},
    {.number = "28",
     .name = "credit overflow",
     .sent = "65535 credits with each answer",
     .at = AT_ANY,
     .message = many_credits,
     .always = true,
     BROKEN},
    {.number = "29",
     .name = "endless PENDING",
     .sent = "STATUS_PENDING again and again, and no answer",
     .at = AT_CALL,
     .message = endless_pending,
     BROKEN},
    {.number = "29b",
     .name = "PENDING, then silence",
     .sent = "STATUS_PENDING in place of each answer",
     .at = AT_ANY,
     .message = pending_for_ever,
     .sweep = EACH_SECRET,
     LATE},
    {.number = "30",
     .name = "a second PENDING",
     .sent = "STATUS_PENDING twice, then the answer",
     .at = AT_CALL,
     .message = second_pending,
     BROKEN},
    {.number = "30b",
     .name = "one PENDING",
     .sent = "STATUS_PENDING, then the answer: legal",
     .at = AT_CALL,
     .message = pending_then_answer,
     .want = PAGE},
    {.number = "30c",
     .name = "PENDING that is not asynchronous",
     .sent = "STATUS_PENDING without SMB2_FLAGS_ASYNC_COMMAND",
     .at = AT_CALL,
     .message = pending_without_async,
     BROKEN},
    {.number = "31",
     .name = "PENDING, then another AsyncId",
     .sent = "STATUS_PENDING, then the answer with its AsyncId plus 1",
     .at = AT_CALL,
     .message = another_async,
     BROKEN},
    {.number = "32",
     .name = "wrong TreeId",
     .sent = "the answer to NetrSessionEnum for tree 0x77",
     .at = AT_CALL,
     POKED(H_TREE, 4, 0x77),
     BROKEN},
    {.number = "33",
     .name = "wrong SessionId",
     .sent = "each answer, validly signed, for session 0x77",
     .at = AT_ANY,
     POKED(H_SESSION, 8, 0x77),
     .sweep = EACH_SECRET,
     DISTRUST},
    {.number = "33b",
     .name = "another SessionId at the end of the logon",
     .sent = "the last SESSION_SETUP with SessionId 0x77",
     .at = AT_LOGON,
     POKED(H_SESSION, 8, 0x77),
     BROKEN},
    {.number = "34",
     .name = "SessionId 0",
     .sent = "each answer, validly signed, for session 0",
     .at = AT_ANY,
     POKED(H_SESSION, 8, 0),
     .sweep = EACH_SECRET,
     DISTRUST},
    {.number = "34b",
     .name = "SessionId 0 in the logon",
     .sent = "the first SESSION_SETUP with SessionId 0",
     .at = AT_CHALLENGE,
     POKED(H_SESSION, 8, 0),
     BROKEN},
};
const size_t header_count = HOSTILE_COUNT(header_faults);
