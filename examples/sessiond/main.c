/* sessiond: the reference server on a real socket.  One process, one event
 * loop, many clients. */
#include <errno.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "auth/kerberos_server.h"
#include "examples/sessiond/options.h"
#include "examples/sessiond/users.h"

#define OWN_DESCRIPTORS 16

struct client {
    struct client *next, **at; /* in the list of all */
    struct daemon *daemon;
    struct event *event;
    ns_server_conn *conn;
    int fd;
    unsigned number;
};

struct daemon {
    options o;
    users *users;
    kerberos_acceptor *kerberos;
    ns_server *server;
    struct event_base *base;
    struct event *accept, *sigterm, *sigint;
    struct client *clients;
    unsigned count, number;
    int fd;
    bool broken; /* it cannot go on */
};

static uint64_t now_ms(void)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void say(const struct daemon *d, const struct client *c, const char *who,
                const char *line)
{
    if (d->o.quiet)
        return;
    if (c)
        printf("#%u %s: %s\n", c->number, who, line);
    else
        printf("%s\n", line);
    fflush(stdout);
}

static void on_log(void *ctx, const char *who, const char *line)
{
    const struct client *c = ctx;

    say(c->daemon, c, who, line);
}

/* To be called once at most, from the loop. */
static void give_up(struct daemon *d, const char *why)
{
    fprintf(stderr, "sessiond: %s\n", why);
    d->broken = true;
    event_base_loopbreak(d->base);
}

/* ---- Clients ---- */

static void drop(struct client *c)
{
    struct daemon *d = c->daemon;

    *c->at = c->next;
    if (c->next)
        c->next->at = c->at;
    ns_server_conn_free(c->conn);
    event_free(c->event);
    close(c->fd);
    free(c);
    if (d->count-- == d->o.max_connections && event_add(d->accept, NULL))
        give_up(d, "cannot wait for clients any more: out of memory");
}

/* 0, or -1 when the client is gone. */
static int transmit(struct client *c)
{
    size_t len;
    const uint8_t *p;

    while ((p = ns_server_conn_output(c->conn, &len)) != NULL && len) {
        ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);

        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
        ns_server_conn_output_ack(c->conn, (size_t)n);
    }
    return ns_server_conn_ended(c->conn) ? -1 : 0;
}

/* While a client leaves answers unread, nothing more is read from it. */
static int receive(struct client *c)
{
    size_t room, len = 0;
    void *p;
    ssize_t n;

    do {
        p = ns_server_conn_room(c->conn, &room);
        if (!p)
            return -1;
        n = recv(c->fd, p, room, 0);
        if (n <= 0)
            return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? 0
                                                                                        : -1;
        if (ns_server_conn_received(c->conn, (size_t)n, now_ms()))
            return -1;
        (void)ns_server_conn_output(c->conn, &len);
    } while (!len && !ns_server_conn_ended(c->conn));
    return 0;
}

static void on_client(evutil_socket_t fd, short what, void *ctx);

/* Waits for what the connection needs next; -1 when that cannot be. */
static int arm(struct client *c)
{
    struct timeval idle = {(time_t)c->daemon->o.idle, 0};
    size_t len;

    (void)ns_server_conn_output(c->conn, &len);
    event_del(c->event);
    if (event_assign(c->event, c->daemon->base, c->fd, len ? EV_WRITE : EV_READ, on_client, c))
        return -1;
    return event_add(c->event, c->daemon->o.idle ? &idle : NULL);
}

static void on_client(evutil_socket_t fd, short what, void *ctx)
{
    struct client *c = ctx;

    (void)fd;
    if (what & EV_TIMEOUT && !ns_server_conn_ended(c->conn)) {
        say(c->daemon, c, "", "idle too long");
        drop(c);
        return;
    }
    if ((what & EV_READ && receive(c)) || transmit(c) || arm(c))
        drop(c);
}

