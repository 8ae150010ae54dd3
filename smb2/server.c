#include "smb2/server.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"

#define TRANSPORT_LEN 4
#define TRANSPORT_MAX 0xFFFFFFu
#define FRAME_SLACK   131072u
#define FLAGS_AT      16
#define CREDITS_AT    14
#define NEXT_AT       20
#define ASYNC_AT      32
#define TREE_AT       36
#define SESSION_AT    40

void smb2_server_log(smb2_server *s, const char *fmt, ...)
{
    char line[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    s->cfg->ops->log(s->ctx, line);
}

/* ---- Life ---- */

static int transport_length(const uint8_t *header, size_t *total)
{
    size_t len = (size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3];

    *total = TRANSPORT_LEN + len;
    return header[0] || len < 4 ? NETSESSION_E_PROTOCOL : 0;
}

void smb2_server_init(smb2_server *s, const smb2_server_config *cfg, void *ctx)
{
    memset(s, 0, sizeof *s);
    s->cfg = cfg;
    s->ctx = ctx;
    s->high = 1;
    ns_framer_init(&s->in, cfg->hooks, TRANSPORT_LEN, transport_length,
                   cfg->max_io + FRAME_SLACK);
    ns_writer_init(&s->out, cfg->hooks, 2 * (size_t)TRANSPORT_MAX);
    ns_writer_init(&s->frame, cfg->hooks, TRANSPORT_MAX - SMB2_TRANSFORM_LEN);
}

static void unlink_session(smb2_server *s, const smb2_session *session)
{
    smb2_session **at = &s->sessions;

    while (*at != session)
        at = &(*at)->next;
    *at = session->next;
    s->session_count--;
}

static void destroy_session(smb2_server *s, smb2_session *session)
{
    const netsession_hooks *hooks = s->cfg->hooks;

    smb2_close_opens(s, session, 0);
    smb2_forget_settled(s, session);
    if (session->owner)
        s->cfg->ops->logged_off(s->ctx, session);
    unlink_session(s, session);
    auth_server_free(session->auth);
    ns_strfree(hooks, session->user);
    ns_strfree(hooks, session->domain);
    ns_free(hooks, session->trees, s->cfg->max_trees * sizeof *session->trees);
    ns_free(hooks, session, sizeof *session);
}

void smb2_server_end_session(smb2_server *s, smb2_session *session)
{
    session->valid = false;
    session->dying = true;
    if (!s->busy)
        destroy_session(s, session);
}

static void reap(smb2_server *s)
{
    smb2_session *session = s->sessions, *next;

    for (; session; session = next) {
        next = session->next;
        if (session->dying)
            destroy_session(s, session);
    }
}

void smb2_server_free(smb2_server *s)
{
    while (s->sessions)
        destroy_session(s, s->sessions);
    ns_framer_free(&s->in);
    ns_writer_free(&s->out);
    ns_writer_free(&s->frame);
    ns_wipe(s, sizeof *s);
}

smb2_session *smb2_find_session(smb2_server *s, uint64_t id)
{
    smb2_session *session = s->sessions;

    while (session && session->id != id)
        session = session->next;
    return session;
}

uint64_t smb2_new_id(smb2_server *s)
{
    return ++s->next_id;
}

/* ---- Credits: 3.3.5.2.3 and 3.3.1.1 ---- */

static bool is_used(const smb2_server *s, uint64_t id)
{
    return s->used[id % SMB2_WINDOW / 8] >> id % 8 & 1;
}

static void flip_used(smb2_server *s, uint64_t id)
{
    s->used[id % SMB2_WINDOW / 8] ^= (uint8_t)(1u << id % 8);
}

/* Takes charge ids from first on out of the window.  False: one of them was
 * never granted, or was used already. */
static bool take_ids(smb2_server *s, uint64_t first, unsigned charge)
{
    if (first < s->low || first >= s->high || charge > s->high - first)
        return false;
    for (unsigned i = 0; i < charge; i++)
        if (is_used(s, first + i))
            return false;
    for (unsigned i = 0; i < charge; i++)
        flip_used(s, first + i);
    while (s->low < s->high && is_used(s, s->low))
        flip_used(s, s->low++);
    return true;
}

static unsigned free_ids(const smb2_server *s)
{
    unsigned n = 0;

    for (uint64_t id = s->low; id < s->high; id++)
        n += !is_used(s, id);
    return n;
}

/* What the client asks for, within what it may hold; never none when it
 * asks, or would be left without. */
static unsigned grant_credits(smb2_server *s, unsigned asked)
{
    unsigned held = free_ids(s);
    unsigned room = held < s->cfg->max_credits ? s->cfg->max_credits - held : 0;
    unsigned window = (unsigned)(SMB2_WINDOW - (s->high - s->low));
    unsigned n = asked < room ? asked : room;

    if (!n && (asked || !held))
        n = 1;
    if (n > window)
        n = window;
    s->high += n;
    return n;
}

/* ---- Building the reply ---- */

static void begin_element(smb2_server *s, const smb2_header *h)
{
    size_t before = s->element_count ? s->elements[s->element_count - 1].at : 0;

    if (s->element_count) {
        ns_put_align(&s->frame, 0, 8);
        ns_set32(&s->frame, before + NEXT_AT, (uint32_t)(s->frame.len - before));
    }
    s->elements[s->element_count++] = (smb2_reply_element){.at = s->frame.len};
    smb2_header_put(&s->frame, h);
}

static smb2_reply_element *this_element(smb2_server *s)
{
    return &s->elements[s->element_count - 1];
}

/* Each element is signed with its padding: 3.1.4.1. */
static int sign_elements(smb2_server *s)
{
    int rc = 0;

    for (unsigned i = 0; i < s->element_count && !rc; i++) {
        const smb2_reply_element *e = &s->elements[i];
        size_t end = i + 1 < s->element_count ? s->elements[i + 1].at : s->frame.len;

        if (e->sign_for && !s->cipher_for)
            rc = smb2_sign(s->signing, e->sign_for->keys.signing, s->frame.p + e->at,
                           end - e->at);
        if (!rc && e->hash)
            rc = smb2_preauth_update(e->hash, s->frame.p + e->at, end - e->at);
    }
    return rc;
}

/* Every response but the last in a compound grants none: as Windows does. */
static int send_frame(smb2_server *s)
{
    size_t at = s->out.len;
    smb2_session *by = s->cipher_for;
    int rc;

    if (!s->element_count)
        return 0;
    ns_set16(&s->frame, this_element(s)->at + CREDITS_AT, (uint16_t)s->grant);
    s->grant = 0;
    rc = s->frame.err ? s->frame.err : sign_elements(s);
    ns_put32(&s->out, 0);
    if (!rc && by)
        rc = smb2_encrypt(s->cipher, by->keys.to_client, ++by->nonce, by->id, s->frame.p,
                          s->frame.len, &s->out);
    else if (!rc)
        ns_put(&s->out, s->frame.p, s->frame.len);
    if (!rc)
        rc = s->out.err;
    if (!rc)
        ns_store32be(s->out.p + at, (uint32_t)(s->out.len - at - TRANSPORT_LEN));
    ns_writer_reset(&s->frame);
    s->element_count = 0;
    return rc;
}

static smb2_header reply_header(const smb2_request_in *req, uint32_t status)
{
    smb2_header h = req->header;

    h.status = status;
    h.flags = SMB2_FLAG_RESPONSE | (req->header.flags & SMB2_FLAG_RELATED);
    h.credits = 0;
    h.next = 0;
    memset(h.signature, 0, sizeof h.signature);
    return h;
}

/* ---- Which requests deserve to be handled ---- */

static const struct command {
    smb2_handler *handle;
    bool needs_session, needs_tree;
} commands[] = {
    [SMB2_NEGOTIATE] = {smb2_on_negotiate, false, false},
    [SMB2_SESSION_SETUP] = {smb2_on_session_setup, false, false},
    [SMB2_LOGOFF] = {smb2_on_logoff, true, false},
    [SMB2_TREE_CONNECT] = {smb2_on_tree_connect, true, false},
    [SMB2_TREE_DISCONNECT] = {smb2_on_tree_disconnect, true, true},
    [SMB2_CREATE] = {smb2_on_create, true, true},
    [SMB2_CLOSE] = {smb2_on_close, true, true},
    [SMB2_FLUSH] = {smb2_on_flush, true, true},
    [SMB2_READ] = {smb2_on_read, true, true},
    [SMB2_WRITE] = {smb2_on_write, true, true},
    [SMB2_LOCK] = {NULL, true, true},
    [SMB2_IOCTL] = {smb2_on_ioctl, true, true},
    [SMB2_CANCEL] = {smb2_on_cancel, false, false},
    [SMB2_ECHO] = {smb2_on_echo, false, false},
    [SMB2_QUERY_DIRECTORY] = {NULL, true, true},
    [SMB2_CHANGE_NOTIFY] = {NULL, true, true},
    [SMB2_QUERY_INFO] = {smb2_on_query_info, true, true},
    [SMB2_SET_INFO] = {NULL, true, true},
    [SMB2_OPLOCK_BREAK] = {NULL, true, true},
};

/* 3.3.5.2.4; with the session that the request names, also while it logs on
 * anew. */
static uint32_t check_signature(smb2_server *s, smb2_request_in *req)
{
    smb2_session *session = req->session;
    bool is_signed = (req->header.flags & SMB2_FLAG_SIGNED) != 0;
    bool logging_on = req->header.command == SMB2_SESSION_SETUP;

    if (s->encrypted || !session || !session->valid || !session->keyed)
        return 0;
    if (is_signed)
        return smb2_verify(s->signing, session->keys.signing, req->msg, req->len)
                   ? STATUS_ACCESS_DENIED
                   : 0;
    return session->sign_required && !logging_on ? STATUS_ACCESS_DENIED : 0;
}

static bool has_tree(const smb2_server *s, const smb2_session *session, uint32_t id)
{
    for (unsigned i = 0; id && i < s->cfg->max_trees; i++)
        if (session->trees[i] == id)
            return true;
    return false;
}

bool smb2_session_expired(const smb2_server *s, const smb2_session *session)
{
    return session->expires && s->now >= session->expires;
}

/* 3.3.5.2.9: what may still be done when the time is up. */
static bool expired(const smb2_server *s, const smb2_request_in *req)
{
    return smb2_session_expired(s, req->session) && req->header.command != SMB2_LOGOFF &&
           req->header.command != SMB2_CLOSE;
}

static uint32_t check_session(smb2_server *s, smb2_request_in *req, const struct command *cmd)
{
    if (!cmd->needs_session)
        return 0;
    if (!req->session || !req->session->valid)
        return STATUS_USER_SESSION_DELETED;
    if (expired(s, req))
        return STATUS_NETWORK_SESSION_EXPIRED;
    if (req->session->encrypt && !s->encrypted)
        return STATUS_ACCESS_DENIED;
    if (cmd->needs_tree && !has_tree(s, req->session, req->header.tree_id))
        return STATUS_NETWORK_NAME_DELETED;
    return 0;
}

/* Without a session or a tree to go on with, all the rest of the chain fails;
 * so does all of one that begins as a related request (note 269). */
static bool is_broken(smb2_server *s, const struct command *cmd)
{
    if (s->element_count < 2 || (cmd->needs_session && !s->chain.has_session) ||
        (cmd->needs_tree && !s->chain.has_tree))
        s->chain.broken = true;
    return s->chain.broken;
}

/* 3.3.5.2.7.2: what a related request leaves open is that of the one before.
 * One that is not related begins a new chain (note 268). */
static uint32_t inherit(smb2_server *s, smb2_request_in *req, const struct command *cmd)
{
    if (!(req->header.flags & SMB2_FLAG_RELATED)) {
        memset(&s->chain, 0, sizeof s->chain);
        return 0;
    }
    if (is_broken(s, cmd))
        return STATUS_INVALID_PARAMETER;
    req->header.session_id = s->chain.session_id;
    req->header.tree_id = s->chain.tree_id;
    return 0;
}

static const struct command *command_of(const smb2_request_in *req)
{
    static const struct command unknown = {NULL, false, false};
    unsigned code = req->header.command;

    return code < sizeof commands / sizeof *commands ? &commands[code] : &unknown;
}

static uint32_t handle(smb2_server *s, smb2_request_in *req)
{
    const struct command *cmd = command_of(req);
    uint32_t status = inherit(s, req, cmd);

    req->session = smb2_find_session(s, req->header.session_id);
    if (req->header.command >= sizeof commands / sizeof *commands)
        return STATUS_INVALID_PARAMETER;
    if (!status)
        status = check_signature(s, req);
    if (!status)
        status = check_session(s, req, cmd);
    if (req->session)
        req->session->last = s->now;
    if (status)
        return status;
    return cmd->handle ? cmd->handle(s, req) : STATUS_NOT_SUPPORTED;
}

/* ---- One request ---- */

/* What the next, related request goes on from.  Handlers note the file. */
static void remember(smb2_server *s, const smb2_request_in *req, uint32_t status)
{
    s->chain.session_id = req->header.session_id;
    s->chain.has_session = req->session != NULL;
    s->chain.tree_id = req->header.tree_id;
    s->chain.has_tree =
        command_of(req)->needs_tree || (req->header.command == SMB2_TREE_CONNECT && !status);
}

static bool is_error(uint32_t status)
{
    return status && status != STATUS_MORE_PROCESSING_REQUIRED &&
           status != STATUS_BUFFER_OVERFLOW;
}

/* 3.3.4.1.1: signed when the request was, or must be. */
static void protect_element(smb2_server *s, smb2_request_in *req, uint32_t status)
{
    smb2_session *session = smb2_find_session(s, req->header.session_id);
    bool was_signed = (req->header.flags & SMB2_FLAG_SIGNED) != 0;

    if (!session || !session->keyed || status == STATUS_PENDING)
        return;
    if (was_signed || session->sign_required ||
        (req->header.command == SMB2_SESSION_SETUP && !status))
        this_element(s)->sign_for = session;
}

static void settle(smb2_server *s, const smb2_request_in *req, uint32_t status)
{
    size_t at = this_element(s)->at;

    if (is_error(status)) {
        s->frame.len = at + SMB2_HEADER_LEN;
        smb2_error_put(&s->frame);
    }
    if (s->frame.err)
        return;
    ns_store32(s->frame.p + at + 8, status);
    ns_store32(s->frame.p + at + TREE_AT, req->header.tree_id);
    ns_store64(s->frame.p + at + SESSION_AT, req->header.session_id);
    if (status == STATUS_PENDING) {
        s->frame.p[at + FLAGS_AT] |= SMB2_FLAG_ASYNC;
        ns_store64(s->frame.p + at + ASYNC_AT, req->async_id);
    }
}

/* Takes back what was begun; the element before is the last again. */
static void withdraw(smb2_server *s)
{
    s->frame.len = this_element(s)->at;
    if (--s->element_count)
        ns_set32(&s->frame, this_element(s)->at + NEXT_AT, 0);
}

/* An element of the reply; its header is settled after the handler, which may
 * have made the session or the tree. */
static int answer(smb2_server *s, smb2_request_in *req)
{
    smb2_header h = reply_header(req, 0);
    uint32_t status;

    begin_element(s, &h);
    status = handle(s, req);
    if (status == SMB2_NO_REPLY || h.command == SMB2_CANCEL) { /* 3.3.5.16 */
        withdraw(s);
        return s->frame.err;
    }
    settle(s, req, status);
    protect_element(s, req, status);
    s->grant += grant_credits(s, req->header.credits);
    remember(s, req, status);
    smb2_server_log(s, "%s %" PRIu64 " %s", smb2_command_name(req->header.command),
                    req->header.message_id, ns_ntstatus_name(status));
    return s->frame.err;
}

/* The first NEGOTIATE costs its credit like any other; a CANCEL none. */
static bool pays(smb2_server *s, const smb2_header *h)
{
    unsigned charge =
        h->credit_charge && s->dialect > NETSESSION_SMB_2_0_2 ? h->credit_charge : 1;

    return h->command == SMB2_CANCEL || take_ids(s, h->message_id, charge);
}

/* 3.3.5.2.1.1: who encrypts for one session speaks for no other. */
static bool speaks_for_another(const smb2_server *s, const smb2_header *h)
{
    if (!s->encrypted)
        return false;
    if (h->flags & SMB2_FLAG_RELATED)
        return !s->element_count;
    return h->session_id != s->cipher_for->id;
}

static int one_request(smb2_server *s, smb2_request_in *req)
{
    const smb2_header *h = &req->header;

    if (speaks_for_another(s, h))
        return NETSESSION_E_SECURITY;
    if (h->flags & SMB2_FLAG_RESPONSE || !pays(s, h) || s->element_count == SMB2_REPLY_CHAIN)
        return NETSESSION_E_PROTOCOL;
    if (!s->dialect && h->command != SMB2_NEGOTIATE)
        return NETSESSION_E_PROTOCOL;
    return answer(s, req);
}

static int split_request(uint8_t *msg, size_t len, smb2_request_in *req, size_t *next)
{
    ns_reader r = ns_reader_of(msg, len);
    bool ok = smb2_header_get(&r, &req->header);

    *next = req->header.next;
    if (!ok || (*next && (*next % 8 || *next < SMB2_HEADER_LEN || *next >= len)))
        return NETSESSION_E_PROTOCOL;
    req->msg = msg;
    req->len = *next ? *next : len;
    req->body = ns_reader_of(msg, req->len);
    req->last = !*next;
    return 0;
}

static int on_requests(smb2_server *s, uint8_t *msg, size_t len)
{
    smb2_request_in req = {.session = NULL};
    size_t next = 0;
    int rc;

    do {
        rc = split_request(msg, len, &req, &next);
        if (!rc)
            rc = one_request(s, &req);
        msg += next;
        len -= next;
    } while (!rc && next && !s->ended);
    if (!rc)
        rc = send_frame(s);
    return rc ? rc : smb2_run_pending(s);
}

static int on_encrypted(smb2_server *s, uint8_t *msg, size_t len)
{
    smb2_session *session;

    if (len < SMB2_TRANSFORM_LEN + SMB2_HEADER_LEN || !s->cipher)
        return NETSESSION_E_PROTOCOL;
    session = smb2_find_session(s, ns_le64(msg + 44)); /* SessionId, 2.2.41 */
    if (!session || !session->keyed)
        return NETSESSION_E_PROTOCOL;
    if (smb2_decrypt(s->cipher, session->keys.to_server, session->id, msg, len))
        return NETSESSION_E_SECURITY;
    s->encrypted = true;
    s->cipher_for = session;
    return on_requests(s, msg + SMB2_TRANSFORM_LEN, len - SMB2_TRANSFORM_LEN);
}

static int on_frame(smb2_server *s, uint8_t *msg, size_t len)
{
    uint32_t id = ns_le32(msg);

    s->encrypted = false;
    s->cipher_for = NULL;
    if (id == SMB2_PROTOCOL)
        return on_requests(s, msg, len);
    if (id == SMB2_TRANSFORM)
        return on_encrypted(s, msg, len);
    return id == SMB1_PROTOCOL && !s->dialect ? smb2_on_smb1(s, msg, len)
                                              : NETSESSION_E_PROTOCOL;
}

/* ---- Answers that come later ---- */

int smb2_complete(smb2_server *s, const smb2_pending *p, uint32_t status, const uint8_t *data,
                  size_t len)
{
    smb2_header h = {.credit_charge = p->charge,
                     .status = status,
                     .command = p->command,
                     .flags = SMB2_FLAG_RESPONSE | SMB2_FLAG_ASYNC,
                     .message_id = p->message_id,
                     .session_id = p->session->id};
    unsigned grant = s->grant;
    int rc;

    begin_element(s, &h);
    if (!s->frame.err)
        ns_store64(s->frame.p + this_element(s)->at + ASYNC_AT, p->async_id);
    if (is_error(status))
        smb2_error_put(&s->frame);
    else if (p->command == SMB2_READ)
        smb2_read_response_put(&s->frame, data, len);
    else
        smb2_ioctl_response_put(&s->frame, &p->ioctl, data, len);
    this_element(s)->sign_for = p->sign && p->session->keyed ? p->session : NULL;
    s->cipher_for = p->encrypt ? p->session : NULL;
    s->grant = 0; /* they came with the interim reply */
    rc = send_frame(s);
    s->grant = grant;
    return rc;
}

/* ---- Bytes ---- */

void *smb2_server_room(smb2_server *s, size_t *room)
{
    return ns_framer_room(&s->in, room);
}

int smb2_server_received(smb2_server *s, size_t n, uint64_t now)
{
    int rc = ns_framer_ack(&s->in, n);

    s->now = now;
    if (rc <= 0)
        return rc;
    s->busy = true;
    rc = on_frame(s, s->in.buf.p + TRANSPORT_LEN, s->in.buf.len - TRANSPORT_LEN);
    s->busy = false;
    s->cipher_for = NULL;
    reap(s);
    ns_framer_next(&s->in);
    ns_framer_free(&s->in); /* idle connections hold no buffers */
    ns_writer_free(&s->frame);
    return rc;
}

const uint8_t *smb2_server_output(const smb2_server *s, size_t *len)
{
    *len = s->out.len;
    return s->out.p;
}

void smb2_server_output_ack(smb2_server *s, size_t n)
{
    ns_writer_drop(&s->out, n);
    if (!s->out.len)
        ns_writer_free(&s->out);
}

bool smb2_server_ended(const smb2_server *s)
{
    return s->ended;
}
