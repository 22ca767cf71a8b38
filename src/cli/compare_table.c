/* SPDX-License-Identifier: Apache-2.0 */
/* compare_table.c: a merge join of two tables on their primary key.
 *
 * Both are read in the order of the key, as SQLite orders values, so that memory does not grow with the rows. Each
 * store is read in one transaction a table: a weir that writes meanwhile is not disturbed and not seen. */
#include "cli/compare.h"

#include <math.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

/* --- columns ------------------------------------------------------------------------------------------------- */

static struct compare_column *column_find(struct compare *c, const char *name)
{
    for (u32 i = 0; i < c->columns; i++)
        if (strcasecmp(c->column[i].name, name) == 0) return &c->column[i];
    return NULL;
}

static struct compare_column *column_named(struct compare *c, const char *name)
{
    struct compare_column *known = column_find(c, name);
    if (known != NULL) return known;
    if (c->columns == 2 * COMPARE_COLUMNS_MAX) return NULL;
    struct compare_column *made = &c->column[c->columns++];
    *made = (struct compare_column){ .name = arena_str(&c->arena, slice_str(name)) };
    return made;
}

static int read_columns(struct compare *c, enum side side)
{
    const struct store *s = &c->store[side];
    bool                row = false;
    err                 e = OK;
    sqlite3_stmt       *st = compare_prepare(s, "SELECT name, pk FROM pragma_table_info(%Q) ORDER BY cid", c->table);
    if (st == NULL) return EX_IOERR;
    while (!err_is(e = sqlite_step(st, &row)) && row) {
        struct compare_column *col = column_named(c, (const char *)sqlite3_column_text(st, 0));
        if (col == NULL) break;
        col->in[side] = true;
        col->key[side] = (u32)sqlite3_column_int(st, 1);
    }
    sqlite3_finalize(st);
    return err_is(e) ? compare_error(s, sqlite3_errmsg(s->db)) : EX_OK;
}

/* Rejects are told apart by where they were, not by when that was read. */
static void key_rejects(struct compare *c)
{
    static const char *const key[] = { "file", "offset", "reason" };
    if (!slice_ends(slice_str(c->table), S("_rejects"))) return;
    for (u32 k = 0; k < WEIR_COUNT(key); k++) {
        const struct compare_column *col = column_find(c, key[k]);
        if (col == NULL || !col->in[SIDE_A] || !col->in[SIDE_B]) return; /* no such table of weir's */
    }
    for (u32 i = 0; i < c->columns; i++) c->column[i].key[SIDE_A] = c->column[i].key[SIDE_B] = 0;
    for (u32 k = 0; k < WEIR_COUNT(key); k++) {
        struct compare_column *col = column_find(c, key[k]);
        col->key[SIDE_A] = col->key[SIDE_B] = k + 1;
    }
    c->rejects = true;
}

/* How a row came about, which a late record or a restart changes. */
static bool left_out(const struct compare *c, const char *name)
{
    if (c->rejects && strcmp(name, "timestamp") == 0) return true;
    return !c->all && (strcmp(name, "revision") == 0 || strcmp(name, "closed_by") == 0);
}

static void pick_columns(struct compare *c)
{
    int at = 0;
    for (u32 i = 0; i < c->columns; i++) {
        struct compare_column *col = &c->column[i];
        bool                   both = col->in[SIDE_A] && col->in[SIDE_B];
        if (!both) c->equal = false;
        col->compared = both && col->key[SIDE_A] == 0 && col->key[SIDE_B] == 0 && !left_out(c, col->name);
        if (col->compared || (both && col->key[SIDE_A] > 0)) col->at = at++;
    }
}

bool compare_same_key(const struct compare *c)
{
    u32 keys = 0;
    for (u32 i = 0; i < c->columns; i++) {
        if (c->column[i].key[SIDE_A] != c->column[i].key[SIDE_B]) return false;
        keys += c->column[i].key[SIDE_A] > 0;
    }
    return keys > 0;
}

