#include "ndr/layout.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* The tables of types are nested as deep as they are written, no deeper. */
// NOLINTBEGIN(misc-no-recursion)

/* A union is aligned as the most demanding of all its arms, taken or not
 * ([MS-RPCE] 2.2.5.3.4.4). */
static size_t union_align(const ndr_field *f, bool ndr64)
{
    size_t align = 4;

    for (size_t i = 0; i < f->arm_count; i++)
        align = larger(align, ndr_field_align(&f->arms[i].field, ndr64));
    return align;
}

size_t ndr_field_align(const ndr_field *f, bool ndr64)
{
    if (!ndr64 || f->kind == NDR_KIND_U32 || f->kind == NDR_KIND_EMPTY)
        return 4;
    if (f->kind == NDR_KIND_STRUCT)
        return ndr_type_align(f->type, ndr64);
    if (f->kind == NDR_KIND_UNION)
        return union_align(f, ndr64);
    return 8;
}

size_t ndr_type_align(const ndr_type *t, bool ndr64)
{
    size_t align = 4;

    for (size_t i = 0; ndr64 && i < t->count; i++)
        align = larger(align, ndr_field_align(&t->fields[i], ndr64));
    return align;
}

static size_t field_least(const ndr_field *f, bool ndr64)
{
    if (f->kind == NDR_KIND_STRUCT)
        return ndr_least(f->type, ndr64);
    if (f->kind == NDR_KIND_U32 || f->kind == NDR_KIND_UNION)
        return 4; /* the arm may be nothing */
    return ndr64 ? 8 : 4;
}

size_t ndr_least(const ndr_type *t, bool ndr64)
{
    size_t sum = 0;

    for (size_t i = 0; i < t->count; i++)
        sum += field_least(&t->fields[i], ndr64);
    return sum;
}

// NOLINTEND(misc-no-recursion)

const ndr_field *ndr_arm_for(const ndr_field *f, uint32_t value)
{
    for (size_t i = 0; i < f->arm_count; i++)
        if (f->arms[i].value == value || f->arms[i].field.kind == NDR_KIND_EMPTY)
            return &f->arms[i].field;
    return NULL;
}

/* memcpy: the decoder's scratch has no type of its own. */
uint32_t ndr_load32(const char *base, size_t off)
{
    uint32_t v;

    memcpy(&v, base + off, sizeof v);
    return v;
}

bool ndr_load_bool(const char *base, size_t off)
{
    bool v;

    memcpy(&v, base + off, sizeof v);
    return v;
}

const void *ndr_load_ptr(const char *base, size_t off)
{
    const void *v;

    memcpy(&v, base + off, sizeof v);
    return v;
}

int ndr_fail(netsession_error *err, int code, const char *layer, const ndr_place *place,
             const char *fmt, ...)
{
    char sentence[160], index[16] = "";
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    if (place->index != NDR_NO_INDEX)
        snprintf(index, sizeof index, "[%lu]", (unsigned long)place->index);
    return ns_fail(err, code, layer, "%s: %s%s.%s: %s", layer, place->type->name, index,
                   place->field->name, sentence);
}
