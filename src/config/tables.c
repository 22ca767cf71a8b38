/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c: the result tables that follow from the steps, and which sink wants which.
 *
 * Column order is a promise of recipe.h: the engine writes rows by it. Names are compared without regard to letter
 * case, as SQL does. A table that no sink wants is not made. */
#include "config/read.h"
#include "config/units.h"
#include "record/sketch_quantiles.h"

#include <strings.h>

struct level_word {
    nanos       length;
    const char *name;
};

static const struct level_word   level_words[];
static const struct table_column reject_columns[7], ledger_columns[10];

/* A table while its columns are put together. */
struct making {
    struct draft        *d;
    struct table         table;
    struct table_column *column; /* room for all */
};

static u32 measure_columns(const struct field *f)
{
    if (f->fold == FOLD_QUANTILES) return quantiles_percents(f->sketch);
    return f->type == FIELD_SAMPLING ? 4 : f->type == FIELD_BINS ? f->bins : 1;
}

/* Begins a table with its timestamp; room for the columns of `out`, ranks and the tail. */
static struct making table_begin(struct draft *d, u32 step, slice name, slice level, nanos length)
{
    const struct schema *out = &d->r->step[step].out;
    u32                  room = 8 + out->tags;
    for (u32 i = out->tags; i < out->tags + out->measures; i++) room += measure_columns(&out->field[i]) + 2;
    struct making m = { .d = d, .column = arena_array(d->a, struct table_column, room) };
    m.table = (struct table){
        .name = name, .step = d->r->step[step].name, .level = level, .length = length, .keys = 1
    };
    m.column[m.table.columns++] = (struct table_column){ S("timestamp"), COLUMN_INTEGER, S("s") };
    return m;
}

static void put_column(struct making *m, slice name, enum column_kind kind, slice unit)
{
    m->column[m->table.columns++] = (struct table_column){ name, kind, unit };
}

/* Keys, carried fields and what else is no measure: numbers stay numbers (times: ns), the rest is text. */
static void put_tag(struct making *m, const struct field *f, slice unit)
{
    bool number = f->type == FIELD_U64 || f->type == FIELD_TIME;
    put_column(m, f->name, number ? COLUMN_INTEGER : f->type == FIELD_F64 ? COLUMN_REAL : COLUMN_TEXT,
               f->type == FIELD_TIME ? S("Unix ns") : unit);
}

/* The comment at a measure's column: its unit, and how it folds where that is not a sum. `weir query` reads it. */
static slice measure_note(struct arena *a, const struct field *f, slice unit)
{
    if (f->fold == FOLD_SUM || f->fold == FOLD_BINS) return unit;
    return slice_str(arena_printf(a, "%.*s%sagg: %s", LEN(unit), unit.len > 0 ? "; " : "", fold_name(f->fold)));
}

/* Samplings and bins are several columns. */
static bool put_parts(struct making *m, const struct field *f, slice unit)
{
    static const char *const parts[] = { "n", "min", "avg", "max" };
    struct arena            *a = m->d->a;
    if (f->type == FIELD_SAMPLING)
        for (u32 i = 0; i < 4; i++)
            put_column(m, slice_str(arena_printf(a, "%.*s_%s", LEN(f->name), parts[i])),
                       i == 0 ? COLUMN_INTEGER : COLUMN_REAL, i == 0 ? S("") : S("s"));
    if (f->type == FIELD_BINS)
        for (u32 i = 1; i <= f->bins; i++)
            put_column(m, slice_str(arena_printf(a, "%.*s_%u", LEN(f->name), i)), COLUMN_INTEGER, unit);
    return f->type == FIELD_SAMPLING || f->type == FIELD_BINS;
}

static void put_quantiles(struct making *m, const struct field *f, slice unit)
{
    struct arena *a = m->d->a;
    for (u32 i = 0; i < quantiles_percents(f->sketch); i++)
        put_column(m, slice_str(arena_printf(a, "%.*s_p%u", LEN(f->name), quantiles_percent(f->sketch, i))),
                   COLUMN_REAL, measure_note(a, f, unit));
}

