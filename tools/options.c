#include "tools/options.h"

#include <getopt.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Words and numbers ---- */

struct word {
    const char *name;
    unsigned value;
};

static const struct word dialects[] = {
    {"2.0.2", NETSESSION_SMB_2_0_2}, {"2.1", NETSESSION_SMB_2_1},
    {"3.0", NETSESSION_SMB_3_0},     {"3.0.2", NETSESSION_SMB_3_0_2},
    {"3.1.1", NETSESSION_SMB_3_1_1}, {0},
};

static const struct word signings[] = {
    {"HMAC-SHA256", NETSESSION_HMAC_SHA256},
    {"AES-CMAC", NETSESSION_AES_CMAC},
    {"AES-GMAC", NETSESSION_AES_GMAC},
    {0},
};

static const struct word ciphers[] = {
    {"AES-128-CCM", NETSESSION_AES_128_CCM},
    {"AES-128-GCM", NETSESSION_AES_128_GCM},
    {"AES-256-CCM", NETSESSION_AES_256_CCM},
    {"AES-256-GCM", NETSESSION_AES_256_GCM},
    {0},
};

static const struct word levels[] = {
    {"0", 0}, {"1", 1}, {"2", 2}, {"10", 10}, {"502", 502}, {"auto", NETSESSION_LEVEL_AUTO},
    {0},
};

static const struct word kerberos_modes[] = {
    {"required", NETSESSION_KERBEROS_REQUIRED},
    {"desired", NETSESSION_KERBEROS_DESIRED},
    {"off", NETSESSION_KERBEROS_OFF},
    {"auto", NETSESSION_KERBEROS_AUTO},
    {0},
};

