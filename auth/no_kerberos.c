/* What is here when Kerberos is not: it says so. */
#include "auth/kerberos.h"

bool kerberos_available(void)
{
    return false;
}

bool kerberos_has_ticket(const kerberos_params *params)
{
    (void)params;
    return false;
}

static int fail(netsession_error *err)
{
    return ns_fail(err, NETSESSION_E_POLICY, NS_LAYER_KERBEROS,
                   "Kerberos was left out when this was built (WITH_KRB5=0)");
}

int kerberos_new(kerberos **out, const kerberos_params *params, netsession_error *err)
{
    (void)params;
    *out = NULL;
    return fail(err);
}

void kerberos_free(kerberos *k)
{
    (void)k;
}

void kerberos_run(kerberos *k)
{
    (void)k;
}

int kerberos_result(const kerberos *k, netsession_error *err, bool *no_way)
{
    (void)k;
    *no_way = true;
    return fail(err);
}

const char *kerberos_about(const kerberos *k)
{
    (void)k;
    return "";
}

static int create(void **state, const auth_params *params, netsession_error *err)
{
    (void)params;
    *state = NULL;
    return fail(err);
}

/* Never offered, since kerberos_new fails. */
const auth_mech kerberos_mech = {.name = "Kerberos", .create = create};
const auth_mech ms_kerberos_mech = {.name = "Kerberos", .create = create};
