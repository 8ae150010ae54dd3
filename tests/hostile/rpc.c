/* Faults 86 to 104: the PDUs of DCE/RPC ([C706] 12.6, [MS-RPCE] 2.2.2). */
#include <string.h>

#include "tests/hostile/hostile.h"

/* Offsets in a PDU: of any, of a response, of a bind_ack. */
enum {
    P_VERSION = 0,
    P_TYPE = 2,
    P_FLAGS = 3,
    P_ORDER = 4,
    P_FRAG_LENGTH = 8,
    P_AUTH_LENGTH = 10,
    P_CALL_ID = 12,
    P_HINT = 16,
    P_CONTEXT = 20,
    P_MAX_XMIT = 16,
    P_MAX_RECV = 18
};

#define MANY_ROWS 200

/* ---- Fields ---- */

static void longer(liar *l, ns_writer *w)
{
    (void)l;
    ns_set16(w, P_FRAG_LENGTH, (uint16_t)(w->len + 16));
}

static void shorter(liar *l, ns_writer *w)
{
    (void)l;
    ns_set16(w, P_FRAG_LENGTH, (uint16_t)(w->len - 16));
}

static void other_version(liar *l, ns_writer *w)
{
    static const uint16_t versions[] = {0x0000, 0x0004, 0x0006, 0x0105, 0x00FF, 0xFF05};

    ns_set16(w, P_VERSION, versions[l->step]);
}

/* All other types that there are, and some that there are not. */
static void other_type(liar *l, ns_writer *w)
{
    static const uint8_t types[] = {0,  1,  4,  5,  6,  7,  8,  9,  10, 11,
                                    12, 13, 14, 15, 16, 17, 18, 19, 20, 255};

    set8(w, P_TYPE, types[l->step]);
}

static void swap(ns_writer *w, size_t at, size_t n)
{
    for (size_t i = 0; i < n / 2 && at + n <= w->len; i++) {
        uint8_t b = w->p[at + i];

        w->p[at + i] = w->p[at + n - 1 - i];
        w->p[at + n - 1 - i] = b;
    }
}

/* The second fragment is well-formed, but big-endian. */
static void swapped(liar *l, ns_writer *w)
{
    if (!l->pdus)
        return;
    set8(w, P_ORDER, 0);
    swap(w, P_FRAG_LENGTH, 2);
    swap(w, P_AUTH_LENGTH, 2);
    swap(w, P_CALL_ID, 4);
    swap(w, P_HINT, 4);
    swap(w, P_CONTEXT, 2);
}

/* ---- Fragments ---- */

static void not_first(liar *l, ns_writer *w)
{
    (void)l;
    set8(w, P_FLAGS, w->p[P_FLAGS] & ~(unsigned)RPC_FIRST_FRAG);
}

static void always_first(liar *l, ns_writer *w)
{
    (void)l;
    set8(w, P_FLAGS, w->p[P_FLAGS] | RPC_FIRST_FRAG);
}

static void not_last(liar *l, ns_writer *w)
{
    (void)l;
    set8(w, P_FLAGS, w->p[P_FLAGS] & ~(unsigned)RPC_LAST_FRAG);
}

static void put_fragment(liar *l, ns_writer *w, size_t len)
{
    static const uint8_t zeros[4000];
    const rpc_response rsp = {.context_id = l->context, .stub = zeros, .len = len};

    l->endless = true;
    w->len = 0;
    rpc_put_response(w, l->pdus ? 0 : RPC_FIRST_FRAG, l->call_id, &rsp);
}

static void empty_without_end(liar *l, ns_writer *w)
{
    put_fragment(l, w, l->pdus ? 0 : 8);
}

static void empty_from_first(liar *l, ns_writer *w)
{
    put_fragment(l, w, 0);
}

static void full_without_end(liar *l, ns_writer *w)
{
    put_fragment(l, w, 4000);
}

/* Two answers in one message of the pipe. */
static void twice(liar *l, ns_writer *w)
{
    uint8_t copy[8192];
    size_t len = w->len;

    (void)l;
    MUST(len <= sizeof copy);
    memcpy(copy, w->p, len);
    ns_put(w, copy, len);
}

