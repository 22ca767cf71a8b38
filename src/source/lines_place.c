/* SPDX-License-Identifier: Apache-2.0 */
/* lines_place.c: how far a stream was read, as the text of a position: numbers, so that `weir snapshot show` reads.
 *
 *   version number kind device inode size mtime head_len head offset lines
 *
 * kind: 0 plain, 1 plain and read to what was its end, 2 packed, 3 packed and read whole; 4 more where its name was
 * gone and nothing more of it is waited for. */
#include "source/lines.h"

#include <inttypes.h>

#define VERSION 1u
#define NUMBERS 11u

bool place_read(struct place *p, slice value)
{
    u64   n[NUMBERS];
    slice rest = value;
    for (u32 i = 0; i < NUMBERS; i++)
        if (rest.at == NULL || !slice_u64(slice_cut(rest, ' ', &rest), &n[i])) return false;
    if (rest.at != NULL || n[0] != VERSION || n[1] >= PARTITIONS_MAX || n[2] > 7 || n[6] > INT64_MAX ||
        n[7] > HEAD_BYTES || n[9] > INT64_MAX)
        return false;
    *p = (struct place){ .number = (u32)n[1], .packed = n[2] >> 1 & 1, .done = n[2] & 1, .left = n[2] >> 2,
                         .is = { .device = n[3], .inode = n[4], .head_len = (u32)n[7], .head = n[8] },
                         .size = n[5], .mtime = (nanos)n[6], .offset = n[9], .lines = n[10] };
    return true;
}

slice place_text(struct arena *a, const struct place *p)
{
    const struct identity_of *is = &p->is;
    u32         kind = (u32)p->left << 2 | (u32)p->packed << 1 | p->done;
    const char *file = arena_printf(a, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIi64 " %" PRIu32 " %" PRIu64,
                                    is->device, is->inode, p->size, p->mtime, is->head_len, is->head);
    return slice_str(arena_printf(a, "%u %" PRIu32 " %" PRIu32 " %s %" PRIu64 " %" PRIu64, VERSION, p->number, kind,
                                  file, p->offset, p->lines));
}
