/* SPDX-License-Identifier: Apache-2.0 */
/* test_frames.c: frames as records and back, whatever bytes come; packets in tcpdump's words, without their payload. */
#include "../unit.h"
#include "build.h"

#include "packet/frames.h"
#include "packet/summary.h"

#include <stdlib.h>

#define A 0x0a000001u
#define B 0x0a000002u

static struct build b; /* one at a time */

static struct frame tcp_frame(u32 flags, const void *options, u32 n, u32 payload)
{
    build_init(&b);
    build_ethernet(&b, 0x0800);
    build_ip4(&b, A, B, 6);
    build_tcp(&b, 1234, 80, 7, 9, flags);
    if (n > 0) build_tcp_options(&b, options, n);
    build_payload(&b, payload);
    return build_frame(&b, LINK_ETHERNET, 5);
}

/* The record in memory that ends where it ends: given. */
static slice record_of(const struct frame *f, u32 keep, const struct frame_note *note)
{
    u32   size = frames_size(f->captured, keep);
    char *at = malloc(size);
    assert_non_null(at);
    frames_put(at, f, keep, note);
    return slice_of(at, size);
}

static void record_free(slice r)
{
    free((char *)(uintptr_t)r.at);
}

TEST(a_frame_and_its_note_come_back)
{
    struct frame      f = tcp_frame(TCP_ACK, NULL, 0, 11), got;
    struct frame_note note = { true, 1000, 53, { true, 3 } }, told;
    slice             r = record_of(&f, 2048, &note);
    assert_int_equal(r.len % 8, 0);
    assert_int_equal(frames_next(r, &got, &told), r.len);
    assert_int_equal(got.time, 5);
    assert_int_equal(got.length, f.length);
    assert_int_equal(got.captured, f.captured);
    assert_int_equal(got.link, LINK_ETHERNET);
    assert_memory_equal(got.at, f.at, f.captured);
    assert_true(told.ports && told.how.inner);
    assert_int_equal(told.src_port, 1000);
    assert_int_equal(told.dst_port, 53);
    assert_int_equal(told.how.depth, 3);
    record_free(r);
}

TEST(of_a_long_frame_the_front_is_kept)
{
    struct frame      f = tcp_frame(TCP_ACK, NULL, 0, 1000), got;
    struct frame_note note = { 0 }, told;
    slice             r = record_of(&f, 100, &note);
    assert_int_equal(r.len, FRAMES_HEAD + 104);
    assert_int_equal(frames_next(r, &got, &told), r.len);
    assert_int_equal(got.captured, 100);
    assert_int_equal(got.length, f.length);
    record_free(r);
}

TEST(frames_of_any_length_fit)
{
    for (u32 n = 0; n < 40; n++) {
        struct frame      f = { .time = 1, .length = n, .captured = n, .link = LINK_RAW, .at = b.at }, got;
        struct frame_note note = { 0 }, told;
        slice             r = record_of(&f, 33, &note);
        assert_int_equal(frames_next(r, &got, &told), r.len);
        assert_int_equal(got.captured, n < 33 ? n : 33);
        for (size_t cut = 0; cut < r.len; cut++) assert_int_equal(frames_next(slice_of(r.at, cut), &got, &told), 0);
        record_free(r);
    }
}

TEST(what_contradicts_itself_is_no_record)
{
    static const struct { u32 at, value; } wrong[] = {
        { 0, 0 },  { 0, 8 },  { 0, 80 },  { 0, UINT32_MAX }, /* size  */
        { 4, 70 }, { 4, 48 }, { 4, 2049 }, { 4, UINT32_MAX }, /* kept: 56 */
        { 8, 0 },  { 8, 55 },                                 /* length: 65 */
    };
    struct frame      f = tcp_frame(TCP_ACK, NULL, 0, 11), got;
    struct frame_note note = { 0 }, told;
    for (u32 i = 0; i < WEIR_COUNT(wrong); i++) {
        slice r = record_of(&f, 56, &note);
        assert_int_equal(frames_next(r, &got, &told), 88);
        memcpy((char *)(uintptr_t)r.at + wrong[i].at, &wrong[i].value, 4);
        if (frames_next(r, &got, &told) != 0) fail_msg("row %u", i);
        record_free(r);
    }
}

