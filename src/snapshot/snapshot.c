/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.c: the state file of a running recipe: what it held at start, and one transaction an epoch.
 *
 * Today's operators are matched by name and fingerprint. What is new, changed or gone is noted here and done in the
 * next cut's transaction, not at once: until then a start of the old recipe still finds its state. */
#include "snapshot/cut.h"
#include "snapshot/rowlog.h"
#include "snapshot/state.h"
#include "weir/arena.h"

#include <stdio.h>
#include <stdlib.h>

#define WAL_BYTES_MAX ((u64)16 << 20) /* past this, a checkpoint follows the epoch */

/* An operator of today's recipe. */
struct today {
    bool known;  /* snapshot_read_op was called for it         */
    bool clear;  /* state of that name in the file is not ours */
    i64  row;    /* in the file; 0: with the next cut          */
    struct snapshot_op as;
};

struct snapshot {
    struct state  state;
    struct rowlog log;
    u64           released; /* epochs up to this one have no outbox any more */
    struct arena  arena; /* what was lent until close */
    u32           todays;
    struct today *today;
    u32           gone;  /* names of operators to drop with the next cut */
    slice        *gone_name;
};

err snapshot_open(struct snapshot **out, const char *path, slice recipe, char *why)
{
    *out = NULL;
    struct snapshot *s = calloc(1, sizeof *s);
    WEIR_ASSERT(s != NULL);
    err e = state_open(&s->state, path, SQLITE_HOW_CREATE, recipe, why);
    if (err_is(e)) {
        free(s);
        return e;
    }
    arena_init(&s->arena, 0);
    rowlog_open(&s->log, s->state.path, s->state.id, s->state.streams, s->state.stream);
    *out = s;
    return OK;
}

void snapshot_close(struct snapshot *s)
{
    if (s == NULL) return;
    rowlog_close(&s->log);
    state_close(&s->state);
    arena_fini(&s->arena);
    free(s->today);
    free(s->gone_name);
    free(s);
}

err snapshot_begin(struct snapshot *s, struct snapshot_load *out, char *why)
{
    why[0] = 0;
    slice engine = slice_of((const char *)s->state.engine, s->state.engine_len);
    *out = (struct snapshot_load){ s->state.id, s->state.epoch, arena_copy(&s->arena, engine) };
    return OK;
}

/* --- operators --- */

static struct today *today_of(struct snapshot *s, u32 op)
{
    if (op >= s->todays) {
        s->today = realloc(s->today, (op + 1) * sizeof *s->today);
        WEIR_ASSERT(s->today != NULL);
        memset(s->today + s->todays, 0, (op + 1 - s->todays) * sizeof *s->today);
        s->todays = op + 1;
    }
    return &s->today[op];
}

err snapshot_read_op(struct snapshot *s, u32 op, struct snapshot_op as, struct image_reader *to,
                     enum snapshot_match *match, char *why)
{
    s->state.why = why;
    struct today *t = today_of(s, op);
    const struct state_op *saved = state_op_find(&s->state, as.name);
    *t = (struct today){ .known = true, .as = { arena_copy(&s->arena, as.name), as.fingerprint } };
    *match = saved == NULL ? SNAPSHOT_NEW : saved->fingerprint == as.fingerprint ? SNAPSHOT_SAME : SNAPSHOT_CHANGED;
    t->clear = *match == SNAPSHOT_CHANGED;
    if (*match != SNAPSHOT_SAME) return OK;
    t->row = saved->row;
    return state_op_read(&s->state, saved, to);
}

err snapshot_forget(struct snapshot *s, u32 ops, const struct snapshot_op *op, void (*tell)(void *arg, slice name),
                    void *arg, char *why)
{
    why[0] = 0;
    s->gone_name = realloc(s->gone_name, (s->state.ops + 1) * sizeof *s->gone_name);
    WEIR_ASSERT(s->gone_name != NULL);
    s->gone = 0;
    for (u32 i = 0; i < s->state.ops; i++) {
        slice name = slice_str(s->state.op[i].name);
        bool  kept = false;
        for (u32 k = 0; k < ops; k++) kept |= slice_eq(name, op[k].name);
        if (kept) continue;
        s->gone_name[s->gone] = arena_copy(&s->arena, name);
        tell(arg, s->gone_name[s->gone++]);
    }
    return OK;
}

/* --- positions and outboxes --- */

struct gather {
    struct arena    *arena;
    u32              count, room;
    struct position *at;
};

static err gather_one(void *arg, slice source, const struct position *p)
{
    struct gather *g = arg;
    if (g->count == g->room) {
        u32 room = g->room ? 2 * g->room : 256;
        struct position *at = arena_array(g->arena, struct position, room);
        if (g->count > 0) memcpy(at, g->at, g->count * sizeof *at);
        g->at = at, g->room = room;
    }
    struct position *to = &g->at[g->count++];
    *to = (struct position){ arena_copy(g->arena, p->key), arena_copy(g->arena, p->value) };
    if (to->value.at == NULL) to->value = slice_of("", 0);
    return OK;
}

err snapshot_read_positions(struct snapshot *s, slice source, u32 *count, const struct position **position, char *why)
{
    WEIR_ASSERT(source.len > 0);
    s->state.why = why;
    struct gather g = { .arena = &s->arena };
    err e = state_positions(&s->state, source, gather_one, &g);
    *count = g.count;
    *position = g.at;
    return e;
}

