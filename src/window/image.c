/* SPDX-License-Identifier: Apache-2.0 */
/* image.c: a window's state as heads and pages, and back.
 *
 * A cut tells what changed since the last one that was written. Should the write fail, all of that counts as changed
 * again, and drops are repeated until they were written once. The pages of a cut are lent until the thaw.
 * A restore believes nothing: sizes, counts, states against the watermark, and every page that the heads promise must
 * be there with its exact length. After an error the window is good for window_close only.
 *
 * Heads are little-endian whatever the machine; rows are as in memory, so an image belongs to one byte order.
 *
 *   head of the window (object 0)          head of a pane
 *    0  u32  version                        0  u32  version
 *    4  u32  reason of the last advance     4  u8   state, u8 reason, u8 amended, u8 0
 *    8  i64  length, ns                     8  i64  start, ns
 *   16  i64  watermark, ns                 16  u32  rows
 *   24  u64  next object                   20  u32  word entries
 *   32  u64  records in `other`, ever      24  u32  word bytes
 *                                          28  u32  row of `other` + 1, 0: none
 *                                          32  u64  keys that found no row
 *                                          40  u32  revision
 *                                          44  u32  bytes of a row
 *                                          48  the part's name, up to the head's end
 *
 * A pane of the part without a name has a head of version 1, which ends at byte 48; others have version 2. So a part
 * can be taken out of an image by its name, and put into another, object by object. */
#include "window/state.h"

#include <stdlib.h>

#define VERSION       1u
#define VERSION_PART  2u /* of a pane's head with a name */
#define WINDOW_OBJECT 0u
#define WINDOW_HEAD   40u
#define PANE_HEAD     48u /* without the name */

/* --- little-endian --- */

static void put32(u8 *at, u32 v)
{
    for (u32 i = 0; i < 4; i++) at[i] = (u8)(v >> 8 * i);
}

static void put64(u8 *at, u64 v)
{
    put32(at, (u32)v);
    put32(at + 4, (u32)(v >> 32));
}

static u32 get32(const u8 *at)
{
    return (u32)at[0] | (u32)at[1] << 8 | (u32)at[2] << 16 | (u32)at[3] << 24;
}

static u64 get64(const u8 *at)
{
    return get32(at) | (u64)get32(at + 4) << 32;
}

/* --- cut --- */

/* The paged array behind a part of a pane. */
static struct pages *part_pages(struct pane *p, enum image_part part)
{
    switch (part) {
    case PART_ROWS: return &p->groups.rows;
    case PART_WORD_ENTRIES: return &p->groups.words.entries;
    default: return &p->groups.words.bytes;
    }
}

static void window_head(const struct window *w, struct image_writer *to)
{
    u8 head[WINDOW_HEAD];
    put32(head, VERSION);
    put32(head + 4, (u32)w->why);
    put64(head + 8, (u64)w->spec.length);
    put64(head + 16, (u64)w->watermark);
    put64(head + 24, w->next_object);
    put64(head + 32, w->full);
    to->head(to, w->spec.op, WINDOW_OBJECT, slice_of((char *)head, sizeof head));
}

static void pane_head(const struct window *w, const struct pane *p, struct image_writer *to)
{
    const struct groups *g = &p->groups;
    slice                name = p->part ? strings_get(w->spec.parts, p->part) : (slice){ 0 };
    u8                   head[PANE_HEAD + PART_NAME_MAX];
    WEIR_ASSERT(p->part == 0 || (name.len > 0 && name.len <= PART_NAME_MAX));
    put32(head, p->part ? VERSION_PART : VERSION);
    head[4] = (u8)p->state;
    head[5] = (u8)p->why;
    head[6] = p->amended;
    head[7] = 0;
    put64(head + 8, (u64)p->start);
    put32(head + 16, groups_count(g));
    put32(head + 20, g->words.entries.count);
    put32(head + 24, g->words.bytes.count);
    put32(head + 28, g->other);
    put64(head + 32, g->full);
    put32(head + 40, p->revision);
    put32(head + 44, w->spec.layout->size);
    if (name.len > 0) memcpy(head + PANE_HEAD, name.at, name.len);
    to->head(to, w->spec.op, p->object, slice_of((char *)head, PANE_HEAD + name.len));
}

