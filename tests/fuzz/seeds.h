/* Seeds for the fuzzers, a directory for each. */
#ifndef TESTS_FUZZ_SEEDS_H
#define TESTS_FUZZ_SEEDS_H

#include <stdio.h>

#include "tests/fuzz/fuzz.h"

/* The next file for this target, for fclose. */
FILE *seed_begin(const char *target);
/* A whole one: the bytes that the target takes first, then the rest. */
void seed(const char *target, const char *first, size_t n, ns_slice rest);

/* From what real servers once said, and we to them: a file of tests/replay. */
void seeds_of_replay(const char *path);
/* From what our encoders make, and from the specifications. */
void seeds_made(void);

#endif
