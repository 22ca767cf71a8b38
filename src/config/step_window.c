/* SPDX-License-Identifier: Apache-2.0 */
/* step_window.c: window: how long, grouped by what, carrying what, measuring what.
 *
 * Carried without being asked: where a net is a key, the other words of its side, because they follow from it. */
#include "config/read.h"
#include "config/units.h"

/* Columns chosen so far: keys, carried, measures. */
struct choice {
    u32               keys, carried, measures;
    struct column_ref ref[KEYS_MAX + CARRIED_MAX + MEASURES_MAX];
};

static u32 chosen(const struct choice *c)
{
    return c->keys + c->carried + c->measures;
}

static bool is_chosen(const struct choice *c, struct column_ref ref)
{
    for (u32 i = 0; i < chosen(c); i++)
        if (c->ref[i].step == ref.step && c->ref[i].index == ref.index) return true;
    return false;
}

static void add_measure(struct choice *c, struct column_ref ref)
{
    c->ref[chosen(c)] = ref;
    c->measures++;
}

static bool key_type(enum field_type t)
{
    return t != FIELD_F64 && t != FIELD_SAMPLING && t != FIELD_BINS;
}

/* A column that can name a group. */
static bool find_tag(struct draft *d, u32 step, const struct node *n, slice name, const char *what,
                     struct column_ref *out)
{
    if (!step_column_find(d, step, name, out)) {
        findings_error(d->f, n->at, findings_suggest(d->f, name, step_column_names(d, step, false)),
                       "unknown field `%s`", name.at);
        return false;
    }
    const struct field *f = column_field(d, d->step[step].source, *out);
    if (f->fold == FOLD_NONE && key_type(f->type)) return true;
    if (f->fold != FOLD_NONE)
        findings_error(d->f, n->at, NULL, "`%s` is a measure; `%s` takes fields that are none", name.at, what);
    else
        findings_error(d->f, n->at, NULL, "`%s` is of type %s, which cannot stand in `%s`", name.at,
                       field_type_name(f->type), what);
    return false;
}

static bool read_by(struct draft *d, u32 step, struct choice *c)
{
    const struct node  *n = map_find(d->step[step].map, "by"), **nodes;
    struct names        names;
    if (n == NULL) {
        findings_error(d->f, d->step[step].at, "as by: [srcIP, dstIP]", "window `%.*s` has no `by`",
                       LEN(d->step[step].name));
        return false;
    }
    bool good = read_names(d, n, "by", &names, &nodes);
    if (!good) return false;
    if (names.count == 0 || names.count > KEYS_MAX) {
        findings_error(d->f, n->at, NULL, "`by` names 1 to %d fields, not %u", KEYS_MAX, names.count);
        return false;
    }
    for (u32 i = 0; i < names.count && d->step[step].ok; i++) {
        if (find_tag(d, step, nodes[i], names.at[i], "by", &c->ref[c->keys]))
            c->keys++;
        else
            good = false;
    }
    return good;
}

/* For each tag step upstream with the net of a side among the keys: its words, word by word, both sides. */
static void carry_words(const struct draft *d, u32 step, struct choice *c)
{
    for (u32 up = d->step[step].from_step; up != NONE; up = d->step[up].from_step) {
        const struct step_tag *t = &d->r->step[up].tag;
        if (d->step[up].kind != STEP_TAG || t->net_at < 0) continue;
        for (u32 g = 0; g < t->gives; g++)
            for (u32 side = 0; side < t->sides; side++) {
                struct column_ref key = { up, side * t->gives + (u32)t->net_at }, word = { up, side * t->gives + g };
                if ((i32)g == t->net_at || !is_chosen(c, key) || is_chosen(c, word) || c->carried == CARRIED_MAX)
                    continue;
                c->ref[c->keys + c->carried++] = word;
            }
    }
}

