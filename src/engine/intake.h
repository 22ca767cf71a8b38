/* SPDX-License-Identifier: Apache-2.0 */
/* intake.h: a source in the engine: what it offers, in order, and the ledger of what became of it.
 *
 * Workers finish chunks in any order; an intake applies them in the order offered, with the source's watermarks between
 * them, so that the same input gives the same tables however threads ran. */
#pragma once

#include "engine/flow.h"
#include "engine/pool.h"
#include "weir/metric.h"

#include <uv.h>

struct intake;

/* The ledger: read = applied + late + duplicate + filtered + rejected + lost, at every epoch. Records. */
struct ledger {
    u64 read, applied, late, duplicate, filtered, rejected, lost;
    u64 bytes;
    u64 complaints; /* files and ranges that were not read: gone, unreadable, truncated, written anew */
};

extern const struct metric ledger_metrics[];

/* What an intake is lent by the engine. */
struct intake_host {
    struct pool            *pool;
    struct flow            *flow;
    struct row_writer      *out;
    struct row_writer      *ahead;    /* rows that go ahead of their epoch */
    const bool             *ahead_of; /* per table: its rows do           */
    struct arrivals        *arrivals;
    struct lookup         **lookup; /* per recipe step; NULL where it is no tag step */
    /* Something was applied or has ended: the engine looks at its state at the end of the turn. */
    void (*stir)(struct intake_host *);
    /* There are rows ahead of their epoch: handed on at once, their memory changes hands instead of being copied. */
    void (*gathered)(struct intake_host *);
    void (*fail)(struct intake_host *, const char *text);
    /* As of an inlet. */
    void (*distrust)(struct intake_host *, const char *text);
    void (*damaged)(struct intake_host *);
    void (*fail_as)(struct intake_host *, enum err_code why, const char *text);
};

struct intake_setup {
    const struct recipe   *recipe;
    const struct plan     *plan;
    bool                   once;
    bool                   fresh, alone;
    u64                    state; /* identity of the state file */
    u32                    positions;
    const struct position *position;
    slice                  saved; /* of intake_save, or empty */
};

err  intake_open(struct intake **out, uv_loop_t *loop, struct intake_host *host, const struct intake_setup *setup);
void intake_close(struct intake *i, void (*gone)(void *arg), void *arg);
void intake_free(struct intake *i); /* after `gone` */

/* From the pool: a chunk of this intake came back. */
void intake_job_done(struct intake *i, struct job *j);

/* No more offers (`hold`), or offers again as far as the in-flight limit allows. */
void intake_hold(struct intake *i, bool hold);

/* The run ends: the source takes nothing more in. Quiet once it has offered what it cannot read again. */
void intake_stop(struct intake *i);
bool intake_quiet(const struct intake *i); /* nothing in flight                       */
bool intake_ended(const struct intake *i); /* bounded input is done and closed        */
bool intake_changed(struct intake *i);     /* something was applied since the last cut */
bool intake_window_closed(struct intake *i); /* a window closed since the last cut      */

/* Wall clock takes over where the source was silent for its `idle`. now: wall clock. */
void intake_tick(struct intake *i, nanos now);

/* Logs what was rejected, came late or was lost since it last said so: at most once a minute; rest: now, what is
 * left. */
void intake_tell(struct intake *i, bool rest);

/* Closes what is open with reason `end`. */
void intake_finish(struct intake *i);

/* For a cut: positions that changed, and the intake's own bytes (appended to `to`). Marks it unchanged. */
void intake_cut(struct intake *i, u32 *count, const struct position **position);
void intake_saved(struct intake *i); /* state and sinks have what the last cut gave */
void intake_save(const struct intake *i, struct row_writer *to);

/* Writes the ledger row of the minute of `now`. */
void intake_ledger_row(struct intake *i, nanos now);

/* What the source itself counts; *counts: of its metrics. NULL: nothing. While it is open. */
const struct metric *intake_metrics(struct intake *i, const u64 **counts);
void intake_parts(struct intake *i, void (*tell)(void *to, slice part, const char *metric, i64 value), void *to);

slice                intake_name(const struct intake *i);
const struct ledger *intake_ledger(const struct intake *i);
/* Derived values that were null since the process began, because a number left its range or was divided by zero. */
const struct expr_counts *intake_values(const struct intake *i);
nanos                intake_watermark(const struct intake *i);

/* Monotonic ns of the first offer and of the end of the last closing; 0: none. For --stats. */
u64 intake_first_offer(const struct intake *i);
u64 intake_last_apply(const struct intake *i); /* of the last chunk folded in */
u64 intake_last_close(const struct intake *i);
