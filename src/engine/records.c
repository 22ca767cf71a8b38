/* SPDX-License-Identifier: Apache-2.0 */
/* records.c: batches into cells, cells into rows, and the counters behind the `arrived` column. */
#include "engine/records.h"

#include "engine/emit.h"

#include <endian.h>
#include <stdlib.h>

#define KEPT_MAX ((size_t)16 << 20) /* bytes that an empty one keeps */

void record_rows_init(struct record_rows *r)
{
    *r = (struct record_rows){ 0 };
    row_writer_init(&r->cells);
}

void record_rows_fini(struct record_rows *r)
{
    row_writer_fini(&r->cells);
    free(r->mark);
}

void record_rows_reset(struct record_rows *r)
{
    if (r->cells.room + r->room * sizeof *r->mark > KEPT_MAX) {
        record_rows_fini(r);
        record_rows_init(r);
    }
    r->cells.len = 0;
    r->count = 0;
}

static void reserve(struct record_rows *r, u32 more)
{
    if (r->room - r->count >= more) return;
    r->room = 2 * r->room + more;
    r->mark = realloc(r->mark, r->room * sizeof *r->mark);
    WEIR_ASSERT(r->mark != NULL);
}

void record_rows_push(struct record_rows *r, const struct step_records *step, const struct batch *b)
{
    reserve(r, b->rows);
    for (u32 i = 0; i < b->rows; i++) {
        nanos t = b->time ? b->time[i] : b->time_all;
        for (u32 c = 0; c < step->columns; c++) emit_cell(&r->cells, &step->field[c], &b->column[step->column[c]], i);
        r->mark[r->count++] = (struct record_mark){ nanos_floor(t, NANOS_SECOND) / NANOS_SECOND, r->cells.len };
    }
}

void record_rows_give(const struct record_rows *r, u32 table, u64 *arrived, struct row_writer *to)
{
    size_t at = 0;
    for (size_t i = 0; i < r->count; i++) {
        row_put(to, table);
        row_i64(to, r->mark[i].second);
        row_u64(to, ++*arrived);
        row_cells(to, slice_of((const char *)r->cells.at + at, r->mark[i].end - at));
        at = r->mark[i].end;
    }
}

/* --- counters ------------------------------------------------------------------------------------------------ */

#define PREFIX "records/" /* no source's name has '/' in it */

struct arrival {
    slice table; /* malloc'd */
    u64   count;
};

struct arrivals {
    const struct recipe *recipe;
    u32                  count, room;
    struct arrival      *at;
};

static u64 *counter(struct arrivals *a, slice table)
{
    for (u32 i = 0; i < a->count; i++)
        if (slice_eq(a->at[i].table, table)) return &a->at[i].count;
    if (a->count == a->room) {
        a->room = 2 * a->room + 8;
        a->at = realloc(a->at, a->room * sizeof *a->at);
        WEIR_ASSERT(a->at != NULL);
    }
    a->at[a->count] = (struct arrival){ slice_of(slice_dup(table), table.len), 0 };
    return &a->at[a->count++].count;
}

struct arrivals *arrivals_open(const struct recipe *r)
{
    struct arrivals *a = calloc(1, sizeof *a);
    WEIR_ASSERT(a != NULL);
    a->recipe = r;
    return a;
}

void arrivals_close(struct arrivals *a)
{
    for (u32 i = 0; i < a->count; i++) free((char *)(uintptr_t)a->at[i].table.at);
    free(a->at);
    free(a);
}

u64 *arrivals_of(struct arrivals *a, u32 step)
{
    return counter(a, a->recipe->step[step].prefix);
}

void arrivals_save(const struct arrivals *a, struct row_writer *to)
{
    for (u32 i = 0; i < a->count; i++) {
        char  name[sizeof PREFIX + 256];
        u64   count = htole64(a->at[i].count);
        slice table = a->at[i].table;
        WEIR_ASSERT(table.len <= 256);
        memcpy(name, PREFIX, sizeof PREFIX - 1);
        memcpy(name + sizeof PREFIX - 1, table.at, table.len);
        row_text(to, slice_of(name, sizeof PREFIX - 1 + table.len));
        row_text(to, slice_of((const char *)&count, sizeof count));
    }
}

bool arrivals_is(slice name)
{
    return slice_starts(name, S(PREFIX));
}

bool arrivals_load(struct arrivals *a, slice name, slice value)
{
    u64   count;
    slice table = slice_of(name.at + sizeof PREFIX - 1, name.len - (sizeof PREFIX - 1));
    if (value.len != sizeof count || table.len == 0 || table.len > 256) return false;
    memcpy(&count, value.at, sizeof count);
    *counter(a, table) = le64toh(count);
    return true;
}
