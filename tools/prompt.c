/* A question on the terminal, answered unseen.  While it stands, signals that
 * would end or stop the command are only noted; once the terminal is as it
 * was, they are let through. */
#include "tools/options.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

static const int caught[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
                             SIGTSTP, SIGTTIN, SIGTTOU, SIGALRM};
#define CAUGHT (sizeof caught / sizeof *caught)

static volatile sig_atomic_t noted;

static void note(int number)
{
    noted = number;
}

struct signals {
    sigset_t mask;
    struct sigaction action[CAUGHT];
};

/* Noted and blocked, but in pselect with the old mask. */
static void signals_hold(struct signals *old)
{
    struct sigaction action = {.sa_handler = note};
    sigset_t block;

    noted = 0;
    sigemptyset(&action.sa_mask);
    sigemptyset(&block);
    for (size_t i = 0; i < CAUGHT; i++)
        sigaddset(&block, caught[i]);
    sigprocmask(SIG_BLOCK, &block, &old->mask);
    for (size_t i = 0; i < CAUGHT; i++) {
        sigaction(caught[i], NULL, &old->action[i]);
        if (old->action[i].sa_handler != SIG_IGN)
            sigaction(caught[i], &action, NULL);
    }
}

static void signals_release(const struct signals *old)
{
    for (size_t i = 0; i < CAUGHT; i++)
        sigaction(caught[i], &old->action[i], NULL);
    sigprocmask(SIG_SETMASK, &old->mask, NULL);
}

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
    if (got < 1 || n == size)
        return -1;
    line[n] = '\0';
    return (int)n;
}

static void say(int tty, const char *s)
{
    ssize_t ignored = write(tty, s, strlen(s));

    (void)ignored;
}

static int ask_unseen(int tty, const char *prompt, char *line, size_t size,
                      const sigset_t *mask)
{
    struct termios old, quiet;
    int n;

    if (tcgetattr(tty, &old) != 0)
        return -1;
    quiet = old;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    tcsetattr(tty, TCSAFLUSH, &quiet);
    say(tty, prompt);
    n = read_line(tty, line, size, mask);
    say(tty, "\n");
    tcsetattr(tty, TCSAFLUSH, &old);
    return n;
}

int prompt_password(const char *prompt, char *answer, size_t size)
{
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct signals old;
    int n, number;

    if (tty < 0)
        return -1;
    do { /* again after having been stopped and continued */
        signals_hold(&old);
        n = ask_unseen(tty, prompt, answer, size, &old.mask);
        number = noted;
        signals_release(&old);
        if (number)
            raise(number);
    } while (number);
    close(tty);
    return n;
}
