/* SPDX-License-Identifier: Apache-2.0 */
/* levels.h: what a store holds of one way and kind: a table for each level, found by name. */
#pragma once

#include "shim/sqlite.h"

#define LEVELS_MAX 16
#define NAME_ROOM  256

struct level {
    char name[32]; /* hourly, 10m */
    i64  seconds;
    i64  first, end; /* of what is there; equal: nothing */
};

struct levels {
    char         stem[NAME_ROOM]; /* p2_bothsite: without the level  */
    char         also[NAME_ROOM]; /* the stem of another source; "": none */
    u32          count;
    struct level at[LEVELS_MAX]; /* narrow first */
};

/* Tables <source>_<way><kind>_<level>. source: NULL for any. Nothing found: count is 0. */
err levels_find(struct levels *l, sqlite3 *db, const char *source, const char *way, const char *kind);

/* The levels beside a table that is one: p2_srcsite_hourly. Of no level: count is 0. */
err levels_of(struct levels *l, sqlite3 *db, const char *table);

/* Sets first and end by the table's rows; `seconds` is given. */
err levels_bounds(sqlite3 *db, const char *table, struct level *v);

/* By name or span: hourly, 1h, 60m. NULL: there is none. */
const struct level *levels_named(const struct levels *l, const char *name);

/* A range [from, to) from one level's table. */
struct piece {
    u32 level;
    i64 from, to;
};

/* The start of the window of `step` seconds that t lies in. */
i64 levels_floor(i64 t, i64 step);

#define PIECES_MAX (2 * LEVELS_MAX)

/* Cuts a range into pieces: the widest windows where they are there and whole, narrower ones for what is before and
 * behind them (a window that is still open has no row yet, one too narrow may have been deleted). Number of pieces. */
u32 levels_cut(const struct levels *l, i64 from, i64 to, struct piece *piece);
