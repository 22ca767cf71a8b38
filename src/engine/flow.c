/* SPDX-License-Identifier: Apache-2.0 */
/* flow.c: lines, what feeds them, and what is given out when their windows close.
 *
 * A closed window goes two ways: as rows to its tables (and its ranking to the rank table), and as groups into the
 * lines it feeds. A late record amends a closed window: the window's delta takes the same way up, the rows are given
 * out again at the next flush. Upwards the parts of a window stay apart; what is given out is all of them as one. */
#include "engine/flow.h"

#include "window/whole.h"

#include <stdlib.h>

#define NONE UINT32_MAX

struct line;

struct line_child {
    struct line *to;
    struct feed  feed;
};

struct line {
    struct flow               *flow;
    struct window             *window;
    const struct group_layout *layout;
    u32                        source, step, op;
    u32                        table, rank_table, late_table;
    struct rank               *rank;
    struct rank_spec           rank_spec;
    struct whole              *whole; /* lent by the step: its lines have one layout and close one by one */
    struct line_child         *child;
    u32                        children;
    struct feed                same; /* for partials and deltas of the line's own layout */
    struct image_reader        reader;
};

struct flow {
    const struct recipe *recipe;
    struct pool         *pool;
    struct row_writer   *out;
    struct line         *line;
    u32                  lines;
    u32                 *step_line; /* first line of each recipe step */
    struct whole       **step_whole; /* where windows with several parts become one; NULL: no windows */
    struct strings      *parts;      /* of each source, the names of the parts of its windows */
    u64                  arrived;
    bool                 closed;    /* since flow_advance began */
};

/* Panes of one line that may be open at once: more than a day of minutes, should watermarks not come. */
#define PANES_OPEN_MAX 4096

/* A closing window with so many rows is fed upwards by all workers at once. */
#define FORK_ROWS 8192

/* Rows that its children take in turns: some 600 KiB, within the L2. */
#define FEED_BLOCK 1024

/* --- building ------------------------------------------------------------------------------------------------ */

/* Panes of a line: open ones, and those kept for late comers. */
static u32 panes_max(nanos length, nanos lateness)
{
    nanos kept = lateness / length + 1;
    return PANES_OPEN_MAX + (u32)(kept < INT32_MAX ? kept : INT32_MAX);
}

static err line_open(struct line *l, struct flow *f, const struct window_spec *spec)
{
    l->flow = f;
    l->layout = spec->layout;
    l->op = spec->op;
    l->whole = f->step_whole[l->step];
    feed_init(&l->same, FEED_SAME, NULL, spec->layout, spec->layout);
    return window_open(&l->window, spec);
}

static err line_rank_open(struct line *l, const struct step_cascade *c)
{
    if (l->rank_table == NONE) return OK;
    l->rank_spec = (struct rank_spec){ c->top, c->rank_fields, c->rank_measure, c->shares, c->share_measure };
    return rank_open(&l->rank, &l->rank_spec, l->layout);
}

static void line_feeds(struct line *from, struct line *to, enum feed_way way, const u32 *column)
{
    from->child = realloc(from->child, (from->children + 1) * sizeof *from->child);
    WEIR_ASSERT(from->child != NULL);
    struct line_child *c = &from->child[from->children++];
    c->to = to;
    feed_init(&c->feed, way, column, to->layout, from->layout);
}

static err window_lines(struct flow *f, u32 step, const struct step_window *w)
{
    struct line       *l = &f->line[f->lines++];
    struct window_spec spec = { w->length,     w->lateness, w->groups_max, panes_max(w->length, w->lateness),
                                &w->layout, w->op,       &f->parts[f->recipe->step[step].from_source] };
    whole_open(&f->step_whole[step], &w->layout);
    l->source = f->recipe->step[step].from_source;
    l->step = step;
    l->table = w->table;
    l->late_table = w->late_table;
    l->rank_table = NONE;
    return line_open(l, f, &spec);
}

