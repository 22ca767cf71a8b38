/* SPDX-License-Identifier: Apache-2.0 */
/* test_packet.c: frames that the test writes, told as packets: link types, IP, transport, tunnels, cuts and lies.
 *
 * With WEIR_CORPORA set, also: every packet of the captures there is told as tshark printed it. */
#include "../unit.h"
#include "build.h"
#include "tshark.h"

#include "packet/framing.h"
#include "packet/packet.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define A 0x0a000001u /* 10.0.0.1 */
#define B 0x0a000002u
#define C 0xc0a80001u /* 192.168.0.1: inside tunnels */
#define D 0xc0a80002u

static struct build b;

static const struct packet_options outer, inner = { .inner = true };

/* What was built since build_init, through memory that ends where the frame ends. */
static struct packet told_cut(u32 link, u32 captured, const struct packet_options *how)
{
    struct packet p;
    struct frame  f = build_frame(&b, link, 1234);
    u8           *copy = malloc(captured + 1);
    assert_non_null(copy);
    memcpy(copy + 1, f.at, captured); /* odd addresses, too */
    f.at = copy + 1;
    f.captured = captured;
    packet_parse(&p, &f, how);
    if (p.kind == PACKET_IP) { /* lent with the frame: told by its place in the test's own bytes */
        assert_true(p.payload_at >= f.at && p.payload_at + p.payload_captured <= f.at + captured);
        p.payload_at = b.at + (p.payload_at - f.at);
    }
    free(copy);
    return p;
}

static struct packet told(u32 link)
{
    build_lengths(&b);
    return told_cut(link, b.len, &outer);
}

static struct packet told_inner(void)
{
    build_lengths(&b);
    return told_cut(LINK_ETHERNET, b.len, &inner);
}

static u32 v4_of(const addr *a)
{
    assert_true(addr_is_v4(a));
    return (u32)a->b[12] << 24 | (u32)a->b[13] << 16 | (u32)a->b[14] << 8 | a->b[15];
}

/* A whole TCP segment over IPv4 with `n` bytes of payload. */
static void add_tcp4(u32 src, u32 dst, u32 n)
{
    build_ip4(&b, src, dst, 6);
    build_tcp(&b, 1000, 80, 7, 9, TCP_ACK | TCP_PSH);
    build_payload(&b, n);
}

static void assert_tcp4(const struct packet *p, u32 src, u32 dst, u32 n)
{
    assert_int_equal(p->kind, PACKET_IP);
    assert_int_equal(p->fault, PACKET_SOUND);
    assert_int_equal(v4_of(&p->src), src);
    assert_int_equal(v4_of(&p->dst), dst);
    assert_int_equal(p->protocol, 6);
    assert_true(p->ports);
    assert_int_equal(p->src_port, 1000);
    assert_int_equal(p->dst_port, 80);
    assert_int_equal(p->payload, n);
}

static void assert_bad(const struct packet *p, enum packet_fault why)
{
    assert_int_equal(p->kind, PACKET_BAD);
    assert_int_equal(p->fault, why);
}

TEST(packet_reads_a_segment_of_tcp_over_ipv4_over_ethernet)
{
    build_init(&b);
    build_ethernet(&b, 0x0800);
    add_tcp4(A, B, 11);
    b.at[15] = 0xb9;
    struct packet p = told(LINK_ETHERNET);
    assert_tcp4(&p, A, B, 11);
    assert_int_equal(p.time, 1234);
    assert_int_equal(p.frame_length, 14 + 40 + 11);
    assert_int_equal(p.ether_type, 0x0800);
    assert_int_equal(p.vlans, 0);
    assert_int_equal(p.vlan, PACKET_NO_VLAN);
    assert_int_equal(p.src_mac, BUILD_SRC_MAC);
    assert_int_equal(p.dst_mac, BUILD_DST_MAC);
    assert_int_equal(p.version, 4);
    assert_int_equal(p.ttl, 64);
    assert_int_equal(p.traffic_class, 0xb9);
    assert_int_equal(p.ip_bytes, 51);
    assert_int_equal(p.ip_said, 51);
    assert_false(p.fragment);
    assert_int_equal(p.tcp_flags, TCP_ACK | TCP_PSH);
    assert_int_equal(p.seq, 7);
    assert_int_equal(p.ack, 9);
    assert_int_equal(p.window, 1000);
    assert_int_equal(p.payload_captured, 11);
    assert_ptr_equal(p.payload_at, b.at + 54);
    assert_int_equal(p.tunnel, TUNNEL_NONE);
}

TEST(packet_leaves_ethernet_padding_out_of_the_payload)
{
    build_init(&b);
    build_ethernet(&b, 0x0800);
    add_tcp4(A, B, 0);
    build_pad(&b, 6);
    struct packet p = told(LINK_ETHERNET);
    assert_tcp4(&p, A, B, 0);
    assert_int_equal(p.payload_captured, 0);
    assert_int_equal(p.frame_length, 60);
    assert_int_equal(p.ip_bytes, 40);
}

TEST(packet_counts_payload_as_it_was_on_the_wire_where_the_snap_length_cut_it)
{
    build_init(&b);
    build_ethernet(&b, 0x0800);
    add_tcp4(A, B, 1000);
    struct packet p = told_cut(LINK_ETHERNET, 64, &outer);
    assert_tcp4(&p, A, B, 1000);
    assert_int_equal(p.payload_captured, 10);
    assert_int_equal(p.ip_bytes, 1040);
}

TEST(packet_believes_no_more_captured_bytes_than_the_wire_had)
{
    build_init(&b);
    build_ethernet(&b, 0x0800);
    add_tcp4(A, B, 20);
    struct packet p;
    struct frame  f = build_frame(&b, LINK_ETHERNET, 0);
    f.length = 60; /* a damaged record */
    packet_parse(&p, &f, &outer);
    assert_int_equal(p.kind, PACKET_IP);
    assert_int_equal(p.fault, PACKET_IP_TOTAL_LENGTH);
    assert_int_equal(p.payload, 6);
    assert_int_equal(p.payload_captured, 6);
}

TEST(packet_keeps_the_two_outermost_tags_of_a_stack)
{
    static const u32 types[] = { 0x8100, 0x88a8, 0x9100 };
    for (u32 i = 0; i < WEIR_COUNT(types); i++) {
        build_init(&b);
        build_ethernet(&b, types[i]);
        build_vlan(&b, 4095, 0x0800);
        add_tcp4(A, B, 1);
        struct packet p = told(LINK_ETHERNET);
        assert_tcp4(&p, A, B, 1);
        assert_int_equal(p.vlans, 1);
        assert_int_equal(p.vlan, 4095);
    }
    build_init(&b);
    build_ethernet(&b, 0x88a8);
    build_vlan(&b, 100, 0x8100);
    build_vlan(&b, 200, 0x8100);
    build_vlan(&b, 300, 0x0800);
    add_tcp4(A, B, 1);
    struct packet p = told(LINK_ETHERNET);
    assert_tcp4(&p, A, B, 1);
    assert_int_equal(p.vlans, 3);
    assert_int_equal(p.vlan, 100 | 200 << 12);
    assert_int_equal(p.ether_type, 0x0800);
}