/* ---- Security that nobody agreed on: 12.6.3, sec_trailer ---- */

static void add_verifier(ns_writer *w, unsigned level, unsigned padding)
{
    ns_put_align(w, 0, 4);
    ns_put8(w, 10); /* NTLM */
    ns_put8(w, (uint8_t)level);
    ns_put8(w, (uint8_t)padding);
    ns_put8(w, 0);
    ns_put32(w, 0);
    (void)ns_put_space(w, 16);
    ns_set16(w, P_AUTH_LENGTH, 16);
    ns_set16(w, P_FRAG_LENGTH, (uint16_t)w->len);
}

static void padded_verifier(liar *l, ns_writer *w)
{
    (void)l;
    add_verifier(w, 6, 255);
}

static void verifier_of_level(liar *l, ns_writer *w)
{
    add_verifier(w, l->step, 0);
}

/* ---- Refusals ---- */

static void nak(liar *l, ns_writer *w)
{
    static const uint16_t reasons[] = {RPC_NAK_UNSPECIFIED, RPC_NAK_LOCAL_LIMIT,
                                       RPC_NAK_PROTOCOL, RPC_NAK_AUTH_TYPE, 0xFFFF};

    w->len = 0;
    rpc_put_bind_nak(w, l->call_id, reasons[l->step]);
}

static void reject(liar *l, ns_writer *w)
{
    const rpc_bind_head head = {
        .max_xmit = 4280, .max_recv = 4280, .assoc_group = 7, .count = 1};
    const rpc_context_result res = {.result = RPC_PROVIDER_REJECTION,
                                    .reason = (uint16_t)l->step};
    size_t start;

    w->len = 0;
    start = rpc_begin_ack(w, RPC_BIND_ACK, RPC_WHOLE, l->call_id, &head, "\\PIPE\\srvsvc");
    rpc_put_result(w, &res);
    rpc_end_pdu(w, start);
}

static void put_the_fault(const liar *l, ns_writer *w, uint32_t status)
{
    w->len = 0;
    rpc_put_fault(w, 0, l->call_id, &(rpc_fault){.context_id = l->context, .status = status});
}

/* In place of the second fragment. */
static void fault_midway(liar *l, ns_writer *w)
{
    size_t len = 0;

    if (l->pdus != 1)
        return;
    put_the_fault(l, w, RPC_FAULT_OUT_TOO_BIG);
    while (rpc_server_output(&l->rpc, &len)) /* the rest is never told */
        rpc_server_output_ack(&l->rpc, len);
}

/* [MS-RPCE] 3.3.3.5.1 */
static void forbidden_fault(liar *l, ns_writer *w)
{
    static const uint32_t statuses[] = {0, 0x80000003, 0xC0000005, 0xC00000FD, 0xC0000420};

    put_the_fault(l, w, statuses[l->step]);
}

static void small_fragments(liar *l, ns_writer *w)
{
    static const uint16_t sizes[] = {0, 1, 16, 1431};

    ns_set16(w, l->step < 4 ? P_MAX_XMIT : P_MAX_RECV, sizes[l->step % 4]);
}

static void large_fragments(liar *l, ns_writer *w)
{
    ns_set16(w, l->step ? P_MAX_RECV : P_MAX_XMIT, 0xFFFF);
}

#define BROKEN .code = NETSESSION_E_PROTOCOL, .layer = "rpc"
#define LATE   .code = NETSESSION_E_TIMEOUT, .layer = "tcp"
#define NO     .code = NETSESSION_E_REFUSED, .layer = "rpc"
#define POKED(offset, size, what)                                                              \
    .pdu = lie_poke_pdu, .poke = {.at = (offset), .width = (size), .value = (what)}

