/* SPDX-License-Identifier: Apache-2.0 */
/* tree.c: libyaml's events, put together into a tree.
 *
 * libyaml counts lines and columns in characters from 0; places count from 1. Anchors and aliases are refused, so the
 * tree cannot be larger than the text. Nothing here knows what a recipe is. */
#include "config/tree.h"

#include <yaml.h>

struct loader {
    yaml_parser_t    parser;
    struct arena    *arena;
    struct findings *f;
    const char      *file;
    slice            text;
};

static struct place place_of(const struct loader *l, yaml_mark_t from, yaml_mark_t to)
{
    u32 width = from.line == to.line && to.column > from.column ? (u32)(to.column - from.column) : 1;
    return (struct place){ l->file, (u32)from.line + 1, (u32)from.column + 1, width };
}

static struct place event_place(const struct loader *l, const yaml_event_t *e)
{
    struct place at = place_of(l, e->start_mark, e->end_mark);
    if (e->type != YAML_SCALAR_EVENT && e->type != YAML_ALIAS_EVENT) at.width = 1;
    return at;
}

/* The reader (bad UTF-8, control characters) knows only a byte offset. */
static struct place offset_place(const struct loader *l, size_t offset)
{
    struct place at = { l->file, 1, 1, 1 };
    for (size_t i = 0; i < offset && i < l->text.len; i++) {
        u8 c = (u8)l->text.at[i];
        if (c == '\n') {
            at.line++;
            at.column = 1;
        } else if ((c & 0xc0) != 0x80) {
            at.column++;
        }
    }
    return at;
}

static void syntax_error(struct loader *l)
{
    const yaml_parser_t *p = &l->parser;
    const char          *what = p->problem != NULL ? p->problem : "out of memory";
    if (p->error == YAML_READER_ERROR) {
        findings_error(l->f, offset_place(l, p->problem_offset), NULL, "not YAML: %s", what);
        return;
    }
    const char *hint = NULL;
    if (p->context != NULL)
        hint = findings_hint(l->f, "%s that begins in line %zu", p->context, p->context_mark.line + 1);
    findings_error(l->f, place_of(l, p->problem_mark, p->problem_mark), hint, "not YAML: %s", what);
}

/* False: a syntax error, told. */
static bool next_event(struct loader *l, yaml_event_t *e)
{
    if (yaml_parser_parse(&l->parser, e)) return true;
    syntax_error(l);
    return false;
}

static void check_tag(struct loader *l, struct node *n, const char *tag, const char *anchor)
{
    if (anchor != NULL)
        findings_error(l->f, n->at, "write the value out", "anchors (`&%s`) are not supported", anchor);
    if (tag == NULL || strcmp(tag, "!") == 0) return; /* "!" alone: not to be guessed at, which we never do */
    if (n->kind == NODE_TEXT && strcmp(tag, "!file") == 0)
        n->file = true;
    else
        findings_error(l->f, n->at, "the only tag is `!file`, before a path", "tag `%s` is not known", tag);
}

static bool read_scalar(struct loader *l, const yaml_event_t *e, struct node *out)
{
    slice text = { (const char *)e->data.scalar.value, e->data.scalar.length };
    out->kind = NODE_TEXT;
    out->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (text.len > 0 && memchr(text.at, 0, text.len) != NULL) {
        findings_error(l->f, out->at, NULL, "a text must not have a NUL character in it");
        text.len = 0;
    }
    out->text = slice_of(arena_str(l->arena, text), text.len);
    check_tag(l, out, (const char *)e->data.scalar.tag, (const char *)e->data.scalar.anchor);
    return true;
}

/* Room for one more, by doubling. */
static struct node *grow(struct arena *a, struct node *old, u32 count)
{
    if (count != 0 && (count < 4 || (count & (count - 1)) != 0)) return old;
    struct node *more = arena_array(a, struct node, count == 0 ? 4 : count * 2);
    if (count > 0) memcpy(more, old, sizeof(*more) * count);
    return more;
}

static bool read_node(struct loader *l, yaml_event_t *e, u32 depth, struct node *out);

static bool too_many(struct loader *l, const struct node *n)
{
    if (n->count < TREE_ITEMS_MAX) return false;
    findings_error(l->f, n->at, NULL, "more than %u entries in one %s", TREE_ITEMS_MAX,
                   n->kind == NODE_MAP ? "mapping" : "list");
    return true;
}

static bool read_list(struct loader *l, u32 depth, struct node *out)
{
    for (;;) {
        yaml_event_t e;
        if (!next_event(l, &e)) return false;
        bool end = e.type == YAML_SEQUENCE_END_EVENT;
        bool good = end || !too_many(l, out);
        if (good && !end) {
            out->item = grow(l->arena, out->item, out->count);
            good = read_node(l, &e, depth, &out->item[out->count]);
            out->count++;
        }
        yaml_event_delete(&e);
        if (end || !good) return good;
    }
}

