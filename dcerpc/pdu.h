/*
 * The PDUs of connection-oriented DCE/RPC: [C706] 12.6, [MS-RPCE] 2.2.2.
 *
 * rpc_put_* append one whole PDU, little-endian; the writer's sticky error
 * tells of failure.  rpc_get_* read a body, the reader standing behind the
 * header that rpc_get_header has read; they return NULL, or the rule that the
 * sender broke, as the end of a sentence.
 */
#ifndef NS_DCERPC_PDU_H
#define NS_DCERPC_PDU_H

#include "base/bytes.h"

#define RPC_HEADER_SIZE  16u
#define RPC_REQUEST_SIZE 24u /* header and fixed body of a request or response */

enum rpc_ptype { /* [C706] 12.6.3.1 */
                 RPC_REQUEST = 0,
                 RPC_RESPONSE = 2,
                 RPC_FAULT = 3,
                 RPC_BIND = 11,
                 RPC_BIND_ACK = 12,
                 RPC_BIND_NAK = 13,
                 RPC_ALTER_CONTEXT = 14,
                 RPC_ALTER_CONTEXT_RESP = 15,
                 RPC_CO_CANCEL = 18,
                 RPC_ORPHANED = 19
};

enum rpc_flag { /* [C706] 12.6.3.1 */
                RPC_FIRST_FRAG = 0x01,
                RPC_LAST_FRAG = 0x02,
                RPC_WHOLE = RPC_FIRST_FRAG | RPC_LAST_FRAG,
                RPC_PENDING_CANCEL = 0x04,
                RPC_SUPPORT_HEADER_SIGN = 0x04, /* in binds: [MS-RPCE] 2.2.2.3 */
                RPC_CONC_MPX = 0x10,
                RPC_DID_NOT_EXECUTE = 0x20,
                RPC_OBJECT_UUID = 0x80
};

/* MustRecvFragSize, [C706] 12.6.3.1: every implementation takes this much. */
#define RPC_MIN_FRAG 1432u

/* What a server refuses to reassemble: [MS-RPCE] 3.3.3.5.4. */
#define RPC_MAX_REQUEST (4u << 20)

/* Windows refuses numbers above this and lets none roll over: [MS-RPCE]
 * 3.3.3.5.2, note 123. */
#define RPC_LAST_CALL_ID 0x7FFFFFFFu

typedef struct rpc_header {
    uint8_t ptype; /* enum rpc_ptype, or any other value */
    uint8_t flags;
    bool big; /* integers are big-endian */
    uint16_t frag_length;
    uint16_t auth_length;
    uint32_t call_id;
} rpc_header;

/* An interface or a transfer syntax: RPC_SYNTAX_IDENTIFIER, [MS-RPCE] 2.2.2.7.
 * uuid is in little-endian wire order. */
typedef struct rpc_interface {
    uint8_t uuid[16];
    uint16_t major, minor;
} rpc_interface;

/* Fixes the reader's byte order for the rest of the PDU.  All of *h is set,
 * broken rule or not. */
const char *rpc_get_header(ns_reader *r, rpc_header *h);
/* frag_length of an incoming PDU, for the framer. */
int rpc_pdu_length(const uint8_t *header, size_t *total);
/* "bind_ack"; "unknown" for a number that [C706] does not have. */
const char *rpc_ptype_name(uint8_t ptype);
/* Returns where the PDU starts, for rpc_end_pdu to fill in its length. */
size_t rpc_begin_pdu(ns_writer *w, enum rpc_ptype ptype, unsigned flags, uint32_t call_id);
void rpc_end_pdu(ns_writer *w, size_t start);

/* ---- bind, bind_ack, bind_nak: bind.c ---- */

#define RPC_CONTEXTS 3 /* the most that one bind offers */

/* A presentation context; its id is its index. */
typedef struct rpc_context {
    rpc_interface abstract, transfer;
} rpc_context;

typedef struct rpc_bind {
    uint16_t max_xmit, max_recv; /* longest fragment, header included */
    uint32_t assoc_group;
    size_t count;
    rpc_context context[RPC_CONTEXTS];
} rpc_bind;

enum rpc_result_code { /* p_cont_def_result_t, [MS-RPCE] 2.2.2.4 */
                       RPC_ACCEPTANCE = 0,
                       RPC_USER_REJECTION = 1,
                       RPC_PROVIDER_REJECTION = 2,
                       RPC_NEGOTIATE_ACK = 3
};

typedef struct rpc_context_result {
    uint16_t result; /* enum rpc_result_code, or any other value */
    uint16_t reason; /* or the feature bits of a negotiate_ack */
    rpc_interface transfer;
} rpc_context_result;

typedef struct rpc_bind_ack {
    uint16_t max_xmit, max_recv;
    uint32_t assoc_group;
    size_t count;
    rpc_context_result context[RPC_CONTEXTS];
} rpc_bind_ack;

