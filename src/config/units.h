/* SPDX-License-Identifier: Apache-2.0 */
/* units.h: values with a unit in them: 5m, 64MiB, 100. Read, and written back in the shortest exact form. */
#pragma once

#include "weir/slice.h"
#include "weir/types.h"

#define UNIT_TEXT 32 /* room for any value this writes, with its NUL */
#define NANOS_DAY (86400 * NANOS_SECOND)

/* Whole number and one of ns us ms s m h d w y (y: 365 days); 0 needs no unit. False: *why says what was expected. */
bool span_parse(slice text, nanos *out, const char **why);

/* Bytes: whole number and none or one of B KiB MiB GiB TiB (powers of 1024) KB MB GB TB (powers of 1000). */
bool size_parse(slice text, u64 *out, const char **why);

/* Decimal digits. */
bool count_parse(slice text, u64 *out, const char **why);

/* In the largest unit that leaves a whole number: "90s", "1h", "0s". Lent: buf, UNIT_TEXT bytes. */
slice span_format(nanos span, char *buf);
slice size_format(u64 bytes, char *buf);
