#include "examples/sessiond/users.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crypto.h"
#include "srvsvc/server.h" /* srvsvc_name_equal */

#define LINE_BYTES 1024

struct user {
    struct user *next;
    char name[256], domain[256]; /* "": any */
    auth_account account;
};

struct users {
    struct user *first;
};

static const struct user *find(const struct user *first, const char *domain, const char *name)
{
    for (; first; first = first->next)
        if (srvsvc_name_equal(first->name, name) && srvsvc_name_equal(first->domain, domain))
            break;
    return first;
}

int users_lookup(void *ctx, const char *domain, const char *name, auth_account *out)
{
    const users *u = ctx;
    const struct user *user = find(u->first, domain, name);

    if (!user)
        user = find(u->first, "", name);
    if (user)
        *out = user->account;
    return user != NULL;
}

void users_free(users *u)
{
    struct user *user, *next;

    for (user = u ? u->first : NULL; user; user = next) {
        next = user->next;
        ns_wipe(user, sizeof *user);
        free(user);
    }
    free(u);
}

/* ---- Reading ---- */

/* The word at *s, NUL-terminated; *s moves behind the blanks that follow. */
static char *word(char **s, const char *ends)
{
    char *start = *s;

    *s += strcspn(*s, ends);
    if (**s)
        *(*s)++ = '\0';
    *s += strspn(*s, " \t");
    return start;
}

static bool parse_hash(const char *hex, uint8_t out[16])
{
    if (strlen(hex) != 32 || hex[strspn(hex, "0123456789abcdefABCDEF")])
        return false;
    for (size_t n = 0; n < 16; n++) {
        const char byte[3] = {hex[2 * n], hex[2 * n + 1]};

        out[n] = (uint8_t)strtoul(byte, NULL, 16);
    }
    return true;
}

static bool parse_secret(char *text, uint8_t hash[16])
{
    if (!strncmp(text, "nt:", 3))
        return parse_hash(text + 3, hash);
    return !strncmp(text, "password:", 9) && !ntlm_nt_hash(text + 9, hash);
}

static bool parse_name(char *text, struct user *user)
{
    char *slash = strchr(text, '\\');

    if (slash)
        *slash = '\0';
    return snprintf(user->domain, sizeof user->domain, "%s", slash ? text : "") < 256 &&
           snprintf(user->name, sizeof user->name, "%s", slash ? slash + 1 : text) < 256 &&
           *user->name;
}

/* "password:secret admin": nobody can tell whether the password ends in it. */
static bool is_doubtful(const char *secret)
{
    size_t len = strlen(secret);

    return !strncmp(secret, "password:", 9) && len >= 9 + 6 &&
           !strcmp(secret + len - 6, " admin");
}

/* NULL, or what is wrong with it. */
static const char *parse_line(char *line, struct user *user)
{
    char *name = word(&line, " \t");
    char *secret = word(&line, strncmp(line, "nt:", 3) ? "\t" : " \t");

    if (is_doubtful(secret))
        return "has spaces before \"admin\"; put a tab there, or if it is the end of the "
               "password write that as nt:HASH";
    user->account.admin = !strcmp(line, "admin");
    if ((!*line || user->account.admin) && parse_name(name, user) &&
        parse_secret(secret, user->account.nt_hash))
        return NULL;
    return "is not \"name password:... | nt:HASH [admin]\" with tabs between";
}

static const char *add_line(users *u, char *line)
{
    struct user *user;
    const char *why;

    line[strcspn(line, "\r\n")] = '\0';
    line += strspn(line, " \t");
    if (!*line || *line == '#')
        return NULL;
    user = calloc(1, sizeof *user);
    if (!user)
        return strerror(ENOMEM);
    user->next = u->first;
    u->first = user;
    why = parse_line(line, user);
    if (!why && find(user->next, user->domain, user->name))
        why = "has a name that a line before it has";
    return why;
}

/* NULL, or why the file is not to be used. */
static const char *check_file(FILE *f)
{
    struct stat st;

    if (!f || fstat(fileno(f), &st))
        return strerror(errno);
    if (S_ISDIR(st.st_mode))
        return strerror(EISDIR);
    if (S_ISREG(st.st_mode) && st.st_mode & (S_IRWXG | S_IRWXO))
        return "others may read this file; chmod 600 it";
    return NULL;
}

/* NULL, or why the reading ended; *n: at which line, 0 for none. */
static const char *read_lines(users *u, FILE *f, unsigned *n)
{
    const char *why = NULL;
    char line[LINE_BYTES];

    for (*n = 0; !why && fgets(line, sizeof line, f); ++*n)
        why = add_line(u, line);
    ns_wipe(line, sizeof line);
    if (ferror(f)) {
        *n = 0;
        why = strerror(errno);
    }
    return why;
}

static users *complain(users *u, const char *path, const char *why, unsigned line)
{
    if (line)
        fprintf(stderr, "sessiond: %s, line %u: %s\n", path, line, why);
    else
        fprintf(stderr, "sessiond: %s: %s\n", path, why);
    users_free(u);
    return NULL;
}

users *users_load(const char *path)
{
    users *u = calloc(1, sizeof *u);
    unsigned line = 0;
    const char *why;
    FILE *f;

    if (!u)
        return complain(NULL, path ? path : "no users", strerror(ENOMEM), 0);
    if (!path)
        return u;
    f = fopen(path, "r");
    if (f)
        (void)setvbuf(f, NULL, _IONBF, 0); /* or secrets stay in its buffer */
    why = check_file(f);
    if (!why)
        why = read_lines(u, f, &line);
    if (f)
        (void)fclose(f); /* it was only read */
    return why ? complain(u, path, why, line) : u;
}
