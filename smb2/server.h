/*
 * The server half of SMB2 ([MS-SMB2] 3.3), bytes in and bytes out, one object
 * a connection.  It serves IPC$ and the pipes that its owner opens for it;
 * files there are none.
 *
 * Statuses are those that Windows gives, where the specification or a capture
 * tells; where a client has lost its right to an answer, the connection ends.
 */
#ifndef NS_SMB2_SERVER_H
#define NS_SMB2_SERVER_H

#include "auth/server.h"
#include "base/framer.h"
#include "smb2/crypto.h"

enum smb2_encryption {
    SMB2_ENCRYPTION_OFF,     /* not offered */
    SMB2_ENCRYPTION_ALLOWED, /* used when the client does */
    SMB2_ENCRYPTION_REQUIRED
};

struct smb2_server;
struct smb2_session;

/* What the owner of a connection provides.  ctx is the connection's. */
typedef struct smb2_server_ops {
    /* A number for the new session, unique among all connections; 0: none is
     * to be had. */
    uint64_t (*session_id)(void *ctx);
    /* Somebody logged on (false: there is no room), and later was logged off,
     * however that came. */
    bool (*logged_on)(void *ctx, struct smb2_session *session);
    void (*logged_off)(void *ctx, struct smb2_session *session);
    /* A client says that it lost this session (PreviousSessionId, 3.3.5.5.3);
     * end it if its user is the same. */
    void (*replaced)(void *ctx, uint64_t session_id, const struct smb2_session *by);
    /* A pipe by its lower-case name; returns an NTSTATUS. */
    uint32_t (*open)(void *ctx, struct smb2_session *session, const char *name, void **pipe);
    /* A message's bytes into it; 0 or NETSESSION_E_MEMORY. */
    int (*write)(void *pipe, const uint8_t *bytes, size_t len);
    /* The message to be read next, or NULL; and that n bytes of it were. */
    const uint8_t *(*output)(void *pipe, size_t *len);
    void (*output_ack)(void *pipe, size_t n);
    bool (*ended)(void *pipe); /* it will bring no more output */
    void (*close)(void *pipe);
    /* A line for the log. */
    void (*log)(void *ctx, const char *line);
} smb2_server_ops;

/* Shared by all connections of a server, and constant. */
typedef struct smb2_server_config {
    const netsession_hooks *hooks;
    auth_server_params auth;
    const smb2_server_ops *ops;
    unsigned min_dialect, max_dialect;
    smb2_algs signings, ciphers; /* allowed; the client's order decides */
    enum smb2_encryption encryption;
    bool signing_required;
    uint8_t guid[16];
    uint32_t max_io;      /* MaxTransactSize and the like; at least 65536 */
    unsigned max_credits; /* that a client may hold, up to SMB2_WINDOW / 2 */
    unsigned max_sessions, max_trees, max_opens, max_pending; /* a connection */
    uint64_t lifetime; /* ms after which a session must log on anew; 0: never */
} smb2_server_config;

/* A READ or TRANSCEIVE that waits for output: 3.3.4.2. */
typedef struct smb2_pending {
    struct smb2_pending *next;
    uint64_t message_id, async_id;
    struct smb2_session *session;
    uint32_t max;
    uint32_t status; /* once it is settled without output */
    uint16_t command;
    uint16_t charge;
    bool sign, encrypt;
    smb2_ioctl_request ioctl; /* what its response repeats */
} smb2_pending;

/* 3.3.1.10 */
typedef struct smb2_open {
    struct smb2_open *next;
    uint64_t id;
    uint32_t tree_id;
    struct smb2_session *session;
    void *pipe;
    smb2_pending *pending;
} smb2_open;

/* 3.3.1.8 */
typedef struct smb2_session {
    struct smb2_session *next;
    struct smb2_server *server;
    uint64_t id;
    auth_server *auth; /* while a logon goes on */
    uint8_t preauth[SMB2_PREAUTH_LEN];
    smb2_keys keys;
    uint64_t nonce;
    bool valid; /* logged on */
    bool dying; /* ended; freed once the reply is out */
    bool keyed; /* has keys: neither guest nor anonymous */
    bool sign_required;
    bool encrypt; /* everything, both ways */
    bool admin, guest, anonymous;
    char *user, *domain;
    uint64_t since, last, expires; /* ms of the connection's clock */
    uint32_t *trees;               /* ids; 0: free */
    unsigned opens;
    uint32_t owner; /* the owner's own number for it; 0: not logged on there */
} smb2_session;

#define SMB2_WINDOW      1024 /* message ids that may be open at once */
#define SMB2_REPLY_CHAIN 32

/* One element of the reply that is being built. */
typedef struct smb2_reply_element {
    size_t at;
    smb2_session *sign_for; /* NULL: unsigned */
    uint8_t *hash;          /* the preauth hash that takes this response in */
} smb2_reply_element;

/* Where a compound stands: what the element before used or made, which a
 * related one goes on with (3.3.5.2.7.2). */
