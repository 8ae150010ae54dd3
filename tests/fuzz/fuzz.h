/* What the fuzzers have in common.  MUST, of the rig, says what has to hold. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "base/crypto.h"
#include "tests/test_server_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The memory of one input. */
typedef struct fuzz {
    test_heap heap;
    netsession_hooks hooks;
} fuzz;

void fuzz_begin(fuzz *f);

/* Nothing is left, and at no time was more than this taken. */
int fuzz_end(const fuzz *f, size_t most);

/* Nothing, or a part of the whole. */
bool fuzz_inside(ns_slice part, ns_slice whole);
/* The same bytes, or neither is there. */
bool fuzz_same(ns_slice a, ns_slice b);
/* What it holds; nothing went wrong with it. */
ns_slice fuzz_written(const ns_writer *w);
/* What has not been read. */
ns_slice fuzz_rest(const ns_reader *r);

/* For targets that write what they read, and more of the kind. */
int fuzz_rewrite(void (*check)(ns_slice in, ns_writer *w), const uint8_t *data, size_t size);

/* A failure is told whole, and no success has one. */
void fuzz_told(int rc, const netsession_error *err);

/* In a block of its own, so that a read behind its end is seen; for free(). */
uint8_t *fuzz_copy(const void *p, size_t n);

/* A message behind its transport header, all of it in place but not told yet. */
void fuzz_frame(ns_framer *f, const uint8_t *p, size_t len);

/* Reads an SMB2 message and writes it again behind 64 bytes; part: what it has
 * of variable length, which begins behind the fixed bytes.  False: malformed. */
typedef bool fuzz_smb2(ns_reader r, ns_writer *w, ns_reader *part);

/* What is written of it is read as the same. */
void fuzz_smb2_twice(fuzz_smb2 *read, size_t fixed, ns_slice in, ns_writer *w);

/* talk learns the same from a whole input as from one in pieces. */
int fuzz_pieces(void (*talk)(ns_reader in, bool whole, ns_writer *learnt), const uint8_t *data,
                size_t size);

/* Reads the body of a PDU and writes what it read, as call 7; NULL, or the rule that
 * is broken. */
typedef const char *fuzz_pdu(uint8_t ptype, ns_reader *r, ns_writer *w);
/* What is written of it is read as the same. */
void fuzz_pdu_twice(fuzz_pdu *read, ns_slice in, ns_writer *w);

/* The strings of its rows are UTF-8. */
void fuzz_page(const netsession_page *page);

/* Alice of CORP, whose password is "secret", or nobody. */
auth_params fuzz_user(const netsession_hooks *hooks, bool nobody);

/* A record behind its 16-bit length, or what there is of it. */
ns_slice fuzz_record(ns_reader *in);

/* A PDU behind a byte of flags and its length; by the flags its header is mended, so
 * that it belongs to the call; for free(). */
enum { FUZZ_AS_IT_IS = 1, FUZZ_BIG = 2 };
uint8_t *fuzz_take_pdu(ns_reader *in, uint32_t call_id, uint8_t *flags, size_t *len);

#endif
