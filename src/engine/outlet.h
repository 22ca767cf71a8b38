/* SPDX-License-Identifier: Apache-2.0 */
/* outlet.h: a sink in the engine: its thread, the outboxes it has still to apply, and the last epoch it has.
 *
 * An outbox is applied whole, together with its epoch's number. A failure that may pass is tried again every second,
 * for ever: the backlog then holds the sources. */
#pragma once

#include "config/recipe.h"
#include "engine/lane.h"
#include "snapshot/snapshot.h"

enum outbox_kind {
    OUTBOX_EPOCH,  /* rows of an epoch, to be applied with its number                   */
    OUTBOX_STREAM, /* rows ahead of theirs, for sinks that take such                     */
    OUTBOX_SETTLE, /* no rows: done once all rows streamed before are where they belong */
};

/* Rows, shared by all sinks. */
struct outbox {
    enum outbox_kind kind;
    u64              epoch; /* 0: of no epoch */
    slice            rows; /* malloc'd */
    u32              users; /* loop only */
    struct streamed  streamed; /* OUTBOX_EPOCH: rows that went ahead of it, as state.db names them */
    bool             again;    /* OUTBOX_EPOCH: of a run before this one                           */
    struct outbox   *next;     /* the engine's: in its queue to the file beside state.db           */
};

struct outbox *outbox_new(enum outbox_kind kind, u64 epoch, slice taken);
void           outbox_release(struct outbox *o);

struct outlet;

struct outlet_host {
    void (*applied)(struct outlet_host *);                    /* some outlet's epoch advanced */
    void (*fail)(struct outlet_host *, const char *text);     /* a sink must not go on        */
};

/* Opens the sink, blocking, and asks for its epoch. `why` (room bytes) says what was wrong. */
err outlet_open(struct outlet **out, uv_loop_t *loop, struct outlet_host *host, const struct recipe *r, u32 sink,
                char *why, size_t room);

/* Only when idle. The handles close on the loop. */
void outlet_close(struct outlet *o);

/* The sink has, or is to be taken to have, all epochs up to this one: a new sink's outboxes begin after it. */
void outlet_begin(struct outlet *o, u64 epoch);

/* Starts no more idle work. */
void outlet_rest(struct outlet *o);

/* Does a sink of the recipe take rows ahead of their epoch? */
enum sink_ahead sink_ahead(const struct recipe *r, u32 sink);

/* The same of an open one; how many OUTBOX_SETTLE are done? */
enum sink_ahead outlet_ahead(const struct outlet *o);
u64  outlet_settled(const struct outlet *o);
u64  outlet_losses(const struct outlet *o); /* times that rows were not taken ahead: what it holds may be gone */

void  outlet_give(struct outlet *o, struct outbox *lent); /* adds a user for itself */
u64   outlet_epoch(const struct outlet *o);
bool  outlet_idle(const struct outlet *o);
bool  outlet_waits(const struct outlet *o); /* failed, and its next try is not begun */
u64   outlet_backlog(const struct outlet *o);             /* bytes not applied yet */
u32   outlet_waiting(const struct outlet *o);             /* outboxes not applied  */
slice outlet_name(const struct outlet *o);

/* Retention and checkpoints, if the sink has nothing else to do. */
void outlet_tick(struct outlet *o, nanos now, nanos watermark);
