/* SPDX-License-Identifier: Apache-2.0 */
/* names.c: lines of the maps into a table by (gid, sid) and a list of classes.
 *
 * Texts are escaped for JSON once, here, so that a record copies them. */
#include "unified2/names.h"

#include "unified2/put.h"
#include "weir/arena.h"
#include "weir/hash.h"

#include <stdlib.h>

#define FIELDS_MAX 8u
#define ROOM_LEAST 1024u

struct message {
    u32            gid, sid;
    struct u2_name name; /* json.at == NULL: a free cell */
};

struct u2_names {
    struct arena    texts;
    struct message *cells; /* open addressing, at most half full */
    u32             room, count;
    struct u2_name *classes; /* of id i + 1 */
    u32             classes_room, classes_count;
};

struct u2_names *u2_names_open(void)
{
    struct u2_names *n = calloc(1, sizeof *n);
    WEIR_ASSERT(n != NULL);
    arena_init(&n->texts, 0);
    return n;
}

void u2_names_close(struct u2_names *n)
{
    if (n == NULL) return;
    arena_fini(&n->texts);
    free(n->cells);
    free(n->classes);
    free(n);
}

/* --- the table ----------------------------------------------------------------------------------------------- */

static struct message *cell_of(struct message *cells, u32 room, u32 gid, u32 sid)
{
    u32 key[] = { gid, sid };
    u64 i = hash_bytes(key, sizeof key);
    for (;; i++) {
        struct message *m = &cells[i & (room - 1)];
        if (m->name.json.at == NULL || (m->gid == gid && m->sid == sid)) return m;
    }
}

static void table_grow(struct u2_names *n)
{
    u32             room = n->room ? n->room * 2 : ROOM_LEAST;
    struct message *cells = calloc(room, sizeof *cells);
    WEIR_ASSERT(cells != NULL);
    for (u32 i = 0; i < n->room; i++)
        if (n->cells[i].name.json.at) *cell_of(cells, room, n->cells[i].gid, n->cells[i].sid) = n->cells[i];
    free(n->cells);
    n->cells = cells;
    n->room = room;
}

static struct u2_name name_make(struct u2_names *n, slice text)
{
    char  *json = arena_alloc(&n->texts, text.len * 6 + 1);
    size_t len = (size_t)(put_json(json, text) - json);
    return (struct u2_name){ arena_copy(&n->texts, text), slice_of(json, len) };
}

static bool message_add(struct u2_names *n, u32 gid, u32 sid, slice text)
{
    if (n->count * 2 >= n->room) table_grow(n);
    struct message *m = cell_of(n->cells, n->room, gid, sid);
    if (m->name.json.at == NULL) {
        if (n->count == U2_NAMES_MAX) return false;
        n->count++;
    }
    *m = (struct message){ gid, sid, name_make(n, text) };
    return true;
}

static const struct u2_name *message_find(const struct u2_names *n, u32 gid, u32 sid)
{
    if (n->room == 0) return NULL;
    const struct message *m = cell_of(n->cells, n->room, gid, sid);
    return m->name.json.at ? &m->name : NULL;
}

const struct u2_name *u2_names_message(const struct u2_names *n, u32 gid, u32 sid)
{
    const struct u2_name *name = message_find(n, gid, sid);
    return name == NULL && gid == 3 ? message_find(n, 1, sid) : name;
}

const struct u2_name *u2_names_class(const struct u2_names *n, u32 id)
{
    return id && id <= n->classes_count ? &n->classes[id - 1] : NULL;
}

u32 u2_names_messages(const struct u2_names *n)
{
    return n->count;
}

u32 u2_names_classes(const struct u2_names *n)
{
    return n->classes_count;
}

/* --- lines --------------------------------------------------------------------------------------------------- */

struct reading {
    struct u2_names       *names;
    struct u2_name_faults *faults;
    u32                    line;
};

static void fault(struct reading *r, const char *what, const char *expected)
{
    u32 i = r->faults->count++;
    if (i < U2_NAME_FAULTS) r->faults->at[i] = (struct u2_name_fault){ r->line, what, expected };
}

