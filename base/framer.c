#include "base/framer.h"

/* Space is made in steps, so that a peer must send what it announced before
 * memory is spent on it. */
#define STEP 65536u

void ns_framer_init(ns_framer *f, const netsession_hooks *hooks, size_t header,
                    ns_frame_length *length, size_t max)
{
    *f = (ns_framer){.header = header, .length = length};
    ns_writer_init(&f->buf, hooks, max);
}

void ns_framer_free(ns_framer *f)
{
    ns_writer_free(&f->buf);
}

void *ns_framer_room(ns_framer *f, size_t *room)
{
    size_t want = (f->total ? f->total : f->header) - f->buf.len;
    uint8_t *p;

    f->room = want < STEP ? want : STEP;
    p = ns_put_space(&f->buf, f->room);
    f->buf.len -= p ? f->room : 0;
    *room = p ? f->room : 0;
    return p;
}

int ns_framer_ack(ns_framer *f, size_t n)
{
    int rc;

    if (n > f->room)
        return NETSESSION_E_ARGUMENT;
    f->room -= n;
    f->buf.len += n;
    if (!f->total && f->buf.len == f->header) {
        rc = f->length(f->buf.p, &f->total);
        if (rc < 0)
            return rc;
        if (f->total > f->buf.max)
            return NETSESSION_E_LIMIT;
    }
    return f->total && f->buf.len == f->total;
}

void ns_framer_next(ns_framer *f)
{
    ns_writer_reset(&f->buf);
    f->total = 0;
}
