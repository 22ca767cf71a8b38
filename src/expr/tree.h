/* SPDX-License-Identifier: Apache-2.0 */
/* tree.h: an expression as a tree of typed nodes, and what makes one: lexer, parser, rules of types.
 *
 * A node is typed when it is made: what the parser gives is right or there is a fault. */
#pragma once

#include "weir/arena.h"
#include "weir/expr.h"

enum kind {
    KIND_NULL, /* the literal alone, until something beside it gives it a kind */
    KIND_BOOL,
    KIND_U64,
    KIND_I64,
    KIND_F64,
    KIND_TIME,
    KIND_MAC,
    KIND_ADDR,
    KIND_NET,
    KIND_TEXT,
    KIND_TAG, /* ids: in registers only; in the tree a tag is text */
    KIND_SAMPLING,
    KIND_BINS,
    KINDS,
};

/* How a whole number was written, so that it is printed that way. */
enum form { FORM_PLAIN, FORM_SPAN, FORM_SIZE, FORM_HEX };

struct value {
    enum kind kind;
    enum form form;
    bool      null;
    union {
        u64   u; /* BOOL, U64, MAC */
        i64   i; /* I64, TIME      */
        f64   f;
        addr  at;
        net   in;
        slice text;
    };
};

enum node_op {
    NODE_LITERAL,
    NODE_FIELD,      /* column                            */
    NODE_PART,       /* column, part: of a sampling       */
    NODE_BIN,        /* column, part: which               */
    NODE_EVENT_TIME,
    NODE_CONVERT,    /* a number to its node's kind, unwritten */
    NODE_OR,
    NODE_AND,
    NODE_NOT,
    NODE_EQ, /* the six in this order */
    NODE_NE,
    NODE_LT,
    NODE_LE,
    NODE_GT,
    NODE_GE,
    NODE_IN,
    NODE_NOT_IN,
    NODE_IS_NULL,
    NODE_IS_NOT_NULL,
    NODE_STARTS,
    NODE_ENDS,
    NODE_CONTAINS,
    NODE_COALESCE,
    NODE_BITS, /* & */
    NODE_ADD,
    NODE_SUB,
    NODE_MUL,
    NODE_DIV,
    NODE_MOD,
    NODE_NEG,
    NODE_IF, /* from here on: calls */
    NODE_ABS,
    NODE_MIN,
    NODE_MAX,
    NODE_QUOTIENT,
    NODE_LOWER,
    NODE_LENGTH,
    NODE_TO_U64,
    NODE_TO_F64,
    NODE_TO_TEXT,
    NODE_YEAR,
    NODE_MONTH,
    NODE_DAY,
    NODE_HOUR,
    NODE_MINUTE,
    NODE_SECOND,
    NODE_WEEKDAY,
    NODE_DATE,
    NODES,
};

enum { PART_N, PART_MIN, PART_MAX, PART_AVG };

struct node {
    enum node_op  op;
    enum kind     kind;
    bool          tag;         /* NODE_FIELD: a tag's column           */
    u32           offset, len; /* of the text                          */
    u32           column, part;
    struct node  *arg[3];
    struct value  value;       /* NODE_LITERAL                         */
    struct value *list;        /* NODE_IN, NODE_NOT_IN: of arg[0]'s kind, or nets */
    u32           listed;
};

/* Two characters of a mark; the second may be 0. */
#define MARK(a, b) ((u32)(u8)(a) | (u32)(u8)(b) << 8)

enum token_type { TOKEN_END, TOKEN_NAME, TOKEN_QUOTED, TOKEN_VALUE, TOKEN_MARK, TOKEN_BAD };

struct token {
    enum token_type type;
    u32             offset, len;
    slice           text; /* NAME, QUOTED: the name */
    u32             mark;
    struct value    value;
};

struct parser {
    slice                text;
    u32                  at; /* where the next token is looked for */
    struct token         now;
    u32                  end; /* of the token before `now`         */
    u32                  depth, nodes;
    const struct schema *schema;
    struct arena        *arena;
    struct expr_fault   *fault;
    bool                 failed, hints; /* hints: the last fault was the one that was noted */
};

/* The tree of the whole text; NULL: faulty. */
struct node *parse(struct parser *p);

/* --- lexer --- */

void lex_next(struct parser *p);

/* Notes the fault that is first in the text (the lexer is a token ahead); gives NULL. */
__attribute__((format(printf, 4, 5))) void *parse_fault(struct parser *p, u32 offset, u32 len, const char *format, ...);
__attribute__((format(printf, 2, 3))) void  parse_hint(struct parser *p, const char *format, ...);

/* --- rules of types: NULL if something fits not --- */

struct node *type_node(struct parser *p, enum node_op op, enum kind kind, u32 offset, u32 end);
struct node *type_literal(struct parser *p, const struct value *v, u32 offset, u32 end);
struct node *type_name(struct parser *p, const struct token *name);
struct node *type_bin(struct parser *p, struct node *bins, const struct value *which, u32 end);
struct node *type_not(struct parser *p, struct node *of, u32 offset);
struct node *type_negative(struct parser *p, struct node *of, u32 offset);
struct node *type_binary(struct parser *p, enum node_op op, struct node *a, struct node *b);
struct node *type_is_null(struct parser *p, struct node *of, bool not, u32 end);
/* Makes each element what `of` is compared with. */
struct node *type_in(struct parser *p, struct node *of, bool not, struct value *list, const struct token *at, u32 n,
                     u32 end);
struct node *type_call(struct parser *p, enum node_op op, struct node **arg, u32 n, u32 offset, u32 end);

/* Fits `v` to a kind without loss; false: it does not fit. */
bool value_fit(struct value *v, enum kind to);

/* "whole number" */
const char *kind_name(enum kind k);

struct function {
    const char  *name;
    enum node_op op;
    u32          args_min, args_max;
};

extern const struct function functions[];
extern const u32             functions_count;

/* --- text --- */

/* Canonical text of a tree, in the arena. */
slice print_tree(const struct node *root, const struct schema *s, struct arena *a);
