/* SPDX-License-Identifier: Apache-2.0 */
/* json_walk.c: RFC 8259's grammar over the index of tokens, and the tree of wanted names beside it.
 *
 * Why no step here can leave the line: the last token is a }, so whatever is not a } has a token behind it; what stands
 * behind a } is looked at only after the count of tokens. */
#include "decode/json_walk.h"

#include "decode/json_text.h"

struct walk {
    const struct json_tree *tree;
    const struct json_doc  *d;
    u32                    *place;
    u32                     depth;
    u32                     escape; /* position of the next backslash that is not looked at yet, JSON_NONE */
    enum json_reason        why;
    u32                     fault;
};

#define NO_NODE JSON_NONE /* nothing below is wanted */

static u32 walk_value(struct walk *w, u32 i, u32 node);

/* 0: what all steps give when the line is refused. */
static u32 refuse(struct walk *w, enum json_reason why, u32 at)
{
    w->why = why;
    w->fault = at;
    return 0;
}

/* ---- strings ---- */

static u32 escape_next(const struct json_doc *d, u32 from)
{
    u32         end = d->token[d->tokens - 1];
    const char *at = from < end ? memchr(d->at + from, '\\', end - from) : NULL;
    return at != NULL ? (u32)(at - d->at) : JSON_NONE;
}

/* False: refused. Strings come in the order of the text, and outside of them a backslash is no value. */
static inline bool string_check(struct walk *w, slice raw)
{
    u32 from = (u32)(raw.at - w->d->at), end = from + (u32)raw.len;
    if (w->escape >= end) return true;
    size_t wrong = json_escapes_check(raw);
    if (wrong < raw.len) return refuse(w, JSON_ESCAPE, from + (u32)wrong) != 0;
    w->escape = escape_next(w->d, end);
    return true;
}

/* ---- numbers and words ---- */

static inline bool is_digit(char c)
{
    return (u8)(c - '0') < 10;
}

/* Where the number ends; NULL: it is none. What follows it in the text is no digit, at the latest the line's last }. */
static inline const char *number_end(const char *p)
{
    if (*p == '-') p++;
    if (!is_digit(*p)) return NULL;
    if (*p++ != '0')
        while (is_digit(*p)) p++;
    if (*p == '.') {
        if (!is_digit(*++p)) return NULL;
        while (is_digit(*p)) p++;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '+' || *p == '-') p++;
        if (!is_digit(*p)) return NULL;
        while (is_digit(*p)) p++;
    }
    return p;
}

/* Nothing but white space up to the next token? */
static inline bool ends(const struct json_doc *d, const char *p, u32 i)
{
    const char *next = d->at + d->token[i + 1];
    while (p < next && json_blank(*p)) p++;
    return p == next;
}

static u32 walk_word(struct walk *w, u32 i)
{
    const struct json_doc *d = w->d;
    const char            *at = d->at + d->token[i];
    size_t                 room = d->token[i + 1] - d->token[i];
    slice                  word = *at == 't' ? S("true") : *at == 'f' ? S("false") : S("null");
    if (room < word.len || memcmp(at, word.at, word.len) != 0 || !ends(d, at + word.len, i))
        return refuse(w, JSON_VALUE, d->token[i]);
    return i + 1;
}

/* ---- objects and arrays ---- */

/* A member's name is there for the second time: what was found below its first value does not count. */
static void forget(struct walk *w, u32 node)
{
    w->place[node] = JSON_NONE;
    for (u32 c = w->tree->node[node].child; c != 0; c = w->tree->node[c].next) forget(w, c);
}

static u32 member_find(const struct walk *w, u32 node, slice raw)
{
    char room[JSON_NAME_MAX + 8]; /* json_name_of reads on */
    if (!w->d->escapes || memchr(raw.at, '\\', raw.len) == NULL) return json_tree_find(w->tree, node, raw);
    if (raw.len > 6 * JSON_NAME_MAX || json_unescaped_len(raw) > JSON_NAME_MAX) return 0;
    memset(room, 0, sizeof room);
    return json_tree_find(w->tree, node, slice_of(room, json_unescape(raw, room)));
}

