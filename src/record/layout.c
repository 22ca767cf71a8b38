/* SPDX-License-Identifier: Apache-2.0 */
/* layout.c: where each column and each word of a group row stands, and how one row folds into another.
 *
 * Words are ordered by (class of operation, side): the a-sides of mirrored measures, their b-sides in the same order,
 * then what has no mirror. So a straight merge is one run an operation, a mirrored one three (a from b, b from a, the
 * rest), a crossed one two. Present bytes are ordered by side first: they are one run, three, two in all.
 * The order follows from the measures alone, so two layouts of the same measures differ only in where words begin. */
#include "record/sketch_distinct.h"
#include "record/sketch_quantiles.h"
#include "weir/groups.h"

#include <stdlib.h>

/* The class of a measure is the operation on its first word; a floating average is a class of its own, as its two words
 * fold by two operations. */
enum { CLASS_AVG_F64 = GROUP_ADD_U32 + 1, CLASSES, CLASS_NONE = 0 };

enum side { SIDE_A, SIDE_B, SIDE_ALONE, SIDES };

static const u8 classes[FOLDS][FIELD_BINS + 1];

/* --- columns --- */

static u16 cell_width(enum field_type type)
{
    switch (type) {
    case FIELD_NET:
    case FIELD_ADDR: return 16;
    case FIELD_U64:
    case FIELD_MAC:
    case FIELD_TIME: return 8;
    case FIELD_STRING:
    case FIELD_TAG: return 4;
    default: return 0; /* cannot name a group */
    }
}

/* Places columns first .. first + n, widest first, then their flag bytes. Gives the end, a multiple of 8. */
static u32 place_columns(struct group_layout *l, u32 first, u32 n, u32 at)
{
    for (u16 width = 16; width >= 4; width = (u16)(width / 2))
        for (u32 i = first; i < first + n; i++) {
            if (cell_width(l->column[i].type) != width) continue;
            l->column[i].at = (u16)at;
            at += width;
        }
    for (u32 i = first; i < first + n; i++)
        if (cell_width(l->column[i].type) > 4) l->column[i].flag = (u16)at++;
    return (u32)round_up(at, 8);
}

/* --- measures --- */

static bool mirrored(const struct group_layout *l, u32 m)
{
    return l->mirror[m] != FIELD_NO_MIRROR && l->mirror[m] != m;
}

static u32 measure_class(const struct group_measure *m)
{
    return classes[m->fold][m->type];
}

/* Adds the measures of one class and side; side b in the order of its partners. */
static u32 order_part(const struct group_layout *l, u32 kind, enum side side, u16 *order, u32 n)
{
    for (u32 m = 0; m < l->measures; m++) {
        if (measure_class(&l->measure[m]) != kind) continue;
        if (mirrored(l, m) != (side != SIDE_ALONE)) continue;
        if (side != SIDE_ALONE && l->mirror[m] < m) continue;
        order[n++] = (u16)(side == SIDE_B ? l->mirror[m] : m);
    }
    return n;
}

static void order_words(const struct group_layout *l, u16 *order)
{
    u32 n = 0;
    for (u32 kind = CLASS_NONE + 1; kind < CLASSES; kind++)
        for (enum side side = SIDE_A; side < SIDES; side++) n = order_part(l, kind, side, order, n);
    WEIR_ASSERT(n == l->measures);
}

static void order_present(const struct group_layout *l, u16 *order)
{
    u32 n = 0;
    for (enum side side = SIDE_A; side < SIDES; side++)
        for (u32 kind = CLASS_NONE + 1; kind < CLASSES; kind++) n = order_part(l, kind, side, order, n);
    WEIR_ASSERT(n == l->measures);
}

static u16 measure_words(const struct field *f, enum fold fold)
{
    switch (fold) {
    case FOLD_FIRST:
    case FOLD_LAST:
    case FOLD_AVG: return 2;
    case FOLD_SAMPLING: return sizeof(struct sampling) / 8;
    case FOLD_BINS: WEIR_ASSERT(f->bins >= 1 && f->bins <= BINS_MAX); return (u16)f->bins;
    case FOLD_DISTINCT:
        WEIR_ASSERT(f->sketch >= DISTINCT_BITS_MIN && f->sketch <= DISTINCT_BITS_MAX);
        return (u16)(1u << f->sketch >> 3);
    case FOLD_QUANTILES: WEIR_ASSERT(quantiles_percent(f->sketch, 0) > 0); return QUANTILES_WORDS;
    default: return 1;
    }
}

