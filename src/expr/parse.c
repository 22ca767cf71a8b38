/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c: tokens to a tree, one function a level of precedence, loosest first.
 *
 * Depth counts what nests (parentheses, calls, `not`, `-`); chains such as a + b + c are bounded by the number of
 * nodes, which also bounds every later walk over the tree. */
#include "expr/tree.h"
#include "weir/near.h"

static struct node *parse_or(struct parser *p);

/* The first that is no blank behind the token; 0: the end. */
static char char_behind(const struct parser *p)
{
    size_t at = p->at;
    while (at < p->text.len && (p->text.at[at] == ' ' || (p->text.at[at] >= '\t' && p->text.at[at] <= '\r'))) at++;
    return at < p->text.len ? p->text.at[at] : '\0';
}

static bool is_mark(const struct parser *p, u32 mark)
{
    return p->now.type == TOKEN_MARK && p->now.mark == mark;
}

static bool is_word(const struct parser *p, const char *word)
{
    return p->now.type == TOKEN_NAME && slice_is(p->now.text, word);
}

static bool take_mark(struct parser *p, u32 mark)
{
    bool is = is_mark(p, mark);
    if (is) lex_next(p);
    return is;
}

static bool take_word(struct parser *p, const char *word)
{
    bool is = is_word(p, word);
    if (is) lex_next(p);
    return is;
}

static void *expected(struct parser *p, const char *what)
{
    if (p->now.type == TOKEN_END)
        return parse_fault(p, p->now.offset, 0, "the expression ends where %s is expected", what);
    slice at = slice_of(p->text.at + p->now.offset, p->now.len < 60 ? p->now.len : 60);
    return parse_fault(p, p->now.offset, p->now.len, "%s is expected, not `%.*s`", what, (int)at.len, at.at);
}

static bool close_with(struct parser *p, char mark)
{
    const char what[] = { '`', mark, '`', '\0' };
    if (p->failed) return false;
    if (take_mark(p, MARK(mark, 0))) return true;
    expected(p, what);
    return false;
}

/* True if one level more is allowed; p->depth-- when it is left. */
static bool deeper(struct parser *p, u32 offset)
{
    if (p->depth++ < EXPR_DEPTH_MAX) return true;
    parse_fault(p, offset, 1, "nested deeper than %u levels", EXPR_DEPTH_MAX);
    return false;
}

/* --- what stands by itself --- */

static slice function_name(const void *of, u32 i)
{
    (void)of;
    return slice_str(functions[i].name);
}

static const struct function *function_find(struct parser *p, const struct token *name)
{
    for (u32 i = 0; i < functions_count; i++)
        if (slice_is(name->text, functions[i].name)) return &functions[i];
    int len = (int)(name->text.len < 60 ? name->text.len : 60);
    parse_fault(p, name->offset, name->len, "no function is named `%.*s`", len, name->text.at);
    slice near = near_name(name->text, functions_count, function_name, NULL);
    if (near.at != NULL) parse_hint(p, "did you mean `%.*s`?", (int)near.len, near.at);
    return NULL;
}

static bool count_fits(struct parser *p, const struct function *f, u32 n, u32 offset)
{
    if (n >= f->args_min && n <= f->args_max) return true;
    const char *more = f->args_max > f->args_min ? "at least " : "";
    parse_fault(p, offset, p->end - offset, "%s takes %s%u argument%s, not %u", f->name, more, f->args_min,
                f->args_min == 1 ? "" : "s", n);
    return false;
}

