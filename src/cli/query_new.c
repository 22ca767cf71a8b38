/* SPDX-License-Identifier: Apache-2.0 */
/* query_new.c: weir query FILE new: keys whose first row ever, as far back as the store keeps rows, is since a time.
 *
 * A key is what the primary key has behind the timestamp: a signature, a source, a pair of networks. A family is the
 * tables of one step and way: its levels, or a single table. What was before is asked of the widest windows that are
 * there (they go back farthest and are fewest), what is since of the narrowest that still make a short answer, so that
 * "first seen" is exact. Ways of looking, not of counting: the sums are the same from any level. */
#include "cli/query.h"
#include "weir/arena.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#define WINDOWS_MAX 1440 /* of the narrowest level that is read since then: a day in minutes */
#define KEYS_SHOWN  64

struct family {
    struct levels levels; /* of one table: one level without a name, windows of 1 s as far as cutting goes */
    bool          single;
    i64           since;
    u32           keys;
    char        (*key)[NAME_ROOM];
};

/* --- families ------------------------------------------------------------------------------------------------ */

static void table_name(const struct family *f, u32 level, char *name)
{
    if (f->single) snprintf(name, NAME_ROOM, "%s", f->levels.stem);
    else snprintf(name, NAME_ROOM, "%.200s_%s", f->levels.stem, f->levels.at[level].name);
}

static err single_bounds(const struct query *q, struct family *f, const char *table)
{
    struct level *v = &f->levels.at[0];
    *f = (struct family){ .single = true, .key = f->key };
    snprintf(f->levels.stem, NAME_ROOM, "%s", table);
    f->levels.count = 1;
    v->seconds = 1;
    return levels_bounds(q->db, table, v);
}

/* --since: a span before the end of what is there, or a time; whole windows of the narrowest level. */
static int family_since(const struct query *q, struct family *f)
{
    const struct levels *l = &f->levels;
    const char          *text = args_text(q->args, "since");
    i64                  end = INT64_MIN, since;
    for (u32 i = 0; i < l->count; i++)
        if (l->at[i].first < l->at[i].end && l->at[i].end > end) end = l->at[i].end;
    if (end == INT64_MIN) end = 0;
    if (!args_time_parse(text, &since))
        since = levels_floor(end - args_span(q->args, "since") / NANOS_SECOND, f->single ? 60 : 1);
    f->since = levels_floor(since, l->at[0].seconds);
    return EX_OK;
}

