/* SPDX-License-Identifier: Apache-2.0 */
/* table.h: the table of tag.h as its own files see it. */
#pragma once

#include "tag/lpm.h"
#include "tag/tag.h"

/* Row r stands at cells + r * stride, so that one cache line has all that tagging needs of it:
 *   0  bits of the net; TABLE_WIDE is added if it is no IPv4 net
 *   1  the four bytes of an IPv4 net, or the place of the address in `wide`
 *   2  ids of its words, `columns` of them; 0 is null
 * Row 0 stands for no match: all 128 bits, no words. */
struct tag_table {
    u32            rows, columns, stride;
    u32           *cells;
    addr          *wide;
    u32            wides;
    struct lpm     lpm;
    struct strings words;
};

#define TABLE_WIDE  0x100u
#define TABLE_WORDS 2u /* first word in a row */

static inline const u32 *table_row(const struct tag_table *t, u32 row)
{
    return t->cells + (size_t)row * t->stride;
}
