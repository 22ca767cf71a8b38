/* SPDX-License-Identifier: Apache-2.0 */
/* test_line_rejects.c: every kind of bad line, with its reason, field, offset and line; and what limits hold.
 *
 * A bad line stands alone, then between good lines, with LF and with CR LF, on every instruction path. */
#include "probe.h"

#include "decode/scan.h"
#include "weir/strings.h"

#define LINE UINT32_MAX

/* A line of `u64 <field> u64`; `text` is the middle field, or the whole line where `whole` is set. */
struct bad {
    const char *name;
    struct spec spec;
    slice       text;
    const char *reason;
    u32         field; /* LINE: the line is at fault */
    bool        whole;
};

static const char good_line[] = "1 - 3";

static size_t put(char *to, size_t len, slice s)
{
    memcpy(to + len, s.at, s.len);
    return len + s.len;
}

static size_t put_line(char *to, size_t len, const struct bad *b, const char *end)
{
    if (!b->whole) len = put(to, len, S("11 "));
    len = put(to, len, b->text);
    if (!b->whole) len = put(to, len, S(" 13"));
    return put(to, len, slice_str(end));
}

static void check_reject(const struct bad *b, const struct rejects *bad, u64 offset, u32 line)
{
    const struct reject *r = &bad->kept_at[0];
    u64 all = 0;
    for (u32 i = 0; i < REASONS_MAX; i++) all += bad->count[i];
    if (all != 1 || bad->kept != 1) fail_msg("%s: %llu refused, %u kept", b->name, (unsigned long long)all, bad->kept);
    if (strcmp(decoder_line.reasons[r->reason], b->reason) != 0)
        fail_msg("%s: '%s', not '%s'", b->name, decoder_line.reasons[r->reason], b->reason);
    if (bad->count[r->reason] != 1) fail_msg("%s: counted elsewhere", b->name);
    if (r->field != b->field) fail_msg("%s: field %u, not %u", b->name, r->field, b->field);
    if (r->offset != offset || r->line != line)
        fail_msg("%s: offset %llu, line %u", b->name, (unsigned long long)r->offset, r->line);
    if (b->whole) return;
    u32 len = (u32)(b->text.len < REJECT_SAMPLE_MAX ? b->text.len : REJECT_SAMPLE_MAX);
    slice sample = slice_of(bad->samples + r->sample, r->sample_len);
    if (b->field == 1 && !slice_eq(sample, slice_of(b->text.at, len)))
        fail_msg("%s: sample '%.*s'", b->name, (int)sample.len, sample.at);
}

static void check_bad(const struct bad *b, u32 before, u32 after, const char *end, enum path path)
{
    struct spec    spec[3] = { { FIELD_U64 }, b->spec, { FIELD_U64 } };
    char          *room = malloc(400000);
    struct rejects bad = { 0 };
    struct probe   p;
    struct batch   batch;
    size_t         used, len = 0, offset;
    u64            lines = 5;
    assert_non_null(room);
    for (u32 i = 0; i < before; i++) len = put(room, put(room, len, slice_str(good_line)), slice_str(end));
    offset = len;
    len = put_line(room, len, b, end);
    for (u32 i = 0; i < after; i++) len = put(room, put(room, len, slice_str(good_line)), slice_str(end));
    slice text = chunk_make(slice_of(room, len));
    probe_open(&p, spec, 3, S("-"), path);
    decoder_line.decode(p.decoder, text, 1000, true, &batch, &bad, &used, &lines);
    check_reject(b, &bad, 1000 + offset, 5 + before);
    assert_int_equal(used, text.len);
    assert_int_equal(lines, 5 + before + 1 + after);
    assert_int_equal(batch.rows, before + after);
    for (u32 r = 0; r < batch.rows; r++) {
        assert_int_equal(((const u64 *)batch.column[0].cells)[r], 1);
        if (!b->spec.skip) assert_true(column_null(&batch.column[1], r));
        assert_int_equal(((const u64 *)batch.column[b->spec.skip ? 1 : 2].cells)[r], 3);
    }
    probe_close(&p);
    chunk_free(text);
    free(room);
}

static void check_table(const struct bad *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (enum path path = PATH_PLAIN; path < PATHS; path++) {
            if (!path_runs(path)) continue;
            check_bad(&table[i], 0, 0, "\n", path);
            check_bad(&table[i], 3, 70, "\n", path);
            check_bad(&table[i], 65, 2, "\r\n", path);
        }
}

