/* SPDX-License-Identifier: Apache-2.0 */
/* times.h: points in time, to and from text and calendar. All UTC; the proleptic Gregorian calendar. */
#pragma once

#include "weir/slice.h"

#define TIME_TEXT 40 /* room for any time with its NUL */

struct civil {
    i64 year;
    u32 month, day;  /* from 1   */
    u32 weekday;     /* Monday 1 */
};

/* Days since 1970-01-01. */
struct civil civil_of_days(i64 days);

/* 2026-01-02, 2026-01-02T03:04Z, 2026-01-02T03:04:05.678+01:00: a time of day needs its zone; fractions to the ns.
 * False: no such form or day, or not within what i64 ns can say (1677 to 2262). */
bool time_parse(slice text, nanos *out);

/* 2026-01-02T03:04:05Z, with the fraction's digits that are not trailing zeros. Gives the length. */
size_t time_format(nanos t, char *buf);

/* Decimal number, whole slice: digits, fraction, exponent, sign; no hex, no words. False also if not finite. */
bool f64_parse(slice text, f64 *out);

#define F64_TEXT 32

/* The shortest digits that read back as the same; always with a point or an exponent. Gives the length. */
size_t f64_format(f64 v, char *buf);

#define MAC_TEXT 18

/* Six pairs of hex digits between colons. */
bool   mac_parse(slice text, u64 *out);
size_t mac_format(u64 mac, char *buf);
