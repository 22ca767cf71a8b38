/* SPDX-License-Identifier: Apache-2.0 */
/* test_read.c: CSV text to a table of nets, or to the list of what is wrong with it.
 *
 * Good texts are compared with a dump of the table, "net=word,word;" for each row with "-" for null; bad ones with
 * every problem's line, column and words. */
#include "tag/tag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const slice site_service[] = { { "site", 4 }, { "service", 7 } };

static const struct good {
    const char *csv, *want;
} goods[] = {
    { "", "" },
    { "\xef\xbb\xbf# nothing\n\n", "" },
    { "cidr,site,service\n", "" },
    { "10.0.0.0/8,a,b\n", "10.0.0.0/8=a,b;" },
    { "10.0.0.0/8,a,b", "10.0.0.0/8=a,b;" },
    { "\xef\xbb\xbf" "10.0.0.0/8,a,b\r\n192.0.2.1,c,d\r\n", "10.0.0.0/8=a,b;192.0.2.1=c,d;" },
    { "cidr,site,service\n10.0.0.0/8,a,b\n", "10.0.0.0/8=a,b;" },
    { "CIDR,Site,SERVICE\n10.0.0.0/8,a,b\n", "10.0.0.0/8=a,b;" },
    { "service,x,Network,site\nb,?,10.0.0.0/8,a\n", "10.0.0.0/8=a,b;" },
    { "service,prefix,site\nb,10.0.0.0/8,a,more\n", "10.0.0.0/8=a,b;" },
    { "subnet,service,site\n10.0.0.0/8,b,a\n", "10.0.0.0/8=a,b;" },
    { "# c\n\n  # d\n\"net\" , \"site\",\"service\"\n\n\"10.0.0.0/8\", \"a, b\" ,\"say \"\"x\"\"\"\n#10.1.0.0/16,a,b\n",
      "10.0.0.0/8=a, b,say \"x\";" },
    { "10.0.0.0/8,,\n10.1.0.0/16, ,\"\"\n", "10.0.0.0/8=-,-;10.1.0.0/16=-,-;" },
    { "10.0.0.0/8,a,a\n10.0.0.0/9,a,b\n10.0.0.0/10,,a\n", "10.0.0.0/8=a,a;10.0.0.0/9=a,b;10.0.0.0/10=-,a;" },
    { " 10.0.0.0/8\t, two words ,b\n", "10.0.0.0/8=two words,b;" },
    { "0.0.0.0/0,a,b\n::/0,c,d\n", "0.0.0.0/0=a,b;::/0=c,d;" },
    { "2001:DB8:0::/32,a,b\n::ffff:10.0.0.0/104,c,d\n2001:db8::1,e,f\n",
      "2001:db8::/32=a,b;10.0.0.0/8=c,d;2001:db8::1=e,f;" },
    { "10.0.0.1/32,a,b\n10.0.0.0/32,c,d\n", "10.0.0.1=a,b;10.0.0.0=c,d;" },
    { "10.0.0.0/8,Z\xc3\xbcrich,\xe6\x9d\xb1\xe4\xba\xac\n", "10.0.0.0/8=Z\xc3\xbcrich,\xe6\x9d\xb1\xe4\xba\xac;" },
    { "10.0.0.0/8,a,b,c,d,e\n", "10.0.0.0/8=a,b;" },
    { "cidr,site,service,note\n10.0.0.0/8,a,b,\"two\nlines \xff\"\n10.0.0.0/9,c,d,\n",
      "10.0.0.0/8=a,b;10.0.0.0/9=c,d;" },
};

