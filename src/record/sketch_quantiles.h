/* SPDX-License-Identifier: Apache-2.0 */
/* sketch_quantiles.h: below which value half of all values lie, or 99 of 100: counts in buckets of equal ratio.
 *
 * Each power of two is cut in 12 buckets, each 2^(1/12) times as high as the one before, so a quantile that is read
 * from the buckets is within 2.9 % of the value of that rank (the idea of DDSketch: C. Masson, J. E. Rim, H. K. Lee,
 * VLDB 2019). Bounds are whole numbers made beforehand: no logarithm, the same bucket on every machine. A bucket of whole
 * numbers that holds one number only (all up to 16) is exact.
 * Sketches merge by adding counts (GROUP_ADD_U32), in any order; a count stays at 2^32 - 1.
 *
 *   CELL        COUNTS
 *   0           zero; of decimals also what is below 2^-24 (6e-8), negative or not
 *   1 .. 768    a u64 of [2^(k/12), 2^((k+1)/12)), k = cell - 1; a decimal the same times 2^-24
 *   769         decimals of 2^40 (1.1e12) and more, read as 2^40 */
#pragma once

#include "weir/types.h"

#define QUANTILES_STEPS   12u /* buckets of an octave */
#define QUANTILES_OCTAVES 64u
#define QUANTILES_CELLS   (2 + QUANTILES_STEPS * QUANTILES_OCTAVES)
#define QUANTILES_WORDS   (QUANTILES_CELLS / 2)
static_assert(QUANTILES_CELLS % 2 == 0, "cells fill words");

#define QUANTILES_MAX     4u /* percents that a measure shows */
#define QUANTILES_DEFAULT (50u | 90u << 8 | 99u << 16)

/* The cell of a value. f64: no NaN. */
u32 quantiles_cell_u64(u64 v);
u32 quantiles_cell_f64(f64 v);

static inline void quantiles_add(u32 *cells, u32 cell)
{
    cells[cell] += cells[cell] != UINT32_MAX;
}

/* The value of rank percent * n / 100, rounded up, of n; percent: 1 .. 99. False: there is no value. real: the values
 * were decimals. */
bool quantiles_find(const u32 *cells, bool real, u32 percent, f64 *out);

/* The i-th percent of a list as fields hold it: one a byte, ascending; 0 behind the last. */
static inline u32 quantiles_percent(u32 list, u32 i)
{
    return i < QUANTILES_MAX ? list >> 8 * i & 255 : 0;
}

static inline u32 quantiles_percents(u32 list)
{
    u32 n = 0;
    while (quantiles_percent(list, n)) n++;
    return n;
}
