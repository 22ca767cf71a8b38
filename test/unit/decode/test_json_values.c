/* SPDX-License-Identifier: Apache-2.0 */
/* test_json_values.c: what every type makes of every kind of value, and what every form of path finds. */
#include "json_probe.h"

struct row {
    const char     *path;
    enum field_type type;
    u64             scale;
    const char     *line;
    const char     *cell; /* probe.h's text of it */
};

static void check_rows(const struct row *row, u32 rows)
{
    char room[10000];
    for (u32 i = 0; i < rows; i++) {
        struct json_probe  p;
        struct json_column column = { row[i].path, row[i].type, row[i].scale };
        json_probe_open(&p, &column, 1, LAYOUT_NO_TIME);
        json_give(&p, slice_str(row[i].line), true);
        if (p.batch.rows != 1)
            fail_msg("%s of %s: '%s'", row[i].path, row[i].line, decoder_json.reasons[p.bad.kept_at[0].reason]);
        if (strcmp(json_cell(&p, 0, 0, room, sizeof room), row[i].cell) != 0)
            fail_msg("%s of %s: %s, not %s", row[i].path, row[i].line, room, row[i].cell);
        assert_int_equal(p.lines, 6);
        assert_int_equal(p.used, p.chunk.len);
        json_probe_close(&p);
    }
}

#define CHECK(rows) check_rows(rows, WEIR_COUNT(rows))

TEST(u64_takes_whole_numbers_to_the_last_of_64_bits_however_they_are_written)
{
    static const struct row rows[] = {
        { "n", FIELD_U64, 1, "{\"n\":0}", "0" },
        { "n", FIELD_U64, 1, "{\"n\":-0}", "0" },
        { "n", FIELD_U64, 1, "{\"n\":-0.0e5}", "0" },
        { "n", FIELD_U64, 1, "{\"n\":9007199254740993}", "9007199254740993" },
        { "n", FIELD_U64, 1, "{\"n\":9223372036854775808}", "9223372036854775808" },
        { "n", FIELD_U64, 1, "{\"n\":9999999999999999999}", "9999999999999999999" },
        { "n", FIELD_U64, 1, "{\"n\":18446744073709551615}", "18446744073709551615" },
        { "n", FIELD_U64, 1, "{\"n\":1.8446744073709551615e19}", "18446744073709551615" },
        { "n", FIELD_U64, 1, "{\"n\":1e3}", "1000" },
        { "n", FIELD_U64, 1, "{\"n\":1.0}", "1" },
        { "n", FIELD_U64, 1, "{\"n\":12.50E+1}", "125" },
        { "n", FIELD_U64, 1, "{\"n\":1200e-2}", "12" },
        { "n", FIELD_U64, 1, "{\"n\":0e999999999999}", "0" },
        { "n", FIELD_U64, 1, "{\"n\":0.0e-999999999999}", "0" },
        { "n", FIELD_U64, 1, "{\"n\":\"123\"}", "123" },
        { "n", FIELD_U64, 1, "{\"n\":\"007\"}", "7" },
        { "n", FIELD_U64, 1, "{\"n\":\"18446744073709551615\"}", "18446744073709551615" },
        { "n", FIELD_U64, 1, "{\"n\":\"\\u0031\\u0032\"}", "12" },
        { "n", FIELD_U64, 1, "{\"n\":true}", "1" },
        { "n", FIELD_U64, 1, "{\"n\":false}", "0" },
        { "n", FIELD_U64, 1000, "{\"n\":18446744073709551}", "18446744073709551000" },
        { "n", FIELD_U64, 1000, "{\"n\":true}", "1000" },
        { "n", FIELD_U64, 1, "{\"n\":null}", "null" },
        { "n", FIELD_U64, 1, "{\"n\":\"-\"}", "null" },
        { "n", FIELD_U64, 1, "{}", "null" },
        { "n", FIELD_U64, 1, " \t{ \"n\" \t:\t7 \t}\t ", "7" },
    };
    CHECK(rows);
}

