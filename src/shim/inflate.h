/* SPDX-License-Identifier: Apache-2.0 */
/* inflate.h: gzip and Zstandard bytes as plain ones, a piece at a time.
 *
 * Reads no file and knows no line. Several members (frames) one behind the other are one text, as `zcat` and `zstdcat`
 * read them; zeros that fill up the last block behind gzip members are passed over. A Zstandard frame that needs a
 * window of more than 128 MiB is refused, so that a stranger's file cannot ask for more memory. */
#pragma once

#include "weir/slice.h"

enum inflate_format { INFLATE_NONE, INFLATE_GZIP, INFLATE_ZSTD };

#define INFLATE_MAGIC 4u /* bytes that tell a format for sure; fewer tell it only where they cannot be one */

/* What begins like this. *sure: more bytes would not change the answer. */
enum inflate_format inflate_format_of(slice beginning, bool *sure);

struct inflate;

/* format: not INFLATE_NONE. Out of memory aborts. */
struct inflate *inflate_open(enum inflate_format format);
void            inflate_close(struct inflate *z);

/* Takes from the front of `from` and writes to `to`.
 *   used, made  bytes taken and written; with none of both more of `from` is needed (or more room)
 *   why         where false is given back: what is wrong, static words. Nothing more comes; what was made holds */
bool inflate_step(struct inflate *z, slice from, size_t *used, void *to, size_t room, size_t *made, const char **why);

/* May the input end here? False inside a member. */
bool inflate_whole(const struct inflate *z);
