/* A fault over TCP: the liar in a thread behind a listening socket, the
 * client's blocking calls here. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/hostile/wire.h"

#define SAMPLES      6     /* of a sweep */
#define PATIENCE     10000 /* ms, for what must not take the deadline */
#define SHORT        250   /* ms, for what must */
#define SLOW_BYTE_MS 20    /* in place of a second */

struct host {
    struct wire w;
    int listener;
    unsigned port;
    pthread_t thread;
};

#define OK(call) MUST(!(call))

/* ---- The server's thread ---- */

/* One turn; false: it is over. */
static bool turn(struct wire *w)
{
    struct pollfd p;

    if (!wire_wants(w, &p))
        return false;
    if (poll(&p, 1, wire_patience(w)) < 0)
        return errno == EINTR;
    return wire_turn(w, p.revents);
}

static void *serve(void *arg)
{
    struct host *h = arg;

    if (!wire_accept(&h->w, h->listener))
        return NULL;
    while (turn(&h->w))
        ;
    wire_close(&h->w);
    return NULL;
}

static void host_start(struct host *h)
{
    h->w.slow_ms = SLOW_BYTE_MS;
    h->listener = wire_listen(&h->port);
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
        check_page(r, &h->w.l, page);
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
        rc = h->w.l.f->list ? ask_list(ns, r) : ask_page(ns, h, r);
    if (!rc && h->w.l.f->rude)
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
    liar_init(&h.w.l, f, sealed, at);
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
    if (f->at && !h.w.l.lied)
        result_broken(r, "the lie was never told");
    if (heap.live)
        result_broken(r, "%ld blocks are left behind", heap.live);
    if (h.w.l.revealed)
        result_broken(r, "it sent something in plain text or unsigned");
    r->peak = heap.most > r->peak ? heap.most : r->peak;
    liar_free(&h.w.l);
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
