/* SPDX-License-Identifier: Apache-2.0 */
/* sketch_distinct.c: from registers to a number, by the improved raw estimator of O. Ertl, "New cardinality estimation
 * algorithms for HyperLogLog sketches" (2017, arXiv:1702.01284), algorithm 6: one formula from one value to 2^64,
 * without a table of corrections and without a change of method, so a set that grows never seems to shrink. It uses
 * products and square roots alone, whose results do not depend on the machine. */
#include "record/sketch_distinct.h"

/* x + 1 x^2 + 2 x^4 + 4 x^8 ...: what registers that no value has reached add. Not of x == 1, the empty set. */
static f64 sigma(f64 x)
{
    f64 y = 1, z = x;
    for (f64 before = -1; z != before;) {
        before = z;
        x *= x;
        z += x * y;
        y += y;
    }
    return z;
}

/* The same at the other end: registers that are full. */
static f64 tau(f64 x)
{
    if (x == 0 || x == 1) return 0;
    f64 y = 1, z = 1 - x;
    for (f64 before = -1; z != before;) {
        before = z;
        x = __builtin_sqrt(x);
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    }
    return z / 3;
}

u64 distinct_estimate(const u8 *registers, u32 bits)
{
    const f64 inverse = 0.72134752044448170368; /* 1 / (2 ln 2) */
    u32       m = 1u << bits, most = 64 - bits, count[256] = { 0 };
    for (u32 i = 0; i < m; i++) count[registers[i]]++;
    if (count[0] == m) return 0;
    f64 z = m * tau(1 - (f64)count[most + 1] / m);
    for (u32 k = most; k >= 1; k--) z = 0.5 * (z + count[k]);
    z += m * sigma((f64)count[0] / m);
    f64 estimate = inverse * m * m / z + 0.5;
    return estimate < 0x1p64 ? (u64)estimate : UINT64_MAX;
}

bool distinct_valid(const u8 *registers, u32 bits)
{
    u8 most = 0;
    for (u32 i = 0; i < 1u << bits; i++) most = registers[i] > most ? registers[i] : most;
    return most <= 65 - bits;
}
