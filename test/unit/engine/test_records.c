/* SPDX-License-Identifier: Apache-2.0 */
/* test_records.c: rows of records as two workers write them, numbered in the order in which the loop gives them out;
 * the counters, saved and loaded. */
#include "../unit.h"
#include "engine/records.h"

#include <stdlib.h>

#define TABLE 1u

/* Of a batch of numbers and words, words first. */
static u32          columns[] = { 1, 0 };
static struct field fields[] = { { .type = FIELD_STRING }, { .type = FIELD_U64 } };

static const struct step_records step = { 2, columns, fields, TABLE };
static const struct table        tables[] = { { .columns = 1 }, { .columns = 4 } };

/* Rows of these numbers; each time is a second and a bit. */
static void push(struct record_rows *r, const struct step_records *to, u32 rows, u64 from)
{
    u64           number[BATCH_ROWS];
    slice         text[BATCH_ROWS];
    nanos         time[BATCH_ROWS];
    struct column column[] = { { .cells = number }, { .cells = text } };
    for (u32 i = 0; i < rows; i++) {
        number[i] = from + i;
        text[i] = S("word");
        time[i] = (nanos)(from + i) * NANOS_SECOND + 7;
    }
    struct batch b = { .rows = rows, .columns = 2, .column = column, .time = time };
    record_rows_push(r, to, &b);
}

/* Row `n` of the stream, from 1: of number `is`. */
static void expect(struct row_reader *in, u64 n, u64 is)
{
    struct value value[4];
    struct row   row = { .value = value };
    err          e;
    assert_true(row_next(in, &row, &e));
    assert_true(row.op == ROW_PUT && row.table == TABLE);
    assert_true(value[0].kind == VALUE_I64 && value[0].i == (i64)is);
    assert_true(value[1].kind == VALUE_U64 && value[1].u == n);
    assert_true(value[2].kind == VALUE_TEXT && slice_is(value[2].text, "word"));
    assert_true(value[3].kind == VALUE_U64 && value[3].u == is);
}

TEST(records_are_numbered_as_they_are_given_out)
{
    struct record_rows first, second;
    struct row_writer  out;
    u64                arrived = 120; /* numbers grow longer on the way */
    record_rows_init(&first);
    record_rows_init(&second);
    row_writer_init(&out);
    push(&second, &step, 1000, 5000);
    push(&first, &step, 20, 1000);
    push(&first, &step, 30, 2000);
    record_rows_give(&first, &arrived, &out);
    assert_int_equal(arrived, 170);
    record_rows_give(&second, &arrived, &out);
    record_rows_reset(&first);
    push(&first, &step, 1, 9000); /* the same memory again */
    record_rows_give(&first, &arrived, &out);
    assert_int_equal(arrived, 1171);
    assert_int_equal(out.rows, 1051);
    struct row_reader in = { out.at, out.at + out.len, tables, WEIR_COUNT(tables) };
    for (u32 i = 0; i < 20; i++) expect(&in, 121 + i, 1000 + i);
    for (u32 i = 0; i < 30; i++) expect(&in, 141 + i, 2000 + i);
    for (u32 i = 0; i < 1000; i++) expect(&in, 171 + i, 5000 + i);
    expect(&in, 1171, 9000);
    assert_ptr_equal(in.at, in.end);
    record_rows_fini(&first);
    record_rows_fini(&second);
    row_writer_fini(&out);
}

TEST(records_that_no_sink_wants_are_not_written)
{
    struct step_records unwanted = step;
    struct record_rows  r;
    unwanted.table = UINT32_MAX;
    record_rows_init(&r);
    push(&r, &unwanted, 100, 1);
    assert_true(r.count == 0 && r.rows.len == 0);
    record_rows_fini(&r);
}

TEST(arrivals_are_kept_by_name_and_damaged_ones_refused)
{
    const struct recipe recipe = { 0 };
    struct arrivals    *a = arrivals_open(&recipe), *b = arrivals_open(&recipe);
    struct row_writer   w, again;
    const u64           count = 123456789, never = UINT64_MAX;
    row_writer_init(&w);
    row_writer_init(&again);
    assert_true(arrivals_is(S("records/out")) && !arrivals_is(S("out")));
    assert_true(arrivals_load(a, S("records/out"), slice_of((const char *)&count, 8)));
    assert_true(arrivals_load(a, S("records/more"), slice_of((const char *)&count, 8)));
    arrivals_save(a, &w);
    struct value_reader r = { w.at, w.at + w.len };
    struct value        name, value;
    while (value_read(&r, &name)) assert_true(value_read(&r, &value) && arrivals_load(b, name.text, value.text));
    arrivals_save(b, &again);
    assert_true(w.len == again.len && memcmp(w.at, again.at, w.len) == 0);
    assert_false(arrivals_load(b, S("records/out"), slice_of((const char *)&never, 8)));
    assert_false(arrivals_load(b, S("records/out"), slice_of((const char *)&count, 7)));
    assert_false(arrivals_load(b, S("records/"), slice_of((const char *)&count, 8)));
    row_writer_fini(&w);
    row_writer_fini(&again);
    arrivals_close(a);
    arrivals_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_numbered_as_they_are_given_out),
        cmocka_unit_test(records_that_no_sink_wants_are_not_written),
        cmocka_unit_test(arrivals_are_kept_by_name_and_damaged_ones_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
