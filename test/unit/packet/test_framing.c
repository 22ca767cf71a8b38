/* SPDX-License-Identifier: Apache-2.0 */
/* test_framing.c: frames out of files that the test writes, in any order, resolution and piece.
 *
 * With WEIR_CORPORA set, also: every capture there has the packets, lengths and times that tshark printed. */
#include "../unit.h"
#include "packet/framing.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAMES_MAX 64u
#define FILE_MAX   4096u

/* A file in the making. */
struct draft {
    u8     at[FILE_MAX];
    size_t len;
    bool   big; /* byte order */
};

/* What came out of one. */
struct seen {
    struct frame          frame[FRAMES_MAX];
    u32                   sum[FRAMES_MAX]; /* of the bytes, which are gone */
    u32                   count;
    enum framing_result   last;
    err                   fault, end;
    struct framing_counts counts;
};

static void put(struct draft *d, const void *bytes, size_t len)
{
    assert_true(d->len + len <= sizeof d->at);
    if (len) memcpy(d->at + d->len, bytes, len);
    d->len += len;
}

static void put_number(struct draft *d, u64 n, u32 width)
{
    for (u32 i = 0; i < width; i++) {
        u8 byte = (u8)(n >> 8 * (d->big ? width - 1 - i : i));
        put(d, &byte, 1);
    }
}

static void put16(struct draft *d, u32 n)
{
    put_number(d, n, 2);
}

static void put32(struct draft *d, u64 n)
{
    put_number(d, n, 4);
}

static void set32(struct draft *d, size_t at, u32 n)
{
    size_t len = d->len;
    d->len = at;
    put32(d, n);
    d->len = len;
}

static void put_bytes(struct draft *d, u32 len, u8 first)
{
    for (u32 i = 0; i < len; i++) put(d, &(u8){ (u8)(first + i) }, 1);
}

static void pcap_header(struct draft *d, u32 magic, u32 snap, u32 link)
{
    put32(d, magic);
    put16(d, 2);
    put16(d, 4);
    put32(d, 0);
    put32(d, 0);
    put32(d, snap);
    put32(d, link);
}

static void pcap_record(struct draft *d, u32 seconds, u32 fraction, u32 captured, u32 length)
{
    put32(d, seconds);
    put32(d, fraction);
    put32(d, captured);
    put32(d, length);
    put_bytes(d, captured, (u8)length);
}

/* Begins a block; block_end puts both lengths. */
static size_t block(struct draft *d, u32 type)
{
    size_t at = d->len;
    put32(d, type);
    put32(d, 0);
    return at;
}

static void block_end(struct draft *d, size_t at)
{
    while (d->len % 4) put(d, "", 1);
    u32 length = (u32)(d->len - at) + 4;
    put32(d, length);
    set32(d, at + 4, length);
}

static void section(struct draft *d)
{
    size_t at = block(d, 0x0a0d0d0a);
    put32(d, 0x1a2b3c4d);
    put16(d, 1);
    put16(d, 0);
    put_number(d, UINT64_MAX, 8);
    block_end(d, at);
}

/* resolution < 0: the usual one, unsaid. */
static void interface(struct draft *d, u32 link, u32 snap, int resolution, i64 offset)
{
    size_t at = block(d, 1);
    put16(d, link);
    put16(d, 0);
    put32(d, snap);
    put16(d, 2); /* if_name, of no interest, padded */
    put16(d, 5);
    put(d, "eth77\0\0", 8);
    if (resolution >= 0) {
        put16(d, 9);
        put16(d, 1);
        put(d, (u8[4]){ (u8)resolution }, 4);
    }
    if (offset != 0) {
        put16(d, 14);
        put16(d, 8);
        put_number(d, (u64)offset, 8);
    }
    put32(d, 0);
    block_end(d, at);
}

static void enhanced(struct draft *d, u32 number, u64 ticks, u32 captured, u32 length)
{
    size_t at = block(d, 6);
    put32(d, number);
    put32(d, ticks >> 32);
    put32(d, ticks & UINT32_MAX);
    put32(d, captured);
    put32(d, length);
    put_bytes(d, captured, (u8)length);
    block_end(d, at);
}

static void simple(struct draft *d, u32 captured, u32 length)
{
    size_t at = block(d, 3);
    put32(d, length);
    put_bytes(d, captured, (u8)length);
    block_end(d, at);
}

static void obsolete(struct draft *d, u32 number, u64 ticks, u32 captured, u32 length)
{
    size_t at = block(d, 2);
    put16(d, number);
    put16(d, 7); /* drops */
    put32(d, ticks >> 32);
    put32(d, ticks & UINT32_MAX);
    put32(d, captured);
    put32(d, length);
    put_bytes(d, captured, (u8)length);
    block_end(d, at);
}

static void stranger(struct draft *d, u32 type, u32 len)
{
    size_t at = block(d, type);
    put_bytes(d, len, 3);
    block_end(d, at);
}

