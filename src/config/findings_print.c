/* SPDX-License-Identifier: Apache-2.0 */
/* findings_print.c: findings for people (the offending line and a caret) and for programs (JSON).
 *
 * A place counts characters, a terminal counts cells: tabs are copied into the line of the caret, wide characters take
 * two tildes, combining ones none. What a terminal would obey (escape sequences in a hostile file) is shown as '?'. */
#include "config/findings.h"

#include <stdio.h>

#define LINE_CELLS_MAX 400 /* of a line that is shown; longer ones are cut around the place */

struct printer {
    void (*print)(void *to, const char *text);
    void *to;
    bool  colour;
};

struct range {
    u32 from, to;
};

static const struct range wide[12], narrow[6];

static bool in_ranges(u32 c, const struct range *r, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (c >= r[i].from && c <= r[i].to) return true;
    return false;
}

#define MALFORMED 0x80u /* a control character, so it is never shown */

/* One character (at least one byte) from the front; malformed bytes are a character each. */
static slice cut_char(slice *s, u32 *code)
{
    u8     first = (u8)s->at[0];
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    bool   good = len > 0 && len <= s->len;
    u32    c = len < 2 ? first : first & (0xffu >> (len + 1));
    for (size_t i = 1; good && i < len; i++) {
        good = ((u8)s->at[i] & 0xc0) == 0x80;
        c = c << 6 | ((u8)s->at[i] & 0x3fu);
    }
    slice one = slice_of(s->at, good ? len : 1);
    *code = good ? c : MALFORMED;
    *s = slice_of(s->at + one.len, s->len - one.len);
    return one;
}

/* Line breaks as YAML counts them: LF, CR, CR LF, and U+0085, U+2028, U+2029. */
static size_t break_at(slice s)
{
    if (s.at[0] == '\r') return s.len > 1 && s.at[1] == '\n' ? 2 : 1;
    if (s.at[0] == '\n') return 1;
    if (slice_starts(s, S("\xc2\x85"))) return 2;
    if (slice_starts(s, S("\xe2\x80\xa8")) || slice_starts(s, S("\xe2\x80\xa9"))) return 3;
    return 0;
}

static slice find_line(slice text, u32 line)
{
    if (slice_starts(text, S("\xef\xbb\xbf"))) text = slice_of(text.at + 3, text.len - 3);
    size_t at = 0;
    for (u32 now = 1; now < line && at < text.len;) {
        size_t step = break_at(slice_of(text.at + at, text.len - at));
        if (step > 0) now++;
        at += step > 0 ? step : 1;
    }
    size_t end = at;
    while (end < text.len && break_at(slice_of(text.at + end, text.len - end)) == 0) end++;
    return slice_of(text.at + at, end - at);
}

static void put_slice(const struct printer *p, slice s)
{
    char buf[256];
    while (s.len > 0) {
        size_t n = s.len < sizeof(buf) - 1 ? s.len : sizeof(buf) - 1;
        memcpy(buf, s.at, n);
        buf[n] = 0;
        p->print(p->to, buf);
        s = slice_of(s.at + n, s.len - n);
    }
}

static void put_colour(const struct printer *p, const char *sequence)
{
    if (p->colour) p->print(p->to, sequence);
}

static bool shows(u32 code)
{
    return code == '\t' || (code >= 0x20 && code != 0x7f && (code < 0x80 || code >= 0xa0));
}

/* Part of the line that is shown: its first character and how many. A very long line is cut around the place. */
static void choose_part(const struct finding *x, u32 *from, u32 *count)
{
    *from = 1;
    *count = LINE_CELLS_MAX;
    if (x->column > LINE_CELLS_MAX * 3 / 4) *from = x->column - LINE_CELLS_MAX / 4;
}

static void put_source(const struct printer *p, slice line, u32 from, u32 count)
{
    p->print(p->to, "    ");
    for (u32 i = 1; line.len > 0 && i < from + count; i++) {
        u32   code;
        slice one = cut_char(&line, &code);
        if (i < from) continue;
        put_slice(p, shows(code) ? one : S("?"));
    }
    p->print(p->to, "\n");
}

static u32 cells_of(u32 code)
{
    if (in_ranges(code, narrow, WEIR_COUNT(narrow))) return 0;
    return in_ranges(code, wide, WEIR_COUNT(wide)) ? 2 : 1;
}

static void put_repeated(const struct printer *p, const char *what, u32 times)
{
    while (times-- > 0) p->print(p->to, what);
}

