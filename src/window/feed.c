/* SPDX-License-Identifier: Apache-2.0 */
/* feed.c: rows of another table become rows of a window: which pane, which key, which merge.
 *
 * Rows are taken in batches that go to one pane: keys are gathered, found or added together (so that memory latencies
 * overlap), then merged one by one. A batch for a kept pane is folded twice, into the pane and into the delta.
 *
 * What cannot have a row of its own (the table or its dictionary is full, or the row is its source's `other` row,
 * whatever the way) is folded into the target's `other` row: counted, never lost. In FEED_BOTH an `other` row counts
 * once, straight, since its ends are unknown. */
#include "window/state.h"

#include <stdlib.h>

#define KEY_AT ((u32)offsetof(struct group_row, start)) /* where the key begins in a row */

enum how { HOW_STRAIGHT, HOW_MIRRORED, HOW_CROSSED, HOW_OTHER };

/* One fold to do: a row of the source, and seen from which end. */
struct job {
    u32      row;
    enum how how;
};

/* Where a row goes. */
struct place {
    nanos        start;
    struct pane *pane; /* NULL: too late, or no pane is free */
    nanos        end;  /* start + length                     */
};

/* One call of window_push. */
struct push {
    struct window             *w;
    const struct feed         *feed;
    const struct groups       *from;
    struct window_push_counts *counts;
    u32                        part;
    struct place               place; /* of all jobs */
    bool                       placed;
    u32                        jobs;
    struct job                 job[GROUPS_BATCH];
};

/* The table a batch is folded into. */
struct target {
    struct groups *groups;
    struct memo   *memo;
    nanos          start;
    u32            mark; /* flags to set in each row */
};

/* --- cells --- */

static u32 cell_bytes(enum field_type type)
{
    switch (type) {
    case FIELD_NET:
    case FIELD_ADDR: return 16;
    case FIELD_U64:
    case FIELD_MAC:
    case FIELD_TIME: return 8;
    case FIELD_STRING:
    case FIELD_TAG: return 4;
    default: return 0; /* names no group, see group_layout_init */
    }
}

static bool is_text(const struct group_column *c)
{
    return c->flag == 0;
}

static u32 text_id(const u8 *cell)
{
    u32 id;
    memcpy(&id, cell, sizeof id);
    return id;
}

static bool cell_null(const struct group_column *c, const u8 *row)
{
    if (is_text(c)) return text_id(row + c->at) == 0;
    return row[c->flag] == (c->type == FIELD_NET ? NET_NULL : 1);
}

/* Two columns of one type in one row. */
static bool cells_equal(const struct group_column *a, const struct group_column *b, const u8 *row)
{
    if (memcmp(row + a->at, row + b->at, cell_bytes(a->type)) != 0) return false;
    return is_text(a) || row[a->flag] == row[b->flag];
}

/* --- feeds --- */

void feed_init(struct feed *f, enum feed_way way, const u32 *column, const struct group_layout *to,
               const struct group_layout *from)
{
    *f = (struct feed){ .way = way };
    group_program_init(&f->straight, to, from, GROUP_STRAIGHT);
    if (way == FEED_SAME) {
        WEIR_ASSERT(to->keys == from->keys && to->carried == from->carried && to->fixed_end == from->fixed_end);
        return;
    }
    WEIR_ASSERT((to->keys == 1 || way == FEED_KEYS) && to->carried == 0);
    u32 columns = way == FEED_BOTH ? 2 : to->keys;
    for (u32 i = 0; i < columns; i++) {
        WEIR_ASSERT(column[i] < from->keys + from->carried);
        WEIR_ASSERT(from->column[column[i]].type == to->column[way == FEED_BOTH ? 0 : i].type);
        f->column[i] = column[i];
    }
    if (way != FEED_BOTH) return;
    group_program_init(&f->mirrored, to, from, GROUP_MIRRORED);
    group_program_init(&f->crossed, to, from, GROUP_CROSSED);
}

/* --- dictionaries --- */

static void memo_turn(struct memo *m, u32 strings)
{
    if (m->room <= strings) {
        u32 room = m->room ? m->room : 256;
        while (room <= strings) room *= 2;
        free(m->cell);
        m->cell = calloc(room, sizeof *m->cell);
        WEIR_ASSERT(m->cell != NULL);
        m->room = room;
        m->turn = 0;
    }
    if (++m->turn != 0) return;
    memset(m->cell, 0, m->room * sizeof *m->cell);
    m->turn = 1;
}