TEST(f64_is_the_nearest_double)
{
    static const struct row rows[] = {
        { "n", FIELD_F64, 1, "{\"n\":0.1}", "0.10000000000000001" },
        { "n", FIELD_F64, 1, "{\"n\":-0}", "-0" },
        { "n", FIELD_F64, 1, "{\"n\":-1.5e-3}", "-0.0015" },
        { "n", FIELD_F64, 1, "{\"n\":1.7976931348623157e308}", "1.7976931348623157e+308" },
        { "n", FIELD_F64, 1, "{\"n\":4.9e-324}", "4.9406564584124654e-324" },
        { "n", FIELD_F64, 1, "{\"n\":1e-999}", "0" },
        { "n", FIELD_F64, 1, "{\"n\":\"36.000000\"}", "36" },
        { "n", FIELD_F64, 10, "{\"n\":2.5}", "25" },
        { "n", FIELD_F64, 1, "{\"n\":18446744073709551616}", "1.8446744073709552e+19" },
    };
    CHECK(rows);
}

TEST(time_is_read_as_logs_write_it)
{
    static const struct row rows[] = {
        { "t", FIELD_TIME, 1, "{\"t\":\"1970-01-01T00:00:00Z\"}", "0" },
        { "t", FIELD_TIME, 1, "{\"t\":\"2024-05-01T12:00:00.123456+0200\"}", "1714557600123456000" },
        { "t", FIELD_TIME, 1, "{\"t\":\"2024-05-01T12:00:00.123456+02:00\"}", "1714557600123456000" },
        { "t", FIELD_TIME, 1, "{\"t\":\"2024-05-01T12:00:00+02\"}", "1714557600000000000" },
        { "t", FIELD_TIME, 1, "{\"t\":\"2024-05-01 05:30:00.5-0430\"}", "1714557600500000000" },
        { "t", FIELD_TIME, 1, "{\"t\":\"2024-05-01t10:00:00z\"}", "1714557600000000000" },
        { "t", FIELD_TIME, 1, "{\"t\":\"2019-01-02T03:50:11.315110\"}", "1546401011315110000" },
        { "t", FIELD_TIME, 1, "{\"t\":\"2024-02-29T23:59:60Z\"}", "1709251200000000000" },
        { "t", FIELD_TIME, 1, "{\"t\":\"2000-02-29T00:00:00Z\"}", "951782400000000000" },
        { "t", FIELD_TIME, 1, "{\"t\":\"2100-03-01T00:00:00Z\"}", "4107542400000000000" },
        { "t", FIELD_TIME, 1, "{\"t\":\"1969-12-31T23:59:59.999999999Z\"}", "-1" },
        { "t", FIELD_TIME, 1, "{\"t\":\"2262-04-11T23:47:16.854775807Z\"}", "9223372036854775807" },
        { "t", FIELD_TIME, 1, "{\"t\":\"24/05/01-10:00:00.123456\"}", "1714557600123456000" },
        { "t", FIELD_TIME, 1, "{\"t\":\"2024/05/01-10:00:00.123456\"}", "1714557600123456000" },
        { "t", FIELD_TIME, 1, "{\"t\":\"24\\/05\\/01-10:00:00.000001\"}", "1714557600000001000" },
        { "t", FIELD_TIME, 1, "{\"t\":1714557600}", "1714557600000000000" },
        { "t", FIELD_TIME, 1, "{\"t\":1379288667.63194}", "1379288667631940000" },
        { "t", FIELD_TIME, 1, "{\"t\":\"1714557600.000000001\"}", "1714557600000000001" },
        { "t", FIELD_TIME, 1000, "{\"t\":1714557600123}", "1714557600123000000" },
        { "t", FIELD_TIME, 1000, "{\"t\":1714557600123.456789}", "1714557600123456789" },
        { "t", FIELD_TIME, 1000000, "{\"t\":1714557600123456}", "1714557600123456000" },
        { "t", FIELD_TIME, 1000000000, "{\"t\":1714557600123456789}", "1714557600123456789" },
        { "t", FIELD_TIME, 1000, "{\"t\":\"2024-05-01T10:00:00Z\"}", "1714557600000000000" },
        { "t", FIELD_TIME, 1, "{\"t\":null}", "null" },
    };
    CHECK(rows);
}

