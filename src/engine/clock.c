/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c: clock_gettime. */
#include "engine/clock.h"

#include <time.h>

nanos clock_wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (nanos)t.tv_sec * NANOS_SECOND + t.tv_nsec;
}
