/* Name resolution with a deadline. */
#ifndef NS_RESOLVE_H
#define NS_RESOLVE_H

#include <netdb.h>
#include <stdint.h>

/* 0 and *list (for freeaddrinfo), or getaddrinfo's error; EAI_AGAIN with
 * *timed_out when the deadline came first. */
int ns_resolve(const char *host, unsigned port, uint64_t deadline, struct addrinfo **list,
               int *timed_out);

#endif
