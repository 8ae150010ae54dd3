/* NEGOTIATE and SESSION_SETUP, the client's side: [MS-SMB2] 3.2.4.2, 3.2.5.2
 * and 3.2.5.3. */
#include <string.h>

#include "base/crypto.h"
#include "smb2/client.h"

#define MIN_IO 65536u /* 3.2.5.2: a server offers at least this */

static bool has_alg(const smb2_algs *algs, unsigned id)
{
    for (unsigned i = 0; i < algs->count; i++)
        if (algs->id[i] == id)
            return true;
    return false;
}

/* ---- What to offer ---- */

/* Before 3.1.1 the dialect fixes the signing algorithm and the cipher. */
static const struct dialect {
    uint16_t id;
    unsigned signing, cipher;
    bool negotiates; /* algorithms are negotiated instead */
} dialects[] = {
    {NETSESSION_SMB_2_0_2, NETSESSION_HMAC_SHA256, NETSESSION_CIPHER_NONE, false},
    {NETSESSION_SMB_2_1, NETSESSION_HMAC_SHA256, NETSESSION_CIPHER_NONE, false},
    {NETSESSION_SMB_3_0, NETSESSION_AES_CMAC, NETSESSION_AES_128_CCM, false},
    {NETSESSION_SMB_3_0_2, NETSESSION_AES_CMAC, NETSESSION_AES_128_CCM, false},
    {NETSESSION_SMB_3_1_1, NETSESSION_AES_CMAC, NETSESSION_CIPHER_NONE, true},
};

/* Could everything the config demands be had with this dialect? */
static bool worth_offering(const smb2_config *cfg, const struct dialect *d)
{
    if (d->id < cfg->min_dialect || d->id > cfg->max_dialect)
        return false;
    if (d->negotiates)
        return cfg->signings.count && (!cfg->encrypt || cfg->ciphers.count);
    return has_alg(&cfg->signings, d->signing) &&
           (!cfg->encrypt || has_alg(&cfg->ciphers, d->cipher));
}

static void offer_dialects(smb2_client *c)
{
    smb2_negotiate_request *m = &c->offered;

    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
        if (worth_offering(c->cfg, &dialects[i]))
            m->dialects[m->dialect_count++] = dialects[i].id;
}

static bool offers_encryption(const smb2_client *c, unsigned max)
{
    return max >= NETSESSION_SMB_3_1_1
               ? c->cfg->ciphers.count != 0
               : max >= NETSESSION_SMB_3_0 && has_alg(&c->cfg->ciphers, NETSESSION_AES_128_CCM);
}

static void fill_offer(smb2_client *c)
{
    smb2_negotiate_request *m = &c->offered;
    unsigned max = m->dialects[m->dialect_count - 1];
    bool unsigned_allowed = c->cfg->anonymous || c->cfg->guest;

    m->security_mode = unsigned_allowed ? SMB2_SIGNING_ENABLED : SMB2_SIGNING_REQUIRED;
    m->capabilities = (max >= NETSESSION_SMB_2_1 ? SMB2_CAP_LARGE_MTU : 0) |
                      (offers_encryption(c, max) ? SMB2_CAP_ENCRYPTION : 0);
    m->ciphers = c->cfg->ciphers;
    m->signings = c->cfg->signings;
    m->netname = c->cfg->host;
}

static smb2_done on_negotiate;

int smb2_logon_start(smb2_client *c)
{
    smb2_negotiate_request *m = &c->offered;
    smb2_request *req;

    offer_dialects(c);
    if (!m->dialect_count)
        return smb2_fail(c, NETSESSION_E_POLICY,
                         "no dialect allows the signing algorithm or cipher asked for; "
                         "widen the dialect range");
    fill_offer(c);
    /* 2.2.3: a client of 2.0.2 alone has no ClientGuid */
    if ((m->dialects[m->dialect_count - 1] > NETSESSION_SMB_2_0_2 &&
         c->hooks->entropy(c->hooks->ctx, m->client_guid, sizeof m->client_guid)) ||
        c->hooks->entropy(c->hooks->ctx, m->salt, sizeof m->salt))
        return ns_fail_code(c->err, NETSESSION_E_CRYPTO, NS_LAYER_SMB2);
    req = smb2_request_begin(c, SMB2_NEGOTIATE, on_negotiate, 0, false);
    return smb2_request_send(c, req && smb2_negotiate_request_put(&c->frame, m));
}

