/* Kept connections: what NetUseAdd adds, and how a call finds it. */
#ifndef NS_LMUSE_H
#define NS_LMUSE_H

#include <lm.h>
#include <netsession.h>

/* UTF-8, owned; each may be NULL. */
struct lm_credentials {
    char *user, *domain, *password;
};
/* Wipes and frees the strings. */
void lm_credentials_free(struct lm_credentials *c);

/* Connects and keeps the connection.  Takes the strings of *c over, whatever
 * the outcome. */
DWORD lm_use_add(const char *server, struct lm_credentials *c);
/* Takes one lm_use_add back, or all. */
DWORD lm_use_drop(const char *server, int all);

/* The use of a server, held until lm_use_release; NULL when there is none. */
struct lm_use *lm_use_find(const char *server);
void lm_use_release(struct lm_use *use);
/* One call over the kept connection, which is made again when it broke. */
DWORD lm_use_enum(struct lm_use *use, const netsession_query *query, netsession_page **page);

/* A connection that is ready, in *out, or an error. */
DWORD lm_connect(netsession **out, const netsession_config *cfg, const char *server);
/* The Win32 code of an error; never 0. */
DWORD lm_status(const netsession_error *e);
/* Closes in good order and frees. */
void lm_disconnect(netsession *ns);

#endif