static u32 sum_of(const struct frame *f)
{
    u32 sum = 2166136261u;
    for (u32 i = 0; i < f->captured; i++) sum = (sum ^ f->at[i]) * 16777619u;
    return sum;
}

static void keep(struct seen *s, const struct frame *frame)
{
    assert_true(s->count < FRAMES_MAX);
    s->sum[s->count] = sum_of(frame);
    struct frame *kept = &s->frame[s->count++];
    memset(kept, 0, sizeof *kept); /* compared with its padding */
    kept->time = frame->time, kept->length = frame->length;
    kept->captured = frame->captured, kept->link = frame->link;
}

/* All whole records of `text`, `most` a call (0: by framing_next). Gives the bytes done with. */
static size_t take_records(struct framing *f, slice text, u32 most, struct seen *s)
{
    struct frame frame[FRAMES_MAX];
    size_t       done = 0, used;
    u32          got;
    do {
        slice rest = slice_of(text.at + done, text.len - done);
        if (most == 0) {
            s->last = framing_next(f, rest, &used, frame);
            got = s->last == FRAMING_FRAME;
        } else {
            got = framing_some(f, rest, &used, frame, most, &s->last);
            assert_true(got <= most && (got == most) == (s->last == FRAMING_FRAME));
        }
        for (u32 i = 0; i < got; i++) keep(s, &frame[i]);
        done += used;
    } while (s->last == FRAMING_FRAME);
    return done;
}

/* Brings `piece` bytes at a time (0: pieces of changing size), each call's text in memory of its own size. */
static struct seen read_pieces(const struct draft *d, size_t piece, u32 most)
{
    struct seen     s = { .count = 0 };
    struct framing *f = framing_open();
    size_t          done = 0, here = 0;
    u32             turn = 1;
    do {
        char *text = malloc(here - done + 1);
        memcpy(text, d->at + done, here - done);
        done += take_records(f, slice_of(text, here - done), most, &s);
        free(text);
        if (here == d->len) break;
        turn = turn * 1103515245u + 12345u;
        here += piece ? piece : 1 + (turn >> 16) % 61;
        if (here > d->len) here = d->len;
    } while (s.last == FRAMING_MORE);
    s.fault = framing_fault(f);
    s.end = framing_end(f, d->len - done);
    s.counts = *framing_counts(f);
    framing_close(f);
    return s;
}

static bool err_same(err a, err b)
{
    return a.code == b.code && a.at == b.at && (a.what == b.what || strcmp(a.what, b.what) == 0);
}

static void same(const struct seen *a, const struct seen *b)
{
    assert_int_equal(a->count, b->count);
    for (u32 i = 0; i < a->count; i++) {
        assert_memory_equal(&a->frame[i], &b->frame[i], sizeof a->frame[i]);
        assert_int_equal(a->sum[i], b->sum[i]);
    }
    assert_int_equal(a->last, b->last);
    assert_true(err_same(a->fault, b->fault) && err_same(a->end, b->end));
    assert_memory_equal(&a->counts, &b->counts, sizeof a->counts);
}

/* The whole, frame by frame, and the same again from pieces, several frames a call. */
static struct seen read_draft(const struct draft *d)
{
    static const size_t pieces[] = { FILE_MAX, 1, 2, 3, 7, 13, 64, 0 };
    static const u32    mosts[] = { 0, 1, 2, FRAMES_MAX };
    struct seen s = read_pieces(d, FILE_MAX, 0);
    for (u32 i = 0; i < WEIR_COUNT(pieces) * WEIR_COUNT(mosts); i++) {
        struct seen again = read_pieces(d, pieces[i / WEIR_COUNT(mosts)], mosts[i % WEIR_COUNT(mosts)]);
        same(&s, &again);
    }
    assert_int_equal(s.count, s.counts.frames);
    return s;
}

static void is_frame(const struct seen *s, u32 i, nanos time, u32 captured, u32 length, u32 link)
{
    assert_true(i < s->count);
    assert_int_equal(s->frame[i].time, time);
    assert_int_equal(s->frame[i].captured, captured);
    assert_int_equal(s->frame[i].length, length);
    assert_int_equal(s->frame[i].link, link);
}

