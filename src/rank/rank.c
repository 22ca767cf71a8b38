/* SPDX-License-Identifier: Apache-2.0 */
/* rank.c: the first N of each field, by one pass over the rows with a bounded heap a field.
 *
 * A value becomes one u64 whose order is the value's (score), so all types compare alike; most rows fail the one
 * comparison with the least score of a full heap. Averages rank as the double that results show, (double)sum /
 * (double)n: what reads as equal ranks as equal. -0 equals 0; a NaN has no rank.
 * Ties at the cut are broken by key, so keys are compared where scores are equal: by eight bytes of the first key
 * column behind what all rows have in common, and by the whole key only where these are equal, too. */
#include "rank/rank.h"

#include "record/sketch_distinct.h"
#include "record/sketch_quantiles.h"

#include <stdlib.h>

struct scored {
    u64 score;
    u32 row;
    u32 unused;
};

/* The best rows of one field; the worst of them is at[0] (a binary heap) until they are sorted. */
struct heap {
    u32            count;
    struct scored *at;
};

struct rank {
    u32                  top, fields, room; /* room: rows that the arrays below have place for   */
    u32                 *measure;
    const struct groups *groups;  /* during a call                                      */
    u64                 *prefix;  /* by row: the key's beginning, as a number           */
    u32                 *line;    /* by row: its line in the result + 1                 */
    u32                 *row;     /* the result's rows                                  */
    u32                 *place;
    u32                  places;
    struct heap         *heap;    /* of each field                                      */
};

err rank_open(struct rank **out, const struct rank_spec *spec, const struct group_layout *layout)
{
    if (spec->top == 0 || spec->fields == 0 || spec->fields > MEASURES_MAX)
        return (err){ ERR_CONFIG, "a ranking needs a top of at least 1 and 1 to 256 fields", spec->fields };
    for (u32 f = 0; f < spec->fields; f++) WEIR_ASSERT(spec->measure[f] < layout->measures);
    struct rank *r = calloc(1, sizeof *r);
    WEIR_ASSERT(r != NULL);
    r->top = spec->top;
    r->fields = spec->fields;
    r->measure = calloc(spec->fields, sizeof *r->measure);
    r->heap = calloc(spec->fields, sizeof *r->heap);
    WEIR_ASSERT(r->measure != NULL && r->heap != NULL);
    memcpy(r->measure, spec->measure, spec->fields * sizeof *r->measure);
    *out = r;
    return OK;
}

void rank_close(struct rank *r)
{
    if (r == NULL) return;
    for (u32 f = 0; f < r->fields; f++) free(r->heap[f].at);
    free(r->heap);
    free(r->measure);
    free(r->prefix);
    free(r->line);
    free(r->row);
    free(r->place);
    free(r);
}

/* --- scores --- */

static u64 word_at(const u8 *row, u32 at)
{
    u64 word;
    memcpy(&word, row + at, sizeof word);
    return word;
}

static u64 score_time(u64 word)
{
    return word ^ 1ull << 63;
}

static bool score_f64(f64 v, u64 *score)
{
    if (v != v) return false;
    v += 0.0; /* -0 to 0 */
    u64 bits;
    memcpy(&bits, &v, sizeof bits);
    *score = bits >> 63 ? ~bits : bits | 1ull << 63;
    return true;
}

static bool score_word(enum field_type type, u64 word, u64 *score)
{
    f64 real;
    switch (type) {
    case FIELD_F64: memcpy(&real, &word, sizeof real); return score_f64(real, score);
    case FIELD_TIME: *score = score_time(word); return true;
    default: *score = word; return true;
    }
}

static bool score_sampling(const u8 *at, u64 *score)
{
    struct sampling s;
    memcpy(&s, at, sizeof s);
    if (s.n == 0) return false;
    return score_f64((f64)((u128)s.sum_hi << 64 | s.sum_lo) / (f64)s.n, score);
}

static bool score_average(enum field_type type, const u8 *at, u64 *score)
{
    u64 sum = word_at(at, 0), n = word_at(at, 8);
    f64 real;
    if (n == 0) return false;
    memcpy(&real, &sum, sizeof real);
    return score_f64((type == FIELD_F64 ? real : (f64)sum) / (f64)n, score);
}

static u64 score_bins(const u8 *at, u32 words)
{
    u64 sum = 0;
    for (u32 i = 0; i < words; i++)
        if (__builtin_add_overflow(sum, word_at(at, i * 8), &sum)) return UINT64_MAX;
    return sum;
}

