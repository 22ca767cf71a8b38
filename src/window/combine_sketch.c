/* SPDX-License-Identifier: Apache-2.0 */
/* combine_sketch.c: apart from combine.c, so that the loops of ordinary folds stay as they are.
 *
 * A block is taken in two passes: what each value is in its sketch (a hash, a cell), which also asks for that place in
 * its row, then the counting. Rows are wide, so without it every record would wait for memory. */
#include "window/combine_sketch.h"

#include "record/sketch_distinct.h"
#include "record/sketch_quantiles.h"

#define EACH_BIT(i, bits) \
    (u64 left_ = (bits), i; left_ != 0 && (i = (u64)__builtin_ctzll(left_), true); left_ &= left_ - 1)

static u64 hash_f64(f64 v)
{
    v += 0.0; /* -0 is 0 */
    return distinct_hash(&v, sizeof v);
}

static u64 hash_net(const net *n)
{
    u8 bytes[17];
    memcpy(bytes, n->at.b, 16);
    bytes[16] = n->bits;
    return distinct_hash(bytes, sizeof bytes);
}

/* Tags by their words, since numbers of words differ from table to table. False: null. */
static bool hash_cell(enum field_type type, const struct column *column, u64 i, u64 *hash)
{
    const void *cells = column->cells;
    switch (type) {
    case FIELD_ADDR: *hash = distinct_hash((const addr *)cells + i, sizeof(addr)); return true;
    case FIELD_STRING: {
        slice text = ((const slice *)cells)[i];
        *hash = distinct_hash(text.at, text.len);
        return true;
    }
    case FIELD_NET:
        *hash = hash_net((const net *)cells + i);
        return ((const net *)cells)[i].bits != NET_NULL;
    case FIELD_TAG: {
        u32 id = ((const u32 *)cells)[i];
        if (id == 0) return false;
        slice word = strings_get(column->words, id);
        *hash = distinct_hash(word.at, word.len);
        return true;
    }
    case FIELD_F64: *hash = hash_f64(((const f64 *)cells)[i]); return ((const f64 *)cells)[i] == ((const f64 *)cells)[i];
    default: *hash = distinct_hash((const u64 *)cells + i, sizeof(u64)); return true;
    }
}

static u64 count_distinct(const struct group_measure *m, const struct column *column, u32 at, u64 values,
                          u8 *const *row)
{
    u64 hash[GROUPS_BATCH], counted = 0;
    for EACH_BIT (i, values) {
        if (!hash_cell(m->type, column, at + i, &hash[i])) continue;
        counted |= 1ull << i;
        __builtin_prefetch(row[i] + m->at + (hash[i] >> (64 - m->sketch)), 1);
    }
    for EACH_BIT (i, counted) distinct_add(row[i] + m->at, m->sketch, hash[i]);
    return counted;
}

static u64 count_quantiles(const struct group_measure *m, const struct column *column, u32 at, u64 values,
                           u8 *const *row)
{
    const u64 *whole = (const u64 *)column->cells + at;
    const f64 *real = (const f64 *)column->cells + at;
    u32        cell[GROUPS_BATCH];
    u64        counted = 0;
    for EACH_BIT (i, values) {
        if (m->type == FIELD_F64 && real[i] != real[i]) continue;
        cell[i] = m->type == FIELD_F64 ? quantiles_cell_f64(real[i]) : quantiles_cell_u64(whole[i]);
        counted |= 1ull << i;
        __builtin_prefetch(row[i] + m->at + cell[i] * sizeof(u32), 1);
    }
    for EACH_BIT (i, counted) quantiles_add((void *)(row[i] + m->at), cell[i]);
    return counted;
}

u64 combine_sketch(const struct group_measure *m, const struct column *column, u32 at, u64 values, u8 *const *row)
{
    if (m->fold == FOLD_DISTINCT) return count_distinct(m, column, at, values, row);
    return count_quantiles(m, column, at, values, row);
}