/* ---- What the server chose ---- */

static bool was_offered(const smb2_client *c, unsigned dialect)
{
    for (unsigned i = 0; i < c->offered.dialect_count; i++)
        if (c->offered.dialects[i] == dialect)
            return true;
    return false;
}

static const struct dialect *find_dialect(unsigned id)
{
    size_t i = 0;

    while (dialects[i].id != id)
        i++;
    return &dialects[i];
}

static int check_choices(smb2_client *c, const smb2_negotiate_response *m)
{
    if (!was_offered(c, m->dialect))
        return smb2_fail(c, NETSESSION_E_PROTOCOL,
                         "the server chose dialect 0x%04X, which was not offered", m->dialect);
    if (m->max_transact < MIN_IO || m->max_read < MIN_IO || m->max_write < MIN_IO)
        return smb2_fail(c, NETSESSION_E_PROTOCOL,
                         "the server allows messages of less than %u bytes", MIN_IO);
    if (m->has_cipher && m->cipher && !has_alg(&c->offered.ciphers, m->cipher))
        return smb2_fail(c, NETSESSION_E_PROTOCOL,
                         "the server chose cipher %u, which was not offered", m->cipher);
    if (m->has_signing && !has_alg(&c->offered.signings, m->signing))
        return smb2_fail(c, NETSESSION_E_PROTOCOL,
                         "the server chose signing algorithm %u, which was not offered",
                         m->signing);
    return 0;
}

/* 3.2.5.2: from the contexts, or from what the dialect fixes. */
static void take_choices(smb2_client *c, const smb2_negotiate_response *m)
{
    const struct dialect *d = find_dialect(m->dialect);
    bool encrypts = (m->capabilities & SMB2_CAP_ENCRYPTION & c->offered.capabilities) != 0 &&
                    has_alg(&c->cfg->ciphers, d->cipher);

    c->dialect = m->dialect;
    c->signing = d->negotiates && m->has_signing ? m->signing : d->signing;
    c->cipher = d->negotiates ? m->cipher : encrypts ? d->cipher : NETSESSION_CIPHER_NONE;
    c->server_security_mode = m->security_mode;
    c->server_capabilities = m->capabilities;
    memcpy(c->server_guid, m->server_guid, sizeof c->server_guid);
    c->io_size = c->cfg->io_size;
    if (c->io_size > MIN_IO &&
        (m->dialect < NETSESSION_SMB_2_1 || !(m->capabilities & SMB2_CAP_LARGE_MTU)))
        c->io_size = MIN_IO;
    if (c->io_size > m->max_transact)
        c->io_size = m->max_transact;
    if (c->io_size > m->max_read)
        c->io_size = m->max_read;
}

static int check_policy(smb2_client *c)
{
    if (!has_alg(&c->cfg->signings, c->signing))
        return smb2_fail(c, NETSESSION_E_POLICY,
                         "the server would sign with %s, which is not "
                         "allowed here; allow it or ask for another dialect",
                         smb2_signing_name(c->signing));
    if (c->cfg->encrypt && (!c->cipher || !has_alg(&c->cfg->ciphers, c->cipher)))
        return smb2_fail(c, NETSESSION_E_POLICY,
                         "encryption is required, but the server offers no cipher that is "
                         "allowed here (dialect %s)",
                         smb2_dialect_name(c->dialect));
    return 0;
}

static int keep_hint(smb2_client *c, const ns_reader *token);
static int begin_logon(smb2_client *c);