TEST(packet_takes_a_stack_of_tags_that_fills_the_frame)
{
    build_init(&b);
    build_ethernet(&b, 0x8100);
    for (u32 i = 0; i < 1000; i++) build_vlan(&b, 1, 0x8100);
    struct packet p = told(LINK_ETHERNET);
    assert_bad(&p, PACKET_LINK_SHORT);
    assert_int_equal(p.vlans, 255);
}

TEST(packet_tells_other_protocols_by_their_number)
{
    static const struct { u32 type; enum packet_kind kind; } rows[] = {
        { 0x0806, PACKET_ARP }, { 0x88cc, PACKET_OTHER }, { 0x8863, PACKET_OTHER }, { 0x8035, PACKET_OTHER },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        build_init(&b);
        build_ethernet(&b, 0x8100);
        build_vlan(&b, 5, rows[i].type);
        build_payload(&b, 46);
        struct packet p = told(LINK_ETHERNET);
        assert_int_equal(p.kind, rows[i].kind);
        assert_int_equal(p.fault, PACKET_SOUND);
        assert_int_equal(p.ether_type, rows[i].type);
        assert_int_equal(p.vlan, 5);
        assert_int_equal(p.src_mac, BUILD_SRC_MAC);
    }
}

TEST(packet_tells_802_3_frames_as_other_with_the_type_that_snap_names)
{
    build_init(&b);
    build_ethernet(&b, 38);
    build_u16(&b, 0x4242); /* spanning tree */
    build_payload(&b, 36);
    struct packet p = told(LINK_ETHERNET);
    assert_int_equal(p.kind, PACKET_OTHER);
    assert_int_equal(p.ether_type, 0);
    build_init(&b);
    build_ethernet(&b, 60);
    build_u32(&b, 0xaaaa0300);
    build_u32(&b, 0x00000800);
    add_tcp4(A, B, 0);
    p = told(LINK_ETHERNET);
    assert_int_equal(p.kind, PACKET_OTHER);
    assert_int_equal(p.ether_type, 0x0800);
}

TEST(packet_reads_cooked_headers_with_and_without_tags)
{
    build_init(&b);
    build_sll(&b, 0x0800);
    add_tcp4(A, B, 3);
    struct packet p = told(LINK_LINUX_SLL);
    assert_tcp4(&p, A, B, 3);
    assert_int_equal(p.src_mac, BUILD_SRC_MAC);
    assert_int_equal(p.dst_mac, PACKET_NO_MAC);
    build_init(&b);
    build_sll2(&b, 0x8100);
    build_vlan(&b, 12, 0x0800);
    add_tcp4(A, B, 3);
    p = told(LINK_LINUX_SLL2);
    assert_tcp4(&p, A, B, 3);
    assert_int_equal(p.vlan, 12);
    build_init(&b);
    build_sll(&b, 4); /* 802.2 */
    build_payload(&b, 40);
    p = told(LINK_LINUX_SLL);
    assert_int_equal(p.kind, PACKET_OTHER);
    assert_int_equal(p.ether_type, 0);
    build_init(&b);
    build_sll2(&b, 0x0806);
    build_payload(&b, 28);
    p = told(LINK_LINUX_SLL2);
    assert_int_equal(p.kind, PACKET_ARP);
}

TEST(packet_reads_loopback_families_of_every_system_in_either_order)
{
    static const u32 families[] = { 24, 28, 30, 10 };
    for (u32 i = 0; i < 2 * WEIR_COUNT(families); i++) {
        u32 family = families[i / 2];
        build_init(&b);
        build_u32(&b, i & 1 ? family << 24 : family);
        build_ip6(&b, 1, 2, 17);
        build_udp(&b, 5, 6);
        struct packet p = told(i & 1 ? LINK_NULL : LINK_LOOP);
        assert_int_equal(p.kind, PACKET_IP);
        assert_int_equal(p.version, 6);
        assert_int_equal(p.dst_port, 6);
        assert_int_equal(p.ether_type, 0);
    }
    for (u32 i = 0; i < 2; i++) {
        build_init(&b);
        build_u32(&b, i ? 2u << 24 : 2);
        add_tcp4(A, B, 3);
        struct packet p = told(LINK_NULL);
        assert_tcp4(&p, A, B, 3);
    }
    build_init(&b);
    build_u32(&b, 7);
    build_payload(&b, 40);
    struct packet p = told(LINK_NULL);
    assert_int_equal(p.kind, PACKET_OTHER);
}

TEST(packet_reads_bare_ip_by_its_version)
{
    static const u32 links[] = { LINK_RAW, LINK_IPV4, LINK_IPV6 };
    for (u32 i = 0; i < WEIR_COUNT(links); i++) {
        build_init(&b);
        add_tcp4(A, B, 2);
        struct packet p = told(links[i]);
        assert_tcp4(&p, A, B, 2);
        assert_int_equal(p.src_mac, PACKET_NO_MAC);
    }
    build_init(&b);
    build_fill(&b, 0x57, 60);
    struct packet p = told(LINK_RAW);
    assert_bad(&p, PACKET_IP_VERSION);
    p = told(160);
    assert_bad(&p, PACKET_LINK_UNKNOWN);
}

TEST(packet_reads_ppp_with_and_without_address_and_long_or_short_protocol)
{
    static const struct { u8 at[4]; u32 n; } rows[] = {
        { { 0xff, 3, 0, 0x21 }, 4 }, { { 0, 0x21 }, 2 }, { { 0xff, 3, 0x21 }, 3 }, { { 0x21 }, 1 },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        build_init(&b);
        build_bytes(&b, rows[i].at, rows[i].n);
        add_tcp4(A, B, 2);
        struct packet p = told(LINK_PPP);
        assert_tcp4(&p, A, B, 2);
    }
    build_init(&b);
    build_u32(&b, 0xff03c021); /* link control */
    build_payload(&b, 10);
    struct packet p = told(LINK_PPP);
    assert_int_equal(p.kind, PACKET_OTHER);
}

TEST(packet_reads_a_pppoe_session_behind_tags_without_its_padding)
{
    build_init(&b);
    build_ethernet(&b, 0x88a8);
    build_vlan(&b, 1, 0x8100);
    build_vlan(&b, 2, 0x8864);
    build_pppoe(&b, 0x0057);
    build_ip6(&b, 1, 2, 17);
    build_udp(&b, 5, 6);
    build_payload(&b, 4);
    build_pad(&b, 9);
    struct packet p = told(LINK_ETHERNET);
    assert_int_equal(p.kind, PACKET_IP);
    assert_int_equal(p.fault, PACKET_SOUND);
    assert_int_equal(p.version, 6);
    assert_int_equal(p.payload, 4);
    assert_int_equal(p.vlan, 1 | 2 << 12);
    assert_int_equal(p.ether_type, 0x8864);
}

