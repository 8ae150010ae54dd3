/*
 * Every fault of a hostile server, in memory and over a socket, and the
 * document that lists them:
 *
 *     check_hostile [FAULTS.md]           runs, and compares the document
 *     check_hostile --write [FAULTS.md]   writes it
 *     check_hostile --one NUMBER          runs one in memory and on a socket
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hostile/hostile.h"

static const char *document = "FAULTS.md";

/* ---- One fault after the other ---- */

static size_t fault_count(void)
{
    size_t n = 0;

    for (size_t i = 0; i < SECTIONS; i++)
        n += hostile_section(i)->count;
    return n;
}

static const fault *fault_at(size_t i)
{
    const section *s = hostile_section(0);

    for (size_t k = 0; i >= s->count; s = hostile_section(++k))
        i -= s->count;
    return &s->faults[i];
}

typedef void runner(const fault *f, bool sealed, result *r);

static void run_one(const fault *f, bool sealed, runner *run, const char *where)
{
    result r;

    if (!((f->modes ? f->modes : BOTH) & (sealed ? SEALED : SIGNED)))
        return;
    run(f, sealed, &r);
    ck_assert_msg(!*r.broken, "%s %s, %s, %s: %s", f->number, f->name,
                  sealed ? "sealed" : "signed", where, r.broken);
}

static bool is_at(const fault *f, enum place place)
{
    return f->want != NOTHING && (!f->places || f->places & place);
}

START_TEST(in_memory)
{
    const fault *f = fault_at((size_t)_i);

    if (!is_at(f, MEMORY))
        return;
    hostile_stride = (unsigned)test_sweep_step();
    run_one(f, false, run_in_memory, "in memory");
    run_one(f, true, run_in_memory, "in memory");
    hostile_stride = 1; /* the document is of all */
}
END_TEST

START_TEST(on_socket)
{
    const fault *f = fault_at((size_t)_i);

    if (!is_at(f, SOCKET))
        return;
    run_one(f, false, run_on_socket, "on a socket");
    run_one(f, true, run_on_socket, "on a socket");
}
END_TEST

START_TEST(documented)
{
    ck_assert_msg(!report_compare(document), "%s is out of date: check_hostile --write",
                  document);
}
END_TEST

/* ---- The program ---- */

static Suite *suite(void)
{
    Suite *s = suite_create("hostile");
    TCase *memory = tcase_create("memory"), *sockets = tcase_create("socket"),
          *doc = tcase_create("document");
    int n = (int)fault_count();

    tcase_set_timeout(memory, 300);
    tcase_set_timeout(sockets, 60);
    tcase_set_timeout(doc, 600);
    tcase_add_loop_test(memory, in_memory, 0, n);
    tcase_add_loop_test(sockets, on_socket, 0, n);
    tcase_add_test(doc, documented);
    suite_add_tcase(s, memory);
    suite_add_tcase(s, sockets);
    suite_add_tcase(s, doc);
    return s;
}

static int run_all(void)
{
    SRunner *r = srunner_create(suite());
    int failed;

    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void show(const fault *f, bool sealed, runner *run, const char *where)
{
    result r;

    if (!((f->modes ? f->modes : BOTH) & (sealed ? SEALED : SIGNED)))
        return;
    run(f, sealed, &r);
    printf("%s %s, %s, %s: peak %zu%s%s\n", f->number, f->name, sealed ? "sealed" : "signed",
           where, r.peak, *r.broken ? ", BROKEN: " : "", r.broken);
    for (size_t i = 0; i < r.count; i++)
        printf("    %u times %d %s %s: %s\n", r.answers[i].times, r.answers[i].outcome,
               netsession_code_name(r.answers[i].code), r.answers[i].layer,
               r.answers[i].message);
}

static void show_everywhere(const fault *f)
{
    for (int sealed = 0; sealed < 2; sealed++) {
        if (is_at(f, MEMORY))
            show(f, sealed != 0, run_in_memory, "in memory");
        if (is_at(f, SOCKET))
            show(f, sealed != 0, run_on_socket, "on a socket");
    }
}

static int show_one(const char *number)
{
    for (size_t i = 0; i < fault_count(); i++)
        if (!strcmp(fault_at(i)->number, number) || !strcmp(number, "all"))
            show_everywhere(fault_at(i));
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    bool writes = argc > 1 && !strcmp(argv[1], "--write");

    if (argc > 2 && !strcmp(argv[1], "--one"))
        return show_one(argv[2]);
    if (argc > 1 + writes)
        document = argv[1 + writes];
    if (writes)
        return report_write(document) ? EXIT_FAILURE : EXIT_SUCCESS;
    return run_all();
}
