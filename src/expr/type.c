/* SPDX-License-Identifier: Apache-2.0 */
/* type.c: the rules of types: what each operation takes, what it gives, which literals change to fit beside what.
 *
 * Whole numbers widen to signed ones and to decimals; a text literal beside a time, ip, net or mac is read as one;
 * nothing else changes by itself. */
#include "expr/times.h"
#include "expr/tree.h"
#include "weir/near.h"

#include <stdio.h>

static const char *const kind_names[KINDS];

const char *kind_name(enum kind k)
{
    WEIR_ASSERT((u32)k < KINDS);
    return kind_names[k];
}

/* --- values --- */

static bool text_fit(struct value *v, enum kind to)
{
    slice s = v->text;
    bool  host = false;
    *v = (struct value){ .kind = to };
    switch (to) {
    case KIND_TIME: return time_parse(s, &v->i);
    case KIND_ADDR: return addr_parse(s, &v->at);
    case KIND_NET: return net_parse(s, &v->in, &host) && !host;
    case KIND_MAC: return mac_parse(s, &v->u);
    default: return false;
    }
}

bool value_fit(struct value *v, enum kind to)
{
    struct value was = *v;
    if (was.kind == to) return true;
    if (was.null || was.kind == KIND_NULL) {
        *v = (struct value){ .kind = to, .null = true };
        return to != KIND_SAMPLING && to != KIND_BINS;
    }
    v->kind = to;
    if (was.kind == KIND_U64 && to == KIND_I64) return was.u <= INT64_MAX;
    if (was.kind == KIND_I64 && to == KIND_U64) return was.i >= 0;
    if (was.kind == KIND_U64 && to == KIND_F64) *v = (struct value){ .kind = to, .f = (f64)was.u };
    else if (was.kind == KIND_I64 && to == KIND_F64) *v = (struct value){ .kind = to, .f = (f64)was.i };
    else if (was.kind == KIND_ADDR && to == KIND_NET) *v = (struct value){ .kind = to, .in = { was.at, 128 } };
    else if (was.kind == KIND_TEXT) return text_fit(v, to);
    else return false;
    return true;
}

static bool is_literal(const struct node *n)
{
    return n->op == NODE_LITERAL;
}

static bool is_number(enum kind k)
{
    return k == KIND_U64 || k == KIND_I64 || k == KIND_F64;
}

static bool is_single(enum kind k)
{
    return k != KIND_SAMPLING && k != KIND_BINS;
}

static slice text_of(const struct parser *p, const struct node *n)
{
    return slice_of(p->text.at + n->offset, n->len < 40 ? n->len : 40);
}

/* --- making nodes --- */

struct node *type_node(struct parser *p, enum node_op op, enum kind kind, u32 offset, u32 end)
{
    if (++p->nodes > EXPR_OPS_MAX)
        return parse_fault(p, offset, end - offset, "more than %u operations", EXPR_OPS_MAX);
    struct node *n = arena_new(p->arena, struct node);
    *n = (struct node){ .op = op, .kind = kind, .offset = offset, .len = end - offset };
    return n;
}

struct node *type_literal(struct parser *p, const struct value *v, u32 offset, u32 end)
{
    struct node *n = type_node(p, NODE_LITERAL, v->kind, offset, end);
    if (n != NULL) n->value = *v;
    return n;
}

static struct node *make(struct parser *p, enum node_op op, enum kind kind, struct node *a, struct node *b)
{
    u32          end = b != NULL ? b->offset + b->len : a->offset + a->len;
    struct node *n = type_node(p, op, kind, a->offset, end);
    if (n == NULL) return NULL;
    n->arg[0] = a;
    n->arg[1] = b;
    return n;
}

/* --- changing kinds --- */

/* *n as a `to`; false: it is none and cannot become one (no fault noted). */
static bool fit(struct parser *p, struct node **n, enum kind to)
{
    struct node *was = *n;
    if (was->kind == to) return true;
    if (is_literal(was)) {
        struct value v = was->value;
        if (!value_fit(&v, to)) return false;
        was->value = v;
        was->kind = to;
        return true;
    }
    bool widens = (was->kind == KIND_U64 && to == KIND_I64) || (is_number(was->kind) && to == KIND_F64);
    if (!widens) return false;
    struct node *c = type_node(p, NODE_CONVERT, to, was->offset, was->offset + was->len);
    if (c == NULL) return false;
    c->arg[0] = was;
    *n = c;
    return true;
}

