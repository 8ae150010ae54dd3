/*
 * The client half of SMB2 ([MS-SMB2] 3.2), bytes in and bytes out: negotiate,
 * log on, connect IPC$, open one pipe, and then messages through that pipe.
 *
 * Nothing is believed: each reply must match a request by MessageId, command,
 * SessionId and TreeId, and must be signed or encrypted when its request was.
 */
#ifndef NS_SMB2_CLIENT_H
#define NS_SMB2_CLIENT_H

#include "auth/auth.h"
#include "base/framer.h"
#include "smb2/crypto.h"

typedef struct smb2_config {
    unsigned min_dialect, max_dialect;
    smb2_algs signings, ciphers;
    bool encrypt;   /* go on only encrypted */
    bool anonymous; /* log on as nobody, without keys */
    bool guest;     /* accept a guest's session, without keys */
    bool compound;  /* open in one exchange where the server can */
    uint32_t io_size;
    const char *host;
    const char *pipe;
} smb2_config;

/* What a frame brought. */
enum smb2_event {
    SMB2_EV_NONE,
    SMB2_EV_DATA,    /* a message from the pipe: c->data */
    SMB2_EV_WRITTEN, /* smb2_pipe_write is done */
    SMB2_EV_GOODBYE  /* smb2_goodbye is done */
};

struct smb2_client;
struct smb2_request;

typedef struct smb2_reply {
    smb2_header header;
    uint8_t *msg; /* header first, up to the next in the chain */
    size_t len;
    ns_reader body; /* the same bytes */
    const struct smb2_request *request;
} smb2_reply;

typedef int smb2_done(struct smb2_client *c, const smb2_reply *reply);

/* A request sent and not answered yet. */
typedef struct smb2_request {
    smb2_done *done; /* NULL: this slot is free */
    uint64_t message_id;
    uint64_t async_id; /* from the interim reply */
    uint32_t max;      /* bytes of output that it may bring */
    uint16_t command;
    bool related;   /* sent with SMB2_FLAG_RELATED */
    bool chained;   /* part of the compound that opens the pipe */
    bool secured;   /* sent signed or encrypted */
    bool encrypted; /* sent encrypted */
    bool interim;   /* STATUS_PENDING was seen */
} smb2_request;

#define SMB2_MAX_REQUESTS 4

typedef struct smb2_client {
    const netsession_hooks *hooks;
    const smb2_config *cfg;
    auth_client *auth;   /* NULL: not known yet */
    auth_client *second; /* to log on with when the server refuses the first; or NULL */
    netsession_error *err;
    enum smb2_event event;
    ns_reader data; /* of SMB2_EV_DATA; valid until the next frame */

    /* transport */
    ns_framer in;
    ns_writer out;   /* framed, ready for the wire */
    ns_writer frame; /* the compound being built */
    size_t element;  /* where its last element starts */
    unsigned exchanges;

    /* 3.2.1.2: connection */
    smb2_negotiate_request offered;
    unsigned dialect; /* 0 before NEGOTIATE is answered */
    unsigned signing, cipher;
    uint16_t server_security_mode;
    uint8_t server_guid[16];
    uint32_t server_capabilities;
    uint32_t io_size; /* largest message asked for */
    uint8_t preauth[SMB2_PREAUTH_LEN];
    uint8_t negotiated[SMB2_PREAUTH_LEN]; /* the same up to NEGOTIATE */
    ns_writer hint;                       /* the token that came with it */
    uint64_t next_message_id;
    uint32_t credits;
    smb2_request requests[SMB2_MAX_REQUESTS];

    /* 3.2.1.3: session */
    uint64_t session_id;
    uint16_t session_flags;
    bool secured;    /* keys are there: sign everything */
    bool encrypting; /* encrypt everything */
    smb2_keys keys;
    uint64_t nonce;

    /* opening: what is done, from which what is next follows */
    ns_writer first; /* the message for the new pipe */
    ns_writer held;  /* an answer that came before validation */
    bool chain_tried, chain_refused;
    bool tree_ok, validated, file_ok, file_stale, open;
    uint32_t tree_id;
    uint8_t file_id[SMB2_FILE_ID_LEN];

    /* closing */
    bool closed_file, closed_tree, closed_session;
} smb2_client;

/* cfg, auth, err and hooks must outlive the client.  auth NULL: the logon
 * waits for smb2_client_log_on. */
void smb2_client_init(smb2_client *c, const netsession_hooks *hooks, const smb2_config *cfg,
                      auth_client *auth, netsession_error *err);
void smb2_client_free(smb2_client *c); /* wipes */

/* All return 0 or the code of *err. */

/* Sends NEGOTIATE.  When all goes well, the first event is the pipe's answer
 * to first, which is copied. */
int smb2_client_start(smb2_client *c, const uint8_t *first, size_t len);
/* Who logs on, and who else if the server refuses; second may be NULL.  Both
 * must outlive the client. */
int smb2_client_log_on(smb2_client *c, auth_client *auth, auth_client *second);
/* Where received bytes belong; NULL when out of memory. */
void *smb2_client_room(smb2_client *c, size_t *room);
/* n bytes came; what they brought is in c->event. */
int smb2_client_received(smb2_client *c, size_t n);
bool smb2_client_waiting(const smb2_client *c); /* for any reply */

/* After the first SMB2_EV_DATA, one at a time. */
int smb2_pipe_transceive(smb2_client *c, const uint8_t *data, size_t len);
int smb2_pipe_write(smb2_client *c, const uint8_t *data, size_t len);
int smb2_pipe_read(smb2_client *c);
/* CLOSE, TREE_DISCONNECT, LOGOFF: whatever of them there is to undo. */
int smb2_goodbye(smb2_client *c);

/* ---- Between the files of this room ---- */

int smb2_fail(smb2_client *c, int code, const char *fmt, ...) NS_PRINTF(3, 4);
int smb2_fail_status(smb2_client *c, int code, const smb2_reply *reply, const char *what);

/* Begins a request; its body is then appended to c->frame.  bulk: the larger
 * of what it sends and what it may bring.  NULL: no slot or no credit. */
smb2_request *smb2_request_begin(smb2_client *c, unsigned command, smb2_done *done,
                                 uint32_t bulk, bool related);
/* Signs, encrypts and queues what was begun.  built: the last encoder's word. */
int smb2_request_send(smb2_client *c, bool built);
unsigned smb2_credits_left(const smb2_client *c);

int smb2_logon_start(smb2_client *c);
/* Sends what the state asks for next on the way to an open pipe. */
int smb2_open_next(smb2_client *c);

#endif
