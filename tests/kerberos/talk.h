/* A client with a ticket and a server with a key, whose tokens the test carries. */
#ifndef TESTS_KERBEROS_TALK_H
#define TESTS_KERBEROS_TALK_H

#include "auth/kerberos.h"
#include "auth/kerberos_server.h"
#include "auth/spnego.h"

#define TALK_SPN "cifs/fs1.net.test"

extern netsession_hooks talk_hooks;
extern kerberos_acceptor *talk_acceptor;
extern bool talk_known; /* the users are, though as no administrators */

typedef struct talk {
    kerberos *ticket;
    auth_params client_params;
    auth_server_params server_params;
    auth_client *client;
    auth_server *server;
    ns_writer to_server, to_client;
    netsession_error err, server_err;
} talk;

/* A fixture: these. */
void talk_setup(void);
void talk_teardown(void);

kerberos *talk_ticket(const kerberos_params *p);
/* Up to the client's request. */
void talk_ask(talk *t, bool request_mic);
/* Up to the server's answer, of which auth_server_step says answer. */
void talk_begin(talk *t, bool request_mic, int answer);
/* The server's step alone, on what the client sent. */
int talk_answer(talk *t);
/* auth_client_finish. */
int talk_finish(talk *t, const void *token, size_t len);
void talk_end(talk *t);

#endif
