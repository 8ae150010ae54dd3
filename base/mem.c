#include "base/mem.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void *default_alloc(void *ctx, size_t size)
{
    (void)ctx;
    return malloc(size);
}

static void default_free(void *ctx, void *ptr)
{
    (void)ctx;
    free(ptr);
}

static int default_entropy(void *ctx, void *out, size_t size)
{
    (void)ctx;
    return size <= 1u << 20 && RAND_bytes(out, (int)size) == 1 ? 0 : -1;
}

/* time() counts from 1970; FILETIME ([MS-DTYP] 2.3.3) 100 ns from 1601. */
static uint64_t default_wallclock(void *ctx)
{
    (void)ctx;
    return ((uint64_t)time(NULL) + 11644473600u) * 10000000u;
}

static void default_log(void *ctx, int level, const char *line)
{
    (void)ctx;
    (void)level;
    (void)line;
}

void ns_hooks_fill(netsession_hooks *out, const netsession_hooks *given)
{
    static const netsession_hooks none;
    const netsession_hooks *h = given ? given : &none;

    out->ctx = h->ctx;
    out->alloc = h->alloc ? h->alloc : default_alloc;
    out->free = h->free ? h->free : default_free;
    out->entropy = h->entropy ? h->entropy : default_entropy;
    out->wallclock = h->wallclock ? h->wallclock : default_wallclock;
    out->log = h->log ? h->log : default_log;
}

void *ns_alloc(const netsession_hooks *hooks, size_t size)
{
    void *p = hooks->alloc(hooks->ctx, size);

    if (p)
        memset(p, 0, size);
    return p;
}

void ns_free(const netsession_hooks *hooks, void *ptr, size_t size)
{
    netsession_hooks h = *hooks; /* they may stand in what is wiped */

    if (!ptr)
        return;
    OPENSSL_cleanse(ptr, size);
    h.free(h.ctx, ptr);
}

char *ns_strdup(const netsession_hooks *hooks, const char *s, size_t n)
{
    char *copy = ns_alloc(hooks, n + 1);

    if (copy)
        memcpy(copy, s, n);
    return copy;
}

void ns_strfree(const netsession_hooks *hooks, char *s)
{
    if (s)
        ns_free(hooks, s, strlen(s) + 1);
}
