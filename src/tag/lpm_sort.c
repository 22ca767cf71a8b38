/* SPDX-License-Identifier: Apache-2.0 */
/* lpm_sort.c: nets in order of address, then length, as the builder needs them.
 *
 * A stable radix sort, least significant byte first, that passes over bytes which are the same everywhere: an IPv4
 * table costs 5 passes, a table of /48s 7. Tables that are sorted already (most are) cost one look. */
#include "tag/lpm.h"

#define DIGITS 17u /* 16 bytes of address, before them in order of sorting the length */

/* Byte `digit` counted from the least significant: the length, then the address from its end. */
static u32 net_digit(const struct lpm_net *n, u32 digit)
{
    if (digit == 0) return n->bits;
    u64 half = digit <= 8 ? n->lo : n->hi;
    return (u32)(half >> ((digit - 1) % 8 * 8)) & 0xff;
}

static bool in_order(const struct lpm_net *a, const struct lpm_net *b)
{
    if (a->hi != b->hi) return a->hi < b->hi;
    if (a->lo != b->lo) return a->lo < b->lo;
    return a->bits <= b->bits;
}

static bool all_in_order(const struct lpm_net *nets, u32 n)
{
    for (u32 i = 1; i < n; i++)
        if (!in_order(&nets[i - 1], &nets[i])) return false;
    return true;
}

void lpm_sort(struct lpm_net *nets, struct lpm_net *spare, u32 n)
{
    if (all_in_order(nets, n)) return;
    struct lpm_net *from = nets, *to = spare;
    for (u32 digit = 0; digit < DIGITS; digit++) {
        u32 place[256] = { 0 };
        for (u32 i = 0; i < n; i++) place[net_digit(&from[i], digit)]++;
        if (place[net_digit(&from[0], digit)] == n) continue;
        for (u32 value = 0, next = 0; value < 256; value++) {
            u32 count = place[value];
            place[value] = next;
            next += count;
        }
        for (u32 i = 0; i < n; i++) to[place[net_digit(&from[i], digit)]++] = from[i];
        struct lpm_net *done = to;
        to = from;
        from = done;
    }
    if (from != nets) memcpy(nets, from, (size_t)n * sizeof *nets);
}
