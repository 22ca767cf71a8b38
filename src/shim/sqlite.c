/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite.c: a thin wrapper: nothing is hidden, callers still see sqlite3 and sqlite3_stmt.
 *
 * SQLITE_OPEN_NOMUTEX: weir's connections have one owner at a time, which saves a lock per call (ten million binds a
 * minute in the store). */
#include "shim/sqlite.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int open_flags[];

/* The folder of `path` in a malloc'd string. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return slice_dup(S("."));
    return slice_dup(slice_of(path, slash == path ? 1 : (size_t)(slash - path)));
}

/* What the file system has against this path, in words; false: nothing that we can see. */
static bool path_trouble(const char *path, enum sqlite_how how, char *why, size_t room)
{
    struct stat at;
    char *folder = folder_of(path);
    bool wrong = true;
    if (stat(folder, &at) != 0)
        snprintf(why, room, "%s: the directory %s: %s", path, folder, strerror(errno));
    else if (!S_ISDIR(at.st_mode))
        snprintf(why, room, "%s: %s is not a directory", path, folder);
    else if (stat(path, &at) == 0 && S_ISDIR(at.st_mode))
        snprintf(why, room, "%s: is a directory, a file is wanted", path);
    else if (how != SQLITE_HOW_CREATE && access(path, F_OK) != 0)
        snprintf(why, room, "%s: %s", path, strerror(errno));
    else if (access(path, F_OK) == 0 && access(path, how == SQLITE_HOW_READ ? R_OK : R_OK | W_OK) != 0)
        snprintf(why, room, "%s: %s", path, strerror(errno));
    else if (how != SQLITE_HOW_READ && access(folder, W_OK) != 0)
        snprintf(why, room, "%s: the directory %s is not writable: %s", path, folder, strerror(errno));
    else
        wrong = false;
    free(folder);
    return wrong;
}

err sqlite_open(sqlite3 **out, const char *path, enum sqlite_how how, char *why, size_t room)
{
    *out = NULL;
    if (path_trouble(path, how, why, room)) return err_os("open a database");
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(path, &db, open_flags[how] | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code != SQLITE_OK) {
        err e = sqlite_explain(sqlite_err(db, code), db, path, "opening", why, room);
        sqlite3_close_v2(db);
        return e;
    }
    sqlite3_busy_timeout(db, SQLITE_BUSY_MS);
    sqlite3_wal_autocheckpoint(db, 0);
    if (how == SQLITE_HOW_READ) sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    *out = db;
    return OK;
}

void sqlite_close(sqlite3 *db)
{
    if (db == NULL) return;
    for (sqlite3_stmt *st; (st = sqlite3_next_stmt(db, NULL)) != NULL;) sqlite3_finalize(st);
    sqlite3_close_v2(db);
}

err sqlite_configure(sqlite3 *db, u32 page_size, u32 cache_kib)
{
    err e = sqlite_runf(db, "PRAGMA page_size=%u; PRAGMA cache_size=-%u; PRAGMA secure_delete=OFF; PRAGMA mmap_size=0",
                        page_size, cache_kib);
    if (!err_is(e)) e = sqlite_run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY");
    return e;
}

