/*
 * netsession: who is connected to this server?
 *
 * A client for SMB 2.0.2 to 3.1.1 ([MS-SMB2]), DCE/RPC ([MS-RPCE]) and the
 * one call NetrSessionEnum ([MS-SRVS] 3.1.4.5).  This is the native API; the
 * Win32 one, NetSessionEnum, is in <lm.h>.
 *
 * Blocking use, one screen:
 *
 *     netsession_config *cfg = netsession_config_new(NULL);
 *     netsession_config_user(cfg, "CORP", "alice");
 *     netsession_config_password(cfg, secret);
 *     netsession *ns;
 *     if (netsession_new(&ns, cfg, "fs1") == 0 && netsession_connect(ns) == 0) {
 *         netsession_list *list;
 *         netsession_row row;
 *         if (netsession_list_new(&list, ns, NULL) == 0)
 *             while (netsession_list_next(list, &row) == 1)
 *                 puts(row.client);
 *         netsession_list_free(list);
 *     }
 *     netsession_free(ns);
 *     netsession_config_free(cfg);
 *
 * Use in an event loop: the section "Driving the object yourself" below.
 *
 * Conventions.  Functions that return int return 0, a positive answer where
 * documented, or a negative enum netsession_code.  Strings are UTF-8 and
 * NUL-terminated.  Objects have no global state: different objects may be
 * used from different threads at once; one object belongs to one thread at a
 * time.  A config may be shared by any number of objects once it is no
 * longer being changed, and may be freed before them: netsession_new copies.
 */
#ifndef NETSESSION_H
#define NETSESSION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define NETSESSION_API      __attribute__((visibility("default")))
#define NETSESSION_MUST_USE __attribute__((warn_unused_result))
#else
#define NETSESSION_API
#define NETSESSION_MUST_USE
#endif

#define NETSESSION_VERSION "0.1.0"

/* ---- Errors ---------------------------------------------------------- */

/* What kind of thing went wrong.  The first error of an object is sticky:
 * after it nothing more is sent, and nothing received is believed. */
enum netsession_code {
    NETSESSION_OK = 0,
    NETSESSION_E_ARGUMENT = -1,    /* the caller passed something invalid */
    NETSESSION_E_STATE = -2,       /* the call does not fit the object's state */
    NETSESSION_E_MEMORY = -3,      /* an allocation failed */
    NETSESSION_E_RESOLVE = -4,     /* the server's name has no address */
    NETSESSION_E_CONNECT = -5,     /* no address of it accepts a connection */
    NETSESSION_E_IO = -6,          /* the connection broke or was closed */
    NETSESSION_E_TIMEOUT = -7,     /* the deadline passed */
    NETSESSION_E_PROTOCOL = -8,    /* the server broke the protocol */
    NETSESSION_E_SECURITY = -9,    /* a signature, cipher or handshake check failed */
    NETSESSION_E_POLICY = -10,     /* the server offers nothing that the config allows */
    NETSESSION_E_LOGON = -11,      /* the server refused the credentials */
    NETSESSION_E_REFUSED = -12,    /* the server answered with an error of its own */
    NETSESSION_E_LIMIT = -13,      /* an answer is larger than the config allows */
    NETSESSION_E_CRYPTO = -14,     /* libcrypto or the entropy source failed */
    NETSESSION_E_CREDENTIALS = -15 /* no password or ticket, or one that cannot be read */
};

/* One error, whole.  Pointers are to constant strings. */
typedef struct netsession_error {
    int code;          /* enum netsession_code; 0: no error */
    const char *layer; /* "argument", "name", "tcp", "smb2", "auth", "kerberos", "rpc",
                          "srvsvc" */
    const char *name;  /* symbolic name at that layer: "STATUS_LOGON_FAILURE" */
    uint32_t value;    /* its number at that layer: 0xC000006D */
    uint32_t win32;    /* the Win32 code that NetSessionEnum returns: 1326 */
    char message[320]; /* a sentence: what happened and what to do about it */
} netsession_error;