/* One byte `len` times between a beginning and an end, in `to`. */
static slice repeated(char *to, const char *begin, char c, size_t len, const char *end)
{
    size_t a = strlen(begin), z = strlen(end);
    memcpy(to, begin, a);
    memset(to + a, c, len);
    memcpy(to + a + len, end, z);
    return slice_of(to, a + len + z);
}

static void each_kind_of_bad_line_has_its_reason(void **state)
{
    static const struct bad table[] = {
        { "empty line", { FIELD_U64 }, S(""), "fields missing", LINE, true },
        { "one field of three", { FIELD_U64 }, S("1"), "fields missing", LINE, true },
        { "two fields of three", { FIELD_U64 }, S("1 2"), "fields missing", LINE, true },
        { "four fields of three", { FIELD_U64 }, S("1 2 3 4"), "too many fields", LINE, true },
        { "separator at the end", { FIELD_U64 }, S("1 2 3 "), "too many fields", LINE, true },
        { "separator at the beginning", { FIELD_U64 }, S(" 1 2 3"), "too many fields", LINE, true },
        { "separators alone", { FIELD_U64 }, S("   "), "too many fields", LINE, true },
        { "other separator", { FIELD_U64 }, S("1\t2\t3"), "fields missing", LINE, true },
        { "a line cut in its middle", { FIELD_U64 }, S("1 2 34 5 6"), "too many fields", LINE, true },
        { "NUL in a number", { FIELD_U64 }, S("1 2\0 3"), "NUL byte in the line", LINE, true },
        { "NUL alone", { FIELD_U64 }, S("\0"), "NUL byte in the line", LINE, true },
        { "NUL in a string", { FIELD_STRING }, S("1 a\0b 3"), "NUL byte in the line", LINE, true },
        { "NUL in a column not used", { FIELD_STRING, .skip = true }, S("1 a\0b 3"), "NUL byte in the line", LINE,
          true },
        { "two spaces: empty number", { FIELD_U64 }, S(""), "empty field", 1 },
        { "two spaces: empty decimal", { FIELD_F64 }, S(""), "empty field", 1 },
        { "two spaces: empty time", { FIELD_TIME }, S(""), "empty field", 1 },
        { "two spaces: empty address", { FIELD_ADDR }, S(""), "empty field", 1 },
        { "two spaces: empty MAC", { FIELD_MAC }, S(""), "empty field", 1 },
        { "two spaces: empty sampling", { FIELD_SAMPLING }, S(""), "empty field", 1 },
        { "two spaces: empty bins", { FIELD_BINS, 2 }, S(""), "empty field", 1 },
        { "first field empty", { FIELD_U64 }, S(" 2 3"), "empty field", 0, true },
        { "last field empty", { FIELD_U64 }, S("1 2 "), "empty field", 2, true },
        { "fault in the first field", { FIELD_U64 }, S("x 2 3"), "not a whole number", 0, true },
        { "fault in the last field", { FIELD_U64 }, S("1 2 x"), "not a whole number", 2, true },
        { "the first of two faults tells", { FIELD_U64 }, S("1 x y"), "not a whole number", 1, true },
        { "letters for a number", { FIELD_U64 }, S("abc"), "not a whole number", 1 },
        { "number with a minus", { FIELD_U64 }, S("-5"), "not a whole number", 1 },
        { "number with a plus", { FIELD_U64 }, S("+5"), "not a whole number", 1 },
        { "number with a fraction", { FIELD_U64 }, S("1.0"), "not a whole number", 1 },
        { "number with a comma", { FIELD_U64 }, S("1,000"), "not a whole number", 1 },
        { "hexadecimal number", { FIELD_U64 }, S("0x10"), "not a whole number", 1 },
        { "number with a letter behind", { FIELD_U64 }, S("12k"), "not a whole number", 1 },
        { "null text twice", { FIELD_U64 }, S("--"), "not a whole number", 1 },
        { "slash, the byte before 0", { FIELD_U64 }, S("12/4"), "not a whole number", 1 },
        { "colon, the byte behind 9", { FIELD_U64 }, S("12:4"), "not a whole number", 1 },
        { "byte over 127 in a number", { FIELD_U64 }, S("1\xb1""2"), "not a whole number", 1 },
        { "CR inside a line", { FIELD_U64 }, S("1\r2"), "not a whole number", 1 },
        { "number of 2^64", { FIELD_U64 }, S("18446744073709551616"), "number over 64 bits", 1 },
        { "number of 20 nines", { FIELD_U64 }, S("99999999999999999999"), "number over 64 bits", 1 },
        { "number of 21 digits", { FIELD_U64 }, S("100000000000000000000"), "number over 64 bits", 1 },
        { "number too large by its scale", { FIELD_U64, .scale = 8 }, S("2305843009213693952"),
          "number over 64 bits when scaled", 1 },
        { "short number too large by its scale", { FIELD_U64, .scale = UINT64_MAX }, S("2"),
          "number over 64 bits when scaled", 1 },
        { "letters for a decimal", { FIELD_F64 }, S("abc"), "not a decimal number", 1 },
        { "not a number", { FIELD_F64 }, S("nan"), "not a decimal number", 1 },
        { "infinity", { FIELD_F64 }, S("inf"), "not a decimal number", 1 },
        { "minus infinity", { FIELD_F64 }, S("-Infinity"), "not a decimal number", 1 },
        { "hexadecimal decimal", { FIELD_F64 }, S("0x1p3"), "not a decimal number", 1 },
        { "point without whole", { FIELD_F64 }, S(".5"), "not a decimal number", 1 },
        { "point without fraction", { FIELD_F64 }, S("5."), "not a decimal number", 1 },
        { "point alone", { FIELD_F64 }, S("."), "not a decimal number", 1 },
        { "two points", { FIELD_F64 }, S("1.2.3"), "not a decimal number", 1 },
        { "exponent without digits", { FIELD_F64 }, S("1e"), "not a decimal number", 1 },
        { "exponent of a sign", { FIELD_F64 }, S("1e+"), "not a decimal number", 1 },
        { "exponent with a fraction", { FIELD_F64 }, S("1e1.5"), "not a decimal number", 1 },
        { "decimal with a plus", { FIELD_F64 }, S("+1.5"), "not a decimal number", 1 },
        { "decimal with two signs", { FIELD_F64 }, S("--1"), "not a decimal number", 1 },
        { "decimal with a comma", { FIELD_F64 }, S("1,5"), "not a decimal number", 1 },
        { "decimal over a double", { FIELD_F64 }, S("1e309"), "decimal number out of range", 1 },
        { "decimal over a double by its scale", { FIELD_F64, .scale = 10 }, S("1e308"), "decimal number out of range",
          1 },
        { "date for a time", { FIELD_TIME }, S("2024-01-01"), "not a time in seconds", 1 },
        { "negative time", { FIELD_TIME }, S("-1"), "not a time in seconds", 1 },
        { "time with an exponent", { FIELD_TIME }, S("1e9"), "not a time in seconds", 1 },
        { "time without fraction behind its point", { FIELD_TIME }, S("1700000000."), "not a time in seconds", 1 },
        { "time without seconds", { FIELD_TIME }, S(".5"), "not a time in seconds", 1 },
        { "time with two points", { FIELD_TIME }, S("1.2.3"), "not a time in seconds", 1 },
        { "time in picoseconds", { FIELD_TIME }, S("1700000000.1234567891"), "time with more than 9 fraction digits",
          1 },
        { "time with ten zeros behind", { FIELD_TIME }, S("1.0000000000"), "time with more than 9 fraction digits", 1 },
        { "time one ns beyond", { FIELD_TIME }, S("9223372036.854775808"), "time out of range", 1 },
        { "time in the wrong unit", { FIELD_TIME }, S("1700000000000"), "time out of range", 1 },
        { "address of three octets", { FIELD_ADDR }, S("1.2.3"), "not an IP address", 1 },
        { "address of five octets", { FIELD_ADDR }, S("1.2.3.4.5"), "not an IP address", 1 },
        { "octet over 255", { FIELD_ADDR }, S("1.2.3.256"), "not an IP address", 1 },
        { "octet of four digits", { FIELD_ADDR }, S("1.2.3.1000"), "not an IP address", 1 },
        { "octet with a leading zero", { FIELD_ADDR }, S("1.2.03.4"), "not an IP address", 1 },
        { "octet of two zeros", { FIELD_ADDR }, S("1.2.00.4"), "not an IP address", 1 },
        { "octet of nothing", { FIELD_ADDR }, S("1..3.4"), "not an IP address", 1 },
        { "address that ends with a point", { FIELD_ADDR }, S("1.2.3."), "not an IP address", 1 },
        { "address that begins with a point", { FIELD_ADDR }, S(".1.2.3"), "not an IP address", 1 },
        { "octet with a letter", { FIELD_ADDR }, S("1.2.3.a"), "not an IP address", 1 },
        { "address with a port", { FIELD_ADDR }, S("1.2.3.4:80"), "not an IP address", 1 },
        { "address with a prefix length", { FIELD_ADDR }, S("10.0.0.0/8"), "not an IP address", 1 },
        { "host name", { FIELD_ADDR }, S("localhost"), "not an IP address", 1 },
        { "two gaps in an IPv6 address", { FIELD_ADDR }, S("1::2::3"), "not an IP address", 1 },
        { "nine groups", { FIELD_ADDR }, S("1:2:3:4:5:6:7:8:9"), "not an IP address", 1 },
        { "zone id", { FIELD_ADDR }, S("fe80::1%eth0"), "not an IP address", 1 },
        { "MAC too short", { FIELD_MAC }, S("aa:bb:cc:dd:ee"), "not a MAC address", 1 },
        { "MAC too long", { FIELD_MAC }, S("aa:bb:cc:dd:ee:ff:00"), "not a MAC address", 1 },
        { "MAC with hyphens", { FIELD_MAC }, S("aa-bb-cc-dd-ee-ff"), "not a MAC address", 1 },
        { "MAC with a letter beyond f", { FIELD_MAC }, S("aa:bb:cc:dd:ee:fg"), "not a MAC address", 1 },
        { "string with a byte alone", { FIELD_STRING }, S("abc\xff"), "string is not UTF-8", 1 },
        { "string in Latin-1", { FIELD_STRING }, S("gr\xfcn"), "string is not UTF-8", 1 },
        { "overlong slash", { FIELD_STRING }, S("\xc0\xaf"), "string is not UTF-8", 1 },
        { "overlong in three bytes", { FIELD_STRING }, S("\xe0\x9f\xbf"), "string is not UTF-8", 1 },
        { "surrogate", { FIELD_STRING }, S("\xed\xa0\x80"), "string is not UTF-8", 1 },
        { "beyond U+10FFFF", { FIELD_STRING }, S("\xf4\x90\x80\x80"), "string is not UTF-8", 1 },
        { "sequence cut by the field's end", { FIELD_STRING }, S("abcdefghijk\xe2\x82"), "string is not UTF-8", 1 },
        { "continuation alone", { FIELD_STRING }, S("\x80"), "string is not UTF-8", 1 },
        { "sampling of three parts", { FIELD_SAMPLING }, S("1:2:3"), "not a sampling n:min:avg:max", 1 },
        { "sampling of five parts", { FIELD_SAMPLING }, S("1:2:3:4:5"), "not a sampling n:min:avg:max", 1 },
        { "sampling with an empty part", { FIELD_SAMPLING }, S("1:2::4"), "not a sampling n:min:avg:max", 1 },
        { "sampling with an empty count", { FIELD_SAMPLING }, S(":2:3:4"), "not a sampling n:min:avg:max", 1 },
        { "sampling count with a fraction", { FIELD_SAMPLING }, S("1.5:2:3:4"), "not a sampling n:min:avg:max", 1 },
        { "sampling of letters", { FIELD_SAMPLING }, S("1:a:b:c"), "not a sampling n:min:avg:max", 1 },
        { "sampling with a part of points", { FIELD_SAMPLING }, S("1:0.1.2:1:2"), "not a sampling n:min:avg:max", 1 },
        { "joined with nothing behind", { FIELD_SAMPLING }, S("1:1:1:1;"), "not a sampling n:min:avg:max", 1 },
        { "joined with nothing before", { FIELD_SAMPLING }, S(";1:1:1:1"), "not a sampling n:min:avg:max", 1 },
        { "joined by a comma", { FIELD_SAMPLING }, S("1:1:1:1,1:1:1:1"), "not a sampling n:min:avg:max", 1 },
        { "second of two samplings faulty", { FIELD_SAMPLING }, S("1:1:1:1;1:x:1:1"), "not a sampling n:min:avg:max",
          1 },
        { "sampling without samples, faulty", { FIELD_SAMPLING }, S("0:0:0:x"), "not a sampling n:min:avg:max", 1 },
        { "negative sampling", { FIELD_SAMPLING }, S("1:-0.5:0:1"), "negative sampling value", 1 },
        { "sampling count over 64 bits", { FIELD_SAMPLING }, S("18446744073709551616:1:1:1"),
          "sampling count over 64 bits", 1 },
        { "merged count over 64 bits", { FIELD_SAMPLING }, S("18446744073709551615:1:1:1;1:1:1:1"),
          "sampling count over 64 bits", 1 },
        { "sampling over 64 bits of ns", { FIELD_SAMPLING }, S("1:0:0:18446744073.709551616"),
          "sampling value out of range", 1 },
        { "sampling rounded over 64 bits", { FIELD_SAMPLING }, S("1:0:0:18446744073.7095516155"),
          "sampling value out of range", 1 },
        { "sampling with a huge exponent", { FIELD_SAMPLING }, S("1:0:0:1e99999999999"), "sampling value out of range",
          1 },
        { "merged count over 64 bits by its third", { FIELD_SAMPLING },
          S("9223372036854775808:0:18446744073.709551615:18446744073.709551615;"
            "9223372036854775807:0:18446744073.709551615:18446744073.709551615;1:0:1:1"),
          "sampling count over 64 bits", 1 },
        { "minimum above maximum", { FIELD_SAMPLING }, S("5:2:1.5:1"), "sampling minimum above its maximum", 1 },
        { "too few bins", { FIELD_BINS, 3 }, S("1,2"), "bins missing", 1 },
        { "too many bins", { FIELD_BINS, 3 }, S("1,2,3,4"), "too many bins", 1 },
        { "bin of nothing", { FIELD_BINS, 3 }, S("1,,3"), "bin is not a whole number", 1 },
        { "last bin of nothing", { FIELD_BINS, 3 }, S("1,2,"), "bin is not a whole number", 1 },
        { "negative bin", { FIELD_BINS, 3 }, S("1,-2,3"), "bin is not a whole number", 1 },
        { "bin over 64 bits", { FIELD_BINS, 2 }, S("1,18446744073709551616"), "number over 64 bits", 1 },
        { "bin too large by its scale", { FIELD_BINS, 2, 2 }, S("1,9223372036854775808"),
          "number over 64 bits when scaled", 1 },
    };
    check_table(table, WEIR_COUNT(table));
}

