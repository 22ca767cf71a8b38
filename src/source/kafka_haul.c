/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_haul.c: messages are gathered by partition until a chunk is full or the broker has no more at the moment.
 *
 * A message is librdkafka's from its arrival until its chunk was applied; nothing is copied but once, by the worker
 * that reads it. The text of a haul is each value with an LF behind it, in an envelope if the recipe wants keys, headers
 * and the rest: lengths alone tell where its lines are. */
#include "source/kafka.h"

#include "source/kafka_envelope.h"

#include <stdlib.h>

#define HAUL_MESSAGES 4096
#define SPARES_MAX    64

/* --- the text of a message -------------------------------------------------------------------------------------- */

/* Its parts in order: head, value, end of the envelope, LF. */
#define TEXT_PARTS 4

static slice text_part(const struct haul *h, u32 message, u32 part)
{
    const rd_kafka_message_t *m = h->at[message];
    bool                      null = m->payload == NULL && h->sheath;
    switch (part) {
    case 0: return h->sheath ? slice_of(h->sheath[message].head, h->sheath[message].head_len) : (slice){ 0 };
    case 1: return null ? S("null") : slice_of(m->payload, m->len);
    case 2: return h->sheath ? S(ENVELOPE_END) : (slice){ 0 };
    default: return S("\n");
    }
}

static u64 text_len(const struct haul *h, u32 message)
{
    u64 len = 0;
    for (u32 i = 0; i < TEXT_PARTS; i++) len += text_part(h, message, i).len;
    return len;
}

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
        h->sheath = k->options->envelope ? malloc(HAUL_MESSAGES * sizeof *h->sheath) : NULL;
        WEIR_ASSERT(h->at != NULL && (h->sheath != NULL || !k->options->envelope));
    }
    *h = (struct haul){ .of = k, .part = t, .at = h->at, .sheath = h->sheath };
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
    if (h->sheath) h->sheath[h->count].head = envelope_head(t->topic, t->partition, taken, &h->sheath[h->count].head_len);
    h->at[h->count++] = taken;
    h->length += text_len(h, h->count - 1);
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
    for (u32 i = 0; i < taken->count; i++) {
        rd_kafka_message_destroy(taken->at[i]);
        if (taken->sheath) free(taken->sheath[i].head);
    }
    if (k->spares == SPARES_MAX) {
        free(taken->sheath);
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
        free(h->sheath);
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
    for (u64 len; h->cursor < h->count && at >= h->cursor_at + (len = text_len(h, h->cursor)); h->cursor++)
        h->cursor_at += len;
}

/* A line feed cannot stand in JSON but between its words, where a blank says the same. */
static void flatten(char *text, size_t len)
{
    for (char *lf = memchr(text, '\n', len); lf != NULL; lf = memchr(lf, '\n', len - (size_t)(lf - text))) *lf = ' ';
}

/* Copies the text of a message from byte `from` on, as far as there is room; gives the bytes. */
static size_t text_copy(const struct haul *h, u32 message, size_t from, char *to, size_t max)
{
    size_t done = 0;
    for (u32 i = 0; i < TEXT_PARTS && done < max; i++) {
        slice part = text_part(h, message, i);
        if (from >= part.len) {
            from -= part.len;
            continue;
        }
        size_t n = part.len - from < max - done ? part.len - from : max - done;
        WEIR_ASSERT(part.at != NULL); /* what has bytes has a place */
        memcpy(to + done, part.at + from, n);
        if (i == 1 && h->of->flat) flatten(to + done, n);
        done += n;
        from = 0;
    }
    return done;
}

i64 haul_read(struct haul *h, u64 at, char *to, size_t max)
{
    size_t done = 0;
    haul_seek(h, at);
    while (done < max && h->cursor < h->count) {
        u64 len = text_len(h, h->cursor), from = at + done - h->cursor_at;
        done += text_copy(h, h->cursor, (size_t)from, to + done, max - done);
        if (at + done < h->cursor_at + len) break;
        h->cursor++;
        h->cursor_at += len;
    }
    return (i64)done;
}

i64 haul_offset_of(const struct haul *h, u64 text_at)
{
    u64 end = 0;
    for (u32 i = 0; i < h->count; i++) {
        end += text_len(h, i);
        if (text_at < end) return h->at[i]->offset;
    }
    return h->at[h->count - 1]->offset;
}
