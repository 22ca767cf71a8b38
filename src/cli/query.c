/* SPDX-License-Identifier: Apache-2.0 */
/* query.c: weir query: tops and series out of an SQLite store, beside a running weir.
 *
 * The store describes itself by its table names (<source>_<way><kind>_<level>) and the comments at their columns. A top
 * is put together from the widest windows that are there (levels.h), so that a day's top is read from 24 rows a site
 * and not from 1440. */
#include "cli/load.h"
#include "cli/query.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define POINTS_MAX   120 /* of a series, unless --level says */

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

/* --- which tables -------------------------------------------------------------------------------------------- */

static void query_use(struct query *q, const struct level *v)
{
    snprintf(q->table, sizeof q->table, "%.200s_%s", q->levels.stem, v->name);
}

/* The level asked for; NULL and EX_OK: none was. */
static int query_wanted(const struct query *q, const struct level **v)
{
    const char *want = args_text(q->args, "level");
    *v = want ? levels_named(&q->levels, want) : NULL;
    if (want == NULL || *v) return EX_OK;
    fprintf(stderr, "weir query: %s has no level %s; it has:", q->levels.stem, want);
    for (u32 i = 0; i < q->levels.count; i++) fprintf(stderr, " %s", q->levels.at[i].name);
    fputc('\n', stderr);
    return EX_USAGE;
}

/* For a series: the narrowest level that has no more than POINTS_MAX windows where the store has any. */
static const struct level *query_points(const struct query *q)
{
    const struct levels *l = &q->levels;
    i64                  first = INT64_MAX, end = 0;
    u32                  i = 0;
    for (u32 k = 0; k < l->count; k++) {
        if (l->at[k].first == l->at[k].end) continue;
        if (l->at[k].first < first) first = l->at[k].first;
        if (l->at[k].end > end) end = l->at[k].end;
    }
    if (first < q->from) first = q->from;
    if (end > q->to) end = q->to;
    while (i + 1 < l->count && (end - first) / l->at[i].seconds > POINTS_MAX && l->at[i + 1].first < l->at[i + 1].end)
        i++;
    return &l->at[i];
}

void query_bounds(struct query *q)
{
    if (args_has(q->args, "to")) q->to = args_time(q->args, "to");
    if (args_has(q->args, "from")) q->from = args_time(q->args, "from");
}

/* The range: --from, --to, or the last --last before the end of what is there. */
static int query_range(struct query *q)
{
    const struct levels *l = &q->levels;
    for (u32 i = 0; i < l->count && q->to == 0; i++)
        if (l->at[i].first < l->at[i].end) q->to = l->at[i].end;
    q->from = INT64_MIN;
    query_bounds(q);
    if (q->from == INT64_MIN) q->from = q->to - args_span(q->args, "last") / NANOS_SECOND;
    if (q->from >= q->to) return usage_error(q->args, "the range is empty");
    return EX_OK;
}

/* A range is made of whole windows: one that is no number of them is widened, and that is told. */
static void query_widen(struct query *q, const struct level *v)
{
    struct arena a;
    i64          from = levels_floor(q->from, v->seconds), to = -levels_floor(-q->to, v->seconds);
    if (from == q->from && to == q->to) return;
    q->from = from;
    q->to = to;
    arena_init(&a, 0);
    fprintf(stderr, "weir query: windows of %s_%s are %llds long: the range is widened to %s .. %s\n", q->levels.stem,
            v->name, (long long)v->seconds, query_time_text(&a, from), query_time_text(&a, to));
    arena_fini(&a);
}

/* --- answers ------------------------------------------------------------------------------------------------- */

/* Runs the statement into a table and prints it; time: the first column is a window start, else lines are numbered. */
static int answer(const struct query *q, sqlite3_stmt *st, struct text_table *t, const char *title, bool time)
{
    bool row;
    err  e;
    int  columns = sqlite3_column_count(st);
    while (!err_is(e = sqlite_step(st, &row)) && row) {
        struct cell *cells = text_table_row(t);
        if (cells == NULL) {
            fprintf(stderr, "weir query: only the first %u lines are shown; ask for less at once\n", TABLE_ROWS_MAX);
            break;
        }
        if (!time) *cells++ = (struct cell){ CELL_NUMBER, arena_printf(&t->arena, "%u", t->rows) };
        for (int c = 0; c < columns; c++) cells[c] = query_cell(t, st, c);
        if (time) cells[0] = (struct cell){ CELL_TEXT, query_time_text(&t->arena, sqlite3_column_int64(st, 0)) };
    }
    sqlite3_finalize(st);
    if (err_is(e)) return query_error(q->table, e.what);
    if (args_has(q->args, "json")) {
        text_table_json(t, stdout);
        return EX_OK;
    }
    printf("%s, %s to %s\n", title, query_time_text(&t->arena, q->from), query_time_text(&t->arena, q->to));
    text_table_print(t, stdout);
    if (t->rows == 0)
        fprintf(stderr, "weir query: nothing there; `tables` says what a store holds, `top` names what is in it\n");
    return EX_OK;
}

