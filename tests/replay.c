#include "tests/replay.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Config ---- */

static bool number(const char *value, int base, unsigned *out)
{
    char *end;

    *out = (unsigned)strtoul(value, &end, base);
    return *value && !*end;
}

static bool copy(char *to, size_t size, const char *value)
{
    return snprintf(to, size, "%s", value) < (int)size;
}

static bool add_query(replay *r, const char *value)
{
    return r->query_count < REPLAY_MAX_QUERIES &&
           number(value, 10, &r->queries[r->query_count++]);
}

bool replay_config_line(replay *r, const char *line)
{
    char word[16];
    unsigned n = 0;
    int at = 0;
    const char *value;
    bool ok = sscanf(line, "%15s %n", word, &at) == 1 && at;

    value = line + at;
    if (!ok)
        return false;
    if (!strcmp(word, "host"))
        return copy(r->host, sizeof r->host, value);
    if (!strcmp(word, "user"))
        return copy(r->user, sizeof r->user, value);
    if (!strcmp(word, "password"))
        return copy(r->password, sizeof r->password, value);
    if (!strcmp(word, "query"))
        return add_query(r, value);
    if (!strcmp(word, "min"))
        return number(value, 16, &r->min);
    if (!strcmp(word, "max"))
        return number(value, 16, &r->max);
    ok = number(value, 10, &n);
    if (!strcmp(word, "signing"))
        r->signing = (int)n;
    else if (!strcmp(word, "cipher"))
        r->cipher = (int)n;
    else if (!strcmp(word, "encrypt"))
        r->encrypt = (int)n;
    else if (!strcmp(word, "anonymous"))
        r->anonymous = (int)n;
    else
        return false;
    return ok;
}

/* ---- File ---- */

static bool add_chunk(replay *r, const char *line)
{
    size_t len = (strlen(line) - 2) / 2;
    replay_chunk *c = realloc(r->chunks, (r->chunk_count + 1) * sizeof *c);

    if (!c)
        return false;
    r->chunks = c;
    c += r->chunk_count++;
    *c = (replay_chunk){*line == '>', malloc(len + 1), len};
    for (size_t i = 0; c->bytes && i < len; i++) {
        unsigned byte = 0;

        if (sscanf(line + 2 + 2 * i, "%2x", &byte) != 1)
            return false;
        c->bytes[i] = (uint8_t)byte;
    }
    return c->bytes != NULL;
}

static bool add_outcome(replay *r, const char *line)
{
    size_t at = strlen(r->outcome);

    return snprintf(r->outcome + at, sizeof r->outcome - at, "%s\n", line) <
           (int)(sizeof r->outcome - at);
}

bool replay_load(replay *r, const char *path)
{
    static bool (*const sections[])(replay *, const char *) = {replay_config_line, add_chunk,
                                                               add_outcome};
    static char line[1 << 18];
    FILE *f = fopen(path, "r");
    unsigned section = 0;
    bool ok = f != NULL;

    *r = (replay){.signing = -1, .cipher = -1};
    while (ok && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (!strcmp(line, "---"))
            ok = ++section < 3;
        else if (*line && *line != '#')
            ok = sections[section](r, line);
    }
    if (f)
        fclose(f);
    return ok;
}

void replay_free(replay *r)
{
    for (size_t i = 0; i < r->chunk_count; i++)
        free(r->chunks[i].bytes);
    free(r->chunks);
}

/* ---- World ---- */

static void *world_alloc(void *ctx, size_t size)
{
    replay_world *w = ctx;
    void *p;

    if (++w->allocs == w->fail_at)
        return NULL;
    p = malloc(size);
    w->live += p != NULL;
    return p;
}

static void world_free(void *ctx, void *p)
{
    replay_world *w = ctx;

    w->live -= p != NULL;
    free(p);
}

static int world_entropy(void *ctx, void *out, size_t size)
{
    replay_world *w = ctx;

    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = w->entropy++;
    return 0;
}

/* Noon of a day in 2026. */
static uint64_t world_clock(void *ctx)
{
    (void)ctx;
    return 134271576000000000u;
}

void replay_world_init(replay_world *w)
{
    *w = (replay_world){.entropy = 1};
    w->hooks = (netsession_hooks){.ctx = w,
                                  .alloc = world_alloc,
                                  .free = world_free,
                                  .entropy = world_entropy,
                                  .wallclock = world_clock};
}

/* ---- Conversation ---- */

struct talk {
    const replay *r;
    const replay_io *io;
    netsession *ns;
    unsigned asked;
    char *text;
    bool over;
};

static void say(struct talk *t, const char *fmt, ...)
{
    size_t at = strlen(t->text);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(t->text + at, REPLAY_TEXT_MAX - at, fmt, ap);
    va_end(ap);
}

static const char *or_null(const char *s)
{
    return s ? s : "(null)";
}

