/* SPDX-License-Identifier: Apache-2.0 */
/* test_expr_values.c: expressions and what they give on the row of one.h; canonical text; columns used; counts. */
#include "one.h"

static const struct sample {
    const char *text, *want;
} samples[] = {
    /* literals */
    { "5", "5" }, { "0x1F", "31" }, { "1.5", "1.5" }, { ".5", "0.5" }, { "2e3", "2000" }, { "2e-3", "0.002" },
    { "5m", "300000000000" },
    { "500ms", "500000000" }, { "64MiB", "67108864" }, { "2KB", "2000" }, { "'it''s'", "it's" },
    { "\"a \"\"b\"\"\"", "a \"b\"" },
    { "true", "1" }, { "false", "0" }, { "10.0.0.1", "10.0.0.1" }, { "10.0.0.0/8", "10.0.0.0/8" },
    { "2001:DB8::/32", "2001:db8::/32" },
    { "::1", "::1" }, { "fe80::1", "fe80::1" }, { "02:00:5e:10:00:01", "2200601362433" },
    { "18446744073709551615", "18446744073709551615" },
    /* fields */
    { "a", "7" }, { "none", "null" }, { "missing", "null" }, { "missing + 1", "null" }, { "`odd-name`", "9" },
    { "alert.sid", "2001" },
    { "rtt.n", "4" }, { "rtt.min", "10" }, { "rtt.max", "50" }, { "rtt.avg", "25" }, { "nortt.n", "null" },
    { "nortt.avg ?? 1.5", "1.5" },
    { "sizes[0]", "1" }, { "sizes[3]", "4" }, { "time", "1000000000" }, { "at", "1767323045000000000" },
    { "net", "10.1.0.0/16" },
    { "nonet", "null" }, { "nonet is null", "1" }, { "site", "north" }, { "nosite", "null" }, { "src", "10.1.2.3" },
    { "name", "Web Server" },
    /* arithmetic */
    { "1 + 2 * 3", "7" }, { "(1 + 2) * 3", "9" }, { "10 - 2 - 3", "5" }, { "a / 2", "3.5" }, { "div(a, 2)", "3" },
    { "a % b", "1" },
    { "u64(-7 % 4 + 10)", "7" }, { "div(-7, 2) + 10", "7" }, { "a - b", "4" }, { "b - a", "null" },
    { "b - a < 0", "1" },
    { "abs(b - a)", "4" }, { "-a + 10", "3" }, { "- -5", "5" }, { "-(-5)", "5" }, { "a & 5", "5" },
    { "0xff & big", "255" }, { "a + 0.5", "7.5" },
    { "f * 2", "5" }, { "f + a", "9.5" }, { "none + 1", "null" }, { "1 + null", "null" }, { "7.5 % 2", "1.5" },
    { "f % 2", "0.5" },
    { "big + 1", "null" }, { "big * 2", "null" }, { "big - 1", "null" }, { "zero - big", "null" },
    { "a / zero", "null" }, { "a % zero", "null" },
    { "div(a, zero)", "null" }, { "f / 0.0 ?? 1.0", "!this divides by zero" }, { "f / zero", "null" },
    { "1e308 * f * f", "null" },
    { "10 - a", "3" }, { "100 / a > 14", "1" }, { "2 * a", "14" }, { "-9223372036854775808 + 0 < 0", "1" },
    { "9223372036854775807 + b - b > 0", "1" },
    /* comparisons */
    { "a == 7", "1" }, { "7 == a", "1" }, { "a != 7", "0" }, { "5 < a", "1" }, { "7 <= a", "1" }, { "8 > a", "1" },
    { "7 > a", "0" },
    { "a > 6.5", "1" }, { "f == 2.5", "1" }, { "f < a", "1" }, { "big > -1", "1" }, { "-1 < big", "1" },
    { "b - a < big", "1" }, { "big > b - a", "1" },
    { "b - a == big", "0" }, { "b - a != big", "1" }, { "big <= b - a", "0" }, { "a - b == 4", "1" },
    { "a - b >= a", "0" }, { "none == 5", "null" },
    { "name == 'Web Server'", "1" }, { "name < 'X'", "1" }, { "name >= 'Web'", "1" }, { "empty == ''", "1" },
    { "empty < name", "1" }, { "noname == ''", "null" },
    { "at == '2026-01-02T03:04:05Z'", "1" }, { "at >= '2026-01-02'", "1" },
    { "at < '2026-01-02T04:04:05.000000001+01:00'", "1" },
    { "'2026-01-03' > at", "1" }, { "src == 10.1.2.3", "1" }, { "src == '10.1.2.3'", "1" }, { "src != dst", "1" },
    { "src < 10.1.2.4", "1" },
    { "mac == 02:00:5e:10:00:01", "1" }, { "mac == '02:00:5E:10:00:01'", "1" }, { "net == 10.1.0.0/16", "1" },
    { "net != 10.0.0.0/8", "1" },
    { "true == (a == 7)", "1" }, { "(a > 1) != (b > 1)", "0" }, { "site == 'north'", "1" }, { "'south' == site", "0" },
    { "site != 'nowhere'", "1" },
    { "site == peer", "1" }, { "site == site", "1" }, { "site != peer", "0" }, { "nosite == 'north'", "null" },
    { "nosite != 'north'", "null" },
    { "site == name", "0" }, { "site < 'o'", "1" }, { "site == lower('NORTH')", "1" },
    /* precedence: ?? binds tighter than tests, & than == */
    { "none ?? 5 > 4", "1" }, { "none ?? 2 > 4", "0" }, { "a & 1 == 1", "1" }, { "not a == 8", "1" },
    { "not a == 8 and b == 3", "1" },
    { "a == 8 and b == 3 or true", "1" }, { "true or a == 8 and b == 8", "1" }, { "none ?? none ?? 3", "3" },
    { "1 + none ?? 4", "4" },
    /* three values */
    { "null and true", "null" }, { "null and false", "0" }, { "null or true", "1" }, { "null or false", "null" },
    { "not null", "null" },
    { "none > 1 and a == 7", "null" }, { "none > 1 and a == 8", "0" }, { "a == 8 and none > 1", "0" },
    { "none > 1 and none > 1", "null" },
    { "none > 1 or a == 7", "1" }, { "none > 1 or a == 8", "null" }, { "a == 7 or none > 1", "1" },
    { "not (none > 1)", "null" },
    { "true and none > 1", "null" }, { "false and none > 1", "0" }, { "false or none > 1", "null" },
    { "none is null", "1" },
    { "none is not null", "0" }, { "a is null", "0" }, { "rtt is not null", "1" }, { "nortt is null", "1" },
    { "sizes is null", "0" }, { "null is null", "1" },
    { "(none > 1) is null", "1" }, { "nosite is null", "1" }, { "site is null", "0" }, { "none not in (1, 2)", "null" },
    /* in */
    { "a in (1, 7, 9)", "1" }, { "a not in (1, 7, 9)", "0" }, { "a in (1, 2, 3, 4, 5, 6, 8)", "0" },
    { "a in (1, 2, 3, 4, 5, 6, 7)", "1" },
    { "a in (1, 2, 3, 4, 5, 7000000000)", "0" }, { "big in (1, 2, 3, 4, 5, 18446744073709551615)", "1" },
    { "a in 7", "1" }, { "b - a in (-4, 4)", "1" },
    { "f in (1, 2.5)", "1" }, { "f in (1.5, 2, 3)", "0" }, { "name in ('a', 'Web Server')", "1" },
    { "name in ('a', 'b', 'c', 'd', 'e')", "0" },
    { "site in ('north', 'south')", "1" }, { "site in ('a', 'b', 'c', 'd', 'north', 'e')", "1" },
    { "site not in ('south')", "1" }, { "nosite in ('north')", "null" },
    { "src in 10.0.0.0/8", "1" }, { "src in (192.168.0.0/16, 10.1.2.3)", "1" }, { "src not in 10.1.2.0/30", "0" },
    { "src in 10.1.2.4/30", "0" },
    { "dst in 2001:db8::/32", "1" }, { "dst in 10.0.0.0/8", "0" }, { "src in ::/0", "0" }, { "src in 0.0.0.0/0", "1" },
    { "dst in ::/0", "1" },
    { "dst in 0.0.0.0/0", "0" }, { "nowhere in 10.0.0.0/8", "null" },

    { "src in (10.1.0.0/16, 10.1.0.0/24, 1.0.0.0/8, 2.0.0.0/8, 3.0.0.0/8, 4.0.0.0/8, 5.0.0.0/8, 6.0.0.0/8, ::/0)",
      "1" },

    { "dst in (10.1.0.0/16, 10.1.0.0/24, 1.0.0.0/8, 2.0.0.0/8, 3.0.0.0/8, 4.0.0.0/8, 5.0.0.0/8, 6.0.0.0/8, ::/0)",
      "1" },

    { "src in (11.1.0.0/16, 10.1.3.0/24, 1.0.0.0/8, 2.0.0.0/8, 3.0.0.0/8, 4.0.0.0/8, 5.0.0.0/8, 6.0.0.0/8, ::/0)",
      "0" },
    { "net in 10.0.0.0/8", "1" }, { "net in 10.1.2.0/24", "0" }, { "net in ::/0", "0" }, { "nonet in ::/0", "null" },
    { "src in ('10.1.2.0/24')", "1" },
    { "mac in (02:00:5e:10:00:01)", "1" }, { "at in ('2026-01-02T03:04:05Z')", "1" }, { "10.1.2.3 in 10.0.0.0/8", "1" },
    /* text */
    { "name starts_with 'Web'", "1" }, { "name ends_with 'er'", "1" }, { "name contains 'b S'", "1" },
    { "name contains ''", "1" },
    { "contains(lower(name), 'server')", "1" }, { "starts_with(name, 'web')", "0" }, { "ends_with(empty, 'x')", "0" },
    { "site starts_with 'no'", "1" },
    { "noname contains 'a'", "null" }, { "lower(name)", "web server" }, { "length(name)", "10" },
    { "length(noname)", "null" }, { "length(site)", "5" },
    { "u64('12')", "12" }, { "u64('x')", "null" }, { "u64(f)", "2" }, { "u64(-0.5)", "0" }, { "u64(0.0 - f)", "null" },
    { "u64(true)", "1" },
    { "f64('1.5e1')", "15" }, { "f64('0x10')", "null" }, { "f64('inf')", "null" }, { "f64(a)", "7" },
    { "u64(at)", "1767323045000000000" }, { "u64(mac)", "2200601362433" },
    { "text(a)", "7" }, { "text(b - a)", "-4" }, { "text(f)", "2.5" }, { "text(2.0 + zero)", "2.0" },
    { "text(at)", "2026-01-02T03:04:05Z" },
    { "text(at + 1500us)", "2026-01-02T03:04:05.0015Z" }, { "text(src)", "10.1.2.3" }, { "text(net)", "10.1.0.0/16" },
    { "text(mac)", "02:00:5e:10:00:01" },
    { "text(a == 7)", "true" }, { "text(site)", "north" }, { "text(none)", "null" },
    /* choices */
    { "if(a == 7, 'yes', 'no')", "yes" }, { "if(none == 7, 1, 2)", "2" }, { "if(a == 8, src, dst)", "2001:db8::1" },
    { "if(a == 7, null, 2)", "null" },
    { "if(a == 7, b, 2.5)", "3" }, { "if(src < dst, src, dst)", "10.1.2.3" },
    { "if(a == 7, net, 10.0.0.0/8)", "10.1.0.0/16" }, { "if(a > 1, b > 5, true)", "0" },
    { "if(zero > 0, div(a, zero), 0)", "0" }, { "site ?? 'none'", "north" }, { "nosite ?? 'none'", "none" },
    { "nowhere ?? src", "10.1.2.3" }, { "none ?? f", "2.5" },
    { "min(a, b)", "3" }, { "max(a, b, 9)", "9" }, { "min(a, none)", "null" }, { "max(f, a)", "7" },
    { "min(at, '2026-01-01')", "1767225600000000000" }, { "max(b - a, -5) + 10", "6" },
    /* time */
    { "hour(at)", "3" }, { "minute(at)", "4" }, { "second(at)", "5" }, { "day(at)", "2" }, { "month(at)", "1" },
    { "year(at)", "2026" }, { "weekday(at)", "5" },
    { "date(at)", "1767312000000000000" }, { "at - date(at) == 3h + 4m + 5s", "1" }, { "at + 1d > '2026-01-03'", "1" },
    { "at - 1h < at", "1" }, { "1h + at == at + 1h", "1" },
    { "day(at - 2d)", "31" }, { "year(at - 2d)", "2025" }, { "hour(time - 2s)", "23" },
    { "second(time - 1500ms)", "59" }, { "weekday(time)", "4" }, { "weekday(time - 2s)", "3" },
    { "at - '2026-01-02' > 3h", "1" }, { "(at - time) / 1d > 20000", "1" }, { "at + big", "null" },
    { "day('2024-02-29')", "29" },
};

