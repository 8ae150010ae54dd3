/*
 * The client half of SMB2 once the pipe is open: calls, and everything that a
 * server can do wrong with a reply.  The numbers f6 to f85 are those of the
 * list of what a hostile or broken server does.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test_smb2_rig.h"

Suite *smb2_suite(void);
TCase *smb2_crypto_case(void);
TCase *smb2_messages_case(void);
void smb2_open_cases(Suite *s);

/* ---- Calls ---- */

START_TEST(a_call)
{
    ns_reader r;

    asked();
    ck_assert(smb2_client_waiting(&client));
    ck_assert_uint_eq(sent.e[0].h.message_id, 5);
    ck_assert_uint_eq(sent.e[0].h.credit_charge, 1);
    ck_assert_uint_eq(sent.e[0].h.tree_id, TREE);
    ck_assert_uint_eq(sent.e[0].h.session_id, SESSION);
    r = ns_reader_of(sent.e[0].msg, sent.e[0].len);
    ns_skip(&r, 64);
    ck_assert_uint_eq(ns_get32(&r), 57);
    ck_assert_uint_eq(ns_get32(&r), SMB2_FSCTL_PIPE_TRANSCEIVE);
    ck_assert_mem_eq(ns_take(&r, 16), file_id, 16);
    ck_assert_mem_eq(sent.e[0].msg + 120, "call", 4);
    good_answer();
    delivered(SIGNED);
    expect_data("answer");
    ck_assert(!smb2_client_waiting(&client));
    ck_assert_uint_eq(client.credits, 10 - 1 + 10);
}
END_TEST

START_TEST(an_encrypted_call)
{
    asked_encrypted();
    ck_assert_uint_eq(sent.e[0].h.flags, 0);
    good_answer();
    delivered(ENCRYPTED);
    expect_data("answer");
}
END_TEST

/* Every signing algorithm and cipher, one byte at a time. */
START_TEST(calls_bytewise)
{
    for (unsigned i = 0; i < 7; i++) {
        size_t room;

        opened();
        client.encrypting = i > 2;
        client.signing = srv.signing = i % 3;
        client.cipher = srv.cipher = i > 2 ? i - 2 : 0;
        call();
        good_answer();
        protect(i > 2 ? ENCRYPTED : SIGNED);
        for (size_t k = 0; k < srv.wire.len; k++) {
            ck_assert_int_eq(client.event, SMB2_EV_NONE);
            *(uint8_t *)smb2_client_room(&client, &room) = srv.wire.p[k];
            ck_assert_int_eq(smb2_client_received(&client, 1), 0);
        }
        expect_data("answer");
    }
}
END_TEST

START_TEST(reads_and_writes)
{
    opened();
    ck_assert_int_eq(smb2_pipe_write(&client, bytes, 5000), 0);
    EXPECT_SENT(SMB2_WRITE);
    ck_assert_mem_eq(sent.e[0].msg + 112, bytes, 5000);
    answer_write(&sent.e[0], 5000);
    delivered(SIGNED);
    expect_event(SMB2_EV_WRITTEN);
    ck_assert_int_eq(smb2_pipe_read(&client), 0);
    EXPECT_SENT(SMB2_READ);
    answer_read(&sent.e[0], 0, "text", 4);
    delivered(SIGNED);
    expect_data("text");
    ck_assert_int_eq(smb2_pipe_read(&client), 0);
    EXPECT_SENT(SMB2_READ);
    answer_read(&sent.e[0], 0, bytes, 65536);
    delivered(SIGNED);
    expect_event(SMB2_EV_DATA);
    ck_assert_uint_eq(client.data.len, 65536);
    ck_assert_mem_eq(client.data.base, bytes, 65536);
}
END_TEST

START_TEST(wrong_count_written)
{
    static const uint32_t counts[] = {0, 9, 11, UINT32_MAX};

    for (size_t i = 0; i < COUNT(counts); i++) {
        opened();
        ck_assert_int_eq(smb2_pipe_write(&client, bytes, 10), 0);
        EXPECT_SENT(SMB2_WRITE);
        answer_write(&sent.e[0], counts[i]);
        expect_protocol(deliver(SIGNED), "WRITE");
    }
}
END_TEST

START_TEST(malformed_count_written)
{
    opened();
    ck_assert_int_eq(smb2_pipe_write(&client, bytes, 10), 0);
    EXPECT_SENT(SMB2_WRITE);
    answer_write(&sent.e[0], 10);
    head()[64] ^= 0x80;
    expect_protocol(deliver(SIGNED), "WRITE");
}
END_TEST

START_TEST(refused_calls)
{
    asked();
    answer_error(&sent.e[0], PIPE_BROKEN);
    expect_failure(deliver(SIGNED), NETSESSION_E_REFUSED, "STATUS_PIPE_BROKEN");
    ck_assert_uint_eq(err.value, PIPE_BROKEN);
    opened();
    ck_assert_int_eq(smb2_pipe_read(&client), 0);
    EXPECT_SENT(SMB2_READ);
    answer_error(&sent.e[0], PIPE_BROKEN);
    expect_failure(deliver(SIGNED), NETSESSION_E_REFUSED, "STATUS_PIPE_BROKEN");
    opened();
    ck_assert_int_eq(smb2_pipe_write(&client, bytes, 1), 0);
    EXPECT_SENT(SMB2_WRITE);
    answer_error(&sent.e[0], PIPE_BROKEN);
    expect_failure(deliver(SIGNED), NETSESSION_E_REFUSED, "STATUS_PIPE_BROKEN");
}
END_TEST