/* The kind that both can have. */
static enum kind common(const struct node *a, const struct node *b)
{
    if (a->kind == KIND_NULL) return b->kind;
    if (b->kind == KIND_NULL || a->kind == b->kind) return a->kind;
    if (is_number(a->kind) && is_number(b->kind))
        return a->kind == KIND_F64 || b->kind == KIND_F64 ? KIND_F64 : KIND_I64;
    return is_literal(a) ? b->kind : a->kind;
}

static bool unify(struct parser *p, struct node **a, struct node **b)
{
    enum kind to = common(*a, *b);
    return is_single(to) && to != KIND_NULL && fit(p, a, to) && fit(p, b, to);
}

/* "`src` (ip) and `5` (whole number) do not <verb>", at both. */
static void *mismatch(struct parser *p, const struct node *a, const struct node *b, const char *verb)
{
    slice x = text_of(p, a), y = text_of(p, b);
    parse_fault(p, a->offset, b->offset + b->len - a->offset, "`%.*s` (%s) and `%.*s` (%s) do not %s", (int)x.len, x.at,
                kind_name(a->kind), (int)y.len, y.at, kind_name(b->kind), verb);
    for (u32 i = 0; i < 2; i++) {
        enum kind k = i ? b->kind : a->kind;
        if (k == KIND_SAMPLING) parse_hint(p, "take one of .n .min .max .avg");
        if (k == KIND_BINS) parse_hint(p, "take one bin, as [0]");
    }
    return NULL;
}

/* "`x` is a text where a time is expected" */
static void *unfit(struct parser *p, const struct node *n, const char *wanted)
{
    slice x = text_of(p, n);
    parse_fault(p, n->offset, n->len, "%s is expected, `%.*s` is %s", wanted, (int)x.len, x.at, kind_name(n->kind));
    if (n->kind == KIND_SAMPLING) parse_hint(p, "take one of .n .min .max .avg");
    if (n->kind == KIND_BINS) parse_hint(p, "take one bin, as [0]");
    return NULL;
}

/* --- fields --- */

static const enum kind kind_of_type[] = {
    [FIELD_U64] = KIND_U64, [FIELD_F64] = KIND_F64,       [FIELD_TIME] = KIND_TIME, [FIELD_ADDR] = KIND_ADDR,
    [FIELD_MAC] = KIND_MAC, [FIELD_STRING] = KIND_TEXT,   [FIELD_NET] = KIND_NET,   [FIELD_TAG] = KIND_TEXT,
    [FIELD_BINS] = KIND_BINS, [FIELD_SAMPLING] = KIND_SAMPLING,
};

static u32 columns(const struct schema *s)
{
    return s->tags + s->measures;
}

static u32 field_find(const struct schema *s, slice name)
{
    for (u32 i = 0; i < columns(s); i++)
        if (slice_eq(s->field[i].name, name)) return i;
    return UINT32_MAX;
}

static struct node *field_node(struct parser *p, u32 column, const struct token *name)
{
    enum field_type type = p->schema->field[column].type;
    struct node    *n = type_node(p, NODE_FIELD, kind_of_type[type], name->offset, name->offset + name->len);
    if (n == NULL) return NULL;
    n->column = column;
    n->tag = type == FIELD_TAG;
    return n;
}

/* "rtt.max": a part of a sampling; *found tells whether the name before the last dot is a field. */
static struct node *part_node(struct parser *p, const struct token *name, bool *found)
{
    static const char *const parts[] = { [PART_N] = "n", [PART_MIN] = "min", [PART_MAX] = "max", [PART_AVG] = "avg" };
    const char              *dot = memrchr(name->text.at, '.', name->text.len);
    *found = false;
    if (dot == NULL || name->type == TOKEN_QUOTED) return NULL;
    size_t before = (size_t)(dot - name->text.at);
    u32    column = field_find(p->schema, slice_of(name->text.at, before));
    slice  part = slice_of(dot + 1, name->text.len - before - 1);
    if (column == UINT32_MAX) return NULL;
    *found = true;
    u32 offset = name->offset + (u32)before;
    if (p->schema->field[column].type != FIELD_SAMPLING)
        return parse_fault(p, offset, (u32)part.len + 1, "`%.*s` has no parts: it is %s",
                           (int)(before < 60 ? before : 60),
                           name->text.at, kind_name(kind_of_type[p->schema->field[column].type]));
    for (u32 i = 0; i < WEIR_COUNT(parts); i++) {
        if (!slice_is(part, parts[i])) continue;
        struct node *n = field_node(p, column, name);
        if (n == NULL) return NULL;
        n->op = NODE_PART;
        n->part = i;
        n->kind = i == PART_AVG ? KIND_F64 : KIND_U64;
        return n;
    }
    parse_fault(p, offset, (u32)part.len + 1, "a sampling has no part `%.*s`", (int)(part.len < 60 ? part.len : 60),
                part.at);
    parse_hint(p, "expected .n, .min, .max or .avg");
    return NULL;
}