TEST(framing_reads_pcap_of_both_orders_and_resolutions)
{
    static const struct { bool big; u32 magic, fraction; nanos rest; } rows[] = {
        { false, 0xa1b2c3d4, 999999, 999999000 }, { true, 0xa1b2c3d4, 999999, 999999000 },
        { false, 0xa1b23c4d, 999999999, 999999999 }, { true, 0xa1b23c4d, 999999999, 999999999 },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct draft d = { .big = rows[i].big };
        pcap_header(&d, rows[i].magic, 65535, 1);
        pcap_record(&d, 1700000000, rows[i].fraction, 60, 60);
        pcap_record(&d, 0, 0, 0, 1500);
        pcap_record(&d, UINT32_MAX, rows[i].fraction, 31, 1500);
        struct seen s = read_draft(&d);
        assert_int_equal(s.count, 3);
        is_frame(&s, 0, 1700000000 * NANOS_SECOND + rows[i].rest, 60, 60, LINK_ETHERNET);
        is_frame(&s, 1, 0, 0, 1500, LINK_ETHERNET);
        is_frame(&s, 2, (nanos)UINT32_MAX * NANOS_SECOND + rows[i].rest, 31, 1500, LINK_ETHERNET);
        assert_false(err_is(s.end));
    }
}

TEST(framing_keeps_a_time_whose_fraction_is_over_a_second)
{
    struct draft d = { 0 };
    pcap_header(&d, 0xa1b2c3d4, 65535, 1);
    pcap_record(&d, UINT32_MAX, UINT32_MAX, 1, 1);
    struct seen s = read_draft(&d);
    is_frame(&s, 0, (nanos)UINT32_MAX * NANOS_SECOND + (nanos)UINT32_MAX * 1000, 1, 1, LINK_ETHERNET);
}

TEST(framing_gives_no_more_bytes_than_length_and_snap_length_say)
{
    struct draft d = { 0 };
    pcap_header(&d, 0xa1b2c3d4, 40, 1);
    pcap_record(&d, 1, 0, 60, 1500);
    pcap_record(&d, 2, 0, 30, 20);
    pcap_record(&d, 3, 0, 40, 40);
    struct seen s = read_draft(&d);
    is_frame(&s, 0, 1 * NANOS_SECOND, 40, 1500, LINK_ETHERNET);
    is_frame(&s, 1, 2 * NANOS_SECOND, 20, 20, LINK_ETHERNET);
    is_frame(&s, 2, 3 * NANOS_SECOND, 40, 40, LINK_ETHERNET);
    assert_int_equal(s.count, 3);
}

TEST(framing_turns_the_lengths_of_old_writers)
{
    static const struct { u16 major, minor; bool first, second; } rows[] = {
        { 2, 1, true, true }, { 2, 2, true, true }, { 2, 3, true, false }, { 2, 4, false, false },
        { 543, 0, true, true },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct draft d = { 0 };
        pcap_header(&d, 0xa1b2c3d4, 65535, 1);
        d.at[4] = (u8)rows[i].major, d.at[5] = (u8)(rows[i].major >> 8), d.at[6] = (u8)rows[i].minor;
        put32(&d, 1), put32(&d, 0);
        put32(&d, rows[i].first ? 100 : 20), put32(&d, rows[i].first ? 20 : 100);
        put_bytes(&d, 20, 0);
        put32(&d, 2), put32(&d, 0);
        put32(&d, rows[i].second ? 90 : 10), put32(&d, rows[i].second ? 10 : 90);
        put_bytes(&d, 10, 0);
        struct seen s = read_draft(&d);
        assert_int_equal(s.count, 2);
        is_frame(&s, 0, NANOS_SECOND, 20, 100, LINK_ETHERNET);
        is_frame(&s, 1, 2 * NANOS_SECOND, 10, 90, LINK_ETHERNET);
    }
}

TEST(framing_takes_the_link_type_without_the_bits_about_check_sequences)
{
    static const struct { u32 stated, link; } rows[] = {
        { 0x24000001, LINK_ETHERNET }, { 0x300000e5, LINK_IPV6 }, { 276, LINK_LINUX_SLL2 }, { 12, LINK_RAW },
        { 14, LINK_RAW }, { 101, LINK_RAW }, { 160, 160 }, { 0x03ffffff, 0x03ffffff },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct draft d = { 0 };
        pcap_header(&d, 0xa1b2c3d4, 0, rows[i].stated);
        pcap_record(&d, 1, 0, 4, 4);
        struct seen s = read_draft(&d);
        is_frame(&s, 0, NANOS_SECOND, 4, 4, rows[i].link);
    }
}

TEST(framing_stops_at_a_record_longer_than_any_packet_and_says_where)
{
    static const struct { u32 snap, captured; bool bad; } rows[] = {
        { 65535, 262144, false }, { 65535, 262145, true }, { 0, 262145, false }, { 1u << 20, 1u << 20, false },
        { 1u << 20, (1u << 20) + 1, true }, { INT32_MAX, FRAMING_RECORD_MAX - 16, false },
        { INT32_MAX, FRAMING_RECORD_MAX - 15, true }, { UINT32_MAX, UINT32_MAX, true }, { 65535, 0xfeff00, true },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct draft d = { 0 };
        pcap_header(&d, 0xa1b2c3d4, rows[i].snap, 1);
        pcap_record(&d, 1, 0, 60, 60);
        put32(&d, 2), put32(&d, 0), put32(&d, rows[i].captured), put32(&d, rows[i].captured);
        struct seen s = read_draft(&d);
        bool bad = rows[i].snap == 0 ? true : rows[i].bad; /* an unknown snap length is no leave to be longer */
        assert_int_equal(s.count, 1);
        assert_int_equal(s.last, bad ? FRAMING_BAD : FRAMING_MORE);
        assert_string_equal(s.end.what, bad ? "a record longer than any packet: the file is damaged"
                                            : "the last record is cut short");
        assert_int_equal(s.end.code, ERR_DATA);
        assert_int_equal(s.end.at, 24 + 16 + 60);
        assert_int_equal(err_is(s.fault), bad);
    }
}

