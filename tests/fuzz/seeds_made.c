#include "dcerpc/pdu.h"
#include "srvsvc/session.h"
#include "tests/fuzz/seeds.h"

static void text(const char *target, const char *first, const char *s)
{
    seed(target, first, strlen(first), (ns_slice){s, strlen(s)});
}

static void texts(void)
{
    static const char *const targets[] = {"fs1",       "fs1:445",     "\\\\fs1.corp.example",
                                          "[fe80::1]", "[::1]:65535", "2001:db8::1"};
    static const char *const files[] = {
        "username = alice\npassword = secret\ndomain = CORP\n",
        "# who\n\nUSERNAME=CORP\\alice\r\npassword =  a b=c \r\n", "username = alice@CORP",
        "; none\npassword =\n"};

    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        text("target", "", targets[i]);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        text("authfile", "0", files[i]);
    text("utf8", "",
         "Stra\xC3\x9F"
         "e \xD0\xB6 \xE2\x82\xAC \xF0\x9F\x98\x80 \xCF\x82");
    seed("utf16", "", 0, (ns_slice){"a\0\xAC\x20=\xD8\0\xDE", 8});
    seed("utf16", "", 0, (ns_slice){"\0a\x20\xAC\xD8=\xDE\0", 8});
}

/* ---- NDR ---- */

static void answer(uint32_t level, const void *rows, bool ndr64)
{
    const srvsvc_session_enum_out out = {.level = level,
                                         .count = 2,
                                         .entries = rows,
                                         .total = 2,
                                         .resume = 2,
                                         .has_resume = true,
                                         .status = level == 502 ? 234 : 0};
    netsession_error err = {0};
    ns_writer w;
    fuzz z;

    fuzz_begin(&z);
    ns_writer_init(&w, &z.hooks, 65536);
    MUST(!srvsvc_session_enum_encode_out(&out, ndr64, &w, &err));
    seed("ndr", ndr64 ? "\1\x0B" : "\0\x0B", 2, fuzz_written(&w));
    ns_writer_free(&w);
}

static void answers(bool ndr64)
{
    static const srvsvc_session_info_0 rows_0[] = {{"\\\\10.0.0.1"}, {NULL}};
    static const srvsvc_session_info_1 rows_1[] = {{"a", "ada", 1, 2, 3, 1},
                                                   {"", NULL, 0, 0, 0, 0}};
    static const srvsvc_session_info_2 rows_2[] = {{"a", "ada", 1, 2, 3, 1, "x"}, {0}};
    static const srvsvc_session_info_10 rows_10[] = {{"a", "\xE2\x82\xAC", 2, 3}, {0}};
    static const srvsvc_session_info_502 rows_502[] = {{"a", "ada", 1, 2, 3, 1, "x", "y"}, {0}};

    answer(0, rows_0, ndr64);
    answer(1, rows_1, ndr64);
    answer(2, rows_2, ndr64);
    answer(10, rows_10, ndr64);
    answer(502, rows_502, ndr64);
}

/* Level 0 with one row, "a", as a big-endian server has it. */
static void big_endian_answer(void)
{
    static const uint32_t words[] = {0, 0, 0x20000,  1, 0x20004, 1, 0x20008, 2,
                                     0, 2, 0x610000, 1, 0x2000C, 7, 0};
    uint8_t stub[sizeof words];

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        ns_store32be(stub + 4 * i, words[i]);
    seed("ndr", "\2\x0B", 2, (ns_slice){stub, sizeof stub});
}

/* ---- PDUs ---- */

static void pdus(void)
{
    const rpc_fault fault = {.status = RPC_FAULT_DENIED};
    ns_writer w;
    fuzz z;

    fuzz_begin(&z);
    ns_writer_init(&w, &z.hooks, 65536);
    rpc_put_bind_nak(&w, 2, RPC_NAK_PROTOCOL);
    seed("rpc_bind", "", 0, fuzz_written(&w));
    ns_writer_reset(&w);
    rpc_put_fault(&w, RPC_DID_NOT_EXECUTE, 2, &fault);
    seed("rpc_call", "", 0, fuzz_written(&w));
    ns_writer_free(&w);
}

/* ---- Kerberos: the frame of RFC 4121 section 4.1, with the least there is ---- */

static void kerberos_replies(void)
{
    static const char reply[] =
        "\x60\x22\x06\x09\x2A\x86\x48\x86\xF7\x12\x01\x02\x02\x02\0"
        "\x6F\x13\x30\x11\xA0\3\2\1\5\xA1\3\2\1\x0F\xA2\5\x30\3\xA0\1\2";
    static const char error[] = "\x60\x1B\x06\x09\x2A\x86\x48\x86\xF7\x12\x01\x02\x02\x03\0"
                                "\x7E\x0C\x30\x0A\xA0\3\2\1\5\xA1\3\2\1\x1E";

    seed("kerberos", "", 0, (ns_slice){reply, sizeof reply - 1});
    seed("kerberos", "", 0, (ns_slice){error, sizeof error - 1});
}

/* ---- Conversations: every kind, untouched or with each frame signed anew; and changes
 * by the server: a bind_nak, a fault, and fragments of 1432 bytes ---- */

static void conversations(void)
{
    static const char nak[] = {4, 0, 0, 0, 0, 0, 3, 114, 0, 1, RPC_BIND_NAK};
    static const char fault[] = {4, 0, 0, 0, 0, 0, 0, 3, 114, 0, 1, RPC_FAULT};
    static const char small[] = "\x24\0\0\0\0\0\3\x82\0\2\x98\5";
    static const char anew[] = "\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2";

    seed("client", nak, sizeof nak, (ns_slice){"", 0});
    seed("client", fault, sizeof fault, (ns_slice){"", 0});
    seed("client", small, sizeof small - 1, (ns_slice){"", 0});
    for (int kind = 0; kind < 128; kind++) {
        const char first[] = {(char)kind};

        seed("client", first, 1, (ns_slice){anew, kind & 1 ? sizeof anew - 1 : 0});
    }
}

/* One byte of the answer to NEGOTIATE changed on the way: security mode, dialect,
 * GUID, capabilities. */
static void downgrades(void)
{
    static const char places[] = {66, 68, 72, 88};

    for (size_t i = 0; i < 2 * sizeof places; i++) {
        const char change[] = {(char)(i & 1), 1, places[i / 2], 0, 1, 0};

        seed("client", change, sizeof change, (ns_slice){"", 0});
    }
}

void seeds_made(void)
{
    texts();
    answers(false);
    answers(true);
    big_endian_answer();
    pdus();
    kerberos_replies();
    conversations();
    downgrades();
}
