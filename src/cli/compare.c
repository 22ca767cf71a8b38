/* SPDX-License-Identifier: Apache-2.0 */
/* compare.c: weir compare: what differs between two SQLite stores, beside running weirs.
 *
 * Made for a second result set (`run --as`): does the new recipe, or the new weir, say the same? Tables, columns and
 * rows that only one has, and rows that differ, by the primary key. */
#include "cli/compare.h"

#include "cli/load.h"
#include "cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define EXIT_DIFFERENT 1

int compare_error(const struct store *s, const char *what)
{
    fprintf(stderr, "weir compare: %s: %s\n", s->path, what);
    return EX_IOERR;
}

sqlite3_stmt *compare_prepare(const struct store *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    sqlite3_stmt *st = NULL;
    err           e = sqlite_prepare(s->db, &st, sql);
    if (err_is(e)) compare_error(s, sqlite3_errmsg(s->db));
    sqlite3_free(sql);
    return err_is(e) ? NULL : st;
}

/* --- which tables -------------------------------------------------------------------------------------------- */

/* Named by --tables, or without it all but what tells of the run: the ledger has a row for each epoch at the clock's
 * time, the rejects complaints about files and brokers, and no more than so many a minute. */
static bool wanted(const struct compare *c, slice table)
{
    const char *list = args_text(c->args, "tables");
    if (list == NULL) return !slice_ends(table, S("_ledger")) && !slice_ends(table, S("_rejects"));
    for (slice rest = slice_str(list); rest.at != NULL;)
        if (slice_eq(slice_cut(rest, ',', &rest), table)) return true;
    return false;
}

static bool has_table(const struct store *s, slice table)
{
    bool          row = false;
    sqlite3_stmt *st = compare_prepare(s, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1");
    if (st == NULL) return false;
    sqlite_bind_text(st, 1, table);
    sqlite_step(st, &row);
    sqlite3_finalize(st);
    return row;
}

static int check_tables(const struct compare *c)
{
    const char *list = args_text(c->args, "tables");
    for (slice rest = slice_str(list ? list : ""); list && rest.at != NULL;) {
        slice table = slice_cut(rest, ',', &rest);
        if (has_table(&c->store[SIDE_A], table) || has_table(&c->store[SIDE_B], table)) continue;
        fprintf(stderr, "weir compare: neither store has a table %.*s\n", (int)table.len, table.at);
        return EX_USAGE;
    }
    return EX_OK;
}

/* Names of result tables, sorted. */
struct list {
    u32    count, room;
    char **at;
};

static void list_add(struct list *l, slice name)
{
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 64;
        l->at = realloc(l->at, l->room * sizeof *l->at);
        WEIR_ASSERT(l->at != NULL);
    }
    l->at[l->count++] = slice_dup(name);
}

static void list_fini(struct list *l)
{
    while (l->count > 0) free(l->at[--l->count]);
    free(l->at);
}

/* Not weir's own book-keeping, nor SQLite's. Read whole, so that no state of the store is held meanwhile. */
static int list_read(const struct compare *c, enum side side, struct list *l)
{
    const struct store *s = &c->store[side];
    bool                row = false;
    err                 e = OK;
    sqlite3_stmt       *st = compare_prepare(s, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE "
                                                "'sqlite\\_%%' ESCAPE '\\' AND name <> 'weir_epoch' ORDER BY name");
    if (st == NULL) return EX_IOERR;
    while (!err_is(e = sqlite_step(st, &row)) && row)
        if (wanted(c, sqlite_slice(st, 0))) list_add(l, sqlite_slice(st, 0));
    sqlite3_finalize(st);
    return err_is(e) ? compare_error(s, sqlite3_errmsg(s->db)) : EX_OK;
}

static void only_in(struct compare *c, enum side side, const char *table)
{
    c->equal = false;
    if (!c->json) {
        table_plain_text(table, stdout);
        printf("\n  only in %s\n", c->store[side].name);
        return;
    }
    fputs(c->told++ ? ",\n  {\"table\": " : "\n  {\"table\": ", stdout);
    table_json_text(table, stdout);
    printf(", \"only_in\": \"%c\"}", side == SIDE_A ? 'a' : 'b');
}

/* Both lists side by side. */
static int compare_lists(struct compare *c, const struct list *a, const struct list *b)
{
    int code = EX_OK;
    for (u32 i = 0, k = 0; code == EX_OK && (i < a->count || k < b->count);) {
        int cmp = k == b->count ? -1 : i == a->count ? 1 : strcmp(a->at[i], b->at[k]);
        c->table = cmp <= 0 ? a->at[i] : b->at[k];
        if (cmp == 0) code = compare_table(c);
        else only_in(c, cmp < 0 ? SIDE_A : SIDE_B, c->table);
        i += cmp <= 0;
        k += cmp >= 0;
    }
    return code;
}

