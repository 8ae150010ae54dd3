/* IPC$, its pipes, and what is asked of them: [MS-SMB2] 3.3.5.7 to 3.3.5.20. */
#include <inttypes.h>
#include <string.h>

#include "base/utf.h"
#include "smb2/server.h"

#define PIPE_MAXIMAL_ACCESS                0x001F00A9u
#define DELEGATE                           3
#define FSCTL_PIPE_WAIT                    0x00110018u
#define FSCTL_DFS_GET_REFERRALS            0x00060194u
#define FSCTL_DFS_GET_REFERRALS_EX         0x000601B0u
#define FSCTL_QUERY_NETWORK_INTERFACE_INFO 0x001401FCu
#define IS_FSCTL                           1
#define NAME_MAX_UNITS                     64

/* ---- TREE_CONNECT, TREE_DISCONNECT ---- */

/* A UTF-16 name in small ASCII letters; false: it has others, or is long. */
static bool ascii_name(ns_reader name, char out[NAME_MAX_UNITS + 1])
{
    size_t n = name.len / 2;

    if (n > NAME_MAX_UNITS)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint16_t c = ns_get16(&name);

        if (!c || c > 126)
            return false;
        out[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    out[n] = '\0';
    return true;
}

/* "\\server\share": the share is what follows the last backslash. */
static ns_reader share_of(ns_reader path)
{
    size_t at = path.len;

    while (at >= 2 && ns_le16(path.base + at - 2) != '\\')
        at -= 2;
    return ns_sub(&path, at, path.len - at);
}

static uint32_t add_tree(smb2_server *s, smb2_session *session, uint32_t *id)
{
    for (unsigned i = 0; i < s->cfg->max_trees; i++)
        if (!session->trees[i]) {
            *id = session->trees[i] = ++s->next_tree;
            return 0;
        }
    return STATUS_INSUFFICIENT_RESOURCES;
}

/* 3.3.5.7: on 3.1.1 a tree connect without protection ends the connection. */
static bool unprotected(const smb2_server *s, const smb2_request_in *req)
{
    return s->dialect == NETSESSION_SMB_3_1_1 && req->session->keyed && !s->encrypted &&
           !(req->header.flags & SMB2_FLAG_SIGNED);
}

uint32_t smb2_on_tree_connect(smb2_server *s, smb2_request_in *req)
{
    const smb2_tree_connect_response m = {.share_type = SMB2_SHARE_PIPE};
    char share[NAME_MAX_UNITS + 1];
    ns_reader path;
    uint32_t status;

    if (unprotected(s, req)) {
        s->ended = true;
        return SMB2_NO_REPLY;
    }
    if (!smb2_tree_connect_request_get(&req->body, &path) || !path.len)
        return STATUS_INVALID_PARAMETER;
    if (!ascii_name(share_of(path), share) || strcmp(share, "ipc$") != 0)
        return STATUS_BAD_NETWORK_NAME;
    status = add_tree(s, req->session, &req->header.tree_id);
    if (!status)
        smb2_tree_connect_response_put(&s->frame, &m, PIPE_MAXIMAL_ACCESS);
    return status;
}

uint32_t smb2_on_tree_disconnect(smb2_server *s, smb2_request_in *req)
{
    if (!smb2_body_is(req->body, 4))
        return STATUS_INVALID_PARAMETER;
    smb2_close_opens(s, req->session, req->header.tree_id);
    for (unsigned i = 0; i < s->cfg->max_trees; i++)
        if (req->session->trees[i] == req->header.tree_id)
            req->session->trees[i] = 0;
    smb2_empty_put(&s->frame);
    return 0;
}

/* ---- Opens ---- */

static void put_file_id(const smb2_open *open, uint8_t file_id[SMB2_FILE_ID_LEN])
{
    ns_store64(file_id, open->id);
    ns_store64(file_id + 8, open->id);
}

static bool is_placeholder(const uint8_t *file_id)
{
    return ns_le64(file_id) == UINT64_MAX && ns_le64(file_id + 8) == UINT64_MAX;
}

/* The FileId that a request names, or that of the compound it is related to.
 * When a CREATE failed, its status is that of whatever needs its file; the
 * failure of another request says nothing about the file. */
static uint32_t pick_file_id(smb2_server *s, const smb2_request_in *req, const uint8_t *file_id)
{
    if (!(req->header.flags & SMB2_FLAG_RELATED) || !is_placeholder(file_id))
        memcpy(s->chain.file_id, file_id, SMB2_FILE_ID_LEN);
    else if (!s->chain.has_file)
        return STATUS_INVALID_HANDLE;
    else if (s->chain.create_status)
        return s->chain.create_status;
    s->chain.has_file = true;
    s->chain.create_status = 0;
    return 0;
}

static uint32_t find_open(smb2_server *s, const smb2_request_in *req, const uint8_t *file_id,
                          smb2_open **out)
{
    uint32_t status = pick_file_id(s, req, file_id);
    uint64_t id = ns_le64(s->chain.file_id);
    smb2_open *open = s->opens;

    if (status)
        return status;
    while (open && (open->id != id || open->session != req->session ||
                    open->tree_id != req->header.tree_id))
        open = open->next;
    if (!open || ns_le64(s->chain.file_id + 8) != id)
        return STATUS_FILE_CLOSED;
    *out = open;
    return 0;
}

static uint32_t create(smb2_server *s, smb2_request_in *req, uint8_t file_id[SMB2_FILE_ID_LEN])
{
    smb2_create_request m;
    char name[NAME_MAX_UNITS + 1];
    smb2_open *open;
    uint32_t status;

    if (!smb2_create_request_get(&req->body, &m))
        return STATUS_INVALID_PARAMETER;
    if (m.impersonation >= DELEGATE)
        return STATUS_BAD_IMPERSONATION_LEVEL;
    if (!ascii_name(m.name, name))
        return STATUS_OBJECT_NAME_NOT_FOUND;
    open = s->open_count < s->cfg->max_opens ? ns_alloc(s->cfg->hooks, sizeof *open) : NULL;
    if (!open)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = s->cfg->ops->open(s->ctx, req->session, name, &open->pipe);
    if (status) {
        ns_free(s->cfg->hooks, open, sizeof *open);
        return status;
    }
    open->id = smb2_new_id(s);
    open->tree_id = req->header.tree_id;
    open->session = req->session;
    open->next = s->opens;
    s->opens = open;
    s->open_count++;
    req->session->opens++;
    put_file_id(open, file_id);
    return 0;
}

uint32_t smb2_on_create(smb2_server *s, smb2_request_in *req)
{
    uint32_t status = create(s, req, s->chain.file_id);

    s->chain.has_file = true;
    s->chain.create_status = status;
    if (!status)
        smb2_create_response_put(&s->frame, s->chain.file_id);
    return status;
}

static void free_pending(smb2_server *s, smb2_pending *p)
{
    ns_free(s->cfg->hooks, p, sizeof *p);
    s->pending_count--;
}

/* What waits for an open that goes is answered once the frame at hand is. */
static void break_pending(smb2_server *s, smb2_open *open)
{
    smb2_pending **end = &s->settled;

    while (*end)
        end = &(*end)->next;
    *end = open->pending;
    for (smb2_pending *p = open->pending; p; p = p->next)
        p->status = STATUS_PIPE_BROKEN;
    open->pending = NULL;
}

void smb2_forget_settled(smb2_server *s, const smb2_session *session)
{
    smb2_pending **at = &s->settled, *p;

    while ((p = *at) != NULL) {
        if (p->session != session) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        free_pending(s, p);
    }
}

static void destroy_open(smb2_server *s, smb2_open *open)
{
    smb2_open **at = &s->opens;

    break_pending(s, open);
    while (*at != open)
        at = &(*at)->next;
    *at = open->next;
    s->open_count--;
    open->session->opens--;
    s->cfg->ops->close(open->pipe);
    ns_free(s->cfg->hooks, open, sizeof *open);
}

void smb2_close_opens(smb2_server *s, smb2_session *session, uint32_t tree_id)
{
    smb2_open *open, *next;

    for (open = s->opens; open; open = next) {
        next = open->next;
        if (open->session == session && (!tree_id || open->tree_id == tree_id))
            destroy_open(s, open);
    }
}

uint32_t smb2_on_close(smb2_server *s, smb2_request_in *req)
{
    uint8_t file_id[SMB2_FILE_ID_LEN];
    smb2_open *open = NULL;
    uint32_t status;

    if (!smb2_close_request_get(&req->body, file_id))
        return STATUS_INVALID_PARAMETER;
    status = find_open(s, req, file_id, &open);
    if (status)
        return status;
    destroy_open(s, open);
    smb2_close_response_put(&s->frame);
    return 0;
}

/* 3.3.5.11; what was written to a pipe is with its service already. */
uint32_t smb2_on_flush(smb2_server *s, smb2_request_in *req)
{
    ns_reader *r = &req->body;
    uint8_t file_id[SMB2_FILE_ID_LEN];
    smb2_open *open = NULL;
    uint32_t status;
    uint16_t size;

    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    ns_skip(r, 6); /* Reserved1, Reserved2 */
    ns_get_bytes(r, file_id, sizeof file_id);
    if (r->bad || size != 24)
        return STATUS_INVALID_PARAMETER;
    status = find_open(s, req, file_id, &open);
    if (!status)
        smb2_empty_put(&s->frame);
    return status;
}

uint32_t smb2_on_echo(smb2_server *s, smb2_request_in *req)
{
    if (!smb2_body_is(req->body, 4))
        return STATUS_INVALID_PARAMETER;
    smb2_empty_put(&s->frame);
    return 0;
}

/* ---- Data ---- */

/* 3.3.5.2.5: the credits paid must cover the larger direction. */
static bool covered(const smb2_server *s, const smb2_request_in *req, uint64_t bytes)
{
    unsigned charge = req->header.credit_charge ? req->header.credit_charge : 1;
    uint64_t paid = s->dialect > NETSESSION_SMB_2_0_2 ? (uint64_t)charge * 65536 : 65536;

    return bytes <= s->cfg->max_io && bytes <= paid;
}

/* What a read may bring now: 0 and the bytes, or a status; PENDING: nothing
 * yet. */
static uint32_t peek(const smb2_server *s, smb2_open *open, uint32_t max, const uint8_t **data,
                     size_t *len)
{
    size_t all = 0;

    *data = s->cfg->ops->output(open->pipe, &all);
    *len = all < max ? all : max;
    if (*data)
        return all > max ? STATUS_BUFFER_OVERFLOW : 0;
    return s->cfg->ops->ended(open->pipe) ? STATUS_PIPE_DISCONNECTED : STATUS_PENDING;
}

/* 3.3.4.2: only the last of a compound may wait. */
static uint32_t wait_for_output(smb2_server *s, smb2_request_in *req, smb2_open *open,
                                uint32_t max, const smb2_ioctl_request *ioctl)
{
    smb2_pending **at = &open->pending, *p;

    if (!req->last)
        return STATUS_INTERNAL_ERROR;
    p = s->pending_count < s->cfg->max_pending ? ns_alloc(s->cfg->hooks, sizeof *p) : NULL;
    if (!p)
        return STATUS_INSUFFICIENT_RESOURCES;
    p->message_id = req->header.message_id;
    p->async_id = req->async_id = smb2_new_id(s);
    p->session = req->session;
    p->max = max;
    p->command = req->header.command;
    p->charge = req->header.credit_charge;
    p->sign = (req->header.flags & SMB2_FLAG_SIGNED) || req->session->sign_required;
    p->encrypt = s->encrypted;
    if (ioctl)
        p->ioctl = *ioctl;
    while (*at)
        at = &(*at)->next;
    *at = p;
    s->pending_count++;
    return STATUS_PENDING;
}

uint32_t smb2_on_read(smb2_server *s, smb2_request_in *req)
{
    smb2_read_request m;
    smb2_open *open = NULL;
    const uint8_t *data;
    size_t len;
    uint32_t status;

    if (!smb2_read_request_get(&req->body, &m) || !covered(s, req, m.length))
        return STATUS_INVALID_PARAMETER;
    status = find_open(s, req, m.file_id, &open);
    if (!status)
        status = open->pending ? STATUS_PENDING : peek(s, open, m.length, &data, &len);
    else
        return status;
    if (status == STATUS_PENDING)
        return wait_for_output(s, req, open, m.length, NULL);
    if (status && status != STATUS_BUFFER_OVERFLOW)
        return status;
    smb2_read_response_put(&s->frame, data, len);
    s->cfg->ops->output_ack(open->pipe, len);
    return status;
}

static uint32_t write_pipe(smb2_server *s, smb2_open *open, ns_reader data)
{
    if (s->cfg->ops->ended(open->pipe))
        return STATUS_PIPE_DISCONNECTED;
    return s->cfg->ops->write(open->pipe, data.base, data.len) ? STATUS_INSUFFICIENT_RESOURCES
                                                               : 0;
}

uint32_t smb2_on_write(smb2_server *s, smb2_request_in *req)
{
    smb2_write_request m;
    smb2_open *open = NULL;
    uint32_t status;

    if (!smb2_write_request_get(&req->body, &m) || !covered(s, req, m.data.len))
        return STATUS_INVALID_PARAMETER;
    status = find_open(s, req, m.file_id, &open);
    if (!status)
        status = write_pipe(s, open, m.data);
    if (!status)
        smb2_write_response_put(&s->frame, (uint32_t)m.data.len);
    return status;
}

/* ---- IOCTL ---- */

/* 3.3.5.15.11 */
static uint32_t transceive(smb2_server *s, smb2_request_in *req, smb2_ioctl_request *m)
{
    smb2_open *open = NULL;
    const uint8_t *data;
    size_t len;
    uint32_t status = find_open(s, req, m->file_id, &open);

    if (status)
        return status;
    put_file_id(open, m->file_id);
    if (open->pending || s->cfg->ops->output(open->pipe, &len))
        return STATUS_PIPE_BUSY;
    status = write_pipe(s, open, m->input);
    if (status)
        return status;
    status = peek(s, open, m->max_output, &data, &len);
    if (status == STATUS_PENDING)
        return wait_for_output(s, req, open, m->max_output, m);
    if (status && status != STATUS_BUFFER_OVERFLOW)
        return status;
    smb2_ioctl_response_put(&s->frame, m, data, len);
    s->cfg->ops->output_ack(open->pipe, len);
    return status;
}

/* 3.3.5.15.12: whoever asks with other values than were negotiated speaks
 * through somebody who changed them; the connection ends. */
static bool same_negotiation(const smb2_server *s, const smb2_offer *asked)
{
    return smb2_choose_dialect(s, asked) == s->dialect && s->dialect != NETSESSION_SMB_3_1_1 &&
           asked->capabilities == s->client_capabilities &&
           asked->security_mode == s->client_security_mode &&
           !memcmp(asked->client_guid, s->client_guid, sizeof s->client_guid);
}

static uint32_t validate(smb2_server *s, smb2_request_in *req, smb2_ioctl_request *m)
{
    smb2_validate_response answer = {.capabilities = s->capabilities,
                                     .security_mode = s->security_mode,
                                     .dialect = (uint16_t)s->dialect};
    smb2_offer asked;
    ns_writer out;
    uint32_t status = 0;

    (void)req;
    memcpy(answer.guid, s->cfg->guid, sizeof answer.guid);
    if (!smb2_validate_request_get(&m->input, &asked) || m->max_output < 24 ||
        !same_negotiation(s, &asked)) {
        s->ended = true;
        return SMB2_NO_REPLY;
    }
    ns_writer_init(&out, s->cfg->hooks, 64);
    smb2_validate_response_put(&out, &answer);
    if (out.err)
        status = STATUS_INSUFFICIENT_RESOURCES;
    else
        smb2_ioctl_response_put(&s->frame, m, out.p, out.len);
    ns_writer_free(&out);
    return status;
}

/* A pipe here is never busy, so there is nothing to wait for. */
static uint32_t pipe_wait(smb2_server *s, smb2_request_in *req, smb2_ioctl_request *m)
{
    (void)req;
    smb2_ioctl_response_put(&s->frame, m, NULL, 0);
    return 0;
}

static const struct fsctl {
    uint32_t code;
    bool of_share; /* not of an open; there is no FileId then */
    uint32_t (*handle)(smb2_server *s, smb2_request_in *req, smb2_ioctl_request *m);
} fsctls[] = {
    {SMB2_FSCTL_PIPE_TRANSCEIVE, false, transceive},
    {SMB2_FSCTL_VALIDATE_NEGOTIATE_INFO, true, validate},
    {FSCTL_PIPE_WAIT, true, pipe_wait},
    {FSCTL_DFS_GET_REFERRALS, true, NULL},
    {FSCTL_DFS_GET_REFERRALS_EX, true, NULL},
    {FSCTL_QUERY_NETWORK_INTERFACE_INFO, true, NULL},
};

static const struct fsctl *find_fsctl(uint32_t code)
{
    static const struct fsctl other = {0, false, NULL};

    for (size_t i = 0; i < sizeof fsctls / sizeof *fsctls; i++)
        if (fsctls[i].code == code)
            return &fsctls[i];
    return &other;
}

static uint32_t dispatch_fsctl(smb2_server *s, smb2_request_in *req, smb2_ioctl_request *m)
{
    const struct fsctl *fsctl = find_fsctl(m->ctl_code);
    smb2_open *open = NULL;
    uint32_t status = 0;

    if (fsctl->of_share && !is_placeholder(m->file_id))
        return STATUS_INVALID_PARAMETER;
    if (fsctl->handle)
        return fsctl->handle(s, req, m);
    if (!fsctl->of_share)
        status = find_open(s, req, m->file_id, &open);
    return status ? status : STATUS_INVALID_DEVICE_REQUEST;
}

uint32_t smb2_on_ioctl(smb2_server *s, smb2_request_in *req)
{
    smb2_ioctl_request m;
    uint64_t out;

    if (!smb2_ioctl_request_get(&req->body, &m))
        return STATUS_INVALID_PARAMETER;
    out = (uint64_t)m.max_input + m.max_output;
    if (!covered(s, req, out > m.input.len ? out : m.input.len))
        return STATUS_INVALID_PARAMETER;
    if (m.flags != IS_FSCTL)
        return STATUS_NOT_SUPPORTED;
    return dispatch_fsctl(s, req, &m);
}

/* ---- QUERY_INFO ---- */

#define INFO_FILE                 1
#define FILE_STANDARD_INFORMATION 5

/* [MS-FSCC] 2.4.41, which Windows clients ask of each pipe they open. */
uint32_t smb2_on_query_info(smb2_server *s, smb2_request_in *req)
{
    ns_reader *r = &req->body;
    uint16_t size;
    uint8_t type, class, file_id[SMB2_FILE_ID_LEN];
    uint32_t status, max;
    smb2_open *open = NULL;

    ns_skip(r, SMB2_HEADER_LEN);
    size = ns_get16(r);
    type = ns_get8(r);
    class = ns_get8(r);
    max = ns_get32(r);
    ns_skip(r, 16); /* to FileId: input buffer, AdditionalInformation, Flags */
    ns_get_bytes(r, file_id, sizeof file_id);
    if (r->bad || size != 41)
        return STATUS_INVALID_PARAMETER;
    status = find_open(s, req, file_id, &open);
    if (status)
        return status;
    if (type != INFO_FILE || class != FILE_STANDARD_INFORMATION || max < 24)
        return STATUS_INVALID_INFO_CLASS;
    ns_put16(&s->frame, 9);
    ns_put16(&s->frame, SMB2_HEADER_LEN + 8);
    ns_put32(&s->frame, 24);
    ns_put64(&s->frame, 4096); /* AllocationSize */
    ns_put64(&s->frame, 0);    /* EndOfFile */
    ns_put32(&s->frame, 1);    /* NumberOfLinks */
    ns_put32(&s->frame, 1);    /* DeletePending, Directory */
    return 0;
}

/* ---- What waits ---- */

static int answer_settled(smb2_server *s)
{
    int rc = 0;

    while (s->settled && !rc) {
        smb2_pending *p = s->settled;

        s->settled = p->next;
        rc = smb2_complete(s, p, p->status, NULL, 0);
        free_pending(s, p);
    }
    return rc;
}

static void settle(smb2_server *s, smb2_pending **at, uint32_t status)
{
    smb2_pending *p = *at;

    *at = p->next;
    p->status = status;
    p->next = s->settled;
    s->settled = p;
}

/* Answers the first that waits on an open, if it can be: 1 when it was. */
static int run_open(smb2_server *s, smb2_open *open)
{
    smb2_pending *p = open->pending;
    const uint8_t *data = NULL;
    size_t len = 0;
    uint32_t status = p ? peek(s, open, p->max, &data, &len) : STATUS_PENDING;
    int rc;

    if (status == STATUS_PENDING)
        return 0;
    rc = smb2_complete(s, p, status, data, len);
    if (data)
        s->cfg->ops->output_ack(open->pipe, len);
    open->pending = p->next;
    free_pending(s, p);
    return rc ? rc : 1;
}

int smb2_run_pending(smb2_server *s)
{
    int rc = answer_settled(s);

    for (smb2_open *open = s->opens; open && rc >= 0; open = open->next)
        do
            rc = run_open(s, open);
        while (rc == 1);
    return rc < 0 ? rc : 0;
}

static bool is_meant(const smb2_header *h, const smb2_pending *p)
{
    return h->flags & SMB2_FLAG_ASYNC ? p->async_id == h->async_id
                                      : p->message_id == h->message_id;
}

/* 3.3.5.16: by AsyncId, or by MessageId; it has no answer of its own, what it
 * cancels has. */
uint32_t smb2_on_cancel(smb2_server *s, smb2_request_in *req)
{
    for (smb2_open *open = s->opens; open; open = open->next)
        for (smb2_pending **at = &open->pending; *at; at = &(*at)->next)
            if (is_meant(&req->header, *at)) {
                settle(s, at, STATUS_CANCELLED);
                return SMB2_NO_REPLY;
            }
    return SMB2_NO_REPLY;
}