TEST(framing_says_what_a_file_is_that_it_cannot_read)
{
    static const struct { const char *bytes, *words; } rows[] = {
        { "\x1f\x8b\x08\x00", "compressed with gzip: use `zcat FILE | weir p2 -r -`" },
        { "\x28\xb5\x2f\xfd", "compressed with zstd: use `zstdcat FILE | weir p2 -r -`" },
        { "\xfd" "7zX", "compressed with xz: use `xzcat FILE | weir p2 -r -`" },
        { "BZh9", "compressed with bzip2: use `bzcat FILE | weir p2 -r -`" },
        { "\x04\x22\x4d\x18", "compressed with lz4: use `lz4cat FILE | weir p2 -r -`" },
        { "\x34\xcd\xb2\xa1", "pcap in Kuznetzov's modified format is not supported: editcap converts it" },
        { "\xa1\xb2\xcd\x34", "pcap in Kuznetzov's modified format is not supported: editcap converts it" },
        { "snoop", "a snoop capture, not pcap or pcapng: editcap converts it" },
        { "P2;1700000000", "neither pcap nor pcapng by its first bytes" },
        { "abc", "a capture's first header is cut short" },
        { "", "no capture: not one byte" },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct draft d = { 0 };
        size_t len = strlen(rows[i].bytes);
        put(&d, rows[i].bytes, i < 7 ? 4 : len);
        struct seen s = read_draft(&d);
        assert_int_equal(s.end.code, ERR_DATA);
        assert_string_equal(s.end.what, rows[i].words);
        assert_int_equal(s.end.at, 0);
        assert_int_equal(s.count, 0);
    }
}

TEST(framing_refuses_versions_that_it_does_not_know)
{
    struct draft d = { 0 }, ng = { 0 };
    pcap_header(&d, 0xa1b2c3d4, 65535, 1);
    d.at[4] = 3;
    struct seen s = read_draft(&d);
    assert_string_equal(s.fault.what, "pcap of a version other than 2");
    assert_int_equal(s.fault.at, 4);
    section(&ng);
    ng.at[12] = 2;
    s = read_draft(&ng);
    assert_string_equal(s.fault.what, "pcapng of a version other than 1");
    assert_int_equal(s.fault.at, 0);
}

TEST(framing_reads_sections_of_both_orders_in_one_file)
{
    struct draft d = { 0 };
    for (u32 i = 0; i < 4; i++) {
        d.big = i % 2;
        section(&d);
        interface(&d, 1 + 100 * i, 0, 9, 0);
        enhanced(&d, 0, 1700000000123456789u + i, 33 + i, 99);
    }
    struct seen s = read_draft(&d);
    assert_int_equal(s.count, 4);
    for (u32 i = 0; i < 4; i++) is_frame(&s, i, 1700000000123456789 + (nanos)i, 33 + i, 99, 1 + 100 * i);
    assert_int_equal(s.counts.passed, 8);
    assert_false(err_is(s.end));
}

TEST(framing_knows_each_interface_by_its_own_link_type_and_clock)
{
    struct draft d = { .big = true };
    section(&d);
    interface(&d, 1, 0, -1, 0);
    interface(&d, 101, 0, 9, 0);
    enhanced(&d, 1, 1700000000000000001u, 20, 20);
    enhanced(&d, 0, 1700000000000001u, 60, 60);
    interface(&d, 12, 0, 3, -3600);
    enhanced(&d, 2, 1700000000007u, 21, 21);
    section(&d); /* knows none yet */
    enhanced(&d, 0, 1, 22, 22);
    struct seen s = read_draft(&d);
    assert_int_equal(s.count, 3);
    is_frame(&s, 0, 1700000000000000001, 20, 20, LINK_RAW);
    is_frame(&s, 1, 1700000000000001000, 60, 60, LINK_ETHERNET);
    is_frame(&s, 2, (1700000000 - 3600) * NANOS_SECOND + 7000000, 21, 21, LINK_RAW);
    assert_int_equal(s.counts.damaged, 1);
}

