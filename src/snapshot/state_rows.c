/* SPDX-License-Identifier: Apache-2.0 */
/* state_rows.c: positions of sources and outboxes of sinks as rows of state.db.
 *
 * An outbox is cut into parts, because SQLite takes no value of a gigabyte and copies each one whole. */
#include "snapshot/state.h"

#include <stdlib.h>
#include <string.h>

#define OUTBOX_PART ((size_t)16 << 20)

/* --- positions --- */

err state_position_put(struct state *s, slice source, const struct position *p)
{
    sqlite3_stmt *st;
    err e = state_statement(s, STATE_POSITION_SUM, &st);
    if (err_is(e)) return e;
    sqlite_bind_blob(st, 1, source);
    sqlite_bind_blob(st, 2, p->key);
    bool there;
    e = state_next(s, st, &there, "reading a position");
    if (err_is(e)) return e;
    if (there) {
        s->total -= sqlite_u64(st, 0);
        sqlite3_reset(st);
    }
    bool drop = p->value.at == NULL;
    if (drop && !there) return OK;
    e = state_statement(s, drop ? STATE_POSITION_DROP : STATE_POSITION_PUT, &st);
    if (err_is(e)) return e;
    sqlite_bind_blob(st, 1, source);
    sqlite_bind_blob(st, 2, p->key);
    if (!drop) {
        u64 sum = state_sum_position(source, p);
        s->total += sum;
        sqlite_bind_blob(st, 3, p->value);
        sqlite_bind_u64(st, 4, sum);
    }
    return state_done(s, st, "writing a position");
}

/* An empty value that was saved is given with a pointer: NULL means "delete". */
static slice cell(sqlite3_stmt *st, int column)
{
    slice s = sqlite_slice(st, column);
    return s.at ? s : slice_of("", 0);
}

err state_positions(struct state *s, slice source, err (*each)(void *arg, slice source, const struct position *p),
                    void *arg)
{
    sqlite3_stmt *st;
    err e = state_statement(s, source.len > 0 ? STATE_POSITION_OF : STATE_POSITION_GET, &st);
    if (err_is(e)) return e;
    if (source.len > 0) sqlite_bind_blob(st, 1, source);
    bool row = true;
    while (!err_is(e) && row) {
        e = state_next(s, st, &row, "reading positions");
        if (err_is(e) || !row) break;
        slice              of = cell(st, 0);
        struct position    p = { cell(st, 1), cell(st, 2) };
        if (sqlite_u64(st, 3) != state_sum_position(of, &p))
            e = state_refuse(s, "state file is damaged",
                             "the state file is damaged: table position, a position of source %.*s: check sum differs",
                             (int)of.len, of.at);
        else
            e = each(arg, of, &p);
    }
    sqlite3_reset(st);
    return e;
}

/* --- outboxes --- */

err state_outbox_put(struct state *s, u64 epoch, slice rows)
{
    if (epoch >= STATE_EPOCHS_MAX || rows.len / OUTBOX_PART >= 1 << 16)
        return (err){ ERR_FULL, "outbox too large", (i64)rows.len };
    sqlite3_stmt *st;
    err e = state_statement(s, STATE_OUTBOX_PUT, &st);
    i64 id = (i64)(epoch << 16);
    do {
        if (err_is(e)) return e;
        slice part = slice_of(rows.at, rows.len < OUTBOX_PART ? rows.len : OUTBOX_PART);
        u64 sum = state_sum_outbox(id, part);
        sqlite3_bind_int64(st, 1, id++);
        sqlite_bind_u64(st, 2, sum);
        sqlite_bind_blob(st, 3, part);
        s->total += sum;
        e = state_done(s, st, "writing an outbox");
        if (part.len > 0) rows = slice_of(rows.at + part.len, rows.len - part.len);
    } while (rows.len > 0);
    return e;
}

