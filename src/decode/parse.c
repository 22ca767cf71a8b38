/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c: one field's text to one value, exactly.
 *
 * Written for being right, not fast: most fields of a usual file never come here. Nothing allocates; time is linear
 * in the text, which the line's limit bounds. */
#include "decode/parse.h"

#include "weir/addr.h"
#include "weir/strings.h"
#include "weir/utf8.h"

#include <math.h>
#include <stdlib.h>

/* A decimal as written: its digits are text.at[0 .. whole) and text.at[whole + 1 .. whole + 1 + fraction). */
struct decimal {
    slice text;     /* of the digits and the point */
    u32   whole;    /* digits before the point     */
    u32   fraction; /* digits after it             */
    i32   exponent; /* held to +-EXPONENT_MAX, beyond what any line's digits can bring back */
};

#define EXPONENT_MAX 1000000

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static u32 digits_count(slice s, u32 from)
{
    u32 i = from;
    while (i < s.len && is_digit(s.at[i])) i++;
    return i - from;
}

/* REASON_NUMBER: not digits alone. REASON_NUMBER_RANGE: over 64 bits. */
static enum reason number_take(slice s, u64 *out)
{
    if (s.len == 0 || digits_count(s, 0) != s.len) return REASON_NUMBER;
    u64 value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (__builtin_mul_overflow(value, 10u, &value)) return REASON_NUMBER_RANGE;
        if (__builtin_add_overflow(value, (u64)(s.at[i] - '0'), &value)) return REASON_NUMBER_RANGE;
    }
    *out = value;
    return REASON_NONE;
}

static enum reason number_scaled(slice s, u64 scale, u64 *out)
{
    enum reason why = number_take(s, out);
    if (why != REASON_NONE) return why;
    return __builtin_mul_overflow(*out, scale, out) ? REASON_NUMBER_SCALED : REASON_NONE;
}

/* [eE][+-]digits from `at` to the end. */
static bool exponent_take(slice s, u32 at, i32 *out)
{
    if (s.at[at] != 'e' && s.at[at] != 'E') return false;
    bool minus = ++at < s.len && s.at[at] == '-';
    if (at < s.len && (s.at[at] == '-' || s.at[at] == '+')) at++;
    u32 count = digits_count(s, at);
    if (count == 0 || at + count != s.len) return false;
    i32 value = 0;
    for (; at < s.len && value < EXPONENT_MAX; at++) value = value * 10 + (s.at[at] - '0');
    if (value > EXPONENT_MAX) value = EXPONENT_MAX;
    *out = minus ? -value : value;
    return true;
}

/* digits[.digits][e[+-]digits], whole slice, no sign. */
static bool decimal_take(slice s, struct decimal *out)
{
    *out = (struct decimal){ .whole = digits_count(s, 0) };
    u32 at = out->whole;
    if (at == 0) return false;
    if (at < s.len && s.at[at] == '.') {
        out->fraction = digits_count(s, at + 1);
        if (out->fraction == 0) return false;
        at += 1 + out->fraction;
    }
    out->text = slice_of(s.at, at);
    return at == s.len || exponent_take(s, at, &out->exponent);
}

/* Digit i of the mantissa, the point passed over. */
static u32 decimal_digit(const struct decimal *d, u32 i)
{
    return (u32)(d->text.at[i < d->whole ? i : i + 1] - '0');
}

/* Does what stands behind the first `kept` digits (some may be before the first: kept < 0) round up? */
static bool decimal_rounds_up(const struct decimal *d, i64 kept, bool odd)
{
    u32 count = d->whole + d->fraction;
    if (kept < 0 || kept >= count) return false;
    u32 next = decimal_digit(d, (u32)kept);
    if (next != 5) return next > 5;
    for (u32 i = (u32)kept + 1; i < count; i++)
        if (decimal_digit(d, i) != 0) return true;
    return odd;
}

