/* SPDX-License-Identifier: Apache-2.0 */
/* units.c: numbers with units, from and to text.
 *
 * Only whole numbers: 90m, not 1.5h. So every value has an exact form and what is printed reads back as itself. */
#include "config/units.h"

#include <stdio.h>

struct unit {
    const char *name;
    u64         factor;
};

static const struct unit span_units[10], size_units[10];

/* Digits at the front; `rest` is what follows. */
static bool number_cut(slice text, u64 *out, slice *rest, const char **why)
{
    size_t digits = 0;
    u64    n = 0;
    for (; digits < text.len && text.at[digits] >= '0' && text.at[digits] <= '9'; digits++) {
        u64 digit = (u64)(text.at[digits] - '0');
        if (n > (UINT64_MAX - digit) / 10) {
            *why = "is too large";
            return false;
        }
        n = n * 10 + digit;
    }
    *out = n;
    *rest = slice_of(text.at + digits, text.len - digits);
    return digits > 0;
}

static const struct unit *unit_find(const struct unit *units, slice name)
{
    for (const struct unit *u = units; u->name != NULL; u++)
        if (slice_is(name, u->name)) return u;
    return NULL;
}

/* most: the greatest value allowed. */
static bool quantity_parse(slice text, const struct unit *units, u64 most, u64 *out, const char **why)
{
    slice rest;
    u64   n;
    if (!number_cut(text, &n, &rest, why)) return false;
    if (rest.len > 0 && (rest.at[0] == '.' || rest.at[0] == ',')) {
        *why = "is not a whole number";
        return false;
    }
    if (rest.len == 0 && n == 0) {
        *out = 0;
        return true;
    }
    const struct unit *u = unit_find(units, rest);
    if (u == NULL) return false;
    if (n > most / u->factor) {
        *why = "is too large";
        return false;
    }
    *out = n * u->factor;
    return true;
}

bool span_parse(slice text, nanos *out, const char **why)
{
    u64 n = 0;
    *why = "is not a span: a whole number and a unit, as 500ms, 10s, 5m, 1h, 1d (units: ns us ms s m h d w y)";
    if (!quantity_parse(text, span_units, INT64_MAX, &n, why)) return false;
    *out = (nanos)n;
    return true;
}

bool size_parse(slice text, u64 *out, const char **why)
{
    if (count_parse(text, out, why)) return true;
    *why = "is not a size: a whole number of bytes, or with a unit, as 64MiB (units: B KiB MiB GiB TiB KB MB GB TB)";
    return quantity_parse(text, size_units, UINT64_MAX, out, why);
}

bool count_parse(slice text, u64 *out, const char **why)
{
    slice rest;
    *why = "is not a whole number";
    if (!number_cut(text, out, &rest, why)) return false;
    return rest.len == 0;
}

slice span_format(nanos span, char *buf)
{
    u64         n = (u64)span;
    const char *name = "s";
    for (const struct unit *u = span_units; u->name != NULL && span > 0; u++) {
        if ((u64)span % u->factor != 0) continue;
        n = (u64)span / u->factor;
        name = u->name;
        break;
    }
    return slice_of(buf, (size_t)snprintf(buf, UNIT_TEXT, "%llu%s", (unsigned long long)n, name));
}

slice size_format(u64 bytes, char *buf)
{
    u64         n = bytes;
    const char *name = "B";
    for (const struct unit *u = size_units; u->name != NULL && bytes > 0; u++) {
        if (bytes % u->factor != 0 || u->name[1] != 'i') continue;
        n = bytes / u->factor;
        name = u->name;
        break;
    }
    return slice_of(buf, (size_t)snprintf(buf, UNIT_TEXT, "%llu%s", (unsigned long long)n, name));
}

#define DAY (86400ull * 1000000000ull)

/* Largest first, as printing tries them. */
static const struct unit span_units[10] = {
    { "y", 365 * DAY },
    { "w", 7 * DAY },
    { "d", DAY },
    { "h", 3600ull * 1000000000ull },
    { "m", 60ull * 1000000000ull },
    { "s", 1000000000ull },
    { "ms", 1000000ull },
    { "us", 1000ull },
    { "ns", 1ull },
    { NULL, 0 },
};

static const struct unit size_units[10] = {
    { "TiB", 1ull << 40 },
    { "GiB", 1ull << 30 },
    { "MiB", 1ull << 20 },
    { "KiB", 1ull << 10 },
    { "TB", 1000000000000ull },
    { "GB", 1000000000ull },
    { "MB", 1000000ull },
    { "KB", 1000ull },
    { "B", 1 },
    { NULL, 0 },
};
