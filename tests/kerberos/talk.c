#include "tests/kerberos/talk.h"

#include <string.h>

#include "base/mem.h"
#include "tests/kerberos/realm.h"

netsession_hooks talk_hooks;
kerberos_acceptor *talk_acceptor;
bool talk_known;

static int lookup(void *ctx, const char *domain, const char *user, auth_account *out)
{
    (void)ctx;
    (void)domain;
    (void)user;
    out->admin = !talk_known; /* which counts for nothing */
    return talk_known;
}

void talk_setup(void)
{
    netsession_error err = {0};

    talk_known = false;
    ns_hooks_fill(&talk_hooks, NULL);
    ck_assert_int_eq(kerberos_acceptor_new(&talk_acceptor, realm_file("server.keytab"), &err),
                     0);
}

void talk_teardown(void)
{
    kerberos_acceptor_free(talk_acceptor);
}

kerberos *talk_ticket(const kerberos_params *p)
{
    netsession_error err = {0};
    kerberos *k;
    bool no_way;

    ck_assert_int_eq(kerberos_new(&k, p, &err), 0);
    kerberos_run(k);
    ck_assert_msg(!kerberos_result(k, &err, &no_way), "%s", err.message);
    return k;
}

void talk_ask(talk *t, bool request_mic)
{
    static const auth_mech *const mechs[] = {&ms_kerberos_mech, &kerberos_mech, &ntlm_mech};
    static const uint8_t none[16];
    const kerberos_params p = {.user = "", .domain = "", .spn = TALK_SPN};

    memset(t, 0, sizeof *t);
    t->ticket = talk_ticket(&p);
    t->client_params = (auth_params){.hooks = &talk_hooks,
                                     .domain = "",
                                     .user = "alice",
                                     .password = "",
                                     .workstation = "",
                                     .target_name = TALK_SPN,
                                     .bindings = none,
                                     .kerberos = t->ticket};
    t->server_params = (auth_server_params){.hooks = &talk_hooks,
                                            .netbios_computer = "FS1",
                                            .netbios_domain = "NET",
                                            .lookup = lookup,
                                            .kerberos = talk_acceptor,
                                            .request_mic = request_mic};
    ns_writer_init(&t->to_server, &talk_hooks, 65535);
    ns_writer_init(&t->to_client, &talk_hooks, 65535);
    ck_assert(!auth_client_new_with(&t->client, &t->client_params, mechs, 3, &t->err));
    ck_assert(!auth_server_new(&t->server, &t->server_params, &t->server_err));
    ck_assert(!auth_client_step(t->client, NULL, 0, &t->to_server, &t->err));
}

int talk_answer(talk *t)
{
    return auth_server_step(t->server, t->to_server.p, t->to_server.len, &t->to_client,
                            &t->server_err);
}

void talk_begin(talk *t, bool request_mic, int answer)
{
    talk_ask(t, request_mic);
    ck_assert_msg(talk_answer(t) == answer, "%s", t->server_err.message);
}

void talk_end(talk *t)
{
    auth_client_free(t->client);
    auth_server_free(t->server);
    kerberos_free(t->ticket);
    ns_writer_free(&t->to_server);
    ns_writer_free(&t->to_client);
}

int talk_finish(talk *t, const void *token, size_t len)
{
    int rc = auth_client_finish(t->client, token, len, &t->err);

    if (rc)
        ck_assert_int_eq(t->err.code, rc);
    return rc;
}