/* Which columns of the window below make the key of a way. */
static enum feed_way way_feed(const struct step_cascade *c, enum way way, u32 column[KEYS_MAX])
{
    if (way == WAY_BY) {
        memcpy(column, c->by, c->keys * sizeof *column);
        return FEED_KEYS;
    }
    column[0] = c->column[way == WAY_DST ? 1 : 0];
    column[1] = c->column[1];
    return way == WAY_BOTH ? FEED_BOTH : FEED_KEY;
}

static err cascade_lines(struct flow *f, u32 step, const struct step_cascade *c)
{
    u32          first = f->lines;
    struct line *below = &f->line[f->step_line[f->recipe->step[step].from_step]];
    u32          source = f->recipe->step[step].from_source;
    whole_open(&f->step_whole[step], &c->layout);
    for (u32 i = 0; i < c->lines; i++) {
        const struct cascade_line *cl = &c->line[i];
        struct line               *l = &f->line[f->lines++];
        nanos              length = c->length[cl->level];
        struct window_spec spec = { length,     c->lateness, c->groups_max, panes_max(length, c->lateness),
                                    &c->layout, cl->op,      &f->parts[source] };
        l->source = source;
        l->step = step;
        l->table = cl->table;
        l->late_table = NONE;
        l->rank_table = cl->rank_table;
        err e = line_open(l, f, &spec);
        if (!err_is(e)) e = line_rank_open(l, c);
        if (err_is(e)) return e;
        if (cl->below != NONE) {
            line_feeds(&f->line[first + cl->below], l, FEED_SAME, NULL);
            continue;
        }
        u32           column[KEYS_MAX];
        enum feed_way way = way_feed(c, cl->way, column);
        line_feeds(below, l, way, column);
    }
    return OK;
}

static u32 count_lines(const struct recipe *r)
{
    u32 n = 0;
    for (u32 i = 0; i < r->steps; i++) {
        if (r->step[i].kind == STEP_WINDOW) n++;
        if (r->step[i].kind == STEP_CASCADE) n += r->step[i].cascade.lines;
    }
    return n;
}

err flow_open(struct flow **out, const struct recipe *r, struct pool *pool, struct row_writer *to)
{
    struct flow *f = calloc(1, sizeof *f);
    WEIR_ASSERT(f != NULL);
    *f = (struct flow){ .recipe = r, .pool = pool, .out = to };
    f->line = calloc(count_lines(r) + 1, sizeof *f->line);
    f->step_line = calloc(r->steps + 1, sizeof *f->step_line);
    f->step_whole = calloc(r->steps + 1, sizeof(struct whole *));
    f->parts = calloc(r->sources + 1, sizeof *f->parts);
    WEIR_ASSERT(f->line != NULL && f->step_line != NULL && f->step_whole != NULL && f->parts != NULL);
    for (u32 i = 0; i < r->sources; i++) strings_init(&f->parts[i], PARTITIONS_MAX);
    for (u32 i = 0; i < r->steps; i++) {
        err e = OK;
        f->step_line[i] = f->lines;
        if (r->step[i].kind == STEP_WINDOW) e = window_lines(f, i, &r->step[i].window);
        else if (r->step[i].kind == STEP_CASCADE) e = cascade_lines(f, i, &r->step[i].cascade);
        if (err_is(e)) {
            flow_close(f);
            return e;
        }
    }
    *out = f;
    return OK;
}

void flow_close(struct flow *f)
{
    for (u32 i = 0; i < f->lines; i++) {
        if (f->line[i].rank) rank_close(f->line[i].rank);
        if (f->line[i].window) window_close(f->line[i].window);
        free(f->line[i].child);
    }
    for (u32 i = 0; i < f->recipe->steps; i++) whole_close(f->step_whole[i]);
    for (u32 i = 0; i < f->recipe->sources; i++) strings_fini(&f->parts[i]);
    free(f->line);
    free(f->step_line);
    free(f->step_whole);
    free(f->parts);
    free(f);
}

