#include "tools/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check(const struct options *o, int err)
{
    return err ? complain(EXIT_FAILED, "%s", netsession_config_error(o->cfg)->message) : 0;
}

/* -U: "user", "user@realm", "DOMAIN\user"; here "DOMAIN/user" too. */
static int set_account(struct options *o)
{
    const char *slash = strchr(o->account, '/');
    char *domain;
    int rc;

    if (!slash || strchr(o->account, '\\'))
        return check(o, netsession_config_user(o->cfg, NULL, o->account));
    if (!(domain = strndup(o->account, (size_t)(slash - o->account))))
        return complain(EXIT_FAILED, "out of memory");
    rc = check(o, netsession_config_user(o->cfg, domain, slash + 1));
    free(domain);
    return rc;
}

/* What the command line says goes before what files say. */
static int set_given(struct options *o)
{
    int rc = 0;

    if (o->authfile)
        rc = check(o, netsession_config_authfile(o->cfg, o->authfile));
    if (!rc && o->account)
        rc = set_account(o);
    if (!rc && o->password_file)
        rc = check(o, netsession_config_password_file(o->cfg, o->password_file));
    return rc;
}

/* Whom to name in the question, as far as known. */
static const char *whom(const struct options *o)
{
    const char *user = getenv("USER");

    if (o->account)
        return o->account;
    return !o->authfile && user ? user : "this user";
}

static int unanswered(int how)
{
    if (how == PROMPT_NO_TERMINAL)
        return complain(EXIT_FAILED,
                        "no password is given, and there is no terminal to ask: use "
                        "--authentication-file, --password-file, PASSWD or -N");
    return complain(EXIT_FAILED, "no password was read from the terminal%s%s",
                    errno ? ": " : "", errno ? strerror(errno) : "");
}

static int ask(struct options *o)
{
    char prompt[300], password[1024];
    int rc;

    snprintf(prompt, sizeof prompt, "Password for %.256s: ", whom(o));
    rc = prompt_password(prompt, password, sizeof password);
    rc = rc < 0 ? unanswered(rc) : check(o, netsession_config_password(o->cfg, password));
    wipe(password, sizeof password);
    return rc;
}

/* There is a ticket, or nothing but one will do. */
static bool needs_no_password(const struct options *o)
{
    bool named = o->account || o->authfile;

    if (o->kerberos == NETSESSION_KERBEROS_OFF)
        return false;
    return o->ticket_given || (o->kerberos == NETSESSION_KERBEROS_REQUIRED && !named) ||
           netsession_config_has_ticket(o->cfg);
}

int credentials_read(struct options *o)
{
    int rc;

    if (o->anonymous)
        return 0;
    if ((rc = set_given(o)) != 0 || (rc = check(o, netsession_config_environment(o->cfg))) != 0)
        return rc;
    if (needs_no_password(o))
        return 0;
    if (!netsession_config_has_user(o->cfg))
        return complain(EXIT_FAILED,
                        "no user is named, and there is no ticket: use -U, or --anonymous");
    if (netsession_config_has_password(o->cfg))
        return 0;
    return o->no_password ? check(o, netsession_config_password(o->cfg, "")) : ask(o);
}
