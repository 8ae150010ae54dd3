/*
 * The wire to C structs, in two passes over the same code.  The first checks
 * everything and adds up what memory is needed; the second, over bytes now
 * known to be good, fills one block of exactly that size.
 *
 * A construct is walked as it was marshalled ([C706] 14.3.12): its fixed part,
 * then its referents.  The second walk reads the pointers again from the
 * fixed part, through a reader of its own, so that the first pass needs no
 * memory to remember which of them were null.
 */
#include <string.h>

#include "base/utf.h"
#include "ndr/layout.h"

struct dec {
    ns_reader r; /* behind all that has been read */
    ndr_source *src;
    bool fill;   /* the second pass */
    char *fixed; /* second pass: where the next struct goes, */
    char *text;  /* and the next string */
    unsigned depth;
    int code; /* the first failure */
    ndr_place place;
    netsession_error *err;
};

/* Fixed part: s is &d->r.  Referents: s reads the fixed part again, d->r has
 * the referent.  base is the C struct, or scratch in the first pass. */
typedef void dec_fn(struct dec *d, const ndr_field *f, ns_reader *s, char *base);

struct dec_ops {
    dec_fn *fixed;
    dec_fn *referents;
};

static const struct dec_ops *dec_ops_of(const ndr_field *f);

/* Nothing was found wrong before. */
#define REFUSE(d, code_, ...)                                                                  \
    ((d)->code = ndr_fail((d)->err, code_, (d)->src->layer, &(d)->place, __VA_ARGS__))
#define BROKEN(d, ...) REFUSE(d, NETSESSION_E_PROTOCOL, __VA_ARGS__)

/* ---- Memory: counted, then handed out ---- */

static bool within_budget(struct dec *d, size_t count, size_t size)
{
    size_t left = d->src->max - d->src->fixed - d->src->text;

    if (count > left / size)
        REFUSE(d, NETSESSION_E_LIMIT, "the answer needs more than the %lu bytes allowed",
               (unsigned long)d->src->max);
    return !d->code;
}

/* Structs are kept aligned for pointers, their strictest members. */
static size_t padded(size_t n)
{
    return n + (0 - n) % sizeof(void *);
}

static char *take_structs(struct dec *d, size_t count, size_t size)
{
    char *p = d->fixed;

    if (d->fill)
        d->fixed += padded(count * size);
    else if (within_budget(d, count, padded(size)))
        d->src->fixed += padded(count * size);
    return p;
}

static char *take_text(struct dec *d, size_t n)
{
    char *p = d->text;

    if (d->fill)
        d->text += n;
    else if (within_budget(d, n, 1))
        d->src->text += n;
    return p;
}

/* memcpy: scratch has no type of its own. */
static void store(char *base, size_t off, const void *value, size_t n)
{
    memcpy(base + off, value, n);
}

static void store_ptr(const struct dec *d, char *base, size_t off, const void *p)
{
    if (d->fill)
        store(base, off, &p, sizeof p);
}

/* ---- Primitives ---- */

static uint32_t get_u32(ns_reader *s)
{
    ns_get_align(s, 4);
    return ns_get32(s);
}

/* A count, an offset or a pointer: as wide as the syntax has them. */
static uint64_t get_wide(const struct dec *d, ns_reader *s)
{
    bool ndr64 = d->src->format.ndr64;

    ns_get_align(s, ndr64 ? 8 : 4);
    return ndr64 ? ns_get64(s) : ns_get32(s);
}

/* NDR64 pads in places where NDR does not. */
static void get_align64(const struct dec *d, ns_reader *s, size_t multiple)
{
    ns_get_align(s, d->src->format.ndr64 ? multiple : 1);
}

/* ---- Structs ---- */

static void get_part(struct dec *d, const ndr_field *f, bool referents, ns_reader *s,
                     char *base)
{
    const struct dec_ops *ops = dec_ops_of(f);

    (referents ? ops->referents : ops->fixed)(d, f, s, base);
}

static void get_field(struct dec *d, bool referents, ns_reader *s, char *base)
{
    get_part(d, d->place.field, referents, s, base);
    if (d->r.bad && !d->code)
        BROKEN(d, "the data ends here");
}

static void get_struct(struct dec *d, const ndr_type *t, uint32_t index, bool referents,
                       ns_reader *s, char *base)
{
    size_t align = ndr_type_align(t, d->src->format.ndr64);

    d->place = (ndr_place){t, t->fields, index};
    if (d->depth == NDR_DEPTH)
        REFUSE(d, NETSESSION_E_LIMIT, "structs are nested deeper than %d", NDR_DEPTH);
    d->depth++;
    ns_get_align(s, align);
    for (size_t i = 0; i < t->count && !d->code; i++) {
        d->place = (ndr_place){t, &t->fields[i], index};
        get_field(d, referents, s, base);
    }
    get_align64(d, s, align); /* [MS-RPCE] 2.2.5.3.4.1 */
    if (d->r.bad && !d->code)
        BROKEN(d, "the data ends behind this");
    d->depth--;
}

