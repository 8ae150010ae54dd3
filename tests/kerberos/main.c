/* What needs a KDC; tests/kerberos.sh runs it. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/kerberos/realm.h"

const char *realm_file(const char *name)
{
    static char path[4][512];
    static unsigned next;
    char *out = path[next++ % 4];

    snprintf(out, sizeof path[0], "%s/%s", getenv("KDC_DIR"), name);
    return out;
}

const char *realm_password(const char *who)
{
    char name[64];

    snprintf(name, sizeof name, "%s_PASSWORD", who);
    return getenv(name);
}

int main(void)
{
    SRunner *runner = srunner_create(NULL);
    int failed;

    if (!getenv("KDC_DIR") || !getenv("SESSIOND"))
        return fputs("run me by tests/kerberos.sh\n", stderr), EXIT_FAILURE;
    srunner_add_suite(runner, logon_suite());
    srunner_add_suite(runner, tokens_suite());
    srunner_add_suite(runner, tickets_suite());
    srunner_add_suite(runner, faults_suite());
    srunner_add_suite(runner, lies_suite());
    srunner_add_suite(runner, sockets_suite());
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