/* The enumerator's own name, "NETSESSION_E_TIMEOUT". */
NETSESSION_API const char *netsession_code_name(int code);

/* ---- Hooks ------------------------------------------------------------ */

/* What the library takes from its surroundings.  Any member may be NULL for
 * the default: malloc and free, libcrypto's RAND_bytes, time(), no log.  With
 * the default alloc, passwords and keys lie in libcrypto's secure heap if the
 * program has made one (CRYPTO_secure_malloc_init(3): locked, and left out of
 * core files); a connection takes some 4 KiB of it, and 12 KiB while it logs
 * on.  What does not fit lies in ordinary memory. */
typedef struct netsession_hooks {
    void *ctx; /* passed to each */
    void *(*alloc)(void *ctx, size_t size);
    void (*free)(void *ctx, void *ptr);
    int (*entropy)(void *ctx, void *out, size_t size);   /* 0 when filled */
    uint64_t (*wallclock)(void *ctx);                    /* 100 ns units since 1601-01-01 UTC */
    void (*log)(void *ctx, int level, const char *line); /* 1 facts, 2 messages */
} netsession_hooks;

/* ---- Configuration ---------------------------------------------------- */

typedef struct netsession_config netsession_config;

enum netsession_dialect { /* [MS-SMB2] 2.2.3 */
                          NETSESSION_SMB_2_0_2 = 0x0202,
                          NETSESSION_SMB_2_1 = 0x0210,
                          NETSESSION_SMB_3_0 = 0x0300,
                          NETSESSION_SMB_3_0_2 = 0x0302,
                          NETSESSION_SMB_3_1_1 = 0x0311
};

enum netsession_signing { /* [MS-SMB2] 2.2.3.1.7 */
                          NETSESSION_HMAC_SHA256 = 0,
                          NETSESSION_AES_CMAC = 1,
                          NETSESSION_AES_GMAC = 2
};

enum netsession_cipher { /* [MS-SMB2] 2.2.3.1.2 */
                         NETSESSION_CIPHER_NONE = 0,
                         NETSESSION_AES_128_CCM = 1,
                         NETSESSION_AES_128_GCM = 2,
                         NETSESSION_AES_256_CCM = 3,
                         NETSESSION_AES_256_GCM = 4
};

enum netsession_syntax { NETSESSION_NDR32 = 1, NETSESSION_NDR64 = 2 }; /* a mask */

/* A config with the safe defaults: dialects 2.0.2 to 3.1.1, every signing
 * algorithm and cipher, signing always, no guest, no anonymous logon, a
 * deadline of 30 s, replies up to 15 MiB.  NULL when out of memory.  hooks
 * may be NULL and is copied. */
NETSESSION_API netsession_config *netsession_config_new(const netsession_hooks *hooks);
/* Wipes the secrets and frees.  NULL is allowed. */
NETSESSION_API void netsession_config_free(netsession_config *cfg);
/* The error of the last setter that failed; code 0 when none has. */
NETSESSION_API const netsession_error *netsession_config_error(const netsession_config *cfg);

/* Whom to log on as.  With domain NULL, user may be "DOMAIN\user" or
 * "user@domain" (sent as it is, with an empty domain). */
NETSESSION_API int netsession_config_user(netsession_config *cfg, const char *domain,
                                          const char *user);
NETSESSION_API int netsession_config_password(netsession_config *cfg, const char *password);
/* The first line of a file, or of an open descriptor, without its newline. */
NETSESSION_API int netsession_config_password_file(netsession_config *cfg, const char *path);
NETSESSION_API int netsession_config_password_fd(netsession_config *cfg, int fd);
/* "username = ", "password = ", "domain = " lines, as Samba's tools read.
 * A file that others may read is refused. */
