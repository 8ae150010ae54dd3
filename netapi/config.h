/* What a connection is configured with; each connection has its own copy. */
#ifndef NS_CONFIG_H
#define NS_CONFIG_H

#include "auth/kerberos.h"
#include "base/mem.h"
#include "smb2/client.h"

struct netsession_config {
    netsession_hooks hooks;
    netsession_error err; /* of the last setter that failed */
    char *domain, *user, *password;
    bool ambient; /* user is from the environment: any ticket goes before it */
    char *workstation, *target_name;
    char *ccache, *keytab;
    unsigned kerberos; /* enum netsession_kerberos */
    bool delegate;
    char *channel; /* application data of the channel bindings; or NULL */
    size_t channel_len;
    uint8_t bindings[16]; /* their hash, as NTLM has it */
    smb2_config smb;
    unsigned port;
    unsigned timeout; /* ms */
    unsigned syntaxes;
    size_t max_reply;
};

/* to is uninitialised.  NETSESSION_E_MEMORY, and to needs no clearing then. */
int ns_config_copy(netsession_config *to, const netsession_config *from);
/* Frees what it holds, wiped. */
void ns_config_clear(netsession_config *cfg);
/* For setters: records and returns the error. */
int ns_config_fail(netsession_config *cfg, int code, const char *fmt, ...) NS_PRINTF(3, 4);
/* What Kerberos is to use; the strings stay where they are. */
void ns_config_kerberos(const netsession_config *cfg, const char *spn, kerberos_params *out);
/* Fails when the file is there and others may read it. */
int ns_config_private(netsession_config *cfg, const char *path);
/* Replaces a string by a copy of n bytes of s. */
int ns_config_string(netsession_config *cfg, char **member, const char *s, size_t n);

#endif
