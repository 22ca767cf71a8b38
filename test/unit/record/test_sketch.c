/* SPDX-License-Identifier: Apache-2.0 */
/* test_sketch.c: what sketches say against what they were told, for many sizes and shapes of sets, with fixed seeds. */
#include "record/sketch_distinct.h"
#include "record/sketch_quantiles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../unit.h"

static u64 random_next(u64 *state)
{
    u64 z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* --- distinct --- */

#define ROOM (1u << DISTINCT_BITS_MAX)

static void add_number(u8 *registers, u32 bits, u64 n)
{
    distinct_add(registers, bits, distinct_hash(&n, sizeof n));
}

TEST(distinct_errs_as_promised_for_sets_of_every_size)
{
    static const struct { u32 n, rounds; } sizes[] = {
        { 1, 50 },    { 2, 200 },    { 5, 200 },    { 20, 200 },    { 100, 200 },
        { 700, 200 }, { 3000, 200 }, { 20000, 60 }, { 100000, 40 },
    };
    u64 number = 0;
    for (u32 bits = DISTINCT_BITS_MIN; bits <= DISTINCT_BITS_MAX; bits += 2)
        for (u32 s = 0; s < WEIR_COUNT(sizes); s++) {
            f64 squares = 0, sum = 0, n = sizes[s].n, promised = 1.04 / sqrt(1u << bits);
            for (u32 round = 0; round < sizes[s].rounds; round++) {
                u8 registers[ROOM] = { 0 };
                for (u32 i = 0; i < sizes[s].n; i++) add_number(registers, bits, number++);
                f64 off = ((f64)distinct_estimate(registers, bits) - n) / n;
                assert_true(fabs(off) <= 5 * promised + 1.01 / n);
                squares += off * off, sum += off;
            }
            f64 error = sqrt(squares / sizes[s].rounds), bias = sum / sizes[s].rounds;
            f64 rounds = sizes[s].rounds; /* so many say this much about error and bias: */
            if (error > promised * (1 + 3 / sqrt(2 * rounds)) + 0.5 / n ||
                fabs(bias) > promised * 4 / sqrt(rounds) + 0.3 / n)
                fail_msg("2^%u bytes, %u values: error %f, bias %f", bits, sizes[s].n, error, bias);
        }
}

TEST(distinct_counts_few_values_exactly_and_no_value_twice)
{
    u8  registers[ROOM] = { 0 };
    u32 right = 0;
    assert_int_equal(distinct_estimate(registers, 10), 0);
    for (u32 i = 0; i < 12; i++) {
        for (u32 again = 0; again < 1000; again++) add_number(registers, 10, i);
        right += distinct_estimate(registers, 10) == i + 1;
    }
    assert_in_range(right, 11, 12);
}

TEST(distinct_never_shrinks_when_a_set_grows)
{
    for (u32 bits = DISTINCT_BITS_MIN; bits <= DISTINCT_BITS_MAX; bits += 3) {
        u8  registers[ROOM] = { 0 };
        u64 before = 0;
        for (u64 i = 0; i < 20000; i++) {
            add_number(registers, bits, i);
            u64 now = distinct_estimate(registers, bits);
            assert_true(now >= before);
            before = now;
        }
    }
}

TEST(distinct_of_merged_registers_is_that_of_the_union_in_any_order)
{
    u8 all[ROOM] = { 0 }, part[3][ROOM] = { 0 }, merged[2][ROOM] = { 0 };
    for (u64 i = 0; i < 5000; i++) {
        add_number(all, 10, i);
        add_number(part[i % 3], 10, i);
        add_number(part[(i + 1) % 3], 10, i / 2); /* parts overlap */
    }
    for (u32 k = 0; k < 3; k++)
        for (u32 i = 0; i < 1024; i++) {
            if (part[k][i] > merged[0][i]) merged[0][i] = part[k][i];
            if (part[2 - k][i] > merged[1][i]) merged[1][i] = part[2 - k][i];
        }
    assert_memory_equal(merged[0], all, 1024);
    assert_memory_equal(merged[1], all, 1024);
}

TEST(distinct_hashes_alike_in_every_process)
{
    hash_seed_set(99); /* the tables' hash is keyed; this one is saved */
    assert_true(distinct_hash("weir", 4) == 0x76dafb6014a56c9bu);
    hash_seed_set(1);
    assert_true(distinct_hash("weir", 4) == 0x76dafb6014a56c9bu);
}

TEST(distinct_knows_registers_that_no_value_makes_and_survives_them)
{
    for (u32 bits = DISTINCT_BITS_MIN; bits <= DISTINCT_BITS_MAX; bits++) {
        u8 registers[ROOM] = { 0 };
        distinct_add(registers, bits, 0); /* the longest run there is */
        assert_int_equal(registers[0], 65 - bits);
        assert_true(distinct_valid(registers, bits));
        registers[(1u << bits) - 1] = (u8)(66 - bits);
        assert_false(distinct_valid(registers, bits));
        memset(registers, 0xff, sizeof registers);
        distinct_estimate(registers, bits);
        memset(registers, (int)(65 - bits), sizeof registers);
        assert_true(distinct_valid(registers, bits));
        assert_true(distinct_estimate(registers, bits) > 1ull << 60); /* all full: more than can be told */
    }
}

/* --- quantiles --- */

static int f64_cmp(const void *a, const void *b)
{
    f64 x = *(const f64 *)a, y = *(const f64 *)b;
    return (x > y) - (x < y);
}

/* Every percent of these values, within 2.9 % of the value of its rank. */
static void quantiles_agree(f64 *values, u32 n, bool real)
{
    u32 cells[QUANTILES_CELLS] = { 0 };
    for (u32 i = 0; i < n; i++)
        quantiles_add(cells, real ? quantiles_cell_f64(values[i]) : quantiles_cell_u64((u64)values[i]));
    qsort(values, n, sizeof *values, f64_cmp);
    for (u32 percent = 1; percent < 100; percent++) {
        f64 got, want = values[((u64)n * percent + 99) / 100 - 1];
        assert_true(quantiles_find(cells, real, percent, &got));
        if (fabs(got - want) > 0.0289 * want) fail_msg("p%u of %u: %f, not %f", percent, n, got, want);
    }
}

TEST(quantiles_are_within_three_percent_for_every_shape_of_values)
{
    static const u32 sizes[] = { 1, 2, 3, 10, 99, 100, 101, 1000, 30000 };
    u64              seed = 3;
    f64             *values = calloc(30000, sizeof *values);
    for (u32 s = 0; s < WEIR_COUNT(sizes); s++)
        for (u32 shape = 0; shape < 6; shape++) {
            for (u32 i = 0; i < sizes[s]; i++) {
                f64 u = (f64)(random_next(&seed) >> 11) * 0x1p-53;
                values[i] = shape == 0   ? floor(u * 30)                              /* few whole numbers */
                            : shape == 1 ? floor(pow(2, u * 52))                      /* all sizes         */
                            : shape == 2 ? (u < 0.5 ? 0 : 1500)                       /* two heaps         */
                            : shape == 3 ? pow(2, u * 60 - 20)                        /* decimals          */
                            : shape == 4 ? 0.001 * -log(1 - u)                        /* waiting times     */
                                         : 123.25;
            }
            quantiles_agree(values, sizes[s], shape >= 3);
        }
    free(values);
}

TEST(quantiles_of_small_whole_numbers_are_exact)
{
    for (u64 v = 0; v <= 17; v++) {
        u32 cells[QUANTILES_CELLS] = { 0 };
        f64 got = -1;
        quantiles_add(cells, quantiles_cell_u64(v));
        assert_true(quantiles_find(cells, false, 50, &got));
        assert_true(got == (f64)v);
    }
}

TEST(quantiles_cells_are_in_the_order_of_values_to_both_ends)
{
    u32 before = 0;
    for (u32 shift = 0; shift < 64; shift++)
        for (u32 step = 0; step < 64; step++) {
            u64 v = (1ull << shift) + (u64)(((u128)1 << shift) * step / 64);
            u32 cell = quantiles_cell_u64(v);
            assert_in_range(cell, before, 768);
            before = cell;
        }
    assert_int_equal(quantiles_cell_u64(0), 0);
    assert_int_equal(quantiles_cell_u64(1), 1);
    assert_int_equal(quantiles_cell_u64(UINT64_MAX), 768);
    assert_int_equal(quantiles_cell_f64(0x1p-24), 1);
    assert_int_equal(quantiles_cell_f64(0x1.fffffffffffffp-25), 0);
    assert_int_equal(quantiles_cell_f64(-5), 0);
    assert_int_equal(quantiles_cell_f64(-HUGE_VAL), 0);
    assert_int_equal(quantiles_cell_f64(0x1.fffffffffffffp39), 768);
    assert_int_equal(quantiles_cell_f64(0x1p40), 769);
    assert_int_equal(quantiles_cell_f64(HUGE_VAL), 769);
}

TEST(quantiles_of_nothing_are_none_and_counts_stop_at_the_top)
{
    u32 cells[QUANTILES_CELLS] = { 0 };
    f64 got = -1;
    assert_false(quantiles_find(cells, false, 50, &got));
    assert_false(quantiles_find(cells, true, 99, &got));
    cells[1] = UINT32_MAX - 1;
    quantiles_add(cells, 1);
    assert_true(cells[1] == UINT32_MAX);
    quantiles_add(cells, 1);
    assert_true(cells[1] == UINT32_MAX);
    memset(cells, 0xff, sizeof cells);
    for (u32 percent = 1; percent < 100; percent++) assert_true(quantiles_find(cells, true, percent, &got));
}

TEST(quantiles_percents_are_a_list_in_a_word)
{
    assert_int_equal(quantiles_percents(QUANTILES_DEFAULT), 3);
    assert_int_equal(quantiles_percent(QUANTILES_DEFAULT, 0), 50);
    assert_int_equal(quantiles_percent(QUANTILES_DEFAULT, 2), 99);
    assert_int_equal(quantiles_percent(QUANTILES_DEFAULT, 3), 0);
    assert_int_equal(quantiles_percents(1u | 2u << 8 | 3u << 16 | 99u << 24), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distinct_errs_as_promised_for_sets_of_every_size),
        cmocka_unit_test(distinct_counts_few_values_exactly_and_no_value_twice),
        cmocka_unit_test(distinct_never_shrinks_when_a_set_grows),
        cmocka_unit_test(distinct_of_merged_registers_is_that_of_the_union_in_any_order),
        cmocka_unit_test(distinct_hashes_alike_in_every_process),
        cmocka_unit_test(distinct_knows_registers_that_no_value_makes_and_survives_them),
        cmocka_unit_test(quantiles_are_within_three_percent_for_every_shape_of_values),
        cmocka_unit_test(quantiles_of_small_whole_numbers_are_exact),
        cmocka_unit_test(quantiles_cells_are_in_the_order_of_values_to_both_ends),
        cmocka_unit_test(quantiles_of_nothing_are_none_and_counts_stop_at_the_top),
        cmocka_unit_test(quantiles_percents_are_a_list_in_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