/* --- giving out ---------------------------------------------------------------------------------------------- */

static void line_emit_rank(struct line *l, const struct groups *g, const struct pane *p, u32 revision, bool again)
{
    struct ranked    ranked;
    struct emit_rank how = { &l->rank_spec, &ranked, p->start, p->why, again, revision };
    rank_groups(l->rank, g, &ranked);
    emit_ranked(l->flow->out, l->rank_table, g, &how);
}

/* A ranking is taken of all groups, also where few of them changed. */
static void line_give_out(struct line *l, struct panes of, bool again)
{
    const struct pane   *p = of.at[0];
    const struct groups *g;
    u32                  revision = 0;
    if (l->table == NONE && l->rank == NULL) return;
    if (again && l->rank == NULL) g = whole_amended(l->whole, of);
    else g = whole_all(l->whole, of, &revision);
    if (l->table != NONE) emit_groups(l->flow->out, l->table, g, p->why, again);
    if (l->rank) line_emit_rank(l, g, p, revision, again);
    if (of.count > 1) whole_rest(l->whole);
}

static void line_push(struct line *l, const struct feed *feed, const struct groups *from, u32 first, u32 end, u32 part,
                      struct window_push_counts *counts);

/* Feeds every `step`th child from `child` on. They take blocks of rows in turns: a large window would have to come out
 * of memory for each child otherwise, which costs more than the folding. */
static void line_feed_children(struct line *l, const struct groups *g, u32 part, u32 child, u32 step)
{
    u32 rows = groups_count(g);
    for (u32 first = 0; first < rows; first += FEED_BLOCK) {
        u32 end = rows - first < FEED_BLOCK ? rows : first + FEED_BLOCK;
        for (u32 i = child; i < l->children; i += step) {
            struct window_push_counts counts = { 0 };
            line_push(l->child[i].to, &l->child[i].feed, g, first, end, part, &counts);
        }
    }
}

static void line_feed_up(struct line *l, const struct groups *g, u32 part)
{
    line_feed_children(l, g, part, 0, 1);
}

struct closing {
    struct line *line;
    struct panes of;
    u32          feeders; /* shares of the children */
};

/* Share 0 gives the window out; share i feeds each `feeders`th child. Only share 0 writes rows, and each child has
 * windows of its own. */
static void closing_share(void *arg, u32 i)
{
    struct closing *c = arg;
    if (i == 0) {
        line_give_out(c->line, c->of, false);
        return;
    }
    for (u32 k = 0; k < c->of.count; k++)
        line_feed_children(c->line, &c->of.at[k]->groups, c->of.at[k]->part, i - 1, c->feeders);
}

static u64 panes_rows(struct panes of)
{
    u64 rows = 0;
    for (u32 i = 0; i < of.count; i++) rows += groups_count(&of.at[i]->groups);
    return rows;
}

static void line_on_closed(void *arg, struct panes of)
{
    struct line   *l = arg;
    struct closing c = { l, of, 1 };
    l->flow->closed = true;
    if (panes_rows(of) < FORK_ROWS) {
        closing_share(&c, 0);
        closing_share(&c, 1);
        return;
    }
    c.feeders = pool_workers(l->flow->pool);
    pool_fork(l->flow->pool, 1 + c.feeders, closing_share, &c);
}

static void line_on_amended(void *arg, struct panes of)
{
    line_give_out(arg, of, true);
}

/* --- folding in ---------------------------------------------------------------------------------------------- */

u32 flow_part(struct flow *f, u32 source, slice name)
{
    WEIR_ASSERT(source < f->recipe->sources);
    return name.len > 0 && name.len <= PART_NAME_MAX ? strings_add(&f->parts[source], name) : 0;
}

