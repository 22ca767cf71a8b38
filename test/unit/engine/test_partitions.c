/* SPDX-License-Identifier: Apache-2.0 */
/* test_partitions.c: the watermark of a source whose records carry their time. */
#include "engine/partitions.h"
#include "../unit.h"

#define S_ NANOS_SECOND

TEST(the_slowest_open_partition_holds_the_watermark)
{
    struct partitions p;
    partitions_init(&p, 0, 0);
    assert_true(partitions_watermark(&p) == NANOS_MIN);
    partitions_open(&p, 0, true);
    partitions_open(&p, 7, true);
    partitions_heard(&p, 0, 100 * S_);
    assert_true(partitions_watermark(&p) == NANOS_MIN); /* nothing is known of 7 */
    partitions_heard(&p, 7, 40 * S_);
    assert_true(partitions_watermark(&p) == 40 * S_);
    partitions_heard(&p, 7, 30 * S_); /* time does not go back */
    partitions_heard(&p, 7, NANOS_MIN);
    assert_true(partitions_watermark(&p) == 40 * S_);
    partitions_heard(&p, 7, 160 * S_);
    assert_true(partitions_watermark(&p) == 100 * S_);
    partitions_fini(&p);
}

TEST(disorder_is_taken_off)
{
    struct partitions p;
    partitions_init(&p, 5 * S_, 0);
    partitions_open(&p, 0, true);
    partitions_heard(&p, 0, 100 * S_);
    assert_true(partitions_watermark(&p) == 95 * S_);
    partitions_fini(&p);
}

TEST(nobody_waits_for_the_closed_and_the_idle)
{
    struct partitions p;
    partitions_init(&p, 0, 10 * S_);
    for (u32 i = 0; i < 3; i++) partitions_open(&p, i, true);
    partitions_heard(&p, 0, 100 * S_);
    partitions_heard(&p, 1, 50 * S_);
    partitions_open(&p, 2, false);
    assert_true(partitions_watermark(&p) == 50 * S_);
    partitions_age(&p, 9 * (u64)S_);
    partitions_heard(&p, 0, 101 * S_);
    assert_true(partitions_watermark(&p) == 50 * S_);
    partitions_age(&p, 1 * (u64)S_);
    assert_true(partitions_watermark(&p) == 101 * S_);
    partitions_heard(&p, 1, 60 * S_); /* it speaks again and is waited for */
    assert_true(partitions_watermark(&p) == 60 * S_);
    partitions_age(&p, 10 * (u64)S_);
    assert_true(partitions_watermark(&p) == NANOS_MIN); /* all are silent: that is the wall clock's to say */
    partitions_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_slowest_open_partition_holds_the_watermark),
        cmocka_unit_test(disorder_is_taken_off),
        cmocka_unit_test(nobody_waits_for_the_closed_and_the_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
