/* SPDX-License-Identifier: Apache-2.0 */
/* test_line_values.c: what good text of each field type means: tables of text and value.
 *
 * Each text stands as first, middle and last field of a line, before LF, CR LF and the end of the input, on every
 * instruction path of this machine. */
#include "probe.h"

struct good {
    struct spec spec;
    const char *text;
    const char *value; /* cell_text of it */
    const char *null;  /* NULL: "-"       */
};

/* The line with `text` as field `at` of three; the others are numbers. */
static void check_at(const struct good *g, u32 at, const char *end, enum path path)
{
    struct spec    spec[3] = { { FIELD_U64 }, { FIELD_U64 }, { FIELD_U64 } };
    char           line[16384], value[8192];
    struct probe   p;
    struct batch   batch;
    struct rejects bad = { 0 };
    size_t         used;
    u64            lines = 0;
    int            len;
    spec[at] = g->spec;
    len = snprintf(line, sizeof line, "%s %s %s%s", at == 0 ? g->text : "11", at == 1 ? g->text : "12",
                   at == 2 ? g->text : "13", end);
    slice text = chunk_make(slice_of(line, (size_t)len));
    probe_open(&p, spec, 3, slice_str(g->null ? g->null : "-"), path);
    decoder_line.decode(p.decoder, text, 0, true, &batch, &bad, &used, &lines);
    if (bad.kept != 0)
        fail_msg("'%.200s' in field %u, path %d: %s", g->text, at, (int)path,
            decoder_line.reasons[bad.kept_at[0].reason]);
    assert_int_equal(used, text.len);
    assert_int_equal(lines, 1);
    assert_int_equal(batch.rows, 1);
    cell_text(value, sizeof value, &p.column[at], &batch.column[at], 0);
    if (strcmp(value, g->value) != 0)
        fail_msg("'%.200s' in field %u, path %d: %.300s, not %.300s", g->text, at, (int)path, value, g->value);
    for (u32 i = 0; i < 3; i++)
        if (i != at) assert_int_equal(((const u64 *)batch.column[i].cells)[0], 11 + i);
    probe_close(&p);
    chunk_free(text);
}

static void check_all(const struct good *table, size_t count)
{
    static const char *const ends[] = { "\n", "\r\n", "" };
    for (size_t i = 0; i < count; i++)
        for (u32 at = 0; at < 3; at++)
            for (u32 e = 0; e < WEIR_COUNT(ends); e++)
                for (enum path path = PATH_PLAIN; path < PATHS; path++)
                    if (path_runs(path)) check_at(&table[i], at, ends[e], path);
}

static void whole_numbers_up_to_64_bits_are_exact(void **state)
{
    static const struct good table[] = {
        { { FIELD_U64 }, "0", "0" },
        { { FIELD_U64 }, "7", "7" },
        { { FIELD_U64 }, "12345678", "12345678" },
        { { FIELD_U64 }, "123456789", "123456789" },
        { { FIELD_U64 }, "1234567890123456", "1234567890123456" },
        { { FIELD_U64 }, "9999999999999999", "9999999999999999" },
        { { FIELD_U64 }, "12345678901234567", "12345678901234567" },
        { { FIELD_U64 }, "18446744073709551615", "18446744073709551615" },
        { { FIELD_U64 }, "00000000000000000000000018446744073709551615", "18446744073709551615" },
        { { FIELD_U64 }, "0000000000000042", "42" },
        { { FIELD_U64, .scale = 1000 }, "42", "42000" },
        { { FIELD_U64, .scale = 8 }, "2305843009213693951", "18446744073709551608" },
        { { FIELD_U64, .scale = UINT64_MAX }, "1", "18446744073709551615" },
        { { FIELD_U64 }, "-", "null" },
        { { FIELD_U64 }, "NULL", "null", "NULL" },
        { { FIELD_U64 }, "0", "null", "0" },
        { { FIELD_U64 }, "00", "0", "0" },
        { { FIELD_U64 }, "10", "10", "0" },
        { { FIELD_U64 }, "9999999999999999", "null", "9999999999999999" },
        { { FIELD_U64 }, "19999999999999999", "19999999999999999", "9999999999999999" },
        { { FIELD_U64 }, "", "null", "" },
    };
    check_all(table, WEIR_COUNT(table));
}

