/* SPDX-License-Identifier: Apache-2.0 */
/* emit.c: a tree to a program: one operation a node, operands first.
 *
 * What depends on constants alone is computed here, by the same kernels on one row. Registers are given out lowest
 * first and taken back as soon as they were read, so a chain needs two and their memory stays in the first cache. */
#include "expr/program.h"

/* Where a value will be; constants are numbered apart until the count of registers is known. */
struct operand {
    u16  at;
    bool constant;
};

struct emitter {
    struct expr   *e;
    struct parser *p; /* for faults */
    const struct schema *schema;
    u32            ops_room, constants_room, slots_room;
    bool          *taken; /* registers in use */
};

#define CONSTANT 0x8000u /* marks constants in an operation until the end */

size_t kind_bytes(enum kind k)
{
    switch (k) {
    case KIND_BOOL: return 0;
    case KIND_ADDR: return sizeof(addr);
    case KIND_NET: return sizeof(net);
    case KIND_TEXT: return sizeof(slice);
    case KIND_TAG: return sizeof(u32);
    default: return sizeof(u64);
    }
}

static size_t reg_bytes(enum kind k)
{
    return k == KIND_BOOL ? BIT_WORDS * sizeof(u64) : round_up(BATCH_ROWS * kind_bytes(k), 64);
}

/* --- registers --- */

static struct operand slot_take(struct emitter *m, enum kind k)
{
    u32 i = 0;
    while (m->taken[i]) i++;
    WEIR_ASSERT(i < m->slots_room);
    m->taken[i] = true;
    if (i >= m->e->slots) m->e->slots = i + 1;
    if (reg_bytes(k) > m->e->slot_bytes[i]) m->e->slot_bytes[i] = reg_bytes(k);
    return (struct operand){ (u16)i, false };
}

static void slot_give(struct emitter *m, struct operand x)
{
    if (!x.constant) m->taken[x.at] = false;
}

static struct operand constant_add(struct emitter *m, enum kind k, bool null, const void *cell)
{
    struct expr *e = m->e;
    size_t       bytes = k == KIND_BOOL ? sizeof(u64) : kind_bytes(k);
    WEIR_ASSERT(e->constants < m->constants_room);
    void *copy = arena_alloc(&e->arena, bytes);
    if (!null) memcpy(copy, cell, bytes);
    e->constant[e->constants] = (struct constant){ .kind = k, .null = null, .cell = copy };
    return (struct operand){ (u16)e->constants++, true };
}

static struct operand constant_of(struct emitter *m, const struct value *v)
{
    slice text;
    switch (v->kind) {
    case KIND_ADDR: return constant_add(m, v->kind, v->null, &v->at);
    case KIND_NET: return constant_add(m, v->kind, v->null, &v->in);
    case KIND_TEXT:
        text = v->null ? (slice){ NULL, 0 } : arena_copy(&m->e->arena, v->text);
        return constant_add(m, v->kind, v->null, &text);
    default: return constant_add(m, v->kind, v->null, &v->u);
    }
}

/* --- constants folded --- */

static void reg_of_constant(struct reg *g, const struct constant *c)
{
    static const u64 all[BIT_WORDS] = { [0 ... BIT_WORDS - 1] = ~(u64)0 };
    *g = (struct reg){ .cells = (void *)(uintptr_t)c->cell, .nulls = c->null ? (u64 *)(uintptr_t)all : NULL };
}

