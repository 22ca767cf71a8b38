/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_number.c: arithmetic and casts between numbers. What leaves its range or is divided by zero becomes null,
 * noted in the run. Rows that are null already are computed like others, on whatever their cells hold. */
#include "expr/kernel.h"

#include <math.h>

/* 64 rows at most: cells, and a byte for each that has no value. `calc` sets out[i] and is 1 without one. */
#define ROWS(T, R, left, right, calc)                                         \
    for (u32 w = 0; w < words_of(n); w++) {                                   \
        u64 bad;                                                              \
        PACK_ROWS(n, w, bad, (calc(left, right, &out[i])));                   \
        fault_rows(r, g, r->overflow, w, bad);                                \
    }

/* T: operands; R: result */
#define BINARY(name, T, R, calc)                                              \
    static void name(struct expr_run *r, const struct op *o)                  \
    {                                                                         \
        struct reg *g = reg_begin(r, o);                                      \
        const T    *a = reg_a(r, o)->cells, *b = reg_b(r, o)->cells;          \
        R          *out = g->cells;                                           \
        u32         n = r->rows;                                              \
        nulls_join(r, g, reg_a(r, o), reg_b(r, o));                           \
        if (reg_b(r, o)->step == 0) {                                         \
            const T one = b[0];                                               \
            ROWS(T, R, a[i], one, calc)                                       \
        } else {                                                              \
            ROWS(T, R, a[i], b[i], calc)                                      \
        }                                                                     \
    }

#define UNARY(name, T, R, calc)                                               \
    void name(struct expr_run *r, const struct op *o)                         \
    {                                                                         \
        struct reg *g = reg_begin(r, o);                                      \
        const T    *a = reg_a(r, o)->cells;                                   \
        R          *out = g->cells;                                           \
        u32         n = r->rows;                                              \
        nulls_join(r, g, reg_a(r, o), NULL);                                  \
        ROWS(T, R, a[i], 0, calc)                                             \
    }

/* --- whole numbers --- */

INLINE bool calc_add_u64(u64 a, u64 b, u64 *out) { return __builtin_add_overflow(a, b, out); }
INLINE bool calc_mul_u64(u64 a, u64 b, u64 *out) { return __builtin_mul_overflow(a, b, out); }
INLINE bool calc_and_u64(u64 a, u64 b, u64 *out) { return *out = a & b, false; }
INLINE bool calc_min_u64(u64 a, u64 b, u64 *out) { return *out = a < b ? a : b, false; }
INLINE bool calc_max_u64(u64 a, u64 b, u64 *out) { return *out = a > b ? a : b, false; }
INLINE bool calc_add_i64(i64 a, i64 b, i64 *out) { return __builtin_add_overflow(a, b, out); }
INLINE bool calc_sub_i64(i64 a, i64 b, i64 *out) { return __builtin_sub_overflow(a, b, out); }
INLINE bool calc_mul_i64(i64 a, i64 b, i64 *out) { return __builtin_mul_overflow(a, b, out); }
INLINE bool calc_min_i64(i64 a, i64 b, i64 *out) { return *out = a < b ? a : b, false; }
INLINE bool calc_max_i64(i64 a, i64 b, i64 *out) { return *out = a > b ? a : b, false; }

/* Fits if the sign of the wrapped difference is the sign of the true one. */
INLINE bool calc_sub_u64(u64 a, u64 b, i64 *out)
{
    *out = (i64)(a - b);
    return (a < b) != (*out < 0);
}

INLINE bool calc_neg_u64(u64 a, u64 b, i64 *out)
{
    *out = (i64)(0 - a);
    return a > (u64)1 << 63;
}

INLINE bool calc_neg_i64(i64 a, i64 b, i64 *out)
{
    return __builtin_sub_overflow((i64)0, a, out);
}

INLINE bool calc_abs_u64(u64 a, u64 b, u64 *out) { return *out = a, false; }
INLINE bool calc_abs_i64(i64 a, i64 b, u64 *out) { return *out = a < 0 ? 0 - (u64)a : (u64)a, false; }

