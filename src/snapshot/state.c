/* SPDX-License-Identifier: Apache-2.0 */
/* state.c: opening state.db, proving it, and its transactions. Its rows: state_objects.c, state_rows.c.
 *
 * Order inside a writing transaction is the caller's. After an error the transaction is rolled back and memory is read
 * again from the file (state_undo), so there is no second copy of "what it was before". */
#include "snapshot/rowlog.h"
#include "snapshot/state.h"
#include "weir/hash.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

static const char *const schema_sql, *const streamed_sql;
static const char *const statement_sql[STATE_STATEMENTS];

/* --- sums and errors --- */

static u64 state_sum_u64(u64 sum, u64 v)
{
    return hash_checksum(&v, sizeof v, sum);
}

u64 state_sum_slice(u64 sum, slice s)
{
    return hash_checksum(s.at, s.len, state_sum_u64(sum, s.len));
}

u64 state_sum_op(const struct state_op *op)
{
    u64 sum = state_sum_slice(state_sum_u64(STATE_SUM_OP, (u64)op->row), slice_str(op->name));
    return state_sum_u64(sum, op->fingerprint);
}

u64 state_sum_object(const struct state_object *o)
{
    const u64 words[] = { (u64)o->row,   (u64)o->op, o->object, o->head_sum, o->head_bytes,
                          o->pages, o->bytes,   o->page_sum };
    return hash_checksum(words, sizeof words, STATE_SUM_OBJECT);
}

u64 state_sum_position(slice source, const struct position *p)
{
    return state_sum_slice(state_sum_slice(state_sum_slice(STATE_SUM_POSITION, source), p->key), p->value);
}

u64 state_sum_outbox(i64 id, slice rows)
{
    return state_sum_slice(state_sum_u64(STATE_SUM_OUTBOX, (u64)id), rows);
}

u64 state_sum_streamed(const struct streamed *t)
{
    const u64 words[] = { t->epoch, t->slot, t->bytes, t->sum };
    return hash_checksum(words, sizeof words, STATE_SUM_STREAMED);
}

static u64 sum_meta(const struct state *s)
{
    u64 sum = state_sum_slice(state_sum_u64(STATE_SUM_META, (u64)s->format), slice_str(s->recipe ? s->recipe : ""));
    sum = state_sum_u64(state_sum_u64(state_sum_u64(sum, s->id), s->epoch), s->total);
    return state_sum_slice(sum, slice_of((const char *)s->engine, s->engine_len));
}

err state_refuse(struct state *s, const char *what, const char *format, ...)
{
    int n = snprintf(s->why, SNAPSHOT_WHY, "%s: ", s->path);
    if (n > 0 && n < SNAPSHOT_WHY) {
        va_list args;
        va_start(args, format);
        vsnprintf(s->why + n, (size_t)(SNAPSHOT_WHY - n), format, args);
        va_end(args);
    }
    return (err){ ERR_STATE, what, 0 };
}

err state_damaged(struct state *s, const char *table, i64 id, const char *how)
{
    return state_refuse(s, "state file is damaged", "the state file is damaged: table %s, row %lld: %s", table,
                        (long long)id, how);
}

err state_explain(struct state *s, err e, const char *doing)
{
    return sqlite_explain(e, s->db, s->path, doing, s->why, SNAPSHOT_WHY);
}

/* The statement, prepared when first used, unbound from its last use. */
err state_statement(struct state *s, enum state_statement which, sqlite3_stmt **st)
{
    *st = s->statement[which];
    if (*st != NULL) return OK;
    err e = sqlite_prepare(s->db, &s->statement[which], statement_sql[which]);
    if (e.code == ERR_SQL && (e.at & 0xff) == SQLITE_ERROR) /* no such table or column: our statements are right */
        return state_refuse(s, "damaged state file", "is damaged: its tables are not those of state format %d (%s)",
                            STATE_FORMAT, sqlite3_errmsg(s->db));
    if (err_is(e)) return state_explain(s, e, "preparing");
    *st = s->statement[which];
    return OK;
}

