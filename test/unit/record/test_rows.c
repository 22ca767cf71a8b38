/* SPDX-License-Identifier: Apache-2.0 */
/* test_rows.c: result rows as bytes and back, damaged streams, values as text and in order. */
#include "weir/close.h"
#include "weir/rows.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NULL_VALUE   { VALUE_NULL }
#define U64_VALUE(v) { VALUE_U64, .u = (v) }
#define I64_VALUE(v) { VALUE_I64, .i = (v) }
#define F64_VALUE(v) { VALUE_F64, .f = (v) }
#define MAC_VALUE(v) { VALUE_MAC, .u = (v) }
#define TEXT(s)      { VALUE_TEXT, .text = { s, sizeof(s) - 1 } }
#define V4(a, b, c, d)                                           \
    {                                                            \
        {                                                        \
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d \
        }                                                        \
    }
#define ADDR_VALUE(...)      { VALUE_ADDR, .at = __VA_ARGS__ }
#define NET_VALUE(bits, ...) { VALUE_NET, .range = { __VA_ARGS__, bits } }

/* --- bytes --- */

static const struct value samples[] = {
    NULL_VALUE, U64_VALUE(0), U64_VALUE(127), U64_VALUE(128), U64_VALUE(UINT64_MAX), I64_VALUE(0), I64_VALUE(-1),
    I64_VALUE(INT64_MIN), I64_VALUE(INT64_MAX), F64_VALUE(0.1), F64_VALUE(-1e300), TEXT(""), TEXT("frankfurt"),
    ADDR_VALUE(V4(10, 0, 0, 1)), NET_VALUE(104, V4(10, 0, 0, 0)), MAC_VALUE(0x0123456789ab),
};
#define SAMPLES ((u32)WEIR_COUNT(samples))

static const struct table tables[] = { { .columns = SAMPLES }, { .columns = 1 }, { .columns = 0 } };

static struct row_reader reader_of(const void *at, size_t len)
{
    return (struct row_reader){ at, (const u8 *)at + len, tables, WEIR_COUNT(tables) };
}

static void assert_value(const struct value *got, const struct value *want)
{
    assert_int_equal(got->kind, want->kind);
    if (want->kind == VALUE_TEXT) assert_true(slice_eq(got->text, want->text));
    else assert_int_equal(value_cmp(got, want), 0);
}

static void write_samples(struct row_writer *w)
{
    row_put(w, 0);
    for (u32 i = 0; i < SAMPLES; i++) row_value(w, &samples[i]);
}

static void rows_come_back_as_they_were_written(void **state)
{
    struct row_writer w;
    row_writer_init(&w);
    for (u32 i = 0; i < 500; i++) { /* past several doublings */
        write_samples(&w);
        row_clear(&w, 1, -(i64)i);
    }
    row_put(&w, 2);
    assert_int_equal(w.rows, 1001);
    slice             bytes = row_writer_take(&w);
    struct row_reader r = reader_of(bytes.at, bytes.len);
    struct value      value[SAMPLES];
    struct row        row = { .value = value };
    err               e;
    for (u32 i = 0; i < 500; i++) {
        assert_true(row_next(&r, &row, &e));
        assert_int_equal(row.op, ROW_PUT);
        assert_int_equal(row.columns, SAMPLES);
        for (u32 c = 0; c < SAMPLES; c++) assert_value(&value[c], &samples[c]);
        assert_true(row_next(&r, &row, &e));
        assert_int_equal(row.op, ROW_CLEAR);
        assert_int_equal(row.table, 1);
        assert_int_equal(row.columns, 1);
        assert_true(value[0].i == -(i64)i);
    }
    assert_true(row_next(&r, &row, &e));
    assert_int_equal(row.columns, 0);
    assert_false(row_next(&r, &row, &e));
    assert_false(err_is(e));
    free((void *)(uintptr_t)bytes.at);
}

