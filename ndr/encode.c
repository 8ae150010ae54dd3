/*
 * C structs to the wire, in two phases ([C706] 14.3.12): the fixed parts of a
 * construct first, then in the same order what its pointers lead to.
 */
#include "base/utf.h"
#include "ndr/layout.h"

#define FIRST_REFERENT 0x00020000u /* what Windows begins with */

struct enc {
    ns_writer *out;
    size_t origin; /* of the stub in out */
    bool ndr64;
    uint32_t referent; /* the next pointer's */
    unsigned depth;
    int code; /* the first failure */
    ndr_place place;
    netsession_error *err;
};

typedef void enc_fn(struct enc *e, const ndr_field *f, const char *base);

struct enc_ops {
    enc_fn *fixed;
    enc_fn *referents;
};

static const struct enc_ops *enc_ops_of(const ndr_field *f);

static void refuse(struct enc *e, const char *sentence)
{
    if (!e->code)
        e->code = ndr_fail(e->err, NETSESSION_E_ARGUMENT, NS_LAYER_ARGUMENT, &e->place, "%s",
                           sentence);
}

static void put_align(struct enc *e, size_t multiple)
{
    ns_put_align(e->out, e->origin, multiple);
}

static void put_u32(struct enc *e, uint32_t v)
{
    put_align(e, 4);
    ns_put32(e->out, v);
}

/* A count, an offset or a pointer: as wide as the syntax has them. */
static void put_wide(struct enc *e, uint64_t v)
{
    put_align(e, e->ndr64 ? 8 : 4);
    if (e->ndr64)
        ns_put64(e->out, v);
    else
        ns_put32(e->out, (uint32_t)v);
}

static void put_pointer(struct enc *e, bool present)
{
    put_wide(e, present ? e->referent : 0);
    e->referent += present ? 4 : 0;
}

/* ---- Structs ---- */

static void put_fields(struct enc *e, const ndr_type *t, uint32_t index, bool referents,
                       const char *base)
{
    for (size_t i = 0; i < t->count && !e->code; i++) {
        const struct enc_ops *ops = enc_ops_of(&t->fields[i]);
        enc_fn *fn = referents ? ops->referents : ops->fixed;

        e->place = (ndr_place){t, &t->fields[i], index};
        if (fn)
            fn(e, &t->fields[i], base);
    }
}

/* NDR64 pads a struct at its end too ([MS-RPCE] 2.2.5.3.4.1). */
static void put_fixed(struct enc *e, const ndr_type *t, uint32_t index, const char *base)
{
    size_t align = ndr_type_align(t, e->ndr64);

    put_align(e, align);
    put_fields(e, t, index, false, base);
    put_align(e, e->ndr64 ? align : 1);
}

static void put_referents(struct enc *e, const ndr_type *t, uint32_t index, const char *base)
{
    if (e->depth == NDR_DEPTH) {
        refuse(e, "structs are nested too deeply");
        return;
    }
    e->depth++;
    put_fields(e, t, index, true, base);
    e->depth--;
}

static void put_params(struct enc *e, const ndr_type *t, const char *base)
{
    for (size_t i = 0; i < t->count && !e->code; i++) {
        ndr_type one = {.name = t->name, .fields = &t->fields[i], .count = 1};

        put_fields(e, &one, NDR_NO_INDEX, false, base);
        put_fields(e, &one, NDR_NO_INDEX, true, base);
    }
}

/* ---- Kinds ---- */

static void nothing(struct enc *e, const ndr_field *f, const char *base)
{
    (void)e;
    (void)f;
    (void)base;
}

static void u32_fixed(struct enc *e, const ndr_field *f, const char *base)
{
    put_u32(e, ndr_load32(base, f->off));
}

static void u32_ptr_fixed(struct enc *e, const ndr_field *f, const char *base)
{
    put_pointer(e, ndr_load_bool(base, f->by));
}

static void u32_ptr_referents(struct enc *e, const ndr_field *f, const char *base)
{
    if (ndr_load_bool(base, f->by))
        put_u32(e, ndr_load32(base, f->off));
}

/* Of strings, structs and arrays alike. */
static void ptr_fixed(struct enc *e, const ndr_field *f, const char *base)
{
    put_pointer(e, ndr_load_ptr(base, f->off) != NULL);
}