NETSESSION_API int netsession_config_authfile(netsession_config *cfg, const char *path);
/* USER (also "user%password", "DOMAIN\user"), then the first of PASSWD,
 * PASSWD_FD, PASSWD_FILE that is set; each only where nothing is set yet. */
NETSESSION_API int netsession_config_environment(netsession_config *cfg);
/* 1 when a user, or a password, has been set. */
NETSESSION_API int netsession_config_has_user(const netsession_config *cfg);
NETSESSION_API int netsession_config_has_password(const netsession_config *cfg);
/* Log on as nobody.  Such a session has no keys and cannot be signed. */
NETSESSION_API int netsession_config_anonymous(netsession_config *cfg, int on);
/* Accept a server that turns the logon into a guest's, likewise unsigned. */
NETSESSION_API int netsession_config_guest(netsession_config *cfg, int accept);

/* Offer these dialects only; both ends included. */
NETSESSION_API int netsession_config_dialects(netsession_config *cfg, unsigned min,
                                              unsigned max);
/* Offer these, most wanted first (SMB 3.1.1; older dialects fix their own). */
NETSESSION_API int netsession_config_signing(netsession_config *cfg, const unsigned *algorithm,
                                             size_t count);
NETSESSION_API int netsession_config_ciphers(netsession_config *cfg, const unsigned *cipher,
                                             size_t count);
/* Encrypt everything after the logon, or fail. */
NETSESSION_API int netsession_config_encrypt(netsession_config *cfg, int required);

/* TCP port when the target names none; 445 by default. */
NETSESSION_API int netsession_config_port(netsession_config *cfg, unsigned port);
/* One deadline, in milliseconds, for each of: connecting (name resolution,
 * TCP, logon and bind together), one call, one orderly close.  At most
 * 86,400,000 (a day). */
NETSESSION_API int netsession_config_timeout(netsession_config *cfg, unsigned milliseconds);
/* The name that this machine gives of itself in NTLM; none by default. */
NETSESSION_API int netsession_config_workstation(netsession_config *cfg, const char *name);
/* The service principal; "cifs/<server>" by default, with the name as it was
 * asked for.  A realm may follow: "cifs/fs1.corp.example@CORP.EXAMPLE". */
NETSESSION_API int netsession_config_target_name(netsession_config *cfg, const char *spn);
/* The application data of the channel bindings (RFC 5056), 1 to 1024 bytes,
 * for Kerberos and NTLM; none by default. */
NETSESSION_API int netsession_config_channel_bindings(netsession_config *cfg, const void *data,
                                                      size_t len);

/* When to log on with Kerberos, and when with NTLM.  Either way Kerberos is
 * mutual: a server that cannot prove who it is is not believed. */
enum netsession_kerberos {
    /* Kerberos when there is a ticket or a way to one: a cache, a keytab, or a
     * password with a realm (user@REALM, or a domain that is a DNS name or the
     * first label of the default realm; a user without any when the server is
     * in the default realm).  NTLM only when there is none: not after a KDC
     * has refused the user, or a server the ticket. */
    NETSESSION_KERBEROS_AUTO = 0,
    NETSESSION_KERBEROS_OFF = 1,     /* NTLM only */
    NETSESSION_KERBEROS_DESIRED = 2, /* NTLM also when Kerberos was refused */
    NETSESSION_KERBEROS_REQUIRED = 3 /* never NTLM */
};
NETSESSION_API int netsession_config_kerberos(netsession_config *cfg, int mode);
/* The cache with the user's tickets ("FILE:path", a path, "KEYRING:..."); by
 * default KRB5CCNAME, or the one that libkrb5 selects.  A user set by
 * netsession_config_user must be the cache's. */
NETSESSION_API int netsession_config_ccache(netsession_config *cfg, const char *name);
/* A keytab with the user's key, in place of a password; by default, when
 * there is neither ticket nor password, KRB5_CLIENT_KTNAME.  Without a user
 * its first entry says who logs on.  A file that others may read is refused. */
