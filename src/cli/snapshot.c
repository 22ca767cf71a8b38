/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.c: weir snapshot: a look into a state file, and savepoints. */
#include "cli/load.h"
#include "snapshot/snapshot.h"

#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void print_entry(void *arg, const struct snapshot_entry *e)
{
    printf("%-28.*s %016llx %8llu windows %8llu pages %12llu bytes\n", (int)e->name.len, e->name.at,
           (unsigned long long)e->fingerprint, (unsigned long long)e->objects, (unsigned long long)e->pages,
           (unsigned long long)e->bytes);
}

static void print_line(void *arg, const char *line)
{
    printf("%s\n", line);
}

/* The state file of a recipe, or the file itself. */
static const char *state_path(const char *file, struct recipe **r, int *code)
{
    *r = NULL;
    *code = EX_OK;
    if (!load_is_recipe(file)) return file;
    *r = load_recipe(file, false, code);
    return *r ? (*r)->state_path : NULL;
}

static err snapshot_do(const struct args *a, const char *path, char *why)
{
    const char *what = a->positional[0];
    slice       names[KEYS_MAX * 64];
    u32         first = strcmp(what, "export") == 0 || strcmp(what, "import") == 0 ? 3 : 2, count = 0;
    for (u32 i = first; i < a->count && count < WEIR_COUNT(names); i++) names[count++] = slice_str(a->positional[i]);
    if (strcmp(what, "export") == 0) return snapshot_export(path, a->positional[2], count, names, why);
    if (strcmp(what, "import") == 0) return snapshot_import(path, a->positional[2], count, names, why);
    if (strcmp(what, "show") == 0) return snapshot_show(path, count ? names[0] : (slice){ 0 }, print_line, NULL, why);
    u64 epoch = 0;
    err e = snapshot_list(path, &epoch, print_entry, NULL, why);
    if (!err_is(e)) printf("epoch %llu\n", (unsigned long long)epoch);
    return e;
}

static int run_snapshot(const struct args *a)
{
    const char    *what = a->positional[0];
    char           why[SNAPSHOT_WHY] = "", words[128];
    struct recipe *r;
    int            code;
    bool           two = strcmp(what, "export") == 0 || strcmp(what, "import") == 0;
    if (!two && strcmp(what, "list") != 0 && strcmp(what, "show") != 0)
        return usage_error(a, "list, show, export or import was expected, not %s", what);
    if (two && a->count < 3) return usage_error(a, "%s needs a state file and a savepoint file", what);
    const char *path = state_path(a->positional[1], &r, &code);
    if (path == NULL) return code;
    err e = snapshot_do(a, path, why);
    if (err_is(e)) {
        if (why[0]) fprintf(stderr, "weir snapshot: %s\n", why);
        else fprintf(stderr, "weir snapshot: %s: %s\n", path, err_text(e, words, sizeof words));
        code = e.code == ERR_OS || e.code == ERR_SQL ? (access(path, F_OK) ? EX_NOINPUT : EX_IOERR) : EX_DATAERR;
    }
    if (r) recipe_free(r);
    return code;
}

static const char *const snapshot_text[] = {
    "FILE is a state file, or a recipe (*.yaml) whose state file is meant. list and show may run beside weir; export "
    "and import want a state that no weir has open.",
    "A savepoint is a state file that holds the named operators (all, if none is named; then with positions). Import "
    "puts their windows in place of what the state holds.",
    "  weir snapshot export probe.yaml before-upgrade.db",
    NULL,
};

const struct command command_snapshot = { .name = "snapshot",
                                          .usage = "list|show|export|import FILE [SAVEPOINT] [OPERATOR ...]",
                                          .summary = "look into a state file; write and read savepoints",
                                          .text = snapshot_text,
                                          .least = 2,
                                          .most = POSITIONALS_MAX,
                                          .run = run_snapshot };
