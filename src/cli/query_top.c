/* SPDX-License-Identifier: Apache-2.0 */
/* query_top.c: tops and series, which add windows up.
 *
 * A top is put together from the widest windows that are there (levels.h), so that a day's top is read from 24 rows a
 * site and not from 1440. How many different ones there were, and quantiles, do not add up: they are shown if the range
 * is one window, and who orders by them gets the widest one in the range. */
#include "cli/query.h"

#include <string.h>
#include <sysexits.h>

#define POINTS_MAX 120 /* of a series, unless --level says */

/* What is asked of each group: the columns of the answer behind its keys. */
struct wanted {
    u32         count;
    struct part part[FIELDS_SHOWN];
    const char *head[FIELDS_SHOWN];
};

/* --- which windows -------------------------------------------------------------------------------------------- */

static void use_level(struct query *q, const struct level *v)
{
    snprintf(q->table, sizeof q->table, "%.200s_%s", q->levels.stem, v->name);
}

/* The level asked for; NULL and EX_OK: none was. */
static int level_wanted(const struct query *q, const struct level **v)
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
static const struct level *level_of_points(const struct query *q)
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

/* The range: --from, --to, or the last --last before the end of what is there; last: NULL, or the level whose last
 * window is meant if nothing is said. */
static int find_range(struct query *q, const struct level *last)
{
    const struct levels *l = &q->levels;
    bool                 said = args_has(q->args, "last") || args_has(q->args, "from") || args_has(q->args, "to");
    if (last && !said && last->first < last->end) {
        q->to = last->end;
        q->from = last->end - last->seconds;
        return EX_OK;
    }
    for (u32 i = 0; i < l->count && q->to == 0; i++)
        if (l->at[i].first < l->at[i].end) q->to = l->at[i].end;
    q->from = INT64_MIN;
    query_bounds(q);
    if (q->from == INT64_MIN) q->from = q->to - args_span(q->args, "last") / NANOS_SECOND;
    if (q->from >= q->to) return usage_error(q->args, "the range is empty");
    return EX_OK;
}

/* A range is made of whole windows: one that is no number of them is widened, and that is told. */
static void widen(struct query *q, const struct level *v)
{
    struct arena a;
    i64          from = levels_floor(q->from, v->seconds), to = -levels_floor(-q->to, v->seconds);
    if (from == q->from && to == q->to) return;
    q->from = from;
    q->to = to;
    arena_init(&a, 0);
    fprintf(stderr, "weir query: windows of %s_%s are %llds long: the range is widened to %s .. %s\n", q->levels.stem,
            v->name, (long long)v->seconds, query_time_text(q, &a, from), query_time_text(q, &a, to));
    arena_fini(&a);
}

/* The pieces that answer; q->one: they are one window, and it is there. */
static u32 cut_range(struct query *q, const struct level *wanted, struct piece *piece)
{
    u32 pieces = levels_cut(&q->levels, q->from, q->to, piece);
    if (wanted || pieces == 0) {
        if (wanted == NULL) wanted = &q->levels.at[0];
        piece[0] = (struct piece){ (u32)(wanted - q->levels.at), q->from, q->to };
        pieces = 1;
    }
    q->one = pieces == 1 && piece[0].to - piece[0].from == q->levels.at[piece[0].level].seconds;
    use_level(q, &q->levels.at[piece[0].level]);
    return pieces;
}

/* The last window of the widest level that has one in the range, for what does not add up. */
static u32 cut_one(struct query *q, const struct level *wanted, const struct part *p, const char *field,
                   struct piece *piece)
{
    struct arena a;
    for (u32 i = q->levels.count; i-- > 0;) {
        const struct level *v = &q->levels.at[i];
        i64                 end = levels_floor(v->end < q->to ? v->end : q->to, v->seconds);
        if (v->first == v->end || end - v->seconds < q->from || (wanted && wanted != v)) continue;
        piece[0] = (struct piece){ i, end - v->seconds, end };
        q->from = end - v->seconds;
        q->to = end;
        q->one = true;
        use_level(q, v);
        break;
    }
    arena_init(&a, 0);
    if (q->one)
        fprintf(stderr, "weir query: values of %s do not add up over windows (%s): one is read, %s .. %s\n", field,
                p->why, query_time_text(q, &a, q->from), query_time_text(q, &a, q->to));
    arena_fini(&a);
    return 1;
}