static const struct bad {
    const char *csv, *want; /* "line:column what\n" each */
} bads[] = {
    { "10.0.0.0/33,a,b\n", "1:1 bad net 10.0.0.0/33: length \"33\", expected 0 to 32\n" },
    { "2001:db8::/129,a,b\n", "1:1 bad net 2001:db8::/129: length \"129\", expected 0 to 128\n" },
    { "10.0.0.0/,a,b\n", "1:1 bad net 10.0.0.0/: length \"\", expected 0 to 32\n" },
    { "10.0.0.0/08,a,b\n", "1:1 bad net 10.0.0.0/08: length \"08\", expected 0 to 32\n" },
    { "10.0.0.0/255.0.0.0,a,b\n", "1:1 bad net 10.0.0.0/255.0.0.0: length \"255.0.0.0\", expected 0 to 32\n" },
    { "10.0.0.300/24,a,b\n", "1:1 bad net 10.0.0.300/24: expected one such as 10.0.0.0/8 or 2001:db8::/32\n" },
    { "10.0.0.0/8,a,b\n\n  10.0.0/16,a,b\n",
      "3:3 bad net 10.0.0/16: expected one such as 10.0.0.0/8 or 2001:db8::/32\n" },
    { "10.0.0.0/8,a,b\nx\x01\xffy,a,b\n",
      "2:1 bad net x\\x01\\xffy: expected one such as 10.0.0.0/8 or 2001:db8::/32\n" },
    { "cidr,site,service\n,a,b\n", "2:1 no net, expected one such as 10.0.0.0/8 or 2001:db8::/32\n" },
    { "10.0.0.1/8,a,b\n", "1:1 host bits set: 10.0.0.1/8, the net is 10.0.0.0/8\n" },
    { "site,net,service\na, 2001:db8::1/32,b\n", "2:4 host bits set: 2001:db8::1/32, the net is 2001:db8::/32\n" },
    { "::ffff:10.0.0.0/8,a,b\n", "1:1 host bits set: ::ffff:10.0.0.0/8, the net is ::/8\n" },
    { "10.0.0.0/8,a,b\n# c\n10.1.0.0/16,a,b\n10.0.0.0/8,c,d\n", "4:1 duplicate net 10.0.0.0/8 (first in line 1)\n" },
    { "::ffff:10.0.0.0/104,a,b\n10.0.0.0/8,c,d\n::ffff:a00:0/104,a,b\n",
      "2:1 duplicate net 10.0.0.0/8 (first in line 1)\n3:1 duplicate net 10.0.0.0/8 (first in line 1)\n" },
    { "192.0.2.1/32,a,b\n192.0.2.1,a,b\n", "2:1 duplicate net 192.0.2.1 (first in line 1)\n" },
    { "2001:db8::/32,a,b\n2001:0db8:0:0::/32,a,b\n", "2:1 duplicate net 2001:db8::/32 (first in line 1)\n" },
    { "10.0.0.0/8\n", "1:11 1 cell, expected at least 3 (net, site, service)\n" },
    { "10.0.0.0/8,a,b\n10.1.0.0/16,a \r\n", "2:15 2 cells, expected at least 3 (net, site, service)\n" },
    { "site,x,service,y,net\na,b,c,d\n", "2:8 4 cells, expected at least 5 (net, site, service)\n" },
    { "10.0.0.0/8,\"a,b\n10.1.0.0/16,a,b\n", "1:12 quote not closed, expected another \" before the end\n" },
    { "10.0.0.0/8,\"a\" x,b\n10.1.0.0/17,\"a\nb\"c,d\n10.2.0.0/16,a,b\n",
      "1:16 text behind a closing quote, expected a comma or the line's end (opened in line 1, column 12)\n"
      "3:3 text behind a closing quote, expected a comma or the line's end (opened in line 2, column 13)\n" },
    { "cidr,site\n10.0.0.0/8,a\n", "1:1 header has no column service (it has: cidr, site)\n" },
    { "cidr,a,b\n10.0.0.0/33,a,b\n",
      "1:1 header has no column site (it has: cidr, a, b)\n1:1 header has no column service (it has: cidr, a, b)\n"
      "2:1 bad net 10.0.0.0/33: length \"33\", expected 0 to 32\n" },
    { "site,service,subnet\n",
      "1:1 header has no column for the net, expected one named cidr, net, network or prefix\n" },
    { "cidr,site,service,SITE\n", "1:19 column site is twice in the header\n" },
    { "10.0.0.0/8,a\xff,b\n", "1:12 word is not UTF-8: byte 0xff at its offset 1 in a\\xff\n" },
    { "10.0.0.0/8,a,\"\xed\xa0\x80\"\n", "1:14 word is not UTF-8: byte 0xed at its offset 0 in \\xed\\xa0\\x80\n" },
    { "10.0.0.0/8,\xc0\x80,\xc3\n",
      "1:12 word is not UTF-8: byte 0xc0 at its offset 0 in \\xc0\\x80\n"
      "1:15 word is not UTF-8: byte 0xc3 at its offset 0 in \\xc3\n" },
    { "10.0.0.0/8,a,b\n10.0.0.0/8,a,b\n10.0.0.1/8,a,b\n10.0.0.0/99,a,b\n10.9.0.0/16\n",
      "2:1 duplicate net 10.0.0.0/8 (first in line 1)\n3:1 host bits set: 10.0.0.1/8, the net is 10.0.0.0/8\n"
      "4:1 bad net 10.0.0.0/99: length \"99\", expected 0 to 32\n"
      "5:12 1 cell, expected at least 3 (net, site, service)\n" },
};

