/* SPDX-License-Identifier: Apache-2.0 */
/* tag.c: what a table of nets answers: look-ups, rows, and the stage that tags a column of addresses. read.c makes it.
 *
 * A net found is the address without the bits behind the net's length, so tagging reads only the length and the
 * words of a row, which stand together. */
#include "tag/table.h"

#include <stdlib.h>

#define BLOCK 64u /* rows tagged at a time: their rows of the table are fetched together */

void tag_table_free(struct tag_table *t)
{
    if (t == NULL) return;
    lpm_fini(&t->lpm);
    strings_fini(&t->words);
    free(t->cells);
    free(t->wide);
    free(t);
}

u32 tag_table_rows(const struct tag_table *t)
{
    return t->rows;
}

u64 tag_table_memory(const struct tag_table *t)
{
    return sizeof *t + ((u64)t->rows + 1) * t->stride * sizeof *t->cells + (u64)t->wides * sizeof *t->wide +
           lpm_memory(&t->lpm) + strings_memory(&t->words);
}

const struct strings *tag_table_words(const struct tag_table *t)
{
    return &t->words;
}

void tag_find(const struct tag_table *t, const addr *at, u32 n, u32 *rows)
{
    lpm_find(&t->lpm, at, n, rows);
}

net tag_row_net(const struct tag_table *t, u32 row)
{
    WEIR_ASSERT(row >= 1 && row <= t->rows);
    const u32 *cells = table_row(t, row);
    net        out = { .bits = (u8)(cells[0] & 0xff) };
    if (cells[0] & TABLE_WIDE) {
        out.at = t->wide[cells[1]];
        return out;
    }
    u32 v4 = cells[1];
    out.at = (addr){ { [10] = 0xff, 0xff, (u8)(v4 >> 24), (u8)(v4 >> 16), (u8)(v4 >> 8), (u8)v4 } };
    return out;
}

u32 tag_row_word(const struct tag_table *t, u32 row, u32 column)
{
    WEIR_ASSERT(row >= 1 && row <= t->rows && column < t->columns);
    return table_row(t, row)[TABLE_WORDS + column];
}

/* The leading `bits` of eight bytes in memory order; more than 64 are all, less than 0 none. */
static u64 lead_mask(i32 bits)
{
    u64 mask = bits >= 64 ? ~0ull : bits <= 0 ? 0 : ~(~0ull >> bits);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    mask = __builtin_bswap64(mask);
#endif
    return mask;
}

static void put_net(net *out, const addr *at, u32 bits)
{
    u64 half[2];
    memcpy(half, at, sizeof half);
    half[0] &= lead_mask((i32)bits);
    half[1] &= lead_mask((i32)bits - 64);
    memcpy(&out->at, half, sizeof half);
    out->bits = (u8)bits;
}

/* n <= BLOCK rows, no address null. */
static void apply_block(const struct tag_table *t, const addr *at, u32 n, net *nets, u32 *const *words, u32 done)
{
    u32        rows[BLOCK];
    const u32 *cells[BLOCK];
    lpm_find(&t->lpm, at, n, rows);
    for (u32 i = 0; i < n; i++) {
        cells[i] = table_row(t, rows[i]);
        __builtin_prefetch(cells[i]);
    }
    for (u32 i = 0; i < n; i++) put_net(&nets[i], &at[i], cells[i][0] & 0xff);
    for (u32 c = 0; c < t->columns; c++) {
        if (words[c] == NULL) continue;
        for (u32 i = 0; i < n; i++) words[c][done + i] = cells[i][TABLE_WORDS + c];
    }
}

static void put_null(const struct tag_table *t, u32 row, net *nets, u32 *const *words)
{
    nets[row] = (net){ .bits = NET_NULL };
    for (u32 c = 0; c < t->columns; c++)
        if (words[c] != NULL) words[c][row] = 0;
}

void tag_apply(const struct tag_table *t, const struct column *address, u32 n, net *nets, u32 *const *words)
{
    if (address->cells == NULL) {
        for (u32 i = 0; i < n; i++) put_null(t, i, nets, words);
        return;
    }
    const addr *at = address->cells;
    for (u32 done = 0; done < n; done += BLOCK) {
        u32 now = n - done < BLOCK ? n - done : BLOCK;
        apply_block(t, at + done, now, nets + done, words, done);
    }
    if (address->nulls == NULL) return;
    for (u32 word = 0; word * 64 < n; word++) { /* what stands under a null was tagged like the rest: undo */
        u64 nulls = address->nulls[word];
        for (; nulls != 0; nulls &= nulls - 1) {
            u32 i = word * 64 + (u32)__builtin_ctzll(nulls);
            if (i < n) put_null(t, i, nets, words);
        }
    }
}
