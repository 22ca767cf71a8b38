/* SPDX-License-Identifier: Apache-2.0 */
/* test_expr_faults.c: every way in which an expression does not compile: where, in which words, with which hint. */
#include "one.h"

static const struct sample {
    const char    *text;
    enum expr_want want;
    u32            offset, len;
    const char    *words, *hint;
} samples[] = {
    { "", EXPR_VALUE, 0, 0, "the expression is empty", "" },
    { "  \t", EXPR_VALUE, 0, 0, "the expression is empty", "" },
    { "a +", EXPR_VALUE, 3, 0, "the expression ends where a value is expected", "" },
    { "(a + b", EXPR_VALUE, 6, 0, "the expression ends where `)` is expected", "" },
    { "a b", EXPR_VALUE, 2, 1, "an operator or the end is expected, not `b`", "" },
    { "a adn b", EXPR_VALUE, 2, 3, "an operator or the end is expected, not `adn`", "did you mean `and`?" },
    { "a > 1 )", EXPR_VALUE, 6, 1, "an operator or the end is expected, not `)`", "" },
    { "and a", EXPR_VALUE, 0, 3, "a value is expected, not `and`", "" },
    { "1 + not b", EXPR_VALUE, 4, 3, "a value is expected, not `not`", "" },
    /* names */
    { "srx == 10.0.0.1", EXPR_CONDITION, 0, 3, "no field is named `srx`", "did you mean `src`?" },
    { "1 + completelyOther", EXPR_VALUE, 4, 15, "no field is named `completelyOther`", "" },
    { "`no such`", EXPR_VALUE, 0, 9, "no field is named `no such`", "" },
    { "lowr(name)", EXPR_VALUE, 0, 4, "no function is named `lowr`", "did you mean `lower`?" },
    { "rtt.mx", EXPR_VALUE, 3, 3, "a sampling has no part `mx`", "expected .n, .min, .max or .avg" },
    { "a.max", EXPR_VALUE, 1, 4, "`a` has no parts: it is whole number", "" },
    { "sizes[4]", EXPR_VALUE, 0, 8, "`sizes` has 4 bins, the last is [3]", "" },
    { "sizes[a]", EXPR_VALUE, 6, 1, "the number of a bin is expected, not `a`", "" },
    { "a[0]", EXPR_VALUE, 0, 1, "a field with bins is expected, `a` is whole number", "" },
    { "lower()", EXPR_VALUE, 0, 7, "lower takes 1 argument, not 0", "" },
    { "1 + if(a > 1, b)", EXPR_VALUE, 4, 12, "if takes 3 arguments, not 2", "" },
    { "min(a)", EXPR_VALUE, 0, 6, "min takes at least 2 arguments, not 1", "" },
    /* marks */
    { "a = 7", EXPR_CONDITION, 2, 1, "`=` has no meaning here", "write `==` to compare" },
    { "a > 1 && b > 1", EXPR_CONDITION, 6, 2, "`&&` has no meaning here", "write `and`" },
    { "a > 1 || b > 1", EXPR_CONDITION, 6, 2, "`||` has no meaning here", "write `or`" },
    { "!a", EXPR_CONDITION, 0, 1, "`!` has no meaning here", "write `not`" },
    { "a <> 1", EXPR_CONDITION, 2, 2, "`<>` has no meaning here", "write `!=`" },
    { "name =~ 'x'", EXPR_CONDITION, 5, 2, "`=~` has no meaning here",
      "regular expressions are not among the tests: starts_with, ends_with, contains" },
    { "a \x01", EXPR_VALUE, 2, 1, "the byte 0x01 has no meaning here", "" },
    { "a \xc3\xa9", EXPR_VALUE, 2, 1, "the byte 0xc3 has no meaning here", "" },
    /* literals */
    { "name == 'x", EXPR_CONDITION, 8, 2, "the quote is not closed", "" },
    { "a > 99999999999999999999", EXPR_CONDITION, 4, 20,
      "the number is too large: whole numbers go up to 18446744073709551615", "" },
    { "a > 999999999y", EXPR_CONDITION, 4, 10, "the number is too large", "" },
    { "a > 5x", EXPR_CONDITION, 4, 2, "`x` is not a unit",
      "spans: ns us ms s m h d w y; sizes: B KiB MiB GiB TiB KB MB GB TB" },
    { "a > 1.5h", EXPR_CONDITION, 4, 4, "`1.5h` is not a number", "units follow whole numbers: 90m, not 1.5h" },
    { "a > 0xfg", EXPR_CONDITION, 4, 4, "`0xfg` is not a hexadecimal number of 64 bits", "" },
    { "a > 0x10000000000000000", EXPR_CONDITION, 4, 19,
      "`0x10000000000000000` is not a hexadecimal number of 64 bits", "" },
    { "f > 1e999", EXPR_CONDITION, 4, 5, "`1e999` is not a number", "" },
    { "src == 10.0.0.300", EXPR_CONDITION, 7, 10, "`10.0.0.300` is not an address", "" },
    { "src == 2001:db8:::1", EXPR_CONDITION, 7, 12, "`2001:db8:::1` is not an address", "" },
    { "src in 10.0.0.0/33", EXPR_CONDITION, 7, 11, "`10.0.0.0/33` is not a net", "" },
    { "src in 10.0.0.1/8", EXPR_CONDITION, 7, 10, "bits are set behind the prefix of `10.0.0.1/8`",
      "did you mean `10.0.0.0/8`?" },
    { "-9223372036854775809", EXPR_VALUE, 0, 20,
      "the number is too small: signed ones go down to -9223372036854775808", "" },
    /* types */
    { "a + name", EXPR_VALUE, 4, 4, "a number is expected, `name` is text", "" },
    { "src == 5", EXPR_CONDITION, 0, 8, "`src` (ip) and `5` (whole number) do not compare", "" },
    { "src == 10.0.0.0/8", EXPR_CONDITION, 0, 17, "`src` (ip) and `10.0.0.0/8` (net) do not compare",
      "`in` tests whether an ip is in a net" },
    { "at > 'yesterday'", EXPR_CONDITION, 0, 16, "`at` (time) and `'yesterday'` (text) do not compare",
      "times are written '2026-01-02T03:04:05Z' or '2026-01-02'" },
    { "at > '2026-02-29'", EXPR_CONDITION, 0, 17, "`at` (time) and `'2026-02-29'` (text) do not compare",
      "times are written '2026-01-02T03:04:05Z' or '2026-01-02'" },
    { "a == 'x'", EXPR_CONDITION, 0, 8, "`a` (whole number) and `'x'` (text) do not compare", "" },
    { "rtt > 5ms", EXPR_CONDITION, 0, 9, "`rtt` (sampling) and `5ms` (whole number) do not compare",
      "take one of .n .min .max .avg" },
    { "sizes == 1", EXPR_CONDITION, 0, 10, "`sizes` (bins) and `1` (whole number) do not compare",
      "take one bin, as [0]" },
    { "rtt + 1", EXPR_VALUE, 0, 3, "a number is expected, `rtt` is sampling", "take one of .n .min .max .avg" },
    { "(a > 1) < (b > 1)", EXPR_CONDITION, 0, 17,
      "`(a > 1)` (condition) and `(b > 1)` (condition) do not have an order", "" },
    { "a == null", EXPR_CONDITION, 5, 4, "nothing compares with null", "write `is null` or `is not null`" },
    { "a < b < 9", EXPR_CONDITION, 6, 1, "comparisons do not chain",
      "write `a < b and b < c`, or put one into parentheses" },
    { "a == b is null", EXPR_CONDITION, 7, 2, "put the first test into parentheses", "" },
    { "a is 5", EXPR_CONDITION, 5, 1, "`null` or `not null` is expected, not `5`", "" },
    { "a not 5", EXPR_CONDITION, 6, 1, "`in` is expected, not `5`", "" },
    { "a and b > 1", EXPR_CONDITION, 0, 1, "a condition is expected, `a` is whole number", "" },
    { "not a", EXPR_CONDITION, 4, 1, "a condition is expected, `a` is whole number", "" },
    { "a", EXPR_CONDITION, 0, 1, "a condition is expected, this is whole number", "" },
    { "null", EXPR_CONDITION, 0, 4, "a condition is expected, not null", "" },
    { "null", EXPR_VALUE, 0, 4, "null alone has no type", "" },
    { "rtt", EXPR_VALUE, 0, 3, "samplings are not a single value", "take one of .n .min .max .avg" },
    { "sizes", EXPR_VALUE, 0, 5, "bins are not a single value", "take one bin, as [0]" },
    { "f & 1", EXPR_VALUE, 0, 1, "a whole number without sign is expected, `f` is decimal", "" },
    { "a & -1", EXPR_VALUE, 4, 2, "a whole number without sign is expected, `-1` is signed number", "" },
    { "div(f, 2)", EXPR_VALUE, 4, 1, "a whole number is expected, `f` is decimal", "" },
    { "-name", EXPR_VALUE, 1, 4, "a number is expected, `name` is text", "" },
    { "at + at", EXPR_VALUE, 0, 7, "`at` (time) and `at` (time) do not add", "" },
    { "at * 2", EXPR_VALUE, 0, 6, "`at` (time) and `2` (whole number) do not go together here", "" },
    { "1d - at", EXPR_VALUE, 0, 7, "`1d` (whole number) and `at` (time) do not subtract", "" },
    { "name starts_with 5", EXPR_CONDITION, 17, 1, "a text is expected, `5` is whole number", "" },
    { "lower(a)", EXPR_VALUE, 6, 1, "a text is expected, `a` is whole number", "" },
    { "hour(a)", EXPR_VALUE, 5, 1, "a time is expected, `a` is whole number", "" },
    { "abs(name)", EXPR_VALUE, 4, 4, "a number is expected, `name` is text", "" },
    { "min(a, name)", EXPR_VALUE, 7, 4, "a number or time is expected, `name` is text", "" },
    { "if(a, 1, 2)", EXPR_VALUE, 3, 1, "a condition is expected, `a` is whole number", "" },
    { "if(a > 1, src, 2)", EXPR_VALUE, 10, 6, "`src` (ip) and `2` (whole number) do not have one type", "" },
    { "a ?? name", EXPR_VALUE, 0, 9, "`a` (whole number) and `name` (text) do not have one type", "" },
    { "f64(src)", EXPR_VALUE, 4, 3, "a number or its text is expected, `src` is ip", "" },
    { "text(rtt)", EXPR_VALUE, 5, 3, "a single value is expected, `rtt` is sampling", "take one of .n .min .max .avg" },
    { "a / 0", EXPR_VALUE, 4, 1, "this divides by zero", "" },
    { "a + (1 - 1) * 5 + 9223372036854775807 * 9", EXPR_VALUE, 18, 23, "the result is out of range", "" },
    { "1 % (2 - 2)", EXPR_VALUE, 0, 11, "this divides by zero", "" },
    /* lists */
    { "a in (1, 2", EXPR_CONDITION, 10, 0, "the expression ends where `)` is expected", "" },
    { "a in ()", EXPR_CONDITION, 6, 1, "a literal is expected, not `)`", "" },
    { "a in (1, b)", EXPR_CONDITION, 9, 1, "a list holds literals only, no fields", "" },
    { "a in (1, null)", EXPR_CONDITION, 9, 4, "a list does not hold true, false or null", "" },
    { "a in (1, -5)", EXPR_CONDITION, 9, 2, "`a` (whole number) is never `-5` (signed number)", "" },
    { "a in (1, 2.5)", EXPR_CONDITION, 9, 3, "`a` (whole number) is never `2.5` (decimal)", "" },
    { "src in (10.0.0.0/8, 5)", EXPR_CONDITION, 20, 1, "`src` (ip) is never `5` (whole number)", "" },
    { "name in 10.0.0.0/8", EXPR_CONDITION, 8, 10, "`name` (text) is never `10.0.0.0/8` (net)", "" },
    { "rtt in (1)", EXPR_CONDITION, 0, 3, "something with a value to look up is expected, `rtt` is sampling",
      "take one of .n .min .max .avg" },
    /* the first in the text is the one that is named */
    { "srx == 1 ~ 2", EXPR_CONDITION, 0, 3, "no field is named `srx`", "did you mean `src`?" },
    { "a == 5 ~ srx", EXPR_CONDITION, 7, 1, "`~` has no meaning here", "" },
};

