/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_bool.c: three-valued logic on words of bits, and what chooses between two values.
 *
 * A condition is two bits a row, true and null, never both; false is neither. */
#include "expr/kernel.h"

static void logic_and(struct expr_run *r, const struct op *o)
{
    struct reg       *g = reg_begin(r, o);
    const struct reg *a = reg_a(r, o), *b = reg_b(r, o);
    u64              *out = g->cells;
    bool              nulls = a->nulls != NULL || b->nulls != NULL;
    if (nulls) g->nulls = g->room_nulls;
    for (u32 w = 0; w < words_of(r->rows); w++) {
        u64 x = bits_word(a, a->cells, w), y = bits_word(b, b->cells, w), both = x & y;
        if (nulls) g->nulls[w] = (x | nulls_word(a, w)) & (y | nulls_word(b, w)) & ~both; /* no side is false */
        out[w] = both;
    }
}

static void logic_or(struct expr_run *r, const struct op *o)
{
    struct reg       *g = reg_begin(r, o);
    const struct reg *a = reg_a(r, o), *b = reg_b(r, o);
    u64              *out = g->cells;
    bool              nulls = a->nulls != NULL || b->nulls != NULL;
    if (nulls) g->nulls = g->room_nulls;
    for (u32 w = 0; w < words_of(r->rows); w++) {
        u64 one = bits_word(a, a->cells, w) | bits_word(b, b->cells, w);
        if (nulls) g->nulls[w] = (nulls_word(a, w) | nulls_word(b, w)) & ~one;
        out[w] = one;
    }
}

static void logic_not(struct expr_run *r, const struct op *o)
{
    struct reg       *g = reg_begin(r, o);
    const struct reg *a = reg_a(r, o);
    u64              *out = g->cells;
    for (u32 w = 0; w < words_of(r->rows); w++) out[w] = ~bits_word(a, a->cells, w);
    nulls_join(r, g, a, NULL);
    bits_done(r, g);
}

static void logic_null(struct expr_run *r, const struct op *o, u64 turn)
{
    const struct reg *a = reg_a(r, o);
    struct reg       *g = reg_begin(r, o);
    u64              *out = g->cells;
    for (u32 w = 0; w < words_of(r->rows); w++) out[w] = nulls_word(a, w) ^ turn;
}

static void logic_is_null(struct expr_run *r, const struct op *o) { logic_null(r, o, 0); }
static void logic_is_not_null(struct expr_run *r, const struct op *o) { logic_null(r, o, ~(u64)0); }

/* --- choices: `first` bits take a's cell, others b's --- */

static void choose_nulls(struct expr_run *r, struct reg *g, const struct reg *a, const struct reg *b, const u64 *first)
{
    if (a->nulls == NULL && b->nulls == NULL) return;
    g->nulls = g->room_nulls;
    for (u32 w = 0; w < words_of(r->rows); w++)
        g->nulls[w] = (nulls_word(a, w) & first[w]) | (nulls_word(b, w) & ~first[w]);
}

static void choose_bits(struct expr_run *r, struct reg *g, const struct reg *a, const struct reg *b, const u64 *first)
{
    u64 *out = g->cells;
    for (u32 w = 0; w < words_of(r->rows); w++)
        out[w] = (bits_word(a, a->cells, w) & first[w]) | (bits_word(b, b->cells, w) & ~first[w]);
    choose_nulls(r, g, a, b, first);
    bits_done(r, g);
}

#define CHOOSE(name, T)                                                                                         \
    static void name(struct expr_run *r, struct reg *g, const struct reg *a, const struct reg *b, const u64 *first) \
    {                                                                                                           \
        const T *x = a->cells, *y = b->cells;                                                                   \
        T       *out = g->cells;                                                                                \
        for (u32 i = 0; i < r->rows; i++) out[i] = bit(first, i) ? x[i * a->step] : y[i * b->step];             \
        choose_nulls(r, g, a, b, first);                                                                        \
    }

CHOOSE(choose_words, u64)
CHOOSE(choose_addrs, addr)
CHOOSE(choose_nets, net)
CHOOSE(choose_slices, slice)

typedef void choose(struct expr_run *, struct reg *, const struct reg *, const struct reg *, const u64 *);

