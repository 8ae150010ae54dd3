#include "netapi/lmstr.h"

#include "base/mem.h"
#include "base/utf.h"

#include <string.h>

_Static_assert(sizeof(wchar_t) == 4, "one wchar_t holds any character");

static bool is_character(wchar_t wc)
{
    uint32_t c = (uint32_t)wc;

    return c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
}

static size_t utf8_size(uint32_t c)
{
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

static char *utf8_put(char *out, uint32_t c)
{
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t n = utf8_size(c);

    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(lead[n] | c);
    return out + n;
}

/* Bytes of s in UTF-8 without a NUL; false when too long or malformed. */
static bool measure(const wchar_t *s, size_t *bytes)
{
    size_t units = 1;

    for (*bytes = 0; *s; s++) {
        if (!is_character(*s))
            return false;
        *bytes += utf8_size((uint32_t)*s);
        units += (uint32_t)*s < 0x10000 ? 1 : 2;
        if (units > LM_MAX_NAME)
            return false;
    }
    return true;
}

DWORD lm_utf8(char **out, const wchar_t *s)
{
    netsession_hooks hooks;
    size_t bytes;
    char *p;

    *out = NULL;
    if (!s)
        return NERR_Success;
    if (!measure(s, &bytes))
        return ERROR_INVALID_PARAMETER;
    ns_hooks_fill(&hooks, NULL);
    if (!(p = *out = ns_alloc(&hooks, bytes + 1)))
        return ERROR_NOT_ENOUGH_MEMORY;
    while (*s)
        p = utf8_put(p, (uint32_t)*s++);
    return NERR_Success;
}

DWORD lm_server(char **out, const wchar_t *s)
{
    if (!s || !*s)
        s = L"localhost";
    else if (s[0] == L'\\' && s[1] == L'\\')
        s += 2;
    return lm_utf8(out, s);
}

char *lm_strdup(const char *s)
{
    netsession_hooks hooks;

    ns_hooks_fill(&hooks, NULL);
    return ns_strdup(&hooks, s, strlen(s));
}

void lm_strfree(char *s)
{
    netsession_hooks hooks;

    ns_hooks_fill(&hooks, NULL);
    ns_strfree(&hooks, s);
}

/* How much of "host", "host:445" or "[v6]:445" is not the default port. */
static size_t name_size(const char *s)
{
    static const char port[] = ":445";
    size_t n = strlen(s), k = sizeof port - 1;

    if (n <= k || strcmp(s + n - k, port) != 0)
        return n;
    return strchr(s, ':') == s + n - k || s[n - k - 1] == ']' ? n - k : n;
}

static int ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

bool lm_same_server(const char *a, const char *b)
{
    size_t n = name_size(a);

    if (n != name_size(b))
        return false;
    for (size_t i = 0; i < n; i++)
        if (ascii_lower(a[i]) != ascii_lower(b[i]))
            return false;
    return true;
}

size_t lm_wide_size(const char *utf8)
{
    size_t n = 1;
    uint32_t c;

    for (; (c = ns_utf8_next(&utf8)) != 0; n++)
        if (c == NS_UTF_BAD_CHAR)
            return 0;
    return n;
}

wchar_t *lm_wide_put(wchar_t *out, const char *utf8)
{
    while ((*out++ = (wchar_t)ns_utf8_next(&utf8)) != 0)
        ;
    return out;
}