typedef struct rpc_bind_nak {
    uint16_t reason;
} rpc_bind_nak;

/* What a refusal means to the caller. */
typedef struct rpc_reason {
    uint16_t value;
    const char *name; /* as the specification has it */
    uint32_t win32;
    const char *text;
} rpc_reason;

/* What stands before the contexts of a bind or alter_context, and, but for
 * the secondary address, before the results of the answer. */
typedef struct rpc_bind_head {
    uint16_t max_xmit, max_recv;
    uint32_t assoc_group;
    uint8_t count;
} rpc_bind_head;

/* What stands before the transfer syntaxes of a context: p_cont_elem_t. */
typedef struct rpc_cont_elem {
    uint16_t id;
    uint8_t transfers;
    rpc_interface abstract;
} rpc_cont_elem;

enum rpc_nak_code { /* [MS-RPCE] 2.2.2.5 */
                    RPC_NAK_UNSPECIFIED = 0,
                    RPC_NAK_LOCAL_LIMIT = 2,
                    RPC_NAK_PROTOCOL = 4,
                    RPC_NAK_AUTH_TYPE = 8
};

enum rpc_reject_code { /* p_provider_reason_t, [C706] 12.6.3.1 */
                       RPC_REJECT_UNSPECIFIED = 0,
                       RPC_REJECT_ABSTRACT = 1,
                       RPC_REJECT_TRANSFER = 2,
                       RPC_REJECT_LOCAL_LIMIT = 3
};

void rpc_put_bind(ns_writer *w, uint32_t call_id, const rpc_bind *bind);
/* The parts of a bind or alter_context, one after the other; r->bad tells of
 * truncation. */
void rpc_get_bind_head(ns_reader *r, rpc_bind_head *head);
void rpc_get_cont_elem(ns_reader *r, rpc_cont_elem *elem);
void rpc_get_syntax(ns_reader *r, rpc_interface *s);

/* A bind_ack or alter_context_resp: this, head->count results and
 * rpc_end_pdu.  address may be NULL. */
size_t rpc_begin_ack(ns_writer *w, enum rpc_ptype ptype, unsigned flags, uint32_t call_id,
                     const rpc_bind_head *head, const char *address);
void rpc_put_result(ns_writer *w, const rpc_context_result *res);
void rpc_put_bind_nak(ns_writer *w, uint32_t call_id, uint16_t reason);
const char *rpc_get_bind_ack(ns_reader *r, rpc_bind_ack *ack);
const char *rpc_get_bind_nak(ns_reader *r, rpc_bind_nak *nak);
/* Never NULL. */
const rpc_reason *rpc_nak_reason(uint16_t reason);
const rpc_reason *rpc_reject_reason(uint16_t reason);

/* ---- request, response, fault: call.c ---- */

typedef struct rpc_request {
    uint32_t alloc_hint; /* stub bytes from here to the end of the call */
    uint16_t context_id;
    uint16_t opnum;
    const uint8_t *stub; /* this fragment's share */
    size_t len;
} rpc_request;

typedef struct rpc_response {
    uint32_t alloc_hint;
    uint16_t context_id;
    const uint8_t *stub; /* inside the PDU */
    size_t len;
} rpc_response;

typedef struct rpc_fault {
    uint32_t status;
    uint16_t context_id; /* not read from a PDU */
} rpc_fault;

/* [C706] appendix N.2; any other status is a Win32 code. */
#define RPC_FAULT_OP_RANGE    0x1C010002u
#define RPC_FAULT_UNKNOWN_IF  0x1C010003u
#define RPC_FAULT_PROTOCOL    0x1C01000Bu
#define RPC_FAULT_OUT_TOO_BIG 0x1C010013u
#define RPC_FAULT_TOO_BUSY    0x1C010014u
#define RPC_FAULT_UNSPECIFIED 0x1C000012u
#define RPC_FAULT_DENIED      5u    /* ERROR_ACCESS_DENIED */
#define RPC_FAULT_NO_CALL     1725u /* RPC_S_NO_CALL_ACTIVE */

void rpc_put_request(ns_writer *w, unsigned flags, uint32_t call_id, const rpc_request *req);
/* h: the header read before.  Whatever an auth verifier there may be takes
 * counts as stub. */
const char *rpc_get_request(ns_reader *r, const rpc_header *h, rpc_request *req);
void rpc_put_response(ns_writer *w, unsigned flags, uint32_t call_id, const rpc_response *rsp);
const char *rpc_get_response(ns_reader *r, rpc_response *rsp);
/* flags: RPC_DID_NOT_EXECUTE or 0. */
void rpc_put_fault(ns_writer *w, unsigned flags, uint32_t call_id, const rpc_fault *fault);
const char *rpc_get_fault(ns_reader *r, rpc_fault *fault);
/* Is it one that servers must not send? */
bool rpc_status_forbidden(uint32_t status);

#endif
