/* All sessions of a server: levels from rich to poor, pages until the end. */
#include <string.h>

#include "netapi/conn.h"

struct netsession_list {
    netsession *ns;
    netsession_query query; /* of the newest page; level settled */
    netsession_page *page;
    uint32_t row;   /* next to be given */
    uint32_t given; /* rows of the pages before */
    uint64_t bytes; /* and what those took in memory */
    int error;      /* what ended the list early */
    uint32_t mark;  /* an earlier resume handle (Brent's cycle detection) */
    uint32_t steps, stride;
};

static const uint32_t auto_levels[] = {502, 2, 1, 10, 0};
#define AUTO_COUNT (sizeof auto_levels / sizeof *auto_levels)

/* Refusals after which a poorer level may be granted. */
static bool level_refused(const netsession *ns)
{
    static const uint32_t codes[] = {5 /* ERROR_ACCESS_DENIED */, 50 /* ERROR_NOT_SUPPORTED */,
                                     124 /* ERROR_INVALID_LEVEL */, 1783 /* BAD_STUB_DATA */};

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (ns->refused.win32 == codes[i])
            return true;
    return false;
}

/* The advice to try another level would be odd after all were tried. */
static void explain_auto(netsession *ns)
{
    netsession_error *e = &ns->refused;

    if (e->code != NETSESSION_E_REFUSED || e->win32 != 5)
        return;
    e->code = 0;
    ns_fail_named(e, NETSESSION_E_REFUSED, e->layer, e->name, e->value, e->win32,
                  "NetrSessionEnum: access denied at every level (%s %u): this account may not "
                  "list sessions there; use one in Administrators or Server Operators",
                  e->name, (unsigned)e->win32);
}

static int fetch(netsession_list *list)
{
    int rc;

    netsession_page_free(list->page);
    list->page = NULL;
    list->row = 0;
    rc = netsession_enum(list->ns, &list->query, &list->page);
    return rc;
}

static int fetch_first(netsession_list *list)
{
    int rc = NETSESSION_E_REFUSED;

    if (list->query.level != NETSESSION_LEVEL_AUTO)
        return fetch(list);
    for (size_t i = 0; i < AUTO_COUNT; i++) {
        list->query.level = auto_levels[i];
        rc = fetch(list);
        if (rc != NETSESSION_E_REFUSED || !level_refused(list->ns))
            return rc;
    }
    explain_auto(list->ns);
    return rc;
}

int netsession_list_new(netsession_list **out, netsession *ns, const netsession_query *query)
{
    netsession_list *list = ns_alloc(&ns->cfg.hooks, sizeof *list);
    int rc;

    *out = NULL;
    if (!list) {
        memset(&ns->refused, 0, sizeof ns->refused);
        ns_fail_code(&ns->refused, NETSESSION_E_MEMORY, NS_LAYER_ARGUMENT);
        return NETSESSION_E_MEMORY;
    }
    list->ns = ns;
    list->stride = 1;
    netsession_query_init(&list->query);
    if (query)
        list->query = *query;
    list->query.no_resume = 0;
    list->mark = list->query.resume;
    rc = fetch_first(list);
    if (rc) {
        netsession_list_free(list);
        return rc;
    }
    *out = list;
    return 0;
}

/* A handle that comes back would mean reading the same rows for ever. */
static bool repeats(netsession_list *list, uint32_t resume)
{
    if (resume == list->query.resume || resume == list->mark)
        return true;
    if (++list->steps == list->stride) {
        list->mark = resume;
        list->steps = 0;
        list->stride *= 2;
    }
    return false;
}

/* More than any server has: a list that only grows has no end.  Who keeps all of
 * it needs room for 64 of the longest replies. */
#define MAX_ROWS    (1u << 22)
#define MAX_REPLIES 64

/* Every session fits into this: four strings of 1,024 units, and a struct. */
#define SMALLEST_LIMIT (4 * 2 * 1024 + 64)

static int count_page(netsession_list *list)
{
    uint64_t most = (uint64_t)MAX_REPLIES * list->ns->cfg.max_reply;

    list->given += netsession_page_count(list->page);
    list->bytes += list->page->size;
    if (list->given > MAX_ROWS)
        return ns_conn_fail(
            list->ns, NETSESSION_E_LIMIT, NS_LAYER_SRVSVC,
            "the server lists more than %u sessions and does not come to an end", MAX_ROWS);
    if (list->bytes > most)
        return ns_conn_fail(list->ns, NETSESSION_E_LIMIT, NS_LAYER_SRVSVC,
                            "the server's list is longer than %llu bytes and does not come to "
                            "an end",
                            (unsigned long long)most);
    return 0;
}

/* The page is used up; is there another? */
static int turn_page(netsession_list *list)
{
    uint32_t resume = netsession_page_resume(list->page);
    int rc;

    if (!netsession_page_more(list->page))
        return 0;
    rc = count_page(list);
    if (rc)
        return rc;
    if (!netsession_page_count(list->page) && list->query.preferred_length < SMALLEST_LIMIT)
        return ns_conn_fail(list->ns, NETSESSION_E_LIMIT, NS_LAYER_SRVSVC,
                            "no session fits into the preferred length of %u bytes",
                            (unsigned)list->query.preferred_length);
    if (!netsession_page_count(list->page) || repeats(list, resume))
        return ns_conn_fail(list->ns, NETSESSION_E_PROTOCOL, NS_LAYER_SRVSVC,
                            "the server says ERROR_MORE_DATA, but its resume handle (%u) leads "
                            "nowhere new",
                            (unsigned)resume);
    list->query.resume = resume;
    return fetch(list);
}

int netsession_list_next(netsession_list *list, netsession_row *row)
{
    while (!list->error && list->page && list->row == netsession_page_count(list->page)) {
        uint32_t more = (uint32_t)netsession_page_more(list->page);

        list->error = turn_page(list);
        if (!list->error && !more)
            return 0;
    }
    if (list->error)
        return list->error;
    netsession_page_row(list->page, list->row++, row);
    return 1;
}

uint32_t netsession_list_level(const netsession_list *list)
{
    return list->query.level;
}

void netsession_list_free(netsession_list *list)
{
    netsession_hooks hooks;

    if (!list)
        return;
    hooks = list->ns->cfg.hooks;
    netsession_page_free(list->page);
    ns_free(&hooks, list, sizeof *list);
}
