/*
 * ndrtool: NetrSessionEnum stubs to and from JSON, so that they can be
 * compared with what other codecs make of them.
 *
 *     ndrtool encode-in LEVEL ndr32|ndr64   JSON -> hex
 *     ndrtool decode-in ndr32|ndr64         hex -> JSON
 *     ndrtool encode-out ndr32|ndr64        JSON -> hex
 *     ndrtool decode-out ndr32|ndr64        hex -> JSON
 */
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "srvsvc/page.h"

#define MAX_STUB (64u << 20)

static netsession_hooks hooks;
static netsession_error err;

static void die(const char *what)
{
    fprintf(stderr, "ndrtool: %s\n", what);
    exit(1);
}

static void check(int code)
{
    if (code)
        die(err.message);
}

/* ---- Hex ---- */

static void put_hex(const ns_writer *w)
{
    for (size_t i = 0; i < w->len; i++)
        printf("%02x", w->p[i]);
    putchar('\n');
}

static int hex_digit(void)
{
    static const char digits[] = "0123456789abcdef";
    const char *at;
    int c;

    while ((c = getchar()) != EOF && isspace(c))
        ;
    if (c == EOF)
        return -1;
    at = memchr(digits, tolower(c), 16);
    if (!at)
        die("that is not hex");
    return (int)(at - digits);
}

static void get_hex(ns_writer *w)
{
    int hi, lo;

    ns_writer_init(w, &hooks, MAX_STUB);
    while ((hi = hex_digit()) >= 0) {
        lo = hex_digit();
        if (lo < 0)
            die("an odd number of hex digits");
        ns_put8(w, (uint8_t)(hi << 4 | lo));
    }
    if (w->err)
        die("the stub is too long");
}

/* ---- JSON members ---- */

static json_t *get_json(void)
{
    json_error_t where;
    json_t *root = json_loadf(stdin, 0, &where);

    if (!root)
        die(where.text);
    return root;
}

