/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "weir/arena.h"

#include <stdio.h>

TEST(arena_gives_zeroed_aligned_memory_also_after_reset)
{
    struct arena a;
    arena_init(&a, 256);
    for (int round = 0; round < 3; round++) {
        for (size_t size = 1; size < 600; size += 7) {
            u8 *p = arena_alloc(&a, size);
            assert_int_equal((uintptr_t)p % 16, 0);
            for (size_t i = 0; i < size; i++) assert_int_equal(p[i], 0);
            memset(p, 0xee, size);
        }
        arena_reset(&a);
    }
    arena_fini(&a);
}

TEST(arena_copies_do_not_overlap)
{
    struct arena a;
    slice        kept[100];
    arena_init(&a, 64);
    for (int i = 0; i < 100; i++) kept[i] = arena_copy(&a, slice_str(arena_printf(&a, "number %d", i)));
    for (int i = 0; i < 100; i++) {
        char want[32];
        snprintf(want, sizeof want, "number %d", i);
        assert_true(slice_is(kept[i], want));
        assert_int_equal(kept[i].at[kept[i].len], 0);
    }
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_zeroed_aligned_memory_also_after_reset),
        cmocka_unit_test(arena_copies_do_not_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
