/* SPDX-License-Identifier: Apache-2.0 */
/* print.c: a tree back as text, in one form: single blanks, no parentheses that change nothing, units the largest that
 * leave whole numbers. What is printed compiles to the same tree. */
#include "expr/times.h"
#include "expr/tree.h"

#include <stdio.h>
#include <stdlib.h>

struct out {
    char  *at;
    size_t len, room;
};

enum level { LEVEL_OR, LEVEL_AND, LEVEL_NOT, LEVEL_TEST, LEVEL_COALESCE, LEVEL_BITS, LEVEL_SUM, LEVEL_PRODUCT,
             LEVEL_UNARY, LEVEL_ONE };

static const struct shape {
    enum level  level;
    const char *between;
} shapes[NODES];

static void put(struct out *o, slice s)
{
    if (o->len + s.len > o->room) {
        o->room = (o->len + s.len) * 2;
        o->at = realloc(o->at, o->room);
        WEIR_ASSERT(o->at != NULL);
    }
    if (s.len) memcpy(o->at + o->len, s.at, s.len);
    o->len += s.len;
}

static void put_str(struct out *o, const char *s)
{
    put(o, slice_str(s));
}

/* Between two `by`; those inside are doubled. */
static void put_quoted(struct out *o, slice s, char by)
{
    put(o, slice_of(&by, 1));
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == by) put(o, slice_of(&by, 1));
        put(o, slice_of(s.at + i, 1));
    }
    put(o, slice_of(&by, 1));
}

/* --- literals --- */

static void put_whole(struct out *o, u64 n, enum form form)
{
    static const struct {
        const char *name;
        u64         factor;
    } spans[] = { { "d", 86400ull * 1000000000 }, { "h", 3600ull * 1000000000 }, { "m", 60ull * 1000000000 },
                  { "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 } },
      sizes[] = { { "TiB", 1ull << 40 }, { "GiB", 1ull << 30 }, { "MiB", 1ull << 20 }, { "KiB", 1ull << 10 },
                  { "B", 1 } };
    char   buf[40];
    size_t i = 0;
    if (form == FORM_SPAN) {
        while (n % spans[i].factor != 0) i++;
        snprintf(buf, sizeof buf, "%llu%s", (unsigned long long)(n / spans[i].factor), spans[i].name);
    } else if (form == FORM_SIZE) {
        while (n % sizes[i].factor != 0) i++;
        snprintf(buf, sizeof buf, "%llu%s", (unsigned long long)(n / sizes[i].factor), sizes[i].name);
    } else {
        snprintf(buf, sizeof buf, form == FORM_HEX ? "0x%llx" : "%llu", (unsigned long long)n);
    }
    put_str(o, buf);
}

static void put_value(struct out *o, const struct value *v)
{
    char buf[64];
    if (v->null) {
        put_str(o, "null");
        return;
    }
    switch (v->kind) {
    case KIND_BOOL: put_str(o, v->u ? "true" : "false"); break;
    case KIND_U64: put_whole(o, v->u, v->form); break;
    case KIND_I64:
        if (v->i < 0) put_str(o, "-");
        put_whole(o, v->i < 0 ? 0 - (u64)v->i : (u64)v->i, v->form);
        break;
    case KIND_F64: put(o, slice_of(buf, f64_format(v->f, buf))); break;
    case KIND_TIME: put_quoted(o, slice_of(buf, time_format(v->i, buf)), '\''); break;
    case KIND_MAC: put(o, slice_of(buf, mac_format(v->u, buf))); break;
    case KIND_ADDR: put(o, slice_of(buf, addr_format(&v->at, buf))); break;
    case KIND_NET: put(o, slice_of(buf, net_format(&v->in, buf))); break;
    default: WEIR_ASSERT(v->kind == KIND_TEXT); put_quoted(o, v->text, '\'');
    }
}

/* --- names --- */

static bool is_plain(slice s)
{
    static const char *const words[] = { "and", "or", "not", "in", "is", "null", "true", "false" };
    for (u32 i = 0; i < WEIR_COUNT(words); i++)
        if (slice_is(s, words[i])) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || ((c < '0' || c > '9') && c != '.'))) return false;
    }
    return s.len > 0;
}