/* The greatest of the percents that results show: a tail is what quantiles are kept for. */
static bool score_quantiles(const struct group_measure *m, const u8 *row, u64 *score)
{
    const u32 *cells = (const void *)(row + m->at);
    u32        last = quantiles_percent(m->sketch, quantiles_percents(m->sketch) - 1);
    f64        value;
    return quantiles_find(cells, m->type == FIELD_F64, last, &value) && score_f64(value, score);
}

/* False: no value. */
static inline bool score_of(const struct group_measure *m, const u8 *row, u64 *score)
{
    if (m->fold == FOLD_SAMPLING) return score_sampling(row + m->at, score);
    if (!row[m->present]) return false;
    switch (m->fold) {
    case FOLD_AVG: return score_average(m->type, row + m->at, score);
    case FOLD_BINS: *score = score_bins(row + m->at, m->words); return true;
    case FOLD_DISTINCT: *score = distinct_estimate(row + m->at, m->sketch); return true;
    case FOLD_QUANTILES: return score_quantiles(m, row, score);
    case FOLD_FIRST:
    case FOLD_LAST: return score_word(m->type, word_at(row, m->at + 8u), score);
    default: return score_word(m->type, word_at(row, m->at), score);
    }
}

/* --- keys --- */

/* The first key column as bytes in the order of groups_key_cmp; empty: null, or there is no key. `buf` has 8. */
static slice key_bytes(const struct groups *g, u32 i, u8 *buf)
{
    const struct group_column *c = &g->layout->column[0];
    const u8                  *row = (const u8 *)groups_row(g, i);
    if (g->layout->keys == 0) return (slice){ NULL, 0 };
    if (c->flag == 0) {
        u32 id;
        memcpy(&id, row + c->at, sizeof id);
        return strings_get(&g->words, id);
    }
    if (row[c->flag] == (c->type == FIELD_NET ? NET_NULL : 1)) return (slice){ NULL, 0 };
    if (c->type == FIELD_NET || c->type == FIELD_ADDR) return slice_of((const char *)row + c->at, 16);
    u64 big = __builtin_bswap64(c->type == FIELD_TIME ? score_time(word_at(row, c->at)) : word_at(row, c->at));
    memcpy(buf, &big, sizeof big);
    return slice_of((const char *)buf, sizeof big);
}

/* How many first bytes all (not empty) keys share. */
static size_t common_bytes(const struct groups *g)
{
    u8     first_buf[8], buf[8];
    slice  first = { NULL, 0 };
    size_t common = 0;
    for (u32 i = 0; i < groups_count(g); i++) {
        slice key = key_bytes(g, i, first.at ? buf : first_buf);
        if (key.len == 0) continue;
        if (first.at == NULL) first = key, common = key.len;
        if (key.len < common) common = key.len;
        if (memcmp(key.at, first.at, common) == 0) continue;
        for (size_t k = 0; k < common; k++)
            if (key.at[k] != first.at[k]) common = k;
    }
    return common;
}

/* Eight bytes of each key as a number: where these differ, they are in the order of the keys. */
static void take_prefixes(struct rank *r)
{
    size_t skip = common_bytes(r->groups);
    for (u32 i = 0; i < groups_count(r->groups); i++) {
        u8    buf[8];
        u64   prefix = 0;
        slice key = key_bytes(r->groups, i, buf);
        if (key.len > skip) memcpy(&prefix, key.at + skip, key.len - skip < 8 ? key.len - skip : 8);
        r->prefix[i] = __builtin_bswap64(prefix);
    }
}

static int row_cmp(const struct rank *r, u32 a, u32 b)
{
    if (r->prefix[a] != r->prefix[b]) return r->prefix[a] < r->prefix[b] ? -1 : 1;
    int order = groups_key_cmp(r->groups, groups_row(r->groups, a), r->groups, groups_row(r->groups, b));
    return order ? order : (a > b) - (a < b);
}

/* --- heaps --- */

/* Does `a` come after `b` in the ranking? */
static inline bool is_worse(const struct rank *r, struct scored a, struct scored b)
{
    return a.score != b.score ? a.score < b.score : row_cmp(r, a.row, b.row) > 0;
}

static void heap_down(const struct rank *r, struct heap *h, u32 i, struct scored s)
{
    for (u32 child; (child = 2 * i + 1) < h->count; i = child) {
        if (child + 1 < h->count && is_worse(r, h->at[child + 1], h->at[child])) child++;
        if (!is_worse(r, h->at[child], s)) break;
        h->at[i] = h->at[child];
    }
    h->at[i] = s;
}

