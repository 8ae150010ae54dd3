/*
 * A hostile server: the halves of the reference server, joined by a liar that
 * knows their keys.  What the server says is taken apart, one thing of it is
 * changed, and it is signed or encrypted anew, unless that is the lie.  Every
 * lie has a number (FAULTS.md), and a client that must see through it.
 */
#ifndef TESTS_HOSTILE_H
#define TESTS_HOSTILE_H

#include "dcerpc/server.h"
#include "server/fill.h"
#include "smb2/server.h"
#include "srvsvc/server.h"
#include "tests/util.h"

/* What must hold for a test to make sense; not Check's, since the document is
 * written without it. */
#define MUST(what) ((what) ? (void)0 : hostile_abort(__FILE__, __LINE__, #what))
void hostile_abort(const char *file, int line, const char *what);

#define HOSTILE_COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct liar liar;
typedef struct fault fault;

/* ---- Faults ---- */

/* Which answer the lie is about. */
enum stage {
    AT_NEVER,
    AT_NEGOTIATE,
    AT_CHALLENGE, /* SESSION_SETUP, STATUS_MORE_PROCESSING_REQUIRED */
    AT_LOGON,     /* SESSION_SETUP, the last */
    AT_TREE,
    AT_VALIDATE,
    AT_CREATE,
    AT_BIND, /* the first TRANSCEIVE */
    AT_CALL, /* the others */
    AT_READ,
    AT_WRITE,
    AT_OTHER,
    AT_ANY
};

enum mode { SIGNED = 1, SEALED = 2, BOTH = 3 };
enum place { MEMORY = 1, SOCKET = 2 };

/* What one fault is repeated for, with liar.step counting up from 0. */
enum sweep {
    ONCE,
    EACH_CASE,  /* .cases times */
    EACH_BYTE,  /* of the whole talk, until the page is there */
    EACH_BIT,   /* of the answer's frame, PDU or stub */
    EACH_STAGE, /* from the last SESSION_SETUP to the first call's answer */
    EACH_SECRET /* the same without that SESSION_SETUP */
};

/* What must come of it. */
enum outcome {
    FAILS,   /* the connection is over */
    REFUSED, /* the query is, and another one works */
    PAGE,    /* the page comes, whole */
    NOTHING  /* tested elsewhere */
};

/* A NetrSessionEnum reply, put together by hand: ndr.c. */
typedef struct stub_spec stub_spec;

/* Written over what the server said, little-endian. */
typedef struct poke {
    uint16_t at, width;
    uint64_t value;
} poke;

struct fault {
    const char *number, *name;
    const char *sent; /* in words */
    enum stage at;
    /* The lie, where it is told: once the transport stands, of an SMB2 message
     * (liar.msg), of what the pipe says, of the RPC stub. */
    void (*wire)(liar *l);
    void (*message)(liar *l);
    void (*pdu)(liar *l, ns_writer *w);
    void (*stub)(liar *l, ns_writer *w);
    poke poke;
    const void *arg;
    size_t n;       /* of arg, or a number */
    bool always;    /* every time, not the first only */
    bool keep_hash; /* the server's preauth hash stays that of the truth */
    bool list;      /* asked through netsession_list, on a socket only */
    bool compound;
    enum stage from;   /* where it becomes a lie; 0: where it is told first */
    bool ioctl;        /* its offsets are those of an answer to IOCTL */
    bool ours;         /* it takes netsession's own entropy to tell it */
    bool rude;         /* only at the end: the page comes, leaving fails */
    bool any_error;    /* whichever it is */
    bool any_outcome;  /* whatever it is, as long as it is sound */
    uint32_t rows;     /* 0: 3 */
    unsigned dialect;  /* 0: 3.1.1 */
    enum mode modes;   /* 0: both */
    enum place places; /* 0: both */
    enum sweep sweep;
    unsigned cases;
    void (*client)(netsession_config *cfg);
    void (*server)(liar *l);
    enum outcome want;
    int code;
    const char *layer;
    /* Another that is as good, or (sealed) what it is in an encrypted session. */
    int also;
    const char *also_layer;
    int sealed;
    const char *sealed_layer;
};

typedef struct section {
    const char *title;
    const fault *faults;
    size_t count;
} section;

extern const fault transport_faults[], header_faults[], negotiate_faults[], security_faults[],
    auth_faults[], pipe_faults[], rpc_faults[], ndr_faults[];
extern const size_t transport_count, header_count, negotiate_count, security_count, auth_count,
    pipe_count, rpc_count, ndr_count;
#define SECTIONS 8
const section *hostile_section(size_t i);

/* ---- The liar ---- */

#define HEARD 12

enum ending { STAYS, CLOSES, RESETS, HALF_CLOSES, FALLS_SILENT };

struct liar {
    test_heap heap; /* first, being the hooks' ctx */
    uint64_t entropy;
    netsession_hooks hooks;
    smb2_server_config cfg;
    smb2_server smb;
    rpc_service service;
    rpc_server rpc;
    srvsvc_backend backend;
    ns_fill_text text;
    uint32_t rows;
    bool alike; /* each of the same client and user, for those who ask for one */
    uint64_t now;

