#include "netapi/conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf.h"

#define HOST_MAX 255 /* of a DNS name, RFC 1035 */

/* ---- Target ---- */

/* "[v6]:port", "host:port", "host"; a bare IPv6 address has many colons. */
static const char *split_target(const char *s, size_t *host_len)
{
    const char *close = *s == '[' ? strchr(s, ']') : NULL;
    const char *colon = close ? close + 1 : strchr(s, ':');

    if (close)
        *host_len = (size_t)(close - s) - 1;
    else if (colon && !strchr(colon + 1, ':'))
        *host_len = (size_t)(colon - s);
    else
        *host_len = strlen(s);
    if (!close && (!colon || strchr(colon + 1, ':')))
        return NULL;
    return colon;
}

static bool parse_port(const char *s, unsigned *port)
{
    char *end;
    unsigned long v;

    if (*s < '0' || *s > '9')
        return false;
    v = strtoul(s, &end, 10);
    *port = (unsigned)v;
    return !*end && v >= 1 && v <= 65535;
}

/* Of a name or an address; it goes into service names and UNC paths, where the
 * others mean something. */
static bool is_host(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] <= ' ' || strchr("\\/[]@\x7F", s[i]))
            return false;
    return len > 0 && len <= HOST_MAX;
}

static int parse_target(netsession *ns, const char *target)
{
    const netsession_hooks *hooks = &ns->cfg.hooks;
    const char *s = target + strspn(target, "\\"), *colon;
    size_t len;

    if (*s == '[' && !strchr(s, ']'))
        return NETSESSION_E_ARGUMENT;
    colon = split_target(s, &len);
    s += *s == '[';
    ns->port = ns->cfg.port;
    if (colon && *colon && (*colon != ':' || !parse_port(colon + 1, &ns->port)))
        return NETSESSION_E_ARGUMENT;
    if (!is_host(s, len))
        return NETSESSION_E_ARGUMENT;
    ns->host = ns_strdup(hooks, s, len);
    if (!ns->host)
        return NETSESSION_E_MEMORY;
    return ns_utf16_len(ns->host) == NS_UTF_BAD ? NETSESSION_E_ARGUMENT : 0;
}

static int make_target_name(netsession *ns)
{
    const char *given = ns->cfg.target_name;
    char spn[HOST_MAX + 8];

    if (!given)
        snprintf(spn, sizeof spn, "cifs/%s", ns->host);
    given = given ? given : spn;
    ns->target_name = ns_strdup(&ns->cfg.hooks, given, strlen(given));
    return ns->target_name ? 0 : NETSESSION_E_MEMORY;
}

/* ---- Life ---- */

int netsession_new(netsession **out, const netsession_config *cfg, const char *target)
{
    netsession *ns = ns_alloc_secret(&cfg->hooks, sizeof *ns); /* with the keys */
    int rc;

    *out = NULL;
    if (!ns)
        return NETSESSION_E_MEMORY;
    rc = ns_config_copy(&ns->cfg, cfg);
    if (rc) {
        ns_free(&cfg->hooks, ns, sizeof *ns);
        return rc;
    }
    ns->fd = -1;
    ns->deadline = UINT64_MAX;
    rc = parse_target(ns, target);
    if (!rc)
        rc = make_target_name(ns);
    ns->cfg.smb.host = ns->host;
    smb2_client_init(&ns->smb, &ns->cfg.hooks, &ns->cfg.smb, NULL, &ns->err);
    rpc_client_init(&ns->rpc, &ns->cfg.hooks, &srvsvc_interface, ns->cfg.syntaxes,
                    ns->cfg.max_reply);
    if (rc)
        netsession_free(ns);
    else
        *out = ns;
    return rc;
}

/* Everything but the error and the target: keys and secrets above all. */
static void release(netsession *ns)
{
    if (ns->state == NS_CLOSED)
        return;
    rpc_client_free(&ns->rpc);
    smb2_client_free(&ns->smb);
    ns_logon_free(&ns->logon);
    ns_strfree(&ns->cfg.hooks, ns->cfg.password);
    ns->cfg.password = NULL;
    netsession_page_free(ns->event.page);
    ns->event = (netsession_event){0, NULL};
    ns->deadline = UINT64_MAX;
    ns->state = NS_CLOSED;
}

