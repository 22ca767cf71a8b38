/* SPDX-License-Identifier: Apache-2.0 */
/* join.c: waiting events in a ring, found by key through chains. A slot keeps its memory for the next event that uses
 * it, unless that was much. */
#include "unified2/join.h"

#include "weir/hash.h"

#include <stdlib.h>

#define NONE      UINT32_MAX
#define KEEP_MOST (64u << 10) /* bytes that a free slot keeps */
#define RECORD_COST (sizeof(struct u2_record) + sizeof(size_t))

/* Records stand in `record` with bodies at offsets of `bytes`, which may move: body is set when they are given out. */
struct slot {
    struct u2_key     key;
    u32               next; /* in its chain; NONE ends it */
    nanos             since;
    const void       *origin;
    struct u2_record *record; /* [0] is the event */
    size_t           *body;
    u32               count, room;
    u8               *bytes;
    size_t            used, bytes_room;
};

struct u2_join {
    struct u2_join_setup  setup;
    struct u2_join_out   *out;
    struct slot          *ring;
    u32                   mask, first, waiting;
    u32                  *chain;
    size_t                bytes; /* of all that waits */
    struct u2_join_counts counts;
};

struct u2_join *u2_join_open(const struct u2_join_setup *setup, struct u2_join_out *out)
{
    struct u2_join *j = calloc(1, sizeof *j);
    WEIR_ASSERT(j != NULL);
    j->setup = *setup;
    if (j->setup.events_max == 0) j->setup.events_max = U2_JOIN_EVENTS;
    if (j->setup.bytes_max == 0) j->setup.bytes_max = U2_JOIN_BYTES;
    WEIR_ASSERT(j->setup.events_max <= 1u << 20);
    u32 room = 1;
    while (room <= j->setup.events_max) room *= 2;
    j->out = out;
    j->mask = room - 1;
    j->ring = calloc(room, sizeof *j->ring);
    j->chain = malloc(room * sizeof *j->chain);
    WEIR_ASSERT(j->ring != NULL && j->chain != NULL);
    for (u32 i = 0; i < room; i++) j->chain[i] = NONE;
    return j;
}

void u2_join_close(struct u2_join *j)
{
    if (j == NULL) return;
    for (u32 i = 0; i <= j->mask; i++) {
        free(j->ring[i].record);
        free(j->ring[i].body);
        free(j->ring[i].bytes);
    }
    free(j->ring);
    free(j->chain);
    free(j);
}

/* --- slots --------------------------------------------------------------------------------------------------- */

static u32 *chain_of(struct u2_join *j, const struct u2_key *key)
{
    return &j->chain[hash_bytes(key, sizeof *key) & j->mask];
}

static struct slot *slot_find(struct u2_join *j, const struct u2_key *key)
{
    for (u32 i = *chain_of(j, key); i != NONE; i = j->ring[i].next)
        if (memcmp(&j->ring[i].key, key, sizeof *key) == 0) return &j->ring[i];
    return NULL;
}

static void slot_room(struct slot *s, u32 length)
{
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 4;
        s->record = realloc(s->record, s->room * sizeof *s->record);
        s->body = realloc(s->body, s->room * sizeof *s->body);
        WEIR_ASSERT(s->record != NULL && s->body != NULL);
    }
    if (s->used + length > s->bytes_room) {
        size_t room = s->bytes_room ? s->bytes_room * 2 : 1024;
        s->bytes_room = room < s->used + length ? s->used + length : room;
        s->bytes = realloc(s->bytes, s->bytes_room);
        WEIR_ASSERT(s->bytes != NULL);
    }
}

static void slot_add(struct u2_join *j, struct slot *s, const struct u2_record *r)
{
    slot_room(s, r->length);
    memcpy(s->bytes + s->used, r->body, r->length);
    s->record[s->count] = *r;
    s->body[s->count++] = s->used;
    s->used += r->length;
    j->bytes += r->length + RECORD_COST;
}

static void slot_unchain(struct u2_join *j, u32 at)
{
    u32 *link = chain_of(j, &j->ring[at].key);
    while (*link != at) link = &j->ring[*link].next;
    *link = j->ring[at].next;
}

static void slot_clear(struct slot *s)
{
    s->count = 0;
    s->used = 0;
    if (s->bytes_room <= KEEP_MOST) return;
    free(s->bytes);
    free(s->record);
    free(s->body);
    *s = (struct slot){ 0 };
}

/* The event that waits longest. */
static void give_first(struct u2_join *j)
{
    struct slot *s = &j->ring[j->first];
    slot_unchain(j, j->first);
    for (u32 i = 0; i < s->count; i++) s->record[i].body = s->bytes + s->body[i];
    struct u2_joined whole = { s->record, s->record + 1, s->count - 1, s->origin };
    j->counts.events++;
    j->counts.joined += whole.count;
    j->counts.bare += whole.count == 0;
    j->out->event(j->out, &whole);
    j->bytes -= s->used + s->count * RECORD_COST;
    slot_clear(s);
    j->first = (j->first + 1) & j->mask;
    j->waiting--;
}

/* --- in and out ---------------------------------------------------------------------------------------------- */

static void event_waits(struct u2_join *j, const struct u2_record *r, const struct u2_key *key, const void *origin,
                        nanos now)
{
    while (j->waiting >= j->setup.events_max) give_first(j);
    u32          at = (j->first + j->waiting) & j->mask, *link = chain_of(j, key);
    struct slot *s = &j->ring[at];
    j->waiting++;
    s->key = *key;
    s->since = now;
    s->origin = origin;
    s->next = *link;
    *link = at;
    slot_add(j, s, r);
}

void u2_join_push(struct u2_join *j, const struct u2_record *r, const void *origin, nanos now)
{
    struct u2_key key;
    struct slot  *s = NULL;
    u2_join_tick(j, now);
    bool keyed = u2_key_read(r, &key);
    if (r->kind == U2_KIND_EVENT) event_waits(j, r, &key, origin, now);
    else if (keyed && (s = slot_find(j, &key)) != NULL) slot_add(j, s, r);
    else {
        j->counts.orphans += keyed;
        j->out->alone(j->out, r, origin);
    }
    while (j->bytes > j->setup.bytes_max) {
        j->counts.early++;
        give_first(j);
    }
}

void u2_join_tick(struct u2_join *j, nanos now)
{
    if (j->setup.wait == 0) return;
    while (j->waiting && now - j->ring[j->first].since >= j->setup.wait) give_first(j);
}

void u2_join_end(struct u2_join *j)
{
    while (j->waiting) give_first(j);
}

u32 u2_join_waiting(const struct u2_join *j)
{
    return j->waiting;
}

const struct u2_join_counts *u2_join_counts(const struct u2_join *j)
{
    return &j->counts;
}

#define COUNT(field, unit, doc) { #field, unit, doc, offsetof(struct u2_join_counts, field) }
const struct metric u2_join_metrics[] = {
    COUNT(events, "events", "given out"),
    COUNT(joined, "records", "packets, buffers and extra data given out with their event"),
    COUNT(orphans, "records", "... given out alone: their event had gone or never was"),
    COUNT(bare, "events", "without any"),
    COUNT(early, "events", "given out before their time, for want of memory"),
    { .name = NULL },
};
#undef COUNT