    const fault *f;
    enum stage at;
    bool sealed;
    unsigned step;
    bool lied;
    bool told, due;                /* what was sent differs from the truth, or will */
    uint16_t heard[HEARD];         /* the requests since, */
    unsigned heard_count;          /* of which so many */
    smb2_session last;             /* the session, for when it is over */
    bool logged_on, asked, writes; /* so far the client has done this */

    ns_writer in;      /* the client's frame so far */
    ns_writer request; /* its newest, without transport header */
    bool revealed;     /* plaintext came where there must be none */
    bool dropped;      /* the server gave up the client */

    enum stage stage; /* of msg */
    ns_writer msg;    /* the server's message, in plain text */
    ns_writer truth;  /* what a lie is told in place of */
    size_t frame_len; /* of the frame that it came in */
    bool was_signed, was_sealed;
    bool taken; /* the lie has sent what there is to send */

    bool opened;   /* the pipe */
    ns_writer pdu; /* what it says */
    size_t pdu_read;
    bool pdu_made;
    uint32_t call_id; /* of the PDU, */
    uint16_t context; /* its presentation context, */
    bool ndr64;       /* and the syntax of the call */
    unsigned pdus, shown;
    bool endless; /* the pipe always has something to say, */
    size_t sip;   /* so much of it at once; 0: all */

    ns_writer out; /* to the client */
    size_t carried, cut;
    enum ending ending;    /* once cut bytes are carried */
    size_t pace;           /* bytes at once */
    unsigned pace_ms;      /* how long they take */
    void (*more)(liar *l); /* when nothing else is to be sent */
    uint64_t count;        /* for lies that count */
    uint8_t kept[16];      /* or keep something */
};

void liar_init(liar *l, const fault *f, bool sealed, unsigned step);
/* Nothing of it may be left. */
void liar_free(liar *l);
void liar_received(liar *l, const uint8_t *p, size_t len);
/* As much as may go now. */
const uint8_t *liar_output(const liar *l, size_t *len);
void liar_output_ack(liar *l, size_t len);
/* Nothing more will be sent; how it ends, STAYS: it does not. */
enum ending liar_ending(const liar *l);
/* Has the client been lied to?  Where the fault is a truth: has it come to it? */
bool liar_told(const liar *l);

/* ---- What lies are made of ---- */

/* The client's; before it has one, zeros. */
smb2_session *liar_session(liar *l);
/* A frame with its transport header; msg as it is, signed, encrypted, or as
 * the server would have sent it. */
void put_frame(liar *l, const void *msg, size_t len);
void put_plain(liar *l);
void put_signed(liar *l);
void put_sealed(liar *l);
void put_protected(liar *l);
/* msg becomes an error's. */
void make_error(liar *l, uint32_t status);
void set8(ns_writer *w, size_t at, unsigned v);
/* .poke of the fault, to the message or the PDU. */
void lie_poke(liar *l);
void lie_poke_pdu(liar *l, ns_writer *w);
/* The bit of this step, of the message, the PDU or the stub; what protects it
 * is made afterwards. */
void lie_bit(liar *l);
void lie_bit_of(liar *l, ns_writer *w);
/* Writes what .arg says in place of a stub: ndr.c */
void lie_stub(liar *l, ns_writer *w);

/* Offsets in an SMB2 header. */
enum {
    H_SIZE = 4,
    H_STATUS = 8,
    H_COMMAND = 12,
    H_CREDITS = 14,
    H_FLAGS = 16,
    H_NEXT = 20,
    H_MESSAGE_ID = 24,
    H_ASYNC_ID = 32,
    H_TREE = 36,
    H_SESSION = 40,
    H_SIGNATURE = 48
};

/* ---- Runs ---- */

#define MAX_REPLY  (256u << 10)
#define HEAP_LIMIT (3 * MAX_REPLY + (256u << 10)) /* netsession_config_max_reply */
#define ANSWERS    12

/* What came of one fault, once or (sweeps) often. */
typedef struct answer {
    enum outcome outcome;
    int code;
    const char *layer;
    char message[320]; /* the first one's */
    unsigned times;
} answer;

typedef struct result {
    answer answers[ANSWERS];
    size_t count;
    unsigned runs;
    size_t peak;      /* bytes of the client's heap */
    char broken[200]; /* what must not have happened; "" */
} result;

void result_broken(result *r, const char *fmt, ...) NS_PRINTF(2, 3);
void result_add(result *r, enum outcome outcome, const netsession_error *err);
/* All of the fault's answers are those that it must have. */
void result_judge(result *r, const fault *f, bool sealed);

netsession_config *hostile_config(const fault *f, bool sealed, netsession_hooks *hooks);
unsigned hostile_steps(const fault *f, bool sealed);
/* Of sweeps in memory with more than 100 steps every n-th is taken. */
extern unsigned hostile_stride;
void run_in_memory(const fault *f, bool sealed, result *r);
void run_on_socket(const fault *f, bool sealed, result *r);
/* A number of an open session's page against what it should be. */
void check_page(result *r, const liar *l, const netsession_page *page);

/* Compares with the file, or writes it. */
int report_write(const char *path);
int report_compare(const char *path);

#endif