static void put_measure(struct making *m, const struct field *f, slice unit)
{
    if (put_parts(m, f, unit)) return;
    if (f->fold == FOLD_QUANTILES) {
        put_quantiles(m, f, unit);
        return;
    }
    if (f->fold == FOLD_DISTINCT) {
        put_column(m, f->name, COLUMN_INTEGER, measure_note(m->d->a, f, unit));
        return;
    }
    bool real = f->type == FIELD_F64 || f->type == FIELD_TIME || f->fold == FOLD_AVG;
    put_column(m, f->name, real ? COLUMN_REAL : COLUMN_INTEGER,
               measure_note(m->d->a, f, f->type == FIELD_TIME ? S("Unix s") : unit));
}

/* One record's value, which nothing has folded yet. */
static void put_single(struct making *m, const struct field *f, slice unit)
{
    if (put_parts(m, f, unit)) return;
    bool seconds = f->type == FIELD_TIME && f->fold != FOLD_NONE;
    if (seconds) put_column(m, f->name, COLUMN_REAL, S("Unix s"));
    else put_tag(m, f, unit);
}

/* Keys (then, for late rows, when they arrived), carried fields. */
static void put_tags(struct making *m, u32 step, u32 keys, bool late)
{
    const struct schema *out = &m->d->r->step[step].out;
    const slice         *unit = m->d->step[step].unit;
    for (u32 i = 0; i < keys; i++) put_tag(m, &out->field[i], unit[i]);
    if (late) put_column(m, S("arrived"), COLUMN_INTEGER, S(""));
    m->table.keys += keys + (late ? 1 : 0);
    for (u32 i = keys; i < out->tags; i++) put_tag(m, &out->field[i], unit[i]);
}

/* c: the cascade whose ranking fields get their ranks; NULL: none. */
static void put_measures(struct making *m, u32 step, const struct step_cascade *c)
{
    const struct schema *out = &m->d->r->step[step].out;
    const slice         *unit = m->d->step[step].unit;
    for (u32 i = 0; i < out->measures; i++) {
        const struct field *f = &out->field[out->tags + i];
        put_measure(m, f, unit[out->tags + i]);
        for (u32 j = 0; c != NULL && j < c->rank_fields; j++)
            if (c->rank_measure[j] == i)
                put_column(m, slice_str(arena_printf(m->d->a, "%.*s_rank", LEN(f->name))), COLUMN_INTEGER, S(""));
        for (u32 j = 0; c != NULL && j < c->shares; j++)
            if (c->share_measure[j] == i)
                put_column(m, slice_str(arena_printf(m->d->a, "%.*s_share", LEN(f->name))), COLUMN_REAL, S(""));
    }
}

static void put_tail(struct making *m, bool late)
{
    put_column(m, S("records"), COLUMN_INTEGER, S(""));
    if (late) return;
    put_column(m, S("closed_by"), COLUMN_TEXT, S(""));
    put_column(m, S("revision"), COLUMN_INTEGER, S(""));
}

