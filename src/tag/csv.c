/* SPDX-License-Identifier: Apache-2.0 */
/* csv.c: see csv.h. Cells are slices of the text; only those with doubled quotes are copied. */
#include "tag/csv.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}


static struct csv_cell place(const struct csv *c, const char *at)
{
    return (struct csv_cell){ .line = c->line, .column = (u32)(at - c->line_at) + 1 };
}

void csv_init(struct csv *c, slice text)
{
    if (slice_starts(text, S("\xef\xbb\xbf"))) text = slice_of(text.at + 3, text.len - 3);
    c->at = c->line_at = text.at;
    c->end = text.len ? text.at + text.len : text.at;
    c->line = 1;
    c->cells = 0;
    c->fault = CSV_FINE;
    arena_init(&c->unquoted, 0);
}

void csv_fini(struct csv *c)
{
    arena_fini(&c->unquoted);
}

static void skip_blanks(struct csv *c)
{
    while (c->at < c->end && is_blank(*c->at)) c->at++;
}

/* At the end of a line: LF, CR LF, or the end of the text with or without a CR before it. */
static bool at_line_end(const struct csv *c)
{
    if (c->at == c->end || *c->at == '\n') return true;
    return *c->at == '\r' && (c->at + 1 == c->end || c->at[1] == '\n');
}

/* Over the line's end, which is where c->at stands or behind it. */
static void skip_line(struct csv *c)
{
    const char *lf = c->at < c->end ? memchr(c->at, '\n', (size_t)(c->end - c->at)) : NULL;
    c->at = lf != NULL ? lf + 1 : c->end;
    c->line_at = c->at;
    c->line++;
}

static void add_cell(struct csv *c, struct csv_cell cell)
{
    if (c->cells < CSV_CELLS_MAX) c->cell[c->cells] = cell;
    c->cells++;
}

static void read_plain(struct csv *c)
{
    const char     *from = c->at, *p = from;
    struct csv_cell cell = place(c, from);
    while (p < c->end && *p != ',' && *p != '\n') p++;
    c->at = p;
    if (p > from && p[-1] == '\r' && (p == c->end || *p == '\n')) c->at = --p;
    while (p > from && is_blank(p[-1])) p--;
    cell.text = slice_of(from, (size_t)(p - from));
    add_cell(c, cell);
}

/* What stands between two quotes, with each "" as one. */
static slice unquote(struct csv *c, const char *from, const char *to, bool doubled)
{
    if (!doubled) return slice_of(from, (size_t)(to - from));
    char  *copy = arena_alloc(&c->unquoted, (size_t)(to - from));
    size_t len = 0;
    for (const char *p = from; p < to; p++) {
        copy[len++] = *p;
        if (*p == '"') p++;
    }
    return slice_of(copy, len);
}

/* c->at stands on the opening quote. False: a fault. */
static bool read_quoted(struct csv *c)
{
    struct csv_cell cell = place(c, c->at);
    const char     *from = ++c->at;
    bool            doubled = false;
    for (; c->at < c->end; c->at++) {
        if (*c->at == '\n') {
            c->line++;
            c->line_at = c->at + 1;
        } else if (*c->at == '"') {
            if (c->at + 1 == c->end || c->at[1] != '"') break;
            doubled = true;
            c->at++;
        }
    }
    c->opened = cell;
    if (c->at == c->end) {
        c->fault = CSV_OPEN;
        c->fault_at = cell;
        return false;
    }
    cell.text = unquote(c, from, c->at, doubled);
    c->at++;
    skip_blanks(c);
    if (!at_line_end(c) && *c->at != ',') {
        c->fault = CSV_BEHIND;
        c->fault_at = place(c, c->at);
        return false;
    }
    add_cell(c, cell);
    return true;
}

/* Blank lines and comments. */
static void skip_idle(struct csv *c)
{
    while (c->at < c->end) {
        skip_blanks(c);
        if (!at_line_end(c) && *c->at != '#') {
            c->at = c->line_at;
            return;
        }
        skip_line(c);
    }
}

bool csv_next(struct csv *c)
{
    c->cells = 0;
    c->fault = CSV_FINE;
    arena_reset(&c->unquoted);
    skip_idle(c);
    if (c->at == c->end) return false;
    for (;;) {
        skip_blanks(c);
        if (c->at < c->end && *c->at == '"') {
            if (!read_quoted(c)) break;
        } else {
            read_plain(c);
        }
        if (at_line_end(c)) break;
        c->at++; /* the comma */
    }
    if (c->fault != CSV_FINE) c->cells = 0;
    c->row_end = place(c, c->at);
    skip_line(c);
    return true;
}
