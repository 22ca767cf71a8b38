/* SPDX-License-Identifier: Apache-2.0 */
/* texts.c: each file of an open minute has one text being filled; a full one is said, the next has twice its room. */
#include "source/texts.h"

#include "weir/hash.h"

#include <stdlib.h>

#define ROOM_MIN ((size_t)16 << 10) /* of a minute's first text: quiet minutes must not hold a megabyte each */
#define ROOM_MAX ((size_t)1 << 20)

struct minute_text {
    nanos               start;
    struct minute_text *next;
    struct text        *text[P2_FILES]; /* being filled */
    u64                 made[P2_FILES]; /* bytes in texts before it */
    u64                 sum[P2_FILES];
    size_t              room[P2_FILES]; /* of the last one */
    bool                dropped; /* there was no room for a text: none of those after it is said */
};

static struct minute_text *minute_of(struct texts *t, nanos start)
{
    struct minute_text **at = &t->open;
    while (*at && (*at)->start < start) at = &(*at)->next;
    struct minute_text *m = *at;
    if (m && m->start == start) return m;
    m = calloc(1, sizeof *m);
    WEIR_ASSERT(m != NULL);
    m->start = start;
    m->next = *at;
    *at = m;
    return m;
}

static void text_new(struct minute_text *m, enum p2_file file, size_t least)
{
    size_t room = m->room[file] == 0 ? ROOM_MIN : m->room[file] < ROOM_MAX ? m->room[file] * 2 : ROOM_MAX;
    m->room[file] = room;
    if (room < least) room = least;
    struct text *x = malloc(sizeof *x + room);
    WEIR_ASSERT(x != NULL);
    *x = (struct text){ .start = m->start, .file = file, .offset = m->made[file], .room = room };
    m->text[file] = x;
}

static u64 count_lines(const struct text *x)
{
    u64 lines = 0;
    for (slice rest = { x->bytes, x->length }; rest.at != NULL && rest.len > 0; lines++) slice_cut(rest, '\n', &rest);
    return lines;
}

static void drop(struct texts *t, struct text *x)
{
    t->lost += count_lines(x);
    free(x);
}

/* The lines are not those of the run before: nothing that follows may be believed. */
static void astray(struct texts *t)
{
    struct word w = { .kind = WORD_FAIL, .astray = true, .what = slice_dup(S(
        "the capture gives other lines than before the restart: it was changed, or this is another version of weir; "
        "finish with the old one, or begin with an empty state")) };
    if (!t->astray) hand_say(t->how.hand, &w);
    t->astray = true;
}

/* Was the text applied before the restart? */
static bool known(struct texts *t, const struct text *x)
{
    if (t->how.past == NULL) return false;
    if (places_passed(t->how.past, x->start)) return true;
    const struct mark *k = places_mark(t->how.past, x->start);
    u64                end = x->offset + x->length;
    if (k == NULL || x->offset >= k->bytes[x->file]) return false;
    if (end > k->bytes[x->file] || (end == k->bytes[x->file] && x->sum != k->sum[x->file])) astray(t);
    return true;
}

/* Says the text that is being filled, or what else is to be done with it. */
static void text_finish(struct texts *t, struct minute_text *m, enum p2_file file)
{
    struct text *x = m->text[file];
    if (x == NULL) return;
    m->text[file] = NULL;
    m->sum[file] = x->sum = hash_checksum(x->bytes, x->length, m->sum[file]);
    m->made[file] += x->length;
    bool before = known(t, x);
    if (before || t->stopped || t->astray) {
        free(x);
        return;
    }
    if (t->how.live && !m->dropped) m->dropped = t->silent || hand_full(t->how.hand);
    if (m->dropped) {
        drop(t, x);
        return;
    }
    if (!t->how.live && !hand_wait(t->how.hand)) {
        t->stopped = true;
        free(x);
        return;
    }
    struct word w = { .kind = WORD_TEXT, .text = x };
    hand_say(t->how.hand, &w);
}

/* The bytes of `text` that go into a text with `room` left: whole lines. */
static size_t fitting(slice text, size_t room)
{
    if (text.len <= room) return text.len;
    const char *lf = room ? memrchr(text.at, '\n', room) : NULL;
    return lf ? (size_t)(lf - text.at) + 1 : 0;
}

static size_t first_line(slice text)
{
    const char *lf = memchr(text.at, '\n', text.len);
    return lf ? (size_t)(lf - text.at) + 1 : text.len;
}

static void on_lines(struct minutes_out *out, nanos start, enum p2_file file, slice text, u64 lines)
{
    struct texts *t = container_of(out, struct texts, out);
    if (!t->how.wanted[file] || t->stopped) return;
    struct minute_text *m = minute_of(t, start);
    while (text.len > 0) {
        if (m->text[file] == NULL) text_new(m, file, first_line(text));
        struct text *x = m->text[file];
        size_t       n = fitting(text, x->room - x->length);
        memcpy(x->bytes + x->length, text.at, n);
        x->length += n;
        text = slice_of(text.at + n, text.len - n);
        if (text.len > 0) text_finish(t, m, file);
    }
}

/* All that was applied of the minute has come again. */
static bool whole(const struct texts *t, const struct minute_text *m, nanos start)
{
    const struct mark *k = t->how.past ? places_mark(t->how.past, start) : NULL;
    for (u32 f = 0; k && f < P2_FILES; f++)
        if ((m ? m->made[f] : 0) < k->bytes[f]) return false;
    return true;
}

static void on_sealed(struct minutes_out *out, nanos start)
{
    struct texts *t = container_of(out, struct texts, out);
    bool          good = true, seen = false;
    while (t->open && t->open->start <= start) {
        struct minute_text *m = t->open;
        for (u32 f = 0; f < P2_FILES; f++) text_finish(t, m, f);
        good = good && whole(t, m, m->start);
        seen = m->start == start;
        t->open = m->next;
        free(m);
    }
    if (!seen) good = good && whole(t, NULL, start);
    if (t->stopped || t->silent || t->unsealed) return;
    if (!good) astray(t);
    if (t->astray) return;
    struct word w = { .kind = WORD_SEALED, .start = start };
    hand_say(t->how.hand, &w);
}

void texts_init(struct texts *t, const struct texts_setup *how)
{
    *t = (struct texts){ .out = { on_lines, on_sealed }, .how = *how };
}

void texts_fini(struct texts *t)
{
    while (t->open) {
        struct minute_text *m = t->open;
        for (u32 f = 0; f < P2_FILES; f++) free(m->text[f]);
        t->open = m->next;
        free(m);
    }
}
