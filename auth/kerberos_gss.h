/* What both halves of Kerberos want of GSS-API. */
#ifndef NS_KERBEROS_GSS_H
#define NS_KERBEROS_GSS_H

#include <gssapi/gssapi_krb5.h>

#include "auth/auth.h"

/* What GSS-API says: the minor code where there is one, being libkrb5's. */
void kerberos_gss_text(char *out, size_t size, OM_uint32 major, OM_uint32 minor);
/* The session key: with mutual authentication the acceptor's subkey ([MS-KILE]
 * 3.1.1.2).  *len 0: there is none of a length that fits. */
OM_uint32 kerberos_take_key(gss_ctx_id_t context, uint8_t key[AUTH_KEY_MAX], size_t *len,
                            OM_uint32 *minor);

#endif
