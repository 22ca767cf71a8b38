/* SPDX-License-Identifier: Apache-2.0 */
/* epoch.h: numbered cuts through everything: image, positions, outbox; then the sinks, each with the number.
 *
 *   cut N (loop: freeze pages, copy positions) -> write N (snapshot thread: one transaction) -> outbox N to each sink
 *
 * One cut is out at a time. A write that fails for want of space is tried again with the same cut, so nothing has to be
 * put back; meanwhile the loop goes on until the outbox limit holds the sources. */
#pragma once

#include "engine/flow.h"
#include "engine/intake.h"
#include "engine/outlet.h"
#include "snapshot/snapshot.h"

struct epochs;

/* The engine's saved bytes begin with two values: this number, and epochs_tables_mark of the recipe that wrote them. */
#define EPOCH_SAVED_MAGIC 0x3172696577ull

/* Tells recipes with other result tables apart: rows in an outbox name tables by number. */
u64 epochs_tables_mark(const struct recipe *r);

struct epochs_host {
    void (*settled)(struct epochs_host *);                    /* a cut was written, or a sink advanced          */
    void (*collect)(struct epochs_host *, struct cut *to);    /* positions and the engine's bytes, into the cut  */
    void (*fail)(struct epochs_host *, const char *text);
};

/* Opens state.db and the sinks, reads the image back into `flow`, queues what sinks lack. Blocks.
 *   rows    what the next cut's outbox takes
 *   ahead   what epochs_stream takes; no cut is written before the sinks have settled it
 *   saved   the engine's bytes of the last epoch, lent until close
 *   code    filled on an error: the exit code (sysexits) that fits */
err epochs_open(struct epochs **out, uv_loop_t *loop, const struct recipe *r, struct flow *flow,
                struct row_writer *rows, struct row_writer *ahead, struct epochs_host *host, slice *saved, int *code,
                char *why, size_t room);

/* Hands rows ahead of their epoch to the sinks that take them, once these have nothing else to do or there are many. */
void epochs_stream(struct epochs *e);

/* Only when epochs_idle. */
void epochs_close(struct epochs *e);

err  epochs_positions(struct epochs *e, slice source, u32 *count, const struct position **position, char *why);
bool epochs_fresh(const struct epochs *e);
u64  epochs_state(const struct epochs *e); /* the state file's identity */

/* Cuts an epoch now, if none is out; true if it did. */
bool epochs_cut(struct epochs *e);

bool epochs_writing(const struct epochs *e); /* a cut is out                          */
bool epochs_idle(const struct epochs *e);    /* nothing out, and every sink has it all */
bool epochs_full(const struct epochs *e);    /* too many rows not yet in the sinks: hold the sources */
bool epochs_behind(const struct epochs *e);  /* the sinks have too many outboxes: cut nothing       */
bool epochs_heavy(const struct epochs *e);   /* rows that no cut took yet are many: cut now         */
void epochs_rest(struct epochs *e);          /* the end is near: idle work of sinks begins no more  */
bool epochs_state_stuck(const struct epochs *e); /* a cut is out and its write failed                         */
bool epochs_sinks_stuck(const struct epochs *e); /* no cut is out or it waits for sinks; some lack rows, all of those fail */
u64  epochs_number(const struct epochs *e);
bool epochs_everywhere(const struct epochs *e); /* the state and all sinks have the last cut  */
u64  epochs_last(const struct epochs *e);    /* monotonic ns of the last cut           */
void epochs_tick(struct epochs *e, nanos now, nanos watermark);

/* For --stats: longest time the loop stood still for a cut, in ns; bytes written. */
u64 epochs_longest_cut(const struct epochs *e);
u64 epochs_bytes(const struct epochs *e);
u64 epochs_recovery(const struct epochs *e); /* ns that reading the image took at start */
