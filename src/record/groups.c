/* SPDX-License-Identifier: Apache-2.0 */
/* groups.c: the table: keys to rows, by open addressing over a keyed hash.
 *
 * A slot holds the upper half of the hash and the row's number. Its place is given by the topmost bits of the same
 * half, so the index grows from its own bytes, in one sweep through both, and never touches a row. At most half of the
 * slots are taken. Rows are dense, in order of arrival; nothing that is given out depends on the hash.
 * Memory is the cost of a look-up: a batch asks for all its slots, then for all its rows, and only then compares. */
#include "weir/groups.h"

#include "record/sketch_distinct.h"
#include "weir/hash.h"

#include <stdlib.h>

#define KEY_AT         ((u32)offsetof(struct group_row, start))
#define SLOTS_MIN      128u
#define MAX_MAX        0x7fffffffu
#define LINE           64u
#define PREFETCH_BYTES 1024u /* of a row; what comes behind, the processor has guessed by then */

void groups_init(struct groups *g, const struct group_layout *layout, u32 max)
{
    WEIR_ASSERT(max >= 1 && max <= MAX_MAX);
    *g = (struct groups){ .layout = layout, .max = max };
    pages_init(&g->rows, layout->size);
    u64 texts = 0;
    for (u32 i = 0; i < layout->keys + layout->carried; i++)
        texts += layout->column[i].type == FIELD_STRING || layout->column[i].type == FIELD_TAG;
    texts *= (u64)max + GROUPS_BATCH;
    strings_init(&g->words, texts < UINT32_MAX ? (u32)texts : UINT32_MAX - 1);
}

void groups_fini(struct groups *g)
{
    pages_fini(&g->rows);
    strings_fini(&g->words);
    free(g->slots);
    free(g->memo);
    *g = (struct groups){ .layout = g->layout, .max = g->max };
}

static void memo_clear(struct groups *g)
{
    if (g->memo_of != NULL) memset(g->memo, 0, (size_t)g->memo_room * sizeof *g->memo);
    g->memo_of = NULL;
}

void groups_reset(struct groups *g)
{
    if (g->slots && g->rows.count > 0) memset(g->slots, 0, ((size_t)g->mask + 1) * sizeof *g->slots);
    pages_reset(&g->rows);
    strings_reset(&g->words);
    memo_clear(g);
    g->other = 0;
    g->full = 0;
}

u64 groups_memory(const struct groups *g)
{
    u64 slots = g->slots ? (u64)g->mask + 1 : 0;
    return pages_memory(&g->rows) + strings_memory(&g->words) + slots * sizeof *g->slots +
           (u64)g->memo_room * sizeof *g->memo;
}

/* --- the index --- */

static u32 slot_first(const struct groups *g, u64 hash)
{
    return (u32)(hash >> (32 + __builtin_clz(g->mask)));
}

static u64 slot_make(u64 hash, u32 row)
{
    return hash >> 32 << 32 | (row + 1);
}

static bool slot_fits(u64 slot, u64 hash)
{
    return (slot ^ hash) >> 32 == 0;
}

static void slot_put(struct groups *g, u64 slot)
{
    u32 i = slot_first(g, slot);
    while (g->slots[i]) i = (i + 1) & g->mask;
    g->slots[i] = slot;
}

/* Room for `rows` rows with at most half of the slots taken. */
static void slots_reserve(struct groups *g, u64 rows)
{
    u64 size = g->slots ? (u64)g->mask + 1 : SLOTS_MIN;
    while (size < 2 * rows) size *= 2;
    if (g->slots && size == (u64)g->mask + 1) return;
    u64 *old = g->slots;
    u64  had = old ? (u64)g->mask + 1 : 0;
    g->slots = calloc(size, sizeof *g->slots);
    WEIR_ASSERT(g->slots != NULL);
    g->mask = (u32)(size - 1);
    for (u64 i = 0; i < had; i++)
        if (old[i]) slot_put(g, old[i]);
    free(old);
}

/* --- rows --- */

static inline bool key_eq(const u8 *a, const u8 *b, u32 width)
{
    u64 differ = 0;
    for (u32 i = 0; i < width; i += 8) {
        u64 x, y;
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        differ |= x ^ y;
    }
    return differ == 0;
}

/* Sets columns first .. first + n of a zeroed row to null. */
static void put_nulls(const struct group_layout *l, u8 *row, u32 first, u32 n)
{
    for (u32 i = first; i < first + n; i++)
        if (l->column[i].flag) row[l->column[i].flag] = l->column[i].type == FIELD_NET ? NET_NULL : 1;
}

