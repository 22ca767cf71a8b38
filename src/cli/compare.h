/* SPDX-License-Identifier: Apache-2.0 */
/* compare.h: what the files of weir compare share.
 *
 *   compare.c        the command: which stores, which tables
 *   compare_table.c  two tables of one name: their columns, then their rows side by side in the order of the key
 *   compare_print.c  what was found, for people or as JSON */
#pragma once

#include "cli/command.h"
#include "shim/sqlite.h"
#include "weir/arena.h"

#define COMPARE_COLUMNS_MAX 2000u /* SQLite's own limit of a table's */

enum side { SIDE_A, SIDE_B };

struct store {
    const char *name; /* A, B */
    char       *path; /* malloc'd */
    sqlite3    *db;
};

/* Columns of one name on both sides are one. */
struct compare_column {
    const char *name;
    bool        in[2];
    u32         key[2];  /* place in the primary key, from 1; 0: none                        */
    bool        compared; /* in both, no key, not left out                                   */
    int         at;      /* of a key or compared column in both statements                   */
};

struct compare_counts {
    u64 both, only[2], different; /* `different` are among `both` */
};

struct compare {
    const struct args *args;
    struct store       store[2];
    i64                from, to;
    f64                tolerance;
    u64                limit; /* rows told, a table */
    bool               all;   /* revision and closed_by, too */
    bool               json;
    bool               equal; /* so far */
    u64                told;  /* JSON: tables */

    /* Of the table at work. */
    struct arena           arena;
    const char            *table;
    u32                    columns;
    struct compare_column *column;
    struct compare_counts  counts;
    u64                    rows;   /* told or not                 */
    bool                   rejects; /* told apart by other columns than its key */
    bool                   headed; /* text: the table's name is out */
};

/* A line to standard error; EX_IOERR. */
int compare_error(const struct store *s, const char *what);

/* With sqlite3_mprintf's formats; NULL: told why. */
sqlite3_stmt *compare_prepare(const struct store *s, const char *format, ...);

/* Compares c->table, which both stores have, and prints what it finds. */
int compare_table(struct compare *c);

/* As the findings of a table come; a row's statements stand on it. rows[side] NULL: it is not there. */
void compare_print_table(struct compare *c);
void compare_print_row(struct compare *c, sqlite3_stmt *const *rows);
void compare_print_end(struct compare *c);
void compare_print_keys(struct compare *c); /* in place of rows: the keys differ, so that they cannot be compared */

/* Rows can be told apart by the same columns in the same order on both sides. */
bool compare_same_key(const struct compare *c);

/* Are these cells the same, by --tolerance? */
bool compare_same(const struct compare *c, sqlite3_stmt *a, sqlite3_stmt *b, int column);
