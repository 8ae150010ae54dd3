/* Credentials from files, descriptors and the environment (POSIX). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "netapi/config.h"
#include "netapi/os_error.h"

#define FILE_MAX 8192

static int fail_file(netsession_config *cfg, const char *what, const char *why)
{
    cfg->err.code = 0;
    return ns_fail(&cfg->err, NETSESSION_E_CREDENTIALS, NS_LAYER_ARGUMENT, "%s: %s", what, why);
}

static int fail_system(netsession_config *cfg, const char *what)
{
    char text[NS_OS_ERROR];

    return fail_file(cfg, what, ns_os_error(errno, text));
}

/* Reads all of fd into text, NUL-terminated. */
static int read_all(netsession_config *cfg, int fd, const char *what, char text[FILE_MAX])
{
    size_t len = 0;
    ssize_t n = 1;

    while (n && len < FILE_MAX - 1) {
        n = read(fd, text + len, FILE_MAX - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_system(cfg, what);
        len += (size_t)n;
    }
    text[len] = '\0';
    if (len == FILE_MAX - 1 || memchr(text, 0, len))
        return fail_file(cfg, what, "is too long, or no text");
    return 0;
}

/* A secret that others may read is none. */
static int check_private(netsession_config *cfg, int fd, const char *path)
{
    struct stat st;

    if (fstat(fd, &st))
        return fail_system(cfg, path);
    if (S_ISREG(st.st_mode) && st.st_mode & (S_IRWXG | S_IRWXO))
        return fail_file(cfg, path, "others may read this file; chmod 600 it");
    return 0;
}

int ns_config_private(netsession_config *cfg, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int rc = fd < 0 ? 0 : check_private(cfg, fd, path);

    if (fd >= 0)
        close(fd);
    return rc;
}

static int read_file(netsession_config *cfg, const char *path, char text[FILE_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return fail_system(cfg, path);
    rc = check_private(cfg, fd, path);
    if (!rc)
        rc = read_all(cfg, fd, path, text);
    close(fd);
    return rc;
}

static int first_line(netsession_config *cfg, char *text)
{
    text[strcspn(text, "\r\n")] = '\0';
    return netsession_config_password(cfg, text);
}

int netsession_config_password_file(netsession_config *cfg, const char *path)
{
    char text[FILE_MAX];
    int rc = read_file(cfg, path, text);

    if (!rc)
        rc = first_line(cfg, text);
    ns_wipe(text, sizeof text);
    return rc;
}

int netsession_config_password_fd(netsession_config *cfg, int fd)
{
    char text[FILE_MAX];
    int rc = read_all(cfg, fd, "the password's descriptor", text);

    if (!rc)
        rc = first_line(cfg, text);
    ns_wipe(text, sizeof text);
    return rc;
}

/* ---- Authfile ---- */

static char *trim(char *s)
{
    size_t n;

    s += strspn(s, " \t");
    n = strlen(s);
    while (n && strchr(" \t\r", s[n - 1]))
        s[--n] = '\0';
    return s;
}

struct authfile {
    char *username, *password, *domain;
};

/* "name = value"; blank lines and comments are passed over. */
static bool authfile_line(struct authfile *f, char *line)
{
    char *value = strchr(line, '='), *name = trim(line);

    if (!*name || *name == '#' || *name == ';')
        return true;
    if (!value)
        return false;
    *value++ = '\0';
    name = trim(name);
    if (!strcasecmp(name, "username"))
        f->username = trim(value);
    else if (!strcasecmp(name, "password"))
        f->password = trim(value);
    else if (!strcasecmp(name, "domain"))
        f->domain = trim(value);
    else
        return false;
    return true;
}

static int authfile_apply(netsession_config *cfg, const struct authfile *f)
{
    int rc = 0;

    if (f->username)
        rc = netsession_config_user(cfg, f->domain, f->username);
    if (!rc && f->password)
        rc = netsession_config_password(cfg, f->password);
    return rc;
}

static int authfile_parse(netsession_config *cfg, const char *path, char *text)
{
    struct authfile f = {NULL, NULL, NULL};
    char *line = text, *end;

    for (; line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        if (!authfile_line(&f, line))
            return fail_file(cfg, path,
                             "has a line that is not username, password or domain = value");
    }
    return authfile_apply(cfg, &f);
}

int netsession_config_authfile(netsession_config *cfg, const char *path)
{
    char text[FILE_MAX];
    int rc = read_file(cfg, path, text);

    if (!rc)
        rc = authfile_parse(cfg, path, text);
    ns_wipe(text, sizeof text);
    return rc;
}

/* ---- Environment ---- */

static int env_passwd(netsession_config *cfg, const char *value)
{
    return netsession_config_password(cfg, value);
}

static int env_passwd_fd(netsession_config *cfg, const char *value)
{
    char *end;
    long fd = strtol(value, &end, 10);

    if (!*value || *end || fd < 0 || fd > 65535)
        return fail_file(cfg, "PASSWD_FD", "is not the number of a descriptor");
    return netsession_config_password_fd(cfg, (int)fd);
}

static const struct password_source {
    const char *name;
    int (*take)(netsession_config *cfg, const char *value);
} password_sources[] = {
    {"PASSWD", env_passwd},
    {"PASSWD_FD", env_passwd_fd},
    {"PASSWD_FILE", netsession_config_password_file},
};

static int env_password(netsession_config *cfg)
{
    for (size_t i = 0; i < sizeof password_sources / sizeof *password_sources; i++) {
        const char *value = getenv(password_sources[i].name);

        if (value)
            return password_sources[i].take(cfg, value);
    }
    return 0;
}

/* USER may carry "%password", as Samba's tools have it. */
static int env_user(netsession_config *cfg, const char *value)
{
    const char *percent = strchr(value, '%');
    char *user =
        ns_strdup(&cfg->hooks, value, percent ? (size_t)(percent - value) : strlen(value));
    int rc;

    if (!user)
        return ns_config_fail(cfg, NETSESSION_E_MEMORY, "out of memory");
    rc = netsession_config_user(cfg, NULL, user);
    cfg->ambient = true;
    ns_strfree(&cfg->hooks, user);
    if (!rc && percent && !cfg->password)
        rc = netsession_config_password(cfg, percent + 1);
    return rc;
}

int netsession_config_environment(netsession_config *cfg)
{
    const char *user = getenv("USER");
    int rc = 0;

    if (!cfg->user && user && *user)
        rc = env_user(cfg, user);
    if (!rc && !cfg->password)
        rc = env_password(cfg);
    return rc;
}
