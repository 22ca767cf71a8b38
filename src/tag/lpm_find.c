/* SPDX-License-Identifier: Apache-2.0 */
/* lpm_find.c: looking up addresses in the tries of lpm.h, many in flight.
 *
 * A block of addresses takes each step together: all roots, all nodes, all entries. What the next step will touch is
 * prefetched, so the misses of a block overlap; a step has no branch that depends on the address. Addresses that are
 * not through after the first node (nets longer than /24, IPv6) go on in a list of their own.
 * The same code is compiled twice, with and without the processor's population count. */
#include "tag/lpm.h"

#define BLOCK 64u /* addresses that take each step together */
#define FEW   4u  /* fewer than these are looked up one by one */

/* Lanes still on their way. */
struct flight {
    u64 hi[BLOCK], lo[BLOCK]; /* the addresses, first bit on top    */
    u32 entry[BLOCK];
    u8  depth[BLOCK];         /* bits that led to the entry         */
    u8  back[BLOCK];          /* where the row belongs in the block */
};

#define INLINE static inline __attribute__((always_inline))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BIG64(v)  __builtin_bswap64(v)
#define BIG32(v)  __builtin_bswap32(v)
#else
#define BIG64(v)  (v)
#define BIG32(v)  (v)
#endif

INLINE u64 load_be64(const u8 *at)
{
    u64 v;
    memcpy(&v, at, 8);
    return BIG64(v);
}

INLINE u32 load_be32(const u8 *at)
{
    u32 v;
    memcpy(&v, at, 4);
    return BIG32(v);
}

/* All bits set if the entry is a node (its top bits are 10), else none: a mask, since the compiler makes a branch
 * of a condition and the processor guesses it wrong every other time. */
INLINE u32 node_mask(u32 entry)
{
    return (u32)((i32)(entry & ~(entry << 1)) >> 31);
}

/* Likewise if it is no row. */
INLINE u32 inner_mask(u32 entry)
{
    return (u32)((i32)entry >> 31);
}

/* The six bits of the address that choose in a node at `depth`. */
INLINE u32 slot_at(u64 hi, u64 lo, u32 depth)
{
    return (u32)((((u128)hi << 64 | lo) << depth) >> (128 - LPM_STRIDE));
}

/* Which of the node's entries is the slot's: as many as there are changes up to it. */
INLINE const u32 *node_entry(const u64 *node, u32 slot)
{
    u32 rank = (u32)__builtin_popcountll(node[0] << (63 - slot));
    return (const u32 *)(node + 1) + rank - 1;
}

INLINE bool skip_matches(const struct lpm_skip *s, u64 hi, u64 lo)
{
    u128 differs = (u128)(hi ^ s->hi) << 64 | (lo ^ s->lo);
    return differs >> (128 - s->depth) == 0;
}

/* One address from `entry` at `depth` to its row, step by step. */
INLINE u32 walk(const u64 *pool, u64 hi, u64 lo, u32 entry, u32 depth)
{
    while (entry & LPM_NODE) {
        const u64 *at = pool + (entry & LPM_PLACE);
        if (entry >= LPM_SKIP) {
            const struct lpm_skip *skip = (const struct lpm_skip *)at;
            if (!skip_matches(skip, hi, lo)) return skip->otherwise;
            entry = skip->next;
            depth = skip->depth;
        } else {
            entry = *node_entry(at, slot_at(hi, lo, depth));
            depth += LPM_STRIDE;
        }
    }
    return entry;
}

INLINE void flight_put(const u64 *pool, struct flight *f, u32 k, u64 hi, u64 lo, u32 entry, u32 depth, u32 back)
{
    f->hi[k] = hi;
    f->lo[k] = lo;
    f->entry[k] = entry;
    f->depth[k] = (u8)depth;
    f->back[k] = (u8)back;
    __builtin_prefetch(pool + (entry & LPM_PLACE & inner_mask(entry)));
}

/* All of `f` to their rows: one node or skip for each a turn; who has arrived leaves the list. */
INLINE void flight_end(const u64 *pool, struct flight *f, u32 n, u32 *rows)
{
    while (n > 0) {
        const u32 *entry[BLOCK];
        for (u32 i = 0; i < n; i++) {
            const u64 *at = pool + (f->entry[i] & LPM_PLACE);
            if (f->entry[i] >= LPM_SKIP) {
                const struct lpm_skip *skip = (const struct lpm_skip *)at;
                bool                   match = skip_matches(skip, f->hi[i], f->lo[i]);
                entry[i] = match ? &skip->next : &skip->otherwise;
                f->depth[i] = (u8)skip->depth;
            } else {
                entry[i] = node_entry(at, slot_at(f->hi[i], f->lo[i], f->depth[i]));
                f->depth[i] = (u8)(f->depth[i] + LPM_STRIDE);
                __builtin_prefetch(entry[i]);
            }
        }
        u32 on = 0;
        for (u32 i = 0; i < n; i++) {
            u32 e = *entry[i];
            rows[f->back[i]] = e;
            flight_put(pool, f, on, f->hi[i], f->lo[i], e, f->depth[i], f->back[i]);
            on += e >> 31;
        }
        n = on;
    }
}

/* One step on from the root without a branch: a row is sent through the node at place 0, whose answer is not used. */
INLINE u32 after_root(const u64 *pool, u32 entry, u32 slot)
{
    u32 node = node_mask(entry);
    return (*node_entry(pool + (entry & LPM_PLACE & node), slot) & node) | (entry & ~node);
}

