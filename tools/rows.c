#include "tools/output.h"

#include <stdlib.h>
#include <string.h>

static void string_free(const char *s)
{
    free((char *)(uintptr_t)s);
}

static void row_free(const netsession_row *row)
{
    string_free(row->client);
    string_free(row->user);
    string_free(row->client_type);
    string_free(row->transport);
}

/* A copy in place of the string; false when out of memory. */
static bool string_own(const char **s)
{
    const char *theirs = *s;

    *s = theirs ? strdup(theirs) : NULL;
    return *s || !theirs;
}

/* All are replaced, so that all can be freed. */
static bool row_own(netsession_row *row)
{
    bool client = string_own(&row->client), user = string_own(&row->user);
    bool type = string_own(&row->client_type), transport = string_own(&row->transport);

    return client && user && type && transport;
}

static bool rows_grow(struct rows *rows)
{
    size_t room = rows->room ? 2 * rows->room : 64;
    netsession_row *row;

    if (room > SIZE_MAX / sizeof *row || !(row = realloc(rows->row, room * sizeof *row)))
        return false;
    rows->row = row;
    rows->room = room;
    return true;
}

static bool rows_add(struct rows *rows, const netsession_row *row)
{
    netsession_row own = *row;

    if (rows->count == rows->room && !rows_grow(rows))
        return false;
    if (!row_own(&own)) {
        row_free(&own);
        return false;
    }
    rows->row[rows->count++] = own;
    return true;
}

int rows_collect(struct rows *rows, netsession_list *list)
{
    netsession_row row;
    int rc;

    while ((rc = netsession_list_next(list, &row)) == 1)
        if (!rows_add(rows, &row))
            return NETSESSION_E_MEMORY;
    rows->level = netsession_list_level(list);
    return rc;
}

void rows_free(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        row_free(&rows->row[i]);
    free(rows->row);
}
