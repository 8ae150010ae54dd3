/*
 * A logon by hand: auth/ behind lines of hex, for servers written in other
 * languages.  Arguments: domain, user, password, target name; an empty user
 * is anonymous.  "step [HEX]" answers "token HEX", "finish [HEX]" answers
 * "key HEX"; a failure answers "fail CODE sentence" and ends.
 */
#include <stdio.h>
#include <string.h>

#include "auth/auth.h"

static uint8_t in[65536];

static size_t unhex(const char *hex)
{
    size_t n = 0;
    unsigned byte;

    while (n < sizeof in && sscanf(hex + 2 * n, "%2x", &byte) == 1)
        in[n++] = (uint8_t)byte;
    return n;
}

static void print_hex(const char *word, const uint8_t *p, size_t n)
{
    printf("%s ", word);
    for (size_t i = 0; i < n; i++)
        printf("%02x", p[i]);
    printf("\n");
    fflush(stdout);
}

static int step(auth_client *a, size_t n, const netsession_hooks *hooks, netsession_error *err)
{
    ns_writer out;
    int rc;

    ns_writer_init(&out, hooks, 65535);
    rc = auth_client_step(a, in, n, &out, err);
    if (!rc)
        print_hex("token", out.p, out.len);
    ns_writer_free(&out);
    return rc;
}

static int finish(auth_client *a, size_t n, netsession_error *err)
{
    uint8_t key[AUTH_KEY_MAX];
    size_t len = 0;
    int rc = auth_client_finish(a, in, n, err);

    if (!rc)
        rc = auth_client_session_key(a, key, &len);
    if (!rc)
        print_hex("key", key, len);
    return rc;
}

static int talk(auth_client *a, const netsession_hooks *hooks, netsession_error *err)
{
    static char line[2 * sizeof in + 16];
    int rc = 0;

    while (!rc && fgets(line, sizeof line, stdin)) {
        if (strncmp(line, "step ", 5) == 0)
            rc = step(a, unhex(line + 5), hooks, err);
        else if (strncmp(line, "finish ", 7) == 0)
            rc = finish(a, unhex(line + 7), err);
    }
    return rc;
}

int main(int argc, char **argv)
{
    static const uint8_t no_bindings[16];
    netsession_hooks hooks;
    netsession_error err = {0};
    auth_client *a = NULL;
    int rc;

    if (argc != 5)
        return 2;
    ns_hooks_fill(&hooks, NULL);
    auth_params params = {.hooks = &hooks,
                          .domain = argv[1],
                          .user = argv[2],
                          .password = argv[3],
                          .workstation = "",
                          .target_name = argv[4],
                          .bindings = no_bindings,
                          .anonymous = !*argv[2]};
    rc = auth_client_new(&a, &params, &err);
    if (!rc)
        rc = talk(a, &hooks, &err);
    auth_client_free(a);
    if (rc)
        printf("fail %s %s\n", netsession_code_name(rc), err.message);
    return rc != 0;
}
