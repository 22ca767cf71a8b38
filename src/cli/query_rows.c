/* SPDX-License-Identifier: Apache-2.0 */
/* query_rows.c: rows of a store as they stand, and the list of its tables.
 *
 * Any table with a timestamp will do: windows, rankings, records, rejects, late ones, the ledger. */
#include "cli/query.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

bool query_has_column(sqlite3 *db, const char *table, const char *column)
{
    bool          row = false;
    sqlite3_stmt *st = query_prepare(db, "SELECT 1 FROM pragma_table_info(%Q) WHERE name = %Q", table, column);
    if (st) sqlite_step(st, &row);
    sqlite3_finalize(st);
    return row;
}

struct cell query_cell(struct text_table *t, sqlite3_stmt *st, int column)
{
    switch (sqlite3_column_type(st, column)) {
    case SQLITE_NULL: return (struct cell){ CELL_NULL, NULL };
    case SQLITE_TEXT: return (struct cell){ CELL_TEXT, arena_str(&t->arena, sqlite_slice(st, column)) };
    case SQLITE_FLOAT: return (struct cell){ CELL_NUMBER,
                                             arena_printf(&t->arena, "%.6g", sqlite3_column_double(st, column)) };
    default: return (struct cell){ CELL_NUMBER, arena_printf(&t->arena, "%lld", sqlite3_column_int64(st, column)) };
    }
}

static const char *zoned(const struct query *q, struct arena *a, i64 seconds, bool exact)
{
    return args_has(q->args, "json") ? table_time(a, seconds, exact) : table_time_local(a, seconds, exact);
}

const char *query_time_text(const struct query *q, struct arena *a, i64 seconds)
{
    return zoned(q, a, seconds, seconds % 60 != 0);
}

/* Behind the second, as far as there is anything: what a double holds of such seconds are microseconds. */
static const char *fraction(struct arena *a, const char *text, i64 part, u32 digits)
{
    char        digit[16];
    const char *zone = strpbrk(text + strlen("2026-01-31"), "Z+-");
    while (digits > 0 && part % 10 == 0) part /= 10, digits--;
    if (digits == 0 || zone == NULL) return text;
    snprintf(digit, sizeof digit, ".%0*lld", (int)digits, (long long)part);
    return arena_printf(a, "%.*s%s%s", (int)(zone - text), text, digit, zone);
}

struct cell query_time_cell(const struct query *q, struct text_table *t, sqlite3_stmt *st, int column,
                            enum query_time unit, bool fine)
{
    const i64 one = unit == QUERY_NANOS ? NANOS_SECOND : 1000000;
    f64       real = sqlite3_column_double(st, column);
    i64       at;
    if (unit == QUERY_NO_TIME || sqlite3_column_type(st, column) == SQLITE_NULL || real < 0 || real > 9e18)
        return query_cell(t, st, column);
    if (unit == QUERY_NANOS) at = sqlite3_column_int64(st, column);
    else if (real > 9e11) return query_cell(t, st, column);
    else at = (i64)(real * 1e6 + 0.5);
    const char *text = zoned(q, &t->arena, at / one, true);
    return (struct cell){ CELL_TEXT, fine ? fraction(&t->arena, text, at % one, unit == QUERY_NANOS ? 9 : 6) : text };
}

/* --- rows ---------------------------------------------------------------------------------------------------- */

u32 query_table_find(struct query *q, const char *name)
{
    const char   *source = args_text(q->args, "source");
    u32           count = 0;
    bool          row = false;
    sqlite3_stmt *st = query_prepare(q->db,
                                     "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = "
                                     "'timestamp' WHERE m.type = 'table' ORDER BY m.name = %Q, m.name", name);
    char         *wanted = source ? sqlite3_mprintf("%s_%s", source, name) : sqlite3_mprintf("_%s", name);
    while (st && !err_is(sqlite_step(st, &row)) && row) {
        slice table = sqlite_slice(st, 0);
        bool  whole = slice_is(table, name);
        if (!whole && !(source ? slice_is(table, wanted) : slice_ends(table, slice_str(wanted)))) continue;
        count = whole ? 1 : count + 1; /* a whole name comes last, and is meant */
        snprintf(q->table, sizeof q->table, "%.*s", (int)table.len, table.at);
    }
    sqlite3_finalize(st);
    sqlite3_free(wanted);
    return count;
}

static int table_wanted(struct query *q, const char *path)
{
    const char *name = q->args->positional[2], *source = args_text(q->args, "source");
    u32         count = query_table_find(q, name);
    if (count > 1)
        return usage_error(q->args, "%u tables end with _%s: --source or the whole name says which", count, name);
    if (count == 1) return EX_OK;
    fprintf(stderr, "weir query: %s: no table %s%s%s; `weir query %s tables` lists what is there\n", path,
            source ? source : "", source ? "_" : "", name, path);
    return EX_USAGE;
}