static slice field_name(const void *of, u32 i)
{
    return ((const struct schema *)of)->field[i].name;
}

struct node *type_name(struct parser *p, const struct token *name)
{
    bool  found;
    slice s = name->text;
    u32   column = field_find(p->schema, s);
    if (column != UINT32_MAX) return field_node(p, column, name);
    if (name->type == TOKEN_NAME && slice_is(s, "time"))
        return type_node(p, NODE_EVENT_TIME, KIND_TIME, name->offset, name->offset + name->len);
    struct node *part = part_node(p, name, &found);
    if (found) return part;
    parse_fault(p, name->offset, name->len, "no field is named `%.*s`", (int)(s.len < 60 ? s.len : 60), s.at);
    slice near = near_name(s, columns(p->schema), field_name, p->schema);
    if (near.at != NULL) parse_hint(p, "did you mean `%.*s`?", (int)near.len, near.at);
    return NULL;
}

struct node *type_bin(struct parser *p, struct node *bins, const struct value *which, u32 end)
{
    if (bins->op != NODE_FIELD || bins->kind != KIND_BINS) return unfit(p, bins, "a field with bins");
    u32 k = p->schema->field[bins->column].bins;
    if (which->u >= k) {
        slice s = text_of(p, bins);
        return parse_fault(p, bins->offset, end - bins->offset, "`%.*s` has %u bins, the last is [%u]", (int)s.len,
                           s.at, k,
                           k - 1);
    }
    struct node *n = type_node(p, NODE_BIN, KIND_U64, bins->offset, end);
    if (n == NULL) return NULL;
    n->column = bins->column;
    n->part = (u32)which->u;
    return n;
}

/* --- one operand --- */

struct node *type_not(struct parser *p, struct node *of, u32 offset)
{
    if (!fit(p, &of, KIND_BOOL)) return unfit(p, of, "a condition");
    struct node *n = type_node(p, NODE_NOT, KIND_BOOL, offset, of->offset + of->len);
    if (n != NULL) n->arg[0] = of;
    return n;
}

struct node *type_negative(struct parser *p, struct node *of, u32 offset)
{
    u32 end = of->offset + of->len;
    if (!is_number(of->kind)) return unfit(p, of, "a number");
    if (is_literal(of) && !of->value.null && of->kind != KIND_I64) {
        struct value *v = &of->value;
        if (of->kind == KIND_U64 && v->u > (u64)1 << 63)
            return parse_fault(p, offset, end - offset, "the number is too small: signed ones go down to %lld",
                               (long long)INT64_MIN);
        if (of->kind == KIND_U64 && v->u > 0)
            *v = (struct value){ .kind = KIND_I64, .form = v->form, .i = (i64)(0 - v->u) };
        else if (of->kind == KIND_F64) v->f = -v->f;
        of->kind = v->kind;
        of->offset = offset;
        of->len = end - offset;
        return of;
    }
    struct node *n = type_node(p, NODE_NEG, of->kind == KIND_F64 ? KIND_F64 : KIND_I64, offset, end);
    if (n != NULL) n->arg[0] = of;
    return n;
}

struct node *type_is_null(struct parser *p, struct node *of, bool not, u32 end)
{
    if (of->kind == KIND_NULL) (void)fit(p, &of, KIND_BOOL);
    struct node *n = make(p, not ? NODE_IS_NOT_NULL : NODE_IS_NULL, KIND_BOOL, of, NULL);
    if (n != NULL) n->len = end - of->offset;
    return n;
}

