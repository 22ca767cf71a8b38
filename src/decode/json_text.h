/* SPDX-License-Identifier: Apache-2.0 */
/* json_text.h: strings of JSON as written and as meant (RFC 8259 section 7).
 *
 * A lone surrogate (\ud800 without its other half) is no character, but Java and Python write it for a byte that they
 * could not read. Section 8.2 leaves it to the reader: it is let pass, and U+FFFD stands for it where the text is
 * wanted. So it does for \u0000, a NUL in a URL: not all stores of text can hold one. */
#pragma once

#include "weir/slice.h"

/* Position of the first escape that is none; raw.len: all are right. */
size_t json_escapes_check(slice raw);

/* Of checked text: the bytes without escapes, never more than raw.len. */
size_t json_unescape(slice raw, char *to);
size_t json_unescaped_len(slice raw);