static void put_caret(const struct printer *p, slice line, const struct finding *x, u32 from, u32 count)
{
    u32 tildes = 0;
    u32 i = 1;
    p->print(p->to, "    ");
    for (; line.len > 0 && i < from + count && i < x->column + x->width; i++) {
        u32 code;
        cut_char(&line, &code);
        u32 cells = cells_of(code);
        if (i < from) continue;
        if (i >= x->column)
            tildes += cells;
        else
            put_repeated(p, code == '\t' ? "\t" : " ", cells);
    }
    for (; i < x->column; i++) p->print(p->to, " "); /* behind the line's end */
    put_colour(p, "\033[1;32m");
    p->print(p->to, "^");
    if (tildes > 1) put_repeated(p, "~", tildes - 1);
    put_colour(p, "\033[0m");
    p->print(p->to, "\n");
}

/* Texts quote the file's words, so they are filtered, too. */
static void put_text(const struct printer *p, slice s)
{
    while (s.len > 0) {
        u32   code;
        slice one = cut_char(&s, &code);
        put_slice(p, shows(code) && code != '\t' ? one : S("?"));
    }
}

static slice kept_text(const struct findings *f, const char *path)
{
    for (u32 i = 0; i < f->files && path != NULL; i++)
        if (strcmp(f->file[i].path, path) == 0) return f->file[i].text;
    return (slice){ 0 };
}

static void put_finding(const struct printer *p, const struct findings *f, const struct finding *x)
{
    char where[32];
    put_colour(p, "\033[1m");
    put_text(p, slice_str(x->file));
    snprintf(where, sizeof(where), ":%u:%u", x->line, x->column);
    if (x->line > 0) p->print(p->to, where);
    p->print(p->to, ": ");
    put_colour(p, x->warning ? "\033[1;35m" : "\033[1;31m");
    p->print(p->to, x->warning ? "warning: " : "error: ");
    put_colour(p, "\033[0m\033[1m");
    put_text(p, slice_str(x->text));
    put_colour(p, "\033[0m");
    p->print(p->to, "\n");
    slice text = kept_text(f, x->file);
    if (x->line > 0 && text.at != NULL) {
        u32   from, count;
        slice line = find_line(text, x->line);
        choose_part(x, &from, &count);
        put_source(p, line, from, count);
        put_caret(p, line, x, from, count);
    }
    if (x->hint == NULL) return;
    p->print(p->to, "    hint: ");
    put_text(p, slice_str(x->hint));
    p->print(p->to, "\n");
}

void findings_print(const struct findings *f, bool colour, void (*print)(void *to, const char *text), void *to)
{
    struct printer p = { print, to, colour };
    char           more[64];
    for (u32 i = 0; i < f->count; i++) put_finding(&p, f, &f->at[i]);
    if (f->dropped == 0) return;
    snprintf(more, sizeof(more), "and %u more\n", f->dropped);
    print(to, more);
}

static void put_json_text(const struct printer *p, const char *text)
{
    if (text == NULL) {
        p->print(p->to, "null");
        return;
    }
    p->print(p->to, "\"");
    for (slice s = slice_str(text); s.len > 0;) {
        u32   code;
        slice one = cut_char(&s, &code);
        char  escaped[16];
        if (code == '"' || code == '\\' || code < 0x20 || (one.len == 1 && code >= 0x7f)) {
            snprintf(escaped, sizeof(escaped), "\\u%04x", code);
            one = slice_str(escaped);
        }
        put_slice(p, one);
    }
    p->print(p->to, "\"");
}

static void put_json_finding(const struct printer *p, const struct finding *x)
{
    char place[96];
    p->print(p->to, "{\"file\":");
    put_json_text(p, x->file);
    snprintf(place, sizeof(place), ",\"line\":%u,\"column\":%u,\"width\":%u,\"level\":\"%s\",\"text\":", x->line,
             x->column, x->width, x->warning ? "warning" : "error");
    p->print(p->to, place);
    put_json_text(p, x->text);
    p->print(p->to, ",\"hint\":");
    put_json_text(p, x->hint);
    p->print(p->to, "}");
}

void findings_print_json(const struct findings *f, void (*print)(void *to, const char *text), void *to)
{
    struct printer p = { print, to, false };
    char           head[64];
    u32            warnings = 0;
    for (u32 i = 0; i < f->count; i++) warnings += f->at[i].warning ? 1 : 0;
    snprintf(head, sizeof(head), "{\"errors\":%u,\"warnings\":%u,\"findings\":[", f->errors, warnings);
    print(to, head);
    for (u32 i = 0; i < f->count; i++) {
        if (i > 0) print(to, ",");
        put_json_finding(&p, &f->at[i]);
    }
    print(to, "]}\n");
}

/* Characters of two cells: East Asian wide forms and pictures, in coarse blocks. */
static const struct range wide[12] = {
    { 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0xa4cf },   { 0xac00, 0xd7a3 },
    { 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },
    { 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x2fffd }, { 0x30000, 0x3fffd },
};

/* Characters of no cell: combining marks and joiners. */
static const struct range narrow[6] = {
    { 0x300, 0x36f },   { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff },
    { 0x200b, 0x200f }, { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f },
};
