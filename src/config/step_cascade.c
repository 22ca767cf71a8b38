/* SPDX-License-Identifier: Apache-2.0 */
/* step_cascade.c: cascade: levels from minutes to days, for each way and one kind, or by any keys, with a ranking.
 *
 * The kind `site` stands in the window below as srcSite and dstSite. Way `both` sees a record from either end, so every
 * measure that has a mirror needs it beside it. */
#include "config/read.h"
#include "config/units.h"

#include <strings.h>

static const char *const way_names[];

static bool read_levels(struct draft *d, const struct node *n, struct step_cascade *c)
{
    struct names        names;
    const struct node **nodes;
    if (!read_names(d, n, "cascade", &names, &nodes)) return false;
    if (names.count == 0 || names.count > LEVELS_MAX) {
        findings_error(d->f, n->at, "as cascade: [1m, 5m, 1h, 1d]", "a cascade has 1 to %d levels", LEVELS_MAX);
        return false;
    }
    bool good = true;
    c->length = arena_array(d->a, nanos, names.count);
    for (u32 i = 0; i < names.count; i++) {
        if (!read_span(d, nodes[i], "cascade", NANOS_SECOND, 3660 * NANOS_DAY, &c->length[i])) {
            good = false;
            continue;
        }
        if (i == 0 || !good) continue;
        if (c->length[i] <= c->length[i - 1])
            findings_error(d->f, nodes[i]->at, NULL, "level %s is not longer than %s before it", names.at[i].at,
                           names.at[i - 1].at);
        else if (c->length[i] % c->length[i - 1] != 0)
            findings_error(d->f, nodes[i]->at,
                           findings_hint(d->f, "%s is no whole number of %s", names.at[i].at, names.at[i - 1].at),
                           "level %s does not divide level %s", names.at[i - 1].at, names.at[i].at);
        else
            continue;
        good = false;
    }
    c->levels = names.count;
    return good;
}

static void check_first_level(struct draft *d, u32 step, const struct node *n, const struct step_cascade *c)
{
    const struct recipe_step *from = &d->r->step[d->step[step].from_step];
    char                      mine[UNIT_TEXT], below[UNIT_TEXT];
    if (from->window.length <= 0 || c->length[0] % from->window.length == 0) return;
    const struct node *first = n->kind == NODE_LIST ? &n->item[0] : n;
    findings_error(d->f, first->at, NULL, "the first level, %.*s, is no multiple of the windows of `%.*s`, %.*s",
                   LEN(span_format(c->length[0], mine)), LEN(from->name), LEN(span_format(from->window.length, below)));
}

static bool read_ways(struct draft *d, const struct node *n, u32 *count, enum way *ways)
{
    struct names        names, known = names_of(&d->f->arena, way_names);
    const struct node **nodes;
    *count = 0;
    if (n == NULL) {
        for (u32 i = 0; i < known.count; i++) ways[(*count)++] = (enum way)i;
        return true;
    }
    if (!read_names(d, n, "ways", &names, &nodes)) return false;
    if (names.count == 0) {
        findings_error(d->f, n->at, "expected src, dst or both", "`ways` is empty");
        return false;
    }
    for (u32 i = 0; i < names.count; i++) {
        u32 way = 0;
        if (!read_choice(d, nodes[i], "ways", known, &way)) return false;
        ways[(*count)++] = (enum way)way;
    }
    return true;
}

static slice capital(struct draft *d, const char *side, slice kind)
{
    char *name = arena_printf(d->a, "%s%.*s", side, LEN(kind));
    char *first = name + strlen(side);
    if (*first >= 'a' && *first <= 'z') *first = (char)(*first - 32);
    return slice_str(name);
}

/* The window's key or carried column of a side: srcSite; letter case of the kind is free, so `ip` finds srcIP. */
static u32 side_column(const struct step_window *w, slice name)
{
    u32 found = NONE;
    for (u32 i = 0; i < w->keys + w->carried; i++) {
        if (slice_eq(w->field[i].name, name)) return i;
        if (w->field[i].name.len == name.len && strncasecmp(w->field[i].name.at, name.at, name.len) == 0) found = i;
    }
    return found;
}

/* Kinds that the window offers: what follows `src` or `dst` in its keys and carried fields. */
static struct names kinds_of(struct draft *d, const struct step_window *w)
{
    struct names n = { 0, arena_array(&d->f->arena, slice, w->keys + w->carried) };
    for (u32 i = 0; i < w->keys + w->carried; i++) {
        slice name = w->field[i].name;
        if (name.len < 4 || (!slice_starts(name, S("src")) && !slice_starts(name, S("dst")))) continue;
        slice kind = arena_copy(&d->f->arena, slice_of(name.at + 3, name.len - 3));
        bool  known = false;
        if (kind.len < 2 || kind.at[1] < 'A' || kind.at[1] > 'Z') ((char *)(uintptr_t)kind.at)[0] |= 0x20;
        for (u32 j = 0; j < n.count; j++) known = known || slice_eq(n.at[j], kind);
        if (!known) n.at[n.count++] = kind;
    }
    return n;
}

