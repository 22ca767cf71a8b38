/* SPDX-License-Identifier: Apache-2.0 */
/* store.c: records in one reserved range, an index over them. See store.h. */
#include "packet/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_BYTES (2u << 20) /* what the kernel gives at once where it has huge pages */
#define CLEAR_BYTES 64u
#define BITS_MIN 10u
#define LINK_AT sizeof(u64) /* of a free record: behind the hash, whose 0 says that it is free */

static size_t store_bytes(const struct store *s, u32 records)
{
    return (size_t)round_up((u64)records * s->stride, HUGE_BYTES);
}

void store_init(struct store *s, u32 size, u32 max)
{
    WEIR_ASSERT(size >= 2 * sizeof(u64) && max > 0 && max < UINT32_MAX);
    *s = (struct store){ .stride = (u32)round_up(size, 8), .max = max };
    void *at = mmap(NULL, store_bytes(s, max), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
    WEIR_ASSERT(at != MAP_FAILED);
    if (store_bytes(s, max) > HUGE_BYTES) madvise(at, store_bytes(s, max), MADV_HUGEPAGE); /* else only slower */
    s->at = at;
}

void store_fini(struct store *s)
{
    if (s->at) munmap(s->at, store_bytes(s, s->max));
    free(s->slot);
    *s = (struct store){ 0 };
}

u64 store_memory(const struct store *s)
{
    return store_bytes(s, s->used) + (s->bits ? 8ull << s->bits : 0);
}

void store_reset(struct store *s)
{
    memset(s->at, 0, (size_t)s->used * s->stride);
    if (s->bits) memset(s->slot, 0, sizeof *s->slot << s->bits);
    s->used = s->live = s->free = 0;
}

u32 store_take(struct store *s)
{
    WEIR_ASSERT(s->live < s->max);
    s->live++;
    if (s->free == 0) return s->used++; /* fresh memory is zero */
    u32   number = s->free - 1;
    u8   *record = store_get(s, number);
    memcpy(&s->free, record + LINK_AT, sizeof s->free);
    if (s->free) __builtin_prefetch(store_get(s, s->free - 1), 1); /* it says which one is free after it */
    memset(record, 0, s->stride);
    return number;
}

void store_give(struct store *s, u32 number)
{
    u8 *record = store_get(s, number);
    WEIR_ASSERT(s->live > 0 && number < s->used);
    s->live--;
    memset(record, 0, s->stride < CLEAR_BYTES ? s->stride : CLEAR_BYTES);
    memcpy(record + LINK_AT, &s->free, sizeof s->free);
    s->free = number + 1;
}

static void slot_put(struct store *s, u64 slot)
{
    u32 i = store_home(s, slot);
    while (s->slot[i]) i = store_next(s, i);
    s->slot[i] = slot;
}

/* Zeroed; on huge pages as soon as there is one to fill: every look-up goes to another place. */
static u64 *slots_alloc(u32 bits)
{
    size_t bytes = sizeof(u64) << bits;
    u64   *slot = bytes < HUGE_BYTES ? malloc(bytes) : aligned_alloc(HUGE_BYTES, bytes);
    WEIR_ASSERT(slot != NULL);
    if (bytes >= HUGE_BYTES) madvise(slot, bytes, MADV_HUGEPAGE);
    return memset(slot, 0, bytes);
}

static void slots_grow(struct store *s)
{
    u64 *old = s->slot, size = s->bits ? 1ull << s->bits : 0;
    s->bits = s->bits ? s->bits + 1 : BITS_MIN;
    s->slot = slots_alloc(s->bits);
    for (u64 i = 0; i < size; i++)
        if (old[i]) slot_put(s, old[i]);
    free(old);
}

void store_index(struct store *s, u32 number)
{
    if (s->bits == 0 || (u64)s->live * 2 > 1ull << s->bits) slots_grow(s);
    slot_put(s, (store_hash(s, number) >> 32) << 32 | (number + 1));
}

void store_unindex(struct store *s, u32 number)
{
    u32 mask = (u32)((1ull << s->bits) - 1), i = store_home(s, store_hash(s, number));
    while ((u32)s->slot[i] != number + 1) {
        WEIR_ASSERT(s->slot[i] != 0);
        i = store_next(s, i);
    }
    u64 slot; /* those behind move up, unless their own place lies behind the gap */
    for (u32 j = store_next(s, i); (slot = s->slot[j]) != 0; j = store_next(s, j)) {
        if (((j - store_home(s, slot)) & mask) < ((j - i) & mask)) continue;
        s->slot[i] = slot;
        i = j;
    }
    s->slot[i] = 0;
}