/* Takes the measures over as they are asked for; a sum of bins or samplings is their own fold. */
static err take_measures(struct group_layout *l, const struct field *f)
{
    for (u32 m = 0; m < l->measures; m++) {
        enum fold fold = f[m].fold;
        if (fold == FOLD_SUM && f[m].type == FIELD_BINS) fold = FOLD_BINS;
        if (fold == FOLD_SUM && f[m].type == FIELD_SAMPLING) fold = FOLD_SAMPLING;
        l->measure[m] = (struct group_measure){ .fold = fold, .type = f[m].type, .words = measure_words(&f[m], fold) };
        if (fold == FOLD_DISTINCT || fold == FOLD_QUANTILES) l->measure[m].sketch = f[m].sketch;
        if (measure_class(&l->measure[m]) == CLASS_NONE)
            return (err){ ERR_CONFIG, "a measure's type does not fold in this way", m };
        l->mirror[m] = f[m].mirror;
    }
    for (u32 m = 0; m < l->measures; m++) {
        if (!mirrored(l, m)) continue;
        WEIR_ASSERT(l->mirror[m] < l->measures && l->mirror[l->mirror[m]] == m);
        const struct group_measure *a = &l->measure[m], *b = &l->measure[l->mirror[m]];
        WEIR_ASSERT(a->fold == b->fold && a->type == b->type && a->words == b->words);
    }
    return OK;
}

/* Gives the row's size; 0 if it is too wide for its offsets. */
static u32 place_measures(struct group_layout *l)
{
    u16 order[MEASURES_MAX];
    u32 at = l->fixed_end;
    order_present(l, order);
    for (u32 i = 0; i < l->measures; i++) l->measure[order[i]].present = (u16)(at + i);
    at = (u32)round_up(at + l->measures, 8);
    order_words(l, order);
    for (u32 i = 0; i < l->measures; i++) {
        struct group_measure *m = &l->measure[order[i]];
        m->at = (u16)at;
        at += m->words * 8u;
        if (at > GROUP_BYTES_MAX) return 0;
    }
    return at;
}

static u32 widest_measure(const struct group_layout *l)
{
    u32 widest = 0;
    for (u32 m = 1; m < l->measures; m++)
        if (l->measure[m].words > l->measure[widest].words) widest = m;
    return widest;
}

/* --- the empty row --- */

static void put_word(u8 *row, u32 at, u64 word)
{
    memcpy(row + at, &word, 8);
}

static u64 word_of_f64(f64 v)
{
    u64 word;
    memcpy(&word, &v, 8);
    return word;
}

static void put_absent(u8 *row, const struct group_measure *m)
{
    switch (measure_class(m)) {
    case GROUP_MIN: put_word(row, m->at, UINT64_MAX); break;
    case GROUP_MIN_F64: put_word(row, m->at, word_of_f64(__builtin_inf())); break;
    case GROUP_MAX_F64: put_word(row, m->at, word_of_f64(-__builtin_inf())); break;
    case GROUP_MIN_TIME:
    case GROUP_FIRST: put_word(row, m->at, (u64)NANOS_MAX); break;
    case GROUP_MAX_TIME:
    case GROUP_LAST: put_word(row, m->at, (u64)NANOS_MIN); break;
    case GROUP_SAMPLING: put_word(row, m->at + (u32)offsetof(struct sampling, min), UINT64_MAX); break;
    default: break; /* sums, counts and greatest values begin at 0 */
    }
}

/* --- programs --- */

static u32 op_width(enum group_op op)
{
    switch (op) {
    case GROUP_OR:
    case GROUP_MAX_BYTES: return 1;
    case GROUP_ADD_U32: return 4;
    case GROUP_FIRST:
    case GROUP_LAST: return 16;
    case GROUP_SAMPLING: return sizeof(struct sampling);
    default: return 8;
    }
}

/* Lengthens the last run if this one goes on where it ends, on both sides. False: no room. */
static bool program_add(struct group_program *p, enum group_op op, u16 to, u16 from, u16 count)
{
    if (p->count > 0) {
        struct group_run *last = &p->run[p->count - 1];
        u32               bytes = last->count * op_width(op);
        if (last->op == op && last->to + bytes == to && last->from + bytes == from) {
            last->count = (u16)(last->count + count);
            return true;
        }
    }
    if (p->count == GROUP_RUNS_MAX) return false;
    p->run[p->count++] = (struct group_run){ op, to, from, count };
    return true;
}

static bool program_add_words(struct group_program *p, const struct group_measure *to, const struct group_measure *from)
{
    u32 kind = measure_class(to);
    WEIR_ASSERT(kind == measure_class(from) && to->words == from->words);
    if (kind == CLASS_AVG_F64)
        return program_add(p, GROUP_ADD_F64, to->at, from->at, 1) &&
               program_add(p, GROUP_ADD, (u16)(to->at + 8), (u16)(from->at + 8), 1);
    enum group_op op = (enum group_op)kind;
    return program_add(p, op, to->at, from->at, (u16)(to->words * 8u / op_width(op)));
}

static bool program_build(struct group_program *p, const struct group_layout *to, const struct group_layout *from,
                          enum group_view view)
{
    u16 order[MEASURES_MAX];
    p->count = 0;
    order_present(to, order);
    for (u32 i = 0; i < to->measures; i++) {
        u32 m = order[i], source = view != GROUP_STRAIGHT && mirrored(to, m) ? to->mirror[m] : m;
        if (view == GROUP_CROSSED && !mirrored(to, m)) continue;
        if (!program_add(p, GROUP_OR, to->measure[m].present, from->measure[source].present, 1)) return false;
    }
    order_words(to, order);
    for (u32 i = 0; i < to->measures; i++) {
        u32 m = order[i], source = view != GROUP_STRAIGHT && mirrored(to, m) ? to->mirror[m] : m;
        if (view == GROUP_CROSSED && !mirrored(to, m)) continue;
        if (!program_add_words(p, &to->measure[m], &from->measure[source])) return false;
    }
    return true;
}