/* The id in the target of a string of the source. 0: null, unknown and not to be added, or the dictionary is full.
 * The memo is the window's own, not that of groups_word: callers use one table of partials again and again, with other
 * words at the same address. */
static u32 translate(const struct push *p, const struct target *t, u32 id, bool add)
{
    if (id == 0) return 0;
    u64 *cell = &t->memo->cell[id];
    if (*cell >> 32 == t->memo->turn) return (u32)*cell;
    slice           text = strings_get(&p->from->words, id);
    struct strings *words = &t->groups->words;
    u32             ours = add ? strings_add(words, text) : strings_find(words, text);
    if (ours != 0) *cell = (u64)t->memo->turn << 32 | ours;
    return ours;
}

/* Translates a string cell in place. False: there is no room for the string; the cell is null then. */
static bool text_translate(const struct push *p, const struct target *t, u8 *cell, bool add)
{
    u32 id = text_id(cell);
    u32 ours = translate(p, t, id, add);
    memcpy(cell, &ours, sizeof ours);
    return id == 0 || ours != 0;
}

/* Translates a string of a key: the words of keys that will find no row are not collected. */
static bool key_translate(const struct push *p, const struct target *t, u8 *cell)
{
    return text_translate(p, t, cell, !groups_full(t->groups));
}

/* --- keys --- */

static u32 key_size(const struct window *w)
{
    return w->spec.layout->key_end - KEY_AT;
}

/* The key of the same columns. False: the dictionary is full. */
static bool key_same(const struct push *p, const struct target *t, const u8 *row, u8 *key)
{
    const struct group_layout *l = p->w->spec.layout;
    memcpy(key, row + KEY_AT, key_size(p->w));
    memcpy(key, &t->start, sizeof t->start);
    if (!l->texts) return true;
    for (u32 i = 0; i < l->keys; i++)
        if (is_text(&l->column[i]) && !key_translate(p, t, key + l->column[i].at - KEY_AT)) return false;
    return true;
}

/* Key column `number` made of a column of the source; the key is zero there. */
static bool key_cell(const struct push *p, const struct target *t, const u8 *row, u32 column, u32 number, u8 *key)
{
    const struct group_column *to = &p->w->spec.layout->column[number], *from = &p->from->layout->column[column];
    u8 *cell = key + to->at - KEY_AT;
    memcpy(cell, row + from->at, cell_bytes(from->type));
    if (is_text(to)) return key_translate(p, t, cell);
    key[to->flag - KEY_AT] = row[from->flag];
    return true;
}

/* The key made of `keys` columns of the source. */
static bool key_columns(const struct push *p, const struct target *t, const u8 *row, const u32 *column, u8 *key)
{
    memset(key, 0, key_size(p->w));
    memcpy(key, &t->start, sizeof t->start);
    for (u32 i = 0; i < p->w->spec.layout->keys; i++)
        if (!key_cell(p, t, row, column[i], i, key)) return false;
    return true;
}

/* Carried columns follow from the key: set once, with the row. A string that the full dictionary refuses is null. */
static void carry(const struct push *p, const struct target *t, const u8 *from, u32 row)
{
    const struct group_layout *l = p->w->spec.layout;
    if (l->carried == 0) return;
    u8 *to = (u8 *)groups_row_write(t->groups, row);
    memcpy(to + l->key_end, from + l->key_end, l->fixed_end - l->key_end);
    for (u32 i = l->keys; i < l->keys + l->carried; i++)
        if (is_text(&l->column[i])) text_translate(p, t, to + l->column[i].at, true);
}

/* --- folding a batch --- */

static const u8 *source_row(const struct push *p, u32 job)
{
    return (const u8 *)groups_row(p->from, p->job[job].row);
}

/* False: the job's row has no key in this table. */
static bool key_gather(const struct push *p, const struct target *t, u32 job, u8 *key)
{
    const u8 *row = source_row(p, job);
    enum how  how = p->job[job].how;
    if (how == HOW_OTHER) return false;
    if (p->feed->way == FEED_SAME) return key_same(p, t, row, key);
    return key_columns(p, t, row, p->feed->column + (how == HOW_MIRRORED), key);
}

/* A key that is null everywhere. */
static void key_null(const struct window *w, nanos start, u8 *key)
{
    const struct group_layout *l = w->spec.layout;
    memset(key, 0, key_size(w));
    memcpy(key, &start, sizeof start);
    for (u32 i = 0; i < l->keys; i++) {
        const struct group_column *c = &l->column[i];
        if (!is_text(c)) key[c->flag - KEY_AT] = c->type == FIELD_NET ? NET_NULL : 1;
    }
}

