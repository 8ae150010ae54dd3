/*
 * From a session to an open pipe and back: TREE_CONNECT, validation of the
 * negotiation, CREATE and the first message, in one compound where the server
 * can do that (3.2.4.1.4), one at a time where it refuses; then messages; then
 * CLOSE, TREE_DISCONNECT, LOGOFF.
 */
#include <stdio.h>
#include <string.h>

#include "smb2/client.h"

static const uint8_t no_file[SMB2_FILE_ID_LEN] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                                  0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                                  0xFF, 0xFF, 0xFF, 0xFF};

#define VALIDATE_LEN 24
#define PATH_LEN     600

static int fail_credits(smb2_client *c)
{
    return smb2_fail(c, NETSESSION_E_PROTOCOL, "the server grants no credits");
}

/* 3.2.5.5: below 3.1.1 the negotiation was not protected; had 3.x been
 * possible, ask once more, now signed.  No answer is believed before. */
static bool must_validate(const smb2_client *c)
{
    return !c->validated && c->secured && c->dialect < NETSESSION_SMB_3_1_1 &&
           c->offered.dialects[c->offered.dialect_count - 1] >= NETSESSION_SMB_3_0;
}

/* ---- Requests ---- */

static smb2_done on_tree, on_validate, on_create, on_stale_closed, on_transceived, on_read,
    on_written;

static bool begin_tree(smb2_client *c)
{
    char path[PATH_LEN];
    int len = snprintf(path, sizeof path, "\\\\%s\\IPC$", c->cfg->host);

    if (!smb2_request_begin(c, SMB2_TREE_CONNECT, on_tree, 0, false))
        return false;
    if (len < (int)sizeof path && smb2_tree_connect_request_put(&c->frame, path))
        return true;
    smb2_fail(c, NETSESSION_E_ARGUMENT, "the host's name is too long or not valid UTF-8");
    return false;
}

static bool begin_validate(smb2_client *c, bool related)
{
    ns_writer input;
    bool ok;

    ns_writer_init(&input, c->hooks, 64);
    smb2_validate_request_put(&input, &c->offered);
    ok = !input.err && smb2_request_begin(c, SMB2_IOCTL, on_validate, VALIDATE_LEN, related);
    if (ok)
        smb2_ioctl_request_put(&c->frame, SMB2_FSCTL_VALIDATE_NEGOTIATE_INFO, no_file, input.p,
                               input.len, VALIDATE_LEN);
    else if (input.err)
        c->frame.err = input.err;
    ns_writer_free(&input);
    return ok;
}

static bool begin_create(smb2_client *c, bool related)
{
    if (!smb2_request_begin(c, SMB2_CREATE, on_create, 0, related))
        return false;
    smb2_create_request_put(&c->frame, c->cfg->pipe);
    return true;
}

static bool begin_transceive(smb2_client *c, const uint8_t *data, size_t len, bool related)
{
    uint32_t bulk = len > c->io_size ? (uint32_t)len : c->io_size;
    smb2_request *req = smb2_request_begin(c, SMB2_IOCTL, on_transceived, bulk, related);

    if (!req)
        return false;
    req->max = c->io_size;
    smb2_ioctl_request_put(&c->frame, SMB2_FSCTL_PIPE_TRANSCEIVE,
                           related ? no_file : c->file_id, data, len, c->io_size);
    return true;
}

static bool begin_close(smb2_client *c, smb2_done *done)
{
    if (!smb2_request_begin(c, SMB2_CLOSE, done, 0, false))
        return false;
    smb2_close_request_put(&c->frame, c->file_id);
    return true;
}

/* What was begun goes out, or the reason why nothing could be begun. */
static int send_begun(smb2_client *c, bool begun)
{
    if (c->frame.err)
        return ns_fail_code(c->err, c->frame.err, NS_LAYER_SMB2);
    return begun ? smb2_request_send(c, true) : fail_credits(c);
}

/* ---- Opening ---- */

