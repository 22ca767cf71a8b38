/* SPDX-License-Identifier: Apache-2.0 */
/* test_reader.c: records out of files that the test writes, whole, cut and damaged, brought in any pieces. */
#include "draft.h"

#include <stdio.h>
#include <stdlib.h>

#define TOLD_MAX 4096u

/* What came of a file: a line for each result. */
struct told {
    char             text[TOLD_MAX];
    size_t           len;
    struct u2_counts counts;
};

static void tell(struct told *t, const struct u2_reader *r, enum u2_result got, const struct u2_record *out)
{
    static const char *const names[] = { "record", "unknown", "short", "damaged", "more", "end", "foreign" };
    int                      n;
    if (got == U2_DAMAGED || got == U2_FOREIGN)
        n = snprintf(t->text + t->len, TOLD_MAX - t->len, "%s %llu+%llu %s\n", names[got],
                     (unsigned long long)r->damage.offset, (unsigned long long)r->damage.bytes, r->damage.what);
    else
        n = snprintf(t->text + t->len, TOLD_MAX - t->len, "%s %llu type %u length %u\n", names[got],
                     (unsigned long long)out->offset, out->type, out->length);
    t->len += (size_t)n;
    assert_true(t->len < TOLD_MAX);
}

/* Each piece stands in memory of its own size, so that a sanitizer sees a read past it. */
static struct told read_pieces(slice text, size_t piece, u32 record_max)
{
    struct told      t = { .len = 0 };
    struct u2_reader r;
    size_t           done = 0, here = 0;
    bool             last = false;
    u2_reader_init(&r, 0, record_max);
    for (;;) {
        char *own = malloc(here - done + !(here - done));
        assert_non_null(own);
        if (here > done) memcpy(own, text.at + done, here - done);
        size_t         begun = done, used;
        enum u2_result got;
        for (;;) {
            struct u2_record out = { 0 };
            got = u2_reader_next(&r, slice_of(own + (done - begun), here - done), last, &used, &out);
            done += used;
            if (got == U2_MORE || got == U2_END) break;
            tell(&t, &r, got, &out);
            if (got == U2_FOREIGN) break;
        }
        free(own);
        assert_int_equal(r.at, done);
        if (got == U2_END || got == U2_FOREIGN) break;
        assert_false(last);
        last = here == text.len;
        here = text.len - here < piece ? text.len : here + piece;
    }
    t.counts = r.counts;
    return t;
}

static void reads(const struct draft *d, const char *want)
{
    for (size_t piece = 1; piece < 200; piece += piece < 20 ? 1 : 33) {
        struct told t = read_pieces(text_of(d), piece, 0);
        assert_string_equal(t.text, want);
    }
    struct told whole = read_pieces(text_of(d), d->len + 1, 0);
    assert_string_equal(whole.text, want);
}

TEST(reader_gives_records_with_their_offsets_in_any_pieces)
{
    struct draft d = { .len = 0 };
    put_event4(&d, 1);
    put_packet_of(&d, U2_PACKET, 1, "abcd");
    put_extra_of(&d, 1, 9, "/x");
    reads(&d, "record 0 type 7 length 52\nrecord 60 type 2 length 32\nrecord 100 type 110 length 34\n");
}

TEST(reader_passes_over_unknown_and_short_records_by_their_length)
{
    struct draft d = { .len = 0 };
    put_header(&d, 200, 5);
    put_raw(&d, "hello", 5);
    put_header(&d, U2_PACKET, 20);
    put_zeros(&d, 20);
    put_header(&d, U2_EVENT, 0);
    put_event4(&d, 2);
    reads(&d, "unknown 0 type 200 length 5\nshort 13 type 2 length 20\nshort 41 type 7 length 0\nrecord 49 type 7 "
              "length 52\n");
    struct told t = read_pieces(text_of(&d), 7, 0);
    assert_int_equal(t.counts.unknown, 1);
    assert_int_equal(t.counts.brief, 2);
    assert_int_equal(t.counts.events, 1);
    assert_int_equal(t.counts.bytes, d.len);
}

TEST(reader_waits_for_the_rest_of_a_record_and_tells_it_torn_only_at_the_end)
{
    struct draft d = { .len = 0 };
    put_event4(&d, 1);
    d.len = 40;
    struct u2_reader r;
    struct u2_record out;
    size_t           used;
    u2_reader_init(&r, 0, 0);
    assert_int_equal(u2_reader_next(&r, text_of(&d), false, &used, &out), U2_MORE);
    assert_int_equal(used, 0);
    assert_int_equal(u2_reader_next(&r, text_of(&d), true, &used, &out), U2_DAMAGED);
    assert_int_equal(used, 40);
    assert_string_equal(r.damage.what, "the file ends in a record");
    assert_int_equal(r.damage.type, U2_EVENT);
    assert_int_equal(r.damage.length, 52);
    reads(&d, "damaged 0+40 the file ends in a record\n");
    d.len = 5;
    reads(&d, "damaged 0+5 the file ends in a record's header\n");
}

