/* SPDX-License-Identifier: Apache-2.0 */
/* window.c: panes in the order of time: they close when the watermark passes, are kept for late comers, and go.
 *
 * Panes of one window are of equal length, so those that are due are always the first ones of the list, and closing in
 * order is a walk from the front.
 * A kept pane with amendments that were not yet given out outlives its lateness until window_flush has told them; no
 * row can amend it any more then, so results do not depend on when the caller flushes. */
#include "window/state.h"

#include <stdlib.h>

/* A larger table's memory goes back when its pane goes: rows on their way to the sinks need it meanwhile. */
#define SPARE_MAX ((u64)64 << 20)

/* Most rows of the tables that collect amendments and late comers: all groups of all panes. */
static u32 side_max(const struct window_spec *spec)
{
    u64 max = (u64)spec->groups_max * spec->panes_max;
    return max < UINT32_MAX / 4 ? (u32)max : UINT32_MAX / 4;
}

static err spec_check(const struct window_spec *spec)
{
    if (spec->length <= 0) return (err){ ERR_CONFIG, "a window's length must be positive", spec->length };
    if (spec->lateness < 0) return (err){ ERR_CONFIG, "lateness must not be negative", spec->lateness };
    if (spec->groups_max < 1 || spec->groups_max > UINT32_MAX / 4)
        return (err){ ERR_CONFIG, "groups_max must be 1 to 1073741823", spec->groups_max };
    if (spec->panes_max < 1) return (err){ ERR_CONFIG, "a window needs room for one pane", spec->panes_max };
    return OK;
}

err window_open(struct window **out, const struct window_spec *spec)
{
    err e = spec_check(spec);
    if (err_is(e)) return e;
    struct window *w = calloc(1, sizeof *w);
    WEIR_ASSERT(w != NULL);
    w->spec = *spec;
    w->watermark = NANOS_MIN;
    w->next_object = 1;
    w->changed = true;
    groups_init(&w->delta, spec->layout, side_max(spec));
    groups_init(&w->late, spec->layout, side_max(spec));
    w->keys = malloc((size_t)GROUPS_BATCH * (spec->layout->key_end - offsetof(struct group_row, start)));
    WEIR_ASSERT(w->keys != NULL);
    *out = w;
    return OK;
}

/* tables: false for panes that are gone, whose tables went before them. */
static void list_free(struct pane *p, bool tables)
{
    while (p != NULL) {
        struct pane *next = p->next;
        if (tables) groups_fini(&p->groups);
        free(p);
        p = next;
    }
}

void window_close(struct window *w)
{
    if (w == NULL) return;
    WEIR_ASSERT(!w->cutting);
    list_free(w->first, true);
    list_free(w->gone, false);
    groups_fini(&w->delta);
    groups_fini(&w->late);
    if (w->has_spare) groups_fini(&w->spare);
    for (u32 i = 0; i < MEMOS; i++) free(w->memo[i].cell);
    free(w->keys);
    free(w);
}

/* --- the list of panes --- */

struct pane *window_find(struct window *w, nanos start)
{
    if (w->recent != NULL && w->recent->start == start) return w->recent;
    struct pane *p = w->first;
    while (p != NULL && p->start < start) p = p->next;
    if (p == NULL || p->start != start) return NULL;
    return w->recent = p;
}

struct pane *window_add(struct window *w, nanos start)
{
    struct pane *p = calloc(1, sizeof *p);
    WEIR_ASSERT(p != NULL);
    p->start = start;
    p->changed = true;
    if (w->has_spare) p->groups = w->spare;
    else groups_init(&p->groups, w->spec.layout, w->spec.groups_max);
    w->has_spare = false;
    struct pane **at = &w->first;
    while (*at != NULL && (*at)->start < start) at = &(*at)->next;
    p->next = *at;
    *at = p;
    w->panes++;
    return w->recent = p;
}

void window_release(struct window *w, struct pane *p)
{
    if (w->has_spare || groups_memory(&p->groups) > SPARE_MAX) {
        groups_fini(&p->groups);
    } else {
        groups_reset(&p->groups);
        w->spare = p->groups;
        w->has_spare = true;
    }
    free(p);
}

/* Takes a pane out of the list. One that state.db has, or may have after the running cut, is remembered until its drop
 * was written; pages that the cut lends stay as they are until the thaw. */
