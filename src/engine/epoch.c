/* SPDX-License-Identifier: Apache-2.0 */
/* epoch.c: the protocol of DESIGN section 5, one step after the other. */
#include "engine/epoch.h"

#include "engine/ahead.h"
#include "engine/engine.h"
#include "engine/log.h"
#include "weir/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define RETRY_MS     1000
#define ROWS_HEAVY   ((u64)32 << 20) /* bytes of result rows that do not wait for `every` */
#define OUTBOXES_MAX 512u
#define FILES_MAX    ((u64)2 << 30)  /* of rows beside the state, for sinks that lack their epochs */
#define STREAMED_MAX ((u64)16 << 20) /* on their way to a sink that takes rows ahead: more has left all caches */

/* What of an epoch lies beside the state. */
struct kept {
    u64 epoch, bytes;
};

struct epochs {
    const struct recipe *recipe;
    struct flow         *flow;
    struct row_writer   *rows;
    struct ahead        *ahead;
    struct ahead_host    ahead_host;
    struct epochs_host  *host;
    struct outlet_host   outlet_host;
    struct snapshot     *snapshot;
    struct lane         *lane;
    struct lane_task     task;
    uv_timer_t           retry;
    struct outlet      **outlet;
    u32                  outlets;
    u64                  number;    /* of the last cut written, or out now  */
    u64                  loaded;    /* epoch found at start; 0: a new state */
    u64                  state;     /* identity of the state file             */
    struct cut          *cut;       /* out                                  */
    struct outbox       *box;       /* of the cut that is out               */
    bool                 settling;  /* a cut is out and waits for what went ahead of it */
    u32                  kepts;     /* epochs with rows beside the state that some sink may lack, oldest first */
    struct kept          kept[OUTBOXES_MAX];
    bool                 retrying, fatal;
    err                  result;
    char                 why[SNAPSHOT_WHY];
    u64                  last, longest, bytes, recovery;
};

/* The epoch that every sink has. */
static u64 delivered(const struct epochs *e)
{
    u64 least = e->number;
    for (u32 i = 0; i < e->outlets; i++)
        if (outlet_epoch(e->outlet[i]) < least) least = outlet_epoch(e->outlet[i]);
    return least;
}

static void kept_add(struct epochs *e, const struct streamed *s)
{
    u64 has = delivered(e);
    u32 n = 0;
    for (u32 i = 0; i < e->kepts; i++)
        if (e->kept[i].epoch > has) e->kept[n++] = e->kept[i];
    e->kepts = n;
    if (s->bytes == 0) return;
    bool full = e->kepts == WEIR_COUNT(e->kept); /* of many starts beside a sink that never works: two are one then */
    u64  with = full ? e->kept[--e->kepts].bytes : 0;
    e->kept[e->kepts++] = (struct kept){ s->epoch, s->bytes + with };
}

/* Of epochs that some sink lacks. */
static u64 kept_bytes(const struct epochs *e)
{
    u64 bytes = 0, has = e->kepts ? delivered(e) : 0;
    for (u32 i = 0; i < e->kepts; i++)
        if (e->kept[i].epoch > has) bytes += e->kept[i].bytes;
    return bytes;
}

/* --- cutting and writing ------------------------------------------------------------------------------------- */

static void write_run(struct lane_task *task)
{
    struct epochs *e = container_of(task, struct epochs, task);
    e->why[0] = '\0';
    e->fatal = false;
    e->result = snapshot_write(e->snapshot, e->cut, &e->box->streamed, e->why, &e->fatal);
    if (err_is(e->result)) return;
    char why[SNAPSHOT_WHY] = "";
    err  checkpoint = snapshot_checkpoint(e->snapshot, why);
    if (!err_is(checkpoint)) return;
    if (checkpoint.code == ERR_STATE) { /* a failed fsync: what the file holds is not known any more */
        e->result = checkpoint;
        e->fatal = true;
        memcpy(e->why, why, sizeof why);
        return;
    }
    log_line(LOG_WARN, "state: %s", why); /* costs only space: the next one tries again */
}

