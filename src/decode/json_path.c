/* SPDX-License-Identifier: Apache-2.0 */
/* json_path.c: reads paths and builds the tree of their names. */
#include "decode/json_path.h"

static const char *step_add(struct json_path *p, struct json_step step)
{
    if (p->steps == JSON_STEPS_MAX) return "path of more than 32 steps";
    if (step.kind == JSON_STEP_NAME && step.name.len > JSON_NAME_MAX) return "path with a name over 256 bytes";
    for (u32 i = 0; i < p->steps; i++) {
        if (p->step[i].kind == JSON_STEP_COUNT) return "path that goes on behind [#]";
        if (step.kind == JSON_STEP_ALL && p->step[i].kind == JSON_STEP_ALL) return "path with more than one [*]";
        if (step.kind == JSON_STEP_COUNT && p->step[i].kind == JSON_STEP_ALL) return "path with [#] behind [*]";
    }
    p->step[p->steps++] = step;
    return NULL;
}

/* Decimal without leading zeros, below 2^32 - 1. */
static bool item_read(slice text, u32 *out)
{
    u64 value;
    if (text.len == 0 || (text.len > 1 && text.at[0] == '0') || !slice_u64(text, &value) || value >= UINT32_MAX)
        return false;
    *out = (u32)value;
    return true;
}

/* One [..] from the front of `rest`. */
static const char *bracket_read(slice *rest, struct json_path *out)
{
    struct json_step step = { .kind = JSON_STEP_ITEM };
    slice            behind, inside = slice_cut(slice_of(rest->at + 1, rest->len - 1), ']', &behind);
    if (behind.at == NULL) return "path with [ and no ]";
    if (slice_is(inside, "*")) step.kind = JSON_STEP_ALL;
    else if (slice_is(inside, "#")) step.kind = JSON_STEP_COUNT;
    else if (!item_read(inside, &step.item)) return "path with other than a number, * or # in [ ]";
    *rest = behind;
    return step_add(out, step);
}

/* name[..][..].name */
static const char *dotted_read(slice rest, struct arena *a, struct json_path *out)
{
    const char *wrong = NULL;
    for (;;) {
        size_t len = 0;
        while (len < rest.len && rest.at[len] != '.' && rest.at[len] != '[' && rest.at[len] != ']') len++;
        if (len == 0) return "path with an empty name";
        slice name = arena_copy(a, slice_of(rest.at, len));
        wrong = step_add(out, (struct json_step){ .kind = JSON_STEP_NAME, .name = name });
        rest = slice_of(rest.at + len, rest.len - len);
        while (wrong == NULL && rest.len > 0 && rest.at[0] == '[') wrong = bracket_read(&rest, out);
        if (wrong != NULL || rest.len == 0) return wrong;
        if (rest.at[0] != '.') return "path without a . between names";
        rest = slice_of(rest.at + 1, rest.len - 1);
    }
}

/* RFC 6901 section 4: ~1 is /, ~0 is ~. False: another ~. */
static bool pointer_part(slice part, struct arena *a, slice *name)
{
    char  *to = arena_alloc(a, part.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < part.len; i++) {
        char c = part.at[i];
        if (c == '~') {
            if (++i == part.len || (part.at[i] != '0' && part.at[i] != '1')) return false;
            c = part.at[i] == '0' ? '~' : '/';
        }
        to[len++] = c;
    }
    *name = slice_of(to, len);
    return true;
}

static const char *pointer_read(slice text, struct arena *a, struct json_path *out)
{
    const char *wrong = NULL;
    slice       rest = slice_of(text.at + 1, text.len - 1);
    while (wrong == NULL && rest.at != NULL) {
        struct json_step step = { .kind = JSON_STEP_ITEM };
        slice            part = slice_cut(rest, '/', &rest);
        if (!item_read(part, &step.item)) {
            step.kind = JSON_STEP_NAME;
            if (!pointer_part(part, a, &step.name)) return "path with ~ before other than 0 or 1";
        }
        wrong = step_add(out, step);
    }
    if (wrong == NULL && out->step[0].kind != JSON_STEP_NAME) return "path that begins with an element";
    return wrong;
}

const char *json_path_read(slice text, struct arena *a, struct json_path *out)
{
    *out = (struct json_path){ 0, arena_array(a, struct json_step, JSON_STEPS_MAX) };
    if (text.len == 0) return "empty path";
    return text.at[0] == '/' ? pointer_read(text, a, out) : dotted_read(text, a, out);
}

/* ---- the tree ---- */

void json_tree_init(struct json_tree *t, u32 room, struct arena *a)
{
    *t = (struct json_tree){ .nodes = 1, .room = room, .node = arena_array(a, struct json_node, room) };
}

static u32 child_get(struct json_tree *t, u32 node, slice name)
{
    u32 *at = &t->node[node].child;
    while (*at != 0 && !slice_eq(t->node[*at].name, name)) at = &t->node[*at].next;
    if (*at != 0) return *at;
    WEIR_ASSERT(t->nodes < t->room);
    *at = t->nodes;
    t->node[t->nodes].name = name;
    return t->nodes++;
}

u32 json_tree_add(struct json_tree *t, const struct json_path *path, u32 *tail)
{
    u32 node = 0;
    for (*tail = 0; *tail < path->steps && path->step[*tail].kind == JSON_STEP_NAME; ++*tail)
        node = child_get(t, node, path->step[*tail].name);
    return node;
}

/* The name's words, of a copy with 8 bytes of room behind it. */
static struct json_name name_words(slice name, u32 node)
{
    char room[JSON_NAME_MAX + 8] = { 0 };
    if (name.len > 0) memcpy(room, name.at, name.len);
    struct json_name words = json_name_of(room, (u32)name.len);
    words.node = node;
    return words;
}

static void node_done(struct json_tree *t, struct json_node *n, struct arena *a)
{
    u32 count = 0, slots = 8;
    for (u32 c = n->child; c != 0; c = t->node[c].next) count++;
    if (count == 0) return;
    while (slots < 4 * count) slots *= 2;
    n->mask = slots - 1;
    n->slot = arena_array(a, struct json_name, slots);
    for (u32 c = n->child; c != 0; c = t->node[c].next) {
        struct json_name words = name_words(t->node[c].name, c);
        u32              i = json_name_hash(&words) & n->mask;
        while (n->slot[i].node != 0) i = (i + 1) & n->mask;
        n->slot[i] = words;
    }
}

void json_tree_done(struct json_tree *t, struct arena *a)
{
    for (u32 i = 0; i < t->nodes; i++) node_done(t, &t->node[i], a);
}