static unsigned chain_cost(const smb2_client *c)
{
    return 4 + c->io_size / 65536;
}

static int send_chain(smb2_client *c)
{
    bool ok = begin_tree(c) && (!must_validate(c) || begin_validate(c, true)) &&
              begin_create(c, true) && begin_transceive(c, c->first.p, c->first.len, true);

    for (int i = 0; i < SMB2_MAX_REQUESTS; i++)
        c->requests[i].chained = true;
    return send_begun(c, ok);
}

static int send_step(smb2_client *c)
{
    if (!c->tree_ok)
        return send_begun(c, begin_tree(c));
    if (must_validate(c))
        return send_begun(c, begin_validate(c, false));
    if (c->file_stale)
        return send_begun(c, begin_close(c, on_stale_closed));
    if (!c->file_ok)
        return send_begun(c, begin_create(c, false));
    return send_begun(c, begin_transceive(c, c->first.p, c->first.len, false));
}

int smb2_open_next(smb2_client *c)
{
    bool chain = c->cfg->compound && !c->chain_tried && c->credits >= chain_cost(c);

    if (smb2_client_waiting(c) || c->open)
        return 0;
    c->chain_tried = true;
    return chain ? send_chain(c) : send_step(c);
}

/* An error that would come outside a compound as well. */
static bool is_final(uint32_t status)
{
    static const uint32_t final[] = {STATUS_ACCESS_DENIED, STATUS_OBJECT_NAME_NOT_FOUND,
                                     STATUS_BAD_NETWORK_NAME, STATUS_USER_SESSION_DELETED,
                                     STATUS_NETWORK_SESSION_EXPIRED};

    for (size_t i = 0; i < sizeof final / sizeof *final; i++)
        if (final[i] == status)
            return true;
    return false;
}

/* A step failed: for good, or because it was part of a compound.  In the
 * latter case it is tried again by itself once the compound is answered. */
static int step_failed(smb2_client *c, const smb2_reply *reply, const char *what)
{
    bool needs_cipher = c->encrypting && !reply->request->encrypted;
    bool again = reply->request->chained && (needs_cipher || !is_final(reply->header.status));

    if (!again)
        return smb2_fail_status(c, NETSESSION_E_REFUSED, reply, what);
    c->chain_refused = true;
    return smb2_open_next(c);
}

static int malformed(smb2_client *c, const smb2_reply *reply)
{
    return smb2_fail(c, NETSESSION_E_PROTOCOL, "the server's reply to %s is malformed",
                     smb2_command_name(reply->header.command));
}

static int on_tree(smb2_client *c, const smb2_reply *reply)
{
    smb2_tree_connect_response m;
    ns_reader body = reply->body;

    if (reply->header.status)
        return step_failed(c, reply, "tree connect to IPC$");
    if (!smb2_tree_connect_response_get(&body, &m))
        return malformed(c, reply);
    if (m.share_type != SMB2_SHARE_PIPE)
        return smb2_fail(c, NETSESSION_E_PROTOCOL, "the server's IPC$ is no pipe share");
    c->tree_id = reply->header.tree_id;
    c->tree_ok = true;
    if (m.share_flags & SMB2_SHARE_ENCRYPT && c->secured) {
        if (!c->cipher)
            return smb2_fail(c, NETSESSION_E_POLICY,
                             "IPC$ requires encryption, but no cipher was agreed");
        c->encrypting = true;
    }
    return smb2_open_next(c);
}

/* 3.2.5.14.12: each of the four must be what NEGOTIATE said. */
static bool still_agreed(const smb2_client *c, ns_reader output)
{
    smb2_validate_response m;

    return smb2_validate_response_get(&output, &m) &&
           m.capabilities == c->server_capabilities &&
           m.security_mode == c->server_security_mode && m.dialect == c->dialect &&
           !memcmp(m.guid, c->server_guid, sizeof m.guid);
}