/* Every length of number, and each with any number of bytes behind it: near the end the reader takes another way. */
static void a_skipped_cell_ends_where_a_read_one_does(void **state)
{
    for (u32 bits = 0; bits <= 64; bits++)
        for (u32 kind = 0; kind < 6; kind++)
            for (u32 behind = 0; behind < 18; behind++) {
                u64 v = bits ? UINT64_MAX >> (64 - bits) : 0;
                struct row_writer w;
                row_writer_init(&w);
                row_put(&w, 1);
                switch (kind) {
                case 0: row_u64(&w, v); break;
                case 1: row_i64(&w, (i64)v); break;
                case 2: row_seconds(&w, v); break;
                case 3: row_mean(&w, v, v | 1); break;
                case 4: row_text(&w, slice_of("0123456789", bits % 11)); break;
                default: row_value(&w, &(struct value){ VALUE_MAC, .u = v }); break;
                }
                u8 *copy = malloc(w.len + behind);
                memcpy(copy, w.at, w.len);
                memset(copy + w.len, 0xff, behind);
                struct row_reader r = reader_of(copy, w.len + behind), s = r;
                struct value value = { 0 };
                struct row row = { .value = &value };
                err e;
                assert_true(row_next(&r, &row, &e));
                assert_ptr_equal(r.at, copy + w.len);
                if (kind == 0 || kind == 5) assert_true(value.u == v);
                if (kind == 1) assert_true(value.i == (i64)v);
                assert_true(row_open(&s, &row, &e) && row_skip(&s, 1, &e));
                assert_ptr_equal(s.at, copy + w.len);
                free(copy);
                row_writer_fini(&w);
            }
}

static void the_writer_is_empty_again_after_its_bytes_were_taken(void **state)
{
    struct row_writer w;
    row_writer_init(&w);
    write_samples(&w);
    slice bytes = row_writer_take(&w);
    assert_true(bytes.len > 0);
    assert_int_equal(w.len, 0);
    assert_int_equal(w.rows, 0);
    free((void *)(uintptr_t)bytes.at);
    row_put(&w, 2);
    assert_int_equal(w.rows, 1);
    row_writer_fini(&w);
}

static void a_number_is_set_where_it_stands(void **state)
{
    static const u64 numbers[] = { 0, 1, 127, 128, 239, 240, 16383, 16384, 0x0123456789abcd, ROW_NUMBER_MAX - 1 };
    for (u32 i = 0; i < WEIR_COUNT(numbers); i++)
        for (u32 tail = 0; tail < 12; tail++) { /* the reader takes another way near the end */
            struct row_writer w;
            row_writer_init(&w);
            row_u64(&w, 7);
            size_t place = row_number(&w);
            for (u32 k = 0; k < tail; k++) row_u64(&w, 1000);
            row_number_set(&w, place, 0x00ffffffffffffff);
            row_number_set(&w, place, numbers[i]);
            struct value_reader r = { w.at, w.at + w.len };
            struct value        v;
            assert_true(value_read(&r, &v) && v.kind == VALUE_U64 && v.u == 7);
            assert_true(value_read(&r, &v) && v.kind == VALUE_U64 && v.u == numbers[i]);
            for (u32 k = 0; k < tail; k++) assert_true(value_read(&r, &v) && v.u == 1000);
            assert_ptr_equal(r.at, r.end);
            row_writer_fini(&w);
        }
}

static void rows_of_two_writers_follow_each_other(void **state)
{
    struct row_writer a, b;
    row_writer_init(&a);
    row_writer_init(&b);
    write_samples(&b);
    const u8 *bytes = b.at;
    size_t    one = b.len;
    row_writer_join(&a, &b); /* changes hands */
    assert_ptr_equal(a.at, bytes);
    assert_true(a.rows == 1 && b.rows == 0 && b.len == 0);
    row_writer_join(&a, &b); /* nothing is there */
    write_samples(&b);
    row_clear(&b, 1, 5);
    row_writer_join(&a, &b);
    assert_true(a.rows == 3 && b.rows == 0 && b.len == 0 && a.len > 2 * one);
    assert_memory_equal(a.at, a.at + one, one);
    slice taken = row_writer_take(&a);
    write_samples(&b);
    row_writer_join(&a, &b);
    assert_true(a.rows == 1 && a.len == one);
    assert_memory_equal(a.at, taken.at, one);
    free((void *)(uintptr_t)taken.at);
    row_writer_fini(&a);
    row_writer_fini(&b);
}

