/* SPDX-License-Identifier: Apache-2.0 */
/* whole.h: the panes of one start as one table: what is given out, and ranked, where a window has several parts.
 *
 * Parts are folded in the order of their names, and in each the rows in theirs, so the table does not depend on which
 * part was heard of first. A row's revision is the sum of its parts' revisions: it grows with each amendment of any of
 * them, and is in the image with them. There is no limit of its own: each part has at most groups_max rows, and what is
 * given out is the same whichever processes the parts are counted in. */
#pragma once

#include "window/window.h"

struct whole;

/* Scratch memory for one layout (lent for life), used again and again. */
void whole_open(struct whole **out, const struct group_layout *layout);
void whole_close(struct whole *w);

/* All groups, lent until the next call; of one pane alone it is that pane's own table. The revision is the greatest of
 * its rows. */
const struct groups *whole_all(struct whole *w, struct panes of, u32 *revision);

/* The groups that were amended in some part, whole: with what the other parts have of them. Of one pane it is its own
 * table, with all groups. */
const struct groups *whole_amended(struct whole *w, struct panes of);

/* Gives back what a large table took. */
void whole_rest(struct whole *w);

u64 whole_memory(const struct whole *w);
