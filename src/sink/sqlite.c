/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite.c: the embedded store: result tables in an SQLite file that its shell can read while weir runs.
 *
 * An epoch is one transaction: its rows and its number in weir_epoch. One connection writes and checkpoints; readers
 * see the last whole epoch and cannot stop it, only hold the WAL's reset back for as long as they read. Old rows go in
 * steps of at most 5,000, so that an epoch never waits long behind them. */
#include "shim/lock.h"
#include "shim/sqlite.h"
#include "sink/sinks.h"
#include "sink/sqlite_feed.h"
#include "sink/sqlite_schema.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGE_BYTES      16384u /* 8 to 64 KiB take the same CPU time: bench/micro/sink_sqlite.c            */
#define CACHE_KIB       4096u  /* rows go in behind each other, so that few pages are needed again      */
#define WAL_PASSIVE     ((u64)8 << 20)  /* tick copies it into the file past this              */
#define WAL_APPLY       ((u64)64 << 20) /* apply does, when epochs come without a tick between */
#define AGE_ROWS        5000
#define PUT_ROWS        4096u  /* by one statement */

static const char *const epoch_table;

struct sqlite_options {
    const char *path;
};

/* A wanted table with its statements, prepared when first used. */
struct target {
    const struct table *table; /* NULL: not wanted */
    nanos               span;  /* rows older than this go; 0: never */
    sqlite3_stmt       *put, *clear, *age, *age_rest;
};

struct sink {
    sqlite3       *db;
    const char    *path; /* lent: the options' */
    struct lock    lock;
    slice          recipe;
    u32            tables;
    const struct table *table;
    struct target *target; /* per table of the recipe      */
    struct feed    feed;   /* rows of one table, on their way to it */
    const u8     **cell;   /* of a row: where its key cells begin and end */
    sqlite3_stmt  *epoch_get, *epoch_put;
    u32            aging;  /* the table that tick looks at */
    u64            wal;    /* bytes in the WAL that are not yet in the file */
    u32            page_bytes;
    bool           applied; /* since the last tick */
    err            broken;  /* a failed checkpoint of tick: the next apply tells it, fatal */
    char           broken_why[512];
};

/* --- open, close --- */

static int count_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct sink *s = arg;
    s->wal = (u64)pages * s->page_bytes;
    return SQLITE_OK;
}

static nanos span_of(const struct sink_setup *setup, const struct table *t)
{
    for (u32 i = 0; i < setup->retains; i++) {
        const struct retain *r = &setup->retain[i];
        if (slice_eq(r->level, t->level) || slice_eq(r->level, t->step)) return r->span;
    }
    return 0;
}

static void set_targets(struct sink *s, const struct sink_setup *setup)
{
    u32 keys = 0;
    s->feed.columns = 1;
    s->target = calloc(setup->tables + 1, sizeof *s->target);
    for (u32 i = 0; i < setup->tables; i++) {
        const struct table *t = &setup->table[i];
        if (t->keys > keys) keys = t->keys;
        if (t->columns > s->feed.columns) s->feed.columns = t->columns;
        if (setup->wanted[i]) s->target[i] = (struct target){ .table = t, .span = span_of(setup, t) };
    }
    s->cell = calloc(keys + 1, sizeof *s->cell);
    WEIR_ASSERT(s->target != NULL && s->cell != NULL);
}

/* All tables in one transaction: a recipe whose third table does not fit leaves the first two alone. */
static err ensure(struct sink *s, char *why, size_t room)
{
    err e = sqlite_begin(s->db);
    if (!err_is(e)) e = sqlite_run(s->db, epoch_table);
    if (err_is(e)) return sqlite_explain(e, s->db, s->path, "opening the store", why, room);
    for (u32 i = 0; i < s->tables && !err_is(e); i++)
        if (s->target[i].table != NULL) e = sqlite_schema_ensure(s->db, s->path, s->target[i].table, why, room);
    if (!err_is(e)) e = sqlite_explain(sqlite_commit(s->db), s->db, s->path, "creating tables", why, room);
    if (err_is(e)) sqlite_rollback(s->db);
    return e;
}

