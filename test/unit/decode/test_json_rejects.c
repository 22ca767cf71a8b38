/* SPDX-License-Identifier: Apache-2.0 */
/* test_json_rejects.c: every kind of bad line, with its reason, field, offset and line.
 *
 * A bad line stands alone, then between good lines with LF and with CR LF, then without its LF at the input's end; then
 * beside a line that the index itself refuses, so that it is decoded on the other way. */
#include "json_probe.h"

#define LINE UINT32_MAX

struct bad {
    const char *reason;
    slice       line;
    const char *sample; /* NULL: not looked at */
};

static const struct json_column plain_columns[] = { { "a", FIELD_U64, 1 }, { "b.c", FIELD_STRING, 1 } };

static u32 put(char *to, u32 len, slice s)
{
    memcpy(to + len, s.at, s.len);
    return len + (u32)s.len;
}

/* `at`: of the line that is refused, the only one but those of `also`. */
static void check_reject(struct json_probe *p, const struct bad *b, u64 offset, u32 line, u32 field, u32 also)
{
    const struct reject *r = &p->bad.kept_at[also];
    if (json_refused(p) != 1 + also) fail_msg("%s: %llu refused", b->line.at, (unsigned long long)json_refused(p));
    if (strcmp(decoder_json.reasons[r->reason], b->reason) != 0)
        fail_msg("%s: '%s', not '%s'", b->line.at, decoder_json.reasons[r->reason], b->reason);
    if (r->offset != 1000 + offset || r->line != line || r->field != field)
        fail_msg("%s: offset %llu, line %u, field %u", b->line.at, (unsigned long long)r->offset, r->line, r->field);
    slice sample = slice_of(p->bad.samples + r->sample, r->sample_len);
    bool same = b->sample == NULL || (field == LINE ? slice_starts(sample, slice_str(b->sample))
                                                    : slice_is(sample, b->sample));
    if (!same)
        fail_msg("%s: sample '%.*s'", b->line.at, (int)sample.len, sample.at);
}

static void check_bad(const struct bad *b, const struct json_column *column, u32 columns, u32 time, u32 field)
{
    static const char good[] = "{\"a\":1,\"n\":1,\"t\":1}";
    static const char *const ends[] = { "\n", "\r\n", " \n" };
    char             *room = malloc(b->line.len + 1000);
    struct json_probe p;
    assert_non_null(room);
    json_probe_open(&p, column, columns, time);
    json_give(&p, b->line, true);
    check_reject(&p, b, 0, 5, field, 0);
    for (u32 i = 0; i < WEIR_COUNT(ends); i++) {
        u32 len = put(room, put(room, 0, slice_str(good)), slice_str(ends[i])), offset = len;
        len = put(room, put(room, len, b->line), slice_str(ends[i]));
        len = put(room, put(room, len, slice_str(good)), slice_str(ends[i]));
        json_give(&p, slice_of(room, len), false);
        check_reject(&p, b, offset, 6, field, 0);
        assert_int_equal(p.batch.rows, 2);
        assert_int_equal(p.lines, 8);
        assert_int_equal(p.used, len);
    }
    u32 len = put(room, put(room, 0, S("{\"x\":\"\x01\"}\n")), b->line);
    json_give(&p, slice_of(room, len), true);
    check_reject(&p, b, 10, 6, field, 1);
    assert_int_equal(p.lines, 7);
    json_probe_close(&p);
    free(room);
}

