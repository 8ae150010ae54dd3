/* The page behind netsession_page_*: a decoded reply in one block. */
#ifndef SRVSVC_PAGE_H
#define SRVSVC_PAGE_H

#include "srvsvc/session.h"

struct netsession_page {
    netsession_hooks hooks;      /* a copy: the page outlives its connection */
    size_t size;                 /* of the block, this header included */
    srvsvc_session_enum_out out; /* its pointers lead into data */
    void *data[];                /* what they lead to */
};

/* NULL when out of memory. */
netsession_page *srvsvc_page_new(const netsession_hooks *hooks, size_t data);

#endif