TEST(a_note_gives_ports_to_a_later_fragment_only)
{
    struct frame_note     note = { true, 1000, 53, { 0 } };
    struct packet_options how = { 0 };
    struct packet         p;
    struct frame          f = tcp_frame(TCP_ACK, NULL, 0, 0);
    packet_parse(&p, &f, &how);
    frame_note_apply(&note, &p);
    assert_int_equal(p.src_port, 1234);
    build_init(&b);
    build_ethernet(&b, 0x0800);
    build_ip4(&b, A, B, 17);
    build_ip4_fragment(&b, 9, 1480, false);
    build_payload(&b, 20);
    f = build_frame(&b, LINK_ETHERNET, 0);
    packet_parse(&p, &f, &how);
    assert_false(p.ports);
    frame_note_apply(&note, &p);
    assert_true(p.ports);
    assert_int_equal(p.dst_port, 53);
    build_init(&b);
    build_ethernet(&b, 0x0800);
    build_ip4(&b, A, B, 17);
    build_ip4_fragment(&b, 9, 0, true);
    build_payload(&b, 3); /* a first one, cut in its header */
    f = build_frame(&b, LINK_ETHERNET, 0);
    packet_parse(&p, &f, &how);
    assert_true(p.fragment && p.first);
    frame_note_apply(&note, &p);
    assert_false(p.ports);
}

/* --- summaries ---------------------------------------------------------------------------------------------------- */

static void says(const struct frame *f, const char *text)
{
    struct packet         p;
    struct packet_options how = { 0 };
    char                  to[SUMMARY_MAX];
    u8                   *at = malloc(f->captured + 1); /* that ends where its memory ends */
    assert_non_null(at);
    memcpy(at, f->at, f->captured);
    struct frame g = *f;
    g.at = at;
    packet_parse(&p, &g, &how);
    u32 n = summary_write(to, &p, &g);
    if (!slice_is(slice_of(to, n), text)) fail_msg("'%.*s', not '%s'", (int)n, to, text);
    free(at);
}

TEST(tcp_is_told_with_flags_numbers_and_options)
{
    struct frame f = tcp_frame(TCP_SYN, "\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\x07\0\0\0\0\x01\x03\x03\x07", 20, 0);
    says(&f, "IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [S], seq 7, win 1000, options [mss 1460,sackOK,TS val 7 ecr 0,nop,"
             "wscale 7], length 0");
    f = tcp_frame(TCP_PSH | TCP_ACK, "\x01\x01\x05\x0a\0\0\0\x02\0\0\0\x05", 12, 3);
    says(&f, "IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [P.], seq 7:10, ack 9, win 1000, options [nop,nop,sack 1 {2:5}], "
             "length 3");
    f = tcp_frame(TCP_ACK, "\xfd\x03x\0", 4, 0);
    says(&f, "IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [.], ack 9, win 1000, options [unknown-253,eol], length 0");
    f = tcp_frame(0, "\x01\x08\x0a\0", 4, 0);
    says(&f, "IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [none], win 1000, options [nop,[bad opt]], length 0");
}

TEST(a_packet_cut_short_is_told_as_far_as_it_goes)
{
    for (u32 cut = 34; cut < 54; cut++) {
        struct frame f = tcp_frame(TCP_SYN, NULL, 0, 0);
        f.captured = cut;
        says(&f, "IP 10.0.0.1 > 10.0.0.2: [|short] ip-proto-6 0");
    }
    struct frame f = tcp_frame(TCP_SYN, "\x02\x04\x05\xb4", 4, 0);
    f.captured = 56;
    says(&f, "IP 10.0.0.1.1234 > 10.0.0.2.80: Flags [S], seq 7, win 1000, options [[bad opt]], length 0");
}

