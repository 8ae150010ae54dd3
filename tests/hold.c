/* hold TARGET COUNT: logs on COUNT times as the environment says, prints
 * "ready", and keeps the sessions until its input ends. */
#include <netsession.h>
#include <stdio.h>
#include <stdlib.h>

static netsession *log_on(const netsession_config *cfg, const char *target)
{
    netsession *ns = NULL;

    if (netsession_new(&ns, cfg, target))
        return NULL;
    if (!netsession_connect(ns))
        return ns;
    fprintf(stderr, "hold: %s\n", netsession_last_error(ns)->message);
    netsession_free(ns);
    return NULL;
}

static int hold(const netsession_config *cfg, const char *target, size_t count)
{
    netsession **all = calloc(count, sizeof *all);
    size_t n = 0;

    while (all && n < count && (all[n] = log_on(cfg, target)) != NULL)
        n++;
    if (all && n == count) {
        printf("ready\n");
        fflush(stdout);
        while (getchar() != EOF)
            ;
    }
    for (size_t i = 0; i < n; i++) {
        (void)netsession_close(all[i]);
        netsession_free(all[i]);
    }
    free(all);
    return n == count ? 0 : 1;
}

int main(int argc, char **argv)
{
    netsession_config *cfg = netsession_config_new(NULL);
    int rc;

    if (argc != 3 || !cfg || netsession_config_environment(cfg)) {
        fprintf(stderr, "usage: hold TARGET COUNT (USER, PASSWD in the environment)\n");
        return 2;
    }
    rc = hold(cfg, argv[1], (size_t)strtoul(argv[2], NULL, 10));
    netsession_config_free(cfg);
    return rc;
}
