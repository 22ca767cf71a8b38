/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c: clock_gettime. */
#include "shim/clock.h"

#include <time.h>

static nanos clock_of(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (nanos)t.tv_sec * NANOS_SECOND + t.tv_nsec;
}

nanos clock_wall(void)
{
    return clock_of(CLOCK_REALTIME);
}

u64 clock_monotonic(void)
{
    return (u64)clock_of(CLOCK_MONOTONIC);
}