/* Elements of an array, or the one struct that a pointer leads to: all the
 * fixed parts, then all that they point to. */
static void get_structs(struct dec *d, const ndr_type *t, uint32_t count, uint32_t index,
                        char *out)
{
    uint64_t scratch[NDR_SCRATCH / sizeof(uint64_t)] = {0};
    ns_reader s = d->r;
    char *base = d->fill ? out : (char *)scratch;
    size_t step = d->fill ? t->size : 0;

    for (uint32_t i = 0; i < count && !d->code; i++)
        get_struct(d, t, index + i, false, &d->r, base + i * step);
    for (uint32_t i = 0; i < count && !d->code; i++)
        get_struct(d, t, index + i, true, &s, base + i * step);
}

static void get_params(struct dec *d, const ndr_type *t, char *base)
{
    for (size_t i = 0; i < t->count && !d->code; i++) {
        ns_reader s = d->r;

        d->place = (ndr_place){t, &t->fields[i], NDR_NO_INDEX};
        get_field(d, false, &d->r, base);
        d->place = (ndr_place){t, &t->fields[i], NDR_NO_INDEX};
        if (!d->code)
            get_field(d, true, &s, base);
    }
}

/* ---- Kinds ---- */

static void nothing(struct dec *d, const ndr_field *f, ns_reader *s, char *base)
{
    (void)d;
    (void)f;
    (void)s;
    (void)base;
}

static void u32_fixed(struct dec *d, const ndr_field *f, ns_reader *s, char *base)
{
    uint32_t v = get_u32(s);

    (void)d;
    store(base, f->off, &v, sizeof v);
}

static void ptr_fixed(struct dec *d, const ndr_field *f, ns_reader *s, char *base)
{
    (void)f;
    (void)base;
    get_wide(d, s);
}

static void u32_ptr_referents(struct dec *d, const ndr_field *f, ns_reader *s, char *base)
{
    bool present = get_wide(d, s) != 0;
    uint32_t v = present ? get_u32(&d->r) : 0;

    store(base, f->by, &present, sizeof present);
    store(base, f->off, &v, sizeof v);
}

static bool has_nul(const uint8_t *utf16, size_t units)
{
    for (size_t i = 0; i < units; i++)
        if (!utf16[2 * i] && !utf16[2 * i + 1])
            return true;
    return false;
}

/* Maximum, offset, actual count ([C706] 14.3.4.2), all checked; the units,
 * the NUL among them. */
static const uint8_t *get_units(struct dec *d, size_t *units)
{
    uint64_t max = get_wide(d, &d->r);
    uint64_t offset = get_wide(d, &d->r);
    uint64_t actual = get_wide(d, &d->r);

    if (d->r.bad)
        BROKEN(d, "the data ends here");
    else if (actual > ns_left(&d->r) / 2)
        BROKEN(d, "string is longer than the data");
    else if (offset)
        BROKEN(d, "string has an offset");
    else if (actual > max)
        BROKEN(d, "string is longer than its own maximum");
    else if (!actual || !has_nul(d->r.base + d->r.off + 2 * (actual - 1), 1))
        BROKEN(d, "string is not terminated");
    *units = (size_t)actual;
    return d->code ? NULL : ns_take(&d->r, 2 * *units);
}

/* A reference has no identifier on the wire ([C706] 14.3.11.1): s is not used. */
static void string_ref_referents(struct dec *d, const ndr_field *f, ns_reader *s, char *base)
{
    const uint8_t *p;
    size_t units, n;
    char *text;

    (void)s;
    store_ptr(d, base, f->off, NULL);
    if (!(p = get_units(d, &units)))
        return;
    n = ns_utf8_len(p, units - 1, d->r.big);
    if (n == NS_UTF_BAD) {
        BROKEN(d, has_nul(p, units - 1) ? "string has a NUL inside"
                                        : "string is not valid UTF-16");
        return;
    }
    text = take_text(d, n + 1);
    if (d->fill)
        ns_utf8_from(text, p, units - 1, d->r.big);
    store_ptr(d, base, f->off, text);
}

static void string_referents(struct dec *d, const ndr_field *f, ns_reader *s, char *base)
{
    store_ptr(d, base, f->off, NULL);
    if (get_wide(d, s))
        string_ref_referents(d, f, s, base);
}

static void struct_fixed(struct dec *d, const ndr_field *f, ns_reader *s, char *base)
{
    get_struct(d, f->type, NDR_NO_INDEX, false, s, base + f->off);
}

static void struct_referents(struct dec *d, const ndr_field *f, ns_reader *s, char *base)
{
    get_struct(d, f->type, NDR_NO_INDEX, true, s, base + f->off);
}

static void struct_ptr_referents(struct dec *d, const ndr_field *f, ns_reader *s, char *base)
{
    char *p;

    store_ptr(d, base, f->off, NULL);
    if (!get_wide(d, s))
        return;
    p = take_structs(d, 1, f->type->size);
    get_structs(d, f->type, 1, NDR_NO_INDEX, p);
    store_ptr(d, base, f->off, p);
}