/* The name is taken and `(` is next. min and max of many are pairs of pairs, made as the arguments come. */
static struct node *parse_call(struct parser *p, const struct token *name)
{
    struct node          *arg[3];
    u32                   n = 0, kept = 0;
    const struct function *f = function_find(p, name);
    if (f == NULL || !deeper(p, name->offset)) return NULL;
    lex_next(p);
    if (!is_mark(p, MARK(')', 0))) do {
        struct node *one = parse_or(p);
        if (one == NULL) return NULL;
        if (kept < WEIR_COUNT(arg)) arg[kept++] = one;
        n++;
        if (f->args_max <= WEIR_COUNT(arg) || kept < 2) continue;
        arg[0] = type_call(p, f->op, arg, 2, name->offset, p->end);
        kept = 1;
        if (arg[0] == NULL) return NULL;
    } while (take_mark(p, MARK(',', 0)));
    if (!close_with(p, ')') || !count_fits(p, f, n, name->offset)) return NULL;
    p->depth--;
    if (f->args_max <= WEIR_COUNT(arg)) return type_call(p, f->op, arg, n, name->offset, p->end);
    arg[0]->len = p->end - name->offset;
    return arg[0];
}

static struct node *parse_name(struct parser *p)
{
    struct token name = p->now;
    lex_next(p);
    if (name.type == TOKEN_NAME && is_mark(p, MARK('(', 0))) return parse_call(p, &name);
    if (name.type == TOKEN_NAME) {
        struct value v = { .kind = KIND_BOOL, .u = slice_is(name.text, "true") };
        if (slice_is(name.text, "null")) v = (struct value){ .kind = KIND_NULL, .null = true };
        if (v.null || v.u || slice_is(name.text, "false")) return type_literal(p, &v, name.offset, p->end);
    }
    struct node *n = type_name(p, &name);
    if (n == NULL || !take_mark(p, MARK('[', 0))) return n;
    if (p->now.type != TOKEN_VALUE || p->now.value.kind != KIND_U64) return expected(p, "the number of a bin");
    struct value which = p->now.value;
    lex_next(p);
    if (!close_with(p, ']')) return NULL;
    return type_bin(p, n, &which, p->end);
}

static struct node *parse_primary(struct parser *p)
{
    static const char *const words[] = { "and", "or", "not", "in", "is", "starts_with", "ends_with" };
    bool                     reserved = false;
    struct token             t = p->now;
    if (t.type == TOKEN_VALUE) {
        lex_next(p);
        return type_literal(p, &t.value, t.offset, p->end);
    }
    for (u32 i = 0; i < WEIR_COUNT(words); i++) reserved |= is_word(p, words[i]) && char_behind(p) != '(';
    if ((t.type == TOKEN_NAME && !reserved) || t.type == TOKEN_QUOTED) return parse_name(p);
    if (!is_mark(p, MARK('(', 0))) return expected(p, "a value");
    if (!deeper(p, t.offset)) return NULL;
    lex_next(p);
    struct node *n = parse_or(p);
    if (n == NULL || !close_with(p, ')')) return NULL;
    p->depth--;
    n->offset = t.offset;
    n->len = p->end - t.offset;
    return n;
}

static struct node *parse_unary(struct parser *p)
{
    u32 offset = p->now.offset;
    if (!is_mark(p, MARK('-', 0))) return parse_primary(p);
    if (!deeper(p, offset)) return NULL;
    lex_next(p);
    struct node *of = parse_unary(p);
    p->depth--;
    return of == NULL ? NULL : type_negative(p, of, offset);
}

/* --- what stands between two --- */

struct infix {
    u32          mark;
    enum node_op op;
};

/* Levels that join to the left: a level's marks, 0 ends. */
static const struct infix levels[4][4] = {
    { { MARK('?', '?'), NODE_COALESCE } },
    { { MARK('&', 0), NODE_BITS } },
    { { MARK('+', 0), NODE_ADD }, { MARK('-', 0), NODE_SUB } },
    { { MARK('*', 0), NODE_MUL }, { MARK('/', 0), NODE_DIV }, { MARK('%', 0), NODE_MOD } },
};

static const struct infix comparisons[] = {
    { MARK('=', '='), NODE_EQ }, { MARK('!', '='), NODE_NE }, { MARK('<', 0), NODE_LT },
    { MARK('<', '='), NODE_LE }, { MARK('>', 0), NODE_GT },   { MARK('>', '='), NODE_GE },
};