/* Not at once: the connection may be in the middle of a call. */
static void on_wake(void *ctx)
{
    struct client *c = ctx;

    event_active(c->event, EV_WRITE, 0);
}

static void address_of(const struct sockaddr_storage *a, socklen_t len, char *text, size_t size)
{
    if (getnameinfo((const struct sockaddr *)a, len, text, (socklen_t)size, NULL, 0,
                    NI_NUMERICHOST))
        snprintf(text, size, "?");
}

static struct client *client_new(struct daemon *d, int fd, const char *address)
{
    struct client *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->daemon = d;
    c->fd = fd;
    c->number = ++d->number;
    c->conn = ns_server_conn_new(d->server, address, c);
    c->event = event_new(d->base, fd, EV_READ, on_client, c);
    if (c->conn && c->event)
        return c;
    ns_server_conn_free(c->conn);
    if (c->event)
        event_free(c->event);
    free(c);
    return NULL;
}

static void add_client(struct daemon *d, struct client *c)
{
    c->next = d->clients;
    c->at = &d->clients;
    if (c->next)
        c->next->at = &c->next;
    d->clients = c;
    if (++d->count == d->o.max_connections)
        event_del(d->accept);
    if (arm(c))
        drop(c);
}

static void on_room(evutil_socket_t none, short what, void *ctx)
{
    struct daemon *d = ctx;

    (void)none;
    (void)what;
    if (d->count < d->o.max_connections && event_add(d->accept, NULL))
        give_up(d, "cannot wait for clients any more: out of memory");
}

/* The machine has no room for one more: who waits would be offered at once
 * again.  A second later there may be. */
static void wait_for_room(struct daemon *d, int why)
{
    const struct timeval second = {1, 0};

    if (why != EMFILE && why != ENFILE && why != ENOBUFS && why != ENOMEM)
        return;
    if (!event_base_once(d->base, -1, EV_TIMEOUT, on_room, d, &second))
        event_del(d->accept);
}

static void on_accept(evutil_socket_t listener, short what, void *ctx)
{
    struct daemon *d = ctx;
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    char address[64];
    int on = 1, fd = accept(listener, (struct sockaddr *)&peer, &len);
    struct client *c;

    (void)what;
    if (fd < 0) {
        wait_for_room(d, errno);
        return;
    }
    address_of(&peer, len, address, sizeof address);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c = evutil_make_socket_nonblocking(fd) ? NULL : client_new(d, fd, address);
    if (c)
        add_client(d, c);
    else
        close(fd);
}

/* ---- The daemon ---- */

/* Keeps errno, which is the reason. */
static int listen_at(const struct addrinfo *a)
{
    int on = 1, fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), why;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, 1024))
        return fd;
    why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* -1, and a sentence on standard error. */
static int listen_on(const options *o)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int fd = -1, rc;

    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    rc = getaddrinfo(o->host, o->port, &hints, &list);
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
        fd = listen_at(a);
    if (fd < 0)
        fprintf(stderr, "sessiond: cannot listen on %s port %s: %s\n", o->host, o->port,
                rc && rc != EAI_SYSTEM ? gai_strerror(rc) : strerror(errno));
    if (list)
        freeaddrinfo(list);
    return fd;
}

/* Who may log on, and how. */
static bool load_accounts(struct daemon *d)
{
    auth_server_params *auth = &d->o.server.smb.auth;
    netsession_error err = {0};

    d->users = users_load(d->o.users);
    if (!d->users)
        return false;
    auth->lookup = users_lookup;
    auth->lookup_ctx = d->users;
    if (d->o.keytab && kerberos_acceptor_new(&d->kerberos, d->o.keytab, &err)) {
        fprintf(stderr, "sessiond: %s\n", err.message);
        return false;
    }
    auth->kerberos = d->kerberos;
    return true;
}

