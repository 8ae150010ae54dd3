#include <lm.h>

#include "netapi/lmpage.h"
#include "netapi/lmstr.h"
#include "netapi/lmuse.h"

/* ---- The caller's names ---- */

struct names {
    char *server, *client, *user;
};

static void names_free(struct names *n)
{
    lm_strfree(n->server);
    lm_strfree(n->client);
    lm_strfree(n->user);
}

/* [MS-SRVS] 3.1.4.5: a client's name that is not empty begins with "\\". */
static bool is_client(const wchar_t *s)
{
    return !s || !*s || (s[0] == L'\\' && s[1] == L'\\');
}

static DWORD names_read(struct names *n, const wchar_t *server, const wchar_t *client,
                        const wchar_t *user)
{
    DWORD rc = lm_server(&n->server, server);

    if (!rc)
        rc = lm_utf8(&n->client, client);
    if (!rc)
        rc = lm_utf8(&n->user, user);
    return !rc && !is_client(client) ? NERR_InvalidComputer : rc;
}

/* ---- One question ---- */

/* Over a connection for this call alone. */
static DWORD ask_once(const char *server, const netsession_query *query, netsession_page **page)
{
    netsession_config *cfg = netsession_config_new(NULL);
    netsession *ns = NULL;
    DWORD rc;

    if (!cfg)
        return ERROR_NOT_ENOUGH_MEMORY;
    if (netsession_config_environment(cfg) != 0)
        rc = lm_status(netsession_config_error(cfg));
    else
        rc = lm_connect(&ns, cfg, server);
    if (!rc && netsession_enum(ns, query, page) != 0)
        rc = lm_status(netsession_last_error(ns));
    lm_disconnect(ns);
    netsession_config_free(cfg);
    return rc;
}

static DWORD ask(const char *server, const netsession_query *query, netsession_page **page)
{
    struct lm_use *use = lm_use_find(server);
    DWORD rc;

    if (!use)
        return ask_once(server, query, page);
    rc = lm_use_enum(use, query, page);
    lm_use_release(use);
    return rc;
}

/* ---- The answer ---- */

struct out {
    LPBYTE *buffer;
    LPDWORD read, total, resume;
};

/* All that there is to store into is cleared; false when something is not there. */
static bool out_clear(const struct out *out)
{
    if (out->buffer)
        *out->buffer = NULL;
    if (out->read)
        *out->read = 0;
    if (out->total)
        *out->total = 0;
    return out->buffer && out->read && out->total;
}

static DWORD out_fill(const struct out *out, const netsession_page *page)
{
    DWORD rc = lm_buffer_from_page(out->buffer, page);

    if (rc)
        return rc;
    *out->read = netsession_page_count(page);
    *out->total = netsession_page_total(page);
    if (out->resume)
        *out->resume = netsession_page_resume(page);
    return netsession_page_more(page) ? ERROR_MORE_DATA : NERR_Success;
}

static DWORD answer(const char *server, const netsession_query *query, const struct out *out)
{
    netsession_page *page = NULL;
    DWORD rc = ask(server, query, &page);

    if (!rc)
        rc = out_fill(out, page);
    netsession_page_free(page);
    return rc;
}

NET_API_STATUS NetSessionEnum(LMCSTR servername, LMCSTR UncClientName, LMCSTR username,
                              DWORD level, LPBYTE *bufptr, DWORD prefmaxlen,
                              LPDWORD entriesread, LPDWORD totalentries, LPDWORD resume_handle)
{
    const struct out out = {bufptr, entriesread, totalentries, resume_handle};
    struct names names = {0};
    netsession_query query;
    DWORD rc;

    if (!out_clear(&out))
        return ERROR_INVALID_PARAMETER;
    if (!lm_level_known(level))
        return ERROR_INVALID_LEVEL;
    netsession_query_init(&query);
    query.level = level;
    query.preferred_length = prefmaxlen;
    query.resume = resume_handle ? *resume_handle : 0;
    query.no_resume = !resume_handle;
    rc = names_read(&names, servername, UncClientName, username);
    query.client = names.client;
    query.user = names.user;
    if (!rc)
        rc = answer(names.server, &query, &out);
    names_free(&names);
    return rc;
}