static u64 key_hash(const struct group_layout *l, const u8 *row)
{
    return hash_bytes(row + KEY_AT, l->key_end - KEY_AT);
}

u32 groups_other(struct groups *g, nanos start)
{
    g->full++;
    if (g->other) return g->other - 1;
    struct group_row *row = pages_add_one(&g->rows);
    u32               i = g->rows.count - 1;
    memcpy(row, g->layout->empty, g->layout->size);
    row->start = start;
    row->flags = GROUP_OTHER;
    put_nulls(g->layout, (u8 *)row, 0, g->layout->keys + g->layout->carried);
    row->hash = key_hash(g->layout, (u8 *)row); /* it is in no slot: the same key may be a group's of its own */
    g->other = i + 1;
    return i;
}

static u32 row_add(struct groups *g, const u8 *key, u64 hash)
{
    struct group_row *row = pages_add_one(&g->rows);
    memcpy(row, g->layout->empty, g->layout->size);
    memcpy((u8 *)row + KEY_AT, key, g->layout->key_end - KEY_AT);
    row->hash = hash;
    return g->rows.count - 1;
}

void groups_append(struct groups *g, const u8 *keys, u32 n, u32 *rows)
{
    u32 width = g->layout->key_end - KEY_AT;
    WEIR_ASSERT(n <= groups_room(g));
    for (u32 i = 0; i < n; i++) rows[i] = row_add(g, keys + (size_t)i * width, 0);
}

/* --- finding --- */

/* Goes on from slot *at to the key's row, or to the free slot where it belongs: UINT32_MAX. */
static inline u32 seek(const struct groups *g, const u8 *key, u32 width, u64 hash, u32 *at)
{
    for (u64 slot; (slot = g->slots[*at]) != 0; *at = (*at + 1) & g->mask) {
        if (!slot_fits(slot, hash)) continue;
        const u8 *row = pages_get(&g->rows, (u32)slot - 1);
        if (key_eq(row + KEY_AT, key, width)) return (u32)slot - 1;
    }
    return UINT32_MAX;
}

static inline void row_prefetch(const struct groups *g, u32 i, u32 bytes)
{
    const u8 *row = pages_get(&g->rows, i);
    for (u32 b = 0; b < bytes; b += LINE) __builtin_prefetch(row + b, 1);
    __builtin_prefetch(row + bytes - 1, 1);
}

void groups_find_add(struct groups *g, const u8 *keys, u32 n, u32 *rows, u64 *fresh)
{
    u64 hash[GROUPS_BATCH], added = 0;
    u32 at[GROUPS_BATCH];
    u32 width = g->layout->key_end - KEY_AT;
    u32 ahead = g->layout->size < PREFETCH_BYTES ? g->layout->size : PREFETCH_BYTES;
    WEIR_ASSERT(n <= GROUPS_BATCH);
    slots_reserve(g, (u64)g->rows.count + n);
    for (u32 i = 0; i < n; i++) {
        hash[i] = hash_bytes(keys + (size_t)i * width, width);
        at[i] = slot_first(g, hash[i]);
        __builtin_prefetch(&g->slots[at[i]]);
    }
    for (u32 i = 0; i < n; i++) {
        u64 slot;
        while ((slot = g->slots[at[i]]) != 0 && !slot_fits(slot, hash[i])) at[i] = (at[i] + 1) & g->mask;
        if (slot) row_prefetch(g, (u32)slot - 1, ahead);
    }
    for (u32 i = 0; i < n; i++) {
        const u8 *key = keys + (size_t)i * width;
        rows[i] = seek(g, key, width, hash[i], &at[i]); /* again: keys before this one may have taken its slot */
        if (rows[i] != UINT32_MAX) continue;
        if (groups_full(g)) {
            nanos start;
            memcpy(&start, key, sizeof start);
            rows[i] = groups_other(g, start);
        } else {
            rows[i] = row_add(g, key, hash[i]);
            g->slots[at[i]] = slot_make(hash[i], rows[i]);
            added |= 1ull << i;
        }
    }
    *fresh = added;
}

u32 groups_find(const struct groups *g, const u8 *key)
{
    if (g->slots == NULL) return UINT32_MAX;
    u32 width = g->layout->key_end - KEY_AT;
    u64 hash = hash_bytes(key, width);
    u32 at = slot_first(g, hash);
    return seek(g, key, width, hash, &at);
}

/* --- words --- */

