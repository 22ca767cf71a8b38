/* SPDX-License-Identifier: Apache-2.0 */
/* bytes.h: what all sources that read files by place share: a part of a file, and where its last line begins. */
#pragma once

#include "weir/types.h"

/* Bytes at `at` of a file that ends at `end`, whatever its size is: at most max. 0: end. <0: -errno; ENODATA: it is
 * shorter than that. Any thread. */
i64 bytes_read(int fd, u64 at, u64 end, void *to, size_t max);

/* What follows the last LF in from .. size; `from` if there is none in the last bytes_max of them. <0: -errno. */
i64 bytes_last_line(int fd, u64 from, u64 size, u64 bytes_max);
