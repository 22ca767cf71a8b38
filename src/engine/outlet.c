/* SPDX-License-Identifier: Apache-2.0 */
/* outlet.c: one sink, one lane, one outbox at a time. */
#include "engine/outlet.h"

#include "engine/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY_MAX  512
#define RETRY_MS 1000
#define QUEUE_MAX 1024 /* outboxes; the engine holds the sources long before */

struct outlet {
    const struct recipe_sink *recipe;
    struct sink_setup         setup;
    struct sink              *sink;
    struct outlet_host       *host;
    struct lane              *lane;
    struct lane_task          task;
    uv_timer_t                retry;
    u64                       epoch; /* applied */
    u64                       settled;
    enum sink_ahead           ahead;
    bool                      records; /* takes a records table: rows that went ahead may be its own */
    u64                       losses;
    const char               *state; /* path of state.db, beside which streamed rows lie */
    struct outbox            *queue[QUEUE_MAX];
    u32                       head, count;
    u64                       backlog;
    bool                      more, retrying, fatal;
    bool                      resting; /* no more idle work */
    nanos                     tick_now, tick_watermark;
    err                       result;
    char                      why[WHY_MAX];
};

struct outbox *outbox_new(enum outbox_kind kind, u64 epoch, slice taken)
{
    struct outbox *o = malloc(sizeof *o);
    WEIR_ASSERT(o != NULL);
    *o = (struct outbox){ .kind = kind, .epoch = epoch, .rows = taken, .users = 1 };
    return o;
}

void outbox_release(struct outbox *o)
{
    WEIR_ASSERT(o->users > 0);
    if (--o->users) return;
    free((char *)(uintptr_t)o->rows.at);
    free(o);
}

static void outlet_next(struct outlet *o);

/* The rows that went ahead of the epoch are not in the sink any more, or never were: they come from the file. */
static err stream_again(struct outlet *o, const struct outbox *box)
{
    slice rows;
    err   e = snapshot_streamed_open(o->state, &box->streamed, &rows, o->why);
    o->fatal = err_is(e);
    if (!err_is(e)) e = o->recipe->type->stream(o->sink, rows, o->why, sizeof o->why, &o->fatal);
    snapshot_streamed_close(rows);
    return e;
}

/* For a sink that knows nothing of rows ahead, of a run that had another: all of the epoch at once. */
static err apply_together(struct outlet *o, const struct outbox *box)
{
    slice rows;
    err   e = snapshot_streamed_open(o->state, &box->streamed, &rows, o->why);
    char *all = malloc(rows.len + box->rows.len + 1);
    WEIR_ASSERT(all != NULL);
    o->fatal = err_is(e);
    if (!err_is(e)) {
        if (rows.len > 0) memcpy(all, rows.at, rows.len);
        if (box->rows.len > 0) memcpy(all + rows.len, box->rows.at, box->rows.len);
        e = o->recipe->type->apply(o->sink, box->epoch, slice_of(all, rows.len + box->rows.len), o->why, sizeof o->why,
                                   &o->fatal);
    }
    snapshot_streamed_close(rows);
    free(all);
    return e;
}

static err apply_epoch(struct outlet *o, const struct outbox *box)
{
    const struct sink_type *type = o->recipe->type;
    bool                    all = true;
    err                     e = OK;
    bool theirs = o->records && box->again && box->streamed.bytes > 0;
    if (o->ahead == AHEAD_NOT && theirs) return apply_together(o, box);
    if (o->ahead == AHEAD_SETTLES && theirs) all = false;
    if (o->ahead == AHEAD_HOLDS)
        e = type->holds(o->sink, box->epoch, box->streamed.bytes, &all, o->why, sizeof o->why, &o->fatal);
    if (!err_is(e) && !all) e = stream_again(o, box);
    if (!err_is(e) && !all && o->ahead == AHEAD_SETTLES) e = type->settle(o->sink, o->why, sizeof o->why, &o->fatal);
    if (err_is(e)) return e;
    return type->apply(o->sink, box->epoch, box->rows, o->why, sizeof o->why, &o->fatal);
}

static void apply_run(struct lane_task *task)
{
    struct outlet *o = container_of(task, struct outlet, task);
    struct outbox *box = o->queue[o->head];
    o->why[0] = '\0';
    o->fatal = false;
    const struct sink_type *type = o->recipe->type;
    switch (box->kind) {
    case OUTBOX_EPOCH: o->result = apply_epoch(o, box); break;
    case OUTBOX_STREAM: o->result = type->stream(o->sink, box->rows, o->why, sizeof o->why, &o->fatal); break;
    case OUTBOX_SETTLE: o->result = type->settle(o->sink, o->why, sizeof o->why, &o->fatal); break;
    }
}

static void apply_failed(struct outlet *o)
{
    char text[WHY_MAX + 256], words[128];
    snprintf(text, sizeof text, "sink %.*s: %s", (int)o->recipe->name.len, o->recipe->name.at,
             o->why[0] ? o->why : err_text(o->result, words, sizeof words));
    if (o->fatal) {
        o->host->fail(o->host, text);
        return;
    }
    if (!o->retrying) log_line(LOG_ERROR, "%s; trying again every second, the sources wait", text);
    if (!o->retrying && o->queue[o->head]->kind == OUTBOX_STREAM) o->losses++;
    o->retrying = true;
}

static void retry_fires(uv_timer_t *timer)
{
    outlet_next(container_of(timer, struct outlet, retry));
}

