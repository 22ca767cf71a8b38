/* SPDX-License-Identifier: Apache-2.0 */
/* step_filter.c: where and derive: which records pass, and columns that are computed of others.
 *
 * Columns are derived in the order written, each may use those before it, and `where` all of them. An expression is
 * compiled twice: here, against every column that the step could see, to tell its faults and what it uses; and once
 * columns have numbers (resolve.c), for the batches. */
#include "config/read.h"

#define DERIVES_MAX 64

/* All columns of the step's records, and the first `own` of those that it makes itself. */
struct visible {
    u32                count;
    struct field      *field;
    struct column_ref *ref;
};

static void visible_add(struct visible *v, const struct field *f, struct column_ref ref)
{
    v->field[v->count] = *f;
    v->ref[v->count++] = ref;
}

static struct visible visible_columns(const struct draft *d, u32 step, u32 own)
{
    const struct source_draft *source = &d->source[d->step[step].source];
    u32                        room = source->columns + own;
    for (u32 up = d->step[step].from_step; up != NONE; up = d->step[up].from_step) room += d->step[up].own;
    struct visible v = { 0, arena_array(&d->f->arena, struct field, room),
                         arena_array(&d->f->arena, struct column_ref, room) };
    for (u32 i = 0; i < source->columns; i++) visible_add(&v, &source->column[i].field, (struct column_ref){ NONE, i });
    for (u32 up = d->step[step].from_step; up != NONE; up = d->step[up].from_step)
        for (u32 i = 0; i < d->step[up].own; i++) visible_add(&v, &d->step[up].field[i], (struct column_ref){ up, i });
    for (u32 i = 0; i < own; i++) visible_add(&v, &d->step[step].field[i], (struct column_ref){ step, i });
    return v;
}

static u32 characters(slice s)
{
    u32 n = 0;
    for (size_t i = 0; i < s.len; i++) n += ((u8)s.at[i] & 0xc0) != 0x80;
    return n;
}

/* Where in the file the fault is, if the scalar stands there as it is: in one line, without escapes. */
static struct place fault_place(const struct node *n, const struct expr_fault *fault)
{
    struct place at = n->at;
    u32          all = characters(n->text), quotes = n->quoted ? 2 : 0;
    if (at.width != all + quotes) return at;
    u32 len = characters(slice_of(n->text.at + fault->offset, fault->len));
    at.column += quotes / 2 + characters(slice_of(n->text.at, fault->offset));
    at.width = len > 0 ? len : 1;
    return at;
}

static bool read_expr(struct draft *d, u32 step, const struct node *n, const char *what, u32 own, enum expr_want want,
                      struct expr_draft *out, enum field_type *type)
{
    slice             text;
    struct expr_fault fault;
    if (!read_text(d, n, what, &text) || !d->step[step].ok) return false;
    struct visible v = visible_columns(d, step, own);
    struct schema  schema = { v.count, 0, v.field };
    struct expr   *e = expr_compile(text, &schema, want, &fault);
    if (e == NULL) {
        const char *hint = fault.hint[0] != 0 ? findings_hint(d->f, "%s", fault.hint) : NULL;
        findings_error(d->f, fault_place(n, &fault), hint, "`%s`: %s", what, fault.words);
        return false;
    }
    out->text = arena_copy(d->a, expr_print(e));
    out->use = arena_array(d->a, struct column_ref, v.count);
    for (u32 i = 0; i < v.count; i++)
        if (expr_uses(e, i)) out->use[out->uses++] = v.ref[i];
    *type = expr_type(e);
    expr_free(e);
    return true;
}

static bool name_free(struct draft *d, u32 step, const struct node *key)
{
    const struct step_draft *s = &d->step[step];
    struct column_ref        other;
    bool                     taken = s->ok && step_column_find(d, step, key->text, &other);
    for (u32 i = 0; i < s->own; i++) taken = taken || slice_eq(s->field[i].name, key->text);
    if (taken)
        findings_error(d->f, key->at, NULL, "step `%.*s` makes `%s`, which exists already", LEN(s->name), key->text.at);
    return !taken;
}

