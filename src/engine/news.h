/* SPDX-License-Identifier: Apache-2.0 */
/* news.h: what a source's input was refused for, came too late with or lost since the log last said so.
 *
 * The log must not grow with the faults of the input, so each source speaks at most once a minute, and once at its end;
 * between that news adds up here. Knows no clock: monotonic time is an argument. */
#pragma once

#include "weir/decoder.h"

/* Where the first record of its kind stood. */
struct news_place {
    char *file; /* malloc'd; NULL: none */
    u64   line; /* from 1; 0: not known */
};

struct news {
    u64               rejected[REASONS_MAX], late, lost;
    struct news_place first[REASONS_MAX], first_late;
    bool              any;
    bool              told_once;
    u64               since; /* of the first that was not told */
    u64               told;
};

void news_fini(struct news *n);

/* count: more than 0. file: borrowed; line: 0 if not known. */
void news_reject(struct news *n, u32 reason, u64 count, slice file, u64 line, u64 now);
void news_late(struct news *n, u64 count, slice file, u64 now);
void news_lost(struct news *n, u64 count, u64 now);

/* Is it time to tell? */
bool news_due(const struct news *n, u64 now);

/* All that is new as one line; nothing is new afterwards. reasons: the decoder's words.
 *   rejected 12: not a number 10 (first /data/_tcp_@60:3), ...; late 5 (first in /data/_tcp_@0); lost 3
 * The most frequent reasons are named; the rest is counted. */
void news_tell(struct news *n, const char *const *reasons, u64 now, char *line, size_t room);
