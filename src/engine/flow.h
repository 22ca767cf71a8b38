/* SPDX-License-Identifier: Apache-2.0 */
/* flow.h: the loop's half of the recipe: windows, the cascades they feed, rankings, and the rows that leave.
 *
 * Lines stand in an order in which a line's feeder comes first, so that one walk carries a watermark, an end or a flush
 * through all levels. All state of the process that must survive is in these lines (and in positions of sources). */
#pragma once

#include "config/recipe.h"
#include "engine/emit.h"
#include "engine/pool.h"
#include "window/window.h"

struct flow;

/* Rows are written to `out`, large windows are fed upwards with the help of `pool`'s workers; both lent for life. */
err  flow_open(struct flow **f, const struct recipe *r, struct pool *pool, struct row_writer *out);
void flow_close(struct flow *f);

/* The number of the part of this name of a source whose windows keep their parts apart. 0, the part without a name, if
 * PARTITIONS_MAX others are known or the name is too long: nothing is lost, but these cannot be told apart later. */
u32 flow_part(struct flow *f, u32 source, slice name);

/* Folds a worker's partial into the window of recipe step `step`; part: of flow_part, or 0. */
void flow_push(struct flow *f, u32 step, u32 part, const struct groups *partial, struct window_push_counts *counts);

/* After flow_push, before time goes on: did the window of recipe step `step` take records of event time t? Others were
 * late. */
bool flow_took(const struct flow *f, u32 step, nanos t);

/* Watermark of a source: closes what is due in all its lines. True if some window closed. */
bool flow_advance(struct flow *f, u32 source, nanos to, enum close_reason why);

/* How far time has to go to close what ends at or before `to`, and no further; NANOS_MIN: nothing is to be closed. */
nanos flow_due(const struct flow *f, u32 source, nanos to);

/* Bounded input has ended: closes all open windows, which stay ready to be amended. */
void flow_end(struct flow *f, u32 source);

/* Gives out what was amended since the last flush. */
void flow_flush(struct flow *f);

/* The image. */
void flow_cut(struct flow *f, struct image_writer *to);
void flow_thaw(struct flow *f, bool written);

/* Reader for the operator `op` of the recipe: pass it to snapshot_read_op. Lent until the next call. */
struct image_reader *flow_reader(struct flow *f, u32 op);

/* Bytes of all windows. */
u64 flow_memory(const struct flow *f);

/* The counter behind the `arrived` column; part of the engine's saved bytes. */
u64 *flow_arrived(struct flow *f);
