/* SPDX-License-Identifier: Apache-2.0 */
/* strain.h: the rows of a batch that stay, close together in a batch of their own. */
#pragma once

#include "weir/batch.h"

struct strain;

/* Room for these columns of a batch with `width` columns of these fields. */
struct strain *strain_open(const struct field *field, u32 width, const u32 *column, u32 columns);
void           strain_close(struct strain *s);

/* Takes over the rows whose bit is set in `keep` (`rows` of them).
 *   to      column[] is the caller's, `width` entries: those taken over are filled, the others left alone. Cells are
 *           lent until the next call, and as long as `from`, of which they may be a part
 *   origin  borrowed: of each row of `from`; NULL: its own number. to_origin: filled, for each row of `to` */
void strain_take(struct strain *s, const struct batch *from, const u64 *keep, u32 rows, const u16 *origin,
                 struct batch *to, u16 *to_origin);
