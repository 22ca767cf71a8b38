/* SPDX-License-Identifier: Apache-2.0 */
/* file_format.h: result rows as lines: CSV (RFC 4180, LF) or JSON objects. Of this folder alone.
 *
 * Integers are written exactly, doubles shortest such that they read back the same. Null is an empty field in CSV, null
 * in JSON, and so is a double that is no number or infinite in JSON. Texts are UTF-8 already: decoders reject what is
 * not. */
#pragma once

#include "weir/rows.h"

/* A growing byte string. Out of memory aborts; the caller writes it out before it is large. */
struct lines {
    char  *at;
    size_t len, room;
};

void lines_fini(struct lines *to);
void lines_add(struct lines *to, slice s);

struct line_format {
    bool json;
    bool table;           /* the table's name leads: several tables in one stream                          */
    bool escape_formulas; /* CSV: ' before a text that a spreadsheet would take for a formula (= + - @ ...) */
};

void lines_header(struct lines *to, const struct line_format *f, const struct table *t); /* CSV only */
void lines_row(struct lines *to, const struct line_format *f, const struct table *t, const struct row *row);
