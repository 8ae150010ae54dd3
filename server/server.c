#include "server/server.h"

#include <stdio.h>
#include <string.h>

#include "base/ntstatus.h"
#include "dcerpc/server.h"
#include "server/fill.h"
#include "server/table.h"

#define TRANSPORT_NAME             "\\Device\\NetBT_Tcpip"
#define SV_TYPE_WORKSTATION_SERVER 0x3u
#define ADDRESS_MAX                48

struct ns_server {
    ns_server_config cfg;
    smb2_server_config smb; /* what the connections share */
    srvsvc_backend backend;
    ns_table table;
    ns_fill_text text; /* strings of the made-up session looked at last */
    uint64_t now;      /* of the connection that was heard last */
    uint32_t next_group;
};

struct ns_server_conn {
    ns_server *server;
    void *ctx;
    smb2_server smb;
    uint32_t assoc_group; /* one for all pipes: clients name the first one's again */
    char address[ADDRESS_MAX];
};

/* A pipe: one association, and whose it is. */
struct pipe {
    rpc_service service;
    rpc_server rpc;
    smb2_session *session;
    ns_server *server;
};

/* ---- The table as srvsvc sees it ---- */

static void live_session(ns_server *server, const ns_entry *e, srvsvc_session *out)
{
    const smb2_session *s = e->session;

    *out = (srvsvc_session){.id = e->id,
                            .client = e->conn->address,
                            .user = s->user,
                            .client_type = "",
                            .transport = TRANSPORT_NAME,
                            .opens = s->opens,
                            .time = (uint32_t)((server->now - s->since) / 1000),
                            .idle = (uint32_t)((server->now - s->last) / 1000),
                            .flags = s->guest ? 1 : 0};
}

static bool backend_next(void *ctx, uint32_t after, srvsvc_session *out)
{
    ns_server *server = ctx;
    const ns_entry *e;

    if (after < server->cfg.fill) {
        ns_fill_make(server->cfg.seed, after + 1, &server->text, out);
        return true;
    }
    e = ns_table_after(&server->table, after);
    if (e)
        live_session(server, e, out);
    return e != NULL;
}

static uint32_t backend_count_after(void *ctx, uint32_t after)
{
    const ns_server *server = ctx;
    const ns_entry *e = ns_table_after(&server->table, after);
    size_t made_up = after < server->cfg.fill ? server->cfg.fill - after : 0;
    size_t live = e ? (size_t)(server->table.entries + server->table.count - e) : 0;

    return (uint32_t)(made_up + live);
}

static bool matches(const char *wanted, const char *name)
{
    return !wanted || srvsvc_name_equal(wanted, name);
}

/* The session is logged off and its connection closed, as Windows does. */
static void disconnect(ns_server *server, const ns_entry *e)
{
    ns_server_conn *conn = e->conn;

    conn->smb.ended = true;
    smb2_server_end_session(&conn->smb, e->session);
    if (server->cfg.wake)
        server->cfg.wake(conn->ctx);
}

static uint32_t backend_remove(void *ctx, const char *client, const char *user)
{
    ns_server *server = ctx;
    uint32_t id = 0, count = 0;
    ns_entry *e;

    while ((e = ns_table_after(&server->table, id)) != NULL) {
        ns_entry entry = *e;

        id = entry.id;
        if (!matches(client, entry.conn->address) || !matches(user, entry.session->user))
            continue;
        disconnect(server, &entry);
        count++;
    }
    return count;
}

/* ---- Pipes ---- */

static int on_call(void *ctx, const rpc_call *call, ns_writer *out, uint32_t *fault)
{
    struct pipe *pipe = ctx;
    ns_server *server = pipe->server;
    const smb2_session *s = pipe->session;
    const srvsvc_caller caller = {.admin = s->admin,
                                  .read = s->admin || (server->cfg.read_for_all && s->keyed)};
    const ndr_format format = {.ndr64 = call->ndr64, .big = call->big};
    const char *name = srvsvc_call_name(call->opnum);

    smb2_server_log(s->server, "%s by %s", name ? name : "an unknown call", s->user);
    return srvsvc_dispatch(&server->backend, &caller, &server->cfg.hooks, call->opnum,
                           call->stub, format, out, fault);
}

