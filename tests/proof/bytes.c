/*
 * What the reader and the writer of base/bytes.c promise, for every length,
 * offset and state; tests/proof/run.sh has Frama-C prove it.  Who keeps the
 * "requires" gets the "ensures", nothing outside of the bytes given or
 * allocated is read or written on the way, and no signed number overflows.
 *
 * Trusted: that ns_alloc, ns_free, memcpy, memmove and memset do what is said
 * of them here; that what ns_alloc gives is apart from all else, which is why
 * memcpy never has ranges that overlap; Frama-C and Z3.
 */
#include "base/bytes.h"

/*@ predicate holds{L}(uint8_t *p, integer n) = n == 0 || \valid{L}(p + (0 .. n - 1));
  @ predicate holds_read{L}(uint8_t *p, integer n) =
  @     n == 0 || \valid_read{L}(p + (0 .. n - 1));
  @
  @ predicate reader{L}(ns_reader *r) =
  @     \valid{L}(r) && 0 <= r->off <= r->len && (r->base == \null || holds_read{L}(r->base, r->len));
  @ predicate writer{L}(ns_writer *w) =
  @     \valid{L}(w) && 0 <= w->len <= w->max && w->len <= w->cap &&
  @     (w->p == \null ? w->cap == 0 : holds{L}(w->p, w->cap));
  @*/

/* ---- What it calls ---- */

/*@ requires size > 0;
  @ assigns \result \from size;
  @ ensures \result == \null || \valid((uint8_t *)\result + (0 .. size - 1));
  @*/
void *ns_alloc(const netsession_hooks *hooks, size_t size);

/*@ assigns \nothing; */
void ns_free(const netsession_hooks *hooks, void *ptr, size_t size);

/*@ requires holds(to, n) && holds_read(from, n);
  @ assigns to[0 .. n - 1] \from from[0 .. n - 1];
  @*/
void proof_memcpy(uint8_t *to, const uint8_t *from, size_t n);

/*@ requires holds(to, n) && holds_read(from, n);
  @ assigns to[0 .. n - 1] \from from[0 .. n - 1];
  @*/
void proof_memmove(uint8_t *to, const uint8_t *from, size_t n);

/*@ requires holds(to, n);
  @ assigns to[0 .. n - 1] \from c;
  @ ensures \forall integer i; 0 <= i < n ==> to[i] == (uint8_t)c;
  @*/
void proof_memset(uint8_t *to, int c, size_t n);

/* ---- Reader ---- */

/*@ requires base == \null || holds_read((uint8_t *)base, len);
  @ assigns \nothing;
  @ ensures \result.base == base && \result.len == len && \result.off == 0;
  @ ensures !\result.bad && !\result.big;
  @*/
ns_reader ns_reader_of(const void *base, size_t len);

/*@ requires reader(r);
  @ assigns \nothing;
  @ ensures \result == r->len - r->off;
  @*/
size_t ns_left(const ns_reader *r);

/*@ requires reader(r);
  @ assigns r->off, r->bad;
  @ ensures reader(r);
  @ ensures !r->bad <==> !\old(r->bad) && n <= r->len - \old(r->off);
  @ ensures !r->bad ==> r->off == \old(r->off) + n;
  @ ensures r->bad ==> r->off == \old(r->off) && \result == \null;
  @ ensures \result != \null ==> !r->bad && \result == r->base + \old(r->off) && holds_read(\result, n);
  @ ensures !r->bad && r->base != \null ==> \result != \null;
  @*/
const uint8_t *ns_take(ns_reader *r, size_t n);

/*@ requires reader(r) && 1 <= size <= 8;
  @ assigns r->off, r->bad;
  @ ensures reader(r);
  @ ensures r->bad ==> \result == 0 && r->off == \old(r->off);
  @ ensures !r->bad ==> r->off == \old(r->off) + size;
  @*/