static void texts_beyond_a_limit_are_refused_and_at_it_taken(void **state)
{
    static char room[100000];
    struct bad  b = { "string of 4097 bytes", { FIELD_STRING }, repeated(room, "", 'x', STRING_BYTES_MAX + 1, ""),
        "string over 4096 bytes", 1, false };
    check_table(&b, 1);
    b = (struct bad){ "decimal of 1025 bytes", { FIELD_F64 }, repeated(room, "1.", '1', 1023, ""),
        "decimal number over 1024 bytes", 1, false };
    check_table(&b, 1);
    b = (struct bad){ "line of 64 KiB and a byte", { FIELD_STRING, .skip = true }, repeated(room, "1 ", 'x',
        LINE_BYTES_MAX - 3, " 3"), "line over 64 KiB", LINE, true };
    check_table(&b, 1);
    b = (struct bad){ "line of 64 KiB and two bytes", { FIELD_STRING, .skip = true }, repeated(room, "1 ", 'x',
        LINE_BYTES_MAX - 2, " 3"), "line over 64 KiB", LINE, true };
    check_table(&b, 1);
    b = (struct bad){ "line of 90 KB", { FIELD_STRING, .skip = true }, repeated(room, "1 ", 'x', 90000, " 3"),
        "line over 64 KiB", LINE, true };
    check_table(&b, 1);
    b = (struct bad){ "line of 90 KB of separators", { FIELD_STRING, .skip = true }, repeated(room, "", ' ', 90000,
        ""), "line over 64 KiB", LINE, true };
    check_table(&b, 1);
    b = (struct bad){ "line of 64 KiB of separators", { FIELD_STRING, .skip = true }, repeated(room, "", ' ',
        LINE_BYTES_MAX, ""), "too many fields", LINE, true };
    check_table(&b, 1);
}