static err prepare(struct sink *s, char *why, size_t room)
{
    err e = sqlite_prepare(s->db, &s->epoch_get, "SELECT epoch FROM weir_epoch WHERE recipe = ?1");
    if (!err_is(e))
        e = sqlite_prepare(s->db, &s->epoch_put, "INSERT OR REPLACE INTO weir_epoch(recipe, epoch) VALUES(?1, ?2)");
    i64 page_bytes = PAGE_BYTES;
    if (!err_is(e)) e = sqlite_get(s->db, "PRAGMA page_size", PAGE_BYTES, &page_bytes);
    s->page_bytes = (u32)page_bytes;
    return sqlite_explain(e, s->db, s->path, "opening the store", why, room);
}

static void store_close(struct sink *s)
{
    if (s == NULL) return;
    sqlite_close(s->db);
    lock_close(&s->lock);
    free(s->target);
    free(s->cell);
    order_fini(&s->feed.order);
    free(s);
}

static err store_open(struct sink **out, const struct sink_setup *setup, char *why, size_t room)
{
    const struct sqlite_options *o = setup->options;
    struct sink *s = calloc(1, sizeof *s);
    WEIR_ASSERT(s != NULL);
    *out = NULL;
    s->path = o->path, s->recipe = setup->recipe, s->lock.fd = -1;
    s->tables = setup->tables, s->table = setup->table;
    set_targets(s, setup);
    err e = sqlite_open(&s->db, s->path, SQLITE_HOW_CREATE, why, room);
    if (!err_is(e)) e = lock_open(&s->lock, s->path, why, room);
    if (!err_is(e)) {
        e = sqlite_configure(s->db, PAGE_BYTES, CACHE_KIB);
        e = sqlite_explain(e, s->db, s->path, "opening the store", why, room);
    }
    if (!err_is(e)) sqlite3_wal_hook(s->db, count_wal, s);
    if (!err_is(e)) e = sqlite_explain(feed_register(s->db, &s->feed), s->db, s->path, "opening the store", why, room);
    if (!err_is(e)) e = ensure(s, why, room);
    if (!err_is(e)) e = prepare(s, why, room);
    if (err_is(e)) store_close(s);
    else *out = s;
    return e;
}

static err store_epoch(struct sink *s, u64 *out)
{
    *out = 0;
    sqlite_bind_text(s->epoch_get, 1, s->recipe);
    bool row;
    err e = sqlite_step(s->epoch_get, &row);
    if (err_is(e) || !row) return e;
    *out = sqlite_u64(s->epoch_get, 0);
    sqlite3_reset(s->epoch_get);
    return OK;
}

/* --- applying an epoch --- */

static err need(struct sink *s, sqlite3_stmt **st, char *(*make)(const struct table *), const struct table *t)
{
    if (*st != NULL) return OK;
    char *sql = make(t);
    err e = sqlite_prepare(s->db, st, sql);
    sqlite3_free(sql);
    return e;
}

/* What may pass by itself: no space, a lock, memory, the disk. All else (a table that somebody dropped or changed) is
 * put right by a start, which looks at the tables again. */
static bool may_pass(err e)
{
    switch (e.at & 0xff) {
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: return e.code == ERR_SQL && !sqlite_fatal(e);
    default: return false;
    }
}

/* What was gathered goes to its table in key order. SQLite keeps what a statement changes in memory until its end (the
 * pages that were there before), so it gets some rows at a time. */
static err flush(struct sink *s, u32 table)
{
    struct feed *f = &s->feed;
    struct target *to = &s->target[table];
    u32 rows = f->order.rows;
    if (rows == 0) return OK;
    err e = need(s, &to->put, sqlite_schema_put, to->table);
    order_sort(&f->order);
    for (u32 at = 0; at < rows && !err_is(e); at = f->until) {
        f->at = at, f->until = rows - at < PUT_ROWS ? rows : at + PUT_ROWS;
        e = sqlite_done(to->put);
    }
    return e;
}

