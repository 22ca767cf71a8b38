/* SPDX-License-Identifier: Apache-2.0 */
/* partitions.c: the least of what each partition has reached. See partitions.h. */
#include "engine/partitions.h"

#include <stdlib.h>

struct partition {
    bool  open;
    nanos newest; /* of what was applied; NANOS_MIN: nothing yet */
    u64   silent; /* ns without a chunk                          */
};

void partitions_init(struct partitions *p, nanos disorder, nanos idle)
{
    *p = (struct partitions){ .disorder = disorder, .idle = (u64)idle };
}

void partitions_fini(struct partitions *p)
{
    free(p->at);
}

static struct partition *partition_at(struct partitions *p, u32 number)
{
    WEIR_ASSERT(number < PARTITIONS_MAX);
    if (number < p->count) return &p->at[number];
    p->at = realloc(p->at, (number + 1) * sizeof *p->at);
    WEIR_ASSERT(p->at != NULL);
    while (p->count <= number) p->at[p->count++] = (struct partition){ .newest = NANOS_MIN };
    return &p->at[number];
}

void partitions_open(struct partitions *p, u32 number, bool open)
{
    struct partition *it = partition_at(p, number);
    it->open = open;
    it->silent = 0;
}

void partitions_heard(struct partitions *p, u32 number, nanos newest)
{
    struct partition *it = partition_at(p, number);
    it->silent = 0;
    if (newest > it->newest) it->newest = newest;
}

void partitions_age(struct partitions *p, u64 ns)
{
    for (u32 i = 0; i < p->count; i++) p->at[i].silent += ns;
}

nanos partitions_watermark(const struct partitions *p)
{
    nanos least = NANOS_MAX;
    for (u32 i = 0; i < p->count; i++) {
        const struct partition *it = &p->at[i];
        bool                    waited = it->open && (p->idle == 0 || it->silent < p->idle);
        if (waited && it->newest < least) least = it->newest;
    }
    return least == NANOS_MAX || least == NANOS_MIN ? NANOS_MIN : least - p->disorder;
}
