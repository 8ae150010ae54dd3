/* What the command collects and how it prints it. */
#ifndef TOOL_OUTPUT_H
#define TOOL_OUTPUT_H

#include <netsession.h>
#include <stdbool.h>
#include <wchar.h>

/* All the rows of one answer, with copies of their strings. */
struct rows {
    netsession_row *row;
    size_t count, room;
    uint32_t level;
};

/* Drains the list; negative when it ends in an error. */
int rows_collect(struct rows *rows, netsession_list *list);
void rows_free(struct rows *rows);

/* One server's answer.  False when stdout cannot be written. */
bool print_table(const char *server, const struct rows *rows);
bool print_json(const char *server, const struct rows *rows, const netsession_info *info);
bool print_json_error(const char *server, const netsession_error *err);

/* s (UTF-8) for a terminal: whatever would not print, or could change what
 * is printed around it, is written as "\x1b", "\u202e", "\U000e0001".  NULL
 * when out of memory. */
wchar_t *text_clean(const char *s);
/* s as UTF-8, with U+FFFD for each byte that is none; for free().  NULL when
 * out of memory. */
char *text_utf8(const char *s);
/* Columns that it takes on the terminal. */
size_t text_width(const wchar_t *s);

/* "45s", "5m 3s", "2h 14m", "3d 4h"; "-" for what cannot be a duration (a
 * session that began after the server's clock went back). */
#define TEXT_DURATION 24
void text_duration(char out[TEXT_DURATION], uint32_t seconds);

#endif
