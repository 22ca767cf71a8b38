/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_image.c: bytes as a window's image: it is refused, or the window works and can be cut again.
 *
 * The first byte says how the rest is read:
 *   even  pieces of an image: u8 what (0 head, 1 page), u8 object, u8 part, u8 page number, u16 length, bytes
 *   odd   changes to a good image: u8 piece, u8 what (0 change, 1 leave out, 2 tell twice, 3 cut short), u16 offset,
 *         u8 value
 * Numbers are little-endian; what is missing at the end is zero. */
#include "window/whole.h"

#include <stdlib.h>

#define SECOND     NANOS_SECOND
#define PIECES     64u
#define PANES      4u
#define GROUPS_MAX 16u
#define PARTS_KNOWN 4u /* fewer than an image may name */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct piece {
    bool            head;
    u64             object;
    enum image_part part;
    u32             number;
    u32             len;
    u8             *bytes; /* own */
};

struct image {
    struct image_writer writer;
    u32                 n;
    struct piece        piece[PIECES];
};

/* --- reading the input --- */

struct input {
    const u8 *at, *end;
};

static u32 take(struct input *in, u32 bytes)
{
    u32 v = 0;
    for (u32 i = 0; i < bytes && in->at < in->end; i++) v |= (u32)*in->at++ << 8 * i;
    return v;
}

/* --- images --- */

static void piece_add(struct image *m, bool head, u64 object, enum image_part part, u32 number, const void *at, u32 len)
{
    if (m->n == PIECES) return;
    struct piece *p = &m->piece[m->n++];
    *p = (struct piece){ head, object, part, number, len, malloc(len + !len) };
    if (len > 0) memcpy(p->bytes, at, len);
}

static void image_head(struct image_writer *to, u32 op, u64 object, slice bytes)
{
    piece_add(container_of(to, struct image, writer), true, object, 0, 0, bytes.at, (u32)bytes.len);
}

static void image_page(struct image_writer *to, u32 op, u64 object, enum image_part part, struct page_view page)
{
    piece_add(container_of(to, struct image, writer), false, object, part, page.number, page.at, page.bytes);
}

static void image_drop(struct image_writer *to, u32 op, u64 object)
{
}

static void image_init(struct image *m)
{
    *m = (struct image){ .writer = { image_head, image_page, image_drop } };
}

static void image_fini(struct image *m)
{
    for (u32 i = 0; i < m->n; i++) free(m->piece[i].bytes);
    m->n = 0;
}

static void image_cut(struct image *m, struct window *w)
{
    groups_reset(window_delta(w));
    groups_reset(window_late(w));
    window_cut(w, &m->writer);
    window_thaw(w, true);
}

static err image_restore(const struct image *m, struct window *w)
{
    err e = OK;
    for (u32 pages = 0; pages < 2; pages++) /* heads first, then pages */
        for (u32 i = 0; i < m->n && !err_is(e); i++) {
            const struct piece *p = &m->piece[i];
            slice               bytes = slice_of((const char *)p->bytes, p->len);
            if (p->head == (pages == 1)) continue;
            e = p->head ? window_restore_head(w, p->object, bytes)
                        : window_restore_page(w, p->object, p->part, p->number, bytes);
        }
    return err_is(e) ? e : window_restore_done(w);
}

/* --- a window at work --- */

static struct window *window_make(const struct group_layout *layout, struct strings *parts)
{
    struct window *w;
    err            e = window_open(
        &w, &(struct window_spec){ 60 * SECOND, 300 * SECOND, GROUPS_MAX, PANES, layout, 0, parts });
    WEIR_ASSERT(!err_is(e));
    return w;
}

/* The panes of a start are folded together, whatever is in them. */
static void look_closed(void *arg, struct panes of)
{
    u32                  revision;
    const struct groups *g = whole_all(arg, of, &revision);
    u64                  rows = 0;
    for (u32 i = 0; i < of.count; i++) rows += groups_count(&of.at[i]->groups);
    WEIR_ASSERT(groups_count(g) <= rows && (rows == 0 || groups_count(g) > 0));
}

static void look_amended(void *arg, struct panes of)
{
    const struct groups *g = whole_amended(arg, of);
    for (u32 i = 0; i < groups_count(g); i++) WEIR_ASSERT(of.count == 1 || groups_row(g, i)->flags & GROUP_AMENDED);
}

