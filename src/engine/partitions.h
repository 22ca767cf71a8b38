/* SPDX-License-Identifier: Apache-2.0 */
/* partitions.h: how far event time has come in a source whose records carry their time: the watermark of its slowest
 * part. Knows no clock: silence is told to it. */
#pragma once

#include "weir/source.h"

struct partition; /* a part of the source that is in order by itself */

struct partitions {
    u32               count; /* highest number and 1; below PARTITIONS_MAX */
    struct partition *at;
    nanos             disorder; /* a record may come so much later than a newer one       */
    u64               idle;     /* ns of silence after which none waits for it; 0: for ever */
};

void partitions_init(struct partitions *p, nanos disorder, nanos idle);
void partitions_fini(struct partitions *p);

/* Windows wait for the partition from now on, or no longer. */
void partitions_open(struct partitions *p, u32 number, bool open);

/* A chunk of it was applied. newest: of its records' times; NANOS_MIN: none counts. */
void partitions_heard(struct partitions *p, u32 number, nanos newest);

/* ns went by in which each could have spoken. */
void partitions_age(struct partitions *p, u64 ns);

/* Nothing older will come, but from those not waited for. NANOS_MIN: cannot be told. */
nanos partitions_watermark(const struct partitions *p);
