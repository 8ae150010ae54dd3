#include "netapi/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/utf.h"

#define TEXT_MAX 1024u

static const smb2_config smb_defaults = {
    .min_dialect = NETSESSION_SMB_2_0_2,
    .max_dialect = NETSESSION_SMB_3_1_1,
    .signings = {{NETSESSION_AES_GMAC, NETSESSION_AES_CMAC, NETSESSION_HMAC_SHA256}, 3},
    .ciphers = {{NETSESSION_AES_128_GCM, NETSESSION_AES_128_CCM, NETSESSION_AES_256_GCM,
                 NETSESSION_AES_256_CCM},
                4},
    .compound = true,
    .io_size = 65536,
    .pipe = "srvsvc",
};

netsession_config *netsession_config_new(const netsession_hooks *hooks)
{
    netsession_hooks filled;
    netsession_config *cfg;

    ns_hooks_fill(&filled, hooks);
    cfg = ns_alloc(&filled, sizeof *cfg);
    if (!cfg)
        return NULL;
    cfg->hooks = filled;
    cfg->smb = smb_defaults;
    cfg->port = 445;
    cfg->timeout = 30000;
    cfg->syntaxes = NETSESSION_NDR32 | NETSESSION_NDR64;
    cfg->max_reply = 15u << 20;
    return cfg;
}

static void forget(netsession_config *cfg)
{
    cfg->domain = cfg->user = cfg->password = cfg->workstation = cfg->target_name = NULL;
    cfg->ccache = cfg->keytab = cfg->channel = NULL;
}

void ns_config_clear(netsession_config *cfg)
{
    ns_strfree(&cfg->hooks, cfg->domain);
    ns_strfree(&cfg->hooks, cfg->user);
    ns_strfree(&cfg->hooks, cfg->password);
    ns_strfree(&cfg->hooks, cfg->workstation);
    ns_strfree(&cfg->hooks, cfg->target_name);
    ns_strfree(&cfg->hooks, cfg->ccache);
    ns_strfree(&cfg->hooks, cfg->keytab);
    ns_free(&cfg->hooks, cfg->channel, cfg->channel_len + 1);
    forget(cfg);
    ns_wipe(cfg->bindings, sizeof cfg->bindings);
}

void netsession_config_free(netsession_config *cfg)
{
    if (!cfg)
        return;
    ns_config_clear(cfg);
    ns_free(&cfg->hooks, cfg, sizeof *cfg);
}

static int copy_string(netsession_config *to, char **member, const char *from)
{
    *member = from ? ns_strdup_secret(&to->hooks, from, strlen(from)) : NULL;
    return from && !*member ? NETSESSION_E_MEMORY : 0;
}

static int copy_channel(netsession_config *to, const netsession_config *from)
{
    if (from->channel)
        to->channel = ns_strdup(&to->hooks, from->channel, from->channel_len);
    return from->channel && !to->channel ? NETSESSION_E_MEMORY : 0;
}

int ns_config_copy(netsession_config *to, const netsession_config *from)
{
    *to = *from;
    forget(to);
    if (copy_string(to, &to->domain, from->domain) || copy_string(to, &to->user, from->user) ||
        copy_string(to, &to->password, from->password) ||
        copy_string(to, &to->workstation, from->workstation) ||
        copy_string(to, &to->target_name, from->target_name) ||
        copy_string(to, &to->ccache, from->ccache) ||
        copy_string(to, &to->keytab, from->keytab) || copy_channel(to, from)) {
        ns_config_clear(to);
        return NETSESSION_E_MEMORY;
    }
    return 0;
}

const netsession_error *netsession_config_error(const netsession_config *cfg)
{
    return &cfg->err;
}

int ns_config_fail(netsession_config *cfg, int code, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    cfg->err.code = 0;
    return ns_fail(&cfg->err, code, NS_LAYER_ARGUMENT, "%s", text);
}

/* ---- Strings ---- */

int ns_config_string(netsession_config *cfg, char **member, const char *s, size_t n)
{
    char *copy;

    if (n > TEXT_MAX)
        return ns_config_fail(cfg, NETSESSION_E_ARGUMENT, "a name or password is over %u bytes",
                              TEXT_MAX);
    copy = ns_strdup_secret(&cfg->hooks, s, n); /* it may be the password */
    if (!copy)
        return ns_config_fail(cfg, NETSESSION_E_MEMORY, "out of memory");
    if (ns_utf16_len(copy) == NS_UTF_BAD) {
        ns_strfree(&cfg->hooks, copy);
        return ns_config_fail(cfg, NETSESSION_E_ARGUMENT,
                              "a name or password is not valid UTF-8");
    }
    ns_strfree(&cfg->hooks, *member);
    *member = copy;
    return 0;
}

static int set_string(netsession_config *cfg, char **member, const char *s)
{
    return ns_config_string(cfg, member, s, strlen(s));
}

