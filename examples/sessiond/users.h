/* The users file: who may log on.
 *
 *     # name                 password or hash                         rights
 *     alice                  password:Correct horse battery staple
 *     CORP\bob               nt:8846f7eaee8fb117ad06bdd830b7586c      admin
 *
 * A name without a domain holds in every domain that has no line of its own for
 * it; no name is there twice in one.  With Kerberos the domain is the realm,
 * "CORP.EXAMPLE".  A password ends with the line, or before a tab, and may
 * contain spaces: hence "admin" after it needs a tab before, which the reader
 * insists on rather than guess. */
#ifndef SESSIOND_USERS_H
#define SESSIOND_USERS_H

#include "auth/server.h"

typedef struct users users;

/* Reads the file, or where path is NULL has no users; NULL, and a sentence on
 * standard error, when that fails.  Others must not be able to read it. */
users *users_load(const char *path);
void users_free(users *u); /* wipes; NULL is allowed */
/* For auth_server_params; ctx: the users. */
int users_lookup(void *ctx, const char *domain, const char *name, auth_account *out);

#endif
