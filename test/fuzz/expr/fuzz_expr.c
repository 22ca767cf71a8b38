/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_expr.c: any text as an expression, on any batch.
 *
 * It has a fault in the text's bounds, or it compiles, runs, and its canonical text compiles to what gives the same
 * null
 * bits and cells. Input: a byte that seeds the cells, a byte for the rows, then the text. */
#include "weir/expr.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define COLUMNS 14u

static const struct field fields[COLUMNS] = {
    { .name = { "dstPort", 7 }, .type = FIELD_U64 },   { .name = { "srcBytes", 8 }, .type = FIELD_U64 },
    { .name = { "f", 1 }, .type = FIELD_F64 },         { .name = { "at", 2 }, .type = FIELD_TIME },
    { .name = { "src", 3 }, .type = FIELD_ADDR },      { .name = { "mac", 3 }, .type = FIELD_MAC },
    { .name = { "name", 4 }, .type = FIELD_STRING },   { .name = { "net", 3 }, .type = FIELD_NET },
    { .name = { "site", 4 }, .type = FIELD_TAG },      { .name = { "peer", 4 }, .type = FIELD_TAG },
    { .name = { "rtt", 3 }, .type = FIELD_SAMPLING },  { .name = { "sizes", 5 }, .type = FIELD_BINS, .bins = 4 },
    { .name = { "odd-name", 8 }, .type = FIELD_U64 },  { .name = { "rtt.n", 5 }, .type = FIELD_U64 },
};

struct rig {
    u64            seed;
    struct strings words;
    struct column  column[COLUMNS];
    u64            nulls[COLUMNS][BATCH_ROWS / 64];
    struct batch   batch;
};

static u64 draw(struct rig *r)
{
    r->seed += 0x9e3779b97f4a7c15u;
    u64 z = r->seed;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) >> (z & 63);
}

static size_t cell_bytes(enum field_type type)
{
    switch (type) {
    case FIELD_SAMPLING: return sizeof(struct sampling);
    case FIELD_BINS: return 4 * sizeof(u64);
    case FIELD_NET: return sizeof(net);
    case FIELD_ADDR: return sizeof(addr);
    case FIELD_STRING: return sizeof(slice);
    case FIELD_TAG: return sizeof(u32);
    default: return sizeof(u64);
    }
}

/* Any bytes but where a type allows only some; texts under nulls point to nowhere. */
static void draw_cell(struct rig *r, u32 c, u32 i)
{
    static const char all[] = "Mozilla/5.0 12.5e3 north";
    size_t            bytes = cell_bytes(fields[c].type);
    u8               *cell = (u8 *)r->column[c].cells + i * bytes;
    for (size_t k = 0; k < bytes; k++) cell[k] = (u8)draw(r);
    if (fields[c].type == FIELD_STRING) {
        size_t from = draw(r) % sizeof all, len = draw(r) % (sizeof all - from);
        *(slice *)(void *)cell = column_null(&r->column[c], i) ? slice_of((const char *)8, len)
            : slice_of(all + from, len);
    }
    if (fields[c].type == FIELD_TAG) *(u32 *)(void *)cell = (u32)(draw(r) % 4);
    if (fields[c].type == FIELD_NET) cell[16] = (u8)(cell[16] % 3 ? cell[16] % 129 : NET_NULL);
    if (fields[c].type == FIELD_ADDR && cell[0] < 3) memcpy(cell, (u8[12]){ [10] = 0xff, 0xff }, 12);
}

static void rig_open(struct rig *r, u8 seed, u32 rows)
{
    memset(r, 0, sizeof *r);
    r->seed = seed;
    strings_init(&r->words, 10);
    (void)strings_add(&r->words, S("north"));
    (void)strings_add(&r->words, S(""));
    (void)strings_add(&r->words, S("12"));
    for (u32 c = 0; c < COLUMNS; c++) {
        struct column *to = &r->column[c];
        to->cells = malloc(BATCH_ROWS * cell_bytes(fields[c].type));
        WEIR_ASSERT(to->cells != NULL);
        to->words = &r->words;
        to->nulls = draw(r) & 1 ? r->nulls[c] : NULL;
        for (u32 w = 0; w < BATCH_ROWS / 64; w++) r->nulls[c][w] = draw(r);
        for (u32 i = 0; i < rows; i++) draw_cell(r, c, i);
        if ((seed & 15) == c) {
            free(to->cells);
            to->cells = NULL;
        }
    }
    r->batch = (struct batch){ .rows = rows, .columns = COLUMNS, .column = r->column, .time_all = (nanos)draw(r) };
}

static void rig_close(struct rig *r)
{
    for (u32 c = 0; c < COLUMNS; c++) free(r->column[c].cells);
    strings_fini(&r->words);
}

static bool cells_equal(enum field_type type, const struct column *a, const struct column *b, u32 i)
{
    size_t bytes = cell_bytes(type);
    if (type == FIELD_STRING) return slice_eq(((const slice *)a->cells)[i], ((const slice *)b->cells)[i]);
    if (type == FIELD_F64 && ((const f64 *)a->cells)[i] != ((const f64 *)a->cells)[i]) return true;
    return memcmp((const u8 *)a->cells + i * bytes, (const u8 *)b->cells + i * bytes, bytes) == 0;
}

static void check_same(struct rig *r, const struct expr *e, const struct expr *f)
{
    struct column    a, b;
    struct expr_run *x = expr_open_run(e), *y = expr_open_run(f);
    for (u32 turn = 0; turn < 2; turn++) {
        expr_derive(x, &r->batch, &a);
        expr_derive(y, &r->batch, &b);
        for (u32 i = 0; i < r->batch.rows; i++) {
            WEIR_ASSERT(column_null(&a, i) == column_null(&b, i));
            WEIR_ASSERT(column_null(&a, i) || cells_equal(expr_type(e), &a, &b, i));
        }
    }
    expr_close_run(x);
    expr_close_run(y);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static struct rig   r;
    const struct schema s = { .tags = 3, .measures = COLUMNS - 3, .field = fields };
    struct expr_fault   fault, again;
    if (size < 2) return 0;
    char *text = malloc(size - 1); /* ends where its memory ends */
    WEIR_ASSERT(text != NULL);
    memcpy(text, data + 2, size - 2);
    slice        t = slice_of(text, size - 2);
    struct expr *e = expr_compile(t, &s, EXPR_VALUE, &fault);
    if (e == NULL) {
        WEIR_ASSERT((u64)fault.offset + fault.len <= t.len && fault.words[0] != '\0');
        WEIR_ASSERT(memchr(fault.words, 0, sizeof fault.words) && memchr(fault.hint, 0, sizeof fault.hint));
    } else {
        struct expr *f = expr_compile(expr_print(e), &s, EXPR_VALUE, &again);
        bool         long_one = f == NULL && expr_print(e).len > EXPR_TEXT_MAX;
        WEIR_ASSERT(f != NULL || long_one);
        WEIR_ASSERT(long_one || slice_eq(expr_print(e), expr_print(f)));
        rig_open(&r, data[0], data[1] * 4u);
        check_same(&r, e, long_one ? e : f);
        rig_close(&r);
        expr_free(f);
    }
    expr_free(e);
    free(text);
    return 0;
}
