#define _XOPEN_SOURCE 700 /* wcwidth, wcswidth */
#include "tools/output.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

/* ---- UTF-8 ---- */

/* By the first byte: how long, and the least value it may make. */
static const struct form {
    unsigned char mask, lead;
    unsigned size;
    uint32_t least;
} forms[] = {
    {0x80, 0x00, 1, 0},
    {0xE0, 0xC0, 2, 0x80},
    {0xF0, 0xE0, 3, 0x800},
    {0xF8, 0xF0, 4, 0x10000},
};

static uint32_t tail_bits(const unsigned char *s, unsigned size, uint32_t c)
{
    for (unsigned i = 1; i < size; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return UINT32_MAX;
        c = c << 6 | (s[i] & 0x3F);
    }
    return c;
}

/* Bytes that make the character *c; 0 when they make none, or a surrogate. */
static unsigned utf8_next(const unsigned char *s, uint32_t *c)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const struct form *f = &forms[i];

        if ((*s & f->mask) != f->lead)
            continue;
        *c = tail_bits(s, f->size, *s & (unsigned char)~f->mask);
        return *c >= f->least && *c <= 0x10FFFF && *c >> 11 != 0x1B ? f->size : 0;
    }
    return 0;
}

char *text_utf8(const char *s)
{
    static const char none[] = "\xEF\xBF\xBD"; /* U+FFFD */
    size_t n = strlen(s), i = 0;
    char *out = n < SIZE_MAX / 3 ? malloc(3 * n + 1) : NULL;
    uint32_t c;

    while (out && *s) {
        unsigned used = utf8_next((const unsigned char *)s, &c);

        memcpy(out + i, used ? s : none, used ? used : 3);
        i += used ? used : 3;
        s += used ? used : 1;
    }
    if (out)
        out[i] = '\0';
    return out;
}

/* ---- What a terminal may be shown ---- */

/* Printable by the locale's tables, and yet they hide or reorder text. */
static const struct range {
    uint32_t first, last;
} hidden[] = {
    {0x00AD, 0x00AD}, {0x061C, 0x061C}, {0x180E, 0x180E}, {0x200B, 0x200F},   {0x2028, 0x202E},
    {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF},
};

static bool encodes(wchar_t c)
{
    char bytes[MB_LEN_MAX];
    mbstate_t state;

    memset(&state, 0, sizeof state);
    return wcrtomb(bytes, c, &state) != (size_t)-1;
}

static bool prints(uint32_t c)
{
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (c >= hidden[i].first && c <= hidden[i].last)
            return false;
    return iswprint((wint_t)c) && wcwidth((wchar_t)c) >= 0 && encodes((wchar_t)c);
}

/* "\x1b" and so on: at most 10 characters. */
static wchar_t *escape(wchar_t *out, uint32_t c)
{
    const char *form = c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x";
    char text[16];

    snprintf(text, sizeof text, form, (unsigned)c);
    for (const char *p = text; *p; p++)
        *out++ = (wchar_t)*p;
    return out;
}

wchar_t *text_clean(const char *s)
{
    size_t n = strlen(s);
    wchar_t *clean = n < SIZE_MAX / 4 / sizeof *clean ? calloc(4 * n + 1, sizeof *clean) : NULL;
    wchar_t *out = clean;

    while (clean && *s) {
        uint32_t c = (unsigned char)*s;
        unsigned used = utf8_next((const unsigned char *)s, &c);

        if (used && prints(c))
            *out++ = (wchar_t)c;
        else
            out = escape(out, used ? c : (unsigned char)*s);
        s += used ? used : 1;
    }
    return clean;
}

size_t text_width(const wchar_t *s)
{
    int width = wcswidth(s, wcslen(s));

    return width < 0 ? wcslen(s) : (size_t)width;
}

/* ---- Durations ---- */

static const struct unit {
    uint32_t seconds;
    char name;
} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};

void text_duration(char out[TEXT_DURATION], uint32_t seconds)
{
    size_t i = 0, n;

    if (seconds > INT32_MAX) {
        memcpy(out, "-", sizeof "-");
        return;
    }
    while (seconds < units[i].seconds && units[i].seconds > 1)
        i++;
    n = (size_t)snprintf(out, TEXT_DURATION, "%u%c", seconds / units[i].seconds, units[i].name);
    if (units[i].seconds > 1)
        snprintf(out + n, TEXT_DURATION - n, " %u%c",
                 seconds % units[i].seconds / units[i + 1].seconds, units[i + 1].name);
}
