/* SPDX-License-Identifier: Apache-2.0 */
/* export.c: `weir snapshot`: what a state file holds, and savepoints out of it and into it.
 *
 * A savepoint is a state file like any other, with an identity of its own. Everything goes through the checked reads of
 * state.h: a damaged file gives no savepoint and takes none. */
#include "snapshot/state.h"
#include "weir/hash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sums of one operator's objects. */
static struct snapshot_entry entry_of(const struct state *s, const struct state_op *op)
{
    struct snapshot_entry n = { .name = slice_str(op->name), .fingerprint = op->fingerprint };
    for (u32 i = 0; i < s->objects; i++) {
        const struct state_object *o = &s->object[i];
        if (o->op != op->row) continue;
        n.objects++;
        n.pages += o->pages;
        n.bytes += o->bytes + o->head_bytes;
    }
    return n;
}

err snapshot_list(const char *path, u64 *epoch, void (*each)(void *arg, const struct snapshot_entry *e), void *arg,
                  char *why)
{
    struct state s;
    err e = state_open(&s, path, SQLITE_HOW_READ, slice_of(NULL, 0), why);
    if (err_is(e)) return e;
    *epoch = s.epoch;
    for (u32 i = 0; i < s.ops; i++) {
        struct snapshot_entry n = entry_of(&s, &s.op[i]);
        if (each != NULL) each(arg, &n);
    }
    state_close(&s);
    return OK;
}

/* --- show --- */

struct printer {
    void (*print)(void *arg, const char *line);
    void *arg;
    u64   positions;
};

__attribute__((format(printf, 2, 3))) static void say(struct printer *p, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    p->print(p->arg, line);
}

/* Bytes as a reader can look at them: what is not printable ASCII as \xhh, cut with "..." where there is no room. */
static const char *printable(slice s, char *buf, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (n + 8 > room) {
            memcpy(buf + n, "...", 3);
            n += 3;
            break;
        }
        u8 c = (u8)s.at[i];
        if (c >= 0x20 && c < 0x7f && c != '\\') buf[n++] = (char)c;
        else n += (size_t)snprintf(buf + n, room - n, "\\x%02x", c);
    }
    buf[n] = 0;
    return buf;
}

static err show_position(void *arg, slice source, const struct position *p)
{
    char of[128], key[384], value[384];
    say(arg, "position  %s  %s = %s", printable(source, of, sizeof of), printable(p->key, key, sizeof key),
        printable(p->value, value, sizeof value));
    return OK;
}

static err show_outbox(void *arg, u64 epoch, const struct streamed *t, slice rows)
{
    say(arg, "outbox    epoch %" PRIu64 ", %zu bytes", epoch, rows.len);
    if (t->bytes > 0)
        say(arg, "streamed  epoch %" PRIu64 ", %" PRIu64 " bytes in rows.%" PRIu32, epoch, t->bytes, t->slot);
    return OK;
}

static void show_op(const struct state *s, const struct state_op *op, struct printer *p)
{
    struct snapshot_entry n = entry_of(s, op);
    say(p, "operator  %s  fingerprint %016" PRIx64 ", %" PRIu64 " objects, %" PRIu64 " pages, %" PRIu64 " bytes",
        op->name, op->fingerprint, n.objects, n.pages, n.bytes);
    for (u32 i = 0; i < s->objects; i++) {
        const struct state_object *o = &s->object[i];
        if (o->op == op->row)
            say(p, "object    %s/%" PRIu64 "  head %" PRIu64 " bytes, %" PRIu64 " pages, %" PRIu64 " bytes", op->name,
                o->object, o->head_bytes, o->pages, o->bytes);
    }
}

/* Says which operators there are, so that a typing error is seen at once. */
static err no_such_op(struct state *s, slice name)
{
    char list[256];
    int n = 0;
    list[0] = 0;
    for (u32 i = 0; i < s->ops && n < (int)sizeof list; i++)
        n += snprintf(list + n, sizeof list - (size_t)n, "%s%s", i ? ", " : "", s->op[i].name);
    return state_refuse(s, "no such operator", "has no operator `%.*s`; it has: %s", (int)name.len, name.at,
                        s->ops ? list : "none");
}

