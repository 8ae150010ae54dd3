#include "tests/fuzz/between.h"

#include <string.h>

#include "base/crypto.h"

void between_to_server(between *b)
{
    size_t len, room, at = 0;
    const uint8_t *p = netsession_output(b->ns, &len);

    while (at < len && !b->dropped && !ns_server_conn_ended(b->conn)) {
        void *to = ns_server_conn_room(b->conn, &room);

        MUST(to && room);
        room = room < len - at ? room : len - at;
        memcpy(to, p + at, room);
        b->dropped = ns_server_conn_received(b->conn, room, b->rig->now) != 0;
        at += room;
    }
    MUST(!netsession_output_ack(b->ns, len));
}

/* ---- Keys ---- */

/* Those of the session, or those it is about to have. */
static bool find_keys(const between *b, smb2_keys *keys)
{
    const smb2_client *c = &b->ns->smb;
    uint8_t key[AUTH_KEY_MAX];
    size_t len = 0;

    if (c->secured)
        *keys = c->keys;
    else if (c->auth && c->dialect && !auth_client_session_key(c->auth, key, &len) && len)
        MUST(!smb2_derive_keys(keys, c->dialect, c->cipher, key, len, c->preauth));
    return c->secured || len;
}

static void open_it(between *b)
{
    smb2_client *c = &b->ns->smb;

    b->opened = c->secured && c->cipher && b->len > SMB2_TRANSFORM_LEN &&
                ns_le32(b->msg) == SMB2_TRANSFORM &&
                !smb2_decrypt(c->cipher, c->keys.to_client, c->session_id, b->msg, b->len);
    if (b->opened) {
        b->len -= SMB2_TRANSFORM_LEN;
        memmove(b->msg, b->msg + SMB2_TRANSFORM_LEN, b->len);
    }
}

bool between_take(between *b, bool open)
{
    smb2_keys keys;
    size_t len;
    const uint8_t *p = b->dropped ? NULL : ns_server_conn_output(b->conn, &len);

    if (!p || len < 4)
        return false;
    b->len = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    MUST(b->len + 4 <= len && b->len + 16384 <= BETWEEN_MAX);
    memcpy(b->msg, p + 4, b->len);
    ns_server_conn_output_ack(b->conn, b->len + 4);
    b->chained = ns_le32(b->msg) == SMB2_PROTOCOL && ns_le32(b->msg + 20);
    b->opened = b->protected = false;
    b->keyed = find_keys(b, &keys);
    if (open)
        open_it(b);
    memcpy(b->taken, b->msg, b->len);
    b->taken_len = b->len;
    return true;
}

/* ---- Changes ---- */

static void overwrite(between *b, size_t at, ns_slice by)
{
    size_t n = by.n < b->len - at ? by.n : b->len - at;

    memcpy(b->msg + at, by.p, n);
}

static void cut(between *b, size_t at, ns_slice by)
{
    (void)by;
    b->len = at;
}

static void append(between *b, size_t at, ns_slice by)
{
    (void)at;
    memcpy(b->msg + b->len, by.p, by.n);
    b->len += by.n;
}

static void insert(between *b, size_t at, ns_slice by)
{
    memmove(b->msg + at + by.n, b->msg + at, b->len - at);
    memcpy(b->msg + at, by.p, by.n);
    b->len += by.n;
}

static void take_out(between *b, size_t at, ns_slice by)
{
    size_t n = by.n < b->len - at ? by.n : b->len - at;

    memmove(b->msg + at, b->msg + at + n, b->len - at - n);
    b->len -= n;
}

/* As it is: another message of the same kind, from the input. */
static void replace(between *b, size_t at, ns_slice by)
{
    memcpy(b->msg + at, by.p, by.n);
    b->len = at + by.n;
}

void between_change(between *b, unsigned how, ns_reader *in)
{
    static void (*const changes[])(between *, size_t, ns_slice) = {
        overwrite, cut, append, insert, take_out, replace};
    size_t at = ns_get16(in) % (b->len + 1);
    size_t n = ns_get8(in);
    ns_slice by;

    n = n < ns_left(in) ? n : ns_left(in);
    by = (ns_slice){ns_take(in, n), n};
    if (by.p)
        changes[how % (sizeof changes / sizeof *changes)](b, at, by);
}

/* One change may undo another. */
static bool is_changed(const between *b)
{
    return b->len != b->taken_len || memcmp(b->msg, b->taken, b->len) != 0;
}

/* ---- Protection ---- */

static void sign(between *b, const uint8_t key[16])
{
    for (size_t at = 0, next = 1, left; next && (left = b->len - at) >= SMB2_HEADER_LEN;
         at += next) {
        next = ns_le32(b->msg + at + 20);
        next = next < left ? next : 0;
        if (next && next < SMB2_HEADER_LEN)
            return;
        MUST(!smb2_sign(b->ns->smb.signing, key, b->msg + at, next ? next : left));
    }
}

static void seal(between *b, const smb2_keys *keys)
{
    static uint64_t nonce;
    netsession_hooks hooks;
    ns_writer w;

    ns_hooks_fill(&hooks, NULL);
    ns_writer_init(&w, &hooks, BETWEEN_MAX);
    MUST(!smb2_encrypt(b->ns->smb.cipher, keys->to_client, ++nonce, b->ns->smb.session_id,
                       b->msg, b->len, &w));
    memcpy(b->msg, w.p, w.len);
    b->len = w.len;
    ns_writer_free(&w);
}

void between_protect(between *b)
{
    smb2_keys keys;

    b->protected = find_keys(b, &keys);
    if (b->opened)
        seal(b, &keys);
    else if (b->protected)
        sign(b, keys.signing);
}

static void hand_over(between *b)
{
    uint8_t head[4];
    size_t at = 0, room, n;

    ns_store32be(head, (uint32_t)b->len);
    while (at < b->len + 4) {
        uint8_t *to = netsession_input(b->ns, &room);

        if (!to)
            return;
        n = at < 4 ? 4 - at : b->len + 4 - at;
        n = n < room ? n : room;
        memcpy(to, at < 4 ? head + at : b->msg + at - 4, n);
        (void)netsession_input_ack(b->ns, n);
        at += n;
    }
}

/* Whether a request was answered; in a chain the right answers count. */
void between_to_client(between *b)
{
    const smb2_client *c = &b->ns->smb;
    uint64_t next = c->next_message_id;
    bool waiting = smb2_client_waiting(c), forged = !b->protected && is_changed(b);

    hand_over(b);
    if (netsession_wants(b->ns) & NETSESSION_CLOSED)
        MUST(!forged || !b->keyed || netsession_last_error(b->ns)->code);
    else if (next != c->next_message_id || waiting != smb2_client_waiting(c))
        MUST(!forged || !b->keyed || b->chained);
    b->tainted |= forged && !b->keyed && next != c->next_message_id;
    b->anew |= b->protected;
}

void between_agreed(const between *b, unsigned best)
{
    unsigned dialect = b->ns->smb.dialect;

    MUST(b->anew || best < NETSESSION_SMB_3_0 || dialect == best);
    MUST(b->anew || !b->tainted || dialect < NETSESSION_SMB_3_1_1);
}
