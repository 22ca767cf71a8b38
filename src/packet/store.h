/* SPDX-License-Identifier: Apache-2.0 */
/* store.h: numbered records of one size, and an index that finds them by hash.
 *
 * Memory is reserved for the most there may be and held as it is first used, so that a record never moves and its place
 * is a multiplication. Records given back are taken again first. The index is open addressing over u64: the upper half
 * of the hash and the record's number + 1; it doubles at half full, and taking out closes the gap, so nothing is left
 * behind by floods. A record starts with its 64-bit hash; 0: it is free. */
#pragma once

#include "weir/types.h"

struct store {
    u8  *at;
    u32  stride; /* bytes of a record, a multiple of 8 */
    u32  max;
    u32  used;   /* records ever taken                 */
    u32  live;
    u32  free;   /* number + 1 of the record given back last */
    u32  bits;   /* log2 of slots; 0: no index yet     */
    u64 *slot;
};

void store_init(struct store *, u32 size, u32 max);
void store_fini(struct store *);
u64  store_memory(const struct store *);

/* Forgets all records and keeps the memory. */
void store_reset(struct store *);

/* A zeroed record that is in no slot. There must be room: live < max. */
u32  store_take(struct store *);
/* It must be in no slot any more. Its first 64 bytes (or all it has) are cleared. */
void store_give(struct store *, u32 number);

/* The record's hash must stand in it already. */
void store_index(struct store *, u32 number);
void store_unindex(struct store *, u32 number);

static inline bool store_full(const struct store *s)
{
    return s->live == s->max;
}

static inline void *store_get(const struct store *s, u32 number)
{
    return s->at + (size_t)number * s->stride;
}

static inline u64 store_hash(const struct store *s, u32 number)
{
    return *(const u64 *)store_get(s, number);
}

/* Where to begin to look; slots are walked by store_next until one is 0. */
static inline u32 store_home(const struct store *s, u64 hash)
{
    return s->bits ? (u32)(hash >> (64 - s->bits)) : 0;
}

static inline u32 store_next(const struct store *s, u32 i)
{
    return (i + 1) & (u32)((1ull << s->bits) - 1);
}

static inline bool store_fits(u64 slot, u64 hash)
{
    return (slot ^ hash) >> 32 == 0;
}

/* The first record whose half of the hash fits: a guess to fetch memory by, to be checked. UINT32_MAX: none. */
static inline u32 store_guess(const struct store *s, u64 hash)
{
    if (s->bits == 0) return UINT32_MAX;
    u64 slot;
    for (u32 i = store_home(s, hash); (slot = s->slot[i]) != 0; i = store_next(s, i))
        if (store_fits(slot, hash)) return (u32)slot - 1;
    return UINT32_MAX;
}
