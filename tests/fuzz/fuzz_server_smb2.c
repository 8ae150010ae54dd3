/*
 * Requests of an administrator who need not sign, length-prefixed; the first
 * byte of the input chooses the dialect, or that nobody has logged on yet.
 * The byte before each says whether its header is mended first, so that it
 * gets as far as its handler.
 */
#include "tests/test_server_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(raw *x, uint8_t *msg, size_t len)
{
    if (len < SMB2_HEADER_LEN)
        return;
    ns_store32(msg, SMB2_PROTOCOL);
    ns_store16(msg + 4, SMB2_HEADER_LEN);
    ns_store16(msg + 6, 1);
    ns_store64(msg + 24, x->next_mid++);
    msg[16] &= (uint8_t) ~(SMB2_FLAG_RESPONSE | SMB2_FLAG_SIGNED);
}

static void one_frame(raw *x, ns_reader *in)
{
    uint8_t flags = ns_get8(in), msg[4096];
    size_t len = ns_get16(in) % sizeof msg;

    len = len < ns_left(in) ? len : ns_left(in);
    if (len < 4)
        return;
    ns_get_bytes(in, msg, len);
    if (!(flags & 1))
        mend(x, msg, len);
    (void)raw_send_bytes(x, msg, len);
    ns_writer_reset(&x->in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned dialects[] = {NETSESSION_SMB_3_0_2, NETSESSION_SMB_2_1,
                                        NETSESSION_SMB_2_0_2, NETSESSION_SMB_3_1_1};
    ns_reader in = ns_reader_of(data, size);
    uint8_t start = ns_get8(&in);
    rig r;
    raw x;

    rig_init(&r);
    r.cfg.smb.auth.anonymous = true;
    rig_start(&r);
    raw_open(&x, &r);
    if (!(start & 4)) {
        raw_negotiate(&x, dialects[start & 3]);
        MUST(!raw_logon(&x, start & 8 ? "" : "admin", start & 8 ? "" : "secret"));
    }
    while (!in.bad && ns_left(&in) && !x.dropped)
        one_frame(&x, &in);
    raw_close(&x);
    rig_stop(&r);
    return 0;
}
