/* SPDX-License-Identifier: Apache-2.0 */
/* emit.c: from words in a row to typed cells. Durations leave as seconds, everything counted as exact integers. */
#include "engine/emit.h"

#include "record/sketch_distinct.h"
#include "record/sketch_quantiles.h"

/* Whole seconds and the rest apart: a double holds today's seconds and some 20 bits of fraction, which one division of
 * the nanoseconds would round twice. */
static f64 time_seconds(i64 ns)
{
    i64 whole = ns / NANOS_SECOND, rest = ns % NANOS_SECOND;
    return (f64)whole + (f64)rest / 1e9;
}

static u64 word(const u8 *row, u32 at)
{
    u64 w;
    memcpy(&w, row + at, sizeof w);
    return w;
}

static void emit_typed(struct row_writer *to, enum field_type type, u64 bits)
{
    f64 f;
    switch (type) {
    case FIELD_F64: memcpy(&f, &bits, sizeof f); row_f64(to, f); break;
    case FIELD_TIME: row_f64(to, time_seconds((i64)bits)); break;
    default: row_u64(to, bits); break;
    }
}

static void emit_average(struct row_writer *to, const struct group_measure *m, const u8 *row)
{
    u64 sum = word(row, m->at), n = word(row, m->at + 8u);
    f64 total;
    if (m->type == FIELD_F64) memcpy(&total, &sum, sizeof total);
    else total = m->type == FIELD_TIME ? (f64)(i64)sum / 1e9 : (f64)sum;
    row_f64(to, total / (f64)n);
}

static void emit_sampling(struct row_writer *to, const u8 *at)
{
    struct sampling s;
    memcpy(&s, at, sizeof s);
    if (s.n == 0) {
        for (u32 i = 0; i < 4; i++) row_null(to);
        return;
    }
    u128 sum = (u128)s.sum_hi << 64 | s.sum_lo;
    row_u64(to, s.n);
    row_seconds(to, s.min);
    row_mean(to, sum, s.n);
    row_seconds(to, s.max);
}

static void emit_quantiles(struct row_writer *to, const struct group_measure *m, const u8 *row)
{
    const u32 *cells = (const void *)(row + m->at);
    for (u32 i = 0; i < quantiles_percents(m->sketch); i++) {
        f64 value;
        if (quantiles_find(cells, m->type == FIELD_F64, quantiles_percent(m->sketch, i), &value)) row_f64(to, value);
        else row_null(to);
    }
}

static void emit_measure(struct row_writer *to, const struct group_measure *m, const u8 *row)
{
    if (m->fold == FOLD_QUANTILES) {
        emit_quantiles(to, m, row);
        return;
    }
    if (m->fold == FOLD_SAMPLING) {
        emit_sampling(to, row + m->at);
        return;
    }
    bool present = row[m->present];
    u32  cells = m->fold == FOLD_BINS ? m->words : 1;
    for (u32 i = 0; i < cells; i++) {
        if (!present) row_null(to);
        else if (m->fold == FOLD_AVG) emit_average(to, m, row);
        else if (m->fold == FOLD_DISTINCT) row_u64(to, distinct_estimate(row + m->at, m->sketch));
        else if (m->fold == FOLD_FIRST || m->fold == FOLD_LAST) emit_typed(to, m->type, word(row, m->at + 8u));
        else emit_typed(to, m->type, word(row, m->at + 8 * i));
    }
}

/* A tag as a value for results. */
static void emit_tag(struct row_writer *to, const struct field *f, const struct column *c, u32 row)
{
    struct value v = { .kind = VALUE_U64 };
    switch (f->type) {
    case FIELD_MAC: v.kind = VALUE_MAC; /* fall through */
    case FIELD_U64: v.u = ((const u64 *)c->cells)[row]; break;
    case FIELD_TIME: v = (struct value){ .kind = VALUE_I64, .i = ((const i64 *)c->cells)[row] }; break;
    case FIELD_F64: v = (struct value){ .kind = VALUE_F64, .f = ((const f64 *)c->cells)[row] }; break;
    case FIELD_ADDR: v = (struct value){ .kind = VALUE_ADDR, .at = ((const addr *)c->cells)[row] }; break;
    case FIELD_NET: v = (struct value){ .kind = VALUE_NET, .range = ((const net *)c->cells)[row] }; break;
    case FIELD_STRING: v = (struct value){ .kind = VALUE_TEXT, .text = ((const slice *)c->cells)[row] }; break;
    case FIELD_TAG:
        v = (struct value){ .kind = VALUE_TEXT, .text = strings_get(c->words, ((const u32 *)c->cells)[row]) };
        break;
    default: WEIR_ASSERT(false);
    }
    if ((v.kind == VALUE_NET && v.range.bits == NET_NULL) || (f->type == FIELD_TAG && v.text.at == NULL))
        v.kind = VALUE_NULL;
    row_value(to, &v);
}

