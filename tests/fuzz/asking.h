/* The user of a client object: whom it is made for, what it is asked, and what must
 * hold of each answer. */
#ifndef TESTS_FUZZ_ASKING_H
#define TESTS_FUZZ_ASKING_H

#include "tests/fuzz/fuzz.h"

/* The administrator's object, for the rig; kind: bits for what it
 * offers, and what it will be asked. */
netsession *asking_begin(const netsession_hooks *hooks, uint8_t kind);
/* The highest dialect that it offers. */
unsigned asking_dialect(uint8_t kind);
/* Takes an event and goes on: two queries, then goodbye. */
void asking_go_on(netsession *ns, uint8_t kind, unsigned *asked);

#endif
