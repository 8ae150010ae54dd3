/* What libkrb5 and GSS-API say is not believed without a look; and the steps are
 * taken in their order, or not at all. */
#include <errno.h>
#include <string.h>

#include "auth/kerberos_job.h"
#include "tests/kerberos/calls.h"
#include "tests/kerberos/realm.h"
#include "tests/kerberos/talk.h"

static void honest(void)
{
    gss_lie = (gss_lies){0};
    failing_krb5 = (failing){0, 0};
    talk_teardown();
}

/* ---- To the client ---- */

static const struct {
    gss_lies lie;
    int code;
    const char *word;
} to_client[] = {
    {{.flags = GSS_C_MUTUAL_FLAG}, NETSESSION_E_SECURITY, "does not prove who it is"},
    {{.major = GSS_S_CONTINUE_NEEDED}, NETSESSION_E_SECURITY, "does not prove who it is"},
    {{.more = 4}, NETSESSION_E_SECURITY, "does not prove who it is"},
    {{.key = -1}, NETSESSION_E_SECURITY, "no session key of a length"},
    {{.key = AUTH_KEY_MAX + 1}, NETSESSION_E_SECURITY, "no session key of a length"},
    {{.key = AUTH_KEY_MAX}, 0, ""},
};

START_TEST(client)
{
    talk t;

    talk_begin(&t, false, 0);
    gss_lie = to_client[_i].lie;
    ck_assert_int_eq(talk_finish(&t, t.to_client.p, t.to_client.len), to_client[_i].code);
    ck_assert_ptr_nonnull(strstr(t.err.message, to_client[_i].word));
    talk_end(&t);
}
END_TEST

/* ---- To the server ---- */

static const struct {
    gss_lies lie;
    int code;
    const char *word;
} to_server[] = {
    {{.flags = GSS_C_MUTUAL_FLAG}, NETSESSION_E_LOGON, "lacks mutual authentication"},
    {{.flags = GSS_C_INTEG_FLAG}, NETSESSION_E_LOGON, "or integrity"},
    {{.flags = GSS_C_DCE_STYLE}, NETSESSION_E_LOGON, "DCE style"},
    {{.major = GSS_S_CONTINUE_NEEDED}, NETSESSION_E_LOGON, "DCE style"},
    {{.flags = GSS_C_ANON_FLAG}, NETSESSION_E_LOGON, "nobody's"},
    {{.major = GSS_S_DEFECTIVE_TOKEN}, NETSESSION_E_PROTOCOL, "is refused"},
    {{.key = -1}, NETSESSION_E_CRYPTO, "no key for the session"},
    {{.name = "alice"}, NETSESSION_E_LOGON, "could be shown"},
    {{.refusal = (OM_uint32)KRB5KRB_AP_ERR_REPEAT}, NETSESSION_E_LOGON, "is refused"},
    {{.refusal = ENOMEM}, NETSESSION_E_MEMORY, "memory"},
    {{.name = "alice@NET.TEST"}, 0, ""},
};

START_TEST(server)
{
    talk t;

    talk_ask(&t, false);
    gss_lie = to_server[_i].lie;
    ck_assert_int_eq(talk_answer(&t), to_server[_i].code);
    ck_assert_int_eq(t.server_err.code, to_server[_i].code);
    ck_assert_ptr_nonnull(strstr(t.server_err.message, to_server[_i].word));
    ck_assert_str_eq(auth_server_user(t.server), to_server[_i].code ? "" : "alice");
    talk_end(&t);
}
END_TEST

