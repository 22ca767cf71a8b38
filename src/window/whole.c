/* SPDX-License-Identifier: Apache-2.0 */
/* whole.c: tables of one layout and one start folded into one; see whole.h.
 *
 * All of them: 64 rows at a time are found or added, then folded. Only the amended: their keys are gathered first, then
 * each part is asked for each key, so that a few late records in large windows cost little. Both fold the parts in the
 * same order, so that both give the same values (FIRST and LAST of equal times, sums of floats). */
#include "window/whole.h"

#include <stdlib.h>

#define KEY_AT    ((u32)offsetof(struct group_row, start))
#define ROWS_MAX  0x7fffffffu
#define SPARE_MAX ((u64)64 << 20) /* of memory kept for the next time */

struct whole {
    const struct group_layout *layout;
    struct group_program       same;
    struct groups              groups;
    u32                        revision;
    u8                        *keys; /* room for GROUPS_BATCH */
};

/* Rows of one pane on their way. */
struct load {
    const struct groups *from;
    u32                  rows;
    u32                  row[GROUPS_BATCH];
};

void whole_open(struct whole **out, const struct group_layout *layout)
{
    struct whole *w = calloc(1, sizeof *w);
    WEIR_ASSERT(w != NULL);
    w->layout = layout;
    group_program_init(&w->same, layout, layout, GROUP_STRAIGHT);
    groups_init(&w->groups, layout, ROWS_MAX);
    w->keys = malloc((size_t)GROUPS_BATCH * (layout->key_end - KEY_AT));
    WEIR_ASSERT(w->keys != NULL);
    *out = w;
}

void whole_close(struct whole *w)
{
    if (w == NULL) return;
    groups_fini(&w->groups);
    free(w->keys);
    free(w);
}

void whole_rest(struct whole *w)
{
    if (groups_memory(&w->groups) <= SPARE_MAX) return;
    groups_fini(&w->groups);
    groups_init(&w->groups, w->layout, ROWS_MAX);
}

