/* SPDX-License-Identifier: Apache-2.0 */
/* test_expr_random.c: random expressions on random batches against an interpreter with neither kernels nor parser.
 *
 * A random typed tree is written as text for the compiler and walked here, row by row, value by value: whole numbers
 * in 128
 * bits, null as a flag. Both must agree on every row. */
#include "../unit.h"

#include "weir/arena.h"
#include "weir/expr.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum kind { BOOL, WHOLE, SIGNED, DECIMAL, TEXT, ADDR, TIME };

struct val {
    bool  null;
    i128  i; /* BOOL, WHOLE, SIGNED, TIME */
    f64   f;
    slice s;
    addr  a;
};

enum { COL_U, COL_V, COL_W, COL_F, COL_G, COL_S, COL_T, COL_TAG, COL_TAG2, COL_TAG3, COL_SRC, COL_DST, COL_AT,
       COL_RTT, COL_BINS,
       COLUMNS };

static const struct field fields[COLUMNS] = {
    [COL_U] = { .name = { "u", 1 }, .type = FIELD_U64 },        [COL_V] = { .name = { "v", 1 }, .type = FIELD_U64 },
    [COL_W] = { .name = { "w", 1 }, .type = FIELD_U64 },        [COL_F] = { .name = { "f", 1 }, .type = FIELD_F64 },
    [COL_G] = { .name = { "g", 1 }, .type = FIELD_F64 },        [COL_S] = { .name = { "s", 1 }, .type = FIELD_STRING },
    [COL_T] = { .name = { "t", 1 }, .type = FIELD_STRING },     [COL_TAG] = { .name = { "tag", 3 }, .type = FIELD_TAG },
    [COL_TAG2] = { .name = { "tag2", 4 }, .type = FIELD_TAG },  [COL_TAG3] =
        { .name = { "tag3", 4 }, .type = FIELD_TAG },
    [COL_SRC] = { .name = { "src", 3 }, .type = FIELD_ADDR },   [COL_DST] =
        { .name = { "dst", 3 }, .type = FIELD_ADDR },
    [COL_AT] = { .name = { "at", 2 }, .type = FIELD_TIME },     [COL_RTT] =
        { .name = { "rtt", 3 }, .type = FIELD_SAMPLING },
    [COL_BINS] = { .name = { "bins", 4 }, .type = FIELD_BINS, .bins = 3 },
};
static const char *const all_words[] = { "", "a", "ab", "abc", "north", "North", "x-1", "12", "it's" };

struct tree {
    char         text[40]; /* of a leaf; of others the operator or function    */
    enum kind    kind;
    u32          op;       /* a letter that eval knows, or 'C': column, 'L': literal */
    u32          column, part;
    struct val   literal;
    u64          list[8];  /* 'I' */
    u32          listed;
    struct tree *kid[3];
};

struct rig {
    u64           seed;
    struct arena  arena;
    struct strings words, others;
    struct batch  batch;
    struct column column[COLUMNS];
    u64           nulls[COLUMNS][BATCH_ROWS / 64];
    nanos         time[BATCH_ROWS];
    void         *cells[COLUMNS];
};