static void write_done(struct lane_task *task);

static void write_start(struct epochs *e)
{
    e->task = (struct lane_task){ .run = write_run, .done = write_done };
    lane_give(e->lane, &e->task);
}

static void retry_fires(uv_timer_t *timer)
{
    write_start(container_of(timer, struct epochs, retry));
}

static void write_failed(struct epochs *e)
{
    char text[SNAPSHOT_WHY + 256], words[128];
    snprintf(text, sizeof text, "state %s: %s", e->recipe->state_path,
             e->why[0] ? e->why : err_text(e->result, words, sizeof words));
    if (e->fatal) {
        e->host->fail(e->host, text);
        return;
    }
    if (!e->retrying) log_line(LOG_ERROR, "%s; trying again every second, the sources wait", text);
    e->retrying = true;
    uv_timer_start(&e->retry, retry_fires, RETRY_MS, 0);
}

static void write_done(struct lane_task *task)
{
    struct epochs *e = container_of(task, struct epochs, task);
    if (err_is(e->result)) {
        write_failed(e);
        return;
    }
    if (e->retrying) log_line(LOG_INFO, "state %s: written again", e->recipe->state_path);
    e->retrying = false;
    e->bytes += cut_bytes(e->cut);
    flow_thaw(e->flow, true);
    cut_free(e->cut);
    e->cut = NULL;
    kept_add(e, &e->box->streamed);
    for (u32 i = 0; i < e->outlets; i++) outlet_give(e->outlet[i], e->box);
    outbox_release(e->box);
    e->box = NULL;
    e->host->settled(e->host);
}

/* --- cutting ------------------------------------------------------------------------------------------------- */

/* The cut says that its records were applied: rows of theirs that went ahead must have arrived before it is written. */
static void write_settled(struct epochs *e)
{
    if (!e->settling || !ahead_settled(e->ahead)) return;
    e->settling = false;
    write_start(e);
}

void epochs_stream(struct epochs *e)
{
    for (u32 i = 0; i < e->outlets; i++) /* what gathers is bounded by what is in flight when the sources are held */
        if (outlet_waiting(e->outlet[i]) >= OUTBOXES_MAX) return;
    ahead_stream(e->ahead, e->cut != NULL);
}

static void on_ahead_arrived(struct ahead_host *h)
{
    struct epochs *e = container_of(h, struct epochs, ahead_host);
    write_settled(e);
    e->host->settled(e->host);
}

static u64 on_ahead_delivered(struct ahead_host *h)
{
    return delivered(container_of(h, struct epochs, ahead_host));
}

static void on_ahead_fail(struct ahead_host *h, const char *text)
{
    struct epochs *e = container_of(h, struct epochs, ahead_host);
    e->host->fail(e->host, text);
}

bool epochs_cut(struct epochs *e)
{
    if (e->cut) return false;
    u64 begin = uv_hrtime();
    u64 has = delivered(e);
    flow_flush(e->flow);
    e->cut = cut_new(++e->number);
    flow_cut(e->flow, cut_image(e->cut));
    e->host->collect(e->host, e->cut); /* may write rows: the outbox is taken after it */
    e->box = outbox_new(OUTBOX_EPOCH, e->number, row_writer_take(e->rows));
    cut_outbox(e->cut, e->box->rows);
    cut_delivered(e->cut, has);
    e->last = uv_hrtime();
    if (e->last - begin > e->longest) e->longest = e->last - begin;
    e->settling = true;
    ahead_cut(e->ahead);
    write_settled(e);
    return true;
}

/* --- starting where it was ----------------------------------------------------------------------------------- */