void netsession_free(netsession *ns)
{
    netsession_hooks hooks;

    if (!ns)
        return;
    ns_driver_close(ns);
    release(ns);
    netsession_page_free(ns->event.page);
    hooks = ns->cfg.hooks;
    ns_strfree(&hooks, ns->host);
    ns_strfree(&hooks, ns->target_name);
    ns_config_clear(&ns->cfg);
    ns_free(&hooks, ns, sizeof *ns);
}

const netsession_error *netsession_last_error(const netsession *ns)
{
    return ns->err.code ? &ns->err : &ns->refused;
}

const char *netsession_host(const netsession *ns)
{
    return ns->host;
}

unsigned netsession_port(const netsession *ns)
{
    return ns->port;
}

static void post(netsession *ns, int type)
{
    ns->event.type = type;
    ns->deadline = UINT64_MAX;
}

/* The first error was recorded; from here on the connection is poisoned. */
static int poison(netsession *ns)
{
    release(ns);
    post(ns, NETSESSION_EV_FAILED);
    return ns->err.code;
}

int ns_conn_fail(netsession *ns, int code, const char *layer, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    ns_fail(&ns->err, code, layer, "%s", text);
    return poison(ns);
}

int ns_conn_checked(netsession *ns, int rc)
{
    return rc < 0 ? poison(ns) : rc;
}

/* ---- What came through the pipe ---- */

static void clear_refused(netsession *ns)
{
    memset(&ns->refused, 0, sizeof ns->refused);
}

/* The server said no to this call; the association is as good as before. */
static int refuse(netsession *ns, const netsession_error *why)
{
    ns->refused = *why;
    ns->state = NS_READY;
    post(ns, NETSESSION_EV_REFUSED);
    return 0;
}

static int on_bound(netsession *ns)
{
    ns_logon_end(ns);
    ns->state = NS_READY;
    post(ns, NETSESSION_EV_READY);
    return 0;
}

/* A page against the reply that it is made of: at most a null pointer (4 bytes in
 * NDR32) becomes one of 8, and a UTF-16 unit 3 bytes of UTF-8. */
#define PAGE_TO_REPLY 2

static int on_reply(netsession *ns)
{
    ns_reader stub = rpc_client_reply(&ns->rpc);
    ndr_format format = {.ndr64 = rpc_client_ndr64(&ns->rpc), .big = stub.big};
    netsession_error err = {0};
    netsession_page *page = NULL;
    int rc =
        srvsvc_session_enum_decode_out(&ns->cfg.hooks, stub.base, stub.len, format, ns->level,
                                       PAGE_TO_REPLY * ns->cfg.max_reply, &page, &err);

    if (rc == NETSESSION_E_REFUSED)
        return refuse(ns, &err);
    if (rc) {
        ns->err = err;
        return poison(ns);
    }
    ns->state = NS_READY;
    ns->event.page = page;
    post(ns, NETSESSION_EV_PAGE);
    return 0;
}

static int on_pipe_data(netsession *ns)
{
    netsession_error err = {0};
    int rc = rpc_client_input(&ns->rpc, ns->smb.data.base, ns->smb.data.len, &err);

    if (rc == RPC_MORE)
        return ns_conn_checked(ns, smb2_pipe_read(&ns->smb));
    if (rc == RPC_BOUND)
        return on_bound(ns);
    if (rc == RPC_REPLY)
        return on_reply(ns);
    if (ns->state == NS_CALLING && rpc_client_usable(&ns->rpc))
        return refuse(ns, &err);
    ns->err = err;
    return poison(ns);
}

/* ---- Calls ---- */

/* All fragments but the last are written; the last is a transceive, whose
 * answer is the reply's first. */
static int send_fragment(netsession *ns)
{
    ns_writer pdu;
    int rc;

    ns_writer_init(&pdu, &ns->cfg.hooks, UINT16_MAX);
    rc = rpc_client_next_fragment(&ns->rpc, &pdu, &ns->err);
    if (rc >= 0)
        rc = rc ? smb2_pipe_write(&ns->smb, pdu.p, pdu.len)
                : smb2_pipe_transceive(&ns->smb, pdu.p, pdu.len);
    ns_writer_free(&pdu);
    return ns_conn_checked(ns, rc);
}

