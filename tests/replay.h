/*
 * Conversations of the client object with real servers, as text: recorded
 * once with clock and entropy injected, replayed byte for byte in tests.
 *
 *     host dc1.lab.test          the config, a word and its value a line
 *     user LAB\Administrator
 *     ...
 *     query 1                    what is asked once connected, in this order
 *     ---
 *     > fe534d42...              what the client sent, and
 *     < fe534d42...              received, transport headers included
 *     ---
 *     connected 3.1.1 ...        what came of it
 */
#ifndef TESTS_REPLAY_H
#define TESTS_REPLAY_H

#include <netsession.h>
#include <stdbool.h>

#define REPLAY_MAX_QUERIES 8
#define REPLAY_TEXT_MAX    65536

typedef struct replay_chunk {
    bool from_client;
    uint8_t *bytes;
    size_t len;
} replay_chunk;

typedef struct replay {
    char host[256], user[128], password[128];
    unsigned min, max;   /* dialects; 0: default */
    int signing, cipher; /* the only one offered; -1: default */
    int encrypt, anonymous;
    unsigned queries[REPLAY_MAX_QUERIES];
    unsigned query_count;
    replay_chunk *chunks;
    size_t chunk_count;
    char outcome[REPLAY_TEXT_MAX];
} replay;

/* Reads a file; only its config when that is all there is.  False: the file
 * cannot be read or is malformed. */
bool replay_load(replay *r, const char *path);
void replay_free(replay *r);
/* One line of the config. */
bool replay_config_line(replay *r, const char *line);

/* Hooks whose clock stands still and whose entropy counts, starting anew. */
typedef struct replay_world {
    netsession_hooks hooks;
    uint8_t entropy;
    long allocs;  /* so far */
    long fail_at; /* this one fails, counted from 1; 0: none */
    long live;    /* blocks not freed */
} replay_world;
void replay_world_init(replay_world *w);

/* How the conversation is carried on. */
typedef struct replay_io {
    void *ctx;
    /* False: that is the end, and of no interest. */
    bool (*send)(void *ctx, const uint8_t *bytes, size_t len);
    /* At most room bytes into buf; *len 0: the peer closed.  False: nothing
     * comes up to the deadline. */
    bool (*receive)(void *ctx, uint8_t *buf, size_t room, size_t *len);
} replay_io;

/* Connects, asks the queries, says goodbye; writes what came of it as text.
 * Returns the code that netsession_new or the object ended with. */
int replay_run(const replay *r, replay_world *w, const replay_io *io, char *outcome);

#endif