u32 groups_word_slow(struct groups *g, const struct strings *from, u32 id, bool add)
{
    if (id == 0) return 0;
    if (from != g->memo_of) memo_clear(g);
    if (id >= g->memo_room) {
        u32 room = g->memo_room ? g->memo_room : 256;
        while (room <= id && room < 1u << 31) room *= 2;
        if (room <= id) room = UINT32_MAX;
        g->memo = realloc(g->memo, (size_t)room * sizeof *g->memo);
        WEIR_ASSERT(g->memo != NULL);
        memset(g->memo + g->memo_room, 0, (size_t)(room - g->memo_room) * sizeof *g->memo);
        g->memo_room = room;
    }
    g->memo_of = from;
    slice word = strings_get(from, id);
    return g->memo[id] = add ? strings_add(&g->words, word) : strings_find(&g->words, word);
}

/* --- restoring --- */

static bool all_zero(const u8 *at, u32 n)
{
    u8 any = 0;
    for (u32 i = 0; i < n; i++) any |= at[i];
    return any == 0;
}

static bool cell_valid(const struct groups *g, const struct group_column *c, const u8 *row)
{
    if (!c->flag) {
        u32 id;
        memcpy(&id, row + c->at, sizeof id);
        return id <= strings_count(&g->words);
    }
    u8   flag = row[c->flag];
    bool wide = c->type == FIELD_NET || c->type == FIELD_ADDR;
    if (flag == (c->type == FIELD_NET ? NET_NULL : 1)) return all_zero(row + c->at, wide ? 16 : 8);
    return c->type == FIELD_NET ? flag <= 128 : flag == 0;
}

/* The bytes behind the last cell of keys (or carried columns), up to the next multiple of 8, are zero. */
static bool padding_valid(const struct group_layout *l, const u8 *row, u32 first, u32 n, u32 at, u32 end)
{
    for (u32 i = first; i < first + n; i++) {
        const struct group_column *c = &l->column[i];
        u32                        last = c->flag ? c->flag + 1u : c->at + 4u;
        if (last > at) at = last;
    }
    return all_zero(row + at, end - at);
}

static bool row_valid(const struct groups *g, const u8 *row)
{
    const struct group_layout *l = g->layout;
    const struct group_row    *head = (const void *)row;
    if (head->flags & ~(GROUP_OTHER | GROUP_AMENDED)) return false;
    for (u32 i = 0; i < l->keys + l->carried; i++)
        if (!cell_valid(g, &l->column[i], row)) return false;
    if (!padding_valid(l, row, 0, l->keys, sizeof *head, l->key_end)) return false;
    if (!padding_valid(l, row, l->keys, l->carried, l->key_end, l->fixed_end)) return false;
    for (u32 m = 0; m < l->measures; m++) {
        const struct group_measure *measure = &l->measure[m];
        if (row[measure->present] > (measure->fold != FOLD_SAMPLING)) return false;
        if (measure->fold == FOLD_DISTINCT && !distinct_valid(row + measure->at, measure->sketch)) return false;
    }
    u32 present_end = l->fixed_end + l->measures;
    return all_zero(row + present_end, (u32)round_up(l->measures, 8) - l->measures);
}

static bool other_valid(const struct groups *g, const u8 *row)
{
    for (u32 i = 0; i < g->layout->keys; i++) {
        const struct group_column *c = &g->layout->column[i];
        if (!c->flag && !all_zero(row + c->at, 4)) return false;
        if (c->flag && row[c->flag] != (c->type == FIELD_NET ? NET_NULL : 1)) return false;
    }
    return g->other == 0;
}

bool groups_restored(struct groups *g)
{
    u32 width = g->layout->key_end - KEY_AT;
    if (g->rows.count > (u64)g->max + 1 || !strings_restored(&g->words)) return false;
    free(g->slots);
    g->slots = NULL;
    g->other = 0;
    slots_reserve(g, g->rows.count);
    for (u32 i = 0; i < g->rows.count; i++) {
        /* Not pages_write: the hash is this process's own and no change of what was saved. */
        struct group_row *row = (struct group_row *)pages_get(&g->rows, i);
        if (!row_valid(g, (const u8 *)row)) return false;
        row->hash = key_hash(g->layout, (const u8 *)row);
        if (row->flags & GROUP_OTHER) {
            if (!other_valid(g, (const u8 *)row)) return false;
            g->other = i + 1;
            continue;
        }
        u32 at = slot_first(g, row->hash);
        if (seek(g, (const u8 *)row + KEY_AT, width, row->hash, &at) != UINT32_MAX) return false; /* a key twice */
        g->slots[at] = slot_make(row->hash, i);
    }
    return g->rows.count - (g->other != 0) <= g->max;
}
