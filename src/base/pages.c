/* SPDX-License-Identifier: Apache-2.0 */
/* pages.c: records in pages; see pages.h for the three states of a page. */
#include "weir/pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The bytes of a frozen page that was written to since the cut: the snapshot thread still reads them. */
struct pages_loose {
    struct pages_loose *next;
    u8                 *bytes;
};

/* A block of memory: this head, then pages. */
struct pages_slab {
    struct pages_slab *next;
    u32                room, used; /* pages */
};

#define SLAB_BYTES  ((size_t)2 << 20) /* the largest, and a huge page */
#define SLAB_HEAD   64u               /* the pages behind it stand on cache lines */
static_assert(sizeof(struct pages_slab) <= SLAB_HEAD, "a slab's head fits");

void pages_init(struct pages *p, u32 size)
{
    WEIR_ASSERT(size >= 1 && size <= PAGE_BYTES_MAX);
    *p = (struct pages){ .size = size };
    while (((u64)size << (p->shift + 1)) <= PAGE_BYTES_MAX) p->shift++;
}

void pages_fini(struct pages *p)
{
    WEIR_ASSERT(p->frozen == 0);
    while (p->slab != NULL) {
        struct pages_slab *next = p->slab->next;
        free(p->slab);
        p->slab = next;
    }
    free(p->page);
    free(p->state);
    *p = (struct pages){ .size = p->size, .shift = p->shift };
}

void pages_reset(struct pages *p)
{
    WEIR_ASSERT(p->frozen == 0);
    p->count = 0;
}

u64 pages_memory(const struct pages *p)
{
    return (u64)p->held * pages_bytes(p) + (u64)p->room * (sizeof *p->page + 1);
}

/* As many pages as there are already, within a huge page. */
static void slab_add(struct pages *p)
{
    size_t page = pages_bytes(p), most = (SLAB_BYTES - SLAB_HEAD) / page;
    size_t room = p->held == 0 ? 1 : p->held < most ? p->held : most;
    bool   huge = room == most;
    size_t bytes = huge ? SLAB_BYTES : SLAB_HEAD + room * page;
    struct pages_slab *slab = huge ? aligned_alloc(SLAB_BYTES, SLAB_BYTES) : malloc(bytes);
    WEIR_ASSERT(slab != NULL);
    if (huge) madvise(slab, SLAB_BYTES, MADV_HUGEPAGE); /* advice: without it only slower */
    *slab = (struct pages_slab){ p->slab, (u32)room, 0 };
    p->slab = slab;
}

static u8 *page_alloc(struct pages *p)
{
    if (p->spare != NULL) {
        u8 *bytes = p->spare;
        memcpy(&p->spare, bytes, sizeof p->spare);
        return bytes;
    }
    if (p->slab == NULL || p->slab->used == p->slab->room) slab_add(p);
    return (u8 *)p->slab + SLAB_HEAD + (size_t)p->slab->used++ * pages_bytes(p);
}

/* A page has room for a pointer: it is more than half of 64 KiB. */
static void page_free(struct pages *p, u8 *bytes)
{
    memcpy(bytes, &p->spare, sizeof p->spare);
    p->spare = bytes;
}

/* Room for pages 0 .. upto - 1. */
static void pages_hold(struct pages *p, u32 upto)
{
    if (upto > p->room) {
        u32 room = p->room ? p->room : 8;
        while (room < upto) room *= 2;
        p->page = realloc(p->page, room * sizeof *p->page);
        p->state = realloc(p->state, room);
        WEIR_ASSERT(p->page != NULL && p->state != NULL);
        p->room = room;
    }
    for (; p->held < upto; p->held++) {
        p->page[p->held] = page_alloc(p);
        p->state[p->held] = PAGE_CLEAN;
    }
}

void pages_touch_slow(struct pages *p, u32 page)
{
    WEIR_ASSERT(page < p->held);
    if (p->state[page] == PAGE_FROZEN) {
        struct pages_loose *loose = malloc(sizeof *loose);
        WEIR_ASSERT(loose != NULL);
        u8 *copy = page_alloc(p);
        memcpy(copy, p->page[page], pages_bytes(p));
        *loose = (struct pages_loose){ p->loose, p->page[page] };
        p->loose = loose;
        p->page[page] = copy;
    }
    p->state[page] = PAGE_DIRTY;
}

u32 pages_add(struct pages *p, u32 n)
{
    u32 first = p->count;
    WEIR_ASSERT(n <= UINT32_MAX - first);
    if (n == 0) return first;
    u32 end = first + n;
    pages_hold(p, ((end - 1) >> p->shift) + 1);
    p->count = end;
    for (u32 i = first; i < end;) { /* zero page by page */
        u32   in_page = (1u << p->shift) - (i & ((1u << p->shift) - 1));
        u32   take = in_page < end - i ? in_page : end - i;
        void *at = pages_write(p, i);
        memset(at, 0, (size_t)take * p->size);
        i += take;
    }
    return first;
}

/* Pages behind the last record hold nothing: a reset table keeps them, an image must not. */
static u32 pages_used(const struct pages *p)
{
    return p->count ? ((p->count - 1) >> p->shift) + 1 : 0;
}

void pages_cut(struct pages *p, void (*tell)(void *to, struct page_view page), void *to)
{
    WEIR_ASSERT(p->frozen == 0 && p->loose == NULL);
    u32 used = pages_used(p);
    for (u32 i = 0; i < used; i++) {
        if (p->state[i] != PAGE_DIRTY) continue;
        p->state[i] = PAGE_FROZEN;
        p->frozen++;
        u32 records = i + 1 < used ? 1u << p->shift : p->count - (i << p->shift);
        tell(to, (struct page_view){ i, records * p->size, p->page[i] });
    }
}

void pages_thaw(struct pages *p, bool written)
{
    if (p->frozen == 0) return;
    for (u32 i = 0; i < p->held; i++)
        if (p->state[i] == PAGE_FROZEN) p->state[i] = written ? PAGE_CLEAN : PAGE_DIRTY;
    while (p->loose != NULL) {
        struct pages_loose *loose = p->loose;
        p->loose = loose->next;
        page_free(p, loose->bytes);
        free(loose);
    }
    p->frozen = 0;
}

bool pages_restore(struct pages *p, u32 number, const void *at, u32 bytes)
{
    if (bytes == 0 || bytes > pages_bytes(p) || bytes % p->size != 0) return false;
    if (number >= UINT32_MAX >> p->shift || number > (1u << 22)) return false;
    if (number >= p->held) {
        u32 had = p->held;
        pages_hold(p, number + 1);
        for (u32 i = had; i <= number; i++) memset(p->page[i], 0, pages_bytes(p));
    }
    memcpy(p->page[number], at, bytes);
    memset(p->page[number] + bytes, 0, pages_bytes(p) - bytes);
    p->state[number] = PAGE_CLEAN;
    return true;
}

bool pages_restored(struct pages *p, u32 count)
{
    if (count > (u64)p->held << p->shift) return false;
    p->count = count;
    return true;
}
