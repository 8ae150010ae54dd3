/*
 * One reader and one writer for bytes.  Every bounds check of the reader is
 * in ns_take, of the writer in ns_put_space; both remember the first failure,
 * so a parser reads as the layout it parses and asks once at the end.
 */
#ifndef NS_BYTES_H
#define NS_BYTES_H

#include <stdbool.h>

#include "base/mem.h"

/* ---- Reader ---- */

typedef struct ns_reader {
    const uint8_t *base;
    size_t len; /* bytes at base */
    size_t off; /* next byte; off <= len always */
    bool big;   /* integers are big-endian (DCE/RPC data representation) */
    bool bad;   /* something was out of bounds; all reads now give 0 */
} ns_reader;

ns_reader ns_reader_of(const void *base, size_t len);
size_t ns_left(const ns_reader *r);
/* The next n bytes, or NULL and bad. */
const uint8_t *ns_take(ns_reader *r, size_t n);
uint8_t ns_get8(ns_reader *r);
uint16_t ns_get16(ns_reader *r);
uint32_t ns_get32(ns_reader *r);
uint64_t ns_get64(ns_reader *r);
void ns_skip(ns_reader *r, size_t n);
/* Skips to the next multiple (a power of two) counted from base. */
void ns_get_align(ns_reader *r, size_t multiple);
void ns_get_bytes(ns_reader *r, void *out, size_t n);
/* A reader over len bytes at offset off from base; bad if they are not all
 * there.  Same byte order.  The parent is marked bad too. */
ns_reader ns_sub(ns_reader *r, size_t off, size_t len);

/* ---- Writer ---- */

typedef struct ns_writer {
    const netsession_hooks *hooks;
    uint8_t *p;
    size_t len;
    size_t cap;
    size_t max; /* longest it may grow */
    int err;    /* 0, NETSESSION_E_MEMORY or NETSESSION_E_LIMIT; sticky */
} ns_writer;

void ns_writer_init(ns_writer *w, const netsession_hooks *hooks, size_t max);
void ns_writer_free(ns_writer *w);  /* wipes; usable again after init */
void ns_writer_reset(ns_writer *w); /* empties, keeps the memory, clears err */
/* n zeroed bytes at the end, or NULL and err.  The pointer is valid until
 * the next write. */
uint8_t *ns_put_space(ns_writer *w, size_t n);
void ns_put8(ns_writer *w, uint8_t v);
void ns_put16(ns_writer *w, uint16_t v);
void ns_put32(ns_writer *w, uint32_t v);
void ns_put64(ns_writer *w, uint64_t v);
/* bytes are none of w's own. */
void ns_put(ns_writer *w, const void *bytes, size_t n);
/* Zeros up to the next multiple (a power of two) counted from origin. */
void ns_put_align(ns_writer *w, size_t origin, size_t multiple);
/* Fill in what was left open at off; off + size must be written already. */
void ns_set16(ns_writer *w, size_t off, uint16_t v);
void ns_set32(ns_writer *w, size_t off, uint32_t v);
/* Drops the first n bytes. */
void ns_writer_drop(ns_writer *w, size_t n);

/* ---- Loose integers, little-endian unless the name says otherwise ---- */

uint16_t ns_le16(const uint8_t *p);
uint32_t ns_le32(const uint8_t *p);
uint64_t ns_le64(const uint8_t *p);
void ns_store16(uint8_t *p, uint16_t v);
void ns_store32(uint8_t *p, uint32_t v);
void ns_store64(uint8_t *p, uint64_t v);
void ns_store32be(uint8_t *p, uint32_t v);

#endif