static int on_goodbye(netsession *ns)
{
    release(ns);
    post(ns, NETSESSION_EV_GOODBYE);
    return 0;
}

static int on_nothing(netsession *ns)
{
    (void)ns;
    return 0;
}

static int (*const on_smb2_event[])(netsession *) = {
    [SMB2_EV_NONE] = on_nothing,
    [SMB2_EV_DATA] = on_pipe_data,
    [SMB2_EV_WRITTEN] = send_fragment,
    [SMB2_EV_GOODBYE] = on_goodbye,
};

int ns_conn_misuse(netsession *ns, const char *what)
{
    netsession_error err = {0};

    ns_fail(&err, NETSESSION_E_STATE, NS_LAYER_ARGUMENT, "%s", what);
    if (!ns->err.code)
        ns->refused = err;
    return ns->err.code ? ns->err.code : NETSESSION_E_STATE;
}

static void set_deadline(netsession *ns, uint64_t now)
{
    uint64_t room = UINT64_MAX - now;

    ns->deadline = ns->cfg.timeout < room ? now + ns->cfg.timeout : UINT64_MAX;
}

int netsession_start(netsession *ns, uint64_t now)
{
    ns_writer bind;
    int rc;

    if (ns->state != NS_NEW)
        return ns_conn_misuse(ns, "the connection was started already");
    ns->state = NS_OPENING;
    set_deadline(ns, now);
    ns_writer_init(&bind, &ns->cfg.hooks, UINT16_MAX);
    rc = ns_logon_begin(ns);
    if (!rc)
        rc = rpc_client_bind(&ns->rpc, &bind, &ns->err);
    if (!rc)
        rc = smb2_client_start(&ns->smb, bind.p, bind.len);
    ns_writer_free(&bind);
    return ns_conn_checked(ns, rc);
}

void netsession_query_init(netsession_query *query)
{
    *query = (netsession_query){.level = NETSESSION_LEVEL_AUTO,
                                .preferred_length = NETSESSION_NO_LIMIT};
}

static int encode_query(netsession *ns, const netsession_query *query, ns_writer *stub,
                        netsession_error *err)
{
    char server[HOST_MAX + 3];
    srvsvc_session_enum_in in = {.server = server,
                                 .client = query->client,
                                 .user = query->user,
                                 .level = query->level,
                                 .preferred_length = query->preferred_length,
                                 .resume = query->resume,
                                 .has_resume = !query->no_resume};

    snprintf(server, sizeof server, "\\\\%s", ns->host);
    return srvsvc_session_enum_encode_in(&in, rpc_client_ndr64(&ns->rpc), stub, err);
}

/* A query that cannot be sent leaves the connection as it was. */
int netsession_query_start(netsession *ns, const netsession_query *query, uint64_t now)
{
    netsession_error err = {0};
    ns_writer stub;
    int rc;

    if (ns->state != NS_READY || ns->event.type)
        return ns_conn_misuse(ns, "a query needs a connection that is ready and idle");
    clear_refused(ns);
    ns_writer_init(&stub, &ns->cfg.hooks, 65536);
    rc = encode_query(ns, query, &stub, &err);
    if (!rc)
        rc = rpc_client_call(&ns->rpc, SRVSVC_SESSION_ENUM, stub.p, stub.len, &err);
    ns_writer_free(&stub);
    if (rc) {
        ns->refused = err;
        return rc;
    }
    ns->level = query->level;
    ns->state = NS_CALLING;
    set_deadline(ns, now);
    return send_fragment(ns);
}

int netsession_shutdown(netsession *ns, uint64_t now)
{
    int rc;

    if (ns->state != NS_READY)
        return ns_conn_misuse(
            ns, "only a connection that is ready and idle can be closed in good order");
    netsession_page_free(ns->event.page);
    ns->event = (netsession_event){0, NULL};
    ns->state = NS_CLOSING;
    set_deadline(ns, now);
    rc = ns_conn_checked(ns, smb2_goodbye(&ns->smb));
    return rc ? rc : on_smb2_event[ns->smb.event](ns);
}

/* ---- Bytes ---- */

