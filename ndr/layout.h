/* What encode, decode and print share: how types lie on the wire and in
 * memory, and how an error names the place it was found at. */
#ifndef NDR_LAYOUT_H
#define NDR_LAYOUT_H

#include "base/error.h"
#include "ndr/ndr.h"

/* Alignment on the wire; for NDR64 see [MS-RPCE] 2.2.5.3.4. */
size_t ndr_type_align(const ndr_type *t, bool ndr64);
size_t ndr_field_align(const ndr_field *f, bool ndr64);
/* Bytes that one t takes on the wire at the very least; never 0. */
size_t ndr_least(const ndr_type *t, bool ndr64);
/* The arm for a value of the discriminant, or NULL. */
const ndr_field *ndr_arm_for(const ndr_field *f, uint32_t value);

/* Members of a C struct, by offset. */
uint32_t ndr_load32(const char *base, size_t off);
bool ndr_load_bool(const char *base, size_t off);
const void *ndr_load_ptr(const char *base, size_t off);

#define NDR_NO_INDEX UINT32_MAX

typedef struct ndr_place {
    const ndr_type *type;
    const ndr_field *field;
    uint32_t index; /* in an array, or NDR_NO_INDEX */
} ndr_place;

/* "srvsvc: SESSION_INFO_502[3].sesi502_username: " and the sentence. */
int ndr_fail(netsession_error *err, int code, const char *layer, const ndr_place *place,
             const char *fmt, ...) NS_PRINTF(5, 6);

#endif