/* The `other` row for this start. A table has one; delta and late, which hold several windows, make do with a row of
 * the null key for every further start, so that what is amended is amended in its own window. */
static u32 other_row(const struct push *p, const struct target *t)
{
    struct groups *g = t->groups;
    if (g->other == 0 || groups_row(g, g->other - 1)->start == t->start) return groups_other(g, t->start);
    u8  key[sizeof(nanos) + KEYS_MAX * 17 + 8];
    u32 row;
    u64 fresh;
    key_null(p->w, t->start, key);
    groups_find_add(g, key, 1, &row, &fresh);
    groups_row_write(g, row)->flags |= GROUP_OTHER;
    return row;
}

/* Fills `rows` with the target row of each job; gives those that are new, a bit a job. */
static u64 rows_find(const struct push *p, const struct target *t, u32 *rows)
{
    u8 *keys = p->w->keys;
    u32 n = 0, of[GROUPS_BATCH], found[GROUPS_BATCH];
    u64 fresh = 0, new = 0;
    for (u32 j = 0; j < p->jobs; j++) {
        if (key_gather(p, t, j, keys + (size_t)n * key_size(p->w))) of[n++] = j;
        else rows[j] = other_row(p, t);
    }
    if (n > 0) groups_find_add(t->groups, keys, n, found, &fresh);
    for (u32 k = 0; k < n; k++) {
        rows[of[k]] = found[k];
        if ((fresh >> k & 1) == 0) continue;
        new |= 1ull << of[k];
        carry(p, t, source_row(p, of[k]), found[k]);
    }
    return new;
}

/* Folds one row; gives its records if they went to the `other` row. A fresh row that is seen straight takes the
 * source's measures as they are: they stand behind the carried columns in both, in one order. */
static u64 row_fold(const struct push *p, const struct target *t, u32 job, u32 row, bool fresh)
{
    const struct group_row *from = groups_row(p->from, p->job[job].row);
    struct group_row       *to = groups_row_write(t->groups, row);
    const struct feed      *f = p->feed;
    enum how                how = p->job[job].how;
    to->records += from->records;
    to->flags |= t->mark;
    if (fresh && how == HOW_STRAIGHT) {
        const struct group_layout *a = p->w->spec.layout, *b = p->from->layout;
        memcpy((u8 *)to + a->fixed_end, (const u8 *)from + b->fixed_end, a->size - a->fixed_end);
        return 0;
    }
    groups_merge_row(how == HOW_MIRRORED ? &f->mirrored : &f->straight, (u8 *)to, (const u8 *)from);
    if (how == HOW_CROSSED) groups_merge_row(&f->crossed, (u8 *)to, (const u8 *)from);
    return to->flags & GROUP_OTHER ? from->records : 0;
}

/* Folds all jobs into one table; gives the records that went to its `other` row. */
static u64 batch_fold(const struct push *p, const struct target *t)
{
    u32 rows[GROUPS_BATCH];
    u64 full = 0, fresh = rows_find(p, t, rows);
    for (u32 j = 0; j < p->jobs; j++) full += row_fold(p, t, j, rows[j], fresh >> j & 1);
    return full;
}

static void batch_late(struct push *p)
{
    struct window *w = p->w;
    batch_fold(p, &(struct target){ &w->late, &w->memo[MEMO_LATE], p->place.start, 0 });
}

static void batch_pane(struct push *p)
{
    struct window *w = p->w;
    struct pane   *pane = p->place.pane;
    bool           kept = pane->state == PANE_KEPT;
    u64            full = batch_fold(p, &(struct target){ &pane->groups, &w->memo[MEMO_PANE], pane->start,
                                                          kept ? GROUP_AMENDED : 0 });
    pane->changed = true;
    w->full += full;
    if (full > 0) w->changed = true;
    if (!kept) return;
    pane->amended = true;
    batch_fold(p, &(struct target){ &w->delta, &w->memo[MEMO_DELTA], pane->start, 0 });
}

static void batch_flush(struct push *p)
{
    if (p->jobs == 0) return;
    if (p->place.pane != NULL) batch_pane(p);
    else batch_late(p);
    p->jobs = 0;
}

/* --- where rows go --- */

/* Start of the window that holds `t`. The two windows at the very beginning of time are one, so that no start, and no
 * end of a window before, is out of range. */
