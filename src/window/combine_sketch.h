/* SPDX-License-Identifier: Apache-2.0 */
/* combine_sketch.h: the folds whose words are a sketch (distinct, quantiles): a block's values into its rows. */
#pragma once

#include "weir/batch.h"
#include "weir/groups.h"

/* values: bit i: record `at` + i of the batch has a value; row[i] is its row. Gives the bits of those that are counted:
 * a tag or net can be null where no null bit says so, and NaN is no number. */
u64 combine_sketch(const struct group_measure *m, const struct column *column, u32 at, u64 values, u8 *const *row);