err state_done(struct state *s, sqlite3_stmt *st, const char *doing)
{
    err e = sqlite_done(st);
    return err_is(e) ? state_explain(s, e, doing) : OK;
}

err state_next(struct state *s, sqlite3_stmt *st, bool *row, const char *doing)
{
    err e = sqlite_step(st, row);
    return err_is(e) ? state_explain(s, e, doing) : OK;
}

/* --- opening --- */

/* Says what kind of file it is. fresh: nothing in it yet. */
static err identify(struct state *s, bool *fresh)
{
    i64 application, format, tables;
    err e = sqlite_get(s->db, "PRAGMA application_id", 0, &application);
    if (!err_is(e)) e = sqlite_get(s->db, "PRAGMA user_version", 0, &format);
    if (!err_is(e)) e = sqlite_get(s->db, "SELECT count(*) FROM sqlite_schema", 0, &tables);
    if (err_is(e)) return state_explain(s, e, "opening");
    *fresh = application == 0 && format == 0 && tables == 0;
    s->format = STATE_FORMAT;
    if (*fresh) return OK;
    if (application != STATE_APPLICATION)
        return state_refuse(s, "not a state file", "is an SQLite database, but not a state file of weir");
    if (format < 1 || format > STATE_FORMAT)
        return state_refuse(s, "unknown format of state file",
                            "has state format %lld, this weir knows format %d: use the weir that wrote it",
                            (long long)format, STATE_FORMAT);
    s->format = (int)format;
    return OK;
}

static err quick_check(struct state *s)
{
    sqlite3_stmt *st;
    err e = sqlite_prepare(s->db, &st, "PRAGMA quick_check(1)");
    if (err_is(e)) return state_explain(s, e, "checking");
    bool row;
    e = state_next(s, st, &row, "checking");
    if (!err_is(e) && row && !slice_is(sqlite_slice(st, 0), "ok")) {
        slice text = sqlite_slice(st, 0);
        for (slice rest = text; rest.at != NULL;) { /* "*** in database main ***", then the finding */
            slice line = slice_cut(rest, '\n', &rest);
            if (line.len > 0 && !slice_starts(line, S("***"))) text = line, rest.at = NULL;
        }
        e = state_refuse(s, "state file is damaged", "the state file is damaged: %.*s", (int)text.len, text.at);
    }
    sqlite3_finalize(st);
    return e;
}

static void note_epoch(struct state *s)
{
    char note[LOCK_NOTE];
    snprintf(note, sizeof note, "state %016llx epoch %llu", (unsigned long long)s->id, (unsigned long long)s->epoch);
    lock_note(&s->lock, note);
}

/* Empty tables and the row of meta, in one transaction; a kill leaves a fresh file or a whole one. */
static err create(struct state *s, slice recipe)
{
    if (getrandom(&s->id, sizeof s->id, 0) != (ssize_t)sizeof s->id) return err_os("draw an identity");
    s->recipe = slice_dup(recipe);
    err e = state_begin(s);
    if (err_is(e)) return e;
    e = sqlite_run(s->db, schema_sql);
    if (!err_is(e)) e = sqlite_run(s->db, streamed_sql);
    if (!err_is(e))
        e = sqlite_runf(s->db, "PRAGMA application_id=%d; PRAGMA user_version=%d", STATE_APPLICATION, STATE_FORMAT);
    e = err_is(e) ? state_explain(s, e, "creating") : state_commit(s, 0);
    if (err_is(e)) sqlite_rollback(s->db);
    return e;
}

/* A file of format 1 knows no rows that went ahead of their epoch. Its content is the same. */
static err upgrade(struct state *s)
{
    err e = state_begin(s);
    if (err_is(e)) return e;
    int was = s->format;
    s->format = STATE_FORMAT;
    e = sqlite_run(s->db, streamed_sql);
    if (!err_is(e)) e = sqlite_runf(s->db, "PRAGMA user_version=%d", STATE_FORMAT);
    e = err_is(e) ? state_explain(s, e, "bringing the file up to date") : state_commit(s, s->epoch);
    if (!err_is(e)) return OK;
    sqlite_rollback(s->db);
    s->format = was;
    return e;
}

