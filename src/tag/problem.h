/* SPDX-License-Identifier: Apache-2.0 */
/* problem.h: collecting the faults of a text, and bringing foreign bytes into messages. */
#pragma once

#include "tag/tag.h"

#define ECHO_ROOM 56 /* bytes of a foreign text in a message, with its NUL */

/* Counts a fault. The TAG_PROBLEMS_MAX foremost are kept, in order of line and column, whatever order they come in. */
__attribute__((format(printf, 4, 5)))
void problem_add(struct tag_problems *p, u32 line, u32 column, const char *format, ...);

/* `text` as a message can show it: other than printable UTF-8 as \xNN, cut with "..." if too long. Gives buf, which has
 * ECHO_ROOM bytes. */
const char *problem_echo(slice text, char *buf);

/* The first byte that is not part of valid UTF-8 (RFC 3629) or is NUL; text.len: none. */
size_t utf8_fault(slice text);

/* All bytes are ASCII and none is NUL: nothing in it needs utf8_fault. */
bool utf8_plain(slice text);
