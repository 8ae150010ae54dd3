/* The connection object: smb2/, dcerpc/ and srvsvc/ joined.  No I/O here. */
#ifndef NS_CONN_H
#define NS_CONN_H

#include "dcerpc/client.h"
#include "netapi/config.h"
#include "netapi/logon.h"
#include "srvsvc/page.h"

enum ns_state {
    NS_NEW,
    NS_OPENING, /* negotiate to bind_ack */
    NS_READY,
    NS_CALLING,
    NS_CLOSING,
    NS_CLOSED
};

struct netsession {
    netsession_config cfg;
    netsession_error err;     /* sticky */
    netsession_error refused; /* the newest refusal that was not the end */
    char *host;
    char *target_name;
    unsigned port;
    enum ns_state state;
    uint64_t deadline;
    ns_logon logon;
    smb2_client smb;
    rpc_client rpc;
    uint32_t level;         /* of the query that is out */
    netsession_event event; /* type 0: none waits */
    int fd;                 /* the blocking driver's; -1: none */
};

/* Ends the connection with the error that is recorded, or with this one. */
int ns_conn_fail(netsession *ns, int code, const char *layer, const char *fmt, ...)
    NS_PRINTF(4, 5);

/* rc, which when negative ends it with the error recorded. */
int ns_conn_checked(netsession *ns, int rc);
/* The caller did what does not fit; nothing is changed by it. */
int ns_conn_misuse(netsession *ns, const char *what);

/* Closes the driver's socket, if there is one. */
void ns_driver_close(netsession *ns);

#endif
