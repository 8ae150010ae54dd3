/* NEGOTIATE, SESSION_SETUP and LOGOFF, the server's side: [MS-SMB2] 3.3.5.3
 * to 3.3.5.6. */
#include <string.h>

#include "base/crypto.h"
#include "smb2/server.h"

#define WILDCARD_DIALECT 0x02FF

/* ---- NEGOTIATE ---- */

static bool in_range(const smb2_server *s, unsigned dialect)
{
    return dialect >= s->cfg->min_dialect && dialect <= s->cfg->max_dialect;
}

/* The highest that both know; 0: none. */
unsigned smb2_choose_dialect(const smb2_server *s, const smb2_offer *offer)
{
    unsigned best = 0;

    for (unsigned i = 0; i < offer->dialect_count; i++)
        if (in_range(s, offer->dialects[i]) && offer->dialects[i] > best)
            best = offer->dialects[i];
    return best;
}

/* The client's first that the server has too; otherwise fallback. */
static unsigned choose_alg(const smb2_algs *theirs, const smb2_algs *ours, unsigned fallback)
{
    for (unsigned i = 0; i < theirs->count; i++)
        for (unsigned j = 0; j < ours->count; j++)
            if (theirs->id[i] == ours->id[j])
                return theirs->id[i];
    return fallback;
}

static bool has_alg(const smb2_algs *algs, unsigned id)
{
    const smb2_algs one = {{(uint16_t)id}, 1};

    return choose_alg(&one, algs, UINT16_MAX) == id;
}

static void choose_algs(smb2_server *s, const smb2_offer *offer)
{
    const smb2_server_config *cfg = s->cfg;
    bool encrypts = cfg->encryption != SMB2_ENCRYPTION_OFF;

    s->signing = s->dialect < NETSESSION_SMB_3_0 ? NETSESSION_HMAC_SHA256 : NETSESSION_AES_CMAC;
    s->cipher = NETSESSION_CIPHER_NONE;
    if (s->dialect == NETSESSION_SMB_3_1_1) {
        s->signing = choose_alg(&offer->signings, &cfg->signings, NETSESSION_AES_CMAC);
        if (encrypts)
            s->cipher = choose_alg(&offer->ciphers, &cfg->ciphers, NETSESSION_CIPHER_NONE);
    } else if (s->dialect >= NETSESSION_SMB_3_0 && encrypts &&
               offer->capabilities & SMB2_CAP_ENCRYPTION &&
               has_alg(&cfg->ciphers, NETSESSION_AES_128_CCM)) {
        s->cipher = NETSESSION_AES_128_CCM;
    }
}

/* 3.3.5.4: on 3.1.1 the context tells of encryption, before it this bit. */
static uint32_t capabilities_of(const smb2_server *s)
{
    uint32_t caps = s->dialect >= NETSESSION_SMB_2_1 ? SMB2_CAP_LARGE_MTU : 0;

    if (s->cipher && s->dialect < NETSESSION_SMB_3_1_1)
        caps |= SMB2_CAP_ENCRYPTION;
    return caps;
}

static uint16_t security_mode_of(const smb2_server *s)
{
    return (uint16_t)(SMB2_SIGNING_ENABLED |
                      (s->cfg->signing_required ? SMB2_SIGNING_REQUIRED : 0));
}

