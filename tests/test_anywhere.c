/*
 * The server's bytes cut anywhere, changed anywhere, and in bites: for all that
 * client and server can agree on.  Nothing that was changed under a signature
 * or a cipher is believed, nor at SMB 3.1.1 anything before; of what nothing
 * protects, a table says what may be changed unseen.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test_combinations.h"

Suite *anywhere_suite(void);
TCase *anywhere_socket_tcase(void);

/* ---- Whom to test ---- */

/* Each combination with a client that wants nothing else; those below 3.1.1
 * with one that wants more than the server has, and so has the negotiation
 * confirmed ([MS-SMB2] 3.2.5.5); and these, and one of 3.1.1 signed and one
 * encrypted, with a client that opens one thing after the other. */
#define BELOW_311 6
#define STEPWISE  (COMBINATIONS + BELOW_311)
#define CASES     (STEPWISE + BELOW_311 + 2)

static rig r;
static const combination *k;
static bool confirmed; /* by VALIDATE_NEGOTIATE_INFO */
static bool stepwise;  /* no compounds */

static void setup(void)
{
    rig_init(&r);
    r.cfg.fill = 2;
}

static void teardown(void)
{
    rig_stop(&r);
}

static void choose(int i)
{
    stepwise = i >= STEPWISE;
    confirmed = i >= COMBINATIONS && i < STEPWISE + BELOW_311;
    k = &combinations[stepwise ? i - STEPWISE : confirmed ? i - COMBINATIONS : i];
    if (confirmed)
        r.cfg.smb.max_dialect = k->dialect;
    rig_start(&r);
}

static netsession_config *config(void)
{
    netsession_config *cfg = combination_config(k, NETSESSION_NDR32 | NETSESSION_NDR64);
    const unsigned older[] = {NETSESSION_AES_CMAC, NETSESSION_HMAC_SHA256};

    MUST(!netsession_config_compound(cfg, !stepwise));
    if (confirmed) {
        MUST(!netsession_config_dialects(cfg, NETSESSION_SMB_2_0_2, NETSESSION_SMB_3_1_1));
        MUST(!netsession_config_signing(cfg, older, 2));
    }
    return cfg;
}

/* ---- One talk ---- */

/* What the server sends: a frame for each, and without compounds some for the
 * opening and the end. */
enum frame { NEGOTIATED, CHALLENGED, LOGGED_ON, OPENED, ANSWERED, LEFT, FRAMES };

/* What the client gave out last. */
enum stage { NONE, READY, PAGE, GOODBYE };

static struct way {
    size_t most, until;
    bool ends;
    size_t flip; /* this of the server's bytes */
    uint8_t mask;
    bool keep; /* the bytes as they came */
} way;

static uint8_t bytes_kept[8192];

static struct outcome {
    enum stage stage;
    int code;
    char page[2048];
    size_t ready, answered, heard; /* of the server's bytes */
} out;

static const struct way whole = {.most = SIZE_MAX, .until = SIZE_MAX, .flip = SIZE_MAX};

static void tap(rig_client *c, uint8_t *bytes, size_t len)
{
    if (way.flip >= c->received && way.flip - c->received < len)
        bytes[way.flip - c->received] ^= way.mask;
    if (way.keep && c->received + len <= sizeof bytes_kept)
        memcpy(bytes_kept + c->received, bytes, len);
}

static const char *or_none(const char *s)
{
    return s ? s : "-";
}

static void keep_page(netsession_page *page)
{
    int n = snprintf(out.page, sizeof out.page, "%u %u %d", netsession_page_level(page),
                     netsession_page_total(page), netsession_page_more(page));
    netsession_row row;

    for (uint32_t i = 0; i < netsession_page_count(page); i++) {
        MUST(n < (int)sizeof out.page);
        netsession_page_row(page, i, &row);
        n += snprintf(out.page + n, sizeof out.page - (size_t)n, "|%s %s %u %u %u %u %s %s",
                      or_none(row.client), or_none(row.user), row.opens, row.time, row.idle,
                      row.flags, or_none(row.client_type), or_none(row.transport));
    }
    MUST(n < (int)sizeof out.page);
    netsession_page_free(page);
}

