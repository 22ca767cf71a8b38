/* SPDX-License-Identifier: Apache-2.0 */
/* lpm_build.c: the tries of lpm.h from sorted nets.
 *
 * In order of (address, length) a net comes before all nets inside it, and the nets inside one slot of a node stand
 * next to each other. So painting the slots in that order leaves the longest net in each, and every node is built from
 * one run of the array, with what was painted there before as the answer where the run has none.
 * Recursion: one level a node, at most 128 / 6 + 1 nodes deep and as many skips. */
#include "tag/lpm.h"

#include <stdlib.h>
#include <sys/mman.h>

#define LINE       64u              /* bytes of a cache line                      */
#define HUGE_PAGE  (2u << 20)
#define SLOTS      (1u << LPM_STRIDE)
#define SKIP_WORTH (2 * LPM_STRIDE) /* a skip replaces this many bits of nodes    */

struct builder {
    const struct lpm_net *net;
    u64                  *pool;
    u32                   used, room; /* units of 8 bytes */
};

/* A run of the sorted nets: from .. end. */
struct run {
    u32 from, end;
};

static u32 build_entry(struct builder *b, struct run in, u32 depth, u32 otherwise);

static u128 net_key(const struct lpm_net *n)
{
    return (u128)n->hi << 64 | n->lo;
}

/* `count` bits of `key` from bit `from` on, the first bit is 0; beyond the last bit are zeros. */
static u32 key_bits(u128 key, u32 from, u32 count)
{
    return count == 0 ? 0 : (u32)(key << from >> (128 - count));
}

/* How many leading bits two keys share. */
static u32 key_common(u128 a, u128 b)
{
    u64 hi = (u64)((a ^ b) >> 64), lo = (u64)(a ^ b);
    if (hi != 0) return (u32)__builtin_clzll(hi);
    return lo != 0 ? 64 + (u32)__builtin_clzll(lo) : 128;
}

/* A place for `units` of 8 bytes. Packed: keeping nodes from crossing cache lines cost more in size than it saved. */
static u32 pool_add(struct builder *b, u32 units)
{
    u32 at = b->used;
    if (at + units > b->room) {
        b->room = (at + units) + (at + units) / 2;
        b->pool = realloc(b->pool, (size_t)b->room * 8);
        WEIR_ASSERT(b->pool != NULL);
    }
    memset(b->pool + at, 0, (size_t)units * 8);
    b->used = at + units;
    WEIR_ASSERT(b->used <= LPM_PLACE);
    return at;
}

/* Paints the slots below a node (or the root) of `width` bits at `depth`: entry[s] is the answer so far, inside[s] the
 * run of nets that are longer than the slot. Nets come in order, so a later one is inside what it paints over. */
static void paint(const struct builder *b, struct run in, u32 depth, u32 width, u32 *entry, struct run *inside)
{
    for (u32 i = in.from; i < in.end;) {
        const struct lpm_net *n = &b->net[i];
        u32                   slot = key_bits(net_key(n), depth, width);
        if (n->bits <= depth + width) {
            u32 slots = 1u << (depth + width - n->bits);
            for (u32 s = slot; s < slot + slots; s++) entry[s] = n->row;
            i++;
            continue;
        }
        u32 end = i + 1;
        while (end < in.end && key_bits(net_key(&b->net[end]), depth, width) == slot) end++;
        inside[slot] = (struct run){ i, end };
        i = end;
    }
}

/* A node at `depth` for nets that share that many bits and are longer. */
static u32 build_node(struct builder *b, struct run in, u32 depth, u32 otherwise)
{
    u32        entry[SLOTS];
    struct run inside[SLOTS] = { 0 };
    for (u32 s = 0; s < SLOTS; s++) entry[s] = otherwise;
    paint(b, in, depth, LPM_STRIDE, entry, inside);

    u64 map = 1;
    for (u32 s = 1; s < SLOTS; s++) {
        bool same = inside[s].end == 0 && inside[s - 1].end == 0 && entry[s] == entry[s - 1];
        if (!same) map |= 1ull << s;
    }
    u32 entries = (u32)__builtin_popcountll(map), at = pool_add(b, 1 + (entries + 1) / 2);
    b->pool[at] = map;
    for (u32 s = 0, k = 0; s < SLOTS; s++) {
        if ((map >> s & 1) == 0) continue;
        u32 e = inside[s].end != 0 ? build_entry(b, inside[s], depth + LPM_STRIDE, entry[s]) : entry[s];
        ((u32 *)(b->pool + at + 1))[k++] = e; /* after the children: they may have moved the pool */
    }
    return LPM_NODE | at;
}

/* How many bits all nets of the run share and have. */
static u32 run_common(const struct builder *b, struct run in, u32 worth)
{
    u32 common = key_common(net_key(&b->net[in.from]), net_key(&b->net[in.end - 1]));
    for (u32 i = in.from; i < in.end && common >= worth; i++)
        if (b->net[i].bits < common) common = b->net[i].bits;
    return common;
}

