/*
 * A server for tests of the client half of SMB2: it reads what the client
 * sends, checks its signatures, and answers by hand, rightly or with
 * everything that can be wrong.
 */
#ifndef TESTS_SMB2_RIG_H
#define TESTS_SMB2_RIG_H

#include <check.h>

#include "smb2/client.h"
#include "tests/util.h"

#define SESSION  0x1122334455667788u
#define TREE     0x00C0FFEEu
#define ASYNC_ID 0x0000000500000001u

#define ACCESS_DENIED     0xC0000022u
#define INVALID_PARAMETER 0xC000000Du
#define INVALID_REQUEST   0xC0000010u
#define NAME_NOT_FOUND    0xC0000034u
#define LOGON_FAILURE     0xC000006Du
#define NOT_SUPPORTED     0xC00000BBu
#define BAD_NETWORK_NAME  0xC00000CCu
#define INTERNAL_ERROR    0xC00000E5u
#define FILE_CLOSED       0xC0000128u
#define PIPE_BROKEN       0xC000014Bu
#define SESSION_DELETED   0xC0000203u
#define SESSION_EXPIRED   0xC000035Cu

extern const uint8_t file_id[SMB2_FILE_ID_LEN], no_file[SMB2_FILE_ID_LEN];
extern const uint8_t server_guid[16];

/* ---- The client under test ---- */

extern test_heap heap;
extern netsession_hooks hooks;
extern smb2_config cfg;
extern smb2_client client;
extern auth_client *auth;
extern netsession_error err;
extern uint8_t bytes[300000]; /* any */

/* A mechanism of as many legs as are wanted, whose key is known. */
extern struct mechanism {
    int legs, left;
    size_t key_len;
    int no_key; /* why there is none */
} mechanism;

/* A case with a fresh config, client and server for each test, which must leave
 * no memory behind. */
TCase *rig_case(Suite *s, const char *name);
/* A client and a server that have not spoken yet. */
int client_begin(void);
void client_end(void);

/* ---- What it sent ---- */

struct sent {
    smb2_header h;
    const uint8_t *msg;
    size_t len;
    bool encrypted;
    unsigned frame;
};

/* What the client sent last. */
extern struct sent_list {
    struct sent e[8];
    size_t n;
    unsigned frames;
    uint8_t bytes[1200000];
} sent;

#define COUNT(array) (sizeof(array) / sizeof *(array))
/* Reads it, decrypts it, checks that it is signed as it must be. */
void take_sent(void);
void expect_sent(const unsigned *commands, size_t n);
#define EXPECT_SENT(...)                                                                       \
    expect_sent((const unsigned[]){__VA_ARGS__}, COUNT(((const unsigned[]){__VA_ARGS__})))

/* ---- What it is answered ---- */

extern struct server {
    ns_writer reply; /* SMB2 messages */
    ns_writer wire;  /* the same, protected and framed */
    size_t element;  /* the last */
    smb2_keys keys;
    bool keyed; /* the session has them */
    unsigned signing, cipher;
    uint64_t nonce, client_nonce;
    uint8_t preauth[SMB2_PREAUTH_LEN];
    uint16_t grant; /* credits with each reply */
    bool real_ids;  /* in related replies, as Windows; else as Samba */
} srv;

/* Begins a message, behind what is there as the next of a chain. */
void begin(const smb2_header *h);
/* The last element's header. */
uint8_t *head(void);
/* A header that echoes the request's. */
void answer(const struct sent *to, uint32_t status);
void put_zeros(size_t n);
void answer_error(const struct sent *to, uint32_t status);
void answer_tree(const struct sent *to, uint8_t type, uint32_t flags);
void answer_create(const struct sent *to);
void put_ioctl(uint32_t code, const uint8_t *id, const void *data, size_t len);
void answer_ioctl(const struct sent *to, const void *data, size_t len);
void answer_text(const struct sent *to, const char *text);
void answer_read(const struct sent *to, uint32_t status, const void *data, size_t len);
void answer_write(const struct sent *to, uint32_t count);
void answer_empty(const struct sent *to);
/* An interim reply. */
void answer_pending(const struct sent *to, uint64_t async_id);
/* The last one becomes the end of what was pending. */
void make_async(uint64_t async_id);

enum how { PLAIN, SIGNED, ENCRYPTED };

/* Each element of the chain. */
void sign_reply(void);
/* Frames what wire holds behind its first four bytes. */
void frame(void);
/* From reply to wire. */
void protect(enum how how);
/* From wire to the client; what smb2_client_received said. */
int feed(void);
/* Both; delivered: and it is content. */
int deliver(enum how how);
void delivered(enum how how);

/* ---- What it makes of it ---- */

void expect_event(enum smb2_event event);
void expect_data(const char *text);
/* rc is that failure, recorded, and nothing was delivered. */
void expect_failure(int rc, int code, const char *words);
void expect_protocol(int rc, const char *words);
void expect_security(int rc, const char *words);

/* ---- A session that is there already ---- */

/* Logged on, the pipe open, nothing asked. */
void opened(void);
void call(void);
/* The same, and a call is out. */
void asked(void);
void asked_encrypted(void);
/* The answer to it, as it should be. */
void good_answer(void);

/* ---- The way to a session ---- */

/* What the server chooses; good as it is. */
struct choice {
    uint16_t dialect, mode;
    uint32_t capabilities, transact, read, write;
    int cipher, signing; /* -1: no such context */
    bool no_preauth;
};

struct choice choice_of(unsigned dialect);
void started(void);
void answer_negotiate(const struct choice *k);
int negotiate_with(struct choice k);
/* Negotiated, and the logon is under way. */
void negotiated(struct choice k);

extern const uint8_t accepted[9], go_on[20]; /* SPNEGO */
void answer_setup(uint32_t status, uint16_t flags, const uint8_t *token, size_t len);
/* The session's keys, as the server sees them. */
void derive(void);
/* The server's last word of the logon, signed. */
int log_on(uint16_t flags);
void logged_on_as(struct choice k, uint16_t flags);
void logged_on(unsigned dialect);

#endif