static void heap_add(const struct rank *r, struct heap *h, struct scored s)
{
    u32 i = h->count++;
    for (; i > 0 && is_worse(r, s, h->at[(i - 1) / 2]); i = (i - 1) / 2) h->at[i] = h->at[(i - 1) / 2];
    h->at[i] = s;
}

/* Best first. */
static void heap_sort(const struct rank *r, struct heap *h)
{
    u32 all = h->count;
    while (h->count > 1) {
        struct scored last = h->at[--h->count], worst = h->at[0];
        heap_down(r, h, 0, last);
        h->at[h->count] = worst;
    }
    h->count = all;
}

static void choose(const struct rank *r)
{
    const struct groups       *g = r->groups;
    const struct group_layout *l = g->layout;
    for (u32 i = 0; i < groups_count(g); i++) {
        const struct group_row *row = groups_row(g, i);
        if (row->flags & GROUP_OTHER) continue;
        for (u32 f = 0; f < r->fields; f++) {
            struct heap  *h = &r->heap[f];
            struct scored s = { .row = i };
            if (!score_of(&l->measure[r->measure[f]], (const u8 *)row, &s.score)) continue;
            if (h->count < r->top) heap_add(r, h, s);
            else if (s.score >= h->at[0].score && is_worse(r, h->at[0], s)) heap_down(r, h, 0, s);
        }
    }
}

/* --- the result --- */

static int line_cmp(const void *a, const void *b, void *r)
{
    return row_cmp(r, *(const u32 *)a, *(const u32 *)b);
}

/* The rows of all heaps, each once, in the order of keys. Gives their number. */
static u32 collect(struct rank *r)
{
    u32 lines = 0;
    for (u32 f = 0; f < r->fields; f++)
        for (u32 k = 0; k < r->heap[f].count; k++) {
            u32 row = r->heap[f].at[k].row;
            if (r->line[row]) continue;
            r->line[row] = 1;
            r->row[lines++] = row;
        }
    if (lines > 1) qsort_r(r->row, lines, sizeof *r->row, line_cmp, r);
    for (u32 i = 0; i < lines; i++) r->line[r->row[i]] = i + 1;
    return lines;
}

/* Equal scores share the place of the first of them. */
static void put_places(struct rank *r)
{
    for (u32 f = 0; f < r->fields; f++) {
        const struct heap *h = &r->heap[f];
        for (u32 k = 0, place = 1; k < h->count; k++) {
            if (k > 0 && h->at[k].score != h->at[k - 1].score) place = k + 1;
            r->place[(size_t)(r->line[h->at[k].row] - 1) * r->fields + f] = place;
        }
    }
}

static void *grown(void *old, size_t count, size_t size)
{
    void *at = reallocarray(old, count, size);
    WEIR_ASSERT(at != NULL);
    return at;
}

static void make_room(struct rank *r, u32 rows)
{
    if (rows <= r->room) return;
    u32 room = r->room ? r->room : 1024;
    while (room < rows) room = room < 1u << 30 ? room * 2 : UINT32_MAX;
    r->prefix = grown(r->prefix, room, sizeof *r->prefix);
    r->line = grown(r->line, room, sizeof *r->line);
    r->row = grown(r->row, room, sizeof *r->row);
    for (u32 f = 0; f < r->fields; f++)
        r->heap[f].at = grown(r->heap[f].at, room < r->top ? room : r->top, sizeof *r->heap[f].at);
    r->room = room;
}

void rank_groups(struct rank *r, const struct groups *g, struct ranked *out)
{
    make_room(r, groups_count(g));
    r->groups = g;
    for (u32 f = 0; f < r->fields; f++) r->heap[f].count = 0;
    if (groups_count(g) > 0) memset(r->line, 0, groups_count(g) * sizeof *r->line);
    take_prefixes(r);
    choose(r);
    for (u32 f = 0; f < r->fields; f++) heap_sort(r, &r->heap[f]);
    u32 lines = collect(r);
    if (lines > r->places) {
        r->place = grown(r->place, (size_t)lines * r->fields, sizeof *r->place);
        r->places = lines;
    }
    if (lines > 0) memset(r->place, 0, (size_t)lines * r->fields * sizeof *r->place);
    put_places(r);
    r->groups = NULL;
    *out = (struct ranked){ .rows = lines, .row = r->row, .place = r->place };
}
