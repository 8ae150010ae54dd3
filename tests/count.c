/* count TARGET LEVEL: reads the whole list, row by row, and says how long it
 * was and what that took. */
#include <netsession.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int count(netsession *ns, unsigned level, unsigned long *rows)
{
    netsession_query query;
    netsession_list *list;
    netsession_row row;
    int rc;

    netsession_query_init(&query);
    query.level = level;
    rc = netsession_list_new(&list, ns, &query);
    if (rc)
        return rc;
    for (*rows = 0; (rc = netsession_list_next(list, &row)) == 1; ++*rows)
        ;
    netsession_list_free(list);
    return rc;
}

int main(int argc, char **argv)
{
    netsession_config *cfg = netsession_config_new(NULL);
    netsession *ns = NULL;
    struct rusage used;
    unsigned long rows;
    double start = now();

    if (argc != 3 || !cfg || netsession_config_environment(cfg) ||
        netsession_new(&ns, cfg, argv[1]))
        return 2;
    if (netsession_connect(ns) || count(ns, (unsigned)atoi(argv[2]), &rows)) {
        fprintf(stderr, "count: %s\n", netsession_last_error(ns)->message);
        return 1;
    }
    getrusage(RUSAGE_SELF, &used);
    printf("%lu sessions at level %s in %.1f s; the client's peak: %ld KiB\n", rows, argv[2],
           now() - start, used.ru_maxrss);
    netsession_free(ns);
    netsession_config_free(cfg);
    return 0;
}