/* It is framed as an AP-REQ; what is in the frame is none. */
START_TEST(no_request)
{
    static const uint8_t list[] = {0x30, 0x0B, 0x06, 0x09, 0x2A, 0x86, 0x48,
                                   0x82, 0xF7, 0x12, 0x01, 0x02, 0x02};
    static const char *const insides[] = {"", "\x6E\x00", "\x6E\x03\x30\x01\x00", "bytes"};
    ns_writer frame, token;
    size_t mark;
    talk t;

    talk_ask(&t, false);
    ns_writer_init(&frame, &talk_hooks, 65535);
    ns_writer_init(&token, &talk_hooks, 65535);
    mark = der_open(&frame, DER_APPLICATION_0);
    ns_put(&frame, spnego_kerberos.p, spnego_kerberos.n);
    ns_put(&frame, "\x01\x00", 2);
    ns_put(&frame, insides[_i], strlen(insides[_i]));
    der_close(&frame, mark);
    spnego_put_init(&token, (ns_slice){list, sizeof list}, (ns_slice){frame.p, frame.len});
    ck_assert_int_eq(
        auth_server_step(t.server, token.p, token.len, &t.to_client, &t.server_err),
        NETSESSION_E_LOGON);
    ck_assert_ptr_nonnull(strstr(t.server_err.message, "is refused"));
    ns_writer_free(&frame);
    ns_writer_free(&token);
    talk_end(&t);
}
END_TEST

/* ---- Another clock ([MS-KILE] 3.4.5) ---- */

/* The AP-REQ of the request again, as a later token. */
static void repeat(talk *t, ns_writer *out)
{
    spnego_resp r = {.state = SPNEGO_ACCEPT_INCOMPLETE};
    spnego_init init;

    ck_assert(spnego_get_init((ns_slice){t->to_server.p, t->to_server.len}, &init));
    r.token = init.token;
    spnego_put_resp(out, &r);
}

/* The client may try once more; _i 0: with a request that libkrb5 has seen, 1:
 * with a clock that is wrong still. */
START_TEST(another_clock)
{
    ns_writer again;
    talk t;

    talk_ask(&t, false);
    gss_lie.refusal = (OM_uint32)KRB5KRB_AP_ERR_SKEW;
    ck_assert_int_eq(talk_answer(&t), 1);
    gss_lie.refusal = _i ? gss_lie.refusal : 0;
    ns_writer_init(&again, &talk_hooks, 65535);
    repeat(&t, &again);
    ck_assert_int_lt(
        auth_client_step(t.client, t.to_client.p, t.to_client.len, &t.to_server, &t.err), 0);
    ck_assert_str_eq(t.err.name, "KRB_AP_ERR_SKEW");
    ns_writer_drop(&t.to_client, t.to_client.len);
    ck_assert_int_eq(
        auth_server_step(t.server, again.p, again.len, &t.to_client, &t.server_err),
        NETSESSION_E_LOGON);
    ck_assert_ptr_nonnull(strstr(t.server_err.message, "is refused"));
    ns_writer_free(&again);
    talk_end(&t);
}
END_TEST

/* Our time cannot be told. */
START_TEST(no_clock)
{
    talk t;

    for (long at = 2; at < 4; at++) { /* behind gss_accept_sec_context */
        talk_ask(&t, false);
        gss_lie.refusal = (OM_uint32)KRB5KRB_AP_ERR_SKEW;
        failing_krb5_code = ENOMEM;
        failing_krb5 = (failing){0, at};
        ck_assert_int_eq(talk_answer(&t), NETSESSION_E_MEMORY);
        ck_assert_str_eq(failing_krb5_name, at == 2 ? "krb5_us_timeofday" : "krb5_mk_error");
        gss_lie.refusal = 0;
        failing_krb5.at = 0;
        talk_end(&t);
    }
}
END_TEST

/* ---- An AP-REP that libkrb5 takes, and we do not ---- */

static void put_number(ns_writer *w, unsigned field, int how, uint8_t value)
{
    const uint8_t twice[] = {0, value};
    size_t mark = der_open(w, DER_CONTEXT(field));

    if (how == 1) {
        der_put(w, DER_INTEGER, (ns_slice){twice, 2});
        der_close(w, mark);
    } else { /* a length that is longer than it need be */
        ns_put(w, "\x81\x03\x02\x01", 4);
        ns_put8(w, value);
    }
}

