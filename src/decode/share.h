/* SPDX-License-Identifier: Apache-2.0 */
/* share.h: what decoders have in common: sizes of cells, refusals. */
#pragma once

#include "weir/decoder.h"

/* Bytes of a cell of a column of decoded values; bins: of FIELD_BINS. 0: no decoder makes such. */
u32 cell_size(enum field_type type, u32 bins);

/* An error of a layout, at its field; -1: the layout. */
static inline err layout_error(const char *what, i64 field)
{
    return (err){ ERR_CONFIG, what, field };
}

/* Counts a refusal, and keeps it with the front of its sample if there is room. at: reason, line, offset and field are
 * used. */
void reject_keep(struct rejects *bad, struct reject at, slice sample);

/* The same, the sample in hexadecimal: what is refused is no text. */
void reject_keep_bytes(struct rejects *bad, struct reject at, slice sample);
