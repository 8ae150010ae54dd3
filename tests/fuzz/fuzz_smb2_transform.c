/* Encryption: what was sealed opens; what was sealed and then changed in one
 * byte or cut does not, for another session neither; and nobody without the key
 * makes anything that does.  The first six bytes say what is changed. */
#include "tests/fuzz/fuzz.h"

#define SESSION 0x1122334455667788u

static const uint8_t key[32] = {1, 2, 3, 4, 5, 6, 7, 8};

/* On a copy, since it is done in place. */
static int open_copy(unsigned cipher, uint64_t session, const uint8_t *p, size_t len,
                     const uint8_t *inside)
{
    uint8_t *copy = fuzz_copy(p, len);
    int rc = smb2_decrypt(cipher, key, session, copy, len);

    MUST(!rc || rc == NETSESSION_E_SECURITY || rc == NETSESSION_E_PROTOCOL);
    MUST(rc || !memcmp(copy + SMB2_TRANSFORM_LEN, inside, len - SMB2_TRANSFORM_LEN));
    free(copy);
    return rc;
}

static void seal_and_change(unsigned cipher, const uint8_t *how, ns_slice in, ns_writer *w)
{
    size_t at = how[0] | (size_t)how[1] << 8, cut = how[2];

    MUST(!smb2_encrypt(cipher, key, how[3], SESSION, in.p, in.n, w));
    MUST(w->len == in.n + SMB2_TRANSFORM_LEN);
    MUST(!open_copy(cipher, SESSION, w->p, w->len, in.p) == (in.n >= SMB2_HEADER_LEN));
    MUST(open_copy(cipher, SESSION + 1, w->p, w->len, in.p) == NETSESSION_E_SECURITY);
    at = 4 + at % (w->len - 4); /* who calls it has looked at the protocol */
    w->p[at] ^= how[4];
    if (how[4] || cut)
        MUST(open_copy(cipher, SESSION, w->p, w->len - cut % w->len, in.p) ||
             (!how[4] && !(cut % w->len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned cipher = size ? 1 + data[0] % 4 : 1;
    ns_writer w;
    fuzz z;

    if (size < 6)
        return 0;
    fuzz_begin(&z);
    ns_writer_init(&w, &z.hooks, SIZE_MAX / 4);
    seal_and_change(cipher, data + 1, (ns_slice){data + 6, size - 6}, &w);
    MUST(open_copy(cipher, SESSION, data + 6, size - 6, data));
    ns_writer_free(&w);
    return fuzz_end(&z, 4 * size + 1024);
}