TEST(addresses_are_strings)
{
    static const struct row rows[] = {
        { "a", FIELD_ADDR, 1, "{\"a\":\"10.0.255.1\"}", "00000000000000000000ffff0a00ff01" },
        { "a", FIELD_ADDR, 1, "{\"a\":\"0.0.0.0\"}", "00000000000000000000ffff00000000" },
        { "a", FIELD_ADDR, 1, "{\"a\":\"2001:db8::1\"}", "20010db8000000000000000000000001" },
        { "a", FIELD_ADDR, 1, "{\"a\":\"::ffff:10.0.0.1\"}", "00000000000000000000ffff0a000001" },
        { "a", FIELD_ADDR, 1, "{\"a\":\"1\\u0030.0.0.1\"}", "00000000000000000000ffff0a000001" },
        { "a", FIELD_ADDR, 1, "{\"a\":\"-\"}", "null" },
        { "m", FIELD_MAC, 1, "{\"m\":\"00:1B:21:3c:9d:ff\"}", "001b213c9dff" },
        { "m", FIELD_MAC, 1, "{\"m\":null}", "null" },
    };
    CHECK(rows);
}

TEST(strings_are_without_their_escapes_and_other_values_as_they_are_written)
{
    static const struct row rows[] = {
        { "s", FIELD_STRING, 1, "{\"s\":\"\"}", "''" },
        { "s", FIELD_STRING, 1, "{\"s\":\"ET SCAN\"}", "'ET SCAN'" },
        { "s", FIELD_STRING, 1, "{\"s\":\"a\\\"b\\\\c\\/d\"}", "'a\"b\\c/d'" },
        { "s", FIELD_STRING, 1, "{\"s\":\"\\b\\f\\n\\r\\t\"}", "'\b\f\n\r\t'" },
        { "s", FIELD_STRING, 1, "{\"s\":\"\\u00e9\\u20AC\\ud83d\\uDE00\\u007f\"}",
          "'\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f'" },
        { "s", FIELD_STRING, 1, "{\"s\":\"\\uFFFF\\uD800\\uDC00\\uDBFF\\uDFFF\"}",
          "'\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf'" },
        { "s", FIELD_STRING, 1, "{\"s\":\"\xc3\xa9\xf0\x9f\x98\x80\"}", "'\xc3\xa9\xf0\x9f\x98\x80'" },
        { "s", FIELD_STRING, 1, "{\"s\":\"{\\\"x\\\":[1,2]}\"}", "'{\"x\":[1,2]}'" },
        { "s", FIELD_STRING, 1, "{\"s\":\"\\\\\"}", "'\\'" },
        { "s", FIELD_STRING, 1, "{\"s\":1.50e+3 }", "'1.50e+3'" },
        { "s", FIELD_STRING, 1, "{\"s\":123456789012345678901234567890}", "'123456789012345678901234567890'" },
        { "s", FIELD_STRING, 1, "{\"s\":true}", "'true'" },
        { "s", FIELD_STRING, 1, "{\"s\": false }", "'false'" },
        { "s", FIELD_STRING, 1, "{\"s\":null}", "null" },
        { "s", FIELD_STRING, 1, "{\"s\":\"null\"}", "'null'" },
        { "s", FIELD_STRING, 1, "{\"s\":{}}", "'{}'" },
        { "s", FIELD_STRING, 1, "{\"s\":{ \"a b\" : [ 1 , \"x , \\\" y\" , { } ] , \"c\" : null }, \"t\":1}",
          "'{\"a b\":[1,\"x , \\\" y\",{}],\"c\":null}'" },
    };
    CHECK(rows);
}

#define ODD "\xef\xbf\xbd"