TEST(expressions_give_what_the_table_says)
{
    struct one *o = one_open();
    char        got[256];
    u32         wrong = 0;
    for (u32 i = 0; i < WEIR_COUNT(samples); i++) {
        one_show(o, samples[i].text, got, sizeof got);
        if (strcmp(got, samples[i].want) == 0) continue;
        print_error("%s: %s, not %s\n", samples[i].text, got, samples[i].want);
        wrong++;
    }
    one_close(o);
    assert_int_equal(wrong, 0);
}

/* What is printed compiles to what prints the same and gives the same. */
TEST(canonical_text_reads_back_as_itself)
{
    struct one       *o = one_open();
    struct expr_fault fault;
    char              got[256], again[256], text[8192];
    for (u32 i = 0; i < WEIR_COUNT(samples); i++) {
        struct expr *e = expr_compile(slice_str(samples[i].text), &o->schema, EXPR_VALUE, &fault);
        if (e == NULL) continue;
        slice printed = expr_print(e);
        snprintf(text, sizeof text, "%.*s", (int)printed.len, printed.at);
        struct expr *f = expr_compile(printed, &o->schema, EXPR_VALUE, &fault);
        if (f == NULL) fail_msg("%s: printed as %s: %s", samples[i].text, text, fault.words);
        if (!slice_eq(printed, expr_print(f))) fail_msg("%s: %s, then %.*s", samples[i].text, text,
                                                        (int)expr_print(f).len, expr_print(f).at);
        one_show(o, samples[i].text, got, sizeof got);
        one_show(o, text, again, sizeof again);
        assert_string_equal(got, again);
        expr_free(e);
        expr_free(f);
    }
    one_close(o);
}