static void decimals_are_the_nearest_double(void **state)
{
    static const struct good table[] = {
        { { FIELD_F64 }, "0", "0" },
        { { FIELD_F64 }, "-0", "-0" },
        { { FIELD_F64 }, "1.5", "1.5" },
        { { FIELD_F64 }, "-1.5", "-1.5" },
        { { FIELD_F64 }, "0.1", "0.10000000000000001" },
        { { FIELD_F64 }, "123456789.123456", "123456789.123456" },
        { { FIELD_F64 }, "9007199254740993", "9007199254740992" },
        { { FIELD_F64 }, "9007199254740993.0", "9007199254740992" },
        { { FIELD_F64 }, "9007199254740993.00000000000000000000000001", "9007199254740994" },
        { { FIELD_F64 }, "1e22", "1e+22" },
        { { FIELD_F64 }, "1e23", "9.9999999999999992e+22" },
        { { FIELD_F64 }, "8.5E-3", "0.0085000000000000006" },
        { { FIELD_F64 }, "1e+2", "100" },
        { { FIELD_F64 }, "5e-324", "4.9406564584124654e-324" },
        { { FIELD_F64 }, "1e-400", "0" },
        { { FIELD_F64 }, "1.7976931348623157e308", "1.7976931348623157e+308" },
        { { FIELD_F64 }, "0.000000000000000000000000000000000000001", "9.9999999999999993e-40" },
        { { FIELD_F64 }, "123456789012345678", "1.2345678901234568e+17" },
        { { FIELD_F64 }, "2.2250738585072011e-308", "2.2250738585072009e-308" },
        { { FIELD_F64, .scale = 4 }, "0.25", "1" },
        { { FIELD_F64 }, "-", "null" },
        { { FIELD_F64 }, "0.0", "null", "0.0" },
        { { FIELD_F64 }, "00.0", "0", "0.0" },
    };
    check_all(table, WEIR_COUNT(table));
}

static void times_are_exact_nanoseconds(void **state)
{
    static const struct good table[] = {
        { { FIELD_TIME }, "0", "0" },
        { { FIELD_TIME }, "1700000000", "1700000000000000000" },
        { { FIELD_TIME }, "1700000000.5", "1700000000500000000" },
        { { FIELD_TIME }, "1700000000.123456", "1700000000123456000" },
        { { FIELD_TIME }, "1700000000.123456789", "1700000000123456789" },
        { { FIELD_TIME }, "0.000000001", "1" },
        { { FIELD_TIME }, "9223372036.854775807", "9223372036854775807" },
        { { FIELD_TIME }, "00000000000000000000000001.25", "1250000000" },
        { { FIELD_TIME }, "00000000000000000000000000000000000000000000001.25", "1250000000" },
        { { FIELD_TIME }, "-", "null" },
        { { FIELD_TIME }, "0.0", "null", "0.0" },
    };
    check_all(table, WEIR_COUNT(table));
}

static void addresses_have_one_form_in_memory(void **state)
{
    static const struct good table[] = {
        { { FIELD_ADDR }, "1.2.3.4", "00000000000000000000ffff01020304" },
        { { FIELD_ADDR }, "::ffff:1.2.3.4", "00000000000000000000ffff01020304" },
        { { FIELD_ADDR }, "::FFFF:102:304", "00000000000000000000ffff01020304" },
        { { FIELD_ADDR }, "0.0.0.0", "00000000000000000000ffff00000000" },
        { { FIELD_ADDR }, "255.255.255.255", "00000000000000000000ffffffffffff" },
        { { FIELD_ADDR }, "10.20.30.40", "00000000000000000000ffff0a141e28" },
        { { FIELD_ADDR }, "192.168.0.1", "00000000000000000000ffffc0a80001" },
        { { FIELD_ADDR }, "9.99.100.199", "00000000000000000000ffff096364c7" },
        { { FIELD_ADDR }, "::", "00000000000000000000000000000000" },
        { { FIELD_ADDR }, "2001:db8::1", "20010db8000000000000000000000001" },
        { { FIELD_ADDR }, "2001:0db8:0000:0000:0000:0000:0000:0001", "20010db8000000000000000000000001" },
        { { FIELD_ADDR }, "64:ff9b::192.0.2.33", "0064ff9b0000000000000000c0000221" },
        { { FIELD_ADDR }, "-", "null" },
        { { FIELD_ADDR }, "0.0.0.0", "null", "0.0.0.0" },
        { { FIELD_ADDR }, "10.0.0.0", "00000000000000000000ffff0a000000", "0.0.0.0" },
    };
    check_all(table, WEIR_COUNT(table));
}

