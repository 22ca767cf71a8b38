/* SPDX-License-Identifier: Apache-2.0 */
/* sketch_distinct.h: how many different values there were, in 2^bits bytes: HyperLogLog.
 *
 * The first `bits` bits of a value's hash name a register, which keeps the longest run of zeros (plus one) that the
 * rest of any such hash began with. Registers of two sets merge to those of the union by taking the greater of each
 * (GROUP_MAX_BYTES), in any order and as often as one likes. The standard error of the estimate is 1.04 / sqrt(2^bits);
 * few values are counted nearly exactly, since each has a register of its own.
 *
 * The hash is XXH3 with a seed that never changes: registers are saved, and merged over processes. So who chooses
 * values can choose their hashes, and make a count too large or too small; it costs the same whatever they are. */
#pragma once

#include "weir/hash.h"

#define DISTINCT_BITS_MIN     6u
#define DISTINCT_BITS_MAX     12u
#define DISTINCT_BITS_DEFAULT 10u

#define DISTINCT_SEED 0x7765697268797065u /* part of the format: another one would count saved values twice */

static inline u64 distinct_hash(const void *at, size_t len)
{
    return hash_checksum(at, len, DISTINCT_SEED);
}

static inline void distinct_add(u8 *registers, u32 bits, u64 hash)
{
    u8 *to = registers + (hash >> (64 - bits));
    u8  run = (u8)(1 + __builtin_clzll(hash << bits | 1ull << (bits - 1)));
    *to = run > *to ? run : *to;
}

/* The estimate, to the nearest whole number. Never reads past 2^bits bytes, whatever these hold. */
u64 distinct_estimate(const u8 *registers, u32 bits);

/* Can these registers have come of values? */
bool distinct_valid(const u8 *registers, u32 bits);