/* if(c, a, b): registers a, b, c of the operation are those of the call in that order. */
static void if_any(struct expr_run *r, const struct op *o, choose *by)
{
    const struct reg *c = reg_a(r, o);
    u64               first[BIT_WORDS];
    struct reg       *g = reg_begin(r, o);
    for (u32 w = 0; w < words_of(r->rows); w++) first[w] = bits_word(c, c->cells, w);
    by(r, g, reg_b(r, o), reg_c(r, o), first);
}

static void coalesce_any(struct expr_run *r, const struct op *o, choose *by)
{
    const struct reg *a = reg_a(r, o);
    u64               first[BIT_WORDS];
    struct reg       *g = reg_begin(r, o);
    for (u32 w = 0; w < words_of(r->rows); w++) first[w] = ~nulls_word(a, w);
    by(r, g, a, reg_b(r, o), first);
}

static void if_bits(struct expr_run *r, const struct op *o) { if_any(r, o, choose_bits); }
static void if_words(struct expr_run *r, const struct op *o) { if_any(r, o, choose_words); }
static void if_addrs(struct expr_run *r, const struct op *o) { if_any(r, o, choose_addrs); }
static void if_nets(struct expr_run *r, const struct op *o) { if_any(r, o, choose_nets); }
static void if_slices(struct expr_run *r, const struct op *o) { if_any(r, o, choose_slices); }
static void coalesce_bits(struct expr_run *r, const struct op *o) { coalesce_any(r, o, choose_bits); }
static void coalesce_words(struct expr_run *r, const struct op *o) { coalesce_any(r, o, choose_words); }
static void coalesce_addrs(struct expr_run *r, const struct op *o) { coalesce_any(r, o, choose_addrs); }
static void coalesce_nets(struct expr_run *r, const struct op *o) { coalesce_any(r, o, choose_nets); }
static void coalesce_slices(struct expr_run *r, const struct op *o) { coalesce_any(r, o, choose_slices); }

/* A condition as 0 or 1; scale 1.0 for decimals. */
static void bits_u64(struct expr_run *r, const struct op *o)
{
    const struct reg *a = reg_a(r, o);
    struct reg       *g = reg_begin(r, o);
    u64              *out = g->cells;
    for (u32 i = 0; i < r->rows; i++) out[i] = bit(a->cells, a->step ? i : 0);
    nulls_join(r, g, a, NULL);
}

static void bits_f64(struct expr_run *r, const struct op *o)
{
    const struct reg *a = reg_a(r, o);
    struct reg       *g = reg_begin(r, o);
    f64              *out = g->cells;
    for (u32 i = 0; i < r->rows; i++) out[i] = bit(a->cells, a->step ? i : 0) ? 1.0 : 0.0;
    nulls_join(r, g, a, NULL);
}

#define ANY_KIND(k) \
    { { [KIND_BOOL] = k, [KIND_U64] = k, [KIND_I64] = k, [KIND_F64] = k, [KIND_TIME] = k, [KIND_MAC] = k, \
        [KIND_ADDR] = k, \
        [KIND_NET] = k, [KIND_TEXT] = k, [KIND_TAG] = k, [KIND_SAMPLING] = k, [KIND_BINS] = k } }
#define CHOICE(of) \
    { { [KIND_BOOL] = of##_bits, [KIND_U64] = of##_words, [KIND_I64] = of##_words, [KIND_F64] = of##_words, \
        [KIND_TIME] = of##_words, [KIND_MAC] = of##_words, [KIND_ADDR] = of##_addrs, [KIND_NET] = of##_nets, \
        [KIND_TEXT] = of##_slices } }

/* Of `if` the kind is the second operand's. */
const struct kernels bool_kernels[NODES] = {
    [NODE_AND] = { { [KIND_BOOL] = logic_and } },
    [NODE_OR] = { { [KIND_BOOL] = logic_or } },
    [NODE_NOT] = { { [KIND_BOOL] = logic_not } },
    [NODE_IS_NULL] = ANY_KIND(logic_is_null),
    [NODE_IS_NOT_NULL] = ANY_KIND(logic_is_not_null),
    [NODE_IF] = CHOICE(if),
    [NODE_COALESCE] = CHOICE(coalesce),
    [NODE_TO_U64] = { { [KIND_BOOL] = bits_u64 } },
    [NODE_TO_F64] = { { [KIND_BOOL] = bits_f64 } },
};
