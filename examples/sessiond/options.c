#include "examples/sessiond/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: sessiond --users FILE | --keytab FILE [option]...\n"
    "\n"
    "A reference server for NetrSessionEnum over SMB 2.0.2 to 3.1.1.  It serves IPC$\n"
    "and the pipe srvsvc; files it has none.\n"
    "\n"
    "  --listen ADDRESS:PORT    where to listen (127.0.0.1:4445); port 0: any\n"
    "  --users FILE             who may log on, a line each: a name, password:... or\n"
    "                           nt:HASH, and admin for administrators, with a tab between\n"
    "                           (a password may contain spaces)\n"
    "  --keytab FILE            accept Kerberos with the keys in it; who has a ticket needs\n"
    "                           no line among the users, unless to be an administrator\n"
    "  --no-ntlm                accept nothing but Kerberos\n"
    "  --request-mic            have clients sign the list of mechanisms that they offer\n"
    "  --name NAME              the server's NetBIOS name (SESSIOND)\n"
    "  --domain NAME            its domain (WORKGROUP)\n"
    "  --min-dialect D, --max-dialect D   2.0.2, 2.1, 3.0, 3.0.2, 3.1.1\n"
    "  --signing-required       refuse what is not signed\n"
    "  --signing LIST           HMAC-SHA256,AES-CMAC,AES-GMAC\n"
    "  --encryption off|allowed|required\n"
    "  --ciphers LIST           AES-128-CCM,AES-128-GCM,AES-256-CCM,AES-256-GCM\n"
    "  --syntaxes LIST          NDR32,NDR64\n"
    "  --anonymous, --guest     let nobody, or anybody, in\n"
    "  --read-for-all           levels 0 and 10 for everybody who logged on\n"
    "  --any-name               whatever a pipe is called, it is srvsvc: for test suites\n"
    "  --idle SECONDS           drop clients that are silent so long\n"
    "  --lifetime SECONDS       sessions must log on anew after so long\n"
    "  --max-connections N      clients at once (20000)\n"
    "  --max-sessions N         sessions in one connection (16)\n"
    "  --fill N, --seed N       list N made-up sessions before the real ones\n"
    "  --quiet                  no log\n";

enum {
    OPT_LISTEN = 256,
    OPT_USERS,
    OPT_KEYTAB,
    OPT_NO_NTLM,
    OPT_REQUEST_MIC,
    OPT_NAME,
    OPT_DOMAIN,
    OPT_MIN,
    OPT_MAX,
    OPT_SIGNING_REQUIRED,
    OPT_SIGNING,
    OPT_ENCRYPTION,
    OPT_CIPHERS,
    OPT_SYNTAXES,
    OPT_ANONYMOUS,
    OPT_GUEST,
    OPT_READ,
    OPT_ANY_NAME,
    OPT_IDLE,
    OPT_LIFETIME,
    OPT_CONNECTIONS,
    OPT_SESSIONS,
    OPT_FILL,
    OPT_SEED,
    OPT_QUIET,
    OPT_HELP
};

static const struct option long_options[] = {
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"users", required_argument, NULL, OPT_USERS},
    {"keytab", required_argument, NULL, OPT_KEYTAB},
    {"no-ntlm", no_argument, NULL, OPT_NO_NTLM},
    {"request-mic", no_argument, NULL, OPT_REQUEST_MIC},
    {"name", required_argument, NULL, OPT_NAME},
    {"domain", required_argument, NULL, OPT_DOMAIN},
    {"min-dialect", required_argument, NULL, OPT_MIN},
    {"max-dialect", required_argument, NULL, OPT_MAX},
    {"signing-required", no_argument, NULL, OPT_SIGNING_REQUIRED},
    {"signing", required_argument, NULL, OPT_SIGNING},
    {"encryption", required_argument, NULL, OPT_ENCRYPTION},
    {"ciphers", required_argument, NULL, OPT_CIPHERS},
    {"syntaxes", required_argument, NULL, OPT_SYNTAXES},
    {"anonymous", no_argument, NULL, OPT_ANONYMOUS},
    {"guest", no_argument, NULL, OPT_GUEST},
    {"read-for-all", no_argument, NULL, OPT_READ},
    {"any-name", no_argument, NULL, OPT_ANY_NAME},
    {"idle", required_argument, NULL, OPT_IDLE},
    {"lifetime", required_argument, NULL, OPT_LIFETIME},
    {"max-connections", required_argument, NULL, OPT_CONNECTIONS},
    {"max-sessions", required_argument, NULL, OPT_SESSIONS},
    {"fill", required_argument, NULL, OPT_FILL},
    {"seed", required_argument, NULL, OPT_SEED},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static void die(const char *what, const char *value)
{
    fprintf(stderr, "sessiond: %s: %s (see --help)\n", what, value);
    exit(2);
}

