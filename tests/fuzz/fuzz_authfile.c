/* An authfile, its mode by the first byte: what is taken from it stands in it,
 * whole and on one line; one that others may read is refused. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netapi/config.h"
#include "tests/fuzz/fuzz.h"

static const char *write_file(const char *text, size_t size, bool shared)
{
    static char path[64];
    static int fd = -1;

    fd = fd < 0 ? memfd_create("authfile", 0) : fd;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    MUST(fd >= 0 && !ftruncate(fd, 0) && !fchmod(fd, shared ? 0640 : 0600));
    MUST(pwrite(fd, text, size, 0) == (ssize_t)size);
    return path;
}

static void stands_in(const char *text, const char *value, bool trimmed)
{
    size_t n = value ? strlen(value) : 0;

    MUST(!n || (strstr(text, value) && !strchr(value, '\n')));
    MUST(!n || !trimmed || (!strchr(" \t", *value) && !strchr(" \t\r", value[n - 1])));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(size + 1, 1);
    const bool shared = size && *data & 1;
    netsession_config *cfg;
    int rc;
    fuzz z;

    MUST(text);
    size -= size > 0;
    memcpy(text, data + 1, size);
    fuzz_begin(&z);
    cfg = netsession_config_new(&z.hooks);
    MUST(cfg);
    rc = netsession_config_authfile(cfg, write_file(text, size, shared));
    fuzz_told(rc, netsession_config_error(cfg));
    if (shared || size >= 8191 || strlen(text) < size)
        MUST(rc == NETSESSION_E_CREDENTIALS && !cfg->user && !cfg->password);
    stands_in(text, cfg->user, false);
    stands_in(text, cfg->domain, false);
    stands_in(text, cfg->password, true);
    netsession_config_free(cfg);
    free(text);
    return fuzz_end(&z, 65536);
}
