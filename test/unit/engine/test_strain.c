/* SPDX-License-Identifier: Apache-2.0 */
/* test_strain.c: rows that stay, and the count of who passed what. */
#include "engine/strain.h"
#include "engine/tally.h"
#include "../unit.h"

#include <stdlib.h>

enum { NUMBER, WHERE, WORD, PARTS, ABSENT, WIDTH };

static const struct field fields[WIDTH] = {
    [NUMBER] = { .type = FIELD_U64 },           [WHERE] = { .type = FIELD_ADDR },   [WORD] = { .type = FIELD_TAG },
    [PARTS] = { .type = FIELD_BINS, .bins = 3 }, [ABSENT] = { .type = FIELD_STRING },
};

static const u32 all_columns[WIDTH] = { 0, 1, 2, 3, 4 };

/* A batch whose cells say in which row they are; every third number is null. */
struct sample {
    u64           number[BATCH_ROWS], nulls[BATCH_ROWS / 64], parts[BATCH_ROWS][3];
    addr          at[BATCH_ROWS];
    u32           word[BATCH_ROWS];
    nanos         time[BATCH_ROWS];
    struct column column[WIDTH];
    struct batch  batch;
};

static struct sample *sample_new(u32 rows)
{
    struct sample *s = calloc(1, sizeof *s);
    WEIR_ASSERT(s != NULL);
    for (u32 i = 0; i < rows; i++) {
        s->number[i] = 1000 + i;
        s->parts[i][0] = i, s->parts[i][1] = 2 * i, s->parts[i][2] = 3 * i;
        s->at[i].b[15] = (u8)i, s->at[i].b[14] = (u8)(i >> 8);
        s->word[i] = i + 1;
        s->time[i] = (nanos)i * 7;
        if (i % 3 == 0) s->nulls[i >> 6] |= 1ull << (i & 63);
    }
    s->column[NUMBER] = (struct column){ s->number, s->nulls, NULL };
    s->column[WHERE] = (struct column){ s->at, NULL, NULL };
    s->column[WORD] = (struct column){ s->word, NULL, (const struct strings *)s }; /* only handed on */
    s->column[PARTS] = (struct column){ s->parts, NULL, NULL };
    s->batch = (struct batch){ rows, WIDTH, s->column, s->time, 0 };
    return s;
}

static void expect_row(const struct batch *b, u32 i, u32 was)
{
    const u64 *parts = (const u64 *)b->column[PARTS].cells + (size_t)3 * i;
    assert_int_equal(column_null(&b->column[NUMBER], i), was % 3 == 0);
    assert_int_equal(((const u64 *)b->column[NUMBER].cells)[i], 1000 + was);
    assert_int_equal(((const addr *)b->column[WHERE].cells)[i].b[15], (u8)was);
    assert_int_equal(((const u32 *)b->column[WORD].cells)[i], was + 1);
    assert_true(parts[0] == was && parts[1] == 2 * was && parts[2] == 3 * was);
    assert_int_equal(b->time[i], (nanos)was * 7);
    assert_null(b->column[ABSENT].cells);
}

/* Strains twice, as a filter behind a filter does; `pick` says which rows stay. */
static void strains_rows(u32 rows, bool (*pick)(u32 row))
{
    struct sample *s = sample_new(rows);
    struct strain *first = strain_open(fields, WIDTH, all_columns, WIDTH);
    struct strain *second = strain_open(fields, WIDTH, all_columns, WIDTH);
    struct column  a[WIDTH] = { { 0 } }, b[WIDTH] = { { 0 } };
    struct batch   one = { .column = a }, two = { .column = b };
    u64            keep[BATCH_ROWS / 64] = { 0 };
    u16            origin[BATCH_ROWS], again[BATCH_ROWS];
    u32            n = 0, m = 0;
    for (u32 i = 0; i < rows; i++)
        if (pick(i)) keep[i >> 6] |= 1ull << (i & 63), n++;
    strain_take(first, &s->batch, keep, n, NULL, &one, origin);
    assert_int_equal(one.rows, n);
    memset(keep, 0, sizeof keep);
    for (u32 i = 0; i < n; i++) {
        assert_true(pick(origin[i]));
        expect_row(&one, i, origin[i]);
        if (i % 2) keep[i >> 6] |= 1ull << (i & 63), m++;
    }
    strain_take(second, &one, keep, m, origin, &two, again);
    for (u32 i = 0; i < m; i++) {
        assert_int_equal(again[i], origin[2 * i + 1]);
        expect_row(&two, i, again[i]);
    }
    assert_ptr_equal(two.column[WORD].words, s);
    strain_close(first);
    strain_close(second);
    free(s);
}

static bool pick_all(u32 row)
{
    return true;
}

static bool pick_some(u32 row)
{
    return row % 5 == 1 || row % 64 == 63;
}

static bool pick_last(u32 row)
{
    return row + 2 >= BATCH_ROWS;
}

TEST(keeps_the_rows_that_are_told_and_whence_they_came)
{
    strains_rows(BATCH_ROWS, pick_some);
    strains_rows(BATCH_ROWS, pick_last);
    strains_rows(BATCH_ROWS, pick_all);
    strains_rows(777, pick_some);
    strains_rows(2, pick_all);
}

TEST(lends_the_columns_where_all_rows_stay)
{
    static const u32 one[] = { PARTS };
    struct sample   *s = sample_new(100);
    struct strain   *t = strain_open(fields, WIDTH, one, 1);
    struct column    column[WIDTH] = { { 0 } };
    struct batch     out = { .column = column };
    u64              keep[BATCH_ROWS / 64] = { ~0ull, (1ull << 36) - 1 };
    u16              origin[BATCH_ROWS];
    strain_take(t, &s->batch, keep, 100, NULL, &out, origin);
    assert_ptr_equal(out.column[PARTS].cells, s->parts);
    assert_ptr_equal(out.time, s->time);
    assert_null(out.column[NUMBER].cells); /* nobody takes it */
    strain_close(t);
    free(s);
}

TEST(counts_records_by_time_and_mask)
{
    struct tally t = { 0 };
    u64          sum = 0;
    tally_add(&t, 5, 1, 0);
    assert_int_equal(t.count, 0);
    for (u32 turn = 0; turn < 3; turn++)
        for (u32 i = 0; i < 5000; i++)
            tally_add(&t, (nanos)(i % 700) * NANOS_SECOND, i % 7 == 0 ? 1ull << 63 : i % 3, 2);
    for (u32 i = 0; i < t.room; i++) {
        sum += t.cell[i].records;
        for (u32 k = i + 1; k < t.room && t.cell[i].records; k++)
            assert_false(t.cell[k].records && t.cell[k].start == t.cell[i].start && t.cell[k].mask == t.cell[i].mask);
    }
    assert_int_equal(sum, 30000);
    tally_reset(&t);
    assert_int_equal(t.count, 0);
    for (u32 i = 0; i < t.room; i++) assert_int_equal(t.cell[i].records, 0);
    tally_add(&t, -1, 0, 1);
    assert_int_equal(t.count, 1);
    tally_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_rows_that_are_told_and_whence_they_came),
        cmocka_unit_test(lends_the_columns_where_all_rows_stay),
        cmocka_unit_test(counts_records_by_time_and_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