/* A server of the 2.x family may say, signed, that it does not know this. */
static bool knows_no_validation(const smb2_client *c, uint32_t status)
{
    return c->dialect < NETSESSION_SMB_3_0 &&
           (status == STATUS_FILE_CLOSED || status == STATUS_INVALID_DEVICE_REQUEST ||
            status == STATUS_NOT_SUPPORTED);
}

/* An answer that came before the negotiation was confirmed is kept from the
 * caller until then. */
static int hold(smb2_client *c, ns_reader data)
{
    ns_put(&c->held, data.base, data.len);
    return c->held.err ? ns_fail_code(c->err, c->held.err, NS_LAYER_SMB2) : 0;
}

static int release_held(smb2_client *c)
{
    if (c->held.len) {
        c->data = ns_reader_of(c->held.p, c->held.len);
        c->event = SMB2_EV_DATA;
    }
    return 0;
}

static int on_validate(smb2_client *c, const smb2_reply *reply)
{
    smb2_ioctl_response m;
    ns_reader body = reply->body;
    uint32_t status = reply->header.status;
    bool ok = !status && smb2_ioctl_response_get(&body, &m) && still_agreed(c, m.output);

    if (status && reply->request->chained)
        return smb2_open_next(c); /* asked again by itself, with the first call */
    if (!ok && !knows_no_validation(c, status))
        return ns_fail_named(
            c->err, NETSESSION_E_SECURITY, NS_LAYER_SMB2, "STATUS_DOWNGRADE_DETECTED",
            STATUS_DOWNGRADE_DETECTED, 1265,
            "the server does not confirm the negotiation (%s): somebody between "
            "here and there may have changed it",
            ns_ntstatus_name(status));
    c->validated = true;
    return c->open ? release_held(c) : smb2_open_next(c);
}

static int on_create(smb2_client *c, const smb2_reply *reply)
{
    ns_reader body = reply->body;
    char what[64];

    snprintf(what, sizeof what, "opening the pipe %s", c->cfg->pipe);
    if (reply->header.status)
        return step_failed(c, reply, what);
    if (!c->tree_ok || !smb2_create_response_get(&body, c->file_id))
        return malformed(c, reply);
    c->file_ok = true;
    return smb2_open_next(c);
}

static int on_stale_closed(smb2_client *c, const smb2_reply *reply)
{
    (void)reply; /* gone either way */
    c->file_stale = c->file_ok = false;
    return smb2_open_next(c);
}

/* ---- Messages ---- */

/* 3.3.5.15.11: STATUS_BUFFER_OVERFLOW brings data like success, and the rest
 * waits for a READ; whoever frames the data sees that it is not whole. */
static bool brings_data(uint32_t status)
{
    return status == STATUS_SUCCESS || status == STATUS_BUFFER_OVERFLOW;
}

static int on_data(smb2_client *c, const smb2_reply *reply, ns_reader data)
{
    if (!data.len || data.len > reply->request->max)
        return smb2_fail(c, NETSESSION_E_PROTOCOL,
                         "the pipe gave %zu bytes where 1 to %u were asked for", data.len,
                         (unsigned)reply->request->max);
    if (c->open && must_validate(c))
        return hold(c, data);
    c->open = true;
    c->data = data;
    c->event = SMB2_EV_DATA;
    return 0;
}

/* In a compound that failed half-way the message may have been delivered all
 * the same; the handle is not used again. */
static int transceive_failed(smb2_client *c, const smb2_reply *reply)
{
    if (!c->open && reply->request->chained)
        c->file_stale = c->file_ok;
    if (!c->open)
        return step_failed(c, reply, "the first message to the pipe");
    return smb2_fail_status(c, NETSESSION_E_REFUSED, reply, "the call through the pipe");
}

static bool validating(const smb2_client *c)
{
    for (int i = 0; i < SMB2_MAX_REQUESTS; i++)
        if (c->requests[i].done == on_validate)
            return true;
    return false;
}