static err read_ops(struct epochs *e, char *why)
{
    const struct recipe *r = e->recipe;
    struct snapshot_op  *ops = calloc(r->ops + 1, sizeof *ops);
    WEIR_ASSERT(ops != NULL);
    err x = OK;
    for (u32 i = 0; i < r->ops && !err_is(x); i++) {
        enum snapshot_match match;
        ops[i] = (struct snapshot_op){ r->op[i].name, r->op[i].fingerprint };
        x = snapshot_read_op(e->snapshot, i, ops[i], flow_reader(e->flow, i), &match, why);
        if (!err_is(x) && match == SNAPSHOT_CHANGED)
            log_line(LOG_WARN, "state: %.*s has changed in the recipe: it starts empty", (int)ops[i].name.len,
                     ops[i].name.at);
        if (!err_is(x) && match == SNAPSHOT_NEW && e->loaded)
            log_line(LOG_INFO, "state: %.*s is new in the recipe: it starts empty", (int)ops[i].name.len,
                     ops[i].name.at);
    }
    free(ops);
    return x;
}

static void tell_forgotten(void *arg, slice name)
{
    (void)arg;
    log_line(LOG_WARN, "state: %.*s is no longer in the recipe: its state is dropped", (int)name.len, name.at);
}

static err forget_ops(struct epochs *e, char *why)
{
    const struct recipe *r = e->recipe;
    struct snapshot_op  *ops = calloc(r->ops + 1, sizeof *ops);
    WEIR_ASSERT(ops != NULL);
    for (u32 i = 0; i < r->ops; i++) ops[i] = (struct snapshot_op){ r->op[i].name, r->op[i].fingerprint };
    err x = snapshot_forget(e->snapshot, r->ops, ops, tell_forgotten, NULL, why);
    free(ops);
    return x;
}

/* A sink's place beside the state: ahead means that the state is an old copy. */
static err outlet_check(struct epochs *e, struct outlet *o, char *why, size_t room)
{
    u64   has = outlet_epoch(o);
    slice name = outlet_name(o);
    if (has <= e->loaded) return OK;
    snprintf(why, room,
             "sink %.*s has epoch %llu of this recipe, but the state file %s is only at epoch %llu: the state is an "
             "old copy or was deleted. Put the newer state back, or use a new store; nothing was changed",
             (int)name.len, name.at, (unsigned long long)has, e->recipe->state_path, (unsigned long long)e->loaded);
    return (err){ ERR_STATE, "a sink is ahead of the state", 0 };
}

u64 epochs_tables_mark(const struct recipe *r)
{
    u64 mark = r->tables;
    for (u32 t = 0; t < r->tables; t++) {
        mark = hash_checksum(r->table[t].name.at, r->table[t].name.len, mark);
        for (u32 c = 0; c < r->table[t].columns; c++)
            mark = hash_checksum(r->table[t].column[c].name.at, r->table[t].column[c].name.len, mark);
    }
    return mark;
}

/* Outboxes found at start, oldest first. */
struct redelivery {
    u32             count, room;
    struct outbox **box;
};

static err redelivery_add(void *arg, u64 epoch, const struct streamed *streamed, slice rows)
{
    struct redelivery *r = arg;
    char              *copy = malloc(rows.len + 1);
    if (r->count == r->room) {
        r->room = r->room ? 2 * r->room : 64;
        r->box = realloc(r->box, r->room * sizeof *r->box);
    }
    WEIR_ASSERT(copy != NULL && r->box != NULL);
    if (rows.len) memcpy(copy, rows.at, rows.len);
    struct outbox *box = r->box[r->count++] = outbox_new(OUTBOX_EPOCH, epoch, slice_of(copy, rows.len));
    box->streamed = *streamed;
    box->again = true;
    return OK;
}

static void redelivery_fini(struct redelivery *r)
{
    for (u32 i = 0; i < r->count; i++) outbox_release(r->box[i]);
    free(r->box);
}