/* --- two operands --- */

static bool is_null_literal(const struct node *n)
{
    return is_literal(n) && n->value.null;
}

static bool has_order(enum kind k)
{
    return is_number(k) || k == KIND_TIME || k == KIND_TEXT || k == KIND_ADDR;
}

/* Literals that were meant for the other's kind are named as what they are not. */
static void *not_comparable(struct parser *p, const struct node *a, const struct node *b)
{
    mismatch(p, a, b, "compare");
    for (u32 i = 0; i < 2; i++) {
        const struct node *x = i ? b : a, *y = i ? a : b;
        if (x->kind == KIND_ADDR && y->kind == KIND_NET) parse_hint(p, "`in` tests whether an ip is in a net");
        if (x->kind == KIND_TIME && is_literal(y))
            parse_hint(p, "times are written '2026-01-02T03:04:05Z' or '2026-01-02'");
    }
    return NULL;
}

static struct node *type_compare(struct parser *p, enum node_op op, struct node *a, struct node *b)
{
    if (is_null_literal(a) || is_null_literal(b)) {
        const struct node *n = is_null_literal(b) ? b : a;
        parse_fault(p, n->offset, n->len, "nothing compares with null");
        parse_hint(p, "write `is null` or `is not null`");
        return NULL;
    }
    bool mixed = (a->kind == KIND_U64 && b->kind == KIND_I64) || (a->kind == KIND_I64 && b->kind == KIND_U64);
    if (mixed) { /* exact as they are; a literal changes where it can, as then the kernel is a plain one */
        if (is_literal(a)) (void)fit(p, &a, b->kind);
        else if (is_literal(b)) (void)fit(p, &b, a->kind);
    } else if (!unify(p, &a, &b)) {
        return not_comparable(p, a, b);
    }
    if (op >= NODE_LT && !has_order(a->kind)) return mismatch(p, a, b, "have an order");
    return make(p, op, KIND_BOOL, a, b);
}

/* Time and a span, a whole number of ns. */
static struct node *type_time_sum(struct parser *p, enum node_op op, struct node *a, struct node *b)
{
    bool left = a->kind == KIND_TIME, right = b->kind == KIND_TIME;
    if (op == NODE_SUB && left && fit(p, &b, KIND_TIME)) return make(p, op, KIND_I64, a, b);
    if (op == NODE_SUB && right && fit(p, &a, KIND_TIME)) return make(p, op, KIND_I64, a, b);
    if (left && !right && (op == NODE_ADD || op == NODE_SUB) && fit(p, &b, KIND_I64))
        return make(p, op, KIND_TIME, a, b);
    if (right && !left && op == NODE_ADD && fit(p, &a, KIND_I64)) return make(p, op, KIND_TIME, a, b);
    return mismatch(p, a, b, op == NODE_ADD ? "add" : op == NODE_SUB ? "subtract" : "go together here");
}

/* What would be null in every row. */
static bool is_zero(const struct node *n)
{
    if (n->op != NODE_LITERAL || n->value.null) return false;
    return n->kind == KIND_F64 ? n->value.f == 0 : (n->kind == KIND_U64 || n->kind == KIND_I64) && n->value.u == 0;
}

static struct node *type_arithmetic(struct parser *p, enum node_op op, struct node *a, struct node *b)
{
    bool times = a->kind == KIND_TIME || b->kind == KIND_TIME;
    if (times) {
        if (a->kind == KIND_NULL) (void)fit(p, &a, KIND_I64);
        if (b->kind == KIND_NULL) (void)fit(p, &b, KIND_I64);
        return type_time_sum(p, op, a, b);
    }
    if (a->kind == KIND_NULL) (void)fit(p, &a, is_number(b->kind) ? b->kind : KIND_U64);
    if (b->kind == KIND_NULL) (void)fit(p, &b, is_number(a->kind) ? a->kind : KIND_U64);
    if (!is_number(a->kind)) return unfit(p, a, "a number");
    if (!is_number(b->kind)) return unfit(p, b, "a number");
    enum kind to = common(a, b), gives;
    bool divides = op == NODE_DIV || op == NODE_MOD || op == NODE_QUOTIENT;
    if (divides && is_zero(b)) return parse_fault(p, b->offset, b->len, "this divides by zero");
    if (op == NODE_DIV) to = KIND_F64;
    gives = op == NODE_SUB && to == KIND_U64 ? KIND_I64 : to;
    if (!fit(p, &a, to) || !fit(p, &b, to)) return mismatch(p, a, b, "fit into 64 bits with a sign");
    return make(p, op, gives, a, b);
}

