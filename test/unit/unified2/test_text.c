/* SPDX-License-Identifier: Apache-2.0 */
/* test_text.c: the shape that people read, and what it adds to u2spewfoo's. */
#include "draft.h"
#include "unified2/text.h"

#include <stdlib.h>

static void text_is(const struct u2_text *how, const struct draft *d, const char *want)
{
    struct u2_record r = first_record(d);
    size_t           bound = u2_text_bound(how, &r);
    char            *have = malloc(bound + 1);
    assert_non_null(have);
    char *end = u2_text_put(how, &r, have);
    assert_true((size_t)(end - have) <= bound);
    *end = '\0';
    assert_string_equal(have, want);
    free(have);
}

TEST(text_prints_an_event_and_its_names)
{
    struct u2_names      *names = u2_names_open();
    struct u2_name_faults f;
    struct draft          d = { .len = 0 };
    u2_names_read(names, U2_MAP_SID, S("2003 || worm \x1b[1m"), &f);
    put_event4(&d, 1);
    text_is(&(struct u2_text){ names, false }, &d,
            "\n(Event)\n\tsensor id: 7\tevent id: 1\tevent second: 1763719200\tevent microsecond: 483943\n"
            "\tsig id: 2003\tgen id: 3\trevision: 8\t classification: 15\n"
            "\tpriority: 2\tip source: 1.2.3.4\tip destination: 5.6.7.8\n"
            "\tsrc port: 1024\tdest port: 80\tprotocol: 6\timpact_flag: 32\tblocked: 1\n\tmsg: worm .[1m\n");
    u2_names_close(names);
}

static void put_frame(struct draft *d, const u8 *frame, u32 len)
{
    put_header(d, U2_PACKET, 28 + len);
    const u32 words[] = { 7, 1, SECOND, SECOND, 5, 1, len };
    for (u32 i = 0; i < WEIR_COUNT(words); i++) put_n(d, words[i], 4);
    put_raw(d, frame, len);
}

TEST(text_explains_a_frame_and_prints_its_bytes)
{
    static const u8 frame[] = { 2, 0,  0, 0, 0,  0xb, 2, 0, 0,  0, 0,    0xa, 8,    0, 0x45, 0, 0,    40,
                                0, 1,  0, 0, 64, 6,   0, 0, 10, 0, 0,    1,   10,   0, 0,    2, 0x9c, 0x40,
                                0, 80, 0, 0, 0,  9,   0, 0, 0,  0, 0x50, 2,   0x20, 0, 0,    0, 0,    0 };
    struct draft    d = { .len = 0 };
    put_frame(&d, frame, sizeof frame);
    text_is(&(struct u2_text){ NULL, true }, &d,
            "\nPacket\n\tsensor id: 7\tevent id: 1\tevent second: 1763719200\n"
            "\tpacket second: 1763719200\tpacket microsecond: 5\n\tlinktype: 1\tpacket_length: 54\n"
            "\tframe: 10.0.0.1:40000 > 10.0.0.2:80\tTCP\tflags: S\tseq: 9\tack: 0\tttl: 64\tip length: 40\tpayload: 0\n"
            "[    0] 02 00 00 00 00 0B 02 00 00 00 00 0A 08 00 45 00  ..............E.\n"
            "[   16] 00 28 00 01 00 00 40 06 00 00 0A 00 00 01 0A 00  .(....@.........\n"
            "[   32] 00 02 9C 40 00 50 00 00 00 09 00 00 00 00 50 02  ...@.P........P.\n"
            "[   48] 20 00 00 00 00 00                                 .....\n");
    d.len = 0;
    put_frame(&d, frame, 20);
    struct u2_record r = first_record(&d);
    char             have[4096];
    *u2_text_put(&(struct u2_text){ NULL, true }, &r, have) = '\0';
    assert_non_null(strstr(have, "\tframe: not read\tfault: "));
}

TEST(text_tells_a_client_by_the_size_of_its_address)
{
    static const struct {
        const char *data, *label;
    } rows[] = { { "\x0a\x01\x02\x03", "Original Client IP: 10.1.2.3" },
                 { "                ", "Original Client IP: 2020:2020:2020:2020:2020:2020:2020:2020" },
                 { "\x01\n\x1b", "Original Client IP: .\n." } };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        struct draft d = { .len = 0 };
        char         have[4096];
        put_extra_of(&d, 1, 1, rows[i].data);
        struct u2_record r = first_record(&d);
        *u2_text_put(&(struct u2_text){ 0 }, &r, have) = '\0';
        assert_non_null(strstr(have, rows[i].label));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_prints_an_event_and_its_names),
        cmocka_unit_test(text_explains_a_frame_and_prints_its_bytes),
        cmocka_unit_test(text_tells_a_client_by_the_size_of_its_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
