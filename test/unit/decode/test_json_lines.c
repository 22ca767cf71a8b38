/* SPDX-License-Identifier: Apache-2.0 */
/* test_json_lines.c: lines and chunks: what is consumed, what waits; no cut and no neighbour changes a value. */
#include "json_probe.h"

static const struct json_column columns[] = {
    { "timestamp", FIELD_TIME, 1 }, { "src_ip", FIELD_ADDR, 1 },            { "dest_port", FIELD_U64, 1 },
    { "proto", FIELD_STRING, 1 },   { "alert.signature", FIELD_STRING, 1 }, { "flow.age", FIELD_F64, 1 },
};

static const char event[] =
    "{\"timestamp\":\"2024-05-01T12:00:00.123456+0200\",\"src_ip\":\"10.1.2.3\",\"dest_port\":443,\"proto\":\"TCP\","
    "\"alert\":{\"signature\":\"ET \\u00e9 \\\"x\\\"\",\"metadata\":{\"a\":[\"b\",-1.5e3,true,false,null,{}]}},"
    "\"flow\":{\"age\":2.5}}";

/* All rows of a text, given in calls that end at `cut` and at the end, as text. */
static size_t rows_text(slice text, size_t cut, char *to, u64 *refused)
{
    struct json_probe p;
    size_t            len = 0, at = 0;
    *refused = 0;
    json_probe_open(&p, columns, WEIR_COUNT(columns), 0);
    for (u32 turn = 0; turn < 2; turn++)
        do {
            size_t end = turn == 0 ? cut : text.len;
            json_give(&p, slice_of(text.at + at, end - at), turn == 1);
            for (u32 r = 0; r < p.batch.rows; r++)
                for (u32 c = 0; c < WEIR_COUNT(columns); c++) {
                    len += (size_t)cell_text(to + len, 5000, &p.column[c], &p.batch.column[c], r);
                    to[len++] = c + 1 == WEIR_COUNT(columns) ? '\n' : '|';
                }
            *refused += json_refused(&p);
            at += p.used;
        } while (p.used > 0);
    assert_int_equal(at, text.len);
    json_probe_close(&p);
    to[len] = 0;
    return len;
}

static const char event_row[] =
    "1714557600123456000|00000000000000000000ffff0a010203|443|'TCP'|'ET \xc3\xa9 \"x\"'|2.5\n";

TEST(a_cut_anywhere_changes_nothing)
{
    char   text[4 * sizeof event], *rows = malloc(20000), expected[4 * sizeof event_row];
    u64    refused;
    size_t len = (size_t)sprintf(text, "%s\nnonsense\r\n%s\r\n%s", event, event, event);
    assert_non_null(rows);
    sprintf(expected, "%s%s%s", event_row, event_row, event_row);
    for (size_t cut = 0; cut <= len; cut++) {
        rows_text(slice_of(text, len), cut, rows, &refused);
        assert_string_equal(rows, expected);
        assert_int_equal(refused, 1);
    }
    free(rows);
}

TEST(a_line_cut_at_any_byte_is_refused_and_its_neighbours_are_not)
{
    char   text[4 * sizeof event], rows[3000], expected[3 * sizeof event_row];
    u64    refused;
    sprintf(expected, "%s%s", event_row, event_row);
    for (int end = 0; end + 1 < (int)sizeof event; end++) {
        size_t len = (size_t)sprintf(text, "%s\n%.*s\n%s\n", event, end, event, event);
        rows_text(slice_of(text, len), 0, rows, &refused);
        assert_string_equal(rows, expected);
        assert_int_equal(refused, 1);
        rows_text(slice_of(event, (size_t)end), 0, rows, &refused);
        assert_string_equal(rows, "");
        assert_int_equal(refused, end > 0);
    }
}

