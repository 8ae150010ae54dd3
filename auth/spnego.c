#include "auth/spnego.h"

#include <string.h>

/* ---- Mechanisms ---- */

#define OID(...) {__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/* Those that servers offer ([MS-SPNG] 1.9.1 and appendix A <1>, <2>, <9>). */
static const struct {
    uint8_t oid[12];
    size_t len;
    const char *name;
} names[] = {
    {OID(0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A), "NTLM"},
    {OID(0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02), "Kerberos"},
    {OID(0x06, 0x09, 0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 0x01, 0x02, 0x02), "MS-Kerberos"},
    {OID(0x06, 0x0A, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02, 0x03),
     "Kerberos user-to-user"},
    {OID(0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x1E), "NEGOEX"},
    {OID(0x06, 0x06, 0x2B, 0x06, 0x01, 0x05, 0x02, 0x05), "IAKERB"},
    {OID(0x06, 0x06, 0x2B, 0x06, 0x01, 0x05, 0x02, 0x07), "PKU2U"},
};

const ns_slice spnego_ntlm = {names[0].oid, 12};
const ns_slice spnego_kerberos = {names[1].oid, 11};
const ns_slice spnego_ms_kerberos = {names[2].oid, 11};

const char *spnego_mech_name(ns_slice oid)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (oid.n == names[i].len && memcmp(oid.p, names[i].oid, oid.n) == 0)
            return names[i].name;
    return "an unknown mechanism";
}

bool spnego_next_mech(ns_slice *mechs, ns_slice *oid)
{
    ns_reader r = ns_reader_of(mechs->p, mechs->n);

    if (!mechs->n)
        return false;
    *oid = der_take_whole(&r, DER_OID);
    *mechs = (ns_slice){r.base + r.off, ns_left(&r)};
    return !r.bad;
}

/* ---- Fields ---- */

/* All fields are "[n] EXPLICIT ... OPTIONAL": the one element inside [n], or
 * nothing.  A field out of order is nobody's and stops the SEQUENCE short. */
static ns_slice get_field(ns_reader *r, unsigned n, unsigned tag)
{
    ns_slice value = {0};
    ns_reader field;

    if (der_next_is(r, DER_CONTEXT(n))) {
        field = der_enter(r, DER_CONTEXT(n));
        value = tag == DER_OID ? der_take_whole(&field, tag) : der_take(&field, tag);
        der_leave(r, &field);
    }
    return value;
}

static void put_field(ns_writer *w, unsigned n, unsigned tag, ns_slice value)
{
    size_t field;

    if (!value.p)
        return;
    field = der_open(w, DER_CONTEXT(n));
    der_put(w, tag, value);
    der_close(w, field);
}

/* ---- NegTokenInit (RFC 4178 section 4.2.1), NegTokenInit2 ---- */

/* 1.3.6.1.5.5.2 */
static const uint8_t spnego_oid[] = {0x2B, 0x06, 0x01, 0x05, 0x05, 0x02};

/* MechTypeList ::= SEQUENCE OF MechType: each must be an OID. */
static void check_mechs(ns_reader *r, ns_slice mechs)
{
    ns_reader list = ns_reader_of(mechs.p, mechs.n);

    if (!mechs.n)
        return;
    while (!list.bad && ns_left(&list))
        der_take(&list, DER_OID);
    der_leave(r, &list);
}

static void get_mechs(ns_reader *seq, spnego_init *init)
{
    ns_reader field;

    if (!der_next_is(seq, DER_CONTEXT(0)))
        return;
    field = der_enter(seq, DER_CONTEXT(0));
    init->mech_list = (ns_slice){field.base, field.len};
    init->mechs = der_take(&field, DER_SEQUENCE);
    check_mechs(&field, init->mechs);
    der_leave(seq, &field);
}

/* NegHints ::= SEQUENCE { hintName [0] GeneralString OPTIONAL,
 *                         hintAddress [1] OCTET STRING OPTIONAL } */
static void check_hints(ns_reader *r, ns_slice hints)
{
    ns_reader seq = ns_reader_of(hints.p, hints.n);

    if (!hints.n)
        return;
    get_field(&seq, 0, DER_GENERAL_STRING);
    get_field(&seq, 1, DER_OCTET_STRING);
    der_leave(r, &seq);
}

/* What NegTokenInit2 has where NegTokenInit has the mechListMIC. */
static void get_rest_of_hint(ns_reader *seq, spnego_init *init)
{
    check_hints(seq, get_field(seq, 3, DER_SEQUENCE));
    init->mic = get_field(seq, 4, DER_OCTET_STRING);
}

/* A client may send NegTokenInit2 too; the hints in it are no concern of the
 * server ([MS-SPNG] 3.2.5). */
static void get_rest_of_init(ns_reader *seq, spnego_init *init)
{
    ns_reader ahead = *seq, field = {0};

    if (der_next_is(&ahead, DER_CONTEXT(3)))
        field = der_enter(&ahead, DER_CONTEXT(3));
    if (der_next_is(&field, DER_OCTET_STRING))
        init->mic = get_field(seq, 3, DER_OCTET_STRING);
    else
        get_rest_of_hint(seq, init);
}

/* NegTokenInit2 ::= SEQUENCE { mechTypes [0] MechTypeList OPTIONAL,
 *                              reqFlags [1] ContextFlags OPTIONAL,
 *                              mechToken [2] OCTET STRING OPTIONAL,
 *                              negHints [3] NegHints OPTIONAL,
 *                              mechListMIC [4] OCTET STRING OPTIONAL }
 * NegTokenInit has no negHints and the mechListMIC as [3].  The reqFlags are
 * unsigned, and to be ignored ([MS-SPNG] 3.1.5.3). */
