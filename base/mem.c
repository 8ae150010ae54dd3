#include "base/mem.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdbool.h>
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
    if (CRYPTO_secure_allocated(ptr))
        OPENSSL_secure_free(ptr);
    else
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

/* Elsewhere when it is full: of many connections the last get what there is. */
void *ns_alloc_secret(const netsession_hooks *hooks, size_t size)
{
    bool ours = hooks->alloc == default_alloc && CRYPTO_secure_malloc_initialized();
    void *p = ours ? OPENSSL_secure_zalloc(size) : NULL;

    return p ? p : ns_alloc(hooks, size);
}

void ns_free(const netsession_hooks *hooks, void *ptr, size_t size)
{
    netsession_hooks h = *hooks; /* they may stand in what is wiped */

    if (!ptr)
        return;
    OPENSSL_cleanse(ptr, size);
    h.free(h.ctx, ptr);
}

static char *copy_to(char *to, const char *s, size_t n)
{
    if (to)
        memcpy(to, s, n);
    return to;
}

char *ns_strdup(const netsession_hooks *hooks, const char *s, size_t n)
{
    return copy_to(ns_alloc(hooks, n + 1), s, n);
}

char *ns_strdup_secret(const netsession_hooks *hooks, const char *s, size_t n)
{
    return copy_to(ns_alloc_secret(hooks, n + 1), s, n);
}

void ns_strfree(const netsession_hooks *hooks, char *s)
{
    if (s)
        ns_free(hooks, s, strlen(s) + 1);
}
