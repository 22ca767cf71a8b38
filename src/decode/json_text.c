/* SPDX-License-Identifier: Apache-2.0 */
/* json_text.c: escapes of strings. */
#include "decode/json_text.h"

static u32 hex_digit(char c)
{
    if (c >= '0' && c <= '9') return (u32)(c - '0');
    if (c >= 'a' && c <= 'f') return (u32)(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return (u32)(c - 'A' + 10);
    return 16;
}

/* \uXXXX at `at`; UINT32_MAX: it is none. */
static u32 unit_take(slice s, size_t at)
{
    u32 unit = 0;
    if (s.len - at < 6 || s.at[at] != '\\' || s.at[at + 1] != 'u') return UINT32_MAX;
    for (size_t i = at + 2; i < at + 6; i++) {
        u32 digit = hex_digit(s.at[i]);
        if (digit > 15) return UINT32_MAX;
        unit = unit << 4 | digit;
    }
    return unit;
}

#define REPLACEMENT 0xfffdu

/* The character of the \u escape at `at`, of one unit or a pair of surrogates. U+FFFD stands for what is none: a
 * surrogate alone, and U+0000, which no text can hold that others end by it. */
static u32 point_take(slice s, size_t at, size_t *len)
{
    u32 high = unit_take(s, at);
    *len = 6;
    if (high < 0xd800 || high > 0xdfff) return high != 0 ? high : REPLACEMENT;
    u32 low = high < 0xdc00 ? unit_take(s, at + 6) : UINT32_MAX;
    if (low == UINT32_MAX || low < 0xdc00 || low > 0xdfff) return REPLACEMENT;
    *len = 12;
    return 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
}

/* What \c means; 0: nothing. */
static char short_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/': return c;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
    }
}

size_t json_escapes_check(slice raw)
{
    for (size_t at = 0; at < raw.len;) {
        const char *next = memchr(raw.at + at, '\\', raw.len - at);
        if (next == NULL) break;
        at = (size_t)(next - raw.at);
        if (raw.len - at < 2) return at;
        bool unit = raw.at[at + 1] == 'u';
        if (unit ? unit_take(raw, at) == UINT32_MAX : short_escape(raw.at[at + 1]) == 0) return at;
        at += unit ? 6 : 2;
    }
    return raw.len;
}

static u32 utf8_len(u32 point)
{
    return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

static u32 utf8_put(u32 point, char *to)
{
    u32 len = utf8_len(point), lead = len == 1 ? 0 : 0xf00u >> len & 0xff;
    for (u32 i = len - 1; i > 0; i--, point >>= 6) to[i] = (char)(0x80 | (point & 0x3f));
    to[0] = (char)(lead | point);
    return len;
}

size_t json_unescape(slice raw, char *to)
{
    size_t len = 0;
    for (size_t at = 0; at < raw.len;) {
        size_t took = 2;
        if (raw.at[at] != '\\') {
            to[len++] = raw.at[at++];
            continue;
        }
        if (raw.at[at + 1] == 'u') len += utf8_put(point_take(raw, at, &took), to + len);
        else to[len++] = short_escape(raw.at[at + 1]);
        at += took;
    }
    return len;
}

size_t json_unescaped_len(slice raw)
{
    size_t len = 0;
    for (size_t at = 0; at < raw.len;) {
        size_t took = 2;
        if (raw.at[at] != '\\') took = 1, len++;
        else len += raw.at[at + 1] == 'u' ? utf8_len(point_take(raw, at, &took)) : 1;
        at += took;
    }
    return len;
}
