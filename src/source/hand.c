/* SPDX-License-Identifier: Apache-2.0 */
/* hand.c: a queue under a lock. Words are few (a text is up to a megabyte), so the lock is never a matter of speed. */
#include "source/hand.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct spoken {
    struct word    word;
    struct spoken *next;
};

err hand_init(struct hand *h, u64 limit, uv_async_t *wake)
{
    *h = (struct hand){ .limit = limit, .wake = wake };
    h->end = &h->first;
    h->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->event < 0) return err_os("eventfd");
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->room, NULL);
    return OK;
}

void hand_fini(struct hand *h)
{
    struct word w;
    while (hand_hear(h, &w)) {
        free(w.text);
        free(w.what);
    }
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->room);
    close(h->event);
}

bool hand_wait(struct hand *h)
{
    pthread_mutex_lock(&h->lock);
    while (h->waiting >= h->limit && !h->stop) pthread_cond_wait(&h->room, &h->lock);
    bool go = !h->stop;
    pthread_mutex_unlock(&h->lock);
    return go;
}

bool hand_full(struct hand *h)
{
    pthread_mutex_lock(&h->lock);
    bool full = h->waiting >= h->limit;
    pthread_mutex_unlock(&h->lock);
    return full;
}

bool hand_stopped(struct hand *h)
{
    pthread_mutex_lock(&h->lock);
    bool stop = h->stop;
    pthread_mutex_unlock(&h->lock);
    return stop;
}

void hand_say(struct hand *h, const struct word *w)
{
    struct spoken *s = malloc(sizeof *s);
    WEIR_ASSERT(s != NULL);
    *s = (struct spoken){ .word = *w };
    pthread_mutex_lock(&h->lock);
    if (w->text) h->waiting += w->text->room;
    *h->end = s;
    h->end = &s->next;
    pthread_mutex_unlock(&h->lock);
    uv_async_send(h->wake);
}

void hand_over(struct hand *h)
{
    pthread_mutex_lock(&h->lock);
    h->over = true;
    uv_async_send(h->wake); /* under the lock: who sees `over` may close the handle */
    pthread_mutex_unlock(&h->lock);
}

bool hand_hear(struct hand *h, struct word *out)
{
    pthread_mutex_lock(&h->lock);
    struct spoken *s = h->first;
    if (s != NULL && (h->first = s->next) == NULL) h->end = &h->first;
    pthread_mutex_unlock(&h->lock);
    if (s == NULL) return false;
    *out = s->word;
    free(s);
    return true;
}

void hand_give_back(struct hand *h, struct text *taken)
{
    pthread_mutex_lock(&h->lock);
    WEIR_ASSERT(h->waiting >= taken->room);
    h->waiting -= taken->room;
    pthread_cond_signal(&h->room);
    pthread_mutex_unlock(&h->lock);
    free(taken);
}

static void wake_thread(struct hand *h)
{
    u64     one = 1;
    ssize_t n = write(h->event, &one, sizeof one);
    (void)n; /* it can only be set already */
}

void hand_stop(struct hand *h)
{
    pthread_mutex_lock(&h->lock);
    h->stop = true;
    pthread_cond_signal(&h->room);
    pthread_mutex_unlock(&h->lock);
    wake_thread(h);
}

void hand_finish(struct hand *h)
{
    pthread_mutex_lock(&h->lock);
    h->finish = true;
    pthread_mutex_unlock(&h->lock);
    wake_thread(h);
}

bool hand_finishing(struct hand *h)
{
    pthread_mutex_lock(&h->lock);
    bool finish = h->finish && !h->stop;
    pthread_mutex_unlock(&h->lock);
    return finish;
}

bool hand_is_over(struct hand *h)
{
    pthread_mutex_lock(&h->lock);
    bool over = h->over;
    pthread_mutex_unlock(&h->lock);
    return over;
}
