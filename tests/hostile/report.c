/* What every fault came to, as a document that is the same in every run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/hostile/hostile.h"

static const char head[] =
    "# What a hostile or broken server does, and what the client makes of it\n"
    "\n"
    "Written by `check_hostile --write`; `check_hostile` fails when it is out of date.\n"
    "Each fault is told by a server that is right in everything else: what it changes\n"
    "is signed or encrypted validly, unless that is the fault.  A number with a letter is\n"
    "another form of the fault.  SMB 3.1.1 unless the fault is another dialect's; *signed*\n"
    "with NDR32, *sealed* (AES-128-GCM) with NDR64.\n"
    "\n"
    "An answer is the client's error: its code, its layer and its message (the first, where\n"
    "a fault has many cases).  Wherever it is an error, the test makes sure that it came\n"
    "before the deadline (of a clock that the test sets), that nothing was sent or believed\n"
    "after it, that every later call fails with it (but where it is the answer to one request, which\n"
    "*goes on* says), that no page was given out (a list may\n"
    "have given rows before, and ends with the error), and that after encryption (signing)\n"
    "was agreed all that the client had sent was encrypted (signed).  *Peak* is the class of\n"
    "the most heap that the client had at any time; the limit is three times the longest\n"
    "reply allowed (256 KiB here) and 256 KiB.\n"
    "\n"
    "The same faults, of those with many cases some, are told over a socket to the blocking\n"
    "calls; there the code and the layer must be the same.  Some that differ from another in a\n"
    "value only are told in memory alone, and those of the blocking calls themselves (118 to\n"
    "120) over a socket alone.\n";

/* A class that no difference of a few bytes between machines changes. */
static const char *peak_class(size_t n)
{
    static const struct {
        size_t most;
        const char *name;
    } classes[] = {
        {64u << 10, "64 KiB"}, {256u << 10, "256 KiB"}, {HEAP_LIMIT, "limit"}};

    for (size_t i = 0; i < HOSTILE_COUNT(classes); i++)
        if (n <= classes[i].most)
            return classes[i].name;
    return "BEYOND";
}

/* How many bits or bytes there are is nobody's business. */
static bool is_counted(const fault *f)
{
    return f->sweep != EACH_BIT && f->sweep != EACH_BYTE;
}

static void put_answer(FILE *out, const fault *f, const result *r, const answer *a)
{
    if (a->outcome == PAGE)
        fprintf(out, "the whole page");
    else
        fprintf(out, "%s`%s` %s: %s", a->outcome == REFUSED ? "refused, goes on: " : "",
                netsession_code_name(a->code), a->layer, a->message);
    if (r->count > 1 && is_counted(f))
        fprintf(out, " (%u of %u)", a->times, r->runs);
}

/* What both columns behind the session say. */
static void result_text(const fault *f, bool sealed, char *text, size_t size)
{
    FILE *out = fmemopen(text, size, "w");
    result r;

    MUST(out);
    if (f->places == SOCKET)
        run_on_socket(f, sealed, &r);
    else
        run_in_memory(f, sealed, &r);
    for (size_t i = 0; i < r.count; i++) {
        fprintf(out, "%s", i ? "; " : "");
        put_answer(out, f, &r, &r.answers[i]);
    }
    if (*r.broken)
        fprintf(out, " **BROKEN: %s**", r.broken);
    fprintf(out, " | %s", peak_class(r.peak));
    MUST(!fclose(out));
}

static void put_row(FILE *out, const fault *f, const char *session, const char *text)
{
    fprintf(out, "| %s | %s | %s | %s | %s |\n", f->number, f->name, f->sent, session, text);
}

/* One row where both sessions come to the same. */
static void put_fault(FILE *out, const fault *f)
{
    char plain[8192] = "", sealed[8192] = "";
    unsigned modes = f->modes ? f->modes : BOTH;

    if (f->want == NOTHING) {
        snprintf(plain, sizeof plain, "%s |", (const char *)f->arg);
        put_row(out, f, "", plain);
        return;
    }
    if (modes & SIGNED)
        result_text(f, false, plain, sizeof plain);
    if (modes & SEALED)
        result_text(f, true, sealed, sizeof sealed);
    if (modes == BOTH && !strcmp(plain, sealed)) {
        put_row(out, f, "both", plain);
        return;
    }
    if (modes & SIGNED)
        put_row(out, f, "signed", plain);
    if (modes & SEALED)
        put_row(out, f, "sealed", sealed);
}

static void put_all(FILE *out)
{
    fputs(head, out);
    for (size_t i = 0; i < SECTIONS; i++) {
        const section *s = hostile_section(i);

        fprintf(
            out,
            "\n## %s\n\n| | Fault | What is sent | Session | What the client says | Peak |\n"
            "|---|---|---|---|---|---|\n",
            s->title);
        for (size_t k = 0; k < s->count; k++)
            put_fault(out, &s->faults[k]);
    }
}

int report_write(const char *path)
{
    FILE *out = fopen(path, "w");

    if (!out)
        return -1;
    put_all(out);
    return fclose(out);
}

/* The first line that differs is shown. */
static int differ(FILE *a, FILE *b)
{
    char left[4096], right[4096];
    char *p, *q;

    do {
        p = fgets(left, sizeof left, a);
        q = fgets(right, sizeof right, b);
    } while (p && q && !strcmp(p, q));
    if (!p && !q)
        return 0;
    printf("the document has: %sit should have: %s", p ? p : "nothing\n", q ? q : "nothing\n");
    return 1;
}

int report_compare(const char *path)
{
    FILE *have = fopen(path, "r"), *want = tmpfile();
    int rc = -1;

    if (have && want) {
        put_all(want);
        rewind(want);
        rc = differ(have, want);
    }
    if (have)
        fclose(have);
    if (want)
        fclose(want);
    return rc;
}
