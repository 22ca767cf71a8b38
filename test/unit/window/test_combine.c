/* SPDX-License-Identifier: Apache-2.0 */
/* test_combine.c: batches folded into groups, held against a fold of one record at a time into a list that is searched
 * from its beginning. All key types, all folds of all types, nulls, absent columns, several windows. */
#include "record/sketch_distinct.h"
#include "record/sketch_quantiles.h"
#include "weir/rows.h"
#include "window/combine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MINUTE (60 * NANOS_SECOND)
#define BINS   3u

static u64 random_next(u64 *state)
{
    u64 z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* --- the stream --- */

#define TAGS    9u
#define KEYS    7u /* the first seven tags; the other two are carried */
#define COLUMNS ((u32)WEIR_COUNT(stream_fields))

#define MEASURE(type, fold) { { NULL, 0 }, type, fold, (type) == FIELD_BINS ? BINS : 0, FIELD_NO_MIRROR, false }
#define DISTINCT(type)      { { NULL, 0 }, type, FOLD_DISTINCT, 0, FIELD_NO_MIRROR, false, BITS }
#define QUANTILES(type)     { { NULL, 0 }, type, FOLD_QUANTILES, 0, FIELD_NO_MIRROR, false, QUANTILES_DEFAULT }
#define BITS                6u

static const struct field stream_fields[] = {
    MEASURE(FIELD_U64, FOLD_NONE),  MEASURE(FIELD_NET, FOLD_NONE),    MEASURE(FIELD_TAG, FOLD_NONE),
    MEASURE(FIELD_ADDR, FOLD_NONE), MEASURE(FIELD_STRING, FOLD_NONE), MEASURE(FIELD_TIME, FOLD_NONE),
    MEASURE(FIELD_MAC, FOLD_NONE),  MEASURE(FIELD_TAG, FOLD_NONE),    MEASURE(FIELD_ADDR, FOLD_NONE),
    MEASURE(FIELD_U64, FOLD_SUM),   MEASURE(FIELD_F64, FOLD_SUM),     MEASURE(FIELD_U64, FOLD_MIN),
    MEASURE(FIELD_F64, FOLD_MIN),   MEASURE(FIELD_TIME, FOLD_MIN),    MEASURE(FIELD_U64, FOLD_MAX),
    MEASURE(FIELD_F64, FOLD_MAX),   MEASURE(FIELD_TIME, FOLD_MAX),    MEASURE(FIELD_U64, FOLD_FIRST),
    MEASURE(FIELD_F64, FOLD_FIRST), MEASURE(FIELD_TIME, FOLD_LAST),   MEASURE(FIELD_U64, FOLD_LAST),
    MEASURE(FIELD_U64, FOLD_AVG),   MEASURE(FIELD_F64, FOLD_AVG),     MEASURE(FIELD_SAMPLING, FOLD_SAMPLING),
    MEASURE(FIELD_BINS, FOLD_BINS), MEASURE(FIELD_BINS, FOLD_SUM),    MEASURE(FIELD_MAC, FOLD_MAX),
    MEASURE(FIELD_MAC, FOLD_LAST),  MEASURE(FIELD_U64, FOLD_SUM),     MEASURE(FIELD_U64, FOLD_SUM),
    DISTINCT(FIELD_U64),            DISTINCT(FIELD_F64),              DISTINCT(FIELD_TIME),
    DISTINCT(FIELD_ADDR),           DISTINCT(FIELD_MAC),              DISTINCT(FIELD_STRING),
    DISTINCT(FIELD_NET),            DISTINCT(FIELD_TAG),              QUANTILES(FIELD_U64),
    QUANTILES(FIELD_F64),
};

static size_t cell_size(enum field_type type)
{
    switch (type) {
    case FIELD_ADDR: return sizeof(addr);
    case FIELD_STRING: return sizeof(slice);
    case FIELD_NET: return sizeof(net);
    case FIELD_TAG: return sizeof(u32);
    case FIELD_SAMPLING: return sizeof(struct sampling);
    case FIELD_BINS: return BINS * sizeof(u64);
    default: return sizeof(u64);
    }
}

static const char *const texts[] = { "", "a", "ab", "http", "http/2", "dns" };

/* A cell of few different values, so that records meet in groups and extremes are tied. */
static void random_cell(void *cell, enum field_type type, u64 *seed)
{
    u64 large = random_next(seed) % 40 == 0, v = random_next(seed) % 9;
    v = v < 7 ? 0 : v - 6;
    switch (type) {
    case FIELD_TAG: *(u32 *)cell = (u32)v; break;
    case FIELD_ADDR: *(addr *)cell = (addr){ { [15] = (u8)v } }; break;
    case FIELD_NET: *(net *)cell = (net){ { { [14] = (u8)v } }, v == 2 ? NET_NULL : 120 }; break;
    case FIELD_STRING: *(slice *)cell = slice_str(texts[random_next(seed) % 3 ? 3 : v * 2]); break;
    case FIELD_F64: *(f64 *)cell = (f64)(random_next(seed) % 1000) / 7 - 50; break;
    case FIELD_TIME: *(nanos *)cell = (nanos)v - 1; break;
    case FIELD_SAMPLING:
        *(struct sampling *)cell = (struct sampling){ v, v + 1, v + 9, large ? UINT64_MAX : v * 4, v };
        break;
    case FIELD_BINS:
        for (u32 k = 0; k < BINS; k++) ((u64 *)cell)[k] = large ? UINT64_MAX - 3 : random_next(seed) % 9;
        break;
    default: *(u64 *)cell = large ? UINT64_MAX - v : v;
    }
}

struct rig {
    struct schema       schema;
    u32                 column[COLUMNS];
    struct group_layout layout;
    struct combine     *combine;
    struct strings      words; /* the tag table's */
    struct batch        batch;
    struct column       columns[COLUMNS];
    nanos               time[BATCH_ROWS];
};

static void rig_init(struct rig *r)
{
    *r = (struct rig){ .schema = { TAGS, COLUMNS - TAGS, stream_fields } };
    for (u32 i = 0; i < COLUMNS; i++) r->column[i] = i;
    assert_false(err_is(group_layout_init(&r->layout, KEYS, TAGS - KEYS, COLUMNS - TAGS, stream_fields)));
    struct combine_spec spec = { MINUTE, &r->schema, KEYS, TAGS - KEYS, COLUMNS - TAGS, r->column, &r->layout };
    assert_false(err_is(combine_open(&r->combine, &spec)));
    strings_init(&r->words, 10);
    strings_add(&r->words, S("one"));
    strings_add(&r->words, S("two"));
    r->batch = (struct batch){ .columns = COLUMNS, .column = r->columns };
    for (u32 i = 0; i < COLUMNS; i++) {
        r->columns[i].words = &r->words;
        r->columns[i].cells = malloc(BATCH_ROWS * cell_size(stream_fields[i].type));
        r->columns[i].nulls = calloc(BATCH_ROWS / 64, sizeof(u64));
    }
}

static void rig_fini(struct rig *r)
{
    combine_close(r->combine);
    strings_fini(&r->words);
    group_layout_fini(&r->layout);
    for (u32 i = 0; i < COLUMNS; i++) free(r->columns[i].cells), free(r->columns[i].nulls);
}

/* Made-up records; a third of the columns have nulls, a third none but a bitmap, a third no bitmap; some are absent. */
static void rig_fill(struct rig *r, struct column *columns, u32 rows, u64 *seed)
{
    memcpy(columns, r->columns, sizeof r->columns);
    r->batch.rows = rows;
    r->batch.column = columns;
    r->batch.time = random_next(seed) % 3 ? r->time : NULL;
    r->batch.time_all = -1;
    for (u32 i = 0; i < rows; i++) r->time[i] = (nanos)(random_next(seed) % 4 * 40) * NANOS_SECOND - MINUTE;
    for (u32 c = 0; c < COLUMNS; c++) {
        size_t size = cell_size(stream_fields[c].type);
        for (u32 i = 0; i < rows; i++) random_cell((u8 *)columns[c].cells + i * size, stream_fields[c].type, seed);
        memset(columns[c].nulls, 0, BATCH_ROWS / 8);
        u64 how = random_next(seed) % 10;
        if (how < 3) columns[c].nulls = NULL;
        else if (how < 7)
            for (u32 i = 0; i < BATCH_ROWS / 64; i++) columns[c].nulls[i] = random_next(seed) & random_next(seed);
        else if (how == 9) columns[c] = (struct column){ NULL, NULL };
    }
}

/* --- the reference --- */

struct state {
    bool            there;
    u64             u, n;
    f64             f;
    nanos           time;
    u64             value;
    struct sampling s;
    u64             bins[BINS];
    u8              registers[1u << BITS];
    u32            *cells; /* of quantiles */
};

struct group {
    nanos        start;
    struct value tag[TAGS]; /* keys and carried, as groups_value gives them */
    u64          records;
    struct state m[COLUMNS - TAGS];
};

struct list {
    u32           count, room;
    struct group *at;
};

static struct value reference_value(const struct rig *r, u32 c, u32 row)
{
    const struct column *column = &r->batch.column[c];
    struct value         v = { VALUE_NULL };
    if (column_null(column, row)) return v;
    const void *cell = (const u8 *)column->cells + row * cell_size(stream_fields[c].type);
    switch (stream_fields[c].type) {
    case FIELD_TAG:
        if (*(const u32 *)cell) v = (struct value){ VALUE_TEXT, .text = strings_get(&r->words, *(const u32 *)cell) };
        break;
    case FIELD_STRING: v = (struct value){ VALUE_TEXT, .text = *(const slice *)cell }; break;
    case FIELD_ADDR: v = (struct value){ VALUE_ADDR, .at = *(const addr *)cell }; break;
    case FIELD_NET:
        if (((const net *)cell)->bits != NET_NULL) v = (struct value){ VALUE_NET, .range = *(const net *)cell };
        break;
    case FIELD_TIME: v = (struct value){ VALUE_I64, .i = *(const nanos *)cell }; break;
    case FIELD_MAC: v = (struct value){ VALUE_MAC, .u = *(const u64 *)cell }; break;
    default: v = (struct value){ VALUE_U64, .u = *(const u64 *)cell };
    }
    return v;
}

static bool value_same(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case VALUE_NULL: return true;
    case VALUE_TEXT: return slice_eq(a->text, b->text);
    case VALUE_ADDR: return memcmp(&a->at, &b->at, sizeof a->at) == 0;
    case VALUE_NET: return memcmp(&a->range, &b->range, sizeof a->range) == 0;
    default: return a->u == b->u;
    }
}

