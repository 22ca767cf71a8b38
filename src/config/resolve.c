/* SPDX-License-Identifier: Apache-2.0 */
/* resolve.c: names become numbers: which columns are decoded, where each stands in a batch.
 *
 * Projection: a column is decoded if an address lookup, an expression, a key, a carried field, a measure or a records
 * table needs it. Decoded columns come first, tags before measures, each in the order of first appearance over the
 * layouts; then, for every tag and filter step of the source in the recipe's order, its own columns. So one numbering
 * holds for all steps of a source. */
#include "config/draft.h"

/* A name that no expression can have in it: texts of a recipe are without NUL. */
#define HIDDEN ((slice){ "\0", 1 })

static void use(struct draft *d, u32 source, struct column_ref ref)
{
    if (ref.step == NONE) d->source[source].column[ref.index].used = true;
    else if (d->step[ref.step].kind == STEP_FILTER) d->step[ref.step].derive[ref.index].used = true;
}

static void use_expr(struct draft *d, u32 source, const struct expr_draft *e)
{
    for (u32 i = 0; i < e->uses; i++) use(d, source, e->use[i]);
}

/* Called for the last step first: what is derived is computed only if a later one takes it. */
static void use_step(struct draft *d, u32 i)
{
    const struct step_draft  *s = &d->step[i];
    const struct recipe_step *out = &d->r->step[i];
    u32                       refs = 0;
    if (s->kind == STEP_TAG)
        for (u32 side = 0; side < out->tag.sides; side++) use(d, s->source, s->address[side]);
    if (s->kind == STEP_WINDOW) refs = out->window.keys + out->window.carried + out->window.measures;
    if (s->kind == STEP_RECORDS) refs = out->records.columns;
    for (u32 c = 0; c < refs; c++) use(d, s->source, s->ref[c]);
    if (s->kind != STEP_FILTER) return;
    use_expr(d, s->source, &s->where);
    for (u32 k = s->own; k-- > 0;)
        if (s->derive[k].used) use_expr(d, s->source, &s->derive[k]);
}

/* The decoded columns of one source, and their slots. */
static void make_decoded(struct draft *d, u32 source)
{
    struct source_draft *s = &d->source[source];
    struct schema       *decoded = &d->r->source[source].decoded;
    struct field        *field = arena_array(d->a, struct field, s->columns);
    for (u32 pass = 0; pass < 2; pass++)
        for (u32 i = 0; i < s->columns; i++) {
            bool measure = s->column[i].field.fold != FOLD_NONE;
            if (!s->column[i].used || measure != (pass == 1)) continue;
            s->column[i].slot = decoded->tags + decoded->measures;
            field[s->column[i].slot] = s->column[i].field;
            *(measure ? &decoded->measures : &decoded->tags) += 1;
        }
    for (u32 i = 0; i < decoded->tags + decoded->measures; i++) {
        u32 mirror = field[i].mirror;
        if (mirror == FIELD_NO_MIRROR) continue;
        field[i].mirror = s->column[mirror].used ? s->column[mirror].slot - decoded->tags : FIELD_NO_MIRROR;
    }
    decoded->field = field;
}

static void mark_layouts(struct draft *d, u32 source)
{
    const struct source_draft *s = &d->source[source];
    struct recipe_source      *out = &d->r->source[source];
    for (u32 l = 0; l < out->layouts; l++)
        for (u32 i = 0; i < out->layout[l].fields; i++) {
            struct layout_field *f = &out->layout[l].field[i];
            u32                  column = f->field.name.len == 0 ? NONE : source_column_find(s, f->field.name);
            f->used = column != NONE && s->column[column].used;
            f->slot = f->used ? s->column[column].slot : 0;
            if (column != NONE) f->field.ranked = s->column[column].field.ranked;
        }
}

static u32 column_of(const struct draft *d, u32 source, struct column_ref ref)
{
    if (ref.step == NONE) return d->source[source].column[ref.index].slot;
    const struct recipe_step *s = &d->r->step[ref.step];
    return s->kind == STEP_TAG ? s->tag.base[0] + ref.index : s->filter.derive[ref.index].column;
}

