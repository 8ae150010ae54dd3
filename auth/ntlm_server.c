#include "auth/ntlm_server.h"

#include <string.h>

#include "base/utf.h"

int ntlm_server_init(ntlm_server *s, const auth_server_params *params, netsession_error *err)
{
    const netsession_hooks *h = params->hooks;

    memset(s, 0, sizeof *s);
    s->params = params;
    ns_writer_init(&s->negotiate, h, NTLM_MESSAGE_MAX);
    ns_writer_init(&s->challenge, h, NTLM_MESSAGE_MAX);
    if (h->entropy(h->ctx, &s->own, sizeof s->own))
        return ns_fail_code(err, NETSESSION_E_CRYPTO, NS_LAYER_AUTH);
    return 0;
}

void ntlm_server_clear(ntlm_server *s)
{
    ns_writer_free(&s->negotiate);
    ns_writer_free(&s->challenge);
    ns_strfree(s->params->hooks, s->user);
    ns_strfree(s->params->hooks, s->domain);
    ns_wipe(s, sizeof *s);
}

/* ---- What every session here rests on ---- */

/* Key lengths mean something only to who asks for SIGN or SEAL; weaker keys
 * are not had here (ServerRequire128bitEncryption, 3.2.5.1.1). */
static const struct {
    uint32_t flag, when; /* when any of these is there; 0: always */
    const char *name;
} required[] = {
    {NTLM_UNICODE, 0, "Unicode"},
    {NTLM_EXTENDED, 0, "extended session security"},
    {NTLM_128, NTLM_SIGN | NTLM_SEAL, "128-bit keys"},
};

static int check_strength(uint32_t flags, netsession_error *err)
{
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        if (!(flags & required[i].flag) && (!required[i].when || flags & required[i].when))
            return ns_fail(err, NETSESSION_E_LOGON, NS_LAYER_AUTH,
                           "the client's NTLM lacks %s, without which it is too weak",
                           required[i].name);
    return 0;
}

/* ---- CHALLENGE_MESSAGE (3.2.5.1.1) ---- */

static ntlm_target target_of(const ntlm_server *s)
{
    const auth_server_params *p = s->params;

    return (ntlm_target){.nb_computer = p->netbios_computer,
                         .nb_domain = p->netbios_domain,
                         .dns_computer = p->dns_computer,
                         .dns_domain = p->dns_domain,
                         .version = p->version,
                         .time = s->time};
}

static int put_challenge(ntlm_server *s, uint32_t offered, netsession_error *err)
{
    const auth_server_params *p = s->params;
    ntlm_target target;

    s->flags = ntlm_challenge_flags(offered, strcmp(p->netbios_domain, p->netbios_computer));
    s->time = p->hooks->wallclock(p->hooks->ctx);
    target = target_of(s);
    if (!ntlm_put_challenge(&s->challenge, s->flags, s->own.nonce, &target))
        return ns_fail(err, NETSESSION_E_ARGUMENT, NS_LAYER_AUTH,
                       "a name of the server is not valid UTF-8; check its encoding");
    return s->challenge.err ? ns_fail_code(err, s->challenge.err, NS_LAYER_AUTH) : 0;
}

int ntlm_server_challenge(ntlm_server *s, ns_slice in, netsession_error *err)
{
    uint32_t offered;
    int rc;

    if (!ntlm_get_negotiate(in, &offered))
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the client's token is not a well-formed NTLM NEGOTIATE_MESSAGE");
    rc = check_strength(offered, err);
    if (rc)
        return rc;
    ns_put(&s->negotiate, in.p, in.n);
    rc = s->negotiate.err;
    return rc ? ns_fail_code(err, rc, NS_LAYER_AUTH) : put_challenge(s, offered, err);
}

/* ---- AUTHENTICATE_MESSAGE (3.2.5.1.2): who it is ---- */

static int get_name(const ntlm_server *s, ns_slice text, char **out, netsession_error *err)
{
    size_t len = ns_utf8_len(text.p, text.n / 2, false);

    if (len == NS_UTF_BAD)
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "a name in the client's NTLM AUTHENTICATE_MESSAGE is not valid UTF-16");
    *out = ns_alloc(s->params->hooks, len + 1);
    if (!*out)
        return ns_fail_code(err, NETSESSION_E_MEMORY, NS_LAYER_AUTH);
    ns_utf8_from(*out, text.p, text.n / 2, false);
    return 0;
}