TEST(reader_finds_the_next_record_behind_bytes_that_are_none)
{
    struct draft d = { .len = 0 };
    put_event4(&d, 1);
    put_raw(&d, "\x86\xdd\x86\xdd\x86\xdd\x86\xdd\x86\xdd\x86\xdd\x86\xdd", 14);
    put_packet_of(&d, U2_PACKET, 1, "abcd");
    put_zeros(&d, 77); /* a hole */
    put_extra_of(&d, 1, 9, "/x");
    put_zeros(&d, 9);
    put_header(&d, U2_APPS, 8 + 24);
    put_n(&d, SECOND, 4);
    put_n(&d, 1, 4);
    put_raw(&d, "http\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\2", 24);
    put_zeros(&d, 100);
    reads(&d,
          "record 0 type 7 length 52\ndamaged 60+14 no record: a type that does not exist\nrecord 74 type 2 length 32\n"
          "damaged 114+77 no record: type 0\nrecord 191 type 110 length 34\ndamaged 233+9 no record: type 0\n"
          "record 242 type 113 length 32\ndamaged 282+100 no record: type 0\n");
}

TEST(reader_takes_no_length_over_the_limit_for_one)
{
    struct draft d = { .len = 0 };
    put_header(&d, U2_PACKET, 0xfffffff0u);
    put_zeros(&d, 50);
    put_event4(&d, 1);
    put_header(&d, U2_EVENT, U2_EVENT_MOST + 1);
    put_event4(&d, 2);
    reads(&d, "damaged 0+58 a record longer than any: its length is damaged\nrecord 58 type 7 length 52\n"
              "damaged 118+8 an event longer than any: its length is damaged\nrecord 126 type 7 length 52\n");
    d.len = 0;
    put_packet_of(&d, U2_PACKET, 1, "0123456789");
    struct told t = read_pieces(text_of(&d), d.len, 37);
    assert_string_equal(t.text, "damaged 0+46 a record longer than any: its length is damaged\n");
}

TEST(reader_looks_for_whole_records_in_one_that_the_file_ends_in)
{
    struct draft d = { .len = 0 };
    put_header(&d, U2_PACKET, 5000);
    put_zeros(&d, 10);
    put_event4(&d, 1);
    reads(&d, "damaged 0+18 the file ends in a record\nrecord 18 type 7 length 52\n");
}

TEST(reader_knows_the_extended_header)
{
    struct draft d = { .len = 0 };
    put_header(&d, 0x80000000u | U2_EVENT, 52);
    put_n(&d, SECOND, 4);
    put_n(&d, 0, 4);
    put_common(&d, 5, 4);
    put_event4(&d, 6);
    reads(&d, "record 0 type 7 length 52\nrecord 68 type 7 length 52\n");
    struct u2_record r = first_record(&d);
    assert_int_equal(r.header, 16);
    assert_int_equal(r.body[7], 5);
}

TEST(reader_names_other_formats)
{
    static const struct {
        const char *bytes, *words;
    } rows[] = {
        { "\xd4\xc3\xb2\xa1\2\0\4\0", "foreign 0+0 a pcap capture: weir p2 reads it\n" },
        { "\x0a\x0d\x0d\x0a\0\0\0\0", "foreign 0+0 a pcapng capture: weir p2 reads it\n" },
        { "\x1f\x8b\x08\0\0\0\0\0", "foreign 0+0 compressed with gzip: use `zcat FILE | weir u2 -`\n" },
    };
    for (size_t i = 0; i < WEIR_COUNT(rows); i++) {
        struct draft d = { .len = 0 };
        put_raw(&d, rows[i].bytes, 8);
        reads(&d, rows[i].words);
    }
    struct draft empty = { .len = 0 };
    reads(&empty, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_gives_records_with_their_offsets_in_any_pieces),
        cmocka_unit_test(reader_passes_over_unknown_and_short_records_by_their_length),
        cmocka_unit_test(reader_waits_for_the_rest_of_a_record_and_tells_it_torn_only_at_the_end),
        cmocka_unit_test(reader_finds_the_next_record_behind_bytes_that_are_none),
        cmocka_unit_test(reader_takes_no_length_over_the_limit_for_one),
        cmocka_unit_test(reader_looks_for_whole_records_in_one_that_the_file_ends_in),
        cmocka_unit_test(reader_knows_the_extended_header),
        cmocka_unit_test(reader_names_other_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
