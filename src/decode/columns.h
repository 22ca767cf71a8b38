/* SPDX-License-Identifier: Apache-2.0 */
/* columns.h: one column of a block of lines: index to values, all rows of it in one loop.
 *
 * A loop takes the usual text by a short cut without branches that depend on the data and leaves everything odd (a
 * sign, an exponent, 17 digits, a fault) to column_settle, which asks parse.h. So a loop can be fast or wrong about
 * being odd, but never about a value. Two bodies of the same loops exist: plain C and AVX2. */
#pragma once

#include "decode/parse.h"
#include "decode/path.h"
#include "weir/batch.h"

#define NULL_TEXT_MAX 16 /* bytes of a layout's null text */

/* The null text, at the end of 16 bytes: fields are loaded so that they end where the load ends. */
struct null_text {
    u8  tail[16];
    u32 len;
};

/* The lines of a block that have as many fields as the layout. Field f of row r ends at cut[row[r] + f] and begins
 * behind cut[row[r] + f - 1]. */
struct block {
    const char *text;
    const u32  *cut;
    u32         row[BATCH_ROWS];
    u32         rows;
    bool        cr;                /* some line ends with CR LF: the CR is not the last field's */
    u8          why[BATCH_ROWS];   /* enum reason of each row; REASON_NONE: good so far        */
    u16         where[BATCH_ROWS]; /* the layout field, if not                                 */
};

/* One column to fill. */
struct column_job {
    struct block           *block;
    const struct null_text *null;
    struct rule             rule;
    enum field_type         type;
    u32                     field;  /* of the layout                                               */
    u32                     size;   /* bytes of a cell                                             */
    bool                    cr;     /* mind the CR: the last field of a block that has some        */
    char                   *cells;  /* of the block's first row                                    */
    u64                    *nulls;  /* one bit a row of the block, from bit 0; zero before         */
    u64                     any;    /* set: some null                                              */
};

typedef void column_fn(struct column_job *job);

/* The loop of a type on this path. */
column_fn *column_of(enum path path, enum field_type type);

extern const char  column_tail_mask[33]; /* 16 zeros, 16 times 0xff, 0: at + n are the last n of 16 bytes */
extern const u64   column_tens[20];      /* powers of ten                                                */
column_fn *const *column_table_avx2(void);

/* Where a row's field is in the block's text. */
struct place {
    u32 at, end;
};

/* What a loop reads of its job again and again, as a local of its own: the cells it writes cannot be part of that, so
 * the compiler keeps it in registers. */
struct view {
    const char      *text;
    const u32       *cut; /* of the job's field, seen from a row's place in the index */
    const u32       *row;
    bool             cr;
    struct null_text null;
    u64              scale;
};

static inline __attribute__((always_inline)) struct view column_view(const struct column_job *job)
{
    const struct block *b = job->block;
    return (struct view){ b->text, b->cut + job->field, b->row, job->cr, *job->null, job->rule.scale };
}

static inline __attribute__((always_inline)) struct place column_place(const struct view *v, u32 row)
{
    const u32   *cut = v->cut + v->row[row];
    struct place p   = { cut[-1] + 1, cut[0] };
    if (__builtin_expect(v->cr, 0)) p.end -= v->text[p.end - 1] == '\r';
    return p;
}

/* Decides on one field by parse.h: value, null or reason. */
void column_settle(struct column_job *job, u32 row);

/* The same for the rows of 64 whose bits are set. */
static inline void column_settle_odd(struct column_job *job, u32 first, u64 odd)
{
    for (; odd != 0; odd &= odd - 1) column_settle(job, first + (u32)__builtin_ctzll(odd));
}