static uint32_t pipe_open(void *ctx, smb2_session *session, const char *name, void **out)
{
    ns_server_conn *conn = ctx;
    ns_server *server = conn->server;
    struct pipe *pipe;

    if (strcmp(name, "srvsvc") != 0 && !server->cfg.any_name)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    *out = pipe = ns_alloc(&server->cfg.hooks, sizeof *pipe);
    if (!pipe)
        return STATUS_INSUFFICIENT_RESOURCES;
    pipe->session = session;
    pipe->server = server;
    pipe->service = (rpc_service){.iface = srvsvc_interface,
                                  .secondary_address = "\\PIPE\\srvsvc",
                                  .call = on_call,
                                  .ctx = pipe};
    rpc_server_init(&pipe->rpc, &server->cfg.hooks, &pipe->service, 1, server->cfg.syntaxes,
                    conn->assoc_group);
    return 0;
}

static int pipe_write(void *pipe, const uint8_t *bytes, size_t len)
{
    return rpc_server_input(&((struct pipe *)pipe)->rpc, bytes, len);
}

static const uint8_t *pipe_output(void *pipe, size_t *len)
{
    return rpc_server_output(&((struct pipe *)pipe)->rpc, len);
}

static void pipe_output_ack(void *pipe, size_t n)
{
    rpc_server_output_ack(&((struct pipe *)pipe)->rpc, n);
}

static bool pipe_ended(void *pipe)
{
    return rpc_server_ended(&((struct pipe *)pipe)->rpc);
}

static void pipe_close(void *p)
{
    struct pipe *pipe = p;
    const netsession_hooks *hooks = &pipe->server->cfg.hooks;

    rpc_server_free(&pipe->rpc);
    ns_free(hooks, pipe, sizeof *pipe);
}

/* ---- Sessions ---- */

/* 3.3.1.3: 64 bits that nobody can guess, and never 0. */
static uint64_t session_id(void *ctx)
{
    ns_server_conn *conn = ctx;
    const netsession_hooks *hooks = &conn->server->cfg.hooks;
    uint64_t id = 0;

    if (hooks->entropy(hooks->ctx, &id, sizeof id))
        return 0;
    return id == UINT64_MAX ? 1 : id;
}

/* The entry's number is kept where the session can find it again. */
static bool logged_on(void *ctx, smb2_session *session)
{
    ns_server_conn *conn = ctx;

    session->owner = ns_table_add(&conn->server->table, session, conn);
    if (session->owner)
        smb2_server_log(&conn->smb, "%s%s%s logged on%s", session->domain,
                        *session->domain ? "\\" : "", session->user,
                        session->admin ? ", an administrator" : "");
    return session->owner != 0;
}

static void logged_off(void *ctx, smb2_session *session)
{
    ns_server_conn *conn = ctx;

    ns_table_remove(&conn->server->table, session->owner);
    smb2_server_log(&conn->smb, "%s logged off", session->user);
}

static bool same_user(const smb2_session *a, const smb2_session *b)
{
    return !a->anonymous && srvsvc_name_equal(a->user, b->user) &&
           srvsvc_name_equal(a->domain, b->domain);
}

static void replaced(void *ctx, uint64_t id, const smb2_session *by)
{
    ns_server_conn *conn = ctx;
    const ns_table *t = &conn->server->table;

    for (size_t i = 0; i < t->count; i++) {
        smb2_session *old = t->entries[i].session;

        if (old->id == id && same_user(old, by)) {
            smb2_server_end_session(old->server, old);
            return;
        }
    }
}

