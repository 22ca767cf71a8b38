/* SPDX-License-Identifier: Apache-2.0 */
/* program.h: a compiled expression: operations in order over registers, each a column of BATCH_ROWS values.
 *
 * A condition's register is bits: `cells` are those that are true, and no bit is set in both cells and nulls. All
 * others are arrays of the kind's C type. A constant has one cell and step 0; where a kernel wants an array on that
 * side it is spread when the run is opened. Cells of null rows are unspecified: texts there must not be read,
 * numbers may.
 * Bits behind the last row are unspecified. */
#pragma once

#include "expr/tree.h"

#define BIT_WORDS (BATCH_ROWS / 64)

struct expr_run;
struct op;

typedef void kernel(struct expr_run *r, const struct op *o);

/* What a list of `in` is compiled to. */
struct listed {
    u32          count;
    const u64   *whole;  /* ascending                                     */
    const f64   *decimal;
    const slice *text;
    const struct range *net; /* as written if few                         */
    u32          nets_v4, nets_v6; /* if many: sorted, none inside another: IPv4 first */
    u64          least, span; /* of whole: for `map`                      */
    const u64   *map;    /* bit per value from `least`, if span is small  */
};

/* A net as two words in host order; high and low are masked. */
struct range {
    u64  high, low, mask_high, mask_low;
    bool no_v4; /* its prefix holds the IPv4 range by form only */
    u8   bits;
};

struct op {
    kernel              *run;
    u16                  out, a, b, c;
    u32                  column;
    u32                  part;
    const struct listed *list;
};

/* How it begins a run. */
struct constant {
    enum kind   kind;
    bool        null, spread;
    const void *cell; /* of a condition: a word with the lowest bit */
};

struct reg {
    void                 *cells;
    u64                  *nulls; /* NULL: none                  */
    u32                   step;  /* 0: one cell for all rows    */
    const struct strings *words; /* KIND_TAG                    */
    void                 *room;  /* own memory                  */
    u64                  *room_nulls;
};

struct expr {
    struct arena     arena;
    enum kind        kind; /* of the result */
    slice            printed;
    u32              ops;
    struct op       *op;
    u32              slots; /* registers that operations fill: the first ones */
    size_t          *slot_bytes;
    u32              constants; /* registers behind them                      */
    struct constant *constant;
    u32              result; /* register */
    u64              uses[FIELDS_MAX / 64];
};

struct expr_run {
    const struct expr  *of;
    const struct batch *batch;
    u32                 rows;
    struct reg         *reg;
    struct arena       *texts;   /* made by this batch's kernels                   */
    struct arena        own;     /* texts of a run                                 */
    struct arena        memory;  /* registers                                      */
    u64                 overflow[BIT_WORDS], by_zero[BIT_WORDS];
    bool                faults;  /* a bit is set in one of them                    */
    struct expr_counts  counts;
};

size_t kind_bytes(enum kind k); /* of a cell; 0: bits */

/* tree to program. False: a constant part has no value; *fault says so. */
bool emit_program(struct expr *e, const struct node *root, struct parser *p);
/* The list of `in` for a kind. */
const struct listed *emit_list(const struct node *in, struct arena *a);
/* How addresses are looked up in it. */
kernel *in_addr_kernel(const struct listed *l);

/* --- kernels --- */

struct kernels { /* by kind of the (first) operand */
    kernel *of[KINDS];
};

extern const struct kernels number_kernels[NODES], compare_kernels[NODES], text_kernels[NODES], time_kernels[NODES],
    bool_kernels[NODES];

kernel load_cells, load_net, load_tag, load_tag_text, load_part, load_part_avg, load_bin, load_event_time,
    load_presence;
kernel load_sampling_presence;
kernel convert_u64_i64, convert_u64_f64, convert_i64_f64, convert_i64_u64;
kernel compare_mixed_eq, compare_mixed_ne, compare_mixed_lt, compare_mixed_le, compare_mixed_gt, compare_mixed_ge;
kernel compare_tag_eq, compare_tag_ne; /* a: TAG; b: TAG or a constant text */
kernel in_whole, in_decimal, in_text, in_tag, in_addr_one, in_addr_few, in_addr_many, in_net;
