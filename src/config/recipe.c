/* SPDX-License-Identifier: Apache-2.0 */
/* recipe.c: a recipe from its files to numbers, stage by stage (draft.h), all faults in one run.
 *
 * Included files hold layouts only; they are named relative to the recipe. */
#include "config/read.h"

#include <stdlib.h>

#define INCLUDES_MAX 64

/* The tree of a file; NULL: told why not. */
static const struct node *read_tree(struct draft *d, const char *path, struct place at, const char *what)
{
    slice       text = { 0 };
    const char *why = "not readable";
    if (!d->lent->read(d->lent->arg, &d->f->arena, path, &text, &why)) {
        findings_error(d->f, at, findings_hint(d->f, "%s", why), "cannot read %s `%s`", what, path);
        return NULL;
    }
    const char        *name = findings_keep(d->f, path, text);
    u32                errors = d->f->errors;
    const struct node *root = tree_read(d->a, name, text, d->f);
    struct place       whole = { name, 0, 0, 0 };
    if (root == NULL && d->f->errors == errors) findings_error(d->f, whole, NULL, "the file is empty");
    if (root != NULL && root->kind != NODE_MAP) {
        bool empty = root->kind == NODE_TEXT && root->text.len == 0;
        findings_error(d->f, whole, "as weir: 1",
                       empty ? "the file is empty" : "the file is no mapping of keys to values");
        return NULL;
    }
    return root;
}

static void read_included(struct draft *d, const struct node *root)
{
    const struct node *list = map_find(root, "layouts");
    if (map_find(root, "layout") != NULL) {
        layout_read(d, root);
        return;
    }
    map_check(d, root, include_keys, "an included file");
    if (list != NULL) layouts_read(d, list);
}

static void read_includes(struct draft *d, const struct node *n)
{
    struct names        names;
    const struct node **nodes;
    if (n == NULL) return;
    read_names(d, n, "include", &names, &nodes);
    if (n->kind == NODE_MAP || (n->kind == NODE_TEXT && n->text.len == 0)) return;
    if (names.count > INCLUDES_MAX) {
        findings_error(d->f, n->at, NULL, "more than %d files to include", INCLUDES_MAX);
        return;
    }
    for (u32 i = 0; i < names.count; i++) {
        const struct node *root = read_tree(d, path_join(d->a, d->folder, names.at[i]), nodes[i]->at, "included file");
        if (root != NULL) read_included(d, root);
    }
}

static void read_version(struct draft *d, const struct node *root)
{
    const struct node *n = map_find(root, "weir");
    struct place       top = { root->at.file, 0, 0, 0 };
    slice              text;
    if (n == NULL)
        findings_error(d->f, top, "begin with weir: 1", "no `weir: 1`: this may be no recipe");
    else if (read_text(d, n, "weir", &text) && !slice_is(text, "1"))
        findings_error(d->f, n->at, "write weir: 1", "recipes of version `%s` are not known here", text.at);
}

/* Without a name: that of the file, so far as it makes one. */
static slice default_name(struct draft *d)
{
    slice file = slice_str(d->r->path + d->folder.len), name = slice_cut(file, '.', &file);
    char *made = arena_str(d->a, slice_of(name.at, name.len < NAME_MAX_BYTES ? name.len : NAME_MAX_BYTES));
    for (char *c = made; *c != 0; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        if (!letter && (c == made || ((*c < '0' || *c > '9') && *c != '_' && *c != '-'))) *c = 'x';
    }
    return made[0] == 0 ? S("weir") : slice_str(made);
}

static void read_state(struct draft *d, const struct node *n)
{
    slice path = S("state.db");
    d->r->state_every = 10 * NANOS_SECOND;
    if (n != NULL && read_map_of(d, n, "state", "{ path: state.db, every: 10s }")) {
        const struct node *p = map_find(n, "path"), *every = map_find(n, "every");
        map_check(d, n, state_keys, "`state`");
        if (p != NULL) read_text(d, p, "path", &path);
        if (every != NULL) read_span(d, every, "every", NANOS_SECOND / 10, 3600 * NANOS_SECOND, &d->r->state_every);
    }
    d->r->state_path = path_join(d->a, d->folder, path);
}

