/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_order.h: rows of one table brought into key order before they are inserted. Of this folder alone.
 *
 * Groups come in the order in which they were first seen; inserted like that, each searches the whole tree. In key order
 * each goes beside the one before. Only speed depends on it: rows of equal keys stay in the order they came. */
#pragma once

#include "weir/rows.h"

#define ORDER_ROWS_MAX (1u << 18) /* the caller flushes then: some 20 MB */

struct order_row {
    u64       prefix; /* first 8 bytes of the key behind what all keys share */
    u32       at, len; /* of the key in `keys`   */
    const u8 *row;    /* lent: begin in the stream */
};

struct order {
    u32               rows, room;
    struct order_row *row;
    u8               *keys;
    size_t            len, keys_room;
    u32               common; /* bytes that all keys begin with */
};

void order_init(struct order *o);
void order_fini(struct order *o);
void order_reset(struct order *o);

/* at: where the row begins in the stream. */
void order_add(struct order *o, const struct row *row, u32 keys, const u8 *at);
void order_sort(struct order *o);
