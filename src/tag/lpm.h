/* SPDX-License-Identifier: Apache-2.0 */
/* lpm.h: longest prefix match: from an address to the number of the longest net that holds it.
 *
 * Two tries of the same make, one over the 32 bits of IPv4 and one over the 128 of IPv6. A trie is a directly indexed
 * root of 12 or 18 bits, then nodes of 6 bits each that keep only where the answer changes, and skips over long
 * stretches without a fork. Built once from sorted nets; never changed; any number of threads may look up.
 * Numbers are the caller's, 1 .. LPM_ROW_MAX; 0 means no net. */
#pragma once

#include "weir/addr.h"

#define LPM_ROW_MAX 0x7fffffffu

/* A net as builder and sorter want it: the address as two host-order halves, no bits set behind the prefix. */
struct lpm_net {
    u64 hi, lo;
    u32 row;
    u32 bits; /* 0..128 of the mapped form */
};

/* One family. An entry is a row (top bit clear), a node (10) or a skip (11), these two with their place in `pool`.
 *   node   u64 map: bit s is set where slot s has another entry than slot s - 1; then u32 entries, one for each set bit
 *   skip   32 bytes, struct lpm_skip: all nets from here share `depth` bits */
struct lpm_trie {
    const u32 *root;      /* 1 << root_bits entries                      */
    const u64 *pool;      /* behind the root in the same block           */
    u32        root_bits;
    u64        bytes;     /* of the block                                */
};

struct lpm_skip {
    u64 hi, lo;    /* what the first `depth` bits must be      */
    u32 depth;     /* 1..128                                   */
    u32 otherwise; /* the row if they are not                  */
    u32 next;      /* the entry if they are                    */
    u32 unused;
};
static_assert(sizeof(struct lpm_skip) == 32, "four places of the pool");

typedef void lpm_find_fn(const struct lpm_trie *v4, const struct lpm_trie *v6, const addr *at, u32 n, u32 *rows);

struct lpm {
    struct lpm_trie v4, v6;
    lpm_find_fn    *find; /* for this processor */
};

#define LPM_NODE       0x80000000u
#define LPM_SKIP       0xc0000000u
#define LPM_PLACE      0x3fffffffu /* in units of 8 bytes */
#define LPM_STRIDE     6u
#define LPM_WIDE_NETS  32768u      /* a family with more nets has a root of 18 bits, else 12 */

/* Builds from n nets, no two alike, in order of (hi, lo, bits); the array is used up. Out of memory aborts. */
void lpm_init(struct lpm *l, struct lpm_net *nets, u32 n);
void lpm_fini(struct lpm *l);

u64 lpm_memory(const struct lpm *l);

/* rows[i] is the number of the longest net that holds at[i], 0: none. Many at once hide each other's cache misses. */
static inline void lpm_find(const struct lpm *l, const addr *at, u32 n, u32 *rows)
{
    l->find(&l->v4, &l->v6, at, n, rows);
}

/* The look-up that is best on this processor. */
lpm_find_fn *lpm_find_choose(void);

/* Sorts nets by (hi, lo, bits), stable; `spare` has room for n. */
void lpm_sort(struct lpm_net *nets, struct lpm_net *spare, u32 n);
