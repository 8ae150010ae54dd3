/*
 * The reference server in memory, and two clients for it: our own object of
 * netsession.h, and one that builds its requests by hand and so can break
 * every rule.
 */
#ifndef TESTS_SERVER_RIG_H
#define TESTS_SERVER_RIG_H

#include "auth/auth.h"
#include "server/server.h"
#include "tests/util.h"

/* What must hold for a test to make sense.  Not of Check, because the fuzzers
 * use this file, too. */
#define MUST(what) ((what) ? (void)0 : rig_broken("%s:%d: %s", __FILE__, __LINE__, #what))
void rig_broken(const char *fmt, ...) NS_PRINTF(1, 2);

/* ---- The server ---- */

typedef struct rig {
    test_heap heap; /* the server's; first, being the hooks' ctx */
    uint64_t entropy;
    uint64_t now; /* ms */
    ns_server_config cfg;
    ns_server *server;
} rig;

/* A config with the defaults of sessiond, and the accounts "admin" (password
 * "secret", an administrator), "plain" and "other" (passwords their names). */
void rig_init(rig *r);
void rig_start(rig *r);
/* Frees the server; nothing of it may be left. */
void rig_stop(rig *r);

/* ---- The client of netsession.h ---- */

typedef struct rig_client rig_client;
struct rig_client {
    rig *rig;
    netsession *ns;
    ns_server_conn *conn;
    size_t most;  /* bytes carried at once */
    bool dropped; /* by the server */
    size_t sent, received;
    size_t until; /* so many bytes received, then nothing more, */
    bool ends;    /* or the end */
    /* Sees, and may change, what is received; or NULL. */
    void (*tap)(rig_client *c, uint8_t *bytes, size_t len);
    netsession_event event; /* the newest */
    netsession_info info;   /* as of EV_READY */
};

/* "user:password"; NULL: no user. */
netsession_config *rig_config(const char *account);
/* The two ends, joined; nothing is sent yet.  cfg is freed.  False: the server
 * has no memory. */
bool rig_join(rig_client *c, rig *r, netsession_config *cfg, const char *address);
/* Carries bytes to and fro until the client has an event: its type, or 0 when
 * there is nothing more to carry. */
int rig_run(rig_client *c);
/* join, start and run. */
int rig_connect(rig_client *c, rig *r, netsession_config *cfg, const char *address);
/* One query; the type of the event. */
int rig_query(rig_client *c, uint32_t level, uint32_t preferred_length, uint32_t resume);
const netsession_error *rig_error(const rig_client *c);
void rig_leave(rig_client *c);
/* The server serves: somebody logs on and gets a list. */
void rig_serves(rig *r);

/* ---- The client that may do anything ---- */

typedef struct raw {
    rig *rig;
    ns_server_conn *conn;
    bool dropped; /* by the server, or to be once its output is read */
    unsigned dialect, signing, cipher;
    smb2_keys keys;
    uint8_t preauth[SMB2_PREAUTH_LEN];
    uint64_t session;
    uint32_t tree;
    uint8_t file[SMB2_FILE_ID_LEN];
    bool sign, encrypt;
    uint64_t next_mid, nonce;
    uint32_t credits; /* granted and not spent */
    uint8_t security_mode;
    uint64_t previous;
    ns_writer out;  /* the frame being built */
    size_t element; /* where its last element starts */
    unsigned elements;
    ns_writer in; /* the frame being read */
    size_t at;    /* its next element */
    /* The reply read last. */
    smb2_header header;
    uint8_t *msg;
    size_t len;
    smb2_negotiate_request offer;
    void (*tap)(const uint8_t *msg, size_t len); /* sees what is sent; or NULL */
} raw;

extern const uint8_t raw_no_file[SMB2_FILE_ID_LEN]; /* all ones */

void raw_open(raw *x, rig *r);
void raw_close(raw *x);
/* The header that the next request should have. */
smb2_header raw_header(raw *x, unsigned command);
/* Begins an element; the body is then appended to x->out. */
void raw_put_header(raw *x, const smb2_header *h);
void raw_begin(raw *x, unsigned command);
void raw_begin_related(raw *x, unsigned command);
/* Signs, encrypts and sends what was built; false: the server dropped us. */
bool raw_send(raw *x);
/* The same of a message as it is. */
bool raw_send_bytes(raw *x, const void *msg, size_t len);
/* Reads the next reply, verified where it is signed; false: there is none. */
bool raw_next(raw *x);
/* There is one, of this command and status. */
void raw_expect(raw *x, unsigned command, uint32_t status);
void raw_expect_nothing(raw *x);
ns_reader raw_body(const raw *x); /* the whole message, as decoders want it */

/* NEGOTIATE with this dialect alone; x->offer may have been filled before. */
void raw_fill_offer(raw *x, unsigned dialect);
void raw_negotiate(raw *x, unsigned dialect);
/* The status that ended the logon. */
uint32_t raw_logon(raw *x, const char *user, const char *password);
void raw_tree(raw *x);   /* TREE_CONNECT of IPC$ */
void raw_create(raw *x); /* srvsvc */
/* All of it, as admin. */
void raw_ready(raw *x, rig *r, unsigned dialect);
/* A bind's and a NetrSessionEnum's PDU; appended. */
void raw_put_bind(ns_writer *w);
void raw_put_call(ns_writer *w, uint16_t opnum, const void *stub, size_t len);
void raw_put_enum(ns_writer *w, uint32_t level);
/* A PDU through the pipe, by IOCTL with this room for the answer. */
void raw_transceive(raw *x, void (*put)(ns_writer *w), uint32_t max, uint32_t status);
void raw_put_enum_10(ns_writer *w);

#endif