static void put_json(json_t *root)
{
    json_dumpf(root, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(root);
}

static uint32_t get_u32(const json_t *object, const char *key)
{
    return (uint32_t)json_integer_value(json_object_get(object, key));
}

static void set_u32(json_t *object, const char *key, uint32_t v)
{
    json_object_set_new(object, key, json_integer((json_int_t)v));
}

static const char *get_string(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void set_string(json_t *object, const char *key, const char *s)
{
    json_object_set_new(object, key, s ? json_string(s) : json_null());
}

static bool get_resume(const json_t *object, uint32_t *resume)
{
    *resume = get_u32(object, "resume");
    return json_is_integer(json_object_get(object, "resume"));
}

static void set_resume(json_t *object, bool present, uint32_t resume)
{
    json_object_set_new(object, "resume",
                        present ? json_integer((json_int_t)resume) : json_null());
}

/* ---- in ---- */

static void encode_in(uint32_t level, ndr_format format)
{
    json_t *root = get_json();
    ns_writer w;
    srvsvc_session_enum_in in = {.server = get_string(root, "server"),
                                 .client = get_string(root, "client"),
                                 .user = get_string(root, "user"),
                                 .level = level,
                                 .preferred_length = get_u32(root, "prefmaxlen")};

    in.has_resume = get_resume(root, &in.resume);
    ns_writer_init(&w, &hooks, MAX_STUB);
    check(srvsvc_session_enum_encode_in(&in, format.ndr64, &w, &err));
    put_hex(&w);
    ns_writer_free(&w);
    json_decref(root);
}

static void decode_in(uint32_t level, ndr_format format)
{
    json_t *root = json_object();
    srvsvc_session_enum_in *in;
    ns_writer w;

    (void)level;
    get_hex(&w);
    check(srvsvc_session_enum_decode_in(&hooks, w.p, w.len, format, MAX_STUB, &in, &err));
    set_string(root, "server", in->server);
    set_string(root, "client", in->client);
    set_string(root, "user", in->user);
    set_u32(root, "level", in->level);
    set_u32(root, "prefmaxlen", in->preferred_length);
    set_resume(root, in->has_resume, in->resume);
    put_json(root);
    srvsvc_session_enum_in_free(&hooks, in);
    ns_writer_free(&w);
}

/* ---- out ---- */

static json_t *session_of(const netsession_row *row)
{
    static const struct {
        unsigned present;
        const char *key;
        size_t off;
        bool string;
    } members[] = {
        {0, "client", offsetof(netsession_row, client), true},
        {NETSESSION_HAS_USER, "user", offsetof(netsession_row, user), true},
        {NETSESSION_HAS_OPENS, "opens", offsetof(netsession_row, opens), false},
        {NETSESSION_HAS_TIME, "time", offsetof(netsession_row, time), false},
        {NETSESSION_HAS_TIME, "idle", offsetof(netsession_row, idle), false},
        {NETSESSION_HAS_FLAGS, "flags", offsetof(netsession_row, flags), false},
        {NETSESSION_HAS_CLIENT_TYPE, "client_type", offsetof(netsession_row, client_type),
         true},
        {NETSESSION_HAS_TRANSPORT, "transport", offsetof(netsession_row, transport), true},
    };
    json_t *session = json_object();

    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const void *at = (const char *)row + members[i].off;

        if ((row->present & members[i].present) != members[i].present)
            continue;
        if (members[i].string)
            set_string(session, members[i].key, *(const char *const *)at);
        else
            set_u32(session, members[i].key, *(const uint32_t *)at);
    }
    return session;
}

static void decode_out(uint32_t level, ndr_format format)
{
    json_t *root = json_object(), *sessions = json_array();
    netsession_page *page;
    netsession_row row;
    ns_writer w;

    (void)level;
    get_hex(&w);
    check(srvsvc_session_enum_parse_out(&hooks, w.p, w.len, format, MAX_STUB, &page, &err));
    for (uint32_t i = 0; i < netsession_page_count(page); i++) {
        netsession_page_row(page, i, &row);
        json_array_append_new(sessions, session_of(&row));
    }
    set_u32(root, "level", page->out.level);
    set_u32(root, "count", page->out.count);
    json_object_set_new(root, "sessions", sessions);
    set_u32(root, "total", page->out.total);
    set_resume(root, page->out.has_resume, page->out.resume);
    set_u32(root, "status", page->out.status);
    put_json(root);
    netsession_page_free(page);
    ns_writer_free(&w);
}

#define STR(s, key)  get_string(s, key)
#define NAMES(s)     .cname = STR(s, "client"), .username = STR(s, "user")
#define TIMES(s)     .time = get_u32(s, "time"), .idle_time = get_u32(s, "idle")
#define COUNTS(s)    .num_opens = get_u32(s, "opens"), .user_flags = get_u32(s, "flags")
#define CLIENT(s)    .cltype_name = STR(s, "client_type")
#define TRANSPORT(s) .transport = STR(s, "transport")

/* One entry of array at index i, from a JSON session. */
#define SETTER(n, ...)                                                                         \
    static void set_##n(void *array, size_t i, const json_t *s)                                \
    {                                                                                          \
        ((srvsvc_session_info_##n *)array)[i] = (srvsvc_session_info_##n){__VA_ARGS__};        \
    }

SETTER(0, .cname = STR(s, "client"))
SETTER(1, NAMES(s), TIMES(s), COUNTS(s))
SETTER(2, NAMES(s), TIMES(s), COUNTS(s), CLIENT(s))
SETTER(10, NAMES(s), TIMES(s))
SETTER(502, NAMES(s), TIMES(s), COUNTS(s), CLIENT(s), TRANSPORT(s))

static void fill_entries(void *array, uint32_t level, const json_t *sessions)
{
    static const struct {
        uint32_t level;
        void (*set)(void *array, size_t i, const json_t *s);
    } setters[] = {{0, set_0}, {1, set_1}, {2, set_2}, {10, set_10}, {502, set_502}};

    for (size_t k = 0; k < sizeof setters / sizeof *setters; k++)
        for (size_t i = 0; setters[k].level == level && i < json_array_size(sessions); i++)
            setters[k].set(array, i, json_array_get(sessions, i));
}

/* "sessions" empty or null: a null Buffer. */
static void encode_out(uint32_t level, ndr_format format)
{
    json_t *root = get_json(), *sessions = json_object_get(root, "sessions");
    size_t count = json_array_size(sessions);
    void *entries = count ? calloc(count, sizeof(srvsvc_session_info_502)) : NULL;
    srvsvc_session_enum_out out = {.count = (uint32_t)count, .entries = entries};
    ns_writer w;

    (void)level;
    out.level = get_u32(root, "level");
    out.total = get_u32(root, "total");
    out.status = get_u32(root, "status");
    out.has_resume = get_resume(root, &out.resume);
    fill_entries(entries, out.level, sessions);
    ns_writer_init(&w, &hooks, MAX_STUB);
    check(srvsvc_session_enum_encode_out(&out, format.ndr64, &w, &err));
    put_hex(&w);
    ns_writer_free(&w);
    free(entries);
    json_decref(root);
}

/* ---- Which ---- */

static const struct command {
    const char *name;
    int arguments;
    void (*run)(uint32_t level, ndr_format format);
} commands[] = {
    {"encode-in", 2, encode_in},
    {"decode-in", 1, decode_in},
    {"encode-out", 1, encode_out},
    {"decode-out", 1, decode_out},
};

int main(int argc, char **argv)
{
    const char *syntax = argv[argc - 1];
    ndr_format format = {.ndr64 = strcmp(syntax, "ndr64") == 0};

    ns_hooks_fill(&hooks, NULL);
    for (size_t i = 0; argc > 2 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) != 0 || argc != commands[i].arguments + 2)
            continue;
        if (!format.ndr64 && strcmp(syntax, "ndr32") != 0)
            break;
        commands[i].run((uint32_t)strtoul(argv[2], NULL, 10), format);
        return 0;
    }
    die("usage: ndrtool encode-in LEVEL ndr32|ndr64, or "
        "decode-in|encode-out|decode-out ndr32|ndr64");
}