static u64 plus(u64 a, u64 b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void reference_sampling(struct state *s, const struct sampling *x)
{
    if (x->n == 0) return;
    u128 sum = ((u128)s->s.sum_hi << 64 | s->s.sum_lo) + ((u128)x->sum_hi << 64 | x->sum_lo);
    if (!s->there || x->min < s->s.min) s->s.min = x->min;
    if (!s->there || x->max > s->s.max) s->s.max = x->max;
    s->s.n = plus(s->s.n, x->n);
    s->s.sum_lo = (u64)sum, s->s.sum_hi = (u64)(sum >> 64);
    s->there = true;
}

/* The bytes that tell a value from others; empty: null. */
static slice reference_bytes(const struct rig *r, const struct field *field, const void *cell)
{
    switch (field->type) {
    case FIELD_STRING: return *(const slice *)cell;
    case FIELD_TAG: return strings_get(&r->words, *(const u32 *)cell);
    case FIELD_NET: return slice_of(cell, ((const net *)cell)->bits == NET_NULL ? 0 : 17);
    default: return slice_of(cell, field->type == FIELD_ADDR ? 16 : 8);
    }
}

static void reference_distinct(struct state *s, const struct rig *r, const struct field *field, const void *cell)
{
    slice bytes = reference_bytes(r, field, cell);
    if (bytes.len == 0 && field->type != FIELD_STRING) return;
    s->there = true;
    u64 hash = hash_checksum(bytes.at, bytes.len, 0x7765697268797065u);
    u8  run = 1;
    for (u32 bit = 64 - BITS; bit > 0 && !(hash >> (bit - 1) & 1); bit--) run++;
    if (s->registers[hash >> (64 - BITS)] < run) s->registers[hash >> (64 - BITS)] = run;
}

/* Cells by logarithms. */
static void reference_quantiles(struct state *s, const struct field *field, const void *cell)
{
    long double v = field->type == FIELD_F64 ? (long double)*(const f64 *)cell * 0x1p24L
                                             : (long double)*(const u64 *)cell;
    u32 at = v < 1 ? 0 : 1 + (u32)fminl(floorl(12 * log2l(v)), 767);
    if (s->cells == NULL) s->cells = calloc(QUANTILES_CELLS, sizeof *s->cells);
    assert_non_null(s->cells);
    s->cells[at]++;
    s->there = true;
}

static void reference_fold(struct state *s, const struct field *field, const void *cell, nanos time)
{
    if (field->type == FIELD_SAMPLING) {
        reference_sampling(s, cell);
        return;
    }
    if (field->type == FIELD_BINS) {
        for (u32 k = 0; k < BINS; k++) s->bins[k] = plus(s->bins[k], ((const u64 *)cell)[k]);
        s->there = true;
        return;
    }
    u64   u = *(const u64 *)cell;
    f64   f = *(const f64 *)cell;
    nanos t = *(const nanos *)cell;
    bool  real = field->type == FIELD_F64, first = !s->there;
    s->there = true;
    switch (field->fold) {
    case FOLD_AVG: s->n++; /* fall through */
    case FOLD_SUM: s->u = plus(s->u, u), s->f += f; break;
    case FOLD_MIN:
        if (first || (real ? f < s->f : field->type == FIELD_TIME ? t < (nanos)s->u : u < s->u)) s->u = u, s->f = f;
        break;
    case FOLD_MAX:
        if (first || (real ? f > s->f : field->type == FIELD_TIME ? t > (nanos)s->u : u > s->u)) s->u = u, s->f = f;
        break;
    case FOLD_FIRST:
        if (first || time < s->time) s->time = time, s->value = u;
        break;
    case FOLD_LAST:
        if (first || time >= s->time) s->time = time, s->value = u;
        break;
    default: fail();
    }
}

static struct group *reference_group(struct list *l, const struct rig *r, nanos start, u32 row)
{
    struct group want = { .start = start };
    for (u32 c = 0; c < TAGS; c++) want.tag[c] = reference_value(r, c, row);
    for (u32 i = 0; i < l->count; i++) {
        bool same = l->at[i].start == start;
        for (u32 c = 0; c < KEYS && same; c++) same = value_same(&l->at[i].tag[c], &want.tag[c]);
        if (same) return &l->at[i];
    }
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 64;
        l->at = realloc(l->at, l->room * sizeof *l->at);
        assert_non_null(l->at);
    }
    l->at[l->count] = want;
    return &l->at[l->count++];
}

