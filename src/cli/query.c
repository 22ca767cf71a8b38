/* SPDX-License-Identifier: Apache-2.0 */
/* query.c: weir query: questions to an SQLite store, beside a running weir.
 *
 * The store describes itself by its table names (<source>_<way><kind>_<level>, <source>_<step>_<level>) and the
 * comments at their columns. */
#include "cli/load.h"
#include "cli/query.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

int query_error(const char *path, const char *what)
{
    fprintf(stderr, "weir query: %s: %s\n", path, what);
    return EX_IOERR;
}

sqlite3_stmt *query_prepare(sqlite3 *db, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    sqlite3_stmt *st = NULL;
    err           e = sqlite_prepare(db, &st, sql);
    sqlite3_free(sql);
    return err_is(e) ? NULL : st;
}

void query_bounds(struct query *q)
{
    if (args_has(q->args, "to")) q->to = args_time(q->args, "to");
    if (args_has(q->args, "from")) q->from = args_time(q->args, "from");
}

/* --- the command --------------------------------------------------------------------------------------------- */

static int no_levels(struct query *q, const char *path, const char *kind, const char *way, const char *source)
{
    if (query_table_find(q, kind) == 1) {
        fprintf(stderr, "weir query: %s has no levels to add up; `weir query %s rows %s` shows it\n", q->table, path,
                kind);
        return EX_USAGE;
    }
    fprintf(stderr, "weir query: %s: no tables of %s, way %s%s%s; `weir query %s tables` lists what is there\n", path,
            kind, way, source ? ", source " : "", source ? source : "", path);
    return EX_USAGE;
}

/* A kind seen from an end, or else a step that groups by keys. */
static int find_levels(struct query *q, const char *path)
{
    const char *kind = q->args->positional[2], *way = args_text(q->args, "way"), *source = args_text(q->args, "source");
    err         e = sqlite_run(q->db, "BEGIN"); /* one state of the store for all that is read */
    if (!err_is(e)) e = levels_find(&q->levels, q->db, source, way, kind);
    bool by_step = !err_is(e) && q->levels.count == 0 && !args_has(q->args, "way");
    if (by_step) e = levels_find(&q->levels, q->db, source, "", kind);
    if (err_is(e)) return query_error(path, sqlite3_errmsg(q->db));
    if (q->levels.count == 0) return no_levels(q, path, kind, way, source);
    if (q->levels.also[0] && source == NULL)
        return usage_error(q->args, "there is %s and %s: --source says which", q->levels.stem, q->levels.also);
    snprintf(q->table, sizeof q->table, "%.200s_%s", q->levels.stem, q->levels.at[0].name);
    keys_find(q);
    if (q->keys == 0 || !query_has_column(q->db, q->table, by_step ? "revision" : kind))
        return query_error(q->table, "is not a table of a cascade");
    return keys_only(q, 3);
}

static int query_do(struct query *q, const char *path)
{
    const char *what = q->args->positional[1];
    bool        series = strcmp(what, "series") == 0;
    if (strcmp(what, "tables") == 0) return query_tables(q, path);
    if (strcmp(what, "rows") == 0) return query_rows(q, path);
    if (strcmp(what, "new") == 0) return query_new(q, path);
    if (!series && strcmp(what, "top") != 0)
        return usage_error(q->args, "top, series, new, rows or tables was expected, not %s", what);
    if (q->args->count < (series ? 4u : 3u))
        return usage_error(q->args, series ? "series wants a kind and a name: series site NAME"
                           : "top wants a kind or step: top site");
    int code = find_levels(q, path);
    if (code) return code;
    return series ? query_series(q) : query_top(q);
}

static int run_query(const struct args *a)
{
    struct query q = { .args = a };
    int          code = EX_OK;
    char         why[512];
    char        *path = load_store(a, a->positional[0], NULL, &code);
    if (path == NULL) return code;
    err e = sqlite_open(&q.db, path, SQLITE_HOW_READ, why, sizeof why);
    if (err_is(e)) {
        fprintf(stderr, "weir query: %s\n", why);
        code = EX_NOINPUT;
    } else {
        code = query_do(&q, path);
        sqlite_close(q.db);
    }
    free(path);
    return code;
}

