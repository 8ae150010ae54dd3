/* The last word of a server that speaks Kerberos, as far as it is judged without
 * libkrb5: an AP-REP by its numbers and no other message, whatever is around them.
 * What may be a KRB-ERROR instead goes to libkrb5's own parser. */
#define _GNU_SOURCE
#include "auth/kerberos_mech.c" /* for what is static there */
#include "tests/fuzz/fuzz.h"

/* pvno [0] INTEGER (5), msg-type [1] INTEGER (15) */
static const uint8_t numbers[] = {0xA0, 3, DER_INTEGER, 1, 5, 0xA1, 3, DER_INTEGER, 1, 15};

static void judge(ns_slice in)
{
    uint8_t *copy = fuzz_copy(in.p, in.n), *at = memmem(copy, in.n, numbers, sizeof numbers);

    if (is_reply((ns_slice){copy, in.n})) {
        MUST(at && *copy == DER_APPLICATION_0);
        MUST(!is_reply((ns_slice){copy, (size_t)(at - copy) + sizeof numbers - 1}));
        at[sizeof numbers - 1] = 30; /* KRB-ERROR */
        MUST(!is_reply((ns_slice){copy, in.n}) || memmem(copy, in.n, numbers, sizeof numbers));
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static kerberos k;

    MUST(k.krb5 || !krb5_init_context(&k.krb5));
    k.kdc_error = 0;
    judge((ns_slice){data, size});
    note_error(&k, (ns_slice){data, size});
    MUST(!k.leg && !k.key_len && !k.err.code);
    return 0;
}