static void reference_push(struct list *l, const struct rig *r)
{
    for (u32 i = 0; i < r->batch.rows; i++) {
        nanos         time = r->batch.time ? r->batch.time[i] : r->batch.time_all;
        struct group *g = reference_group(l, r, nanos_floor(time, MINUTE), i);
        g->records++;
        for (u32 m = 0; m < COLUMNS - TAGS; m++) {
            const struct column *column = &r->batch.column[TAGS + m];
            const struct field  *field = &stream_fields[TAGS + m];
            if (column_null(column, i)) continue;
            const u8 *cell = (const u8 *)column->cells + i * cell_size(field->type);
            if (field->fold == FOLD_DISTINCT) reference_distinct(&g->m[m], r, field, cell);
            else if (field->fold == FOLD_QUANTILES) reference_quantiles(&g->m[m], field, cell);
            else reference_fold(&g->m[m], field, cell, time);
        }
    }
}

static void list_free(struct list *l)
{
    for (u32 i = 0; i < l->count; i++)
        for (u32 m = 0; m < COLUMNS - TAGS; m++) free(l->at[i].m[m].cells);
    free(l->at);
}

/* --- comparing --- */

static void words_are(const u8 *row, const struct group_measure *m, const void *want, u32 words, u32 which)
{
    if (memcmp(row + m->at, want, words * 8u) != 0) fail_msg("measure %u differs", which);
}

