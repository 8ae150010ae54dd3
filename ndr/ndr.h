/*
 * The marshalling engine for NDR ([C706] chapter 14) and NDR64 ([MS-RPCE]
 * 2.2.5).  A const table describes a C struct; the table drives encode,
 * decode and print.  Nothing here allocates and nothing here knows of an
 * interface: the tables are in srvsvc/ and its like.
 *
 * Only what those interfaces use exists: 32-bit integers, strings, structs,
 * unions switched by a sibling, pointers and conformant arrays.
 */
#ifndef NDR_H
#define NDR_H

#include "base/bytes.h"

#define NDR_DEPTH   16  /* structs inside each other, pointers included */
#define NDR_SCRATCH 128 /* sizeof of the largest struct that a pointer leads to */

/* ---- Tables ---- */

enum ndr_kind {
    NDR_KIND_U32,        /* uint32_t */
    NDR_KIND_U32_PTR,    /* [unique] DWORD *: uint32_t, and a bool: it is there */
    NDR_KIND_STRING,     /* [string, unique] wchar_t *: const char *, UTF-8 */
    NDR_KIND_STRING_REF, /* [string, ref] wchar_t *: the same, never NULL */
    NDR_KIND_STRUCT,     /* a struct in a struct */
    NDR_KIND_STRUCT_PTR, /* [unique] T *: const T * */
    NDR_KIND_ARRAY,      /* [unique, size_is(n)] T *: const T *, and the uint32_t n */
    NDR_KIND_UNION,      /* [switch_is(n)] union with a 32-bit tag, and the uint32_t n */
    NDR_KIND_EMPTY       /* [default] ; an arm without a member */
};

typedef struct ndr_field {
    const char *name; /* as the IDL has it */
    enum ndr_kind kind;
    size_t off;                  /* of the member in the C struct; a union has none */
    size_t by;                   /* of the member that says present, how many, or which; the
                                  * latter two stand before this one in the table */
    const struct ndr_type *type; /* STRUCT, STRUCT_PTR, ARRAY */
    const struct ndr_arm *arms;  /* UNION */
    size_t arm_count;
} ndr_field;

/* One arm of a union; its offsets count from the struct the union is in.  One
 * of kind EMPTY stands last and serves every value that no other arm has. */
typedef struct ndr_arm {
    uint32_t value;
    ndr_field field;
} ndr_arm;

typedef struct ndr_type {
    const char *name; /* as the IDL has it */
    size_t size;      /* of the C struct */
    const ndr_field *fields;
    size_t count;
    bool params; /* the parameters of a call: each one's referents follow it */
} ndr_type;

/* The offset of a member, which must have the type given: a table that does
 * not fit its struct does not compile. */
// NOLINTNEXTLINE(bugprone-macro-parentheses): must_be is a type
#define NDR_AT(T, member, must_be) _Generic(((T *)0)->member, must_be : offsetof(T, member))
/* sizeof(T), which must fit the decoder's scratch. */
#define NDR_SIZE(T) (sizeof(T) + 0 * sizeof(char[sizeof(T) <= NDR_SCRATCH ? 1 : -1]))

#define NDR_U32(T, member, idl)                                                                \
    {                                                                                          \
        .name = (idl), .kind = NDR_KIND_U32, .off = NDR_AT(T, member, uint32_t)                \
    }
#define NDR_U32_PTR(T, member, has, idl)                                                       \
    {                                                                                          \
        .name = (idl), .kind = NDR_KIND_U32_PTR, .off = NDR_AT(T, member, uint32_t),           \
        .by = NDR_AT(T, has, bool)                                                             \
    }
#define NDR_STRING(T, member, idl)                                                             \
    {                                                                                          \
        .name = (idl), .kind = NDR_KIND_STRING, .off = NDR_AT(T, member, const char *)         \
    }
#define NDR_STRING_REF(T, member, idl)                                                         \
    {                                                                                          \
        .name = (idl), .kind = NDR_KIND_STRING_REF, .off = NDR_AT(T, member, const char *)     \
    }
/* U: the type of the member or of what it points to; table: its ndr_type. */
#define NDR_STRUCT(T, member, U, table, idl)                                                   \
    {                                                                                          \
        .name = (idl), .kind = NDR_KIND_STRUCT, .off = NDR_AT(T, member, U), .type = (table)   \
    }
#define NDR_STRUCT_PTR(T, member, U, table, idl)                                               \
    {                                                                                          \
        .name = (idl), .kind = NDR_KIND_STRUCT_PTR, .off = NDR_AT(T, member, const U *),       \
        .type = (table)                                                                        \
    }
#define NDR_ARRAY(T, member, n, U, table, idl)                                                 \
    {                                                                                          \
        .name = (idl), .kind = NDR_KIND_ARRAY, .off = NDR_AT(T, member, const U *),            \
        .by = NDR_AT(T, n, uint32_t), .type = (table)                                          \
    }
#define NDR_UNION(T, level, list, idl)                                                         \
    {                                                                                          \
        .name = (idl), .kind = NDR_KIND_UNION, .by = NDR_AT(T, level, uint32_t),               \
        .arms = (list), .arm_count = sizeof(list) / sizeof((list)[0])                          \
    }

/* The last arm of a union with a default. */
#define NDR_EMPTY                                                                              \
    {                                                                                          \
        .field = {.name = "default", .kind = NDR_KIND_EMPTY }                                  \
    }

#define NDR_TYPE(T, list, idl)                                                                 \
    {                                                                                          \
        .name = (idl), .size = NDR_SIZE(T), .fields = (list),                                  \
        .count = sizeof(list) / sizeof((list)[0])                                              \
    }
#define NDR_PARAMS(T, list, idl)                                                               \
    {                                                                                          \
        .name = (idl), .size = sizeof(T), .fields = (list),                                    \
        .count = sizeof(list) / sizeof((list)[0]), .params = true                              \
    }

/* ---- Encode ---- */

/* Appends value, little-endian; alignment counts from where the writer is
 * now.  NETSESSION_E_ARGUMENT when value cannot be sent (malformed UTF-8, a
 * count without its array, a level without an arm), or the writer's error. */
int ndr_encode(const ndr_type *type, const void *value, bool ndr64, ns_writer *out,
               netsession_error *err);

/* ---- Decode ---- */

/* How the sender marshalled ([C706] 14.1, [MS-RPCE] 2.2.5). */
typedef struct ndr_format {
    bool ndr64;
    bool big; /* integers and UTF-16 are big-endian */
} ndr_format;

typedef struct ndr_source {
    const void *stub;
    size_t len;
    ndr_format format;
    bool trailing;     /* bytes after the last parameter are allowed */
    size_t max;        /* most memory the referents may need */
    const char *layer; /* for errors: NS_LAYER_SRVSVC */
    /* What ndr_measure found: bytes for structs, and for strings after them. */
    size_t fixed;
    size_t text;
} ndr_source;

/* Checks the stub from end to end and finds how much memory its referents
 * need.  root, type->size bytes, gets its integers; its pointers are NULL.
 * NETSESSION_E_PROTOCOL, or NETSESSION_E_LIMIT when it needs more than max. */
int ndr_measure(ndr_source *src, const ndr_type *type, void *root, netsession_error *err);
/* After ndr_measure has returned 0: decodes into root and memory, which is
 * not NULL, holds fixed + text bytes and is aligned for a pointer. */
void ndr_fill(const ndr_source *src, const ndr_type *type, void *root, void *memory);

/* ---- Print ---- */

/* Appends value as indented lines.  Control characters are escaped. */
void ndr_print(const ndr_type *type, const void *value, ns_writer *out);

#endif