/* Nothing comes any more: the deadline does, and not before. */
static int run(rig_client *c)
{
    int type = rig_run(c);
    uint64_t deadline = netsession_deadline(c->ns);

    if (type)
        return type;
    MUST(deadline < UINT64_MAX);
    MUST(!netsession_tick(c->ns, deadline - 1) && !netsession_next_event(c->ns, &c->event));
    MUST(netsession_tick(c->ns, deadline) == NETSESSION_E_TIMEOUT);
    MUST(netsession_next_event(c->ns, &c->event));
    return c->event.type;
}

static int ask(rig_client *c)
{
    netsession_query q;

    netsession_query_init(&q);
    q.level = 502;
    MUST(!netsession_query_start(c->ns, &q, r.now));
    return run(c);
}

/* After the first error nothing is sent, believed or begun. */
static bool is_poisoned(netsession *ns)
{
    netsession_query q;
    netsession_event event;
    size_t len = 1;

    netsession_query_init(&q);
    q.level = 10;
    (void)netsession_output(ns, &len);
    return !len && netsession_wants(ns) == NETSESSION_CLOSED && !netsession_input(ns, &len) &&
           netsession_query_start(ns, &q, r.now) == out.code &&
           netsession_input_ack(ns, 1) == out.code && netsession_input_eof(ns) == out.code &&
           netsession_shutdown(ns, r.now) == out.code && !netsession_next_event(ns, &event);
}

static void ends_with(rig_client *c, int type)
{
    const netsession_error *e = netsession_last_error(c->ns);

    if (type == NETSESSION_EV_GOODBYE) {
        out.stage = GOODBYE;
        return;
    }
    MUST(type == NETSESSION_EV_FAILED && e->code && *e->message && e->layer);
    out.code = e->code;
    MUST(is_poisoned(c->ns));
}

static void carry_on(rig_client *c)
{
    int type;

    (void)netsession_start(c->ns, r.now);
    type = run(c);
    if (type == NETSESSION_EV_READY) {
        out.stage = READY;
        out.ready = c->received;
        type = ask(c);
    }
    if (type == NETSESSION_EV_PAGE) {
        out.stage = PAGE;
        out.answered = c->received;
        keep_page(c->event.page);
        (void)netsession_shutdown(c->ns, r.now);
        type = run(c);
    }
    ends_with(c, type);
}

static void talk(const struct way *w)
{
    rig_client c;

    way = *w;
    memset(&out, 0, sizeof out);
    MUST(rig_join(&c, &r, config(), "[fe80::1]"));
    c.most = w->most;
    c.until = w->until;
    c.ends = w->ends;
    c.tap = tap;
    carry_on(&c);
    out.heard = c.received;
    rig_leave(&c);
}

/* As it should be: what the others are measured by. */
static struct outcome honest;
static struct message {
    size_t end;
    enum frame is;
} messages[16];

/* What ends there, as its part of the talk does. */
static enum frame part_of(unsigned n, size_t at)
{
    if (n <= LOGGED_ON)
        return (enum frame)n;
    return at <= honest.ready ? OPENED : at <= honest.answered ? ANSWERED : LEFT;
}

/* 2.1: a zero byte and a 24-bit length before each. */
static void find_frames(void)
{
    unsigned n = 0;

    for (size_t at = 0; at < honest.heard; n++) {
        ck_assert_uint_lt(n, sizeof messages / sizeof *messages);
        at += 4u + ((size_t)bytes_kept[at + 2] << 8) + bytes_kept[at + 3];
        messages[n] = (struct message){at, part_of(n, at)};
    }
    ck_assert_uint_eq(messages[n - 1].end, honest.heard);
    ck_assert_int_eq(n > FRAMES, stepwise);
}

static void talk_honestly(int i)
{
    struct way w = whole;

    w.keep = true;
    choose(i);
    talk(&w);
    ck_assert_int_eq(out.stage, GOODBYE);
    ck_assert_uint_le(out.heard, sizeof bytes_kept);
    honest = out;
    find_frames();
}

/* ---- What is believed though it was changed ---- */

#define ITS_OWN 0x100 /* the bits that are set where it stands */

/* Where below SMB 3.1.1 a flip goes unseen, by offset in the message; at 3.1.1
 * the preauth hash has all of it (3.2.5.3.1).  One in another bit than these
 * is noticed. */
