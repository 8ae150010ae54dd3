#include "netapi/lmuse.h"

#include "netapi/lmstr.h"

#include <string.h>
#include <wchar.h>

static bool empty(const wchar_t *s)
{
    return !s || !*s;
}

static bool same_ascii(const wchar_t *s, const wchar_t *upper)
{
    for (; *s && *upper; s++, upper++)
        if (*s != *upper && *s != *upper - L'A' + L'a')
            return false;
    return *s == *upper;
}

/* "\\server\share" in two: where the share's name begins, or NULL. */
static const wchar_t *share_of(const wchar_t *remote)
{
    const wchar_t *slash;

    if (!remote || remote[0] != L'\\' || remote[1] != L'\\')
        return NULL;
    slash = wcschr(remote + 2, L'\\');
    return slash && slash != remote + 2 && slash[1] ? slash + 1 : NULL;
}

/* The server of "\\server\IPC$". */
static DWORD read_remote(char **server, const wchar_t *remote)
{
    const wchar_t *share = share_of(remote);
    char *whole;
    DWORD rc;

    *server = NULL;
    if (!share)
        return ERROR_INVALID_PARAMETER;
    if (!same_ascii(share, L"IPC$"))
        return ERROR_BAD_NET_NAME;
    if ((rc = lm_server(&whole, remote)) != 0)
        return rc;
    whole[strcspn(whole, "\\")] = '\0';
    *server = whole;
    return NERR_Success;
}

/* ---- USE_INFO_2: one check a member, tried in order ---- */

struct request {
    char *server;
    struct lm_credentials who;
};

static DWORD take_local(struct request *r, const USE_INFO_2 *info)
{
    (void)r;
    return empty(info->ui2_local) ? NERR_Success : ERROR_INVALID_PARAMETER;
}

static DWORD take_remote(struct request *r, const USE_INFO_2 *info)
{
    return read_remote(&r->server, info->ui2_remote);
}

static DWORD take_type(struct request *r, const USE_INFO_2 *info)
{
    bool fits = info->ui2_asg_type == USE_IPC || info->ui2_asg_type == USE_WILDCARD;

    (void)r;
    return fits ? NERR_Success : ERROR_BAD_DEV_TYPE;
}

/* "" is nobody, who has no password. */
static DWORD take_user(struct request *r, const USE_INFO_2 *info)
{
    const wchar_t *user = info->ui2_username;

    if (user && !*user && !empty(info->ui2_password))
        return ERROR_INVALID_PARAMETER;
    return lm_utf8(&r->who.user, user);
}

static DWORD take_password(struct request *r, const USE_INFO_2 *info)
{
    return lm_utf8(&r->who.password, info->ui2_password);
}

static DWORD take_domain(struct request *r, const USE_INFO_2 *info)
{
    const wchar_t *domain = info->ui2_domainname;

    return empty(domain) ? NERR_Success : lm_utf8(&r->who.domain, domain);
}

static DWORD read_request(struct request *r, const USE_INFO_2 *info, DWORD *wrong)
{
    static const struct {
        DWORD number;
        DWORD (*take)(struct request *r, const USE_INFO_2 *info);
    } members[] = {
        {USE_LOCAL_PARMNUM, take_local},       {USE_REMOTE_PARMNUM, take_remote},
        {USE_ASGTYPE_PARMNUM, take_type},      {USE_USERNAME_PARMNUM, take_user},
        {USE_PASSWORD_PARMNUM, take_password}, {USE_DOMAINNAME_PARMNUM, take_domain},
    };
    DWORD rc = NERR_Success;

    *wrong = PARM_ERROR_NONE;
    for (size_t i = 0; !rc && i < sizeof members / sizeof *members; i++) {
        rc = members[i].take(r, info);
        if (rc == ERROR_INVALID_PARAMETER)
            *wrong = members[i].number;
    }
    return rc;
}

/* ---- The calls ---- */

static DWORD use_add(const USE_INFO_2 *info, DWORD *wrong)
{
    struct request r = {0};
    DWORD rc = read_request(&r, info, wrong);

    if (!rc)
        rc = lm_use_add(r.server, &r.who);
    lm_credentials_free(&r.who);
    lm_strfree(r.server);
    return rc;
}

NET_API_STATUS NetUseAdd(LMCSTR servername, DWORD level, LPBYTE buf, LPDWORD parm_err)
{
    DWORD rc, wrong = PARM_ERROR_NONE;

    if (!empty(servername))
        rc = ERROR_NOT_SUPPORTED;
    else if (level != 2)
        rc = ERROR_INVALID_LEVEL;
    else if (!buf)
        rc = ERROR_INVALID_PARAMETER;
    else
        rc = use_add((const void *)buf, &wrong);
    if (parm_err)
        *parm_err = wrong;
    return rc;
}

NET_API_STATUS NetUseDel(LMCSTR UncServerName, LMCSTR UseName, DWORD ForceLevelFlags)
{
    char *server;
    DWORD rc;

    if (!empty(UncServerName))
        return ERROR_NOT_SUPPORTED;
    if (ForceLevelFlags > USE_LOTS_OF_FORCE)
        return ERROR_INVALID_PARAMETER;
    if ((rc = read_remote(&server, UseName)) != 0)
        return rc;
    rc = lm_use_drop(server, ForceLevelFlags == USE_LOTS_OF_FORCE);
    lm_strfree(server);
    return rc;
}