static bool read_kind(struct draft *d, u32 step, const struct node *n, u32 ways, const enum way *way)
{
    struct step_cascade      *c = &d->r->step[step].cascade;
    const struct recipe_step *from = &d->r->step[d->step[step].from_step];
    if (n == NULL) {
        findings_error(d->f, d->step[step].at, "as kind: site, or by: [dstPort]", "cascade `%.*s` has no `kind`",
                       LEN(d->step[step].name));
        return false;
    }
    if (!read_name(d, n, "kind", &c->kind) || !d->step[step].ok) return false;
    for (u32 side = 0; side < 2; side++) {
        slice name = capital(d, side == 0 ? "src" : "dst", c->kind);
        bool  wanted = false;
        for (u32 i = 0; i < ways; i++)
            wanted = wanted || way[i] == WAY_BOTH || way[i] == (side == 0 ? WAY_SRC : WAY_DST);
        c->column[side] = side_column(&from->window, name);
        if (!wanted || c->column[side] != NONE) continue;
        findings_error(d->f, n->at, findings_suggest(d->f, c->kind, kinds_of(d, &from->window)),
                       "kind `%s` needs `%.*s` among the keys or carried fields of `%.*s`", n->text.at, LEN(name),
                       LEN(from->name));
        return false;
    }
    const struct field *f = from->window.field;
    c->keys = 1;
    if (c->column[0] == NONE || c->column[1] == NONE || f[c->column[0]].type == f[c->column[1]].type) return true;
    findings_error(d->f, n->at, NULL, "kind `%s`: `%.*s` and `%.*s` are of different types", n->text.at,
                   LEN(f[c->column[0]].name), LEN(f[c->column[1]].name));
    return false;
}

/* The window's key or carried column of this name, not taken yet; NONE: told. */
static u32 by_column(struct draft *d, u32 step, const struct node *n, slice name)
{
    const struct step_cascade *c = &d->r->step[step].cascade;
    const struct recipe_step  *from = &d->r->step[d->step[step].from_step];
    const struct step_window  *w = &from->window;
    struct names               known = { 0, arena_array(&d->f->arena, slice, w->keys + w->carried) };
    for (u32 i = 0; i < w->keys + w->carried; i++) {
        known.at[known.count++] = w->field[i].name;
        if (!slice_eq(w->field[i].name, name)) continue;
        for (u32 k = 0; k < c->keys; k++) {
            if (c->by[k] != i) continue;
            findings_error(d->f, n->at, NULL, "`%.*s` stands twice in `by`", LEN(name));
            return NONE;
        }
        return i;
    }
    findings_error(d->f, n->at, findings_suggest(d->f, name, known), "`%.*s` is no key and no carried field of `%.*s`",
                   LEN(name), LEN(from->name));
    return NONE;
}

/* Any of the window's keys and carried fields, instead of a kind seen from its ends. */
static bool read_by(struct draft *d, u32 step, const struct node *n)
{
    struct step_cascade *c = &d->r->step[step].cascade;
    const struct node   *kind = map_find(d->step[step].map, "kind"), *ways = map_find(d->step[step].map, "ways");
    struct names         names;
    const struct node  **nodes;
    bool                 good = read_names(d, n, "by", &names, &nodes);
    if (kind != NULL || ways != NULL)
        findings_error(d->f, kind != NULL ? kind->at : ways->at, NULL,
                       "a cascade has either `by`, or `kind` and `ways`");
    if (!good || !d->step[step].ok) return false;
    if (names.count == 0 || names.count > KEYS_MAX)
        findings_error(d->f, n->at, NULL, "`by` names 1 to %d fields", KEYS_MAX);
    for (u32 i = 0; i < names.count && i < KEYS_MAX; i++) {
        u32 column = by_column(d, step, nodes[i], names.at[i]);
        if (column != NONE) c->by[c->keys++] = column;
    }
    return kind == NULL && ways == NULL && c->keys > 0 && c->keys == names.count;
}

