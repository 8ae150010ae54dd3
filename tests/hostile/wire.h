/* A liar behind a TCP socket of 127.0.0.1. */
#ifndef TESTS_HOSTILE_WIRE_H
#define TESTS_HOSTILE_WIRE_H

#include <poll.h>

#include "tests/hostile/hostile.h"

struct wire {
    liar l;
    int fd;           /* -1: none, or closed */
    unsigned slow_ms; /* between two bites where the lie is slowness; 0: its own pace */
    bool shut;
};

/* A listening socket; 0 for the port: any, and which it is. */
int wire_listen(unsigned *port);
/* Whoever is waiting there; false: nobody. */
bool wire_accept(struct wire *w, int listener);
/* What to poll for; false: it is over, and its socket is closed. */
bool wire_wants(struct wire *w, struct pollfd *p);
/* How long, in ms. */
int wire_patience(const struct wire *w);
/* What poll() said; false: the client is gone. */
bool wire_turn(struct wire *w, short revents);
/* Everything that has come already. */
void wire_hear_out(struct wire *w);
void wire_close(struct wire *w);

#endif
