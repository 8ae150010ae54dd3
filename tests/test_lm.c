/* The Win32 facade, as far as it needs no server. */
#include "base/mem.h"
#include "netapi/lmpage.h"
#include "netapi/lmstr.h"
#include "srvsvc/page.h"

#include <check.h>
#include <string.h>
#include <wchar.h>

Suite *lm_suite(void);

/* ---- Layout: that of Windows, with 64-bit and with 32-bit pointers ---- */

#define WORD sizeof(void *)
#define FITS(type, pointers, numbers)                                                          \
    _Static_assert(sizeof(type) == (pointers)*WORD + (numbers)*4, "size of " #type)
#define STANDS(type, member, pointers, numbers)                                                \
    _Static_assert(offsetof(type, member) == (pointers)*WORD + (numbers)*4,                    \
                   "offset of " #member)

_Static_assert(sizeof(DWORD) == 4 && sizeof(NET_API_STATUS) == 4, "DWORD");
_Static_assert(sizeof(WCHAR) == sizeof(wchar_t), "WCHAR");

FITS(SESSION_INFO_0, 1, 0);
FITS(SESSION_INFO_1, 2, 4);
STANDS(SESSION_INFO_1, sesi1_username, 1, 0);
STANDS(SESSION_INFO_1, sesi1_num_opens, 2, 0);
STANDS(SESSION_INFO_1, sesi1_time, 2, 1);
STANDS(SESSION_INFO_1, sesi1_idle_time, 2, 2);
STANDS(SESSION_INFO_1, sesi1_user_flags, 2, 3);
FITS(SESSION_INFO_2, 3, 4);
STANDS(SESSION_INFO_2, sesi2_user_flags, 2, 3);
STANDS(SESSION_INFO_2, sesi2_cltype_name, 2, 4);
FITS(SESSION_INFO_10, 2, 2);
STANDS(SESSION_INFO_10, sesi10_time, 2, 0);
STANDS(SESSION_INFO_10, sesi10_idle_time, 2, 1);
FITS(SESSION_INFO_502, 4, 4);
STANDS(SESSION_INFO_502, sesi502_cltype_name, 2, 4);
STANDS(SESSION_INFO_502, sesi502_transport, 3, 4);
FITS(USE_INFO_2, 5, 4);
STANDS(USE_INFO_2, ui2_password, 2, 0);
STANDS(USE_INFO_2, ui2_status, 3, 0);
STANDS(USE_INFO_2, ui2_usecount, 3, 3);
STANDS(USE_INFO_2, ui2_username, 3, 4);
STANDS(USE_INFO_2, ui2_domainname, 4, 4);

/* ---- NetApiBuffer*: as Wine's conformance tests have seen Windows do ---- */

START_TEST(buffer_size_is_at_least_what_was_asked)
{
    LPVOID p;
    DWORD size = 0;

    ck_assert_uint_eq(NetApiBufferAllocate(1024, &p), NERR_Success);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq((uintptr_t)p % _Alignof(max_align_t), 0);
    memset(p, 0xA5, 1024);
    ck_assert_uint_eq(NetApiBufferSize(p, &size), NERR_Success);
    ck_assert_uint_ge(size, 1024);
    ck_assert_uint_eq(NetApiBufferFree(p), NERR_Success);
}
END_TEST

START_TEST(buffer_of_no_bytes_is_a_buffer)
{
    LPVOID p = NULL;

    ck_assert_uint_eq(NetApiBufferAllocate(0, &p), NERR_Success);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(NetApiBufferFree(p), NERR_Success);
    ck_assert_uint_eq(NetApiBufferFree(NULL), NERR_Success);
}
END_TEST

START_TEST(buffer_null_arguments)
{
    DWORD size;
    LPVOID p;

    ck_assert_uint_eq(NetApiBufferAllocate(10, NULL), ERROR_INVALID_PARAMETER);
    ck_assert_uint_eq(NetApiBufferSize(NULL, &size), ERROR_INVALID_PARAMETER);
    ck_assert_uint_eq(NetApiBufferAllocate(10, &p), NERR_Success);
    ck_assert_uint_eq(NetApiBufferSize(p, NULL), ERROR_INVALID_PARAMETER);
    ck_assert_uint_eq(NetApiBufferReallocate(p, 20, NULL), ERROR_INVALID_PARAMETER);
    NetApiBufferFree(p);
}
END_TEST

START_TEST(buffer_reallocate)
{
    LPVOID p;
    DWORD size = 0;

    ck_assert_uint_eq(NetApiBufferReallocate(NULL, 1500, &p), NERR_Success);
    memcpy(p, "kept", 5);
    ck_assert_uint_eq(NetApiBufferReallocate(p, 200000, &p), NERR_Success);
    ck_assert_str_eq(p, "kept");
    ck_assert_uint_eq(NetApiBufferSize(p, &size), NERR_Success);
    ck_assert_uint_ge(size, 200000);
    ck_assert_uint_eq(NetApiBufferReallocate(p, 0, &p), NERR_Success);
    ck_assert_ptr_null(p);
    p = &size;
    ck_assert_uint_eq(NetApiBufferReallocate(NULL, 0, &p), NERR_Success);
    ck_assert_ptr_null(p);
}
END_TEST

/* ---- NetSessionEnum: what is refused before anything is sent ---- */

static NET_API_STATUS ask(const wchar_t *server, const wchar_t *client, const wchar_t *user,
                          DWORD level)
{
    BYTE sentinel, *buf = &sentinel;
    DWORD read = 7, total = 7, resume = 9;
    NET_API_STATUS rc = NetSessionEnum(server, client, user, level, &buf, MAX_PREFERRED_LENGTH,
                                       &read, &total, &resume);

    ck_assert_ptr_null(buf);
    ck_assert_uint_eq(read, 0);
    ck_assert_uint_eq(total, 0);
    ck_assert_uint_eq(resume, 9);
    return rc;
}

START_TEST(enum_null_pointers)
{
    LPBYTE buf;
    DWORD n;

    ck_assert_uint_eq(NetSessionEnum(L"x", NULL, NULL, 10, NULL, 0, &n, &n, NULL), 87);
    ck_assert_uint_eq(NetSessionEnum(L"x", NULL, NULL, 10, &buf, 0, NULL, &n, NULL), 87);
    ck_assert_uint_eq(NetSessionEnum(L"x", NULL, NULL, 10, &buf, 0, &n, NULL, NULL), 87);
}
END_TEST

START_TEST(enum_levels)
{
    static const DWORD wrong[] = {3, 9, 11, 501, 503, 0xFFFFFFFF};
    static const DWORD right[] = {0, 1, 2, 10, 502};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_uint_eq(ask(L"x", NULL, NULL, wrong[i]), ERROR_INVALID_LEVEL);
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        ck_assert_uint_eq(ask(L"x", L"name", NULL, right[i]), NERR_InvalidComputer);
}
END_TEST

START_TEST(enum_client_names)
{
    ck_assert_uint_eq(ask(L"x", L"client", NULL, 10), NERR_InvalidComputer);
    ck_assert_uint_eq(ask(L"x", L"\\client", NULL, 10), NERR_InvalidComputer);
    ck_assert_uint_eq(ask(L"x", L"//client", NULL, 10), NERR_InvalidComputer);
}
END_TEST

START_TEST(enum_long_names)
{
    wchar_t name[1026];

    wmemset(name, L'a', 1024); /* with the NUL one too many */
    name[1024] = 0;
    ck_assert_uint_eq(ask(name, NULL, NULL, 10), ERROR_INVALID_PARAMETER);
    ck_assert_uint_eq(ask(L"x", NULL, name, 10), ERROR_INVALID_PARAMETER);
    ck_assert_uint_eq(ask(L"x", name, NULL, 10), ERROR_INVALID_PARAMETER);
    name[1023] = 0; /* just fits, and so is found to lack its backslashes */
    ck_assert_uint_eq(ask(L"x", name, NULL, 10), NERR_InvalidComputer);
}
END_TEST

START_TEST(enum_invalid_unicode)
{
    static const wchar_t lone[] = {L'u', (wchar_t)0xD800, 0};
    static const wchar_t large[] = {(wchar_t)0x110000, 0};
    static const wchar_t negative[] = {(wchar_t)0xFFFFFFFF, 0};

    ck_assert_uint_eq(ask(lone, NULL, NULL, 10), ERROR_INVALID_PARAMETER);
    ck_assert_uint_eq(ask(L"x", NULL, large, 10), ERROR_INVALID_PARAMETER);
    ck_assert_uint_eq(ask(L"x", negative, NULL, 10), ERROR_INVALID_PARAMETER);
}
END_TEST

/* ---- Names ---- */

START_TEST(names_to_utf8)
{
    static const wchar_t wide[] = {0x41, 0xE9, 0x20AC, 0x1F600, 0};
    char *s;

    ck_assert_uint_eq(lm_utf8(&s, wide), NERR_Success);
    ck_assert_str_eq(s, "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    lm_strfree(s);
    ck_assert_uint_eq(lm_utf8(&s, NULL), NERR_Success);
    ck_assert_ptr_null(s);
    ck_assert_uint_eq(lm_utf8(&s, L""), NERR_Success);
    ck_assert_str_eq(s, "");
    lm_strfree(s);
}
END_TEST

/* A character beyond the BMP counts as the two units that it becomes. */
START_TEST(names_count_utf16_units)
{
    wchar_t name[513];
    char *s;

    wmemset(name, 0x1F600, 512);
    name[512] = 0;
    ck_assert_uint_eq(lm_utf8(&s, name), ERROR_INVALID_PARAMETER);
    name[511] = 0;
    ck_assert_uint_eq(lm_utf8(&s, name), NERR_Success);
    lm_strfree(s);
}
END_TEST

START_TEST(names_of_servers)
{
    static const struct {
        const wchar_t *in;
        const char *out;
    } cases[] = {
        {NULL, "localhost"},
        {L"", "localhost"},
        {L"fs1", "fs1"},
        {L"\\\\fs1", "fs1"},
        {L"\\\\FS1:4450", "FS1:4450"},
        {L"[::1]:445", "[::1]:445"},
        {L"\\fs1", "\\fs1"},
    };
    char *s;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(lm_server(&s, cases[i].in), NERR_Success);
        ck_assert_str_eq(s, cases[i].out);
        lm_strfree(s);
    }
}
END_TEST

START_TEST(names_of_one_server)
{
    ck_assert(lm_same_server("fs1", "FS1"));
    ck_assert(lm_same_server("fs1.corp.test:445", "FS1.Corp.Test"));
    ck_assert(lm_same_server("[fe80::1]:445", "[FE80::1]"));
    ck_assert(!lm_same_server("fs1", "fs2"));
    ck_assert(!lm_same_server("fs1", "fs11"));
    ck_assert(!lm_same_server("fs1:4450", "fs1"));
    ck_assert(!lm_same_server("fe80::445", "fe80:"));
    ck_assert(!lm_same_server("\xC3\xA9", "\xC3\x89"));
}
END_TEST

/* ---- Uses: what is refused before anything is sent ---- */

static NET_API_STATUS add(USE_INFO_2 info, DWORD *wrong)
{
    *wrong = 99;
    return NetUseAdd(NULL, 2, (LPBYTE)&info, wrong);
}

START_TEST(use_arguments)
{
    USE_INFO_2 info = {.ui2_remote = L"\\\\fs1\\IPC$", .ui2_asg_type = USE_IPC};
    DWORD wrong;

    ck_assert_uint_eq(NetUseAdd(L"\\\\other", 2, (LPBYTE)&info, &wrong), ERROR_NOT_SUPPORTED);
    ck_assert_uint_eq(NetUseAdd(NULL, 1, (LPBYTE)&info, &wrong), ERROR_INVALID_LEVEL);
    ck_assert_uint_eq(NetUseAdd(NULL, 2, NULL, &wrong), ERROR_INVALID_PARAMETER);
    ck_assert_uint_eq(wrong, PARM_ERROR_NONE);
    ck_assert_uint_eq(NetUseAdd(NULL, 2, NULL, NULL), ERROR_INVALID_PARAMETER);
}
END_TEST

START_TEST(use_remote_names)
{
    static const struct {
        LMSTR remote;
        NET_API_STATUS rc;
    } cases[] = {
        {NULL, ERROR_INVALID_PARAMETER},          {L"", ERROR_INVALID_PARAMETER},
        {L"fs1\\IPC$", ERROR_INVALID_PARAMETER},  {L"\\\\fs1", ERROR_INVALID_PARAMETER},
        {L"\\fs1", ERROR_INVALID_PARAMETER},      {L"\\\\fs1\\", ERROR_INVALID_PARAMETER},
        {L"\\\\\\IPC$", ERROR_INVALID_PARAMETER}, {L"\\\\fs1\\data", ERROR_BAD_NET_NAME},
        {L"\\\\fs1\\IPC$\\", ERROR_BAD_NET_NAME}, {L"\\\\fs1\\IPC", ERROR_BAD_NET_NAME},
    };
    DWORD wrong;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        USE_INFO_2 info = {.ui2_remote = cases[i].remote, .ui2_asg_type = USE_IPC};
        bool named = cases[i].rc == ERROR_INVALID_PARAMETER;

        ck_assert_uint_eq(add(info, &wrong), cases[i].rc);
        ck_assert_uint_eq(wrong, named ? USE_REMOTE_PARMNUM : PARM_ERROR_NONE);
        ck_assert_uint_eq(NetUseDel(NULL, cases[i].remote, USE_FORCE), cases[i].rc);
    }
}
END_TEST

START_TEST(use_members)
{
    static const wchar_t lone[] = {(wchar_t)0xDFFF, 0};
    USE_INFO_2 good = {.ui2_remote = L"\\\\fs1\\ipc$", .ui2_asg_type = USE_WILDCARD}, info;
    DWORD wrong;

    info = good;
    info.ui2_local = L"X:";
    ck_assert_uint_eq(add(info, &wrong), ERROR_INVALID_PARAMETER);
    ck_assert_uint_eq(wrong, USE_LOCAL_PARMNUM);
    info = good;
    info.ui2_asg_type = USE_DISKDEV;
    ck_assert_uint_eq(add(info, &wrong), ERROR_BAD_DEV_TYPE);
    info = good;
    info.ui2_username = L"";
    info.ui2_password = L"secret";
    ck_assert_uint_eq(add(info, &wrong), ERROR_INVALID_PARAMETER);
    ck_assert_uint_eq(wrong, USE_USERNAME_PARMNUM);
    info = good;
    info.ui2_password = (LMSTR)lone;
    ck_assert_uint_eq(add(info, &wrong), ERROR_INVALID_PARAMETER);
    ck_assert_uint_eq(wrong, USE_PASSWORD_PARMNUM);
    info = good;
    info.ui2_domainname = (LMSTR)lone;
    ck_assert_uint_eq(add(info, &wrong), ERROR_INVALID_PARAMETER);
    ck_assert_uint_eq(wrong, USE_DOMAINNAME_PARMNUM);
}
END_TEST

START_TEST(use_delete)
{
    ck_assert_uint_eq(NetUseDel(L"", L"\\\\fs1\\IPC$", USE_NOFORCE), NERR_UseNotFound);
    ck_assert_uint_eq(NetUseDel(NULL, L"\\\\fs1\\IPC$", 3), ERROR_INVALID_PARAMETER);
    ck_assert_uint_eq(NetUseDel(L"\\\\o", L"\\\\fs1\\IPC$", USE_FORCE), ERROR_NOT_SUPPORTED);
}
END_TEST

/* ---- Pages to buffers ---- */

static netsession_page *page_of(srvsvc_session_enum_out out)
{
    netsession_hooks hooks;
    netsession_page *page;

    ns_hooks_fill(&hooks, NULL);
    page = srvsvc_page_new(&hooks, 0);
    ck_assert_ptr_nonnull(page);
    page->out = out;
    return page;
}

/* The buffer of a page that has this level and these rows. */
static LPBYTE buffer_of(uint32_t level, const void *rows, uint32_t count, NET_API_STATUS rc)
{
    srvsvc_session_enum_out out = {.level = level, .entries = rows, .count = count};
    netsession_page *page = page_of(out);
    LPBYTE buf = NULL;

    ck_assert_uint_eq(lm_buffer_from_page(&buf, page), rc);
    netsession_page_free(page);
    return buf;
}

static void assert_inside(LPBYTE buf, const void *p)
{
    DWORD size;

    ck_assert_uint_eq(NetApiBufferSize(buf, &size), NERR_Success);
    ck_assert((const BYTE *)p >= buf && (const BYTE *)p < buf + size);
    ck_assert_uint_eq((uintptr_t)p % _Alignof(wchar_t), 0);
}

static void assert_string(LPBYTE buf, const wchar_t *s, const wchar_t *expected)
{
    assert_inside(buf, s);
    ck_assert_int_eq(wcscmp(s, expected), 0);
}

START_TEST(page_level_0)
{
    static const srvsvc_session_info_0 rows[] = {{"\\\\A"}, {NULL}, {"\xF0\x9F\x98\x80"}};
    static const wchar_t smile[] = {0x1F600, 0};
    LPBYTE buf = buffer_of(0, rows, 3, NERR_Success);
    SESSION_INFO_0 *got = (void *)buf;

    assert_string(buf, got[0].sesi0_cname, L"\\\\A");
    ck_assert_ptr_null(got[1].sesi0_cname);
    assert_string(buf, got[2].sesi0_cname, smile);
    NetApiBufferFree(buf);
}
END_TEST

START_TEST(page_level_1)
{
    static const srvsvc_session_info_1 rows[] = {{"a", "u", 1, 2, 3, 4}, {"b", "", 5, 6, 7, 8}};
    LPBYTE buf = buffer_of(1, rows, 2, NERR_Success);
    SESSION_INFO_1 *got = (void *)buf;

    assert_string(buf, got[1].sesi1_cname, L"b");
    assert_string(buf, got[1].sesi1_username, L"");
    ck_assert_uint_eq(got[1].sesi1_num_opens, 5);
    ck_assert_uint_eq(got[1].sesi1_time, 6);
    ck_assert_uint_eq(got[1].sesi1_idle_time, 7);
    ck_assert_uint_eq(got[1].sesi1_user_flags, 8);
    NetApiBufferFree(buf);
}
END_TEST

START_TEST(page_level_2)
{
    static const srvsvc_session_info_2 rows[] = {{"a", "u", 1, 2, 3, 4, "t"}};
    LPBYTE buf = buffer_of(2, rows, 1, NERR_Success);
    SESSION_INFO_2 *got = (void *)buf;

    assert_string(buf, got->sesi2_cname, L"a");
    assert_string(buf, got->sesi2_username, L"u");
    ck_assert_uint_eq(got->sesi2_num_opens, 1);
    ck_assert_uint_eq(got->sesi2_time, 2);
    ck_assert_uint_eq(got->sesi2_idle_time, 3);
    ck_assert_uint_eq(got->sesi2_user_flags, 4);
    assert_string(buf, got->sesi2_cltype_name, L"t");
    NetApiBufferFree(buf);
}
END_TEST

START_TEST(page_level_10)
{
    static const srvsvc_session_info_10 rows[] = {{"a", NULL, 0xFFFFFFFF, 3}};
    LPBYTE buf = buffer_of(10, rows, 1, NERR_Success);
    SESSION_INFO_10 *got = (void *)buf;

    assert_string(buf, got->sesi10_cname, L"a");
    ck_assert_ptr_null(got->sesi10_username);
    ck_assert_uint_eq(got->sesi10_time, 0xFFFFFFFF);
    ck_assert_uint_eq(got->sesi10_idle_time, 3);
    NetApiBufferFree(buf);
}
END_TEST

/* A reply as it comes over the wire: two rows, the first without transport. */
static const uint8_t reply_502[] = {
    0xF6, 0x01, 0,    0, 0xF6, 0x01, 0,    0, 0,    0, 2,    0, 2,    0, 0,    0, 4,   0,
    2,    0,    2,    0, 0,    0,    8,    0, 2,    0, 0x0C, 0, 2,    0, 1,    0, 0,   0,
    60,   0,    0,    0, 0,    0,    0,    0, 0,    0, 0,    0, 0x10, 0, 2,    0, 0,   0,
    0,    0,    0x14, 0, 2,    0,    0x18, 0, 2,    0, 0,    0, 0,    0, 1,    0, 0,   0,
    1,    0,    0,    0, 2,    0,    0,    0, 0x1C, 0, 2,    0, 0x20, 0, 2,    0, /* rows */
    4,    0,    0,    0, 0,    0,    0,    0, 4,    0, 0,    0, '\\', 0, '\\', 0, 'A', 0,
    0,    0,                                                                      /* cname */
    2,    0,    0,    0, 0,    0,    0,    0, 2,    0, 0,    0, 'u',  0, 0,    0, /* username */
    1,    0,    0,    0, 0,    0,    0,    0, 1,    0, 0,    0, 0,    0, 0,    0, /* cltype */
    2,    0,    0,    0, 0,    0,    0,    0, 2,    0, 0,    0, 'B',  0, 0,    0, /* cname */
    1,    0,    0,    0, 0,    0,    0,    0, 1,    0, 0,    0, 0,    0, 0,    0, /* username */
    1,    0,    0,    0, 0,    0,    0,    0, 1,    0, 0,    0, 0,    0, 0,    0, /* cltype */
    2,    0,    0,    0, 0,    0,    0,    0, 2,    0, 0,    0, 'T',  0, 0,    0, /* transport
                                                                                   */
    2,    0,    0,    0, 0,    0,    0,    0, 0,    0, 0,    0}; /* total, resume, status */

START_TEST(page_level_502)
{
    netsession_hooks hooks;
    netsession_error err = {0};
    netsession_page *page;
    SESSION_INFO_502 *got;
    LPBYTE buf;

    ns_hooks_fill(&hooks, NULL);
    ck_assert_int_eq(srvsvc_session_enum_decode_out(&hooks, reply_502, sizeof reply_502,
                                                    (ndr_format){0}, 502, 65536, &page, &err),
                     0);
    ck_assert_uint_eq(lm_buffer_from_page(&buf, page), NERR_Success);
    netsession_page_free(page);
    got = (void *)buf;
    assert_string(buf, got[0].sesi502_cname, L"\\\\A");
    assert_string(buf, got[0].sesi502_username, L"u");
    ck_assert_uint_eq(got[0].sesi502_num_opens, 1);
    ck_assert_uint_eq(got[0].sesi502_time, 60);
    assert_string(buf, got[0].sesi502_cltype_name, L"");
    ck_assert_ptr_null(got[0].sesi502_transport);
    assert_string(buf, got[1].sesi502_cname, L"B");
    ck_assert_uint_eq(got[1].sesi502_user_flags, 2);
    assert_string(buf, got[1].sesi502_transport, L"T");
    NetApiBufferFree(buf);
}
END_TEST

START_TEST(page_without_rows)
{
    LPBYTE buf = buffer_of(10, NULL, 0, NERR_Success);

    ck_assert_ptr_nonnull(buf);
    NetApiBufferFree(buf);
}
END_TEST

START_TEST(page_that_cannot_be)
{
    static const srvsvc_session_info_0 rows[] = {{"a"}, {"\xFF"}};

    ck_assert_ptr_null(buffer_of(0, rows, 2, RPC_X_BAD_STUB_DATA));
    ck_assert_ptr_null(buffer_of(3, NULL, 0, RPC_X_BAD_STUB_DATA));
}
END_TEST

static TCase *group(Suite *s, const char *name)
{
    TCase *tc = tcase_create(name);

    suite_add_tcase(s, tc);
    return tc;
}

static void add_buffers(TCase *tc)
{
    tcase_add_test(tc, buffer_size_is_at_least_what_was_asked);
    tcase_add_test(tc, buffer_of_no_bytes_is_a_buffer);
    tcase_add_test(tc, buffer_null_arguments);
    tcase_add_test(tc, buffer_reallocate);
}

static void add_arguments(TCase *tc)
{
    tcase_add_test(tc, enum_null_pointers);
    tcase_add_test(tc, enum_levels);
    tcase_add_test(tc, enum_client_names);
    tcase_add_test(tc, enum_long_names);
    tcase_add_test(tc, enum_invalid_unicode);
}

static void add_names(TCase *tc)
{
    tcase_add_test(tc, names_to_utf8);
    tcase_add_test(tc, names_count_utf16_units);
    tcase_add_test(tc, names_of_servers);
    tcase_add_test(tc, names_of_one_server);
}

static void add_uses(TCase *tc)
{
    tcase_add_test(tc, use_arguments);
    tcase_add_test(tc, use_remote_names);
    tcase_add_test(tc, use_members);
    tcase_add_test(tc, use_delete);
}

static void add_pages(TCase *tc)
{
    tcase_add_test(tc, page_level_0);
    tcase_add_test(tc, page_level_1);
    tcase_add_test(tc, page_level_2);
    tcase_add_test(tc, page_level_10);
    tcase_add_test(tc, page_level_502);
    tcase_add_test(tc, page_without_rows);
    tcase_add_test(tc, page_that_cannot_be);
}

Suite *lm_suite(void)
{
    Suite *s = suite_create("lm");

    add_buffers(group(s, "buffers"));
    add_arguments(group(s, "arguments"));
    add_names(group(s, "names"));
    add_uses(group(s, "uses"));
    add_pages(group(s, "pages"));
    return s;
}