TEST(each_fault_of_a_line_has_its_reason)
{
    static const struct bad rows[] = {
        { "not a JSON object", S("[1,2]"), NULL },
        { "not a JSON object", S("7"), NULL },
        { "not a JSON object", S("\"a\""), NULL },
        { "not a JSON object", S("null"), NULL },
        { "not a JSON object", S("hello {}"), NULL },
        { "not a JSON object", S("}"), NULL },
        { "not a JSON object", S(",{}"), NULL },
        { "byte order mark before the object", S("\xef\xbb\xbf{\"a\":1}"), NULL },
        { "not UTF-8", S("{\"a\":1,\"x\":\"\xff\"}"), "{\"a\":1,\"x\":\"\xff\"}" },
        { "not UTF-8", S("{\"a\":1,\"x\":\"\xc3\"}"), NULL },
        { "not UTF-8", S("{\"a\":1,\"x\":\"\xed\xa0\x80\"}"), NULL },
        { "not UTF-8", S("{\"a\":1,\"x\":\"\xc0\xaf\"}"), NULL },
        { "not UTF-8", S("{\"a\":1,\"x\":\"\xf4\x90\x80\x80\"}"), NULL },
        { "string is not closed", S("{\"a\":1,\"x\":\"y}"), NULL },
        { "string is not closed", S("{\"a\":1,\"x\":\"y\\\"}"), NULL },
        { "string is not closed", S("{\"a\":1,\"x"), NULL },
        { "control character in a string", S("{\"a\":\"\t\"}"), NULL },
        { "control character in a string", S("{\"a\":1,\"x\":\"\x1f\"}"), NULL },
        { "control character in a string", S("{\"a\":1,\"x\":\"\0\"}"), NULL },
        { "control character in a string", S("{\"\x01\":1}"), NULL },
        { "object is not closed", S("{"), NULL },
        { "object is not closed", S("{\"a\":1"), NULL },
        { "object is not closed", S("{\"a\":"), NULL },
        { "object is not closed", S("{\"a\":1,"), NULL },
        { "object is not closed", S("{\"a\":[1"), NULL },
        { "object is not closed", S("{\"a\":{}"), NULL },
        { "object is not closed", S("{\"a\":1,\"b\":{\"c\":{\"d\":1}}"), NULL },
        { "text behind the object", S("{\"a\":1}{\"a\":2}"), NULL },
        { "text behind the object", S("{\"a\":1} {\"a\":2}"), NULL },
        { "text behind the object", S("{\"a\":1},"), NULL },
        { "text behind the object", S("{\"a\":1}}"), NULL },
        { "text behind the object", S("{\"a\":1}x"), NULL },
        { "text behind the object", S("{}\0"), NULL },
        { "text behind the object", S("{\"a\":123456789012345} 7"), "23456789012345} 7" },
        { "no member name where one must be", S("{1:2}"), NULL },
        { "no member name where one must be", S("{\"a\":1,}"), NULL },
        { "no member name where one must be", S("{,}"), NULL },
        { "no member name where one must be", S("{'a':1}"), NULL },
        { "no member name where one must be", S("{a:1}"), NULL },
        { "no member name where one must be", S("{\"a\":1,/**/\"b\":2}"), NULL },
        { "no member name where one must be", S("{\"x\":{\"a\":1,}}"), NULL },
        { "no member name where one must be", S("{\"a\":1,null:2}"), NULL },
        { "no colon behind a member name", S("{\"a\"}"), NULL },
        { "no colon behind a member name", S("{\"a\",1}"), NULL },
        { "no colon behind a member name", S("{\"a\"1}"), NULL },
        { "no colon behind a member name", S("{\"a\"\"b\":1}"), NULL },
        { "neither comma nor end behind a value", S("{\"a\":1 \"b\":2}"), NULL },
        { "neither comma nor end behind a value", S("{\"a\":1:2}"), NULL },
        { "neither comma nor end behind a value", S("{\"a\":\"x\"y}"), NULL },
        { "neither comma nor end behind a value", S("{\"a\":[1}"), NULL },
        { "neither comma nor end behind a value", S("{\"a\":[1 2]}"), NULL },
        { "neither comma nor end behind a value", S("{\"a\":1]}"), NULL },
        { "neither comma nor end behind a value", S("{\"a\":1 2}"), NULL },
        { "neither comma nor end behind a value", S("{\"a\":\"x\"\f}"), NULL },
        { "not a JSON value", S("{\"a\":}"), NULL },
        { "not a JSON value", S("{\"a\":,\"b\":1}"), NULL },
        { "not a JSON value", S("{\"a\"::1}"), NULL },
        { "not a JSON value", S("{\"a\":[1,]}"), NULL },
        { "not a JSON value", S("{\"a\":[,1]}"), NULL },
        { "not a JSON value", S("{\"a\":[}"), NULL },
        { "not a JSON value", S("{\"a\":tru}"), NULL },
        { "not a JSON value", S("{\"a\":truex}"), NULL },
        { "not a JSON value", S("{\"a\":true\"x\"}"), NULL },
        { "not a JSON value", S("{\"a\":True}"), NULL },
        { "not a JSON value", S("{\"a\":nul}"), NULL },
        { "not a JSON value", S("{\"a\":falsey}"), NULL },
        { "not a JSON value", S("{\"a\":NaN}"), NULL },
        { "not a JSON value", S("{\"a\":Infinity}"), NULL },
        { "not a JSON value", S("{\"a\":'x'}"), NULL },
        { "not a JSON value", S("{\"a\":+1}"), NULL },
        { "not a JSON value", S("{\"a\":.5}"), NULL },
        { "not a JSON value", S("{\"a\":\\n}"), NULL },
        { "not a JSON value", S("{\"a\":\0}"), NULL },
        { "not a JSON number", S("{\"a\":01}"), NULL },
        { "not a JSON number", S("{\"a\":-01}"), NULL },
        { "not a JSON number", S("{\"a\":-}"), NULL },
        { "not a JSON number", S("{\"a\":1.}"), NULL },
        { "not a JSON number", S("{\"a\":1.e5}"), NULL },
        { "not a JSON number", S("{\"a\":1e}"), NULL },
        { "not a JSON number", S("{\"a\":1e+}"), NULL },
        { "not a JSON number", S("{\"a\":0x10}"), NULL },
        { "not a JSON number", S("{\"a\":1_000}"), NULL },
        { "not a JSON number", S("{\"a\":1-2}"), NULL },
        { "not a JSON number", S("{\"a\":-Infinity}"), NULL },
        { "not a JSON number", S("{\"x\":1\"y\"}"), NULL },
        { "wrong escape in a string", S("{\"a\":1,\"x\":\"0123456789abcdef\\x\"}"), "0123456789abcdef\\x\"}" },
        { "wrong escape in a string", S("{\"\\x\":1}"), NULL },
        { "wrong escape in a string", S("{\"a\":\"\\u12\"}"), NULL },
        { "wrong escape in a string", S("{\"a\":\"\\u12g4\"}"), NULL },
        { "wrong escape in a string", S("{\"a\":\"\\U0041\"}"), NULL },
        { "wrong escape in a string", S("{\"a\":\"\\ud800\\u12\"}"), "{\"a\":\"\\ud800\\u12\"}" },
        { "wrong escape in a string", S("{\"a\":\"\\ud8\"}"), NULL },
        { "wrong escape in a string", S("{\"x\":[\"\\n\",{\"y\":\"\\'\"}]}"), NULL },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) check_bad(&rows[i], plain_columns, 2, LAYOUT_NO_TIME, LINE);
}

