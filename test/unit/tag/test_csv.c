/* SPDX-License-Identifier: Apache-2.0 */
/* test_csv.c: text to rows of cells; each row of the table is a text and what must come of it.
 *
 * In `want` cells are closed by '|' and rows by ';'; a faulty row is "!what line:column". */
#include "tag/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct sample {
    const char *text, *want;
} samples[] = {
    { "", "" },
    { "\n\n  \n\t\r\n", "" },
    { "# only a comment", "" },
    { "a", "a|;" },
    { "a,b,c\n", "a|b|c|;" },
    { "a,b\r\nc,d\r\n", "a|b|;c|d|;" },
    { "a,b\r", "a|b|;" },
    { "a,,\n,\n", "a|||;||;" },
    { "\xef\xbb\xbf" "a,b\n", "a|b|;" },
    { "  a b ,\tc\t\n", "a b|c|;" },
    { "a\n# x,y\n  # z\n\nb\n", "a|;b|;" },
    { "a#b,#c\n", "a#b|#c|;" },
    { "\"a,b\",\"c \",\" d\"\n", "a,b|c | d|;" },
    { "  \"a\"  ,\"\"\t\r\n", "a||;" },
    { "\"say \"\"x\"\"\",\"\"\"\"\n", "say \"x\"|\"|;" },
    { "\"two\nlines\",b\nc\n", "two\nlines|b|;c|;" },
    { "a\"b\",c\"\n", "a\"b\"|c\"|;" },
    { "\"#not\",a\n", "#not|a|;" },
    { "a\rb,c\n", "a\rb|c|;" },
    { "a,\"b\nc", "!open 1:3;" },
    { "x\ny,  \"", "x|;!open 2:5;" },
    { "a,\"b\"c,d\ne\n", "!behind 1:6;e|;" },
    { "\"a\nb\" c\nd\n", "!behind 2:4;d|;" },
};

static void rows_of(slice text, char *to, size_t room)
{
    struct csv c;
    size_t     len = 0;
    to[0] = '\0';
    csv_init(&c, text);
    while (csv_next(&c)) {
        if (c.fault != CSV_FINE) {
            assert_int_equal(c.cells, 0);
            len += (size_t)snprintf(to + len, room - len, "!%s %u:%u", c.fault == CSV_OPEN ? "open" : "behind",
                                    c.fault_at.line, c.fault_at.column);
        }
        for (u32 i = 0; i < c.cells && i < CSV_CELLS_MAX; i++)
            len += (size_t)snprintf(to + len, room - len, "%.*s|", (int)c.cell[i].text.len, c.cell[i].text.at);
        len += (size_t)snprintf(to + len, room - len, ";");
    }
    assert_true(c.at == c.end);
    csv_fini(&c);
}

static void text_becomes_rows_of_cells(void **state)
{
    for (size_t i = 0; i < WEIR_COUNT(samples); i++) {
        char got[256];
        rows_of(slice_str(samples[i].text), got, sizeof got);
        if (strcmp(got, samples[i].want) != 0) fail_msg("sample %zu: %s, not %s", i, got, samples[i].want);
    }
}

static void cells_know_their_line_and_column(void **state)
{
    struct csv c;
    csv_init(&c, S("\xef\xbb\xbf" "# head\n a, \"b\n\",c\n"));
    assert_true(csv_next(&c));
    static const u32 want[3][2] = { { 2, 2 }, { 2, 5 }, { 3, 3 } };
    assert_int_equal(c.cells, 3);
    for (u32 i = 0; i < 3; i++) {
        assert_int_equal(c.cell[i].line, want[i][0]);
        assert_int_equal(c.cell[i].column, want[i][1]);
    }
    assert_int_equal(c.row_end.line, 3);
    assert_int_equal(c.row_end.column, 4);
    assert_false(csv_next(&c));
    csv_fini(&c);
}

static void cells_beyond_the_limit_are_counted(void **state)
{
    char text[CSV_CELLS_MAX + 11];
    memset(text, ',', sizeof text);
    struct csv c;
    csv_init(&c, slice_of(text, sizeof text));
    assert_true(csv_next(&c));
    assert_int_equal(c.cells, CSV_CELLS_MAX + 12);
    assert_false(csv_next(&c));
    csv_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_rows_of_cells),
        cmocka_unit_test(cells_know_their_line_and_column),
        cmocka_unit_test(cells_beyond_the_limit_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
