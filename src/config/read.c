/* SPDX-License-Identifier: Apache-2.0 */
/* read.c: nodes as values: texts, names, spans, sizes, lists; every wrong kind has its message. */
#include "config/read.h"
#include "config/units.h"

const struct node *map_find(const struct node *map, const char *key)
{
    for (u32 i = 0; map != NULL && map->kind == NODE_MAP && i < map->count; i++)
        if (slice_is(map->key[i].text, key)) return &map->item[i];
    return NULL;
}

struct names names_of(struct arena *a, const char *const *list)
{
    u32 count = 0;
    while (list[count] != NULL) count++;
    struct names n = { count, arena_array(a, slice, count) };
    for (u32 i = 0; i < count; i++) n.at[i] = slice_str(list[i]);
    return n;
}

void map_check_names(struct draft *d, const struct node *map, const char *const *known, const char *in)
{
    struct names names = names_of(&d->f->arena, known);
    for (u32 i = 0; i < map->count; i++) {
        bool found = false;
        for (u32 j = 0; j < names.count; j++) found = found || slice_eq(map->key[i].text, names.at[j]);
        if (found) continue;
        findings_error(d->f, map->key[i].at, findings_suggest(d->f, map->key[i].text, names), "unknown key `%s` in %s",
                       map->key[i].text.at, in);
    }
}

void map_check(struct draft *d, const struct node *map, const struct recipe_key *known, const char *in)
{
    map_check_names(d, map, key_names(&d->f->arena, known), in);
}

const char *const *key_names(struct arena *a, const struct recipe_key *keys)
{
    u32 count = 0;
    while (keys[count].name != NULL) count++;
    const char **names = arena_array(a, const char *, count + 1);
    for (u32 i = 0; i < count; i++) names[i] = keys[i].name;
    return names;
}

static const char *kind_words(const struct node *n)
{
    if (n->kind == NODE_MAP) return "a mapping";
    if (n->kind == NODE_LIST) return "a list";
    return n->text.len == 0 ? "empty" : "a text";
}

static bool wrong_kind(struct draft *d, const struct node *n, const char *what, const char *expected,
                       const char *example)
{
    const char *hint = example == NULL ? NULL : findings_hint(d->f, "write it as %s", example);
    findings_error(d->f, n->at, hint, "`%s` must be %s; it is %s", what, expected, kind_words(n));
    return false;
}

bool read_map_of(struct draft *d, const struct node *n, const char *what, const char *example)
{
    if (n->kind == NODE_MAP) return true;
    return wrong_kind(d, n, what, "a mapping", example);
}

bool read_list_of(struct draft *d, const struct node *n, const char *what, const char *example)
{
    if (n->kind == NODE_LIST) return true;
    return wrong_kind(d, n, what, "a list", example);
}

bool read_text(struct draft *d, const struct node *n, const char *what, slice *out)
{
    if (n->kind != NODE_TEXT || (n->text.len == 0 && !n->quoted)) return wrong_kind(d, n, what, "a text", NULL);
    if (n->text.len == 0) {
        findings_error(d->f, n->at, NULL, "`%s` is empty", what);
        return false;
    }
    if (n->file) {
        findings_error(d->f, n->at, "`!file` is for text options of sources and sinks", "`%s` cannot come from a file",
                       what);
        return false;
    }
    *out = n->text;
    return true;
}

static bool name_char(char c, bool first)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (!first && ((c >= '0' && c <= '9') || c == '_' || c == '-'));
}

bool read_name(struct draft *d, const struct node *n, const char *what, slice *out)
{
    if (!read_text(d, n, what, out)) return false;
    bool good = out->len <= NAME_MAX_BYTES;
    for (size_t i = 0; i < out->len; i++) good = good && name_char(out->at[i], i == 0);
    if (!good)
        findings_error(d->f, n->at, findings_hint(d->f, "letters, digits, `_` and `-`, a letter first, at most %d",
                                                  NAME_MAX_BYTES),
                       "`%s` is not a name that can be used here", out->at);
    return good;
}

