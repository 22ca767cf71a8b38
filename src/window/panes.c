/* SPDX-License-Identifier: Apache-2.0 */
/* panes.c: which panes a window has: an array by start, then by the name of the part, and those that are gone.
 *
 * Rows mostly go where the row before them went, so the pane found last is looked at first; else the array is halved.
 * By name and not by number, since numbers are given in order of appearance: what is given out may not depend on that.
 * Panes come rarely and go from the front, many at once, so keeping the array in order is a move of pointers. */
#include "window/state.h"

#include <stdlib.h>

/* A larger table's memory goes back when its pane goes: rows on their way to the sinks need it meanwhile. */
#define SPARE_MAX ((u64)64 << 20)

static i32 part_cmp(const struct window *w, u32 a, u32 b)
{
    if (a == b) return 0;
    return slice_cmp(strings_get(w->spec.parts, a), strings_get(w->spec.parts, b));
}

/* Number of the first pane that is not before this start and part. */
static u32 pane_place(const struct window *w, nanos start, u32 part)
{
    u32 low = 0, high = w->panes;
    while (low < high) {
        u32                middle = low + (high - low) / 2;
        const struct pane *p = w->pane[middle];
        if (p->start < start || (p->start == start && part_cmp(w, p->part, part) < 0)) low = middle + 1;
        else high = middle;
    }
    return low;
}

struct panes window_panes_from(const struct window *w, u32 i)
{
    WEIR_ASSERT(i < w->panes);
    struct panes of = { 1, w->pane + i };
    while (i + of.count < w->panes && of.at[of.count]->start == of.at[0]->start) of.count++;
    return of;
}

const struct pane *window_any(const struct window *w, nanos start)
{
    if (w->recent != NULL && w->recent->start == start) return w->recent;
    u32 i = pane_place(w, start, 0); /* before all names */
    return i < w->panes && w->pane[i]->start == start ? w->pane[i] : NULL;
}

struct pane *window_find(struct window *w, nanos start, u32 part)
{
    if (w->recent != NULL && w->recent->start == start && w->recent->part == part) return w->recent;
    u32 i = pane_place(w, start, part);
    if (i == w->panes || w->pane[i]->start != start || w->pane[i]->part != part) return NULL;
    return w->recent = w->pane[i];
}

/* Makes room at place i. */
static void pane_insert(struct window *w, u32 i, struct pane *p)
{
    if (w->panes == w->room) {
        w->room = w->room ? 2 * w->room : 16;
        w->pane = realloc(w->pane, w->room * sizeof(struct pane *));
        WEIR_ASSERT(w->pane != NULL);
    }
    memmove(w->pane + i + 1, w->pane + i, (w->panes - i) * sizeof(struct pane *));
    w->pane[i] = p;
    w->panes++;
}

struct pane *window_add(struct window *w, nanos start, u32 part)
{
    WEIR_ASSERT(part == 0 || (w->spec.parts != NULL && part <= strings_count(w->spec.parts)));
    struct pane *p = calloc(1, sizeof *p);
    WEIR_ASSERT(p != NULL);
    p->start = start;
    p->part = part;
    p->changed = true;
    if (w->has_spare) p->groups = w->spare;
    else groups_init(&p->groups, w->spec.layout, w->spec.groups_max);
    w->has_spare = false;
    if (window_any(w, start) == NULL) w->starts++;
    pane_insert(w, pane_place(w, start, part), p);
    return w->recent = p;
}

/* --- going --- */

/* Frees a pane that is in no list; none of its pages may be frozen. */
static void pane_release(struct window *w, struct pane *p)
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

/* The pane is in the array no more. One that state.db has, or may have after the running cut, is remembered until its
 * drop was written; pages that the cut lends stay as they are until the thaw. */
static void pane_drop(struct window *w, struct pane *p)
{
    if (w->recent == p) w->recent = NULL;
    if (!p->saved && !p->cut) {
        pane_release(w, p);
        return;
    }
    if (!p->cut) groups_fini(&p->groups);
    p->next = w->gone;
    w->gone = p;
}

static bool panes_amended(struct panes of)
{
    for (u32 i = 0; i < of.count; i++)
        if (of.at[i]->amended) return true;
    return false;
}

void window_drop_past(struct window *w)
{
    u32          i = 0, kept = 0;
    struct panes of;
    for (; i < w->panes && window_is_past(w, w->pane[i]->start); i += of.count) {
        of = window_panes_from(w, i);
        if (panes_amended(of)) {
            memmove(w->pane + kept, of.at, of.count * sizeof(struct pane *));
            kept += of.count;
            continue;
        }
        for (u32 k = 0; k < of.count; k++) pane_drop(w, of.at[k]);
        w->starts--;
    }
    if (kept == i) return;
    memmove(w->pane + kept, w->pane + i, (w->panes - i) * sizeof(struct pane *));
    w->panes -= i - kept;
}

void window_drop_all(struct window *w)
{
    for (u32 i = 0; i < w->panes; i++) {
        groups_fini(&w->pane[i]->groups);
        free(w->pane[i]);
    }
    for (struct pane *p = w->gone; p != NULL;) { /* their tables went before them */
        struct pane *next = p->next;
        free(p);
        p = next;
    }
    free(w->pane);
    free(w->known);
}
