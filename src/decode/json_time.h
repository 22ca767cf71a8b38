/* SPDX-License-Identifier: Apache-2.0 */
/* json_time.h: points in time as event logs write them.
 *
 *     2024-05-01T12:00:00.123456+0200   RFC 3339, and with T or a space or t, offset Z, +02:00, +0200 or +02
 *     2024-05-01T12:00:00               without an offset: UTC
 *     24/05/01-12:00:00.123456          Snort 3 with its option -y, or 2024/...; UTC, as Snort writes with -U
 *     1714557600.123456                 since 1970 UTC, no exponent
 *
 * A fraction has 1 to 9 digits, nothing is rounded. A leap second is the second that follows it. Snort's times without
 * a year cannot be placed and are refused. Times that 64 bits of ns do not hold (before 1677, after 2262) are, too. */
#pragma once

#include "decode/json_reason.h"
#include "weir/slice.h"

/* A date and time of day. */
enum json_reason json_time_text(slice text, nanos *out);

/* A decimal number of 1/parts seconds; parts is 1, 10^3, 10^6 or 10^9. */
enum json_reason json_time_number(slice text, u64 parts, nanos *out);

/* Is it of the second kind? */
static inline bool json_time_is_number(slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((text.at[i] < '0' || text.at[i] > '9') && text.at[i] != '.') return false;
    return text.len > 0;
}