/* Rows of one line of `u64 skipped u64`; -1: refused. */
static i64 rows_of(slice line, bool last, const char *end, size_t *used)
{
    struct spec    spec[3] = { { FIELD_U64 }, { FIELD_STRING, .skip = true }, { FIELD_U64 } };
    struct rejects bad = { 0 };
    struct probe   p;
    struct batch   batch;
    u64            lines = 0;
    char          *room = malloc(line.len + 8);
    assert_non_null(room);
    slice text = chunk_make(slice_of(room, put(room, put(room, 0, line), slice_str(end))));
    probe_open(&p, spec, 3, S("-"), path_best());
    decoder_line.decode(p.decoder, text, 0, last, &batch, &bad, used, &lines);
    i64 rows = bad.kept > 0 ? -1 : (i64)batch.rows;
    assert_int_equal(lines, batch.rows + bad.kept);
    probe_close(&p);
    chunk_free(text);
    free(room);
    return rows;
}

static void a_line_of_exactly_64_kib_is_good(void **state)
{
    static char room[100000];
    size_t      used;
    slice       line = repeated(room, "1 ", 'x', LINE_BYTES_MAX - 4, " 3");
    assert_int_equal(line.len, LINE_BYTES_MAX);
    assert_int_equal(rows_of(line, false, "\n", &used), 1);
    assert_int_equal(used, line.len + 1);
    assert_int_equal(rows_of(line, false, "\r\n", &used), 1);
    assert_int_equal(used, line.len + 2);
    assert_int_equal(rows_of(line, true, "", &used), 1);
    assert_int_equal(used, line.len);
}