static err read_text(struct tag_table **out, slice csv, struct tag_problems *problems)
{
    return tag_table_read(out, csv, WEIR_COUNT(site_service), site_service, problems);
}

static const char *word_text(const struct tag_table *t, u32 row, u32 column, char *buf)
{
    u32   id = tag_row_word(t, row, column);
    slice s = id == 0 ? S("-") : strings_get(tag_table_words(t), id);
    snprintf(buf, 64, "%.*s", (int)s.len, s.at);
    return buf;
}

static void dump(const struct tag_table *t, char *to, size_t room)
{
    size_t len = 0;
    to[0] = '\0';
    for (u32 row = 1; row <= tag_table_rows(t); row++) {
        char text[NET_TEXT], site[64], service[64];
        net  n = tag_row_net(t, row);
        net_format(&n, text);
        len += (size_t)snprintf(to + len, room - len, "%s=%s,%s;", text, word_text(t, row, 0, site),
                                word_text(t, row, 1, service));
    }
}

static void dump_problems(const struct tag_problems *p, char *to, size_t room)
{
    size_t len = 0;
    to[0] = '\0';
    for (u32 i = 0; i < p->count && i < TAG_PROBLEMS_MAX; i++)
        len += (size_t)snprintf(to + len, room - len, "%u:%u %s\n", p->at[i].line, p->at[i].column, p->at[i].what);
}

static void good_text_becomes_a_table(void **state)
{
    for (size_t i = 0; i < WEIR_COUNT(goods); i++) {
        struct tag_problems problems;
        struct tag_table   *t;
        char                got[512];
        err                 e = read_text(&t, slice_str(goods[i].csv), &problems);
        if (err_is(e)) fail_msg("good %zu: %s", i, problems.count ? problems.at[0].what : e.what);
        assert_int_equal(problems.count, 0);
        dump(t, got, sizeof got);
        if (strcmp(got, goods[i].want) != 0) fail_msg("good %zu: %s, not %s", i, got, goods[i].want);
        tag_table_free(t);
    }
}

static void bad_text_is_refused_with_all_its_problems(void **state)
{
    for (size_t i = 0; i < WEIR_COUNT(bads); i++) {
        struct tag_problems problems;
        struct tag_table   *t = (struct tag_table *)&problems;
        char                got[2048];
        err                 e = read_text(&t, slice_str(bads[i].csv), &problems);
        dump_problems(&problems, got, sizeof got);
        if (strcmp(got, bads[i].want) != 0) fail_msg("bad %zu:\n%snot\n%s", i, got, bads[i].want);
        assert_int_equal(e.code, ERR_DATA);
        assert_int_equal(e.at, problems.at[0].line);
        assert_null(t);
    }
}

static void a_nul_in_a_word_is_refused(void **state)
{
    struct tag_problems problems;
    struct tag_table   *t;
    assert_int_equal(read_text(&t, S("10.0.0.0/8,a\0b,c\n"), &problems).code, ERR_DATA);
    assert_int_equal(problems.count, 1);
    assert_string_equal(problems.at[0].what, "word is not UTF-8: byte 0x00 at its offset 1 in a\\x00b");
}