TEST(packet_goes_through_mpls_labels_to_ip_or_to_a_pseudowire)
{
    build_init(&b);
    build_ethernet(&b, 0x8847);
    for (u32 i = 0; i < 20; i++) build_mpls(&b, 100 + i, i == 19);
    add_tcp4(A, B, 2);
    struct packet p = told(LINK_ETHERNET);
    assert_tcp4(&p, A, B, 2);
    build_init(&b);
    build_ethernet(&b, 0x8848);
    build_mpls(&b, 16, true);
    build_u32(&b, 9); /* control word: sequence 9 */
    build_ethernet(&b, 0x8100);
    b.at[b.len - 3] = 0x77;
    build_vlan(&b, 8, 0x0800);
    add_tcp4(A, B, 2);
    p = told(LINK_ETHERNET);
    assert_tcp4(&p, A, B, 2);
    assert_int_equal(p.vlan, 8);
    assert_int_equal(p.src_mac & 0xff, 0x77);
    build_init(&b);
    build_ethernet(&b, 0x8847);
    build_mpls(&b, 16, true);
    build_u32(&b, 0x10000007); /* associated channel */
    p = told(LINK_ETHERNET);
    assert_int_equal(p.kind, PACKET_OTHER);
    assert_int_equal(p.ether_type, 0x8847);
}

TEST(packet_passes_a_security_group_tag)
{
    build_init(&b);
    build_ethernet(&b, 0x8909);
    build_u32(&b, 0x01010001);
    build_u32(&b, 0x00110800);
    add_tcp4(A, B, 2);
    struct packet p = told(LINK_ETHERNET);
    assert_tcp4(&p, A, B, 2);
    assert_int_equal(p.ether_type, 0x0800);
}

TEST(packet_passes_over_ipv6_extensions)
{
    build_init(&b);
    build_ethernet(&b, 0x86dd);
    build_ip6(&b, 1, 2, 0);
    build_extension(&b, 43, 1);
    build_extension(&b, 60, 3);
    build_extension(&b, 135, 1);
    build_extension(&b, 51, 2);
    build_u8(&b, 17); /* AH: (len + 2) * 4 */
    build_u8(&b, 4);
    build_fill(&b, 0, 22);
    build_udp(&b, 53, 99);
    build_payload(&b, 5);
    build_pad(&b, 1);
    b.at[15] = 0xa0; /* traffic class 0x0a */
    b.at[21] = 1;    /* hop limit */
    struct packet p = told(LINK_ETHERNET);
    assert_int_equal(p.kind, PACKET_IP);
    assert_int_equal(p.fault, PACKET_SOUND);
    assert_int_equal(p.protocol, 17);
    assert_int_equal(p.src_port, 53);
    assert_int_equal(p.payload, 5);
    assert_int_equal(p.ip_bytes, 40 + 8 + 24 + 8 + 16 + 24 + 13);
    assert_int_equal(p.ttl, 1);
    assert_int_equal(p.traffic_class, 0x0a);
    assert_int_equal(p.src.b[15], 1);
    assert_int_equal(p.dst.b[15], 2);
}

TEST(packet_ends_the_chain_at_esp_and_where_nothing_follows)
{
    static const struct { u32 next, payload; } rows[] = { { 50, 32 }, { 59, 0 }, { 59, 8 }, { 136, 20 } };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        build_init(&b);
        build_ethernet(&b, 0x86dd);
        build_ip6(&b, 1, 2, rows[i].next);
        build_payload(&b, rows[i].payload);
        build_pad(&b, 6);
        struct packet p = told(LINK_ETHERNET);
        assert_int_equal(p.kind, PACKET_IP);
        assert_int_equal(p.fault, PACKET_SOUND);
        assert_int_equal(p.protocol, rows[i].next);
        assert_int_equal(p.ip_bytes, 40 + rows[i].payload);
        assert_int_equal(p.ip_said, 40 + rows[i].payload);
        assert_int_equal(p.payload, rows[i].payload);
        assert_false(p.ports);
    }
}

TEST(packet_tells_the_parts_of_an_ipv4_datagram)
{
    static const struct { u32 at; bool more, fragment, first; } rows[] = {
        { 0, false, false, false }, { 0, true, true, true }, { 1480, true, true, false }, { 2960, false, true, false },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        build_init(&b);
        build_ethernet(&b, 0x0800);
        build_ip4(&b, A, B, 17);
        build_ip4_fragment(&b, 0xbeef, rows[i].at, rows[i].more);
        build_udp(&b, 5, 6);
        build_payload(&b, 16);
        struct packet p = told(LINK_ETHERNET);
        bool          here = !rows[i].fragment || rows[i].first;
        assert_int_equal(p.kind, PACKET_IP);
        assert_int_equal(p.fragment, rows[i].fragment);
        assert_int_equal(p.first, rows[i].first);
        assert_int_equal(p.fragment_at, rows[i].at);
        assert_int_equal(p.fragment_id, rows[i].fragment ? 0xbeef : 0);
        assert_int_equal(p.ports, here);
        assert_int_equal(p.payload, here ? 16 : 24);
    }
}

TEST(packet_tells_the_parts_of_an_ipv6_datagram_and_takes_an_atomic_one_as_whole)
{
    static const struct { u32 at; bool more, fragment, first; } rows[] = {
        { 0, false, false, false }, { 0, true, true, true }, { 1448, true, true, false }, { 2896, false, true, false },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        build_init(&b);
        build_ethernet(&b, 0x86dd);
        build_ip6(&b, 1, 2, 60);
        build_extension(&b, 44, 1);
        build_ip6_fragment(&b, 17, 0xdeadbeef, rows[i].at, rows[i].more);
        build_udp(&b, 5, 6);
        build_payload(&b, 16);
        struct packet p = told(LINK_ETHERNET);
        bool          here = !rows[i].fragment || rows[i].first;
        assert_int_equal(p.protocol, 17);
        assert_int_equal(p.fragment, rows[i].fragment);
        assert_int_equal(p.first, rows[i].first);
        assert_int_equal(p.fragment_at, rows[i].at);
        assert_int_equal(p.fragment_id, rows[i].fragment ? 0xdeadbeef : 0);
        assert_int_equal(p.ports, here);
        assert_int_equal(p.payload, here ? 16 : 24);
    }
}

TEST(packet_takes_the_frames_length_where_segmentation_offload_left_none)
{
    build_init(&b);
    build_ethernet(&b, 0x0800);
    add_tcp4(A, B, 3000);
    build_lengths(&b);
    build_set16(&b, 16, 0);
    struct packet p = told(LINK_ETHERNET);
    assert_tcp4(&p, A, B, 3000);
    assert_int_equal(p.ip_said, 0);
    assert_int_equal(p.ip_bytes, 3040);
    build_init(&b);
    build_ethernet(&b, 0x86dd);
    build_ip6(&b, 1, 2, 6);
    build_tcp(&b, 1, 2, 3, 4, TCP_ACK);
    build_payload(&b, 3000);
    build_lengths(&b);
    build_set16(&b, 18, 0);
    p = told(LINK_ETHERNET);
    assert_int_equal(p.kind, PACKET_IP);
    assert_int_equal(p.payload, 3000);
    assert_int_equal(p.ip_said, 0);
    assert_int_equal(p.ip_bytes, 3060);
    build_init(&b); /* nobody cuts ICMP */
    build_ethernet(&b, 0x0800);
    build_ip4(&b, A, B, 1);
    build_icmp(&b, 8, 0, 1);
    build_lengths(&b);
    build_set16(&b, 16, 0);
    p = told(LINK_ETHERNET);
    assert_bad(&p, PACKET_IP_TOTAL_LENGTH);
}