int netsession_config_user(netsession_config *cfg, const char *domain, const char *user)
{
    const char *slash = domain ? NULL : strchr(user, '\\');
    size_t n = slash ? (size_t)(slash - user) : 0;
    int rc;

    if (!*user || (slash && !slash[1]))
        return ns_config_fail(cfg, NETSESSION_E_ARGUMENT, "the user name is empty");
    rc = ns_config_string(cfg, &cfg->domain, domain ? domain : user,
                          domain ? strlen(domain) : n);
    cfg->ambient = false;
    return rc ? rc : set_string(cfg, &cfg->user, slash ? slash + 1 : user);
}

int netsession_config_password(netsession_config *cfg, const char *password)
{
    return set_string(cfg, &cfg->password, password);
}

int netsession_config_has_user(const netsession_config *cfg)
{
    return cfg->user != NULL;
}

int netsession_config_has_password(const netsession_config *cfg)
{
    return cfg->password != NULL;
}

int netsession_config_workstation(netsession_config *cfg, const char *name)
{
    return set_string(cfg, &cfg->workstation, name);
}

int netsession_config_target_name(netsession_config *cfg, const char *spn)
{
    const char *slash = strchr(spn, '/');

    if (!slash || slash == spn || !slash[1])
        return ns_config_fail(cfg, NETSESSION_E_ARGUMENT,
                              "\"%.100s\" is no target name, which is service/host", spn);
    return set_string(cfg, &cfg->target_name, spn);
}

/* [MS-NLMP] 2.2.2.1 MsvAvChannelBindings: the MD5 of a structure with the
 * lengths of both addresses, which are none, and of this. */
int netsession_config_channel_bindings(netsession_config *cfg, const void *data, size_t len)
{
    uint8_t head[20] = {0};
    const ns_slice parts[] = {{head, sizeof head}, {data, len}};
    char *copy;

    if (!len || len > TEXT_MAX)
        return ns_config_fail(cfg, NETSESSION_E_ARGUMENT,
                              "channel bindings must have 1 to %u bytes", TEXT_MAX);
    ns_store32(head + 16, (uint32_t)len);
    if (!(copy = ns_strdup(&cfg->hooks, data, len)))
        return ns_config_fail(cfg, NETSESSION_E_MEMORY, "out of memory");
    ns_free(&cfg->hooks, cfg->channel, cfg->channel_len + 1);
    cfg->channel = copy;
    cfg->channel_len = len;
    return ns_md5(parts, 2, cfg->bindings)
               ? ns_config_fail(cfg, NETSESSION_E_CRYPTO, "libcrypto has no MD5")
               : 0;
}

/* ---- Kerberos ---- */

static int need_kerberos(netsession_config *cfg)
{
    return kerberos_available()
               ? 0
               : ns_config_fail(cfg, NETSESSION_E_POLICY,
                                "Kerberos was left out when this was built (WITH_KRB5=0)");
}

int netsession_config_kerberos(netsession_config *cfg, int mode)
{
    int rc = mode == NETSESSION_KERBEROS_REQUIRED ? need_kerberos(cfg) : 0;

    if (mode < NETSESSION_KERBEROS_AUTO || mode > NETSESSION_KERBEROS_REQUIRED)
        rc = ns_config_fail(cfg, NETSESSION_E_ARGUMENT, "%d is no way to use Kerberos", mode);
    if (!rc)
        cfg->kerberos = (unsigned)mode;
    return rc;
}

int netsession_config_ccache(netsession_config *cfg, const char *name)
{
    int rc = need_kerberos(cfg);

    return rc ? rc : set_string(cfg, &cfg->ccache, name);
}

/* The file that libkrb5 takes it for, or NULL: what has no type, begins with a
 * slash, or has but one letter before the colon, is one. */
static const char *keytab_file(const char *name)
{
    if (!strncmp(name, "FILE:", 5))
        return name + 5;
    if (!strncmp(name, "WRFILE:", 7))
        return name + 7;
    return *name == '/' || !strchr(name, ':') || strchr(name, ':') == name + 1 ? name : NULL;
}

/* A keytab that is no file has no mode; one that is not there is found out
 * when it is used. */
int netsession_config_keytab(netsession_config *cfg, const char *name)
{
    const char *path = keytab_file(name);
    int rc = need_kerberos(cfg);

    if (!rc && path)
        rc = ns_config_private(cfg, path);
    return rc ? rc : set_string(cfg, &cfg->keytab, name);
}

int netsession_config_delegate(netsession_config *cfg, int on)
{
    cfg->delegate = on != 0;
    return 0;
}

int netsession_config_has_ticket(const netsession_config *cfg)
{
    kerberos_params p;

    ns_config_kerberos(cfg, NULL, &p);
    return cfg->kerberos != NETSESSION_KERBEROS_OFF && kerberos_has_ticket(&p);
}

