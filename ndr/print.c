/* C structs as indented text, for logs and tests. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf.h"
#include "ndr/layout.h"

struct pr {
    ns_writer *out;
    unsigned depth;
};

typedef void print_fn(struct pr *p, const ndr_field *f, const char *base);

static void print_field(struct pr *p, const ndr_field *f, const char *base);

NS_PRINTF(2, 3) static void put_text(struct pr *p, const char *fmt, ...)
{
    char text[128];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    ns_put(p->out, text, strlen(text));
}

static void indent(struct pr *p)
{
    for (unsigned i = 0; i < p->depth; i++)
        ns_put(p->out, "    ", 4);
}

static void print_struct(struct pr *p, const ndr_type *t, const char *base)
{
    p->depth++;
    for (size_t i = 0; i < t->count && p->depth <= NDR_DEPTH; i++)
        print_field(p, &t->fields[i], base);
    p->depth--;
}

/* ---- Kinds: each ends its line ---- */

static void print_u32(struct pr *p, const ndr_field *f, const char *base)
{
    put_text(p, "%lu\n", (unsigned long)ndr_load32(base, f->off));
}

static void print_u32_ptr(struct pr *p, const ndr_field *f, const char *base)
{
    if (ndr_load_bool(base, f->by))
        print_u32(p, f, base);
    else
        put_text(p, "NULL\n");
}

/* C0 and C1 controls would reach somebody's terminal. */
static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

static void print_string(struct pr *p, const ndr_field *f, const char *base)
{
    const char *s = ndr_load_ptr(base, f->off), *next;
    uint32_t c;

    if (!s) {
        put_text(p, "NULL\n");
        return;
    }
    ns_put8(p->out, '"');
    for (next = s; (c = ns_utf8_next(&next)) != 0; s = next) {
        bool bad = c == NS_UTF_BAD_CHAR;

        if (bad)
            c = (uint8_t)*next++;
        if (bad || is_control(c))
            put_text(p, "\\x%02x", (unsigned)c);
        else
            ns_put(p->out, s, (size_t)(next - s));
    }
    put_text(p, "\"\n");
}

static void print_nothing(struct pr *p, const ndr_field *f, const char *base)
{
    (void)f;
    (void)base;
    put_text(p, "nothing\n");
}

static void print_inner(struct pr *p, const ndr_field *f, const char *base)
{
    put_text(p, "%s\n", f->type->name);
    print_struct(p, f->type, base + f->off);
}

static void print_struct_ptr(struct pr *p, const ndr_field *f, const char *base)
{
    const char *to = ndr_load_ptr(base, f->off);

    put_text(p, "%s\n", to ? f->type->name : "NULL");
    if (to)
        print_struct(p, f->type, to);
}

static void print_array(struct pr *p, const ndr_field *f, const char *base)
{
    const char *to = ndr_load_ptr(base, f->off);
    uint32_t count = to ? ndr_load32(base, f->by) : 0;

    put_text(p, "%s\n", to ? "array" : "NULL");
    p->depth++;
    for (uint32_t i = 0; i < count && !p->out->err; i++) {
        indent(p);
        put_text(p, "%s[%lu]\n", f->type->name, (unsigned long)i);
        print_struct(p, f->type, to + i * f->type->size);
    }
    p->depth--;
}

static void print_union(struct pr *p, const ndr_field *f, const char *base)
{
    const ndr_field *arm = ndr_arm_for(f, ndr_load32(base, f->by));

    put_text(p, "%s\n", arm ? "union" : "no such level");
    p->depth++;
    if (arm)
        print_field(p, arm, base);
    p->depth--;
}

static void print_field(struct pr *p, const ndr_field *f, const char *base)
{
    static print_fn *const print[] = {
        [NDR_KIND_U32] = print_u32,       [NDR_KIND_U32_PTR] = print_u32_ptr,
        [NDR_KIND_STRING] = print_string, [NDR_KIND_STRUCT] = print_inner,
        [NDR_KIND_ARRAY] = print_array,   [NDR_KIND_STRUCT_PTR] = print_struct_ptr,
        [NDR_KIND_UNION] = print_union,   [NDR_KIND_STRING_REF] = print_string,
        [NDR_KIND_EMPTY] = print_nothing,
    };

    indent(p);
    put_text(p, "%s: ", f->name);
    print[f->kind](p, f, base);
}

void ndr_print(const ndr_type *type, const void *value, ns_writer *out)
{
    struct pr p = {.out = out};

    put_text(&p, "%s\n", type->name);
    print_struct(&p, type, value);
}
