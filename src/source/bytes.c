/* SPDX-License-Identifier: Apache-2.0 */
/* bytes.c: pread that is not interrupted, and a search from behind. */
#include "source/bytes.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 65536u /* bytes read at once in search of the last LF */

i64 bytes_read(int fd, u64 at, u64 end, void *to, size_t max)
{
    ssize_t n;
    if (at >= end) return 0;
    if (max > end - at) max = (size_t)(end - at);
    do n = pread(fd, to, max, (off_t)at);
    while (n < 0 && errno == EINTR);
    if (n > 0 || max == 0) return n;
    return n < 0 ? -errno : -ENODATA; /* an end here could cut a line */
}

i64 bytes_last_line(int fd, u64 from, u64 size, u64 bytes_max)
{
    char block[BLOCK];
    u64  end = size, stop = size - from > bytes_max ? size - bytes_max : from;
    while (end > stop) {
        u64     begin = end - stop > BLOCK ? end - BLOCK : stop;
        ssize_t n = pread(fd, block, (size_t)(end - begin), (off_t)begin);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -errno;
        const char *lf = memrchr(block, '\n', (size_t)n);
        if (lf) return (i64)(begin + (u64)(lf - block) + 1);
        end = begin;
    }
    return (i64)from;
}
