/* UTF-16LE on the wire, UTF-8 for the caller; both strict: no lone
 * surrogates, no overlong forms, no U+0000 inside a string. */
#ifndef NS_UTF_H
#define NS_UTF_H

#include "base/bytes.h"

#define NS_UTF_BAD ((size_t)-1)

/* Bytes of UTF-8 (without a NUL) that units 16-bit units become, or
 * NS_UTF_BAD.  Integers are in the reader's byte order given by big. */
size_t ns_utf8_len(const uint8_t *utf16, size_t units, bool big);
/* Writes them and a NUL; out has room for ns_utf8_len + 1. */
void ns_utf8_from(char *out, const uint8_t *utf16, size_t units, bool big);

/* 16-bit units (without a NUL) that a UTF-8 string becomes, or NS_UTF_BAD. */
size_t ns_utf16_len(const char *utf8);
/* Appends them, little-endian, no NUL.  False when s is not valid UTF-8. */
bool ns_put_utf16(ns_writer *w, const char *utf8);
/* The same, each character upper-cased as NTLM wants user names: simple case
 * mapping of the Latin, Greek and Cyrillic blocks. */
bool ns_put_utf16_upper(ns_writer *w, const char *utf8);

/* Decodes one character at *s and moves *s behind it; NS_UTF_BAD_CHAR when
 * malformed, 0 at the end. */
#define NS_UTF_BAD_CHAR 0xFFFFFFFFu
uint32_t ns_utf8_next(const char **s);

#endif
