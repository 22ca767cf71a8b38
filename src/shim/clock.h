/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h: what time it is. Only the engine, a live capture and commands ask: everything else is told. */
#pragma once

#include "weir/types.h"

/* ns since 1970 UTC. */
nanos clock_wall(void);

/* ns since some moment; never set, never back. */
u64 clock_monotonic(void);
