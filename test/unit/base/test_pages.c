/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"
#include "weir/pages.h"

#include <stdlib.h>
#include <string.h>

/* What a state file would hold: the last bytes told for each page. */
struct store {
    u8  page[64][PAGE_BYTES_MAX];
    u32 bytes[64];
    u32 told;
};

static void keep(void *to, struct page_view v)
{
    struct store *s = to;
    assert_true(v.number < 64);
    memcpy(s->page[v.number], v.at, v.bytes);
    s->bytes[v.number] = v.bytes;
    s->told++;
}

static void see(void *to, struct page_view v)
{
    *(struct page_view *)to = v;
}

static u64 get(const struct pages *p, u32 i)
{
    u64 v;
    memcpy(&v, pages_get(p, i), sizeof v);
    return v;
}

static void put(struct pages *p, u32 i, u64 v)
{
    memcpy(pages_write(p, i), &v, sizeof v);
}

TEST(records_a_page_are_the_largest_power_of_two_in_64_kib)
{
    static const u32 sizes[] = { 1, 8, 24, 100, 1000, 40000, 65536 };
    for (size_t i = 0; i < WEIR_COUNT(sizes); i++) {
        struct pages p;
        pages_init(&p, sizes[i]);
        assert_true(pages_bytes(&p) <= PAGE_BYTES_MAX && pages_bytes(&p) * 2u > PAGE_BYTES_MAX);
        pages_fini(&p);
    }
}

TEST(a_cut_tells_only_pages_that_changed)
{
    struct store *s = calloc(1, sizeof *s);
    struct pages  p;
    pages_init(&p, 8);
    pages_add(&p, 3 * 8192);
    pages_cut(&p, keep, s);
    assert_int_equal(s->told, 3);
    pages_thaw(&p, true);
    s->told = 0;
    pages_cut(&p, keep, s);
    assert_int_equal(s->told, 0);
    pages_thaw(&p, true);
    put(&p, 9000, 7);
    pages_cut(&p, keep, s);
    assert_int_equal(s->told, 1);
    pages_thaw(&p, true);
    pages_fini(&p);
    free(s);
}

TEST(a_frozen_page_keeps_its_bytes_while_the_owner_writes)
{
    struct pages     p;
    struct page_view seen = { 0 };
    pages_init(&p, 8);
    pages_add(&p, 10);
    put(&p, 3, 111);
    pages_cut(&p, see, &seen);
    put(&p, 3, 222);
    u64 frozen;
    memcpy(&frozen, (const u8 *)seen.at + 3 * 8, 8);
    assert_int_equal(frozen, 111);
    assert_int_equal(get(&p, 3), 222);
    pages_thaw(&p, true);
    struct store *s = calloc(1, sizeof *s);
    pages_cut(&p, keep, s); /* the write after the cut is in the next one */
    assert_int_equal(s->told, 1);
    pages_thaw(&p, true);
    pages_fini(&p);
    free(s);
}

TEST(pages_of_a_failed_write_are_told_again)
{
    struct store *s = calloc(1, sizeof *s);
    struct pages  p;
    pages_init(&p, 8);
    pages_add(&p, 10);
    pages_cut(&p, keep, s);
    pages_thaw(&p, false);
    s->told = 0;
    pages_cut(&p, keep, s);
    assert_int_equal(s->told, 1);
    pages_thaw(&p, true);
    pages_fini(&p);
    free(s);
}

TEST(restored_pages_equal_what_was_cut)
{
    struct store *s = calloc(1, sizeof *s);
    struct pages  p, back;
    pages_init(&p, 24);
    srand(1);
    for (int round = 0; round < 20; round++) {
        pages_add(&p, (u32)rand() % 700);
        for (int k = 0; k < 50 && p.count; k++) put(&p, (u32)rand() % p.count, (u64)rand());
        pages_cut(&p, keep, s);
        for (int k = 0; k < 50 && p.count; k++) put(&p, (u32)rand() % p.count, get(&p, 0));
        pages_thaw(&p, true);
    }
    pages_cut(&p, keep, s);
    pages_thaw(&p, true);
    pages_init(&back, 24);
    for (u32 i = 0; i < 64; i++)
        if (s->bytes[i]) assert_true(pages_restore(&back, i, s->page[i], s->bytes[i]));
    assert_true(pages_restored(&back, p.count));
    for (u32 i = 0; i < p.count; i++) assert_memory_equal(pages_get(&p, i), pages_get(&back, i), 24);
    pages_fini(&p);
    pages_fini(&back);
    free(s);
}

TEST(an_image_with_wrong_sizes_is_refused)
{
    struct pages p;
    u8           bytes[64] = { 0 };
    pages_init(&p, 24);
    assert_false(pages_restore(&p, 0, bytes, 0));
    assert_false(pages_restore(&p, 0, bytes, 25));
    assert_false(pages_restore(&p, 0, bytes, PAGE_BYTES_MAX + 24));
    assert_false(pages_restore(&p, UINT32_MAX, bytes, 24));
    assert_true(pages_restore(&p, 0, bytes, 48));
    assert_false(pages_restored(&p, 1u << 20));
    assert_true(pages_restored(&p, 2));
    pages_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_a_page_are_the_largest_power_of_two_in_64_kib),
        cmocka_unit_test(a_cut_tells_only_pages_that_changed),
        cmocka_unit_test(a_frozen_page_keeps_its_bytes_while_the_owner_writes),
        cmocka_unit_test(pages_of_a_failed_write_are_told_again),
        cmocka_unit_test(restored_pages_equal_what_was_cut),
        cmocka_unit_test(an_image_with_wrong_sizes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