void emit_cell(struct row_writer *to, const struct field *f, const struct column *c, u32 row)
{
    bool null = column_null(c, row);
    if (f->type == FIELD_SAMPLING) {
        static const struct sampling none;
        emit_sampling(to, null ? (const u8 *)&none : (const u8 *)((const struct sampling *)c->cells + row));
        return;
    }
    u32 cells = f->type == FIELD_BINS ? f->bins : 1;
    for (u32 i = 0; i < cells; i++) {
        if (null) row_null(to);
        else if (f->type == FIELD_BINS) row_u64(to, ((const u64 *)c->cells)[(size_t)row * f->bins + i]);
        else if (f->type == FIELD_TIME && f->fold != FOLD_NONE) row_f64(to, time_seconds(((const i64 *)c->cells)[row]));
        else emit_tag(to, f, c, row);
    }
}

static i64 start_seconds(nanos start)
{
    return nanos_floor(start, NANOS_SECOND) / NANOS_SECOND;
}

/* Key columns from `first` to before `end`; the `other` row says so in each key. */
static void emit_columns(struct row_writer *to, const struct groups *g, const struct group_row *row, u32 first, u32 end)
{
    for (u32 i = first; i < end; i++) {
        if (row->flags & GROUP_OTHER && i < g->layout->keys) {
            row_text(to, S("other"));
            continue;
        }
        struct value v;
        groups_value(g, row, i, &v);
        row_value(to, &v);
    }
}

static void emit_tail(struct row_writer *to, const struct group_row *row, enum close_reason why, u32 revision)
{
    row_u64(to, row->records);
    row_text(to, slice_str(close_reason_name(why)));
    row_u64(to, revision);
}

void emit_groups(struct row_writer *to, u32 table, const struct groups *g, enum close_reason why, bool amended_only)
{
    const struct group_layout *l = g->layout;
    for (u32 i = 0; i < groups_count(g); i++) {
        const struct group_row *row = groups_row(g, i);
        if (amended_only && !(row->flags & GROUP_AMENDED)) continue;
        row_put(to, table);
        row_i64(to, start_seconds(row->start));
        emit_columns(to, g, row, 0, l->keys + l->carried);
        for (u32 m = 0; m < l->measures; m++) emit_measure(to, &l->measure[m], (const u8 *)row);
        emit_tail(to, row, why, row->revision);
    }
}

static i32 rank_field(const struct rank_spec *spec, u32 measure)
{
    for (u32 f = 0; f < spec->fields; f++)
        if (spec->measure[f] == measure) return (i32)f;
    return -1;
}

static bool has_share(const struct rank_spec *spec, u32 measure)
{
    for (u32 i = 0; i < spec->shares; i++)
        if (spec->share[i] == measure) return true;
    return false;
}

/* The sum of a measure over all groups, `other` included. */
static u64 whole_of(const struct groups *g, const struct group_measure *m)
{
    u64 sum = 0;
    for (u32 i = 0; i < groups_count(g); i++) {
        const u8 *row = (const u8 *)groups_row(g, i);
        if (row[m->present] && __builtin_add_overflow(sum, word(row, m->at), &sum)) return UINT64_MAX;
    }
    return sum;
}

static void emit_share(struct row_writer *to, const struct group_measure *m, const u8 *row, u64 whole)
{
    if (row[m->present] && whole > 0) row_f64(to, (f64)word(row, m->at) / (f64)whole);
    else row_null(to);
}

void emit_ranked(struct row_writer *to, u32 table, const struct groups *g, const struct emit_rank *how)
{
    const struct group_layout *l = g->layout;
    i32                        field[MEASURES_MAX];
    u64                        whole[MEASURES_MAX];
    for (u32 m = 0; m < l->measures; m++) {
        field[m] = rank_field(how->spec, m);
        whole[m] = has_share(how->spec, m) ? whole_of(g, &l->measure[m]) : 0;
    }
    if (how->again) row_clear(to, table, start_seconds(how->start));
    for (u32 i = 0; i < how->ranked->rows; i++) {
        const struct group_row *row = groups_row(g, how->ranked->row[i]);
        const u32              *place = how->ranked->place + (size_t)i * how->spec->fields;
        row_put(to, table);
        row_i64(to, start_seconds(row->start));
        emit_columns(to, g, row, 0, l->keys + l->carried);
        for (u32 m = 0; m < l->measures; m++) {
            emit_measure(to, &l->measure[m], (const u8 *)row);
            if (field[m] >= 0 && place[field[m]]) row_u64(to, place[field[m]]);
            else if (field[m] >= 0) row_null(to);
            if (has_share(how->spec, m)) emit_share(to, &l->measure[m], (const u8 *)row, whole[m]);
        }
        emit_tail(to, row, how->why, how->revision);
    }
}

void emit_late(struct row_writer *to, u32 table, const struct groups *g, u64 *arrived)
{
    const struct group_layout *l = g->layout;
    for (u32 i = 0; i < groups_count(g); i++) {
        const struct group_row *row = groups_row(g, i);
        row_put(to, table);
        row_i64(to, start_seconds(row->start));
        emit_columns(to, g, row, 0, l->keys);
        row_u64(to, ++*arrived);
        emit_columns(to, g, row, l->keys, l->keys + l->carried);
        for (u32 m = 0; m < l->measures; m++) emit_measure(to, &l->measure[m], (const u8 *)row);
        row_u64(to, row->records);
    }
}
