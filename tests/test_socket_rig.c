#include "tests/test_socket_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CLIENTS 14

typedef struct client {
    int fd;
    ns_server_conn *conn; /* NULL: this one is free */
} client;

static void drop(client *c)
{
    ns_server_conn_free(c->conn);
    close(c->fd);
    memset(c, 0, sizeof *c);
}

static void admit(socket_rig *s, client clients[MAX_CLIENTS])
{
    int fd = accept(s->listener, NULL, NULL);
    size_t i = 0;

    while (i < MAX_CLIENTS && clients[i].conn)
        i++;
    MUST(fd >= 0 && i < MAX_CLIENTS);
    clients[i].fd = fd;
    clients[i].conn = ns_server_conn_new(s->rig.server, "127.0.0.1", &clients[i]);
    MUST(clients[i].conn);
}

/* False: this client is done with. */
static bool serve(client *c, uint64_t now)
{
    size_t len;
    void *in = ns_server_conn_room(c->conn, &len);
    ssize_t n = in ? recv(c->fd, in, len, 0) : 0;
    const uint8_t *out;

    if (n <= 0 || ns_server_conn_received(c->conn, (size_t)n, now))
        return false;
    while (out = ns_server_conn_output(c->conn, &len), len) {
        n = send(c->fd, out, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        ns_server_conn_output_ack(c->conn, (size_t)n);
    }
    return !ns_server_conn_ended(c->conn);
}

static size_t watch(const socket_rig *s, const client clients[MAX_CLIENTS],
                    struct pollfd p[MAX_CLIENTS + 2])
{
    p[0] = (struct pollfd){.fd = s->stop[0], .events = POLLIN};
    p[1] = (struct pollfd){.fd = s->listener, .events = POLLIN};
    for (size_t i = 0; i < MAX_CLIENTS; i++)
        p[i + 2] =
            (struct pollfd){.fd = clients[i].conn ? clients[i].fd : -1, .events = POLLIN};
    return MAX_CLIENTS + 2;
}

static void *run(void *arg)
{
    socket_rig *s = arg;
    client clients[MAX_CLIENTS] = {{0, NULL}};
    struct pollfd p[MAX_CLIENTS + 2];

    while (poll(p, watch(s, clients, p), -1) >= 0 && !p[0].revents) {
        for (size_t i = 0; i < MAX_CLIENTS; i++)
            if (clients[i].conn && p[i + 2].revents && !serve(&clients[i], s->now))
                drop(&clients[i]);
        if (p[1].revents)
            admit(s, clients);
    }
    for (size_t i = 0; i < MAX_CLIENTS; i++)
        if (clients[i].conn)
            drop(&clients[i]);
    return NULL;
}

void socket_rig_init(socket_rig *s)
{
    rig_init(&s->rig);
    s->now = s->rig.now;
}

void socket_rig_start(socket_rig *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof a;

    rig_start(&s->rig);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!bind(s->listener, (struct sockaddr *)&a, len) && !listen(s->listener, 64));
    MUST(!getsockname(s->listener, (struct sockaddr *)&a, &len));
    snprintf(s->target, sizeof s->target, "127.0.0.1:%u", ntohs(a.sin_port));
    MUST(!pipe(s->stop) && !pthread_create(&s->thread, NULL, run, s));
}

void socket_rig_stop(socket_rig *s)
{
    MUST(write(s->stop[1], "", 1) == 1 && !pthread_join(s->thread, NULL));
    close(s->stop[0]);
    close(s->stop[1]);
    close(s->listener);
    rig_stop(&s->rig);
}