/* The lock file's note of the same state may not be ahead of what the file holds. fresh: there is a file, but empty. */
static err check_note(struct state *s, bool fresh)
{
    unsigned long long id, epoch;
    if (sscanf(s->lock.note, "state %llx epoch %llu", &id, &epoch) != 2) return OK;
    if ((!fresh && id != s->id) || epoch <= s->epoch) return OK;
    return state_refuse(s, "state file went back",
                        "holds epoch %llu, but epoch %llu was committed (%s.lock says so): its WAL is damaged or "
                        "missing, or it is an old copy. To go on from the old epoch anyway, remove %s.lock",
                        (unsigned long long)s->epoch, epoch, s->path, s->path);
}

static err check_recipe(struct state *s, slice recipe)
{
    if (recipe.len == 0 || slice_is(recipe, s->recipe)) return OK;
    return state_refuse(s, "state of another recipe",
                        "is the state of recipe `%s`, not of `%.*s`: give this recipe a state path of its own",
                        s->recipe, (int)recipe.len, recipe.at);
}

static err open_writer(struct state *s, slice recipe)
{
    bool fresh;
    err e = identify(s, &fresh);
    if (!err_is(e) && fresh) e = check_note(s, true);
    if (err_is(e)) return e;
    e = sqlite_configure(s->db, STATE_PAGE_BYTES, STATE_CACHE_KIB);
    if (err_is(e)) return state_explain(s, e, "opening");
    if (fresh) return create(s, recipe);
    e = quick_check(s);
    if (!err_is(e)) e = state_load(s);
    if (!err_is(e)) e = check_recipe(s, recipe);
    if (!err_is(e)) e = check_note(s, false);
    if (!err_is(e) && s->format < STATE_FORMAT) e = upgrade(s);
    return e;
}

/* One read transaction for life: all that is read is of one epoch. */
static err open_reader(struct state *s, slice recipe)
{
    bool fresh;
    err e = identify(s, &fresh);
    if (err_is(e)) return e;
    if (fresh) return state_refuse(s, "not a state file", "is empty, not a state file of weir");
    e = sqlite_run(s->db, "BEGIN");
    if (err_is(e)) return state_explain(s, e, "opening");
    e = state_load(s);
    return err_is(e) ? e : check_recipe(s, recipe);
}

err state_open(struct state *s, const char *path, enum sqlite_how how, slice recipe, char *why)
{
    *s = (struct state){ .path = slice_dup(slice_str(path)), .why = why, .lock = { .fd = -1 } };
    s->reader = how == SQLITE_HOW_READ;
    struct stat at;
    bool missing = stat(path, &at) != 0; /* taken away on purpose: what the lock file remembers is of another state */
    why[0] = 0;
    err e = sqlite_open(&s->db, path, how, why, SNAPSHOT_WHY);
    if (!err_is(e) && !s->reader) e = lock_open(&s->lock, path, why, SNAPSHOT_WHY);
    if (!err_is(e) && missing) s->lock.note[0] = 0;
    if (!err_is(e)) e = s->reader ? open_reader(s, recipe) : open_writer(s, recipe);
    if (err_is(e)) state_close(s);
    else if (!s->reader) note_epoch(s);
    return e;
}

static void forget(struct state *s)
{
    for (u32 i = 0; i < s->ops; i++) free(s->op[i].name);
    free(s->op);
    free(s->object);
    free(s->recipe);
    free(s->engine);
    free(s->stream);
    s->op = NULL, s->object = NULL, s->recipe = NULL, s->engine = NULL, s->stream = NULL;
    s->ops = s->objects = s->objects_room = s->streams = 0;
    s->engine_len = 0;
    s->rows_used = 0;
    s->total = 0;
}

void state_close(struct state *s)
{
    sqlite_close(s->db);
    lock_close(&s->lock);
    forget(s);
    free(s->path);
    *s = (struct state){ .lock = { .fd = -1 } };
}

/* --- loading --- */