/* "If the user name and response are empty"; the ANONYMOUS flag decides
 * nothing, since it says no more than what the client would like. */
static bool is_anonymous(const ntlm_response *a)
{
    const uint8_t *lm = a->lm.p;

    return !a->user.n && !a->nt.n && (!a->lm.n || (a->lm.n == 1 && !lm[0]));
}

/* The account, or one that has a hash but no password. */
static bool find_account(const ntlm_server *s, auth_account *account)
{
    const auth_server_params *p = s->params;

    if (p->lookup(p->lookup_ctx, s->domain, s->user, account) == 1)
        return true;
    memcpy(account->nt_hash, s->own.nobody, sizeof account->nt_hash);
    account->admin = false;
    return false;
}

/* ---- Whether it is so ---- */

/* The keys, right or wrong, and the NTProofStr there should be.  A UserDom of
 * NIL is not tried in place of the one that was sent. */
static int compute(ntlm_server *s, const ntlm_response *a, const uint8_t hash[16],
                   uint8_t proof[16], netsession_error *err)
{
    const uint8_t *nt = a->nt.p;
    ns_slice temp = a->v2 ? (ns_slice){nt + 16, a->nt.n - 16} : (ns_slice){NULL, 0};
    uint8_t key[NTLM_KEY_LEN], base[NTLM_KEY_LEN] = {0};
    int rc = ntlm_account_key(s->params->hooks, hash, s->user, s->domain, key, err);

    if (rc)
        return rc;
    rc = ntlm_proof(key, s->own.nonce, temp, proof);
    if (!rc)
        rc = ntlm_base_key(key, proof, base);
    memcpy(s->key, base, sizeof s->key);
    if (a->flags & NTLM_KEY_EXCH)
        ntlm_wrap_key(base, a->session_key.p, s->key);
    ns_wipe(key, sizeof key);
    ns_wipe(base, sizeof base);
    if (!rc)
        rc = ntlm_derive_keys(s->key, NTLM_CLIENT, &s->client);
    if (!rc)
        rc = ntlm_derive_keys(s->key, NTLM_SERVER, &s->server);
    return rc ? ns_fail_code(err, rc, NS_LAYER_AUTH) : 0;
}

/* The MIC over the three messages, its own field zero. */
static int compute_mic(const ntlm_server *s, ns_writer *message, uint8_t sent[16],
                       uint8_t mic[16])
{
    uint8_t *field = ntlm_mic_in_authenticate(message);

    memcpy(sent, field, 16);
    memset(field, 0, 16);
    return ntlm_mic(s->key, (ns_slice){s->negotiate.p, s->negotiate.len},
                    (ns_slice){s->challenge.p, s->challenge.len},
                    (ns_slice){message->p, message->len}, mic);
}

/* "If the AUTHENTICATE_MESSAGE indicates the presence of a MIC field", it must
 * be there and fit.  The proof covers what indicates it. */
static int check_mic(ntlm_server *s, ns_slice in, const ntlm_response *a, netsession_error *err)
{
    const uint8_t *flags = a->value[NTLM_AV_FLAGS].p;
    uint8_t sent[16], mic[16];
    ns_writer message;
    int rc;

    if (!flags || !(ns_le32(flags) & NTLM_AV_FLAG_MIC))
        return 0;
    s->good &= a->has_mic;
    if (!a->has_mic)
        return 0;
    ns_writer_init(&message, s->params->hooks, NTLM_MESSAGE_MAX);
    ns_put(&message, in.p, in.n);
    rc = message.err ? message.err : compute_mic(s, &message, sent, mic);
    ns_writer_free(&message);
    if (rc)
        return ns_fail_code(err, rc, NS_LAYER_AUTH);
    s->good &= ns_equal(sent, mic, sizeof mic);
    return 0;
}

/* MaxLifetime (3.1.1.1), 36 hours in units of 100 ns. */
#define LIFETIME_MAX (UINT64_C(36) * 3600 * 10000000)

