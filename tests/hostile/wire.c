/* Between the liar and a socket. */
#include "tests/hostile/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define OK(call) MUST(!(call))

/* ---- Its ends ---- */

int wire_listen(unsigned *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons((uint16_t)*port)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    MUST(fd >= 0);
    OK(bind(fd, (struct sockaddr *)&a, sizeof a));
    OK(listen(fd, 8));
    OK(getsockname(fd, (struct sockaddr *)&a, &len));
    *port = ntohs(a.sin_port);
    return fd;
}

bool wire_accept(struct wire *w, int listener)
{
    int on = 1;

    w->fd = accept(listener, NULL, NULL);
    w->shut = false;
    if (w->fd >= 0)
        (void)setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return w->fd >= 0;
}

void wire_close(struct wire *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

static void end_with(struct wire *w, enum ending e)
{
    const struct linger hard = {1, 0};

    if (e == RESETS)
        (void)setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    if (e == HALF_CLOSES && !w->shut)
        (void)shutdown(w->fd, SHUT_WR);
    w->shut = true;
    if (e == RESETS || e == CLOSES)
        wire_close(w);
}

/* ---- The talk ---- */

/* False: the client is gone. */
static bool hear(struct wire *w)
{
    static uint8_t bytes[65536];
    ssize_t n = recv(w->fd, bytes, sizeof bytes, 0);

    if (n > 0)
        liar_received(&w->l, bytes, (size_t)n);
    return n > 0 || (n < 0 && errno == EINTR);
}

static bool speak(struct wire *w)
{
    size_t len;
    const uint8_t *p = liar_output(&w->l, &len);
    ssize_t n = send(w->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    liar_output_ack(&w->l, (size_t)n);
    if (w->l.pace_ms)
        poll(NULL, 0, (int)(w->slow_ms ? w->slow_ms : w->l.pace_ms));
    return true;
}

bool wire_wants(struct wire *w, struct pollfd *p)
{
    enum ending e = liar_ending(&w->l);
    size_t len;

    (void)liar_output(&w->l, &len);
    if (!len && e != STAYS && e != FALLS_SILENT && !w->shut)
        end_with(w, e);
    *p = (struct pollfd){.fd = w->fd, .events = POLLIN};
    if (w->fd < 0)
        return false;
    if (!len && e == STAYS && w->l.more)
        w->l.more(&w->l);
    if (len)
        p->events |= POLLOUT;
    return true;
}

int wire_patience(const struct wire *w)
{
    return w->l.more ? 1 : 1000;
}

bool wire_turn(struct wire *w, short revents)
{
    if (revents & (POLLIN | POLLHUP | POLLERR) && !hear(w))
        return false;
    return !(revents & POLLOUT) || speak(w);
}

void wire_hear_out(struct wire *w)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};

    while (w->fd >= 0 && poll(&p, 1, 0) > 0)
        if (!hear(w))
            wire_close(w);
}
