/*
 * The messages of SMB2: what is sent, byte for byte; what is received, cut
 * short at every byte and with every field wrong.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "smb2/message.h"
#include "tests/smb2_vectors.h"
#include "tests/util.h"

TCase *smb2_messages_case(void);

#define MAX_LEN 1024

static test_heap heap;
static netsession_hooks hooks;
static ns_writer w;

static const uint8_t file_id[SMB2_FILE_ID_LEN] = {0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5,
                                                  0xF6, 0xF7, 0xF8, 0xF9, 0xFA, 0xFB,
                                                  0xFC, 0xFD, 0xFE, 0xFF};
#define FILE_ID "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"

static void setup(void)
{
    test_heap_hooks(&heap, &hooks);
    ns_writer_init(&w, &hooks, 100000);
}

static void teardown(void)
{
    ns_writer_free(&w);
    ck_assert_int_eq(heap.live, 0);
}

/* ---- What is sent ---- */

/* An empty message with its header. */
static void begin(void)
{
    static const smb2_header h;

    ns_writer_reset(&w);
    smb2_header_put(&w, &h);
}

static void expect_body(const char *hex)
{
    ck_assert_int_eq(w.err, 0);
    ck_assert_uint_gt(w.len, SMB2_HEADER_LEN);
    test_assert_hex(w.p + SMB2_HEADER_LEN, w.len - SMB2_HEADER_LEN, hex);
}

static const char *const published[] = {vector_negotiate_request, vector_negotiate_response,
                                        vector_setup_request_1,   vector_setup_response_1,
                                        vector_setup_request_2,   vector_setup_response_2};

/* Read and written again, the published headers are as they were. */
START_TEST(headers_as_published)
{
    uint8_t msg[MAX_LEN];
    size_t len = test_unhex(msg, sizeof msg, published[_i]);
    ns_reader r = ns_reader_of(msg, len);
    smb2_header h;

    ck_assert(smb2_header_get(&r, &h));
    ck_assert_uint_eq(r.off, SMB2_HEADER_LEN);
    smb2_header_put(&w, &h);
    ck_assert_uint_eq(w.len, SMB2_HEADER_LEN);
    ck_assert_mem_eq(w.p, msg, SMB2_HEADER_LEN);
}
END_TEST

START_TEST(every_field_of_a_header)
{
    static const smb2_header sent = {.credit_charge = 0x0102,
                                     .status = 0x03040506,
                                     .command = 0x0708,
                                     .credits = 0x090A,
                                     .flags = 0x0B0C0D09,
                                     .next = 0x0F101112,
                                     .message_id = 0x131415161718191A,
                                     .tree_id = 0x1B1C1D1E,
                                     .session_id = 0x1F20212223242526,
                                     .signature = {0x27, 0x28, 0x29}};
    static const char hex[] = "fe534d42400002010605040308070a09090d0c0b1211100f1a19181716151413"
                              "fffe00001e1d1c1b26252423"
                              "2221201f27282900000000000000000000000000";
    uint8_t msg[SMB2_HEADER_LEN];
    ns_reader r;
    smb2_header h;

    smb2_header_put(&w, &sent);
    test_assert_hex(w.p, w.len, hex);
    r = ns_reader_of(w.p, w.len);
    ck_assert(smb2_header_get(&r, &h));
    ck_assert_uint_eq(h.credit_charge, sent.credit_charge);
    ck_assert_uint_eq(h.status, sent.status);
    ck_assert_uint_eq(h.command, sent.command);
    ck_assert_uint_eq(h.credits, sent.credits);
    ck_assert_uint_eq(h.flags, sent.flags);
    ck_assert_uint_eq(h.next, sent.next);
    ck_assert_uint_eq(h.message_id, sent.message_id);
    ck_assert_uint_eq(h.tree_id, sent.tree_id);
    ck_assert_uint_eq(h.async_id, 0);
    ck_assert_uint_eq(h.session_id, sent.session_id);
    ck_assert_mem_eq(h.signature, sent.signature, 16);

    /* With the flag, the AsyncId stands where Reserved and TreeId do. */
    test_unhex(msg, sizeof msg, hex);
    msg[16] |= SMB2_FLAG_ASYNC;
    r = ns_reader_of(msg, sizeof msg);
    ck_assert(smb2_header_get(&r, &h));
    ck_assert_uint_eq(h.async_id, 0x1B1C1D1E0000FEFF);
    ck_assert_uint_eq(h.tree_id, 0);
}
END_TEST