static void a_long_line_without_its_end_waits_or_is_refused_at_the_last(void **state)
{
    static char room[100000];
    size_t      used;
    slice       line = repeated(room, "1 ", 'x', 80000, " 3");
    assert_int_equal(rows_of(line, false, "", &used), 0);
    assert_int_equal(used, 0);
    assert_int_equal(rows_of(line, true, "", &used), -1);
    assert_int_equal(used, line.len);
}

static void columns_that_are_not_used_are_not_looked_at(void **state)
{
    size_t used;
    assert_int_equal(rows_of(S("1 \xff\xfe 3"), true, "\n", &used), 1);
    assert_int_equal(rows_of(S("1  3"), true, "\n", &used), 1);
    assert_int_equal(rows_of(S("1 999999999999999999999999 3"), true, "\n", &used), 1);
}

static void refusals_beyond_the_sample_are_counted(void **state)
{
    struct spec    spec[1] = { { FIELD_U64 } };
    struct rejects bad = { 0 };
    struct probe   p;
    struct batch   batch;
    size_t         used;
    u64            lines = 0;
    char           room[4 * 3000];
    for (u32 i = 0; i < 3000; i++) memcpy(room + 4 * i, i % 3 == 0 ? "a12\n" : "123\n", 4);
    slice text = chunk_make(slice_of(room, sizeof room));
    probe_open(&p, spec, 1, S("-"), path_best());
    decoder_line.decode(p.decoder, text, 0, true, &batch, &bad, &used, &lines);
    assert_int_equal(batch.rows, BATCH_ROWS); /* the places of refused lines are used again */
    u64 first = lines;
    assert_int_equal(used, 4 * first);
    size_t more;
    decoder_line.decode(p.decoder, slice_of(text.at + used, text.len - used), used, true, &batch, &bad, &more, &lines);
    assert_int_equal(lines, 3000);
    assert_int_equal(batch.rows, 2000 - BATCH_ROWS);
    assert_int_equal(bad.kept, REJECTS_MAX);
    u64 all = 0;
    for (u32 i = 0; i < REASONS_MAX; i++) all += bad.count[i];
    assert_int_equal(all, 1000);
    for (u32 i = 0; i < REJECTS_MAX; i++) {
        assert_int_equal(bad.kept_at[i].line, 3 * i);
        assert_int_equal(bad.kept_at[i].offset, 12 * i);
    }
    probe_close(&p);
    chunk_free(text);
}