/* A user from the environment is a guess, whose password is NTLM's. */
void ns_config_kerberos(const netsession_config *cfg, const char *spn, kerberos_params *out)
{
    bool given = cfg->user && !cfg->ambient;
    bool secret = given && cfg->password && *cfg->password;

    *out = (kerberos_params){.user = given ? cfg->user : "",
                             .domain = given && cfg->domain ? cfg->domain : "",
                             .password = secret ? cfg->password : NULL,
                             .ccache = cfg->ccache,
                             .keytab = cfg->keytab,
                             .spn = spn,
                             .bindings = {cfg->channel, cfg->channel ? cfg->channel_len : 0},
                             .delegate = cfg->delegate,
                             .insist = cfg->kerberos >= NETSESSION_KERBEROS_DESIRED};
}

/* ---- Switches and numbers ---- */

int netsession_config_anonymous(netsession_config *cfg, int on)
{
    cfg->smb.anonymous = on != 0;
    return 0;
}

int netsession_config_guest(netsession_config *cfg, int accept)
{
    cfg->smb.guest = accept != 0;
    return 0;
}

int netsession_config_encrypt(netsession_config *cfg, int required)
{
    cfg->smb.encrypt = required != 0;
    return 0;
}

int netsession_config_compound(netsession_config *cfg, int on)
{
    cfg->smb.compound = on != 0;
    return 0;
}

int netsession_config_dialects(netsession_config *cfg, unsigned min, unsigned max)
{
    if (!smb2_dialect_name(min) || !smb2_dialect_name(max) || min > max)
        return ns_config_fail(cfg, NETSESSION_E_ARGUMENT,
                              "the dialect range 0x%04X to 0x%04X is empty or unknown", min,
                              max);
    cfg->smb.min_dialect = min;
    cfg->smb.max_dialect = max;
    return 0;
}

/* A preference list without repetition; ids from least to most. */
static int set_algs(netsession_config *cfg, smb2_algs *algs, const unsigned *ids, size_t count,
                    unsigned least, unsigned most)
{
    smb2_algs list = {{0}, 0};
    unsigned seen = 0;

    for (size_t i = 0; i < count; i++) {
        if (ids[i] < least || ids[i] > most || seen & 1u << ids[i])
            return ns_config_fail(cfg, NETSESSION_E_ARGUMENT,
                                  "algorithm %u is unknown or twice", ids[i]);
        seen |= 1u << ids[i];
        list.id[list.count++] = (uint16_t)ids[i];
    }
    *algs = list;
    return 0;
}

int netsession_config_signing(netsession_config *cfg, const unsigned *algorithm, size_t count)
{
    if (!count)
        return ns_config_fail(cfg, NETSESSION_E_ARGUMENT, "no signing algorithm is named");
    return set_algs(cfg, &cfg->smb.signings, algorithm, count, NETSESSION_HMAC_SHA256,
                    NETSESSION_AES_GMAC);
}

int netsession_config_ciphers(netsession_config *cfg, const unsigned *cipher, size_t count)
{
    return set_algs(cfg, &cfg->smb.ciphers, cipher, count, NETSESSION_AES_128_CCM,
                    NETSESSION_AES_256_GCM);
}

static int set_range(netsession_config *cfg, const char *what, size_t value, size_t least,
                     size_t most)
{
    if (value < least || value > most)
        return ns_config_fail(cfg, NETSESSION_E_ARGUMENT, "%s must be %zu to %zu, not %zu",
                              what, least, most, value);
    return 0;
}

int netsession_config_port(netsession_config *cfg, unsigned port)
{
    int rc = set_range(cfg, "the port", port, 1, 65535);

    cfg->port = rc ? cfg->port : port;
    return rc;
}

int netsession_config_timeout(netsession_config *cfg, unsigned milliseconds)
{
    int rc = set_range(cfg, "the timeout in milliseconds", milliseconds, 1, 86400000);

    cfg->timeout = rc ? cfg->timeout : milliseconds;
    return rc;
}

int netsession_config_max_reply(netsession_config *cfg, size_t bytes)
{
    int rc = set_range(cfg, "the largest reply", bytes, 4096, 1u << 28);

    cfg->max_reply = rc ? cfg->max_reply : bytes;
    return rc;
}

int netsession_config_io_size(netsession_config *cfg, size_t bytes)
{
    int rc = set_range(cfg, "the read size", bytes, 4096, 8u << 20);

    cfg->smb.io_size = rc ? cfg->smb.io_size : (uint32_t)bytes;
    return rc;
}

int netsession_config_syntaxes(netsession_config *cfg, unsigned mask)
{
    int rc = set_range(cfg, "the mask of transfer syntaxes", mask, NETSESSION_NDR32,
                       NETSESSION_NDR32 | NETSESSION_NDR64);

    cfg->syntaxes = rc ? cfg->syntaxes : mask;
    return rc;
}