/* The rows of a top, out of all pieces of its range; the tables' names into `title`. Columns by name: a level that came
 * later than others may have them in another order. */
static void top_from(const struct query *q, sqlite3_str *sql, const char *columns, const struct piece *piece,
                     u32 pieces, sqlite3_str *title)
{
    for (u32 i = 0; i < pieces; i++) {
        const struct level *v = &q->levels.at[piece[i].level];
        bool                new = true;
        for (u32 k = 0; k < i; k++) new = new && piece[k].level != piece[i].level;
        if (new) sqlite3_str_appendf(title, i ? " + %s" : "%s_%s", i ? v->name : q->levels.stem, v->name);
        sqlite3_str_appendf(sql, "%s SELECT \"%w\"%s FROM \"%w_%w\" WHERE timestamp >= %lld AND timestamp < %lld",
                            i ? " UNION ALL" : "", q->kind, columns, q->levels.stem, v->name, (long long)piece[i].from,
                            (long long)piece[i].to);
    }
}

static int query_top(struct query *q)
{
    struct fields       f = { 0 };
    struct text_table   t;
    struct piece        piece[PIECES_MAX];
    const struct level *wanted;
    int                 code = query_wanted(q, &wanted);
    if (code) return code;
    query_widen(q, wanted ? wanted : &q->levels.at[0]);
    u32 pieces = levels_cut(&q->levels, q->from, q->to, piece);
    if (wanted || pieces == 0) {
        if (wanted == NULL) wanted = &q->levels.at[0];
        piece[0] = (struct piece){ (u32)(wanted - q->levels.at), q->from, q->to };
        pieces = 1;
    }
    query_use(q, &q->levels.at[piece[0].level]);
    text_table_init(&t);
    text_table_column(&t, "rank");
    text_table_column(&t, q->kind);
    fields_pick(q, &f, args_text(q->args, "by"), true);
    sqlite3_str *sql = sqlite3_str_new(q->db), *title = sqlite3_str_new(q->db), *columns = sqlite3_str_new(q->db);
    sqlite3_str_appendf(sql, "SELECT \"%w\"", q->kind);
    for (u32 i = 0; i < f.count && code == EX_OK; i++) {
        struct part p = field_part(q, f.name[i]);
        if (p.how == HOW_NONE) code = field_unknown(q, f.name[i]);
        else if (p.how == HOW_NOT)
            code = usage_error(q->args, "%s: values of windows do not add up (%s)", f.name[i], p.why);
        else {
            part_sql(sql, &p);
            sqlite3_str_appendf(columns, ", \"%w\"", p.column);
            if (p.weight) sqlite3_str_appendf(columns, ", \"%w\"", p.weight);
        }
        part_free(&p);
        text_table_column(&t, f.name[i]);
    }
    char *names = sqlite3_str_finish(columns);
    sqlite3_str_appendall(sql, " FROM (");
    top_from(q, sql, names ? names : "", piece, pieces, title);
    sqlite3_free(names);
    sqlite3_str_appendf(sql, ") GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %llu",
                        (unsigned long long)args_u64(q->args, "n", 1, TABLE_ROWS_MAX));
    char *text = sqlite3_str_finish(sql), *words = sqlite3_str_finish(title);
    if (code == EX_OK) {
        sqlite3_stmt *st = query_prepare(q->db, "%s", text);
        code = st ? answer(q, st, &t, words, false) : query_error(q->table, sqlite3_errmsg(q->db));
    }
    sqlite3_free(text);
    sqlite3_free(words);
    text_table_fini(&t);
    return code;
}

static int query_series(struct query *q, const char *name)
{
    struct fields       f = { 0 };
    struct text_table   t;
    const struct level *level;
    int                 code = query_wanted(q, &level);
    if (code) return code;
    if (level == NULL) level = query_points(q);
    query_widen(q, level);
    query_use(q, level);
    text_table_init(&t);
    text_table_column(&t, "time");
    fields_pick(q, &f, args_text(q->args, "by"), false);
    sqlite3_str *sql = sqlite3_str_new(q->db);
    sqlite3_str_appendf(sql, "SELECT timestamp");
    for (u32 i = 0; i < f.count; i++) {
        char column[NAME_ROOM + 8];
        snprintf(column, sizeof column, "%s", f.name[i]);
        if (!query_has_column(q->db, q->table, column)) snprintf(column, sizeof column, "%s_avg", f.name[i]);
        if (!query_has_column(q->db, q->table, column)) {
            sqlite3_free(sqlite3_str_finish(sql));
            text_table_fini(&t);
            return field_unknown(q, f.name[i]);
        }
        sqlite3_str_appendf(sql, ", \"%w\"", column);
        text_table_column(&t, column);
    }
    sqlite3_str_appendf(sql, " FROM \"%w\" WHERE \"%w\" = %Q AND timestamp >= %lld AND timestamp < %lld ORDER BY 1",
                        q->table, q->kind, name, (long long)q->from, (long long)q->to);
    char         *text = sqlite3_str_finish(sql);
    sqlite3_stmt *st = query_prepare(q->db, "%s", text);
    sqlite3_free(text);
    code = st ? answer(q, st, &t, q->table, true) : query_error(q->table, sqlite3_errmsg(q->db));
    text_table_fini(&t);
    return code;
}