static struct node *type_whole(struct parser *p, enum node_op op, struct node *a, struct node *b)
{
    if (op == NODE_BITS) {
        if (!fit(p, &a, KIND_U64)) return unfit(p, a, "a whole number without sign");
        if (!fit(p, &b, KIND_U64)) return unfit(p, b, "a whole number without sign");
        return make(p, op, KIND_U64, a, b);
    }
    if (a->kind == KIND_F64) return unfit(p, a, "a whole number");
    if (b->kind == KIND_F64) return unfit(p, b, "a whole number");
    return type_arithmetic(p, op, a, b);
}

static struct node *type_pair(struct parser *p, enum node_op op, enum kind kind, enum kind of, struct node *a,
                              struct node *b)
{
    const char *wanted = of == KIND_BOOL ? "a condition" : "a text";
    if (!fit(p, &a, of)) return unfit(p, a, wanted);
    if (!fit(p, &b, of)) return unfit(p, b, wanted);
    return make(p, op, kind, a, b);
}

struct node *type_binary(struct parser *p, enum node_op op, struct node *a, struct node *b)
{
    if (p->failed) return NULL;
    switch (op) {
    case NODE_OR:
    case NODE_AND: return type_pair(p, op, KIND_BOOL, KIND_BOOL, a, b);
    case NODE_STARTS:
    case NODE_ENDS:
    case NODE_CONTAINS: return type_pair(p, op, KIND_BOOL, KIND_TEXT, a, b);
    case NODE_COALESCE:
        if (!unify(p, &a, &b)) return mismatch(p, a, b, "have one type");
        return make(p, op, a->kind, a, b);
    case NODE_BITS:
    case NODE_QUOTIENT: return type_whole(p, op, a, b);
    default: return op >= NODE_EQ && op <= NODE_GE ? type_compare(p, op, a, b) : type_arithmetic(p, op, a, b);
    }
}

/* --- in --- */

static bool element_fit(struct value *v, enum kind of)
{
    if (of != KIND_ADDR && of != KIND_NET) return value_fit(v, of);
    return v->kind == KIND_NET || value_fit(v, KIND_NET); /* a bare address is a net of all bits */
}

struct node *type_in(struct parser *p, struct node *of, bool not, struct value *list, const struct token *at, u32 n,
                     u32 end)
{
    if (!is_single(of->kind) || of->kind == KIND_BOOL || of->kind == KIND_NULL)
        return unfit(p, of, "something with a value to look up");
    for (u32 i = 0; i < n; i++) {
        enum kind was = list[i].kind;
        if (element_fit(&list[i], of->kind)) continue;
        slice x = text_of(p, of), y = slice_of(p->text.at + at[i].offset, at[i].len < 40 ? at[i].len : 40);
        return parse_fault(p, at[i].offset, at[i].len, "`%.*s` (%s) is never `%.*s` (%s)", (int)x.len, x.at,
                           kind_name(of->kind), (int)y.len, y.at, kind_name(was));
    }
    struct node *in = type_node(p, not ? NODE_NOT_IN : NODE_IN, KIND_BOOL, of->offset, end);
    if (in == NULL) return NULL;
    in->arg[0] = of;
    in->list = list;
    in->listed = n;
    return in;
}

/* --- calls --- */

static struct node *call_make(struct parser *p, enum node_op op, enum kind kind, struct node **arg, u32 n,
                              u32 offset, u32 end)
{
    struct node *c = type_node(p, op, kind, offset, end);
    for (u32 i = 0; i < n && c != NULL; i++) c->arg[i] = arg[i];
    return c;
}

static struct node *type_if(struct parser *p, struct node **arg, u32 offset, u32 end)
{
    if (!fit(p, &arg[0], KIND_BOOL)) return unfit(p, arg[0], "a condition");
    if (!unify(p, &arg[1], &arg[2])) return mismatch(p, arg[1], arg[2], "have one type");
    return call_make(p, NODE_IF, arg[1]->kind, arg, 3, offset, end);
}