static struct frame icmp_frame(u32 type, u32 code, u32 about)
{
    build_init(&b);
    build_ethernet(&b, 0x0800);
    build_ip4(&b, A, B, 1);
    build_icmp(&b, type, code, 5);
    if (about) {
        build_ip4(&b, B, 0x0a000003, about);
        build_udp(&b, 1, 53);
    }
    return build_frame(&b, LINK_ETHERNET, 0);
}

TEST(icmp_is_told_with_what_it_is_about)
{
    struct frame f = icmp_frame(8, 0, 0);
    says(&f, "IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 5, seq 1, length 8");
    f = icmp_frame(3, 3, 17);
    says(&f, "IP 10.0.0.1 > 10.0.0.2: ICMP 10.0.0.3 udp port 53 unreachable, length 36");
    f = icmp_frame(3, 1, 17);
    says(&f, "IP 10.0.0.1 > 10.0.0.2: ICMP host 10.0.0.3 unreachable, length 36");
    f = icmp_frame(3, 2, 17);
    says(&f, "IP 10.0.0.1 > 10.0.0.2: ICMP 10.0.0.3 protocol 17 unreachable, length 36");
    f = icmp_frame(11, 0, 17);
    says(&f, "IP 10.0.0.1 > 10.0.0.2: ICMP time exceeded in-transit, length 36");
    for (u32 cut = 42; cut < 78; cut++) { /* nothing past the captured bytes is looked at */
        f = icmp_frame(3, 3, 6);
        f.captured = cut;
        char                  to[SUMMARY_MAX];
        struct packet         p;
        struct packet_options how = { 0 };
        packet_parse(&p, &f, &how);
        assert_true(summary_write(to, &p, &f) < SUMMARY_MAX);
    }
}

TEST(fragments_udp_arp_and_others_are_told)
{
    build_init(&b);
    build_ethernet(&b, 0x86dd);
    build_ip6(&b, 1, 2, 44);
    build_ip6_fragment(&b, 17, 3, 0, true);
    build_udp(&b, 9, 53);
    build_payload(&b, 8);
    struct frame f = build_frame(&b, LINK_ETHERNET, 0);
    says(&f, "IP6 2001:db8::1.9 > 2001:db8::2.53: frag (0|16) UDP, length 8");
    build_init(&b);
    build_ethernet(&b, 0x0806);
    build_bytes(&b, "\0\1\x08\0\6\4\0\2\2\0\0\0\0\1\x0a\0\0\1\2\0\0\0\0\2\x0a\0\0\2", 28);
    f = build_frame(&b, LINK_ETHERNET, 0);
    says(&f, "ARP, Reply 10.0.0.1 is-at 02:00:00:00:00:01, length 28");
    f.captured -= 1;
    says(&f, "ARP, hardware or protocol unknown, length 28");
    build_init(&b);
    build_ethernet(&b, 0x88cc);
    f = build_frame(&b, LINK_ETHERNET, 0);
    says(&f, "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 0x88cc, length 14");
}

TEST(flags_stand_in_tcpdumps_order)
{
    char to[9];
    assert_true(slice_is(slice_of(to, summary_flags(to, 0xff)), "FSRP.UEW"));
    assert_true(slice_is(slice_of(to, summary_flags(to, TCP_FIN | TCP_ACK)), "F."));
    assert_true(slice_is(slice_of(to, summary_flags(to, 0)), "none"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_and_its_note_come_back),
        cmocka_unit_test(of_a_long_frame_the_front_is_kept),
        cmocka_unit_test(frames_of_any_length_fit),
        cmocka_unit_test(what_contradicts_itself_is_no_record),
        cmocka_unit_test(a_note_gives_ports_to_a_later_fragment_only),
        cmocka_unit_test(tcp_is_told_with_flags_numbers_and_options),
        cmocka_unit_test(a_packet_cut_short_is_told_as_far_as_it_goes),
        cmocka_unit_test(icmp_is_told_with_what_it_is_about),
        cmocka_unit_test(fragments_udp_arp_and_others_are_told),
        cmocka_unit_test(flags_stand_in_tcpdumps_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