TEST(canonical_text_has_one_form)
{
    static const struct sample forms[] = {
        { "a==7   and(b>3)", "a == 7 and b > 3" }, { "((a)+(b))*2", "(a + b) * 2" }, { "a+(b*2)", "a + b * 2" },
        { "a-(b-2)", "a - (b - 2)" },
        { "not(a==7)", "not a == 7" }, { "60s", "1m" }, { "1024KiB", "1MiB" }, { "0X1f", "0x1f" },
        { "src in (10.0.0.0/8)", "src in 10.0.0.0/8" },
        { "a in(1,2)", "a in (1, 2)" }, { "name=='it''s'", "name == 'it''s'" },
        { "starts_with(name,\"a\")", "name starts_with 'a'" },
        { "at>'2026-01-02'", "at > '2026-01-02T00:00:00Z'" }, { "`a`", "a" }, { "`odd-name`", "`odd-name`" },
        { "min(min(a,b),1.5)", "min(a, b, 1.5)" },
        { "(none??a)>1", "none ?? a > 1" }, { "(a>1)is null", "(a > 1) is null" }, { "f>1", "f > 1.0" },
        { "-(-5)", "--5" }, { "-(-(a))", "--a" }, { "a - -5", "a - -5" },
        { "not (a == 1 or b == 1)", "not (a == 1 or b == 1)" }, { "src=='10.1.2.3'", "src == 10.1.2.3" },
        { "rtt.avg>5ms", "rtt.avg > 5000000.0" },
    };
    struct one       *o = one_open();
    struct expr_fault fault;
    for (u32 i = 0; i < WEIR_COUNT(forms); i++) {
        struct expr *e = expr_compile(slice_str(forms[i].text), &o->schema, EXPR_VALUE, &fault);
        if (e == NULL) fail_msg("%s: %s", forms[i].text, fault.words);
        if (!slice_is(expr_print(e), forms[i].want))
            fail_msg("%s: %.*s, not %s", forms[i].text, (int)expr_print(e).len, expr_print(e).at, forms[i].want);
        expr_free(e);
    }
    one_close(o);
}

