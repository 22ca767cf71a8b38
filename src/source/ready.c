/* SPDX-License-Identifier: Apache-2.0 */
/* ready.c: a binary heap of files; each holds its index, so that one that vanished can be taken out of the middle. */
#include "source/ready.h"

#include <stdlib.h>

static bool before(const struct file *a, const struct file *b)
{
    return a->start != b->start ? a->start < b->start : slice_cmp(file_name(a), file_name(b)) < 0;
}

static void place(struct ready *r, u32 i, struct file *f)
{
    r->at[i] = f;
    f->ready = i;
}

static void sift_up(struct ready *r, u32 i)
{
    struct file *f = r->at[i];
    for (; i && before(f, r->at[(i - 1) / 2]); i = (i - 1) / 2) place(r, i, r->at[(i - 1) / 2]);
    place(r, i, f);
}

static void sift_down(struct ready *r, u32 i)
{
    struct file *f = r->at[i];
    for (u32 child; (child = 2 * i + 1) < r->count; i = child) {
        if (child + 1 < r->count && before(r->at[child + 1], r->at[child])) child++;
        if (!before(r->at[child], f)) break;
        place(r, i, r->at[child]);
    }
    place(r, i, f);
}

void ready_fini(struct ready *r)
{
    free(r->at);
    *r = (struct ready){ 0 };
}

void ready_push(struct ready *r, struct file *f)
{
    if (f->ready != NOWHERE) return;
    if (r->count == r->room) {
        r->room = r->room ? r->room * 2 : 64;
        r->at = realloc(r->at, r->room * sizeof(struct file *));
        WEIR_ASSERT(r->at != NULL);
    }
    place(r, r->count++, f);
    sift_up(r, f->ready);
}

void ready_drop(struct ready *r, struct file *f)
{
    if (f->ready == NOWHERE) return;
    u32          hole = f->ready;
    struct file *last = r->at[--r->count];
    f->ready = NOWHERE;
    if (last == f) return;
    place(r, hole, last);
    sift_up(r, hole);
    sift_down(r, last->ready);
}

struct file *ready_first(const struct ready *r)
{
    return r->count ? r->at[0] : NULL;
}
