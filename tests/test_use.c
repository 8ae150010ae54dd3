/* The Win32 calls over real sockets: to the reference server, by the ambient
 * credential and by uses. */
#include <check.h>
#include <errno.h>
#include <lm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "tests/failing.h"
#include "tests/test_socket_rig.h"

Suite *use_suite(void);

static socket_rig s;
static wchar_t server[64], remote[80]; /* "127.0.0.1:40123", "\\127.0.0.1:40123\IPC$" */
static const wchar_t *domain;          /* of the uses to be added */

/* No ticket is anywhere; USER has the password with it. */
static void setup(void)
{
    static const char *const none[] = {"PASSWD", "PASSWD_FD", "PASSWD_FILE"};

    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        unsetenv(none[i]);
    setenv("USER", "admin%secret", 1);
    setenv("KRB5_CONFIG", "/dev/null", 1);
    setenv("KRB5CCNAME", "/nonexistent/cache", 1);
    setenv("KRB5_CLIENT_KTNAME", "/nonexistent/keytab", 1);
    socket_rig_init(&s);
    s.rig.cfg.fill = 10;
    s.rig.cfg.smb.lifetime = 10000;
    socket_rig_start(&s);
    swprintf(server, sizeof server / sizeof *server, L"%s", s.target);
    swprintf(remote, sizeof remote / sizeof *remote, L"\\\\%s\\IPC$", s.target);
}

static void teardown(void)
{
    failing_decide = FAILING_BY_COUNT;
    domain = NULL;
    (void)NetUseDel(NULL, remote, USE_LOTS_OF_FORCE);
    socket_rig_stop(&s);
}

/* ---- The calls ---- */

static DWORD rows; /* of the newest answer */

static NET_API_STATUS list(DWORD level)
{
    LPBYTE buffer;
    DWORD total;
    NET_API_STATUS rc = NetSessionEnum(server, NULL, NULL, level, &buffer, MAX_PREFERRED_LENGTH,
                                       &rows, &total, NULL);

    NetApiBufferFree(buffer);
    return rc;
}

static NET_API_STATUS add(const wchar_t *user, const wchar_t *password)
{
    USE_INFO_2 info = {.ui2_remote = remote, .ui2_asg_type = USE_IPC};
    DWORD wrong;

    info.ui2_username = (LMSTR)(uintptr_t)user;
    info.ui2_password = (LMSTR)(uintptr_t)password;
    info.ui2_domainname = (LMSTR)(uintptr_t)domain;
    return NetUseAdd(NULL, 2, (LPBYTE)&info, &wrong);
}

static NET_API_STATUS drop(DWORD force)
{
    return NetUseDel(NULL, remote, force);
}

/* ---- The ambient credential ---- */

START_TEST(ambient)
{
    ck_assert_uint_eq(list(10), NERR_Success);
    ck_assert_uint_eq(rows, 11);
    setenv("USER", "plain%plain", 1);
    ck_assert_uint_eq(list(502), ERROR_ACCESS_DENIED);
    setenv("USER", "admin%wrong", 1);
    ck_assert_uint_eq(list(502), ERROR_LOGON_FAILURE);
    setenv("USER", "admin", 1);
    setenv("PASSWD_FD", "none", 1);
    ck_assert_uint_ne(list(502), NERR_Success);
}
END_TEST

/* A page at a time, by the handle; without one it is always the first. */
START_TEST(pages)
{
    LPBYTE buffer;
    DWORD n, total, resume = 0, seen = 0;
    NET_API_STATUS rc;

    do {
        rc = NetSessionEnum(server, NULL, NULL, 10, &buffer, 400, &n, &total, &resume);
        NetApiBufferFree(buffer);
        ck_assert_uint_eq(total, 11 - seen);
        seen += n;
    } while (rc == ERROR_MORE_DATA);
    ck_assert_uint_eq(rc, NERR_Success);
    ck_assert_uint_eq(seen, 11);
    rc = NetSessionEnum(server, NULL, NULL, 10, &buffer, 400, &n, &total, NULL);
    ck_assert_uint_eq(rc, ERROR_MORE_DATA);
    ck_assert_uint_eq(total, 11);
    NetApiBufferFree(buffer);
}
END_TEST

START_TEST(names)
{
    LPBYTE buffer;
    DWORD n, total;

    ck_assert_uint_eq(NetSessionEnum(server, L"\\\\127.0.0.1", L"admin", 10, &buffer,
                                     MAX_PREFERRED_LENGTH, &n, &total, NULL),
                      NERR_Success);
    ck_assert_uint_eq(n, 1);
    NetApiBufferFree(buffer);
    ck_assert_uint_eq(
        NetSessionEnum(server, L"", L"", 10, &buffer, MAX_PREFERRED_LENGTH, &n, &total, NULL),
        NERR_Success);
    NetApiBufferFree(buffer);
    ck_assert_uint_eq(NetSessionEnum(L"a/b", NULL, NULL, 10, &buffer, 0, &n, &total, NULL),
                      ERROR_BAD_NETPATH);
    ck_assert_uint_eq(NetSessionEnum(server, L"x\\", NULL, 10, &buffer, 0, &n, &total, NULL),
                      NERR_InvalidComputer);
}
END_TEST

