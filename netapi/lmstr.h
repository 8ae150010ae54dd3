/* Strings of the Win32 facade: wchar_t (UTF-32) outside, UTF-8 inside. */
#ifndef NS_LMSTR_H
#define NS_LMSTR_H

#include <lm.h>
#include <stdbool.h>

/* The longest name that goes to a server, in UTF-16 units with its NUL
 * ([MS-SRVS] 3.1.4.5). */
#define LM_MAX_NAME 1024

/* A UTF-8 copy in *out, to be freed with lm_strfree; NULL gives NULL.
 * ERROR_INVALID_PARAMETER when s is too long or not valid Unicode. */
DWORD lm_utf8(char **out, const wchar_t *s);
/* The same for a server's name: without leading "\\"; NULL or "" gives
 * "localhost". */
DWORD lm_server(char **out, const wchar_t *s);
/* A copy, or NULL when out of memory. */
char *lm_strdup(const char *s);
/* Wipes and frees.  NULL is allowed. */
void lm_strfree(char *s);

/* Both names, with the ports, of one server.  ASCII letters match in either
 * case; ":445" is as if not there. */
bool lm_same_server(const char *a, const char *b);

/* Characters of a UTF-8 string and its NUL; 0 when malformed. */
size_t lm_wide_size(const char *utf8);
/* Writes them; returns the end. */
wchar_t *lm_wide_put(wchar_t *out, const char *utf8);

#endif
