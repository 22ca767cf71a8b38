/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_segments.c: segments in flight, for round trips: a pool of fixed size and a list per direction.
 *
 * Lists are ascending and linked by index. Free places are used last in, first out, so that the pool's touched part
 * stays as small (and as near) as what is in flight. A direction holds at most a 64th of what is free, so that nobody
 * takes all; while the other end was never heard, eight, and none once half of the pool is
 * used, since no acknowledgement may ever come. No call looks at more than 64 segments but segments_release, which
 * frees what it looks at. */
#include "packet/tcp_state.h"

#include <stdlib.h>

#define SHARE       64u /* a direction's part of what is free */
#define UNHEARD_MAX 8u
#define WALK_MAX    64u

struct tcp_pool *tcp_pool_open(u32 segments_max)
{
    WEIR_ASSERT(segments_max > 0 && segments_max < UINT32_MAX);
    struct tcp_pool *pool = calloc(1, sizeof *pool);
    WEIR_ASSERT(pool != NULL);
    pool->at = malloc(((size_t)segments_max + 1) * sizeof *pool->at);
    WEIR_ASSERT(pool->at != NULL);
    pool->max = segments_max;
    return pool;
}

void tcp_pool_close(struct tcp_pool *pool)
{
    if (pool == NULL) return;
    free(pool->at);
    free(pool);
}

const struct tcp_pool_counts *tcp_pool_counts(const struct tcp_pool *pool)
{
    return &pool->counts;
}

u64 tcp_pool_memory(const struct tcp_pool *pool)
{
    return sizeof *pool + ((u64)pool->max + 1) * sizeof *pool->at;
}

static bool pool_has_room(const struct tcp_pool *pool, const struct way *w, bool heard)
{
    u32 left = pool->max - (u32)pool->counts.live;
    if (!heard) return w->flight < UNHEARD_MAX && left > pool->max / 2;
    return w->flight <= left / SHARE && w->flight < UINT16_MAX && left > 0;
}

/* The place of a copy of s; 0: none, counted. */
static u32 pool_take(struct tcp_pool *pool, const struct way *w, bool heard, const struct segment *s)
{
    if (!pool_has_room(pool, w, heard)) {
        pool->counts.forgotten++;
        return 0;
    }
    u32 i = pool->free;
    if (i != 0) pool->free = pool->at[i].next;
    else i = ++pool->touched;
    WEIR_ASSERT(i != 0 && i <= pool->max);
    pool->at[i] = *s;
    if (++pool->counts.live > pool->counts.most) pool->counts.most = pool->counts.live;
    return i;
}

void segments_add(struct tcp_pool *pool, struct way *w, bool heard, const struct segment *s)
{
    u32 i = pool_take(pool, w, heard, s);
    if (i == 0) return;
    pool->at[i].next = 0;
    if (w->flight++ == 0) w->oldest = i;
    else pool->at[w->newest].next = i;
    w->newest = i;
}

void segments_insert(struct tcp_pool *pool, struct way *w, bool heard, const struct segment *s)
{
    if (w->flight == 0 || tcp_ahead(s->end, pool->at[w->newest].end) > 0) {
        segments_add(pool, w, heard, s);
        return;
    }
    u32 before = 0, after = w->oldest, steps = 0;
    while (tcp_ahead(s->end, pool->at[after].end) > 0 && ++steps < WALK_MAX) {
        before = after;
        after = pool->at[after].next;
    }
    if (steps == WALK_MAX) {
        pool->counts.forgotten++;
        return;
    }
    u32 i = pool_take(pool, w, heard, s);
    if (i == 0) return;
    w->flight++;
    pool->at[i].next = after;
    if (before != 0) pool->at[before].next = i;
    else w->oldest = i;
}

void segments_spoil(struct tcp_pool *pool, struct way *w, u32 start, u32 end)
{
    if (w->flight == 0 || tcp_ahead(start, pool->at[w->newest].end) >= 0) return;
    u32 i = w->oldest;
    for (u32 steps = 0; i != 0; i = pool->at[i].next) {
        struct segment *s = &pool->at[i];
        if (tcp_ahead(s->start, end) >= 0) return;
        if (tcp_ahead(s->end, start) > 0) s->resent = 1;
        if (++steps < WALK_MAX) continue;
        pool->counts.forgotten += w->flight;
        segments_drop(pool, w);
        return;
    }
}

nanos segments_release(struct tcp_pool *pool, struct way *w, u32 ack)
{
    nanos at = NANOS_MIN;
    while (w->flight > 0) {
        u32             i = w->oldest;
        struct segment *s = &pool->at[i];
        i32             ahead = tcp_ahead(ack, s->end);
        if (ahead < 0) break;
        if (ahead == 0 && !s->resent) at = s->at;
        w->oldest = s->next;
        w->flight--;
        s->next = pool->free;
        pool->free = i;
        pool->counts.live--;
    }
    if (w->flight == 0) w->oldest = w->newest = 0;
    return at;
}

void segments_drop(struct tcp_pool *pool, struct way *w)
{
    if (w->flight == 0) return;
    WEIR_ASSERT(pool->counts.live >= w->flight);
    pool->at[w->newest].next = pool->free;
    pool->free = w->oldest;
    pool->counts.live -= w->flight;
    w->flight = 0;
    w->oldest = w->newest = 0;
}
