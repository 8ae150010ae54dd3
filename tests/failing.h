/*
 * Calls that fail when a test wants it: the linker puts these in the place of
 * libcrypto's and the system's (--wrap), and one of them, counted from 1,
 * answers that it has failed.
 */
#ifndef TESTS_FAILING_H
#define TESTS_FAILING_H

#include <stddef.h>

typedef struct failing {
    long made; /* calls so far */
    long at;   /* this one fails; 0: none */
} failing;

/* Each of the thread that sets it. */
extern _Thread_local failing failing_crypto;
extern _Thread_local failing failing_system; /* counts only while at is not 0 */
extern _Thread_local failing failing_memory; /* the same: malloc and realloc */
/* The MAC that EVP_MAC_final makes is said to be so much shorter. */
extern _Thread_local size_t failing_short;
/* What a system call that fails says: an errno. */
extern _Thread_local int failing_errno;
/* send and recv move one byte at a time. */
extern _Thread_local int failing_trickle;
/* Set: decides instead of the counters, whatever the thread. */
typedef int failing_decider(const char *name);
extern failing_decider *_Atomic failing_decide;
#define FAILING_BY_COUNT ((failing_decider *)0)

/* Whether this call of the system fails; errno is set then. */
int failing_call(const char *name);

/* A function of the system; failed is what it answers then. */
#define WRAP_SYSTEM(type, name, params, args, failed)                                          \
    type __real_##name params;                                                                 \
    type __wrap_##name params;                                                                 \
    type __wrap_##name params                                                                  \
    {                                                                                          \
        return failing_call(#name) ? failed : __real_##name args;                              \
    }

#endif
