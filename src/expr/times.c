/* SPDX-License-Identifier: Apache-2.0 */
/* times.c: times, decimals and MAC addresses to and from text.
 *
 * The calendar counts years from March, so that the leap day is a year's last, in eras of 400 years (146,097 days). */
#include "expr/times.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ERA_DAYS    146097
#define EPOCH_MARCH 719468 /* days from 0000-03-01 to 1970-01-01 */
#define DAY         (86400 * NANOS_SECOND)

struct civil civil_of_days(i64 days)
{
    i64 from = days + EPOCH_MARCH;
    i64 era = (from >= 0 ? from : from - (ERA_DAYS - 1)) / ERA_DAYS;
    u32 in_era = (u32)(from - era * ERA_DAYS);
    u32 year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    u32 in_year = in_era - (365 * year + year / 4 - year / 100);
    u32 march = (5 * in_year + 2) / 153; /* months since March: 31 30 31 30 31 | 31 30 31 30 31 | 31 28 */
    u32 month = march < 10 ? march + 3 : march - 9;
    i64 week = (days + 3) % 7; /* 1970-01-01 was a Thursday */
    return (struct civil){ .year = (i64)year + era * 400 + (month <= 2), .month = month,
                           .day = in_year - (153 * march + 2) / 5 + 1,
                           .weekday = (u32)(week < 0 ? week + 7 : week) + 1 };
}

static i64 days_of(i64 year, u32 month, u32 day)
{
    year -= month <= 2;
    i64 era = (year >= 0 ? year : year - 399) / 400;
    u32 of_era = (u32)(year - era * 400);
    u32 in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * ERA_DAYS + (i64)(of_era * 365 + of_era / 4 - of_era / 100 + in_year) - EPOCH_MARCH;
}

/* Exactly n digits at the front, then (if it is not 0) `mark`. */
static bool take(slice *s, u32 n, char mark, u32 *out)
{
    *out = 0;
    if (s->len < n + (mark != 0)) return false;
    for (u32 i = 0; i < n; i++) {
        if (s->at[i] < '0' || s->at[i] > '9') return false;
        *out = *out * 10 + (u32)(s->at[i] - '0');
    }
    if (mark != 0 && s->at[n] != mark) return false;
    *s = slice_of(s->at + n + (mark != 0), s->len - n - (mark != 0));
    return true;
}

/* ".5": up to nine digits, as ns. */
static bool take_fraction(slice *s, u32 *out)
{
    u32 digits = 0;
    *out = 0;
    if (s->len == 0 || s->at[0] != '.') return true;
    for (*s = slice_of(s->at + 1, s->len - 1); s->len > 0 && s->at[0] >= '0' && s->at[0] <= '9'; digits++) {
        if (digits == 9) return false;
        *out = *out * 10 + (u32)(s->at[0] - '0');
        *s = slice_of(s->at + 1, s->len - 1);
    }
    for (u32 i = digits; i < 9; i++) *out *= 10;
    return digits > 0;
}

/* "Z" or "+01:00", all that is left, as ns east. */
static bool take_zone(slice *s, i64 *east)
{
    u32 hours, minutes;
    *east = 0;
    if (slice_is(*s, "Z")) return true;
    if (s->len != 6 || (s->at[0] != '+' && s->at[0] != '-')) return false;
    i64   sign = s->at[0] == '-' ? -1 : 1;
    slice rest = slice_of(s->at + 1, 5);
    if (!take(&rest, 2, ':', &hours) || !take(&rest, 2, 0, &minutes) || hours > 23 || minutes > 59) return false;
    *east = sign * (i64)(hours * 60 + minutes) * 60 * NANOS_SECOND;
    return true;
}

static bool take_clock(slice *s, i64 *ns)
{
    u32 hour, minute, second = 0, fraction = 0;
    i64 east;
    if (!take(s, 2, ':', &hour) || !take(s, 2, 0, &minute)) return false;
    if (s->len > 0 && s->at[0] == ':') {
        *s = slice_of(s->at + 1, s->len - 1);
        if (!take(s, 2, 0, &second) || !take_fraction(s, &fraction)) return false;
    }
    if (hour > 23 || minute > 59 || second > 59 || !take_zone(s, &east)) return false;
    *ns = (i64)(hour * 3600 + minute * 60 + second) * NANOS_SECOND + fraction - east;
    return true;
}

