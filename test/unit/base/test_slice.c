/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "weir/slice.h"

#include <stdlib.h>

TEST(slice_cut_gives_head_and_rest)
{
    slice rest, head = slice_cut(S("a,b,c"), ',', &rest);
    assert_true(slice_is(head, "a") && slice_is(rest, "b,c"));
    head = slice_cut(S("abc"), ',', &rest);
    assert_true(slice_is(head, "abc") && rest.at == NULL);
    head = slice_cut(S("abc,"), ',', &rest);
    assert_true(slice_is(head, "abc") && rest.at != NULL && rest.len == 0);
}

TEST(slice_order_is_by_bytes_then_length)
{
    assert_true(slice_cmp(S("a"), S("b")) < 0);
    assert_true(slice_cmp(S("a"), S("ab")) < 0);
    assert_true(slice_cmp(S("b"), S("ab")) > 0);
    assert_true(slice_cmp(S("\xff"), S("a")) > 0);
    assert_int_equal(slice_cmp(S(""), (slice){ 0 }), 0);
}

TEST(slice_u64_takes_digits_only_and_no_overflow)
{
    static const struct {
        const char *text;
        bool        good;
        u64         value;
    } rows[] = {
        { "0", true, 0 },
        { "007", true, 7 },
        { "18446744073709551615", true, UINT64_MAX },
        { "18446744073709551616", false, 0 },
        { "99999999999999999999", false, 0 },
        { "", false, 0 },
        { "+1", false, 0 },
        { "1 ", false, 0 },
        { "0x1", false, 0 },
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        u64 n = 0;
        assert_int_equal(slice_u64(slice_str(rows[i].text), &n), rows[i].good);
        if (rows[i].good) assert_int_equal(n, rows[i].value);
    }
}

TEST(slice_trim_starts_ends)
{
    assert_true(slice_is(slice_trim(S(" \t a b\r\n")), "a b"));
    assert_int_equal(slice_trim(S("  ")).len, 0);
    assert_true(slice_starts(S("weir"), S("we")) && !slice_starts(S("w"), S("we")));
    assert_true(slice_ends(S("weir"), S("ir")) && !slice_ends(S("r"), S("ir")));
    char *copy = slice_dup(slice_of("abc", 2));
    assert_string_equal(copy, "ab");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slice_cut_gives_head_and_rest),
        cmocka_unit_test(slice_order_is_by_bytes_then_length),
        cmocka_unit_test(slice_u64_takes_digits_only_and_no_overflow),
        cmocka_unit_test(slice_trim_starts_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