bool read_names(struct draft *d, const struct node *n, const char *what, struct names *out, const struct node ***nodes)
{
    const struct node *item = n->kind == NODE_LIST ? n->item : n;
    u32                count = n->kind == NODE_LIST ? n->count : 1;
    bool               good = true;
    if (n->kind == NODE_MAP || (n->kind == NODE_TEXT && n->text.len == 0))
        return wrong_kind(d, n, what, "a list of names", "[a, b]");
    *out = (struct names){ 0, arena_array(d->a, slice, count) };
    *nodes = arena_array(d->a, const struct node *, count);
    for (u32 i = 0; i < count; i++) {
        slice name;
        bool  twice = false;
        if (!read_text(d, &item[i], what, &name)) {
            good = false;
            continue;
        }
        for (u32 j = 0; j < out->count; j++) twice = twice || slice_eq(out->at[j], name);
        if (twice) {
            findings_error(d->f, item[i].at, NULL, "`%s` stands twice in `%s`", name.at, what);
            good = false;
            continue;
        }
        (*nodes)[out->count] = &item[i];
        out->at[out->count++] = name;
    }
    return good;
}

/* A value outside its limits, with the limits as texts; open: there is no upper one. */
static bool out_of_range(struct draft *d, const struct node *n, const char *what, slice least, slice most, bool open)
{
    if (open)
        findings_error(d->f, n->at, NULL, "`%s` must be at least %.*s, not %s", what, LEN(least), n->text.at);
    else
        findings_error(d->f, n->at, NULL, "`%s` must be from %.*s to %.*s, not %s", what, LEN(least), LEN(most),
                       n->text.at);
    return false;
}

static bool not_a_value(struct draft *d, const struct node *n, const char *what, const char *why)
{
    findings_error(d->f, n->at, NULL, "`%s`: `%s` %s", what, n->text.at, why);
    return false;
}

bool read_span(struct draft *d, const struct node *n, const char *what, nanos min, nanos max, nanos *out)
{
    char        least[UNIT_TEXT], most[UNIT_TEXT];
    slice       text;
    const char *why;
    if (!read_text(d, n, what, &text)) return false;
    if (!span_parse(text, out, &why)) return not_a_value(d, n, what, why);
    if (*out < min || *out > max)
        return out_of_range(d, n, what, span_format(min, least), span_format(max, most), max == NANOS_MAX);
    return true;
}

bool read_count(struct draft *d, const struct node *n, const char *what, u64 min, u64 max, u64 *out)
{
    slice       text;
    const char *why;
    if (!read_text(d, n, what, &text)) return false;
    if (!count_parse(text, out, &why)) return not_a_value(d, n, what, why);
    if (*out >= min && *out <= max) return true;
    return out_of_range(d, n, what, slice_str(findings_hint(d->f, "%llu", (unsigned long long)min)),
                        slice_str(findings_hint(d->f, "%llu", (unsigned long long)max)), max == UINT64_MAX);
}

bool read_size(struct draft *d, const struct node *n, const char *what, u64 min, u64 max, u64 *out)
{
    char        least[UNIT_TEXT], most[UNIT_TEXT];
    slice       text;
    const char *why;
    if (!read_text(d, n, what, &text)) return false;
    if (!size_parse(text, out, &why)) return not_a_value(d, n, what, why);
    if (*out < min || *out > max)
        return out_of_range(d, n, what, size_format(min, least), size_format(max, most), max == UINT64_MAX);
    return true;
}

bool read_bool(struct draft *d, const struct node *n, const char *what, bool *out)
{
    slice text;
    if (!read_text(d, n, what, &text)) return false;
    if (slice_is(text, "true") || slice_is(text, "false")) {
        *out = slice_is(text, "true");
        return true;
    }
    findings_error(d->f, n->at, NULL, "`%s` must be true or false, not `%s`", what, text.at);
    return false;
}

bool read_choice(struct draft *d, const struct node *n, const char *what, struct names choices, u32 *out)
{
    slice text;
    if (!read_text(d, n, what, &text)) return false;
    for (u32 i = 0; i < choices.count; i++) {
        if (!slice_eq(choices.at[i], text)) continue;
        *out = i;
        return true;
    }
    findings_error(d->f, n->at, findings_suggest(d->f, text, choices), "`%s` cannot be `%s`", what, text.at);
    return false;
}
