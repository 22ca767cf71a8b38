/* SPDX-License-Identifier: Apache-2.0 */
/* test_findings.c: the nearest name, the order, and what a reader sees of a finding. */
#include "fake.h"

struct near_row {
    const char *word;
    const char *nearest; /* NULL: none */
};

static const struct near_row near_rows[];

static void counts_edits_with_exchange_of_neighbours(void **state)
{
    assert_int_equal(name_distance(S("window"), S("window")), 0);
    assert_int_equal(name_distance(S("windwo"), S("window")), 1);
    assert_int_equal(name_distance(S("wndow"), S("window")), 1);
    assert_int_equal(name_distance(S("windoww"), S("window")), 1);
    assert_int_equal(name_distance(S("wimdow"), S("window")), 1);
    assert_int_equal(name_distance(S(""), S("abc")), 3);
    assert_int_equal(name_distance(S("ca"), S("abc")), 3); /* restricted: no piece twice */
}

static void finds_the_name_that_was_meant_or_none(void **state)
{
    slice        known[] = { S("window"), S("by"), S("lateness"), S("top"), S("srcBytes"), S("dstBytes") };
    struct names names = { WEIR_COUNT(known), known };
    for (const struct near_row *row = near_rows; row->word != NULL; row++) {
        slice nearest = name_nearest(slice_str(row->word), names);
        if (row->nearest == NULL) assert_null(nearest.at);
        else assert_true(slice_is(nearest, row->nearest));
    }
}

static void sorts_by_file_in_order_of_reading_then_by_place(void **state)
{
    struct findings f;
    findings_init(&f);
    const char *z = findings_keep(&f, "z.yaml", S("a\n")), *a = findings_keep(&f, "a.yaml", S("b\n"));
    findings_error(&f, (struct place){ a, 1, 1, 1 }, NULL, "fourth");
    findings_error(&f, (struct place){ z, 2, 1, 1 }, NULL, "third");
    findings_error(&f, (struct place){ z, 1, 9, 1 }, NULL, "second");
    findings_warn(&f, (struct place){ z, 1, 2, 1 }, NULL, "first");
    findings_sort(&f);
    assert_string_equal(f.at[0].text, "first");
    assert_string_equal(f.at[1].text, "second");
    assert_string_equal(f.at[2].text, "third");
    assert_string_equal(f.at[3].text, "fourth");
    assert_int_equal(f.errors, 3);
    findings_fini(&f);
}

/* One finding of one file, printed. */
static char *printed(const char *source, struct place at, bool colour, const char *hint, const char *what)
{
    struct text     out = { 0 };
    struct findings f;
    findings_init(&f);
    at.file = findings_keep(&f, "r.yaml", slice_str(source));
    findings_error(&f, at, hint, "%s", what);
    findings_print(&f, colour, text_print, &out);
    findings_fini(&f);
    return out.at;
}

static void expect_printed(const char *source, u32 line, u32 column, u32 width, const char *expected)
{
    char *out = printed(source, (struct place){ NULL, line, column, width }, false, NULL, "wrong");
    assert_string_equal(out, expected);
    free(out);
}

static void shows_the_line_with_a_caret_under_the_word(void **state)
{
    expect_printed("a: 1\nbc: de\n", 2, 5, 2, "r.yaml:2:5: error: wrong\n    bc: de\n        ^~\n");
    expect_printed("a: 1\r\nbc: de\r\n", 2, 1, 2, "r.yaml:2:1: error: wrong\n    bc: de\n    ^~\n");
    expect_printed("a:", 1, 3, 1, "r.yaml:1:3: error: wrong\n    a:\n      ^\n");
    expect_printed("\xef\xbb\xbf"
                   "ab: c\n",
                   1, 5, 1, "r.yaml:1:5: error: wrong\n    ab: c\n        ^\n");
    expect_printed("a: 1\n", 0, 0, 0, "r.yaml: error: wrong\n");
}