NETSESSION_API int netsession_config_keytab(netsession_config *cfg, const char *name);
/* Let the server act as the user elsewhere (GSS_C_DELEG_FLAG): only for
 * servers that you would tell the password. */
NETSESSION_API int netsession_config_delegate(netsession_config *cfg, int on);
/* 1 when a ticket lies ready for the user set, or, when none is or only the
 * environment's, for anybody: then no password is needed.  Asks no KDC. */
NETSESSION_API int netsession_config_has_ticket(const netsession_config *cfg);
/* Largest reassembled RPC reply in bytes; 15 MiB by default, at least 4096.
 * Whatever the server does, a connection's memory does not pass three times
 * this (the reply, and the page that is made of it), twice the io_size and
 * 128 KiB.  A list (netsession_list_new) ends with NETSESSION_E_LIMIT where its
 * pages together take 64 times this, or have more than 4,194,304 rows. */
NETSESSION_API int netsession_config_max_reply(netsession_config *cfg, size_t bytes);
/* Largest read asked of the pipe; 65536 by default, 4096 to 8 MiB.  More than
 * 65536 costs several credits (large MTU, [MS-SMB2] 3.1.5.2). */
NETSESSION_API int netsession_config_io_size(netsession_config *cfg, size_t bytes);
/* Transfer syntaxes offered, a mask of enum netsession_syntax; both by default. */
NETSESSION_API int netsession_config_syntaxes(netsession_config *cfg, unsigned mask);
/* 0: never send tree connect, create and bind as one compound. */
NETSESSION_API int netsession_config_compound(netsession_config *cfg, int on);

/* ---- The connection object --------------------------------------------- */

typedef struct netsession netsession;

/* target: "host", "host:port", "[v6]:port", with or without leading "\\".
 * Nothing is sent or resolved yet. */
NETSESSION_API NETSESSION_MUST_USE int
netsession_new(netsession **out, const netsession_config *cfg, const char *target);
/* Wipes keys and secrets, frees, closes the driver's socket if there is one.
 * Nothing is sent: netsession_close first to leave in good order.  NULL is
 * allowed.  Lists of this object must be freed before it. */
NETSESSION_API void netsession_free(netsession *ns);
/* The sticky error, code 0 if none.  Lives as long as the object. */
NETSESSION_API const netsession_error *netsession_last_error(const netsession *ns);
NETSESSION_API const char *netsession_host(const netsession *ns);
NETSESSION_API unsigned netsession_port(const netsession *ns);

/* What was negotiated.  Valid once connected; strings are constant. */
typedef struct netsession_info {
    unsigned dialect;         /* enum netsession_dialect */
    const char *dialect_name; /* "3.1.1" */
    const char *signing;      /* "AES-CMAC"; NULL for a session without keys */
    const char *cipher;       /* "AES-128-GCM"; NULL when not encrypted */
    const char *auth;         /* "Kerberos", "NTLM", "anonymous", "guest" */
    const char *auth_why;     /* which ticket, or why none; lives as long as the object */
    const char *syntax;       /* "NDR32", "NDR64" */
    int signing_required;     /* the server said that it requires signing */
    int compound;             /* 1: tree, pipe and bind took one exchange */
    unsigned exchanges;       /* request flights since the connection began */
} netsession_info;
NETSESSION_API void netsession_get_info(const netsession *ns, netsession_info *out);

/* ---- Asking -------------------------------------------------------------- */

#define NETSESSION_LEVEL_AUTO 0xFFFFFFFFu /* the richest that is granted: 502 2 1 10 0 */
#define NETSESSION_NO_LIMIT   0xFFFFFFFFu /* MAX_PREFERRED_LENGTH */

