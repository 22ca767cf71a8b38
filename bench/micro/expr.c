/* SPDX-License-Identifier: Apache-2.0 */
/* expr.c: what expressions cost: ns a row for conditions and derived columns, on batches of BATCH_ROWS rows.
 *
 * Columns are drawn from a seed: some ports and sizes, addresses of which a quarter are in 10.0.0.0/8, a tag of 100
 * words. Eight batches take turns, so that the columns come from the second cache. Times are the best of several
 * rounds. */
#include "weir/expr.h"
#include "weir/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCHES 8u
#define TURNS   2000u
#define ROUNDS  7u

enum { COL_PORT, COL_BYTES, COL_PACKETS, COL_SRC, COL_DST, COL_SITE, COL_NAME, COLUMNS };

static const struct field fields[COLUMNS] = {
    [COL_PORT] = { .name = { "dstPort", 7 }, .type = FIELD_U64 },
    [COL_BYTES] = { .name = { "srcBytes", 8 }, .type = FIELD_U64 },
    [COL_PACKETS] = { .name = { "packets", 7 }, .type = FIELD_U64 },
    [COL_SRC] = { .name = { "src", 3 }, .type = FIELD_ADDR },
    [COL_DST] = { .name = { "dst", 3 }, .type = FIELD_ADDR },
    [COL_SITE] = { .name = { "site", 4 }, .type = FIELD_TAG },
    [COL_NAME] = { .name = { "name", 4 }, .type = FIELD_STRING },
};

static u64 draw(u64 *state)
{
    *state += 0x9e3779b97f4a7c15u;
    u64 z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static f64 seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (f64)t.tv_sec + 1e-9 * (f64)t.tv_nsec;
}

static void draw_cell(void *cells, u32 column, u32 i, u64 *state)
{
    static const u64 ports[] = { 443, 80, 53, 22, 8443, 3389, 123, 40000 };
    u64              z = draw(state);
    switch (column) {
    case COL_PORT: ((u64 *)cells)[i] = ports[z & 7]; break;
    case COL_BYTES: ((u64 *)cells)[i] = z % 4000; break;
    case COL_PACKETS: ((u64 *)cells)[i] = z % 50; break;
    case COL_SITE: ((u32 *)cells)[i] = 1 + (u32)(z % 100); break;
    case COL_NAME: ((slice *)cells)[i] = z & 1 ? S("Mozilla/5.0 (X11)") : S("curl/7.88.1"); break;
    default: ((addr *)cells)[i] = (addr){ { [10] = 0xff, 0xff, z & 3 ? (u8)(z >> 8) : 10, (u8)(z >> 16),
                                            (u8)(z >> 24), 1 } };
    }
}

static struct batch *draw_batch(const struct strings *words, bool nulls, u64 *state)
{
    struct batch *b = calloc(1, sizeof *b);
    WEIR_ASSERT(b != NULL);
    *b = (struct batch){ .rows = BATCH_ROWS, .columns = COLUMNS, .column = calloc(COLUMNS, sizeof(struct column)) };
    WEIR_ASSERT(b->column != NULL);
    for (u32 c = 0; c < COLUMNS; c++) {
        struct column *to = &b->column[c];
        to->cells = calloc(BATCH_ROWS, sizeof(addr));
        to->nulls = nulls ? calloc(BATCH_ROWS / 64, sizeof(u64)) : NULL;
        to->words = words;
        WEIR_ASSERT(to->cells != NULL);
        for (u32 i = 0; i < BATCH_ROWS; i++) draw_cell(to->cells, c, i, state);
        for (u32 w = 0; nulls && w < BATCH_ROWS / 64; w++) to->nulls[w] = draw(state) & draw(state) & draw(state);
    }
    return b;
}

static void batch_free(struct batch *b)
{
    for (u32 c = 0; c < COLUMNS; c++) {
        free(b->column[c].cells);
        free(b->column[c].nulls);
    }
    free(b->column);
    free(b);
}

static void measure(const char *text, enum expr_want want, struct batch *const *batch)
{
    const struct schema s = { .measures = COLUMNS, .field = fields };
    struct expr_fault   f;
    struct expr        *e = expr_compile(slice_str(text), &s, want, &f);
    u64                 keep[BATCH_ROWS / 64], kept = 0;
    struct column       out;
    f64                 best = 1e9;
    WEIR_ASSERT(e != NULL);
    struct expr_run *r = expr_open_run(e);
    for (u32 round = 0; round < ROUNDS; round++) {
        f64 from = seconds();
        kept = 0;
        for (u32 i = 0; i < TURNS; i++) {
            if (want == EXPR_CONDITION) kept += expr_where(r, batch[i % BATCHES], keep);
            else expr_derive(r, batch[i % BATCHES], &out);
        }
        f64 took = seconds() - from;
        if (took < best) best = took;
    }
    printf("  %-64s %8.2f ns a row", text, best / TURNS / BATCH_ROWS * 1e9);
    if (want == EXPR_CONDITION) printf("  (%.1f %% kept)", 100.0 * (f64)kept / TURNS / BATCH_ROWS);
    printf("\n");
    expr_close_run(r);
    expr_free(e);
}

static void report(const struct strings *words, bool nulls)
{
    struct batch *batch[BATCHES];
    u64           state = 7;
    for (u32 i = 0; i < BATCHES; i++) batch[i] = draw_batch(words, nulls, &state);
    printf("expressions, %s\n", nulls ? "an eighth of all cells null" : "no nulls");
    measure("dstPort == 443 and srcBytes > 1000", EXPR_CONDITION, batch);
    measure("src in 10.0.0.0/8", EXPR_CONDITION, batch);
    measure("src in 10.0.0.0/8 and dst not in (10.0.0.0/8, 192.168.0.0/16)", EXPR_CONDITION, batch);
    measure("dstPort in (22, 80, 443, 3389, 8080, 8443)", EXPR_CONDITION, batch);
    measure("site == 'site-7'", EXPR_CONDITION, batch);
    measure("site in ('site-1', 'site-2', 'site-3', 'site-4', 'site-5')", EXPR_CONDITION, batch);
    measure("name starts_with 'curl'", EXPR_CONDITION, batch);
    measure("srcBytes * 8 + 20", EXPR_VALUE, batch);
    measure("srcBytes / packets", EXPR_VALUE, batch);
    measure("if(srcBytes > 1000, srcBytes, 0)", EXPR_VALUE, batch);
    for (u32 i = 0; i < BATCHES; i++) batch_free(batch[i]);
}

int main(void)
{
    struct strings words;
    char           word[16];
    strings_init(&words, 1000);
    for (u32 i = 0; i < 100; i++) {
        int len = snprintf(word, sizeof word, "site-%u", i);
        (void)strings_add(&words, slice_of(word, (size_t)len));
    }
    report(&words, false);
    report(&words, true);
    strings_fini(&words);
    return 0;
}
