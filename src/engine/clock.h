/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h: the wall clock. Only the engine reads it: everything else is told what time it is. */
#pragma once

#include "weir/types.h"

/* ns since 1970 UTC. */
nanos clock_wall(void);
