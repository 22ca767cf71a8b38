/* SPDX-License-Identifier: Apache-2.0 */
/* batch.h: records in columns, as workers pass them from stage to stage.
 *
 * Columns stand in the order of the stream's schema. Cells are typed arrays; a bit in `nulls` means no value, and
 * the cell under it is unspecified. A column that this input does not have (another protocol's measure) has cells ==
 * NULL: null everywhere, at no cost. All memory belongs to the worker and is lent until the next batch. */
#pragma once

#include "weir/addr.h"
#include "weir/field.h"
#include "weir/strings.h"

#define BATCH_ROWS 1024 /* most rows; all cell arrays have room for them */

struct column {
    void                 *cells; /* array of the field type's C type; NULL: absent                  */
    u64                  *nulls; /* bit i & 63 of word i >> 6; NULL: no row is null                 */
    const struct strings *words; /* FIELD_TAG: dictionary of the ids; the tag table's, lent with it */
};

struct batch {
    u32            rows;
    u32            columns;
    struct column *column;
    const nanos   *time;     /* event time of each row; NULL: all are time_all */
    nanos          time_all;
};

static inline bool column_null(const struct column *c, u32 row)
{
    return c->cells == NULL || (c->nulls != NULL && (c->nulls[row >> 6] >> (row & 63) & 1));
}