/* --- answers -------------------------------------------------------------------------------------------------- */

/* Runs the statement into a table and prints it. time: the first column is a window's start, else lines are
 * numbered. */
static int answer(const struct query *q, sqlite3_stmt *st, struct text_table *t, const struct wanted *w,
                  const char *title, bool time)
{
    bool row, json = args_has(q->args, "json");
    err  e;
    u32  keys = (u32)sqlite3_column_count(st) - w->count;
    while (!err_is(e = sqlite_step(st, &row)) && row) {
        struct cell *cells = text_table_row(t);
        if (cells == NULL) {
            fprintf(stderr, "weir query: only the first %u lines are shown; ask for less at once\n", TABLE_ROWS_MAX);
            break;
        }
        if (!time) *cells++ = (struct cell){ CELL_NUMBER, arena_printf(&t->arena, "%u", t->rows) };
        for (u32 c = 0; c < keys; c++) {
            cells[c] = query_cell(t, st, (int)c);
            bool none = cells[c].kind == CELL_TEXT && cells[c].text[0] == '\0';
            if (none && !json) cells[c] = (struct cell){ CELL_NULL, NULL };
        }
        for (u32 c = 0; c < w->count; c++)
            cells[keys + c] = query_time_cell(q, t, st, (int)(keys + c), w->part[c].time, false);
        if (time) cells[0] = (struct cell){ CELL_TEXT, query_time_text(q, &t->arena, sqlite3_column_int64(st, 0)) };
    }
    sqlite3_finalize(st);
    if (err_is(e)) return query_error(q->table, e.what);
    if (json) {
        text_table_json(t, stdout);
        return EX_OK;
    }
    printf("%s, %s to %s\n", title, query_time_text(q, &t->arena, q->from), query_time_text(q, &t->arena, q->to));
    text_table_print(t, stdout);
    if (t->rows == 0)
        fprintf(stderr, "weir query: nothing there; `tables` says what a store holds, `top` names what is in it\n");
    return EX_OK;
}

static void wanted_fini(struct wanted *w)
{
    for (u32 i = 0; i < w->count; i++) part_free(&w->part[i]);
}

/* --columns, or what is usual. In a top, what does not add up is refused unless the range is one window. */
static int find_wanted(const struct query *q, struct fields *f, enum pick what, struct wanted *w)
{
    const char *by = args_text(q->args, "by"), *list = args_text(q->args, "columns");
    if (list && by) fields_add(f, by);
    if (list) fields_list(f, list);
    else fields_pick(q, f, by, what);
    for (u32 i = 0; i < f->count; i++) {
        struct part p = field_part(q, f->name[i]);
        w->head[i] = f->name[i];
        w->part[w->count++] = p;
        if (p.how == HOW_NONE) return field_unknown(q, f->name[i]);
        if (p.how == HOW_NOT && what == PICK_TOP && !q->one)
            return usage_error(q->args, "%s: values of windows do not add up (%s); --level shows those of one",
                               f->name[i], p.why);
    }
    return EX_OK;
}

/* What the step ranks and a range of several windows cannot show. */
static void tell_hidden(const struct query *q)
{
    struct fields all = { 0 };
    bool          told = false;
    if (q->one || args_has(q->args, "columns") || args_has(q->args, "json")) return;
    fields_pick(q, &all, NULL, PICK_SERIES);
    for (u32 i = 0; i < all.count; i++) {
        struct part p = field_part(q, all.name[i]);
        if (p.how == HOW_NOT) fprintf(stderr, told ? ", %s" : "weir query: of single windows only: %s", all.name[i]);
        told = told || p.how == HOW_NOT;
        part_free(&p);
    }
    if (told) fprintf(stderr, "; --level %s shows the last\n", q->levels.at[q->levels.count - 1].name);
}

