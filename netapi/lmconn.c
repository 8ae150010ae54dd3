#include "netapi/lmuse.h"

DWORD lm_status(const netsession_error *e)
{
    return e->win32 ? e->win32 : ERROR_UNEXP_NET_ERR;
}

DWORD lm_connect(netsession **out, const netsession_config *cfg, const char *server)
{
    DWORD rc;
    int err = netsession_new(out, cfg, server);

    if (err) {
        *out = NULL;
        return err == NETSESSION_E_ARGUMENT ? ERROR_BAD_NETPATH : ERROR_NOT_ENOUGH_MEMORY;
    }
    if (netsession_connect(*out) == 0)
        return NERR_Success;
    rc = lm_status(netsession_last_error(*out));
    netsession_free(*out);
    *out = NULL;
    return rc;
}

void lm_disconnect(netsession *ns)
{
    if (ns)
        netsession_close(ns);
    netsession_free(ns);
}
