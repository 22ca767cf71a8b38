/* SPDX-License-Identifier: Apache-2.0 */
/* query.h: what the files of weir query share.
 *
 *   query.c       the command; tops and series, which add windows up
 *   query_rows.c  rows as they stand: of any table, the newest first; and which tables there are */
#pragma once

#include "cli/command.h"
#include "cli/levels.h"
#include "cli/table.h"

struct query {
    const struct args *args;
    sqlite3           *db;
    struct levels      levels;
    char               kind[NAME_ROOM];  /* the key column                      */
    char               table[NAME_ROOM]; /* one of the levels' : they are alike */
    i64                from, to;
};

int query_error(const char *path, const char *what);

/* With sqlite3_mprintf's formats. NULL on an error. */
sqlite3_stmt *query_prepare(sqlite3 *db, const char *format, ...);

/* --from and --to, where they are given. */
int query_bounds(struct query *q);

bool query_has_column(sqlite3 *db, const char *table, const char *column);

/* A cell of the statement's row; the time of a window as text, the seconds only where they matter. Live as long as the
 * table. */
struct cell query_cell(struct text_table *t, sqlite3_stmt *st, int column);
const char *query_time_text(struct arena *a, i64 seconds);

int query_rows(struct query *q, const char *path);
int query_tables(struct query *q, const char *path);
