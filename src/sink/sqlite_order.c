/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_order.c: distinct key cells are numbered as they come and ranked at the end; then rows are sorted by the ranks
 * of their cells, last key column first, each time by counting: stable and without a comparison.
 *
 * The ranks follow SQLite's order: numbers, then text by bytes. */
#include "sink/sqlite_order.h"

#include "weir/hash.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>

#define ROWS_FIRST 1024u
#define KEYS_FIRST 256u
#define TEXT_FIRST 4096u

static void *grown(void *at, size_t count, size_t each)
{
    at = realloc(at, count * each);
    WEIR_ASSERT(at != NULL);
    return at;
}

void order_fini(struct order *o)
{
    free(o->rest);
    free(o->id);
    free(o->by);
    free(o->spare);
    free(o->key);
    free(o->slot);
    free(o->text);
    *o = (struct order){ 0 };
}

void order_start(struct order *o, u32 keys)
{
    if (keys > o->keys && o->rows_room > 0) o->id = grown(o->id, (size_t)o->rows_room * keys, sizeof *o->id);
    o->keys = keys;
    o->rows = o->count = 0;
    o->text_len = 0;
    if (++o->run == 0) { /* once in four billion runs */
        memset(o->slot, 0, o->slots * sizeof *o->slot);
        o->run = 1;
    }
}

bool order_full(const struct order *o)
{
    return o->rows == ORDER_ROWS_MAX || o->count >= ORDER_KEYS_MAX;
}

/* --- distinct key cells --- */

static u64 order_of_double(f64 v)
{
    u64 bits;
    v += 0.0; /* -0 is 0 */
    memcpy(&bits, &v, 8);
    return bits >> 63 ? ~bits : bits | (u64)1 << 63;
}

static f64 double_of_order(u64 bits)
{
    f64 v;
    bits = bits >> 63 ? bits ^ (u64)1 << 63 : ~bits;
    memcpy(&v, &bits, 8);
    return v;
}

static void set_text(struct order *o, struct order_key *k, slice text)
{
    u8 first[8] = { 0 };
    if (text.len > 0) memcpy(first, text.at, text.len < 8 ? text.len : 8);
    memcpy(&k->first, first, 8);
    k->first = be64toh(k->first);
    WEIR_ASSERT(text.len < ORDER_REAL);
    k->len = (u32)text.len;
    k->at = ORDER_LENT;
    if (*k->cell == VALUE_TEXT) return;
    if (o->text_room - o->text_len < text.len) {
        o->text_room = 2 * o->text_room + TEXT_FIRST;
        o->text = grown(o->text, o->text_room, 1);
    }
    k->at = (u32)o->text_len;
    if (text.len > 0) memcpy(o->text + o->text_len, text.at, text.len);
    o->text_len += text.len;
}

/* As sqlite_schema.h has it: null and NaN are '', a u64 beyond 2^63 - 1 is its nearest double. */
static void set_key(struct order *o, struct order_key *k, const struct value *v)
{
    char buf[VALUE_TEXT_ROOM];
    bool real = (v->kind == VALUE_F64 && !isnan(v->f)) || (v->kind == VALUE_U64 && v->u > INT64_MAX);
    if (real) {
        k->len = ORDER_REAL;
        k->first = order_of_double(v->kind == VALUE_F64 ? v->f : (f64)v->u);
    } else if (v->kind == VALUE_U64 || v->kind == VALUE_I64) {
        k->len = ORDER_INTEGER;
        k->first = v->u ^ (u64)1 << 63; /* of both kinds the same bits */
    } else {
        set_text(o, k, v->kind == VALUE_F64 ? S("") : value_text(v, buf));
    }
}

static void grow_slots(struct order *o)
{
    u32 run = o->run;
    o->slots = o->slots ? 2 * o->slots : 2 * KEYS_FIRST;
    free(o->slot);
    o->slot = calloc(o->slots, sizeof *o->slot);
    WEIR_ASSERT(o->slot != NULL);
    for (u32 i = 0; i < o->count; i++) {
        u64 at = hash_bytes(o->key[i].cell, o->key[i].cell_len);
        while (o->slot[at & (o->slots - 1)] >> 32 == run) at++;
        o->slot[at & (o->slots - 1)] = (u64)run << 32 | i;
    }
}

static u32 new_key(struct order *o, const u8 *cell, u32 len)
{
    if (o->count == o->room) {
        o->room = o->room ? 2 * o->room : KEYS_FIRST;
        o->key = grown(o->key, o->room, sizeof *o->key);
    }
    struct value_reader r = { cell, cell + len };
    struct value v;
    bool whole = value_read(&r, &v); /* the caller has skipped it, which checks it */
    WEIR_ASSERT(whole);
    struct order_key *k = &o->key[o->count];
    *k = (struct order_key){ .cell = cell, .cell_len = len };
    set_key(o, k, &v);
    return o->count++;
}

static bool is_cell(const struct order_key *k, const u8 *cell, u32 len)
{
    return k->cell_len == len && memcmp(k->cell, cell, len) == 0;
}

