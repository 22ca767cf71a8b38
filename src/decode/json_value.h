/* SPDX-License-Identifier: Apache-2.0 */
/* json_value.h: a value of a checked document to a cell.
 *
 *     u64     a number that is whole and not below 0, however written (7, 7.0, 7e0, -0), to the last of 64 bits; the
 *             same in a string, leading zeros allowed there; true 1, false 0
 *     f64     a number, or one in a string: the nearest double
 *     time    json_time.h
 *     ip, mac a string as addr.h and parse.h have it
 *     string  a string without its escapes; a number or a word as it is written; an object as its text without white
 *             space. Whole: a line's limit is its limit
 *
 * An array is its first element, one without elements is null. null, and a string that is the layout's null text, are
 * null. An object is a value for strings alone. */
#pragma once

#include "decode/json_walk.h"
#include "decode/parse.h"
#include "weir/addr.h"

/* What one column wants of a value. */
struct json_wish {
    enum field_type         type;
    u32                     steps; /* of the path's tail: json_path.h */
    const struct json_step *step;
    slice                   null;
    struct rule             rule;
};

/* Fills the cell, or gives why not: JSON_NULL, a reason. `room` holds text that does not stand in the document so. */
enum json_reason json_fill(const struct json_wish *wish, const struct json_doc *d, u32 token, struct arena *room,
                           void *cell);

/* Words for why a wish cannot be had: a tail that does not go with the type; NULL: it can. */
const char *json_wish_check(const struct json_wish *wish);