/* Seconds to whole ns, halves to even; false: over 64 bits. */
static bool decimal_nanos(const struct decimal *d, u64 *out)
{
    i64 kept = (i64)d->whole + d->exponent + 9; /* digits, with zeros put behind, that make whole ns */
    u32 count = d->whole + d->fraction;
    u64 value = 0;
    for (i64 i = 0; i < kept; i++) {
        if (i >= count && value == 0) break;
        u64 digit = i < count ? decimal_digit(d, (u32)i) : 0;
        if (__builtin_mul_overflow(value, 10u, &value)) return false;
        if (__builtin_add_overflow(value, digit, &value)) return false;
    }
    u64 up = decimal_rounds_up(d, kept, value & 1);
    return !__builtin_add_overflow(value, up, out);
}

/* An exact product or quotient of two exact doubles is rounded once, so it is the nearest double (Clinger 1990). */
static bool decimal_exact(const struct decimal *d, double *out)
{
    u64 mantissa = 0;
    u32 count = d->whole + d->fraction;
    if (count > 19) return false;
    for (u32 i = 0; i < count; i++) mantissa = mantissa * 10 + decimal_digit(d, i);
    i32 ten = d->exponent - (i32)d->fraction;
    if (mantissa > (1ull << 53) || ten < -22 || ten > 22) return false;
    static const double tens[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    *out = ten < 0 ? (double)mantissa / tens[-ten] : (double)mantissa * tens[ten];
    return true;
}

enum reason parse_u64(slice text, const struct rule *rule, void *cell)
{
    return number_scaled(text, rule->scale, cell);
}

enum reason parse_f64(slice text, const struct rule *rule, void *cell)
{
    bool           minus = text.len > 0 && text.at[0] == '-';
    slice          bare  = slice_of(text.at + minus, text.len - minus);
    struct decimal d;
    double         value;
    if (!decimal_take(bare, &d)) return REASON_DECIMAL;
    if (bare.len > DECIMAL_MAX) return REASON_DECIMAL_LONG;
    if (!decimal_exact(&d, &value)) {
        char copy[DECIMAL_MAX + 1];
        memcpy(copy, bare.at, bare.len);
        copy[bare.len] = 0;
        value = strtod_l(copy, NULL, rule->c);
    }
    value *= (double)rule->scale;
    if (!isfinite(value)) return REASON_DECIMAL_RANGE;
    value = minus ? -value : value;
    memcpy(cell, &value, sizeof value);
    return REASON_NONE;
}

enum reason parse_time(slice text, const struct rule *rule, void *cell)
{
    struct decimal d;
    if (!decimal_take(text, &d) || d.text.len != text.len) return REASON_TIME;
    if (d.fraction > 9) return REASON_TIME_FRACTION;
    u64 value;
    if (!decimal_nanos(&d, &value) || value > (u64)NANOS_MAX) return REASON_TIME_RANGE;
    memcpy(cell, &value, sizeof value);
    return REASON_NONE;
}

enum reason parse_addr(slice text, const struct rule *rule, void *cell)
{
    return addr_parse(text, cell) ? REASON_NONE : REASON_ADDR;
}

static u32 hex_digit(char c)
{
    if (is_digit(c)) return (u32)(c - '0');
    if (c >= 'a' && c <= 'f') return (u32)(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return (u32)(c - 'A' + 10);
    return 16;
}

enum reason parse_mac(slice text, const struct rule *rule, void *cell)
{
    if (text.len != 17) return REASON_MAC;
    u64 value = 0;
    for (u32 i = 0; i < 17; i += 3) {
        u32 high = hex_digit(text.at[i]), low = hex_digit(text.at[i + 1]);
        if ((high | low) > 15 || (i < 15 && text.at[i + 2] != ':')) return REASON_MAC;
        value = value << 8 | high << 4 | low;
    }
    memcpy(cell, &value, sizeof value);
    return REASON_NONE;
}

enum reason parse_string(slice text, const struct rule *rule, void *cell)
{
    if (text.len > STRING_BYTES_MAX) return REASON_STRING_LONG;
    if (!utf8_valid(text)) return REASON_STRING_UTF8;
    memcpy(cell, &text, sizeof text);
    return REASON_NONE;
}

static enum reason sampling_value(slice text, u64 *out)
{
    struct decimal d;
    if (text.len > 0 && text.at[0] == '-')
        return decimal_take(slice_of(text.at + 1, text.len - 1), &d) ? REASON_SAMPLING_NEGATIVE : REASON_SAMPLING;
    if (!decimal_take(text, &d)) return REASON_SAMPLING;
    return decimal_nanos(&d, out) ? REASON_NONE : REASON_SAMPLING_RANGE;
}

/* Adds one n:min:avg:max. */
static enum reason sampling_add(struct sampling *to, slice text)
{
    slice part[4], rest = text;
    for (u32 i = 0; i < 4; i++) {
        if (rest.at == NULL) return REASON_SAMPLING;
        part[i] = slice_cut(rest, ':', &rest);
    }
    if (rest.at != NULL) return REASON_SAMPLING;
    u64         n, value[3];
    enum reason why = number_take(part[0], &n);
    if (why != REASON_NONE) return why == REASON_NUMBER ? REASON_SAMPLING : REASON_SAMPLING_COUNT;
    for (u32 i = 0; i < 3; i++)
        if ((why = sampling_value(part[i + 1], &value[i])) != REASON_NONE) return why;
    if (n == 0) return REASON_NONE;
    if (value[0] > value[2]) return REASON_SAMPLING_ORDER;
    if (__builtin_add_overflow(to->n, n, &to->n)) return REASON_SAMPLING_COUNT;
    /* n fits 64 bits, all of them together; so does each average: the sum fits 128 */
    u128 sum = ((u128)to->sum_hi << 64 | to->sum_lo) + (u128)n * value[1];
    to->sum_lo = (u64)sum;
    to->sum_hi = (u64)(sum >> 64);
    if (value[0] < to->min) to->min = value[0];
    if (value[2] > to->max) to->max = value[2];
    return REASON_NONE;
}

enum reason parse_sampling(slice text, const struct rule *rule, void *cell)
{
    struct sampling all = { .min = UINT64_MAX };
    slice           rest = text;
    while (rest.at != NULL) {
        slice       one = slice_cut(rest, ';', &rest);
        enum reason why = sampling_add(&all, one);
        if (why != REASON_NONE) return why;
    }
    if (all.n == 0) all = (struct sampling){ 0 };
    memcpy(cell, &all, sizeof all);
    return REASON_NONE;
}

enum reason parse_bins(slice text, const struct rule *rule, void *cell)
{
    u64  *count = cell;
    slice rest = text;
    for (u32 i = 0; i < rule->bins; i++) {
        if (rest.at == NULL) return REASON_BINS_FEW;
        slice       one = slice_cut(rest, ',', &rest);
        enum reason why = number_scaled(one, rule->scale, &count[i]);
        if (why != REASON_NONE) return why == REASON_NUMBER ? REASON_BIN : why;
    }
    return rest.at == NULL ? REASON_NONE : REASON_BINS_MANY;
}

parse_fn *parse_of(enum field_type type)
{
    static parse_fn *const parsers[] = {
        [FIELD_U64] = parse_u64,           [FIELD_F64] = parse_f64,       [FIELD_TIME] = parse_time,
        [FIELD_ADDR] = parse_addr,         [FIELD_MAC] = parse_mac,       [FIELD_STRING] = parse_string,
        [FIELD_NET] = NULL,                [FIELD_TAG] = NULL,            [FIELD_SAMPLING] = parse_sampling,
        [FIELD_BINS] = parse_bins,
    };
    return (u32)type < WEIR_COUNT(parsers) ? parsers[type] : NULL;
}