/* ---- Uses ---- */

/* Counted, and of one credential. */
START_TEST(counted)
{
    setenv("USER", "nobody", 1);
    ck_assert_uint_eq(add(L"admin", L"secret"), NERR_Success);
    ck_assert_uint_eq(add(L"admin", L"secret"), NERR_Success);
    ck_assert_uint_eq(add(L"admin", L"else"), ERROR_SESSION_CREDENTIAL_CONFLICT);
    ck_assert_uint_eq(add(L"plain", L"secret"), ERROR_SESSION_CREDENTIAL_CONFLICT);
    ck_assert_uint_eq(add(L"admin", NULL), ERROR_SESSION_CREDENTIAL_CONFLICT);
    ck_assert_uint_eq(add(NULL, NULL), ERROR_SESSION_CREDENTIAL_CONFLICT);
    domain = L"D";
    ck_assert_uint_eq(add(L"admin", L"secret"), ERROR_SESSION_CREDENTIAL_CONFLICT);
    domain = NULL;
    ck_assert_uint_eq(list(502), NERR_Success);
    ck_assert_uint_eq(drop(USE_NOFORCE), NERR_Success);
    ck_assert_uint_eq(list(502), NERR_Success);
    ck_assert_uint_eq(drop(USE_FORCE), NERR_Success);
    ck_assert_uint_eq(drop(USE_FORCE), NERR_UseNotFound);
    ck_assert_uint_ne(list(502), NERR_Success);
}
END_TEST

START_TEST(all_at_once)
{
    ck_assert_uint_eq(add(L"admin", L"secret"), NERR_Success);
    ck_assert_uint_eq(add(L"admin", L"secret"), NERR_Success);
    ck_assert_uint_eq(drop(USE_LOTS_OF_FORCE), NERR_Success);
    ck_assert_uint_eq(drop(USE_NOFORCE), NERR_UseNotFound);
}
END_TEST

/* What is left out is the environment's; "" is nobody. */
START_TEST(credentials)
{
    ck_assert_uint_eq(add(NULL, NULL), NERR_Success);
    ck_assert_uint_eq(list(502), NERR_Success);
    ck_assert_uint_eq(drop(USE_NOFORCE), NERR_Success);
    ck_assert_uint_eq(add(NULL, L"wrong"), ERROR_LOGON_FAILURE);
    ck_assert_uint_eq(add(L"", NULL), ERROR_LOGON_FAILURE);
    ck_assert_uint_eq(add(L"", L""), ERROR_LOGON_FAILURE);
    ck_assert_uint_eq(add(L"D\\", L"x"), ERROR_INVALID_PARAMETER);
    ck_assert_uint_eq(drop(USE_NOFORCE), NERR_UseNotFound);
}
END_TEST

/* Two servers by their names, though it is one. */
START_TEST(two_servers)
{
    wchar_t other[80];
    USE_INFO_2 info = {.ui2_remote = other,
                       .ui2_asg_type = USE_IPC,
                       .ui2_username = L"other",
                       .ui2_password = L"other"};
    DWORD wrong;

    swprintf(other, 80, L"\\\\[127.0.0.1]%s\\ipc$", strchr(s.target, ':'));
    ck_assert_uint_eq(add(L"admin", L"secret"), NERR_Success);
    ck_assert_uint_eq(NetUseAdd(NULL, 2, (LPBYTE)&info, &wrong), NERR_Success);
    ck_assert_uint_eq(list(502), NERR_Success);
    ck_assert_uint_eq(rows, 12);
    ck_assert_uint_eq(drop(USE_NOFORCE), NERR_Success);
    ck_assert_uint_eq(NetUseDel(NULL, other, USE_NOFORCE), NERR_Success);
}
END_TEST

/* Whoever connects meanwhile was first; _i 1: as somebody else. */
static int is_first(const char *name)
{
    if (strcmp(name, "connect") != 0)
        return 0;
    failing_decide = FAILING_BY_COUNT;
    ck_assert_uint_eq(add(L"admin", L"secret"), NERR_Success);
    return 0;
}

