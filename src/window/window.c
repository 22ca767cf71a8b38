/* SPDX-License-Identifier: Apache-2.0 */
/* window.c: panes in the order of time: they close when the watermark passes, are kept for late comers, and go.
 *
 * Panes of one window are of equal length, so those that are due are always the first ones, and closing in order is a
 * walk from the front, start by start.
 * A kept pane with amendments that were not yet given out outlives its lateness until window_flush has told them; no
 * row can amend it any more then, so results do not depend on when the caller flushes. */
#include "window/state.h"

#include <stdlib.h>

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

void window_close(struct window *w)
{
    if (w == NULL) return;
    WEIR_ASSERT(!w->cutting);
    window_drop_all(w);
    groups_fini(&w->delta);
    groups_fini(&w->late);
    if (w->has_spare) groups_fini(&w->spare);
    for (u32 i = 0; i < MEMOS; i++) free(w->memo[i].cell);
    free(w->keys);
    free(w);
}

/* --- time --- */

static void panes_close(struct panes of, enum close_reason why, void (*closed)(void *arg, struct panes of), void *arg)
{
    for (u32 i = 0; i < of.count; i++) {
        of.at[i]->state = PANE_KEPT;
        of.at[i]->why = why;
        of.at[i]->changed = true;
    }
    closed(arg, of);
}

/* Closes the open panes that end at or before `to`. */
static void close_due(struct window *w, nanos to, enum close_reason why, void (*closed)(void *arg, struct panes of),
                      void *arg)
{
    struct panes of;
    for (u32 i = 0; i < w->panes && pane_end(w, w->pane[i]) <= to; i += of.count) {
        of = window_panes_from(w, i);
        if (of.at[0]->state == PANE_OPEN) panes_close(of, why, closed, arg);
    }
}

void window_advance(struct window *w, nanos to, enum close_reason why, void (*closed)(void *arg, struct panes of),
                    void *arg)
{
    if (to <= w->watermark) return;
    w->watermark = to;
    w->why = why;
    w->changed = true;
    close_due(w, to, why, closed, arg);
    window_drop_past(w);
}

void window_end(struct window *w, void (*closed)(void *arg, struct panes of), void *arg)
{
    close_due(w, NANOS_MAX, CLOSE_END, closed, arg);
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

/* True if some part was amended. */
static bool panes_raise(struct panes of)
{
    bool any = false;
    for (u32 i = 0; i < of.count; i++) {
        if (!of.at[i]->amended) continue;
        of.at[i]->changed = any = true;
        amended_rows(of.at[i], true);
    }
    return any;
}

static void panes_clear(struct panes of)
{
    for (u32 i = 0; i < of.count; i++) {
        if (of.at[i]->amended) amended_rows(of.at[i], false);
        of.at[i]->amended = false;
    }
}

void window_flush(struct window *w, void (*amended)(void *arg, struct panes of), void *arg)
{
    struct panes of;
    for (u32 i = 0; i < w->panes; i += of.count) {
        of = window_panes_from(w, i);
        if (!panes_raise(of)) continue;
        amended(arg, of);
        panes_clear(of);
    }
    window_drop_past(w);
}

bool window_flush_due(const struct window *w)
{
    for (u32 i = 0; i < w->panes; i++)
        if (w->pane[i]->amended) return true;
    return false;
}

nanos window_latest(const struct window *w)
{
    return window_due(w, NANOS_MAX);
}

nanos window_due(const struct window *w, nanos to)
{
    for (u32 i = w->panes; i-- > 0;)
        if (w->pane[i]->state == PANE_OPEN && pane_end(w, w->pane[i]) <= to) return pane_end(w, w->pane[i]);
    return NANOS_MIN;
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
    return w->pane[i];
}

u64 window_memory(const struct window *w)
{
    u64 sum = sizeof *w + (u64)w->room * sizeof(struct pane *) + groups_memory(&w->delta) + groups_memory(&w->late);
    for (u32 i = 0; i < w->panes; i++) sum += sizeof(struct pane) + groups_memory(&w->pane[i]->groups);
    for (const struct pane *p = w->gone; p != NULL; p = p->next)
        sum += sizeof *p + (p->cut ? groups_memory(&p->groups) : 0); /* their tables are there while a cut lends them */
    if (w->has_spare) sum += groups_memory(&w->spare);
    for (u32 i = 0; i < MEMOS; i++) sum += (u64)w->memo[i].room * sizeof *w->memo[i].cell;
    return sum;
}

u64 window_full(const struct window *w)
{
    return w->full;
}
