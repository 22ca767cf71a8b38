/* SPDX-License-Identifier: Apache-2.0 */
/* write.c: signals interrupt, a disk takes less than it is given, a pipe may be full. See write.h. */
#include "shim/write.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

size_t write_all(int fd, const char *at, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = write(fd, at + done, len - done);
        if (n >= 0) done += (size_t)n;
        else if (errno == EAGAIN) poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
        else if (errno != EINTR) break;
    }
    return done;
}
