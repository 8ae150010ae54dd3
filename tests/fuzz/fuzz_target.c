/* A target: what host and port are read from it are read from their own plain
 * form, too. */
#include <stdio.h>

#include "base/utf.h"
#include "netapi/conn.h"
#include "tests/fuzz/fuzz.h"

/* The plain form of what ns has means the same. */
static void same_again(const netsession_config *cfg, const netsession *ns)
{
    const char *host = netsession_host(ns);
    char plain[300];
    netsession *again;

    snprintf(plain, sizeof plain, strchr(host, ':') ? "\\\\[%s]:%u" : "%s:%u", host,
             netsession_port(ns));
    MUST(!netsession_new(&again, cfg, plain));
    MUST(!strcmp(netsession_host(again), host));
    MUST(netsession_port(again) == netsession_port(ns));
    netsession_free(again);
}

static void check(const netsession_config *cfg, const netsession *ns, const char *target)
{
    const char *host = netsession_host(ns);
    unsigned port = netsession_port(ns);

    MUST(*host && strlen(host) <= 255 && !strpbrk(host, "\\/"));
    MUST(strstr(target, host) && ns_utf16_len(host) != NS_UTF_BAD);
    MUST(port >= 1 && port <= 65535);
    MUST(!strncmp(ns->target_name, "cifs/", 5) && !strcmp(ns->target_name + 5, host));
    MUST(!netsession_wants(ns) && !netsession_last_error(ns)->code);
    if (!strpbrk(host, "[]"))
        same_again(cfg, ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char target[1024] = "";
    netsession_config *cfg;
    netsession *ns;
    int rc;
    fuzz z;

    memcpy(target, size ? (const char *)data : "", size < sizeof target ? size : 1023);
    fuzz_begin(&z);
    cfg = netsession_config_new(&z.hooks);
    rc = netsession_new(&ns, cfg, target);
    MUST(rc == (ns ? 0 : NETSESSION_E_ARGUMENT));
    if (ns)
        check(cfg, ns, target);
    netsession_free(ns);
    netsession_config_free(cfg);
    return fuzz_end(&z, 65536);
}