struct page_teller {
    struct image_writer *to;
    u32                  op;
    u64                  object;
    enum image_part      part;
};

static void page_tell(void *arg, struct page_view page)
{
    struct page_teller *t = arg;
    t->to->page(t->to, t->op, t->object, t->part, page);
}

static void pane_cut(struct window *w, struct pane *p, struct image_writer *to)
{
    pane_head(w, p, to);
    for (enum image_part part = 0; part < PARTS; part++) {
        struct page_teller teller = { to, w->spec.op, p->object, part };
        pages_cut(part_pages(p, part), page_tell, &teller);
    }
    p->changed = false;
    p->cut = true;
}

void window_cut(struct window *w, struct image_writer *to)
{
    WEIR_ASSERT(!w->cutting);
    WEIR_ASSERT(groups_count(&w->delta) == 0 && groups_count(&w->late) == 0);
    w->cutting = true;
    w->cut = w->changed;
    w->changed = false;
    if (w->cut) window_head(w, to);
    for (u32 i = 0; i < w->panes; i++)
        if (w->pane[i]->changed) pane_cut(w, w->pane[i], to);
    for (struct pane *p = w->gone; p != NULL; p = p->next) {
        to->drop(to, w->spec.op, p->object);
        p->drop = true;
    }
}

static void pane_thaw(struct pane *p, bool written)
{
    if (!p->cut) return;
    for (enum image_part part = 0; part < PARTS; part++) pages_thaw(part_pages(p, part), written);
    p->cut = false;
    if (written) p->saved = true;
    else p->changed = true;
}

/* Panes that went while the cut lent their pages give their tables back now. Who is not in state.db is forgotten. */
static void gone_thaw(struct window *w, bool written)
{
    for (struct pane **at = &w->gone; *at != NULL;) {
        struct pane *p = *at;
        if (p->cut) {
            pane_thaw(p, written);
            groups_fini(&p->groups);
        }
        bool dropped = p->drop && written;
        p->drop = false;
        if (dropped || !p->saved) {
            *at = p->next;
            free(p);
        } else {
            at = &p->next;
        }
    }
}

void window_thaw(struct window *w, bool written)
{
    WEIR_ASSERT(w->cutting);
    w->cutting = false;
    if (w->cut && !written) w->changed = true;
    w->cut = false;
    for (u32 i = 0; i < w->panes; i++) pane_thaw(w->pane[i], written);
    gone_thaw(w, written);
}

/* --- restore --- */

static err damaged(const char *what, u64 object)
{
    return (err){ ERR_STATE, what, (i64)object };
}

/* Pages that hold `count` records. */
static u32 pages_of(const struct pages *p, u32 count)
{
    return count ? ((count - 1) >> p->shift) + 1 : 0;
}

/* Number in `known` of the first pane whose object is not below this one. */
static u32 known_place(const struct window *w, u64 object)
{
    u32 low = 0, high = w->knowns;
    while (low < high) {
        u32 middle = low + (high - low) / 2;
        if (w->known[middle]->object < object) low = middle + 1;
        else high = middle;
    }
    return low;
}

static struct pane *pane_of(const struct window *w, u64 object)
{
    u32 i = known_place(w, object);
    return i < w->knowns && w->known[i]->object == object ? w->known[i] : NULL;
}

/* Objects come mostly in their order, so that this is at the end. */
static void known_add(struct window *w, struct pane *p)
{
    u32 i = known_place(w, p->object);
    if (w->knowns == w->knowns_room) {
        w->knowns_room = w->knowns_room ? 2 * w->knowns_room : 64;
        w->known = realloc(w->known, w->knowns_room * sizeof(struct pane *));
        WEIR_ASSERT(w->known != NULL);
    }
    memmove(w->known + i + 1, w->known + i, (w->knowns - i) * sizeof(struct pane *));
    w->known[i] = p;
    w->knowns++;
}

