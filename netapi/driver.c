/* The blocking driver: one socket, one poll, one absolute deadline. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netapi/conn.h"
#include "netapi/offload.h"
#include "netapi/os_error.h"
#include "netapi/resolve.h"

/* ---- Socket ---- */

void ns_driver_close(netsession *ns)
{
    if (ns->fd >= 0)
        close(ns->fd);
    ns->fd = -1;
}

/* Waits for events until the deadline; 1: they are there, 0: too late; -1 and
 * errno. */
static int wait_fd(int fd, short events, uint64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;

    do {
        uint64_t now = ns_now(), left = deadline > now ? deadline - now : 0;

        n = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* What a non-blocking connect came to: 0 or an errno. */
static int connect_result(int fd)
{
    int err = 0;
    socklen_t len = sizeof err;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) ? errno : err;
}

static int connect_by(int fd, const struct addrinfo *a, uint64_t deadline)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    int err, ready;

    if (!connect(fd, a->ai_addr, a->ai_addrlen))
        return 0;
    if (errno != EINPROGRESS && errno != EINTR)
        return errno;
    ready = wait_fd(fd, POLLOUT, deadline);
    if (ready <= 0)
        return ready ? errno : ETIMEDOUT;
    err = connect_result(fd);
    if (err)
        return err;
    return getpeername(fd, (struct sockaddr *)&peer, &len) ? errno : 0;
}

/* Not 0, 1 or 2: a program whose standard output is closed would print into
 * the connection. */
static int move_up(int fd)
{
    int up;

    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    up = fcntl(fd, F_DUPFD, STDERR_FILENO + 1);
    close(fd);
    return up;
}