/* The body for dialect, which may be the wildcard. */
static uint32_t put_negotiate(smb2_server *s, unsigned dialect, const smb2_offer *offer)
{
    const netsession_hooks *hooks = s->cfg->hooks;
    uint32_t io = dialect == NETSESSION_SMB_2_0_2 ? 65536 : s->cfg->max_io;
    smb2_negotiate_response m = {.security_mode = security_mode_of(s),
                                 .dialect = (uint16_t)dialect,
                                 .capabilities = capabilities_of(s),
                                 .max_transact = io,
                                 .max_read = io,
                                 .max_write = io,
                                 .has_preauth = true,
                                 .has_cipher = offer && offer->has_ciphers,
                                 .has_signing = offer && offer->has_signings,
                                 .cipher = (uint16_t)s->cipher,
                                 .signing = (uint16_t)s->signing};
    uint8_t salt[32];
    ns_writer hint;

    ns_writer_init(&hint, hooks, UINT16_MAX);
    if (hooks->entropy(hooks->ctx, salt, sizeof salt) ||
        auth_server_hint(&s->cfg->auth, &hint) || hint.err) {
        ns_writer_free(&hint);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    memcpy(m.server_guid, s->cfg->guid, sizeof m.server_guid);
    m.security = ns_reader_of(hint.p, hint.len);
    smb2_negotiate_response_put(&s->frame, &m, salt, hooks->wallclock(hooks->ctx));
    ns_writer_free(&hint);
    s->capabilities = m.capabilities;
    s->security_mode = m.security_mode;
    return 0;
}

static void log_choice(smb2_server *s)
{
    const char *cipher = smb2_cipher_name(s->cipher);

    smb2_server_log(s, "SMB %s, %s, %s", smb2_dialect_name(s->dialect),
                    smb2_signing_name(s->signing), cipher ? cipher : "no cipher");
}

static uint32_t check_offer(const smb2_request_in *req, const smb2_offer *offer)
{
    if (!offer->listed || req->header.flags & SMB2_FLAG_SIGNED)
        return STATUS_INVALID_PARAMETER;
    if (offer->contexts && !offer->has_preauth)
        return STATUS_INVALID_PARAMETER;
    if (offer->contexts && !offer->sha512)
        return STATUS_SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP;
    return 0;
}

uint32_t smb2_on_negotiate(smb2_server *s, smb2_request_in *req)
{
    smb2_offer offer;
    uint32_t status;

    if (s->dialect) { /* 3.3.5.3: a second one ends the connection */
        s->ended = true;
        return SMB2_NO_REPLY;
    }
    if (!smb2_negotiate_request_get(&req->body, &offer))
        return STATUS_INVALID_PARAMETER;
    status = check_offer(req, &offer);
    if (status)
        return status;
    s->dialect = smb2_choose_dialect(s, &offer);
    if (!s->dialect)
        return STATUS_NOT_SUPPORTED;
    choose_algs(s, &offer);
    log_choice(s);
    memcpy(s->client_guid, offer.client_guid, sizeof s->client_guid);
    s->client_capabilities = offer.capabilities;
    s->client_security_mode = offer.security_mode;
    if (smb2_preauth_update(s->preauth, req->msg, req->len))
        return STATUS_INSUFFICIENT_RESOURCES;
    s->elements[s->element_count - 1].hash = s->preauth;
    return put_negotiate(s, s->dialect, &offer);
}

/* 3.3.5.3.1: the dialect strings of an SMB1 negotiate, each behind a byte 2. */
static bool smb1_lists(const uint8_t *msg, size_t len, const char *dialect)
{
    size_t n = strlen(dialect) + 1;

    for (size_t i = 35; n < len && i < len - n; i++)
        if (msg[i] == 2 && !memcmp(msg + i + 1, dialect, n))
            return true;
    return false;
}

/* The answer is an SMB2 NEGOTIATE response: the wildcard, upon which the
 * client starts anew with MessageId 1, or 2.0.2 at once. */
int smb2_on_smb1(smb2_server *s, const uint8_t *msg, size_t len)
{
    bool wildcard = smb1_lists(msg, len, "SMB 2.???") && s->cfg->max_dialect > 0x0202;
    bool plain = smb1_lists(msg, len, "SMB 2.002") && in_range(s, NETSESSION_SMB_2_0_2);
    const smb2_header h = {.flags = SMB2_FLAG_RESPONSE, .credits = 1};

    if (len < 36 || msg[4] != 0x72 || s->smb1_seen || !(wildcard || plain))
        return NETSESSION_E_PROTOCOL;
    s->smb1_seen = true;
    smb2_header_put(&s->frame, &h);
    if (!wildcard)
        s->dialect = NETSESSION_SMB_2_0_2;
    if (put_negotiate(s, wildcard ? WILDCARD_DIALECT : NETSESSION_SMB_2_0_2, NULL))
        return NETSESSION_E_CRYPTO;
    s->low = 1; /* as if MessageId 0 had been used */
    s->high = 2;
    ns_put32(&s->out, 0);
    ns_put(&s->out, s->frame.p, s->frame.len);
    if (!s->out.err && !s->frame.err)
        ns_store32be(s->out.p + s->out.len - s->frame.len - 4, (uint32_t)s->frame.len);
    ns_writer_reset(&s->frame);
    return s->out.err ? s->out.err : s->frame.err;
}

/* ---- SESSION_SETUP ---- */

static smb2_session *new_session(smb2_server *s)
{
    const netsession_hooks *hooks = s->cfg->hooks;
    smb2_session *session = ns_alloc_secret(hooks, sizeof *session);

    if (!session)
        return NULL;
    session->trees = ns_alloc(hooks, s->cfg->max_trees * sizeof *session->trees);
    session->id = s->cfg->ops->session_id(s->ctx);
    if (!session->trees || !session->id) {
        ns_free(hooks, session->trees, s->cfg->max_trees * sizeof *session->trees);
        ns_free(hooks, session, sizeof *session);
        return NULL;
    }
    session->server = s;
    session->since = session->last = s->now;
    memcpy(session->preauth, s->preauth, sizeof session->preauth);
    session->next = s->sessions;
    s->sessions = session;
    s->session_count++;
    return session;
}

static bool start_auth(smb2_server *s, smb2_session *session)
{
    netsession_error err = {0};

    return session->auth || !auth_server_new(&session->auth, &s->cfg->auth, &err);
}

/* Which session the request is about: a new one, or one that logs on still
 * or anew. */
static uint32_t pick_session(smb2_server *s, smb2_request_in *req)
{
    if (req->header.session_id && (!req->session || req->session->dying))
        return STATUS_USER_SESSION_DELETED;
    if (!req->session) {
        if (s->session_count >= s->cfg->max_sessions)
            return STATUS_INSUFFICIENT_RESOURCES;
        req->session = new_session(s);
    }
    if (!req->session || !start_auth(s, req->session))
        return STATUS_INSUFFICIENT_RESOURCES;
    req->header.session_id = req->session->id;
    return 0;
}

static char *copy_text(smb2_server *s, const char *text)
{
    return ns_strdup(s->cfg->hooks, text, strlen(text));
}

static int take_keys(smb2_server *s, smb2_session *session)
{
    uint8_t key[AUTH_KEY_MAX];
    size_t len = 0;
    int rc = auth_server_session_key(session->auth, key, &len);

    if (!rc && len)
        rc =
            smb2_derive_keys(&session->keys, s->dialect, s->cipher, key, len, session->preauth);
    session->keyed = len != 0;
    ns_wipe(key, sizeof key);
    return rc;
}

static void take_rights(smb2_server *s, smb2_session *session, uint8_t security_mode)
{
    session->guest = auth_server_kind(session->auth) == AUTH_SERVER_GUEST;
    session->anonymous = auth_server_kind(session->auth) == AUTH_SERVER_ANONYMOUS;
    session->admin = auth_server_admin(session->auth);
    session->sign_required =
        session->keyed && (s->cfg->signing_required || security_mode & SMB2_SIGNING_REQUIRED);
    session->encrypt =
        session->keyed && s->cipher && s->cfg->encryption == SMB2_ENCRYPTION_REQUIRED;
}

static void renew(smb2_server *s, smb2_session *session)
{
    session->expires = s->cfg->lifetime ? s->now + s->cfg->lifetime : 0;
}

/* 3.3.5.5.3, the first time; a session that logs on anew keeps its keys. */
static uint32_t establish(smb2_server *s, smb2_session *session,
                          const smb2_session_setup_request *m)
{
    session->user = copy_text(s, auth_server_user(session->auth));
    session->domain = copy_text(s, auth_server_domain(session->auth));
    if (!session->user || !session->domain || take_keys(s, session))
        return STATUS_INSUFFICIENT_RESOURCES;
    take_rights(s, session, m->security_mode);
    if (s->cfg->encryption == SMB2_ENCRYPTION_REQUIRED && !session->encrypt)
        return STATUS_ACCESS_DENIED;
    session->valid = true;
    session->since = s->now;
    renew(s, session);
    if (m->previous_session_id && m->previous_session_id != session->id)
        s->cfg->ops->replaced(s->ctx, m->previous_session_id, session);
    return s->cfg->ops->logged_on(s->ctx, session) ? 0 : STATUS_INSUFFICIENT_RESOURCES;
}

static bool same_user(const smb2_session *session)
{
    return !strcmp(session->user, auth_server_user(session->auth)) &&
           !strcmp(session->domain, auth_server_domain(session->auth));
}

/* 3.3.5.5.3: whoever logs on anew, the session stays that of its user.  Only
 * where it is expired would it become another's; that is refused, and another
 * does not prolong it. */
static uint32_t reauthenticate(smb2_server *s, smb2_session *session)
{
    if (same_user(session))
        renew(s, session);
    else if (smb2_session_expired(s, session))
        return STATUS_ACCESS_DENIED;
    return 0;
}

static uint32_t finish(smb2_server *s, smb2_session *session,
                       const smb2_session_setup_request *m)
{
    uint32_t status;

    if (session->valid)
        status = reauthenticate(s, session);
    else
        status = establish(s, session, m);
    auth_server_free(session->auth);
    session->auth = NULL;
    return status;
}

static uint16_t session_flags(const smb2_session *session)
{
    return (uint16_t)((session->guest ? SMB2_SESSION_GUEST : 0) |
                      (session->anonymous ? SMB2_SESSION_NULL : 0) |
                      (session->encrypt ? SMB2_SESSION_ENCRYPT : 0));
}

static uint32_t status_of_auth(smb2_server *s, int rc, const netsession_error *err)
{
    smb2_server_log(s, "logon refused: %s", err->message);
    if (rc == NETSESSION_E_LOGON)
        return STATUS_LOGON_FAILURE;
    return rc == NETSESSION_E_PROTOCOL || rc == NETSESSION_E_SECURITY
               ? STATUS_INVALID_PARAMETER
               : STATUS_INSUFFICIENT_RESOURCES;
}

/* One leg.  The hash must not take in the response that ends the logon. */
static uint32_t advance(smb2_server *s, smb2_session *session,
                        const smb2_session_setup_request *m)
{
    netsession_error err = {0};
    ns_writer token;
    uint32_t status = 0;
    int rc;

    ns_writer_init(&token, s->cfg->hooks, UINT16_MAX);
    rc = auth_server_step(session->auth, m->security.base, m->security.len, &token, &err);
    if (rc < 0)
        status = status_of_auth(s, rc, &err);
    else if (rc == 0)
        status = finish(s, session, m);
    else
        status = STATUS_MORE_PROCESSING_REQUIRED;
    if (!status || status == STATUS_MORE_PROCESSING_REQUIRED)
        smb2_session_setup_response_put(&s->frame, status ? 0 : session_flags(session), token.p,
                                        token.len);
    if (status == STATUS_MORE_PROCESSING_REQUIRED && !session->valid)
        s->elements[s->element_count - 1].hash = session->preauth;
    ns_writer_free(&token);
    return status;
}

uint32_t smb2_on_session_setup(smb2_server *s, smb2_request_in *req)
{
    smb2_session_setup_request m;
    uint32_t status;

    if (!smb2_session_setup_request_get(&req->body, &m))
        return STATUS_INVALID_PARAMETER;
    if (m.flags & SMB2_SESSION_BINDING) /* no multichannel here */
        return STATUS_REQUEST_NOT_ACCEPTED;
    status = pick_session(s, req);
    if (!status && !req->session->valid &&
        smb2_preauth_update(req->session->preauth, req->msg, req->len))
        status = STATUS_INSUFFICIENT_RESOURCES;
    if (!status)
        status = advance(s, req->session, &m);
    if (status && status != STATUS_MORE_PROCESSING_REQUIRED && req->session)
        smb2_server_end_session(s, req->session); /* 3.3.5.5.3 */
    return status;
}

/* ---- LOGOFF ---- */

uint32_t smb2_on_logoff(smb2_server *s, smb2_request_in *req)
{
    if (!smb2_body_is(req->body, 4))
        return STATUS_INVALID_PARAMETER;
    smb2_close_opens(s, req->session, 0);
    smb2_server_end_session(s, req->session);
    smb2_empty_put(&s->frame);
    return 0;
}