static int on_transceived(smb2_client *c, const smb2_reply *reply)
{
    smb2_ioctl_response m;
    ns_reader body = reply->body;

    if (!brings_data(reply->header.status))
        return transceive_failed(c, reply);
    if (reply->request->chained && validating(c)) /* a compound is answered in order */
        return malformed(c, reply);
    if (!c->file_ok || !smb2_ioctl_response_get(&body, &m) ||
        m.ctl_code != SMB2_FSCTL_PIPE_TRANSCEIVE)
        return malformed(c, reply);
    return on_data(c, reply, m.output);
}

static int on_read(smb2_client *c, const smb2_reply *reply)
{
    ns_reader data, body = reply->body;

    if (!brings_data(reply->header.status))
        return smb2_fail_status(c, NETSESSION_E_REFUSED, reply, "reading from the pipe");
    if (!smb2_read_response_get(&body, &data))
        return malformed(c, reply);
    return on_data(c, reply, data);
}

static int on_written(smb2_client *c, const smb2_reply *reply)
{
    uint32_t count;
    ns_reader body = reply->body;

    if (reply->header.status)
        return smb2_fail_status(c, NETSESSION_E_REFUSED, reply, "writing to the pipe");
    if (!smb2_write_response_get(&body, &count) || count != reply->request->max)
        return malformed(c, reply);
    c->event = SMB2_EV_WRITTEN;
    return 0;
}

/* Where the opening compound left the negotiation unconfirmed, the question
 * goes along with the first call; its answer is waited for all the same. */
static int validate_along(smb2_client *c)
{
    if (validating(c))
        return 0;
    return must_validate(c) ? send_begun(c, begin_validate(c, false)) : 0;
}

int smb2_pipe_transceive(smb2_client *c, const uint8_t *data, size_t len)
{
    int rc = validate_along(c);

    return rc ? rc : send_begun(c, begin_transceive(c, data, len, false));
}

int smb2_pipe_write(smb2_client *c, const uint8_t *data, size_t len)
{
    int rc = validate_along(c);
    bool ok = !rc && smb2_request_begin(c, SMB2_WRITE, on_written, (uint32_t)len, false);

    if (rc)
        return rc;
    if (ok)
        smb2_write_request_put(&c->frame, c->file_id, data, len);
    return send_begun(c, ok);
}

int smb2_pipe_read(smb2_client *c)
{
    bool ok = smb2_request_begin(c, SMB2_READ, on_read, c->io_size, false);

    if (ok)
        smb2_read_request_put(&c->frame, c->file_id, c->io_size);
    return send_begun(c, ok);
}

/* ---- Closing ---- */

static int close_next(smb2_client *c);

/* Which of the three is done shows in the state; how it ended does not
 * matter any more, the connection goes either way. */
static int on_closed(smb2_client *c, const smb2_reply *reply)
{
    c->closed_file |= reply->header.command == SMB2_CLOSE;
    c->closed_tree |= reply->header.command == SMB2_TREE_DISCONNECT;
    c->closed_session |= reply->header.command == SMB2_LOGOFF;
    return close_next(c);
}

static bool begin_empty(smb2_client *c, unsigned command)
{
    if (!smb2_request_begin(c, command, on_closed, 0, false))
        return false;
    smb2_empty_put(&c->frame);
    return true;
}

static int close_next(smb2_client *c)
{
    bool all = !c->chain_refused && c->cfg->compound && c->credits >= 3;
    bool begun = false;

    if (smb2_client_waiting(c))
        return 0;
    if (c->file_ok && !c->closed_file)
        begun = begin_close(c, on_closed);
    if ((all || !begun) && c->tree_ok && !c->closed_tree)
        begun |= begin_empty(c, SMB2_TREE_DISCONNECT);
    if ((all || !begun) && c->session_id && !c->closed_session)
        begun |= begin_empty(c, SMB2_LOGOFF);
    if (begun)
        return send_begun(c, true);
    c->event = SMB2_EV_GOODBYE;
    return 0;
}

int smb2_goodbye(smb2_client *c)
{
    c->event = SMB2_EV_NONE;
    return close_next(c);
}