static int on_negotiate(smb2_client *c, const smb2_reply *reply)
{
    smb2_negotiate_response m;
    ns_reader body = reply->body;
    int rc;

    if (reply->header.status)
        return smb2_fail_status(c, NETSESSION_E_POLICY, reply,
                                "negotiate (the server accepts none of the dialects offered?)");
    if (!smb2_body_is(body, 65) || !smb2_negotiate_response_get(&body, &m))
        return smb2_fail(c, NETSESSION_E_PROTOCOL, "the server's NEGOTIATE is malformed");
    rc = check_choices(c, &m);
    if (rc)
        return rc;
    take_choices(c, &m);
    rc = check_policy(c);
    if (!rc && smb2_preauth_update(c->preauth, reply->msg, reply->len))
        rc = ns_fail_code(c->err, NETSESSION_E_CRYPTO, NS_LAYER_SMB2);
    if (!rc)
        rc = keep_hint(c, &m.security);
    return rc || !c->auth ? rc : begin_logon(c);
}

/* ---- Logging on ---- */

static smb2_done on_session_setup;

/* For whoever logs on: that may not be known yet, or be another in the end. */
static int keep_hint(smb2_client *c, const ns_reader *token)
{
    memcpy(c->negotiated, c->preauth, sizeof c->negotiated);
    ns_put(&c->hint, token->base, token->len);
    return c->hint.err ? ns_fail_code(c->err, c->hint.err, NS_LAYER_SMB2) : 0;
}

static int auth_step(smb2_client *c, const uint8_t *in, size_t in_len, ns_writer *token)
{
    netsession_error err = {0};
    int rc = auth_client_step(c->auth, in, in_len, token, &err);

    if (rc && !c->err->code && !(rc == NETSESSION_E_LOGON && c->second))
        *c->err = err;
    return rc;
}

/* One leg: the server's token in, ours out. */
static int send_leg(smb2_client *c, const uint8_t *in, size_t in_len)
{
    ns_writer token;
    smb2_request *req;
    int rc;

    ns_writer_init(&token, c->hooks, UINT16_MAX);
    rc = auth_step(c, in, in_len, &token);
    if (!rc) {
        req = smb2_request_begin(c, SMB2_SESSION_SETUP, on_session_setup, 0, false);
        if (req)
            smb2_session_setup_request_put(&c->frame, (uint8_t)c->offered.security_mode,
                                           token.p, token.len);
        rc = req ? smb2_request_send(c, true)
                 : smb2_fail(c, NETSESSION_E_PROTOCOL, "the server grants no credits");
    }
    ns_writer_free(&token);
    return rc;
}

/* Somebody else, from the start, with a new session (3.2.4.2.3.1). */
static int try_second(smb2_client *c)
{
    c->auth = c->second;
    c->second = NULL;
    c->session_id = 0;
    memcpy(c->preauth, c->negotiated, sizeof c->preauth);
    return send_leg(c, c->hint.p, c->hint.len);
}

static int send_setup(smb2_client *c, const uint8_t *in, size_t in_len)
{
    int rc = send_leg(c, in, in_len);

    return rc == NETSESSION_E_LOGON && c->second ? try_second(c) : rc;
}

static int begin_logon(smb2_client *c)
{
    return send_setup(c, c->hint.p, c->hint.len);
}

int smb2_client_log_on(smb2_client *c, auth_client *auth, auth_client *second)
{
    c->auth = auth;
    c->second = second;
    return c->dialect ? begin_logon(c) : 0;
}

static int next_leg(smb2_client *c, const smb2_reply *reply)
{
    smb2_session_setup_response m;
    ns_reader body = reply->body;

    if (!smb2_session_setup_response_get(&body, &m))
        return smb2_fail(c, NETSESSION_E_PROTOCOL, "the server's SESSION_SETUP is malformed");
    if (smb2_preauth_update(c->preauth, reply->msg, reply->len))
        return ns_fail_code(c->err, NETSESSION_E_CRYPTO, NS_LAYER_SMB2);
    return send_setup(c, m.security.base, m.security.len);
}

