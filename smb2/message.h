/*
 * The messages of SMB2 ([MS-SMB2] 2.2): one struct for each, its encoder (put)
 * and its decoder (get); the client sends requests, the server responses.
 * Encoders append a body behind a header already written; decoders read a
 * whole message, header included, because offsets count from there, and
 * return false for anything malformed.
 */
#ifndef NS_SMB2_MESSAGE_H
#define NS_SMB2_MESSAGE_H

#include "base/bytes.h"
#include "base/ntstatus.h"

#define SMB2_HEADER_LEN    64
#define SMB2_TRANSFORM_LEN 52
#define SMB2_PROTOCOL      0x424D53FEu /* FE 'S' 'M' 'B' */
#define SMB2_TRANSFORM     0x424D53FDu /* FD: encrypted */
#define SMB2_COMPRESSED    0x424D53FCu /* FC: never negotiated */
#define SMB1_PROTOCOL      0x424D53FFu

enum smb2_command { /* 2.2.1.2 */
                    SMB2_NEGOTIATE,
                    SMB2_SESSION_SETUP,
                    SMB2_LOGOFF,
                    SMB2_TREE_CONNECT,
                    SMB2_TREE_DISCONNECT,
                    SMB2_CREATE,
                    SMB2_CLOSE,
                    SMB2_FLUSH,
                    SMB2_READ,
                    SMB2_WRITE,
                    SMB2_LOCK,
                    SMB2_IOCTL,
                    SMB2_CANCEL,
                    SMB2_ECHO,
                    SMB2_QUERY_DIRECTORY,
                    SMB2_CHANGE_NOTIFY,
                    SMB2_QUERY_INFO,
                    SMB2_SET_INFO,
                    SMB2_OPLOCK_BREAK,
                    SMB2_NOTIFICATION
};
const char *smb2_command_name(unsigned command);

enum smb2_flags { /* 2.2.1.2 */
                  SMB2_FLAG_RESPONSE = 1,
                  SMB2_FLAG_ASYNC = 2,
                  SMB2_FLAG_RELATED = 4,
                  SMB2_FLAG_SIGNED = 8
};

#define SMB2_SIGNING_ENABLED  1
#define SMB2_SIGNING_REQUIRED 2
#define SMB2_CAP_LARGE_MTU    0x04u
#define SMB2_CAP_ENCRYPTION   0x40u

#define SMB2_UNSOLICITED     UINT64_MAX /* MessageId of what no request asked for */
#define SMB2_RELATED_SESSION UINT64_MAX
#define SMB2_RELATED_TREE    UINT32_MAX

/* ---- Header, 2.2.1 ---- */

typedef struct smb2_header {
    uint16_t credit_charge;
    uint32_t status;
    uint16_t command;
    uint16_t credits; /* asked or granted */
    uint32_t flags;
    uint32_t next;
    uint64_t message_id;
    uint64_t async_id; /* with SMB2_FLAG_ASYNC, in place of tree_id */
    uint32_t tree_id;
    uint64_t session_id;
    uint8_t signature[16];
} smb2_header;

void smb2_header_put(ns_writer *w, const smb2_header *h);
bool smb2_header_get(ns_reader *r, smb2_header *h);

/* ---- NEGOTIATE, 2.2.3 and 2.2.4 ---- */

#define SMB2_MAX_DIALECTS 5
#define SMB2_MAX_ALGS     4

typedef struct smb2_algs { /* a list of numbers, most wanted first */
    uint16_t id[SMB2_MAX_ALGS];
    uint16_t count;
} smb2_algs;

typedef struct smb2_negotiate_request {
    uint16_t dialects[SMB2_MAX_DIALECTS];
    uint16_t dialect_count;
    uint16_t security_mode;
    uint32_t capabilities;
    uint8_t client_guid[16];
    uint8_t salt[32];
    smb2_algs ciphers; /* contexts are sent when 3.1.1 is among the dialects */
    smb2_algs signings;
    const char *netname;
} smb2_negotiate_request;