static const struct compare_column *key_column(const struct compare *c, u32 number)
{
    for (u32 i = 0; i < c->columns; i++)
        if (c->column[i].key[SIDE_A] == number) return &c->column[i];
    return NULL;
}

/* --- cells --------------------------------------------------------------------------------------------------- */

/* SQLite's order of types: null, numbers, text, bytes. */
static int rank_of(int type)
{
    return type == SQLITE_NULL ? 0 : type == SQLITE_TEXT ? 2 : type == SQLITE_BLOB ? 3 : 1;
}

/* A long double holds both exactly. */
static long double number_of(sqlite3_stmt *st, int column)
{
    return sqlite3_column_type(st, column) == SQLITE_INTEGER ? (long double)sqlite3_column_int64(st, column)
                                                             : (long double)sqlite3_column_double(st, column);
}

static int cell_cmp(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
    int ranks = rank_of(sqlite3_column_type(a, column)) - rank_of(sqlite3_column_type(b, column));
    if (ranks != 0) return ranks;
    if (sqlite3_column_type(a, column) == SQLITE_NULL) return 0;
    if (rank_of(sqlite3_column_type(a, column)) > 1) return slice_cmp(sqlite_slice(a, column), sqlite_slice(b, column));
    long double x = number_of(a, column), y = number_of(b, column);
    return (x > y) - (x < y);
}

bool compare_same(const struct compare *c, sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
    if (cell_cmp(a, b, column) == 0) return true;
    if (rank_of(sqlite3_column_type(a, column)) != 1 || rank_of(sqlite3_column_type(b, column)) != 1) return false;
    long double x = number_of(a, column), y = number_of(b, column);
    return fabsl(x - y) <= (long double)c->tolerance * fmaxl(fabsl(x), fabsl(y));
}

static int key_cmp(const struct compare *c, sqlite3_stmt *a, sqlite3_stmt *b)
{
    const struct compare_column *col;
    int                          cmp = 0;
    for (u32 k = 1; cmp == 0 && (col = key_column(c, k)) != NULL; k++) cmp = cell_cmp(a, b, col->at);
    return cmp;
}

static bool values_differ(const struct compare *c, sqlite3_stmt *a, sqlite3_stmt *b)
{
    for (u32 i = 0; i < c->columns; i++)
        if (c->column[i].compared && !compare_same(c, a, b, c->column[i].at)) return true;
    return false;
}

/* --- rows ---------------------------------------------------------------------------------------------------- */

/* --from and --to, for tables whose key begins with the time. */
static void put_range(const struct compare *c, sqlite3_str *sql)
{
    const struct compare_column *first = key_column(c, 1);
    if (first == NULL || strcmp(first->name, "timestamp") != 0) return;
    if (c->from != INT64_MIN) sqlite3_str_appendf(sql, " WHERE \"timestamp\" >= %lld", (long long)c->from);
    if (c->to != INT64_MAX)
        sqlite3_str_appendf(sql, " %s \"timestamp\" < %lld", c->from != INT64_MIN ? "AND" : "WHERE", (long long)c->to);
}

/* All rows of the range in the order of the key: what SQLite walks its B-tree for, so that nothing is sorted (but
 * rejects, of which there are not that many). */
static sqlite3_stmt *open_rows(const struct compare *c, enum side side)
{
    const struct store          *s = &c->store[side];
    const struct compare_column *col;
    sqlite3_str                 *sql = sqlite3_str_new(s->db);
    const char                  *word = "SELECT";
    for (u32 i = 0; i < c->columns; i++) {
        if (!c->column[i].compared && !(c->column[i].key[SIDE_A] && c->column[i].in[SIDE_B])) continue;
        sqlite3_str_appendf(sql, "%s \"%w\"", word, c->column[i].name);
        word = ",";
    }
    sqlite3_str_appendf(sql, " FROM \"%w\"", c->table);
    put_range(c, sql);
    for (u32 k = 1; (col = key_column(c, k)) != NULL; k++)
        sqlite3_str_appendf(sql, k == 1 ? " ORDER BY \"%w\"" : ", \"%w\"", col->name);
    char         *text = sqlite3_str_finish(sql);
    sqlite3_stmt *st = compare_prepare(s, "%s", text);
    sqlite3_free(text);
    return st;
}

