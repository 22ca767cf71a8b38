/* SPDX-License-Identifier: Apache-2.0 */
/* steps.c: the steps of a recipe: which kind each is, what it takes from, and an order in which `from` comes first.
 *
 * Steps are written in any order. A step whose `from` is wrong is still read, but what it says of columns is not
 * checked: one fault, one message. */
#include "config/read.h"

struct kind_word {
    const char *name;
    void (*read)(struct draft *d, u32 step);
};

/* The key that tells a step's kind. */
struct kind_key {
    const char    *key;
    enum step_kind kind;
};

static const struct kind_word kind_words[];
static const struct kind_key  kind_keys[];

bool step_column_find(const struct draft *d, u32 step, slice name, struct column_ref *out)
{
    for (u32 up = d->step[step].from_step; up != NONE; up = d->step[up].from_step) {
        const struct step_draft *s = &d->step[up];
        for (u32 i = 0; i < s->own; i++) {
            if (!slice_eq(s->field[i].name, name)) continue;
            *out = (struct column_ref){ up, i };
            return true;
        }
    }
    *out = (struct column_ref){ NONE, source_column_find(&d->source[d->step[step].source], name) };
    return out->index != NONE;
}

const struct field *column_field(const struct draft *d, u32 source, struct column_ref ref)
{
    return ref.step == NONE ? &d->source[source].column[ref.index].field : &d->step[ref.step].field[ref.index];
}

slice column_unit(const struct draft *d, u32 source, struct column_ref ref)
{
    if (ref.step == NONE) return d->source[source].column[ref.index].unit;
    return d->step[ref.step].own_unit != NULL ? d->step[ref.step].own_unit[ref.index] : S("");
}

/* Columns of the step's input: those of folds `none` and `other`, as far as asked for. */
static struct names columns_named(const struct draft *d, u32 step, bool tags, bool measures)
{
    const struct source_draft *s = &d->source[d->step[step].source];
    u32                        room = s->columns;
    for (u32 up = d->step[step].from_step; up != NONE; up = d->step[up].from_step) room += d->step[up].own;
    struct names n = { 0, arena_array(&d->f->arena, slice, room) };
    for (u32 up = d->step[step].from_step; up != NONE; up = d->step[up].from_step)
        for (u32 i = 0; i < d->step[up].own; i++)
            if (d->step[up].field[i].fold != FOLD_NONE ? measures : tags) n.at[n.count++] = d->step[up].field[i].name;
    for (u32 i = 0; i < s->columns; i++)
        if (s->column[i].field.fold != FOLD_NONE ? measures : tags) n.at[n.count++] = s->column[i].field.name;
    return n;
}

struct names step_column_names(const struct draft *d, u32 step, bool measures)
{
    return columns_named(d, step, !measures, measures);
}

struct names step_columns(const struct draft *d, u32 step)
{
    return columns_named(d, step, true, true);
}

/* One kind of key says what the step is. */
static bool read_kind(struct draft *d, struct step_draft *s)
{
    bool found = false, good = true;
    for (const struct kind_key *k = kind_keys; k->key != NULL; k++) {
        const struct node *n = map_find(s->map, k->key);
        if (n == NULL) continue;
        if (!found) {
            s->kind = k->kind;
            found = true;
        } else if (s->kind != k->kind) {
            findings_error(d->f, n->at, "make a step of its own of it", "step `%.*s` is a %s already", LEN(s->name),
                           kind_words[s->kind].name);
            good = false;
        }
    }
    if (!found)
        findings_error(d->f, s->at, NULL,
                       "step `%.*s` needs one of `tag`, `where`, `derive`, `window`, `cascade`, `records`",
                       LEN(s->name));
    return found && good;
}

static bool name_free(struct draft *d, const struct node *key)
{
    static const char *const reserved[] = { "late", "rejects", "ledger", "other", NULL };
    for (u32 i = 0; reserved[i] != NULL; i++) {
        if (!slice_is(key->text, reserved[i])) continue;
        findings_error(d->f, key->at, NULL, "`%s` is a name that weir uses itself", key->text.at);
        return false;
    }
    for (u32 i = 0; i < d->r->sources; i++) {
        if (!slice_eq(key->text, d->r->source[i].name)) continue;
        findings_error(d->f, key->at, NULL, "`%s` is the name of a source already", key->text.at);
        return false;
    }
    return true;
}

