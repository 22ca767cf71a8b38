/* SPDX-License-Identifier: Apache-2.0 */
/* strain.c: gathers cells column by column. Where all rows stay, the columns are lent as they are. */
#include "engine/strain.h"

#include <stdlib.h>
#include <string.h>

struct strained {
    u32   column; /* of the batch    */
    u32   size;   /* bytes of a cell */
    void *cells;
    u64   nulls[BATCH_ROWS / 64];
};

struct strain {
    u32              columns;
    struct strained *at;
    nanos            time[BATCH_ROWS];
    u16              row[BATCH_ROWS]; /* of those that stay */
};

static u32 cell_size(const struct field *f)
{
    switch (f->type) {
    case FIELD_ADDR: return sizeof(addr);
    case FIELD_STRING: return sizeof(slice);
    case FIELD_NET: return sizeof(net);
    case FIELD_TAG: return sizeof(u32);
    case FIELD_SAMPLING: return sizeof(struct sampling);
    case FIELD_BINS: return f->bins * (u32)sizeof(u64);
    default: return sizeof(u64);
    }
}

struct strain *strain_open(const struct field *field, u32 width, const u32 *column, u32 columns)
{
    struct strain *s = calloc(1, sizeof *s);
    WEIR_ASSERT(s != NULL);
    s->columns = columns;
    s->at = calloc(columns + 1, sizeof *s->at);
    WEIR_ASSERT(s->at != NULL);
    for (u32 i = 0; i < columns; i++) {
        WEIR_ASSERT(column[i] < width);
        s->at[i].column = column[i];
        s->at[i].size = cell_size(&field[column[i]]);
        s->at[i].cells = calloc(BATCH_ROWS, s->at[i].size);
        WEIR_ASSERT(s->at[i].cells != NULL);
    }
    return s;
}

void strain_close(struct strain *s)
{
    if (s == NULL) return;
    for (u32 i = 0; i < s->columns; i++) free(s->at[i].cells);
    free(s->at);
    free(s);
}

static void rows_kept(struct strain *s, const u64 *keep, u32 rows, u32 of)
{
    u32 n = 0;
    for (u32 w = 0; w * 64 < of; w++)
        for (u64 bits = keep[w]; bits != 0; bits &= bits - 1) s->row[n++] = (u16)(w * 64 + (u32)__builtin_ctzll(bits));
    WEIR_ASSERT(n == rows);
}

/* Inlined with a constant size, a cell is a load and a store. */
static inline __attribute__((always_inline)) void gather_cells(u8 *to, const u8 *from, const u16 *row, u32 rows,
                                                               size_t size)
{
    for (u32 i = 0; i < rows; i++) memcpy(to + i * size, from + row[i] * size, size);
}

static void gather(const struct strain *s, struct strained *c, const struct column *from, u32 rows, struct column *to)
{
    *to = (struct column){ .words = from->words };
    if (from->cells == NULL) return;
    if (c->size == 8) gather_cells(c->cells, from->cells, s->row, rows, 8);
    else if (c->size == 16) gather_cells(c->cells, from->cells, s->row, rows, 16);
    else if (c->size == 4) gather_cells(c->cells, from->cells, s->row, rows, 4);
    else gather_cells(c->cells, from->cells, s->row, rows, c->size);
    to->cells = c->cells;
    if (from->nulls == NULL) return;
    memset(c->nulls, 0, sizeof c->nulls);
    for (u32 i = 0; i < rows; i++) {
        u32 r = s->row[i];
        c->nulls[i >> 6] |= (from->nulls[r >> 6] >> (r & 63) & 1) << (i & 63);
    }
    to->nulls = c->nulls;
}

void strain_take(struct strain *s, const struct batch *from, const u64 *keep, u32 rows, const u16 *origin,
                 struct batch *to, u16 *to_origin)
{
    bool all = rows == from->rows;
    rows_kept(s, keep, rows, from->rows);
    to->rows = rows;
    to->columns = from->columns;
    to->time_all = from->time_all;
    to->time = from->time;
    if (from->time && !all) {
        for (u32 i = 0; i < rows; i++) s->time[i] = from->time[s->row[i]];
        to->time = s->time;
    }
    for (u32 i = 0; i < rows; i++) to_origin[i] = origin ? origin[s->row[i]] : s->row[i];
    for (u32 i = 0; i < s->columns; i++) {
        struct strained *c = &s->at[i];
        if (all) to->column[c->column] = from->column[c->column];
        else gather(s, c, &from->column[c->column], rows, &to->column[c->column]);
    }
}
