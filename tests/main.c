/* Runs every suite. */
#include <check.h>
#include <stdlib.h>

Suite *anywhere_suite(void);
Suite *auth_server_suite(void);
Suite *auth_suite(void);
Suite *base_suite(void);
Suite *config_suite(void);
Suite *conn_suite(void);
Suite *cursor_suite(void);
Suite *dcerpc_server_suite(void);
Suite *dcerpc_suite(void);
Suite *driver_suite(void);
Suite *failing_suite(void);
Suite *lm_suite(void);
Suite *ndr_suite(void);
Suite *object_suite(void);
Suite *output_suite(void);
Suite *server_suite(void);
Suite *smb2_suite(void);
Suite *srvsvc_server_suite(void);
Suite *srvsvc_suite(void);
Suite *use_suite(void);

static Suite *(*const suites[])(void) = {
    base_suite,     cursor_suite,        auth_suite,    auth_server_suite,
    smb2_suite,     ndr_suite,           dcerpc_suite,  dcerpc_server_suite,
    srvsvc_suite,   srvsvc_server_suite, conn_suite,    server_suite,
    lm_suite,       config_suite,        failing_suite, driver_suite,
    anywhere_suite, use_suite,           object_suite,  output_suite,
};

int main(void)
{
    SRunner *runner = srunner_create(NULL);
    int failed;

    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
        srunner_add_suite(runner, suites[i]());
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
