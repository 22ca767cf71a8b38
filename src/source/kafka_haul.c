/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_haul.c: messages are gathered by partition until a chunk is full or the broker has no more at the moment.
 *
 * A message is librdkafka's from its arrival until its chunk was applied; nothing is copied but once, by the worker
 * that reads it. The text of a haul is each value with an LF behind it: lengths alone tell where its lines are. */
#include "source/kafka.h"

#include <stdlib.h>

#define HAUL_MESSAGES 4096
#define SPARES_MAX    64

/* --- gathering -------------------------------------------------------------------------------------------------- */

static struct haul *haul_new(struct kafka *k, struct part *t)
{
    struct haul *h = k->spare;
    if (h != NULL) {
        k->spare = h->next;
        k->spares--;
    } else {
        h = malloc(sizeof *h);
        WEIR_ASSERT(h != NULL);
        h->at = malloc(HAUL_MESSAGES * sizeof *h->at);
        WEIR_ASSERT(h->at != NULL);
    }
    *h = (struct haul){ .of = k, .part = t, .at = h->at };
    t->held++;
    t->filling = h;
    return h;
}

static void haul_close(struct kafka *k, struct haul *h)
{
    h->part->filling = NULL;
    *k->ready_end = h;
    k->ready_end = &h->next;
}

void haul_add(struct kafka *k, struct part *t, rd_kafka_message_t *taken)
{
    struct haul *h = t->filling ? t->filling : haul_new(k, t);
    h->at[h->count++] = taken;
    h->length += taken->len + 1;
    if (h->count == HAUL_MESSAGES || h->length >= k->options->chunk) haul_close(k, h);
}

void haul_flush(struct kafka *k)
{
    for (u32 i = 0; i < k->parts.count; i++)
        if (k->parts.at[i]->filling) haul_close(k, k->parts.at[i]->filling);
}

/* --- on to the engine ------------------------------------------------------------------------------------------- */

static struct haul *ready_take(struct kafka *k)
{
    struct haul *h = k->ready;
    k->ready = h->next;
    if (k->ready == NULL) k->ready_end = &k->ready;
    h->part->held--;
    return h;
}

void haul_offer(struct kafka *k)
{
    while (k->ready && !k->paused && !k->failed) {
        struct haul *h = ready_take(k);
        struct part *t = h->part;
        t->out++;
        k->out++;
        k->counts.chunks++;
        t->offered = h->at[h->count - 1]->offset + 1;
        part_settle(t);
        struct chunk c = { .source = (struct source *)k, .partition = t->number, .time = k->setup.now(),
                           .length = h->length, .aligned = true, .state = h };
        k->to->offer(k->to, &c);
    }
}

void haul_rest(struct kafka *k, struct haul *taken)
{
    for (u32 i = 0; i < taken->count; i++) rd_kafka_message_destroy(taken->at[i]);
    if (k->spares == SPARES_MAX) {
        free(taken->at);
        free(taken);
        return;
    }
    taken->next = k->spare;
    k->spare = taken;
    k->spares++;
}

void haul_drop(struct kafka *k)
{
    haul_flush(k);
    while (k->ready) haul_rest(k, ready_take(k));
    for (u32 i = 0; i < k->parts.count; i++) part_drop(k->parts.at[i]);
}

void haul_fini(struct kafka *k)
{
    haul_drop(k);
    while (k->spare) {
        struct haul *h = k->spare;
        k->spare = h->next;
        free(h->at);
        free(h);
    }
    k->spares = 0;
}

/* --- on a worker ------------------------------------------------------------------------------------------------ */

/* Moves the cursor to the message whose text has byte `at`: forward, as workers read. */
static void haul_seek(struct haul *h, u64 at)
{
    if (at < h->cursor_at) h->cursor = 0, h->cursor_at = 0;
    while (h->cursor < h->count && at >= h->cursor_at + h->at[h->cursor]->len + 1)
        h->cursor_at += h->at[h->cursor++]->len + 1;
}

/* A line feed cannot stand in JSON but between its words, where a blank says the same. */
static void flatten(char *text, size_t len)
{
    for (char *lf = memchr(text, '\n', len); lf != NULL; lf = memchr(lf, '\n', len - (size_t)(lf - text))) *lf = ' ';
}

i64 haul_read(struct haul *h, u64 at, char *to, size_t max)
{
    size_t done = 0;
    haul_seek(h, at);
    while (done < max && h->cursor < h->count) {
        const rd_kafka_message_t *m = h->at[h->cursor];
        size_t                    from = (size_t)(at + done - h->cursor_at), n = m->len - from;
        if (n > max - done) n = max - done;
        memcpy(to + done, (const char *)m->payload + from, n);
        if (h->of->flat) flatten(to + done, n);
        done += n;
        if (from + n < m->len || done == max) break;
        to[done++] = '\n';
        h->cursor++;
        h->cursor_at += m->len + 1;
    }
    return (i64)done;
}

i64 haul_offset_of(const struct haul *h, u64 text_at)
{
    u64 end = 0;
    for (u32 i = 0; i < h->count; i++) {
        end += h->at[i]->len + 1;
        if (text_at < end) return h->at[i]->offset;
    }
    return h->at[h->count - 1]->offset;
}