/* Derived, never stored. */
unsigned netsession_wants(const netsession *ns)
{
    unsigned want = ns->event.type ? NETSESSION_EVENT : 0;

    if (ns->state == NS_CLOSED)
        return want | NETSESSION_CLOSED;
    if (ns->smb.out.len)
        want |= NETSESSION_WRITE;
    if (smb2_client_waiting(&ns->smb))
        want |= NETSESSION_READ;
    if (ns->logon.work)
        want |= NETSESSION_WORK;
    return want;
}

const void *netsession_output(const netsession *ns, size_t *len)
{
    *len = ns->state == NS_CLOSED ? 0 : ns->smb.out.len;
    return ns->smb.out.p;
}

int netsession_output_ack(netsession *ns, size_t len)
{
    if (ns->state == NS_CLOSED || len > ns->smb.out.len)
        return ns_conn_misuse(ns, "more was acknowledged than there was to send");
    ns_writer_drop(&ns->smb.out, len);
    return 0;
}

void *netsession_input(netsession *ns, size_t *room)
{
    void *p = NULL;

    *room = 0;
    if (ns->state == NS_CLOSED)
        return NULL;
    p = smb2_client_room(&ns->smb, room);
    if (!p)
        ns_conn_fail(ns, NETSESSION_E_MEMORY, NS_LAYER_SMB2, "out of memory");
    return p;
}

int netsession_input_ack(netsession *ns, size_t len)
{
    int rc;

    if (ns->state == NS_CLOSED || ns->state == NS_NEW)
        return ns_conn_misuse(ns, "the connection expects nothing");
    rc = smb2_client_received(&ns->smb, len);
    return rc < 0 ? poison(ns) : on_smb2_event[ns->smb.event](ns);
}

static const char *const doing[] = {
    [NS_NEW] = "being connected",    [NS_OPENING] = "logging on",
    [NS_READY] = "being idle",       [NS_CALLING] = "waiting for the answer",
    [NS_CLOSING] = "saying goodbye", [NS_CLOSED] = "being closed",
};

int netsession_input_eof(netsession *ns)
{
    if (ns->state == NS_CLOSED)
        return ns->err.code;
    if (ns->state == NS_CLOSING)
        return on_goodbye(ns);
    return ns_conn_fail(ns, NETSESSION_E_IO, NS_LAYER_TCP,
                        "the server closed the connection while %s%s", doing[ns->state],
                        ns->smb.dialect ? "" : "; does it speak SMB2 on this port?");
}

uint64_t netsession_deadline(const netsession *ns)
{
    return ns->deadline;
}

int netsession_tick(netsession *ns, uint64_t now)
{
    if (ns->state == NS_CLOSED || now < ns->deadline)
        return 0;
    if (ns->logon.taken)
        return ns_conn_fail(ns, NETSESSION_E_TIMEOUT, NS_LAYER_KERBEROS,
                            "no KDC gave a ticket within %u ms; check krb5.conf, DNS and the "
                            "firewall, or leave Kerberos out",
                            ns->cfg.timeout);
    return ns_conn_fail(ns, NETSESSION_E_TIMEOUT, NS_LAYER_TCP,
                        "the server did not answer within %u ms while %s", ns->cfg.timeout,
                        doing[ns->state]);
}

int netsession_next_event(netsession *ns, netsession_event *event)
{
    *event = ns->event;
    ns->event = (netsession_event){0, NULL};
    return event->type != 0;
}

/* ---- What was negotiated ---- */

void netsession_get_info(const netsession *ns, netsession_info *out)
{
    const smb2_client *c = &ns->smb;
    bool guest = (c->session_flags & SMB2_SESSION_GUEST) != 0;

    *out = (netsession_info){0};
    out->dialect = c->dialect;
    out->exchanges = c->exchanges;
    if (!c->dialect)
        return;
    out->dialect_name = smb2_dialect_name(c->dialect);
    out->signing_required = (c->server_security_mode & SMB2_SIGNING_REQUIRED) != 0;
    out->compound = c->chain_tried && !c->chain_refused && c->cfg->compound;
    if (c->secured) {
        out->signing = smb2_signing_name(c->signing);
        out->cipher = c->encrypting ? smb2_cipher_name(c->cipher) : NULL;
    }
    if (ns->logon.mech)
        out->auth = c->secured ? ns->logon.mech : guest ? "guest" : "anonymous";
    out->auth_why = ns->logon.why;
    if (c->open)
        out->syntax = rpc_client_syntax_name(&ns->rpc);
}
