/*
 * getaddrinfo and libkrb5 cannot be given a deadline, so they run on a thread
 * of their own.  When the deadline comes first the thread is left behind; the
 * job that both share is freed by whoever is last.
 */
#include "netapi/offload.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct job {
    pthread_mutex_t lock;
    pthread_cond_t done_cond;
    bool done, abandoned;
    void (*run)(void *arg);
    void (*drop)(void *arg);
    void *arg;
};

uint64_t ns_now(void)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void job_free(struct job *job)
{
    pthread_cond_destroy(&job->done_cond);
    pthread_mutex_destroy(&job->lock);
    free(job);
}

static struct job *job_new(void (*run)(void *arg), void (*drop)(void *arg), void *arg)
{
    struct job *job = calloc(1, sizeof *job);
    pthread_condattr_t attr;

    if (!job)
        return NULL;
    job->run = run;
    job->drop = drop;
    job->arg = arg;
    pthread_mutex_init(&job->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&job->done_cond, &attr);
    pthread_condattr_destroy(&attr);
    return job;
}

static void *run_job(void *arg)
{
    struct job *job = arg;
    bool abandoned;

    job->run(job->arg);
    pthread_mutex_lock(&job->lock);
    job->done = true;
    abandoned = job->abandoned;
    pthread_cond_signal(&job->done_cond);
    pthread_mutex_unlock(&job->lock);
    if (abandoned) {
        job->drop(job->arg);
        job_free(job);
    }
    return NULL;
}

/* The program's signals are not for this thread. */
static int start(struct job *job)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    rc = pthread_create(&thread, &attr, run_job, job);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* True when the job was done in time; it is then the caller's alone. */
static bool wait_for(struct job *job, uint64_t deadline)
{
    struct timespec until = {.tv_sec = (time_t)(deadline / 1000),
                             .tv_nsec = (long)(deadline % 1000) * 1000000};
    bool done;
    int rc = 0;

    pthread_mutex_lock(&job->lock);
    while (!job->done && !rc)
        rc = pthread_cond_timedwait(&job->done_cond, &job->lock, &until);
    done = job->done;
    job->abandoned = !done;
    pthread_mutex_unlock(&job->lock);
    return done;
}

enum ns_offloaded ns_offload(void (*run)(void *arg), void (*drop)(void *arg), void *arg,
                             uint64_t deadline)
{
    struct job *job = job_new(run, drop, arg);

    if (!job)
        return NS_NO_THREAD;
    if (start(job)) {
        job_free(job); /* without a thread there would be no deadline */
        return NS_NO_THREAD;
    }
    if (!wait_for(job, deadline))
        return NS_LATE;
    job_free(job);
    return NS_DONE;
}
