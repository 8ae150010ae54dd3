#include "base/utf.h"

static uint16_t unit_at(const uint8_t *p, bool big)
{
    return (uint16_t)(big ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

static size_t utf8_size(uint32_t c)
{
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

/* The character at unit *i, which moves behind it. */
static uint32_t utf16_next(const uint8_t *p, size_t units, size_t *i, bool big)
{
    uint32_t hi = unit_at(p + 2 * (*i)++, big), lo;

    if (hi < 0xD800 || hi > 0xDFFF)
        return hi ? hi : NS_UTF_BAD_CHAR;
    if (hi > 0xDBFF || *i == units)
        return NS_UTF_BAD_CHAR;
    lo = unit_at(p + 2 * (*i)++, big);
    if (lo < 0xDC00 || lo > 0xDFFF)
        return NS_UTF_BAD_CHAR;
    return 0x10000 + ((hi - 0xD800) << 10) + (lo - 0xDC00);
}

size_t ns_utf8_len(const uint8_t *utf16, size_t units, bool big)
{
    size_t len = 0;

    for (size_t i = 0; i < units;) {
        uint32_t c = utf16_next(utf16, units, &i, big);

        if (c == NS_UTF_BAD_CHAR)
            return NS_UTF_BAD;
        len += utf8_size(c);
    }
    return len;
}

static size_t utf8_store(char *out, uint32_t c)
{
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t n = utf8_size(c);

    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(lead[n] | c);
    return n;
}

void ns_utf8_from(char *out, const uint8_t *utf16, size_t units, bool big)
{
    for (size_t i = 0; i < units;)
        out += utf8_store(out, utf16_next(utf16, units, &i, big));
    *out = '\0';
}

/* By the first byte: how many follow, and the least value they may make. */
static const struct utf8_form {
    uint8_t mask, lead;
    unsigned tail;
    uint32_t least;
} utf8_forms[] = {
    {0x80, 0x00, 0, 0},
    {0xE0, 0xC0, 1, 0x80},
    {0xF0, 0xE0, 2, 0x800},
    {0xF8, 0xF0, 3, 0x10000},
};

static const struct utf8_form *form_of(uint8_t first)
{
    for (size_t i = 0; i < sizeof utf8_forms / sizeof *utf8_forms; i++)
        if ((first & utf8_forms[i].mask) == utf8_forms[i].lead)
            return &utf8_forms[i];
    return NULL;
}

uint32_t ns_utf8_next(const char **s)
{
    const uint8_t *p = (const uint8_t *)*s;
    const struct utf8_form *f = form_of(*p);
    uint32_t c;

    if (!f)
        return NS_UTF_BAD_CHAR;
    c = *p & (uint8_t)~f->mask;
    for (unsigned i = 1; i <= f->tail; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return NS_UTF_BAD_CHAR;
        c = c << 6 | (p[i] & 0x3F);
    }
    if (c < f->least || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return NS_UTF_BAD_CHAR;
    *s += c ? f->tail + 1 : 0;
    return c;
}

size_t ns_utf16_len(const char *utf8)
{
    size_t units = 0;
    uint32_t c;

    while ((c = ns_utf8_next(&utf8)) != 0) {
        if (c == NS_UTF_BAD_CHAR)
            return NS_UTF_BAD;
        units += c < 0x10000 ? 1 : 2;
    }
    return units;
}

/* Simple case mapping of the scripts that logon names come in; the ranges
 * pair as "lower = upper + step", or alternate (odd is lower when step 1). */
static const struct case_range {
    uint16_t first, last; /* lower-case, both included */
    int16_t delta;        /* to the upper-case one */
    uint8_t stride;
} case_ranges[] = {
    {'a', 'z', -32, 1},      {0xE0, 0xF6, -32, 1},    {0xF8, 0xFE, -32, 1},
    {0xFF, 0xFF, 121, 1},    {0x101, 0x12F, -1, 2},   {0x133, 0x137, -1, 2},
    {0x13A, 0x148, -1, 2},   {0x14B, 0x177, -1, 2},   {0x17A, 0x17E, -1, 2},
    {0x1A1, 0x1A5, -1, 2},   {0x1B0, 0x1B0, -1, 1},   {0x3C2, 0x3C2, -31, 1},
    {0x1CE, 0x1DC, -1, 2},   {0x1DF, 0x1EF, -1, 2},   {0x1F9, 0x21F, -1, 2},
    {0x223, 0x233, -1, 2},   {0x3AC, 0x3AC, -38, 1},  {0x3AD, 0x3AF, -37, 1},
    {0x3B1, 0x3C1, -32, 1},  {0x3C3, 0x3CB, -32, 1},  {0x3CC, 0x3CC, -64, 1},
    {0x3CD, 0x3CE, -63, 1},  {0x430, 0x44F, -32, 1},  {0x450, 0x45F, -80, 1},
    {0x461, 0x481, -1, 2},   {0x48B, 0x4BF, -1, 2},   {0x4D1, 0x52F, -1, 2},
    {0x561, 0x586, -48, 1},  {0x1E01, 0x1E95, -1, 2}, {0x1EA1, 0x1EFF, -1, 2},
    {0x1DD, 0x1DD, -79, 1},  {0x1F5, 0x1F5, -1, 1},   {0x254, 0x254, -206, 1},
    {0x259, 0x259, -202, 1}, {0x25B, 0x25B, -203, 1}, {0x4C2, 0x4CE, -1, 2},
    {0x4CF, 0x4CF, -15, 1},
};

static uint32_t upper(uint32_t c)
{
    for (size_t i = 0; i < sizeof case_ranges / sizeof *case_ranges; i++) {
        const struct case_range *r = &case_ranges[i];

        if (c >= r->first && c <= r->last && (c - r->first) % r->stride == 0)
            return (uint32_t)((int32_t)c + r->delta);
    }
    return c;
}

static void put_char(ns_writer *w, uint32_t c)
{
    if (c < 0x10000) {
        ns_put16(w, (uint16_t)c);
        return;
    }
    ns_put16(w, (uint16_t)(0xD800 + ((c - 0x10000) >> 10)));
    ns_put16(w, (uint16_t)(0xDC00 + ((c - 0x10000) & 0x3FF)));
}

static bool put_string(ns_writer *w, const char *utf8, bool to_upper)
{
    uint32_t c;

    while ((c = ns_utf8_next(&utf8)) != 0) {
        if (c == NS_UTF_BAD_CHAR)
            return false;
        put_char(w, to_upper ? upper(c) : c);
    }
    return true;
}

bool ns_put_utf16(ns_writer *w, const char *utf8)
{
    return put_string(w, utf8, false);
}

bool ns_put_utf16_upper(ns_writer *w, const char *utf8)
{
    return put_string(w, utf8, true);
}