TEST(packet_reads_scale_and_segment_size_of_a_syn)
{
    static const struct { u8 at[12]; u32 n; u32 mss, scale; } rows[] = {
        { { 2, 4, 5, 0xb4, 1, 3, 3, 7 }, 8, 1460, 8 },
        { { 1, 3, 3, 0, 2, 4, 0xff, 0xff, 0, 0, 0, 0 }, 12, 65535, 1 },
        { { 3, 3, 200, 0 }, 4, 0, 15 },          /* over 14 is 14 (RFC 7323 section 2.3) */
        { { 0, 2, 4, 5, 0xb4, 0, 0, 0 }, 8, 0, 0 }, /* behind the list's end */
        { { 2, 3, 5, 1, 3, 3, 2, 0 }, 8, 0, 3 }, /* a length that is not MSS's */
        { { 8, 0, 2, 4, 5, 0xb4, 0, 0 }, 8, 0, 0 }, /* a length below 2 */
        { { 1, 1, 1, 2 }, 4, 0, 0 },             /* no room for a length */
        { { 1, 2, 4, 5 }, 4, 0, 0 },             /* nor for the value */
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        build_init(&b);
        build_ethernet(&b, 0x0800);
        build_ip4(&b, A, B, 6);
        build_tcp(&b, 1000, 80, 7, 0, TCP_SYN);
        build_tcp_options(&b, rows[i].at, rows[i].n);
        struct packet p = told(LINK_ETHERNET);
        assert_tcp4(&p, A, B, 0);
        assert_int_equal(p.mss, rows[i].mss);
        assert_int_equal(p.scale, rows[i].scale);
    }
}

TEST(packet_tells_icmp_by_type_code_and_echo_id)
{
    static const struct { u32 protocol, type, code, dst_port; } rows[] = {
        { 1, 8, 0, 77 }, { 1, 0, 0, 77 }, { 1, 3, 1, 0 }, { 1, 11, 0, 0 }, { 58, 128, 0, 77 }, { 58, 129, 0, 77 },
        { 58, 135, 0, 0 },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        build_init(&b);
        build_ethernet(&b, 0x0800);
        build_ip4(&b, A, B, rows[i].protocol);
        build_icmp(&b, rows[i].type, rows[i].code, 77);
        build_payload(&b, 48);
        struct packet p = told(LINK_ETHERNET);
        assert_true(p.ports);
        assert_int_equal(p.src_port, rows[i].type << 8 | rows[i].code);
        assert_int_equal(p.dst_port, rows[i].dst_port);
        assert_int_equal(p.payload, 48);
    }
}

/* RFC 9260 section 3.1: ports, tag, checksum, then chunks. A header that is not all there has none. */
TEST(packet_reads_the_ports_of_sctp)
{
    static const u8 header[12] = { 0x0b, 0x59, 0x8e, 0x3c };
    for (u32 size = 0; size <= sizeof header; size++) {
        build_init(&b);
        build_ethernet(&b, 0x0800);
        build_ip4(&b, A, B, 132);
        build_bytes(&b, header, size);
        if (size == sizeof header) build_payload(&b, 30);
        struct packet p = told(LINK_ETHERNET);
        bool          whole = size == sizeof header;
        assert_int_equal(p.kind, PACKET_IP);
        assert_int_equal(p.fault, whole ? PACKET_SOUND : PACKET_TRANSPORT_SHORT);
        assert_int_equal(p.ports, whole);
        assert_int_equal(p.src_port, whole ? 2905 : 0);
        assert_int_equal(p.dst_port, whole ? 36412 : 0);
        assert_int_equal(p.payload, whole ? 30 : 0);
    }
}

static void over_gre(u32 flags, u32 type)
{
    build_ip4(&b, A, B, 47);
    build_gre(&b, flags, type);
    if (type == 0x6558 || type == 0x88be) build_ethernet(&b, 0x0800);
}

static void over_udp(u32 src, u32 dst)
{
    build_ip4(&b, A, B, 17);
    build_udp(&b, src, dst);
    if (dst == 4789 || dst == 8472) build_vxlan(&b, 9);
    if (dst == 4789 || dst == 8472) build_ethernet(&b, 0x0800);
}

/* n words. */
static void add_words(const u32 *at, u32 n)
{
    for (u32 i = 0; i < n; i++) build_u32(&b, at[i]);
}

#define WORDS(...) add_words((const u32[]){ __VA_ARGS__ }, sizeof((const u32[]){ __VA_ARGS__ }) / sizeof(u32))

static void open_erspan(u32 form)
{
    build_ip4(&b, A, B, 47);
    build_gre(&b, 0x1000, form == 2 ? 0x88be : 0x22eb);
    if (form == 2) WORDS(0x10101010, 0x10101010);
    if (form == 3) WORDS(0, 0, 0);
    if (form == 4) WORDS(0, 0, 1, 0, 0); /* III with the platform's 8 bytes */
    build_ethernet(&b, 0x0800);
}

/* Outer headers of a tunnel, up to the inner IP header. */
static void open_tunnel(u32 form)
{
    build_init(&b);
    build_ethernet(&b, form == 17 ? 0x86dd : 0x0800);
    switch (form) {
    case 0:  over_gre(0, 0x0800); break;
    case 1:  over_gre(0xb000, 0x0800); break;
    case 2:  over_gre(0x2000, 0x6558); break;
    case 3:  over_gre(0x3001, 0x880b); build_u16(&b, 0x0021); break;       /* PPTP: length and call, sequence */
    case 4:  over_gre(0x3081, 0x880b); WORDS(1, 0xff030021); break;        /* ... acknowledgement             */
    case 5:  over_gre(0, 0x88be); break;                                   /* ERSPAN I                        */
    case 6:  open_erspan(2); break;
    case 7:  open_erspan(3); break;
    case 8:  open_erspan(4); break;
    case 9:  over_udp(5000, 4789); break;
    case 10: over_udp(5000, 8472); break;
    case 11: over_udp(5000, 6081); build_geneve(&b, 3, 0x6558); build_ethernet(&b, 0x0800); break;
    case 12: over_udp(5000, 6081); build_geneve(&b, 0, 0x0800); break;
    case 13: over_udp(2152, 2152); build_gtp(&b, 0); break;
    case 14: over_udp(2152, 6000); build_gtp(&b, 2); WORDS(0x00010000); break;
    case 15: over_udp(6000, 2152); build_gtp(&b, 4); WORDS(0x85, 0x01000085, 0x02000000, 0); break; /* extensions */
    case 16: build_ip4(&b, A, B, 4); break;
    case 17: build_ip6(&b, 1, 2, 4); break;
    case 18: over_gre(0x2000, 0x8847); build_mpls(&b, 16, true); break;
    default: over_gre(0, 0x8909); WORDS(0x08000101, 0x00010000); break; /* a security group tag: its type comes first */
    }
}

