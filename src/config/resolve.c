/* SPDX-License-Identifier: Apache-2.0 */
/* resolve.c: names become numbers: which columns are decoded, where each stands in a batch.
 *
 * Projection: a column is decoded if an address lookup, a key, a carried field or a measure needs it. Decoded columns
 * come first, tags before measures, each in the order of first appearance over the layouts; then, for every tag step
 * of the source in the recipe's order, its own columns. So one numbering holds for all steps of a source. */
#include "config/draft.h"

static void use(struct draft *d, u32 source, struct column_ref ref)
{
    if (ref.step == NONE) d->source[source].column[ref.index].used = true;
}

static void use_step(struct draft *d, u32 i)
{
    const struct step_draft  *s = &d->step[i];
    const struct recipe_step *out = &d->r->step[i];
    if (s->kind == STEP_TAG)
        for (u32 side = 0; side < out->tag.sides; side++) use(d, s->source, s->address[side]);
    if (s->kind == STEP_WINDOW)
        for (u32 c = 0; c < out->window.keys + out->window.carried + out->window.measures; c++)
            use(d, s->source, s->ref[c]);
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

/* Appends a tag step's columns to all that the source has so far. */
static void make_tag(struct draft *d, u32 step, struct schema *stream)
{
    struct recipe_step      *out = &d->r->step[step];
    const struct step_draft *s = &d->step[step];
    u32                      before = stream->tags + stream->measures;
    struct field            *field = arena_array(d->a, struct field, before + s->own);
    if (before > 0) memcpy(field, stream->field, sizeof(*field) * before);
    memcpy(field + before, s->field, sizeof(*field) * s->own);
    for (u32 side = 0; side < out->tag.sides; side++) {
        out->tag.address[side] = d->source[s->source].column[s->address[side].index].slot;
        out->tag.base[side] = before + side * out->tag.gives;
    }
    *stream = (struct schema){ stream->tags, stream->measures + s->own, field };
    out->out = *stream;
}

static u32 column_of(const struct draft *d, u32 source, struct column_ref ref)
{
    if (ref.step == NONE) return d->source[source].column[ref.index].slot;
    return d->r->step[ref.step].tag.base[0] + ref.index;
}

static void make_window(struct draft *d, u32 step)
{
    struct step_window *w = &d->r->step[step].window;
    u32                 columns = w->keys + w->carried + w->measures;
    w->column = arena_array(d->a, u32, columns);
    for (u32 i = 0; i < columns; i++) w->column[i] = column_of(d, d->step[step].source, d->step[step].ref[i]);
}

void columns_resolve(struct draft *d)
{
    for (u32 i = 0; i < d->r->steps; i++) use_step(d, i);
    for (u32 source = 0; source < d->r->sources; source++) {
        make_decoded(d, source);
        mark_layouts(d, source);
        struct schema stream = d->r->source[source].decoded;
        for (u32 i = 0; i < d->r->steps; i++) {
            if (d->step[i].source != source) continue;
            if (d->step[i].kind == STEP_TAG) make_tag(d, i, &stream);
            if (d->step[i].kind == STEP_WINDOW) make_window(d, i);
        }
    }
}
