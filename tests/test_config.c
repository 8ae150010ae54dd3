/* The setters of a configuration, and the names of servers. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netapi/config.h"
#include "tests/failing.h"
#include "tests/util.h"

Suite *config_suite(void);

static netsession_config *cfg;

static void setup(void)
{
    static const char *const names[] = {"USER", "PASSWD", "PASSWD_FD", "PASSWD_FILE"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    cfg = netsession_config_new(NULL);
    ck_assert_ptr_nonnull(cfg);
}

static void teardown(void)
{
    netsession_config_free(cfg);
}

/* The setter said no, and why. */
static void assert_refused(int rc, int code, const char *word)
{
    const netsession_error *e = netsession_config_error(cfg);

    ck_assert_int_eq(rc, code);
    ck_assert_int_eq(e->code, code);
    ck_assert_str_eq(e->layer, "argument");
    ck_assert_msg(strstr(e->message, word) != NULL, "%s", e->message);
}

#define REFUSED(call, word) assert_refused(call, NETSESSION_E_ARGUMENT, word)

/* ---- Who ---- */

START_TEST(user)
{
    char *long_name = malloc(2000);

    memset(long_name, 'x', 1999);
    long_name[1999] = '\0';
    ck_assert_int_eq(netsession_config_has_user(cfg), 0);
    REFUSED(netsession_config_user(cfg, NULL, ""), "empty");
    REFUSED(netsession_config_user(cfg, "D", ""), "empty");
    REFUSED(netsession_config_user(cfg, NULL, "D\\"), "empty");
    REFUSED(netsession_config_user(cfg, NULL, "\xFF"), "UTF-8");
    REFUSED(netsession_config_user(cfg, "\xC0\x80", "u"), "UTF-8");
    REFUSED(netsession_config_user(cfg, NULL, long_name), "1024");
    REFUSED(netsession_config_password(cfg, "\xED\xA0\x80"), "UTF-8");
    ck_assert_int_eq(netsession_config_user(cfg, NULL, "CORP\\alice"), 0);
    ck_assert_str_eq(cfg->domain, "CORP");
    ck_assert_str_eq(cfg->user, "alice");
    ck_assert_int_eq(netsession_config_user(cfg, NULL, "alice@corp"), 0);
    ck_assert_str_eq(cfg->domain, "");
    ck_assert_str_eq(cfg->user, "alice@corp");
    ck_assert_int_eq(netsession_config_has_user(cfg), 1);
    free(long_name);
}
END_TEST

/* USER, "%password" with it, and where the password may be. */
START_TEST(environment)
{
    setenv("USER", "alice%secret", 1);
    ck_assert_int_eq(netsession_config_environment(cfg), 0);
    ck_assert_str_eq(cfg->user, "alice");
    ck_assert_str_eq(cfg->password, "secret");
    setenv("USER", "bob", 1); /* what is set stays */
    setenv("PASSWD", "other", 1);
    ck_assert_int_eq(netsession_config_environment(cfg), 0);
    ck_assert_str_eq(cfg->user, "alice");
    ck_assert_str_eq(cfg->password, "secret");
}
END_TEST

START_TEST(environment_bad)
{
    static const char *const fds[] = {"", "x", "-1", "70000", "5x", "999"};

    setenv("USER", "alice", 1);
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        setenv("PASSWD_FD", fds[i], 1);
        assert_refused(netsession_config_environment(cfg), NETSESSION_E_CREDENTIALS,
                       i < 5 ? "PASSWD_FD" : "descriptor");
    }
    unsetenv("PASSWD_FD");
    setenv("PASSWD", "", 1); /* goes before the file, and is one */
    ck_assert_int_eq(netsession_config_environment(cfg), 0);
    ck_assert_str_eq(cfg->password, "");
}
END_TEST