static const enum packet_tunnel forms[] = {
    TUNNEL_GRE,  TUNNEL_GRE,  TUNNEL_GRE,    TUNNEL_GRE,    TUNNEL_GRE, TUNNEL_ERSPAN, TUNNEL_ERSPAN,
    TUNNEL_ERSPAN, TUNNEL_ERSPAN, TUNNEL_VXLAN, TUNNEL_VXLAN, TUNNEL_GENEVE, TUNNEL_GENEVE, TUNNEL_GTP,
    TUNNEL_GTP,  TUNNEL_GTP,  TUNNEL_IPIP,   TUNNEL_IPIP,   TUNNEL_GRE, TUNNEL_GRE,
};

TEST(packet_tells_the_outer_packet_of_a_tunnel_and_looks_inside_on_request)
{
    for (u32 i = 0; i < WEIR_COUNT(forms); i++) {
        open_tunnel(i);
        add_tcp4(C, D, 21);
        struct packet p = told(LINK_ETHERNET);
        assert_int_equal(p.kind, PACKET_IP);
        assert_int_equal(p.fault, PACKET_SOUND);
        assert_int_equal(p.tunnel, forms[i]);
        assert_int_equal(p.depth, 0);
        assert_int_equal(p.ip_bytes, b.len - 14);
        if (i != 17) assert_int_equal(v4_of(&p.src), A);
        p = told_inner();
        assert_tcp4(&p, C, D, 21);
        assert_int_equal(p.tunnel, forms[i]);
        assert_int_equal(p.depth, 1);
        assert_int_equal(p.ip_bytes, 61);
        assert_int_equal(p.frame_length, b.len);
        assert_int_equal(p.time, 1234);
    }
}

TEST(packet_looks_into_ipv6_in_ipv4_and_teredo)
{
    static const u8 authentication[16] = { 0, 1, 1, 2 }; /* 4 + 1 + 2 + 9 */
    for (u32 i = 0; i < 4; i++) {
        build_init(&b);
        build_ethernet(&b, 0x0800);
        build_ip4(&b, A, B, i == 0 ? 41 : 17);
        if (i > 0) build_udp(&b, i == 2 ? 3544 : 40000, i == 2 ? 40000 : 3544);
        if (i > 1) build_bytes(&b, authentication, sizeof authentication);
        if (i > 2) build_fill(&b, 0, 8);
        build_ip6(&b, 7, 8, 58);
        build_icmp(&b, 128, 0, 5);
        struct packet p = told(LINK_ETHERNET);
        assert_int_equal(p.tunnel, i == 0 ? TUNNEL_6IN4 : TUNNEL_TEREDO);
        assert_int_equal(p.version, 4);
        p = told_inner();
        assert_int_equal(p.version, 6);
        assert_int_equal(p.protocol, 58);
        assert_int_equal(p.dst_port, 5);
        assert_int_equal(p.src.b[15], 7);
    }
}

TEST(packet_goes_no_deeper_than_it_is_told)
{
    build_init(&b);
    build_ethernet(&b, 0x0800);
    for (u32 i = 0; i < 7; i++) build_ip4(&b, A + i, B, i < 6 ? 4 : 6);
    build_tcp(&b, 1000, 80, 1, 2, TCP_ACK);
    struct packet p = told_inner();
    assert_int_equal(p.depth, 4);
    assert_int_equal(v4_of(&p.src), A + 4);
    assert_int_equal(p.fault, PACKET_SOUND);
    for (u32 depth = 1; depth < 9; depth++) {
        struct packet_options how = { .inner = true, .depth = depth };
        p = told_cut(LINK_ETHERNET, b.len, &how);
        assert_int_equal(p.depth, depth < 6 ? depth : 6);
        assert_int_equal(v4_of(&p.src), A + (depth < 6 ? depth : 6));
        assert_int_equal(p.protocol, depth < 6 ? 4 : 6);
    }
}

TEST(packet_adds_an_inner_frames_tags_and_takes_its_addresses)
{
    build_init(&b);
    build_ethernet(&b, 0x8100);
    build_vlan(&b, 10, 0x0800);
    build_ip4(&b, A, B, 17);
    build_udp(&b, 5000, 4789);
    build_vxlan(&b, 9);
    build_ethernet(&b, 0x8100);
    b.at[b.len - 3] = 0x99;
    build_vlan(&b, 20, 0x0800);
    add_tcp4(C, D, 0);
    struct packet p = told(LINK_ETHERNET);
    assert_int_equal(p.vlan, 10);
    assert_int_equal(p.src_mac, BUILD_SRC_MAC);
    p = told_inner();
    assert_tcp4(&p, C, D, 0);
    assert_int_equal(p.vlan, 10 | 20 << 12);
    assert_int_equal(p.src_mac & 0xff, 0x99);
}

TEST(packet_tells_the_outer_packet_where_the_inner_one_is_broken)
{
    for (u32 i = 0; i < WEIR_COUNT(forms); i++) {
        open_tunnel(i);
        build_fill(&b, 0x41, 40); /* IHL 1 */
        struct packet p = told_inner();
        assert_int_equal(p.kind, PACKET_IP);
        assert_int_equal(p.fault, PACKET_TUNNEL_BAD);
        assert_int_equal(p.depth, 0);
        assert_int_equal(p.tunnel, TUNNEL_NONE);
        assert_int_equal(p.ip_bytes, b.len - 14);
        p = told(LINK_ETHERNET);
        assert_int_equal(p.fault, PACKET_SOUND);
        assert_int_equal(p.tunnel, forms[i]);
    }
}

TEST(packet_tells_the_outer_packet_where_the_tunnel_holds_no_ip)
{
    build_init(&b);
    build_ethernet(&b, 0x0800);
    build_ip4(&b, A, B, 47);
    build_gre(&b, 0x2000, 0x6558);
    build_ethernet(&b, 0x0806);
    build_fill(&b, 0, 28);
    struct packet p = told_inner();
    assert_int_equal(p.kind, PACKET_IP);
    assert_int_equal(p.fault, PACKET_SOUND);
    assert_int_equal(p.depth, 0);
    assert_int_equal(p.protocol, 47);
}

TEST(packet_takes_traffic_that_only_uses_a_tunnels_port_as_it_is)
{
    static const struct { u32 port, first; } rows[] = {
        { 4789, 0x00000000 }, { 6081, 0x40000000 }, { 2152, 0x30010000 }, { 2152, 0x20ff0000 }, { 3544, 0x45000000 },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        build_init(&b);
        build_ethernet(&b, 0x0800);
        build_ip4(&b, A, B, 17);
        build_udp(&b, 5000, rows[i].port);
        build_u32(&b, rows[i].first);
        build_fill(&b, 0x45, 60);
        struct packet p = told(LINK_ETHERNET);
        assert_int_equal(p.tunnel, TUNNEL_NONE);
        p = told_inner();
        assert_int_equal(p.fault, PACKET_SOUND);
        assert_int_equal(p.depth, 0);
        assert_int_equal(p.dst_port, rows[i].port);
    }
}

