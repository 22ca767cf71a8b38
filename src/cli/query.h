/* SPDX-License-Identifier: Apache-2.0 */
/* query.h: what the files of weir query share.
 *
 *   query.c         the command; tops and series, which add windows up
 *   query_fields.c  measures, and how they add up
 *   query_new.c     keys that were not there before
 *   query_rows.c    rows as they stand: of any table, the newest first; and which tables there are */
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
void query_bounds(struct query *q);

bool query_has_column(sqlite3 *db, const char *table, const char *column);

/* A cell of the statement's row; the time of a window as text, the seconds only where they matter. Live as long as the
 * table. */
struct cell query_cell(struct text_table *t, sqlite3_stmt *st, int column);
const char *query_time_text(struct arena *a, i64 seconds);

int query_rows(struct query *q, const char *path);
int query_tables(struct query *q, const char *path);
int query_new(struct query *q, const char *path);

/* --- measures (query_fields.c): of q->table --- */

#define SHOWN_FIELDS 5

struct fields {
    u32  count;
    char name[SHOWN_FIELDS + 1][NAME_ROOM];
};

/* How a field adds up over windows; HOW_NOT: it does not (first, last, sketches). */
enum how { HOW_NONE, HOW_SUM, HOW_MIN, HOW_MAX, HOW_AVG, HOW_NOT };

struct part {
    enum how    how;
    char       *column, *weight; /* sqlite3_malloc'd; weight: of HOW_AVG */
    const char *why;             /* HOW_NOT: "first", "distinct"         */
};

void fields_add(struct fields *f, const char *name);

/* The field asked for (NULL: none), then the first ones that the store ranks; top: that add up. */
void fields_pick(const struct query *q, struct fields *f, const char *by, bool top);

struct part field_part(const struct query *q, const char *field); /* HOW_NONE: no such measure */
int         field_unknown(const struct query *q, const char *field);
void        part_free(struct part *p);
void        part_sql(sqlite3_str *sql, const struct part *p); /* ", sum(...)" */