TEST(every_fault_has_its_place_and_words)
{
    struct one *o = one_open();
    u32         wrong = 0;
    for (u32 i = 0; i < WEIR_COUNT(samples); i++) {
        const struct sample *s = &samples[i];
        struct expr_fault    f;
        struct expr         *e = expr_compile(slice_str(s->text), &o->schema, s->want, &f);
        if (e != NULL) {
            print_error("%s: compiles\n", s->text);
            expr_free(e);
            wrong++;
        } else if (f.offset != s->offset || f.len != s->len || strcmp(f.words, s->words) != 0 ||
                   strcmp(f.hint, s->hint) != 0) {
            print_error("%s: %u+%u \"%s\" \"%s\"\n", s->text, f.offset, f.len, f.words, f.hint);
            wrong++;
        }
    }
    one_close(o);
    assert_int_equal(wrong, 0);
}

/* `piece` n times between `before` and `after`. Given. */
static char *repeated(const char *before, const char *piece, u32 n, const char *after)
{
    size_t len = strlen(piece), head = strlen(before);
    char  *text = malloc(head + len * n + strlen(after) + 1);
    assert_non_null(text);
    memcpy(text, before, head + 1);
    for (u32 i = 0; i < n; i++) memcpy(text + head + i * len, piece, len);
    strcpy(text + head + len * n, after);
    return text;
}