/* `both` exchanges mirrored measures, so none may lack its other half. */
static bool check_mirrors(struct draft *d, u32 step, const struct node *ways)
{
    u32                        below = d->step[step].from_step;
    const struct step_window  *w = &d->r->step[below].window;
    const struct source_draft *source = &d->source[d->step[step].source];
    bool                       good = true;
    for (u32 i = w->keys + w->carried; i < w->keys + w->carried + w->measures; i++) {
        u32 mirror = column_field(d, d->step[step].source, d->step[below].ref[i])->mirror;
        if (mirror == FIELD_NO_MIRROR || w->field[i].mirror != FIELD_NO_MIRROR) continue;
        slice other = source->column[mirror].field.name;
        findings_error(
            d->f, ways != NULL ? ways->at : d->step[step].at,
            findings_hint(d->f, "add `%.*s` to the measures of `%.*s`", LEN(other), LEN(d->step[below].name)),
            "way `both` needs `%.*s`, the mirror of `%.*s`", LEN(other), LEN(w->field[i].name));
        good = false;
    }
    return good;
}

static bool default_fields(struct draft *d, u32 step, const struct node *n, struct step_cascade *c)
{
    const struct recipe_step *from = &d->r->step[d->step[step].from_step];
    const struct field       *measure = from->window.field + from->window.keys + from->window.carried;
    for (u32 i = 0; i < from->window.measures; i++)
        if (measure[i].ranked) c->rank_measure[c->rank_fields++] = i;
    if (c->rank_fields > 0) return true;
    findings_error(d->f, n->at, "name the fields, or mark measures of the layout with rank: true",
                   "no measure of `%.*s` is a default ranking field", LEN(from->name));
    return false;
}

/* Measures of the window below, by name. */
static bool named_measures(struct draft *d, u32 step, const struct node *n, const char *what, u32 *count, u32 *out)
{
    const struct recipe_step *from = &d->r->step[d->step[step].from_step];
    const struct field       *measure = from->window.field + from->window.keys + from->window.carried;
    struct names names, known = { from->window.measures, arena_array(&d->f->arena, slice, from->window.measures) };
    const struct node       **nodes;
    bool                      good = read_names(d, n, what, &names, &nodes);
    for (u32 i = 0; i < known.count; i++) known.at[i] = measure[i].name;
    for (u32 i = 0; good && i < names.count; i++) {
        u32 m = 0;
        while (m < known.count && !slice_eq(known.at[m], names.at[i])) m++;
        if (m < known.count) {
            out[(*count)++] = m;
            continue;
        }
        findings_error(d->f, nodes[i]->at, findings_suggest(d->f, names.at[i], known), "`%s` is no measure of `%.*s`",
                       names.at[i].at, LEN(from->name));
        good = false;
    }
    if (good && names.count == 0) findings_error(d->f, n->at, NULL, "`%s` is empty", what);
    return good;
}

/* Only what adds up has shares of a whole. */
static void read_shares(struct draft *d, u32 step, const struct node *n, struct step_cascade *c)
{
    const struct recipe_step *from = &d->r->step[d->step[step].from_step];
    const struct field       *measure = from->window.field + from->window.keys + from->window.carried;
    c->share_measure = arena_array(d->a, u32, MEASURES_MAX);
    if (!named_measures(d, step, n, "share", &c->shares, c->share_measure)) return;
    for (u32 i = 0; i < c->shares; i++) {
        const struct field *f = &measure[c->share_measure[i]];
        if (f->fold == FOLD_SUM && f->type == FIELD_U64) continue;
        findings_error(d->f, n->at, NULL, "`%.*s` has no share: it is no sum of whole numbers", LEN(f->name));
    }
}

static void read_rank(struct draft *d, u32 step, const struct node *n, struct step_cascade *c)
{
    u64 top = 100;
    if (n == NULL || !read_map_of(d, n, "rank", "{ top: 100, fields: default }")) return;
    map_check(d, n, rank_keys, "a rank");
    const struct node *most = map_find(n, "top"), *fields = map_find(n, "fields"), *share = map_find(n, "share");
    if (most != NULL && !read_count(d, most, "top", 1, 1000000, &top)) return;
    c->top = (u32)top;
    if (!d->step[step].ok) return;
    c->rank_measure = arena_array(d->a, u32, MEASURES_MAX);
    if (fields == NULL || (fields->kind == NODE_TEXT && slice_is(fields->text, "default")))
        default_fields(d, step, fields != NULL ? fields : n, c);
    else
        named_measures(d, step, fields, "fields", &c->rank_fields, c->rank_measure);
    if (share != NULL) read_shares(d, step, share, c);
}