static uint64_t get_int(ns_reader *r, unsigned size);

/*@ requires reader(r);
  @ assigns r->off, r->bad;
  @ ensures reader(r) && (r->bad ==> \result == 0 && r->off == \old(r->off));
  @ ensures !r->bad ==> r->off == \old(r->off) + 1;
  @*/
uint8_t ns_get8(ns_reader *r);

/*@ requires reader(r);
  @ assigns r->off, r->bad;
  @ ensures reader(r) && (r->bad ==> \result == 0 && r->off == \old(r->off));
  @ ensures !r->bad ==> r->off == \old(r->off) + 2;
  @*/
uint16_t ns_get16(ns_reader *r);

/*@ requires reader(r);
  @ assigns r->off, r->bad;
  @ ensures reader(r) && (r->bad ==> \result == 0 && r->off == \old(r->off));
  @ ensures !r->bad ==> r->off == \old(r->off) + 4;
  @*/
uint32_t ns_get32(ns_reader *r);

/*@ requires reader(r);
  @ assigns r->off, r->bad;
  @ ensures reader(r) && (r->bad ==> \result == 0 && r->off == \old(r->off));
  @ ensures !r->bad ==> r->off == \old(r->off) + 8;
  @*/
uint64_t ns_get64(ns_reader *r);

/*@ requires reader(r);
  @ assigns r->off, r->bad;
  @ ensures reader(r) && (r->bad ==> r->off == \old(r->off));
  @ ensures !r->bad <==> !\old(r->bad) && n <= r->len - \old(r->off);
  @ ensures !r->bad ==> r->off == \old(r->off) + n;
  @ ensures r->off >= \old(r->off);
  @*/
void ns_skip(ns_reader *r, size_t n);

/*@ requires reader(r);
  @ assigns r->off, r->bad;
  @ ensures reader(r) && r->off >= \old(r->off);
  @*/
void ns_get_align(ns_reader *r, size_t multiple);

/*@ requires reader(r) && holds((uint8_t *)out, n);
  @ requires \separated((uint8_t *)out + (0 .. n - 1), r, r->base + (0 .. r->len - 1));
  @ assigns r->off, r->bad, ((uint8_t *)out)[0 .. n - 1];
  @ ensures reader(r);
  @ ensures r->bad ==> \forall integer i; 0 <= i < n ==> ((uint8_t *)out)[i] == 0;
  @*/
void ns_get_bytes(ns_reader *r, void *out, size_t n);

/*@ requires reader(r);
  @ assigns r->bad;
  @ ensures reader(r) && \result.off == 0 && \result.bad == r->bad;
  @ ensures \result.base == \null || holds_read(\result.base, \result.len);
  @ ensures !r->bad <==> !\old(r->bad) && off <= r->len && len <= r->len - off;
  @ ensures r->bad ==> \result.len == 0;
  @ ensures !r->bad ==> \result.len == len;
  @*/
ns_reader ns_sub(ns_reader *r, size_t off, size_t len);

/* ---- Writer ---- */

/*@ requires \valid(w);
  @ assigns *w;
  @ ensures writer(w) && w->len == 0 && w->max == max && w->err == 0;
  @*/
void ns_writer_init(ns_writer *w, const netsession_hooks *hooks, size_t max);

/*@ requires writer(w);
  @ assigns w->p, w->len, w->cap;
  @ ensures writer(w) && w->len == 0 && w->cap == 0;
  @*/
void ns_writer_free(ns_writer *w);

/*@ requires writer(w);
  @ assigns w->len, w->err;
  @ ensures writer(w) && w->len == 0 && w->err == 0;
  @*/
void ns_writer_reset(ns_writer *w);

/*@ requires writer(w) && w->len <= want <= w->max;
  @ assigns w->p, w->cap;
  @ ensures writer(w);
  @ ensures \result ==> w->cap >= want && w->p != \null;
  @ ensures !\result ==> w->p == \old(w->p) && w->cap == \old(w->cap);
  @*/