void group_program_init(struct group_program *p, const struct group_layout *to, const struct group_layout *from,
                        enum group_view view)
{
    WEIR_ASSERT(to->measures == from->measures);
    for (u32 m = 0; m < to->measures; m++) {
        WEIR_ASSERT(to->mirror[m] == from->mirror[m]);
        WEIR_ASSERT(to->measure[m].fold == from->measure[m].fold && to->measure[m].type == from->measure[m].type);
    }
    WEIR_ASSERT(program_build(p, to, from, view)); /* group_layout_init has tried each view */
}

/* --- the layout as a whole --- */

err group_layout_init(struct group_layout *l, u32 keys, u32 carried, u32 measures, const struct field *f)
{
    *l = (struct group_layout){ .keys = keys, .carried = carried, .measures = measures };
    WEIR_ASSERT(keys <= KEYS_MAX && keys + carried <= WEIR_COUNT(l->column) && measures <= MEASURES_MAX);
    for (u32 i = 0; i < keys + carried; i++) {
        if (cell_width(f[i].type) == 0) return (err){ ERR_CONFIG, "a column of this type cannot name a group", i };
        l->column[i].type = f[i].type;
        l->texts |= i < keys && cell_width(f[i].type) == 4;
    }
    l->key_end = place_columns(l, 0, keys, sizeof(struct group_row));
    l->fixed_end = place_columns(l, keys, carried, l->key_end);
    err e = take_measures(l, f + keys + carried);
    if (err_is(e)) return e;
    l->size = place_measures(l);
    if (l->size == 0)
        return (err){ ERR_FULL, "too many or too wide measures: a group is over 32 KiB", widest_measure(l) };
    for (enum group_view view = GROUP_STRAIGHT; view <= GROUP_CROSSED; view++) {
        struct group_program tried;
        if (!program_build(&tried, l, l, view))
            return (err){ ERR_FULL, "too many measures that fold each in its own way", -1 };
    }
    l->empty = calloc(1, l->size);
    WEIR_ASSERT(l->empty != NULL);
    for (u32 m = 0; m < measures; m++) put_absent(l->empty, &l->measure[m]);
    return OK;
}

void group_layout_fini(struct group_layout *l)
{
    free(l->empty);
    *l = (struct group_layout){ 0 };
}

/* Which fold a type knows, and by which operation; 0: none. GROUP_OR is 0 and no measure's own operation. */
static const u8 classes[FOLDS][FIELD_BINS + 1] = {
    [FOLD_SUM] = { [FIELD_U64] = GROUP_ADD, [FIELD_F64] = GROUP_ADD_F64 },
    [FOLD_MIN] = { [FIELD_U64] = GROUP_MIN, [FIELD_MAC] = GROUP_MIN, [FIELD_F64] = GROUP_MIN_F64,
                   [FIELD_TIME] = GROUP_MIN_TIME },
    [FOLD_MAX] = { [FIELD_U64] = GROUP_MAX, [FIELD_MAC] = GROUP_MAX, [FIELD_F64] = GROUP_MAX_F64,
                   [FIELD_TIME] = GROUP_MAX_TIME },
    [FOLD_FIRST] = { [FIELD_U64] = GROUP_FIRST, [FIELD_MAC] = GROUP_FIRST, [FIELD_F64] = GROUP_FIRST,
                     [FIELD_TIME] = GROUP_FIRST },
    [FOLD_LAST] = { [FIELD_U64] = GROUP_LAST, [FIELD_MAC] = GROUP_LAST, [FIELD_F64] = GROUP_LAST,
                    [FIELD_TIME] = GROUP_LAST },
    [FOLD_AVG] = { [FIELD_U64] = GROUP_ADD, [FIELD_F64] = CLASS_AVG_F64 },
    [FOLD_SAMPLING] = { [FIELD_SAMPLING] = GROUP_SAMPLING },
    [FOLD_BINS] = { [FIELD_BINS] = GROUP_ADD },
    [FOLD_DISTINCT] = { [FIELD_U64] = GROUP_MAX_BYTES, [FIELD_F64] = GROUP_MAX_BYTES, [FIELD_TIME] = GROUP_MAX_BYTES,
                        [FIELD_ADDR] = GROUP_MAX_BYTES, [FIELD_MAC] = GROUP_MAX_BYTES,
                        [FIELD_STRING] = GROUP_MAX_BYTES, [FIELD_NET] = GROUP_MAX_BYTES,
                        [FIELD_TAG] = GROUP_MAX_BYTES },
    [FOLD_QUANTILES] = { [FIELD_U64] = GROUP_ADD_U32, [FIELD_F64] = GROUP_ADD_U32 },
};
static_assert((int)GROUP_OR == (int)CLASS_NONE, "the zeros of the table mean: does not fold");