BINARY(add_u64, u64, u64, calc_add_u64)
BINARY(sub_u64, u64, i64, calc_sub_u64)
BINARY(mul_u64, u64, u64, calc_mul_u64)
BINARY(and_u64, u64, u64, calc_and_u64)
BINARY(min_u64, u64, u64, calc_min_u64)
BINARY(max_u64, u64, u64, calc_max_u64)
BINARY(add_i64, i64, i64, calc_add_i64)
BINARY(sub_i64, i64, i64, calc_sub_i64)
BINARY(mul_i64, i64, i64, calc_mul_i64)
BINARY(min_i64, i64, i64, calc_min_i64)
BINARY(max_i64, i64, i64, calc_max_i64)
static UNARY(neg_u64, u64, i64, calc_neg_u64)
static UNARY(neg_i64, i64, i64, calc_neg_i64)
static UNARY(abs_u64, u64, u64, calc_abs_u64)
static UNARY(abs_i64, i64, u64, calc_abs_i64)

/* --- decimals --- */

/* Exponent of all ones: infinite or not a number. As integers, since the compiler makes vectors of it. */
INLINE bool not_finite(f64 v)
{
    u64 word;
    memcpy(&word, &v, 8);
    return (word & 0x7ff0000000000000u) == 0x7ff0000000000000u;
}

INLINE bool calc_add_f64(f64 a, f64 b, f64 *out) { return *out = a + b, not_finite(*out); }
INLINE bool calc_sub_f64(f64 a, f64 b, f64 *out) { return *out = a - b, not_finite(*out); }
INLINE bool calc_mul_f64(f64 a, f64 b, f64 *out) { return *out = a * b, not_finite(*out); }
INLINE bool calc_min_f64(f64 a, f64 b, f64 *out) { return *out = b < a ? b : a, not_finite(*out); }
INLINE bool calc_max_f64(f64 a, f64 b, f64 *out) { return *out = b > a ? b : a, not_finite(*out); }
INLINE bool calc_neg_f64(f64 a, f64 b, f64 *out) { return *out = -a, not_finite(*out); }
INLINE bool calc_abs_f64(f64 a, f64 b, f64 *out) { return *out = fabs(a), not_finite(*out); }

BINARY(add_f64, f64, f64, calc_add_f64)
BINARY(sub_f64, f64, f64, calc_sub_f64)
BINARY(mul_f64, f64, f64, calc_mul_f64)
BINARY(min_f64, f64, f64, calc_min_f64)
BINARY(max_f64, f64, f64, calc_max_f64)
static UNARY(neg_f64, f64, f64, calc_neg_f64)
static UNARY(abs_f64, f64, f64, calc_abs_f64)

/* --- division: zeros are set aside first, so that `calc` meets none --- */

#define DIVIDE(name, T, calc)                                                 \
    static void name(struct expr_run *r, const struct op *o)                  \
    {                                                                         \
        struct reg       *g = reg_begin(r, o);                                \
        const struct reg *by = reg_b(r, o);                                   \
        const T          *a = reg_a(r, o)->cells, *b = by->cells;             \
        T                *out = g->cells;                                     \
        u32               n = r->rows, step = by->step;                       \
        nulls_join(r, g, reg_a(r, o), by);                                    \
        for (u32 w = 0; w < words_of(n); w++) {                               \
            u64 zero, bad;                                                    \
            PACK_ROWS(n, w, zero, b[i * step] == 0);                          \
            fault_rows(r, g, r->by_zero, w, zero);                            \
            PACK_ROWS(n, w, bad, (calc(a[i], b[i * step], &out[i])));         \
            fault_rows(r, g, r->overflow, w, bad);                            \
        }                                                                     \
    }

INLINE bool calc_div_u64(u64 a, u64 b, u64 *out) { return *out = a / (b + (b == 0)), false; }
INLINE bool calc_mod_u64(u64 a, u64 b, u64 *out) { return *out = a % (b + (b == 0)), false; }

INLINE bool calc_div_i64(i64 a, i64 b, i64 *out)
{
    bool over = a == INT64_MIN && b == -1;
    *out = a / (b == 0 || over ? 1 : b);
    return over;
}

