/* SPDX-License-Identifier: Apache-2.0 */
/* index.h: where the tokens of JSON text begin: the first stage of simdjson, behind C.
 *
 * One pass of vector code finds every { } [ ] : , outside strings, every opening quote, and the first byte of every
 * number and word; it proves that the text is UTF-8, that its strings are closed and that they hold no control
 * characters. Grammar, escapes, numbers and words are the reader's to check. The instructions are chosen at run time.
 *
 * Several lines may be indexed at once: a LF cannot be inside a string, so a sound text is sound line by line. (Where
 * no vector code fits the machine, the library's plain code lets a LF pass behind a backslash: the caller's care.) */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum json_fault {
    JSON_SOUND,
    JSON_FAULT_UTF8,
    JSON_FAULT_STRING_OPEN, /* a quote without its partner                  */
    JSON_FAULT_CONTROL,     /* a byte below 0x20 in a string                */
    JSON_FAULT_BLANK,       /* nothing but white space                      */
    JSON_FAULT_OTHER,       /* of the library: longer than it was opened for */
};

struct json_index;

/* For texts of up to `bytes`, below 4 GB. NULL: the library is missing in this build, or there is no memory. Given. */
struct json_index *json_index_open(size_t bytes);
void json_index_close(struct json_index *index);

/* Positions of the tokens in `text`, ascending; lent until the next scan. Reads no byte beyond the text. */
enum json_fault json_index_scan(struct json_index *index, const char *text, size_t len, const uint32_t **token,
                                uint32_t *tokens);

#ifdef __cplusplus
}
#endif