static u32 find_key(struct order *o, const u8 *cell, u32 len)
{
    if (2 * o->count >= o->slots) grow_slots(o);
    u64 at = hash_bytes(cell, len);
    for (;; at++) {
        u64 *slot = &o->slot[at & (o->slots - 1)];
        if (*slot >> 32 != o->run) {
            u32 id = new_key(o, cell, len);
            *slot = (u64)o->run << 32 | id;
            return id;
        }
        if (is_cell(&o->key[(u32)*slot], cell, len)) return (u32)*slot;
    }
}

void order_add(struct order *o, const u8 *const *cell)
{
    if (o->rows == o->rows_room) {
        o->rows_room = o->rows_room ? 2 * o->rows_room : ROWS_FIRST;
        o->rest = grown(o->rest, o->rows_room, sizeof *o->rest);
        o->id = grown(o->id, (size_t)o->rows_room * o->keys, sizeof *o->id);
    }
    u32 *id = &o->id[(size_t)o->rows * o->keys];
    for (u32 i = 0; i < o->keys; i++) {
        WEIR_ASSERT(cell[i + 1] - cell[i] < (i64)UINT32_MAX);
        u32 len = (u32)(cell[i + 1] - cell[i]);
        bool again = o->rows > 0 && is_cell(&o->key[*(id + i - o->keys)], cell[i], len); /* as in the row before */
        id[i] = again ? *(id + i - o->keys) : find_key(o, cell[i], len);
    }
    o->rest[o->rows++] = cell[o->keys];
}

/* --- order --- */

static slice text_of(const struct order *o, const struct order_key *k)
{
    if (k->at == ORDER_LENT) return slice_of((const char *)k->cell + k->cell_len - k->len, k->len);
    return slice_of(o->text + k->at, k->len);
}

static void value_of(const struct order *o, const struct order_key *k, struct value *out)
{
    if (k->len == ORDER_INTEGER) *out = (struct value){ VALUE_I64, .u = k->first ^ (u64)1 << 63 };
    else if (k->len == ORDER_REAL) *out = (struct value){ VALUE_F64, .f = double_of_order(k->first) };
    else *out = (struct value){ VALUE_TEXT, .text = text_of(o, k) };
}

void order_value(const struct order *o, u32 i, u32 column, struct value *out)
{
    value_of(o, &o->key[o->id[(size_t)o->by[i] * o->keys + column]], out);
}

static int key_cmp(const struct order *o, u32 id_a, u32 id_b)
{
    const struct order_key *a = &o->key[id_a], *b = &o->key[id_b];
    bool numbers = a->len >= ORDER_REAL && b->len >= ORDER_REAL, texts = a->len < ORDER_REAL && b->len < ORDER_REAL;
    bool alike = texts || (numbers && a->len == b->len);
    if (alike && a->first != b->first) return a->first < b->first ? -1 : 1;
    if (texts) return slice_cmp(text_of(o, a), text_of(o, b));
    if (alike) return 0;
    struct value va, vb;
    value_of(o, a, &va);
    value_of(o, b, &vb);
    return value_cmp(&va, &vb);
}

static int id_cmp(const void *a, const void *b, void *o)
{
    return key_cmp(o, *(const u32 *)a, *(const u32 *)b);
}

/* Gives each distinct cell its rank; returns how many ranks there are. by: room for o->count numbers. */
static u32 rank_keys(struct order *o, u32 *by)
{
    u32 ranks = 0;
    for (u32 i = 0; i < o->count; i++) by[i] = i;
    qsort_r(by, o->count, sizeof *by, id_cmp, o);
    for (u32 i = 0; i < o->count; i++) {
        if (i == 0 || key_cmp(o, by[i - 1], by[i]) != 0) ranks++;
        o->key[by[i]].rank = ranks - 1;
    }
    return ranks;
}

/* Stable: from `by` to `spare`, which change places. count: a place per rank. */
static void sort_column(struct order *o, u32 column, u32 *count, u32 ranks)
{
    memset(count, 0, ranks * sizeof *count);
    const u32 *id = o->id + column;
    for (u32 i = 0; i < o->rows; i++) count[o->key[id[(size_t)i * o->keys]].rank]++;
    if (count[o->key[*id].rank] == o->rows) return; /* all the same, as the timestamp often is */
    u32 at = 0;
    for (u32 r = 0; r < ranks; r++) {
        u32 here = count[r];
        count[r] = at;
        at += here;
    }
    for (u32 i = 0; i < o->rows; i++) o->spare[count[o->key[id[(size_t)o->by[i] * o->keys]].rank]++] = o->by[i];
    u32 *sorted = o->spare;
    o->spare = o->by;
    o->by = sorted;
}

void order_sort(struct order *o)
{
    u32 most = o->rows > o->count ? o->rows : o->count; /* spare serves for the keys first */
    if (most > o->by_room) {
        o->by_room = most;
        o->by = grown(o->by, most, sizeof *o->by);
        o->spare = grown(o->spare, most, sizeof *o->spare);
    }
    for (u32 i = 0; i < o->rows; i++) o->by[i] = i;
    if (o->rows < 2) return;
    u32 ranks = rank_keys(o, o->spare);
    u32 *count = grown(NULL, ranks, sizeof *count);
    for (u32 i = o->keys; i-- > 0;) sort_column(o, i, count, ranks);
    free(count);
}
