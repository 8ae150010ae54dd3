/* A fault in memory: the client's object on one side, the liar on the other,
 * and a clock that goes as it is told. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hostile/hostile.h"

#define EXCHANGES_MAX 2000000

void hostile_abort(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

/* ---- Results ---- */

void result_broken(result *r, const char *fmt, ...)
{
    va_list ap;

    if (*r->broken)
        return;
    va_start(ap, fmt);
    vsnprintf(r->broken, sizeof r->broken, fmt, ap);
    va_end(ap);
}

static bool same_answer(const answer *a, enum outcome outcome, const netsession_error *err)
{
    return a->outcome == outcome && a->code == err->code &&
           !strcmp(a->layer, err->layer ? err->layer : "");
}

void result_add(result *r, enum outcome outcome, const netsession_error *err)
{
    size_t i = 0;

    r->runs++;
    while (i < r->count && !same_answer(&r->answers[i], outcome, err))
        i++;
    if (i == ANSWERS) {
        result_broken(r, "more kinds of answers than anybody expects");
        return;
    }
    if (i == r->count) {
        r->answers[r->count++] = (answer){
            .outcome = outcome, .code = err->code, .layer = err->layer ? err->layer : ""};
        snprintf(r->answers[i].message, sizeof r->answers[i].message, "%s", err->message);
    }
    r->answers[i].times++;
}

static bool is(const answer *a, int code, const char *layer)
{
    return code && a->code == code && !strcmp(a->layer, layer ? layer : "");
}

static bool is_right(const answer *a, const fault *f, bool sealed)
{
    if (f->any_outcome)
        return true;
    if (a->outcome != f->want)
        return false;
    if (f->want == PAGE || f->any_error || is(a, f->also, f->also_layer))
        return true;
    return sealed && f->sealed ? is(a, f->sealed, f->sealed_layer) : is(a, f->code, f->layer);
}

void result_judge(result *r, const fault *f, bool sealed)
{
    static const char *const outcomes[] = {"failure", "refusal", "page", "nothing"};

    if (r->peak > HEAP_LIMIT)
        result_broken(r, "%zu bytes of heap", r->peak);
    for (size_t i = 0; i < r->count; i++)
        if (!is_right(&r->answers[i], f, sealed))
            result_broken(r, "%s: %s %s %s", outcomes[r->answers[i].outcome],
                          netsession_code_name(r->answers[i].code), r->answers[i].layer,
                          r->answers[i].message);
}

/* ---- The client ---- */

#define OK(call) MUST(!(call))

netsession_config *hostile_config(const fault *f, bool sealed, netsession_hooks *hooks)
{
    static const unsigned gcm[] = {NETSESSION_AES_128_GCM};
    netsession_config *cfg = netsession_config_new(hooks);
    unsigned dialect = f->dialect ? f->dialect : NETSESSION_SMB_3_1_1;

    MUST(cfg);
    OK(netsession_config_kerberos(cfg, NETSESSION_KERBEROS_OFF));
    OK(netsession_config_user(cfg, NULL, "admin"));
    OK(netsession_config_password(cfg, "secret"));
    OK(netsession_config_dialects(cfg, NETSESSION_SMB_2_0_2, dialect));
    OK(netsession_config_ciphers(cfg, gcm, 1));
    OK(netsession_config_max_reply(cfg, MAX_REPLY));
    OK(netsession_config_compound(cfg, f->compound));
    OK(netsession_config_syntaxes(cfg, sealed ? NETSESSION_NDR64 : NETSESSION_NDR32));
    if (f->client)
        f->client(cfg);
    return cfg;
}

/* What one run is made of. */
struct run {
    liar l;
    test_heap heap;
    netsession_hooks hooks;
    netsession *ns;
    netsession_event event;
    result *r;
    bool over; /* the client's end of the wire is closed */
};

void check_page(result *r, const liar *l, const netsession_page *page)
{
    netsession_row row;
    uint32_t rows = l->f->stub == lie_stub ? (uint32_t)l->f->n : l->rows;

    if (l->f->any_outcome)
        return;
    if (netsession_page_count(page) != rows || netsession_page_more(page))
        result_broken(r, "a page of %u rows, not %u", (unsigned)netsession_page_count(page),
                      (unsigned)rows);
    for (uint32_t i = 0; i < rows && !*r->broken; i++) {
        netsession_page_row(page, i, &row);
        if (l->f->stub != lie_stub && (!row.client || strncmp(row.client, "\\\\", 2) != 0))
            result_broken(r, "row %u is nobody's", (unsigned)i);
    }
}

