/*
 * A mechanism as the acceptor in server.c sees it: tokens in, tokens out, a
 * verdict at the end.  A verdict is apart from the legs, so that nothing tells
 * which of them it was that went wrong, where that matters.
 */
#ifndef NS_SERVER_MECH_H
#define NS_SERVER_MECH_H

#include "auth/server.h"
#include "base/crypto.h"

/* Who logged on; points into the mechanism's state. */
typedef struct server_identity {
    enum auth_server_kind kind;
    const char *user, *domain;
    bool admin;
    ns_slice key; /* n is 0: a session without keys */
} server_identity;

/* All functions with an err return 0 or a negative code with *err set. */
typedef struct server_mech {
    const char *name; /* "NTLM" */
    bool server_ends; /* the last token is ours */
    bool (*accepted)(const auth_server_params *params);
    /* params is kept.  *state may be set even after a failure. */
    int (*create)(void **state, const auth_server_params *params, netsession_error *err);
    void (*destroy)(void *state, const netsession_hooks *hooks); /* wipes */
    /* One leg.  1: another token is expected; 0: none is, out may hold a last
     * one. */
    int (*step)(void *state, ns_slice in, ns_writer *out, netsession_error *err);
    /* The rest is for when step has returned 0. */
    bool (*has_keys)(const void *state);
    /* Of the mechListMIC: what it makes and checks leaves no trace in the state
     * but the verdict's.  p is NULL for a signature that is missing. */
    int (*sign)(void *state, ns_slice message, ns_writer *mic, netsession_error *err);
    int (*verify)(void *state, ns_slice message, ns_slice mic, netsession_error *err);
    int (*verdict)(const void *state, netsession_error *err);
    void (*identify)(const void *state, server_identity *out); /* after a good verdict */
} server_mech;

extern const server_mech ntlm_server_mech, kerberos_server_mech;

#endif