static const char *const query_text[] = {
    "FILE is an SQLite store, or a recipe (*.yaml) whose store is meant; it may be in use by a running weir. Times are "
    "shown in your time zone (TZ), with --json in UTC.",
    "A top adds windows up, each measure in its way: sum, least, greatest; a sampling's mean is weighted by its "
    "counts, that of `agg: avg` by the records. It takes the widest windows that are there and fit the range, and "
    "narrower ones for the rest, unless --level says. Of different values (distinct) and quantiles, which do not add "
    "up, one window is shown. A series shows windows one by one, no more than some hundred unless --level says.",
    "  weir query probe.yaml top site --by srcBytes --last 1h",
    "  weir query store.db series site site-0007 --way src --last 1d",
    "What is grouped by several keys is asked for by the step's name. Values of keys, in their order or as KEY=VALUE, "
    "narrow the answer; - is what is not known. A series adds up what has all of them.",
    "  weir query nids.yaml top signatures --last 1d",
    "  weir query nids.yaml top sources --by targets --level 1d",
    "  weir query nids.yaml top pairs target=10.1.2.3 direction=incoming",
    "  weir query nids.yaml series pairs source=198.18.4.7 --level 1h --last 1d",
    "Rows lists the newest rows of any table as they stand, of records and rejects as well. A name without its source "
    "will do: rejects, late, ledger, a step. Of a range only if --last, --from or --to is given; --by orders them, "
    "COLUMN=VALUE narrows them.",
    "  weir query probe.yaml rows rejects --columns timestamp,file,line,reason -n 20",
    "  weir query nids.yaml rows lines gravest=1 --by alerts --last 1d",
    "New lists keys (signatures, sources, pairs) that have no row before --since, those with most records first: what "
    "is new today. It looks back as far as the store keeps rows. Of a step, a table, or of all.",
    "  weir query nids.yaml new --since 1d",
    "  weir query store.db new srcsite --since 2026-01-31 -n 50",
    "  weir query store.db tables",
    NULL,
};

static const struct flag query_flags[] = {
    { "by", 0, "FIELD", NULL, "measure to order by, or to show first; default: the first that is ranked" },
    { "way", 0, "WAY", "both", "of a kind: src, dst or both" },
    { "n", 'n', "N", "10", "lines of a top, of new keys, or rows" },
    { "columns", 0, "LIST", NULL, "only these, with commas between them" },
    { "last", 0, "SPAN", "1h", "range before the end of what is there; of a top with --level: its last window" },
    { "from", 0, "TIME", NULL, "start of the range: Unix seconds, 2026-01-31T12:00 (UTC), 2026-01-31T13:00+01:00" },
    { "to", 0, "TIME", NULL, "end of the range" },
    { "since", 0, "SPAN|TIME", "1d", "new: keys first seen in this span before the end of what is there, or since "
                                        "then" },
    { "level", 0, "LEVEL", NULL, "minutely, fively, hourly, daily, or a span such as 10m: read this table only" },
    { "source", 0, "NAME", NULL, "the source whose tables are meant, if there are several" },
    { "json", 0, NULL, NULL, "as JSON" },
    { .name = NULL },
};

const struct command command_query = { .name = "query",
                                       .usage = "FILE top KIND|STEP [KEY...] | series KIND|STEP KEY... | "
                                                "new [STEP|TABLE] | rows TABLE [COLUMN=VALUE...] | tables",
                                       .summary = "ask a store for tops, series, what is new, and rows",
                                       .text = query_text,
                                       .flags = query_flags,
                                       .least = 2,
                                       .most = 3 + 2 * QUERY_KEYS_MAX,
                                       .run = run_query };