static void compare_measure(const struct group_layout *l, const u8 *row, const struct state *s, u32 which)
{
    const struct group_measure *m = &l->measure[which];
    if (m->fold == FOLD_SAMPLING) {
        assert_int_equal(row[m->present], 0);
        if (s->there) words_are(row, m, &s->s, 5, which);
        else words_are(row, m, l->empty + m->at, 5, which);
        return;
    }
    assert_int_equal(row[m->present], s->there);
    if (!s->there) {
        words_are(row, m, l->empty + m->at, m->words, which);
        return;
    }
    u64 pair[2] = { (u64)s->time, s->value };
    u64 average[2] = { s->u, s->n };
    if (m->type == FIELD_F64) memcpy(average, &s->f, 8);
    switch (m->fold) {
    case FOLD_FIRST:
    case FOLD_LAST: words_are(row, m, pair, 2, which); break;
    case FOLD_AVG: words_are(row, m, average, 2, which); break;
    case FOLD_BINS: words_are(row, m, s->bins, BINS, which); break;
    case FOLD_DISTINCT: words_are(row, m, s->registers, (1u << BITS) / 8, which); break;
    case FOLD_QUANTILES: words_are(row, m, s->cells, QUANTILES_WORDS, which); break;
    default: words_are(row, m, average, 1, which);
    }
}

