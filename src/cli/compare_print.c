/* SPDX-License-Identifier: Apache-2.0 */
/* compare_print.c: findings of weir compare as they come, so that none is kept.
 *
 * As text a table that is equal takes one line; as JSON every table is an object with its counts. */
#include "cli/compare.h"
#include "cli/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_BYTES 32u /* of a blob */

/* --- cells --------------------------------------------------------------------------------------------------- */

static const char *real_text(struct arena *a, f64 v)
{
    const char *text = arena_printf(a, "%.15g", v);
    if (strtod(text, NULL) != v) text = arena_printf(a, "%.17g", v);
    return text;
}

static const char *blob_text(struct arena *a, slice s)
{
    u32   shown = s.len < SHOWN_BYTES ? (u32)s.len : SHOWN_BYTES;
    char *text = arena_alloc(a, 2 * shown + 4), *at = text;
    for (u32 i = 0; i < shown; i++) at += sprintf(at, "%02x", (u8)s.at[i]);
    strcpy(at, s.len > shown ? "..." : "");
    return text;
}

static struct cell cell_of(struct arena *a, sqlite3_stmt *st, const struct compare_column *col)
{
    f64 real;
    switch (sqlite3_column_type(st, col->at)) {
    case SQLITE_NULL: return (struct cell){ CELL_NULL, "-" };
    case SQLITE_TEXT: return (struct cell){ CELL_TEXT, arena_str(a, sqlite_slice(st, col->at)) };
    case SQLITE_BLOB: return (struct cell){ CELL_TEXT, blob_text(a, sqlite_slice(st, col->at)) };
    case SQLITE_FLOAT:
        real = sqlite3_column_double(st, col->at);
        return (struct cell){ isfinite(real) ? CELL_NUMBER : CELL_TEXT, real_text(a, real) };
    default:
        if (strcmp(col->name, "timestamp") == 0)
            return (struct cell){ CELL_TEXT, table_time(a, sqlite3_column_int64(st, col->at), true) };
        return (struct cell){ CELL_NUMBER, arena_printf(a, "%lld", sqlite3_column_int64(st, col->at)) };
    }
}

static void put_text(struct cell cell)
{
    if (cell.kind == CELL_TEXT && cell.text[0] == 0) fputs("\"\"", stdout);
    else table_plain_text(cell.text, stdout);
}

static void put_json(struct cell cell)
{
    if (cell.kind == CELL_TEXT) table_json_text(cell.text, stdout);
    else fputs(cell.kind == CELL_NUMBER ? cell.text : "null", stdout);
}

/* --- rows ---------------------------------------------------------------------------------------------------- */

static void row_text(struct compare *c, sqlite3_stmt *const *rows, struct arena *a)
{
    sqlite3_stmt *any = rows[SIDE_A] ? rows[SIDE_A] : rows[SIDE_B];
    bool          both = rows[SIDE_A] && rows[SIDE_B], first = true;
    printf("  %s", both ? "differs:  " : rows[SIDE_A] ? "only in A:" : "only in B:");
    for (u32 i = 0; i < c->columns; i++) {
        if (c->column[i].key[SIDE_A] == 0) continue;
        fputc(' ', stdout);
        put_text(cell_of(a, any, &c->column[i]));
    }
    for (u32 i = 0; both && i < c->columns; i++) {
        const struct compare_column *col = &c->column[i];
        if (!col->compared || compare_same(c, rows[SIDE_A], rows[SIDE_B], col->at)) continue;
        printf("%s ", first ? ":" : ",");
        table_plain_text(col->name, stdout);
        fputc(' ', stdout);
        put_text(cell_of(a, rows[SIDE_A], col));
        fputs(" -> ", stdout);
        put_text(cell_of(a, rows[SIDE_B], col));
        first = false;
    }
    fputc('\n', stdout);
}

static void row_json(struct compare *c, sqlite3_stmt *const *rows, struct arena *a)
{
    sqlite3_stmt *any = rows[SIDE_A] ? rows[SIDE_A] : rows[SIDE_B];
    bool          both = rows[SIDE_A] && rows[SIDE_B];
    const char   *comma = "";
    printf("%s\n   {\"in\": \"%s\", \"key\": {", c->rows > 1 ? "," : "", both ? "both" : rows[SIDE_A] ? "a" : "b");
    for (u32 i = 0; i < c->columns; i++) {
        if (c->column[i].key[SIDE_A] == 0) continue;
        fputs(comma, stdout);
        table_json_text(c->column[i].name, stdout);
        fputs(": ", stdout);
        put_json(cell_of(a, any, &c->column[i]));
        comma = ", ";
    }
    fputs(both ? "}, \"values\": {" : "", stdout);
    comma = "";
    for (u32 i = 0; both && i < c->columns; i++) {
        const struct compare_column *col = &c->column[i];
        if (!col->compared || compare_same(c, rows[SIDE_A], rows[SIDE_B], col->at)) continue;
        fputs(comma, stdout);
        table_json_text(col->name, stdout);
        fputs(": [", stdout);
        put_json(cell_of(a, rows[SIDE_A], col));
        fputs(", ", stdout);
        put_json(cell_of(a, rows[SIDE_B], col));
        fputc(']', stdout);
        comma = ", ";
    }
    fputs("}}", stdout);
}