typedef struct smb2_negotiate_response {
    uint16_t security_mode;
    uint16_t dialect;
    uint8_t server_guid[16];
    uint32_t capabilities;
    uint32_t max_transact, max_read, max_write;
    ns_reader security; /* the SPNEGO hint */
    bool has_preauth, has_cipher, has_signing;
    uint16_t hash, cipher, signing;
} smb2_negotiate_response;

/* False: netname is not UTF-8. */
bool smb2_negotiate_request_put(ns_writer *w, const smb2_negotiate_request *m);
bool smb2_negotiate_response_get(ns_reader *r, smb2_negotiate_response *m);

/* What a client offers, as a server reads it.  Dialects and algorithms that
 * are not known here are left out of the lists. */
typedef struct smb2_offer {
    uint16_t dialects[SMB2_MAX_DIALECTS];
    uint16_t dialect_count;
    uint16_t listed; /* dialects in the message, the unknown ones included */
    uint16_t security_mode;
    uint32_t capabilities;
    uint8_t client_guid[16];
    bool contexts; /* 3.1.1 is among the dialects, and contexts were read */
    bool has_preauth, has_ciphers, has_signings;
    bool sha512; /* among the hashes */
    smb2_algs ciphers, signings;
} smb2_offer;

bool smb2_negotiate_request_get(ns_reader *r, smb2_offer *m);
/* m->listed dialects, from where the reader stands. */
void smb2_offer_dialects(ns_reader *r, smb2_offer *m);
/* salt: 32 bytes; security: the hint; now: FILETIME.  Contexts are written
 * for 3.1.1. */
void smb2_negotiate_response_put(ns_writer *w, const smb2_negotiate_response *m,
                                 const uint8_t salt[32], uint64_t now);

/* ---- SESSION_SETUP, 2.2.5 and 2.2.6 ---- */

#define SMB2_SESSION_GUEST   1
#define SMB2_SESSION_NULL    2
#define SMB2_SESSION_ENCRYPT 4

typedef struct smb2_session_setup_response {
    uint16_t flags;
    ns_reader security;
} smb2_session_setup_response;

#define SMB2_SESSION_BINDING 1

typedef struct smb2_session_setup_request {
    uint8_t flags;
    uint8_t security_mode;
    uint64_t previous_session_id;
    ns_reader security;
} smb2_session_setup_request;

void smb2_session_setup_request_put(ns_writer *w, uint8_t security_mode, const uint8_t *token,
                                    size_t len);
bool smb2_session_setup_request_get(ns_reader *r, smb2_session_setup_request *m);
void smb2_session_setup_response_put(ns_writer *w, uint16_t flags, const uint8_t *token,
                                     size_t len);
bool smb2_session_setup_response_get(ns_reader *r, smb2_session_setup_response *m);

/* ---- TREE_CONNECT, 2.2.9 and 2.2.10 ---- */

#define SMB2_SHARE_PIPE    2
#define SMB2_SHARE_ENCRYPT 0x8000u

typedef struct smb2_tree_connect_response {
    uint8_t share_type;
    uint32_t share_flags;
} smb2_tree_connect_response;

/* path: "\\host\IPC$".  False: not UTF-8. */
bool smb2_tree_connect_request_put(ns_writer *w, const char *path);
/* path: the UTF-16 as it stands. */
bool smb2_tree_connect_request_get(ns_reader *r, ns_reader *path);
void smb2_tree_connect_response_put(ns_writer *w, const smb2_tree_connect_response *m,
                                    uint32_t maximal_access);
bool smb2_tree_connect_response_get(ns_reader *r, smb2_tree_connect_response *m);

/* ---- CREATE, CLOSE, 2.2.13 to 2.2.16 ---- */

#define SMB2_FILE_ID_LEN 16

/* Opens a pipe by its ASCII name for reading and writing. */
void smb2_create_request_put(ns_writer *w, const char *pipe);
typedef struct smb2_create_request {
    uint32_t impersonation;
    ns_reader name; /* UTF-16 */
} smb2_create_request;
bool smb2_create_request_get(ns_reader *r, smb2_create_request *m);
void smb2_create_response_put(ns_writer *w, const uint8_t file_id[SMB2_FILE_ID_LEN]);
bool smb2_create_response_get(ns_reader *r, uint8_t file_id[SMB2_FILE_ID_LEN]);
void smb2_close_request_put(ns_writer *w, const uint8_t file_id[SMB2_FILE_ID_LEN]);
bool smb2_close_request_get(ns_reader *r, uint8_t file_id[SMB2_FILE_ID_LEN]);
void smb2_close_response_put(ns_writer *w);