static int compare_stores(struct compare *c)
{
    struct list a = { 0 }, b = { 0 };
    int         code = check_tables(c);
    if (code == EX_OK) code = list_read(c, SIDE_A, &a);
    if (code == EX_OK) code = list_read(c, SIDE_B, &b);
    if (code == EX_OK && c->json) {
        fputs("{\"a\": ", stdout);
        table_json_text(c->store[SIDE_A].path, stdout);
        fputs(", \"b\": ", stdout);
        table_json_text(c->store[SIDE_B].path, stdout);
        fputs(", \"tables\": [", stdout);
    }
    if (code == EX_OK) code = compare_lists(c, &a, &b);
    if (code == EX_OK && c->json) printf("%s], \"equal\": %s}\n", c->told ? "\n " : "", c->equal ? "true" : "false");
    if (code == EX_OK && !c->json) puts(c->equal ? "equal" : "different");
    list_fini(&a);
    list_fini(&b);
    return code != EX_OK ? code : c->equal ? EX_OK : EXIT_DIFFERENT;
}

/* --- the command --------------------------------------------------------------------------------------------- */

static int open_store(struct compare *c, enum side side)
{
    struct store *s = &c->store[side];
    char          why[512];
    int           code = EX_OK;
    s->path = load_store(c->args, c->args->positional[side], side == SIDE_B ? args_text(c->args, "as") : NULL, &code);
    if (s->path == NULL) return code;
    if (!err_is(sqlite_open(&s->db, s->path, SQLITE_HOW_READ, why, sizeof why))) return EX_OK;
    fprintf(stderr, "weir compare: %s\n", why);
    return EX_NOINPUT;
}

static int check_as(const struct args *a)
{
    const char *as = args_text(a, "as");
    if (as == NULL || load_is_recipe(a->positional[1])) return EX_OK;
    return usage_error(a, "--as is for a recipe: %s is a store", a->positional[1]);
}

static int run_compare(const struct args *a)
{
    struct compare c = { .args = a, .store = { { .name = "A" }, { .name = "B" } }, .equal = true };
    c.from = args_has(a, "from") ? args_time(a, "from") : INT64_MIN;
    c.to = args_has(a, "to") ? args_time(a, "to") : INT64_MAX;
    c.tolerance = args_f64(a, "tolerance", 0, 1);
    c.limit = args_u64(a, "limit", 0, UINT64_MAX);
    c.all = args_has(a, "all");
    c.json = args_has(a, "json");
    if (c.from >= c.to) return usage_error(a, "the range is empty");
    arena_init(&c.arena, 0);
    int code = check_as(a);
    if (code == EX_OK) code = open_store(&c, SIDE_A);
    if (code == EX_OK) code = open_store(&c, SIDE_B);
    if (code == EX_OK) code = compare_stores(&c);
    for (u32 i = 0; i < 2; i++) {
        sqlite_close(c.store[i].db);
        free(c.store[i].path);
    }
    arena_fini(&c.arena);
    return code;
}

static const char *const compare_text[] = {
    "A and B are SQLite stores, or recipes (*.yaml) whose stores are meant; with --as B is that result set of the "
    "recipe. They may be in use by running weirs. Tables, columns and rows that only one has are told, and rows of "
    "one key whose values differ. How a row came about (revision, closed_by) counts with --all only.",
    "Ledgers and rejects tell of a run, by its clock, and count only if --tables names them. Rejects are then told apart "
    "by file, offset and reason, whenever they were read: --from and --to do not narrow them.",
    "Two weirs that run are never equally far: --to leaves out the newest windows. Exit code 0: equal, 1: different.",
    "  weir compare nids.yaml nids-new.yaml --as trial --to 2026-01-31T12:00",
    "  weir compare store.db other.db --tables p2_raw --tolerance 1e-9",
    NULL,
};

static const struct flag compare_flags[] = {
    { "as", 0, "NAME", NULL, "B is a recipe, its result set NAME is meant (run --as)" },
    { "tables", 0, "LIST", NULL, "only these, with commas between them" },
    { "from", 0, "TIME", NULL, "rows from this window on: Unix seconds, or 2026-01-31T12:00 (UTC)" },
    { "to", 0, "TIME", NULL, "rows before this time" },
    { "tolerance", 0, "REL", "0", "numbers are the same that differ by no more than this part of the larger" },
    { "all", 0, NULL, NULL, "revision and closed_by, too" },
    { "limit", 0, "N", "10", "rows told of a table; all are counted" },
    { "json", 0, NULL, NULL, "as JSON" },
    { .name = NULL },
};

const struct command command_compare = { .name = "compare",
                                         .usage = "A B [--as NAME] [--tables LIST] [--from TIME] [--to TIME] "
                                                  "[--tolerance REL] [--all] [--limit N] [--json]",
                                         .summary = "say what differs between two stores",
                                         .text = compare_text,
                                         .flags = compare_flags,
                                         .least = 2,
                                         .most = 2,
                                         .run = run_compare };
