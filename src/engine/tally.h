/* SPDX-License-Identifier: Apache-2.0 */
/* tally.h: how many records of a job passed which `where`s, by time: so that the loop, which alone knows what is late,
 * can tell applied, late and filtered records apart exactly.
 *
 * A cell counts records of one start (of the common grid of all windows) and one mask (bit s: stream s has it). Limit:
 * a cell a record; in fact a few, since a chunk's records lie close in time. */
#pragma once

#include "weir/types.h"

struct tally_cell {
    nanos start;
    u64   mask;
    u64   records; /* 0: free */
};

struct tally {
    struct tally_cell *cell; /* open addressing */
    u32                count, room; /* a power of two */
};

void tally_fini(struct tally *t);
void tally_reset(struct tally *t);
void tally_add(struct tally *t, nanos start, u64 mask, u64 records);