/* A session that nobody can vouch for: only when it was asked for. */
static int accept_unsigned(smb2_client *c)
{
    bool guest = (c->session_flags & SMB2_SESSION_GUEST) != 0;

    if (!c->cfg->anonymous && !(guest && c->cfg->guest))
        return ns_fail_named(c->err, NETSESSION_E_POLICY, NS_LAYER_SMB2,
                             "ERROR_SMB_GUEST_LOGON_BLOCKED", 1272, 1272,
                             "the server turned the logon into %s session, which cannot be "
                             "signed; check the user name, or allow such sessions",
                             guest ? "a guest" : "an anonymous");
    if (c->cfg->encrypt)
        return smb2_fail(
            c, NETSESSION_E_POLICY,
            "encryption is required, but a guest or anonymous session has no keys");
    return 0;
}

static int make_keys(smb2_client *c)
{
    uint8_t key[AUTH_KEY_MAX];
    size_t len = 0;
    int rc = auth_client_session_key(c->auth, key, &len);

    if (!rc && !len)
        rc = NETSESSION_E_SECURITY;
    if (!rc)
        rc = smb2_derive_keys(&c->keys, c->dialect, c->cipher, key, len, c->preauth);
    ns_wipe(key, sizeof key);
    if (rc == NETSESSION_E_SECURITY)
        return smb2_fail(c, rc, "the logon made no session key");
    return rc ? ns_fail_code(c->err, rc, NS_LAYER_SMB2) : 0;
}

/* 3.2.5.3.1: we asked for signing, so the last reply is signed already, with
 * the new key; on 3.1.1 this proves that nobody changed the negotiation. */
static int verify_last(smb2_client *c, const smb2_reply *reply)
{
    int rc;

    if (!(reply->header.flags & SMB2_FLAG_SIGNED))
        return smb2_fail(c, NETSESSION_E_SECURITY,
                         "the server's last SESSION_SETUP is not signed");
    rc = smb2_verify(c->signing, c->keys.signing, reply->msg, reply->len);
    if (rc == NETSESSION_E_SECURITY)
        return smb2_fail(c, rc,
                         "the signature of the last SESSION_SETUP is wrong: somebody may "
                         "have changed the negotiation or the logon");
    return rc ? ns_fail_code(c->err, rc, NS_LAYER_SMB2) : 0;
}

static int secure_session(smb2_client *c, const smb2_reply *reply, const ns_reader *token)
{
    int rc = auth_client_finish(c->auth, token->base, token->len, c->err);

    if (!rc)
        rc = make_keys(c);
    if (!rc)
        rc = verify_last(c, reply);
    if (rc)
        return rc;
    c->secured = true;
    c->encrypting = c->cfg->encrypt || (c->session_flags & SMB2_SESSION_ENCRYPT);
    if (c->encrypting && !c->cipher)
        return smb2_fail(c, NETSESSION_E_PROTOCOL,
                         "the server wants encryption, though no cipher was agreed");
    return 0;
}

static int logged_on(smb2_client *c, const smb2_reply *reply)
{
    smb2_session_setup_response m;
    ns_reader body = reply->body;
    int rc;

    if (!smb2_session_setup_response_get(&body, &m))
        return smb2_fail(c, NETSESSION_E_PROTOCOL, "the server's SESSION_SETUP is malformed");
    c->session_flags = m.flags;
    if (c->cfg->anonymous || m.flags & (SMB2_SESSION_GUEST | SMB2_SESSION_NULL))
        rc = accept_unsigned(c);
    else
        rc = secure_session(c, reply, &m.security);
    return rc ? rc : smb2_open_next(c);
}

static int on_session_setup(smb2_client *c, const smb2_reply *reply)
{
    const smb2_header *h = &reply->header;
    bool refused = h->status && h->status != STATUS_MORE_PROCESSING_REQUIRED;

    if (refused && c->second)
        return try_second(c);
    if (refused)
        return auth_client_refused(c->auth, h->status, c->err);
    if (!h->session_id || (c->session_id && h->session_id != c->session_id))
        return smb2_fail(c, NETSESSION_E_PROTOCOL, "the server changed the SessionId");
    c->session_id = h->session_id;
    return h->status ? next_leg(c, reply) : logged_on(c, reply);
}
