/* SPDX-License-Identifier: Apache-2.0 */
/* state.h: what a window is made of, for the four files that are its body: window.c (time goes on), panes.c (which
 * panes there are), feed.c (rows come in), image.c (state goes out and comes back). Nobody else includes it. */
#pragma once

#include "window/window.h"

/* String ids of a table that is being pushed -> ids of the table it goes into, so that each string is hashed once.
 * A cell is (turn << 32 | id); a new turn forgets all at no cost. */
struct memo {
    u64 *cell;
    u32  room;
    u32  turn;
};

enum memo_of { MEMO_PANE, MEMO_DELTA, MEMO_LATE, MEMOS };

struct window {
    struct window_spec spec;
    struct pane      **pane;   /* live panes, oldest first, those of one start by their parts' names */
    u32                panes, room;
    u32                starts; /* different ones, of live panes                              */
    struct pane       *gone;   /* dropped panes that state.db has, or that a cut still lends */
    struct pane       *recent; /* the live pane found last; NULL: none                       */
    struct pane      **known;  /* during a restore: the panes by object                      */
    u32                knowns, knowns_room;
    nanos              watermark;
    enum close_reason  why;         /* of the last advance */
    u64                next_object;
    u64                full;
    bool               changed; /* its own head (object 0) differs from the last cut */
    bool               cut;     /* its own head is in the running cut                */
    bool               cutting; /* between window_cut and window_thaw                */
    bool               headed;  /* object 0 was restored                             */
    struct groups      delta, late;
    struct groups      spare; /* emptied table of a dropped pane: its memory is used again */
    bool               has_spare;
    struct memo        memo[MEMOS];
    u8                *keys; /* room for GROUPS_BATCH keys */
};

/* t + span, at most NANOS_MAX. */
static inline nanos nanos_after(nanos t, nanos span)
{
    nanos sum;
    return __builtin_add_overflow(t, span, &sum) ? NANOS_MAX : sum;
}

static inline nanos pane_end(const struct window *w, const struct pane *p)
{
    return nanos_after(p->start, w->spec.length);
}

/* Has its lateness run out, for a pane that starts at `start`? */
static inline bool window_is_past(const struct window *w, nanos start)
{
    return nanos_after(nanos_after(start, w->spec.length), w->spec.lateness) <= w->watermark;
}

/* All live panes of the start that number i is the first of. */
struct panes window_panes_from(const struct window *w, u32 i);

/* Some live pane of this start, NULL if there is none. */
const struct pane *window_any(const struct window *w, nanos start);

/* The live pane of this start and part, NULL if there is none. */
struct pane *window_find(struct window *w, nanos start, u32 part);

/* A new pane, put in its place; there is none of this start and part. Its table is empty; id, state and reason are the
 * caller's. */
struct pane *window_add(struct window *w, nanos start, u32 part);

/* Lets panes go whose lateness is over; those of an amended start wait for the flush. */
void window_drop_past(struct window *w);

/* Frees all panes, live and gone: for window_close. */
void window_drop_all(struct window *w);
