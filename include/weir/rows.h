/* SPDX-License-Identifier: Apache-2.0 */
/* rows.h: result rows on their way from the loop to the sinks: typed cells in a compact byte string.
 *
 * What a window closes is written here once, as the outbox that an epoch makes durable, and read by every sink, on its
 * own thread. Small numbers take one byte, so that a raw minute of 200,000 rows is some 20 MB, not 100.
 *
 * Bytes of a stream of rows, row after row:
 *   u8 op         ROW_PUT, ROW_CLEAR
 *   varint table  index in the recipe's list of tables
 *   cells         per column of the table: u8 kind, then the value (varint, 8 bytes, or varint length and bytes); a u64
 *                 below 240 is one byte in all. ROW_CLEAR has only the first key column (the window's start) */
#pragma once

#include "weir/addr.h"
#include "weir/err.h"
#include "weir/slice.h"

enum value_kind {
    VALUE_NULL,
    VALUE_U64,
    VALUE_I64,
    VALUE_F64,
    VALUE_TEXT,
    VALUE_ADDR,
    VALUE_NET,
    VALUE_MAC, /* in u */
};

struct value {
    enum value_kind kind;
    union {
        u64   u;
        i64   i;
        f64   f;
        slice text; /* lent */
        addr  at;
        net   range;
    };
};

#define VALUE_TEXT_ROOM 64

/* The value as text (decimal, shortest round-trip double, address, bytes as they are); null is empty.
 * Lent: from the value itself or from buf (VALUE_TEXT_ROOM bytes). */
slice value_text(const struct value *v, char *buf);

/* Null first, numbers, then text by bytes: <0, 0, >0. */
int value_cmp(const struct value *a, const struct value *b);

enum column_kind { COLUMN_INTEGER, COLUMN_REAL, COLUMN_TEXT };

struct table_column {
    slice            name;
    enum column_kind kind;
    slice            unit; /* "s", "ns", "bytes" or empty, for documentation */
};

/* A result table. The first `keys` columns are its primary key; column 0 is always `timestamp`. */
struct table {
    slice                      name;    /* p2_srcsite_minutely                                         */
    slice                      step;    /* the recipe step it comes from                               */
    slice                      level;   /* what `retain:` calls it: raw's step name, 1m, 5m, 1h, 1d    */
    slice                      base;    /* a rank table's plain table; else empty                      */
    nanos                      length;  /* of its windows                                              */
    u32                        keys;
    u32                        columns;
    const struct table_column *column;
};

enum row_op {
    ROW_PUT = 1, /* insert, or replace the row with this key                                 */
    ROW_CLEAR,   /* delete the rows of this timestamp: an amended ranking is written whole   */
};

/* Growing byte string of rows. limit: none here; the engine bounds the outbox by pausing sources. */
struct row_writer {
    u8    *at;
    size_t len, room;
    u64    rows;
    size_t first; /* room to begin with: as its bytes were last time, 0: some */
};

void row_writer_init(struct row_writer *w);
void row_writer_fini(struct row_writer *w);

/* The bytes are given (free with free()); the writer is empty again. */
slice row_writer_take(struct row_writer *w);

void row_put(struct row_writer *w, u32 table);
void row_clear(struct row_writer *w, u32 table, i64 timestamp);
void row_i64(struct row_writer *w, i64 v);
void row_f64(struct row_writer *w, f64 v);
void row_seconds(struct row_writer *w, u64 ns);      /* reads back as VALUE_F64: ns / 1e9     */
void row_mean(struct row_writer *w, u128 ns, u64 n); /* reads back as VALUE_F64: ns / n / 1e9 */
void row_text(struct row_writer *w, slice s);
void row_value(struct row_writer *w, const struct value *v);

/* All of from's rows behind w's. Where w has none, they change hands, and `from` has w's memory: nothing is copied. */
void row_writer_join(struct row_writer *w, struct row_writer *from);

/* A number that is known later: a u64 cell of 9 bytes, whatever it holds. Gives its place, which stands while the
 * writer is neither joined nor taken. n: below ROW_NUMBER_MAX. */
#define ROW_NUMBER_MAX ((u64)1 << 56)
size_t row_number(struct row_writer *w);
void   row_number_set(struct row_writer *w, size_t place, u64 n);

/* One value after the other, without tables: the engine's own small records. */
struct value_reader {
    const u8 *at, *end;
};

/* False at the end or on damage; texts are lent from the stream. */
bool value_read(struct value_reader *r, struct value *out);

void row_null_long(struct row_writer *w);
void row_u64_long(struct row_writer *w, u64 v);

#define ROW_SMALL     16u /* a cell's first byte, if not below: the u64 itself and this added */
#define ROW_SMALL_MAX (255u - ROW_SMALL)

/* Most cells of a row are small or null: a byte, written in place. */
static inline void row_null(struct row_writer *w)
{
    if (w->len == w->room) row_null_long(w);
    else w->at[w->len++] = VALUE_NULL;
}

static inline void row_u64(struct row_writer *w, u64 v)
{
    if (v > ROW_SMALL_MAX || w->len == w->room) row_u64_long(w, v);
    else w->at[w->len++] = (u8)(ROW_SMALL + v);
}

struct row_reader {
    const u8           *at, *end;
    const struct table *table; /* the recipe's tables  */
    u32                 tables;
    const u8           *row;   /* where the row began; the place of a fault counts from here */
};

struct row {
    enum row_op   op;
    u32           table;
    u32           columns;
    struct value *value; /* the caller's array, room for the widest table; texts are lent from the stream */
};

/* False at the end or on a damaged stream (then *e says so). */
bool row_next(struct row_reader *r, struct row *row, err *e);

/* The same by hand, for who wants not all cells or no array of them: row_open gives operation, table and columns, then
 * each of the `columns` cells is read or skipped. Skipping checks all that reading does. *e as above. */
bool row_open(struct row_reader *r, struct row *row, err *e);
bool row_skip(struct row_reader *r, u32 cells, err *e);
bool row_cell_long(struct row_reader *r, struct value *out, err *e); /* any cell; row_cell is faster */

static inline bool row_cell(struct row_reader *r, struct value *out, err *e)
{
    if (r->at == r->end || (*r->at < ROW_SMALL && *r->at != VALUE_NULL)) return row_cell_long(r, out, e);
    u8 first = *r->at++;
    out->kind = first == VALUE_NULL ? VALUE_NULL : VALUE_U64;
    out->u = (u64)first - ROW_SMALL;
    return true;
}
