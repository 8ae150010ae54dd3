/* What the tests of both halves of dcerpc/ have in common: PDUs written by hand,
 * in either byte order, and a recorded exchange. */
#ifndef TESTS_DCERPC_RIG_H
#define TESTS_DCERPC_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* UUIDs in little-endian wire order. */
#define RPC_NDR32 "\x04\x5D\x88\x8A\xEB\x1C\xC9\x11\x9F\xE8\x08\x00\x2B\x10\x48\x60"
#define RPC_NDR64 "\x33\x05\x71\x71\xBA\xBE\x37\x49\x83\x19\xB5\xDB\xEF\x9C\xCC\x36"

/* What the other end sends: PDUs one behind the other. */
extern struct wire {
    uint8_t b[600000];
    size_t n;
    size_t start; /* of the PDU being written */
    bool big;
} wire;

void pdu_put(unsigned long v, size_t size);
void pdu_bytes(const void *p, size_t n);
void pdu_uuid(const char *uuid); /* 16 bytes, in wire order */
/* The header, and its length field at the end. */
void pdu_begin(unsigned ptype, unsigned flags, unsigned long call_id);
void pdu_complete(void);
/* Writes over what is at off in the PDU. */
void pdu_set(size_t off, unsigned long v, size_t size);

/* A Windows client and a Windows server, recorded (OTRF, MIT licence), in hex. */
extern const char recorded_bind[], recorded_ack[], recorded_request[], recorded_response[];

#endif
