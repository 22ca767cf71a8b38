/* SPDX-License-Identifier: Apache-2.0 */
/* share.c: see share.h. */
#include "decode/share.h"

u32 cell_size(enum field_type type, u32 bins)
{
    switch (type) {
    case FIELD_U64:
    case FIELD_MAC: return sizeof(u64);
    case FIELD_F64: return sizeof(double);
    case FIELD_TIME: return sizeof(nanos);
    case FIELD_ADDR: return sizeof(addr);
    case FIELD_STRING: return sizeof(slice);
    case FIELD_SAMPLING: return sizeof(struct sampling);
    case FIELD_BINS: return bins * (u32)sizeof(u64);
    case FIELD_NET:
    case FIELD_TAG: break;
    }
    return 0;
}

/* Room for a sample of `len` bytes; NULL: counted, but no more are kept. */
static char *reject_room(struct rejects *bad, struct reject at, u32 len)
{
    bad->count[at.reason]++;
    if (bad->kept == REJECTS_MAX) return NULL;
    at.sample = bad->sampled;
    at.sample_len = len;
    bad->kept_at[bad->kept++] = at;
    bad->sampled += len;
    return bad->samples + at.sample;
}

void reject_keep(struct rejects *bad, struct reject at, slice sample)
{
    u32   len = (u32)(sample.len < REJECT_SAMPLE_MAX ? sample.len : REJECT_SAMPLE_MAX);
    char *to = reject_room(bad, at, len);
    if (to != NULL && len > 0) memcpy(to, sample.at, len);
}

void reject_keep_bytes(struct rejects *bad, struct reject at, slice sample)
{
    static const char hex[] = "0123456789abcdef";
    u32               n = (u32)(sample.len < REJECT_SAMPLE_MAX / 2 ? sample.len : REJECT_SAMPLE_MAX / 2);
    char             *to = reject_room(bad, at, 2 * n);
    for (u32 i = 0; to != NULL && i < n; i++) {
        to[2 * i] = hex[(u8)sample.at[i] >> 4];
        to[2 * i + 1] = hex[(u8)sample.at[i] & 15];
    }
}