u64 whole_memory(const struct whole *w)
{
    return sizeof *w + groups_memory(&w->groups);
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

/* --- rows ------------------------------------------------------------------------------------------------------- */

/* The row's key in words of `w`. False: there is no room for a word. */
static bool key_take(struct whole *w, const struct groups *from, const u8 *row, u8 *key)
{
    const struct group_layout *l = w->layout;
    memcpy(key, row + KEY_AT, l->key_end - KEY_AT);
    for (u32 i = 0; l->texts && i < l->keys; i++) {
        if (!is_text(&l->column[i])) continue;
        u32 theirs = text_id(row + l->column[i].at), ours = groups_word(&w->groups, &from->words, theirs, true);
        if (theirs != 0 && ours == 0) return false;
        memcpy(key + l->column[i].at - KEY_AT, &ours, sizeof ours);
    }
    return true;
}

/* Fills `rows` with the target row of each row of the load. */
static void rows_find(struct whole *w, const struct load *load, u32 *rows)
{
    u32 n = 0, of[GROUPS_BATCH], found[GROUPS_BATCH];
    u64 fresh;
    for (u32 i = 0; i < load->rows; i++) {
        const struct group_row *row = groups_row(load->from, load->row[i]);
        u8                     *key = w->keys + (size_t)n * (w->layout->key_end - KEY_AT);
        bool                    other = row->flags & GROUP_OTHER;
        if (!other && key_take(w, load->from, (const u8 *)row, key)) of[n++] = i;
        else rows[i] = groups_other(&w->groups, row->start);
    }
    if (n > 0) groups_find_add(&w->groups, w->keys, n, found, &fresh);
    for (u32 k = 0; k < n; k++) rows[of[k]] = found[k];
}

/* What follows from the key comes from the first part that has it. */
static void carry(struct whole *w, const struct groups *from, const u8 *row, u8 *to)
{
    const struct group_layout *l = w->layout;
    memcpy(to + l->key_end, row + l->key_end, l->fixed_end - l->key_end);
    for (u32 i = l->keys; i < l->keys + l->carried; i++) {
        if (!is_text(&l->column[i])) continue;
        u32 ours = groups_word(&w->groups, &from->words, text_id(row + l->column[i].at), true);
        memcpy(to + l->column[i].at, &ours, sizeof ours);
    }
}

static void row_fold(struct whole *w, const struct groups *from, const struct group_row *row, u32 at)
{
    const struct group_layout *l = w->layout;
    struct group_row          *to = groups_row_write(&w->groups, at);
    bool                       first = to->records == 0;
    to->records += row->records;
    to->flags |= row->flags & GROUP_AMENDED;
    to->revision += row->revision;
    if (to->revision > w->revision) w->revision = to->revision;
    if (!first) {
        groups_merge_row(&w->same, (u8 *)to, (const u8 *)row);
        return;
    }
    if (l->carried > 0 && !(to->flags & GROUP_OTHER)) carry(w, from, (const u8 *)row, (u8 *)to);
    memcpy((u8 *)to + l->fixed_end, (const u8 *)row + l->fixed_end, l->size - l->fixed_end);
}

static void begin(struct whole *w)
{
    groups_reset(&w->groups);
    w->revision = 0;
}

/* --- all groups ------------------------------------------------------------------------------------------------- */

static void load_fold(struct whole *w, const struct load *load)
{
    u32 rows[GROUPS_BATCH];
    rows_find(w, load, rows);
    for (u32 i = 0; i < load->rows; i++)
        row_fold(w, load->from, groups_row(load->from, load->row[i]), rows[i]);
}

static void pane_fold(struct whole *w, const struct groups *g)
{
    struct load load = { .from = g };
    for (u32 i = 0; i < groups_count(g); i++) {
        load.row[load.rows++] = i;
        if (load.rows < GROUPS_BATCH) continue;
        load_fold(w, &load);
        load.rows = 0;
    }
    load_fold(w, &load);
}

const struct groups *whole_all(struct whole *w, struct panes of, u32 *revision)
{
    const struct pane *only = of.at[0];
    if (of.count == 1) {
        *revision = only->revision;
        return &only->groups;
    }
    begin(w);
    for (u32 i = 0; i < of.count; i++) pane_fold(w, &of.at[i]->groups);
    *revision = w->revision;
    return &w->groups;
}

/* --- the amended ------------------------------------------------------------------------------------------------ */

/* Rows for the keys of amended rows; nothing is folded yet. */
static void keys_gather(struct whole *w, const struct pane *p)
{
    struct load load = { .from = &p->groups };
    u32         rows[GROUPS_BATCH];
    for (u32 i = 0; p->amended && i < groups_count(&p->groups); i++) {
        if (!(groups_row(&p->groups, i)->flags & GROUP_AMENDED)) continue;
        load.row[load.rows++] = i;
        if (load.rows < GROUPS_BATCH) continue;
        rows_find(w, &load, rows);
        load.rows = 0;
    }
    rows_find(w, &load, rows);
}

/* The pane's row of the same key as row `at` of ours; UINT32_MAX: it has none. */
static u32 row_of(const struct whole *w, const struct groups *in, u32 at)
{
    const struct group_layout *l = w->layout;
    const u8                  *row = (const u8 *)groups_row(&w->groups, at);
    u8                        *key = w->keys;
    if (at + 1 == w->groups.other) return in->other - 1; /* 0: none, so UINT32_MAX */
    memcpy(key, row + KEY_AT, l->key_end - KEY_AT);
    for (u32 i = 0; l->texts && i < l->keys; i++) {
        if (!is_text(&l->column[i])) continue;
        u32 ours = text_id(row + l->column[i].at), theirs = 0;
        if (ours != 0) theirs = strings_find(&in->words, strings_get(&w->groups.words, ours));
        if (ours != 0 && theirs == 0) return UINT32_MAX;
        memcpy(key + l->column[i].at - KEY_AT, &theirs, sizeof theirs);
    }
    return groups_find(in, key);
}

static void keys_fold(struct whole *w, const struct groups *from)
{
    for (u32 at = 0; at < groups_count(&w->groups); at++) {
        u32 row = row_of(w, from, at);
        if (row != UINT32_MAX) row_fold(w, from, groups_row(from, row), at);
    }
}

const struct groups *whole_amended(struct whole *w, struct panes of)
{
    const struct pane *only = of.at[0];
    if (of.count == 1) return &only->groups;
    begin(w);
    for (u32 i = 0; i < of.count; i++) keys_gather(w, of.at[i]);
    for (u32 i = 0; i < of.count; i++) keys_fold(w, &of.at[i]->groups);
    return &w->groups;
}
