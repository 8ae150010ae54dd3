/* A question on the terminal, answered unseen.  While it stands, signals that
 * would end or stop the command are only noted; once the terminal is as it
 * was, they are let through.  In the background the terminal stops the command
 * before anything is changed or shown, and it asks when it is continued. */
#include "tools/options.h"
#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

/* ---- Signals ---- */

/* SIGCONT first: a stop that is raised after it takes it back, not the other
 * way round.  After it, too, the terminal may be in another state. */
static const int caught[] = {SIGCONT, SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                             SIGALRM, SIGTSTP, SIGTTIN, SIGTTOU};
#define CAUGHT (sizeof caught / sizeof *caught)

static volatile sig_atomic_t noted[CAUGHT];

static void note(int number)
{
    for (size_t i = 0; i < CAUGHT; i++)
        if (caught[i] == number)
            noted[i] = 1;
}

/* How the terminal stops a job in the background.  It would serve one that
 * ignores or blocks them. */
static bool from_terminal(int number)
{
    return number == SIGTTIN || number == SIGTTOU;
}

struct signals {
    sigset_t mask;
    struct sigaction action[CAUGHT];
};

/* Those from the terminal are noted at any time, the others in pselect with
 * the old mask. */
static void signals_hold(struct signals *old)
{
    struct sigaction action = {.sa_handler = note};
    sigset_t later, now;

    memset(old, 0, sizeof *old);
    sigemptyset(&action.sa_mask);
    sigemptyset(&later);
    sigemptyset(&now);
    for (size_t i = 0; i < CAUGHT; i++) {
        noted[i] = 0;
        sigaddset(from_terminal(caught[i]) ? &now : &later, caught[i]);
    }
    sigprocmask(SIG_BLOCK, &later, &old->mask);
    for (size_t i = 0; i < CAUGHT; i++) {
        sigaction(caught[i], NULL, &old->action[i]);
        if (old->action[i].sa_handler != SIG_IGN || from_terminal(caught[i]))
            sigaction(caught[i], &action, NULL);
    }
    sigprocmask(SIG_UNBLOCK, &now, NULL);
}

static bool has_effect(const struct signals *old, size_t i)
{
    return old->action[i].sa_handler != SIG_IGN && !sigismember(&old->mask, caught[i]);
}

/* All that were noted happen at once, in the last line: one stop, not one for
 * each.  True when the question has to be asked again after that. */
static bool signals_release(const struct signals *old)
{
    bool any = false, vain = false;
    sigset_t block;

    sigemptyset(&block);
    for (size_t i = 0; i < CAUGHT; i++)
        sigaddset(&block, caught[i]);
    sigprocmask(SIG_BLOCK, &block, NULL);
    for (size_t i = 0; i < CAUGHT; i++) {
        sigaction(caught[i], &old->action[i], NULL);
        if (!noted[i])
            continue;
        raise(caught[i]);
        any = true;
        vain = vain || !has_effect(old, i);
    }
    sigprocmask(SIG_SETMASK, &old->mask, NULL);
    return any && !vain;
}

/* ---- The question ---- */

/* One byte; 0 at the end, -1 after a signal or an error. */
static int read_byte(int tty, char *c, const sigset_t *mask)
{
    fd_set readable;

    FD_ZERO(&readable);
    FD_SET(tty, &readable);
    if (pselect(tty + 1, &readable, NULL, NULL, NULL, mask) < 0)
        return -1;
    return (int)read(tty, c, 1);
}

static int read_line(int tty, char *line, size_t size, const sigset_t *mask)
{
    size_t n = 0;
    int got;
    char c;

    while ((got = read_byte(tty, &c, mask)) == 1 && c != '\n' && c != '\r')
        if (n < size)
            line[n++] = c;
    if (got < 0)
        return PROMPT_NO_ANSWER;
    errno = n == size ? EMSGSIZE : 0;
    if (!got || n == size)
        return PROMPT_NO_ANSWER;
    line[n] = '\0';
    return (int)n;
}

/* Again after a signal, but not when the terminal is another job's by now. */
static void restore(int tty, const struct termios *old)
{
    while (tcsetattr(tty, TCSAFLUSH, old) != 0 && errno == EINTR && tcgetpgrp(tty) == getpgrp())
        ;
}

static int ask_unseen(int tty, const wchar_t *prompt, char *line, size_t size,
                      const sigset_t *mask)
{
    struct termios old, quiet;
    int n, why;

    if (tcgetattr(tty, &old) != 0)
        return PROMPT_NO_ANSWER;
    quiet = old;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    if (tcsetattr(tty, TCSAFLUSH, &quiet) != 0)
        return PROMPT_NO_ANSWER;
    dprintf(tty, "%ls", prompt);
    n = read_line(tty, line, size, mask);
    why = errno;
    dprintf(tty, "\n");
    restore(tty, &old);
    errno = why;
    return n;
}

static int ask(int tty, const wchar_t *prompt, char *answer, size_t size)
{
    struct signals old;
    int n;

    do {
        signals_hold(&old);
        n = ask_unseen(tty, prompt, answer, size, &old.mask);
    } while (signals_release(&old));
    return n;
}

int prompt_password(const char *prompt, char *answer, size_t size)
{
    wchar_t *clean = text_clean(prompt);
    int tty, n = PROMPT_NO_ANSWER;

    if (!clean)
        return n;
    tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    n = tty < 0 ? PROMPT_NO_TERMINAL : ask(tty, clean, answer, size);
    free(clean);
    if (tty >= 0)
        close(tty);
    return n;
}
