/* SPDX-License-Identifier: Apache-2.0 */
/* json_text.h: strings of JSON as written and as meant (RFC 8259 section 7).
 *
 * A lone surrogate is no character and refused, as an unknown escape is. */
#pragma once

#include "weir/slice.h"

/* Position of the first escape that is none; raw.len: all are right. */
size_t json_escapes_check(slice raw);

/* Of checked text: the bytes without escapes, never more than raw.len. */
size_t json_unescape(slice raw, char *to);
size_t json_unescaped_len(slice raw);