static void hardware_addresses_are_48_bits(void **state)
{
    static const struct good table[] = {
        { { FIELD_MAC }, "00:00:00:00:00:00", "000000000000" },
        { { FIELD_MAC }, "aa:bb:cc:dd:ee:ff", "aabbccddeeff" },
        { { FIELD_MAC }, "AA:bB:09:90:0a:f0", "aabb09900af0" },
        { { FIELD_MAC }, "-", "null" },
    };
    check_all(table, WEIR_COUNT(table));
}

static void strings_are_any_utf8_and_may_be_empty(void **state)
{
    static const struct good table[] = {
        { { FIELD_STRING }, "x", "'x'" },
        { { FIELD_STRING }, "", "''" },
        { { FIELD_STRING }, "", "null", "" },
        { { FIELD_STRING }, "GET/index.html?q=%20\"'\\", "'GET/index.html?q=%20\"'\\'" },
        { { FIELD_STRING }, "tab\tand\rreturn", "'tab\tand\rreturn'" },
        { { FIELD_STRING }, "gr\xc3\xbc\xc3\x9f", "'gr\xc3\xbc\xc3\x9f'" },
        { { FIELD_STRING }, "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf",
          "'\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf'" },
        { { FIELD_STRING }, "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "'\xf0\x90\x80\x80\xf4\x8f\xbf\xbf'" },
        { { FIELD_STRING }, "-", "null" },
        { { FIELD_STRING }, "--", "'--'" },
    };
    check_all(table, WEIR_COUNT(table));
}

static void samplings_merge_exactly(void **state)
{
    static const struct good table[] = { /* n:min:max:sum_hi+sum_lo */
        { { FIELD_SAMPLING }, "1:0.001:0.002:0.003", "1:1000000:3000000:0+2000000" },
        { { FIELD_SAMPLING }, "10:0:0.000000001:2", "10:0:2000000000:0+10" },
        { { FIELD_SAMPLING }, "3:1:2:3", "3:1000000000:3000000000:0+6000000000" },
        { { FIELD_SAMPLING }, "2:0.5:1:2;3:0.25:1:4", "5:250000000:4000000000:0+5000000000" },
        { { FIELD_SAMPLING }, "1:1:1:1;1:2:2:2;1:3:3:3;1:4:4:4", "4:1000000000:4000000000:0+10000000000" },
        { { FIELD_SAMPLING }, "0:0:0:0", "null" },
        { { FIELD_SAMPLING }, "0:9:0:0", "null" },
        { { FIELD_SAMPLING }, "0:0:0:0;0:1:2:3", "null" },
        { { FIELD_SAMPLING }, "0:0:0:0;2:1:1:1", "2:1000000000:1000000000:0+2000000000" },
        { { FIELD_SAMPLING }, "2:1:1:1;0:0:0:9", "2:1000000000:1000000000:0+2000000000" },
        /* more than 9 digits: to the nearest ns, halves to even */
        { { FIELD_SAMPLING }, "1:0.0000000005:0.0000000015:0.0000000025", "1:0:2:0+2" },
        { { FIELD_SAMPLING }, "1:0.00000000050001:0.00000000149999:0.0000000035", "1:1:4:0+1" },
        { { FIELD_SAMPLING }, "1:0.1234567894:0.1234567895:0.1234567896", "1:123456789:123456790:0+123456790" },
        { { FIELD_SAMPLING }, "1:0.9999999999:1:1", "1:1000000000:1000000000:0+1000000000" },
        { { FIELD_SAMPLING }, "1:0.00000000000000000001:0:0", "1:0:0:0+0" },
        /* exponents */
        { { FIELD_SAMPLING }, "1:1e-6:2.5E-05:1.5e+1", "1:1000:15000000000:0+25000" },
        { { FIELD_SAMPLING }, "1:5e-10:15e-10:25e-10", "1:0:2:0+2" },
        { { FIELD_SAMPLING }, "1:0e999999999999:1e-999999999999:1e0", "1:0:1000000000:0+0" },
        { { FIELD_SAMPLING }, "1:1e-9:0.00001e4:12345.6789e-3", "1:1:12345678900:0+100000000" },
        /* wide ones */
        { { FIELD_SAMPLING }, "1:0:0:18446744073.709551615", "1:0:18446744073709551615:0+0" },
        { { FIELD_SAMPLING }, "1:9999999999.999999:9999999999.999999:9999999999.999999",
          "1:9999999999999999000:9999999999999999000:0+9999999999999999000" },
        { { FIELD_SAMPLING }, "18446744073709551615:0:18446744073.709551615:18446744073.709551615",
          "18446744073709551615:0:18446744073709551615:18446744073709551614+1" },
        { { FIELD_SAMPLING }, "9999999999999999:0:10000000000:10000000000",
          "9999999999999999:0:10000000000000000000:5421010862427521+11583377965791576064" },
        { { FIELD_SAMPLING }, "-", "null" },
    };
    check_all(table, WEIR_COUNT(table));
}

static void many_joined_samplings_merge_like_few(void **state)
{
    char text[4096] = "", value[128];
    size_t len = 0;
    for (u32 count = 1; count <= 100; count++) {
        len += (size_t)sprintf(text + len, "%s2:0.%03u:0.5:1.%03u", count > 1 ? ";" : "", 500 - count, count);
        sprintf(value, "%u:%u000000:1%03u000000:0+%u000000", 2 * count, 500 - count, count, count * 1000);
        struct good g = { { FIELD_SAMPLING }, text, value, NULL };
        if (count < 6 || (count > 62 && count < 67) || count == 100) check_all(&g, 1); /* 64: the short cut's limit */
    }
}

static void bins_are_as_many_as_the_layout_says(void **state)
{
    static const struct good table[] = {
        { { FIELD_BINS, 1 }, "5", "5," },
        { { FIELD_BINS, 3 }, "1,2,3", "1,2,3," },
        { { FIELD_BINS, 7 }, "0,10,200,3000,40000,500000,6000000", "0,10,200,3000,40000,500000,6000000," },
        { { FIELD_BINS, 2 }, "18446744073709551615,00000000000000000000", "18446744073709551615,0," },
        { { FIELD_BINS, 4 }, "1234567890123456,1234567890123456,1234567890123456,1234567890123456",
          "1234567890123456,1234567890123456,1234567890123456,1234567890123456," },
        { { FIELD_BINS, 2, 10 }, "1,2", "10,20," },
        { { FIELD_BINS, 7 }, "-", "null" },
        { { FIELD_BINS, 2 }, "0,0", "null", "0,0" },
    };
    check_all(table, WEIR_COUNT(table));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_up_to_64_bits_are_exact),
        cmocka_unit_test(decimals_are_the_nearest_double),
        cmocka_unit_test(times_are_exact_nanoseconds),
        cmocka_unit_test(addresses_have_one_form_in_memory),
        cmocka_unit_test(hardware_addresses_are_48_bits),
        cmocka_unit_test(strings_are_any_utf8_and_may_be_empty),
        cmocka_unit_test(samplings_merge_exactly),
        cmocka_unit_test(many_joined_samplings_merge_like_few),
        cmocka_unit_test(bins_are_as_many_as_the_layout_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
