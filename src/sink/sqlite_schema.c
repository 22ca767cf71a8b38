/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_schema.c: SQL text of result tables, and holding them against what a store already has. */
#include "sink/sqlite_schema.h"

#include "sink/sqlite_feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const char *const type_name[];

/* A name in double quotes; a quote inside is doubled. */
static void add_name(sqlite3_str *to, slice name)
{
    sqlite3_str_appendchar(to, 1, '"');
    for (size_t i = 0; i < name.len; i++) sqlite3_str_appendchar(to, name.at[i] == '"' ? 2 : 1, name.at[i]);
    sqlite3_str_appendchar(to, 1, '"');
}

static void add_names(sqlite3_str *to, const struct table *t, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        if (i > 0) sqlite3_str_appendall(to, ", ");
        add_name(to, t->column[i].name);
    }
}

static char *finish(sqlite3_str *text)
{
    char *sql = sqlite3_str_finish(text);
    WEIR_ASSERT(sql != NULL);
    return sql;
}

static const char *type_of(const struct table_column *c)
{
    return type_name[c->kind];
}

char *sqlite_schema_create(const struct table *t)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendall(sql, "CREATE TABLE IF NOT EXISTS ");
    add_name(sql, t->name);
    sqlite3_str_appendall(sql, " (\n");
    for (u32 i = 0; i < t->columns; i++) {
        const struct table_column *c = &t->column[i];
        sqlite3_str_appendall(sql, "  ");
        add_name(sql, c->name);
        sqlite3_str_appendf(sql, " %s%s,", type_of(c), i < t->keys ? " NOT NULL" : "");
        if (c->unit.len > 0) sqlite3_str_appendf(sql, " -- %.*s", (int)c->unit.len, c->unit.at);
        sqlite3_str_appendchar(sql, 1, '\n');
    }
    sqlite3_str_appendall(sql, "  PRIMARY KEY (");
    add_names(sql, t, t->keys);
    sqlite3_str_appendall(sql, ")\n) WITHOUT ROWID");
    return finish(sql);
}

char *sqlite_schema_put(const struct table *t)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendall(sql, "INSERT OR REPLACE INTO ");
    add_name(sql, t->name);
    sqlite3_str_appendall(sql, " (");
    add_names(sql, t, t->columns);
    sqlite3_str_appendall(sql, ") SELECT c0");
    for (u32 i = 1; i < t->columns; i++) sqlite3_str_appendf(sql, ",c%u", i);
    sqlite3_str_appendall(sql, " FROM " FEED_TABLE);
    return finish(sql);
}

char *sqlite_schema_clear(const struct table *t)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendall(sql, "DELETE FROM ");
    add_name(sql, t->name);
    sqlite3_str_appendall(sql, " WHERE ");
    add_name(sql, t->column[0].name);
    sqlite3_str_appendall(sql, " = ?1");
    return finish(sql);
}

static void add_older(sqlite3_str *to, const struct table *t)
{
    sqlite3_str_appendall(to, " WHERE ");
    add_name(to, t->column[0].name);
    sqlite3_str_appendall(to, " < ?1");
}

char *sqlite_schema_age_rest(const struct table *t)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendall(sql, "DELETE FROM ");
    add_name(sql, t->name);
    add_older(sql, t);
    return finish(sql);
}

/* The comparison of row values is a range of the primary key: the delete reads what it deletes and no more. */
char *sqlite_schema_age(const struct table *t)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendall(sql, "DELETE FROM ");
    add_name(sql, t->name);
    sqlite3_str_appendall(sql, " WHERE (");
    add_names(sql, t, t->keys);
    sqlite3_str_appendall(sql, ") <= (SELECT ");
    add_names(sql, t, t->keys);
    sqlite3_str_appendall(sql, " FROM ");
    add_name(sql, t->name);
    add_older(sql, t);
    sqlite3_str_appendall(sql, " ORDER BY ");
    add_names(sql, t, t->keys);
    sqlite3_str_appendall(sql, " LIMIT 1 OFFSET ?2)");
    return finish(sql);
}

/* --- a table that is there --- */

struct there {
    bool found;
    int  key; /* place in the primary key, from 1; 0: none */
    char type[32];
};

