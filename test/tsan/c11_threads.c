/* SPDX-License-Identifier: Apache-2.0 */
/* c11_threads.c: the threads of C11 by those of POSIX, for builds with the thread sanitizer.
 *
 * librdkafka makes its threads, mutexes and conditions by <threads.h>, which the thread sanitizer of gcc 12 does not
 * know: a thread made so ends the program in the first function that is watched, and what a mutex puts in order is
 * not in order for it. Here the same functions stand before libc's and call those that it knows. glibc's types of both
 * kinds are one, as it implements the one by the other itself. Left to it is what makes and ends a mutex or condition:
 * who is the last to use one, librdkafka knows by counters that the sanitizer does not see. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "a mutex is one in the other's place");
static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "so is a condition");
static_assert(sizeof(thrd_t) == sizeof(pthread_t), "and a thread's name");
static_assert(sizeof(once_flag) == sizeof(pthread_once_t), "and a flag, 0 at first in both");

static int status_of(int error)
{
    switch (error) {
    case 0: return thrd_success;
    case EBUSY: return thrd_busy;
    case ENOMEM: return thrd_nomem;
    case ETIMEDOUT: return thrd_timedout;
    default: return thrd_error;
    }
}

/* --- threads ---------------------------------------------------------------------------------------------------- */

struct start {
    thrd_start_t run;
    void        *arg;
};

static void *started(void *arg)
{
    struct start s = *(struct start *)arg;
    free(arg);
    return (void *)(intptr_t)s.run(s.arg);
}

int thrd_create(thrd_t *thread, thrd_start_t run, void *arg)
{
    struct start *s = malloc(sizeof *s);
    if (!s) return thrd_nomem;
    *s = (struct start){ run, arg };
    int error = pthread_create(thread, NULL, started, s);
    if (error) free(s);
    return status_of(error);
}

int thrd_join(thrd_t thread, int *result)
{
    void *given;
    int   error = pthread_join(thread, &given);
    if (!error && result) *result = (int)(intptr_t)given;
    return status_of(error);
}

int thrd_detach(thrd_t thread)
{
    return status_of(pthread_detach(thread));
}

void call_once(once_flag *flag, void (*run)(void))
{
    pthread_once((pthread_once_t *)flag, run);
}

/* --- mutexes ---------------------------------------------------------------------------------------------------- */

static pthread_mutex_t *mutex(mtx_t *m)
{
    return (pthread_mutex_t *)m;
}

int mtx_lock(mtx_t *m)
{
    return status_of(pthread_mutex_lock(mutex(m)));
}

int mtx_trylock(mtx_t *m)
{
    return status_of(pthread_mutex_trylock(mutex(m)));
}

int mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict until)
{
    return status_of(pthread_mutex_timedlock(mutex(m), until));
}

int mtx_unlock(mtx_t *m)
{
    return status_of(pthread_mutex_unlock(mutex(m)));
}

/* --- conditions ------------------------------------------------------------------------------------------------- */

static pthread_cond_t *condition(cnd_t *c)
{
    return (pthread_cond_t *)c;
}

int cnd_signal(cnd_t *c)
{
    return status_of(pthread_cond_signal(condition(c)));
}

int cnd_broadcast(cnd_t *c)
{
    return status_of(pthread_cond_broadcast(condition(c)));
}

int cnd_wait(cnd_t *c, mtx_t *m)
{
    return status_of(pthread_cond_wait(condition(c), mutex(m)));
}

int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until)
{
    return status_of(pthread_cond_timedwait(condition(c), mutex(m), until));
}
