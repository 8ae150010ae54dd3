/* netsession: list the sessions of servers. */
#include "tools/options.h"
#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SECRETS (64u << 10) /* bytes: a connection at a time needs some 8 KiB */

/* An error before there is an object that holds it. */
static netsession_error early_error(int code, const char *host)
{
    netsession_error err = {.code = code,
                            .layer = "argument",
                            .name = netsession_code_name(code),
                            .value = 8,
                            .win32 = 8};

    if (code != NETSESSION_E_ARGUMENT) {
        snprintf(err.message, sizeof err.message, "out of memory");
        return err;
    }
    err.value = err.win32 = 53; /* ERROR_BAD_NETPATH */
    snprintf(err.message, sizeof err.message,
             "\"%.200s\" is no server's name: host, host:port or [address]:port", host);
    return err;
}

/* What else than memory fails in printing is the stream. */
static int unwritten(void)
{
    if (!ferror(stdout))
        return complain(EXIT_FAILED, "out of memory");
    return complain(EXIT_FAILED, "cannot write the output: %s", strerror(errno));
}

static int fail(const struct options *o, const char *host, const netsession_error *err)
{
    if (!o->json)
        return complain(EXIT_FAILED, "%.255s: %s", host, err->message);
    if (!print_json_error(host, err))
        unwritten();
    return EXIT_FAILED;
}

static void tell(const struct options *o, const char *host, const netsession_info *info)
{
    if (!o->verbose)
        return;
    complain(0, "%s: SMB %s, %s, signing %s%s, encryption %s, %s, exchanges %u", host,
             info->dialect_name, info->auth, info->signing ? info->signing : "none",
             info->signing_required ? " (the server requires it)" : "",
             info->cipher ? info->cipher : "none", info->syntax, info->exchanges);
    if (*info->auth_why)
        complain(0, "%s: %s: %s", host, info->auth, info->auth_why);
}

static int show(const struct options *o, const char *host, const netsession_info *info,
                const struct rows *rows)
{
    if (o->json ? print_json(host, rows, info) : print_table(host, rows))
        return 0;
    return unwritten();
}

/* All of it first: what is printed is never a part. */
static int collect(const struct options *o, netsession *ns, struct rows *rows)
{
    netsession_list *list = NULL;
    int rc = netsession_list_new(&list, ns, &o->query);

    if (!rc)
        rc = rows_collect(rows, list);
    netsession_list_free(list);
    return rc;
}

static int ask(const struct options *o, const char *host, netsession *ns, struct rows *rows)
{
    netsession_error err;
    netsession_info info;
    int rc = netsession_connect(ns);

    if (!rc) {
        netsession_get_info(ns, &info);
        tell(o, host, &info);
        rc = collect(o, ns, rows);
    }
    if (!rc)
        return show(o, host, &info, rows);
    err = *netsession_last_error(ns);
    if (rc == NETSESSION_E_MEMORY && err.code != rc)
        err = early_error(rc, host);
    return fail(o, host, &err);
}

static int list_host(const struct options *o, const char *host)
{
    struct rows rows = {0};
    netsession_error err;
    netsession *ns;
    int rc = netsession_new(&ns, o->cfg, host);

    if (rc) {
        err = early_error(rc, host);
        return fail(o, host, &err);
    }
    rc = ask(o, host, ns, &rows);
    netsession_close(ns);
    netsession_free(ns);
    rows_free(&rows);
    return rc;
}

static int list_hosts(const struct options *o)
{
    int rc = 0;

    for (int i = 0; i < o->hosts; i++)
        if (list_host(o, o->host[i]) != 0)
            rc = EXIT_FAILED;
    return rc;
}

static int run(struct options *o)
{
    int rc;

    if (o->help)
        options_help();
    else if (o->version)
        puts("netsession " NETSESSION_VERSION);
    else
        return (rc = credentials_read(o)) != 0 ? rc : list_hosts(o);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    return unwritten();
}

/* Standard descriptors that are closed are filled, so that no file or socket
 * takes their place; what is printed there then fails instead of going astray. */
static void fill_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

/* A core file would hold the password.  One that a program gets (core(5)) is made
 * whatever the limit, of what the filter names: nothing. */
static void leave_no_core(void)
{
    static const struct rlimit none;
    int fd = open("/proc/self/coredump_filter", O_WRONLY);

    setrlimit(RLIMIT_CORE, &none);
    if (fd >= 0) {
        dprintf(fd, "0");
        close(fd);
    }
}

/* Passwords and keys do not reach the swap either, if that may be kept from
 * them; without this heap they lie where everything lies. */
static void keep_secrets(void)
{
    leave_no_core();
    CRYPTO_secure_malloc_init(SECRETS, 32);
}

int main(int argc, char **argv)
{
    struct options options;
    int rc;

    fill_descriptors();
    setlocale(LC_CTYPE, "");
    keep_secrets();
    rc = options_read(&options, argc, argv);
    if (!rc)
        rc = run(&options);
    options_free(&options);
    return rc;
}
