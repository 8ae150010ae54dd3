#include "tools/output.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* Each answer is one line.  Other than ASCII is escaped, so that a line may be
 * shown on any terminal.  jansson passes an allocation failure on: a value
 * that is NULL cannot be set, and a failed set is counted. */

/* A name on the command line need not be UTF-8. */
static json_t *text(const char *s)
{
    char *valid = s ? text_utf8(s) : NULL;
    json_t *json = s ? json_string(valid) : json_null();

    free(valid);
    return json;
}

static int set_number(json_t *object, const char *key, uint32_t n)
{
    return json_object_set_new(object, key, json_integer((json_int_t)n));
}

static int set_text(json_t *object, const char *key, const char *s)
{
    return json_object_set_new(object, key, text(s));
}

/* ---- Sessions: members in the order of the documentation ---- */

static int set_time(json_t *object, const netsession_row *row)
{
    return set_number(object, "time", row->time) | set_number(object, "idle", row->idle);
}

static json_t *session(const netsession_row *row)
{
    json_t *object = json_object();
    unsigned has = row->present;
    int bad = set_text(object, "client", row->client);

    if (has & NETSESSION_HAS_USER)
        bad |= set_text(object, "user", row->user);
    if (has & NETSESSION_HAS_OPENS)
        bad |= set_number(object, "opens", row->opens);
    if (has & NETSESSION_HAS_TIME)
        bad |= set_time(object, row);
    if (has & NETSESSION_HAS_FLAGS)
        bad |= set_number(object, "flags", row->flags);
    if (has & NETSESSION_HAS_CLIENT_TYPE)
        bad |= set_text(object, "client_type", row->client_type);
    if (has & NETSESSION_HAS_TRANSPORT)
        bad |= set_text(object, "transport", row->transport);
    if (!bad)
        return object;
    json_decref(object);
    return NULL;
}

/* ---- Lines ---- */

#define FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII)

/* Consumes object, which may be NULL. */
static bool put_object(json_t *object, int bad, size_t flags)
{
    bad = bad || json_dumpf(object, stdout, FLAGS | flags) != 0;
    json_decref(object);
    return !bad;
}

static bool put_text(const char *s)
{
    return fputs(s, stdout) != EOF;
}

/* Also of what was not all written: what comes next is not part of it. */
static bool end_line(void)
{
    return putchar('\n') != EOF && fflush(stdout) == 0;
}

/* One by one, so that a million of them need no tree. */
static bool put_sessions(const struct rows *rows)
{
    bool ok = put_text(",\"sessions\":[");

    for (size_t i = 0; ok && i < rows->count; i++) {
        int bad = i && !put_text(",");

        ok = put_object(session(&rows->row[i]), bad, 0);
    }
    return ok && put_text("]");
}

bool print_json(const char *server, const struct rows *rows, const netsession_info *info)
{
    json_t *head = json_object();
    int bad = set_text(head, "server", server);
    bool ok;

    bad |= set_number(head, "level", rows->level);
    bad |= set_text(head, "dialect", info->dialect_name);
    bad |= set_text(head, "signing", info->signing);
    bad |= set_text(head, "cipher", info->cipher);
    bad |= set_text(head, "auth", info->auth);
    bad |= json_object_set_new(head, "complete", json_true());
    ok = put_object(head, !put_text("{") || bad, JSON_EMBED) && put_sessions(rows) &&
         put_text("}");
    return end_line() && ok;
}

bool print_json_error(const char *server, const netsession_error *err)
{
    json_t *line = json_object(), *error = json_object();
    int bad = set_text(line, "server", server);
    bool ok;

    bad |= set_text(error, "layer", err->layer);
    bad |= set_text(error, "code", err->name);
    bad |= set_number(error, "value", err->win32);
    bad |= set_text(error, "message", err->message);
    bad |= json_object_set_new(line, "error", error);
    ok = put_object(line, bad, 0);
    return end_line() && ok;
}
