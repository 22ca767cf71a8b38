/* SPDX-License-Identifier: Apache-2.0 */
/* test_epochs.c: which minutes are over, by marker or by grace. */
#include "source/epochs.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void epochs_stand_in_order_however_they_come(void **state)
{
    struct epochs e;
    epochs_init(&e);
    for (i64 i = 0; i < 1000; i++) epochs_get(&e, i * 7919 % 1000); /* a permutation */
    for (i64 i = 0; i < 1000; i++) {
        assert_int_equal(epochs_first(&e)->start, i);
        assert_int_equal(epochs_second(&e), i == 999 ? EPOCH_NONE : i + 1);
        epochs_pass(&e);
        assert_null(epochs_get(&e, i)); /* passed: not opened again */
        epochs_get(&e, 999);
    }
    assert_null(epochs_first(&e));
    epochs_fini(&e);
}

static void epochs_live_long_in_little_memory(void **state)
{
    struct epochs e;
    epochs_init(&e);
    for (i64 i = 0; i < 100000; i++) {
        epochs_get(&e, i)->closed = i;
        if (i >= 3) epochs_pass(&e);
    }
    assert_true(e.room <= 64);
    epochs_fini(&e);
}

static void epochs_ripen_when_a_later_one_has_closed_and_grace_passed(void **state)
{
    struct epochs e;
    epochs_init(&e);
    epochs_get(&e, 60)->closed = 100;
    assert_true(epochs_ripen(&e, 1000, 20) == NANOS_MAX); /* no later one */
    assert_int_equal(e.ripe, EPOCH_NONE);
    epochs_get(&e, 120)->closed = 200;
    epochs_get(&e, 180); /* nothing of it is closed */
    assert_int_equal(epochs_ripen(&e, 219, 20), 220);
    assert_int_equal(e.ripe, EPOCH_NONE);
    assert_true(epochs_ripen(&e, 220, 20) == NANOS_MAX);
    assert_int_equal(e.ripe, 60);
    assert_true(epochs_over(&e, 60) && !epochs_over(&e, 120));
    epochs_get(&e, 180)->closed = 150; /* closed before an earlier one: both wait for it */
    epochs_ripen(&e, 220, 20);
    assert_int_equal(e.ripe, 120);
    e.sealed = 180;
    assert_true(epochs_over(&e, 180) && !epochs_over(&e, 181));
    epochs_fini(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(epochs_stand_in_order_however_they_come),
        cmocka_unit_test(epochs_live_long_in_little_memory),
        cmocka_unit_test(epochs_ripen_when_a_later_one_has_closed_and_grace_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