/* The row that r stands in, behind its table, is put to those gathered. */
static bool gather(struct sink *s, struct row_reader *r, const struct row *row, u32 keys, err *e)
{
    for (u32 i = 0; i < keys; i++) {
        s->cell[i] = r->at;
        if (!row_skip(r, 1, e)) return false;
    }
    s->cell[keys] = r->at;
    if (!row_skip(r, row->columns - keys, e)) return false;
    order_add(&s->feed.order, s->cell);
    return true;
}

static err clear(struct sink *s, struct target *to, i64 timestamp)
{
    err e = need(s, &to->clear, sqlite_schema_clear, to->table);
    if (err_is(e)) return e;
    sqlite3_bind_int64(to->clear, 1, timestamp);
    return sqlite_done(to->clear);
}

/* Rows are gathered while they are of one table; a row that clears keeps its place between them. */
static err apply_rows(struct sink *s, slice rows)
{
    if (rows.len == 0) return OK;
    struct row_reader r = { (const u8 *)rows.at, (const u8 *)rows.at + rows.len, s->table, s->tables };
    struct row row;
    struct value timestamp;
    u32 run = s->tables; /* table of what is gathered */
    err e = OK, faulty;
    s->feed.end = r.end;
    order_start(&s->feed.order, 0);
    while (!err_is(e) && row_open(&r, &row, &faulty)) {
        struct target *to = &s->target[row.table];
        if (to->table == NULL) {
            if (!row_skip(&r, row.columns, &faulty)) break;
            continue;
        }
        if (row.table != run || row.op != ROW_PUT || order_full(&s->feed.order)) {
            e = flush(s, run);
            order_start(&s->feed.order, to->table->keys);
        }
        run = row.table;
        if (row.op == ROW_PUT) {
            if (!gather(s, &r, &row, to->table->keys, &faulty)) break;
        } else {
            if (!row_cell(&r, &timestamp, &faulty)) break;
            if (!err_is(e)) e = clear(s, to, timestamp.i);
        }
    }
    if (!err_is(e)) e = faulty;
    return err_is(e) ? e : flush(s, run);
}

static err checkpoint(struct sink *s, int mode)
{
    sqlite3_busy_timeout(s->db, 0); /* a reader in the way is no error and is not waited for */
    int left = 0, copied = 0;
    int code = sqlite3_wal_checkpoint_v2(s->db, NULL, mode, &left, &copied);
    err e = sqlite_err(s->db, code);
    sqlite3_busy_timeout(s->db, SQLITE_BUSY_MS);
    if (code == SQLITE_OK || code == SQLITE_BUSY) s->wal = left > copied ? (u64)(left - copied) * s->page_bytes : 0;
    return code == SQLITE_BUSY ? OK : e;
}

static err apply_in_transaction(struct sink *s, u64 number, slice rows, bool *done)
{
    u64 last;
    err e = store_epoch(s, &last);
    *done = !err_is(e) && number <= last;
    if (err_is(e) || *done) return e;
    e = apply_rows(s, rows);
    if (err_is(e)) return e;
    sqlite_bind_text(s->epoch_put, 1, s->recipe);
    sqlite_bind_u64(s->epoch_put, 2, number);
    return sqlite_done(s->epoch_put);
}

static err store_apply(struct sink *s, u64 number, slice rows, char *why, size_t room, bool *fatal)
{
    *fatal = err_is(s->broken);
    if (*fatal) {
        snprintf(why, room, "%s", s->broken_why);
        return s->broken;
    }
    bool done = false;
    err e = sqlite_begin(s->db);
    if (!err_is(e)) e = apply_in_transaction(s, number, rows, &done);
    if (!err_is(e) && !done) e = sqlite_commit(s->db);
    if (!err_is(e) && !done && s->wal > WAL_APPLY) e = checkpoint(s, SQLITE_CHECKPOINT_PASSIVE);
    if (err_is(e)) {
        char doing[64];
        snprintf(doing, sizeof doing, "applying epoch %llu", (unsigned long long)number);
        e = sqlite_explain(e, s->db, s->path, doing, why, room);
        *fatal = !may_pass(e);
    }
    sqlite_rollback(s->db);
    s->applied |= !err_is(e) && !done;
    return e;
}

