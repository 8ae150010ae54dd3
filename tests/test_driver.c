/* The blocking calls, over real sockets: what they bring, and what they say
 * when a call of the system fails. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/failing.h"
#include "tests/test_socket_rig.h"

Suite *driver_suite(void);

static socket_rig s;

static void start(uint32_t fill)
{
    socket_rig_init(&s);
    s.rig.cfg.fill = fill;
    socket_rig_start(&s);
}

/* cfg is freed. */
static netsession *connected(netsession_config *cfg)
{
    netsession *ns;

    ck_assert_int_eq(netsession_new(&ns, cfg, s.target), 0);
    netsession_config_free(cfg);
    ck_assert_msg(!netsession_connect(ns), "%s", netsession_last_error(ns)->message);
    return ns;
}

static void leave(netsession *ns)
{
    ck_assert_int_eq(netsession_close(ns), 0);
    netsession_free(ns);
    socket_rig_stop(&s);
}

/* ---- Lists ---- */

static uint32_t count(netsession_list *list)
{
    netsession_row row;
    uint32_t n = 0;
    int rc;

    while ((rc = netsession_list_next(list, &row)) == 1)
        n += row.client != NULL;
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(netsession_list_next(list, &row), 0);
    return n;
}

/* Level auto: an administrator is granted the richest, others none, or only
 * what everybody may see. */
START_TEST(list_auto)
{
    netsession_list *list;
    netsession *ns;

    start(100);
    ns = connected(rig_config("admin:secret"));
    ck_assert_int_eq(netsession_list_new(&list, ns, NULL), 0);
    ck_assert_uint_eq(netsession_list_level(list), 502);
    ck_assert_uint_eq(count(list), 101);
    netsession_list_free(list);
    leave(ns);
}
END_TEST

START_TEST(list_poor)
{
    netsession_list *list;
    netsession *ns;
    int rc;

    socket_rig_init(&s);
    s.rig.cfg.read_for_all = _i != 0;
    socket_rig_start(&s);
    ns = connected(rig_config("plain:plain"));
    rc = netsession_list_new(&list, ns, NULL);
    ck_assert_int_eq(rc, _i ? 0 : NETSESSION_E_REFUSED);
    if (_i) {
        ck_assert_uint_eq(netsession_list_level(list), 10);
        ck_assert_uint_eq(count(list), 1);
    } else {
        ck_assert_uint_eq(netsession_last_error(ns)->win32, 5);
        ck_assert_ptr_nonnull(strstr(netsession_last_error(ns)->message, "at every level"));
    }
    netsession_list_free(list);
    leave(ns);
}
END_TEST

/* Small pages, one after the other; one in which nothing fits. */
START_TEST(list_pages)
{
    netsession_query q;
    netsession_list *list;
    netsession_row row;
    netsession *ns;

    start(300);
    ns = connected(rig_config("admin:secret"));
    netsession_query_init(&q);
    q.level = 1;
    q.preferred_length = 1000;
    ck_assert_int_eq(netsession_list_new(&list, ns, &q), 0);
    ck_assert_uint_eq(count(list), 301);
    netsession_list_free(list);
    q.preferred_length = 1;
    ck_assert_int_eq(netsession_list_new(&list, ns, &q), 0);
    ck_assert_int_eq(netsession_list_next(list, &row), NETSESSION_E_LIMIT);
    ck_assert_int_eq(netsession_list_next(list, &row), NETSESSION_E_LIMIT);
    netsession_list_free(list);
    ck_assert_int_ne(netsession_close(ns), 0);
    netsession_free(ns);
    socket_rig_stop(&s);
}
END_TEST

/* Without memory there is no list, and no row. */
START_TEST(list_without_memory)
{
    netsession_list *list;
    netsession *ns;

    start(0);
    ns = connected(rig_config("admin:secret"));
    failing_memory = (failing){0, 1};
    ck_assert_int_eq(netsession_list_new(&list, ns, NULL), NETSESSION_E_MEMORY);
    failing_memory = (failing){0, 0};
    ck_assert_ptr_null(list);
    ck_assert_int_eq(netsession_last_error(ns)->code, NETSESSION_E_MEMORY);
    ck_assert_int_eq(netsession_list_new(&list, ns, NULL), 0);
    netsession_list_free(list);
    leave(ns);
}
END_TEST

/* ---- Out of turn ---- */