err snapshot_show(const char *path, slice op, void (*print)(void *arg, const char *line), void *arg, char *why)
{
    struct state s;
    err e = state_open(&s, path, SQLITE_HOW_READ, slice_of(NULL, 0), why);
    if (err_is(e)) return e;
    struct printer p = { print, arg, 0 };
    if (op.len > 0) {
        const struct state_op *one = state_op_find(&s, op);
        if (one != NULL) show_op(&s, one, &p);
        else e = no_such_op(&s, op);
    } else {
        say(&p, "state     recipe %s, epoch %" PRIu64 ", engine %zu bytes", s.recipe, s.epoch, s.engine_len);
        for (u32 i = 0; i < s.ops; i++) show_op(&s, &s.op[i], &p);
        e = state_positions(&s, slice_of(NULL, 0), show_position, &p);
        if (!err_is(e)) e = state_outboxes(&s, 0, show_outbox, &p);
    }
    state_close(&s);
    return e;
}

/* --- copying operators from file to file --- */

/* What is read from one file goes into another's open transaction. */
struct copier {
    struct image_reader reader;
    struct state       *to;
    i64                 op;
    bool                failed; /* the error is of the target, whose words stand in its `why` */
    err                 e;
};

static err copied(struct copier *c, err e)
{
    if (err_is(e)) c->failed = true, c->e = e;
    return e;
}

static err copy_head(struct image_reader *r, u64 object, slice bytes)
{
    struct copier *c = container_of(r, struct copier, reader);
    return copied(c, state_head_put(c->to, c->op, object, bytes));
}

static err copy_page(struct image_reader *r, u64 object, enum image_part part, u32 number, slice bytes)
{
    struct copier *c = container_of(r, struct copier, reader);
    return copied(c, state_page_put(c->to, c->op, object, part, number, bytes));
}

static err copy_done(struct image_reader *r)
{
    return OK;
}

/* An operator of the target is replaced by the source's. The first error's words end up in to->why. */
static err copy_op(struct state *from, const struct state_op *op, struct state *to)
{
    char words[SNAPSHOT_WHY];
    struct copier c = { .reader = { copy_head, copy_page, copy_done }, .to = to };
    const struct state_op *old = state_op_find(to, slice_str(op->name));
    err e = old != NULL ? state_op_drop(to, old->row) : OK;
    if (!err_is(e)) e = state_op_put(to, slice_str(op->name), op->fingerprint, &c.op);
    if (err_is(e)) return e;
    from->why = words;
    e = state_op_read(from, op, &c.reader);
    if (err_is(e) && c.failed) return c.e;
    if (err_is(e)) memcpy(to->why, words, SNAPSHOT_WHY);
    return e;
}

/* The operators named, or all. to->why tells what went wrong in either file. */
static err copy_ops(struct state *from, struct state *to, u32 count, const slice *name)
{
    err e = OK;
    for (u32 i = 0; i < count && !err_is(e); i++) {
        const struct state_op *op = state_op_find(from, name[i]);
        from->why = to->why;
        e = op != NULL ? copy_op(from, op, to) : no_such_op(from, name[i]);
    }
    for (u32 i = 0; count == 0 && i < from->ops && !err_is(e); i++) e = copy_op(from, &from->op[i], to);
    return e;
}

static err copy_position(void *arg, slice source, const struct position *p)
{
    return state_position_put(arg, source, p);
}

/* In the savepoint's own file all rows of an epoch go with it: it is one file. */
struct outbox_copier {
    struct state *from, *to;
};

