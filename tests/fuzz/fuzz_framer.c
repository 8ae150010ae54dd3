/* A stream in chunks of any size: the frames are those that its headers tell,
 * and no memory is taken for bytes that have only been announced. */
#include "base/framer.h"
#include "dcerpc/pdu.h"
#include "tests/fuzz/fuzz.h"

#define STEP    65536u
#define LONGEST 200000u

static int transport_length(const uint8_t *header, size_t *total)
{
    *total = 4 + ((size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3]);
    return header[0] || *total < 4 + SMB2_HEADER_LEN ? NETSESSION_E_PROTOCOL : 0;
}

/* What the framer should say of the first len bytes of a frame. */
static int verdict(const ns_framer *f, const uint8_t *p, size_t len)
{
    size_t total = 0;

    if (len >= f->header && f->length(p, &total))
        return NETSESSION_E_PROTOCOL;
    return total > LONGEST ? NETSESSION_E_LIMIT : len == total;
}

static int one_chunk(ns_framer *f, const uint8_t *p, size_t len)
{
    size_t room;
    void *to = ns_framer_room(f, &room);

    MUST(to && room && room <= STEP);
    MUST(ns_framer_ack(f, room + 1) == NETSESSION_E_ARGUMENT);
    memcpy(to, p, len < room ? len : room);
    return ns_framer_ack(f, len < room ? len : room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 2, longest = 0, k = 0;
    int rc = 0;
    ns_framer f;
    fuzz z;

    if (size < at)
        return 0;
    fuzz_begin(&z);
    ns_framer_init(&f, &z.hooks, data[0] & 1 ? 16 : 4,
                   data[0] & 1 ? rpc_pdu_length : transport_length, LONGEST);
    while (at + f.buf.len < size && rc >= 0) {
        size_t most = (size_t)1 << (data[1] + k++) % 17, left = size - at - f.buf.len;

        rc = one_chunk(&f, data + at + f.buf.len, most < left ? most : left);
        longest = f.buf.len > longest ? f.buf.len : longest;
        MUST(!memcmp(f.buf.p, data + at, f.buf.len) && rc == verdict(&f, data + at, f.buf.len));
        if (rc == 1 && (at += f.buf.len))
            ns_framer_next(&f);
    }
    ns_framer_free(&f);
    return fuzz_end(&z, 4 * (longest + STEP));
}