/* Of a user who is refused the password is not taken. */
START_TEST(environment_refused)
{
    setenv("PASSWD", "secret", 1);
    setenv("USER", "\xFF%other", 1);
    REFUSED(netsession_config_environment(cfg), "UTF-8");
    ck_assert_ptr_null(cfg->password);
    failing_memory = (failing){0, 1};
    assert_refused(netsession_config_environment(cfg), NETSESSION_E_MEMORY, "memory");
    failing_memory = (failing){0, 0};
    ck_assert_ptr_null(cfg->password);
}
END_TEST

/* A password that was given goes before both; an empty USER is none. */
START_TEST(environment_second)
{
    ck_assert_int_eq(netsession_config_password(cfg, "given"), 0);
    setenv("PASSWD", "secret", 1);
    setenv("USER", "", 1);
    ck_assert_int_eq(netsession_config_environment(cfg), 0);
    ck_assert_int_eq(netsession_config_has_user(cfg), 0);
    setenv("USER", "alice%other", 1);
    ck_assert_int_eq(netsession_config_environment(cfg), 0);
    ck_assert_str_eq(cfg->user, "alice");
    ck_assert_str_eq(cfg->password, "given");
}
END_TEST

START_TEST(environment_file)
{
    setenv("USER", "alice", 1);
    setenv("PASSWD_FILE", "/nonexistent/file", 1);
    assert_refused(netsession_config_environment(cfg), NETSESSION_E_CREDENTIALS,
                   "No such file");
}
END_TEST

/* ---- Files ---- */

static char path[64];

static void write_file(const char *text, size_t n, mode_t mode)
{
    int fd;

    snprintf(path, sizeof path, "/tmp/netsession-test-%ld", (long)getpid());
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    ck_assert(fd >= 0 && write(fd, text, n) == (ssize_t)n && !fchmod(fd, mode));
    close(fd);
}

static const struct {
    const char *text;
    const char *user, *password, *domain; /* user NULL: refused */
} authfiles[] = {
    {"username = alice\npassword = secret\ndomain = CORP\n", "alice", "secret", "CORP"},
    {"# a comment\n; another\n\n  USERNAME=alice\t\r\n password =  s p \n", "alice", "s p", ""},
    {"username = alice", "alice", NULL, ""},
    {"password = only\n", "", "only", NULL},
    {"username\n", NULL, NULL, NULL},
    {"realm = X\n", NULL, NULL, NULL},
    {"username = \n", NULL, NULL, NULL},
};

START_TEST(authfile)
{
    write_file(authfiles[_i].text, strlen(authfiles[_i].text), 0600);
    if (!authfiles[_i].user) {
        ck_assert_int_ne(netsession_config_authfile(cfg, path), 0);
    } else {
        ck_assert_int_eq(netsession_config_authfile(cfg, path), 0);
        ck_assert_str_eq(cfg->user ? cfg->user : "", authfiles[_i].user);
        ck_assert_pstr_eq(cfg->password, authfiles[_i].password);
        ck_assert_pstr_eq(cfg->domain, authfiles[_i].domain);
    }
    unlink(path);
}
END_TEST

START_TEST(files_bad)
{
    char big[9000];

    memset(big, 'x', sizeof big);
    write_file("secret\n", 7, 0644);
    assert_refused(netsession_config_password_file(cfg, path), NETSESSION_E_CREDENTIALS,
                   "others may read");
    assert_refused(netsession_config_authfile(cfg, path), NETSESSION_E_CREDENTIALS,
                   "others may read");
    write_file(big, sizeof big, 0600);
    assert_refused(netsession_config_password_file(cfg, path), NETSESSION_E_CREDENTIALS,
                   "too long");
    write_file("a\0b", 3, 0600);
    assert_refused(netsession_config_password_file(cfg, path), NETSESSION_E_CREDENTIALS,
                   "no text");
    unlink(path);
    assert_refused(netsession_config_password_file(cfg, "/"), NETSESSION_E_CREDENTIALS, "/");
    write_file("first\r\nsecond\n", 14, 0600);
    ck_assert_int_eq(netsession_config_password_file(cfg, path), 0);
    ck_assert_str_eq(cfg->password, "first");
    unlink(path);
}
END_TEST

