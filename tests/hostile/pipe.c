/* Faults 81 to 85: IPC$ and the named pipe ([MS-SMB2] 2.2.10, 2.2.20, 2.2.32). */
#include <string.h>

#include "tests/hostile/hostile.h"

/* Offsets from the SMB2 header, of an answer to IOCTL and READ. */
enum { I_OUTPUT = 96, I_COUNT = 100, R_OFFSET = 66, R_COUNT = 68 };

#define MANY_ROWS 200 /* more than one fragment holds */

static void share_type(liar *l)
{
    static const unsigned types[] = {0, 1, 3, 255};

    set8(&l->msg, 66, types[l->step]);
}

/* A pipe that has a message for every read: fragments that are never the last.
 * The bind is answered in peace. */
static void fragment_without_end(liar *l, ns_writer *w)
{
    static const uint8_t zeros[4000];
    const rpc_response rsp = {.context_id = l->context, .stub = zeros, .len = sizeof zeros};

    if (!l->shown)
        return;
    l->endless = true;
    w->len = 0;
    rpc_put_response(w, l->shown > 1 ? 0 : RPC_FIRST_FRAG, l->call_id, &rsp);
}

static void sips_without_end(liar *l, ns_writer *w)
{
    fragment_without_end(l, w);
    l->sip = l->shown ? 1 : 0;
}

static void overflow_always(liar *l)
{
    if (l->stage == AT_CALL || l->stage == AT_READ)
        ns_set32(&l->msg, H_STATUS, STATUS_BUFFER_OVERFLOW);
    if (l->sip)
        l->pace_ms = 50;
}

static void more_output(liar *l)
{
    uint32_t n = 65536 + 1;
    size_t len = SMB2_HEADER_LEN + 48;

    l->msg.len = len;
    (void)ns_put_space(&l->msg, n);
    ns_set32(&l->msg, I_COUNT, n);
}

static void more_read(liar *l)
{
    uint32_t n = 65536 + 1;

    l->msg.len = SMB2_HEADER_LEN + 16;
    (void)ns_put_space(&l->msg, n);
    ns_set32(&l->msg, R_COUNT, n);
}

static void output_inside(liar *l)
{
    ns_set32(&l->msg, I_OUTPUT, 8 * l->step);
}

static void read_inside(liar *l)
{
    set8(&l->msg, R_OFFSET, 8 * l->step);
}

static void output_past(liar *l)
{
    static const uint32_t offsets[] = {0xFFFFFFFFu, 0xFFFFFFF0u, 0x80000000u, 0x10000};

    ns_set32(&l->msg, I_OUTPUT, offsets[l->step]);
}

static void other_control(liar *l)
{
    ns_set32(&l->msg, 68, SMB2_FSCTL_PIPE_TRANSCEIVE + 4);
}

#define BROKEN .code = NETSESSION_E_PROTOCOL, .layer = "smb2"
#define POKED(offset, size, what)                                                              \
    .message = lie_poke, .poke = {.at = (offset), .width = (size), .value = (what)}

const fault pipe_faults[] = {
    {.number = "81",
     .name = "wrong share type",
     .sent = "IPC$ of type 0, 1 (disk), 3 (printer), 255",
     .at = AT_TREE,
     .message = share_type,
     .sweep = EACH_CASE,
     .cases = 4,
     BROKEN},
    {.number = "82",
     .name = "BUFFER_OVERFLOW without end",
     .sent = "STATUS_BUFFER_OVERFLOW with every read, fragments without a last",
     .at = AT_ANY,
     .message = overflow_always,
     .pdu = fragment_without_end,
     .always = true,
     .code = NETSESSION_E_LIMIT,
     .layer = "rpc"},
    {.number = "82b",
     .name = "BUFFER_OVERFLOW without end, bytewise",
     .sent = "the same, one byte with every read, 20 a second",
     .at = AT_ANY,
     .message = overflow_always,
     .pdu = sips_without_end,
     .always = true,
     .places = MEMORY,
     .code = NETSESSION_E_TIMEOUT,
     .layer = "tcp"},
    {.number = "83",
     .name = "zero-byte reads",
     .sent = "an answer to NetrSessionEnum without output",
     .at = AT_CALL,
     .ioctl = true,
     POKED(I_COUNT, 4, 0),
     BROKEN},
    {.number = "83b",
     .name = "zero-byte reads",
     .sent = "an answer to READ without data",
     .at = AT_READ,
     POKED(R_COUNT, 4, 0),
     .rows = MANY_ROWS,
     BROKEN},
    {.number = "84",
     .name = "more output than asked for",
     .sent = "65537 bytes where 65536 were asked for",
     .at = AT_CALL,
     .ioctl = true,
     .message = more_output,
     BROKEN},
    {.number = "84b",
     .name = "more data than asked for",
     .sent = "65537 bytes where 65536 were to be read",
     .at = AT_READ,
     .message = more_read,
     .rows = MANY_ROWS,
     BROKEN},
    {.number = "85",
     .name = "output offset inside the header",
     .sent = "0, 8 ... 104",
     .at = AT_CALL,
     .ioctl = true,
     .message = output_inside,
     .sweep = EACH_CASE,
     .cases = 14,
     BROKEN},
    {.number = "85b",
     .name = "data offset inside the header",
     .sent = "0, 8 ... 72, of READ",
     .at = AT_READ,
     .message = read_inside,
     .rows = MANY_ROWS,
     .sweep = EACH_CASE,
     .cases = 10,
     BROKEN},
    {.number = "85c",
     .name = "output offset past the end",
     .sent = "0xFFFFFFFF, 0xFFFFFFF0, 0x80000000, 0x10000",
     .at = AT_CALL,
     .ioctl = true,
     .message = output_past,
     .sweep = EACH_CASE,
     .cases = 4,
     BROKEN},
    {.number = "85d",
     .name = "output longer than the data",
     .sent = "OutputCount 0xFFFFFFFF",
     .at = AT_CALL,
     .ioctl = true,
     POKED(I_COUNT, 4, 0xFFFFFFFFu),
     BROKEN},
    {.number = "85e",
     .name = "another control code",
     .sent = "the answer to another FSCTL",
     .at = AT_CALL,
     .ioctl = true,
     .message = other_control,
     BROKEN},
    {.number = "85f",
     .name = "each bit of the answer to TREE_CONNECT",
     .sent = "one bit changed, validly signed or encrypted; for each bit",
     .at = AT_TREE,
     .message = lie_bit,
     .sweep = EACH_BIT,
     .places = MEMORY,
     .any_outcome = true},
    {.number = "85g",
     .name = "each bit of the answer to CREATE",
     .sent = "one bit changed, validly signed or encrypted; for each bit",
     .at = AT_CREATE,
     .message = lie_bit,
     .sweep = EACH_BIT,
     .places = MEMORY,
     .any_outcome = true},
    {.number = "85h",
     .name = "each bit of the answer to the bind",
     .sent = "one bit changed, validly signed or encrypted; for each bit",
     .at = AT_BIND,
     .message = lie_bit,
     .sweep = EACH_BIT,
     .places = MEMORY,
     .any_outcome = true},
    {.number = "85i",
     .name = "each bit of the answer to NetrSessionEnum",
     .sent = "one bit changed, validly signed or encrypted; for each bit",
     .at = AT_CALL,
     .message = lie_bit,
     .sweep = EACH_BIT,
     .places = MEMORY,
     .any_outcome = true},
};
const size_t pipe_count = HOSTILE_COUNT(pipe_faults);