static err copy_outbox(void *arg, u64 epoch, const struct streamed *t, slice rows)
{
    struct outbox_copier *c = arg;
    slice                 ahead;
    if (t->bytes == 0) return state_outbox_put(c->to, epoch, rows);
    err   e = snapshot_streamed_open(c->from->path, t, &ahead, c->to->why);
    char *all = malloc(ahead.len + rows.len + 1);
    WEIR_ASSERT(all != NULL);
    if (!err_is(e)) {
        memcpy(all, ahead.at, ahead.len);
        if (rows.len > 0) memcpy(all + ahead.len, rows.at, rows.len);
        e = state_outbox_put(c->to, epoch, slice_of(all, ahead.len + rows.len));
    }
    snapshot_streamed_close(ahead);
    free(all);
    return e;
}

static err copy_rest(struct state *from, struct state *to)
{
    struct outbox_copier boxes = { from, to };
    from->why = to->why;
    state_engine_set(to, slice_of((const char *)from->engine, from->engine_len));
    err e = state_positions(from, slice_of(NULL, 0), copy_position, to);
    return err_is(e) ? e : state_outboxes(from, 0, copy_outbox, &boxes);
}

/* One transaction into a file made for it, then one plain file without a WAL. */
static err export_into(struct state *from, struct state *to, u32 count, const slice *op)
{
    err e = state_begin(to);
    if (!err_is(e)) e = copy_ops(from, to, count, op);
    if (!err_is(e) && count == 0) e = copy_rest(from, to);
    if (!err_is(e)) e = state_commit(to, from->epoch);
    if (err_is(e)) return e;
    e = sqlite_run(to->db, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE");
    return err_is(e) ? state_explain(to, e, "finishing") : OK;
}

static void remove_partial(const char *path)
{
    static const char *const tails[] = { "", "-wal", "-shm", "-journal", ".lock" };
    for (u32 i = 0; i < WEIR_COUNT(tails); i++) {
        char *name;
        WEIR_ASSERT(asprintf(&name, "%s%s", path, tails[i]) >= 0);
        unlink(name);
        free(name);
    }
}

/* Built beside its name and linked there when whole: what exists is never replaced. */
static err export_as(struct state *from, const char *to, const char *partial, u32 count, const slice *op, char *why)
{
    struct state target;
    remove_partial(partial);
    err e = state_open(&target, partial, SQLITE_HOW_CREATE, slice_str(from->recipe), why);
    if (err_is(e)) return e;
    e = export_into(from, &target, count, op);
    if (err_is(e) && why[0] == 0) err_text(e, why, SNAPSHOT_WHY);
    state_close(&target);
    if (!err_is(e) && link(partial, to) != 0) {
        e = err_os("name a savepoint");
        snprintf(why, SNAPSHOT_WHY, "%s: %s", to, strerror(errno));
    }
    remove_partial(partial);
    return e;
}

err snapshot_export(const char *path, const char *to, u32 count, const slice *op, char *why)
{
    if (access(to, F_OK) == 0) {
        snprintf(why, SNAPSHOT_WHY, "%s: exists; a savepoint never replaces a file", to);
        return (err){ ERR_STATE, "savepoint exists", 0 };
    }
    struct state s;
    err e = state_open(&s, path, SQLITE_HOW_WRITE, slice_of(NULL, 0), why);
    if (err_is(e)) return e;
    char *partial;
    WEIR_ASSERT(asprintf(&partial, "%s.partial", to) >= 0);
    e = export_as(&s, to, partial, count, op, why);
    free(partial);
    state_close(&s);
    return e;
}

err snapshot_import(const char *path, const char *from, u32 count, const slice *op, char *why)
{
    struct state source, target;
    err e = state_open(&source, from, SQLITE_HOW_READ, slice_of(NULL, 0), why);
    if (err_is(e)) return e;
    e = state_open(&target, path, SQLITE_HOW_WRITE, slice_of(NULL, 0), why);
    if (err_is(e)) {
        state_close(&source);
        return e;
    }
    e = state_begin(&target);
    if (!err_is(e)) e = copy_ops(&source, &target, count, op);
    if (!err_is(e)) e = state_commit(&target, target.epoch);
    if (err_is(e)) {
        if (why[0] == 0) err_text(e, why, SNAPSHOT_WHY);
        sqlite_rollback(target.db);
    }
    state_close(&target);
    state_close(&source);
    return e;
}