static void words_may_be_as_long_as_the_limit(void **state)
{
    struct tag_problems problems;
    struct tag_table   *t;
    char                text[STRING_BYTES_MAX + 32];
    memcpy(text, "10.0.0.0/8,b,", 13);
    memset(text + 13, 'x', STRING_BYTES_MAX + 1);
    assert_false(err_is(read_text(&t, slice_of(text, 13 + STRING_BYTES_MAX), &problems)));
    assert_int_equal(strings_get(tag_table_words(t), tag_row_word(t, 1, 1)).len, STRING_BYTES_MAX);
    tag_table_free(t);
    assert_int_equal(read_text(&t, slice_of(text, 13 + STRING_BYTES_MAX + 1), &problems).code, ERR_DATA);
    assert_int_equal(problems.at[0].column, 14);
    assert_string_equal(problems.at[0].what, "word of 4097 bytes, at most 4096 are allowed");
}

static void long_texts_are_cut_in_messages(void **state)
{
    struct tag_problems problems;
    struct tag_table   *t;
    char                text[400] = "10.";
    for (size_t i = 3; i + 2 < sizeof text; i += 2) memcpy(text + i, "\xc3\xbc", 2);
    assert_int_equal(read_text(&t, slice_of(text, 399), &problems).code, ERR_DATA);
    assert_int_equal(problems.count, 1); /* cells missing: nothing else is looked at */
    memcpy(text + 390, ",a,b", 4);
    assert_int_equal(read_text(&t, slice_of(text, 394), &problems).code, ERR_DATA);
    assert_non_null(strstr(problems.at[0].what, "\xc3\xbc...: expected one such as 10.0.0.0/8 or 2001:db8::/32"));
}

/* Problems are found in another order than that of their lines: duplicates last. */
static void the_foremost_problems_are_kept_and_all_are_counted(void **state)
{
    char                text[4096];
    size_t              len = 0;
    struct tag_problems problems;
    struct tag_table   *t;
    for (u32 i = 0; i < 50; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s,a,b\n", i % 2 ? "10.0.0.0/8" : "10.0.0.1/8");
    assert_int_equal(read_text(&t, slice_of(text, len), &problems).code, ERR_DATA);
    assert_int_equal(problems.count, 49); /* line 2 has the first of the good ones */
    for (u32 i = 0; i < TAG_PROBLEMS_MAX; i++) {
        u32 line = i == 0 ? 1 : i + 2;
        assert_int_equal(problems.at[i].line, line);
        assert_memory_equal(problems.at[i].what, line % 2 ? "host bits" : "duplicate", 9);
    }
}

static void a_table_needs_no_words(void **state)
{
    struct tag_problems problems;
    struct tag_table   *t;
    assert_false(err_is(tag_table_read(&t, S("10.0.0.0/8\n10.1.0.0/16,x\n"), 0, NULL, &problems)));
    assert_int_equal(tag_table_rows(t), 2);
    assert_int_equal(strings_count(tag_table_words(t)), 0);
    tag_table_free(t);
}

static void eight_columns_of_words_are_read(void **state)
{
    const slice         names[] = { S("a"), S("b"), S("c"), S("d"), S("e"), S("f"), S("g"), S("h") };
    struct tag_problems problems;
    struct tag_table   *t;
    slice               csv = S("h,g,f,e,d,c,b,a,net\n8,7,6,5,4,3,2,1,10.0.0.0/8\n");
    assert_false(err_is(tag_table_read(&t, csv, TAG_COLUMNS_MAX, names, &problems)));
    for (u32 c = 0; c < TAG_COLUMNS_MAX; c++) {
        slice word = strings_get(tag_table_words(t), tag_row_word(t, 1, c));
        assert_int_equal(word.len, 1);
        assert_int_equal(word.at[0], '1' + c);
    }
    tag_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_text_becomes_a_table),
        cmocka_unit_test(bad_text_is_refused_with_all_its_problems),
        cmocka_unit_test(a_nul_in_a_word_is_refused),
        cmocka_unit_test(words_may_be_as_long_as_the_limit),
        cmocka_unit_test(long_texts_are_cut_in_messages),
        cmocka_unit_test(the_foremost_problems_are_kept_and_all_are_counted),
        cmocka_unit_test(a_table_needs_no_words),
        cmocka_unit_test(eight_columns_of_words_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
