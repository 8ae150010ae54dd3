/* measure FD COMMAND...: runs it and writes "cpu-microseconds max-rss-KiB status"
 * to descriptor FD.
 *
 * A process of its own because a child's maximum resident size is counted from
 * fork on, not from exec: a child of Python never seems to need less than Python. */
#define _DEFAULT_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static long long micros(struct timeval t)
{
    return t.tv_sec * 1000000LL + t.tv_usec;
}

int main(int argc, char **argv)
{
    struct rusage used;
    int status, fd;
    pid_t pid;

    if (argc < 3)
        return 2;
    fd = atoi(argv[1]);
    pid = fork();
    if (pid == 0) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
        return 2;
    dprintf(fd, "%lld %ld %d\n", micros(used.ru_utime) + micros(used.ru_stime), used.ru_maxrss,
            WIFEXITED(status) ? WEXITSTATUS(status) : 255);
    return 0;
}
