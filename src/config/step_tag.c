/* SPDX-License-Identifier: Apache-2.0 */
/* step_tag.c: tag: which addresses are looked up in which table, and what the columns that come of it are called.
 *
 * of: { src: srcIP } and gives: [net, site] make srcNet and srcSite: the side, then what is given with a capital.
 * Words of a batch are ids of one dictionary, so one tag step of a source may give words; any number may give nets. */
#include "config/read.h"

static slice side_name(struct arena *a, slice side, slice give)
{
    char first = give.at[0] >= 'a' && give.at[0] <= 'z' ? (char)(give.at[0] - 32) : give.at[0];
    return slice_str(arena_printf(a, "%.*s%c%.*s", LEN(side), first, (int)give.len - 1, give.at + 1));
}

static bool read_gives(struct draft *d, const struct node *n, struct step_tag *t)
{
    struct names        names;
    const struct node **nodes;
    if (!read_names(d, n, "gives", &names, &nodes)) return false;
    if (names.count == 0 || names.count > GIVES_MAX) {
        findings_error(d->f, n->at, NULL, "`gives` names 1 to %d columns of the table", GIVES_MAX);
        return false;
    }
    bool good = true;
    t->net_at = -1;
    for (u32 i = 0; i < names.count; i++) {
        good = read_name(d, nodes[i], "gives", &t->give[t->gives]) && good;
        if (slice_is(t->give[t->gives], "net")) t->net_at = (i32)t->gives;
        t->gives++;
    }
    if (t->gives == GIVES_MAX && t->net_at < 0) {
        findings_error(d->f, n->at, NULL, "`gives` names at most %d words beside `net`", GIVES_MAX - 1);
        good = false;
    }
    return good;
}

static bool read_address(struct draft *d, u32 step, const struct node *n, struct column_ref *out)
{
    slice name;
    if (!read_text(d, n, "of", &name)) return false;
    if (!d->step[step].ok) return false;
    if (!step_column_find(d, step, name, out)) {
        findings_error(d->f, n->at, findings_suggest(d->f, name, step_column_names(d, step, false)),
                       "unknown field `%s`", name.at);
        return false;
    }
    if (column_field(d, d->step[step].source, *out)->type == FIELD_ADDR) return true;
    findings_error(d->f, n->at, NULL, "`%s` is no address; it is of type %s", name.at,
                   field_type_name(column_field(d, d->step[step].source, *out)->type));
    return false;
}

static bool read_sides(struct draft *d, u32 step, const struct node *n, struct step_tag *t, slice *side)
{
    if (!read_map_of(d, n, "of", "{ src: srcIP, dst: dstIP }")) return false;
    if (n->count == 0 || n->count > SIDES_MAX) {
        findings_error(d->f, n->at, "as of: { src: srcIP, dst: dstIP }", "`of` names 1 to %d sides", SIDES_MAX);
        return false;
    }
    bool good = true;
    for (u32 i = 0; i < n->count; i++) {
        good = read_name(d, &n->key[i], "of", &side[i]) && good;
        good = read_address(d, step, &n->item[i], &d->step[step].address[i]) && good;
    }
    t->sides = n->count;
    return good;
}

/* The columns made, side by side; none may have the name of another column. */
static bool make_columns(struct draft *d, u32 step, const struct step_tag *t, const slice *side, struct place at)
{
    struct step_draft *s = &d->step[step];
    bool               good = true;
    s->field = arena_array(d->a, struct field, t->sides * t->gives);
    for (u32 i = 0; i < t->sides * t->gives; i++) {
        u32               g = i % t->gives;
        struct column_ref other;
        struct field      f = { .name = side_name(d->a, side[i / t->gives], t->give[g]), .mirror = FIELD_NO_MIRROR };
        f.type = (i32)g == t->net_at ? FIELD_NET : FIELD_TAG;
        bool taken = step_column_find(d, step, f.name, &other);
        for (u32 j = 0; j < i; j++) taken = taken || slice_eq(s->field[j].name, f.name);
        if (taken)
            findings_error(d->f, at, NULL, "step `%.*s` makes `%.*s`, which exists already", LEN(s->name), LEN(f.name));
        good = good && !taken;
        s->field[i] = f;
    }
    s->own = t->sides * t->gives;
    return good;
}

static bool gives_words(const struct step_tag *t)
{
    return t->gives > (t->net_at >= 0 ? 1u : 0u);
}

static void check_alone(struct draft *d, u32 step)
{
    for (u32 i = 0; i < step; i++) {
        const struct step_draft *other = &d->step[i];
        if (other->kind != STEP_TAG || other->source != d->step[step].source || !gives_words(&d->r->step[i].tag))
            continue;
        findings_error(d->f, d->step[step].at, "put the words into one table, or give only `net` here",
                       "step `%.*s` gives words, and so does `%.*s`: one tag step of a source can",
                       LEN(d->step[step].name), LEN(other->name));
        return;
    }
}

void step_tag_read(struct draft *d, u32 step)
{
    struct step_draft *s = &d->step[step];
    struct step_tag   *t = &d->r->step[step].tag;
    const struct node *tag = map_find(s->map, "tag");
    slice              path, side[SIDES_MAX];
    t->net_at = -1;
    map_check(d, s->map, tag_step_keys, findings_hint(d->f, "tag step `%.*s`", LEN(s->name)));
    if (!read_map_of(d, tag, "tag", "{ table: networks.csv, of: { src: srcIP }, gives: [net, site] }")) {
        s->ok = false;
        return;
    }
    map_check(d, tag, tag_keys, "a tag");
    const struct node *table = map_find(tag, "table"), *of = map_find(tag, "of"), *gives = map_find(tag, "gives");
    if (table == NULL) findings_error(d->f, tag->at, "as table: networks.csv", "a tag without `table`");
    if (of == NULL) findings_error(d->f, tag->at, "as of: { src: srcIP, dst: dstIP }", "a tag without `of`");
    if (gives == NULL) findings_error(d->f, tag->at, "as gives: [net, site]", "a tag without `gives`");
    if (table != NULL && read_text(d, table, "table", &path)) t->path = path_join(d->a, d->folder, path);
    bool good = gives != NULL && read_gives(d, gives, t);
    good = of != NULL && read_sides(d, step, of, t, side) && good;
    s->ok = s->ok && good && make_columns(d, step, t, side, of->at);
    if (s->ok && gives_words(t)) check_alone(d, step);
}

const struct recipe_key tag_step_keys[] = {
    { "from", "name", "the source, tag or filter step that it takes records from (required)" },
    { "tag", "mapping", "looks addresses up by longest prefix (required)" },
    { NULL, NULL, NULL },
};

const struct recipe_key tag_keys[] = {
    { "table", "path", "CSV of networks and their words, read again when it changes or at SIGHUP (required)" },
    { "of", "mapping", "side: field of type ip, one or two, as { src: srcIP, dst: dstIP } (required)" },
    { "gives", "list of names", "`net` and columns of the table; `site` of side `src` makes srcSite (required)" },
    { NULL, NULL, NULL },
};
