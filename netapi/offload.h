/* A call that blocks, with a deadline all the same. */
#ifndef NS_OFFLOAD_H
#define NS_OFFLOAD_H

#include <stdint.h>

/* Milliseconds of a clock that only goes forward. */
uint64_t ns_now(void);

enum ns_offloaded { NS_DONE, NS_LATE, NS_NO_THREAD };

/* Runs run(arg) on a thread of its own.  NS_LATE: the deadline came first; the
 * thread is left behind and will call drop(arg) at its end.  Otherwise arg is
 * the caller's again. */
enum ns_offloaded ns_offload(void (*run)(void *arg), void (*drop)(void *arg), void *arg,
                             uint64_t deadline);

#endif
