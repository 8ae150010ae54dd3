/*
 * Calls that fail when a test wants it: the linker puts these in the place of
 * libcrypto's (--wrap), and one of them, counted from 1, answers that it has
 * failed.
 */
#ifndef TESTS_FAILING_H
#define TESTS_FAILING_H

typedef struct failing {
    long made; /* calls so far */
    long at;   /* this one fails; 0: none */
} failing;

extern failing failing_crypto;

#endif
