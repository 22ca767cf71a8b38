/* SPDX-License-Identifier: Apache-2.0 */
/* kernel.h: what the kernels share: registers of an operation, null bits, conditions packed from bytes.
 *
 * A loop over 64 rows writes bytes, which compilers turn into vector code, and then packs them into a word. */
#pragma once

#include "expr/program.h"

#define INLINE static inline __attribute__((always_inline))

INLINE struct reg *reg_out(struct expr_run *r, const struct op *o) { return &r->reg[o->out]; }
INLINE const struct reg *reg_a(struct expr_run *r, const struct op *o) { return &r->reg[o->a]; }
INLINE const struct reg *reg_b(struct expr_run *r, const struct op *o) { return &r->reg[o->b]; }
INLINE const struct reg *reg_c(struct expr_run *r, const struct op *o) { return &r->reg[o->c]; }

INLINE u32 words_of(u32 rows)
{
    return (rows + 63) / 64;
}

INLINE bool bit(const u64 *bits, u32 i)
{
    return bits[i >> 6] >> (i & 63) & 1;
}

INLINE bool is_null(const struct reg *g, u32 i)
{
    return g->nulls != NULL && bit(g->nulls, g->step ? i : 0);
}

/* Word w of a register's bits; a constant's lowest bit stands for all. */
INLINE u64 bits_word(const struct reg *g, const u64 *bits, u32 w)
{
    if (bits == NULL) return 0;
    return g->step ? bits[w] : 0 - (bits[0] & 1);
}

INLINE u64 nulls_word(const struct reg *g, u32 w)
{
    return bits_word(g, g->nulls, w);
}

/* 64 bytes of 0 or 1 to a word: the product brings the lowest bit of each byte into the top one. */
INLINE u64 pack(const u8 t[64])
{
    u64 word = 0;
    for (u32 k = 0; k < 8; k++) {
        u64 eight;
        memcpy(&eight, t + 8 * k, 8);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
        eight = __builtin_bswap64(eight);
#endif
        word |= (eight * 0x0102040810204080u >> 56) << (8 * k);
    }
    return word;
}

/* bits of word w = `test`, an expression of i. */
#define PACK_ROWS(n, w, bits, test)                                  \
    do {                                                             \
        u8  t_[64];                                                  \
        u32 from_ = (w) * 64;                                        \
        if ((n) - from_ >= 64) {                                     \
            for (u32 k_ = 0; k_ < 64; k_++) {                        \
                u32 i = from_ + k_;                                  \
                t_[k_] = (u8)(test);                                 \
            }                                                        \
        } else {                                                     \
            memset(t_, 0, sizeof t_);                                \
            for (u32 i = from_; i < (n); i++) t_[i - from_] = (u8)(test); \
        }                                                            \
        (bits) = pack(t_);                                           \
    } while (0)

/* The register's null bits, to be written. */
INLINE u64 *nulls_own(struct reg *g)
{
    if (g->nulls == NULL) {
        memset(g->room_nulls, 0, BIT_WORDS * sizeof(u64));
        g->nulls = g->room_nulls;
    }
    return g->nulls;
}

/* Begins a result in its own memory without nulls. */
INLINE struct reg *reg_begin(struct expr_run *r, const struct op *o)
{
    struct reg *g = reg_out(r, o);
    g->cells = g->room;
    g->nulls = NULL;
    g->step = 1;
    g->words = NULL;
    return g;
}

/* The result is null where one of these is. Always own bits: an operand's are reused. */
INLINE void nulls_join(struct expr_run *r, struct reg *g, const struct reg *a, const struct reg *b)
{
    if (a->nulls == NULL && (b == NULL || b->nulls == NULL)) return;
    g->nulls = g->room_nulls;
    for (u32 w = 0; w < words_of(r->rows); w++) g->nulls[w] = nulls_word(a, w) | (b ? nulls_word(b, w) : 0);
}

/* Conditions: what is null is not true. */
INLINE void bits_done(struct expr_run *r, struct reg *g)
{
    u64 *bits = g->cells;
    if (g->nulls == NULL) return;
    for (u32 w = 0; w < words_of(r->rows); w++) bits[w] &= ~g->nulls[w];
}

/* Rows that an operation had no value for; among null ones they mean nothing. `faults`: of the run. */
INLINE void fault_rows(struct expr_run *r, struct reg *g, u64 *faults, u32 w, u64 rows)
{
    rows &= g->nulls == NULL ? ~(u64)0 : ~g->nulls[w];
    if (__builtin_expect(rows == 0, 1)) return;
    nulls_own(g)[w] |= rows;
    faults[w] |= rows;
    r->faults = true;
}