static void compare_group(const struct groups *g, u32 i, const struct group *want)
{
    const struct group_row *row = groups_row(g, i);
    assert_true(row->start == want->start);
    assert_int_equal(row->records, want->records);
    assert_int_equal(row->revision, 0);
    assert_int_equal(row->flags, 0);
    for (u32 c = 0; c < TAGS; c++) {
        struct value got;
        groups_value(g, row, c, &got);
        if (!value_same(&got, &want->tag[c])) fail_msg("group %u: column %u differs", i, c);
    }
    for (u32 m = 0; m < COLUMNS - TAGS; m++) compare_measure(g->layout, (const u8 *)row, &want->m[m], m);
}

/* --- tests --- */

static void groups_are_the_fold_of_their_records(void **state)
{
    static const u32 sizes[] = { 1, 63, 64, 65, 640, 1000, BATCH_ROWS, 0 };
    struct rig       r;
    struct column    columns[COLUMNS];
    struct groups    g;
    u64              seed = 7;
    rig_init(&r);
    groups_init(&g, &r.layout, 100000);
    for (u32 round = 0; round < 6; round++) { /* each begins with an empty table and another dictionary order */
        struct list want = { 0 };
        groups_reset(&g);
        for (u32 b = 0; b < WEIR_COUNT(sizes); b++) {
            rig_fill(&r, columns, sizes[(b + round) % WEIR_COUNT(sizes)], &seed);
            combine_push(r.combine, &r.batch, &g);
            reference_push(&want, &r);
        }
        assert_int_equal(groups_count(&g), want.count);
        assert_in_range(want.count, 100, 2000);
        for (u32 i = 0; i < want.count; i++) compare_group(&g, i, &want.at[i]);
        assert_int_equal(g.full, 0);
        list_free(&want);
    }
    groups_fini(&g);
    rig_fini(&r);
}

