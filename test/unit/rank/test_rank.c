/* SPDX-License-Identifier: Apache-2.0 */
/* test_rank.c: tops held against a full sort, for all kinds of measures, with many ties; and the rules of equal places,
 * nulls and the `other` row on tables that a reader can follow. */
#include "rank/rank.h"
#include "record/sketch_quantiles.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEY_AT ((u32)offsetof(struct group_row, start))

static u64 random_next(u64 *state)
{
    u64 z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

#define MEASURE(type, fold) { { NULL, 0 }, type, fold, (type) == FIELD_BINS ? 2 : 0, FIELD_NO_MIRROR, false }

static const struct field measures[] = {
    MEASURE(FIELD_U64, FOLD_SUM),    MEASURE(FIELD_F64, FOLD_SUM),    MEASURE(FIELD_U64, FOLD_MIN),
    MEASURE(FIELD_F64, FOLD_MAX),    MEASURE(FIELD_TIME, FOLD_MAX),   MEASURE(FIELD_F64, FOLD_FIRST),
    MEASURE(FIELD_TIME, FOLD_LAST),  MEASURE(FIELD_U64, FOLD_AVG),    MEASURE(FIELD_F64, FOLD_AVG),
    MEASURE(FIELD_BINS, FOLD_BINS),  MEASURE(FIELD_SAMPLING, FOLD_SAMPLING),
    { { NULL, 0 }, FIELD_ADDR, FOLD_DISTINCT, 0, FIELD_NO_MIRROR, false, 6 },
    { { NULL, 0 }, FIELD_F64, FOLD_QUANTILES, 0, FIELD_NO_MIRROR, false, 50u | 99u << 8 },
};
#define FIELDS ((u32)WEIR_COUNT(measures))

static const u32 every_field[FIELDS] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

/* A table whose key is of these columns. */
static void table_init(struct groups *g, struct group_layout *l, u32 keys, const enum field_type *type, u32 max)
{
    struct field f[KEYS_MAX + FIELDS];
    for (u32 i = 0; i < keys; i++) f[i] = (struct field)MEASURE(type[i], FOLD_NONE);
    memcpy(f + keys, measures, sizeof measures);
    err e = group_layout_init(l, keys, 0, FIELDS, f);
    assert_false(err_is(e));
    groups_init(g, l, max);
}

static void table_fini(struct groups *g, struct group_layout *l)
{
    groups_fini(g);
    group_layout_fini(l);
}

/* Adds a group whose key columns hold n[0], n[1] .. in the way of their types; UINT64_MAX is null. */
static u8 *add_group(struct groups *g, const u64 *n)
{
    const struct group_layout *l = g->layout;
    u8                         key[256] = { 0 };
    u32                        row;
    u64                        fresh;
    for (u32 i = 0; i < l->keys; i++) {
        const struct group_column *c = &l->column[i];
        char                       text[32];
        u64                        big = __builtin_bswap64(n[i]);
        if (n[i] == UINT64_MAX) {
            if (c->flag) key[c->flag] = c->type == FIELD_NET ? NET_NULL : 1;
            continue;
        }
        switch (c->type) {
        case FIELD_TAG:
            snprintf(text, sizeof text, "the-site-%llu", (unsigned long long)n[i]);
            u32 id = strings_add(&g->words, slice_str(n[i] ? text : ""));
            memcpy(key + c->at, &id, 4);
            break;
        case FIELD_NET: key[c->flag] = (u8)(100 + n[i] % 3); /* fall through */
        case FIELD_ADDR: memcpy(key + c->at + 8, &big, 8); break;
        default: memcpy(key + c->at, &n[i], 8);
        }
    }
    groups_find_add(g, key + KEY_AT, 1, &row, &fresh);
    return (u8 *)groups_row_write(g, row);
}

static void put(u8 *row, u32 at, const void *word)
{
    memcpy(row + at, word, 8);
}

/* Few different values, so that most are tied. */
static void random_measure(u8 *row, const struct group_measure *m, u64 *seed)
{
    u64 v = random_next(seed) % 12, two = 1 + random_next(seed) % 2;
    f64 real = v == 0 ? -0.0 : v == 11 ? NAN : (f64)v - 5;
    if (random_next(seed) % 5 == 0) return;
    if (m->type == FIELD_TIME) v -= 5;
    const void *word = m->type == FIELD_F64 ? (const void *)&real : (const void *)&v;
    row[m->present] = m->fold != FOLD_SAMPLING;
    switch (m->fold) {
    case FOLD_SAMPLING: {
        struct sampling s = { two, 0, 99, v * two, v == 3 };
        memcpy(row + m->at, &s, sizeof s);
        return;
    }
    case FOLD_AVG: put(row, m->at, word), put(row, m->at + 8u, &two); return;
    case FOLD_FIRST:
    case FOLD_LAST: put(row, m->at, &two), put(row, m->at + 8u, word); return;
    case FOLD_BINS:
        if (v == 7) v = UINT64_MAX;
        put(row, m->at, &two), put(row, m->at + 8u, &v);
        return;
    case FOLD_DISTINCT: /* v registers: about v values */
        memset(row + m->at, 0, m->words * 8u);
        memset(row + m->at + 9, 1, v);
        return;
    case FOLD_QUANTILES: /* all but one value are alike; nothing at all for 11 */
        memset(row + m->at, 0, m->words * 8u);
        ((u32 *)(void *)(row + m->at))[90 + v] = v < 11 ? 1 : 0;
        ((u32 *)(void *)(row + m->at))[100 - 2 * v] += v < 11 ? 10 : 0;
        return;
    default: put(row, m->at, word);
    }
}

/* The cell of the greatest value, or how many registers are in use. */
static bool number_of_sketch(const u8 *row, const struct group_measure *m, long double *out)
{
    u32 n = 0, last = 0;
    for (u32 i = 0; m->fold == FOLD_DISTINCT && i < m->words * 8u; i++) n += row[m->at + i];
    for (u32 i = 0; m->fold == FOLD_QUANTILES && i < QUANTILES_CELLS; i++)
        if (((const u32 *)(const void *)(row + m->at))[i]) last = i;
    *out = m->fold == FOLD_DISTINCT ? n : last;
    return m->fold == FOLD_DISTINCT || last > 0;
}

/* --- the reference --- */

/* A value as a number that is large enough for all of them; false: none. */
static bool number_of(const u8 *row, const struct group_measure *m, long double *out)
{
    u64 w[2];
    f64 real;
    memcpy(w, row + m->at, m->words > 1 ? 16 : 8);
    if (m->fold == FOLD_SAMPLING) {
        struct sampling s;
        memcpy(&s, row + m->at, sizeof s);
        if (s.n == 0) return false;
        *out = (long double)((f64)((u128)s.sum_hi << 64 | s.sum_lo) / (f64)s.n);
        return true;
    }
    if (!row[m->present]) return false;
    if (m->fold == FOLD_DISTINCT || m->fold == FOLD_QUANTILES) return number_of_sketch(row, m, out);
    if (m->fold == FOLD_FIRST || m->fold == FOLD_LAST) w[0] = w[1];
    memcpy(&real, w, 8);
    *out = (long double)w[0];
    if (m->type == FIELD_F64) *out = (long double)real;
    if (m->type == FIELD_TIME) *out = (long double)(i64)w[0];
    if (m->fold == FOLD_BINS) *out = fminl((long double)w[0] + (long double)w[1], (long double)UINT64_MAX);
    if (m->fold == FOLD_AVG) *out = (long double)((m->type == FIELD_F64 ? real : (f64)w[0]) / (f64)w[1]);
    return *out == *out;
}

struct line {
    const struct groups *g;
    u32                  row;
    long double          number;
};

static int key_cmp(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return groups_key_cmp(x->g, groups_row(x->g, x->row), y->g, groups_row(y->g, y->row));
}

static int line_cmp(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return x->number != y->number ? (x->number < y->number ? 1 : -1) : key_cmp(a, b);
}

/* Fills place[row] of one field by sorting all of it. */
static void reference_places(const struct groups *g, const struct group_measure *m, u32 top, u32 *place)
{
    struct line *lines = calloc(groups_count(g) + 1, sizeof *lines);
    u32          n = 0;
    for (u32 i = 0; i < groups_count(g); i++) {
        place[i] = 0;
        lines[n] = (struct line){ g, i, 0 };
        if (groups_row(g, i)->flags & GROUP_OTHER) continue;
        if (number_of((const u8 *)groups_row(g, i), m, &lines[n].number)) n++;
    }
    qsort(lines, n, sizeof *lines, line_cmp);
    for (u32 k = 0, last = 1; k < n && k < top; k++) {
        if (k > 0 && lines[k].number != lines[k - 1].number) last = k + 1;
        place[lines[k].row] = last;
    }
    free(lines);
}

static void check(const struct groups *g, struct rank *r, u32 top)
{
    struct ranked got;
    u32           n = groups_count(g), lines = 0;
    u32          *place = calloc((size_t)(n + 1) * FIELDS, sizeof *place);
    struct line  *want = calloc(n + 1, sizeof *want);
    rank_groups(r, g, &got);
    for (u32 f = 0; f < FIELDS; f++) reference_places(g, &g->layout->measure[f], top, place + (size_t)f * n);
    for (u32 i = 0; i < n; i++) {
        bool any = false;
        for (u32 f = 0; f < FIELDS; f++) any |= place[(size_t)f * n + i] != 0;
        if (any) want[lines++] = (struct line){ g, i, 0 };
    }
    qsort(want, lines, sizeof *want, key_cmp);
    assert_int_equal(got.rows, lines);
    for (u32 i = 0; i < lines; i++) {
        assert_int_equal(got.row[i], want[i].row);
        for (u32 f = 0; f < FIELDS; f++)
            assert_int_equal(got.place[i * FIELDS + f], place[(size_t)f * n + want[i].row]);
    }
    free(place);
    free(want);
}

/* --- tests --- */

static void tops_are_those_of_a_full_sort(void **state)
{
    static const struct {
        u32             keys;
        enum field_type type[3];
    } shapes[] = {
        { 1, { FIELD_TAG } }, { 1, { FIELD_U64 } },  { 3, { FIELD_NET, FIELD_ADDR, FIELD_TAG } },
        { 1, { FIELD_NET } }, { 1, { FIELD_TIME } }, { 2, { FIELD_TAG, FIELD_MAC } },
    };
    static const u32 tops[] = { 1, 2, 10, 100, 5000 }, rows[] = { 0, 1, 7, 100, 900 };
    u64              seed = 1;
    for (u32 s = 0; s < WEIR_COUNT(shapes); s++)
        for (u32 t = 0; t < WEIR_COUNT(tops); t++) {
            struct groups       g;
            struct group_layout l;
            struct rank        *r;
            struct rank_spec    spec = { tops[t], FIELDS, every_field };
            table_init(&g, &l, shapes[s].keys, shapes[s].type, 800); /* 900 rows are more: some go to `other` */
            assert_false(err_is(rank_open(&r, &spec, &l)));
            for (u32 n = 0; n < WEIR_COUNT(rows); n++) {
                groups_reset(&g);
                for (u32 i = 0; i < rows[n]; i++) {
                    u64 x = random_next(&seed);
                    u64 key[3] = { shapes[s].keys > 1 ? x % 4 : x % 2000, x >> 16 & 15, x >> 32 & 15 };
                    if ((x >> 40) % 16 == 0) key[0] = UINT64_MAX;
                    u8 *row = add_group(&g, key);
                    for (u32 m = 0; m < FIELDS; m++) random_measure(row, &l.measure[m], &seed);
                }
                check(&g, r, tops[t]);
            }
            rank_close(r);
            table_fini(&g, &l);
        }
}

static void equal_values_share_a_place_and_ties_at_the_cut_go_by_key(void **state)
{
    static const struct { u64 site, value; u32 place; } rows[] = {
        { 4, 70, 0 }, { 9, 90, 1 }, { 3, 70, 4 }, { 5, 80, 3 }, { 1, 90, 1 }, { 2, 70, 4 }, { 8, 10, 0 },
    };
    static const enum field_type type = FIELD_TAG;
    static const u32             want[] = { 4, 5, 2, 3, 1 }; /* by site: 1, 2, 3, 5, 9 */
    static const u32             sum = 0;
    struct groups                g;
    struct group_layout          l;
    struct rank                 *r;
    struct ranked                got;
    struct rank_spec             spec = { 5, 1, &sum };
    table_init(&g, &l, 1, &type, 100);
    assert_false(err_is(rank_open(&r, &spec, &l)));
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        u8 *row = add_group(&g, &rows[i].site);
        row[l.measure[0].present] = 1;
        put(row, l.measure[0].at, &rows[i].value);
    }
    rank_groups(r, &g, &got);
    assert_int_equal(got.rows, 5);
    for (u32 i = 0; i < 5; i++) {
        assert_int_equal(got.row[i], want[i]);
        assert_int_equal(got.place[i], rows[want[i]].place);
    }
    rank_close(r);
    table_fini(&g, &l);
}

