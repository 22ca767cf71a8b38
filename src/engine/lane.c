/* SPDX-License-Identifier: Apache-2.0 */
/* lane.c: two lists under one lock, a condition for the thread, an async handle for the loop. */
#include "engine/lane.h"

#include "shim/privileges.h"

#include <pthread.h>
#include <stdlib.h>

struct task_list {
    struct lane_task *first, **end;
};

struct lane {
    pthread_t        thread;
    pthread_mutex_t  lock;
    pthread_cond_t   more;
    struct task_list todo, ready; /* under lock */
    bool             stop;        /* under lock */
    u32              out;         /* loop only: given and not done */
    uv_async_t       wake;
};

static void list_init(struct task_list *l)
{
    l->first = NULL;
    l->end = &l->first;
}

static void list_push(struct task_list *l, struct lane_task *t)
{
    t->next = NULL;
    *l->end = t;
    l->end = &t->next;
}

static struct lane_task *list_take(struct task_list *l)
{
    struct lane_task *t = l->first;
    if (t != NULL && (l->first = t->next) == NULL) l->end = &l->first;
    return t;
}

static void *lane_main(void *arg)
{
    struct lane *l = arg;
    privileges_drop(); /* a capability is a thread's; those that open interfaces drop theirs then */
    pthread_mutex_lock(&l->lock);
    for (;;) {
        struct lane_task *t = list_take(&l->todo);
        if (t == NULL) {
            if (l->stop) break;
            pthread_cond_wait(&l->more, &l->lock);
            continue;
        }
        pthread_mutex_unlock(&l->lock);
        t->run(t);
        pthread_mutex_lock(&l->lock);
        list_push(&l->ready, t);
        uv_async_send(&l->wake);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static void lane_on_wake(uv_async_t *wake)
{
    struct lane *l = container_of(wake, struct lane, wake);
    for (;;) {
        pthread_mutex_lock(&l->lock);
        struct lane_task *t = list_take(&l->ready);
        pthread_mutex_unlock(&l->lock);
        if (t == NULL) return;
        l->out--;
        t->done(t);
    }
}

struct lane *lane_open(uv_loop_t *loop, const char *name)
{
    struct lane *l = calloc(1, sizeof *l);
    WEIR_ASSERT(l != NULL);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->more, NULL);
    list_init(&l->todo);
    list_init(&l->ready);
    WEIR_ASSERT(uv_async_init(loop, &l->wake, lane_on_wake) == 0);
    WEIR_ASSERT(pthread_create(&l->thread, NULL, lane_main, l) == 0);
    pthread_setname_np(l->thread, name);
    return l;
}

void lane_give(struct lane *l, struct lane_task *task)
{
    l->out++;
    pthread_mutex_lock(&l->lock);
    list_push(&l->todo, task);
    pthread_cond_signal(&l->more);
    pthread_mutex_unlock(&l->lock);
}

bool lane_busy(const struct lane *l)
{
    return l->out > 0;
}

static void lane_on_close(uv_handle_t *handle)
{
    struct lane *l = container_of((uv_async_t *)handle, struct lane, wake);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->more);
    free(l);
}

void lane_close(struct lane *l)
{
    WEIR_ASSERT(l->out == 0);
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_signal(&l->more);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
    uv_close((uv_handle_t *)&l->wake, lane_on_close);
}
