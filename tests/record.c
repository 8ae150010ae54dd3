/*
 * record ADDRESS PORT OUT "word value"...: holds a conversation with a real
 * server and writes it down for replay (see replay.h).  ADDRESS is numeric.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/replay.h"

struct wire {
    int fd;
    FILE *out;
};

static void write_chunk(FILE *out, char way, const uint8_t *p, size_t len)
{
    fprintf(out, "%c ", way);
    for (size_t i = 0; i < len; i++)
        fprintf(out, "%02x", p[i]);
    fputc('\n', out);
}

static bool wire_send(void *ctx, const uint8_t *p, size_t len)
{
    struct wire *w = ctx;

    write_chunk(w->out, '>', p, len);
    return send(w->fd, p, len, 0) == (ssize_t)len;
}

static bool wire_receive(void *ctx, uint8_t *buf, size_t room, size_t *len)
{
    struct wire *w = ctx;
    ssize_t n = recv(w->fd, buf, room, MSG_WAITALL);

    *len = n > 0 ? (size_t)n : 0;
    if (n > 0)
        write_chunk(w->out, '<', buf, *len);
    return n >= 0;
}

static int dial(const char *address, const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_port = htons((uint16_t)atoi(port));
    if (inet_pton(AF_INET, address, &a.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&a, sizeof a)) {
        perror("record");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    static replay r;
    static char outcome[REPLAY_TEXT_MAX];
    struct wire wire;
    replay_io io = {&wire, wire_send, wire_receive};
    replay_world world;

    if (argc < 5) {
        fprintf(stderr, "usage: record ADDRESS PORT OUT 'word value'...\n");
        return 2;
    }
    r.signing = r.cipher = -1;
    wire.fd = dial(argv[1], argv[2]);
    wire.out = fopen(argv[3], "w");
    if (!wire.out)
        return 1;
    for (int i = 4; i < argc; i++) {
        if (!replay_config_line(&r, argv[i]))
            return 2;
        fprintf(wire.out, "%s\n", argv[i]);
    }
    fprintf(wire.out, "---\n");
    replay_world_init(&world);
    (void)replay_run(&r, &world, &io, outcome);
    fprintf(wire.out, "---\n%s", outcome);
    fputs(outcome, stdout);
    fclose(wire.out);
    close(wire.fd);
    return 0;
}