TEST(framing_turns_ticks_of_any_resolution_into_nanoseconds)
{
    enum { TWO = 0x80 };
    static const struct { int resolution; i64 offset; u64 ticks; nanos time; /* < 0: damaged */ } rows[] = {
        { -1, 0, 1700000000999999u, 1700000000999999000 },
        { 0, 0, 1700000000, 1700000000000000000 },
        { 3, 0, 1700000000123u, 1700000000123000000 },
        { 7, 0, 17000000001234567u, 1700000000123456700 },
        { 9, 0, NANOS_MAX, NANOS_MAX },
        { 9, 0, (u64)NANOS_MAX + 1, -1 },
        { 9, 0, UINT64_MAX, -1 },
        { 9, -10000000000, UINT64_MAX, 18446744073709551615u - 10000000000000000000u },
        { 12, 0, 18446744073709551615u, 18446744073709551 },
        { 12, 1700000000, 999999999999u, 1700000000999999999 },
        { 19, 0, UINT64_MAX, 1844674407 },
        { 20, 1700000000, UINT64_MAX, 1700000000184467440 },
        { 28, 0, UINT64_MAX, 1 },
        { 29, 5, UINT64_MAX, 5000000000 },
        { 38, 5, UINT64_MAX, 5000000000 },
        { 39, 5, UINT64_MAX, 5000000000 },
        { 127, 5, UINT64_MAX, 5000000000 },
        { 0, 0, UINT64_MAX, -1 },
        { 0, INT64_MIN, UINT64_MAX, -1 },
        { 0, INT64_MIN, 1ull << 63, 0 },
        { 6, INT64_MAX, 1, -1 },
        { 6, -1, 999999, -1 },
        { 6, -1, 1000000, 0 },
        { 6, 9223372036, 854775, 9223372036854775000 },
        { 6, 9223372036, 854776, -1 },
        { TWO | 0, 0, 1700000000, 1700000000000000000 },
        { TWO | 20, 0, (1700000000ull << 20) + 1, 1700000000000000953 },
        { TWO | 10, 0, (1700000000ull << 10) + 1023, 1700000000999023437 },
        { TWO | 32, 0, 1700000000ull << 32 | UINT32_MAX, 1700000000999999999 },
        { TWO | 63, 1, UINT64_MAX, 2999999999 },
        { TWO | 94, 1, UINT64_MAX, 1000000000 },
        { TWO | 127, 1, UINT64_MAX, 1000000000 },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct draft d = { .big = i % 2 };
        section(&d);
        interface(&d, 1, 0, rows[i].resolution, rows[i].offset);
        enhanced(&d, 0, rows[i].ticks, 5, 5);
        struct seen s = read_draft(&d);
        if (s.count != (rows[i].time >= 0) || s.counts.damaged != (rows[i].time < 0)) fail_msg("row %u: count", i);
        if (s.count && s.frame[0].time != rows[i].time) fail_msg("row %u: %lld", i, (long long)s.frame[0].time);
    }
}

TEST(framing_reads_simple_and_obsolete_packets)
{
    struct draft d = { 0 };
    section(&d);
    interface(&d, 1, 64, 9, 0);
    interface(&d, 113, 0, 6, 0);
    simple(&d, 20, 20);
    obsolete(&d, 1, 1700000000000001u, 30, 31);
    simple(&d, 64, 1500); /* snapped: the block has no length of its own for that */
    struct seen s = read_draft(&d);
    assert_int_equal(s.count, 3);
    is_frame(&s, 0, 0, 20, 20, LINK_ETHERNET);
    is_frame(&s, 1, 1700000000000001000, 30, 31, LINK_LINUX_SLL);
    is_frame(&s, 2, 1700000000000001000, 64, 1500, LINK_ETHERNET); /* the newest time before it */
    assert_false(err_is(s.end));
}

TEST(framing_passes_blocks_without_a_packet)
{
    static const u32 types[] = { 0, 4, 5, 7, 8, 9, 10, 0xbad, 0x40000bad, 0x80000001, UINT32_MAX };
    struct draft d = { 0 };
    section(&d);
    interface(&d, 1, 0, 6, 0);
    for (u32 i = 0; i < WEIR_COUNT(types); i++) {
        stranger(&d, types[i], 17 * i);
        enhanced(&d, 0, i, i, i);
    }
    struct seen s = read_draft(&d);
    assert_int_equal(s.count, WEIR_COUNT(types));
    assert_int_equal(s.counts.passed, WEIR_COUNT(types) + 2);
    assert_false(err_is(s.end));
}

