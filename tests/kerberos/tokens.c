/* Client and server, token by token; and what lies between them changes them. */
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/kerberos/realm.h"
#include "tests/kerberos/talk.h"

START_TEST(in_peace)
{
    uint8_t ours[AUTH_KEY_MAX], theirs[AUTH_KEY_MAX];
    size_t n, m;
    talk t;

    talk_begin(&t, false, 0);
    ck_assert_int_eq(talk_finish(&t, t.to_client.p, t.to_client.len), 0);
    ck_assert(!auth_client_session_key(t.client, ours, &n));
    ck_assert(!auth_server_session_key(t.server, theirs, &m));
    ck_assert_uint_eq(n, 32);
    ck_assert_uint_eq(m, 32);
    ck_assert_mem_eq(ours, theirs, n);
    ck_assert_str_eq(auth_server_user(t.server), "alice");
    ck_assert_str_eq(auth_server_domain(t.server), "NET.TEST");
    talk_end(&t);
}
END_TEST

/* ---- The server's answer, changed ---- */

/* 1.2.840.48018.1.2.2 and 1.2.840.113554.1.2.2 differ in one bit, and mean the
 * same; on the wire there is a signature over both. */
static bool is_other_name(const talk *t, size_t at, unsigned bit)
{
    return at == 18 && bit == 2 && t->to_client.p[at] == 0x86;
}

/* The same answer may be tried on one client only; so each has its own logon. */
static void flip(size_t at, unsigned bit, bool *more)
{
    talk t;

    talk_begin(&t, false, 0);
    *more = at < t.to_client.len;
    if (*more) {
        t.to_client.p[at] ^= (uint8_t)(1u << bit);
        ck_assert_msg(talk_finish(&t, t.to_client.p, t.to_client.len) ||
                          is_other_name(&t, at, bit),
                      "byte %zu, bit %u", at, bit);
    }
    talk_end(&t);
}

/* The bit moves along, so that each has its turn. */
START_TEST(flipped_answer)
{
    bool more = true;

    for (size_t at = 0; more; at++)
        flip(at, (unsigned)(at + (size_t)_i) % 8, &more);
}
END_TEST

START_TEST(cut_answer)
{
    bool more = true;

    for (size_t len = 0; more; len += 7) {
        talk t;

        talk_begin(&t, false, 0);
        more = len < t.to_client.len;
        if (more)
            ck_assert_int_ne(talk_finish(&t, t.to_client.p, len), 0);
        talk_end(&t);
    }
}
END_TEST

/* accept-completed, and no AP-REP; or not even that. */
START_TEST(no_answer)
{
    const spnego_resp resps[] = {{.state = SPNEGO_ACCEPT_COMPLETED, .mech = spnego_ms_kerberos},
                                 {.state = SPNEGO_ACCEPT_COMPLETED},
                                 {.state = SPNEGO_ACCEPT_COMPLETED, .mech = spnego_ntlm},
                                 {.state = SPNEGO_REJECT}};
    const int codes[] = {NETSESSION_E_SECURITY, NETSESSION_E_PROTOCOL, NETSESSION_E_SECURITY,
                         NETSESSION_E_LOGON, NETSESSION_E_SECURITY};
    ns_writer token;
    talk t;

    talk_begin(&t, false, 0);
    ns_writer_init(&token, &talk_hooks, 65535);
    if (_i < 4)
        spnego_put_resp(&token, &resps[_i]);
    ck_assert_int_ne(talk_finish(&t, token.p, token.len), 0);
    ck_assert_int_eq(t.err.code, codes[_i]);
    ns_writer_free(&token);
    talk_end(&t);
}
END_TEST

/* The answer to another client with a ticket for the same server. */
START_TEST(answer_to_another)
{
    talk a, b;

    talk_begin(&a, false, 0);
    talk_begin(&b, false, 0);
    ck_assert_int_eq(talk_finish(&a, b.to_client.p, b.to_client.len), NETSESSION_E_SECURITY);
    ck_assert_int_eq(talk_finish(&b, b.to_client.p, b.to_client.len), 0);
    talk_end(&a);
    talk_end(&b);
}
END_TEST

/* ---- The client's request, changed ---- */

START_TEST(flipped_request)
{
    netsession_error err = {0};
    auth_server *server;
    ns_writer out;
    talk t;

    talk_begin(&t, false, 0);
    for (size_t at = 0; at < t.to_server.len; at++) {
        t.to_server.p[at] ^= (uint8_t)(1u << (at + (size_t)_i) % 8);
        memset(&err, 0, sizeof err);
        ns_writer_init(&out, &talk_hooks, 65535);
        ck_assert_int_eq(auth_server_new(&server, &t.server_params, &err), 0);
        ck_assert_msg(auth_server_step(server, t.to_server.p, t.to_server.len, &out, &err) != 0,
                      "byte %zu", at);
        ck_assert_msg(!strstr(err.message, "Success"), "byte %zu: %s", at, err.message);
        ck_assert_str_eq(auth_server_user(server), "");
        auth_server_free(server);
        ns_writer_free(&out);
        t.to_server.p[at] ^= (uint8_t)(1u << (at + (size_t)_i) % 8);
    }
    talk_end(&t);
}
END_TEST

