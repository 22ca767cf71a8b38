/* SPDX-License-Identifier: Apache-2.0 */
/* test_utf8.c: what is a character and what is none. */
#include "weir/utf8.h"

#include "../unit.h"

TEST(characters_of_one_to_four_bytes)
{
    static const struct { const char *text; size_t size; } good[] = {
        { "\0", 1 }, { "a", 1 }, { "\x7f", 1 }, { "\xc2\x80", 2 }, { "\xdf\xbf", 2 }, { "\xe0\xa0\x80", 3 },
        { "\xed\x9f\xbf", 3 }, { "\xee\x80\x80", 3 }, { "\xf0\x90\x80\x80", 4 }, { "\xf4\x8f\xbf\xbf", 4 },
    };
    for (u32 i = 0; i < WEIR_COUNT(good); i++)
        for (size_t len = 1; len <= good[i].size; len++) { /* cut short: none */
            slice s = slice_of(good[i].text, len);
            assert_int_equal(utf8_size(s), len == good[i].size ? len : 0);
            assert_int_equal(utf8_valid(s), len == good[i].size);
        }
}

TEST(what_is_no_character)
{
    static const char *const bad[] = {
        "\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xc2\x41", "\xe0\x80\xaf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe1\x80\x41",
    };
    for (u32 i = 0; i < WEIR_COUNT(bad); i++) assert_int_equal(utf8_size(slice_str(bad[i])), 0);
    assert_true(utf8_valid(S("")));
    assert_false(utf8_valid(S("plain text of some length, then \xff")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_of_one_to_four_bytes),
        cmocka_unit_test(what_is_no_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