/* Runs an operation whose operands are constants on one row. */
static struct operand fold(struct emitter *m, const struct node *n, enum kind k, struct op o,
                           const struct operand *x, u32 count)
{
    union {
        u64   words[BIT_WORDS];
        net   in;
        slice text;
        addr  at;
    } cells = { { 0 } };
    u64             nulls[BIT_WORDS] = { 0 };
    struct reg      reg[4];
    struct expr_run r = { .of = m->e, .rows = 1, .reg = reg, .texts = &m->e->arena };
    WEIR_ASSERT(o.run != NULL);
    for (u32 i = 0; i < count; i++) reg_of_constant(&reg[1 + i], &m->e->constant[x[i].at]);
    reg[0] = (struct reg){ .room = &cells, .room_nulls = nulls };
    o.out = 0;
    o.a = 1;
    o.b = 2;
    o.c = 3;
    o.run(&r, &o);
    if (r.faults)
        parse_fault(m->p, n->offset, n->len, r.by_zero[0] & 1 ? "this divides by zero" : "the result is out of range");
    bool null = reg[0].nulls != NULL && (reg[0].nulls[0] & 1);
    if (k == KIND_BOOL) cells.words[0] &= 1;
    return constant_add(m, k, null, reg[0].cells);
}

/* --- operations --- */

static void op_add(struct emitter *m, struct op o)
{
    WEIR_ASSERT(o.run != NULL && m->e->ops < m->ops_room);
    m->e->op[m->e->ops++] = o;
}

static u16 number_of(struct operand x)
{
    return (u16)(x.constant ? x.at | CONSTANT : x.at);
}

/* An operation over `count` operands that gives a `k`. */
static struct operand operate(struct emitter *m, const struct node *n, enum kind k, struct op o,
                              const struct operand *x, u32 count)
{
    bool constant = true;
    for (u32 i = 0; i < count; i++) constant &= x[i].constant;
    if (constant) return fold(m, n, k, o, x, count);
    struct operand out = slot_take(m, k);
    for (u32 i = 0; i < count; i++) slot_give(m, x[i]);
    o.out = number_of(out);
    if (count > 0) o.a = number_of(x[0]);
    if (count > 1) o.b = number_of(x[1]);
    if (count > 2) o.c = number_of(x[2]);
    op_add(m, o);
    return out;
}

static struct operand load(struct emitter *m, const struct node *n, enum kind k, kernel *run, u32 part)
{
    struct operand out = slot_take(m, k);
    struct op      o = { .run = run, .out = number_of(out), .column = n->column, .part = part };
    if (n->op == NODE_BIN) o.c = (u16)m->schema->field[n->column].bins;
    if (n->op != NODE_EVENT_TIME) m->e->uses[n->column >> 6] |= (u64)1 << (n->column & 63);
    op_add(m, o);
    return out;
}

static struct operand emit(struct emitter *m, const struct node *n);

static struct operand emit_tag(struct emitter *m, const struct node *n)
{
    return load(m, n, KIND_TAG, load_tag, 0);
}

static struct operand emit_field(struct emitter *m, const struct node *n)
{
    if (n->tag) {
        struct operand ids = emit_tag(m, n);
        return operate(m, n, KIND_TEXT, (struct op){ .run = load_tag_text }, &ids, 1);
    }
    switch (n->kind) {
    case KIND_NET: return load(m, n, n->kind, load_net, 0);
    case KIND_SAMPLING: return load(m, n, KIND_U64, load_sampling_presence, 0);
    case KIND_BINS: return load(m, n, KIND_U64, load_presence, 0);
    default: return load(m, n, n->kind, load_cells, (u32)kind_bytes(n->kind));
    }
}

static kernel *kernel_find(enum node_op op, enum kind k)
{
    const struct kernels *const tables[] = { number_kernels, compare_kernels, text_kernels, time_kernels,
                                             bool_kernels };
    kernel *found = NULL;
    for (u32 i = 0; i < WEIR_COUNT(tables) && found == NULL; i++) found = tables[i][op].of[k];
    return found; /* op_add and fold assert: the rules of types allow nothing without a kernel */
}

/* A kernel reads this side as an array. */
static void spread(struct emitter *m, struct operand x)
{
    if (x.constant) m->e->constant[x.at].spread = true;
}

/* --- comparisons --- */