/* --- the command --------------------------------------------------------------------------------------------- */

static int query_do(struct query *q, const char *path)
{
    const char *what = q->args->positional[1], *way = args_text(q->args, "way");
    bool        series = strcmp(what, "series") == 0;
    if (strcmp(what, "tables") == 0) return query_tables(q, path);
    if (strcmp(what, "rows") == 0) return query_rows(q, path);
    if (strcmp(what, "new") == 0) return query_new(q, path);
    if (!series && strcmp(what, "top") != 0)
        return usage_error(q->args, "top, series, new, rows or tables was expected, not %s", what);
    if (q->args->count < (series ? 4u : 3u))
        return usage_error(q->args, series ? "series wants a kind and a name: series site NAME"
                           : "top wants a kind: top site");
    const char *kind = q->args->positional[2], *source = args_text(q->args, "source");
    snprintf(q->kind, sizeof q->kind, "%s", kind);
    err e = sqlite_run(q->db, "BEGIN"); /* one state of the store for all that is read */
    if (!err_is(e)) e = levels_find(&q->levels, q->db, source, way, kind);
    if (err_is(e)) return query_error(path, sqlite3_errmsg(q->db));
    if (q->levels.count == 0) {
        fprintf(stderr, "weir query: %s: no tables of %s, way %s%s%s; `weir query %s tables` lists what is there\n",
                path, kind, way, source ? ", source " : "", source ? source : "", path);
        return EX_USAGE;
    }
    if (q->levels.also[0] && source == NULL)
        return usage_error(q->args, "there is %s and %s: --source says which", q->levels.stem, q->levels.also);
    query_use(q, &q->levels.at[0]);
    if (!query_has_column(q->db, q->table, q->kind)) return query_error(q->table, "is not a table of a cascade");
    int code = query_range(q);
    if (code) return code;
    return series ? query_series(q, q->args->positional[3]) : query_top(q);
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
    "FILE is an SQLite store, or a recipe (*.yaml) whose store is meant; it may be in use by a running weir. A top "
    "adds windows up, each measure in its way: sum, least, greatest; a sampling's mean is weighted by its counts, "
    "that of `agg: avg` by the records. It takes the widest windows that are there and fit the range, and narrower "
    "ones for the rest, unless --level says. A series shows windows one by one, no more than some hundred unless "
    "--level says.",
    "  weir query probe.yaml top site --by srcBytes --last 1h",
    "  weir query store.db series site site-0007 --way src --last 1d",
    "Rows lists the newest rows of any table as they stand, of records and rejects as well. A name without its source "
    "will do: rejects, late, ledger, a step. Of a range only if --last, --from or --to is given.",
    "New lists keys (signatures, sources, pairs) that have no row before --since, those with most records first: what "
    "is new today. It looks back as far as the store keeps rows. Of a step, a table, or of all.",
    "  weir query nids.yaml new --since 1d",
    "  weir query store.db new srcsite --since 2026-01-31 -n 50",
    "  weir query store.db tables",
    "  weir query probe.yaml rows rejects --columns timestamp,file,line,reason -n 20",
    NULL,
};

static const struct flag query_flags[] = {
    { "by", 0, "FIELD", NULL, "measure to order by, or to show first; default: the first that is ranked" },
    { "way", 0, "WAY", "both", "src, dst or both" },
    { "n", 'n', "N", "10", "lines of a top, of new keys, or rows" },
    { "columns", 0, "LIST", NULL, "rows: only these, with commas between them; default: all" },
    { "last", 0, "SPAN", "1h", "range before the end of what is there" },
    { "from", 0, "TIME", NULL, "start of the range: Unix seconds, or 2026-01-31T12:00 (UTC)" },
    { "to", 0, "TIME", NULL, "end of the range" },
    { "since", 0, "SPAN|TIME", "1d", "new: keys first seen in this span before the end of what is there, or since "
                                        "then" },
    { "level", 0, "LEVEL", NULL, "minutely, fively, hourly, daily, or a span such as 10m: read this table only" },
    { "source", 0, "NAME", NULL, "the source whose tables are meant, if there are several" },
    { "json", 0, NULL, NULL, "as JSON" },
    { .name = NULL },
};

const struct command command_query = { .name = "query",
                                       .usage = "FILE top KIND | series KIND NAME | new [STEP|TABLE] | rows TABLE | "
                                                "tables",
                                       .summary = "ask a store for tops, series, what is new, and rows",
                                       .text = query_text,
                                       .flags = query_flags,
                                       .least = 2,
                                       .most = 4,
                                       .run = run_query };