/* A rig of one text key and, carried, another; one sum. */
struct small {
    struct field        field[3];
    struct schema       schema;
    u32                 column[3];
    struct group_layout layout;
    struct combine     *combine;
    struct strings      words;
    struct column       columns[3];
    struct batch        batch;
    u64                 bytes[BATCH_ROWS];
    u32                 carried[BATCH_ROWS];
    union {
        u32   tag[BATCH_ROWS];
        slice text[BATCH_ROWS];
    };
    char room[BATCH_ROWS][8];
};

/* Records i = 0 .. BATCH_ROWS - 1 with the key "k<i>", carrying "c<i>", of i bytes. */
static void small_init(struct small *s, enum field_type key)
{
    *s = (struct small){ .column = { 0, 1, 2 } };
    s->field[0] = (struct field)MEASURE(key, FOLD_NONE);
    s->field[1] = (struct field)MEASURE(FIELD_TAG, FOLD_NONE);
    s->field[2] = (struct field)MEASURE(FIELD_U64, FOLD_SUM);
    s->schema = (struct schema){ 2, 1, s->field };
    assert_false(err_is(group_layout_init(&s->layout, 1, 1, 1, s->field)));
    struct combine_spec spec = { MINUTE, &s->schema, 1, 1, 1, s->column, &s->layout };
    assert_false(err_is(combine_open(&s->combine, &spec)));
    strings_init(&s->words, 4 * BATCH_ROWS);
    for (u32 i = 0; i < BATCH_ROWS; i++) {
        char text[16];
        snprintf(text, sizeof text, "c%u", i);
        s->carried[i] = strings_add(&s->words, slice_str(text));
        snprintf(s->room[i], sizeof s->room[i], "k%u", i);
        if (key == FIELD_TAG) s->tag[i] = strings_add(&s->words, slice_str(s->room[i]));
        else s->text[i] = slice_str(s->room[i]);
        s->bytes[i] = i;
    }
    s->columns[0].cells = s->text;
    s->columns[1].cells = s->carried;
    s->columns[2].cells = s->bytes;
    s->batch = (struct batch){ .rows = BATCH_ROWS, .columns = 3, .column = s->columns };
    for (u32 i = 0; i < 3; i++) s->columns[i].words = &s->words;
}

static void small_fini(struct small *s)
{
    combine_close(s->combine);
    strings_fini(&s->words);
    group_layout_fini(&s->layout);
}

static slice text_of(const struct groups *g, u32 row, u32 column)
{
    struct value v;
    groups_value(g, groups_row(g, row), column, &v);
    return v.kind == VALUE_TEXT ? v.text : (slice){ NULL, 0 };
}

static u64 sum_of(const struct groups *g, u32 row)
{
    u64 sum;
    memcpy(&sum, (const u8 *)groups_row(g, row) + g->layout->measure[0].at, 8);
    return sum;
}

/* Pushes a partial of BATCH_ROWS records with numbers as keys, `keys` different ones, and adds up what its rows say of
 * each. */
static u32 push_numbers(struct small *s, struct groups *g, u64 keys, u64 *sums, u64 *records)
{
    groups_reset(g);
    for (u32 i = 0; i < BATCH_ROWS; i++) s->bytes[i] = i % keys;
    combine_push(s->combine, &s->batch, g);
    for (u32 i = 0; i < groups_count(g); i++) {
        struct value v;
        groups_value(g, groups_row(g, i), 0, &v);
        assert_int_equal(v.kind, VALUE_U64);
        assert_true(v.u < keys);
        sums[v.u] += sum_of(g, i);
        records[v.u] += groups_row(g, i)->records;
    }
    return groups_count(g);
}

