/* SPDX-License-Identifier: Apache-2.0 */
/* store.h: a state file as a model in memory: objects with heads and pages, changed only when a cut is written. Page
 * bytes are read at the time of writing, as the snapshot thread does, while the windows went on after the cut. */
#pragma once

#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define OBJECTS   2048u
#define PAGES_MAX 32u

struct kept_page {
    u8 *at;
    u32 len;
};

struct object {
    bool             used;
    u32              op;
    u64              id;
    u8               head[64];
    u32              head_len;
    struct kept_page page[PARTS][PAGES_MAX];
};

struct store {
    struct object object[OBJECTS];
    u32           drops;
};

enum entry_kind { ENTRY_HEAD, ENTRY_PAGE, ENTRY_DROP };

struct entry {
    enum entry_kind  kind;
    u32              op;
    u64              object;
    enum image_part  part;
    struct page_view page; /* lent until the thaw */
    u8               head[64];
    u32              head_len;
};

struct cut {
    struct image_writer writer;
    u32                 n;
    struct entry        entry[OBJECTS];
};

static inline struct entry *cut_entry(struct image_writer *to, enum entry_kind kind, u32 op, u64 object)
{
    struct cut *c = container_of(to, struct cut, writer);
    WEIR_ASSERT(c->n < OBJECTS);
    struct entry *e = &c->entry[c->n++];
    *e = (struct entry){ .kind = kind, .op = op, .object = object };
    return e;
}

static inline void cut_head(struct image_writer *to, u32 op, u64 object, slice bytes)
{
    struct entry *e = cut_entry(to, ENTRY_HEAD, op, object);
    WEIR_ASSERT(bytes.len <= sizeof e->head);
    memcpy(e->head, bytes.at, bytes.len);
    e->head_len = (u32)bytes.len;
}

static inline void cut_page(struct image_writer *to, u32 op, u64 object, enum image_part part, struct page_view page)
{
    struct entry *e = cut_entry(to, ENTRY_PAGE, op, object);
    e->part = part;
    e->page = page;
}

static inline void cut_drop(struct image_writer *to, u32 op, u64 object)
{
    cut_entry(to, ENTRY_DROP, op, object);
}

static inline struct cut *cut_make(void)
{
    struct cut *c = calloc(1, sizeof *c);
    c->writer = (struct image_writer){ cut_head, cut_page, cut_drop };
    return c;
}

static inline struct object *store_find(struct store *s, u32 op, u64 id)
{
    for (u32 i = 0; i < OBJECTS; i++)
        if (s->object[i].used && s->object[i].op == op && s->object[i].id == id) return &s->object[i];
    return NULL;
}

static inline struct object *store_object(struct store *s, u32 op, u64 id)
{
    struct object *o = store_find(s, op, id);
    for (u32 i = 0; o == NULL; i++) {
        WEIR_ASSERT(i < OBJECTS);
        if (!s->object[i].used) o = &s->object[i];
    }
    o->used = true;
    o->op = op;
    o->id = id;
    return o;
}

static inline void object_free(struct object *o)
{
    for (u32 part = 0; part < PARTS; part++)
        for (u32 i = 0; i < PAGES_MAX; i++) free(o->page[part][i].at);
    *o = (struct object){ 0 };
}

static inline void store_free(struct store *s)
{
    for (u32 i = 0; i < OBJECTS; i++) object_free(&s->object[i]);
    free(s);
}

static inline void store_page(struct object *o, const struct entry *e)
{
    WEIR_ASSERT(e->page.number < PAGES_MAX);
    struct kept_page *p = &o->page[e->part][e->page.number];
    free(p->at);
    p->at = malloc(e->page.bytes);
    p->len = e->page.bytes;
    memcpy(p->at, e->page.at, e->page.bytes);
}

/* Writes the cut; page bytes are read now. */
static inline void store_write(struct store *s, const struct cut *c)
{
    for (u32 i = 0; i < c->n; i++) {
        const struct entry *e = &c->entry[i];
        if (e->kind == ENTRY_DROP) {
            assert_non_null(store_find(s, e->op, e->object)); /* only what the file has is dropped, and once */
            object_free(store_find(s, e->op, e->object));
            s->drops++;
            continue;
        }
        struct object *o = store_object(s, e->op, e->object);
        if (e->kind == ENTRY_PAGE) {
            store_page(o, e);
        } else {
            memcpy(o->head, e->head, e->head_len);
            o->head_len = e->head_len;
        }
    }
}

static inline err restore_pages(struct window *w, const struct object *o)
{
    for (enum image_part part = 0; part < PARTS; part++)
        for (u32 i = 0; i < PAGES_MAX; i++) {
            const struct kept_page *p = &o->page[part][i];
            if (p->at == NULL) continue;
            err e = window_restore_page(w, o->id, part, i, slice_of((const char *)p->at, p->len));
            if (err_is(e)) return e;
        }
    return OK;
}

static inline err store_restore(const struct store *s, u32 op, struct window *w)
{
    err e = OK;
    for (u32 i = 0; i < OBJECTS && !err_is(e); i++) {
        const struct object *o = &s->object[i];
        if (o->used && o->op == op) e = window_restore_head(w, o->id, slice_of((const char *)o->head, o->head_len));
    }
    for (u32 i = 0; i < OBJECTS && !err_is(e); i++)
        if (s->object[i].used && s->object[i].op == op) e = restore_pages(w, &s->object[i]);
    return err_is(e) ? e : window_restore_done(w);
}
