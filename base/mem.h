/*
 * Memory through the caller's hooks; everything is wiped when it is freed.
 *
 * What keeps a password or a key beyond one call is a secret.  Where the hooks
 * are the defaults, and the program has made libcrypto's secure heap
 * (CRYPTO_secure_malloc_init: locked, left out of core files), it lies there as
 * long as there is room.
 */
#ifndef NS_MEM_H
#define NS_MEM_H

#include <netsession.h>

/* hooks with every NULL member replaced by the default. */
void ns_hooks_fill(netsession_hooks *out, const netsession_hooks *given);

/* size > 0; zeroed; NULL when out of memory. */
void *ns_alloc(const netsession_hooks *hooks, size_t size);
/* The same for a secret; ns_free frees it. */
void *ns_alloc_secret(const netsession_hooks *hooks, size_t size);
/* Wipes size bytes, then frees.  ptr may be NULL. */
void ns_free(const netsession_hooks *hooks, void *ptr, size_t size);
/* A copy of n bytes plus a NUL, or NULL. */
char *ns_strdup(const netsession_hooks *hooks, const char *s, size_t n);
char *ns_strdup_secret(const netsession_hooks *hooks, const char *s, size_t n);
/* Wipes the string and frees it.  NULL is allowed. */
void ns_strfree(const netsession_hooks *hooks, char *s);

#endif
