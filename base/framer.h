/*
 * Cuts a byte stream into frames whose length stands in a fixed header: the
 * 4-byte transport header of SMB2 and the 16-byte header of DCE/RPC alike.
 * Memory grows with the bytes that arrive, not with the length announced.
 */
#ifndef NS_FRAMER_H
#define NS_FRAMER_H

#include "base/bytes.h"

/* The whole frame's length, header included, from its header; at least the
 * header's own size.  A negative code refuses the frame. */
typedef int ns_frame_length(const uint8_t *header, size_t *total);

typedef struct ns_framer {
    ns_writer buf; /* the frame so far */
    size_t header; /* bytes in a header */
    ns_frame_length *length;
    size_t total; /* of this frame; 0 until the header is whole */
    size_t room;  /* last handed out by ns_framer_room */
} ns_framer;

void ns_framer_init(ns_framer *f, const netsession_hooks *hooks, size_t header,
                    ns_frame_length *length, size_t max);
void ns_framer_free(ns_framer *f);
/* Where the next bytes of the frame belong and how many at most; NULL when
 * out of memory. */
void *ns_framer_room(ns_framer *f, size_t *room);
/* n <= room bytes were placed there.  1: a frame is complete, at
 * f->buf.p, f->buf.len; 0: more is needed; negative: refused. */
int ns_framer_ack(ns_framer *f, size_t n);
/* Done with the complete frame. */
void ns_framer_next(ns_framer *f);

#endif
