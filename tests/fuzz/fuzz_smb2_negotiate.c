/* The answer to NEGOTIATE with its contexts: what is read is complete, lies in
 * the message, and written again is read as the same. */
#include "tests/fuzz/fuzz.h"

static bool get(ns_slice in, smb2_negotiate_response *m, ns_slice *security)
{
    ns_reader r = ns_reader_of(in.p, in.n);
    bool ok = smb2_negotiate_response_get(&r, m);

    *security = (ns_slice){m->security.base, m->security.len};
    memset(&m->security, 0, sizeof m->security);
    return ok;
}

static void check(ns_slice in, ns_writer *w)
{
    static const uint8_t salt[32] = {1};
    smb2_negotiate_response m, again;
    ns_slice security, other;

    if (!get(in, &m, &security))
        return;
    MUST(fuzz_inside(security, in) && smb2_body_is(ns_reader_of(in.p, in.n), 65));
    MUST(!security.n || (const uint8_t *)security.p - (const uint8_t *)in.p >= 128);
    MUST(m.has_preauth == (m.dialect == NETSESSION_SMB_3_1_1) && m.hash == m.has_preauth);
    MUST(m.has_preauth || (!m.has_cipher && !m.has_signing));
    m.security = ns_reader_of(security.p, security.n);
    ns_put_space(w, SMB2_HEADER_LEN);
    smb2_negotiate_response_put(w, &m, salt, 0);
    memset(&m.security, 0, sizeof m.security);
    MUST(get(fuzz_written(w), &again, &other));
    MUST(fuzz_same(security, other) && !memcmp(&m, &again, sizeof m));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_rewrite(check, data, size);
}