/* ---- Transport ---- */

static int feed_hex(const char *hex)
{
    uint8_t p[128];

    ns_writer_reset(&srv.wire);
    ns_put(&srv.wire, p, test_unhex(p, sizeof p, hex));
    return feed();
}

START_TEST(f6_to_f10_framing)
{
    asked();
    expect_protocol(feed_hex("00000000"), "direct TCP");
    asked();
    expect_failure(feed_hex("00ffffff"), NETSESSION_E_LIMIT, "larger");
    asked();
    expect_protocol(feed_hex("0000003f"), "direct TCP");
    asked();
    expect_protocol(feed_hex("01000076"), "direct TCP");
    asked();
    expect_protocol(feed_hex("85000000"), "direct TCP");
    asked();
    expect_protocol(feed_hex("48545450"), "direct TCP"); /* "HTTP" */
    ck_assert_uint_le(heap.most, 300000);
}
END_TEST

/* The caller says that more came than it was given room for. */
START_TEST(more_than_room)
{
    size_t room;

    asked();
    ck_assert_ptr_nonnull(smb2_client_room(&client, &room));
    expect_failure(smb2_client_received(&client, room + 1), NETSESSION_E_ARGUMENT, "");
}
END_TEST

/* 9: the PDU is shorter than its frame: what is behind it is signed as well,
 * 8: or it is longer. */
START_TEST(f8_f9_frame_and_message_differ)
{
    asked();
    good_answer();
    ns_put(&srv.reply, "junk", 4);
    delivered(SIGNED);
    expect_data("answer");
    asked();
    good_answer();
    protect(SIGNED);
    ns_put(&srv.wire, "junk", 4);
    frame();
    expect_security(feed(), "signature");
}
END_TEST

/* ---- SMB2 header ---- */

/* Cut at each byte; signed before or after. */
START_TEST(f13_truncated)
{
    size_t len;

    asked();
    good_answer();
    len = srv.reply.len;
    ns_writer_reset(&srv.reply);
    for (size_t cut = 0; cut < len; cut++) {
        asked();
        good_answer();
        protect(SIGNED);
        srv.wire.len = 4 + cut;
        frame();
        if (cut < SMB2_HEADER_LEN)
            expect_protocol(feed(), "");
        else
            expect_security(feed(), "signature");
        asked();
        good_answer();
        srv.reply.len = cut < SMB2_HEADER_LEN ? SMB2_HEADER_LEN : cut;
        expect_protocol(deliver(SIGNED), "malformed");
    }
}
END_TEST