/* pvno and msg-type written anew: how 0: as they were, 1: with a zero before
 * them, 2: with another form of their lengths. */
static void rewrite(ns_writer *w, ns_slice reply, const int how[2])
{
    ns_reader r = ns_reader_of(reply.p, reply.n), frame = der_enter(&r, DER_APPLICATION_0);
    ns_slice oid = der_take_whole(&frame, DER_OID);
    const uint8_t *id = ns_take(&frame, 2);
    ns_reader rep = der_enter(&frame, 0x6F), seq = der_enter(&rep, DER_SEQUENCE);
    size_t marks[3];

    marks[0] = der_open(w, DER_APPLICATION_0);
    ns_put(w, oid.p, oid.n);
    ns_put(w, id, 2);
    marks[1] = der_open(w, 0x6F);
    marks[2] = der_open(w, DER_SEQUENCE);
    for (unsigned i = 0; i < 2; i++) {
        ns_slice whole = der_take_whole(&seq, DER_CONTEXT(i));

        if (how[i])
            put_number(w, i, how[i], i ? 15 : 5);
        else
            ns_put(w, whole.p, whole.n);
    }
    ns_put(w, seq.base + seq.off, ns_left(&seq));
    for (size_t i = 3; i-- > 0;)
        der_close(w, marks[i]);
    ck_assert(!w->err && !r.bad && !seq.bad);
}

static const struct {
    int how[2], code;
} rewritten[] = {{{0, 0}, 0},
                 {{1, 0}, NETSESSION_E_SECURITY},
                 {{0, 1}, NETSESSION_E_SECURITY},
                 {{2, 0}, NETSESSION_E_SECURITY},
                 {{0, 2}, NETSESSION_E_SECURITY}};

START_TEST(another_form)
{
    ns_writer reply, token;
    spnego_resp r;
    talk t;

    talk_begin(&t, false, 0);
    ns_writer_init(&reply, &talk_hooks, 65535);
    ns_writer_init(&token, &talk_hooks, 65535);
    ck_assert(spnego_get_resp((ns_slice){t.to_client.p, t.to_client.len}, &r));
    rewrite(&reply, r.token, rewritten[_i].how);
    r.token = (ns_slice){reply.p, reply.len};
    spnego_put_resp(&token, &r);
    ck_assert_int_eq(talk_finish(&t, token.p, token.len), rewritten[_i].code);
    if (rewritten[_i].code)
        ck_assert_msg(strstr(t.err.message, "prove") != NULL, "%s", t.err.message);
    ns_writer_free(&reply);
    ns_writer_free(&token);
    talk_end(&t);
}
END_TEST

/* ---- Steps out of turn ---- */

START_TEST(no_ticket_to_step_with)
{
    const kerberos_params p = {.user = "", .domain = "", .spn = TALK_SPN};
    netsession_error err = {0};
    auth_params params = {0};
    kerberos *k;
    void *state;

    ck_assert_int_eq(kerberos_mech.create(&state, &params, &err), NETSESSION_E_STATE);
    ck_assert_int_eq(kerberos_new(&k, &p, &err), 0);
    params.kerberos = k;
    ck_assert_int_eq(kerberos_mech.create(&state, &params, &err), NETSESSION_E_STATE);
    kerberos_free(k);
}
END_TEST

START_TEST(out_of_turn)
{
    uint8_t key[AUTH_KEY_MAX];
    size_t len = 9;
    void *state;
    talk t;

    talk_begin(&t, false, 0);
    ck_assert_int_eq(kerberos_mech.session_key(t.ticket, key, &len), NETSESSION_E_STATE);
    ck_assert_uint_eq(len, 0);
    /* the ticket has been shown to one server, which was enough */
    ck_assert_int_eq(kerberos_mech.create(&state, &t.client_params, &t.err),
                     NETSESSION_E_STATE);
    t.err = (netsession_error){0};
    ck_assert_int_eq(talk_finish(&t, t.to_client.p, t.to_client.len), 0);
    ck_assert_int_eq(kerberos_mech.step(t.ticket, NULL, 0, &t.to_server, &t.err),
                     NETSESSION_E_PROTOCOL);
    ck_assert_ptr_nonnull(strstr(t.err.message, "only two"));
    talk_end(&t);
}
END_TEST