TEST(framing_passes_a_block_larger_than_its_caller_could_hold)
{
    struct draft    d = { 0 }, after = { 0 };
    struct framing *f = framing_open();
    struct frame    frame;
    size_t          used, size = 3 * (size_t)FRAMING_RECORD_MAX, done = 0;
    char           *body = calloc(1, 1 << 20);
    section(&d);
    interface(&d, 1, 0, 6, 0);
    put32(&d, 5), put32(&d, (u32)size + 12);
    assert_int_equal(framing_next(f, slice_of((char *)d.at, d.len), &used, &frame), FRAMING_MORE);
    size_t kept = d.len - used; /* the block's front may wait for more */
    assert_true(kept <= 12);
    memcpy(body, d.at + used, kept);
    for (size_t len = kept; done < size; done += 1 << 19, len = 0) {
        assert_int_equal(framing_next(f, slice_of(body, len + (1 << 19)), &used, &frame), FRAMING_MORE);
        assert_int_equal(used, len + (1 << 19));
        memset(body, 0, 12);
    }
    assert_int_equal(framing_end(f, 0).at, d.len - 8);
    put32(&after, (u32)size + 12);
    enhanced(&after, 0, 1, 8, 8);
    assert_int_equal(framing_next(f, slice_of((char *)after.at, after.len), &used, &frame), FRAMING_FRAME);
    assert_false(err_is(framing_end(f, 0)));
    framing_close(f);
    free(body);
}

/* Sets a u32 in a file with one packet: 0 section (28), 28 interface (20 + 12 of a name), 64 packet, captured 20. */
TEST(framing_counts_packets_that_contradict_their_block_and_goes_on)
{
    static const struct { u32 at, value; } rows[] = {
        { 64 + 20, 25 }, { 64 + 20, UINT32_MAX }, /* captured: past the block */
        { 64 + 8, 1 }, { 64 + 8, UINT32_MAX },    /* interface                */
        { 64 + 12, UINT32_MAX },                  /* time                     */
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct draft d = { 0 };
        section(&d);
        interface(&d, 1, 0, -1, 0);
        assert_int_equal(d.len, 64);
        enhanced(&d, 0, 1, 20, 20);
        enhanced(&d, 0, 2, 10, 10);
        set32(&d, rows[i].at, rows[i].value);
        struct seen s = read_draft(&d);
        assert_int_equal(s.counts.damaged, 1);
        assert_int_equal(s.count, 1);
        is_frame(&s, 0, 2000, 10, 10, LINK_ETHERNET);
        assert_false(err_is(s.end));
    }
}

TEST(framing_counts_packet_blocks_that_are_too_short_for_one)
{
    struct draft d = { 0 };
    section(&d);
    simple(&d, 4, 4); /* no interface yet */
    interface(&d, 1, 0, -1, 0);
    stranger(&d, 6, 16);
    stranger(&d, 2, 0);
    stranger(&d, 3, 0);
    simple(&d, 4, 40); /* not snapped, not there */
    simple(&d, 4, 4);
    struct seen s = read_draft(&d);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.counts.damaged, 5);
    assert_false(err_is(s.end));
}

TEST(framing_stops_where_a_block_cannot_be_believed)
{
    static const struct { u32 at, value; const char *words; i64 where; } rows[] = {
        { 24, 32, "a block's two lengths differ", 0 },
        { 4, 8, "a block too short to be one", 0 },
        { 4, 12, "a block's two lengths differ", 0 },
        { 4, UINT32_MAX, "a block longer than any packet: the file is damaged", 0 },
        { 8, 0x11223344, "a section without its byte order mark", 0 },
        { 64 + 4, 11, "a block too short to be one", 64 },
        { 64 + 4, 0, "a block too short to be one", 64 },
        { 64 + 4, FRAMING_RECORD_MAX + 4, "a block longer than any packet: the file is damaged", 64 },
        { 64 + 48, 48, "a block's two lengths differ", 64 },
        { 64 + 4, 48, "a block's two lengths differ", 64 },
        { 64, 5, NULL, 0 }, /* now a block without a packet, and all right */
        { 28 + 16, 9 | 2 << 16, "an interface's if_tsresol is not one byte", 28 },
        { 28 + 16, 14 | 4 << 16, "an interface's if_tsoffset is not eight bytes", 28 },
        { 28 + 16, 2 | 17 << 16, "an interface's options run past their block", 28 },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        struct draft d = { 0 };
        section(&d);
        interface(&d, 1, 0, -1, 0);
        enhanced(&d, 0, 1, 20, 20);
        set32(&d, rows[i].at, rows[i].value);
        struct seen s = read_draft(&d);
        assert_int_equal(s.count, 0);
        assert_int_equal(err_is(s.fault), rows[i].words != NULL);
        if (rows[i].words == NULL) continue;
        assert_int_equal(s.last, FRAMING_BAD);
        assert_true(err_same(s.fault, err_data(rows[i].words, rows[i].where)));
        assert_true(err_same(s.end, s.fault));
    }
}

TEST(framing_reports_the_front_of_a_passed_block_whose_lengths_differ)
{
    struct draft d = { 0 };
    section(&d);
    stranger(&d, 5, 40);
    set32(&d, 28 + 4 + 44, 48);
    struct seen s = read_draft(&d);
    assert_true(err_same(s.fault, err_data("a block's two lengths differ", 28)));
}

