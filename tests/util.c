#include "tests/util.h"

#include <check.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- Heap ---- */

/* The size of a block stands in front of it. */
typedef union front {
    size_t size;
    max_align_t align;
} front;

static void *heap_alloc(void *ctx, size_t size)
{
    test_heap *h = ctx;
    front *f = ++h->made == h->fail_at ? NULL : malloc(sizeof *f + size);

    h->asked += size;
    if (!f)
        return NULL;
    f->size = size;
    h->live++;
    h->now += size;
    h->most = h->now > h->most ? h->now : h->most;
    return f + 1;
}

static void heap_free(void *ctx, void *ptr)
{
    test_heap *h = ctx;
    front *f = (front *)ptr - 1;

    h->live--;
    h->now -= f->size;
    free(f);
}

static int counting_entropy(void *ctx, void *out, size_t size)
{
    uint8_t *p = out;

    (void)ctx;
    for (size_t i = 0; i < size; i++)
        p[i] = (uint8_t)i;
    return 0;
}

static uint64_t standing_clock(void *ctx)
{
    (void)ctx;
    return 132000000000000000;
}

void test_heap_hooks(test_heap *heap, netsession_hooks *out)
{
    netsession_hooks own = {.ctx = heap,
                            .alloc = heap_alloc,
                            .free = heap_free,
                            .entropy = counting_entropy,
                            .wallclock = standing_clock};

    memset(heap, 0, sizeof *heap);
    ns_hooks_fill(out, &own);
}

/* ---- Hex ---- */

static unsigned digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = memchr(digits, c, 16);

    ck_assert_ptr_nonnull(at);
    return (unsigned)(at - digits);
}

size_t test_unhex(uint8_t *out, size_t room, const char *hex)
{
    size_t n = strlen(hex) / 2;

    ck_assert_uint_eq(strlen(hex) % 2, 0);
    ck_assert_uint_le(n, room);
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    return n;
}

void test_assert_hex(const void *p, size_t n, const char *hex)
{
    uint8_t want[1024];

    ck_assert_uint_eq(n, test_unhex(want, sizeof want, hex));
    if (n)
        ck_assert_mem_eq(p, want, n);
}

uint8_t *test_copy(const void *p, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);

    ck_assert_ptr_nonnull(copy);
    if (n)
        memcpy(copy, p, n);
    return copy;
}

/* ---- Sweeps ---- */

size_t test_sweep_step(void)
{
    const char *s = getenv("SWEEP_STEP");
    int step = s ? atoi(s) : 1;

    return step > 0 ? (size_t)step : 1;
}