static void list_words(char *out, size_t size, const struct word *words)
{
    size_t n = 0;

    for (; words->name && n < size; words++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", words->name);
}

static int take_word(unsigned *out, const struct word *words, const char *option,
                     const char *arg)
{
    char known[128];

    for (const struct word *w = words; w->name; w++)
        if (strcasecmp(w->name, arg) == 0) {
            *out = w->value;
            return 0;
        }
    list_words(known, sizeof known, words);
    return complain(EXIT_USAGE, "%s: \"%s\" is none of %s", option, arg, known);
}

static int take_number(uint32_t *out, const char *option, const char *arg, uint32_t min,
                       uint32_t max)
{
    char *end;
    unsigned long long n = strtoull(arg, &end, 10);

    if (*arg < '0' || *arg > '9' || *end || n < min || n > max)
        return complain(EXIT_USAGE, "%s: \"%s\" is not a number from %u to %u", option, arg,
                        (unsigned)min, (unsigned)max);
    *out = (uint32_t)n;
    return 0;
}

/* A setter's answer. */
static int check(const struct options *o, int err)
{
    if (!err)
        return 0;
    return complain(err == NETSESSION_E_MEMORY ? EXIT_FAILED : EXIT_USAGE, "%s",
                    netsession_config_error(o->cfg)->message);
}

/* ---- Options, one function each ---- */

static int take_level(struct options *o, const char *arg)
{
    return take_word(&o->query.level, levels, "--level", arg);
}

static int take_client(struct options *o, const char *arg)
{
    const char *prefix = !*arg || strncmp(arg, "\\\\", 2) == 0 ? "" : "\\\\";
    size_t size = strlen(prefix) + strlen(arg) + 1;

    free(o->client);
    if (!(o->client = malloc(size)))
        return complain(EXIT_FAILED, "out of memory");
    snprintf(o->client, size, "%s%s", prefix, arg);
    o->query.client = o->client;
    return 0;
}

static int take_user(struct options *o, const char *arg)
{
    o->query.user = arg;
    return 0;
}

static int take_preferred_length(struct options *o, const char *arg)
{
    return take_number(&o->query.preferred_length, "--preferred-length", arg, 0, UINT32_MAX);
}

static int take_json(struct options *o, const char *arg)
{
    (void)arg;
    o->json = true;
    return 0;
}

static int take_account(struct options *o, const char *arg)
{
    if (strchr(arg, '%'))
        return complain(EXIT_USAGE, "-U: a password does not belong on a command line, where "
                                    "others can read it; leave out \"%%...\" and be asked, or "
                                    "use --authentication-file, --password-file or PASSWD");
    o->account = arg;
    return 0;
}

static int take_authfile(struct options *o, const char *arg)
{
    o->authfile = arg;
    return 0;
}

static int take_password_file(struct options *o, const char *arg)
{
    o->password_file = arg;
    return 0;
}

static int take_kerberos(struct options *o, const char *arg)
{
    unsigned mode = 0;
    int rc = take_word(&mode, kerberos_modes, "--use-kerberos", arg);

    o->kerberos = (int)mode;
    return rc ? rc : check(o, netsession_config_kerberos(o->cfg, o->kerberos));
}

static int take_kerberos_only(struct options *o, const char *arg)
{
    (void)arg;
    return take_kerberos(o, "required");
}

/* Who names where the ticket is to come from wants it to be used, unless he
 * said otherwise: as Samba's tools have it. */
static int imply_kerberos(struct options *o)
{
    if (o->kerberos >= 0)
        return 0;
    o->kerberos = NETSESSION_KERBEROS_REQUIRED;
    return netsession_config_kerberos(o->cfg, o->kerberos);
}

static int take_ccache(struct options *o, const char *arg)
{
    o->ticket_given = true;
    return check(o, netsession_config_ccache(o->cfg, arg));
}

static int take_keytab(struct options *o, const char *arg)
{
    o->ticket_given = true;
    return check(o, netsession_config_keytab(o->cfg, arg));
}

static int take_target_name(struct options *o, const char *arg)
{
    return check(o, netsession_config_target_name(o->cfg, arg));
}

static int take_no_password(struct options *o, const char *arg)
{
    (void)arg;
    o->no_password = true;
    return 0;
}

static int take_anonymous(struct options *o, const char *arg)
{
    (void)arg;
    o->anonymous = true;
    return check(o, netsession_config_anonymous(o->cfg, 1));
}

static int take_guest(struct options *o, const char *arg)
{
    (void)arg;
    return check(o, netsession_config_guest(o->cfg, 1));
}

static int take_min_dialect(struct options *o, const char *arg)
{
    return take_word(&o->min_dialect, dialects, "--min-dialect", arg);
}

static int take_max_dialect(struct options *o, const char *arg)
{
    return take_word(&o->max_dialect, dialects, "--max-dialect", arg);
}

static int take_signing(struct options *o, const char *arg)
{
    unsigned algorithm;
    int rc = take_word(&algorithm, signings, "--signing", arg);

    return rc ? rc : check(o, netsession_config_signing(o->cfg, &algorithm, 1));
}

static int take_cipher(struct options *o, const char *arg)
{
    unsigned cipher;
    int rc = take_word(&cipher, ciphers, "--cipher", arg);

    return rc ? rc : check(o, netsession_config_ciphers(o->cfg, &cipher, 1));
}

static int take_encrypt(struct options *o, const char *arg)
{
    (void)arg;
    return check(o, netsession_config_encrypt(o->cfg, 1));
}

static int take_port(struct options *o, const char *arg)
{
    uint32_t port = 0;
    int rc = take_number(&port, "--port", arg, 1, 65535);

    return rc ? rc : check(o, netsession_config_port(o->cfg, port));
}

static int take_timeout(struct options *o, const char *arg)
{
    uint32_t seconds = 0;
    int rc = take_number(&seconds, "--timeout", arg, 1, 86400);

    return rc ? rc : check(o, netsession_config_timeout(o->cfg, seconds * 1000));
}

static int take_verbose(struct options *o, const char *arg)
{
    (void)arg;
    o->verbose++;
    return 0;
}

static int take_help(struct options *o, const char *arg)
{
    (void)arg;
    o->help = true;
    return 0;
}

static int take_version(struct options *o, const char *arg)
{
    (void)arg;
    o->version = true;
    return 0;
}

/* ---- The table ---- */

static const struct flag {
    char letter; /* or 0 */
    const char *name;
    const char *arg; /* its name in the help; NULL: takes none */
    int (*take)(struct options *o, const char *arg);
    const char *help;
} flags[] = {
    {0, "level", "LEVEL", take_level, "0, 1, 2, 10, 502, or auto: the richest granted"},
    {0, "client", "NAME", take_client, "only sessions from this client"},
    {0, "user", "NAME", take_user, "only sessions of this user"},
    {0, "preferred-length", "BYTES", take_preferred_length,
     "ask for answers of about this size"},
    {'j', "json", NULL, take_json, "print JSON, one object a server"},
    {'U', "username", "[DOMAIN\\]USER", take_account, "log on as this user"},
    {'A', "authentication-file", "FILE", take_authfile, "read user, domain and password there"},
    {0, "password-file", "FILE", take_password_file, "read the password there"},
    {'N', "no-pass", NULL, take_no_password, "do not ask for a password"},
    {'k', "kerberos", NULL, take_kerberos_only, "log on with Kerberos or fail"},
    {0, "use-kerberos", "WHEN", take_kerberos, "required, desired, off, or auto"},
    {0, "ccache", "CACHE", take_ccache, "take the ticket from there; Kerberos or fail"},
    {0, "use-krb5-ccache", "CACHE", take_ccache, "the same"},
    {0, "keytab", "FILE", take_keytab, "log on with the key there; Kerberos or fail"},
    {0, "target-name", "SPN", take_target_name, "the server's principal; cifs/HOST"},
    {0, "anonymous", NULL, take_anonymous, "log on as nobody"},
    {0, "guest", NULL, take_guest, "accept to be logged on as a guest"},
    {0, "min-dialect", "DIALECT", take_min_dialect, "2.0.2, 2.1, 3.0, 3.0.2 or 3.1.1"},
    {0, "max-dialect", "DIALECT", take_max_dialect, "the same"},
    {0, "signing", "ALGORITHM", take_signing, "HMAC-SHA256, AES-CMAC or AES-GMAC only"},
    {0, "cipher", "CIPHER", take_cipher, "AES-128-CCM, AES-256-GCM ... only"},
    {0, "encrypt", NULL, take_encrypt, "encrypt or fail"},
    {'p', "port", "PORT", take_port, "instead of 445"},
    {0, "timeout", "SECONDS", take_timeout, "for connecting, and for each question; 30"},
    {'v', "verbose", NULL, take_verbose, "say what was negotiated; twice: each message"},
    {'h', "help", NULL, take_help, "print this"},
    {'V', "version", NULL, take_version, "print the version"},
};

#define FLAGS (sizeof flags / sizeof *flags)

void options_help(void)
{
    puts("Usage: netsession [list] [OPTION]... HOST...\n"
         "List the sessions of servers.  HOST may be host:port.\n");
    for (size_t i = 0; i < FLAGS; i++) {
        char left[48];

        snprintf(left, sizeof left, "--%s%s%s", flags[i].name, flags[i].arg ? " " : "",
                 flags[i].arg ? flags[i].arg : "");
        if (flags[i].letter)
            printf("  -%c, %-31s %s\n", flags[i].letter, left, flags[i].help);
        else
            printf("      %-31s %s\n", left, flags[i].help);
    }
    puts("\nWithout -U a Kerberos ticket says who logs on, and where there is none, USER.\n"
         "Without a ticket or a file, PASSWD, PASSWD_FD or PASSWD_FILE gives the password,\n"
         "and without them the terminal is asked.");
}

/* ---- getopt ---- */

static void build(struct option longs[FLAGS + 1], char shorts[3 * FLAGS + 2])
{
    *shorts++ = ':';
    for (size_t i = 0; i < FLAGS; i++) {
        longs[i].name = flags[i].name;
        longs[i].has_arg = flags[i].arg ? required_argument : no_argument;
        longs[i].val = (int)i + UCHAR_MAX + 1;
        if (!flags[i].letter)
            continue;
        *shorts++ = flags[i].letter;
        if (flags[i].arg)
            *shorts++ = ':';
    }
}

static const struct flag *flag_of(int c)
{
    for (size_t i = 0; i < FLAGS; i++)
        if (c == flags[i].letter || c == (int)i + UCHAR_MAX + 1)
            return &flags[i];
    return NULL;
}

/* c is '?' or ':'; word is where getopt stands. */
static int refuse(int c, const char *word)
{
    const struct flag *flag = optopt ? flag_of(optopt) : NULL;

    if (c == ':' && flag)
        return complain(EXIT_USAGE, "--%s needs a value", flag->name);
    if (flag)
        return complain(EXIT_USAGE, "--%s takes no value", flag->name);
    if (optopt)
        return complain(EXIT_USAGE, "there is no option -%c; see --help", optopt);
    return complain(EXIT_USAGE, "there is no option %s, or it may be several; see --help",
                    word);
}

static int take_flags(struct options *o, int argc, char **argv)
{
    struct option longs[FLAGS + 1] = {{0}};
    char shorts[3 * FLAGS + 2] = "";
    int c, rc = 0;

    build(longs, shorts);
    opterr = 0;
    while (!rc && (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        const struct flag *flag = flag_of(c);

        rc = flag ? flag->take(o, optarg) : refuse(c, argv[optind - 1]);
    }
    return rc;
}

static int take_hosts(struct options *o, int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "list") == 0) {
        argc--;
        argv++;
    }
    o->host = argv;
    o->hosts = argc;
    return argc ? 0 : complain(EXIT_USAGE, "no server is named; see --help");
}

