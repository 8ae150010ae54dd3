/* Made-up sessions, each computed from a seed and its number alone: a million
 * of them take no memory. */
#ifndef NS_FILL_H
#define NS_FILL_H

#include "srvsvc/server.h"

#define NS_FILL_TEXT 40

typedef struct ns_fill_text {
    char client[NS_FILL_TEXT], user[NS_FILL_TEXT];
} ns_fill_text;

/* Session number id (1 and up); its strings are written to text. */
void ns_fill_make(uint64_t seed, uint32_t id, ns_fill_text *text, srvsvc_session *out);

#endif
