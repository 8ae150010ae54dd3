/* What is here when Kerberos is not: it says so. */
#include "auth/kerberos_server.h"

int kerberos_acceptor_new(kerberos_acceptor **out, const char *keytab, netsession_error *err)
{
    (void)keytab;
    *out = NULL;
    return ns_fail(err, NETSESSION_E_POLICY, NS_LAYER_KERBEROS,
                   "this build has no Kerberos (WITH_KRB5=0)");
}

void kerberos_acceptor_free(kerberos_acceptor *c)
{
    (void)c;
}

static bool accepted(const auth_server_params *params)
{
    (void)params;
    return false;
}

const server_mech kerberos_server_mech = {.name = "Kerberos", .accepted = accepted};
