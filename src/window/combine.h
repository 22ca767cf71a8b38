/* SPDX-License-Identifier: Apache-2.0 */
/* combine.h: a worker's fold of its chunk: batches in, one table of partial groups out.
 *
 * The loop then merges thousands of groups instead of hundreds of thousands of records. */
#pragma once

#include "weir/batch.h"
#include "weir/groups.h"

struct combine;

struct combine_spec {
    nanos                      length;   /* of the window                                      */
    const struct schema       *stream;   /* of the batches                                     */
    u32                        keys, carried, measures;
    const u32                 *column;   /* batch columns: keys, then carried, then measures   */
    const struct group_layout *layout;   /* made of the same columns in the same order         */
};

/* One instance a worker; scratch memory only. */
err  combine_open(struct combine **out, const struct combine_spec *spec);
void combine_close(struct combine *c);

/* Folds all rows of the batch into `into`. A carried cell is set by its group's first record.
 * Column ids of FIELD_TAG are translated into `into`'s own dictionary. */
void combine_push(struct combine *c, const struct batch *in, struct groups *into);