const fault rpc_faults[] = {
    {.number = "86",
     .name = "frag_length 0",
     .sent = "a response of length 0",
     .at = AT_CALL,
     POKED(P_FRAG_LENGTH, 2, 0),
     BROKEN},
    {.number = "86b",
     .name = "frag_length 0 of the bind_ack",
     .sent = "a bind_ack of length 0",
     .at = AT_BIND,
     POKED(P_FRAG_LENGTH, 2, 0),
     BROKEN},
    {.number = "87",
     .name = "frag_length 15",
     .sent = "a response of length 15",
     .at = AT_CALL,
     POKED(P_FRAG_LENGTH, 2, 15),
     BROKEN},
    {.number = "87b",
     .name = "frag_length shorter than the data",
     .sent = "a response of 16 bytes less, which follow it all the same",
     .at = AT_CALL,
     .pdu = shorter,
     BROKEN},
    {.number = "88",
     .name = "frag_length 65535",
     .sent = "a response of length 65535",
     .at = AT_CALL,
     POKED(P_FRAG_LENGTH, 2, 0xFFFF),
     BROKEN},
    {.number = "89",
     .name = "frag_length longer than the data",
     .sent = "a response of 16 bytes more, which do not come",
     .at = AT_CALL,
     .pdu = longer,
     LATE},
    {.number = "90",
     .name = "wrong version",
     .sent = "versions 0.0, 4.0, 6.0, 5.1, 255.0, 5.255",
     .at = AT_CALL,
     .pdu = other_version,
     .sweep = EACH_CASE,
     .cases = 6,
     BROKEN},
    {.number = "91",
     .name = "byte order switched mid-call",
     .sent = "a second fragment that is big-endian",
     .at = AT_CALL,
     .pdu = swapped,
     .always = true,
     .rows = MANY_ROWS,
     BROKEN},
    {.number = "91b",
     .name = "a byte order that does not exist",
     .sent = "data representation 0x77",
     .at = AT_CALL,
     POKED(P_ORDER, 1, 0x77),
     BROKEN},
    {.number = "92",
     .name = "wrong packet type",
     .sent = "20 types in place of a response",
     .at = AT_CALL,
     .pdu = other_type,
     .sweep = EACH_CASE,
     .cases = 20,
     BROKEN},
    {.number = "92b",
     .name = "wrong packet type for the bind",
     .sent = "a response in place of a bind_ack",
     .at = AT_BIND,
     POKED(P_TYPE, 1, RPC_RESPONSE),
     BROKEN},
    {.number = "93",
     .name = "wrong call id",
     .sent = "a response to call 77",
     .at = AT_CALL,
     POKED(P_CALL_ID, 4, 77),
     BROKEN},
    {.number = "93b",
     .name = "two answers",
     .sent = "the response twice in one message",
     .at = AT_CALL,
     .pdu = twice,
     BROKEN},
    {.number = "94",
     .name = "wrong context id",
     .sent = "a response in context 77",
     .at = AT_CALL,
     POKED(P_CONTEXT, 2, 77),
     BROKEN},
    {.number = "95",
     .name = "no FIRST",
     .sent = "a response without PFC_FIRST_FRAG",
     .at = AT_CALL,
     .pdu = not_first,
     BROKEN},
    {.number = "95b",
     .name = "FIRST again",
     .sent = "a second fragment with PFC_FIRST_FRAG",
     .at = AT_CALL,
     .pdu = always_first,
     .always = true,
     .rows = MANY_ROWS,
     BROKEN},
    {.number = "96",
     .name = "no LAST",
     .sent = "a response without PFC_LAST_FRAG, and no other",
     .at = AT_CALL,
     .pdu = not_last,
     LATE},
    {.number = "96b",
     .name = "no LAST of the bind_ack",
     .sent = "a bind_ack without PFC_LAST_FRAG",
     .at = AT_BIND,
     .pdu = not_last,
     BROKEN},
    {.number = "97",
     .name = "endless empty fragments",
     .sent = "8 bytes, then empty fragments without end",
     .at = AT_CALL,
     .pdu = empty_without_end,
     .always = true,
     BROKEN},
    {.number = "97b",
     .name = "endless empty fragments from the first on",
     .sent = "empty fragments without end",
     .at = AT_CALL,
     .pdu = empty_from_first,
     .always = true,
     BROKEN},
    {.number = "97c",
     .name = "endless fragments",
     .sent = "4000 bytes in each, without end",
     .at = AT_CALL,
     .pdu = full_without_end,
     .always = true,
     .code = NETSESSION_E_LIMIT,
     .layer = "rpc"},
    {.number = "98",
     .name = "alloc_hint 0xFFFFFFFF",
     .sent = "a response with it",
     .at = AT_CALL,
     POKED(P_HINT, 4, 0xFFFFFFFFu),
     BROKEN},
    {.number = "98b",
     .name = "alloc_hint 0x7FFFFFFF",
     .sent = "a response with it: nothing is allocated by it",
     .at = AT_CALL,
     POKED(P_HINT, 4, 0x7FFFFFFFu),
     .want = PAGE},
    {.number = "99",
     .name = "auth padding longer than the body",
     .sent = "a verifier with 255 bytes of padding",
     .at = AT_CALL,
     .pdu = padded_verifier,
     BROKEN},
    {.number = "99b",
     .name = "auth_length longer than the PDU",
     .sent = "auth_length 0xFFFF",
     .at = AT_CALL,
     POKED(P_AUTH_LENGTH, 2, 0xFFFF),
     BROKEN},
    {.number = "100",
     .name = "auth level changed",
     .sent = "verifiers of levels 0 to 7, where none was agreed",
     .at = AT_CALL,
     .pdu = verifier_of_level,
     .sweep = EACH_CASE,
     .cases = 8,
     BROKEN},
    {.number = "100b",
     .name = "auth level in the bind_ack",
     .sent = "verifiers of levels 0 to 7",
     .at = AT_BIND,
     .pdu = verifier_of_level,
     .sweep = EACH_CASE,
     .cases = 8,
     BROKEN},
    {.number = "101",
     .name = "bind_nak",
     .sent = "reasons 0, 2, 4, 8, 65535",
     .at = AT_BIND,
     .pdu = nak,
     .sweep = EACH_CASE,
     .cases = 5,
     NO},
    {.number = "102",
     .name = "fault mid-reassembly",
     .sent = "a first fragment, then a fault: nothing of the fragment is believed",
     .at = AT_CALL,
     .pdu = fault_midway,
     .always = true,
     .rows = MANY_ROWS,
     .want = REFUSED,
     NO},
    {.number = "102b",
     .name = "a fault that servers must not send",
     .sent = "statuses 0, 0x80000003, 0xC0000005, 0xC00000FD, 0xC0000420",
     .at = AT_CALL,
     .pdu = forbidden_fault,
     .sweep = EACH_CASE,
     .cases = 5,
     BROKEN},
    {.number = "103",
     .name = "rejected context",
     .sent = "provider rejection, reasons 0 to 4",
     .at = AT_BIND,
     .pdu = reject,
     .sweep = EACH_CASE,
     .cases = 5,
     NO},
    {.number = "104",
     .name = "max fragment under 1432",
     .sent = "0, 1, 16, 1431, in either direction",
     .at = AT_BIND,
     .pdu = small_fragments,
     .sweep = EACH_CASE,
     .cases = 8,
     BROKEN},
    {.number = "104b",
     .name = "max fragment over what was offered",
     .sent = "65535, in either direction",
     .at = AT_BIND,
     .pdu = large_fragments,
     .sweep = EACH_CASE,
     .cases = 2,
     BROKEN},
    {.number = "104c",
     .name = "each bit of the bind_ack",
     .sent = "one bit changed, validly signed or encrypted; for each bit",
     .at = AT_BIND,
     .pdu = lie_bit_of,
     .sweep = EACH_BIT,
     .places = MEMORY,
     .any_outcome = true},
    {.number = "104d",
     .name = "each bit of the response",
     .sent = "one bit changed, validly signed or encrypted; for each bit",
     .at = AT_CALL,
     .pdu = lie_bit_of,
     .sweep = EACH_BIT,
     .places = MEMORY,
     .any_outcome = true},
};
const size_t rpc_count = HOSTILE_COUNT(rpc_faults);