static const struct infix *infix_now(const struct parser *p, const struct infix *of, u32 n)
{
    for (u32 i = 0; i < n && of[i].mark != 0; i++)
        if (is_mark(p, of[i].mark)) return &of[i];
    return NULL;
}

static struct node *parse_level(struct parser *p, u32 level)
{
    if (level == WEIR_COUNT(levels)) return parse_unary(p);
    struct node *a = parse_level(p, level + 1);
    while (a != NULL && !p->failed) {
        const struct infix *op = infix_now(p, levels[level], WEIR_COUNT(levels[level]));
        if (op == NULL) return a;
        lex_next(p);
        struct node *b = parse_level(p, level + 1);
        a = b == NULL ? NULL : type_binary(p, op->op, a, b);
    }
    return a;
}

/* One literal of a list, with its sign. */
static bool parse_element(struct parser *p, struct value *v, struct token *at)
{
    *at = p->now;
    bool minus = take_mark(p, MARK('-', 0));
    bool word = is_word(p, "true") || is_word(p, "false") || is_word(p, "null");
    if (p->now.type == TOKEN_NAME && !word) {
        parse_fault(p, p->now.offset, p->now.len, "a list holds literals only, no fields");
        return false;
    }
    if (p->now.type != TOKEN_VALUE) {
        if (word) parse_fault(p, p->now.offset, p->now.len, "a list does not hold true, false or null");
        else expected(p, "a literal");
        return false;
    }
    *v = p->now.value;
    lex_next(p);
    at->len = p->end - at->offset;
    if (!minus) return true;
    struct node *number = type_literal(p, v, at->offset, p->end);
    number = number == NULL ? NULL : type_negative(p, number, at->offset);
    if (number != NULL) *v = number->value;
    return number != NULL;
}

/* `in` is taken. */
static struct node *parse_in(struct parser *p, struct node *of, bool not)
{
    u32           n = 0, room = take_mark(p, MARK('(', 0)) ? EXPR_TEXT_MAX / 2 : 1;
    struct value *list = arena_array(p->arena, struct value, room);
    struct token *at = arena_array(p->arena, struct token, room);
    do {
        WEIR_ASSERT(n < room); /* an element and its comma are two bytes at least */
        if (!parse_element(p, &list[n], &at[n])) return NULL;
        n++;
    } while (room > 1 && take_mark(p, MARK(',', 0)));
    if (room > 1 && !close_with(p, ')')) return NULL;
    return type_in(p, of, not, list, at, n, p->end);
}

static struct node *parse_test(struct parser *p, struct node *a, bool *one)
{
    const struct infix *op = infix_now(p, comparisons, WEIR_COUNT(comparisons));
    enum node_op        text = is_word(p, "starts_with") ? NODE_STARTS : is_word(p, "ends_with") ? NODE_ENDS
                             : is_word(p, "contains") ? NODE_CONTAINS : NODE_LITERAL;
    *one = true;
    if (op != NULL || text != NODE_LITERAL) {
        lex_next(p);
        struct node *b = parse_level(p, 0);
        return b == NULL ? NULL : type_binary(p, op != NULL ? op->op : text, a, b);
    }
    if (take_word(p, "is")) {
        bool not = take_word(p, "not");
        if (!take_word(p, "null")) return expected(p, not ? "`null`" : "`null` or `not null`");
        return type_is_null(p, a, not, p->end);
    }
    if (take_word(p, "in")) return parse_in(p, a, false);
    if (take_word(p, "not")) return take_word(p, "in") ? parse_in(p, a, true) : expected(p, "`in`");
    *one = false;
    return a;
}