START_TEST(two_at_once)
{
    failing_decide = is_first;
    if (_i) {
        ck_assert_uint_eq(add(L"other", L"other"), ERROR_SESSION_CREDENTIAL_CONFLICT);
    } else {
        ck_assert_uint_eq(add(L"admin", L"secret"), NERR_Success);
        ck_assert_uint_eq(drop(USE_NOFORCE), NERR_Success);
    }
    ck_assert_uint_eq(list(502), NERR_Success);
    ck_assert_uint_eq(drop(USE_NOFORCE), NERR_Success);
    ck_assert_uint_eq(drop(USE_NOFORCE), NERR_UseNotFound);
}
END_TEST

/* ---- What becomes of its connection ---- */

/* The server says no: it is as good as before. */
START_TEST(refused)
{
    ck_assert_uint_eq(add(L"plain", L"plain"), NERR_Success);
    ck_assert_uint_eq(list(502), ERROR_ACCESS_DENIED);
    ck_assert_uint_eq(list(502), ERROR_ACCESS_DENIED);
    ck_assert_uint_eq(drop(USE_NOFORCE), NERR_Success);
}
END_TEST

/* The session expires at the server: another is made, unseen. */
START_TEST(expired)
{
    ck_assert_uint_eq(add(L"admin", L"secret"), NERR_Success);
    s.now = s.now + 20000;
    ck_assert_uint_eq(list(502), NERR_Success);
    ck_assert_uint_eq(rows, 11);
    ck_assert_uint_eq(drop(USE_NOFORCE), NERR_Success);
}
END_TEST

/* The connection breaks, and again: then the third call connects anew. */
START_TEST(broken)
{
    ck_assert_uint_eq(add(L"admin", L"secret"), NERR_Success);
    failing_errno = EIO;
    failing_system = (failing){0, 1};
    ck_assert_uint_eq(list(502), NERR_Success);
    failing_system = (failing){0, 0};
    ck_assert_uint_eq(list(502), NERR_Success);
    ck_assert_uint_eq(drop(USE_NOFORCE), NERR_Success);
}
END_TEST

static int no_network(const char *name)
{
    return !strcmp(name, "send") || !strcmp(name, "connect");
}

START_TEST(broken_for_long)
{
    ck_assert_uint_eq(add(L"admin", L"secret"), NERR_Success);
    failing_errno = EIO;
    failing_decide = no_network;
    ck_assert_uint_ne(list(502), NERR_Success);
    ck_assert_uint_ne(list(502), NERR_Success);
    failing_decide = FAILING_BY_COUNT;
    ck_assert_uint_eq(list(502), NERR_Success);
    ck_assert_uint_eq(drop(USE_NOFORCE), NERR_Success);
}
END_TEST

/* ---- The machine fails ---- */

static NET_API_STATUS list_once(void)
{
    return list(502);
}

static NET_API_STATUS use_once(void)
{
    NET_API_STATUS rc = add(L"admin", L"secret");

    rc = rc ? rc : list(502);
    (void)drop(USE_NOFORCE);
    return rc;
}

static NET_API_STATUS (*const calls[])(void) = {list_once, use_once};

/* In a static program libcrypto's memory runs out, too, and that it says in other words. */
static bool is_no_memory(NET_API_STATUS rc)
{
    return rc == ERROR_NOT_ENOUGH_MEMORY || rc == RPC_S_SEC_PKG_ERROR;
}

static void fail_each(NET_API_STATUS (*call)(void), failing *f, bool memory)
{
    bool done = false;
    long n, bad = 0;

    for (n = 1; !done; n++) {
        NET_API_STATUS rc;

        *f = (failing){0, n};
        rc = call();
        done = f->made < n;
        *f = (failing){0, 0};
        ck_assert_msg(!rc || !memory || is_no_memory(rc), "call %ld: %u", n, (unsigned)rc);
        bad += rc != 0;
    }
    ck_assert_int_gt(bad, 5);
    ck_assert_uint_eq(call(), NERR_Success);
}

START_TEST(each_allocation)
{
    fail_each(calls[_i], &failing_memory, true);
}
END_TEST

START_TEST(each_system_call)
{
    failing_errno = EIO;
    fail_each(calls[_i], &failing_system, false);
}
END_TEST

Suite *use_suite(void)
{
    Suite *suite = suite_create("use");
    TCase *tc = tcase_create("use");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, ambient);
    tcase_add_test(tc, pages);
    tcase_add_test(tc, names);
    tcase_add_test(tc, counted);
    tcase_add_test(tc, all_at_once);
    tcase_add_test(tc, credentials);
    tcase_add_test(tc, two_servers);
    tcase_add_loop_test(tc, two_at_once, 0, 2);
    tcase_add_test(tc, refused);
    tcase_add_test(tc, expired);
    tcase_add_test(tc, broken);
    tcase_add_test(tc, broken_for_long);
    tcase_add_loop_test(tc, each_allocation, 0, 2);
    tcase_add_loop_test(tc, each_system_call, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