static void put_name(struct out *o, slice name)
{
    if (is_plain(name)) put(o, name);
    else put_quoted(o, name, '`');
}

/* A part's dot is not read behind quotes: the field is then named plainly, as it could not be reached otherwise. */
static void put_field(struct out *o, const struct node *n, const struct schema *s)
{
    static const char *const parts[] = { [PART_N] = ".n", [PART_MIN] = ".min", [PART_MAX] = ".max",
                                         [PART_AVG] = ".avg" };
    char                     buf[24];
    slice                    name = s->field[n->column].name;
    if (n->op == NODE_PART) {
        put(o, name);
        put_str(o, parts[n->part]);
        return;
    }
    put_name(o, name);
    if (n->op != NODE_BIN) return;
    snprintf(buf, sizeof buf, "[%u]", n->part);
    put_str(o, buf);
}

/* --- the tree --- */

static void put_node(struct out *o, const struct node *n, const struct schema *s, enum level least);

static void put_list(struct out *o, const struct node *n, const struct schema *s)
{
    put_node(o, n->arg[0], s, LEVEL_COALESCE);
    put_str(o, n->op == NODE_IN ? " in " : " not in ");
    if (n->listed > 1) put_str(o, "(");
    for (u32 i = 0; i < n->listed; i++) {
        if (i > 0) put_str(o, ", ");
        put_value(o, &n->list[i]);
    }
    if (n->listed > 1) put_str(o, ")");
}

/* Of min and max, whose first argument may be the pairs before: min(min(a, b), c) is written min(a, b, c). */
static void put_chain(struct out *o, const struct node *n, const struct schema *s, enum node_op op)
{
    while (n->op == NODE_CONVERT) n = n->arg[0];
    if (n->op != op) {
        put_node(o, n, s, LEVEL_OR);
        return;
    }
    put_chain(o, n->arg[0], s, op);
    put_str(o, ", ");
    put_node(o, n->arg[1], s, LEVEL_OR);
}

static void put_call(struct out *o, const struct node *n, const struct schema *s)
{
    for (u32 i = 0; i < functions_count; i++)
        if (functions[i].op == n->op) put_str(o, functions[i].name);
    put_str(o, "(");
    bool chain = n->op == NODE_MIN || n->op == NODE_MAX;
    if (chain) put_chain(o, n, s, n->op);
    for (u32 i = 0; i < 3 && n->arg[i] != NULL && !chain; i++) {
        if (i > 0) put_str(o, ", ");
        put_node(o, n->arg[i], s, LEVEL_OR);
    }
    put_str(o, ")");
}

static void put_bare(struct out *o, const struct node *n, const struct schema *s)
{
    enum level level = shapes[n->op].level;
    bool       test = level == LEVEL_TEST;
    switch (n->op) {
    case NODE_LITERAL: put_value(o, &n->value); break;
    case NODE_FIELD:
    case NODE_PART:
    case NODE_BIN: put_field(o, n, s); break;
    case NODE_EVENT_TIME: put_str(o, "time"); break;
    case NODE_IN:
    case NODE_NOT_IN: put_list(o, n, s); break;
    case NODE_IS_NULL:
    case NODE_IS_NOT_NULL:
        put_node(o, n->arg[0], s, LEVEL_COALESCE);
        put_str(o, n->op == NODE_IS_NULL ? " is null" : " is not null");
        break;
    case NODE_NOT:
        put_str(o, "not ");
        put_node(o, n->arg[0], s, LEVEL_NOT);
        break;
    case NODE_NEG:
        put_str(o, "-");
        put_node(o, n->arg[0], s, LEVEL_UNARY);
        break;
    default:
        if (shapes[n->op].between == NULL) {
            put_call(o, n, s);
            break;
        }
        put_node(o, n->arg[0], s, test ? LEVEL_COALESCE : level);
        put_str(o, shapes[n->op].between);
        put_node(o, n->arg[1], s, level + 1);
    }
}