/* Looks for an earlier key of the same text; tells it. */
static bool duplicate(struct loader *l, const struct node *map, const struct node *key)
{
    for (u32 i = 0; i < map->count; i++) {
        if (!slice_eq(map->key[i].text, key->text)) continue;
        findings_error(l->f, key->at, findings_hint(l->f, "it stands first in line %u", map->key[i].at.line),
                       "duplicate key `%s`", key->text.at);
        return true;
    }
    return false;
}

static bool read_entry(struct loader *l, yaml_event_t *e, u32 depth, struct node *map)
{
    struct node key = { 0 }, value = { 0 };
    if (!read_node(l, e, depth, &key)) return false;
    yaml_event_t v;
    if (!next_event(l, &v)) return false;
    bool good = read_node(l, &v, depth, &value);
    yaml_event_delete(&v);
    if (!good) return false;
    if (key.kind != NODE_TEXT) {
        findings_error(l->f, key.at, NULL, "a key must be a text, not a %s", key.kind == NODE_MAP ? "mapping" : "list");
        return true;
    }
    if (duplicate(l, map, &key)) return true;
    map->key = grow(l->arena, map->key, map->count);
    map->item = grow(l->arena, map->item, map->count);
    map->key[map->count] = key;
    map->item[map->count++] = value;
    return true;
}

static bool read_map(struct loader *l, u32 depth, struct node *out)
{
    for (;;) {
        yaml_event_t e;
        if (!next_event(l, &e)) return false;
        bool end = e.type == YAML_MAPPING_END_EVENT;
        bool good = end || (!too_many(l, out) && read_entry(l, &e, depth, out));
        yaml_event_delete(&e);
        if (end || !good) return good;
    }
}

static bool read_node(struct loader *l, yaml_event_t *e, u32 depth, struct node *out)
{
    out->at = event_place(l, e);
    if (depth == TREE_DEPTH_MAX) {
        findings_error(l->f, out->at, NULL, "more than %u levels of nesting", TREE_DEPTH_MAX);
        return false;
    }
    switch (e->type) {
    case YAML_SCALAR_EVENT: return read_scalar(l, e, out);
    case YAML_SEQUENCE_START_EVENT:
        out->kind = NODE_LIST;
        check_tag(l, out, (const char *)e->data.sequence_start.tag, (const char *)e->data.sequence_start.anchor);
        return read_list(l, depth + 1, out);
    case YAML_MAPPING_START_EVENT:
        out->kind = NODE_MAP;
        check_tag(l, out, (const char *)e->data.mapping_start.tag, (const char *)e->data.mapping_start.anchor);
        return read_map(l, depth + 1, out);
    case YAML_ALIAS_EVENT:
        findings_error(l->f, out->at, "write the value out", "aliases (`*%s`) are not supported",
                       (const char *)e->data.alias.anchor);
        out->text = slice_str(arena_printf(l->arena, "*%s", (const char *)e->data.alias.anchor));
        return true;
    default: WEIR_ASSERT(false); return false; /* libyaml gives nodes here */
    }
}

/* The document that begins at `e`, and that no other follows. */
static struct node *read_document(struct loader *l)
{
    yaml_event_t e;
    if (!next_event(l, &e)) return NULL;
    struct node *root = arena_new(l->arena, struct node);
    bool         good = read_node(l, &e, 0, root);
    yaml_event_delete(&e);
    if (!good || !next_event(l, &e)) return NULL;
    yaml_event_delete(&e); /* the document's end */
    if (!next_event(l, &e)) return NULL;
    bool more = e.type == YAML_DOCUMENT_START_EVENT;
    if (more) findings_error(l->f, event_place(l, &e), NULL, "a second document begins here; a file has one");
    yaml_event_delete(&e);
    return more ? NULL : root;
}

static struct node *read_stream(struct loader *l)
{
    struct node *root = NULL;
    yaml_event_t e;
    if (!next_event(l, &e)) return NULL;
    yaml_event_delete(&e); /* the stream's start */
    if (!next_event(l, &e)) return NULL;
    if (e.type == YAML_DOCUMENT_START_EVENT) root = read_document(l);
    yaml_event_delete(&e);
    return root;
}

struct node *tree_read(struct arena *arena, const char *file, slice text, struct findings *f)
{
    struct loader l = { .arena = arena, .f = f, .file = file };
    struct place  whole = { file, 0, 0, 0 };
    if (text.len > TREE_BYTES_MAX) {
        findings_error(f, whole, NULL, "larger than %u KiB", TREE_BYTES_MAX / 1024);
        return NULL;
    }
    if (slice_starts(text, S("\xef\xbb\xbf"))) text = slice_of(text.at + 3, text.len - 3);
    l.text = text;
    WEIR_ASSERT(yaml_parser_initialize(&l.parser));
    yaml_parser_set_encoding(&l.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&l.parser, (const unsigned char *)(text.at ? text.at : ""), text.len);
    struct node *root = read_stream(&l);
    yaml_parser_delete(&l.parser);
    return root;
}