static struct node *parse_comparison(struct parser *p)
{
    bool         one, two;
    struct node *a = parse_level(p, 0);
    a = a == NULL || p->failed ? NULL : parse_test(p, a, &one);
    if (a == NULL || p->failed || !one) return a;
    u32 offset = p->now.offset, len = p->now.len;
    if (infix_now(p, comparisons, WEIR_COUNT(comparisons)) != NULL) {
        parse_fault(p, offset, len, "comparisons do not chain");
        parse_hint(p, "write `a < b and b < c`, or put one into parentheses");
        return NULL;
    }
    a = parse_test(p, a, &two);
    if (a != NULL && two) return parse_fault(p, offset, len, "put the first test into parentheses");
    return a;
}

static struct node *parse_not(struct parser *p)
{
    u32 offset = p->now.offset;
    if (!is_word(p, "not")) return parse_comparison(p);
    if (!deeper(p, offset)) return NULL;
    lex_next(p);
    struct node *of = parse_not(p);
    p->depth--;
    return of == NULL ? NULL : type_not(p, of, offset);
}

static struct node *parse_and(struct parser *p)
{
    struct node *a = parse_not(p);
    while (a != NULL && take_word(p, "and")) {
        struct node *b = parse_not(p);
        a = b == NULL ? NULL : type_binary(p, NODE_AND, a, b);
    }
    return a;
}

static struct node *parse_or(struct parser *p)
{
    struct node *a = parse_and(p);
    while (a != NULL && take_word(p, "or")) {
        struct node *b = parse_and(p);
        a = b == NULL ? NULL : type_binary(p, NODE_OR, a, b);
    }
    return p->failed ? NULL : a;
}

/* --- the whole --- */

static slice operator_name(const void *of, u32 i)
{
    return slice_str(((const char *const *)of)[i]);
}

struct node *parse(struct parser *p)
{
    static const char *const words[] = { "and", "or", "in", "is", "not", "starts_with", "ends_with", "contains" };
    if (p->text.len > EXPR_TEXT_MAX)
        return parse_fault(p, EXPR_TEXT_MAX, (u32)1, "longer than %u bytes", EXPR_TEXT_MAX);
    lex_next(p);
    if (p->now.type == TOKEN_END) return parse_fault(p, 0, 0, "the expression is empty");
    struct node *root = parse_or(p);
    if (root == NULL || p->failed) return NULL;
    if (p->now.type == TOKEN_END) return root;
    expected(p, "an operator or the end");
    if (p->now.type == TOKEN_NAME) {
        slice near = near_name(p->now.text, WEIR_COUNT(words), operator_name, words);
        if (near.at != NULL) parse_hint(p, "did you mean `%.*s`?", (int)near.len, near.at);
    }
    return NULL;
}

const struct function functions[] = {
    { "abs", NODE_ABS, 1, 1 },       { "contains", NODE_CONTAINS, 2, 2 },
    { "date", NODE_DATE, 1, 1 },     { "day", NODE_DAY, 1, 1 },
    { "div", NODE_QUOTIENT, 2, 2 },  { "ends_with", NODE_ENDS, 2, 2 },
    { "f64", NODE_TO_F64, 1, 1 },    { "hour", NODE_HOUR, 1, 1 },
    { "if", NODE_IF, 3, 3 },         { "length", NODE_LENGTH, 1, 1 },
    { "lower", NODE_LOWER, 1, 1 },   { "max", NODE_MAX, 2, UINT32_MAX },
    { "min", NODE_MIN, 2, UINT32_MAX },      { "minute", NODE_MINUTE, 1, 1 },
    { "month", NODE_MONTH, 1, 1 },   { "second", NODE_SECOND, 1, 1 },
    { "starts_with", NODE_STARTS, 2, 2 }, { "text", NODE_TO_TEXT, 1, 1 },
    { "u64", NODE_TO_U64, 1, 1 },    { "weekday", NODE_WEEKDAY, 1, 1 },
    { "year", NODE_YEAR, 1, 1 },
};
const u32 functions_count = WEIR_COUNT(functions);