/* A timestamp among the pairs is ours sent back.  TimeStamp is that one too,
 * or the client's own clock when it is older than timestamps. */
static bool time_fits(const ntlm_server *s, const ntlm_response *a)
{
    const netsession_hooks *h = s->params->hooks;
    const uint8_t *echoed = a->value[NTLM_AV_TIMESTAMP].p;
    uint64_t now = h->wallclock(h->ctx);
    uint64_t apart = now > a->time ? now - a->time : a->time - now;

    return apart <= LIFETIME_MAX && (!echoed || ns_le64(echoed) == s->time);
}

/* For whom there is an account.  All is computed, whatever is found wrong on
 * the way. */
static int check_user(ntlm_server *s, ns_slice in, const ntlm_response *a,
                      const auth_account *account, netsession_error *err)
{
    uint8_t proof[16];
    int rc = compute(s, a, account->nt_hash, proof, err);

    if (rc)
        return rc;
    s->good &= a->v2 && ns_equal(proof, a->nt.p, sizeof proof);
    s->good &= time_fits(s, a);
    s->admin = account->admin;
    return check_mic(s, in, a, err);
}

/* Nothing proves a guest, but NTLMv2 must be spoken all the same.  No name is
 * nobody's rather than a guest's. */
static bool guest_fits(const ntlm_server *s, const ntlm_response *a)
{
    return s->params->guest && a->v2 && a->user.n && time_fits(s, a);
}

static int check_response(ntlm_server *s, ns_slice in, const ntlm_response *a,
                          netsession_error *err)
{
    auth_account account = {0};
    bool known = find_account(s, &account);
    int rc;

    s->good = known;
    rc = check_user(s, in, a, &account, err);
    ns_wipe(&account, sizeof account);
    if (!known && guest_fits(s, a)) {
        s->kind = AUTH_SERVER_GUEST;
        s->good = true;
    }
    return rc;
}

/* ---- The message ---- */

/* Once negotiated, not the client's to change: flags "negotiated in the
 * previous messages" (2.2.1.3). */
#define NEGOTIATED (NTLM_UNICODE | NTLM_SIGN | NTLM_SEAL | NTLM_EXTENDED | NTLM_KEY_EXCH)

static int check_flags(const ntlm_server *s, uint32_t flags, netsession_error *err)
{
    int rc = check_strength(flags, err);

    if (!rc && (flags ^ s->flags) & NEGOTIATED)
        rc = ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                     "the client's NTLM flags, 0x%08X, are not those agreed on, 0x%08X",
                     (unsigned)flags, (unsigned)s->flags);
    return rc;
}

static int get_authenticate(ntlm_server *s, ns_slice in, ntlm_response *a,
                            netsession_error *err)
{
    int rc;

    if (!ntlm_get_authenticate(in, a))
        return ns_fail(err, NETSESSION_E_PROTOCOL, NS_LAYER_AUTH,
                       "the client's token is not a well-formed NTLM AUTHENTICATE_MESSAGE");
    rc = get_name(s, a->user, &s->user, err);
    return rc ? rc : get_name(s, a->domain, &s->domain, err);
}

/* Nobody's flags do not matter, since there is "no session security" (3.4);
 * Samba takes EXTENDED back here. */
int ntlm_server_authenticate(ntlm_server *s, ns_slice in, netsession_error *err)
{
    ntlm_response a;
    int rc = get_authenticate(s, in, &a, err);

    if (rc)
        return rc;
    if (is_anonymous(&a)) {
        s->kind = AUTH_SERVER_ANONYMOUS;
        s->good = s->params->anonymous;
        return 0;
    }
    rc = check_flags(s, a.flags, err);
    return rc ? rc : check_response(s, in, &a, err);
}

bool ntlm_server_has_keys(const ntlm_server *s)
{
    return s->kind == AUTH_SERVER_USER;
}

int ntlm_server_sign(const ntlm_server *s, enum ntlm_sender sender, ns_slice message,
                     uint8_t signature[16], netsession_error *err)
{
    const ntlm_keys *keys = sender == NTLM_CLIENT ? &s->client : &s->server;
    int rc = ntlm_sign(keys, message, signature);

    return rc ? ns_fail_code(err, rc, NS_LAYER_AUTH) : 0;
}
