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

#endif
