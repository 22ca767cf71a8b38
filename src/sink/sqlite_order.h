/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_order.h: rows of one table brought into key order before they are inserted. Of this folder alone.
 *
 * Groups come in the order in which they were first seen; inserted like that, each searches the whole tree. In key
 * order each goes behind the one before. Rows stay in their byte string: kept are, per row, where its cells behind the
 * key begin and a number for each key cell. Distinct key cells (a minute has a thousand times more rows than networks)
 * are decoded, written as text and sorted once. Rows of equal keys stay in the order they came. */
#pragma once

#include "weir/rows.h"

#define ORDER_ROWS_MAX (1u << 20) /* 8 + 4 a key + 8 bytes each: 32 MB with four keys */
#define ORDER_KEYS_MAX (1u << 19) /* some 120 bytes each; another row may add one a key column */

/* A key cell as SQLite holds it. */
struct order_key {
    const u8 *cell;     /* lent: in the stream                                                */
    u64       number;   /* bits that order like it                                            */
    u32       cell_len;
    u32       len;      /* of the text; or ORDER_REAL, ORDER_INTEGER                          */
    u32       at;       /* of the text in `text`; a VALUE_TEXT is in the stream: ORDER_LENT   */
};
static_assert(sizeof(struct order_key) == 32, "two to a cache line");

#define ORDER_INTEGER UINT32_MAX
#define ORDER_REAL    (UINT32_MAX - 1)
#define ORDER_LENT    UINT32_MAX

struct order {
    u32               keys;  /* key columns */
    u32               rows, rows_room;
    const u8        **rest;  /* per row, lent: the first cell behind the key */
    u32              *id;    /* per row and key column: of `key`             */
    u32              *by, *spare; /* row numbers, sorted                     */
    u32               by_room;
    struct order_key *key;
    u32               count, room;
    u64              *slot;  /* hash table: run << 32 | id; of another run: free */
    u32               slots, run;
    char             *text;
    size_t            text_len, text_room;
};

void order_fini(struct order *o);

/* Empties it for rows with this many key columns. */
void order_start(struct order *o, u32 keys);

/* True: sort and use what is there, then start again. */
bool order_full(const struct order *o);

/* cell: where each key cell begins in the stream, and behind them the row's next cell (keys + 1 places, borrowed). */
void order_add(struct order *o, const u8 *const *cell);
void order_sort(struct order *o);

/* Key cell of the i-th row in order: a VALUE_I64, VALUE_F64 or VALUE_TEXT, lent until the next start. */
void order_value(const struct order *o, u32 i, u32 column, struct value *out);

static inline const u8 *order_rest(const struct order *o, u32 i)
{
    return o->rest[o->by[i]];
}