TEST(a_line_without_anything_is_refused_too)
{
    struct json_probe p;
    json_probe_open(&p, plain_columns, 2, LAYOUT_NO_TIME);
    json_give(&p, S("\n{\"a\":1}\n \t\r\n\n{\"a\":2}\n  "), true);
    assert_int_equal(p.batch.rows, 2);
    assert_int_equal(p.lines, 5 + 6);
    assert_int_equal(json_refused(&p), 4);
    for (u32 i = 0; i < 4; i++) assert_string_equal(decoder_json.reasons[p.bad.kept_at[i].reason], "empty line");
    assert_int_equal(p.bad.kept_at[1].offset, 1009);
    assert_int_equal(p.bad.kept_at[3].offset, 1022);
    assert_int_equal(p.bad.kept_at[3].line, 10);
    json_give(&p, S("\n\n \n"), true);
    assert_int_equal(json_refused(&p), 3);
    json_probe_close(&p);
}

struct value {
    enum field_type type;
    u64             scale;
    const char     *line, *reason, *sample;
};

TEST(each_value_that_does_not_fit_its_column_has_its_reason)
{
    static const struct value rows[] = {
        { FIELD_U64, 1, "{\"n\":18446744073709551616}", "number over 64 bits", "18446744073709551616" },
        { FIELD_U64, 1, "{\"n\":1e20}", "number over 64 bits", "1e20" },
        { FIELD_U64, 1, "{\"n\":1e400}", "number over 64 bits", "1e400" },
        { FIELD_U64, 1, "{\"n\":1e999999999999999}", "number over 64 bits", NULL },
        { FIELD_U64, 1, "{\"n\":\"18446744073709551616\"}", "number over 64 bits", "\"18446744073709551616\"" },
        { FIELD_U64, 2, "{\"n\":9223372036854775808}", "number over 64 bits when scaled", NULL },
        { FIELD_U64, 1, "{\"n\":-1}", "number below 0", "-1" },
        { FIELD_U64, 1, "{\"n\":-0.5 }", "number below 0", "-0.5" },
        { FIELD_U64, 1, "{\"n\":-1e999}", "number below 0", NULL },
        { FIELD_U64, 1, "{\"n\":1.5}", "not a whole number", NULL },
        { FIELD_U64, 1, "{\"n\":1e-1}", "not a whole number", NULL },
        { FIELD_U64, 1, "{\"n\":1e-999999999999}", "not a whole number", NULL },
        { FIELD_U64, 1, "{\"n\":\"\"}", "not a whole number", NULL },
        { FIELD_U64, 1, "{\"n\":\" 1\"}", "not a whole number", NULL },
        { FIELD_U64, 1, "{\"n\":\"0x1\"}", "not a whole number", NULL },
        { FIELD_U64, 1, "{\"n\":\"+1\"}", "not a whole number", NULL },
        { FIELD_U64, 1, "{\"n\":\"1.\"}", "not a whole number", NULL },
        { FIELD_U64, 1, "{\"n\":\"1e\"}", "not a whole number", NULL },
        { FIELD_U64, 1, "{\"n\":{ \"m\":1 } }", "object instead of one value", "{ \"m\":1 }" },
        { FIELD_U64, 1, "{\"n\":[\"x\",1]}", "not a whole number", "[\"x\",1]" },
        { FIELD_F64, 1, "{\"n\":true}", "not a decimal number", NULL },
        { FIELD_F64, 1, "{\"n\":\"NaN\"}", "not a decimal number", NULL },
        { FIELD_F64, 1, "{\"n\":1e400}", "decimal number out of range", NULL },
        { FIELD_F64, 10, "{\"n\":1e308}", "decimal number out of range", NULL },
        { FIELD_TIME, 1, "{\"n\":\"yesterday\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":\"\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":true}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":-1}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":1e9}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":\"2024-05-01\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":\"2024-13-01T00:00:00Z\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":\"2023-02-29T00:00:00Z\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":\"2100-02-29T00:00:00Z\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":\"2024-05-00T00:00:00Z\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":\"2024-05-01T24:00:00Z\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":\"2024-05-01T00:60:00Z\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":\"2024-05-01T00:00:61Z\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":\"2024-05-01T00:00:00+24:00\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":\"2024-05-01T00:00:00+2:00\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":\"2024-05-01T00:00:00Zulu\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":\"2024-05-01T00:00:00.Z\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":\"2024-05-01T00:00:00.1234567890Z\"}", "time finer than ns", NULL },
        { FIELD_TIME, 1, "{\"n\":1.1234567891}", "time finer than ns", NULL },
        { FIELD_TIME, 1000000, "{\"n\":1.1234}", "time finer than ns", NULL },
        { FIELD_TIME, 1, "{\"n\":\"05/01-12:00:00.123456\"}", "time without a year", "\"05/01-12:00:00.123456\"" },
        { FIELD_TIME, 1, "{\"n\":\"05/01-12:00:00.123456x\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":\"2024/05/01 12:00:00\"}", "not a time", NULL },
        { FIELD_TIME, 1, "{\"n\":9223372036.854775808}", "time out of range", NULL },
        { FIELD_TIME, 1, "{\"n\":1714557600123}", "time out of range", NULL },
        { FIELD_TIME, 1, "{\"n\":99999999999999999999}", "time out of range", NULL },
        { FIELD_TIME, 1, "{\"n\":\"0001-01-01T00:00:00Z\"}", "time out of range", NULL },
        { FIELD_TIME, 1, "{\"n\":\"2262-04-11T23:47:16.854775808Z\"}", "time out of range", NULL },
        { FIELD_ADDR, 1, "{\"n\":\"10.0.0.256\"}", "not an IP address", NULL },
        { FIELD_ADDR, 1, "{\"n\":\"10.0.0.01\"}", "not an IP address", NULL },
        { FIELD_ADDR, 1, "{\"n\":\"10.0.0\"}", "not an IP address", NULL },
        { FIELD_ADDR, 1, "{\"n\":\"10.0.0.1.\"}", "not an IP address", NULL },
        { FIELD_ADDR, 1, "{\"n\":\"\"}", "not an IP address", NULL },
        { FIELD_ADDR, 1, "{\"n\":\"::g\"}", "not an IP address", NULL },
        { FIELD_ADDR, 1, "{\"n\":10}", "not an IP address", "10" },
        { FIELD_MAC, 1, "{\"n\":\"00:11:22:33:44\"}", "not a MAC address", NULL },
        { FIELD_MAC, 1, "{\"n\":7}", "not a MAC address", NULL },
        { FIELD_U64, 1, "{\"n\":\"1\\u0000\"}", "not a whole number", "\"1\\u0000\"" },
        { FIELD_ADDR, 1, "{\"n\":\"10.0.0.1\\ud800\"}", "not an IP address", "\"10.0.0.1\\ud800\"" },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct json_column column[] = { { "a", FIELD_U64, 1 }, { "n", rows[i].type, rows[i].scale } };
        struct bad         bad = { rows[i].reason, slice_str(rows[i].line), rows[i].sample };
        struct json_probe  p;
        json_probe_open(&p, column, 2, LAYOUT_NO_TIME);
        json_give(&p, bad.line, true);
        check_reject(&p, &bad, 0, 5, 1, 0);
        json_probe_close(&p);
    }
}