/* By -1 nothing is left, and the processor traps for the least number. */
INLINE bool calc_mod_i64(i64 a, i64 b, i64 *out) { return *out = a % (b == 0 || b == -1 ? 1 : b), false; }
INLINE bool calc_div_f64(f64 a, f64 b, f64 *out) { return *out = a / b, not_finite(*out); }
INLINE bool calc_mod_f64(f64 a, f64 b, f64 *out) { return *out = fmod(a, b), not_finite(*out); }

DIVIDE(div_u64, u64, calc_div_u64)
DIVIDE(mod_u64, u64, calc_mod_u64)
DIVIDE(div_i64, i64, calc_div_i64)
DIVIDE(mod_i64, i64, calc_mod_i64)
DIVIDE(div_f64, f64, calc_div_f64)
DIVIDE(mod_f64, f64, calc_mod_f64)

/* --- conversions --- */

INLINE bool calc_u64_i64(u64 a, u64 b, i64 *out) { return *out = (i64)a, a > INT64_MAX; }
INLINE bool calc_i64_u64(i64 a, i64 b, u64 *out) { return *out = (u64)a, a < 0; }
INLINE bool calc_u64_f64(u64 a, u64 b, f64 *out) { return *out = (f64)a, false; }
INLINE bool calc_i64_f64(i64 a, i64 b, f64 *out) { return *out = (f64)a, false; }
INLINE bool calc_same_f64(f64 a, f64 b, f64 *out) { return *out = a, not_finite(a); }

INLINE bool calc_f64_u64(f64 a, f64 b, u64 *out)
{
    bool fits = a > -1.0 && a < 18446744073709551616.0;
    *out = (u64)(fits ? a : 0.0);
    return !fits;
}

UNARY(convert_u64_i64, u64, i64, calc_u64_i64)
UNARY(convert_i64_u64, i64, u64, calc_i64_u64)
UNARY(convert_u64_f64, u64, f64, calc_u64_f64)
UNARY(convert_i64_f64, i64, f64, calc_i64_f64)
static UNARY(cast_f64_u64, f64, u64, calc_f64_u64)
static UNARY(cast_f64_f64, f64, f64, calc_same_f64)
static UNARY(cast_u64_u64, u64, u64, calc_abs_u64)

const struct kernels number_kernels[NODES] = {
    [NODE_ADD] = { { [KIND_U64] = add_u64, [KIND_I64] = add_i64, [KIND_F64] = add_f64, [KIND_TIME] = add_i64 } },
    [NODE_SUB] = { { [KIND_U64] = sub_u64, [KIND_I64] = sub_i64, [KIND_F64] = sub_f64, [KIND_TIME] = sub_i64 } },
    [NODE_MUL] = { { [KIND_U64] = mul_u64, [KIND_I64] = mul_i64, [KIND_F64] = mul_f64 } },
    [NODE_DIV] = { { [KIND_F64] = div_f64 } },
    [NODE_QUOTIENT] = { { [KIND_U64] = div_u64, [KIND_I64] = div_i64 } },
    [NODE_MOD] = { { [KIND_U64] = mod_u64, [KIND_I64] = mod_i64, [KIND_F64] = mod_f64 } },
    [NODE_BITS] = { { [KIND_U64] = and_u64 } },
    [NODE_MIN] = { { [KIND_U64] = min_u64, [KIND_I64] = min_i64, [KIND_F64] = min_f64, [KIND_TIME] = min_i64 } },
    [NODE_MAX] = { { [KIND_U64] = max_u64, [KIND_I64] = max_i64, [KIND_F64] = max_f64, [KIND_TIME] = max_i64 } },
    [NODE_NEG] = { { [KIND_U64] = neg_u64, [KIND_I64] = neg_i64, [KIND_F64] = neg_f64 } },
    [NODE_ABS] = { { [KIND_U64] = abs_u64, [KIND_I64] = abs_i64, [KIND_F64] = abs_f64 } },
    [NODE_TO_U64] = { { [KIND_U64] = cast_u64_u64, [KIND_I64] = convert_i64_u64, [KIND_F64] = cast_f64_u64,
                        [KIND_TIME] = convert_i64_u64, [KIND_MAC] = cast_u64_u64 } },
    [NODE_TO_F64] = { { [KIND_U64] = convert_u64_f64, [KIND_I64] = convert_i64_f64, [KIND_F64] = cast_f64_f64,
                        [KIND_TIME] = convert_i64_f64 } },
};
