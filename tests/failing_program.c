/* For a program as a whole: call number FAIL_AT of those that are replaced
 * fails, in whatever thread, with FAIL_ERRNO where it is not memory that is
 * asked for, and its name is written to the file FAIL_REPORT.  Only names
 * that match FAIL_WHICH, a regular expression, are counted. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/failing.h"

/* ---- What is replaced besides the calls of failing.c ---- */

WRAP_SYSTEM(void *, malloc, (size_t n), (n), NULL)
WRAP_SYSTEM(void *, realloc, (void *p, size_t n), (p, n), NULL)
WRAP_SYSTEM(char *, strdup, (const char *s), (s), NULL)
WRAP_SYSTEM(char *, strndup, (const char *s, size_t n), (s, n), NULL)
WRAP_SYSTEM(void *, CRYPTO_secure_malloc, (size_t n, const char *file, int line),
            (n, file, line), NULL)
WRAP_SYSTEM(int, CRYPTO_secure_malloc_init, (size_t n, size_t least), (n, least), 0)
WRAP_SYSTEM(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), -1)
WRAP_SYSTEM(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL)
WRAP_SYSTEM(int, fstat, (int fd, struct stat *s), (fd, s), -1)
WRAP_SYSTEM(int, setrlimit, (int what, const struct rlimit *r), (what, r), -1)
WRAP_SYSTEM(int, getrlimit, (int what, struct rlimit *r), (what, r), -1)
WRAP_SYSTEM(int, clock_gettime, (clockid_t clock, struct timespec *t), (clock, t), -1)
WRAP_SYSTEM(int, tcgetattr, (int fd, struct termios *t), (fd, t), -1)
WRAP_SYSTEM(int, tcsetattr, (int fd, int when, const struct termios *t), (fd, when, t), -1)
WRAP_SYSTEM(int, pselect,
            (int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *t,
             const sigset_t *mask),
            (n, r, w, e, t, mask), -1)
WRAP_SYSTEM(int, sigaction, (int number, const struct sigaction *a, struct sigaction *old),
            (number, a, old), -1)
WRAP_SYSTEM(int, sigprocmask, (int how, const sigset_t *set, sigset_t *old), (how, set, old),
            -1)
WRAP_SYSTEM(int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1)
WRAP_SYSTEM(int, listen, (int fd, int backlog), (fd, backlog), -1)
WRAP_SYSTEM(int, accept, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n), -1)
WRAP_SYSTEM(int, getsockname, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n), -1)
WRAP_SYSTEM(int, getnameinfo,
            (const struct sockaddr *a, socklen_t n, char *host, socklen_t hosts, char *port,
             socklen_t ports, int flags),
            (a, n, host, hosts, port, ports, flags), EAI_FAIL)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
/* WRAP: nothing is made. */
int __wrap_open(const char *path, int flags, ...)
{
    return failing_call("open") ? -1 : __real_open(path, flags);
}

int __real_close(int fd);
int __wrap_close(int fd);
/* WRAP: the descriptor is gone also then. */
int __wrap_close(int fd)
{
    int done = __real_close(fd);

    return failing_call("close") ? -1 : done;
}

int __real_fflush(FILE *f);
int __wrap_fflush(FILE *f);
/* WRAP: the stream knows of it: from now on nothing can be written there. */
int __wrap_fflush(FILE *f)
{
    if (failing_call("fflush"))
        dup2(openat(AT_FDCWD, "/dev/null", O_RDONLY), fileno(f));
    return __real_fflush(f);
}

/* ---- Which of them ---- */

static atomic_long made;
static long at;
static int why;
static const char *report;
static regex_t which;

/* By calls that are not replaced. */
static void tell(const char *name)
{
    int fd = openat(AT_FDCWD, report, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || write(fd, name, strlen(name)) < 0)
        abort();
    __real_close(fd);
}

static int decide(const char *name)
{
    bool memory = strstr(name, "alloc") || strstr(name, "dup");

    if (regexec(&which, name, 0, NULL, 0) || ++made != at)
        return 0;
    tell(name);
    failing_errno = memory ? ENOMEM : why;
    return 1;
}

/* What comes after main is not the program's: libgcov's files, for one. */
static void end(void)
{
    failing_decide = FAILING_BY_COUNT;
}

__attribute__((constructor)) static void begin(void)
{
    const char *n = getenv("FAIL_AT"), *code = getenv("FAIL_ERRNO");
    const char *names = getenv("FAIL_WHICH");

    report = getenv("FAIL_REPORT");
    if (!n || !code || !report || !names)
        return;
    if (regcomp(&which, names, REG_EXTENDED | REG_NOSUB) || atexit(end))
        abort();
    at = strtol(n, NULL, 10);
    why = (int)strtol(code, NULL, 10);
    failing_decide = decide;
}