static bool read_carry(struct draft *d, u32 step, struct choice *c)
{
    const struct node  *n = map_find(d->step[step].map, "carry"), **nodes;
    struct names        names;
    if (n == NULL) {
        carry_words(d, step, c);
        return true;
    }
    bool good = read_names(d, n, "carry", &names, &nodes);
    if (!good || !d->step[step].ok) return good;
    if (names.count > CARRIED_MAX) {
        findings_error(d->f, n->at, NULL, "`carry` names at most %d fields", CARRIED_MAX);
        return false;
    }
    for (u32 i = 0; i < names.count; i++) {
        struct column_ref ref;
        if (!find_tag(d, step, nodes[i], names.at[i], "carry", &ref)) {
            good = false;
        } else if (is_chosen(c, ref)) {
            findings_error(d->f, nodes[i]->at, NULL, "`%s` is a key already and need not be carried", names.at[i].at);
            good = false;
        } else {
            c->ref[c->keys + c->carried++] = ref;
        }
    }
    return good;
}

static bool measures_fit(struct draft *d, u32 step, struct place at, u32 count)
{
    if (count <= MEASURES_MAX) return true;
    findings_error(d->f, at, "name fewer `measures`", "window `%.*s` has more than %d measures",
                   LEN(d->step[step].name), MEASURES_MAX);
    return false;
}

/* The source's, then those derived on the way, the nearest step's first. */
static bool all_measures(struct draft *d, u32 step, struct choice *c)
{
    const struct source_draft *s = &d->source[d->step[step].source];
    u32                        count = 0;
    for (u32 i = 0; i < s->columns; i++) count += s->column[i].field.fold != FOLD_NONE;
    for (u32 up = d->step[step].from_step; up != NONE; up = d->step[up].from_step)
        for (u32 i = 0; i < d->step[up].own; i++) count += d->step[up].field[i].fold != FOLD_NONE;
    if (!measures_fit(d, step, d->step[step].at, count)) return false;
    for (u32 i = 0; i < s->columns; i++)
        if (s->column[i].field.fold != FOLD_NONE) add_measure(c, (struct column_ref){ NONE, i });
    for (u32 up = d->step[step].from_step; up != NONE; up = d->step[up].from_step)
        for (u32 i = 0; i < d->step[up].own; i++)
            if (d->step[up].field[i].fold != FOLD_NONE) add_measure(c, (struct column_ref){ up, i });
    return true;
}

static bool read_measures(struct draft *d, u32 step, struct choice *c)
{
    const struct node  *n = map_find(d->step[step].map, "measures"), **nodes;
    struct names        names;
    if (n == NULL) return !d->step[step].ok || all_measures(d, step, c);
    bool good = read_names(d, n, "measures", &names, &nodes);
    good = good && measures_fit(d, step, n->at, names.count);
    for (u32 i = 0; good && i < names.count && d->step[step].ok; i++) {
        struct column_ref ref;
        bool              known = step_column_find(d, step, names.at[i], &ref);
        if (known && column_field(d, d->step[step].source, ref)->fold != FOLD_NONE) {
            add_measure(c, ref);
            continue;
        }
        const char *hint = findings_suggest(d->f, names.at[i], step_column_names(d, step, true));
        findings_error(d->f, nodes[i]->at, hint, known ? "`%s` is no measure" : "no layout gives a measure `%s`",
                       names.at[i].at);
        good = false;
    }
    return good;
}