/* A byte that a writer could not read must not cost the alert. */
TEST(what_is_no_character_is_replaced)
{
    static const struct row rows[] = {
        { "s", FIELD_STRING, 1, "{\"s\":\"\\ud800\"}", "'" ODD "'" },
        { "s", FIELD_STRING, 1, "{\"s\":\"\\uDFFFx\"}", "'" ODD "x'" },
        { "s", FIELD_STRING, 1, "{\"s\":\"a\\ud800\\u0041\"}", "'a" ODD "A'" },
        { "s", FIELD_STRING, 1, "{\"s\":\"\\ud800\\n\\udbff\"}", "'" ODD "\n" ODD "'" },
        { "s", FIELD_STRING, 1, "{\"s\":\"\\udc00\\ud800\"}", "'" ODD ODD "'" },
        { "s", FIELD_STRING, 1, "{\"s\":\"\\ud800\\ud83d\\ude00\\ude00\"}", "'" ODD "\xf0\x9f\x98\x80" ODD "'" },
        { "s", FIELD_STRING, 1, "{\"s\":\"\\ud800ude00\"}", "'" ODD "ude00'" },
        { "s", FIELD_STRING, 1, "{\"s\":\"/a\\u0000b\"}", "'/a" ODD "b'" },
        { "s", FIELD_STRING, 1, "{\"s\":{\"\\ud800\":\"\\u0000\"}}", "'{\"\\ud800\":\"\\u0000\"}'" },
        { "s[*]", FIELD_STRING, 1, "{\"s\":[\"\\ud800\",\"\\u0000\"]}", "'" ODD "," ODD "'" },
        { "n", FIELD_U64, 1, "{\"s\":\"\\ud800\",\"\\udc00\":\"\\u0000\",\"n\":7}", "7" },
        { ODD ".n", FIELD_U64, 1, "{\"\\udc00\":{\"n\":7}}", "7" },
        { "s[0]." ODD, FIELD_U64, 1, "{\"s\":[{\"\\udc00\":7}]}", "7" },
    };
    CHECK(rows);
}

TEST(paths_go_into_objects_by_name)
{
    static const struct row rows[] = {
        { "alert.signature_id", FIELD_U64, 1, "{\"alert\":{\"gid\":1,\"signature_id\":2001219}}", "2001219" },
        { "a.b.c", FIELD_U64, 1, "{\"c\":1,\"b\":{\"c\":2},\"a\":{\"c\":3,\"b\":{\"b\":4,\"c\":5}}}", "5" },
        { "a.b", FIELD_U64, 1, "{\"a\":7}", "null" },
        { "a.b", FIELD_U64, 1, "{\"a\":null}", "null" },
        { "a.b", FIELD_U64, 1, "{\"a.b\":7}", "null" },
        { "/a.b", FIELD_U64, 1, "{\"a.b\":7}", "7" },
        { "/id.orig_h", FIELD_ADDR, 1, "{\"id.orig_h\":\"10.0.0.1\"}", "00000000000000000000ffff0a000001" },
        { "/a~1b/~0/c", FIELD_U64, 1, "{\"a/b\":{\"~\":{\"c\":9}}}", "9" },
        { "/a/1/b", FIELD_U64, 1, "{\"a\":[{\"b\":1},{\"b\":2}]}", "2" },
        { "/", FIELD_U64, 1, "{\"\":3}", "3" },
        { "a.0", FIELD_U64, 1, "{\"a\":{\"0\":4}}", "4" },
        { "@timestamp", FIELD_TIME, 1, "{\"@timestamp\":1}", "1000000000" },
        { "\xc3\xa9", FIELD_U64, 1, "{\"\\u00e9\":5}", "5" },
        { "src_ip", FIELD_U64, 1, "{\"src\\u005fip\":6}", "6" },
        { "a_name_of_more_than_sixteen_bytes", FIELD_U64, 1,
          "{\"a_name_of_more_THAN_sixteen_bytes\":1,\"a_name_of_more_than_sixteen_bytes\":2}", "2" },
        { "ninebytes", FIELD_U64, 1,
          "{\"Xinebytes\":1,\"ninebyteX\":2,\"ninebyte\":3,\"ninebytes\":4,\"ninebytess\":5}",
          "4" },
    };
    CHECK(rows);
}

TEST(of_members_of_one_name_the_last_counts_with_all_that_is_in_it)
{
    static const struct row rows[] = {
        { "a", FIELD_U64, 1, "{\"a\":1,\"a\":2}", "2" },
        { "a", FIELD_U64, 1, "{\"a\":\"no number\",\"a\":2}", "2" },
        { "a", FIELD_U64, 1, "{\"a\":1,\"a\":null}", "null" },
        { "a.x", FIELD_U64, 1, "{\"a\":{\"x\":1},\"a\":{\"y\":2}}", "null" },
        { "a.x.y", FIELD_U64, 1, "{\"a\":{\"x\":{\"y\":1}},\"a\":3}", "null" },
        { "a.x", FIELD_U64, 1, "{\"a\":{\"x\":1},\"b\":2,\"\\u0061\":{\"x\":4}}", "4" },
        { "a[0].x", FIELD_U64, 1, "{\"a\":[{\"x\":1,\"x\":2}]}", "2" },
    };
    CHECK(rows);
}

