#include "srvsvc/page.h"

netsession_page *srvsvc_page_new(const netsession_hooks *hooks, size_t data)
{
    size_t size = sizeof(netsession_page) + data;
    netsession_page *page = ns_alloc(hooks, size);

    if (page) {
        page->hooks = *hooks;
        page->size = size;
    }
    return page;
}

void netsession_page_free(netsession_page *page)
{
    netsession_hooks hooks;

    if (!page)
        return;
    hooks = page->hooks;
    ns_free(&hooks, page, page->size);
}

uint32_t netsession_page_level(const netsession_page *page)
{
    return page->out.level;
}

uint32_t netsession_page_count(const netsession_page *page)
{
    return page->out.count;
}

uint32_t netsession_page_total(const netsession_page *page)
{
    return page->out.total;
}

uint32_t netsession_page_resume(const netsession_page *page)
{
    return page->out.has_resume ? page->out.resume : 0;
}

int netsession_page_more(const netsession_page *page)
{
    return page->out.status == 234; /* ERROR_MORE_DATA */
}

/* ---- Rows: what each level has ---- */

enum {
    HAS_10 = NETSESSION_HAS_USER | NETSESSION_HAS_TIME,
    HAS_1 = HAS_10 | NETSESSION_HAS_OPENS | NETSESSION_HAS_FLAGS,
    HAS_2 = HAS_1 | NETSESSION_HAS_CLIENT_TYPE,
    HAS_502 = HAS_2 | NETSESSION_HAS_TRANSPORT
};

static void row_0(const void *entries, uint32_t i, netsession_row *out)
{
    const srvsvc_session_info_0 *e = (const srvsvc_session_info_0 *)entries + i;

    *out = (netsession_row){.client = e->cname};
}

static void row_1(const void *entries, uint32_t i, netsession_row *out)
{
    const srvsvc_session_info_1 *e = (const srvsvc_session_info_1 *)entries + i;

    *out = (netsession_row){.present = HAS_1,
                            .client = e->cname,
                            .user = e->username,
                            .opens = e->num_opens,
                            .time = e->time,
                            .idle = e->idle_time,
                            .flags = e->user_flags};
}

static void row_2(const void *entries, uint32_t i, netsession_row *out)
{
    const srvsvc_session_info_2 *e = (const srvsvc_session_info_2 *)entries + i;

    *out = (netsession_row){.present = HAS_2,
                            .client = e->cname,
                            .user = e->username,
                            .opens = e->num_opens,
                            .time = e->time,
                            .idle = e->idle_time,
                            .flags = e->user_flags,
                            .client_type = e->cltype_name};
}

static void row_10(const void *entries, uint32_t i, netsession_row *out)
{
    const srvsvc_session_info_10 *e = (const srvsvc_session_info_10 *)entries + i;

    *out = (netsession_row){.present = HAS_10,
                            .client = e->cname,
                            .user = e->username,
                            .time = e->time,
                            .idle = e->idle_time};
}

static void row_502(const void *entries, uint32_t i, netsession_row *out)
{
    const srvsvc_session_info_502 *e = (const srvsvc_session_info_502 *)entries + i;

    *out = (netsession_row){.present = HAS_502,
                            .client = e->cname,
                            .user = e->username,
                            .opens = e->num_opens,
                            .time = e->time,
                            .idle = e->idle_time,
                            .flags = e->user_flags,
                            .client_type = e->cltype_name,
                            .transport = e->transport};
}

static const struct {
    uint32_t level;
    void (*row)(const void *entries, uint32_t i, netsession_row *out);
} levels[] = {{0, row_0}, {1, row_1}, {2, row_2}, {10, row_10}, {502, row_502}};

void netsession_page_row(const netsession_page *page, uint32_t i, netsession_row *out)
{
    *out = (netsession_row){0};
    for (size_t k = 0; i < page->out.count && k < sizeof levels / sizeof *levels; k++)
        if (levels[k].level == page->out.level)
            levels[k].row(page->out.entries, i, out);
}
