/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "weir/strings.h"

#include <stdio.h>

static slice word(char *buf, size_t size, u32 i)
{
    int n = snprintf(buf, size, "word-%u-%0*u", i, (int)(i % 200), i);
    return slice_of(buf, (size_t)n);
}

TEST(ids_follow_first_appearance_and_equal_strings_share_one)
{
    struct strings d;
    char           buf[300];
    strings_init(&d, 100000);
    for (u32 i = 0; i < 20000; i++) assert_int_equal(strings_add(&d, word(buf, sizeof buf, i)), i + 1);
    for (u32 i = 0; i < 20000; i++) {
        slice w = word(buf, sizeof buf, i);
        assert_int_equal(strings_add(&d, w), i + 1);
        assert_int_equal(strings_find(&d, w), i + 1);
        assert_true(slice_eq(strings_get(&d, i + 1), w));
    }
    assert_int_equal(strings_find(&d, S("nobody")), 0);
    assert_null(strings_get(&d, 0).at);
    strings_fini(&d);
}

TEST(a_full_dictionary_takes_no_new_string_and_knows_the_old)
{
    struct strings d;
    strings_init(&d, 2);
    assert_int_equal(strings_add(&d, S("a")), 1);
    assert_int_equal(strings_add(&d, S("")), 2);
    assert_int_equal(strings_add(&d, S("c")), 0);
    assert_int_equal(strings_add(&d, S("a")), 1);
    assert_int_equal(strings_get(&d, 2).len, 0);
    assert_non_null(strings_get(&d, 2).at);
    strings_fini(&d);
}

TEST(reset_forgets_all)
{
    struct strings d;
    strings_init(&d, 10);
    strings_add(&d, S("a"));
    strings_reset(&d);
    assert_int_equal(strings_find(&d, S("a")), 0);
    assert_int_equal(strings_add(&d, S("b")), 1);
    strings_fini(&d);
}

static void restore_entries(void *to, struct page_view v)
{
    assert_true(pages_restore(&((struct strings *)to)->entries, v.number, v.at, v.bytes));
}

static void restore_bytes(void *to, struct page_view v)
{
    assert_true(pages_restore(&((struct strings *)to)->bytes, v.number, v.at, v.bytes));
}

TEST(a_restored_dictionary_answers_alike)
{
    struct strings d, back;
    char           buf[300];
    strings_init(&d, 100000);
    strings_init(&back, 100000);
    for (u32 i = 0; i < 3000; i++) strings_add(&d, word(buf, sizeof buf, i));
    pages_cut(&d.entries, restore_entries, &back);
    pages_cut(&d.bytes, restore_bytes, &back);
    pages_thaw(&d.entries, true);
    pages_thaw(&d.bytes, true);
    assert_true(pages_restored(&back.entries, d.entries.count) && pages_restored(&back.bytes, d.bytes.count));
    assert_true(strings_restored(&back));
    for (u32 i = 0; i < 3000; i++) assert_int_equal(strings_find(&back, word(buf, sizeof buf, i)), i + 1);
    assert_true(pages_restored(&back.bytes, d.bytes.count / 2)); /* entries now point past the end */
    assert_false(strings_restored(&back));
    strings_fini(&d);
    strings_fini(&back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_follow_first_appearance_and_equal_strings_share_one),
        cmocka_unit_test(a_full_dictionary_takes_no_new_string_and_knows_the_old),
        cmocka_unit_test(reset_forgets_all),
        cmocka_unit_test(a_restored_dictionary_answers_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
