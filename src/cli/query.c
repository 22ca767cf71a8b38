/* SPDX-License-Identifier: Apache-2.0 */
/* query.c: weir query: tops and series out of an SQLite store, beside a running weir.
 *
 * The store describes itself by its table names (<prefix>_<way><kind>_<level>); the level is chosen by the range: the widest
 * windows that fit it, so that a day's top is read from 24 rows a site and not from 1440. */
#include "cli/load.h"
#include "cli/table.h"
#include "shim/sqlite.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#define NAME_ROOM    256
#define LEVELS       4
#define POINTS_MAX   120 /* of a series, unless --level says */
#define SHOWN_FIELDS 5

struct level {
    const char *name;
    i64         seconds;
};

static const struct level levels[LEVELS] = {
    { "minutely", 60 }, { "fively", 300 }, { "hourly", 3600 }, { "daily", 86400 }
};

struct query {
    const struct args *args;
    sqlite3           *db;
    char               stem[NAME_ROOM];  /* p2_bothsite: without the level */
    char               kind[NAME_ROOM];  /* the key column                 */
    char               table[NAME_ROOM];
    i64                from, to;
    u32                level;
};

static int query_error(const char *path, const char *what)
{
    fprintf(stderr, "weir query: %s: %s\n", path, what);
    return EX_IOERR;
}

/* With sqlite3_mprintf's formats. NULL on an error. */
static sqlite3_stmt *query_prepare(sqlite3 *db, const char *format, ...)
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