TEST(members_may_come_in_any_order_and_with_white_space)
{
    static const char text[] =
        " { \"flow\" : { \"age\" : 2.5 } , \"alert\" : { \"x\" : 1 , \"signature\" : \"ET \xc3\xa9 \\\"x\\\"\" } ,\t"
        "\"proto\" : \"TCP\" , \"src_ip\" : \"10.1.2.3\" , \"timestamp\" : \"2024-05-01T12:00:00.123456+0200\" ,"
        "\"dest_port\" : 443 } \r\n";
    char rows[1000];
    u64  refused;
    rows_text(slice_str(text), 0, rows, &refused);
    assert_string_equal(rows, event_row);
}

TEST(a_batch_is_full_at_its_limit_and_the_rest_comes_with_the_next)
{
    static const struct json_column column = { "n", FIELD_U64, 1 };
    struct json_probe p;
    char             *text = malloc(100000);
    size_t            len = 0, at = 0;
    u64               sum = 0, rows = 0, nulls = 0;
    assert_non_null(text);
    for (u32 i = 0; i < 5000; i++) {
        const char *name = i % 7 != 3 && i % 5 == 1 ? "x" : "n";
        len += (size_t)sprintf(text + len, "{\"%s\":%s%u}\n", name, i % 7 == 3 ? "-" : "", i);
    }
    json_probe_open(&p, &column, 1, LAYOUT_NO_TIME);
    do {
        json_give(&p, slice_of(text + at, len - at), false);
        at += p.used;
        rows += p.batch.rows;
        for (u32 r = 0; r < p.batch.rows; r++) {
            nulls += column_null(&p.batch.column[0], r);
            if (!column_null(&p.batch.column[0], r)) sum += ((const u64 *)p.batch.column[0].cells)[r];
        }
        for (u32 r = p.batch.rows; p.batch.column[0].nulls != NULL && r < BATCH_ROWS; r++)
            assert_int_equal(p.batch.column[0].nulls[r >> 6] >> (r & 63) & 1, 0);
        assert_true(p.batch.rows == BATCH_ROWS || at == len);
        assert_null(p.batch.time);
    } while (p.used > 0);
    u64 expected = 0, kept = 0, empty = 0;
    for (u32 i = 0; i < 5000; i++) {
        kept += i % 7 != 3;
        empty += i % 7 != 3 && i % 5 == 1;
        expected += i % 7 != 3 && i % 5 != 1 ? i : 0;
    }
    assert_int_equal(rows, kept);
    assert_int_equal(nulls, empty);
    assert_int_equal(sum, expected);
    json_probe_close(&p);
    free(text);
}

/* {"n":7,"x":"zzz..."} of so many bytes. */
static slice long_line(char *room, size_t bytes)
{
    memset(room, 'z', bytes);
    memcpy(room, "{\"n\":7,\"x\":\"", 12);
    memcpy(room + bytes - 2, "\"}", 2);
    return slice_of(room, bytes);
}

TEST(a_line_of_1_mib_is_good_and_a_longer_one_is_passed_over)
{
    static const struct json_column column = { "n", FIELD_U64, 1 };
    struct json_probe p;
    size_t            most = 1 << 20;
    char             *room = malloc(3 * most);
    assert_non_null(room);
    json_probe_open(&p, &column, 1, LAYOUT_NO_TIME);
    for (u32 longer = 0; longer < 3; longer++)
        for (u32 end = 0; end < 3; end++) {
            static const char *const ends[] = { "", "\n{\"n\":8}\n", "\r\n{\"n\":8}\n" };
            size_t len = long_line(room, most + longer).len;
            memcpy(room + len, ends[end], strlen(ends[end]));
            json_give(&p, slice_of(room, len + strlen(ends[end])), true);
            assert_int_equal(p.used, len + strlen(ends[end]));
            assert_int_equal(p.batch.rows, (longer == 0) + (end > 0));
            assert_int_equal(json_refused(&p), longer > 0);
            if (longer > 0) assert_string_equal(decoder_json.reasons[p.bad.kept_at[0].reason], "line over 1 MiB");
        }
    long_line(room, most + 1);
    json_give(&p, slice_of(room, most + 1), false);
    assert_int_equal(p.used, 0);
    assert_int_equal(p.batch.rows, 0);
    json_probe_close(&p);
    free(room);
}

#define LINE_MOST (1 << 20)