static int open_socket(const struct addrinfo *a, int *fd)
{
    int on = 1;

    *fd = move_up(socket(a->ai_family, SOCK_STREAM, 0));
    if (*fd < 0)
        return errno;
    if (fcntl(*fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(*fd, F_SETFL, O_NONBLOCK) < 0)
        return errno;
    /* Each flight is one write that waits for its answer. */
    (void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return 0;
}

/* Each address in turn; one that is silent may use half of what time is left,
 * so that the next has its chance. */
static int connect_any(netsession *ns, const struct addrinfo *list, uint64_t deadline)
{
    int err = EHOSTUNREACH;

    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        uint64_t now = ns_now();
        uint64_t until = a->ai_next && deadline > now ? now + (deadline - now) / 2 : deadline;

        err = open_socket(a, &ns->fd);
        if (!err)
            err = connect_by(ns->fd, a, until);
        if (!err)
            return 0;
        ns_driver_close(ns);
    }
    return err;
}

static int fail_connect(netsession *ns, int err)
{
    char text[NS_OS_ERROR];

    if (err == ETIMEDOUT)
        return ns_conn_fail(ns, NETSESSION_E_TIMEOUT, NS_LAYER_TCP,
                            "%s port %u did not answer in time; is it up, and is a firewall "
                            "between?",
                            ns->host, ns->port);
    return ns_conn_fail(ns, NETSESSION_E_CONNECT, NS_LAYER_TCP,
                        "cannot connect to %s port %u: %s; is file sharing on there?", ns->host,
                        ns->port, ns_os_error(err, text));
}

static int fail_resolve(netsession *ns, int err, int timed_out)
{
    if (timed_out)
        return ns_conn_fail(ns, NETSESSION_E_TIMEOUT, NS_LAYER_NAME,
                            "the name %s was not resolved in time; check the DNS servers",
                            ns->host);
    return ns_conn_fail(ns, NETSESSION_E_RESOLVE, NS_LAYER_NAME,
                        "cannot find an address of %s: %s; check the name", ns->host,
                        gai_strerror(err));
}

static int dial(netsession *ns, uint64_t deadline)
{
    struct addrinfo *list = NULL;
    int timed_out, err = ns_resolve(ns->host, ns->port, deadline, &list, &timed_out);

    if (err)
        return fail_resolve(ns, err, timed_out);
    err = connect_any(ns, list, deadline);
    freeaddrinfo(list);
    return err ? fail_connect(ns, err) : 0;
}

/* ---- Moving bytes ---- */

static int broken(netsession *ns)
{
    char text[NS_OS_ERROR];

    return ns_conn_fail(ns, NETSESSION_E_IO, NS_LAYER_TCP, "the connection broke: %s",
                        ns_os_error(errno, text));
}

static int is_transient(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static int send_some(netsession *ns)
{
    size_t len;
    const void *p = netsession_output(ns, &len);
    ssize_t n = send(ns->fd, p, len, MSG_NOSIGNAL);

    if (n < 0)
        return is_transient() ? 0 : broken(ns);
    return netsession_output_ack(ns, (size_t)n);
}

static int receive_some(netsession *ns)
{
    size_t room;
    void *p = netsession_input(ns, &room);
    ssize_t n;

    if (!p)
        return ns->err.code;
    n = recv(ns->fd, p, room, 0);
    if (n < 0)
        return is_transient() ? 0 : broken(ns);
    return n ? netsession_input_ack(ns, (size_t)n) : netsession_input_eof(ns);
}

/* ---- What blocks ---- */

static void run_work(void *work)
{
    netsession_work_run(work);
}

static void drop_work(void *work)
{
    netsession_work_free(work);
}

static int do_work(netsession *ns)
{
    netsession_work *work = netsession_take_work(ns);

    switch (ns_offload(run_work, drop_work, work, ns->deadline)) {
    case NS_DONE:
        return netsession_work_done(ns, work);
    case NS_LATE:
        return 0; /* which the next tick will find */
    case NS_NO_THREAD:
        break;
    }
    netsession_work_free(work);
    return ns_conn_fail(ns, NETSESSION_E_MEMORY, NS_LAYER_KERBEROS,
                        "no thread could be started to ask the KDC");
}

static int move(netsession *ns, unsigned want)
{
    bool sends = (want & NETSESSION_WRITE) != 0;
    int ready = wait_fd(ns->fd, sends ? POLLOUT : POLLIN, netsession_deadline(ns));

    if (ready <= 0)
        return ready ? broken(ns) : 0;
    return sends ? send_some(ns) : receive_some(ns);
}

/* Drives the object until it has an event.  What is to be sent goes first, so
 * that the server thinks while the KDC is asked. */
static int run(netsession *ns, netsession_event *event)
{
    unsigned want;

    while (!((want = netsession_wants(ns)) & (NETSESSION_EVENT | NETSESSION_CLOSED))) {
        if ((want & (NETSESSION_WRITE | NETSESSION_WORK)) == NETSESSION_WORK)
            (void)do_work(ns);
        else
            (void)move(ns, want);
        (void)netsession_tick(ns, ns_now());
    }
    return netsession_next_event(ns, event) ? 0 : NETSESSION_E_STATE;
}

/* ---- The blocking calls ---- */

/* The object's own deadline runs from before the name was resolved. */
int netsession_connect(netsession *ns)
{
    uint64_t now = ns_now();
    netsession_event event;
    int rc = netsession_start(ns, now);

    if (!rc)
        rc = dial(ns, netsession_deadline(ns));
    if (!rc)
        rc = run(ns, &event);
    else
        (void)netsession_next_event(ns, &event);
    if (ns->state == NS_CLOSED)
        ns_driver_close(ns);
    return rc ? rc : ns->err.code;
}

int netsession_enum(netsession *ns, const netsession_query *query, netsession_page **page)
{
    netsession_event event = {0, NULL};
    int rc;

    *page = NULL;
    rc = netsession_query_start(ns, query, ns_now());
    if (!rc)
        rc = run(ns, &event);
    *page = event.page;
    if (rc || event.page)
        return rc;
    return netsession_last_error(ns)->code;
}

int netsession_close(netsession *ns)
{
    netsession_event event;
    int rc = netsession_shutdown(ns, ns_now());

    if (!rc)
        rc = run(ns, &event);
    ns_driver_close(ns);
    return rc ? rc : ns->err.code;
}
