/* SPDX-License-Identifier: Apache-2.0 */
/* join.c: waiting events in a ring, found by key through chains.
 *
 * What belongs to an event mostly follows it at once, so the newest event is looked at first, and events are put into
 * chains only when something was not the newest one's. An event's memory goes to the next event that comes, unless it
 * was much: it is still in the cache. */
#include "unified2/join.h"

#include "weir/hash.h"

#include <stdlib.h>
#include <string.h>

#define NONE        UINT32_MAX
#define STORE_BYTES 1024u         /* of bodies, at first            */
#define KEEP_MOST   (64u << 10)   /* bytes of a spare store         */
#define FETCH       1024u         /* of the next event, ahead of use */
#define LINE        64u           /* of the cache                   */
#define RECORD_COST (sizeof(struct u2_record) + sizeof(size_t)) /* what bytes_max counts for one, beside its body */

/* An event and what belongs to it: bodies point into `bytes`. */
struct store {
    struct u2_record *record; /* [0] is the event */
    u32               count, room;
    u8               *bytes;
    size_t            used, bytes_room;
};

struct slot {
    struct u2_key key;
    u32           next, chain; /* in its chain; NONE ends it. Not of a loose one */
    nanos         since;
    const void   *origin;
    struct store *store;
};

struct u2_join {
    struct u2_join_setup  setup;
    struct u2_join_out   *out;
    struct slot          *ring;
    u32                   mask, first, waiting;
    u32                   loose; /* so many of the newest are in no chain */
    u32                  *chain;
    struct store        **spare;
    u32                   spares;
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
    while (room < j->setup.events_max) room *= 2;
    j->out = out;
    j->mask = room - 1;
    j->ring = calloc(room, sizeof *j->ring);
    j->chain = malloc(room * sizeof *j->chain);
    j->spare = malloc(room * sizeof *j->spare);
    WEIR_ASSERT(j->ring != NULL && j->chain != NULL && j->spare != NULL);
    for (u32 i = 0; i < room; i++) j->chain[i] = NONE;
    return j;
}

static void store_free(struct store *s)
{
    free(s->record);
    free(s->bytes);
    free(s);
}

void u2_join_close(struct u2_join *j)
{
    if (j == NULL) return;
    for (u32 i = 0; i < j->waiting; i++) store_free(j->ring[(j->first + i) & j->mask].store);
    for (u32 i = 0; i < j->spares; i++) store_free(j->spare[i]);
    free(j->ring);
    free(j->chain);
    free(j->spare);
    free(j);
}

/* --- stores -------------------------------------------------------------------------------------------------- */

static void bytes_grow(struct store *s, size_t least)
{
    size_t room = s->bytes_room * 2;
    if (room < least) room = least;
    u8 *bytes = malloc(room);
    WEIR_ASSERT(bytes != NULL);
    if (s->used) memcpy(bytes, s->bytes, s->used);
    for (u32 i = 0; i < s->count; i++) s->record[i].body = bytes + (s->record[i].body - s->bytes);
    free(s->bytes);
    s->bytes = bytes;
    s->bytes_room = room;
}

static void store_add(struct u2_join *j, struct store *s, const struct u2_record *r)
{
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 4;
        s->record = realloc(s->record, s->room * sizeof *s->record);
        WEIR_ASSERT(s->record != NULL);
    }
    if (s->used + r->length > s->bytes_room) bytes_grow(s, s->used + r->length);
    u8 *body = s->bytes + s->used;
    memcpy(body, r->body, r->length);
    s->record[s->count] = *r;
    s->record[s->count++].body = body;
    s->used += r->length;
    j->bytes += r->length + RECORD_COST;
}

static struct store *store_take(struct u2_join *j)
{
    if (j->spares) return j->spare[--j->spares];
    struct store *s = calloc(1, sizeof *s);
    WEIR_ASSERT(s != NULL);
    s->bytes_room = STORE_BYTES;
    s->bytes = malloc(s->bytes_room);
    WEIR_ASSERT(s->bytes != NULL);
    return s;
}