/* --- tops ----------------------------------------------------------------------------------------------------- */

/* "(SELECT ... UNION ALL SELECT ...)": the rows of all pieces. Columns by name: a level that came later than others may
 * have them in another order. only: of the groups that are asked for. */
static void put_pieces(const struct query *q, sqlite3_str *sql, const char *columns, const struct piece *piece,
                       u32 pieces, bool only)
{
    for (u32 i = 0; i < pieces; i++) {
        const struct level *v = &q->levels.at[piece[i].level];
        sqlite3_str_appendf(sql, "%s %s FROM \"%w_%w\" WHERE timestamp >= %lld AND timestamp < %lld",
                            i ? " UNION ALL SELECT" : "(SELECT", columns, q->levels.stem, v->name,
                            (long long)piece[i].from, (long long)piece[i].to);
        if (only) keys_where(q, sql);
    }
    sqlite3_str_appendchar(sql, 1, ')');
}

/* The tables that are read: p2_srcsite_hourly + fively. */
static char *put_title(const struct query *q, const struct piece *piece, u32 pieces)
{
    sqlite3_str *title = sqlite3_str_new(q->db);
    for (u32 i = 0; i < pieces; i++) {
        const struct level *v = &q->levels.at[piece[i].level];
        bool                new = true;
        for (u32 k = 0; k < i; k++) new = new && piece[k].level != piece[i].level;
        if (new) sqlite3_str_appendf(title, i ? " + %s" : "%s_%s", i ? v->name : q->levels.stem, v->name);
    }
    for (u32 i = 0; i < q->keys; i++)
        if (q->only[i]) sqlite3_str_appendf(title, ", %s %s", q->key[i], q->only[i]);
    return sqlite3_str_finish(title);
}

/* "k1", "k2", and the columns that the answer is made of. */
static char *put_columns(const struct query *q, const struct wanted *w)
{
    sqlite3_str *sql = sqlite3_str_new(q->db);
    for (u32 i = 0; i < q->keys; i++) sqlite3_str_appendf(sql, i ? ", \"%w\"" : "\"%w\"", q->key[i]);
    for (u32 i = 0; i < w->count; i++) {
        sqlite3_str_appendf(sql, ", \"%w\"", w->part[i].column);
        if (w->part[i].weight) sqlite3_str_appendf(sql, ", \"%w\"", w->part[i].weight);
    }
    return sqlite3_str_finish(sql);
}

static char *top_sql(const struct query *q, const struct wanted *w, const struct piece *piece, u32 pieces)
{
    sqlite3_str *sql = sqlite3_str_new(q->db), *all = sqlite3_str_new(q->db);
    char        *columns = put_columns(q, w);
    put_pieces(q, all, columns, piece, pieces, false);
    char *whole = sqlite3_str_finish(all);
    sqlite3_str_appendall(sql, "SELECT ");
    for (u32 i = 0; i < q->keys; i++) sqlite3_str_appendf(sql, i ? ", \"%w\"" : "\"%w\"", q->key[i]);
    for (u32 i = 0; i < w->count; i++) part_sql(sql, &w->part[i], whole);
    sqlite3_str_appendall(sql, " FROM ");
    put_pieces(q, sql, columns, piece, pieces, true);
    sqlite3_str_appendall(sql, " GROUP BY 1");
    for (u32 i = 1; i < q->keys; i++) sqlite3_str_appendf(sql, ", %u", i + 1);
    sqlite3_str_appendf(sql, " ORDER BY %u DESC", q->keys + 1);
    for (u32 i = 0; i < q->keys; i++) sqlite3_str_appendf(sql, ", %u", i + 1);
    sqlite3_str_appendf(sql, " LIMIT %llu", (unsigned long long)args_u64(q->args, "n", 1, TABLE_ROWS_MAX));
    sqlite3_free(columns);
    sqlite3_free(whole);
    return sqlite3_str_finish(sql);
}

