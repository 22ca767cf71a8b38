/* SPDX-License-Identifier: Apache-2.0 */
/* near.c: which name was probably meant: the one that the fewest edits make of what was written.
 *
 * An edit inserts, deletes or replaces a letter or exchanges neighbours; case does not count. At most a third of the
 * word's letters may be edited. */
#include "expr/tree.h"

#define NAME_MAX 64u

static char folded(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static u32 least(u32 a, u32 b)
{
    return a < b ? a : b;
}

static u32 edits(slice a, slice b)
{
    u32 rows[3][NAME_MAX + 1], *before = rows[0], *last = rows[1], *now = rows[2];
    if (a.len > NAME_MAX || b.len > NAME_MAX) return UINT32_MAX;
    for (u32 k = 0; k <= b.len; k++) last[k] = before[k] = k;
    for (u32 i = 1; i <= a.len; i++) {
        now[0] = i;
        for (u32 k = 1; k <= b.len; k++) {
            char x = folded(a.at[i - 1]), y = folded(b.at[k - 1]);
            now[k] = least(least(last[k], now[k - 1]) + 1, last[k - 1] + (x != y));
            bool crossed = i > 1 && k > 1 && x == folded(b.at[k - 2]) && y == folded(a.at[i - 2]);
            if (crossed) now[k] = least(now[k], before[k - 2] + 1);
        }
        u32 *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b.len];
}

slice near_name(slice word, u32 n, slice (*name)(const void *of, u32 i), const void *of)
{
    slice best = { NULL, 0 };
    u32   best_far = word.len < 3 ? 2 : (u32)(word.len / 3) + 1;
    for (u32 i = 0; i < n; i++) {
        u32 far = edits(word, name(of, i));
        if (far >= best_far || far >= word.len) continue;
        best = name(of, i);
        best_far = far;
    }
    return best;
}