static err load_meta(struct state *s, u64 *total)
{
    sqlite3_stmt *st;
    err e = state_statement(s, STATE_META_GET, &st);
    if (err_is(e)) return e;
    bool row;
    e = state_next(s, st, &row, "reading meta");
    if (err_is(e)) return e;
    if (!row) return state_damaged(s, "meta", 1, "is missing");
    s->recipe = slice_dup(sqlite_slice(st, 0));
    s->id = sqlite_u64(st, 1);
    s->epoch = sqlite_u64(st, 2);
    state_engine_set(s, sqlite_slice(st, 3));
    s->total = *total = sqlite_u64(st, 4);
    u64 sum = sqlite_u64(st, 5);
    sqlite3_reset(st);
    return sum == sum_meta(s) ? OK : state_damaged(s, "meta", 1, "check sum differs");
}

static err load_ops(struct state *s)
{
    sqlite3_stmt *st;
    err e = state_statement(s, STATE_OP_GET, &st);
    bool row = true;
    while (!err_is(e) && row) {
        e = state_next(s, st, &row, "reading operators");
        if (err_is(e) || !row) break;
        s->op = realloc(s->op, (s->ops + 1) * sizeof *s->op);
        WEIR_ASSERT(s->op != NULL);
        struct state_op *op = &s->op[s->ops++];
        *op = (struct state_op){ sqlite3_column_int64(st, 0), slice_dup(sqlite_slice(st, 1)), sqlite_u64(st, 2) };
        if (sqlite_u64(st, 3) != state_sum_op(op)) e = state_damaged(s, "op", op->row, "check sum differs");
        s->total += state_sum_op(op);
    }
    if (st) sqlite3_reset(st);
    return e;
}

int state_object_cmp(const void *pa, const void *pb)
{
    const struct state_object *a = pa, *b = pb;
    if (a->op != b->op) return a->op < b->op ? -1 : 1;
    return (a->object > b->object) - (a->object < b->object);
}

struct state_object *state_object_room(struct state *s)
{
    if (s->objects == s->objects_room) {
        s->objects_room = s->objects_room ? 2 * s->objects_room : 64;
        s->object = realloc(s->object, s->objects_room * sizeof *s->object);
        WEIR_ASSERT(s->object != NULL);
    }
    return &s->object[s->objects];
}

static err load_objects(struct state *s)
{
    sqlite3_stmt *st;
    err e = state_statement(s, STATE_OBJECT_GET, &st);
    bool row = true;
    while (!err_is(e) && row) {
        e = state_next(s, st, &row, "reading objects");
        if (err_is(e) || !row) break;
        struct state_object *o = state_object_room(s);
        slice head = sqlite_slice(st, 3);
        *o = (struct state_object){ .row = sqlite3_column_int64(st, 0), .op = sqlite3_column_int64(st, 1),
                                    .object = sqlite_u64(st, 2), .head_sum = state_sum_slice(STATE_SUM_OBJECT, head),
                                    .head_bytes = head.len, .pages = sqlite_u64(st, 4), .bytes = sqlite_u64(st, 5),
                                    .page_sum = sqlite_u64(st, 6) };
        if (sqlite_u64(st, 7) != state_sum_object(o)) e = state_damaged(s, "object", o->row, "check sum differs");
        s->total += state_sum_object(o);
        if (o->row > s->rows_used) s->rows_used = o->row;
        s->objects++;
    }
    if (st) sqlite3_reset(st);
    if (s->objects > 1) qsort(s->object, s->objects, sizeof *s->object, state_object_cmp);
    return e;
}

static err count_position(void *arg, slice source, const struct position *p)
{
    ((struct state *)arg)->total += state_sum_position(source, p);
    return OK;
}

static err load_outboxes(struct state *s)
{
    sqlite3_stmt *st;
    err e = state_statement(s, STATE_OUTBOX_GET, &st);
    bool row = true;
    if (!err_is(e)) sqlite3_bind_int64(st, 1, 0);
    while (!err_is(e) && row) {
        e = state_next(s, st, &row, "reading outboxes");
        if (err_is(e) || !row) break;
        i64 id = sqlite3_column_int64(st, 0);
        u64 sum = state_sum_outbox(id, sqlite_slice(st, 2));
        if (sqlite_u64(st, 1) != sum) e = state_damaged(s, "outbox", id, "check sum differs");
        s->total += sum;
    }
    if (st) sqlite3_reset(st);
    return e;
}