TEST(only_columns_that_are_read_are_used)
{
    struct one       *o = one_open();
    struct expr_fault fault;
    struct expr      *e = expr_compile(S("a > 1 and rtt.avg > 2 and time > '2026-01-01'"), &o->schema,
                                       EXPR_CONDITION, &fault);
    assert_non_null(e);
    for (u32 c = 0; c < o->schema.measures; c++) {
        bool used = slice_is(o->field[c].name, "a") || slice_is(o->field[c].name, "rtt");
        assert_int_equal(expr_uses(e, c), used);
    }
    assert_false(expr_uses(e, UINT32_MAX));
    expr_free(e);
    one_close(o);
}

static struct expr_counts counts_of(const struct one *o, const char *text)
{
    struct expr_fault fault;
    struct column     out;
    struct expr      *e = expr_compile(slice_str(text), &o->schema, EXPR_VALUE, &fault);
    if (e == NULL) fail_msg("%s: %s", text, fault.words);
    struct expr_run *r = expr_open_run(e);
    expr_derive(r, &o->batch, &out);
    struct expr_counts c = *expr_counts(r);
    expr_derive(r, &o->batch, &out);
    assert_int_equal(expr_counts(r)->overflow, 2 * c.overflow); /* a batch's faults do not stay for the next */
    expr_close_run(r);
    expr_free(e);
    return c;
}

