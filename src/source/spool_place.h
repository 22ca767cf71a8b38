/* SPDX-License-Identifier: Apache-2.0 */
/* spool_place.h: how far a spool is read: the unified2 source's memory.
 *
 * Events are given out in the order of their coming, each when nothing more of it is expected; what belongs to no event
 * goes out at once. So two places say all: all events before `begin` were given out and none behind it; and all that
 * goes alone was given out before `read`. A restart reads from `begin`, joins again, and drops what goes alone before
 * `read`: either it did so before, or it belonged to an event that was given out.
 *
 * A place is a file's number, an offset, and the sum of the file's first bytes, by which it is known again: devices
 * and inodes change with a reboot or a copy, and a file that is written over keeps them.
 *
 * The value is decimal numbers with spaces, 1 (the version of this form) first, so that `weir snapshot show` can be
 * read; the last word is the prefix of the files. */
#pragma once

#include "weir/slice.h"

#define SPOOL_HEAD   512u /* bytes by which a file is known */
#define SPOOL_PREFIX 256u /* with its NUL                   */
#define SPOOL_VALUE  (12 * 21 + SPOOL_PREFIX)

struct spool_at {
    u64 stamp, offset;
    u64 head, head_sum; /* the sum of so many first bytes; 0: of none */
};

struct spool_place {
    struct spool_at begin, read;
    u64             records; /* given out              */
};

/* By file and offset: <0, 0, >0. */
int spool_at_cmp(const struct spool_at *a, const struct spool_at *b);

/* Of the first `len` bytes of a file. */
u64 spool_head_sum(const u8 *bytes, u64 len);

/* told: where the last complaint that is in the state was, and 1: none so far. Gives the length. */
size_t spool_place_put(char to[static SPOOL_VALUE], const struct spool_place *p, const struct spool_at *told,
                       const char *prefix);
bool   spool_place_read(slice value, struct spool_place *p, struct spool_at *told, char prefix[static SPOOL_PREFIX]);