/* In parentheses if it binds less than its place asks for. */
static void put_node(struct out *o, const struct node *n, const struct schema *s, enum level least)
{
    while (n->op == NODE_CONVERT) n = n->arg[0];
    bool close = shapes[n->op].level < least;
    if (close) put_str(o, "(");
    put_bare(o, n, s);
    if (close) put_str(o, ")");
}

slice print_tree(const struct node *root, const struct schema *s, struct arena *a)
{
    struct out o = { NULL, 0, 0 };
    put_node(&o, root, s, LEVEL_OR);
    slice text = arena_copy(a, slice_of(o.at, o.len));
    free(o.at);
    return text;
}

static const struct shape shapes[NODES] = {
    [NODE_LITERAL] = { LEVEL_ONE, NULL },      [NODE_FIELD] = { LEVEL_ONE, NULL },
    [NODE_PART] = { LEVEL_ONE, NULL },         [NODE_BIN] = { LEVEL_ONE, NULL },
    [NODE_EVENT_TIME] = { LEVEL_ONE, NULL },   [NODE_CONVERT] = { LEVEL_ONE, NULL },
    [NODE_OR] = { LEVEL_OR, " or " },          [NODE_AND] = { LEVEL_AND, " and " },
    [NODE_NOT] = { LEVEL_NOT, NULL },          [NODE_EQ] = { LEVEL_TEST, " == " },
    [NODE_NE] = { LEVEL_TEST, " != " },        [NODE_LT] = { LEVEL_TEST, " < " },
    [NODE_LE] = { LEVEL_TEST, " <= " },        [NODE_GT] = { LEVEL_TEST, " > " },
    [NODE_GE] = { LEVEL_TEST, " >= " },        [NODE_IN] = { LEVEL_TEST, NULL },
    [NODE_NOT_IN] = { LEVEL_TEST, NULL },      [NODE_IS_NULL] = { LEVEL_TEST, NULL },
    [NODE_IS_NOT_NULL] = { LEVEL_TEST, NULL }, [NODE_STARTS] = { LEVEL_TEST, " starts_with " },
    [NODE_ENDS] = { LEVEL_TEST, " ends_with " }, [NODE_CONTAINS] = { LEVEL_TEST, " contains " },
    [NODE_COALESCE] = { LEVEL_COALESCE, " ?? " }, [NODE_BITS] = { LEVEL_BITS, " & " },
    [NODE_ADD] = { LEVEL_SUM, " + " },         [NODE_SUB] = { LEVEL_SUM, " - " },
    [NODE_MUL] = { LEVEL_PRODUCT, " * " },     [NODE_DIV] = { LEVEL_PRODUCT, " / " },
    [NODE_MOD] = { LEVEL_PRODUCT, " % " },     [NODE_NEG] = { LEVEL_UNARY, NULL },
    [NODE_IF] = { LEVEL_ONE, NULL },           [NODE_ABS] = { LEVEL_ONE, NULL },
    [NODE_MIN] = { LEVEL_ONE, NULL },          [NODE_MAX] = { LEVEL_ONE, NULL },
    [NODE_QUOTIENT] = { LEVEL_ONE, NULL },     [NODE_LOWER] = { LEVEL_ONE, NULL },
    [NODE_LENGTH] = { LEVEL_ONE, NULL },       [NODE_TO_U64] = { LEVEL_ONE, NULL },
    [NODE_TO_F64] = { LEVEL_ONE, NULL },       [NODE_TO_TEXT] = { LEVEL_ONE, NULL },
    [NODE_YEAR] = { LEVEL_ONE, NULL },         [NODE_MONTH] = { LEVEL_ONE, NULL },
    [NODE_DAY] = { LEVEL_ONE, NULL },          [NODE_HOUR] = { LEVEL_ONE, NULL },
    [NODE_MINUTE] = { LEVEL_ONE, NULL },       [NODE_SECOND] = { LEVEL_ONE, NULL },
    [NODE_WEEKDAY] = { LEVEL_ONE, NULL },      [NODE_DATE] = { LEVEL_ONE, NULL },
};