TEST(packet_looks_into_a_tunnels_first_fragment_and_not_into_later_ones)
{
    open_tunnel(13);
    add_tcp4(C, D, 1400);
    build_lengths(&b);
    b.len -= 400; /* the rest is in the next fragment */
    build_set16(&b, 16, b.len - 14);
    build_ip4_fragment(&b, 1, 0, true);
    build_set16(&b, 14 + 6, 0x2000); /* the outer header's, too */
    build_set16(&b, b.ip + 6, 0);
    struct packet p = told_inner();
    assert_tcp4(&p, C, D, 1000);
    assert_int_equal(p.ip_bytes, 1440);
    assert_false(p.fragment);
    build_set16(&b, 14 + 6, 100);
    p = told_inner();
    assert_int_equal(p.depth, 0);
    assert_true(p.fragment);
    assert_false(p.ports);
}

/* One change to a sound frame and what becomes of it. */
struct lie {
    u32               at, value, captured; /* captured 0: all */
    enum packet_kind  kind;
    enum packet_fault fault;
};

TEST(packet_says_why_a_frame_over_ipv4_is_none)
{
    static const struct lie rows[] = {
        { 14, 0x45, 0, PACKET_IP, PACKET_SOUND },
        { 14, 0x45, 13, PACKET_BAD, PACKET_LINK_SHORT },
        { 14, 0x45, 14, PACKET_BAD, PACKET_IP_SHORT },
        { 14, 0x45, 33, PACKET_BAD, PACKET_IP_SHORT },
        { 14, 0x4f, 60, PACKET_BAD, PACKET_IP_SHORT },
        { 14, 0x35, 0, PACKET_BAD, PACKET_IP_VERSION },
        { 14, 0x44, 0, PACKET_BAD, PACKET_IP_HEADER_LENGTH },
        { 17, 19, 0, PACKET_BAD, PACKET_IP_TOTAL_LENGTH },
        { 17, 255, 0, PACKET_IP, PACKET_IP_TOTAL_LENGTH },
        { 14, 0x45, 34, PACKET_IP, PACKET_TRANSPORT_SHORT },
        { 14, 0x45, 53, PACKET_IP, PACKET_TRANSPORT_SHORT },
        { 17, 39, 0, PACKET_IP, PACKET_TRANSPORT_SHORT },
        { 46, 0x40, 0, PACKET_IP, PACKET_TCP_HEADER_LENGTH },
        { 46, 0xf0, 0, PACKET_IP, PACKET_TCP_HEADER_LENGTH },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        build_init(&b);
        build_ethernet(&b, 0x0800);
        add_tcp4(A, B, 30);
        build_lengths(&b);
        b.at[rows[i].at] = (u8)rows[i].value;
        struct packet p = told_cut(LINK_ETHERNET, rows[i].captured ? rows[i].captured : b.len, &inner);
        assert_int_equal(p.kind, rows[i].kind);
        assert_int_equal(p.fault, rows[i].fault);
        if (p.kind == PACKET_IP) assert_int_equal(p.ports, rows[i].fault != PACKET_TRANSPORT_SHORT);
        if (p.kind == PACKET_IP) assert_int_equal(v4_of(&p.dst), B);
    }
}

TEST(packet_says_why_a_frame_over_ipv6_is_none)
{
    static const struct lie rows[] = {
        { 14, 0x60, 0, PACKET_IP, PACKET_SOUND },
        { 14, 0x60, 53, PACKET_BAD, PACKET_IP_SHORT },
        { 14, 0x60, 54, PACKET_IP, PACKET_EXTENSION_SHORT },
        { 14, 0x60, 61, PACKET_IP, PACKET_EXTENSION_SHORT },
        { 55, 100, 0, PACKET_IP, PACKET_EXTENSION_SHORT },
        { 19, 4, 0, PACKET_IP, PACKET_EXTENSION_SHORT },
        { 18, 9, 0, PACKET_IP, PACKET_IP_TOTAL_LENGTH },
        { 14, 0x60, 69, PACKET_IP, PACKET_TRANSPORT_SHORT },
    };
    for (u32 i = 0; i < WEIR_COUNT(rows); i++) {
        build_init(&b);
        build_ethernet(&b, 0x86dd);
        build_ip6(&b, 1, 2, 0);
        build_extension(&b, 17, 1);
        build_udp(&b, 5, 6);
        build_payload(&b, 30);
        build_lengths(&b);
        b.at[rows[i].at] = (u8)rows[i].value;
        struct packet p = told_cut(LINK_ETHERNET, rows[i].captured ? rows[i].captured : b.len, &inner);
        assert_int_equal(p.kind, rows[i].kind);
        assert_int_equal(p.fault, rows[i].fault);
        if (p.kind == PACKET_IP) assert_int_equal(p.protocol, rows[i].fault == PACKET_EXTENSION_SHORT ? 0 : 17);
    }
}

TEST(packet_tells_every_cut_of_every_tunnel_by_what_is_captured)
{
    for (u32 i = 0; i < WEIR_COUNT(forms); i++) {
        open_tunnel(i);
        u32 ip = b.len, outer_ip = 14 + (i == 17 ? 40 : 20);
        add_tcp4(C, D, 30);
        build_lengths(&b);
        for (u32 n = 0; n <= b.len; n++) {
            struct packet p = told_cut(LINK_ETHERNET, n, &inner);
            assert_int_equal(p.kind, n < outer_ip ? PACKET_BAD : PACKET_IP);
            assert_int_equal(p.depth, n >= ip + 20);
            if (n >= ip + 20) assert_int_equal(p.fault, n < ip + 40 ? PACKET_TRANSPORT_SHORT : PACKET_SOUND);
            if (n >= ip + 20) assert_int_equal(p.payload, 30);
        }
    }
}

static void assert_same_upwards_of_link(const struct packet *p, const struct packet *q)
{
    assert_int_equal(p->kind, q->kind);
    assert_int_equal(p->fault, q->fault);
    assert_memory_equal(&p->src, &q->src, sizeof p->src);
    assert_memory_equal(&p->dst, &q->dst, sizeof p->dst);
    const u64 a[] = { p->version, p->protocol, p->ttl, p->traffic_class, p->ip_bytes, p->ip_said, p->fragment, p->first,
                      p->fragment_id, p->fragment_at, p->payload, p->payload_captured, p->upper_captured, p->ports,
                      p->src_port, p->dst_port, p->tcp_flags, p->seq, p->ack, p->window, p->scale, p->mss, p->tunnel };
    const u64 c[] = { q->version, q->protocol, q->ttl, q->traffic_class, q->ip_bytes, q->ip_said, q->fragment, q->first,
                      q->fragment_id, q->fragment_at, q->payload, q->payload_captured, q->upper_captured, q->ports,
                      q->src_port, q->dst_port, q->tcp_flags, q->seq, q->ack, q->window, q->scale, q->mss, q->tunnel };
    assert_memory_equal(a, c, sizeof a);
}