static void stream_note(struct state *s, const struct streamed *t)
{
    s->stream = realloc(s->stream, (s->streams + 1) * sizeof *s->stream);
    WEIR_ASSERT(s->stream != NULL);
    s->stream[s->streams++] = *t;
}

static err load_streamed(struct state *s)
{
    sqlite3_stmt *st = NULL;
    bool          row = s->format > 1;
    err           e = row ? state_statement(s, STATE_STREAMED_GET, &st) : OK;
    while (!err_is(e) && row) {
        e = state_next(s, st, &row, "reading what was streamed");
        if (err_is(e) || !row) break;
        struct streamed t = { s->id, sqlite_u64(st, 0), sqlite_u64(st, 2), sqlite_u64(st, 3), (u32)sqlite_u64(st, 1) };
        if (sqlite_u64(st, 4) != state_sum_streamed(&t) || t.slot >= ROWLOG_SLOTS)
            e = state_damaged(s, "streamed", (i64)t.epoch, "check sum differs");
        s->total += state_sum_streamed(&t);
        stream_note(s, &t);
    }
    if (st) sqlite3_reset(st);
    return e;
}

err state_load(struct state *s)
{
    forget(s);
    u64 total = 0;
    err e = load_meta(s, &total);
    s->total = 0;
    if (!err_is(e)) e = load_ops(s);
    if (!err_is(e)) e = load_objects(s);
    if (!err_is(e)) e = state_positions(s, slice_of(NULL, 0), count_position, s);
    if (!err_is(e)) e = load_outboxes(s);
    if (!err_is(e)) e = load_streamed(s);
    if (!err_is(e) && s->total != total)
        e = state_refuse(s, "state file is damaged", "the state file is damaged: rows are missing or doubled");
    return e;
}

/* --- transactions --- */

err state_begin(struct state *s)
{
    err e = sqlite_begin(s->db);
    return err_is(e) ? state_explain(s, e, "beginning a transaction") : OK;
}

err state_commit(struct state *s, u64 epoch)
{
    s->epoch = epoch;
    sqlite3_stmt *st;
    err e = state_statement(s, STATE_META_PUT, &st);
    if (err_is(e)) return e;
    sqlite_bind_text(st, 1, slice_str(s->recipe));
    sqlite_bind_u64(st, 2, s->id);
    sqlite_bind_u64(st, 3, s->epoch);
    sqlite_bind_blob(st, 4, slice_of((const char *)s->engine, s->engine_len));
    sqlite_bind_u64(st, 5, s->total);
    sqlite_bind_u64(st, 6, sum_meta(s));
    e = state_done(s, st, "writing meta");
    if (err_is(e)) return e;
    e = sqlite_commit(s->db);
    if (err_is(e)) return state_explain(s, e, "committing");
    note_epoch(s);
    return OK;
}

err state_undo(struct state *s)
{
    char why[SNAPSHOT_WHY], *kept = s->why;
    sqlite_rollback(s->db);
    s->why = why; /* the first error is the one to tell */
    err e = state_load(s);
    s->why = kept;
    return e;
}

void state_engine_set(struct state *s, slice bytes)
{
    free(s->engine);
    s->engine = (u8 *)slice_dup(bytes);
    s->engine_len = bytes.len;
}

static const char *const schema_sql =
    "CREATE TABLE meta(id INTEGER PRIMARY KEY, recipe TEXT, state INTEGER, epoch INTEGER, engine BLOB, total INTEGER,"
    " sum INTEGER);"
    "CREATE TABLE op(id INTEGER PRIMARY KEY, name TEXT, fingerprint INTEGER, sum INTEGER);"
    "CREATE TABLE object(id INTEGER PRIMARY KEY, op INTEGER, object INTEGER, pages INTEGER, bytes INTEGER,"
    " page_sum INTEGER, sum INTEGER, head BLOB);"
    "CREATE TABLE page(id INTEGER PRIMARY KEY, sum BLOB, data BLOB);"
    "CREATE TABLE position(source BLOB, key BLOB, value BLOB, sum INTEGER, PRIMARY KEY(source, key)) WITHOUT ROWID;"
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY, sum INTEGER, data BLOB);";

