/* SPDX-License-Identifier: Apache-2.0 */
/* window.h: groups by window of event time: open, closed and kept for late comers, gone.
 *
 * A pane is one window [start, start + length) with the groups of one part of the input. Panes open when a row of
 * theirs comes, close when the watermark passes their end, are kept for `lateness` and are then dropped. Knows no clock
 * and no sink: the caller is told what closes and gives it out, ranks it, and pushes it into the next, wider window.
 *
 * Parts are what may one day go on in another process: a topic's partition. Most input has one, part 0. Time is the
 * window's, so the panes of one start open, close and go together, however many parts have rows there; what is given
 * out for a start is all of them folded together (whole.h).
 *
 *            push              advance, end <= to               end + lateness <= to
 *   (none) ------> PANE_OPEN ----------------------> PANE_KEPT ----------------------> gone
 *                                                      |  ^ push: amended, delta
 */
#pragma once

#include "weir/close.h"
#include "weir/groups.h"
#include "weir/image.h"
#include "weir/source.h"
#include "weir/strings.h"

enum pane_state { PANE_OPEN, PANE_KEPT };

struct pane {
    nanos             start;
    u32               part;   /* id in window_spec.parts; 0: the part without a name    */
    u64               object; /* id in the image                                       */
    enum pane_state   state;
    enum close_reason why;     /* PANE_KEPT                                            */
    bool              amended; /* some row has GROUP_AMENDED                           */
    u32               revision; /* greatest of its rows                                */
    struct groups     groups;
    /* window.c's own */
    bool              saved;   /* state.db has a head of it                            */
    bool              changed; /* head or pages differ from the last cut               */
    bool              cut;     /* its head is in the running cut: pages may be frozen  */
    bool              drop;    /* gone, and its drop is in the running cut             */
    struct pane      *next;    /* of those that are gone                               */
};

/* The panes of one start, one for each part that has rows there, in the order of the parts' names: one at least. */
struct panes {
    u32                 count;
    struct pane *const *at;
};

struct window_spec {
    nanos                      length;
    nanos                      lateness;
    u32                        groups_max; /* of a pane                                */
    u32                        panes_max;  /* starts of live panes; a row beyond goes to `late` */
    const struct group_layout *layout;
    u32                        op;         /* number in the image                      */
    struct strings            *parts;      /* names of parts, at most PARTITIONS_MAX, of 1 to PART_NAME_MAX bytes; lent
                                            * for life, a restore adds to it. NULL: there is only part 0 */
};

struct window;

err  window_open(struct window **out, const struct window_spec *spec);
void window_close(struct window *w);

/* How rows of another table become rows of this window. */
enum feed_way {
    FEED_SAME, /* same layout: a partial, or a pane of the level below */
    FEED_KEY,  /* one of the source's columns becomes the key; rows where it is null are left out             */
    FEED_KEYS, /* as many of the source's columns as there are keys, in their order; null is a value like others */
    FEED_BOTH, /* two columns: the row counts for each end, mirrored for the second; once where they are equal */
};

struct feed {
    enum feed_way        way;
    u32                  column[KEYS_MAX]; /* FEED_KEY: [0]; FEED_BOTH: two; FEED_KEYS: all; in the source's layout */
    struct group_program straight, mirrored, crossed;
};

/* to: the window's layout, with one key column but for FEED_KEYS; from: the source's. FEED_SAME: both are of the same
 * columns. */
void feed_init(struct feed *f, enum feed_way way, const u32 *column, const struct group_layout *to,
               const struct group_layout *from);

/* Each source record counts once, in one of applied, late and left_out (FEED_BOTH: once for both ends together). */
struct window_push_counts {
    u64 applied; /* records into open or kept panes  */
    u64 amended; /* of these, into kept panes        */
    u64 late;    /* records into window_late         */
    u64 left_out; /* records without a key           */
};

/* Folds all rows of `from` in; `from` is no table of this window. Target: the pane of nanos_floor(row's start, length)
 * and the part, here part 0.
 * Rows of kept panes amend them: the same fold is collected in window_delta, for the windows above. Where the window
 * had no pane when it closed, a kept one is made. Every amended row is of revision 1 or more, new ones too: the
 * window's result was given out without them.
 * Rows older than any kept pane, and rows that would need more than panes_max, are collected in window_late. The rows
 * of both tables start at their pane's start. The caller empties them (groups_reset) after use, before a cut.
 * Rows without room (groups_max, dictionary) and the source's own `other` rows go to the pane's `other` row. */
void window_push(struct window *w, const struct feed *feed, const struct groups *from,
                 struct window_push_counts *counts);

/* The same for rows first .. end of a part alone: several windows that are fed from one large table take it in turns,
 * block by block, so that it comes out of memory once. What window_delta and window_late then hold is of this part. */
void window_push_rows(struct window *w, const struct feed *feed, const struct groups *from, u32 first, u32 end,
                      u32 part, struct window_push_counts *counts);

/* After a push, before time goes on: did its rows of event time t go into a pane, or to window_late? */
bool window_took(struct window *w, nanos t);

struct groups *window_delta(struct window *w);
struct groups *window_late(struct window *w);

/* Time has come to `to`: panes that end at or before it close with reason `why`, oldest first, those of one start told
 * to `closed` together (panes lent during the call); kept panes past their lateness go. `to` never goes back: an older
 * one does nothing. */
void window_advance(struct window *w, nanos to, enum close_reason why, void (*closed)(void *arg, struct panes of),
                    void *arg);

/* Bounded input has ended: closes all open panes, oldest first, with CLOSE_END. The watermark stays where it is and the
 * panes are kept until it passes them, so that input that comes after all amends them. */
void window_end(struct window *w, void (*closed)(void *arg, struct panes of), void *arg);

/* A pane with amendments, and the others of its start, are not let go before that was told here, but take no rows past
 * their lateness. Tells all panes of each start that was amended in some part (amended rows have GROUP_AMENDED,
 * revision already raised by this call), then clears the marks. */
void window_flush(struct window *w, void (*amended)(void *arg, struct panes of), void *arg);

/* End of the latest open pane, NANOS_MIN if none: where `end` and `idle` have to advance to. */
nanos window_latest(const struct window *w);
/* End of the latest open pane that ends at or before `to`, NANOS_MIN if none: an advance to it closes what one to `to`
 * does, and makes no other rows late. */
nanos window_due(const struct window *w, nanos to);
nanos window_watermark(const struct window *w);
bool  window_flush_due(const struct window *w);

u32         window_panes(const struct window *w);
struct pane *window_pane(struct window *w, u32 i); /* oldest first, then by the names of parts */
u64         window_memory(const struct window *w);
u64         window_full(const struct window *w); /* records folded into `other` rows, ever */

/* The image: heads of changed panes and the window's own (object 0: watermark, counters), dirty pages, drops.
 * One cut at a time; every cut is thawed (even before window_close), written or not. Restore goes into a window as
 * opened; after an error (ERR_STATE, `at`: object) the window is good for window_close only. */
void window_cut(struct window *w, struct image_writer *to);
void window_thaw(struct window *w, bool written);
err  window_restore_head(struct window *w, u64 object, slice bytes);
err  window_restore_page(struct window *w, u64 object, enum image_part part, u32 number, slice bytes);
err  window_restore_done(struct window *w);