/* The parameters of NetrSessionEnum ([MS-SRVS] 3.1.4.5). */
typedef struct netsession_query {
    uint32_t level;            /* 0, 1, 2, 10, 502; AUTO for lists only */
    const char *client;        /* "\\name" (two backslashes) or NULL: all */
    const char *user;          /* or NULL: all */
    uint32_t preferred_length; /* bytes; a hint to the server */
    uint32_t resume;           /* resume handle to continue from; 0: start */
    int no_resume;             /* 1: send a NULL resume handle */
} netsession_query;

/* A query with level AUTO, no filters, no limit, from the start. */
NETSESSION_API void netsession_query_init(netsession_query *query);

enum netsession_field { /* netsession_row.present */
                        NETSESSION_HAS_USER = 1,
                        NETSESSION_HAS_OPENS = 2,
                        NETSESSION_HAS_TIME = 4, /* time and idle */
                        NETSESSION_HAS_FLAGS = 8,
                        NETSESSION_HAS_CLIENT_TYPE = 16,
                        NETSESSION_HAS_TRANSPORT = 32
};

/* One session.  A string is NULL when the level has none (see present) or
 * when the server sent a null pointer.  client is as the server sent it,
 * with leading "\\" from Windows and without from Samba. */
typedef struct netsession_row {
    unsigned present; /* mask of enum netsession_field; client always is */
    const char *client;
    const char *user;
    uint32_t opens;
    uint32_t time;  /* seconds connected */
    uint32_t idle;  /* seconds without use */
    uint32_t flags; /* SESS_GUEST 1, SESS_NOENCRYPTION 2 */
    const char *client_type;
    const char *transport;
} netsession_row;

/* The answer to one NetrSessionEnum: one block of memory. */
typedef struct netsession_page netsession_page;
NETSESSION_API void netsession_page_free(netsession_page *page); /* NULL is allowed */
NETSESSION_API uint32_t netsession_page_level(const netsession_page *page);
NETSESSION_API uint32_t netsession_page_count(const netsession_page *page);
/* TotalEntries: the server's count from the resume point, a hint. */
NETSESSION_API uint32_t netsession_page_total(const netsession_page *page);
NETSESSION_API uint32_t netsession_page_resume(const netsession_page *page);
/* 1 when the server said ERROR_MORE_DATA, 0 when this is the end. */
NETSESSION_API int netsession_page_more(const netsession_page *page);
/* Row i as a view into the page, whose life it shares.  i < count. */
NETSESSION_API void netsession_page_row(const netsession_page *page, uint32_t i,
                                        netsession_row *out);

/* ---- Blocking use (POSIX) ------------------------------------------------ */

/* Resolves, connects, logs on, opens the pipe and binds. */
NETSESSION_API NETSESSION_MUST_USE int netsession_connect(netsession *ns);
/* One NetrSessionEnum.  An answer with an error code gives
 * NETSESSION_E_REFUSED without spoiling the connection: the next call may
 * follow (netsession_last_error then returns the newest such answer). */
NETSESSION_API NETSESSION_MUST_USE int
netsession_enum(netsession *ns, const netsession_query *query, netsession_page **page);
/* Closes the pipe, disconnects the tree, logs off, closes the socket. */
NETSESSION_API int netsession_close(netsession *ns);

/* All sessions, page by page, following ERROR_MORE_DATA. */
typedef struct netsession_list netsession_list;
/* query may be NULL (all, level AUTO); its strings must live as long as the
 * list.  The first page is fetched here, so level is known after. */
NETSESSION_API NETSESSION_MUST_USE int
netsession_list_new(netsession_list **out, netsession *ns, const netsession_query *query);
/* 1: *row is filled, valid until the next call on the list; 0: that was all;
 * negative: an error, and the rows so far are not the whole answer. */
NETSESSION_API NETSESSION_MUST_USE int netsession_list_next(netsession_list *list,
                                                            netsession_row *row);