static void say_error(struct talk *t, const char *word)
{
    const netsession_error *e = netsession_last_error(t->ns);

    say(t, "%s %s %s %s %u\n", word, netsession_code_name(e->code), e->layer, e->name,
        e->win32);
}

static void ask_next(struct talk *t)
{
    netsession_query q;

    netsession_query_init(&q);
    if (t->asked == t->r->query_count) {
        (void)netsession_shutdown(t->ns, 0);
        return;
    }
    q.level = t->r->queries[t->asked++];
    say(t, "query %u\n", q.level);
    if (netsession_query_start(t->ns, &q, 0) && !netsession_wants(t->ns))
        say_error(t, "unsent");
}

static void say_connected(struct talk *t)
{
    netsession_info i;

    netsession_get_info(t->ns, &i);
    say(t, "connected %s %s %s %s %s exchanges %u\n", or_null(i.dialect_name),
        or_null(i.signing), or_null(i.cipher), or_null(i.auth), or_null(i.syntax), i.exchanges);
}

static void say_page(struct talk *t, netsession_page *page)
{
    netsession_row row;

    for (uint32_t i = 0; i < netsession_page_count(page); i++) {
        netsession_page_row(page, i, &row);
        say(t, "row %s|%s|%u|%u|%u|%u\n", or_null(row.client), or_null(row.user), row.opens,
            row.time, row.idle, row.flags);
    }
    say(t, "total %u resume %u more %d\n", netsession_page_total(page),
        netsession_page_resume(page), netsession_page_more(page));
    netsession_page_free(page);
}

static void on_event(struct talk *t, const netsession_event *ev)
{
    if (ev->type == NETSESSION_EV_READY)
        say_connected(t);
    else if (ev->type == NETSESSION_EV_PAGE)
        say_page(t, ev->page);
    else if (ev->type == NETSESSION_EV_REFUSED)
        say_error(t, "refused");
    else if (ev->type == NETSESSION_EV_FAILED)
        say_error(t, "failed");
    else
        say(t, "goodbye\n");
    if (ev->type < NETSESSION_EV_FAILED)
        ask_next(t);
}

static void transmit(struct talk *t)
{
    size_t len;
    const uint8_t *p = netsession_output(t->ns, &len);

    if (!t->io->send(t->io->ctx, p, len))
        t->over = true;
    (void)netsession_output_ack(t->ns, len);
}

static void receive(struct talk *t)
{
    size_t room, len = 0;
    uint8_t *p = netsession_input(t->ns, &room);

    if (!p)
        return;
    if (!t->io->receive(t->io->ctx, p, room, &len))
        (void)netsession_tick(t->ns, netsession_deadline(t->ns));
    else if (len)
        (void)netsession_input_ack(t->ns, len);
    else
        (void)netsession_input_eof(t->ns);
}

static void converse(struct talk *t)
{
    netsession_event ev;
    unsigned want;

    while (!t->over && (want = netsession_wants(t->ns)) != 0) {
        if (want & NETSESSION_EVENT && netsession_next_event(t->ns, &ev))
            on_event(t, &ev);
        else if (want & NETSESSION_CLOSED)
            break;
        else if (want & NETSESSION_WRITE)
            transmit(t);
        else
            receive(t);
    }
}

static int configure(const replay *r, netsession_config *cfg)
{
    unsigned signing = (unsigned)r->signing, cipher = (unsigned)r->cipher;
    int rc = 0;

    if (*r->user)
        rc = netsession_config_user(cfg, NULL, r->user);
    if (!rc)
        rc = netsession_config_password(cfg, r->password);
    if (!rc && r->min)
        rc = netsession_config_dialects(cfg, r->min, r->max);
    if (!rc && r->signing >= 0)
        rc = netsession_config_signing(cfg, &signing, 1);
    if (!rc && r->cipher >= 0)
        rc = netsession_config_ciphers(cfg, &cipher, 1);
    netsession_config_encrypt(cfg, r->encrypt);
    netsession_config_anonymous(cfg, r->anonymous);
    netsession_config_kerberos(cfg, NETSESSION_KERBEROS_OFF);
    return rc;
}

int replay_run(const replay *r, replay_world *w, const replay_io *io, char *outcome)
{
    netsession_config *cfg = netsession_config_new(&w->hooks);
    struct talk t = {.r = r, .io = io, .text = outcome};
    int rc = cfg ? configure(r, cfg) : NETSESSION_E_MEMORY;

    *outcome = '\0';
    if (!rc)
        rc = netsession_new(&t.ns, cfg, r->host);
    netsession_config_free(cfg);
    if (rc)
        return rc;
    (void)netsession_start(t.ns, 0);
    converse(&t);
    rc = netsession_last_error(t.ns)->code;
    netsession_free(t.ns);
    return rc;
}