START_TEST(descriptor)
{
    int fd[2];

    ck_assert(!pipe(fd) && write(fd[1], "secret\nmore", 11) == 11 && !close(fd[1]));
    failing_errno = EINTR; /* then it is read again */
    failing_system = (failing){0, 1};
    ck_assert_int_eq(netsession_config_password_fd(cfg, fd[0]), 0);
    failing_system = (failing){0, 0};
    ck_assert_str_eq(cfg->password, "secret");
    close(fd[0]);
}
END_TEST

/* Each call that a file takes. */
START_TEST(files_failing)
{
    write_file("username = alice\n", 17, 0600);
    failing_errno = EIO;
    for (long n = 1; n < 4; n++) {
        failing_system = (failing){0, n}; /* fstat, and read twice */
        ck_assert_int_eq(netsession_config_authfile(cfg, path), NETSESSION_E_CREDENTIALS);
        ck_assert_int_eq(failing_system.made, n);
        failing_system = (failing){0, 0};
        ck_assert_ptr_nonnull(strstr(netsession_config_error(cfg)->message, path));
        ck_assert_int_eq(netsession_config_has_user(cfg), 0);
    }
    unlink(path);
}
END_TEST

/* ---- Kerberos ---- */

/* A keytab that is a file must be private; what is none has no mode. */
START_TEST(keytabs)
{
    const char *const types[] = {"", "FILE:", "WRFILE:"};
    char named[80];

    if (!kerberos_available()) {
        assert_refused(netsession_config_keytab(cfg, "MEMORY:x"), NETSESSION_E_POLICY,
                       "left out");
        assert_refused(netsession_config_ccache(cfg, "MEMORY:x"), NETSESSION_E_POLICY,
                       "left out");
        return;
    }
    REFUSED(netsession_config_ccache(cfg, "\xFF"), "UTF-8");
    ck_assert_int_eq(netsession_config_keytab(cfg, "MEMORY:x"), 0);
    ck_assert_str_eq(cfg->keytab, "MEMORY:x");
    ck_assert_int_eq(netsession_config_ccache(cfg, "MEMORY:y"), 0);
    ck_assert_str_eq(cfg->ccache, "MEMORY:y");
    for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
        write_file("key", 3, 0644);
        snprintf(named, sizeof named, "%s%s", types[i], path);
        assert_refused(netsession_config_keytab(cfg, named), NETSESSION_E_CREDENTIALS,
                       "others may read");
        write_file("key", 3, 0600);
        ck_assert_int_eq(netsession_config_keytab(cfg, named), 0);
        ck_assert_str_eq(cfg->keytab, named);
        unlink(path);
    }
}
END_TEST

/* Colons in the name of a file do not make it something else. */
START_TEST(keytabs_with_colons)
{
    const char *const names[] = {"/a:b.keytab", "/WRFILE:c"};
    char folder[] = "/tmp/keytab.XXXXXX", named[80];
    int fd;

    if (!kerberos_available())
        return;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(named, sizeof named, "%s%s", folder, names[i]);
        fd = open(named, O_CREAT | O_WRONLY, 0644);
        ck_assert_int_ge(fd, 0);
        ck_assert(!fchmod(fd, 0644) && !close(fd));
        assert_refused(netsession_config_keytab(cfg, named), NETSESSION_E_CREDENTIALS,
                       "others may read");
        ck_assert(!unlink(named));
    }
    ck_assert(!rmdir(folder));
    ck_assert_int_eq(netsession_config_keytab(cfg, "x:none"), 0); /* not there */
}
END_TEST