static void help(void)
{
    if (fputs(usage, stdout) != EOF && !fflush(stdout))
        exit(0);
    fprintf(stderr, "sessiond: cannot write the help: %s\n", strerror(errno));
    exit(1);
}

/* ---- Names for numbers ---- */

typedef struct choice {
    const char *name;
    unsigned value;
} choice;

static const choice dialects[] = {{"2.0.2", NETSESSION_SMB_2_0_2}, {"2.1", NETSESSION_SMB_2_1},
                                  {"3.0", NETSESSION_SMB_3_0},     {"3.0.2", NETSESSION_SMB_3_0_2},
                                  {"3.1.1", NETSESSION_SMB_3_1_1}, {NULL, 0}};
static const choice signings[] = {{"HMAC-SHA256", NETSESSION_HMAC_SHA256},
                                  {"AES-CMAC", NETSESSION_AES_CMAC},
                                  {"AES-GMAC", NETSESSION_AES_GMAC},
                                  {NULL, 0}};
static const choice ciphers[] = {{"AES-128-CCM", NETSESSION_AES_128_CCM},
                                 {"AES-128-GCM", NETSESSION_AES_128_GCM},
                                 {"AES-256-CCM", NETSESSION_AES_256_CCM},
                                 {"AES-256-GCM", NETSESSION_AES_256_GCM},
                                 {NULL, 0}};
static const choice encryptions[] = {{"off", SMB2_ENCRYPTION_OFF},
                                     {"allowed", SMB2_ENCRYPTION_ALLOWED},
                                     {"required", SMB2_ENCRYPTION_REQUIRED},
                                     {NULL, 0}};
static const choice syntaxes[] = {{"NDR32", NETSESSION_NDR32}, {"NDR64", NETSESSION_NDR64}, {NULL, 0}};

static unsigned choose(const choice *list, const char *name)
{
    for (; list->name; list++)
        if (!strcmp(list->name, name))
            return list->value;
    die("unknown name", name);
    return 0;
}

static void choose_algs(const choice *list, char *names, smb2_algs *algs)
{
    algs->count = 0;
    for (char *name = strtok(names, ","); name; name = strtok(NULL, ","))
        if (algs->count < SMB2_MAX_ALGS)
            algs->id[algs->count++] = (uint16_t)choose(list, name);
}

static unsigned choose_mask(const choice *list, char *names)
{
    unsigned mask = 0;

    for (char *name = strtok(names, ","); name; name = strtok(NULL, ","))
        mask |= choose(list, name);
    return mask;
}

static unsigned number(const char *text, unsigned most)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || n > most)
        die("not a number, or too large", text);
    return (unsigned)n;
}

/* The same where none at all would let nobody in. */
static unsigned number_of(const char *option, const char *text, unsigned most)
{
    unsigned n = number(text, most);

    if (!n)
        die(option, "must be 1 or more");
    return n;
}

