/* SPDX-License-Identifier: Apache-2.0 */
/* epochs.h: the minutes that are not over yet, by the Unix second at which they start, and why one is over.
 *
 * A minute is over when its own marker or a later one counts (sealed), or when a later minute has closed its first file
 * and `grace` has passed since (ripe). Then its files are read to their ends, and the watermark passes it. */
#pragma once

#include "weir/types.h"

#define EPOCH_NONE (-1) /* no such start */

struct epoch {
    i64   start;
    nanos closed; /* wall clock of its first closed file; NANOS_MAX: none yet */
    bool  marker; /* its own marker counts                                    */
};

struct epochs {
    struct epoch *at; /* at[first .. end), ascending */
    u32           first, end, room;
    i64           passed; /* the last one that the watermark has passed   */
    i64           sealed; /* the latest one whose marker counts           */
    i64           ripe;   /* the latest one that is over without a marker */
};

void epochs_init(struct epochs *e);
void epochs_fini(struct epochs *e);

/* The epoch, added if new; NULL: the watermark has passed it. Lent until the next call. */
struct epoch *epochs_get(struct epochs *e, i64 start);

/* The earliest that is open, NULL: none. The one after it: its start, or EPOCH_NONE. */
const struct epoch *epochs_first(const struct epochs *e);
i64                 epochs_second(const struct epochs *e);

bool epochs_over(const struct epochs *e, i64 start);

/* Takes the first away: it is passed. */
void epochs_pass(struct epochs *e);

/* Finds `ripe` anew. Gives the wall clock at which the next one will be ripe if nothing happens; NANOS_MAX: never. */
nanos epochs_ripen(struct epochs *e, nanos now, nanos grace);
