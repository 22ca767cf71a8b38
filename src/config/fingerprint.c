/* SPDX-License-Identifier: Apache-2.0 */
/* fingerprint.c: operators by name, and a number that changes when their saved state would mean something else.
 *
 * A fingerprint is the check sum of a description in words: the operator's own (lengths, columns, types, folds, where
 * columns come from), then the fingerprint of what feeds it. What only decides when or where rows go (lateness,
 * limits, rank, sinks, other columns of a layout) is left out, so a change of it keeps the state. */
#include "config/read.h"
#include "config/units.h"

#include "weir/hash.h"

static u64 sum_of(const char *text)
{
    return hash_checksum(text, strlen(text), 0);
}

static const char *field_text(struct arena *a, const struct field *f, const struct field *measures)
{
    char type[16];
    if ((f->type == FIELD_NET || f->type == FIELD_TAG) && f->fold == FOLD_NONE)
        return arena_printf(a, "%.*s:%s", LEN(f->name), field_type_name(f->type));
    const char *text = arena_printf(a, "%.*s:%s:%s", LEN(f->name), layout_type_text(f, type), fold_name(f->fold));
    if (f->fold == FOLD_DISTINCT) text = arena_printf(a, "%s:%u", text, f->sketch);
    if (f->fold == FOLD_NONE || f->mirror == FIELD_NO_MIRROR) return text;
    return arena_printf(a, "%s:%.*s", text, LEN(measures[f->mirror].name));
}

/* Whence a decoded column comes: names and scales in all layouts, each once. */
static const char *origin_text(struct arena *a, const struct recipe_source *s, slice name)
{
    const char *text = "";
    for (u32 l = 0; l < s->layouts; l++)
        for (u32 i = 0; i < s->layout[l].fields; i++) {
            const struct layout_field *f = &s->layout[l].field[i];
            if (!f->used || !slice_eq(f->field.name, name)) continue;
            const char *one = arena_printf(a, "<%.*s*%llu>", LEN(f->column), (unsigned long long)f->scale);
            if (strstr(text, one) == NULL) text = arena_printf(a, "%s%s", text, one);
        }
    return text;
}

static u64 source_sum(const struct draft *d, u32 source)
{
    const struct recipe_source *s = &d->r->source[source];
    struct arena               *a = &d->f->arena;
    const char *text = arena_printf(a, "source %.*s %s", LEN(s->name), s->decoder->name);
    if (s->type->timed && !s->decoder->timed)
        text = arena_printf(a, "%s time %.*s%s", text, LEN(s->time), s->time.len ? origin_text(a, s, s->time) : "");
    return sum_of(text);
}

static u64 upstream_sum(const struct draft *d, u32 step)
{
    i32 from = d->r->step[step].from_step;
    return from < 0 ? source_sum(d, d->r->step[step].from_source) : d->r->step[from].fingerprint;
}

/* Whence a column of a step's input comes. A tag step is among what feeds the step. */
static const char *ref_text(struct draft *d, u32 source, struct column_ref ref)
{
    struct arena *a = &d->f->arena;
    if (ref.step == NONE) return origin_text(a, &d->r->source[source], d->source[source].column[ref.index].field.name);
    if (d->step[ref.step].kind != STEP_FILTER) return "";
    return arena_printf(a, "<%016llx>", (unsigned long long)d->step[ref.step].derive[ref.index].sum);
}

static u64 expr_sum(struct draft *d, u32 source, const struct expr_draft *e)
{
    struct arena *a = &d->f->arena;
    const char   *text = arena_printf(a, "expr %.*s", LEN(e->text));
    for (u32 i = 0; i < e->uses; i++) text = arena_printf(a, "%s %s", text, ref_text(d, source, e->use[i]));
    return sum_of(text);
}

/* What is derived counts for those who use it; for all who take the step's records only `where` does. */
static u64 filter_sum(struct draft *d, u32 step)
{
    struct step_draft *s = &d->step[step];
    for (u32 i = 0; i < s->own; i++) s->derive[i].sum = expr_sum(d, s->source, &s->derive[i]);
    if (s->where.text.len == 0) return upstream_sum(d, step);
    s->where.sum = expr_sum(d, s->source, &s->where);
    return sum_of(arena_printf(&d->f->arena, "where %016llx from %016llx", (unsigned long long)s->where.sum,
                               (unsigned long long)upstream_sum(d, step)));
}

static u64 records_sum(struct draft *d, u32 step)
{
    struct arena              *a = &d->f->arena;
    const struct step_records *r = &d->r->step[step].records;
    const char                *text = "records";
    for (u32 i = 0; i < r->columns; i++)
        text = arena_printf(a, "%s %s%s", text, field_text(a, &r->field[i], NULL),
                            ref_text(d, d->step[step].source, d->step[step].ref[i]));
    return sum_of(arena_printf(a, "%s from %016llx", text, (unsigned long long)upstream_sum(d, step)));
}

