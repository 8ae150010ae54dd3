/*
 * getaddrinfo cannot be given a deadline, so it runs on a thread of its own.
 * When the deadline comes first the thread is left behind; the job that both
 * share is freed by whoever is last.
 */
#include "netapi/resolve.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

struct job {
    pthread_mutex_t lock;
    pthread_cond_t done_cond;
    int done, abandoned, result;
    struct addrinfo *list;
    char port[8];
    char host[256];
};

uint64_t ns_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int look_up(const char *host, const char *port, int flags, struct addrinfo **list)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

    hints.ai_flags = flags | AI_NUMERICSERV;
    return getaddrinfo(host, port, &hints, list);
}

static void job_free(struct job *job)
{
    pthread_cond_destroy(&job->done_cond);
    pthread_mutex_destroy(&job->lock);
    free(job);
}

static void *run(void *arg)
{
    struct job *job = arg;
    struct addrinfo *list = NULL;
    int result = look_up(job->host, job->port, 0, &list), abandoned;

    pthread_mutex_lock(&job->lock);
    job->result = result;
    job->list = list;
    job->done = 1;
    abandoned = job->abandoned;
    pthread_cond_signal(&job->done_cond);
    pthread_mutex_unlock(&job->lock);
    if (abandoned) {
        if (!result)
            freeaddrinfo(list);
        job_free(job);
    }
    return NULL;
}

static struct job *job_new(const char *host, const char *port)
{
    struct job *job = calloc(1, sizeof *job);
    pthread_condattr_t attr;

    if (!job)
        return NULL;
    snprintf(job->host, sizeof job->host, "%s", host);
    snprintf(job->port, sizeof job->port, "%s", port);
    pthread_mutex_init(&job->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&job->done_cond, &attr);
    pthread_condattr_destroy(&attr);
    return job;
}

static int start(struct job *job)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    rc = pthread_create(&thread, &attr, run, job);
    pthread_attr_destroy(&attr);
    return rc;
}

/* True when the job was done in time; it is then the caller's alone. */
static int wait_for(struct job *job, uint64_t deadline)
{
    struct timespec until = {.tv_sec = (time_t)(deadline / 1000),
                             .tv_nsec = (long)(deadline % 1000) * 1000000};
    int done, rc = 0;

    pthread_mutex_lock(&job->lock);
    while (!job->done && !rc)
        rc = pthread_cond_timedwait(&job->done_cond, &job->lock, &until);
    done = job->done;
    job->abandoned = !done;
    pthread_mutex_unlock(&job->lock);
    return done;
}

static int resolve_on_thread(const char *host, const char *port, uint64_t deadline,
                             struct addrinfo **list, int *timed_out)
{
    struct job *job = job_new(host, port);
    int result;

    if (!job)
        return EAI_MEMORY;
    if (start(job)) {
        job_free(job); /* without a thread there would be no deadline */
        return EAI_AGAIN;
    }
    if (!wait_for(job, deadline)) {
        *timed_out = 1;
        return EAI_AGAIN;
    }
    result = job->result;
    *list = job->list;
    job_free(job);
    return result;
}

int ns_resolve(const char *host, unsigned port, uint64_t deadline, struct addrinfo **list,
               int *timed_out)
{
    char service[8];

    *timed_out = 0;
    snprintf(service, sizeof service, "%u", port);
    if (!look_up(host, service, AI_NUMERICHOST, list))
        return 0;
    return resolve_on_thread(host, service, deadline, list, timed_out);
}