/* The line's fields, of which the first FIELDS_MAX are kept. */
static u32 split(slice line, slice *field)
{
    u32 n = 0;
    for (;;) {
        const char *bars = line.len ? memmem(line.at, line.len, "||", 2) : NULL;
        size_t      len = bars ? (size_t)(bars - line.at) : line.len;
        if (n < FIELDS_MAX) field[n++] = slice_trim(slice_of(line.at, len));
        if (bars == NULL) return n;
        line = slice_of(bars + 2, line.len - len - 2);
    }
}

static bool number(slice s, u32 *out)
{
    u64 n;
    if (!slice_u64(s, &n) || n > UINT32_MAX) return false;
    *out = (u32)n;
    return true;
}

static void add(struct reading *r, u32 gid, u32 sid, slice text)
{
    if (text.len > U2_NAME_MAX) fault(r, "a message of more than 4096 bytes", "a shorter one");
    else if (!message_add(r->names, gid, sid, text)) fault(r, "more than 4194304 signatures", "fewer");
}

/* The longer form is tried first: its first three fields and the fifth are numbers. */
static void line_sid(struct reading *r, slice line)
{
    slice f[FIELDS_MAX];
    u32   n = split(line, f), gid, sid, rest;
    if (n >= 6 && number(f[0], &gid) && number(f[1], &sid) && number(f[2], &rest) && number(f[4], &rest))
        add(r, gid, sid, f[5]);
    else if (n >= 2 && number(f[0], &sid)) add(r, 1, sid, f[1]);
    else fault(r, "no signature", "`sid || message` or `gid || sid || rev || class || priority || message`");
}

static void line_gen(struct reading *r, slice line)
{
    slice f[FIELDS_MAX];
    u32   n = split(line, f), gid, sid;
    if (n >= 3 && number(f[0], &gid) && number(f[1], &sid)) add(r, gid, sid, f[2]);
    else fault(r, "no signature", "`gid || sid || message`");
}

static void class_add(struct reading *r, slice text)
{
    struct u2_names *n = r->names;
    if (text.len > U2_NAME_MAX || n->classes_count == U2_CLASSES_MAX) {
        fault(r, "a description over 4096 bytes, or more than 65536 of them", "fewer");
        text = slice_of(text.at, 0);
    }
    if (n->classes_count == U2_CLASSES_MAX) return;
    if (n->classes_count == n->classes_room) {
        n->classes_room = n->classes_room ? n->classes_room * 2 : 64;
        n->classes = realloc(n->classes, n->classes_room * sizeof *n->classes);
        WEIR_ASSERT(n->classes != NULL);
    }
    n->classes[n->classes_count++] = name_make(n, text);
}

static void line_class(struct reading *r, slice line)
{
    static const char expected[] = "`config classification: name,description,priority`";
    slice             rest, head = slice_trim(slice_cut(line, ':', &rest)), word = S("config");
    if (rest.at == NULL || !slice_starts(head, word)) {
        fault(r, "no classification", expected);
        return;
    }
    if (!slice_is(slice_trim(slice_of(head.at + word.len, head.len - word.len)), "classification")) {
        fault(r, "no classification", expected);
        return;
    }
    slice description, priority = { 0 };
    u32   n;
    slice_cut(rest, ',', &description);
    if (description.at) description = slice_cut(description, ',', &priority);
    if (description.at == NULL || priority.at == NULL || !number(slice_trim(priority), &n))
        fault(r, "a part is missing", expected);
    else class_add(r, slice_trim(description));
}

void u2_names_read(struct u2_names *n, enum u2_map which, slice text, struct u2_name_faults *faults)
{
    static void (*const lines[])(struct reading *, slice) = {
        [U2_MAP_CLASSIFICATION] = line_class, [U2_MAP_SID] = line_sid, [U2_MAP_GEN] = line_gen
    };
    struct reading r = { n, faults, 0 };
    faults->count = 0;
    if (which == U2_MAP_CLASSIFICATION) n->classes_count = 0;
    while (text.at && text.len) {
        slice line = slice_trim(slice_cut(text, '\n', &text));
        r.line++;
        if (line.len && line.at[0] != '#') lines[which](&r, line);
    }
}