bool time_parse(slice text, nanos *out)
{
    u32 year, month, day;
    i64 ns = 0;
    if (!take(&text, 4, '-', &year) || !take(&text, 2, '-', &month) || !take(&text, 2, 0, &day)) return false;
    if (month < 1 || month > 12 || day < 1) return false;
    i64          days = days_of(year, month, day);
    struct civil back = civil_of_days(days);
    if (back.month != month || back.day != day) return false;
    if (text.len > 0) {
        bool behind = text.at[0] == 'T' || text.at[0] == ' ';
        text = slice_of(text.at + 1, text.len - 1);
        if (!behind || !take_clock(&text, &ns)) return false;
    }
    i128 all = (i128)days * DAY + ns;
    *out = (nanos)all;
    return all == (i128)*out;
}

size_t time_format(nanos t, char *buf)
{
    i64          day = nanos_floor(t / 1000, DAY / 1000) / (DAY / 1000);
    i64          ns = (i64)((i128)t - (i128)day * DAY);
    if (ns < 0) day--, ns += DAY; /* what t / 1000 cut off */
    struct civil c = civil_of_days(day);
    u32          s = (u32)(ns / NANOS_SECOND), fraction = (u32)(ns % NANOS_SECOND);
    int len = snprintf(buf, TIME_TEXT, "%04d-%02u-%02uT%02u:%02u:%02u.%09u", (int)c.year, c.month % 100, c.day % 100,
                       s / 3600 % 100, s / 60 % 60, s % 60, fraction);
    WEIR_ASSERT(len > 0 && len < TIME_TEXT - 1);
    while (buf[len - 1] == '0') len--;
    if (buf[len - 1] == '.') len--;
    buf[len++] = 'Z';
    buf[len] = '\0';
    return (size_t)len;
}

static size_t digits(slice s, size_t from)
{
    while (from < s.len && s.at[from] >= '0' && s.at[from] <= '9') from++;
    return from;
}

bool f64_parse(slice s, f64 *out)
{
    char   z[128];
    size_t i = s.len > 0 && (s.at[0] == '-' || s.at[0] == '+') ? 1 : 0, from = i, many;
    if (s.len == 0 || s.len >= sizeof z) return false;
    i = digits(s, i);
    many = i - from;
    if (i < s.len && s.at[i] == '.') {
        from = i + 1;
        i = digits(s, from);
        many += i - from;
    }
    if (many == 0) return false;
    if (i < s.len && (s.at[i] == 'e' || s.at[i] == 'E')) {
        i++;
        if (i < s.len && (s.at[i] == '-' || s.at[i] == '+')) i++;
        from = i;
        i = digits(s, from);
        if (i == from) return false;
    }
    if (i != s.len) return false;
    memcpy(z, s.at, s.len);
    z[s.len] = '\0';
    *out = strtod(z, NULL);
    return isfinite(*out);
}

size_t f64_format(f64 v, char *buf)
{
    int len = 0;
    for (int precision = 15; precision <= 17; precision++) {
        len = snprintf(buf, F64_TEXT - 2, "%.*g", precision, v);
        if (strtod(buf, NULL) == v) break;
    }
    WEIR_ASSERT(len > 0 && len < F64_TEXT - 2);
    if (isfinite(v) && strpbrk(buf, ".e") == NULL) {
        memcpy(buf + len, ".0", 3);
        len += 2;
    }
    return (size_t)len;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool mac_parse(slice s, u64 *out)
{
    if (s.len != 17) return false;
    *out = 0;
    for (u32 i = 0; i < 17; i += 3) {
        int high = hex(s.at[i]), low = hex(s.at[i + 1]);
        if (high < 0 || low < 0 || (i < 15 && s.at[i + 2] != ':')) return false;
        *out = *out << 8 | (u64)(high * 16 + low);
    }
    return true;
}

size_t mac_format(u64 mac, char *buf)
{
    int len = snprintf(buf, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", (u32)(mac >> 40) & 255, (u32)(mac >> 32) & 255,
                       (u32)(mac >> 24) & 255, (u32)(mac >> 16) & 255, (u32)(mac >> 8) & 255, (u32)mac & 255);
    WEIR_ASSERT(len == 17);
    return (size_t)len;
}
