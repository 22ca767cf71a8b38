/* SPDX-License-Identifier: Apache-2.0 */
/* pool.c: one list of jobs to do, one of jobs done; each worker has a mill for each source. */
#include "engine/pool.h"

#include "shim/privileges.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct job_list {
    struct job *first, **end;
};

struct worker {
    struct pool  *pool;
    pthread_t     thread;
    struct mill **mill; /* per plan */
};

/* Work that the loop waits for. */
struct fork_join {
    u32  count, taken, done;
    void (*run)(void *arg, u32 i);
    void *arg;
};

struct pool {
    pthread_mutex_t  lock;
    pthread_cond_t   more, joined;
    struct fork_join fork;        /* under lock */
    struct job_list  todo, ready; /* under lock */
    bool             stop;        /* under lock */
    u32              workers, plans;
    struct worker   *worker;
    uv_async_t       wake;
    void (*done)(void *arg, struct job *job);
    void *arg;
};

static void list_push(struct job_list *l, struct job *j)
{
    j->next = NULL;
    *l->end = j;
    l->end = &j->next;
}

static struct job *list_take(struct job_list *l)
{
    struct job *j = l->first;
    if (j != NULL && (l->first = j->next) == NULL) l->end = &l->first;
    return j;
}

/* Takes and runs one call of the fork, if there is one left. With the lock held, but not during the call. */
static bool fork_step(struct pool *p)
{
    struct fork_join *f = &p->fork;
    if (f->taken == f->count) return false;
    u32 i = f->taken++;
    pthread_mutex_unlock(&p->lock);
    f->run(f->arg, i);
    pthread_mutex_lock(&p->lock);
    if (++f->done == f->count) pthread_cond_signal(&p->joined);
    return true;
}

void pool_fork(struct pool *p, u32 n, void (*run)(void *arg, u32 i), void *arg)
{
    pthread_mutex_lock(&p->lock);
    WEIR_ASSERT(p->fork.done == p->fork.count);
    p->fork = (struct fork_join){ .count = n, .run = run, .arg = arg };
    pthread_cond_broadcast(&p->more);
    while (fork_step(p)) {}
    while (p->fork.done < p->fork.count) pthread_cond_wait(&p->joined, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct pool   *p = w->pool;
    privileges_drop(); /* a capability is a thread's; those that open interfaces drop theirs then */
    pthread_mutex_lock(&p->lock);
    for (;;) {
        if (fork_step(p)) continue;
        struct job *j = list_take(&p->todo);
        if (j == NULL) {
            if (p->stop) break;
            pthread_cond_wait(&p->more, &p->lock);
            continue;
        }
        pthread_mutex_unlock(&p->lock);
        mill_run(w->mill[j->plan->source], j);
        pthread_mutex_lock(&p->lock);
        list_push(&p->ready, j);
        uv_async_send(&p->wake);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void pool_on_wake(uv_async_t *wake)
{
    struct pool *p = container_of(wake, struct pool, wake);
    for (;;) {
        pthread_mutex_lock(&p->lock);
        struct job *j = list_take(&p->ready);
        pthread_mutex_unlock(&p->lock);
        if (j == NULL) return;
        p->done(p->arg, j);
    }
}

static void worker_fini(struct worker *w)
{
    for (u32 i = 0; w->mill && i < w->pool->plans; i++)
        if (w->mill[i]) mill_close(w->mill[i]);
    free(w->mill);
}

static err worker_init(struct worker *w, struct pool *p, const struct plan *plan)
{
    w->pool = p;
    w->mill = calloc(p->plans, sizeof(struct mill *));
    WEIR_ASSERT(w->mill != NULL);
    for (u32 i = 0; i < p->plans; i++) {
        err e = mill_open(&w->mill[i], &plan[i]);
        if (err_is(e)) return e;
    }
    return OK;
}

err pool_open(struct pool **out, uv_loop_t *loop, u32 workers, u32 plans, const struct plan *plan,
              void (*done)(void *arg, struct job *job), void *arg)
{
    struct pool *p = calloc(1, sizeof *p);
    WEIR_ASSERT(p != NULL && workers > 0);
    *p = (struct pool){ .workers = workers, .plans = plans, .done = done, .arg = arg };
    p->todo.end = &p->todo.first;
    p->ready.end = &p->ready.first;
    p->worker = calloc(workers, sizeof *p->worker);
    WEIR_ASSERT(p->worker != NULL);
    for (u32 i = 0; i < workers; i++) {
        err e = worker_init(&p->worker[i], p, plan);
        if (!err_is(e)) continue;
        for (u32 k = 0; k <= i; k++) worker_fini(&p->worker[k]);
        free(p->worker);
        free(p);
        return e;
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    pthread_cond_init(&p->joined, NULL);
    WEIR_ASSERT(uv_async_init(loop, &p->wake, pool_on_wake) == 0);
    for (u32 i = 0; i < workers; i++) {
        char name[16];
        snprintf(name, sizeof name, "weir-work%u", i % 100000);
        WEIR_ASSERT(pthread_create(&p->worker[i].thread, NULL, worker_main, &p->worker[i]) == 0);
        pthread_setname_np(p->worker[i].thread, name);
    }
    *out = p;
    return OK;
}

void pool_give(struct pool *p, struct job *taken)
{
    pthread_mutex_lock(&p->lock);
    list_push(&p->todo, taken);
    pthread_cond_signal(&p->more);
    pthread_mutex_unlock(&p->lock);
}

u32 pool_workers(const struct pool *p)
{
    return p->workers;
}

static void pool_on_close(uv_handle_t *handle)
{
    struct pool *p = container_of((uv_async_t *)handle, struct pool, wake);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->more);
    pthread_cond_destroy(&p->joined);
    free(p->worker);
    free(p);
}

void pool_close(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->lock);
    for (u32 i = 0; i < p->workers; i++) {
        pthread_join(p->worker[i].thread, NULL);
        worker_fini(&p->worker[i]);
    }
    uv_close((uv_handle_t *)&p->wake, pool_on_close);
}
