/* SPDX-License-Identifier: Apache-2.0 */
/* load.c: columns of a batch as registers. Cells are not copied where their form is that of the register.
 *
 * What a column says in its own way becomes null bits here: absent columns, nets of NET_NULL bits, tags of id 0,
 * samplings of nothing. */
#include "expr/kernel.h"

/* An absent column: a register of nulls over its own zeros. False: it is there. */
static bool load_absent(struct expr_run *r, struct reg *g, const struct column *c, size_t bytes)
{
    if (c->cells != NULL) return false;
    memset(g->room, 0, bytes * r->rows);
    memset(nulls_own(g), 0xff, BIT_WORDS * sizeof(u64));
    return true;
}

static const struct column *column_of(struct expr_run *r, const struct op *o)
{
    WEIR_ASSERT(o->column < r->batch->columns);
    return &r->batch->column[o->column];
}

static void load_as(struct expr_run *r, const struct op *o, size_t bytes)
{
    const struct column *c = column_of(r, o);
    struct reg          *g = reg_begin(r, o);
    if (load_absent(r, g, c, bytes)) return;
    g->cells = c->cells;
    g->nulls = c->nulls;
}

void load_cells(struct expr_run *r, const struct op *o)
{
    load_as(r, o, o->part); /* part: bytes of a cell */
}

/* Bits `more` of word w are null, besides those of the column. */
static void nulls_add(struct reg *g, u32 w, u64 more)
{
    if (more != 0) nulls_own(g)[w] |= more;
}

static void nulls_copy(struct expr_run *r, struct reg *g, const struct column *c)
{
    if (c->nulls == NULL) return;
    g->nulls = g->room_nulls;
    memcpy(g->nulls, c->nulls, words_of(r->rows) * sizeof(u64));
}

void load_net(struct expr_run *r, const struct op *o)
{
    const struct column *c = column_of(r, o);
    struct reg          *g = reg_begin(r, o);
    const net           *a = c->cells;
    u64                  none;
    if (load_absent(r, g, c, sizeof(net))) return;
    g->cells = c->cells;
    nulls_copy(r, g, c);
    for (u32 w = 0; w < words_of(r->rows); w++) {
        PACK_ROWS(r->rows, w, none, a[i].bits == NET_NULL);
        nulls_add(g, w, none);
    }
}

void load_tag(struct expr_run *r, const struct op *o)
{
    const struct column *c = column_of(r, o);
    struct reg          *g = reg_begin(r, o);
    const u32           *a = c->cells;
    u64                  none;
    if (load_absent(r, g, c, sizeof(u32))) return;
    g->cells = c->cells;
    g->words = c->words;
    nulls_copy(r, g, c);
    for (u32 w = 0; w < words_of(r->rows); w++) {
        PACK_ROWS(r->rows, w, none, a[i] == 0);
        nulls_add(g, w, none);
    }
}

/* A register of ids (a) as texts. */
void load_tag_text(struct expr_run *r, const struct op *o)
{
    struct reg       *g = reg_begin(r, o);
    const struct reg *a = reg_a(r, o);
    const u32        *id = a->cells;
    slice            *out = g->cells;
    nulls_join(r, g, a, NULL);
    for (u32 i = 0; i < r->rows; i++)
        if (!is_null(g, i)) out[i] = strings_get(a->words, id[i]);
}

/* --- samplings --- */

static const struct sampling *load_samplings(struct expr_run *r, const struct op *o, struct reg *g)
{
    const struct column   *c = column_of(r, o);
    const struct sampling *a = c->cells;
    u64                    none;
    if (load_absent(r, g, c, sizeof(u64))) return NULL;
    nulls_copy(r, g, c);
    for (u32 w = 0; w < words_of(r->rows); w++) {
        PACK_ROWS(r->rows, w, none, a[i].n == 0);
        nulls_add(g, w, none);
    }
    return a;
}

void load_part(struct expr_run *r, const struct op *o)
{
    struct reg            *g = reg_begin(r, o);
    const struct sampling *a = load_samplings(r, o, g);
    u64                   *out = g->cells;
    for (u32 i = 0; a != NULL && i < r->rows; i++)
        out[i] = o->part == PART_N ? a[i].n : o->part == PART_MIN ? a[i].min : a[i].max;
}

void load_part_avg(struct expr_run *r, const struct op *o)
{
    struct reg            *g = reg_begin(r, o);
    const struct sampling *a = load_samplings(r, o, g);
    f64                   *out = g->cells;
    for (u32 i = 0; a != NULL && i < r->rows; i++)
        out[i] = ((f64)a[i].sum_hi * 18446744073709551616.0 + (f64)a[i].sum_lo) / (f64)(a[i].n + (a[i].n == 0));
}

/* For `is null` alone: the cells mean nothing. */
void load_sampling_presence(struct expr_run *r, const struct op *o)
{
    (void)load_samplings(r, o, reg_begin(r, o));
}

/* --- others --- */

/* part: which bin; list is none; c: how many bins a row has. */
void load_bin(struct expr_run *r, const struct op *o)
{
    const struct column *c = column_of(r, o);
    struct reg          *g = reg_begin(r, o);
    const u64           *a = c->cells;
    u64                 *out = g->cells;
    size_t               bins = o->c;
    if (load_absent(r, g, c, sizeof(u64))) return;
    g->nulls = c->nulls;
    for (u32 i = 0; i < r->rows; i++) out[i] = a[i * bins + o->part];
}

void load_presence(struct expr_run *r, const struct op *o)
{
    load_as(r, o, 0);
}

void load_event_time(struct expr_run *r, const struct op *o)
{
    struct reg *g = reg_begin(r, o);
    i64        *out = g->cells;
    for (u32 i = 0; i < r->rows; i++) out[i] = r->batch->time != NULL ? r->batch->time[i] : r->batch->time_all;
}