err snapshot_read_outboxes(struct snapshot *s, u64 after, outbox_fn *each, void *arg, char *why)
{
    s->state.why = why;
    return state_outboxes(&s->state, after, each, arg);
}

/* --- writing an epoch --- */

/* Today's operators in the file, yesterday's out of it. */
static err write_ops(struct snapshot *s)
{
    err e = OK;
    for (u32 i = 0; i < s->gone && !err_is(e); i++) {
        const struct state_op *saved = state_op_find(&s->state, s->gone_name[i]);
        if (saved != NULL) e = state_op_drop(&s->state, saved->row);
    }
    for (u32 i = 0; i < s->todays && !err_is(e); i++) {
        struct today *t = &s->today[i];
        if (!t->known || t->row != 0) continue;
        const struct state_op *saved = t->clear ? state_op_find(&s->state, t->as.name) : NULL;
        if (saved != NULL) e = state_op_drop(&s->state, saved->row);
        if (!err_is(e)) e = state_op_put(&s->state, t->as.name, t->as.fingerprint, &t->row);
    }
    return e;
}

static err write_entry(struct snapshot *s, const struct cut_entry *n)
{
    WEIR_ASSERT(n->op < s->todays && s->today[n->op].row != 0); /* snapshot_read_op comes first */
    i64 op = s->today[n->op].row;
    switch ((enum cut_kind)n->kind) {
    case CUT_HEAD: return state_head_put(&s->state, op, n->object, n->bytes);
    case CUT_PAGE: return state_page_put(&s->state, op, n->object, (enum image_part)n->part, n->number, n->bytes);
    case CUT_DROP: return state_object_drop(&s->state, op, n->object);
    }
    return OK;
}

static err write_all(struct snapshot *s, const struct cut *c, const struct streamed *streamed)
{
    struct state *st = &s->state;
    err e = write_ops(s);
    for (size_t i = 0; i < c->entries && !err_is(e); i++) e = write_entry(s, &c->entry[i]);
    for (size_t i = 0; i < c->positions && !err_is(e); i++)
        e = state_position_put(st, c->position[i].source, &c->position[i].position);
    if (c->has_engine) state_engine_set(st, c->engine);
    if (!err_is(e)) e = state_outbox_put(st, c->epoch, c->outbox);
    if (!err_is(e)) e = state_streamed_put(st, streamed);
    if (!err_is(e) && c->delivered > 0) e = state_outbox_drop(st, c->delivered);
    return err_is(e) ? e : state_commit(st, c->epoch);
}

err snapshot_stream(struct snapshot *s, slice *rows, char *why, bool *fatal)
{
    why[0] = 0;
    *fatal = false;
    return rowlog_append(&s->log, s->state.epoch + 1, rows);
}

err snapshot_release(struct snapshot *s, u64 delivered, char *why, bool *fatal)
{
    s->state.why = why;
    why[0] = 0;
    *fatal = false;
    if (delivered <= s->released) return OK;
    err e = state_begin(&s->state);
    if (!err_is(e)) e = state_outbox_drop(&s->state, delivered);
    if (!err_is(e)) e = state_commit(&s->state, s->state.epoch);
    if (err_is(e)) {
        *fatal = sqlite_fatal(e);
        if (err_is(state_undo(&s->state))) *fatal = true;
        return e;
    }
    s->released = delivered;
    rowlog_release(&s->log, delivered, 0);
    return OK;
}

err snapshot_write(struct snapshot *s, const struct cut *c, struct streamed *streamed, char *why, bool *fatal)
{
    WEIR_ASSERT(c->epoch > s->state.epoch);
    s->state.why = why;
    why[0] = 0;
    err e = rowlog_seal(&s->log, c->epoch, streamed, fatal);
    if (err_is(e)) return e;
    bool *fresh = calloc(s->todays + 1, sizeof *fresh);
    WEIR_ASSERT(fresh != NULL);
    for (u32 i = 0; i < s->todays; i++) fresh[i] = s->today[i].row == 0;
    e = state_begin(&s->state);
    if (!err_is(e)) e = write_all(s, c, streamed);
    if (err_is(e)) {
        *fatal = sqlite_fatal(e);
        if (why[0] == 0) err_text(e, why, SNAPSHOT_WHY);
        if (err_is(state_undo(&s->state))) *fatal = true;
        for (u32 i = 0; i < s->todays; i++)
            if (fresh[i]) s->today[i].row = 0;
    } else {
        s->gone = 0;
        if (c->delivered > s->released) s->released = c->delivered;
        rowlog_committed(&s->log, c->delivered);
    }
    free(fresh);
    return e;
}

/* TRUNCATE without waiting: with a reader in the way it copies what it can, as PASSIVE does, and that is fine. */
err snapshot_checkpoint(struct snapshot *s, char *why)
{
    s->state.why = why;
    why[0] = 0;
    if (sqlite_wal_bytes(s->state.path) < WAL_BYTES_MAX) return OK;
    sqlite3_busy_timeout(s->state.db, 0);
    int code = sqlite3_wal_checkpoint_v2(s->state.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    err e = sqlite_err(s->state.db, code);
    sqlite3_busy_timeout(s->state.db, SQLITE_BUSY_MS);
    if (err_is(e) && code == SQLITE_BUSY) return OK;
    if (!err_is(e)) return OK;
    bool fatal = sqlite_fatal(e);
    e = state_explain(&s->state, e, "checkpointing");
    if (fatal) e.code = ERR_STATE;
    return e;
}
