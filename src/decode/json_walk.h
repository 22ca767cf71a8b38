/* SPDX-License-Identifier: Apache-2.0 */
/* json_walk.h: one document, checked from end to end, and where in it the wanted values stand.
 *
 * All of a line is checked, wanted or not: whether it is refused does not depend on the recipe. Of members of the same
 * name the last counts, as in most readers of JSON, with all that is in it. */
#pragma once

#include "decode/json_path.h"
#include "decode/json_reason.h"

#define JSON_DEPTH_MAX 1024u /* objects and arrays in each other */

/* The document of a line, as json/index.h sees it. Its first token is {, its last }. */
struct json_doc {
    const char *at;      /* positions count from here         */
    const u32  *token;
    u32         tokens;
    bool        escapes; /* there is a backslash somewhere    */
};

/* Fills place[node] for every node of the tree: the token at which its value begins, JSON_NONE. JSON_GOOD, or why not,
 * and then in `fault` the position. */
enum json_reason json_walk(const struct json_tree *tree, const struct json_doc *doc, u32 *place, u32 *fault);

static inline bool json_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static inline char json_first(const struct json_doc *d, u32 token)
{
    return d->at[d->token[token]];
}

/* Between the quotes, as written. */
static inline slice json_string_raw(const struct json_doc *d, u32 token)
{
    const char *from = d->at + d->token[token] + 1, *quote = d->at + d->token[token + 1] - 1;
    while (*quote != '"') quote--; /* only white space stands behind it */
    return slice_of(from, (size_t)(quote - from));
}

/* The token behind a value of a checked document. */
u32 json_behind(const struct json_doc *d, u32 token);