/* The key is the number that is summed, too. Four partials in five have hardly a key twice. */
static void crowds_of_new_keys_become_lists_that_say_the_same(void **state)
{
    struct small *s = malloc(sizeof *s);
    struct groups g;
    u32           lists = 0, tables = 0;
    small_init(s, FIELD_TAG);
    combine_close(s->combine);
    group_layout_fini(&s->layout);
    s->field[0] = (struct field)MEASURE(FIELD_U64, FOLD_NONE);
    s->columns[0].cells = s->bytes;
    assert_false(err_is(group_layout_init(&s->layout, 1, 1, 1, s->field)));
    struct combine_spec spec = { MINUTE, &s->schema, 1, 1, 1, s->column, &s->layout };
    assert_false(err_is(combine_open(&s->combine, &spec)));
    groups_init(&g, &s->layout, 100000);
    for (u32 round = 0; round < 100; round++) {
        u64 sums[BATCH_ROWS] = { 0 }, records[BATCH_ROWS] = { 0 };
        u64 keys = round % 5 == 4 ? 10 : BATCH_ROWS - 24;
        u32 rows = push_numbers(s, &g, keys, sums, records);
        assert_true(rows == keys || rows == BATCH_ROWS);
        if (rows == keys) tables++;
        else lists++;
        for (u64 k = 0; k < keys; k++) {
            assert_int_equal(records[k], (BATCH_ROWS - 1 - k) / keys + 1);
            assert_int_equal(sums[k], k * records[k]);
        }
    }
    assert_in_range(lists, 30, 95);
    assert_in_range(tables, 5, 70); /* now and then it is looked whether keys repeat again */
    groups_fini(&g);
    small_fini(s);
    free(s);
}

static void what_finds_no_room_goes_to_other_and_is_counted(void **state)
{
    static const enum field_type keys[] = { FIELD_TAG, FIELD_STRING };
    static const u32             maxs[] = { 1, 40, 64, 100, 1000 };
    struct small                *s = malloc(sizeof *s);
    for (u32 k = 0; k < WEIR_COUNT(keys); k++)
        for (u32 m = 0; m < WEIR_COUNT(maxs); m++) {
            u32           max = maxs[m];
            struct groups g;
            char          want[16];
            small_init(s, keys[k]);
            groups_init(&g, &s->layout, max);
            combine_push(s->combine, &s->batch, &g);
            combine_push(s->combine, &s->batch, &g); /* known keys are still found, unknown ones again are not */
            assert_int_equal(groups_count(&g), max + 1);
            assert_int_equal(g.full, 2 * (BATCH_ROWS - max));
            u32 other = g.other - 1;
            u64 rest = (u64)BATCH_ROWS * (BATCH_ROWS - 1) / 2 - (u64)max * (max - 1) / 2;
            assert_int_equal(groups_row(&g, other)->records, 2 * (BATCH_ROWS - max));
            assert_true(sum_of(&g, other) == 2 * rest);
            for (u32 i = 0; i < max; i++) {
                u32 row = i < other ? i : i + 1;
                assert_true(slice_is(text_of(&g, row, 0), s->room[i]));
                snprintf(want, sizeof want, "c%u", i);
                assert_true(slice_is(text_of(&g, row, 1), want)); /* the last ones before the table was full, too */
                assert_true(sum_of(&g, row) == 2ull * i);
            }
            assert_true(text_of(&g, other, 0).at == NULL && text_of(&g, other, 1).at == NULL);
            assert_true(strings_count(&g.words) <= 2 * max + GROUPS_BATCH); /* strangers leave no words behind */
            groups_fini(&g);
            small_fini(s);
        }
    free(s);
}

