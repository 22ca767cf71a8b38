/* SPDX-License-Identifier: Apache-2.0 */
/* strings.c: the dictionary: entries and bytes in pages, an index beside them that is never saved. */
#include "weir/strings.h"

#include "weir/hash.h"

#include <stdlib.h>

struct string_entry {
    u32 at, len; /* record numbers in `bytes` */
};

#define SLOTS_MIN 64u

void strings_init(struct strings *d, u32 max)
{
    *d = (struct strings){ .max = max };
    pages_init(&d->entries, sizeof(struct string_entry));
    pages_init(&d->bytes, 1);
}

void strings_fini(struct strings *d)
{
    pages_fini(&d->entries);
    pages_fini(&d->bytes);
    free(d->slots);
    d->slots = NULL;
}

void strings_reset(struct strings *d)
{
    pages_reset(&d->entries);
    pages_reset(&d->bytes);
    if (d->slots) memset(d->slots, 0, ((size_t)d->mask + 1) * sizeof *d->slots);
}

u64 strings_memory(const struct strings *d)
{
    return pages_memory(&d->entries) + pages_memory(&d->bytes) + (d->slots ? ((u64)d->mask + 1) * sizeof *d->slots : 0);
}

slice strings_get(const struct strings *d, u32 id)
{
    if (id == 0) return (slice){ NULL, 0 };
    WEIR_ASSERT(id <= d->entries.count);
    const struct string_entry *e = pages_get(&d->entries, id - 1);
    return (slice){ e->len ? pages_get(&d->bytes, e->at) : "", e->len };
}

/* The slot of `s`, or the free slot where it belongs. */
static u32 slot_find(const struct strings *d, slice s, u64 hash)
{
    u32 upper = (u32)(hash >> 32);
    for (u32 i = (u32)hash & d->mask;; i = (i + 1) & d->mask) {
        u64 slot = d->slots[i];
        if (slot == 0) return i;
        if ((u32)(slot >> 32) == upper && slice_eq(strings_get(d, (u32)slot), s)) return i;
    }
}

static void slots_build(struct strings *d, u32 size)
{
    free(d->slots);
    d->slots = calloc(size, sizeof *d->slots);
    WEIR_ASSERT(d->slots != NULL);
    d->mask = size - 1;
    for (u32 id = 1; id <= d->entries.count; id++) {
        slice s = strings_get(d, id);
        u64   hash = hash_bytes(s.at, s.len);
        u32   i = (u32)hash & d->mask;
        while (d->slots[i]) i = (i + 1) & d->mask;
        d->slots[i] = (hash >> 32) << 32 | id;
    }
}

u32 strings_find(const struct strings *d, slice s)
{
    if (d->slots == NULL) return 0;
    return (u32)d->slots[slot_find(d, s, hash_bytes(s.at, s.len))];
}

/* Copies the bytes in; a string that would cross a page's end begins the next page. */
static u32 bytes_add(struct strings *d, slice s)
{
    u32 in_page = d->bytes.count & (PAGE_BYTES_MAX - 1);
    if (in_page + s.len > PAGE_BYTES_MAX) pages_add(&d->bytes, PAGE_BYTES_MAX - in_page);
    u32 at = pages_add(&d->bytes, (u32)s.len);
    if (s.len) memcpy(pages_write(&d->bytes, at), s.at, s.len);
    return at;
}

u32 strings_add(struct strings *d, slice s)
{
    WEIR_ASSERT(s.len <= STRING_BYTES_MAX);
    if (d->slots == NULL) slots_build(d, SLOTS_MIN);
    u64 hash = hash_bytes(s.at, s.len);
    u32 i = slot_find(d, s, hash);
    if (d->slots[i]) return (u32)d->slots[i];
    if (d->entries.count >= d->max || d->bytes.count > UINT32_MAX - 2 * PAGE_BYTES_MAX) return 0;
    u32 at = bytes_add(d, s);
    u32 id = pages_add(&d->entries, 1) + 1;
    *(struct string_entry *)pages_write(&d->entries, id - 1) = (struct string_entry){ at, (u32)s.len };
    d->slots[i] = (hash >> 32) << 32 | id;
    if (id > d->mask / 2) slots_build(d, (d->mask + 1) * 2);
    return id;
}

bool strings_restored(struct strings *d)
{
    if (d->entries.count > d->max) return false;
    for (u32 id = 1; id <= d->entries.count; id++) {
        const struct string_entry *e = pages_get(&d->entries, id - 1);
        u64                        end = (u64)e->at + e->len;
        if (e->len > STRING_BYTES_MAX || end > d->bytes.count) return false;
        if (e->len && e->at >> 16 != (end - 1) >> 16) return false;
    }
    u32 size = SLOTS_MIN;
    while (size / 2 <= d->entries.count) size *= 2;
    slots_build(d, size);
    return true;
}