/* An expression, or one with what makes a measure of it. */
static bool read_derived(struct draft *d, u32 step, const struct node *key, const struct node *n)
{
    struct step_draft *s = &d->step[step];
    struct field      *f = &s->field[s->own];
    const struct node *expr = n, *agg = NULL, *unit = NULL;
    *f = (struct field){ .mirror = FIELD_NO_MIRROR };
    bool good = read_name(d, key, "derive", &f->name);
    if (n->kind == NODE_MAP) {
        map_check(d, n, derive_keys, findings_hint(d->f, "derived `%s`", key->text.at));
        expr = map_find(n, "expr"), agg = map_find(n, "agg"), unit = map_find(n, "unit");
    }
    if (expr == NULL) {
        findings_error(d->f, n->at, "as { expr: \"srcBytes / 1024\", agg: sum }", "derived `%s` has no `expr`",
                       key->text.at);
        return false;
    }
    if (!good || !read_expr(d, step, expr, key->text.at, s->own, EXPR_VALUE, &s->derive[s->own], &f->type))
        return false;
    if (agg != NULL && !agg_read(d, agg, f)) return false;
    if (n->kind == NODE_MAP && !sketch_read(d, n, f)) return false;
    if (unit != NULL && !unit_read(d, unit, &s->own_unit[s->own])) return false;
    return name_free(d, step, key);
}

static bool read_derives(struct draft *d, u32 step, const struct node *n)
{
    struct step_draft *s = &d->step[step];
    bool               good = true;
    if (!read_map_of(d, n, "derive", "{ kb: \"srcBytes / 1024\" }")) return false;
    if (n->count == 0 || n->count > DERIVES_MAX) {
        findings_error(d->f, n->at, "as derive: { kb: \"srcBytes / 1024\" }", "`derive` makes 1 to %d columns, not %u",
                       DERIVES_MAX, n->count);
        return false;
    }
    s->field = arena_array(d->a, struct field, n->count);
    s->own_unit = arena_array(d->a, slice, n->count);
    s->derive = arena_array(d->a, struct expr_draft, n->count);
    for (u32 i = 0; i < n->count; i++) {
        if (read_derived(d, step, &n->key[i], &n->item[i])) s->own++;
        else good = false;
    }
    return good;
}

/* One bit each in the mask that tells which of them a record passed. */
static bool filters_fit(struct draft *d, u32 step)
{
    u32 count = 0;
    for (u32 i = 0; i <= step; i++)
        if (d->step[i].kind == STEP_FILTER && d->step[i].source == d->step[step].source &&
            d->step[i].where.text.len > 0)
            count++;
    if (count <= RECIPE_FILTERS_MAX) return true;
    findings_error(d->f, d->step[step].at, NULL, "more than %d `where` for the records of one source",
                   RECIPE_FILTERS_MAX);
    return false;
}

void step_filter_read(struct draft *d, u32 step)
{
    struct step_draft *s = &d->step[step];
    const struct node *where = map_find(s->map, "where"), *derive = map_find(s->map, "derive");
    enum field_type    type;
    map_check(d, s->map, filter_keys, findings_hint(d->f, "filter step `%.*s`", LEN(s->name)));
    bool good = derive == NULL || read_derives(d, step, derive);
    s->ok = s->ok && good;
    if (where == NULL || !s->ok) return; /* it may use what was not understood */
    s->ok = read_expr(d, step, where, "where", s->own, EXPR_CONDITION, &s->where, &type) && filters_fit(d, step);
}

const struct recipe_key filter_keys[] = {
    { "from", "name", "the source, tag or filter step that it takes records from (required)" },
    { "where", "condition", "records for which it is not true are left out and counted as filtered" },
    { "derive", "mapping", "name: expression, or name: { expr, agg, unit }; each may use those before it" },
    { NULL, NULL, NULL },
};

const struct recipe_key derive_keys[] = {
    { "expr", "expression", "over the columns of the records (required)" },
    { "agg", "fold", "makes a measure of it: sum, min, max, first, last, avg, distinct or quantiles" },
    { "bits", "number", "of a distinct, as in a layout's field" },
    { "at", "list of numbers", "of quantiles, as in a layout's field" },
    { "unit", "text", "for people: it becomes a comment at the column" },
    { NULL, NULL, NULL },
};