/* The closed rows' columns; a mirror that is not measured here is none. */
static void make_fields(struct draft *d, u32 step, const struct choice *c)
{
    struct step_draft         *s = &d->step[step];
    struct step_window        *w = &d->r->step[step].window;
    u32                        tags = c->keys + c->carried;
    w->keys = c->keys;
    w->carried = c->carried;
    w->measures = c->measures;
    w->field = arena_array(d->a, struct field, chosen(c));
    s->unit = arena_array(d->a, slice, chosen(c));
    s->ref = arena_array(d->a, struct column_ref, chosen(c));
    memcpy(s->ref, c->ref, sizeof(*c->ref) * chosen(c));
    for (u32 i = 0; i < chosen(c); i++) {
        u32 mirror = column_field(d, s->source, c->ref[i])->mirror;
        w->field[i] = *column_field(d, s->source, c->ref[i]);
        w->field[i].mirror = FIELD_NO_MIRROR;
        s->unit[i] = column_unit(d, s->source, c->ref[i]);
        for (u32 j = tags; mirror != FIELD_NO_MIRROR && j < chosen(c); j++)
            if (c->ref[j].step == NONE && c->ref[j].index == mirror) w->field[i].mirror = j - tags;
    }
    d->r->step[step].out = (struct schema){ tags, c->measures, w->field };
}

static bool make_layout(struct draft *d, u32 step)
{
    struct step_window *w = &d->r->step[step].window;
    err                 e = group_layout_init(&w->layout, w->keys, w->carried, w->measures, w->field);
    if (!err_is(e)) return true;
    const char *hint = "name fewer `measures`";
    if (e.code == ERR_FULL && e.at >= 0) {
        const struct field *widest = &w->field[w->keys + w->carried + e.at];
        hint = findings_hint(d->f, "name fewer `measures`; the widest is `%.*s`, agg: %s%s", LEN(widest->name),
                             fold_name(widest->fold), sketch_text(&d->f->arena, widest));
    }
    findings_error(d->f, d->step[step].at, hint, "the groups of `%.*s` are too large: %s", LEN(d->step[step].name),
                   e.what);
    return false;
}

static bool read_length(struct draft *d, const struct node *n, nanos *out)
{
    if (!read_span(d, n, "window", NANOS_SECOND, 366 * NANOS_DAY, out)) return false;
    if (*out % NANOS_SECOND == 0) return true;
    findings_error(d->f, n->at, NULL, "a window is a number of whole seconds, not `%s`", n->text.at);
    return false;
}

void step_window_read(struct draft *d, u32 step)
{
    struct step_draft  *s = &d->step[step];
    struct step_window *w = &d->r->step[step].window;
    const struct node  *lateness = map_find(s->map, "lateness"), *most = map_find(s->map, "groups_max"),
                      *table = map_find(s->map, "table");
    struct choice       c = { 0 };
    u64                 groups = 1000000;
    w->table = w->late_table = NONE;
    map_check(d, s->map, window_keys, findings_hint(d->f, "window step `%.*s`", LEN(s->name)));
    bool good = read_length(d, map_find(s->map, "window"), &w->length);
    if (lateness != NULL) read_span(d, lateness, "lateness", 0, 31 * NANOS_DAY, &w->lateness);
    if (most != NULL) read_count(d, most, "groups_max", 1, 100000000, &groups);
    if (table != NULL) read_name(d, table, "table", &s->table);
    w->groups_max = (u32)groups;
    good = read_by(d, step, &c) && good;
    good = read_carry(d, step, &c) && good;
    good = read_measures(d, step, &c) && good;
    s->ok = s->ok && good;
    if (!s->ok) return;
    make_fields(d, step, &c);
    s->ok = make_layout(d, step);
}

const struct recipe_key window_keys[] = {
    { "from", "name", "the source, tag or filter step that it takes records from (required)" },
    { "window", "span", "length of a window, whole seconds (required)" },
    { "by", "list of names", "the fields that make a group (required)" },
    { "carry", "list of names",
      "fields shown beside the key, of a record of the group; default: the other words of a net's side" },
    { "measures", "list of names",
      "what is folded; default: every measure of the source's layouts and of derived columns" },
    { "lateness", "span", "a closed window is kept this long and amended by what comes late" },
    { "groups_max", "number", "most groups of one window; records past it count as `other` (default 1000000)" },
    { "table", "name", "of its rows; default: <source>_<step>" },
    { NULL, NULL, NULL },
};