static void short_forms_read_back_as_what_they_stand_for(void **state)
{
    struct row_writer  w;
    const struct value net4 = { VALUE_NET, .range = { { { [10] = 0xff, [11] = 0xff, 10, 1, 2, 0 } }, 120 } };
    struct value       got;
    row_writer_init(&w);
    row_u64(&w, 0);
    row_u64(&w, 239);
    row_seconds(&w, 1500000000);
    row_mean(&w, 3, 2);
    row_mean(&w, (u128)1 << 70, 4);
    row_value(&w, &net4);
    assert_int_equal(w.len, 1 + 1 + (1 + 5) + 3 + 9 + 6);
    struct value_reader r = { w.at, w.at + w.len };
    assert_true(value_read(&r, &got) && got.kind == VALUE_U64 && got.u == 0);
    assert_true(value_read(&r, &got) && got.kind == VALUE_U64 && got.u == 239);
    assert_true(value_read(&r, &got) && got.kind == VALUE_F64 && got.f == 1.5);
    assert_true(value_read(&r, &got) && got.kind == VALUE_F64 && got.f == 3.0 / 2 / 1e9);
    assert_true(value_read(&r, &got) && got.kind == VALUE_F64 && got.f == (f64)((u128)1 << 70) / 4 / 1e9);
    assert_true(value_read(&r, &got) && value_cmp(&got, &net4) == 0 && got.range.bits == 120);
    assert_false(value_read(&r, &got));
    row_writer_fini(&w);
}

/* The format is a contract between versions: an outbox may be read by a newer weir than wrote it. */
static void the_bytes_are_those_of_the_header(void **state)
{
    static const u8   want[] = { 1, 0x81, 0x01, 1, 0xac, 0x02, 2, 3, 4, 2, 'a', 'b', 3, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f,
                                 0, 2, 5, 2, 0x78 };
    struct row_writer w;
    row_writer_init(&w);
    row_put(&w, 129);
    row_u64(&w, 300);
    row_i64(&w, -2);
    row_text(&w, S("ab"));
    row_f64(&w, 1.0);
    row_null(&w);
    row_clear(&w, 5, 60);
    assert_int_equal(w.len, sizeof want);
    assert_memory_equal(w.at, want, sizeof want);
    row_writer_fini(&w);
}

/* --- damage --- */