/* A conformant and varying array of wchar_t: maximum, offset, actual count,
 * then that many units, the NUL among them ([C706] 14.3.4.2). */
static void string_referents(struct enc *e, const ndr_field *f, const char *base)
{
    const char *s = ndr_load_ptr(base, f->off);
    size_t units = s ? ns_utf16_len(s) : 0;

    if (!s && f->kind == NDR_KIND_STRING_REF)
        refuse(e, "null pointer in place of a reference");
    if (!s)
        return;
    if (units == NS_UTF_BAD) {
        refuse(e, "string is not valid UTF-8");
        return;
    }
    put_wide(e, units + 1);
    put_wide(e, 0);
    put_wide(e, units + 1);
    (void)ns_put_utf16(e->out, s);
    ns_put16(e->out, 0);
}

static void struct_fixed(struct enc *e, const ndr_field *f, const char *base)
{
    put_fixed(e, f->type, NDR_NO_INDEX, base + f->off);
}

static void struct_referents(struct enc *e, const ndr_field *f, const char *base)
{
    put_referents(e, f->type, NDR_NO_INDEX, base + f->off);
}

static void struct_ptr_referents(struct enc *e, const ndr_field *f, const char *base)
{
    const char *p = ndr_load_ptr(base, f->off);

    if (!p)
        return;
    put_fixed(e, f->type, NDR_NO_INDEX, p);
    put_referents(e, f->type, NDR_NO_INDEX, p);
}

static void array_referents(struct enc *e, const ndr_field *f, const char *base)
{
    const char *p = ndr_load_ptr(base, f->off);
    uint32_t count = ndr_load32(base, f->by);

    if (!p && count)
        refuse(e, "null pointer, but the count is not zero");
    if (!p)
        return;
    put_wide(e, count);
    for (uint32_t i = 0; i < count && !e->code; i++)
        put_fixed(e, f->type, i, p + i * f->type->size);
    for (uint32_t i = 0; i < count && !e->code; i++)
        put_referents(e, f->type, i, p + i * f->type->size);
}

static void union_fixed(struct enc *e, const ndr_field *f, const char *base)
{
    uint32_t value = ndr_load32(base, f->by);
    const ndr_field *arm = ndr_arm_for(f, value);
    size_t align = ndr_field_align(f, e->ndr64);

    if (!arm) {
        refuse(e, "the union has no arm for this level");
        return;
    }
    put_align(e, align);
    put_u32(e, value);
    put_align(e, e->ndr64 ? align : 1);
    enc_ops_of(arm)->fixed(e, arm, base);
}

static void union_referents(struct enc *e, const ndr_field *f, const char *base)
{
    const ndr_field *arm = ndr_arm_for(f, ndr_load32(base, f->by));

    if (enc_ops_of(arm)->referents)
        enc_ops_of(arm)->referents(e, arm, base);
}

static const struct enc_ops *enc_ops_of(const ndr_field *f)
{
    static const struct enc_ops ops[] = {
        [NDR_KIND_U32] = {u32_fixed, NULL},
        [NDR_KIND_U32_PTR] = {u32_ptr_fixed, u32_ptr_referents},
        [NDR_KIND_STRING] = {ptr_fixed, string_referents},
        [NDR_KIND_STRING_REF] = {NULL, string_referents},
        [NDR_KIND_STRUCT] = {struct_fixed, struct_referents},
        [NDR_KIND_STRUCT_PTR] = {ptr_fixed, struct_ptr_referents},
        [NDR_KIND_ARRAY] = {ptr_fixed, array_referents},
        [NDR_KIND_UNION] = {union_fixed, union_referents},
        [NDR_KIND_EMPTY] = {nothing, NULL},
    };

    return &ops[f->kind];
}

int ndr_encode(const ndr_type *type, const void *value, bool ndr64, ns_writer *out,
               netsession_error *err)
{
    struct enc e = {
        .out = out, .origin = out->len, .ndr64 = ndr64, .referent = FIRST_REFERENT, .err = err};

    if (type->params) {
        put_params(&e, type, value);
    } else {
        put_fixed(&e, type, NDR_NO_INDEX, value);
        put_referents(&e, type, NDR_NO_INDEX, value);
    }
    if (!e.code && out->err)
        e.code = ns_fail_code(err, out->err, NS_LAYER_RPC);
    return e.code;
}
