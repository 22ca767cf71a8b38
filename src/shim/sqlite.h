/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite.h: SQLite in our err and slice, with the settings that weir's files need.
 *
 * A file has one connection that writes *and* checkpoints (before 3.51.3 SQLite can corrupt a WAL otherwise); readers
 * are read-only, never checkpoint, and may come and go. No mmap: a truncated file would be a SIGBUS. A connection may
 * move between threads, but only one may use it at a time. */
#pragma once

#include "weir/err.h"
#include "weir/slice.h"

#include <sqlite3.h>

#define SQLITE_BUSY_MS 10000 /* a reader may recover a WAL or hold a short lock; longer than this is an error */

enum sqlite_how {
    SQLITE_HOW_READ,   /* the file must exist; nothing is written to it                      */
    SQLITE_HOW_WRITE,  /* the file must exist                                                */
    SQLITE_HOW_CREATE, /* made if missing                                                    */
};

/* Opens without looking inside (SQLite reads the file at the first statement). `why` gets the long form of an error:
 * a missing directory, a path that is a directory, missing permission. *out is NULL on an error. */
err sqlite_open(sqlite3 **out, const char *path, enum sqlite_how how, char *why, size_t room);

/* Finalizes what is left open, too. NULL is fine. A writer's last close checkpoints and removes the WAL. */
void sqlite_close(sqlite3 *db);

/* Settings of a connection that writes: page size (of a new file), WAL, synchronous=FULL, no automatic checkpoint,
 * freed content is not zeroed. cache: KiB. The first statement that reads the file: says ERR_SQL with SQLITE_NOTADB
 * here. */
err sqlite_configure(sqlite3 *db, u32 page_size, u32 cache_kib);

/* Runs one or more statements that give no rows (or whose rows do not matter). */
err sqlite_run(sqlite3 *db, const char *sql);

/* The same with sqlite3_mprintf's formats: %Q a quoted text, "%w" a quoted name. */
err sqlite_runf(sqlite3 *db, const char *format, ...);

/* The first column of the first row as an integer; `fallback` if there is no row. */
err sqlite_get(sqlite3 *db, const char *sql, i64 fallback, i64 *out);

/* A statement that is kept: finalized by sqlite_close or sqlite3_finalize. */
err sqlite_prepare(sqlite3 *db, sqlite3_stmt **out, const char *sql);

/* The next row: *row false at the end, and the statement is ready for the next run. On an error it is reset. */
err sqlite_step(sqlite3_stmt *st, bool *row);

/* Runs a statement that gives no rows, and resets it. Bindings stay. */
err sqlite_done(sqlite3_stmt *st);

/* Parameters from 1. Slices are borrowed until the statement is bound anew; an empty one is a value, not null. */
void sqlite_bind_text(sqlite3_stmt *st, int at, slice s);
void sqlite_bind_blob(sqlite3_stmt *st, int at, slice s);
void sqlite_bind_u64(sqlite3_stmt *st, int at, u64 v); /* its 64 bits, as SQLite's signed integer */

/* A cell as bytes, lent until the next step. Columns from 0. */
slice sqlite_slice(sqlite3_stmt *st, int column);
u64   sqlite_u64(sqlite3_stmt *st, int column);

/* BEGIN IMMEDIATE, COMMIT. On a failed commit the transaction is still open: roll back. */
err  sqlite_begin(sqlite3 *db);
err  sqlite_commit(sqlite3 *db);
void sqlite_rollback(sqlite3 *db); /* nothing happens if none is open */

/* The connection's last error as a value: `at` is the extended code, `what` SQLite's static words. */
err sqlite_err(sqlite3 *db, int code);

/* An fsync failed or the file is damaged: the process must end, recovery takes over (the kernel may have marked the
 * pages clean that it could not write, so that trying again would lie). */
bool sqlite_fatal(err e);

/* "path: doing: words (code)" into `why`; gives `e` back, as ERR_STATE where the file is damaged or no database.
 * doing: "writing epoch 7". */
err sqlite_explain(err e, sqlite3 *db, const char *path, const char *doing, char *why, size_t room);

/* Bytes in the file that has this path and "-wal" behind it; 0 if there is none. */
u64 sqlite_wal_bytes(const char *path);
