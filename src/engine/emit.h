/* SPDX-License-Identifier: Apache-2.0 */
/* emit.h: groups as result rows, in the column order that recipe.h fixes. */
#pragma once

#include "rank/rank.h"
#include "weir/batch.h"
#include "weir/close.h"
#include "weir/groups.h"
#include "weir/rows.h"

/* All rows of a closed pane, or with `amended_only` those that have GROUP_AMENDED. */
void emit_groups(struct row_writer *to, u32 table, const struct groups *g, enum close_reason why, bool amended_only);

/* A ranking: `place` columns after each ranked measure, then its share. Writes a CLEAR first if `again`: the window was
 * given out before, then with this revision. */
struct emit_rank {
    const struct rank_spec *spec;
    const struct ranked    *ranked;
    nanos                   start;
    enum close_reason       why;
    bool                    again;
    u32                     revision;
};
void emit_ranked(struct row_writer *to, u32 table, const struct groups *g, const struct emit_rank *how);

/* Rows that no window took any more; arrived: a number never used before, so that each stays a row of its own. */
void emit_late(struct row_writer *to, u32 table, const struct groups *g, u64 *arrived);

/* One record's value as the cells of a records table: a tag as keys are, a measure as windows give it, which for a
 * sampling is four cells, for bins k. */
void emit_cell(struct row_writer *to, const struct field *f, const struct column *c, u32 row);
