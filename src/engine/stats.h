/* SPDX-License-Identifier: Apache-2.0 */
/* stats.h: the run's figures as one JSON object, for --stats: written anew every few seconds and at the end, whole each
 * time (a reader sees the old one or the new one). */
#pragma once

#include "engine/intake.h"

/* Seconds count from the first chunk offered, but for run_s. */
struct stats {
    u64 lines, bytes;
    f64 applied_s, ranked_s, committed_s, run_s;
    u64 epochs, longest_cut_ns, image_bytes, recovery_ns, state_bytes;
    const char *sources; /* of stats_sources; NULL: none */
};

/* What each source has counted, as a JSON object: given (free). While they are open. */
char *stats_sources(u32 count, struct intake *const *intake);

/* False: it could not be written, errno says why. */
bool stats_write(const char *path, const struct stats *s);
