/* SPDX-License-Identifier: Apache-2.0 */
/* expr.h: the expressions of `where:` and `derive:`: text, checked against a schema, compiled to kernels over columns.
 *
 * Every operand may be null. An operation on null gives null, so do overflow and division by zero, which are counted;
 * `and`, `or`, `not` know three values, and a record stays only where the condition is true.
 *
 *   or | and | not | == != < <= > >= in, not in, is null, is not null, starts_with ends_with contains | ?? | & | + - |
 *   * / % | - ............... loosest first; comparisons do not chain
 *   5  0x1f  1.5  2e-3        whole numbers, decimals
 *   500ms  5m  64MiB          spans are whole numbers of ns, sizes of bytes
 *   'text' "text"             a quote inside is doubled; next to a time, ip, net or mac it is read as one
 *   10.0.0.0/8  2001:db8::1   nets, addresses; 02:00:5e:10:00:01 a mac
 *   dstPort  alert.sid  `a-b` fields; `time`, if no field has that name, is the record's event time
 *   rtt.n .min .max .avg      of a sampling; sizes[3] the fourth of bins
 *
 *   if(c, a, b)   b where c is false or null      abs(x)  min(a, b..)  max(a, b..)  div(a, b): whole quotient
 *   lower(s): ASCII   length(s): bytes            u64(x): cut to whole  f64(x)  text(x)
 *   year month day hour minute second (t), weekday(t): 1 is Monday, date(t): midnight; all UTC
 *
 * Whole numbers are u64, or i64 once a minus is in play; `a - b` is signed. `/` gives a decimal, as 7 / 2 is 3.5. A
 * whole
 * number beside a decimal becomes one. An IPv6 net shorter than /96 never holds an IPv4 address.
 *
 * A compiled expression never changes: workers share it, each with a run of its own. */
#pragma once

#include "weir/batch.h"

#define EXPR_TEXT_MAX  4096u /* bytes of an expression                          */
#define EXPR_DEPTH_MAX 64u   /* parentheses, calls, `not` and `-` in each other */
#define EXPR_OPS_MAX   1024u /* operations, fields and literals                 */
#define EXPR_WORDS     192u

enum expr_want {
    EXPR_CONDITION, /* `where`: true, false or null */
    EXPR_VALUE,     /* `derive`: anything a column can hold; a condition gives 0 or 1 */
};

/* Why it does not compile. */
struct expr_fault {
    u32  offset, len;       /* bytes of the text; at its end len is 0 */
    char words[EXPR_WORDS]; /* "no field is named `dstPrt`"           */
    char hint[EXPR_WORDS];  /* "did you mean `dstPort`?", or empty    */
};

/* Of one run, since it was opened. A row counts as overflow or by_zero only if its result is null, so a guard such as
 * if(n > 0, x / n, 0) counts nothing. */
struct expr_counts {
    u64 rows;
    u64 null;     /* rows whose result is null, of any cause                        */
    u64 overflow; /* of these: a number left its range                              */
    u64 by_zero;  /* of these: something was divided by zero                        */
};

struct expr;
struct expr_run;

/* text, schema: borrowed. NULL: *fault says why. Given: expr_free. */
struct expr *expr_compile(slice text, const struct schema *schema, enum expr_want want, struct expr_fault *fault);
void         expr_free(struct expr *e);

/* The type of the column that expr_derive gives: U64 (conditions and signed numbers, too: below 0 is null, counted as
 * overflow), F64, TIME, MAC, ADDR, NET, STRING (tags, too). */
enum field_type expr_type(const struct expr *e);

/* Is this column of the schema read? Others need not be decoded. */
bool expr_uses(const struct expr *e, u32 column);

/* The canonical text: the same for texts that differ in blanks, parentheses or spelling of literals only; compiles to
 * the same expression if it is not over EXPR_TEXT_MAX (1 beside a decimal is printed 1.0). Lent as long as it. */
slice expr_print(const struct expr *e);

/* e: borrowed until expr_close_run. */
struct expr_run *expr_open_run(const struct expr *e);
void             expr_close_run(struct expr_run *r);

/* Both: the batch is one of the schema given at compile time. A tag's literals are looked up in its words once a batch.
 *   keep  BATCH_ROWS / 64 words, filled: bit i & 63 of word i >> 6 is set if row i stays. Gives how many do. */
u32 expr_where(struct expr_run *r, const struct batch *b, u64 *keep);

/*   out   cells and nulls: lent until the run's next use and as long as the batch, of which they may be a part */
void expr_derive(struct expr_run *r, const struct batch *b, struct column *out);

/* Lent as long as the run. */
const struct expr_counts *expr_counts(const struct expr_run *r);
