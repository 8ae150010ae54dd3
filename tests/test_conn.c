/*
 * The client object against recorded servers: each conversation in
 * tests/replay, whole, byte by byte, cut short anywhere, with each byte
 * flipped, and with each allocation failing once.
 */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "smb2/message.h"
#include "tests/replay.h"
#include "tests/util.h"

static glob_t files;

/* ---- The recorded server ---- */

struct tape {
    const replay *r;
    size_t chunk;  /* next in the recording */
    size_t at;     /* bytes of it that are used up */
    size_t most;   /* bytes given at once */
    size_t heard;  /* of the server's bytes, in all */
    size_t cut;    /* the server's end after so many, */
    bool silent;   /* or its silence */
    size_t flip;   /* this one of the server's bytes is changed */
    bool diverged; /* the client said something else than recorded */
};

static bool tape_send(void *ctx, const uint8_t *bytes, size_t len)
{
    struct tape *t = ctx;
    const replay_chunk *c = &t->r->chunks[t->chunk];

    t->diverged = t->chunk == t->r->chunk_count || !c->from_client || c->len != len ||
                  memcmp(c->bytes, bytes, len) != 0;
    t->chunk++;
    return !t->diverged;
}

static bool tape_receive(void *ctx, uint8_t *buf, size_t room, size_t *len)
{
    struct tape *t = ctx;
    const replay_chunk *c = &t->r->chunks[t->chunk];

    *len = 0;
    if (t->chunk == t->r->chunk_count || t->heard == t->cut)
        return !t->silent;
    if (c->from_client)
        return false;
    while (*len < room && *len < t->most && t->at < c->len && t->heard < t->cut) {
        buf[(*len)++] =
            (uint8_t)(c->bytes[t->at++] ^ (t->heard == t->flip ? 1u << t->heard % 8 : 0));
        t->heard++;
    }
    if (t->at == c->len) {
        t->chunk++;
        t->at = 0;
    }
    return true;
}

static struct tape tape_of(const replay *r)
{
    return (struct tape){.r = r, .most = SIZE_MAX, .cut = SIZE_MAX, .flip = SIZE_MAX};
}

static int play(const replay *r, struct tape *tape, replay_world *world, char *outcome)
{
    replay_io io = {tape, tape_send, tape_receive};
    int rc = replay_run(r, world, &io, outcome);

    if (world->live)
        ck_abort_msg("%ld blocks are left behind", world->live);
    return rc;
}

static size_t server_bytes(const replay *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->chunk_count; i++)
        n += r->chunks[i].from_client ? 0 : r->chunks[i].len;
    return n;
}

static void load(replay *r, int i)
{
    ck_assert_msg(replay_load(r, files.gl_pathv[i]), "%s", files.gl_pathv[i]);
}

/* ---- Tests ---- */

static char outcome[REPLAY_TEXT_MAX];

static void expect_outcome(const replay *r, size_t most)
{
    struct tape tape = tape_of(r);
    replay_world world;

    replay_world_init(&world);
    tape.most = most;
    (void)play(r, &tape, &world, outcome);
    ck_assert(!tape.diverged);
    ck_assert_str_eq(outcome, r->outcome);
    ck_assert_uint_eq(tape.chunk, r->chunk_count);
}

START_TEST(whole)
{
    replay r;

    load(&r, _i);
    expect_outcome(&r, SIZE_MAX);
    replay_free(&r);
}
END_TEST

START_TEST(byte_by_byte)
{
    replay r;

    load(&r, _i);
    expect_outcome(&r, 1);
    replay_free(&r);
}
END_TEST

/* Up to its error what came out is what should have. */
static void check_beginning(const replay *r, size_t at)
{
    char *failed = strstr(outcome, "failed ");
    size_t len = failed ? (size_t)(failed - outcome) : strlen(outcome);

    if (strncmp(outcome, r->outcome, len) != 0)
        ck_abort_msg("byte %zu: %s", at, outcome);
}

/* Wherever the server ends, or falls silent: an error, and no row that was not
 * complete.  Only a goodbye may go unanswered, by an end. */
static void cut(const replay *r, size_t at, bool silent)
{
    struct tape tape = tape_of(r);
    replay_world world;
    int rc, want = silent ? NETSESSION_E_TIMEOUT : NETSESSION_E_IO;

    replay_world_init(&world);
    tape.cut = at;
    tape.silent = silent;
    rc = play(r, &tape, &world, outcome);
    if (tape.diverged || (rc != want && (silent || !strstr(outcome, "goodbye"))))
        ck_abort_msg("after %zu bytes: %d, %s", at, rc, outcome);
    check_beginning(r, at);
}

/* Each byte, but of the long lists, whose rows are all alike, every seventh. */
static size_t step(size_t all)
{
    return test_sweep_step() * (all > 4000 ? 7 : 1);
}

START_TEST(cut_short)
{
    replay r;
    size_t all;

    load(&r, _i);
    all = server_bytes(&r);
    for (size_t at = (size_t)_i % step(all); at < all; at += step(all)) {
        cut(&r, at, false);
        cut(&r, at, true);
    }
    replay_free(&r);
}
END_TEST