static int add_column(const struct query *q, struct text_table *t, sqlite3_str *sql, slice name)
{
    char text[NAME_ROOM];
    snprintf(text, sizeof text, "%.*s", (int)name.len, name.at);
    if (!query_has_column(q->db, q->table, text))
        return usage_error(q->args, "table %s has no column %s", q->table, text);
    if (t->columns == TABLE_COLUMNS_MAX) return usage_error(q->args, "more than %u columns", TABLE_COLUMNS_MAX);
    sqlite3_str_appendf(sql, "%s \"%w\"", t->columns ? "," : "", text);
    text_table_column(t, text);
    return EX_OK;
}

/* Those of --columns, or all. */
static int add_columns(const struct query *q, struct text_table *t, sqlite3_str *sql)
{
    const char *list = args_text(q->args, "columns");
    int         code = EX_OK;
    bool        row = false;
    for (slice rest = slice_str(list ? list : ""); list && rest.at != NULL && code == EX_OK;)
        code = add_column(q, t, sql, slice_cut(rest, ',', &rest));
    if (list) return code;
    sqlite3_stmt *st = query_prepare(q->db, "SELECT name FROM pragma_table_info(%Q) ORDER BY cid", q->table);
    while (code == EX_OK && st && !err_is(sqlite_step(st, &row)) && row)
        code = add_column(q, t, sql, sqlite_slice(st, 0));
    sqlite3_finalize(st);
    return code;
}

/* By --by, the greatest first; else, and then, the newest first: of one second, the record that arrived last; else by
 * key. */
static void add_order(const struct query *q, sqlite3_str *sql)
{
    const char   *by = args_text(q->args, "by");
    bool          row = false;
    sqlite3_stmt *st = query_prepare(q->db, "SELECT name FROM pragma_table_info(%Q) WHERE pk > 1 ORDER BY pk",
                                     q->table);
    sqlite3_str_appendall(sql, " ORDER BY ");
    if (by) sqlite3_str_appendf(sql, "\"%w\" DESC, ", by);
    sqlite3_str_appendall(sql, "\"timestamp\" DESC");
    while (st && !err_is(sqlite_step(st, &row)) && row) {
        const char *name = (const char *)sqlite3_column_text(st, 0);
        sqlite3_str_appendf(sql, ", \"%w\"%s", name, strcmp(name, "arrived") == 0 ? " DESC" : "");
    }
    sqlite3_finalize(st);
}

/* The range, if one is asked for: --last counts from the end of what is there, or of the range. */
static int rows_range(struct query *q)
{
    q->from = INT64_MIN;
    q->to = INT64_MAX;
    query_bounds(q);
    if (args_has(q->args, "last") && q->from == INT64_MIN) {
        char *last = sqlite3_mprintf("SELECT max(timestamp) + 1 FROM \"%w\"", q->table);
        err   e = q->to == INT64_MAX ? sqlite_get(q->db, last, 0, &q->to) : OK;
        sqlite3_free(last);
        if (err_is(e)) return query_error(q->table, e.what);
        q->from = q->to - args_span(q->args, "last") / NANOS_SECOND;
    }
    if (q->from >= q->to) return usage_error(q->args, "the range is empty");
    return EX_OK;
}

/* As it stands in the table: all digits, all seconds. */
static struct cell cell_exact(const struct query *q, struct text_table *t, sqlite3_stmt *st, int column,
                              enum query_time unit)
{
    if (strcmp(t->head[column], "timestamp") == 0)
        return (struct cell){ CELL_TEXT, zoned(q, &t->arena, sqlite3_column_int64(st, column), true) };
    if (unit != QUERY_NO_TIME) return query_time_cell(q, t, st, column, unit, true);
    if (sqlite3_column_type(st, column) == SQLITE_FLOAT)
        return (struct cell){ CELL_NUMBER, arena_printf(&t->arena, "%.15g", sqlite3_column_double(st, column)) };
    return query_cell(t, st, column);
}

static int rows_print(const struct query *q, struct text_table *t, sqlite3_stmt *st)
{
    enum query_time unit[TABLE_COLUMNS_MAX];
    bool            row = false;
    err             e = OK;
    for (u32 c = 0; c < t->columns; c++) unit[c] = query_column_time(q, t->head[c]);
    while (!err_is(e = sqlite_step(st, &row)) && row) {
        struct cell *cells = text_table_row(t);
        WEIR_ASSERT(cells != NULL); /* -n is no more than the table takes */
        for (u32 c = 0; c < t->columns; c++) cells[c] = cell_exact(q, t, st, (int)c, unit[c]);
    }
    if (err_is(e)) return query_error(q->table, e.what);
    if (args_has(q->args, "json")) {
        text_table_json(t, stdout);
        return EX_OK;
    }
    if (args_has(q->args, "by")) printf("%s, by %s\n", q->table, args_text(q->args, "by"));
    else printf("%s, newest first\n", q->table);
    text_table_print(t, stdout);
    if (t->rows == 0) fprintf(stderr, "weir query: nothing there\n");
    return EX_OK;
}

