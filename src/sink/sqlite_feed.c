/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_feed.c: an eponymous virtual table without arguments: one scan, from f->at to before f->until.
 *
 * SQLite asks for columns in ascending order, once each; another order would work, but begin at the row's start again.
 * */
#include "sink/sqlite_feed.h"

#include <math.h>

struct feed_table {
    sqlite3_vtab base;
    struct feed *feed;
};

struct feed_cursor {
    sqlite3_vtab_cursor base;
    struct feed        *feed;
};

static struct feed *feed_of(sqlite3_vtab_cursor *c)
{
    return container_of(c, struct feed_cursor, base)->feed;
}

static int feed_connect(sqlite3 *db, void *arg, int argc, const char *const *argv, sqlite3_vtab **out, char **why)
{
    struct feed *f = arg;
    sqlite3_str *sql = sqlite3_str_new(db);
    for (u32 i = 0; i < f->columns; i++) sqlite3_str_appendf(sql, "%sc%u", i ? ", " : "CREATE TABLE feed(", i);
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    struct feed_table *t = sqlite3_malloc64(sizeof *t);
    int code = text != NULL && t != NULL ? sqlite3_declare_vtab(db, text) : SQLITE_NOMEM;
    sqlite3_free(text);
    if (code != SQLITE_OK) {
        sqlite3_free(t);
        return code;
    }
    *t = (struct feed_table){ .feed = f };
    *out = &t->base;
    return SQLITE_OK;
}

static int feed_disconnect(sqlite3_vtab *t)
{
    sqlite3_free(container_of(t, struct feed_table, base));
    return SQLITE_OK;
}

static int feed_best_index(sqlite3_vtab *t, sqlite3_index_info *info)
{
    info->estimatedCost = 1e6;
    info->estimatedRows = ORDER_ROWS_MAX;
    return SQLITE_OK;
}

static int feed_open(sqlite3_vtab *t, sqlite3_vtab_cursor **out)
{
    struct feed_cursor *c = sqlite3_malloc64(sizeof *c);
    if (c == NULL) return SQLITE_NOMEM;
    *c = (struct feed_cursor){ .feed = container_of(t, struct feed_table, base)->feed };
    *out = &c->base;
    return SQLITE_OK;
}

static int feed_close(sqlite3_vtab_cursor *c)
{
    sqlite3_free(container_of(c, struct feed_cursor, base));
    return SQLITE_OK;
}

static void stand_behind_key(struct feed *f)
{
    f->cells = (struct row_reader){ .at = order_rest(&f->order, f->at), .end = f->end };
    f->column = f->order.keys;
}

static int feed_filter(sqlite3_vtab_cursor *c, int number, const char *text, int argc, sqlite3_value **argv)
{
    struct feed *f = feed_of(c);
    if (f->at < f->until) stand_behind_key(f);
    return SQLITE_OK;
}

static int feed_next(sqlite3_vtab_cursor *c)
{
    struct feed *f = feed_of(c);
    if (++f->at < f->until) stand_behind_key(f);
    return SQLITE_OK;
}

static int feed_eof(sqlite3_vtab_cursor *c)
{
    return feed_of(c)->at >= feed_of(c)->until;
}

/* Texts are not copied: they live in the stream or the order, both longer than the statement.
 * Addresses, networks and MACs outside the key do not: rare, so that SQLite may copy them. */
static void result_made(sqlite3_context *to, const struct value *v)
{
    char  buf[VALUE_TEXT_ROOM];
    slice text = value_text(v, buf);
    sqlite3_result_text64(to, text.at, text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static void result(sqlite3_context *to, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL: sqlite3_result_null(to); break;
    case VALUE_U64:
        if (v->u <= INT64_MAX) sqlite3_result_int64(to, (i64)v->u);
        else sqlite3_result_double(to, (f64)v->u);
        break;
    case VALUE_I64: sqlite3_result_int64(to, v->i); break;
    case VALUE_F64: sqlite3_result_double(to, v->f); break; /* SQLite makes a NaN null */
    case VALUE_TEXT:
        sqlite3_result_text64(to, v->text.len > 0 ? v->text.at : "", v->text.len, SQLITE_STATIC, SQLITE_UTF8);
        break;
    case VALUE_ADDR:
    case VALUE_NET:
    case VALUE_MAC: result_made(to, v); break;
    }
}

/* A column that is not the next one. */
static void stand_before(struct feed *f, u32 column)
{
    if (column < f->column) stand_behind_key(f);
    err  e = OK;
    bool whole = row_skip(&f->cells, column - f->column, &e);
    WEIR_ASSERT(whole);
    f->column = column;
}

static int feed_column(sqlite3_vtab_cursor *c, sqlite3_context *to, int number)
{
    struct feed *f = feed_of(c);
    u32 column = (u32)number;
    struct value v;
    if (column < f->order.keys) {
        order_value(&f->order, f->at, column, &v);
    } else {
        if (column != f->column) stand_before(f, column);
        err  e = OK;
        bool whole = row_cell(&f->cells, &v, &e);
        WEIR_ASSERT(whole); /* the row was skipped once, which checks it */
        f->column++;
    }
    if (v.kind == VALUE_NULL) return SQLITE_OK; /* it is null already; most cells end here or with the next line */
    if (v.kind == VALUE_U64 && v.u <= INT64_MAX) sqlite3_result_int64(to, (i64)v.u);
    else result(to, &v);
    return SQLITE_OK;
}

static int feed_rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *out)
{
    *out = feed_of(c)->at;
    return SQLITE_OK;
}

static const sqlite3_module module;

err feed_register(sqlite3 *db, struct feed *f)
{
    return sqlite_err(db, sqlite3_create_module_v2(db, "weir: rows to insert", &module, f, NULL));
}

static const sqlite3_module module = {
    .xConnect = feed_connect, /* no xCreate: it is there without CREATE VIRTUAL TABLE, and cannot be made */
    .xBestIndex = feed_best_index,
    .xDisconnect = feed_disconnect,
    .xOpen = feed_open,
    .xClose = feed_close,
    .xFilter = feed_filter,
    .xNext = feed_next,
    .xEof = feed_eof,
    .xColumn = feed_column,
    .xRowid = feed_rowid,
};
