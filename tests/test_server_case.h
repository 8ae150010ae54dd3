/* What the cases of one request after the other share: statuses, one server,
 * one connection. */
#ifndef TESTS_SERVER_CASE_H
#define TESTS_SERVER_CASE_H

#include <check.h>
#include <string.h>

#include "tests/test_server_rig.h"

#define INVALID_PARAMETER       0xC000000Du
#define INVALID_DEVICE_REQUEST  0xC0000010u
#define ACCESS_DENIED           0xC0000022u
#define OBJECT_NAME_NOT_FOUND   0xC0000034u
#define LOGON_FAILURE           0xC000006Du
#define INSUFFICIENT_RESOURCES  0xC000009Au
#define BAD_IMPERSONATION_LEVEL 0xC00000A5u
#define PIPE_BUSY               0xC00000AEu
#define NOT_SUPPORTED           0xC00000BBu
#define NETWORK_NAME_DELETED    0xC00000C9u
#define BAD_NETWORK_NAME        0xC00000CCu
#define REQUEST_NOT_ACCEPTED    0xC00000D0u
#define INTERNAL_ERROR          0xC00000E5u
#define CANCELLED               0xC0000120u
#define FILE_CLOSED             0xC0000128u
#define PIPE_BROKEN             0xC000014Bu
#define USER_SESSION_DELETED    0xC0000203u
#define NETWORK_SESSION_EXPIRED 0xC000035Cu
#define NO_HASH_OVERLAP         0xC05D0000u

#define BODY SMB2_HEADER_LEN

static rig r;
static raw x;

static inline void setup(void)
{
    rig_init(&r);
    memset(&x, 0, sizeof x);
}

static inline void teardown(void)
{
    rig_serves(&r);
    if (x.conn)
        raw_close(&x);
    rig_stop(&r);
}

/* A server, and a connection that has got nowhere yet. */
static inline void open_new(void)
{
    rig_start(&r);
    raw_open(&x, &r);
}

static inline void ready(unsigned dialect)
{
    rig_start(&r);
    raw_ready(&x, &r, dialect);
}

static inline void bound(unsigned dialect)
{
    ready(dialect);
    raw_transceive(&x, raw_put_bind, 65536, 0);
}

static inline uint8_t *element(void)
{
    return x.out.p + x.element;
}

static inline void send_and_expect(unsigned command, uint32_t status)
{
    ck_assert(raw_send(&x));
    raw_expect(&x, command, status);
}

static inline void send_and_die(void)
{
    ck_assert(!raw_send(&x));
    raw_expect_nothing(&x);
}

/* A request whose body is four bytes. */
static inline void begin_small(unsigned command)
{
    raw_begin(&x, command);
    smb2_empty_put(&x.out);
}

static inline void still_alive(void)
{
    begin_small(SMB2_ECHO);
    send_and_expect(SMB2_ECHO, 0);
}

#endif
