/* The client object in a real conversation with the reference server, of a kind that
 * the first byte chooses.  Each frame of the server has a byte that says what happens
 * to it on the way, and the bytes behind it, how. */
#include "tests/fuzz/asking.h"
#include "tests/fuzz/between.h"

enum { CHANGE = 1, ANEW = 2, TWICE = 4, LOST = 8, AGAIN = 16 }; /* and how */

static void one_frame(between *b, ns_reader *in)
{
    uint8_t op = ns_get8(in), how = op;

    if (!between_take(b, op & ANEW)) {
        (void)netsession_input_eof(b->ns);
        return;
    }
    for (; how & CHANGE; how = how & AGAIN ? ns_get8(in) : 0)
        between_change(b, how >> 5, in);
    if (op & ANEW)
        between_protect(b);
    if (!(op & LOST))
        between_to_client(b);
    if (op & TWICE)
        between_to_client(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static between b;
    ns_reader in = ns_reader_of(data, size);
    uint8_t kind = ns_get8(&in);
    unsigned asked = 0, want;
    fuzz z;
    rig r;

    fuzz_begin(&z);
    rig_init(&r);
    r.cfg.fill = kind & 16 ? 60 : 0;
    rig_start(&r);
    b = (between){.rig = &r, .ns = asking_begin(&z.hooks, kind)};
    b.conn = ns_server_conn_new(r.server, "10.0.0.1", NULL);
    while ((want = netsession_wants(b.ns)) != NETSESSION_CLOSED) {
        if (want & NETSESSION_EVENT)
            asking_go_on(b.ns, kind, &asked);
        else if (want & NETSESSION_WRITE)
            between_to_server(&b);
        else
            one_frame(&b, &in);
        if (asked)
            between_agreed(&b, asking_dialect(kind));
    }
    netsession_free(b.ns);
    ns_server_conn_free(b.conn);
    rig_stop(&r);
    return fuzz_end(&z, 400000);
}