START_TEST(out_of_turn)
{
    netsession_config *cfg = rig_config("admin:secret");
    netsession_query q;
    netsession_page *page;
    netsession *ns;

    start(0);
    netsession_query_init(&q);
    q.level = 10;
    ck_assert_int_eq(netsession_new(&ns, cfg, s.target), 0);
    netsession_config_free(cfg);
    ck_assert_int_eq(netsession_enum(ns, &q, &page), NETSESSION_E_STATE);
    ck_assert_ptr_null(page);
    ck_assert_int_eq(netsession_close(ns), NETSESSION_E_STATE);
    ck_assert_int_eq(netsession_connect(ns), 0);
    ck_assert_int_eq(netsession_connect(ns), NETSESSION_E_STATE);
    ck_assert_int_eq(netsession_enum(ns, &q, &page), 0);
    netsession_page_free(page);
    leave(ns);
}
END_TEST

/* ---- The way to the server ---- */

static int attempt(const char *target, unsigned timeout, netsession_error *err)
{
    netsession_config *cfg = rig_config("admin:secret");
    netsession *ns;
    int rc;

    ck_assert_int_eq(netsession_config_timeout(cfg, timeout), 0);
    ck_assert_int_eq(netsession_new(&ns, cfg, target), 0);
    netsession_config_free(cfg);
    rc = netsession_connect(ns);
    *err = *netsession_last_error(ns);
    ck_assert_int_eq(err->code, rc);
    netsession_free(ns);
    return rc;
}

/* A socket that is bound, and listens or not; its port. */
static int idle_socket(bool listens, char target[32])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert(!bind(fd, (struct sockaddr *)&a, len) && (!listens || !listen(fd, 1)));
    ck_assert(!getsockname(fd, (struct sockaddr *)&a, &len));
    snprintf(target, 32, "127.0.0.1:%u", ntohs(a.sin_port));
    return fd;
}

START_TEST(nobody_there)
{
    netsession_error err;
    char target[32];
    int fd = idle_socket(false, target);

    ck_assert_int_eq(attempt(target, 30000, &err), NETSESSION_E_CONNECT);
    ck_assert_str_eq(err.layer, "tcp");
    close(fd);
    ck_assert_int_eq(attempt("no.such.host.invalid", 30000, &err), NETSESSION_E_RESOLVE);
    ck_assert_str_eq(err.layer, "name");
}
END_TEST

/* It accepts, in its kernel, and says nothing. */
START_TEST(silence)
{
    netsession_error err;
    char target[32];
    int fd = idle_socket(true, target);

    ck_assert_int_eq(attempt(target, 100, &err), NETSESSION_E_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(err.message, "100 ms"));
    close(fd);
}
END_TEST

/* It accepts, reads, and ends. */
static void *end_it(void *arg)
{
    char bytes[64];
    int fd = accept(*(int *)arg, NULL, NULL);

    MUST(fd >= 0 && recv(fd, bytes, sizeof bytes, 0) > 0 && !shutdown(fd, SHUT_WR));
    while (recv(fd, bytes, sizeof bytes, 0) > 0)
        ;
    close(fd);
    return NULL;
}

START_TEST(the_end)
{
    netsession_error err;
    pthread_t thread;
    char target[32];
    int fd = idle_socket(true, target);

    ck_assert_int_eq(pthread_create(&thread, NULL, end_it, &fd), 0);
    ck_assert_int_eq(attempt(target, 30000, &err), NETSESSION_E_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "closed the connection"));
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    close(fd);
}
END_TEST

/* With standard input closed its number is free: it is not the connection's. */
static int sends, taken;

static int look_at_input(const char *name)
{
    if (strcmp(name, "send") != 0)
        return 0;
    sends++;
    taken += fcntl(STDIN_FILENO, F_GETFD) >= 0;
    return 0;
}

START_TEST(low_descriptor)
{
    netsession_error err;
    char target[32];
    int fd = idle_socket(true, target), kept = fcntl(STDIN_FILENO, F_DUPFD, 10);

    sends = taken = 0;
    close(STDIN_FILENO);
    failing_decide = look_at_input;
    ck_assert_int_eq(attempt(target, 500, &err), NETSESSION_E_TIMEOUT);
    failing_decide = FAILING_BY_COUNT;
    if (kept >= 0) {
        ck_assert_int_eq(dup2(kept, STDIN_FILENO), STDIN_FILENO);
        close(kept);
    }
    ck_assert_int_gt(sends, 0);
    ck_assert_int_eq(taken, 0);
    close(fd);
}
END_TEST