/* Takes the sums of rows that go out of the total. */
static err sums_drop(struct state *s, enum state_statement which, u64 bound)
{
    sqlite3_stmt *st;
    err e = state_statement(s, which, &st);
    if (err_is(e)) return e;
    sqlite_bind_u64(st, 1, bound);
    bool row = true;
    while (!err_is(e) && row) {
        e = state_next(s, st, &row, "reading outboxes");
        if (!err_is(e) && row) s->total -= sqlite_u64(st, 0);
    }
    return e;
}

static err rows_drop(struct state *s, enum state_statement sums, enum state_statement drop, u64 bound)
{
    sqlite3_stmt *st;
    err e = sums_drop(s, sums, bound);
    if (!err_is(e)) e = state_statement(s, drop, &st);
    if (err_is(e)) return e;
    sqlite_bind_u64(st, 1, bound);
    return state_done(s, st, "dropping outboxes");
}

err state_outbox_drop(struct state *s, u64 upto)
{
    if (upto >= STATE_EPOCHS_MAX) upto = STATE_EPOCHS_MAX - 1;
    err e = rows_drop(s, STATE_OUTBOX_SUM, STATE_OUTBOX_DROP, (upto + 1) << 16);
    return err_is(e) ? e : rows_drop(s, STATE_STREAMED_SUM, STATE_STREAMED_DROP, upto);
}

err state_streamed_put(struct state *s, const struct streamed *t)
{
    sqlite3_stmt *st;
    if (t->bytes == 0) return OK;
    err e = state_statement(s, STATE_STREAMED_PUT, &st);
    if (err_is(e)) return e;
    u64 sum = state_sum_streamed(t);
    sqlite_bind_u64(st, 1, t->epoch);
    sqlite_bind_u64(st, 2, t->slot);
    sqlite_bind_u64(st, 3, t->bytes);
    sqlite_bind_u64(st, 4, t->sum);
    sqlite_bind_u64(st, 5, sum);
    s->total += sum;
    return state_done(s, st, "writing what was streamed");
}

struct parts {
    u64    epoch;
    bool   any;
    u8    *at;
    size_t len;
};

/* Read when the file was opened: only a start asks. */
static struct streamed streamed_of(const struct state *s, u64 epoch)
{
    for (u32 i = 0; i < s->streams; i++)
        if (s->stream[i].epoch == epoch) return s->stream[i];
    return (struct streamed){ 0 };
}

static err give(const struct state *s, const struct parts *p, outbox_fn *each, void *arg)
{
    struct streamed t = streamed_of(s, p->epoch);
    return p->any ? each(arg, p->epoch, &t, slice_of((const char *)p->at, p->len)) : OK;
}

err state_outboxes(struct state *s, u64 after, outbox_fn *each, void *arg)
{
    sqlite3_stmt *st;
    err e = state_statement(s, STATE_OUTBOX_GET, &st);
    if (err_is(e) || after >= STATE_EPOCHS_MAX) return e;
    sqlite_bind_u64(st, 1, (after + 1) << 16);
    struct parts p = { 0 };
    bool row = true;
    while (!err_is(e) && row) {
        e = state_next(s, st, &row, "reading outboxes");
        if (err_is(e) || !row) break;
        i64 id = sqlite3_column_int64(st, 0);
        slice rows = sqlite_slice(st, 2);
        if (sqlite_u64(st, 1) != state_sum_outbox(id, rows)) {
            e = state_damaged(s, "outbox", id, "check sum differs");
            break;
        }
        if (!p.any || p.epoch != (u64)id >> 16) {
            e = give(s, &p, each, arg);
            p.epoch = (u64)id >> 16, p.any = true, p.len = 0;
        }
        p.at = realloc(p.at, p.len + rows.len + 1);
        WEIR_ASSERT(p.at != NULL);
        if (rows.len > 0) memcpy(p.at + p.len, rows.at, rows.len);
        p.len += rows.len;
    }
    sqlite3_reset(st);
    if (!err_is(e)) e = give(s, &p, each, arg);
    free(p.at);
    return e;
}