/* ---- The mechanism list, signed ---- */

static gss_cred_id_t acceptor_cred(void)
{
    gss_key_value_element_desc element = {"keytab", realm_file("server.keytab")};
    gss_key_value_set_desc store = {1, &element};
    gss_cred_id_t cred;
    OM_uint32 minor;

    ck_assert(!gss_acquire_cred_from(&minor, GSS_C_NO_NAME, 0, GSS_C_NO_OID_SET, GSS_C_ACCEPT,
                                     &store, &cred, NULL, NULL));
    return cred;
}

/* Both signatures; _i 0: in order, 1: the client's changed, 2: the server's,
 * 3: the server's is missing. */
START_TEST(signed_list)
{
    const spnego_resp unsigned_end = {.state = SPNEGO_ACCEPT_COMPLETED};
    int rc;
    talk t;

    talk_begin(&t, true, 1);
    ns_writer_drop(&t.to_server, t.to_server.len);
    ck_assert(
        !auth_client_step(t.client, t.to_client.p, t.to_client.len, &t.to_server, &t.err));
    ns_writer_drop(&t.to_client, t.to_client.len);
    t.to_server.p[t.to_server.len - 1] ^= _i == 1;
    rc =
        auth_server_step(t.server, t.to_server.p, t.to_server.len, &t.to_client, &t.server_err);
    ck_assert_int_eq(rc, _i == 1 ? NETSESSION_E_LOGON : 0);
    if (_i == 3) {
        ns_writer_drop(&t.to_client, t.to_client.len);
        spnego_put_resp(&t.to_client, &unsigned_end);
    }
    if (_i != 1) {
        t.to_client.p[t.to_client.len - 1] ^= _i == 2;
        ck_assert_int_eq(talk_finish(&t, t.to_client.p, t.to_client.len),
                         _i ? NETSESSION_E_SECURITY : 0);
    }
    talk_end(&t);
}
END_TEST

/* The server's signature stands beside its last token, as RFC 4178 section 5
 * (b) has it; _i 1: it is wrong. */
START_TEST(signed_with_reply)
{
    const spnego_resp done = {.state = SPNEGO_ACCEPT_COMPLETED};
    spnego_resp r = {.state = SPNEGO_REQUEST_MIC, .mech = spnego_ms_kerberos};
    gss_cred_id_t cred;
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
    gss_buffer_desc in, out = GSS_C_EMPTY_BUFFER, list, mic = GSS_C_EMPTY_BUFFER;
    spnego_init init;
    ns_writer token;
    OM_uint32 minor;
    talk t;

    talk_ask(&t, true); /* a second acceptor would find it replayed */
    ns_writer_init(&token, &talk_hooks, 65535);
    ck_assert(spnego_get_init((ns_slice){t.to_server.p, t.to_server.len}, &init));
    in = (gss_buffer_desc){init.token.n, (void *)(uintptr_t)init.token.p};
    list = (gss_buffer_desc){init.mech_list.n, (void *)(uintptr_t)init.mech_list.p};
    cred = acceptor_cred();
    ck_assert(!gss_accept_sec_context(&minor, &ctx, cred, &in, NULL, NULL, NULL, &out, NULL,
                                      NULL, NULL) &&
              !gss_get_mic(&minor, ctx, 0, &list, &mic));
    ((uint8_t *)mic.value)[mic.length - 1] ^= _i == 1;
    r.token = (ns_slice){out.value, out.length};
    r.mic = (ns_slice){mic.value, mic.length};
    spnego_put_resp(&token, &r);
    ns_writer_drop(&t.to_server, t.to_server.len);
    ck_assert_int_eq(auth_client_step(t.client, token.p, token.len, &t.to_server, &t.err),
                     _i ? NETSESSION_E_SECURITY : 0);
    ns_writer_drop(&token, token.len);
    spnego_put_resp(&token, &done);
    if (!_i)
        ck_assert_int_eq(talk_finish(&t, token.p, token.len), 0);
    gss_release_buffer(&minor, &out);
    gss_release_buffer(&minor, &mic);
    gss_delete_sec_context(&minor, &ctx, GSS_C_NO_BUFFER);
    gss_release_cred(&minor, &cred);
    ns_writer_free(&token);
    talk_end(&t);
}
END_TEST

