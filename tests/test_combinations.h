/* All that our client and our server can agree on: dialect, signing, cipher. */
#ifndef TESTS_COMBINATIONS_H
#define TESTS_COMBINATIONS_H

#include "tests/test_server_rig.h"

typedef struct combination {
    unsigned dialect;
    const char *dialect_name;
    unsigned signing;
    const char *signing_name;
    unsigned cipher; /* 0: none */
    const char *cipher_name;
} combination;

#define COMBINATIONS 21
extern const combination combinations[COMBINATIONS];

/* A client that wants this and nothing else. */
netsession_config *combination_config(const combination *k, unsigned syntax);

#endif