/* Has it never had an epoch of this recipe, though there were some that it can no longer get? */
static bool outlet_is_new(const struct epochs *e, const struct outlet *o, const struct redelivery *r)
{
    return outlet_epoch(o) == 0 && e->loaded > 0 && (r->count == 0 || r->box[0]->epoch > 1);
}

/* A gap would be a loss, so it is refused. */
static err gap_check(const struct epochs *e, const struct redelivery *r, char *why, size_t room)
{
    for (u32 i = 0; i < e->outlets; i++) {
        const struct outlet *o = e->outlet[i];
        u64                  has = outlet_epoch(o);
        if (has == e->loaded || outlet_is_new(e, o, r) || (r->count && r->box[0]->epoch <= has + 1)) continue;
        snprintf(why, room,
                 "sink %.*s is at epoch %llu, the state at %llu, and the outboxes between are gone: the store is an "
                 "old copy. Put the newer store back, or use a new one",
                 (int)outlet_name(o).len, outlet_name(o).at, (unsigned long long)has, (unsigned long long)e->loaded);
        return (err){ ERR_STATE, "a sink is too far behind the state", 0 };
    }
    return OK;
}

/* Rows that were made for other tables cannot be delivered to these. A new sink can do without them. */
static err tables_check(const struct epochs *e, slice saved, const struct redelivery *r, bool *same, char *why,
                        size_t room)
{
    struct value_reader at = { (const u8 *)saved.at, (const u8 *)saved.at + saved.len };
    struct value        magic, mark;
    *same = true;
    if (saved.len == 0) return OK;
    bool good = value_read(&at, &magic) && magic.kind == VALUE_U64 && magic.u == EPOCH_SAVED_MAGIC;
    good = good && value_read(&at, &mark);
    if (!good) {
        snprintf(why, room, "state %s: the engine's saved bytes are damaged", e->recipe->state_path);
        return (err){ ERR_STATE, "the engine's saved bytes are damaged", 0 };
    }
    *same = mark.u == epochs_tables_mark(e->recipe);
    for (u32 i = 0; i < e->outlets && !*same; i++) {
        if (outlet_epoch(e->outlet[i]) == e->loaded || outlet_is_new(e, e->outlet[i], r)) continue;
        snprintf(why, room,
                 "results of the last epoch were not delivered to sink %.*s yet, and the recipe has other tables now: "
                 "run the former recipe once more, so that its sinks catch up, then this one",
                 (int)outlet_name(e->outlet[i]).len, outlet_name(e->outlet[i]).at);
        return (err){ ERR_CONFIG, "undelivered results of another recipe", 0 };
    }
    return OK;
}

static void redelivery_give(struct epochs *e, const struct redelivery *r, bool same)
{
    for (u32 i = 0; i < e->outlets; i++) {
        struct outlet *o = e->outlet[i];
        if (outlet_is_new(e, o, r)) {
            u64 begin = same && r->count ? r->box[0]->epoch : e->loaded + 1;
            log_line(LOG_INFO, "sink %.*s is new: it gets results from epoch %llu on", (int)outlet_name(o).len,
                     outlet_name(o).at, (unsigned long long)begin);
            outlet_begin(o, begin - 1);
        }
        for (u32 k = 0; k < r->count; k++) outlet_give(o, r->box[k]);
    }
    for (u32 k = 0; k < r->count; k++) kept_add(e, &r->box[k]->streamed);
}

/* Outboxes that a sink lacks, in order; nothing is given to any before all were found to go on well. */
static err redeliver(struct epochs *e, slice saved, char *why, size_t room)
{
    struct redelivery r = { 0 };
    bool              same = true;
    err               x = snapshot_read_outboxes(e->snapshot, delivered(e), redelivery_add, &r, why);
    if (!err_is(x)) x = gap_check(e, &r, why, room);
    if (!err_is(x)) x = tables_check(e, saved, &r, &same, why, room);
    if (!err_is(x)) redelivery_give(e, &r, same);
    redelivery_fini(&r);
    return x;
}