TEST(framing_takes_blocks_of_writers_that_leave_the_padding_out_of_the_length)
{
    struct draft d = { 0 };
    section(&d);
    interface(&d, 1, 0, -1, 0);
    enhanced(&d, 0, 1, 21, 21);
    set32(&d, 64 + 4, 12 + 20 + 21);
    set32(&d, d.len - 4, 12 + 20 + 21);
    enhanced(&d, 0, 2, 4, 4);
    struct seen s = read_draft(&d);
    assert_int_equal(s.count, 2);
    assert_false(err_is(s.end));
}

TEST(framing_counts_packets_of_interfaces_beyond_the_limit)
{
    enum { LIMIT = 65536 };
    struct draft    head = { 0 }, one = { 0 }, tail = { 0 };
    struct framing *f = framing_open();
    struct frame    frame;
    size_t          used;
    section(&head);
    interface(&one, 1, 0, -1, 0);
    assert_int_equal(framing_next(f, slice_of((char *)head.at, head.len), &used, &frame), FRAMING_MORE);
    for (u32 i = 0; i < LIMIT + 2; i++)
        assert_int_equal(framing_next(f, slice_of((char *)one.at, one.len), &used, &frame), FRAMING_MORE);
    enhanced(&tail, LIMIT, 1, 4, 4);
    enhanced(&tail, LIMIT - 1, 2, 4, 4);
    assert_int_equal(framing_next(f, slice_of((char *)tail.at, tail.len), &used, &frame), FRAMING_FRAME);
    assert_int_equal(frame.time, 2000);
    assert_int_equal(framing_counts(f)->damaged, 1);
    framing_close(f);
}

/* Every beginning of a file: its whole records come out, and what is left over is told with its place. */
static void cut_everywhere(const struct draft *d, const size_t *ends, u32 ends_count)
{
    struct seen whole = read_pieces(d, FILE_MAX, 0);
    for (size_t len = 1; len <= d->len; len++) {
        struct draft part = *d;
        part.len = len;
        struct seen s = read_pieces(&part, FILE_MAX, FRAMES_MAX);
        assert_true(s.count <= whole.count);
        assert_memory_equal(s.sum, whole.sum, s.count * sizeof s.sum[0]);
        size_t edge = 0;
        for (u32 i = 0; i < ends_count && ends[i] <= len; i++) edge = ends[i];
        assert_int_equal(err_is(s.end), edge != len);
        if (edge != len) assert_int_equal(s.end.at, edge);
        assert_int_equal(s.last, FRAMING_MORE);
    }
}

TEST(framing_tells_where_a_file_is_cut)
{
    struct draft d = { 0 }, ng = { .big = true };
    size_t       ends[8];
    u32          n = 0;
    pcap_header(&d, 0xa1b2c3d4, 65535, 1);
    ends[n++] = d.len;
    for (u32 i = 0; i < 3; i++) pcap_record(&d, i, i, 10 * i, 10 * i), ends[n++] = d.len;
    cut_everywhere(&d, ends, n);
    n = 0;
    section(&ng), ends[n++] = ng.len;
    interface(&ng, 1, 0, 9, 0), ends[n++] = ng.len;
    enhanced(&ng, 0, 1, 17, 17), ends[n++] = ng.len;
    stranger(&ng, 5, 30), ends[n++] = ng.len;
    simple(&ng, 9, 9), ends[n++] = ng.len;
    cut_everywhere(&ng, ends, n);
}

/* "1700000070.123456789" */
static nanos tshark_time(const char *text)
{
    char *point;
    nanos seconds = strtoll(text, &point, 10);
    return seconds * NANOS_SECOND + (*point == '.' ? strtoll(point + 1, NULL, 10) : 0);
}

static char *read_whole(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) return NULL;
    fseek(f, 0, SEEK_END);
    *len = (size_t)ftell(f);
    rewind(f);
    char *text = malloc(*len + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, *len, f), *len);
    text[*len] = 0;
    fclose(f);
    return text;
}

/* A line of the table. */
struct row {
    slice time, interface;
    u64   length, captured;
};

/* False: there is none. tshark's lines for custom blocks, which have neither time nor interface, are passed over. */
static bool row_take(char **line, struct row *out)
{
    do {
        if (**line == 0) return false;
        slice cells = slice_of(*line, strcspn(*line, "\n"));
        slice_cut(cells, '\t', &cells);
        out->time = slice_cut(cells, '\t', &cells);
        out->interface = slice_cut(cells, '\t', &cells);
        out->length = strtoull(cells.at, NULL, 10);
        slice_cut(cells, '\t', &cells);
        out->captured = strtoull(cells.at, NULL, 10);
        *line = strchr(*line, '\n') + 1;
    } while (out->time.len == 0 && out->interface.len == 0);
    return true;
}

