/* SPDX-License-Identifier: Apache-2.0 */
/* hash.c: XXH3, keyed by a seed of the process. */
#include "weir/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <sys/random.h>

/* Written once before threads start, read everywhere: the one exception to "no file-scope variables". */
static u64 seed = 0x9e3779b97f4a7c15u;

void hash_seed_init(void)
{
    u64 drawn;
    if (getrandom(&drawn, sizeof drawn, 0) == (ssize_t)sizeof drawn) seed = drawn;
}

void hash_seed_set(u64 to)
{
    seed = to;
}

u64 hash_bytes(const void *at, size_t len)
{
    u64 h = XXH3_64bits_withSeed(at, len, seed);
    return h ? h : 1;
}

u64 hash_checksum(const void *at, size_t len, u64 with)
{
    return XXH3_64bits_withSeed(at, len, with);
}
