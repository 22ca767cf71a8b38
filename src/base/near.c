/* SPDX-License-Identifier: Apache-2.0 */
/* near.c: distances between beginnings, a row a letter; three rows suffice, as an exchange looks two back. See near.h. */
#include "weir/near.h"

#define NAME_MAX 64u

static char letter(slice s, u32 i, bool fold)
{
    char c = s.at[i];
    return (char)(fold && c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static u32 least(u32 a, u32 b)
{
    return a < b ? a : b;
}

u32 near_distance(slice a, slice b, bool fold)
{
    u32 rows[3][NAME_MAX + 1], *before = rows[0], *last = rows[1], *now = rows[2];
    if (a.len > NAME_MAX || b.len > NAME_MAX) return UINT32_MAX;
    for (u32 k = 0; k <= b.len; k++) last[k] = before[k] = k;
    for (u32 i = 1; i <= a.len; i++) {
        now[0] = i;
        for (u32 k = 1; k <= b.len; k++) {
            char x = letter(a, i - 1, fold), y = letter(b, k - 1, fold);
            now[k] = least(least(last[k], now[k - 1]) + 1, last[k - 1] + (x != y));
            bool crossed = i > 1 && k > 1 && x == letter(b, k - 2, fold) && y == letter(a, i - 2, fold);
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
        u32 far = near_distance(word, name(of, i), true);
        if (far >= best_far || far >= word.len) continue;
        best = name(of, i);
        best_far = far;
    }
    return best;
}
