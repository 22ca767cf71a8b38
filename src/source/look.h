/* SPDX-License-Identifier: Apache-2.0 */
/* look.h: what stat says of a file, in the words of the sources that read files. */
#pragma once

#include "weir/types.h"

struct look {
    u64   device, inode;
    nanos born;  /* 0: the file system does not tell */
    u64   size;
    nanos mtime; /* not before 1970 */
};

/* Looks at one name, relative to an open directory or AT_FDCWD; with an empty one, at the open file itself. 0 or an
 * errno; EINVAL: no regular file. Any thread. */
int look_at(int directory, const char *name, struct look *out);
