/* SPDX-License-Identifier: Apache-2.0 */
/* slice.c: cutting and comparing borrowed bytes. */
#include "weir/slice.h"

#include <stdlib.h>

int slice_cmp(slice a, slice b)
{
    size_t both = a.len < b.len ? a.len : b.len;
    int    c = both ? memcmp(a.at, b.at, both) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

slice slice_cut(slice s, char by, slice *rest)
{
    const char *p = s.len ? memchr(s.at, by, s.len) : NULL;
    if (p == NULL) {
        *rest = (slice){ NULL, 0 };
        return s;
    }
    size_t head = (size_t)(p - s.at);
    *rest = (slice){ p + 1, s.len - head - 1 };
    return (slice){ s.at, head };
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

slice slice_trim(slice s)
{
    while (s.len && is_blank(s.at[0])) s.at++, s.len--;
    while (s.len && is_blank(s.at[s.len - 1])) s.len--;
    return s;
}

bool slice_starts(slice s, slice with)
{
    return s.len >= with.len && slice_eq((slice){ s.at, with.len }, with);
}

bool slice_ends(slice s, slice with)
{
    return s.len >= with.len && slice_eq((slice){ s.at + s.len - with.len, with.len }, with);
}

char *slice_dup(slice s)
{
    char *copy = malloc(s.len + 1);
    WEIR_ASSERT(copy != NULL);
    if (s.len) memcpy(copy, s.at, s.len);
    copy[s.len] = '\0';
    return copy;
}

bool slice_u64(slice s, u64 *out)
{
    u64 n = 0;
    if (s.len == 0) return false;
    for (size_t i = 0; i < s.len; i++) {
        u64 digit = (u64)(u8)s.at[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n)) return false;
    }
    *out = n;
    return true;
}