static bool grow(ns_writer *w, size_t want);

/*@ requires writer(w);
  @ assigns w->p, w->len, w->cap, w->err, w->p[0 .. w->cap - 1];
  @ ensures writer(w);
  @ ensures \old(w->err) ==> w->err == \old(w->err);
  @ ensures \result == \null <==> w->err != 0;
  @ ensures n > w->max - \old(w->len) ==> w->err != 0;
  @ ensures w->err ==> w->len == \old(w->len);
  @ ensures w->len >= \old(w->len);
  @ ensures !w->err ==> w->len == \old(w->len) + n && \result == w->p + \old(w->len);
  @ ensures !w->err ==> holds(\result, n);
  @*/
uint8_t *ns_put_space(ns_writer *w, size_t n);

/*@ requires writer(w);
  @ ensures writer(w) && w->len == \old(w->len) + (w->err ? 0 : 1);
  @*/
void ns_put8(ns_writer *w, uint8_t v);

/*@ requires writer(w);
  @ ensures writer(w) && w->len == \old(w->len) + (w->err ? 0 : 2);
  @*/
void ns_put16(ns_writer *w, uint16_t v);

/*@ requires writer(w);
  @ ensures writer(w) && w->len == \old(w->len) + (w->err ? 0 : 4);
  @*/
void ns_put32(ns_writer *w, uint32_t v);

/*@ requires writer(w);
  @ ensures writer(w) && w->len == \old(w->len) + (w->err ? 0 : 8);
  @*/
void ns_put64(ns_writer *w, uint64_t v);

/*@ requires writer(w) && holds_read((uint8_t *)bytes, n);
  @ ensures writer(w) && w->len == \old(w->len) + (w->err ? 0 : n);
  @*/
void ns_put(ns_writer *w, const void *bytes, size_t n);

/*@ requires writer(w);
  @ ensures writer(w) && w->len >= \old(w->len);
  @*/
void ns_put_align(ns_writer *w, size_t origin, size_t multiple);

/*@ requires writer(w) && (w->err || (off <= w->len && w->len - off >= 2));
  @ assigns w->p[off .. off + 1];
  @ ensures writer(w);
  @*/
void ns_set16(ns_writer *w, size_t off, uint16_t v);

/*@ requires writer(w) && (w->err || (off <= w->len && w->len - off >= 4));
  @ assigns w->p[off .. off + 3];
  @ ensures writer(w);
  @*/
void ns_set32(ns_writer *w, size_t off, uint32_t v);

/*@ requires writer(w) && n <= w->len;
  @ assigns w->len, w->p[0 .. w->len - 1];
  @ ensures writer(w) && w->len == \old(w->len) - n;
  @*/
void ns_writer_drop(ns_writer *w, size_t n);

/* ---- Loose integers ---- */

/*@ requires holds_read(p, 2);
  @ assigns \nothing;
  @*/
uint16_t ns_le16(const uint8_t *p);

/*@ requires holds_read(p, 4);
  @ assigns \nothing;
  @*/
uint32_t ns_le32(const uint8_t *p);

/*@ requires holds_read(p, 8);
  @ assigns \nothing;
  @*/
uint64_t ns_le64(const uint8_t *p);

/*@ requires holds(p, 2);
  @ assigns p[0 .. 1];
  @*/
void ns_store16(uint8_t *p, uint16_t v);

/*@ requires holds(p, 4);
  @ assigns p[0 .. 3];
  @*/
void ns_store32(uint8_t *p, uint32_t v);

/*@ requires holds(p, 8);
  @ assigns p[0 .. 7];
  @*/
void ns_store64(uint8_t *p, uint64_t v);

/*@ requires holds(p, 4);
  @ assigns p[0 .. 3];
  @*/
void ns_store32be(uint8_t *p, uint32_t v);