NETSESSION_API uint32_t netsession_list_level(const netsession_list *list);
NETSESSION_API void netsession_list_free(netsession_list *list); /* NULL is allowed */

/* ---- Driving the object yourself ------------------------------------------ */

/* No socket, clock, thread or blocking call is used by the functions here.
 * netsession_start, then in a loop: while wants has
 *   WRITE  send what netsession_output gives, netsession_output_ack what went;
 *   READ   receive into netsession_input, netsession_input_ack what came;
 *   EVENT  take netsession_next_event;
 *   WORK   take the step that may block, run it, give it back (below);
 *   CLOSED the end: the object will do nothing more.
 * Call netsession_tick when netsession_deadline has come. */
enum netsession_want {
    NETSESSION_READ = 1,
    NETSESSION_WRITE = 2,
    NETSESSION_EVENT = 4,
    NETSESSION_CLOSED = 8,
    NETSESSION_WORK = 16
};

enum netsession_event_type {
    NETSESSION_EV_READY = 1, /* logged on and bound: queries may start */
    NETSESSION_EV_PAGE,      /* a query's answer: event.page, now the caller's */
    NETSESSION_EV_REFUSED,   /* a query was refused; the connection goes on */
    NETSESSION_EV_FAILED,    /* netsession_last_error says why; now CLOSED */
    NETSESSION_EV_GOODBYE    /* netsession_shutdown is done; now CLOSED */
};

typedef struct netsession_event {
    int type; /* enum netsession_event_type */
    netsession_page *page;
} netsession_event;

/* now: milliseconds of any clock that only goes forward. */
NETSESSION_API int netsession_start(netsession *ns, uint64_t now);
NETSESSION_API unsigned netsession_wants(const netsession *ns);
NETSESSION_API const void *netsession_output(const netsession *ns, size_t *len);
NETSESSION_API int netsession_output_ack(netsession *ns, size_t len);
/* Where received bytes belong, and how many fit; never 0 while READ is wanted. */
NETSESSION_API void *netsession_input(netsession *ns, size_t *room);
NETSESSION_API int netsession_input_ack(netsession *ns, size_t len);
/* The peer closed its end. */
NETSESSION_API int netsession_input_eof(netsession *ns);
/* When to call tick at the latest, in the clock of now; UINT64_MAX: never. */
NETSESSION_API uint64_t netsession_deadline(const netsession *ns);
NETSESSION_API int netsession_tick(netsession *ns, uint64_t now);
/* 1: *event is filled; 0: none. */
NETSESSION_API int netsession_next_event(netsession *ns, netsession_event *event);
/* Starts one NetrSessionEnum; after READY, one at a time.  Strings are copied. */
NETSESSION_API NETSESSION_MUST_USE int
netsession_query_start(netsession *ns, const netsession_query *query, uint64_t now);
/* The step that may block: with Kerberos a KDC is asked for a ticket.  It can
 * be run on another thread, since it shares nothing with its object and calls
 * no hook, while the object goes on with what it wants else:
 *
 *     netsession_work *work = netsession_take_work(ns);
 *     netsession_work_run(work);             (here, or on another thread)
 *     netsession_work_done(ns, work);
 *
 * When the object fails before (its deadline runs on), the work, once it has
 * been run, is for netsession_work_free. */
typedef struct netsession_work netsession_work;
/* The work is the caller's now; NULL when WORK is not wanted. */
NETSESSION_API netsession_work *netsession_take_work(netsession *ns);
NETSESSION_API void netsession_work_run(netsession_work *work);
/* Gives it back, whatever the answer. */
NETSESSION_API int netsession_work_done(netsession *ns, netsession_work *work);
/* Wipes and frees.  NULL is allowed. */
NETSESSION_API void netsession_work_free(netsession_work *work);
/* Starts the orderly end. */
NETSESSION_API int netsession_shutdown(netsession *ns, uint64_t now);

#ifdef __cplusplus
}
#endif

#endif
