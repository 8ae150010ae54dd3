/* sessiond's command line. */
#ifndef SESSIOND_OPTIONS_H
#define SESSIOND_OPTIONS_H

#include "server/server.h"

typedef struct options {
    ns_server_config server;
    const char *users;  /* path; NULL: none */
    const char *keytab; /* likewise */
    char host[256], port[8];
    unsigned idle; /* seconds without a byte before a client is dropped; 0: never */
    unsigned max_connections;
    bool quiet;
} options;

/* Fills o; on a mistake says what and exits with 2. */
void options_parse(options *o, int argc, char **argv);

#endif