static const struct unseen {
    enum frame frame;
    uint16_t from, to; /* the last */
    uint16_t noticed;  /* a mask */
    bool confirmed;    /* unless the negotiation is */
} unseen[] = {
    /* 2.2.1.2: CreditCharge, CreditResponse, Flags but SERVER_TO_REDIR */
    {NEGOTIATED, 6, 7, 0, false},
    {NEGOTIATED, 14, 15, 0, false},
    {NEGOTIATED, 16, 16, SMB2_FLAG_RESPONSE, false},
    {NEGOTIATED, 17, 19, 0, false},
    /* Reserved, TreeId, SessionId, Signature */
    {NEGOTIATED, 32, 63, 0, false},
    /* 2.2.4: SecurityMode */
    {NEGOTIATED, 66, 67, 0, true},
    /* NegotiateContextCount, of 3.1.1 only */
    {NEGOTIATED, 70, 71, 0, false},
    /* ServerGuid, Capabilities */
    {NEGOTIATED, 72, 91, 0, true},
    /* MaxTransactSize, MaxReadSize, MaxWriteSize: not less than 64 KiB, of
     * which there is one bit */
    {NEGOTIATED, 92, 103, ITS_OWN, false},
    /* SystemTime, ServerStartTime */
    {NEGOTIATED, 104, 119, 0, false},
    /* NegotiateContextOffset, of 3.1.1 only */
    {NEGOTIATED, 124, 127, 0, false},
    /* "not_defined_in_RFC4178@please_ignore" */
    {NEGOTIATED, 166, 201, 0, false},
    {CHALLENGED, 6, 7, 0, false},
    {CHALLENGED, 14, 15, 0, false},
    {CHALLENGED, 16, 16, SMB2_FLAG_RESPONSE, false},
    {CHALLENGED, 17, 19, 0, false},
    /* Reserved, TreeId; Signature; 2.2.6: SessionFlags, which the last sets */
    {CHALLENGED, 32, 39, 0, false},
    {CHALLENGED, 48, 63, 0, false},
    {CHALLENGED, 66, 67, 0, false},
    /* negState: request-mic in place of accept-incomplete (RFC 4178 4.2.2) */
    {CHALLENGED, 82, 82, 0xFF & ~2, false},
};

static unsigned message_of(size_t at)
{
    unsigned n = 0;

    while (messages[n].end <= at)
        n++;
    return n;
}

static enum frame frame_of(size_t at)
{
    return messages[message_of(at)].is;
}

/* In its message, behind the transport header; negative: in that. */
static long offset_of(size_t at)
{
    unsigned n = message_of(at);

    return (long)(at - (n ? messages[n - 1].end : 0)) - 4;
}

static bool has_validation(void)
{
    return confirmed || k->dialect >= NETSESSION_SMB_3_0;
}

static bool goes_unseen(size_t at, uint8_t mask)
{
    enum frame f = frame_of(at);
    long off = offset_of(at);

    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++) {
        const struct unseen *u = &unseen[i];
        unsigned noticed = u->noticed == ITS_OWN ? bytes_kept[at] : u->noticed;

        if (u->frame == f && off >= u->from && off <= u->to)
            return k->dialect < NETSESSION_SMB_3_1_1 && !(noticed & mask) &&
                   !(u->confirmed && has_validation());
    }
    return false;
}

/* ---- What the others end with ---- */

#define OK         1u
#define CODE(code) (1u << -NETSESSION_E_##code)

/* Under the keys it is the protection or the form that is wrong; before, it
 * may be the choice or the logon. */
static const unsigned codes[FRAMES] = {
    [NEGOTIATED] = CODE(SECURITY) | CODE(PROTOCOL) | CODE(POLICY) | CODE(LOGON),
    [CHALLENGED] = CODE(SECURITY) | CODE(PROTOCOL) | CODE(LOGON),
    [LOGGED_ON] = CODE(SECURITY) | CODE(PROTOCOL) | CODE(POLICY) | CODE(LOGON),
    [OPENED] = CODE(SECURITY) | CODE(PROTOCOL),
    [ANSWERED] = CODE(SECURITY) | CODE(PROTOCOL),
    [LEFT] = CODE(SECURITY) | CODE(PROTOCOL),
};

