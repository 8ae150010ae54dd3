#include "tests/failing.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

_Thread_local failing failing_crypto;
_Thread_local failing failing_system;
_Thread_local size_t failing_short;
_Thread_local int failing_errno, failing_trickle;
failing_decider *_Atomic failing_decide;

static int fails(failing *f, const char *name)
{
    failing_decider *decide = failing_decide; /* which another thread may change */

    return decide ? decide(name) : ++f->made == f->at;
}

/* ---- libcrypto ---- */

/* A function of libcrypto: its result, name, parameters and arguments; what it
 * answers when it fails is 0 or NULL.  then: what else is done to what it made. */
#define WRAP_THEN(type, name, params, args, then)                                              \
    type __real_##name params;                                                                 \
    type __wrap_##name params;                                                                 \
    type __wrap_##name params                                                                  \
    {                                                                                          \
        type made = fails(&failing_crypto, #name) ? 0 : __real_##name args;                    \
                                                                                               \
        then;                                                                                  \
        return made;                                                                           \
    }
#define WRAP(type, name, params, args) WRAP_THEN(type, name, params, args, (void)0)

WRAP(EVP_MD_CTX *, EVP_MD_CTX_new, (void), ())
WRAP(int, EVP_DigestInit_ex, (EVP_MD_CTX * c, const EVP_MD *md, ENGINE *e), (c, md, e))
WRAP(int, EVP_DigestUpdate, (EVP_MD_CTX * c, const void *p, size_t n), (c, p, n))
WRAP(int, EVP_DigestFinal_ex, (EVP_MD_CTX * c, unsigned char *out, unsigned *n), (c, out, n))
WRAP(EVP_MAC *, EVP_MAC_fetch, (OSSL_LIB_CTX * l, const char *name, const char *q),
     (l, name, q))
WRAP(EVP_MAC_CTX *, EVP_MAC_CTX_new, (EVP_MAC * m), (m))
WRAP(int, EVP_MAC_init,
     (EVP_MAC_CTX * c, const unsigned char *k, size_t n, const OSSL_PARAM *p), (c, k, n, p))
WRAP(int, EVP_MAC_update, (EVP_MAC_CTX * c, const unsigned char *p, size_t n), (c, p, n))
WRAP_THEN(int, EVP_MAC_final, (EVP_MAC_CTX * c, unsigned char *out, size_t *n, size_t room),
          (c, out, n, room), *n -= made ? failing_short : 0)
WRAP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void), ())
WRAP(int, EVP_CipherInit_ex,
     (EVP_CIPHER_CTX * c, const EVP_CIPHER *t, ENGINE *e, const unsigned char *k,
      const unsigned char *iv, int enc),
     (c, t, e, k, iv, enc))
WRAP(int, EVP_CIPHER_CTX_ctrl, (EVP_CIPHER_CTX * c, int type, int arg, void *p),
     (c, type, arg, p))
WRAP(int, EVP_CipherUpdate,
     (EVP_CIPHER_CTX * c, unsigned char *out, int *outl, const unsigned char *in, int inl),
     (c, out, outl, in, inl))
WRAP(int, EVP_CipherFinal_ex, (EVP_CIPHER_CTX * c, unsigned char *out, int *outl),
     (c, out, outl))
WRAP(int, RAND_bytes, (unsigned char *p, int n), (p, n))

/* ---- The system ---- */

int failing_call(const char *name)
{
    if (!failing_decide && !failing_system.at)
        return 0;
    if (!fails(&failing_system, name))
        return 0;
    errno = failing_errno;
    return 1;
}

static size_t trickle(size_t n)
{
    return n && failing_trickle ? 1 : n;
}

WRAP_SYSTEM(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1)
WRAP_SYSTEM(int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1)
WRAP_SYSTEM(int, getpeername, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n), -1)
WRAP_SYSTEM(int, getsockopt, (int fd, int level, int name, void *p, socklen_t *n),
            (fd, level, name, p, n), -1)
WRAP_SYSTEM(int, setsockopt, (int fd, int level, int name, const void *p, socklen_t n),
            (fd, level, name, p, n), -1)
WRAP_SYSTEM(int, poll, (struct pollfd * p, nfds_t n, int timeout), (p, n, timeout), -1)
WRAP_SYSTEM(ssize_t, send, (int fd, const void *p, size_t n, int flags),
            (fd, p, trickle(n), flags), -1)
WRAP_SYSTEM(ssize_t, recv, (int fd, void *p, size_t n, int flags), (fd, p, trickle(n), flags),
            -1)
WRAP_SYSTEM(int, pthread_create,
            (pthread_t * t, const pthread_attr_t *a, void *(*run)(void *), void *arg),
            (t, a, run, arg), EAGAIN)
/* A machine may have no hosts file: then this is localhost's address. */
static const char *address_of(const char *host, const struct addrinfo *hints)
{
    bool name = !strcmp(host, "localhost") && !(hints->ai_flags & AI_NUMERICHOST);

    return name ? "127.0.0.1" : host;
}

WRAP_SYSTEM(int, getaddrinfo,
            (const char *host, const char *port, const struct addrinfo *hints,
             struct addrinfo **list),
            (address_of(host, hints), port, hints, list), EAI_FAIL)
WRAP_SYSTEM(void *, calloc, (size_t n, size_t size), (n, size), 0)

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
/* WRAP: its last argument, an int or a pointer, is handed on as libc does it. */
int __wrap_fcntl(int fd, int command, ...)
{
    va_list ap;
    void *arg;

    va_start(ap, command);
    arg = va_arg(ap, void *);
    va_end(ap);
    return failing_call("fcntl") ? -1 : __real_fcntl(fd, command, arg);
}