/* Payloads and bodies of HTTP are long. Forms: as it is, with escapes, an object's text, joined, of one and of two. */
TEST(a_string_is_as_long_as_its_line_allows_wanted_or_not)
{
    static const struct { const char *path, *form; u32 more; } rows[] = {
        { "a", "{\"a\":\"%0*d\",\"n\":7}", 0 },
        { "a", "{\"a\":\"\\n%0*d\\u0041\",\"n\":7}", 2 },
        { "a", "{\"a\": { \"x\" : \"%0*d\" } ,\"n\":7}", 8 },
        { "a[*]", "{\"a\":[\"%0*d\"],\"n\":7}", 0 },
        { "a[*].b", "{\"a\":[{\"b\":\"x\"},{\"b\":\"%0*d\"}, {\"b\":\"y\\t\"}],\"n\":7}", 5 },
        { "a[*]", "{\"a\":\"%0*d\",\"n\":7}", 0 },
        { "b", "{\"a\":\"%0*d\\ud800\",\"n\":7}", 0 },
    };
    static const int sizes[] = { 4000, 4095, 4096, 4097, 65536, LINE_MOST - 100 };
    char            *line = malloc(LINE_MOST + 100);
    assert_non_null(line);
    for (u32 i = 0; i < WEIR_COUNT(rows) * WEIR_COUNT(sizes); i++) {
        int                size = sizes[i % WEIR_COUNT(sizes)];
        u32                r = i / WEIR_COUNT(sizes);
        struct json_column wanted[] = { { rows[r].path, FIELD_STRING, 1 }, { "n", FIELD_U64, 1 } };
        struct json_probe  p;
        int                n = sprintf(line, rows[r].form, size, 5);
        json_probe_open(&p, wanted, 2, LAYOUT_NO_TIME);
        json_give(&p, slice_of(line, (size_t)n), true);
        assert_int_equal(p.batch.rows, 1);
        assert_int_equal(((const u64 *)p.batch.column[1].cells)[0], 7);
        assert_int_equal(column_null(&p.batch.column[0], 0), *rows[r].path == 'b');
        slice text = ((const slice *)p.batch.column[0].cells)[0];
        if (*rows[r].path != 'b') {
            assert_int_equal(text.len, (u32)size + rows[r].more);
            assert_non_null(memchr(text.at, '5', text.len));
        }
        json_probe_close(&p);
    }
    free(line);
}

TEST(text_without_a_whole_line_waits)
{
    struct json_probe p;
    json_probe_open(&p, columns, 1, 0);
    json_give(&p, S("{\"timestamp\":1"), false);
    assert_int_equal(p.used, 0);
    assert_int_equal(p.lines, 5);
    json_give(&p, S(""), true);
    assert_int_equal(p.used, 0);
    assert_int_equal(p.lines, 5);
    json_probe_close(&p);
}

TEST(a_layout_that_uses_no_field_still_checks_lines)
{
    struct json_probe p;
    json_probe_open(&p, columns, 0, LAYOUT_NO_TIME);
    json_give(&p, S("{\"a\":1}\n{\"a\":tru}\n{}\n"), true);
    assert_int_equal(p.batch.rows, 2);
    assert_int_equal(json_refused(&p), 1);
    json_probe_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_anywhere_changes_nothing),
        cmocka_unit_test(a_line_cut_at_any_byte_is_refused_and_its_neighbours_are_not),
        cmocka_unit_test(members_may_come_in_any_order_and_with_white_space),
        cmocka_unit_test(a_batch_is_full_at_its_limit_and_the_rest_comes_with_the_next),
        cmocka_unit_test(a_line_of_1_mib_is_good_and_a_longer_one_is_passed_over),
        cmocka_unit_test(a_string_is_as_long_as_its_line_allows_wanted_or_not),
        cmocka_unit_test(text_without_a_whole_line_waits),
        cmocka_unit_test(a_layout_that_uses_no_field_still_checks_lines),
    };
    return decoder_json.missing ? json_tests_skipped() : cmocka_run_group_tests(tests, NULL, NULL);
}