/* The node that the member's value belongs to. */
static inline u32 member_node(struct walk *w, u32 node, slice raw, u32 value)
{
    if (node == NO_NODE) return NO_NODE;
    u32 child = member_find(w, node, raw);
    if (child == 0) return NO_NODE;
    if (w->place[child] != JSON_NONE) forget(w, child);
    w->place[child] = value;
    return w->tree->node[child].child != 0 ? child : NO_NODE;
}

/* From its { on; gives the token behind its }. */
static u32 walk_object(struct walk *w, u32 i, u32 node)
{
    const struct json_doc *d = w->d;
    if (json_first(d, ++i) == '}') return i + 1;
    for (;;) {
        if (json_first(d, i) != '"') return refuse(w, JSON_NAME, d->token[i]);
        if (json_first(d, i + 1) != ':') return refuse(w, JSON_COLON, d->token[i + 1]);
        slice raw = json_string_raw(d, i);
        if (!string_check(w, raw)) return 0;
        i = walk_value(w, i + 2, member_node(w, node, raw, i + 2));
        if (i == 0) return 0;
        if (i == d->tokens) return refuse(w, JSON_CUT, d->token[i - 1]);
        char c = json_first(d, i++);
        if (c == '}') return i;
        if (c != ',') return refuse(w, JSON_COMMA, d->token[i - 1]);
    }
}

/* From its [ on. The names below `node` are looked for in its first element. */
static u32 walk_array(struct walk *w, u32 i, u32 node)
{
    const struct json_doc *d = w->d;
    if (json_first(d, ++i) == ']') return i + 1;
    for (;; node = NO_NODE) {
        i = walk_value(w, i, node);
        if (i == 0) return 0;
        if (i == d->tokens) return refuse(w, JSON_CUT, d->token[i - 1]);
        char c = json_first(d, i++);
        if (c == ']') return i;
        if (c != ',') return refuse(w, JSON_COMMA, d->token[i - 1]);
    }
}

static u32 walk_inside(struct walk *w, u32 i, u32 node)
{
    if (w->depth == JSON_DEPTH_MAX) return refuse(w, JSON_DEEP, w->d->token[i]);
    w->depth++;
    u32 behind = json_first(w->d, i) == '{' ? walk_object(w, i, node) : walk_array(w, i, node);
    w->depth--;
    return behind;
}

static inline u32 walk_value(struct walk *w, u32 i, u32 node)
{
    const struct json_doc *d = w->d;
    const char            *at = d->at + d->token[i], *end;
    switch (*at) {
    case '"': return string_check(w, json_string_raw(d, i)) ? i + 1 : 0;
    case '{':
    case '[': return walk_inside(w, i, node);
    case 't':
    case 'f':
    case 'n': return walk_word(w, i);
    case '-':
    case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        end = number_end(at);
        return end != NULL && ends(d, end, i) ? i + 1 : refuse(w, JSON_NUMBER, d->token[i]);
    default: return refuse(w, JSON_VALUE, d->token[i]);
    }
}

enum json_reason json_walk(const struct json_tree *tree, const struct json_doc *doc, u32 *place, u32 *fault)
{
    struct walk w = { .tree = tree, .d = doc, .place = place, .escape = JSON_NONE, .why = JSON_GOOD };
    memset(place, 0xff, sizeof *place * tree->nodes);
    if (doc->escapes) w.escape = escape_next(doc, doc->token[0]);
    u32 behind = walk_inside(&w, 0, 0);
    if (behind != 0 && behind < doc->tokens) refuse(&w, JSON_TRAILING, doc->token[behind]);
    *fault = w.fault;
    return w.why;
}

u32 json_behind(const struct json_doc *d, u32 token)
{
    u32 open = 0;
    do {
        char c = json_first(d, token++);
        open += c == '{' || c == '[';
        open -= c == '}' || c == ']';
    } while (open > 0);
    return token;
}
