/* SPDX-License-Identifier: Apache-2.0 */
/* sinks.c: the ways out: which steps' tables each takes, and how long it keeps them.
 *
 * `retain:` names a window or records step, a level of a cascade by its span, or late, rejects, ledger. */
#include "config/options.h"
#include "config/units.h"

static struct names sink_type_names(struct draft *d)
{
    u32 count = 0;
    while (d->lent->sinks[count] != NULL) count++;
    struct names n = { count, arena_array(&d->f->arena, slice, count) };
    for (u32 i = 0; i < count; i++) n.at[i] = slice_str(d->lent->sinks[i]->name);
    return n;
}

static bool gives_table(enum step_kind kind)
{
    return kind == STEP_WINDOW || kind == STEP_CASCADE || kind == STEP_RECORDS;
}

/* A step that gives tables. */
static bool take_step(struct draft *d, struct sink_draft *s, const struct node *n, slice name)
{
    struct names known = { 0, arena_array(&d->f->arena, slice, d->r->steps) };
    for (u32 i = 0; i < d->r->steps; i++) {
        if (gives_table(d->step[i].kind)) known.at[known.count++] = d->step[i].name;
        if (!slice_eq(d->step[i].name, name)) continue;
        d->step[i].needed = s->takes[i] = true;
        if (!d->step[i].kind_ok || gives_table(d->step[i].kind)) return true;
        findings_error(d->f, n->at, NULL, "step `%s` gives no table; sinks take windows, cascades and records",
                       name.at);
        return false;
    }
    findings_error(d->f, n->at, findings_suggest(d->f, name, known), "unknown step `%s`", name.at);
    return false;
}

static bool read_from(struct draft *d, struct sink_draft *s, const struct node *n, const char *in)
{
    struct names        names;
    const struct node **nodes;
    s->takes = arena_array(d->a, bool, d->r->steps);
    if (n == NULL) {
        findings_error(d->f, s->at, "as from: [raw, site]", "%s has no `from`", in);
        return false;
    }
    if (!read_names(d, n, "from", &names, &nodes)) return false;
    if (names.count == 0) findings_error(d->f, n->at, "as from: [raw, site]", "%s has an empty `from`", in);
    bool good = names.count > 0 && d->r->steps > 0;
    for (u32 i = 0; i < names.count && d->r->steps > 0; i++) good = take_step(d, s, nodes[i], names.at[i]) && good;
    return good;
}

/* What `retain` may name, for this sink. False: some step is not known well enough to tell. */
static bool levels_of(struct draft *d, const struct sink_draft *s, struct names *out)
{
    char  buf[UNIT_TEXT];
    u32   room = 3;
    for (u32 i = 0; i < d->r->steps; i++) room += d->step[i].kind == STEP_CASCADE ? d->r->step[i].cascade.levels : 1;
    *out = (struct names){ 0, arena_array(d->a, slice, room) };
    for (u32 i = 0; i < d->r->steps; i++) {
        if (!s->takes[i]) continue;
        if (!d->step[i].ok) return false;
        if (d->step[i].kind == STEP_WINDOW || d->step[i].kind == STEP_RECORDS) out->at[out->count++] = d->step[i].name;
        for (u32 l = 0; d->step[i].kind == STEP_CASCADE && l < d->r->step[i].cascade.levels; l++)
            out->at[out->count++] = arena_copy(d->a, span_format(d->r->step[i].cascade.length[l], buf));
    }
    out->at[out->count++] = S("late");
    out->at[out->count++] = S("rejects");
    out->at[out->count++] = S("ledger");
    return true;
}

/* 60s is 1m: spans are compared in their shortest form. */
static slice level_text(struct draft *d, slice key)
{
    char        buf[UNIT_TEXT];
    const char *why;
    nanos       span;
    return span_parse(key, &span, &why) ? arena_copy(d->a, span_format(span, buf)) : key;
}

static bool level_known(struct draft *d, const struct node *key, slice level, struct names levels)
{
    for (u32 i = 0; i < levels.count; i++)
        if (slice_eq(levels.at[i], level)) return true;
    const char *hint = findings_suggest(d->f, level, levels);
    for (u32 i = 0; i < d->r->steps; i++)
        if (d->step[i].kind == STEP_CASCADE && slice_eq(d->step[i].name, level))
            hint = "a cascade is kept by level: 1m, 5m, 1h ...";
    findings_error(d->f, key->at, hint, "`%s` is no level that this sink takes", key->text.at);
    return false;
}