TEST(arrays_are_their_first_element_unless_the_path_says_which)
{
    static const struct row rows[] = {
        { "a", FIELD_U64, 1, "{\"a\":[5,6]}", "5" },
        { "a", FIELD_U64, 1, "{\"a\":[[[5],7],6]}", "5" },
        { "a", FIELD_U64, 1, "{\"a\":[]}", "null" },
        { "a", FIELD_U64, 1, "{\"a\":[[]]}", "null" },
        { "a", FIELD_U64, 1, "{\"a\":[null,1]}", "null" },
        { "a.b", FIELD_U64, 1, "{\"a\":[{\"c\":1},{\"b\":2}]}", "null" },
        { "a.b", FIELD_U64, 1, "{\"a\":[[{\"b\":3}],{\"b\":2}]}", "3" },
        { "a[1]", FIELD_U64, 1, "{\"a\":[5,6]}", "6" },
        { "a[2]", FIELD_U64, 1, "{\"a\":[5,6]}", "null" },
        { "a[0]", FIELD_U64, 1, "{\"a\":5}", "5" },
        { "a[1]", FIELD_U64, 1, "{\"a\":5}", "null" },
        { "a[1][0].b", FIELD_U64, 1, "{\"a\":[0,[{\"b\":8},9]]}", "8" },
        { "dns.answers[0].rrname", FIELD_STRING, 1, "{\"dns\":{\"answers\":[{\"rrname\":\"x\"},{\"rrname\":\"y\"}]}}",
          "'x'" },
        { "dns.answers[*].rrname", FIELD_STRING, 1,
          "{\"dns\":{\"answers\":[{\"rrname\":\"x\"},{},{\"rrname\":\"y\"}]}}",
          "'x,y'" },
        { "dns.answers.rrname", FIELD_STRING, 1, "{\"dns\":{\"answers\":[{\"rrname\":\"x\"},{\"rrname\":\"y\"}]}}",
          "'x'" },
        { "a[*]", FIELD_STRING, 1, "{\"a\":[\"x\",null,\"\\u0079\",3,true,{\"z\" : 1}]}", "'x,y,3,true,{\"z\":1}'" },
        { "a[*]", FIELD_STRING, 1, "{\"a\":[]}", "null" },
        { "a[*]", FIELD_STRING, 1, "{\"a\":[null]}", "null" },
        { "a[*]", FIELD_STRING, 1, "{\"a\":[\"\",\"\"]}", "','" },
        { "a[*]", FIELD_STRING, 1, "{\"a\":\"x\"}", "'x'" },
        { "a[*].b", FIELD_U64, 1, "{\"a\":[{\"b\":1},{\"b\":null},{\"b\":\"41\"}]}", "42" },
        { "a[*].b", FIELD_U64, 1, "{\"a\":[{\"c\":1}]}", "null" },
        { "a[*]", FIELD_F64, 1, "{\"a\":[0.5,1.25]}", "1.75" },
        { "a[#]", FIELD_U64, 1, "{\"a\":[0,[1,2],{}]}", "3" },
        { "a[#]", FIELD_U64, 1, "{\"a\":[]}", "0" },
        { "a[#]", FIELD_U64, 1, "{\"a\":7}", "1" },
        { "a[#]", FIELD_U64, 1, "{\"a\":null}", "null" },
        { "a[#]", FIELD_U64, 1, "{}", "null" },
    };
    CHECK(rows);
}