/* COLUMN=VALUE, any number of them. */
static int add_filters(const struct query *q, sqlite3_str *sql)
{
    for (u32 i = 3; i < q->args->count; i++) {
        char        column[NAME_ROOM];
        const char *word = q->args->positional[i], *equals = strchr(word, '=');
        if (equals == NULL) return usage_error(q->args, "rows wants COLUMN=VALUE behind the table, not %s", word);
        snprintf(column, sizeof column, "%.*s", (int)(equals - word), word);
        if (!query_has_column(q->db, q->table, column))
            return usage_error(q->args, "table %s has no column %s", q->table, column);
        query_where(sql, column, equals + 1);
    }
    return EX_OK;
}

int query_rows(struct query *q, const char *path)
{
    struct text_table t;
    const char       *by = args_text(q->args, "by");
    if (q->args->count < 3) return usage_error(q->args, "rows wants a table: rows rejects");
    u64 most = args_u64(q->args, "n", 1, TABLE_ROWS_MAX);
    int code = table_wanted(q, path);
    if (code == EX_OK && by && !query_has_column(q->db, q->table, by))
        return usage_error(q->args, "table %s has no column %s", q->table, by);
    if (code == EX_OK) code = rows_range(q);
    if (code) return code;
    text_table_init(&t);
    sqlite3_str *sql = sqlite3_str_new(q->db);
    sqlite3_str_appendf(sql, "SELECT");
    code = add_columns(q, &t, sql);
    sqlite3_str_appendf(sql, " FROM \"%w\" WHERE timestamp >= %lld AND timestamp < %lld", q->table, (long long)q->from,
                        (long long)q->to);
    if (code == EX_OK) code = add_filters(q, sql);
    add_order(q, sql);
    sqlite3_str_appendf(sql, " LIMIT %llu", (unsigned long long)most);
    char *text = sqlite3_str_finish(sql);
    if (code == EX_OK) {
        sqlite3_stmt *st = query_prepare(q->db, "%s", text);
        code = st ? rows_print(q, &t, st) : query_error(q->table, sqlite3_errmsg(q->db));
        sqlite3_finalize(st);
    }
    sqlite3_free(text);
    text_table_fini(&t);
    return code;
}

/* --- tables -------------------------------------------------------------------------------------------------- */

int query_tables(struct query *q, const char *path)
{
    struct text_table t;
    text_table_init(&t);
    text_table_column(&t, "table");
    text_table_column(&t, "first");
    text_table_column(&t, "last");
    text_table_column(&t, "windows");
    sqlite3_stmt *names = query_prepare(q->db,
                                        "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON "
                                        "c.name = 'timestamp' WHERE m.type = 'table' ORDER BY m.name");
    bool          row = false;
    if (names == NULL) {
        text_table_fini(&t);
        return query_error(path, sqlite3_errmsg(q->db));
    }
    while (!err_is(sqlite_step(names, &row)) && row) {
        sqlite3_stmt *st = query_prepare(q->db,
                                         "WITH RECURSIVE w(t) AS (SELECT min(timestamp) FROM \"%w\" UNION ALL SELECT "
                                         "(SELECT min(timestamp) FROM \"%w\" WHERE timestamp > t) FROM w WHERE t IS "
                                         "NOT NULL) SELECT min(t), max(t), count(t) FROM w",
                                         (const char *)sqlite3_column_text(names, 0),
                                         (const char *)sqlite3_column_text(names, 0));
        bool          some = false;
        struct cell  *cells = text_table_row(&t);
        if (cells == NULL) break;
        cells[0] = query_cell(&t, names, 0);
        if (st && !err_is(sqlite_step(st, &some)) && some && sqlite3_column_type(st, 0) != SQLITE_NULL) {
            cells[1] = (struct cell){ CELL_TEXT, query_time_text(q, &t.arena, sqlite3_column_int64(st, 0)) };
            cells[2] = (struct cell){ CELL_TEXT, query_time_text(q, &t.arena, sqlite3_column_int64(st, 1)) };
            cells[3] = query_cell(&t, st, 2);
        }
        sqlite3_finalize(st);
    }
    sqlite3_finalize(names);
    if (args_has(q->args, "json")) text_table_json(&t, stdout);
    else text_table_print(&t, stdout);
    text_table_fini(&t);
    return EX_OK;
}