/* What the store has by the name of each column of `t` (SQLite's names do not know case), and its number of keys. */
static err look(sqlite3 *db, const struct table *t, struct there *there, u32 *columns, u32 *keys)
{
    sqlite3_stmt *st;
    err e = sqlite_prepare(db, &st, "SELECT name, type, pk FROM pragma_table_info(?1)");
    if (err_is(e)) return e;
    sqlite_bind_text(st, 1, t->name);
    bool row = true;
    while (!err_is(e) && row) {
        e = sqlite_step(st, &row);
        if (err_is(e) || !row) break;
        slice name = sqlite_slice(st, 0);
        (*columns)++;
        *keys += sqlite3_column_int(st, 2) > 0;
        for (u32 i = 0; i < t->columns; i++) {
            const struct table_column *c = &t->column[i];
            if (c->name.len != name.len || strncasecmp(c->name.at, name.at, name.len) != 0) continue;
            there[i].found = true;
            there[i].key = sqlite3_column_int(st, 2);
            slice type = sqlite_slice(st, 1);
            snprintf(there[i].type, sizeof there[i].type, "%.*s", (int)type.len, type.len ? type.at : "");
        }
    }
    sqlite3_finalize(st);
    return e;
}

#define WAY_OUT "rename the old table (ALTER TABLE ... RENAME TO ...) or give the step another `table:`"

static err misfit(const char *path, const struct table *t, const struct table_column *c, const char *is,
                  const char *want, char *why, size_t room)
{
    snprintf(why, room, "%s: table %.*s, column %.*s: %s, the recipe wants %s; " WAY_OUT, path, (int)t->name.len,
             t->name.at, (int)c->name.len, c->name.at, is, want);
    return (err){ ERR_STATE, "table of the store does not fit the recipe", 0 };
}

static err check_key(const char *path, const struct table *t, const struct there *there, u32 keys, char *why,
                     size_t room)
{
    char is[64], want[64];
    for (u32 i = 0; i < t->columns; i++) {
        int place = i < t->keys ? (int)i + 1 : 0;
        if (place == 0 && (!there[i].found || there[i].key == 0)) continue;
        if (there[i].found && there[i].key == place) continue;
        snprintf(want, sizeof want, place ? "it as number %d of the primary key" : "it outside the primary key", place);
        if (!there[i].found) snprintf(is, sizeof is, "is not there");
        else if (there[i].key) snprintf(is, sizeof is, "is number %d of the primary key", there[i].key);
        else snprintf(is, sizeof is, "is not of the primary key");
        return misfit(path, t, &t->column[i], is, want, why, room);
    }
    if (keys == t->keys) return OK;
    snprintf(why, room, "%s: table %.*s: has %u key columns, the recipe has %u; " WAY_OUT, path, (int)t->name.len,
             t->name.at, keys, t->keys);
    return (err){ ERR_STATE, "table of the store does not fit the recipe", 0 };
}

static err add_column(sqlite3 *db, const struct table *t, const struct table_column *c)
{
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendall(sql, "ALTER TABLE ");
    add_name(sql, t->name);
    sqlite3_str_appendall(sql, " ADD COLUMN ");
    add_name(sql, c->name);
    sqlite3_str_appendf(sql, " %s", type_of(c));
    char *text = finish(sql);
    err e = sqlite_run(db, text);
    sqlite3_free(text);
    return e;
}

static err fit(sqlite3 *db, const char *path, const struct table *t, const struct there *there, u32 keys, char *why,
               size_t room)
{
    char is[64], want[64];
    err e = check_key(path, t, there, keys, why, room);
    for (u32 i = 0; i < t->columns && !err_is(e); i++) {
        const struct table_column *c = &t->column[i];
        if (!there[i].found) {
            e = sqlite_explain(add_column(db, t, c), db, path, "adding a column", why, room);
        } else if (strcasecmp(there[i].type, type_of(c)) != 0) {
            snprintf(is, sizeof is, "is %s", there[i].type[0] ? there[i].type : "without a type");
            snprintf(want, sizeof want, "%s", type_of(c));
            e = misfit(path, t, c, is, want, why, room);
        }
    }
    return e;
}

err sqlite_schema_ensure(sqlite3 *db, const char *path, const struct table *t, char *why, size_t room)
{
    struct there *there = calloc(t->columns, sizeof *there);
    WEIR_ASSERT(there != NULL);
    u32 columns = 0, keys = 0;
    err e = sqlite_explain(look(db, t, there, &columns, &keys), db, path, "reading the schema", why, room);
    if (!err_is(e) && columns == 0) {
        char *sql = sqlite_schema_create(t);
        e = sqlite_run(db, sql);
        sqlite3_free(sql);
        if (err_is(e)) {
            char doing[160];
            snprintf(doing, sizeof doing, "creating table %.*s", (int)t->name.len, t->name.at);
            e = sqlite_explain(e, db, path, doing, why, room);
        }
    } else if (!err_is(e)) {
        e = fit(db, path, t, there, keys, why, room);
    }
    free(there);
    return e;
}

static const char *const type_name[] = {
    [COLUMN_INTEGER] = "INTEGER",
    [COLUMN_REAL] = "REAL",
    [COLUMN_TEXT] = "TEXT",
};
