#include "tools/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A cell that is wider than this does not push the others away. */
#define WIDEST 48

/* ---- Columns ---- */

/* A cell as text of its own; NULL when out of memory. */
typedef wchar_t *cell_fn(const netsession_row *row);

static wchar_t *name_cell(const char *s)
{
    return text_clean(s ? s : "-");
}

static wchar_t *client_cell(const netsession_row *row)
{
    return name_cell(row->client);
}

static wchar_t *user_cell(const netsession_row *row)
{
    return name_cell(row->user);
}

static wchar_t *client_type_cell(const netsession_row *row)
{
    return name_cell(row->client_type);
}

static wchar_t *transport_cell(const netsession_row *row)
{
    return name_cell(row->transport);
}

static wchar_t *opens_cell(const netsession_row *row)
{
    char text[16];

    snprintf(text, sizeof text, "%u", (unsigned)row->opens);
    return text_clean(text);
}

static wchar_t *duration_cell(uint32_t seconds)
{
    char text[TEXT_DURATION];

    text_duration(text, seconds);
    return text_clean(text);
}

static wchar_t *time_cell(const netsession_row *row)
{
    return duration_cell(row->time);
}

static wchar_t *idle_cell(const netsession_row *row)
{
    return duration_cell(row->idle);
}

static wchar_t *flags_cell(const netsession_row *row)
{
    static const char *const names[] = {"-", "guest", "plaintext", "guest,plaintext"};
    char text[16];

    if (row->flags < sizeof names / sizeof *names)
        return text_clean(names[row->flags]);
    snprintf(text, sizeof text, "0x%x", (unsigned)row->flags);
    return text_clean(text);
}

static const struct column {
    const wchar_t *title;
    unsigned needs; /* netsession_row.present; 0: every level has it */
    bool right;
    cell_fn *cell;
} columns[] = {
    {L"CLIENT", 0, false, client_cell},
    {L"USER", NETSESSION_HAS_USER, false, user_cell},
    {L"OPENS", NETSESSION_HAS_OPENS, true, opens_cell},
    {L"TIME", NETSESSION_HAS_TIME, true, time_cell},
    {L"IDLE", NETSESSION_HAS_TIME, true, idle_cell},
    {L"FLAGS", NETSESSION_HAS_FLAGS, false, flags_cell},
    {L"TYPE", NETSESSION_HAS_CLIENT_TYPE, false, client_type_cell},
    {L"TRANSPORT", NETSESSION_HAS_TRANSPORT, false, transport_cell},
};

#define COLUMNS (sizeof columns / sizeof *columns)

static bool has_column(const struct rows *rows, size_t c)
{
    return (rows->row[0].present & columns[c].needs) == columns[c].needs;
}

/* ---- Widths ---- */

static bool widen(size_t *width, const struct column *column, const netsession_row *row)
{
    wchar_t *text = column->cell(row);
    size_t w = text ? text_width(text) : 0;

    if (w > *width && w <= WIDEST)
        *width = w;
    free(text);
    return text != NULL;
}

static bool measure(size_t width[COLUMNS], const struct rows *rows)
{
    for (size_t c = 0; c < COLUMNS; c++) {
        width[c] = wcslen(columns[c].title);
        for (size_t i = 0; i < rows->count; i++)
            if (!widen(&width[c], &columns[c], &rows->row[i]))
                return false;
    }
    return true;
}

/* ---- Lines ---- */

struct line {
    size_t owed; /* blanks to be written before the next cell, if one comes */
};

static void put_cell(struct line *line, const wchar_t *text, size_t width, bool right)
{
    size_t w = text_width(text), pad = w < width ? width - w : 0;

    if (!w) {
        line->owed += width + 2;
        return;
    }
    printf("%*s%ls", (int)(line->owed + (right ? pad : 0)), "", text);
    line->owed = 2 + (right ? 0 : pad);
}

static bool put_titles(const struct rows *rows, const size_t width[COLUMNS])
{
    struct line line = {0};

    for (size_t c = 0; c < COLUMNS; c++)
        if (has_column(rows, c))
            put_cell(&line, columns[c].title, width[c], columns[c].right);
    return putchar('\n') != EOF;
}

/* The line ends also when it lacks something: what comes next is not part of it. */
static bool put_row(const struct rows *rows, size_t i, const size_t width[COLUMNS])
{
    struct line line = {0};
    bool ok = true;

    for (size_t c = 0; ok && c < COLUMNS; c++) {
        wchar_t *text = has_column(rows, c) ? columns[c].cell(&rows->row[i]) : NULL;

        if (text)
            put_cell(&line, text, width[c], columns[c].right);
        else
            ok = !has_column(rows, c);
        free(text);
    }
    return putchar('\n') != EOF && ok;
}

static bool put_rows(const struct rows *rows, const size_t width[COLUMNS])
{
    bool good = !rows->count || put_titles(rows, width);

    for (size_t i = 0; good && i < rows->count; i++)
        good = put_row(rows, i, width);
    return good;
}

static bool put_header(const char *server, const struct rows *rows)
{
    wchar_t *name = text_clean(server);

    if (name && rows->count)
        printf("%ls: %zu session%s (level %u, complete)\n", name, rows->count,
               rows->count == 1 ? "" : "s", (unsigned)rows->level);
    else if (name)
        printf("%ls: There are no sessions. (level %u, complete)\n", name,
               (unsigned)rows->level);
    free(name);
    return name != NULL;
}

bool print_table(const char *server, const struct rows *rows)
{
    size_t width[COLUMNS];
    bool good = measure(width, rows) && put_header(server, rows) && put_rows(rows, width);

    return fflush(stdout) == 0 && good && !ferror(stdout);
}