typedef struct smb2_chain {
    uint64_t session_id;
    uint32_t tree_id;
    uint8_t file_id[SMB2_FILE_ID_LEN];
    uint32_t create_status; /* of its CREATE, which fails whatever needs the file */
    bool has_session, has_tree, has_file;
    bool broken; /* the rest of the chain is refused */
} smb2_chain;

typedef struct smb2_server {
    const smb2_server_config *cfg;
    void *ctx;
    uint64_t now;
    bool ended; /* the connection is to be closed once out is sent */
    bool busy;  /* a frame is being handled */
    ns_framer in;
    ns_writer out;
    ns_writer frame; /* the reply being built */
    smb2_reply_element elements[SMB2_REPLY_CHAIN];
    unsigned element_count;
    smb2_chain chain;
    bool encrypted;           /* the request being handled came encrypted */
    smb2_session *cipher_for; /* whose keys encrypt the reply; NULL: plain */

    unsigned dialect; /* 0: NEGOTIATE is yet to come */
    bool smb1_seen;   /* a multi-protocol negotiate was answered with 0x02FF */
    unsigned signing, cipher;
    uint32_t capabilities;
    uint16_t security_mode;
    uint8_t client_guid[16];
    uint32_t client_capabilities;
    uint16_t client_security_mode;
    uint8_t preauth[SMB2_PREAUTH_LEN];

    uint64_t low, high; /* message ids below low are used up, from high on not granted */
    uint8_t used[SMB2_WINDOW / 8];
    uint32_t grant; /* credits that the compound's last response gives */

    smb2_session *sessions;
    smb2_open *opens;
    smb2_pending *settled; /* their opens are gone; to be answered */
    unsigned session_count, open_count, pending_count;
    uint64_t next_id; /* of opens and async operations */
    uint32_t next_tree;
} smb2_server;

/* cfg must outlive the connection. */
void smb2_server_init(smb2_server *s, const smb2_server_config *cfg, void *ctx);
/* Ends all sessions (logged_off is called), wipes. */
void smb2_server_free(smb2_server *s);
/* Where received bytes belong; NULL when out of memory: drop the client. */
void *smb2_server_room(smb2_server *s, size_t *room);
/* n bytes came at time now (ms).  0, or negative: drop the client at once. */
int smb2_server_received(smb2_server *s, size_t n, uint64_t now);
const uint8_t *smb2_server_output(const smb2_server *s, size_t *len);
void smb2_server_output_ack(smb2_server *s, size_t n);
bool smb2_server_ended(const smb2_server *s);
/* Ends one session, as LOGOFF would; while one of its requests is being
 * handled, as soon as that is answered. */
void smb2_server_end_session(smb2_server *s, smb2_session *session);

/* ---- Between the files of this room ---- */

/* The request being handled. */
typedef struct smb2_request_in {
    smb2_header header;
    uint8_t *msg;
    size_t len;
    ns_reader body; /* the same bytes */
    smb2_session *session;
    bool last;         /* of its compound */
    uint64_t async_id; /* set by a handler that returns STATUS_PENDING */
} smb2_request_in;

/* Handlers append a body behind the header and return the status; for an
 * error what they appended is replaced by the error body.  SMB2_NO_REPLY:
 * nothing is to be sent. */
#define SMB2_NO_REPLY 0xFFFFFFFFu

typedef uint32_t smb2_handler(smb2_server *s, smb2_request_in *req);

smb2_handler smb2_on_negotiate, smb2_on_session_setup, smb2_on_logoff, smb2_on_tree_connect,
    smb2_on_tree_disconnect, smb2_on_create, smb2_on_close, smb2_on_read, smb2_on_write,
    smb2_on_ioctl, smb2_on_cancel, smb2_on_query_info, smb2_on_flush, smb2_on_echo;

void smb2_server_log(smb2_server *s, const char *fmt, ...) NS_PRINTF(2, 3);
smb2_session *smb2_find_session(smb2_server *s, uint64_t id);
bool smb2_session_expired(const smb2_server *s, const smb2_session *session);
/* The highest dialect that the offer and the config share; 0: none. */
unsigned smb2_choose_dialect(const smb2_server *s, const smb2_offer *offer);
/* An SMB1 negotiate that lists an SMB2 dialect (3.3.5.3). */
int smb2_on_smb1(smb2_server *s, const uint8_t *msg, size_t len);
/* A reply outside of any request's turn: STATUS_SUCCESS and a body that put
 * appends, or an error. */
int smb2_complete(smb2_server *s, const smb2_pending *p, uint32_t status, const uint8_t *data,
                  size_t len);
/* Completes what can be, after pipes were written to. */
int smb2_run_pending(smb2_server *s);
/* Closes those of the session, of one tree or (0) of all. */
void smb2_close_opens(smb2_server *s, smb2_session *session, uint32_t tree_id);
/* Forgets what of the session's still waits for an answer. */
void smb2_forget_settled(smb2_server *s, const smb2_session *session);
/* A number for an open or an asynchronous operation. */
uint64_t smb2_new_id(smb2_server *s);

#endif