/* "address:port", "[v6]:port", "port". */
static void parse_listen(options *o, const char *text)
{
    const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
    size_t len = colon ? (size_t)(colon - text) : 0;

    if (len && *text == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (strlen(port) >= sizeof o->port || len >= sizeof o->host)
        die("no address and port", text);
    snprintf(o->port, sizeof o->port, "%u", number(port, 65535));
    if (len) {
        memcpy(o->host, text, len);
        o->host[len] = '\0';
    }
}

/* ---- Options ---- */

// NOLINTNEXTLINE(readability-function-size): a line an option
static void apply(options *o, int opt, char *value)
{
    ns_server_config *cfg = &o->server;

    switch (opt) {
    case OPT_LISTEN: parse_listen(o, value); break;
    case OPT_USERS: o->users = value; break;
    case OPT_KEYTAB: o->keytab = value; break;
    case OPT_NO_NTLM: cfg->smb.auth.no_ntlm = true; break;
    case OPT_REQUEST_MIC: cfg->smb.auth.request_mic = true; break;
    case OPT_NAME: cfg->smb.auth.netbios_computer = value; break;
    case OPT_DOMAIN: cfg->smb.auth.netbios_domain = value; break;
    case OPT_MIN: cfg->smb.min_dialect = choose(dialects, value); break;
    case OPT_MAX: cfg->smb.max_dialect = choose(dialects, value); break;
    case OPT_SIGNING_REQUIRED: cfg->smb.signing_required = true; break;
    case OPT_SIGNING: choose_algs(signings, value, &cfg->smb.signings); break;
    case OPT_ENCRYPTION: cfg->smb.encryption = choose(encryptions, value); break;
    case OPT_CIPHERS: choose_algs(ciphers, value, &cfg->smb.ciphers); break;
    case OPT_SYNTAXES: cfg->syntaxes = choose_mask(syntaxes, value); break;
    case OPT_ANONYMOUS: cfg->smb.auth.anonymous = true; break;
    case OPT_GUEST: cfg->smb.auth.guest = true; break;
    case OPT_READ: cfg->read_for_all = true; break;
    case OPT_ANY_NAME: cfg->any_name = true; break;
    case OPT_IDLE: o->idle = number(value, 86400); break;
    case OPT_LIFETIME: cfg->smb.lifetime = 1000ull * number(value, 86400); break;
    case OPT_CONNECTIONS: o->max_connections = number_of("--max-connections", value, 1000000); break;
    case OPT_SESSIONS: cfg->smb.max_sessions = number_of("--max-sessions", value, 1000); break;
    case OPT_FILL: cfg->fill = number(value, 1000000); break;
    case OPT_SEED: cfg->seed = number(value, UINT32_MAX); break;
    case OPT_QUIET: o->quiet = true; break;
    case OPT_HELP: help(); break;
    default: exit(2);
    }
}

static const options defaults = {
    .server = {.smb = {.auth = {.netbios_computer = "SESSIOND", .netbios_domain = "WORKGROUP"},
                       .min_dialect = NETSESSION_SMB_2_0_2,
                       .max_dialect = NETSESSION_SMB_3_1_1,
                       .signings = {{NETSESSION_HMAC_SHA256, NETSESSION_AES_CMAC,
                                     NETSESSION_AES_GMAC},
                                    3},
                       .ciphers = {{NETSESSION_AES_128_CCM, NETSESSION_AES_128_GCM,
                                    NETSESSION_AES_256_CCM, NETSESSION_AES_256_GCM},
                                   4},
                       .encryption = SMB2_ENCRYPTION_ALLOWED,
                       .max_io = 1u << 20,
                       .max_credits = 512,
                       .max_sessions = 16,
                       .max_trees = 8,
                       .max_opens = 64,
                       .max_pending = 64},
               .syntaxes = NETSESSION_NDR32 | NETSESSION_NDR64,
               .comment = "netsession reference server"},
    .host = "127.0.0.1",
    .port = "4445",
    .max_connections = 20000,
};

void options_parse(options *o, int argc, char **argv)
{
    int opt;

    *o = defaults;
    while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        apply(o, opt, optarg);
    if (optind < argc)
        die("unexpected", argv[optind]);
    if (!o->users && !o->keytab)
        die("missing", "--users FILE or --keytab FILE");
    if (o->server.smb.auth.no_ntlm && !o->keytab)
        die("--no-ntlm", "then nobody could log on without --keytab FILE");
    if (o->server.smb.min_dialect > o->server.smb.max_dialect)
        die("the dialect range is empty", "--min-dialect, --max-dialect");
}
