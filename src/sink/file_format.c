/* SPDX-License-Identifier: Apache-2.0 */
/* file_format.c: writing only, so a page of code does what a JSON library would be dragged in for. */
#include "sink/file_format.h"

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

static void add(struct lines *to, slice s)
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
        add(to, lead);
        add(to, s);
        return;
    }
    add_char(to, '"');
    add(to, lead);
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
    else add(to, s);
}

void lines_header(struct lines *to, const struct line_format *f, const struct table *t)
{
    if (f->table) add(to, S("table,"));
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

/* RFC 8259 section 7: quote, backslash and what is below space; DEL and the line separators of JavaScript may stand. */
static void json_text(struct lines *to, slice s)
{
    add_char(to, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        u8 c = (u8)s.at[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        add(to, slice_of(s.at + from, i - from));
        from = i + 1;
        char code[8];
        if (c == '"' || c == '\\') snprintf(code, sizeof code, "\\%c", c);
        else if (c == '\n') snprintf(code, sizeof code, "\\n");
        else if (c == '\t') snprintf(code, sizeof code, "\\t");
        else snprintf(code, sizeof code, "\\u%04x", c);
        add(to, slice_str(code));
    }
    add(to, slice_of(s.at + from, s.len - from));
    add_char(to, '"');
}

static void json_value(struct lines *to, const struct value *v)
{
    char buf[VALUE_TEXT_ROOM];
    switch (v->kind) {
    case VALUE_NULL: add(to, S("null")); break;
    case VALUE_F64:
        if (!isfinite(v->f)) {
            add(to, S("null"));
            break;
        }
        add(to, value_text(v, buf));
        break;
    case VALUE_U64:
    case VALUE_I64: add(to, value_text(v, buf)); break;
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
        add(to, S("\"table\":"));
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