static err restore_window(struct window *w, const u8 *head, size_t len)
{
    if (w->headed) return damaged("the window has two heads", WINDOW_OBJECT);
    if (len != WINDOW_HEAD) return damaged("the head of the window has another size", (u64)len);
    if (get32(head) != VERSION) return damaged("the head of the window has another version", get32(head));
    if (get32(head + 4) > CLOSE_END) return damaged("unknown reason of closing", get32(head + 4));
    if ((nanos)get64(head + 8) != w->spec.length) return damaged("the window had another length", get64(head + 8));
    w->why = (enum close_reason)get32(head + 4);
    w->watermark = (nanos)get64(head + 16);
    w->next_object = get64(head + 24);
    w->full = get64(head + 32);
    w->headed = true;
    w->changed = false;
    if (w->next_object == 0) return damaged("the next object's number is 0", WINDOW_OBJECT);
    return OK;
}

/* The part of a pane's head that needs no pane: sizes and ranges. */
static err pane_head_check(const struct window *w, u64 object, const u8 *head, size_t len)
{
    if (len < PANE_HEAD) return damaged("the head of a pane has another size", object);
    if (get32(head) != VERSION && get32(head) != VERSION_PART)
        return damaged("the head of a pane has another version", object);
    size_t name = len - PANE_HEAD;
    if (get32(head) == VERSION ? name != 0 : name == 0 || name > PART_NAME_MAX)
        return damaged("the head of a pane has another size", object);
    if (get32(head + 44) != w->spec.layout->size) return damaged("a pane's rows have another width", object);
    if (head[4] > PANE_KEPT || head[5] > CLOSE_END || head[6] > 1 || head[7] != 0)
        return damaged("a pane has an unknown state", object);
    nanos start = (nanos)get64(head + 8);
    if (start < NANOS_MIN + w->spec.length || start % w->spec.length != 0)
        return damaged("a pane starts between two windows", object);
    u32 rows = get32(head + 16), other = get32(head + 28);
    if (rows > w->spec.groups_max + (other != 0)) return damaged("a pane has more groups than groups_max", object);
    if (other > rows) return damaged("a pane's `other` row is not one of its rows", object);
    return OK;
}

/* The part that a pane's head names. */
static err restore_part(struct window *w, u64 object, slice name, u32 *part)
{
    *part = 0;
    if (name.len == 0) return OK;
    if (w->spec.parts != NULL) *part = strings_add(w->spec.parts, name);
    return *part ? OK : damaged("a pane is of a part that the window cannot have", object);
}

static err restore_pane(struct window *w, u64 object, const u8 *head, size_t len)
{
    u32 part;
    err e = pane_head_check(w, object, head, len);
    if (!err_is(e)) e = restore_part(w, object, slice_of((const char *)head + PANE_HEAD, len - PANE_HEAD), &part);
    if (err_is(e)) return e;
    nanos start = (nanos)get64(head + 8);
    if (pane_of(w, object) != NULL) return damaged("a pane has two heads", object);
    if (window_find(w, start, part) != NULL) return damaged("two panes start at the same time", object);
    struct pane   *p = window_add(w, start, part);
    struct groups *g = &p->groups;
    p->object = object;
    known_add(w, p);
    p->state = (enum pane_state)head[4];
    p->why = (enum close_reason)head[5];
    p->amended = head[6] == 1;
    p->revision = get32(head + 40);
    p->saved = true;
    p->changed = false;
    g->rows.count = get32(head + 16); /* a promise until window_restore_done has seen the pages */
    g->words.entries.count = get32(head + 20);
    g->words.bytes.count = get32(head + 24);
    g->other = get32(head + 28);
    g->full = get64(head + 32);
    if (g->words.entries.count > g->words.max)
        return damaged("a pane has more strings than its dictionary takes", object);
    return OK;
}

err window_restore_head(struct window *w, u64 object, slice bytes)
{
    const u8 *head = (const u8 *)bytes.at;
    return object == WINDOW_OBJECT ? restore_window(w, head, bytes.len) : restore_pane(w, object, head, bytes.len);
}