/* The usual frame is told at once, bare IP the long way: whatever stands in the headers, they agree. */
TEST(packet_tells_the_usual_frame_as_it_tells_the_same_bytes_without_ethernet)
{
    u32 turn = 7;
    for (u32 round = 0; round < 40000; round++) {
        build_init(&b);
        build_ethernet(&b, 0x0800);
        add_tcp4(A, B, round % 30);
        build_lengths(&b);
        for (u32 k = 0; k < round % 4; k++) { /* a header's byte, or one bit of it */
            turn = turn * 1103515245u + 12345u;
            u8 *at = &b.at[14 + (turn >> 8) % 40];
            *at = (u8)(turn & 1u << 30 ? turn >> 20 : *at ^ 1u << (turn >> 20) % 8);
        }
        turn = turn * 1103515245u + 12345u;
        u32           captured = round % 3 ? b.len : 14 + (turn >> 8) % (b.len - 13);
        struct frame  whole = { .length = b.len, .captured = captured, .link = LINK_ETHERNET, .at = b.at };
        struct frame  bare = { .length = b.len - 14, .captured = captured - 14, .link = LINK_RAW, .at = b.at + 14 };
        struct packet p, q;
        packet_parse(&p, &whole, &outer);
        packet_parse(&q, &bare, &outer);
        assert_same_upwards_of_link(&p, &q);
        assert_ptr_equal(p.payload_at, q.payload_at);
        assert_ptr_equal(p.upper_at, q.upper_at);
        assert_int_equal(p.ether_type, 0x0800);
        assert_int_equal(p.src_mac, BUILD_SRC_MAC);
        assert_int_equal(p.dst_mac, BUILD_DST_MAC);
    }
}

TEST(packet_names_every_fault_and_tunnel)
{
    for (u32 i = 0; i < PACKET_FAULTS; i++) assert_true(strlen(packet_fault_name(i)) > 0);
    for (u32 i = 0; i <= TUNNEL_TEREDO; i++) assert_true(strlen(packet_tunnel_name(i)) > 0);
    assert_string_equal(packet_fault_name(PACKET_LINK_UNKNOWN), "link type unknown");
    assert_string_equal(packet_tunnel_name(TUNNEL_6IN4), "6in4");
}

#define HEADERS_MAX 8u

/* How many packets of the corpora differ, and the first of each folder. */
struct comparison {
    const char *folder;
    u32         packets, differ, inner, faults, sctp;
};

static void same(struct comparison *c, const struct tshark *t, const char *what, u64 ours, u64 theirs)
{
    if (ours == theirs) return;
    slice no = tshark_cell(t, "frame.number");
    if (c->differ++ < 20)
        print_message("%s packet %.*s: %s %llu, tshark says %llu\n", c->folder, (int)no.len, no.at, what,
                      (unsigned long long)ours, (unsigned long long)theirs);
}

static void same_addr(struct comparison *c, const struct tshark *t, const char *column, u32 nth, const addr *ours)
{
    addr theirs;
    assert_true(addr_parse(tshark_value(t, column, nth), &theirs));
    same(c, t, column, (u64)memcmp(&theirs, ours, sizeof theirs), 0);
}

static void same_ip(struct comparison *c, const struct tshark *t, const struct packet *p, const struct tshark_ip *h)
{
    bool v4 = h->version == 4;
    same(c, t, "version", p->version, h->version);
    same_addr(c, t, v4 ? "ip.src" : "ipv6.src", h->nth, &p->src);
    same_addr(c, t, v4 ? "ip.dst" : "ipv6.dst", h->nth, &p->dst);
    same(c, t, "ttl", p->ttl, tshark_number(t, v4 ? "ip.ttl" : "ipv6.hlim", h->nth));
    same(c, t, "ip_bytes", p->ip_bytes, tshark_number(t, v4 ? "ip.len" : "ipv6.plen", h->nth) + (v4 ? 0 : 40));
    if (!v4) return;
    u64 offset = tshark_number(t, "ip.frag_offset", h->nth) * 8;
    same(c, t, "protocol", p->protocol, tshark_number(t, "ip.proto", h->nth));
    same(c, t, "fragment", p->fragment, offset > 0 || tshark_number(t, "ip.flags.mf", h->nth) > 0);
    same(c, t, "offset", p->fragment_at, offset);
}

static void same_ports(struct comparison *c, const struct tshark *t, const struct packet *p, const char *name,
                       u32 nth)
{
    char src[16], dst[16];
    snprintf(src, sizeof src, "%s.srcport", name);
    snprintf(dst, sizeof dst, "%s.dstport", name);
    same(c, t, "src_port", p->src_port, tshark_number(t, src, nth));
    same(c, t, "dst_port", p->dst_port, tshark_number(t, dst, nth));
}

/* nth: which of the packet's TCP, UDP or SCTP headers; tshark does not look for one in later fragments, we do not,
 * either. */
static void same_transport(struct comparison *c, const struct tshark *t, const struct packet *p, const char *name,
                           u32 nth)
{
    bool tcp = strcmp(name, "tcp") == 0, udp = strcmp(name, "udp") == 0, sctp = strcmp(name, "sctp") == 0;
    if (!(tcp || udp || sctp) || (p->fragment && !p->first)) return;
    c->sctp += sctp;
    same(c, t, "transport", p->protocol, tcp ? 6 : udp ? 17 : 132);
    same_ports(c, t, p, name, nth);
    if (udp && !p->fragment) same(c, t, "payload", p->payload + 8, tshark_number(t, "udp.length", nth));
    if (!tcp) return;
    same(c, t, "seq", p->seq, tshark_number(t, "tcp.seq_raw", nth));
    same(c, t, "ack", p->ack, tshark_number(t, "tcp.ack_raw", nth));
    same(c, t, "flags", p->tcp_flags, tshark_number(t, "tcp.flags", nth) & 255);
    same(c, t, "window", p->window, tshark_number(t, "tcp.window_size_value", nth));
    if (!p->fragment) same(c, t, "payload", p->payload, tshark_number(t, "tcp.len", nth)); /* it says none of a part */
}

