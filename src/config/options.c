/* SPDX-License-Identifier: Apache-2.0 */
/* options.c: one reader for the options of every stage.
 *
 * A stage shows a table (weir/option.h) and gets its struct; unknown keys, missing ones, units, limits and choices are
 * checked here, with the same words everywhere. */
#include "config/options.h"
#include "config/units.h"

#define SECRET_BYTES_MAX 65536

/* "csv json" as names. */
static struct names choices_of(struct arena *a, const char *text)
{
    struct names n = { 0, arena_array(a, slice, strlen(text) / 2 + 1) };
    for (slice rest = slice_str(text); rest.at != NULL;) n.at[n.count++] = slice_cut(rest, ' ', &rest);
    return n;
}

static bool read_secret(struct draft *d, const struct node *n, const char *what, const char **out)
{
    slice       text;
    const char *why = "cannot be read";
    const char *path = path_join(d->a, d->folder, n->text);
    if (!d->lent->read(d->lent->arg, d->a, path, &text, &why)) {
        findings_error(d->f, n->at, findings_hint(d->f, "%s: %s", path, why), "`%s`: no such file to read it from",
                       what);
        return false;
    }
    while (text.len > 0 && (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r')) text.len--;
    if (text.len > SECRET_BYTES_MAX || (text.len > 0 && memchr(text.at, 0, text.len) != NULL)) {
        findings_error(d->f, n->at, path, "`%s`: the file is no text of at most %d bytes", what, SECRET_BYTES_MAX);
        return false;
    }
    struct recipe_secret *all = arena_array(d->a, struct recipe_secret, d->r->secrets + 1);
    if (d->r->secrets > 0) memcpy(all, d->r->secret, sizeof(*all) * d->r->secrets);
    *out = arena_str(d->a, text);
    all[d->r->secrets++] = (struct recipe_secret){ *out, path };
    d->r->secret = all;
    return true;
}

static bool read_option_text(struct draft *d, const struct node *n, const struct option *o, void *at)
{
    slice text;
    if (n->kind == NODE_TEXT && n->file && o->type == OPTION_TEXT && n->text.len > 0)
        return read_secret(d, n, o->name, at);
    if (n->kind == NODE_TEXT && n->quoted && n->text.len == 0 && o->type == OPTION_TEXT) {
        *(const char **)at = "";
        return true;
    }
    if (!read_text(d, n, o->name, &text)) return false;
    if (o->own) text = o->type == OPTION_PATH ? instance_path(d, text) : instance_text(d, text);
    *(const char **)at = o->type == OPTION_PATH ? path_join(d->a, d->folder, text) : text.at;
    return true;
}

static bool read_option_names(struct draft *d, const struct node *n, const struct option *o, struct option_names *out)
{
    struct names        names = { 0 };
    const struct node **nodes;
    bool                good = read_names(d, n, o->name, &names, &nodes);
    *out = (struct option_names){ names.count, arena_array(d->a, const char *, names.count) };
    for (u32 i = 0; i < names.count; i++) {
        bool plain = o->type == OPTION_NAMES || slice_is(names.at[i], "-");
        out->name[i] = plain ? arena_str(d->a, names.at[i]) : path_join(d->a, d->folder, names.at[i]);
    }
    return good;
}

static bool read_option_pairs(struct draft *d, const struct node *n, const struct option *o, struct option_pairs *out)
{
    if (!read_map_of(d, n, o->name, "{ key: text }")) return false;
    bool good = true;
    out->count = n->count;
    out->key = arena_array(d->a, const char *, n->count);
    out->value = arena_array(d->a, const char *, n->count);
    for (u32 i = 0; i < n->count; i++) {
        const struct node *item = &n->item[i];
        slice              text = { 0 };
        out->key[i] = n->key[i].text.at;
        if (item->kind == NODE_TEXT && item->file && item->text.len > 0) { /* a password among a client's properties */
            good = read_secret(d, item, out->key[i], &out->value[i]) && good;
            continue;
        }
        good = read_text(d, item, out->key[i], &text) && good;
        out->value[i] = text.at;
    }
    return good;
}

static bool read_option_span(struct draft *d, const struct node *n, const struct option *o, nanos *out)
{
    nanos max = o->max == 0 || o->max > INT64_MAX ? NANOS_MAX : (nanos)o->max;
    return read_span(d, n, o->name, (nanos)o->min, max, out);
}

static bool read_option(struct draft *d, const struct node *n, const struct option *o, void *at)
{
    u64 max = o->max == 0 ? UINT64_MAX : o->max;
    switch (o->type) {
    case OPTION_TEXT:
    case OPTION_PATH: return read_option_text(d, n, o, at);
    case OPTION_BOOL: return read_bool(d, n, o->name, at);
    case OPTION_COUNT: return read_count(d, n, o->name, o->min, max, at);
    case OPTION_SIZE: return read_size(d, n, o->name, o->min, max, at);
    case OPTION_SPAN: return read_option_span(d, n, o, at);
    case OPTION_CHOICE: return read_choice(d, n, o->name, choices_of(&d->f->arena, o->choices), at);
    case OPTION_NAMES:
    case OPTION_PATHS: return read_option_names(d, n, o, at);
    case OPTION_PAIRS: return read_option_pairs(d, n, o, at);
    }
    WEIR_ASSERT(false); /* all types have been handled */
    return false;
}

/* A fallback is the option as if written; the table's author must have made it right. */
static void fall_back(struct draft *d, const struct option *o, void *at)
{
    struct node text = {
        .kind = NODE_TEXT, .quoted = true, .text = slice_str(o->fallback), .at = { .file = "option table" }
    };
    if (o->type == OPTION_NAMES || o->type == OPTION_PATHS) {
        struct names words = choices_of(d->a, o->fallback);
        struct node  list = { .kind = NODE_LIST, .count = words.count, .at = text.at };
        list.item = arena_array(d->a, struct node, words.count);
        for (u32 i = 0; i < words.count; i++)
            list.item[i] = (struct node){ .kind = NODE_TEXT, .text = arena_copy(d->a, words.at[i]), .at = text.at };
        WEIR_ASSERT(read_option(d, &list, o, at));
        return;
    }
    WEIR_ASSERT(o->type != OPTION_PAIRS && read_option(d, &text, o, at));
}

static void check_known(struct draft *d, const struct node *map, const struct option *table, const char *const *also,
                        const char *in)
{
    const char *known[OPTIONS_MAX + 1];
    u32         count = 0;
    for (; also[count] != NULL; count++) known[count] = also[count];
    for (const struct option *o = table; o != NULL && o->name != NULL; o++) {
        WEIR_ASSERT(count < OPTIONS_MAX);
        known[count++] = o->name;
    }
    known[count] = NULL;
    map_check_names(d, map, known, in);
}

/* What the recipe says, or what the command line says in its place. */
static const struct node *given(struct draft *d, const struct node *map, const struct option *o, const char *in,
                                struct place at)
{
    if (d->lent->from == NULL || strcmp(o->name, "start") != 0) return map_find(map, o->name);
    if (!instance_start_fits(d, o)) {
        findings_error(d->f, at, "expected earliest or latest: only topics begin at a time",
                       "`--from %s` is no start for %s: files have a beginning and an end", d->lent->from, in);
        return map_find(map, o->name);
    }
    struct node *n = arena_array(d->a, struct node, 1);
    *n = (struct node){ .kind = NODE_TEXT, .quoted = true, .text = instance_start(d, o), .at = at };
    return n;
}

void *options_read(struct draft *d, const struct node *map, const struct option *table, size_t size,
                   const char *const *also, const char *in, struct place at)
{
    u8 *setup = arena_alloc(d->a, size > 0 ? size : 1);
    check_known(d, map, table, also, in);
    for (const struct option *o = table; o != NULL && o->name != NULL; o++) {
        const struct node *value = given(d, map, o, in, at);
        if (o->fallback != NULL) fall_back(d, o, setup + o->offset);
        if (value != NULL)
            read_option(d, value, o, setup + o->offset);
        else if (o->required)
            findings_error(d->f, at, findings_hint(d->f, "%s: %s", o->name, o->doc != NULL ? o->doc : "required"),
                           "%s has no `%s`", in, o->name);
    }
    return setup;
}

struct hearing {
    struct draft      *d;
    const struct node *map;
    const char        *in;
    struct place       at;
    bool               whole;
};

/* A name of a list, a key of a mapping; else the list as such. */
static struct place entry_place(const struct node *n, const char *entry)
{
    for (u32 i = 0; i < n->count; i++) {
        const struct node *name = n->kind == NODE_MAP ? &n->key[i] : &n->item[i];
        if (name->kind == NODE_TEXT && slice_is(name->text, entry)) return name->at;
    }
    return n->at;
}

static void on_fault(void *to, const char *option, const char *entry, const char *words)
{
    const struct hearing *h = to;
    const struct node    *n = map_find(h->map, option);
    if (!h->whole && entry == NULL) return;
    struct place at = n == NULL ? h->at : entry != NULL ? entry_place(n, entry) : n->at;
    findings_error(h->d->f, at, NULL, "%s: %s", h->in, words);
}

void options_faults(struct draft *d, const struct node *map, void (*faults)(const void *, const struct option_ear *),
                    const void *options, const char *in, struct place at, bool whole)
{
    struct hearing h = { d, map, in, at, whole };
    if (faults != NULL && options != NULL) faults(options, &(struct option_ear){ on_fault, &h });
}