/* Pages may come in any order, but each has exactly the bytes that its pane's head gives it. */
err window_restore_page(struct window *w, u64 object, enum image_part part, u32 number, slice bytes)
{
    struct pane *p = pane_of(w, object);
    if (p == NULL) return damaged("a page of a pane that has no head", object);
    if ((unsigned)part >= PARTS) return damaged("a page of an unknown part", object);
    struct pages *pages = part_pages(p, part);
    u32           used = pages_of(pages, pages->count);
    if (number >= used) return damaged("a page behind the last row or string of its pane", object);
    u32 records = number + 1 < used ? 1u << pages->shift : pages->count - (number << pages->shift);
    if (bytes.len != (size_t)records * pages->size)
        return damaged("a page has another size than its pane says", object);
    if (number < pages->held && pages->state[number] == PAGE_DIRTY) return damaged("a page comes twice", object);
    if (!pages_restore(pages, number, bytes.at, (u32)bytes.len)) return damaged("a page does not fit its pane", object);
    pages->state[number] = PAGE_DIRTY; /* until window_restore_done: seen */
    return OK;
}

/* Has every page come? The mark of those that did is taken away. */
static bool part_whole(struct pages *p)
{
    u32 used = pages_of(p, p->count);
    if (used > p->held) return false;
    for (u32 i = 0; i < used; i++) {
        if (p->state[i] != PAGE_DIRTY) return false;
        p->state[i] = PAGE_CLEAN;
    }
    return pages_restored(p, p->count);
}

static err pane_rows_check(const struct pane *p)
{
    const struct groups *g = &p->groups;
    for (u32 i = 0; i < groups_count(g); i++) {
        const struct group_row *row = groups_row(g, i);
        if (row->start != p->start) return damaged("a row lies outside its pane", p->object);
        if (row->revision > p->revision) return damaged("a row's revision is newer than its pane's", p->object);
        if (row->flags & GROUP_AMENDED && !p->amended)
            return damaged("an amended row in a pane that is not", p->object);
    }
    return OK;
}

/* A word that is there twice would make two groups of one, that merge where they are given out. */
static bool words_differ(const struct strings *words)
{
    for (u32 id = 1; id <= strings_count(words); id++)
        if (strings_find(words, strings_get(words, id)) != id) return false;
    return true;
}

static err pane_done(struct window *w, struct pane *p)
{
    if (p->object >= w->next_object) return damaged("a pane's number was not given out yet", p->object);
    bool due = pane_end(w, p) <= w->watermark;
    if (due ? p->state != PANE_KEPT : p->state == PANE_KEPT && p->why != CLOSE_END) /* see window_end */
        return damaged("a pane's state does not agree with the watermark", p->object);
    if (p->amended && p->state != PANE_KEPT) return damaged("an open pane cannot be amended", p->object);
    for (enum image_part part = 0; part < PARTS; part++)
        if (!part_whole(part_pages(p, part))) return damaged("a pane lacks a page", p->object);
    u32 other = p->groups.other;
    if (!groups_restored(&p->groups)) return damaged("a pane's groups are damaged", p->object);
    if (!words_differ(&p->groups.words)) return damaged("a pane has a word twice", p->object);
    if (p->groups.other != other) return damaged("a pane's `other` row is not where its head says", p->object);
    return pane_rows_check(p);
}

/* What holds between the panes of one start. */
static err panes_done(const struct window *w)
{
    for (u32 i = 1; i < w->panes; i++) {
        const struct pane *a = w->pane[i - 1], *b = w->pane[i];
        if (a->start == b->start && a->state != b->state)
            return damaged("the parts of a window are in different states", b->object);
    }
    return OK;
}

err window_restore_done(struct window *w)
{
    if (!w->headed) return damaged("the window has no head", WINDOW_OBJECT);
    for (u32 i = 0; i < w->panes; i++) {
        err e = pane_done(w, w->pane[i]);
        if (err_is(e)) return e;
    }
    free(w->known);
    w->known = NULL;
    w->knowns = w->knowns_room = 0;
    return panes_done(w);
}
