/* SPDX-License-Identifier: Apache-2.0 */
/* table.h: rows of text in columns for people, or as JSON for programs. */
#pragma once

#include "weir/arena.h"

#include <stdio.h>

#define TABLE_COLUMNS_MAX 1024u
#define TABLE_ROWS_MAX    100000u

enum cell_kind { CELL_NULL, CELL_NUMBER, CELL_TEXT };

struct cell {
    enum cell_kind kind;
    const char    *text; /* a number as it is written in JSON, too */
};

struct text_table {
    struct arena arena;
    u32          columns, rows, room;
    const char  *head[TABLE_COLUMNS_MAX];
    struct cell *cell; /* rows x columns */
};

void         text_table_init(struct text_table *t);
void         text_table_fini(struct text_table *t);
void         text_table_column(struct text_table *t, const char *head); /* before the first row; copied */
struct cell *text_table_row(struct text_table *t); /* a row of CELL_NULL; NULL past TABLE_ROWS_MAX */

/* Numbers right, text left, as wide as they need; bytes that a terminal would obey are shown as '?'. */
void text_table_print(const struct text_table *t, FILE *to);

/* One JSON array of objects. */
void text_table_json(const struct text_table *t, FILE *to);

/* A text by itself: as text_table_print shows it, as a JSON string with its quotes. */
void table_plain_text(const char *s, FILE *to);
void table_json_text(const char *s, FILE *to);

/* 2026-01-31T12:00Z, with seconds if exact. */
const char *table_time(struct arena *a, i64 seconds, bool exact);

/* The same in the time zone of who asks: 2026-01-31T13:00+01:00. */
const char *table_time_local(struct arena *a, i64 seconds, bool exact);