static void store_spare(struct u2_join *j, struct store *s)
{
    s->count = 0;
    s->used = 0;
    if (s->bytes_room <= KEEP_MOST) j->spare[j->spares++] = s;
    else store_free(s);
}

/* --- slots --------------------------------------------------------------------------------------------------- */

static bool is_key(const struct slot *s, const struct u2_key *key)
{
    return s->key.id == key->id && s->key.second == key->second && s->key.sensor == key->sensor;
}

static u32 chain_of(const struct u2_join *j, const struct u2_key *key)
{
    return (u32)hash_bytes(key, sizeof *key) & j->mask;
}

/* Older ones first: of two of one key the later one is found. */
static void slots_chain(struct u2_join *j)
{
    for (; j->loose; j->loose--) {
        u32          at = (j->first + j->waiting - j->loose) & j->mask;
        struct slot *s = &j->ring[at];
        s->chain = chain_of(j, &s->key);
        s->next = j->chain[s->chain];
        j->chain[s->chain] = at;
    }
}

static struct slot *slot_find(struct u2_join *j, const struct u2_key *key)
{
    if (j->waiting == 0) return NULL;
    struct slot *newest = &j->ring[(j->first + j->waiting - 1) & j->mask];
    if (is_key(newest, key)) return newest;
    slots_chain(j);
    for (u32 i = j->chain[chain_of(j, key)]; i != NONE; i = j->ring[i].next)
        if (is_key(&j->ring[i], key)) return &j->ring[i];
    return NULL;
}

static void slot_unchain(struct u2_join *j, u32 at)
{
    u32 *link = &j->chain[j->ring[at].chain];
    while (*link != at) link = &j->ring[*link].next;
    *link = j->ring[at].next;
}

/* An event has waited while a thousand others came, so it is far away: each call brings the next ones a step nearer. */
static void slots_fetch(const struct u2_join *j)
{
    const struct slot *third = &j->ring[(j->first + 3) & j->mask], *second = &j->ring[(j->first + 2) & j->mask];
    __builtin_prefetch(third);
    if (j->waiting > 2) __builtin_prefetch(second->store);
    if (j->waiting < 2) return;
    const struct store *next = j->ring[(j->first + 1) & j->mask].store;
    size_t              size = next->used < FETCH ? next->used : FETCH;
    for (u32 i = 0; i < next->count && i < 2; i++) __builtin_prefetch(&next->record[i]);
    for (size_t at = 0; at < size; at += LINE) __builtin_prefetch(next->bytes + at);
}

/* The event that waits longest. */
static void give_first(struct u2_join *j)
{
    struct slot *s = &j->ring[j->first];
    if (j->waiting > j->loose) slot_unchain(j, j->first);
    else j->loose--;
    slots_fetch(j);
    struct u2_joined whole = { s->store->record, s->store->record + 1, s->store->count - 1, s->origin };
    j->counts.events++;
    j->counts.joined += whole.count;
    j->counts.bare += whole.count == 0;
    j->out->event(j->out, &whole);
    j->bytes -= s->store->used + s->store->count * RECORD_COST;
    store_spare(j, s->store);
    j->first = (j->first + 1) & j->mask;
    j->waiting--;
}

/* --- in and out ---------------------------------------------------------------------------------------------- */

static void event_waits(struct u2_join *j, const struct u2_record *r, const struct u2_key *key, const void *origin,
                        nanos now)
{
    while (j->waiting >= j->setup.events_max) give_first(j);
    struct slot *s = &j->ring[(j->first + j->waiting) & j->mask];
    j->waiting++;
    j->loose++;
    s->key = *key;
    s->since = now;
    s->origin = origin;
    s->store = store_take(j);
    store_add(j, s->store, r);
}

void u2_join_push(struct u2_join *j, const struct u2_record *r, const void *origin, nanos now)
{
    struct u2_key key;
    struct slot  *s = NULL;
    u2_join_tick(j, now);
    bool keyed = u2_key_read(r, &key);
    if (r->kind == U2_KIND_EVENT) event_waits(j, r, &key, origin, now);
    else if (keyed && (s = slot_find(j, &key)) != NULL) store_add(j, s->store, r);
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
