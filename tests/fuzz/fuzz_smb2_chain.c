/* A frame for a client that waits for four answers, signed if the first byte says
 * so; it may ask, too, that the frame be made to look like them, and be signed.
 * What gets through was asked for, once, and is rightly signed. */
#include "smb2/client.h"
#include "tests/fuzz/fuzz.h"

static const uint16_t commands[] = {SMB2_TREE_CONNECT, SMB2_CREATE, SMB2_IOCTL, SMB2_READ};

static int on_answer(smb2_client *c, const smb2_reply *reply)
{
    uint64_t n = reply->header.message_id - 1;
    const uint8_t *end = c->in.buf.p + c->in.buf.len;

    MUST(n < 4 && !c->requests[n].done && reply->header.command == commands[n]);
    MUST(reply->msg >= c->in.buf.p + 4 && reply->msg + reply->len <= end);
    MUST(reply->body.base == reply->msg && reply->body.len == reply->len);
    MUST(!c->secured || (!smb2_sign(c->signing, c->keys.signing, reply->msg, reply->len) &&
                         !memcmp(reply->header.signature, reply->msg + 48, 16)));
    return 0;
}

static void mend(const smb2_client *c, uint8_t *msg, size_t len, bool sign)
{
    for (unsigned i = 0; i < 4 && len >= SMB2_HEADER_LEN; i++) {
        size_t next = ns_le32(msg + 20), n = next - 1 < len ? next : len;

        ns_store16(msg + 12, commands[i]);
        msg[16] |= SMB2_FLAG_RESPONSE;
        ns_store64(msg + 24, i + 1);
        if (sign && n >= SMB2_HEADER_LEN)
            MUST(!smb2_sign(c->signing, c->keys.signing, msg, n));
        msg += n;
        len -= n;
    }
}

static void check(ns_slice in, ns_writer *w)
{
    static const smb2_config cfg = {.io_size = 65536};
    const uint8_t *data = in.p;
    netsession_error err = {0};
    smb2_client c;

    smb2_client_init(&c, w->hooks, &cfg, NULL, &err);
    c.secured = *data & 1;
    c.signing = *data / 8u % 3;
    for (unsigned i = 0; i < 4; i++)
        c.requests[i] = (smb2_request){on_answer, i + 1, .command = commands[i], .related = i,
                                       .secured = c.secured};
    fuzz_frame(&c.in, data + 1, in.n - 1);
    if (*data & 2)
        mend(&c, c.in.buf.p + 4, in.n - 1, *data & 4);
    fuzz_told(smb2_client_received(&c, in.n - 1), &err);
    smb2_client_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return size < 1 + SMB2_HEADER_LEN ? 0 : fuzz_rewrite(check, data, size);
}
