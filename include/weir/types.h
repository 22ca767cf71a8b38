/* SPDX-License-Identifier: Apache-2.0 */
/* types.h: the widths, the clock's unit and the assertion that all of weir shares.
 *
 * Our own bug is WEIR_ASSERT's business, in release builds too; faulty data and the world are err.h's. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t  u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t   i8;
typedef int16_t  i16;
typedef int32_t  i32;
typedef int64_t  i64;
typedef double   f64;

__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128          i128;

/* A point in time (since 1970 UTC) or a span, in nanoseconds. */
typedef i64 nanos;

#define NANOS_SECOND ((nanos)1000000000)
#define NANOS_MIN    INT64_MIN
#define NANOS_MAX    INT64_MAX

/* Records of other times (before 1690, after 2249) are refused: windows, ten years at most, end before nanos do. */
#define EVENT_TIME_MAX ((nanos)280 * 365 * 86400 * NANOS_SECOND)
#define EVENT_TIME_MIN (-EVENT_TIME_MAX)

/* Prints the place and the condition, then aborts. */
_Noreturn void weir_assert_failed(const char *what, const char *file, int line);

#define WEIR_ASSERT(cond) \
    (__builtin_expect(!!(cond), 1) ? (void)0 : weir_assert_failed(#cond, __FILE__, __LINE__))

#define WEIR_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline u64 round_up(u64 n, u64 step)
{
    return (n + step - 1) / step * step;
}

/* The start of the window of `length` that holds `t`; right for times before 1970, too. */
static inline nanos nanos_floor(nanos t, nanos length)
{
    nanos rest = t % length;
    return t - (rest < 0 ? rest + length : rest);
}