START_TEST(f14_wrong_protocol_id)
{
    for (unsigned bit = 0; bit < 32; bit++) {
        asked();
        good_answer();
        head()[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_protocol(deliver(SIGNED), "");
    }
}
END_TEST

START_TEST(f15_smb1)
{
    asked();
    good_answer();
    head()[0] = 0xFF;
    expect_protocol(deliver(SIGNED), "SMB1");
}
END_TEST

START_TEST(f16_structure_size)
{
    static const uint16_t sizes[] = {0, 1, 63, 65, 0x4000, 0xFFFF};

    for (size_t i = 0; i < COUNT(sizes); i++) {
        asked();
        good_answer();
        ns_store16(head() + 4, sizes[i]);
        expect_protocol(deliver(SIGNED), "malformed");
    }
}
END_TEST

START_TEST(f17_wrong_command)
{
    for (uint16_t command = 0; command < 24; command++) {
        if (command == SMB2_IOCTL)
            continue;
        asked();
        good_answer();
        ns_store16(head() + 12, command);
        expect_protocol(deliver(SIGNED), "not waited for");
    }
}
END_TEST

START_TEST(f18_request_direction)
{
    asked();
    good_answer();
    head()[16] &= (uint8_t)~SMB2_FLAG_RESPONSE;
    expect_protocol(deliver(SIGNED), "sent a request");
}
END_TEST

static void expect_bad_next(uint32_t next)
{
    asked();
    good_answer();
    put_zeros(200);
    ns_store32(head() + 20, next);
    smb2_sign(srv.signing, srv.keys.signing, head(), srv.reply.len);
    expect_protocol(deliver(PLAIN), "malformed");
}

START_TEST(f19_next_command_inside_the_header)
{
    for (uint32_t next = 1; next < 72; next++)
        expect_bad_next(next);
}
END_TEST

START_TEST(f20_next_command_unaligned)
{
    for (uint32_t next = 73; next < 128; next++)
        if (next % 8)
            expect_bad_next(next);
}
END_TEST

START_TEST(f21_next_command_past_the_end)
{
    static const uint32_t nexts[] = {65536, 0x7FFFFFF8, 0x80000000, 0xFFFFFFF8};

    for (size_t i = 0; i < COUNT(nexts); i++)
        expect_bad_next(nexts[i]);
    for (uint32_t behind = 0; behind <= 64; behind += 8) {
        asked();
        good_answer();
        ns_put_align(&srv.reply, 0, 8);
        ns_store32(head() + 20, (uint32_t)srv.reply.len + behind);
        smb2_sign(srv.signing, srv.keys.signing, head(), srv.reply.len);
        expect_protocol(deliver(PLAIN), "malformed");
    }
}
END_TEST

/* The rest of the chain is no whole header. */
START_TEST(f21_next_command_near_the_end)
{
    for (size_t left = 1; left < SMB2_HEADER_LEN; left++) {
        asked();
        good_answer();
        ns_put_align(&srv.reply, 0, 8);
        ns_store32(head() + 20, (uint32_t)srv.reply.len);
        smb2_sign(srv.signing, srv.keys.signing, head(), srv.reply.len);
        put_zeros(left);
        ck_assert_int_eq(deliver(PLAIN), NETSESSION_E_PROTOCOL);
    }
}
END_TEST

static void begin_unsolicited(unsigned command)
{
    const smb2_header h = {.command = (uint16_t)command,
                           .flags = SMB2_FLAG_RESPONSE,
                           .message_id = SMB2_UNSOLICITED};

    begin(&h);
    ns_put16(&srv.reply, 24);
    put_zeros(22);
}

START_TEST(f22_chain_of_1000)
{
    asked();
    for (int i = 0; i < 1000; i++)
        begin_unsolicited(SMB2_OPLOCK_BREAK);
    expect_protocol(deliver(PLAIN), "more than 16");
    asked();
    for (int i = 0; i < 1000; i++)
        good_answer();
    ck_assert_int_eq(deliver(SIGNED), NETSESSION_E_PROTOCOL);
    asked();
    for (int i = 0; i < 15; i++)
        begin_unsolicited(SMB2_OPLOCK_BREAK);
    good_answer();
    ck_assert_int_eq(deliver(SIGNED), 0);
    expect_data("answer");
}
END_TEST

START_TEST(f23_unknown_message_id)
{
    static const uint64_t ids[] = {0, 4, 6, 0x100000005, UINT64_MAX - 1};

    for (size_t i = 0; i < COUNT(ids); i++) {
        asked();
        good_answer();
        ns_store64(head() + 24, ids[i]);
        expect_protocol(deliver(SIGNED), "not waited for");
    }
}
END_TEST

START_TEST(f24_duplicate_reply)
{
    asked();
    good_answer();
    delivered(SIGNED);
    expect_data("answer");
    expect_protocol(feed(), "not waited for");
    asked();
    good_answer();
    good_answer();
    ck_assert_int_eq(deliver(SIGNED), NETSESSION_E_PROTOCOL);
}
END_TEST

START_TEST(f25_unsolicited)
{
    for (unsigned command = 0; command < 24; command++) {
        bool allowed = command == SMB2_OPLOCK_BREAK || command == SMB2_NOTIFICATION;
        int rc;

        asked();
        begin_unsolicited(command);
        rc = deliver(PLAIN);
        if (!allowed) {
            expect_protocol(rc, "without being asked");
            continue;
        }
        ck_assert_int_eq(rc, 0);
        expect_event(SMB2_EV_NONE);
        ck_assert(smb2_client_waiting(&client));
        good_answer();
        delivered(SIGNED);
        expect_data("answer");
    }
}
END_TEST

START_TEST(f26_reply_before_the_request)
{
    asked();
    good_answer();
    protect(SIGNED);
    opened();
    expect_protocol(feed(), "not waited for");
    asked();
    good_answer();
    ns_store64(head() + 24, client.next_message_id);
    expect_protocol(deliver(SIGNED), "not waited for");
}
END_TEST

START_TEST(f27_no_credits)
{
    int rc = 0;

    opened();
    srv.grant = 0;
    for (int i = 0; i < 10; i++) {
        call();
        good_answer();
        delivered(SIGNED);
        expect_data("answer");
    }
    ck_assert_uint_eq(smb2_credits_left(&client), 0);
    client.event = SMB2_EV_NONE;
    rc = smb2_pipe_transceive(&client, bytes, 4);
    expect_protocol(rc, "no credits");
    ck_assert_uint_eq(client.out.len, 0);
}
END_TEST

START_TEST(f28_credit_overflow)
{
    asked();
    srv.grant = 0xFFFF;
    good_answer();
    expect_protocol(deliver(SIGNED), "credits");
    asked(); /* an interim reply and the final one, together */
    srv.grant = 0x8000;
    answer_pending(&sent.e[0], ASYNC_ID);
    delivered(PLAIN);
    good_answer();
    make_async(ASYNC_ID);
    expect_protocol(deliver(SIGNED), "credits");
    asked(); /* as many as there can be */
    srv.grant = 0xFFFF - 9;
    good_answer();
    delivered(SIGNED);
    expect_data("answer");
}
END_TEST

/* Whoever may send a second might send them for ever. */
START_TEST(f29_f30_second_pending)
{
    asked();
    answer_pending(&sent.e[0], ASYNC_ID);
    delivered(PLAIN);
    expect_event(SMB2_EV_NONE);
    answer_pending(&sent.e[0], ASYNC_ID);
    expect_protocol(deliver(PLAIN), "STATUS_PENDING");
}
END_TEST

START_TEST(f31_another_async_id)
{
    static const uint64_t ids[] = {0, ASYNC_ID + 1, ASYNC_ID ^ ((uint64_t)1 << 63)};

    for (size_t i = 0; i < COUNT(ids); i++) {
        asked();
        answer_pending(&sent.e[0], ASYNC_ID);
        delivered(PLAIN);
        good_answer();
        make_async(ids[i]);
        expect_protocol(deliver(SIGNED), "AsyncId");
    }
    asked();
    answer_pending(&sent.e[0], ASYNC_ID);
    delivered(PLAIN);
    good_answer();
    expect_protocol(deliver(SIGNED), "AsyncId");
}
END_TEST

START_TEST(pending_without_async)
{
    asked();
    answer_error(&sent.e[0], STATUS_PENDING);
    expect_protocol(deliver(PLAIN), "STATUS_PENDING");
}
END_TEST

START_TEST(pending_then_the_answer)
{
    for (int how = SIGNED; how <= ENCRYPTED; how++) {
        if (how == SIGNED)
            asked();
        else
            asked_encrypted();
        srv.grant = 7;
        answer_pending(&sent.e[0], ASYNC_ID);
        delivered(how == SIGNED ? PLAIN : ENCRYPTED);
        expect_event(SMB2_EV_NONE);
        ck_assert(smb2_client_waiting(&client));
        ck_assert_uint_eq(client.credits, 9 + 7);
        srv.grant = 0;
        good_answer();
        make_async(ASYNC_ID);
        delivered((enum how)how);
        expect_data("answer");
        ck_assert_uint_eq(client.credits, 9 + 7);
    }
}
END_TEST

/* The final reply may be asynchronous without an interim one. */
START_TEST(async_without_pending)
{
    asked();
    good_answer();
    make_async(ASYNC_ID);
    delivered(SIGNED);
    expect_data("answer");
}
END_TEST

/* PENDING protects nothing: what follows it must be signed all the same. */
START_TEST(pending_then_unsigned)
{
    asked();
    answer_pending(&sent.e[0], ASYNC_ID);
    delivered(PLAIN);
    good_answer();
    make_async(ASYNC_ID);
    expect_security(deliver(PLAIN), "not signed");
}
END_TEST

START_TEST(f32_wrong_tree)
{
    static const uint32_t ids[] = {0, 1, TREE + 1, SMB2_RELATED_TREE};

    for (size_t i = 0; i < COUNT(ids); i++) {
        asked();
        good_answer();
        ns_store32(head() + 36, ids[i]);
        expect_protocol(deliver(SIGNED), "another tree");
    }
}
END_TEST

START_TEST(f33_f34_wrong_session)
{
    static const uint64_t ids[] = {0, SESSION + 1, SMB2_RELATED_SESSION};

    for (size_t i = 0; i < COUNT(ids); i++) {
        asked();
        good_answer();
        ns_store64(head() + 40, ids[i]);
        expect_security(deliver(SIGNED), "another session");
        asked(); /* unsigned, in the hope that no key is found for it */
        good_answer();
        ns_store64(head() + 40, ids[i]);
        expect_security(deliver(PLAIN), "not signed");
    }
}
END_TEST

/* ---- Signing and encryption ---- */

START_TEST(f50_signed_flag_missing)
{
    asked();
    good_answer();
    expect_security(deliver(PLAIN), "not signed");
    asked();
    good_answer();
    protect(SIGNED);
    srv.wire.p[4 + 16] &= (uint8_t)~SMB2_FLAG_SIGNED;
    expect_security(feed(), "not signed");
}
END_TEST

START_TEST(f51_zero_signature)
{
    asked();
    good_answer();
    protect(SIGNED);
    memset(srv.wire.p + 4 + 48, 0, 16);
    expect_security(feed(), "signature");
}
END_TEST

/* As Samba does for sessions that it does not know. */
START_TEST(f52_own_signature_echoed)
{
    asked();
    answer_error(&sent.e[0], SESSION_DELETED);
    protect(SIGNED);
    memcpy(srv.wire.p + 4 + 48, sent.e[0].msg + 48, 16);
    expect_security(feed(), "signature");
}
END_TEST

START_TEST(f53_each_bit_flipped)
{
    size_t len;

    asked();
    client.signing = srv.signing = (unsigned)_i;
    good_answer();
    protect(SIGNED);
    len = srv.wire.len;
    for (size_t bit = 32; bit < 8 * len; bit++) {
        int rc;

        opened();
        client.signing = srv.signing = (unsigned)_i;
        call();
        good_answer();
        protect(SIGNED);
        srv.wire.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        rc = feed();
        ck_assert_msg(rc == NETSESSION_E_SECURITY || rc == NETSESSION_E_PROTOCOL, "bit %zu: %d",
                      bit, rc);
        ck_assert_int_eq(client.event, SMB2_EV_NONE);
    }
}
END_TEST

START_TEST(f54_signature_of_another_message)
{
    uint8_t old[200];
    size_t len;

    asked();
    good_answer();
    protect(SIGNED);
    len = srv.wire.len;
    memcpy(old, srv.wire.p, len);
    ck_assert_int_eq(feed(), 0);
    expect_data("answer");
    call();
    ns_store64(old + 4 + 24, sent.e[0].h.message_id);
    ns_writer_reset(&srv.wire);
    ns_put(&srv.wire, old, len);
    expect_security(feed(), "signature");
}
END_TEST

START_TEST(f55_unsigned_errors)
{
    static const uint32_t statuses[] = {
        ACCESS_DENIED, INVALID_PARAMETER, INVALID_REQUEST, NOT_SUPPORTED,   INTERNAL_ERROR,
        FILE_CLOSED,   PIPE_BROKEN,       SESSION_DELETED, SESSION_EXPIRED, BAD_NETWORK_NAME,
        0xC00000C9,    0xC0000016,        0x80000005,      0xC000009A,      0x00000104};

    for (size_t i = 0; i < COUNT(statuses); i++) {
        asked();
        answer_error(&sent.e[0], statuses[i]);
        expect_security(deliver(PLAIN), "not signed");
        asked_encrypted();
        answer_error(&sent.e[0], statuses[i]);
        expect_security(deliver(SIGNED), "not encrypted");
    }
}
END_TEST

START_TEST(f56_plaintext_after_encryption)
{
    asked_encrypted();
    good_answer();
    expect_security(deliver(PLAIN), "not encrypted");
    asked_encrypted();
    good_answer();
    expect_security(deliver(SIGNED), "not encrypted");
    asked_encrypted();
    answer_pending(&sent.e[0], ASYNC_ID);
    expect_security(deliver(PLAIN), "not encrypted");
}
END_TEST

START_TEST(encrypted_before_it_was_agreed)
{
    asked();
    good_answer();
    client.cipher = NETSESSION_CIPHER_NONE;
    expect_protocol(deliver(ENCRYPTED), "no cipher");
    asked();
    good_answer();
    client.secured = false;
    expect_protocol(deliver(ENCRYPTED), "no cipher");
}
END_TEST

/* More protection than was asked for is no fault. */
START_TEST(encrypted_answer_to_a_signed_call)
{
    asked();
    good_answer();
    delivered(ENCRYPTED);
    expect_data("answer");
}
END_TEST

START_TEST(f57_transform_within_transform)
{
    uint8_t inner[400];
    size_t len;

    asked_encrypted();
    good_answer();
    protect(ENCRYPTED);
    len = srv.wire.len - 4;
    memcpy(inner, srv.wire.p + 4, len);
    ns_put(&srv.reply, inner, len);
    put_zeros(64);
    expect_protocol(deliver(ENCRYPTED), "malformed");
}
END_TEST

START_TEST(f58_inner_and_outer_session_differ)
{
    asked_encrypted();
    good_answer();
    ns_store64(head() + 40, SESSION + 1);
    expect_security(deliver(ENCRYPTED), "another session");
    asked_encrypted();
    good_answer();
    ns_store64(head() + 40, 0);
    expect_security(deliver(ENCRYPTED), "another session");
    asked_encrypted();
    good_answer();
    protect(ENCRYPTED);
    ns_store64(srv.wire.p + 4 + 44, SESSION + 1);
    expect_security(feed(), "authenticate");
}
END_TEST

START_TEST(f59_bad_tag)
{
    size_t len;

    asked_encrypted();
    good_answer();
    protect(ENCRYPTED);
    len = srv.wire.len;
    for (size_t bit = 32; bit < 8 * len; bit++) {
        int rc;

        asked_encrypted();
        good_answer();
        protect(ENCRYPTED);
        srv.wire.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        rc = feed();
        ck_assert_msg(rc == NETSESSION_E_SECURITY || rc == NETSESSION_E_PROTOCOL, "bit %zu: %d",
                      bit, rc);
        ck_assert_int_eq(client.event, SMB2_EV_NONE);
    }
}
END_TEST

/* That is the server's loss, and nobody else can do it; but a message that
 * comes twice is not taken twice. */
START_TEST(f60_repeated_server_nonce)
{
    asked_encrypted();
    good_answer();
    delivered(ENCRYPTED);
    expect_data("answer");
    call();
    srv.nonce--;
    good_answer();
    delivered(ENCRYPTED);
    expect_data("answer");

    asked_encrypted();
    good_answer();
    protect(ENCRYPTED);
    memcpy(bytes, srv.wire.p, srv.wire.len);
    ck_assert_int_eq(feed(), 0);
    expect_data("answer");
    call();
    ns_writer_reset(&srv.wire);
    ns_put(&srv.wire, bytes, 4 + SMB2_TRANSFORM_LEN + 118);
    expect_protocol(feed(), "not waited for");
}
END_TEST

START_TEST(f61_wrong_key)
{
    asked();
    srv.keys.signing[7] ^= 1;
    good_answer();
    expect_security(deliver(SIGNED), "signature");
    asked_encrypted();
    srv.keys.to_client[7] ^= 1;
    good_answer();
    expect_security(deliver(ENCRYPTED), "authenticate");
    asked_encrypted(); /* our own direction's key */
    memcpy(srv.keys.to_client, srv.keys.to_server, 32);
    good_answer();
    expect_security(deliver(ENCRYPTED), "authenticate");
}
END_TEST

START_TEST(f63_compressed)
{
    asked();
    good_answer();
    head()[0] = 0xFC;
    expect_protocol(deliver(SIGNED), "compresses");
}
END_TEST

/* In a chain each element has its own signature; one that lacks it brings the
 * whole to an end. */
START_TEST(one_of_a_chain_unsigned)
{
    opened();
    ck_assert_int_eq(smb2_goodbye(&client), 0);
    EXPECT_SENT(SMB2_CLOSE, SMB2_TREE_DISCONNECT, SMB2_LOGOFF);
    for (size_t i = 0; i < 3; i++)
        answer_empty(&sent.e[i]);
    sign_reply();
    head()[16] &= (uint8_t)~SMB2_FLAG_SIGNED;
    expect_security(deliver(PLAIN), "LOGOFF");
}
END_TEST

/* ---- The pipe ---- */

START_TEST(f82_buffer_overflow)
{
    asked();
    good_answer();
    ns_store32(head() + 8, STATUS_BUFFER_OVERFLOW);
    delivered(SIGNED);
    expect_data("answer");
    for (int i = 0; i < 5; i++) { /* whether it ends is the reassembly's concern */
        ck_assert_int_eq(smb2_pipe_read(&client), 0);
        EXPECT_SENT(SMB2_READ);
        answer_read(&sent.e[0], STATUS_BUFFER_OVERFLOW, "more", 4);
        delivered(SIGNED);
        expect_data("more");
    }
    asked();
    answer_error(&sent.e[0], STATUS_BUFFER_OVERFLOW);
    expect_protocol(deliver(SIGNED), "malformed");
}
END_TEST

START_TEST(f83_zero_bytes)
{
    asked();
    answer_text(&sent.e[0], "");
    expect_protocol(deliver(SIGNED), "0 bytes");
    asked();
    answer_text(&sent.e[0], "");
    ns_store32(head() + 8, STATUS_BUFFER_OVERFLOW);
    expect_protocol(deliver(SIGNED), "0 bytes");
    opened();
    ck_assert_int_eq(smb2_pipe_read(&client), 0);
    EXPECT_SENT(SMB2_READ);
    answer_read(&sent.e[0], 0, "", 0);
    expect_protocol(deliver(SIGNED), "0 bytes");
}
END_TEST

START_TEST(f84_more_than_asked_for)
{
    asked();
    answer_ioctl(&sent.e[0], bytes, 65536);
    delivered(SIGNED);
    expect_event(SMB2_EV_DATA);
    asked();
    answer_ioctl(&sent.e[0], bytes, 65537);
    expect_protocol(deliver(SIGNED), "65537 bytes");
    opened();
    ck_assert_int_eq(smb2_pipe_read(&client), 0);
    EXPECT_SENT(SMB2_READ);
    answer_read(&sent.e[0], 0, bytes, 65537);
    expect_protocol(deliver(SIGNED), "65537 bytes");
    /* A long call does not make room for a longer answer. */
    opened();
    client.credits = 100;
    client.io_size = 4096;
    ck_assert_int_eq(smb2_pipe_transceive(&client, bytes, 70000), 0);
    EXPECT_SENT(SMB2_IOCTL);
    ck_assert_uint_eq(sent.e[0].h.credit_charge, 2);
    answer_ioctl(&sent.e[0], bytes, 4097);
    expect_protocol(deliver(SIGNED), "4097 bytes");
}
END_TEST

START_TEST(f85_data_inside_the_header)
{
    static const uint32_t offsets[] = {0, 1, 63, 64, 111, 119, 0xFFFFFFFF, 0xFFFFFF90};

    for (size_t i = 0; i < COUNT(offsets); i++) {
        asked();
        good_answer();
        ns_store32(head() + 96, offsets[i]);
        expect_protocol(deliver(SIGNED), "malformed");
        opened();
        ck_assert_int_eq(smb2_pipe_read(&client), 0);
        EXPECT_SENT(SMB2_READ);
        answer_read(&sent.e[0], 0, "text", 4);
        head()[66] = (uint8_t)(offsets[i] & 0x4F);
        expect_protocol(deliver(SIGNED), "malformed");
    }
}
END_TEST

START_TEST(answer_of_another_fsctl)
{
    asked();
    answer(&sent.e[0], 0);
    put_ioctl(SMB2_FSCTL_VALIDATE_NEGOTIATE_INFO, file_id, "answer", 6);
    expect_protocol(deliver(SIGNED), "malformed");
}
END_TEST

/* ---- Credits ---- */

static uint16_t charge_of(uint32_t io_size)
{
    uint64_t id;

    opened();
    client.credits = 1000;
    client.io_size = io_size;
    id = client.next_message_id;
    ck_assert_int_eq(smb2_pipe_read(&client), 0);
    EXPECT_SENT(SMB2_READ);
    ck_assert_uint_eq(sent.e[0].h.message_id, id);
    ck_assert_uint_eq(client.next_message_id - id, sent.e[0].h.credit_charge);
    ck_assert_uint_eq(client.credits, 1000u - sent.e[0].h.credit_charge);
    ck_assert_uint_ge(sent.e[0].h.credits, sent.e[0].h.credit_charge);
    return sent.e[0].h.credit_charge;
}

START_TEST(charges)
{
    ck_assert_uint_eq(charge_of(4096), 1);
    ck_assert_uint_eq(charge_of(65535), 1);
    ck_assert_uint_eq(charge_of(65536), 1);
    ck_assert_uint_eq(charge_of(65537), 2);
    ck_assert_uint_eq(charge_of(131072), 2);
    ck_assert_uint_eq(charge_of(131073), 3);
    ck_assert_uint_eq(charge_of(1 << 20), 16);
    ck_assert_uint_eq(charge_of(8 << 20), 128);
}
END_TEST

START_TEST(no_charge_without_large_mtu)
{
    opened();
    client.server_capabilities = 0;
    call();
    ck_assert_uint_eq(sent.e[0].h.credit_charge, 1);
    opened();
    client.validated = true;
    client.dialect = NETSESSION_SMB_2_0_2;
    client.signing = srv.signing = NETSESSION_HMAC_SHA256;
    call();
    ck_assert_uint_eq(sent.e[0].h.credit_charge, 0);
    ck_assert_uint_eq(sent.e[0].h.message_id, 5);
    ck_assert_uint_eq(client.next_message_id, 6); /* it costs one all the same */
    ck_assert_uint_eq(client.credits, 9);
}
END_TEST

START_TEST(too_few_credits)
{
    opened();
    client.io_size = 1 << 20;
    client.credits = 15;
    expect_protocol(smb2_pipe_read(&client), "no credits");
    opened();
    client.io_size = 1 << 20;
    client.credits = 16;
    ck_assert_int_eq(smb2_pipe_read(&client), 0);
    EXPECT_SENT(SMB2_READ);
    ck_assert_uint_eq(client.credits, 0);
}
END_TEST

static int answered(smb2_client *c, const smb2_reply *reply)
{
    (void)c;
    (void)reply;
    return 0;
}

/* As many as there are slots, whatever the credits. */
START_TEST(too_many_requests)
{
    opened();
    client.credits = 100;
    for (int i = 0; i < SMB2_MAX_REQUESTS; i++)
        ck_assert_ptr_nonnull(smb2_request_begin(&client, SMB2_ECHO, answered, 0, false));
    ck_assert_ptr_null(smb2_request_begin(&client, SMB2_ECHO, answered, 0, false));
    ck_assert_uint_eq(client.credits, 100 - SMB2_MAX_REQUESTS);
}
END_TEST

START_TEST(write_without_credits)
{
    opened();
    client.credits = 0;
    expect_protocol(smb2_pipe_write(&client, bytes, 4), "no credits");
    ck_assert_uint_eq(client.out.len, 0);
}
END_TEST

/* What is asked for tops up, and stops when there is plenty. */
START_TEST(asks_for_credits)
{
    opened();
    client.credits = 1;
    call();
    ck_assert_uint_ge(sent.e[0].h.credits, 16);
    opened();
    client.credits = 1000;
    call();
    ck_assert_uint_eq(sent.e[0].h.credits, 1);
}
END_TEST

/* ---- Closing ---- */

START_TEST(goodbye_in_one)
{
    opened();
    ck_assert_int_eq(smb2_goodbye(&client), 0);
    EXPECT_SENT(SMB2_CLOSE, SMB2_TREE_DISCONNECT, SMB2_LOGOFF);
    ck_assert_uint_eq(sent.frames, 1);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(sent.e[i].h.flags & SMB2_FLAG_RELATED, 0);
        ck_assert_uint_eq(sent.e[i].h.session_id, SESSION);
        answer_empty(&sent.e[i]);
    }
    delivered(SIGNED);
    expect_event(SMB2_EV_GOODBYE);
}
END_TEST