START_TEST(malformed_headers)
{
    uint8_t msg[MAX_LEN];
    smb2_header h;
    ns_reader r;

    test_unhex(msg, sizeof msg, vector_setup_response_1);
    for (size_t len = 0; len < SMB2_HEADER_LEN; len++) {
        uint8_t *cut = test_copy(msg, len);

        r = ns_reader_of(cut, len);
        ck_assert(!smb2_header_get(&r, &h));
        free(cut);
    }
    for (size_t bit = 0; bit < 48; bit++) { /* protocol id and StructureSize */
        msg[bit / 8] ^= (uint8_t)(1u << bit % 8);
        r = ns_reader_of(msg, SMB2_HEADER_LEN);
        ck_assert(!smb2_header_get(&r, &h));
        msg[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

START_TEST(command_names)
{
    ck_assert_str_eq(smb2_command_name(SMB2_NEGOTIATE), "NEGOTIATE");
    ck_assert_str_eq(smb2_command_name(SMB2_IOCTL), "IOCTL");
    ck_assert_str_eq(smb2_command_name(SMB2_NOTIFICATION), "NOTIFICATION");
    ck_assert_str_eq(smb2_command_name(SMB2_NOTIFICATION + 1), "?");
    ck_assert_str_eq(smb2_command_name(0xFFFF), "?");
}
END_TEST

/* What the published client offered, to which ours adds two contexts. */
static smb2_negotiate_request offer(void)
{
    smb2_negotiate_request m = {
        .dialects = {NETSESSION_SMB_2_0_2, NETSESSION_SMB_2_1, NETSESSION_SMB_3_0,
                     NETSESSION_SMB_3_0_2, NETSESSION_SMB_3_1_1},
        .dialect_count = 5,
        .capabilities = 0x3F,
        .ciphers = {{NETSESSION_AES_128_GCM, NETSESSION_AES_128_CCM}, 2},
        .signings = {{NETSESSION_AES_GMAC, NETSESSION_AES_CMAC, NETSESSION_HMAC_SHA256}, 3},
        .netname = "fs\xC3\xA9"};

    test_unhex(m.client_guid, 16, "ecd86f326276024f9f7752b89bb33f3a");
    test_unhex(m.salt, 32, "fa49e6578f1f3a9f4cd3e9cc14a67aa884b3d05844e0e5a118225c15887f32ff");
    return m;
}

START_TEST(negotiate_request)
{
    smb2_negotiate_request m = offer();
    uint8_t want[MAX_LEN];
    size_t len = test_unhex(want, sizeof want, vector_negotiate_request);

    begin();
    ck_assert(smb2_negotiate_request_put(&w, &m));
    ck_assert_uint_gt(w.len, len);
    want[64 + 32] = 4; /* contexts, not 2 */
    want[len - 4] = 2; /* GCM first */
    want[len - 2] = 1;
    ck_assert_mem_eq(w.p + SMB2_HEADER_LEN, want + SMB2_HEADER_LEN, len - SMB2_HEADER_LEN);
    test_assert_hex(w.p + len, w.len - len,
                    "0000"
                    "0800080000000000"
                    "0300020001000000"
                    "0500060000000000"
                    "66007300e900");
}
END_TEST

/* It is counted from its own header, wherever that stands. */
START_TEST(negotiate_request_behind_something)
{
    smb2_negotiate_request m = offer();
    static uint8_t alone[MAX_LEN];
    size_t len;

    begin();
    ck_assert(smb2_negotiate_request_put(&w, &m));
    len = w.len;
    memcpy(alone, w.p, len);
    ns_writer_reset(&w);
    ns_put(&w, "abc", 3);
    ns_put(&w, alone, SMB2_HEADER_LEN);
    ck_assert(smb2_negotiate_request_put(&w, &m));
    ck_assert_uint_eq(w.len, 3 + len);
    ck_assert_mem_eq(w.p + 3, alone, len);
}
END_TEST

START_TEST(negotiate_request_without_3_1_1)
{
    smb2_negotiate_request m = offer();

    m.dialect_count = 3;
    m.security_mode = SMB2_SIGNING_REQUIRED;
    m.netname = "\xFF"; /* not sent */
    begin();
    ck_assert(smb2_negotiate_request_put(&w, &m));
    expect_body("24000300020000003f000000ecd86f326276024f9f7752b89bb33f3a0000000000000000"
                "020210020003");
}
END_TEST

START_TEST(negotiate_request_without_ciphers)
{
    smb2_negotiate_request m = offer();

    m.dialects[0] = NETSESSION_SMB_3_1_1;
    m.dialect_count = 1;
    m.ciphers.count = 0;
    m.netname = "a";
    begin();
    ck_assert(smb2_negotiate_request_put(&w, &m));
    expect_body("24000100000000003f000000ecd86f326276024f9f7752b89bb33f3a6800000003000000"
                "1103"
                "0000"
                "0100260000000000"
                "010020000100fa49e6578f1f3a9f4cd3e9cc14a67aa884b3d05844e0e5a118225c15887f32ff"
                "0000"
                "0800080000000000"
                "0300020001000000"
                "0500020000000000"
                "6100");
    m.netname = "\xC3";
    begin();
    ck_assert(!smb2_negotiate_request_put(&w, &m));
}
END_TEST

START_TEST(session_setup_request)
{
    uint8_t want[MAX_LEN];
    size_t len = test_unhex(want, sizeof want, vector_setup_request_1);

    want[64 + 4] = 0; /* we announce no DFS */
    begin();
    smb2_session_setup_request_put(&w, SMB2_SIGNING_ENABLED, want + 88, len - 88);
    ck_assert_uint_eq(w.len, len);
    ck_assert_mem_eq(w.p + 64, want + 64, len - 64);
    len = test_unhex(want, sizeof want, vector_setup_request_2);
    want[64 + 4] = 0;
    begin();
    smb2_session_setup_request_put(&w, SMB2_SIGNING_ENABLED, want + 88, len - 88);
    ck_assert_uint_eq(w.len, len);
    ck_assert_mem_eq(w.p + 64, want + 64, len - 64);
}
END_TEST

START_TEST(tree_connect_request)
{
    static char longest[32769];

    begin();
    ck_assert(smb2_tree_connect_request_put(&w, "\\\\s\xC3\xA9\\IPC$"));
    expect_body("0900000048001200"
                "5c005c007300e9005c00490050004300"
                "2400");
    ck_assert(!smb2_tree_connect_request_put(&w, "\xED\xA0\x80"));
    memset(longest, 'a', sizeof longest - 1);
    ck_assert(!smb2_tree_connect_request_put(&w, longest));
    longest[32767] = 0;
    ck_assert(smb2_tree_connect_request_put(&w, longest));
}
END_TEST

START_TEST(create_request)
{
    begin();
    smb2_create_request_put(&w, "srvsvc");
    expect_body("39000000020000000000000000000000000000000000000"
                "09f01120000000000070000000100000000000000"
                "78000c000000000000000000"
                "730072007600730076006300");
}
END_TEST

START_TEST(close_request)
{
    begin();
    smb2_close_request_put(&w, file_id);
    expect_body("1800000000000000" FILE_ID);
}
END_TEST

START_TEST(read_request)
{
    begin();
    smb2_read_request_put(&w, file_id, 0x00012345);
    expect_body("31000000452301000000000000000000" FILE_ID
                "0000000000000000000000000000000000");
}
END_TEST

/* Published with "Encryption in SMB 3.0: a protocol perspective". */
START_TEST(write_request)
{
    static const char hex[] =
        "fe534d4240000100000000000900400008000000000000000400000000000000fffe0000010000001100"
        "001400e40800000000000000000000000000000000003100700017000000000000000000000015010000"
        "39000002010000003902000000000000000000007000000000000000536d623320656e6372797074696f"
        "6e2074657374696e67";
    static const smb2_header h = {.credit_charge = 1,
                                  .command = SMB2_WRITE,
                                  .credits = 64,
                                  .flags = SMB2_FLAG_SIGNED,
                                  .message_id = 4,
                                  .tree_id = 1,
                                  .session_id = 0x8E40014000011};
    static const char data[] = "Smb3 encryption testing";
    uint8_t id[16], want[MAX_LEN];
    size_t len = test_unhex(want, sizeof want, hex);

    test_unhex(id, 16, "15010000390000020100000039020000");
    smb2_header_put(&w, &h);
    smb2_write_request_put(&w, id, (const uint8_t *)data, strlen(data));
    want[64 + 40] = 0; /* WriteChannelInfoOffset without any */
    ck_assert_uint_eq(w.len, len);
    ck_assert_mem_eq(w.p, want, len);
}
END_TEST

START_TEST(ioctl_request)
{
    begin();
    smb2_ioctl_request_put(&w, SMB2_FSCTL_PIPE_TRANSCEIVE, file_id, (const uint8_t *)"abc", 3,
                           0x10000);
    expect_body("3900000017c01100" FILE_ID "78000000"
                "03000000"
                "00000000"
                "00000000"
                "00000000"
                "00000100"
                "01000000"
                "00000000"
                "616263");
}
END_TEST

START_TEST(validate_request)
{
    smb2_negotiate_request m = offer();

    m.security_mode = SMB2_SIGNING_REQUIRED;
    smb2_validate_request_put(&w, &m);
    test_assert_hex(w.p, w.len,
                    "3f000000ecd86f326276024f9f7752b89bb33f3a0200050002021002000302031103");
}
END_TEST

START_TEST(empty_message)
{
    begin();
    smb2_empty_put(&w);
    expect_body("04000000");
}
END_TEST

/* ---- What is received ---- */

#define HEADER                                                                                 \
    "fe534d4240000100000000000100010001000000000000000500000000000000000000000000000000000000" \
    "0000000000000000000000000000000000000000"

static bool read_tree(ns_reader r)
{
    smb2_tree_connect_response m;

    return smb2_tree_connect_response_get(&r, &m) && m.share_type == SMB2_SHARE_PIPE &&
           m.share_flags == 0x8030;
}

static bool read_create(ns_reader r)
{
    uint8_t id[SMB2_FILE_ID_LEN];

    return smb2_create_response_get(&r, id) && !memcmp(id, file_id, sizeof id);
}

static bool is_abc(const ns_reader *data)
{
    return data->len == 3 && !memcmp(data->base, "abc", 3);
}

static bool read_read(ns_reader r)
{
    ns_reader data;

    return smb2_read_response_get(&r, &data) && is_abc(&data);
}

static bool read_write(ns_reader r)
{
    uint32_t count;

    return smb2_write_response_get(&r, &count) && count == 23;
}

static bool read_ioctl(ns_reader r)
{
    smb2_ioctl_response m;

    return smb2_ioctl_response_get(&r, &m) && m.ctl_code == SMB2_FSCTL_PIPE_TRANSCEIVE &&
           !memcmp(m.file_id, file_id, sizeof m.file_id) && is_abc(&m.output);
}

static bool read_setup(ns_reader r)
{
    smb2_session_setup_response m;

    return smb2_session_setup_response_get(&r, &m);
}

static bool read_negotiate(ns_reader r)
{
    smb2_negotiate_response m;

    return smb2_body_is(r, 65) && smb2_negotiate_response_get(&r, &m);
}

static bool is_empty(ns_reader r)
{
    return smb2_body_is(r, 4);
}

static bool is_closed(ns_reader r)
{
    return smb2_body_is(r, 60);
}

static bool is_error(ns_reader r)
{
    return smb2_body_is(r, 9);
}

static const struct response {
    const char *name, *hex;
    bool (*good)(ns_reader r);
} responses[] = {
    {"NEGOTIATE", vector_negotiate_response, read_negotiate},
    {"SESSION_SETUP 1", vector_setup_response_1, read_setup},
    {"SESSION_SETUP 2", vector_setup_response_2, read_setup},
    {"TREE_CONNECT", HEADER "10000200308000000000000000000000", read_tree},
    {"CREATE",
     HEADER
     "590000000100000000000000000000000000000000000000000000000000000000000000000000000010"
     "00000000000000000000000000008000000000000000" FILE_ID "0000000000000000",
     read_create},
    {"READ", HEADER "11005000030000000000000000000000616263", read_read},
    {"READ further back",
     HEADER "1100550003000000000000000000000078787878786162"
            "63",
     read_read},
    {"WRITE", HEADER "11000000170000000000000000000000", read_write},
    {"IOCTL",
     HEADER "3100000017c01100" FILE_ID "70000000000000007000000003000000"
            "0000000000000000616263",
     read_ioctl},
    {"LOGOFF", HEADER "04000000", is_empty},
    {"CLOSE",
     HEADER
     "3c0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "000000000000000000000000000000000000",
     is_closed},
    {"an error", HEADER "0900000000000000", is_error},
};
#define RESPONSES (int)(sizeof responses / sizeof *responses)

START_TEST(read_whole)
{
    uint8_t msg[MAX_LEN], *copy;
    size_t len = test_unhex(msg, sizeof msg, responses[_i].hex);

    copy = test_copy(msg, len);
    ck_assert_msg(responses[_i].good(ns_reader_of(copy, len)), "%s", responses[_i].name);
    free(copy);
}
END_TEST

START_TEST(cut_at_every_byte)
{
    uint8_t msg[MAX_LEN];
    size_t len = test_unhex(msg, sizeof msg, responses[_i].hex);

    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = test_copy(msg, cut);

        ck_assert_msg(!responses[_i].good(ns_reader_of(copy, cut)), "%s, %zu of %zu bytes",
                      responses[_i].name, cut, len);
        free(copy);
    }
}
END_TEST

START_TEST(another_structure_size)
{
    uint8_t msg[MAX_LEN];
    size_t len = test_unhex(msg, sizeof msg, responses[_i].hex);

    for (unsigned bit = 0; bit < 16; bit++) {
        msg[64 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_msg(!responses[_i].good(ns_reader_of(msg, len)), "%s", responses[_i].name);
        msg[64 + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

static bool get_ioctl_output(ns_reader r, ns_reader *out)
{
    smb2_ioctl_response m = {0};
    bool ok = smb2_ioctl_response_get(&r, &m);

    *out = m.output;
    return ok;
}

static bool get_read_data(ns_reader r, ns_reader *out)
{
    return smb2_read_response_get(&r, out);
}

static bool get_setup_token(ns_reader r, ns_reader *out)
{
    smb2_session_setup_response m = {0};
    bool ok = smb2_session_setup_response_get(&r, &m);

    *out = m.security;
    return ok;
}

static bool get_negotiate_token(ns_reader r, ns_reader *out)
{
    smb2_negotiate_response m;
    bool ok = smb2_negotiate_response_get(&r, &m);

    *out = m.security;
    return ok;
}

#define NEGOTIATE_3_0                                                                          \
    "4100010000030000"                                                                         \
    "0102030405060708090a0b0c0d0e0f10"                                                         \
    "44000000000080000000800000008000"                                                         \
    "00000000000000000000000000000000"                                                         \
    "8000040000000000"

static bool get_setup_request(ns_reader r, ns_reader *out)
{
    smb2_session_setup_request m = {0};
    bool ok = smb2_session_setup_request_get(&r, &m);

    *out = m.security;
    return ok;
}

static bool get_tree_path(ns_reader r, ns_reader *out)
{
    return smb2_tree_connect_request_get(&r, out);
}

static bool get_create_name(ns_reader r, ns_reader *out)
{
    smb2_create_request m = {0};
    bool ok = smb2_create_request_get(&r, &m);

    *out = m.name;
    return ok;
}

static bool get_write_data(ns_reader r, ns_reader *out)
{
    smb2_write_request m = {0};
    bool ok = smb2_write_request_get(&r, &m);

    *out = m.data;
    return ok;
}

static bool get_ioctl_input(ns_reader r, ns_reader *out)
{
    smb2_ioctl_request m = {0};
    bool ok = smb2_ioctl_request_get(&r, &m);

    *out = m.input;
    return ok;
}

#define ZEROS_8  "0000000000000000"
#define ZEROS_16 ZEROS_8 ZEROS_8
#define ZEROS_32 ZEROS_16 ZEROS_16

/* Every offset and length that a response or a request tells; names are in
 * UTF-16. */
static const struct pointer {
    bool (*get)(ns_reader r, ns_reader *out);
    const char *hex;
    size_t off_at, off_size, len_at, len_size, least;
    bool utf16;
} pointers[] = {
    {get_ioctl_output,
     HEADER "3100000017c01100" FILE_ID "70000000000000007000000003000000"
            "0000000000000000616263",
     96, 4, 100, 4, 112, false},
    {get_read_data, HEADER "11005000030000000000000000000000616263", 66, 1, 68, 4, 80, false},
    {get_setup_token, HEADER "0900000048000400746f6b65", 68, 2, 70, 2, 72, false},
    {get_negotiate_token, HEADER NEGOTIATE_3_0 "746f6b65", 120, 2, 122, 2, 128, false},
    {get_setup_request, HEADER "19000002" ZEROS_8 "58000400" ZEROS_8 "746f6b65", 76, 2, 78, 2,
     88, false},
    {get_tree_path, HEADER "090000004800040061006200", 68, 2, 70, 2, 72, true},
    {get_create_name, HEADER "39000000" ZEROS_32 ZEROS_8 "78000400" ZEROS_8 "61006200", 108, 2,
     110, 2, 120, true},
    {get_write_data, HEADER "3100700003000000" ZEROS_8 FILE_ID ZEROS_16 "616263", 66, 2, 68, 4,
     112, false},
    {get_ioctl_input,
     HEADER "3900000017c01100" FILE_ID "7800000003000000" ZEROS_16 ZEROS_8 "616263", 88, 4, 92,
     4, 120, false},
};

static void store(uint8_t *p, size_t size, uint64_t v)
{
    for (size_t i = 0; i < size; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

START_TEST(offsets_and_lengths)
{
    static const uint64_t values[] = {
        0,          1,          2,          3,          4,          5,         63,
        64,         65,         71,         72,         79,         80,        81,
        83,         111,        112,        113,        115,        127,       128,
        129,        132,        133,        255,        0x7FFF,     0xFFFC,    0xFFFF,
        0x7FFFFFFF, 0x80000000, 0xFFFFFF80, 0xFFFFFFFC, 0xFFFFFFFD, 0xFFFFFFFF};
    const struct pointer *p = &pointers[_i];
    uint8_t msg[MAX_LEN], *copy;
    size_t n = test_unhex(msg, sizeof msg, p->hex), count = sizeof values / sizeof *values;

    copy = test_copy(msg, n);
    for (size_t i = 0; i < count * count; i++) {
        uint64_t off = values[i / count] & (UINT64_MAX >> (64 - 8 * p->off_size));
        uint64_t len = values[i % count] & (UINT64_MAX >> (64 - 8 * p->len_size));
        bool fits =
            !len || (off >= p->least && off <= n && len <= n - off && !(p->utf16 && len % 2));
        ns_reader out = {0};

        store(copy + p->off_at, p->off_size, off);
        store(copy + p->len_at, p->len_size, len);
        ck_assert_msg(p->get(ns_reader_of(copy, n), &out) == fits, "offset %u, length %u",
                      (unsigned)off, (unsigned)len);
        if (fits) {
            ck_assert_uint_eq(out.len, len);
            ck_assert(!len || out.base == copy + off);
        }
    }
    free(copy);
}
END_TEST

START_TEST(validate_response)
{
    static const char hex[] = "440000000102030405060708090a0b0c0d0e0f1003000003ff";
    uint8_t msg[25];
    smb2_validate_response m;

    test_unhex(msg, sizeof msg, hex);
    for (size_t len = 0; len <= 25; len++) {
        uint8_t *copy = test_copy(msg, len);
        ns_reader r = ns_reader_of(copy, len);

        ck_assert_int_eq(smb2_validate_response_get(&r, &m), len == 24);
        free(copy);
    }
    ck_assert_uint_eq(m.capabilities, 0x44);
    ck_assert_uint_eq(m.guid[15], 0x10);
    ck_assert_uint_eq(m.security_mode, 3);
    ck_assert_uint_eq(m.dialect, NETSESSION_SMB_3_0);
}
END_TEST

START_TEST(session_setup_as_published)
{
    uint8_t msg[MAX_LEN];
    ns_reader r = ns_reader_of(msg, test_unhex(msg, sizeof msg, vector_setup_response_1));
    smb2_session_setup_response m;
    smb2_header h;

    ck_assert(smb2_header_get(&r, &h));
    ck_assert_uint_eq(h.status, STATUS_MORE_PROCESSING_REQUIRED);
    ck_assert_uint_eq(h.command, SMB2_SESSION_SETUP);
    ck_assert_uint_eq(h.flags, SMB2_FLAG_RESPONSE);
    ck_assert_uint_eq(h.message_id, 2);
    ck_assert_uint_eq(h.session_id, 0x100000000019);
    r.off = 0;
    ck_assert(smb2_session_setup_response_get(&r, &m));
    ck_assert_uint_eq(m.flags, 0);
    ck_assert_uint_eq(m.security.len, 0xB3);
    ck_assert_mem_eq(m.security.base, "\xA1\x81\xB0\x30", 4);
}
END_TEST

/* ---- NEGOTIATE's contexts ---- */

START_TEST(negotiate_as_published)
{
    uint8_t msg[MAX_LEN];
    ns_reader r = ns_reader_of(msg, test_unhex(msg, sizeof msg, vector_negotiate_response));
    smb2_negotiate_response m;

    ck_assert(smb2_negotiate_response_get(&r, &m));
    ck_assert_uint_eq(m.security_mode, 1);
    ck_assert_uint_eq(m.dialect, NETSESSION_SMB_3_1_1);
    test_assert_hex(m.server_guid, 16, "39cbcaf329714942bdce5d60f09ab3fb");
    ck_assert_uint_eq(m.capabilities, 0x2F);
    ck_assert_uint_eq(m.max_transact, 8 << 20);
    ck_assert_uint_eq(m.max_read, 8 << 20);
    ck_assert_uint_eq(m.max_write, 8 << 20);
    ck_assert_uint_eq(m.security.len, 320);
    ck_assert_mem_eq(m.security.base, "\x60\x82\x01\x3C", 4);
    ck_assert(m.has_preauth && m.has_cipher && !m.has_signing);
    ck_assert_uint_eq(m.hash, 1);
    ck_assert_uint_eq(m.cipher, NETSESSION_AES_128_GCM);
}
END_TEST

#define NEGOTIATE_3_1_1(count, off)                                                            \
    "410001001103" count "0102030405060708090a0b0c0d0e0f10"                                    \
    "44000000000080000000800000008000"                                                         \
    "00000000000000000000000000000000"                                                         \
    "80000000" off
#define AT_128    "80000000"
#define PREAUTH_4 "01000a00000000000100040001005a5a5a5a"
#define PAD_6     "000000000000"
#define CIPHER    "02000400000000000100020000000000"
#define CIPHER_0  "02000400000000000100000000000000"
#define SIGNING   "0800040000000000010001000000"
#define UNKNOWN   "0001020000000000aaaa000000000000"

static const struct negotiation {
    const char *what, *hex;
    bool good;
} negotiations[] = {
    {"one", NEGOTIATE_3_1_1("0100", AT_128) PREAUTH_4, true},
    {"three", NEGOTIATE_3_1_1("0300", AT_128) PREAUTH_4 PAD_6 CIPHER SIGNING, true},
    {"in another order", NEGOTIATE_3_1_1("0200", AT_128) CIPHER PREAUTH_4, true},
    {"no cipher in common", NEGOTIATE_3_1_1("0200", AT_128) CIPHER_0 PREAUTH_4, true},
    {"an unknown one", NEGOTIATE_3_1_1("0200", AT_128) UNKNOWN PREAUTH_4, true},
    {"an unknown one twice", NEGOTIATE_3_1_1("0300", AT_128) UNKNOWN UNKNOWN PREAUTH_4, true},
    {"no salt", NEGOTIATE_3_1_1("0100", AT_128) "0100060000000000010000000100", true},
    {"bytes in front", NEGOTIATE_3_1_1("0100", "88000000") "0000000000000000" PREAUTH_4, true},
    {"bytes behind", NEGOTIATE_3_1_1("0100", AT_128) PREAUTH_4 "ffff", true},

    {"41: one more than there are", NEGOTIATE_3_1_1("0200", AT_128) PREAUTH_4, false},
    {"41: one more, padded", NEGOTIATE_3_1_1("0200", AT_128) PREAUTH_4 PAD_6, false},
    {"41: 65535", NEGOTIATE_3_1_1("ffff", AT_128) PREAUTH_4 PAD_6 UNKNOWN, false},
    {"42: none at all", NEGOTIATE_3_1_1("0000", AT_128), false},
    {"42: none at all, past the end", NEGOTIATE_3_1_1("0000", "00010000"), false},
    {"42: only a cipher", NEGOTIATE_3_1_1("0100", AT_128) CIPHER, false},
    {"43: two", NEGOTIATE_3_1_1("0200", AT_128) PREAUTH_4 PAD_6 PREAUTH_4, false},
    {"43: two ciphers", NEGOTIATE_3_1_1("0300", AT_128) CIPHER CIPHER PREAUTH_4, false},
    {"43: two signings",
     NEGOTIATE_3_1_1("0300", AT_128) SIGNING "0000" SIGNING "0000" PREAUTH_4, false},
    {"44: two hashes",
     NEGOTIATE_3_1_1("0100", AT_128) "01000c0000000000020004000100020"
                                     "05a5a5a5a",
     false},
    {"44: no hash",
     NEGOTIATE_3_1_1("0100", AT_128) "010008000000000000000400"
                                     "5a5a5a5a",
     false},
    {"44: an unknown hash",
     NEGOTIATE_3_1_1("0100", AT_128) "01000a00000000000100040002005a5a5a5a", false},
    {"44: two ciphers in one",
     NEGOTIATE_3_1_1("0200", AT_128) "02000600000000000200020001000000" PREAUTH_4, false},
    {"44: no cipher in one",
     NEGOTIATE_3_1_1("0200", AT_128) "02000200000000000000000000000000" PREAUTH_4, false},
    {"44: two signings in one",
     NEGOTIATE_3_1_1("0200", AT_128) "08000600000000000200010002000000" PREAUTH_4, false},
    {"45: salt longer than the context",
     NEGOTIATE_3_1_1("0100", AT_128) "01000a00000000000100050001005a5a5a5a5a", false},
    {"45: salt of 65535",
     NEGOTIATE_3_1_1("0100", AT_128) "01000a00000000000100ffff01005a5a5a5a", false},
    {"no room for the hash", NEGOTIATE_3_1_1("0100", AT_128) "0100040000000000010004000100",
     false},
    {"no room for the cipher",
     NEGOTIATE_3_1_1("0200", AT_128) "02000200000000000100000000000000" PREAUTH_4, false},
    {"longer than the message",
     NEGOTIATE_3_1_1("0100", AT_128) "01000b00000000000100040001005a5a5a5a", false},
    {"of 65535 bytes", NEGOTIATE_3_1_1("0100", AT_128) "0100ffff000000000100040001005a5a5a5a",
     false},
    {"offset 0", NEGOTIATE_3_1_1("0100", "00000000") PREAUTH_4, false},
    {"offset inside the header", NEGOTIATE_3_1_1("0100", "40000000") PREAUTH_4, false},
    {"offset inside the body", NEGOTIATE_3_1_1("0100", "78000000") PREAUTH_4, false},
    {"offset not aligned", NEGOTIATE_3_1_1("0100", "82000000") "0000" PREAUTH_4, false},
    {"offset past the end", NEGOTIATE_3_1_1("0100", "00010000") PREAUTH_4, false},
    {"offset far past the end", NEGOTIATE_3_1_1("0100", "f8ffffff") PREAUTH_4, false},
};

START_TEST(negotiate_contexts)
{
    const struct negotiation *n = &negotiations[_i];
    uint8_t msg[MAX_LEN], *copy;
    size_t head = test_unhex(msg, sizeof msg, HEADER);
    size_t len = head + test_unhex(msg + head, sizeof msg - head, n->hex);
    smb2_negotiate_response m;
    ns_reader r;

    copy = test_copy(msg, len);
    r = ns_reader_of(copy, len);
    ck_assert_msg(smb2_negotiate_response_get(&r, &m) == n->good, "%s", n->what);
    free(copy);
}
END_TEST

/* Looked at without smb2_body_is before it: cut short, and of another size. */
START_TEST(negotiate_response_alone)
{
    uint8_t msg[MAX_LEN];
    size_t len = test_unhex(msg, sizeof msg, HEADER NEGOTIATE_3_0 "746f6b65");
    smb2_negotiate_response m;
    ns_reader r;

    for (size_t n = 0; n < len; n++) {
        uint8_t *cut = test_copy(msg, n);

        r = ns_reader_of(cut, n);
        ck_assert(!smb2_negotiate_response_get(&r, &m));
        free(cut);
    }
    r = ns_reader_of(msg, len);
    ck_assert(smb2_negotiate_response_get(&r, &m));
    msg[64] ^= 1;
    r = ns_reader_of(msg, len);
    ck_assert(!smb2_negotiate_response_get(&r, &m));
}
END_TEST

/* A good one, but where the times should be. */
START_TEST(context_inside_the_body)
{
    uint8_t msg[MAX_LEN];
    size_t len = test_unhex(msg, sizeof msg, HEADER NEGOTIATE_3_1_1("0100", "68000000"));
    smb2_negotiate_response m;
    ns_reader r = ns_reader_of(msg, len);

    test_unhex(msg + 104, 16, "01000600000000000100000001000000");
    ck_assert(!smb2_negotiate_response_get(&r, &m));
}
END_TEST

START_TEST(f45_salt_too_long)
{
    for (unsigned salt = 255; salt <= 258; salt++) {
        smb2_negotiate_response m;
        uint8_t msg[MAX_LEN] = {0};
        size_t len = test_unhex(msg, sizeof msg, HEADER NEGOTIATE_3_1_1("0100", AT_128) "0100");
        ns_reader r;

        ns_store16(msg + len, (uint16_t)(6 + salt));
        ns_store16(msg + len + 6, 1);
        ns_store16(msg + len + 8, (uint16_t)salt);
        ns_store16(msg + len + 10, 1);
        r = ns_reader_of(msg, len + 12 + salt);
        ck_assert_int_eq(smb2_negotiate_response_get(&r, &m), salt <= 256);
    }
}
END_TEST

START_TEST(chosen_algorithms)
{
    uint8_t msg[MAX_LEN];
    size_t len = test_unhex(msg, sizeof msg,
                            HEADER NEGOTIATE_3_1_1("0300", AT_128) PREAUTH_4 PAD_6
                            "02000400000000000100040000000000"
                            "0800040000000000010002000000");
    ns_reader r = ns_reader_of(msg, len);
    smb2_negotiate_response m;

    ck_assert(smb2_negotiate_response_get(&r, &m));
    ck_assert(m.has_preauth && m.has_cipher && m.has_signing);
    ck_assert_uint_eq(m.cipher, NETSESSION_AES_256_GCM);
    ck_assert_uint_eq(m.signing, NETSESSION_AES_GMAC);
    len = test_unhex(msg, sizeof msg, HEADER NEGOTIATE_3_0 "746f6b65");
    r = ns_reader_of(msg, len);
    ck_assert(smb2_negotiate_response_get(&r, &m));
    ck_assert(!m.has_preauth && !m.has_cipher && !m.has_signing);
}
END_TEST

/* ---- The server's half ---- */

static bool expect_offer(ns_reader r)
{
    smb2_negotiate_request sent = offer();
    smb2_offer m;

    return smb2_negotiate_request_get(&r, &m) && m.listed == 5 && m.dialect_count == 5 &&
           !memcmp(m.dialects, sent.dialects, sizeof m.dialects) && m.capabilities == 0x3F &&
           !memcmp(m.client_guid, sent.client_guid, 16) && m.has_preauth && m.sha512 &&
           m.ciphers.count == 2 && m.ciphers.id[0] == NETSESSION_AES_128_GCM &&
           m.signings.count == 3 && m.signings.id[2] == NETSESSION_HMAC_SHA256;
}

/* One dialect, 3.1.1, and contexts, which stand from 104 on. */
#define OFFER(off, count)                                                                      \
    HEADER "2400010001000000"                                                                  \
           "44000000000102030405060708090a0b0c0d0e0f" off count "000011030000"
#define AT_104    "68000000"
#define SHA512    "01000600000000000100000001000000"
#define NO_HASH   "01000400000000000000000000000000"
#define FEW       "01000600000000000400000001000000"
#define NO_CIPHER "02000200000000000000000000000000"
#define TOO_FEW   "02000600000000000500010002000000"
#define TWICE     "02000a000000000004000200020001000200000000000000"
#define STRANGERS "02000a00000000000400000005000300ffff000000000000"
#define NO_SIGN   "08000200000000000000000000000000"

static const struct offered {
    const char *what, *hex;
    bool good;
    uint16_t ciphers; /* how many are known */
} offers[] = {
    {"no context", OFFER(AT_104, "0000"), true, 0},
    {"no context, inside the body", OFFER("60000000", "0000"), false, 0},
    {"a hash", OFFER(AT_104, "0100") SHA512, true, 0},
    {"the same cipher again and again", OFFER(AT_104, "0200") SHA512 TWICE, true, 2},
    {"ciphers that are none", OFFER(AT_104, "0200") SHA512 STRANGERS, true, 1},
    {"no hash", OFFER(AT_104, "0100") NO_HASH, false, 0},
    {"fewer hashes than said", OFFER(AT_104, "0100") FEW, false, 0},
    {"two lists of hashes", OFFER(AT_104, "0200") SHA512 SHA512, false, 0},
    {"no cipher", OFFER(AT_104, "0200") SHA512 NO_CIPHER, false, 0},
    {"fewer ciphers than said", OFFER(AT_104, "0200") SHA512 TOO_FEW, false, 0},
    {"two lists of ciphers", OFFER(AT_104, "0300") SHA512 TWICE TWICE, false, 0},
    {"no signing algorithm", OFFER(AT_104, "0200") SHA512 NO_SIGN, false, 0},
};

START_TEST(offer_case)
{
    const struct offered *o = &offers[_i];
    uint8_t msg[MAX_LEN], *copy;
    size_t len = test_unhex(msg, sizeof msg, o->hex);
    smb2_offer m;
    ns_reader r;

    copy = test_copy(msg, len);
    r = ns_reader_of(copy, len);
    ck_assert_msg(smb2_negotiate_request_get(&r, &m) == o->good, "%s", o->what);
    if (o->good)
        ck_assert_uint_eq(m.ciphers.count, o->ciphers);
    free(copy);
}
END_TEST

/* A dialect that is listed twice is one. */
START_TEST(dialects_listed_twice)
{
    uint8_t msg[MAX_LEN];
    size_t len = test_unhex(msg, sizeof msg,
                            HEADER "2400060001000000"
                                   "44000000000102030405060708090a0b0c0d0e0f"
                                   "0000000000000000"
                                   "100202021002020210020003");
    ns_reader r = ns_reader_of(msg, len);
    smb2_offer m;

    ck_assert(smb2_negotiate_request_get(&r, &m));
    ck_assert_uint_eq(m.listed, 6);
    ck_assert_uint_eq(m.dialect_count, 3);
    ck_assert_uint_eq(m.dialects[0], NETSESSION_SMB_2_1);
    ck_assert_uint_eq(m.dialects[1], NETSESSION_SMB_2_0_2);
    ck_assert_uint_eq(m.dialects[2], NETSESSION_SMB_3_0);
}
END_TEST

static bool expect_setup(ns_reader r)
{
    smb2_session_setup_request m;

    return smb2_session_setup_request_get(&r, &m) && m.security_mode == 2 && !m.flags &&
           !m.previous_session_id && is_abc(&m.security);
}

static bool expect_tree(ns_reader r)
{
    ns_reader path;

    return smb2_tree_connect_request_get(&r, &path) && path.len == 6 &&
           !memcmp(path.base, "a\0b\0c\0", 6);
}

static bool expect_create(ns_reader r)
{
    smb2_create_request m;

    return smb2_create_request_get(&r, &m) && m.impersonation == 2 && m.name.len == 6 &&
           !memcmp(m.name.base, "a\0b\0c\0", 6);
}

static bool expect_close(ns_reader r)
{
    uint8_t id[SMB2_FILE_ID_LEN];

    return smb2_close_request_get(&r, id) && !memcmp(id, file_id, sizeof id);
}

static bool expect_read(ns_reader r)
{
    smb2_read_request m;

    return smb2_read_request_get(&r, &m) && m.length == 1000 && !m.minimum &&
           !memcmp(m.file_id, file_id, sizeof m.file_id);
}

static bool expect_write(ns_reader r)
{
    smb2_write_request m;

    return smb2_write_request_get(&r, &m) && is_abc(&m.data) &&
           !memcmp(m.file_id, file_id, sizeof m.file_id);
}

static bool expect_ioctl(ns_reader r)
{
    smb2_ioctl_request m;

    return smb2_ioctl_request_get(&r, &m) && m.ctl_code == SMB2_FSCTL_PIPE_TRANSCEIVE &&
           !memcmp(m.file_id, file_id, sizeof m.file_id) && is_abc(&m.input) && !m.max_input &&
           m.max_output == 1000 && m.flags == 1;
}

static void write_offer(void)
{
    smb2_negotiate_request m = offer();

    ck_assert(smb2_negotiate_request_put(&w, &m));
}

static const uint8_t abc[] = {'a', 'b', 'c'};

static void write_setup(void)
{
    smb2_session_setup_request_put(&w, 2, abc, 3);
}

static void write_tree(void)
{
    ck_assert(smb2_tree_connect_request_put(&w, "abc"));
}

static void write_create(void)
{
    smb2_create_request_put(&w, "abc");
}

static void write_close(void)
{
    smb2_close_request_put(&w, file_id);
}

static void write_read(void)
{
    smb2_read_request_put(&w, file_id, 1000);
}

static void write_write(void)
{
    smb2_write_request_put(&w, file_id, abc, 3);
}

static void write_ioctl(void)
{
    smb2_ioctl_request_put(&w, SMB2_FSCTL_PIPE_TRANSCEIVE, file_id, abc, 3, 1000);
}

static const struct request {
    void (*put)(void);
    bool (*good)(ns_reader r);
    size_t spare; /* bytes at its end that no server needs */
} requests[] = {
    {write_offer, expect_offer, 0}, {write_setup, expect_setup, 0},
    {write_tree, expect_tree, 0},   {write_create, expect_create, 0},
    {write_close, expect_close, 0}, {write_read, expect_read, 1},
    {write_write, expect_write, 0}, {write_ioctl, expect_ioctl, 0},
};

START_TEST(requests_are_read)
{
    const struct request *q = &requests[_i];

    begin();
    q->put();
    ck_assert_int_eq(w.err, 0);
    for (size_t len = 0; len <= w.len; len++) {
        uint8_t *copy = test_copy(w.p, len);

        ck_assert_msg(q->good(ns_reader_of(copy, len)) == (len + q->spare >= w.len),
                      "%zu of %zu bytes", len, w.len);
        free(copy);
    }
    for (unsigned bit = 0; bit < 16; bit++) { /* StructureSize */
        w.p[64 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert(!q->good(ns_reader_of(w.p, w.len)));
        w.p[64 + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

/* What the server writes, the client reads. */
static void write_response(int i)
{
    static const smb2_ioctl_request asked = {.ctl_code = SMB2_FSCTL_PIPE_TRANSCEIVE,
                                             .file_id = {0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5,
                                                         0xF6, 0xF7, 0xF8, 0xF9, 0xFA, 0xFB,
                                                         0xFC, 0xFD, 0xFE, 0xFF}};
    static const smb2_tree_connect_response tree = {SMB2_SHARE_PIPE, 0x8030};

    begin();
    if (i == 0)
        smb2_tree_connect_response_put(&w, &tree, 0x1F01FF);
    else if (i == 1)
        smb2_create_response_put(&w, file_id);
    else if (i == 2)
        smb2_read_response_put(&w, abc, 3);
    else if (i == 3)
        smb2_write_response_put(&w, 23);
    else if (i == 4)
        smb2_ioctl_response_put(&w, &asked, abc, 3);
    else if (i == 5)
        smb2_session_setup_response_put(&w, 0, abc, 3);
    else if (i == 6)
        smb2_close_response_put(&w);
    else
        smb2_error_put(&w);
}

START_TEST(responses_are_read)
{
    static bool (*const good[])(ns_reader r) = {read_tree,  read_create, read_read, read_write,
                                                read_ioctl, read_setup,  is_closed, is_error};

    for (int i = 0; i < 8; i++) {
        write_response(i);
        ck_assert_int_eq(w.err, 0);
        ck_assert_msg(good[i](ns_reader_of(w.p, w.len)), "%d", i);
    }
}
END_TEST

START_TEST(negotiate_response_is_read)
{
    static const uint16_t dialects[] = {NETSESSION_SMB_2_1, NETSESSION_SMB_3_1_1};
    const uint8_t salt[32] = {1};

    for (size_t i = 0; i < 4; i++) {
        smb2_negotiate_response sent = {.security_mode = 3,
                                        .dialect = dialects[i % 2],
                                        .capabilities = 4,
                                        .max_transact = 1,
                                        .max_read = 2,
                                        .max_write = 3,
                                        .has_cipher = true,
                                        .cipher = NETSESSION_AES_256_GCM,
                                        .has_signing = i > 1,
                                        .signing = NETSESSION_AES_GMAC};
        smb2_negotiate_response m;
        ns_reader r;

        sent.security = ns_reader_of(abc, 3);
        begin();
        smb2_negotiate_response_put(&w, &sent, salt, 5);
        r = ns_reader_of(w.p, w.len);
        ck_assert(smb2_negotiate_response_get(&r, &m));
        ck_assert(is_abc(&m.security));
        ck_assert_uint_eq(m.dialect, sent.dialect);
        ck_assert_uint_eq(m.max_transact + 10 * m.max_read + 100 * m.max_write, 321);
        ck_assert_int_eq(m.has_preauth, i % 2);
        ck_assert_int_eq(m.has_cipher, i % 2);
        ck_assert_int_eq(m.has_signing, i == 3);
        ck_assert_uint_eq(m.cipher, i % 2 ? NETSESSION_AES_256_GCM : 0);
    }
}
END_TEST

START_TEST(validation_is_read)
{
    smb2_negotiate_request sent = offer();
    const smb2_validate_response answer = {0x44, {1, 2, 3}, 3, NETSESSION_SMB_3_0};
    smb2_validate_response got;
    smb2_offer m;
    ns_reader r;

    smb2_validate_request_put(&w, &sent);
    for (size_t len = 0; len <= w.len; len++) {
        uint8_t *copy = test_copy(w.p, len);

        r = ns_reader_of(copy, len);
        ck_assert_int_eq(smb2_validate_request_get(&r, &m), len == w.len);
        free(copy);
    }
    ck_assert_uint_eq(m.dialect_count, 5);
    ck_assert_uint_eq(m.capabilities, 0x3F);
    ck_assert_mem_eq(m.client_guid, sent.client_guid, 16);
    ns_writer_reset(&w);
    smb2_validate_response_put(&w, &answer);
    r = ns_reader_of(w.p, w.len);
    ck_assert(smb2_validate_response_get(&r, &got));
    ck_assert_uint_eq(got.capabilities, 0x44);
    ck_assert_mem_eq(got.guid, answer.guid, 16);
    ck_assert_uint_eq(got.dialect, NETSESSION_SMB_3_0);
}
END_TEST

/* ---- Suite ---- */

TCase *smb2_messages_case(void)
{
    TCase *tc = tcase_create("messages");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, headers_as_published, 0,
                        (int)(sizeof published / sizeof *published));
    tcase_add_test(tc, every_field_of_a_header);
    tcase_add_test(tc, malformed_headers);
    tcase_add_test(tc, command_names);
    tcase_add_test(tc, negotiate_request);
    tcase_add_test(tc, negotiate_request_behind_something);
    tcase_add_test(tc, negotiate_request_without_3_1_1);
    tcase_add_test(tc, negotiate_request_without_ciphers);
    tcase_add_test(tc, session_setup_request);
    tcase_add_test(tc, tree_connect_request);
    tcase_add_test(tc, create_request);
    tcase_add_test(tc, close_request);
    tcase_add_test(tc, read_request);
    tcase_add_test(tc, write_request);
    tcase_add_test(tc, ioctl_request);
    tcase_add_test(tc, validate_request);
    tcase_add_test(tc, empty_message);

    tcase_add_loop_test(tc, read_whole, 0, RESPONSES);
    tcase_add_loop_test(tc, cut_at_every_byte, 0, RESPONSES);
    tcase_add_loop_test(tc, another_structure_size, 0, RESPONSES);
    tcase_add_loop_test(tc, offsets_and_lengths, 0, (int)(sizeof pointers / sizeof *pointers));
    tcase_add_test(tc, validate_response);
    tcase_add_test(tc, session_setup_as_published);
    tcase_add_test(tc, negotiate_as_published);
    tcase_add_loop_test(tc, negotiate_contexts, 0,
                        (int)(sizeof negotiations / sizeof *negotiations));
    tcase_add_test(tc, negotiate_response_alone);
    tcase_add_test(tc, context_inside_the_body);
    tcase_add_test(tc, f45_salt_too_long);
    tcase_add_test(tc, chosen_algorithms);

    tcase_add_loop_test(tc, requests_are_read, 0, (int)(sizeof requests / sizeof *requests));
    tcase_add_loop_test(tc, offer_case, 0, (int)(sizeof offers / sizeof *offers));
    tcase_add_test(tc, dialects_listed_twice);
    tcase_add_test(tc, responses_are_read);
    tcase_add_test(tc, negotiate_response_is_read);
    tcase_add_test(tc, validation_is_read);
    return tc;
}