/* --- idle work --- */

/* One step for one table; *more if it was a full one. */
static err age(struct sink *s, struct target *t, i64 before, bool *more)
{
    *more = false;
    err e = need(s, &t->age, sqlite_schema_age, t->table);
    if (!err_is(e)) e = need(s, &t->age_rest, sqlite_schema_age_rest, t->table);
    if (err_is(e)) return e;
    sqlite3_bind_int64(t->age, 1, before);
    sqlite3_bind_int64(t->age, 2, AGE_ROWS - 1);
    e = sqlite_done(t->age);
    if (err_is(e)) return e;
    *more = sqlite3_changes(s->db) > 0;
    if (*more) return OK;
    sqlite3_bind_int64(t->age_rest, 1, before);
    return sqlite_done(t->age_rest);
}

/* Event time decides, so that a recording of last year keeps its rows; before any watermark nothing is old. */
static bool old_before(const struct target *t, nanos watermark, i64 *before)
{
    if (t->table == NULL || t->span <= 0 || watermark == NANOS_MIN || watermark < NANOS_MIN + t->span) return false;
    *before = nanos_floor(watermark - t->span, NANOS_SECOND) / NANOS_SECOND;
    return true;
}

/* The tables in turn, one step a call. True: the same table has more, or others were not looked at yet. */
static bool age_one(struct sink *s, nanos watermark)
{
    while (s->aging < s->tables) {
        struct target *t = &s->target[s->aging];
        i64  before;
        bool more = false;
        if (old_before(t, watermark, &before)) {
            err e = age(s, t, before, &more); /* full or busy: the next round tries again */
            if (sqlite_fatal(e)) s->broken = sqlite_explain(e, s->db, s->path, "deleting old rows", s->broken_why,
                                                            sizeof s->broken_why);
            int changed = sqlite3_changes(s->db);
            if (!more) s->aging++;
            if (err_is(e)) break;
            if (changed > 0) return true;
        } else {
            s->aging++;
        }
    }
    s->aging = 0;
    return false;
}

static bool store_tick(struct sink *s, nanos now, nanos watermark)
{
    if (err_is(s->broken)) return false;
    bool more = age_one(s, watermark);
    bool quiet = !s->applied && !more;
    err e = OK;
    if (quiet && sqlite_wal_bytes(s->path) > 0) e = checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE);
    else if (s->wal > WAL_PASSIVE) e = checkpoint(s, SQLITE_CHECKPOINT_PASSIVE);
    if (sqlite_fatal(e))
        s->broken = sqlite_explain(e, s->db, s->path, "checkpointing", s->broken_why, sizeof s->broken_why);
    s->applied = false;
    return more;
}

static void store_plan(const struct sink_setup *setup, void (*print)(void *to, const char *text), void *to)
{
    print(to, epoch_table);
    print(to, ";\n");
    for (u32 i = 0; i < setup->tables; i++) {
        if (!setup->wanted[i]) continue;
        char *sql = sqlite_schema_create(&setup->table[i]);
        print(to, sql);
        print(to, ";\n");
        sqlite3_free(sql);
    }
}

static const char *const epoch_table =
    "CREATE TABLE IF NOT EXISTS weir_epoch (\n  recipe TEXT PRIMARY KEY,\n  epoch INTEGER NOT NULL\n)";

static const struct option sqlite_options[] = {
    { .name = "path", .type = OPTION_PATH, .required = true, .offset = offsetof(struct sqlite_options, path),
      .doc = "the database file; made if missing, its directory must exist", .own = true },
    OPTION_END,
};

const struct sink_type sink_sqlite = {
    .name = "sqlite",
    .options = sqlite_options,
    .options_size = sizeof(struct sqlite_options),
    .open = store_open,
    .epoch = store_epoch,
    .apply = store_apply,
    .tick = store_tick,
    .close = store_close,
    .plan = store_plan,
};