static void pane_drop(struct window *w, struct pane **at)
{
    struct pane *p = *at;
    *at = p->next;
    w->panes--;
    if (w->recent == p) w->recent = NULL;
    if (!p->saved && !p->cut) {
        window_release(w, p);
        return;
    }
    if (!p->cut) groups_fini(&p->groups);
    p->next = w->gone;
    w->gone = p;
}

/* Lets panes go whose lateness is over; amended ones wait for the flush. */
static void drop_past(struct window *w)
{
    for (struct pane **at = &w->first; *at != NULL && window_is_past(w, (*at)->start);) {
        if ((*at)->amended) at = &(*at)->next;
        else pane_drop(w, at);
    }
}

/* --- time --- */

static void pane_close(struct pane *p, enum close_reason why, void (*closed)(void *arg, struct pane *p), void *arg)
{
    p->state = PANE_KEPT;
    p->why = why;
    p->changed = true;
    closed(arg, p);
}

void window_advance(struct window *w, nanos to, enum close_reason why, void (*closed)(void *arg, struct pane *p),
                    void *arg)
{
    if (to <= w->watermark) return;
    w->watermark = to;
    w->why = why;
    w->changed = true;
    for (struct pane *p = w->first; p != NULL && pane_end(w, p) <= to; p = p->next)
        if (p->state == PANE_OPEN) pane_close(p, why, closed, arg);
    drop_past(w);
}

void window_end(struct window *w, void (*closed)(void *arg, struct pane *p), void *arg)
{
    for (struct pane *p = w->first; p != NULL; p = p->next)
        if (p->state == PANE_OPEN) pane_close(p, CLOSE_END, closed, arg);
}

/* Raises the revision of each amended row (raise), or takes its mark away. */
static void amended_rows(struct pane *p, bool raise)
{
    struct groups *g = &p->groups;
    for (u32 i = 0; i < groups_count(g); i++) {
        if (!(groups_row(g, i)->flags & GROUP_AMENDED)) continue;
        struct group_row *row = groups_row_write(g, i);
        if (raise) row->revision++;
        else row->flags &= ~GROUP_AMENDED;
        if (row->revision > p->revision) p->revision = row->revision;
    }
}

void window_flush(struct window *w, void (*amended)(void *arg, struct pane *p), void *arg)
{
    for (struct pane *p = w->first; p != NULL; p = p->next) {
        if (!p->amended) continue;
        p->changed = true;
        amended_rows(p, true);
        amended(arg, p);
        amended_rows(p, false);
        p->amended = false;
    }
    drop_past(w);
}

bool window_flush_due(const struct window *w)
{
    for (const struct pane *p = w->first; p != NULL; p = p->next)
        if (p->amended) return true;
    return false;
}

nanos window_latest(const struct window *w)
{
    nanos latest = NANOS_MIN;
    for (const struct pane *p = w->first; p != NULL; p = p->next)
        if (p->state == PANE_OPEN) latest = pane_end(w, p);
    return latest;
}

nanos window_due(const struct window *w, nanos to)
{
    nanos latest = NANOS_MIN;
    for (const struct pane *p = w->first; p != NULL && pane_end(w, p) <= to; p = p->next)
        if (p->state == PANE_OPEN) latest = pane_end(w, p);
    return latest;
}

nanos window_watermark(const struct window *w)
{
    return w->watermark;
}

/* --- what is there --- */

struct groups *window_delta(struct window *w)
{
    return &w->delta;
}

struct groups *window_late(struct window *w)
{
    return &w->late;
}

u32 window_panes(const struct window *w)
{
    return w->panes;
}

struct pane *window_pane(struct window *w, u32 i)
{
    WEIR_ASSERT(i < w->panes);
    struct pane *p = w->first;
    while (i-- > 0) p = p->next;
    return p;
}

/* Gone panes have a table only while a cut lends it. */
static u64 list_memory(const struct pane *p, bool gone)
{
    u64 sum = 0;
    for (; p != NULL; p = p->next) sum += sizeof *p + (!gone || p->cut ? groups_memory(&p->groups) : 0);
    return sum;
}

u64 window_memory(const struct window *w)
{
    u64 sum = sizeof *w + list_memory(w->first, false) + list_memory(w->gone, true) +
              groups_memory(&w->delta) + groups_memory(&w->late);
    if (w->has_spare) sum += groups_memory(&w->spare);
    for (u32 i = 0; i < MEMOS; i++) sum += (u64)w->memo[i].room * sizeof *w->memo[i].cell;
    return sum;
}

u64 window_full(const struct window *w)
{
    return w->full;
}
