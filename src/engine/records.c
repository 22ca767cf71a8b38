/* SPDX-License-Identifier: Apache-2.0 */
/* records.c: batches into rows, and the counters behind the `arrived` column. */
#include "engine/records.h"

#include "engine/emit.h"

#include <endian.h>
#include <stdlib.h>

#define KEPT_MAX ((size_t)16 << 20) /* bytes that an empty one keeps */

void record_rows_init(struct record_rows *r)
{
    *r = (struct record_rows){ 0 };
    row_writer_init(&r->rows);
}

void record_rows_fini(struct record_rows *r)
{
    row_writer_fini(&r->rows);
    free(r->number);
}

void record_rows_reset(struct record_rows *r)
{
    if (r->rows.room + r->room * sizeof *r->number > KEPT_MAX) {
        record_rows_fini(r);
        record_rows_init(r);
    }
    r->rows.len = 0;
    r->rows.rows = 0;
    r->count = 0;
}

static void reserve(struct record_rows *r, u32 more)
{
    if (r->room - r->count >= more) return;
    r->room = 2 * r->room + more;
    r->number = realloc(r->number, r->room * sizeof *r->number);
    WEIR_ASSERT(r->number != NULL);
}

void record_rows_push(struct record_rows *r, const struct step_records *step, const struct batch *b)
{
    if (step->table == UINT32_MAX) return;
    reserve(r, b->rows);
    for (u32 i = 0; i < b->rows; i++) {
        nanos t = b->time ? b->time[i] : b->time_all;
        row_put(&r->rows, step->table);
        row_i64(&r->rows, nanos_floor(t, NANOS_SECOND) / NANOS_SECOND);
        r->number[r->count++] = row_number(&r->rows);
        for (u32 c = 0; c < step->columns; c++) emit_cell(&r->rows, &step->field[c], &b->column[step->column[c]], i);
    }
}

void record_rows_give(struct record_rows *r, u64 *arrived, struct row_writer *to)
{
    for (size_t i = 0; i < r->count; i++) row_number_set(&r->rows, r->number[i], ++*arrived);
    r->count = 0;
    row_writer_join(to, &r->rows);
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
    if (le64toh(count) >= ROW_NUMBER_MAX / 2) return false; /* a thousand years of records: it cannot be */
    *counter(a, table) = le64toh(count);
    return true;
}
