/* SPDX-License-Identifier: Apache-2.0 */
/* index_none.c: index.h in a build without simdjson: nothing can be opened. */
#include "json/index.h"

struct json_index *json_index_open(size_t bytes)
{
    (void)bytes;
    return NULL;
}

void json_index_close(struct json_index *index)
{
    (void)index;
}

enum json_fault json_index_scan(struct json_index *index, const char *text, size_t len, const uint32_t **token,
                                uint32_t *tokens)
{
    (void)index, (void)text, (void)len;
    *token = NULL;
    *tokens = 0;
    return JSON_FAULT_OTHER;
}
