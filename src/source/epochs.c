/* SPDX-License-Identifier: Apache-2.0 */
/* epochs.c: a sorted array; new epochs come at its end but for stragglers, old ones leave at its front. */
#include "source/epochs.h"

#include <stdlib.h>
#include <string.h>

void epochs_init(struct epochs *e)
{
    *e = (struct epochs){ .passed = EPOCH_NONE, .sealed = EPOCH_NONE, .ripe = EPOCH_NONE };
}

void epochs_fini(struct epochs *e)
{
    free(e->at);
    epochs_init(e);
}

/* The first index whose epoch does not start before `start`. */
static u32 epochs_bound(const struct epochs *e, i64 start)
{
    u32 low = e->first, high = e->end;
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (e->at[middle].start < start) low = middle + 1;
        else high = middle;
    }
    return low;
}

static void epochs_room(struct epochs *e)
{
    if (e->end < e->room) return;
    if (e->first > e->room / 2) {
        memmove(e->at, e->at + e->first, (e->end - e->first) * sizeof *e->at);
        e->end -= e->first;
        e->first = 0;
        return;
    }
    e->room = e->room ? e->room * 2 : 64;
    e->at = realloc(e->at, e->room * sizeof *e->at);
    WEIR_ASSERT(e->at != NULL);
}

struct epoch *epochs_get(struct epochs *e, i64 start)
{
    if (start <= e->passed) return NULL;
    epochs_room(e);
    u32 i = epochs_bound(e, start);
    if (i < e->end && e->at[i].start == start) return &e->at[i];
    memmove(e->at + i + 1, e->at + i, (e->end - i) * sizeof *e->at);
    e->end++;
    e->at[i] = (struct epoch){ start, NANOS_MAX, false };
    return &e->at[i];
}

const struct epoch *epochs_first(const struct epochs *e)
{
    return e->first < e->end ? &e->at[e->first] : NULL;
}

i64 epochs_second(const struct epochs *e)
{
    return e->first + 1 < e->end ? e->at[e->first + 1].start : EPOCH_NONE;
}

bool epochs_over(const struct epochs *e, i64 start)
{
    return start <= e->sealed || start <= e->ripe;
}

void epochs_pass(struct epochs *e)
{
    WEIR_ASSERT(e->first < e->end);
    e->passed = e->at[e->first++].start;
}

nanos epochs_ripen(struct epochs *e, nanos now, nanos grace)
{
    nanos least = NANOS_MAX, next = NANOS_MAX; /* least: earliest closing among later epochs */
    for (u32 i = e->end; i > e->first; i--) {
        const struct epoch *at = &e->at[i - 1];
        if (least != NANOS_MAX && now - least >= grace) {
            if (at->start > e->ripe) e->ripe = at->start;
            break; /* so are all before it */
        }
        if (least != NANOS_MAX) next = least + grace;
        if (at->closed < least) least = at->closed;
    }
    return next;
}