/* n <= BLOCK IPv4 addresses. */
INLINE void find_v4(const struct lpm_trie *t, const u32 *key, u32 n, u32 *rows)
{
    const u32 *root = t->root;
    const u64 *pool = t->pool;
    u32        first[BLOCK], root_shift = 32 - t->root_bits, slot_shift = root_shift - LPM_STRIDE, on = 0;
    u8         lane[BLOCK];
    for (u32 i = 0; i < n; i++) {
        u32 e = root[key[i] >> root_shift];
        first[i] = e;
        __builtin_prefetch(pool + (e & LPM_PLACE & node_mask(e)));
    }
    for (u32 i = 0; i < n; i++) {
        u32 e = after_root(pool, first[i], key[i] >> slot_shift & ((1u << LPM_STRIDE) - 1));
        rows[i] = e;
        lane[on] = (u8)i;
        on += e >> 31;
    }
    if (on == 0) return;
    struct flight f;
    for (u32 k = 0; k < on; k++) {
        u32 i = lane[k], depth = t->root_bits + (node_mask(first[i]) & LPM_STRIDE);
        flight_put(pool, &f, k, (u64)key[i] << 32, 0, rows[i], depth, i);
    }
    flight_end(pool, &f, on, rows);
}

/* The same for addresses of 128 bits; their answers lie deeper, so all go on from the root in the list. */
INLINE void find_v6(const struct lpm_trie *t, const u64 *hi, const u64 *lo, u32 n, u32 *rows)
{
    const u64    *pool = t->pool;
    struct flight f;
    u32           bits = t->root_bits, on = 0;
    for (u32 i = 0; i < n; i++) {
        u32 e = t->root[hi[i] >> (64 - bits)];
        rows[i] = e;
        flight_put(pool, &f, on, hi[i], lo[i], e, bits, i);
        on += e >> 31;
    }
    flight_end(pool, &f, on, rows);
}

/* A block in which IPv6 addresses are, alone or among others: each family by itself. */
INLINE void find_any(const struct lpm_trie *v4, const struct lpm_trie *v6, const addr *at, u32 n, u32 *rows)
{
    u64 hi[BLOCK], lo[BLOCK];
    u32 key[BLOCK], part[BLOCK];
    u8  back4[BLOCK], back6[BLOCK];
    u32 n4 = 0, n6 = 0;
    for (u32 i = 0; i < n; i++) {
        hi[n6] = load_be64(at[i].b);
        lo[n6] = load_be64(at[i].b + 8);
        key[n4] = (u32)lo[n6];
        back4[n4] = back6[n6] = (u8)i;
        bool is_v4 = addr_is_v4(&at[i]);
        n4 += is_v4;
        n6 += !is_v4;
    }
    find_v4(v4, key, n4, part);
    for (u32 k = 0; k < n4; k++) rows[back4[k]] = part[k];
    find_v6(v6, hi, lo, n6, part);
    for (u32 k = 0; k < n6; k++) rows[back6[k]] = part[k];
}

/* n <= BLOCK addresses of any kind. */
INLINE void find_block(const struct lpm_trie *v4, const struct lpm_trie *v6, const addr *at, u32 n, u32 *rows)
{
    u64 odd = 0;
    u32 key[BLOCK];
    for (u32 i = 0; i < n; i++) {
        u32 middle;
        u64 top;
        memcpy(&top, at[i].b, sizeof top);
        memcpy(&middle, at[i].b + 8, sizeof middle);
        odd |= top | (middle ^ BIG32(0xffffu));
        key[i] = load_be32(at[i].b + 12);
    }
    if (odd == 0) find_v4(v4, key, n, rows);
    else          find_any(v4, v6, at, n, rows);
}

/* Without a branch up to the first node of IPv4, so that look-ups in a row overlap even if each comes alone. */
INLINE u32 find_one(const struct lpm_trie *v4, const struct lpm_trie *v6, const addr *at)
{
    u64 hi = load_be64(at->b), lo = load_be64(at->b + 8);
    if (!addr_is_v4(at)) return walk(v6->pool, hi, lo, v6->root[hi >> (64 - v6->root_bits)], v6->root_bits);
    u32 key = (u32)lo, bits = v4->root_bits, root = v4->root[key >> (32 - bits)];
    u32 e = after_root(v4->pool, root, key >> (32 - bits - LPM_STRIDE) & ((1u << LPM_STRIDE) - 1));
    if ((e & LPM_NODE) == 0) return e;
    return walk(v4->pool, (u64)key << 32, 0, e, bits + (node_mask(root) & LPM_STRIDE));
}

INLINE void find_all(const struct lpm_trie *v4, const struct lpm_trie *v6, const addr *at, u32 n, u32 *rows)
{
    if (n < FEW) {
        for (u32 i = 0; i < n; i++) rows[i] = find_one(v4, v6, &at[i]);
        return;
    }
    for (; n > 0;) {
        u32 now = n < BLOCK ? n : BLOCK;
        find_block(v4, v6, at, now, rows);
        at += now;
        rows += now;
        n -= now;
    }
}

static void find_portable(const struct lpm_trie *v4, const struct lpm_trie *v6, const addr *at, u32 n, u32 *rows)
{
    find_all(v4, v6, at, n, rows);
}

#ifdef __x86_64__
__attribute__((target("popcnt,bmi,bmi2")))
static void find_popcnt(const struct lpm_trie *v4, const struct lpm_trie *v6, const addr *at, u32 n, u32 *rows)
{
    find_all(v4, v6, at, n, rows);
}
#endif

lpm_find_fn *lpm_find_choose(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))
        return find_popcnt;
#endif
    return find_portable;
}
