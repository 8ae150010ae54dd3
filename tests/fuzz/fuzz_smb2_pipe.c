/* The answers to IOCTL, READ and WRITE, by the first byte, and in that of IOCTL
 * the one to the validation of the negotiation. */
#include "tests/fuzz/fuzz.h"

static void check_validation(ns_reader r, ns_writer *w)
{
    ns_slice in = fuzz_rest(&r);
    smb2_validate_response m;

    if (!smb2_validate_response_get(&r, &m))
        return;
    smb2_validate_response_put(w, &m);
    MUST(in.n == 24 && !w->err && !memcmp(w->p + w->len - 24, in.p, 24));
    w->len -= 24;
}

static bool ioctl_to(ns_reader r, ns_writer *w, ns_reader *part)
{
    smb2_ioctl_request sent = {0};
    smb2_ioctl_response m;

    if (!smb2_ioctl_response_get(&r, &m))
        return false;
    *part = m.output;
    check_validation(m.output, w);
    sent.ctl_code = m.ctl_code;
    memcpy(sent.file_id, m.file_id, sizeof sent.file_id);
    smb2_ioctl_response_put(w, &sent, part->base, part->len);
    return true;
}

static bool read_to(ns_reader r, ns_writer *w, ns_reader *part)
{
    if (!smb2_read_response_get(&r, part))
        return false;
    smb2_read_response_put(w, part->base, part->len);
    return true;
}

static void check_ioctl(ns_slice in, ns_writer *w)
{
    fuzz_smb2_twice(ioctl_to, SMB2_HEADER_LEN + 48, in, w);
}

static void check_read(ns_slice in, ns_writer *w)
{
    uint32_t count;
    ns_reader r = ns_reader_of(in.p, in.n);

    MUST(!smb2_write_response_get(&r, &count) || r.off == SMB2_HEADER_LEN + 16);
    fuzz_smb2_twice(read_to, SMB2_HEADER_LEN + 16, in, w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return size ? fuzz_rewrite(*data & 1 ? check_ioctl : check_read, data + 1, size - 1) : 0;
}
