/* Memory that runs out for a thread, and files that cannot be read. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/failing.h"

_Thread_local failing failing_memory;

static int runs_out(void)
{
    return failing_memory.at && ++failing_memory.made == failing_memory.at;
}

#define DECLARE(type, name, params)                                                            \
    type __real_##name params;                                                                 \
    type __wrap_##name params;

#define WRAP_MEMORY(name, params, args)                                                        \
    DECLARE(void *, name, params)                                                              \
    void *__wrap_##name params                                                                 \
    {                                                                                          \
        return runs_out() ? NULL : __real_##name args;                                         \
    }

WRAP_MEMORY(malloc, (size_t n), (n))
WRAP_MEMORY(realloc, (void *p, size_t n), (p, n))

/* These count as calls of the system. */
#define WRAP_FILE(name, type, params, args)                                                    \
    DECLARE(type, name, params)                                                                \
    type __wrap_##name params                                                                  \
    {                                                                                          \
        return failing_call(#name) ? -1 : __real_##name args;                                  \
    }

WRAP_FILE(read, ssize_t, (int fd, void *p, size_t n), (fd, p, n))
WRAP_FILE(fstat, int, (int fd, struct stat *st), (fd, st))