static bool get_token(ns_slice in, void (*get_rest)(ns_reader *seq, spnego_init *init),
                      spnego_init *init)
{
    ns_reader r = ns_reader_of(in.p, in.n);
    ns_reader token = der_enter(&r, DER_APPLICATION_0);
    ns_slice oid = der_take(&token, DER_OID);
    ns_reader choice = der_enter(&token, DER_CONTEXT(0));
    ns_reader seq = der_enter(&choice, DER_SEQUENCE);

    *init = (spnego_init){0};
    get_mechs(&seq, init);
    get_field(&seq, 1, DER_BIT_STRING);
    init->token = get_field(&seq, 2, DER_OCTET_STRING);
    get_rest(&seq, init);
    der_leave(&choice, &seq);
    der_leave(&token, &choice);
    der_leave(&r, &token);
    return !r.bad && !ns_left(&r) && oid.n == sizeof spnego_oid &&
           memcmp(oid.p, spnego_oid, oid.n) == 0;
}

/* The server's token in NEGOTIATE is unsigned, so all but the mechTypes is
 * only looked at for its form. */
bool spnego_get_hint(ns_slice in, ns_slice *mechs)
{
    spnego_init init;
    bool ok = get_token(in, get_rest_of_hint, &init);

    *mechs = init.mechs;
    return ok;
}

/* The mechTypes are OPTIONAL in NegTokenInit2 only. */
bool spnego_get_init(ns_slice in, spnego_init *init)
{
    return get_token(in, get_rest_of_init, init) && init->mechs.p;
}

static void put_hints(ns_writer *w)
{
    static const char name[] = "not_defined_in_RFC4178@please_ignore";
    size_t field = der_open(w, DER_CONTEXT(3)), seq = der_open(w, DER_SEQUENCE);

    put_field(w, 0, DER_GENERAL_STRING, (ns_slice){name, sizeof name - 1});
    der_close(w, seq);
    der_close(w, field);
}

void spnego_put_hint(ns_writer *w, ns_slice mechs)
{
    size_t outer = der_open(w, DER_APPLICATION_0);
    size_t choice, seq;

    der_put(w, DER_OID, (ns_slice){spnego_oid, sizeof spnego_oid});
    choice = der_open(w, DER_CONTEXT(0));
    seq = der_open(w, DER_SEQUENCE);
    put_field(w, 0, DER_SEQUENCE, mechs);
    put_hints(w);
    der_close(w, seq);
    der_close(w, choice);
    der_close(w, outer);
}

void spnego_put_init(ns_writer *w, ns_slice mech_list, ns_slice token)
{
    size_t outer = der_open(w, DER_APPLICATION_0);
    size_t choice, seq, mechs;

    der_put(w, DER_OID, (ns_slice){spnego_oid, sizeof spnego_oid});
    choice = der_open(w, DER_CONTEXT(0));
    seq = der_open(w, DER_SEQUENCE);
    mechs = der_open(w, DER_CONTEXT(0));
    ns_put(w, mech_list.p, mech_list.n);
    der_close(w, mechs);
    put_field(w, 2, DER_OCTET_STRING, token);
    der_close(w, seq);
    der_close(w, choice);
    der_close(w, outer);
}

/* ---- NegTokenResp (RFC 4178 section 4.2.2) ---- */

static enum spnego_state get_state(ns_reader *r)
{
    ns_slice value = get_field(r, 0, DER_ENUMERATED);
    const uint8_t *state = value.p;

    if (!state)
        return SPNEGO_NO_STATE;
    r->bad |= value.n != 1 || state[0] > SPNEGO_REQUEST_MIC;
    return r->bad ? SPNEGO_NO_STATE : (enum spnego_state)state[0];
}

/* NegTokenResp ::= SEQUENCE { negState [0] ENUMERATED OPTIONAL,
 *                             supportedMech [1] MechType OPTIONAL,
 *                             responseToken [2] OCTET STRING OPTIONAL,
 *                             mechListMIC [3] OCTET STRING OPTIONAL } */
bool spnego_get_resp(ns_slice in, spnego_resp *resp)
{
    ns_reader r = ns_reader_of(in.p, in.n);
    ns_reader choice = der_enter(&r, DER_CONTEXT(1));
    ns_reader seq = der_enter(&choice, DER_SEQUENCE);

    resp->state = get_state(&seq);
    resp->mech = get_field(&seq, 1, DER_OID);
    resp->token = get_field(&seq, 2, DER_OCTET_STRING);
    resp->mic = get_field(&seq, 3, DER_OCTET_STRING);
    der_leave(&choice, &seq);
    der_leave(&r, &choice);
    return !r.bad && !ns_left(&r);
}

void spnego_put_resp(ns_writer *w, const spnego_resp *resp)
{
    size_t choice = der_open(w, DER_CONTEXT(1));
    size_t seq = der_open(w, DER_SEQUENCE);
    uint8_t state = (uint8_t)resp->state;
    size_t mech;

    if (resp->state != SPNEGO_NO_STATE)
        put_field(w, 0, DER_ENUMERATED, (ns_slice){&state, 1});
    if (resp->mech.p) {
        mech = der_open(w, DER_CONTEXT(1));
        ns_put(w, resp->mech.p, resp->mech.n);
        der_close(w, mech);
    }
    put_field(w, 2, DER_OCTET_STRING, resp->token);
    put_field(w, 3, DER_OCTET_STRING, resp->mic);
    der_close(w, seq);
    der_close(w, choice);
}
