/* SPDX-License-Identifier: Apache-2.0 */
/* tree.h: YAML text as a tree of nodes, each of which knows where it stands.
 *
 * The YAML of a recipe is a small part of YAML: mappings with scalar keys, lists, scalars, the tag `!file`. Anchors,
 * aliases, other tags, several documents and duplicate keys are faults. Limits: TREE_BYTES_MAX, TREE_DEPTH_MAX,
 * TREE_ITEMS_MAX. */
#pragma once

#include "config/findings.h"

#define TREE_BYTES_MAX (1u << 20) /* of a file                     */
#define TREE_DEPTH_MAX 32         /* mappings and lists in another */
#define TREE_ITEMS_MAX 4096       /* of one mapping or list        */

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    bool           quoted; /* a scalar in quotes or a block scalar       */
    bool           file;   /* tagged !file: the text is a path           */
    slice          text;   /* of a scalar; NUL-terminated, without NUL inside */
    u32            count;
    struct node   *item;   /* list: items; mapping: values               */
    struct node   *key;    /* mapping: keys, all NODE_TEXT               */
    struct place   at;     /* a mapping's or list's first character      */
};

/* Reads one document. file: as findings name it; lent for the tree's life. Gives NULL on a fault that leaves no tree
 * (told to `f`), and for a text without a document (not told). Lesser faults are told and their part is left out. */
struct node *tree_read(struct arena *arena, const char *file, slice text, struct findings *f);