static void goodbye_one_by_one(uint32_t status)
{
    static const unsigned commands[] = {SMB2_CLOSE, SMB2_TREE_DISCONNECT, SMB2_LOGOFF};

    ck_assert_int_eq(smb2_goodbye(&client), 0);
    for (size_t i = 0; i < 3; i++) {
        expect_event(SMB2_EV_NONE);
        expect_sent(&commands[i], 1);
        if (status)
            answer_error(&sent.e[0], status);
        else
            answer_empty(&sent.e[0]);
        delivered(SIGNED);
    }
    expect_event(SMB2_EV_GOODBYE);
    ck_assert_uint_eq(client.out.len, 0);
}

START_TEST(goodbye_step_by_step)
{
    opened();
    client.credits = 2;
    srv.grant = 1;
    goodbye_one_by_one(0);
    opened();
    client.chain_refused = true;
    goodbye_one_by_one(0);
    cfg.compound = false;
    opened();
    goodbye_one_by_one(0);
    opened();
    goodbye_one_by_one(FILE_CLOSED); /* gone is gone */
}
END_TEST

START_TEST(goodbye_before_anything)
{
    client_begin();
    ck_assert_int_eq(smb2_goodbye(&client), 0);
    expect_event(SMB2_EV_GOODBYE);
    opened();
    client.credits = 0;
    ck_assert_int_eq(smb2_goodbye(&client), 0);
    expect_event(SMB2_EV_GOODBYE);
}
END_TEST

