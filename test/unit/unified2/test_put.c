/* SPDX-License-Identifier: Apache-2.0 */
/* test_put.c: numbers, base64 and escapes against the plain way of doing them. */
#include "../unit.h"
#include "unified2/put.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void number_is(u64 n)
{
    char have[32], want[32];
    *put_u64(have, n) = '\0';
    snprintf(want, sizeof want, "%" PRIu64, n);
    assert_string_equal(have, want);
    if (n <= UINT32_MAX) {
        *put_u32(have, (u32)n) = '\0';
        assert_string_equal(have, want);
    }
}

TEST(put_writes_every_number_as_printf_does)
{
    u64 edge = 1;
    for (u32 i = 0; i < 20; i++, edge *= 10) {
        number_is(edge - 1);
        number_is(edge);
        number_is(edge + 1);
    }
    number_is(UINT64_MAX);
    for (u64 n = 0; n < 20000; n++) number_is(n);
    for (u64 n = 1, i = 0; i < 100000; i++, n = n * 6364136223846793005u + 1442695040888963407u)
        number_is(n >> (i % 60));
    for (u32 n = 0; n < 256; n++) {
        char have[8], want[8];
        *put_u8(have, (u8)n) = '\0';
        snprintf(want, sizeof want, "%u", n);
        assert_string_equal(have, want);
    }
}

static size_t base64_plain(char *p, const u8 *at, size_t len)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char             *begin = p;
    for (size_t bit = 0; bit < len * 8; bit += 6) {
        u32 six = 0;
        for (size_t k = bit; k < bit + 6; k++) six = six << 1 | (k < len * 8 ? at[k / 8] >> (7 - k % 8) & 1u : 0);
        *p++ = letters[six];
    }
    while ((p - begin) % 4) *p++ = '=';
    return (size_t)(p - begin);
}

TEST(put_base64_of_every_length_is_that_of_bit_after_bit)
{
    for (size_t len = 0; len < 400; len++) {
        u8   *bytes = malloc(len + !len); /* of its own size: a read past it is seen */
        char *have = malloc((len + 2) / 3 * 4 + 1), want[600];
        assert_true(bytes != NULL && have != NULL);
        for (size_t i = 0; i < len; i++) bytes[i] = (u8)(i * 157 + len * 31 + i * i);
        size_t n = (size_t)(put_base64(have, slice_of((const char *)bytes, len)) - have);
        assert_int_equal(n, base64_plain(want, bytes, len));
        assert_memory_equal(have, want, n);
        free(bytes);
        free(have);
    }
}

TEST(put_json_gives_ascii_that_every_reader_takes)
{
    static const struct {
        slice       in;
        const char *out;
    } rows[] = {
        { { "plain", 5 }, "plain" },
        { { "\"\\/\b\f\n\r\t\v\0\x1f\x7f", 12 }, "\\\"\\\\/\\b\\f\\n\\r\\t\\u000b\\u0000\\u001f\\u007f" },
        { { "\xc3\xa9", 2 }, "\\u00e9" },
        { { "\xe2\x82\xac", 3 }, "\\u20ac" },
        { { "\xf0\x9f\x90\x96", 4 }, "\\ud83d\\udc16" },
        { { "\xe9t\xe9", 3 }, "\\ufffdt\\ufffd" },             /* Latin-1                */
        { { "\xc0\xaf", 2 }, "\\ufffd\\ufffd" },               /* not the shortest form  */
        { { "\xed\xa0\x80", 3 }, "\\ufffd\\ufffd\\ufffd" },    /* a surrogate            */
        { { "\xf4\x90\x80\x80", 4 }, "\\ufffd\\ufffd\\ufffd\\ufffd" },
        { { "\xe2\x82", 2 }, "\\ufffd\\ufffd" },               /* cut short              */
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        char have[128];
        *put_json(have, rows[i].in) = '\0';
        assert_string_equal(have, rows[i].out);
    }
    char have[64];
    *put_json_printable(have, S("a\"\\\t\n\v\0\x1f\x7f\xe9")) = '\0';
    assert_string_equal(have, "a\\\"\\\\\\t\\n\\u000b....");
    *put_hex(have, slice_of("\0\xa1z", 3)) = '\0';
    assert_string_equal(have, "00 a1 7a");
}

TEST(put_plain_lets_nothing_steer_a_terminal)
{
    char have[64];
    *put_plain(have, S("a\tb\r\nc\rd\0\x1b[2J\x7f\xc2\x9b\x9b\xc3\xa9")) = '\0';
    assert_string_equal(have, "a\tb\r\nc.d..[2J....\xc3\xa9");
}

TEST(put_ip_knows_three_forms)
{
    static const u8 four[] = { 10, 0, 200, 255 }, mapped[16] = { [10] = 0xff, [11] = 0xff, [12] = 192, [15] = 1 };
    static const u8 six[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 0x9a };
    char            have[64];
    *put_ip(have, (struct u2_ip){ 4, four }) = '\0';
    assert_string_equal(have, "10.0.200.255");
    *put_ip(have, (struct u2_ip){ 6, six }) = '\0';
    assert_string_equal(have, "2001:db8::9a");
    *put_ip(have, (struct u2_ip){ 6, mapped }) = '\0';
    assert_string_equal(have, "::ffff:192.0.0.1");
    *put_ip(have, (struct u2_ip){ 0, NULL }) = '\0';
    assert_string_equal(have, "none");
    *put_ip6_full(have, six) = '\0';
    assert_string_equal(have, "2001:0db8:0000:0000:0000:0000:0000:009a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_writes_every_number_as_printf_does),
        cmocka_unit_test(put_base64_of_every_length_is_that_of_bit_after_bit),
        cmocka_unit_test(put_json_gives_ascii_that_every_reader_takes),
        cmocka_unit_test(put_plain_lets_nothing_steer_a_terminal),
        cmocka_unit_test(put_ip_knows_three_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