static u32 build_skip(struct builder *b, struct run in, u32 common, u32 otherwise)
{
    const struct lpm_net *first = &b->net[in.from];
    u32                   at = pool_add(b, sizeof(struct lpm_skip) / 8), next;
    if (first->bits > common) {
        next = build_node(b, in, common, otherwise);
    } else { /* the first net is all that the others are in */
        struct run rest = { in.from + 1, in.end };
        next = rest.from < rest.end ? build_entry(b, rest, common, first->row) : first->row;
    }
    *(struct lpm_skip *)(b->pool + at) = (struct lpm_skip){ first->hi, first->lo, common, otherwise, next, 0 };
    return LPM_SKIP | at;
}

/* The entry for a run that is not empty, whose nets share `depth` bits and are longer. */
static u32 build_entry(struct builder *b, struct run in, u32 depth, u32 otherwise)
{
    u32 common = run_common(b, in, depth + SKIP_WORTH);
    return common >= depth + SKIP_WORTH ? build_skip(b, in, common, otherwise) : build_node(b, in, depth, otherwise);
}

/* Root and pool in one block, on huge pages if it is large: half the cost of a random look-up is the page walk. */
static void *block_new(u64 bytes)
{
    bool  huge = bytes >= HUGE_PAGE;
    void *at = aligned_alloc(huge ? HUGE_PAGE : LINE, round_up(bytes, huge ? HUGE_PAGE : LINE));
    WEIR_ASSERT(at != NULL);
#ifdef MADV_HUGEPAGE
    if (huge) (void)madvise(at, bytes, MADV_HUGEPAGE); /* only advice */
#endif
    return at;
}

static void trie_build(struct lpm_trie *t, const struct lpm_net *nets, u32 n, u32 otherwise)
{
    u32            bits = n > LPM_WIDE_NETS ? 18 : 12, slots = 1u << bits;
    struct builder b = { .net = nets };
    u32           *root = calloc(slots, sizeof *root);
    struct run    *inside = calloc(slots, sizeof *inside);
    WEIR_ASSERT(root != NULL && inside != NULL);

    u32 none = pool_add(&b, 2); /* place 0: a node that answers 0, see lpm_find.c */
    b.pool[none] = 1;
    for (u32 s = 0; s < slots; s++) root[s] = otherwise;
    paint(&b, (struct run){ 0, n }, 0, bits, root, inside);
    for (u32 s = 0; s < slots; s++)
        if (inside[s].end != 0) root[s] = build_entry(&b, inside[s], bits, root[s]);

    u64 root_bytes = (u64)slots * sizeof *root, pool_bytes = (u64)b.used * 8;
    u8 *block = block_new(root_bytes + pool_bytes);
    memcpy(block, root, root_bytes);
    memcpy(block + root_bytes, b.pool, pool_bytes);
    t->root = (u32 *)(void *)block;
    t->pool = (u64 *)(void *)(block + root_bytes);
    t->root_bits = bits;
    t->bytes = root_bytes + pool_bytes;
    free(inside);
    free(root);
    free(b.pool);
}

static bool net_is_v4(const struct lpm_net *n)
{
    return n->hi == 0 && n->lo >> 32 == 0xffff && n->bits >= 96;
}

/* The longest IPv6 net around all of IPv4 (::ffff:0:0/96), such as ::/0. */
static u32 row_around_v4(const struct lpm_net *nets, u32 n)
{
    u32 row = 0, longest = 0;
    for (u32 i = 0; i < n; i++) {
        bool around = key_common(net_key(&nets[i]), (u128)0xffff << 32) >= nets[i].bits;
        if (around && (row == 0 || nets[i].bits > longest)) {
            row = nets[i].row;
            longest = nets[i].bits;
        }
    }
    return row;
}

void lpm_init(struct lpm *l, struct lpm_net *nets, u32 n)
{
    u32 from = 0, end;
    while (from < n && !net_is_v4(&nets[from])) from++;
    for (end = from; end < n && net_is_v4(&nets[end]); end++) {
        nets[end].hi = nets[end].lo << 32; /* the 32 bits come to the front: the tries are alike */
        nets[end].lo = 0;
        nets[end].bits -= 96;
    }
    /* IPv4 nets stand together; out with them, so that the others do, too. */
    u32             v4 = end - from, v6 = n - v4;
    struct lpm_net *apart = malloc(((size_t)v4 + 1) * sizeof *apart);
    WEIR_ASSERT(apart != NULL);
    memcpy(apart, nets + from, (size_t)v4 * sizeof *nets);
    memmove(nets + from, nets + end, (size_t)(n - end) * sizeof *nets);
    u32 around = row_around_v4(nets, v6);
    trie_build(&l->v4, apart, v4, around);
    trie_build(&l->v6, nets, v6, 0);
    free(apart);
    l->find = lpm_find_choose();
}

void lpm_fini(struct lpm *l)
{
    free((void *)(uintptr_t)l->v4.root);
    free((void *)(uintptr_t)l->v6.root);
    *l = (struct lpm){ 0 };
}

u64 lpm_memory(const struct lpm *l)
{
    return l->v4.bytes + l->v6.bytes;
}
