/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_csv.c: any bytes as a table of nets.
 *
 * Either there are problems, each with a place and words, or there is a table; then the address of every row's net is
 * found in a net that holds it, and in a small table what is found is what a search through all rows finds.
 * The first byte chooses how many columns of words are asked for. */
#include "tag/tag.h"

#include <stdlib.h>

#define SEARCHED 200u /* rows of a small table */

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static bool holds(const net *n, const addr *a)
{
    for (u32 i = 0; i < n->bits; i++)
        if ((a->b[i / 8] ^ n->at.b[i / 8]) >> (7 - i % 8) & 1) return false;
    return true;
}

static u32 search(const struct tag_table *t, const addr *a)
{
    u32 best = 0;
    for (u32 row = 1; row <= tag_table_rows(t); row++) {
        net n = tag_row_net(t, row);
        if (holds(&n, a) && (best == 0 || n.bits > tag_row_net(t, best).bits)) best = row;
    }
    return best;
}

/* The first and last address of the net and those before and behind. */
static void edges(const net *n, addr *at)
{
    for (u32 i = 0; i < 4; i++) at[i] = n->at;
    for (u32 i = n->bits; i < 128; i++) at[1].b[i / 8] |= (u8)(1u << (7 - i % 8));
    at[3] = at[1];
    for (u32 i = 16; i-- > 0 && at[2].b[i]-- == 0;) {}
    for (u32 i = 16; i-- > 0 && ++at[3].b[i] == 0;) {}
}

static void check_table(const struct tag_table *t, u32 columns)
{
    u32   rows = tag_table_rows(t), count = 4 * rows;
    addr *at = malloc(((size_t)count + 1) * sizeof *at);
    u32  *found = malloc(((size_t)count + 1) * sizeof *found);
    WEIR_ASSERT(at != NULL && found != NULL);
    for (u32 row = 1; row <= rows; row++) {
        net n = tag_row_net(t, row);
        edges(&n, at + 4 * (row - 1));
        for (u32 c = 0; c < columns; c++)
            WEIR_ASSERT(tag_row_word(t, row, c) <= strings_count(tag_table_words(t)));
    }
    tag_find(t, at, count, found);
    for (u32 i = 0; i < count; i++) {
        u32 one;
        tag_find(t, &at[i], 1, &one);
        WEIR_ASSERT(one == found[i] && one <= rows);
        if (i % 4 < 2) WEIR_ASSERT(one != 0);
        if (one != 0) {
            net n = tag_row_net(t, one);
            WEIR_ASSERT(holds(&n, &at[i]));
        }
        if (rows < SEARCHED) WEIR_ASSERT(one == search(t, &at[i]));
    }
    free(at);
    free(found);
}

static void check_problems(const struct tag_problems *p)
{
    for (u32 i = 0; i < p->count && i < TAG_PROBLEMS_MAX; i++) {
        const struct tag_problem *a = &p->at[i];
        WEIR_ASSERT(a->line > 0 && a->column > 0);
        WEIR_ASSERT(a->what[0] != '\0' && memchr(a->what, 0, sizeof a->what) != NULL);
        if (i > 0) WEIR_ASSERT(a[-1].line < a->line || (a[-1].line == a->line && a[-1].column <= a->column));
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static const slice  names[] = { { "site", 4 }, { "service", 7 }, { "x", 1 } };
    struct tag_problems problems;
    struct tag_table   *t;
    if (size == 0) return 0;
    u32 columns = data[0] % 4;
    err e = tag_table_read(&t, slice_of((const char *)data + 1, size - 1), columns, names, &problems);
    check_problems(&problems);
    WEIR_ASSERT(err_is(e) == (t == NULL) && (problems.count > 0) == (e.code == ERR_DATA));
    if (t != NULL) check_table(t, columns);
    tag_table_free(t);
    return 0;
}
