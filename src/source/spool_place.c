/* SPDX-License-Identifier: Apache-2.0 */
/* spool_place.c: see spool_place.h. */
#include "source/spool_place.h"

#include "weir/hash.h"

#include <inttypes.h>
#include <stdio.h>

#define VERSION 1u
#define NUMBERS 12u

int spool_at_cmp(const struct spool_at *a, const struct spool_at *b)
{
    if (a->stamp != b->stamp) return a->stamp < b->stamp ? -1 : 1;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

u64 spool_head_sum(const u8 *bytes, u64 len)
{
    return len ? hash_checksum(bytes, len, 0) : 0;
}

size_t spool_place_put(char to[static SPOOL_VALUE], const struct spool_place *p, const struct spool_at *told,
                       const char *prefix)
{
    const struct spool_at *b = &p->begin, *r = &p->read;
    int n = snprintf(to, SPOOL_VALUE,
                     "%u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                     " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s",
                     VERSION, b->stamp, b->offset, b->head, b->head_sum, r->stamp, r->offset, r->head, r->head_sum,
                     told->stamp, told->offset, p->records, prefix);
    WEIR_ASSERT(n > 0 && (size_t)n < SPOOL_VALUE);
    return (size_t)n;
}

bool spool_place_read(slice value, struct spool_place *p, struct spool_at *told, char prefix[static SPOOL_PREFIX])
{
    u64   n[NUMBERS];
    slice rest = value;
    for (u32 i = 0; i < NUMBERS; i++)
        if (rest.at == NULL || !slice_u64(slice_cut(rest, ' ', &rest), &n[i])) return false;
    if (n[0] != VERSION || rest.at == NULL || rest.len >= SPOOL_PREFIX) return false;
    p->begin = (struct spool_at){ n[1], n[2], n[3], n[4] };
    p->read = (struct spool_at){ n[5], n[6], n[7], n[8] };
    *told = (struct spool_at){ .stamp = n[9], .offset = n[10] };
    p->records = n[11];
    memcpy(prefix, rest.at, rest.len);
    prefix[rest.len] = '\0';
    return p->begin.head <= SPOOL_HEAD && p->read.head <= SPOOL_HEAD && spool_at_cmp(&p->begin, &p->read) <= 0;
}
