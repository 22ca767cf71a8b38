/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_time.c: parts of points in time, UTC. Null rows are computed like others. */
#include "expr/kernel.h"
#include "expr/times.h"

#define HOUR (3600 * NANOS_SECOND)
#define DAY  (24 * HOUR)

/* Rounded down, before 1970 too. */
INLINE i64 floor_div(i64 t, i64 by)
{
    return t / by - (t % by < 0);
}

INLINE u64 part_second(i64 t) { return (u64)(floor_div(t, NANOS_SECOND) - floor_div(t, 60 * NANOS_SECOND) * 60); }
INLINE u64 part_minute(i64 t) { return (u64)(floor_div(t, 60 * NANOS_SECOND) - floor_div(t, HOUR) * 60); }
INLINE u64 part_hour(i64 t) { return (u64)(floor_div(t, HOUR) - floor_div(t, DAY) * 24); }
INLINE u64 part_day(i64 t) { return civil_of_days(floor_div(t, DAY)).day; }
INLINE u64 part_month(i64 t) { return civil_of_days(floor_div(t, DAY)).month; }
INLINE u64 part_year(i64 t) { return (u64)civil_of_days(floor_div(t, DAY)).year; }

INLINE u64 part_weekday(i64 t)
{
    i64 day = floor_div(t, DAY) + 3; /* 1970-01-01 was a Thursday */
    return (u64)(day - floor_div(day, 7) * 7) + 1;
}

#define PART(name, calc)                                              \
    static void name(struct expr_run *r, const struct op *o)          \
    {                                                                 \
        struct reg *g = reg_begin(r, o);                              \
        const i64  *a = reg_a(r, o)->cells;                           \
        u64        *out = g->cells;                                   \
        for (u32 i = 0; i < r->rows; i++) out[i] = calc(a[i]);        \
        nulls_join(r, g, reg_a(r, o), NULL);                          \
    }

PART(year, part_year)
PART(month, part_month)
PART(day, part_day)
PART(hour, part_hour)
PART(minute, part_minute)
PART(second, part_second)
PART(weekday, part_weekday)

/* The midnight before the first that i64 ns can say is out of range. */
static void date(struct expr_run *r, const struct op *o)
{
    struct reg *g = reg_begin(r, o);
    const i64  *a = reg_a(r, o)->cells;
    i64        *out = g->cells;
    nulls_join(r, g, reg_a(r, o), NULL);
    for (u32 w = 0; w < words_of(r->rows); w++) {
        u64 bad;
        PACK_ROWS(r->rows, w, bad, (__builtin_mul_overflow(floor_div(a[i], DAY), DAY, &out[i])));
        fault_rows(r, g, r->overflow, w, bad);
    }
}

const struct kernels time_kernels[NODES] = {
    [NODE_YEAR] = { { [KIND_TIME] = year } },       [NODE_MONTH] = { { [KIND_TIME] = month } },
    [NODE_DAY] = { { [KIND_TIME] = day } },         [NODE_HOUR] = { { [KIND_TIME] = hour } },
    [NODE_MINUTE] = { { [KIND_TIME] = minute } },   [NODE_SECOND] = { { [KIND_TIME] = second } },
    [NODE_WEEKDAY] = { { [KIND_TIME] = weekday } }, [NODE_DATE] = { { [KIND_TIME] = date } },
};
