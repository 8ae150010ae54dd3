/* Names of clients, users and shares: lengths, and what equals what. */
#include <string.h>

#include "base/utf.h"
#include "srvsvc/call.h"

bool srvsvc_name_given(const char *name)
{
    return name && *name;
}

bool srvsvc_name_too_long(const char *name)
{
    return name && ns_utf16_len(name) >= SRVSVC_NAME_UNITS;
}

const char *srvsvc_name_client(const char *name)
{
    return strncmp(name, "\\\\", 2) == 0 ? name + 2 : NULL;
}

const char *srvsvc_name_or_empty(const char *name)
{
    return name && !srvsvc_name_too_long(name) ? name : "";
}

uint32_t srvsvc_name_bytes(const char *name)
{
    return 2 * ((uint32_t)ns_utf16_len(name) + 1);
}

static bool is_ascii(char c)
{
    return (unsigned char)c < 0x80;
}

static char ascii_upper(char c)
{
    return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

/* As a Windows server compares: by upper-case UTF-16.  The writers have all
 * the room that they will get, so they do not allocate. */
static bool upper_equal(const char *a, const char *b)
{
    uint8_t x[2 * (SRVSVC_NAME_UNITS - 1)], y[sizeof x];
    ns_writer wx = {.p = x, .cap = sizeof x, .max = sizeof x};
    ns_writer wy = {.p = y, .cap = sizeof y, .max = sizeof y};
    bool valid = ns_put_utf16_upper(&wx, a) && ns_put_utf16_upper(&wy, b);

    return valid && !wx.err && !wy.err && wx.len == wy.len && memcmp(x, y, wx.len) == 0;
}

/* A list of a million is filtered by this: what is plain ASCII, nearly all,
 * is settled at the first character that differs. */
bool srvsvc_name_equal(const char *a, const char *b)
{
    const char *p = a = a ? a : "", *q = b = b ? b : "";

    while (*p && is_ascii(*p) && is_ascii(*q) && ascii_upper(*p) == ascii_upper(*q)) {
        p++;
        q++;
    }
    if (is_ascii(*p) && is_ascii(*q))
        return !*p && !*q && p - a < SRVSVC_NAME_UNITS;
    return upper_equal(a, b);
}