static void on_outlet_applied(struct outlet_host *h)
{
    struct epochs *e = container_of(h, struct epochs, outlet_host);
    write_settled(e);
    e->host->settled(e->host);
}

static void on_outlet_fail(struct outlet_host *h, const char *text)
{
    struct epochs *e = container_of(h, struct epochs, outlet_host);
    e->host->fail(e->host, text);
}

static err open_outlets(struct epochs *e, uv_loop_t *loop, char *why, size_t room)
{
    const struct recipe *r = e->recipe;
    e->outlet = calloc(r->sinks + 1, sizeof(struct outlet *));
    WEIR_ASSERT(e->outlet != NULL);
    for (u32 i = 0; i < r->sinks; i++) {
        char text[SNAPSHOT_WHY] = "";
        err  x = outlet_open(&e->outlet[i], loop, &e->outlet_host, r, i, text, sizeof text);
        if (err_is(x)) {
            char words[128];
            snprintf(why, room, "sink %.*s: %s", (int)r->sink[i].name.len, r->sink[i].name.at,
                     text[0] ? text : err_text(x, words, sizeof words));
            return x;
        }
        e->outlets++;
        x = outlet_check(e, e->outlet[i], why, room);
        if (err_is(x)) return x;
    }
    return OK;
}

static int exit_code(err x)
{
    switch (x.code) {
    case ERR_STATE:
    case ERR_DATA: return EX_DATAERR;
    case ERR_CONFIG: return EX_CONFIG;
    default: return EX_IOERR;
    }
}

err epochs_open(struct epochs **out, uv_loop_t *loop, const struct recipe *r, struct flow *flow,
                struct row_writer *rows, struct row_writer *ahead, struct epochs_host *host, slice *saved, int *code,
                char *why, size_t room)
{
    struct epochs *e = calloc(1, sizeof *e);
    WEIR_ASSERT(e != NULL);
    *e = (struct epochs){ .recipe = r, .flow = flow, .rows = rows, .host = host };
    e->outlet_host = (struct outlet_host){ on_outlet_applied, on_outlet_fail };
    e->ahead_host = (struct ahead_host){ on_ahead_arrived, on_ahead_fail, on_ahead_delivered };
    struct snapshot_load load = { 0 };
    u64                  begin = uv_hrtime();
    char                 text[SNAPSHOT_WHY] = "";
    err                  x = snapshot_open(&e->snapshot, r->state_path, r->name, text);
    if (!err_is(x)) x = snapshot_begin(e->snapshot, &load, text);
    e->state = load.id;
    e->number = e->loaded = load.epoch;
    *saved = load.engine;
    if (!err_is(x)) x = read_ops(e, text);
    if (!err_is(x)) x = forget_ops(e, text);
    e->recovery = uv_hrtime() - begin;
    if (err_is(x)) {
        char words[128];
        snprintf(why, room, "%s", text[0] ? text : err_text(x, words, sizeof words));
    } else {
        why[0] = '\0';
        x = open_outlets(e, loop, why, room);
        if (!err_is(x)) x = redeliver(e, load.engine, why, room);
    }
    *code = err_is(x) ? exit_code(x) : EX_OK;
    if (err_is(x)) return x; /* the process ends: nothing to give back but locks, which end with it */
    e->lane = lane_open(loop, "weir-state");
    struct ahead_setup setup = { ahead, e->snapshot, e->lane, r->state_path, e->outlets, e->outlet, &e->ahead_host };
    e->ahead = ahead_open(loop, &setup);
    uv_timer_init(loop, &e->retry);
    e->last = uv_hrtime();
    *out = e;
    return OK;
}

static void retry_closed(uv_handle_t *handle)
{
    free(container_of((uv_timer_t *)handle, struct epochs, retry));
}

