/* SPDX-License-Identifier: Apache-2.0 */
/* lane.h: a thread for work that blocks: the snapshot's, each sink's, the tag tables'.
 *
 * The loop gives tasks; the lane runs them one by one, in order; `done` runs on the loop again. A task has one owner at
 * a time: the lane from lane_give until `done`. */
#pragma once

#include "weir/types.h"

#include <uv.h>

struct lane;

struct lane_task {
    void (*run)(struct lane_task *);  /* on the lane */
    void (*done)(struct lane_task *); /* on the loop */
    struct lane_task *next;
};

/* Aborts if no thread can be had. */
struct lane *lane_open(uv_loop_t *loop, const char *name);
void         lane_give(struct lane *l, struct lane_task *task);
bool         lane_busy(const struct lane *l); /* some task is not done yet; loop's view */

/* Waits for the running task, drops none: call only when not busy. Asynchronous: the handle closes on the loop. */
void lane_close(struct lane *l);