static void a_damaged_stream_is_an_error_with_its_place(void **state)
{
    static const struct {
        const char *bytes;
        size_t      len;
        const char *what;
        i64         at;
    } rows[] = {
#define BAD(bytes, what, at) { bytes, sizeof(bytes) - 1, what, at }
        BAD("\x03\x01\x00", "unknown row operation", 0),
        BAD("\x00", "unknown row operation", 0),
        BAD("\x01", "bad table number in the rows", 1),
        BAD("\x01\x80", "bad table number in the rows", 2),
        BAD("\x01\x03\x00", "rows of a table that the recipe does not have", 2),
        BAD("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "rows of a table that the recipe does not have", 11),
        BAD("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "bad table number in the rows", 11),
        BAD("\x01\x01", "row has too few cells", 2),
        BAD("\x01\x01\x08", "unknown kind of cell in the rows", 2),
        BAD("\x01\x01\x0c", "unknown kind of cell in the rows", 2),
        BAD("\x01\x01\x0e\x05", "bad number in the rows", 2),
        BAD("\x01\x01\x0e\x05\x00", "bad number in the rows", 2),
        BAD("\x01\x01\x0f\x80", "bad number in the rows", 2),
        BAD("\x01\x01\x0d" "1234", "network runs past the end of the rows", 2),
        BAD("\x01\x01\x0d" "1234\x81", "prefix length over 128 in the rows", 2),
        BAD("\x01\x01\x01", "bad number in the rows", 2),
        BAD("\x01\x01\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "bad number in the rows", 2),
        BAD("\x01\x01\x02\xff", "bad number in the rows", 2),
        BAD("\x01\x01\x07", "bad number in the rows", 2),
        BAD("\x01\x01\x03\x00\x00\x00\x00\x00\x00\x00", "number runs past the end of the rows", 2),
        BAD("\x01\x01\x04", "bad length of a text in the rows", 2),
        BAD("\x01\x01\x04\x03" "ab", "text runs past the end of the rows", 2),
        BAD("\x01\x01\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" "ab", "text runs past the end of the rows", 2),
        BAD("\x01\x01\x05" "123456789012345", "address runs past the end of the rows", 2),
        BAD("\x01\x01\x06" "1234567890123456", "network runs past the end of the rows", 2),
        BAD("\x01\x01\x06" "1234567890123456\x81", "prefix length over 128 in the rows", 2),
        BAD("\x02\x01\x00", "row to clear has no timestamp", 0),
        BAD("\x02\x00", "row has too few cells", 2),
#undef BAD
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        u8 *copy = malloc(rows[i].len); /* of exact size, so that a sanitizer sees a read past it */
        memcpy(copy, rows[i].bytes, rows[i].len);
        struct row_reader r = reader_of(copy, rows[i].len);
        struct value      value[SAMPLES];
        struct row        row = { .value = value };
        err               e = OK;
        assert_false(row_next(&r, &row, &e));
        assert_int_equal(e.code, ERR_STATE);
        assert_string_equal(e.what, rows[i].what);
        assert_int_equal(e.at, rows[i].at);
        r = reader_of(copy, rows[i].len); /* who skips is told the same */
        assert_false(row_open(&r, &row, &e) && row_skip(&r, row.columns, &e));
        assert_string_equal(e.what, rows[i].what);
        assert_int_equal(e.at, rows[i].at);
        free(copy);
    }
}

static void a_stream_cut_short_anywhere_is_an_error(void **state)
{
    struct row_writer w;
    row_writer_init(&w);
    write_samples(&w);
    for (size_t len = 1; len < w.len; len++) {
        u8 *copy = malloc(len);
        memcpy(copy, w.at, len);
        struct row_reader r = reader_of(copy, len);
        struct value      value[SAMPLES];
        struct row        row = { .value = value };
        err               e = OK;
        assert_false(row_next(&r, &row, &e));
        assert_int_equal(e.code, ERR_STATE);
        r = reader_of(copy, len);
        err skipped = OK;
        assert_false(row_open(&r, &row, &skipped) && row_skip(&r, row.columns, &skipped));
        assert_string_equal(skipped.what, e.what);
        assert_int_equal(skipped.at, e.at);
        free(copy);
    }
    row_writer_fini(&w);
}

/* --- values --- */

static void values_are_written_as_text(void **state)
{
    static const struct {
        struct value v;
        const char  *text;
    } rows[] = {
        { NULL_VALUE, "" },
        { U64_VALUE(UINT64_MAX), "18446744073709551615" },
        { I64_VALUE(INT64_MIN), "-9223372036854775808" },
        { F64_VALUE(0.1), "0.1" },
        { F64_VALUE(1.0), "1" },
        { F64_VALUE(-0.0), "-0" },
        { F64_VALUE(0.1 + 0.2), "0.30000000000000004" },
        { F64_VALUE(1.0 / 3), "0.3333333333333333" },
        { F64_VALUE(5e-324), "4.94065645841247e-324" },
        { F64_VALUE(1.7976931348623157e308), "1.7976931348623157e+308" },
        { F64_VALUE(HUGE_VAL), "inf" },
        { F64_VALUE(-HUGE_VAL), "-inf" },
        { F64_VALUE(NAN), "nan" },
        { TEXT("as it is\n"), "as it is\n" },
        { ADDR_VALUE(V4(192, 0, 2, 7)), "192.0.2.7" },
        { NET_VALUE(104, V4(10, 0, 0, 0)), "10.0.0.0/8" },
        { NET_VALUE(128, V4(10, 1, 2, 3)), "10.1.2.3" },
        { MAC_VALUE(0x0a00270000ff), "0a:00:27:00:00:ff" },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        char  buf[VALUE_TEXT_ROOM];
        slice text = value_text(&rows[i].v, buf);
        assert_int_equal(text.len, strlen(rows[i].text));
        assert_memory_equal(text.at, rows[i].text, text.len);
    }
}

static void doubles_survive_their_text(void **state)
{
    u64 bits = 1;
    for (u32 i = 0; i < 20000; i++) {
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        struct value v = { VALUE_F64 };
        char         buf[VALUE_TEXT_ROOM + 1];
        memcpy(&v.f, &bits, sizeof bits);
        if (isnan(v.f)) continue;
        slice text = value_text(&v, buf);
        buf[text.len] = 0;
        assert_true(strtod(buf, NULL) == v.f);
    }
}

/* Each is less than the next. */
static const struct value ascending[] = {
    NULL_VALUE,
    F64_VALUE(NAN),
    F64_VALUE(-HUGE_VAL),
    I64_VALUE(INT64_MIN),
    I64_VALUE(-2),
    F64_VALUE(-1.5),
    I64_VALUE(-1),
    U64_VALUE(0),
    F64_VALUE(0.5),
    U64_VALUE(1),
    U64_VALUE(9007199254740992u),
    U64_VALUE(9007199254740993u), /* as doubles these two are equal */
    I64_VALUE(INT64_MAX),
    U64_VALUE((u64)INT64_MAX + 1),
    U64_VALUE(UINT64_MAX),
    F64_VALUE(0x1p64),
    F64_VALUE(HUGE_VAL),
    TEXT(""),
    TEXT("a"),
    TEXT("aa"),
    TEXT("b"),
    ADDR_VALUE(V4(9, 0, 0, 0)),
    ADDR_VALUE(V4(10, 0, 0, 0)),
    NET_VALUE(104, V4(10, 0, 0, 0)),
    NET_VALUE(112, V4(10, 0, 0, 0)),
};

static void values_have_one_order(void **state)
{
    for (u32 i = 0; i < WEIR_COUNT(ascending); i++)
        for (u32 j = 0; j < WEIR_COUNT(ascending); j++) {
            int order = value_cmp(&ascending[i], &ascending[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
}

static void equal_numbers_of_different_kinds_are_equal(void **state)
{
    static const struct value pairs[][2] = {
        { U64_VALUE(7), I64_VALUE(7) },
        { U64_VALUE(7), F64_VALUE(7) },
        { I64_VALUE(-7), F64_VALUE(-7) },
        { F64_VALUE(0.0), F64_VALUE(-0.0) },
        { F64_VALUE(-0x1p63), I64_VALUE(INT64_MIN) },
        { MAC_VALUE(5), U64_VALUE(5) },
    };
    for (u32 i = 0; i < WEIR_COUNT(pairs); i++) {
        assert_int_equal(value_cmp(&pairs[i][0], &pairs[i][1]), 0);
        assert_int_equal(value_cmp(&pairs[i][1], &pairs[i][0]), 0);
    }
}

static void close_reasons_have_names(void **state)
{
    assert_string_equal(close_reason_name(CLOSE_SEALED), "sealed");
    assert_string_equal(close_reason_name(CLOSE_WATERMARK), "watermark");
    assert_string_equal(close_reason_name(CLOSE_IDLE), "idle");
    assert_string_equal(close_reason_name(CLOSE_END), "end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back_as_they_were_written),
        cmocka_unit_test(a_skipped_cell_ends_where_a_read_one_does),
        cmocka_unit_test(the_writer_is_empty_again_after_its_bytes_were_taken),
        cmocka_unit_test(a_number_is_set_where_it_stands),
        cmocka_unit_test(rows_of_two_writers_follow_each_other),
        cmocka_unit_test(short_forms_read_back_as_what_they_stand_for),
        cmocka_unit_test(the_bytes_are_those_of_the_header),
        cmocka_unit_test(a_damaged_stream_is_an_error_with_its_place),
        cmocka_unit_test(a_stream_cut_short_anywhere_is_an_error),
        cmocka_unit_test(values_are_written_as_text),
        cmocka_unit_test(doubles_survive_their_text),
        cmocka_unit_test(values_have_one_order),
        cmocka_unit_test(equal_numbers_of_different_kinds_are_equal),
        cmocka_unit_test(close_reasons_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
