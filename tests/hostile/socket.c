/* A fault over TCP: the liar in a thread behind a listening socket, the
 * client's blocking calls here. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/hostile/hostile.h"

#define SAMPLES      6     /* of a sweep */
#define PATIENCE     10000 /* ms, for what must not take the deadline */
#define SHORT        250   /* ms, for what must */
#define SLOW_BYTE_MS 20    /* in place of a second */

struct host {
    liar l;
    int listener, fd;
    unsigned port;
    pthread_t thread;
    bool shut;
};

#define OK(call) MUST(!(call))

/* ---- The server's thread ---- */

static void end_with(struct host *h, enum ending e)
{
    const struct linger hard = {1, 0};

    if (e == RESETS)
        (void)setsockopt(h->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    if (e == HALF_CLOSES && !h->shut)
        (void)shutdown(h->fd, SHUT_WR);
    h->shut = true;
    if (e == RESETS || e == CLOSES) {
        close(h->fd);
        h->fd = -1;
    }
}

/* False: the client is gone. */
static bool hear(struct host *h)
{
    static uint8_t bytes[65536];
    ssize_t n = recv(h->fd, bytes, sizeof bytes, 0);

    if (n > 0)
        liar_received(&h->l, bytes, (size_t)n);
    return n > 0 || (n < 0 && errno == EINTR);
}

static bool speak(struct host *h)
{
    size_t len;
    const uint8_t *p = liar_output(&h->l, &len);
    ssize_t n = send(h->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    liar_output_ack(&h->l, (size_t)n);
    if (h->l.pace_ms)
        poll(NULL, 0, SLOW_BYTE_MS);
    return true;
}

/* One turn; false: it is over. */
static bool turn(struct host *h)
{
    struct pollfd p = {.fd = h->fd, .events = POLLIN};
    enum ending e = liar_ending(&h->l);
    size_t len;

    (void)liar_output(&h->l, &len);
    if (!len && e != STAYS && e != FALLS_SILENT && !h->shut)
        end_with(h, e);
    if (h->fd < 0)
        return false;
    if (!len && e == STAYS && h->l.more)
        h->l.more(&h->l);
    if (len)
        p.events |= POLLOUT;
    if (poll(&p, 1, h->l.more ? 1 : 1000) < 0)
        return errno == EINTR;
    if (p.revents & (POLLIN | POLLHUP | POLLERR) && !hear(h))
        return false;
    return !(p.revents & POLLOUT) || speak(h);
}

static void *serve(void *arg)
{
    struct host *h = arg;
    int on = 1;

    h->fd = accept(h->listener, NULL, NULL);
    if (h->fd < 0)
        return NULL;
    (void)setsockopt(h->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (turn(h))
        ;
    if (h->fd >= 0)
        close(h->fd);
    return NULL;
}

static void host_start(struct host *h)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;

    h->listener = socket(AF_INET, SOCK_STREAM, 0);
    MUST(h->listener >= 0);
    OK(bind(h->listener, (struct sockaddr *)&a, sizeof a));
    OK(listen(h->listener, 1));
    OK(getsockname(h->listener, (struct sockaddr *)&a, &len));
    h->port = ntohs(a.sin_port);
    OK(pthread_create(&h->thread, NULL, serve, h));
}

static void host_stop(struct host *h)
{
    OK(pthread_join(h->thread, NULL));
    close(h->listener);
}

/* ---- The client ---- */

/* All rows of a list, which must not end as if it were whole. */
static int ask_list(netsession *ns, result *r)
{
    netsession_query q;
    netsession_list *list;
    netsession_row row;
    int rc;

    netsession_query_init(&q);
    q.level = 10;
    rc = netsession_list_new(&list, ns, &q);
    while (!rc && (rc = netsession_list_next(list, &row)) == 1)
        rc = 0;
    netsession_list_free(list);
    (void)r;
    return rc;
}

static int ask_page(netsession *ns, const struct host *h, result *r)
{
    netsession_page *page = NULL;
    netsession_query q;
    int rc;

    netsession_query_init(&q);
    q.level = 10;
    rc = netsession_enum(ns, &q, &page);
    if (!rc)
        check_page(r, &h->l, page);
    netsession_page_free(page);
    return rc;
}

static enum outcome outcome_of(int rc, const netsession *ns)
{
    if (!rc)
        return PAGE;
    return netsession_wants(ns) & NETSESSION_CLOSED ? FAILS : REFUSED;
}

static void check_later(netsession *ns, const struct host *h, enum outcome outcome, result *r)
{
    int code = netsession_last_error(ns)->code;
    int rc = ask_page(ns, h, r);

    if (outcome == FAILS && rc != code)
        result_broken(r, "a call after its error has another answer");
    if (outcome == REFUSED && rc)
        result_broken(r, "after the refusal the connection does not go on");
}

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void use(netsession *ns, const struct host *h, result *r)
{
    enum outcome outcome;
    netsession_error err;
    int rc = netsession_connect(ns);

    if (!rc)
        rc = h->l.f->list ? ask_list(ns, r) : ask_page(ns, h, r);
    if (!rc && h->l.f->rude)
        rc = netsession_close(ns);
    outcome = outcome_of(rc, ns);
    err = *netsession_last_error(ns);
    if (rc && err.code != rc)
        result_broken(r, "returned %d, but the error is %d", rc, err.code);
    result_add(r, outcome, &err);
    if (outcome != PAGE)
        check_later(ns, h, outcome, r);
    if (outcome != FAILS && netsession_close(ns))
        result_broken(r, "it cannot leave in good order");
}

static bool waits(const fault *f, bool sealed)
{
    return f->code == NETSESSION_E_TIMEOUT || f->also == NETSESSION_E_TIMEOUT ||
           (sealed && f->sealed == NETSESSION_E_TIMEOUT);
}

static void one_run(const fault *f, bool sealed, unsigned at, result *r)
{
    static struct host h;
    test_heap heap;
    netsession_hooks hooks;
    netsession_config *cfg;
    netsession *ns;
    char target[32];
    uint64_t start;

    memset(&h, 0, sizeof h);
    test_heap_hooks(&heap, &hooks);
    liar_init(&h.l, f, sealed, at);
    host_start(&h);
    cfg = hostile_config(f, sealed, &hooks);
    OK(netsession_config_timeout(cfg, waits(f, sealed) ? SHORT : PATIENCE));
    snprintf(target, sizeof target, "127.0.0.1:%u", h.port);
    OK(netsession_new(&ns, cfg, target));
    netsession_config_free(cfg);
    start = now_ms();
    use(ns, &h, r);
    if (now_ms() - start > PATIENCE)
        result_broken(r, "it did not come to an end in time");
    netsession_free(ns);
    host_stop(&h);
    if (heap.live)
        result_broken(r, "%ld blocks are left behind", heap.live);
    if (h.l.revealed)
        result_broken(r, "it sent something in plain text or unsigned");
    r->peak = heap.most > r->peak ? heap.most : r->peak;
    liar_free(&h.l);
}

void run_on_socket(const fault *f, bool sealed, result *r)
{
    unsigned steps = hostile_steps(f, sealed);
    unsigned by = steps > SAMPLES ? (steps + SAMPLES - 1) / SAMPLES : 1;

    memset(r, 0, sizeof *r);
    for (unsigned i = 0; i < steps && !*r->broken; i += by)
        one_run(f, sealed, i, r);
    result_judge(r, f, sealed);
}