/* ---- Rights ---- */

/* The lookup knows the user, as no administrator; or does not. */
START_TEST(rights)
{
    talk t;

    talk_known = _i != 0;
    talk_ask(&t, false);
    ck_assert_int_eq(talk_answer(&t), 0);
    ck_assert(!auth_server_admin(t.server));
    ck_assert_int_eq(talk_finish(&t, t.to_client.p, t.to_client.len), 0);
    talk_end(&t);
}
END_TEST

/* ---- What is said ---- */

START_TEST(words)
{
    char text[100];

    kerberos_gss_text(text, sizeof text, GSS_S_DEFECTIVE_TOKEN, 0);
    ck_assert_ptr_nonnull(strstr(text, "oken"));
    kerberos_gss_text(text, sizeof text, GSS_S_FAILURE, (OM_uint32)KRB5_FCC_NOFILE);
    ck_assert_uint_gt(strlen(text), 0);
    failing_krb5_code = ENOMEM;
    failing_krb5 = (failing){0, 1};
    kerberos_gss_text(text, sizeof text, GSS_S_DEFECTIVE_TOKEN, 0);
    ck_assert_str_eq(text, "no reason is given");
}
END_TEST

static const struct {
    krb5_error_code kdc, code;
    long long ahead;
    const char *word; /* NULL: nothing of clocks */
} clocks[] = {{KRB5KRB_AP_ERR_SKEW, KRB5KRB_AP_ERR_SKEW, 60, "60 s behind"},
              {KRB5KRB_AP_ERR_SKEW, KRB5KRB_AP_ERR_TKT_NYV, -60, "60 s ahead of"},
              {KRB5KDC_ERR_PREAUTH_REQUIRED, KRB5_KDCREP_SKEW, 60, "60 s behind"},
              {KRB5KDC_ERR_PREAUTH_REQUIRED, KRB5_KDCREP_SKEW, 0, NULL},
              {0, KRB5KRB_AP_ERR_SKEW, 60, NULL},
              {KRB5KRB_AP_ERR_BADKEYVER, KRB5KRB_AP_ERR_BADKEYVER, 60, NULL}};

START_TEST(clock_words)
{
    const kerberos_params p = {.user = "", .domain = "", .spn = TALK_SPN};
    netsession_error err = {0};
    kerberos *k;

    ck_assert_int_eq(kerberos_new(&k, &p, &err), 0);
    k->kdc_error = clocks[_i].kdc;
    k->kdc_ahead = clocks[_i].ahead;
    ck_assert_int_lt(
        kerberos_fail_gss(k, GSS_S_FAILURE, (OM_uint32)clocks[_i].code, "do it", &err), 0);
    if (clocks[_i].word)
        ck_assert_msg(strstr(err.message, clocks[_i].word) != NULL, "%s", err.message);
    else
        ck_assert_ptr_null(strstr(err.message, "machine's clock"));
    kerberos_free(k);
}
END_TEST

Suite *lies_suite(void)
{
    Suite *s = suite_create("lies");
    TCase *tc = tcase_create("lies");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, talk_setup, honest);
    LOOP(tc, client, to_client);
    LOOP(tc, server, to_server);
    tcase_add_loop_test(tc, no_request, 0, 4);
    tcase_add_loop_test(tc, another_clock, 0, 2);
    tcase_add_test(tc, no_clock);
    LOOP(tc, another_form, rewritten);
    tcase_add_test(tc, no_ticket_to_step_with);
    tcase_add_test(tc, out_of_turn);
    tcase_add_loop_test(tc, rights, 0, 2);
    tcase_add_test(tc, words);
    LOOP(tc, clock_words, clocks);
    suite_add_tcase(s, tc);
    return s;
}
