/* SPDX-License-Identifier: Apache-2.0 */
/* json_time.c: dates to ns. The proleptic Gregorian calendar, days counted from 1970-01-01. */
#include "decode/json_time.h"

struct clock {
    u32  year, month, day, hour, minute, second;
    u32  fraction; /* ns                */
    i32  offset;   /* minutes east      */
};

/* What is left to read. */
struct scan {
    const char *at, *end;
};

static bool digits(struct scan *s, u32 count, u32 *out)
{
    u32 value = 0;
    if ((size_t)(s->end - s->at) < count) return false;
    for (u32 i = 0; i < count; i++) {
        u32 digit = (u8)(s->at[i] - '0');
        if (digit > 9) return false;
        value = value * 10 + digit;
    }
    s->at += count;
    *out = value;
    return true;
}

static bool one_of(struct scan *s, const char *set)
{
    if (s->at == s->end || *s->at == 0 || strchr(set, *s->at) == NULL) return false;
    s->at++;
    return true;
}

/* .123456, if there is one. */
static enum json_reason fraction(struct scan *s, u32 *out)
{
    u32 value = 0, count = 0;
    *out = 0;
    if (s->at == s->end || (*s->at != '.' && *s->at != ',')) return JSON_GOOD;
    s->at++;
    for (u32 digit; count < 9 && digits(s, 1, &digit); count++) value = value * 10 + digit;
    if (count == 0) return JSON_TIME;
    if (s->at < s->end && (u8)(*s->at - '0') < 10) return JSON_TIME_FRACTION;
    for (; count < 9; count++) value *= 10;
    *out = value;
    return JSON_GOOD;
}

/* Z, +02:00, +0200, +02 or nothing, to the end. */
static bool offset(struct scan *s, i32 *out)
{
    u32 hours = 0, minutes = 0;
    *out = 0;
    if (s->at == s->end) return true;
    bool minus = *s->at == '-';
    if (one_of(s, "Zz")) return s->at == s->end;
    if (!one_of(s, "+-") || !digits(s, 2, &hours)) return false;
    if (s->at < s->end) {
        one_of(s, ":");
        if (!digits(s, 2, &minutes)) return false;
    }
    *out = (i32)(hours * 60 + minutes) * (minus ? -1 : 1);
    return s->at == s->end && hours < 24 && minutes < 60;
}

static u32 month_days(u32 year, u32 month)
{
    static const u8 days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Years are counted from March, so that the leap day is the last: 153 days in 5 months. (Year 0 begins a day off, and
 * out of range.) */
static i64 days_of(const struct clock *c)
{
    i64 year = (i64)c->year - (c->month < 3), month = (i64)c->month + (c->month < 3 ? 9 : -3);
    return year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + c->day - 719469;
}

static enum json_reason clock_nanos(const struct clock *c, nanos *out)
{
    if (c->month < 1 || c->month > 12 || c->day < 1 || c->day > month_days(c->year, c->month) || c->hour > 23 ||
        c->minute > 59 || c->second > 60)
        return JSON_TIME;
    i64 seconds = days_of(c) * 86400 + (i64)c->hour * 3600 + (i64)c->minute * 60 + c->second - (i64)c->offset * 60;
    i64 whole;
    if (__builtin_mul_overflow(seconds, NANOS_SECOND, &whole) || __builtin_add_overflow(whole, c->fraction, out))
        return JSON_TIME_RANGE;
    return JSON_GOOD;
}

/* HH:MM:SS and what may follow. */
static enum json_reason clock_rest(struct scan *s, struct clock *c, nanos *out)
{
    if (!digits(s, 2, &c->hour) || !one_of(s, ":") || !digits(s, 2, &c->minute) || !one_of(s, ":") ||
        !digits(s, 2, &c->second))
        return JSON_TIME;
    enum json_reason why = fraction(s, &c->fraction);
    if (why != JSON_GOOD) return why;
    if (!offset(s, &c->offset)) return JSON_TIME;
    return clock_nanos(c, out);
}

/* YY/MM/DD- or YYYY/MM/DD- of Snort; MM/DD- alone has no year. */
static enum json_reason snort_text(struct scan s, nanos *out)
{
    struct clock c = { 0 };
    u32          first[2];
    if (digits(&s, 4, &c.year)) {
        if (!one_of(&s, "/") || !digits(&s, 2, &c.month)) return JSON_TIME;
    } else {
        if (!digits(&s, 2, &first[0]) || !one_of(&s, "/") || !digits(&s, 2, &first[1])) return JSON_TIME;
        if (one_of(&s, "-")) { /* any leap year: is the rest a time? */
            c = (struct clock){ .year = 2000, .month = first[0], .day = first[1] };
            enum json_reason why = clock_rest(&s, &c, out);
            return why == JSON_GOOD ? JSON_TIME_YEAR : why;
        }
        c = (struct clock){ .year = 2000 + first[0], .month = first[1] };
    }
    if (!one_of(&s, "/") || !digits(&s, 2, &c.day) || !one_of(&s, "-")) return JSON_TIME;
    return clock_rest(&s, &c, out);
}

enum json_reason json_time_text(slice text, nanos *out)
{
    struct scan  s = { text.at, text.at + text.len };
    struct clock c = { 0 };
    if (text.len > 4 && (text.at[2] == '/' || text.at[4] == '/')) return snort_text(s, out);
    if (!digits(&s, 4, &c.year) || !one_of(&s, "-") || !digits(&s, 2, &c.month) || !one_of(&s, "-") ||
        !digits(&s, 2, &c.day) || !one_of(&s, "Tt "))
        return JSON_TIME;
    return clock_rest(&s, &c, out);
}

enum json_reason json_time_number(slice text, u64 parts, nanos *out)
{
    u64 value = 0, unit = (u64)NANOS_SECOND / parts;
    u32 i = 0, behind = 0;
    for (; i < text.len && (u8)(text.at[i] - '0') < 10; i++)
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (u64)(text.at[i] - '0'), &value))
            return JSON_TIME_RANGE;
    if (i == 0) return JSON_TIME;
    if (__builtin_mul_overflow(value, unit, &value)) return JSON_TIME_RANGE;
    if (i < text.len) {
        if (text.at[i++] != '.' || i == text.len) return JSON_TIME;
        for (; i < text.len && (u8)(text.at[i] - '0') < 10; i++) {
            unit /= 10;
            behind += unit == 0;
            if (__builtin_add_overflow(value, unit * (u64)(text.at[i] - '0'), &value)) return JSON_TIME_RANGE;
        }
    }
    if (i < text.len) return JSON_TIME;
    if (behind > 0) return JSON_TIME_FRACTION;
    if (value > (u64)NANOS_MAX) return JSON_TIME_RANGE;
    *out = (nanos)value;
    return JSON_GOOD;
}