static u64 tag_sum(struct draft *d, u32 step)
{
    struct arena             *a = &d->f->arena;
    const struct recipe_step *s = &d->r->step[step];
    const struct schema      *out = &s->out;
    slice                     path = path_within(d->folder, s->tag.path);
    const char               *text = arena_printf(a, "tag %.*s", LEN(path));
    for (u32 side = 0; side < s->tag.sides; side++) {
        slice address = out->field[s->tag.address[side]].name;
        text = arena_printf(a, "%s of %.*s%s", text, LEN(address),
                            ref_text(d, s->from_source, d->step[step].address[side]));
        for (u32 g = 0; g < s->tag.gives; g++)
            text = arena_printf(a, "%s %.*s", text, LEN(out->field[s->tag.base[side] + g].name));
    }
    return sum_of(arena_printf(a, "%s from %016llx", text, (unsigned long long)upstream_sum(d, step)));
}

static u64 window_sum(struct draft *d, u32 step)
{
    struct arena             *a = &d->f->arena;
    const struct recipe_step *s = &d->r->step[step];
    const struct step_window *w = &s->window;
    u32                       tags = w->keys + w->carried;
    const char               *text = arena_printf(a, "window %lld", (long long)w->length);
    for (u32 i = 0; i < tags + w->measures; i++) {
        const char *part = i == 0 ? " by" : i == w->keys ? " carry" : i == tags ? " measure" : "";
        text = arena_printf(a, "%s%s %s%s", text, part, field_text(a, &w->field[i], w->field + tags),
                            ref_text(d, s->from_source, d->step[step].ref[i]));
    }
    return sum_of(arena_printf(a, "%s from %016llx", text, (unsigned long long)upstream_sum(d, step)));
}

static u32 add_op(struct draft *d, slice name, u64 fingerprint)
{
    d->r->op[d->r->ops] = (struct recipe_op){ name, fingerprint };
    return d->r->ops++;
}

/* Each line is fed by the one below, so adding a level or a way leaves the others as they are. */
static void cascade_sums(struct draft *d, u32 step)
{
    struct arena        *a = &d->f->arena;
    struct recipe_step  *s = &d->r->step[step];
    struct step_cascade *c = &s->cascade;
    const char          *all = "cascade";
    static const char *const ways[] = { "src", "dst", "both", "by" };
    const char *what = arena_printf(a, "%.*s", LEN(c->kind));
    for (u32 i = 0; i < c->keys && c->kind.len == 0; i++)
        what = arena_printf(a, "%s%s%.*s", what, i > 0 ? "," : "", LEN(c->field[i].name));
    for (u32 i = 0; i < c->lines; i++) {
        struct cascade_line *l = &c->line[i];
        u64   below = l->below == NONE ? upstream_sum(d, step) : d->r->op[c->line[l->below].op].fingerprint;
        char  span[UNIT_TEXT];
        const char          *text = arena_printf(a, "line %s %s %lld from %016llx", ways[l->way], what,
                                                 (long long)c->length[l->level], (unsigned long long)below);
        slice level = span_format(c->length[l->level], span);
        slice name = slice_str(arena_printf(d->a, "%.*s/%s/%.*s", LEN(s->name), ways[l->way], LEN(level)));
        l->op = add_op(d, name, sum_of(text));
        all = arena_printf(a, "%s %016llx", all, (unsigned long long)d->r->op[l->op].fingerprint);
    }
    s->fingerprint = sum_of(all);
}

static u64 step_sum(struct draft *d, u32 step)
{
    switch (d->r->step[step].kind) {
    case STEP_TAG: return tag_sum(d, step);
    case STEP_FILTER: return filter_sum(d, step);
    case STEP_RECORDS: return records_sum(d, step);
    default: return window_sum(d, step);
    }
}

void fingerprints_make(struct draft *d)
{
    u32 ops = 0;
    for (u32 i = 0; i < d->r->steps; i++)
        ops += d->r->step[i].kind == STEP_CASCADE ? d->r->step[i].cascade.lines : 1;
    d->r->op = arena_array(d->a, struct recipe_op, ops);
    for (u32 i = 0; i < d->r->steps; i++) {
        struct recipe_step *s = &d->r->step[i];
        if (s->kind == STEP_CASCADE) {
            cascade_sums(d, i);
            continue;
        }
        s->fingerprint = step_sum(d, i);
        if (s->kind == STEP_WINDOW) s->window.op = add_op(d, s->name, s->fingerprint);
    }
}