static void add_step(struct draft *d, const struct node *key, const struct node *map)
{
    struct step_draft *s = &d->step[d->r->steps];
    *s = (struct step_draft){ .at = key->at, .map = map, .from_step = NONE, .source = NONE };
    s->name = key->text;
    bool good = read_name(d, key, "steps", &s->name) && name_free(d, key);
    if (!read_map_of(d, map, key->text.at, "{ from: p2, window: 1m, by: [srcIP] }")) return;
    s->kind_ok = read_kind(d, s);
    s->ok = s->kind_ok && good;
    s->from = map_find(map, "from");
    if (s->from == NULL) {
        findings_error(d->f, s->at, "the name of a source or step", "step `%.*s` has no `from`", LEN(s->name));
        s->ok = false;
    }
    d->r->steps++;
}

/* Steps whose `from` gives records, not windows. */
static bool gives_records(enum step_kind kind)
{
    return kind == STEP_TAG || kind == STEP_FILTER;
}

static const char *feed_hint(struct draft *d, const struct step_draft *s)
{
    const struct step_draft *from = &d->step[s->from_step];
    if (from->kind == STEP_RECORDS) return findings_hint(d->f, "take from what `%.*s` takes from", LEN(from->name));
    if (s->kind == STEP_WINDOW) return "wider windows of the same groups are a `cascade`";
    if (s->kind == STEP_RECORDS)
        return findings_hint(d->f, "the rows of `%.*s` go to a sink that names it in its `from`", LEN(from->name));
    return NULL;
}

/* What may feed what: tags, filters, windows and records take records, cascades take closed windows. */
static bool feeds(struct draft *d, const struct step_draft *s)
{
    if (s->from_step != NONE && !d->step[s->from_step].kind_ok) return false; /* told there */
    if (s->kind == STEP_CASCADE) {
        if (s->from_step != NONE && d->step[s->from_step].kind == STEP_WINDOW) return true;
        findings_error(d->f, s->from->at, NULL,
                       "a cascade takes closed windows: `from` must be a window step, and `%s` is none",
                       s->from->text.at);
        return false;
    }
    if (s->from_step == NONE || gives_records(d->step[s->from_step].kind)) return true;
    findings_error(d->f, s->from->at, feed_hint(d, s),
                   "a %s takes records: `from` must be a source, a tag or a filter step, and `%s` is none",
                   s->kind == STEP_RECORDS ? "records step" : kind_words[s->kind].name, s->from->text.at);
    return false;
}

static void link_step(struct draft *d, u32 step)
{
    struct step_draft *s = &d->step[step];
    slice              from;
    struct names       known = { 0, arena_array(&d->f->arena, slice, d->r->sources + d->r->steps) };
    if (s->from == NULL || !read_text(d, s->from, "from", &from)) {
        s->ok = d->steps_ok = false;
        return;
    }
    for (u32 i = 0; i < d->r->sources; i++) {
        known.at[known.count++] = d->r->source[i].name;
        if (slice_eq(from, d->r->source[i].name)) s->source = i;
    }
    for (u32 i = 0; i < d->r->steps; i++) {
        if (i != step) known.at[known.count++] = d->step[i].name;
        if (slice_eq(from, d->step[i].name)) s->from_step = i;
    }
    if (s->source != NONE) s->from_step = NONE;
    if (s->from_step != NONE) d->step[s->from_step].needed = true;
    if (s->source != NONE) d->source[s->source].needed = true;
    if (s->source == NONE && s->from_step == NONE) {
        if (d->sources_ok)
            findings_error(d->f, s->from->at, findings_suggest(d->f, from, known), "unknown source or step `%s`",
                           from.at);
        s->ok = d->steps_ok = false;
    } else if (s->ok && s->from_step != step && !feeds(d, s)) {
        s->ok = d->steps_ok = false;
    }
}