static int top_print(const struct query *q, const struct wanted *w, const struct piece *piece, u32 pieces)
{
    struct text_table t;
    char             *sql = top_sql(q, w, piece, pieces), *title = put_title(q, piece, pieces);
    text_table_init(&t);
    text_table_column(&t, "rank");
    for (u32 i = 0; i < q->keys; i++) text_table_column(&t, q->key[i]);
    for (u32 i = 0; i < w->count; i++) text_table_column(&t, w->head[i]);
    sqlite3_stmt *st = query_prepare(q->db, "%s", sql);
    int           code = st ? answer(q, st, &t, w, title, false) : query_error(q->table, sqlite3_errmsg(q->db));
    sqlite3_free(sql);
    sqlite3_free(title);
    text_table_fini(&t);
    return code;
}

int query_top(struct query *q)
{
    struct fields       f = { 0 };
    struct wanted       w = { 0 };
    struct piece        piece[PIECES_MAX];
    const struct level *level;
    const char         *by = args_text(q->args, "by");
    int                 code = level_wanted(q, &level);
    if (code == EX_OK) code = find_range(q, level);
    if (code) return code;
    widen(q, level ? level : &q->levels.at[0]);
    u32         pieces = cut_range(q, level, piece);
    struct part p = by ? field_part(q, by) : (struct part){ .how = HOW_NONE };
    if (p.how == HOW_NOT && !q->one) pieces = cut_one(q, level, &p, by, piece);
    part_free(&p);
    code = find_wanted(q, &f, PICK_TOP, &w);
    if (code == EX_OK) code = top_print(q, &w, piece, pieces);
    if (code == EX_OK) tell_hidden(q);
    wanted_fini(&w);
    return code;
}

/* --- series --------------------------------------------------------------------------------------------------- */

static char *series_sql(const struct query *q, const struct wanted *w)
{
    sqlite3_str *sql = sqlite3_str_new(q->db);
    char        *whole = sqlite3_mprintf("\"%w\" AS w WHERE w.timestamp = t.timestamp", q->table);
    sqlite3_str_appendall(sql, "SELECT timestamp");
    for (u32 i = 0; i < w->count; i++) part_sql(sql, &w->part[i], whole);
    sqlite3_str_appendf(sql, " FROM \"%w\" AS t WHERE timestamp >= %lld AND timestamp < %lld", q->table,
                        (long long)q->from, (long long)q->to);
    keys_where(q, sql);
    sqlite3_str_appendall(sql, " GROUP BY 1 ORDER BY 1");
    sqlite3_free(whole);
    return sqlite3_str_finish(sql);
}

int query_series(struct query *q)
{
    struct fields       f = { 0 };
    struct wanted       w = { 0 };
    struct text_table   t;
    const struct level *level;
    int                 code = level_wanted(q, &level);
    if (code == EX_OK) code = find_range(q, NULL);
    if (code) return code;
    if (level == NULL) level = level_of_points(q);
    widen(q, level);
    use_level(q, level);
    text_table_init(&t);
    text_table_column(&t, "time");
    code = find_wanted(q, &f, PICK_SERIES, &w);
    for (u32 i = 0; i < w.count && code == EX_OK; i++)
        text_table_column(&t, w.part[i].how == HOW_AVG ? w.part[i].column : w.head[i]);
    char         *sql = series_sql(q, &w);
    sqlite3_stmt *st = code == EX_OK ? query_prepare(q->db, "%s", sql) : NULL;
    if (st) code = answer(q, st, &t, &w, q->table, true);
    else if (code == EX_OK) code = query_error(q->table, sqlite3_errmsg(q->db));
    sqlite3_free(sql);
    text_table_fini(&t);
    wanted_fini(&w);
    return code;
}
