/* SPDX-License-Identifier: Apache-2.0 */
/* json_path.h: which values of a document are wanted: paths as the layout writes them, and the tree of their names.
 *
 *     src_ip                    a member of the document
 *     alert.signature_id        a member of a member; any byte but . [ ] may be part of a name
 *     dns.answers[0].rrname     an element; a value that is no array is an array of itself
 *     dns.answers[*].rrname     all elements: strings joined by commas, numbers added
 *     dns.answers[#]            how many elements
 *     /id.orig_h  /a~1b/0/c     a JSON pointer (RFC 6901), for names with dots; a part of digits alone is an element
 *
 * A name that meets an array goes into its first element; a name that meets another value finds nothing. The names
 * before the first [ ] of all paths make one tree, along which a document is walked once; the rest of a path is its
 * tail, gone along from the value that the tree found. */
#pragma once

#include "weir/arena.h"

#define JSON_STEPS_MAX 32u
#define JSON_NAME_MAX  256u /* bytes of one name */
#define JSON_NONE      UINT32_MAX

enum json_step_kind { JSON_STEP_NAME, JSON_STEP_ITEM, JSON_STEP_ALL, JSON_STEP_COUNT };

struct json_step {
    enum json_step_kind kind;
    slice               name;
    u32                 item;
};

struct json_path {
    u32               steps;
    struct json_step *step;
};

/* Words for what is wrong with the path; NULL: nothing. Names are in the arena. */
const char *json_path_read(slice text, struct arena *a, struct json_path *out);

/* A name below a node: 24 bytes, so that most nodes' tables are a few cache lines.
 *    0  head  u64  its first 8 bytes, zeros behind
 *    8  tail  u64  its last 8 bytes; 0: it has no more than 8
 *   16  len   u32
 *   20  node  u32  what it leads to; 0: the slot is free */
struct json_name {
    u64 head, tail;
    u32 len, node;
};
static_assert(sizeof(struct json_name) == 24, "24 bytes a name");

struct json_node {
    slice             name;
    u32               child, next; /* first below it, next beside it; 0: none */
    u32               mask;        /* slots - 1; 0: no names below            */
    struct json_name *slot;        /* open addressing, at most a quarter full */
};

/* Node 0 is the document. */
struct json_tree {
    u32               nodes, room;
    struct json_node *node;
};

/* room: most nodes, the document's included. */
void json_tree_init(struct json_tree *t, u32 room, struct arena *a);

/* The node of the path's leading names, added where it is new; *tail: its first step behind them. */
u32 json_tree_add(struct json_tree *t, const struct json_path *path, u32 *tail);

/* After the last add. */
void json_tree_done(struct json_tree *t, struct arena *a);

static inline u64 json_bytes8(const char *at)
{
    u64 word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Reads 8 bytes from `at` whatever the length; uses none behind it. */
static inline struct json_name json_name_of(const char *at, u32 len)
{
    u64 first = json_bytes8(at);
    if (len > 8) return (struct json_name){ first, json_bytes8(at + len - 8), len, 0 };
    return (struct json_name){ len == 8 ? first : first & ((1ull << (8 * len)) - 1), 0, len, 0 };
}

static inline u32 json_name_hash(const struct json_name *n)
{
    u64 mixed = (n->head ^ (n->tail << 7 | n->tail >> 57) ^ n->len) * 0x9e3779b97f4a7c15u;
    return (u32)(mixed >> 40);
}

/* The node that a name below `node` leads to; 0: none. Reads 8 bytes from name.at on. */
static inline u32 json_tree_find(const struct json_tree *t, u32 node, slice name)
{
    const struct json_node *n = &t->node[node];
    if (n->mask == 0 || name.len > JSON_NAME_MAX) return 0;
    struct json_name key = json_name_of(name.at, (u32)name.len);
    for (u32 i = json_name_hash(&key) & n->mask;; i = (i + 1) & n->mask) {
        const struct json_name *s = &n->slot[i];
        if (s->node == 0) return 0;
        if (s->head != key.head || s->tail != key.tail || s->len != key.len) continue;
        if (key.len <= 16 || memcmp(t->node[s->node].name.at, name.at, key.len) == 0) return s->node;
    }
}
