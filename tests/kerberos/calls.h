/*
 * libkrb5 and GSS-API that fail when a test wants it, or lie: the linker puts
 * these in the place of theirs (--wrap).
 */
#ifndef TESTS_KERBEROS_CALLS_H
#define TESTS_KERBEROS_CALLS_H

#include <gssapi/gssapi.h>
#include <krb5.h>

#include "tests/failing.h"

/* One of a thread's calls fails, counted from 1, and says code; name: which it
 * was. */
extern _Thread_local failing failing_krb5;
extern _Thread_local krb5_error_code failing_krb5_code;
extern _Thread_local const char *failing_krb5_name;

/* What GSS-API's calls say that is not so; all zero: nothing. */
typedef struct gss_lies {
    OM_uint32 flags;   /* of a context, the others of these */
    OM_uint32 major;   /* of a context that is complete */
    size_t more;       /* so long a token comes with it */
    long key;          /* the session key is so long; -1: there is none */
    const char *name;  /* of who logs on */
    OM_uint32 refusal; /* with this no ticket is accepted */
} gss_lies;

extern _Thread_local gss_lies gss_lie;

#endif