TEST(faults_of_numbers_are_counted_where_they_make_null)
{
    struct one        *o = one_open();
    struct expr_counts c = counts_of(o, "big + 1");
    assert_true(c.rows == 1 && c.null == 1 && c.overflow == 1 && c.by_zero == 0);
    c = counts_of(o, "a % zero");
    assert_true(c.null == 1 && c.overflow == 0 && c.by_zero == 1);
    c = counts_of(o, "b - a"); /* no column holds a sign */
    assert_true(c.null == 1 && c.overflow == 1);
    c = counts_of(o, "if(zero > 0, a % zero, 1)");
    assert_true(c.rows == 1 && c.null == 0 && c.by_zero == 0);
    c = counts_of(o, "none + 1");
    assert_true(c.null == 1 && c.overflow == 0 && c.by_zero == 0);
    c = counts_of(o, "none / zero");
    assert_true(c.null == 1 && c.by_zero == 0);
    one_close(o);
}

TEST(a_tag_is_looked_up_in_the_dictionary_of_its_batch)
{
    struct one       *o = one_open();
    struct strings    later;
    struct expr_fault fault;
    u64               keep[BATCH_ROWS / 64];
    struct expr      *e = expr_compile(S("site in ('east', 'north') and site != 'east'"), &o->schema,
                                       EXPR_CONDITION, &fault);
    assert_non_null(e);
    struct expr_run *r = expr_open_run(e);
    assert_int_equal(expr_where(r, &o->batch, keep), 1);
    strings_init(&later, 10);
    assert_int_equal(strings_add(&later, S("east")), 1); /* the id that was north's */
    for (u32 c = 0; c < o->schema.measures; c++)
        if (slice_is(o->field[c].name, "site")) o->column[c].words = &later;
    assert_int_equal(expr_where(r, &o->batch, keep), 0);
    assert_int_equal(keep[0], 0);
    strings_fini(&later);
    expr_close_run(r);
    expr_free(e);
    one_close(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_give_what_the_table_says),
        cmocka_unit_test(canonical_text_reads_back_as_itself),
        cmocka_unit_test(canonical_text_has_one_form),
        cmocka_unit_test(only_columns_that_are_read_are_used),
        cmocka_unit_test(faults_of_numbers_are_counted_where_they_make_null),
        cmocka_unit_test(a_tag_is_looked_up_in_the_dictionary_of_its_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