/* ---- layouts that open refuses ---- */

static void a_layout_that_does_not_fit_is_refused_with_its_field(void **state)
{
    static const struct { struct spec spec; const char *what; i64 at; } table[] = {
        { { FIELD_NET }, "type that no text has", 1 },
        { { FIELD_TAG }, "type that no text has", 1 },
        { { FIELD_BINS, 65 }, "bins must be 1 to 64", 1 },
        { { FIELD_BINS, 0 }, "bins must be 1 to 64", 1 },
        { { FIELD_SAMPLING, .scale = 2 }, "type that cannot be scaled", 1 },
        { { FIELD_TIME, .scale = 2 }, "type that cannot be scaled", 1 },
    };
    for (size_t i = 0; i < WEIR_COUNT(table); i++) {
        struct probe p;
        struct spec  spec[2] = { { FIELD_U64 }, table[i].spec };
        err e = probe_try(&p, spec, 2, S("-"), path_best());
        assert_int_equal(e.code, ERR_CONFIG);
        assert_string_equal(e.what, table[i].what);
        assert_int_equal(e.at, table[i].at);
        assert_null(p.decoder);
    }
}

static void a_layout_at_odds_with_its_schema_is_refused(void **state)
{
    struct spec  spec[2] = { { FIELD_U64 }, { FIELD_U64 } };
    struct probe p;
    err e = probe_try(&p, spec, 2, S("12345678901234567"), path_best());
    assert_string_equal(e.what, "null text over 16 bytes");
    e = probe_try(&p, spec, 2, S("a b"), path_best());
    assert_string_equal(e.what, "null text with the separator, CR, LF or NUL");
    e = probe_try(&p, spec, 0, S("-"), path_best());
    assert_string_equal(e.what, "layout without fields");
    probe_open(&p, spec, 2, S("-"), path_best());
    probe_close(&p);
    p.field[1].slot = 0;
    e = line_open(&p.decoder, &p.layout, &p.schema, path_best());
    assert_string_equal(e.what, "two fields for one column");
    p.field[1].slot = 2;
    e = line_open(&p.decoder, &p.layout, &p.schema, path_best());
    assert_string_equal(e.what, "slot beyond the schema");
    p.field[1].slot = 1;
    p.column[1].type = FIELD_F64;
    e = line_open(&p.decoder, &p.layout, &p.schema, path_best());
    assert_string_equal(e.what, "type is not the column's");
    p.column[1].type = FIELD_U64;
    p.field[1].scale = 0;
    e = line_open(&p.decoder, &p.layout, &p.schema, path_best());
    assert_string_equal(e.what, "scale of 0");
    p.layout.separator = '\n';
    e = line_open(&p.decoder, &p.layout, &p.schema, path_best());
    assert_string_equal(e.what, "separator is CR, LF or NUL");
}

