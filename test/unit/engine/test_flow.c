/* SPDX-License-Identifier: Apache-2.0 */
/* test_flow.c: the names of parts. What flows is tested by test/case and test/kafka/test_apart.py. */
#include "engine/flow.h"
#include "../unit.h"

#include <stdio.h>

static const struct recipe two_sources = { .sources = 2 };

TEST(a_part_has_one_number_for_life_in_its_source)
{
    struct flow *f;
    assert_false(err_is(flow_open(&f, &two_sources, NULL, NULL)));
    u32 first = flow_part(f, 0, S("flows/0")), second = flow_part(f, 0, S("flows/1"));
    assert_true(first != 0 && second != 0 && first != second);
    assert_int_equal(flow_part(f, 0, S("flows/0")), first);
    assert_int_equal(flow_part(f, 1, S("alerts/7")), 1); /* sources know nothing of each other */
    flow_close(f);
}

TEST(names_beyond_the_limits_share_the_part_without_a_name)
{
    struct flow *f;
    char         name[PART_NAME_MAX + 1];
    memset(name, 'x', sizeof name);
    assert_false(err_is(flow_open(&f, &two_sources, NULL, NULL)));
    assert_int_equal(flow_part(f, 0, S("")), 0);
    assert_int_equal(flow_part(f, 0, slice_of(name, sizeof name)), 0);
    assert_int_not_equal(flow_part(f, 0, slice_of(name, PART_NAME_MAX)), 0);
    for (u32 i = 1; i < PARTITIONS_MAX; i++) {
        int n = snprintf(name, sizeof name, "t/%u", i);
        assert_int_not_equal(flow_part(f, 0, slice_of(name, (size_t)n)), 0);
    }
    assert_int_equal(flow_part(f, 0, S("one more")), 0);
    assert_int_not_equal(flow_part(f, 0, S("t/9")), 0);
    assert_int_not_equal(flow_part(f, 1, S("one more")), 0);
    flow_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_has_one_number_for_life_in_its_source),
        cmocka_unit_test(names_beyond_the_limits_share_the_part_without_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
