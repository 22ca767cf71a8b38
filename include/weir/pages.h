/* SPDX-License-Identifier: Apache-2.0 */
/* pages.h: fixed-size records in pages that know whether they changed: the only snapshot mechanism.
 *
 * A cut freezes the dirty pages instead of copying them: the snapshot thread reads the frozen bytes while the loop
 * goes on; the first write to a frozen page copies that page (copy on write). So a cut costs the loop a walk over
 * one byte a page, not a copy of the state.
 *
 *   CLEAN   equals what state.db holds
 *   DIRTY   changed since the last cut
 *   FROZEN  lent to the snapshot thread; unchanged since the cut
 *
 * Pages are cut from slabs that double up to 2 MiB (then huge pages of the kernel's, if it has them): a malloc of each
 * page would round up by a fifth, and touching them first would cost as much as filling them.
 *
 * One thread owns a `pages`; the bytes of a frozen page may be read by one other until pages_thaw.
 * Records never straddle pages. Records per page are a power of two, so that an index is a shift and a mask. */
#pragma once

#include "weir/types.h"

#define PAGE_BYTES_MAX 65536u

enum page_state { PAGE_CLEAN, PAGE_DIRTY, PAGE_FROZEN };

struct pages {
    u8 **page;    /* `held` of them                                         */
    u8  *state;   /* enum page_state of each                                */
    u32  held;    /* pages allocated                                        */
    u32  room;    /* pointers allocated                                     */
    u32  size;    /* bytes of a record                                      */
    u32  shift;   /* log2 of records a page                                 */
    u32  count;   /* records in use                                         */
    u32  frozen;  /* pages lent at the moment                               */
    struct pages_loose *loose; /* frozen bytes replaced by a copy, given back at thaw */
    struct pages_slab  *slab;  /* memory that pages are cut from, newest first        */
    void               *spare; /* pages given back: each begins with the next         */
};

/* size: bytes of a record, 1..PAGE_BYTES_MAX. A page is the largest power of two of records within 64 KiB. */
void pages_init(struct pages *p, u32 size);

/* Frees all pages. None may be frozen: see pages_detach. */
void pages_fini(struct pages *p);

/* Forgets the records and keeps the memory. None may be frozen. */
void pages_reset(struct pages *p);

static inline u32 pages_bytes(const struct pages *p)
{
    return p->size << p->shift;
}

/* Bytes of memory held. */
u64 pages_memory(const struct pages *p);

/* Read access to record i < count. Lent until the next write to its page. */
static inline const void *pages_get(const struct pages *p, u32 i)
{
    return p->page[i >> p->shift] + (size_t)(i & ((1u << p->shift) - 1)) * p->size;
}

void pages_touch_slow(struct pages *p, u32 page);

/* Write access: marks the page dirty, copying it first if it is frozen. Lent until the next cut. */
static inline void *pages_write(struct pages *p, u32 i)
{
    u32 page = i >> p->shift;
    if (__builtin_expect(p->state[page] != PAGE_DIRTY, 0)) pages_touch_slow(p, page);
    return p->page[page] + (size_t)(i & ((1u << p->shift) - 1)) * p->size;
}

/* Adds n zeroed records, adjacent in index; gives the index of the first. At most 2^32 - 1 records in all. */
u32 pages_add(struct pages *p, u32 n);

/* Adds one record, number count - 1 from now on, and gives its bytes, which the caller writes whole before anything
 * else: they are not zeroed. */
static inline void *pages_add_one(struct pages *p)
{
    if (__builtin_expect(p->count >> p->shift < p->held, 1)) return pages_write(p, p->count++);
    return pages_write(p, pages_add(p, 1));
}

/* One page as the snapshot thread sees it. */
struct page_view {
    u32         number;
    u32         bytes;
    const void *at;
};

/* Freezes the dirty pages and tells each to `tell`; page_view.at is lent until pages_thaw. No page may be frozen. */
void pages_cut(struct pages *p, void (*tell)(void *to, struct page_view page), void *to);

/* The snapshot is written (or was given up: `written` false makes the pages dirty again). */
void pages_thaw(struct pages *p, bool written);

/* Fills page `number` from an image; pages come in any order, `count` records are set by pages_restored. */
bool pages_restore(struct pages *p, u32 number, const void *at, u32 bytes);
bool pages_restored(struct pages *p, u32 count);
