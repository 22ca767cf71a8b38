/* SPDX-License-Identifier: Apache-2.0 */
/* rank.h: the first N groups of each ranking field, merged into one line a group.
 *
 * One pass and a partial selection per field, never a full sort. Order: value descending; nulls and the `other` row
 * take no part; samplings rank by average, bins by their sum, quantiles by the last that is shown (p99). Ranks start at
 * 1, equal values share the lower number (1, 1, 3), ties at the cut are broken by key. */
#pragma once

#include "weir/groups.h"

struct rank_spec {
    u32        top;
    u32        fields;
    const u32 *measure; /* measure indices of the layout */
    u32        shares;
    const u32 *share;   /* measures that are given out as a part of their whole, too: sums of u64 */
};

struct rank;

err  rank_open(struct rank **out, const struct rank_spec *spec, const struct group_layout *layout);
void rank_close(struct rank *r);

struct ranked {
    u32        rows;  /* groups that are in some field's top, in key order              */
    const u32 *row;   /* row numbers in the table                                       */
    const u32 *place; /* rows x fields; 0: outside this field's top. place[i * fields + f] */
};

/* Lent until the next call. */
void rank_groups(struct rank *r, const struct groups *g, struct ranked *out);
