/* SPDX-License-Identifier: Apache-2.0 */
/* image.h: how state shows itself at a cut, and how it is put back. Pure operators speak this; snapshot/ stores it.
 *
 * State is objects (a pane: one window of one operator line). An object has a head (a few bytes) and numbered parts,
 * each made of pages. Ids are the operator's to choose and never used twice in a state file. */
#pragma once

#include "weir/err.h"
#include "weir/pages.h"
#include "weir/slice.h"

enum image_part { PART_ROWS, PART_WORD_ENTRIES, PART_WORD_BYTES, PARTS };

struct image_writer {
    /* All calls borrow, but page bytes: lent until the engine thaws. */
    void (*head)(struct image_writer *, u32 op, u64 object, slice bytes);
    void (*page)(struct image_writer *, u32 op, u64 object, enum image_part part, struct page_view page);
    void (*drop)(struct image_writer *, u32 op, u64 object); /* the object and all its pages */
};

/* At start, in this order: all heads of an operator, its pages, then `done`. */
struct image_reader {
    err (*head)(struct image_reader *, u64 object, slice bytes);
    err (*page)(struct image_reader *, u64 object, enum image_part part, u32 number, slice bytes);
    err (*done)(struct image_reader *);
};