err sqlite_run(sqlite3 *db, const char *sql)
{
    return sqlite_err(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

err sqlite_runf(sqlite3 *db, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    WEIR_ASSERT(sql != NULL);
    err e = sqlite_run(db, sql);
    sqlite3_free(sql);
    return e;
}

err sqlite_get(sqlite3 *db, const char *sql, i64 fallback, i64 *out)
{
    *out = fallback;
    sqlite3_stmt *st;
    err e = sqlite_prepare(db, &st, sql);
    if (err_is(e)) return e;
    bool row;
    e = sqlite_step(st, &row);
    if (!err_is(e) && row) *out = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return e;
}

err sqlite_prepare(sqlite3 *db, sqlite3_stmt **out, const char *sql)
{
    *out = NULL;
    return sqlite_err(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL));
}

err sqlite_step(sqlite3_stmt *st, bool *row)
{
    int code = sqlite3_step(st);
    *row = code == SQLITE_ROW;
    if (*row) return OK;
    err e = sqlite_err(sqlite3_db_handle(st), code);
    sqlite3_reset(st);
    return e;
}

err sqlite_done(sqlite3_stmt *st)
{
    int code = sqlite3_step(st);
    err e = sqlite_err(sqlite3_db_handle(st), code);
    sqlite3_reset(st);
    return e;
}

/* A NULL pointer would bind NULL, and a slice may be empty with no pointer. */
void sqlite_bind_text(sqlite3_stmt *st, int at, slice s)
{
    sqlite3_bind_text64(st, at, s.len > 0 ? s.at : "", s.len, SQLITE_STATIC, SQLITE_UTF8);
}

void sqlite_bind_blob(sqlite3_stmt *st, int at, slice s)
{
    sqlite3_bind_blob64(st, at, s.len > 0 ? s.at : "", s.len, SQLITE_STATIC);
}

void sqlite_bind_u64(sqlite3_stmt *st, int at, u64 v)
{
    sqlite3_bind_int64(st, at, (i64)v);
}

slice sqlite_slice(sqlite3_stmt *st, int column)
{
    const char *at = sqlite3_column_blob(st, column);
    return slice_of(at, (size_t)sqlite3_column_bytes(st, column));
}

u64 sqlite_u64(sqlite3_stmt *st, int column)
{
    return (u64)sqlite3_column_int64(st, column);
}

err sqlite_begin(sqlite3 *db)
{
    return sqlite_run(db, "BEGIN IMMEDIATE");
}

err sqlite_commit(sqlite3 *db)
{
    return sqlite_run(db, "COMMIT");
}

void sqlite_rollback(sqlite3 *db)
{
    if (!sqlite3_get_autocommit(db)) sqlite_run(db, "ROLLBACK");
}

err sqlite_err(sqlite3 *db, int code)
{
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return OK;
    int extended = db ? sqlite3_extended_errcode(db) : code;
    if ((extended & 0xff) != (code & 0xff)) extended = code;
    return (err){ ERR_SQL, sqlite3_errstr(code), extended };
}

static bool damaged(err e)
{
    int kind = (int)(e.at & 0xff);
    return e.code == ERR_SQL && (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB || e.at == SQLITE_IOERR_CORRUPTFS);
}

bool sqlite_fatal(err e)
{
    if (e.code != ERR_SQL) return e.code == ERR_STATE;
    return damaged(e) || e.at == SQLITE_IOERR_FSYNC || e.at == SQLITE_IOERR_DIR_FSYNC;
}

err sqlite_explain(err e, sqlite3 *db, const char *path, const char *doing, char *why, size_t room)
{
    if (!err_is(e)) return e;
    const char *more = db && e.code == ERR_SQL ? sqlite3_errmsg(db) : e.what;
    int system = db ? sqlite3_system_errno(db) : 0;
    if ((e.at & 0xff) == SQLITE_NOTADB && e.code == ERR_SQL)
        snprintf(why, room, "%s: is not an SQLite database", path);
    else if (damaged(e))
        snprintf(why, room, "%s: %s: the file is damaged: %s", path, doing, more);
    else if (e.code == ERR_SQL && (e.at & 0xff) == SQLITE_FULL)
        snprintf(why, room, "%s: %s: no space left (%s)", path, doing, more);
    else if (e.code == ERR_SQL && (e.at & 0xff) == SQLITE_IOERR && system != 0)
        snprintf(why, room, "%s: %s: %s: %s (SQLite code %lld)", path, doing, more, strerror(system), (long long)e.at);
    else
        snprintf(why, room, "%s: %s: %s (SQLite code %lld)", path, doing, more, (long long)e.at);
    if (damaged(e)) e.code = ERR_STATE;
    return e;
}

u64 sqlite_wal_bytes(const char *path)
{
    char *wal = sqlite3_mprintf("%s-wal", path);
    WEIR_ASSERT(wal != NULL);
    struct stat at;
    u64 bytes = stat(wal, &at) == 0 ? (u64)at.st_size : 0;
    sqlite3_free(wal);
    return bytes;
}

static const int open_flags[] = {
    [SQLITE_HOW_READ] = SQLITE_OPEN_READONLY,
    [SQLITE_HOW_WRITE] = SQLITE_OPEN_READWRITE,
    [SQLITE_HOW_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
};
