/* SPDX-License-Identifier: Apache-2.0 */
/* tshark.h: a table of packets as `tshark -T fields -E header=y` prints it, and one packet's place in it.
 *
 * Cells hold a value for each header of that kind, outermost first, with commas between. What an ICMP message quotes is
 * in the cells, too, but not in tshark_headers. */
#pragma once

#include "../unit.h"
#include "weir/slice.h"

#include <stdio.h>
#include <stdlib.h>

/* A whole file: given, NUL-terminated. at == NULL: there is none. */
static inline slice tshark_load(const char *folder, const char *name)
{
    char path[8192];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL) return (slice){ NULL, 0 };
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    size_t size = (size_t)ftell(f);
    char  *at = malloc(size + 1);
    rewind(f);
    assert_non_null(at);
    assert_int_equal(fread(at, 1, size, f), size);
    at[size] = 0;
    fclose(f);
    return slice_of(at, size);
}

/* The value of "key": "..." in meta.json; *buf has 256 bytes. */
static inline const char *tshark_meta(slice meta, const char *key, char *buf)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, "\"%s\": \"", key);
    const char *at = strstr(meta.at, pattern);
    assert_non_null(at);
    assert_int_equal(sscanf(at + strlen(pattern), "%255[^\"]", buf), 1);
    return buf;
}

struct tshark {
    slice head; /* names of the columns       */
    slice line; /* the packet                 */
};

/* Empty where the column has nothing to say. */
static inline slice tshark_cell(const struct tshark *t, const char *column)
{
    slice head = t->head, line = t->line;
    while (line.at != NULL) {
        slice name = slice_cut(head, '\t', &head), cell = slice_cut(line, '\t', &line);
        if (slice_is(name, column)) return cell;
    }
    return (slice){ "", 0 };
}

static inline u32 tshark_count(const struct tshark *t, const char *column)
{
    slice cell = tshark_cell(t, column);
    u32   n = cell.len > 0;
    for (size_t i = 0; i < cell.len; i++) n += cell.at[i] == ',';
    return n;
}

/* The nth value, UINT32_MAX: the last. */
static inline slice tshark_value(const struct tshark *t, const char *column, u32 nth)
{
    slice cell = tshark_cell(t, column), one = { "", 0 };
    for (u32 i = 0; cell.at != NULL; i++) {
        one = slice_cut(cell, ',', &cell);
        if (i == nth) break;
    }
    return one;
}

/* Decimal or 0x. */
static inline u64 tshark_number(const struct tshark *t, const char *column, u32 nth)
{
    slice s = tshark_value(t, column, nth);
    char  copy[32] = "";
    if (s.len < sizeof copy) memcpy(copy, s.at, s.len);
    return strtoull(copy, NULL, 0);
}

/* One IP header of the packet: the nth of its version. */
struct tshark_ip {
    u32  version, nth;
    char above[16]; /* what stands on it */
};

/* All IP headers but those that ICMP quotes; at most `max`. */
static inline u32 tshark_headers(const struct tshark *t, struct tshark_ip *out, u32 max)
{
    u32   n = 0, seen[7] = { 0 };
    slice rest = tshark_cell(t, "frame.protocols");
    while (rest.at != NULL && n < max) {
        slice word = slice_cut(rest, ':', &rest);
        u32   version = slice_is(word, "ip") ? 4 : slice_is(word, "ipv6") ? 6 : 0;
        if (slice_is(word, "icmp") || slice_is(word, "icmpv6")) break;
        if (version == 0) continue;
        out[n] = (struct tshark_ip){ .version = version, .nth = seen[version]++ };
        slice next = rest.at == NULL ? (slice){ "", 0 } : slice_cut(rest, ':', &(slice){ 0 });
        snprintf(out[n++].above, sizeof out->above, "%.*s", (int)next.len, next.at);
    }
    return n;
}
