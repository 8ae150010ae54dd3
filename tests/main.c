/* Runs every suite. */
#include <check.h>
#include <stdlib.h>

Suite *auth_suite(void);
Suite *base_suite(void);
Suite *conn_suite(void);
Suite *dcerpc_suite(void);
Suite *lm_suite(void);
Suite *ndr_suite(void);
Suite *smb2_suite(void);
Suite *srvsvc_suite(void);

int main(void)
{
    SRunner *runner = srunner_create(base_suite());
    int failed;

    srunner_add_suite(runner, auth_suite());
    srunner_add_suite(runner, smb2_suite());
    srunner_add_suite(runner, ndr_suite());
    srunner_add_suite(runner, dcerpc_suite());
    srunner_add_suite(runner, srvsvc_suite());
    srunner_add_suite(runner, conn_suite());
    srunner_add_suite(runner, lm_suite());
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
