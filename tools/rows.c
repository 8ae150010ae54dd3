#include "tools/output.h"

#include <stdlib.h>
#include <string.h>

/* The string members of a row. */
static const size_t strings[] = {
    offsetof(netsession_row, client),
    offsetof(netsession_row, user),
    offsetof(netsession_row, client_type),
    offsetof(netsession_row, transport),
};

static const char **string_at(netsession_row *row, size_t i)
{
    return (const char **)(void *)((char *)row + strings[i]);
}

static void row_free(netsession_row *row)
{
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        free((char *)(uintptr_t)*string_at(row, i));
}

/* Replaces the strings by copies. */
static bool row_own(netsession_row *row)
{
    bool done = true;

    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        const char **s = string_at(row, i);

        if (*s && !(*s = strdup(*s)))
            done = false;
    }
    return done;
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
    if (rows->count == rows->room && !rows_grow(rows))
        return false;
    rows->row[rows->count++] = *row;
    return row_own(&rows->row[rows->count - 1]);
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
