/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_guard.h: a watchdog over calls of librdkafka that may not come back. Of this folder alone.
 *
 * Some of its transactional calls have been seen to wait for ever, whatever time they were given (librdkafka #3013,
 * #5456). Nothing can be done from outside a call that hangs, so the process is ended: the next start goes on from the
 * last epoch, as after any crash. */
#pragma once

#include "weir/err.h"

struct kafka_guard;

/* limit_ms: how long a call may take. warn: the log; NULL: standard error. */
struct kafka_guard *kafka_guard_open(u32 limit_ms, void (*warn)(const char *text));

/* Around each call, by one thread: `doing` is lent until the end. One that takes longer ends the process, exit code
 * 75. */
void kafka_guard_begin(struct kafka_guard *g, const char *doing);
void kafka_guard_end(struct kafka_guard *g);

void kafka_guard_close(struct kafka_guard *g);
