/* SPDX-License-Identifier: Apache-2.0 */
/* cut.c: an epoch as it is collected on the loop: small things copied, pages only pointed at.
 *
 * Runs on the loop, so a page costs one entry of 48 bytes and no look at its content. Not limited here: what a cut
 * points at is bounded by the tables' own limits. */
#include "snapshot/cut.h"

#include <stdlib.h>

static const struct image_writer cut_writer;

static struct cut_entry *entry_add(struct cut *c)
{
    if (c->entries == c->entries_room) {
        c->entries_room = c->entries_room ? 2 * c->entries_room : 1024;
        c->entry = realloc(c->entry, c->entries_room * sizeof *c->entry);
        WEIR_ASSERT(c->entry != NULL);
    }
    return &c->entry[c->entries++];
}

static void cut_head(struct image_writer *w, u32 op, u64 object, slice bytes)
{
    struct cut *c = container_of(w, struct cut, image);
    *entry_add(c) = (struct cut_entry){ .kind = CUT_HEAD, .op = op, .object = object,
                                        .bytes = arena_copy(&c->arena, bytes) };
    c->bytes += bytes.len;
}

static void cut_page(struct image_writer *w, u32 op, u64 object, enum image_part part, struct page_view page)
{
    struct cut *c = container_of(w, struct cut, image);
    *entry_add(c) = (struct cut_entry){ .kind = CUT_PAGE, .op = op, .object = object, .part = (u8)part,
                                        .bytes = slice_of(page.at, page.bytes), .number = page.number };
    c->bytes += page.bytes;
}

static void cut_drop(struct image_writer *w, u32 op, u64 object)
{
    struct cut *c = container_of(w, struct cut, image);
    *entry_add(c) = (struct cut_entry){ .kind = CUT_DROP, .op = op, .object = object };
}

struct cut *cut_new(u64 epoch)
{
    struct cut *c = calloc(1, sizeof *c);
    WEIR_ASSERT(c != NULL && epoch > 0);
    c->image = cut_writer;
    c->epoch = epoch;
    arena_init(&c->arena, 0);
    return c;
}

void cut_free(struct cut *c)
{
    if (c == NULL) return;
    arena_fini(&c->arena);
    free(c->entry);
    free(c->position);
    free(c);
}

struct image_writer *cut_image(struct cut *c)
{
    return &c->image;
}

void cut_positions(struct cut *c, slice source, u32 count, const struct position *position)
{
    if (count == 0) return;
    source = arena_copy(&c->arena, source);
    if (c->positions + count > c->positions_room) {
        c->positions_room = round_up(c->positions + count, 1024);
        c->position = realloc(c->position, c->positions_room * sizeof *c->position);
        WEIR_ASSERT(c->position != NULL);
    }
    for (u32 i = 0; i < count; i++) {
        struct cut_position *to = &c->position[c->positions++];
        to->source = source;
        to->position.key = arena_copy(&c->arena, position[i].key);
        to->position.value = (slice){ 0 }; /* deletes */
        if (position[i].value.at != NULL) {
            to->position.value = arena_copy(&c->arena, position[i].value);
            if (to->position.value.at == NULL) to->position.value = slice_of("", 0);
        }
        c->bytes += position[i].key.len + position[i].value.len;
    }
}

void cut_engine(struct cut *c, slice bytes)
{
    c->engine = arena_copy(&c->arena, bytes);
    c->has_engine = true;
    c->bytes += bytes.len;
}

void cut_outbox(struct cut *c, slice rows)
{
    c->outbox = rows;
    c->bytes += rows.len;
}

void cut_delivered(struct cut *c, u64 epoch)
{
    c->delivered = epoch;
}

u64 cut_bytes(const struct cut *c)
{
    return c->bytes;
}

static const struct image_writer cut_writer = { .head = cut_head, .page = cut_page, .drop = cut_drop };
