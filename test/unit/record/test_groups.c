/* SPDX-License-Identifier: Apache-2.0 */
/* test_groups.c: rows laid out and merged, keys found, images put back or refused.
 *
 * Merges are held against a fold of one measure at a time that knows nothing of runs; finding against a list that is
 * searched from its beginning. */
#include "record/sketch_quantiles.h"
#include "weir/groups.h"
#include "weir/hash.h"
#include "weir/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ALONE  FIELD_NO_MIRROR
#define KEY_AT ((u32)offsetof(struct group_row, start))
#define MINUTE (60 * NANOS_SECOND)

static u64 random_next(u64 *state)
{
    u64 z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* --- layouts --- */

#define MEASURE(type, fold, mirror) { { NULL, 0 }, type, fold, (type) == FIELD_BINS ? 3 : 0, mirror, false }
#define SKETCH(type, fold, mirror, sketch) { { NULL, 0 }, type, fold, 0, mirror, false, sketch }
#define COLUMN(type)                { { NULL, 0 }, type, FOLD_NONE, 0, ALONE, false }

/* Every fold of every type; 0-23 in pairs, as are 34 and 36, 39 and 40 that mirror each other, the rest alone. */
static const struct field every_measure[] = {
    MEASURE(FIELD_U64, FOLD_SUM, 1),
    MEASURE(FIELD_U64, FOLD_SUM, 0),
    MEASURE(FIELD_F64, FOLD_SUM, 3),
    MEASURE(FIELD_F64, FOLD_SUM, 2),
    MEASURE(FIELD_U64, FOLD_MIN, 5),
    MEASURE(FIELD_U64, FOLD_MIN, 4),
    MEASURE(FIELD_U64, FOLD_MAX, 8), /* partners need not be neighbours */
    MEASURE(FIELD_U64, FOLD_MAX, 9),
    MEASURE(FIELD_U64, FOLD_MAX, 6),
    MEASURE(FIELD_U64, FOLD_MAX, 7),
    MEASURE(FIELD_F64, FOLD_MIN, 11),
    MEASURE(FIELD_F64, FOLD_MIN, 10),
    MEASURE(FIELD_TIME, FOLD_MIN, 13),
    MEASURE(FIELD_TIME, FOLD_MIN, 12),
    MEASURE(FIELD_U64, FOLD_FIRST, 15),
    MEASURE(FIELD_U64, FOLD_FIRST, 14),
    MEASURE(FIELD_F64, FOLD_LAST, 17),
    MEASURE(FIELD_F64, FOLD_LAST, 16),
    MEASURE(FIELD_SAMPLING, FOLD_SAMPLING, 19),
    MEASURE(FIELD_SAMPLING, FOLD_SAMPLING, 18),
    MEASURE(FIELD_BINS, FOLD_BINS, 21),
    MEASURE(FIELD_BINS, FOLD_SUM, 20), /* a sum of bins is the fold of bins */
    MEASURE(FIELD_U64, FOLD_AVG, 23),
    MEASURE(FIELD_U64, FOLD_AVG, 22),
    MEASURE(FIELD_F64, FOLD_AVG, ALONE),
    MEASURE(FIELD_F64, FOLD_MAX, ALONE),
    MEASURE(FIELD_TIME, FOLD_MAX, ALONE),
    MEASURE(FIELD_TIME, FOLD_FIRST, ALONE),
    MEASURE(FIELD_TIME, FOLD_LAST, ALONE),
    MEASURE(FIELD_MAC, FOLD_LAST, ALONE),
    MEASURE(FIELD_MAC, FOLD_MIN, ALONE),
    MEASURE(FIELD_U64, FOLD_SUM, ALONE),
    MEASURE(FIELD_U64, FOLD_MIN, 32), /* its own mirror: has none */
    MEASURE(FIELD_SAMPLING, FOLD_SAMPLING, ALONE),
    SKETCH(FIELD_U64, FOLD_DISTINCT, 36, 7), /* 34; partners have the same bits */
    SKETCH(FIELD_ADDR, FOLD_DISTINCT, ALONE, 6),
    SKETCH(FIELD_U64, FOLD_DISTINCT, 34, 7),
    SKETCH(FIELD_STRING, FOLD_DISTINCT, ALONE, 12),
    SKETCH(FIELD_NET, FOLD_DISTINCT, ALONE, 6),
    SKETCH(FIELD_U64, FOLD_QUANTILES, 40, QUANTILES_DEFAULT),
    SKETCH(FIELD_U64, FOLD_QUANTILES, 39, QUANTILES_DEFAULT),
    SKETCH(FIELD_F64, FOLD_QUANTILES, ALONE, 99),
};
#define EVERY ((u32)WEIR_COUNT(every_measure))

/* A layout of these key and carried columns and, if asked for, every measure. */
static struct group_layout layout_of(u32 keys, u32 carried, const enum field_type *type, bool measured)
{
    struct field f[16 + EVERY];
    for (u32 i = 0; i < keys + carried; i++) f[i] = (struct field)COLUMN(type[i]);
    memcpy(f + keys + carried, every_measure, sizeof every_measure);
    struct group_layout l;
    err                 e = group_layout_init(&l, keys, carried, measured ? EVERY : 0, f);
    assert_false(err_is(e));
    return l;
}

static void columns_stand_widest_first_then_their_flags(void **state)
{
    static const enum field_type types[] = { FIELD_TAG, FIELD_U64,  FIELD_NET, FIELD_STRING, FIELD_ADDR,
                                             FIELD_MAC, FIELD_TIME, FIELD_TAG, FIELD_NET };
    static const struct { u16 at, flag; } want[] = {
        { 80, 0 }, { 64, 88 }, { 32, 89 }, { 84, 0 }, { 48, 90 }, { 72, 91 }, /* keys, to 92, padded to 96 */
        { 112, 124 }, { 120, 0 }, { 96, 125 },                               /* carried, to 126: 128      */
    };
    struct group_layout l = layout_of(6, 3, types, true);
    for (u32 i = 0; i < WEIR_COUNT(want); i++) {
        assert_int_equal(l.column[i].type, types[i]);
        assert_int_equal(l.column[i].at, want[i].at);
        assert_int_equal(l.column[i].flag, want[i].flag);
    }
    assert_int_equal(l.key_end, 96);
    assert_int_equal(l.fixed_end, 128);
    assert_true(l.texts);
    assert_int_equal(l.size % 8, 0);
    group_layout_fini(&l);
}

static void texts_are_told_of_keys_only(void **state)
{
    static const enum field_type types[] = { FIELD_U64, FIELD_TAG };
    struct group_layout          l = layout_of(1, 1, types, false);
    assert_false(l.texts);
    assert_int_equal(l.size, 56);
    group_layout_fini(&l);
}

static void no_two_measures_share_a_byte(void **state)
{
    struct group_layout l = layout_of(0, 0, NULL, true);
    u8                 *used = calloc(1, l.size);
    memset(used, 1, l.fixed_end);
    for (u32 m = 0; m < EVERY; m++) {
        assert_int_equal(used[l.measure[m].present]++, 0);
        assert_int_equal(l.measure[m].at % 8, 0);
        assert_true(l.measure[m].at + l.measure[m].words * 8u <= l.size);
        for (u32 i = 0; i < l.measure[m].words * 8u; i++) assert_int_equal(used[l.measure[m].at + i]++, 0);
    }
    free(used);
    group_layout_fini(&l);
}

static void what_folds_alike_merges_in_few_runs(void **state)
{
    struct field f[40];
    for (u32 m = 0; m < 40; m++) { /* 30 mirrored sums and 10 mirrored least values, mixed */
        struct field made = MEASURE(FIELD_U64, m % 8 >= 6 ? FOLD_MIN : FOLD_SUM, m ^ 1);
        f[m] = made;
    }
    struct group_layout  l;
    struct group_program p;
    assert_false(err_is(group_layout_init(&l, 0, 0, 40, f)));
    group_program_init(&p, &l, &l, GROUP_STRAIGHT);
    assert_int_equal(p.count, 3);
    group_program_init(&p, &l, &l, GROUP_MIRRORED);
    assert_int_equal(p.count, 6);
    group_program_init(&p, &l, &l, GROUP_CROSSED);
    assert_int_equal(p.count, 6);
    group_layout_fini(&l);
}

static void what_cannot_be_laid_out_is_refused(void **state)
{
    static struct field f[MEASURES_MAX];
    static const struct {
        struct field  field;
        u32           keys, measures;
        enum err_code code;
        i64           at;
    } rows[] = {
        { COLUMN(FIELD_F64), 1, 0, ERR_CONFIG, 0 },
        { COLUMN(FIELD_SAMPLING), 3, 0, ERR_CONFIG, 0 },
        { MEASURE(FIELD_STRING, FOLD_SUM, ALONE), 0, 1, ERR_CONFIG, 0 },
        { MEASURE(FIELD_TIME, FOLD_SUM, ALONE), 0, 2, ERR_CONFIG, 0 },
        { MEASURE(FIELD_U64, FOLD_NONE, ALONE), 0, 1, ERR_CONFIG, 0 },
        { MEASURE(FIELD_SAMPLING, FOLD_MIN, ALONE), 0, 1, ERR_CONFIG, 0 },
        { MEASURE(FIELD_F64, FOLD_AVG, ALONE), 0, 33, ERR_FULL, -1 }, /* two runs each, one for present */
        { MEASURE(FIELD_BINS, FOLD_BINS, ALONE), 0, 256, ERR_NONE, 0 },
        { SKETCH(FIELD_TIME, FOLD_QUANTILES, ALONE, QUANTILES_DEFAULT), 0, 1, ERR_CONFIG, 0 },
        { SKETCH(FIELD_SAMPLING, FOLD_DISTINCT, ALONE, 10), 0, 1, ERR_CONFIG, 0 },
        { SKETCH(FIELD_U64, FOLD_QUANTILES, ALONE, QUANTILES_DEFAULT), 0, 10, ERR_NONE, 0 },
        { SKETCH(FIELD_U64, FOLD_QUANTILES, ALONE, QUANTILES_DEFAULT), 0, 11, ERR_FULL, 0 },
        { SKETCH(FIELD_MAC, FOLD_DISTINCT, ALONE, 12), 0, 7, ERR_NONE, 0 },
        { SKETCH(FIELD_MAC, FOLD_DISTINCT, ALONE, 12), 0, 8, ERR_FULL, 0 },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct group_layout l;
        for (u32 k = 0; k < MEASURES_MAX; k++) f[k] = rows[i].field;
        err e = group_layout_init(&l, rows[i].keys, 0, rows[i].measures, f);
        assert_int_equal(e.code, rows[i].code);
        assert_int_equal(e.at, rows[i].at);
        assert_true((e.what != NULL) == err_is(e));
        group_layout_fini(&l);
    }
}

static void names_are_those_of_layouts_and_recipes(void **state)
{
    static const char *const types[] = { "u64",    "f64", "time", "ip",       "mac",
                                        "string", "net", "tag",  "sampling", "bins" };
    static const char *const folds[] = { "none", "sum", "min", "max", "first", "last", "avg", "sampling", "bins",
                                        "distinct", "quantiles" };
    for (u32 i = 0; i < WEIR_COUNT(types); i++) assert_string_equal(field_type_name((enum field_type)i), types[i]);
    for (u32 i = 0; i < WEIR_COUNT(folds); i++) assert_string_equal(fold_name((enum fold)i), folds[i]);
}

/* --- merging --- */

static u64 word_of(const u8 *row, u32 at)
{
    u64 word;
    memcpy(&word, row + at, 8);
    return word;
}

static void put_word(u8 *row, u32 at, u64 word)
{
    memcpy(row + at, &word, 8);
}

static f64 as_f64(u64 word)
{
    f64 v;
    memcpy(&v, &word, 8);
    return v;
}

static u64 of_f64(f64 v)
{
    u64 word;
    memcpy(&word, &v, 8);
    return word;
}

static u64 plus(u64 a, u64 b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* A measure's value of one record, made up; three of four are there. Small numbers, so that ties are met. */
static void random_measure(const struct group_measure *m, u8 *row, u64 *seed)
{
    if (random_next(seed) % 4 == 0) return;
    u64 v = random_next(seed) % 10, time = random_next(seed) % 5;
    if (random_next(seed) % 50 == 0) v = UINT64_MAX - v;
    if (m->type == FIELD_F64) v = of_f64((f64)(i64)v * 0.5 - 2);
    if (m->fold != FOLD_SAMPLING) row[m->present] = 1;
    switch (m->fold) {
    case FOLD_FIRST:
    case FOLD_LAST: put_word(row, m->at, time), put_word(row, m->at + 8u, v); break;
    case FOLD_AVG: put_word(row, m->at, v), put_word(row, m->at + 8u, 1 + time); break;
    case FOLD_SAMPLING: {
        struct sampling s = { 1 + time, v, v + 3, v == 9 ? UINT64_MAX : v * 4, v };
        memcpy(row + m->at, &s, sizeof s);
        break;
    }
    case FOLD_BINS:
        for (u32 k = 0; k < m->words; k++) put_word(row, m->at + k * 8u, v * (k + 1));
        break;
    case FOLD_DISTINCT:
        for (u32 k = 0; k < m->words * 8u; k++) row[m->at + k] = (u8)(random_next(seed) % 50);
        break;
    case FOLD_QUANTILES:
        for (u32 k = 0; k < m->words; k++)
            put_word(row, m->at + k * 8u, random_next(seed) % 9 ? random_next(seed) % 9 : random_next(seed));
        break;
    default: put_word(row, m->at, v);
    }
}

static u8 *random_row(const struct group_layout *l, u64 *seed)
{
    u8 *row = malloc(l->size);
    assert_non_null(row);
    memcpy(row, l->empty, l->size);
    for (u32 m = 0; m < l->measures; m++) random_measure(&l->measure[m], row, seed);
    return row;
}

/* The reference: what one measure of a row has, and how it takes another's. */
static bool has(const struct group_measure *m, const u8 *row)
{
    return m->fold == FOLD_SAMPLING ? word_of(row, m->at) != 0 : row[m->present] != 0;
}

static bool is_less(enum field_type type, u64 a, u64 b)
{
    if (type == FIELD_F64) return as_f64(a) < as_f64(b);
    return type == FIELD_TIME ? (i64)a < (i64)b : a < b;
}

static void fold_sampling(struct sampling *a, const struct sampling *b)
{
    u128 sum = ((u128)a->sum_hi << 64 | a->sum_lo) + ((u128)b->sum_hi << 64 | b->sum_lo);
    *a = (struct sampling){ plus(a->n, b->n), a->min < b->min ? a->min : b->min, a->max > b->max ? a->max : b->max,
                            (u64)sum, (u64)(sum >> 64) };
}

static void fold_cells(u8 *to, const u8 *from)
{
    for (u32 k = 0; k < QUANTILES_CELLS; k++) {
        u32 a, b;
        memcpy(&a, to + k * 4, 4), memcpy(&b, from + k * 4, 4);
        u64 sum = (u64)a + b;
        a = sum > UINT32_MAX ? UINT32_MAX : (u32)sum;
        memcpy(to + k * 4, &a, 4);
    }
}

static void fold_measure(const struct group_measure *a, u8 *to, const struct group_measure *b, const u8 *from)
{
    if (!has(b, from)) return;
    if (!has(a, to)) {
        memcpy(to + a->at, from + b->at, a->words * 8u);
        to[a->present] = from[b->present];
        return;
    }
    u64             x = word_of(to, a->at), y = word_of(from, b->at);
    struct sampling s, t;
    switch (a->fold) {
    case FOLD_SUM: put_word(to, a->at, a->type == FIELD_F64 ? of_f64(as_f64(x) + as_f64(y)) : plus(x, y)); break;
    case FOLD_MIN: put_word(to, a->at, is_less(a->type, y, x) ? y : x); break;
    case FOLD_MAX: put_word(to, a->at, is_less(a->type, x, y) ? y : x); break;
    case FOLD_FIRST:
        if ((i64)y < (i64)x) memcpy(to + a->at, from + b->at, 16);
        break;
    case FOLD_LAST:
        if ((i64)y >= (i64)x) memcpy(to + a->at, from + b->at, 16);
        break;
    case FOLD_AVG:
        put_word(to, a->at, a->type == FIELD_F64 ? of_f64(as_f64(x) + as_f64(y)) : plus(x, y));
        put_word(to, a->at + 8u, word_of(to, a->at + 8u) + word_of(from, b->at + 8u));
        break;
    case FOLD_SAMPLING:
        memcpy(&s, to + a->at, sizeof s), memcpy(&t, from + b->at, sizeof t);
        fold_sampling(&s, &t);
        memcpy(to + a->at, &s, sizeof s);
        break;
    case FOLD_BINS:
        for (u32 k = 0; k < a->words * 8u; k += 8)
            put_word(to, a->at + k, plus(word_of(to, a->at + k), word_of(from, b->at + k)));
        break;
    case FOLD_DISTINCT:
        for (u32 k = 0; k < a->words * 8u; k++)
            if (from[b->at + k] > to[a->at + k]) to[a->at + k] = from[b->at + k];
        break;
    case FOLD_QUANTILES: fold_cells(to + a->at, from + b->at); break;
    case FOLD_NONE: fail();
    }
}

static bool is_mirrored(u32 m)
{
    return every_measure[m].mirror != ALONE && every_measure[m].mirror != m;
}

static void fold_row(const struct group_layout *a, u8 *to, const struct group_layout *b, const u8 *from,
                     enum group_view view)
{
    for (u32 m = 0; m < a->measures; m++) {
        if (view == GROUP_CROSSED && !is_mirrored(m)) continue;
        u32 source = view != GROUP_STRAIGHT && is_mirrored(m) ? every_measure[m].mirror : m;
        fold_measure(&a->measure[m], to, &b->measure[source], from);
    }
}

static void merging_is_the_fold_of_each_measure_in_every_view(void **state)
{
    static const enum field_type wide[] = { FIELD_NET, FIELD_NET, FIELD_TAG }, narrow[] = { FIELD_TAG };
    struct group_layout          from = layout_of(2, 1, wide, true), to = layout_of(1, 0, narrow, true);
    u64                          seed = 1;
    for (u32 round = 0; round < 300; round++) {
        enum group_view      view = (enum group_view)(round % 3);
        struct group_program p;
        group_program_init(&p, &to, &from, view);
        u8 *got = random_row(&to, &seed), *want = malloc(to.size);
        memcpy(want, got, to.size);
        for (u32 i = 0; i < 4; i++) {
            u8 *row = random_row(&from, &seed);
            groups_merge_row(&p, got, row);
            fold_row(&to, want, &from, row, view);
            free(row);
        }
        assert_memory_equal(got, want, to.size);
        free(got);
        free(want);
    }
    group_layout_fini(&from);
    group_layout_fini(&to);
}

static void mirrored_twice_is_straight(void **state)
{
    struct group_layout  l = layout_of(0, 0, NULL, true);
    struct group_program mirror;
    u64                  seed = 2;
    group_program_init(&mirror, &l, &l, GROUP_MIRRORED);
    for (u32 round = 0; round < 50; round++) {
        u8 *row = random_row(&l, &seed), *once = malloc(l.size), *twice = malloc(l.size);
        memcpy(once, l.empty, l.size);
        memcpy(twice, l.empty, l.size);
        groups_merge_row(&mirror, once, row);
        groups_merge_row(&mirror, twice, once);
        assert_memory_equal(twice, row, l.size);
        free(row), free(once), free(twice);
    }
    group_layout_fini(&l);
}

static void the_empty_row_changes_nothing(void **state)
{
    struct group_layout l = layout_of(0, 0, NULL, true);
    u64                 seed = 3;
    for (enum group_view view = GROUP_STRAIGHT; view <= GROUP_CROSSED; view++) {
        struct group_program p;
        group_program_init(&p, &l, &l, view);
        u8 *row = random_row(&l, &seed), *before = malloc(l.size);
        memcpy(before, row, l.size);
        groups_merge_row(&p, row, l.empty);
        assert_memory_equal(row, before, l.size);
        free(row), free(before);
    }
    group_layout_fini(&l);
}

static bool measure_folds_in_any_order(enum fold fold)
{
    return fold != FOLD_FIRST && fold != FOLD_LAST;
}

static void integer_folds_do_not_depend_on_the_order(void **state)
{
    static struct field f[EVERY];
    u32                 n = 0;
    for (u32 m = 0; m < EVERY; m++) /* first and last break ties by order of arrival, floating sums round */
        if ((every_measure[m].type != FIELD_F64 || every_measure[m].fold == FOLD_QUANTILES) &&
            measure_folds_in_any_order(every_measure[m].fold))
            f[n] = every_measure[m], f[n++].mirror = ALONE;
    struct group_layout  l;
    struct group_program p;
    assert_false(err_is(group_layout_init(&l, 0, 0, n, f)));
    group_program_init(&p, &l, &l, GROUP_STRAIGHT);
    u64 seed = 4;
    u8 *rows[64], *first = NULL;
    for (u32 i = 0; i < 64; i++) rows[i] = random_row(&l, &seed);
    for (u32 round = 0; round < 20; round++) {
        u8 *sum = malloc(l.size);
        memcpy(sum, l.empty, l.size);
        for (u32 i = 63; i > 0; i--) {
            u32 k = (u32)(random_next(&seed) % (i + 1));
            u8 *other = rows[k];
            rows[k] = rows[i], rows[i] = other;
        }
        for (u32 i = 0; i < 64; i++) groups_merge_row(&p, sum, rows[i]);
        if (first == NULL) first = sum;
        else {
            assert_memory_equal(sum, first, l.size);
            free(sum);
        }
    }
    for (u32 i = 0; i < 64; i++) free(rows[i]);
    free(first);
    group_layout_fini(&l);
}

static void sums_stop_at_the_top(void **state)
{
    struct group_layout  l = layout_of(0, 0, NULL, true);
    struct group_program p;
    group_program_init(&p, &l, &l, GROUP_STRAIGHT);
    u8 *a = malloc(l.size), *b = malloc(l.size);
    memcpy(a, l.empty, l.size);
    memcpy(b, l.empty, l.size);
    put_word(a, l.measure[0].at, UINT64_MAX - 1);
    put_word(b, l.measure[0].at, 2);
    put_word(a, l.measure[20].at + 16u, UINT64_MAX);
    put_word(b, l.measure[20].at + 16u, UINT64_MAX);
    put_word(a, l.measure[18].at, UINT64_MAX - 5); /* n of a sampling */
    put_word(b, l.measure[18].at, 6);
    groups_merge_row(&p, a, b);
    assert_true(word_of(a, l.measure[0].at) == UINT64_MAX);
    assert_true(word_of(a, l.measure[20].at + 16u) == UINT64_MAX);
    assert_true(word_of(a, l.measure[18].at) == UINT64_MAX);
    groups_merge_row(&p, a, b);
    assert_true(word_of(a, l.measure[0].at) == UINT64_MAX);
    free(a), free(b);
    group_layout_fini(&l);
}

/* --- finding --- */

static const enum field_type pair_types[] = { FIELD_U64, FIELD_TAG, FIELD_TAG }; /* two keys, one carried */

/* Key bytes of pair_types: start, number, word id, null flag and padding. */
static void pair_key(u8 *key, nanos start, u64 number, u32 word)
{
    memset(key, 0, 24);
    memcpy(key, &start, 8);
    memcpy(key + 8, &number, 8);
    memcpy(key + 16, &word, 4);
}

static void find_add_agrees_with_a_list(void **state)
{
    enum { KEYS = 3000, FINDS = 20000 };
    struct group_layout l = layout_of(2, 1, pair_types, false);
    assert_int_equal(l.key_end - KEY_AT, 24);
    struct groups g;
    groups_init(&g, &l, KEYS);
    u8 (*list)[24] = calloc(KEYS, 24);
    u32 known = 0;
    u64 seed = 5;
    for (u32 done = 0; done < FINDS;) {
        u32 n = (u32)(random_next(&seed) % (GROUPS_BATCH + 1)), rows[GROUPS_BATCH];
        u8  keys[GROUPS_BATCH][24];
        u64 fresh, want_fresh = 0;
        for (u32 i = 0; i < n; i++) {
            u64 v = random_next(&seed);
            pair_key(keys[i], (nanos)(v % 2) * MINUTE, v >> 8 & 0x3ff, 0);
            if (i > 0 && v >> 60 == 0) memcpy(keys[i], keys[i - 1], 24); /* the same key again in one batch */
        }
        groups_find_add(&g, keys[0], n, rows, &fresh);
        for (u32 i = 0; i < n; i++) {
            u32 at = 0;
            while (at < known && memcmp(list[at], keys[i], 24) != 0) at++;
            if (at == known) memcpy(list[known++], keys[i], 24), want_fresh |= 1ull << i;
            assert_int_equal(rows[i], at); /* rows are dense and in order of arrival */
        }
        assert_true(fresh == want_fresh);
        done += n ? n : 1;
    }
    assert_int_equal(groups_count(&g), known);
    for (u32 i = 0; i < known; i++) {
        assert_int_equal(groups_find(&g, list[i]), i);
        assert_memory_equal((const u8 *)groups_row(&g, i) + KEY_AT, list[i], 24);
        assert_true(groups_row(&g, i)->hash == hash_bytes(list[i], 24));
        assert_int_equal(groups_row(&g, i)->records, 0);
    }
    u8 unknown[24];
    pair_key(unknown, 7 * MINUTE, 1, 0);
    assert_int_equal(groups_find(&g, unknown), UINT32_MAX);
    free(list);
    groups_fini(&g);
    group_layout_fini(&l);
}

static void an_empty_table_finds_nothing_and_costs_little(void **state)
{
    struct group_layout l = layout_of(2, 1, pair_types, true);
    struct groups       g;
    u8                  key[24];
    groups_init(&g, &l, 1u << 30);
    pair_key(key, 0, 0, 0);
    assert_int_equal(groups_find(&g, key), UINT32_MAX);
    assert_true(groups_memory(&g) < 1024);
    groups_reset(&g);
    groups_fini(&g);
    group_layout_fini(&l);
}

static void a_full_table_puts_new_keys_into_the_other_row(void **state)
{
    struct group_layout l = layout_of(2, 1, pair_types, true);
    struct groups       g;
    u32                 rows[10];
    u8                  keys[10][24];
    u64                 fresh;
    groups_init(&g, &l, 4);
    for (u32 i = 0; i < 10; i++) pair_key(keys[i], i * MINUTE, i, 0);
    groups_find_add(&g, keys[0], 10, rows, &fresh);
    assert_int_equal(fresh, 0xf);
    for (u32 i = 0; i < 10; i++) assert_int_equal(rows[i], i < 4 ? i : 4);
    assert_int_equal(g.full, 6);
    assert_int_equal(g.other, 5);
    assert_true(groups_full(&g));
    const struct group_row *other = groups_row(&g, 4);
    assert_int_equal(other->flags, GROUP_OTHER);
    assert_true(other->start == 4 * MINUTE); /* of the first that overflowed */
    for (u32 c = 0; c < 3; c++) {
        struct value v;
        groups_value(&g, other, c, &v);
        assert_int_equal(v.kind, VALUE_NULL);
    }
    groups_find_add(&g, keys[0], 10, rows, &fresh); /* known keys are found as before */
    assert_int_equal(fresh, 0);
    for (u32 i = 0; i < 10; i++) assert_int_equal(rows[i], i < 4 ? i : 4);
    assert_int_equal(groups_count(&g), 5);
    assert_int_equal(groups_find(&g, keys[7]), UINT32_MAX);
    groups_fini(&g);
    group_layout_fini(&l);
}

static void the_other_row_made_by_hand_takes_no_groups_place(void **state)
{
    struct group_layout l = layout_of(2, 1, pair_types, true);
    struct groups       g;
    u32                 rows[3];
    u8                  keys[3][24];
    u64                 fresh;
    groups_init(&g, &l, 2);
    assert_int_equal(groups_other(&g, 5 * MINUTE), 0);
    for (u32 i = 0; i < 3; i++) pair_key(keys[i], 5 * MINUTE, i, 0);
    keys[0][20] = 1; /* null everywhere, like `other`: a group of its own */
    groups_find_add(&g, keys[0], 3, rows, &fresh);
    assert_int_equal(rows[0], 1);
    assert_int_equal(rows[1], 2);
    assert_int_equal(rows[2], 0);
    assert_int_equal(g.full, 2);
    groups_reset(&g);
    assert_int_equal(g.full, 0);
    assert_int_equal(groups_count(&g), 0);
    groups_find_add(&g, keys[1], 2, rows, &fresh);
    assert_int_equal(fresh, 3);
    assert_int_equal(g.other, 0);
    groups_fini(&g);
    group_layout_fini(&l);
}

static void words_are_translated_once_and_forgotten_at_reset(void **state)
{
    struct group_layout l = layout_of(2, 1, pair_types, true);
    struct groups       g;
    struct strings      a, b;
    groups_init(&g, &l, 100);
    strings_init(&a, 1000);
    strings_init(&b, 1000);
    for (char c = 'a'; c <= 'z'; c++) strings_add(&a, slice_of(&c, 1));
    for (char c = 'z'; c >= 'a'; c--) strings_add(&b, slice_of(&c, 1));
    assert_int_equal(groups_word(&g, &a, 0, true), 0);
    assert_int_equal(groups_word(&g, &a, 3, false), 0); /* unknown, not to be added */
    assert_int_equal(groups_word(&g, &a, 3, true), 1);
    assert_int_equal(groups_word(&g, &a, 3, false), 1);
    assert_int_equal(groups_word(&g, &b, 3, true), 2); /* "x" */
    assert_int_equal(groups_word(&g, &b, 24, true), 1); /* "c" */
    assert_int_equal(groups_word(&g, &a, 24, true), 2);
    groups_reset(&g);
    assert_int_equal(groups_word(&g, &a, 24, true), 1);
    assert_true(slice_is(strings_get(&g.words, 1), "x"));
    char long_text[6] = "-....";
    for (u32 i = 0; i < 900; i++) {
        long_text[1] = (char)('a' + i % 26);
        long_text[2] = (char)('a' + i / 26 % 26);
        long_text[3] = (char)('a' + i / 676);
        strings_add(&a, slice_of(long_text, 5)); /* the dictionary grows behind the memo */
    }
    assert_int_equal(groups_word(&g, &a, strings_count(&a), true), 2);
    assert_true(slice_eq(strings_get(&g.words, 2), strings_get(&a, strings_count(&a))));
    strings_fini(&a);
    strings_fini(&b);
    groups_fini(&g);
    group_layout_fini(&l);
}

/* --- images --- */

static const enum field_type image_types[] = { FIELD_NET, FIELD_U64, FIELD_TAG, FIELD_ADDR, FIELD_STRING };

#define IMAGE_ROWS 500u

/* A table with keys of net, number and word, carrying an address and a text; the last row is `other`. */
static void image_make(struct groups *g, const struct group_layout *l)
{
    u32 width = l->key_end - KEY_AT;
    u8 *key = calloc(1, l->key_end);
    groups_init(g, l, IMAGE_ROWS - 1);
    for (u32 i = 0; i < IMAGE_ROWS; i++) {
        u32 row, id = strings_add(&g->words, slice_of((const char *)&i, 3));
        u64 fresh, number = i % 7;
        memset(key, 0, l->key_end);
        key[KEY_AT] = 9;
        key[l->column[0].at + 15u] = (u8)i;
        key[l->column[0].flag] = 120;
        if (i % 5 == 0) key[l->column[0].at + 15u] = 0, key[l->column[0].flag] = NET_NULL;
        memcpy(key + l->column[1].at, &number, 8);
        memcpy(key + l->column[2].at, &id, 4);
        groups_find_add(g, key + KEY_AT, 1, &row, &fresh);
        groups_row_write(g, row)->records = i;
        assert_int_equal(row, i);
    }
    assert_int_equal(width, l->key_end - KEY_AT);
    assert_int_equal(g->other, IMAGE_ROWS);
    free(key);
}

static void page_copy(void *to, struct page_view page)
{
    assert_true(pages_restore(to, page.number, page.at, page.bytes));
}

static void page_unexpected(void *to, struct page_view page)
{
    fail();
}

/* Puts the pages of one table into another, as a start after a crash does. */
static void image_copy(struct groups *to, struct groups *from)
{
    groups_init(to, from->layout, from->max);
    pages_cut(&from->rows, page_copy, &to->rows);
    pages_cut(&from->words.entries, page_copy, &to->words.entries);
    pages_cut(&from->words.bytes, page_copy, &to->words.bytes);
    pages_thaw(&from->rows, true);
    pages_thaw(&from->words.entries, true);
    pages_thaw(&from->words.bytes, true);
    assert_true(pages_restored(&to->rows, from->rows.count));
    assert_true(pages_restored(&to->words.entries, from->words.entries.count));
    assert_true(pages_restored(&to->words.bytes, from->words.bytes.count));
}

static void a_restored_table_finds_the_same_rows_under_another_hash_key(void **state)
{
    struct group_layout l = layout_of(3, 2, image_types, true);
    struct groups       g, back;
    image_make(&g, &l);
    hash_seed_set(12345);
    image_copy(&back, &g);
    assert_true(groups_restored(&back));
    assert_int_equal(groups_count(&back), IMAGE_ROWS);
    assert_int_equal(back.other, g.other);
    for (u32 i = 0; i < IMAGE_ROWS; i++) {
        u32       row;
        u64       fresh;
        const u8 *was = (const u8 *)groups_row(&g, i);
        groups_find_add(&back, was + KEY_AT, 1, &row, &fresh);
        assert_int_equal(row, i);
        assert_int_equal(fresh, 0);
        assert_memory_equal((const u8 *)groups_row(&back, i) + 8, was + 8, l.size - 8);
        assert_true(groups_row(&back, i)->hash == hash_bytes(was + KEY_AT, l.key_end - KEY_AT));
    }
    assert_int_equal(strings_find(&back.words, strings_get(&g.words, 77)), 77);
    pages_cut(&back.rows, page_unexpected, NULL); /* restoring is no change */
    groups_fini(&g);
    groups_fini(&back);
    group_layout_fini(&l);
    hash_seed_set(1);
}

/* What a forger does to row 3 (or to the table). */
enum forgery {
    FORGE_NOTHING,
    FORGE_FLAGS,
    FORGE_KEY_WORD,
    FORGE_CARRIED_WORD,
    FORGE_NET_LENGTH,
    FORGE_NULL_WITH_VALUE,
    FORGE_NULL_FLAG,
    FORGE_KEY_PADDING,
    FORGE_CARRIED_PADDING,
    FORGE_PRESENT,
    FORGE_PRESENT_PADDING,
    FORGE_SAMPLING_PRESENT,
    FORGE_REGISTER,
    FORGE_SAME_KEY,
    FORGE_TWO_OTHERS,
    FORGE_OTHER_WITH_KEY,
    FORGE_TOO_MANY,
    FORGE_NO_OTHER,
    FORGE_WORD_ENTRY,
    FORGERIES
};

static void forge(struct groups *g, enum forgery how)
{
    const struct group_layout *l = g->layout;
    u8                        *row = (u8 *)groups_row_write(g, 3), *last = (u8 *)groups_row_write(g, IMAGE_ROWS - 1);
    u32                        id = strings_count(&g->words) + 1;
    u32                        flags = GROUP_OTHER | 8;
    switch (how) {
    case FORGE_NOTHING: break;
    case FORGE_FLAGS: memcpy(last + offsetof(struct group_row, flags), &flags, 4); break;
    case FORGE_KEY_WORD: memcpy(row + l->column[2].at, &id, 4); break;
    case FORGE_CARRIED_WORD: memcpy(row + l->column[4].at, &id, 4); break;
    case FORGE_NET_LENGTH: row[l->column[0].flag] = 129; break;
    case FORGE_NULL_WITH_VALUE: row[l->column[0].flag] = NET_NULL; break;
    case FORGE_NULL_FLAG: row[l->column[3].flag] = 2; break;
    case FORGE_KEY_PADDING: row[l->key_end - 1] = 1; break;
    case FORGE_CARRIED_PADDING: row[l->fixed_end - 1] = 1; break;
    case FORGE_PRESENT: row[l->measure[0].present] = 2; break;
    case FORGE_PRESENT_PADDING: row[l->fixed_end + EVERY] = 1; break;
    case FORGE_SAMPLING_PRESENT: row[l->measure[18].present] = 1; break;
    case FORGE_REGISTER: row[l->measure[37].at + 4095u] = 65 - 12 + 1; break;
    case FORGE_SAME_KEY: memcpy(row + KEY_AT, (const u8 *)groups_row(g, 4) + KEY_AT, l->key_end - KEY_AT); break;
    case FORGE_TWO_OTHERS: memcpy(row, last, l->size); break;
    case FORGE_OTHER_WITH_KEY: last[l->column[1].flag] = 0; break;
    case FORGE_TOO_MANY: g->max = IMAGE_ROWS - 3; break;
    case FORGE_NO_OTHER: memset(last + offsetof(struct group_row, flags), 0, 4); break;
    case FORGE_WORD_ENTRY: memset(pages_write(&g->words.entries, 5), 0xff, 8); break;
    case FORGERIES: fail();
    }
}

static void a_forged_image_is_refused(void **state)
{
    struct group_layout l = layout_of(3, 2, image_types, true);
    assert_true(l.fixed_end - 1 > l.column[3].flag);
    for (enum forgery how = FORGE_NOTHING; how < FORGERIES; how++) {
        struct groups g, back;
        image_make(&g, &l);
        forge(&g, how);
        image_copy(&back, &g);
        if (groups_restored(&back) != (how == FORGE_NOTHING)) fail_msg("forgery %d", (int)how);
        groups_fini(&g);
        groups_fini(&back);
    }
    group_layout_fini(&l);
}

/* --- keys as a reader sees them --- */

static void rows_are_ordered_as_a_reader_orders_their_keys(void **state)
{
    static const enum field_type types[] = { FIELD_STRING, FIELD_NET, FIELD_TIME };
    static const struct {
        const char *text;
        u8          net[2]; /* last byte, bits; bits 0: null */
        i64         time;
        bool        no_time;
    } want[] = {
        { NULL, { 0, 0 }, 0, true },   { NULL, { 0, 0 }, -5, false },  { NULL, { 0, 0 }, 3, false },
        { NULL, { 1, 120 }, 0, true }, { NULL, { 1, 128 }, 0, true },  { NULL, { 2, 120 }, 0, true },
        { "", { 0, 0 }, 0, true },     { "b", { 9, 128 }, 9, false },  { "ba", { 0, 0 }, 0, true },
        { "c", { 0, 0 }, -1, false },  { "\xc3\xa4", { 0, 0 }, 0, true },
    };
    struct group_layout l = layout_of(3, 0, types, false);
    struct groups       g[2];
    u8                 *key = calloc(1, l.key_end);
    for (u32 t = 0; t < 2; t++) {
        groups_init(&g[t], &l, 100);
        if (t == 1) strings_add(&g[t].words, S("other ids here"));
        for (u32 i = 0; i < WEIR_COUNT(want); i++) {
            u32 row, id = want[i].text ? strings_add(&g[t].words, slice_str(want[i].text)) : 0;
            u64 fresh;
            memset(key, 0, l.key_end);
            memcpy(key + l.column[0].at, &id, 4);
            key[l.column[1].at + 15u] = want[i].net[0];
            key[l.column[1].flag] = want[i].net[1] ? want[i].net[1] : NET_NULL;
            memcpy(key + l.column[2].at, &want[i].time, 8);
            key[l.column[2].flag] = want[i].no_time;
            groups_find_add(&g[t], key + KEY_AT, 1, &row, &fresh);
            assert_int_equal(fresh, 1);
        }
    }
    for (u32 a = 0; a < WEIR_COUNT(want); a++)
        for (u32 b = 0; b < WEIR_COUNT(want); b++)
            for (u32 t = 0; t < 2; t++) {
                int order = groups_key_cmp(&g[0], groups_row(&g[0], a), &g[t], groups_row(&g[t], b));
                assert_int_equal((order > 0) - (order < 0), (a > b) - (a < b));
            }
    free(key);
    groups_fini(&g[0]);
    groups_fini(&g[1]);
    group_layout_fini(&l);
}

static void cells_are_given_as_values_of_their_type(void **state)
{
    static const enum field_type types[] = { FIELD_U64, FIELD_MAC,    FIELD_TIME, FIELD_ADDR,
                                             FIELD_NET, FIELD_STRING, FIELD_TAG };
    static const char *const     text[] = { "7",         "00:00:00:00:01:00", "-9",       "::9",
                                            "::900/120", "frankfurt",         "frankfurt" };
    struct group_layout          l = layout_of(7, 0, types, false);
    struct groups                g;
    u8                          *key = calloc(1, l.key_end);
    u32                          row;
    u64                          fresh, number = 7, mac = 256;
    i64                          time = -9;
    groups_init(&g, &l, 10);
    u32 id = strings_add(&g.words, S("frankfurt"));
    memcpy(key + l.column[0].at, &number, 8);
    memcpy(key + l.column[1].at, &mac, 8);
    memcpy(key + l.column[2].at, &time, 8);
    key[l.column[3].at + 15u] = 9;
    key[l.column[4].at + 14u] = 9;
    key[l.column[4].flag] = 120;
    memcpy(key + l.column[5].at, &id, 4);
    memcpy(key + l.column[6].at, &id, 4);
    groups_find_add(&g, key + KEY_AT, 1, &row, &fresh);
    for (u32 c = 0; c < 7; c++) {
        struct value v;
        char         buf[VALUE_TEXT_ROOM];
        groups_value(&g, groups_row(&g, row), c, &v);
        slice got = value_text(&v, buf);
        if (!slice_is(got, text[c])) fail_msg("column %u: %.*s, not %s", c, (int)got.len, got.at, text[c]);
    }
    free(key);
    groups_fini(&g);
    group_layout_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_stand_widest_first_then_their_flags),
        cmocka_unit_test(texts_are_told_of_keys_only),
        cmocka_unit_test(no_two_measures_share_a_byte),
        cmocka_unit_test(what_folds_alike_merges_in_few_runs),
        cmocka_unit_test(what_cannot_be_laid_out_is_refused),
        cmocka_unit_test(names_are_those_of_layouts_and_recipes),
        cmocka_unit_test(merging_is_the_fold_of_each_measure_in_every_view),
        cmocka_unit_test(mirrored_twice_is_straight),
        cmocka_unit_test(the_empty_row_changes_nothing),
        cmocka_unit_test(integer_folds_do_not_depend_on_the_order),
        cmocka_unit_test(sums_stop_at_the_top),
        cmocka_unit_test(find_add_agrees_with_a_list),
        cmocka_unit_test(an_empty_table_finds_nothing_and_costs_little),
        cmocka_unit_test(a_full_table_puts_new_keys_into_the_other_row),
        cmocka_unit_test(the_other_row_made_by_hand_takes_no_groups_place),
        cmocka_unit_test(words_are_translated_once_and_forgotten_at_reset),
        cmocka_unit_test(a_restored_table_finds_the_same_rows_under_another_hash_key),
        cmocka_unit_test(a_forged_image_is_refused),
        cmocka_unit_test(rows_are_ordered_as_a_reader_orders_their_keys),
        cmocka_unit_test(cells_are_given_as_values_of_their_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