TEST(sums_have_limits)
{
    static const struct json_column whole = { "a[*]", FIELD_U64, 1 }, decimal = { "a[*]", FIELD_F64, 1 };
    struct bad  over = { "number over 64 bits", S("{\"a\":[18446744073709551615,1]}"), NULL };
    struct bad  range = { "decimal number out of range", S("{\"a\":[1.7e308,1.7e308]}"), NULL };
    struct bad  element = { "not a whole number", S("{\"a\":[1,\"x\"]}"), NULL };
    check_bad(&over, &whole, 1, LAYOUT_NO_TIME, 0);
    check_bad(&range, &decimal, 1, LAYOUT_NO_TIME, 0);
    check_bad(&element, &whole, 1, LAYOUT_NO_TIME, 0);
}

TEST(a_record_without_its_event_time_is_refused)
{
    static const struct json_column columns[] = { { "a", FIELD_U64, 1 }, { "t", FIELD_TIME, 1 } };
    static const struct bad rows[] = {
        { "no event time", S("{\"a\":1}"), "" },
        { "no event time", S("{\"a\":1,\"t\":null}"), "null" },
        { "no event time", S("{\"a\":1,\"t\":\"-\"}"), "\"-\"" },
        { "no event time", S("{\"a\":1,\"t\":[]}"), "[]" },
        { "time without a year", S("{\"a\":1,\"t\":\"05/01-12:00:00\"}"), NULL },
        { "time out of range", S("{\"a\":1,\"t\":\"1677-09-21T00:12:44Z\"}"), NULL }, /* no window could hold these */
        { "time out of range", S("{\"a\":1,\"t\":\"2262-04-11T23:47:16Z\"}"), NULL },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) check_bad(&rows[i], columns, 2, 1, 1);
}

