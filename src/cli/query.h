/* SPDX-License-Identifier: Apache-2.0 */
/* query.h: what the files of weir query share.
 *
 *   query.c         the command
 *   query_top.c     tops and series, which add windows up
 *   query_keys.c    what names a group, and which groups are meant
 *   query_fields.c  measures, and how they add up
 *   query_new.c     keys that were not there before
 *   query_rows.c    rows as they stand: of any table, the newest first; and which tables there are */
#pragma once

#include "cli/command.h"
#include "cli/levels.h"
#include "cli/table.h"

#define QUERY_KEYS_MAX 8

struct query {
    const struct args *args;
    sqlite3           *db;
    struct levels      levels;
    u32                keys;
    char               key[QUERY_KEYS_MAX][NAME_ROOM]; /* columns                             */
    const char        *only[QUERY_KEYS_MAX];           /* its value, if one is asked for      */
    char               table[NAME_ROOM];               /* one of the levels' : they are alike */
    bool               one;                            /* the range is one window             */
    i64                from, to;
};

int query_error(const char *path, const char *what);

/* With sqlite3_mprintf's formats. NULL on an error. */
sqlite3_stmt *query_prepare(sqlite3 *db, const char *format, ...);

/* --from and --to, where they are given. */
void query_bounds(struct query *q);

bool query_has_column(sqlite3 *db, const char *table, const char *column);

/* A cell of the statement's row; the time of a window as text, the seconds only where they matter: for people in their
 * zone, in JSON in UTC. Live as long as the table. */
struct cell query_cell(struct text_table *t, sqlite3_stmt *st, int column);
const char *query_time_text(const struct query *q, struct arena *a, i64 seconds);

/* Times that are values: of a column that holds seconds or ns since 1970, as its comment says. */
enum query_time { QUERY_NO_TIME, QUERY_SECONDS, QUERY_NANOS };

enum query_time query_column_time(const struct query *q, const char *column);

/* fine: with all digits behind the second. */
struct cell query_time_cell(const struct query *q, struct text_table *t, sqlite3_stmt *st, int column,
                            enum query_time unit, bool fine);

int query_top(struct query *q);
int query_series(struct query *q);
int query_rows(struct query *q, const char *path);
int query_tables(struct query *q, const char *path);
int query_new(struct query *q, const char *path);

/* The one table that `name` means: itself, or behind the name of a source. Gives how many it may mean; the last into
 * q->table. */
u32 query_table_find(struct query *q, const char *name);

/* --- groups (query_keys.c) --- */

/* q->key: of q->table, what its primary key has behind the timestamp. */
void keys_find(struct query *q);

/* q->only: by the words of the command line behind the first `skip`, as VALUE in the order of keys, or KEY=VALUE. Gives
 * an exit code. */
int keys_only(struct query *q, u32 skip);

/* " AND key = value", for all that are asked for. */
void keys_where(const struct query *q, sqlite3_str *sql);

/* Text is compared as it is shown; `-` is what is not there. */
void query_where(sqlite3_str *sql, const char *column, const char *value);

bool keys_has(const struct query *q, const char *name);

/* --- measures (query_fields.c): of q->table --- */

#define SHOWN_FIELDS 5  /* without being asked for */
#define FIELDS_SHOWN 24

struct fields {
    u32  count;
    char name[FIELDS_SHOWN][NAME_ROOM];
};

/* How a field adds up over windows; HOW_NOT: it does not (first, last, sketches). */
enum how { HOW_NONE, HOW_SUM, HOW_MIN, HOW_MAX, HOW_AVG, HOW_SHARE, HOW_NOT };

struct part {
    enum how        how;
    enum query_time time;
    char           *column, *weight; /* sqlite3_malloc'd; weight: of HOW_AVG */
    const char     *why;             /* HOW_NOT: "first", "distinct"         */
};

void fields_add(struct fields *f, const char *name);
void fields_list(struct fields *f, const char *list); /* with commas between them */

/* What is shown if nothing is asked for: what the store ranks and its shares; of a top only what adds up, then the
 * times first and last seen; of new keys only sums and the like. */
enum pick { PICK_TOP, PICK_SERIES, PICK_NEW };

void fields_pick(const struct query *q, struct fields *f, const char *by, enum pick what);

struct part field_part(const struct query *q, const char *field); /* HOW_NONE: no such measure */
int         field_unknown(const struct query *q, const char *field);
void        part_free(struct part *p);

/* ", sum(...)"; whole: of HOW_SHARE, what stands behind FROM to find all. HOW_NOT: the value where there is one row
 * only. */
void part_sql(sqlite3_str *sql, const struct part *p, const char *whole);