TEST(one_value_fills_as_many_columns_as_want_it)
{
    static const struct json_column columns[] = { { "a.b", FIELD_U64, 1 },    { "a", FIELD_STRING, 1 },
                                                  { "a.b", FIELD_STRING, 1 }, { "a.b", FIELD_F64, 1 },
                                                  { "t", FIELD_TIME, 1 } };
    struct json_probe p;
    char              room[100];
    json_probe_open(&p, columns, WEIR_COUNT(columns), 4);
    json_give(&p, S("{\"a\":{\"b\":7},\"t\":1}\n{\"t\":2}\n{\"t\":3,\"a\":{\"b\":8}}\n"), false);
    assert_int_equal(p.batch.rows, 3);
    assert_string_equal(json_cell(&p, 0, 0, room, sizeof room), "7");
    assert_string_equal(json_cell(&p, 1, 0, room, sizeof room), "'{\"b\":7}'");
    assert_string_equal(json_cell(&p, 2, 2, room, sizeof room), "'8'");
    assert_string_equal(json_cell(&p, 3, 1, room, sizeof room), "null");
    for (u32 i = 0; i < 3; i++) assert_int_equal(p.batch.time[i], (i + 1) * NANOS_SECOND);
    json_probe_close(&p);
}

TEST(what_a_layout_cannot_ask_for_is_refused_at_open)
{
    static const struct { struct json_column column; const char *what; } rows[] = {
        { { "", FIELD_U64, 1 }, "empty path" },
        { { ".a", FIELD_U64, 1 }, "path with an empty name" },
        { { "a..b", FIELD_U64, 1 }, "path with an empty name" },
        { { "a.", FIELD_U64, 1 }, "path with an empty name" },
        { { "[0]", FIELD_U64, 1 }, "path with an empty name" },
        { { "a[0", FIELD_U64, 1 }, "path with [ and no ]" },
        { { "a[01]", FIELD_U64, 1 }, "path with other than a number, * or # in [ ]" },
        { { "a[x]", FIELD_U64, 1 }, "path with other than a number, * or # in [ ]" },
        { { "a[]", FIELD_U64, 1 }, "path with other than a number, * or # in [ ]" },
        { { "a[0]b", FIELD_U64, 1 }, "path without a . between names" },
        { { "a]b", FIELD_U64, 1 }, "path without a . between names" },
        { { "a[*].b[*]", FIELD_U64, 1 }, "path with more than one [*]" },
        { { "a[*].b[#]", FIELD_U64, 1 }, "path with [#] behind [*]" },
        { { "a[#].b", FIELD_U64, 1 }, "path that goes on behind [#]" },
        { { "a[#]", FIELD_STRING, 1 }, "path with [#] for other than u64" },
        { { "a[*]", FIELD_ADDR, 1 }, "path with [*] for other than u64, f64 and string" },
        { { "/a~2", FIELD_U64, 1 }, "path with ~ before other than 0 or 1" },
        { { "/0", FIELD_U64, 1 }, "path that begins with an element" },
        { { "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", FIELD_U64, 1 },
          "path of more than 32 steps" },
        { { "t", FIELD_TIME, 60 }, "scale of a time is not 1, 1000, 1000000 or 1000000000" },
        { { "s", FIELD_STRING, 2 }, "scale that does not go with the type" },
        { { "s", FIELD_SAMPLING, 1 }, "type that JSON does not have" },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct json_probe p;
        err e = json_try(&p, &rows[i].column, 1, LAYOUT_NO_TIME);
        assert_int_equal(e.code, ERR_CONFIG);
        assert_string_equal(e.what, rows[i].what);
        assert_int_equal(e.at, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(u64_takes_whole_numbers_to_the_last_of_64_bits_however_they_are_written),
        cmocka_unit_test(f64_is_the_nearest_double),
        cmocka_unit_test(time_is_read_as_logs_write_it),
        cmocka_unit_test(addresses_are_strings),
        cmocka_unit_test(strings_are_without_their_escapes_and_other_values_as_they_are_written),
        cmocka_unit_test(what_is_no_character_is_replaced),
        cmocka_unit_test(paths_go_into_objects_by_name),
        cmocka_unit_test(of_members_of_one_name_the_last_counts_with_all_that_is_in_it),
        cmocka_unit_test(arrays_are_their_first_element_unless_the_path_says_which),
        cmocka_unit_test(one_value_fills_as_many_columns_as_want_it),
        cmocka_unit_test(what_a_layout_cannot_ask_for_is_refused_at_open),
    };
    return decoder_json.missing ? json_tests_skipped() : cmocka_run_group_tests(tests, NULL, NULL);
}