/* ---- Suite ---- */

Suite *smb2_suite(void)
{
    Suite *s = suite_create("smb2");
    TCase *life = rig_case(s, "life"), *header = rig_case(s, "header");
    TCase *protection = rig_case(s, "protection");

    suite_add_tcase(s, smb2_crypto_case());
    suite_add_tcase(s, smb2_messages_case());
    smb2_open_cases(s);

    tcase_add_test(life, a_call);
    tcase_add_test(life, an_encrypted_call);
    tcase_add_test(life, calls_bytewise);
    tcase_add_test(life, reads_and_writes);
    tcase_add_test(life, wrong_count_written);
    tcase_add_test(life, malformed_count_written);
    tcase_add_test(life, refused_calls);
    tcase_add_test(life, f82_buffer_overflow);
    tcase_add_test(life, f83_zero_bytes);
    tcase_add_test(life, f84_more_than_asked_for);
    tcase_add_test(life, f85_data_inside_the_header);
    tcase_add_test(life, answer_of_another_fsctl);
    tcase_add_test(life, charges);
    tcase_add_test(life, no_charge_without_large_mtu);
    tcase_add_test(life, too_few_credits);
    tcase_add_test(life, too_many_requests);
    tcase_add_test(life, write_without_credits);
    tcase_add_test(life, asks_for_credits);
    tcase_add_test(life, goodbye_in_one);
    tcase_add_test(life, goodbye_step_by_step);
    tcase_add_test(life, goodbye_before_anything);

    tcase_add_test(header, f6_to_f10_framing);
    tcase_add_test(header, more_than_room);
    tcase_add_test(header, f8_f9_frame_and_message_differ);
    tcase_add_test(header, f13_truncated);
    tcase_add_test(header, f14_wrong_protocol_id);
    tcase_add_test(header, f15_smb1);
    tcase_add_test(header, f16_structure_size);
    tcase_add_test(header, f17_wrong_command);
    tcase_add_test(header, f18_request_direction);
    tcase_add_test(header, f19_next_command_inside_the_header);
    tcase_add_test(header, f20_next_command_unaligned);
    tcase_add_test(header, f21_next_command_past_the_end);
    tcase_add_test(header, f21_next_command_near_the_end);
    tcase_add_test(header, f22_chain_of_1000);
    tcase_add_test(header, f23_unknown_message_id);
    tcase_add_test(header, f24_duplicate_reply);
    tcase_add_test(header, f25_unsolicited);
    tcase_add_test(header, f26_reply_before_the_request);
    tcase_add_test(header, f27_no_credits);
    tcase_add_test(header, f28_credit_overflow);
    tcase_add_test(header, f29_f30_second_pending);
    tcase_add_test(header, f31_another_async_id);
    tcase_add_test(header, pending_without_async);
    tcase_add_test(header, pending_then_the_answer);
    tcase_add_test(header, async_without_pending);
    tcase_add_test(header, pending_then_unsigned);
    tcase_add_test(header, f32_wrong_tree);
    tcase_add_test(header, f33_f34_wrong_session);

    tcase_add_test(protection, f50_signed_flag_missing);
    tcase_add_test(protection, f51_zero_signature);
    tcase_add_test(protection, f52_own_signature_echoed);
    tcase_add_loop_test(protection, f53_each_bit_flipped, NETSESSION_HMAC_SHA256,
                        NETSESSION_AES_GMAC + 1);
    tcase_add_test(protection, f54_signature_of_another_message);
    tcase_add_test(protection, f55_unsigned_errors);
    tcase_add_test(protection, f56_plaintext_after_encryption);
    tcase_add_test(protection, encrypted_before_it_was_agreed);
    tcase_add_test(protection, encrypted_answer_to_a_signed_call);
    tcase_add_test(protection, f57_transform_within_transform);
    tcase_add_test(protection, f58_inner_and_outer_session_differ);
    tcase_add_test(protection, f59_bad_tag);
    tcase_add_test(protection, f60_repeated_server_nonce);
    tcase_add_test(protection, f61_wrong_key);
    tcase_add_test(protection, f63_compressed);
    tcase_add_test(protection, one_of_a_chain_unsigned);
    return s;
}