/* Scripts wait for this line, and read the port from it. */
static bool announce(const struct daemon *d)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    char host[64], port[8];

    if (getsockname(d->fd, (struct sockaddr *)&a, &len) ||
        getnameinfo((struct sockaddr *)&a, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV)) {
        fprintf(stderr, "sessiond: cannot tell where it listens\n");
        return false;
    }
    printf("sessiond: ready on %s port %s\n", host, port);
    if (d->o.server.fill)
        printf("sessiond: %u of the sessions listed are made up (seed %u)\n", d->o.server.fill,
               (unsigned)d->o.server.seed);
    if (!fflush(stdout))
        return true;
    fprintf(stderr, "sessiond: cannot write where it listens: %s\n", strerror(errno));
    return false;
}

static void on_signal(evutil_socket_t sig, short what, void *ctx)
{
    struct daemon *d = ctx;

    (void)sig;
    (void)what;
    event_base_loopbreak(d->base);
}

/* Each client is a descriptor.  No more are accepted than there are, less some
 * for everything else: a client that cannot be accepted would be offered again
 * and again. */
static void raise_limit(options *o)
{
    struct rlimit limit, raised;
    rlim_t most;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    raised = limit;
    raised.rlim_cur = limit.rlim_max;
    most = setrlimit(RLIMIT_NOFILE, &raised) ? limit.rlim_cur : raised.rlim_cur;
    most = most > 2 * (rlim_t)OWN_DESCRIPTORS ? most - OWN_DESCRIPTORS : OWN_DESCRIPTORS;
    if (most < o->max_connections)
        o->max_connections = (unsigned)most;
}

static bool set_up(struct daemon *d)
{
    d->base = event_base_new();
    if (!d->base)
        return false;
    d->accept = event_new(d->base, d->fd, EV_READ | EV_PERSIST, on_accept, d);
    d->sigterm = evsignal_new(d->base, SIGTERM, on_signal, d);
    d->sigint = evsignal_new(d->base, SIGINT, on_signal, d);
    return d->accept && d->sigterm && d->sigint && !event_add(d->accept, NULL) &&
           !event_add(d->sigterm, NULL) && !event_add(d->sigint, NULL);
}

/* It ends already, and says how: one that came now would end it without a word. */
static void heed_no_signals(void)
{
    sigset_t ending;

    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    sigprocmask(SIG_BLOCK, &ending, NULL);
}

static void tear_down(struct daemon *d)
{
    heed_no_signals();
    for (struct client *c = d->clients, *next; c; c = next) {
        next = c->next;
        drop(c);
    }
    ns_server_free(d->server);
    kerberos_acceptor_free(d->kerberos);
    users_free(d->users);
    event_free(d->accept);
    event_free(d->sigterm);
    event_free(d->sigint);
    event_base_free(d->base);
    close(d->fd);
    libevent_global_shutdown();
}

/* All but the address. */
static bool start(struct daemon *d)
{
    d->o.server.wake = on_wake;
    d->o.server.log = d->o.quiet ? NULL : on_log;
    if (!evutil_make_socket_nonblocking(d->fd) && !ns_server_new(&d->server, &d->o.server) &&
        set_up(d))
        return true;
    fprintf(stderr, "sessiond: cannot start: out of memory or entropy\n");
    return false;
}

static int serve(struct daemon *d)
{
    if (event_base_dispatch(d->base) < 0)
        give_up(d, "cannot wait for clients");
    if (!d->broken)
        say(d, NULL, "", "sessiond: stopped");
    return d->broken;
}

int main(int argc, char **argv)
{
    static struct daemon d;
    int rc;

    options_parse(&d.o, argc, argv);
    raise_limit(&d.o);
    if (!load_accounts(&d))
        return 1;
    d.fd = listen_on(&d.o);
    if (d.fd < 0 || !start(&d))
        return 1;
    rc = announce(&d) ? serve(&d) : 1;
    tear_down(&d);
    return rc;
}