/* Every packet of the capture is in the table with its time and lengths, and every one of the table in the capture. */
static void agree(const char *path, slice text, char *line, nanos within)
{
    struct framing     *f = framing_open();
    struct frame        frame;
    struct row          row;
    size_t              used;
    enum framing_result r;
    line = strchr(line, '\n') + 1;
    for (u32 packet = 1; (r = framing_next(f, text, &used, &frame)) == FRAMING_FRAME; packet++) {
        text = slice_of(text.at + used, text.len - used);
        if (!row_take(&line, &row)) fail_msg("%s: packet %u is not in the table", path, packet);
        nanos apart = frame.time - tshark_time(row.time.at);
        if (row.time.len && (apart < 0 ? -apart : apart) >= within) /* simple packets have none */
            fail_msg("%s: packet %u: %lld, not %.20s", path, packet, (long long)frame.time, row.time.at);
        if (frame.length != row.length || frame.captured != (row.captured < row.length ? row.captured : row.length))
            fail_msg("%s: packet %u: %u of %u bytes", path, packet, frame.captured, frame.length);
    }
    /* tshark takes the damaged file for one with longer record headers and finds a second packet; tcpdump does not */
    bool damaged = r == FRAMING_BAD && strstr(path, "fmt-bad-record-length") != NULL;
    if (row_take(&line, &row) != damaged) fail_msg("%s: fewer packets than in the table", path);
    assert_int_equal(err_is(framing_end(f, text.len - used)), damaged);
    framing_close(f);
}

static u32 agree_folder(const char *root, const char *name)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/%s/packets.tsv", root, name);
    size_t table_len, len;
    char  *table = read_whole(path, &table_len);
    if (table == NULL) return 0;
    snprintf(path, sizeof path, "%s/%s", root, name);
    DIR *folder = opendir(path);
    u32  captures = 0;
    bool encodings = strcmp(name, "gen-format-equivalence") == 0; /* one table for files of several resolutions */
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        if (strstr(e->d_name, ".pcap") == NULL) continue;
        char file[3072];
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        char *text = read_whole(file, &len);
        agree(file, slice_of(text, len), table, encodings && strstr(e->d_name, "nano") == NULL ? 1000 : 1);
        free(text);
        captures++;
    }
    closedir(folder);
    free(table);
    return captures;
}

TEST(framing_agrees_with_tshark_on_every_capture_of_the_corpora)
{
    const char *corpora = getenv("WEIR_CORPORA");
    if (corpora == NULL) skip();
    char root[1024];
    snprintf(root, sizeof root, "%s/pcap", corpora);
    DIR *folder = opendir(root);
    if (folder == NULL) skip();
    u32 captures = 0;
    for (struct dirent *e; (e = readdir(folder)) != NULL;)
        if (e->d_name[0] != '.') captures += agree_folder(root, e->d_name);
    closedir(folder);
    print_message("%u captures agree\n", captures);
    assert_true(captures > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(framing_reads_pcap_of_both_orders_and_resolutions),
        cmocka_unit_test(framing_keeps_a_time_whose_fraction_is_over_a_second),
        cmocka_unit_test(framing_gives_no_more_bytes_than_length_and_snap_length_say),
        cmocka_unit_test(framing_turns_the_lengths_of_old_writers),
        cmocka_unit_test(framing_takes_the_link_type_without_the_bits_about_check_sequences),
        cmocka_unit_test(framing_stops_at_a_record_longer_than_any_packet_and_says_where),
        cmocka_unit_test(framing_says_what_a_file_is_that_it_cannot_read),
        cmocka_unit_test(framing_refuses_versions_that_it_does_not_know),
        cmocka_unit_test(framing_reads_sections_of_both_orders_in_one_file),
        cmocka_unit_test(framing_knows_each_interface_by_its_own_link_type_and_clock),
        cmocka_unit_test(framing_turns_ticks_of_any_resolution_into_nanoseconds),
        cmocka_unit_test(framing_reads_simple_and_obsolete_packets),
        cmocka_unit_test(framing_passes_blocks_without_a_packet),
        cmocka_unit_test(framing_passes_a_block_larger_than_its_caller_could_hold),
        cmocka_unit_test(framing_counts_packets_that_contradict_their_block_and_goes_on),
        cmocka_unit_test(framing_counts_packet_blocks_that_are_too_short_for_one),
        cmocka_unit_test(framing_stops_where_a_block_cannot_be_believed),
        cmocka_unit_test(framing_reports_the_front_of_a_passed_block_whose_lengths_differ),
        cmocka_unit_test(framing_takes_blocks_of_writers_that_leave_the_padding_out_of_the_length),
        cmocka_unit_test(framing_counts_packets_of_interfaces_beyond_the_limit),
        cmocka_unit_test(framing_tells_where_a_file_is_cut),
        cmocka_unit_test(framing_agrees_with_tshark_on_every_capture_of_the_corpora),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