/* Level 1 of the log says what -v says anyway. */
static void log_line(void *ctx, int level, const char *line)
{
    const int *verbose = ctx;

    (void)level;
    if (*verbose >= 2)
        complain(0, "%s", line);
}

int options_read(struct options *o, int argc, char **argv)
{
    netsession_hooks hooks = {.ctx = &o->verbose, .log = log_line};
    int rc;

    memset(o, 0, sizeof *o);
    o->min_dialect = NETSESSION_SMB_2_0_2;
    o->max_dialect = NETSESSION_SMB_3_1_1;
    o->kerberos = -1;
    netsession_query_init(&o->query);
    if (!(o->cfg = netsession_config_new(&hooks)))
        return complain(EXIT_FAILED, "out of memory");
    if ((rc = take_flags(o, argc, argv)) != 0 || o->help || o->version)
        return rc;
    if (o->ticket_given && (rc = check(o, imply_kerberos(o))) != 0)
        return rc;
    if (o->min_dialect > o->max_dialect)
        return complain(EXIT_USAGE, "--min-dialect is above --max-dialect");
    if ((rc = check(o, netsession_config_dialects(o->cfg, o->min_dialect, o->max_dialect))) !=
        0)
        return rc;
    return take_hosts(o, argc - optind, argv + optind);
}

void options_free(struct options *o)
{
    netsession_config_free(o->cfg);
    free(o->client);
}
