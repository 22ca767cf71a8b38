/* SPDX-License-Identifier: Apache-2.0 */
/* framed.h: what decoders of records that their source has cut have in common: packets, alerts.
 *
 * Such a format names its columns itself, and a layout picks of them, in any order and one as often as it likes. Its
 * decoder is a table of them and three functions (struct framed_format); here is the rest. Records are explained 64 at
 * a time, so that they stay in the first cache and a block's nulls are one word; then one used column after the other
 * is filled, and what no column asks for is not made. Where no record is found the chunk ends: nobody knows where the
 * next one begins. */
#pragma once

#include "decode/share.h"
#include "weir/arena.h"

#define FRAMED_BLOCK 64u

/* A used column. */
struct framed_target {
    u32             is;   /* number in the format's columns */
    enum field_type type;
    u32             slot;
    void           *cells;
    u64            *nulls;
    bool            some; /* a row of this batch is null */
    char           *text; /* the format's: of a batch's cells, where they are written for it; else NULL */
    size_t          text_len; /* 0 before each batch */
};

struct framed {
    struct arena          arena; /* until close */
    u32                   targets, columns;
    struct framed_target *target;
    struct column        *column;
    nanos                *time;
};

/* One call of decode. */
struct framed_pass {
    slice           text;
    size_t          at;
    u64             offset, line;
    bool            last;
    struct rejects *bad;
};

struct framed_format {
    /* Explains the record at the front of `rest` as number i of the block and gives its size; 0: there is none. What it
     * refuses (framed_reject) it does not keep: i is the next one's, too. */
    u32 (*next)(struct decoder *, slice rest, u32 i, struct framed_pass *, bool *kept);
    nanos (*time)(const struct decoder *, u32 i);
    /* Fills row `row` of t->cells from record i; false: null. */
    bool (*cell)(const struct decoder *, struct framed_target *t, u32 i, u32 row);
    u32 damaged; /* the reason for bytes that are no record */
};

/* all: the format's columns, name NULL ends. An error of the layout leaves nothing to be closed. */
err  framed_open(struct framed *f, const struct decoder_column *all, const struct layout *layout,
                 const struct schema *schema);
void framed_close(struct framed *f);

void framed_begin(struct framed *f);
void framed_batch(const struct framed *f, u32 rows, struct batch *out);

void framed_reject(struct framed_pass *p, u32 why, slice bytes);
void framed_give_up(struct framed_pass *p, u32 why);

/* The two below are inlined where the format's functions are known: cells are filled without calls. */
static inline __attribute__((always_inline)) u32 framed_take(const struct framed_format *how, struct decoder *d,
                                                             struct framed_pass *p)
{
    u32 rows = 0;
    while (rows < FRAMED_BLOCK) {
        bool kept = true;
        u32  size = how->next(d, slice_of(p->text.at + p->at, p->text.len - p->at), rows, p, &kept);
        if (size == 0) {
            framed_give_up(p, how->damaged);
            break;
        }
        p->at += size;
        p->line++;
        rows += kept;
    }
    return rows;
}

/* base: a multiple of 64. */
static inline __attribute__((always_inline)) void framed_fill(const struct framed_format *how, struct framed *f,
                                                              const struct decoder *d, u32 base, u32 rows)
{
    for (u32 i = 0; i < rows; i++) f->time[base + i] = how->time(d, i);
    for (u32 k = 0; k < f->targets; k++) {
        struct framed_target *t = &f->target[k];
        u64                   nulls = 0;
        for (u32 i = 0; i < rows; i++) nulls |= (u64)!how->cell(d, t, i, base + i) << i;
        t->nulls[base / 64] = nulls;
        t->some = t->some || nulls != 0;
    }
}

/* decoder_type.decode; f: of d. `how` is a constant. */
static inline __attribute__((always_inline)) void framed_decode(const struct framed_format *how, struct framed *f,
                                                                struct decoder *d, struct framed_pass p,
                                                                struct batch *out, size_t *used, u64 *lines)
{
    u32 rows = 0, more;
    framed_begin(f);
    do {
        more = framed_take(how, d, &p);
        framed_fill(how, f, d, rows, more);
        rows += more;
    } while (more == FRAMED_BLOCK && rows < BATCH_ROWS);
    framed_batch(f, rows, out);
    *used = p.at;
    *lines = p.line;
}
