/* SPDX-License-Identifier: Apache-2.0 */
/* problem.c: see problem.h. */
#include "tag/problem.h"

#include <stdarg.h>
#include <stdio.h>

static bool before(const struct tag_problem *p, u32 line, u32 column)
{
    return p->line != line ? p->line < line : p->column <= column;
}

void problem_add(struct tag_problems *p, u32 line, u32 column, const char *format, ...)
{
    u32 kept = p->count < TAG_PROBLEMS_MAX ? p->count : TAG_PROBLEMS_MAX, at = kept;
    p->count++;
    while (at > 0 && !before(&p->at[at - 1], line, column)) at--;
    if (at == TAG_PROBLEMS_MAX) return; /* behind all that are kept: not even formatted */
    u32 moved = kept - at;
    if (kept == TAG_PROBLEMS_MAX) moved--;
    memmove(&p->at[at + 1], &p->at[at], moved * sizeof p->at[0]);

    struct tag_problem *new = &p->at[at];
    va_list             args;
    new->line = line;
    new->column = column;
    va_start(args, format);
    vsnprintf(new->what, sizeof new->what, format, args);
    va_end(args);
}

/* Length of the character at s.at[0] if it is valid, else 0. RFC 3629 section 4. */
static size_t utf8_length(const u8 *s, size_t len)
{
    if (s[0] < 0x80) return s[0] != 0;
    if (s[0] < 0xc2 || s[0] > 0xf4) return 0;
    size_t n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (n > len) return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (s[0] == 0xe0 && s[1] < 0xa0) return 0; /* longer than need be */
    if (s[0] == 0xed && s[1] > 0x9f) return 0; /* surrogates          */
    if (s[0] == 0xf0 && s[1] < 0x90) return 0;
    if (s[0] == 0xf4 && s[1] > 0x8f) return 0; /* above U+10FFFF      */
    return n;
}

size_t utf8_fault(slice text)
{
    const u8 *s = (const u8 *)text.at;
    for (size_t i = 0; i < text.len;) {
        size_t n = utf8_length(s + i, text.len - i);
        if (n == 0) return i;
        i += n;
    }
    return text.len;
}

bool utf8_plain(slice text)
{
    const u64 ones = 0x0101010101010101u, tops = ones << 7;
    u64       bad = 0;
    size_t    i = 0;
    for (; i + 8 <= text.len; i += 8) {
        u64 v;
        memcpy(&v, text.at + i, 8);
        bad |= (v | (v - ones)) & tops; /* v - 1 has a top bit where a byte was 0; v where it was none of ASCII */
    }
    for (; i < text.len; i++) bad |= (i8)text.at[i] <= 0;
    return bad == 0;
}

const char *problem_echo(slice text, char *buf)
{
    const u8 *s = (const u8 *)text.at;
    size_t    len = 0;
    for (size_t i = 0; i < text.len;) {
        size_t n = utf8_length(s + i, text.len - i);
        bool   shown = n > 1 || (n == 1 && s[i] >= 0x20 && s[i] != 0x7f);
        size_t room = shown ? n : 4;
        if (len + room + 4 > ECHO_ROOM) {
            memcpy(buf + len, "...", 3);
            len += 3;
            break;
        }
        if (shown) memcpy(buf + len, s + i, n);
        else       snprintf(buf + len, 5, "\\x%02x", s[i]);
        len += room;
        i += shown ? n : 1;
    }
    buf[len] = '\0';
    return buf;
}