static void check_limit(const char *before, const char *piece, u32 n, const char *after, const char *words)
{
    struct one       *o = one_open();
    struct expr_fault f;
    char             *text = repeated(before, piece, n, after);
    struct expr      *e = expr_compile(slice_str(text), &o->schema, EXPR_VALUE, &f);
    if (words == NULL && e == NULL) fail_msg("%u of %s: %s", n, piece, f.words);
    if (words != NULL) {
        assert_null(e);
        assert_string_equal(f.words, words);
        assert_true(f.offset + f.len <= strlen(text));
    } else {
        struct column    out;
        struct expr_run *r = expr_open_run(e);
        expr_derive(r, &o->batch, &out);
        expr_close_run(r);
    }
    expr_free(e);
    free(text);
    one_close(o);
}

TEST(limits_are_reached_and_named)
{
    check_limit("", "-(", 32, "a))))))))))))))))))))))))))))))))", NULL);
    check_limit("", "-(", 33, "a)))))))))))))))))))))))))))))))))", "nested deeper than 64 levels");
    check_limit("", "not ", 64, "true", NULL);
    check_limit("", "not ", 65, "true", "nested deeper than 64 levels");
    check_limit("", "abs(", 65, "a", "nested deeper than 64 levels");
    check_limit("", "((((", 100, "a", "nested deeper than 64 levels");
    check_limit("a", "+a", 511, "", NULL);
    check_limit("a", "+a", 512, "", "more than 1024 operations");
    check_limit("a ", " ", EXPR_TEXT_MAX - 2, "", NULL);
    check_limit("a ", " ", EXPR_TEXT_MAX - 1, "", "longer than 4096 bytes");
    check_limit("a in (7", ",7", (EXPR_TEXT_MAX - 8) / 2, ")", NULL);
    check_limit("min(a, a", ", a", 510, ")", NULL);
    check_limit("if(true, a, a", ", a", 1, ")", "if takes 3 arguments, not 4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_has_its_place_and_words),
        cmocka_unit_test(limits_are_reached_and_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
