/* MD4 (RFC 1320), for nothing but the NT hash of a password. */
#ifndef NS_MD4_H
#define NS_MD4_H

#include <stddef.h>
#include <stdint.h>

void ns_md4(const void *data, size_t len, uint8_t out[16]);

#endif