void epochs_close(struct epochs *e)
{
    WEIR_ASSERT(e->cut == NULL);
    ahead_close(e->ahead);
    for (u32 i = 0; i < e->outlets; i++) outlet_close(e->outlet[i]);
    free(e->outlet);
    lane_close(e->lane);
    snapshot_close(e->snapshot);
    uv_close((uv_handle_t *)&e->retry, retry_closed);
}

/* --- asking -------------------------------------------------------------------------------------------------- */

err epochs_positions(struct epochs *e, slice source, u32 *count, const struct position **position, char *why)
{
    return snapshot_read_positions(e->snapshot, source, count, position, why);
}

u64 epochs_state(const struct epochs *e)
{
    return e->state;
}

bool epochs_fresh(const struct epochs *e)
{
    return e->loaded == 0;
}

bool epochs_writing(const struct epochs *e)
{
    return e->cut != NULL;
}

bool epochs_idle(const struct epochs *e)
{
    for (u32 i = 0; i < e->outlets; i++)
        if (!outlet_idle(e->outlet[i])) return false;
    return e->cut == NULL && ahead_idle(e->ahead);
}

bool epochs_full(const struct epochs *e)
{
    u64 bytes = e->rows->len + ahead_bytes(e->ahead) + (e->box ? e->box->rows.len : 0);
    for (u32 i = 0; i < e->outlets; i++) {
        u64 backlog = outlet_backlog(e->outlet[i]);
        u64 most = outlet_ahead(e->outlet[i]) == AHEAD_NOT ? ENGINE_BACKLOG_MAX : STREAMED_MAX;
        if (outlet_waiting(e->outlet[i]) >= OUTBOXES_MAX || backlog >= most || bytes + backlog >= ENGINE_BACKLOG_MAX)
            return true;
    }
    return bytes >= ENGINE_BACKLOG_MAX || kept_bytes(e) >= FILES_MAX;
}

/* Rows not yet cut do not count here: only a cut takes them away. One window's may be more than ENGINE_BACKLOG_MAX. */
bool epochs_behind(const struct epochs *e)
{
    for (u32 i = 0; i < e->outlets; i++)
        if (outlet_waiting(e->outlet[i]) >= OUTBOXES_MAX || outlet_backlog(e->outlet[i]) >= ENGINE_BACKLOG_MAX)
            return true;
    return false;
}

bool epochs_heavy(const struct epochs *e)
{
    return e->rows->len >= ROWS_HEAVY || ahead_heavy(e->ahead);
}

bool epochs_state_stuck(const struct epochs *e)
{
    return (e->cut != NULL && e->retrying) || ahead_stuck(e->ahead);
}

bool epochs_sinks_stuck(const struct epochs *e)
{
    bool stuck = false;
    for (u32 i = 0; i < e->outlets; i++) {
        if (outlet_idle(e->outlet[i])) continue;
        if (!outlet_waits(e->outlet[i])) return false;
        stuck = true;
    }
    return stuck && (e->cut == NULL || (e->settling && ahead_idle(e->ahead)));
}

void epochs_rest(struct epochs *e)
{
    for (u32 i = 0; i < e->outlets; i++) outlet_rest(e->outlet[i]);
}

bool epochs_everywhere(const struct epochs *e)
{
    return e->cut == NULL && delivered(e) == e->number;
}

u64 epochs_number(const struct epochs *e)
{
    return e->number;
}

u64 epochs_last(const struct epochs *e)
{
    return e->last;
}

void epochs_tick(struct epochs *e, nanos now, nanos watermark)
{
    for (u32 i = 0; i < e->outlets; i++) outlet_tick(e->outlet[i], now, watermark);
}

u64 epochs_longest_cut(const struct epochs *e)
{
    return e->longest;
}

u64 epochs_bytes(const struct epochs *e)
{
    return e->bytes;
}

u64 epochs_recovery(const struct epochs *e)
{
    return e->recovery;
}
