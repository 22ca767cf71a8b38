/* SPDX-License-Identifier: Apache-2.0 */
/* slice.h: bytes that somebody else owns: a pointer and a length, passed by copy.
 *
 * A slice is never NUL-terminated by promise; slice_dup gives a string where C wants one. */
#pragma once

#include "weir/types.h"

#include <string.h>

typedef struct {
    const char *at;
    size_t      len;
} slice;

/* A slice of a string literal. */
#define S(literal) ((slice){ "" literal, sizeof(literal) - 1 })

static inline slice slice_of(const char *at, size_t len)
{
    return (slice){ at, len };
}

static inline slice slice_str(const char *zero_terminated)
{
    return (slice){ zero_terminated, zero_terminated ? strlen(zero_terminated) : 0 };
}

static inline bool slice_eq(slice a, slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool slice_is(slice a, const char *zero_terminated)
{
    return slice_eq(a, slice_str(zero_terminated));
}

/* Byte order, shorter first where one is the other's beginning: <0, 0, >0. */
int slice_cmp(slice a, slice b);

/* Cuts `s` at the first `by`: what stands before it is given back, `*rest` is what follows (at == NULL: none). */
slice slice_cut(slice s, char by, slice *rest);

/* Without white space (space, tab, CR, LF) at both ends. */
slice slice_trim(slice s);

bool slice_starts(slice s, slice with);
bool slice_ends(slice s, slice with);

/* A malloc'd, NUL-terminated copy: given. Never NULL (out of memory aborts). */
char *slice_dup(slice s);

/* Decimal digits only, whole slice; false on anything else and on overflow. */
bool slice_u64(slice s, u64 *out);
