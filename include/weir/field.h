/* SPDX-License-Identifier: Apache-2.0 */
/* field.h: what a column is: its type, how it folds, which other column it changes places with.
 *
 * A tag says who, a measure says how much. Names are the recipe's; nothing in the program knows one. */
#pragma once

#include "weir/slice.h"

enum field_type {
    FIELD_U64,      /* u64                                                                 */
    FIELD_F64,      /* double                                                              */
    FIELD_TIME,     /* i64 ns since 1970 UTC                                               */
    FIELD_ADDR,     /* addr                                                                */
    FIELD_MAC,      /* u64, lower 48 bits                                                  */
    FIELD_STRING,   /* slice into the chunk's text                                         */
    FIELD_NET,      /* net: found by tagging                                               */
    FIELD_TAG,      /* u32 id in a tag table's dictionary (column.words), 0 null        */
    FIELD_SAMPLING, /* struct sampling                                                     */
    FIELD_BINS,     /* k x u64, adjacent                                                   */
};

enum fold {
    FOLD_NONE, /* a tag, or a field that nothing aggregates */
    FOLD_SUM,
    FOLD_MIN,
    FOLD_MAX,
    FOLD_FIRST, /* the value of the least event time; among equals the first applied  */
    FOLD_LAST,  /* the value of the greatest event time; among equals the last applied */
    FOLD_AVG,
    FOLD_SAMPLING,
    FOLD_BINS,
    FOLD_DISTINCT,  /* how many different values: record/sketch_distinct.h    */
    FOLD_QUANTILES, /* median and the like of numbers: record/sketch_quantiles.h */
};
#define FOLDS (FOLD_QUANTILES + 1)

#define FIELD_NO_MIRROR UINT32_MAX
#define BINS_MAX        64
#define FIELDS_MAX      1024 /* columns of a layout    */
#define MEASURES_MAX    256  /* measures of a stream   */
#define KEYS_MAX        8    /* tags that name a group */

/* n samples merged: the sum is exact, so merging has no order. Durations in ns; n == 0 is null. */
struct sampling {
    u64 n;
    u64 min, max;       /* ns              */
    u64 sum_lo, sum_hi; /* ns, 128 bits    */
};

/* One column of a stream. */
struct field {
    slice           name;   /* as results show it                                             */
    enum field_type type;
    enum fold       fold;
    u32             bins;   /* FIELD_BINS: k                                                  */
    u32             mirror; /* measure index it changes places with, seen from the other end  */
    bool            ranked; /* in `rank: { fields: default }`                                 */
    u32             sketch; /* FOLD_DISTINCT: log2 of its bytes; FOLD_QUANTILES: the percents that results show, one a
                             * byte, ascending, 0 behind the last                             */
};

/* The columns of a stream: tags first, then measures. */
struct schema {
    u32                 tags;
    u32                 measures;
    const struct field *field; /* tags + measures; measure i is field[tags + i]; mirror counts measures from 0 */
};

/* "u64", "sampling"; "sum", "min". */
const char *field_type_name(enum field_type type);
const char *fold_name(enum fold fold);
