/* SPDX-License-Identifier: Apache-2.0 */
/* sketch_quantiles.c: values to buckets and back. A value is an octave (where its highest bit stands) and 64 bits that
 * begin with that bit; the latter find their step of twelve by a table and one comparison. */
#include "record/sketch_quantiles.h"

#include <string.h>

#define REAL_LEAST (-24) /* the octave of decimals that cell 1 begins with */
#define CELL_ABOVE (QUANTILES_CELLS - 1)

static const u64 bounds[QUANTILES_STEPS];
static const u8  steps[32];

static u64 bound_last(u32 step)
{
    return step + 1 < QUANTILES_STEPS ? bounds[step + 1] - 1 : UINT64_MAX;
}

/* bits: the highest is set. */
static u32 cell_of(u32 octave, u64 bits)
{
    u32 step = steps[bits >> 58 & 31];
    return 1 + octave * QUANTILES_STEPS + step + (bits > bound_last(step));
}

u32 quantiles_cell_u64(u64 v)
{
    if (v == 0) return 0;
    u32 zeros = (u32)__builtin_clzll(v);
    return cell_of(63 - zeros, v << zeros);
}

u32 quantiles_cell_f64(f64 v)
{
    u64 bits;
    memcpy(&bits, &v, sizeof bits);
    i32 octave = (i32)(bits >> 52) - 1023 - REAL_LEAST;
    if (bits >> 63 || octave < 0) return 0;
    if (octave >= (i32)QUANTILES_OCTAVES) return CELL_ABOVE;
    return cell_of((u32)octave, 1ull << 63 | bits << 11);
}

/* The middle of a and b that is off by the same share of either. */
static f64 between(f64 a, f64 b)
{
    return a == b ? a : 2 * (a / (a + b)) * b;
}

static f64 value_of(u32 cell, bool real)
{
    if (cell == 0) return 0;
    u32 octave = (cell - 1) / QUANTILES_STEPS, step = (cell - 1) % QUANTILES_STEPS;
    u64 first = bounds[step], last = bound_last(step);
    if (cell == CELL_ABOVE) return __builtin_ldexp(1, (int)QUANTILES_OCTAVES + REAL_LEAST);
    if (real) return __builtin_ldexp(between((f64)first, (f64)last), (int)octave + REAL_LEAST - 63);
    u32 shift = 63 - octave;
    u64 rest = (1ull << shift) - 1;
    return between((f64)((first >> shift) + ((first & rest) != 0)), (f64)(last >> shift));
}

bool quantiles_find(const u32 *cells, bool real, u32 percent, f64 *out)
{
    u64 n = 0, seen = 0;
    for (u32 i = 0; i < QUANTILES_CELLS; i++) n += cells[i];
    if (n == 0) return false;
    u64 rank = (n * percent + 99) / 100;
    u32 cell = 0;
    while ((seen += cells[cell]) < rank) cell++;
    *out = value_of(cell, real);
    return true;
}

/* 2^63 * 2^(i/12), rounded up. */
static const u64 bounds[QUANTILES_STEPS] = {
    0x8000000000000000, 0x879c7c96cbcb165f, 0x8facd61e3eb5feb6, 0x9837f0518db8a970,
    0xa14517cc6b945712, 0xaadc08478762efe5, 0xb504f333f9de6485, 0xbfc886bb467d7f37,
    0xcb2ff529eb71e416, 0xd744fccad69d6af5, 0xe411f03a76094a36, 0xf1a1bf38809a1dbd,
};

/* By the five bits behind the highest: the step that the least such value is in. */
static const u8 steps[32] = {
    0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 9, 10, 10, 10, 11, 11, 11,
};
