/* SPDX-License-Identifier: Apache-2.0 */
/* parse.h: the exact meaning of one field's text, one value at a time.
 *
 * These functions decide; the column loops (columns.h) only take short cuts that give the same values and come here
 * with everything odd. They read the text alone, not a byte around it, and never see the null text. */
#pragma once

#include "decode/reason.h"
#include "weir/field.h"

#include <locale.h>

#define DECIMAL_MAX 1024 /* bytes of an f64's text; longer is REASON_DECIMAL_LONG */

/* What the layout says about a field, beyond its type. */
struct rule {
    u64      scale;
    u32      bins;
    locale_t c;  /* the C locale: a decimal point is a point */
};

/* Fills `cell` (field.h says its C type) or gives the reason not to; `cell` is unspecified then. */
typedef enum reason parse_fn(slice text, const struct rule *rule, void *cell);

parse_fn parse_u64;      /* decimal digits, at most UINT64_MAX after scaling                                   */
parse_fn parse_f64;      /* [-]digits[.digits][e[+-]digits], nearest double                                    */
parse_fn parse_time;     /* digits[.1 to 9 digits], seconds; at most NANOS_MAX                                 */
parse_fn parse_addr;     /* as weir/addr.h                                                                     */
parse_fn parse_mac;      /* six pairs of hexadecimal digits with colons                                        */
parse_fn parse_string;   /* UTF-8, at most STRING_BYTES_MAX; may be empty                                      */
parse_fn parse_sampling; /* n:min:avg:max;...: seconds, nearest ns, halves to even; of n == 0 only the form counts */
parse_fn parse_bins;     /* rule->bins counts joined by commas                                                 */

/* The parser of a type; NULL: no input has this type. */
parse_fn *parse_of(enum field_type type);