static slice nested(char *to, u32 depth, char open, char close)
{
    u32 len = put(to, 0, S("{\"x\":"));
    for (u32 i = 1; i < depth; i++) {
        if (open == '{' && i > 1) len = put(to, len, S("\"x\":"));
        to[len++] = open;
    }
    for (u32 i = 0; i < depth - 1; i++) to[len++] = close;
    to[len++] = '}';
    return slice_of(to, len);
}

TEST(nesting_has_a_limit)
{
    char             *line = malloc(200000);
    struct json_probe p;
    assert_non_null(line);
    json_probe_open(&p, plain_columns, 2, LAYOUT_NO_TIME);
    for (u32 depth = 1024; depth <= 1025; depth++)
        for (u32 kind = 0; kind < 2; kind++) {
            json_give(&p, nested(line, depth, kind ? '{' : '[', kind ? '}' : ']'), true);
            assert_int_equal(p.batch.rows, depth == 1024);
            if (depth > 1024)
                assert_string_equal(decoder_json.reasons[p.bad.kept_at[0].reason], "nested over 1024 deep");
        }
    json_give(&p, nested(line, 20000, '[', ']'), true);
    assert_int_equal(json_refused(&p), 1);
    json_probe_close(&p);
    free(line);
}

TEST(refusals_beyond_the_sample_are_counted)
{
    char             *text = malloc(100000);
    struct json_probe p;
    u32               len = 0;
    assert_non_null(text);
    for (u32 i = 0; i < 3000; i++) len = put(text, len, S("{\"a\":-1}\n"));
    json_probe_open(&p, plain_columns, 2, LAYOUT_NO_TIME);
    json_give(&p, slice_of(text, len), false);
    assert_int_equal(p.batch.rows, 0);
    assert_int_equal(json_refused(&p), 3000);
    assert_int_equal(p.bad.kept, REJECTS_MAX);
    assert_int_equal(p.used, len);
    json_probe_close(&p);
    free(text);
}

TEST(every_reason_has_words)
{
    u32 count = 0;
    while (decoder_json.reasons[count] != NULL) assert_true(strlen(decoder_json.reasons[count++]) > 3);
    assert_int_equal(count, 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_of_a_line_has_its_reason),
        cmocka_unit_test(a_line_without_anything_is_refused_too),
        cmocka_unit_test(each_value_that_does_not_fit_its_column_has_its_reason),
        cmocka_unit_test(sums_have_limits),
        cmocka_unit_test(a_record_without_its_event_time_is_refused),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(refusals_beyond_the_sample_are_counted),
        cmocka_unit_test(every_reason_has_words),
    };
    return decoder_json.missing ? json_tests_skipped() : cmocka_run_group_tests(tests, NULL, NULL);
}