/* The server waits for the client's signature and nothing else; _i 0: bytes,
 * 1: a token of the mechanism's, which has none left, 2: no signature. */
START_TEST(not_a_signature)
{
    static const int codes[] = {NETSESSION_E_PROTOCOL, NETSESSION_E_PROTOCOL,
                                NETSESSION_E_LOGON};
    spnego_resp r = {.state = SPNEGO_ACCEPT_INCOMPLETE};
    ns_writer token;
    talk t;

    talk_begin(&t, true, 1);
    ns_writer_init(&token, &talk_hooks, 65535);
    if (_i == 0)
        ns_put(&token, "bytes", 5);
    if (_i == 1)
        r.token = (ns_slice){"token", 5};
    if (_i)
        spnego_put_resp(&token, &r);
    ck_assert_int_eq(
        auth_server_step(t.server, token.p, token.len, &t.to_client, &t.server_err), codes[_i]);
    ck_assert_int_eq(t.server_err.code, codes[_i]);
    ck_assert_str_eq(auth_server_user(t.server), "");
    ns_writer_free(&token);
    talk_end(&t);
}
END_TEST

/* Kerberos is the client's second choice, so that the list must be signed; a
 * wrong signature right beside the request is not let pass for lack of a
 * later one. */
START_TEST(signed_too_early)
{
    static const uint8_t list[] = {0x30, 0x17, 0x06, 0x0A, 0x2B, 0x06, 0x01,
                                   0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x1E, /* NEGOEX */
                                   0x06, 0x09, 0x2A, 0x86, 0x48, 0x82, 0xF7,
                                   0x12, 0x01, 0x02, 0x02};
    spnego_resp r = {.state = SPNEGO_ACCEPT_INCOMPLETE, .mic = {"signature", 9}};
    spnego_init init;
    ns_writer token;
    talk t;

    talk_ask(&t, false);
    ck_assert(spnego_get_init((ns_slice){t.to_server.p, t.to_server.len}, &init));
    r.token = init.token;
    ns_writer_init(&token, &talk_hooks, 65535);
    spnego_put_init(&token, (ns_slice){list, sizeof list}, (ns_slice){"other", 5});
    ck_assert_int_eq(
        auth_server_step(t.server, token.p, token.len, &t.to_client, &t.server_err), 1);
    ns_writer_drop(&token, token.len);
    spnego_put_resp(&token, &r);
    ck_assert_int_eq(
        auth_server_step(t.server, token.p, token.len, &t.to_client, &t.server_err),
        NETSESSION_E_LOGON);
    ck_assert_str_eq(auth_server_user(t.server), "");
    ns_writer_free(&token);
    talk_end(&t);
}
END_TEST

/* ---- A KRB-ERROR in place of the answer (RFC 4121 section 4.1) ---- */

static void put_error(ns_writer *w, uint8_t tok, krb5_error_code code, long ahead)
{
    const uint8_t head[] = {0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7,
                            0x12, 0x01, 0x02, 0x02, 0x03, tok};
    krb5_context krb5;
    krb5_principal server;
    krb5_error error = {0};
    krb5_data data;
    size_t outer;

    ck_assert(!krb5_init_context(&krb5) && !krb5_parse_name(krb5, TALK_SPN, &server));
    error.error = (krb5_ui_4)(code - ERROR_TABLE_BASE_krb5);
    error.server = server;
    error.stime = (krb5_timestamp)(time(NULL) + ahead);
    ck_assert(!krb5_mk_error(krb5, &error, &data));
    outer = der_open(w, DER_APPLICATION_0);
    ns_put(w, head, sizeof head);
    ns_put(w, data.data, data.length);
    der_close(w, outer);
    krb5_free_data_contents(krb5, &data);
    krb5_free_principal(krb5, server);
    krb5_free_context(krb5);
}

static const struct {
    krb5_error_code code;
    long ahead;
    uint32_t win32;
    const char *word;
    uint8_t tok; /* of TOK_ID the second byte */
} errors[] = {{KRB5KRB_AP_ERR_SKEW, 3600, 1398, " s behind the other's", 0},
              {KRB5KRB_AP_ERR_SKEW, -3600, 1398, " s ahead of the other's", 0},
              {KRB5KRB_AP_ERR_BADKEYVER, 0, 1396, "renew the keytab", 0},
              {KRB5KRB_AP_ERR_MODIFIED, 0, 1396, "another key", 0},
              {KRB5KRB_AP_ERR_TKT_EXPIRED, 0, 1326, "expired", 0},
              {KRB5KRB_AP_ERR_SKEW, 3600, 1326, "cannot log on", 1}};