/* After the first error nothing is sent, believed or begun. */
static void check_poisoned(struct run *run)
{
    netsession_query q;
    netsession_event event;
    size_t len = 0;
    int code = netsession_last_error(run->ns)->code;
    uint64_t now = run->l.now;

    netsession_query_init(&q);
    q.level = 10;
    if (netsession_wants(run->ns) != NETSESSION_CLOSED)
        result_broken(run->r, "it wants something after its error");
    (void)netsession_output(run->ns, &len);
    if (len || netsession_input(run->ns, &len) || len)
        result_broken(run->r, "it takes or sends bytes after its error");
    if (netsession_query_start(run->ns, &q, now) != code ||
        netsession_shutdown(run->ns, now) != code || netsession_start(run->ns, now) != code ||
        netsession_input_ack(run->ns, 1) != code || netsession_input_eof(run->ns) != code)
        result_broken(run->r, "a call after its error has another answer");
    if (netsession_deadline(run->ns) != UINT64_MAX || netsession_tick(run->ns, UINT64_MAX))
        result_broken(run->r, "it still has a deadline");
    if (netsession_next_event(run->ns, &event) || netsession_last_error(run->ns)->code != code)
        result_broken(run->r, "its error is not its last word");
}

/* ---- The wire ---- */

static void to_liar(struct run *run)
{
    size_t len;
    const uint8_t *p = netsession_output(run->ns, &len);

    liar_received(&run->l, p, len);
    (void)netsession_output_ack(run->ns, len);
}

static void to_client(struct run *run, const uint8_t *p, size_t len)
{
    size_t room;
    void *in = netsession_input(run->ns, &room);

    if (!in)
        return;
    len = len < room ? len : room;
    memcpy(in, p, len);
    liar_output_ack(&run->l, len);
    run->l.now += run->l.pace_ms;
    (void)netsession_input_ack(run->ns, len);
}

static void wait_until(struct run *run, uint64_t when)
{
    run->l.now = when > run->l.now ? when : run->l.now;
}

/* Nothing to carry: the end, something more, or nothing ever. */
static void nothing_came(struct run *run)
{
    enum ending e = liar_ending(&run->l);

    if (e == CLOSES || e == RESETS || e == HALF_CLOSES) {
        run->over = true;
        (void)netsession_input_eof(run->ns);
    } else if (e == STAYS && run->l.more) {
        run->l.more(&run->l);
    } else {
        wait_until(run, netsession_deadline(run->ns));
    }
}

static void hear(struct run *run)
{
    size_t len;
    const uint8_t *p = liar_output(&run->l, &len);

    if (len)
        to_client(run, p, len);
    else
        nothing_came(run);
}

static void work(struct run *run)
{
    netsession_work *w = netsession_take_work(run->ns);

    netsession_work_run(w);
    (void)netsession_work_done(run->ns, w);
}

static void step(struct run *run, unsigned want)
{
    if (want & NETSESSION_WORK)
        work(run);
    else if (want & NETSESSION_WRITE)
        to_liar(run);
    else if (want & NETSESSION_READ)
        hear(run);
    else
        wait_until(run, netsession_deadline(run->ns));
}

/* Until there is an event: its type. */
static int drive(struct run *run)
{
    for (long i = 0; i < EXCHANGES_MAX; i++) {
        uint64_t deadline = netsession_deadline(run->ns);

        if (netsession_next_event(run->ns, &run->event))
            return run->event.type;
        if (run->l.now > deadline + 1000)
            break;
        step(run, netsession_wants(run->ns));
        run->l.now++; /* everything takes some time */
        (void)netsession_tick(run->ns, run->l.now);
    }
    result_broken(run->r, "its deadline passed and it did not end");
    return 0;
}

/* ---- One run ---- */

static int ask(struct run *run)
{
    netsession_query q;

    netsession_query_init(&q);
    q.level = 10;
    if (netsession_query_start(run->ns, &q, run->l.now))
        return NETSESSION_EV_FAILED;
    return drive(run);
}

static int talk(struct run *run)
{
    int type;

    (void)netsession_start(run->ns, run->l.now);
    type = drive(run);
    return type == NETSESSION_EV_READY ? ask(run) : type;
}

static void leave(struct run *run)
{
    if (!netsession_shutdown(run->ns, run->l.now) && drive(run) != NETSESSION_EV_GOODBYE)
        result_broken(run->r, "it cannot leave in good order");
}