/* ---- READ, WRITE, 2.2.19 to 2.2.22 ---- */

void smb2_read_request_put(ns_writer *w, const uint8_t file_id[SMB2_FILE_ID_LEN], uint32_t max);
typedef struct smb2_read_request {
    uint32_t length, minimum;
    uint8_t file_id[SMB2_FILE_ID_LEN];
} smb2_read_request;
bool smb2_read_request_get(ns_reader *r, smb2_read_request *m);
void smb2_read_response_put(ns_writer *w, const uint8_t *data, size_t len);
bool smb2_read_response_get(ns_reader *r, ns_reader *data);
void smb2_write_request_put(ns_writer *w, const uint8_t file_id[SMB2_FILE_ID_LEN],
                            const uint8_t *data, size_t len);
typedef struct smb2_write_request {
    uint8_t file_id[SMB2_FILE_ID_LEN];
    ns_reader data;
} smb2_write_request;
bool smb2_write_request_get(ns_reader *r, smb2_write_request *m);
void smb2_write_response_put(ns_writer *w, uint32_t count);
bool smb2_write_response_get(ns_reader *r, uint32_t *count);

/* ---- IOCTL, 2.2.31 and 2.2.32 ---- */

#define SMB2_FSCTL_PIPE_TRANSCEIVE         0x0011C017u
#define SMB2_FSCTL_VALIDATE_NEGOTIATE_INFO 0x00140204u

typedef struct smb2_ioctl_response {
    uint32_t ctl_code;
    uint8_t file_id[SMB2_FILE_ID_LEN];
    ns_reader output;
} smb2_ioctl_response;

void smb2_ioctl_request_put(ns_writer *w, uint32_t ctl_code,
                            const uint8_t file_id[SMB2_FILE_ID_LEN], const uint8_t *input,
                            size_t len, uint32_t max_output);
typedef struct smb2_ioctl_request {
    uint32_t ctl_code;
    uint8_t file_id[SMB2_FILE_ID_LEN];
    ns_reader input;
    uint32_t max_input, max_output;
    uint32_t flags;
} smb2_ioctl_request;
bool smb2_ioctl_request_get(ns_reader *r, smb2_ioctl_request *m);
void smb2_ioctl_response_put(ns_writer *w, const smb2_ioctl_request *request,
                             const uint8_t *output, size_t len);
bool smb2_ioctl_response_get(ns_reader *r, smb2_ioctl_response *m);

/* FSCTL_VALIDATE_NEGOTIATE_INFO, 2.2.31.4 and 2.2.32.6 */
typedef struct smb2_validate_response {
    uint32_t capabilities;
    uint8_t guid[16];
    uint16_t security_mode;
    uint16_t dialect;
} smb2_validate_response;

void smb2_validate_request_put(ns_writer *w, const smb2_negotiate_request *sent);
/* What the client says it had sent; dialects: those that are known here. */
bool smb2_validate_request_get(ns_reader *r, smb2_offer *m);
void smb2_validate_response_put(ns_writer *w, const smb2_validate_response *m);
bool smb2_validate_response_get(ns_reader *r, smb2_validate_response *m);

/* ---- LOGOFF, TREE_DISCONNECT, ECHO, 2.2.7, 2.2.11, 2.2.28: four bytes, the
 * same in both directions ---- */

void smb2_empty_put(ns_writer *w);
/* 2.2.2: the body of an error; from one byte of ErrorData on, as Windows. */
void smb2_error_put(ns_writer *w);
/* Only the StructureSize is of interest: LOGOFF, TREE_DISCONNECT 4, CLOSE 60,
 * an error 9 (2.2.2). */
bool smb2_body_is(ns_reader r, uint16_t structure_size);

#endif
