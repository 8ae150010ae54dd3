/*
 * The little of DER ([X690]) that SPNEGO needs: one-byte tags, definite
 * minimal lengths.  Reading goes through nested ns_readers, so no element can
 * reach beyond the one around it; a fault marks the reader bad, and leaving an
 * element hands that on outwards.
 */
#ifndef NS_DER_H
#define NS_DER_H

#include "base/bytes.h"
#include "base/crypto.h"

#define DER_INTEGER        0x02
#define DER_BIT_STRING     0x03
#define DER_OCTET_STRING   0x04
#define DER_OID            0x06
#define DER_ENUMERATED     0x0A
#define DER_GENERAL_STRING 0x1B
#define DER_SEQUENCE       0x30
#define DER_APPLICATION_0  0x60
#define DER_CONTEXT(n)     (0xA0 + (n))

/* ---- Reader ---- */

/* Whether another element is there, and has this tag. */
bool der_next_is(const ns_reader *r, unsigned tag);
/* The contents of the next element, which must have this tag; r moves behind it. */
ns_reader der_enter(ns_reader *r, unsigned tag);
/* inner must have been read to its end without a fault, else outer is bad. */
void der_leave(ns_reader *outer, const ns_reader *inner);
/* The next element's contents, or all of it with tag and length.  p is NULL
 * only when r is bad. */
ns_slice der_take(ns_reader *r, unsigned tag);
ns_slice der_take_whole(ns_reader *r, unsigned tag);

/* ---- Writer ---- */

/* Begins an element; what is written until der_close is its contents. */
size_t der_open(ns_writer *w, unsigned tag);
void der_close(ns_writer *w, size_t mark);
void der_put(ns_writer *w, unsigned tag, ns_slice contents);

#endif