static nanos start_of(const struct window *w, nanos t)
{
    nanos length = w->spec.length, least = NANOS_MIN + length;
    if (t < least) t = least;
    return nanos_floor(t, length);
}

/* A new pane for `start`: like the others of this start, if there are; or open; or, where the watermark has passed an
 * empty window, kept from the beginning. */
static struct pane *pane_open(struct window *w, nanos start, u32 part)
{
    const struct pane *other = window_any(w, start);
    struct pane       *pane = window_add(w, start, part);
    pane->object = w->next_object++;
    w->changed = true;
    if (other != NULL) {
        pane->state = other->state;
        pane->why = other->why;
    } else if (pane_end(w, pane) <= w->watermark) {
        pane->state = PANE_KEPT;
        pane->why = w->why;
    }
    return pane;
}

static struct place place_find(struct window *w, nanos t, u32 part)
{
    struct place place = { .start = start_of(w, t) };
    place.end = nanos_after(place.start, w->spec.length);
    if (window_is_past(w, place.start)) return place;
    place.pane = window_find(w, place.start, part);
    if (place.pane != NULL) return place;
    if (w->starts < w->spec.panes_max || window_any(w, place.start)) place.pane = pane_open(w, place.start, part);
    return place;
}

/* Panes neither go nor come between the rows of one start, so what holds after the push held for each of them; and
 * where a start has a pane of some part, there is room for one of each. */
bool window_took(struct window *w, nanos t)
{
    nanos start = start_of(w, t);
    return !window_is_past(w, start) && window_any(w, start) != NULL;
}

/* Makes `p->place` that of time t; what was gathered for another place is folded first. */
static void place_turn(struct push *p, nanos t)
{
    if (p->placed && t >= p->place.start && t < p->place.end) return;
    batch_flush(p);
    p->place = place_find(p->w, t, p->part);
    p->placed = true;
    memo_turn(&p->w->memo[MEMO_PANE], strings_count(&p->from->words));
}

static void count(struct push *p, u64 records)
{
    if (p->place.pane == NULL) {
        p->counts->late += records;
        return;
    }
    p->counts->applied += records;
    if (p->place.pane->state == PANE_KEPT) p->counts->amended += records;
}

/* --- which jobs a row makes --- */

/* At most two; 0: the row has no key. */
static u32 jobs_of(const struct push *p, const struct group_row *row, enum how *how)
{
    const struct feed         *f = p->feed;
    const struct group_column *c = p->from->layout->column;
    const u8                  *bytes = (const u8 *)row;
    how[0] = row->flags & GROUP_OTHER ? HOW_OTHER : HOW_STRAIGHT;
    if (how[0] == HOW_OTHER || f->way == FEED_SAME || f->way == FEED_KEYS) return 1;
    const struct group_column *a = &c[f->column[0]], *b = &c[f->column[1]];
    u32                        n = cell_null(a, bytes) ? 0 : 1;
    if (f->way == FEED_KEY) return n;
    if (n == 1 && cells_equal(a, b, bytes)) {
        how[0] = HOW_CROSSED;
        return 1;
    }
    if (!cell_null(b, bytes)) how[n++] = HOW_MIRRORED;
    return n;
}

void window_push_rows(struct window *w, const struct feed *feed, const struct groups *from, u32 first, u32 end,
                      u32 part, struct window_push_counts *counts)
{
    struct push p = { .w = w, .feed = feed, .from = from, .counts = counts, .part = part };
    u32         strings = strings_count(&from->words);
    WEIR_ASSERT(first <= end && end <= groups_count(from));
    for (u32 i = 0; i < MEMOS; i++) memo_turn(&w->memo[i], strings);
    for (u32 i = first; i < end; i++) {
        const struct group_row *row = groups_row(from, i);
        enum how                how[2];
        u32                     n = jobs_of(&p, row, how);
        if (n == 0) {
            counts->left_out += row->records;
            continue;
        }
        place_turn(&p, row->start);
        if (p.jobs + n > GROUPS_BATCH) batch_flush(&p);
        for (u32 j = 0; j < n; j++) p.job[p.jobs++] = (struct job){ i, how[j] };
        count(&p, row->records);
    }
    batch_flush(&p);
}

void window_push(struct window *w, const struct feed *feed, const struct groups *from,
                 struct window_push_counts *counts)
{
    window_push_rows(w, feed, from, 0, groups_count(from), 0, counts);
}
