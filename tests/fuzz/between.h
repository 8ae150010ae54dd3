/*
 * Who sits between the client object and the reference server, and can do what
 * anybody on the way can; or, since it knows the client's keys, what only a
 * malicious server can: change a message, then sign and encrypt it anew.
 */
#ifndef TESTS_FUZZ_BETWEEN_H
#define TESTS_FUZZ_BETWEEN_H

#include "netapi/conn.h"
#include "tests/test_server_rig.h"

#define BETWEEN_MAX 150000u

typedef struct between {
    rig *rig;
    netsession *ns;
    ns_server_conn *conn;
    bool dropped; /* the client, by the server */
    uint8_t msg[BETWEEN_MAX], taken[BETWEEN_MAX]; /* as it is, as it came */
    size_t len, taken_len;
    bool chained; /* it holds several messages */
    bool keyed;   /* the client could tell a message that was changed */
    bool opened;  /* msg came encrypted, and has been decrypted */
    bool protected;
    bool anew;    /* something that was changed was then protected */
    bool tainted; /* something was changed before there were keys, and was believed */
} between;

/* Carries what the client has to say. */
void between_to_server(between *b);
/* The server's next frame into b->msg, as it is or opened; false: there is none. */
bool between_take(between *b, bool open);
/* Changes it in one place, the input says where and to what. */
void between_change(between *b, unsigned how, ns_reader *in);
/* Signs or encrypts it anew, with the keys that the client has or will have. */
void between_protect(between *b);
/* Hands it to the client, which must not believe what is not protected. */
void between_to_client(between *b);
/* Once the client has logged on: nobody on the way has changed what was agreed; best:
 * the dialect that both ends would choose. */
void between_agreed(const between *b, unsigned best);

#endif
