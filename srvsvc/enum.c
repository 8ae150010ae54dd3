/*
 * NetrSessionEnum's rules: [MS-SRVS] 3.1.4.5, in the order of its text.
 *
 * A ResumeHandle is the id of the last session returned, not its index in the
 * list: a session that ends between two pages then shifts nothing, and those
 * that stay come exactly once.
 */
#include <string.h>

#include "base/utf.h"
#include "srvsvc/call.h"

/* ---- Levels ---- */

enum { CLIENT, USER, CLIENT_TYPE, TRANSPORT, NAMES }; /* in the order of the structs */

struct row {
    const srvsvc_session *session;
    const char *name[NAMES];
};

#define SETTER(n, ...)                                                                         \
    static void set_##n(void *rows, uint32_t i, const struct row *r)                           \
    {                                                                                          \
        ((srvsvc_session_info_##n *)rows)[i] = (srvsvc_session_info_##n){__VA_ARGS__};         \
    }

#define WHO   .cname = r->name[CLIENT], .username = r->name[USER]
#define TIMES .time = r->session->time, .idle_time = r->session->idle
#define MORE  .num_opens = r->session->opens, .user_flags = r->session->flags
#define TYPE  .cltype_name = r->name[CLIENT_TYPE]

SETTER(0, .cname = r->name[CLIENT])
SETTER(1, WHO, TIMES, MORE)
SETTER(2, WHO, TIMES, MORE, TYPE)
SETTER(10, WHO, TIMES)
SETTER(502, WHO, TIMES, MORE, TYPE, .transport = r->name[TRANSPORT])

/* PreferedMaximumLength counts what the caller of NetSessionEnum gets into
 * its buffer: structs, and strings with their NULs in UTF-16.  The structs are
 * those of 64-bit Windows, as its servers count them, wherever we run. */
static const struct level {
    uint32_t level;
    unsigned names; /* how many of them it has */
    uint32_t counted;
    size_t size;
    void (*set)(void *rows, uint32_t i, const struct row *r);
    srvsvc_right right;
} levels[] = {
    {0, 1, 8, sizeof(srvsvc_session_info_0), set_0, SRVSVC_READ},
    {1, 2, 32, sizeof(srvsvc_session_info_1), set_1, SRVSVC_ADMIN},
    {2, 3, 40, sizeof(srvsvc_session_info_2), set_2, SRVSVC_ADMIN},
    {10, 2, 24, sizeof(srvsvc_session_info_10), set_10, SRVSVC_READ},
    {502, 4, 48, sizeof(srvsvc_session_info_502), set_502, SRVSVC_ADMIN},
};

static const struct level *level_of(uint32_t level)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (levels[i].level == level)
            return &levels[i];
    return NULL;
}

/* Product behavior notes 52 and 53 want an administrator; the rights by level
 * are those of the SrvsvcSessionInfo descriptor.  Whoever may read at all is
 * told that a level does not exist. */
static srvsvc_right right(const void *in)
{
    const srvsvc_session_enum_request *request = in;
    const struct level *level = level_of(request->info.level);

    return level ? level->right : SRVSVC_READ;
}

/* ---- Rows: what one takes, and its making ---- */

/* The names of a session, as they are sent but for the backslashes that
 * Windows puts before a client's. */
static struct row row_of(const srvsvc_session *s)
{
    return (struct row){.session = s,
                        .name = {srvsvc_name_or_empty(s->client), srvsvc_name_or_empty(s->user),
                                 srvsvc_name_or_empty(s->client_type),
                                 srvsvc_name_or_empty(s->transport)}};
}

static const char *prefix(unsigned name)
{
    return name == CLIENT ? "\\\\" : "";
}

/* NDR64 lays the structs out as 64-bit Windows does; a string has three counts
 * of 8 bytes before it and up to 6 of padding behind.  NDR takes less. */
#define NAME_OVERHEAD  30u
#define REPLY_OVERHEAD 128u /* all that is neither row nor name */

struct size {
    uint32_t counted; /* for PreferedMaximumLength */
    uint32_t wire;    /* at most */
    size_t text;      /* UTF-8 */
};

static struct size size_of(const struct level *level, const struct row *row)
{
    struct size size = {level->counted, level->counted, 0};

    for (unsigned i = 0; i < level->names; i++) {
        uint32_t bytes = srvsvc_name_bytes(row->name[i]) + 2 * (uint32_t)strlen(prefix(i));

        size.counted += bytes;
        size.wire += bytes + NAME_OVERHEAD;
        size.text += strlen(prefix(i)) + strlen(row->name[i]) + 1;
    }
    return size;
}

/* ---- A page ---- */

struct page {
    const srvsvc_backend *backend;
    const struct level *level;
    const char *client, *user; /* what to match, or NULL */
    uint32_t after;            /* the ResumeHandle */
    uint32_t length, wire;     /* room left */
    bool full;                 /* an entry did not fit */
    bool any;                  /* sessions there are, matching or not */
    uint32_t total;            /* matching ones */
    uint32_t count, last;      /* rows taken, and the id of the last */
    size_t text;               /* of the rows */
};

static bool matches(const struct page *p, const srvsvc_session *s)
{
    return (!p->client || srvsvc_name_equal(p->client, s->client)) &&
           (!p->user || srvsvc_name_equal(p->user, s->user));
}

/* The next one that matches. */
static bool next_match(struct page *p, uint32_t after, srvsvc_session *s)
{
    while (p->backend->next(p->backend->ctx, after, s)) {
        p->any = true;
        if (matches(p, s))
            return true;
        after = s->id;
    }
    return false;
}

/* Entries are whole or not there.  Behind the first that does not fit comes no
 * smaller one: the ResumeHandle could not tell. */
static void take(struct page *p, const srvsvc_session *s)
{
    struct row row = row_of(s);
    struct size size = size_of(p->level, &row);

    p->total++;
    p->full = p->full || size.counted > p->length || size.wire > p->wire;
    if (p->full)
        return;
    if (p->length != MAX_PREFERRED_LENGTH)
        p->length -= size.counted;
    p->wire -= size.wire;
    p->text += size.text;
    p->last = s->id;
    p->count++;
}

/* How many rows fit, how much memory they need, how many there are. */
static void measure(struct page *p)
{
    const srvsvc_backend *b = p->backend;
    bool countable = b->count_after && !p->client && !p->user;
    srvsvc_session s = {.id = p->after};

    p->last = p->after;
    while (!(p->full && countable) && next_match(p, s.id, &s))
        take(p, &s);
    if (p->full && countable)
        p->total = p->count + b->count_after(b->ctx, p->last);
}

/* Appends to the text, which was measured before.  Should the table have
 * changed since, against the rules, a name is cut rather than memory. */
static const char *put_name(char **text, size_t *left, const char *before, const char *name)
{
    size_t a = strlen(before), b = strlen(name);
    char *at = *text;

    if (a + b >= *left)
        return "";
    // NOLINTNEXTLINE(bugprone-not-null-terminated-result): the NUL comes with the name
    memcpy(at, before, a);
    memcpy(at + a, name, b + 1);
    *text += a + b + 1;
    *left -= a + b + 1;
    return at;
}

/* One block: the rows, then their text. */
static uint32_t fill(const struct page *p, void *rows)
{
    char *text = (char *)rows + p->count * p->level->size;
    size_t left = p->text;
    struct page again = *p;
    srvsvc_session s = {.id = p->after};
    uint32_t i;

    for (i = 0; i < p->count && next_match(&again, s.id, &s); i++) {
        struct row row = row_of(&s);

        for (unsigned k = 0; k < p->level->names; k++)
            row.name[k] = put_name(&text, &left, prefix(k), row.name[k]);
        p->level->set(rows, i, &row);
    }
    return i;
}

/* ---- The call ---- */

/* All of it but the rows is there in a refusal, too: the caller's own level,
 * an empty container, the ResumeHandle as it came. */
static void echo(const void *in, void *out)
{
    const srvsvc_session_enum_request *request = in;
    srvsvc_session_enum_reply *reply = out;

    reply->info.level = request->info.level;
    reply->info.container = &reply->rows;
    reply->resume = request->resume;
    reply->has_resume = request->has_resume;
}

static bool not_a_client(const srvsvc_session_enum_request *r)
{
    return srvsvc_name_given(r->client) && !srvsvc_name_client(r->client);
}

static bool names_too_long(const srvsvc_session_enum_request *r)
{
    return srvsvc_name_too_long(r->client) || srvsvc_name_too_long(r->user);
}

static bool no_such_level(const srvsvc_session_enum_request *r)
{
    return !level_of(r->info.level);
}

/* What is wrong with the request itself. */
static uint32_t judge(const srvsvc_session_enum_request *request)
{
    static const struct {
        bool (*broken)(const srvsvc_session_enum_request *request);
        uint32_t status;
    } rules[] = {
        {not_a_client, NERR_INVALID_COMPUTER},
        {names_too_long, ERROR_INVALID_PARAMETER},
        {no_such_level, ERROR_INVALID_LEVEL},
    };

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].broken(request))
            return rules[i].status;
    return NERR_SUCCESS;
}