static void apply_done(struct lane_task *task)
{
    struct outlet *o = container_of(task, struct outlet, task);
    if (err_is(o->result)) {
        apply_failed(o);
        if (!o->fatal) uv_timer_start(&o->retry, retry_fires, RETRY_MS, 0);
        return;
    }
    if (o->retrying) log_line(LOG_INFO, "sink %.*s: works again", (int)o->recipe->name.len, o->recipe->name.at);
    o->retrying = false;
    struct outbox *box = o->queue[o->head];
    o->head = (o->head + 1) % QUEUE_MAX;
    o->count--;
    o->backlog -= box->rows.len;
    if (box->kind == OUTBOX_EPOCH) o->epoch = box->epoch;
    if (box->kind == OUTBOX_SETTLE) o->settled++;
    outbox_release(box);
    outlet_next(o);
    o->host->applied(o->host);
}

/* Starts on the first outbox waiting, if the lane is free. */
static void outlet_next(struct outlet *o)
{
    if (o->count == 0 || lane_busy(o->lane)) return;
    o->task = (struct lane_task){ .run = apply_run, .done = apply_done };
    lane_give(o->lane, &o->task);
}

void outlet_give(struct outlet *o, struct outbox *lent)
{
    WEIR_ASSERT(o->count < QUEUE_MAX);
    if (lent->kind == OUTBOX_EPOCH && lent->epoch <= o->epoch) return; /* it has it */
    lent->users++;
    o->queue[(o->head + o->count++) % QUEUE_MAX] = lent;
    o->backlog += lent->rows.len;
    if (!o->retrying) outlet_next(o);
}

static void tick_run(struct lane_task *task)
{
    struct outlet *o = container_of(task, struct outlet, task);
    o->more = o->recipe->type->tick(o->sink, o->tick_now, o->tick_watermark);
}

static void tick_done(struct lane_task *task)
{
    struct outlet *o = container_of(task, struct outlet, task);
    outlet_next(o);
    if (o->more && !lane_busy(o->lane)) outlet_tick(o, o->tick_now, o->tick_watermark);
    if (outlet_idle(o)) o->host->applied(o->host);
}

void outlet_tick(struct outlet *o, nanos now, nanos watermark)
{
    if (o->recipe->type->tick == NULL || lane_busy(o->lane) || o->count || o->resting) return;
    o->tick_now = now;
    o->tick_watermark = watermark;
    o->task = (struct lane_task){ .run = tick_run, .done = tick_done };
    lane_give(o->lane, &o->task);
}

void outlet_rest(struct outlet *o)
{
    o->resting = true;
}

void outlet_begin(struct outlet *o, u64 epoch)
{
    WEIR_ASSERT(o->count == 0 && epoch >= o->epoch);
    o->epoch = epoch;
}

static void warn(const char *text)
{
    log_line(LOG_WARN, "sink: %s", text);
}

err outlet_open(struct outlet **out, uv_loop_t *loop, struct outlet_host *host, const struct recipe *r, u32 sink,
                char *why, size_t room)
{
    struct outlet *o = calloc(1, sizeof *o);
    WEIR_ASSERT(o != NULL);
    o->recipe = &r->sink[sink];
    o->host = host;
    o->setup = (struct sink_setup){ o->recipe->name, r->name,           o->recipe->options, r->tables,
                                    r->table,        o->recipe->wanted, o->recipe->retains, o->recipe->retain };
    o->setup.warn = warn;
    o->ahead = sink_ahead(r, sink);
    o->state = r->state_path;
    for (u32 i = 0; i < r->steps; i++)
        if (r->step[i].kind == STEP_RECORDS && r->step[i].records.table != UINT32_MAX)
            o->records = o->records || o->recipe->wanted[r->step[i].records.table];
    err e = o->recipe->type->open(&o->sink, &o->setup, why, room);
    if (err_is(e)) {
        free(o);
        return e;
    }
    e = o->recipe->type->epoch(o->sink, &o->epoch);
    if (err_is(e)) {
        err_text(e, why, room);
        o->recipe->type->close(o->sink);
        free(o);
        return e;
    }
    o->lane = lane_open(loop, "weir-sink");
    uv_timer_init(loop, &o->retry);
    *out = o;
    return OK;
}

static void retry_closed(uv_handle_t *handle)
{
    free(container_of((uv_timer_t *)handle, struct outlet, retry));
}

void outlet_close(struct outlet *o)
{
    while (o->count) { /* a stop in a hurry: state.db keeps them for the next start */
        outbox_release(o->queue[o->head]);
        o->head = (o->head + 1) % QUEUE_MAX;
        o->count--;
    }
    lane_close(o->lane);
    o->recipe->type->close(o->sink);
    uv_close((uv_handle_t *)&o->retry, retry_closed);
}

enum sink_ahead sink_ahead(const struct recipe *r, u32 sink)
{
    const struct recipe_sink *s = &r->sink[sink];
    return s->type->ahead != NULL ? s->type->ahead(s->options, r->state_every) : AHEAD_NOT;
}

enum sink_ahead outlet_ahead(const struct outlet *o)
{
    return o->ahead;
}

u64 outlet_settled(const struct outlet *o)
{
    return o->settled;
}

u64 outlet_losses(const struct outlet *o)
{
    return o->losses;
}

u64 outlet_epoch(const struct outlet *o)
{
    return o->epoch;
}

bool outlet_idle(const struct outlet *o)
{
    return o->count == 0 && !lane_busy(o->lane);
}

bool outlet_waits(const struct outlet *o)
{
    return o->retrying && !lane_busy(o->lane);
}

u64 outlet_backlog(const struct outlet *o)
{
    return o->backlog;
}

u32 outlet_waiting(const struct outlet *o)
{
    return o->count;
}

slice outlet_name(const struct outlet *o)
{
    return o->recipe->name;
}