static void line_push(struct line *l, const struct feed *feed, const struct groups *from, u32 first, u32 end, u32 part,
                      struct window_push_counts *counts)
{
    window_push_rows(l->window, feed, from, first, end, part, counts);
    struct groups *delta = window_delta(l->window), *late = window_late(l->window);
    if (groups_count(delta)) {
        line_feed_up(l, delta, part);
        groups_reset(delta);
    }
    if (groups_count(late)) {
        /* What the window below took counts: too late for this level, it must not be missing in the wider ones. */
        if (l->flow->recipe->step[l->step].kind == STEP_CASCADE) line_feed_up(l, late, part);
        if (l->late_table != NONE) emit_late(l->flow->out, l->late_table, late, &l->flow->arrived);
        groups_reset(late);
    }
}

void flow_push(struct flow *f, u32 step, u32 part, const struct groups *partial, struct window_push_counts *counts)
{
    struct line *l = &f->line[f->step_line[step]];
    line_push(l, &l->same, partial, 0, groups_count(partial), part, counts);
}

bool flow_took(const struct flow *f, u32 step, nanos t)
{
    return window_took(f->line[f->step_line[step]].window, t);
}

bool flow_advance(struct flow *f, u32 source, nanos to, enum close_reason why)
{
    f->closed = false;
    for (u32 i = 0; i < f->lines; i++)
        if (f->line[i].source == source) window_advance(f->line[i].window, to, why, line_on_closed, &f->line[i]);
    return f->closed;
}

nanos flow_due(const struct flow *f, u32 source, nanos to)
{
    nanos latest = NANOS_MIN;
    for (u32 i = 0; i < f->lines; i++) {
        nanos due = f->line[i].source == source ? window_due(f->line[i].window, to) : NANOS_MIN;
        if (due > latest) latest = due;
    }
    return latest;
}

void flow_end(struct flow *f, u32 source)
{
    for (u32 i = 0; i < f->lines; i++)
        if (f->line[i].source == source) window_end(f->line[i].window, line_on_closed, &f->line[i]);
}

void flow_flush(struct flow *f)
{
    for (u32 i = 0; i < f->lines; i++)
        if (window_flush_due(f->line[i].window)) window_flush(f->line[i].window, line_on_amended, &f->line[i]);
}

/* --- the image ----------------------------------------------------------------------------------------------- */

void flow_cut(struct flow *f, struct image_writer *to)
{
    for (u32 i = 0; i < f->lines; i++) window_cut(f->line[i].window, to);
}

void flow_thaw(struct flow *f, bool written)
{
    for (u32 i = 0; i < f->lines; i++) window_thaw(f->line[i].window, written);
}

static err reader_head(struct image_reader *r, u64 object, slice bytes)
{
    return window_restore_head(container_of(r, struct line, reader)->window, object, bytes);
}

static err reader_page(struct image_reader *r, u64 object, enum image_part part, u32 number, slice bytes)
{
    return window_restore_page(container_of(r, struct line, reader)->window, object, part, number, bytes);
}

static err reader_done(struct image_reader *r)
{
    return window_restore_done(container_of(r, struct line, reader)->window);
}

struct image_reader *flow_reader(struct flow *f, u32 op)
{
    u32 i = 0;
    while (i < f->lines && f->line[i].op != op) i++;
    WEIR_ASSERT(i < f->lines); /* every op of the recipe is a line */
    f->line[i].reader = (struct image_reader){ reader_head, reader_page, reader_done };
    return &f->line[i].reader;
}

u64 flow_memory(const struct flow *f)
{
    u64 n = 0;
    for (u32 i = 0; i < f->lines; i++) n += window_memory(f->line[i].window);
    for (u32 i = 0; i < f->recipe->steps; i++) n += f->step_whole[i] ? whole_memory(f->step_whole[i]) : 0;
    return n;
}

u64 *flow_arrived(struct flow *f)
{
    return &f->arrived;
}