static struct node *type_least(struct parser *p, enum node_op op, struct node **arg, u32 offset, u32 end)
{
    for (u32 i = 0; i < 2; i++)
        if (!is_number(arg[i]->kind) && arg[i]->kind != KIND_TIME && !is_literal(arg[i]))
            return unfit(p, arg[i], "a number or time");
    if (!unify(p, &arg[0], &arg[1])) return mismatch(p, arg[0], arg[1], "have one type");
    if (!is_number(arg[0]->kind) && arg[0]->kind != KIND_TIME) return unfit(p, arg[0], "a number or time");
    return call_make(p, op, arg[0]->kind, arg, 2, offset, end);
}

/* A null literal is of the kind that a function takes. */
static struct node *type_of_one(struct parser *p, enum node_op op, enum kind of, const char *wanted, enum kind gives,
                                struct node **arg, u32 offset, u32 end)
{
    if (!fit(p, &arg[0], of)) return unfit(p, arg[0], wanted);
    return call_make(p, op, gives, arg, 1, offset, end);
}

static bool casts(enum kind from, enum node_op to)
{
    if (from == KIND_BOOL || from == KIND_TEXT || from == KIND_TIME || is_number(from)) return true;
    return from == KIND_MAC ? to != NODE_TO_F64 : to == NODE_TO_TEXT && is_single(from) && from != KIND_NULL;
}

static struct node *type_cast(struct parser *p, enum node_op op, struct node **arg, u32 offset, u32 end)
{
    enum kind to = op == NODE_TO_U64 ? KIND_U64 : op == NODE_TO_F64 ? KIND_F64 : KIND_TEXT;
    if (arg[0]->kind == KIND_NULL && !fit(p, &arg[0], to)) return NULL;
    if (!casts(arg[0]->kind, op)) return unfit(p, arg[0], to == KIND_TEXT ? "a single value" : "a number or its text");
    return call_make(p, op, to, arg, 1, offset, end);
}

struct node *type_call(struct parser *p, enum node_op op, struct node **arg, u32 n, u32 offset, u32 end)
{
    struct node *c;
    if (p->failed) return NULL;
    switch (op) {
    case NODE_IF: return type_if(p, arg, offset, end);
    case NODE_MIN:
    case NODE_MAX: return type_least(p, op, arg, offset, end);
    case NODE_TO_U64:
    case NODE_TO_F64:
    case NODE_TO_TEXT: return type_cast(p, op, arg, offset, end);
    case NODE_LOWER: return type_of_one(p, op, KIND_TEXT, "a text", KIND_TEXT, arg, offset, end);
    case NODE_LENGTH: return type_of_one(p, op, KIND_TEXT, "a text", KIND_U64, arg, offset, end);
    case NODE_DATE: return type_of_one(p, op, KIND_TIME, "a time", KIND_TIME, arg, offset, end);
    case NODE_ABS:
        if (arg[0]->kind == KIND_NULL && !fit(p, &arg[0], KIND_U64)) return NULL;
        if (!is_number(arg[0]->kind)) return unfit(p, arg[0], "a number");
        return call_make(p, op, arg[0]->kind == KIND_I64 ? KIND_U64 : arg[0]->kind, arg, 1, offset, end);
    case NODE_STARTS:
    case NODE_ENDS:
    case NODE_CONTAINS:
    case NODE_QUOTIENT:
        c = type_binary(p, op, arg[0], arg[1]);
        if (c != NULL) c->offset = offset, c->len = end - offset;
        return c;
    default: /* year .. weekday */
        WEIR_ASSERT(op >= NODE_YEAR && op <= NODE_WEEKDAY && n == 1);
        return type_of_one(p, op, KIND_TIME, "a time", KIND_U64, arg, offset, end);
    }
}

static const char *const kind_names[KINDS] = {
    [KIND_NULL] = "null", [KIND_BOOL] = "condition", [KIND_U64] = "whole number", [KIND_I64] = "signed number",
    [KIND_F64] = "decimal", [KIND_TIME] = "time", [KIND_MAC] = "mac", [KIND_ADDR] = "ip", [KIND_NET] = "net",
    [KIND_TEXT] = "text", [KIND_TAG] = "tag", [KIND_SAMPLING] = "sampling", [KIND_BINS] = "bins",
};
