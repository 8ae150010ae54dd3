/* The users file: who may log on.
 *
 *     # name                 password or hash                         rights
 *     alice                  password:Correct horse battery staple
 *     CORP\bob               nt:8846f7eaee8fb117ad06bdd830b7586c      admin
 *
 * A name without a domain holds in every domain.  A password ends with the
 * line, or before a tab; it may contain spaces. */
#ifndef SESSIOND_USERS_H
#define SESSIOND_USERS_H

#include "auth/server.h"

typedef struct users users;

/* Reads the file; NULL, and a sentence on standard error, when that fails.
 * Others must not be able to read it. */
users *users_load(const char *path);
void users_free(users *u); /* wipes; NULL is allowed */
/* For auth_server_params; ctx: the users. */
int users_lookup(void *ctx, const char *domain, const char *user, auth_account *out);

#endif
