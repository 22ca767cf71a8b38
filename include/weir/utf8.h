/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h: UTF-8 as RFC 3629 section 4 has it: shortest forms, no surrogates, nothing over U+10FFFF. */
#pragma once

#include "weir/slice.h"

/* Bytes of the character that s begins with; 0: it is none. s.len > 0. */
size_t utf8_size(slice s);

/* Is all of it UTF-8? */
bool utf8_valid(slice s);
