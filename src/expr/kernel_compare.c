/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_compare.c: comparisons to bits. A constant stands on the right: the compiler turns the others round. */
#include "expr/kernel.h"

#define COMPARE(name, T, wide, mark)                                          \
    static void name(struct expr_run *r, const struct op *o)                  \
    {                                                                         \
        struct reg *g = reg_begin(r, o);                                      \
        const T    *a = reg_a(r, o)->cells, *b = reg_b(r, o)->cells;          \
        u64        *out = g->cells;                                           \
        u32         n = r->rows;                                              \
        if (reg_b(r, o)->step == 0) {                                         \
            const wide one = (wide)b[0];                                      \
            for (u32 w = 0; w < words_of(n); w++) PACK_ROWS(n, w, out[w], (wide)a[i] mark one); \
        } else {                                                              \
            for (u32 w = 0; w < words_of(n); w++) PACK_ROWS(n, w, out[w], (wide)a[i] mark (wide)b[i]); \
        }                                                                     \
        nulls_join(r, g, reg_a(r, o), reg_b(r, o));                           \
        bits_done(r, g);                                                      \
    }

COMPARE(eq_u64, u64, u64, ==)
COMPARE(ne_u64, u64, u64, !=)
COMPARE(lt_u64, u64, u64, <)
COMPARE(le_u64, u64, u64, <=)
COMPARE(gt_u64, u64, u64, >)
COMPARE(ge_u64, u64, u64, >=)
COMPARE(lt_i64, i64, i64, <)
COMPARE(le_i64, i64, i64, <=)
COMPARE(gt_i64, i64, i64, >)
COMPARE(ge_i64, i64, i64, >=)
COMPARE(eq_f64, f64, f64, ==)
COMPARE(ne_f64, f64, f64, !=)
COMPARE(lt_f64, f64, f64, <)
COMPARE(le_f64, f64, f64, <=)
COMPARE(gt_f64, f64, f64, >)
COMPARE(ge_f64, f64, f64, >=)

/* --- a: signed, b: not. In 128 bits, so that no value is out of reach. --- */

#define COMPARE_MIXED(name, mark)                                             \
    void name(struct expr_run *r, const struct op *o)                         \
    {                                                                         \
        struct reg *g = reg_begin(r, o);                                      \
        const i64  *a = reg_a(r, o)->cells;                                   \
        const u64  *b = reg_b(r, o)->cells;                                   \
        u32         n = r->rows, x = reg_a(r, o)->step, y = reg_b(r, o)->step; \
        u64        *out = g->cells;                                           \
        for (u32 w = 0; w < words_of(n); w++) PACK_ROWS(n, w, out[w], (i128)a[i * x] mark (i128)b[i * y]); \
        nulls_join(r, g, reg_a(r, o), reg_b(r, o));                           \
        bits_done(r, g);                                                      \
    }

COMPARE_MIXED(compare_mixed_eq, ==)
COMPARE_MIXED(compare_mixed_ne, !=)
COMPARE_MIXED(compare_mixed_lt, <)
COMPARE_MIXED(compare_mixed_le, <=)
COMPARE_MIXED(compare_mixed_gt, >)
COMPARE_MIXED(compare_mixed_ge, >=)

/* --- cells of many bytes: by a function of two cells, and only where there are values --- */

#define COMPARE_BY(name, T, test)                                             \
    static void name(struct expr_run *r, const struct op *o)                  \
    {                                                                         \
        struct reg *g = reg_begin(r, o);                                      \
        const T    *a = reg_a(r, o)->cells, *b = reg_b(r, o)->cells;          \
        u32         n = r->rows, x = reg_a(r, o)->step, y = reg_b(r, o)->step; \
        u64        *out = g->cells;                                           \
        nulls_join(r, g, reg_a(r, o), reg_b(r, o));                           \
        memset(out, 0, words_of(n) * sizeof *out);                            \
        for (u32 i = 0; i < n; i++)                                           \
            if (!is_null(g, i)) out[i >> 6] |= (u64)(test(&a[i * x], &b[i * y])) << (i & 63); \
    }

INLINE bool eq_slices(const slice *a, const slice *b) { return slice_eq(*a, *b); }
INLINE bool ne_slices(const slice *a, const slice *b) { return !slice_eq(*a, *b); }
INLINE bool lt_slices(const slice *a, const slice *b) { return slice_cmp(*a, *b) < 0; }
INLINE bool le_slices(const slice *a, const slice *b) { return slice_cmp(*a, *b) <= 0; }
INLINE bool gt_slices(const slice *a, const slice *b) { return slice_cmp(*a, *b) > 0; }
INLINE bool ge_slices(const slice *a, const slice *b) { return slice_cmp(*a, *b) >= 0; }
INLINE bool eq_addrs(const addr *a, const addr *b) { return memcmp(a, b, 16) == 0; }
INLINE bool ne_addrs(const addr *a, const addr *b) { return memcmp(a, b, 16) != 0; }
INLINE bool lt_addrs(const addr *a, const addr *b) { return memcmp(a, b, 16) < 0; }
INLINE bool le_addrs(const addr *a, const addr *b) { return memcmp(a, b, 16) <= 0; }
INLINE bool gt_addrs(const addr *a, const addr *b) { return memcmp(a, b, 16) > 0; }
INLINE bool ge_addrs(const addr *a, const addr *b) { return memcmp(a, b, 16) >= 0; }
INLINE bool eq_nets(const net *a, const net *b) { return a->bits == b->bits && memcmp(&a->at, &b->at, 16) == 0; }
INLINE bool ne_nets(const net *a, const net *b) { return !eq_nets(a, b); }

