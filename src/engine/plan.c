/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c: picks a source's steps out of the recipe, puts them on their streams, and finds what each stream takes
 * over. */
#include "engine/plan.h"

struct planning {
    struct plan         *p;
    const struct recipe *r;
    struct arena        *arena;
    u32                 *stream_of; /* per recipe step: the stream that its `from` gives it, or a filter's own */
};

static void plan_rooms(struct plan *p, const struct recipe *r, struct arena *arena)
{
    u32 room = r->steps + 1;
    p->tag = arena_array(arena, const struct recipe_step *, room);
    p->window = arena_array(arena, const struct recipe_step *, room);
    p->record = arena_array(arena, const struct recipe_step *, room);
    p->filter = arena_array(arena, const struct recipe_step *, room);
    p->step = arena_array(arena, u32, room);
    p->record_step = arena_array(arena, u32, room);
    p->window_stream = arena_array(arena, u32, room);
    p->stream = arena_array(arena, struct plan_stream, room);
}

static void add_op(struct planning *g, u32 stream, enum plan_work work, u32 index)
{
    struct plan_stream *s = &g->p->stream[stream];
    s->op[s->ops++] = (struct plan_op){ work, index };
}

static u32 add_stream(struct planning *g, u32 parent, const struct recipe_step *where)
{
    u32                 number = g->p->streams++;
    struct plan_stream *s = &g->p->stream[number];
    *s = (struct plan_stream){ .parent = parent, .where = where };
    s->op = arena_array(g->arena, struct plan_op, 2 * g->r->steps + 1);
    return number;
}

/* Columns that `where` needs are derived before it, others for those that passed. */
static u32 add_filter(struct planning *g, u32 stream, const struct recipe_step *s)
{
    u32 number = g->p->filters++;
    g->p->filter[number] = s;
    if (s->filter.where == NULL) {
        add_op(g, stream, PLAN_DERIVE, number);
        return stream;
    }
    if (s->filter.first) add_op(g, stream, PLAN_DERIVE, number);
    u32 child = add_stream(g, stream, s);
    add_op(g, stream, PLAN_WHERE, child);
    if (!s->filter.first) add_op(g, child, PLAN_DERIVE, number);
    return child;
}

static nanos common(nanos a, nanos b)
{
    while (b != 0) {
        nanos rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static void add_step(struct planning *g, u32 i)
{
    struct plan              *p = g->p;
    const struct recipe_step *s = &g->r->step[i];
    u32                       stream = s->from_step < 0 ? 0 : g->stream_of[s->from_step];
    g->stream_of[i] = stream;
    switch (s->kind) {
    case STEP_TAG:
        add_op(g, stream, PLAN_TAG, p->tags);
        p->tag[p->tags++] = s;
        break;
    case STEP_FILTER: g->stream_of[i] = add_filter(g, stream, s); break;
    case STEP_WINDOW:
        add_op(g, stream, PLAN_WINDOW, p->windows);
        p->step[p->windows] = i;
        p->window_stream[p->windows] = stream;
        p->window[p->windows++] = s;
        p->stream[stream].windows++;
        p->grid = common(p->grid, s->window.length);
        break;
    case STEP_RECORDS:
        add_op(g, stream, PLAN_RECORDS, p->records);
        p->record_step[p->records] = i;
        p->record[p->records++] = s;
        p->stream[stream].records++;
        break;
    case STEP_CASCADE: break; /* fed by windows */
    }
    if ((s->kind == STEP_TAG || s->kind == STEP_FILTER) && s->out.tags + s->out.measures > p->columns) {
        p->schema = s->out;
        p->columns = s->out.tags + s->out.measures;
    }
}

/* --- what a stream takes over -------------------------------------------------------------------------------- */

static void need_list(bool *need, const u32 *column, u32 count)
{
    for (u32 i = 0; i < count; i++) need[column[i]] = true;
}

static void need_expr(bool *need, const struct expr *e, u32 columns)
{
    for (u32 c = 0; c < columns; c++) need[c] = need[c] || expr_uses(e, c);
}

/* Last to first: what an operation makes need not come from elsewhere, what it reads must be there. */
static void need_op(const struct plan *p, const struct plan_op *op, bool *need)
{
    switch (op->work) {
    case PLAN_TAG: {
        const struct step_tag *t = &p->tag[op->index]->tag;
        for (u32 i = 0; i < t->sides * t->gives; i++) need[t->base[0] + i] = false;
        need_list(need, t->address, t->sides);
        break;
    }
    case PLAN_DERIVE: {
        const struct recipe_step *s = p->filter[op->index];
        for (u32 i = s->filter.derives; i-- > 0;) {
            need[s->filter.derive[i].column] = false;
            if (s->filter.derive[i].expr) need_expr(need, s->filter.derive[i].expr, s->filter.derive[i].column);
        }
        break;
    }
    case PLAN_WHERE: {
        const struct plan_stream *child = &p->stream[op->index];
        need_list(need, child->column, child->columns);
        need_expr(need, child->where->filter.where, child->where->out.tags + child->where->out.measures);
        break;
    }
    case PLAN_WINDOW: {
        const struct step_window *w = &p->window[op->index]->window;
        need_list(need, w->column, w->keys + w->carried + w->measures);
        break;
    }
    case PLAN_RECORDS: {
        const struct step_records *r = &p->record[op->index]->records;
        need_list(need, r->column, r->columns);
        break;
    }
    }
}

static void take_over(struct plan *p, struct plan_stream *s, struct arena *arena)
{
    bool *need = arena_array(arena, bool, p->columns + 1);
    for (u32 i = s->ops; i-- > 0;) need_op(p, &s->op[i], need);
    s->column = arena_array(arena, u32, p->columns + 1);
    for (u32 c = 0; c < p->columns; c++)
        if (need[c]) s->column[s->columns++] = c;
}

void plan_init(struct plan *p, const struct recipe *r, u32 source, struct arena *arena)
{
    *p = (struct plan){ .source = source, .from = &r->source[source] };
    plan_rooms(p, r, arena);
    struct planning g = { p, r, arena, arena_array(arena, u32, r->steps + 1) };
    p->schema = p->from->decoded;
    p->columns = p->schema.tags + p->schema.measures;
    add_stream(&g, 0, NULL);
    for (u32 i = 0; i < r->steps; i++)
        if (r->step[i].from_source == source) add_step(&g, i);
    WEIR_ASSERT(p->streams <= RECIPE_FILTERS_MAX + 1);
    for (u32 i = p->streams; i-- > 1;) take_over(p, &p->stream[i], arena); /* children stand behind their parents */
}