static void log_line(void *ctx, const char *line)
{
    ns_server_conn *conn = ctx;

    if (conn->server->cfg.log)
        conn->server->cfg.log(conn->ctx, conn->address, line);
}

static const smb2_server_ops ops = {.session_id = session_id,
                                    .logged_on = logged_on,
                                    .logged_off = logged_off,
                                    .replaced = replaced,
                                    .open = pipe_open,
                                    .write = pipe_write,
                                    .output = pipe_output,
                                    .output_ack = pipe_output_ack,
                                    .ended = pipe_ended,
                                    .close = pipe_close,
                                    .log = log_line};

/* ---- The server ---- */

static void fill_in(ns_server *server)
{
    server->smb = server->cfg.smb;
    server->smb.hooks = &server->cfg.hooks;
    server->smb.auth.hooks = &server->cfg.hooks;
    server->smb.ops = &ops;
    server->backend = (srvsvc_backend){.ctx = server,
                                       .next = backend_next,
                                       .count_after = backend_count_after,
                                       .remove = backend_remove,
                                       .name = server->cfg.smb.auth.netbios_computer,
                                       .comment = server->cfg.comment,
                                       .version_major = 10,
                                       .type = SV_TYPE_WORKSTATION_SERVER};
}

int ns_server_new(ns_server **out, const ns_server_config *cfg)
{
    netsession_hooks hooks;
    ns_server *server;

    ns_hooks_fill(&hooks, &cfg->hooks);
    server = ns_alloc(&hooks, sizeof *server);
    *out = server;
    if (!server)
        return NETSESSION_E_MEMORY;
    server->cfg = *cfg;
    server->cfg.hooks = hooks;
    fill_in(server);
    ns_table_init(&server->table, &server->cfg.hooks, cfg->fill + 1);
    if (!hooks.entropy(hooks.ctx, server->smb.guid, sizeof server->smb.guid))
        return 0;
    ns_server_free(server);
    *out = NULL;
    return NETSESSION_E_CRYPTO;
}

void ns_server_free(ns_server *server)
{
    netsession_hooks hooks;

    if (!server)
        return;
    hooks = server->cfg.hooks;
    ns_table_free(&server->table);
    ns_free(&hooks, server, sizeof *server);
}

uint32_t ns_server_sessions(const ns_server *server)
{
    return (uint32_t)server->table.count;
}

/* ---- One connection ---- */

ns_server_conn *ns_server_conn_new(ns_server *server, const char *address, void *conn_ctx)
{
    ns_server_conn *conn = ns_alloc(&server->cfg.hooks, sizeof *conn);

    if (!conn)
        return NULL;
    conn->server = server;
    conn->ctx = conn_ctx;
    conn->assoc_group = ++server->next_group;
    snprintf(conn->address, sizeof conn->address, "%s", address);
    smb2_server_init(&conn->smb, &server->smb, conn);
    return conn;
}

void ns_server_conn_free(ns_server_conn *conn)
{
    if (!conn)
        return;
    smb2_server_free(&conn->smb);
    ns_free(&conn->server->cfg.hooks, conn, sizeof *conn);
}

void *ns_server_conn_room(ns_server_conn *conn, size_t *room)
{
    return smb2_server_room(&conn->smb, room);
}

int ns_server_conn_received(ns_server_conn *conn, size_t n, uint64_t now)
{
    conn->server->now = now;
    return smb2_server_received(&conn->smb, n, now);
}

const uint8_t *ns_server_conn_output(const ns_server_conn *conn, size_t *len)
{
    return smb2_server_output(&conn->smb, len);
}

void ns_server_conn_output_ack(ns_server_conn *conn, size_t n)
{
    smb2_server_output_ack(&conn->smb, n);
}

bool ns_server_conn_ended(const ns_server_conn *conn)
{
    return smb2_server_ended(&conn->smb);
}
