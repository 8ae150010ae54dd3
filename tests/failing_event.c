/* libevent's calls, which only a program of the server makes. */
#include <event2/event.h>

#include "tests/failing.h"

WRAP_SYSTEM(struct event_base *, event_base_new, (void), (), NULL)
WRAP_SYSTEM(int, event_base_dispatch, (struct event_base * b), (b), -1)
WRAP_SYSTEM(int, event_base_loopexit, (struct event_base * b, const struct timeval *t), (b, t),
            -1)
WRAP_SYSTEM(struct event *, event_new,
            (struct event_base * b, evutil_socket_t fd, short what, event_callback_fn run,
             void *arg),
            (b, fd, what, run, arg), NULL)
WRAP_SYSTEM(int, event_assign,
            (struct event * e, struct event_base *b, evutil_socket_t fd, short what,
             event_callback_fn run, void *arg),
            (e, b, fd, what, run, arg), -1)
WRAP_SYSTEM(int, event_add, (struct event * e, const struct timeval *t), (e, t), -1)
WRAP_SYSTEM(int, event_del, (struct event * e), (e), -1)
WRAP_SYSTEM(int, evutil_make_socket_nonblocking, (evutil_socket_t fd), (fd), -1)