static int family_keys(struct query *q, struct family *f)
{
    bool row = false;
    f->keys = 0;
    table_name(f, 0, q->table);
    sqlite3_stmt *st = query_prepare(q->db, "SELECT name FROM pragma_table_info(%Q) WHERE pk > 1 ORDER BY pk",
                                     q->table);
    while (st && !err_is(sqlite_step(st, &row)) && row && f->keys < KEYS_SHOWN)
        snprintf(f->key[f->keys++], NAME_ROOM, "%s", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    if (f->keys > 0) return EX_OK;
    fprintf(stderr, "weir query: table %s has no key but the time\n", q->table);
    return EX_USAGE;
}

/* --- what is shown ------------------------------------------------------------------------------------------- */

static bool is_key(const struct family *f, const char *name)
{
    for (u32 i = 0; i < f->keys; i++)
        if (strcasecmp(f->key[i], name) == 0) return true;
    return false;
}

/* --columns, or what the step ranks, or its first columns. */
static void pick_fields(const struct query *q, const struct family *f, struct fields *out)
{
    const char *list = args_text(q->args, "columns");
    bool        row = false;
    if (list) fields_list(out, list);
    if (list) return;
    fields_pick(q, out, NULL, PICK_NEW);
    if (out->count == 1 && strcmp(out->name[0], "records") == 0) out->count = 0;
    if (out->count > 0) return;
    sqlite3_stmt *st = query_prepare(q->db, "SELECT name FROM pragma_table_info(%Q) ORDER BY cid", q->table);
    while (st && !err_is(sqlite_step(st, &row)) && row && out->count < SHOWN_FIELDS) {
        const char *name = (const char *)sqlite3_column_text(st, 0);
        if (is_key(f, name) || strcmp(name, "records") == 0) continue;
        struct part p = field_part(q, name);
        if (p.how != HOW_NONE && p.how != HOW_NOT && p.time == QUERY_NO_TIME) fields_add(out, name);
        part_free(&p);
    }
    sqlite3_finalize(st);
}

/* A text is carried along with its key, not measured. */
static bool is_text(const struct query *q, const char *column)
{
    bool          row = false, is = false;
    sqlite3_stmt *st = query_prepare(q->db, "SELECT type = 'TEXT' FROM pragma_table_info(%Q) WHERE name = %Q", q->table,
                                     column);
    if (st && !err_is(sqlite_step(st, &row)) && row) is = sqlite3_column_int(st, 0) != 0;
    sqlite3_finalize(st);
    return is;
}

/* ", sum(x)" to `select`, ", x" to `columns`. */
static int add_field(const struct query *q, const char *name, sqlite3_str *select, sqlite3_str *columns)
{
    struct part p = field_part(q, name);
    int         code = EX_OK;
    if (p.how == HOW_NONE) code = field_unknown(q, name);
    else if (p.how == HOW_NOT || p.how == HOW_SHARE)
        code = usage_error(q->args, "%s: values of windows do not add up (%s)", name, p.why);
    else {
        if (is_text(q, p.column)) p.how = HOW_MAX;
        part_sql(select, &p, NULL);
        sqlite3_str_appendf(columns, ", \"%w\"", p.column);
        if (p.weight) sqlite3_str_appendf(columns, ", \"%w\"", p.weight);
    }
    part_free(&p);
    return code;
}

/* --- the statement ------------------------------------------------------------------------------------------- */

/* "k1, k2" */
static void put_keys(sqlite3_str *sql, const struct family *f)
{
    for (u32 i = 0; i < f->keys; i++) sqlite3_str_appendf(sql, i ? ", \"%w\"" : "\"%w\"", f->key[i]);
}

/* "SELECT <what> FROM table WHERE range", for all pieces. */
static void put_pieces(sqlite3_str *sql, const struct family *f, const struct piece *piece, u32 pieces,
                       const char *columns)
{
    for (u32 i = 0; i < pieces; i++) {
        char table[NAME_ROOM];
        table_name(f, piece[i].level, table);
        sqlite3_str_appendall(sql, i ? " UNION ALL SELECT " : "SELECT ");
        put_keys(sql, f);
        sqlite3_str_appendf(sql, "%s FROM \"%w\" WHERE timestamp >= %lld AND timestamp < %lld", columns, table,
                            (long long)piece[i].from, (long long)piece[i].to);
    }
}

/* The level has rows from `since` on, or from as early as any wider one: none of its rows were too old to keep. */
static bool covers(const struct levels *l, u32 level, i64 since)
{
    const struct level *v = &l->at[level];
    if (v->first == v->end) return false;
    for (u32 i = level + 1; i < l->count; i++) {
        const struct level *w = &l->at[i];
        if (w->first < w->end && v->first > since && v->first >= w->first + w->seconds) return false;
    }
    return true;
}

/* Since then: the narrowest level that covers all of it in not too many windows, and below it what is not closed. */
static u32 cut_since(const struct family *f, struct piece *piece)
{
    struct levels l = f->levels;
    u32           widest = 0;
    while (widest + 1 < l.count) {
        const struct level *v = &l.at[widest];
        i64                 from = v->first > f->since ? v->first : f->since;
        if (covers(&l, widest, f->since) && (v->end - from) / v->seconds <= WINDOWS_MAX) break;
        widest++;
    }
    l.count = widest + 1;
    return levels_cut(&l, f->since, INT64_MAX, piece);
}

static char *make_sql(const struct query *q, const struct family *f, const struct fields *fields, int *code)
{
    struct piece piece[PIECES_MAX];
    sqlite3_str *select = sqlite3_str_new(q->db), *columns = sqlite3_str_new(q->db), *sql = sqlite3_str_new(q->db);
    for (u32 i = 0; i < fields->count && *code == EX_OK; i++) *code = add_field(q, fields->name[i], select, columns);
    char *sums = sqlite3_str_finish(select), *names = sqlite3_str_finish(columns);
    char *wanted = sqlite3_mprintf(", timestamp, records%s", names ? names : "");
    u32   pieces = cut_since(f, piece);
    sqlite3_str_appendall(sql, "SELECT ");
    put_keys(sql, f);
    sqlite3_str_appendf(sql, ", min(timestamp), max(timestamp), sum(records)%s FROM (", sums ? sums : "");
    put_pieces(sql, f, piece, pieces, wanted);
    sqlite3_str_appendall(sql, ") WHERE (");
    put_keys(sql, f);
    sqlite3_str_appendall(sql, ") NOT IN (");
    u32 before = levels_cut(&f->levels, INT64_MIN, f->since, piece);
    if (before == 0) piece[before++] = (struct piece){ 0, 0, 0 };
    put_pieces(sql, f, piece, before, "");
    sqlite3_str_appendall(sql, ") GROUP BY ");
    put_keys(sql, f);
    sqlite3_str_appendf(sql, " ORDER BY sum(records) DESC, min(timestamp), ");
    put_keys(sql, f);
    sqlite3_str_appendf(sql, " LIMIT %llu", (unsigned long long)args_u64(q->args, "n", 1, TABLE_ROWS_MAX));
    sqlite3_free(sums);
    sqlite3_free(names);
    sqlite3_free(wanted);
    char *text = sqlite3_str_finish(sql);
    if (pieces > 0) return text;
    sqlite3_free(text);
    return NULL;
}

/* --- answers ------------------------------------------------------------------------------------------------- */

static int fill(const struct query *q, const struct family *f, sqlite3_stmt *st, struct text_table *t)
{
    bool row = false;
    err  e;
    while (!err_is(e = sqlite_step(st, &row)) && row) {
        struct cell *cells = text_table_row(t);
        WEIR_ASSERT(cells != NULL); /* -n is no more than the table takes */
        for (u32 c = 0; c < t->columns; c++) cells[c] = query_cell(t, st, (int)c);
        for (u32 c = f->keys; c < f->keys + 2; c++)
            cells[c] = (struct cell){ CELL_TEXT, query_time_text(q, &t->arena, sqlite3_column_int64(st, (int)c)) };
    }
    return err_is(e) ? query_error(q->table, sqlite3_errmsg(q->db)) : EX_OK;
}

/* What the store no longer knows cannot make a key old. */
static void tell_reach(const struct query *q, const struct family *f, struct text_table *t)
{
    i64 first = INT64_MAX;
    for (u32 i = 0; i < f->levels.count; i++)
        if (f->levels.at[i].first < f->levels.at[i].end && f->levels.at[i].first < first)
            first = f->levels.at[i].first;
    if (first == INT64_MAX)
        fprintf(stderr, "weir query: %s: nothing there\n", f->levels.stem);
    else if (first >= f->since)
        fprintf(stderr, "weir query: %s: the first rows are of %s: every key is new\n", f->levels.stem,
                query_time_text(q, &t->arena, first));
}

static void print(const struct query *q, const struct family *f, const struct text_table *t, bool last)
{
    struct arena a;
    if (args_has(q->args, "json")) {
        printf("{\"table\": ");
        table_json_text(f->levels.stem, stdout);
        printf(", \"new\": ");
        text_table_json(t, stdout);
        fputs(last ? "}\n" : "},\n", stdout);
        return;
    }
    arena_init(&a, 0);
    printf("%s, new since %s%s\n", f->levels.stem, query_time_text(q, &a, f->since), t->rows ? "" : ": none");
    if (t->rows) text_table_print(t, stdout);
    if (!last) fputc('\n', stdout);
    arena_fini(&a);
}

static int family_answer(struct query *q, struct family *f, bool last)
{
    struct fields     fields = { 0 };
    struct text_table t;
    int               code = family_keys(q, f);
    if (code == EX_OK) code = family_since(q, f);
    if (code != EX_OK) return code;
    text_table_init(&t);
    pick_fields(q, f, &fields);
    for (u32 i = 0; i < f->keys; i++) text_table_column(&t, f->key[i]);
    text_table_column(&t, "first_seen");
    text_table_column(&t, "last_seen");
    text_table_column(&t, "records");
    for (u32 i = 0; i < fields.count; i++) text_table_column(&t, fields.name[i]);
    char         *sql = make_sql(q, f, &fields, &code);
    sqlite3_stmt *st = sql && code == EX_OK ? query_prepare(q->db, "%s", sql) : NULL;
    if (sql && code == EX_OK && st == NULL) code = query_error(q->table, sqlite3_errmsg(q->db));
    if (st) code = fill(q, f, st, &t);
    sqlite3_finalize(st);
    sqlite3_free(sql);
    if (code == EX_OK) {
        tell_reach(q, f, &t);
        print(q, f, &t, last);
    }
    text_table_fini(&t);
    return code;
}

/* --- which families ------------------------------------------------------------------------------------------ */

/* Tables of windows and cascades, not their rankings. */
static const char families_sql[] =
    "SELECT name FROM sqlite_master m WHERE type = 'table' AND name NOT LIKE '%%\\_rank' ESCAPE '\\' AND "
    "(SELECT count(*) FROM pragma_table_info(m.name) WHERE name IN ('timestamp', 'records', 'revision')) = 3 AND "
    "(SELECT count(*) FROM pragma_table_info(m.name) WHERE pk > 1) > 0 ORDER BY name";

struct found {
    u32            count;
    struct family *at; /* malloc'd */
};

static bool found_has(const struct found *all, const char *stem)
{
    for (u32 i = 0; i < all->count; i++)
        if (strcmp(all->at[i].levels.stem, stem) == 0) return true;
    return false;
}

static struct family *found_add(struct found *all)
{
    all->at = realloc(all->at, (all->count + 1) * sizeof *all->at);
    WEIR_ASSERT(all->at != NULL);
    struct family *f = &all->at[all->count++];
    *f = (struct family){ .single = false };
    return f;
}

/* Does the name that was asked for mean this table or stem? All of it, or what stands behind the source's name. */
static bool means(const struct query *q, const char *wanted, const char *name)
{
    const char *source = args_text(q->args, "source");
    size_t      len = source ? strlen(source) : 0;
    if (source && (strncmp(name, source, len) != 0 || name[len] != '_')) return false;
    if (wanted == NULL || strcmp(wanted, name) == 0) return true;
    size_t have = strlen(name), want = strlen(wanted);
    return have > want && name[have - want - 1] == '_' && strcmp(name + have - want, wanted) == 0;
}

/* A table: by itself, if it was named or is of no cascade or --level asks for it; else with its levels. */
static err take_table(const struct query *q, struct found *all, const char *table, const char *wanted)
{
    struct levels l;
    const char   *level = args_text(q->args, "level");
    err           e = levels_of(&l, q->db, table);
    if (err_is(e)) return e;
    bool whole = means(q, wanted, table), stem = l.count > 0 && means(q, wanted, l.stem);
    if (l.count == 0 || (wanted && whole)) {
        if (!whole || (l.count == 0 && level)) return OK;
        return single_bounds(q, found_add(all), table);
    }
    if (!stem || found_has(all, l.stem)) return OK;
    struct family *f = found_add(all);
    f->levels = l;
    if (level == NULL) return OK;
    const struct level *v = levels_named(&l, level);
    if (v == NULL) {
        all->count--;
        return OK;
    }
    f->levels.at[0] = *v;
    f->levels.count = 1;
    return OK;
}

static err find_families(const struct query *q, struct found *all, const char *wanted)
{
    bool          row = false;
    err           e = OK;
    sqlite3_stmt *st = query_prepare(q->db, families_sql);
    if (st == NULL) return (err){ ERR_SQL, "the tables cannot be listed", 0 };
    while (!err_is(e) && !err_is(e = sqlite_step(st, &row)) && row)
        e = take_table(q, all, (const char *)sqlite3_column_text(st, 0), wanted);
    sqlite3_finalize(st);
    return e;
}

int query_new(struct query *q, const char *path)
{
    char         keys[KEYS_SHOWN][NAME_ROOM];
    struct found all = { 0 };
    const char  *wanted = q->args->count > 2 ? q->args->positional[2] : NULL;
    bool         json = args_has(q->args, "json");
    if (q->args->count > 3) return usage_error(q->args, "new wants one step or table: new srcsite");
    err e = sqlite_run(q->db, "BEGIN"); /* one state of the store for all that is read */
    if (!err_is(e)) e = find_families(q, &all, wanted);
    int code = err_is(e) ? query_error(path, sqlite3_errmsg(q->db)) : EX_OK;
    if (code == EX_OK && all.count == 0) {
        fprintf(stderr, "weir query: %s: no tables of windows%s%s; `weir query %s tables` lists what is there\n", path,
                wanted ? " of " : "", wanted ? wanted : "", path);
        code = EX_USAGE;
    }
    if (code == EX_OK && json) fputc('[', stdout);
    for (u32 i = 0; i < all.count && code == EX_OK; i++) {
        all.at[i].key = keys;
        code = family_answer(q, &all.at[i], i + 1 == all.count);
    }
    if (code == EX_OK && json) fputs("]\n", stdout);
    free(all.at);
    return code;
}