/* A name that takes longer than there is time; the thread that looks for it is
 * left behind, and ends when it has it. */
static sem_t asked, may_answer;

static int answers_late(const char *name)
{
    if (strcmp(name, "getaddrinfo") != 0 || sem_trywait(&asked) == 0)
        return 0; /* the first is whether the name is an address */
    sem_wait(&may_answer);
    return 0;
}

START_TEST(late_name)
{
    netsession_error err;

    ck_assert(!sem_init(&asked, 0, 1) && !sem_init(&may_answer, 0, 0));
    failing_decide = answers_late;
    ck_assert_int_eq(attempt("localhost", 50, &err), NETSESSION_E_TIMEOUT);
    ck_assert_str_eq(err.layer, "name");
    failing_decide = FAILING_BY_COUNT;
    ck_assert_int_eq(sem_post(&may_answer), 0);
}
END_TEST

START_TEST(by_name)
{
    netsession_error err;
    char target[32];

    start(0);
    snprintf(target, sizeof target, "localhost:%s", strchr(s.target, ':') + 1);
    ck_assert_msg(!attempt(target, 30000, &err), "%s", err.message);
    socket_rig_stop(&s);
}
END_TEST

/* ---- The system fails ---- */

/* All of it: by name, an answer, the goodbye. */
static int talk(netsession_error *err)
{
    netsession_config *cfg = rig_config("admin:secret");
    netsession_query q;
    netsession_page *page = NULL;
    netsession *ns;
    char target[32];
    int rc;

    snprintf(target, sizeof target, "localhost:%s", strchr(s.target, ':') + 1);
    netsession_query_init(&q);
    q.level = 502;
    ck_assert_int_eq(netsession_new(&ns, cfg, target), 0);
    netsession_config_free(cfg);
    rc = netsession_connect(ns);
    if (!rc)
        rc = netsession_enum(ns, &q, &page);
    if (!rc)
        ck_assert_uint_ge(netsession_page_count(page), 1);
    netsession_page_free(page);
    if (!rc)
        rc = netsession_close(ns);
    *err = *netsession_last_error(ns);
    netsession_free(ns);
    return rc;
}

/* Each call once, with an errno that is final and one that is not: then all
 * goes well. */
static const int errnos[] = {EIO, EINTR, ETIMEDOUT, EAGAIN};

START_TEST(each_system_call)
{
    netsession_error err;
    bool done = false;
    long n, bad = 0;
    int rc;

    start(0);
    failing_errno = errnos[_i];
    for (n = 1; !done; n++) {
        failing_system = (failing){0, n};
        rc = talk(&err);
        done = failing_system.made < n;
        failing_system = (failing){0, 0};
        bad += rc != 0;
        if (rc)
            ck_assert_msg(err.code == rc && *err.message, "call %ld: %d", n, rc);
        ck_assert(!done || !rc);
    }
    ck_assert_int_gt(n, 20);
    ck_assert_int_gt(bad, 5);
    ck_assert_int_eq(talk(&err), 0);
    socket_rig_stop(&s);
}
END_TEST

/* A byte at a time, both ways. */
START_TEST(trickle)
{
    netsession_error err;

    start(3);
    failing_trickle = 1;
    ck_assert_msg(!talk(&err), "%s", err.message);
    failing_trickle = 0;
    socket_rig_stop(&s);
}
END_TEST

Suite *driver_suite(void)
{
    Suite *suite = suite_create("driver");
    TCase *tc = tcase_create("driver");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, list_auto);
    tcase_add_loop_test(tc, list_poor, 0, 2);
    tcase_add_test(tc, list_pages);
    tcase_add_test(tc, list_without_memory);
    tcase_add_test(tc, out_of_turn);
    tcase_add_test(tc, nobody_there);
    tcase_add_test(tc, silence);
    tcase_add_test(tc, the_end);
    tcase_add_test(tc, low_descriptor);
    tcase_add_test(tc, late_name);
    tcase_add_test(tc, by_name);
    tcase_add_loop_test(tc, each_system_call, 0, sizeof errnos / sizeof *errnos);
    tcase_add_test(tc, trickle);
    suite_add_tcase(suite, tc);
    return suite;
}
