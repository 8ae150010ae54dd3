/*
 * The tokens of SPNEGO (RFC 4178 section 4.2, [MS-SPNG] 2.2.1).  Slices point
 * into what was decoded; p is NULL for a field that is not there.
 */
#ifndef NS_SPNEGO_H
#define NS_SPNEGO_H

#include "auth/der.h"

/* negState (RFC 4178 section 4.2.2) */
enum spnego_state {
    SPNEGO_ACCEPT_COMPLETED = 0,
    SPNEGO_ACCEPT_INCOMPLETE = 1,
    SPNEGO_REJECT = 2,
    SPNEGO_REQUEST_MIC = 3,
    SPNEGO_NO_STATE /* the field is not there */
};

typedef struct spnego_resp {
    enum spnego_state state;
    ns_slice mech; /* supportedMech, DER with tag and length */
    ns_slice token;
    ns_slice mic;
} spnego_resp;

/* The client's first token. */
typedef struct spnego_init {
    ns_slice mech_list; /* a whole MechTypeList in DER, the bytes that mechListMIC signs */
    ns_slice mechs;     /* its series of OIDs */
    ns_slice token;
    ns_slice mic;
} spnego_init;

/* The server's hint.  *mechs: the mechTypes as a series of OIDs.  False when
 * it is malformed; then nothing of it may be used. */
bool spnego_get_hint(ns_slice in, ns_slice *mechs);
void spnego_put_hint(ns_writer *w, ns_slice mechs);

bool spnego_get_init(ns_slice in, spnego_init *init);
/* mech_list as in spnego_init. */
void spnego_put_init(ns_writer *w, ns_slice mech_list, ns_slice token);

bool spnego_get_resp(ns_slice in, spnego_resp *resp);
void spnego_put_resp(ns_writer *w, const spnego_resp *resp);

/* Takes the next OID, DER with tag and length, off a series of them. */
bool spnego_next_mech(ns_slice *mechs, ns_slice *oid);
/* Those that are spoken here: OIDs, DER with tag and length. */
extern const ns_slice spnego_ntlm, spnego_kerberos, spnego_ms_kerberos;
/* "Kerberos"; never NULL. */
const char *spnego_mech_name(ns_slice oid);

#endif
