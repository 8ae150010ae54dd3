/* The process's uses.  The table's lock is held for moments only; a use's own
 * lock for the length of a call.  A use lives while the table or a call holds
 * a reference. */
#include "netapi/lmuse.h"

#include "netapi/lmstr.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct lm_use {
    struct lm_use *next; /* these three: under the table's lock */
    unsigned refs, uses;
    pthread_mutex_t lock; /* guards ns */
    netsession *ns;       /* NULL: connect before the next call */
    netsession_config *cfg;
    char *server;
    struct lm_credentials who;
};

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct lm_use *table;

/* ---- Credentials ---- */

void lm_credentials_free(struct lm_credentials *c)
{
    lm_strfree(c->user);
    lm_strfree(c->domain);
    lm_strfree(c->password);
    memset(c, 0, sizeof *c);
}

static bool same_string(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_credentials(const struct lm_credentials *a, const struct lm_credentials *b)
{
    return same_string(a->user, b->user) && same_string(a->domain, b->domain) &&
           same_string(a->password, b->password);
}

static int apply(netsession_config *cfg, const struct lm_credentials *c)
{
    int err = 0;

    if (c->user && !*c->user)
        return netsession_config_anonymous(cfg, 1);
    if (c->user)
        err = netsession_config_user(cfg, c->domain, c->user);
    if (!err && c->password)
        err = netsession_config_password(cfg, c->password);
    if (!err && (!c->user || !c->password))
        err = netsession_config_environment(cfg);
    return err;
}

static DWORD configure(netsession_config **out, const struct lm_credentials *c)
{
    if (!(*out = netsession_config_new(NULL)))
        return ERROR_NOT_ENOUGH_MEMORY;
    return apply(*out, c) ? lm_status(netsession_config_error(*out)) : NERR_Success;
}

/* ---- One use ---- */

static void use_free(struct lm_use *use)
{
    lm_disconnect(use->ns);
    netsession_config_free(use->cfg);
    lm_strfree(use->server);
    lm_credentials_free(&use->who);
    pthread_mutex_destroy(&use->lock);
    free(use);
}

static DWORD use_open(struct lm_use *use, const char *server)
{
    DWORD rc = configure(&use->cfg, &use->who);

    if (rc)
        return rc;
    if (!(use->server = lm_strdup(server)))
        return ERROR_NOT_ENOUGH_MEMORY;
    return lm_connect(&use->ns, use->cfg, use->server);
}

/* A connected use that nobody knows of yet.  Takes *c over. */
static DWORD use_new(struct lm_use **out, const char *server, struct lm_credentials *c)
{
    struct lm_use *use = calloc(1, sizeof *use);
    DWORD rc;

    if (!use || pthread_mutex_init(&use->lock, NULL) != 0) {
        free(use);
        lm_credentials_free(c);
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    use->refs = use->uses = 1;
    use->who = *c;
    memset(c, 0, sizeof *c);
    if ((rc = use_open(use, server)) != 0)
        use_free(use);
    else
        *out = use;
    return rc;
}

/* ---- The table, its lock held ---- */

static struct lm_use **table_slot(const char *server)
{
    struct lm_use **slot = &table;

    while (*slot && !lm_same_server((*slot)->server, server))
        slot = &(*slot)->next;
    return slot;
}

/* True when server has a use: counted once more, or in conflict. */
static bool table_join(const char *server, const struct lm_credentials *c, DWORD *rc)
{
    struct lm_use *use = *table_slot(server);

    if (!use)
        return false;
    *rc = same_credentials(&use->who, c) ? NERR_Success : ERROR_SESSION_CREDENTIAL_CONFLICT;
    use->uses += *rc == NERR_Success;
    return true;
}

/* ---- The table ---- */

struct lm_use *lm_use_find(const char *server)
{
    struct lm_use *use;

    pthread_mutex_lock(&table_lock);
    use = *table_slot(server);
    if (use)
        use->refs++;
    pthread_mutex_unlock(&table_lock);
    return use;
}

void lm_use_release(struct lm_use *use)
{
    unsigned left;

    pthread_mutex_lock(&table_lock);
    left = --use->refs;
    pthread_mutex_unlock(&table_lock);
    if (!left)
        use_free(use);
}

static bool joined(const char *server, const struct lm_credentials *c, DWORD *rc)
{
    bool known;

    pthread_mutex_lock(&table_lock);
    known = table_join(server, c, rc);
    pthread_mutex_unlock(&table_lock);
    return known;
}

/* Another thread may have added the server while this one connected: then
 * that one stays. */
static DWORD publish(struct lm_use *use)
{
    DWORD rc = NERR_Success;
    bool known;

    pthread_mutex_lock(&table_lock);
    known = table_join(use->server, &use->who, &rc);
    if (!known) {
        use->next = table;
        table = use;
    }
    pthread_mutex_unlock(&table_lock);
    if (known)
        use_free(use);
    return rc;
}

DWORD lm_use_add(const char *server, struct lm_credentials *c)
{
    struct lm_use *use;
    DWORD rc;

    if (joined(server, c, &rc)) {
        lm_credentials_free(c);
        return rc;
    }
    rc = use_new(&use, server, c);
    return rc ? rc : publish(use);
}

DWORD lm_use_drop(const char *server, int all)
{
    struct lm_use **slot, *use, *gone = NULL;

    pthread_mutex_lock(&table_lock);
    use = *(slot = table_slot(server));
    if (use && (all || --use->uses == 0)) {
        *slot = use->next;
        gone = use;
    }
    pthread_mutex_unlock(&table_lock);
    if (gone)
        lm_use_release(gone);
    return use ? NERR_Success : NERR_UseNotFound;
}

/* ---- A call over a use ---- */

static bool is_smb2(const netsession_error *e)
{
    return e->layer && strcmp(e->layer, "smb2") == 0;
}

/* The connection broke, or SMB says: what you logged on to is gone. */
static bool is_gone(const netsession_error *e)
{
    static const uint32_t gone[] = {
        0xC00000B0, /* STATUS_PIPE_DISCONNECTED */
        0xC00000C9, /* STATUS_NETWORK_NAME_DELETED */
        0xC0000128, /* STATUS_FILE_CLOSED */
        0xC000014B, /* STATUS_PIPE_BROKEN */
        0xC0000203, /* STATUS_USER_SESSION_DELETED */
        0xC000020C, /* STATUS_CONNECTION_DISCONNECTED */
        0xC000035C, /* STATUS_NETWORK_SESSION_EXPIRED */
    };

    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        if (is_smb2(e) && e->value == gone[i])
            return true;
    return e->code == NETSESSION_E_IO;
}

/* A connection lives on only after an answer of srvsvc or RPC. */
static bool lives_on(const netsession_error *e)
{
    return e->code == NETSESSION_E_REFUSED && !is_smb2(e);
}

static DWORD enum_once(struct lm_use *use, const netsession_query *query,
                       netsession_page **page, bool *broke)
{
    const netsession_error *e;
    DWORD rc;

    *broke = false;
    if (!use->ns && (rc = lm_connect(&use->ns, use->cfg, use->server)) != 0)
        return rc;
    if (netsession_enum(use->ns, query, page) == 0)
        return NERR_Success;
    e = netsession_last_error(use->ns);
    rc = lm_status(e);
    *broke = is_gone(e);
    if (!lives_on(e)) {
        netsession_free(use->ns);
        use->ns = NULL;
    }
    return rc;
}

DWORD lm_use_enum(struct lm_use *use, const netsession_query *query, netsession_page **page)
{
    bool kept, broke;
    DWORD rc;

    pthread_mutex_lock(&use->lock);
    kept = use->ns != NULL;
    rc = enum_once(use, query, page, &broke);
    if (kept && broke)
        rc = enum_once(use, query, page, &broke);
    pthread_mutex_unlock(&use->lock);
    return rc;
}