/* Whom Kerberos is asked for: who was named, not who is guessed. */
START_TEST(kerberos_of)
{
    kerberos_params p;

    ns_config_kerberos(cfg, "cifs/x", &p);
    ck_assert(!*p.user && !*p.domain && !p.password && !p.bindings.n && !p.insist);
    ck_assert(!netsession_config_user(cfg, "D", "u") && !netsession_config_password(cfg, "") &&
              !netsession_config_channel_bindings(cfg, "abc", 3) &&
              !netsession_config_kerberos(cfg, NETSESSION_KERBEROS_DESIRED));
    ns_config_kerberos(cfg, "cifs/x", &p);
    ck_assert_str_eq(p.user, "u");
    ck_assert_str_eq(p.domain, "D");
    ck_assert_ptr_null(p.password); /* an empty one is none */
    ck_assert_uint_eq(p.bindings.n, 3);
    ck_assert(p.insist);
    ck_assert_int_eq(netsession_config_password(cfg, "p"), 0);
    ns_config_kerberos(cfg, "cifs/x", &p);
    ck_assert_str_eq(p.password, "p");
    cfg->ambient = true;
    ns_config_kerberos(cfg, "cifs/x", &p);
    ck_assert(!*p.user && !*p.domain && !p.password);
}
END_TEST

/* ---- Numbers and lists ---- */

START_TEST(numbers)
{
    REFUSED(netsession_config_port(cfg, 0), "1 to 65535");
    REFUSED(netsession_config_port(cfg, 65536), "1 to 65535");
    REFUSED(netsession_config_timeout(cfg, 0), "1 to 86400000");
    REFUSED(netsession_config_timeout(cfg, 86400001), "1 to 86400000");
    REFUSED(netsession_config_max_reply(cfg, 4095), "4096");
    REFUSED(netsession_config_max_reply(cfg, SIZE_MAX), "268435456");
    REFUSED(netsession_config_io_size(cfg, 4095), "4096");
    REFUSED(netsession_config_io_size(cfg, (8u << 20) + 1), "8388608");
    REFUSED(netsession_config_syntaxes(cfg, 0), "1 to 3");
    REFUSED(netsession_config_syntaxes(cfg, 4), "1 to 3");
    ck_assert_int_eq(netsession_config_port(cfg, 4445), 0);
    ck_assert_int_eq(netsession_config_timeout(cfg, 1), 0);
    ck_assert_int_eq(netsession_config_max_reply(cfg, 4096), 0);
    ck_assert_int_eq(netsession_config_io_size(cfg, 8u << 20), 0);
    ck_assert_int_eq(netsession_config_syntaxes(cfg, NETSESSION_NDR64), 0);
    ck_assert_int_eq(netsession_config_compound(cfg, 0), 0);
    ck_assert_int_eq(netsession_config_delegate(cfg, 1), 0);
    ck_assert(cfg->port == 4445 && cfg->timeout == 1 && cfg->max_reply == 4096 &&
              cfg->smb.io_size == 8u << 20 && cfg->syntaxes == NETSESSION_NDR64 &&
              !cfg->smb.compound && cfg->delegate);
}
END_TEST

START_TEST(algorithms)
{
    const unsigned good[] = {NETSESSION_AES_CMAC, NETSESSION_HMAC_SHA256};
    const unsigned twice[] = {NETSESSION_AES_CMAC, NETSESSION_AES_CMAC};
    const unsigned unknown[] = {5}, none[] = {NETSESSION_CIPHER_NONE};

    REFUSED(netsession_config_signing(cfg, good, 0), "no signing algorithm");
    REFUSED(netsession_config_signing(cfg, twice, 2), "twice");
    REFUSED(netsession_config_signing(cfg, unknown, 1), "unknown");
    REFUSED(netsession_config_ciphers(cfg, none, 1), "unknown");
    REFUSED(netsession_config_dialects(cfg, 0x0310, 0x0311), "0x0310");
    REFUSED(netsession_config_dialects(cfg, 0x0300, 0x0999), "0x0999");
    REFUSED(netsession_config_dialects(cfg, 0x0311, 0x0202), "empty");
    ck_assert_int_eq(netsession_config_signing(cfg, good, 2), 0);
    ck_assert_uint_eq(cfg->smb.signings.count, 2);
    ck_assert_uint_eq(cfg->smb.signings.id[0], NETSESSION_AES_CMAC);
    ck_assert_int_eq(netsession_config_ciphers(cfg, NULL, 0), 0);
    ck_assert_uint_eq(cfg->smb.ciphers.count, 0);
}
END_TEST

