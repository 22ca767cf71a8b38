/* SPDX-License-Identifier: Apache-2.0 */
/* scan.h: where fields and lines end: bytes to an index of positions, 64 at a time.
 *
 * The index holds one entry for each separator and each LF, in order, so that a line of k fields has k entries, the
 * last of which is its LF. Knows nothing of layouts; NUL bytes are only noticed, not placed. */
#pragma once

#include "decode/path.h"

#define LINE_BYTES_MAX 65536u /* of a line without its LF or CR LF       */
#define SCAN_STEP      2048u  /* bytes of one call; a multiple of 64     */
#define SCAN_SLACK     64u    /* entries that may be written past the end */

/* The index of a block. Positions count from the block's first byte. */
struct scan {
    u32 *cut;   /* [0] is -1, the "LF" before the block; entries follow */
    u32  cuts;  /* entries in `cut`, the first included                 */
    u32 *line;  /* for each LF its place in `cut`                       */
    u32  lines;
    bool nul;   /* a NUL was seen                                       */
};

/* Appends what ends in text[from .. to); to - from at most SCAN_STEP. Reads up to 63 bytes past `to`. `cut` has room
 * for to - from entries and SCAN_SLACK more, `line` for to - from. */
typedef void scan_fn(struct scan *s, const char *text, u32 from, u32 to, char separator);

scan_fn *scan_of(enum path path);