/* The server is well-behaved until the client leaves. */
static void leave_rudely(struct run *run)
{
    if (netsession_shutdown(run->ns, run->l.now) || drive(run) != NETSESSION_EV_FAILED) {
        result_broken(run->r, "it left in good order");
        return;
    }
    result_add(run->r, FAILS, netsession_last_error(run->ns));
    check_poisoned(run);
}

static void on_page(struct run *run)
{
    static const netsession_error none;

    check_page(run->r, &run->l, run->event.page);
    netsession_page_free(run->event.page);
    if (run->l.f->rude) {
        leave_rudely(run);
        return;
    }
    result_add(run->r, PAGE, &none);
    leave(run);
}

/* The connection goes on: another query has its answer. */
static void on_refused(struct run *run)
{
    netsession_error err = *netsession_last_error(run->ns);

    result_add(run->r, REFUSED, &err);
    if (ask(run) == NETSESSION_EV_PAGE) {
        check_page(run->r, &run->l, run->event.page);
        netsession_page_free(run->event.page);
    } else {
        result_broken(run->r, "after the refusal the connection does not go on");
    }
    leave(run);
}

static void conclude(struct run *run, int type)
{
    if (type == NETSESSION_EV_PAGE) {
        on_page(run);
    } else if (type == NETSESSION_EV_REFUSED) {
        on_refused(run);
    } else if (type == NETSESSION_EV_FAILED) {
        result_add(run->r, FAILS, netsession_last_error(run->ns));
        check_poisoned(run);
    } else {
        result_broken(run->r, "event %d", type);
    }
}

/* Returns the bytes that the client heard until its page was there. */
static size_t one_run(const fault *f, bool sealed, unsigned at, result *r)
{
    static struct run run;
    netsession_config *cfg;
    size_t heard;
    int type;

    memset(&run, 0, sizeof run);
    run.r = r;
    test_heap_hooks(&run.heap, &run.hooks);
    liar_init(&run.l, f, sealed, at);
    run.l.now = 1000;
    cfg = hostile_config(f, sealed, &run.hooks);
    OK(netsession_new(&run.ns, cfg, "rig"));
    netsession_config_free(cfg);
    type = talk(&run);
    heard = run.l.carried;
    conclude(&run, type);
    if (run.l.revealed)
        result_broken(r, "it sent something in plain text or unsigned");
    if (f->at && !run.l.lied)
        result_broken(r, "the lie was never told");
    netsession_free(run.ns);
    if (run.heap.live)
        result_broken(r, "%ld blocks are left behind", run.heap.live);
    r->peak = run.heap.most > r->peak ? run.heap.most : r->peak;
    liar_free(&run.l);
    return heard;
}

static size_t bits_of(const fault *f, bool sealed);

/* How often it is to be told. */
unsigned hostile_steps(const fault *f, bool sealed)
{
    static const fault honest = {.number = "0"};
    result r = {.count = 0};

    switch (f->sweep) {
    case EACH_CASE:
        return f->cases;
    case EACH_BYTE:
        return (unsigned)one_run(&honest, sealed, 0, &r);
    case EACH_BIT:
        return (unsigned)bits_of(f, sealed);
    case EACH_STAGE:
        return 5;
    case EACH_SECRET:
        return 4;
    default:
        return 1;
    }
}

static size_t seen_bits;

static void see(liar *l)
{
    seen_bits = 8 * l->frame_len;
}

static void see_part(liar *l, ns_writer *w)
{
    (void)l;
    seen_bits = 8 * w->len;
}

static size_t bits_of(const fault *f, bool sealed)
{
    fault look = *f;
    result r = {.count = 0};

    look.sweep = ONCE;
    if (f->pdu)
        look.pdu = see_part;
    else if (f->stub)
        look.stub = see_part;
    else
        look.message = see;
    one_run(&look, sealed, 0, &r);
    return seen_bits;
}

unsigned hostile_stride = 1;

void run_in_memory(const fault *f, bool sealed, result *r)
{
    unsigned steps = hostile_steps(f, sealed);
    unsigned by = steps > 100 ? hostile_stride : 1;

    memset(r, 0, sizeof *r);
    for (unsigned i = 0; i < steps && !*r->broken; i += by) {
        one_run(f, sealed, i, r);
        if (*r->broken)
            result_broken(r, "step %u", i);
    }
    result_judge(r, f, sealed);
}
