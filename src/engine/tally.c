/* SPDX-License-Identifier: Apache-2.0 */
/* tally.c: a small hash table; no key is hostile enough to matter, as a chunk has bounded records. */
#include "engine/tally.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 64u
#define ROOM_KEPT  4096u

void tally_fini(struct tally *t)
{
    free(t->cell);
    *t = (struct tally){ 0 };
}

void tally_reset(struct tally *t)
{
    if (t->count == 0) return;
    if (t->room > ROOM_KEPT) tally_fini(t);
    else memset(t->cell, 0, t->room * sizeof *t->cell);
    t->count = 0;
}

static struct tally_cell *place(struct tally_cell *cell, u32 room, nanos start, u64 mask)
{
    u64 hash = ((u64)start ^ mask * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    u32 at = (u32)(hash >> 32) & (room - 1);
    while (cell[at].records != 0 && (cell[at].start != start || cell[at].mask != mask)) at = (at + 1) & (room - 1);
    return &cell[at];
}

static void grow(struct tally *t)
{
    u32                room = t->room ? 2 * t->room : ROOM_FIRST;
    struct tally_cell *cell = calloc(room, sizeof *cell);
    WEIR_ASSERT(cell != NULL);
    for (u32 i = 0; i < t->room; i++)
        if (t->cell[i].records) *place(cell, room, t->cell[i].start, t->cell[i].mask) = t->cell[i];
    free(t->cell);
    t->cell = cell;
    t->room = room;
}

void tally_add(struct tally *t, nanos start, u64 mask, u64 records)
{
    if (records == 0) return;
    if (2 * (t->count + 1) > t->room) grow(t);
    struct tally_cell *c = place(t->cell, t->room, start, mask);
    if (c->records == 0) {
        *c = (struct tally_cell){ start, mask, 0 };
        t->count++;
    }
    c->records += records;
}
