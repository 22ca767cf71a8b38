/* SPDX-License-Identifier: Apache-2.0 */
/* table.c: measures all cells first, then prints. */
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void text_table_init(struct text_table *t)
{
    *t = (struct text_table){ .columns = 0 };
    arena_init(&t->arena, 0);
}

void text_table_fini(struct text_table *t)
{
    arena_fini(&t->arena);
    free(t->cell);
}

void text_table_column(struct text_table *t, const char *head)
{
    WEIR_ASSERT(t->rows == 0 && t->columns < TABLE_COLUMNS_MAX);
    t->head[t->columns++] = arena_str(&t->arena, slice_str(head));
}

struct cell *text_table_row(struct text_table *t)
{
    if (t->rows == TABLE_ROWS_MAX) return NULL;
    if (t->rows == t->room) {
        t->room = t->room ? t->room * 2 : 64;
        t->cell = realloc(t->cell, (size_t)t->room * t->columns * sizeof *t->cell);
        WEIR_ASSERT(t->cell != NULL);
    }
    struct cell *row = t->cell + (size_t)t->rows++ * t->columns;
    memset(row, 0, t->columns * sizeof *row);
    return row;
}

/* Columns a text takes: bytes that begin a character. */
static size_t width(const char *text)
{
    size_t n = 0;
    for (; *text; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

void table_plain_text(const char *s, FILE *to)
{
    for (; *s; s++) fputc((unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s, to);
}

static void print_cell(const char *text, size_t room, bool right, FILE *to)
{
    size_t have = width(text);
    for (size_t i = have; right && i < room; i++) fputc(' ', to);
    table_plain_text(text, to);
    for (size_t i = have; !right && i < room; i++) fputc(' ', to);
}

void text_table_print(const struct text_table *t, FILE *to)
{
    size_t room[TABLE_COLUMNS_MAX];
    bool   right[TABLE_COLUMNS_MAX] = { false };
    for (u32 c = 0; c < t->columns; c++) room[c] = width(t->head[c]);
    for (u32 i = 0; i < t->rows * t->columns; i++) {
        const struct cell *cell = &t->cell[i];
        u32                c = i % t->columns;
        if (cell->text && width(cell->text) > room[c]) room[c] = width(cell->text);
        if (cell->kind == CELL_NUMBER) right[c] = true;
    }
    for (u32 r = 0; r <= t->rows; r++) {
        for (u32 c = 0; c < t->columns; c++) {
            const char *text = r == 0 ? t->head[c] : t->cell[(r - 1) * t->columns + c].text;
            print_cell(text ? text : "-", c + 1 == t->columns && !right[c] ? 0 : room[c], right[c], to);
            fputs(c + 1 < t->columns ? "  " : "\n", to);
        }
    }
}

void table_json_text(const char *s, FILE *to)
{
    fputc('"', to);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') fprintf(to, "\\%c", *s);
        else if ((unsigned char)*s < ' ') fprintf(to, "\\u%04x", (unsigned char)*s);
        else fputc(*s, to);
    }
    fputc('"', to);
}

void text_table_json(const struct text_table *t, FILE *to)
{
    fputc('[', to);
    for (u32 r = 0; r < t->rows; r++) {
        fputs(r ? ",\n {" : "\n {", to);
        for (u32 c = 0; c < t->columns; c++) {
            const struct cell *cell = &t->cell[r * t->columns + c];
            if (c) fputs(", ", to);
            table_json_text(t->head[c], to);
            fputs(": ", to);
            if (cell->kind == CELL_TEXT) table_json_text(cell->text, to);
            else fputs(cell->kind == CELL_NUMBER ? cell->text : "null", to);
        }
        fputc('}', to);
    }
    fputs("\n]\n", to);
}

const char *table_time(struct arena *a, i64 seconds, bool exact)
{
    char      text[64];
    time_t    t = (time_t)seconds;
    struct tm utc;
    if (gmtime_r(&t, &utc) == NULL) return arena_printf(a, "%lld", (long long)seconds); /* past all years */
    strftime(text, sizeof text, exact ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%dT%H:%MZ", &utc);
    return arena_str(a, slice_str(text));
}

const char *table_time_local(struct arena *a, i64 seconds, bool exact)
{
    char      text[64], zone[16];
    time_t    t = (time_t)seconds;
    struct tm local;
    if (localtime_r(&t, &local) == NULL || local.tm_gmtoff == 0) return table_time(a, seconds, exact);
    strftime(text, sizeof text, exact ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%dT%H:%M", &local);
    strftime(zone, sizeof zone, "%z", &local);
    return arena_printf(a, "%s%.3s:%s", text, zone, zone + 3);
}
