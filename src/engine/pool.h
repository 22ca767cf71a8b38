/* SPDX-License-Identifier: Apache-2.0 */
/* pool.h: worker threads that take jobs in order and give them back as they finish. */
#pragma once

#include "engine/mill.h"

#include <uv.h>

struct pool;

/* plans: one a source; lent for life. done: on the loop, once a job, in any order. */
err  pool_open(struct pool **out, uv_loop_t *loop, u32 workers, u32 plans, const struct plan *plan,
               void (*done)(void *arg, struct job *job), void *arg);
void pool_give(struct pool *p, struct job *taken);
/* Runs run(arg, 0) .. run(arg, n - 1), each once, on this thread and on workers as they come free, and returns when all
 * are done. So state of the loop may be lent to workers: the loop does nothing else meanwhile. The calls must not share
 * what they write. Only from the loop. */
void pool_fork(struct pool *p, u32 n, void (*run)(void *arg, u32 i), void *arg);

u32  pool_workers(const struct pool *p);

/* No job may be out. The handle closes on the loop. */
void pool_close(struct pool *p);
