/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_guard.c: one thread that sleeps until a call is late. See kafka_guard.h. */
#include "sink/kafka_guard.h"

#include "shim/privileges.h"
#include "weir/slice.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

struct kafka_guard {
    pthread_t       thread;
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    u32             limit_ms;
    void          (*warn)(const char *text);
    const char     *doing; /* under lock: the call that is out; NULL: none */
    struct timespec until; /* under lock: when it is late                  */
    u64             calls; /* under lock: which call it is                 */
    bool            stop;  /* under lock                                   */
};

static void end_process(const struct kafka_guard *g)
{
    char text[256];
    snprintf(text, sizeof text,
             "kafka: %s has not come back for %u s: stopped at once; the next start goes on from the last epoch",
             g->doing, g->limit_ms / 1000);
    if (g->warn) g->warn(text);
    else fprintf(stderr, "%s\n", text);
    _exit(EX_TEMPFAIL);
}

static void *guard_main(void *arg)
{
    struct kafka_guard *g = arg;
    privileges_drop(); /* a capability is a thread's */
    pthread_mutex_lock(&g->lock);
    while (!g->stop) {
        if (g->doing == NULL) {
            pthread_cond_wait(&g->changed, &g->lock);
            continue;
        }
        u64 call = g->calls;
        int late = 0;
        while (!g->stop && g->doing != NULL && g->calls == call && late == 0)
            late = pthread_cond_timedwait(&g->changed, &g->lock, &g->until);
        if (late != 0 && g->doing != NULL && g->calls == call) end_process(g);
    }
    pthread_mutex_unlock(&g->lock);
    return NULL;
}

struct kafka_guard *kafka_guard_open(u32 limit_ms, void (*warn)(const char *text))
{
    struct kafka_guard *g = calloc(1, sizeof *g);
    pthread_condattr_t  how;
    WEIR_ASSERT(g != NULL);
    g->limit_ms = limit_ms, g->warn = warn;
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->changed, &how);
    pthread_condattr_destroy(&how);
    WEIR_ASSERT(pthread_create(&g->thread, NULL, guard_main, g) == 0);
    pthread_setname_np(g->thread, "weir-kafka-dog");
    return g;
}

void kafka_guard_begin(struct kafka_guard *g, const char *doing)
{
    pthread_mutex_lock(&g->lock);
    WEIR_ASSERT(g->doing == NULL);
    g->doing = doing;
    g->calls++;
    clock_gettime(CLOCK_MONOTONIC, &g->until);
    g->until.tv_sec += g->limit_ms / 1000;
    g->until.tv_nsec += (long)(g->limit_ms % 1000) * 1000000;
    if (g->until.tv_nsec >= 1000000000) g->until.tv_sec++, g->until.tv_nsec -= 1000000000;
    pthread_cond_signal(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

void kafka_guard_end(struct kafka_guard *g)
{
    pthread_mutex_lock(&g->lock);
    g->doing = NULL;
    pthread_cond_signal(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

void kafka_guard_close(struct kafka_guard *g)
{
    if (g == NULL) return;
    pthread_mutex_lock(&g->lock);
    g->stop = true;
    pthread_cond_signal(&g->changed);
    pthread_mutex_unlock(&g->lock);
    pthread_join(g->thread, NULL);
    pthread_mutex_destroy(&g->lock);
    pthread_cond_destroy(&g->changed);
    free(g);
}
