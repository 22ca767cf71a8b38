/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c: the table of names, and positions as text.
 *
 * A position's key is the name; its value is "1" (the version of this form) and then, in decimal, with spaces:
 * device inode born home size mtime applied lines flags. Times are nanoseconds as u64 (two's complement). */
#include "source/ledger.h"

#include "weir/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SLOTS_MIN 1024u

enum position_flag { POSITION_ENDED = 1, POSITION_QUARANTINED = 2 };

static void *must(void *memory)
{
    WEIR_ASSERT(memory != NULL);
    return memory;
}

/* Makes room for one more pointer in a growing array. */
static void *grown(void *array, u32 count, u32 *room)
{
    if (count < *room) return array;
    *room = *room ? *room * 2 : 64;
    return must(realloc(array, (size_t)*room * sizeof(void *)));
}

void file_free(struct file *f)
{
    WEIR_ASSERT(f->fd < 0 && f->out == 0 && f->dirty == NOWHERE && f->ready == NOWHERE);
    free(f->path);
    free(f);
}

void ledger_init(struct ledger *l, u64 max)
{
    *l = (struct ledger){ .mask = SLOTS_MIN - 1, .max = max < UINT32_MAX / 4 ? max : UINT32_MAX / 4 };
    l->slot = must(calloc(SLOTS_MIN, sizeof *l->slot));
    arena_init(&l->cut, 0);
}

void ledger_fini(struct ledger *l)
{
    for (u32 i = 0; i < l->count; i++) {
        l->file[i]->dirty = l->file[i]->ready = NOWHERE;
        file_free(l->file[i]);
    }
    for (u32 i = 0; i < l->gones; i++) free(l->gone[i]);
    free(l->file);
    free(l->slot);
    free(l->dirty);
    free(l->gone);
    arena_fini(&l->cut);
}

/* --- the table ----------------------------------------------------------------------------------------------- */

static u32 slot_of(const struct ledger *l, slice name, u64 hash)
{
    u32 s = (u32)hash & l->mask;
    while (l->slot[s] && !(l->slot[s]->hash == hash && slice_eq(file_name(l->slot[s]), name))) s = (s + 1) & l->mask;
    return s;
}

struct file *ledger_find(const struct ledger *l, slice name)
{
    return l->slot[slot_of(l, name, hash_bytes(name.at, name.len))];
}

static void ledger_rehash(struct ledger *l)
{
    free(l->slot);
    l->mask = l->mask * 2 + 1;
    l->slot = must(calloc((size_t)l->mask + 1, sizeof *l->slot));
    for (u32 i = 0; i < l->count; i++) l->slot[slot_of(l, file_name(l->file[i]), l->file[i]->hash)] = l->file[i];
}

struct file *ledger_add(struct ledger *l, slice name, const struct p2_name *p2)
{
    if (l->count >= l->max) return NULL;
    if (l->count >= l->mask / 2) ledger_rehash(l);
    struct file *f = must(calloc(1, sizeof *f + name.len + 1));
    f->hash = hash_bytes(name.at, name.len);
    f->kind = p2->kind;
    f->start = p2->start;
    f->layout = NO_LAYOUT;
    f->torn = UINT64_MAX;
    f->fd = -1;
    f->dirty = f->ready = NOWHERE;
    f->name_len = (u32)name.len;
    memcpy(f->name, name.at, name.len);
    u32 s = slot_of(l, name, f->hash);
    WEIR_ASSERT(l->slot[s] == NULL);
    l->slot[s] = f;
    l->file = grown(l->file, l->count, &l->room);
    f->at = l->count;
    l->file[l->count++] = f;
    return f;
}

/* Moves later entries of the same run back, so that no search stops at the hole. */
static void slot_clear(struct ledger *l, u32 hole)
{
    for (u32 s = (hole + 1) & l->mask; l->slot[s]; s = (s + 1) & l->mask) {
        u32 wanted = (u32)l->slot[s]->hash & l->mask;
        if (((s - wanted) & l->mask) < ((s - hole) & l->mask)) continue;
        l->slot[hole] = l->slot[s];
        hole = s;
    }
    l->slot[hole] = NULL;
}

static void ledger_clean(struct ledger *l, struct file *f)
{
    if (f->dirty == NOWHERE) return;
    struct file *last = l->dirty[--l->dirties];
    l->dirty[f->dirty] = last;
    last->dirty = f->dirty;
    f->dirty = NOWHERE;
}

void ledger_remove(struct ledger *l, struct file *f)
{
    WEIR_ASSERT(l->file[f->at] == f);
    slot_clear(l, slot_of(l, file_name(f), f->hash));
    struct file *last = l->file[--l->count];
    l->file[f->at] = last;
    last->at = f->at;
    ledger_clean(l, f);
    if (!f->saved) return;
    l->gone = grown(l->gone, l->gones, &l->gone_room);
    l->gone[l->gones++] = slice_dup(file_name(f));
}

void ledger_touch(struct ledger *l, struct file *f)
{
    if (f->dirty != NOWHERE || f->retired) return;
    l->dirty = grown(l->dirty, l->dirties, &l->dirty_room);
    f->dirty = l->dirties;
    l->dirty[l->dirties++] = f;
}

/* --- positions ----------------------------------------------------------------------------------------------- */

static slice position_text(struct arena *a, const struct file *f)
{
    u64 flags = (f->ended ? POSITION_ENDED : 0) | (f->quarantined ? POSITION_QUARANTINED : 0);
    u64 number[] = { f->look.device, f->look.inode,      (u64)f->look.born, f->home,  f->look.size,
                     (u64)f->look.mtime, f->applied, f->lines, flags };
    char   text[WEIR_COUNT(number) * 21 + 2] = "1";
    size_t len = 1;
    for (size_t i = 0; i < WEIR_COUNT(number); i++)
        len += (size_t)snprintf(text + len, sizeof text - len, " %" PRIu64, number[i]);
    return arena_copy(a, slice_of(text, len));
}

void ledger_cut(struct ledger *l, u32 *count, const struct position **position)
{
    arena_reset(&l->cut);
    struct position *p = arena_array(&l->cut, struct position, l->dirties + l->gones + 1);
    u32              n = 0;
    for (u32 i = 0; i < l->gones; i++) {
        /* A new file of that name whose position follows below replaces the old one; both would be one key twice. */
        struct file *now = ledger_find(l, slice_str(l->gone[i]));
        if (now == NULL || now->dirty == NOWHERE) p[n++].key = arena_copy(&l->cut, slice_str(l->gone[i]));
        free(l->gone[i]);
    }
    for (u32 i = 0; i < l->dirties; i++) {
        struct file *f = l->dirty[i];
        p[n++] = (struct position){ arena_copy(&l->cut, file_name(f)), position_text(&l->cut, f) };
        f->dirty = NOWHERE;
        f->saved = true;
    }
    l->gones = l->dirties = 0;
    *count = n;
    *position = p;
}

#define POSITION_NUMBERS 10

static bool position_numbers(slice value, u64 number[static POSITION_NUMBERS])
{
    for (u32 i = 0; i < POSITION_NUMBERS; i++)
        if (!slice_u64(slice_cut(value, ' ', &value), &number[i])) return false;
    return value.at == NULL && number[0] == 1;
}

err ledger_restore(struct ledger *l, const struct position *p)
{
    u64            n[POSITION_NUMBERS];
    struct p2_name p2 = p2name_parse(p->key);
    bool           good = p2.kind == P2_FILE && position_numbers(p->value, n);
    if (!good || (n[7] > n[5] && !(n[9] & POSITION_QUARANTINED)))
        return (err){ ERR_STATE, "a saved position of the directory source cannot be read", 0 };
    if (ledger_find(l, p->key)) return (err){ ERR_STATE, "a file has two saved positions", 0 };
    struct file *f = ledger_add(l, p->key, &p2);
    if (f == NULL) return (err){ ERR_FULL, "more saved positions of files than files_max", (i64)l->max };
    f->look = (struct look){ n[1], n[2], (nanos)n[3], n[5], (nanos)n[6] };
    f->home = n[4];
    f->applied = f->offered = f->limit = n[7];
    f->lines = n[8];
    f->ended = f->offered_end = n[9] & POSITION_ENDED;
    f->quarantined = n[9] & POSITION_QUARANTINED;
    f->restored = f->saved = true;
    f->counted = f->applied == f->look.size;
    return OK;
}

bool file_is(const struct file *f, const struct look *look)
{
    const struct look *had = &f->look;
    bool born = had->born == 0 || look->born == 0 || had->born == look->born;
    if (had->device == look->device) return had->inode == look->inode && born;
    if (!f->restored) return false;
    if (had->inode == look->inode && born && look->size >= had->size) return true;
    return had->size == look->size && had->mtime == look->mtime;
}