static u64 draw(struct rig *r)
{
    r->seed += 0x9e3779b97f4a7c15u;
    u64 z = r->seed;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static u32 below(struct rig *r, u32 n)
{
    return (u32)(draw(r) % n);
}

/* --- random batches --- */

static u64 draw_whole(struct rig *r, u32 column)
{
    static const u64 edges[] = { 0, 1, 2, 7, INT64_MAX, (u64)INT64_MAX + 1, UINT64_MAX, UINT64_MAX - 1 };
    if (column == COL_U) return below(r, 10);
    return column == COL_V ? draw(r) >> below(r, 64) : edges[below(r, 8)];
}

static f64 draw_decimal(struct rig *r)
{
    static const f64 edges[] = { 0, -0.0, 1, -1, 0.5, 1e308, -1e308, 18446744073709551616.0, -0.5, 1e19 };
    return below(r, 2) ? edges[below(r, 10)] : (f64)(i64)draw(r) / (f64)(1 + below(r, 1000));
}

static addr draw_addr(struct rig *r)
{
    addr a = { { [10] = 0xff, 0xff, 10, (u8)below(r, 2), (u8)below(r, 2), (u8)below(r, 3) } };
    if (below(r, 3) == 0) a = (addr){ { 0x20, 0x01, 0x0d, 0xb8, (u8)below(r, 2), [15] = (u8)below(r, 3) } };
    return a;
}

static void draw_cell(struct rig *r, u32 c, u32 i)
{
    void *cells = r->cells[c];
    const char *word = all_words[below(r, WEIR_COUNT(all_words))];
    switch (fields[c].type) {
    case FIELD_U64: ((u64 *)cells)[i] = draw_whole(r, c); break;
    case FIELD_F64: ((f64 *)cells)[i] = draw_decimal(r); break;
    case FIELD_STRING: ((slice *)cells)[i] = slice_str(word); break;
    case FIELD_TAG: ((u32 *)cells)[i] = below(r, 5); break;
    case FIELD_ADDR: ((addr *)cells)[i] = draw_addr(r); break;
    case FIELD_TIME: ((i64 *)cells)[i] = below(r, 9) ? (i64)(draw(r) >> 3) - (i64)(draw(r) >> 3) : INT64_MIN; break;
    case FIELD_SAMPLING: ((struct sampling *)cells)[i] =
        (struct sampling){ below(r, 4), draw(r) >> 9, draw(r) >> 8, draw(r), 0 }; break;
    default: for (u32 k = 0; k < 3; k++) ((u64 *)cells)[3 * i + k] = draw(r) >> 40;
    }
}

static void draw_batch(struct rig *r)
{
    static const u32 sizes[] = { 1, 2, 63, 64, 65, 127, 128, 1000, 1023, 1024, 0 };
    u32 rows = sizes[below(r, 11)];
    for (u32 c = 0; c < COLUMNS; c++) {
        for (u32 i = 0; i < rows; i++) draw_cell(r, c, i);
        for (u32 w = 0; w < BATCH_ROWS / 64; w++) r->nulls[c][w] = draw(r) & draw(r);
        r->column[c] = (struct column){ below(r, 20) ? r->cells[c] : NULL, below(r, 3) ? r->nulls[c] : NULL, NULL };
        if (fields[c].type == FIELD_TAG) r->column[c].words = c == COL_TAG3 ? &r->others : &r->words;
        for (u32 i = 0; i < rows && fields[c].type == FIELD_STRING; i++) /* never to be read */
            if (column_null(&r->column[c], i)) ((slice *)r->cells[c])[i] = slice_of((const char *)16, 999);
    }
    for (u32 i = 0; i < rows; i++) r->time[i] = (i64)(draw(r) >> 2);
    r->batch = (struct batch){ rows, COLUMNS, r->column, below(r, 2) ? r->time : NULL, 12345 };
}

/* --- random trees --- */

static struct tree *gen(struct rig *r, enum kind k, u32 depth);

static struct tree *tree_new(struct rig *r, enum kind k, u32 op, const char *text)
{
    struct tree *t = arena_new(&r->arena, struct tree);
    t->kind = k;
    t->op = op;
    snprintf(t->text, sizeof t->text, "%s", text);
    return t;
}

static struct tree *gen_column(struct rig *r, enum kind k, u32 c)
{
    struct tree *t = tree_new(r, k, 'C', "");
    t->column = c;
    memcpy(t->text, fields[c].name.at, fields[c].name.len);
    return t;
}

static struct tree *gen_leaf(struct rig *r, enum kind k)
{
    struct tree *t = tree_new(r, k, 'L', "");
    u32          n = below(r, 8);
    switch (k) {
    case BOOL: t->literal.i = n & 1; strcpy(t->text, n & 1 ? "true" : "false"); return t;
    case WHOLE:
        if (n < 4) return gen_column(r, k, COL_U + n % 3);
        if (n == 4) return t->op = 'P', t->part = below(r, 3),
            snprintf(t->text, 24, "rtt.%s", t->part == 0 ? "n" : t->part == 1 ? "min" : "max"), t;
        if (n == 5) return t->op = 'B', t->part = below(r, 3), snprintf(t->text, 24, "bins[%u]", t->part), t;
        t->literal.i = below(r, 12);
        snprintf(t->text, 24, "%u", (u32)t->literal.i);
        return t;
    case DECIMAL:
        if (n < 5) return gen_column(r, k, COL_F + n % 2);
        t->literal.f = below(r, 100) / 4.0;
        snprintf(t->text, 24, "%.2f", t->literal.f);
        return t;
    case TEXT:
        if (n < 6) return gen_column(r, k, COL_S + n % 5);
        n = below(r, WEIR_COUNT(all_words));
        t->literal.s = slice_str(all_words[n]);
        snprintf(t->text, 24, "\"%s\"", all_words[n]);
        return t;
    case ADDR: return gen_column(r, k, COL_SRC + n % 2);
    case TIME: return n < 6 ? gen_column(r, k, COL_AT) : (t->op = 'E', strcpy(t->text, "time"), t);
    default: break;
    }
    t->op = '~'; /* a signed leaf is a difference or a negative */
    strcpy(t->text, "-");
    t->kid[0] = gen_leaf(r, WHOLE);
    return t;
}

static struct tree *two(struct rig *r, enum kind k, u32 op, const char *text, enum kind of, u32 depth)
{
    struct tree *t = tree_new(r, k, op, text);
    t->kid[0] = gen(r, of, depth);
    t->kid[1] = gen(r, of, depth);
    return t;
}

static struct tree *one(struct rig *r, enum kind k, u32 op, const char *text, enum kind of, u32 depth)
{
    struct tree *t = tree_new(r, k, op, text);
    t->kid[0] = gen(r, of, depth);
    return t;
}

static struct tree *gen_list(struct rig *r, u32 depth)
{
    struct tree *t = one(r, BOOL, 'I', "", WHOLE, depth);
    t->listed = 1 + below(r, 8);
    for (u32 i = 0; i < t->listed; i++) t->list[i] = draw_whole(r, COL_U + below(r, 3));
    return t;
}

static struct tree *gen_bool(struct rig *r, u32 depth)
{
    static const char *const marks[] = { "==", "!=", "<", "<=", ">", ">=" };
    static const enum kind   ordered[] = { WHOLE, SIGNED, DECIMAL, TEXT, ADDR, TIME };
    u32                      n = below(r, 16), m = below(r, 6);
    if (n < 3) return two(r, BOOL, '<' * 8 + m, marks[m], ordered[below(r, 6)], depth);
    if (n == 3) { /* signed beside unsigned */
        struct tree *t = two(r, BOOL, '<' * 8 + m, marks[m], SIGNED, depth);
        t->kid[below(r, 2)] = gen(r, WHOLE, depth);
        return t;
    }
    if (n < 6) return two(r, BOOL, '&', "and", BOOL, depth);
    if (n < 8) return two(r, BOOL, '|', "or", BOOL, depth);
    if (n == 8) return one(r, BOOL, '!', "not", BOOL, depth);
    if (n == 9) return one(r, BOOL, 'N', "is null", ordered[m], depth);
    if (n == 10) return gen_list(r, depth);
    if (n == 11) return one(r, BOOL, 'A', "in 10.1.0.0/16", ADDR, depth);
    if (n == 12) return two(r, BOOL, 's', "starts_with", TEXT, depth);
    if (n == 13) return two(r, BOOL, 'c', "contains", TEXT, depth);
    if (n == 14) return two(r, BOOL, '<' * 8 + m % 2, marks[m % 2], BOOL, depth);
    return one(r, BOOL, 'A', "in (2001:db8::/40, 10.0.0.0/24)", ADDR, depth);
}

static struct tree *gen_whole(struct rig *r, u32 depth)
{
    switch (below(r, 10)) {
    case 0: return two(r, WHOLE, '+', "+", WHOLE, depth);
    case 1: return two(r, WHOLE, '*', "*", WHOLE, depth);
    case 2: return two(r, WHOLE, '%', "%", WHOLE, depth);
    case 3: return two(r, WHOLE, 'd', "div", WHOLE, depth);
    case 4: return two(r, WHOLE, '^', "&", WHOLE, depth);
    case 5: return one(r, WHOLE, 'a', "abs", SIGNED, depth);
    case 6: return two(r, WHOLE, 'm', "min", WHOLE, depth);
    case 7: return one(r, WHOLE, 'l', "length", TEXT, depth);
    case 8: return one(r, WHOLE, 'h', "hour", TIME, depth);
    default: return one(r, WHOLE, 'u', "u64", DECIMAL, depth);
    }
}

static struct tree *gen_signed(struct rig *r, u32 depth)
{
    switch (below(r, 7)) {
    case 0: return two(r, SIGNED, '-', "-", WHOLE, depth);
    case 1: return two(r, SIGNED, '+', "+", SIGNED, depth);
    case 2: return two(r, SIGNED, '*', "*", SIGNED, depth);
    case 3: return two(r, SIGNED, 'd', "div", SIGNED, depth);
    case 4: return two(r, SIGNED, '%', "%", SIGNED, depth);
    case 5: return two(r, SIGNED, 'M', "max", SIGNED, depth);
    default: return one(r, SIGNED, '~', "-", WHOLE, depth);
    }
}

static struct tree *gen_decimal(struct rig *r, u32 depth)
{
    switch (below(r, 7)) {
    case 0: return two(r, DECIMAL, '+', "+", DECIMAL, depth);
    case 1: return two(r, DECIMAL, '-', "-", DECIMAL, depth);
    case 2: return two(r, DECIMAL, '*', "*", DECIMAL, depth);
    case 3: return two(r, DECIMAL, '/', "/", DECIMAL, depth);
    case 4: return two(r, DECIMAL, '/', "/", WHOLE, depth);
    case 5: return one(r, DECIMAL, 'f', "f64", SIGNED, depth);
    default: return one(r, DECIMAL, 'a', "abs", DECIMAL, depth);
    }
}

static struct tree *gen(struct rig *r, enum kind k, u32 depth)
{
    if (depth == 0 || below(r, 5) == 0) return gen_leaf(r, k);
    depth--;
    if (below(r, 10) == 0) return two(r, k, '?', "?\?", k, depth);
    if (below(r, 10) == 0) {
        struct tree *t = two(r, k, 'i', "if", k, depth);
        t->kid[2] = t->kid[1];
        t->kid[1] = t->kid[0];
        t->kid[0] = gen(r, BOOL, depth);
        return t;
    }
    switch (k) {
    case BOOL: return gen_bool(r, depth);
    case WHOLE: return gen_whole(r, depth);
    case SIGNED: return gen_signed(r, depth);
    case DECIMAL: return gen_decimal(r, depth);
    case TEXT: return below(r, 2) ? one(r, TEXT, 'w', "lower", TEXT, depth) : one(r, TEXT, 't', "text", SIGNED, depth);
    case TIME: return below(r, 2) ? two(r, TIME, 'T', "+", TIME, 0) : one(r, TIME, 'D', "date", TIME, depth);
    default: return gen_leaf(r, k);
    }
}

/* Every operation in parentheses: precedence is the table's business. */
static size_t tree_write(const struct tree *t, char *at, size_t room)
{
    size_t n = 0;
#define PUT(...) (n += (size_t)snprintf(at + (n < room ? n : room), n < room ? room - n : 0, __VA_ARGS__))
#define KID(i) (n += tree_write(t->kid[i], at + (n < room ? n : room), n < room ? room - n : 0))
    bool call = t->text[0] >= 'a' && t->text[0] <= 'z' && strchr("admMlhuifwtD", (int)(t->op & 127)) && t->op < 128;
    if (strchr("CLPBE", (int)(t->op & 127)) && t->op < 128) PUT("%s", t->text);
    else if (t->op == 'T') { PUT("("); KID(0); PUT(" + 5m)"); }
    else if (t->op == 'I') {
        PUT("(");
        KID(0);
        for (u32 i = 0; i < t->listed; i++) PUT("%s%llu", i ? ", " : " in (", (unsigned long long)t->list[i]);
        PUT("))");
    } else if (call) {
        PUT("%s(", t->text);
        for (u32 i = 0; i < 3 && t->kid[i]; i++) { if (i) PUT(", "); KID(i); }
        PUT(")");
    } else if (t->op == '!' || t->op == '~') { PUT("(%s ", t->text); KID(0); PUT(")"); }
    else if (t->kid[1] == NULL) { PUT("("); KID(0); PUT(" %s)", t->text); }
    else { PUT("("); KID(0); PUT(" %s ", t->text); KID(1); PUT(")"); }
    return n;
}

/* --- the interpreter --- */

static const struct val nothing = { .null = true };

static struct val column_value(const struct rig *r, const struct tree *t, u32 i)
{
    struct val           v = { 0 };
    const struct column *c = &r->column[t->op == 'P' ? COL_RTT : t->op == 'B' ? COL_BINS : t->column];
    if (column_null(c, i)) return nothing;
    if (t->op == 'P') {
        const struct sampling *s = (const struct sampling *)c->cells + i;
        v.i = t->part == 0 ? s->n : t->part == 1 ? s->min : s->max;
        return s->n == 0 ? nothing : v;
    }
    if (t->op == 'B') return v.i = ((const u64 *)c->cells)[3 * i + t->part], v;
    switch (fields[t->column].type) {
    case FIELD_U64: v.i = ((const u64 *)c->cells)[i]; break;
    case FIELD_TIME: v.i = ((const i64 *)c->cells)[i]; break;
    case FIELD_F64: v.f = ((const f64 *)c->cells)[i]; break;
    case FIELD_STRING: v.s = ((const slice *)c->cells)[i]; break;
    case FIELD_ADDR: v.a = ((const addr *)c->cells)[i]; break;
    default:
        if (((const u32 *)c->cells)[i] == 0) return nothing;
        v.s = strings_get(c->words, ((const u32 *)c->cells)[i]);
    }
    return v;
}

static struct val ranged(i128 i, enum kind k)
{
    i128 least = k == WHOLE ? 0 : INT64_MIN, most = k == WHOLE ? (i128)UINT64_MAX : INT64_MAX;
    return i < least || i > most ? nothing : (struct val){ .i = i };
}

static struct val decimal(f64 f)
{
    return isfinite(f) ? (struct val){ .f = f } : nothing;
}

static struct val logic(u32 op, struct val a, struct val b)
{
    bool stop = op == '|'; /* the value that decides alone */
    if ((!a.null && (a.i != 0) == stop) || (!b.null && (b.i != 0) == stop)) return (struct val){ .i = stop };
    return a.null || b.null ? nothing : (struct val){ .i = !stop };
}

static bool compared(u32 m, enum kind k, const struct val *a, const struct val *b)
{
    int c = a->i < b->i ? -1 : a->i > b->i;
    if (k == DECIMAL) c = a->f < b->f ? -1 : a->f > b->f;
    if (k == TEXT) c = slice_cmp(a->s, b->s);
    if (k == ADDR) c = memcmp(&a->a, &b->a, 16);
    return m == 0 ? c == 0 : m == 1 ? c != 0 : m == 2 ? c < 0 : m == 3 ? c <= 0 : m == 4 ? c > 0 : c >= 0;
}

static bool held(slice s, slice part)
{
    for (size_t i = 0; i + part.len <= s.len; i++)
        if (slice_eq(slice_of(s.at + i, part.len), part)) return true;
    return false;
}

static bool addr_in(const struct tree *t, const addr *a)
{
    if (t->text[3] == '1') return addr_is_v4(a) && a->b[12] == 10 && a->b[13] == 1;
    if (addr_is_v4(a)) return a->b[12] == 10 && a->b[13] == 0 && a->b[14] == 0;
    return a->b[0] == 0x20 && a->b[1] == 1 && a->b[2] == 0x0d && a->b[3] == 0xb8 && a->b[4] == 0;
}

static struct val text_value(struct rig *r, u32 op, struct val v)
{
    char buf[32];
    if (op == 't') return v.s = arena_copy(&r->arena,
                                           slice_of(buf, (size_t)snprintf(buf, 32, "%lld", (long long)v.i))), v;
    char *copy = arena_str(&r->arena, v.s);
    for (size_t i = 0; i < v.s.len; i++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ", copy[i])) copy[i] = (char)(copy[i] + 'a' - 'A');
    return v.s = slice_of(copy, v.s.len), v;
}

static struct val eval_one(struct rig *r, const struct tree *t, struct val v)
{
    const i128 day = 86400 * (i128)NANOS_SECOND;
    i128       of_day = (v.i % day + day) % day;
    bool       in = false;
    switch (t->op) {
    case '!': return (struct val){ .i = !v.i };
    case '~': return ranged(-v.i, SIGNED);
    case 'a': return t->kind == DECIMAL ? decimal(v.f < 0 ? -v.f : v.f) : ranged(v.i < 0 ? -v.i : v.i, WHOLE);
    case 'l': return (struct val){ .i = (i128)v.s.len };
    case 'h': return (struct val){ .i = of_day / (3600 * (i128)NANOS_SECOND) };
    case 'D': return ranged(v.i - of_day, TIME);
    case 'T': return ranged(v.i + 300 * (i128)NANOS_SECOND, TIME);
    case 'f': return (struct val){ .f = (f64)(i64)v.i };
    case 'u': return v.f > -1 && v.f < 0x1p64 ? (struct val){ .i = (i128)(u64)(v.f < 0 ? 0 : v.f) } : nothing;
    case 'A': return (struct val){ .i = addr_in(t, &v.a) };
    case 'I':
        for (u32 i = 0; i < t->listed; i++) in |= t->list[i] == (u64)v.i;
        return (struct val){ .i = in };
    default: return text_value(r, t->op, v);
    }
}

static struct val eval_two(const struct tree *t, struct val a, struct val b)
{
    bool f = t->kid[0]->kind == DECIMAL;
    switch (t->op) {
    case '+': return f ? decimal(a.f + b.f) : ranged(a.i + b.i, t->kind);
    case '-': return f ? decimal(a.f - b.f) : ranged(a.i - b.i, t->kind);
    case '*': return f ? decimal(a.f * b.f) : t->kind == WHOLE && a.i && b.i > UINT64_MAX / a.i ? nothing
        : ranged(a.i * b.i, t->kind);
    case '/': return decimal(f ? a.f / b.f : (f64)(u64)a.i / (f64)(u64)b.i);
    case 'd': return b.i == 0 ? nothing : ranged(a.i / b.i, t->kind);
    case '%': return b.i == 0 ? nothing : ranged(a.i % b.i, t->kind);
    case '^': return (struct val){ .i = (i128)((u64)a.i & (u64)b.i) };
    case 'm': return a.i < b.i ? a : b;
    case 'M': return a.i > b.i ? a : b;
    case 's': return (struct val){ .i = a.s.len >= b.s.len && slice_eq(slice_of(a.s.at, b.s.len), b.s) };
    case 'c': return (struct val){ .i = held(a.s, b.s) };
    default: return (struct val){ .i = compared(t->op - '<' * 8, t->kid[0]->kind, &a, &b) };
    }
}

static struct val eval(struct rig *r, const struct tree *t, u32 i)
{
    struct val a, b;
    if (t->op == 'L') return t->literal;
    if (t->op == 'E') return (struct val){ .i = r->batch.time ? r->time[i] : r->batch.time_all };
    if (t->op == 'C' || t->op == 'P' || t->op == 'B') return column_value(r, t, i);
    a = eval(r, t->kid[0], i);
    if (t->op == 'N') return (struct val){ .i = a.null };
    if (t->op == '?') return a.null ? eval(r, t->kid[1], i) : a;
    if (t->op == 'i') return eval(r, t->kid[!a.null && a.i ? 1 : 2], i);
    if (t->kid[1] == NULL || t->op == 'T') return a.null ? nothing : eval_one(r, t, a);
    b = eval(r, t->kid[1], i);
    if (t->op == '&' || t->op == '|') return logic(t->op, a, b);
    return a.null || b.null ? nothing : eval_two(t, a, b);
}

/* --- holding them against each other --- */

static bool same(const struct column *c, u32 i, enum kind k, struct val v)
{
    if (k == SIGNED && v.i < 0) v.null = true; /* no column holds a sign */
    if (column_null(c, i) || v.null) return column_null(c, i) == v.null;
    switch (k) {
    case DECIMAL: return ((const f64 *)c->cells)[i] == v.f;
    case TEXT: return slice_eq(((const slice *)c->cells)[i], v.s);
    case ADDR: return memcmp((const addr *)c->cells + i, &v.a, 16) == 0;
    case TIME: return ((const i64 *)c->cells)[i] == v.i;
    default: return ((const u64 *)c->cells)[i] == (u64)v.i;
    }
}

static void check_batch(struct rig *r, const struct tree *t, struct expr_run *run, const char *text)
{
    struct column out;
    u64           keep[BATCH_ROWS / 64];
    expr_derive(run, &r->batch, &out);
    for (u32 i = 0; i < r->batch.rows; i++)
        if (!same(&out, i, t->kind, eval(r, t, i))) fail_msg("row %u of %u: %s", i, r->batch.rows, text);
    if (t->kind != BOOL) return;
    u32 kept = expr_where(run, &r->batch, keep), expected = 0;
    for (u32 i = 0; i < BATCH_ROWS; i++) {
        struct val v = i < r->batch.rows ? eval(r, t, i) : nothing;
        assert_int_equal(keep[i >> 6] >> (i & 63) & 1, !v.null && v.i);
        expected += !v.null && v.i;
    }
    assert_int_equal(kept, expected);
}

static u32 check_tree(struct rig *r, const struct schema *s)
{
    static const enum kind kinds[] = { BOOL, BOOL, WHOLE, SIGNED, DECIMAL, TEXT, ADDR, TIME };
    char                   text[EXPR_TEXT_MAX + 1];
    struct expr_fault      f;
    struct tree           *t = gen(r, kinds[below(r, 8)], 1 + below(r, 5));
    if (tree_write(t, text, sizeof text) >= sizeof text) return 0;
    struct expr *e = expr_compile(slice_str(text), s, t->kind == BOOL ? EXPR_CONDITION : EXPR_VALUE, &f);
    if (e == NULL && (strstr(f.words, "zero") || strstr(f.words, "range"))) return 0; /* constants among themselves */
    if (e == NULL) fail_msg("%s: %s at %u", text, f.words, f.offset);
    struct expr *again = expr_compile(expr_print(e), s, EXPR_VALUE, &f);
    if (again == NULL) fail_msg("%s: %.*s: %s", text, (int)expr_print(e).len, expr_print(e).at, f.words);
    struct expr_run *run = expr_open_run(e), *other = expr_open_run(again);
    for (u32 k = 0; k < 2; k++) {
        draw_batch(r);
        check_batch(r, t, run, text);
        check_batch(r, t, other, text);
    }
    assert_true(slice_eq(expr_print(e), expr_print(again)));
    expr_close_run(run);
    expr_close_run(other);
    expr_free(e);
    expr_free(again);
    return 1;
}

TEST(random_expressions_agree_with_a_plain_interpreter)
{
    struct rig   *r = calloc(1, sizeof *r);
    struct schema s = { .measures = COLUMNS, .field = fields };
    u32           checked = 0;
    assert_non_null(r);
    r->seed = 42;
    arena_init(&r->arena, 0);
    strings_init(&r->words, 100);
    strings_init(&r->others, 100);
    for (u32 i = 0; i < 4; i++) {
        (void)strings_add(&r->words, slice_str(all_words[2 + i]));
        (void)strings_add(&r->others, slice_str(all_words[5 - i]));
    }
    for (u32 c = 0; c < COLUMNS; c++) {
        r->cells[c] = calloc(BATCH_ROWS, sizeof(struct sampling));
        assert_non_null(r->cells[c]);
    }
    for (u32 i = 0; i < 3000; i++) {
        checked += check_tree(r, &s);
        arena_reset(&r->arena);
    }
    assert_true(checked > 2500);
    for (u32 c = 0; c < COLUMNS; c++) free(r->cells[c]);
    strings_fini(&r->words);
    strings_fini(&r->others);
    arena_fini(&r->arena);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_expressions_agree_with_a_plain_interpreter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
