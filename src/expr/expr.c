/* SPDX-License-Identifier: Apache-2.0 */
/* expr.c: an expression from text to program, and a program over batches. */
#include "weir/expr.h"

#include "expr/kernel.h"

#include <stdlib.h>

/* --- compiling --- */

/* Can the result be what is wanted? */
static bool result_fits(struct parser *p, const struct node *root, enum expr_want want)
{
    bool condition = want == EXPR_CONDITION;
    if (condition ? root->kind == KIND_BOOL : root->kind != KIND_NULL && root->kind < KIND_SAMPLING) return true;
    if (root->kind == KIND_NULL) {
        parse_fault(p, root->offset, root->len,
                    condition ? "a condition is expected, not null" : "null alone has no type");
        return false;
    }
    if (condition) {
        parse_fault(p, root->offset, root->len, "a condition is expected, this is %s", kind_name(root->kind));
        return false;
    }
    parse_fault(p, root->offset, root->len, "%s are not a single value",
                root->kind == KIND_BINS ? "bins" : "samplings");
    parse_hint(p, root->kind == KIND_BINS ? "take one bin, as [0]" : "take one of .n .min .max .avg");
    return false;
}

static struct expr *expr_make(struct parser *p, const struct node *root)
{
    struct expr *e = calloc(1, sizeof *e);
    WEIR_ASSERT(e != NULL);
    arena_init(&e->arena, 0);
    e->printed = print_tree(root, p->schema, &e->arena);
    if (emit_program(e, root, p)) return e;
    expr_free(e);
    return NULL;
}

struct expr *expr_compile(slice text, const struct schema *schema, enum expr_want want, struct expr_fault *fault)
{
    struct arena  arena;
    struct parser p = { .text = text, .schema = schema, .arena = &arena, .fault = fault };
    struct expr  *e = NULL;
    *fault = (struct expr_fault){ 0 };
    WEIR_ASSERT(schema->tags + schema->measures <= FIELDS_MAX);
    arena_init(&arena, 0);
    struct node *root = parse(&p);
    if (root != NULL && result_fits(&p, root, want)) e = expr_make(&p, root);
    arena_fini(&arena);
    WEIR_ASSERT((e == NULL) == p.failed);
    return e;
}

void expr_free(struct expr *e)
{
    if (e == NULL) return;
    arena_fini(&e->arena);
    free(e);
}

enum field_type expr_type(const struct expr *e)
{
    static const enum field_type types[KINDS] = {
        [KIND_BOOL] = FIELD_U64, [KIND_U64] = FIELD_U64,   [KIND_F64] = FIELD_F64, [KIND_TIME] = FIELD_TIME,
        [KIND_MAC] = FIELD_MAC,  [KIND_ADDR] = FIELD_ADDR, [KIND_NET] = FIELD_NET, [KIND_TEXT] = FIELD_STRING,
    };
    return types[e->kind];
}

bool expr_uses(const struct expr *e, u32 column)
{
    return column < FIELDS_MAX && bit(e->uses, column);
}

slice expr_print(const struct expr *e)
{
    return e->printed;
}

/* --- runs --- */

static void constant_place(struct expr_run *r, struct reg *g, const struct constant *c)
{
    size_t bytes = kind_bytes(c->kind);
    g->cells = (void *)(uintptr_t)c->cell;
    g->nulls = c->null ? arena_array(&r->memory, u64, BIT_WORDS) : NULL;
    if (c->null) memset(g->nulls, 0xff, BIT_WORDS * sizeof(u64));
    if (!c->spread) return;
    g->step = 1;
    if (c->kind == KIND_BOOL) {
        u64 *bits = arena_array(&r->memory, u64, BIT_WORDS);
        u64  all = *(const u64 *)c->cell & 1 && !c->null ? ~(u64)0 : 0;
        for (u32 w = 0; w < BIT_WORDS; w++) bits[w] = all;
        g->cells = bits;
        return;
    }
    g->cells = arena_alloc(&r->memory, BATCH_ROWS * bytes);
    for (u32 i = 0; i < BATCH_ROWS; i++) memcpy((char *)g->cells + i * bytes, c->cell, bytes);
}

struct expr_run *expr_open_run(const struct expr *e)
{
    struct expr_run *r = calloc(1, sizeof *r);
    WEIR_ASSERT(r != NULL);
    r->of = e;
    arena_init(&r->memory, 0);
    arena_init(&r->own, 0);
    r->texts = &r->own;
    r->reg = arena_array(&r->memory, struct reg, e->slots + e->constants);
    for (u32 i = 0; i < e->slots; i++) {
        r->reg[i].room = arena_alloc(&r->memory, e->slot_bytes[i]);
        r->reg[i].room_nulls = arena_array(&r->memory, u64, BIT_WORDS);
    }
    for (u32 i = 0; i < e->constants; i++) constant_place(r, &r->reg[e->slots + i], &e->constant[i]);
    return r;
}

void expr_close_run(struct expr_run *r)
{
    if (r == NULL) return;
    arena_fini(&r->memory);
    arena_fini(&r->own);
    free(r);
}

static u64 rows_mask(u32 rows, u32 w)
{
    u32 left = rows - w * 64;
    return left >= 64 ? ~(u64)0 : ((u64)1 << left) - 1;
}

static u32 ones(u64 word)
{
    return (u32)__builtin_popcountll(word);
}

static void count(struct expr_run *r, const u64 *nulls)
{
    r->counts.rows += r->rows;
    if (nulls == NULL) return;
    for (u32 w = 0; w < words_of(r->rows); w++) {
        u64 null = nulls[w] & rows_mask(r->rows, w);
        r->counts.null += ones(null);
        r->counts.overflow += ones(null & r->overflow[w]);
        r->counts.by_zero += ones(null & r->by_zero[w]);
    }
}

/* Gives the register of the result. */
static const struct reg *run_all(struct expr_run *r, const struct batch *b)
{
    const struct expr *e = r->of;
    WEIR_ASSERT(b->rows <= BATCH_ROWS);
    if (r->faults) {
        memset(r->overflow, 0, sizeof r->overflow);
        memset(r->by_zero, 0, sizeof r->by_zero);
        r->faults = false;
    }
    arena_reset(&r->own);
    r->batch = b;
    r->rows = b->rows;
    for (u32 i = 0; i < e->ops; i++) e->op[i].run(r, &e->op[i]);
    r->batch = NULL;
    const struct reg *result = &r->reg[e->result];
    count(r, result->nulls);
    return result;
}

u32 expr_where(struct expr_run *r, const struct batch *b, u64 *keep)
{
    WEIR_ASSERT(r->of->kind == KIND_BOOL);
    const struct reg *g = run_all(r, b);
    const u64        *bits = g->cells;
    u32               kept = 0;
    memset(keep, 0, BIT_WORDS * sizeof *keep);
    for (u32 w = 0; w < words_of(b->rows); w++) {
        keep[w] = bits[w] & ~nulls_word(g, w) & rows_mask(b->rows, w);
        kept += ones(keep[w]);
    }
    return kept;
}

void expr_derive(struct expr_run *r, const struct batch *b, struct column *out)
{
    const struct reg *g = run_all(r, b);
    *out = (struct column){ .cells = g->cells, .nulls = g->nulls };
    if (r->of->kind != KIND_BOOL) return;
    u64 *cells = arena_array(&r->own, u64, BATCH_ROWS);
    for (u32 i = 0; i < b->rows; i++) cells[i] = bit(g->cells, i);
    out->cells = cells;
}

const struct expr_counts *expr_counts(const struct expr_run *r)
{
    return &r->counts;
}
