/*
 * Seeds for the fuzzers, made from our own traffic and from that which is recorded:
 * seeds DIRECTORY REPLAY... writes DIRECTORY/<target>/<n>.
 */
#include "tests/fuzz/seeds.h"

#include <sys/stat.h>

#include "dcerpc/client.h"
#include "srvsvc/session.h"

static const char *directory;
static FILE *file;

FILE *seed_begin(const char *target)
{
    static unsigned n;
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", directory, target);
    (void)mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%u", directory, target, n++);
    f = fopen(path, "wb");
    MUST(f);
    return f;
}

void seed(const char *target, const char *first, size_t n, ns_slice rest)
{
    FILE *f = seed_begin(target);

    fwrite(first, 1, n, f);
    fwrite(rest.p, 1, rest.n, f);
    fclose(f);
}

static void put_frame(const uint8_t *p, size_t len)
{
    const uint8_t head[] = {0, (uint8_t)len, (uint8_t)(len >> 8)};

    fwrite(head, 1, sizeof head, file);
    fwrite(p, 1, len, file);
}

/* ---- smb2 ---- */

static void whole_talk(raw *x)
{
    static const uint32_t levels[] = {0, 1, 2, 10, 502};
    static const unsigned empty[] = {SMB2_ECHO, SMB2_TREE_DISCONNECT, SMB2_LOGOFF};

    raw_tree(x);
    raw_create(x);
    raw_transceive(x, raw_put_bind, 65536, 0);
    raw_transceive(x, raw_put_enum_10, 16, STATUS_BUFFER_OVERFLOW);
    raw_begin(x, SMB2_READ);
    smb2_read_request_put(&x->out, x->file, 65536);
    MUST(raw_send(x));
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        ns_writer pdu;

        ns_writer_init(&pdu, &x->rig->cfg.hooks, 65536);
        raw_put_enum(&pdu, levels[i]);
        raw_begin(x, SMB2_WRITE);
        smb2_write_request_put(&x->out, x->file, pdu.p, pdu.len);
        raw_begin(x, SMB2_READ);
        smb2_read_request_put(&x->out, x->file, 4096);
        MUST(raw_send(x));
        ns_writer_free(&pdu);
    }
    raw_begin(x, SMB2_READ);
    smb2_read_request_put(&x->out, x->file, 4096);
    MUST(raw_send(x));
    x->next_mid--;
    raw_begin(x, SMB2_CANCEL);
    smb2_empty_put(&x->out);
    MUST(raw_send(x));
    raw_begin(x, SMB2_CLOSE);
    smb2_close_request_put(&x->out, x->file);
    MUST(raw_send(x));
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        raw_begin(x, empty[i]);
        smb2_empty_put(&x->out);
        MUST(raw_send(x));
    }
}

static void smb2_seed(uint8_t start, unsigned dialect)
{
    rig r;
    raw x;

    file = seed_begin("server_smb2");
    fputc(start, file);
    rig_init(&r);
    rig_start(&r);
    raw_open(&x, &r);
    x.tap = start & 4 ? put_frame : NULL;
    raw_negotiate(&x, dialect);
    MUST(!raw_logon(&x, "admin", "secret"));
    x.sign = false;
    x.tap = put_frame;
    if (dialect < NETSESSION_SMB_3_1_1)
        whole_talk(&x);
    raw_close(&x);
    rig_stop(&r);
    fclose(file);
}

/* ---- rpc ---- */

static void rpc_seed(bool ndr64, uint16_t opnum, uint32_t level)
{
    const srvsvc_session_enum_in in = {
        .server = "\\\\rig", .level = level, .preferred_length = 300, .has_resume = true};
    netsession_hooks hooks;
    netsession_error err = {0};
    test_heap heap;
    rpc_client c;
    ns_writer out, stub;

    test_heap_hooks(&heap, &hooks);
    rpc_client_init(&c, &hooks, &srvsvc_interface, ndr64 ? NETSESSION_NDR64 : NETSESSION_NDR32,
                    65536);
    ns_writer_init(&out, &hooks, 65536);
    ns_writer_init(&stub, &hooks, 65536);
    file = seed_begin("server_rpc");
    MUST(!rpc_client_bind(&c, &out, &err));
    put_frame(out.p, out.len);
    ns_writer_reset(&out);
    MUST(!srvsvc_session_enum_encode_in(&in, ndr64, &stub, &err));
    raw_put_call(&out, opnum, stub.p, stub.len);
    put_frame(out.p, out.len);
    fclose(file);
    ns_writer_free(&stub);
    ns_writer_free(&out);
    rpc_client_free(&c);
}

int main(int argc, char **argv)
{
    static const uint16_t opnums[] = {12, 13, 15, 16, 21, 28};
    static const uint32_t levels[] = {0, 1, 2, 10, 502};

    if (argc < 2)
        return 2;
    directory = argv[1];
    (void)mkdir(directory, 0777);
    smb2_seed(0, NETSESSION_SMB_3_0_2);
    smb2_seed(1, NETSESSION_SMB_2_1);
    smb2_seed(2, NETSESSION_SMB_2_0_2);
    smb2_seed(4, NETSESSION_SMB_3_1_1);
    smb2_seed(4, NETSESSION_SMB_2_1);
    for (unsigned i = 0; i < 2; i++)
        for (unsigned k = 0; k < 6; k++)
            for (unsigned j = 0; j < 5; j++)
                rpc_seed(i, opnums[k], levels[j]);
    seeds_made();
    for (int i = 2; i < argc; i++)
        seeds_of_replay(argv[i]);
    return 0;
}
