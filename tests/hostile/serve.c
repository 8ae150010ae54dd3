/*
 * One fault for every client that connects, over TCP on 127.0.0.1, until its
 * standard input ends:
 *
 *     hostile_server --list
 *     hostile_server NUMBER signed|sealed [STEP [PORT]]
 *
 * --list: a line for each fault and kind of session, of fields with tabs between
 * them: section, number, session, how many steps, what they are, the dialect,
 * what netsession must make of it, who can be told, name, what is sent.  NUMBER 0
 * is no fault.
 *
 * Says "ready PORT", and of each connection, once it is over, a line of JSON: was
 * the lie told, what has the client asked for since, did it send anything that
 * should have been signed or encrypted and was not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/hostile/wire.h"

#define CLIENTS 8

static const fault honest = {.number = "0", .name = "none", .sent = "the truth", .want = PAGE};

/* ---- The list ---- */

static const char *kind_of(const fault *f)
{
    static const char *const kinds[] = {
        [ONCE] = "once",    [EACH_CASE] = "case",   [EACH_BYTE] = "byte",
        [EACH_BIT] = "bit", [EACH_STAGE] = "stage", [EACH_SECRET] = "stage",
    };

    return kinds[f->sweep];
}

static const char *want_of(const fault *f)
{
    if (f->any_outcome)
        return "any";
    return f->want == PAGE ? "page" : "error";
}

static bool has(const fault *f, bool sealed)
{
    return f->want != NOTHING && (f->modes ? f->modes : BOTH) & (sealed ? SEALED : SIGNED);
}

static void list_fault(const char *title, const fault *f, bool sealed)
{
    unsigned dialect = f->dialect ? f->dialect : NETSESSION_SMB_3_1_1;

    if (!has(f, sealed))
        return;
    printf("%s\t%s\t%s\t%u\t%s\t%04x\t%s\t%s\t%s\t%s\n", title, f->number,
           sealed ? "sealed" : "signed", hostile_steps(f, sealed), kind_of(f), dialect,
           want_of(f), f->ours ? "netsession" : "all", f->name, f->sent);
}

static int list_all(void)
{
    for (size_t i = 0; i < SECTIONS; i++) {
        const section *s = hostile_section(i);

        for (size_t k = 0; k < 2 * s->count; k++)
            list_fault(s->title, &s->faults[k / 2], k % 2 != 0);
    }
    return EXIT_SUCCESS;
}

static const fault *fault_of(const char *number)
{
    for (size_t i = 0; i < SECTIONS; i++) {
        const section *s = hostile_section(i);

        for (size_t k = 0; k < s->count; k++)
            if (!strcmp(s->faults[k].number, number))
                return &s->faults[k];
    }
    return strcmp(number, honest.number) != 0 ? NULL : &honest;
}

/* ---- Clients ---- */

/* What all of them are told. */
struct act {
    const fault *f;
    bool sealed;
    unsigned step;
    struct wire wires[CLIENTS];
};

static void report(const liar *l)
{
    unsigned n = l->heard_count < HEARD ? l->heard_count : HEARD;

    printf("{\"told\":%s,\"revealed\":%s,\"requests\":%u,\"since\":[",
           liar_told(l) ? "true" : "false", l->revealed ? "true" : "false", l->heard_count);
    for (unsigned i = 0; i < n; i++)
        printf("%s\"%s\"", i ? "," : "", smb2_command_name(l->heard[i]));
    printf("]}\n");
    fflush(stdout);
}

static void let_go(struct wire *w)
{
    wire_close(w);
    report(&w->l);
    liar_free(&w->l);
}

/* False: nobody came, or there is no room. */
static bool let_in(struct act *s, int listener)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        struct wire *w = &s->wires[i];

        if (w->fd >= 0)
            continue;
        if (!wire_accept(w, listener))
            return false;
        liar_init(&w->l, s->f, s->sealed, s->step);
        w->l.alike = true;
        /* Without being asked not everybody signs; nobody without a key. */
        w->l.cfg.signing_required = !w->l.cfg.auth.anonymous;
        return true;
    }
    return false;
}

/* What to poll for, behind the two that are always there. */
static int gather(struct act *s, struct pollfd *p)
{
    int patience = 1000;

    for (size_t i = 0; i < CLIENTS; i++) {
        struct wire *w = &s->wires[i];

        p[i] = (struct pollfd){.fd = -1};
        if (w->fd < 0)
            continue;
        if (!wire_wants(w, &p[i]))
            let_go(w);
        else if (wire_patience(w) < patience)
            patience = wire_patience(w);
    }
    return patience;
}

static void play(struct act *s, const struct pollfd *p)
{
    for (size_t i = 0; i < CLIENTS; i++)
        if (p[i].fd >= 0 && !wire_turn(&s->wires[i], p[i].revents))
            let_go(&s->wires[i]);
}

/* ---- The program ---- */

static bool input_ended(const struct pollfd *p)
{
    char c[64];

    return p->revents && read(p->fd, c, sizeof c) <= 0;
}

static void serve(struct act *s, int listener)
{
    struct pollfd p[2 + CLIENTS];

    do {
        int patience = gather(s, p + 2);

        p[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        p[1] = (struct pollfd){.fd = listener, .events = POLLIN};
        if (poll(p, 2 + CLIENTS, patience) < 0) {
            MUST(errno == EINTR);
            continue;
        }
        play(s, p + 2);
        if (p[1].revents)
            (void)let_in(s, listener);
    } while (!input_ended(&p[0]));
    for (size_t i = 0; i < CLIENTS; i++)
        if (s->wires[i].fd >= 0) {
            wire_hear_out(&s->wires[i]);
            let_go(&s->wires[i]);
        }
}

/* NUMBER signed|sealed [STEP [PORT]]; false: there is no such thing. */
static bool take_arguments(struct act *s, unsigned *port, int argc, char **argv)
{
    s->f = argc > 2 && argc < 6 ? fault_of(argv[1]) : NULL;
    if (!s->f)
        return false;
    s->sealed = !strcmp(argv[2], "sealed");
    s->step = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    *port = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;
    if (!s->sealed && strcmp(argv[2], "signed") != 0)
        return false;
    return has(s->f, s->sealed) && s->step < hostile_steps(s->f, s->sealed);
}

int main(int argc, char **argv)
{
    static struct act s;
    unsigned port;
    int listener;

    if (argc == 2 && !strcmp(argv[1], "--list"))
        return list_all();
    if (!take_arguments(&s, &port, argc, argv)) {
        fprintf(stderr, "usage: hostile_server --list | NUMBER signed|sealed [STEP [PORT]]\n");
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < CLIENTS; i++)
        s.wires[i].fd = -1;
    listener = wire_listen(&port);
    printf("ready %u\n", port);
    fflush(stdout);
    serve(&s, listener);
    close(listener);
    return EXIT_SUCCESS;
}
