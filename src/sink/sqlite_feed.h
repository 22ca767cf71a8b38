/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_feed.h: ordered rows as a table that SQLite reads: INSERT INTO t SELECT c0, c1, ... FROM the feed. Of this
 * folder alone.
 *
 * One statement takes a whole run: the tree's cursor stays open and finds each row's place behind the one before
 * without a search from the root, and a cell goes from the stream into its register without being bound and copied
 * first. */
#pragma once

#include "shim/sqlite.h"
#include "sink/sqlite_order.h"

/* Its name in SQL. A table of a recipe cannot be called so. */
#define FEED_TABLE "\"weir: rows to insert\""

struct feed {
    struct order      order;
    u32               columns;    /* of the widest table             */
    u32               at, until;  /* rows in order: where a scan begins, and does not come to */
    const u8         *end;        /* of the stream                   */
    u32               column;     /* that `cells` stands before      */
    struct row_reader cells;
};

/* Makes FEED_TABLE known to this connection, with columns c0, c1, ...; f must outlive it. */
err feed_register(sqlite3 *db, struct feed *f);
