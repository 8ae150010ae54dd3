#include "netapi/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "netapi/offload.h"

struct lookup {
    int result;
    struct addrinfo *list;
    char port[8];
    char host[256];
};

static int look_up(const char *host, const char *port, int flags, struct addrinfo **list)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

    hints.ai_flags = flags | AI_NUMERICSERV;
    return getaddrinfo(host, port, &hints, list);
}

static void run(void *arg)
{
    struct lookup *l = arg;

    l->result = look_up(l->host, l->port, 0, &l->list);
}

static void drop(void *arg)
{
    struct lookup *l = arg;

    if (!l->result)
        freeaddrinfo(l->list);
    free(l);
}

static int resolve_on_thread(const char *host, const char *port, uint64_t deadline,
                             struct addrinfo **list, int *timed_out)
{
    struct lookup *l = calloc(1, sizeof *l);
    enum ns_offloaded how;
    int result = EAI_AGAIN;

    if (!l)
        return EAI_MEMORY;
    snprintf(l->host, sizeof l->host, "%s", host);
    snprintf(l->port, sizeof l->port, "%s", port);
    how = ns_offload(run, drop, l, deadline);
    *timed_out = how == NS_LATE;
    if (how == NS_LATE)
        return EAI_AGAIN;
    if (how == NS_DONE) {
        result = l->result;
        *list = l->list;
    }
    free(l);
    return result;
}

int ns_resolve(const char *host, unsigned port, uint64_t deadline, struct addrinfo **list,
               int *timed_out)
{
    char service[8];

    *timed_out = 0;
    snprintf(service, sizeof service, "%u", port);
    if (!look_up(host, service, AI_NUMERICHOST, list))
        return 0;
    return resolve_on_thread(host, service, deadline, list, timed_out);
}
