/*
 * The same over TCP, with the blocking calls: the server resets, closes and
 * half-closes the connection anywhere.
 */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test_combinations.h"

TCase *anywhere_socket_tcase(void);

/* Each dialect signed and, where there is a cipher, encrypted. */
static const int chosen[] = {0, 1, 2, 3, 4, 5, 16, 20};
#define CHOSEN ((int)(sizeof chosen / sizeof *chosen))

enum ending { RESETS, CLOSES, HALF_CLOSES, ENDINGS };

/* ---- The server, on a thread ---- */

#define FLIGHTS 6 /* NEGOTIATE, SESSION_SETUP twice, opening, answer, goodbye */

/* The thread's alone from start to stop. */
static struct host {
    rig r;
    int listener;
    pthread_t thread;
    enum ending ending;
    size_t first, step, last; /* where it ends: once for each client */
    size_t flight[FLIGHTS];   /* where the last one's flights did */
    unsigned flights;
} host;

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool receive(int fd, ns_server_conn *conn)
{
    size_t room;
    void *in = ns_server_conn_room(conn, &room);
    ssize_t n = in ? recv(fd, in, room, 0) : 0;

    return n > 0 && !ns_server_conn_received(conn, (size_t)n, 1000);
}

/* All that there is to say, up to the end; false: the client is gone. */
static bool say(int fd, ns_server_conn *conn, size_t *said, size_t until)
{
    size_t len;
    const uint8_t *p;

    while (p = ns_server_conn_output(conn, &len), len = least(len, until - *said), len) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        ns_server_conn_output_ack(conn, (size_t)n);
        *said += (size_t)n;
    }
    return true;
}

static void note_flight(size_t said)
{
    bool more = !host.flights || said > host.flight[host.flights - 1];

    if (said && more && host.flights < FLIGHTS)
        host.flight[host.flights++] = said;
}

static void end(int fd)
{
    const struct linger hard = {1, 0};
    uint8_t rest[4096];

    if (host.ending == RESETS)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    if (host.ending == HALF_CLOSES && !shutdown(fd, SHUT_WR))
        while (recv(fd, rest, sizeof rest, 0) > 0)
            ;
}

static void serve(int fd, size_t until)
{
    ns_server_conn *conn = ns_server_conn_new(host.r.server, "127.0.0.1", &host);
    size_t said = 0;
    int on = 1;

    MUST(conn);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    host.flights = 0;
    while (said < until && receive(fd, conn) && say(fd, conn, &said, until))
        note_flight(said);
    end(fd);
    close(fd);
    ns_server_conn_free(conn);
}

static void *serve_all(void *arg)
{
    (void)arg;
    for (size_t at = host.first; at <= host.last; at += host.step) {
        int fd = accept(host.listener, NULL, NULL);

        MUST(fd >= 0);
        serve(fd, at);
    }
    return NULL;
}

static void start(char target[32])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof a;

    rig_init(&host.r);
    host.r.cfg.fill = 2;
    rig_start(&host.r);
    host.listener = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!bind(host.listener, (struct sockaddr *)&a, len) && !listen(host.listener, 1));
    MUST(!getsockname(host.listener, (struct sockaddr *)&a, &len));
    snprintf(target, 32, "127.0.0.1:%u", ntohs(a.sin_port));
    MUST(!pthread_create(&host.thread, NULL, serve_all, NULL));
}

static void stop(void)
{
    MUST(!pthread_join(host.thread, NULL));
    close(host.listener);
    rig_stop(&host.r);
}

/* ---- The client ---- */

/* What it was given, and how it ended. */
struct answers {
    bool ready, page;
    int code;
};

static int ask(netsession *ns)
{
    netsession_page *page;
    netsession_query q;
    int rc;

    netsession_query_init(&q);
    q.level = 10;
    rc = netsession_enum(ns, &q, &page);
    ck_assert(rc ? !page : netsession_page_count(page) == 3);
    netsession_page_free(page);
    return rc;
}

/* The error stays what it is. */
static void is_over(netsession *ns, int code)
{
    ck_assert_int_eq(netsession_last_error(ns)->code, code);
    ck_assert_int_eq(ask(ns), code);
    ck_assert_int_eq(netsession_close(ns), code);
}

static struct answers talk(const combination *k, const char *target)
{
    struct answers a = {false, false, 0};
    netsession_config *cfg = combination_config(k, NETSESSION_NDR32);
    netsession *ns;

    MUST(!netsession_new(&ns, cfg, target));
    netsession_config_free(cfg);
    a.code = netsession_connect(ns);
    a.ready = !a.code;
    if (a.ready)
        a.code = ask(ns);
    a.page = a.ready && !a.code;
    if (a.page)
        a.code = netsession_close(ns);
    else
        is_over(ns, a.code);
    netsession_free(ns);
    return a;
}

/* ---- Tests ---- */

/* A reset overtakes what was sent before, and may come before connect is done;
 * who is leaving and has the end has left. */
static void check(struct answers a, size_t at, const size_t flight[FLIGHTS])
{
    bool reset = host.ending == RESETS, ready = at >= flight[3], page = at >= flight[4];

    ck_assert_msg(reset ? a.ready <= ready && a.page <= page
                        : a.ready == ready && a.page == page,
                  "after %zu bytes: ready %d, page %d", at, a.ready, a.page);
    ck_assert_msg(a.code == NETSESSION_E_IO || (a.page && !a.code) ||
                      (reset && !at && a.code == NETSESSION_E_CONNECT),
                  "after %zu bytes: %s", at, netsession_code_name(a.code));
}

static void honestly(const combination *k, size_t flight[FLIGHTS])
{
    char target[32];
    struct answers a;

    host.ending = CLOSES;
    host.first = host.last = SIZE_MAX / 2;
    host.step = 1;
    start(target);
    a = talk(k, target);
    stop();
    ck_assert(a.page && !a.code);
    ck_assert_uint_eq(host.flights, FLIGHTS);
    memcpy(flight, host.flight, sizeof host.flight);
}

/* After each byte of each session. */
START_TEST(ended)
{
    const combination *k = &combinations[chosen[_i / ENDINGS]];
    size_t flight[FLIGHTS];
    char target[32];

    honestly(k, flight);
    host.ending = (enum ending)(_i % ENDINGS);
    host.step = test_sweep_step();
    host.first = (size_t)_i % host.step;
    host.last = flight[FLIGHTS - 1] - 1;
    start(target);
    for (size_t at = (size_t)_i % host.step; at < flight[FLIGHTS - 1]; at += host.step)
        check(talk(k, target), at, flight);
    stop();
}
END_TEST

TCase *anywhere_socket_tcase(void)
{
    TCase *tc = tcase_create("anywhere_socket");

    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, ended, 0, CHOSEN * ENDINGS);
    return tc;
}