/* Appends a step's own columns to all that the source has so far; gives the number of the first. */
static u32 extend(struct draft *d, u32 step, struct schema *stream)
{
    const struct step_draft *s = &d->step[step];
    u32                      before = stream->tags + stream->measures;
    struct field            *field = arena_array(d->a, struct field, before + s->own);
    if (before > 0) memcpy(field, stream->field, sizeof(*field) * before);
    if (s->own > 0) memcpy(field + before, s->field, sizeof(*field) * s->own);
    *stream = (struct schema){ stream->tags, stream->measures + s->own, field };
    d->r->step[step].out = *stream;
    return before;
}

static void make_tag(struct draft *d, u32 step, struct schema *stream)
{
    struct step_tag         *t = &d->r->step[step].tag;
    const struct step_draft *s = &d->step[step];
    u32                      base = extend(d, step, stream);
    for (u32 side = 0; side < t->sides; side++) {
        t->address[side] = column_of(d, s->source, s->address[side]);
        t->base[side] = base + side * t->gives;
    }
}

/* The batch's columns; those of other branches (which may go by the same name) and those not made yet have no name. */
static struct schema visible(const struct draft *d, u32 step, u32 own)
{
    const struct recipe_step *s = &d->r->step[step];
    u32                       count = s->out.tags + s->out.measures;
    const struct schema      *decoded = &d->r->source[s->from_source].decoded;
    struct field             *field = arena_array(&d->f->arena, struct field, count);
    if (count > 0) memcpy(field, s->out.field, sizeof(*field) * count);
    for (u32 i = decoded->tags + decoded->measures; i < count; i++) field[i].name = HIDDEN;
    for (u32 up = step; up != NONE; up = d->step[up].from_step)
        for (u32 i = 0; i < (up == step ? own : d->step[up].own); i++)
            field[column_of(d, s->from_source, (struct column_ref){ up, i })].name = d->step[up].field[i].name;
    return (struct schema){ s->out.tags, s->out.measures, field };
}

/* What compiled against names compiles against numbers. */
static struct expr *compiled(const struct draft *d, u32 step, const struct expr_draft *e, u32 own, enum expr_want want)
{
    struct expr_fault fault;
    struct schema     schema = visible(d, step, own);
    struct expr      *made = expr_compile(e->text, &schema, want, &fault);
    WEIR_ASSERT(made != NULL);
    return made;
}

static void make_filter(struct draft *d, u32 step, struct schema *stream)
{
    struct step_filter      *f = &d->r->step[step].filter;
    const struct step_draft *s = &d->step[step];
    u32                      base = extend(d, step, stream);
    f->derives = s->own;
    f->derive = arena_array(d->a, struct recipe_derive, s->own);
    for (u32 i = 0; i < s->own; i++)
        f->derive[i] = (struct recipe_derive){ .name = s->field[i].name, .text = s->derive[i].text,
                                               .unit = s->own_unit[i], .used = s->derive[i].used, .column = base + i };
    for (u32 i = 0; i < s->own; i++)
        if (f->derive[i].used) f->derive[i].expr = compiled(d, step, &s->derive[i], i, EXPR_VALUE);
    if (s->where.text.len == 0) return;
    f->where_text = s->where.text;
    f->where = compiled(d, step, &s->where, s->own, EXPR_CONDITION);
    for (u32 i = 0; i < s->where.uses; i++) f->first = f->first || s->where.use[i].step == step;
}

static u32 *columns_of(const struct draft *d, u32 step, u32 columns)
{
    const struct step_draft *s = &d->step[step];
    u32                     *column = arena_array(d->a, u32, columns);
    for (u32 i = 0; i < columns; i++) column[i] = column_of(d, s->source, s->ref[i]);
    return column;
}

static void resolve_step(struct draft *d, u32 step, struct schema *stream)
{
    struct recipe_step *s = &d->r->step[step];
    if (s->kind == STEP_TAG) make_tag(d, step, stream);
    if (s->kind == STEP_FILTER) make_filter(d, step, stream);
    if (s->kind == STEP_WINDOW)
        s->window.column = columns_of(d, step, s->window.keys + s->window.carried + s->window.measures);
    if (s->kind == STEP_RECORDS) s->records.column = columns_of(d, step, s->records.columns);
}

void columns_resolve(struct draft *d)
{
    for (u32 i = d->r->steps; i-- > 0;) use_step(d, i);
    for (u32 source = 0; source < d->r->sources; source++) {
        make_decoded(d, source);
        mark_layouts(d, source);
        struct schema stream = d->r->source[source].decoded;
        for (u32 i = 0; i < d->r->steps; i++)
            if (d->step[i].source == source) resolve_step(d, i, &stream);
    }
}