static bool table_exists(sqlite3 *db, const char *name)
{
    bool          row = false;
    sqlite3_stmt *st = query_prepare(db, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = %Q", name);
    if (st) sqlite_step(st, &row);
    sqlite3_finalize(st);
    return row;
}

/* --- which table --------------------------------------------------------------------------------------------- */

/* The stem of the tables of a way and kind: found by name, so that any prefix does. */
static bool query_stem(struct query *q, const char *way, const char *kind)
{
    for (u32 l = 0; l < LEVELS; l++) {
        sqlite3_stmt *st = query_prepare(
            q->db, "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%%\\_%q%q\\_%q' ESCAPE '\\' ORDER BY name",
            way, kind, levels[l].name);
        bool row = false;
        if (st) sqlite_step(st, &row);
        if (row) {
            slice name = sqlite_slice(st, 0);
            snprintf(q->stem, sizeof q->stem, "%.*s", (int)(name.len - strlen(levels[l].name) - 1), name.at);
        }
        sqlite3_finalize(st);
        if (row) return true;
    }
    return false;
}

static bool level_name(const struct query *q, u32 l, char *name)
{
    snprintf(name, NAME_ROOM, "%.200s_%s", q->stem, levels[l].name);
    return table_exists(q->db, name);
}

/* The widest level whose windows fit the range from end to end; `points`: at most so many windows, narrowest first. */
static bool query_level(struct query *q, bool series)
{
    i32 best = -1;
    for (u32 i = 0; i < LEVELS; i++) {
        char name[NAME_ROOM];
        u32  l = series ? LEVELS - 1 - i : i;
        if (!level_name(q, l, name)) continue;
        bool fits = series ? (q->to - q->from) / levels[l].seconds <= POINTS_MAX || best < 0
                           : q->from % levels[l].seconds == 0 && q->to % levels[l].seconds == 0;
        if (fits || best < 0) best = (i32)l;
    }
    const char *want = args_text(q->args, "level");
    for (u32 l = 0; want && l < LEVELS; l++)
        if (strcmp(want, levels[l].name) == 0) best = (i32)l;
    if (best < 0) return false;
    q->level = (u32)best;
    return level_name(q, q->level, q->table);
}

static bool time_parse(const char *text, i64 *out)
{
    u64       seconds;
    struct tm tm = { .tm_mday = 1 };
    if (slice_u64(slice_str(text), &seconds)) {
        *out = (i64)seconds;
        return true;
    }
    const char *end = strptime(text, "%Y-%m-%dT%H:%M", &tm);
    if (end == NULL) end = strptime(text, "%Y-%m-%d", &tm);
    if (end && *end == 'Z') end++;
    if (end == NULL || *end) return false;
    *out = (i64)timegm(&tm);
    return true;
}

/* The range: --from, --to, or the last --last before the end of what is there. */
static int query_range(struct query *q)
{
    char name[NAME_ROOM];
    i64  last = 0;
    for (u32 l = 0; l < LEVELS && last == 0; l++) {
        if (!level_name(q, l, name)) continue;
        char *sql = sqlite3_mprintf("SELECT max(timestamp) FROM \"%w\"", name);
        sqlite_get(q->db, sql, 0, &last);
        sqlite3_free(sql);
        if (last) last += levels[l].seconds;
    }
    q->to = last;
    if (args_text(q->args, "to") && !time_parse(args_text(q->args, "to"), &q->to))
        return usage_error(q->args, "--to: Unix seconds or 2026-01-31T12:00 (UTC) were expected");
    q->from = q->to - args_span(q->args, "last") / NANOS_SECOND;
    if (args_text(q->args, "from") && !time_parse(args_text(q->args, "from"), &q->from))
        return usage_error(q->args, "--from: Unix seconds or 2026-01-31T12:00 (UTC) were expected");
    if (q->from >= q->to) return usage_error(q->args, "the range is empty");
    return EX_OK;
}

/* --- columns ------------------------------------------------------------------------------------------------- */

static bool column_exists(sqlite3 *db, const char *table, const char *column)
{
    bool          row = false;
    sqlite3_stmt *st = query_prepare(db, "SELECT 1 FROM pragma_table_info(%Q) WHERE name = %Q", table, column);
    if (st) sqlite_step(st, &row);
    sqlite3_finalize(st);
    return row;
}

struct fields {
    u32  count;
    char name[SHOWN_FIELDS + 1][NAME_ROOM];
};

static void fields_add(struct fields *f, const char *name)
{
    for (u32 i = 0; i < f->count; i++)
        if (strcmp(f->name[i], name) == 0) return;
    if (f->count < WEIR_COUNT(f->name)) snprintf(f->name[f->count++], NAME_ROOM, "%s", name);
}

/* The field asked for, then the first ones that the store ranks. */
static void fields_pick(const struct query *q, struct fields *f, const char *by)
{
    if (by) fields_add(f, by);
    sqlite3_stmt *st = query_prepare(q->db,
                                     "SELECT substr(name, 1, length(name) - 5) FROM pragma_table_info('%q_rank') "
                                     "WHERE name LIKE '%%\\_rank' ESCAPE '\\' ORDER BY cid LIMIT %d",
                                     q->table, SHOWN_FIELDS);
    bool row = false;
    while (st && !err_is(sqlite_step(st, &row)) && row && f->count < SHOWN_FIELDS)
        fields_add(f, (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    if (f->count == 0) fields_add(f, "records");
}

/* A field over several windows: a sum; a sampling's mean weighted by its counts. False: no such field. */
static bool field_sql(const struct query *q, const char *field, char **sql)
{
    char n[NAME_ROOM + 8];
    snprintf(n, sizeof n, "%s_n", field);
    if (column_exists(q->db, q->table, field)) {
        *sql = sqlite3_mprintf("sum(\"%w\")", field);
        return true;
    }
    if (!column_exists(q->db, q->table, n)) return false;
    *sql = sqlite3_mprintf("sum(\"%w_n\" * \"%w_avg\") / sum(\"%w_n\")", field, field, field);
    return true;
}

static int field_unknown(const struct query *q, const char *field)
{
    fprintf(stderr, "weir query: table %s has no field %s; it has:", q->table, field);
    sqlite3_stmt *st = query_prepare(q->db, "SELECT name FROM pragma_table_info(%Q)", q->table);
    bool          row = false;
    while (st && !err_is(sqlite_step(st, &row)) && row) fprintf(stderr, " %s", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    fputc('\n', stderr);
    return EX_USAGE;
}

/* --- answers ------------------------------------------------------------------------------------------------- */

static struct cell cell_of(struct text_table *t, sqlite3_stmt *st, int column)
{
    switch (sqlite3_column_type(st, column)) {
    case SQLITE_NULL: return (struct cell){ CELL_NULL, NULL };
    case SQLITE_TEXT: return (struct cell){ CELL_TEXT, arena_str(&t->arena, sqlite_slice(st, column)) };
    case SQLITE_FLOAT: return (struct cell){ CELL_NUMBER, arena_printf(&t->arena, "%.6g", sqlite3_column_double(st, column)) };
    default: return (struct cell){ CELL_NUMBER, arena_printf(&t->arena, "%lld", sqlite3_column_int64(st, column)) };
    }
}

static const char *time_text(struct arena *a, i64 seconds)
{
    char      text[32];
    time_t    t = (time_t)seconds;
    struct tm utc;
    gmtime_r(&t, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%MZ", &utc);
    return arena_str(a, slice_str(text));
}

/* Runs the statement into a table and prints it; time: the first column is a window start. */
static int answer(const struct query *q, sqlite3_stmt *st, struct text_table *t, bool numbered, bool time)
{
    bool row;
    err  e;
    int  columns = sqlite3_column_count(st);
    while (!err_is(e = sqlite_step(st, &row)) && row) {
        struct cell *cells = text_table_row(t);
        if (cells == NULL) break;
        if (numbered) *cells++ = (struct cell){ CELL_NUMBER, arena_printf(&t->arena, "%u", t->rows) };
        for (int c = 0; c < columns; c++) cells[c] = cell_of(t, st, c);
        if (time) cells[0] = (struct cell){ CELL_TEXT, time_text(&t->arena, sqlite3_column_int64(st, 0)) };
    }
    sqlite3_finalize(st);
    if (err_is(e)) return query_error(q->table, e.what);
    if (args_has(q->args, "json")) {
        text_table_json(t, stdout);
        return EX_OK;
    }
    printf("%s, %s to %s\n", q->table, time_text(&t->arena, q->from), time_text(&t->arena, q->to));
    text_table_print(t, stdout);
    if (t->rows == 0) fprintf(stderr, "weir query: nothing there; `tables` says what a store holds, `top` names what is in it\n");
    return EX_OK;
}

static int query_top(struct query *q)
{
    struct fields     f = { 0 };
    struct text_table t;
    text_table_init(&t);
    text_table_column(&t, "rank");
    text_table_column(&t, q->kind);
    fields_pick(q, &f, args_text(q->args, "by"));
    sqlite3_str *sql = sqlite3_str_new(q->db);
    sqlite3_str_appendf(sql, "SELECT \"%w\"", q->kind);
    for (u32 i = 0; i < f.count; i++) {
        char *field = NULL;
        if (!field_sql(q, f.name[i], &field)) {
            sqlite3_free(sqlite3_str_finish(sql));
            text_table_fini(&t);
            return field_unknown(q, f.name[i]);
        }
        sqlite3_str_appendf(sql, ", %s", field);
        sqlite3_free(field);
        text_table_column(&t, f.name[i]);
    }
    sqlite3_str_appendf(sql,
                        " FROM \"%w\" WHERE timestamp >= %lld AND timestamp < %lld GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %llu",
                        q->table, (long long)q->from, (long long)q->to,
                        (unsigned long long)args_u64(q->args, "n", 1, TABLE_ROWS_MAX));
    char         *text = sqlite3_str_finish(sql);
    sqlite3_stmt *st = query_prepare(q->db, "%s", text);
    sqlite3_free(text);
    int code = st ? answer(q, st, &t, true, false) : query_error(q->table, sqlite3_errmsg(q->db));
    text_table_fini(&t);
    return code;
}

static int query_series(struct query *q, const char *name)
{
    struct fields     f = { 0 };
    struct text_table t;
    text_table_init(&t);
    text_table_column(&t, "time");
    fields_pick(q, &f, args_text(q->args, "by"));
    sqlite3_str *sql = sqlite3_str_new(q->db);
    sqlite3_str_appendf(sql, "SELECT timestamp");
    for (u32 i = 0; i < f.count; i++) {
        char column[NAME_ROOM + 8];
        snprintf(column, sizeof column, "%s", f.name[i]);
        if (!column_exists(q->db, q->table, column)) snprintf(column, sizeof column, "%s_avg", f.name[i]);
        if (!column_exists(q->db, q->table, column)) {
            sqlite3_free(sqlite3_str_finish(sql));
            text_table_fini(&t);
            return field_unknown(q, f.name[i]);
        }
        sqlite3_str_appendf(sql, ", \"%w\"", column);
        text_table_column(&t, column);
    }
    sqlite3_str_appendf(sql, " FROM \"%w\" WHERE \"%w\" = %Q AND timestamp >= %lld AND timestamp < %lld ORDER BY 1", q->table,
                        q->kind, name, (long long)q->from, (long long)q->to);
    char         *text = sqlite3_str_finish(sql);
    sqlite3_stmt *st = query_prepare(q->db, "%s", text);
    sqlite3_free(text);
    int code = st ? answer(q, st, &t, false, true) : query_error(q->table, sqlite3_errmsg(q->db));
    text_table_fini(&t);
    return code;
}

static int query_tables(struct query *q)
{
    struct text_table t;
    text_table_init(&t);
    text_table_column(&t, "table");
    text_table_column(&t, "first");
    text_table_column(&t, "last");
    text_table_column(&t, "windows");
    sqlite3_stmt *names = query_prepare(q->db, "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = "
                                               "'timestamp' WHERE m.type = 'table' ORDER BY m.name");
    bool          row = false;
    while (names && !err_is(sqlite_step(names, &row)) && row) {
        sqlite3_stmt *st = query_prepare(q->db, "SELECT min(timestamp), max(timestamp), count(DISTINCT timestamp) FROM \"%w\"",
                                         (const char *)sqlite3_column_text(names, 0));
        bool          some = false;
        struct cell  *cells = text_table_row(&t);
        if (cells == NULL) break;
        cells[0] = cell_of(&t, names, 0);
        if (st && !err_is(sqlite_step(st, &some)) && some && sqlite3_column_type(st, 0) != SQLITE_NULL) {
            cells[1] = (struct cell){ CELL_TEXT, time_text(&t.arena, sqlite3_column_int64(st, 0)) };
            cells[2] = (struct cell){ CELL_TEXT, time_text(&t.arena, sqlite3_column_int64(st, 1)) };
            cells[3] = cell_of(&t, st, 2);
        }
        sqlite3_finalize(st);
    }
    sqlite3_finalize(names);
    if (args_has(q->args, "json")) text_table_json(&t, stdout);
    else text_table_print(&t, stdout);
    text_table_fini(&t);
    return EX_OK;
}

/* --- the command --------------------------------------------------------------------------------------------- */

/* A recipe's first SQLite sink, or the store itself. NULL: said why. */
static char *store_path(const char *file, int *code)
{
    size_t len = strlen(file);
    if (len < 5 || (strcmp(file + len - 5, ".yaml") != 0 && strcmp(file + len - 4, ".yml") != 0)) return slice_dup(slice_str(file));
    struct recipe *r = load_recipe(file, false, code);
    char          *path = NULL;
    for (u32 i = 0; r && i < r->sinks && path == NULL; i++) {
        const struct sink_type *type = r->sink[i].type;
        if (strcmp(type->name, "sqlite") != 0) continue;
        for (const struct option *o = type->options; o->name; o++)
            if (strcmp(o->name, "path") == 0)
                path = slice_dup(slice_str(*(const char *const *)(const void *)((const char *)r->sink[i].options + o->offset)));
    }
    if (r && path == NULL) *code = query_error(file, "the recipe has no sqlite sink");
    if (r) recipe_free(r);
    return path;
}

static int query_do(struct query *q, const char *path)
{
    const char *what = q->args->positional[1], *way = args_text(q->args, "way");
    bool        series = strcmp(what, "series") == 0;
    if (strcmp(what, "tables") == 0) return query_tables(q);
    if (!series && strcmp(what, "top") != 0) return usage_error(q->args, "top, series or tables was expected, not %s", what);
    if (q->args->count < (series ? 4u : 3u))
        return usage_error(q->args, series ? "series wants a kind and a name: series site NAME" : "top wants a kind: top site");
    const char *kind = q->args->positional[2];
    snprintf(q->kind, sizeof q->kind, "%s", kind);
    if (!query_stem(q, way, kind)) {
        fprintf(stderr, "weir query: %s: no tables of %s, way %s; `weir query %s tables` lists what is there\n", path, kind, way, path);
        return EX_USAGE;
    }
    int code = query_range(q);
    if (code) return code;
    if (!query_level(q, series)) return query_error(path, "no table of that level");
    return series ? query_series(q, q->args->positional[3]) : query_top(q);
}

static int run_query(const struct args *a)
{
    struct query q = { .args = a };
    int          code = EX_OK;
    char         why[512];
    char        *path = store_path(a->positional[0], &code);
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
    "FILE is an SQLite store, or a recipe (*.yaml) whose store is meant; it may be in use by a running weir. A top adds windows "
    "up (a sampling's mean is weighted by its counts); a series shows them one by one. The widest windows that fit the range are "
    "read, unless --level says.",
    "  weir query probe.yaml top site --by srcBytes --last 1h",
    "  weir query store.db series site site-0007 --way src --last 1d",
    "  weir query store.db tables",
    NULL,
};

static const struct flag query_flags[] = {
    { "by", 0, "FIELD", NULL, "measure to order by, or to show first; default: the first that is ranked" },
    { "way", 0, "WAY", "both", "src, dst or both" },
    { "n", 'n', "N", "10", "lines of a top" },
    { "last", 0, "SPAN", "1h", "range before the end of what is there" },
    { "from", 0, "TIME", NULL, "start of the range: Unix seconds, or 2026-01-31T12:00 (UTC)" },
    { "to", 0, "TIME", NULL, "end of the range" },
    { "level", 0, "LEVEL", NULL, "minutely, fively, hourly or daily" },
    { "json", 0, NULL, NULL, "as JSON" },
    { .name = NULL },
};

const struct command command_query = { .name = "query",
                                       .usage = "FILE top KIND | series KIND NAME | tables",
                                       .summary = "ask a store for tops and series",
                                       .text = query_text,
                                       .flags = query_flags,
                                       .least = 2,
                                       .most = 4,
                                       .run = run_query };
