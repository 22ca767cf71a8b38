/* SPDX-License-Identifier: Apache-2.0 */
/* test_news.c: what the log says of a source's faults, and how often. Time is an argument. */
#include "engine/news.h"
#include "../unit.h"

#define SECOND 1000000000ull

static const char *const words[REASONS_MAX] = { "fields missing", "not a number", "not an address", "d", "e", "f",
                                                "g" };

static const char *told(struct news *n, u64 now)
{
    static char line[512];
    news_tell(n, words, now, line, sizeof line);
    return line;
}

TEST(tells_counts_by_reason_with_the_first_place_of_each)
{
    struct news n = { 0 };
    news_reject(&n, 0, 2, S("a"), 7, 0);
    news_reject(&n, 1, 5, S("a"), 3, 0);
    news_reject(&n, 1, 5, S("b"), 1, 0);
    news_reject(&n, 2, 1, S("c"), 0, 0);
    news_late(&n, 4, S("d"), 0);
    news_lost(&n, 9, 0);
    assert_string_equal(told(&n, 0), "rejected 13: not a number 10 (first a:3), fields missing 2 (first a:7), "
                                     "not an address 1 (first in c); late 4 (first in d); lost 9");
    assert_string_equal(told(&n, 0), "");
    news_late(&n, 1, S("e"), 0);
    assert_string_equal(told(&n, 0), "late 1 (first in e)");
    news_fini(&n);
}

TEST(names_the_most_frequent_reasons_and_counts_the_rest)
{
    struct news n = { 0 };
    for (u32 k = 0; k < 7; k++) news_reject(&n, k, 10 + k, S(""), 0, 0);
    assert_string_equal(told(&n, 0), "rejected 91: g 16, f 15, e 14, d 13, not an address 12, other reasons 21");
    news_fini(&n);
}

TEST(waits_a_second_for_more_and_then_a_minute)
{
    struct news n = { 0 };
    assert_false(news_due(&n, 100 * SECOND));
    news_lost(&n, 1, 100 * SECOND);
    assert_false(news_due(&n, 100 * SECOND));
    assert_true(news_due(&n, 101 * SECOND));
    told(&n, 101 * SECOND);
    assert_false(news_due(&n, 500 * SECOND)); /* nothing new */
    news_lost(&n, 1, 102 * SECOND);
    assert_false(news_due(&n, 160 * SECOND));
    assert_true(news_due(&n, 161 * SECOND));
    news_fini(&n);
}

TEST(cuts_a_line_that_has_no_room)
{
    struct news n = { 0 };
    char        line[20];
    news_reject(&n, 0, 1, S("a/long/path/to/the/file"), 1, 0);
    news_tell(&n, words, 0, line, sizeof line);
    assert_string_equal(line, "rejected 1: fields ");
    news_fini(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_counts_by_reason_with_the_first_place_of_each),
        cmocka_unit_test(names_the_most_frequent_reasons_and_counts_the_rest),
        cmocka_unit_test(waits_a_second_for_more_and_then_a_minute),
        cmocka_unit_test(cuts_a_line_that_has_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
