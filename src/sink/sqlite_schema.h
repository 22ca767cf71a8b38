/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_schema.h: the SQL of a result table: how it is made, written, cleared and aged. Of this folder alone.
 *
 * Numbers of weir in SQLite: u64 above 2^63 - 1 is stored as REAL (its nearest double). A null key cell is stored as ''
 * because a WITHOUT ROWID table takes no null in its key. Networks, addresses and MACs are text. */
#pragma once

#include "shim/sqlite.h"
#include "weir/rows.h"

/* All give a text from sqlite3_malloc: free with sqlite3_free. */
char *sqlite_schema_create(const struct table *t); /* CREATE TABLE IF NOT EXISTS ...                  */
char *sqlite_schema_put(const struct table *t);    /* INSERT OR REPLACE of what sqlite_feed.h gives   */
char *sqlite_schema_clear(const struct table *t);  /* DELETE of a timestamp                           */

/* Deletes the first rows (in key order) older than ?1: up to and with the one at offset ?2. With fewer it deletes
 * nothing; sqlite_schema_age_rest deletes all. */
char *sqlite_schema_age(const struct table *t);
char *sqlite_schema_age_rest(const struct table *t);

/* Creates the table or makes it fit: a column that it lacks is added. One that is there with another type, and a key
 * that differs, is ERR_STATE and named in `why`. path: for the message. */
err sqlite_schema_ensure(sqlite3 *db, const char *path, const struct table *t, char *why, size_t room);