static void a_record_is_refused_whose_time_no_window_could_hold(void **state)
{
    static const struct spec spec[] = { { FIELD_TIME }, { FIELD_TIME } };
    struct rejects           bad = { 0 };
    struct probe             p;
    struct batch             batch;
    size_t                   used;
    u64                      lines = 0;
    probe_open(&p, spec, 2, S("-"), path_best());
    decoder_line.close(p.decoder);
    p.layout.time = 0; /* the other one may be any */
    assert_false(err_is(line_open(&p.decoder, &p.layout, &p.schema, path_best())));
    slice text = chunk_make(S("8830080000 9223372036\n8830080000.000000001 1\n- 2\n9223372036 3\n0 4\n"));
    decoder_line.decode(p.decoder, text, 0, true, &batch, &bad, &used, &lines);
    assert_int_equal(batch.rows, 2);
    assert_int_equal(bad.kept, 3);
    const char *reasons[] = { "time out of range", "no event time", "time out of range" };
    for (u32 i = 0; i < 3; i++) {
        assert_string_equal(decoder_line.reasons[bad.kept_at[i].reason], reasons[i]);
        assert_int_equal(bad.kept_at[i].line, i + 1);
        assert_int_equal(bad.kept_at[i].field, 0);
    }
    probe_close(&p);
    chunk_free(text);
}

static void every_reason_has_words(void **state)
{
    u32 count = 0;
    while (decoder_line.reasons[count] != NULL) assert_true(strlen(decoder_line.reasons[count++]) > 3);
    assert_int_equal(count, 27);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_bad_line_has_its_reason),
        cmocka_unit_test(texts_beyond_a_limit_are_refused_and_at_it_taken),
        cmocka_unit_test(a_line_of_exactly_64_kib_is_good),
        cmocka_unit_test(a_long_line_without_its_end_waits_or_is_refused_at_the_last),
        cmocka_unit_test(columns_that_are_not_used_are_not_looked_at),
        cmocka_unit_test(refusals_beyond_the_sample_are_counted),
        cmocka_unit_test(a_layout_that_does_not_fit_is_refused_with_its_field),
        cmocka_unit_test(a_layout_at_odds_with_its_schema_is_refused),
        cmocka_unit_test(a_record_is_refused_whose_time_no_window_could_hold),
        cmocka_unit_test(every_reason_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
