/* SPDX-License-Identifier: Apache-2.0 */
/* look.c: statx. */
#include "source/look.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define SECONDS_MAX 9000000000ll /* of a file's time; beyond (year 2255) it is cut */

static nanos nanos_of(struct statx_timestamp t)
{
    i64 seconds = t.tv_sec < 0 ? 0 : t.tv_sec > SECONDS_MAX ? SECONDS_MAX : t.tv_sec;
    return seconds * NANOS_SECOND + t.tv_nsec;
}

int look_at(int directory, const char *name, struct look *out)
{
    struct statx s;
    int          flags = AT_STATX_SYNC_AS_STAT | AT_EMPTY_PATH;
    if (statx(directory, name, flags, STATX_BASIC_STATS | STATX_BTIME, &s) < 0) return errno;
    if (!S_ISREG(s.stx_mode)) return EINVAL;
    *out = (struct look){
        .device = (u64)s.stx_dev_major << 32 | s.stx_dev_minor,
        .inode = s.stx_ino,
        .born = s.stx_mask & STATX_BTIME ? nanos_of(s.stx_btime) : 0,
        .size = s.stx_size,
        .mtime = nanos_of(s.stx_mtime),
    };
    return 0;
}
