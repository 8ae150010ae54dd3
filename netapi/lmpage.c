#include "netapi/lmpage.h"

#include "netapi/lmstr.h"

#include <string.h>

/* ---- The five layouts: where each member of a row goes ---- */

struct member {
    size_t from; /* offset in netsession_row */
    size_t to;   /* offset in SESSION_INFO_x */
};

struct layout {
    DWORD level;
    size_t size;
    struct member strings[5], numbers[5]; /* each ends with AT_END */
};

#define AT(x, row, name)                                                                       \
    {                                                                                          \
        offsetof(netsession_row, row), offsetof(SESSION_INFO_##x, name)                        \
    }
#define AT_END                                                                                 \
    {                                                                                          \
        SIZE_MAX, 0                                                                            \
    }

static const struct layout layouts[] = {
    {0, sizeof(SESSION_INFO_0), {AT(0, client, sesi0_cname), AT_END}, {AT_END}},
    {1,
     sizeof(SESSION_INFO_1),
     {AT(1, client, sesi1_cname), AT(1, user, sesi1_username), AT_END},
     {AT(1, opens, sesi1_num_opens), AT(1, time, sesi1_time), AT(1, idle, sesi1_idle_time),
      AT(1, flags, sesi1_user_flags), AT_END}},
    {2,
     sizeof(SESSION_INFO_2),
     {AT(2, client, sesi2_cname), AT(2, user, sesi2_username),
      AT(2, client_type, sesi2_cltype_name), AT_END},
     {AT(2, opens, sesi2_num_opens), AT(2, time, sesi2_time), AT(2, idle, sesi2_idle_time),
      AT(2, flags, sesi2_user_flags), AT_END}},
    {10,
     sizeof(SESSION_INFO_10),
     {AT(10, client, sesi10_cname), AT(10, user, sesi10_username), AT_END},
     {AT(10, time, sesi10_time), AT(10, idle, sesi10_idle_time), AT_END}},
    {502,
     sizeof(SESSION_INFO_502),
     {AT(502, client, sesi502_cname), AT(502, user, sesi502_username),
      AT(502, client_type, sesi502_cltype_name), AT(502, transport, sesi502_transport), AT_END},
     {AT(502, opens, sesi502_num_opens), AT(502, time, sesi502_time),
      AT(502, idle, sesi502_idle_time), AT(502, flags, sesi502_user_flags), AT_END}},
};

static const struct layout *find_layout(DWORD level)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (layouts[i].level == level)
            return &layouts[i];
    return NULL;
}

bool lm_level_known(DWORD level)
{
    return find_layout(level) != NULL;
}

/* ---- Rows ---- */

static const char *string_of(const netsession_row *row, const struct member *m)
{
    const char *s;

    memcpy(&s, (const char *)row + m->from, sizeof s);
    return s;
}

/* Bytes that the strings of a row take; false when one is not UTF-8. */
static bool measure(const struct layout *l, const netsession_row *row, size_t *bytes)
{
    for (const struct member *m = l->strings; m->from != SIZE_MAX; m++) {
        const char *s = string_of(row, m);
        size_t n = s ? lm_wide_size(s) : 0;

        if (s && !n)
            return false;
        *bytes += n * sizeof(wchar_t);
    }
    return true;
}

/* Fills the structure at to; strings go to tail, whose end is returned. */
static wchar_t *fill(const struct layout *l, const netsession_row *row, BYTE *to, wchar_t *tail)
{
    for (const struct member *m = l->numbers; m->from != SIZE_MAX; m++)
        memcpy(to + m->to, (const char *)row + m->from, sizeof(DWORD));
    for (const struct member *m = l->strings; m->from != SIZE_MAX; m++) {
        const char *s = string_of(row, m);
        wchar_t *put = s ? tail : NULL;

        memcpy(to + m->to, &put, sizeof put);
        if (s)
            tail = lm_wide_put(tail, s);
    }
    return tail;
}

/* ---- Pages ---- */

static DWORD total_size(const struct layout *l, const netsession_page *page, DWORD *size)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < netsession_page_count(page); i++) {
        netsession_row row;
        size_t strings = 0;

        netsession_page_row(page, i, &row);
        if (!measure(l, &row, &strings))
            return RPC_X_BAD_STUB_DATA;
        sum += l->size + strings;
        if (sum > UINT32_MAX)
            return ERROR_NOT_ENOUGH_MEMORY;
    }
    *size = (DWORD)sum;
    return NERR_Success;
}

DWORD lm_buffer_from_page(LPBYTE *out, const netsession_page *page)
{
    const struct layout *l = find_layout(netsession_page_level(page));
    uint32_t count = netsession_page_count(page);
    netsession_row row;
    LPVOID buffer;
    wchar_t *tail;
    DWORD size, rc;

    if (!l)
        return RPC_X_BAD_STUB_DATA;
    if ((rc = total_size(l, page, &size)) != 0)
        return rc;
    if ((rc = NetApiBufferAllocate(size, &buffer)) != 0)
        return rc;
    *out = buffer;
    tail = (void *)(*out + count * l->size);
    for (uint32_t i = 0; i < count; i++) {
        netsession_page_row(page, i, &row);
        tail = fill(l, &row, *out + i * l->size, tail);
    }
    return NERR_Success;
}
