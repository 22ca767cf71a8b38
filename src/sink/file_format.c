/* SPDX-License-Identifier: Apache-2.0 */
/* file_format.c: writing only, so a page of code does what a JSON library would be dragged in for. */
#include "sink/file_format.h"

#include "weir/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void lines_fini(struct lines *to)
{
    free(to->at);
    *to = (struct lines){ 0 };
}

static char *more(struct lines *to, size_t n)
{
    if (to->room - to->len < n) {
        to->room = 2 * to->room + n + 4096;
        to->at = realloc(to->at, to->room);
        WEIR_ASSERT(to->at != NULL);
    }
    return to->at + to->len;
}

void lines_add(struct lines *to, slice s)
{
    if (s.len == 0) return;
    memcpy(more(to, s.len), s.at, s.len);
    to->len += s.len;
}

static void add_char(struct lines *to, char c)
{
    *more(to, 1) = c;
    to->len++;
}

/* --- CSV --- */

static bool must_quote(slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (c == ',' || c == '"' || c == '\n' || c == '\r') return true;
    }
    return s.len > 0 && (s.at[0] == ' ' || s.at[s.len - 1] == ' ');
}

static void csv_text(struct lines *to, slice s, const char *before)
{
    slice lead = slice_str(before);
    if (!must_quote(s)) {
        lines_add(to, lead);
        lines_add(to, s);
        return;
    }
    add_char(to, '"');
    lines_add(to, lead);
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '"') add_char(to, '"');
        add_char(to, s.at[i]);
    }
    add_char(to, '"');
}

/* What spreadsheets take for the start of a formula (OWASP, CSV injection). */
static bool is_formula(slice s)
{
    return s.len > 0 && s.at[0] != 0 && strchr("=+-@\t\r", s.at[0]) != NULL;
}

static void csv_value(struct lines *to, const struct line_format *f, const struct value *v)
{
    char buf[VALUE_TEXT_ROOM];
    slice s = value_text(v, buf);
    bool text = v->kind == VALUE_TEXT;
    if (text) csv_text(to, s, f->escape_formulas && is_formula(s) ? "'" : "");
    else lines_add(to, s);
}

void lines_header(struct lines *to, const struct line_format *f, const struct table *t)
{
    if (f->table) lines_add(to, S("table,"));
    for (u32 i = 0; i < t->columns; i++) {
        if (i > 0) add_char(to, ',');
        csv_text(to, t->column[i].name, "");
    }
    add_char(to, '\n');
}

static void csv_row(struct lines *to, const struct line_format *f, const struct table *t, const struct row *row)
{
    if (f->table) {
        csv_text(to, t->name, "");
        add_char(to, ',');
    }
    for (u32 i = 0; i < row->columns; i++) {
        if (i > 0) add_char(to, ',');
        csv_value(to, f, &row->value[i]);
    }
}

/* --- JSON --- */

/* None of 8 bytes is one that json_text must look at. */
static bool plain8(const char *at)
{
    const u64 ones = 0x0101010101010101u, tops = ones << 7;
    u64       w, quote, back;
    memcpy(&w, at, sizeof w);
    quote = w ^ ones * '"';
    back = w ^ ones * '\\';
    return ((w | (w - ones * ' ') | (quote - ones) | (back - ones)) & tops) == 0;
}

/* Bytes at the front of s that stand as they are. */
static size_t plain_run(slice s)
{
    size_t n = 0;
    while (s.len - n >= 8 && plain8(s.at + n)) n += 8;
    while (n < s.len && (u8)s.at[n] >= ' ' && (u8)s.at[n] < 0x80 && s.at[n] != '"' && s.at[n] != '\\') n++;
    return n;
}

static void json_escape(struct lines *to, char c)
{
    char code[8];
    if (c == '"' || c == '\\') snprintf(code, sizeof code, "\\%c", c);
    else if (c == '\n') snprintf(code, sizeof code, "\\n");
    else if (c == '\t') snprintf(code, sizeof code, "\\t");
    else snprintf(code, sizeof code, "\\u%04x", (u8)c);
    lines_add(to, slice_str(code));
}

/* RFC 8259 section 7: quote, backslash and what is below space; DEL and the line separators of JavaScript may stand. A
 * byte that is not UTF-8 becomes U+FFFD (section 8.1). */
static void json_text(struct lines *to, slice s)
{
    char  *p = more(to, s.len + 2); /* enough, if all of it is plain */
    size_t run = plain_run(s);
    *p = '"';
    if (run > 0) memcpy(p + 1, s.at, run);
    to->len += 1 + run;
    for (size_t i = run; i < s.len; i += run) {
        slice  rest = slice_of(s.at + i, s.len - i);
        size_t size = utf8_size(rest);
        run = plain_run(rest);
        if (run == 0) run = size ? size : 1;
        if (size == 0) lines_add(to, S("\xef\xbf\xbd"));
        else if (run == 1 && plain_run(rest) == 0) json_escape(to, rest.at[0]);
        else lines_add(to, slice_of(rest.at, run));
    }
    add_char(to, '"');
}

static void json_value(struct lines *to, const struct value *v)
{
    char buf[VALUE_TEXT_ROOM];
    switch (v->kind) {
    case VALUE_NULL: lines_add(to, S("null")); break;
    case VALUE_F64:
        if (!isfinite(v->f)) {
            lines_add(to, S("null"));
            break;
        }
        lines_add(to, value_text(v, buf));
        break;
    case VALUE_U64:
    case VALUE_I64: lines_add(to, value_text(v, buf)); break;
    case VALUE_TEXT:
    case VALUE_ADDR:
    case VALUE_NET:
    case VALUE_MAC: json_text(to, value_text(v, buf)); break;
    }
}

static void json_row(struct lines *to, const struct line_format *f, const struct table *t, const struct row *row)
{
    add_char(to, '{');
    if (f->table) {
        lines_add(to, S("\"table\":"));
        json_text(to, t->name);
        add_char(to, ',');
    }
    for (u32 i = 0; i < row->columns; i++) {
        if (i > 0) add_char(to, ',');
        json_text(to, t->column[i].name);
        add_char(to, ':');
        json_value(to, &row->value[i]);
    }
    add_char(to, '}');
}

void lines_row(struct lines *to, const struct line_format *f, const struct table *t, const struct row *row)
{
    if (f->json) json_row(to, f, t, row);
    else csv_row(to, f, t, row);
    add_char(to, '\n');
}
