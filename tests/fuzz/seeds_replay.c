#include "auth/spnego.h"
#include "dcerpc/pdu.h"
#include "tests/fuzz/seeds.h"
#include "tests/replay.h"

/* What a conversation is taken apart into, over its frames. */
typedef struct parts {
    ns_writer pdus; /* of the server, as fuzz_rpc_client takes them */
    ns_writer stub; /* of the answer that is coming in */
} parts;

static ns_slice slice_of(const ns_reader *r)
{
    return (ns_slice){r->base, r->len};
}

/* ---- Logons ---- */

static void token_of_server(ns_slice in)
{
    spnego_resp m;

    seed("der", "", 0, in);
    seed("spnego", "\2", 1, in);
    if (spnego_get_resp(in, &m) && m.token.n)
        seed("ntlm_challenge", "", 0, m.token);
}

static void token_of_client(ns_slice in)
{
    spnego_resp m;

    seed("der", "", 0, in);
    seed("spnego", "\1", 1, in);
    if (spnego_get_resp(in, &m) && m.token.n)
        seed("ntlm_authenticate", "\4\0\0", 4, m.token);
}

/* ---- RPC ---- */

static void response(parts *p, const rpc_header *h, ns_reader r)
{
    rpc_response m;

    if (rpc_get_response(&r, &m))
        return;
    ns_put(&p->stub, m.stub, m.len);
    if (!(h->flags & RPC_LAST_FRAG))
        return;
    seed("ndr", "\0\x0B", 2, fuzz_written(&p->stub));
    seed("ndr", "\1\x0B", 2, fuzz_written(&p->stub));
    ns_writer_reset(&p->stub);
}

static void pdu(parts *p, ns_slice in)
{
    ns_reader r = ns_reader_of(in.p, in.n);
    rpc_header h;

    if (rpc_get_header(&r, &h))
        return;
    ns_put8(&p->pdus, 0);
    ns_put16(&p->pdus, (uint16_t)in.n);
    ns_put(&p->pdus, in.p, in.n);
    seed(h.ptype == RPC_BIND_ACK ? "rpc_bind" : "rpc_call", "", 0, in);
    if (h.ptype == RPC_RESPONSE)
        response(p, &h, r);
}

/* ---- SMB2 ---- */

static void negotiated(parts *p, ns_slice msg)
{
    ns_reader r = ns_reader_of(msg.p, msg.n);
    smb2_negotiate_response m;

    (void)p;
    seed("smb2_negotiate", "", 0, msg);
    if (!smb2_negotiate_response_get(&r, &m))
        return;
    seed("der", "", 0, slice_of(&m.security));
    seed("spnego", "", 1, slice_of(&m.security));
}

static void set_up(parts *p, ns_slice msg)
{
    ns_reader r = ns_reader_of(msg.p, msg.n);
    smb2_session_setup_response m;

    (void)p;
    seed("smb2_session", "", 1, msg);
    if (smb2_session_setup_response_get(&r, &m))
        token_of_server(slice_of(&m.security));
}

static void tree(parts *p, ns_slice msg)
{
    (void)p;
    seed("smb2_session", "\1", 1, msg);
}

static void created(parts *p, ns_slice msg)
{
    (void)p;
    seed("smb2_session", "\2", 1, msg);
}

static void did(parts *p, ns_slice msg)
{
    ns_reader r = ns_reader_of(msg.p, msg.n);
    smb2_ioctl_response m;

    seed("smb2_pipe", "\1", 1, msg);
    if (smb2_ioctl_response_get(&r, &m))
        pdu(p, slice_of(&m.output));
}

static void was_read(parts *p, ns_slice msg)
{
    ns_reader r = ns_reader_of(msg.p, msg.n), data;

    seed("smb2_pipe", "", 1, msg);
    if (smb2_read_response_get(&r, &data))
        pdu(p, slice_of(&data));
}

static void (*const of_server[])(parts *, ns_slice) = {[SMB2_NEGOTIATE] = negotiated,
                                                       [SMB2_SESSION_SETUP] = set_up,
                                                       [SMB2_TREE_CONNECT] = tree,
                                                       [SMB2_CREATE] = created,
                                                       [SMB2_IOCTL] = did,
                                                       [SMB2_READ] = was_read};

static void message(parts *p, bool from_client, ns_slice msg)
{
    ns_reader r = ns_reader_of(msg.p, msg.n);
    smb2_session_setup_request m;
    unsigned command = ns_le16((const uint8_t *)msg.p + 12);

    if (!from_client && command < sizeof of_server / sizeof *of_server && of_server[command])
        of_server[command](p, msg);
    if (from_client && command == SMB2_SESSION_SETUP && smb2_session_setup_request_get(&r, &m))
        token_of_client(slice_of(&m.security));
}

/* A frame: each message of the chain. */
static void frame(parts *p, bool from_client, ns_slice all)
{
    const uint8_t *msg = all.p;
    size_t left = all.n, next = 1;

    seed("smb2_transform", "\1\0\0\0\0", 6, all);
    if (!from_client)
        seed("smb2_chain", "\17", 1, all);
    for (; next && left >= SMB2_HEADER_LEN && ns_le32(msg) == SMB2_PROTOCOL;
         msg += next, left -= next) {
        next = ns_le32(msg + 20);
        next = next < left ? next : 0;
        message(p, from_client, (ns_slice){msg, next ? next : left});
    }
}

/* One end's bytes. */
static void stream(parts *p, const replay *r, bool from_client)
{
    ns_writer all;
    size_t len;

    ns_writer_init(&all, p->pdus.hooks, SIZE_MAX / 4);
    for (size_t i = 0; i < r->chunk_count; i++)
        if (r->chunks[i].from_client == from_client)
            ns_put(&all, r->chunks[i].bytes, r->chunks[i].len);
    seed("framer", "\0\7", 2, fuzz_written(&all));
    for (size_t at = 0; at + 4 < all.len; at += 4 + len) {
        const uint8_t *h = all.p + at;

        len = (size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3];
        frame(p, from_client, (ns_slice){h + 4, len});
    }
    ns_writer_free(&all);
}

void seeds_of_replay(const char *path)
{
    static replay r;
    parts p;
    fuzz z;

    MUST(replay_load(&r, path));
    fuzz_begin(&z);
    ns_writer_init(&p.pdus, &z.hooks, SIZE_MAX / 4);
    ns_writer_init(&p.stub, &z.hooks, SIZE_MAX / 4);
    stream(&p, &r, false);
    stream(&p, &r, true);
    if (p.pdus.len)
        seed("rpc_client", "", 0, fuzz_written(&p.pdus));
    ns_writer_free(&p.pdus);
    ns_writer_free(&p.stub);
    replay_free(&r);
    fuzz_end(&z, SIZE_MAX);
}
