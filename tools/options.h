/* The command line, and what it makes of the configuration. */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

#include <netsession.h>
#include <stdbool.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct options {
    netsession_config *cfg;
    netsession_query query; /* client and user: owned here */
    const char *account;    /* -U; the next two likewise as given */
    const char *authfile, *password_file;
    bool no_password, anonymous, json;
    bool ticket_given; /* --ccache or --keytab */
    int kerberos;      /* enum netsession_kerberos, or -1: nothing was said */
    int verbose; /* the log's ctx points here */
    bool help, version;
    unsigned min_dialect, max_dialect;
    char *client; /* --client with its backslashes */
    char **host;
    int hosts;
};

/* Reads the command line.  0, or what to exit with after a line on stderr. */
int options_read(struct options *o, int argc, char **argv);
void options_free(struct options *o);
void options_help(void);

/* Completes the configuration: who logs on, and with what password, from the
 * options, the files, the environment, or the terminal, in this order. */
int credentials_read(struct options *o);

enum { PROMPT_NO_TERMINAL = -1, PROMPT_NO_ANSWER = -2 };
/* Asks on /dev/tty without echo; the answer's length, or one of these: then
 * errno says why there is none, and is 0 when the input ended. */
int prompt_password(const char *prompt, char *answer, size_t size);

/* memset that is not left out. */
void wipe(void *p, size_t size);

/* "netsession: ..." on stderr; returns status. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
int complain(int status, const char *fmt, ...);

#endif
