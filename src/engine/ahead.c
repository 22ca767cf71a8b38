/* SPDX-License-Identifier: Apache-2.0 */
/* ahead.c: one queue to the file, the outlets' own queues to the sinks. See ahead.h. */
#include "engine/ahead.h"

#include "engine/log.h"

#include <stdio.h>
#include <stdlib.h>

#define RETRY_MS     1000
#define STREAM_BYTES ((u64)256 << 10) /* do not wait for an idle sink                                           */
#define HEAVY_BYTES  ((u64)1 << 30)   /* of an epoch: what may lie beside state.db for each one not yet delivered */

struct ahead {
    struct ahead_setup setup;
    bool               holds, settles; /* some sink does   */
    u64                settle;         /* OUTBOX_SETTLE given */
    u64                given;          /* bytes since the last cut */
    u64                losses;         /* of the sinks, at the last cut */
    struct outbox     *first, **end;   /* on their way to the file */
    u64                waiting;        /* bytes of these */
    slice              rest;           /* of the first   */
    struct lane_task   task;
    uv_timer_t         retry;
    bool               writing, retrying, fatal;
    u64                release;        /* epochs whose files make room for another try */
    err                result;
    char               why[SNAPSHOT_WHY];
};

struct ahead *ahead_open(uv_loop_t *loop, const struct ahead_setup *setup)
{
    struct ahead *a = calloc(1, sizeof *a);
    WEIR_ASSERT(a != NULL);
    a->setup = *setup;
    a->end = &a->first;
    for (u32 i = 0; i < setup->outlets; i++) {
        a->holds = a->holds || outlet_ahead(setup->outlet[i]) == AHEAD_HOLDS;
        a->settles = a->settles || outlet_ahead(setup->outlet[i]) == AHEAD_SETTLES;
    }
    uv_timer_init(loop, &a->retry);
    return a;
}

static void retry_closed(uv_handle_t *handle)
{
    free(container_of((uv_timer_t *)handle, struct ahead, retry));
}

void ahead_close(struct ahead *a)
{
    WEIR_ASSERT(ahead_idle(a));
    uv_close((uv_handle_t *)&a->retry, retry_closed);
}

/* --- to the file --------------------------------------------------------------------------------------------- */

static void write_run(struct lane_task *task)
{
    struct ahead *a = container_of(task, struct ahead, task);
    a->result = a->retrying ? snapshot_release(a->setup.snapshot, a->release, a->why, &a->fatal) : OK;
    if (!err_is(a->result)) a->result = snapshot_stream(a->setup.snapshot, &a->rest, a->why, &a->fatal);
}

static void write_done(struct lane_task *task);

static void write_start(struct ahead *a)
{
    a->writing = true;
    a->release = a->retrying ? a->setup.host->delivered(a->setup.host) : 0;
    a->task = (struct lane_task){ .run = write_run, .done = write_done };
    lane_give(a->setup.lane, &a->task);
}

static void retry_fires(uv_timer_t *timer)
{
    write_start(container_of(timer, struct ahead, retry));
}

static void write_failed(struct ahead *a)
{
    char text[SNAPSHOT_WHY + 256], words[128];
    snprintf(text, sizeof text, "state %s: %s", a->setup.state_path,
             a->why[0] ? a->why : err_text(a->result, words, sizeof words));
    if (a->fatal) {
        a->setup.host->fail(a->setup.host, text);
        return;
    }
    if (!a->retrying) log_line(LOG_ERROR, "%s; trying again every second, the sources wait", text);
    a->retrying = true;
    uv_timer_start(&a->retry, retry_fires, RETRY_MS, 0);
}

static void queue_next(struct ahead *a)
{
    a->rest = a->first->rows;
    write_start(a);
}

static void write_done(struct lane_task *task)
{
    struct ahead *a = container_of(task, struct ahead, task);
    if (err_is(a->result)) {
        write_failed(a);
        return;
    }
    if (a->retrying) log_line(LOG_INFO, "state %s: written again", a->setup.state_path);
    a->retrying = a->writing = false;
    struct outbox *done = a->first;
    if ((a->first = done->next) == NULL) a->end = &a->first;
    else queue_next(a);
    a->waiting -= done->rows.len;
    outbox_release(done);
    a->setup.host->arrived(a->setup.host);
}

static void queue_push(struct ahead *a, struct outbox *lent)
{
    lent->users++;
    lent->next = NULL;
    *a->end = lent;
    a->end = &lent->next;
    a->waiting += lent->rows.len;
    if (!a->writing) queue_next(a);
}

/* --- to the sinks -------------------------------------------------------------------------------------------- */

static void give(struct ahead *a, struct outbox *taken, bool all)
{
    for (u32 i = 0; i < a->setup.outlets; i++) {
        enum sink_ahead how = outlet_ahead(a->setup.outlet[i]);
        if (how == AHEAD_SETTLES || (how == AHEAD_HOLDS && all)) outlet_give(a->setup.outlet[i], taken);
    }
    outbox_release(taken);
}

static void stream_all(struct ahead *a)
{
    if (a->setup.rows->len == 0) return;
    struct outbox *box = outbox_new(OUTBOX_STREAM, 0, row_writer_take(a->setup.rows));
    a->given += box->rows.len;
    if (a->holds) queue_push(a, box);
    give(a, box, true);
}

static u64 losses(const struct ahead *a)
{
    u64 n = 0;
    for (u32 i = 0; i < a->setup.outlets; i++)
        if (outlet_ahead(a->setup.outlet[i]) == AHEAD_HOLDS) n += outlet_losses(a->setup.outlet[i]);
    return n;
}

static bool sinks_idle(const struct ahead *a)
{
    bool idle = true;
    for (u32 i = 0; i < a->setup.outlets; i++)
        if (outlet_ahead(a->setup.outlet[i]) != AHEAD_NOT) idle = idle && outlet_waiting(a->setup.outlet[i]) == 0;
    return idle;
}

void ahead_stream(struct ahead *a, bool cutting)
{
    if (a->setup.rows->len == 0 || (cutting && a->holds)) return; /* asked at every turn */
    if (a->setup.rows->len >= STREAM_BYTES || sinks_idle(a)) stream_all(a);
}

void ahead_cut(struct ahead *a)
{
    stream_all(a);
    a->given = 0;
    a->losses = losses(a);
    if (!a->settles) return;
    a->settle++;
    give(a, outbox_new(OUTBOX_SETTLE, 0, (slice){ 0 }), false);
}

bool ahead_settled(const struct ahead *a)
{
    for (u32 i = 0; i < a->setup.outlets; i++)
        if (outlet_ahead(a->setup.outlet[i]) == AHEAD_SETTLES && outlet_settled(a->setup.outlet[i]) < a->settle)
            return false;
    return a->first == NULL;
}

/* --- asking -------------------------------------------------------------------------------------------------- */

bool ahead_idle(const struct ahead *a)
{
    return a->first == NULL;
}

bool ahead_stuck(const struct ahead *a)
{
    return a->retrying;
}

bool ahead_heavy(const struct ahead *a)
{
    return a->holds && (a->given >= HEAVY_BYTES || (a->given > 0 && losses(a) > a->losses));
}

u64 ahead_bytes(const struct ahead *a)
{
    return a->setup.rows->len + a->waiting;
}
