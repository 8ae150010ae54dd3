/*
 * A logon by hand: auth/ behind lines of hex, for peers written in other
 * languages.  A failure answers "fail CODE sentence" and ends.
 *
 * The client.  Arguments: domain, user, password, target name; an empty user
 * is anonymous.  "step [HEX]" answers "token HEX", "finish [HEX]" answers
 * "key HEX".
 *
 * The server.  Arguments: serve, domain, user, password, computer; that user
 * is all there are, but nobody and guests are let in too.  A keytab after them:
 * with Kerberos, and after that "request-mic".  "hint" answers
 * "token HEX", "step HEX" answers "token HEX" while it goes on and then
 * "user DOMAIN\USER", "guest DOMAIN\USER" or "anonymous", upon which
 * "last" answers "token HEX" and "key" "key HEX".
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/auth.h"
#include "auth/kerberos_server.h"
#include "auth/server.h"

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

static char line[2 * sizeof in + 16];

static int is(const char *verb)
{
    return strncmp(line, verb, strlen(verb)) == 0;
}

/* ---- The client ---- */

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
    int rc = 0;

    while (!rc && fgets(line, sizeof line, stdin)) {
        if (is("step "))
            rc = step(a, unhex(line + 5), hooks, err);
        else if (is("finish "))
            rc = finish(a, unhex(line + 7), err);
    }
    return rc;
}

static int run_client(char **arg, const netsession_hooks *hooks, netsession_error *err)
{
    static const uint8_t no_bindings[16];
    auth_client *a = NULL;
    auth_params params = {.hooks = hooks,
                          .domain = arg[0],
                          .user = arg[1],
                          .password = arg[2],
                          .workstation = "",
                          .target_name = arg[3],
                          .bindings = no_bindings,
                          .anonymous = !*arg[1]};
    int rc = auth_client_new(&a, &params, err);

    if (!rc)
        rc = talk(a, hooks, err);
    auth_client_free(a);
    return rc;
}

/* ---- The server ---- */

/* ctx: domain, user, password. */
static int lookup(void *ctx, const char *domain, const char *user, auth_account *out)
{
    char **arg = ctx;

    return !strcasecmp(domain, arg[0]) && !strcasecmp(user, arg[1]) &&
           !ntlm_nt_hash(arg[2], out->nt_hash);
}

static void print_who(const auth_server *a)
{
    static const char *const kinds[] = {"user", "guest", "anonymous"};

    printf("%s %s\\%s\n", kinds[auth_server_kind(a)], auth_server_domain(a),
           auth_server_user(a));
    fflush(stdout);
}

static int listen_to(auth_server *a, ns_writer *out, netsession_error *err)
{
    int rc;

    ns_writer_reset(out);
    rc = auth_server_step(a, in, unhex(line + 5), out, err);
    if (rc == 1)
        print_hex("token", out->p, out->len);
    else if (!rc)
        print_who(a);
    return rc < 0 ? rc : 0;
}

static int print_key(const auth_server *a)
{
    uint8_t key[AUTH_KEY_MAX];
    size_t len;
    int rc = auth_server_session_key(a, key, &len);

    print_hex("key", key, len);
    return rc;
}

static int serve(auth_server *a, const auth_server_params *params, ns_writer *out,
                 netsession_error *err)
{
    int rc = 0;

    while (!rc && fgets(line, sizeof line, stdin)) {
        if (is("step "))
            rc = listen_to(a, out, err);
        else if (is("hint"))
            rc = auth_server_hint(params, out);
        else if (is("key"))
            rc = print_key(a);
        if (is("hint") || is("last"))
            print_hex("token", out->p, out->len);
    }
    return rc;
}

/* arg is NULL-terminated. */
static int run_server(char **arg, const netsession_hooks *hooks, netsession_error *err)
{
    kerberos_acceptor *kerberos = NULL;
    auth_server *a = NULL;
    auth_server_params params = {.hooks = hooks,
                                 .netbios_computer = arg[3],
                                 .netbios_domain = arg[0],
                                 .dns_computer = arg[3],
                                 .dns_domain = arg[0],
                                 .lookup = lookup,
                                 .lookup_ctx = arg,
                                 .anonymous = true,
                                 .guest = true,
                                 .request_mic = arg[4] && arg[5]};
    ns_writer out;
    int rc = arg[4] ? kerberos_acceptor_new(&kerberos, arg[4], err) : 0;

    params.kerberos = kerberos;
    ns_writer_init(&out, hooks, 65535);
    if (!rc)
        rc = auth_server_new(&a, &params, err);
    if (!rc)
        rc = serve(a, &params, &out, err);
    ns_writer_free(&out);
    auth_server_free(a);
    kerberos_acceptor_free(kerberos);
    return rc;
}

int main(int argc, char **argv)
{
    netsession_hooks hooks;
    netsession_error err = {0};
    int rc;

    if (argc != 5 && (argc < 6 || argc > 8 || strcmp(argv[1], "serve") != 0))
        return 2;
    ns_hooks_fill(&hooks, NULL);
    rc = argc == 5 ? run_client(argv + 1, &hooks, &err) : run_server(argv + 2, &hooks, &err);
    if (rc)
        printf("fail %s %s\n", netsession_code_name(rc), err.message);
    return rc != 0;
}