static void read_top(struct draft *d, const struct node *root)
{
    const struct node *name = map_find(root, "name"), *workers = map_find(root, "workers"),
                      *http = map_find(root, "http");
    u64                count = 0;
    map_check(d, root, recipe_keys, "a recipe");
    read_version(d, root);
    d->r->name = default_name(d);
    if (name != NULL) read_name(d, name, "name", &d->r->name);
    read_state(d, map_find(root, "state"));
    if (workers != NULL && read_count(d, workers, "workers", 0, 256, &count)) d->r->workers = (u32)count;
    if (http != NULL) findings_warn(d->f, http->at, NULL, "`http` has no effect: this build serves no HTTP");
}

static const struct node *need(struct draft *d, const struct node *root, const char *key)
{
    const struct node *n = map_find(root, key);
    struct place       top = { root->at.file, 0, 0, 0 };
    if (n == NULL) findings_error(d->f, top, NULL, "the recipe has no `%s`", key);
    return n;
}

static void read_parts(struct draft *d, const struct node *root)
{
    read_top(d, root);
    instance_apply(d);
    const struct node *layouts = map_find(root, "layouts");
    if (layouts != NULL) layouts_read(d, layouts);
    read_includes(d, map_find(root, "include"));
    const struct node *sources = need(d, root, "sources"), *steps = need(d, root, "steps"),
                      *sinks = need(d, root, "sinks");
    if (sources != NULL) sources_read(d, sources);
    if (steps != NULL) steps_read(d, steps);
    if (sinks != NULL) sinks_read(d, sinks);
    unused_check(d);
    advice_give(d);
}

void recipe_read(struct recipe **out, const char *path, const struct recipe_lent *lent, struct findings *findings)
{
    struct recipe *r = calloc(1, sizeof *r);
    WEIR_ASSERT(r != NULL);
    arena_init(&r->arena, 0);
    r->path = arena_str(&r->arena, slice_str(path));
    struct draft       d = { .r = r, .a = &r->arena, .f = findings, .lent = lent, .folder = folder_of(r->path) };
    struct place       whole = { r->path, 0, 0, 0 };
    u32                errors = findings->errors;
    const struct node *root = read_tree(&d, r->path, whole, "recipe");
    *out = NULL;
    if (root != NULL) read_parts(&d, root);
    if (findings->errors == errors) {
        columns_resolve(&d);
        decoders_check(&d);
        fingerprints_make(&d);
        tables_make(&d);
        sinks_check(&d);
    }
    if (findings->errors == errors) crossings_check(&d);
    findings_sort(findings);
    if (findings->errors == errors)
        *out = r;
    else
        recipe_free(r);
}

static void filter_free(struct step_filter *f)
{
    if (f->where != NULL) expr_free(f->where);
    for (u32 i = 0; i < f->derives; i++)
        if (f->derive[i].expr != NULL) expr_free(f->derive[i].expr);
}

void recipe_free(struct recipe *r)
{
    if (r == NULL) return;
    for (u32 i = 0; r->step != NULL && i < r->steps; i++) {
        if (r->step[i].kind == STEP_FILTER) filter_free(&r->step[i].filter);
        if (r->step[i].kind == STEP_WINDOW) group_layout_fini(&r->step[i].window.layout);
        if (r->step[i].kind == STEP_CASCADE) group_layout_fini(&r->step[i].cascade.layout);
    }
    arena_fini(&r->arena);
    free(r);
}

const struct recipe_key recipe_keys[] = {
    { "weir", "1", "the version of this language (required)" },
    { "name", "name", "of this probe; default: that of the file" },
    { "state", "mapping", "where positions and open windows are kept, and how often" },
    { "workers", "number", "threads that decode; 0: as many as there are processors (default 0)" },
    { "http", "text", "no effect: this build serves no HTTP" },
    { "include", "list of paths", "files with layouts, relative to the recipe" },
    { "layouts", "list of layouts", "layouts that stand in the recipe itself" },
    { "sources", "mapping", "the ways in, each by its name (required)" },
    { "steps", "mapping", "what is done, each step by its name, in any order (required)" },
    { "sinks", "mapping", "the ways out, each by its name (required)" },
    { NULL, NULL, NULL },
};

const struct recipe_key state_keys[] = {
    { "path", "path", "the state file, written by this recipe alone (default state.db)" },
    { "every", "span",
      "an epoch is cut this often; what came after the last is read again after a crash (default 10s)" },
    { NULL, NULL, NULL },
};

const struct recipe_key include_keys[] = {
    { "layouts", "list of layouts", "several layouts" },
    { "layout", "name", "the file is this one layout; its other keys stand beside it" },
    { NULL, NULL, NULL },
};