static int step(struct compare *c, sqlite3_stmt *const *st, enum side side, bool *row)
{
    if (!err_is(sqlite_step(st[side], row))) return EX_OK;
    return compare_error(&c->store[side], sqlite3_errmsg(c->store[side].db));
}

/* The row that is on one side alone, or on both; and the next ones. */
static int compare_pair(struct compare *c, sqlite3_stmt *const *st, bool *row)
{
    int cmp = !row[SIDE_B] ? -1 : !row[SIDE_A] ? 1 : key_cmp(c, st[SIDE_A], st[SIDE_B]);
    sqlite3_stmt *const shown[2] = { cmp <= 0 ? st[SIDE_A] : NULL, cmp >= 0 ? st[SIDE_B] : NULL };
    if (cmp < 0) c->counts.only[SIDE_A]++;
    if (cmp > 0) c->counts.only[SIDE_B]++;
    if (cmp == 0) c->counts.both++;
    bool differ = cmp != 0 || values_differ(c, st[SIDE_A], st[SIDE_B]);
    if (cmp == 0 && differ) c->counts.different++;
    if (differ) compare_print_row(c, shown);
    int code = cmp <= 0 ? step(c, st, SIDE_A, &row[SIDE_A]) : EX_OK;
    return code == EX_OK && cmp >= 0 ? step(c, st, SIDE_B, &row[SIDE_B]) : code;
}

static int compare_rows(struct compare *c)
{
    sqlite3_stmt *st[2] = { open_rows(c, SIDE_A), open_rows(c, SIDE_B) };
    bool          row[2] = { false, false };
    int           code = st[SIDE_A] && st[SIDE_B] ? EX_OK : EX_IOERR;
    if (code == EX_OK) code = step(c, st, SIDE_A, &row[SIDE_A]);
    if (code == EX_OK) code = step(c, st, SIDE_B, &row[SIDE_B]);
    while (code == EX_OK && (row[SIDE_A] || row[SIDE_B])) code = compare_pair(c, st, row);
    sqlite3_finalize(st[SIDE_A]);
    sqlite3_finalize(st[SIDE_B]);
    return code;
}

/* One state of each store for all that is read of a table. */
static int begin(const struct compare *c)
{
    for (u32 i = 0; i < 2; i++)
        if (err_is(sqlite_run(c->store[i].db, "BEGIN")))
            return compare_error(&c->store[i], sqlite3_errmsg(c->store[i].db));
    return EX_OK;
}

int compare_table(struct compare *c)
{
    arena_reset(&c->arena);
    c->column = arena_array(&c->arena, struct compare_column, 2 * COMPARE_COLUMNS_MAX);
    c->columns = 0;
    c->counts = (struct compare_counts){ 0 };
    c->rows = 0;
    c->rejects = false;
    int code = begin(c);
    if (code == EX_OK) code = read_columns(c, SIDE_A);
    if (code == EX_OK) code = read_columns(c, SIDE_B);
    if (code == EX_OK) {
        key_rejects(c);
        pick_columns(c);
        compare_print_table(c);
        if (compare_same_key(c)) code = compare_rows(c);
        else compare_print_keys(c);
        if (c->rows > 0 || !compare_same_key(c)) c->equal = false;
        compare_print_end(c);
    }
    for (u32 i = 0; i < 2; i++) sqlite_rollback(c->store[i].db);
    return code;
}
