/* SPDX-License-Identifier: Apache-2.0 */
/* test_units.c: values with units, there and back. */
#include "config/units.h"

#include "fake.h"

struct good_unit {
    const char *text;
    u64         value;
    const char *shortest;
};

struct bad_unit {
    const char *text;
    const char *why; /* its beginning */
};

static const struct good_unit spans[], sizes[];
static const struct bad_unit  bad_spans[], bad_sizes[];

static void reads_spans_and_writes_them_in_the_largest_whole_unit(void **state)
{
    char buf[UNIT_TEXT];
    for (const struct good_unit *row = spans; row->text != NULL; row++) {
        nanos       span = -1, again = -1;
        const char *why;
        assert_true(span_parse(slice_str(row->text), &span, &why));
        assert_int_equal(span, row->value);
        slice out = span_format(span, buf);
        assert_true(slice_is(out, row->shortest));
        assert_true(span_parse(out, &again, &why));
        assert_int_equal(again, span);
    }
}

static void reads_sizes_and_writes_them_in_the_largest_whole_unit(void **state)
{
    char buf[UNIT_TEXT];
    for (const struct good_unit *row = sizes; row->text != NULL; row++) {
        u64         size = 1, again = 1;
        const char *why;
        assert_true(size_parse(slice_str(row->text), &size, &why));
        assert_true(size == row->value);
        slice out = size_format(size, buf);
        assert_true(slice_is(out, row->shortest));
        assert_true(size_parse(out, &again, &why));
        assert_true(again == size);
    }
}

static void says_why_a_text_is_no_span_or_size(void **state)
{
    for (const struct bad_unit *row = bad_spans; row->text != NULL; row++) {
        nanos       span;
        const char *why = NULL;
        assert_false(span_parse(slice_str(row->text), &span, &why));
        assert_true(slice_starts(slice_str(why), slice_str(row->why)));
    }
    for (const struct bad_unit *row = bad_sizes; row->text != NULL; row++) {
        u64         size;
        const char *why = NULL;
        assert_false(size_parse(slice_str(row->text), &size, &why));
        assert_true(slice_starts(slice_str(why), slice_str(row->why)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_spans_and_writes_them_in_the_largest_whole_unit),
        cmocka_unit_test(reads_sizes_and_writes_them_in_the_largest_whole_unit),
        cmocka_unit_test(says_why_a_text_is_no_span_or_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

static const struct good_unit spans[] = {
    { "0", 0, "0s" },
    { "0s", 0, "0s" },
    { "1ns", 1, "1ns" },
    { "1500us", 1500000, "1500us" },
    { "500ms", 500000000, "500ms" },
    { "90s", 90000000000, "90s" },
    { "60s", 60000000000, "1m" },
    { "120m", 7200000000000, "2h" },
    { "24h", 86400000000000, "1d" },
    { "7d", 604800000000000, "1w" },
    { "30d", 2592000000000000, "30d" },
    { "365d", 31536000000000000, "1y" },
    { "9223372036854775807ns", INT64_MAX, "9223372036854775807ns" },
    { NULL, 0, NULL },
};

static const struct good_unit sizes[] = {
    { "0", 0, "0B" },
    { "4096", 4096, "4KiB" },
    { "64MiB", 67108864, "64MiB" },
    { "1024MiB", 1073741824, "1GiB" },
    { "1GB", 1000000000, "1000000000B" },
    { "3KB", 3000, "3000B" },
    { "5B", 5, "5B" },
    { "18446744073709551615", UINT64_MAX, "18446744073709551615B" },
    { NULL, 0, NULL },
};

static const struct bad_unit bad_spans[] = {
    { "", "is not a span" },
    { "10", "is not a span" },
    { "m", "is not a span" },
    { "5 m", "is not a span" },
    { "5M", "is not a span" },
    { "-5m", "is not a span" },
    { "+5m", "is not a span" },
    { "1h30m", "is not a span" },
    { "1.5h", "is not a whole number" },
    { "1,5h", "is not a whole number" },
    { "293y", "is too large" },
    { "99999999999999999999s", "is too large" },
    { NULL, NULL },
};

static const struct bad_unit bad_sizes[] = {
    { "", "is not a size" },
    { "5k", "is not a size" },
    { "5kib", "is not a size" },
    { "KiB", "is not a size" },
    { "1.5GiB", "is not a whole number" },
    { "16777216TiB", "is too large" },
    { "18446744073709551616", "is too large" },
    { NULL, NULL },
};