COMPARE_BY(eq_text, slice, eq_slices)
COMPARE_BY(ne_text, slice, ne_slices)
COMPARE_BY(lt_text, slice, lt_slices)
COMPARE_BY(le_text, slice, le_slices)
COMPARE_BY(gt_text, slice, gt_slices)
COMPARE_BY(ge_text, slice, ge_slices)
COMPARE_BY(eq_addr, addr, eq_addrs)
COMPARE_BY(ne_addr, addr, ne_addrs)
COMPARE_BY(lt_addr, addr, lt_addrs)
COMPARE_BY(le_addr, addr, le_addrs)
COMPARE_BY(gt_addr, addr, gt_addrs)
COMPARE_BY(ge_addr, addr, ge_addrs)
COMPARE_BY(eq_net, net, eq_nets)
COMPARE_BY(ne_net, net, ne_nets)

/* --- conditions --- */

static void bits_compare(struct expr_run *r, const struct op *o, u64 turn)
{
    struct reg       *g = reg_begin(r, o);
    const struct reg *a = reg_a(r, o), *b = reg_b(r, o);
    u64              *out = g->cells;
    for (u32 w = 0; w < words_of(r->rows); w++)
        out[w] = bits_word(a, a->cells, w) ^ bits_word(b, b->cells, w) ^ turn;
    nulls_join(r, g, a, b);
    bits_done(r, g);
}

static void eq_bits(struct expr_run *r, const struct op *o) { bits_compare(r, o, ~(u64)0); }
static void ne_bits(struct expr_run *r, const struct op *o) { bits_compare(r, o, 0); }

/* --- tags: by id --- */

/* Two columns of one dictionary by their ids, of two by their words. */
static void tags_compare(struct expr_run *r, struct reg *g, const struct reg *a, const struct reg *b)
{
    const u32 *x = a->cells, *y = b->cells;
    u64       *out = g->cells;
    if (a->words == b->words) {
        for (u32 w = 0; w < words_of(r->rows); w++) PACK_ROWS(r->rows, w, out[w], x[i] == y[i]);
        return;
    }
    memset(out, 0, words_of(r->rows) * sizeof *out);
    for (u32 i = 0; i < r->rows; i++)
        if (!is_null(g, i) && slice_eq(strings_get(a->words, x[i]), strings_get(b->words, y[i])))
            out[i >> 6] |= (u64)1 << (i & 63);
}

static void tag_eq(struct expr_run *r, const struct op *o, u64 turn)
{
    struct reg       *g = reg_begin(r, o);
    const struct reg *a = reg_a(r, o), *b = reg_b(r, o);
    const u32        *x = a->cells;
    u64              *out = g->cells;
    nulls_join(r, g, a, b);
    if (b->step == 0) { /* id 0 is of null rows, which bits_done clears: a word that no record has is id 0, too */
        u32 id = a->words == NULL || is_null(b, 0) ? 0 : strings_find(a->words, *(const slice *)b->cells);
        for (u32 w = 0; w < words_of(r->rows); w++) PACK_ROWS(r->rows, w, out[w], x[i] == id);
    } else {
        tags_compare(r, g, a, b);
    }
    for (u32 w = 0; w < words_of(r->rows); w++) out[w] ^= turn;
    bits_done(r, g);
}

void compare_tag_eq(struct expr_run *r, const struct op *o) { tag_eq(r, o, 0); }
void compare_tag_ne(struct expr_run *r, const struct op *o) { tag_eq(r, o, ~(u64)0); }

#define ORDERED(by) \
    { { [KIND_U64] = by##_u64, [KIND_I64] = by##_i64, [KIND_F64] = by##_f64, [KIND_TIME] = by##_i64, \
        [KIND_TEXT] = by##_text, [KIND_ADDR] = by##_addr } }

const struct kernels compare_kernels[NODES] = {
    [NODE_EQ] = { { [KIND_U64] = eq_u64, [KIND_I64] = eq_u64, [KIND_F64] = eq_f64, [KIND_TIME] = eq_u64,
                    [KIND_MAC] = eq_u64,
                    [KIND_TEXT] = eq_text, [KIND_ADDR] = eq_addr, [KIND_NET] = eq_net, [KIND_BOOL] = eq_bits } },
    [NODE_NE] = { { [KIND_U64] = ne_u64, [KIND_I64] = ne_u64, [KIND_F64] = ne_f64, [KIND_TIME] = ne_u64,
                    [KIND_MAC] = ne_u64,
                    [KIND_TEXT] = ne_text, [KIND_ADDR] = ne_addr, [KIND_NET] = ne_net, [KIND_BOOL] = ne_bits } },
    [NODE_LT] = ORDERED(lt),
    [NODE_LE] = ORDERED(le),
    [NODE_GT] = ORDERED(gt),
    [NODE_GE] = ORDERED(ge),
};