/* Pushes rows of `words` different keys to each of three windows. */
static void window_fill(struct window *w, const struct group_layout *l, const struct feed *feed, u32 words, u32 part)
{
    struct groups             partial;
    struct window_push_counts counts = { 0 };
    groups_init(&partial, l, 1000);
    for (u32 i = 0; i < 3 * words; i++) {
        _Alignas(8) u8 row[512];
        const char     letter = (char)('a' + i / 3);
        u32            id = strings_add(&partial.words, slice_of(&letter, 1)), at;
        u64            fresh;
        nanos          start = (i % 3) * 60 * SECOND;
        memcpy(row, l->empty, l->size);
        memcpy(row + offsetof(struct group_row, start), &start, sizeof start);
        memcpy(row + l->column[0].at, &id, sizeof id);
        memcpy(row + l->column[2].at, &id, sizeof id);
        groups_find_add(&partial, row + offsetof(struct group_row, start), 1, &at, &fresh);
        u8 *to = (u8 *)groups_row_write(&partial, at);
        memcpy(to + l->column[2].at, &id, sizeof id);
        ((struct group_row *)(void *)to)->records = 1 + i;
    }
    window_push_rows(w, feed, &partial, 0, groups_count(&partial), part, &counts);
    WEIR_ASSERT(counts.applied + counts.late == 3ull * words * (3ull * words + 1) / 2);
    groups_fini(&partial);
}

/* An accepted image is worked with and cut. */
static void window_use(struct window *w, const struct group_layout *l, const struct feed *feed, struct strings *parts)
{
    struct whole *whole;
    whole_open(&whole, l);
    window_fill(w, l, feed, 20, strings_add(parts, S("t/0")));
    groups_reset(window_delta(w));
    groups_reset(window_late(w));
    window_fill(w, l, feed, 3, 0);
    for (u32 i = 0; i < window_panes(w); i++) {
        struct groups *g = &window_pane(w, i)->groups;
        for (u32 j = 0; j < groups_count(g); j++)
            WEIR_ASSERT(groups_key_cmp(g, groups_row(g, j), g, groups_row(g, j)) == 0);
    }
    window_flush(w, look_amended, whole);
    nanos now = window_watermark(w);
    if (now < 120 * SECOND) window_advance(w, 120 * SECOND, CLOSE_SEALED, look_closed, whole);
    window_end(w, look_closed, whole);
    window_advance(w, NANOS_MAX, CLOSE_END, look_closed, whole);
    whole_close(whole);
    struct image cut;
    image_init(&cut);
    image_cut(&cut, w);
    image_fini(&cut);
}

static void pieces_read(struct image *m, struct input *in)
{
    while (in->at < in->end && m->n < PIECES) {
        u32 what = take(in, 1), object = take(in, 1), part = take(in, 1), number = take(in, 1), len = take(in, 2);
        u32 left = (u32)(in->end - in->at);
        if (len > left) len = left;
        piece_add(m, what % 2 == 0, object, part % (PARTS + 1), number, in->at, len);
        in->at += len;
    }
}

static void changes_read(struct image *m, struct input *in)
{
    while (in->at < in->end) {
        struct piece *p = &m->piece[take(in, 1) % m->n];
        u32           what = take(in, 1) % 4, at = take(in, 2), value = take(in, 1);
        switch (what) {
        case 0:
            if (p->len > 0) p->bytes[at % p->len] = (u8)value;
            break;
        case 1: p->object ^= 0x80; break;
        case 2: piece_add(m, p->head, p->object, p->part, p->number + value % 2, p->bytes, p->len); break;
        default: p->len = p->len > at ? p->len - at : 0; break;
        }
    }
}

static void nobody(void *arg, struct panes of)
{
}

/* Some rows in three windows of three parts, one of them closed and amended, and more keys than groups_max. */
static void sample_image(struct image *m, const struct group_layout *l, const struct feed *feed)
{
    struct strings parts;
    strings_init(&parts, PARTS_KNOWN);
    struct window *w = window_make(l, &parts);
    u32            one = strings_add(&parts, S("t/0")), two = strings_add(&parts, S("topic/1"));
    window_fill(w, l, feed, 5, 0);
    window_fill(w, l, feed, 2, one);
    window_advance(w, 60 * SECOND, CLOSE_SEALED, nobody, NULL);
    window_fill(w, l, feed, 18, two);
    image_cut(m, w);
    window_close(w);
    strings_fini(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct field fields[] = {
        { .type = FIELD_TAG },
        { .type = FIELD_NET },
        { .type = FIELD_TAG },
        { .type = FIELD_U64, .fold = FOLD_SUM, .mirror = FIELD_NO_MIRROR },
        { .type = FIELD_SAMPLING, .fold = FOLD_SAMPLING, .mirror = FIELD_NO_MIRROR },
    };
    struct group_layout layout;
    struct feed         feed;
    struct image        image;
    struct input        in = { data, data + size };
    if (err_is(group_layout_init(&layout, 2, 1, 2, fields))) return 0;
    feed_init(&feed, FEED_SAME, NULL, &layout, &layout);
    image_init(&image);
    if (take(&in, 1) % 2 == 0) {
        pieces_read(&image, &in);
    } else {
        sample_image(&image, &layout, &feed);
        changes_read(&image, &in);
    }
    struct strings parts;
    strings_init(&parts, PARTS_KNOWN);
    struct window *w = window_make(&layout, &parts);
    if (!err_is(image_restore(&image, w))) window_use(w, &layout, &feed, &parts);
    window_close(w);
    strings_fini(&parts);
    image_fini(&image);
    group_layout_fini(&layout);
    return 0;
}
