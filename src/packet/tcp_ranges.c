/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_ranges.c: what is missing of a direction: the holes below its highest sequence number.
 *
 * The list of what SACK would leave out. Both directions share eight places, one from the front and one from the back,
 * each ascending from its end. Past eight the own lowest hole gives way; if the other direction has them all, the new
 * one is not remembered. What fills a forgotten hole counts as resent. */
#include "packet/tcp_state.h"

static struct hole *hole_get(struct tcp *t, u32 dir, u32 i)
{
    WEIR_ASSERT(i < TCP_HOLES);
    return &t->hole[dir ? TCP_HOLES - 1 - i : i];
}

static void hole_remove(struct tcp *t, u32 dir, u32 i)
{
    struct way *w = &t->way[dir];
    WEIR_ASSERT(i < w->holes);
    for (; i + 1 < w->holes; i++) *hole_get(t, dir, i) = *hole_get(t, dir, i + 1);
    w->holes--;
}

static bool holes_full(const struct tcp *t)
{
    WEIR_ASSERT(t->way[0].holes + t->way[1].holes <= (int)TCP_HOLES);
    return t->way[0].holes + t->way[1].holes == (int)TCP_HOLES;
}

static u32 hole_clock(nanos now)
{
    return (u32)((u64)now >> 16);
}

void holes_add(struct tcp *t, u32 dir, u32 start, u32 end, nanos now)
{
    struct way *w = &t->way[dir];
    if (holes_full(t)) {
        if (w->holes == 0) return;
        hole_remove(t, dir, 0);
    }
    *hole_get(t, dir, w->holes++) = (struct hole){ start, end, hole_clock(now) };
}

/* A hole filled in its middle is two. Where there is no place for the upper one, it is forgotten. */
static void hole_split(struct tcp *t, u32 dir, u32 i, u32 start, u32 end)
{
    struct way *w = &t->way[dir];
    struct hole upper = *hole_get(t, dir, i);
    hole_get(t, dir, i)->end = start;
    if (holes_full(t)) return;
    upper.start = end;
    for (u32 k = w->holes++; k > i + 1; k--) *hole_get(t, dir, k) = *hole_get(t, dir, k - 1);
    *hole_get(t, dir, i + 1) = upper;
}

bool holes_fill(struct tcp *t, u32 dir, u32 start, u32 end, nanos now, u32 *age)
{
    bool filled = false;
    for (u32 i = t->way[dir].holes; i-- > 0;) {
        struct hole *h = hole_get(t, dir, i);
        if (tcp_ahead(end, h->start) <= 0 || tcp_ahead(h->end, start) <= 0) continue;
        u32 old = hole_clock(now) - h->at;
        if ((i32)old < 0) old = 0; /* time stepped back */
        if (!filled || old < *age) *age = old;
        filled = true;
        bool low = tcp_ahead(start, h->start) > 0, high = tcp_ahead(h->end, end) > 0; /* what is left of it */
        if (low && high) hole_split(t, dir, i, start, end);
        else if (low) h->end = start;
        else if (high) h->start = end;
        else hole_remove(t, dir, i);
    }
    return filled;
}

void holes_prune(struct tcp *t, u32 dir, u32 ack)
{
    struct way *w = &t->way[dir];
    while (w->holes > 0 && tcp_ahead(ack, hole_get(t, dir, 0)->end) >= 0) hole_remove(t, dir, 0);
    if (w->holes == 0) return;
    struct hole *h = hole_get(t, dir, 0);
    if (tcp_ahead(ack, h->start) > 0) h->start = ack;
}
