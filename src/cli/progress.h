/* SPDX-License-Identifier: Apache-2.0 */
/* progress.h: a bar with rate and time left, on standard error and only on a terminal. */
#pragma once

#include "weir/types.h"

struct progress {
    const char *what;
    u64         total; /* bytes; 0: unknown */
    u64         begin, shown; /* monotonic ns */
    bool        on;
};

void progress_open(struct progress *p, const char *what, u64 total);
void progress_at(struct progress *p, u64 done); /* draws at most ten times a second */
void progress_close(struct progress *p, u64 done);
