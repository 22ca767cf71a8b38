/* SPDX-License-Identifier: Apache-2.0 */
/* instance.c: a second result set of a recipe beside the first (`run --as NAME`): nothing that one of them writes is
 * the other's.
 *
 * The recipe's name, the state file and every option that its table calls `own` get NAME: a path before its extension
 * (store.db: store.NAME.db), a text at its end (alerts: alerts-NAME). A path with {table} in it means many files with
 * an epoch file beside them, so its folder gets the name. */
#include "config/draft.h"

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool instance_name_good(const char *name)
{
    size_t len = strlen(name);
    bool   good = len > 0 && len <= NAME_MAX_BYTES && name[0] != '-';
    for (const char *c = name; *c != 0; c++)
        good = good && (letter(*c) || (*c >= '0' && *c <= '9') || *c == '_' || *c == '-');
    return good;
}

/* "a/b.c" with the name: "a/b.NAME.c". A dot that begins a file's name begins no extension. */
static slice path_named(struct arena *a, slice path, const char *as)
{
    while (path.len > 1 && path.at[path.len - 1] == '/') path.len--;
    size_t dot = path.len;
    for (size_t i = path.len; i-- > 1 && path.at[i] != '/' && dot == path.len;)
        if (path.at[i] == '.' && path.at[i - 1] != '/') dot = i;
    return slice_str(arena_printf(a, "%.*s.%s%.*s", (int)dot, path.at, as, (int)(path.len - dot), path.at + dot));
}

slice instance_path(const struct draft *d, slice path)
{
    const char *as = d->lent->as;
    if (as == NULL || slice_is(path, "-")) return path;
    slice       text = slice_str(arena_str(d->a, path));
    const char *hole = strstr(text.at, "{table}");
    if (hole == NULL) return path_named(d->a, text, as);
    while (hole > text.at && hole[-1] != '/') hole--;
    size_t folder = (size_t)(hole - text.at);
    if (folder <= 1) return slice_str(arena_printf(d->a, "%.*s%s/%s", (int)folder, text.at, as, hole));
    slice named = path_named(d->a, slice_of(text.at, folder - 1), as);
    return slice_str(arena_printf(d->a, "%.*s/%s", (int)named.len, named.at, hole));
}

slice instance_text(const struct draft *d, slice text)
{
    if (d->lent->as == NULL) return text;
    return slice_str(arena_printf(d->a, "%.*s-%s", (int)text.len, text.at, d->lent->as));
}

/* `start` is spelt in two manners: a log has an earliest record, a file a begin. */
slice instance_start(const struct draft *d, const struct option *o)
{
    slice from = slice_str(d->lent->from);
    if (o->type != OPTION_CHOICE) return from;
    if (slice_is(from, "earliest")) return S("begin");
    return slice_is(from, "latest") ? S("end") : from;
}

bool instance_start_fits(const struct draft *d, const struct option *o)
{
    slice start = instance_start(d, o), rest = o->type == OPTION_CHOICE ? slice_str(o->choices) : (slice){ 0 };
    bool  fits = rest.at == NULL;
    while (rest.at != NULL) fits = slice_eq(slice_cut(rest, ' ', &rest), start) || fits;
    return fits;
}

void instance_apply(struct draft *d)
{
    d->r->state_first = d->r->state_path;
    d->r->name = instance_text(d, d->r->name);
    d->r->state_path = instance_path(d, slice_str(d->r->state_path)).at;
}

bool recipe_has_start(const struct recipe *r)
{
    for (u32 i = 0; i < r->sources; i++)
        for (const struct option *o = r->source[i].type->options; o != NULL && o->name != NULL; o++)
            if (strcmp(o->name, "start") == 0) return true;
    return false;
}
