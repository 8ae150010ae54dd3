#include "tests/fuzz/fuzz.h"

#include "base/utf.h"
#include "dcerpc/pdu.h"

void fuzz_begin(fuzz *f)
{
    test_heap_hooks(&f->heap, &f->hooks);
}

int fuzz_end(const fuzz *f, size_t most)
{
    MUST(!f->heap.live);
    MUST(f->heap.most <= most);
    return 0;
}

bool fuzz_inside(ns_slice part, ns_slice whole)
{
    const uint8_t *p = part.p, *w = whole.p;

    return !p ? !part.n : p >= w && part.n <= whole.n && p - w <= (long)(whole.n - part.n);
}

bool fuzz_same(ns_slice a, ns_slice b)
{
    return !a.p == !b.p && a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

ns_slice fuzz_written(const ns_writer *w)
{
    MUST(!w->err);
    return (ns_slice){w->p, w->len};
}

ns_slice fuzz_rest(const ns_reader *r)
{
    return (ns_slice){r->base ? r->base + r->off : r->base, ns_left(r)};
}

int fuzz_rewrite(void (*check)(ns_slice in, ns_writer *w), const uint8_t *data, size_t size)
{
    ns_writer w;
    fuzz z;

    fuzz_begin(&z);
    ns_writer_init(&w, &z.hooks, SIZE_MAX / 4);
    check((ns_slice){data, size}, &w);
    ns_writer_free(&w);
    return fuzz_end(&z, 32 * size + 200000);
}

void fuzz_told(int rc, const netsession_error *err)
{
    MUST(err->code == (rc < 0 ? rc : 0));
    MUST(!err->code || (err->layer && err->name && *err->message &&
                        memchr(err->message, 0, sizeof err->message)));
}

uint8_t *fuzz_copy(const void *p, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);

    MUST(copy);
    if (n)
        memcpy(copy, p, n);
    return copy;
}

void fuzz_frame(ns_framer *f, const uint8_t *p, size_t len)
{
    size_t room;

    ns_store32be(ns_framer_room(f, &room), (uint32_t)len);
    MUST(room == 4 && !ns_framer_ack(f, room));
    memcpy(ns_framer_room(f, &room), p, len);
    MUST(room == len);
}

void fuzz_smb2_twice(fuzz_smb2 *read, size_t fixed, ns_slice in, ns_writer *w)
{
    ns_reader part = {0}, again = {0};
    uint8_t *copy;
    size_t len;

    ns_put_space(w, SMB2_HEADER_LEN);
    if (!read(ns_reader_of(in.p, in.n), w, &part))
        return;
    len = w->len;
    MUST(!w->err && len >= fixed && fuzz_inside(fuzz_rest(&part), in));
    MUST(!part.len || part.base >= (const uint8_t *)in.p + fixed);
    copy = fuzz_copy(w->p, len);
    ns_writer_reset(w);
    ns_put_space(w, SMB2_HEADER_LEN);
    MUST(read(ns_reader_of(copy, len), w, &again));
    MUST(w->len == len && !memcmp(w->p, copy, len));
    free(copy);
}

auth_params fuzz_user(const netsession_hooks *hooks, bool nobody)
{
    static const uint8_t bindings[16] = {0};

    return (auth_params){.hooks = hooks,
                         .domain = "CORP",
                         .user = "alice",
                         .password = "secret",
                         .workstation = "here",
                         .target_name = "cifs/fs1",
                         .bindings = bindings,
                         .anonymous = nobody};
}

static void mend_pdu(uint8_t *p, size_t len, uint32_t call_id, bool big)
{
    if (len < 16)
        return;
    ns_store16(p, 5);
    ns_store32(p + 4, big ? 0 : 0x10);
    ns_store32(p + 8, (uint32_t)len);
    ns_store32(p + 12, call_id);
    if (big) {
        ns_store32be(p + 8, (uint32_t)len << 16);
        ns_store32be(p + 12, call_id);
    }
}

ns_slice fuzz_record(ns_reader *in)
{
    size_t len = ns_get16(in);

    len = len < ns_left(in) ? len : ns_left(in);
    return (ns_slice){ns_take(in, len), len};
}

int fuzz_pieces(void (*talk)(ns_reader in, bool whole, ns_writer *learnt), const uint8_t *data,
                size_t size)
{
    ns_writer w[2];
    fuzz z;

    fuzz_begin(&z);
    for (int i = 0; i < 2; i++) {
        ns_writer_init(&w[i], &z.hooks, SIZE_MAX / 4);
        talk(ns_reader_of(data, size), !i, &w[i]);
    }
    MUST(fuzz_same(fuzz_written(&w[0]), fuzz_written(&w[1])));
    ns_writer_free(&w[0]);
    ns_writer_free(&w[1]);
    return fuzz_end(&z, 64 * size + 200000);
}

static const char *rewrite_pdu(fuzz_pdu *read, ns_slice in, ns_writer *w)
{
    ns_reader r = ns_reader_of(in.p, in.n);
    rpc_header h;
    const char *rule = rpc_get_header(&r, &h);

    ns_writer_reset(w);
    MUST(*rpc_ptype_name(h.ptype) && (rule || h.frag_length >= RPC_HEADER_SIZE));
    return rule ? rule : read(h.ptype, &r, w);
}

void fuzz_pdu_twice(fuzz_pdu *read, ns_slice in, ns_writer *w)
{
    ns_slice once;
    uint8_t *copy;

    if (rewrite_pdu(read, in, w))
        return;
    once = fuzz_written(w);
    once.p = copy = fuzz_copy(once.p, once.n);
    MUST(!rewrite_pdu(read, once, w) && fuzz_same(once, fuzz_written(w)));
    MUST(once.n == ns_le16(copy + 8) && ns_le32(copy + 12) == 7);
    free(copy);
}

static bool is_text(const char *s)
{
    return !s || ns_utf16_len(s) != NS_UTF_BAD;
}

void fuzz_page(const netsession_page *page)
{
    netsession_row row;

    for (uint32_t i = 0; i < netsession_page_count(page); i++) {
        netsession_page_row(page, i, &row);
        MUST(is_text(row.client) && is_text(row.user));
        MUST(is_text(row.client_type) && is_text(row.transport));
    }
}

uint8_t *fuzz_take_pdu(ns_reader *in, uint32_t call_id, uint8_t *flags, size_t *len)
{
    ns_slice given;
    uint8_t *pdu;

    *flags = ns_get8(in);
    given = fuzz_record(in);
    *len = given.n;
    pdu = fuzz_copy(given.p, given.n);
    if (!(*flags & FUZZ_AS_IT_IS))
        mend_pdu(pdu, *len, call_id, *flags & FUZZ_BIG);
    return pdu;
}