START_TEST(names)
{
    REFUSED(netsession_config_target_name(cfg, "fs1"), "service/host");
    REFUSED(netsession_config_target_name(cfg, "/fs1"), "service/host");
    REFUSED(netsession_config_target_name(cfg, "cifs/"), "service/host");
    ck_assert_int_eq(netsession_config_target_name(cfg, "cifs/fs1"), 0);
    ck_assert_int_eq(netsession_config_workstation(cfg, "ME"), 0);
    REFUSED(netsession_config_kerberos(cfg, -1), "-1");
    REFUSED(netsession_config_kerberos(cfg, 4), "4");
    ck_assert_int_eq(netsession_config_kerberos(cfg, NETSESSION_KERBEROS_OFF), 0);
    ck_assert_int_eq(netsession_config_has_ticket(cfg), 0);
}
END_TEST

/* The MD5 over four zero fields, the length, and "tls-unique:abc", by another
 * program. */
START_TEST(bindings)
{
    REFUSED(netsession_config_channel_bindings(cfg, "", 0), "1 to 1024");
    REFUSED(netsession_config_channel_bindings(cfg, "", 1025), "1 to 1024");
    ck_assert_int_eq(netsession_config_channel_bindings(cfg, "x", 1), 0);
    ck_assert_int_eq(netsession_config_channel_bindings(cfg, "tls-unique:abc", 14), 0);
    test_assert_hex(cfg->bindings, 16, "d3d93f63926737a8e4d30b5346cf86d5");
    ck_assert_uint_eq(cfg->channel_len, 14);
    failing_crypto = (failing){0, 1};
    assert_refused(netsession_config_channel_bindings(cfg, "x", 1), NETSESSION_E_CRYPTO, "MD5");
    failing_crypto = (failing){0, 0};
}
END_TEST

/* ---- Names of servers ---- */

static const struct {
    const char *target, *host; /* host NULL: refused */
    unsigned port;
} targets[] = {
    {"fs1", "fs1", 445},
    {"\\\\fs1", "fs1", 445},
    {"fs1:4445", "fs1", 4445},
    {"[::1]", "::1", 445},
    {"[::1]:139", "::1", 139},
    {"::1", "::1", 445},
    {"", NULL, 0},
    {"\\\\", NULL, 0},
    {":445", NULL, 0},
    {"fs1:", NULL, 0},
    {"fs1:0", NULL, 0},
    {"fs1:65536", NULL, 0},
    {"fs1:4x", NULL, 0},
    {"fs1: 4", NULL, 0},
    {"[::1", NULL, 0},
    {"[]", NULL, 0},
    {"[::1]x", NULL, 0},
    {"[::1]:", NULL, 0},
    {"fs1:x", NULL, 0},
    {"fs1\\share", NULL, 0},
    {"fs1/share", NULL, 0},
    {"fs\xFF", NULL, 0},
    {"[[::1]", NULL, 0},
    {"fs1]", NULL, 0},
    {"fs1@R", NULL, 0},
    {"f s1", NULL, 0},
    {"fs\n1", NULL, 0},
    {"fs1\x7F", NULL, 0},
    {"fe80::1%e", "fe80::1%e", 445},
    {"\xC3\xBC", "\xC3\xBC", 445},
    {"\t", NULL, 0},
};