static void the_other_row_and_absent_values_have_no_rank(void **state)
{
    static const enum field_type type = FIELD_U64;
    struct groups                g;
    struct group_layout          l;
    struct rank                 *r;
    struct ranked                got;
    struct rank_spec             spec = { 10, FIELDS, every_field };
    u64                          key = 5, huge = UINT64_MAX;
    table_init(&g, &l, 1, &type, 1);
    assert_false(err_is(rank_open(&r, &spec, &l)));
    add_group(&g, &key);
    key = 6;
    u8 *other = add_group(&g, &key);
    other[l.measure[0].present] = 1;
    put(other, l.measure[0].at, &huge);
    rank_groups(r, &g, &got);
    assert_int_equal(groups_count(&g), 2);
    assert_int_equal(got.rows, 0);
    rank_close(r);
    table_fini(&g, &l);
}

static void a_ranking_of_nothing_is_refused(void **state)
{
    static const enum field_type type = FIELD_U64;
    static const struct rank_spec specs[] = { { 0, 1, every_field }, { 1, 0, every_field }, { 1, 257, every_field } };
    struct groups                g;
    struct group_layout          l;
    table_init(&g, &l, 1, &type, 1);
    for (u32 i = 0; i < WEIR_COUNT(specs); i++) {
        struct rank *r;
        err          e = rank_open(&r, &specs[i], &l);
        assert_int_equal(e.code, ERR_CONFIG);
        assert_string_equal(e.what, "a ranking needs a top of at least 1 and 1 to 256 fields");
    }
    table_fini(&g, &l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tops_are_those_of_a_full_sort),
        cmocka_unit_test(equal_values_share_a_place_and_ties_at_the_cut_go_by_key),
        cmocka_unit_test(the_other_row_and_absent_values_have_no_rank),
        cmocka_unit_test(a_ranking_of_nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
