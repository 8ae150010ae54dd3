/* The reference server behind a real socket, on a thread of its own. */
#ifndef TESTS_SOCKET_RIG_H
#define TESTS_SOCKET_RIG_H

#include <pthread.h>

#include "tests/test_server_rig.h"

typedef struct socket_rig {
    rig rig;              /* the thread's alone while it runs, */
    _Atomic uint64_t now; /* but for its time (ms) */
    pthread_t thread;
    int listener, stop[2];
    char target[32]; /* "127.0.0.1:40123" */
} socket_rig;

void socket_rig_init(socket_rig *s); /* then s->rig.cfg may be changed */
void socket_rig_start(socket_rig *s);
/* Drops who is still connected; nothing of the server may be left. */
void socket_rig_stop(socket_rig *s);

#endif