/* What the client may have given out when the frame is not believed. */
static enum stage stage_before(enum frame f)
{
    return f <= OPENED ? NONE : f == ANSWERED ? READY : PAGE;
}

/* A longer message than there is: it is waited for, or too long. */
static unsigned codes_of(size_t at)
{
    bool length = offset_of(at) < 0;

    return codes[frame_of(at)] | (length ? CODE(TIMEOUT) | CODE(LIMIT) : 0);
}

/* Check's own notes each assertion that holds in a file: too slow for here. */
static void expect(size_t at, enum stage stage, unsigned allowed)
{
    if (out.stage != stage || !(1u << -out.code & allowed))
        ck_abort_msg("frame %u, offset %ld, mask %02X: stage %u, not %u, and %s", frame_of(at),
                     offset_of(at), way.mask, out.stage, stage, netsession_code_name(out.code));
    if (strcmp(out.page, out.stage >= PAGE ? honest.page : "") != 0)
        ck_abort_msg("frame %u, offset %ld, mask %02X: another page: %s", frame_of(at),
                     offset_of(at), way.mask, out.page);
}

static void flip(size_t at, uint8_t mask)
{
    struct way w = whole;

    w.flip = at;
    w.mask = mask;
    talk(&w);
    if (goes_unseen(at, mask))
        expect(at, GOODBYE, OK);
    else
        expect(at, stage_before(frame_of(at)), codes_of(at));
}

/* ---- Tests ---- */

static bool is_bare(size_t at)
{
    return k->dialect < NETSESSION_SMB_3_1_1 && frame_of(at) <= CHALLENGED;
}

/* Each bit of what nothing protects; one of each other byte, and in the next
 * combination another. */
START_TEST(flipped)
{
    talk_honestly(_i);
    for (size_t at = (size_t)_i % test_sweep_step(); at < honest.heard; at += test_sweep_step())
        for (unsigned bit = 0; bit < 8; bit++)
            if (is_bare(at) || bit == (at + (size_t)_i) % 8)
                flip(at, (uint8_t)(1u << bit));
    ck_assert_uint_eq(ns_server_sessions(r.server), 0);
}
END_TEST

static void cut(size_t at, bool ends)
{
    struct way w = whole;

    w.until = at;
    w.ends = ends;
    talk(&w);
    MUST(out.heard == at);
    if (ends && at >= honest.answered) /* there is nothing to be had any more */
        expect(at, GOODBYE, OK);
    else
        expect(at, stage_before(frame_of(at)), ends ? CODE(IO) : CODE(TIMEOUT));
}

/* Silence after one byte, the end after the next; and in the next combination
 * the other way round. */
START_TEST(cut_short)
{
    talk_honestly(_i);
    for (size_t at = (size_t)_i % test_sweep_step(); at < honest.heard; at += test_sweep_step())
        cut(at, (at / test_sweep_step() + (size_t)_i) % 2);
}
END_TEST

START_TEST(byte_by_byte)
{
    struct way w = whole;

    talk_honestly(_i);
    w.most = 1;
    talk(&w);
    expect(0, GOODBYE, OK);
    ck_assert_uint_eq(out.heard, honest.heard);
}
END_TEST

/* The one change of CreditResponse that is noticed: to none. */
START_TEST(no_credits)
{
    struct way w = whole;

    talk_honestly(0);
    w.flip = 4 + 14;
    w.mask = bytes_kept[w.flip];
    ck_assert_uint_eq(bytes_kept[w.flip + 1], 0);
    talk(&w);
    expect(w.flip, NONE, CODE(PROTOCOL));
}
END_TEST

Suite *anywhere_suite(void)
{
    Suite *s = suite_create("anywhere");
    TCase *tc = tcase_create("memory");

    tcase_set_timeout(tc, 300);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, flipped, 0, CASES);
    tcase_add_loop_test(tc, cut_short, 0, CASES);
    tcase_add_loop_test(tc, byte_by_byte, 0, CASES);
    tcase_add_test(tc, no_credits);
    suite_add_tcase(s, tc);
    suite_add_tcase(s, anywhere_socket_tcase());
    return s;
}