START_TEST(error_token)
{
    spnego_resp r = {.state = SPNEGO_ACCEPT_INCOMPLETE, .mech = spnego_ms_kerberos};
    ns_writer error, token;
    talk t;

    talk_begin(&t, false, 0);
    ns_writer_init(&error, &talk_hooks, 65535);
    ns_writer_init(&token, &talk_hooks, 65535);
    put_error(&error, errors[_i].tok, errors[_i].code, errors[_i].ahead);
    r.token = (ns_slice){error.p, error.len};
    spnego_put_resp(&token, &r);
    ns_writer_drop(&t.to_server, t.to_server.len);
    ck_assert_int_lt(auth_client_step(t.client, token.p, token.len, &t.to_server, &t.err), 0);
    ck_assert_str_eq(t.err.layer, "kerberos");
    ck_assert_uint_eq(t.err.win32, errors[_i].win32);
    ck_assert_msg(strstr(t.err.message, errors[_i].word) != NULL, "%s", t.err.message);
    ns_writer_free(&error);
    ns_writer_free(&token);
    talk_end(&t);
}
END_TEST

/* ---- What the request says, as another acceptor reads it ---- */

static OM_uint32 accept_directly(kerberos *k, const char *bindings, OM_uint32 *flags)
{
    struct gss_channel_bindings_struct channel = {0};
    gss_cred_id_t cred = acceptor_cred(), delegated = GSS_C_NO_CREDENTIAL;
    gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
    gss_buffer_desc in, out = GSS_C_EMPTY_BUFFER;
    netsession_error err = {0};
    auth_params params = {.kerberos = k};
    ns_writer token;
    OM_uint32 minor, major;
    void *state;

    ns_writer_init(&token, &talk_hooks, 65535);
    ck_assert(!kerberos_mech.create(&state, &params, &err));
    ck_assert_int_eq(kerberos_mech.step(state, NULL, 0, &token, &err), 1);
    in = (gss_buffer_desc){token.len, token.p};
    channel.application_data = (gss_buffer_desc){strlen(bindings), (void *)(uintptr_t)bindings};
    major = gss_accept_sec_context(&minor, &ctx, cred, &in, *bindings ? &channel : NULL, NULL,
                                   NULL, &out, flags, NULL, &delegated);
    gss_release_buffer(&minor, &out);
    gss_delete_sec_context(&minor, &ctx, GSS_C_NO_BUFFER);
    gss_release_cred(&minor, &cred);
    gss_release_cred(&minor, &delegated);
    ns_writer_free(&token);
    kerberos_free(k);
    return major;
}

START_TEST(channel_bindings)
{
    const kerberos_params p = {
        .user = "", .domain = "", .spn = TALK_SPN, .bindings = {"tls-unique:abc", 14}};
    OM_uint32 flags;

    ck_assert_uint_eq(accept_directly(talk_ticket(&p), "tls-unique:abc", &flags),
                      GSS_S_COMPLETE);
    ck_assert(flags & GSS_C_MUTUAL_FLAG);
    ck_assert_uint_eq(accept_directly(talk_ticket(&p), "tls-unique:xyz", &flags),
                      GSS_S_BAD_BINDINGS);
}
END_TEST

/* A ticket that could be forwarded is not, unless that is asked for. */
START_TEST(delegation)
{
    kerberos_params p = {.user = "alice@NET.TEST",
                         .domain = "",
                         .password = realm_password("ALICE"),
                         .spn = TALK_SPN,
                         .delegate = _i != 0};
    OM_uint32 flags;

    ck_assert_uint_eq(accept_directly(talk_ticket(&p), "", &flags), GSS_S_COMPLETE);
    ck_assert_int_eq((flags & GSS_C_DELEG_FLAG) != 0, _i != 0);
}
END_TEST

Suite *tokens_suite(void)
{
    Suite *s = suite_create("tokens");
    TCase *tc = tcase_create("tokens");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, talk_setup, talk_teardown);
    tcase_add_test(tc, in_peace);
    tcase_add_loop_test(tc, flipped_answer, 0, 8);
    tcase_add_test(tc, cut_answer);
    tcase_add_loop_test(tc, no_answer, 0, 5);
    tcase_add_test(tc, answer_to_another);
    tcase_add_loop_test(tc, flipped_request, 0, 2);
    tcase_add_loop_test(tc, signed_list, 0, 4);
    tcase_add_loop_test(tc, signed_with_reply, 0, 2);
    tcase_add_loop_test(tc, not_a_signature, 0, 3);
    tcase_add_test(tc, signed_too_early);
    tcase_add_loop_test(tc, error_token, 0, sizeof errors / sizeof *errors);
    tcase_add_test(tc, channel_bindings);
    tcase_add_loop_test(tc, delegation, 0, 2);
    suite_add_tcase(s, tc);
    return s;
}