static struct page page_of(const srvsvc_backend *b, const srvsvc_session_enum_request *r)
{
    return (struct page){.backend = b,
                         .level = level_of(r->info.level),
                         .client = srvsvc_name_given(r->client) ? srvsvc_name_client(r->client)
                                                                : NULL,
                         .user = srvsvc_name_given(r->user) ? r->user : NULL,
                         .after = r->has_resume ? r->resume : 0,
                         .length = r->preferred_length,
                         .wire = SRVSVC_MAX_REPLY - REPLY_OVERHEAD};
}

/* No row, and no more to come.  A handle behind the end of the list is no
 * error.  A name that nothing matches is one, but if only the pages before had
 * it, the list has come to its end. */
static uint32_t judge_none(struct page *p)
{
    srvsvc_session s;

    if ((!p->client && !p->user) || (p->after && !p->any) || next_match(p, 0, &s))
        return NERR_SUCCESS;
    return p->client ? NERR_CLIENT_NAME_NOT_FOUND : NERR_USER_NOT_FOUND;
}

/*
 * When not even one entry fits, the answer is ERROR_MORE_DATA all the same,
 * with none: NERR_BufTooSmall is for other calls, the text of this one knows
 * only "the maximum number of entries that will fit".  The ResumeHandle then
 * stays as it was.  It is set on success, too, as Windows does.
 */
static uint32_t run(srvsvc_call *call, const void *in, void *out)
{
    const srvsvc_session_enum_request *request = in;
    srvsvc_session_enum_reply *reply = out;
    uint32_t status = judge(request);
    struct page p;

    if (status)
        return status;
    p = page_of(call->backend, request);
    measure(&p);
    if (!p.total)
        return judge_none(&p);
    call->rows_size = p.count * p.level->size + p.text + 1;
    call->rows = ns_alloc(call->hooks, call->rows_size);
    if (!call->rows)
        return ERROR_NOT_ENOUGH_MEMORY;
    reply->rows.count = fill(&p, call->rows);
    reply->rows.entries = reply->rows.count ? call->rows : NULL;
    reply->total = p.total;
    reply->resume = p.last;
    return p.full ? ERROR_MORE_DATA : NERR_SUCCESS;
}

const srvsvc_op srvsvc_op_session_enum = {.opnum = SRVSVC_SESSION_ENUM,
                                          .in = &srvsvc_session_enum_in_type,
                                          .out = &srvsvc_session_enum_out_type,
                                          .right = right,
                                          .echo = echo,
                                          .run = run};
