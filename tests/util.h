/* What several suites need: a heap that counts and can fail, and hex. */
#ifndef TESTS_UTIL_H
#define TESTS_UTIL_H

#include <netsession.h>

/* ---- Heap ---- */

typedef struct test_heap {
    long live;    /* blocks not freed */
    long made;    /* allocations asked for */
    long fail_at; /* this one fails, counted from 1; 0: none */
    size_t asked; /* bytes asked for in all */
    size_t now;   /* bytes not freed */
    size_t most;  /* bytes ever live at once */
} test_heap;

/* Hooks, filled, whose ctx is the heap, which is set to zero; the clock stands
 * still and entropy counts up from 0. */
void test_heap_hooks(test_heap *heap, netsession_hooks *out);

/* ---- Hex ---- */

/* Bytes of a string of hex digits; at most room of them, more is a failure. */
size_t test_unhex(uint8_t *out, size_t room, const char *hex);
/* The n bytes at p are those of hex. */
void test_assert_hex(const void *p, size_t n, const char *hex);

/* A copy in a block of its own, so that a sanitizer sees what is read behind
 * its end; for free(). */
uint8_t *test_copy(const void *p, size_t n);

/* ---- Sweeps ---- */

/* A sweep over all bytes takes every so manieth of them: each, unless
 * SWEEP_STEP says otherwise, where a test takes many times as long. */
size_t test_sweep_step(void);

#endif