static bool same_name(slice a, slice b)
{
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

/* Once a step: all its tables are made of the same fields. */
static void check_columns(struct draft *d, const struct table *t, struct place at, bool *told)
{
    for (u32 i = 1; i < t->columns; i++)
        for (u32 j = 0; j < i; j++) {
            if (*told || !same_name(t->column[i].name, t->column[j].name)) continue;
            *told = true;
            findings_error(d->f, at, "rename a field or measure", "table `%.*s` would have two columns `%.*s`",
                           LEN(t->name), LEN(t->column[i].name));
        }
}

static void check_name(struct draft *d, const struct table *t, struct place at)
{
    for (u32 i = 0; i < d->r->tables; i++) {
        const struct table *other = &d->r->table[i];
        if (!same_name(t->name, other->name)) continue;
        const char *of = other->step.len > 0 ? findings_hint(d->f, "step `%.*s`", LEN(other->step)) : "a source";
        findings_error(d->f, at, "give one of them `table: NAME`", "table `%.*s` would be that of %s, too",
                       LEN(t->name), of);
        return;
    }
}

static u32 add_table(struct draft *d, struct table t, struct place at)
{
    check_name(d, &t, at);
    d->r->table[d->r->tables] = t;
    return d->r->tables++;
}

static u32 table_end(struct making *m, u32 step)
{
    m->table.column = m->column;
    check_columns(m->d, &m->table, m->d->step[step].at, &m->d->step[step].clash);
    return add_table(m->d, m->table, m->d->step[step].at);
}

static void window_tables(struct draft *d, u32 step)
{
    struct recipe_step *s = &d->r->step[step];
    slice               late_name = slice_str(arena_printf(d->a, "%.*s_late", LEN(s->prefix)));
    struct making       m = table_begin(d, step, s->prefix, s->name, s->window.length);
    put_tags(&m, step, s->window.keys, false);
    put_measures(&m, step, NULL);
    put_tail(&m, false);
    s->window.table = table_end(&m, step);
    m = table_begin(d, step, late_name, S("late"), s->window.length);
    put_tags(&m, step, s->window.keys, true);
    put_measures(&m, step, NULL);
    put_tail(&m, true);
    s->window.late_table = table_end(&m, step);
}

static slice level_name(struct draft *d, nanos length)
{
    char buf[UNIT_TEXT];
    for (const struct level_word *w = level_words; w->name != NULL; w++)
        if (w->length == length) return slice_str(w->name);
    return arena_copy(d->a, span_format(length, buf));
}

static void line_tables(struct draft *d, u32 step, struct cascade_line *l)
{
    static const char *const ways[] = { "src", "dst", "both" };
    struct recipe_step      *s = &d->r->step[step];
    nanos                    length = s->cascade.length[l->level];
    char                     buf[UNIT_TEXT];
    slice level = arena_copy(d->a, span_format(length, buf)), word = level_name(d, length);
    slice name = slice_str(l->way == WAY_BY ? arena_printf(d->a, "%.*s_%.*s", LEN(s->prefix), LEN(word))
                                            : arena_printf(d->a, "%.*s_%s%.*s_%.*s", LEN(s->prefix), ways[l->way],
                                                           LEN(s->cascade.kind), LEN(word)));
    struct making m = table_begin(d, step, name, level, length);
    put_tags(&m, step, s->cascade.keys, false);
    put_measures(&m, step, NULL);
    put_tail(&m, false);
    l->table = table_end(&m, step);
    if (s->cascade.top == 0) return;
    m = table_begin(d, step, slice_str(arena_printf(d->a, "%.*s_rank", LEN(name))), level, length);
    m.table.base = name;
    put_tags(&m, step, s->cascade.keys, false);
    put_measures(&m, step, &s->cascade);
    put_tail(&m, false);
    l->rank_table = table_end(&m, step);
}

static void records_table(struct draft *d, u32 step)
{
    struct recipe_step  *s = &d->r->step[step];
    struct step_records *r = &s->records;
    u32                  room = 2;
    for (u32 i = 0; i < r->columns; i++) room += measure_columns(&r->field[i]);
    struct making m = { .d = d, .column = arena_array(d->a, struct table_column, room) };
    m.table = (struct table){ .name = s->prefix, .step = s->name, .level = s->name, .keys = 2 };
    put_column(&m, S("timestamp"), COLUMN_INTEGER, S("s"));
    put_column(&m, S("arrived"), COLUMN_INTEGER, S(""));
    for (u32 i = 0; i < r->columns; i++) put_single(&m, &r->field[i], d->step[step].unit[i]);
    r->table = table_end(&m, step);
}

static void source_tables(struct draft *d, u32 source)
{
    struct recipe_source *s = &d->r->source[source];
    struct table          rejects = { .name = slice_str(arena_printf(d->a, "%.*s_rejects", LEN(s->name))),
                                      .level = S("rejects"),
                                      .keys = 3 };
    struct table          ledger = { .name = slice_str(arena_printf(d->a, "%.*s_ledger", LEN(s->name))),
                                     .level = S("ledger"),
                                     .keys = 1 };
    rejects.columns = WEIR_COUNT(reject_columns);
    rejects.column = reject_columns;
    ledger.columns = WEIR_COUNT(ledger_columns);
    ledger.column = ledger_columns;
    s->rejects_table = add_table(d, rejects, d->source[source].at);
    s->ledger_table = add_table(d, ledger, d->source[source].at);
}

static bool step_wanted(const struct draft *d, u32 step)
{
    for (u32 i = 0; i < d->r->sinks; i++)
        if (d->sink[i].takes[step]) return true;
    return false;
}

static void want(struct recipe_sink *s, u32 table)
{
    if (table != NONE) s->wanted[table] = true;
}

static void want_step(struct draft *d, struct recipe_sink *sink, const struct recipe_step *s)
{
    want(sink, d->r->source[s->from_source].rejects_table);
    want(sink, d->r->source[s->from_source].ledger_table);
    if (s->kind == STEP_WINDOW) {
        want(sink, s->window.table);
        want(sink, s->window.late_table);
    }
    if (s->kind == STEP_RECORDS) want(sink, s->records.table);
    for (u32 i = 0; s->kind == STEP_CASCADE && i < s->cascade.lines; i++) {
        want(sink, s->cascade.line[i].table);
        want(sink, s->cascade.line[i].rank_table);
    }
}

static slice prefix_of(struct draft *d, u32 step)
{
    const struct recipe_step *s = &d->r->step[step];
    slice                     source = d->r->source[s->from_source].name;
    if (s->kind == STEP_TAG || s->kind == STEP_FILTER) return S("");
    if (d->step[step].table.len > 0) return d->step[step].table;
    if (s->kind == STEP_CASCADE && s->cascade.kind.len > 0) return source;
    return slice_str(arena_printf(d->a, "%.*s_%.*s", LEN(source), LEN(s->name)));
}

void tables_make(struct draft *d)
{
    u32 room = 2 * d->r->sources;
    for (u32 i = 0; i < d->r->steps; i++)
        room += 2 * (d->r->step[i].kind == STEP_CASCADE ? d->r->step[i].cascade.lines : 1);
    d->r->table = arena_array(d->a, struct table, room);
    for (u32 i = 0; i < d->r->steps; i++) {
        struct recipe_step *s = &d->r->step[i];
        s->prefix = prefix_of(d, i);
        if (!step_wanted(d, i)) continue;
        if (s->kind == STEP_WINDOW) window_tables(d, i);
        if (s->kind == STEP_RECORDS) records_table(d, i);
        for (u32 l = 0; s->kind == STEP_CASCADE && l < s->cascade.lines; l++) line_tables(d, i, &s->cascade.line[l]);
    }
    for (u32 i = 0; i < d->r->sources; i++) {
        bool wanted = false;
        for (u32 s = 0; s < d->r->steps; s++) wanted = wanted || (d->r->step[s].from_source == i && step_wanted(d, s));
        if (wanted) source_tables(d, i);
    }
    for (u32 i = 0; i < d->r->sinks; i++) {
        d->r->sink[i].wanted = arena_array(d->a, bool, d->r->tables);
        for (u32 s = 0; s < d->r->steps; s++)
            if (d->sink[i].takes[s]) want_step(d, &d->r->sink[i], &d->r->step[s]);
    }
}

static const struct level_word level_words[] = {
    { 60 * NANOS_SECOND, "minutely" },
    { 300 * NANOS_SECOND, "fively" },
    { 3600 * NANOS_SECOND, "hourly" },
    { NANOS_DAY, "daily" },
    { 0, NULL },
};

#define NAMED(text) { "" text, sizeof(text) - 1 }

static const struct table_column reject_columns[7] = {
    { NAMED("timestamp"), COLUMN_INTEGER, NAMED("s") },
    { NAMED("file"), COLUMN_TEXT, NAMED("") },
    { NAMED("offset"), COLUMN_INTEGER, NAMED("bytes") },
    { NAMED("line"), COLUMN_INTEGER, NAMED("") },
    { NAMED("reason"), COLUMN_TEXT, NAMED("") },
    { NAMED("field"), COLUMN_TEXT, NAMED("") },
    { NAMED("sample"), COLUMN_TEXT, NAMED("") },
};

static const struct table_column ledger_columns[10] = {
    { NAMED("timestamp"), COLUMN_INTEGER, NAMED("s") },       { NAMED("read"), COLUMN_INTEGER, NAMED("records") },
    { NAMED("applied"), COLUMN_INTEGER, NAMED("records") },   { NAMED("late"), COLUMN_INTEGER, NAMED("records") },
    { NAMED("duplicate"), COLUMN_INTEGER, NAMED("records") }, { NAMED("filtered"), COLUMN_INTEGER, NAMED("records") },
    { NAMED("rejected"), COLUMN_INTEGER, NAMED("records") },  { NAMED("lost"), COLUMN_INTEGER, NAMED("records") },
    { NAMED("bytes"), COLUMN_INTEGER, NAMED("bytes") },       { NAMED("complaints"), COLUMN_INTEGER, NAMED("events") },
};