static const enum node_op turned[] = { [NODE_EQ] = NODE_EQ, [NODE_NE] = NODE_NE,
                                       [NODE_LT] = NODE_GT, [NODE_LE] = NODE_GE,
                                       [NODE_GT] = NODE_LT, [NODE_GE] = NODE_LE };

/* A tag's column against another or a literal; false: not of that form. */
static bool emit_tags(struct emitter *m, const struct node *n, struct operand *out)
{
    const struct node *a = n->arg[0], *b = n->arg[1];
    if ((n->op != NODE_EQ && n->op != NODE_NE) || (!a->tag && !b->tag)) return false;
    if (!a->tag) {
        const struct node *swap = a;
        a = b;
        b = swap;
    }
    if (!b->tag && b->op != NODE_LITERAL) return false;
    struct operand x[2] = { emit_tag(m, a), { 0 } };
    x[1] = b->tag ? emit_tag(m, b) : constant_of(m, &b->value);
    *out = operate(m, n, KIND_BOOL, (struct op){ .run = n->op == NODE_EQ ? compare_tag_eq : compare_tag_ne }, x, 2);
    return true;
}

static kernel *kernel_mixed(enum node_op op)
{
    static kernel *const mixed[] = {
        [NODE_EQ] = compare_mixed_eq, [NODE_NE] = compare_mixed_ne, [NODE_LT] = compare_mixed_lt,
        [NODE_LE] = compare_mixed_le, [NODE_GT] = compare_mixed_gt, [NODE_GE] = compare_mixed_ge,
    };
    return mixed[op];
}

static struct operand emit_compare(struct emitter *m, const struct node *n)
{
    struct operand out, x[2];
    enum kind      k = n->arg[0]->kind, l = n->arg[1]->kind;
    enum node_op   op = n->op;
    if (emit_tags(m, n, &out)) return out;
    x[0] = emit(m, n->arg[0]);
    x[1] = emit(m, n->arg[1]);
    bool turn = k == l ? x[0].constant && !x[1].constant : k == KIND_U64;
    if (turn) {
        struct operand swap = x[0];
        x[0] = x[1];
        x[1] = swap;
        op = turned[op];
    }
    return operate(m, n, KIND_BOOL, (struct op){ .run = k == l ? kernel_find(op, k) : kernel_mixed(op) }, x, 2);
}

static struct operand emit_in(struct emitter *m, const struct node *n)
{
    const struct node *of = n->arg[0];
    struct op          o = { .list = emit_list(n, &m->e->arena) };
    struct operand     x = of->tag ? emit_tag(m, of) : emit(m, of);
    switch (of->kind) {
    case KIND_ADDR: o.run = in_addr_kernel(o.list); break;
    case KIND_NET: o.run = in_net; break;
    case KIND_F64: o.run = in_decimal; break;
    case KIND_TEXT: o.run = of->tag ? in_tag : in_text; break;
    default: o.run = in_whole;
    }
    x = operate(m, n, KIND_BOOL, o, &x, 1);
    if (n->op == NODE_IN) return x;
    return operate(m, n, KIND_BOOL, (struct op){ .run = kernel_find(NODE_NOT, KIND_BOOL) }, &x, 1);
}

/* --- all others --- */

static struct operand emit_convert(struct emitter *m, const struct node *n)
{
    struct operand x = emit(m, n->arg[0]);
    enum kind      from = n->arg[0]->kind;
    kernel        *run = n->kind == KIND_I64 ? convert_u64_i64 : from == KIND_U64 ? convert_u64_f64 : convert_i64_f64;
    return operate(m, n, n->kind, (struct op){ .run = run }, &x, 1);
}

static bool commutes(enum node_op op)
{
    return op == NODE_ADD || op == NODE_MUL || op == NODE_BITS || op == NODE_MIN || op == NODE_MAX;
}