/* ---- What protects the bytes ---- */

#define FRAMES 32

struct frame {
    size_t start, end; /* among the server's bytes */
    bool interim;      /* which nothing ever signs: [MS-SMB2] 3.3.4.2 */
};

static size_t find_frames(const uint8_t *p, size_t len, struct frame frames[FRAMES])
{
    size_t n = 0, at = 0;

    for (; at < len; n++) {
        const uint8_t *msg = p + at + 4;
        size_t size;

        ck_assert(n < FRAMES && len - at > 4 + SMB2_HEADER_LEN);
        size = 4u + ((size_t)p[at + 1] << 16) + ((size_t)p[at + 2] << 8) + p[at + 3];
        ck_assert(size <= len - at);
        frames[n] = (struct frame){
            at, at + size, ns_le32(msg) == SMB2_PROTOCOL && ns_le32(msg + 8) == STATUS_PENDING};
        at += size;
    }
    return n;
}

static uint8_t *heard_bytes(const replay *r)
{
    uint8_t *p = calloc(1, server_bytes(r) + 1);
    size_t at = 0;

    ck_assert_ptr_nonnull(p);
    for (size_t i = 0; i < r->chunk_count; i++)
        if (!r->chunks[i].from_client) {
            memcpy(p + at, r->chunks[i].bytes, r->chunks[i].len);
            at += r->chunks[i].len;
        }
    return p;
}

/* Signed or encrypted is all from the last SESSION_SETUP on, which at 3.1.1 has
 * the hash of all before: only there a change may show in what the client says.
 * Where nobody is logged on, nothing is protected. */
enum protection { BARE, HASHED, KEYED };

static enum protection protection_of(const replay *r, const struct frame *frames, size_t f)
{
    if (r->anonymous || frames[f].interim || strncmp(r->outcome, "connected ", 10) != 0)
        return BARE;
    if (f >= 2)
        return KEYED;
    return strncmp(r->outcome, "connected 3.1.1 ", 16) ? BARE : HASHED;
}

static void flip(const replay *r, size_t at, enum protection p)
{
    struct tape tape = tape_of(r);
    replay_world world;
    bool believed;
    int rc;

    replay_world_init(&world);
    tape.flip = at;
    tape.silent = true;
    rc = play(r, &tape, &world, outcome);
    believed = tape.diverged ? p == KEYED : !rc || strstr(outcome, "goodbye");
    if (p != BARE && believed)
        ck_abort_msg("byte %zu: believed: %d, %s", at, rc, outcome);
    if (!r->anonymous)
        check_beginning(r, at);
}

/* A changed byte is noticed, or stood where nothing protects it: then what
 * comes out is what would have come out, unless nobody is logged on. */
START_TEST(flipped)
{
    struct frame frames[FRAMES];
    uint8_t *bytes;
    size_t all, n;
    replay r;

    load(&r, _i);
    all = server_bytes(&r);
    bytes = heard_bytes(&r);
    n = find_frames(bytes, all, frames);
    for (size_t f = 0; f < n; f++)
        for (size_t at = frames[f].start + (size_t)_i % step(all); at < frames[f].end;
             at += step(all))
            flip(&r, at, protection_of(&r, frames, f));
    free(bytes);
    replay_free(&r);
}
END_TEST

/* No crash, no leak, and either an error or, where an allocation was not
 * needed, the same outcome. */
START_TEST(out_of_memory)
{
    replay r;
    long n = 1;
    bool done = false;

    load(&r, _i);
    for (; !done; n++) {
        struct tape tape = tape_of(&r);
        replay_world world;
        int rc;

        replay_world_init(&world);
        world.fail_at = n;
        rc = play(&r, &tape, &world, outcome);
        done = world.allocs < n;
        if (!done && strcmp(outcome, r.outcome) != 0)
            ck_assert_msg(rc == NETSESSION_E_MEMORY || strstr(outcome, "NETSESSION_E_MEMORY"),
                          "allocation %ld: %d, %s", n, rc, outcome);
    }
    ck_assert_int_gt(n, 20);
    replay_free(&r);
}
END_TEST

START_TEST(recordings_are_there)
{
    ck_assert_uint_ge(files.gl_pathc, 16);
}
END_TEST

Suite *conn_suite(void);
Suite *conn_suite(void)
{
    Suite *s = suite_create("conn");
    TCase *tc = tcase_create("replay");
    int n;

    glob("tests/replay/*.txt", 0, NULL, &files);
    n = (int)files.gl_pathc;
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, recordings_are_there);
    tcase_add_loop_test(tc, whole, 0, n);
    tcase_add_loop_test(tc, byte_by_byte, 0, n);
    tcase_add_loop_test(tc, cut_short, 0, n);
    tcase_add_loop_test(tc, flipped, 0, n);
    tcase_add_loop_test(tc, out_of_memory, 0, n);
    suite_add_tcase(s, tc);
    return s;
}
