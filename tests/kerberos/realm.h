/* The realm to test against: KDC_DIR names what tests/peers/mit_kdc.sh made. */
#ifndef TESTS_KERBEROS_REALM_H
#define TESTS_KERBEROS_REALM_H

#include <check.h>

/* A file of the realm's folder. */
const char *realm_file(const char *name);
/* The password of "ALICE", "BOB", ... */
const char *realm_password(const char *who);

Suite *logon_suite(void);
Suite *tokens_suite(void);
Suite *faults_suite(void);
Suite *lies_suite(void);
Suite *tickets_suite(void);
Suite *sockets_suite(void);

/* The test for each row of its table. */
#define LOOP(tc, test, table) tcase_add_loop_test(tc, test, 0, sizeof table / sizeof *table)

#endif
