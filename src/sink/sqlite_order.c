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
#define RADIX_MIN  256u /* keys; fewer are compared */

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
        k->number = order_of_double(v->kind == VALUE_F64 ? v->f : (f64)v->u);
    } else if (v->kind == VALUE_U64 || v->kind == VALUE_I64) {
        k->len = ORDER_INTEGER;
        k->number = v->u ^ (u64)1 << 63; /* of both kinds the same bits */
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
    return k->len ? slice_of(o->text + k->at, k->len) : S(""); /* no text at all: no room for one */
}

static void value_of(const struct order *o, const struct order_key *k, struct value *out)
{
    if (k->len == ORDER_INTEGER) *out = (struct value){ VALUE_I64, .u = k->number ^ (u64)1 << 63 };
    else if (k->len == ORDER_REAL) *out = (struct value){ VALUE_F64, .f = double_of_order(k->number) };
    else *out = (struct value){ VALUE_TEXT, .text = text_of(o, k) };
}

void order_value(const struct order *o, u32 i, u32 column, struct value *out)
{
    value_of(o, &o->key[o->id[(size_t)o->by[i] * o->keys + column]], out);
}

/* A key on its way to its rank. What compares by `first` alone needs no look at the key, which is elsewhere. */
struct place {
    u64 first; /* the number as a double, in bits that order; or 8 bytes of the text behind what all texts share */
    u32 id;
    u32 text;  /* 1: a text, which comes behind numbers */
};

static bool is_text(const struct order_key *k)
{
    return k->len < ORDER_REAL;
}

static int key_cmp(const struct order *o, const struct order_key *a, const struct order_key *b)
{
    if (is_text(a)) return slice_cmp(text_of(o, a), text_of(o, b));
    struct value va, vb;
    value_of(o, a, &va);
    value_of(o, b, &vb);
    return value_cmp(&va, &vb);
}

static int place_cmp(const void *pa, const void *pb, void *order)
{
    const struct place *a = pa, *b = pb;
    const struct order *o = order;
    if (a->text != b->text) return a->text < b->text ? -1 : 1;
    if (a->first != b->first) return a->first < b->first ? -1 : 1;
    return key_cmp(o, &o->key[a->id], &o->key[b->id]);
}

/* Bytes that all texts begin with. */
static size_t shared_by_texts(const struct order *o)
{
    slice all = { 0 };
    for (u32 i = 0; i < o->count; i++) {
        if (!is_text(&o->key[i])) continue;
        slice  text = text_of(o, &o->key[i]);
        size_t n = 0;
        if (all.at == NULL) all = text;
        while (n < all.len && n < text.len && all.at[n] == text.at[n]) n++;
        all.len = n;
    }
    return all.len;
}

static u64 first_of(const struct order *o, const struct order_key *k, size_t shared)
{
    u8  eight[8] = { 0 };
    u64 first;
    if (k->len == ORDER_REAL) return k->number;
    if (k->len == ORDER_INTEGER) return order_of_double((f64)(i64)(k->number ^ (u64)1 << 63));
    slice text = text_of(o, k);
    if (text.at != NULL && text.len > shared)
        memcpy(eight, text.at + shared, text.len - shared < 8 ? text.len - shared : 8);
    memcpy(&first, eight, 8);
    return be64toh(first);
}

/* The byte that a pass of sort_places looks at, last first. */
static u32 digit_of(const struct place *p, u32 pass)
{
    return pass < 8 ? (u32)(p->first >> 8 * pass) & 0xff : p->text;
}

/* By text and first, byte by byte; returns where they are, in one of the two. */
static struct place *sort_places(struct place *from, struct place *to, u32 n)
{
    for (u32 pass = 0; pass < 9; pass++) {
        u32 count[257] = { 0 };
        for (u32 i = 0; i < n; i++) count[digit_of(&from[i], pass) + 1]++;
        if (count[digit_of(&from[0], pass) + 1] == n) continue; /* all the same */
        for (u32 d = 1; d < 256; d++) count[d] += count[d - 1];
        for (u32 i = 0; i < n; i++) to[count[digit_of(&from[i], pass)]++] = from[i];
        struct place *sorted = to;
        to = from;
        from = sorted;
    }
    return from;
}

/* Those that `first` does not tell apart. */
static void sort_ties(struct order *o, struct place *place)
{
    for (u32 i = 0, n; i < o->count; i += n) {
        n = 1;
        while (i + n < o->count && place[i + n].first == place[i].first && place[i + n].text == place[i].text) n++;
        if (n > 1) qsort_r(&place[i], n, sizeof *place, place_cmp, o);
    }
}

/* rank: of each key, filled; equal ones have the same. Returns how many there are. */
static u32 rank_keys(struct order *o, u32 *rank)
{
    u32 ranks = 0;
    size_t shared = shared_by_texts(o);
    struct place *room = grown(NULL, 2 * (size_t)o->count, sizeof *room);
    for (u32 i = 0; i < o->count; i++)
        room[i] = (struct place){ first_of(o, &o->key[i], shared), i, is_text(&o->key[i]) };
    struct place *place = room;
    if (o->count < RADIX_MIN) {
        qsort_r(place, o->count, sizeof *place, place_cmp, o);
    } else {
        place = sort_places(room, room + o->count, o->count);
        sort_ties(o, place);
    }
    for (u32 i = 0; i < o->count; i++) {
        if (i == 0 || place_cmp(&place[i - 1], &place[i], o) != 0) ranks++;
        rank[place[i].id] = ranks - 1;
    }
    free(room);
    return ranks;
}

/* Stable: from `by` to `spare`, which change places. count: a place per rank. */
static void sort_column(struct order *o, u32 column, const u32 *rank, u32 *count, u32 ranks)
{
    memset(count, 0, ranks * sizeof *count);
    const u32 *id = o->id + column;
    for (u32 i = 0; i < o->rows; i++) count[rank[id[(size_t)i * o->keys]]]++;
    if (count[rank[*id]] == o->rows) return; /* all the same, as the timestamp often is */
    u32 at = 0;
    for (u32 r = 0; r < ranks; r++) {
        u32 here = count[r];
        count[r] = at;
        at += here;
    }
    for (u32 i = 0; i < o->rows; i++) o->spare[count[rank[id[(size_t)o->by[i] * o->keys]]]++] = o->by[i];
    u32 *sorted = o->spare;
    o->spare = o->by;
    o->by = sorted;
}

void order_sort(struct order *o)
{
    if (o->rows > o->by_room) {
        o->by_room = o->rows;
        o->by = grown(o->by, o->rows, sizeof *o->by);
        o->spare = grown(o->spare, o->rows, sizeof *o->spare);
    }
    for (u32 i = 0; i < o->rows; i++) o->by[i] = i;
    if (o->rows < 2) return;
    u32 *rank = grown(NULL, 2 * (size_t)o->count, sizeof *rank), *count = rank + o->count;
    u32 ranks = rank_keys(o, rank);
    for (u32 i = o->keys; i-- > 0;) sort_column(o, i, rank, count, ranks);
    free(rank);
}