/* Kernels of numbers take an array on the left. */
static struct operand emit_arithmetic(struct emitter *m, const struct node *n)
{
    struct operand x[2] = { emit(m, n->arg[0]), emit(m, n->arg[1]) };
    enum kind      k = n->arg[0]->kind == n->arg[1]->kind ? n->arg[0]->kind : KIND_I64; /* a time and a span */
    if (x[0].constant && !x[1].constant) {
        if (commutes(n->op)) {
            struct operand swap = x[0];
            x[0] = x[1];
            x[1] = swap;
        } else {
            spread(m, x[0]);
        }
    }
    return operate(m, n, n->kind, (struct op){ .run = kernel_find(n->op, k) }, x, 2);
}

static struct operand emit_call(struct emitter *m, const struct node *n)
{
    struct operand x[3];
    u32            count = 0;
    bool           presence = n->op == NODE_IS_NULL || n->op == NODE_IS_NOT_NULL;
    for (; count < 3 && n->arg[count] != NULL; count++)
        x[count] = presence && n->arg[count]->tag ? emit_tag(m, n->arg[count]) : emit(m, n->arg[count]);
    enum kind k = n->arg[n->op == NODE_IF ? 1 : 0]->kind;
    return operate(m, n, n->kind, (struct op){ .run = kernel_find(n->op, k) }, x, count);
}

static struct operand emit(struct emitter *m, const struct node *n)
{
    switch (n->op) {
    case NODE_LITERAL: return constant_of(m, &n->value);
    case NODE_FIELD: return emit_field(m, n);
    case NODE_PART: return load(m, n, n->kind, n->part == PART_AVG ? load_part_avg : load_part, n->part);
    case NODE_BIN: return load(m, n, n->kind, load_bin, n->part);
    case NODE_EVENT_TIME: return load(m, n, n->kind, load_event_time, 0);
    case NODE_CONVERT: return emit_convert(m, n);
    case NODE_EQ:
    case NODE_NE:
    case NODE_LT:
    case NODE_LE:
    case NODE_GT:
    case NODE_GE: return emit_compare(m, n);
    case NODE_IN:
    case NODE_NOT_IN: return emit_in(m, n);
    case NODE_BITS:
    case NODE_ADD:
    case NODE_SUB:
    case NODE_MUL:
    case NODE_DIV:
    case NODE_MOD:
    case NODE_MIN:
    case NODE_MAX:
    case NODE_QUOTIENT: return emit_arithmetic(m, n);
    default: return emit_call(m, n);
    }
}

/* --- the whole --- */

static u16 resolved(const struct expr *e, u16 number)
{
    return (u16)(number & CONSTANT ? e->slots + (number & ~CONSTANT) : number);
}

bool emit_program(struct expr *e, const struct node *root, struct parser *p)
{
    u32            most = 2 * p->nodes + 2; /* a tag's column and `not in` are two operations, or two constants */
    struct emitter m = { .e = e, .p = p, .schema = p->schema, .ops_room = most, .constants_room = most,
                         .slots_room = most };
    m.taken = arena_array(p->arena, bool, most + 1);
    e->op = arena_array(&e->arena, struct op, most);
    e->constant = arena_array(&e->arena, struct constant, most);
    e->slot_bytes = arena_array(&e->arena, size_t, most);
    e->kind = root->kind;
    struct operand result = emit(&m, root);
    if (root->kind == KIND_I64) { /* no column holds a sign */
        result = operate(&m, root, KIND_U64, (struct op){ .run = convert_i64_u64 }, &result, 1);
        e->kind = KIND_U64;
    }
    if (p->failed) return false;
    for (u32 i = 0; i < e->ops; i++) {
        struct op *o = &e->op[i];
        o->a = resolved(e, o->a);
        o->b = resolved(e, o->b);
        if (o->run != load_bin) o->c = resolved(e, o->c);
    }
    e->result = resolved(e, number_of(result));
    if (result.constant) e->constant[result.at].spread = true;
    return true;
}
