/*
 * The native API, blocking: the sessions of one server, asked for once or N
 * times over the same connection.  Credentials come from USER and PASSWD.
 *
 *     native [--repeat N] HOST
 */
#include <netsession.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print_sessions(netsession *ns)
{
    netsession_list *list = NULL;
    netsession_row row;
    int rc = netsession_list_new(&list, ns, NULL);

    while (!rc && (rc = netsession_list_next(list, &row)) == 1) {
        printf("%s\t%s", row.client ? row.client : "-", row.user ? row.user : "-");
        if (row.present & NETSESSION_HAS_TIME)
            printf("\t%u s, idle %u s", (unsigned)row.time, (unsigned)row.idle);
        putchar('\n');
        rc = 0;
    }
    netsession_list_free(list);
    return rc;
}

int main(int argc, char **argv)
{
    long repeat = argc > 3 && !strcmp(argv[1], "--repeat") ? strtol(argv[2], NULL, 10) : 1;
    int rc;
    netsession_config *cfg = argc > 1 ? netsession_config_new(NULL) : NULL;
    netsession *ns = NULL;

    if (!cfg)
        return 2;
    if (netsession_config_environment(cfg) != 0) {
        fprintf(stderr, "%s\n", netsession_config_error(cfg)->message);
        netsession_config_free(cfg);
        return 1;
    }
    if ((rc = netsession_new(&ns, cfg, argv[argc - 1])) == 0)
        rc = netsession_connect(ns);
    while (!rc && repeat-- > 0)
        rc = print_sessions(ns);
    if (rc)
        fprintf(stderr, "%s: %s\n", argv[argc - 1],
                ns ? netsession_last_error(ns)->message : netsession_code_name(rc));
    else
        netsession_close(ns); /* leave in good order */
    netsession_free(ns);
    netsession_config_free(cfg);
    return rc ? 1 : 0;
}
