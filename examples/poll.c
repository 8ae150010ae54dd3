/*
 * Several servers at once in a poll(2) loop: poll ADDRESS[:PORT]...
 * (numeric: looking up a name would block).  USER and PASSWD say who asks.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netsession.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A socket on its way to the server, or -1; recv tells later how that went. */
static int dial(const netsession *ns)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *a;
    char port[16];
    int fd;

    snprintf(port, sizeof port, "%u", netsession_port(ns));
    if (getaddrinfo(netsession_host(ns), port, &hints, &a) != 0)
        return -1;
    fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
    if (fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
        (void)connect(fd, a->ai_addr, a->ai_addrlen); /* poll tells what became of it */
    freeaddrinfo(a);
    return fd;
}

static int failed; /* one of the servers did */

/* Once logged on: one question, its answer, the end. */
static int on_event(netsession *ns, const netsession_event *event)
{
    const netsession_query query = {.level = 1, .preferred_length = NETSESSION_NO_LIMIT};
    netsession_row row;

    if (event->type == NETSESSION_EV_READY)
        return netsession_query_start(ns, &query, now());
    if (event->type == NETSESSION_EV_FAILED || event->type == NETSESSION_EV_REFUSED) {
        fprintf(stderr, "%s: %s\n", netsession_host(ns), netsession_last_error(ns)->message);
        failed = 1;
    }
    for (uint32_t i = 0; event->page && i < netsession_page_count(event->page); i++) {
        netsession_page_row(event->page, i, &row);
        printf("%s\t%s\n", netsession_host(ns), row.client ? row.client : "-");
    }
    netsession_page_free(event->page);
    return netsession_wants(ns) & NETSESSION_CLOSED ? 0 : netsession_shutdown(ns, now());
}

/* Bytes in both directions, as far as the socket goes along. */
static void transfer(netsession *ns, int fd)
{
    const void *out;
    void *in;
    size_t len;
    ssize_t n;

    if (netsession_wants(ns) & NETSESSION_WRITE) {
        out = netsession_output(ns, &len);
        if ((n = send(fd, out, len, MSG_NOSIGNAL)) > 0)
            netsession_output_ack(ns, (size_t)n);
    }
    if (netsession_wants(ns) & NETSESSION_READ) {
        in = netsession_input(ns, &len);
        if ((n = recv(fd, in, len, 0)) > 0)
            netsession_input_ack(ns, (size_t)n);
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
            netsession_input_eof(ns);
    }
}

/* With Kerberos a KDC is asked, which blocks: a program that must not wait runs
 * the work on another thread. */
static void do_work(netsession *ns)
{
    netsession_work *work = netsession_take_work(ns);

    netsession_work_run(work);
    netsession_work_done(ns, work);
}

/* One turn for one server; gives its next deadline.  At the end fd is -1. */
static uint64_t serve(netsession *ns, struct pollfd *p)
{
    netsession_event event;

    if (p->revents)
        transfer(ns, p->fd);
    if (netsession_wants(ns) & NETSESSION_WORK)
        do_work(ns);
    netsession_tick(ns, now());
    while (netsession_next_event(ns, &event) == 1 && on_event(ns, &event) == 0)
        ;
    p->events = netsession_wants(ns) & NETSESSION_WRITE ? POLLIN | POLLOUT : POLLIN;
    if (!(netsession_wants(ns) & NETSESSION_CLOSED))
        return netsession_deadline(ns);
    close(p->fd);
    p->fd = -1;
    return UINT64_MAX;
}

int main(int argc, char **argv)
{
    static struct pollfd p[64];
    netsession *ns[64];
    netsession_config *cfg = argc > 1 && argc <= 65 ? netsession_config_new(NULL) : NULL;
    int n = argc - 1;

    if (!cfg)
        return 2;
    if (netsession_config_environment(cfg) != 0) {
        fprintf(stderr, "%s\n", netsession_config_error(cfg)->message);
        failed = 1;
        n = 0;
    }
    for (int i = 0; i < n; i++)
        if (netsession_new(&ns[i], cfg, argv[i + 1]) != 0 || (p[i].fd = dial(ns[i])) < 0 ||
            netsession_start(ns[i], now()) != 0)
            return fprintf(stderr, "%s: not a numeric address\n", argv[i + 1]), 1;
    for (uint64_t next = 0, t = 0, d; next != UINT64_MAX; t = now()) {
        poll(p, (nfds_t)n, next > t ? (int)(next - t) : 0);
        next = UINT64_MAX;
        for (int i = 0; i < n; i++)
            if (p[i].fd >= 0 && (d = serve(ns[i], &p[i])) < next)
                next = d;
    }
    while (n)
        netsession_free(ns[--n]);
    netsession_config_free(cfg);
    return failed;
}
