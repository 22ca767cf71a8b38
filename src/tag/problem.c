/* SPDX-License-Identifier: Apache-2.0 */
/* problem.c: see problem.h. */
#include "tag/problem.h"

#include "weir/utf8.h"

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

/* Length of the character at `at` if it is valid and not NUL, else 0. */
static size_t length_at(slice text, size_t at)
{
    return text.at[at] == 0 ? 0 : utf8_size(slice_of(text.at + at, text.len - at));
}

size_t utf8_fault(slice text)
{
    for (size_t i = 0; i < text.len;) {
        size_t n = length_at(text, i);
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
        size_t n = length_at(text, i);
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
