#include <string.h>

#include "auth/kerberos_server.h"
#include "base/utf.h"

/* A backslash before what separates (RFC 1964 section 2.1.1): of "\/" nothing
 * would tell it from a service's "/", and a control character has no place in a
 * name. */
static bool take_char(const char *text, size_t n, size_t *at, char *out)
{
    *out = text[(*at)++];
    if (*out != '\\')
        return *out != '\0';
    if (*at == n)
        return false;
    *out = text[(*at)++];
    return *out == '@' || *out == '\\';
}

bool kerberos_split_name(char *text, size_t n, char **user, char **realm)
{
    size_t at = 0, len = 0;
    bool plain;

    *user = text;
    *realm = NULL;
    while (at < n) {
        plain = text[at] != '\\';
        if (!take_char(text, n, &at, &text[len]))
            return false;
        if (plain && text[len] == '@' && !*realm) {
            text[len] = '\0';
            *realm = text + len + 1;
        }
        len++;
    }
    text[len] = '\0';
    return *realm && **user && **realm && ns_utf16_len(*user) != NS_UTF_BAD &&
           ns_utf16_len(*realm) != NS_UTF_BAD;
}
