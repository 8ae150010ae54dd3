/*
 * The client object against recorded servers: each conversation in
 * tests/replay, whole, byte by byte, cut short, with bytes flipped, and with
 * each allocation failing once.
 */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/replay.h"

#define STRIDE 13 /* of cuts and flips: prime, so that all fields have their turn */

static glob_t files;

/* ---- The recorded server ---- */

struct tape {
    const replay *r;
    size_t chunk;  /* next in the recording */
    size_t at;     /* bytes of it that are used up */
    size_t most;   /* bytes given at once */
    size_t heard;  /* of the server's bytes, in all */
    size_t cut;    /* the server's end after so many */
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
        return true;
    if (c->from_client)
        return false;
    while (*len < room && *len < t->most && t->at < c->len && t->heard < t->cut) {
        buf[(*len)++] = (uint8_t)(c->bytes[t->at++] ^ (t->heard == t->flip ? 1 : 0));
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

    ck_assert_int_eq(world->live, 0);
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

/* Wherever the server ends: an error, and no row that was not complete. */
START_TEST(cut_short)
{
    replay r;
    size_t all;

    load(&r, _i);
    all = server_bytes(&r);
    for (size_t cut = (size_t)_i % STRIDE; cut < all; cut += STRIDE) {
        struct tape tape = tape_of(&r);
        replay_world world;
        int rc;

        replay_world_init(&world);
        tape.cut = cut;
        rc = play(&r, &tape, &world, outcome);
        ck_assert(!tape.diverged);
        /* Only a goodbye may go unanswered. */
        ck_assert_msg(rc == NETSESSION_E_IO || strstr(outcome, "goodbye"), "cut %zu: %d", cut,
                      rc);
    }
    replay_free(&r);
}
END_TEST

/* A changed byte is noticed, or stood where nothing is believed anyway: then
 * what comes out is what would have come out. */
START_TEST(flipped)
{
    replay r;
    size_t all;

    load(&r, _i);
    all = server_bytes(&r);
    for (size_t flip = (size_t)_i % STRIDE; flip < all; flip += STRIDE) {
        struct tape tape = tape_of(&r);
        replay_world world;
        int rc;

        replay_world_init(&world);
        tape.flip = flip;
        rc = play(&r, &tape, &world, outcome);
        if (rc == 0 && !tape.diverged && tape.chunk == r.chunk_count)
            ck_assert_str_eq(outcome, r.outcome);
    }
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