static void a_full_dictionary_sends_new_texts_to_other_and_finds_old_ones(void **state)
{
    struct small *s = malloc(sizeof *s);
    struct groups g;
    small_init(s, FIELD_STRING);
    groups_init(&g, &s->layout, 4 * BATCH_ROWS);
    g.words.max = 101; /* keys k0 .. k63, then c0 .. c36 */
    combine_push(s->combine, &s->batch, &g);
    assert_int_equal(groups_count(&g), 65);
    assert_int_equal(g.full, BATCH_ROWS - 64);
    assert_true(slice_is(text_of(&g, 36, 1), "c36"));
    assert_true(text_of(&g, 37, 1).at == NULL); /* carried, without room: null */
    slice mixed = s->text[1];
    s->text[1] = s->text[500], s->text[500] = mixed; /* strangers between known keys, in one block */
    combine_push(s->combine, &s->batch, &g);
    assert_int_equal(groups_count(&g), 65);
    assert_true(sum_of(&g, 0) == 0 && sum_of(&g, 2) == 4 && sum_of(&g, 1) == 1 + 500);
    assert_int_equal(groups_row(&g, 1)->records, 2);
    assert_int_equal(groups_row(&g, g.other - 1)->records, 2 * (BATCH_ROWS - 64));
    assert_int_equal(g.full, 2 * (BATCH_ROWS - 64));
    groups_fini(&g);
    small_fini(s);
    free(s);
}

static void another_dictionary_or_a_reset_table_is_not_read_by_old_ids(void **state)
{
    struct small  *s = malloc(sizeof *s);
    struct groups  g;
    struct strings renamed;
    small_init(s, FIELD_TAG);
    groups_init(&g, &s->layout, 4 * BATCH_ROWS);
    s->batch.rows = 10;
    combine_push(s->combine, &s->batch, &g);
    strings_init(&renamed, 4 * BATCH_ROWS);
    for (u32 i = 1; i <= strings_count(&s->words); i++) {
        char text[16];
        snprintf(text, sizeof text, "new%u", i);
        strings_add(&renamed, slice_str(text));
    }
    for (u32 i = 0; i < 3; i++) s->columns[i].words = &renamed;
    combine_push(s->combine, &s->batch, &g);
    assert_int_equal(groups_count(&g), 20);
    assert_true(slice_is(text_of(&g, 10, 0), "new2"));
    groups_reset(&g);
    s->tag[0] = s->tag[9];
    combine_push(s->combine, &s->batch, &g);
    assert_int_equal(groups_count(&g), 9);
    assert_true(slice_is(text_of(&g, 0, 0), "new20") && slice_is(text_of(&g, 1, 0), "new4"));
    assert_int_equal(groups_row(&g, 0)->records, 2);
    assert_true(slice_is(text_of(&g, 0, 1), "new1")); /* carried from the group's first record */
    strings_fini(&renamed);
    groups_fini(&g);
    small_fini(s);
    free(s);
}

static void windows_begin_at_multiples_of_their_length_also_before_1970(void **state)
{
    static const i64 times[][2] = { { 0, 0 },     { 59, 0 },      { 60, 60 }, { -1, -60 },
                                     { -60, -60 }, { -61, -120 }, { 1, 0 } };
    struct small    *s = malloc(sizeof *s);
    struct groups    g;
    nanos            time[WEIR_COUNT(times)];
    small_init(s, FIELD_TAG);
    groups_init(&g, &s->layout, 100);
    for (u32 i = 0; i < WEIR_COUNT(times); i++) time[i] = times[i][0] * NANOS_SECOND;
    s->batch.time = time;
    s->batch.rows = WEIR_COUNT(times);
    combine_push(s->combine, &s->batch, &g);
    for (u32 i = 0; i < WEIR_COUNT(times); i++) assert_true(groups_row(&g, i)->start == times[i][1] * NANOS_SECOND);
    groups_fini(&g);
    small_fini(s);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_the_fold_of_their_records),
        cmocka_unit_test(crowds_of_new_keys_become_lists_that_say_the_same),
        cmocka_unit_test(what_finds_no_room_goes_to_other_and_is_counted),
        cmocka_unit_test(a_full_dictionary_sends_new_texts_to_other_and_finds_old_ones),
        cmocka_unit_test(another_dictionary_or_a_reset_table_is_not_read_by_old_ids),
        cmocka_unit_test(windows_begin_at_multiples_of_their_length_also_before_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