/* Tells a circle that goes through `step`: a -> b -> a. */
static void tell_circle(struct draft *d, u32 step)
{
    const char *text = findings_hint(d->f, "%.*s", LEN(d->step[step].name));
    u32         at = step;
    do {
        at = d->step[at].from_step;
        text = findings_hint(d->f, "%s <- %.*s", text, LEN(d->step[at].name));
    } while (at != step);
    findings_error(d->f, d->step[step].from->at, NULL, "steps go round in a circle: %s", text);
}

static bool in_circle(const struct draft *d, u32 step)
{
    u32 at = d->step[step].from_step;
    for (u32 i = 0; i < d->r->steps && at != NONE && at != step; i++) at = d->step[at].from_step;
    return at == step;
}

/* Each circle once, at the step of it that is written first; then it is cut, so that all that follows ends. */
static void cut_circles(struct draft *d)
{
    for (u32 i = 0; i < d->r->steps; i++) {
        if (!in_circle(d, i)) continue;
        tell_circle(d, i);
        d->step[i].from_step = NONE;
        d->step[i].ok = d->steps_ok = false;
    }
}

/* Written order, but what a step takes from moves before it. */
static void sort_steps(struct draft *d)
{
    struct step_draft *sorted = arena_array(d->a, struct step_draft, d->r->steps);
    u32               *place = arena_array(d->a, u32, d->r->steps);
    for (u32 i = 0; i < d->r->steps; i++) place[i] = NONE;
    for (u32 count = 0; count < d->r->steps;) {
        u32 i = 0; /* the first that is not placed and whose `from` is */
        while (place[i] != NONE || (d->step[i].from_step != NONE && place[d->step[i].from_step] == NONE)) i++;
        sorted[count] = d->step[i];
        place[i] = count++;
    }
    for (u32 i = 0; i < d->r->steps; i++)
        if (sorted[i].from_step != NONE) sorted[i].from_step = place[sorted[i].from_step];
    d->step = sorted;
}

static void read_step(struct draft *d, u32 i)
{
    struct step_draft  *s = &d->step[i];
    struct recipe_step *out = &d->r->step[i];
    if (s->from_step != NONE) {
        s->source = d->step[s->from_step].source;
        s->ok = s->ok && d->step[s->from_step].ok;
    } else if (s->source != NONE) {
        s->ok = s->ok && d->source[s->source].ok;
    }
    s->ok = s->ok && s->source != NONE;
    i32 from = s->from_step == NONE ? -1 : (i32)s->from_step;
    *out = (struct recipe_step){ .name = s->name, .kind = s->kind, .from_step = from,
                                 .from_source = s->source };
    if (s->kind_ok) kind_words[s->kind].read(d, i);
}

void steps_read(struct draft *d, const struct node *map)
{
    if (!read_map_of(d, map, "steps", "raw: { from: p2, window: 1m, by: [srcIP] }")) return;
    if (map->count == 0 || map->count > STEPS_MAX) {
        findings_error(d->f, map->at, NULL, "a recipe has 1 to %d steps, not %u", STEPS_MAX, map->count);
        return;
    }
    d->step = arena_array(d->a, struct step_draft, map->count);
    for (u32 i = 0; i < map->count; i++) add_step(d, &map->key[i], &map->item[i]);
    d->steps_ok = d->r->steps == map->count;
    for (u32 i = 0; i < d->r->steps; i++) link_step(d, i);
    cut_circles(d);
    sort_steps(d);
    d->r->step = arena_array(d->a, struct recipe_step, d->r->steps);
    for (u32 i = 0; i < d->r->steps; i++) read_step(d, i);
}

static const struct kind_word kind_words[] = {
    [STEP_TAG] = { "tag", step_tag_read },
    [STEP_FILTER] = { "filter", step_filter_read },
    [STEP_WINDOW] = { "window", step_window_read },
    [STEP_CASCADE] = { "cascade", step_cascade_read },
    [STEP_RECORDS] = { "records", step_records_read },
};

static const struct kind_key kind_keys[] = {
    { "tag", STEP_TAG },         { "where", STEP_FILTER },    { "derive", STEP_FILTER }, { "window", STEP_WINDOW },
    { "cascade", STEP_CASCADE }, { "records", STEP_RECORDS }, { NULL, STEP_TAG },
};