static void read_retain(struct draft *d, u32 sink, const struct node *n)
{
    struct recipe_sink *out = &d->r->sink[sink];
    struct names        levels;
    bool                known = d->sink[sink].ok && levels_of(d, &d->sink[sink], &levels);
    if (!read_map_of(d, n, "retain", "{ raw: 1d, 1m: 7d }")) return;
    out->retain = arena_array(d->a, struct retain, n->count);
    for (u32 i = 0; i < n->count; i++) {
        slice level = level_text(d, n->key[i].text);
        nanos span;
        bool  twice = false;
        for (u32 j = 0; j < out->retains; j++) twice = twice || slice_eq(out->retain[j].level, level);
        if (twice) findings_error(d->f, n->key[i].at, NULL, "level `%s` stands twice in `retain`", n->key[i].text.at);
        if (known && !level_known(d, &n->key[i], level, levels)) continue;
        if (!read_span(d, &n->item[i], "retain", NANOS_SECOND, 100 * 365 * NANOS_DAY, &span) || twice) continue;
        out->retain[out->retains++] = (struct retain){ level, span };
    }
}

static void read_sink(struct draft *d, u32 i, const struct node *map)
{
    struct recipe_sink *out = &d->r->sink[i];
    struct sink_draft  *s = &d->sink[i];
    const char         *in = findings_hint(d->f, "sink `%.*s`", LEN(out->name));
    const struct node  *type = map_find(map, "type"), *retain = map_find(map, "retain");
    struct names        types = sink_type_names(d);
    u32                 number = 0;
    if (type == NULL)
        findings_error(d->f, s->at, findings_suggest(d->f, S(""), types), "%s has no `type`", in);
    else if (read_choice(d, type, "type", types, &number))
        out->type = d->lent->sinks[number];
    if (out->type != NULL && out->type->missing != NULL)
        findings_error(d->f, type->at, NULL, "sink type `%s`: this weir was %s", out->type->name, out->type->missing);
    s->map = map;
    s->ok = read_from(d, s, map_find(map, "from"), in);
    if (!s->ok) d->sinks_ok = false;
    if (out->type != NULL) {
        u32 before = d->f->errors;
        out->options = options_read(d, map, out->type->options, out->type->options_size,
                                    key_names(&d->f->arena, sink_keys), in, s->at);
        options_faults(d, map, out->type->faults, out->options, in, s->at, d->f->errors == before);
    }
    if (retain != NULL) read_retain(d, i, retain);
}

void sinks_read(struct draft *d, const struct node *map)
{
    if (!read_map_of(d, map, "sinks", "store: { type: sqlite, path: store.db, from: [raw] }")) return;
    if (map->count == 0 || map->count > SINKS_MAX) {
        findings_error(d->f, map->at, NULL, "a recipe has 1 to %d sinks, not %u", SINKS_MAX, map->count);
        return;
    }
    d->sinks_ok = true;
    d->r->sink = arena_array(d->a, struct recipe_sink, map->count);
    d->sink = arena_array(d->a, struct sink_draft, map->count);
    for (u32 i = 0; i < map->count; i++) {
        u32 now = d->r->sinks;
        if (!read_name(d, &map->key[i], "sinks", &d->r->sink[now].name) ||
            !read_map_of(d, &map->item[i], map->key[i].text.at, "{ type: sqlite, path: store.db, from: [raw] }")) {
            d->sinks_ok = false;
            continue;
        }
        d->r->sinks++;
        d->sink[now].at = map->key[i].at;
        read_sink(d, now, &map->item[i]);
    }
}

struct sink_setup sink_setup_of(const struct recipe *r, u32 sink)
{
    const struct recipe_sink *s = &r->sink[sink];
    return (struct sink_setup){ s->name, r->name, s->options, r->tables, r->table, s->wanted, s->retains, s->retain };
}

/* What a type asks of its options and of the tables it is given, once these are known. */
void sinks_check(struct draft *d)
{
    for (u32 i = 0; i < d->r->sinks; i++) {
        const struct recipe_sink *out = &d->r->sink[i];
        char                      words[512] = "";
        const char               *key = NULL;
        struct sink_setup         setup = sink_setup_of(d->r, i);
        if (out->type->check == NULL || out->type->check(&setup, words, sizeof words, &key)) continue;
        const struct node *n = key != NULL ? map_find(d->sink[i].map, key) : NULL;
        findings_error(d->f, n != NULL ? n->at : d->sink[i].at, NULL, "sink `%.*s`: %s", LEN(out->name), words);
    }
}

void unused_check(struct draft *d)
{
    for (u32 i = 0; i < d->r->sources && d->steps_ok; i++)
        if (!d->source[i].needed)
            findings_error(d->f, d->source[i].at, "remove it, or name it in the `from` of a step",
                           "source `%.*s` is used by no step", LEN(d->r->source[i].name));
    for (u32 i = 0; i < d->r->steps && d->steps_ok && d->sinks_ok; i++)
        if (!d->step[i].needed)
            findings_error(d->f, d->step[i].at, "remove it, or name it in the `from` of a sink or step",
                           "step `%.*s` is used by no sink and no step", LEN(d->step[i].name));
}

const struct recipe_key sink_keys[] = {
    { "type", "name", "one of those below, with its own options (required)" },
    { "from", "list of names", "the window, cascade and records steps whose tables it takes (required)" },
    { "retain", "mapping", "how long rows are kept: span by level (1m, 1h), step, or late, rejects, ledger" },
    { NULL, NULL, NULL },
};