/* The table's name stands over what differs in it. */
static void head(struct compare *c)
{
    if (c->headed || c->json) return;
    table_plain_text(c->table, stdout);
    fputc('\n', stdout);
    c->headed = true;
}

void compare_print_row(struct compare *c, sqlite3_stmt *const *rows)
{
    struct arena a;
    if (++c->rows > c->limit) return;
    head(c);
    arena_init(&a, 0);
    if (c->json) row_json(c, rows, &a);
    else row_text(c, rows, &a);
    arena_fini(&a);
}

/* --- tables -------------------------------------------------------------------------------------------------- */

static void columns_of(const struct compare *c, enum side side)
{
    const char *comma = "";
    for (u32 i = 0; i < c->columns; i++) {
        if (c->column[i].in[!side]) continue;
        fputs(comma, stdout);
        if (c->json) table_json_text(c->column[i].name, stdout);
        else table_plain_text(c->column[i].name, stdout);
        comma = ", ";
    }
}

static bool some_only_in(const struct compare *c, enum side side)
{
    for (u32 i = 0; i < c->columns; i++)
        if (!c->column[i].in[!side]) return true;
    return false;
}

void compare_print_table(struct compare *c)
{
    c->headed = false;
    if (c->json) {
        fputs(c->told++ ? ",\n  {\"table\": " : "\n  {\"table\": ", stdout);
        table_json_text(c->table, stdout);
    }
    for (u32 side = SIDE_A; side <= SIDE_B; side++) {
        if (!c->json && !some_only_in(c, side)) continue;
        head(c);
        if (c->json) printf(", \"columns_only_%c\": [", side == SIDE_A ? 'a' : 'b');
        else printf("  columns only in %s: ", c->store[side].name);
        columns_of(c, side);
        fputs(c->json ? "]" : "\n", stdout);
    }
    if (c->json) fputs(", \"rows\": [", stdout);
}

static void key_text(const struct compare *c, enum side side)
{
    u32 keys = 0;
    for (u32 i = 0; i < c->columns; i++) keys += c->column[i].key[side] > 0;
    printf("  key in %s:", c->store[side].name);
    for (u32 k = 1; k <= keys; k++)
        for (u32 i = 0; i < c->columns; i++)
            if (c->column[i].key[side] == k) {
                fputc(' ', stdout);
                table_plain_text(c->column[i].name, stdout);
            }
    fputs(keys ? "\n" : " none\n", stdout);
}

void compare_print_keys(struct compare *c)
{
    if (c->json) return; /* told by `comparable` */
    head(c);
    fputs("  rows cannot be compared: they are told apart by different columns\n", stdout);
    key_text(c, SIDE_A);
    key_text(c, SIDE_B);
}

void compare_print_end(struct compare *c)
{
    const struct compare_counts *n = &c->counts;
    unsigned long long both = n->both, a = n->only[SIDE_A], b = n->only[SIDE_B], different = n->different;
    if (c->json) {
        printf("%s], \"comparable\": %s, \"in_both\": %llu, \"only_a\": %llu, \"only_b\": %llu, \"different\": %llu}",
               c->rows && c->limit ? "\n  " : "", compare_same_key(c) ? "true" : "false", both, a, b, different);
        return;
    }
    if (!compare_same_key(c)) return;
    if (!c->headed && c->rows == 0) {
        table_plain_text(c->table, stdout);
        if (both) printf(": the same %llu row%s\n", both, both == 1 ? "" : "s");
        else puts(": no rows");
        return;
    }
    head(c);
    if (c->rows > c->limit && c->limit > 0)
        printf("  ... and %llu more\n", (unsigned long long)(c->rows - c->limit));
    printf("  %llu row%s in both, %llu of them differ%s; only in A: %llu, only in B: %llu\n", both,
           both == 1 ? "" : "s", different, different == 1 ? "s" : "", a, b);
}