static void keeps_the_caret_in_place_behind_tabs_and_wide_characters(void **state)
{
    expect_printed("a:\tb\n", 1, 4, 1, "r.yaml:1:4: error: wrong\n    a:\tb\n      \t^\n");
    expect_printed("caf\xc3\xa9: b\n", 1, 7, 1, "r.yaml:1:7: error: wrong\n    caf\xc3\xa9: b\n          ^\n");
    expect_printed("\xe6\xb0\xb4: b\n", 1, 4, 1, "r.yaml:1:4: error: wrong\n    \xe6\xb0\xb4: b\n        ^\n");
    expect_printed("k: \xe6\xb0\xb4\xe6\xb0\xb4\n", 1, 4, 2,
                   "r.yaml:1:4: error: wrong\n    k: \xe6\xb0\xb4\xe6\xb0\xb4\n       ^~~~\n");
    expect_printed("e\xcc\x81: b\n", 1, 5, 1, "r.yaml:1:5: error: wrong\n    e\xcc\x81: b\n       ^\n");
}

static void never_sends_a_terminal_what_it_would_obey(void **state)
{
    char *out = printed("a: \033[2J\xff\n", (struct place){ NULL, 1, 1, 1 }, false, NULL, "bad \033]0;x\007");
    assert_null(strchr(out, '\033'));
    assert_null(strchr(out, '\007'));
    assert_non_null(strstr(out, "    a: ?[2J?\n"));
    free(out);
}

static void colours_and_hints(void **state)
{
    char *out = printed("abc: 1\n", (struct place){ NULL, 1, 1, 3 }, true, "did you mean `abd`?", "unknown");
    assert_string_equal(
        out, "\033[1mr.yaml:1:1: \033[1;31merror: \033[0m\033[1munknown\033[0m\n    abc: 1\n    \033[1;32m^~~\033[0m\n"
             "    hint: did you mean `abd`?\n");
    free(out);
}

static void cuts_a_very_long_line_around_the_place(void **state)
{
    char *source = malloc(20001);
    memset(source, 'x', 20000);
    source[10000 - 1] = 'Y';
    source[20000] = 0;
    char *out = printed(source, (struct place){ NULL, 1, 10000, 1 }, false, NULL, "far");
    char *line = strstr(out, "\n    ") + 5;
    char *caret = strstr(line, "\n    ") + 5;
    assert_true(strlen(out) < 1000);
    assert_int_equal(line[strchr(caret, '^') - caret], 'Y');
    free(out);
    free(source);
}

static void prints_json(void **state)
{
    struct text     out = { 0 };
    struct findings f;
    findings_init(&f);
    findings_error(&f, (struct place){ "a \"b\".yaml", 3, 7, 2 }, "use \\", "tab\there");
    findings_warn(&f, (struct place){ "x", 0, 0, 0 }, NULL, "w");
    findings_print_json(&f, text_print, &out);
    assert_string_equal(
        out.at,
        "{\"errors\":1,\"warnings\":1,\"findings\":["
        "{\"file\":\"a \\u0022b\\u0022.yaml\",\"line\":3,\"column\":7,\"width\":2,\"level\":\"error\","
        "\"text\":\"tab\\u0009here\",\"hint\":\"use \\u005c\"},"
        "{\"file\":\"x\",\"line\":0,\"column\":0,\"width\":0,\"level\":\"warning\",\"text\":\"w\",\"hint\":null}]}\n");
    findings_fini(&f);
    free(out.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_edits_with_exchange_of_neighbours),
        cmocka_unit_test(finds_the_name_that_was_meant_or_none),
        cmocka_unit_test(sorts_by_file_in_order_of_reading_then_by_place),
        cmocka_unit_test(shows_the_line_with_a_caret_under_the_word),
        cmocka_unit_test(keeps_the_caret_in_place_behind_tabs_and_wide_characters),
        cmocka_unit_test(never_sends_a_terminal_what_it_would_obey),
        cmocka_unit_test(colours_and_hints),
        cmocka_unit_test(cuts_a_very_long_line_around_the_place),
        cmocka_unit_test(prints_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

static const struct near_row near_rows[] = {
    { "windwo", "window" },
    { "Window", "window" },
    { "bi", "by" },
    { "latenes", "lateness" },
    { "topp", "top" },
    { "srcByte", "srcBytes" },
    { "dstbytes", "dstBytes" },
    { "cascade", NULL },
    { "x", NULL },
    { "", NULL },
    { NULL, NULL },
};
