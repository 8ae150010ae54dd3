/* Faults 1 to 12: the TCP connection and the direct TCP header ([MS-SMB2] 2.1). */
#include <string.h>

#include "tests/hostile/hostile.h"

/* ---- The connection ---- */

static void reset_after(liar *l)
{
    l->cut = l->step;
    l->ending = RESETS;
}

static void close_after(liar *l)
{
    l->cut = l->step;
    l->ending = CLOSES;
}

static void half_close(liar *l)
{
    l->cut = l->step;
    l->ending = HALF_CLOSES;
}

static void slowly(liar *l)
{
    l->pace = 1;
    l->pace_ms = 1000;
}

static void in_small_bites(liar *l)
{
    l->pace = 1;
}

static void silence(liar *l)
{
    l->cut = l->step;
    l->ending = FALLS_SILENT;
}

/* ---- The header ---- */

static void length_zero(liar *l)
{
    put_frame(l, NULL, 0);
}

/* The frame as it should be, its header changed by this much. */
static void put_wrong_length(liar *l, int by)
{
    size_t at = l->out.len, len;

    put_protected(l);
    len = l->out.len - at - 4;
    ns_store32be(l->out.p + at, (uint32_t)((long)len + by));
}

static void longest(liar *l)
{
    size_t at = l->out.len;

    put_protected(l);
    ns_store32be(l->out.p + at, 0xFFFFFF);
}

/* As long as the client takes, and nothing in it. */
static void long_and_empty(liar *l)
{
    uint8_t head[4];

    ns_store32be(head, 65536 + 131072 - 4);
    ns_put(&l->out, head, sizeof head);
    l->taken = true;
}

static void shorter(liar *l)
{
    put_wrong_length(l, -8);
}

static void longer(liar *l)
{
    put_wrong_length(l, 8);
}

static void wrong_type(liar *l)
{
    size_t at = l->out.len;

    put_protected(l);
    set8(&l->out, at, 1u << l->step);
}

static void keepalive(liar *l)
{
    const uint8_t alive[4] = {0x85};

    ns_put(&l->out, alive, sizeof alive);
}

/* RFC 1002 4.3.5, from the beginning on. */
static void keepalives(liar *l)
{
    keepalive(l);
    l->more = keepalive;
}

/* Breaks of oplocks are the keepalives that SMB2 has: legal, and no answer. */
static void oplock_break(liar *l)
{
    const smb2_header h = {.command = SMB2_OPLOCK_BREAK,
                           .flags = SMB2_FLAG_RESPONSE,
                           .message_id = SMB2_UNSOLICITED};
    ns_writer w;

    ns_writer_init(&w, &l->hooks, 256);
    smb2_header_put(&w, &h);
    ns_put16(&w, 24);
    (void)ns_put_space(&w, 22);
    put_frame(l, w.p, w.len);
    ns_writer_free(&w);
    l->now += 5;
}

static void endless_breaks(liar *l)
{
    oplock_break(l);
    l->more = oplock_break;
}

/* ---- Behind the message ---- */

static void junk_inside(liar *l)
{
    (void)ns_put_space(&l->msg, 7);
    put_protected(l);
}

static void junk_behind(liar *l)
{
    put_protected(l);
    ns_put(&l->out, "junk that is no frame", 21);
}

static void no_answer(liar *l)
{
    l->taken = true;
}

#define IO       .code = NETSESSION_E_IO, .layer = "tcp"
#define LATE     .code = NETSESSION_E_TIMEOUT, .layer = "tcp"
#define BROKEN   .code = NETSESSION_E_PROTOCOL, .layer = "smb2"
#define DISTRUST .code = NETSESSION_E_SECURITY, .layer = "smb2"

const fault transport_faults[] = {
    {.number = "1",
     .name = "reset after each byte",
     .sent = "n bytes of the talk, then a reset; for each n",
     .wire = reset_after,
     .sweep = EACH_BYTE,
     IO,
     .also = NETSESSION_E_CONNECT, /* of the reset that comes at once */
     .also_layer = "tcp"},
    {.number = "2",
     .name = "close after each byte",
     .sent = "n bytes of the talk, then the end; for each n",
     .wire = close_after,
     .sweep = EACH_BYTE,
     IO},
    {.number = "3",
     .name = "one byte a second",
     .sent = "the talk, a byte a second",
     .wire = slowly,
     LATE},
    {.number = "3b",
     .name = "one byte at a time, in time",
     .sent = "the talk, byte by byte",
     .wire = in_small_bites,
     .want = PAGE},
    {.number = "4",
     .name = "silence",
     .sent = "n bytes of the talk, then nothing; for each n",
     .wire = silence,
     .sweep = EACH_BYTE,
     LATE},
    {.number = "4b",
     .name = "silence at the goodbye",
     .sent = "the page, and no answer to CLOSE",
     .at = AT_OTHER,
     .message = no_answer,
     .rude = true,
     LATE},
    {.number = "5",
     .name = "half-close",
     .sent = "n bytes of the talk, then the end of this direction only; for each n",
     .wire = half_close,
     .sweep = EACH_BYTE,
     IO},
    {.number = "6",
     .name = "length 0",
     .sent = "an empty frame in place of each answer",
     .at = AT_ANY,
     .message = length_zero,
     .sweep = EACH_STAGE,
     BROKEN},
    {.number = "7",
     .name = "length 0xFFFFFF",
     .sent = "each answer in a frame of 16 MiB",
     .at = AT_ANY,
     .message = longest,
     .sweep = EACH_STAGE,
     .code = NETSESSION_E_LIMIT,
     .layer = "smb2"},
    {.number = "7b",
     .name = "as long as is allowed, and nothing in it",
     .sent = "a header that announces 192 KiB in place of each answer",
     .at = AT_ANY,
     .message = long_and_empty,
     .sweep = EACH_STAGE,
     LATE},
    {.number = "8",
     .name = "length shorter than the PDU",
     .sent = "each answer in a frame 8 bytes shorter",
     .at = AT_ANY,
     .message = shorter,
     .sweep = EACH_STAGE,
     DISTRUST,
     .also = NETSESSION_E_PROTOCOL,
     .also_layer = "smb2"},
    {.number = "9",
     .name = "length longer than the PDU",
     .sent = "each answer in a frame 8 bytes longer, which do not come",
     .at = AT_ANY,
     .message = longer,
     .sweep = EACH_STAGE,
     LATE},
    {.number = "10",
     .name = "non-zero message type",
     .sent = "a first byte of 1, 2, 4 ... 128",
     .at = AT_CALL,
     .message = wrong_type,
     .sweep = EACH_CASE,
     .cases = 8,
     BROKEN},
    {.number = "11",
     .name = "endless keepalives",
     .sent = "session keepalives (RFC 1002), which direct TCP does not have",
     .at = AT_NEVER,
     .wire = keepalives,
     BROKEN},
    {.number = "11b",
     .name = "endless oplock breaks",
     .sent = "breaks of oplocks that nobody holds, for ever, and no answer",
     .at = AT_CALL,
     .message = endless_breaks,
     LATE},
    {.number = "12",
     .name = "trailing junk inside the frame",
     .sent = "7 bytes behind each message, signed or encrypted with it: legal",
     .at = AT_ANY,
     .message = junk_inside,
     .always = true,
     .want = PAGE},
    {.number = "12b",
     .name = "trailing junk behind the frame",
     .sent = "bytes that are no frame behind the answer to TREE_CONNECT",
     .at = AT_TREE,
     .message = junk_behind,
     BROKEN},
};
const size_t transport_count = HOSTILE_COUNT(transport_faults);