static void same_packet(struct comparison *c, const struct tshark *t, const struct frame *f)
{
    struct tshark_ip h[HEADERS_MAX];
    struct packet    out, in;
    u32              n = tshark_headers(t, h, HEADERS_MAX), tags = tshark_count(t, "vlan.id");
    packet_parse(&out, f, &outer);
    packet_parse(&in, f, &inner);
    c->packets++;
    c->faults += out.fault != PACKET_SOUND;
    same(c, t, "length", f->length, tshark_number(t, "frame.len", 0));
    if (strncmp(c->folder, "bad-", 4) == 0) return; /* malformed on purpose */
    same(c, t, "is IP", out.kind == PACKET_IP, n > 0);
    if (out.kind != PACKET_IP || n == 0) return;
    same_ip(c, t, &out, &h[0]);
    same_ip(c, t, &in, &h[n - 1]);
    same(c, t, "depth", in.depth, n - 1);
    same(c, t, "tags", in.vlans, tags);
    if (tags > 0) same(c, t, "vlan", in.vlan & 0xfff, tshark_number(t, "vlan.id", 0));
    if (tags > 1) same(c, t, "next vlan", in.vlan >> 12, tshark_number(t, "vlan.id", 1));
    same_transport(c, t, &out, h[0].above, 0);
    same_transport(c, t, &in, h[n - 1].above, UINT32_MAX);
    c->inner += n > 1;
}

/* pcapng's custom blocks are packets to tshark. */
static bool row_is_packet(const struct tshark *t)
{
    return !(slice_is(tshark_cell(t, "frame.protocols"), "data") && tshark_cell(t, "frame.time_epoch").len == 0);
}

static void compare_capture(struct comparison *c, slice table, slice capture)
{
    struct framing *framing = framing_open();
    struct tshark   t;
    slice           rest;
    t.head = slice_cut(table, '\n', &rest);
    while (rest.at != NULL && rest.len > 0) {
        struct frame f;
        size_t       used;
        t.line = slice_cut(rest, '\n', &rest);
        if (!row_is_packet(&t)) continue;
        enum framing_result r = framing_next(framing, capture, &used, &f);
        same(c, &t, "framing", r, FRAMING_FRAME);
        if (r != FRAMING_FRAME) break;
        same_packet(c, &t, &f);
        capture = slice_of(capture.at + used, capture.len - used);
    }
    framing_close(framing);
}

/* tshark guesses from the damage in this file that it is of another variant of pcap: reads all shifted by 8 bytes. */
static bool folder_is_misread(const char *name)
{
    return strcmp(name, "fmt-bad-record-length") == 0;
}

static void compare_folder(struct comparison *c, const char *root, const char *name)
{
    char folder[4096], file[256];
    snprintf(folder, sizeof folder, "%s/%s", root, name);
    slice meta = tshark_load(folder, "meta.json"), table = tshark_load(folder, "packets.tsv");
    if (meta.at != NULL && table.at != NULL) {
        slice capture = tshark_load(folder, tshark_meta(meta, "file", file));
        u32   faults = c->faults, packets = c->packets;
        c->folder = name;
        if (capture.at != NULL && !folder_is_misread(name)) compare_capture(c, table, capture);
        if (strncmp(name, "bad-", 4) == 0) /* each of them has something to say */
            assert_int_equal(c->faults - faults, c->packets - packets);
        free((char *)(uintptr_t)capture.at);
    }
    free((char *)(uintptr_t)table.at);
    free((char *)(uintptr_t)meta.at);
}

TEST(packet_agrees_with_tshark_on_every_capture_of_the_corpora)
{
    const char       *corpora = getenv("WEIR_CORPORA");
    struct comparison c = { 0 };
    char              root[2048];
    if (corpora == NULL) skip();
    snprintf(root, sizeof root, "%s/pcap", corpora);
    DIR *dir = opendir(root);
    if (dir == NULL) skip();
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.') compare_folder(&c, root, e->d_name);
    closedir(dir);
    print_message("%u packets compared, %u of them inside tunnels, %u of SCTP, %u faults\n", c.packets, c.inner,
                  c.sctp / 2, c.faults);
    assert_true(c.packets > 20000 && c.inner > 400 && c.sctp > 100);
    assert_int_equal(c.differ, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packet_reads_a_segment_of_tcp_over_ipv4_over_ethernet),
        cmocka_unit_test(packet_leaves_ethernet_padding_out_of_the_payload),
        cmocka_unit_test(packet_counts_payload_as_it_was_on_the_wire_where_the_snap_length_cut_it),
        cmocka_unit_test(packet_believes_no_more_captured_bytes_than_the_wire_had),
        cmocka_unit_test(packet_keeps_the_two_outermost_tags_of_a_stack),
        cmocka_unit_test(packet_takes_a_stack_of_tags_that_fills_the_frame),
        cmocka_unit_test(packet_tells_other_protocols_by_their_number),
        cmocka_unit_test(packet_tells_802_3_frames_as_other_with_the_type_that_snap_names),
        cmocka_unit_test(packet_reads_cooked_headers_with_and_without_tags),
        cmocka_unit_test(packet_reads_loopback_families_of_every_system_in_either_order),
        cmocka_unit_test(packet_reads_bare_ip_by_its_version),
        cmocka_unit_test(packet_reads_ppp_with_and_without_address_and_long_or_short_protocol),
        cmocka_unit_test(packet_reads_a_pppoe_session_behind_tags_without_its_padding),
        cmocka_unit_test(packet_goes_through_mpls_labels_to_ip_or_to_a_pseudowire),
        cmocka_unit_test(packet_passes_a_security_group_tag),
        cmocka_unit_test(packet_passes_over_ipv6_extensions),
        cmocka_unit_test(packet_ends_the_chain_at_esp_and_where_nothing_follows),
        cmocka_unit_test(packet_tells_the_parts_of_an_ipv4_datagram),
        cmocka_unit_test(packet_tells_the_parts_of_an_ipv6_datagram_and_takes_an_atomic_one_as_whole),
        cmocka_unit_test(packet_takes_the_frames_length_where_segmentation_offload_left_none),
        cmocka_unit_test(packet_reads_scale_and_segment_size_of_a_syn),
        cmocka_unit_test(packet_tells_icmp_by_type_code_and_echo_id),
        cmocka_unit_test(packet_reads_the_ports_of_sctp),
        cmocka_unit_test(packet_tells_the_outer_packet_of_a_tunnel_and_looks_inside_on_request),
        cmocka_unit_test(packet_looks_into_ipv6_in_ipv4_and_teredo),
        cmocka_unit_test(packet_goes_no_deeper_than_it_is_told),
        cmocka_unit_test(packet_adds_an_inner_frames_tags_and_takes_its_addresses),
        cmocka_unit_test(packet_tells_the_outer_packet_where_the_inner_one_is_broken),
        cmocka_unit_test(packet_tells_the_outer_packet_where_the_tunnel_holds_no_ip),
        cmocka_unit_test(packet_takes_traffic_that_only_uses_a_tunnels_port_as_it_is),
        cmocka_unit_test(packet_looks_into_a_tunnels_first_fragment_and_not_into_later_ones),
        cmocka_unit_test(packet_says_why_a_frame_over_ipv4_is_none),
        cmocka_unit_test(packet_says_why_a_frame_over_ipv6_is_none),
        cmocka_unit_test(packet_tells_every_cut_of_every_tunnel_by_what_is_captured),
        cmocka_unit_test(packet_tells_the_usual_frame_as_it_tells_the_same_bytes_without_ethernet),
        cmocka_unit_test(packet_names_every_fault_and_tunnel),
        cmocka_unit_test(packet_agrees_with_tshark_on_every_capture_of_the_corpora),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