/* The array's own maximum must be the count that size_is names, and so many
 * elements must fit into what is left: before anything is done with it. */
static void check_count(struct dec *d, const ndr_field *f, uint32_t count)
{
    uint64_t max = get_wide(d, &d->r);

    if (d->r.bad)
        BROKEN(d, "the data ends here");
    else if (count > ns_left(&d->r) / ndr_least(f->type, d->src->format.ndr64))
        BROKEN(d, "%lu elements are more than the data holds", (unsigned long)count);
    else if (max != count)
        BROKEN(d, "array of %llu, but the count is %lu", (unsigned long long)max,
               (unsigned long)count);
}

static void array_referents(struct dec *d, const ndr_field *f, ns_reader *s, char *base)
{
    uint32_t count = ndr_load32(base, f->by);
    char *p;

    store_ptr(d, base, f->off, NULL);
    if (!get_wide(d, s)) {
        if (count)
            BROKEN(d, "null pointer, but the count is %lu", (unsigned long)count);
        return;
    }
    check_count(d, f, count);
    if (d->code)
        return;
    p = take_structs(d, count, f->type->size);
    get_structs(d, f->type, count, 0, p);
    store_ptr(d, base, f->off, p);
}

/* The tag repeats the discriminant ([C706] 14.3.8). */
static const ndr_field *get_tag(struct dec *d, const ndr_field *f, ns_reader *s,
                                const char *base)
{
    size_t align = ndr_field_align(f, d->src->format.ndr64);
    uint32_t level = ndr_load32(base, f->by), tag;
    const ndr_field *arm = ndr_arm_for(f, level);

    ns_get_align(s, align);
    tag = get_u32(s);
    get_align64(d, s, align);
    if (s->bad)
        return NULL;
    if (tag != level)
        BROKEN(d, "tag %lu, but the level is %lu", (unsigned long)tag, (unsigned long)level);
    else if (!arm)
        BROKEN(d, "no such level: %lu", (unsigned long)level);
    return d->code ? NULL : arm;
}

static void get_arm(struct dec *d, const ndr_field *f, bool referents, ns_reader *s, char *base)
{
    const ndr_field *arm = get_tag(d, f, s, base);

    if (arm)
        get_part(d, arm, referents, s, base);
}

static void union_fixed(struct dec *d, const ndr_field *f, ns_reader *s, char *base)
{
    get_arm(d, f, false, s, base);
}

static void union_referents(struct dec *d, const ndr_field *f, ns_reader *s, char *base)
{
    get_arm(d, f, true, s, base);
}

static const struct dec_ops *dec_ops_of(const ndr_field *f)
{
    static const struct dec_ops ops[] = {
        [NDR_KIND_U32] = {u32_fixed, u32_fixed},
        [NDR_KIND_U32_PTR] = {ptr_fixed, u32_ptr_referents},
        [NDR_KIND_STRING] = {ptr_fixed, string_referents},
        [NDR_KIND_STRING_REF] = {nothing, string_ref_referents},
        [NDR_KIND_STRUCT] = {struct_fixed, struct_referents},
        [NDR_KIND_STRUCT_PTR] = {ptr_fixed, struct_ptr_referents},
        [NDR_KIND_ARRAY] = {ptr_fixed, array_referents},
        [NDR_KIND_UNION] = {union_fixed, union_referents},
        [NDR_KIND_EMPTY] = {nothing, nothing},
    };

    return &ops[f->kind];
}

/* ---- Passes ---- */

static void run(struct dec *d, const ndr_type *type, char *root)
{
    d->r = ns_reader_of(d->src->stub, d->src->len);
    d->r.big = d->src->format.big;
    memset(root, 0, type->size);
    if (type->params) {
        get_params(d, type, root);
    } else {
        ns_reader s = d->r;

        get_struct(d, type, NDR_NO_INDEX, false, &d->r, root);
        if (!d->code)
            get_struct(d, type, NDR_NO_INDEX, true, &s, root);
    }
}

int ndr_measure(ndr_source *src, const ndr_type *type, void *root, netsession_error *err)
{
    struct dec d = {.src = src, .err = err};

    src->fixed = src->text = 0;
    run(&d, type, root);
    if (!d.code && !src->trailing && ns_left(&d.r))
        d.code = ns_fail(err, NETSESSION_E_PROTOCOL, src->layer,
                         "%s: %s: %lu bytes follow the last parameter", src->layer, type->name,
                         (unsigned long)ns_left(&d.r));
    return d.code;
}

void ndr_fill(const ndr_source *src, const ndr_type *type, void *root, void *memory)
{
    netsession_error err = {0};
    ndr_source copy = *src;
    struct dec d = {.src = &copy, .fill = true, .err = &err};

    d.fixed = memory;
    d.text = d.fixed + src->fixed;
    run(&d, type, root);
}