START_TEST(target)
{
    netsession *ns;
    int rc = netsession_new(&ns, cfg, targets[_i].target);

    if (!targets[_i].host) {
        ck_assert_int_eq(rc, NETSESSION_E_ARGUMENT);
        ck_assert_ptr_null(ns);
        return;
    }
    ck_assert_int_eq(rc, 0);
    ck_assert_str_eq(netsession_host(ns), targets[_i].host);
    ck_assert_uint_eq(netsession_port(ns), targets[_i].port);
    netsession_free(ns);
}
END_TEST

/* A name of DNS has 255 bytes at most. */
START_TEST(long_target)
{
    char name[257];
    netsession *ns;

    memset(name, 'x', sizeof name);
    name[256] = '\0';
    ck_assert_int_eq(netsession_new(&ns, cfg, name), NETSESSION_E_ARGUMENT);
    name[255] = '\0';
    ck_assert_int_eq(netsession_new(&ns, cfg, name), 0);
    ck_assert_str_eq(netsession_host(ns), name);
    netsession_free(ns);
}
END_TEST

/* ---- Memory ---- */

/* A config with everything, copied, each allocation failing once. */
START_TEST(each_allocation)
{
    test_heap heap;
    netsession_hooks hooks;
    netsession_config *full;
    netsession *ns = NULL;
    long made;

    test_heap_hooks(&heap, &hooks);
    full = netsession_config_new(&hooks);
    ck_assert(!netsession_config_user(full, "D", "u") &&
              !netsession_config_password(full, "p") &&
              !netsession_config_workstation(full, "w") &&
              !netsession_config_target_name(full, "cifs/x") &&
              !netsession_config_channel_bindings(full, "abc", 3));
    if (kerberos_available())
        ck_assert(!netsession_config_ccache(full, "MEMORY:x") &&
                  !netsession_config_keytab(full, "MEMORY:x"));
    made = heap.made;
    for (long n = 1; !ns; n++) {
        heap.fail_at = heap.made + n;
        ck_assert_int_eq(netsession_new(&ns, full, "fs1"), ns ? 0 : NETSESSION_E_MEMORY);
    }
    ck_assert_int_gt(heap.made, made);
    heap.fail_at = heap.made + 1;
    ck_assert_int_eq(netsession_config_password(full, "q"), NETSESSION_E_MEMORY);
    ck_assert_str_eq(full->password, "p");
    heap.fail_at = heap.made + 1;
    ck_assert_int_eq(netsession_config_channel_bindings(full, "d", 1), NETSESSION_E_MEMORY);
    netsession_free(ns);
    netsession_config_free(full);
    ck_assert_int_eq(heap.live, 0);
}
END_TEST

Suite *config_suite(void)
{
    Suite *s = suite_create("config");
    TCase *tc = tcase_create("config");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, user);
    tcase_add_test(tc, environment);
    tcase_add_test(tc, environment_bad);
    tcase_add_test(tc, environment_refused);
    tcase_add_test(tc, environment_second);
    tcase_add_test(tc, environment_file);
    tcase_add_test(tc, descriptor);
    tcase_add_test(tc, files_failing);
    tcase_add_test(tc, keytabs);
    tcase_add_test(tc, keytabs_with_colons);
    tcase_add_test(tc, kerberos_of);
    tcase_add_loop_test(tc, authfile, 0, sizeof authfiles / sizeof *authfiles);
    tcase_add_test(tc, files_bad);
    tcase_add_test(tc, numbers);
    tcase_add_test(tc, algorithms);
    tcase_add_test(tc, names);
    tcase_add_test(tc, bindings);
    tcase_add_loop_test(tc, target, 0, sizeof targets / sizeof *targets);
    tcase_add_test(tc, long_target);
    tcase_add_test(tc, each_allocation);
    suite_add_tcase(s, tc);
    return s;
}
