/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.c: the table of RFC 3629 section 4, by the first byte. See utf8.h. */
#include "weir/utf8.h"

size_t utf8_size(slice s)
{
    u8     first = (u8)s.at[0];
    u8     low = 0x80, high = 0xbf; /* of the second byte */
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (len < 2) return len;
    if (s.len < len) return 0;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
    if ((u8)s.at[1] < low || (u8)s.at[1] > high) return 0;
    for (size_t i = 2; i < len; i++)
        if (((u8)s.at[i] & 0xc0) != 0x80) return 0;
    return len;
}

bool utf8_valid(slice s)
{
    for (size_t at = 0; at < s.len;) {
        u64 word;
        if (s.len - at >= 8 && (memcpy(&word, s.at + at, 8), word & 0x8080808080808080u) == 0) {
            at += 8;
            continue;
        }
        size_t len = utf8_size(slice_of(s.at + at, s.len - at));
        if (len == 0) return false;
        at += len;
    }
    return true;
}