/* The keys; then the measures of the window below, in its order. */
static void make_fields(struct draft *d, u32 step)
{
    const struct recipe_step *from = &d->r->step[d->step[step].from_step];
    const struct step_draft  *below = &d->step[d->step[step].from_step];
    struct step_cascade      *c = &d->r->step[step].cascade;
    u32                       tags = from->window.keys + from->window.carried, measures = from->window.measures;
    c->field = arena_array(d->a, struct field, c->keys + measures);
    d->step[step].unit = arena_array(d->a, slice, c->keys + measures);
    if (c->kind.len > 0) {
        c->field[0] = from->window.field[c->column[c->column[0] != NONE ? 0 : 1]];
        c->field[0].name = c->kind;
    }
    for (u32 i = 0; i < c->keys && c->kind.len == 0; i++) {
        c->field[i] = from->window.field[c->by[i]];
        d->step[step].unit[i] = below->unit[c->by[i]];
    }
    for (u32 i = 0; i < measures; i++) {
        c->field[c->keys + i] = from->window.field[tags + i];
        d->step[step].unit[c->keys + i] = below->unit[tags + i];
    }
    d->r->step[step].out = (struct schema){ c->keys, measures, c->field };
    err e = group_layout_init(&c->layout, c->keys, 0, measures, c->field);
    if (err_is(e))
        findings_error(d->f, d->step[step].at, NULL, "the groups of `%.*s` are too large: %s", LEN(d->step[step].name),
                       e.what);
}

static void make_lines(struct draft *d, struct step_cascade *c, u32 ways, const enum way *way)
{
    c->line = arena_array(d->a, struct cascade_line, ways * c->levels);
    for (u32 w = 0; w < ways; w++)
        for (u32 i = 0; i < c->levels; i++) {
            u32 below = i == 0 ? NONE : c->lines - 1;
            c->line[c->lines++] = (struct cascade_line){
                .way = way[w], .level = i, .below = below, .table = NONE, .rank_table = NONE
            };
        }
}

static void read_limits(struct draft *d, u32 step, struct step_cascade *c)
{
    const struct step_draft *s = &d->step[step];
    const struct node       *lateness = map_find(s->map, "lateness"), *most = map_find(s->map, "groups_max");
    u64                      groups = 1000000;
    if (s->ok) c->lateness = d->r->step[s->from_step].window.lateness;
    if (lateness != NULL) read_span(d, lateness, "lateness", 0, 31 * NANOS_DAY, &c->lateness);
    if (most != NULL) read_count(d, most, "groups_max", 1, 100000000, &groups);
    c->groups_max = (u32)groups;
}

void step_cascade_read(struct draft *d, u32 step)
{
    struct step_draft   *s = &d->step[step];
    struct step_cascade *c = &d->r->step[step].cascade;
    const struct node   *levels = map_find(s->map, "cascade"), *table = map_find(s->map, "table"),
                      *ways_node = map_find(s->map, "ways"), *by = map_find(s->map, "by");
    enum way             way[3] = { WAY_BY };
    u32                  ways = 1;
    c->column[0] = c->column[1] = NONE;
    map_check(d, s->map, cascade_keys, findings_hint(d->f, "cascade step `%.*s`", LEN(s->name)));
    bool good = read_levels(d, levels, c);
    if (good && s->ok) check_first_level(d, step, levels, c);
    read_limits(d, step, c);
    if (table != NULL) read_name(d, table, "table", &s->table);
    if (by != NULL) good = read_by(d, step, by) && good;
    else good = read_ways(d, ways_node, &ways, way) && good;
    if (by == NULL && ways > 0) good = read_kind(d, step, map_find(s->map, "kind"), ways, way) && good;
    read_rank(d, step, map_find(s->map, "rank"), c);
    s->ok = s->ok && good;
    for (u32 i = 0; i < ways && s->ok; i++)
        if (way[i] == WAY_BOTH) s->ok = check_mirrors(d, step, ways_node);
    if (!s->ok) return;
    make_fields(d, step);
    make_lines(d, c, ways, way);
}

const struct recipe_key cascade_keys[] = {
    { "from", "name", "the window step whose closed windows it takes (required)" },
    { "cascade", "list of spans", "its levels, each a multiple of the one before: [1m, 5m, 1h, 1d] (required)" },
    { "ways", "list", "src, dst, both: which end of a record counts; default: all three" },
    { "kind", "name", "what is grouped: `site` stands below as srcSite and dstSite (required, or `by`)" },
    { "by", "list of names", "instead of `kind` and `ways`: keys and carried fields of the window below" },
    { "rank", "mapping", "adds a table of the first N of each ranked measure to every level" },
    { "lateness", "span", "the same as of a window; default: that of the window below" },
    { "groups_max", "number", "most groups of one window; records past it count as `other` (default 1000000)" },
    { "table", "name", "instead of <source> in <source>_<way><kind>_<level>; with `by` instead of <source>_<step>" },
    { NULL, NULL, NULL },
};

const struct recipe_key rank_keys[] = {
    { "top", "number", "groups that get a rank, for each measure (default 100)" },
    { "fields", "list of names",
      "measures to rank; `default`, as without it: those whose field says rank: true" },
    { "share", "list of names", "sums that get a column <measure>_share: of the whole of the window, 0 to 1" },
    { NULL, NULL, NULL },
};

static const char *const way_names[] = { "src", "dst", "both", NULL };