static const char *const streamed_sql =
    "CREATE TABLE streamed(epoch INTEGER PRIMARY KEY, slot INTEGER, bytes INTEGER, rows INTEGER, sum INTEGER);";

static const char *const statement_sql[STATE_STATEMENTS] = {
    [STATE_META_PUT] =
        "REPLACE INTO meta(id, recipe, state, epoch, engine, total, sum) VALUES(1, ?1, ?2, ?3, ?4, ?5, ?6)",
    [STATE_META_GET] = "SELECT recipe, state, epoch, engine, total, sum FROM meta WHERE id = 1",
    [STATE_OP_PUT] = "REPLACE INTO op(id, name, fingerprint, sum) VALUES(?1, ?2, ?3, ?4)",
    [STATE_OP_DROP] = "DELETE FROM op WHERE id = ?1",
    [STATE_OP_GET] = "SELECT id, name, fingerprint, sum FROM op ORDER BY id",
    [STATE_OBJECT_PUT] =
        "REPLACE INTO object(id, op, object, head, pages, bytes, page_sum, sum) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [STATE_OBJECT_COUNT] = "UPDATE object SET pages = ?2, bytes = ?3, page_sum = ?4, sum = ?5 WHERE id = ?1",
    [STATE_OBJECT_DROP] = "DELETE FROM object WHERE id = ?1",
    [STATE_OBJECT_GET] = "SELECT id, op, object, head, pages, bytes, page_sum, sum FROM object ORDER BY id",
    [STATE_OBJECT_HEAD] = "SELECT head FROM object WHERE id = ?1",
    [STATE_PAGE_SUM] = "SELECT sum, length(data) FROM page WHERE id = ?1",
    [STATE_PAGE_PUT] = "INSERT INTO page(id, sum, data) VALUES(?1, ?2, ?3)",
    [STATE_PAGE_CHANGE] = "UPDATE page SET sum = ?2, data = ?3 WHERE id = ?1",
    [STATE_PAGE_DROP] = "DELETE FROM page WHERE id >= ?1 AND id < ?2",
    [STATE_PAGE_GET] = "SELECT id, sum, data FROM page WHERE id >= ?1 AND id < ?2 ORDER BY id",
    [STATE_POSITION_SUM] = "SELECT sum FROM position WHERE source = ?1 AND key = ?2",
    [STATE_POSITION_PUT] = "REPLACE INTO position(source, key, value, sum) VALUES(?1, ?2, ?3, ?4)",
    [STATE_POSITION_DROP] = "DELETE FROM position WHERE source = ?1 AND key = ?2",
    [STATE_POSITION_GET] = "SELECT source, key, value, sum FROM position ORDER BY source, key",
    [STATE_POSITION_OF] = "SELECT source, key, value, sum FROM position WHERE source = ?1 ORDER BY key",
    [STATE_OUTBOX_SUM] = "SELECT sum FROM outbox WHERE id < ?1",
    [STATE_OUTBOX_PUT] = "INSERT INTO outbox(id, sum, data) VALUES(?1, ?2, ?3)",
    [STATE_OUTBOX_DROP] = "DELETE FROM outbox WHERE id < ?1",
    [STATE_OUTBOX_GET] = "SELECT id, sum, data FROM outbox WHERE id >= ?1 ORDER BY id",
    [STATE_STREAMED_SUM] = "SELECT sum FROM streamed WHERE epoch <= ?1",
    [STATE_STREAMED_PUT] = "INSERT INTO streamed(epoch, slot, bytes, rows, sum) VALUES(?1, ?2, ?3, ?4, ?5)",
    [STATE_STREAMED_DROP] = "DELETE FROM streamed WHERE epoch <= ?1",
    [STATE_STREAMED_GET] = "SELECT epoch, slot, bytes, rows, sum FROM streamed ORDER BY epoch",
};
